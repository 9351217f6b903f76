"use strict";

// Activation maps on images: decoded, interpolated between cell centres, drawn as heat or cut to a region.

(() => {
  let colours = null;

  function table() {
    if (colours) return colours;
    const stops = neuronym.report.colours.map((text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));
    colours = new Uint8Array(256 * 3);
    for (let value = 0; value < 256; value += 1) {
      const at = (value / 255) * (stops.length - 1);
      const low = Math.min(Math.floor(at), stops.length - 2);
      for (let part = 0; part < 3; part += 1) {
        colours[3 * value + part] = stops[low][part] + (at - low) * (stops[low + 1][part] - stops[low][part]);
      }
    }
    return colours;
  }

  neuronym.decoded = (text) => {
    const characters = window.atob(text);
    const bytes = new Uint8Array(characters.length);
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = characters.charCodeAt(at);
    return bytes;
  };

  // For each of `size` places along an axis of `cells` cells: the two nearest centres and the share of the second.
  function weights(size, cells) {
    return Array.from({ length: size }, (_, place) => {
      const at = Math.min(Math.max(((place + 0.5) * cells) / size - 0.5, 0), cells - 1);
      const low = Math.min(Math.floor(at), Math.max(cells - 2, 0));
      return [low, Math.min(low + 1, cells - 1), at - low];
    });
  }

  // Bytes of cells at the pixels between them, as numbers.
  neuronym.enlarged = (bytes, rows, columns, height, width) => {
    const down = weights(height, rows);
    const across = weights(width, columns);
    const field = new Float32Array(height * width);
    for (let y = 0; y < height; y += 1) {
      const [top, bottom, below] = down[y];
      for (let x = 0; x < width; x += 1) {
        const [left, right, share] = across[x];
        const upper = bytes[top * columns + left] * (1 - share) + bytes[top * columns + right] * share;
        const lower = bytes[bottom * columns + left] * (1 - share) + bytes[bottom * columns + right] * share;
        field[y * width + x] = upper * (1 - below) + lower * below;
      }
    }
    return field;
  };

  // Weak activations are nearly clear, so that the image stays an image.
  function heat(field, data) {
    const ramp = table();
    for (let at = 0; at < field.length; at += 1) {
      const value = Math.round(field[at]);
      const rise = Math.min(Math.max((field[at] / 255 - 0.06) / 0.64, 0), 1);
      for (let part = 0; part < 3; part += 1) data[4 * at + part] = ramp[3 * value + part];
      data[4 * at + 3] = 255 * 0.88 * rise * rise * (3 - 2 * rise);
    }
  }

  // Dark outside of the region; its border is two pixels wide and smoothed by the slope of the field.
  function region(field, data, width, height, threshold) {
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const at = y * width + x;
        const dx = field[x + 1 < width ? at + 1 : at] - field[x > 0 ? at - 1 : at];
        const dy = field[y + 1 < height ? at + width : at] - field[y > 0 ? at - width : at];
        const slope = Math.max(Math.hypot(dx, dy) / 2, 0.25);
        const distance = (threshold - field[at]) / slope;
        const outside = Math.min(Math.max(distance + 0.5, 0), 1);
        const line = Math.min(Math.max(2 - Math.abs(distance), 0), 1);
        const shade = outside * 0.64;
        const alpha = line + shade * (1 - line);
        if (alpha === 0) continue;
        for (let part = 0; part < 3; part += 1) {
          const light = [255, 232, 140][part];
          const dark = [12, 10, 16][part];
          data[4 * at + part] = (light * line + dark * shade * (1 - line)) / alpha;
        }
        data[4 * at + 3] = 255 * alpha;
      }
    }
  }

  // A canvas over the network's input on an image, whose pixels `paint` fills: (bytes, height, width).
  neuronym.over = (frame, { rows, columns }, pixels, paint) => {
    const spread = Math.max(rows, columns);
    const height = Math.max(8, Math.round((pixels * rows) / spread));
    const width = Math.max(8, Math.round((pixels * columns) / spread));
    const [x0, y0, x1, y1] = frame;
    const canvas = neuronym.h("canvas", {
      class: "overlay",
      width,
      height,
      "aria-hidden": "true",
      style: {
        left: `${100 * x0}%`,
        top: `${100 * y0}%`,
        width: `${100 * (x1 - x0)}%`,
        height: `${100 * (y1 - y0)}%`,
      },
    });
    const context = canvas.getContext("2d");
    const drawn = context.createImageData(width, height);
    paint(drawn.data, height, width);
    context.putImageData(drawn, 0, 0);
    return canvas;
  };

  // A map over the network's input on an image; `mode` is heat or region.
  neuronym.overlay = (map, scale, frame, mode, pixels) =>
    neuronym.over(frame, scale, pixels, (data, height, width) => {
      const field = neuronym.enlarged(neuronym.decoded(map), scale.rows, scale.columns, height, width);
      const reach = scale.high - scale.low;
      if (mode === "heat") heat(field, data);
      else region(field, data, width, height, reach > 0 ? (255 * (scale.threshold - scale.low)) / reach : 256);
    });
})();

"use strict";

// Where a unit is active and where a concept is, over an image: both, only the unit, only the concept. Each of the three
// has a colour and a pattern of its own, so that colour is never all that tells two apart.

(() => {
  const { h, said } = neuronym;
  const UNIT = 1;
  const CONCEPT = 2;
  const BOTH = UNIT | CONCEPT;
  const COLOURS = { [UNIT]: [255, 112, 40], [CONCEPT]: [66, 160, 255], [BOTH]: [255, 225, 64] };
  const PERIOD = 6;

  // Runs of equal cells, a byte each: what they are in the two low bits, how many, less one, in the others.
  function decoded({ rows, columns, cells }) {
    const kinds = new Uint8Array(rows * columns);
    let at = 0;
    for (const byte of neuronym.decoded(cells)) {
      const stop = at + (byte >> 2) + 1;
      kinds.fill(byte & 3, at, stop);
      at = stop;
    }
    return kinds;
  }

  // What each pixel is: the borders of the masks run smoothly between the cells' centres.
  function enlarged(mask, height, width) {
    const kinds = decoded(mask);
    const pixels = new Uint8Array(height * width);
    for (const bit of [UNIT, CONCEPT]) {
      const field = neuronym.enlarged(kinds.map((kind) => (kind & bit ? 255 : 0)), mask.rows, mask.columns, height, width);
      for (let at = 0; at < pixels.length; at += 1) if (field[at] > 127.5) pixels[at] |= bit;
    }
    return pixels;
  }

  // Both is filled, the unit is hatched one way and the concept the other.
  const strength = (kind, x, y) => {
    if (kind === BOTH) return 0.74;
    const line = (kind === UNIT ? x + y : x - y + 1e6 * PERIOD) % PERIOD;
    return line < 2 ? 0.95 : 0.36;
  };

  function painted(pixels, data, height, width) {
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const at = y * width + x;
        const kind = pixels[at];
        const border = (x + 1 < width && pixels[at + 1] !== kind) || (y + 1 < height && pixels[at + width] !== kind);
        if (border) data.set([16, 12, 24, 215], 4 * at);
        else if (kind) data.set([...COLOURS[kind], 255 * strength(kind, x, y)], 4 * at);
      }
    }
  }

  // A canvas over the network's input on an image.
  neuronym.maskOverlay = (mask, frame, pixels) =>
    neuronym.over(frame, mask, pixels, (data, height, width) => painted(enlarged(mask, height, width), data, height, width));

  const either = (mask) => mask.both + mask.unit + mask.concept;

  neuronym.iou = (mask) => {
    if (mask.cells === null) return "not annotated";
    if (!either(mask)) return "neither";
    const value = mask.both / either(mask);
    return `IoU ${value === 0 ? "0" : value === 1 ? "1" : value < 0.005 ? "< .01" : Math.min(value, 0.99).toFixed(2).replace(/^0/, "")}`;
  };

  // The same in words, with what it is made of.
  neuronym.iouWords = (mask) => {
    if (mask.cells === null || !either(mask)) return neuronym.iou(mask);
    return `${neuronym.iou(mask)}: ${neuronym.counted(mask.both, "cell")} in both masks, ${neuronym.count(either(mask))} in either`;
  };

  function swatch(kind) {
    const canvas = h("canvas", { class: "swatch", width: 30, height: 16, "aria-hidden": "true" });
    const drawn = canvas.getContext("2d").createImageData(30, 16);
    for (let at = 0; at < 480; at += 1) drawn.data.set([...COLOURS[kind], 255 * strength(kind, at % 30, Math.floor(at / 30))], 4 * at);
    canvas.getContext("2d").putImageData(drawn, 0, 0);
    return canvas;
  }

  neuronym.maskKey = (concept) =>
    h(
      "ul",
      { class: "mask-key small", "aria-label": "What the colours mean" },
      [
        [BOTH, "both"],
        [UNIT, "only the unit"],
        [CONCEPT, ["only ", said(concept)]],
      ].map(([kind, words]) => h("li", {}, swatch(kind), h("span", {}, words))),
    );

  // What was compared, for one unit: a quantile says more than the activation alone.
  neuronym.maskWords = (view) => {
    const above = `The unit counts as active above ${neuronym.number(view.threshold)}`;
    const rule = view.quantile === null ? above : `${above}, the ${Number((100 * view.quantile).toPrecision(6))} % quantile of its activations`;
    const [rows, columns] = view.grid;
    const cells = (down, across) => `${down}\u00a0×\u00a0${across}`;
    const fewer = rows === view.rows && columns === view.columns ? "" : `, drawn as ${cells(view.rows, view.columns)}`;
    return `${rule}. IoU: cells in both masks as a share of those in either, of ${cells(rows, columns)} over what the network saw${fewer}.`;
  };
})();

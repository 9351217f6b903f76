"use strict";

// What covering parts of an image does to a unit: the activation, the field of what matters, and the patch that is left of
// the image, side by side. Where there is no room for three, a switch says which of them is shown.

(() => {
  const { h } = neuronym;
  const PANELS = [
    ["activation", "Activation"],
    ["field", "Field"],
    ["patch", "Patch"],
  ];
  const FILLS = { mean: "the data set’s mean colour", noise: "noise about the mean colour", blur: "the image itself, blurred" };
  const HALF = "where the field is at least half of its highest";
  const PATCHES = { half: HALF, otsu: "where the field is above Otsu’s threshold", soft: "by degrees, as the field says", box: `in the box about ${HALF}` };
  const TINY = 96;
  let shown = "field";

  // Which cells belong to the patch, 0 to 255: lengths of runs outside and inside by turns, 7 bits a byte.
  function decoded({ patch, patchRows, patchColumns }) {
    const cells = new Uint8Array(patchRows * patchColumns);
    let [at, inside, length, shift] = [0, false, 0, 0];
    for (const byte of neuronym.decoded(patch)) {
      length += (byte & 127) << shift;
      shift += 7;
      if (byte & 128) continue;
      if (inside) cells.fill(255, at, at + length);
      at += length;
      [inside, length, shift] = [!inside, 0, 0];
    }
    return cells;
  }

  // The cell at each pixel along an axis of an image; null where the network did not see it.
  const along = (count, cells, start, stop) =>
    Array.from({ length: count }, (_, place) => {
      // Pixel centres that lie on the border of two cells belong to the second, however the frame was rounded.
      const at = Math.floor((((place + 0.5) / count - start) * cells) / (stop - start) + 1e-3);
      return at < 0 || at >= cells ? null : at;
    });

  // Over the whole image: clear where the patch is, the mean colour elsewhere, as the encoder was given it. A pixel is one
  // of the image where that is small, else a cell or less.
  function hiding(cover, view, pixels) {
    const soft = cover.patch === null;
    const [rows, columns] = soft ? [cover.rows, cover.columns] : [cover.patchRows, cover.patchColumns];
    const [x0, y0, x1, y1] = view.frame;
    const side = Math.max(view.width, view.height);
    const tiny = side <= TINY;
    const whole = Math.ceil(Math.max(rows / (y1 - y0), columns / (x1 - x0)));
    const canvas = neuronym.over([0, 0, 1, 1], { rows: view.height, columns: view.width }, tiny ? side : Math.max(pixels, whole), (data, height, width) => {
      const cells = soft ? neuronym.decoded(cover.field) : decoded(cover);
      const [down, across] = [along(height, rows, y0, y1), along(width, columns, x0, x1)];
      for (let y = 0; y < height; y += 1) {
        for (let x = 0; x < width; x += 1) {
          const seen = down[y] !== null && across[x] !== null;
          data.set([...cover.colour, seen ? 255 - cells[down[y] * columns + across[x]] : 255], 4 * (y * width + x));
        }
      }
    });
    canvas.classList.toggle("pixels", tiny);
    return canvas;
  }

  function box(cover) {
    if (cover.box === null) return null;
    const [x0, y0, x1, y1] = cover.box.map((part) => 100 * part);
    return h("span", { class: "patch-box", "aria-hidden": "true", style: { left: `${x0}%`, top: `${y0}%`, width: `${x1 - x0}%`, height: `${y1 - y0}%` } });
  }

  // What is known of one image; null where the run did not look at it.
  neuronym.coverOf = (view, image) => {
    const found = view && view.images.find((one) => one.image === image);
    if (!found) return null;
    return { ...found, rows: view.rows, columns: view.columns, patchRows: view.patch_rows, patchColumns: view.patch_columns, colour: view.colour };
  };

  // The activation, the field and the patch of one exemplar.
  neuronym.triple = (view, { words, scale, map, cover, pixels }) => {
    const panel = (key, name, ...content) => h("span", { class: "panel", "data-panel": key }, content, h("span", { class: "panel-name muted" }, name));
    const none = () => h("span", { class: "picture unchanged small muted", style: { "aspect-ratio": `${view.width} / ${view.height}` } }, h("span", {}, "no occlusion changes the unit"));
    const drawn = (mode, parts, text, ...over) => {
      const picture = neuronym.picture({ ...view, ...parts }, { words: text, mode, scale: cover, map: cover.field, pixels });
      picture.append(...over.filter(Boolean));
      return picture;
    };
    const empty = cover.field === null;
    return h(
      "span",
      { class: "triple", "data-shown": shown },
      panel("activation", map === null ? "image" : "activation", neuronym.picture(view, { words, mode: "heat", scale, map, pixels })),
      panel("field", "occlusion field", empty ? none() : drawn("heat", {}, `Occlusion field, up to ${neuronym.number(cover.highest)}`, box(cover))),
      panel(
        "patch",
        empty ? "no patch" : `patch, ${neuronym.percent(cover.share)}`,
        empty ? none() : drawn("none", { seen: [0, 0, 1, 1] }, `Patch: ${neuronym.percent(cover.share)} of what the network saw`, hiding(cover, view, pixels), box(cover)),
      ),
    );
  };

  // The overlay of a single image where three would be shown.
  neuronym.single = (mode) => (mode === "occlusion" ? "heat" : mode);

  neuronym.coverSays = (cover) => {
    if (cover.field === null) return "No occlusion changes the unit on this image.";
    return `Occlusion field up to ${neuronym.number(cover.highest)}. Patch: ${neuronym.percent(cover.share)} of what the network saw.`;
  };

  // Which of the three is shown where there is room for one.
  neuronym.panelSwitch = () => {
    const choose = (key) => {
      shown = key;
      for (const each of document.querySelectorAll("[data-shown]")) each.dataset.shown = key;
      for (const each of document.querySelectorAll(".panel-switch button")) each.setAttribute("aria-pressed", String(each.dataset.key === `panel-${key}`));
      neuronym.announce(`Shown: ${key}`);
    };
    return h(
      "div",
      { class: "switch panel-switch", role: "group", "aria-label": "Shown of each exemplar" },
      PANELS.map(([key, name]) => h("button", { type: "button", "aria-pressed": String(key === shown), "data-key": `panel-${key}`, click: () => choose(key) }, name)),
    );
  };

  const square = (side) => `${side}\u00a0×\u00a0${side}\u00a0px`;
  const ordinal = (value) => `${value}${value % 100 > 10 && value % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][value % 10] || "th"}`;
  const coarse = (view) => `approximate (coarse to fine, every ${ordinal(view.coarse)} place first)`;

  // What was done and what the three pictures are, for one unit.
  neuronym.coverWords = (view, title) => {
    const fewer = (rows, columns) => (rows === view.input[0] && columns === view.input[1] ? "" : ` Drawn as ${rows}\u00a0×\u00a0${columns} cells.`);
    const places = view.coarse === 1 ? "" : ` It is ${coarse(view)}.`;
    return [
      `Occlusion field: where a square of ${square(view.size)} changes the unit’s ${view.summary}, from 0 to the highest on each image, in the colours of the activation.${places}${fewer(view.rows, view.columns)}`,
      `Patch: what the encoder was given, the image ${PATCHES[view.masking]}, and elsewhere the data set’s mean colour. The frame is the box that the run recorded.${view.masking === "soft" ? "" : fewer(view.patch_rows, view.patch_columns)}`,
    ].map((text, at) => h("p", { class: "muted small" }, at === 0 ? title : null, text));
  };

  neuronym.coverFacts = (view) =>
    h(
      "div",
      { class: "cover-facts" },
      neuronym.facts([
        ["occluder", `${square(view.size)}, every ${view.stride === 1 ? "pixel" : `${view.stride}\u00a0px`}`],
        ["covered with", FILLS[view.fill]],
        ["field", view.corrected ? "corrected for how often a pixel is covered" : null],
        ["patch", PATCHES[view.masking]],
        ["exemplars", `${neuronym.count(view.exemplars)} by ${view.summary}`],
        ["places", view.coarse === 1 ? "all of them" : coarse(view)],
      ]),
    );

  // Said above the exemplars that a run did not look at.
  neuronym.uncovered = (view) => h("p", { class: "muted small uncovered" }, `The run looked at the first ${neuronym.count(view.exemplars)} by ${view.summary}, not at these:`);
})();

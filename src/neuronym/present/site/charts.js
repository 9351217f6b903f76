"use strict";

// Charts, as SVG in the colours of the theme.

(() => {
  const { h, svg } = neuronym;

  // Bars from low to high; `marks` are [value, class, words] and stand as lines.
  neuronym.histogram = (view, { label, marks = [], rug = [], width = 480, height = 120, root = false, format = neuronym.number }) => {
    const base = height - 18;
    // Marks that stand close to each other have their words on lines of their own.
    const placed = [];
    for (const [value] of [...marks].sort((a, b) => b[0] - a[0])) {
      const x = ((value - view.low) / (view.high - view.low || 1)) * width;
      const crowd = placed.filter((other) => Math.abs(other.x - x) < 44).length;
      placed.push({ value, x, line: crowd });
    }
    const lineOf = (value) => placed.find((one) => one.value === value).line;
    const top = 16 + 11 * Math.max(0, ...placed.map((one) => one.line));
    const reach = view.high - view.low;
    const place = (value) => (reach > 0 ? ((value - view.low) / reach) * width : width / 2);
    const size = (count) => (root ? Math.sqrt(count) : count);
    const most = Math.max(...view.counts.map(size), 1);
    const step = width / view.counts.length;
    const bars = view.counts.map((count, at) => {
      if (!count) return null;
      const tall = Math.max(1.5, ((base - top) * size(count)) / most);
      const from = view.low + (at * reach) / view.counts.length;
      const to = view.low + ((at + 1) * reach) / view.counts.length;
      return svg(
        "rect",
        { class: "bin", x: at * step + 0.5, y: base - tall, width: Math.max(step - 1, 1), height: tall, rx: 1 },
        svg("title", {}, `${format(from)} to ${format(to)}: ${neuronym.count(count)}`),
      );
    });
    const lines = marks.map(([value, kind, words]) => {
      const x = Math.min(Math.max(place(value), 1), width - 1);
      const end = x > width * 0.8;
      const y = 10 + 11 * lineOf(value);
      return svg(
        "g",
        { class: `mark ${kind}` },
        svg("line", { x1: x, x2: x, y1: y + 2, y2: base }),
        svg("text", { x: end ? x - 4 : x + 4, y, "text-anchor": end ? "end" : "start" }, words),
      );
    });
    const ticks = rug.map((value) =>
      svg("line", { class: "rug", x1: place(value), x2: place(value), y1: base + 2, y2: base + 8 }),
    );
    return svg(
      "svg",
      { class: "histogram", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
      bars,
      svg("line", { class: "axis", x1: 0, x2: width, y1: base, y2: base }),
      ticks,
      lines,
      svg("text", { class: "tick", x: 0, y: height - 2 }, format(view.low)),
      svg("text", { class: "tick", x: width, y: height - 2, "text-anchor": "end" }, format(view.high)),
    );
  };

  // A correlation on a line from -0.2 to 1, its 95 % interval as a band and the random floor as a notch.
  neuronym.bullet = ({ value, low = null, high = null, floor = null }, state, kind = "") => {
    if (value === null) return null;
    const share = (one) => (100 * (Math.min(Math.max(one, -0.2), 1) + 0.2)) / 1.2;
    const span = (from, to) => ({ left: `${share(from)}%`, width: `${share(to) - share(from)}%` });
    return h(
      "span",
      { class: `bullet ${state || ""} ${kind}`, "aria-hidden": "true" },
      h("span", { class: "bullet-bar", style: span(Math.min(value, 0), Math.max(value, 0)) }),
      low === null || high === null ? null : h("span", { class: "bullet-band", style: span(low, high) }),
      h("span", { class: "bullet-zero", style: { left: `${share(0)}%` } }),
      floor === null ? null : h("span", { class: "bullet-floor", style: { left: `${share(floor)}%` } }),
    );
  };
})();

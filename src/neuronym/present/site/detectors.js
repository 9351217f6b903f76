"use strict";

// Units that annotated concepts describe: how many concepts of each category have one, and how many each has.

(() => {
  const { h, svg, said } = neuronym;
  const KNOWN = ["scene", "object", "part", "material", "texture", "colour"];
  const OTHERS = 4;
  const PITCH = 21;
  const BAR = 13;
  const MOST = 22;
  const HEAD = 19;

  // Categories that are not the field's own share some further hues, in the order of the alphabet.
  let others = null;
  function otherHue(category) {
    const made = () => neuronym.report.studies.flatMap((study) => study.layers.flatMap((card) => card.figures.flatMap((one) => one.detectors)));
    others = others || [...new Set(made().map((one) => one.category))].filter((name) => !KNOWN.includes(name)).sort();
    return Math.max(others.indexOf(category), 0) % OTHERS;
  }

  const hue = (category) => `category-${KNOWN.includes(category) ? category : `other-${otherHue(category)}`}`;
  const total = (one) => one.concepts.reduce((sum, each) => sum + each.units, 0);
  const shortened = (text) => (text.length > MOST ? `${text.slice(0, MOST - 1)}…` : text);
  const wide = (text) => 6.3 * text.length;

  neuronym.tag = (category) => (category === null || category === undefined ? null : h("span", { class: `tag ${hue(category)}` }, said(category)));

  neuronym.detectorsOf = (made) => (made ? made.detectors : []);

  const link = (study, card, run, label, category) =>
    neuronym.address({ study: study.name, layer: card.name, run: run === card.main ? "" : study.runs[run].id, label, category });

  // A plain click chooses here; with a key it opens the link as any other.
  const chosen = (choose, label, category) => (event) => {
    if (!choose || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    choose({ label, category });
  };

  function bar(x, base, tall, words, kind) {
    return [
      svg("title", {}, words),
      svg("rect", { class: "hit", x: x - (PITCH - BAR) / 2, y: HEAD, width: PITCH, height: base - HEAD }),
      svg("rect", { class: `tower ${kind}`, x, y: base - tall, width: BAR, height: tall, rx: 1.5 }),
    ];
  }

  // Where each category's bars stand: side by side, at least as wide as its name.
  function placed(groups, margin) {
    let x = margin;
    return groups.map(([name, bars]) => {
      const from = x;
      x += Math.max(bars * PITCH, wide(name) + 12) + 14;
      return [from, x - 14];
    });
  }

  // The figure of the paper: every concept with its units, by category, the concept with most first.
  function towers(study, card, made, choose) {
    const most = Math.max(...made.detectors.flatMap((one) => one.concepts.map((each) => each.units)));
    const [top, base] = [36, 136];
    const heads = made.detectors.map((one) => `${one.category} ${one.concepts.length}`);
    const bars = made.detectors.map((one, at) => [heads[at], one.concepts.length]);
    const names = made.detectors.map((one) => one.concepts.map((each) => wide(shortened(each.concept))));
    const long = Math.max(...names.flat());
    // Names run down to the left of their bars: none may reach beyond the edge.
    const left = placed(bars, 0).flatMap(([from], at) => names[at].map((name, number) => 0.66 * name - from - (number + 0.5) * PITCH));
    const places = placed(bars, Math.max(8, ...left));
    const width = Math.ceil(places[places.length - 1][1] + 8);
    const one = (group, each, x) => {
      const tall = Math.max(2, ((base - top) * each.units) / most);
      const words = `${each.concept} (${group.category}): ${neuronym.counted(each.units, "unit")}`;
      const middle = x + BAR / 2;
      return svg(
        "a",
        { href: link(study, card, made.run, each.concept, group.category), "aria-label": words, click: chosen(choose, each.concept, group.category), "data-concept": each.concept, "data-category": group.category },
        bar(x, base, tall, words, hue(group.category)),
        svg("text", { class: "number", x: middle, y: base - tall - 4, "text-anchor": "middle" }, neuronym.count(each.units)),
        svg("text", { class: "name", transform: `translate(${middle + 4} ${base + 12}) rotate(-50)`, "text-anchor": "end" }, shortened(each.concept)),
      );
    };
    const groups = made.detectors.map((group, at) => {
      const [from, to] = places[at];
      return svg(
        "g",
        {},
        svg("text", { class: "head", x: from, y: 11 }, heads[at]),
        svg("line", { class: `rule ${hue(group.category)}`, x1: from, x2: to, y1: 17, y2: 17 }),
        svg("line", { class: "axis", x1: from, x2: to, y1: base, y2: base }),
        group.concepts.map((each, number) => one(group, each, from + number * PITCH + (PITCH - BAR) / 2)),
      );
    });
    return svg("svg", { class: "towers", width, height: Math.ceil(base + 16 + 0.78 * long), role: "group", "aria-label": "Units by concept" }, groups);
  }

  // How many concepts of each category have a detector.
  function categories(study, card, made, choose) {
    const most = Math.max(...made.detectors.map((one) => one.concepts.length));
    return h(
      "ul",
      { class: "categories", "aria-label": "Unique detectors by category" },
      made.detectors.map((one) =>
        h(
          "li",
          {},
          h(
            "a",
            {
              href: link(study, card, made.run, "", one.category),
              class: hue(one.category),
              "aria-label": `${one.category}: ${neuronym.counted(one.concepts.length, "unique detector")}, ${neuronym.counted(total(one), "unit")}`,
              "data-category": one.category,
              click: chosen(choose, "", one.category),
            },
            h("span", { class: "category-name", title: one.category }, said(one.category)),
            h("span", { class: "category-track", "aria-hidden": "true" }, h("span", { class: "category-bar", style: { width: `${(100 * one.concepts.length) / most}%` } })),
            h("span", { class: "tabular" }, neuronym.count(one.concepts.length)),
            h("span", { class: "muted small tabular" }, neuronym.counted(total(one), "unit")),
          ),
        ),
      ),
    );
  }

  const summary = (card, made) => {
    const concepts = made.detectors.reduce((sum, one) => sum + one.concepts.length, 0);
    const units = made.detectors.reduce((sum, one) => sum + total(one), 0);
    return `${neuronym.counted(concepts, "unique detector")}, by ${neuronym.count(units)} of ${neuronym.counted(card.units, "unit")}`;
  };

  // For the page of a layer; `choose` shows the units of a concept or a category.
  neuronym.detectors = (study, card, made, { open, choose }) => {
    if (!neuronym.detectorsOf(made).length) return "";
    return h(
      "details",
      { class: "detectors", open },
      h("summary", {}, h("h2", {}, "Detectors"), h("span", { class: "muted" }, summary(card, made))),
      h("p", { class: "muted small" }, "A unique detector is an annotated concept that describes at least one unit. By category: how many there are; by concept: the units that each describes. Choose a bar to see its units."),
      h(
        "div",
        { class: "detectors-body" },
        categories(study, card, made, choose),
        h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Units by concept in ${card.name}` }, towers(study, card, made, choose)),
      ),
    );
  };

  // For a layer in the overview: words that lead to its units.
  neuronym.detectorWords = (study, card, made) => {
    const found = neuronym.detectorsOf(made);
    if (!found.length) return null;
    return h(
      "div",
      { class: "detector-words small" },
      h("p", { class: "muted" }, `${summary(card, made)}:`),
      h("ul", { class: "keys" }, found.map((one) => h("li", {}, h("a", { class: `tag ${hue(one.category)}`, href: link(study, card, made.run, "", one.category) }, `${neuronym.count(one.concepts.length)} `, said(one.category))))),
    );
  };

  // Unique detectors by layer and category, side by side.
  function groups(study, run, cards) {
    const made = new Map(cards.map((card) => [card, card.figures.find((one) => one.run === run)]));
    const names = [...new Set([...made.values()].flatMap((one) => one.detectors.map((each) => each.category)))];
    const order = [...KNOWN, ...names.filter((name) => !KNOWN.includes(name)).sort()].filter((name) => names.includes(name));
    const most = Math.max(...[...made.values()].flatMap((one) => one.detectors.map((each) => each.concepts.length)));
    const [top, base] = [18, 128];
    const places = placed(cards.map((card) => [card.name, order.length]), 6);
    const one = (card, name, x) => {
      const found = made.get(card).detectors.find((each) => each.category === name);
      const count = found ? found.concepts.length : 0;
      const tall = count ? Math.max(2, ((base - top) * count) / most) : 0;
      const words = `${card.name}, ${name}: ${neuronym.counted(count, "unique detector")}${found ? `, ${neuronym.counted(total(found), "unit")}` : ""}`;
      const number = svg("text", { class: "number", x: x + BAR / 2, y: base - tall - 4, "text-anchor": "middle" }, neuronym.count(count));
      if (!found) return svg("g", {}, svg("title", {}, words), number);
      return svg("a", { href: link(study, card, run, "", name), "aria-label": words, "data-category": name, "data-layer": card.name }, bar(x, base, tall, words, hue(name)), number);
    };
    const drawn = cards.map((card, at) => {
      const [from, to] = places[at];
      const start = from + (to - from - order.length * PITCH) / 2;
      return svg(
        "g",
        {},
        svg("line", { class: "axis", x1: from, x2: to, y1: base, y2: base }),
        order.map((name, number) => one(card, name, start + number * PITCH + (PITCH - BAR) / 2)),
        svg("text", { class: "name", x: (from + to) / 2, y: base + 16, "text-anchor": "middle" }, card.name),
      );
    });
    const width = Math.ceil(places[places.length - 1][1] + 6);
    return [
      h("ul", { class: "keys" }, order.map((name) => h("li", {}, neuronym.tag(name)))),
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": `Unique detectors by layer and category of ${study.runs[run].title}` },
        svg("svg", { class: "towers", width, height: base + 24, role: "group", "aria-label": "Unique detectors by layer and category" }, drawn),
      ),
    ];
  }

  // For the overview of a study with several layers.
  neuronym.detectorsByLayer = (study) => {
    const runs = study.runs.map((_, run) => [run, study.layers.filter((card) => neuronym.detectorsOf(card.figures.find((one) => one.run === run)).length)]);
    const shown = runs.filter(([, cards]) => cards.length > 1);
    if (!shown.length) return null;
    return h(
      "section",
      { class: "by-layer" },
      h("h3", { class: "section" }, "Unique detectors by layer"),
      h("p", { class: "muted small" }, "How many concepts of each category describe at least one unit."),
      shown.map(([run, cards]) => [study.runs.length > 1 ? h("h4", {}, said(study.runs[run].title)) : null, groups(study, run, cards)]),
    );
  };
})();

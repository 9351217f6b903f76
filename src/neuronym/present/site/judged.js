"use strict";

// What held-out images say: states as words with a sign, figures with intervals, and metrics that fail a test.

(() => {
  const { h, svg, said } = neuronym;

  // Each state has a sign of its own, so that colour is never all that tells two apart.
  const signs = {
    supported: "M2.2 6.4 4.9 9.2 9.8 3",
    weak: "M1.8 7.1c1.1-2 2.6-2.2 4.2-.9s3 .9 4.2-1.1",
    unsupported: "M2.8 2.8l6.4 6.4M9.2 2.8 2.8 9.2",
    described: "M6 3.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8Z",
    abstained: "M2.4 6h7.2",
    failed: "M6 1.8v5M6 9.6v.4",
  };

  const sign = (state) => svg("svg", { class: "sign", viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("path", { d: signs[state] || signs.described }));
  const meaning = (state) => (neuronym.report.states.find((one) => one.name === state) || { meaning: "" }).meaning;

  neuronym.badge = (state) => h("span", { class: `badge ${state}`, title: meaning(state) }, sign(state), state);

  // Which states count how many units, as a bar and in words; the words choose, if there is something to choose.
  neuronym.spread = (states, { pressed = null, choose = null, link = null } = {}) => {
    const names = neuronym.report.states.map((one) => one.name).filter((name) => states[name]);
    const words = (name) => [sign(name), h("span", { class: "tabular" }, neuronym.count(states[name])), ` ${name}`];
    const key = (name) => {
      if (choose) return h("button", { type: "button", class: `key ${name}`, title: meaning(name), "aria-pressed": String(pressed === name), "data-state": name, click: () => choose(name) }, words(name));
      if (link) return h("a", { class: `key ${name}`, title: meaning(name), href: link(name) }, words(name));
      return h("span", { class: `key ${name}`, title: meaning(name) }, words(name));
    };
    return h(
      "div",
      { class: "spread" },
      h(
        "div",
        { class: "spread-bar", role: "img", "aria-label": names.map((name) => `${neuronym.count(states[name])} ${name}`).join(", ") },
        names.map((name) => h("span", { class: `part ${name}`, style: { "flex-grow": states[name] } })),
      ),
      h("ul", { class: "keys" }, names.map((name) => h("li", {}, key(name)))),
    );
  };

  neuronym.metric = (name) => neuronym.report.metrics.find((one) => one.name === name) || { name, title: name, meaning: "", share: false };
  const headline = () => neuronym.report.metrics[0].name;

  const decimals = (value) => neuronym.fixed(value, Math.abs(value) < 10 ? 2 : 1);
  neuronym.measured = (metric, value) => {
    if (value === null || value === undefined) return "–";
    return neuronym.metric(metric).share ? `${(100 * value).toFixed(value === 0 || value === 1 ? 0 : 1)} %` : decimals(value);
  };
  neuronym.interval = (low, high, metric = headline()) => {
    if (low === null || high === null) return null;
    const ends = [low, high].map((end) => neuronym.measured(metric, end));
    return h("span", { class: "interval tabular", title: "95 % interval" }, `${ends[0].replace(" %", "")} to ${ends[1]}`);
  };

  neuronym.figureOf = (made, metric, row = "descriptions") => {
    const some = made && made.rows.find((one) => one.row === row);
    return (some && some.figures.find((one) => one.metric === metric)) || null;
  };

  // The name of a metric; a star if it fails a test of metrics, and which.
  const named = (metric, marks) => {
    const { title } = neuronym.metric(metric);
    if (!marks[metric]) return title;
    return [title, h("span", { class: "star", "aria-hidden": "true", title: marks[metric] }, "*"), h("span", { class: "hidden" }, ` (${marks[metric]})`)];
  };

  // What the stars of a table mean.
  const footnote = (metrics, marks) => {
    const groups = new Map();
    for (const metric of metrics.filter((one) => marks[one])) groups.set(marks[metric], [...(groups.get(marks[metric]) || []), neuronym.metric(metric).title]);
    if (!groups.size) return null;
    const told = [...groups].map(([mark, titles]) => `${titles.join(", ")}: ${mark}`);
    return h(
      "p",
      { class: "footnote muted small" },
      h("span", { class: "star", "aria-hidden": "true" }, "*"),
      " ",
      said(`${told.join("; ")}.`),
      " A metric should get worse when half of what a description covers is taken away (missing-label test) and when as much again is added (extra-label test). Those that do not are here to compare with published tables.",
    );
  };

  const ROWS = { descriptions: "Descriptions", constant: "One label for all", random: "Random labels", shuffled: "Shuffled descriptions" };
  const MEANT = {
    descriptions: "what the method says",
    constant: "the one label that fits all units best on the explain images",
    random: "a label drawn at random for each unit",
    shuffled: "the descriptions, each given to another unit",
  };

  function cell(figure, metric, plotted) {
    if (!figure || figure.value === null) return h("td", { class: "figure" }, "–");
    const words = [h("span", { class: "value tabular" }, neuronym.measured(metric, figure.value)), " ", neuronym.interval(figure.low, figure.high, metric)];
    return h("td", { class: plotted ? "figure plotted" : "figure", title: `${neuronym.counted(figure.units, "unit")}` }, plotted ? neuronym.bullet({ ...figure, floor: null }, null) : null, words);
  }

  function rowHead(row, run) {
    const text = row.text === null ? null : [": ", said(row.text, "said")];
    const own = run && row.row === "descriptions";
    return h("th", { scope: "row", title: MEANT[row.row] }, own ? said(run.title) : ROWS[row.row] || row.row, text, own ? h("span", { class: "judge muted" }, "judged by ", said(run.evaluation.source)) : null);
  }

  function group(made, run, metrics, several, open) {
    const rows = made.rows.map((row) => [
      row.row,
      h(
        "tr",
        { class: row.row, hidden: several && !open && row.row !== "descriptions" },
        rowHead(row, several ? run : null),
        metrics.map((metric) => cell(row.figures.find((one) => one.metric === metric), metric, metric === headline())),
      ),
    ]);
    const others = rows.filter(([name]) => name !== "descriptions").map(([, row]) => row);
    if (several && others.length) {
      const toggle = h("button", { type: "button", class: "link small", "aria-expanded": String(open) }, "other labels");
      toggle.addEventListener("click", () => {
        const now = others[0].hidden;
        for (const row of others) row.hidden = !now;
        toggle.setAttribute("aria-expanded", String(now));
      });
      rows[0][1].querySelector(".judge").append(" · ", toggle);
    }
    return h("tbody", { "data-run": run.id }, rows.map(([, row]) => row));
  }

  function table(study, card, metrics, marks, name) {
    const made = card.figures.filter((one) => one.rows.length);
    const several = made.length > 1;
    return [
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": `${name} of ${card.name}` },
        h(
          "table",
          { class: "figures" },
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, several ? "Method" : "Labels"), metrics.map((metric) => h("th", { scope: "col", class: "figure", title: neuronym.metric(metric).meaning }, named(metric, marks))))),
          made.map((one) => group(one, study.runs[one.run], metrics, several, one.run === card.main)),
        ),
      ),
      footnote(metrics, marks),
    ];
  }

  // A layer's descriptions against other labels: the telling metrics, and folded those that papers print.
  neuronym.figuresOf = (study, card) => {
    const made = card.figures.filter((one) => one.rows.length);
    if (!made.length) return null;
    const marks = Object.assign({}, ...made.map((one) => study.runs[one.run].evaluation.marks));
    const there = new Set(made.flatMap((one) => one.rows.flatMap((row) => row.figures.map((each) => each.metric))));
    const known = neuronym.report.metrics.map((one) => one.name).filter((name) => there.has(name));
    const leading = neuronym.report.leading.filter((name) => there.has(name));
    const further = known.filter((name) => !leading.includes(name));
    return h(
      "section",
      { class: "against" },
      h("h4", {}, "Descriptions against other labels"),
      table(study, card, leading, marks, "Held-out figures"),
      further.length ? h("details", { class: "fold" }, h("summary", {}, `${neuronym.counted(further.length, "more metric")}`), table(study, card, further, marks, "Further held-out figures")) : null,
    );
  };

  // All metrics of one description, beside what the layer's descriptions and random labels reach.
  neuronym.metricsOf = (found, run, made) => {
    const known = neuronym.report.metrics.map((one) => one.name).filter((name) => name in found.metrics);
    if (!known.length) return null;
    const marks = run && run.evaluation ? run.evaluation.marks : {};
    const beside = (metric, row) => {
      const figure = neuronym.figureOf(made, metric, row);
      return h("td", { class: "figure muted" }, figure ? neuronym.measured(metric, figure.value) : "–");
    };
    const row = (metric, value) =>
      h("tr", {}, h("th", { scope: "row", title: neuronym.metric(metric).meaning }, named(metric, marks)), h("td", { class: "figure" }, neuronym.measured(metric, value)), beside(metric, "descriptions"), beside(metric, "random"));
    return h(
      "details",
      { class: "fold metrics" },
      h("summary", {}, "All metrics"),
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": "All metrics of this description" },
        h(
          "table",
          { class: "figures" },
          h("thead", {}, h("tr", {}, ["Metric", "here", "layer", "random"].map((name, at) => h("th", { scope: "col", class: at ? "figure" : null }, name)))),
          h("tbody", {}, row(headline(), found.value), known.map((metric) => row(metric, found.metrics[metric]))),
        ),
      ),
      h("p", { class: "muted small" }, "Layer: mean over the layer's descriptions. Random: the same for labels drawn at random."),
      footnote(known, marks),
    );
  };

  // What every figure and state means, for those who read no tooltips.
  neuronym.meanings = (metrics) =>
    h(
      "details",
      { class: "provenance meanings" },
      h("summary", {}, "What states and figures mean"),
      h("dl", { class: "glossary small" }, neuronym.report.states.map((one) => h("div", {}, h("dt", {}, neuronym.badge(one.name)), h("dd", {}, one.meaning)))),
      h("dl", { class: "glossary small" }, metrics.map((one) => h("div", {}, h("dt", {}, one.title), h("dd", {}, one.meaning)))),
    );
})();

"use strict";

// The page of one unit.

(() => {
  const { h, said } = neuronym;
  const chosen = { mode: "heat", summary: null };

  function heading(page, unit, label) {
    const words = label && label.description !== null ? said(label.description) : unit.note !== null ? "silent unit" : label ? label.state : "not described";
    const found = label ? label.held_out : null;
    return h(
      "div",
      { class: "headline" },
      h("p", { class: "muted" }, `Unit ${unit.unit} of `, said(page.layer.name)),
      h("h1", { tabindex: "-1", class: label && label.description !== null ? "said" : "said faint" }, words),
      found && found.value !== null
        ? h(
            "p",
            { class: "held" },
            neuronym.badge(label.state),
            h("span", {}, h("span", { class: "tabular" }, `held-out r ${neuronym.correlation(found.value)}`), " ", neuronym.interval(found.low, found.high)),
            neuronym.bullet(found, label.state, "wide"),
            found.floor === null ? null : h("span", { class: "muted tabular" }, `random labels reach ${neuronym.correlation(found.floor)}`),
          )
        : null,
    );
  }

  function neighbours(study, page, unit) {
    const rows = neuronym.shelf(page).rows();
    const order = rows.some((row) => row.unit === unit.unit) ? rows : page.rows;
    const at = order.findIndex((row) => row.unit === unit.unit);
    const link = (row) => row && neuronym.address({ ...neuronym.asked(), unit: row.unit });
    return { before: link(order[at - 1]), after: link(order[at + 1]), place: at + 1, of: order.length };
  }

  function steps(near) {
    const step = (link, icon, words) =>
      h("a", { class: "round", href: link || null, "aria-label": words, title: words, "aria-disabled": link ? null : "true" }, neuronym.icon(icon));
    return h(
      "nav",
      { class: "steps", "aria-label": "Units" },
      step(near.before, "left", "Previous unit (k)"),
      h("span", { class: "muted small tabular" }, `${neuronym.count(near.place)} / ${neuronym.count(near.of)}`),
      step(near.after, "right", "Next unit (j)"),
    );
  }

  function switcher(name, options, value, changed) {
    return h(
      "div",
      { class: "switch", role: "group", "aria-label": name },
      options.map(([key, words]) => h("button", { type: "button", "aria-pressed": String(key === value), click: () => changed(key), "data-key": key }, words)),
    );
  }

  function legend(scale, mode) {
    if (mode === "none") return null;
    if (mode === "region") return h("p", { class: "legend muted small" }, `Lit where the activation exceeds ${neuronym.number(scale.threshold)}, as 0.5 % of all positions do`);
    const stops = neuronym.report.colours.join(", ");
    return h(
      "p",
      { class: "legend muted small tabular" },
      neuronym.number(scale.low),
      h("span", { class: "ramp", style: { background: `linear-gradient(to right, ${stops})` } }),
      neuronym.number(scale.high),
    );
  }

  function exemplars(unit, set, redraw) {
    const mode = set.scale === null ? "none" : chosen.mode;
    const items = set.exemplars.map((one) => [one.image, neuronym.words(unit.unit, one.rank, one.image, one.value), `exemplar ${one.rank}`, one.value, one.map]);
    const open = (at) => neuronym.lightbox(items, at, { scale: set.scale, mode: () => (set.scale === null ? "none" : chosen.mode), cycle: redraw.cycle });
    const tiles = set.exemplars.map((one, at) =>
      h(
        "li",
        { style: { "--aspect": one.image.width / one.image.height } },
        h(
          "button",
          { type: "button", class: "tile", title: one.image.name, click: () => open(at) },
          neuronym.picture(one.image, { words: items[at][1], mode, scale: set.scale, map: one.map, pixels: 176 }),
        ),
        h("span", { class: "tile-foot small" }, one.image.label === null ? h("span", { class: "muted" }, said(one.image.name)) : said(one.image.label), h("span", { class: "muted tabular" }, neuronym.number(one.value))),
      ),
    );
    // Images of one shape stand in columns; others fill their rows, each in its own shape.
    const shapes = new Set(set.exemplars.map((one) => one.image.width / one.image.height));
    const even = shapes.size === 1 ? { class: "tiles even", style: { "--aspect": [...shapes][0] } } : { class: "tiles" };
    return h("ol", { ...even, "aria-label": "Exemplars, strongest first" }, tiles);
  }

  function section(title, tools, ...content) {
    return h("section", {}, h("div", { class: "section-head" }, h("h2", {}, title), tools), content);
  }

  function candidates(label) {
    const list = label.candidates;
    if (list.length < 2 && label.description !== null) return null;
    const scores = list.map((one) => one.score);
    const low = Math.min(...scores, 0);
    const reach = Math.max(...scores) - low || 1;
    const item = (one) =>
      h(
        "li",
        { class: one.text === label.description ? "chosen" : null },
        said(one.text),
        h("span", { class: "tabular muted" }, neuronym.number(one.score)),
        h("span", { class: "candidate-bar", "aria-hidden": "true", style: { width: `${(100 * (one.score - low)) / reach}%` } }),
      );
    return h("ol", { class: "candidates", "aria-label": "Candidates, best first" }, list.map(item));
  }

  function heldOut(label, run, made) {
    const found = label.held_out;
    if (!found) return null;
    const judge = h("p", { class: "small muted" }, "judged by ", said(found.source), found.resolved ? null : ", which makes nothing of this text");
    if (found.value === null) return h("div", { class: "outcome" }, h("p", { class: "small" }, neuronym.badge(label.state), ` not scored, because ${found.unscored}`), judge);
    const beside = ["discrimination", "stability"].filter((metric) => metric in found.metrics);
    return h(
      "div",
      { class: "outcome" },
      h("p", { class: "held small" }, neuronym.badge(label.state), h("span", {}, h("span", { class: "tabular" }, `held-out r ${neuronym.correlation(found.value)}`), " ", neuronym.interval(found.low, found.high))),
      neuronym.bullet(found, label.state),
      neuronym.facts([
        ["random labels reach", found.floor === null ? null : neuronym.correlation(found.floor)],
        ...beside.map((metric) => [h("span", { title: neuronym.metric(metric).meaning }, neuronym.metric(metric).title), neuronym.measured(metric, found.metrics[metric])]),
      ]),
      judge,
      neuronym.metricsOf(found, run, made),
    );
  }

  function method(study, page, label) {
    const place = study.runs.findIndex((one) => one.id === label.run);
    const run = study.runs[place];
    const made = page.layer.figures.find((one) => one.run === place);
    return h(
      "article",
      { class: "method", "data-run": label.run },
      h("h3", {}, said(run ? run.title : label.method)),
      label.description !== null
        ? h("p", { class: "said" }, said(label.description), label.score === null ? null : h("span", { class: "muted small tabular" }, ` score ${neuronym.number(label.score)}`))
        : h("p", { class: "state" }, neuronym.badge(label.state), " ", said(label.reason)),
      heldOut(label, run, made),
      label.evidence.map((one) => h("p", { class: "evidence small muted" }, h("span", { class: "kind" }, one.kind), " ", said(one.text))),
      candidates(label),
    );
  }

  function ranges(unit, set) {
    const share = (one) => (one.above === 0 ? `Top ${100 * one.to} %` : `${100 * one.above} to ${100 * one.to} %`);
    return set.ranges.map((one) => {
      const items = one.samples.map((each) => [each.image, neuronym.words(unit.unit, null, each.image, each.value), `rank ${neuronym.count(each.rank)}`, each.value, null]);
      return h(
        "div",
        { class: "range" },
        h("h3", {}, share(one)),
        h(
          "p",
          { class: "muted small tabular" },
          one.last < one.first
            ? "too few images"
            : one.first === one.last
              ? `rank ${neuronym.count(one.first)}`
              : `ranks ${neuronym.count(one.first)} to ${neuronym.count(one.last)}, above ${neuronym.number(one.least)}`,
        ),
        h(
          "ol",
          { class: "samples" },
          one.samples.map((each, at) =>
            h(
              "li",
              {},
              h(
                "button",
                { type: "button", class: "tile", title: each.image.name, click: () => neuronym.lightbox(items, at, { scale: null, mode: () => "none", cycle: () => {} }) },
                neuronym.square(
                  { image: each.image.image, label: null, focus: [(each.image.seen[0] + each.image.seen[2]) / 2, (each.image.seen[1] + each.image.seen[3]) / 2] },
                  items[at][1],
                ),
              ),
              h("span", { class: "muted small tabular" }, neuronym.number(each.value)),
            ),
          ),
        ),
      );
    });
  }

  function activations(unit, set) {
    const marks = set.ranges
      .filter((one) => one.last >= one.first && one.least > set.histogram.low)
      .map((one) => [one.least, "share", `${100 * one.to} %`]);
    return h(
      "figure",
      { class: "chart" },
      neuronym.histogram(set.histogram, {
        label: `Histogram of the ${set.summary} activation of unit ${unit.unit} over all explain images`,
        marks,
        rug: set.exemplars.map((one) => one.value),
        height: 170,
        root: true,
      }),
      h("figcaption", {}, `The unit's ${set.summary} on every explain image, heights by square root. Below: exemplars. Lines: where the ranges end.`),
    );
  }

  function facts(unit) {
    return neuronym.facts([
      ["Not zero at", `${neuronym.percent(unit.frequency)} of positions`],
      ["Mean", neuronym.number(unit.mean)],
      ["Deviation", neuronym.number(unit.deviation)],
      ["Lowest", neuronym.number(unit.low)],
      ["Highest", neuronym.number(unit.high)],
    ]);
  }

  neuronym.unitPage = (study, page, unit, asked) => {
    const run = study.runs.find((one) => one.id === asked.run) || study.runs[page.layer.main] || null;
    const label = unit.labels.find((one) => run && one.run === run.id) || unit.labels[0] || null;
    const near = neighbours(study, page, unit);
    const body = h("div", { class: "unit-body" });
    if (neuronym.modes.some(([key]) => key === asked.show)) chosen.mode = asked.show;

    const cycle = () => {
      const at = neuronym.modes.findIndex(([key]) => key === chosen.mode);
      setMode(neuronym.modes[(at + 1) % neuronym.modes.length][0]);
    };
    const setMode = (mode) => {
      chosen.mode = mode;
      const parts = { ...neuronym.asked(), show: mode === "heat" ? "" : mode };
      window.history.replaceState(window.history.state, "", neuronym.address(parts));
      draw();
      neuronym.announce(`Overlay: ${mode}`);
    };

    function draw() {
      const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : null;
      const preferred = chosen.summary || (run && run.summary);
      const set = unit.sets.find((one) => one.summary === preferred) || unit.sets[0] || null;
      const summaries = unit.sets.map((one) => [one.summary, `by ${one.summary}`]);
      const tools = set && [
        summaries.length > 1
          ? switcher("Exemplars by", summaries, set.summary, (summary) => {
              chosen.summary = summary;
              draw();
            })
          : null,
        set.scale === null ? null : [legend(set.scale, chosen.mode), switcher("Overlay (o)", neuronym.modes, chosen.mode, setMode)],
      ];
      const said = unit.labels.length
        ? h("div", { class: "methods" }, unit.labels.map((one) => method(study, page, one)))
        : h("p", { class: "muted" }, "No method has looked at this unit.");
      body.replaceChildren(
        unit.note === null ? "" : h("p", { class: "notice" }, unit.note),
        set ? section("Exemplars", tools, exemplars(unit, set, { cycle })) : "",
        h(
          "div",
          { class: "two" },
          section(unit.labels.length > 1 ? "Descriptions" : "Description", null, said),
          section("Activations", null, set ? activations(unit, set) : null, facts(unit)),
        ),
        set ? section("Across the range", h("p", { class: "muted small" }, "a seeded choice of images from each range of ranks"), h("div", { class: "ranges" }, ranges(unit, set))) : "",
      );
      if (focused) {
        const again = body.querySelector(`[data-key="${focused}"]`);
        if (again) again.focus();
      }
    }
    draw();

    const go = (link) => () => {
      if (link) window.location.hash = link;
    };
    return {
      element: h("div", { class: "unit-page" }, h("div", { class: "unit-head" }, heading(page, unit, label), steps(near)), body),
      title: `unit ${unit.unit}${label && label.description !== null ? `: ${label.description}` : ""} · ${page.layer.name} · ${study.name}`,
      start() {},
      stop() {},
      keys: { j: go(near.after), k: go(near.before), ArrowRight: go(near.after), ArrowLeft: go(near.before), o: cycle, u: go(neuronym.address({ study: study.name, layer: page.layer.name })) },
    };
  };
})();

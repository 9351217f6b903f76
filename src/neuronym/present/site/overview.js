"use strict";

// The first page: each study, its layers with what came out, and how it was made.

(() => {
  const { h, said } = neuronym;

  function facts(study) {
    const probe = study.probe;
    const split = `${neuronym.count(probe.images)} · ${neuronym.count(probe.explain)} to explain, ${neuronym.count(probe.test)} to test`;
    return neuronym.facts([
      ["Model", said(study.model)],
      ["Weights", study.weights === null ? null : said(study.weights)],
      ["Images", split],
      ["From", said(probe.sources.join(", "))],
      ["Classes", probe.classes ? neuronym.count(probe.classes) : null],
      ["Input", `${study.input[0]} × ${study.input[1]}`],
    ]);
  }

  function outcome(study, card) {
    const made = card.figures.find((one) => one.run === card.main);
    if (!made) return h("p", { class: "muted" }, "No method has looked at this layer yet.");
    const asked = made.described + made.abstained + made.failed;
    const several = study.runs.length > 1;
    return [
      made.scored
        ? h(
            "p",
            { class: "lead-figure" },
            h("strong", {}, neuronym.percent(made.above_random / made.scored)),
            ` of ${neuronym.counted(made.scored, "scored description")} above random`,
          )
        : h("p", { class: "lead-figure" }, h("strong", {}, neuronym.count(made.described)), " described"),
      h(
        "p",
        { class: "muted small" },
        `${neuronym.count(made.described)} of ${neuronym.counted(asked, "unit")} described`,
        made.abstained ? `, ${neuronym.count(made.abstained)} abstained` : "",
        made.failed ? `, ${neuronym.count(made.failed)} failed` : "",
        made.mean === null ? "" : ` · mean r ${neuronym.correlation(made.mean)}`,
        several ? [" · ", said(study.runs[made.run].title)] : "",
      ),
    ];
  }

  function distribution(card) {
    const made = card.figures.find((one) => one.run === card.main);
    if (!made) return null;
    const view = made.held_out || made.scores;
    if (!view) return null;
    const name = made.held_out ? "Held-out correlation" : "Score of the method";
    const marks = [];
    if (made.held_out && made.floor >= view.low && made.floor <= view.high) marks.push([made.floor, "floor", "random floor"]);
    return h(
      "figure",
      { class: "chart" },
      neuronym.histogram(view, { label: `${name} of the units of ${card.name}`, marks, width: 300, height: 84, format: made.held_out ? neuronym.correlation : neuronym.number }),
      h("figcaption", {}, name),
    );
  }

  function highlight(study, card, one) {
    const link = neuronym.address({ study: study.name, layer: card.name, unit: one.unit });
    return h(
      "li",
      {},
      h(
        "a",
        { class: "highlight", href: link },
        h("span", { class: "quad" }, one.images.map((image, at) => neuronym.square(image, `Exemplar ${at + 1} of unit ${one.unit}`))),
        h("span", { class: "said" }, one.description === null ? `unit ${one.unit}` : said(one.description)),
        h(
          "span",
          { class: "muted small tabular" },
          `${one.unit}`,
          one.held_out === null ? null : [neuronym.bullet(one.held_out, one.floor), neuronym.correlation(one.held_out)],
        ),
      ),
    );
  }

  function layer(study, card) {
    const link = neuronym.address({ study: study.name, layer: card.name });
    const silent = [card.dead ? `${neuronym.count(card.dead)} dead` : null, card.constant ? `${neuronym.count(card.constant)} constant` : null];
    return h(
      "article",
      { class: "layer" },
      h(
        "div",
        { class: "layer-facts" },
        h("h3", {}, h("a", { href: link }, said(card.name))),
        h(
          "p",
          { class: "muted small" },
          [neuronym.counted(card.units, "unit"), neuronym.shape(card), card.kind, ...silent].filter(Boolean).join(" · "),
        ),
        outcome(study, card),
        distribution(card),
        h("a", { class: "more", href: link }, `All ${neuronym.counted(card.units, "unit")}`, neuronym.icon("right")),
      ),
      h("ul", { class: "highlights", "aria-label": `Units of ${card.name} with the best supported descriptions` }, card.highlights.map((one) => highlight(study, card, one))),
    );
  }

  function methods(study) {
    if (!study.runs.length) return null;
    const rows = study.runs.map((run, place) => {
      const figures = study.layers.flatMap((card) => card.figures.filter((one) => one.run === place));
      const sum = (name) => figures.reduce((total, one) => total + one[name], 0);
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, said(run.title), h("span", { class: "muted small code" }, said(run.id))),
        h("td", {}, run.concepts === null ? "–" : said(run.concepts)),
        h("td", {}, run.encoder === null ? "labels only" : said(run.encoder)),
        h("td", {}, run.summary),
        h("td", { class: "figure" }, neuronym.count(sum("described"))),
        h("td", { class: "figure" }, neuronym.count(sum("abstained") + sum("failed"))),
        h("td", { class: "figure" }, neuronym.count(sum("scored"))),
        h("td", { class: "figure" }, sum("scored") ? neuronym.percent(sum("above_random") / sum("scored")) : "–"),
      );
    });
    const names = ["Method", "Concepts", "Encoder", "Summary", "Described", "Without", "Scored", "Above random"];
    return h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": `Methods of ${study.name}` },
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, names.map((name, at) => h("th", { scope: "col", class: at > 3 ? "figure" : null }, name)))),
        h("tbody", {}, rows),
      ),
    );
  }

  function provenance(study) {
    const probe = study.probe;
    const group = (title, pairs) => [h("h4", {}, title), neuronym.facts(pairs.map(([name, value]) => [name, said(String(value))]))];
    return h(
      "details",
      { class: "provenance" },
      h("summary", {}, "How it was made"),
      group("Study", [
        ["begun", study.made],
        ["precision", study.precision],
        ["exemplars per unit", study.top_k],
        ["identity of the weights", study.weights_hash],
        ["identity of the images", probe.fingerprint],
        ["labelled concepts", probe.concepts],
        ["duplicates left out", probe.duplicates],
        ["files skipped", probe.skipped],
        ...probe.notes.map((note) => ["note", note]),
      ]),
      group("Preprocessing", Object.entries(study.preprocessing)),
      study.runs.map((run) => group(run.title, Object.entries(run.parameters))),
      group("Versions", Object.entries(study.versions)),
    );
  }

  neuronym.overview = () => {
    const { studies, title, version } = neuronym.report;
    const layers = studies.flatMap((study) => study.layers);
    const units = layers.reduce((total, card) => total + card.units, 0);
    return h(
      "div",
      { class: "overview" },
      h("h1", { tabindex: "-1" }, said(title)),
      h(
        "p",
        { class: "muted" },
        [studies.length > 1 ? `${studies.length} studies` : null, neuronym.counted(layers.length, "layer"), neuronym.counted(units, "unit")]
          .filter(Boolean)
          .join(" · "),
      ),
      studies.map((study) =>
        h(
          "section",
          { class: "study" },
          studies.length > 1 ? h("h2", {}, said(study.name)) : h("h2", { class: "hidden" }, "Study"),
          facts(study),
          study.layers.map((card) => layer(study, card)),
          study.runs.length ? h("h3", { class: "section" }, "Methods") : null,
          methods(study),
          provenance(study),
        ),
      ),
      h(
        "footer",
        { class: "muted small" },
        h("p", {}, "Held-out r: correlation of a unit with its description over images that the method did not see. Above random: r exceeds what one random label in twenty reaches."),
        h("p", {}, `Neuronym ${version}`),
      ),
    );
  };
})();

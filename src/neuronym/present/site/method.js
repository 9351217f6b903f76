"use strict";

// What a run says of a unit, what it saw on the way, and how true it is.

(() => {
  const { h, said } = neuronym;

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
    const beside = ["mask_iou", "discrimination", "stability"].filter((metric) => metric in found.metrics);
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

  const KINDS = { best: "best by category" };

  // What a method noted; notes of one kind stand together.
  function evidence(label) {
    const kinds = [...new Set(label.evidence.map((one) => one.kind))];
    return kinds.map((kind) => {
      const notes = label.evidence.filter((one) => one.kind === kind).map((one) => said(one.text));
      const several = notes.length > 1;
      return h("div", { class: `evidence small muted ${several ? "several" : ""}` }, h("span", { class: "kind" }, KINDS[kind] || kind), several ? h("ul", {}, notes.map((note) => h("li", {}, note))) : [" ", notes[0]]);
    });
  }

  // What a score is, where it is one that is known from elsewhere.
  const score = (run, value) => (value === null ? null : h("span", { class: "muted small tabular" }, ` score ${neuronym.number(value)}`, run && run.masks ? " (IoU on the explain images)" : null));

  // Shows the masks that a run compared, or hides them again.
  function masked(unit, label, { run, show, hide }) {
    if (!unit.masks.some((one) => one.run === label.run)) return null;
    const here = run === label.run;
    return h("p", { class: "small" }, h("button", { type: "button", class: "link", "data-key": `masks-${label.run}`, click: () => (here ? hide() : show(label.run)) }, here ? "Hide its masks" : "Show its masks"));
  }

  // How a run covered parts of images, and what it saw there.
  function covered(unit, label, { run, show, hide }) {
    const view = unit.occlusions.find((one) => one.run === label.run);
    if (!view) return null;
    const here = run === label.run;
    const button = h("button", { type: "button", class: "link", "data-key": `occlusion-${label.run}`, click: () => (here ? hide() : show(label.run)) }, here ? "Hide its patches" : "Show its patches");
    return [neuronym.coverFacts(view), view.images.length ? h("p", { class: "small" }, button) : null];
  }

  // What one run says of a unit; `masks` are the run whose masks are drawn, if they are, and how to show and hide them;
  // `patches` are the same of what it saw by occlusion.
  neuronym.method = (study, page, unit, label, masks, patches) => {
    const place = study.runs.findIndex((one) => one.id === label.run);
    const run = study.runs[place];
    const made = page.layer.figures.find((one) => one.run === place);
    return h(
      "article",
      { class: "method", "data-run": label.run },
      h("h3", {}, said(run ? run.title : label.method)),
      label.description !== null
        ? h("p", { class: "said" }, said(label.description), " ", neuronym.tag(label.category), score(run, label.score))
        : h("p", { class: "state" }, neuronym.badge(label.state), " ", said(label.reason)),
      heldOut(label, run, made),
      evidence(label),
      candidates(label),
      masked(unit, label, masks),
      covered(unit, label, patches),
    );
  };
})();

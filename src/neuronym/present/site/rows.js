"use strict";

// All units of a layer as cards or as a list. Only those near the screen exist, so that thousands open at once.

(() => {
  const { h, said } = neuronym;
  const AHEAD = 600;

  const unitLink = (study, card, row, run) =>
    neuronym.address({ study: study.name, layer: card.name, unit: row.unit, run: run === card.main || run === null ? "" : study.runs[run].id });

  function description(row, label) {
    if (label && label.description !== null) return h("span", { class: "called-line" }, said(label.description, "said"), neuronym.tag(label.category));
    if (row.silent !== null) return h("span", { class: "said faint" }, row.silent);
    return h("span", { class: "said faint" }, label ? label.state : "not looked at");
  }

  const correlation = (label) =>
    label && label.held_out !== null ? [h("span", { class: "hidden" }, "held-out r "), h("span", { class: `tabular r ${label.state}` }, neuronym.correlation(label.held_out))] : null;
  const bullet = (label) => (label && label.held_out !== null ? neuronym.bullet({ ...label, value: label.held_out }, label.state) : null);
  const score = (label) => (label && label.score !== null ? h("span", { class: "tabular" }, neuronym.number(label.score)) : null);

  // Whether the run that is shown was evaluated on this layer: then units have states, else the method's scores.
  const judged = ({ layer, shelf }) => layer.figures.some((one) => one.run === shelf.state.run && one.rows.length > 0);

  function pictures(row, count) {
    const shown = row.images.slice(0, count).map((image, at) => neuronym.square(image, `Exemplar ${at + 1} of unit ${row.unit}`));
    const blank = Array.from({ length: count - shown.length }, () => h("span", { class: "square blank" }));
    return [...shown, ...blank];
  }

  // What the next other run says.
  function others(study, row, run) {
    const other = row.labels.find((one) => one.run !== run);
    if (!other) return null;
    return [other.description === null ? h("span", { class: "said faint" }, other.state) : said(other.description, "said"), h("span", { class: "also" }, said(study.runs[other.run].title))];
  }

  neuronym.listHead = (several, judged) => {
    const columns = [
      ["unit", "unit"],
      ["strip", "exemplars"],
      ["line-text", "description, other candidates"],
      ["line-others", several ? "another run" : ""],
      ["line-figures", judged ? "held-out r" : "score"],
      ["line-active", "not zero at"],
    ];
    return h("div", { class: `line names ${judged ? "judged" : ""}`, "aria-hidden": "true" }, columns.map(([kind, name]) => h("span", { class: kind }, name)));
  };

  function card(context, row) {
    const { study, layer, shelf, images } = context;
    const label = shelf.label(row);
    return h(
      "a",
      { class: "card", href: unitLink(study, layer, row, shelf.state.run), "data-unit": row.unit },
      h("span", { class: "mosaic" }, pictures(row, images)),
      description(row, label),
      h("span", { class: "card-foot" }, h("span", { class: "unit" }, h("span", { class: "hidden" }, "unit "), row.unit), judged(context) ? label && neuronym.badge(label.state) : score(label)),
      judged(context) && label && label.held_out !== null ? h("span", { class: "card-gauge" }, bullet(label), correlation(label)) : null,
    );
  }

  function line(context, row) {
    const { study, layer, shelf, images } = context;
    const label = shelf.label(row);
    const also = label ? label.also.join(", ") : "";
    return h(
      "a",
      { class: `line ${judged(context) ? "judged" : ""}`, href: unitLink(study, layer, row, shelf.state.run), "data-unit": row.unit },
      h("span", { class: "unit" }, h("span", { class: "hidden" }, "unit "), row.unit),
      h("span", { class: "strip" }, pictures(row, images)),
      h("span", { class: "line-text" }, description(row, label), h("span", { class: "also" }, said(also))),
      h("span", { class: "line-others" }, others(study, row, shelf.state.run)),
      h("span", { class: "line-figures" }, judged(context) ? [label && neuronym.badge(label.state), bullet(label), correlation(label)] : score(label)),
      h("span", { class: "line-active tabular muted", title: "share of positions where the unit is not zero" }, neuronym.percent(row.frequency)),
    );
  }

  neuronym.judgedHere = judged;

  neuronym.Rows = class {
    constructor(context) {
      this.context = context;
      this.element = h("div", { class: "rows", role: "list", "aria-label": `Units of ${context.layer.name}` });
      this.items = new Map();
      this.active = -1;
      this.draw = this.draw.bind(this);
      this.measure = this.measure.bind(this);
    }

    show(rows) {
      this.rows = rows;
      this.active = -1;
      this.measure();
    }

    measure() {
      const width = this.element.clientWidth;
      if (!width) return;
      const list = this.context.shelf.state.view === "list";
      const gap = width < 560 ? 10 : 16;
      const least = width < 560 ? 150 : 216;
      this.columns = list ? 1 : Math.max(1, Math.floor((width + gap) / (least + gap)));
      const wide = (width - gap * (this.columns - 1)) / this.columns;
      const across = wide < 190 ? 2 : 3;
      this.context.images = list ? (width < 560 ? (judged(this.context) ? 2 : 3) : 6) : 2 * across;
      this.height = list ? (width < 560 ? 74 : 70) : Math.round((wide / across) * 2) + (judged(this.context) ? 94 : 70);
      this.gap = list ? 0 : gap;
      this.element.classList.toggle("as-list", list);
      this.element.style.setProperty("--across", across);
      this.element.style.setProperty("--wide", `${wide}px`);
      const lines = Math.ceil(this.rows.length / this.columns);
      this.element.style.setProperty("height", `${Math.max(0, lines * (this.height + this.gap) - this.gap)}px`);
      for (const item of this.items.values()) item.remove();
      this.items.clear();
      this.draw();
    }

    // The places of the rows between two heights of the page.
    range(from, to) {
      const pitch = this.height + this.gap;
      const first = Math.max(0, Math.floor(from / pitch)) * this.columns;
      return [first, Math.min(this.rows.length, (Math.floor(to / pitch) + 1) * this.columns)];
    }

    draw() {
      if (!this.rows || !this.element.isConnected) return;
      const top = -this.element.getBoundingClientRect().top;
      this.drawn(...this.range(top - AHEAD, top + window.innerHeight + AHEAD));
    }

    drawn(first, stop) {
      for (const [place, item] of this.items) {
        if ((place < first || place >= stop) && !item.contains(document.activeElement)) {
          item.remove();
          this.items.delete(place);
        }
      }
      for (let place = first; place < stop; place += 1) {
        if (!this.items.has(place)) this.add(place);
      }
    }

    add(place) {
      const make = this.context.shelf.state.view === "list" ? line : card;
      const column = place % this.columns;
      const item = h(
        "div",
        {
          role: "listitem",
          class: "item",
          "aria-setsize": this.rows.length,
          "aria-posinset": place + 1,
          style: {
            top: `${Math.floor(place / this.columns) * (this.height + this.gap)}px`,
            left: `calc(${column} * (var(--wide) + ${this.gap}px))`,
            height: `${this.height}px`,
          },
        },
        make(this.context, this.rows[place]),
      );
      // Kept in order, so that the tabulator key goes through the cards as the eye does.
      let next = null;
      for (const [other, element] of this.items) if (other > place && (next === null || other < next[0])) next = [other, element];
      this.element.insertBefore(item, next === null ? null : next[1]);
      this.items.set(place, item);
    }

    step(by) {
      if (!this.rows.length) return;
      const focused = [...this.items].find(([, item]) => item.contains(document.activeElement));
      const from = focused ? focused[0] : this.active;
      this.go(from < 0 ? 0 : Math.min(Math.max(from + by, 0), this.rows.length - 1));
    }

    go(place) {
      this.active = place;
      const pitch = this.height + this.gap;
      const top = this.element.getBoundingClientRect().top + Math.floor(place / this.columns) * pitch;
      const bar = this.context.tools.getBoundingClientRect().bottom + 12;
      if (top < bar) window.scrollBy(0, top - bar);
      else if (top + this.height > window.innerHeight) window.scrollBy(0, top + this.height + 12 - window.innerHeight);
      this.draw();
      if (!this.items.has(place)) this.add(place);
      this.items.get(place).firstElementChild.focus({ preventScroll: true });
    }

    all() {
      if (this.rows) this.drawn(0, Math.min(this.rows.length, 600));
    }
  };
})();

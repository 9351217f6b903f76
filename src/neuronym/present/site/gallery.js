"use strict";

// All units of a layer. Only the cards near the screen exist, so that thousands of units open at once.

(() => {
  const { h, said } = neuronym;
  const AHEAD = 600;

  const unitLink = (study, card, row, run) =>
    neuronym.address({ study: study.name, layer: card.name, unit: row.unit, run: run === card.main || run === null ? "" : study.runs[run].id });

  function description(row, label) {
    if (label && label.description !== null) return said(label.description, "said");
    if (row.silent !== null) return h("span", { class: "said faint" }, row.silent);
    return h("span", { class: "said faint" }, label ? label.state : "not looked at");
  }

  function figures(label) {
    if (!label || label.held_out === null) return label && label.score !== null ? h("span", { class: "tabular" }, neuronym.number(label.score)) : null;
    const good = label.floor !== null && label.held_out > label.floor;
    return [
      h("span", { class: "hidden" }, "held-out r "),
      neuronym.bullet(label.held_out, label.floor),
      h("span", { class: `tabular ${label.floor === null ? "" : good ? "good" : "poor"}` }, neuronym.correlation(label.held_out)),
      label.floor === null ? null : h("span", { class: "hidden" }, good ? ", above random" : ", not above random"),
    ];
  }

  function pictures(row, count) {
    const shown = row.images.slice(0, count).map((image, at) => neuronym.square(image, `Exemplar ${at + 1} of unit ${row.unit}`));
    const blank = Array.from({ length: count - shown.length }, () => h("span", { class: "square blank" }));
    return [...shown, ...blank];
  }

  function card(context, row) {
    const { study, layer, shelf, images } = context;
    const label = shelf.label(row);
    return h(
      "a",
      { class: "card", href: unitLink(study, layer, row, shelf.state.run), "data-unit": row.unit },
      h("span", { class: "mosaic" }, pictures(row, images)),
      description(row, label),
      h("span", { class: "card-foot" }, h("span", { class: "unit" }, h("span", { class: "hidden" }, "unit "), row.unit), figures(label)),
    );
  }

  function line(context, row) {
    const { study, layer, shelf, images } = context;
    const label = shelf.label(row);
    const also = label ? label.also.join(", ") : "";
    return h(
      "a",
      { class: "line", href: unitLink(study, layer, row, shelf.state.run), "data-unit": row.unit },
      h("span", { class: "unit" }, h("span", { class: "hidden" }, "unit "), row.unit),
      h("span", { class: "strip" }, pictures(row, images)),
      h("span", { class: "line-text" }, description(row, label), h("span", { class: "also" }, said(also))),
      h("span", { class: "line-figures" }, figures(label)),
      h("span", { class: "line-active tabular muted", title: "share of positions where the unit is not zero" }, neuronym.percent(row.frequency)),
    );
  }

  class Rows {
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
      this.context.images = list ? (width < 560 ? 3 : 6) : 2 * across;
      this.height = list ? (width < 560 ? 74 : 70) : Math.round((wide / across) * 2) + 70;
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
  }

  function choice(label, name, options, value, changed) {
    const select = h("select", { name, change: (event) => changed(event.target.value) });
    fillChoice(select, options, value);
    return [select, h("label", { class: "choice" }, h("span", {}, label), select)];
  }

  function fillChoice(select, options, value) {
    select.replaceChildren(
      ...options.map(([key, words, count]) =>
        h("option", { value: key, selected: key === value, disabled: count === 0 && key !== value }, count === undefined ? words : `${words} (${neuronym.count(count)})`),
      ),
    );
    select.value = value;
  }

  neuronym.gallery = (study, page, asked) => {
    const shelf = neuronym.shelf(page);
    const known = (options, name) => options.some(([key]) => key === name);
    const run = study.runs.findIndex((one) => one.id === asked.run);
    Object.assign(shelf.state, {
      q: asked.q || "",
      run: run >= 0 ? run : page.layer.main,
      show: known(neuronym.shows, asked.show) ? asked.show : "all",
      sort: known(neuronym.sorts, asked.sort) ? asked.sort : "unit",
      order: ["up", "down"].includes(asked.order) ? asked.order : "",
      view: asked.view === "list" ? "list" : "cards",
    });
    const context = { study, layer: page.layer, shelf, images: 6 };
    const rows = new Rows(context);
    const state = shelf.state;
    const number = h("p", { class: "muted small found", role: "status" });
    const empty = h("p", { class: "notice", hidden: true }, "No unit fits. ", h("button", { type: "button", class: "link", click: () => set({ q: "", show: "all" }) }, "Show all"));

    function set(change) {
      Object.assign(state, change);
      const used = page.layer.figures.length > 1 && state.run !== page.layer.main ? study.runs[state.run].id : "";
      const link = neuronym.address({
        study: study.name,
        layer: page.layer.name,
        run: used,
        q: state.q,
        show: state.show === "all" ? "" : state.show,
        sort: state.sort === "unit" ? "" : state.sort,
        order: state.order,
        view: state.view === "list" ? "list" : "",
      });
      window.history.replaceState(window.history.state, "", link);
      refresh();
    }

    function refresh() {
      const shown = shelf.rows();
      number.textContent = `${neuronym.count(shown.length)} of ${neuronym.counted(page.rows.length, "unit")}`;
      empty.hidden = shown.length > 0;
      if (search.value !== state.q) search.value = state.q;
      fillChoice(show, shelf.counts(), state.show);
      sort.value = state.sort;
      const natural = neuronym.sorts.find(([name]) => name === state.sort)[3];
      const up = state.order === "" ? natural > 0 : state.order === "up";
      order.replaceChildren(neuronym.icon(up ? "up" : "down"));
      order.setAttribute("aria-label", up ? "Ascending; sort descending" : "Descending; sort ascending");
      order.title = up ? "Ascending" : "Descending";
      order.onclick = () => set({ order: up ? "down" : "up" });
      view.replaceChildren(neuronym.icon(state.view === "list" ? "cards" : "list"));
      view.setAttribute("aria-label", state.view === "list" ? "Show as cards" : "Show as a list");
      view.title = view.getAttribute("aria-label");
      rows.show(shown);
    }

    const search = h("input", {
      type: "search",
      name: "q",
      placeholder: "Search descriptions",
      "aria-label": "Search descriptions, candidates and unit numbers",
      autocomplete: "off",
      spellcheck: "false",
      input: (event) => set({ q: event.target.value }),
      keydown: (event) => {
        if (event.key === "Escape") {
          if (state.q) set({ q: "" });
          else search.blur();
          event.stopPropagation();
        } else if (event.key === "Enter" || event.key === "ArrowDown") {
          event.preventDefault();
          if (rows.rows.length) rows.go(0);
        }
      },
    });
    const [show, showChoice] = choice("Show", "show", shelf.counts(), state.show, (value) => set({ show: value }));
    const [sort, sortChoice] = choice("Sort by", "sort", neuronym.sorts.map(([key, words]) => [key, words]), state.sort, (value) => set({ sort: value, order: "" }));
    const runs = page.layer.figures.map((one) => [String(one.run), study.runs[one.run].title]);
    const runChoice = runs.length > 1 ? choice("Method", "run", runs, String(state.run), (value) => set({ run: Number(value) }))[1] : null;
    const order = h("button", { type: "button", class: "round" });
    const view = h("button", { type: "button", class: "round", click: () => set({ view: state.view === "list" ? "cards" : "list" }) });
    context.tools = h(
      "div",
      { class: "tools" },
      h("div", { class: "search" }, neuronym.icon("search"), search, h("kbd", { "aria-hidden": "true" }, "/")),
      runChoice,
      showChoice,
      h("div", { class: "pair" }, sortChoice, order),
      view,
      number,
    );

    const layer = page.layer;
    const words = [neuronym.counted(layer.units, "unit"), neuronym.shape(layer), layer.kind, `exemplars by ${page.summary}`];
    const element = h(
      "div",
      { class: "gallery" },
      h("h1", { tabindex: "-1" }, said(layer.name)),
      h("p", { class: "muted" }, words.join(" · ")),
      context.tools,
      empty,
      rows.element,
    );
    const observer = new ResizeObserver(() => {
      if (rows.rows && rows.element.clientWidth !== rows.width) {
        rows.width = rows.element.clientWidth;
        rows.measure();
      }
    });
    const print = () => rows.all();
    return {
      element,
      title: `${layer.name} · ${study.name}`,
      start() {
        refresh();
        observer.observe(rows.element);
        window.addEventListener("scroll", rows.draw, { passive: true });
        window.addEventListener("beforeprint", print);
      },
      stop() {
        observer.disconnect();
        window.removeEventListener("scroll", rows.draw);
        window.removeEventListener("beforeprint", print);
      },
      keys: {
        "/": () => search.focus(),
        j: () => rows.step(1),
        k: () => rows.step(-1),
        ArrowRight: () => rows.step(1),
        ArrowLeft: () => rows.step(-1),
        ArrowDown: () => rows.step(rows.columns),
        ArrowUp: () => rows.step(-rows.columns),
        v: () => view.click(),
        u: () => {
          window.location.hash = "";
        },
      },
    };
  };
})();

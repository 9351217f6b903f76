"use strict";

// Which units of a layer are shown, and in which order: search, filters, sorting. No elements here.

(() => {
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  const inState = (state) => (row, label) => Boolean(label) && label.state === state;

  neuronym.shows = [
    ["all", "All units", () => true],
    ["supported", "Supported", inState("supported")],
    ["weak", "Weak", inState("weak")],
    ["unsupported", "Unsupported", inState("unsupported")],
    ["described", "Described, not scored", inState("described")],
    ["abstained", "Abstained", inState("abstained")],
    ["failed", "Failed", inState("failed")],
    ["silent", "Dead or constant", (row) => row.silent !== null],
    ["unseen", "Not looked at", (row, label) => !label],
  ];

  neuronym.sorts = [
    ["unit", "Unit", (row) => row.unit, 1],
    ["r", "Held-out r", (row, label) => (label ? label.held_out : null), -1],
    ["margin", "Margin over random", (row, label) => (scored(label) ? label.held_out - label.floor : null), -1],
    ["score", "Score", (row, label) => (label ? label.score : null), -1],
    ["active", "Active positions", (row) => row.frequency, -1],
    ["peak", "Highest activation", (row) => row.high, -1],
    ["text", "Description", (row, label) => (label && label.description !== null ? plain(label.description) : null), 1],
  ];

  function scored(label) {
    return Boolean(label) && label.held_out !== null && label.floor !== null;
  }

  // Whether a run describes a unit by a concept, or by any concept of a category.
  function called(own, label, category) {
    if (!label && !category) return true;
    return Boolean(own) && own.description !== null && (!label || own.description === label) && (!category || own.category === category);
  }

  neuronym.labelOf = (row, run) => row.labels.find((label) => label.run === run);

  // What a search looks through: what every run says of the unit, candidates too.
  function haystack(row) {
    return plain(row.labels.flatMap((label) => [label.description || "", ...label.also]).join("\n"));
  }

  function found(shelf, row, words) {
    if (!shelf.texts.has(row.unit)) shelf.texts.set(row.unit, haystack(row));
    const text = shelf.texts.get(row.unit);
    return words.every((word) => text.includes(word) || word === String(row.unit) || word === `#${row.unit}`);
  }

  neuronym.Shelf = class {
    constructor(page) {
      this.page = page;
      this.texts = new Map();
      this.state = { q: "", run: page.layer.main, show: "all", sort: "unit", order: "", view: "cards", label: "", category: "" };
    }

    label(row) {
      return neuronym.labelOf(row, this.state.run);
    }

    counts() {
      return neuronym.shows.map(([name, words, fits]) => [name, words, this.page.rows.filter((row) => fits(row, this.label(row))).length]);
    }

    rows() {
      const { q, show, sort, order, label, category } = this.state;
      const words = plain(q).split(/\s+/).filter(Boolean);
      const fits = neuronym.shows.find(([name]) => name === show)[2];
      const [, , value, natural] = neuronym.sorts.find(([name]) => name === sort);
      const sign = order === "" ? natural : order === "up" ? 1 : -1;
      const keyed = this.page.rows
        .filter((row) => fits(row, this.label(row)) && called(this.label(row), label, category) && found(this, row, words))
        .map((row) => [value(row, this.label(row)), row]);
      // What has no value comes last, whichever way the rest is sorted.
      keyed.sort(([a, first], [b, second]) => {
        if (a === null || b === null) return (a === null) - (b === null) || first.unit - second.unit;
        const way = typeof a === "string" ? a.localeCompare(b, "en") : a - b;
        return sign * way || first.unit - second.unit;
      });
      return keyed.map(([, row]) => row);
    }
  };

  // One shelf per layer, kept while the report is open, so that units are leafed through in the gallery's order.
  const shelves = new Map();
  neuronym.shelf = (page) => {
    const key = `${page.study}/${page.layer.place}`;
    if (!shelves.has(key)) shelves.set(key, new neuronym.Shelf(page));
    return shelves.get(key);
  };
})();

"use strict";

// What each rater answered: kept in this browser, read back when the page is opened again, and given out as a CSV.

(() => {
  const NAME_LENGTH = 80;
  let key = null;
  let page = null;
  let raters = [];
  let current = null;
  let kept = true;

  function read() {
    try {
      const found = JSON.parse(window.localStorage.getItem(key) || "null");
      kept = true;
      return found && Array.isArray(found.raters) ? found : { raters: [], current: null };
    } catch {
      kept = false;
      return null;
    }
  }

  function save() {
    try {
      window.localStorage.setItem(key, JSON.stringify({ raters, current }));
      kept = true;
    } catch {
      kept = false; // It holds until the page is closed; the page says so.
    }
  }

  function refresh() {
    const found = read();
    if (found) [raters, current] = [found.raters, found.current];
  }

  const mine = () => raters.find((one) => one.name === current) || null;
  const answer = (item) => (mine() && mine().answers[item.item]) || { ratings: {}, best: null };

  function change(item, edit) {
    const found = answer(item);
    mine().answers[item.item] = { ...found, ...edit(found) };
    save();
  }

  function isComplete(item) {
    const { ratings, best } = answer(item);
    return item.options.every((one) => ratings[one.option]) && (!item.best || best !== null);
  }

  function isTouched(item) {
    const { ratings, best } = answer(item);
    return best !== null || Object.keys(ratings).length > 0;
  }

  const cell = (text) => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);

  // A row for each description of the units that were looked at; what was left open is empty.
  function csv() {
    const rows = page.items.filter(isTouched).flatMap((item) => {
      const { ratings, best } = answer(item);
      return item.options.map((one) => [current, item.item, one.option, String(ratings[one.option] || ""), best === null ? "" : one.option === best ? "1" : "0"]);
    });
    return [["rater", "item", "option", "rating", "best"], ...rows].map((cells) => `${cells.map(cell).join(",")}\n`).join("");
  }

  const fileName = () => `ratings-${current.replace(/[^\p{L}\p{N}_]+/gu, "-").replace(/^-+|-+$/g, "") || "rater"}.csv`;

  neuronym.answers = {
    NAME_LENGTH,
    open(shown) {
      page = shown;
      key = `neuronym-rating-${page.page}`;
      refresh();
    },
    onChangeElsewhere(act) {
      window.addEventListener("storage", (event) => {
        if (event.key !== key) return;
        const own = current;
        refresh();
        if (raters.some((one) => one.name === own)) current = own;
        act();
      });
    },
    get isKept() {
      return kept;
    },
    get rater() {
      return current;
    },
    get raters() {
      return raters.map((one) => ({ name: one.name, done: page.items.filter((item) => isCompleteOf(one, item)).length }));
    },
    get at() {
      return mine() ? Math.min(Math.max(0, mine().at), page.items.length) : 0;
    },
    set at(place) {
      mine().at = place;
      save();
    },
    begin(text) {
      const name = text.normalize("NFC").replace(/\s+/g, " ").trim().slice(0, NAME_LENGTH);
      if (!name) return false;
      if (!raters.some((one) => one.name === name)) raters.push({ name, at: 0, answers: {} });
      current = name;
      save();
      return true;
    },
    leave() {
      current = null;
      save();
    },
    rate: (item, option, rating) => change(item, (found) => ({ ratings: { ...found.ratings, [option]: rating } })),
    choose: (item, option) => change(item, () => ({ best: option })),
    answer,
    isComplete,
    isTouched,
    csv,
    fileName,
  };

  function isCompleteOf(rater, item) {
    const before = current;
    current = rater.name;
    const done = isComplete(item);
    current = before;
    return done;
  }
})();

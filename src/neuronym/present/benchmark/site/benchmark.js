"use strict";

// The page stands without this: it brings the filters of the units to life, and the choice of a theme.

(() => {
  function theme() {
    neuronym.announce(`${neuronym.theme.toggle()} theme`);
  }

  // A unit is shown if its kind is the chosen one, if any of its texts has the words, and if the chosen row is not right.
  function filter(list) {
    const tools = list.querySelector(".tools");
    const [search, kind, not] = ["q", "kind", "not"].map((name) => tools.querySelector(`[name=${name}]`));
    const found = tools.querySelector(".found");
    const rows = [...list.querySelectorAll("tbody tr")].map((row) => ({ row, text: row.textContent.toLowerCase(), said: [...row.cells].slice(3) }));

    function update() {
      const words = search.value.trim().toLowerCase();
      const column = not && not.value !== "" ? Number(not.value) : null;
      const number = /^\d+$/.test(words) ? words : null;
      let count = 0;
      for (const { row, text, said } of rows) {
        const fits = number === null ? text.includes(words) : row.dataset.unit === number;
        const there = fits && (!kind.value || row.dataset.kind === kind.value) && (column === null || !said[column].classList.contains("right"));
        row.hidden = !there;
        count += there;
      }
      found.textContent = count === rows.length ? neuronym.counted(count, "unit") : `${neuronym.count(count)} of ${neuronym.counted(rows.length, "unit")}`;
    }

    search.addEventListener("input", update);
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      search.value = "";
      update();
    });
    for (const one of [kind, not]) if (one) one.addEventListener("change", update);
    tools.hidden = false;
    update(); // what a browser has kept of an earlier visit holds
  }

  const ready = () => {
    document.body.dataset.ready = window.location.hash;
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
    if (event.key === "t") theme();
  });
  window.addEventListener("hashchange", ready);
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("tools").append(neuronym.button("sun", "Light or dark (t)", theme));
    document.querySelectorAll(".unit-list").forEach(filter);
    ready();
  });
})();

"use strict";

// Runs before anything is drawn, so that a chosen theme does not flash. Storage may be forbidden for files.
window.neuronym = { pages: new Map(), waiting: new Map() };

neuronym.theme = (() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    try {
      return window.localStorage.getItem("neuronym-theme");
    } catch {
      return null;
    }
  }

  function current() {
    return root.dataset.theme || (system.matches ? "dark" : "light");
  }

  function toggle() {
    const next = current() === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    try {
      window.localStorage.setItem("neuronym-theme", next);
    } catch {
      // It holds until the page is closed.
    }
    return next;
  }

  const chosen = stored();
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  return { current, toggle };
})();

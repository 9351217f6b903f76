"use strict";

// The way through the units: the bar above, the steps below, the keys.

(() => {
  const { h, said } = neuronym;
  const main = document.getElementById("main");
  const bar = document.getElementById("bar");
  const KEYS = [
    ["1 – 5", "rate the marked description"],
    ["A – Z", "choose the best"],
    ["↓ ↑", "next and previous question"],
    ["Enter", "on: to the open question, then to the next images"],
    ["→ ←", "next and previous images"],
    ["?", "this list"],
  ];
  let page = null;
  let shown = null;

  const go = (place) => {
    neuronym.answers.at = Math.min(Math.max(0, place), page.items.length);
    show();
  };
  const by = (step) => go(neuronym.answers.at + step);

  function theme() {
    neuronym.announce(`${neuronym.theme.toggle()} theme`);
  }

  function help() {
    if (document.querySelector("dialog[open]")) return;
    const dialog = h(
      "dialog",
      { class: "help", "aria-labelledby": "help-title" },
      h("h2", { id: "help-title" }, "Keys"),
      h("dl", {}, KEYS.map(([key, words]) => h("div", {}, h("dt", {}, key.split(" ").map((one) => (one === "–" ? one : h("kbd", {}, one)))), h("dd", {}, words)))),
      neuronym.button("close", "Close (Esc)", () => dialog.close(), { class: "round shut" }),
    );
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    dialog.showModal();
  }

  function leave() {
    neuronym.answers.leave();
    show();
  }

  function drawBar() {
    const done = page.items.filter(neuronym.answers.isComplete).length;
    const rater = neuronym.answers.rater;
    const progress =
      rater !== null &&
      h(
        "div",
        { class: "progress" },
        h("button", { type: "button", class: "rater", title: "Another rater", "aria-label": `${rater}: another rater`, click: leave }, said(rater)),
        h("progress", { value: done, max: page.items.length, "aria-label": "Complete" }),
        h("span", { class: "muted small tabular" }, `${done} of ${page.items.length} done`),
      );
    const tools = [
      rater !== null && neuronym.button("down", "Download the ratings", neuronym.download, { id: "download", disabled: !page.items.some(neuronym.answers.isTouched) }),
      neuronym.button("help", "Keys (?)", help),
      neuronym.button("sun", "Light or dark", theme),
    ];
    bar.replaceChildren(
      h("span", { class: "brand" }, h("img", { src: document.querySelector("link[rel=icon]").href, alt: "", width: "22", height: "22" }), h("span", {}, "neuronym")),
      ...(progress ? [progress] : []),
      h("div", { class: "bar-tools" }, tools.filter(Boolean)),
    );
  }

  function steps(at) {
    const last = at === page.items.length - 1;
    const next = h("button", { type: "button", id: "next", click: () => by(1) });
    const label = () => {
      const done = shown.isDone();
      next.className = done ? "primary" : "plain";
      next.replaceChildren(done ? (last ? "Finish" : "Next") : "Skip for now", neuronym.icon("right"));
    };
    const back = h("button", { type: "button", class: "plain", id: "back", click: () => by(-1), disabled: at === 0 }, neuronym.icon("left"), "Back");
    const keys = h("p", { class: "muted small keys" }, h("kbd", {}, "1"), "–", h("kbd", {}, "5"), " rate, ", h("kbd", {}, "Enter"), " on");
    return [h("nav", { class: "onward", "aria-label": "Images" }, back, keys, next), label];
  }

  function draw() {
    shown = null;
    if (neuronym.answers.rater === null) return neuronym.beginning(page, show);
    const at = neuronym.answers.at;
    if (at === page.items.length) return h("div", {}, neuronym.ending(page, go), h("nav", { class: "onward end" }, h("button", { type: "button", class: "plain", id: "back", click: () => by(-1) }, neuronym.icon("left"), "Back")));
    let label = () => {};
    shown = neuronym.unitQuestions(page, at, () => {
      label();
      drawBar();
    });
    const [nav, relabel] = steps(at);
    label = relabel;
    label();
    return h("div", {}, shown.element, nav, neuronym.keepsNothing());
  }

  function show() {
    main.replaceChildren(draw());
    drawBar();
    window.scrollTo(0, 0);
    const first = document.getElementById("rater") || main.querySelector("h1");
    first.focus({ preventScroll: true });
    document.body.dataset.at = neuronym.answers.rater === null ? "start" : String(neuronym.answers.at);
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const target = event.target;
    if (target.matches("input[type=text], select, textarea")) return;
    const onRadio = target.matches("input[type=radio]");
    const onButton = target.matches("button");
    if (act(event.key, onRadio, onButton)) event.preventDefault();
  }

  // Whether a key meant anything. On a radio button the arrows are the browser's, and on any other button Enter is.
  function act(key, onRadio, onButton) {
    if (key === "?") return help() || true;
    if (neuronym.answers.rater === null || (key === "Enter" && onButton)) return false;
    if (!onRadio && key === "ArrowRight" && shown) return by(1) || true;
    if (!onRadio && key === "ArrowLeft") return by(-1) || true;
    if (!shown) return false;
    if (!onRadio && key === "ArrowDown") return shown.move(1) || true;
    if (!onRadio && key === "ArrowUp") return shown.move(-1) || true;
    if (key === "Enter") return shown.toOpen() || by(1) || true;
    return key.length === 1 && shown.press(key);
  }

  document.addEventListener("keydown", pressed);
  document.addEventListener("DOMContentLoaded", () => {
    page = neuronym.pages.get("rating");
    neuronym.answers.open(page);
    neuronym.answers.onChangeElsewhere(show);
    show();
  });
})();

"use strict";

// One unit: its images and its questions. One question is active; keys answer it, and so does a click on any other.

(() => {
  const { h, said } = neuronym;
  const SCALE = ["strongly disagree", "disagree", "neither agree nor disagree", "agree", "strongly agree"];
  const letter = (place) => (place < 26 ? String.fromCharCode(65 + place) : String(place + 1));

  function picture(page, item, place) {
    const words = `Image ${place + 1} of ${item.images.length}`;
    const image = h("img", {
      src: page.pictures[item.images[place]],
      alt: words,
      draggable: "false",
      load: (event) => event.target.classList.toggle("pixels", event.target.naturalHeight <= 96),
    });
    return h("li", {}, h("button", { type: "button", class: "picture", "aria-label": `${words}: enlarge`, click: () => enlarge(page, item, place) }, image));
  }

  function enlarge(page, item, first) {
    let place = first;
    const image = h("img", { load: (event) => event.target.classList.toggle("pixels", event.target.naturalHeight <= 96) });
    const count = h("p", { class: "muted small tabular" });
    const turn = (by) => {
      place = (place + by + item.images.length) % item.images.length;
      image.src = page.pictures[item.images[place]];
      image.alt = `Image ${place + 1} of ${item.images.length}`;
      count.textContent = image.alt;
    };
    const dialog = h(
      "dialog",
      { class: "zoom", "aria-label": "Image" },
      image,
      h("div", { class: "zoom-tools" }, neuronym.button("left", "Previous image (←)", () => turn(-1)), count, neuronym.button("right", "Next image (→)", () => turn(1)), neuronym.button("close", "Close (Esc)", () => dialog.close())),
    );
    dialog.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by) turn(by);
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (document.activeElement) document.activeElement.blur(); // Enter is to go on, not to enlarge again
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    turn(0);
    dialog.showModal();
  }

  function radio(group, value, words, checked, act, shown) {
    return h("label", {}, h("input", { type: "radio", name: group, value, checked, "aria-label": words, change: act }), shown);
  }

  // What a unit's page needs to be shown and driven by keys: `element`, `rate`, `move`, `isDone` ...
  neuronym.unitQuestions = (page, place, changed) => {
    const item = page.items[place];
    const total = item.options.length + (item.best ? 1 : 0);
    let active = 0;
    let pointed = false;

    const rows = item.options.map((one, at) => {
      const chosen = neuronym.answers.answer(item).ratings[one.option];
      const name = `text-${at}`;
      return h(
        "div",
        { class: "question rate", role: "radiogroup", "aria-labelledby": `ask ${name}` },
        h("p", { class: "text", id: name }, h("span", { class: "letter" }, letter(at)), said(one.description, "said")),
        h(
          "div",
          { class: "scale" },
          h("div", { class: "steps" }, SCALE.map((words, step) => radio(`rate-${at}`, step + 1, `${step + 1}, ${words}`, chosen === step + 1, () => rated(at, step + 1), h("span", {}, String(step + 1))))),
          h("p", { class: "ends", "aria-hidden": "true" }, h("span", {}, "strongly disagree"), h("span", {}, "neither"), h("span", {}, "strongly agree")),
        ),
      );
    });
    const best =
      item.best &&
      h(
        "div",
        { class: "question best", role: "radiogroup", "aria-labelledby": "ask-best" },
        h("h2", { id: "ask-best" }, "Which describes the images best?"),
        h("div", { class: "choices" }, item.options.map((one, at) => radio("best", one.option, `${letter(at)}: ${one.description}`, neuronym.answers.answer(item).best === one.option, () => picked(at), h("span", { class: "choice" }, h("span", { class: "letter" }, letter(at)), said(one.description, "said"))))),
      );
    const questions = best ? [...rows, best] : rows;

    const isAnswered = (at) => {
      const found = neuronym.answers.answer(item);
      return at < item.options.length ? Boolean(found.ratings[item.options[at].option]) : found.best !== null;
    };
    const open = () => questions.findIndex((_, at) => !isAnswered(at));

    function activate(at, show = true) {
      active = at;
      questions.forEach((one, number) => one.classList.toggle("active", number === at));
      if (show) questions[at].scrollIntoView({ block: "nearest" });
    }

    // After a click the keys belong to the page again; who came to a button by keys stays there.
    function settle() {
      if (pointed && document.activeElement) document.activeElement.blur();
    }

    function rated(at, value) {
      neuronym.answers.rate(item, item.options[at].option, value);
      rows[at].querySelectorAll("input")[value - 1].checked = true;
      neuronym.announce(`${letter(at)}: ${value}, ${SCALE[value - 1]}`);
      activate(at, false);
      settle();
      changed();
    }

    function picked(at) {
      neuronym.answers.choose(item, item.options[at].option);
      best.querySelectorAll("input")[at].checked = true;
      neuronym.announce(`Best: ${letter(at)}`);
      activate(item.options.length, false);
      settle();
      changed();
    }

    const element = h(
      "section",
      { class: "unit", pointerdown: () => (pointed = true), keydown: () => (pointed = false) },
      h("h1", { tabindex: "-1" }, `Images ${place + 1} of ${page.items.length}`),
      h("ol", { class: "pictures" }, item.images.map((_, at) => picture(page, item, at))),
      h("h2", { id: "ask" }, `Does the description accurately describe most of the above ${item.images.length === 1 ? "image" : `${item.images.length} images`}?`),
      rows,
      best,
    );
    questions.forEach((one, at) => one.addEventListener("focusin", () => activate(at, false)));
    activate(Math.max(0, open()), false);

    return {
      element,
      isDone: () => open() < 0,
      // A digit or a letter answers the active question; then the next open one is active.
      press(key) {
        pointed = false;
        if (active < item.options.length) {
          if (!/^[1-5]$/.test(key)) return false;
          rated(active, Number(key));
        } else {
          const at = item.options.findIndex((_, number) => key.toUpperCase() === letter(number) || key === String(number + 1));
          if (at < 0) return false;
          picked(at);
        }
        if (active + 1 < total) activate(active + 1);
        return true;
      },
      move(by) {
        activate(Math.min(Math.max(0, active + by), total - 1));
      },
      // To the first open question; false if there is none.
      toOpen() {
        if (open() < 0) return false;
        activate(open());
        return true;
      },
    };
  };
})();

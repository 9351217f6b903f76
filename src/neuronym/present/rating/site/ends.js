"use strict";

// Where a rater begins, and where one ends.

(() => {
  const { h, said } = neuronym;

  neuronym.download = () => {
    const link = h("a", { href: URL.createObjectURL(new Blob([neuronym.answers.csv()], { type: "text/csv" })), download: neuronym.answers.fileName() });
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    neuronym.announce(`${link.download} is downloaded`);
  };

  neuronym.keepsNothing = () =>
    neuronym.answers.isKept ? null : h("p", { class: "notice" }, "This browser forgets your answers when the page is closed. Download them before.");

  neuronym.beginning = (page, start) => {
    const input = h("input", { type: "text", id: "rater", autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: neuronym.answers.NAME_LENGTH, required: true });
    const begin = (event) => {
      event.preventDefault();
      if (neuronym.answers.begin(input.value)) start();
      else input.focus();
    };
    const minutes = Math.max(1, Math.round(page.items.length / 2));
    return h(
      "section",
      { class: "end" },
      h("h1", { tabindex: "-1" }, "Which words fit these images?"),
      h("p", {}, `You will see ${neuronym.counted(page.items.length, "set")} of images. Below each set are descriptions of what its images have in common. Say of each how far you agree. It takes about ${neuronym.counted(minutes, "minute")}, and you can stop, go on later, go back and change.`),
      h(
        "form",
        { class: "who", submit: begin },
        h("label", { for: "rater" }, "Your name, or any id"),
        h("div", { class: "who-line" }, input, h("button", { type: "submit", class: "primary" }, "Start")),
      ),
      neuronym.answers.raters.length > 0 &&
        h(
          "div",
          { class: "again" },
          h("h2", {}, "Go on as"),
          h("ul", { class: "chips" }, neuronym.answers.raters.map((one) => h("li", {}, h("button", { type: "button", class: "chip", click: () => neuronym.answers.begin(one.name) && start() }, said(one.name), h("span", { class: "muted tabular" }, ` ${one.done} of ${page.items.length}`))))),
        ),
      h("p", { class: "muted small" }, "Your answers stay in this browser, and nothing is sent. At the end you download them as a file."),
      neuronym.keepsNothing(),
    );
  };

  neuronym.ending = (page, go) => {
    const done = page.items.filter(neuronym.answers.isComplete).length;
    const left = page.items.length - done;
    const chip = (item, at) => {
      const state = neuronym.answers.isComplete(item) ? "complete" : neuronym.answers.isTouched(item) ? "begun" : "open";
      return h("li", {}, h("button", { type: "button", class: `chip ${state}`, "aria-label": `Images ${at + 1}, ${state}`, click: () => go(at) }, String(at + 1)));
    };
    const touched = page.items.some(neuronym.answers.isTouched);
    return h(
      "section",
      { class: "end" },
      h("h1", { tabindex: "-1" }, left === 0 ? "Done. Thank you!" : `${done} of ${page.items.length} are complete`),
      h("p", {}, left === 0 ? "Download your ratings and send the file to whoever gave you this page." : `${left === 1 ? "One is" : `${neuronym.count(left)} are`} still open. You can complete them now, or download what is there.`),
      h("div", { class: "choose" }, left > 0 && h("button", { type: "button", class: "primary", id: "open", click: () => go(page.items.findIndex((item) => !neuronym.answers.isComplete(item))) }, "To the first open one"), h("button", { type: "button", class: left === 0 ? "primary" : "plain", click: neuronym.download, disabled: !touched }, neuronym.icon("down"), "Download ", said(neuronym.answers.fileName()))),
      h("h2", {}, "Look again, or change"),
      h("ol", { class: "chips" }, page.items.map(chip)),
      neuronym.keepsNothing(),
    );
  };
})();

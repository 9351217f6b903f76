"use strict";

// Elements, numbers, data files and the address. Everything that is shown passes through `h` and `svg`, which know text
// and attributes only: nothing is ever read as HTML.

(() => {
  const SVG = "http://www.w3.org/2000/svg";

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (typeof value === "function") element.addEventListener(name, value);
      else if (name === "style") for (const [key, part] of Object.entries(value)) element.style.setProperty(key, part);
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child !== null && child !== undefined && child !== false) element.append(child);
    }
    return element;
  }

  neuronym.h = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  neuronym.svg = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

  // Text of a model, a file name or a label: its direction stays its own.
  neuronym.said = (text, className) => neuronym.h("bdi", { class: className }, text);

  // A proper minus, and none before a nought.
  const minus = (text) => (/[1-9]/.test(text) ? text.replace("-", "−") : text.replace("-", ""));

  neuronym.number = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size === 0) return "0";
    if (size < 0.001 || size >= 1e6) return minus(value.toExponential(1));
    return minus(size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(size >= 1 ? 2 : 3));
  };
  neuronym.fixed = (value, places) => minus(value.toFixed(places));
  neuronym.correlation = (value) => (value === null ? "–" : neuronym.fixed(value, 2));
  neuronym.count = (value) => value.toLocaleString("en-US");
  neuronym.counted = (value, thing) => `${neuronym.count(value)} ${thing}${value === 1 ? "" : "s"}`;
  neuronym.percent = (share) => {
    const value = 100 * share;
    if (value > 0 && value < 0.1) return "< 0.1 %";
    return `${value === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} %`;
  };

  neuronym.image = (number) => `images/${Math.floor(number / 1000)}/${number}.webp`;

  // Data files hand their content to `put`; a browser may not fetch files from disk, but it may run scripts.
  neuronym.put = (key, page) => {
    neuronym.pages.set(key, page);
  };

  neuronym.load = (key, path) => {
    if (neuronym.pages.has(key)) return Promise.resolve(neuronym.pages.get(key));
    if (!neuronym.waiting.has(key)) {
      const loading = new Promise((resolve, reject) => {
        const script = neuronym.h("script", { src: path });
        const fail = () => {
          neuronym.waiting.delete(key);
          reject(new Error(`The report's file ${path} is missing or damaged.`));
        };
        script.addEventListener("load", () => (neuronym.pages.has(key) ? resolve(neuronym.pages.get(key)) : fail()));
        script.addEventListener("error", fail);
        document.head.append(script);
      });
      neuronym.waiting.set(key, loading);
    }
    return neuronym.waiting.get(key);
  };

  neuronym.loadLayer = (study, layer) => {
    const key = `${study.place}/${layer.place}`;
    return neuronym.load(key, `data/${key}/gallery.js`);
  };
  neuronym.loadUnit = async (page, unit) => {
    const block = Math.floor(unit / page.block);
    const place = `${page.study}/${page.layer.place}`;
    return (await neuronym.load(`${place}/${block}`, `data/${place}/units-${block}.js`))[unit % page.block];
  };

  // The address: what is shown stands behind the "#", so that a link to it can be passed on.
  neuronym.address = (parts) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parts)) {
      if (value !== null && value !== undefined && value !== "") query.set(name, value);
    }
    return `#${query}`;
  };
  neuronym.asked = () => Object.fromEntries(new URLSearchParams(window.location.hash.slice(1)));
  neuronym.announce = (text) => {
    document.getElementById("live").textContent = text;
  };
})();

"use strict";
// What the pages share: elements, heat maps as tables, plots with their numbers beside them.
const data = JSON.parse(document.getElementById("data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
};
const options = (select, entries, chosen = 0) => {
  select.replaceChildren(...entries.map(([value, text]) => element("option", { value }, text)));
  if (entries.length) select.selectedIndex = Math.min(chosen, entries.length - 1);
};
const isRank = (key) => /(^|\/)(MRD|MaxRank)$/.test(key);
const shown = (value, key = "") =>
  value === null ? "-" : isRank(key) ? d3.format(",.1f")(value) : value.toFixed(4);

// --- heat map: a table, so that it can be read aloud and with the keyboard ---

function heatTable(languages, caption, isDifference, value, mark = () => "") {
  const n = languages.length;
  const numbers = d3.cross(d3.range(n), d3.range(n), value).filter((x) => x !== null);
  const widest = d3.max(numbers, Math.abs) || 1;
  const scale = isDifference
    ? d3.scaleDiverging([-widest, 0, widest], dark.matches ? darkDifference : d3.interpolateRdBu)
    : d3.scaleSequential([0, 1], dark.matches ? darkHeat : lightHeat);
  const head = element("tr", {}, element("th", { scope: "col", class: "name" }, "question"));
  languages.forEach((x) => {
    head.append(element("th", { scope: "col", title: x.name }, x.code));
  });
  const body = languages.map((language, i) => {
    const name = `${language.name} (${language.code})`;
    const row = element("tr", {}, element("th", { scope: "row", class: "name" }, name));
    languages.forEach((_, j) => {
      const x = value(i, j);
      const text = x === null ? "-" : (isDifference ? d3.format("+.3f")(x) : x.toFixed(3)) + mark(i, j);
      const color = x === null ? null : scale(x);
      const style = color && `background:${color};color:${readable(color)}`;
      row.append(element("td", { style, class: i === j ? "own" : null }, text));
    });
    return row;
  });
  return element("table", { class: "heat" }, element("caption", {}, caption),
    element("thead", {}, head), element("tbody", {}, ...body));
}

const lightHeat = (t) => d3.interpolateBlues(0.02 + 0.93 * t);
const darkHeat = d3.interpolateRgb("#1b222b", "#6db3f2");
const darkDifference = d3.piecewise(d3.interpolateRgb, ["#d9694f", "#20252b", "#5fa8e8"]);

function readable(color) {
  const { r, g, b } = d3.rgb(color);
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#111" : "#fff";
}

// --- plots ---

const palette = () => (dark.matches ? d3.schemeSet2 : d3.schemeDark2);
const room = { marginBottom: 48 };
const below = 42;
const style = { fontSize: "13px", background: "transparent", overflow: "visible" };

function width(target) {
  return Math.max(300, Math.min(900, target.clientWidth || 640));
}

function put(target, label, plot, rows) {
  // The picture has a name; the numbers behind it are a table for whoever cannot see it.
  const svg = plot.matches("svg") ? plot : plot.querySelector(":scope > svg");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const [head, ...body] = rows;
  const line = (row, name) => element("tr", {}, ...row.map((x, i) =>
    element(i && name !== "th" ? "td" : "th", { scope: i ? (name === "th" ? "col" : null) : "row" }, x)));
  const table = element("table", {}, element("thead", {}, line(head, "th")),
    element("tbody", {}, ...body.map((row) => line(row, "td"))));
  target.replaceChildren(plot, element("details", {}, element("summary", {}, "The numbers"),
    element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table)));
}

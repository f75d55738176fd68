"use strict";
// Heat map and intervals of the differences between two models.
const codes = data.languages.map((language) => language.code);
const alone = new Map(data.settings.filter((s) => s.corpus.length === 1).map((s) => [`${s.question} ${s.corpus[0]}`, s]));
const of = (i, j) => alone.get(`${codes[i]} ${codes[j]}`);
const what = `${data.first} minus ${data.second}`;

function drawPairs() {
  const caption = `${data.measure}, ${what}, by question (rows) and passage language (columns); * p < 0.05`;
  document.querySelector('[data-plot="pairs"]').replaceChildren(heatTable(data.languages, caption, true,
    (i, j) => of(i, j)?.value ?? null, (i, j) => (of(i, j).p < 0.05 ? "*" : "")));
}

function drawModes() {
  for (const target of document.querySelectorAll("[data-forest]")) {
    const rows = data.settings.filter((s) => s.mode === target.dataset.forest);
    const plot = Plot.plot({
      width: width(target), height: 70 + 24 * rows.length, style, marginLeft: 90, ...room,
      x: { label: `${data.measure}: ${what}`, labelOffset: below, grid: true, nice: true },
      y: { label: null, domain: rows.map((r) => r.name) },
      marks: [
        Plot.ruleX([0]),
        Plot.ruleY(rows, { y: "name", x1: "low", x2: "high", strokeWidth: 2 }),
        Plot.dot(rows, { y: "name", x: "value", r: 5, fill: (r) => (r.p < 0.05 ? palette()[2] : "currentColor") }),
      ],
    });
    put(target, `Differences of ${data.measure} in ${target.dataset.forest}`, plot,
      [["setting", "difference", "low", "high", "p (Holm)"],
        ...rows.map((r) => [r.name, shown(r.value, data.measure), shown(r.low, data.measure), shown(r.high, data.measure), r.p.toFixed(4)])]);
  }
}

const drawAll = () => { drawPairs(); drawModes(); };
drawAll();
dark.addEventListener("change", drawAll);

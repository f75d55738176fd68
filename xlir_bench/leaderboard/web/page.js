"use strict";
// Sorting, filtering, plots and the query explorer of one page of boards.
const boards = data;
const sections = [...document.querySelectorAll(".board")];

// --- tables ---

function makeSortable(table) {
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = element("button", { type: "button" }, header.textContent.trim());
    header.replaceChildren(button);
    button.addEventListener("click", () => {
      const isText = header.dataset.kind === "text";
      const first = isText || header.dataset.better === "lower" ? "ascending" : "descending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = header.getAttribute("aria-sort") === first ? other : first;
      headers.forEach((cell) => cell.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", order);
      sortRows(table, column, isText, order === "ascending" ? 1 : -1);
    });
  });
}

function sortRows(table, column, isText, sign) {
  const body = table.tBodies[0];
  const value = (row) => {
    const cell = row.cells[column];
    if (isText) return (cell.dataset.value ?? cell.textContent).trim().toLowerCase();
    return cell.dataset.value === undefined ? NaN : Number(cell.dataset.value);
  };
  const compare = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (isText) return sign * x.localeCompare(y);
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // last
    return sign * (x - y);
  };
  body.append(...[...body.rows].sort(compare));
}

function makeFilters(section) {
  const table = section.querySelector(".models");
  const rows = [...table.tBodies[0].rows];
  const filter = section.querySelector("[data-filter]");
  const count = section.querySelector("[data-count]");
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    rows.forEach((row) => {
      row.hidden = !row.cells[0].dataset.value.toLowerCase().includes(wanted);
    });
    const left = rows.filter((row) => !row.hidden).length;
    count.textContent = wanted ? `${left} of ${rows.length} models` : "";
  });
  const mode = section.querySelector("select[data-mode]");
  mode.addEventListener("change", () => {
    table.querySelectorAll("th[data-mode], td[data-mode]").forEach((cell) => {
      cell.hidden = mode.value !== "" && cell.dataset.mode !== mode.value;
    });
  });
  for (const name of ["intervals", "facts"]) {
    const box = section.querySelector(`[data-${name}]`);
    box.addEventListener("change", () => table.classList.toggle(`hide-${name}`, !box.checked));
  }
}

// --- plots ---

function drawHeat(section, board) {
  const pick = (name) => section.querySelector(`[data-heat="${name}"]`);
  const target = section.querySelector('[data-plot="heat"]');
  const ranked = board.models.filter((model) => model.alone);
  options(pick("model"), ranked.map((m, i) => [i, m.short]));
  options(pick("minus"), [["", "nothing"], ...ranked.map((m, i) => [i, m.short])]);
  const draw = () => {
    const kind = pick("kind").value;
    const model = ranked[pick("model").value];
    const minus = pick("minus").value === "" ? null : ranked[pick("minus").value];
    const cells = model[kind];
    if (!cells || (minus && !minus[kind])) {
      target.replaceChildren("This model was not measured in one pool.");
      return;
    }
    const value = (i, j) => {
      const first = cells[i][j];
      const second = minus ? minus[kind][i][j] : 0;
      return first === null || second === null ? null : first - second;
    };
    const what = minus ? `${model.short} minus ${minus.short}` : model.short;
    const caption = `AP by question language (rows) and passage language (columns): ${what}`;
    target.replaceChildren(heatTable(board.languages, caption, minus !== null, value));
  };
  ["model", "minus", "kind"].forEach((name) => pick(name).addEventListener("change", draw));
  draw();
  return draw;
}

function drawBias(section, board) {
  const select = section.querySelector("[data-bias]");
  const target = section.querySelector('[data-plot="bias"]');
  const draw = () => {
    const name = select.value;
    const rows = board.models.filter((m) => m.bias && m.bias[name])
      .map((m) => ({ model: m.short, value: m.bias[name][0], low: m.bias[name][1], high: m.bias[name][2] }));
    const narrow = width(target) < 500;
    const plot = Plot.plot({
      width: width(target), height: 70 + 34 * rows.length, style,
      marginLeft: narrow ? 10 : 20 + 7.2 * d3.max(rows, (r) => r.model.length), marginRight: 20, ...room, insetTop: narrow ? 12 : 0,
      x: { label: name, labelOffset: below, grid: true, zero: true, nice: true }, y: { label: null, axis: narrow ? null : "left" },
      color: { range: palette() },
      marks: [
        Plot.barX(rows, { y: "model", x: "value", fill: palette()[2], fillOpacity: 0.75,
          sort: { y: null }, insetTop: narrow ? 14 : 4, insetBottom: 4 }),
        Plot.ruleY(rows, { y: "model", x1: "low", x2: "high", strokeWidth: 2, dy: narrow ? 5 : 0 }),
        ...(narrow ? [Plot.text(rows, { y: "model", x: 0, text: "model", textAnchor: "start", dy: -10, dx: 2 })] : []),
        Plot.ruleX([0]),
        ...(name === "AboveLift" ? [Plot.ruleX([1], { strokeDasharray: "3,3" })] : []),
      ],
    });
    put(target, `${name} of ${rows.length} models`, plot,
      [["model", name, "low", "high"], ...rows.map((r) => [r.model, ...[r.value, r.low, r.high].map((x) => shown(x, name))])]);
  };
  select.addEventListener("change", draw);
  draw();
  return draw;
}

function drawScatter(section, board) {
  const quality = section.querySelector("[data-quality]");
  const bias = section.querySelector("[data-bias]");
  const target = section.querySelector('[data-plot="scatter"]');
  const keys = board.columns.filter((c) => !/MRD|MaxRank/.test(c.key));
  options(quality, keys.map((c) => [c.key, c.name]), keys.findIndex((c) => c.key === "multi/AP"));
  const draw = () => {
    const [x, y] = [quality.value, bias.value];
    const rows = board.models.filter((m) => m.bias && m.bias[y] && m.figures[x])
      .map((m) => ({ model: m.short, x: m.figures[x], y: m.bias[y] }));
    const plot = Plot.plot({
      width: width(target), height: 420, style, marginLeft: 60, marginRight: 30, inset: 18, ...room,
      x: { label: x, labelOffset: below, grid: true, nice: true }, y: { label: y, grid: true, nice: true },
      marks: [
        Plot.ruleY(rows, { y: (r) => r.y[0], x1: (r) => r.x[1], x2: (r) => r.x[2], strokeOpacity: 0.6 }),
        Plot.ruleX(rows, { x: (r) => r.x[0], y1: (r) => r.y[1], y2: (r) => r.y[2], strokeOpacity: 0.6 }),
        Plot.dot(rows, { x: (r) => r.x[0], y: (r) => r.y[0], r: 5, fill: palette()[2] }),
        Plot.tip(rows, Plot.pointer({ x: (r) => r.x[0], y: (r) => r.y[0], title: (r) => `${r.model}\n${x} ${shown(r.x[0], x)}\n${y} ${shown(r.y[0], y)}` })),
        ...labels(rows, width(target)),
      ],
    });
    put(target, `${x} against ${y} of ${rows.length} models`, plot,
      [["model", x, y], ...rows.map((r) => [r.model, shown(r.x[0], x), shown(r.y[0], y)])]);
  };
  quality.addEventListener("change", draw);
  bias.addEventListener("change", draw);
  draw();
  return draw;
}

function labels(rows, wide) {
  // Names of points that lie close to one another are put at different heights.
  if (wide < 500) return []; // a telephone has room for the points alone; their names are below
  const [xs, ys] = [d3.extent(rows, (r) => r.x[0]), d3.extent(rows, (r) => r.y[0])];
  const part = (x, [low, high]) => (high > low ? (x - low) / (high - low) : 0.5);
  const at = rows.map((r) => ({ x: part(r.x[0], xs) * (wide - 130), y: (1 - part(r.y[0], ys)) * 330 }));
  const taken = at.map(({ x, y }) => ({ left: x - 6, right: x + 6, y }));
  return rows.map((r, i) => {
    const { x, y } = at[i];
    const long = 7 * r.model.length;
    const toLeft = x > wide / 2;
    const left = toLeft ? x - long : x;
    const isFree = (dy) => taken.every((p) => Math.abs(p.y - y - dy) > 14 || p.right < left || p.left > left + long);
    const dy = d3.range(1, 30).flatMap((step) => [-14 * step, 14 * step]).find(isFree) ?? -14;
    taken.push({ left, right: left + long, y: y + dy });
    return Plot.text([r], { x: (d) => d.x[0], y: (d) => d.y[0], text: "model", dy, dx: toLeft ? 4 : -4,
      textAnchor: toLeft ? "end" : "start" });
  });
}

function drawLines(section, board) {
  const select = section.querySelector("[data-line]");
  const target = section.querySelector('[data-plot="lines"]');
  const keys = [...new Set(board.models.flatMap((m) => Object.keys(m.lines ?? {})))].filter((k) => k === "multi/MRD" || !k.endsWith("MRD"));
  options(select, keys.map((k) => [k, k]), keys.indexOf("multi/AP"));
  const draw = () => {
    const key = select.value;
    const models = board.models.filter((m) => m.lines && m.lines[key]);
    const rows = models.flatMap((m) => m.lines[key].map((value, i) => ({ model: m.short, language: board.languages[i].code, value })))
      .filter((r) => r.value !== null);
    const plot = Plot.plot({
      width: width(target), height: 360, style, marginLeft: 60, ...room,
      x: { type: "point", domain: board.languages.map((l) => l.code), label: "question language", labelOffset: below },
      y: { grid: true, label: key, zero: true, nice: true },
      color: { legend: true, domain: models.map((m) => m.short), range: palette() },
      symbol: { domain: models.map((m) => m.short) },
      marks: [
        Plot.lineY(rows, { x: "language", y: "value", stroke: "model", strokeOpacity: 0.45 }),
        Plot.dot(rows, { x: "language", y: "value", fill: "model", symbol: "model", r: 4 }),
        Plot.tip(rows, Plot.pointer({ x: "language", y: "value", title: (r) => `${r.model}\n${r.language} ${shown(r.value, key)}` })),
      ],
    });
    put(target, `${key} by question language`, plot, [["model", ...board.languages.map((l) => l.code)],
      ...models.map((m) => [m.short, ...m.lines[key].map((x) => shown(x, key))])]);
  };
  select.addEventListener("change", draw);
  draw();
  return draw;
}

// --- query explorer ---

const MOST = 200;

function makeExplorer(section, board) {
  const texts = board.texts;
  if (!texts) return;
  section.querySelector("[data-explorer]").hidden = false;
  const pick = (name) => section.querySelector(`[data-explore="${name}"]`);
  options(pick("model"), Object.keys(texts.rankings).map((i) => [i, board.models[i].short]));
  options(pick("language"), [["", "all"], ...board.languages.map((l, i) => [i, l.name])], 1);
  const list = () => {
    const wanted = pick("search").value.trim().toLowerCase();
    const chosen = pick("language").value;
    const found = texts.queries.map((query, i) => [i, ...query])
      .filter(([, language, , text]) => (chosen === "" || language === Number(chosen)) && text.toLowerCase().includes(wanted));
    options(pick("query"), found.slice(0, MOST).map(([i, , , text]) => [i, text]));
    [...pick("query").options].forEach((option) => {
      const language = board.languages[texts.queries[option.value][0]];
      option.lang = language.code;
      option.dir = language.dir;
    });
    show();
  };
  const show = () => {
    const number = pick("query").value;
    if (number === "") {
      pick("result").replaceChildren("No question holds that text.");
      return;
    }
    pick("result").replaceChildren(...ranking(board, Number(number), pick("model").value));
  };
  pick("language").addEventListener("change", list);
  pick("search").addEventListener("input", list);
  pick("query").addEventListener("change", show);
  pick("model").addEventListener("change", show);
  list();
}

function ranking(board, number, model) {
  const texts = board.texts;
  const [own, id, question] = texts.queries[number];
  const answers = new Set(texts.answers[number]);
  const asked = board.languages[own];
  const items = texts.rankings[model][number].map((passage, place) => {
    const [column, text] = texts.passages[passage];
    const language = board.languages[column];
    const isRight = answers.has(passage);
    return element("li", { class: isRight ? "right" : null },
      element("span", {}, `${place + 1}.`),
      element("span", { class: column === own ? "language own" : "language" }, language.name),
      element("span", { title: isRight ? "right answer" : null, "aria-label": isRight ? "right answer" : null, role: isRight ? "img" : null }, isRight ? "✓" : ""),
      element("span", { lang: language.code, dir: language.dir }, text));
  });
  return [
    element("p", { class: "question", lang: asked.code, dir: asked.dir }, question),
    element("p", {}, `${id}, asked in ${asked.name}; ${answers.size} right answers in all languages.`),
    element("ol", { class: "found" }, ...items),
  ];
}

// --- the page ---

const drawn = new Map();

function open(number) {
  sections.forEach((section, i) => { section.hidden = i !== number; });
  if (drawn.has(number)) {
    drawn.get(number).forEach((draw) => draw());
    return;
  }
  const [section, board] = [sections[number], boards[number]];
  const draws = [drawHeat, drawBias, drawScatter, drawLines].map((draw) => draw(section, board));
  makeExplorer(section, board);
  drawn.set(number, draws);
}

sections.forEach((section) => {
  makeSortable(section.querySelector(".models"));
  makeFilters(section);
});
document.getElementById("benchmark")?.addEventListener("change", (event) => {
  open(Number(event.target.value));
  location.replace(`#${boards[Number(event.target.value)].name}`);
});
const start = Math.max(0, boards.findIndex((board) => `#${board.name}` === location.hash));
const benchmark = document.getElementById("benchmark");
if (benchmark) benchmark.value = String(start);
open(start);

const again = () => drawn.forEach((draws, number) => {
  if (!sections[number].hidden) draws.forEach((draw) => draw());
});
dark.addEventListener("change", again);
let last = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== last) {
    last = innerWidth;
    again();
  }
});

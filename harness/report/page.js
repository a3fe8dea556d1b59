"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const columns = data.columns.map(({ values, codes }) => (codes ? codes.map((k) => values[k]) : values));
const at = Object.fromEntries(data.columns.map(({ name }, k) => [name, columns[k]]));
const rows = columns[0].map((_, i) => i);

function say(value, digits = 3) {
  if (value === null || value === "") return "";
  if (typeof value !== "number") return value;
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(digits)));
}
function score(value) {
  return value === null ? "" : Math.abs(value) < 10 ? value.toFixed(3) : say(value, 4);
}
function interval(i) {
  return at.low[i] === null ? "" : score(at.low[i]) + " to " + score(at.high[i]);
}
function mebibytes(i) {
  return at.extra_mib[i] === null ? "" : at.extra_mib[i] < 1 ? "< 1" : say(at.extra_mib[i]);
}
function failed(i) {
  return at.failures[i] ? at.failures[i] + " of " + at.cells[i] : "";
}

// ------------------------------------------------------------------------------------------------ legend: one dims all
const chosen = new Set();
for (const button of document.querySelectorAll(".legend button")) {
  button.addEventListener("click", () => {
    const mine = button.dataset.s;
    chosen.has(mine) ? chosen.delete(mine) : chosen.add(mine);
    button.setAttribute("aria-pressed", chosen.has(mine));
    for (const group of document.querySelectorAll("g[data-s]")) {
      group.classList.toggle("off", chosen.size > 0 && !chosen.has(group.dataset.s));
    }
  });
}

// ------------------------------------------------------------------------------------- tooltips: pointer and arrow keys
const tip = document.getElementById("tip");
let here = null;
function describe(i) {
  const lines = [at.technique[i], at.dataset[i] + ", " + say(at.size[i]) + " training examples, " + at.device[i]];
  if (at.mean[i] !== null) {
    const spread = interval(i) && " (" + interval(i) + ")";
    lines.push(at.metric[i].replaceAll("_", " ") + " " + score(at.mean[i]) + spread + ", " + at.seeds[i] + " seeds");
  }
  const costs = [
    at.fit_seconds[i] !== null && "fit " + say(at.fit_seconds[i]) + " s",
    at.answers_per_second[i] !== null && say(at.answers_per_second[i]) + " answers/s",
    mebibytes(i) && mebibytes(i) + " MiB extra",
  ];
  lines.push(costs.filter(Boolean).join(" · "), at.why[i]);
  return lines.filter(Boolean).join("\n");
}
function show(mark) {
  if (here) here.classList.remove("here");
  here = mark;
  tip.textContent = mark ? describe(Number(mark.dataset.i)) : "";
  if (!mark) return;
  mark.classList.add("here");
  const box = mark.getBoundingClientRect();
  const left = Math.min(box.left + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
  const above = box.top - tip.offsetHeight - 8;
  tip.style.left = scrollX + Math.max(8, left) + "px";
  tip.style.top = scrollY + (above > 0 ? above : box.bottom + 8) + "px";
}
for (const chart of document.querySelectorAll(".chart")) {
  const title = chart.querySelector("title");
  chart.removeAttribute("aria-labelledby");
  chart.setAttribute("aria-label", title.textContent);
  title.textContent = ""; // or the browser shows its own tooltip over ours
  const marks = [...chart.querySelectorAll("use[data-i]")];
  chart.addEventListener("pointermove", (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
    const away = (mark) => Math.hypot(mark.getAttribute("x") - point.x, mark.getAttribute("y") - point.y);
    const shown = marks.filter((mark) => !mark.parentNode.classList.contains("off"));
    const nearest = shown.reduce((best, mark) => (!best || away(mark) < away(best) ? mark : best), null);
    show(nearest && away(nearest) < 28 ? nearest : null);
  });
  chart.addEventListener("pointerleave", () => show(null));
  chart.addEventListener("blur", () => show(null));
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") show(null);
    if (!step || !marks.length) return;
    event.preventDefault();
    show(marks[(marks.indexOf(here) + step + marks.length) % marks.length]);
  });
}

// ------------------------------------------------------------------------------------- the table of all, and downloads
const TABLE = [
  ["Dataset", "dataset"], ["Technique", "technique"], ["Examples", "size"], ["Device", "device"], ["Machine", "machine"],
  ["Metric", "metric"], ["Mean", "mean", (i) => score(at.mean[i])], ["95 % interval", "low", interval], ["Seeds", "seeds"], ["Floor", "floor", (i) => score(at.floor[i])],
  ["Ceiling", "ceiling", (i) => score(at.ceiling[i])], ["Fit, s", "fit_seconds"], ["Answers/s", "answers_per_second"],
  ["Took MiB", "extra_mib", mebibytes], ["Failed", "failures", failed], ["Why", "why"],
].filter(([, name]) => !["machine", "ceiling"].includes(name) || new Set(at[name]).size > 1);
const table = document.getElementById("all");
const isText = (name) => at[name].some((value) => typeof value === "string");
let shown = rows;
let order = { name: null, down: false };

function cell(i, [, name, write]) {
  const td = document.createElement("td");
  td.textContent = write ? write(i) : say(at[name][i]);
  td.className = name === "why" ? "why" : isText(name) ? "" : "r";
  return td;
}
function draw() {
  const words = document.getElementById("filter").value.toLowerCase().split(/\s+/);
  const text = (i) => TABLE.map(([, name]) => at[name][i]).join(" ").toLowerCase();
  shown = rows.filter((i) => words.every((word) => text(i).includes(word)));
  if (order.name) {
    const values = at[order.name];
    const compare = (a, b) => (typeof values[a] === "string" ? values[a].localeCompare(values[b]) : values[a] - values[b]);
    const empty = (i) => values[i] === null || values[i] === "";
    shown.sort((a, b) => empty(a) - empty(b) || (order.down ? -1 : 1) * compare(a, b));
  }
  const body = document.createElement("tbody");
  for (const i of shown) {
    const tr = body.insertRow();
    TABLE.forEach((column) => tr.append(cell(i, column)));
  }
  table.tBodies[0]?.remove();
  table.append(body);
  document.getElementById("count").textContent = shown.length + " of " + rows.length + " lines";
}
const head = table.createTHead().insertRow();
for (const [title, name] of TABLE) {
  const th = document.createElement("th");
  const button = document.createElement("button");
  th.scope = "col";
  th.className = isText(name) ? "" : "r";
  button.textContent = title;
  button.addEventListener("click", () => {
    order = { name, down: order.name === name && !order.down };
    for (const other of head.cells) other.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    draw();
  });
  th.append(button);
  head.append(th);
}
document.getElementById("filter").addEventListener("input", draw);

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
const names = data.columns.map(({ name }) => name);
document.getElementById("csv").addEventListener("click", () => {
  const tame = (value) => (/^[=+@-]/.test(value) ? "'" + value : value); // a spreadsheet would run it as a formula
  const quote = (value) => (typeof value === "string" ? '"' + tame(value).replaceAll('"', '""') + '"' : (value ?? ""));
  const lines = shown.map((i) => names.map((name) => quote(at[name][i])).join(","));
  save("eras.csv", "text/csv", [names.join(","), ...lines].join("\n") + "\n");
});
document.getElementById("json").addEventListener("click", () => {
  const objects = shown.map((i) => Object.fromEntries(names.map((name) => [name, at[name][i]])));
  save("eras.json", "application/json", JSON.stringify(objects, null, 1));
});
draw();

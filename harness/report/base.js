"use strict";
// Data of the page, its state in the address, the legend and the tooltip: what every section needs.
const data = JSON.parse(document.getElementById("data").textContent);
const plain = ({ values, codes }) => (codes ? codes.map((k) => values[k]) : values);
const columnsOf = (packed) => Object.fromEntries(packed.map((column) => [column.name, plain(column)]));
const at = columnsOf([...data.columns, ...data.more]);
const rows = at.size.map((_, i) => i);

/** A packed frame as a list of objects. */
function records(packed) {
  const columns = packed.map((column) => [column.name, plain(column)]);
  return (columns[0]?.[1] ?? []).map((_, i) => Object.fromEntries(columns.map(([name, values]) => [name, values[i]])));
}
function say(value, digits = 3) {
  if (value === null || value === undefined || value === "") return "";
  if (typeof value !== "number") return value;
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(digits)));
}
function score(value) {
  return value === null ? "" : Math.abs(value) < 10 ? value.toFixed(3) : say(value, 4);
}
const between = (low, high) => (low === null ? "" : score(low) + " to " + score(high));
const mebibytes = (value) => (value === null ? "" : value < 1 ? "< 1" : say(value));
const count = (number, noun) => say(number) + " " + noun + (number === 1 ? "" : "s");

// ------------------------------------------------------------------------------------------- state, kept in the address
const state = new Map(new URLSearchParams(location.hash.slice(1)));
const redraws = [];
function keep(name, value) {
  value === "" ? state.delete(name) : state.set(name, value);
  history.replaceState(null, "", "#" + new URLSearchParams([...state]));
}
addEventListener("hashchange", () => {
  state.clear();
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) state.set(name, value);
  for (const redraw of redraws) redraw();
  dim();
});

// --------------------------------------------------------------------------------------- legend: the chosen dim the rest
const chosen = new Set();
function dim(inside = document) {
  chosen.clear();
  const wanted = state.get("lines") ?? "";
  for (const one of wanted.split(".")) if (data.lines[one]) chosen.add(one);
  for (const chart of inside.matches?.(".chart") ? [inside] : inside.querySelectorAll(".chart")) {
    const groups = [...chart.querySelectorAll("g[data-s]")];
    const here = groups.some((group) => chosen.has(group.dataset.s)); // a chart without the chosen lines stays as it is
    for (const group of groups) {
      group.classList.toggle("off", here && !chosen.has(group.dataset.s));
      group.classList.toggle("on", chosen.has(group.dataset.s));
    }
  }
  for (const button of document.querySelectorAll(".legend button")) {
    button.setAttribute("aria-pressed", chosen.has(button.dataset.s));
  }
}
for (const button of document.querySelectorAll(".legend button")) {
  button.addEventListener("click", () => {
    const mine = button.dataset.s;
    chosen.has(mine) ? chosen.delete(mine) : chosen.add(mine);
    keep("lines", [...chosen].join("."));
    dim();
  });
}

// ------------------------------------------------------------------------------------- tooltips: pointer and arrow keys
const tip = document.getElementById("tip");
const tips = new WeakMap(); // mark -> its text
let here = null;
function describe(i) {
  const lines = [at.technique[i], at.dataset[i] + ", " + count(at.size[i], "training " + data.panels[at.panel[i]].unit.slice(0, -1)) + ", " + at.device[i]];
  if (at.mean[i] !== null) {
    const spread = at.low[i] === null ? "" : " (" + between(at.low[i], at.high[i]) + ")";
    lines.push(at.metric[i].replaceAll("_", " ") + " " + score(at.mean[i]) + spread + ", " + count(at.seeds[i], "seed"));
  }
  const costs = [
    at.fit_seconds[i] !== null && "fit " + say(at.fit_seconds[i]) + " s",
    at.answers_per_second[i] !== null && say(at.answers_per_second[i]) + " answers/s",
    at.extra_mib[i] !== null && mebibytes(at.extra_mib[i]) + " MiB extra",
  ];
  lines.push(costs.filter(Boolean).join(" · "), at.approximated[i] && "approximated: " + at.approximated[i], at.why[i]);
  return lines.filter(Boolean).join("\n");
}
const textOf = (mark) => tips.get(mark) ?? mark.dataset.tip ?? describe(Number(mark.dataset.i));
const lineOf = (mark) => mark.closest("g[data-s]")?.dataset.s;

function show(mark) {
  if (mark === here) return;
  if (here) {
    here.classList.remove("here");
    light(here.ownerSVGElement, null);
  }
  here = mark;
  tip.textContent = mark ? textOf(mark) : "";
  if (!mark) return;
  mark.classList.add("here");
  light(mark.ownerSVGElement, lineOf(mark));
  const box = mark.getBoundingClientRect();
  const left = Math.min(box.right + 6, document.documentElement.clientWidth - tip.offsetWidth - 8);
  const above = box.top - tip.offsetHeight - 8;
  const host = mark.closest("dialog") ?? document.body; // a dialog lies above all that is outside it
  host.append(tip);
  const shift = host === document.body ? [scrollX, scrollY] : [host.scrollLeft - host.getBoundingClientRect().left, host.scrollTop - host.getBoundingClientRect().top];
  tip.style.left = shift[0] + Math.max(8, left) + "px";
  tip.style.top = shift[1] + (above > 0 ? above : box.bottom + 8) + "px";
}
/** Dims all lines of a chart but one. */
function light(chart, line) {
  chart?.classList.toggle("hot", line !== null && line !== undefined);
  for (const group of chart?.querySelectorAll("g[data-s]") ?? []) group.classList.toggle("lit", group.dataset.s === line);
}
/** Tooltips of a chart: the mark nearest to the pointer, or the next one by arrow key. */
function wire(chart) {
  const all = [...chart.querySelectorAll("use, .cell")].filter((mark) => tips.has(mark) || mark.dataset.tip || mark.dataset.i);
  const middle = (mark, name, size) => Number(mark.getAttribute(name)) + Number(mark.getAttribute(size) ?? 0) / 2;
  const places = all.map((mark) => [mark, middle(mark, "x", "width"), middle(mark, "y", "height")]);
  chart.addEventListener("pointermove", (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
    let [nearest, least] = [null, 28];
    for (const [mark, x, y] of places) {
      const away = Math.hypot(x - point.x, y - point.y);
      if (away < least && !mark.parentNode.classList.contains("off")) [nearest, least] = [mark, away];
    }
    show(nearest);
  });
  chart.addEventListener("pointerleave", () => show(null));
  chart.addEventListener("blur", () => show(null));
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") show(null);
    if (!step || !all.length) return;
    event.preventDefault();
    const now = all.indexOf(here);
    show(all[now < 0 ? (step > 0 ? 0 : all.length - 1) : (now + step + all.length) % all.length]);
  });
}

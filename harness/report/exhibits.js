// ---------------------------------------------------------------------------- who overtakes whom, Pareto, tuning, certainty
const isWide = () => innerWidth >= 700;
const percent = (share) => Math.round(100 * share) + " %";

function overtakes() {
  const section = document.getElementById("overtakes");
  const pairs = records(data.matrix);
  if (!pairs.length) return;
  const names = new Map(pairs.flatMap((one) => [[one.first, one.first_label], [one.second, one.second_label]]));
  const order = [...names.keys()].sort((a, b) => rank(a) - rank(b));
  const figure = section.querySelector("figure");
  const list = section.querySelector(".list");
  const crossed = records(data.crossings);
  const arms = data.columns.find(({ name }) => name === "arm").values;
  function rank(name) {
    const roles = Object.keys(data.roles).indexOf(name);
    const row = at.arm.indexOf(name);
    return roles >= 0 ? 1000 + roles : row >= 0 ? at.line[row] : 500 + arms.indexOf(name);
  }
  figure.append(matrixChart(pairs, order, names, open));
  tools(figure, "who overtakes whom", () => [Object.keys(pairs[0]), ...pairs.map(Object.values)]);
  function open(first, second) {
    const some = crossed.filter((one) => (one.first === first && one.second === second) || (one.first === second && one.second === first));
    const said = ({ outcome, first: a, second: b }) => outcome.replace("first", names.get(a)).replace("second", names.get(b));
    const last = ({ winner, first: a, second: b }) => ({ first: names.get(a), second: names.get(b) })[winner] ?? "tie";
    const range = ({ low, high }) => (low === null ? "" : (low ? say(low, 2) : "below the sizes") + " to " + (high === null ? "beyond them" : say(high, 2)));
    const lines = some.map((one) => [one.dataset_title, said(one), one.n === null ? "" : say(one.n, 2), range(one), one.bracket_low === null ? "" : say(one.bracket_low) + " and " + say(one.bracket_high), last(one), one.largest]);
    const head = ["Dataset", "Outcome", "At n", "95 % interval", "Between", "Ahead at the largest size", "Largest size"];
    list.replaceChildren(html("h3", {}, names.get(first) + " and " + names.get(second)), tableOf([head, ...lines]));
  }
}
function matrixChart(pairs, order, names, open) {
  const cell = { w: 66, h: 38 };
  const [left, top] = [186, 128];
  const [width, height] = [left + order.length * cell.w + 90, top + order.length * cell.h + 8];
  const shorten = (words, most) => (words.length > most ? words.slice(0, most - 1).trimEnd() + "…" : words);
  const made = svg("svg", { class: "chart matrix", viewBox: `0 0 ${width} ${height}`, role: "img", tabindex: 0, style: `min-width:${Math.min(width, 110 + 52 * order.length)}px;max-width:${width}px`,
    "aria-label": "Matrix: on how many datasets the technique of the column overtakes that of the row" }); // prettier-ignore
  order.forEach((name, k) => {
    made.append(text("e n", left - 8, top + (k + 0.5) * cell.h + 4, shorten(names.get(name), 26)));
    const at = [left + (k + 0.5) * cell.w, top - 8];
    made.append(svg("text", { class: "t n", transform: `translate(${at[0] - 4} ${at[1]}) rotate(-38)` }, shorten(names.get(name), 26)));
  });
  for (const one of pairs) {
    const [column, row] = [order.indexOf(one.second), order.indexOf(one.first)];
    const [x, y] = [left + column * cell.w + 1, top + row * cell.h + 1];
    const [w, h] = [cell.w - 2, cell.h - 2];
    const share = one.crossed / one.datasets;
    const box = svg("rect", { class: "cell", x, y, width: w, height: h });
    const over = svg("path", { class: "over", d: `M${x} ${y}h${w}l${-w} ${h}z`, "fill-opacity": (0.85 * share).toFixed(2) });
    const ties = svg("path", { class: "ties", d: `M${x + w} ${y}v${h}h${-w}z`, "fill-opacity": (0.45 * one.ties).toFixed(2) });
    const parts = [ties, over, box];
    if (one.crossed) parts.push(text("", x + 5, y + 15, one.crossed + "/" + one.datasets), text("e", x + w - 5, y + h - 6, "n " + brief(one.median_n)));
    const where = one.crossed ? ", in the middle at " + say(one.median_n, 2) + " " + one.unit : "";
    tips.set(box, `${names.get(one.second)} overtakes ${names.get(one.first)} on ${one.crossed} of ${one.datasets} datasets${where}\nat the largest size: ahead on ${percent(one.won)}, tied on ${percent(one.ties)}`);
    box.addEventListener("click", () => open(one.first, one.second));
    made.append(svg("g", {}, ...parts));
  }
  made.addEventListener("keydown", (event) => event.key === "Enter" && here && made.contains(here) && here.dispatchEvent(new MouseEvent("click")));
  wire(made);
  return made;
}
const brief = (n) => (n >= 1e6 ? say(n / 1e6, 2) + "M" : n >= 1000 ? say(n / 1000, 2) + "k" : say(n, 2));

// --------------------------------------------------------------------------------------------------- what you get for it
const PANEL = "panel";
function paretoPoints(where, size, what) {
  const cost = what === "memory" ? "mib" : "fit";
  if (where === PANEL) {
    const some = records(data.front).filter((one) => one.size === size && one[cost] > 0 && one.skill !== null);
    return some.map((one) => ({ line: one.line, x: one[cost], y: one.skill, low: one.low, high: one.high, tip: looks(one.line).label + "\nskill " + between(one.low, one.high) + ", " + say(one[cost]) + (cost === "fit" ? " s" : " MiB") }));
  }
  const name = cost === "fit" ? "fit_seconds" : "extra_mib";
  const least = cost === "fit" ? 0 : 1;
  const some = [...byPanel[where].values()].flat().filter((i) => at.size[i] === size && at.skill[i] !== null && at[name][i] !== null && !at.failures[i]);
  return some.map((i) => ({ line: String(at.line[i]), x: Math.max(at[name][i], least || 1e-6), y: at.skill[i], low: at.skill_low[i], high: at.skill_high[i], i }));
}
/** Those that nothing cheaper matches, cheapest first. */
function frontOf(points) {
  const sorted = [...points].sort((a, b) => a.x - b.x || b.y - a.y);
  return sorted.filter((one, k) => sorted.slice(0, k).every((other) => other.y < one.y));
}
function paretoChart(where, size, what) {
  const points = paretoPoints(where, size, what);
  const front = frontOf(points);
  const form = isWide() ? { width: 1040, height: 440, left: 52, right: 190, bottom: 48 } : { width: 390, height: 400, left: 44, right: 92, bottom: 48 };
  const ys = points.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y].map((one) => Math.max(-0.3, Math.min(1.5, one))));
  const [bottom, top] = ys.length ? [Math.min(...ys), Math.max(...ys)] : [0, 1];
  const pad = 0.06 * (top - bottom) || 0.1;
  const range = around(points.map(({ x }) => x), 1.6);
  const xTitle = (what === "memory" ? "MiB that the fit took" : "seconds to fit") + (where === PANEL ? ", median over the datasets" : ", median over the seeds");
  const plot = plotOf({ ...form, x: logAxis(...range), y: linearAxis(bottom - pad, top + pad), xTitle });
  const marks = points.map((one) => seriesOf(plot, { line: one.line, points: [one], whiskers: true }));
  const steps = front.flatMap((one, k) => (k ? [[plot.atX(one.x), plot.atY(front[k - 1].y)], [plot.atX(one.x), plot.atY(one.y)]] : [[plot.atX(one.x), plot.atY(one.y)]]));
  const line = steps.length ? [svg("path", { class: "front", d: path([...steps, [plot.edge, steps.at(-1)[1]]]) })] : [];
  const joined = data.tuned.map(([one, other]) => [one, other].map((k) => points.find(({ line }) => line === String(k)))).filter(([one, other]) => one && other);
  const arrows = joined.map(([one, other]) => groupOf(one.line, svg("path", { class: "lead strong", d: path([one, other].map(({ x, y }) => [plot.atX(x), plot.atY(y)])) })));
  const better = svg("g", { class: "better" }, svg("path", { d: `M${plot.left + 44} ${plot.top + 30}l-24 -18m1 7l-1 -7h8` }), text("i", plot.left + 48, plot.top + 34, "better"));
  const chart = chartOf(plot, paretoFinding(points, front, where, size, what), [...line, ...arrows, ...marks], [...paretoNames(plot, points, front), better], false);
  return [chart, points, front];
}
/** Names beside the marks of the front, then of the others, as far as there is room. */
function paretoNames(plot, points, front) {
  const taken = points.map(({ x, y }) => [plot.atX(x) - 5, plot.atX(x) + 5, plot.atY(y) - 5, plot.atY(y) + 5]);
  const found = [];
  for (const one of [...front, ...points.filter((other) => !front.includes(other))]) {
    const words = looks(one.line).label;
    const [x, y] = [plot.atX(one.x), plot.atY(one.y)];
    const wide = words.length * 6.7;
    const places = [[x + 8, y - 7], [x - 8 - wide, y - 7], [x + 9, y + 15], [x - 9 - wide, y + 15], [x + 9, y + 4], [x - 9 - wide, y + 4]];
    const free = places.find(([a, b]) => a > plot.left && a + wide < plot.width && b < plot.base && !taken.some(([l, r, t, u]) => a < r && a + wide > l && b - 10 < u && b + 2 > t));
    if (!free) continue;
    taken.push([free[0], free[0] + wide, free[1] - 10, free[1] + 2]);
    const name = text("n", free[0], free[1], words);
    found.push(groupOf(one.line, name));
  }
  return found;
}
const unitOf = (where) => (where === PANEL ? "examples" : data.panels[where].unit);
function paretoFinding(points, front, where, size, what) {
  const title = where === PANEL ? "Over the panel" : "On " + data.panels[where].title;
  const said = ({ line, x, y }) => looks(line).label + " (" + say(x, 2) + (what === "memory" ? " MiB" : " s") + ", skill " + y.toFixed(2) + ")";
  const rest = points.length - front.length;
  const ends = front.length > 1 ? "the front runs from " + said(front[0]) + " to " + said(front.at(-1)) : said(front[0]) + " is cheapest and best";
  return `${title} at ${say(size)} ${unitOf(where)} ${ends}` + (rest ? `; ${rest} of ${points.length} lie behind it.` : ".");
}
function pareto() {
  const section = document.getElementById("pareto");
  const skilled = panelOptions((k) => [...byPanel[k].values()].flat().some((i) => at.skill[i] !== null));
  const options = [...(data.front[0].values.length ? [[PANEL, "all of the panel"]] : []), ...skilled];
  if (!options.length) return;
  const bar = section.querySelector(".bar");
  const figure = section.querySelector("figure");
  const usual = skilled.some(([k]) => k === data.lead) ? data.lead : options[0][0];
  const syncDataset = pick(bar, "Dataset", "pareto", options, draw, usual);
  const syncCost = pick(bar, "Cost", "price", [["seconds", "seconds to fit"], ["memory", "memory"]], draw);
  const slider = html("input", { type: "range", min: 0, step: 1, name: "n", "aria-label": "Training size" });
  const shown = html("output", {});
  bar.append(html("label", {}, "Training size ", slider, " ", shown));
  let sizes = [];
  slider.addEventListener("input", () => (keep("n", sizes[slider.value]), draw()));
  function draw() {
    const wanted = syncDataset();
    const [where, what] = [wanted === PANEL ? PANEL : Number(wanted), syncCost()];
    const known = where === PANEL ? columnsOf(data.front).size : sizesOf(byPanel[where]);
    sizes = [...new Set(known)].filter((n) => paretoPoints(where, n, what).length);
    if (!sizes.length) return figure.replaceChildren(html("p", { class: "grey" }, "No such cost was measured here."));
    const size = sizes.includes(Number(state.get("n"))) ? Number(state.get("n")) : sizes.at(-1);
    slider.max = sizes.length - 1;
    slider.value = sizes.indexOf(size);
    slider.setAttribute("aria-valuetext", say(size) + " training " + unitOf(where));
    shown.textContent = size.toLocaleString("en-US");
    const [chart, points, front] = paretoChart(where, size, what);
    figure.replaceChildren(html("figcaption", {}, html("h3", {}, paretoFinding(points, front, where, size, what))), chart);
    const head = ["technique", what === "memory" ? "MiB" : "seconds", "skill", "low", "high", "on the front"];
    tools(figure, "pareto", () => [head, ...points.map((one) => [looks(one.line).label, one.x, one.y, one.low, one.high, front.includes(one) ? "yes" : ""])]);
  }
  redraws.push(draw);
  draw();
}

// ------------------------------------------------------------------------------------------------- tuning, and certainty
function tuning() {
  const section = document.getElementById("tuning");
  const all = records(data.tuning);
  if (!all.length) return;
  const places = [...new Map(all.map((one) => [one.panel + "-" + one.size, data.panels[one.panel].title + ", " + say(one.size) + " " + data.panels[one.panel].unit]))];
  const figure = section.querySelector("figure");
  const sync = pick(section.querySelector(".bar"), "Where", "tuning", places, draw);
  const against = pick(section.querySelector(".bar"), "Equal", "equal", [["trials", "trials"], ["seconds", "seconds"]], draw);
  function draw() {
    const [panel, size] = sync().split("-").map(Number);
    const unit = against(); // of the horizontal axis: equal trials or equal seconds stand above each other
    const some = all.filter((one) => one.panel === panel && one.size === size);
    const arms = [...new Set(some.map(({ label }) => label))];
    const series = arms.map((label) => {
      const mine = some.filter((one) => one.label === label).sort((a, b) => a.trials - b.trials);
      const told = (one) => `${label}, best of ${count(one.trials, "trial")}\nskill ${score(one.skill)} (${between(one.low, one.high)})\n${say(one.seconds)} s for all trials`;
      const points = mine.filter(({ skill }) => skill !== null).map((one) => ({ x: one[unit], trials: one.trials, y: one.skill, low: one.low, high: one.high, tip: told(one) }));
      return { line: String(mine[0].line), label, points, base: mine[0].default, edges: mine[0].edges };
    });
    const trials = [...new Set(some.map((one) => one.trials))].sort((a, b) => a - b);
    const spent = series.flatMap(({ points }) => points.map(({ x }) => x));
    const [x, xTitle] = unit === "seconds" ? [logAxis(...around(spent, 1.2)), "seconds of all trials so far"] : [logAxis(trials[0], trials.at(-1), trials.map((one) => [one, String(one)])), "trials of the search, the default first"];
    const ys = series.flatMap(({ points, base }) => [base, ...points.flatMap(({ y, low, high }) => [y, low, high])]).filter((y) => y !== null);
    const [bottom, top] = [Math.min(...ys), Math.max(...ys)];
    const pad = 0.06 * (top - bottom) || 0.1;
    const form = isWide() ? { width: 1040, height: 420, left: 52, right: 230, bottom: 48 } : { width: 390, height: 400, left: 44, right: 130, bottom: 48 };
    const plot = plotOf({ ...form, x, y: linearAxis(bottom - pad, top + pad), xTitle, yTitle: "skill" });
    const defaults = series.filter(({ base }) => base !== null).map(({ line, base }) => groupOf(line, svg("path", { class: "l default", d: `M${plot.left} ${plot.atY(base).toFixed(1)}H${plot.edge}` })));
    const finding = tuningFinding(series);
    const chart = chartOf(plot, finding, [...defaults, ...series.map((one) => seriesOf(plot, { ...one, solid: true }))], labelsOf(plot, series), series.length > MANY);
    figure.replaceChildren(html("figcaption", {}, html("h3", {}, finding)), chart);
    const edges = series.filter((one) => one.edges).map((one) => one.label + ": " + one.edges);
    if (edges.length) figure.append(html("p", { class: "grey" }, "Best values at an edge of their range: " + edges.join("; ") + "."));
    const head = ["label", "trials", "skill", "low", "high", "seconds", "default"];
    tools(figure, "tuning", () => [head, ...some.map((one) => head.map((name) => one[name]))]);
  }
  redraws.push(draw);
  draw();
}
function tuningFinding(series) {
  const gains = series.filter(({ points, base }) => points.length && base !== null).map(({ label, points, base }) => [points.at(-1).y - base, label, points.at(-1).trials]);
  const [gain, label, trials] = gains.sort((a, b) => b[0] - a[0])[0] ?? [0, "", 0];
  if (!label) return "No search came out.";
  return gain > 0 ? `${label} gains most: ${gain.toFixed(3)} of skill with ${count(trials, "trial")}.` : "Nothing gains from the search.";
}

function certainty() {
  const section = document.getElementById("certainty");
  const all = records(data.wins);
  const figure = section?.querySelector("figure");
  if (!figure || !all.length) return;
  const pooled = new Set(all.filter(({ iqm }) => iqm !== null).map(({ size }) => size));
  const sizes = [...new Set(all.map(({ size }) => size))].sort((a, b) => pooled.has(b) - pooled.has(a) || b - a);
  const sync = pick(section.querySelector(".bar"), "Training size", "sure", sizes.map((size) => [size, say(size)]), draw);
  function draw() {
    const some = all.filter((one) => one.size === Number(sync()));
    figure.replaceChildren(sureChart(some));
    tools(figure, "certainty", () => [Object.keys(some[0]), ...some.map(Object.values)]);
  }
  redraws.push(draw);
  draw();
}
/** One row per arm: pooled skill with both intervals on the left, wins, ties and losses on the right. */
function sureChart(some) {
  const wide = isWide();
  const form = wide ? { width: 1040, left: 180, middle: 620, from: 680, to: 1030 } : { width: 390, left: 92, middle: 236, from: 256, to: 384 };
  const height = 34 * some.length + 64;
  const held = some.flatMap((one) => [one.wide_low, one.wide_high, one.low, one.high, one.iqm]).filter((value) => value !== null);
  const pooled = held.length > 0;
  const pad = pooled ? 0.08 * (Math.max(...held) - Math.min(...held)) || 0.1 : 0;
  const x = pooled ? linearAxis(Math.min(...held) - pad, Math.max(...held) + pad) : { ...linearAxis(0, 1), ticks: [] };
  const y = { ...linearAxis(-0.6, some.length - 0.4), ticks: [] };
  const plot = plotOf({ width: form.width, height, left: form.left, right: form.width - form.middle, bottom: 44, x, y, xTitle: pooled ? "pooled skill" : "" });
  const rest = [text("", form.from, plot.base + 37, wide ? "wins, ties and losses against the other lines" : "wins, ties, losses")];
  some.forEach((one, k) => {
    const [row, role] = [plot.atY(some.length - 1 - k), one.arm];
    const label = wide ? one.label : looks(role).short || one.label;
    const group = groupOf(role, text("e n", form.left - 6, row + 4, label));
    if (one.iqm !== null) {
      const range = (low, high, kind) => low !== null && group.append(svg("path", { class: kind, d: `M${plot.atX(low).toFixed(1)} ${row.toFixed(1)}H${plot.atX(high).toFixed(1)}` }));
      range(one.wide_low, one.wide_high, "w");
      range(one.low, one.high, "thick");
      const words = `${one.label}: skill ${score(one.iqm)}\n${between(one.low, one.high)} over seeds\n${between(one.wide_low, one.wide_high)} over seeds and datasets`;
      group.append(markOf(plot, role, { x: one.iqm, y: some.length - 1 - k, tip: words }));
    }
    rest.push(group, barsOf(one, row, form));
  });
  const label = `At ${say(some[0].size)} examples: ` + some.map((one) => `${one.label} ${one.wins} won, ${one.ties} tied, ${one.losses} lost`).join("; ");
  return chartOf(plot, label, [], rest, false);
}
/** What changed: the chart is there already; its numbers are those of its tables. */
function changed() {
  const figure = document.querySelector("#changed figure");
  if (!figure) return;
  const cells = (row) => [...row.cells].map((cell) => cell.textContent.trim());
  tools(figure, "what changed", () => [cells(document.querySelector("#changed thead tr")), ...[...document.querySelectorAll("#changed tbody tr")].map(cells)]);
}
function barsOf(one, row, { from, to }) {
  const total = one.wins + one.ties + one.losses || 1;
  const made = groupOf(one.arm);
  let left = from;
  for (const [kind, number] of [["win", one.wins], ["tie", one.ties], ["loss", one.losses]]) {
    const width = ((to - from) * number) / total;
    const bar = svg("rect", { class: "cell bar-" + kind, x: left.toFixed(1), y: (row - 11).toFixed(1), width: width.toFixed(1), height: 22 });
    tips.set(bar, `${one.label}: ${one.wins} won, ${one.ties} tied, ${one.losses} lost\non ${count(one.datasets, "dataset")}`);
    made.append(bar);
    if (width > 18) made.append(text("m " + kind, left + width / 2, row + 4, String(number)));
    left += width;
  }
  return made;
}

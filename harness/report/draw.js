// ----------------------------------------------------------------------------- charts, and what can be taken out of them
const NS = "http://www.w3.org/2000/svg";
function svg(tag, given = {}, ...inside) {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(given)) if (value !== null && value !== undefined) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}
function html(tag, given = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}
const text = (kind, x, y, words) => svg("text", { class: "t " + kind, x: x.toFixed(1), y: y.toFixed(1) }, words);
const path = (points) => "M" + points.map(([x, y]) => x.toFixed(1) + " " + y.toFixed(1)).join("L");

const MANY = 4; // lines; bands of more hide each other and are drawn only where asked for

const WARPS = {
  linear: () => (value) => value,
  log: () => (value) => Math.log(value),
  loss: (least) => (value) => Math.log(Math.max(value, least)),
  left: (least) => (value) => -Math.log(Math.max(1 - value, least)),
};
/** Four to eight round numbers. */
function roundTicks(low, high) {
  const rough = (high - low) / 5 || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * unit).find((one) => one >= rough * 0.99);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return found.map((tick) => [tick, say(tick)]);
}
/** Powers of ten; 1, 2, 5 of each below 1.5 decades; any round numbers below half of one. */
function logTicks(low, high) {
  const span = Math.log10(high / low);
  if (span < 0.5) return roundTicks(low, high);
  const found = [];
  const every = Math.ceil((span + 2) / 7);
  for (let d = Math.floor(Math.log10(low)); d <= Math.ceil(Math.log10(high)); d++) {
    if (d % every === 0) for (const k of span < 1.5 ? [1, 2, 5] : [1]) found.push(k * 10 ** d);
  }
  return found.filter((tick) => tick >= low && tick <= high).map((tick) => [tick, say(tick)]);
}
const sizeTicks = (sizes) => sizes.map((size) => [size, size.toLocaleString("en-US")]);
/** Ends of a log axis around the values, those above 0. */
function around(values, room = 1.4) {
  const known = values.filter((value) => value > 0);
  return known.length ? [Math.min(...known) / room, Math.max(...known) * room] : [1, 10];
}

/** Places at least `gap` apart (less where there is no room), in the same order, within low ... high. */
function spread(wanted, gap, low, high) {
  gap = Math.min(gap, (high - low) / Math.max(1, wanted.length - 1));
  const order = wanted.map((_, k) => k).sort((a, b) => wanted[a] - wanted[b]);
  const placed = order.map((k) => wanted[k]);
  for (let k = 0; k < placed.length; k++) placed[k] = Math.max(placed[k], k ? placed[k - 1] + gap : low);
  for (let k = placed.length - 1; k >= 0; k--) placed[k] = Math.min(placed[k], k + 1 < placed.length ? placed[k + 1] - gap : high);
  return wanted.map((_, k) => placed[order.indexOf(k)]);
}

/** The drawing area. spec: width, height, left, right, bottom; x, y: { kind, least, low, high (warped), ticks }. */
function plotOf(spec) {
  const plot = { top: spec.yTitle ? 30 : 14, ...spec, base: spec.height - spec.bottom, edge: spec.width - spec.right };
  const warpX = WARPS[spec.x.kind](spec.x.least);
  const warpY = WARPS[spec.y.kind](spec.y.least);
  const share = (value, { low, high }) => (high > low ? (value - low) / (high - low) : 0.5);
  plot.atX = (value) => spec.left + 10 + share(warpX(value), spec.x) * (plot.edge - spec.left - 20);
  plot.atY = (value) => plot.base - share(warpY(value), spec.y) * (plot.base - plot.top);
  return plot;
}
const logAxis = (low, high, ticks) => ({ kind: "log", low: Math.log(low), high: Math.log(high), ticks: ticks ?? logTicks(low, high) });
const linearAxis = (low, high) => ({ kind: "linear", low, high, ticks: roundTicks(low, high) });
const sizeAxis = (sizes, beyond = 1) => logAxis(sizes[0], sizes.at(-1) * beyond, sizeTicks(sizes));

function axes(plot) {
  const made = svg("g");
  let above = Infinity;
  for (const [value, words] of [...plot.y.ticks].sort((a, b) => a[0] - b[0])) {
    const y = plot.atY(value);
    if (Math.abs(y - above) < 20 || !Number.isFinite(y)) continue; // no room
    above = y;
    made.append(svg("path", { class: "grid", d: `M${plot.left} ${y.toFixed(1)}H${plot.edge}` }), text("e", plot.left - 7, y + 4, words));
  }
  made.append(svg("path", { class: "axis", d: `M${plot.left} ${plot.base}H${plot.edge}` }));
  const taken = [];
  for (const [value, words] of [plot.x.ticks.at(-1), ...plot.x.ticks.slice(0, -1)].filter(Boolean)) {
    const x = plot.atX(value);
    const half = words.length * 3.4 + 5;
    made.append(svg("path", { class: "axis", d: `M${x.toFixed(1)} ${plot.base}v4` }));
    if (taken.some(([other, wide]) => Math.abs(x - other) < half + wide)) continue;
    taken.push([x, half]);
    made.append(text("m", x, plot.base + 18, words));
  }
  if (plot.xTitle) made.append(text("m", (plot.left + plot.edge) / 2, plot.base + 37, plot.xTitle));
  if (plot.yTitle) made.append(text("", 2, plot.top - 14, plot.yTitle));
  return made;
}

const looks = (line) => data.roles[line] ?? data.lines[line] ?? { label: "", shape: "circle", dashed: false, hollow: false };
function groupOf(line, ...inside) {
  return svg("g", { class: "s c" + (line in data.roles || data.lines[line] ? line : "x"), "data-s": line }, ...inside);
}
function markOf(plot, line, point, hollow = looks(line).hollow) {
  const place = { href: "#" + looks(line).shape, x: plot.atX(point.x).toFixed(1), y: plot.atY(point.y).toFixed(1) };
  const mark = svg("use", { ...place, class: hollow ? "h" : null, "data-i": point.i });
  if (point.tip) tips.set(mark, point.tip);
  return mark;
}
/** One line: band or whiskers, path, marks. points: { x, y, low, high, tip or i }; solid: never as a default beside a tuned one. */
function seriesOf(plot, { line, points, dash = [], whiskers = false, solid = false }) {
  const made = groupOf(line);
  const held = points.filter(({ low, high }) => low !== null && low !== undefined && high !== null);
  const up = (one) => [plot.atX(one.x), plot.atY(one.high)];
  const down = (one) => [plot.atX(one.x), plot.atY(one.low)];
  if (whiskers || held.length === 1) for (const one of held) made.append(svg("path", { class: "w", d: path([down(one), up(one)]) }));
  else if (held.length) made.append(svg("path", { class: "b", d: path([...held.map(up), ...held.map(down).reverse()]) + "z" }));
  const where = points.map((one) => [plot.atX(one.x), plot.atY(one.y)]);
  const hollow = looks(line).hollow && !solid;
  const dashes = looks(line).dashed ? "6 4" : hollow ? "2 3" : null;
  if (where.length > 1) made.append(svg("path", { class: "l", d: path(where), "stroke-dasharray": dashes }));
  if (dash.length) made.append(svg("path", { class: "l ahead", d: path(dash.map(([x, y]) => [plot.atX(x), plot.atY(y)])) }));
  made.append(...points.map((point) => markOf(plot, line, point, hollow)));
  return made;
}
/** Names at the line ends, kept apart. series: { line, points, tail } */
function labelsOf(plot, series) {
  const ended = series.filter(({ points }) => points.length);
  const ends = ended.map(({ points }) => [plot.atX(points.at(-1).x), plot.atY(points.at(-1).y)]);
  const places = spread(ends.map(([, y]) => y), 15, plot.top, plot.base);
  const room = Math.floor((plot.right - 12) / 6.8);
  return ended.map(({ line, tail = "", label = looks(line).label }, k) => {
    const most = room - tail.length;
    const words = (label.length > most ? label.slice(0, most - 1).trimEnd() + "…" : label) + tail;
    const leader = path([[ends[k][0] + 7, ends[k][1]], [plot.edge + 8, places[k]]]);
    const name = text("n", plot.edge + 11, places[k] + 4, words);
    return groupOf(line, svg("path", { class: "lead", d: leader }), name);
  });
}
/** Hollow marks on the lower edge, side by side where several fail at one size. */
function failuresOf(plot, points) {
  const beside = {};
  return points.map(({ line, x, i }) => {
    const step = (beside[x] = (beside[x] ?? -1) + 1);
    const shift = (step % 2 ? 1 : -1) * 11 * Math.ceil(step / 2);
    const place = { x: (plot.atX(x) + shift).toFixed(1), y: plot.base - 8 };
    return groupOf(line, svg("use", { class: "f", href: "#" + looks(line).shape, ...place, "data-i": i }));
  });
}
let clips = 0;
/** The svg element around all. Many lines at once are drawn thin, and their bands only when chosen. */
function chartOf(plot, label, clipped, rest, crowded) {
  const name = "clip-" + clips++;
  const box = { x: plot.left, y: plot.top - 6, width: plot.edge - plot.left, height: plot.base - plot.top + 6 };
  const made = svg(
    "svg",
    { class: "chart" + (crowded ? " crowded" : ""), viewBox: `0 0 ${plot.width} ${plot.height}`, role: "img", tabindex: 0, "aria-label": label },
    svg("clipPath", { id: name }, svg("rect", box)),
    axes(plot),
    svg("g", { "clip-path": `url(#${name})` }, ...clipped),
    ...rest,
  );
  wire(made);
  dim(made);
  return made;
}

// ------------------------------------------------------------------------------------------ save as SVG, PNG, CSV; table
function save(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
function csv(lines) {
  const tame = (value) => (/^[=+@-]/.test(value) ? "'" + value : value); // a spreadsheet would run it as a formula
  const quote = (value) => (typeof value === "string" ? '"' + tame(value).replaceAll('"', '""') + '"' : (value ?? ""));
  return lines.map((line) => line.map(quote).join(",")).join("\n") + "\n";
}
const KEPT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity", "fill-opacity",
  "font-family", "font-size", "font-style", "font-weight", "text-anchor", "paint-order"]; // prettier-ignore
/** The chart as a file of its own: styles written out, shapes and paper inside. */
function standalone(chart) {
  const copy = chart.cloneNode(true);
  const [from, to] = [chart, copy].map((root) => [root, ...root.querySelectorAll("*")]);
  const gone = [];
  from.forEach((one, k) => {
    const style = getComputedStyle(one);
    if (style.display === "none" && one.closest("clipPath, defs") === null) gone.push(to[k]);
    for (const name of KEPT) to[k].setAttribute(name, style.getPropertyValue(name));
    for (const name of ["style", "tabindex", "data-tip"]) to[k].removeAttribute(name);
  });
  for (const one of gone) one.remove();
  const shapes = [...new Set([...copy.querySelectorAll("use")].map((use) => use.getAttribute("href")))];
  const { x, y, width, height } = chart.viewBox.baseVal;
  const paper = getComputedStyle(document.body).backgroundColor;
  copy.prepend(svg("title", {}, chart.getAttribute("aria-label") ?? ""), svg("defs", {}, ...shapes.map((id) => document.querySelector(id).cloneNode(true))),
    svg("rect", { x, y, width, height, fill: paper })); // prettier-ignore
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  return '<?xml version="1.0" encoding="UTF-8"?>\n' + new XMLSerializer().serializeToString(copy);
}
async function savePng(chart, name) {
  const { width, height } = chart.viewBox.baseVal;
  const url = URL.createObjectURL(new Blob([standalone(chart)], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = html("canvas", { width: 2 * width, height: 2 * height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(url);
  save(name + ".png", "image/png", await new Promise((done) => canvas.toBlob(done)));
}
function tableOf(lines) {
  const [head, ...body] = lines;
  const made = html("table", {}, html("thead"), html("tbody"));
  made.tHead.insertRow().append(...head.map((name) => html("th", { scope: "col" }, name)));
  for (const line of body) {
    const tr = made.tBodies[0].insertRow();
    line.forEach((value) => tr.append(html("td", { class: typeof value === "number" ? "r" : "" }, say(value, 4))));
  }
  return made;
}
/** Buttons below a figure: save the chart that it shows, and its numbers, as a file or as a table below it. */
function tools(figure, name, lines, before = []) {
  const chart = () => [...figure.querySelectorAll("svg.chart")].find((one) => one.getClientRects().length);
  const button = (words, label, act) => {
    const made = html("button", { type: "button", "aria-label": label + ": " + name }, words);
    made.addEventListener("click", act);
    return made;
  };
  const place = html("div", { class: "scroll numbers", tabindex: "0", role: "region", "aria-label": "Numbers: " + name, hidden: "" });
  const toggle = button("table", "Numbers as a table", () => {
    place.hidden = !place.hidden;
    toggle.setAttribute("aria-expanded", !place.hidden);
    place.replaceChildren(...(place.hidden ? [] : [tableOf(lines())]));
  });
  toggle.setAttribute("aria-expanded", "false");
  const file = "eras-" + name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const bar = html("div", { class: "save" }, ...before, button("SVG", "Save as SVG", () => save(file + ".svg", "image/svg+xml", standalone(chart()))),
    button("PNG", "Save as PNG", () => savePng(chart(), file)), button("data", "Save the numbers as CSV", () => save(file + ".csv", "text/csv", csv(lines()))), toggle); // prettier-ignore
  figure.append(bar, place);
}
/** A labelled choice whose value is kept in the address. options: [[value, words], ...]; returns a reader of it. */
function pick(bar, label, name, options, act, usual = options[0][0]) {
  const select = html("select", { name }, ...options.map(([value, words]) => html("option", { value }, words)));
  const read = () => (options.some(([value]) => String(value) === state.get(name)) ? state.get(name) : String(usual));
  select.addEventListener("change", () => {
    keep(name, select.value);
    act();
  });
  bar.append(html("label", {}, label + " ", select));
  return () => (select.value = read());
}

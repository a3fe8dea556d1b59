// -------------------------------------------------------------------------- the first picture, every dataset, what it costs
const byPanel = data.panels.map(() => new Map()); // panel -> line -> rows by size
for (const i of rows) {
  const lines = byPanel[at.panel[i]];
  const line = String(at.line[i]);
  if (!lines.has(line)) lines.set(line, []);
  lines.get(line).push(i);
}
const inOrder = (lines) => [...lines].sort((a, b) => a[0] - b[0]);
const sizesOf = (lines) => [...new Set([...lines.values()].flat().map((i) => at.size[i]))].sort((a, b) => a - b);
const ALL = data.columns.map(({ name }) => name);
const numbersOf = (some) => [ALL, ...some.map((i) => ALL.map((name) => at[name][i]))];

function first() {
  const figure = document.getElementById("first");
  if (!figure) return;
  const pooled = records(data.pooled);
  const marked = () => [...new Set([...figure.querySelectorAll("use[data-i]")].map((mark) => Number(mark.dataset.i)))];
  const lines = () => (pooled.length ? [Object.keys(pooled[0]), ...pooled.map(Object.values)] : numbersOf(marked()));
  for (const chart of figure.querySelectorAll(".chart")) {
    const title = chart.querySelector("title");
    chart.removeAttribute("aria-labelledby");
    chart.setAttribute("aria-label", title.textContent);
    title.remove(); // or the browser shows its own tooltip over ours
    wire(chart);
  }
  const controls = document.getElementById("first-controls");
  tools(figure, "scale curve", lines);
  if (!controls) return;
  const [band, dataset] = controls.querySelectorAll("select");
  for (const select of [band, dataset]) select.addEventListener("change", () => (keep(select.name, select.value), redraw()));
  function redraw() {
    band.value = ["seeds", "wide"].includes(state.get("band")) ? state.get("band") : figure.dataset.band; // with one seed the wide one alone is there
    dataset.value = state.get("faint") ?? "";
    figure.classList.toggle("wider", band.value === "wide");
    figure.classList.toggle("one", dataset.value !== "");
    for (const line of figure.querySelectorAll(".thin")) line.classList.toggle("seen", line.dataset.d === dataset.value);
  }
  redraws.push(redraw);
  redraw();
}

// -------------------------------------------------------------------------------------------------- dataset by dataset
function referencesOf(plot, panel, named) {
  const made = [];
  if (panel.floor.length) {
    const where = panel.floor.map(([size, value]) => [plot.atX(size), plot.atY(value)]);
    made.push(svg("path", { class: "floor", d: path([[plot.left, where[0][1]], ...where]) }));
    if (named) made.push(text("i", plot.left + 8, where[0][1] - 6, "floor: answers without learning"));
  }
  if (panel.ceiling !== null) {
    const y = Math.max(plot.atY(panel.ceiling), plot.top);
    made.push(svg("path", { class: "ceiling", d: `M${plot.left} ${y.toFixed(1)}H${plot.edge}` }));
    if (named) made.push(text("i", plot.left + 8, y - 6, "ceiling"));
  }
  return made;
}
const SMALL = { width: 340, height: 230, left: 44, right: 12, bottom: 26 };
const LARGE = () => (innerWidth < 700 ? { width: 390, height: 420, left: 44, right: 150, bottom: 46 } : { width: 1040, height: 520, left: 52, right: 230, bottom: 46 });

function panelChart(k, form) {
  const panel = data.panels[k];
  const lines = inOrder(byPanel[k]);
  const ahead = data.fits.filter((fit) => fit.panel === k);
  const plot = plotOf({ ...form, x: sizeAxis(sizesOf(byPanel[k]), ahead.length ? 4 : 1), y: panel.axis });
  const named = form !== SMALL;
  if (named) plot.xTitle = "training " + panel.unit + (ahead.length ? "; dashed: fitted, beyond what was measured" : "");
  const series = lines.map(([line, some]) => ({
    line,
    points: some.filter((i) => at.mean[i] !== null).map((i) => ({ x: at.size[i], y: at.mean[i], low: at.low[i], high: at.high[i], i })),
    dash: ahead.filter((fit) => String(fit.line) === line).flatMap(({ xs, ys }) => xs.map((x, j) => [x, ys[j]])),
  }));
  const failed = lines.flatMap(([line, some]) => some.filter((i) => at.failures[i]).map((i) => ({ line, x: at.size[i], i })));
  const rest = [...referencesOf(plot, panel, named), ...failuresOf(plot, failed), ...(named ? labelsOf(plot, series) : [])];
  return chartOf(plot, panel.title + ". " + panel.note, series.map((one) => seriesOf(plot, one)), rest, series.length > MANY);
}

function datasets() {
  const section = document.getElementById("datasets");
  const grid = section.querySelector(".grid-of");
  const dialog = document.querySelector("dialog");
  const big = dialog.querySelector("figure");
  const figures = data.panels.map((panel, k) => {
    const caption = html("figcaption", {}, html("h3", {}, panel.title), panel.note);
    const figure = html("figure", { "data-family": panel.family }, caption, panelChart(k, SMALL));
    const enlarge = html("button", { type: "button", "aria-label": "Enlarge: " + panel.title }, "enlarge");
    enlarge.addEventListener("click", () => (keep("open", k), open()));
    figure.querySelector(".chart").addEventListener("click", () => enlarge.click());
    tools(figure, panel.title, () => numbersOf([...byPanel[k].values()].flat()), [enlarge]);
    return figure;
  });
  const heads = new Map([...new Set(data.panels.map(({ family }) => family))].map((family) => [family, html("h3", {}, family)]));
  for (const figure of figures) {
    const head = heads.get(figure.dataset.family);
    grid.append(...(heads.size > 1 && !head.isConnected ? [head] : []), figure);
  }
  function open() {
    const panel = /^\d+$/.test(state.get("open") ?? "") && data.panels[state.get("open")];
    if (!panel) return dialog.close();
    big.replaceChildren(html("figcaption", {}, html("h3", {}, panel.title), panel.note), panelChart(Number(state.get("open")), LARGE()));
    tools(big, panel.title, () => numbersOf([...byPanel[state.get("open")].values()].flat()));
    if (!dialog.open) dialog.showModal();
  }
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => (show(null), keep("open", "")));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  const buttons = [...section.querySelectorAll(".families button")];
  for (const button of buttons) button.addEventListener("click", () => (keep("family", button.value), filter()));
  function filter() {
    const family = buttons.some(({ value }) => value === state.get("family")) ? state.get("family") : "";
    for (const button of buttons) button.setAttribute("aria-pressed", button.value === family);
    for (const figure of figures) figure.hidden = family !== "" && figure.dataset.family !== family;
    for (const [name, head] of heads) head.hidden = family !== "" && name !== family;
  }
  redraws.push(filter, open);
  filter();
  if (state.has("open")) open();
}

// -------------------------------------------------------------------------------------------------------- what it costs
const COSTS = [
  ["Seconds to fit", "fit_seconds", "fit_low", "fit_high", 0],
  ["Answers per second", "answers_per_second", "speed_low", "speed_high", 0],
  ["Memory that the fit took, MiB", "extra_mib", "mib_low", "mib_high", 1],
];
const NEAR = 20; // times the largest value: so far away a limit is still drawn
const UNRESOLVED = 0.85; // times the smallest resolved value: where the values below it are drawn
function costChart(k, which) {
  const [title, name, low, high, least] = COSTS[which];
  const lines = inOrder(byPanel[k]);
  const drawn = (value) => (value === null ? null : least && value < least ? least * UNRESOLVED : value);
  const series = lines.map(([line, some]) => {
    const slope = data.panels[k].slopes[line]?.[which] ?? null;
    const known = some.filter((i) => (least ? at[name][i] !== null : at[name][i] > 0));
    const points = known.map((i) => ({ x: at.size[i], y: drawn(at[name][i]), low: drawn(at[low][i]) || null, high: drawn(at[high][i]), i }));
    return { line, points, tail: slope === null ? "" : " " + power(slope), slope };
  });
  const limit = data.panels[k].limits[which];
  let [bottom, top] = around(series.flatMap(({ points }) => points.map(({ y }) => y)));
  if (least) [bottom, top] = [0.7 * least, Math.max(top, 4 * least)];
  const near = limit !== null && limit <= NEAR * top;
  if (near) top = Math.max(top, 1.3 * limit);
  const ticks = logTicks(Math.max(bottom, 1.5 * least), top);
  if (least) ticks.push([least * UNRESOLVED, "< " + least]);
  const plot = plotOf({ width: 450, height: 330, left: 52, right: 208, bottom: 46, x: sizeAxis(sizesOf(byPanel[k])), y: logAxis(bottom, top, ticks), xTitle: "training " + data.panels[k].unit });
  const failed = lines.flatMap(([line, some]) => some.filter((i) => at.failures[i]).map((i) => ({ line, x: at.size[i], i })));
  const label = title + " against training " + data.panels[k].unit + " on " + data.panels[k].title + ", both on logs";
  const cap = near ? [svg("path", { class: "ceiling", d: `M${plot.left} ${plot.atY(limit).toFixed(1)}H${plot.edge}` }), text("i", plot.left + 8, plot.atY(limit) - 6, "limit of a cell")] : [];
  const chart = chartOf(plot, label, series.map((one) => seriesOf(plot, one)), [...cap, ...failuresOf(plot, failed), ...labelsOf(plot, series)], series.length > MANY);
  const told = limit === null ? "" : " A cell was allowed " + say(limit) + (least ? " MiB." : " s.");
  return [chart, steepest(series) + told];
}
const power = (slope) => "~ n^" + slope.toFixed(1).replace("-0.0", "0.0");
function steepest(series) {
  const known = series.filter(({ slope }) => slope !== null).sort((a, b) => Math.abs(a.slope) - Math.abs(b.slope));
  if (known.length < 2) return "";
  const name = ({ line, slope }) => looks(line).label + " (" + power(slope) + ")";
  return "Steepest: " + name(known.at(-1)) + "; flattest: " + name(known[0]) + ".";
}
const panelOptions = (wanted = () => true) => data.panels.map(({ title }, k) => [k, title]).filter(([k]) => wanted(k));

function costs() {
  const section = document.getElementById("cost");
  const grid = section.querySelector(".grid-of");
  const sync = pick(section.querySelector(".bar"), "Dataset", "cost", panelOptions(), draw, data.lead);
  function draw() {
    const k = Number(sync());
    const some = () => numbersOf([...byPanel[k].values()].flat());
    grid.replaceChildren(
      ...COSTS.map(([title], which) => {
        const [chart, finding] = costChart(k, which);
        const figure = html("figure", {}, html("figcaption", {}, html("h3", {}, title), finding), chart);
        tools(figure, title + " " + data.panels[k].title, some);
        return figure;
      }),
    );
  }
  redraws.push(draw);
  draw();
}

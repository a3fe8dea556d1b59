// ----------------------------------------------------------------------------------------------------------- everything
const TABLE = [
  ["Dataset", "dataset"], ["Technique", "technique"], ["Examples", "size"], ["Device", "device"], ["Machine", "machine"],
  ["Metric", "metric"], ["Mean", "mean", (i) => score(at.mean[i])], ["95 % interval", "low", (i) => between(at.low[i], at.high[i])],
  ["Seeds", "seeds"], ["Floor", "floor", (i) => score(at.floor[i])], ["Ceiling", "ceiling", (i) => score(at.ceiling[i])],
  ["Skill", "skill", (i) => score(at.skill[i])], ["Fit, s", "fit_seconds"], ["Answers/s", "answers_per_second"],
  ["Took MiB", "extra_mib", (i) => mebibytes(at.extra_mib[i])], ["Failed", "failures", (i) => (at.failures[i] ? at.failures[i] + " of " + at.cells[i] : "")],
  ["Approximated", "approximated"], ["Why", "why"],
].filter(([, name]) => !["machine", "ceiling", "approximated"].includes(name) || new Set(at[name]).size > 1); // prettier-ignore
const isText = (name) => at[name].some((value) => typeof value === "string");

function everything() {
  const table = document.getElementById("all");
  const filter = document.getElementById("filter");
  const texts = rows.map((i) => TABLE.map(([, name]) => at[name][i]).join(" ").toLowerCase());
  let shown = rows;
  const cell = (i, [, name, write]) => html("td", { class: name === "why" ? "why" : isText(name) ? "" : "r" }, write ? write(i) : say(at[name][i]));
  function sorted(some, name, down) {
    const values = at[name];
    const compare = (a, b) => (typeof values[a] === "string" ? values[a].localeCompare(values[b]) : values[a] - values[b]);
    const empty = (i) => values[i] === null || values[i] === "";
    return [...some].sort((a, b) => empty(a) - empty(b) || (down ? -1 : 1) * compare(a, b));
  }
  function draw() {
    filter.value = state.get("filter") ?? "";
    const words = filter.value.toLowerCase().split(/\s+/);
    shown = rows.filter((i) => words.every((word) => texts[i].includes(word)));
    const [name, down] = (state.get("sort") ?? "").split("-");
    if (TABLE.some(([, other]) => other === name)) shown = sorted(shown, name, down === "down");
    for (const th of head.cells) th.removeAttribute("aria-sort");
    head.querySelector(`[data-name="${CSS.escape(name)}"]`)?.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = html("tbody");
    for (const i of shown) body.append(html("tr", {}, ...TABLE.map((column) => cell(i, column))));
    table.tBodies[0]?.remove();
    table.append(body);
    document.getElementById("count").textContent = shown.length + " of " + count(rows.length, "line");
  }
  const head = table.createTHead().insertRow();
  for (const [title, name] of TABLE) {
    const button = html("button", {}, title);
    button.addEventListener("click", () => {
      keep("sort", name + (state.get("sort") === name ? "-down" : ""));
      draw();
    });
    head.append(html("th", { scope: "col", class: isText(name) ? "" : "r", "data-name": name }, button));
  }
  filter.addEventListener("input", () => (keep("filter", filter.value), draw()));
  document.getElementById("csv").addEventListener("click", () => save("eras.csv", "text/csv", csv(numbersOf(shown))));
  document.getElementById("json").addEventListener("click", () => {
    const objects = shown.map((i) => Object.fromEntries(ALL.map((name) => [name, at[name][i]])));
    save("eras.json", "application/json", JSON.stringify(objects, null, 1));
  });
  redraws.push(draw);
  draw();
}

// The first picture is there already; the rest is drawn once it has been shown.
function all() {
  for (const section of document.querySelectorAll("section[hidden]")) section.hidden = false;
  const parts = { first, datasets, overtakes, cost: costs, pareto, tuning, certainty, changed, everything };
  for (const [id, part] of Object.entries(parts)) if (document.getElementById(id)) part();
  dim();
  openCard(state.get("card"));
  document.documentElement.dataset.drawn = "yes";
}
requestAnimationFrame(() => setTimeout(all));

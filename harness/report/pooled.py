"""The scale curve over a panel of datasets: four roles, their bands, the datasets behind them, and where nets overtake.

Beside it Ng's slide, redrawn, and what the rows say of its four sentences.
"""

import math
from typing import Any

import pandas as pd
from markupsafe import Markup

from harness import plan, scale
from harness.report import charts
from harness.report.charts import Plot
from harness.report.style import ROLES
from harness.screen import number

FORMS = {"wide": (860, 430, 62, 150), "narrow": (390, 400, 52, 108)}  # width, height, left and right margin
ROW = 17  # height of a line of text below the axis
SKETCH = (  # of each role's curve: height that it reaches, and how far right it takes to get there
    ("large", 24, 0.62),
    ("medium", 62, 0.45),
    ("small", 96, 0.32),
    ("traditional", 128, 0.16),
)


def picture(made: Any, name: str, title: str, form: str) -> Markup:
    """Skill against training examples, pooled over the panel. made: scale.Exhibit; form: "wide" or "narrow"."""
    width, height, left, right = FORMS[form]
    over = made.pooled
    sizes = tuple(sorted(int(size) for size in over["size"].unique()))
    below = 44 + ROW * (2 + len(made.leads))
    low, high = _ends(over)
    plot = Plot(width, height + below, left, right, below, sizes, low, high, float)
    ticks = [(tick, number(round(tick, 10))) for tick in charts.linear_ticks(low, high)]
    inside = [_faint(plot, made.thin), *_lines(plot, over)]
    parts = [
        charts.axes(plot, ticks, 52 if form == "wide" else 46),
        _words(plot),
        Markup('<g clip-path="url(#{}-in)">{}</g>').format(name, Markup("").join(inside)),
        charts.labels(plot, _names(plot, over, form)),
        _strip(plot, over),
        *_ticks(plot, made.leads, form),
    ]
    return charts.wrap(plot, name, title, parts)


def _ends(over: pd.DataFrame) -> tuple[float, float]:
    """Ends of the y axis: guessing and the reference are always in sight, bands are shown whole."""
    low = min([0.0, *over["iqm"].dropna(), *over["wide_low"].dropna()])
    high = max([1.0, *over["iqm"].dropna(), *over["wide_high"].dropna()])
    pad = 0.03 * (high - low)
    return low - pad, high + pad


def _faint(plot: Plot, thin: pd.DataFrame) -> Markup:
    """One faint line per dataset and role."""
    datasets = {name: k for k, name in enumerate(sorted(thin["dataset"].unique()))}
    line = Markup('<path class="thin c{}" data-d="{}" d="{}"/>')
    parts = []
    inside = thin[thin["size"].between(plot.sizes[0], plot.sizes[-1]) & thin["skill"].notna()]
    for (dataset, role), points in inside.sort_values("size").groupby(["dataset", "role"]):
        where = [(plot.x(size), plot.y(skill)) for size, skill in zip(points["size"], points["skill"], strict=True)]
        if len(where) > 1:
            parts.append(line.format(role, datasets[dataset], charts.path(where)))
    return Markup("").join(parts)


def _lines(plot: Plot, over: pd.DataFrame) -> list[Markup]:
    found = []
    for role, (_, _, _, shape) in ROLES.items():
        line = over[over["role"] == role].sort_values("size").rename(columns={"iqm": "value"}).to_dict("records")
        for point in line:
            point["tip"] = _tip(point)
        wide = charts.band(plot, line, "wide_low", "wide_high", "b wider")  # type: ignore[arg-type]
        drawn = charts.series(plot, role, shape, line)  # type: ignore[arg-type]
        found.append(Markup('<g class="s c{0}" data-s="{0}">{1}</g>{2}').format(role, wide, drawn))
    return found


def _tip(point: dict[Any, Any]) -> str:
    lines = [f"{scale.NAMES[point['role']]}, {point['size']:,} training examples", f"skill {point['value']:.3f}"]
    for what, low, high in (("over seeds", "low", "high"), ("over seeds and datasets", "wide_low", "wide_high")):
        if math.isfinite(point[low]):
            lines.append(f"{point[low]:.3f} to {point[high]:.3f} {what}")
    return "\n".join([*lines, f"{point['datasets']} datasets, {counted(point['seeds'])} each"])


def _words(plot: Plot) -> Markup:
    """What 0 and 1 are, beside their lines."""
    line = Markup('<path class="{}" d="M{} {:.1f}H{}"/><text class="t i" x="{}" y="{:.1f}">{}</text>')
    ends = ((0.0, "floor", "0: answering without learning", -6), (1.0, "ceiling", "1: the frozen reference", -6))
    return Markup("").join(
        line.format(kind, plot.left, plot.y(at), plot.width - plot.right, plot.left + 8, plot.y(at) + shift, words)
        for at, kind, words, shift in ends
    )


def _names(plot: Plot, over: pd.DataFrame, form: str) -> list[tuple[str, float, float, str]]:
    found = []
    for role, (short, *_) in ROLES.items():
        line = over[(over["role"] == role) & over["iqm"].notna()].sort_values("size")
        if len(line):
            last = line.iloc[-1]
            words = scale.NAMES[role] if form == "wide" else short
            found.append((role, plot.x(last["size"]), plot.y(last["iqm"]), words))
    return found


def _strip(plot: Plot, over: pd.DataFrame) -> Markup:
    """Below the axis: how many datasets and seeds stand behind each size."""
    text = Markup('<text class="t {}" x="{:.1f}" y="{}">{}</text>')
    words = "training examples" if plot.right > 120 else "examples"
    parts = [text.format("", plot.width - plot.right + 26, plot.base + 18, words)]
    for row, what in enumerate(("datasets", "seeds")):
        y = plot.base + 20 + ROW * (row + 1)
        parts.append(text.format("e", plot.left - 7, y, what))
        for size, count in over.groupby("size")[what].min().items():
            parts.append(text.format("m", plot.x(float(str(size))), y, int(count)))
    return Markup("").join(parts)


def _ticks(plot: Plot, leads: pd.DataFrame, form: str) -> list[Markup]:
    """One row per overtaking: a line up through the plot at n*, its interval, and the size in words."""
    lines, rows = [], []
    line = Markup('<path class="cross c{}" d="M{:.1f} {}V{}"/>')
    text = Markup(
        '<g class="s c{0}" data-s="{0}"><path class="l" d="M{1:.1f} {2}H{3:.1f}"/>'
        '<use href="#{4}" x="{5:.1f}" y="{2}" data-tip="{6}"/><text class="t n {7}" x="{8:.1f}" y="{9}">{10}</text></g>'
    )
    for row, lead in enumerate(leads.to_dict("records")):
        role, y = str(lead["second"]), plot.base + 20 + ROW * (row + 3) - 4
        ends = [lead["size"] if math.isnan(lead[name]) else lead[name] for name in ("low", "high")]  # open: to the edge
        x, low, high = (plot.x(min(max(n, plot.sizes[0]), plot.sizes[-1])) for n in (lead["size"], *ends))
        lines.append(line.format(role, x, plot.top, y))
        words = f"{ROLES[role][0]}{' overtakes at' if form == 'wide' else ':'} {scale.rounded(lead['size'])}"
        if form == "wide" and not math.isnan(lead["low"]):
            words += f" (95 %: {scale.between(lead['low'], lead['high'])})"
        kind, at = ("e", low - 10) if low > plot.width - high else ("", high + 10)
        shape = ROLES[role][3]
        rows.append(text.format(role, low, y, high, shape, x, lead["sentence"], kind, at, y + 4, words))
    return [*lines, *rows]


def sketch() -> Markup:
    """Ng's slide, redrawn: no numbers, four curves that flatten one after the other."""
    curve = Markup('<path class="ng" d="M34 {:.0f}C{:.0f} {:.0f} {:.0f} {} 186 {}"/>')
    name = Markup('<text class="t" x="191" y="{}">{}</text>')
    parts = [Markup('<path class="axis" d="M30 10V160H276M26 16L30 8L34 16M268 156L278 160L268 164" fill="none"/>')]
    parts.append(Markup('<text class="t m" x="150" y="177">amount of data</text>'))
    parts.append(Markup('<text class="t m" transform="translate(20 92) rotate(-90)">performance</text>'))
    for role, top, reach in SKETCH:
        start = 148 if role == "traditional" else 156
        bend = 34 + 152 * reach
        parts.append(curve.format(start, 34 + 60 * reach, start - 0.75 * (start - top), bend, top, top))
        parts.append(name.format(top + 4, ROLES[role][0]))
    return Markup(
        '<svg class="chart sketch" viewBox="0 0 282 184" role="img" aria-label="Ng’s slide, redrawn: performance '
        "against amount of data. Four curves flatten one after the other: traditional first, then a small, a medium "
        'and a large net, the larger the higher.">{}</svg>'
    ).format(Markup("").join(parts))


def counted(seeds: int) -> str:
    return "1 seed" if seeds == 1 else f"{seeds} seeds"


def method(made: Any) -> str:
    """How the picture was made, in one line."""
    least, most = made.pooled["seeds"].min(), made.pooled["seeds"].max()
    count = counted(most) if least == most else f"{least} to {counted(most)}"
    alone = " (over seeds there is none, with one seed each)" if most < 2 else ""
    return (
        f"Skill on test against training examples: interquartile mean over the same {len(made.panel)} datasets at "
        f"every size, {count} each; band: 95 % bootstrap, 2,000 draws{alone}. The best classic method is chosen on "
        f"validation rows at each size{_folds(made)}. Faint: the datasets, those outside the panel too. Horizontal "
        "axis: logarithmic."
    )


def _folds(made: Any) -> str:
    """How many of the choices among few rows rest on one hold-out, as rows made before there were folds do."""
    few = made.lines[(made.lines["role"] == "traditional") & (made.lines["size"] < plan.FOLDED)]
    few = few[few["dataset"].isin(made.panel)]
    alone = int((few["folds"] == 1).sum())
    said = f", below {plan.FOLDED:,} rows by five folds"
    return said if not alone else f"{said}, but {alone} of {len(few)} of these choices by one fifth"


def panel(made: Any) -> dict[str, list[str]]:
    """Titles of the datasets that are pooled, and of the others."""
    names = made.thin.drop_duplicates("dataset").set_index("dataset")["dataset_title"]
    inside = names.index.isin(made.panel)
    return {"inside": sorted(names[inside]), "outside": sorted(names[~inside])}


def slide(orderings: pd.DataFrame) -> list[dict[str, Any]]:
    """The four sentences with the verdict over all, its evidence, and the verdicts by family."""
    found = []
    for _, one in orderings.groupby("number", sort=True):
        whole, parts = one[one["family"] == ""], one[one["family"] != ""]
        if len(whole):
            found.append(whole.iloc[0].to_dict() | {"families": parts.to_dict("records")})
    return found


def datasets(thin: pd.DataFrame) -> list[tuple[int, str]]:
    """(number of the faint lines, title) of every dataset."""
    names = thin.drop_duplicates("dataset").sort_values("dataset")["dataset_title"]
    return sorted(enumerate(names), key=lambda item: item[1])

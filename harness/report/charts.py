"""Charts that are drawn before any script runs, as SVG text. `Markup.format` escapes every text that goes in.

A mark is `<use href="#shape" data-i="row">`; `row` is its line in the page's table: there the tooltip finds numbers.

Scores are drawn on the log of the error that is left, for that is where techniques differ once they are good: a score
between 0 and 1 by 1 - score, a positive loss by itself, anything else as it is. Ticks carry the score itself.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from harness import analyse
from harness.report.style import Style, key
from harness.screen import number

FORMS = {  # width, height, left and right margin
    "wide": (1120, 500, 52, 190),
    "narrow": (390, 420, 40, 124),
}
Lines = dict[tuple[str, str, str], Style]


@dataclass(frozen=True)
class Plot:
    """A drawing area in SVG units, and where data fall in it. x is the log of the training examples.

    low, high   ends of the y axis, after `warp`
    """

    width: int
    height: int
    left: int
    right: int
    bottom: int
    sizes: tuple[int, ...]
    low: float
    high: float
    warp: Callable[[float], float] = math.log
    top: int = 14

    def x(self, size: float) -> float:
        first, last = math.log(self.sizes[0]), math.log(self.sizes[-1])
        share = 0.5 if first == last else (math.log(size) - first) / (last - first)
        inset = 10  # room for the marks
        return self.left + inset + share * (self.width - self.left - self.right - 2 * inset)

    def y(self, value: float) -> float:
        share = (self.warp(value) - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.base - share * (self.base - self.top)

    @property
    def base(self) -> int:
        return self.height - self.bottom


def superscript(power: int) -> str:
    """
    >>> superscript(-12)
    '⁻¹²'
    """
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] if digit.isdigit() else "⁻" for digit in str(power))


def path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def linear_ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers from low to high."""
    rough = (high - low) / 5 or 1.0
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * k for k in (1, 2, 2.5, 5, 10) if unit * k >= rough * 0.99)
    return [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, about six at most; 1, 2, 5 of each below 1.5 decades; any round numbers below half of one."""
    span = math.log10(high / low)
    if span < 0.5:
        return linear_ticks(low, high)
    steps = (1, 2, 5) if span < 1.5 else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [k * 10.0**d for d in decades if d % math.ceil(len(decades) / 7) == 0 for k in steps]
    return [tick for tick in ticks if low <= tick <= high]


def axes(plot: Plot, ticks: list[tuple[float, str]], gap: int) -> Markup:
    """Hairlines and their values, and the sizes that were run (those that fit, `gap` apart)."""
    parts = []
    above = math.inf
    for value, text in sorted(ticks):
        y = plot.y(value)
        if abs(y - above) < 20:
            continue  # no room
        above = y
        parts.append(Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(plot.left, y, plot.width - plot.right))
        parts.append(Markup('<text class="t e" x="{}" y="{:.1f}">{}</text>').format(plot.left - 7, y + 4, text))
    axis = Markup('<path class="axis" d="M{} {}H{}"/>')
    parts.append(axis.format(plot.left, plot.base, plot.width - plot.right))
    taken = [math.inf]
    for size in (plot.sizes[-1], *plot.sizes[:-1]):  # the largest size is always named
        x = plot.x(size)
        parts.append(Markup('<path class="axis" d="M{:.1f} {}v4"/>').format(x, plot.base))
        if all(abs(x - other) >= gap for other in taken):
            taken.append(x)
            parts.append(Markup('<text class="t m" x="{:.1f}" y="{}">{:,}</text>').format(x, plot.base + 18, size))
    return Markup("").join(parts)


def spread(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Positions at least `gap` apart (less where there is no room), in the same order, within low ... high."""
    gap = min(gap, (high - low) / max(1, len(wanted) - 1))
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    placed = [wanted[k] for k in order]
    for k in range(len(placed)):
        placed[k] = max(placed[k], placed[k - 1] + gap if k else low)
    for k in reversed(range(len(placed))):
        placed[k] = min(placed[k], placed[k + 1] - gap if k + 1 < len(placed) else high)
    return [placed[order.index(k)] for k in range(len(wanted))]


def labels(plot: Plot, ends: list[tuple[str, float, float, str]]) -> Markup:
    """Names at the line ends, kept apart; a hairline leads to a name that is not beside its line's end.

    ends   (number of the line, or name of the role; x, y of its end; words)
    """
    edge = plot.width - plot.right
    places = spread([y for _, _, y, _ in ends], 15, plot.top, plot.base)
    text = Markup(
        '<g class="s c{0}" data-s="{0}"><path class="lead" d="M{1:.1f} {2:.1f}L{3} {4:.1f}"/>'
        '<text class="t n" x="{5}" y="{6:.1f}">{7}</text></g>'
    )
    return Markup("").join(
        text.format(line, x + 7, y, edge + 8, place, edge + 11, place + 4, words)
        for (line, x, y, words), place in zip(ends, places, strict=True)
    )


def series(plot: Plot, name: str, shape: str, line: list[dict[str, Any]], dashed: bool = False) -> Markup:
    """One line: its band (a whisker where there is but one point), its path, its marks.

    name   number of the line, or name of the role; a point's tooltip is its `tip`, or row `i` of the page's table
    """
    known = [point for point in line if math.isfinite(point["value"])]
    where = [(plot.x(point["size"]), plot.y(point["value"])) for point in known]
    parts = [band(plot, known, "low", "high", "b")]
    if len(where) > 1:
        dashes = Markup(' stroke-dasharray="6 4"') if dashed else ""
        parts.append(Markup('<path class="l" d="{}"{}/>').format(path(where), dashes))
    mark = Markup('<use href="#{}" x="{:.1f}" y="{:.1f}" data-{}="{}"/>')
    for (x, y), point in zip(where, known, strict=True):
        what = "tip" if "tip" in point else "i"
        parts.append(mark.format(shape, x, y, what, point[what]))
    return Markup('<g class="s c{0}" data-s="{0}">{1}</g>').format(name, Markup("").join(parts))


def band(plot: Plot, line: list[dict[str, Any]], low: str, high: str, kind: str) -> Markup:
    """The area between two columns of a line's points, of css class `kind`; a whisker where only one point has both."""
    held = [point for point in line if math.isfinite(point[low]) and math.isfinite(point[high])]
    around = [(plot.x(point["size"]), plot.y(point[high])) for point in held]
    around += [(plot.x(point["size"]), plot.y(point[low])) for point in reversed(held)]
    if len(held) > 1:
        return Markup('<path class="{}" d="{}z"/>').format(kind, path(around))
    return Markup('<path class="w" d="{}"/>').format(path(around)) if held else Markup("")


def _failures(plot: Plot, points: list[dict[str, Any]], lines: Lines) -> Markup:
    """Hollow marks on the lower edge, side by side where several fail at one size."""
    parts, beside = [], dict[int, int]()
    mark = Markup('<g class="s c{0}" data-s="{0}"><use class="f" href="#{1}" x="{2:.1f}" y="{3}" data-i="{4}"/></g>')
    for point in points:
        if point["failures"]:
            style, size = lines[key(point)], point["size"]
            step = beside[size] = beside.get(size, -1) + 1
            shift = (1 if step % 2 else -1) * 11 * ((step + 1) // 2)
            parts.append(mark.format(style.number, style.shape, plot.x(size) + shift, plot.base - 8, point["i"]))
    return Markup("").join(parts)


def wrap(plot: Plot, name: str, title: str, inside: Sequence[Markup]) -> Markup:
    """The svg element: an image with a title for screen readers, reachable by Tab; what leaves the area is cut."""
    return Markup(
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" tabindex="0" aria-labelledby="{name}">'
        '<title id="{name}">{title}</title>'
        '<clipPath id="{name}-in"><rect x="{x}" y="{y}" width="{iw}" height="{ih}"/></clipPath>{inside}</svg>'
    ).format(
        name=name,
        title=title,
        w=plot.width,
        h=plot.height,
        x=plot.left,
        y=plot.top - 6,
        iw=plot.width - plot.left - plot.right,
        ih=plot.base - plot.top + 6,
        inside=Markup("").join(inside),
    )


@dataclass(frozen=True)
class Scale:
    """The y axis of a score: how values are warped (and back), its ends after that, and its ticks.

    kind, least   the same for the script: "linear", "left" (log of 1 - value) or "loss" (log), of `least` and more
    """

    kind: str
    least: float
    warp: Callable[[float], float]
    back: Callable[[float], float]
    low: float
    high: float
    ticks: list[float]


def scale(points: pd.DataFrame) -> Scale:
    """Means and floor are shown whole; intervals may take a fifth of that beyond them, wider ones are cut."""
    some = points[points["mean"].notna()]
    values = pd.concat([some["mean"], points["floor"]]).dropna()
    if values.empty:
        return Scale("linear", 0.0, float, float, 0.0, 1.0, [])
    higher = bool(points["higher_is_better"].iloc[0])
    errors = 1 - values if higher else values
    kind, least = "linear", 0.0
    warp: Callable[[float], float] = float
    back: Callable[[float], float] = float
    if (errors >= 0).all() and (not higher or (errors <= 1).all()) and (errors > 0).any():
        least = errors[errors > 0].min() / 2  # where no error at all is drawn
        kind = "left" if higher else "loss"
        if higher:
            warp, back = (lambda value: -math.log(max(1 - value, least))), (lambda value: 1 - math.exp(-value))
        else:
            warp, back = (lambda value: math.log(max(value, least))), math.exp
    whole = values.map(warp)
    low, high = whole.min(), whole.max()
    margin = 0.2 * (high - low) or 0.1
    ends = [some[name].dropna().map(warp) for name in ("low", "high")]
    low_end = max(low - margin, min([low, *ends[0]]))
    high_end = min(high + margin, max([high, *ends[1]]))
    pad = 0.04 * (high_end - low_end) or margin
    low_end, high_end = low_end - pad, high_end + pad
    ticks = _score_ticks(back(low_end), back(high_end), kind != "linear", higher)
    return Scale(kind, float(least), warp, back, float(low_end), float(high_end), ticks)


def _score_ticks(low: float, high: float, logs: bool, higher: bool) -> list[float]:
    if not logs:
        return linear_ticks(low, high)
    least, most = (1 - high, 1 - low) if higher else (low, high)
    if most / least < 10**0.5:
        return linear_ticks(low, high)
    errors = [k * 10.0**d for d in range(-9, 10) for k in (1, 1.5, 2, 3, 5, 7)]
    return [1 - error if higher else error for error in errors if least <= error <= most]


def _records(points: pd.DataFrame) -> list[dict[str, Any]]:
    """Points as dicts with `value`, `low`, `high`, by size."""
    kept = ["i", "size", "arm", "device", "machine", "failures", "mean", "low", "high"]
    return points.sort_values("size")[kept].rename(columns={"mean": "value"}).to_dict("records")  # type: ignore


def _by_line(records: list[dict[str, Any]], lines: Lines) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """Points of each line, in the order of the legend."""
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for point in records:
        found.setdefault(key(point), []).append(point)
    return dict(sorted(found.items(), key=lambda item: lines[item[0]].number))


def curve(points: pd.DataFrame, lines: Lines, name: str, title: str, form: str) -> Markup:
    """Score against training examples for one dataset. form: "wide" or "narrow" (a phone)."""
    width, height, left, right = FORMS[form]
    axis = scale(points)
    sizes = tuple(sorted(points["size"].unique()))
    plot = Plot(width, height, left, right, 44, sizes, axis.low, axis.high, axis.warp)
    ticks = [(value, number(value)) for value in axis.ticks]
    records = _records(points)
    drawn = [
        series(plot, str(lines[one].number), lines[one].shape, line, lines[one].dashed)
        for one, line in _by_line(records, lines).items()
    ]
    parts = [axes(plot, ticks, 46 if form != "wide" else 52)]
    parts.append(Markup('<g clip-path="url(#{}-in)">{}</g>').format(name, Markup("").join(drawn)))
    parts.append(_references(plot, points))
    parts.append(_failures(plot, records, lines))
    parts.append(_x_title(plot, analyse.unit(points["task"].iloc[0])))
    parts.append(labels(plot, _ends(plot, records, lines)))
    return wrap(plot, name, title, parts)


def _x_title(plot: Plot, unit: str) -> Markup:
    middle = (plot.left + plot.width - plot.right) / 2
    return Markup('<text class="t m" x="{:.0f}" y="{}">training {}</text>').format(middle, plot.base + 38, unit)


def _ends(plot: Plot, records: list[dict[str, Any]], lines: Lines) -> list[tuple[str, float, float, str]]:
    """(css class, x, y, words) of each line's end: its name, cut to the room there is."""
    found, room = [], int((plot.right - 12) / 6.8)
    for one, line in _by_line(records, lines).items():
        known = [point for point in line if math.isfinite(point["value"])]
        if known:
            style, last = lines[one], known[-1]
            label = style.label if len(style.label) <= room else style.label[: room - 1].rstrip() + "…"
            found.append((f"{style.number}", plot.x(last["size"]), plot.y(last["value"]), label))
    return found


def _references(plot: Plot, points: pd.DataFrame) -> Markup:
    """The floor, dotted, and the ceiling, dashed, where known."""
    parts = []
    floors = points.groupby("size")["floor"].mean().dropna()
    if len(floors):
        where = [(plot.x(float(size)), plot.y(floor)) for size, floor in floors.items()]  # type: ignore[arg-type]
        ends = [(plot.left, where[0][1]), *where, (plot.width - plot.right, where[-1][1])]
        parts.append(Markup('<path class="floor" d="{}"/>').format(path(ends)))
        text = Markup('<text class="t i" x="{}" y="{:.1f}">floor: answers without learning</text>')
        parts.append(text.format(plot.left + 8, where[0][1] - 6))
    ceilings = points["ceiling"].dropna()
    if len(ceilings):
        y = max(plot.y(float(ceilings.iloc[0])), plot.top)
        parts.append(Markup('<path class="ceiling" d="M{} {:.1f}H{}"/>').format(plot.left, y, plot.width - plot.right))
        parts.append(Markup('<text class="t i" x="{}" y="{:.1f}">ceiling</text>').format(plot.left + 8, y - 6))
    return Markup("").join(parts)


def approximations(here: pd.DataFrame) -> str:
    """Which lines of a chart are approximations, from which size on; "" where none is."""
    some = here[here["approximated"] != ""].sort_values("size").drop_duplicates("label")
    told = [f" {one.label} is approximated from {one.size:,} on ({one.approximated})." for one in some.itertuples()]
    return "".join(told)

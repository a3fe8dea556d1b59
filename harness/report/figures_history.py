"""For print: the timeline with its verdicts, and what one fixed quality has cost, by the year of the technique."""

import math
import textwrap
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from harness.report import charts
from harness.report.style import LIGHT, SHAPES
from harness.report.timeline import COSTS, ERAS, MARKS
from harness.screen import number

COLOURS = {
    "pass": "#00694f", "fail": "#b3261e", "inconclusive": "#0072b2", "refused": "#0072b2", "not run": "#6b6862",
}  # fmt: skip


def timeline(found: dict[str, Any]) -> Figure:
    """A mark for each claim above its technique, oldest first; found: `timeline.exhibit`."""
    techniques = found["techniques"]
    figure, axes = plt.subplots(figsize=(max(6.0, 0.27 * len(techniques)), 3.6), layout="constrained")
    for k, one in enumerate(techniques):
        if not one["claims"]:
            axes.plot(k, 0, ".", color="#b5b1a8", markersize=3)
        for place, claim in enumerate(one["claims"]):
            shape, hollow = MARKS[claim["verdict"]]
            colour = COLOURS[claim["verdict"]]
            face = "white" if hollow else colour
            axes.plot(k, place, SHAPES[shape][1], color=colour, markerfacecolor=face, markersize=6)
    names = [f"{one['title']}  {one['year']}" for one in techniques]
    axes.set_xticks(range(len(techniques)), names, rotation=90, fontsize=6.5)
    axes.set_yticks([])
    axes.set_ylim(-0.6, max([len(one["claims"]) for one in techniques] + [2]) - 0.3)
    axes.spines["left"].set_visible(False)
    axes.grid(False)
    handles = []
    for word in (word for word in MARKS if found["counts"].get(word)):
        shape, hollow = MARKS[word]
        look: Any = {"color": COLOURS[word], "markerfacecolor": "white" if hollow else COLOURS[word], "label": word}
        handles.append(Line2D([], [], linestyle="", marker=SHAPES[shape][1], **look))
    axes.legend(handles=handles, loc="upper left", ncols=len(handles), fontsize=7)
    axes.set_title(textwrap.fill(found["headline"], 110))
    return figure


def _power(tick: float) -> str:
    """A tick of a logarithmic axis: 10, 0.5, 2·10⁹."""
    if 1e-3 <= tick < 1e5:
        return number(tick)
    power = math.floor(math.log10(tick) + 1e-9)
    first = round(tick / 10.0**power)
    return f"{f'{first}·' if first > 1 else ''}10{charts.superscript(power)}"


def reach(found: dict[str, Any]) -> Figure | None:
    """Seconds and FLOPs of the cheapest way to the fixed quality against the year; None where nobody came there."""
    told = found["reach"]
    if not told or not any(one["seconds"] for one in told["lines"]):
        return None
    kinds = [what for what in COSTS if any(one[what] for one in told["lines"])]
    figure, panels = plt.subplots(1, len(kinds), figsize=(4.6 * len(kinds), 3.6), layout="constrained", squeeze=False)
    for axes, what in zip(panels[0], kinds, strict=True):
        for one in told["lines"]:
            if one[what] and one["year"]:
                axes.plot(one["year"], one[what], "o", color=LIGHT[ERAS.get(one["era"], -1)], markersize=5)
                axes.annotate(one["title"], (one["year"], one[what]), (4, 3), textcoords="offset points", fontsize=6.5)
        axes.set_yscale("log")
        ticks = charts.log_ticks(*axes.get_ylim())
        axes.set_yticks(ticks, [_power(tick) for tick in ticks])  # matplotlib's own would be formulas
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set(xlabel="year of the technique", ylabel=COSTS[what])
    figure.suptitle(f"Cheapest way to {told['score']:.3g} on {told['title']}", fontsize="medium", x=0.01, ha="left")
    return figure

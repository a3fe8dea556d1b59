"""The page's pictures for print, by seaborn, from the same frame: figures/fig1_scale, fig2_datasets, fig4_cost."""

import textwrap
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no display is needed, and none may be opened
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from harness import analyse
from harness.report.charts import log_ticks, number, scale
from harness.report.style import COSTS, Style, key

GREY = "#6b6862"
LOOK: Any = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "eras",  # same numbers, same bytes
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#e7e4dd",
    "font.size": 9,
    "legend.frameon": False,
    "text.parse_math": False,  # a "$" in a title is a "$"
}


def write(points: pd.DataFrame, lead: pd.DataFrame, lines: dict[Any, Style], folder: Path) -> list[Path]:
    """Draw the three figures as PNG (200 dpi) and SVG; returns their paths. Needs a point with a score."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = analyse.main_picture(points)
    assert chosen is not None, "figures need at least one point with a score"
    here = points[(points[["dataset", "task", "machine"]] == list(chosen)).all(axis=1)]
    with sns.axes_style("ticks"), plt.rc_context(LOOK):
        return [
            *_save(_scale(here, lines, analyse.headlines(points, lead)), folder / "fig1_scale"),
            *_save(_datasets(points, lines), folder / "fig2_datasets"),
            *_save(_cost(here, lines), folder / "fig4_cost"),
        ]


def _save(figure: Figure, path: Path) -> list[Path]:
    made = [path.with_suffix(".png"), path.with_suffix(".svg")]
    figure.savefig(made[0], dpi=200, metadata={"Software": None})
    figure.set_layout_engine("none")  # it is laid out by now, and that takes half of the time
    figure.savefig(made[1], metadata={"Date": None})
    plt.close(figure)
    return made


def _draw(axes: Axes, points: pd.DataFrame, lines: dict[Any, Style], value: str, low: str, high: str) -> None:
    """Lines with bands, the intervals taken from the frame: seaborn computes none of its own."""
    some = points[points[value].notna()].sort_values("size")
    some = some.assign(line=[lines[key(point)].number for point in some.to_dict("records")])
    if some.empty:
        return
    looks: dict[Any, Style] = {style.number: style for style in lines.values()}
    sns.lineplot(
        some, x="size", y=value, ax=axes, legend=False, estimator=None, errorbar=None, markersize=5,
        hue="line", palette={number: style.light for number, style in looks.items()},
        style="line", markers={number: style.marker for number, style in looks.items()},
        dashes={number: (4, 2) if style.dashed else "" for number, style in looks.items()},
    )  # fmt: skip
    for line, band in some.groupby("line"):
        axes.fill_between(band["size"], band[low], band[high], color=looks[line].light, alpha=0.12, linewidth=0)
    sizes = sorted(points["size"].unique())
    axes.set_xscale("log")
    axes.set_xticks(sizes, [number(size) for size in sizes], rotation=0 if len(sizes) < 5 else 35)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="training examples", ylabel="")


def _curve(axes: Axes, points: pd.DataFrame, lines: dict[Any, Style]) -> None:
    _draw(axes, points, lines, "mean", "low", "high")
    floors = points.groupby("size")["floor"].mean()
    axes.plot(floors.index, floors, ":", color=GREY)
    axis = scale(points)
    if axis.ticks:  # the same axis as the page's
        both = (np.vectorize(one, otypes=[float]) for one in (axis.warp, axis.back))
        axes.set_yscale("function", functions=tuple(both))
        axes.set_ylim(axis.back(axis.low), axis.back(axis.high))
        axes.set_yticks(axis.ticks, [number(tick) for tick in axis.ticks])
        axes.yaxis.set_minor_locator(NullLocator())
    for ceiling in points["ceiling"].dropna().unique()[:1]:
        axes.axhline(ceiling, linestyle="--", color=GREY, linewidth=0.8)
    first = points.iloc[0]
    way = "" if first["higher_is_better"] else " (lower is better)"
    axes.set_ylabel(str(first["metric"]).replace("_", " ") + way)


def _scale(here: pd.DataFrame, lines: dict[Any, Style], title: str) -> Figure:
    figure, axes = plt.subplots(figsize=(9, 4.6), layout="constrained")
    _curve(axes, here, lines)
    axes.set_title(textwrap.fill(title, 100))
    figure.legend(handles=_handles(here, lines), loc="outside right center")
    return figure


def _datasets(points: pd.DataFrame, lines: dict[Any, Style]) -> Figure:
    groups = list(points.groupby(["dataset_title", "dataset", "task", "machine"]))
    across = min(3, len(groups))
    down = -(-len(groups) // across)
    size = (3.6 * across, 2.6 * down + 0.6)
    figure, grid = plt.subplots(down, across, figsize=size, layout="constrained", squeeze=False)
    for axes, (name, some) in zip(grid.flat, groups, strict=False):
        _curve(axes, some, lines)
        axes.set_title(str(name[0]))
    for axes in list(grid.flat)[len(groups) :]:
        axes.set_axis_off()
    figure.legend(handles=_handles(points, lines), loc="outside lower center", ncols=4)
    return figure


def _cost(here: pd.DataFrame, lines: dict[Any, Style]) -> Figure:
    size = (3.6 * len(COSTS), 3.4)
    figure, grid = plt.subplots(1, len(COSTS), figsize=size, layout="constrained", squeeze=False)
    for axes, (what, (title, least)) in zip(grid.flat, COSTS.items(), strict=True):
        names = [what, f"{what}_low", f"{what}_high"]
        known = here[names].clip(lower=least) if least else here[names].where(here[names] > 0)
        _draw(axes, here.assign(**known), lines, *names)
        axes.set_title(title + (f" (below {least:g}: as {least:g})" if least else ""))
        axes.set_yscale("log")
        if known.notna().any(axis=None):
            ticks = log_ticks(float(np.nanmin(known)), float(np.nanmax(known)))
            axes.set_yticks(ticks, [number(tick) for tick in ticks])
        axes.yaxis.set_minor_locator(NullLocator())
    figure.legend(handles=_handles(here, lines), loc="outside lower center", ncols=4)
    return figure


def _handles(points: pd.DataFrame, lines: dict[Any, Style]) -> list[Line2D]:
    """Entries of one legend for all panels: the lines that are drawn."""
    found = []
    drawn = {key(point) for point in points.to_dict("records")}
    for style in (style for name, style in lines.items() if name in drawn):
        entry = Line2D([], [], color=style.light, marker=style.marker, linestyle="--" if style.dashed else "-")
        entry.set_label(textwrap.shorten(style.label, 40, placeholder="…"))
        found.append(entry)
    return [*found, Line2D([], [], color=GREY, linestyle=":", label="floor: answers without learning")]

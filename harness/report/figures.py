"""The page's pictures for print, from the same frames: figures/fig1_scale ... fig10_reach, as PNG and SVG."""

import math
import textwrap
from collections.abc import Callable
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
from harness.report import figures_history, figures_pooled
from harness.report.charts import approximations, log_ticks, scale
from harness.report.style import COSTS, NEAR, SHAPES, Style, key, styles
from harness.screen import number

GREY = figures_pooled.GREY
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


def write(
    points: pd.DataFrame,
    lead: pd.DataFrame,
    lines: dict[Any, Style],
    made: Any,
    folder: Path,
    compared: dict[str, Any] | None = None,
    ladder: dict[str, Any] | None = None,
    history: dict[str, Any] | None = None,
) -> list[Path]:
    """Draw those figures for which there are numbers, as PNG (200 dpi) and SVG; returns their paths.

    Without a point that has a score only the last four. made: scale.Exhibit; compared: an outcome of `eras compare`;
    ladder: decades.section; history: timeline.exhibit
    """
    folder.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[], Figure | None]] = {
        "fig7_regressions": lambda: figures_pooled.regressions(compared) if compared else None,
        "fig8_decades": lambda: figures_pooled.decades(ladder) if ladder else None,
        "fig9_timeline": lambda: figures_history.timeline(history) if history else None,
        "fig10_reach": lambda: figures_history.reach(history) if history else None,
    }
    chosen = analyse.main_picture(points) if len(points) else None
    if chosen:
        here = points[(points[["dataset", "task", "machine"]] == list(chosen)).all(axis=1)]
        makers |= {
            "fig1_scale": lambda: (
                figures_pooled.scale_curve(made)
                or _alone(here, _handles(here, lines), lines, analyse.headline(points, lead))
            ),
            "fig2_datasets": lambda: _datasets(points, lines),
            "fig3_crossovers": lambda: figures_pooled.crossovers(made),
            "fig4_cost": lambda: _cost(here, lines),
            "fig5_pareto": lambda: _pareto(here, lines),
            "fig6_tuning": lambda: figures_pooled.tuning(made),
        }
    written: list[Path] = []
    with sns.axes_style("ticks"), plt.rc_context(LOOK):
        for name, maker in sorted(makers.items()):
            figure = maker()
            written += _save(figure, folder / name) if figure is not None else []
    return written


def one(points: pd.DataFrame, listed: list[dict[str, Any]], title: str, path: Path) -> None:
    """One dataset's curve as one file, of the kind that its name ends in; published figures in grey beside ours.

    points   analyse.curves of one dataset; may be empty      raises OSError where `path` cannot be written
    listed   published.overlay; may be empty
    """
    theirs = _published(listed)
    both = pd.concat([some for some in (points, theirs) if len(some)], ignore_index=True)
    lines = styles(points) if len(points) else {}
    techniques = list(dict.fromkeys(theirs["label"])) if len(theirs) else []
    for place, line in enumerate(theirs.to_dict("records"), len(lines)):
        shape = list(SHAPES)[techniques.index(line["label"]) % len(SHAPES)]
        lines[key(line)] = Style(place, line["label"], "", GREY, GREY, shape, True)
    named = pd.concat([points, theirs.drop_duplicates("label")]) if len(theirs) else points
    with sns.axes_style("ticks"), plt.rc_context(LOOK):
        figure = _alone(both, _handles(named, lines), lines, title)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=200)
        plt.close(figure)


def _published(listed: list[dict[str, Any]]) -> pd.DataFrame:
    """Published scores as points: one line per technique and tool, without intervals; the higher the better."""
    known = pd.DataFrame([line for line in listed if line["value"] is not None])
    if known.empty:
        return known
    label = "published: " + known["technique"]
    known = known.assign(task="classify", device="cpu", machine="published", higher_is_better=True)
    known = known.assign(label=label, arm=label + known["tool"], mean=known["value"])
    return known.assign(low=math.nan, high=math.nan, floor=math.nan, ceiling=math.nan)


def _save(figure: Figure, path: Path) -> list[Path]:
    made = [path.with_suffix(".png"), path.with_suffix(".svg")]
    figure.savefig(made[0], dpi=200, metadata={"Software": None}, pil_kwargs={"compress_level": 4})
    figure.set_layout_engine("none")  # it is laid out by now, and that takes half of the time
    figure.savefig(made[1], metadata={"Date": None})
    plt.close(figure)
    return made


def _draw(axes: Axes, points: pd.DataFrame, lines: dict[Any, Style], value: str, low: str, high: str) -> None:
    """Lines with bands, the intervals taken from the frame."""
    some = points[points[value].notna()].sort_values("size")[["arm", "device", "machine", "size", value, low, high]]
    several = some[["arm", "device", "machine"]].drop_duplicates().shape[0]
    for name, line in some.groupby(["arm", "device", "machine"], sort=False):
        look = lines[name]  # type: ignore[index]
        size, middle, least, most = line[["size", value, low, high]].to_numpy(float).T
        form = (0, (6, 3)) if look.dashed else "-"
        face = "white" if look.hollow else look.light
        axes.plot(size, middle, color=look.light, marker=look.marker, markersize=4, linestyle=form, linewidth=1.3,
                  markerfacecolor=face, zorder=2 + look.number / 100)  # fmt: skip
        if several <= 4 and np.isfinite(least).any():  # more bands than that hide each other
            axes.fill_between(size, least, most, color=look.light, alpha=0.12, linewidth=0)
    _size_axis(axes, points)


def _size_axis(axes: Axes, points: pd.DataFrame) -> None:
    sizes = sorted(points["size"].unique())
    axes.set_xscale("log")
    axes.set_xticks(sizes, [number(size) for size in sizes], rotation=0 if len(sizes) < 5 else 35)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(f"training {analyse.unit(points['task'].iloc[0])}")


def _curve(axes: Axes, points: pd.DataFrame, lines: dict[Any, Style]) -> None:
    _draw(axes, points, lines, "mean", "low", "high")
    floors = points.groupby("size")["floor"].mean().dropna()
    axes.plot(floors.index, floors, ":", color=GREY)
    axis = scale(points)
    if axis.ticks:  # the same axis as the page's
        both = (np.vectorize(one, otypes=[float]) for one in (axis.warp, axis.back))
        axes.set_yscale("function", functions=tuple(both))
        axes.set_ylim(axis.back(axis.low), axis.back(axis.high))
        ticks = _apart(axis.ticks, axis.warp, (axis.high - axis.low) / 12)
        axes.set_yticks(ticks, [number(tick) for tick in ticks])
        axes.yaxis.set_minor_locator(NullLocator())
    for ceiling in points["ceiling"].dropna().unique()[:1]:
        axes.axhline(ceiling, linestyle="--", color=GREY, linewidth=0.8)
    first = points.iloc[0]
    way = "" if first["higher_is_better"] else " (lower is better)"
    axes.set_ylabel(analyse.metric_name(first["metric"]) + way)


def _apart(ticks: list[float], warp: Callable[[float], float], least: float) -> list[float]:
    """Those ticks whose labels don't run into the one below."""
    kept: list[float] = []
    for tick in sorted(ticks):
        if not kept or warp(tick) - warp(kept[-1]) >= least:
            kept.append(tick)
    return kept


def _alone(here: pd.DataFrame, handles: list[Line2D], lines: dict[Any, Style], title: str) -> Figure:
    """One dataset's curve, as high as its legend."""
    size = (10, max(4.6, 0.17 * len(handles) + 0.8))
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    _curve(axes, here, lines)
    axes.set_title(textwrap.fill(title, 110))
    figure.legend(handles=handles, loc="outside right center", fontsize=8)
    return figure


def _datasets(points: pd.DataFrame, lines: dict[Any, Style]) -> Figure:
    groups = list(points.groupby(["dataset_title", "dataset", "task", "machine"]))
    across = min(3, len(groups))
    down = -(-len(groups) // across)
    size = (max(7.0, 3.6 * across), 2.6 * down)
    figure, grid = plt.subplots(down, across, figsize=size, layout="constrained", squeeze=False)
    for axes, (name, some) in zip(grid.flat, groups, strict=False):
        _curve(axes, some, lines)
        axes.set_title(str(name[0]))
        if told := approximations(some):
            words = textwrap.shorten(told, 76, placeholder="…")
            # outside the layout: words longer than a panel would end it
            axes.text(0.02, 0.02, words, transform=axes.transAxes, fontsize=5, color=GREY, in_layout=False)
    for axes in list(grid.flat)[len(groups) :]:
        axes.set_axis_off()
    figures_pooled.below(figure, _handles(points, lines))
    return figure


def _cost(here: pd.DataFrame, lines: dict[Any, Style]) -> Figure:
    size = (3.6 * len(COSTS), 2.8)
    figure, grid = plt.subplots(1, len(COSTS), figsize=size, layout="constrained", squeeze=False)
    for axes, (what, (title, least, limit)) in zip(grid.flat, COSTS.items(), strict=True):
        names = [what, f"{what}_low", f"{what}_high"]
        known = here[names].clip(lower=least) if least else here[names].where(here[names] > 0)
        _draw(axes, here.assign(**known), lines, *names)
        axes.set_title(title + (f" (below {least:g}: as {least:g})" if least else ""))
        axes.set_yscale("log")
        if known.notna().any(axis=None):
            low, high = float(np.nanmin(known)), float(np.nanmax(known))
            most = here[limit].max() if limit else np.nan
            if most <= NEAR * high:  # of NaN that is not so
                axes.axhline(most, color="0.5", linestyle=(0, (7, 5)), linewidth=1)
                axes.annotate(
                    "limit of a cell", (0.02, most), xycoords=("axes fraction", "data"), va="bottom", fontsize=7
                )
                high = max(high, most)
            ticks = log_ticks(low, high)
            axes.set_yticks(ticks, [number(tick) for tick in ticks])
        axes.yaxis.set_minor_locator(NullLocator())
    figures_pooled.below(figure, _handles(here, lines)[:-1])
    return figure


def _pareto(here: pd.DataFrame, lines: dict[Any, Style]) -> Figure | None:
    """Skill against fit seconds on the lead dataset, at the smallest, the middle and the largest size."""
    known = here[(here["fit_seconds"] > 0) & here["skill"].notna() & (here["failures"] == 0)]
    sizes = sorted(known["size"].unique())
    if not sizes:
        return None
    wanted = list(dict.fromkeys((sizes[0], sizes[len(sizes) // 2], sizes[-1])))
    size = (max(7.0, 3.6 * len(wanted)), 2.8)
    figure, grid = plt.subplots(1, len(wanted), figsize=size, layout="constrained", squeeze=False, sharey=True)
    for axes, n in zip(grid.flat, wanted, strict=True):
        for point in known[known["size"] == n].to_dict("records"):
            look = lines[key(point)]
            bars = [[point["skill"] - point["skill_low"]], [point["skill_high"] - point["skill"]]]
            face = "white" if look.hollow else look.light
            marks: Any = {"color": look.light, "marker": look.marker, "markersize": 6, "markerfacecolor": face}
            whiskers = bars if np.isfinite(bars).all() else None
            axes.errorbar(point["fit_seconds"], point["skill"], yerr=whiskers, linewidth=0.9, **marks)
        front = figures_pooled.front(known.loc[known["size"] == n, ["fit_seconds", "skill"]].to_numpy())
        axes.step(*front.T, where="post", color=GREY, linestyle="--", linewidth=0.9)
        axes.set_xscale("log")
        ticks = log_ticks(*axes.get_xlim())
        axes.set_xticks(ticks, [number(tick) for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(
            title=f"{here['dataset_title'].iloc[0]}, {n:,} {analyse.unit(here['task'].iloc[0])}",
            xlabel="seconds to fit",
        )
    means = known.loc[known["size"].isin(wanted), "skill"]
    low, high = min(0.0, means.min()), max(1.0, means.max())
    grid[0, 0].set_ylim(low - 0.15 * (high - low), high + 0.15 * (high - low))  # wider intervals are cut
    grid[0, 0].set_ylabel("skill")
    figures_pooled.below(figure, _handles(known, lines)[:-1])
    return figure


def _handles(points: pd.DataFrame, lines: dict[Any, Style]) -> list[Line2D]:
    """Entries of one legend for all panels: the lines that are drawn, and the floor."""
    found = []
    drawn = {key(point) for point in points[["arm", "device", "machine"]].drop_duplicates().to_dict("records")}
    for style in (style for name, style in lines.items() if name in drawn):
        entry = Line2D([], [], color=style.light, marker=style.marker, linestyle="--" if style.dashed else "-")
        entry.set_markerfacecolor("white" if style.hollow else style.light)
        entry.set_label(textwrap.shorten(style.label, 56, placeholder="…"))
        found.append(entry)
    return [*found, Line2D([], [], color=GREY, linestyle=":", label="floor: answers without learning")]

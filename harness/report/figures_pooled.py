"""Figures of what `scale.exhibit` finds: the scale curve of the panel, who overtakes whom, what tuning brings."""

import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator

from harness import scale
from harness.compare import gauge, words
from harness.report import decades as strips
from harness.report.style import ROLES, SHAPES
from harness.rungs import column, year_of
from harness.screen import number

GREY = "#6b6862"
MOST = 6  # panels of the tuning figure
TIMED = 60  # lines of the forest plot
DECADES = {"data": "#0072b2", "memory": "#00795c", "compute": "#c8742a"}
WINNERS = {"classic": "#bfe3d5", "net": "#f3cfae", "none": "#dddad3", "guess": "#efede7", "absent": "#f7f5f0"}
VERDICTS = {gauge.SLOWER: "#b3261e", gauge.FASTER: "#00694f"}


def scale_curve(made: Any) -> Figure | None:
    """Pooled skill with both bands, faint datasets, and a line where a net overtakes; None without a panel."""
    over = made.pooled.sort_values("size")
    if over.empty:
        return None
    figure, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    sizes = sorted(over["size"].unique())
    inside = made.thin[made.thin["size"].between(sizes[0], sizes[-1])].sort_values("size")
    for (_, role), line in inside.groupby(["dataset", "role"]):
        axes.plot(line["size"], line["skill"], color=ROLES[role][1], linewidth=0.6, alpha=0.2)
    for role, (_, colour, _, shape) in ROLES.items():
        line = over[over["role"] == role]
        if len(line):
            for low, high, alpha in (("wide_low", "wide_high", 0.07), ("low", "high", 0.2)):
                axes.fill_between(line["size"], line[low], line[high], color=colour, alpha=alpha, linewidth=0)
            label = scale.NAMES[role]
            axes.plot(line["size"], line["iqm"], color=colour, marker=SHAPES[shape][1], linewidth=2.2, label=label)
    for lead in made.leads.to_dict("records"):
        axes.axvline(lead["size"], color=ROLES[str(lead["second"])][1], linestyle=":", linewidth=1)
    for at, linestyle, told in ((0, ":", "0: answering without learning"), (1, "--", "1: the frozen reference")):
        axes.axhline(at, color=GREY, linestyle=linestyle, linewidth=0.9)
        axes.annotate(told, (sizes[0], at), (0, 3), textcoords="offset points", color=GREY, fontstyle="italic")
    axes.set_ylim(min(0, over["wide_low"].min(), over["iqm"].min()) - 0.03, max(1, over["wide_high"].max()) + 0.05)
    axes.set_xscale("log")
    counts = over.groupby("size")[["datasets", "seeds"]].min()
    ticks = [f"{number(size)}\n{counts.loc[size, 'datasets']} × {counts.loc[size, 'seeds']}" for size in sizes]
    axes.set_xticks(sizes, ticks)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="training examples (below: datasets × seeds)", ylabel="skill, interquartile mean")
    axes.set_title(textwrap.fill(made.titles["scale"], 100))
    figure.legend(loc="outside right center")
    return figure


def crossovers(made: Any) -> Figure | None:
    """Heat map: share of the datasets on which the column overtakes the row; in the cell how many, and the middle n."""
    pairs = made.matrix
    if pairs.empty:
        return None
    names = dict(zip(pairs["first"], pairs["first_label"], strict=True))
    names |= dict(zip(pairs["second"], pairs["second_label"], strict=True))
    order = sorted(names, key=lambda name: (name in ROLES, list(ROLES).index(name) if name in ROLES else 0, name))
    share = pairs.pivot_table(index="first", columns="second", values="share").reindex(index=order, columns=order)
    cells = pd.DataFrame("", index=order, columns=order)
    for one in pairs.to_dict("records"):
        if one["crossed"]:
            said = f"{one['crossed']}/{one['datasets']}\nn {scale.rounded(one['median_n'])}"
            cells.loc[one["first"], one["second"]] = said
    side = max(6.0, 0.62 * len(order) + 2.4)
    figure, axes = plt.subplots(figsize=(side + 1, side * 0.8), layout="constrained")
    labels = [textwrap.shorten(names[name], 30, placeholder="…") for name in order]
    look: Any = {"cmap": "Blues", "vmin": 0, "vmax": 1, "linewidths": 0.5, "linecolor": "#e7e4dd"}
    look |= {
        "annot_kws": {"size": 7},
        "cbar_kws": {"label": "share of the datasets compared; white: none"},
        "yticklabels": labels,
    }
    sns.heatmap(share, annot=cells, fmt="", ax=axes, **look)
    axes.grid(False)
    axes.set_xticks(axes.get_xticks(), labels, rotation=40, ha="right")
    axes.set(xlabel="overtakes ...", ylabel="... this one")
    axes.set_title(textwrap.fill(made.titles.get("overtakes", "Who overtakes whom"), 80))
    return figure


def tuning(made: Any) -> Figure | None:
    """Skill of the trial best on validation so far, against trials; one panel per dataset and size, six at most."""
    found = made.tuning[made.tuning["skill"].notna()]
    groups = list(found.groupby(["dataset_title", "size"]))[:MOST]
    if not groups:
        return None
    across = min(3, len(groups))
    down = -(-len(groups) // across)
    size = (3.6 * across, 2.8 * down)
    figure, grid = plt.subplots(down, across, figsize=size, layout="constrained", squeeze=False)
    labels = list(dict.fromkeys(found["label"]))
    colours = dict(zip(labels, sns.color_palette("colorblind", len(labels)), strict=True))
    markers = {label: "os^Dv"[k // 10 % 5] for k, label in enumerate(labels)}  # the palette begins again after ten
    for axes, ((title, n), some) in zip(grid.flat, groups, strict=False):
        for label, line in some.sort_values("trials").groupby("label"):
            axes.plot(
                line["trials"], line["skill"], color=colours[label], marker=markers[label], markersize=3, label=label
            )
            axes.fill_between(line["trials"], line["low"], line["high"], color=colours[label], alpha=0.12, linewidth=0)
            axes.axhline(line["default"].iloc[0], color=colours[label], linestyle=":", linewidth=0.9)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(some["trials"].unique()), sorted(some["trials"].unique()))
        axes.set(
            title=f"{textwrap.shorten(title, 26, placeholder='…')}, {n:,} {some['unit'].iloc[0]}",
            xlabel="trials",
            ylabel="skill",
        )
    for axes in list(grid.flat)[len(groups) :]:
        axes.set_axis_off()
    handles = {label: line for axes in grid.flat for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    below(figure, list(handles.values()))
    return figure


def below(figure: Figure, handles: list[Any]) -> None:
    """One legend of all panels under them, in as many columns as the figure is wide for; it becomes as much higher."""
    longest = max(len(handle.get_label()) for handle in handles)
    columns = max(1, int(figure.get_figwidth() / (0.05 * longest + 0.5)))  # inches, of 7 points
    figure.set_figheight(figure.get_figheight() + 0.15 * -(-len(handles) // columns))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=7)


def regressions(compared: dict[str, Any]) -> Figure | None:
    """Forest plot of a comparison: change and 99 % interval of each timing, the zone of SAME shaded."""
    timed = [one for one in compared["findings"] if one.get("change") is not None][:TIMED]
    if not timed:
        return None
    figure, axes = plt.subplots(figsize=(8, 0.22 * len(timed) + 1.2), layout="constrained")
    axes.axvspan(1 - gauge.ZONE, 1 + gauge.ZONE, color="#e7e4dd", linewidth=0)
    for row, one in enumerate(timed):
        colour = VERDICTS.get(one["word"], GREY)
        axes.plot([1 + one["low"], 1 + one["high"]], [row, row], color=colour, linewidth=1)
        face = "white" if one["word"] == gauge.UNSURE else colour
        axes.plot(1 + one["change"], row, "o", color=colour, markerfacecolor=face, markersize=4)
    names = [f"{one['cell']}, {words.QUANTITIES[one['quantity']]}".rstrip(", ") for one in timed]
    axes.set_yticks(range(len(timed)), [textwrap.shorten(name, 60, placeholder="…") for name in names], fontsize=7)
    axes.invert_yaxis()
    axes.set_xscale("log")
    ends = [1 + one[end] for one in timed for end in ("low", "high")]
    least, most = max(0.5, min([0.9, *ends])), min(2.0, max([1.1, *ends]))
    axes.set_xlim(least / 1.02, most * 1.02)
    ticks = [tick for tick in (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2) if least / 1.02 <= tick <= most * 1.02]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("head / base, 99 % interval")
    axes.set_title(textwrap.fill(words.headline(compared), 100))
    return figure


def decades(found: dict[str, Any]) -> Figure:
    """Data, memory and compute against the year, with the machines; below, who won; hatched: a guess.

    found: what the page's section shows (report.decades.section)
    """
    lines = [(one["name"].split(" (")[0], line) for one in found["ladders"] for line in one["lines"]]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(8.5, 3.2 + 0.34 * len(lines)), height_ratios=(2.6, 0.34 * len(lines)), layout="constrained"
    )
    for axis, colour in DECADES.items():
        printed, other = column(axis, "printed"), column(axis, "independent")
        above.plot(list(printed), list(printed.values()), "o-", color=colour, markersize=4, label=strips.NAMES[axis])
        above.plot(list(other), list(other.values()), "--", color=colour, linewidth=0.9)
        for has in found["here"].values():
            if axis in has and (year := year_of(axis, has[axis])):
                above.plot(year, has[axis], "x", color=colour, markersize=8, markeredgewidth=2)
    above.set_yscale("log")
    above.set(ylabel="dashed: other sources; x: the machine of these rows", title=textwrap.fill(found["title"], 92))
    powers = range(2, 17, 2)
    above.set_yticks([10.0**power for power in powers], [f"1e{power}" for power in powers])
    above.yaxis.set_minor_locator(NullLocator())
    above.yaxis.label.set_size(7)
    above.legend(loc="upper left")
    years = list(column("data", "printed"))
    for row, (_, line) in enumerate(lines):
        for k, cell in enumerate(line["cells"]):
            face, hatch = WINNERS[cell["kind"]], "////" if cell["kind"] == "guess" else None
            below.add_patch(
                Rectangle((k - 0.48, row - 0.42), 0.96, 0.84, facecolor=face, hatch=hatch, edgecolor="white")
            )
            below.text(k, row, cell["name"], ha="center", va="center", fontsize=6.5)
    below.set(xlim=(-0.5, 5.5), ylim=(len(lines) - 0.5, -0.5))
    below.set_xticks(range(6), years)
    below.set_yticks(range(len(lines)), [f"{line['title']}\n{name}" for name, line in lines], fontsize=5.5)
    below.grid(False)
    below.tick_params(length=0)
    sns.despine(ax=below, left=True, bottom=True)
    return figure


def front(points: np.ndarray) -> np.ndarray:
    """(k, 2) of (m, 2) cost and quality: those that nothing cheaper matches, cheapest first."""
    order = np.lexsort((-points[:, 1], points[:, 0]))
    best = np.maximum.accumulate(np.r_[-np.inf, points[order, 1]])[:-1]
    return points[order][points[order, 1] > best]

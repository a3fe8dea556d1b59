"""All numbers of the page as one JSON text, from which its script draws. Columns, with repeated texts stored once."""

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from harness import analyse, scale
from harness.report import charts
from harness.report.style import COSTS, ROLES, Style, key, untuned
from harness.screen import number

TABLE = {  # column of the page's table and downloads -> column of the frame
    "dataset": "dataset_title", "technique": "label", "arm": "arm", "size": "size", "device": "device",
    "machine": "machine", "metric": "metric", "mean": "mean", "low": "low", "high": "high", "seeds": "n",
    "floor": "floor", "ceiling": "ceiling", "skill": "skill", "fit_seconds": "fit_seconds",
    "answers_per_second": "throughput", "latency_1": "latency_1", "extra_mib": "extra_mib", "failures": "failures",
    "cells": "cells", "why": "reasons", "approximated": "approximated",
}  # fmt: skip
MORE = {  # what charts need beside it
    "panel": "panel", "line": "line", "skill_low": "skill_low", "skill_high": "skill_high",
    "fit_low": "fit_seconds_low", "fit_high": "fit_seconds_high", "speed_low": "throughput_low",
    "speed_high": "throughput_high", "mib_low": "extra_mib_low", "mib_high": "extra_mib_high",
}  # fmt: skip
TUNING = ("panel", "size", "line", "trials", "skill", "low", "high", "seconds", "default", "label", "edges")
CROSSINGS = (
    *("dataset_title", "first", "second", "outcome", "n", "low", "high", "bracket_low", "bracket_high", "winner"),
    "largest",
)
MATRIX = ("first", "first_label", "second", "second_label", "datasets", "crossed", "median_n", "unit", "ties", "won")
POOLED = ("role", "size", "datasets", "seeds", "iqm", "low", "high", "wide_low", "wide_high")
PANEL = ("title", "note", "unit", "family", "axis", "floor", "ceiling", "slopes", "limits")
REPEATED = 10  # times on average: numbers are then shorter as places in a list
STYLE = ("label", "shape", "dashed", "hollow")
WINS = ("arm", "label", "size", "wins", "ties", "losses", "datasets", "iqm", "low", "high", "wide_low", "wide_high")
Lines = Mapping[tuple[str, str, str], Style]


def embedded(
    points: pd.DataFrame, lines: Lines, panels: list[dict[str, Any]], made: Any, lead: tuple[str, str, str] | None
) -> Markup:
    """JSON for a script element: no "<", ">" or "&" survives in it.

    points: with `panel` and `line`; made: scale.Exhibit; lead: dataset, task, machine to begin with
    """
    numbers = _numbers(points, lines, made)
    places = {(panel["dataset"], panel["machine"]): k for k, panel in enumerate(panels)}
    panel = {dataset: k for (dataset, machine), k in places.items() if machine == made.machine}
    value = {
        "lead": next((k for k, one in enumerate(panels) if (one["dataset"], one["task"], one["machine"]) == lead), 0),
        "columns": packed(points, TABLE),
        "more": packed(points, MORE, 4),
        "lines": [{name: getattr(style, name) for name in STYLE} for style in lines.values()],
        "roles": {
            role: {"label": scale.NAMES[role], "short": words, "shape": shape}
            for role, (words, _, _, shape) in ROLES.items()
        },
        "tuned": _tuned(lines),
        "panels": [{name: one[name] for name in PANEL} for one in panels],
        "fits": _fits(made.fits, panel, numbers),
        "pooled": packed(made.pooled, POOLED, 4),
        "front": packed(_front(made), ("line", "size", "skill", "low", "high", "fit", "mib"), 4),
        "tuning": packed(_placed(made.tuning, panel, numbers), TUNING, 4),
        "crossings": packed(made.crossings, CROSSINGS, 3),
        "matrix": packed(made.matrix, MATRIX, 3),
        "wins": packed(made.wins, WINS, 4),
    }  # fmt: skip
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def packed(frame: pd.DataFrame, names: Mapping[str, str] | tuple[str, ...], digits: int = 6) -> list[dict[str, Any]]:
    """[{"name", "values", "codes" of texts and of numbers that repeat}], one per column; what is not finite is null."""
    columns = []
    for name, source in names.items() if isinstance(names, Mapping) else zip(names, names, strict=True):
        values = frame[source]
        numeric = pd.api.types.is_numeric_dtype(values) or not len(values)
        listed: list[Any] = [short(value, digits) for value in values] if numeric else list(values.astype(str))
        places = {value: place for place, value in enumerate(dict.fromkeys(listed))}
        if numeric and REPEATED * len(places) >= len(listed):
            columns.append({"name": name, "values": listed})
        else:
            columns.append({"name": name, "values": list(places), "codes": [places[value] for value in listed]})
    return columns


def short(value: float, digits: int = 6) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if float(value).is_integer() else float(f"{value:.{digits}g}")


def with_skill(points: pd.DataFrame) -> pd.DataFrame:
    """With the interval of the mean as skill: `skill_low`, `skill_high`, whichever way the metric points."""
    span = (points["anchor"] - points["floor"]).where(lambda span: span != 0)
    ends = pd.concat([(points[name] - points["floor"]) / span for name in ("low", "high")], axis=1)
    return points.assign(skill_low=ends.min(axis=1, skipna=False), skill_high=ends.max(axis=1, skipna=False))


def panel(points: pd.DataFrame, lines: Lines) -> dict[str, Any]:
    """What the script needs to draw one dataset's charts, beside its points: axis, floor, ceiling, slopes, limits."""
    axis = charts.scale(points)
    floors = points.groupby("size")["floor"].mean().dropna()
    ceilings = points["ceiling"].dropna()
    slopes: dict[int, list[float | None]] = {}
    narrow = points[["arm", "device", "machine", "size", *COSTS]]
    for name, line in narrow.groupby(["arm", "device", "machine"]):
        found = [analyse.slope(line, cost, least) for cost, (_, least, _) in COSTS.items()]
        slopes[lines[name].number] = [short(slope, 2) for slope in found]  # type: ignore[index]
    limits = [points[limit].max() if limit else math.nan for _, _, limit in COSTS.values()]
    return {
        "limits": [short(limit) for limit in limits],
        "axis": {"kind": axis.kind, "least": axis.least, "low": axis.low, "high": axis.high}
        | {"ticks": [[tick, number(tick)] for tick in axis.ticks]},
        "floor": [[size, short(floor)] for size, floor in floors.items()],
        "ceiling": float(ceilings.iloc[0]) if len(ceilings) else None,
        "slopes": slopes,
    }


def _numbers(points: pd.DataFrame, lines: Lines, made: Any) -> dict[str, int]:
    """{arm: number of its line} on the exhibit's machine and device."""
    here = points[(points["machine"] == made.machine) & (points["device"] == made.device)]
    return {line["arm"]: lines[key(line)].number for line in here.drop_duplicates("arm").to_dict("records")}


def _tuned(lines: Lines) -> list[list[int]]:
    """[number of the default's line, number of the tuned one's] of every tuned arm."""
    return [
        [lines[untuned(arm), device, machine].number, style.number]
        for (arm, device, machine), style in lines.items()
        if untuned(arm) != arm and (untuned(arm), device, machine) in lines
    ]


def _placed(frame: pd.DataFrame, panels: Mapping[str, int], numbers: Mapping[str, int]) -> pd.DataFrame:
    """With the numbers of panel and line; a line of no row of the page is -1, a dataset of none is left out."""
    panel, line = frame["dataset"].map(panels), frame["arm"].map(numbers).fillna(-1)
    return frame.assign(panel=panel, line=line.astype(int))[panel.notna()]


def _fits(frame: pd.DataFrame, panels: Mapping[str, int], numbers: Mapping[str, int]) -> list[dict[str, Any]]:
    """The dashed continuation of lines."""
    drawn = _placed(frame[frame["drawn"].astype(bool)], panels, numbers)
    names = ("panel", "line", "xs", "ys", "model")
    lines = drawn[drawn["line"] >= 0][list(names)].to_dict("records")
    return [line | {name: [short(value, 4) for value in line[name]] for name in ("xs", "ys")} for line in lines]  # type: ignore


def _front(made: Any) -> pd.DataFrame:
    """Of the panel: each role's pooled skill at a size, and the medians over the datasets of what its fits took."""
    some = made.lines[made.lines["dataset"].isin(made.panel)]
    costs = some.groupby(["role", "size", "dataset"])[["seconds", "extra_mib"]].median()
    costs = costs.groupby(level=["role", "size"]).median().reset_index()
    front = made.pooled.merge(costs, on=["role", "size"], how="left")
    names = {
        "role": "line",
        "iqm": "skill",
        "wide_low": "low",
        "wide_high": "high",
        "seconds": "fit",
        "extra_mib": "mib",
    }
    return front.drop(columns=["low", "high"]).rename(columns=names)

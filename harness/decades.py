"""The table of data, memory and compute per decade (Dive into Deep Learning, table 1.5.1), and what it says itself.

`published/decades.csv` holds each cell as printed, and beside it an independent figure where one was found, with its
source. From these alone: how fast each column grows, whether the sentences drawn from the table follow from it, and
where a machine lies on its axes.
"""

import argparse
import csv
import math
from functools import cache
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtrit

from harness import machine, published
from harness.screen import show
from harness.screen import table as aligned

TABLE = published.FOLDER / "decades.csv"
AXES = {"data": "examples", "memory": "bytes", "compute": "FLOP/s"}
KINDS = ("printed", "independent")
DAY = 86_400  # seconds: what a decade's machine may compute for


class Entry(NamedTuple):
    """One cell of the table."""

    decade: int
    axis: str
    kind: str
    value: float
    what: str
    source: str


class Growth(NamedTuple):
    """Factors of ten per decade: the slope of log10 on the year, with its 95 % t interval."""

    slope: float
    low: float
    high: float
    n: int


@cache
def table() -> tuple[Entry, ...]:
    """All cells, printed and independent."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(Entry(int(r["decade"]), r["axis"], r["kind"], float(r["value"]), r["what"], r["source"]) for r in rows)


def column(axis: str, kind: str) -> dict[int, float]:
    """{decade: value}; an independent column has the printed value where no other figure was found."""
    found = {e.decade: e.value for e in table() if e.axis == axis and e.kind == "printed"}
    if kind != "printed":
        found |= {e.decade: e.value for e in table() if e.axis == axis and e.kind == kind}
    return dict(sorted(found.items()))


def growth(values: dict[int, float]) -> Growth:
    """Least squares through {year: value}, three years at least."""
    years = np.array(sorted(values), float) / 10
    logs = np.array([math.log10(values[year]) for year in sorted(values)])
    n = len(years)
    apart = years - years.mean()
    slope = float(apart @ logs / (apart @ apart))
    left = logs - logs.mean() - slope * apart
    half = float(stdtrit(n - 2, 0.975) * math.sqrt(left @ left / (n - 2) / (apart @ apart)))
    return Growth(slope, slope - half, slope + half, n)


def ratios(first: str, second: str, kind: str) -> dict[int, float]:
    """{decade: first / second}."""
    one, other = column(first, kind), column(second, kind)
    return {decade: one[decade] / other[decade] for decade in one if decade in other}


def sentences(kind: str) -> list[dict[str, Any]]:
    """d2l's two sentences, judged by the growth of the ratio that each is about."""
    found = []
    for sentence, first, second in (
        ("memory did not keep pace with the growth of data", "data", "memory"),
        ("compute outpaced the growth of data", "compute", "data"),
    ):
        whole = growth(ratios(first, second, kind))
        verdict = "holds" if whole.low > 0 else "fails" if whole.high < 0 else "cannot tell"
        steps = {
            f"{a} to {b}": math.log10(ratios(first, second, kind)[b] / ratios(first, second, kind)[a])
            for a, b in pairwise(sorted(ratios(first, second, kind)))
        }
        told = {"sentence": sentence, "ratio": f"{first} / {second}", "verdict": verdict, "steps": steps}
        found.append(told | whole._asdict())
    return found


def growths(kind: str) -> dict[str, Growth]:
    """Of each column, and of each ratio of two."""
    found = {axis: growth(column(axis, kind)) for axis in AXES}
    for first, second in combinations(AXES, 2):
        found[f"{second} / {first}"] = growth(ratios(second, first, kind))
    return found


def year_of(axis: str, value: float, kind: str = "printed") -> float | None:
    """Where a value lies on an axis, linear in its log between two decades; None outside the table.

    >>> round(year_of("compute", 215e9), 1)
    2007.8
    """
    points = [(decade, math.log(one)) for decade, one in column(axis, kind).items()]
    here = math.log(value)
    for (a, low), (b, high) in pairwise(points):
        if low <= here <= high:
            return a + (b - a) * (here - low) / (high - low)
    return None


def budget(decade: int, kind: str = "printed") -> dict[str, float]:
    """What a decade's machine has: rows, bytes, and FLOPs of one day."""
    return {
        "rows": column("data", kind)[decade],
        "bytes": column("memory", kind)[decade],
        "flops": column("compute", kind)[decade] * DAY,
    }


# --------------------------------------------------------------------------------------------------------- eras decades


def command(args: argparse.Namespace) -> int:
    """The table with its independent figures, its growth, its sentences, and this machine on its axes."""
    here = _machine()
    value = {
        "table": [entry._asdict() for entry in table()],
        "growth": {kind: {name: of._asdict() for name, of in growths(kind).items()} for kind in KINDS},
        "sentences": {kind: sentences(kind) for kind in KINDS},
        "machine": here,
    }
    show(args.json, value, [*_table_lines(), "", *_growth_lines(), "", *_machine_lines(here)])
    return 0


def _machine() -> dict[str, Any]:
    """What this machine has, and the year of the table at which it would stand; rates where they were measured."""
    about, rates = machine.fingerprint(), machine.peaks_cached() or {}
    found: dict[str, Any] = {"name": about["name"], "places": []}
    for name, axis, amount in (
        ("memory", "memory", about["memory"]),
        *((name, "compute", rate) for name, rate in rates.items() if name.startswith(("gemm", "conv"))),
    ):
        if amount:
            years = {kind: year_of(axis, amount, kind) for kind in KINDS}
            found["places"].append({"what": name, "axis": axis, "value": amount, "years": years})
    return found


def _table_lines() -> list[str]:
    rows = [("decade", *(f"{axis}, {AXES[axis]}" for axis in AXES), "independent figures")]
    for decade in column("data", "printed"):
        own = [e for e in table() if e.decade == decade and e.kind == "independent"]
        beside = "; ".join(f"{e.axis} {e.value:.3g} ({e.what})" for e in own)
        rows.append((f"{decade}", *(f"{column(axis, 'printed')[decade]:.0e}" for axis in AXES), beside))
    return aligned(rows)


def _growth_lines() -> list[str]:
    rows = [("factors of ten per decade", *(f"{kind}, 95 % interval" for kind in KINDS))]
    both = {kind: growths(kind) for kind in KINDS}
    for name in both["printed"]:
        rows.append((name, *(f"{g.slope:.2f} ({g.low:.2f} to {g.high:.2f})" for g in (both[k][name] for k in KINDS))))
    told = aligned(rows) + [""]
    for one, other in zip(*(sentences(kind) for kind in KINDS), strict=True):
        told.append(f'"{one["sentence"]}": {one["verdict"]} by the printed numbers, {other["verdict"]} by the others')
    return told


def _machine_lines(here: dict[str, Any]) -> list[str]:
    rows = [("this machine", "", "by the printed numbers", "by the others")]
    for place in here["places"]:
        years = [f"{year:.1f}" if year else "outside the table" for year in place["years"].values()]
        rows.append((place["what"].replace("_", " "), f"{place['value']:.3g} {AXES[place['axis']]}", *years))
    if len(here["places"]) < 2:
        return [*aligned(rows), "its rates were not measured yet: `eras doctor --measure`"]
    return aligned(rows)

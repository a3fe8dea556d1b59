"""What a decade's machine had, as printed in Dive into Deep Learning (table 1.5.1) and as independent sources say.

A rung is a budget: rows, bytes that may be resident, FLOPs of one day. Nothing heavy is imported: plans read it.
"""

import csv
import math
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from harness import machine

TABLE = Path(__file__).parent / "published" / "decades.csv"
AXES = {"data": "examples", "memory": "bytes", "compute": "FLOP/s"}
KINDS = ("printed", "independent")
LADDERS = (*KINDS, "compressed")
DAY = 86_400  # seconds: what a decade's machine may compute for
FITS = 5  # the search counts: four trials and the last fit share the FLOPs
THETA = {"rows": 0.15, "bytes": 0.5, "flops": 0.15}  # of the compressed ladder, fixed before its first run


class Entry(NamedTuple):
    """One cell of the table."""

    decade: int
    axis: str
    kind: str
    value: float
    what: str
    source: str


class Rung(NamedTuple):
    """All that a method may use in one decade: its search included. period: seconds that its machine computes for."""

    ladder: str
    decade: int
    period: float
    rows: int
    bytes: int
    flops: float

    @property
    def each(self) -> float:
        """FLOPs of one of the fits that share the budget."""
        return self.flops / FITS


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


def budget(decade: int, kind: str = "printed", period: float = DAY) -> dict[str, float]:
    """What a decade's machine has: rows, bytes, and the FLOPs of `period` seconds."""
    return {
        "rows": column("data", kind)[decade],
        "bytes": column("memory", kind)[decade],
        "flops": column("compute", kind)[decade] * period,
    }


def ladder(name: str, period: float = DAY) -> tuple[Rung, ...]:
    """The rungs of a ladder, oldest first.

    "compressed": every column's distance from 1970 shrinks to THETA of its logarithm, so that all six rungs run on any
    machine. Dividing all by one power of ten, the plain way, would leave 1970 with less than a row.
    """
    if name != "compressed":
        found = {decade: budget(decade, name, period) for decade in column("data", name)}
    else:
        first = budget(1970, "printed", period)
        found = {
            decade: {axis: first[axis] * (value / first[axis]) ** THETA[axis] for axis, value in has.items()}
            for decade, has in ((d, budget(d, "printed", period)) for d in column("data", "printed"))
        }
    return tuple(
        Rung(name, decade, period, round(has["rows"]), round(has["bytes"]), float(f"{has['flops']:.4g}"))
        for decade, has in found.items()
    )


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


def places() -> list[dict[str, Any]]:
    """What this machine has, and the year of the table at which it would stand; rates where they were measured."""
    about, rates = machine.fingerprint(), machine.peaks_cached() or {}
    found: list[dict[str, Any]] = []
    for name, axis, amount in (
        ("memory", "memory", about["memory"]),
        *((name, "compute", rate) for name, rate in rates.items() if name.startswith(("gemm", "conv"))),
    ):
        if amount:
            years = {kind: year_of(axis, amount, kind) for kind in KINDS}
            found.append({"what": name, "axis": axis, "value": amount, "years": years})
    return found

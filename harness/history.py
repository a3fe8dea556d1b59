"""`eras history`: how time, memory and score of each cell went, run after run. A witness: nothing fails by it.

A series is one cell on one machine; series of two machines are never joined. Seconds are divided by those of the
reference workload that was timed with them, so that a clock that is slower that day is no news. A level shift needs
three points on either side. Where libraries or the system changed too, that is told beside it: it is often the reason.
"""

import argparse
import dataclasses
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from harness import imports, published
from harness.catalogue import Mistake
from harness.compare.judge import short
from harness.imports import Point
from harness.keeping import folders_of, lines_of
from harness.screen import show, table
from harness.shifts import AFTER, MOST, shifts
from harness.store import Row

PUBLISHED = {"gbm-perf": "gbm_perf.csv"}
LEAST = {"time": math.log(1.05), "memory": math.log(1.05), "score": 0.005}  # of a shift that counts
BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Stop:
    """One point of a series: all values of one commit, day's run or version, as their median."""

    label: str
    when: str
    value: float
    versions: str


def command(args: argparse.Namespace) -> int:
    """Print the shifts, and the series they are in."""
    points = [point for place in args.imported for point in _imported(place)]
    if not points or args.results:
        points += list(_stored(args))
    points = [point for point in points if point.metric == args.metric]
    series = _series(points, args.by)
    if not series:
        raise Mistake(
            f"there are no rows with {args.metric} to follow: run a plan now and then, each time with a --results "
            "folder of its own, and name the folder above them with --results DIR"
        )
    found = [told(name, machine, stops, args.metric) for (name, machine), stops in sorted(series.items())]
    value = {"metric": args.metric, "by": args.by, "series": found}
    show(args.json, value, _lines(found, args.metric))
    return 0


def _imported(place: str) -> list[Point]:
    if place in PUBLISHED:
        place = str(published.FOLDER / PUBLISHED[place])
    return imports.read(place)


def _stored(args: argparse.Namespace) -> Iterable[Point]:
    """Every row that ever was ok, those that a later one superseded too."""
    files = [
        f for folder in folders_of(args) for f in (sorted(folder.rglob("*.jsonl")) if folder.is_dir() else [folder])
    ]
    for path in dict.fromkeys(files):
        for _, _, row in lines_of(path):
            if row and row["status"] == "ok" and _wanted(row, args):
                try:
                    value = _value(row, args.metric)
                except (KeyError, TypeError):
                    raise Mistake(f"{path}: a row without its {args.metric}: `eras verify` tells which") from None
                if value is not None:
                    yield _point(row, value, args)


def _wanted(row: Row, args: argparse.Namespace) -> bool:
    key = row["key"]
    return (not args.technique or key["technique"] in args.technique) and (
        not args.dataset or key["dataset"] in args.dataset
    )


def _value(row: Row, metric: str) -> float | None:
    if metric == "score":
        return row["quality"]["test"].get(row["quality"]["metric"])
    if metric == "memory":
        return row["memory"]["anonymous"] or None
    single = row["key"]["threads"] == 1 and row["key"]["device"] == "cpu"
    seconds = row["time"]["fit_cpu"] if single else row["time"]["fit"]
    return (seconds or 0) / (row["provenance"].get("reference") or 1) or None


def _point(row: Row, value: float, args: argparse.Namespace) -> Point:
    key, from_ = row["key"], row["provenance"]
    unit = "" if args.metric != "time" else "reference workloads" if from_.get("reference") else "seconds"
    name = ", ".join(filter(None, (short(key), *_apart(key), unit)))
    commit = (from_["commit"] or "") + ("+" if from_["dirty"] else "")
    versions = ", ".join(f"{name} {version}" for name, version in sorted(from_["versions"].items()))
    versions = f"Python {from_['python']}, {versions}, {from_['machine']['system']}"
    made = Point(name, key["machine"], from_["started"], commit, float(value), versions, args.metric)
    return made._replace(run=from_["eras"] if args.by == "version" else from_["run"])


def _apart(key: dict[str, Any]) -> Iterable[str]:
    """What else makes two cells of the same technique, dataset and size different ones."""
    for name, usual in (("device", "cpu"), ("dtype", "float32"), ("threads", 1), ("tune", 0)):
        if key[name] != usual:
            yield f"{name} {key[name]}"
    if key["budget"]:
        yield f"{key['budget']['amount']:,} {key['budget']['unit']}"
    for name, value in sorted(key["condition"].items()):
        yield f"{name} {value}"


def _series(points: Sequence[Point], by: str) -> dict[tuple[str, str], list[Stop]]:
    """{(series, machine): its stops in time}."""
    groups: dict[tuple[str, str], dict[str, list[Point]]] = {}
    for point in points:
        at = {"commit": point.commit, "date": point.run or point.when, "version": point.run}[by] or point.when
        groups.setdefault((point.series, point.machine), {}).setdefault(at, []).append(point)
    found = {}
    for key, stops in groups.items():
        made = [
            Stop(
                at[:10] if by == "commit" else min(p.when for p in some) if by == "date" else at,
                min(p.when for p in some),
                statistics.median(p.value for p in some),
                max(some, key=lambda p: p.when).versions,
            )
            for at, some in stops.items()
        ]
        found[key] = sorted(made, key=lambda stop: stop.when)
    return found


def told(name: str, machine: str, stops: Sequence[Stop], metric: str) -> dict[str, Any]:
    """One series with its shifts, and the changes of its surroundings: of the last 2,000 points, if there are more."""
    stops = stops[-MOST:]
    logs = metric != "score" and all(stop.value > 0 for stop in stops)
    values = [math.log(stop.value) if logs else stop.value for stop in stops]
    found = []
    for shift in shifts(values, LEAST[metric] if logs else LEAST["score"]):
        near = range(max(1, shift.at - 1), min(len(stops), shift.at + 2))
        found.append(
            {
                "index": shift.at,
                "at": stops[shift.at].label,
                "after": stops[shift.at - 1].label,
                "change": math.expm1(shift.after - shift.before) if logs else shift.after - shift.before,
                "p": shift.p,
                "with": [f"{a} -> {b}" for k in near for a, b in _changed(stops[k - 1], stops[k])],
            }
        )
    surroundings = [
        {"index": k, "at": b.label, "changed": [f"{old} -> {new}" for old, new in _changed(a, b)]}
        for k, (a, b) in enumerate(pairwise(stops), 1)
        if a.versions != b.versions
    ]
    return {
        "series": name,
        "machine": machine,
        "points": [dataclasses.asdict(stop) for stop in stops],
        "shifts": found,
        "surroundings": surroundings,
        "steps": _steps(stops, metric, logs) if not found and len(stops) < 4 * AFTER else [],
        "relative": logs,
    }


def _steps(stops: Sequence[Stop], metric: str, logs: bool) -> list[str]:
    """Of a series too short for a test: each change from one point to the next that would count."""
    made = []
    for a, b in pairwise(stops):
        change = math.log(b.value / a.value) if logs else b.value - a.value
        if abs(change) >= LEAST[metric if logs else "score"]:
            made.append(f"{b.label} " + (f"x{math.exp(change):.2f}" if logs else f"{change:+.4f}"))
    return made


def _changed(a: Stop, b: Stop) -> list[tuple[str, str]]:
    """(old, new) of each part of the surroundings that is another in b."""
    old, new = ({part.split(" ")[0]: part for part in stop.versions.split(", ") if part} for stop in (a, b))
    return [(old[name], new[name]) for name in old if name in new and old[name] != new[name]]


def _lines(found: Sequence[dict[str, Any]], metric: str) -> list[str]:
    """The shifts first, then one line for each series."""
    rows = [("series", "machine", "at", "change", "p", "together with")]
    for one in found:
        for shift in one["shifts"]:
            change = f"{100 * shift['change']:+.1f} %" if one["relative"] else f"{shift['change']:+.4f}"
            at = f"{shift['after']} -> {shift['at']}"
            rows.append((one["series"], one["machine"], at, change, f"{shift['p']:.1g}", "; ".join(shift["with"])))
    few = sum(len(one["points"]) < 2 * AFTER for one in found)
    made = [*table(rows), ""] if len(rows) > 1 else [f"no level shift in the {metric} of {len(found)} series", ""]
    if few:
        made.append(f"{few} of {len(found)} series have fewer than {2 * AFTER} points, too few for a shift to be told")
    lines = [("series", "machine", "points", "first", "last", "", "steps, untested")]
    for one in found:
        values = [point["value"] for point in one["points"]]
        ends = f"{values[0]:.4g}", f"{values[-1]:.4g}"
        lines.append((one["series"], one["machine"], str(len(values)), *ends, bars(values), ", ".join(one["steps"])))
    return [*made, *table(lines)]


def bars(values: Sequence[float], most: int = 60) -> str:
    """The last `most` values as little bars."""
    few = list(values)[-most:]
    low, high = min(few), max(few)
    if high <= low:
        return BARS[3] * len(few)
    return "".join(BARS[round((value - low) / (high - low) * (len(BARS) - 1))] for value in few)

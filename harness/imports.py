"""Series from elsewhere: result files of pytest-benchmark and asv, and a plain table, as points of `eras history`.

Files are untrusted: sizes are checked, nothing in them is run, and what cannot be read is told with its name.
"""

import csv
import itertools
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from harness.catalogue import Mistake

LARGEST = 256 << 20  # bytes of a file


class Point(NamedTuple):
    """One value of one series. when: what orders it, ISO time or a year; versions: what else could have changed."""

    series: str
    machine: str
    when: str
    commit: str
    value: float
    versions: str = ""
    metric: str = "time"
    run: str = ""


def read(place: str) -> list[Point]:
    """The points of a file, or of all files below a folder. Raises Mistake."""
    path = Path(place).expanduser()
    if not path.exists():
        raise Mistake(f"--import {place}: there is no such file or folder")
    files = sorted(p for p in path.rglob("*.json") if p.is_file()) if path.is_dir() else [path]
    found = [point for file in files for point in _file(file, alone=not path.is_dir())]
    if not found:
        raise Mistake(f"--import {place}: no result file of pytest-benchmark or asv with a number in it")
    return found


def _file(path: Path, alone: bool) -> list[Point]:
    """Of a folder, files of other kinds (asv's machine.json) are passed over; a file asked for by name is not."""
    if path.stat().st_size > LARGEST:
        raise Mistake(f"--import {path}: over {LARGEST >> 20} MiB")
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            return list(_table(path, text))
        found = json.loads(text)
        if "benchmarks" in found and "machine_info" in found:
            return list(_pytest_benchmark(found, path))
        if "results" in found and "commit_hash" in found:
            return list(_asv(found))
    except OSError as error:
        raise Mistake(f"--import {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, csv.Error) as error:
        raise Mistake(
            f"--import {path}: not as pytest-benchmark or asv write it: {type(error).__name__}: {error}"
        ) from None
    if alone:
        raise Mistake(f"--import {path}: neither pytest-benchmark's nor asv's result file, nor a table (.csv)")
    return []


def _pytest_benchmark(found: dict[str, Any], path: Path) -> Iterator[Point]:
    """One file is one run. The median of a function's rounds is its value."""
    info, commit = found["machine_info"], found.get("commit_info") or {}
    cpu = (info.get("cpu") or {}).get("brand_raw") or info.get("processor") or "?"
    machine = f"{info.get('node', '?')}, {cpu}"
    versions = f"Python {info.get('python_version', '?')}, pytest-benchmark {found.get('version', '?')}"
    for one in found["benchmarks"]:
        value = float(one["stats"]["median"])
        if math.isfinite(value) and value > 0:
            yield Point(
                one["fullname"],
                machine,
                str(found["datetime"]),
                str(commit.get("id") or ""),
                value,
                versions,
                run=path.stem,
            )


def _asv(found: dict[str, Any]) -> Iterator[Point]:
    """One file is one commit in one environment. A benchmark with parameters is a series for each combination."""
    params = found.get("params") or {}
    when = datetime.fromtimestamp(found["date"] / 1000, UTC).isoformat()
    columns = found.get("result_columns") or ["result", "params"]
    environment = str(found.get("env_name") or "")  # another environment is another series
    for name, told in found["results"].items():
        cells = dict(zip(columns, told, strict=False)) if isinstance(told, list) else dict(told)
        values, over = cells.get("result"), cells.get("params") or []
        if not isinstance(values, list):
            values = [values]
        metric = "memory" if name.rsplit(".", 1)[-1].startswith(("mem_", "peakmem_")) else "time"
        for value, combination in zip(values, itertools.product(*over), strict=False):
            if isinstance(value, int | float) and math.isfinite(value) and value > 0:
                series = name + (f"({', '.join(map(str, combination))})" if combination else "")
                series += f", {environment}" if environment else ""
                yield Point(
                    series,
                    str(params.get("machine") or "?"),
                    when,
                    found["commit_hash"],
                    float(value),
                    metric=metric,
                )


def _table(path: Path, text: str) -> Iterator[Point]:
    """Columns series, when, machine, value, by name."""
    rows = csv.DictReader(text.splitlines())
    if absent := {"series", "when", "machine", "value"} - set(rows.fieldnames or ()):
        raise Mistake(f"--import {path}: the column {sorted(absent)[0]} is not there; series, when, machine, value are")
    for row in rows:
        value = float(row["value"])
        if not math.isfinite(value) or not row["when"] or not row["machine"]:
            raise ValueError(f"line {rows.line_num}: a time, a machine and a finite value are right")
        yield Point(row["series"], row["machine"], row["when"], "", value)

"""A cell and what came of it -> one row. Every null in a row has its reason under `why`."""

import functools
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness import catalogue, machine, plan
from harness.contract import Cell, Dataset, Technique, era
from harness.store import SCHEMA

SECTIONS: dict[str, tuple[str, ...]] = {
    "quality": ("metric", "higher_is_better", "test", "valid", "floor", "ceiling"),
    "time": (
        *("import", "load", "fit", "fit_cpu", "first_step", "steps", "answer", "answer_cpu", "answers"),
        *("throughput", "batch", "latency_1", "latency_1000", "raw", "total", "wall", "limit"),
    ),
    "memory": (
        "load",
        "fit",
        "answer",
        "anonymous",
        "tree",
        "cuda",
        "parameters",
        "train",
        "peak",
        "limit",
        "enforced_by",
    ),
    "work": ("operations", "flops", "provenance", "flops_per_second", "share_of_peak"),
    "energy": ("joules", "source"),
}
WHY = {  # the reason of a null that has none of its own
    "quality.ceiling": "no ceiling is known for this dataset",
    "memory.tree": "no process beside the cell's own was seen",
    "memory.cuda": "this cell ran on the cpu",
    "memory.peak": "only taken where the limits ended the cell, or its memory group counts it",
    "work.operations": "the technique's file has no cost function",
    "work.flops": "the technique's cost counts steps, not FLOPs, or it has none",
    "work.flops_per_second": "no count of FLOPs",
    "work.share_of_peak": "no count of FLOPs, or this machine's peak is not measured yet: `eras doctor --measure`",
    "provenance.commit": "not a git checkout",
    "provenance.machine.gpu": "no GPU found",
    "provenance.gpu_flags": "this cell ran on the cpu",
    "provenance.forecast": "no row of this technique on this dataset to forecast from",
    "key.budget": "this technique does not learn in steps",
    "key.budget.bytes": "no bound on resident bytes beside the cell's memory limit",
    "search": "not tuned",
    "keep": "nothing that another cell could need",
}


def build(cell: Cell, measured: Mapping[str, Any], run: str, **outcome: Any) -> dict[str, Any]:
    """The row of one cell. `outcome`: status, reason, stderr, wall, limit, enforced_by, peak, search, loan."""
    row: dict[str, Any] = {
        "schema": SCHEMA,
        "key": plan.key(cell),
        "status": outcome["status"],
        "reason": outcome["reason"],
        "stderr": outcome.get("stderr", ""),
        "provenance": {**_provenance(cell, run, measured.get("gpu_flags")), **outcome.get("loan", {})},
    }
    row["id"] = plan.row_id(row["key"])
    for section, names in SECTIONS.items():
        row[section] = {name: (measured.get(section) or {}).get(name) for name in names}
    row["time"] |= {"wall": outcome.get("wall"), "limit": outcome.get("timeout")}
    row["quality"] |= measured.get("protocol", {})
    row["memory"] |= {name: outcome.get(name) for name in ("peak", "limit", "enforced_by")}
    if row["memory"]["tree"]:  # held by other processes of the cell: the larger of both is what the cell took
        row["memory"]["anonymous"] = max(row["memory"]["tree"], row["memory"]["anonymous"] or 0)
    best = (outcome.get("search") or {}).get("best", {})  # a tuned cell's work is that of the keywords it ran with
    ran = replace(cell, keywords={**cell.keywords, **best})
    row["work"] |= _work(ran, row["time"]["fit"], measured.get("seen") or 0)
    row["trajectory"], row["notes"] = measured.get("trajectory", []), measured.get("notes", [])
    row["search"], row["keep"] = outcome.get("search"), measured.get("keep")
    row["told"], row["shown"] = measured.get("told", {}), measured.get("shown", {})  # by the technique; never a score
    row["why"] = dict(_reasons(row, measured.get("why", {})))
    return row


def of_outcome(cell: Cell, outcome: Any, run: str, **circumstances: Any) -> dict[str, Any]:
    """The row of a cell that ran. outcome: isolate.Outcome; the rest: timeout, limit, enforced_by, search, loan."""
    told = {"status": outcome.status, "reason": outcome.reason, "wall": outcome.seconds, "peak": outcome.peak}
    told["stderr"] = outcome.output if outcome.status != "ok" else ""
    return build(cell, outcome.measured, run, **told, **circumstances)


def _reasons(row: Mapping[str, Any], own: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(path, reason) of every null in the row."""
    ended = f"the cell ended as {row['status']}: {row['reason']}" if row["status"] != "ok" else ""
    for path in _nulls(row, ""):
        yield path, own.get(path) or WHY.get(path) or ended or "not measured on this machine; see `eras doctor`"


def _nulls(value: Any, path: str) -> Iterator[str]:
    if value is None:
        yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _nulls(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _nulls(inner, f"{path}.{number}")


def _work(cell: Cell, seconds: float | None, seen: float) -> dict[str, Any]:
    """Analytic operations of the fit and what they make of the machine; FLOPs only where `cost` counts FLOPs.

    Operations are those that the next cell is forecast by, FLOPs of what was `seen` in training.
    """
    forecast, priced = plan.cost(cell), plan.cost(cell, seen)
    if forecast is None or priced is None:
        return {"provenance": "none"}
    told: dict[str, Any] = {"operations": plan.operations(forecast, cell), "provenance": "none"}
    if priced.unit != "flops":
        return told
    told |= {"flops": priced.fit, "provenance": "analytic"}
    if seconds:
        told["flops_per_second"] = priced.fit / seconds
        peak = _peaks(cell.threads).get(f"gemm_{cell.dtype}_{cell.device}")
        told["share_of_peak"] = priced.fit / seconds / peak if peak else None
    return told


@functools.cache
def _peaks(threads: int) -> dict[str, Any]:
    return machine.peaks_cached(threads) or {}


def _provenance(cell: Cell, run: str, gpu_flags: Mapping[str, Any] | None) -> dict[str, Any]:
    technique: Technique = catalogue.technique(cell.technique).card
    dataset: Dataset = catalogue.dataset(cell.dataset).card
    commit, dirty = _commit()
    return {
        "run": run,
        "commit": commit,
        "dirty": dirty,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "eras": catalogue.version("eras") or "checkout",
        "python": platform.python_version(),
        "versions": {
            name: version for f in plan.files(cell) for name, version in catalogue.libraries(f, lazily=True).items()
        },
        "technique": {
            "title": technique.title,
            "year": technique.year,
            "paper": technique.paper,
            "era": era(technique.year),
        },
        "dataset": {
            name: getattr(dataset, name)
            for name in (
                *("title", "year", "licence", "source", "form", "shape", "classes", "rows", "test", "metric"),
                *("higher_is_better", "protocol", "anchor", "anchor_source"),
            )
        },
        "machine": {k: machine.fingerprint()[k] for k in ("name", "cpu", "cores", "memory", "gpu", "system")},
        "gpu_flags": gpu_flags,
    }


@functools.cache
def _commit() -> tuple[str | None, bool]:
    """The commit of the checkout and whether it was changed since; (None, False) outside git."""
    command = ["git", "-C", str(catalogue.ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        text = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None, False
    return text.removesuffix("-dirty"), text.endswith("-dirty")

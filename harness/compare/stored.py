"""Two sets of stored rows side by side: advisory, for between two sessions or machines much else differs too."""

import argparse
import json
import math
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness import plan
from harness.catalogue import Mistake
from harness.compare.judge import short
from harness.screen import show, table
from harness.store import Store

NOTE = "advisory: the rows are of different runs, so the machine's mood is in these ratios; nothing fails by them"


def stored(args: argparse.Namespace) -> int:
    """Print head / base of each cell that both hold, medians over the seeds that both have."""
    both = {label: _groups(getattr(args, label)) for label in ("base", "head")}
    shared = [name for name in both["base"] if name in both["head"]]
    if not shared:
        raise Mistake(f"{args.base} and {args.head} hold no cell in common that is ok in both")
    found = sorted((_compared(both["base"][name], both["head"][name]) for name in shared), key=lambda f: -_size(f))
    value = {"advisory": True, "note": NOTE, "cells": found}
    value["alone"] = {label: len(both[label]) - len(shared) for label in both}
    show(args.json, value, _lines(args, value))
    return 0


def _groups(place: str) -> dict[str, dict[int, Mapping[str, Any]]]:
    """{cell: {seed: row}} of the rows that are ok; of several files of code the last stands."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    rows = Store(Path(place)).rows.values()
    if len(machines := {row["key"]["machine"] for row in rows}) > 1:
        raise Mistake(f"{place} holds rows of {len(machines)} machines: name the folder of one, as {min(machines)}")
    for row in rows:
        if row["status"] == "ok":
            name = json.dumps(plan.identity(row["key"]), sort_keys=True)
            found.setdefault(name, {})[row["key"]["seed"]] = row
    if not found:
        raise Mistake(f"{place} holds no rows that are ok")
    return found


def _compared(base: Mapping[int, Any], head: Mapping[int, Any]) -> dict[str, Any]:
    seeds = sorted(set(base) & set(head)) or [min(base)]
    pair = [[side[seed if seed in side else min(side)] for seed in seeds] for side in (base, head)]
    metric = pair[0][0]["quality"]["metric"]
    found: dict[str, Any] = {"cell": short(pair[0][0]["key"]), "seeds": len(seeds), "metric": metric}
    for name, section, key in (("fit", "time", "fit"), ("answer", "time", "answer"), ("memory", "memory", "anonymous")):
        values = [[row[section][key] for row in rows if row[section][key]] for rows in pair]
        known = [statistics.median(of) for of in values if of]
        found[name] = known[1] / known[0] if len(known) == 2 else None
    scores = [statistics.fmean(row["quality"]["test"][metric] for row in rows) for rows in pair]
    return found | {"score": scores[1] - scores[0]}


def _size(found: Mapping[str, Any]) -> float:
    return abs(math.log(found["fit"])) if found["fit"] else 0.0


def _lines(args: argparse.Namespace, value: Mapping[str, Any]) -> Iterable[str]:
    rows = [("cell", "seeds", "fit", "answers", "memory", "score")]
    for one in value["cells"]:
        ratios = [f"x{one[name]:.2f}" if one[name] else "" for name in ("fit", "answer", "memory")]
        rows.append((one["cell"], str(one["seeds"]), *ratios, f"{one['metric']} {one['score']:+.4f}"))
    alone = value["alone"]
    return [
        *table(rows),
        "",
        f"{len(value['cells'])} cells: {args.head} divided by {args.base}, score as the difference",
        f"on one side alone: {alone['base']} of {args.base}, {alone['head']} of {args.head}",
        NOTE,
    ]

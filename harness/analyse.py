"""Rows to tables. Every number that a report shows is computed here, and only from rows.

    frame(rows), frames(rows)   one line per cell, flat columns; beside it what held rows out to choose by
    curves(frame)               one line per point of a curve: mean, interval, floor, costs, failures
    leaders(curves, frame)      who is best at each size, and whether the lead can be told from noise
    headline(frame)             the finding of the main picture, as a sentence
    missing(frame)              what did not come out, by status

A curve belongs to one technique with one set of keywords ("arm"), on one dataset, device and machine. Nothing is pooled
over datasets: the set of datasets shrinks as sizes grow, and a mean over it tells a false story.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from harness import contract, stats

NUMBERS = (
    *("year", "size", "seed", "threads", "tune", "classes", "rows", "test", "score", "floor", "ceiling", "anchor"),
    *("fit_seconds", "answer_seconds", "throughput", "latency_1", "latency_1000", "total_seconds"),
    *(
        "extra_mib",
        "peak_mib",
        "parameters",
        "flops",
        "cores",
        "memory",
        "cuda_mib",
        "valid",
        "wall_seconds",
        "search_seconds",
        "fold",
    ),
    *("time_limit", "memory_limit"),
)
COSTS = ("fit_seconds", "throughput", "extra_mib", "latency_1", "peak_mib", "flops")
CURVE = ["dataset", "task", "arm", "device", "machine"]  # what makes one line of a picture
CARD = (
    *("dataset_title", "form", "protocol", "metric", "higher_is_better", "ceiling", "anchor"),
    *("technique", "title", "label", "year", "era"),
)
STATES = {
    "timeout": "timed out",
    "oom": "out of memory",
    "error": "errors",
    "diverged": "diverged",
    "skipped": "skipped",
    "unsupported": "unsupported",
}
FAILED = tuple(status for status in contract.STATUSES if status not in ("ok", "unsupported"))


# ------------------------------------------------------------------------------------------------------ one line a cell


def _at(row: Any, *path: str) -> Any:
    """The value at a path of keys; None as soon as one is absent, for any field of a row may be null."""
    for key in path:
        row = row.get(key) if isinstance(row, Mapping) else None
    return row


def _settings(values: Any) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(values.items())) if isinstance(values, Mapping) else ""


def base(technique: Any, keywords: Any) -> Any:
    """What an arm is called by its technique and keywords alone.

    >>> base("knn", {}), base("resnet_mlp", {"width": 32, "blocks": 1})
    ('knn', 'resnet_mlp[blocks=1,width=32]')
    """
    settings = _settings(keywords)
    return f"{technique}[{settings}]" if settings else technique


def of_decades(row: Mapping[str, Any]) -> bool:
    """Whether a row belongs to the decades: a budget in FLOPs, and the rungs that it stands for."""
    return _at(row, "key", "budget", "unit") == "flops" and bool(_at(row, "provenance", "account", "rungs"))


def of_claims(row: Mapping[str, Any]) -> bool:
    """Whether a row was made for a claim, or is a trial of a search for one."""
    return bool(_at(row, "provenance", "account", "claims") or _at(row, "key", "condition", "validation"))


def _learns_in_steps(row: Mapping[str, Any]) -> bool:
    """What does has a budget of them; one in FLOPs binds all, and there the steps tell."""
    unit = _at(row, "key", "budget", "unit")
    return _at(row, "time", "steps") is not None if unit == "flops" else unit is not None


def _budget(given: Any) -> str:
    if isinstance(given, Mapping) and given.get("unit") == "flops":
        return f"{given.get('amount'):.3g} FLOPs"
    return " ".join(str(_at(given, name)) for name in ("amount", "unit"))


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row, flat. Seconds are seconds, memory is MiB."""
    key, made = row.get("key"), row.get("provenance")
    quality, time, memory = row.get("quality"), row.get("time"), row.get("memory")
    metric = _at(quality, "metric") or _at(made, "dataset", "metric")
    higher = _at(quality, "higher_is_better")
    technique, dataset = _at(key, "technique"), _at(key, "dataset")
    year = _at(made, "technique", "year")
    apart = ("validation", "fold")
    posed = {name: value for name, value in (_at(key, "condition") or {}).items() if name not in apart}
    keywords, condition, tune = _settings(_at(key, "keywords")), _settings(posed), _at(key, "tune") or 0
    remarks = [keywords, condition, f"tuned {tune}" if tune else ""]
    return {
        "id": row.get("id"),
        "technique": technique,
        "arm": " ".join(filter(None, [base(technique, _at(key, "keywords")), *remarks[1:]])),
        "title": _at(made, "technique", "title") or technique,
        "remarks": ", ".join(filter(None, remarks)),
        "year": year,
        "era": _at(made, "technique", "era") or (contract.era(year) if isinstance(year, int) else None),
        "paper": _at(made, "technique", "paper"),
        "dataset": dataset,
        "dataset_title": _at(made, "dataset", "title") or dataset,
        **{name: _at(made, "dataset", name) for name in ("form", "protocol", "licence", "source", "anchor_source")},
        **{name: _at(made, "dataset", name) for name in ("classes", "rows", "test", "anchor")},
        "task": _at(key, "task"),
        "metric": metric,
        "higher_is_better": (_at(made, "dataset", "higher_is_better") if higher is None else higher) is not False,
        **{name: _at(key, name) for name in ("size", "seed", "threads", "dtype")},
        "device": _at(key, "device") or "cpu",
        "tune": tune,
        "held": bool(_at(key, "condition", "validation")),
        "fold": _at(key, "condition", "fold") or 0,
        "approximated": _approximated(row.get("told")),
        "budget": _budget(_at(key, "budget")),
        "kind": "net" if _learns_in_steps(row) else "classic",
        "plain": str(not condition and not tune),
        "base": base(technique, _at(key, "keywords")),
        "machine": _at(key, "machine") or "unknown machine",
        **{name: _at(made, "machine", name) for name in ("cpu", "cores", "memory", "gpu", "system")},
        "status": row.get("status") if row.get("status") in contract.STATUSES else "error",
        "reason": row.get("reason") or "",
        "score": _at(quality, "test", metric),
        "valid": _at(quality, "valid", metric),
        "floor": _at(quality, "floor", metric),
        "ceiling": _at(quality, "ceiling"),
        "fit_seconds": _at(time, "fit"),
        "answer_seconds": _at(time, "answer"),
        "total_seconds": _at(time, "total"),
        "wall_seconds": _at(time, "wall"),
        "search_seconds": _at(row.get("search"), "seconds"),
        "time_limit": _at(time, "limit"),
        "memory_limit": _mib(_at(memory, "limit")),
        "edges": ", ".join(_at(row.get("search"), "edges") or ()),
        **{name: _at(time, name) for name in ("throughput", "latency_1", "latency_1000")},
        "extra_mib": _mib(_at(memory, "anonymous")),
        "peak_mib": _mib(_at(memory, "fit", "peak")),
        "cuda_mib": _mib(_at(memory, "cuda", "allocated")),
        "parameters": _at(memory, "parameters"),
        "flops": _at(row.get("work"), "flops"),
        "flops_provenance": _at(row.get("work"), "provenance"),
        "code": _at(key, "code"),
        **{name: _at(made, name) for name in ("run", "commit", "dirty", "started", "eras", "python")},
        "versions": json.dumps(_at(made, "versions") or {}, sort_keys=True),
    }


def _approximated(told: Any) -> str:
    """
    >>> _approximated({"landmarks": 2000.0, "train_loss": 0.1})
    '2,000 landmarks'
    """
    some = [(name, _at(told, name)) for name in contract.APPROXIMATED]
    return ", ".join(f"{value:,.0f} {name}" for name, value in some if isinstance(value, int | float))


def _mib(size: Any) -> float | None:
    return size / 2**20 if isinstance(size, int | float) else None


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The first of `frames`."""
    return frames(rows)[0]


def frames(rows: Iterable[Mapping[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(arms, what held rows out): one line per cell, sorted; `attrs["told"]` of the arms says what was left out.

    Of several rows of one cell (retried, or run again under other code or library versions) the ok one begun last
    stands, or the one begun last where none is ok, whatever files they lie in. What held part of its rows out to be
    chosen by (a search trial) is no arm of its own: the second table has it, with its score on what was held out in
    `valid`, and one line for all folds (there are `folds` of them), their scores averaged, their seconds added, ok
    where all are; in `paid_seconds` those of the fits, and of a fold that failed all that it took.
    skill = (score - floor) / (anchor - floor): 0 is answering without learning, 1 the frozen reference, whichever way
    the metric points.
    """
    table = pd.DataFrame([flat(row) for row in rows], columns=list(flat({})))
    table["held"] = table["held"].astype(bool)
    for name in table.columns.difference([*NUMBERS, "higher_is_better", "held"]):
        table[name] = table[name].map(lambda value: "" if value is None else str(value)).astype(str)
    for name in NUMBERS:
        table[name] = pd.to_numeric(table[name], errors="coerce").astype(float).replace([np.inf, -np.inf], np.nan)
    trials, told = int(table["held"].sum()), []
    if trials:
        told.append(f"{trials:,} runs that held rows out, to choose by, are no arms of their own")
    placed = (table[["technique", "dataset"]] != "").all(axis=1) & table[["size", "seed"]].notna().all(axis=1)
    if not placed.all():
        told.append(f"{(~placed).sum()} rows name no technique, dataset, size or seed and are left out")
    table = _name_arms(table[placed].astype({"size": int, "seed": int}))  # an arm has one name, held out or not
    span = table["anchor"] - table["floor"]
    table["skill"] = (table["score"] - table["floor"]) / span.where(span != 0)
    arms, again = _standing(table[~table["held"]])
    if again:
        told.append(f"{again} rows were measured again later; the newest stands")
    mixed = (arms.groupby(CURVE)["code"].nunique() > 1).sum()
    if mixed:
        told.append(f"{mixed} curves join rows of several versions of their technique's or dataset's file")
    arms.attrs["told"] = told
    return arms, _one_for_all_folds(_standing(table[table["held"]])[0])


def _standing(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """(the row of each cell that counts, sorted; how many do not)"""
    cell = [*CURVE, "size", "seed", "fold"]
    ranked = table.sort_values("started", kind="stable")
    ranked = ranked.sort_values("status", key=lambda status: status == "ok", kind="stable")
    kept = ranked.drop_duplicates(cell, keep="last")
    return kept.sort_values(cell, kind="stable", ignore_index=True), len(table) - len(kept)


def _one_for_all_folds(table: pd.DataFrame) -> pd.DataFrame:
    """One line per cell whose fifths were held out in turn; the status is that of the first fold that failed.

    A fold that could judge no arm at all (one class, or none of a class that the metric asks for) does not count.
    """
    place = ["dataset", "task", "device", "machine", "size", "seed"]
    judged = table.groupby([*place, "fold"], dropna=False)["valid"].transform("count") > 0
    table = table[judged | ~judged.groupby([table[name] for name in place], dropna=False).transform("any")]
    table = table.assign(paid_seconds=table["fit_seconds"].fillna(table["wall_seconds"]))
    cell = table.groupby([*CURVE, "size", "seed"], dropna=False, sort=False)
    joined = {name: cell[name].transform("mean") for name in ("score", "valid", "skill")}
    summed = ("wall_seconds", "fit_seconds", "total_seconds", "paid_seconds")
    joined |= {name: cell[name].transform("sum") for name in summed}
    whole = table.assign(**joined, folds=cell["fold"].transform("size"))
    worst = whole.sort_values("status", key=lambda status: status == "ok", kind="stable")
    return worst.drop_duplicates([*CURVE, "size", "seed"]).sort_index(ignore_index=True)


def _name_arms(table: pd.DataFrame) -> pd.DataFrame:
    """Give every line of a picture its own `arm` and a readable `label` that names what differs, and only that."""
    arm = table["arm"]
    label = table["title"] + (" (" + table["remarks"] + ")").where(table["remarks"] != "", "")
    cell = [table[name] for name in ("dataset", "task", "device", "machine", "size", "seed", "held", "fold")]
    for name, unit in (("threads", " threads"), ("dtype", ""), ("budget", "")):
        several = table[name].groupby([arm, *cell], dropna=False).transform("nunique") > 1
        varied = arm.isin(set(arm[several]))
        text = table[name].map(lambda value: f"{value:g}" if isinstance(value, float) else str(value)).astype(str)
        arm, label = arm.mask(varied, arm + " " + text + unit), label.mask(varied, label + ", " + text + unit)
    for name in ("device", "machine"):
        if table[name].nunique() > 1:
            label = label + " on " + table[name]
    return table.assign(arm=arm, label=label).drop(columns="remarks")


# --------------------------------------------------------------------------------------------------------------- curves


def unit(task: str) -> str:
    """What a size counts."""
    return "tokens" if task in contract.STREAMS else {"act": "steps", "play": "positions"}.get(task, "examples")


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """One line per dataset, arm, device, machine and size, sorted by these.

    n, mean, low, high     seeds with a score, their mean, its 95 % bootstrap-t interval (NaN below two seeds)
    floor, skill           means over the seeds
    <cost>, _low, _high    median and quartiles over the seeds, of each of COSTS
    time_limit, memory_limit  the largest that a cell had, seconds and MiB
    approximated           by what, where a method was too large to be solved as it is: "2,000 landmarks"
    cells, failures        cells tried, and those that failed (unsupported is no failure); `reasons`: why, counted
    command                what makes these cells again
    """
    keys = [*CURVE, "size"]
    ok = table[table["status"] == "ok"].groupby(keys, dropna=False)
    tried = table.assign(failed=table["status"].isin(FAILED)).groupby(keys, dropna=False)
    points = tried[list(CARD)].last().join(tried[["floor", "skill"]].mean())
    points = points.join(tried.agg(cells=("seed", "size"), failures=("failed", "sum"), last_seed=("seed", "max")))
    points = points.join(tried[["time_limit", "memory_limit"]].max())
    points = points.join(ok["score"].agg(n="count", mean="mean")).fillna({"n": 0}).astype({"n": int})
    intervals = {key: stats.bootstrap_interval(scores.dropna().to_numpy()) for key, scores in ok["score"]}
    points["low"] = [intervals[key].low if key in intervals else np.nan for key in points.index]
    points["high"] = [intervals[key].high if key in intervals else np.nan for key in points.index]
    for quantile, suffix in ((0.25, "_low"), (0.5, ""), (0.75, "_high")):
        points = points.join(ok[list(COSTS)].quantile(quantile).add_suffix(suffix))
    points = points.join(ok["approximated"].last()).fillna({"approximated": ""})
    points["reasons"] = _reasons(table, keys).reindex(points.index).fillna("")
    points = points.reset_index()
    sizes, seeds = points["size"].astype(str), points["last_seed"] + 1
    points["command"] = [
        _command(*words) for words in zip(points["arm"], points["dataset"], sizes, seeds, points["device"], strict=True)
    ]
    return points.drop(columns="last_seed")


def _reasons(table: pd.DataFrame, keys: list[str]) -> pd.Series:
    """Per point, "2 x timeout: longer than 120 s; 1 x oom", for points with cells that are not ok."""
    bad = table[table["status"] != "ok"]
    said = bad["status"] + (": " + bad["reason"]).where(bad["reason"] != "", "")
    counts = bad.assign(said=said).groupby([*keys, "said"], dropna=False).size().reset_index(level="said", name="times")
    text = counts["times"].astype(str) + " x " + counts["said"]
    return text.groupby(level=list(range(len(keys))), dropna=False).agg("; ".join)


def _command(arm: str, dataset: str, sizes: str, seeds: int, device: str) -> str:
    """What makes these cells again, as typed; empty for arms that only a plan can ask for (a condition, a search)."""
    if " " in arm:
        return ""
    words = ["eras", "run", "-t", arm, "-d", dataset, "--sizes", sizes, "--seeds", str(seeds), "--device", device]
    return shlex.join(words)


def commands(table: pd.DataFrame) -> list[str]:
    """One command per arm, dataset and device that makes the table's cells again."""
    made = []
    for (dataset, _, arm, device, _), cells in table.groupby(CURVE, dropna=False):
        sizes = ",".join(str(size) for size in sorted(cells["size"].unique()))
        made.append(_command(str(arm), str(dataset), sizes, cells["seed"].max() + 1, str(device)))
    return [command for command in dict.fromkeys(made) if command]


def slope(points: pd.DataFrame, cost: str, above: float = 0.0) -> float:
    """Exponent b of cost ~ n^b over the four largest sizes (three at least), by least squares on logs; else NaN.

    The small end is left out because start-up costs flatten it. above: values up to here are not resolved
    """
    known = points[(points[cost] > above) & (points["size"] > 0)].nlargest(4, "size")
    if len(known) < 3:
        return float("nan")
    return float(np.polyfit(np.log(known["size"]), np.log(known[cost]), 1)[0])


# -------------------------------------------------------------------------------------------------------------- leaders


def leaders(points: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The best arm by mean at each size of a dataset on a machine, against the best other arm. One line per size.

    An arm with failures at a size cannot lead there: a mean over the seeds that survived is no mean.

    lead, low, high   paired difference over common seeds, positive = the leader is better, and its 95 % t interval
    significant       one-sided paired-t p <= .025: the interval excludes 0
    changed           another arm led at the next smaller size
    """
    scores = table[table["status"] == "ok"].set_index([*CURVE, "size", "seed"])["score"].dropna().sort_index()
    found: list[dict[str, Any]] = []
    fit = points[(points["n"] > 0) & (points["failures"] == 0)]
    for key, several in fit.groupby(["dataset", "task", "machine", "size"], sort=True, dropna=False):
        sign = 1 if several["higher_is_better"].iloc[0] else -1
        ranked = several.assign(worth=sign * several["mean"]).sort_values("worth", ascending=False, kind="stable")
        best, others = ranked.iloc[0], ranked[ranked["arm"] != ranked["arm"].iloc[0]]
        line: dict[str, Any] = dict(zip(("dataset", "task", "machine", "size"), key, strict=True))
        line |= {name: best[name] for name in ("dataset_title", "arm", "label", "mean", "metric")}
        line |= {"second": None, "lead": np.nan, "low": np.nan, "high": np.nan, "p": np.nan, "pairs": 0}
        if len(others):
            second = others.iloc[0]
            line |= {"second": second["label"]} | _lead(scores, best, second, sign)
        before = found[-1] if found else {}
        same = all(before.get(name) == line[name] for name in ("dataset", "task", "machine"))
        found.append(line | {"significant": bool(line["p"] <= 0.025), "changed": same and before["arm"] != line["arm"]})
    return pd.DataFrame(found)


def _lead(scores: pd.Series, best: pd.Series, second: pd.Series, sign: int) -> dict[str, float]:
    a, b = (scores.loc[tuple(one[name] for name in [*CURVE, "size"])] for one in (best, second))
    pairs = pd.concat([a, b], axis=1, join="inner").to_numpy()  # (seeds in common, 2)
    if len(pairs) < 2:
        return {"pairs": len(pairs)}
    lead = stats.paired_t(sign * pairs[:, 0], sign * pairs[:, 1])
    return {"lead": lead.mean, "low": lead.low, "high": lead.high, "p": lead.p, "pairs": len(pairs)}


def metric_name(metric: str, start: bool = False) -> str:
    """A metric in words: AUC, balanced accuracy; with a capital at the start of a sentence."""
    words = metric.upper() if metric in ("auc", "bleu", "rmse", "mae") else metric.replace("_", " ")
    return words[:1].upper() + words[1:] if start else words


def main_picture(points: pd.DataFrame) -> tuple[str, str, str] | None:
    """(dataset, task, machine) of the lead picture: real before generated, then the widest sizes times techniques."""
    ok = points[points["n"] > 0] if len(points) else points
    best: Any = None
    for key, some in ok.groupby(["dataset", "task", "machine"], sort=True, dropna=False) if len(ok) else ():
        width = 1 + np.log10(some["size"].max() / some["size"].min())
        rank = (some["protocol"].iloc[0] != "generated", some["arm"].nunique() * width, some["n"].sum())
        if best is None or rank > best[0]:
            best = (rank, key)
    return best[1] if best else None


def headline(points: pd.DataFrame, lead: pd.DataFrame) -> str:
    """The finding of the main picture, in one sentence made from `curves` and `leaders`."""
    chosen = main_picture(points)
    if chosen is None:
        return "No cell came out: there is nothing to draw."
    return finding(points, lead, *chosen)


def finding(points: pd.DataFrame, lead: pd.DataFrame, dataset: str, task: str, machine: str) -> str:
    """What one dataset's curves say about the lead, as a sentence."""
    here = _only(points, dataset, task, machine)
    here = here[here["n"] > 0]
    if not len(here):
        return f"Nothing came out on {dataset}."
    title, metric, counts = here["dataset_title"].iloc[0], metric_name(here["metric"].iloc[0]), unit(task)
    if here["arm"].nunique() == 1:
        first, last = here.iloc[0], here.iloc[-1]
        start = f"from {first['mean']:.3g} at {first['size']:,} to " if last["size"] != first["size"] else ""
        return f"{last['label']} on {title}: {metric} {start}{last['mean']:.3g} at {last['size']:,} training {counts}."
    at = _only(lead, dataset, task, machine)
    if not len(at):
        return f"On {title} every technique has failures at every size: nobody leads."
    smallest, largest = at["size"].iloc[0], at["size"].iloc[-1]
    if not (at["pairs"] > 1).any():
        last = at.iloc[-1]
        return (
            f"On {title}, {last['label']} comes out best at {largest:,} {counts} ({metric} {last['mean']:.3g}), "
            "but without two common seeds a lead cannot be tested."
        )
    if not at["significant"].any():
        first, last = at["label"].iloc[0], at["label"].iloc[-1]
        where = f"at {smallest:,}" + (f" and {largest:,}" if smallest != largest else "")
        where = where if first == last else f"at {smallest:,} and {last} at {largest:,}"
        return f"On {title}, {first} is ahead {where} {counts}, but no lead stands out from the noise between seeds."
    return f"On {title}, {_story(_runs(at), smallest, largest, counts)}."


def _only(some: pd.DataFrame, dataset: str, task: str, machine: str) -> pd.DataFrame:
    if not len(some):
        return some
    return some[(some["dataset"] == dataset) & (some["task"] == task) & (some["machine"] == machine)]


def _runs(at: pd.DataFrame) -> list[tuple[str | None, int, int]]:
    """(who leads significantly or None, first size, last size), neighbouring sizes of one state joined."""
    runs: list[tuple[str | None, int, int]] = []
    for size, label, significant in zip(at["size"], at["label"], at["significant"], strict=True):
        who = label if significant else None
        first = runs.pop()[1] if runs and runs[-1][0] == who else size
        runs.append((who, first, size))
    return runs


def _story(runs: list[tuple[str | None, int, int]], smallest: int, largest: int, counts: str) -> str:
    if len(runs) == 1:
        where = f"from {smallest:,} to {largest:,} {counts}" if smallest != largest else f"at {largest:,} {counts}"
        return f"{runs[0][0]} leads {where}"
    if len(runs) > 4:
        early, late = (who or "nobody" for who, _, _ in (runs[0], runs[-1]))
        return f"the lead changes hands: {early} leads clearly at {smallest:,} {counts}, {late} at {largest:,}"
    parts = []
    for who, first, last in runs:
        if first == smallest:
            where = f"up to {last:,} {counts}" if first != last else f"at {first:,} {counts}"
        else:
            until = f" to {last:,}" if last != largest else ""
            where = f"from {first:,}{until}" if first != last else f"at {first:,}"
        parts.append(f"{where} {who} leads" if who else f"{where} the lead is open")
    return ", ".join(parts[:-1]) + (", " if len(parts) > 2 else " and ") + parts[-1]


# -------------------------------------------------------------------------------------------------------------- missing


def summary(table: pd.DataFrame) -> str:
    """What ran and how much is missing, in one line: "9 datasets, 7 techniques, 6 sizes, 3-5 seeds; 936 of 960 ..."."""
    able = table if (table["status"] == "unsupported").all() else table[table["status"] != "unsupported"]
    seeds = able.groupby([*CURVE, "size"], dropna=False)["seed"].nunique()
    counts = [_count(table[name].nunique(), name) for name in ("dataset", "technique")]
    if (arms := table["arm"].nunique()) > table["technique"].nunique():
        counts[-1] += f" in {arms} forms"
    counts.append(_count(table["size"].nunique(), "size"))
    counts.append(_count(seeds.max(), "seed") if seeds.min() == seeds.max() else f"{seeds.min()}-{seeds.max()} seeds")
    states = missing(table).set_index("status")["cells"]
    parts = [f"{states['ok']:,} of {_count(len(table), 'cell')} ok"]
    parts += [f"{states[status]:,} {words}" for status, words in STATES.items() if status in states]
    return ", ".join(counts) + "; " + ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def machines(table: pd.DataFrame) -> list[str]:
    """One phrase per machine: what it is, for the header of a report."""
    lines = []
    for name, cells in table.groupby("machine", dropna=False):
        last = cells.iloc[-1]
        cores = _count(int(last["cores"]), "core") if last["cores"] > 0 else ""
        memory = f"{last['memory'] / 1e9:.0f} GB" if last["memory"] > 0 else ""
        parts = [last["cpu"], last["gpu"], cores, memory, last["system"]]
        lines.append(", ".join(filter(None, parts)) or str(name))
    return list(dict.fromkeys(lines))


def missing(table: pd.DataFrame) -> pd.DataFrame:
    """One line per status: cells, share of all, techniques, and the commonest reason. The first line is `ok`."""
    lines = []
    for status in contract.STATUSES:
        cells = table[table["status"] == status]
        if len(cells) or status == "ok":
            reasons = cells.loc[cells["reason"] != "", "reason"].value_counts()
            who = ", ".join(sorted(cells["arm"].unique())) if status != "ok" else ""
            reason = reasons.index[0] if len(reasons) else ""
            lines.append({"status": status, "cells": len(cells), "arms": who, "reason": reason})
    found = pd.DataFrame(lines)
    return found.assign(share=found["cells"] / max(1, len(table)))

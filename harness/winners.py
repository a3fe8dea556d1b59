"""Who won each decade: from the rows that `eras run decades` left, and from nothing else.

A rung's candidates meet on one dataset, the floor (answers without learning) among them; a lower error is better,
whatever the metric. One reading keeps the dataset and lets only the budget grow ("fixed"), the other takes the decade's
own kind of data where there is one ("own").
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from harness import analyse, stats
from harness.scale.roles import FAMILIES

PLACE = ["ladder", "decade", "family", "dataset"]
READINGS = ("fixed", "own")
EARLY, LATE = (1970, 1980, 1990), 2010  # classic methods are said to win there; nets from here on at the latest
SMOOTH = ("logistic_regression", "ridge", "kernel_svm", "kernel_ridge", "tfidf_svm")  # linear or kernel
FLOOR = "floor"
DRAWS = 2_000


def of_decades(row: Mapping[str, Any]) -> bool:
    """Whether a row belongs to this exhibit: a budget in FLOPs, and the rungs that it stands for."""
    budget, account = (row.get("key") or {}).get("budget"), (row.get("provenance") or {}).get("account")
    return bool(budget and budget.get("unit") == "flops" and account and account.get("rungs"))


def entrants(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One line per ladder, decade, dataset, candidate and seed; empty without such rows. Trials are no candidates.

    error    lower is better; NaN where the row is not ok       net   learns in steps
    reading  "fixed" or "own"                                   seconds, joules  with the search that was paid for
    """
    rows = [row for row in rows if of_decades(row) and not row["key"]["condition"].get("validation")]
    lines = pd.DataFrame([line for row in rows for line in _lines(row)])
    if lines.empty:
        return lines
    lines = lines.sort_values("ok", kind="stable").drop_duplicates([*PLACE, "technique", "seed"], keep="last")
    lines["net"] = lines["technique"].isin(set(lines.loc[lines["steps"], "technique"]))
    spread = lines.groupby(["ladder", "family", "dataset"])["decade"].transform("nunique")
    most = spread.groupby([lines["ladder"], lines["family"]]).transform("max")
    lines["reading"] = np.where(spread == most, *READINGS)
    return lines.sort_values([*PLACE, "technique", "seed"], ignore_index=True)


def _lines(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row in each of its rungs, and the floor that it was judged beside."""
    flat, account, search = analyse.flat(row), row["provenance"]["account"], row.get("search") or {}
    ok, higher = row["status"] == "ok", flat["higher_is_better"]
    family = FAMILIES.get(flat["form"], flat["form"])
    shared = {name: flat[name] for name in ("dataset", "dataset_title", "metric", "seed", "machine")}
    shared["family"] = "text" if family == "language" else family
    best = search.get("best") or {}
    own = {
        "technique": flat["technique"],
        "title": flat["title"],
        "settings": ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in best.items()),
        "asked": ", ".join(f"{name} {value}" for name, value in row["key"]["keywords"].items()),
        "size": flat["size"],
        "ok": ok,
        "reason": row["reason"],
        "error": _error(flat["score"], higher) if ok else math.nan,
        "steps": (row.get("time") or {}).get("steps") is not None,
        "binding": account.get("binding") or ("bytes" if "bytes" in row["reason"] else "FLOPs"),
        "bytes": account["bytes"],
        "seconds": (flat["wall_seconds"] or 0.0) + (search.get("seconds") or 0.0),
        "joules": (row.get("energy") or {}).get("joules"),
    }
    floor = {"technique": FLOOR, "title": "no learning", "settings": "", "asked": "", "size": 0, "ok": True}
    floor |= {"reason": "", "steps": False, "binding": "", "bytes": 0, "seconds": 0.0, "joules": None}
    for rung in account["rungs"]:
        ladder, decade = rung.rsplit(" ", 1)
        yield {"ladder": ladder, "decade": int(decade)} | shared | own
        if ok:
            yield {"ladder": ladder, "decade": int(decade)} | shared | floor | {"error": _error(flat["floor"], higher)}


def _error(score: float, higher: bool) -> float:
    return 1 - score if higher else score


# ---------------------------------------------------------------------------------------------------------- one rung


def standings(lines: pd.DataFrame) -> pd.DataFrame:
    """One line per rung, dataset and candidate, best first: mean error, 95 % interval, P(best), and what bound it.

    P(best): how often a candidate has the lowest mean when seeds are drawn again, all candidates with the same ones;
    NaN with one seed. A candidate that lacks a seed which another has cannot win.
    """
    tables = []
    for _, some in lines.groupby(PLACE, sort=True):
        errors = some.pivot(index="technique", columns="seed", values="error")
        whole = errors[errors.columns[errors.notna().any()]].dropna()
        told = some.drop_duplicates("technique").set_index("technique").drop(columns=["error", "seed", "seconds"])
        intervals = [stats.bootstrap_interval(own) for own in whole.to_numpy(float)]
        told["low"] = pd.Series([one.low for one in intervals], whole.index, dtype=float)
        told["high"] = pd.Series([one.high for one in intervals], whole.index, dtype=float)
        told["error"], told["seeds"] = whole.mean(axis=1), errors.notna().sum(axis=1)
        told["best"] = pd.Series(_chances(whole.to_numpy(float)), whole.index, dtype=float)
        told["seconds"] = some.groupby("technique")["seconds"].mean()
        tables.append(told.reset_index().sort_values("error", na_position="last"))
    return pd.concat(tables, ignore_index=True)


def _chances(errors: np.ndarray) -> np.ndarray:
    """(k,) of (k, seeds): how often each has the lowest mean over resampled seeds; ties are shared."""
    k, seeds = errors.shape
    if seeds < 2:
        return np.full(k, np.nan)
    drawn = np.random.default_rng(0).integers(seeds, size=(DRAWS, seeds))
    means = errors[:, drawn].mean(axis=2)  # (k, DRAWS)
    least = means == means.min(axis=0)
    return (least / least.sum(axis=0)).mean(axis=1)


def winners(lines: pd.DataFrame) -> pd.DataFrame:
    """The candidate with the lowest error of each rung, dataset and seed: PLACE, seed, reading, technique, net."""
    ok = lines[lines["error"].notna()]
    return ok.loc[ok.groupby([*PLACE, "seed"])["error"].idxmin()].reset_index(drop=True)


# ------------------------------------------------------------------------------------------------------- the sentence


def verdict(won: pd.DataFrame) -> dict[str, Any]:
    """d2l's sentence on one ladder and reading, as registered: all three parts must hold.

    early  more than half of 1970 to 1990 go to classic methods (`smooth`: the share of linear and kernel ones alone)
    rises  nets' share grows with the decade: Spearman > 0, permutation p < .05
    late   on images and on text nets win more than half of what was run from 2010 on; tables are the exception
    """
    early, late = won[won["decade"].isin(EARLY)], won[(won["decade"] >= LATE) & (won["family"] != "tables")]
    rho, p = _rise(won)
    parts = {
        "early": _part(len(early) > 0, (~early["net"]).mean() > 0.5),
        "rises": _part(won["decade"].nunique() > 2, rho > 0 and p < 0.05),
        "late": _part(set(late["family"]) == {"images", "text"}, (late.groupby("family")["net"].mean() > 0.5).all()),
    }
    named = set(parts.values())
    return parts | {
        "verdict": "fails" if "fails" in named else "cannot tell" if "cannot tell" in named else "holds",
        "classic": float((~early["net"]).mean()) if len(early) else None,
        "smooth": float(early["technique"].isin(SMOOTH).mean()) if len(early) else None,
        "nets": {f: float(share) for f, share in late.groupby("family")["net"].mean().items()},
        "rho": rho if math.isfinite(rho) else None,
        "p": p if math.isfinite(p) else None,
        "cells": len(won),
        "decades": sorted({int(d) for d in won["decade"]}),
    }


def _part(measured: bool, holds: Any) -> str:
    return "cannot tell" if not measured else "holds" if holds else "fails"


def _rise(won: pd.DataFrame) -> tuple[float, float]:
    """Spearman's rho of the decade and a net's win, and its one-sided permutation p."""
    decades, nets = won["decade"].to_numpy(float), won["net"].to_numpy(float)
    if len(set(decades)) < 2 or len(set(nets)) < 2:
        return (0.0, 1.0) if len(set(decades)) > 1 else (math.nan, math.nan)
    x, y = (rank - rank.mean() for rank in (rankdata(decades), rankdata(nets)))
    random = np.random.default_rng(0)
    chance = np.array([random.permutation(x) @ y for _ in range(DRAWS)])
    rho = float(x @ y / math.sqrt((x @ x) * (y @ y)))
    return rho, float((1 + (chance >= x @ y - 1e-9).sum()) / (1 + DRAWS))


def extrapolated(table: pd.DataFrame, budgets: Mapping[int, float]) -> pd.DataFrame:
    """For the decades that were not run, who would win if lines of log error against log FLOPs went straight on.

    Of a ladder's fixed datasets with three rungs or more. budgets: {decade: FLOPs}. An extrapolation over many powers
    of ten: it is drawn hatched, and tests nothing.
    """
    found = []
    fixed = table[(table["reading"] == "fixed") & table["error"].gt(0) & (table["technique"] != FLOOR)]
    for (family, dataset), some in fixed.groupby(["family", "dataset"]):
        for decade in sorted(set(budgets) - set(some["decade"])):
            guesses = []
            for technique, line in some.groupby("technique"):
                if line["decade"].nunique() >= 3 and decade > line["decade"].max():
                    x = [math.log10(budgets[d]) for d in line["decade"]]
                    slope, start = np.polyfit(x, np.log(line["error"]), 1)
                    guess = math.exp(min(start + slope * math.log10(budgets[decade]), 50.0))
                    guesses.append((guess, technique, line["title"].iloc[0], bool(line["net"].iloc[0])))
            if guesses:
                error, technique, title, net = min(guesses)
                place = {"family": family, "dataset": dataset, "decade": decade, "technique": technique}
                found.append(place | {"title": title, "net": net, "error": error})
    return pd.DataFrame(found, columns=["family", "dataset", "decade", "technique", "title", "net", "error"])


def exhibit(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All of it: {"lines", "standings", "verdicts"}; lines is empty where no such row is there."""
    lines = entrants(rows)
    if lines.empty:
        return {"lines": lines, "standings": lines, "verdicts": []}
    won, verdicts = winners(lines), []
    for ladder in dict.fromkeys(won["ladder"]):
        here = won[won["ladder"] == ladder]
        readings = {"fixed": here[here["reading"] == "fixed"], "own": _own(here)}
        for reading, some in readings.items():
            if reading == "fixed" or (here["reading"] == "own").any():
                verdicts.append({"ladder": ladder, "reading": reading} | verdict(some))
    return {"lines": lines, "standings": standings(lines), "verdicts": verdicts}


def _own(won: pd.DataFrame) -> pd.DataFrame:
    """The decade's own data where there are any, else the fixed dataset."""
    has = won.groupby(["decade", "family"])["reading"].transform(lambda some: (some == "own").any())
    return won[(won["reading"] == "own") | ~has]

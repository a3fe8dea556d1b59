"""Who won each decade: from the rows that `eras run decades` left, and from nothing else.

A rung's candidates meet on one dataset, the floor (answers without learning) among them; a lower error is better,
whatever the metric. One reading keeps the dataset and lets only the budget grow ("fixed"), the other takes the decade's
own kind of data where there is one ("own"). Rows of several machines and devices stand together: a budget is one of the
decade's machine, not of ours.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from harness import analyse, stats
from harness.rungs import DAY
from harness.scale.roles import FAMILIES

PLACE = ["ladder", "decade", "family", "dataset"]
READINGS = ("fixed", "own")
EARLY, LATE = (1970, 1980, 1990), 2010  # classic methods are said to win there; nets from here on at the latest
SMOOTH = ("logistic_regression", "ridge", "kernel_svm", "kernel_ridge", "tfidf_svm")  # linear or kernel
FLOOR = "floor"
ENTERED = ("ok", "refused", "diverged")  # a candidate that ran to its end, or was told that it may not
DRAWS = 2_000


def entrants(rows: Iterable[Mapping[str, Any]], period: float | None = None) -> pd.DataFrame:
    """One line per ladder, decade, dataset, candidate and seed; empty without such rows. Trials are no candidates.

    period   seconds of the decade's machine; None: the one that most rows have. `attrs["period"]` tells it
    error    lower is better; NaN where the row is not ok       net       learns in steps
    reading  "fixed" or "own"                                   seconds   with the search that was paid for
    whole    every candidate of the rung has a row with this seed: only then has anybody won
    """
    rows = [row for row in rows if analyse.of_decades(row) and not row["key"]["condition"].get("validation")]
    periods = Counter(_account(row).get("period") or DAY for row in rows)
    chosen = period or max(periods, key=lambda one: (periods[one], one), default=DAY)
    rows = sorted((row for row in rows if (_account(row).get("period") or DAY) == chosen), key=_age)
    lines = pd.DataFrame([line for row in rows for line in _lines(row)])
    if lines.empty:
        return lines
    lines = lines[(lines["ladder"] != "compressed") | (lines["reading"] == "fixed")]  # it has no data of its own
    # the newest that is ok stands; of the floors the one that was made of most rows
    lines = lines.drop_duplicates([*PLACE, "technique", "seed"], keep="last")
    lines["net"] = lines["technique"].isin(set(lines.loc[lines["steps"], "technique"]))
    entered = {
        at: set(some) for at, some in lines[lines["status"].isin(ENTERED)].groupby([*PLACE, "seed"])["technique"]
    }
    field = {place: set().union(*some) for place, some in lines.groupby(PLACE)["field"]}
    lines["missing"] = [
        sorted(field[line[:-1]] - entered.get(line, set()))
        for line in lines[[*PLACE, "seed"]].itertuples(index=False, name=None)
    ]
    lines["whole"] = lines["missing"].map(len) == 0
    lines = lines.sort_values([*PLACE, "technique", "seed"], ignore_index=True)
    lines.attrs["period"] = chosen
    return lines


def _account(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return row["provenance"]["account"]


def _age(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What comes later stands: ok before anything else, then more rows (a floor learns shares), then the newer."""
    return row["status"] == "ok", row["key"]["size"], row["provenance"].get("started") or "", row["id"]


def _lines(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row in each of its rungs, and the floor that it was judged beside; of a refused one a floor without a score."""
    flat, account, search = analyse.flat(row), _account(row), row.get("search") or {}
    higher, family = flat["higher_is_better"], FAMILIES.get(flat["form"], flat["form"])
    status = "refused" if account.get("refused") and row["status"] == "skipped" else row["status"]
    shared = {name: flat[name] for name in ("dataset", "dataset_title", "metric", "seed", "machine")}
    shared |= {"family": "text" if family == "language" else family, "reading": account.get("reading", READINGS[0])}
    shared["field"] = tuple(account.get("field", ()))
    best = search.get("best") or {}
    own = {
        "technique": flat["technique"],
        "title": flat["title"],
        "settings": ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in best.items()),
        "asked": ", ".join(f"{name} {value}" for name, value in row["key"]["keywords"].items()),
        "size": flat["size"],
        "status": status,
        "reason": row["reason"],
        "error": _error(flat["score"], higher) if status == "ok" else math.nan,
        "steps": (row.get("time") or {}).get("steps") is not None,
        "binding": account.get("binding") or "",
        "bytes": account.get("bytes") or 0,
        "seconds": (flat["wall_seconds"] or 0.0) + (search.get("seconds") or 0.0),
        "joules": (row.get("energy") or {}).get("joules"),
    }
    floor = {"technique": FLOOR, "title": "no learning", "settings": "", "asked": "", "size": 0, "status": "ok"}
    floor |= {"reason": "", "steps": False, "binding": own["binding"], "bytes": 0, "seconds": 0.0, "joules": None}
    floor["error"] = _error(flat["floor"], higher) if status == "ok" else math.nan
    for rung in account["rungs"]:
        ladder, decade = rung.rsplit(" ", 1)
        place = {"ladder": ladder, "decade": int(decade)}
        yield place | shared | own
        yield place | shared | floor


def _error(score: float | None, higher: bool) -> float:
    return math.nan if score is None else 1 - score if higher else score


# ---------------------------------------------------------------------------------------------------------- one rung


def standings(lines: pd.DataFrame) -> pd.DataFrame:
    """One line per rung, dataset and candidate, best first: mean error, 95 % interval, P(best), and what bound it.

    Over the seeds with which the rung is whole. P(best): how often a candidate has the lowest mean when these are
    drawn again, all candidates with the same ones; NaN with one. Where nothing fitted the floor stands first.
    """
    tables = []
    for _, some in lines.groupby(PLACE, sort=True):
        errors = some[some["whole"]].pivot(index="technique", columns="seed", values="error")
        scored = errors.dropna(how="any") if errors.shape[1] else errors
        told = some.drop_duplicates("technique", keep="last").set_index("technique")
        told = told.drop(columns=["error", "seed", "seconds", "whole", "missing", "field"])
        intervals = [stats.bootstrap_interval(own) for own in scored.to_numpy(float)]
        told["low"] = pd.Series([one.low for one in intervals], scored.index, dtype=float)
        told["high"] = pd.Series([one.high for one in intervals], scored.index, dtype=float)
        told["error"] = scored.mean(axis=1)
        told["seeds"] = errors.shape[1]
        told["best"] = pd.Series(_chances(scored.to_numpy(float)), scored.index, dtype=float)
        told["seconds"] = some.groupby("technique")["seconds"].mean()
        told["lacks"] = ", ".join(sorted({name for missing in some["missing"] for name in missing}))
        told["first"] = told.index == FLOOR  # of all that have no score, the floor
        table = told.reset_index().sort_values(["error", "first"], ascending=[True, False], na_position="last")
        tables.append(table.drop(columns="first"))
    return pd.concat(tables, ignore_index=True)


def _chances(errors: np.ndarray) -> np.ndarray:
    """(k,) of (k, seeds): how often each has the lowest mean over resampled seeds; ties are shared."""
    k, seeds = errors.shape
    if seeds < 2 or not k:
        return np.full(k, np.nan)
    drawn = np.random.default_rng(0).integers(seeds, size=(DRAWS, seeds))
    means = errors[:, drawn].mean(axis=2)  # (k, DRAWS)
    least = means == means.min(axis=0)
    return (least / least.sum(axis=0)).mean(axis=1)


def winners(lines: pd.DataFrame) -> pd.DataFrame:
    """The candidate with the lowest error of each whole rung, dataset and seed; the floor where nothing fitted."""
    worst = lines["error"].fillna(math.inf).where(lines["technique"] != FLOOR, lines["error"].fillna(1e300))
    whole = lines.assign(worst=worst)[lines["whole"]]
    return whole.loc[whole.groupby([*PLACE, "seed"])["worst"].idxmin()].reset_index(drop=True)


# ------------------------------------------------------------------------------------------------------- the sentence


def verdict(won: pd.DataFrame) -> dict[str, Any]:
    """d2l's sentence on one ladder and reading, as registered: all three parts must hold.

    early  more than half of 1970 to 1990 go to classic methods (`smooth`: the share of linear and kernel ones alone);
           a rung that the floor won is nobody's
    rises  nets' share grows with the decade: Spearman > 0, permutation p < .05; of ladders that reach 2010
    late   on images and on text nets win more than half of what was run from 2010 on; tables are the exception
    """
    early, late = won[won["decade"].isin(EARLY)], won[(won["decade"] >= LATE) & (won["family"] != "tables")]
    classic = ~early["net"] & (early["technique"] != FLOOR)
    rho, p = _rise(won)
    reached = set(late["family"]) == {"images", "text"}  # tables alone tell nothing: they are the exception
    parts = {
        "early": _part(set(early["decade"]) == set(EARLY), classic.mean() > 0.5),
        "rises": _part(reached, rho > 0 and p < 0.05),
        "late": _part(reached, (late.groupby("family")["net"].mean() > 0.5).all()),
    }
    named = set(parts.values())
    return parts | {
        "verdict": "fails" if "fails" in named else "cannot tell" if "cannot tell" in named else "holds",
        "classic": float(classic.mean()) if len(early) else None,
        "smooth": float(early["technique"].isin(SMOOTH).mean()) if len(early) else None,
        "nets": {family: float(share) for family, share in late.groupby("family")["net"].mean().items()},
        "rho": rho if math.isfinite(rho) else None,
        "p": p if math.isfinite(p) else None,
        "cells": len(won),
        "decades": sorted({int(decade) for decade in won["decade"]}),
    }


def _part(measured: bool, holds: Any) -> str:
    return "cannot tell" if not measured else "holds" if holds else "fails"


def _rise(won: pd.DataFrame) -> tuple[float, float]:
    """Spearman's rho of the decade and a net's win, and its one-sided permutation p.

    The decades of a family change places as a whole: its seeds share data and candidates.
    """
    nets = won["net"].to_numpy(float)
    if won["decade"].nunique() < 2:
        return math.nan, math.nan
    if len(set(nets)) < 2:
        return 0.0, 1.0
    ranks = rankdata(won["decade"])
    x, y = ranks - ranks.mean(), rankdata(nets)
    y = y - y.mean()
    random = np.random.default_rng(0)
    families = [(won["family"] == family).to_numpy() for family in sorted(set(won["family"]))]
    chance = np.zeros(DRAWS)
    for inside in families:
        values, which = np.unique(x[inside], return_inverse=True)
        weights = np.bincount(which, y[inside])  # of each decade, over its seeds
        chance += np.array([random.permutation(values) @ weights for _ in range(DRAWS)])
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


def exhibit(rows: Sequence[Mapping[str, Any]], period: float | None = None) -> dict[str, Any]:
    """All of it: {"lines", "standings", "verdicts", "period"}; lines is empty where no such row is there."""
    lines = entrants(rows, period)
    if lines.empty:
        return {"lines": lines, "standings": lines, "verdicts": [], "period": period}
    won, verdicts = winners(lines), []
    for ladder in dict.fromkeys(lines["ladder"]):
        here = won[won["ladder"] == ladder]
        readings = {"fixed": here[here["reading"] == "fixed"], "own": _own(here)}
        for reading, some in readings.items():
            if reading == "fixed" or (here["reading"] == "own").any():
                verdicts.append({"ladder": ladder, "reading": reading} | verdict(_balanced(some)))
    return {"lines": lines, "standings": standings(lines), "verdicts": verdicts, "period": lines.attrs["period"]}


def _balanced(won: pd.DataFrame) -> pd.DataFrame:
    """The seeds that all rungs have: a rung that was run more often has no more votes."""
    rungs = won.groupby(["decade", "dataset"])["seed"].agg(set)
    return won[won["seed"].isin(set.intersection(*rungs))] if len(rungs) else won


def _own(won: pd.DataFrame) -> pd.DataFrame:
    """The decade's own data where there are any, else the fixed dataset."""
    has = won.groupby(["decade", "family"])["reading"].transform(lambda some: (some == "own").any()).astype(bool)
    return won[(won["reading"] == "own") | ~has]

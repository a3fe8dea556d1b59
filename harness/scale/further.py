"""What more would bring: more trials of a search, more data than were run, another device."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from harness import analyse, fits, stats
from harness.scale.roles import BOUNDED, DRAWS


def tuning(here: pd.DataFrame, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One line per dataset, size, arm and number of trials: test skill of the best on validation so far.

    low, high   5 and 95 % over seeds and orders of the trials (the default always first)
    seconds     of all trials so far, median      default  skill of the first      edges  best values at a range's edge
    """
    tried = {row["id"]: row["search"]["tried"] for row in rows if (row.get("search") or {}).get("tried")}
    some = here[here["id"].isin(tried) & (here["tune"] > 1)]
    found = []
    for _, cells in some.groupby(["dataset", "size", "base"]):
        cells = cells[cells["tune"] == cells["tune"].max()]
        counts = [k for k in (1, 2, 4, 8, 16, 32, 64) if k <= cells["tune"].max()]
        runs = [_ladder(cell, tried[cell["id"]], counts) for cell in cells.to_dict("records")]
        skill = np.concatenate([run[0] for run in runs])  # (seeds * orders, counts)
        seconds = np.concatenate([run[1] for run in runs])
        about = cells.iloc[0]
        edges = ", ".join(sorted({edge for text in cells["edges"] for edge in text.split(", ") if edge}))
        base = about["base"]
        line = {name: about[name] for name in ("family", "dataset", "dataset_title", "size")}
        line |= {"arm": base, "label": _named(about), "edges": edges, "unit": analyse.unit(about["task"])}
        for k, count in enumerate(counts):
            values = skill[:, k][np.isfinite(skill[:, k])]
            low, high = np.quantile(values, [0.05, 0.95]) if len(values) else (np.nan, np.nan)
            got = {"trials": count, "skill": values.mean() if len(values) else np.nan, "low": low, "high": high}
            found.append(line | got | {"seconds": np.median(seconds[:, k]), "default": np.nanmean(skill[:, 0])})
    names = ["family", "dataset", "dataset_title", "size", "arm", "label", "trials", "skill", "low", "high", "seconds"]
    return pd.DataFrame(found, columns=[*names, "default", "edges", "unit"])


def _named(cell: pd.Series) -> str:
    """As the other charts name it: "ResNet for tables (width=512)"."""
    return cell["title"] + cell["base"].removeprefix(cell["technique"]).replace("[", " (").replace("]", ")")


def _ladder(
    cell: Mapping[str, Any], tried: list[list[float | None]], counts: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """(skill, seconds), each (orders, counts), after so many trials."""
    sign = 1.0 if cell["higher_is_better"] else -1.0
    valid, test, seconds = np.array([[np.nan if value is None else value for value in one] for one in tried], float).T
    valid = np.where(np.isfinite(valid), sign * valid, -np.inf)
    skill = (test - cell["floor"]) / (cell["anchor"] - cell["floor"])
    random = np.random.default_rng(0)
    orders = np.array([np.r_[0, 1 + random.permutation(len(valid) - 1)] for _ in range(DRAWS)])  # (orders, trials)
    by_worth = np.lexsort((-np.arange(len(valid)), valid))  # of equals the earlier draw is the better
    ranks = np.argsort(by_worth)
    chosen = by_worth[np.maximum.accumulate(ranks[orders], axis=1)]  # (orders, trials): the trial that leads
    spent = np.nancumsum(seconds[orders], axis=1)
    at = np.minimum(np.array(counts), len(valid)) - 1
    return np.where(np.isfinite(valid[chosen]), skill[chosen], np.nan)[:, at], spent[:, at]


def extrapolations(runs: pd.DataFrame) -> pd.DataFrame:
    """Curve fits of the four arms best at each dataset's largest size: model, residual, miss, points of the dashes."""
    found = []
    for _, some in runs.groupby(["dataset", "task"]):
        curves = some.groupby(["arm", "size"])["loss"].agg(["mean", "std", "count"])
        unit = float(some["unit"].median())
        ends = curves.xs(some["size"].max(), level="size")["mean"].nsmallest(4).index
        for arm in ends:
            curve = curves.loc[arm]
            got = fitted(curve["mean"], curve["std"], curve["count"], unit)
            if got is not None:
                found.append(_continued(some[some["arm"] == arm].iloc[0], got, unit))
    names = ["dataset", "dataset_title", "arm", "label", "model", "residual", "miss", "drawn", "monotone", "xs", "ys"]
    return pd.DataFrame(found, columns=names)


def fitted(mean: pd.Series, std: pd.Series, count: pd.Series, unit: float) -> fits.Fit | None:
    """The fit to losses by size, in that unit: so that neither dollars nor cents change what a small miss is.

    None where there is no unit: an anchor that is the floor, or unknown.
    """
    if not unit > 0:
        return None
    error = (std / np.sqrt(count)).fillna(0.02 * mean) / unit
    return fits.fit(mean.index.to_numpy(float), (mean / unit).to_numpy(), error.clip(lower=1e-4).to_numpy())


def _continued(about: pd.Series, got: fits.Fit, unit: float) -> dict[str, Any]:
    xs = np.geomspace(got.largest, 4 * got.largest, 9)
    loss = unit * got.predict(xs)
    ys = 1 - loss if about["metric"] in BOUNDED else loss if not about["higher_is_better"] else -loss
    line = {name: about[name] for name in ("dataset", "dataset_title", "arm", "label")}
    line |= {"model": got.model, "residual": got.residual, "miss": got.miss, "drawn": bool(got.drawn)}
    return line | {"monotone": bool(got.monotone), "xs": xs.round(1).tolist(), "ys": ys.tolist()}


def devices(table: pd.DataFrame) -> pd.DataFrame:
    """The same arm, dataset, size and number format on CPU and GPU: mean scores, paired interval, speed ratio, memory.

    Of one CPU's machine and one GPU's, each with one number of threads: those that have most cells in common.
    """
    plain = table[(table["plain"] == "True") & (table["status"] == "ok")]
    keys = ["base", "dataset", "size", "dtype"]
    sides = [plain[plain["device"] == device] for device in ("cpu", "cuda")]
    found = []
    both = sides[0].merge(sides[1], on=[*keys, "seed"], suffixes=("", "_cuda"))
    place = ["machine", "machine_cuda", "threads", "threads_cuda"]
    cells = both.groupby(place)["id"].transform("size")
    both = both.merge(both.loc[cells == cells.max(), place].head(1))
    for (_, dataset, size, dtype), pairs in both.groupby(keys):
        gap = stats.paired_t(pairs["score_cuda"].to_numpy(), pairs["score"].to_numpy()) if len(pairs) > 1 else None
        line = {"label": pairs["title"].iloc[0], "dataset": dataset, "size": size, "seeds": len(pairs), "dtype": dtype}
        line |= {"quality_cpu": pairs["score"].mean(), "quality_cuda": pairs["score_cuda"].mean()}
        line |= {"low": gap.low if gap else np.nan, "high": gap.high if gap else np.nan}
        line |= {"speed_ratio": (pairs["fit_seconds"] / pairs["fit_seconds_cuda"]).median()}
        found.append(line | {"memory_cpu": pairs["extra_mib"].median(), "memory_cuda": pairs["cuda_mib_cuda"].median()})
    names = ["label", "dataset", "size", "seeds", "dtype", "quality_cpu", "quality_cuda", "low", "high", "speed_ratio"]
    return pd.DataFrame(found, columns=[*names, "memory_cpu", "memory_cuda"])

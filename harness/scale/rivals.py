"""Who overtakes whom, on each dataset and over all; who wins, ties and loses."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from harness import analyse, stats
from harness.scale.roles import NAMES, ROLES, WHERE, complete


def crossings(runs: pd.DataFrame, some: pd.DataFrame) -> pd.DataFrame:
    """One line per dataset and pair of arms: outcome (stats.crossover), n and its interval, bracket, who wins last.

    Nets of three sizes stand under their role; "traditional" beside the methods that it is chosen from. The older arm
    of a pair comes first.
    """
    found = []
    names = ["dataset", "task", "dataset_title", "family", "first", "first_label", "second", "second_label", "outcome"]
    names += ["n", "low", "high", "bracket_low", "bracket_high", "winner", "largest", "seeds"]
    for _, arms in _contestants(runs, some).groupby(["dataset", "task"]):
        about = arms.iloc[0][names[:4]].to_dict()
        label = arms.groupby("arm")["label"].first()
        order = list(arms.groupby("arm")["year"].min().sort_values(kind="stable").index)
        losses = {arm: one.pivot_table(index="size", columns="seed", values="loss") for arm, one in arms.groupby("arm")}
        for first, second in combinations(order, 2):
            got = _crossing(losses[first], losses[second], float(arms["margin"].median()))
            pair = {"first": first, "second": second, "first_label": label[first], "second_label": label[second]}
            found += [about | pair | got] if got else []
    return pd.DataFrame(found, columns=names)


def _contestants(runs: pd.DataFrame, some: pd.DataFrame) -> pd.DataFrame:
    """Losses by arm: the roles, and every other plain arm under its own name."""
    taken = some.loc[some["role"] != "traditional", ["dataset", "arm"]].drop_duplicates()
    others = runs.merge(taken.assign(taken=True), on=["dataset", "arm"], how="left")
    others = others[others["taken"].isna()]
    later = some["role"].map(ROLES.index).astype(float) + 3000  # roles come after every technique
    roles = some.assign(arm=some["role"], label=some["role"].map(NAMES), year=later)
    names = [*WHERE, "dataset_title", "family", "arm", "label", "year", "loss", "margin"]
    return pd.concat([others[names], roles[names]], ignore_index=True)


def _crossing(a: pd.DataFrame, b: pd.DataFrame, least: float) -> dict[str, Any] | None:
    """The crossing of two arms' losses (sizes, seeds); None without two sizes of two common seeds, or with itself."""
    sizes, seeds = a.index.intersection(b.index), a.columns.intersection(b.columns)
    a, b = a.loc[sizes, seeds], b.loc[sizes, seeds]
    paired = (a.notna() & b.notna()).sum(axis=1)
    kept = paired >= 2  # a size with one seed has no interval
    if kept.sum() < 2 or a.equals(b):
        return None
    got = stats.crossover(sizes[kept].to_numpy(float), a[kept].to_numpy(), b[kept].to_numpy(), least=least, draws=1000)
    bracket = got.bracket or (np.nan, np.nan)
    line = {"outcome": got.outcome, "n": got.n, "low": got.interval.low, "high": got.interval.high}
    line |= {"bracket_low": bracket[0], "bracket_high": bracket[1], "winner": got.winner or "tie"}
    return line | {"largest": int(sizes[kept][-1]), "seeds": int(paired[kept].min())}


def matrix(crossed: pd.DataFrame) -> pd.DataFrame:
    """One line per ordered pair: on how many datasets `second` overtakes `first`, the median n; who has the last word.

    datasets, crossed, share, median_n   ties, won   shares of datasets tied, or won by `second`, at the largest size
    unit   what median_n counts: tokens are no examples, so the median is of the crossings in the more frequent unit
    """
    back = crossed.rename(
        columns={"first": "second", "second": "first", "first_label": "second_label", "second_label": "first_label"}
    )
    swap = {"first": "second", "second": "first"}
    back = back.assign(winner=back["winner"].replace(swap))
    both = pd.concat([crossed, back], ignore_index=True)
    both = both.assign(over=(both["outcome"] == "crossover") & (both["winner"] == "second"))
    found = []
    for (first, second), pairs in both.groupby(["first", "second"]):
        over = pairs[pairs["over"]]
        units = over["task"].map(analyse.unit)
        unit = units.mode().iloc[0] if len(over) else ""  # of as many of both: the first by the alphabet, examples
        middle = over.loc[units == unit, "n"].median()
        line = {"first": first, "first_label": pairs["first_label"].iloc[0], "second": second}
        line |= {"second_label": pairs["second_label"].iloc[0], "datasets": len(pairs), "crossed": len(over)}
        line |= {"share": len(over) / len(pairs), "median_n": middle, "unit": unit}
        found.append(line | {"ties": (pairs["winner"] == "tie").mean(), "won": (pairs["winner"] == "second").mean()})
    names = ["first", "first_label", "second", "second_label", "datasets", "crossed", "share", "median_n", "unit"]
    names += ["ties", "won"]
    return pd.DataFrame(found, columns=names)


def wins(some: pd.DataFrame, over: pd.DataFrame) -> pd.DataFrame:
    """One line per role and size: wins, ties and losses against the other roles over all datasets; the pooled skill.

    A difference counts beyond half a point, or what stands for it, and 2 % of the loss. Means are over the seeds that
    all roles have.
    """
    found = []
    for size, at in complete(some).groupby("size"):
        wide = at.pivot_table(index="dataset", columns="role", values="loss").reindex(columns=list(ROLES)).dropna()
        least = at.groupby("dataset")["margin"].median()[wide.index]  # it hangs on the floor, and that on the seed
        margin = np.maximum(least.to_numpy()[:, None], 0.02 * wide.to_numpy())
        for k, role in enumerate(ROLES):
            gap = np.delete(wide.to_numpy() - wide[[role]].to_numpy(), k, axis=1)  # positive: the other loses more
            room = np.delete(margin, k, axis=1)
            won, lost = int((gap > room).sum()), int((gap < -room).sum())
            line = {"arm": role, "label": NAMES[role], "size": size, "wins": won, "losses": lost}
            found.append(line | {"ties": gap.size - won - lost, "datasets": len(wide)})
    names = ["arm", "label", "size", "wins", "ties", "losses", "datasets"]
    made = pd.DataFrame(found, columns=names)
    pooled_ = over.drop(columns=["datasets", "seeds"]).rename(columns={"role": "arm"})
    return made[made["datasets"] > 0].merge(pooled_, on=["arm", "size"], how="left")

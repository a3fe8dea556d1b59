"""The four roles of Ng's figure, and their skill over a fixed panel of datasets.

Nothing is pooled over a set of datasets that changes with the size.
"""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from harness import analyse, plan, stats

ROLES = ("traditional", "small", "medium", "large")
NAMES = {"traditional": "best classic method", "small": "small net", "medium": "medium net", "large": "large net"}
FAMILIES = {"table": "tables", "image": "images", "text": "text", "tokens": "language", "sound": "sound"}
FEWEST = 8  # datasets below which no pooled number is given
POINTS, SHARE = 0.005, 0.01  # a difference that counts: half a point; where a metric has no points, of floor to anchor
BOUNDED = ("accuracy", "balanced_accuracy", "auc")
EARLY = 1_000  # training examples up to which Ng's first ordering speaks
WHERE = ["dataset", "task", "size", "seed"]
DRAWS = 200  # orders in which the trials of a search could have come


def losses(table: pd.DataFrame) -> pd.DataFrame:
    """With `family`, and `loss`: lower is better; for scores that end at 1 what is left to 1.

    unit     what a loss of 1 is worth to a curve fit: 1 where a metric is bounded; else the way from floor to anchor
    margin   a difference that counts
    """
    sign = np.where(table["higher_is_better"], -1.0, 1.0)
    ends = np.where(table["metric"].isin(BOUNDED), 1.0, 0.0)
    span = (table["anchor"] - table["floor"]).abs()
    unit = np.where(table["metric"].isin(BOUNDED), 1.0, span)
    margin = np.where(table["metric"].isin(BOUNDED), POINTS, SHARE * span)
    family = table["form"].map(FAMILIES).fillna(table["form"])
    return table.assign(family=family, loss=ends + sign * table["score"], unit=unit, margin=margin)


def lines(runs: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """One line per dataset, size, seed and role: the arm that stood for it, score, loss, skill, seconds, mib, folds.

    folds     that a "traditional" was chosen on; 0 where there was no choice
    seconds   of the fit; of "traditional": of every run that it was chosen by, and of the chosen one's fit
    """
    made = pd.concat([_traditional(runs[runs["kind"] == "classic"], held), _nets(runs[runs["kind"] == "net"])])
    kept = ["role", "family", "dataset", "dataset_title", "task", "size", "seed", "arm", "label", "technique"]
    kept += ["metric", "score", "loss", "margin", "skill", "seconds", "extra_mib", "parameters", "folds"]
    return made.reindex(columns=kept).sort_values([*WHERE, "role"], ignore_index=True)


def _traditional(classic: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """At each dataset, size and seed the classic arm with the best validation score; one that is alone needs none.

    The field of a dataset: the arms that were tried at half of its sizes and seeds or more. A choice asks for all of
    them, whether they came through or failed, on the same folds: the best of those that a budget happened to reach is
    nobody's choice. One is alone where its family has one classic method; arms of another run beside it do not count.
    """
    tried = held[held["plain"] == "True"].drop_duplicates([*WHERE, "arm"])
    tried = tried.merge(classic[["dataset", "task", "arm"]].drop_duplicates())  # without the trials of a tuned arm
    tried = tried.merge(_field(tried))
    tried = tried[tried["folds"] == tried.groupby(WHERE)["folds"].transform("max")]  # the others are not through yet
    search = tried.groupby(WHERE).agg(search=("paid_seconds", "sum"), count=("arm", "size")).reset_index()
    valid = tried.loc[tried["status"] == "ok", [*WHERE, "arm", "valid", "folds", "arms"]]
    some = (
        classic.drop(columns="valid").merge(valid, on=[*WHERE, "arm"], how="left").merge(search, on=WHERE, how="left")
    )
    alone = _alone(some)
    some = some[alone | (some["valid"].notna() & (some["count"] == some["arms"]))]
    worth = some["valid"] * np.where(some["higher_is_better"], 1.0, -1.0)
    best = some.assign(worth=worth).sort_values("worth", ascending=False, kind="stable").groupby(WHERE).head(1)
    chosen = ~alone[best.index]
    seconds = best["fit_seconds"] + best["search"].where(chosen).fillna(0)
    return best.assign(role="traditional", seconds=seconds, folds=best["folds"].where(chosen).fillna(0))


def _alone(classic: pd.DataFrame) -> pd.Series:
    """Which lines are of the one classic method of their family; of a family that no plan registers: of the field."""
    only = {family: methods[0] if len(methods) == 1 else "" for family, (methods, _) in plan.registered().items()}
    lonely = _field(classic[~classic["family"].isin(only)])
    lonely = lonely.loc[lonely["arms"] == 1, ["dataset", "task", "arm"]].assign(alone=True)
    other = classic.merge(lonely, on=["dataset", "task", "arm"], how="left")["alone"].notna()
    return other | (classic["base"] == classic["family"].map(only))


def _three(kind: pd.DataFrame) -> pd.DataFrame:
    """Of the lines of one net those of the three sizes that its family's plan registers; empty where one is absent."""
    _, nets = plan.registered().get(kind["family"].iloc[0], ((), ()))
    found = kind[kind["base"].isin([analyse.base(name, keywords) for name, keywords in nets])]
    return found if found["base"].nunique() == 3 else found.head(0)


def _often(kind: pd.DataFrame) -> pd.DataFrame:
    """Of the lines of one net those of its field, where that has three sizes."""
    found = kind.merge(_field(kind.drop_duplicates([*WHERE, "arm"]))[["dataset", "task", "arm"]])
    return found if found["arm"].nunique() >= 3 else kind


def _field(tried: pd.DataFrame) -> pd.DataFrame:
    """dataset, task, arm, and `arms`: how many there are beside it in the field."""
    places = tried.drop_duplicates(WHERE).groupby(["dataset", "task"]).size().rename("places").reset_index()
    each = tried.groupby(["dataset", "task", "arm"]).size().rename("at").reset_index().merge(places)
    field = each.loc[2 * each["at"] >= each["places"], ["dataset", "task", "arm"]]
    return field.assign(arms=field.groupby(["dataset", "task"])["arm"].transform("size"))


def _nets(nets: pd.DataFrame) -> pd.DataFrame:
    """The arms of the net that came in three sizes or more; of several such nets the one with most runs.

    The three that the plan of the curves registers, where all are there; else the smallest, the middle one and the
    largest of those that were run at half of the places or more.
    """
    found = []
    for _, some in nets.groupby(["dataset", "task"]):
        kinds = [kind for _, kind in some.groupby(["technique", "dtype", "threads"]) if kind["arm"].nunique() >= 3]
        if not kinds:
            continue
        kinds.sort(key=len, reverse=True)
        one = next((three for three in map(_three, kinds) if len(three)), None)
        one = _often(kinds[0]) if one is None else one
        arms = list(one.groupby("arm")["parameters"].max().sort_values().index)
        roles = dict(zip((arms[0], arms[len(arms) // 2], arms[-1]), ROLES[1:], strict=True))
        found.append(one[one["arm"].isin(roles)].assign(role=one["arm"].map(roles), seconds=one["fit_seconds"]))
    return pd.concat(found) if found else nets.assign(role="", seconds=np.nan).head(0)


def pooled(some: pd.DataFrame) -> tuple[tuple[str, ...], pd.DataFrame]:
    """The panel, and one line per role and size: interquartile mean of skill over it, `datasets`, `seeds`, intervals.

    low, high             95 % over seeds: would it repeat?
    wide_low, wide_high   95 % over seeds and datasets: would it hold elsewhere?
    The panel: the datasets that have all roles at every size of the widest stretch; empty below 8 of them.
    """
    datasets, sizes = _panel(some)
    found: list[dict[str, Any]] = []
    for size in sizes:
        scores = _stacked(some[some["dataset"].isin(datasets)], size, datasets)  # (roles, datasets, seeds)
        middle, low, high = stats.pooled_iqm(scores)
        _, wide_low, wide_high = stats.pooled_iqm(scores, resample_strata=True)
        if scores.shape[2] < 2:
            low = high = np.full(len(ROLES), np.nan)
        for k, role in enumerate(ROLES):
            line = {"role": role, "size": size, "datasets": len(datasets), "seeds": scores.shape[2], "iqm": middle[k]}
            line |= {"low": low[k], "high": high[k], "wide_low": wide_low[k], "wide_high": wide_high[k]}
            found.append(line)
    names = ["role", "size", "datasets", "seeds", "iqm", "low", "high", "wide_low", "wide_high"]
    return datasets, pd.DataFrame(found, columns=names)


def complete(some: pd.DataFrame, roles: Sequence[str] = ROLES) -> pd.DataFrame:
    """The lines of these roles at the datasets, sizes and seeds that have all of them: others cannot be compared."""
    some = some[some["role"].isin(roles)]
    return some[some.groupby(["dataset", "size", "seed"])["role"].transform("nunique") == len(roles)]


def _panel(some: pd.DataFrame) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """(datasets, sizes): the stretch of sizes with most points, at which at least 8 datasets have all four roles."""
    has: dict[Any, set[int]] = complete(some[some["skill"].notna()]).groupby("dataset")["size"].agg(set).to_dict()
    sizes = sorted(
        {size for one in has.values() for size in one if sum(size in other for other in has.values()) >= FEWEST}
    )
    best: tuple[int, tuple[str, ...], tuple[int, ...]] = (0, (), ())
    for i, j in combinations(range(len(sizes) + 1), 2):
        stretch = tuple(sizes[i:j])
        panel = tuple(sorted(name for name, own in has.items() if own.issuperset(stretch)))
        if len(panel) >= FEWEST and len(stretch) * len(panel) >= best[0]:
            best = (len(stretch) * len(panel), panel, stretch)
    return best[1], best[2]


def _stacked(some: pd.DataFrame, size: int, datasets: tuple[str, ...]) -> np.ndarray:
    """(roles, datasets, seeds) skill; as many seeds as every dataset has of every role."""
    wide = some[some["size"] == size].pivot_table(index=["dataset", "seed"], columns="role", values="skill")
    wide = wide.reindex(columns=list(ROLES)).dropna()
    seeds = int(wide.groupby(level="dataset").size().reindex(list(datasets)).fillna(0).min())
    first = wide.groupby(level="dataset").head(seeds)
    return np.stack([first.loc[name].to_numpy().T for name in datasets], axis=1)


def leads(some: pd.DataFrame, panel: tuple[str, ...], over: pd.DataFrame) -> pd.DataFrame:
    """Where a net overtakes the best classic method on the panel: first, second, size, low, high, sentence."""
    found = []
    sizes = sorted(over["size"].unique())
    here = some[some["dataset"].isin(panel)]
    for role in ROLES[1:] if len(sizes) > 1 else ():
        seeds = max(int(over["seeds"].max()), 1)
        losses = np.full((2, len(sizes), seeds), np.nan)
        for k, size in enumerate(sizes):
            skill = stats.iqm(_stacked(here, size, panel), axis=1)  # (roles, seeds)
            losses[0, k, : skill.shape[1]] = 1 - skill[0]
            losses[1, k, : skill.shape[1]] = 1 - skill[ROLES.index(role)]
        got = stats.crossover(np.array(sizes, float), losses[0], losses[1], least=SHARE)
        if got.tested and got.outcome == "crossover" and got.winner == "second":
            words = f"the {NAMES[role]} overtakes the best classic method at about {rounded(got.n)} examples"
            words += f" (95 %: {between(*got.interval)})" if not math.isnan(got.interval.low) else ""
            line = {
                "first": "traditional",
                "second": role,
                "size": got.n,
                "low": got.interval.low,
                "high": got.interval.high,
            }
            found.append(line | {"sentence": words})
    return pd.DataFrame(found, columns=["first", "second", "size", "low", "high", "sentence"])


def between(low: float, high: float) -> str:
    """An interval of a size; 0 or infinity stands for an end outside the sizes that were run.

    >>> between(87.3, float("inf"))
    '87 to beyond the sizes'
    """
    return f"{rounded(low) if low else 'below the sizes'} to {rounded(high) if high < math.inf else 'beyond the sizes'}"


def rounded(n: float) -> str:
    """A number of examples to two digits, as people say it.

    >>> rounded(1234.0), rounded(87.3)
    ('1,200', '87')
    """
    if not math.isfinite(n):
        return "?"
    digits = 10 ** max(0, math.floor(math.log10(max(n, 1))) - 1)
    return f"{round(n / digits) * digits:,}"

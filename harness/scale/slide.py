"""The four sentences of Ng's slide, judged by family of data.

A family's numbers are those of seeds that all have the same datasets and sizes: else a seed with seven datasets would
stand beside one with a single dataset, and their difference for noise.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from harness import plan, stats
from harness.scale.roles import EARLY, FAMILIES, ROLES, complete, rounded

FAR = {"language": 1_000_000, "else": 100_000}  # up to where a crossing must have been looked for, to say there is none
SENTENCES = (
    "Classic methods lead where data are few",
    "Nets gain more from data: their slope is steeper",
    "With most data the larger net is the better one",
    "There is a size at which the net overtakes",
)


def orderings(some: pd.DataFrame, crossed: pd.DataFrame) -> pd.DataFrame:
    """Verdict on each sentence of the slide, by family and over all: holds, fails, cannot tell, not measured."""
    families = [name for name in FAMILIES.values() if name in set(some["family"])]
    found = []
    for number, sentence in enumerate(SENTENCES, 1):
        judged = {
            family: _ordering(number, some[some["family"] == family], crossed[crossed["family"] == family])
            for family in families
        }
        counts = pd.Series([verdict for verdict, *_ in judged.values()], dtype=object).value_counts()
        said = ", ".join(
            f"{counts[verdict]} {verdict}" for verdict in ("holds", "fails", "cannot tell") if verdict in counts
        )
        known = counts.get("holds", 0) + counts.get("fails", 0) + counts.get("cannot tell", 0)
        whole = (
            "holds"
            if known and counts.get("holds", 0) >= 0.75 * known
            else "fails"
            if counts.get("fails", 0) > 0.25 * known
            else "cannot tell"
        )
        over_all = (whole if known else "not measured", f"families: {said or 'none'}", 0)
        for family, (verdict, evidence, datasets) in {"": over_all, **judged}.items():
            line = {"number": number, "sentence": sentence, "family": family, "verdict": verdict}
            found.append(line | {"evidence": evidence, "datasets": datasets})
    return pd.DataFrame(found, columns=["number", "sentence", "family", "verdict", "evidence", "datasets"])


def _ordering(number: int, some: pd.DataFrame, crossed: pd.DataFrame) -> tuple[str, str, int]:
    """(verdict, evidence, datasets that it rests on)"""
    if set(some["role"]) != set(ROLES):
        return "not measured", "a role is missing", 0
    if number == 1:
        until, unit = (EARLY * plan.TOKENS, "tokens") if some["family"].iloc[0] == "language" else (EARLY, "examples")
        early = _shared(some[some["size"] <= until], ROLES)
        wide = early.pivot_table(index="seed", columns="role", values="skill").reindex(columns=list(ROLES))
        what = f"skill, classic less large net, up to {until:,} {unit}, {_datasets(early)}"
        return *_judged(wide["traditional"] - wide["large"], what), early["dataset"].nunique()
    if number == 2:
        both = _shared(some[some["loss"] > 0], ("traditional", "large"), sizes=3)
        what = f"exponent of the loss, large net less classic, {_datasets(both)}"
        return *_judged(_slopes(both), what), both["dataset"].nunique()
    if number == 3:
        return _larger_is_better(some)
    pairs = crossed[(crossed["second"] == "large") & (crossed["first"] == "traditional")]
    over = pairs[(pairs["outcome"] == "crossover") & (pairs["winner"] == "second")]
    said = f"crossed on {len(over)} of {len(pairs)} datasets" + (
        f", median n {rounded(over['n'].median())}" if len(over) else ""
    )
    if not len(pairs):
        return "not measured", "no two sizes with two seeds", 0
    if len(over) >= len(pairs) / 2:
        return "holds", said, len(pairs)
    far = pairs["largest"] >= FAR.get(pairs["family"].iloc[0], FAR["else"])
    least, most = (rounded(size) for size in (pairs["largest"].min(), pairs["largest"].max()))
    said += f", looked for up to {least}" + (f" to {most}" if least != most else "")
    behind = (pairs["outcome"] == "first ahead") | ((pairs["outcome"] == "crossover") & (pairs["winner"] == "first"))
    fails = (far & behind).mean() > 0.5
    return "fails" if fails else "cannot tell", said, len(pairs)


def _shared(some: pd.DataFrame, roles: Sequence[str], sizes: int = 1) -> pd.DataFrame:
    """Of the lines of these roles those of the datasets and sizes that the same seeds, two or more, all have.

    As many datasets as can be (each at so many sizes at least), then as many sizes, then as many seeds.
    """
    some = complete(some, roles)
    places = some[["dataset", "size", "seed"]].drop_duplicates()
    best, kept = (0, 0, 0), places.head(0)
    for seeds in range(2, places["seed"].nunique() + 1):
        mine = places[places["seed"].isin(sorted(places["seed"].unique())[:seeds])]
        mine = mine[mine.groupby(["dataset", "size"])["seed"].transform("nunique") == seeds]
        mine = mine[mine.groupby("dataset")["size"].transform("nunique") >= sizes]
        worth = (mine["dataset"].nunique(), len(mine[["dataset", "size"]].drop_duplicates()), seeds)
        if len(mine) and worth > best:
            best, kept = worth, mine
    return some.merge(kept, on=["dataset", "size", "seed"])


def _datasets(some: pd.DataFrame) -> str:
    count = some["dataset"].nunique()
    return f"{count} dataset{'' if count == 1 else 's'}"


def _judged(differences: pd.Series, what: str) -> tuple[str, str]:
    """holds: by the paired t test over seeds it is above 0 (one-sided p of .025); fails: below."""
    values = differences.dropna().to_numpy()
    if len(values) < 2:
        return "not measured", f"{what}: {len(values)} seeds"
    got = stats.paired_t(values, np.zeros(len(values)))
    said = f"{what}: {got.mean:+.3f} ({got.low:+.3f} to {got.high:+.3f}, {len(values)} seeds)"
    return {1: "holds", -1: "fails", 0: "cannot tell"}[stats.surely(values, np.zeros(len(values)))], said


def _slopes(some: pd.DataFrame) -> pd.Series:
    """By seed: by how much the large net's loss falls faster, as a power of n, mean over the datasets."""
    found = {}
    for (dataset, seed), one in some.groupby(["dataset", "seed"]):
        wide = one.pivot_table(index="size", columns="role", values="loss")
        slope = {role: np.polyfit(np.log(wide.index), np.log(wide[role]), 1)[0] for role in wide}
        found[dataset, seed] = slope["traditional"] - slope["large"]
    by_seed = pd.Series(found, dtype=float)
    return by_seed.groupby(level=1).mean() if len(by_seed) else by_seed


def _larger_is_better(some: pd.DataFrame) -> tuple[str, str, int]:
    """Page's trend over small, medium, large: a block is a dataset and seed at the dataset's largest size.

    A trend can rise to the medium net and fall from there: the large one must beat it in most blocks too.
    """
    blocks, sizes = [], []
    for _, one in some[some["role"] != "traditional"].groupby("dataset"):
        wide = (
            one.pivot_table(index=["size", "seed"], columns="role", values="loss").reindex(columns=ROLES[1:]).dropna()
        )
        if len(wide):
            sizes.append(int(wide.index.get_level_values("size").max()))
            blocks.append(wide.loc[sizes[-1]].to_numpy())
    if not blocks:
        return "not measured", "no size with all three nets", 0
    better = -np.concatenate(blocks)  # (blocks, 3), higher is better
    p, reverse = stats.pages_trend(better).p, stats.pages_trend(-better).p
    at = f"{min(sizes):,}" if len(set(sizes)) == 1 else f"{min(sizes):,} to {max(sizes):,}"
    said = f"Page's trend over {len(better)} datasets and seeds, at n = {at}: p = {p:.2g}"
    beyond = int((better[:, 2] > better[:, 1]).sum())
    said += f"; the large net is ahead of the medium one in {beyond}"
    rises = p <= 0.05 and beyond > len(better) / 2
    return "holds" if rises else "fails" if reverse <= 0.05 else "cannot tell", said, len(sizes)

"""What would flatter every technique: a column that gives the answer away, rows that are on both sides of the split."""

from typing import Any

import numpy as np

from harness.split import generator

SAMPLE = 10_000  # rows on which columns are looked at
ALONE = 0.99  # accuracy, or R2, of one column alone from which it is told
STRAIGHT = 0.999  # |correlation| with the number asked for
TWICE = 0.05  # share of test rows that are among the training rows, from which it is a warning
COUNT = 5  # and how many these are at least


def columns(x: np.ndarray, y: np.ndarray, classes: int, levels: tuple[int, ...], names: tuple[str, ...]) -> list[str]:
    """Warnings about columns of x (n, p) that tell y almost alone: every row is told by the row that is next to it.

    A row's guess is the majority (mean) of the other rows with its value in that column, else of the rows with the
    nearest value. Classes: an accuracy of .99 and halfway from the largest class to 1; numbers: R2 .99, or |r| .999.
    """
    told = []
    for place, name in enumerate(names):
        category = bool(levels and levels[place])
        value = of_classes(x[:, place], y, classes, category) if classes else of_number(x[:, place], y)
        most = np.bincount(y).max() / len(y) if classes else 0.0
        straight = not classes and _straight(x[:, place], y)
        if value >= max(ALONE, (1 + most) / 2 if classes else 0) or straight:
            score = f"{'accuracy' if classes else 'R2'} {value:.3f}"
            told.append(
                f"{name} alone tells the target ({score} on rows held out): if it is known only afterwards, "
                f"--drop {name}"
            )
    return told


def of_classes(column: np.ndarray, y: np.ndarray, classes: int, category: bool) -> float:
    """Leave-one-out accuracy of the majority among equal values; of a value that is there once, of its neighbour.

    A tie is no majority, and a category that is there once is told by the whole column's majority.
    """
    values, place, there = np.unique(column, return_inverse=True, return_counts=True)
    pairs, counts = np.unique(place * classes + y, return_counts=True)
    of_value, of_class = pairs // classes, pairs % classes
    best = np.lexsort((-counts, of_value))  # per value, the most frequent class first
    first = np.append(True, np.diff(of_value[best]) > 0)
    majority, most = of_class[best][first], counts[best][first]
    next_ = np.flatnonzero(first) + 1
    several = next_ < np.append(np.flatnonzero(first)[1:], len(best))
    second = np.where(several, counts[best][np.minimum(next_, len(best) - 1)], 0)
    hits = float(most[most - 1 > second].sum())
    alone = np.flatnonzero(there == 1)
    if len(alone):
        truth = majority[alone]
        if category or len(values) == 1:
            hits += float((truth == np.bincount(y).argmax()).sum())
        else:
            hits += float((truth == majority[_neighbour(values, alone)]).sum())
    return hits / len(y)


def _neighbour(values: np.ndarray, alone: np.ndarray) -> np.ndarray:
    before, after = np.maximum(alone - 1, 0), np.minimum(alone + 1, len(values) - 1)
    below = np.where(alone > 0, values[alone] - values[before], np.inf)
    above = np.where(alone < len(values) - 1, values[after] - values[alone], np.inf)
    return np.where(np.nan_to_num(above, nan=np.inf) < np.nan_to_num(below, nan=np.inf), after, before)


def of_number(column: np.ndarray, y: np.ndarray) -> float:
    """Leave-one-out R2 of the mean among equal values; of one that is there once, of a line between its neighbours."""
    values, place, there = np.unique(column, return_inverse=True, return_counts=True)
    total = np.bincount(place, weights=y)
    others = (total[place] - y) / np.maximum(there[place] - 1, 1)
    means = total / there
    single = np.flatnonzero(there[place] == 1)
    if len(values) > 1:
        before, after = np.maximum(place[single] - 1, 0), np.minimum(place[single] + 1, len(values) - 1)
        before, after = (
            np.where(before == place[single], after, before),
            np.where(after == place[single], before, after),
        )
        gap = values[after] - values[before]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.nan_to_num((column[single] - values[before]) / gap, nan=0.0, posinf=0.0, neginf=0.0)
        others[single] = means[before] + share.clip(0, 1) * (means[after] - means[before])
    rest = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - others) ** 2).sum()) / rest if rest else 0.0


def _straight(column: np.ndarray, y: np.ndarray) -> bool:
    there = ~np.isnan(column)
    x, y = column[there].astype(np.float64), y[there]
    if len(x) < 3 or x.std() == 0 or y.std() == 0:
        return False
    return abs(float(np.corrcoef(x, y)[0, 1])) >= STRAIGHT


# ---------------------------------------------------------------------------------------------------------------- rows


def hashes(rows: np.ndarray) -> np.ndarray:
    """(n,) uint64: equal for equal rows, of any shape; of others by chance once in 2^64."""
    if rows.dtype.kind == "T":
        return np.array([hash(text) for text in rows.tolist()], dtype=np.int64).view(np.uint64)
    flat = rows.reshape(len(rows), -1)
    if flat.dtype.kind == "f":
        flat = np.where(np.isnan(flat), np.float32(np.nan), flat + np.float32(0))  # one NaN, one zero
        flat = flat.view(f"u{flat.dtype.itemsize}")
    factors = generator("row hashes", 0).integers(1, 1 << 63, flat.shape[1], dtype=np.uint64) * np.uint64(
        2
    ) + np.uint64(1)
    bits = mixed(flat.astype(np.uint64))
    return mixed((bits * factors).sum(axis=1, dtype=np.uint64))


def mixed(bits: np.ndarray) -> np.ndarray:
    """Bits that depend on all those below them: a step of splitmix64's finaliser (Steele, Lea, Flood 2014)."""
    bits = bits * np.uint64(0x9E3779B97F4A7C15)
    return bits ^ (bits >> np.uint64(32))


def on_both_sides(train: np.ndarray, test: np.ndarray) -> int:
    """How many test rows have an equal among the training rows, by their hashes."""
    ordered = np.sort(train)  # by far faster than np.isin
    place = np.searchsorted(ordered, test).clip(0, max(0, len(ordered) - 1))
    return int((ordered[place] == test).sum()) if len(ordered) else 0


def sides(train: np.ndarray, test: np.ndarray) -> tuple[list[str], list[str]]:
    """(told, warnings) about test rows that are training rows too."""
    count = on_both_sides(train, test)
    if not count:
        return [], []
    share = f"{count:,} of {len(test):,} test rows ({count / len(test):.1%})"
    sentence = f"{share} are equal to a training row in every column that is learnt from"
    return ([], [sentence]) if count >= COUNT and count >= TWICE * len(test) else ([sentence], [])


def sample(n: int) -> Any:
    """Rows on which columns are looked at."""
    return slice(None) if n <= SAMPLE else np.sort(generator("leaks", 0).choice(n, SAMPLE, replace=False))

"""Which rows train, validate and test: nested subsets, five folds, and the checks that come before.

A seed moves fold and subset together, and each purpose draws from a generator of its own, so that all techniques with
one seed share their rows. Pure functions over NumPy arrays.
"""

import zlib
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from harness.contract import BadData, Data, Examples

FOLDS = 5
CHUNK = 1 << 16  # rows that are checked at once
MANY = 50  # with more classes than this a subset of useful size cannot hold them all: plain permutation


class Parts(NamedTuple):
    """The rows of one cell as (x, y) pairs, each an array of its own: none is a view that would show other rows."""

    train: Examples
    valid: tuple[np.ndarray, np.ndarray] | None
    test: tuple[np.ndarray, np.ndarray]


class Drawn(NamedTuple):
    """Row numbers of one cell. test: None where the dataset brings a test part."""

    learn: np.ndarray
    hold: np.ndarray
    test: np.ndarray | None


def generator(purpose: str, seed: int) -> np.random.Generator:
    """Random numbers for one purpose: equal seeds of two purposes share nothing."""
    return np.random.default_rng([zlib.crc32(purpose.encode()), seed])


def order(y: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """All rows in the order in which growing subsets take them: size n takes the first n.

    y  (n,) labels. With 2 to 50 classes every prefix holds each class in proportion, to within a few rows: the i-th row
    of a class of n_c rows gets the key (i + u) / n_c with u uniform in [0, 1).
    """
    rng = generator("subset", seed)
    shuffled = rng.permutation(len(y))
    if not 2 <= classes <= MANY:
        return shuffled
    y = y.astype(np.uint8)  # MANY fits, and a byte is sorted by counting
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    counts = np.bincount(y, minlength=classes)
    rank = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    keys = (rank + rng.random(len(y))) / np.repeat(counts, counts)
    return by_class[np.argsort(keys)]


def folds(y: np.ndarray, classes: int, seed: int, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(training rows, test rows) of seed s: fold s % 5 of repeat s // 5, each class spread evenly over the folds.

    groups  (n,) or None: rows of one group are in one fold; each group goes to the fold with fewest rows, large first
    """
    rng = generator("folds", seed // FOLDS)
    if groups is not None:
        held_out = _dealt(groups, rng) == seed % FOLDS
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)
    rows = rng.permutation(len(y))
    if classes:
        rows = rows[np.argsort(y[rows], kind="stable")]
    held_out = np.arange(len(y)) % FOLDS == seed % FOLDS
    return np.sort(rows[~held_out]), np.sort(rows[held_out])


def _dealt(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The fold of each row, whole groups together. Groups of equal size are dealt in random order."""
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shuffled = rng.permutation(len(sizes))
    fold, filled = np.empty(len(sizes), dtype=np.int64), [0] * FOLDS
    for one in shuffled[np.argsort(-sizes[shuffled], kind="stable")].tolist():
        fold[one] = least = filled.index(min(filled))
        filled[least] += int(sizes[one])
    return fold[group]


def drawn(data: Data, size: int, seed: int, validation: float = 0.0) -> Drawn:
    """`size` rows to learn from, nested in size, and the share `validation` of them held out of learning.

    Groups are never divided, so that a held-out part may have a few rows more or less than its share; of ordered rows
    the latest are held out. Raises BadData where `size` rows cannot be had.
    """
    if not 0 <= validation < 1:
        raise ValueError(f"validation is {validation}: a share of the training rows is right, from 0 to below 1")
    classes = data.classes if data.y is not None and data.y.ndim == 1 and data.y.dtype.kind in "biuf" else 0
    strata = data.y if classes else np.zeros(len(data.x), dtype=np.uint8)
    test = None
    if data.protocol == "folds":
        rows, test = folds(strata, classes, seed, data.groups)
    else:
        if data.test_x is None:
            raise BadData(f"protocol {data.protocol!r} asks for test rows, and there are none")
        rows = np.arange(len(strata))
    if size < 2:
        raise BadData(f"{size:,} training rows were asked for: it takes at least 2")
    if size > len(rows):
        raise BadData(f"has {len(rows):,} training rows, {size:,} were asked for")
    if data.protocol != "generated":  # generated rows are independent draws: the first n are a subset as good as any
        rows = rows[order(strata[rows], classes, seed)]
    learn, hold = _held(data, rows[:size], validation, seed)
    if len(learn) < 2:
        raise BadData(f"{size} training rows less {len(hold)} for validation leave {len(learn)}: it takes at least 2")
    return Drawn(learn, hold, test)


def _held(data: Data, rows: np.ndarray, validation: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    held = max(1, round(validation * len(rows))) if validation else 0
    if data.ordered:
        rows = np.sort(rows)
    elif data.groups is not None and held:
        of_group = np.unique(data.groups[rows], return_inverse=True)[1]
        counts = np.bincount(of_group)
        shuffled = generator("validation groups", seed).permutation(len(counts))
        out = np.zeros(len(counts), dtype=bool)
        out[shuffled[: 1 + np.searchsorted(np.cumsum(counts[shuffled]), held)]] = True
        return rows[~out[of_group]], rows[out[of_group]]
    return rows[: len(rows) - held], rows[len(rows) - held :]


def stretch(data: Data, size: int, seed: int, validation: float = 0.0) -> tuple[np.ndarray, np.ndarray | None]:
    """`size` rows of running text or of a series that follow each other, and their last part where validation > 0.

    Of tokens: from a place that the seed chooses (seed 0: the beginning), on from the beginning after the end, so that
    sizes are nested. Of ordered rows: the latest. Raises BadData where `size` rows cannot be had.
    """
    if not 0 <= validation < 1:
        raise ValueError(f"validation is {validation}: a share of the training rows is right, from 0 to below 1")
    if not 2 <= size <= len(data.x):
        raise BadData(f"has 2 to {len(data.x):,} training rows, {size:,} were asked for")
    if data.ordered:
        rows = data.x[len(data.x) - size :]
    else:
        start = int(generator("stretch", seed).integers(len(data.x))) if seed and data.protocol != "generated" else 0
        rows = np.concatenate([data.x[start : start + size], data.x[: max(0, start + size - len(data.x))]])
    held = max(1, round(validation * size)) if validation else 0
    if size - held < 2:
        raise BadData(f"{size} training rows less {held} for validation leave {size - held}: it takes at least 2")
    return np.array(rows[: size - held]), np.array(rows[size - held :]) if held else None


def parts(data: Data, size: int, seed: int, validation: float) -> Parts:
    """The checked rows of one cell: `size` rows to learn from, some of them held out where validation > 0.

    Only the rows taken are read, so that a file larger than the memory can be posed at a size that is not.
    Raises BadData where the values are not what the contract says, or `size` rows cannot be had.
    """
    x, y = np.asarray(data.x), np.asarray(data.y)
    _check_shapes(x, y, "training")
    if data.levels and len(data.levels) != x.shape[1]:
        raise BadData(f"levels names {len(data.levels)} columns, the rows have {x.shape[1]}")
    if data.classes:
        y = _classes(y, data.classes, "training", np.arange(len(y)))
    learn, hold, out = drawn(replace(data, x=x, y=y), size, seed, validation)
    if out is not None:
        test = _taken(x, y, data.classes, "test", out)
    else:
        test_x, test_y = np.asarray(data.test_x), np.asarray(data.test_y)
        _check_shapes(test_x, test_y, "test")
        if test_x.shape[1:] != x.shape[1:]:
            raise BadData(f"a test row has shape {test_x.shape[1:]}, a training row {x.shape[1:]}: they must agree")
        test = _taken(test_x, test_y, data.classes, "test", None)
    train = Examples(*_taken(x, y, data.classes, "training", learn), data.classes, data.levels)
    return Parts(train, _taken(x, y, data.classes, "training", hold) if len(hold) else None, test)


def _check_shapes(x: np.ndarray, y: np.ndarray, part: str) -> None:
    for name, values, kinds in (("features", x, "biufT"), ("labels", y, "biuf")):
        if values.dtype.kind not in kinds:
            raise BadData(f"{part} {name} have type {values.dtype}: numbers are right, categories coded 0 ... k - 1")
    if (x.ndim < 2) != (x.dtype.kind == "T") or y.ndim != 1 or len(x) != len(y):
        raise BadData(f"{part} features have shape {x.shape} and labels {y.shape}: (n, ...) and (n,) are asked for")


def _taken(
    x: np.ndarray, y: np.ndarray, classes: int, part: str, rows: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """These rows (None: all, as they are) in the contract's types. Raises BadData with what was wrong, and where."""
    if rows is None:
        rows = np.arange(len(x))
    else:
        x, y = x[rows], y[rows]  # indexing with rows copies, so nothing is a view
    return _features(x, part, rows), _classes(y, classes, part, rows) if classes else _numbers(y, part, rows)


def _features(x: np.ndarray, part: str, rows: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "T" or (x.dtype in (np.uint8, np.int16) and (x.ndim > 2 or x.dtype == np.int16)):
        return x  # text, pictures and sound as they are
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is told below
        x = x.astype(np.float32, copy=False)
    for start in range(0, len(x), CHUNK):
        infinite = np.isinf(x[start : start + CHUNK])
        if infinite.any():
            row, *column = (int(i) for i in np.argwhere(infinite)[0])
            where = column[0] if len(column) == 1 else tuple(column)
            raise BadData(
                f"{part} row {rows[start + row]}, column {where} is infinite in float32: "
                "a number or NaN (missing) is right"
            )
    return x


def _numbers(y: np.ndarray, part: str, rows: np.ndarray) -> np.ndarray:
    y = y.astype(np.float64, copy=False)
    wrong = ~np.isfinite(y)
    if wrong.any():
        row = int(wrong.argmax())
        raise BadData(f"{part} label of row {rows[row]} is {y[row]}: a finite number is right")
    return y


def _classes(y: np.ndarray, classes: int, part: str, rows: np.ndarray) -> np.ndarray:
    wrong = ~((y >= 0) & (y < classes) & (y == np.floor(y)))  # so written that NaN is wrong too
    if wrong.any():
        row = int(wrong.argmax())
        raise BadData(f"{part} label of row {rows[row]} is {y[row]}: a class number from 0 to {classes - 1} is right")
    return y.astype(np.int64, copy=False)

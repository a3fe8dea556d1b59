"""Which rows train, validate and test: nested subsets, five folds, and the checks that come before.

A seed moves fold and subset together, and each purpose draws from a generator of its own, so that all techniques with
one seed share their rows. Pure functions over NumPy arrays.
"""

import zlib
from typing import Any, NamedTuple

import numpy as np

from harness.contract import BadData, Data, Examples

FOLDS = 5
MANY = 50  # with more classes than this a subset of useful size cannot hold them all: plain permutation


class Parts(NamedTuple):
    """The rows of one cell as (x, y) pairs, each an array of its own: none is a view that would show other rows."""

    train: Examples
    valid: tuple[np.ndarray, np.ndarray] | None
    test: tuple[np.ndarray, np.ndarray]


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
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    counts = np.bincount(y, minlength=classes)
    rank = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    keys = (rank + rng.random(len(y))) / np.repeat(counts, counts)
    return by_class[np.argsort(keys)]


def folds(y: np.ndarray, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(training rows, test rows) of seed s: fold s % 5 of repeat s // 5, each class spread evenly over the folds."""
    rows = generator("folds", seed // FOLDS).permutation(len(y))
    if classes:
        rows = rows[np.argsort(y[rows], kind="stable")]
    held_out = np.arange(len(y)) % FOLDS == seed % FOLDS
    return np.sort(rows[~held_out]), np.sort(rows[held_out])


def parts(data: Data, size: int, seed: int, validation: float) -> Parts:
    """The checked rows of one cell: `size` rows to learn from, the last part of them held out where validation > 0.

    Raises BadData where the values are not what the contract says, or `size` rows cannot be had.
    """
    if not 0 <= validation < 1:
        raise ValueError(f"validation is {validation}: a share of the training rows is right, from 0 to below 1")
    x, y = checked(data.x, data.y, data.classes, "training")
    if data.levels and len(data.levels) != x.shape[1]:
        raise BadData(f"levels names {len(data.levels)} columns, the rows have {x.shape[1]}")
    if data.protocol == "folds":
        rows, out = folds(y, data.classes, seed)
        test = x[out], y[out]
    else:
        if data.test_x is None or data.test_y is None:
            raise BadData(f"protocol {data.protocol!r} asks for test rows, and there are none")
        rows, test = np.arange(len(y)), checked(data.test_x, data.test_y, data.classes, "test")
        if test[0].shape[1:] != x.shape[1:]:
            raise BadData(f"a test row has shape {test[0].shape[1:]}, a training row {x.shape[1:]}: they must agree")
    if size < 2:
        raise BadData(f"{size:,} training rows were asked for: it takes at least 2")
    if size > len(rows):
        raise BadData(f"has {len(rows):,} training rows, {size:,} were asked for")
    if data.protocol != "generated":  # generated rows are independent draws: the first n are a subset as good as any
        rows = rows[order(y[rows], data.classes, seed)]
    held = max(1, round(validation * size)) if validation else 0
    if size - held < 2:
        raise BadData(f"{size} training rows less {held} for validation leave {size - held}: it takes at least 2")
    learn, hold = rows[: size - held], rows[size - held : size]  # indexing with rows copies, so nothing is a view
    train = Examples(x[learn], y[learn], data.classes, data.levels)
    return Parts(train, (x[hold], y[hold]) if held else None, test)


def checked(x: Any, y: Any, classes: int, part: str) -> tuple[np.ndarray, np.ndarray]:
    """x and y in the contract's types. Raises BadData with what was wrong, where, and what would be right."""
    x, y = np.asarray(x), np.asarray(y)
    for name, values in (("features", x), ("labels", y)):
        if values.dtype.kind not in "biuf":
            raise BadData(f"{part} {name} have type {values.dtype}: numbers are right, categories coded 0 ... k - 1")
    if x.ndim < 2 or y.ndim != 1 or len(x) != len(y):
        raise BadData(f"{part} features have shape {x.shape} and labels {y.shape}: (n, ...) and (n,) are asked for")
    return _features(x, part), (_classes(y, classes, part) if classes else _numbers(y, part))


def _features(x: np.ndarray, part: str) -> np.ndarray:
    if x.dtype == np.uint8 and x.ndim > 2:
        return x
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is told below
        x = x.astype(np.float32, copy=False)
    infinite = np.isinf(x)
    if infinite.any():
        row, *column = (int(i) for i in np.argwhere(infinite)[0])
        where = column[0] if len(column) == 1 else tuple(column)
        raise BadData(f"{part} row {row}, column {where} is infinite in float32: a number or NaN (missing) is right")
    return x


def _numbers(y: np.ndarray, part: str) -> np.ndarray:
    y = y.astype(np.float64, copy=False)
    wrong = ~np.isfinite(y)
    if wrong.any():
        row = int(wrong.argmax())
        raise BadData(f"{part} label of row {row} is {y[row]}: a finite number is right")
    return y


def _classes(y: np.ndarray, classes: int, part: str) -> np.ndarray:
    wrong = ~((y >= 0) & (y < classes) & (y == np.floor(y)))  # so written that NaN is wrong too
    if wrong.any():
        row = int(wrong.argmax())
        raise BadData(f"{part} label of row {row} is {y[row]}: a class number from 0 to {classes - 1} is right")
    return y.astype(np.int64, copy=False)

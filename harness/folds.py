"""Five folds inside the training rows of one cell: which fifth of them is held out to choose by.

Fold 0 is the fifth that `split` holds out by itself; this file deals the others. It lies apart from `split`, which
techniques and tasks rest on: the rows of one hold-out stay what they are.
"""

from dataclasses import replace

import numpy as np

from harness.contract import BadData, Data, Unsupported
from harness.split import FOLDS, drawn, generator


def turned(data: Data, size: int, seed: int, fold: int, share: float) -> tuple[Data, int, float]:
    """(the data with a cell's rows in front, those of fold 1 to 4 last; how many; the share that the fold is).

    The folds together, fold 0 among them, hold out every row once; whole groups, so that parts may differ in size, and
    with fewer than five groups one serves twice. Of rows in time nothing is learned from later ones: fold k is without
    the latest k tenths, and holds out the fifth that comes last then (rolling origin, Tashman 2000), so that folds
    overlap and the earliest rows are never held out. Raises BadData as `split.drawn` does, and of a single group;
    Unsupported where one class is left to learn from.
    """
    if not 0 < fold < FOLDS:
        raise ValueError(f"fold is {fold}: 1 to {FOLDS - 1} is right, fold 0 is held out without turning")
    learn, _, test = drawn(data, size, seed)
    if data.ordered:
        learn = learn[: round(size * (1 - fold * share / 2))]
        held = np.arange(len(learn)) >= len(learn) - max(1, round(share * len(learn)))
    else:
        held = _held(None if data.groups is None else data.groups[learn], size, seed, fold, share)
    rows = np.concatenate([learn[~held], learn[held]])
    x, y = np.asarray(data.x), np.asarray(data.y)
    if data.classes and len(np.unique(y[learn[~held]])) < 2 <= len(np.unique(y[learn])):
        raise Unsupported(f"without fold {fold} the {size} training rows are of one class")
    made = replace(data, x=x[rows], y=y[rows], groups=None, ordered=False, protocol="generated")
    if test is not None:
        made = replace(made, test_x=x[test], test_y=y[test])
    return made, len(rows), float(held.mean())


def _held(groups: np.ndarray | None, size: int, seed: int, fold: int, share: float) -> np.ndarray:
    """Which rows a fold holds out, (size,) bool. What fold 0 leaves is dealt to the other four.

    groups  (size,) or None: each row is one of its own, and fold 0 has the last ones
    """
    first = max(1, round(share * size))
    if groups is None:
        unit, rest = np.arange(size), np.arange(size - first)
    else:
        unit = np.unique(groups, return_inverse=True)[1]
        counts = np.bincount(unit)
        shuffled = generator("validation groups", seed).permutation(len(counts))
        rest = shuffled[1 + np.searchsorted(np.cumsum(counts[shuffled]), first) :]
    part = np.array_split(rest, FOLDS - 1)[fold - 1]
    if not len(rest):
        raise BadData(f"{size} training rows are of one group: of five folds each would hold out all, or none")
    return np.isin(unit, part if len(part) else rest[-1:])  # with fewer than five units the last one serves again

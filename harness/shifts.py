"""Level shifts in a series: where its values begin to come from elsewhere. E-divisive means with a t-test.

Matteson & James, A nonparametric approach for multiple change point analysis of multivariate data, JASA 109(505),
2014, with what Fleming et al., Hunter: using change point detection to hunt for performance regressions, ICPE 2023,
changed: Student's t in place of permutations, and a first pass with a larger p whose weak finds are dropped afterwards.
Unlike theirs, the whole series is looked at and no window slides over it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr

P = 0.001  # of a shift that stands
WEAK = 10 * P  # of one that is followed up: a shift up and one down hide each other from a strict first pass
MOST = 2_000  # points at a time: their distances from each other are all held
AFTER = 3  # points on each side of a shift, at least


class Shift(NamedTuple):
    """A shift at `at`, the first point of the new level. before, after: means of the levels on either side."""

    at: int
    before: float
    after: float
    p: float


def shifts(values: Sequence[float] | np.ndarray, least: float) -> list[Shift]:
    """The level shifts of (n,) finite values, of at least `least` in the values' own unit, in order."""
    x = np.asarray(values, float)
    if len(x) > MOST:
        raise ValueError(f"{len(x):,} points: at most {MOST:,} can be looked at together")
    if x.ndim != 1 or not np.isfinite(x).all():
        raise ValueError("a series is one row of finite numbers")
    found = _split(x, 0, len(x))
    while found:
        edges = [0, *found, len(x)]
        told = [_shift(x, *edges[k : k + 3]) for k in range(len(found))]
        weak = [s.p if abs(s.after - s.before) >= least else 2.0 for s in told]
        worst = int(np.argmax(weak))
        if weak[worst] <= P:
            return told
        del found[worst]
    return []


def _split(x: np.ndarray, start: int, end: int) -> list[int]:
    """Indices of the splits of x[start:end], weak ones too.

    Fewer than AFTER points that stand apart at an end are left aside: they may be the first of a new level, or chance.
    """
    while end - start >= 2 * AFTER and np.ptp(x[start:end]) > 0:
        at = start + _best(x[start:end])
        if at - start >= AFTER and end - at >= AFTER:
            break
        start, end = (at, end) if at - start < AFTER else (start, at)
    else:
        return []
    if _shift(x, start, at, end).p > WEAK:
        return []
    return [*_split(x, start, at), at, *_split(x, at, end)]


def _best(x: np.ndarray) -> int:
    """Where the energy distance between what lies before and what lies after is largest."""
    n = len(x)
    apart = np.abs(x[:, None] - x)  # (n, n)
    whole = np.cumsum(np.cumsum(apart, axis=0), axis=1)
    before = np.arange(1, n)
    after = n - before
    first = whole[before - 1, before - 1] / 2  # sums over pairs within x[:k]
    cross = whole[before - 1, -1] - whole[before - 1, before - 1]
    last = whole[-1, -1] / 2 - first - cross
    pairs = [np.maximum(count * (count - 1) / 2, 1) for count in (before, after)]  # a point alone has none: 0 / 1
    q = 2 * cross / (before * after) - first / pairs[0] - last / pairs[1]
    return int(before[np.argmax(before * after / n * q)])


def _shift(x: np.ndarray, start: int, at: int, end: int) -> Shift:
    """The shift at `at` between x[start:at] and x[at:end], with the p of Student's t, two-sided."""
    a, b = x[start:at], x[at:end]
    free = len(a) + len(b) - 2
    pooled = (a.var() * len(a) + b.var() * len(b)) / free
    error = (pooled * (1 / len(a) + 1 / len(b))) ** 0.5
    gap = b.mean() - a.mean()
    if error <= 1e-12 * max(abs(gap), abs(a.mean())):
        p = 0.0 if abs(gap) > 1e-12 * abs(a.mean()) else 1.0
    else:
        p = float(2 * stdtr(free, -abs(gap) / error))
    return Shift(at, float(a.mean()), float(b.mean()), p)

"""Learning-curve models: the error as a falling function of the number of examples, for a short look ahead.

Fitted curves stand beside measured points, never instead of them, and their floors mean nothing: on LCDB 1.1 (Yan et
al. 2025) six sizes tell the error at four times the data to about half a point, and less and less beyond.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri  # the normal's inverse distribution function

FEWEST = 5  # sizes: a model has four parameters, and one size is held back to judge it by
AHEAD = 4  # times the largest size: no fit may be asked for more
MISS = 2.0  # points: a fit that misses the largest size by more is not drawn
STARTS = 24  # values tried of each of the two shape parameters
ROUNDS, NEAR, WIDE = 10, 7, 2.0  # rounds of 7 x 7 values about the best, 2 of the last steps to either side
SLACK = 1e-9  # relative: what a size made with logarithms may be off

# The falling shapes that a model scales by a and lifts by c: shape(n, b, d).
SHAPES: dict[str, Callable[..., np.ndarray]] = {
    "pow4": lambda n, b, d: (n + d) ** -b,
    "mmf4": lambda n, b, d: 1 / (1 + (n / d) ** b),  # Morgan, Mercer and Flodin 1975, in other letters
    "pow3": lambda n, b, d: n**-b,
}
# Ranges of b, and of d as multiples of the smallest size.
RANGES = {
    "pow4": ((0.02, 3.0), (1e-2, 1e3)),
    "mmf4": ((0.1, 4.0), (1e-3, 1e3)),
    "pow3": ((0.02, 3.0), (1.0, 1.0)),
}


class Fit(NamedTuple):
    """A fitted curve: error(n) = c + a shape(n, b, d), with a and c at least 0."""

    model: str  # "pow4": (n + d)^-b; "mmf4": 1 / (1 + (n / d)^b); "pow3": n^-b
    parameters: dict[str, float]  # a, b, c, d
    smallest: float  # of the sizes fitted
    largest: float
    residual: float  # points (hundredths): root mean square of fit less error
    miss: float  # points: how far a fit without the largest size is off there
    monotone: bool  # no significant rise anywhere
    drawn: bool  # may be shown: monotone, and the miss is small

    def predict(self, n: float | Sequence[float] | np.ndarray) -> np.ndarray:
        """The error at n examples, in n's shape; ValueError below the smallest size and beyond 4 times the largest."""
        n = np.asarray(n, dtype=float)
        if not ((n >= self.smallest * (1 - SLACK)) & (n <= AHEAD * self.largest * (1 + SLACK))).all():
            raise ValueError(f"this fit holds from {self.smallest:g} to {AHEAD * self.largest:g} examples, not at {n}")
        return _error(self.model, n, **self.parameters)


def fit(
    sizes: Sequence[float] | np.ndarray, errors: Sequence[float] | np.ndarray, se: Sequence[float] | np.ndarray
) -> Fit | None:
    """The first of pow4, mmf4 and pow3 that foretells the largest size from the others to 2 points; else pow4, undrawn.

    sizes    (k,) rising; errors (k,) means, as fractions; se (k,) their standard errors, NaN where unknown
    returns  None for fewer than 5 sizes, or an error below 0, which these models cannot give

    Least squares, each size weighted with 1 / se^2; an se below a fifth of the median one counts as a fifth, for three
    equal scores are no proof. pow4 and mmf4 were the best of 16 models at foretelling the last size of LCDB 1.0 from
    few (Mohr et al. 2022), pow3 next.
    """
    sizes, errors, se = _checked(sizes, errors, se)
    if len(sizes) < FEWEST or (errors < 0).any():
        return None
    known = se[np.isfinite(se) & (se > 0)]
    typical = float(np.median(known)) if len(known) else 1.0
    weights = (typical / np.maximum(np.where(np.isfinite(se), se, typical), typical / 5)) ** 2
    misses = {}
    for model in SHAPES:
        held = _fitted(model, sizes[:-1], errors[:-1], weights[:-1])
        misses[model] = 100 * abs(float(_error(model, sizes[-1], **held)) - float(errors[-1]))
    chosen = next((model for model, miss in misses.items() if miss <= MISS), "pow4")
    parameters = _fitted(chosen, sizes, errors, weights)
    residual = 100 * float(np.sqrt(np.mean((_error(chosen, sizes, **parameters) - errors) ** 2)))
    falls = monotone(sizes, errors, se)
    drawn = falls and misses[chosen] <= MISS
    return Fit(chosen, parameters, float(sizes[0]), float(sizes[-1]), residual, misses[chosen], falls, drawn)


def foretold(sizes: np.ndarray, errors: np.ndarray, at: np.ndarray) -> np.ndarray:
    """What c + a n^-b through (sizes, errors), three at least, says at larger sizes. A guess: no interval, no limit."""
    sizes, errors, _ = _checked(sizes, errors, np.ones(len(sizes)))
    if len(sizes) < 3:
        raise ValueError(f"three sizes tell a power law with a floor, {len(sizes)} do not")
    return _error("pow3", np.asarray(at, float), **_fitted("pow3", sizes, errors, np.ones(len(sizes))))


def monotone(
    sizes: Sequence[float] | np.ndarray, errors: Sequence[float] | np.ndarray, se: Sequence[float] | np.ndarray
) -> bool:
    """False where the error at some size is significantly above that at a smaller one: 5 % over all pairs of sizes."""
    sizes, errors, se = _checked(sizes, errors, se)
    one, later = np.triu_indices(len(sizes), 1)
    if not len(one):
        return True
    rise, error = errors[later] - errors[one], np.hypot(se[one], se[later])  # an unknown se: NaN, never significant
    return not (rise > np.maximum(-ndtri(0.05 / len(one)) * error, 1e-12)).any()


def _checked(*rows: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sizes, errors, se = (np.asarray(row, dtype=float) for row in rows)
    if sizes.ndim != 1 or not sizes.shape == errors.shape == se.shape or not np.isfinite([sizes, errors]).all():
        raise ValueError(f"sizes, errors and se must be rows of one length, got {sizes.shape, errors.shape, se.shape}")
    if (sizes <= 0).any() or (np.diff(sizes) <= 0).any():
        raise ValueError(f"sizes must rise from above 0, got {sizes}")
    return sizes, errors, se


def _error(model: str, n: np.ndarray | float, a: float, b: float, c: float, d: float) -> np.ndarray:
    return c + a * SHAPES[model](n, b, d)


def _fitted(model: str, n: np.ndarray, y: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Least squares over a grid of the shape parameters, b and d, refined about its best; a and c follow from them."""
    ranges = np.log([RANGES[model][0], np.array(RANGES[model][1]) * n[0]])  # (2, 2): of log b and log d
    low, high, count = ranges[:, 0], ranges[:, 1], STARTS
    for _ in range(1 + ROUNDS):
        step = (high - low) / (count - 1)
        b, d = np.exp(np.meshgrid(*np.linspace(low, high, count, axis=1), indexing="ij")).reshape(2, -1, 1)
        a, c, loss = _lines(SHAPES[model](n, b, d), y, weights)
        best = loss.argmin()
        found = {"a": float(a[best]), "b": float(b[best, 0]), "c": float(c[best]), "d": float(d[best, 0])}
        centre = np.log([found["b"], found["d"]])
        low, high = np.maximum(centre - WIDE * step, ranges[:, 0]), np.minimum(centre + WIDE * step, ranges[:, 1])
        count = NEAR
    return found


def _lines(shapes: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The a and c of at least 0 that bring c + a shape nearest to y, and the loss left; shapes (g, k), each (g,)."""
    share = weights / weights.sum()
    middle, square = shapes @ share, shapes**2 @ share
    spread = (shapes - middle[:, None]) ** 2 @ share
    flat = spread <= 1e-12 * square
    a = np.where(flat, 0, shapes @ (share * (y - y @ share))) / np.where(flat, 1, spread)
    a = np.maximum(a, 0)
    c = y @ share - a * middle
    a = np.where(c < 0, (shapes * y) @ share / square, a)  # at the bound: a line through 0
    c = np.maximum(c, 0)
    return a, c, ((y - c[:, None] - a[:, None] * shapes) ** 2) @ share

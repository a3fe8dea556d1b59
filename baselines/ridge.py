"""Ridge regression: least squares with a penalty on the size of the weights, in closed form.

A. E. Hoerl and R. W. Kennard, "Ridge regression: biased estimation for nonorthogonal problems",
Technometrics 12(1), 1970.

Deviations from the paper:
1. `alpha` (the paper's k) is a hyperparameter; the paper reads it off the ridge trace.
2. Columns are standardised, so alpha is n times the k of the paper, whose X'X is a correlation matrix.
   The intercept is free.
3. Gaps take the column's median, categories become 0/1 columns; pixels share one mean and one scale.
"""

import math

import numpy as np

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Ridge regression",
    year=1970,
    paper="Hoerl & Kennard, Ridge regression: biased estimation for nonorthogonal problems, Technometrics 12(1), 1970",
    tasks=("regress",),
    forms=("table", "image"),
    space={"alpha": ("log", 1e-3, 1e4)},
)


def cost(size, shape, classes, examples=None, *, alpha=1.0) -> Cost:
    """The Gram matrix (n p^2) and its solution (p^3 / 3), in float64."""
    p = math.prod(shape)
    return Cost(fit=2 * size * p**2 + 2 * p**3 / 3, answer=2 * p, bytes=8 * (3 * size * p + 2 * p**2))


def fit(
    train: Examples,
    run: Run,
    *,
    alpha: float = 1.0,  # the penalty alpha |w|^2 beside the sum of squared errors
) -> Fitted:
    encode = make_encoder(train)
    X, y = encode(train.x), train.y
    centre, intercept = X.mean(axis=0), y.mean()
    X -= centre
    w = np.linalg.solve(X.T @ X + alpha * np.eye(X.shape[1]), X.T @ (y - intercept))
    return Fitted(lambda x: (encode(x) - centre) @ w + intercept, parameters=w.size + 1)


def make_encoder(train: Examples):
    """A function (n, ...) -> (n, columns) float64: standardised and without gaps, by the training rows' statistics."""
    if train.x.ndim > 2:
        pixels = train.x[:1000]  # enough for one mean and one scale
        mean, std = pixels.mean(), pixels.std() or 1.0
        return lambda images: (images.reshape(len(images), -1) - mean) / std
    levels = np.array(train.levels or [0] * train.x.shape[1])
    x = train.x[:, levels == 0].astype(np.float64)
    seen = ~np.isnan(x).all(axis=0)
    median = np.zeros(x.shape[1])
    median[seen] = np.nanmedian(x[:, seen], axis=0)
    x = np.where(np.isnan(x), median, x)
    mean, std = x.mean(axis=0), x.std(axis=0)
    std[std == 0] = 1

    def encode(rows):
        numbers = rows[:, levels == 0]
        numbers = (np.where(np.isnan(numbers), median, numbers) - mean) / std
        flags = [rows[:, [j]] == np.arange(levels[j]) for j in np.flatnonzero(levels)]  # a gap equals no category
        return np.hstack([numbers, *flags])

    return encode

"""Logistic regression: the class probabilities are a softmax of linear functions of the columns.

D. R. Cox, "The regression analysis of binary sequences", Journal of the Royal Statistical Society B 20(2), 1958.

Deviations from the paper:
1. Several classes: the softmax (multinomial) form; the paper has two classes throughout.
2. Fitted by L-BFGS to the joint likelihood of all columns; the paper conditions on sufficient statistics.
3. An L2 penalty |w|^2 / 2C on standardised columns, so that separable classes have a finite solution too; none in the
   paper. The intercept is free.
4. Gaps take the column's median, categories become 0/1 columns; pixels share one mean and one scale.
"""

import math

import numpy as np
from sklearn.linear_model import LogisticRegression

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Logistic regression",
    year=1958,
    paper="Cox, The regression analysis of binary sequences, JRSS B 20(2):215-242, 1958",
    tasks=("classify",),
    forms=("table", "image"),
    space={"C": ("log", 1e-4, 1e3)},
)


def cost(size, shape, classes, examples=None, *, C=1.0, max_iter=200) -> Cost:
    """Passes over the data: one product to predict and one for the gradient. At most `max_iter`; 60 is usual."""
    outputs = 1 if classes == 2 else classes
    forward = 2 * math.prod(shape) * outputs
    per_value = 4 if len(shape) > 1 else 20  # a table is encoded in float64, then kept in float32
    return Cost(
        fit=2 * forward * size * min(max_iter, 60),
        answer=forward,
        bytes=size * (per_value * math.prod(shape) + 16 * outputs),
    )


def fit(
    train: Examples,
    run: Run,
    *,
    C: float = 1.0,  # weight of the data against the penalty
    max_iter: int = 200,  # L-BFGS iterations; ends earlier where the gradient falls below 1e-4
) -> Fitted:
    encode = make_encoder(train)
    model = LogisticRegression(C=C, max_iter=max_iter).fit(encode(train.x), train.y)

    def answer(x):
        probabilities = np.zeros((len(x), train.classes))
        seen = model.predict_proba(encode(x).astype(np.float64))  # float32 would round sure answers to 0 and 1
        probabilities[:, model.classes_] = seen  # a class never seen keeps 0
        return probabilities

    return Fitted(answer, parameters=model.coef_.size + model.intercept_.size)


def make_encoder(train: Examples):
    """A function (n, ...) -> (n, columns) float32: standardised and without gaps, by the training rows' statistics."""
    if train.x.ndim > 2:
        pixels = train.x[:1000]  # enough for one mean and one scale
        mean, std = np.float32(pixels.mean()), np.float32(pixels.std() or 1)
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
        return np.hstack([numbers, *flags]).astype(np.float32)

    return encode

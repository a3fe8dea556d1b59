"""k nearest neighbours: remember everything, answer with the mean of the k training rows that lie nearest.

T. M. Cover and P. E. Hart, "Nearest neighbor pattern classification",
IEEE Transactions on Information Theory 13(1), 1967.

Deviations from the paper:
1. k = 5, with the neighbours' class shares as probabilities; the paper's bounds are for the single nearest neighbour.
2. Euclidean distance on standardised columns. Gaps take the column's median, categories become 0/1 columns.
   Pixels stay as they are: they share one scale, and whole numbers keep ties exact.
3. Of a series each moment is a column, standardised over the rows; nothing is warped.
4. Also asked for numbers (regress): the mean of the neighbours' values.
"""

import math

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="k nearest neighbours",
    year=1967,
    paper="Cover & Hart, Nearest neighbor pattern classification, IEEE Trans. Information Theory 13(1):21-27, 1967",
    tasks=("classify", "regress"),
    forms=("table", "image", "series"),
    space={"k": ("int", 1, 50)},
)


def cost(size, shape, classes, examples=None, *, k=5) -> Cost:
    """Fitting stores the rows; an answer is one product of the question with all of them."""
    p = math.prod(shape)
    per_value = 4 if len(shape) > 1 else 20  # a table is encoded in float64, then kept in float32
    return Cost(fit=size * p, answer=2 * size * p, bytes=per_value * size * p)


def fit(
    train: Examples,
    run: Run,
    *,
    k: int = 5,  # neighbours; all of them where there are fewer rows
) -> Fitted:
    encode = make_encoder(train)
    nearest = KNeighborsClassifier if train.classes else KNeighborsRegressor
    model = nearest(min(k, len(train.y)), algorithm="brute", n_jobs=run.threads).fit(encode(train.x), train.y)

    def classify(x):
        probabilities = np.zeros((len(x), train.classes))
        probabilities[:, model.classes_] = model.predict_proba(encode(x))  # a class never seen keeps 0
        return probabilities

    stored = len(train.y) * (model.n_features_in_ + 1)
    return Fitted(classify if train.classes else lambda x: model.predict(encode(x)), parameters=stored)


def make_encoder(train: Examples):
    """A function (n, ...) -> (n, columns) float32: standardised and without gaps, by the training rows' statistics."""
    if train.x.ndim > 2:
        return lambda images: images.reshape(len(images), -1).astype(np.float32)
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

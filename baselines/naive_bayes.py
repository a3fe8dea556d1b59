"""Naive Bayes: each word, column or pixel speaks for a class on its own, and their evidence is added up.

M. E. Maron, "Automatic indexing: an experimental inquiry", Journal of the ACM 8(3), 1961; for texts the multinomial
model of A. McCallum and K. Nigam, "A comparison of event models for naive Bayes text classification", AAAI workshop on
learning for text categorization, 1998.

Deviations from the papers:
1. Maron indexes by 90 chosen clue words; here all words of the training texts count, as often as they come.
2. Table columns: a normal distribution per class for numbers, a table of shares for categories; a gap says nothing.
   The variance gains a share of the column's own, so that a class with equal values has one.
3. Pixels are on where they are brighter than the mean of all training pixels (the Bernoulli model).
"""

import math

import numpy as np
from scipy.special import softmax
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Naive Bayes",
    year=1961,
    paper="Maron, Automatic indexing: an experimental inquiry, J. ACM 8(3):404-417, 1961",
    tasks=("classify",),
    forms=("text", "table", "image"),
    space={"alpha": ("log", 1e-3, 1e1), "smoothing": ("log", 1e-9, 1e0)},
)


def cost(size, shape, classes, examples=None, *, alpha=1.0, smoothing=1e-9) -> Cost:
    """A look at each value and a few sums. The bytes are those of word counts; rows of numbers take less."""
    p = math.prod(shape)
    return Cost(fit=10 * size * p, answer=3 * classes * p, bytes=30 * size * p, unit="steps")


def fit(
    train: Examples,
    run: Run,
    *,
    alpha: float = 1.0,  # added to every count of a word, a category, a pixel (1: Laplace)
    smoothing: float = 1e-9,  # added to a variance within a class, in variances of the whole column
) -> Fitted:
    seen = np.unique(train.y)
    if train.x.ndim == 1:
        evidence, parameters = of_words(train, alpha)
    elif train.x.ndim == 2:
        evidence, parameters = of_columns(train, seen, alpha, smoothing)
    else:
        evidence, parameters = of_pixels(train, seen, alpha)
    prior = np.log(np.bincount(train.y)[seen] / len(train.y))

    def answer(x):
        p = np.zeros((len(x), train.classes))
        p[:, seen] = softmax(prior + evidence(x), axis=1)  # a class never seen keeps 0
        return p

    return Fitted(answer, parameters=parameters + len(prior))


def of_words(train: Examples, alpha: float):
    counter = CountVectorizer(token_pattern=r"\w+")
    model = MultinomialNB(alpha=alpha).fit(counter.fit_transform(train.x.tolist()), train.y)
    weights = model.feature_log_prob_.T
    return lambda texts: counter.transform(texts.tolist()) @ weights, weights.size


def of_pixels(train: Examples, seen: np.ndarray, alpha: float):
    middle = train.x.mean()
    on = np.array([(train.x[train.y == c] > middle).sum(axis=0).ravel() for c in seen])
    rows = np.bincount(train.y)[seen][:, None]
    log_on, log_off = np.log(on + alpha), np.log(rows - on + alpha)
    always = (log_off - np.log(rows + 2 * alpha)).sum(axis=1)
    weights = (log_on - log_off).T
    return lambda x: (x.reshape(len(x), -1) > middle) @ weights + always, 2 * on.size


def of_columns(train: Examples, seen: np.ndarray, alpha: float, smoothing: float):
    """Log-densities of numbers, log-shares of categories, added up over the columns."""
    levels = np.array(train.levels or [0] * train.x.shape[1])
    of_class = [train.x[train.y == c].astype(np.float64) for c in seen]
    whole_mean, whole = moments(train.x[:, levels == 0].astype(np.float64), 0.0, 1.0)
    spread = np.where(whole > 0, whole, 1)
    normal = [moments(x[:, levels == 0], whole_mean, whole) for x in of_class]
    mean = np.array([m for m, _ in normal])
    variance = np.array([v for _, v in normal]) + smoothing * spread
    variance[:, whole == 0] = 1  # a column that never varies says nothing
    tables = {j: shares(of_class, j, alpha, levels[j]) for j in np.flatnonzero(levels)}

    def evidence(x):
        numbers = x[:, levels == 0].astype(np.float64)
        terms = [-(np.log(2 * np.pi * v) + (numbers - m) ** 2 / v) / 2 for m, v in zip(mean, variance, strict=True)]
        total = np.stack([np.nansum(one, axis=1) for one in terms], axis=1)
        for j, table in tables.items():
            total += table[np.where(np.isnan(x[:, j]), levels[j], x[:, j]).astype(int)]
        return total

    return evidence, 2 * mean.size + sum(table.size for table in tables.values())


def moments(x: np.ndarray, mean, variance):
    """Mean and variance of each column's values that are there; those given where none is."""
    there = ~np.isnan(x)
    n = there.sum(axis=0)
    mean = np.where(n > 0, np.where(there, x, 0).sum(axis=0) / np.maximum(n, 1), mean)
    squares = np.where(there, x - mean, 0) ** 2
    return mean, np.where(n > 0, squares.sum(axis=0) / np.maximum(n, 1), variance)


def shares(of_class: list[np.ndarray], j: int, alpha: float, levels: int) -> np.ndarray:
    """(levels + 1, classes): log-share of each category within each class; the last row, for a gap, is 0."""
    counts = [np.bincount(x[:, j][~np.isnan(x[:, j])].astype(int), minlength=levels) + alpha for x in of_class]
    logs = [np.log(one / one.sum()) for one in counts]
    return np.append(np.array(logs).T, np.zeros((1, len(logs))), axis=0)

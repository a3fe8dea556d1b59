"""Kernel support vector machine: the widest margin between classes in the space of a Gaussian (RBF) kernel.

B. E. Boser, I. M. Guyon and V. N. Vapnik, "A training algorithm for optimal margin classifiers", COLT 1992;
C. Cortes and V. Vapnik, "Support-vector networks", Machine Learning 20, 1995.

Deviations from the papers:
1. Solved by libsvm's decomposition, two coefficients at a time (Fan, Chen & Lin 2005); the papers use a general solver
   for quadratic programs, Cortes & Vapnik in chunks (section 2.1).
2. Several classes: one machine for each pair of classes, and votes; Cortes & Vapnik train each class against the rest
   (section 6.2).
3. Answers are votes, with margins to part equal votes, not probabilities.
4. Also asked for numbers (regress): the epsilon-insensitive loss of Drucker et al. (NIPS 1996), targets standardised.
5. Gaps take the column's median, categories become 0/1 columns, columns are standardised; pixels are divided by 255.
6. Exact up to `exact` rows, and unsupported above: time grows with the square of n. Nothing is approximated.
"""

import math

import numpy as np
from sklearn.svm import SVC, SVR

from harness.contract import Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="Kernel SVM",
    year=1992,
    paper="Boser, Guyon & Vapnik, A training algorithm for optimal margin classifiers, COLT 1992",
    tasks=("classify", "regress"),
    forms=("table", "image"),
    space={"C": ("log", 1e-1, 1e3), "gamma": ("log", 1e-2, 1e1)},
)
BLOCK = 256  # questions whose kernel rows are held at a time


def cost(size, shape, classes, examples=None, *, C=10.0, gamma=1.0, cache=500, exact=65_000) -> Cost:
    """Kernel rows of 2 p FLOPs a value, each computed about once; half of the rows become support vectors.

    Every pair of classes has its own machine, and every row stands in classes - 1 of them.
    Answers come in blocks of 256.
    """
    p = math.prod(shape)
    pairs = max(1, classes * (classes - 1) // 2)
    rows = 2 * size / classes if classes else size  # of one machine
    return Cost(
        fit=2 * pairs * rows**2 * p,
        answer=size * (p + pairs),
        bytes=8 * size * (3 * p + pairs) + min(cache * 2**20, 4 * rows**2) + 2048 * size,
    )


def fit(
    train: Examples,
    run: Run,
    *,
    C: float = 10.0,  # price of a row on the wrong side of its margin
    gamma: float = 1.0,  # of exp(-gamma |x - x'|^2), in units of 1 / (columns x variance of all values)
    cache: int = 500,  # MiB of kernel rows that are kept
    exact: int = 65_000,  # most rows
) -> Fitted:
    if len(train.y) > exact:
        raise Unsupported(
            f"kernel_svm is exact and stops at {exact:,} rows, {len(train.y):,} were given: "
            "kernel_ridge goes on with a Nystrom or random Fourier approximation"
        )
    encode = make_encoder(train)
    X = encode(train.x)
    centre, spread = (0.0, 1.0) if train.classes else (train.y.mean(), train.y.std() or 1.0)
    machine = SVC if train.classes else SVR
    options = {"C": C, "gamma": gamma / (X.shape[1] * X.var() or 1.0), "cache_size": cache}
    model = machine(**options).fit(X, train.y if train.classes else (train.y - centre) / spread)
    A, b = pair_weights(model) if train.classes else (model.dual_coef_.T, model.intercept_)

    def answer(questions):
        blocks = np.array_split(questions, math.ceil(len(questions) / BLOCK))
        f = np.concatenate([rbf(encode(q), model.support_vectors_, options["gamma"]) @ A + b for q in blocks])
        if not train.classes:
            return f[:, 0] * spread + centre
        scores = np.full((len(f), train.classes), -1.0)  # a class never seen comes last
        scores[:, model.classes_] = votes(f, len(model.classes_))
        return scores

    return Fitted(answer, parameters=model.support_vectors_.size + model.dual_coef_.size + b.size)


def pair_weights(model: SVC) -> tuple[np.ndarray, np.ndarray]:
    """A (support vectors, pairs), b (pairs,): K A + b > 0 is a vote for the first class of a pair.

    libsvm keeps row j - 1 of its coefficients for the machine of a vector's own class against class j > own, row j for
    j < own. Of two classes scikit-learn turns the sign, so that above 0 is the second.
    """
    k = len(model.classes_)
    own = np.repeat(np.arange(k), model.n_support_)  # class of each support vector
    columns = []
    for i in range(k):
        for j in range(i + 1, k):
            columns.append(np.where(own == i, model.dual_coef_[j - 1], np.where(own == j, model.dual_coef_[i], 0)))
    sign = -1 if k == 2 else 1
    return sign * np.column_stack(columns), sign * model.intercept_


def votes(f: np.ndarray, k: int) -> np.ndarray:
    """Decisions (m, pairs) -> (m, k): pairs won, plus the sum of the margins squeezed into less than a third of one."""
    won, margin = np.zeros((len(f), k)), np.zeros((len(f), k))
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    for d, (i, j) in zip(f.T, pairs, strict=True):
        won[:, i] += d > 0
        won[:, j] += d <= 0
        margin[:, i] += d
        margin[:, j] -= d
    return won + margin / (3 * (np.abs(margin) + 1))


def rbf(Q: np.ndarray, X: np.ndarray, gamma: float) -> np.ndarray:
    """K (m, n) = exp(-gamma |q - x|^2) of rows Q (m, p) and X (n, p)."""
    K = Q @ (2 * gamma * X.T)
    K -= gamma * (Q**2).sum(axis=1)[:, None]
    K -= gamma * (X**2).sum(axis=1)
    return np.exp(np.minimum(K, 0, out=K), out=K)


def make_encoder(train: Examples):
    """A function (n, ...) -> (n, columns) float64: pixels / 255; a table's columns standardised and without gaps, by
    the training rows' statistics.
    """
    if train.x.ndim > 2:
        return lambda images: images.reshape(len(images), -1) / 255
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

"""Random forest: the mean of many deep trees, each grown on a bootstrap sample, few random columns tried at a split.

L. Breiman, "Random forests", Machine Learning 45, 2001.

Deviations from the paper:
1. The trees' class shares are averaged; the paper counts one vote per tree (definition 1.1).
2. sqrt(p) columns are tried at a split to classify and p/3 to regress, as in Breiman's later program; the paper tries 1
   and log2(p) + 1 (section 4), and sums of two columns to regress (section 12).
3. Gaps go down the better side of a split, learned in training; a category is split by its code.
"""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Random forest",
    year=2001,
    paper="Breiman, Random forests, Machine Learning 45:5-32, 2001",
    tasks=("classify", "regress"),
    forms=("table", "image"),
    space={"features": ("log", 0.05, 1.0), "leaf": ("int", 1, 20)},
)


def cost(size, shape, classes, examples=None, *, trees=100, features=None, leaf=1) -> Cost:
    """Elementary steps: each level of each tree sorts n values of the columns tried; depth about 2 log2(n / leaf)."""
    p = math.prod(shape)
    tried = math.ceil(features * p if features else math.sqrt(p) if classes else p / 3)
    depth = 2 * math.log2(max(2, size / leaf))
    nodes = trees * 1.2 * size / leaf * (0.2 if classes else 1)  # leaves hold one class, often many rows of it
    return Cost(
        fit=trees * size * tried * depth * math.log2(max(2, size)) / 2,
        answer=trees * depth,
        bytes=4 * size * p + nodes * (64 + 8 * max(1, classes)),
        unit="steps",
    )


def fit(
    train: Examples,
    run: Run,
    *,
    trees: int = 100,  # grown to the end
    features: float | None = None,  # share of the columns tried at a split; None: sqrt(p) to classify, p/3 to regress
    leaf: int = 1,  # fewest rows in a leaf
) -> Fitted:
    grow, usual = (RandomForestClassifier, "sqrt") if train.classes else (RandomForestRegressor, 1 / 3)
    options = {"max_features": features or usual, "min_samples_leaf": leaf, "random_state": run.seed}
    forest = grow(trees, n_jobs=run.threads, **options).fit(flat(train.x), train.y)
    forest.n_jobs = 1  # its own threads add up trees in the order of finishing: other bits each time
    ask = forest.predict_proba if train.classes else forest.predict

    def answer(x):
        blocks = np.array_split(flat(x), min(run.threads, 1 + len(x) // 1000))
        with ThreadPoolExecutor(len(blocks)) as pool:
            means = np.concatenate(list(pool.map(ask, blocks)))
        if not train.classes:
            return means
        probabilities = np.zeros((len(x), train.classes))
        probabilities[:, forest.classes_] = means  # a class never seen keeps 0
        return probabilities

    per_node = 2 + max(1, train.classes)  # column, threshold and the values of a node
    return Fitted(answer, parameters=per_node * sum(tree.tree_.node_count for tree in forest.estimators_))


def flat(x: np.ndarray) -> np.ndarray:
    """(n, ...) -> (n, p) float32."""
    return x.reshape(len(x), -1).astype(np.float32, copy=False)

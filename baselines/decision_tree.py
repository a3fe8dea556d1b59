"""Decision tree: rows are parted by one column and one threshold at a time, and weak branches are pruned afterwards.

L. Breiman, J. H. Friedman, R. A. Olshen and C. J. Stone, "Classification and regression trees", Wadsworth 1984 (CART).

Deviations from the book:
1. How much is pruned is a hyperparameter; the book chooses it on a test sample or by cross-validation (section 3.4).
2. Nodes are grown until they are pure or hold fewer than two leaves' rows; the book stops at five rows (section 3.2).
3. Gaps go down the better side of a split, learned in training; the book has surrogate splits (section 5.3).
4. A leaf's class shares are mixed with those of all rows, as if it held one row more: else a leaf of one class would be
   sure. The book takes the leaf's shares as they are (section 4.6); which class is largest changes only between ties.
5. A category is split by its code, not into any two groups (section 2.4), and no sums of columns are tried (5.2).
"""

import math

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Decision tree",
    year=1984,
    paper="Breiman, Friedman, Olshen & Stone, Classification and regression trees, Wadsworth 1984",
    tasks=("classify", "regress"),
    forms=("table", "image"),
    space={"alpha": ("log", 1e-6, 1e-1), "leaf": ("int", 1, 50)},
)


def cost(size, shape, classes, examples=None, *, alpha=1e-4, leaf=1) -> Cost:
    """Elementary steps: each level sorts n values of every column; depth about 2 log2(n / leaf). Pruning is cheap."""
    p = math.prod(shape)
    depth = 2 * math.log2(max(2, size / leaf))
    nodes = 2 * size / leaf * (0.2 if classes else 1)  # leaves hold one class, often many rows of it
    return Cost(
        fit=size * p * depth * math.log2(max(2, size)) / 2,
        answer=depth,
        bytes=4 * size * p + nodes * (64 + 8 * max(1, classes)),
        unit="steps",
    )


def fit(
    train: Examples,
    run: Run,
    *,
    alpha: float = 1e-4,  # price of a leaf, as a share of the impurity of all rows (rpart's cp); 0: nothing is pruned
    leaf: int = 1,  # fewest rows in a leaf
) -> Fitted:
    grow, impurity = (DecisionTreeClassifier, gini) if train.classes else (DecisionTreeRegressor, np.var)
    tree = grow(min_samples_leaf=leaf, ccp_alpha=alpha * impurity(train.y), random_state=run.seed)
    tree.fit(flat(train.x), train.y)

    usual = np.bincount(train.y, minlength=train.classes) / len(train.y) if train.classes else None

    def classify(x):
        n = tree.tree_.n_node_samples[tree.apply(flat(x))][:, None]  # training rows of each question's leaf
        probabilities = np.tile(usual, (len(x), 1))
        probabilities[:, tree.classes_] += n * tree.predict_proba(flat(x))
        return probabilities / (n + 1)  # a class never seen keeps 0

    per_node = 2 + max(1, train.classes)  # column, threshold and the values of a node
    answer = classify if train.classes else lambda x: tree.predict(flat(x))
    return Fitted(answer, parameters=per_node * tree.tree_.node_count)


def gini(y: np.ndarray) -> float:
    """Chance that two rows drawn from y (n,) are of different classes."""
    return 1 - float(((np.bincount(y) / len(y)) ** 2).sum())


def flat(x: np.ndarray) -> np.ndarray:
    """(n, ...) -> (n, p) float32."""
    return x.reshape(len(x), -1).astype(np.float32, copy=False)

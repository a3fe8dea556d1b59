"""Gradient boosting: a sum of small trees, each fitted to the gradient of the loss at what the trees before it left.

J. H. Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 29(5), 2001.

Deviations from the paper (those of LightGBM: Ke et al., NeurIPS 2017):
1. Splits are searched in histograms of at most 255 bins; among all values in the paper (section 4.3).
2. Splits and leaves use second derivatives too; in the paper splits are least squares on the gradient (algorithm 1)
   and a Newton step sets the leaves of the logistic loss only (sections 4.5 and 4.6).
3. A gap goes down the better side of a split; a category's codes are split into two groups.
"""

import ctypes
import importlib.util
import math
from pathlib import Path

import numpy as np

try:
    import lightgbm
except OSError:  # this machine has no libgomp.so.1: the copy inside torch serves, without importing torch
    spec = importlib.util.find_spec("torch")
    ctypes.CDLL(str(Path(spec.submodule_search_locations[0], "lib", "libgomp.so.1")))
    import lightgbm

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Gradient boosting",
    year=2001,
    paper="Friedman, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29(5), 2001",
    tasks=("classify", "regress"),
    forms=("table", "image"),
    space={"lr": ("log", 0.01, 0.3), "leaves": ("int", 4, 127), "leaf": ("int", 1, 50)},
)


def cost(size, shape, classes, examples=None, *, rounds=100, lr=0.1, leaves=31, leaf=20) -> Cost:
    """Elementary steps: each level of each tree adds n x p values to histograms (half, by subtraction); then the bins
    of each leaf are searched. Memory: rows in float32 and in bins, a histogram of 16-byte bins for each leaf.
    """
    p = math.prod(shape)
    trees = rounds * (classes if classes > 2 else 1)
    grown = max(2, min(leaves, size / min(leaf, max(1, size // 10))))
    bins = min(255, 1 + size / 3)
    return Cost(
        fit=trees * p * (size * math.log2(grown) / 2 + bins * grown) + size * p * math.log2(max(2, size)),
        answer=trees * math.log2(grown),
        bytes=size * (5 * p + 16 * max(1, classes)) + 16 * p * bins * grown + 100 * trees * grown,
        unit="steps",
    )


def fit(
    train: Examples,
    run: Run,
    *,
    rounds: int = 100,  # trees; times the classes where there are more than two
    lr: float = 0.1,  # share of each tree that is added
    leaves: int = 31,  # of a tree
    leaf: int = 20,  # fewest rows in a leaf; at most a tenth of the rows, so that few rows can be split at all
) -> Fitted:
    seen, y = np.unique(train.y, return_inverse=True) if train.classes else (None, train.y)
    options = {
        "objective": "regression" if seen is None else "binary" if len(seen) == 2 else "multiclass",
        "num_class": 1 if seen is None or len(seen) == 2 else len(seen),
        "learning_rate": lr,
        "num_leaves": leaves,
        "min_data_in_leaf": min(leaf, max(1, len(y) // 10)),
        "seed": run.seed,
        "num_threads": run.threads,
        "deterministic": True,
        "force_row_wise": True,  # else LightGBM times both layouts and picks: other bits by chance
        "verbose": -1,
    }
    categories = [column for column, count in enumerate(train.levels) if count]
    data = lightgbm.Dataset(flat(train.x), y, categorical_feature=categories)
    booster = lightgbm.train(options, data, num_boost_round=rounds)

    def answer(x):
        means = booster.predict(flat(x), num_threads=run.threads)
        if seen is None:
            return means
        probabilities = np.zeros((len(x), train.classes))
        probabilities[:, seen] = np.column_stack([1 - means, means]) if means.ndim == 1 else means
        return probabilities  # a class never seen keeps 0

    grown = [tree["num_leaves"] for tree in booster.dump_model()["tree_info"]]
    return Fitted(answer, parameters=sum(3 * count - 2 for count in grown))  # a split has two numbers, a leaf one


def flat(x: np.ndarray) -> np.ndarray:
    """(n, ...) -> (n, p) float32."""
    return x.reshape(len(x), -1).astype(np.float32, copy=False)

"""Self-test: answers the class shares (or zeros) at once."""

from typing import Any

import numpy as np

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Does nothing",
    year=2026,
    paper="none: a probe of the harness",
    tasks=("classify", "regress"),
)


def cost(size: int, shape: tuple[int, ...], classes: int, examples: int, **hyperparameters: Any) -> Cost:
    """Nothing is forecast: the harness must hold against what no forecast tells."""
    return Cost(fit=0.0, answer=0.0, bytes=0.0)


def fit(train: Examples, run: Run) -> Fitted:
    """Count the classes."""
    if not train.classes:
        return Fitted(answer=lambda x: np.zeros(len(x)), parameters=0)
    shares = np.bincount(train.y, minlength=train.classes) / len(train.y)
    return Fitted(answer=lambda x: np.tile(shares, (len(x), 1)), parameters=train.classes)

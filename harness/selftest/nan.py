"""Self-test: notes a loss that is not a number; the row must be `diverged`."""

from typing import Any

import numpy as np

from harness.contract import Answer, Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Diverges",
    year=2026,
    paper="none: a probe of the harness",
    tasks=("classify", "regress"),
)


def cost(size: int, shape: tuple[int, ...], classes: int, examples: int, **hyperparameters: Any) -> Cost:
    """Nothing is forecast: the harness must hold against what no forecast tells."""
    return Cost(fit=0.0, answer=0.0, bytes=0.0)


def _know_nothing(train: Examples) -> Answer:
    """Equal class shares (n, classes), or zeros (n,)."""
    return lambda x: np.full((len(x), train.classes), 1 / train.classes) if train.classes else np.zeros(len(x))


def fit(train: Examples, run: Run) -> Fitted:
    """Note one loss, then nan."""
    run.note(loss=1.0)
    run.note(loss=float("nan"))
    return Fitted(answer=_know_nothing(train), parameters=0)

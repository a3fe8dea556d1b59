"""Self-test: a forked worker does the work and ends; the row must be `ok`."""

import os
from typing import Any

import numpy as np

from harness.contract import Answer, Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Forks",
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


def fit(train: Examples, run: Run, *, numbers: int = 1_000_000) -> Fitted:
    """Let a child sum the first `numbers` integers, and check its result."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, str(sum(range(numbers))).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        total = int(pipe.read())
    os.waitpid(child, 0)
    if total != numbers * (numbers - 1) // 2:
        raise AssertionError(f"the child's sum is {total}")
    return Fitted(answer=_know_nothing(train), parameters=1)

"""Self-test: reads address 0; the row must be `error` and name the signal, the run must go on."""

import ctypes
from typing import Any

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Crashes",
    year=2026,
    paper="none: a probe of the harness",
    tasks=("classify", "regress"),
)


def cost(size: int, shape: tuple[int, ...], classes: int, examples: int, **hyperparameters: Any) -> Cost:
    """Nothing is forecast: the harness must hold against what no forecast tells."""
    return Cost(fit=0.0, answer=0.0, bytes=0.0)


def fit(train: Examples, run: Run) -> Fitted:
    """Die of SIGSEGV."""
    ctypes.string_at(0)
    raise AssertionError("address 0 could be read")

"""Self-test: `fit` raises; the row must be `error` with a reason that is kept short."""

from typing import Any

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Raises an exception",
    year=2026,
    paper="none: a probe of the harness",
    tasks=("classify", "regress"),
)


def cost(size: int, shape: tuple[int, ...], classes: int, examples: int, **hyperparameters: Any) -> Cost:
    """Nothing is forecast: the harness must hold against what no forecast tells."""
    return Cost(fit=0.0, answer=0.0, bytes=0.0)


def fit(train: Examples, run: Run, *, length: int = 10_000) -> Fitted:
    """Raise with a message of `length` characters."""
    raise RuntimeError(("the self-test raises, as it should; " * (length // 36 + 1))[:length])

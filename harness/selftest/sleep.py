"""Self-test: `fit` takes too long; the row must be `timeout` in time, and nobody may be left."""

import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np

from harness.contract import Answer, Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Sleeps",
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


def fit(
    train: Examples,
    run: Run,
    *,
    seconds: float = 30.0,
    ignore_term: bool = False,  # SIGTERM is ignored, by the grandchild too
    grandchild: bool = False,  # a process that sleeps ten times as long is started first
) -> Fitted:
    """Sleep."""
    if ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if grandchild:
        subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({10 * seconds})"])
    time.sleep(seconds)
    return Fitted(answer=_know_nothing(train), parameters=0)

"""Self-test: forks twice into a session of its own and returns; the daemon must not outlive the run."""

import os
import re
import time
from typing import Any

import numpy as np

from harness.contract import Answer, Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Leaves a daemon behind",
    year=2026,
    paper="none: a probe of the harness",
    tasks=("classify", "regress"),
)


def cost(size: int, shape: tuple[int, ...], classes: int, examples: int, **hyperparameters: Any) -> Cost:
    """Nothing is forecast: the harness must hold against what no forecast tells."""
    return Cost(fit=0.0, answer=0.0, bytes=0.0)


def _bytes(amount: str) -> int:
    """The number that "100MB", "4GB" (decimal), "100MiB" or "1GiB" (binary) stands for."""
    match = re.fullmatch(r"([\d.]+)(MB|GB|MiB|GiB)", amount)
    if not match:
        raise ValueError(f"amount {amount!r} is no size: write it like 100MB, 4GB or 100MiB")
    return int(float(match[1]) * {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}[match[2]])


def _know_nothing(train: Examples) -> Answer:
    """Equal class shares (n, classes), or zeros (n,)."""
    return lambda x: np.full((len(x), train.classes), 1 / train.classes) if train.classes else np.zeros(len(x))


def fit(
    train: Examples,
    run: Run,
    *,
    amount: str = "0MB",  # memory that the daemon holds
    seconds: float = 600.0,
) -> Fitted:
    """Start a daemon that holds memory, sleeps and keeps our output open. Returns once it holds it, or was ended."""
    heard, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                held = b"\1" * _bytes(amount)
                os.write(tell, b"held")
                os.close(tell)
                time.sleep(seconds)
                del held
        finally:
            os._exit(0)
    os.close(tell)
    os.waitpid(child, 0)
    os.read(heard, 4)
    os.close(heard)
    return Fitted(answer=_know_nothing(train), parameters=0)

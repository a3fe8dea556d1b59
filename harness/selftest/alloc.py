"""Self-test: takes memory and writes to it; peak and limit must hold for the whole process tree."""

import os
import re
import time
from typing import Any

import numpy as np

from harness.contract import Answer, Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Takes memory",
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


def _hold(total: int, seconds: float) -> None:
    """Take `total` bytes of private anonymous memory at about 1 GB/s, as a growing program would, and keep it."""
    chunk, taken = 16 * 2**20, []
    for start in range(0, total, chunk):
        taken.append(b"\1" * min(chunk, total - start))
        time.sleep(0.005)
    time.sleep(seconds)


def _fork_and_hold(workers: int, total: int, seconds: float) -> None:
    """Each worker holds `total` bytes at the same time. Raises MemoryError when one did not come to its end."""
    children = []
    for _ in range(workers):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _hold(total, seconds)
                code = 0
            finally:
                os._exit(code)  # never back into the harness's code
        children.append(child)
    ends = [os.waitpid(child, 0)[1] for child in children]
    if any(ends):
        raise MemoryError(f"forked workers ended with statuses {ends}")


def fit(
    train: Examples,
    run: Run,
    *,
    amount: str = "100MB",
    how: str = "self",  # "self", "fork": in one forked worker, "four": in each of four forked workers
    hold: float = 0.4,  # seconds
) -> Fitted:
    """Take `amount` of memory, hold it, give it back."""
    workers = {"self": 0, "fork": 1, "four": 4}[how]
    if workers:
        _fork_and_hold(workers, _bytes(amount), hold)
    else:
        _hold(_bytes(amount), hold)
    return Fitted(answer=_know_nothing(train), parameters=0)

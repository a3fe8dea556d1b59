"""Self-test: floods both outputs, bytes that are no UTF-8 included; the row must be `ok`, its stderr short."""

import os
import re
from typing import Any

import numpy as np

from harness.contract import Answer, Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Prints without end",
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


def fit(train: Examples, run: Run, *, amount: str = "200MB") -> Fitted:
    """Write half of `amount` to stdout and half to stderr, in turns."""
    line = b"a self-test talks \xff\xfe\x80 <b>too</b> much\n" * 2000
    left = _bytes(amount)
    with os.fdopen(os.dup(1), "wb") as out, os.fdopen(os.dup(2), "wb") as err:
        while left > 0:
            for stream in (out, err):
                stream.write(line[: left // 2 + 1])
            left -= 2 * len(line)
    return Fitted(answer=_know_nothing(train), parameters=0)

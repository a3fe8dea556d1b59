"""Draws from a technique's space: pure, the default first, and the same draws for all arms that share a space.

>>> draws({"lr": ("log", 1e-4, 1e-1), "k": ("choice", 1, 5)}, trials=2)[0]
{}
"""

import math
import random
from collections.abc import Mapping
from typing import Any


def draws(space: Mapping[str, tuple], trials: int, seed: int = 0) -> list[dict[str, Any]]:
    """`trials` settings of the hyperparameters in `space`; the first is {} (the defaults as they stand).

    Each hyperparameter is drawn from its own stream, so that adding one to a space leaves the others' draws alone.
    Kinds: ("log", low, high), ("uniform", low, high), ("int", low, high), ("choice", a, b, ...).
    """
    return [{}] + [{name: _draw(name, kind, trial, seed) for name, kind in space.items()} for trial in range(1, trials)]


def _draw(name: str, kind: tuple, trial: int, seed: int) -> Any:
    stream = random.Random(f"{seed}/{trial}/{name}")
    match kind:
        case ("log", low, high):
            return math.exp(stream.uniform(math.log(low), math.log(high)))
        case ("uniform", low, high):
            return stream.uniform(low, high)
        case ("int", low, high):
            return stream.randint(low, high)
        case ("choice", *values):
            return stream.choice(values)
    raise ValueError(f"{name}: {kind!r} is none of (log|uniform|int, low, high) and (choice, a, b, ...)")


def edges(space: Mapping[str, tuple], best: Mapping[str, Any]) -> list[str]:
    """Names whose best value lies in the outer tenth of its range: the range may be too narrow."""
    told = []
    for name, value in best.items():
        kind, low, *rest = space[name]
        if kind == "choice":
            continue
        high = rest[0]
        share = (value - low) / (high - low)
        if kind == "log":
            share = math.log(value / low) / math.log(high / low)
        if not 0.1 <= share <= 0.9:
            told.append(name)
    return told

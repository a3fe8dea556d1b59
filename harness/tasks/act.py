"""What to do? A question is what k environments show, an answer one action for each. Learned by acting, without labels.

Scores: return (mean sum of an episode's rewards, not discounted), length (mean steps), return_by_quantile.
"""

import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from harness.contract import Answer, Arena, BadData, Problem, Scores
from harness.split import generator

FIRST = 1_000_000  # seed of the judged environments: techniques take smaller ones
QUANTILES = (5, 25, 50, 75, 95)


def pose(data: Arena, size: int, seed: int, given: Mapping[str, Any], *, validation: float = 0.0) -> Problem:
    """Act for `size` steps in all (`Arena`, whose `steps` says so), answer (k,) whole numbers below `actions` for k
    observations.

    Test episodes are the same for every seed: the environments of one seed no technique takes, each played once.
    validation  episodes under split="valid", as a share of the test's; they differ by seed
    Raises BadData where there are no steps to learn in; `judge` raises ValueError where answers are not as asked.
    """
    if size < 1:
        raise BadData(f"{size} steps were asked for: it takes at least 1")
    held = round(validation * data.episodes)

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        episodes, first = (data.episodes, FIRST) if split == "test" else (held, FIRST + 1 + seed)
        return scores(*played(data, ask, episodes, first)) if episodes else {}

    def floor(question: Any) -> np.ndarray:
        # Chance that is a function of the question: asked again, it answers the same.
        chance = generator("act floor", zlib.crc32(np.asarray(question).tobytes()))
        return chance.integers(data.actions, size=len(question))

    return Problem(replace(data, steps=size), judge, floor, _walk(data, floor), "observation")


def played(data: Arena, ask: Answer, episodes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums of rewards and numbers of steps of as many episodes, played side by side. Those that ended are not asked."""
    arena = data.make(episodes, seed)
    try:
        seen, _ = arena.reset()
        total, steps = np.zeros(episodes), np.zeros(episodes, np.int64)
        live = np.arange(episodes)
        while len(live) and steps.max() < data.episode:
            actions = np.zeros(episodes, np.int64)
            actions[live] = _answers(ask(seen[live]), len(live), data.actions)
            seen, rewards, terminated, truncated, _ = arena.step(actions)
            total[live] += rewards[live]
            steps[live] += 1
            live = live[~(terminated | truncated)[live]]
    finally:
        arena.close()
    return total, steps


def _walk(data: Arena, floor: Answer) -> np.ndarray:
    """The first 16 observations of a random walk."""
    arena = data.make(1, FIRST)
    try:
        seen = [arena.reset()[0]]
        while len(seen) < 16:
            seen.append(arena.step(np.asarray(floor(seen[-1]), np.int64))[0])
    finally:
        arena.close()
    return np.concatenate(seen)


def _answers(answers: Any, questions: int, actions: int) -> np.ndarray:
    chosen = np.asarray(answers)
    if chosen.ndim and len(chosen) != questions:
        raise ValueError(f"answered {len(chosen):,} of {questions:,} questions")
    if chosen.shape != (questions,) or chosen.dtype.kind not in "iu":
        raise ValueError(
            f"answers have shape {chosen.shape}, type {chosen.dtype}: {(questions,)} whole numbers are right"
        )
    if chosen.min() < 0 or chosen.max() >= actions:
        raise ValueError(f"answers go from {chosen.min()} to {chosen.max()}: 0 to {actions - 1} is right")
    return chosen


def scores(total: np.ndarray, steps: np.ndarray) -> Scores:
    """Metrics of n episodes: their sums of rewards, and their numbers of steps."""
    quantiles = np.percentile(total, QUANTILES)
    return {
        "return": float(total.mean()),
        "length": float(steps.mean()),
        "return_by_quantile": {str(q): float(value) for q, value in zip(QUANTILES, quantiles, strict=True)},
    }

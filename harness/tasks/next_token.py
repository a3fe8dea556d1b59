"""Which token comes next? A question is a passage in reading order, an answer the chances of what follows each place.

Scores: loss (nats per token), bits, perplexity, accuracy. The answer at a place may use the passage up to that place
and no further: later tokens are the truth of earlier places, and a technique that looks at them is cheating.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.contract import Answer, BadData, Data, Examples, Problem, Scores
from harness.split import stretch


def pose(
    data: Data,
    size: int,
    seed: int,
    given: Mapping[str, Any],
    *,
    validation: float = 0.0,
    window: int = 1024,
    context: int = 512,
) -> Problem:
    """Learn from `size` tokens that follow each other (`Examples`, y None, classes: how many different tokens there
    are), answer (m, classes) probabilities for a passage of m tokens.

    validation  share of the `size` tokens, the last ones, that is held out of training and judged under split="valid"
    window      tokens of a passage       context  tokens that were read before any that is judged, but at the beginning
    Raises BadData where the data cannot be posed; `judge` raises ValueError where answers are no probabilities. A token
    that was given no chance at all makes the loss infinite.
    """
    if not 0 <= context < window:
        raise ValueError(f"context is {context}, window {window}: context is right from 0 to below window")
    learn, hold = stretch(data, size, seed, validation)
    test = np.asarray(data.test_x)
    for part, tokens in (("training", learn), ("validation", hold), ("test", test)):
        if tokens is not None:
            _check(tokens, data.classes, part)
    counts = np.bincount(learn, minlength=data.classes) + 1.0
    chances = counts / counts.sum()

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        tokens = test if split == "test" else hold
        return {} if tokens is None else _scores(ask, tokens, data.classes, window, context)

    def floor(question: Any) -> np.ndarray:
        return np.broadcast_to(chances, (len(question), len(chances)))

    train = Examples(learn, None, data.classes)
    return Problem(train, judge, floor, np.array(test[:64]), "token", data.ceiling)


def _check(tokens: np.ndarray, classes: int, part: str) -> None:
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
        raise BadData(f"{part} tokens have shape {tokens.shape} and type {tokens.dtype}: (n,) whole numbers are right")
    if len(tokens) < 2:
        raise BadData(f"the {part} part has {len(tokens)} tokens: one to read and one to tell are the least")
    wrong = (tokens < 0) | (tokens >= classes)
    if wrong.any():
        place = int(wrong.argmax())
        raise BadData(f"{part} token {place:,} is {tokens[place]}: a number from 0 to {classes - 1} is right")


def _scores(ask: Answer, tokens: np.ndarray, classes: int, window: int, context: int) -> Scores:
    """Every token but the first is judged once, with all that its window holds before it."""
    loss, right = 0.0, 0
    places = len(tokens) - 1
    for start in range(0, max(1, places - context), window - context):
        passage = np.array(tokens[start : min(start + window, places)])
        known = context if start else 0  # places that the window before has answered
        p = _answers(ask(passage), len(passage), classes)[known:]
        truth = tokens[start + known + 1 : start + len(passage) + 1].astype(np.int64)
        with np.errstate(divide="ignore"):
            loss -= float(np.log(p[np.arange(len(p)), truth], dtype=np.float64).sum())
        right += int((p.argmax(axis=1) == truth).sum())
    mean = loss / places
    with np.errstate(over="ignore"):
        return {
            "loss": mean,
            "bits": mean / float(np.log(2)),
            "perplexity": float(np.exp(mean)),
            "accuracy": right / places,
        }


def _answers(answers: Any, questions: int, classes: int) -> np.ndarray:
    p = np.asarray(answers)
    if p.ndim and len(p) != questions:
        raise ValueError(f"answered {len(p):,} of {questions:,} questions")
    if p.shape != (questions, classes) or p.dtype.kind != "f":
        raise ValueError(f"answers have shape {p.shape}, type {p.dtype}: floats of {(questions, classes)} are right")
    total = p.sum(axis=1, dtype=np.float64)
    wrong = ~(np.abs(total - 1) <= 1e-3)  # so written that NaN is wrong too
    if wrong.any() or p.min() < 0:
        place = int(wrong.argmax()) if wrong.any() else int(p.min(axis=1).argmin())
        raise ValueError(
            f"answers are no probabilities: at place {place} they sum to {total[place]:.6g}, the least is "
            f"{p[place].min():.3g}; from 0 on, and a sum of 1 within 1e-3, are right"
        )
    return p

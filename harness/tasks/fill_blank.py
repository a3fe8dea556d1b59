"""Which token stands in the blank? A question is the tokens around one blank, an answer the chances of what it hides.

After Taylor, "Cloze procedure: a new tool for measuring readability", Journalism Quarterly 30, 1953; what BERT learns
from. Scores: loss (nats per blank), bits, perplexity, accuracy. No blank's truth is shown by another question: the test
text is cut into pieces that do not overlap, with a blank in the middle of each.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.contract import Answer, BadData, Data, Examples, Problem, Scores
from harness.split import stretch


def pose(
    data: Data, size: int, seed: int, given: Mapping[str, Any], *, validation: float = 0.0, reach: int = 16
) -> Problem:
    """Learn from `size` tokens that follow each other (`Examples`, y None, classes: how many different tokens there
    are), answer (m, classes) probabilities for m questions (m, 2 reach + 1), whose middle token reads `classes`.

    validation  share of the `size` tokens, the last ones, that is held out of training and judged under split="valid"
    reach       tokens that are shown on each side of a blank
    Raises BadData where the data cannot be posed; `judge` raises ValueError where answers are no probabilities. A token
    that was given no chance at all makes the loss infinite.
    """
    if reach < 1:
        raise ValueError(f"reach is {reach}: 1 token or more on each side of a blank are right")
    learn, hold = stretch(data, size, seed, validation)
    test = np.asarray(data.test_x)
    for part, tokens in (("training", learn), ("validation", hold), ("test", test)):
        if tokens is not None:
            _check(tokens, data.classes, part)
    if len(test) <= 2 * reach:
        raise BadData(
            f"the test part has {len(test)} tokens: {2 * reach + 1}, a blank and {reach} on each side, or more"
        )
    asked, truth = _blanks(test, reach, data.classes)
    counts = np.bincount(learn, minlength=data.classes) + 1.0
    chances = counts / counts.sum()

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        if split == "test":
            return _scores(ask(asked.copy()), truth, data.classes)
        if hold is None or len(hold) <= 2 * reach:
            return {}
        questions, answers = _blanks(hold, reach, data.classes)
        return _scores(ask(questions), answers, data.classes)

    def floor(question: Any) -> np.ndarray:
        return np.broadcast_to(chances, (len(question), len(chances)))

    return Problem(Examples(learn, None, data.classes), judge, floor, asked[:64].copy(), "blank", data.ceiling)


def _check(tokens: np.ndarray, classes: int, part: str) -> None:
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
        raise BadData(f"{part} tokens have shape {tokens.shape} and type {tokens.dtype}: (n,) whole numbers are right")
    wrong = (tokens < 0) | (tokens >= classes)
    if wrong.any():
        place = int(wrong.argmax())
        raise BadData(f"{part} token {place:,} is {tokens[place]}: a number from 0 to {classes - 1} is right")


def _blanks(tokens: np.ndarray, reach: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(m, 2 reach + 1) pieces one after the other, their middle hidden, and the (m,) tokens that stood there."""
    width = 2 * reach + 1
    pieces = tokens[: len(tokens) // width * width].reshape(-1, width).astype(np.min_scalar_type(classes))
    truth = pieces[:, reach].astype(np.int64)
    pieces[:, reach] = classes
    return pieces, truth


def _scores(answers: Any, truth: np.ndarray, classes: int) -> Scores:
    p = np.asarray(answers)
    if p.ndim and len(p) != len(truth):
        raise ValueError(f"answered {len(p):,} of {len(truth):,} questions")
    if p.shape != (len(truth), classes) or p.dtype.kind != "f":
        raise ValueError(f"answers have shape {p.shape}, type {p.dtype}: floats of {(len(truth), classes)} are right")
    total = p.sum(axis=1, dtype=np.float64)
    wrong = ~(np.abs(total - 1) <= 1e-3) | (p.min(axis=1) < 0)  # so written that NaN is wrong too
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(
            f"answers are no probabilities: at blank {place} they sum to {total[place]:.6g}, the least is "
            f"{p[place].min():.3g}; from 0 on, and a sum of 1 within 1e-3, are right"
        )
    with np.errstate(divide="ignore", over="ignore"):
        loss = -float(np.log(p[np.arange(len(p)), truth], dtype=np.float64).mean())
        perplexity = float(np.exp(loss))
    right = float((p.argmax(axis=1) == truth).mean())
    return {"loss": loss, "bits": loss / float(np.log(2)), "perplexity": perplexity, "accuracy": right}

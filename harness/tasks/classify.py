"""Which class? A question is a row, an image, a sound or a text, an answer one score per class, best a probability.

Scores: accuracy, balanced_accuracy, and where they can be had auc, log_loss and calibration_error. NumPy only: a
metrics library would put its memory under every technique that is measured.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.contract import Answer, BadData, Data, Problem, Scores
from harness.split import parts

BINS = 15
TINY = 1e-15  # log_loss of an answer that gave the truth no chance at all is -log(TINY), 34.5


def pose(data: Data, size: int, seed: int, given: Mapping[str, Any], *, validation: float = 0.0) -> Problem:
    """Learn from `size` rows (`Examples`), answer (N, classes) finite scores for N questions.

    validation  share of the `size` rows that is held out of training and judged under split="valid"
    Raises BadData where the data cannot be posed; `judge` raises ValueError where answers are not as asked.
    """
    if data.classes < 2:
        raise BadData(f"has {data.classes} classes: the task classify asks for 2 or more, regress for numbers")
    train, valid, test = parts(data, size, seed, validation)
    shares = np.bincount(train.y, minlength=data.classes) / len(train.y)
    if shares.max() == 1:
        raise BadData(f"all {len(train.y)} training rows are of class {train.y[0]}: it takes 2 classes, so more rows")

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        rows = test if split == "test" else valid
        if rows is None:
            return {}
        x, y = rows
        # A copy: an answer that standardises its question in place must not change the next one's.
        return scores(_answers(ask(x.copy()), len(y), data.classes), y)

    def floor(question: Any) -> np.ndarray:
        return np.tile(shares, (len(question), 1))

    x = train.x
    unit = {"T": "text", "i": "sound"}.get(x.dtype.kind, "image" if x.dtype == np.uint8 else "row")
    return Problem(train, judge, floor, test[0][:16].copy(), unit, data.ceiling)


def _answers(answers: Any, questions: int, classes: int) -> np.ndarray:
    p = np.asarray(answers, dtype=np.float64)
    if p.ndim and len(p) != questions:
        raise ValueError(f"answered {len(p):,} of {questions:,} questions")
    if p.shape != (questions, classes):
        raise ValueError(f"answers have shape {p.shape}: {(questions, classes)} is right, a score for each class")
    wrong = ~np.isfinite(p).all(axis=1)
    if wrong.any():
        raise ValueError(f"answers hold NaN or infinity (first at question {int(wrong.argmax())})")
    return p


def scores(p: np.ndarray, y: np.ndarray) -> Scores:
    """Metrics of answers p (N, classes) against the truth y (N,).

    log_loss and calibration_error are there only where the rows of p are probabilities (not negative, sum 1 within
    1e-3); auc (of class 1; of each class against the rest, averaged) only where the truth holds every class.
    """
    chosen = p.argmax(axis=1)
    counts = np.bincount(y, minlength=p.shape[1])
    hits = np.bincount(y[chosen == y], minlength=p.shape[1])
    present = counts > 0
    result: Scores = {
        "accuracy": float(hits.sum() / len(y)),
        "balanced_accuracy": float((hits[present] / counts[present]).mean()),
    }
    if present.all():
        each = [1] if p.shape[1] == 2 else range(p.shape[1])
        result["auc"] = float(np.mean([_auc(p[:, c], y == c) for c in each]))
    if p.min() >= 0 and np.abs(p.sum(axis=1) - 1).max() <= 1e-3:
        result["log_loss"] = float(-np.log(np.clip(p[np.arange(len(y)), y], TINY, 1)).mean())
        result["calibration_error"] = _calibration_error(p.max(axis=1), chosen == y)
    return result


def _auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a positive row scores above a negative one, ties counting half (Mann and Whitney 1947)."""
    _, place, ties = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(ties) - (ties - 1) / 2)[place]  # from 1; equal scores share the mean of their ranks
    m = int(positive.sum())
    return float((rank[positive].sum() - m * (m + 1) / 2) / (m * (len(score) - m)))


def _calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Mean gap between confidence and accuracy over 15 equal bins, weighted by rows (Guo et al. 2017, 1706.04599)."""
    which = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    gaps = np.bincount(which, weights=confidence - correct, minlength=BINS)
    return float(np.abs(gaps).sum() / len(correct))

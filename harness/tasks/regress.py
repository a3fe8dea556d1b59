"""Which number? A question is a row, an answer one finite number. Scores: rmse, mae, and r2 where the truth varies."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.contract import Answer, BadData, Data, Problem, Scores
from harness.split import parts


def pose(data: Data, size: int, seed: int, given: Mapping[str, Any], *, validation: float = 0.0) -> Problem:
    """Learn from `size` rows (`Examples`), answer (N,) finite numbers for N questions.

    validation  share of the `size` rows that is held out of training and judged under split="valid"
    Raises BadData where the data cannot be posed; `judge` raises ValueError where answers are not as asked.
    """
    if data.classes:
        raise BadData(f"has {data.classes} classes: the task regress asks for numbers, classify for classes")
    train, valid, test = parts(data, size, seed, validation)
    mean = float(train.y.mean())

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        rows = test if split == "test" else valid
        if rows is None:
            return {}
        x, y = rows
        # A copy: an answer that standardises its question in place must not change the next one's.
        return scores(_answers(ask(x.copy()), len(y)), y)

    def floor(question: Any) -> np.ndarray:
        return np.full(len(question), mean)

    unit = "row" if train.x.ndim == 2 else "image"
    return Problem(train, judge, floor, test[0][:16].copy(), unit, data.ceiling)


def _answers(answers: Any, questions: int) -> np.ndarray:
    numbers = np.asarray(answers, dtype=np.float64)
    if numbers.ndim and len(numbers) != questions:
        raise ValueError(f"answered {len(numbers):,} of {questions:,} questions")
    if numbers.shape != (questions,):
        raise ValueError(f"answers have shape {numbers.shape}: {(questions,)} is right, one number for each question")
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        raise ValueError(f"answers hold NaN or infinity (first at question {int(wrong.argmax())})")
    return numbers


def scores(answers: np.ndarray, y: np.ndarray) -> Scores:
    """Metrics of answers (N,) against the truth y (N,)."""
    error = answers - y
    result: Scores = {"rmse": float(np.sqrt((error**2).mean())), "mae": float(np.abs(error).mean())}
    spread = float(((y - y.mean()) ** 2).sum())
    if spread > 0:
        result["r2"] = 1 - float((error**2).sum()) / spread
    return result

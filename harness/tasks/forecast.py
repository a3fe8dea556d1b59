"""How does it go on? A question is a window of the last rows of a series, an answer the rows that follow it.

Both sides see every column less its mean and over its spread, of the rows that were learned from. Scores, in that
measure and over all columns and steps: mse, mae.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.contract import Answer, BadData, Data, Examples, Problem, Scores
from harness.split import stretch

MOST = 2_000  # windows that are asked: all there are, or so many at equal distances


def pose(
    data: Data,
    size: int,
    seed: int,
    given: Mapping[str, Any],
    *,
    validation: float = 0.0,
    horizon: int = 96,
    context: int = 336,
) -> Problem:
    """Learn from the last `size` rows before the test part (`Examples`: x (size, k) float32 standardised, y None, and
    the horizon), answer (n, horizon, k) for questions (n, context, k) float32.

    validation  share of the `size` rows, the latest, that is held out of training and judged under split="valid"
    The rows before a part are the context of its first windows, whether they were learned from or not.
    Raises BadData where the data cannot be posed; `judge` raises ValueError where answers are not as asked.
    """
    if horizon < 1 or context < 1:
        raise ValueError(f"horizon is {horizon}, context {context}: 1 row is the least of both")
    x, test = _checked(data.x, "training"), _checked(data.test_x, "test")
    if not data.ordered or x.shape[1] != test.shape[1]:
        raise BadData(f"series of {x.shape[1]} and {test.shape[1]} columns: ordered rows of the same columns are right")
    learn, hold = stretch(data, size, seed, validation)
    series = _standardised(np.concatenate([x, test]), learn)
    held = 0 if hold is None else len(hold)
    origins = {"test": _origins(len(x), len(series), horizon, context, "test")}
    if held:
        origins["valid"] = _origins(len(x) - held, len(x), horizon, context, "validation")

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        if split not in origins:
            return {}
        truth = series[origins[split][:, None] + np.arange(horizon)]
        error = _answers(ask(_before(series, origins[split], context)), truth.shape) - truth
        return {"mse": float((error**2).mean()), "mae": float(np.abs(error).mean())}

    def floor(question: Any) -> np.ndarray:
        return np.zeros((len(question), horizon, question.shape[2]), dtype=np.float32)

    train = Examples(series[len(x) - held - len(learn) : len(x) - held].copy(), None, 0, horizon=horizon)
    return Problem(train, judge, floor, _before(series, origins["test"][:16], context), "window", data.ceiling)


def _checked(x: Any, part: str) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim != 2 or x.dtype.kind not in "biuf" or not np.isfinite(x).all():
        raise BadData(f"the {part} part has shape {x.shape}, type {x.dtype}: finite numbers (rows, columns) are right")
    return x


def _standardised(x: np.ndarray, learn: np.ndarray) -> np.ndarray:
    mean, spread = learn.mean(axis=0, dtype=np.float64), learn.std(axis=0, dtype=np.float64)
    return ((x - mean) / np.where(spread > 0, spread, 1)).astype(np.float32)


def _before(series: np.ndarray, origins: np.ndarray, context: int) -> np.ndarray:
    """(n, context, k): the rows before each origin, a copy."""
    return series[origins[:, None] + np.arange(-context, 0)]


def _origins(first: int, end: int, horizon: int, context: int, part: str) -> np.ndarray:
    """The rows at which forecasts begin, from row `first` on and before row `end`."""
    if first < context:
        raise BadData(f"{first:,} rows lie before the {part} part, fewer than the {context:,} of a question")
    if end - first < horizon:
        raise BadData(f"the {part} part has {end - first:,} rows, fewer than the {horizon:,} of an answer")
    windows = end - first - horizon + 1
    return first + np.linspace(0, windows - 1, min(windows, MOST)).astype(np.int64)


def _answers(answers: Any, shape: tuple[int, ...]) -> np.ndarray:
    found = np.asarray(answers, dtype=np.float64)
    if found.ndim and len(found) != shape[0]:
        raise ValueError(f"answered {len(found):,} of {shape[0]:,} questions")
    if found.shape != shape:
        raise ValueError(f"answers have shape {found.shape}: {shape} is right, (questions, horizon, columns)")
    wrong = ~np.isfinite(found).all(axis=(1, 2))
    if wrong.any():
        raise ValueError(f"answers hold NaN or infinity (first at question {int(wrong.argmax())})")
    return found

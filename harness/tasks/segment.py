"""Which class has each pixel? A question is a picture, an answer a class for each of its pixels.

Scores: accuracy, pixel_error (the share of wrong pixels), iou (intersection over union, the mean of the classes that
are in the truth or in the answers).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.contract import Answer, BadData, Data, Examples, Problem, Scores
from harness.split import drawn


def pose(data: Data, size: int, seed: int, given: Mapping[str, Any], *, validation: float = 0.0) -> Problem:
    """Learn from `size` pictures (`Examples`: x (n, h, w) or (n, h, w, 3), y (n, h, w) uint8), answer (n, h, w) whole
    numbers below classes for n questions.

    validation  share of the `size` pictures that is held out of training and judged under split="valid"
    Raises BadData where the data cannot be posed; `judge` raises ValueError where answers are not as asked.
    """
    _check(data.x, data.y, data.classes, "training")
    learn, hold, out = drawn(data, size, seed, validation)
    if out is None:
        _check(data.test_x, data.test_y, data.classes, "test")
    test = (data.test_x, data.test_y) if out is None else (data.x[out], data.y[out])
    valid = (data.x[hold], data.y[hold]) if len(hold) else None
    train = Examples(data.x[learn], data.y[learn], data.classes)
    usual = int(np.bincount(train.y.ravel(), minlength=data.classes).argmax())

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        rows = test if split == "test" else valid
        if rows is None:
            return {}
        x, y = rows
        # A copy: an answer that standardises its question in place must not change the next one's.
        return scores(_answers(ask(x.copy()), y.shape, data.classes), y, data.classes)

    def floor(question: Any) -> np.ndarray:
        return np.full(question.shape[:3], usual, dtype=np.uint8)

    return Problem(train, judge, floor, test[0][:4].copy(), "image", data.ceiling)


def _check(x: Any, y: Any, classes: int, part: str) -> None:
    x, y = np.asarray(x), np.asarray(y)
    if x.dtype != np.uint8 or y.dtype != np.uint8 or x.ndim not in (3, 4) or y.shape != x.shape[:3]:
        raise BadData(
            f"{part} pictures are {x.dtype} {x.shape}, classes {y.dtype} {y.shape}: uint8 (n, h, w) both is right, "
            "or (n, h, w, 3) pictures"
        )
    if classes < 2 or (y.size and y.max() >= classes):
        raise BadData(f"a {part} pixel is of class {y.max()}, and there are {classes}: 0 to {classes - 1} is right")


def _answers(answers: Any, shape: tuple[int, ...], classes: int) -> np.ndarray:
    found = np.asarray(answers)
    if found.ndim and len(found) != shape[0]:
        raise ValueError(f"answered {len(found):,} of {shape[0]:,} questions")
    if found.shape != shape or found.dtype.kind not in "iu":
        raise ValueError(f"answers have shape {found.shape}, type {found.dtype}: whole numbers of {shape} are right")
    if found.min() < 0 or found.max() >= classes:
        raise ValueError(f"answers go from {found.min()} to {found.max()}: 0 to {classes - 1} is right")
    return found


def scores(answers: np.ndarray, y: np.ndarray, classes: int) -> Scores:
    """Metrics of answers (n, h, w) against the truth y (n, h, w)."""
    table = np.zeros(classes * classes, dtype=np.int64)
    for found, truth in zip(answers, y, strict=True):  # picture by picture: the whole would take 8 bytes a pixel
        table += np.bincount(truth.ravel().astype(np.int64) * classes + found.ravel(), minlength=classes * classes)
    met = table.reshape(classes, classes)
    both = np.diag(met)
    either = met.sum(axis=0) + met.sum(axis=1) - both
    accuracy = float(both.sum() / met.sum())
    return {
        "accuracy": accuracy,
        "pixel_error": 1 - accuracy,
        "iou": float((both[either > 0] / either[either > 0]).mean()),
    }

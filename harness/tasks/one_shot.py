"""Which of these is of the same kind? A question is a picture and k others; one of these shows what the first shows.

An answer is a score for each of the k. Score: accuracy. The kinds in the test were never seen in training.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.contract import Answer, BadData, Data, Examples, Problem, Scores
from harness.split import drawn, generator


def pose(data: Data, size: int, seed: int, given: Mapping[str, Any], *, validation: float = 0.0) -> Problem:
    """Learn from `size` pictures and their kinds (`Examples`), answer (m, k) scores for questions (m, 1 + k, h, w).

    validation  share of the `size` pictures that is held out of training; under split="valid" questions are made of
                them, one for each kind that has two pictures there
    Raises BadData where the data cannot be posed; `judge` raises ValueError where answers are not as asked.
    """
    test_x, test_y = np.asarray(data.test_x), np.asarray(data.test_y)
    if test_x.ndim < 4 or test_x.shape[2:] != data.x.shape[1:] or test_y.shape != test_x.shape[:1]:
        raise BadData(
            f"test questions have shape {test_x.shape}, their answers {test_y.shape}, a training picture "
            f"{data.x.shape[1:]}: (m, 1 + k, ...) and (m,) of the same pictures are right"
        )
    k = test_x.shape[1] - 1
    if not ((test_y >= 0) & (test_y < k)).all():
        raise BadData(f"test answers go from {test_y.min()} to {test_y.max()}: 0 to {k - 1} is right")
    learn, hold, _ = drawn(data, size, seed, validation)
    parts = {"test": (test_x, test_y)}
    if len(hold):
        parts["valid"] = questions(data.x[hold], data.y[hold], k, seed)

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        if split not in parts:
            return {}
        x, y = parts[split]
        # A copy: an answer that standardises its question in place must not change the next one's.
        p = _answers(ask(x.copy()), (len(y), k))
        return {"accuracy": float((p.argmax(axis=1) == y).mean())}

    def floor(question: Any) -> np.ndarray:
        return generator("one_shot floor", 0).random((len(question), k))

    train = Examples(data.x[learn], data.y[learn], data.classes)
    return Problem(train, judge, floor, test_x[:16].copy(), "question", data.ceiling)


def questions(x: np.ndarray, y: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(m, 1 + k, ...) pictures and (m,) places of the right one: of each kind with two pictures one question."""
    rng = generator("one_shot", seed)
    rows = rng.permutation(len(y))
    kinds = {int(kind): rows[y[rows] == kind] for kind in np.unique(y)}
    if len(kinds) < k or max(map(len, kinds.values())) < 2:
        raise BadData(
            f"{len(y)} pictures of {len(kinds)} kinds are held out: a question takes {k} kinds, two pictures of one"
        )
    chosen, places = [], []
    for kind in [kind for kind, own in kinds.items() if len(own) > 1]:
        others = rng.choice([other for other in kinds if other != kind], k - 1, replace=False)
        place = int(rng.integers(k))
        shown = [kinds[int(other)][0] for other in others]
        chosen.append([kinds[kind][0], *shown[:place], kinds[kind][1], *shown[place:]])
        places.append(place)
    return x[np.array(chosen)], np.array(places)


def _answers(answers: Any, shape: tuple[int, int]) -> np.ndarray:
    p = np.asarray(answers, dtype=np.float64)
    if p.ndim and len(p) != shape[0]:
        raise ValueError(f"answered {len(p):,} of {shape[0]:,} questions")
    if p.shape != shape:
        raise ValueError(f"answers have shape {p.shape}: {shape} is right, a score for each of the {shape[1]}")
    wrong = ~np.isfinite(p).all(axis=1)
    if wrong.any():
        raise ValueError(f"answers hold NaN or infinity (first at question {int(wrong.argmax())})")
    return p

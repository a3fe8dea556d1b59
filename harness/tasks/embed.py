"""Where do words lie? A question is a list of words, an answer a vector for each. The data are running text.

Scores, by what the test asks: accuracy of analogies (a is to b as c is to ...?) and of each section, or spearman's
rank correlation of cosines with human judgements of similarity.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.contract import Answer, BadData, Data, Examples, Problem, Scores
from harness.split import stretch

CHUNK = 1_000  # analogies whose cosines with all words are held at once


def pose(data: Data, size: int, seed: int, given: Mapping[str, Any], *, validation: float = 0.0) -> Problem:
    """Learn from `size` tokens that follow each other (`Examples`: x (size,) numbers of tokens, y (classes,)
    StringDType, the word of each number), answer (m, d) finite numbers for m words.

    A word may get zeros, where it was never seen: an analogy that holds it counts as missed, its cosines are 0.
    Raises BadData where the data cannot be posed, and ValueError for a validation part: no word is ever held out.
    `judge` raises ValueError where answers are not as asked.
    """
    if validation:
        raise ValueError(f"validation is {validation}: words are not held out of running text, so 0 is right")
    test_x, test_y = np.asarray(data.test_x), np.asarray(data.test_y)
    if test_x.ndim != 2 or test_x.shape[1] not in (2, 4) or test_x.dtype.kind != "T" or len(test_y) != len(test_x):
        raise BadData(f"test words are {test_x.dtype} {test_x.shape}, answers {test_y.shape}: StringDType (m, 2 or 4)")
    if len(data.vocabulary) != data.classes:
        raise BadData(f"the vocabulary has {len(data.vocabulary)} words, the tokens {data.classes} numbers: one each")
    learn = stretch(data, size, seed)[0] if size or len(data.x) else np.array(data.x)  # some data bring no text
    analogies = test_x.shape[1] == 4
    asked = np.column_stack([test_x[:, :3], test_y]) if analogies else test_x
    words, place = np.unique(asked, return_inverse=True)
    place = place.reshape(asked.shape)

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        if split == "valid":
            return {}
        vectors = _answers(ask(words.copy()), len(words))
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
        return analogy_scores(unit, place, test_x[:, 3]) if analogies else similarity_scores(unit, place, test_y)

    def floor(question: Any) -> np.ndarray:
        return np.array([np.random.default_rng(zlib.crc32(word.encode())).normal(size=50) for word in question])

    train = Examples(learn, np.array(data.vocabulary, dtype=np.dtypes.StringDType()), data.classes)
    return Problem(train, judge, floor, words[:16].copy(), "word", data.ceiling)


def _answers(answers: Any, questions: int) -> np.ndarray:
    vectors = np.asarray(answers, dtype=np.float64)
    if vectors.ndim and len(vectors) != questions:
        raise ValueError(f"answered {len(vectors):,} of {questions:,} questions")
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise ValueError(f"answers have shape {vectors.shape}: {(questions, 'd')} is right, a vector for each word")
    wrong = ~np.isfinite(vectors).all(axis=1)
    if wrong.any():
        raise ValueError(f"answers hold NaN or infinity (first at question {int(wrong.argmax())})")
    return vectors


def analogy_scores(unit: np.ndarray, place: np.ndarray, sections: np.ndarray) -> Scores:
    """3CosAdd (Mikolov et al. 2013): the word nearest to b - a + c, of all asked but these three.

    unit  (words, d) vectors of length 1, or zeros     place  (m, 4) numbers of a, b, c and the answer
    """
    right = np.zeros(len(place), dtype=bool)
    for start in range(0, len(place), CHUNK):
        a, b, c, truth = place[start : start + CHUNK].T
        near = (unit[b] - unit[a] + unit[c]) @ unit.T
        near[np.arange(len(a))[:, None], np.column_stack([a, b, c])] = -np.inf
        right[start : start + CHUNK] = near.argmax(axis=1) == truth
    known = (unit != 0).any(axis=1)[place].all(axis=1)
    right &= known
    return {
        "accuracy": float(right.mean()),
        "known": float(known.mean()),
        "accuracy_by_section": {str(one): float(right[sections == one].mean()) for one in np.unique(sections)},
    }


def similarity_scores(unit: np.ndarray, place: np.ndarray, truth: np.ndarray) -> Scores:
    """Spearman's correlation of cosines with judgements; 0 where all cosines are equal."""
    cosine = (unit[place[:, 0]] * unit[place[:, 1]]).sum(axis=1)
    ranks = [_ranks(values) - (len(truth) + 1) / 2 for values in (cosine, truth)]
    spread = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    known = (unit != 0).any(axis=1)[place].all(axis=1)
    return {"spearman": float(ranks[0] @ ranks[1]) / spread if spread else 0.0, "known": float(known.mean())}


def _ranks(values: np.ndarray) -> np.ndarray:
    """From 1; equal values share the mean of their ranks."""
    _, place, ties = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(ties) - (ties - 1) / 2)[place]

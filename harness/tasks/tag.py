"""Which tag has each word? A question is a text with single spaces between its words, an answer as many tags.

Scores: accuracy per word, and where the tags mark chunks (B-, I-, O) f1 of whole chunks as CoNLL-2000 counts them.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.contract import Answer, BadData, Data, Examples, Problem, Scores
from harness.split import drawn


def pose(data: Data, size: int, seed: int, given: Mapping[str, Any], *, validation: float = 0.0) -> Problem:
    """Learn from `size` texts (`Examples`: x and y (n,) StringDType, words and their tags with single spaces between
    them), answer n strings of tags for n texts.

    validation  share of the `size` texts that is held out of training and judged under split="valid"
    Raises BadData where the data cannot be posed; `judge` raises ValueError where answers are not as asked.
    """
    _check(data.x, data.y, "training")
    learn, hold, out = drawn(data, size, seed, validation)
    if out is None:
        _check(data.test_x, data.test_y, "test")
    test = (data.test_x, data.test_y) if out is None else (data.x[out], data.y[out])
    valid = (data.x[hold], data.y[hold]) if len(hold) else None
    train = Examples(data.x[learn], data.y[learn], 0)
    (usual, _), *_ = Counter(tag for text in train.y for tag in text.split(" ")).most_common(1)

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        rows = test if split == "test" else valid
        if rows is None:
            return {}
        x, y = rows
        truth = [tags.split(" ") for tags in y]
        return scores(_answers(ask(x.copy()), truth), truth)

    def floor(question: Any) -> list[str]:
        return [" ".join([usual] * (text.count(" ") + 1)) for text in question]

    return Problem(train, judge, floor, test[0][:16].copy(), "text", data.ceiling)


def _check(x: Any, y: Any, part: str) -> None:
    x, y = np.asarray(x), np.asarray(y)
    if x.dtype.kind != "T" or y.dtype.kind != "T" or x.ndim != 1 or x.shape != y.shape:
        raise BadData(f"{part} texts are {x.dtype} {x.shape}, tags {y.dtype} {y.shape}: StringDType (n,) both is right")
    for row, (words, tags) in enumerate(zip(x, y, strict=True)):
        if words.count(" ") != tags.count(" "):
            raise BadData(f"{part} text {row} has {words.count(' ') + 1} words and {tags.count(' ') + 1} tags")


def _answers(answers: Any, truth: list[list[str]]) -> list[list[str]]:
    found = list(answers)
    if len(found) != len(truth):
        raise ValueError(f"answered {len(found):,} of {len(truth):,} questions")
    for place, (text, right) in enumerate(zip(found, truth, strict=True)):
        if not isinstance(text, str) or text.count(" ") + 1 != len(right):
            raise ValueError(f"answer {place} is {text!r:.60}: {len(right)} tags, one for each word, are right")
    return [text.split(" ") for text in found]


def scores(answers: list[list[str]], truth: list[list[str]]) -> Scores:
    """Metrics of the tags of n texts against the true ones."""
    pairs = [pair for both in zip(answers, truth, strict=True) for pair in zip(*both, strict=True)]
    result: Scores = {"accuracy": sum(a == b for a, b in pairs) / len(pairs)}
    if any(tag.startswith("B-") for _, tag in pairs):
        told, real = ([(n, chunk) for n, tags in enumerate(t) for chunk in chunks(tags)] for t in (answers, truth))
        both = len(set(told) & set(real))
        result |= {"precision": both / max(1, len(told)), "recall": both / len(real)}
        result["f1"] = 2 * both / (len(told) + len(real))
    return result


def chunks(tags: list[str]) -> list[tuple[int, int, str]]:
    """(first word, word after the last, kind) of each chunk. "I-" after another kind or after no chunk begins one."""
    found: list[tuple[int, int, str]] = []
    start, inside = 0, ""
    for place, tag in enumerate([*tags, "O"]):
        mark, _, kind = tag.partition("-") if tag[:2] in ("B-", "I-") else ("O", "", "")
        if inside and (mark != "I" or kind != inside):
            found.append((start, place, inside))
            inside = ""
        if mark != "O" and not inside:
            start, inside = place, kind
    return found

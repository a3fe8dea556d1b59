"""What is it in the other language? A question is a text, or a sound, and an answer is a text.

Scores: bleu and chrf as sacrebleu counts them (0 to 100), exact (share of answers that are the truth letter for
letter), symbol_error (letters to be put in, left out or changed, per letter of the truth). Of texts also bleu_short and
bleu_long (of the quarter of the questions that has the fewest words, and of that with the most), and bleu_fall (the
first less the second).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.contract import Answer, BadData, Data, Examples, Problem, Scores
from harness.split import drawn


def pose(data: Data, size: int, seed: int, given: Mapping[str, Any], *, validation: float = 0.0) -> Problem:
    """Learn from `size` pairs (`Examples`: x (n,) StringDType, or (n, samples) int16, and y (n,) StringDType), answer n
    strings for n questions.

    validation  share of the `size` pairs that is held out of training and judged under split="valid"
    Raises BadData where the data cannot be posed; `judge` raises ValueError where answers are not as asked.
    """
    _check(data.x, data.y, "training")
    learn, hold, out = drawn(data, size, seed, validation)
    if out is None:
        _check(data.test_x, data.test_y, "test")
    test = (data.test_x, data.test_y) if out is None else (data.x[out], data.y[out])
    valid = (data.x[hold], data.y[hold]) if len(hold) else None
    train = Examples(data.x[learn], data.y[learn], 0)
    (usual, _), *_ = Counter(train.y.tolist()).most_common(1)

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        rows = test if split == "test" else valid
        if rows is None:
            return {}
        x, y = rows
        answers, truth = _answers(ask(x.copy()), len(y)), y.tolist()
        return scores(answers, truth) | (by_length(answers, truth, x.tolist()) if x.dtype.kind == "T" else {})

    def floor(question: Any) -> list[str]:
        return [usual] * len(question)

    return Problem(train, judge, floor, test[0][:16].copy(), "text", data.ceiling)


def _check(x: Any, y: Any, part: str) -> None:
    x, y = np.asarray(x), np.asarray(y)
    if y.dtype.kind != "T" or not (x.dtype.kind == "T" or (x.dtype == np.int16 and x.ndim == 2)):
        raise BadData(f"{part} pairs have types {x.dtype} and {y.dtype}: texts (StringDType), or sounds and texts")
    if y.ndim != 1 or len(x) != len(y):
        raise BadData(f"{part} questions have shape {x.shape} and targets {y.shape}: one target for each is right")


def _answers(answers: Any, questions: int) -> list[str]:
    found = list(answers)
    if len(found) != questions:
        raise ValueError(f"answered {len(found):,} of {questions:,} questions")
    for place, text in enumerate(found):
        if not isinstance(text, str):
            raise ValueError(f"answer {place} is {text!r:.60}, of type {type(text).__name__}: a text is right")
    return found


def scores(answers: list[str], truth: list[str]) -> Scores:
    """Metrics of n answers against n truths."""
    import sacrebleu  # not at the top: its memory would lie under every technique that is measured

    wrong = sum(distance(*pair) for pair in zip(answers, truth, strict=True))
    return {
        "bleu": sacrebleu.corpus_bleu(answers, [truth], tokenize="13a").score,
        "chrf": sacrebleu.corpus_chrf(answers, [truth]).score,
        "exact": sum(a == b for a, b in zip(answers, truth, strict=True)) / len(truth),
        "symbol_error": wrong / max(1, sum(map(len, truth))),
    }


def by_length(answers: list[str], truth: list[str], questions: list[str]) -> Scores:
    """BLEU over the quarter of the questions with the fewest words, over that with the most, and how far it falls."""
    import sacrebleu  # as above

    words = [len(question.split()) for question in questions]
    order, quarter = np.argsort(words, kind="stable").tolist(), -(-len(words) // 4)
    short, long = (
        sacrebleu.corpus_bleu([answers[i] for i in rows], [[truth[i] for i in rows]], tokenize="13a").score
        for rows in (order[:quarter], order[-quarter:])
    )
    return {"bleu_short": short, "bleu_long": long, "bleu_fall": short - long}


def distance(a: str, b: str) -> int:
    """Levenshtein's distance, a column of the table in one whole number (Myers 1999 in Hyyro's form of 2003)."""
    if not a:
        return len(b)
    places: dict[str, int] = {}
    for i, letter in enumerate(a):
        places[letter] = places.get(letter, 0) | 1 << i
    every, top = (1 << len(a)) - 1, 1 << (len(a) - 1)
    up, down, total = every, 0, len(a)  # bits: where the column grows, or falls, by one from a letter of a to the next
    for letter in b:
        equal = places.get(letter, 0)
        across = (((equal & up) + up) ^ up) | equal
        rises, falls = down | (every & ~(across | up)), up & across
        total += bool(rises & top) - bool(falls & top)
        rises, falls = rises << 1 | 1, falls << 1
        up, down = (falls | ~(equal | down | rises)) & every, rises & (equal | down) & every
    return total

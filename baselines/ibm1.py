"""IBM model 1: which word stands for which, learned from pairs of sentences; translation word for word, in order.

P. F. Brown, S. A. Della Pietra, V. J. Della Pietra and R. L. Mercer, "The mathematics of statistical machine
translation: parameter estimation", Computational Linguistics 19(2), 1993, section 4.

Deviations from the paper:
1. The table is of target words given source words, and an answer takes the likeliest target word of each source word.
   The paper turns the direction round (the noisy channel) and searches with a language model.
2. A source word never seen stays as it is.
3. Words are runs of letters and digits; any other sign is a word of its own, and closing signs are set without a blank.
"""

import math
import re

import numpy as np

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="IBM model 1",
    year=1993,
    paper="Brown et al., The mathematics of statistical machine translation, Computational Linguistics 19(2), 1993",
    tasks=("translate",),
    forms=("text",),
    space={"iterations": ("int", 1, 20)},
)


def cost(size, shape, classes, examples=None, *, iterations=10) -> Cost:
    """Every pair of a source and a target word that meet is sorted once, and touched in every iteration."""
    links = size * math.prod(shape) * (math.prod(shape) + 1)
    return Cost(fit=links * (6 * iterations + 30), answer=math.prod(shape), bytes=60 * links, unit="steps")


def fit(
    train: Examples,
    run: Run,
    *,
    iterations: int = 10,  # of expectation maximisation
) -> Fitted:
    source, sources = numbered(train.x, {"": 0})  # the empty word, to which any target word may belong
    target, targets = numbered(train.y, {})
    source = [np.append(0, words) for words in source]
    word, partner, chances, _ = learn(source, target, len(targets), iterations)
    # Pairs are sorted by source word, so that the first of each word stays where it was.
    likeliest = np.lexsort((-chances, word))[np.flatnonzero(np.diff(word, prepend=-1))]
    best = dict(zip(word[likeliest].tolist(), partner[likeliest].tolist(), strict=True))
    names = list(targets)
    stands_for = {text: names[best[number]] for text, number in sources.items() if number in best}

    def answer(questions):
        return [written([stands_for.get(word, word) for word in split(text)]) for text in questions]

    return Fitted(answer, parameters=len(chances))


def split(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text)


def written(words: list[str]) -> str:
    return re.sub(r" ([.,;:!?)])", r"\1", " ".join(words))


def numbered(texts, number: dict[str, int]) -> tuple[list[np.ndarray], dict[str, int]]:
    """The words of each text as numbers, and the number of each word, on from those given."""
    return [np.array([number.setdefault(w, len(number)) for w in split(text)], np.int64) for text in texts], number


def learn(
    source: list[np.ndarray], target: list[np.ndarray], targets: int, iterations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[float]]:
    """Source and target word of each pair that meets in some text, sorted; the chance of the target word given the
    source word; and the log-likelihood before each iteration, less a constant.
    """
    met = [(f[None, :] * targets + e[:, None]).ravel() for f, e in zip(source, target, strict=True)]
    pairs, link = np.unique(np.concatenate(met), return_inverse=True)  # links of one target word follow each other
    word, partner = np.divmod(pairs, targets)
    width = np.repeat([len(f) for f in source], [len(e) for e in target])
    start = np.cumsum(width) - width
    chances, likelihoods = np.full(len(pairs), 1 / targets), []
    for _ in range(iterations):
        share = chances[link]
        total = np.add.reduceat(share, start)
        likelihoods.append(float(np.log(total).sum()))
        counts = np.bincount(link, weights=share / np.repeat(total, width), minlength=len(pairs))
        chances = counts / np.bincount(word, weights=counts)[word]
    return word, partner, chances, likelihoods

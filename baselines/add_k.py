"""Add-k n-grams: every token counts k times more after every context than it came.

G. J. Lidstone, "Note on the general case of the Bayes-Laplace formula for inductive or a posteriori probabilities",
Transactions of the Faculty of Actuaries 8, 1920; k = 1 is Laplace's rule. As a language model: S. F. Chen and
J. Goodman, "An empirical study of smoothing techniques for language modeling", TR-10-98, Harvard University, 1998,
section 2.1.

    p(w | h) = (c(h w) + k) / (c(h) + k V)        h: the order - 1 tokens before, c: counts, V: size of the vocabulary

Deviations from the papers:
1. k is the one of 71 values from 1e-6 to 10 that foretells the last tenth of the training text best, with counts of the
   rest; the counts are then those of the whole. It is given in 1920, and found on held-out text by Chen and Goodman.
2. One k for all contexts, and no shorter context where one was never seen: all tokens have the same chance there.
3. One running text: contexts reach back over sentence ends, which are tokens like others. At the beginning of a
   passage the context is no longer than what was read.
"""

import math
from typing import NamedTuple

import numpy as np

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Add-k n-grams",
    year=1920,
    paper="Lidstone, Note on the general case of the Bayes-Laplace formula, Trans. Faculty of Actuaries 8, 1920",
    tasks=("next_token",),
    forms=("tokens",),
    space={"order": ("int", 1, 6)},
)
CHOICES = np.logspace(-6, 1, 71)  # of k


class Grams(NamedTuple):
    """All n-grams of one length, sorted by context, then by last token. Contexts are numbered; one never seen is -1."""

    keys: np.ndarray  # number of the context * classes + last token
    last: np.ndarray  # token
    counts: np.ndarray  # how often the n-gram came
    total: np.ndarray  # by context: how often it was followed; 0 where never seen
    first: np.ndarray  # by context: where its n-grams begin
    many: np.ndarray  # by context: how many they are; 0 where never seen


def cost(size, shape, classes, examples=None, *, order=3) -> Cost:
    """Sorting the n-grams of every length twice. An answer writes every token's chance, and adds the followers."""
    return Cost(
        fit=2 * order * size * math.log2(size + 2) + 10 * size,
        answer=2 * classes + 50 * order,
        bytes=100 * order * size,
        unit="steps",
    )


def fit(
    train: Examples,
    run: Run,
    *,
    order: int = 3,  # tokens of an n-gram: order - 1 of context, and the one that is asked for
) -> Fitted:
    V, tokens = train.classes, train.x.astype(np.int64)
    held = max(1, len(tokens) // 10)
    order = min(order, len(tokens) - held)
    c, total = counts_of_truth(count(tokens[:-held], V, order), tokens, held, V)
    losses = [np.log((total + k * V) / (c + k)).mean() for k in CHOICES]
    k = float(CHOICES[int(np.argmin(losses))])
    lengths = count(tokens, V, order)

    def answer(passage):
        before = passage.astype(np.int64)
        contexts = contexts_of(before, lengths, V)
        p = np.full((len(before), V), 1 / V)
        for n, grams in enumerate(lengths):  # n: tokens of context; the longest, or all that were read
            whole = n == order - 1
            places = slice(max(0, n - 1), None) if whole else slice(n - 1, n) if n else slice(0, 0)
            fill(p[places], grams, contexts[n][places], k, V)
        return p

    return Fitted(answer, parameters=1 + sum(grams.counts.size + grams.total.size for grams in lengths))


def count(tokens: np.ndarray, V: int, order: int) -> list[Grams]:
    """The n-grams of each length. A key is the number of the first n - 1 tokens * V + the last."""
    lengths, contexts = [], 1
    at = np.zeros(len(tokens) + 1, np.int64)  # number of the (n - 1)-gram before each token; the empty one is 0
    for n in range(1, order + 1):
        keys, at, counts = np.unique(at[:-1] * V + tokens[n - 1 :], return_inverse=True, return_counts=True)
        context, last = np.divmod(keys, V)
        total = np.bincount(context, weights=counts, minlength=contexts)
        many = np.bincount(context, minlength=contexts)
        first = np.cumsum(many) - many
        lengths.append(Grams(keys, last, counts, np.append(total, 0.0), np.append(first, 0), np.append(many, 0)))
        contexts = len(keys)
    return lengths


def contexts_of(tokens: np.ndarray, lengths: list[Grams], V: int) -> list[np.ndarray]:
    """For contexts of 0, 1, ... tokens: the number of the one that ends at each position, -1 where never seen."""
    found, before = [np.zeros(len(tokens), np.int64)], np.zeros(len(tokens), np.int64)
    for grams in lengths[:-1]:
        found.append(place_of(before * V + tokens, grams))  # below 0 where the shorter one was never seen: no key
        before = np.concatenate([[-1], found[-1][:-1]])
    return found


def place_of(wanted: np.ndarray, grams: Grams) -> np.ndarray:
    """Where these keys stand among the n-grams, -1 where they do not."""
    place = np.minimum(np.searchsorted(grams.keys, wanted), len(grams.keys) - 1)
    return np.where(grams.keys[place] == wanted, place, -1)


def counts_of_truth(lengths: list[Grams], tokens: np.ndarray, held: int, V: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each of the last `held` tokens: how often it came after its context, and the context after anything."""
    order = len(lengths)
    passage = tokens[len(tokens) - held - order : -1]  # some were learnt from: the context of the first
    context = contexts_of(passage, lengths, V)[-1][-held:]
    place = place_of(context * V + tokens[-held:], lengths[-1])
    return np.where(place < 0, 0, lengths[-1].counts[place]), lengths[-1].total[context]


def fill(p: np.ndarray, grams: Grams, context: np.ndarray, k: float, V: int) -> None:
    """Row i of p (m, V): the chances of what follows context i."""
    share = 1 / (grams.total[context] + k * V)
    p[:] = (k * share)[:, None]
    many = grams.many[context]
    row = np.repeat(np.arange(len(p)), many)
    which = np.arange(len(row)) + np.repeat(grams.first[context] - (np.cumsum(many) - many), many)
    p[row, grams.last[which]] += grams.counts[which] * share[row]  # no place twice: plain += will do

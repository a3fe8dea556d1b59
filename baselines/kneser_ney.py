"""Kneser-Ney n-grams: what followed the last few tokens, with a discount that goes to ever shorter contexts.

R. Kneser and H. Ney, "Improved backing-off for m-gram language modeling", ICASSP 1995; interpolated, as in S. F. Chen
and J. Goodman, "An empirical study of smoothing techniques for language modeling", TR-10-98, Harvard University, 1998.
All but the longest n-grams count not how often they came, but after how many different tokens.

Deviations from the papers:
1. Interpolated at every order (Chen and Goodman); Kneser and Ney back off.
2. One discount per order, n1 / (n1 + 2 n2) of the n-grams counted once and twice, 0.5 where there are none.
   discounts=3 is Chen and Goodman's modified form: discounts of their own for counts of one, two, and three or more.
3. The shortest context is interpolated with equal chances for all tokens, so that a token never seen has one too.
4. One running text: contexts reach back over sentence ends, which are tokens like others. At the beginning of a
   passage the context is no longer than what was read.
"""

import math
from typing import NamedTuple

import numpy as np

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Kneser-Ney n-grams",
    year=1995,
    paper="Kneser & Ney, Improved backing-off for m-gram language modeling, ICASSP 1995",
    tasks=("next_token",),
    forms=("tokens",),
    space={"order": ("int", 2, 8), "discounts": ("choice", 1, 3)},
)


class Grams(NamedTuple):
    """All n-grams of one length, sorted by context, then by last token. Contexts are numbered; one never seen is -1."""

    keys: np.ndarray  # number of the context * classes + last token
    last: np.ndarray  # token
    shares: np.ndarray  # of the last token after its context, discounted
    rest: np.ndarray  # by context: what the discounts leave to the shorter one; 1 after one never seen
    first: np.ndarray  # by context: where its n-grams begin
    many: np.ndarray  # by context: how many they are; 0 after one never seen


def cost(size, shape, classes, examples=None, *, order=5, discounts=1) -> Cost:
    """Sorting the n-grams of every length. An answer writes every token's chance, and adds the followers of a few."""
    return Cost(
        fit=order * size * math.log2(size + 2),
        answer=2 * classes + 100 * order,
        bytes=100 * order * size,
        unit="steps",
    )


def fit(
    train: Examples,
    run: Run,
    *,
    order: int = 5,  # tokens of the longest n-gram: order - 1 of context, and the one that is asked for
    discounts: int = 1,  # per length: 1, or the 3 of Chen and Goodman
) -> Fitted:
    V = train.classes
    lengths = count(train.x.astype(np.int64), V, min(order, len(train.x)))
    contexts = [1, *(len(keys) for keys, _ in lengths)]
    unigrams, *longer = (
        discounted(keys, counts, V, seen, discounts) for (keys, counts), seen in zip(lengths, contexts, strict=False)
    )
    shortest = np.full(V, unigrams.rest[0] / V)
    shortest[unigrams.keys] += unigrams.shares

    def answer(passage):
        tokens = passage.astype(np.int64)
        left, adds = np.ones(len(tokens)), []
        for grams, context in reversed(list(zip(longer, contexts_of(tokens, [unigrams, *longer], V), strict=True))):
            adds.append((grams, context, left))
            left = left * grams.rest[context]
        p = np.outer(left, shortest)
        for grams, context, weight in adds:
            add(p, grams, context, weight)
        return p

    return Fitted(answer, parameters=sum(g.shares.size + g.rest.size for g in (unigrams, *longer)))


def count(tokens: np.ndarray, V: int, order: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(keys, counts) of the n-grams of each length. A key is the number of the first n - 1 tokens * V + the last."""
    lengths = []
    at = np.zeros(len(tokens) + 1, np.int64)  # number of the (n - 1)-gram before each token; the empty one is 0
    for n in range(1, order + 1):
        keys, where, number, counts = np.unique(
            at[:-1] * V + tokens[n - 1 :], return_index=True, return_inverse=True, return_counts=True
        )
        if n > 1:  # the shorter ones count the different tokens before them: one for each n-gram that they end
            shorter = lengths[-1][0]
            lengths[-1] = shorter, np.bincount(at[1:][where], minlength=len(shorter))
        lengths.append((keys, counts))
        at = number
    return lengths


def discounted(keys: np.ndarray, counts: np.ndarray, V: int, contexts: int, discounts: int) -> Grams:
    """Counts to shares: each count loses the discount of its size, and its context's rest gains that."""
    n1, n2, n3, n4 = (int((counts == c).sum()) for c in (1, 2, 3, 4))
    plain = n1 / (n1 + 2 * n2) if n1 else 0.5
    by_size = np.array([0, plain, plain, plain])
    if discounts == 3 and min(n1, n2, n3):
        by_size[1:] = [1 - 2 * plain * n2 / n1, 2 - 3 * plain * n3 / n2, 3 - 4 * plain * n4 / n3]
        by_size = np.clip(by_size, 0, np.arange(4))
    lost = by_size[np.minimum(counts, 3)]
    context, last = np.divmod(keys, V)
    total = np.bincount(context, weights=counts, minlength=contexts)
    rest = np.bincount(context, weights=lost, minlength=contexts)
    rest = np.divide(rest, total, out=np.ones(contexts), where=total > 0)
    many = np.bincount(context, minlength=contexts)
    shares = (counts - lost) / np.maximum(total, 1)[context]
    first = np.cumsum(many) - many
    return Grams(keys, last, shares, np.append(rest, 1.0), np.append(first, 0), np.append(many, 0))


def contexts_of(tokens: np.ndarray, lengths: list[Grams], V: int) -> list[np.ndarray]:
    """For contexts of 1, 2, ... tokens: the number of the one that ends at each position, -1 where never seen."""
    found, before = [], np.zeros(len(tokens), np.int64)
    for grams in lengths[:-1]:
        wanted = before * V + tokens  # below 0 where the shorter context was never seen: no key
        place = np.minimum(np.searchsorted(grams.keys, wanted), len(grams.keys) - 1)
        found.append(np.where(grams.keys[place] == wanted, place, -1))
        before = np.concatenate([[-1], found[-1][:-1]])
    return found


def add(p: np.ndarray, grams: Grams, context: np.ndarray, weight: np.ndarray) -> None:
    """Add to row i of p (m, V) the shares of what followed context i, times weight i."""
    many = grams.many[context]
    row = np.repeat(np.arange(len(p)), many)
    which = np.arange(len(row)) + np.repeat(grams.first[context] - (np.cumsum(many) - many), many)
    p[row, grams.last[which]] += grams.shares[which] * weight[row]  # no place twice: plain += will do

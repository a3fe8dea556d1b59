"""Jelinek-Mercer n-grams: shares of what followed contexts of every length, mixed by weights that held-out text sets.

F. Jelinek and R. L. Mercer, "Interpolated estimation of Markov source parameters from sparse data", in Pattern
Recognition in Practice, 1980; recursive, as in S. F. Chen and J. Goodman, "An empirical study of smoothing techniques
for language modeling", TR-10-98, Harvard University, 1998, section 2.3.

    p(w | h) = l(h) c(h w) / c(h) + (1 - l(h)) p(w | h without its first token)        at the end of it all: 1 / V

Deviations from the papers:
1. Weights are common to contexts of one length that came about equally often (1, 2-3, 4-7, ... times), as in 1980; Chen
   and Goodman group by the mean count of what followed.
2. Fifty rounds of EM on the last tenth of the training text, with counts of the rest; the counts are then those of the
   whole. In 1980 the parts of the text take turns at being held out. Each weight has half a token for and half a token
   against it beside those held out: without any of these it is 1/2, and it is never 0 or 1.
3. One running text: contexts reach back over sentence ends, which are tokens like others. At the beginning of a
   passage the context is no longer than what was read.
"""

import math
from typing import NamedTuple

import numpy as np

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Jelinek-Mercer n-grams",
    year=1980,
    paper="Jelinek & Mercer, Interpolated estimation of Markov source parameters from sparse data, 1980",
    tasks=("next_token",),
    forms=("tokens",),
    space={"order": ("int", 1, 6)},
)
ROUNDS = 50  # of EM
GROUPS = 64  # of contexts: the bits of how often they came, 0 where never


class Grams(NamedTuple):
    """All n-grams of one length, sorted by context, then by last token. Contexts are numbered; one never seen is -1."""

    keys: np.ndarray  # number of the context * classes + last token
    last: np.ndarray  # token
    shares: np.ndarray  # of the last token among what followed its context
    group: np.ndarray  # by context: bits of how often it was followed; 0 where never
    first: np.ndarray  # by context: where its n-grams begin
    many: np.ndarray  # by context: how many they are; 0 where never seen


def cost(size, shape, classes, examples=None, *, order=5) -> Cost:
    """Sorting the n-grams of every length twice, and EM on a tenth. An answer writes every token's chance, and adds the
    followers of a few contexts.
    """
    return Cost(
        fit=2 * order * size * math.log2(size + 2) + 50 * order * size,
        answer=2 * classes + 100 * order,
        bytes=100 * order * size,
        unit="steps",
    )


def fit(
    train: Examples,
    run: Run,
    *,
    order: int = 5,  # tokens of the longest n-gram: order - 1 of context, and the one that is asked for
) -> Fitted:
    V, tokens = train.classes, train.x.astype(np.int64)
    held = max(1, len(tokens) // 10)
    order = min(order, len(tokens) - held)
    weights = estimated(*of_truth(count(tokens[:-held], V, order), tokens, held, V), V)  # (order, GROUPS)
    lengths = count(tokens, V, order)
    unigrams, *longer = lengths
    own = weights[0, unigrams.group[0]]
    shortest = np.full(V, (1 - own) / V)
    shortest[unigrams.last] += own * unigrams.shares

    def answer(passage):
        contexts = contexts_of(passage.astype(np.int64), lengths, V)
        left, adds = np.ones(len(passage)), []
        for n in range(order - 1, 0, -1):
            own = weights[n, lengths[n].group[contexts[n]]]
            adds.append((lengths[n], contexts[n], left * own))
            left = left * (1 - own)
        p = np.outer(left, shortest)
        for grams, context, weight in adds:
            add(p, grams, context, weight)
        return p

    return Fitted(answer, parameters=weights.size + sum(g.shares.size + g.group.size for g in lengths))


def count(tokens: np.ndarray, V: int, order: int) -> list[Grams]:
    """The n-grams of each length. A key is the number of the first n - 1 tokens * V + the last."""
    lengths, contexts = [], 1
    at = np.zeros(len(tokens) + 1, np.int64)  # number of the (n - 1)-gram before each token; the empty one is 0
    for n in range(1, order + 1):
        keys, at, counts = np.unique(at[:-1] * V + tokens[n - 1 :], return_inverse=True, return_counts=True)
        context, last = np.divmod(keys, V)
        total = np.bincount(context, weights=counts, minlength=contexts)
        group = np.frexp(total)[1]  # 0: 0, 1: 1, 2 and 3: 2, 4 to 7: 3 ...
        many = np.bincount(context, minlength=contexts)
        first = np.cumsum(many) - many
        shares = counts / total[context]
        lengths.append(Grams(keys, last, shares, np.append(group, 0), np.append(first, 0), np.append(many, 0)))
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


def of_truth(lengths: list[Grams], tokens: np.ndarray, held: int, V: int) -> tuple[np.ndarray, np.ndarray]:
    """(order, held) each: the share of each of the last `held` tokens after its contexts, and the contexts' groups."""
    passage = tokens[len(tokens) - held - len(lengths) : -1]  # some were learnt from: the contexts of the first
    shares, groups = np.zeros((len(lengths), held)), np.zeros((len(lengths), held), np.int64)
    for n, context in enumerate(contexts_of(passage, lengths, V)):
        context = context[-held:]
        place = place_of(context * V + tokens[-held:], lengths[n])
        shares[n] = np.where(place < 0, 0, lengths[n].shares[place])
        groups[n] = lengths[n].group[context]
    return shares, groups


def estimated(shares: np.ndarray, groups: np.ndarray, V: int) -> np.ndarray:
    """Weights (order, GROUPS) by EM: of how many held-out tokens that came to a length was it the source?"""
    weights = np.full((len(shares), GROUPS), 0.5)
    weights[:, 0] = 0  # never seen: all is left to the shorter context
    for _ in range(ROUNDS):
        own = np.take_along_axis(weights, groups, axis=1)  # (order, held)
        p = [np.full(shares.shape[1], 1 / V)]  # of the token, by contexts up to each length
        for n in range(len(shares)):
            p.append(own[n] * shares[n] + (1 - own[n]) * p[-1])
        came = np.ones(shares.shape[1])  # chance that the token is due to this length or a shorter one
        for n in range(len(shares) - 1, -1, -1):
            stays = came * own[n] * shares[n] / p[n + 1]
            due, all_ = (np.bincount(groups[n], weights=w, minlength=GROUPS) for w in (stays, came))
            weights[n, 1:] = (due[1:] + 0.5) / (all_[1:] + 1)
            came = came - stays
    return weights


def add(p: np.ndarray, grams: Grams, context: np.ndarray, weight: np.ndarray) -> None:
    """Add to row i of p (m, V) the shares of what followed context i, times weight i."""
    many = grams.many[context]
    row = np.repeat(np.arange(len(p)), many)
    which = np.arange(len(row)) + np.repeat(grams.first[context] - (np.cumsum(many) - many), many)
    p[row, grams.last[which]] += grams.shares[which] * weight[row]  # no place twice: plain += will do

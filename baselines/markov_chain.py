"""A Markov chain that fills a blank: the token that makes the passage around it likeliest, from both sides.

C. E. Shannon, "A mathematical theory of communication", Bell System Technical Journal 27, 1948, sections 2 to 4: text
as a chain whose next token depends on the n before. A chain has no direction of its own: given all but one token,

    p(w | around) = p(l w r) / sum over v of p(l v r)         l, r: the n tokens before the blank, and after it
    p(l w r) / p(l) = p(w | l) p(r1 | l w) ... p(rn | ... w r1 ... r(n-1)),   each with the n tokens before it

    p(x | h) = (c(h x) + t(h) p(x | h')) / (c(h) + t(h))      h': h without its first token, c: counts of the training
                                                              t: how many different tokens came after h

The second line is the smoothing of I. H. Witten and T. C. Bell, "The zero-frequency problem", IEEE Transactions on
Information Theory 37, 1991 (method C), as S. F. Chen and J. Goodman interpolate it (TR-10-98, Harvard University, 1998,
section 2.6); the shortest context falls back to 1 / V.

Deviations from the papers:
1. Shannon took counts from tables and had people guess; here counts are of the training text, and smoothed.
2. One running text: contexts reach back over sentence ends, which are tokens like others.
3. Where V ** (n + 1) does not fit into 63 bits, n is the largest that does: an n-gram is one number here.
"""

import numpy as np

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Markov chain",
    year=1948,
    paper="Shannon, A mathematical theory of communication, Bell System Technical Journal 27, 1948",
    tasks=("fill_blank",),
    forms=("tokens",),
    space={"n": ("int", 1, 6)},
)
AT_ONCE = 1 << 21  # candidates times tokens that are scored at once


def cost(size, shape, classes, examples=None, *, n=4) -> Cost:
    """Sorting the n-grams of every length. An answer looks up each candidate in n + 1 contexts of n + 1 lengths."""
    return Cost(
        fit=20 * (n + 1) * size,
        answer=60 * max(1, classes) * (n + 1) ** 2,
        bytes=40 * (n + 1) * size + (1 << 26),  # and the candidates that are scored at once
        unit="steps",
    )


def fit(
    train: Examples,
    run: Run,
    *,
    n: int = 4,  # tokens that the next one depends on
) -> Fitted:
    V, x = train.classes, train.x.astype(np.int64)
    n = min(n, len(x) - 1, int(63 / np.log2(max(V, 2))) - 1)
    grams = [count(x, k, V) for k in range(1, n + 2)]
    contexts = [followers(keys, counts, V) for keys, counts in grams]

    def answer(question):
        blank = question.shape[1] // 2
        around = question[:, max(0, blank - n) : blank + n + 1].astype(np.int64)
        few = max(1, AT_ONCE // (V * around.shape[1]))
        parts = [around[i : i + few] for i in range(0, len(around), few)]
        return np.concatenate([chances(part, min(n, blank), grams, contexts, V) for part in parts])

    return Fitted(answer, parameters=sum(len(keys) for keys, _ in grams))


def count(x: np.ndarray, k: int, V: int) -> tuple[np.ndarray, np.ndarray]:
    """The sorted different k-grams of x, each as a number to the base V, and how often they came."""
    numbers = np.zeros(len(x) - k + 1, np.int64)
    for i in range(k):
        numbers = numbers * V + x[i : len(x) - k + 1 + i]
    return np.unique(numbers, return_counts=True)


def followers(keys: np.ndarray, counts: np.ndarray, V: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted contexts of these k-grams: their numbers, how often each was followed, by how many different tokens."""
    h, first = np.unique(keys // V, return_index=True)
    return h, np.add.reduceat(counts, first), np.diff(np.append(first, len(keys)))


def chances(around, blank, grams, contexts, V) -> np.ndarray:
    """(m, V) of what stands at place `blank` of m passages `around` (m, l + 1 + r)."""
    filled = np.repeat(around[:, None], V, axis=1)  # (m, V, l + 1 + r)
    filled[:, :, blank] = np.arange(V)
    filled = filled.reshape(-1, around.shape[1])
    scores = np.zeros(len(filled))
    for place in range(blank, around.shape[1]):
        scores += np.log(following(filled[:, max(0, place - len(grams) + 1) : place + 1], grams, contexts, V))
    scores = scores.reshape(-1, V)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def following(passages, grams, contexts, V) -> np.ndarray:
    """p(the last token | those before it) of passages (m, k + 1), from the shortest context to that of k tokens."""
    p = np.full(len(passages), 1 / V)
    for k in range(passages.shape[1]):  # tokens of context
        h = np.zeros(len(passages), np.int64)
        for i in range(k, 0, -1):
            h = h * V + passages[:, -1 - i]
        (keys, counts), (known, total, kinds) = grams[k], contexts[k]
        at, there = find(keys, h * V + passages[:, -1])
        c = np.where(there, counts[at], 0)
        at, seen = find(known, h)
        p = np.where(seen, (c + kinds[at] * p) / (total[at] + kinds[at]), p)
    return p


def find(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where `wanted` stand among sorted keys, and whether they do."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return at, keys[at] == wanted

"""Running text of a random probabilistic grammar whose entropy is known, so that a loss has an exact floor. Drawn.

20 non-terminals with 8 rules each: A -> a, A -> a B or A -> a B C. The first symbols of the 8 rules of one non-terminal
differ, so a reader who keeps a stack always knows which rule was used: a text has one derivation, and its entropy is
that of its derivation. With h[A] the entropy of the choice at A and M[A, B] the expected number of B's among the
children of A, a sentence from S has on average ((I - M)^-1 h)[S] nats in ((I - M)^-1 1)[S] symbols (Grenander 1976,
Chi 1999); one more token, 0, ends it and tells nothing new.
"""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Random grammar with known entropy",
    year=1999,
    licence="generated",
    source="Chi, Statistical properties of probabilistic context-free grammars, 1999; the grammar is ours",
    tasks=("next_token",),
    form="tokens",
    shape=(),
    classes=65,
    rows=100_000_000,
    test=100_000,
    metric="loss",
    higher_is_better=False,
    protocol="generated",
    anchor=1.7391542,
    anchor_source="the ceiling; counts of single tokens reach 3.95 nats, of pairs 2.88",
    ceiling=1.7391542,
    ceiling_source="entropy of the grammar in nats per token, in closed form; the test tokens themselves cost 1.7351",
)
NONTERMINALS, RULES, TERMINALS = 20, 8, 64
PARTS = 1024  # probabilities of rules are multiples of 1 / 1024
LEAST = 24  # parts that every rule has
CHILDREN = (0, 0, 0, 1, 1, 1, 2, 2)  # of the 8 rules of a non-terminal; S has 2 children by every rule
BATCH = 16_384  # sentences that are drawn at a time


def grammar() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (20, 8) in parts of 1024, first symbols (20, 8) from 1, children (20, 8, 2) with -1 for none."""
    rng = generator("pcfg grammar", 0)
    cuts = np.sort(rng.integers(PARTS - RULES * LEAST + 1, size=(NONTERMINALS, RULES - 1)), axis=1)
    weights = LEAST + np.diff(cuts, axis=1, prepend=0, append=PARTS - RULES * LEAST)
    symbols = np.concatenate([rng.permutation(TERMINALS) + 1 for _ in range(3)]).reshape(-1, RULES)[:NONTERMINALS]
    children = rng.integers(1, NONTERMINALS, size=(NONTERMINALS, RULES, 2))
    arity = np.tile(CHILDREN, (NONTERMINALS, 1))
    arity[0] = 2  # S, which is nobody's child
    return weights, symbols, np.where(np.arange(2) < arity[:, :, None], children, -1)


def sentences(count: int, rng: np.random.Generator) -> np.ndarray:
    """The tokens (uint8) of `count` sentences, each closed by 0.

    All derivations grow together, level by level; sizes of subtrees then tell where each symbol stands in the text.
    """
    weights, symbols, children = grammar()
    choose = np.repeat(np.arange(weights.size), weights.ravel())  # one place for each part of each non-terminal
    symbols, children = symbols.ravel().astype(np.uint8), children.reshape(-1, 2)
    rules, inner = [], np.zeros(count, dtype=np.int64)
    while len(inner):
        rules.append(choose[inner * PARTS + rng.integers(PARTS, size=len(inner), dtype=np.uint16)])
        both = children[rules[-1]]
        inner = both[both >= 0]
    arities = [(children[rule] >= 0).sum(axis=1) for rule in rules]
    sizes = [np.empty(0, dtype=np.int64)]  # symbols under each node, deepest level first
    for arity in reversed(arities):
        below, ends = np.concatenate(([0], np.cumsum(sizes[-1]))), np.cumsum(arity)
        sizes.append(1 + below[ends] - below[ends - arity])
    place = np.cumsum(sizes[-1] + 1) - sizes[-1] - 1
    text = np.zeros(place[-1] + sizes[-1][-1] + 1, dtype=np.uint8)
    for rule, arity, below in zip(rules, arities, sizes[-2::-1], strict=True):
        text[place] = symbols[rule]
        first = np.cumsum(arity) - arity  # of the children of a node on the next level
        next_place = np.repeat(place + 1, arity)
        two = first[arity == 2]
        next_place[two + 1] += below[two]
        place = next_place
    return text


def stream(size: int, rng: np.random.Generator) -> np.ndarray:
    """The first `size` tokens of sentence after sentence."""
    text, filled = np.empty(size, dtype=np.uint8), 0
    while filled < size:
        some = sentences(BATCH, rng)[: size - filled]
        text[filled : filled + len(some)] = some
        filled += len(some)
    return text


def load(size: int, seed: int) -> Data:
    """x (size,) uint8 tokens of that seed, the first ones for a smaller size; 100,000 test tokens, always the same."""
    x, test_x = stream(size, generator("pcfg", seed)), stream(DATASET.test, generator("pcfg test", 0))
    names = ("</s>", *(f"t{number:02}" for number in range(1, TERMINALS + 1)))
    return Data(x, None, DATASET.classes, test_x, protocol=DATASET.protocol, ceiling=DATASET.ceiling, vocabulary=names)

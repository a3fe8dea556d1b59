"""Running text with planted analogies: words of 500 entities times 6 attributes, known by their company. Drawn.

Each pair of an entity and an attribute has one word of its own, as queen has for royalty and woman. In its sentence
stand one of the entity's 5 topic words, one of the attribute's 20 manner words and five function words; topic and
manner words are shared by several. So entity and attribute act on a word's neighbours independently, and a : b :: c : d
holds where a, b name one entity, c, d another, and a, c one attribute, b, d another. Spelling and number of a word tell
nothing: both are shuffled. There are 500 entities because with 200 a truncated SVD of the counts left nothing to be
learnt after a million tokens, in a trial before the release; the number has not been moved since.
"""

import itertools

import numpy as np

from harness.contract import Data, Dataset
from harness.formats import texts
from harness.split import generator

DATASET = Dataset(
    title="Planted analogies",
    year=2013,
    licence="generated",
    source="ours, for the analogy questions of Mikolov, Sutskever, Chen, Corrado, Dean 2013, 1310.4546",
    tasks=("embed",),
    form="tokens",
    shape=(),
    classes=3_291,
    rows=100_000_000,
    test=3_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="generated",
    anchor=1.0,
    anchor_source="the ideal; a guess among the words that are asked for is right once in 3,000",
    ceiling=1.0,
    ceiling_source="the fourth word is a function of the other three",
)
ENTITIES, ATTRIBUTES = 500, 6
TOPICS, MANNERS, FUNCTIONS = 200, 40, 50  # words of each kind; the full stop is one more
EACH_TOPICS, EACH_MANNERS = 5, 20  # of an entity, of an attribute
TEMPLATES = ("FFTWFMFF.", "MFFFWFTF.", "TFFWMFFF.", "FMFFFWTF.")  # W: the word of entity and attribute
RELATIONS = tuple(itertools.combinations(range(ATTRIBUTES), 2))
STARTS = dict(zip("WTMF.", np.cumsum((0, ENTITIES * ATTRIBUTES, TOPICS, MANNERS, FUNCTIONS)).tolist(), strict=True))
BATCH = 65_536  # sentences that are drawn at a time


def companions() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Topic words (500, 5) of the entities, manner words (6, 20) of the attributes, and the number of every word."""
    rng = generator("analogies words", 0)
    topics = np.stack([rng.permutation(TOPICS)[:EACH_TOPICS] for _ in range(ENTITIES)])
    manners = np.stack([rng.permutation(MANNERS)[:EACH_MANNERS] for _ in range(ATTRIBUTES)])
    return topics + STARTS["T"], manners + STARTS["M"], rng.permutation(DATASET.classes)


def sentences(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 9) uint16 tokens. Entity k of 500 is named in proportion to 1 / k, all else is uniform."""
    topics, manners, number = companions()
    share = np.cumsum(1 / np.arange(1, ENTITIES + 1))
    entity = np.searchsorted(share / share[-1], rng.random(count), side="right")
    attribute = rng.integers(ATTRIBUTES, size=count)
    kinds = np.array([list(template) for template in TEMPLATES])[rng.integers(len(TEMPLATES), size=count)]
    u = rng.random(kinds.shape)
    word = np.where(kinds == "F", STARTS["F"] + (u * FUNCTIONS).astype(np.int64), STARTS["."])
    word = np.where(kinds == "T", topics[entity[:, None], (u * EACH_TOPICS).astype(np.int64)], word)
    word = np.where(kinds == "M", manners[attribute[:, None], (u * EACH_MANNERS).astype(np.int64)], word)
    word = np.where(kinds == "W", (entity * ATTRIBUTES + attribute)[:, None], word)
    return number[word].astype(np.uint16)


def questions() -> np.ndarray:
    """(3000, 5) words a, b, c, d and the relation: 200 pairs of different entities for each pair of attributes."""
    rng, each = generator("analogies test", 0), DATASET.test // len(RELATIONS)
    left = np.concatenate([rng.permutation(ENTITIES)[:each] for _ in RELATIONS])
    right = (left + rng.integers(1, ENTITIES, size=len(left))) % ENTITIES
    one, other = np.repeat(RELATIONS, each, axis=0).T
    words = [entity * ATTRIBUTES + attribute for entity in (left, right) for attribute in (one, other)]
    relation = texts([f"{a}-{b}" for a, b in zip(one, other, strict=True)])
    return np.column_stack((names()[companions()[2][np.column_stack(words)]], relation))


def names() -> np.ndarray:
    """The text of each token: (3291,) StringDType."""
    return texts([f"w{number:04}" for number in range(DATASET.classes)])


def load(size: int, seed: int) -> Data:
    """x (size,) tokens of that seed, the first ones for a smaller size; 3,000 questions, the same for every seed.

    test_x (3000, 4): the words a, b, c and the relation ("0-3": from attribute 0 to attribute 3); test_y: the word d.
    """
    rng, x, filled = generator("analogies", seed), np.empty(size, dtype=np.uint16), 0
    while filled < size:
        some = sentences(BATCH, rng).ravel()[: size - filled]
        x[filled : filled + len(some)] = some
        filled += len(some)
    asked = questions()
    return Data(
        x,
        None,
        DATASET.classes,
        asked[:, [0, 1, 2, 4]],
        asked[:, 3],
        protocol=DATASET.protocol,
        ceiling=DATASET.ceiling,
        vocabulary=tuple(names().tolist()),
    )

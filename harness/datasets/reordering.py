"""Sentences of one made-up language and the same in another with other words, word order and agreement. Drawn.

    sentence     clause, and clause, and clause           1 to 3 clauses, 5 to 59 words
    clause       subject verb object                      in the other language: subject object verb
    noun phrase  the [number] [adjective] noun [that verb the [adjective] noun]
                 in the other language: the [number] noun [adjective] [that the noun [adjective] verb]

What stands in brackets is there with a chance that is drawn for each sentence, uniform in [0, 1]. Words are uniform
among those of their kind. Each has one translation, but a verb has six: its ending agrees with the gender of its
subject (the noun's number modulo 3) and with whether that has a number word. The subject of a verb after "that" is the
noun before.
"""

import numpy as np

from harness.contract import Data, Dataset
from harness.formats import texts
from harness.split import generator

DATASET = Dataset(
    title="Reordering with agreement, made-up languages",
    year=2014,
    licence="generated",
    source="ours; the length of a sentence is the question of Bahdanau, Cho, Bengio 2014, 1409.0473, figure 2",
    tasks=("translate",),
    form="text",
    shape=(23,),
    classes=0,
    rows=1_000_000,
    test=2_000,
    metric="bleu",
    higher_is_better=True,
    protocol="generated",
    anchor=100.0,
    anchor_source="the ideal: every sentence as it must be",
    ceiling=100.0,
    ceiling_source="no noise: the translation is a function of the sentence",
)
KINDS = {"the": 1, "that": 1, "and": 1, "number": 8, "adjective": 40, "noun": 120, "verb": 60}  # words of each kind
STARTS = dict(zip(KINDS, np.cumsum([0, *KINDS.values()]).tolist(), strict=False))
PHRASE = ["the", "number", "adjective", "noun", "that", "verb", "the", "adjective", "noun"]
CLAUSE = ["and", *PHRASE, "verb", *PHRASE]
TURNED = [0, 1, 3, 2, 4, 6, 8, 7, 5]  # the places of a noun phrase in the other language
ORDER = [0, *(1 + i for i in TURNED), *(11 + i for i in TURNED), 10]
CLAUSES, GENDERS = 3, 3
BATCH = 65_536  # sentences that are drawn at a time


def lexicon() -> tuple[np.ndarray, np.ndarray]:
    """The words of both languages by number, those of KINDS in turn; each verb of the second has its six forms."""
    rng, languages = generator("reordering words", 0), []
    for consonants in ("bdgklm", "nprstz"):
        syllables = [consonant + vowel for consonant in consonants for vowel in "aeiou"]
        words = [one + other for one in syllables for other in syllables]
        languages.append([words[i] for i in rng.permutation(len(words))[: sum(KINDS.values())]])
    source, target = languages
    forms = [verb + "v" + vowel for verb in target[STARTS["verb"] :] for vowel in "aeiouy"]
    return np.array(source, dtype=object), np.array(target[: STARTS["verb"]] + forms, dtype=object)


def draw(count: int, rng: np.random.Generator, test: bool) -> tuple[np.ndarray, np.ndarray]:
    """Word numbers (count, 3, 20), a place for each of CLAUSE, and which of them are there.

    Test sentences are those whose nouns' numbers sum up to a multiple of 8, so none is among the training sentences:
    the first noun is moved on until that is so.
    """
    u = rng.random((count, 2 + 2 * CLAUSES * len(CLAUSE)), dtype=np.float32)
    rich, clauses = u[:, 0, None, None], np.floor(u[:, 1, None, None] * CLAUSES) + 1
    chance, choice = u[:, 2:].reshape(count, 2, CLAUSES, len(CLAUSE)).transpose(1, 0, 2, 3)
    sizes, starts = np.array([KINDS[kind] for kind in CLAUSE]), np.array([STARTS[kind] for kind in CLAUSE])
    word = starts + (choice * sizes).astype(np.int64)
    there = (chance < rich) | np.isin(CLAUSE, ("the", "noun", "verb", "and"))
    for start in (1, 11):
        there[:, :, start + 4 : start + 9] &= there[:, :, start + 4, None]  # that verb the adjective noun
    there &= np.arange(CLAUSES)[:, None] < clauses
    there[:, 0, 0] = False  # no "and" before the first clause
    noun = np.array(CLAUSE) == "noun"
    rest = ((word - STARTS["noun"]) * (there & noun)).sum(axis=(1, 2)) % 8
    move = -rest % 8 if test else rest == 0
    word[:, 0, 4] = STARTS["noun"] + (word[:, 0, 4] - STARTS["noun"] + move) % KINDS["noun"]
    return word, there


def translate(word: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Word numbers (n, 3, 20) of the other language, in its order, and which of them are there."""
    word = word.copy()
    for subject, verbs in ((1, (6, 10)), (11, (16,))):
        ending = (word[:, :, subject + 3] - STARTS["noun"]) % GENDERS * 2 + there[:, :, subject + 1]
        for verb in verbs:
            word[:, :, verb] = STARTS["verb"] + (word[:, :, verb] - STARTS["verb"]) * 2 * GENDERS + ending
    return word[:, :, ORDER], there[:, :, ORDER]


def pairs(size: int, rng: np.random.Generator, test: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Source and target texts, (size,) each."""
    written: tuple[list[str], list[str]] = [], []
    for start in range(0, size, BATCH):
        source = draw(min(BATCH, size - start), rng, test)
        for sentences, words, (word, there) in zip(written, lexicon(), (source, translate(*source)), strict=True):
            running, ends = words[word[there]].tolist(), np.cumsum(there.sum(axis=(1, 2))).tolist()
            sentences += [" ".join(running[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
    return texts(written[0]), texts(written[1])


def load(size: int, seed: int) -> Data:
    """x and y (size,) texts of that seed, the first ones for a smaller size; 2,000 test rows, the same for every seed.

    No test sentence is among the training sentences.
    """
    x, y = pairs(size, generator("reordering", seed))
    test_x, test_y = pairs(DATASET.test, generator("reordering test", 0), test=True)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)

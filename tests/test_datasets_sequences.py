"""Drawn sequences and tables against closed forms, slow recomputation and, for the grammar, its known entropy."""

import importlib
import math
import re
import zlib
from collections import Counter
from functools import cache

import numpy as np
import pytest
from scipy import stats

from harness.datasets import (
    adding,
    adding_200,
    analogies,
    copying,
    hierarchy,
    linear_prompts,
    linear_prompts_torn,
    pcfg,
    reordering,
    teacher,
)
from harness.split import generator

MODULES = (adding, adding_200, analogies, copying, hierarchy, pcfg, reordering, teacher)
MODULES += (linear_prompts, linear_prompts_torn)
LONG = {  # rows that reach into a second batch
    **{"adding": 1_000, "adding_200": 1_000, "copying": 1_000, "hierarchy": 100_000},
    **{"analogies": 600_000, "pcfg": 300_000, "reordering": 66_000, "teacher": 66_000},
    **{"linear_prompts": 66_000, "linear_prompts_torn": 66_000},
}
NAMES = {module: module.__name__.rpartition(".")[2] for module in MODULES}
each = pytest.mark.parametrize("module", MODULES, ids=NAMES.values())
loaded = cache(lambda module, size, seed: module.load(size, seed))


def posed(module, size, seed=0):
    task = importlib.import_module(f"harness.tasks.{module.DATASET.tasks[0]}")
    return task.pose(loaded(module, size, seed), size, seed, {})


def even(counts, expected=None):
    """Whether counts fit the expected shares (equal ones if not told): chi-square at one in ten thousand."""
    counts = np.asarray(counts)
    shares = np.full(counts.shape, 1 / counts.size) if expected is None else np.asarray(expected)
    return counts.size == 1 or stats.chisquare(counts.ravel(), shares.ravel() * counts.sum()).pvalue > 1e-4


# ---------------------------------------------------------------------------------------------------- the same for all


@each
def test_rows_follow_from_size_and_seed_and_the_first_do_not_depend_on_the_size(module):
    few, many, other = module.load(500, 0), module.load(LONG[NAMES[module]], 0), module.load(500, 4)
    assert np.array_equal(many.x[:500], few.x)
    blank = module in (linear_prompts, linear_prompts_torn)  # their last number is where the answer would stand
    drawn = slice(None, -1 if blank else None)
    # each column has its own rows for each seed
    assert (few.x != other.x).reshape(500, -1).any(axis=0)[drawn].all()
    assert np.array_equal(few.test_x, other.test_x)
    if NAMES[module] != "analogies":  # its test asks for words
        assert (few.x != few.test_x[:500]).reshape(500, -1).any(axis=0)[drawn].all()
    if few.y is not None:
        assert np.array_equal(many.y[:500], few.y) and np.array_equal(few.test_y, other.test_y)
    assert len(many.x) == LONG[NAMES[module]]


GOLDEN = {
    "adding": 1360924633,
    "adding_200": 3127314351,
    "analogies": 2884212431,
    "copying": 1613674245,
    "hierarchy": 3834304221,
    "linear_prompts": 2974099548,
    "linear_prompts_torn": 3374393797,
    "pcfg": 239852319,
    "reordering": 3736898198,
    "teacher": 2758885975,
}


@each
def test_difficulty_is_fixed_rows_are_those_that_were_first_released(module):
    data = loaded(module, 1_000, 0)
    text = "\n".join(data.x.tolist() + data.y.tolist()) if module in (copying, reordering) else None
    content = text.encode() if text else (data.y if module is teacher else data.x).tobytes()
    assert zlib.crc32(content) == GOLDEN[NAMES[module]]


# -------------------------------------------------------------------------------------------------------------- adding


@pytest.mark.parametrize("module, lag", [(adding, 2), (adding, 7), (adding, 100), (adding_200, 200)])
def test_adding_marks_a_step_of_each_half_and_asks_for_the_sum(module, lag):
    x, y = module.draw(2_000, lag, generator("test", 0))
    assert x.shape == (2_000, lag, 2) and x.dtype == np.float32 and y.dtype == np.float64
    for row, total in zip(x.tolist(), y.tolist(), strict=True):
        marked = [step for step, (_, mark) in enumerate(row) if mark]
        assert len(marked) == 2 and marked[0] < lag // 2 <= marked[1]
        assert {mark for _, mark in row} <= {0.0, 1.0}
        assert total == row[marked[0]][0] + row[marked[1]][0]
    steps = x[:, :, 1].sum(axis=0)
    assert even(steps[: lag // 2]) and even(steps[lag // 2 :])
    assert stats.kstest(x[:, :, 0].ravel()[:20_000], "uniform").pvalue > 1e-4


def test_adding_stays_inside_the_series_for_the_largest_number_that_can_be_drawn():
    class Largest:
        def random(self, shape, dtype):
            return np.full(shape, np.nextafter(dtype(1), dtype(0)))

    x, _ = adding.draw(1, 100, Largest())
    assert np.flatnonzero(x[0, :, 1]).tolist() == [49, 99]


@pytest.mark.parametrize("module, lag", [(adding, 100), (adding_200, 200)])
def test_adding_answering_the_mean_has_a_sixth_of_squared_error(module, lag):
    problem = posed(module, 5_000)
    assert problem.train.x.shape == (5_000, lag, 2)
    assert problem.judge(problem.floor, "test")["rmse"] == pytest.approx(math.sqrt(1 / 6), rel=0.03)
    assert problem.judge(lambda x: np.einsum("nt,nt->n", x[:, :, 0], x[:, :, 1]), "test")["rmse"] < 1e-6


# ------------------------------------------------------------------------------------------------------------- copying


@pytest.mark.parametrize("lag", [1, 100])
def test_copying_asks_for_the_first_ten_letters_after_the_delay(lag):
    x, y = copying.draw(1_000, lag, generator("test", 0))
    form = re.compile(r"((?:[a-h] ){9}[a-h])" + r" \." * (lag - 1) + " >")
    assert [form.fullmatch(source)[1] for source in x.tolist()] == y.tolist()
    for place in range(10):
        assert even([Counter(text[2 * place] for text in y.tolist())[letter] for letter in "abcdefgh"])


def test_copying_is_judged_from_nothing_to_all():
    problem = posed(copying, 1_000)
    assert len(problem.sample[0].split()) == copying.DATASET.shape[0]
    assert problem.judge(problem.floor, "test")["exact"] == 0
    assert problem.judge(lambda x: [text[:19] for text in x.tolist()], "test")["exact"] == 1


# ---------------------------------------------------------------------------------------------------------- reordering


class Reader:
    """Translates a sentence by recursive descent, as the recipe in the module's docstring is written."""

    def __init__(self):
        self.source, self.target = (words.tolist() for words in reordering.lexicon())
        self.kind, number = {}, 0
        for kind, count in (("the", 1), ("that", 1), ("and", 1), ("number", 8), ("adjective", 40), ("noun", 120)):
            self.kind |= {self.source[number + i]: (kind, i, self.target[number + i]) for i in range(count)}
            number += count
        for i in range(60):
            self.kind[self.source[number + i]] = ("verb", i, self.target[number + 6 * i : number + 6 * i + 6])

    def take(self, kind):
        found, number, target = self.kind[self.words[0]]
        if found != kind:
            return None
        self.words.pop(0)
        return number, target

    def phrase(self, nested=False):
        the, number, adjective, noun = self.take("the"), self.take("number"), self.take("adjective"), self.take("noun")
        assert the and noun and not (nested and number)
        words = [part[1] for part in (the, number, noun, adjective) if part]
        agreement = noun[0] % 3 * 2 + bool(number)
        if not nested and self.words and self.kind[self.words[0]][0] == "that":
            that, verb = self.take("that"), self.take("verb")
            words += [that[1], *self.phrase(nested=True)[0], verb[1][agreement]]
        return words, agreement

    def clause(self):
        subject, agreement = self.phrase()
        verb = self.take("verb")
        return [*subject, *self.phrase()[0], verb[1][agreement]]

    def __call__(self, sentence):
        self.words = sentence.split()
        target = self.clause()
        while self.words:
            target += [self.take("and")[1], *self.clause()]
        return " ".join(target)


def test_reordering_targets_are_those_of_a_slow_translation():
    data, read = loaded(reordering, 5_000, 0), Reader()
    assert [read(text) for text in data.x.tolist()] == data.y.tolist()
    assert [read(text) for text in data.test_x[:1_000].tolist()] == data.test_y[:1_000].tolist()


def test_reordering_lexicon_is_one_to_one_and_the_languages_share_no_word():
    source, target = (words.tolist() for words in reordering.lexicon())
    assert len(set(source)) == len(source) == 231 and len(set(target)) == len(target) == 171 + 6 * 60
    assert not set(source) & set(target)
    spoken = Counter(word for text in loaded(reordering, 5_000, 0).y.tolist() for word in text.split())
    assert spoken.keys() == set(target)
    endings = Counter(word[-1] for word, count in spoken.items() if "v" in word for _ in range(count))
    assert min(endings[vowel] for vowel in "aeiouy") > 1_000


def test_reordering_lengths_run_from_five_to_fifty_nine_words():
    lengths = np.array([len(text.split()) for text in loaded(reordering, 5_000, 0).x.tolist()])
    assert (lengths.min(), lengths.max()) == (5, 59)
    assert np.histogram(lengths, [5, 10, 20, 30, 40, 50, 60])[0].min() > 250
    assert np.median(lengths) == pytest.approx(reordering.DATASET.shape[0], abs=4)
    assert (lengths == [len(text.split()) for text in loaded(reordering, 5_000, 0).y.tolist()]).all()


def test_reordering_keeps_test_sentences_out_of_training():
    nouns = {word: i for i, word in enumerate(reordering.lexicon()[0][51:171].tolist())}
    data = loaded(reordering, 5_000, 0)
    rests = [
        [sum(nouns.get(word, 0) for word in text.split()) % 8 for text in x.tolist()] for x in (data.x, data.test_x)
    ]
    assert set(rests[0]) == set(range(1, 8)) and set(rests[1]) == {0}


def test_reordering_is_judged_100_for_the_truth_and_less_for_words_in_their_old_order():
    problem, read = posed(reordering, 5_000), Reader()
    literal = {word: found[2] if found[0] != "verb" else found[2][0] for word, found in read.kind.items()}
    word_by_word = problem.judge(lambda x: [" ".join(literal[w] for w in text.split()) for text in x.tolist()], "test")
    assert problem.judge(problem.floor, "test")["bleu"] < word_by_word["bleu"] < 60
    best = problem.judge(lambda x: [read(text) for text in x.tolist()], "test")
    assert best["bleu"] == pytest.approx(100) and best["exact"] == 1


# ----------------------------------------------------------------------------------------------------------- analogies


def kinds(words):
    """(kind, number within it) of planted words: W of an entity and attribute, T topic, M manner, F function."""
    edges = np.cumsum([0, 3_000, 200, 40, 50, 1])
    kind = np.searchsorted(edges, words, side="right") - 1
    return np.array(list("WTMF."))[kind], words - edges[kind]


def test_analogies_sentences_hold_the_words_that_belong_to_entity_and_attribute():
    topics, manners, number = analogies.companions()
    words = np.argsort(number)[loaded(analogies, 600_000, 0).x[: 9 * 20_000]].reshape(-1, 9)
    kind, place = kinds(words)
    assert set(map("".join, kind.tolist())) == set(analogies.TEMPLATES)
    entity, attribute = np.divmod(place[kind == "W"], 6)
    topic, manner = words[kind == "T"], words[kind == "M"]
    assert (topics[entity] == topic[:, None]).any(axis=1).all()
    assert (manners[attribute] == manner[:, None]).any(axis=1).all()
    zipf = 1 / np.arange(1, 501)
    assert even(np.bincount(entity, minlength=500), zipf / zipf.sum()) and even(np.bincount(attribute))
    assert even(np.bincount(place[kind == "F"]))
    together = stats.contingency.crosstab(np.minimum(entity, 3), attribute).count
    assert stats.chi2_contingency(together).pvalue > 1e-4


def test_analogies_questions_are_right_and_different():
    data = loaded(analogies, 600_000, 0)
    name = {word: i for i, word in enumerate(data.vocabulary)}
    planted = np.argsort(analogies.companions()[2])
    asked = np.column_stack([data.test_x[:, :3], data.test_y]).tolist()
    four = [[int(planted[name[word]]) for word in row] for row in asked]
    for (a, b, c, d), (*_, relation) in zip(four, data.test_x.tolist(), strict=True):
        assert a // 6 == b // 6 != c // 6 == d // 6 and a % 6 == c % 6 != b % 6 == d % 6
        assert relation == f"{a % 6}-{b % 6}"
    assert len({tuple(row) for row in four}) == 3_000
    assert set(Counter(data.test_x[:, 3].tolist()).values()) == {200}


def test_analogies_spelling_and_number_tell_nothing():
    number = analogies.companions()[2]
    assert sorted(number.tolist()) == list(range(3_291))
    assert abs(stats.spearmanr(np.arange(3_000), number[:3_000]).statistic) < 0.06
    assert even(stats.contingency.crosstab(number[:3_000] % 6, np.arange(3_000) % 6).count)


def ppmi(x, classes, window=5):
    """Positive pointwise mutual information of words and their neighbours, a row for each word."""
    pairs = np.concatenate([x[:-step] * classes + x[step:] for step in range(1, window + 1)])
    counts = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    counts += counts.T
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.log(counts * counts.sum() / np.outer(counts.sum(axis=1), counts.sum(axis=1)))
    return np.maximum(np.nan_to_num(excess, neginf=0), 0)


def test_analogies_follow_from_the_company_and_the_text_shows_it():
    problem = posed(analogies, 600_000)
    data, (topics, manners, number) = loaded(analogies, 600_000, 0), analogies.companions()
    ideal = np.zeros((3_291, 240))
    for entity in range(500):
        for attribute in range(6):
            ideal[number[entity * 6 + attribute], topics[entity] - 3_000] = 1
            ideal[number[entity * 6 + attribute], manners[attribute] - 3_000] = 0.5
    name = {word: i for i, word in enumerate(data.vocabulary)}

    def accuracy(vectors):
        return problem.judge(lambda asked: vectors[[name[word] for word in asked.tolist()]], "test")["accuracy"]

    assert accuracy(ideal) > 0.99
    assert accuracy(ppmi(problem.train.x.astype(np.int64), 3_291)) > 0.2
    assert problem.judge(problem.floor, "test")["accuracy"] < 0.003


# ---------------------------------------------------------------------------------------------------------------- pcfg


def entropy():
    """Nats and symbols per sentence, and the largest eigenvalue of the mean matrix (Grenander 1976, Chi 1999)."""
    weights, _, children = pcfg.grammar()
    p = weights / weights.sum(axis=1, keepdims=True)
    mean = np.zeros((20, 20))
    for parent, rule, child in zip(*np.nonzero(children >= 0), strict=True):
        mean[parent, children[parent, rule, child]] += p[parent, rule]
    nats, symbols = np.linalg.solve(np.eye(20) - mean, np.column_stack([-(p * np.log(p)).sum(axis=1), np.ones(20)]))[0]
    return nats, symbols, np.abs(np.linalg.eigvals(mean)).max()


@cache
def rules():
    """{(non-terminal, symbol): (number of the rule, its chance, children)}: symbols of a non-terminal must differ."""
    weights, symbols, children = pcfg.grammar()
    found = {}
    for a in range(20):
        for r in range(8):
            assert (a, int(symbols[a, r])) not in found, "two rules of one non-terminal begin alike"
            kids = tuple(int(kid) for kid in children[a, r] if kid >= 0)
            found[a, int(symbols[a, r])] = (r, weights[a, r] / 1024, kids)
    return found


def read(text):
    """(non-terminal, rule, chance) of each token of a text of whole sentences, with a stack; None for ends."""
    stack = [0]
    for token in text:
        if token == 0:
            assert not stack, "a sentence ends before its derivation"
            stack = [0]
            yield None
        else:
            a = stack.pop()
            r, chance, kids = rules()[a, token]
            stack += reversed(kids)
            yield a, r, chance


def test_pcfg_grammar_is_proper_and_dies_out():
    weights, symbols, children = pcfg.grammar()
    assert (weights.sum(axis=1) == 1024).all() and weights.min() > 0
    assert (np.diff(np.sort(symbols, axis=1), axis=1) > 0).all() and set(symbols.ravel()) == set(range(1, 65))
    assert not (children == 0).any() and entropy()[2] < 0.9
    assert ((children[:, :, 0] < 0) <= (children[:, :, 1] < 0)).all()


def test_pcfg_ceiling_is_the_closed_form_and_what_text_costs_on_average():
    nats, symbols, _ = entropy()
    assert nats / (symbols + 1) == pytest.approx(pcfg.DATASET.ceiling, abs=1e-7)
    text = pcfg.sentences(20_000, generator("test", 0))
    cost = np.array([-math.log(step[2]) if step else 0.0 for step in read(text.tolist())])
    ends = np.flatnonzero(text == 0)
    assert len(ends) == 20_000
    costs, lengths = np.diff(np.cumsum(cost)[ends], prepend=0), np.diff(ends, prepend=-1) - 1
    for drawn, expected in ((costs, nats), (lengths, symbols)):
        assert abs(np.mean(drawn) - expected) < 4 * np.std(drawn) / math.sqrt(len(drawn))


def test_pcfg_rules_are_used_as_often_as_they_should_be():
    weights, _, _ = pcfg.grammar()
    used = Counter(step[:2] for step in read(pcfg.sentences(10_000, generator("test", 1)).tolist()) if step)
    for a in range(20):
        assert even([used[a, r] for r in range(8)], weights[a] / 1024)


def test_pcfg_texts_have_one_derivation():
    """The inside algorithm, which adds up all derivations, finds the chance of the one that the stack finds."""
    weights, symbols, children = pcfg.grammar()
    text = pcfg.sentences(300, generator("test", 2)).tolist()
    sentences = [list(map(int, part.split())) for part in " ".join(map(str, text)).split(" 0")]  # 0 ends each
    short = [sentence for sentence in sentences if 3 <= len(sentence) <= 9]
    assert len(short) > 50
    for sentence in short:

        @cache
        def inside(a, start, end, sentence=tuple(sentence)):
            total = 0.0
            for r in np.flatnonzero(symbols[a] == sentence[start]) if start < end else ():
                kids = [int(kid) for kid in children[a, r] if kid >= 0]
                if len(kids) == 2:
                    ways = sum(
                        inside(kids[0], start + 1, cut) * inside(kids[1], cut, end) for cut in range(start + 2, end)
                    )
                else:
                    ways = inside(kids[0], start + 1, end) if kids else float(end == start + 1)
                total += weights[a, r] / 1024 * ways
            return total

        assert inside(0, 0, len(sentence)) == pytest.approx(math.prod(step[2] for step in read(sentence)), rel=1e-12)


def test_pcfg_test_tokens_cost_a_reader_with_a_stack_what_the_card_says():
    test = loaded(pcfg, 1_000, 0).test_x.tolist()
    nats = -sum(math.log(step[2]) for step in read(test) if step)
    assert nats / len(test) == pytest.approx(1.7351, abs=5e-5) and "1.7351" in pcfg.DATASET.ceiling_source
    counts = np.bincount(test)
    assert stats.entropy(counts) == pytest.approx(3.95, abs=0.02)


def test_pcfg_is_judged_close_to_its_entropy_for_one_who_knows_the_grammar():
    problem = posed(pcfg, 300_000)
    usual = np.bincount(problem.train.x, minlength=65) / len(problem.train.x)
    weights, symbols, _ = pcfg.grammar()

    def answer(passage):
        p, stack = np.zeros((len(passage), 65)), None  # nobody knows the stack before the first end
        for row, token in zip(p, passage.tolist(), strict=True):
            if token == 0:
                stack = [0]
            elif stack is not None:
                stack += reversed(rules()[stack.pop(), token][2])
            if stack is None:
                row[:] = usual
            elif stack:
                row[symbols[stack[-1]]] = weights[stack[-1]] / 1024
            else:
                row[0] = 1
        return p

    loss = problem.judge(answer, "test")["loss"]
    assert loss == pytest.approx(pcfg.DATASET.ceiling, abs=0.01)
    assert problem.judge(problem.floor, "test")["loss"] > 3.9


# ------------------------------------------------------------------------------------------------------------- teacher


def test_teacher_labels_are_the_nets_but_for_a_tenth():
    x, y = teacher.draw("test", 0, 100_000)
    told = teacher.output(x) > 0
    wrong = told != y
    assert wrong.mean() == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / 100_000))
    for some in (told, ~told, x[:, 0] > 0, x[:, 19] == 3):
        assert wrong[some].mean() == pytest.approx(0.1, abs=4.5 * math.sqrt(0.09 / some.sum()))
    assert 0.4 < y.mean() < 0.6


def test_teacher_output_is_that_of_its_recipe():
    rng = generator("teacher weights", 0)
    first = [[rng.normal(0, 0.5) for _ in range(32)] for _ in range(16)]
    shifts = [[[rng.normal(0, 0.7) for _ in range(32)] for _ in range(k)] for k in (2, 4, 8, 16)]
    second = [[rng.normal(0, 2 / math.sqrt(32)) for _ in range(32)] for _ in range(32)]
    last = [rng.normal() for _ in range(32)]
    x, _ = teacher.draw("test", 0, 50)
    for row, told in zip(x.tolist(), teacher.output(x), strict=True):
        sums = [sum(row[i] * first[i][j] for i in range(16)) for j in range(32)]
        one = [
            math.tanh(sums[j] + sum(shift[int(row[16 + k])][j] for k, shift in enumerate(shifts))) for j in range(32)
        ]
        two = [math.tanh(sum(one[i] * second[i][j] for i in range(32))) for j in range(32)]
        assert told == pytest.approx(sum(map(math.prod, zip(two, last, strict=True))), abs=1e-9)


def test_teacher_rows_are_normal_numbers_and_even_categories():
    x, _ = teacher.draw("test", 1, 20_000)
    for column in range(16):
        assert stats.kstest(x[:, column], "norm").pvalue > 1e-4
    for column, levels in zip(range(16, 20), (2, 4, 8, 16), strict=True):
        assert set(x[:, column]) == set(range(levels)) and even(np.bincount(x[:, column].astype(int)))
    assert np.abs(np.corrcoef(x.T) - np.eye(20)).max() < 0.035
    assert teacher.load(10, 0).levels == (0,) * 16 + (2, 4, 8, 16)


# ----------------------------------------------------------------------------------------------------------- hierarchy


def parse(x):
    """Classes of symbols (n, 8), read from the bottom with tables of pairs; also the features of the lowest level."""
    lowest = None
    for level in hierarchy.rules()[::-1]:
        table = {tuple(pair): feature for feature, pairs in enumerate(level.tolist()) for pair in pairs}
        x = np.array([[table[pair] for pair in zip(row[::2], row[1::2], strict=True)] for row in x.tolist()])
        lowest = x if lowest is None else lowest
    return x[:, 0], lowest


def test_hierarchy_pairs_belong_to_one_feature_each():
    for level in hierarchy.rules().tolist():
        assert sorted(pair for pairs in level for pair in pairs) == [[a, b] for a in range(8) for b in range(8)]


def test_hierarchy_classes_are_read_from_the_symbols_and_do_not_change_with_synonyms():
    data = loaded(hierarchy, 2_000, 0)
    classes, features = parse(data.x.astype(int))
    assert (classes == data.y).all() and even(np.bincount(data.y))
    assert (parse(data.test_x.astype(int))[0] == data.test_y).all()
    rng = np.random.default_rng(0)
    other = hierarchy.rules()[-1][features, rng.integers(8, size=features.shape)].reshape(data.x.shape)
    assert (other != data.x).any(axis=1).mean() > 0.99
    assert (parse(other)[0] == data.y).all()
    changed = hierarchy.rules()[-1][(features + [1, 0, 0, 0]) % 8, 0].reshape(data.x.shape)
    assert (parse(changed)[0] != data.y).mean() > 0.5


def test_hierarchy_derivations_write_different_rows():
    numbers = np.random.default_rng(0).permutation(8**8)[:200_000]
    x, _ = hierarchy.write(numbers)
    assert len(np.unique(x.astype(np.int64) @ 8 ** np.arange(8))) == 200_000


def test_hierarchy_keeps_test_rows_out_of_training():
    data = loaded(hierarchy, 300_000, 0)
    train, test = (Counter((x.astype(np.int64) @ 8 ** np.arange(8)).tolist()) for x in (data.x, data.test_x))
    assert len(train) > 295_000 and len(test) > 9_980 and not train.keys() & test.keys()
    assert max(train.values()) <= 5  # those that were moved away did not all go to one place
    for shift in range(8):  # nor is a test row next to the training row of its number
        assert ((data.test_y + shift) % 8 == data.y[:10_000]).mean() == pytest.approx(1 / 8, abs=0.02)


def test_hierarchy_single_symbols_tell_almost_nothing():
    data = loaded(hierarchy, 300_000, 0)
    for column in data.x.T.astype(int):
        table = np.zeros((8, 8))
        np.add.at(table, (column, data.y), 1)
        assert table.max(axis=1).sum() / len(data.y) < 0.2

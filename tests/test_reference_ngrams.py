"""N-grams (add-k, Jelinek-Mercer, Markov chain) against their formulas in dictionaries; variants of Fashion-MNIST."""

import functools
import gzip
import inspect
import math
import os
from collections import Counter
from types import ModuleType

import numpy as np
import pytest

from harness import catalogue, files
from harness.contract import BadData, Data, Examples, Fitted, Run
from harness.tasks import fill_blank
from tests.nets import load

needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")
both = pytest.mark.parametrize("name", ["add_k", "jelinek_mercer"])
V = 12


def fit(name: str, tokens, classes: int = V, **keywords) -> Fitted:
    return load(name).fit(Examples(np.asarray(tokens, np.uint8), None, classes), Run(), **keywords)


@functools.cache
def stream(n: int, seed: int = 0) -> np.ndarray:
    """A text whose next token depends on the last two; token 11 never comes."""
    rng = np.random.default_rng(seed)
    table = np.random.default_rng(9).dirichlet(0.4 / np.arange(1, V), (V, V))
    tokens = [0, 0]
    for _ in range(n - 2):
        tokens.append(int(rng.choice(V - 1, p=table[tokens[-2], tokens[-1]])))
    return np.array(tokens, np.uint8)


def counted(tokens: list[int], n: int) -> tuple[Counter, Counter]:
    """Of a text: how often each n-gram came, and each context of n - 1 tokens before another token."""
    grams = Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
    contexts: Counter = Counter()
    for gram, many in grams.items():
        contexts[gram[:-1]] += many
    return grams, contexts


# ---------------------------------------------------------------------------------------------------------------- add k


def lidstone(tokens: list[int], context: tuple, token: int, k: float) -> float:
    grams, contexts = counted(tokens, len(context) + 1)
    return (grams[*context, token] + k) / (contexts[context] + k * V)


def chosen_k(tokens: list[int], order: int) -> float:
    """The best of the 71 values, by the loss of each held-out token after its context."""
    cut = len(tokens) - max(1, len(tokens) // 10)
    grams, contexts = counted(tokens[:cut], order)
    losses = {}
    for tenth in range(-60, 11):
        k, loss = 10 ** (tenth / 10), 0.0
        for i in range(cut, len(tokens)):
            gram = tuple(tokens[i - order + 1 : i + 1])
            loss -= math.log((grams[gram] + k) / (contexts[gram[:-1]] + k * V))
        losses[k] = loss
    return min(losses, key=losses.__getitem__)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_add_k_equals_the_formula(order):
    train, passage = stream(800).tolist(), stream(40, seed=1)
    k = chosen_k(train, order)
    assert order == 1 or 1e-6 < k < 10  # not the end of the range
    answers = fit("add_k", train, order=order).answer(passage)
    read, known = passage.tolist(), set()
    for place in range(len(read)):
        context = tuple(read[max(0, place - order + 2) : place + 1]) if order > 1 else ()
        expected = [lidstone(train, context, token, k) for token in range(V)]
        np.testing.assert_allclose(answers[place], expected, rtol=1e-10)
        known.add(len(set(np.round(expected, 12))) > 1)
    assert order < 5 or known == {True, False}  # contexts that were seen, and that were never


# ------------------------------------------------------------------------------------------------------- Jelinek-Mercer


class Mixture:
    """Every length is one source of a mixture; a token's source is the longest one that does not pass it on."""

    def __init__(self, tokens: list[int], order: int) -> None:
        self.order = order
        self.of = [counted(tokens, n) for n in range(1, order + 1)]
        self.weights: dict[tuple[int, int], float] = {}

    def sources(self, read: list[int], token: int) -> list[tuple[float, float, list]]:
        """(share of the mixture, chance of the token, [((length, group), passed on or kept)]), longest first."""
        found, left, path = [], 1.0, []
        for n in range(min(self.order, len(read) + 1), 0, -1):
            context = tuple(read[len(read) - n + 1 :])
            grams, contexts = self.of[n - 1]
            if total := contexts[context]:
                cell = n, int(math.log2(total))
                weight = self.weights.get(cell, 0.5)
                found.append((left * weight, grams[*context, token] / total, [*path, (cell, True)]))
                left, path = left * (1 - weight), [*path, (cell, False)]
        return [*found, (left, 1 / V, path)]

    def p(self, read: list[int], token: int) -> float:
        return sum(share * chance for share, chance, _ in self.sources(read, token))

    def learn(self, held: list[tuple[list[int], int]], rounds: int) -> None:
        for _ in range(rounds):
            kept: Counter = Counter()
            came: Counter = Counter()
            for read, token in held:
                sources = self.sources(read, token)
                total = sum(share * chance for share, chance, _ in sources)
                for share, chance, path in sources:
                    for cell, stays in path:
                        came[cell] += share * chance / total
                        kept[cell] += stays * share * chance / total
            self.weights = {cell: (kept[cell] + 0.5) / (came[cell] + 1) for cell in came}


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_jelinek_mercer_equals_the_formulas(order):
    train, passage = stream(600).tolist(), stream(40, seed=1)
    mixture = Mixture(train[:540], order)
    mixture.learn([(train[max(0, i - 5) : i], train[i]) for i in range(540, 600)], rounds=50)
    mixture.of = [counted(train, n) for n in range(1, order + 1)]  # counts of the whole, weights as they are
    answers = fit("jelinek_mercer", train, order=order).answer(passage)
    read = passage.tolist()
    for place in range(len(read)):
        expected = [mixture.p(read[: place + 1], token) for token in range(V)]
        np.testing.assert_allclose(answers[place], expected, rtol=1e-9)


def test_weights_are_the_best_for_the_held_out_text(monkeypatch):
    """Any other weight makes it less likely, where each weight has half a token for and half a token against it."""
    module, tokens = load("jelinek_mercer"), stream(4000).astype(np.int64)
    monkeypatch.setattr(module, "ROUNDS", 3000)
    shares, groups = module.of_truth(module.count(tokens[:-400], V, 3), tokens, 400, V)
    weights = module.estimated(shares, groups, V)

    def likelihood(weights):
        p = np.full(400, 1 / V)
        for n in range(3):
            own = weights[n, groups[n]]
            p = own * shares[n] + (1 - own) * p
        inside = weights[:, 1:]
        return np.log(p).sum() + 0.5 * (np.log(inside) + np.log(1 - inside)).sum()

    best, used = likelihood(weights), 0
    for n in range(3):
        for group in set(groups[n].tolist()) - {0}:
            used += 1
            for step in (-0.01, 0.01):
                other = weights.copy()
                other[n, group] = np.clip(other[n, group] + step, 1e-4, 1 - 1e-4)
                assert likelihood(other) < best
    assert used > 8 and (weights[:, 0] == 0).all() and np.ptp(weights[2, 1:8]) > 0.1


def test_contexts_that_came_more_often_are_trusted_more():
    module, tokens = load("jelinek_mercer"), stream(20_000).astype(np.int64)
    shares, groups = module.of_truth(module.count(tokens[:-2000], V, 4), tokens, 2000, V)
    weights = module.estimated(shares, groups, V)[3]
    assert weights[1] < weights[4] < weights[7]


# ----------------------------------------------------------------------------------------------------------------- both


@both
@pytest.mark.parametrize("order", [1, 2, 4])
def test_chances_sum_to_one_after_any_context(name, order):
    model = fit(name, stream(3000), order=order)
    for passage in (stream(3000)[:1000], np.random.default_rng(0).integers(0, V, 1000)):  # most of these never came
        p = model.answer(passage)
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)
        assert p.min() > 0


@both
def test_it_looks_back_no_further_than_its_order_and_never_ahead(name):
    tokens = stream(3000)
    model = fit(name, tokens, order=3)
    whole = model.answer(tokens[:100])
    np.testing.assert_allclose(model.answer(tokens[40:100])[1:], whole[41:], rtol=1e-12)
    np.testing.assert_allclose(model.answer(tokens[:60]), whole[:60], rtol=1e-12)
    assert np.abs(model.answer(tokens[40:100])[0] - whole[40]).max() > 1e-3  # the second token before it counts


@both
@pytest.mark.parametrize("n", [2, 3, 11])
def test_of_hardly_any_text_it_still_says_something(name, n):
    p = fit(name, stream(3000)[:n], order=9).answer(stream(30, seed=1))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert p.min() > 0


@both
def test_a_large_vocabulary_and_the_same_answers_twice(name):
    """Keys of four words of 10,000 are numbered, not multiplied out: 10^16 and more would fit no number."""
    words = np.tile(np.random.default_rng(0).integers(0, 10_000, 6_000), 5)  # the same text five times
    model = load(name).fit(Examples(words.astype(np.uint16), None, 10_000), Run(), order=6)
    p = model.answer(words[:300].astype(np.uint16))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert p[np.arange(10, 299), words[11:300]].min() > 0.8
    np.testing.assert_array_equal(model.answer(words[:300].astype(np.uint16)), p)


@both
def test_the_card_and_cost_hold_the_defaults_of_fit(name):
    module = load(name)
    asked = [inspect.signature(f).parameters.values() for f in (module.fit, module.cost)]
    of_fit, of_cost = ({p.name: p.default for p in some if p.kind is p.KEYWORD_ONLY} for some in asked)
    assert of_fit == of_cost and set(module.TECHNIQUE.space) == set(of_fit)


# -------------------------------------------------------------------------------------------- variants of Fashion-MNIST


@functools.cache
def module_of(name: str) -> ModuleType:
    return catalogue.load(catalogue.path_of("dataset", name))


@functools.cache
def dataset(name: str) -> Data:
    module = module_of(name)
    return module.load(files.locate(name, module.DATASET.files, module.DATASET.folder))


@needs_data
def test_pictures_put_back_in_order_are_the_original():
    plain, mixed = dataset("fashion_mnist"), dataset("fashion_mnist_permuted")
    numbers = np.arange(784).reshape(1, 28, 28)
    order = module_of("fashion_mnist_permuted").permuted(numbers).ravel()
    assert sorted(order) == list(range(784)) and (order != np.arange(784)).mean() > 0.98
    for x, y in ((plain.x, mixed.x), (plain.test_x, mixed.test_x)):
        back = np.empty((len(y), 784), np.uint8)
        back[:, order] = y.reshape(-1, 784)
        assert y.dtype == np.uint8 and np.array_equal(back.reshape(x.shape), x)
    assert np.array_equal(plain.y, mixed.y) and np.array_equal(plain.test_y, mixed.test_y)


@needs_data
def test_only_test_pictures_are_shifted_each_by_its_own_two_pixels_at_most():
    plain, moved = dataset("fashion_mnist"), dataset("fashion_mnist_shifted")
    assert np.array_equal(plain.x, moved.x) and np.array_equal(plain.y, moved.y)
    assert np.array_equal(plain.test_y, moved.test_y) and moved.test_x.dtype == np.uint8
    by = module_of("fashion_mnist_shifted").shifts(10_000)
    assert np.bincount(5 * by[:, 0] + by[:, 1] + 12, minlength=25) == pytest.approx([400] * 25, rel=0.25)
    assert np.abs(by).max() == 2
    for image, other, (down, right) in zip(plain.test_x, moved.test_x, by.tolist(), strict=True):
        expected = np.zeros((28, 28), np.uint8)
        expected[max(0, down) : 28 + min(0, down), max(0, right) : 28 + min(0, right)] = image[
            max(0, -down) : 28 + min(0, -down), max(0, -right) : 28 + min(0, -right)
        ]
        assert np.array_equal(other, expected)


def test_a_shift_is_down_and_right():
    image = np.zeros((1, 5, 5), np.uint8)
    image[0, 1, 2] = 7
    moved = module_of("fashion_mnist_shifted").shifted(image, np.array([[2, -1]]))
    assert np.argwhere(moved[0]).tolist() == [[3, 1]] and moved.sum() == 7


@pytest.mark.parametrize("variant", ["permuted", "shifted"])
def test_a_label_above_nine_is_told(tmp_path, variant):
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 9, 0, 10])))
    with pytest.raises(BadData, match="labels.gz, row 2 holds 10: a class below 10 is right"):
        module_of(f"fashion_mnist_{variant}").labels(path, 3)


def test_the_variants_read_the_files_of_fashion_mnist():
    cards = [module_of(f"fashion_mnist{variant}").DATASET for variant in ("", "_permuted", "_shifted")]
    assert cards[0].files == cards[1].files == cards[2].files
    assert [card.folder for card in cards[1:]] == ["fashion_mnist"] * 2


# -------------------------------------------------------------------------------------------------------- markov chain


def witten_bell(tokens: list[int], context: tuple, token: int) -> float:
    """The interpolated form, from its longest context to 1 / V."""
    grams, contexts = counted(tokens, len(context) + 1)
    shorter = witten_bell(tokens, context[1:], token) if context else 1 / V
    kinds = sum(gram[:-1] == context for gram in grams)
    return (grams[*context, token] + kinds * shorter) / (contexts[context] + kinds) if kinds else shorter


def filled(tokens: list[int], n: int, passage: list[int], blank: int) -> np.ndarray:
    """(V,): each token in the blank, the whole passage's chances multiplied, and shared out."""
    whole = []
    for token in range(V):
        text = [*passage[:blank], token, *passage[blank + 1 :]]
        steps = range(blank, len(text))
        whole.append(math.prod(witten_bell(tokens, tuple(text[max(0, i - n) : i]), text[i]) for i in steps))
    return np.array(whole) / sum(whole)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("reach", [1, 2, 6])
def test_a_blank_is_filled_by_what_makes_the_passage_likeliest(n, reach):
    tokens = stream(300)
    passages = stream(40 * (2 * reach + 1), seed=5).reshape(40, -1)[:8].copy()
    passages[:, reach] = V
    passages[0, reach - 1] = passages[1, reach + 1] = 11  # a token never seen, before and after
    answers = fit("markov_chain", tokens, n=n).answer(passages)
    assert answers.shape == (8, V)
    for passage, answer in zip(passages.tolist(), answers, strict=True):
        # of what lies further after the blank than n, nothing depends on it: it falls out of the quotient
        np.testing.assert_allclose(answer, filled(tokens.tolist(), n, passage, reach), rtol=1e-9)


def test_with_much_text_the_chances_are_those_of_the_chain():
    """A chain of order 1 whose table T is known: p(w | l, r) = T[l, w] T[w, r] / sum."""
    rng = np.random.default_rng(3)
    T = rng.dirichlet(np.ones(5), 5)
    tokens, draws = [0], rng.random(200_000)
    edges = T.cumsum(1)
    for u in draws:
        tokens.append(min(4, int(np.searchsorted(edges[tokens[-1]], u))))
    fitted = fit("markov_chain", tokens, classes=5, n=1)
    left, right = (side.ravel() for side in np.meshgrid(np.arange(5), np.arange(5), indexing="ij"))
    answers = fitted.answer(np.column_stack([left, np.full(25, 5), right]).astype(np.uint8))
    expected = T[left] * T[:, right].T
    np.testing.assert_allclose(answers, expected / expected.sum(1, keepdims=True), atol=0.02)


def test_a_vocabulary_of_words_shortens_the_contexts_to_what_a_number_holds():
    tokens = np.random.default_rng(0).integers(0, 40_000, 5_000).astype(np.uint16)
    answer = load("markov_chain").fit(Examples(tokens, None, 40_000), Run(), n=6).answer
    p = answer(np.array([[7, 40_000, 9], [tokens[10], 40_000, tokens[12]]], np.uint16))
    assert p.sum(1) == pytest.approx([1, 1]) and p[1].argmax() == tokens[11]


def test_both_sides_tell_more_than_the_best_that_reads_one():
    """The blanks lie in the text of source_code, whose reference reads what stands on the left."""
    blanks, whole = (catalogue.load(catalogue.path_of("dataset", f"source_code{end}")) for end in ("_blanks", ""))
    data, other = blanks.load(), whole.load()
    assert np.array_equal(data.x, other.x) and np.array_equal(data.test_x, other.test_x)
    assert data.vocabulary == other.vocabulary and blanks.DATASET.anchor == whole.DATASET.anchor
    problem = fill_blank.pose(data, len(data.x), 0, {})
    found = problem.judge(load("markov_chain").fit(problem.train, Run()).answer, "test")
    assert found["loss"] == pytest.approx(0.863, abs=0.001) and found["accuracy"] == pytest.approx(0.846, abs=0.001)

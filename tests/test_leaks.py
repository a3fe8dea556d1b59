"""Nothing of a held-out row may reach training: with other held-out rows and labels all answers stay as they are."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from harness import adapt, catalogue
from harness import check as toys
from harness.contract import STREAMS, Budget, Data, Run
from harness.formats import texts
from harness.split import drawn

SIZE, VALIDATION = 200, 0.2
TASKS = {task: importlib.import_module(f"harness.tasks.{task}").pose for task in ("classify", "regress", *STREAMS)}
WORDS = [f"word{i}" for i in range(40)]


def techniques(form, *tasks):
    cards = {name: catalogue.technique(name).card for name in catalogue.names("technique")}
    return [name for name, card in cards.items() if set(tasks) & set(card.tasks) and form in (card.forms or (form,))]


def fit_of(name):
    return adapt.fit_of(catalogue.load(catalogue.technique(name).path))


def table(task):
    """Numbers with gaps and a category; the labels come from both."""
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (300, 4)).astype(np.float32)
    x[rng.random((300, 4)) < 0.05] = np.nan
    x[:, 3] = rng.integers(0, 3, 300)
    score = np.nan_to_num(x[:, 0]) + x[:, 3]
    y, classes = ((score > 1).astype(np.int64), 2) if task == "classify" else (score.astype(np.float64), 0)
    return Data(x, y, classes, levels=(0, 0, 0, 3))


def stories():
    """Texts of eight words, the labels' own among them."""
    rng = np.random.default_rng(6)
    y = rng.integers(0, 2, 300)
    return Data(texts([" ".join(WORDS[i] for i in rng.integers(0, 30, 8) + 10 * c) for c in y]), y, 2)


def laid_out(data, layout):
    """As folds by class; as folds of groups, which no label moves; as generated rows, whose places no label moves."""
    if layout == "generated":
        x, y, test_x, test_y = data.x[:240], data.y[:240], data.x[240:], data.y[240:]
        return replace(data, x=x, y=y, test_x=test_x, test_y=test_y, protocol="generated")
    return replace(data, groups=np.arange(300)) if layout == "groups" else data


def spoiled(data, part, labels):
    """The same data with values in the held-out part that the rest has not, and with other labels there too."""
    taken = drawn(data, SIZE, 0, VALIDATION)
    inside = getattr(taken, part) is not None
    x, y = (data.x.copy(), data.y.copy()) if inside else (data.test_x.copy(), data.test_y.copy())
    rows = getattr(taken, part) if inside else np.arange(len(x))
    if x.ndim == 1:
        x[rows] = "nothing of the kind"
    else:
        x[rows, :3], x[rows, 3] = 1e6, 0
    if labels:
        assert y[rows].any()
        y[rows] = 0
    other = replace(data, x=x, y=y) if inside else replace(data, test_x=x, test_y=y)
    assert all(np.array_equal(a, b) for a, b in zip(taken, drawn(other, SIZE, 0, VALIDATION), strict=True))
    return other


def material(pose, data):
    train = pose(data, SIZE, 0, {}, validation=VALIDATION).train
    return [train.x] if train.y is None else [train.x, train.y]


def learnt(fit, pose, data, question):
    """What training is made of, and what answers come of it."""
    train = pose(data, SIZE, 0, {}, validation=VALIDATION).train
    return [*material(pose, data), fit(train, Run(seed=1, budget=Budget("examples", 1_000))).answer(question.copy())]


def differ(one, other):
    return any(a.shape != b.shape or (a != b)[(a == a) | (b == b)].any() for a, b in zip(one, other, strict=True))


# Labels decide over folds by class, and over who of a class is held out: there they stay.
HELD_OUT = [
    *(("folds", "test", False), ("folds", "hold", False), ("groups", "test", True)),
    *(("generated", "hold", True), ("generated", "test", True)),
]


def check(fit, pose, data):
    before = {}
    for layout, part, labels in HELD_OUT:
        one = laid_out(data, layout)
        if layout not in before:
            before[layout] = learnt(fit, pose, one, data.x[:50])
        other = spoiled(one, part, labels or not data.classes)
        assert not differ(before[layout], learnt(fit, pose, other, data.x[:50])), (layout, part)


@pytest.mark.parametrize("name", techniques("table", "classify", "regress"))
def test_held_out_rows_move_no_answer(name):
    task = "classify" if "classify" in catalogue.technique(name).card.tasks else "regress"
    check(fit_of(name), TASKS[task], table(task))


@pytest.mark.parametrize("task, form, other", [("translate", "text", "nothing"), ("generate", "image", 255)])
@pytest.mark.parametrize("part", ["test", "hold"])
def test_held_out_pairs_and_pictures_are_not_lent(task, form, other, part):
    data, pose = toys.toy(task, form), importlib.import_module(f"harness.tasks.{task}").pose
    rows = getattr(drawn(data, 80, 0, VALIDATION), part)
    x, y = data.x.copy(), None if data.y is None else data.y.copy()
    x[rows] = other
    if y is not None:
        y[rows] = other
    before, after = (pose(one, 80, 0, {}, validation=VALIDATION).train for one in (data, replace(data, x=x, y=y)))
    assert len(rows) and np.array_equal(before.x, after.x) and np.array_equal(before.y, after.y)


@pytest.mark.parametrize("name", techniques("text", "classify"))
def test_held_out_texts_move_no_answer(name):
    check(fit_of(name), TASKS["classify"], stories())


@pytest.mark.parametrize("name", techniques("tokens", *STREAMS))
def test_held_out_tokens_move_no_answer(name):
    task = next(one for one in catalogue.technique(name).card.tasks if one in STREAMS)
    x = np.random.default_rng(7).integers(0, 8, 400).astype(np.uint8)
    data, other = Data(x[:300], None, 10, x[300:], protocol="official"), x.copy()
    other[int(SIZE * (1 - VALIDATION)) : SIZE] = 9  # what a search judges on
    other[300:] = 8
    other = replace(data, x=other[:300], test_x=other[300:])
    fit, pose, question = fit_of(name), TASKS[task], x[:50] if task == "next_token" else x[:50].reshape(10, 5)
    assert len(material(pose, data)[0]) == SIZE * (1 - VALIDATION)
    assert not differ(learnt(fit, pose, data, question), learnt(fit, pose, other, question))


# --------------------------------------------------------------------------------------------------------------- leaks


def scaled_by_all(data):
    """Standardised with the mean and deviation of all rows."""
    x = np.nan_to_num(data.x)
    return replace(data, x=(x - x.mean(0)) / x.std(0), levels=())


def filled_by_all(data):
    """Gaps filled with the median of all rows."""
    return replace(data, x=np.where(np.isnan(data.x), np.nanmedian(data.x, axis=0), data.x).astype(np.float32))


def encoded_by_all(data):
    """A category replaced by the mean label of all its rows: target encoding."""
    x = data.x.copy()
    for k in range(3):
        x[data.x[:, 3] == k, 3] = data.y[data.x[:, 3] == k].mean()
    return replace(data, x=x, levels=())


def weighted_by_all(data):
    """A column weighted by the mean of all labels: no value of a row has a part in it."""
    return replace(data, x=data.x * np.float32([data.y.mean(), 1, 1, 1]))


def vectors_of_all(data):
    """Texts as tf-idf, a word's weight by how many of all texts have it."""
    vectors = TfidfVectorizer(vocabulary=WORDS).fit_transform(data.x.tolist()).toarray().astype(np.float32)
    return replace(data, x=vectors)


@pytest.mark.parametrize(
    "leak, data",
    [
        *((leak, table("classify")) for leak in (scaled_by_all, filled_by_all, encoded_by_all, weighted_by_all)),
        *((leak, table("regress")) for leak in (encoded_by_all, weighted_by_all)),
        (vectors_of_all, stories()),
    ],
)
@pytest.mark.parametrize("layout, part", [("groups", "test"), ("generated", "hold")])
def test_a_planted_leak_is_caught(leak, data, layout, part):
    def pose(data, *asked, **condition):
        if data.x.ndim == 1 and data.test_x is not None:
            data = replace(data, test_x=np.zeros((len(data.test_x), len(WORDS)), np.float32))
        return TASKS["classify" if data.classes else "regress"](leak(data), *asked, **condition)

    data = laid_out(data, layout)
    assert differ(material(pose, data), material(pose, spoiled(data, part, True)))
    assert not differ(material(pose, data), material(pose, data))

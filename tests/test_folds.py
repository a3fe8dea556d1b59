"""The five folds inside a cell's training rows: each row held out once, nothing learned from its own judge."""

from dataclasses import replace

import numpy as np
import pytest

from harness import catalogue
from harness.contract import BadData, Data, Unsupported
from harness.folds import turned
from harness.plan import HOLD
from harness.split import drawn, parts
from harness.tasks import classify

N = 400
DEALT = [[8, 27, 6], [22, 9, 14], [19, 18, 31], [26, 5, 39], [4, 35, 20]]
SIZES = [8, 6, 6, 8, 2]


def data(protocol="official", groups=None, ordered=False):
    """The number of a row is its feature."""
    x = np.arange(N, dtype=np.float32)[:, None]
    y = np.random.default_rng(0).integers(0, 3, N)
    test = (None, None) if protocol == "folds" else (x[:50] + 1_000, y[:50])
    return Data(x, y, 3, *test, protocol=protocol, groups=groups, ordered=ordered)


def of_fold(made, size, seed, fold):
    """(rows learned from, rows held out, test rows) as a cell of that fold has them."""
    if fold == 0:
        found = parts(made, size, seed, HOLD)
    else:
        some, n, share = turned(made, size, seed, fold, HOLD)
        found = parts(some, n, seed, share)
    return found.train.x[:, 0], found.valid[0][:, 0], found.test[0][:, 0]


@pytest.mark.parametrize("protocol", ["official", "folds", "generated"])
@pytest.mark.parametrize("size", [9, 32, 100, 316])
def test_the_folds_hold_out_each_row_once_and_test_on_the_same(protocol, size):
    made = data(protocol)
    rows = set(made.x[drawn(made, size, 2).learn, 0].tolist())
    held = []
    for fold in range(5):
        learned, out, test = of_fold(made, size, 2, fold)
        assert set(learned) | set(out) == rows and not set(learned) & set(out)
        assert len(out) == pytest.approx(size / 5, abs=1)
        assert test.tolist() == of_fold(made, size, 2, 0)[2].tolist()
        held += out.tolist()
    assert sorted(held) == sorted(rows)


def test_labels_go_with_their_rows_and_classes_are_spread():
    made = data()
    for fold in range(1, 5):
        some, n, share = turned(made, 300, 1, fold, HOLD)
        learned, (x, y), _ = parts(some, n, 1, share)
        assert (made.y[learned.x[:, 0].astype(int)] == learned.y).all() and (made.y[x[:, 0].astype(int)] == y).all()
        assert np.bincount(y, minlength=3) == pytest.approx(np.bincount(made.y[:N]) * len(y) / N, abs=6)


def test_groups_are_whole():
    groups = np.random.default_rng(1).integers(0, 40, N)
    made, held = data("folds", groups), []
    for fold in range(5):
        learned, out, _ = of_fold(made, 200, 0, fold)
        ours, theirs = set(groups[learned.astype(int)]), set(groups[out.astype(int)])
        assert ours and theirs and not ours & theirs
        held += list(theirs)
    assert len(held) == len(set(held)) == len(set(groups[made.x[drawn(made, 200, 0).learn, 0].astype(int)]))


def test_the_dealing_stays_what_it_is():
    """Rows of folds are kept for good, and their keys do not name this file: another dealing would be mixed in."""
    x = np.arange(40, dtype=np.float32)[:, None]
    made = Data(x, np.arange(40) % 2, 2, x, np.arange(40) % 2, protocol="official")
    held = [of_fold(made, 15, 3, fold)[1].astype(int).tolist() for fold in range(5)]
    assert held == DEALT
    grouped_ = replace(made, groups=np.arange(40) % 9)
    assert [len(of_fold(grouped_, 30, 3, fold)[1]) for fold in range(5)] == SIZES


def test_a_fold_that_leaves_one_class_is_nobodys_failure():
    y = np.zeros(N, int)
    y[7] = 1
    made, told = replace(data(), y=y, classes=2), []
    last = drawn(made, N, 0, HOLD).hold  # of fold 0, which split deals by itself
    for fold in range(1, 5):
        try:
            turned(made, N, 0, fold, HOLD)
        except Unsupported as error:
            told.append(str(error))
    assert len(told) == (7 not in last) and all("of one class" in text for text in told)


def test_few_groups_still_make_folds():
    groups = np.arange(N) % 3
    for fold in range(5):
        learned, out, _ = of_fold(data("official", groups), 100, 0, fold)
        assert len(learned) and not set(groups[learned.astype(int)]) & set(groups[out.astype(int)])
    with pytest.raises(BadData, match="of one group"):
        of_fold(data("official", np.zeros(N, int)), 100, 0, 1)


def test_of_rows_in_time_nothing_is_learned_from_later_ones():
    ends = []
    for fold in range(5):
        learned, out, _ = of_fold(data(ordered=True), 200, 0, fold)
        assert learned.max() < out.min() and len(out) == pytest.approx(len(learned) / 4, abs=1)
        ends.append(out.max())
    assert ends == sorted(ends, reverse=True) and len(set(ends)) == 5


def test_the_task_poses_a_fold_as_it_poses_a_hold_out():
    some, n, share = turned(data(), 100, 0, 3, HOLD)
    problem = classify.pose(some, n, 0, {}, validation=share)
    truth = {float(x): int(y) for x, y in zip(some.x[:, 0], some.y, strict=True)}
    scores = problem.judge(lambda asked: np.eye(3)[[truth[float(x)] for x in asked[:, 0]]], split="valid")
    assert scores["accuracy"] == 1.0 and problem.judge(problem.floor, split="test")["accuracy"] < 0.6


def test_numbers_and_texts_are_dealt_alike():
    x = np.array([f"text {k}" for k in range(N)], dtype=np.dtypes.StringDType())
    numbers = Data(np.arange(N, dtype=np.float32)[:, None], np.linspace(0, 1, N), 0, protocol="folds")
    texts = Data(x, np.arange(N) % 2, 2, x[:50], np.arange(50) % 2, protocol="official")
    for made, name in ((numbers, "regress"), (texts, "classify")):
        for fold in range(1, 5):
            some, n, share = turned(made, 100, 0, fold, HOLD)
            problem = catalogue.load(catalogue.path_of("task", name)).pose(some, n, 0, {}, validation=share)
            assert len(problem.train.x) == 80 and problem.judge(problem.floor, split="valid")

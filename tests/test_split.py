"""Nested subsets and folds: what every technique with one seed shares."""

from dataclasses import replace

import numpy as np
import pytest

from harness.contract import BadData, Data
from harness.split import drawn, folds, generator, order, parts, stretch

SKEWED = np.repeat([0, 1, 2], [700, 250, 50])


@pytest.mark.parametrize("seed", range(5))
def test_every_prefix_holds_each_class_in_proportion(seed):
    labels = SKEWED[order(SKEWED, 3, seed)]
    for n in (10, 20, 37, 100, 333, 999):
        expected = n * np.array([0.7, 0.25, 0.05])
        assert np.abs(np.bincount(labels[:n], minlength=3) - expected).max() <= 2


def test_equal_classes_come_once_per_round():
    labels = np.repeat(np.arange(10), 30)
    rounds = labels[order(labels, 10, seed=3)].reshape(30, 10)
    assert (np.sort(rounds, axis=1) == np.arange(10)).all()


@pytest.mark.parametrize("classes", [0, 3, 51])
def test_order_holds_each_row_once_and_follows_the_seed(classes):
    rows = order(SKEWED, classes, 7)
    assert (np.sort(rows) == np.arange(len(SKEWED))).all()
    assert (rows == order(SKEWED, classes, 7)).all()
    assert (rows != order(SKEWED, classes, 8)).mean() > 0.9


def test_many_classes_and_numbers_are_permuted_plainly():
    halves = np.repeat([0, 1], 500)
    for classes in (0, 51):
        shares = [halves[order(halves, classes, seed)[:100]].sum() for seed in range(200)]
        assert 3.8 < np.std(shares) < 5.8  # drawn without replacement: sqrt(100 * .25 * 900 / 999) = 4.75
    assert np.std([halves[order(halves, 2, seed)[:100]].sum() for seed in range(200)]) < 1


def test_order_mixes_the_rows_of_a_class():
    # Which of its rows a class gives first is uniform: the mean place over seeds is the middle.
    first = [order(SKEWED, 3, seed) for seed in range(400)]
    zeros = [rows[SKEWED[rows] == 0][0] for rows in first]
    assert abs(np.mean(zeros) - 349.5) < 4 * 700 / np.sqrt(12 * 400)


@pytest.mark.parametrize("classes", [0, 3])
def test_five_seeds_hold_out_every_row_once(classes):
    held_out = [folds(SKEWED[:998], classes, seed)[1] for seed in range(5, 10)]
    assert (np.sort(np.concatenate(held_out)) == np.arange(998)).all()
    assert sorted(map(len, held_out)) == [199, 199, 200, 200, 200]


def test_folds_hold_each_class_in_proportion():
    for seed in range(10):
        train, test = folds(SKEWED, 3, seed)
        assert not set(train) & set(test)
        assert np.bincount(SKEWED[test]).tolist() == [140, 50, 10]


def test_the_next_five_seeds_are_another_repeat():
    assert (folds(SKEWED, 3, 0)[1] == folds(SKEWED, 3, 0)[1]).all()
    common = set(folds(SKEWED, 3, 0)[1]) & set(folds(SKEWED, 3, 5)[1])
    assert 15 < len(common) < 75  # 200 of 1000 twice: 40 by chance


def test_purposes_draw_apart():
    a, b = generator("subset", 1).random(1000), generator("folds", 1).random(1000)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.15
    assert (a == generator("subset", 1).random(1000)).all()


# ------------------------------------------------------------------------------------------------ groups, time, streams


def grouped(n=1_000, many=60):
    rng = np.random.default_rng(1)
    groups = rng.choice(many, n, p=rng.dirichlet(np.ones(many)))
    return Data(rng.normal(size=(n, 3)).astype(np.float32), rng.integers(0, 2, n), 2, groups=groups)


def test_a_group_is_never_divided():
    data = grouped()
    held_out = []
    for seed in range(10):
        learn, hold, test = drawn(data, 500, seed, 0.2)
        sides = [set(data.groups[rows].tolist()) for rows in (learn, hold, test)]
        assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
        assert len(learn) + len(hold) == 500 and not set(learn) & set(hold)
        assert 100 <= len(hold) <= 100 + np.bincount(data.groups).max()
        held_out.append(set(test.tolist()))
    for repeat in (held_out[:5], held_out[5:]):
        assert set.union(*repeat) == set(range(1_000)) and sum(map(len, repeat)) == 1_000
    assert held_out[0] != held_out[5]


def test_folds_of_groups_are_of_like_size():
    sizes = [len(folds(grouped().y, 2, seed, grouped().groups)[1]) for seed in range(5)]
    assert max(sizes) - min(sizes) <= np.bincount(grouped().groups).max()


def test_of_ordered_rows_the_latest_are_held_out():
    data = Data(np.arange(300.0)[:, None], np.arange(300) % 2, 2, np.zeros((9, 1)), np.zeros(9), ordered=True)
    learn, hold, test = drawn(replace(data, protocol="official"), 100, 3, 0.2)
    assert test is None and len(hold) == 20 and learn.max() < hold.min()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_stretches_are_contiguous_and_nested(seed):
    data = Data(np.arange(1_000, dtype=np.uint16), None, 1_000, np.zeros(9, np.uint16), protocol="official")
    long, none = stretch(data, 900, seed)
    assert none is None and ((np.diff(long.astype(int)) == 1) | (np.diff(long.astype(int)) == -999)).all()
    short, held = stretch(data, 100, seed, 0.1)
    assert np.concatenate([short, held]).tolist() == long[:100].tolist() and len(held) == 10
    assert (long[0] == 0) == (seed == 0)


def test_a_stretch_of_ordered_rows_is_the_latest():
    data = Data(np.arange(50.0)[:, None], None, 0, np.zeros((9, 1)), protocol="official", ordered=True)
    assert stretch(data, 10, 4)[0].ravel().tolist() == list(range(40, 50))
    with pytest.raises(BadData, match="has 2 to 50 training rows, 51 were asked for"):
        stretch(data, 51, 0)


def test_rows_that_are_not_taken_are_not_read():
    """A file larger than the memory can be posed at a size that is not: other rows may hold anything."""
    data = Data(np.ones((10_000, 3)), np.arange(10_000) % 2, 2, np.ones((9, 3)), np.zeros(9), protocol="official")
    train, valid, _ = parts(data, 100, 0, 0.2)
    taken = drawn(data, 100, 0, 0.2)
    others = np.setdiff1d(np.arange(10_000), np.concatenate([taken.learn, taken.hold]))
    data.x[others] = np.inf
    again = parts(data, 100, 0, 0.2)
    assert (again.train.x == train.x).all() and (again.valid[0] == valid[0]).all() and len(train.x) == 80
    data.x[taken.hold[3], 1] = np.inf
    with pytest.raises(BadData, match=f"training row {taken.hold[3]}, column 1 is infinite"):
        parts(data, 100, 0, 0.2)


def test_texts_are_dealt_like_rows():
    x = np.array([f"text {i}" for i in range(200)], dtype=np.dtypes.StringDType())
    train, valid, test = parts(Data(x, np.arange(200) % 4, 4), 100, 0, 0.2)
    assert (len(train.x), len(valid[0]), len(test[0])) == (80, 20, 40)
    for rows, y in ((train.x, train.y), valid, test):
        assert [int(text.split()[1]) % 4 for text in rows] == y.tolist()

"""Nested subsets and folds: what every technique with one seed shares."""

import numpy as np
import pytest

from harness.split import folds, generator, order

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

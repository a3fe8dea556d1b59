"""No encoder, scaler or subset may have seen a held-out row: with other held-out rows all answers stay as they are."""

import importlib
from dataclasses import replace

import numpy as np
import pytest

from harness import adapt, catalogue
from harness.contract import Budget, Data, Examples, Fitted, Run
from harness.split import drawn

classify, regress = (importlib.import_module(f"harness.tasks.{task}") for task in ("classify", "regress"))
TABLES = [
    name
    for name in catalogue.names("technique")
    if {"classify", "regress"} & set(catalogue.technique(name).card.tasks)
    and "table" in (catalogue.technique(name).card.forms or ("table",))
]


def table(task):
    """Numbers with gaps and a category, of which a part is held out; what is held out is told by its row numbers."""
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (300, 4)).astype(np.float32)
    x[rng.random((300, 4)) < 0.05] = np.nan
    x[:, 3] = rng.integers(0, 3, 300)
    score = np.nan_to_num(x[:, 0]) + x[:, 3]
    y, classes = ((score > 1).astype(np.int64), 2) if task == "classify" else (score.astype(np.float64), 0)
    return Data(x, y, classes, levels=(0, 0, 0, 3))


def spoiled(data, rows):
    """The same data with other values in these rows, far outside of what the rest holds."""
    x = data.x.copy()
    x[rows, :3] = 1e6
    x[rows, 3] = 0
    return replace(data, x=x)


def learnt(fit, pose, data, size=200):
    """What training is made of, and what answers come of it."""
    problem = pose(data, size, 0, {}, validation=0.2)
    fitted = fit(problem.train, Run(seed=1, budget=Budget("examples", 2_000)))
    return problem.train.x, problem.train.y, np.asarray(fitted.answer(table("classify").x[:50]))


def differ(one, other):
    return not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def is_moved(fit, pose, data, rows):
    """Whether other held-out rows move the training material or an answer."""
    return differ(learnt(fit, pose, data), learnt(fit, pose, spoiled(data, rows)))


@pytest.mark.parametrize("name", TABLES)
def test_held_out_rows_move_no_answer(name):
    found = catalogue.technique(name)
    task = "classify" if "classify" in found.card.tasks else "regress"
    pose, fit = {"classify": classify, "regress": regress}[task].pose, adapt.fit_of(catalogue.load(found.path))
    data = table(task)
    taken = drawn(data, 200, 0, 0.2)
    assert not is_moved(fit, pose, data, taken.test)  # the test fold
    assert not is_moved(fit, pose, data, taken.hold)  # what a search judges on
    official = replace(data, x=data.x[:240], y=data.y[:240], test_x=data.x[240:], test_y=data.y[240:])
    official = replace(official, protocol="official")
    garbage = replace(official, test_x=np.full((60, 4), 1e6, np.float32), test_y=official.test_y[::-1])
    assert not differ(learnt(fit, pose, official), learnt(fit, pose, garbage))


def nearest(train: Examples, run: Run) -> Fitted:
    """An honest technique: 1-nearest neighbour of standardised rows."""
    x = np.nan_to_num(train.x)
    mean, std = x.mean(0), x.std(0) + 1e-9

    def answer(question):
        gaps = (np.nan_to_num(question)[:, None] - mean) / std - ((x - mean) / std)[None]
        return np.eye(2)[train.y[(gaps**2).sum(2).argmin(1)]]

    return Fitted(answer, x.size)


def test_an_honest_technique_passes():
    data = table("classify")
    assert not is_moved(nearest, classify.pose, data, drawn(data, 200, 0, 0.2).test)


def scaled_by_all(data, size, seed, given, **condition):
    """A task that leaks: it standardises with the mean and deviation of all rows, the held-out ones too."""
    x = np.nan_to_num(data.x)
    return classify.pose(replace(data, x=(x - x.mean(0)) / x.std(0), levels=()), size, seed, given, **condition)


def filled_by_all(data, size, seed, given, **condition):
    """A task that leaks: it fills gaps with the median of all rows."""
    x = np.where(np.isnan(data.x), np.nanmedian(data.x, axis=0) * 1.0, data.x)
    return classify.pose(replace(data, x=x.astype(np.float32)), size, seed, given, **condition)


def encoded_by_all(data, size, seed, given, **condition):
    """A task that leaks: it replaces a category by the mean target of all its rows, and orders rows by a number."""
    means = np.array([data.x[data.x[:, 3] == k, 0][~np.isnan(data.x[data.x[:, 3] == k, 0])].mean() for k in range(3)])
    x = data.x.copy()
    x[:, 3] = means[data.x[:, 3].astype(int)]
    return classify.pose(replace(data, x=x, levels=()), size, seed, given, **condition)


@pytest.mark.parametrize("leak", [scaled_by_all, filled_by_all, encoded_by_all])
@pytest.mark.parametrize("part", ["test", "hold"])
def test_a_planted_leak_is_caught(leak, part):
    data = table("classify")
    rows = getattr(drawn(data, 200, 0, 0.2), part)
    assert is_moved(nearest, leak, data, rows)

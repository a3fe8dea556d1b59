"""The judges of classify and regress against scikit-learn's metrics, and the sentences for what cannot be posed."""

import time

import numpy as np
import pytest
from sklearn import metrics

from harness.contract import BadData, Data
from harness.tasks import classify, regress

RNG = np.random.default_rng(0)


def table(n=200, classes=3, **changes):
    x = RNG.normal(size=(n, 4)).astype(np.float32)
    y = np.arange(n) % classes if classes else RNG.normal(size=n)
    return Data(**({"x": x, "y": y, "classes": classes} | changes))


def with_x(data, place, value):
    x = data.x.copy()
    x[place] = value
    return Data(x, data.y, data.classes)


def probabilities(n, classes, rounded=None):
    p = RNG.dirichlet(np.ones(classes), n)
    return p if rounded is None else np.round(p, rounded)


# ------------------------------------------------------------------------------------------------------------- metrics


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_scores_agree_with_scikit_learn(classes):
    y = RNG.choice(classes, 500, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    p = probabilities(500, classes)
    got = classify.scores(p, y)
    chosen = p.argmax(1)
    assert got["accuracy"] == pytest.approx(metrics.accuracy_score(y, chosen))
    assert got["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, chosen))
    assert got["log_loss"] == pytest.approx(metrics.log_loss(y, p, labels=range(classes)))
    auc = metrics.roc_auc_score(y, p[:, 1]) if classes == 2 else metrics.roc_auc_score(y, p, multi_class="ovr")
    assert got["auc"] == pytest.approx(auc)


def test_auc_counts_ties_half():
    y = RNG.integers(0, 2, 300)
    p = np.round(RNG.random(300), 1)
    got = classify.scores(np.column_stack([1 - p, p]), y)
    assert got["auc"] == pytest.approx(metrics.roc_auc_score(y, p))


def test_a_class_absent_from_the_truth_leaves_auc_out_and_recall_to_the_others():
    y = RNG.integers(0, 2, 100)
    p = probabilities(100, 3)
    got = classify.scores(p, y)
    assert "auc" not in got
    recalls = [(p.argmax(1)[y == c] == c).mean() for c in (0, 1)]
    assert got["balanced_accuracy"] == pytest.approx(np.mean(recalls))


def test_log_loss_of_a_truth_without_any_chance_is_finite():
    got = classify.scores(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1]))
    assert got["log_loss"] == pytest.approx(-np.log(1e-15) / 2)


def test_calibration_error_in_closed_form():
    p = np.tile([0.8, 0.2], (10, 1))
    y = np.array([0] * 6 + [1] * 4)  # 60 % right at 80 % confidence
    assert classify.scores(p, y)["calibration_error"] == pytest.approx(0.2)
    two = np.array([[0.9, 0.1]] * 4 + [[0.45, 0.55]] * 4)  # bins (.867, .933] and (.533, .6]
    truth = np.array([0, 0, 1, 1, 1, 1, 1, 1])  # 2 of 4 at .9, 4 of 4 at .55
    assert classify.scores(two, truth)["calibration_error"] == pytest.approx((0.4 + 0.45) / 2)


def test_calibration_error_as_defined_bin_by_bin():
    p, y = probabilities(400, 4), RNG.integers(0, 4, 400)
    top, right = p.max(1), p.argmax(1) == y
    error = 0.0
    for low, high in zip(np.linspace(0, 1, 16)[:-1], np.linspace(0, 1, 16)[1:], strict=True):
        inside = (top > low) & (top <= high)
        if inside.any():
            error += inside.mean() * abs(top[inside].mean() - right[inside].mean())
    assert classify.scores(p, y)["calibration_error"] == pytest.approx(error)


@pytest.mark.parametrize("factor, shift", [(2.0, 0.0), (1.0, -1.0)])
def test_scores_that_are_no_probabilities_have_no_log_loss(factor, shift):
    y = np.arange(99) % 3
    p = probabilities(99, 3)
    got, right = classify.scores(factor * p + shift, y), classify.scores(p, y)
    assert set(right) - set(got) == {"log_loss", "calibration_error"}
    assert got["accuracy"] == right["accuracy"] and got["auc"] == pytest.approx(right["auc"])


def test_a_negative_chance_is_no_probability():
    got = classify.scores(np.array([[1.25, -0.25], [0.5, 0.5]]), np.array([0, 1]))  # each row sums to 1
    assert set(got) == {"accuracy", "balanced_accuracy", "auc"}


def test_float32_probabilities_still_count_as_such():
    p = probabilities(100, 7).astype(np.float32)
    problem = classify.pose(table(500, 7), 50, 0, {})
    assert "log_loss" in problem.judge(lambda x: p, "test")


def test_regression_scores_agree_with_scikit_learn():
    y, p = RNG.normal(size=200), RNG.normal(size=200)
    got = regress.scores(p, y)
    assert got["rmse"] == pytest.approx(metrics.root_mean_squared_error(y, p))
    assert got["mae"] == pytest.approx(metrics.mean_absolute_error(y, p))
    assert got["r2"] == pytest.approx(metrics.r2_score(y, p))
    assert set(regress.scores(p, np.ones(200))) == {"rmse", "mae"}


# -------------------------------------------------------------------------------------------------------------- posing


def test_the_floor_is_the_shares_and_the_mean():
    y = np.repeat([0, 1, 2], [120, 60, 20])
    problem = classify.pose(table(y=y), 100, 0, {})
    shares = np.bincount(problem.train.y) / 100
    assert np.allclose(problem.floor(problem.sample)[0], shares)
    assert problem.judge(problem.floor, "test")["accuracy"] == pytest.approx(0.6)
    assert problem.judge(problem.floor, "test")["auc"] == 0.5
    numbers = regress.pose(table(classes=0), 100, 0, {})
    assert numbers.floor(numbers.sample).tolist() == [numbers.train.y.mean()] * 16


@pytest.mark.parametrize("task, classes", [(classify, 3), (regress, 0)])
def test_train_validation_and_test_share_no_row(task, classes):
    data = table(classes=classes)
    number = {row.tobytes(): i for i, row in enumerate(data.x)}
    problem = task.pose(data, 100, 3, {}, validation=0.2)
    asked = {}
    for split in ("valid", "test"):

        def ask(x, split=split):
            asked[split] = {number[row.tobytes()] for row in x}
            return problem.floor(x)

        assert problem.judge(ask, split)
    train = {number[row.tobytes()] for row in problem.train.x}
    assert [len(train), len(asked["valid"]), len(asked["test"])] == [80, 20, 40]
    assert len(train | asked["valid"] | asked["test"]) == 140
    whole = {number[row.tobytes()] for row in task.pose(data, 100, 3, {}).train.x}
    assert train | asked["valid"] == whole
    smaller = {number[row.tobytes()] for row in task.pose(data, 60, 3, {}).train.x}
    assert smaller < whole


def test_labels_stay_with_their_rows():
    x = np.arange(200, dtype=np.float32).reshape(200, 1)
    data = Data(x, np.arange(200) % 3, 3)
    problem = classify.pose(data, 100, 1, {}, validation=0.1)
    assert (problem.train.x[:, 0] % 3 == problem.train.y).all()
    for split in ("valid", "test"):
        assert problem.judge(lambda q: np.eye(3)[(q[:, 0] % 3).astype(int)], split)["accuracy"] == 1


@pytest.mark.parametrize("protocol", ["folds", "official", "generated"])
def test_no_truth_hides_behind_the_training_arrays(protocol):
    test = {} if protocol == "folds" else {"test_x": RNG.normal(size=(50, 4)), "test_y": np.arange(50) % 3}
    data = table(protocol=protocol, **test)
    problem = classify.pose(data, 100, 0, {}, validation=0.5)
    for array in (problem.train.x, problem.train.y, problem.sample):
        assert array.base is None
        for secret in (data.x, data.y, data.test_x, data.test_y):
            assert secret is None or not np.shares_memory(array, secret)


def test_an_answer_that_works_in_place_spoils_nothing():
    problem = classify.pose(table(), 100, 0, {})
    rule = classify.pose(table(), 100, 0, {}).floor

    def spoil(x):
        answer = np.column_stack([x[:, 0] > 0, x[:, 0] <= 0, np.zeros(len(x))])
        x[:] = 0
        return answer

    assert problem.judge(spoil, "test") == problem.judge(spoil, "test") != problem.judge(rule, "test")


def test_generated_rows_are_taken_as_they_come():
    data = table(protocol="generated", test_x=np.zeros((5, 4)), test_y=np.zeros(5))
    assert (classify.pose(data, 50, 9, {}).train.x == data.x[:50]).all()


def test_without_validation_there_is_nothing_to_judge():
    problem = classify.pose(table(), 50, 0, {})
    assert problem.judge(problem.floor) == problem.judge(problem.floor, "valid") == {}
    with pytest.raises(ValueError, match="neither 'valid' nor 'test'"):
        problem.judge(problem.floor, "train")


def test_units_types_and_what_passes_through():
    images = Data(np.zeros((50, 8, 8), np.uint8), np.arange(50) % 2, 2, ceiling=1.0)
    problem = classify.pose(images, 20, 0, {})
    assert (problem.unit, problem.ceiling, problem.train.x.dtype) == ("image", 1.0, np.uint8)
    problem = classify.pose(table(levels=(0, 0, 5, 0), x=np.ones((200, 4), np.float64)), 20, 0, {})
    assert (problem.unit, problem.train.levels) == ("row", (0, 0, 5, 0))
    assert (problem.train.x.dtype, problem.train.y.dtype) == (np.float32, np.int64)
    assert len(problem.sample) == 16 and len(classify.pose(table(60), 20, 0, {}).sample) == 12


def test_missing_values_and_empty_columns_are_allowed():
    data = table()
    data.x[:, 2] = np.nan
    data.x[5, 0] = np.nan
    assert np.isnan(classify.pose(data, 160, 0, {}).train.x[:, 2]).all()


def test_posing_and_judging_a_small_table_costs_milliseconds():
    data = table(150)
    spans = []
    for seed in range(20):
        start = time.process_time()
        problem = classify.pose(data, 100, seed, {}, validation=0.2)
        problem.judge(problem.floor, "test")
        spans.append(time.process_time() - start)
    assert min(spans) < 0.05


# --------------------------------------------------------------------------------------------------- what is told, how


@pytest.mark.parametrize(
    "answer, sentence",
    [
        (lambda x: np.ones((len(x) - 1, 3)), "answered 39 of 40 questions"),
        (lambda x: np.ones(len(x)), r"shape \(40,\): \(40, 3\) is right"),
        (lambda x: np.ones((len(x), 2)), r"shape \(40, 2\): \(40, 3\) is right"),
        (lambda x: 1.0, r"shape \(\)"),
        (lambda x: np.where(np.arange(120).reshape(40, 3) < 36, 1, np.nan), "first at question 12"),
        (lambda x: np.where(np.arange(120).reshape(40, 3) < 100, 1, np.inf), "first at question 33"),
    ],
)
def test_wrong_answers_to_classify_are_told(answer, sentence):
    with pytest.raises(ValueError, match=sentence):
        classify.pose(table(), 100, 0, {}).judge(answer, "test")


@pytest.mark.parametrize(
    "answer, sentence",
    [
        (lambda x: np.ones(len(x) + 1), "answered 41 of 40 questions"),
        (lambda x: np.ones((len(x), 1)), r"shape \(40, 1\): \(40,\) is right"),
        (lambda x: np.where(np.arange(40) < 7, 1, np.nan), "first at question 7"),
    ],
)
def test_wrong_answers_to_regress_are_told(answer, sentence):
    with pytest.raises(ValueError, match=sentence):
        regress.pose(table(classes=0), 100, 0, {}).judge(answer, "test")


def label(row, value):
    y = (np.arange(200) % 3).astype(float)
    y[row] = value
    return table(y=y)


@pytest.mark.parametrize(
    "data, sentence",
    [
        (label(12, np.nan), "training label of row 12 is nan: a class number from 0 to 2 is right"),
        (label(12, 3), "training label of row 12 is 3.0: a class number from 0 to 2"),
        (label(12, -1), "training label of row 12 is -1.0"),
        (label(12, 0.5), "training label of row 12 is 0.5"),
        (with_x(table(), (7, 2), np.inf), "training row 7, column 2 is infinite"),
        (table(x=np.full((200, 4), 1e300)), "column 0 is infinite in float32"),
        (table(x=np.full((200, 4), "a", dtype=object)), "training features have type object: numbers are right"),
        (table(y=np.full(200, "a")), "training labels have type <U1"),
        (table(y=np.zeros(199)), r"features have shape \(200, 4\) and labels \(199,\)"),
        (table(x=np.zeros(200)), r"features have shape \(200,\)"),
        (table(y=np.ones(200, int)), "all 160 training rows are of class 1"),
        (table(levels=(0, 2)), "levels names 2 columns, the rows have 4"),
        (table(protocol="official"), "'official' asks for test rows"),
        (table(protocol="official", test_x=np.ones((9, 3)), test_y=np.ones(9)), r"a test row has shape \(3,\)"),
        (table(protocol="official", test_x=np.ones((9, 4)), test_y=np.ones(9) * 3), "test label of row 0 is 3.0"),
        (table(classes=0), "has 0 classes"),
    ],
)
def test_data_that_cannot_be_classified_is_told(data, sentence):
    with pytest.raises(BadData, match=sentence):
        classify.pose(data, 160, 0, {})  # all rows that are not in the test fold


@pytest.mark.parametrize(
    "data, sentence",
    [
        (
            table(classes=0, y=np.where(np.arange(200) == 9, np.nan, 1.0)),
            "label of row 9 is nan: a finite number is right",
        ),
        (table(classes=0, y=np.where(np.arange(200) == 9, np.inf, 1.0)), "label of row 9 is inf"),
        (table(classes=3), "has 3 classes"),
    ],
)
def test_data_that_cannot_be_regressed_is_told(data, sentence):
    with pytest.raises(BadData, match=sentence):
        regress.pose(data, 100, 0, {})


@pytest.mark.parametrize(
    "size, validation, sentence",
    [
        (161, 0.0, "has 160 training rows, 161 were asked for"),
        (1, 0.0, "1 training rows were asked for: it takes at least 2"),
        (2, 0.1, "2 training rows less 1 for validation leave 1"),
    ],
)
def test_sizes_that_cannot_be_had_are_told(size, validation, sentence):
    with pytest.raises(BadData, match=sentence):
        classify.pose(table(), size, 0, {}, validation=validation)


def test_a_share_that_is_none_is_told():
    with pytest.raises(ValueError, match="validation is 1.5"):
        classify.pose(table(), 100, 0, {}, validation=1.5)

"""Every technique on rows and pictures against an independent truth: closed form, library call, own forward pass."""

import functools
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import lightgbm
import numpy as np
import pytest
import scipy.signal
import torch
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits
from torch.utils.flop_counter import FlopCounterMode

from harness.contract import Budget, Examples, Fitted, Run, Unsupported

ROOT = Path(__file__).parent.parent
FILES = {path.stem: path for folder in ("baselines", "deep_models") for path in sorted((ROOT / folder).glob("*.py"))}


@functools.cache
def load(name: str) -> ModuleType:
    """The technique's file, imported by path as the harness does."""
    spec = importlib.util.spec_from_file_location(name, FILES[name])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def able(task: str, form: str = "") -> list[str]:
    """Names of the techniques that do `task` on data of `form`."""
    cards = {name: load(name).TECHNIQUE for name in FILES}
    return [name for name, card in cards.items() if task in card.tasks and (not form or form in card.forms)]


ON_ROWS = sorted({name for form in ("table", "image") for task in ("classify", "regress") for name in able(task, form)})


MARGINS = ("kernel_svm", "kernel_ridge")  # their answers are no probabilities; tests/test_reference_kernels.py has them


def fit(name: str, train: Examples, seed: int = 0, examples: int = 2000, threads: int = 1, **keywords) -> Fitted:
    run = Run(seed=seed, budget=Budget("examples", examples), threads=threads)
    return load(name).fit(train, run, **keywords)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@functools.cache
def digits() -> tuple[Examples, np.ndarray, np.ndarray]:
    """Training part, test questions, test truth."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    x, y = data.images[order].astype(np.uint8), data.target[order].astype(np.int64)
    return Examples(x[:1437], y[:1437], 10), x[1437:], y[1437:]


def table(bunch, classes: int) -> Examples:
    order = np.random.default_rng(0).permutation(len(bunch.target))
    x, y = bunch.data[order].astype(np.float32), bunch.target[order]
    return Examples(x, y.astype(np.int64 if classes else np.float64), classes, (0,) * x.shape[1])


def some(train: Examples, rows: int) -> Examples:
    return Examples(train.x[:rows], train.y[:rows], train.classes, train.levels)


def gappy(classes: int) -> Examples:
    """The truth is whether a category's code is odd; beside it noise, gaps, an empty column, a code 7 never seen."""
    rng = np.random.default_rng(0)
    code = rng.integers(0, 7, 500)
    noise, scale = rng.normal(size=500), 1e6 * rng.normal(size=500)
    x = np.column_stack([noise, code, scale, np.full(500, np.nan)]).astype(np.float32)
    x[rng.random((500, 4)) < 0.03] = np.nan
    return Examples(x, code % 2 if classes else 3.0 * (code % 2), classes, (0, 8, 0, 0))


def standardised(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    return (x - x.mean(axis=0)) / x.std(axis=0)


def accuracy(probabilities: np.ndarray, truth: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == truth).mean())


# ---------------------------------------------------------------------------------------------------- linear techniques


@pytest.mark.parametrize("C", [0.1, 1.0])
def test_logistic_regression_gradient_vanishes_for_three_classes(C):
    """Weights are read back from the log-odds; at the minimum sum (p - y) x + w / C = 0 and sum (p - y) = 0."""
    train = table(load_iris(), 3)
    p = fit("logistic_regression", train, C=C).answer(train.x)
    X = standardised(train.x)
    logits = np.log(p) - np.log(p).mean(axis=1, keepdims=True)
    design = np.column_stack([X, np.ones(len(X))])
    weights, *_ = np.linalg.lstsq(design, logits, rcond=None)
    assert np.abs(design @ weights - logits).max() < 1e-3  # log-odds are linear in the columns
    errors = p - np.eye(3)[train.y]
    assert np.abs(X.T @ errors + weights[:-1] / C).max() / len(X) < 3e-4
    assert np.abs(errors.sum(axis=0)).max() / len(X) < 3e-4


def test_logistic_regression_gradient_vanishes_for_two_classes():
    train = table(load_breast_cancer(), 2)
    p = fit("logistic_regression", train).answer(train.x)[:, 1]
    X = standardised(train.x)
    design = np.column_stack([X, np.ones(len(X))])
    weights, *_ = np.linalg.lstsq(design, np.log(p / (1 - p)), rcond=None)
    assert np.abs(X.T @ (p - train.y) + weights[:-1]).max() / len(X) < 3e-4


@pytest.mark.parametrize("alpha", [0.01, 1.0, 100.0])
def test_ridge_equals_least_squares_on_augmented_rows(alpha):
    train = table(load_diabetes(), 0)
    X = standardised(train.x)
    rows = np.vstack([X, np.sqrt(alpha) * np.eye(X.shape[1])])
    targets = np.concatenate([train.y - train.y.mean(), np.zeros(X.shape[1])])
    w, *_ = np.linalg.lstsq(rows, targets, rcond=None)
    answers = fit("ridge", train, alpha=alpha).answer(train.x)
    np.testing.assert_allclose(answers, X @ w + train.y.mean(), rtol=1e-6)
    np.testing.assert_allclose(answers, Ridge(alpha=alpha).fit(X, train.y).predict(X), rtol=1e-6)


def test_ridge_with_gaps_and_categories_equals_scikit_learn():
    train = gappy(0)
    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    flags = OneHotEncoder(categories=[range(8)], handle_unknown="ignore")
    plain = make_pipeline(make_column_transformer((numbers, [0, 2, 3]), (flags, [1])), Ridge(alpha=5.0))
    expected = plain.fit(train.x, train.y).predict(train.x)
    np.testing.assert_allclose(fit("ridge", train, alpha=5.0).answer(train.x), expected, rtol=1e-4)


# ------------------------------------------------------------------------------------------------- neighbours and trees


def distances(questions: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.sqrt(((questions[:, None] - rows[None]) ** 2).sum(axis=2))


@pytest.mark.parametrize("k", [1, 5, 500])
def test_knn_equals_brute_force_to_classify(k):
    train = table(load_breast_cancer(), 2)
    X, y = standardised(train.x[:400]), train.y[:400]
    mean, std = train.x[:400].astype(float).mean(axis=0), train.x[:400].astype(float).std(axis=0)
    near = distances((train.x[400:].astype(float) - mean) / std, X).argsort(axis=1)[:, : min(k, 400)]
    expected = np.eye(2)[y[near]].mean(axis=1)
    np.testing.assert_allclose(fit("knn", some(train, 400), k=k).answer(train.x[400:]), expected)


def test_knn_equals_brute_force_to_regress():
    train = table(load_diabetes(), 0)
    X = standardised(train.x)
    near = distances(X, X).argsort(axis=1)[:, :5]
    np.testing.assert_allclose(fit("knn", train).answer(train.x), train.y[near].mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
def test_random_forest_equals_scikit_learn_called_plainly(threads):
    train, questions, _ = digits()
    questions = np.concatenate([questions] * 7)  # enough rows to be split over threads
    flat = train.x.reshape(len(train.x), -1)
    plain = RandomForestClassifier(100, random_state=3).fit(flat, train.y)
    ours = fit("random_forest", train, seed=3, threads=threads).answer(questions)
    assert np.array_equal(ours, plain.predict_proba(questions.reshape(len(questions), -1)))

    train = table(load_diabetes(), 0)
    plain = RandomForestRegressor(100, max_features=1 / 3, random_state=3).fit(train.x, train.y)
    assert np.array_equal(fit("random_forest", train, seed=3, threads=threads).answer(train.x), plain.predict(train.x))


def test_random_forest_adds_its_trees_in_one_order():
    rng = np.random.default_rng(0)
    train = Examples(rng.normal(size=(200, 3)).astype(np.float32), rng.normal(size=200), 0)
    questions = rng.normal(size=(50, 3)).astype(np.float32)
    plain = RandomForestRegressor(100, max_features=1 / 3, random_state=0).fit(train.x, train.y).predict(questions)
    fitted = fit("random_forest", train, threads=8)
    assert all(np.array_equal(fitted.answer(questions), plain) for _ in range(10))


@pytest.mark.parametrize("rows, leaf", [(32, 3), (150, 15)])
def test_gradient_boosting_equals_lightgbm_called_plainly(rows, leaf):
    train = some(table(load_iris(), 3), rows)
    plain = lightgbm.LGBMClassifier(min_child_samples=leaf, verbose=-1, n_jobs=1).fit(train.x, train.y)
    ours = fit("gradient_boosting", train).answer(train.x)
    np.testing.assert_allclose(ours, plain.booster_.predict(train.x), rtol=1e-9)
    assert accuracy(ours, train.y) > 0.95  # trees are grown even on 32 rows

    train = some(table(load_diabetes(), 0), 400)
    plain = lightgbm.LGBMRegressor(verbose=-1, n_jobs=1).fit(train.x, train.y)
    ours = fit("gradient_boosting", train).answer(train.x)
    np.testing.assert_allclose(ours, plain.booster_.predict(train.x), rtol=1e-9)


def test_gradient_boosting_of_two_classes_equals_lightgbm():
    train = table(load_breast_cancer(), 2)
    plain = lightgbm.LGBMClassifier(verbose=-1, n_jobs=1).fit(train.x, train.y)
    np.testing.assert_allclose(fit("gradient_boosting", train).answer(train.x)[:, 1], plain.booster_.predict(train.x))


def test_gradient_boosting_takes_categories_as_such():
    train = gappy(2)
    plain = lightgbm.LGBMClassifier(verbose=-1, n_jobs=1).fit(train.x, train.y, categorical_feature=[1])
    np.testing.assert_allclose(fit("gradient_boosting", train).answer(train.x)[:, 1], plain.booster_.predict(train.x))


# ---------------------------------------------------------------------------------------------------- neural techniques


def numpy_weights(network: torch.nn.Module) -> list[np.ndarray]:
    return [weight.detach().double().numpy() for weight in network.parameters()]


def test_mlp_equals_a_forward_pass_in_numpy():
    network = load("mlp").MLP((5, 7, 6, 3))
    W1, b1, W2, b2, W3, b3 = numpy_weights(network)
    x = np.random.default_rng(0).normal(size=(9, 5))
    hidden = np.maximum(0, np.maximum(0, x @ W1.T + b1) @ W2.T + b2)
    outputs = network(torch.tensor(x, dtype=torch.float32)).detach().numpy()
    np.testing.assert_allclose(outputs, hidden @ W3.T + b3, rtol=1e-5, atol=1e-6)


def test_mlp_standardises_pixels():
    network = load("mlp").MLP((4, 3), mean=10.0, std=4.0)
    W, b = numpy_weights(network)
    pixels = np.array([[0, 10, 20, 255]], dtype=np.uint8)
    expected = (pixels.astype(float) - 10) / 4 @ W.T + b
    np.testing.assert_allclose(network(torch.tensor(pixels)).detach().numpy(), expected, rtol=1e-5)


def test_mlp_learns_digits_as_well_as_scikit_learns():
    train, questions, truth = digits()
    mean, std = train.x.mean(), train.x.std()
    rival = MLPClassifier((256, 128), batch_size=64, max_iter=20, n_iter_no_change=99, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        rival.fit((train.x.reshape(1437, -1) - mean) / std, train.y)
    expected = rival.score((questions.reshape(len(questions), -1) - mean) / std, truth)
    ours = accuracy(fit("mlp", train, examples=20 * 1437).answer(questions), truth)
    assert ours > 0.96 and abs(ours - expected) < 0.02


def test_mlp_learns_what_no_linear_technique_can():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (600, 2)).astype(np.float32)
    xor = Examples(x, (x[:, 0] * x[:, 1] > 0).astype(np.int64), 2)
    assert accuracy(fit("mlp", some(xor, 400), examples=30_000).answer(x[400:]), xor.y[400:]) > 0.95
    assert accuracy(fit("logistic_regression", some(xor, 400)).answer(x[400:]), xor.y[400:]) < 0.7
    saddle = Examples(x, 1000 + 50 * x.astype(np.float64).prod(axis=1), 0)  # far from zero: targets are standardised
    mlp, ridge = (fit(name, some(saddle, 400), examples=30_000).answer(x[400:]) for name in ("mlp", "ridge"))
    assert np.abs(mlp - saddle.y[400:]).mean() < 0.2 * np.abs(ridge - saddle.y[400:]).mean()


def resized(image: np.ndarray, side: int) -> np.ndarray:
    """Bilinear, with pixels as squares: source position (i + .5) * old / new - .5, clamped at the border."""
    old = len(image)
    at = np.clip((np.arange(side) + 0.5) * old / side - 0.5, 0, old - 1)
    low = np.minimum(at.astype(int), old - 2)
    hat = np.zeros((side, old))
    hat[np.arange(side), low] = 1 - (at - low)
    hat[np.arange(side), low + 1] = at - low
    return hat @ image @ hat.T


def lenet_in_numpy(network: torch.nn.Module, retina: np.ndarray) -> np.ndarray:
    """(32, 32) -> (classes,), convolution by scipy, map by map."""
    C1, b1, C3, b3, C5, b5, F6, b6, out, b_out = numpy_weights(network)

    def convolve(maps, kernels, bias):
        planes = [[scipy.signal.correlate2d(m, k, "valid") for m, k in zip(maps, ks, strict=True)] for ks in kernels]
        return np.sum(planes, axis=1) + bias[:, None, None]

    def subsample(maps):
        return (maps[:, ::2, ::2] + maps[:, 1::2, ::2] + maps[:, ::2, 1::2] + maps[:, 1::2, 1::2]) / 4

    s2 = subsample(np.tanh(convolve(retina[None], C1, b1)))
    s4 = subsample(np.tanh(convolve(s2, C3, b3)))
    return out @ np.tanh(F6 @ np.tanh(C5 @ s4.ravel() + b5) + b6) + b_out


@pytest.mark.parametrize("side", [8, 28, 32, 40])
def test_lenet_equals_a_forward_pass_in_numpy(side):
    network = load("lenet").LeNet5(10, mean=33.0, std=79.0)
    pixels = np.random.default_rng(side).integers(0, 256, (2, side, side)).astype(np.uint8)
    for image, outputs in zip(pixels, network(torch.tensor(pixels)).detach().numpy(), strict=True):
        retina = np.pad(image.astype(float), 2) if side == 28 else resized(image.astype(float), 32)
        np.testing.assert_allclose(outputs, lenet_in_numpy(network, (retina - 33) / 79), rtol=1e-4, atol=1e-5)


def test_lenet_has_the_61706_weights_of_its_modern_form():
    """156 + 2,416 + 48,120 + 10,164 + 850."""
    train, _, _ = digits()
    assert fit("lenet", train, examples=64).parameters == 61_706


def test_lenet_learns_digits():
    train, questions, truth = digits()
    assert accuracy(fit("lenet", train, examples=15_000).answer(questions), truth) > 0.95


def test_lenet_takes_colour_and_refuses_tables():
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (40, 12, 12, 3)).astype(np.uint8)
    assert fit("lenet", Examples(colour, np.arange(40) % 4, 4), examples=64).answer(colour).shape == (40, 4)
    with pytest.raises(Unsupported, match="lenet classifies images"):
        fit("lenet", table(load_iris(), 3))


@pytest.mark.parametrize("name", ["mlp", "lenet"])
def test_nets_refuse_other_number_formats(name):
    with pytest.raises(Unsupported, match="float32"):
        load(name).fit(digits()[0], Run(budget=Budget("steps", 1), dtype="bfloat16"))


@pytest.mark.parametrize("name", ["mlp", "lenet"])
@pytest.mark.parametrize("unit", ["steps", "seconds"])
def test_nets_take_budgets_in_other_units(name, unit):
    run = Run(budget=Budget(unit, {"steps": 3, "seconds": 1.0}[unit]))
    load(name).fit(digits()[0], run)
    assert run.done == 3 if unit == "steps" else run.done > 0


@pytest.mark.parametrize("name", ["mlp", "lenet"])
def test_the_rate_falls_linearly_to_zero(name, monkeypatch):
    rates = []

    class Watched(torch.optim.Adam):
        def step(self):
            rates.append(self.param_groups[0]["lr"])
            super().step()

    monkeypatch.setattr(torch.optim, "Adam", Watched)
    load(name).fit(digits()[0], Run(budget=Budget("steps", 5)), lr=0.01)
    assert rates == pytest.approx([0.01, 0.008, 0.006, 0.004, 0.002])


@pytest.mark.parametrize("name", ["mlp", "lenet"])
def test_offers_change_no_bit(name):
    train, questions, _ = digits()
    seen = []
    budget = Budget("steps", 40)
    offered = Run(seed=1, budget=budget, offers=4, observe=lambda step, answer: seen.append(answer(questions)))
    plain = load(name).fit(train, Run(seed=1, budget=budget))
    assert np.array_equal(load(name).fit(train, offered).answer(questions), plain.answer(questions))
    assert len(seen) == 4 and np.array_equal(seen[-1], plain.answer(questions))  # the last offer is the fitted net


@pytest.mark.parametrize("name", ["mlp", "lenet"])
def test_nets_note_their_loss_and_learn(name):
    run = Run(budget=Budget("steps", 150))
    load(name).fit(digits()[0], run)
    losses = [float(numbers["loss"]) for _, numbers in run.notes]
    assert len(losses) == 150 and losses[0] == pytest.approx(np.log(10), abs=0.3) and np.mean(losses[-10:]) < 0.8


# ----------------------------------------------------------------------------------------------------------------- cost


@pytest.mark.parametrize("name", ["mlp", "lenet"])
@pytest.mark.parametrize("side", [8, 28])
def test_forecast_equals_the_counted_flops(name, side):
    x = np.random.default_rng(0).integers(0, 256, (64, side, side)).astype(np.uint8)
    train = Examples(x, np.arange(64) % 10, 10)
    cost = load(name).cost(64, (side, side), 10, 128)
    with FlopCounterMode(display=False) as counted:
        fitted = fit(name, train, examples=128)
    assert cost.fit == pytest.approx(counted.get_total_flops(), rel=0.05)
    network = load(name).MLP((side**2, 256, 128, 10)) if name == "mlp" else load(name).LeNet5(10)
    with FlopCounterMode(display=False) as counted:
        network(torch.tensor(x).flatten(1) if name == "mlp" else torch.tensor(x))
    assert 64 * cost.answer == pytest.approx(counted.get_total_flops(), rel=0.05)
    assert fitted.parameters * 16 < cost.bytes  # weights, gradients and two moments at least


@pytest.mark.parametrize("name", FILES)
def test_cost_takes_the_hyperparameters_of_fit_and_grows_with_size(name):
    module = load(name)
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    defaults = [
        {p.name: p.default for p in inspect.signature(f).parameters.values() if p.kind is keyword_only}
        for f in (module.fit, module.cost)
    ]
    assert defaults[0] == defaults[1]
    forms = module.TECHNIQUE.forms
    shape, classes = ((28, 28), 10) if "image" in forms else ((10, 10, 4), 3) if "environment" in forms else ((20,), 0)
    most = 600_000 if forms == ("tokens",) else 60_000  # of a running text there are more
    small, large = (module.cost(size, shape, classes) for size in (1_000, most))
    assert 5 < large.fit / small.fit < 4_000  # from linear in n to the square
    assert large.bytes >= small.bytes > 0 and small.answer > 0
    assert large.bytes > small.bytes or "environment" in forms  # a table of weights is as large as it is


# --------------------------------------------------------------------------------------------- what all must be able to


def trains(name: str) -> list[Examples]:
    """One small training set for each task that the technique does."""
    tasks = load(name).TECHNIQUE.tasks
    classify = (
        some(digits()[0], 120)
        if "table" not in load(name).TECHNIQUE.forms
        else some(table(load_breast_cancer(), 2), 120)
    )
    return [classify] * ("classify" in tasks) + [some(table(load_diabetes(), 0), 120)] * ("regress" in tasks)


@pytest.mark.parametrize("name", ON_ROWS)
def test_same_seed_same_bits_and_nothing_touched(name):
    for train in trains(name):
        x, y = train.x.copy(), train.y.copy()
        first, second = fit(name, train, seed=5), fit(name, train, seed=5)
        answers = first.answer(train.x)
        assert np.array_equal(answers, second.answer(train.x))
        assert np.array_equal(answers, first.answer(train.x))
        assert np.array_equal(x, train.x) and np.array_equal(y, train.y)
        assert np.isfinite(answers).all() and answers.shape == ((120, train.classes) if train.classes else (120,))


@pytest.fixture
def busy_machine():
    """Other processes want the cores too."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    yield
    for hog in hogs:
        hog.kill()
        hog.wait()


@pytest.mark.parametrize("name", ON_ROWS)
def test_same_bits_on_a_busy_machine(name, request):
    torch.set_num_threads(2)
    with threadpool_limits(2):
        quiet = [fit(name, train, examples=640, threads=2).answer(train.x) for train in trains(name)]
        request.getfixturevalue("busy_machine")
        busy = [fit(name, train, examples=640, threads=2).answer(train.x) for train in trains(name)]
    assert all(np.array_equal(a, b) for a, b in zip(quiet, busy, strict=True))


@pytest.mark.parametrize("name", ["mlp", "lenet", "random_forest"])
def test_another_seed_gives_other_bits(name):
    for train in trains(name):
        assert not np.array_equal(fit(name, train, seed=1).answer(train.x), fit(name, train, seed=2).answer(train.x))


@pytest.mark.parametrize("name", ON_ROWS)
def test_one_question_gets_the_answer_it_gets_among_others(name):
    for train in trains(name):
        fitted = fit(name, train)
        together = fitted.answer(train.x)
        alone = np.concatenate([fitted.answer(train.x[i : i + 1]) for i in range(20)])
        np.testing.assert_allclose(alone, together[:20], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in able("classify", "image") if n not in MARGINS])
def test_probabilities_and_a_class_that_training_never_saw(name):
    train, questions, _ = digits()
    rows = np.flatnonzero(train.y != 4)[:300]
    answers = fit(name, Examples(train.x[rows], train.y[rows], 10)).answer(questions)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    assert (answers >= 0).all()
    if load(name).TECHNIQUE.devices == ("cpu", "cuda"):  # a softmax is never 0
        assert answers[:, 4].mean() < 0.1
    else:
        assert (answers[:, 4] == 0).all()


@pytest.mark.parametrize(
    "name, classes", [(n, 2) for n in able("classify", "table")] + [(n, 0) for n in able("regress", "table")]
)
@pytest.mark.filterwarnings("error")
def test_gaps_and_categories(name, classes):
    table = gappy(classes)
    answers = fit(name, some(table, 300), examples=15_000).answer(table.x[300:])
    known = ~np.isnan(table.x[300:, 1])
    right = answers.argmax(axis=1) == table.y[300:] if classes else np.abs(answers - table.y[300:]) < 1.5
    assert right[known].mean() > 0.93
    unseen = np.array([[0, 7, 0, 0], [np.nan] * 4, [5, np.nan, np.nan, 1]], dtype=np.float32)
    assert np.isfinite(fit(name, some(table, 300)).answer(unseen)).all()


@pytest.mark.parametrize("name", [n for n in able("classify", "table") if n not in MARGINS])
def test_gaps_in_questions_where_training_had_none(name):
    train = table(load_iris(), 3)
    fitted = fit(name, train)
    questions = train.x[:10].copy()
    questions[::2, 1] = np.nan
    answers = fitted.answer(questions)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(answers[1::2], fitted.answer(train.x[1:10:2]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ON_ROWS)
def test_thirty_two_rows_are_enough(name):
    for train in trains(name):
        few = some(train, 32)
        assert len(fit(name, few).answer(train.x[:1])) == 1

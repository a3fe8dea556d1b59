"""Techniques on designed features against an independent truth: scikit-image's HOG, spectra and densities as sums."""

import functools
import importlib.util
import os
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal
from skimage.feature import hog
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from harness import catalogue, files
from harness.contract import Examples, Fitted, Run, Unsupported
from harness.tasks import classify

needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")
BASELINES = Path(__file__).parent.parent / "baselines"


@functools.cache
def load(name: str) -> ModuleType:
    """The technique's file, imported by path as the harness does."""
    spec = importlib.util.spec_from_file_location(name, BASELINES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fit(name: str, train: Examples, seed: int = 0, **keywords) -> Fitted:
    return load(name).fit(train, Run(seed=seed), **keywords)


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@functools.cache
def dataset(name: str):
    module = catalogue.load(catalogue.path_of("dataset", name))
    card = module.DATASET
    return module.load(files.locate(name, card.files, card.folder))


@functools.cache
def digits() -> tuple[Examples, np.ndarray, np.ndarray]:
    """Training part, test questions, test truth."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    x, y = data.images[order].astype(np.uint8), data.target[order].astype(np.int64)
    return Examples(x[:1437], y[:1437], 10), x[1437:], y[1437:]


def accuracy(answers: np.ndarray, truth: np.ndarray) -> float:
    return float((answers.argmax(axis=1) == truth).mean())


# ----------------------------------------------------------------------------------------------------------------- HOG


def by_scikit_image(images: np.ndarray, cell: int, orientations: int = 9) -> np.ndarray:
    colour = 2 if images.ndim == 4 else None
    found = [hog(x, orientations, (cell, cell), (2, 2), "L2-Hys", channel_axis=colour) for x in images]
    return np.array(found)


@pytest.mark.parametrize("orientations", [4, 9, 12])
@pytest.mark.parametrize(
    "shape, cell",
    [((28, 28), 4), ((8, 8), 2), ((105, 105), 15), ((29, 41), 5), ((32, 32, 3), 4), ((12, 9, 3), 3), ((7, 7), 1)],
)
def test_hog_equals_scikit_images(shape, cell, orientations):
    rng = np.random.default_rng(cell)
    noise = rng.integers(0, 256, (3, *shape))
    few_levels = rng.integers(0, 3, (2, *shape))  # many gradients lie on the edge between two bins, or are equal
    ramp = 2 * np.add.outer(np.arange(shape[0]), np.arange(shape[1]))
    ramp = np.broadcast_to(ramp if len(shape) == 2 else ramp[..., None], (1, *shape))
    images = np.concatenate([noise, few_levels, ramp, np.full((1, *shape), 9)]).astype(np.uint8)
    found = load("hog_svm").hog(images, cell, orientations)
    assert found.dtype == np.float32 and np.abs(found[:5]).max() > 0.2
    np.testing.assert_allclose(found, by_scikit_image(images, cell, orientations), rtol=0, atol=1e-5)


def test_hog_of_many_images_is_that_of_each():
    images = np.random.default_rng(0).integers(0, 256, (1203, 8, 8)).astype(np.uint8)
    found = load("hog_svm").hog(images, 2)
    np.testing.assert_allclose(found[::101], by_scikit_image(images[::101], 2), rtol=0, atol=1e-5)


def test_an_upright_edge_votes_for_the_first_direction_and_a_lying_one_for_the_middle():
    upright = np.zeros((1, 8, 8), np.uint8)
    upright[:, :, 4:] = 100
    both = np.concatenate([upright, upright.transpose(0, 2, 1)])
    histograms = load("hog_svm").hog(both, 4).reshape(2, 4, 9)  # one block of four cells
    # Four equal entries in one bin each: 0.5, cut to 0.2, and 0.5 again.
    expected = np.zeros((2, 4, 9))
    expected[0, :, 0] = expected[1, :, 4] = 0.5
    np.testing.assert_allclose(histograms, expected, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 10])
def test_hog_svm_equals_scikit_image_and_scikit_learn(classes):
    train, questions, _ = digits()
    rows = np.flatnonzero(train.y < classes)[:400]
    plain = LinearSVC(C=0.3, random_state=0).fit(by_scikit_image(train.x[rows], 2).astype(np.float32), train.y[rows])
    distance = plain.decision_function(by_scikit_image(questions, 2))
    expected = softmax(np.stack([-distance, distance], axis=1) if classes == 2 else distance, axis=1)
    fitted = fit("hog_svm", Examples(train.x[rows], train.y[rows], classes), C=0.3)
    np.testing.assert_allclose(fitted.answer(questions), expected, atol=1e-3)
    assert fitted.parameters == plain.coef_.size + plain.intercept_.size


def test_hog_svm_learns_digits_and_does_not_mind_contrast():
    train, questions, truth = digits()
    fitted = fit("hog_svm", train)
    assert accuracy(fitted.answer(questions), truth) > 0.93
    np.testing.assert_allclose(fitted.answer(10 * questions), fitted.answer(questions), atol=1e-3)


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (8, 8), (16, 8, 3), (28, 28), (105, 105), (32, 32, 3)])
def test_hog_svm_takes_images_of_any_size_and_forecasts_its_features(shape):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (32, *shape)).astype(np.uint8)
    y = np.arange(32) % 3
    fitted = fit("hog_svm", Examples(x, y, 5))
    answers = fitted.answer(x)
    assert np.isfinite(answers).all() and (answers[:, 3:] == 0).all()
    np.testing.assert_allclose(answers.sum(axis=1), 1)
    costs = [load("hog_svm").cost(32, shape, classes) for classes in (3, 4)]
    assert fitted.parameters == 3 * (costs[1].answer - costs[0].answer + 1)  # weights of a plane, and its offset


def test_hog_svm_parts_two_images_of_two_classes():
    x = np.zeros((2, 12, 12), np.uint8)
    x[0, :, 6:] = x[1, 6:] = 200
    assert fit("hog_svm", Examples(x, np.array([4, 1]), 6)).answer(x).argmax(axis=1).tolist() == [4, 1]


def test_hog_svm_answers_in_blocks_what_it_answers_alone():
    train, questions, _ = digits()
    fitted = fit("hog_svm", Examples(train.x[:200], train.y[:200], 10))
    many = np.concatenate([questions] * 7)
    before = many.copy()
    answers = fitted.answer(many)
    assert np.array_equal(before, many) and answers.shape == (7 * 360, 10)
    np.testing.assert_allclose(answers, np.tile(fitted.answer(questions), (7, 1)), rtol=1e-6)
    np.testing.assert_allclose(fitted.answer(questions[:1]), answers[:1], rtol=1e-6)


@pytest.mark.parametrize("name", ["hog_svm", "mfcc_gmm"])
def test_rows_of_a_table_are_refused(name):
    with pytest.raises(Unsupported, match=f"{name} classifies"):
        fit(name, Examples(np.zeros((9, 4), np.float32), np.arange(9) % 3, 3))


@needs_data
@pytest.mark.parametrize("n", [100, 1000])
def test_gradients_beat_raw_pixels_for_the_same_classifier(n):
    """Fashion-MNIST: the history's claim asks for 2 points; a linear SVM on pixels has .839 at 60,000 (Xiao 2017)."""
    problem = classify.pose(dataset("fashion_mnist"), n, 0, {})
    pixels = LinearSVC(C=0.1, random_state=0).fit(problem.train.x.reshape(n, -1) / 255, problem.train.y)
    raw = problem.judge(lambda x: pixels.decision_function(x.reshape(len(x), -1) / 255), "test")["accuracy"]
    ours = problem.judge(fit("hog_svm", problem.train).answer, "test")["accuracy"]
    assert ours > raw + 0.02 and ours > {100: 0.71, 1000: 0.81}[n]


# ---------------------------------------------------------------------------------------------------------------- MFCC


def textbook(sound: np.ndarray, rate: int) -> np.ndarray:
    """Coefficients 1 to 13 of each window, every transform as the sum that defines it."""
    x = sound.astype(float)
    x = np.array([x[0], *(x[t] - 0.97 * x[t - 1] for t in range(1, len(x)))])
    width, hop = int(0.025 * rate), int(0.01 * rate)
    length = {200: 256, 400: 512}[width]
    t = np.arange(width)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * t / (width - 1))
    mel = np.linspace(0, 2595 * np.log10(1 + rate / 2 / 700), 22)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    rows = []
    for start in range(0, len(x) - width + 1, hop):
        piece = x[start : start + width] * window
        power = [abs(np.sum(piece * np.exp(-2j * np.pi * b * t / length))) ** 2 for b in range(length // 2 + 1)]
        energies = []
        for m in range(1, 21):
            hat = np.interp(np.arange(length // 2 + 1) * rate / length, hertz[m - 1 : m + 2], [0, 1, 0])
            energies.append(np.log(max(1, np.sum(hat * power))))
        rows.append(
            [sum(energies[k - 1] * np.cos(i * (k - 0.5) * np.pi / 20) for k in range(1, 21)) for i in range(1, 14)]
        )
    return np.array(rows)


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_mfcc_equals_the_sums_that_define_it(rate):
    rng = np.random.default_rng(0)
    t = np.arange(rate // 20)
    sound = 8000 * np.sin(2 * np.pi * 440 * t / rate) * np.exp(-t / 300) + rng.normal(0, 30, len(t))
    sound = sound.astype(np.int16)
    found = load("mfcc_gmm").mfcc(sound, rate)
    assert found.shape == (3, 13)
    np.testing.assert_allclose(found, textbook(sound, rate), rtol=1e-9, atol=1e-8)


def test_mel_filters_share_each_frequency_between_two():
    found = load("mfcc_gmm").filters(256, 8_000)
    peaks = found.argmax(axis=1) * 8_000 / 256
    between = (np.arange(129) * 8_000 / 256 >= 80) & (np.arange(129) * 8_000 / 256 <= 3_500)
    np.testing.assert_allclose(found[:, between].sum(axis=0), 1)
    assert found.shape == (20, 129) and (found.max(axis=1) > 0.5).all() and ((found > 0).sum(axis=0) <= 2).all()
    steps = np.diff(2595 * np.log10(1 + peaks / 700))
    assert np.abs(steps - 2595 * np.log10(1 + 4_000 / 700) / 21).max() < 50  # one bin is up to 46 mel wide


def noise(rng: np.random.Generator, samples: int, smooth: int = 1) -> np.ndarray:
    """White noise, or with `smooth` > 1 less of its high frequencies."""
    return np.convolve(rng.normal(0, 2000, samples + smooth - 1), np.ones(smooth) / smooth, "valid").astype(np.int16)


def test_slopes_are_least_squares_over_five_frames():
    found = load("mfcc_gmm").features(noise(np.random.default_rng(0), 1000), 8_000)
    assert found.shape == (11, 26)
    for frame in range(2, 9):
        line = np.polyfit(range(5), found[frame - 2 : frame + 3, :13], 1)[0]
        np.testing.assert_allclose(found[frame, 13:], line, rtol=1e-4, atol=1e-5)


def test_zeros_after_the_end_are_not_heard_and_loudness_is_not_either():
    features = load("mfcc_gmm").features
    sound = noise(np.random.default_rng(0), 1234)
    sound[-1] = 1
    assert np.array_equal(features(np.pad(sound, (0, 7000)), 8_000), features(sound, 8_000))
    assert len(features(sound, 8_000)) == 1 + (1234 - 200) // 80
    np.testing.assert_allclose(features(2 * sound, 8_000), features(sound, 8_000), atol=1e-4)
    for short in (np.zeros(8000, np.int16), np.array([3], np.int16), sound[:150]):
        assert features(short, 8_000).shape == (1, 26) and np.isfinite(features(short, 8_000)).all()


# ------------------------------------------------------------------------------------------------------------ mixtures


def cloud(seed: int = 0, d: int = 5) -> np.ndarray:
    """400 frames of four unequal heaps, and a coordinate that is always the same."""
    rng = np.random.default_rng(seed)
    which = rng.choice(4, 400, p=[0.5, 0.3, 0.15, 0.05])
    x = rng.normal(0, 2, (4, d))[which] + rng.normal(0, rng.uniform(0.05, 1, (4, d)))[which] * rng.normal(size=(400, d))
    x[:, 0] = 1.5
    return x


def by_scipy(x: np.ndarray, mixture: tuple[np.ndarray, ...]) -> np.ndarray:
    """(T,) log-likelihood of the frames."""
    each = [np.log(w) + multivariate_normal(m, np.diag(v)).logpdf(x) for w, m, v in zip(*mixture, strict=True)]
    return logsumexp(each, axis=0)


def test_log_likelihood_equals_scipys():
    rng = np.random.default_rng(0)
    mixture = rng.dirichlet(np.ones(7)), rng.normal(0, 2, (7, 26)), rng.uniform(0.01, 2, (7, 26))
    x = rng.normal(0, 2, (50, 26))
    ours = logsumexp(load("mfcc_gmm").log_joint(x, *mixture), axis=1)
    np.testing.assert_allclose(ours, by_scipy(x, mixture), rtol=0, atol=1e-6)


@pytest.mark.parametrize("floor", [0.01, 0.3])
@pytest.mark.parametrize("k", [1, 4, 16])
def test_no_pass_of_em_lowers_the_likelihood(k, floor):
    x = cloud(k)
    mixtures = [load("mfcc_gmm").em(x, k, floor, np.random.default_rng(1), passes) for passes in range(40)]
    means = np.array([by_scipy(x, mixture).mean() for mixture in mixtures])
    assert np.diff(means).min() > -1e-8 and means[-1] > means[0]
    assert (mixtures[-1][2] >= floor).all() and (mixtures[-1][2] == floor).any()  # the limit holds, and bites


def test_em_equals_scikit_learns_from_the_same_start():
    x = cloud()[:, 1:]
    k, start = 4, np.random.default_rng(1).choice(400, 4, replace=False)
    ours = load("mfcc_gmm").em(x, k, 1e-9, np.random.default_rng(1), passes=6)
    plain = GaussianMixture(
        k,
        covariance_type="diag",
        reg_covar=0,
        tol=0,
        max_iter=6,
        weights_init=np.full(k, 1 / k),
        means_init=x[start],
        precisions_init=np.tile(1 / x.var(axis=0), (k, 1)),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        plain.fit(x)
    for found, expected in zip(ours, (plain.weights_, plain.means_, plain.covariances_), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.filterwarnings("error")
def test_em_stays_finite_where_rounding_leaves_a_gaussian_without_frames():
    rng = np.random.default_rng(394)
    d, k = rng.integers(1, 27), rng.integers(2, 17)
    x = rng.standard_t(1, (200, d)) * 10 ** rng.uniform(-3, 3, d)  # tails so heavy that squares lose all their digits
    mixture = load("mfcc_gmm").em(x, int(k), 1e-9, np.random.default_rng(394))
    assert all(np.isfinite(part).all() for part in mixture)


def test_em_survives_fewer_different_frames_than_gaussians():
    x = np.repeat(cloud()[:2], 50, axis=0)
    mixture = load("mfcc_gmm").em(x, 5, 0.01, np.random.default_rng(0))
    assert all(np.isfinite(part).all() for part in mixture)
    np.testing.assert_allclose(mixture[0].sum(), 1)


# ------------------------------------------------------------------------------------------------- sounds and classes


def sounds(n: int, classes: int = 3, seed: int = 0) -> Examples:
    """Noise, the duller the higher the class; lengths differ, zeros after the end."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = np.zeros((n, 4000), np.int16)
    for row, c in zip(x, y, strict=True):
        length = rng.integers(500, 4000)
        row[:length] = noise(rng, length, 1 + c)
    return Examples(x, y, classes)


def test_mfcc_gmm_answers_by_bayes_rule(monkeypatch):
    """Standardised frames under scipy's densities; chances of sums over frames, and their T-th root."""
    module, mixtures = load("mfcc_gmm"), []
    em = module.em
    monkeypatch.setattr(module, "em", lambda *given: mixtures.append(em(*given)) or mixtures[-1])
    train, questions = sounds(16), sounds(150, seed=1).x
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [10, 5, 1]))  # by chance: no answer is certain
    train = Examples(train.x, labels, 3)
    answers = fit("mfcc_gmm", train, components=4).answer(questions)
    assert (np.median(answers[:, :2], axis=0) > 0.2).all()
    seen = np.concatenate([module.features(sound, 8_000) for sound in train.x]).astype(float)
    for sound, answer in zip(questions, answers, strict=True):
        frames = (module.features(sound, 8_000) - seen.mean(axis=0)) / seen.std(axis=0)
        total = [by_scipy(frames, mixture).sum() for mixture in mixtures] + np.log(np.array([10, 5, 1]) / 16)
        np.testing.assert_allclose(answer, softmax(total / len(frames)), rtol=1e-4)


def test_mfcc_gmm_learns_sounds_and_repeats_itself():
    train, test = sounds(90), sounds(150, seed=1)
    questions = test.x.copy()
    first = fit("mfcc_gmm", train, seed=3).answer(questions)
    assert accuracy(first, test.y) > 0.95
    assert np.array_equal(first, fit("mfcc_gmm", train, seed=3).answer(questions)) and np.array_equal(questions, test.x)
    assert not np.array_equal(first, fit("mfcc_gmm", train, seed=4).answer(questions))
    alone = np.concatenate([fit("mfcc_gmm", train, seed=3).answer(questions[i : i + 1]) for i in (0, 120)])
    np.testing.assert_allclose(alone, first[[0, 120]], rtol=1e-6)


def test_mfcc_gmm_with_classes_of_one_frame_or_of_none():
    x = sounds(4).x
    x[0, 100:], x[1] = 0, 0  # one frame; silence
    fitted = fit("mfcc_gmm", Examples(x, np.array([1, 3, 4, 6]), 8))
    answers = fitted.answer(np.concatenate([x, sounds(20, seed=1).x]))
    np.testing.assert_allclose(answers.sum(axis=1), 1)
    assert (answers[:, [0, 2, 5, 7]] == 0).all() and answers[:4].argmax(axis=1).tolist() == [1, 3, 4, 6]
    lone = fit("mfcc_gmm", Examples(x[1:2], np.array([0]), 2)).answer(x)  # nothing varies at all
    assert np.array_equal(lone, np.tile([1.0, 0.0], (4, 1)))


def test_mfcc_gmm_hears_another_rate():
    train = sounds(60)
    assert not np.array_equal(
        fit("mfcc_gmm", train).answer(train.x), fit("mfcc_gmm", train, rate=16_000).answer(train.x)
    )


def test_gaussians_are_bounded_by_frames_and_counted():
    train = sounds(60)
    module = load("mfcc_gmm")
    frames = [sum(len(module.features(s, 8_000)) for s in train.x[train.y == c]) for c in range(3)]
    for components in (2, 1000):
        gaussians = sum(min(components, total // 20) for total in frames)
        assert fit("mfcc_gmm", train, components=components).parameters == gaussians * 53 + 52


@needs_data
def test_spoken_digits_of_known_speakers():
    """97 to 99 % are told of a convolutional net on all rows of six speakers; with more rows the mixtures gain."""
    figures = []
    for n in (32, 316, 1000):
        problem = classify.pose(dataset("fsdd_3spk"), n, 0, {})
        figures.append(problem.judge(fit("mfcc_gmm", problem.train).answer, "test")["accuracy"])
    assert figures[0] > 0.5 and figures[1] > 0.95 and figures[2] > 0.97 and sorted(figures) == figures

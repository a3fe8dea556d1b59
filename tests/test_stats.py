"""Statistics against scipy, closed forms, and simulation with fixed seeds."""

import itertools

import numpy as np
import pytest
from scipy import stats as reference

from harness import stats

RANDOM = np.random.default_rng(7)


def coverage(draw, truth: float, n: int, times: int = 1500) -> float:
    random = np.random.default_rng(n)
    inside = 0
    for _ in range(times):
        low, high = stats.bootstrap_interval(draw(random, n), draws=400)
        inside += low <= truth <= high
    return inside / times


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_interval_covers_the_normal_mean(n):
    assert 0.93 <= coverage(lambda random, n: random.standard_normal(n), 0, n) <= 0.97


@pytest.mark.parametrize("n, least", [(5, 0.905), (10, 0.925), (20, 0.93)])
def test_interval_covers_skewed_means(n, least):
    # An exponential: the plain t interval reaches 88, 90 and 92 % here, the percentile bootstrap 78, 86 and 90 %.
    assert least <= coverage(lambda random, n: random.exponential(size=n), 1, n) <= 0.97
    # An accuracy near its ceiling, and one of 360 test rows, full of ties.
    assert 0.92 <= coverage(lambda random, n: random.beta(8, 1, size=n), 8 / 9, n) <= 0.97
    assert 0.92 <= coverage(lambda random, n: random.binomial(360, 0.97, size=n) / 360, 0.97, n) <= 0.97


def test_interval_of_few_values_is_student_s_t():
    x = [0.91, 0.94, 0.92]
    expected = reference.t.interval(0.95, 2, loc=np.mean(x), scale=reference.sem(x))
    assert stats.bootstrap_interval(x) == pytest.approx(expected)


def test_interval_is_deterministic_and_moves_with_the_values():
    x = RANDOM.standard_normal(8)
    low, high = stats.bootstrap_interval(x)
    assert stats.bootstrap_interval(x) == (low, high)
    assert stats.bootstrap_interval(3 * x + 5) == pytest.approx((3 * low + 5, 3 * high + 5))
    assert stats.bootstrap_interval(x, level=0.8).high < high
    assert stats.bootstrap_interval(x, seed=1) != (low, high)


def test_interval_of_an_outlier_stays_sane():
    x = np.array([0.95, 0.9500001, 0.9499999, 0.95, 0.85])
    low, high = stats.bootstrap_interval(x)
    half = reference.t.ppf(0.975, 4) * reference.sem(x)
    assert x.mean() - 2.5 * half <= low < high <= x.mean() + 2.5 * half + 1e-12


def test_interval_without_spread_or_repetition():
    assert stats.bootstrap_interval([0.5] * 7) == (0.5, 0.5)
    assert np.isnan(stats.bootstrap_interval([0.5])).all()
    assert np.isnan(stats.bootstrap_interval([])).all()


@pytest.mark.parametrize("bad", [[1.0, float("nan")], [1.0, float("inf")], [[1.0, 2.0]]])
def test_values_must_be_finite(bad):
    with pytest.raises(ValueError, match="finite"):
        stats.bootstrap_interval(bad)


@pytest.mark.parametrize("n", [1, 3, 4, 7, 40])
def test_iqm_is_scipy_s_trimmed_mean(n):
    x = RANDOM.standard_normal((3, n))
    assert stats.iqm(x) == pytest.approx(reference.trim_mean(x, 0.25, axis=1))


@pytest.mark.parametrize("least", [0.0, 0.3])
def test_paired_t_is_scipy_s(least):
    a, b = RANDOM.standard_normal(9) + 0.5, RANDOM.standard_normal(9)
    expected = reference.ttest_1samp(a - b, least, alternative="greater")
    both = reference.ttest_rel(a, b).confidence_interval(0.95)
    found = stats.paired_t(a, b, least)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((both.low, both.high))
    assert found.mean == pytest.approx(np.mean(a - b))


def test_paired_t_of_constant_differences_claims_no_more_than_the_sign_flip():
    a = np.array([0.5, 0.625, 0.75])
    assert stats.paired_t(a, a - 0.25).p == stats.sign_flip(a, a - 0.25) == 1 / 8
    assert stats.paired_t(a, a).p == 1.0


def test_paired_tests_refuse_what_is_not_paired():
    for test in (stats.paired_t, stats.sign_flip):
        with pytest.raises(ValueError, match="pairs"):
            test([1, 2, 3], [1, 2])
        with pytest.raises(ValueError, match="pairs"):
            test([1], [1])


@pytest.mark.parametrize("shape", ["normal", "exponential", "rounded"])
@pytest.mark.parametrize("n", [5, 10, 20])
def test_type_one_error(shape, n):
    random = np.random.default_rng(n)
    draw = {
        "normal": lambda: random.standard_normal(n),
        "exponential": lambda: random.exponential(size=n),
        "rounded": lambda: random.binomial(360, 0.97, size=n) / 360,
    }[shape]
    common = [(draw(), draw()) for _ in range(2000)]
    assert np.mean([stats.paired_t(a, b).p <= 0.05 for a, b in common]) <= 0.06
    flips = [stats.sign_flip(a, b, draws=199, seed=k) <= 0.05 for k, (a, b) in enumerate(common)]
    assert np.mean(flips) <= 0.06


def test_power_where_there_is_a_difference():
    random = np.random.default_rng(0)
    found = [stats.paired_t(random.standard_normal(10) + 1, random.standard_normal(10)).p <= 0.05 for _ in range(500)]
    # Non-central t: one-sided power at d = 1 / sqrt(2), n = 10.
    power = reference.nct.sf(reference.t.ppf(0.95, 9), 9, 10**0.5 / 2**0.5)
    assert np.mean(found) == pytest.approx(power, abs=0.06)


def test_sign_flip_is_exact_and_scipy_s():
    a, b = RANDOM.standard_normal(8) + 0.4, RANDOM.standard_normal(8)
    d = a - b
    by_hand = np.mean([sum(s * d) >= d.sum() - 1e-12 for s in itertools.product([1, -1], repeat=8)])
    theirs = reference.permutation_test(
        (a, b), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", alternative="greater"
    )
    assert stats.sign_flip(a, b) == by_hand == pytest.approx(theirs.pvalue)


def test_sampled_sign_flip_agrees_with_the_exact_one(monkeypatch):
    a, b = RANDOM.standard_normal(12) + 0.3, RANDOM.standard_normal(12)
    exact = stats.sign_flip(a, b)
    monkeypatch.setattr(stats, "EXACT", 0)
    assert stats.sign_flip(a, b) == pytest.approx(exact, abs=0.012)
    assert stats.sign_flip(np.arange(1.0, 40), np.zeros(39), draws=99) == 1 / 100  # never 0


def test_benjamini_hochberg_is_scipy_s():
    p = RANDOM.random(30) ** 2
    assert stats.benjamini_hochberg(p) == pytest.approx(reference.false_discovery_control(p))
    assert len(stats.benjamini_hochberg([])) == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.benjamini_hochberg([0.5, 1.5])


def test_stratified_bootstrap_of_one_stratum_is_scipy_s_percentile_interval():
    x = RANDOM.standard_normal(30)
    ours = stats.stratified_bootstrap([x], statistic=np.mean)
    theirs = reference.bootstrap((x,), np.mean, method="percentile", rng=np.random.default_rng(1)).confidence_interval
    assert ours == pytest.approx(tuple(theirs), abs=0.03)


def test_stratified_bootstrap_keeps_strata_apart_unless_told():
    strata = [np.array([0.1, 0.11, 0.12]), np.array([0.5, 0.51]), np.array([0.9, 0.91, 0.92, 0.93])]
    seeds = stats.stratified_bootstrap(strata, statistic=np.mean)
    both = stats.stratified_bootstrap(strata, statistic=np.mean, resample_strata=True)
    assert seeds.high - seeds.low < 0.02 < 0.3 < both.high - both.low
    constant = [np.full(4, k) for k in range(4)]  # no spread within: seeds alone cannot move the statistic
    assert stats.stratified_bootstrap(constant) == (1.5, 1.5)
    with pytest.raises(ValueError, match="stratum"):
        stats.stratified_bootstrap([[1.0], []])

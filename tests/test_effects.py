"""Every form of effect on made-up seeds whose truth is known: how often it errs, how often it sees what is there."""

import math

import numpy as np
import pytest
from scipy import stats as reference

from harness import effects

SIZES = np.array([100.0, 1_000.0, 10_000.0])
TIMES = 1_500  # made-up tests: a rate of .05 comes out within .035 and .066 at 99 %


def drawn(random, effect=0.0, arms=2, k=3, n=5, spread=0.02, noise=0.02):
    """Arms with seed noise that they share, own noise, and the first arm better by `effect`."""
    shared = random.normal(0.7, noise, (1, 1, n))
    values = shared + random.normal(0, spread, (arms, k, n))
    values[0] += effect
    return values


def rate(name, make, verdict, least=0.01, at=SIZES, times=TIMES, control=False):
    random = np.random.default_rng(7)
    return np.mean([effects.of(name, make(random), at, least, control).verdict == verdict for _ in range(times)])


def rising(random, step):
    """The first arm rises by `step` for each factor of ten more than the second."""
    values = drawn(random)
    values[0] += step * np.array([[0.0], [1.0], [2.0]])
    return values


AT_LEAST = {  # of each form: seeds whose true effect is just the least that counts
    "difference": lambda random: drawn(random, 0.01),
    "noninferiority": lambda random: drawn(random, 0.01),
    "slope_gap": lambda random: rising(random, 0.01),
    "interaction": lambda random: rising(random, 0.005),
    "bound": lambda random: drawn(random, 0.01 - 0.7),
    "win_rate": lambda random: drawn(random, 0.01 - 0.7),
    "equivalence": lambda random: drawn(random, 0.01, spread=0.002),
    "trend": lambda random: drawn(random) + np.array([[0.0], [0.005], [0.01]]),
    "rank": lambda random: drawn(random, arms=3) + np.array([[[0.01]], [[0.005]], [[0.0]]]),
}


@pytest.mark.parametrize("name", AT_LEAST)
def test_false_passes_are_rare(name):
    assert rate(name, AT_LEAST[name], effects.PASS) <= 0.066


@pytest.mark.parametrize("name", ["difference", "slope_gap", "bound"])
def test_false_fails_are_rare(name):
    assert rate(name, AT_LEAST[name], effects.FAIL) <= 0.066


def test_false_passes_of_a_ratio_are_rare():
    def make(random):
        return np.exp(random.normal(0, 0.1, (2, 3, 5)) + np.array([math.log(1.2), 0])[:, None, None])

    assert rate("ratio", make, effects.PASS, least=1.2) <= 0.066
    assert rate("ratio", lambda random: make(random) * np.array([1.5, 1])[:, None, None], effects.PASS, 1.2) > 0.9


def counts(share, other, n=10):
    return lambda random: (random.random((2, 1, n)) < np.array([share, other])[:, None, None]).astype(float)


@pytest.mark.parametrize(
    ("share", "other", "least", "n"), [(0.5, 0.5, 0.0, 10), (0.9, 0.4, 0.5, 20), (0.7, 0.4, 0.3, 30)]
)
def test_false_passes_of_counts_are_rare(share, other, least, n):
    assert rate("successes", counts(share, other, n), effects.PASS, least=least, at=SIZES[:1]) <= 0.066
    assert rate("successes", counts(0.97, 0.05, n), effects.PASS, least=0.3, at=SIZES[:1], times=300) > 0.9


GRID = np.array([32, 100, 316, 1_000, 3_162.0])


def crossing(ends, spread=0.01, n=5):
    """The technique ahead of the baseline by so much at each size of the grid."""
    return lambda random: np.stack([random.normal(0.7, spread, (5, n)) + np.array(ends)[:, None], np.full((5, n), 0.7)])


@pytest.mark.parametrize("spread", [0.002, 0.02])
def test_false_crossings_are_rare(spread):
    """One end clear, the other just at the least that counts."""
    for ends in ((-0.1, -0.1, 0, 0.01, 0.01), (-0.01, -0.01, 0, 0.1, 0.1)):
        assert rate("crossover", crossing(ends, spread), effects.PASS, at=GRID, times=400) <= 0.08


def test_a_crossing_that_is_there_is_no_failure():
    found = [
        rate("crossover", crossing((-0.02, -0.01, 0, 0.02, 0.04), 0.02), v, at=GRID, times=200)
        for v in ("fail", "pass")
    ]
    assert found[0] < 0.05
    assert rate("crossover", crossing((-0.1, -0.05, 0, 0.05, 0.1)), effects.PASS, at=GRID, times=200) > 0.9
    assert rate("crossover", crossing((0.05,) * 5), effects.FAIL, at=GRID, times=200) > 0.95


def test_false_extrapolations_are_rare():
    """The largest value lies just the share off that counts."""
    law = 0.1 + 2 * GRID**-0.4

    def make(random):
        losses = np.repeat(law[:, None], 5, axis=1)
        losses[-1] *= 1 / (1 - 0.05) * (1 + random.normal(0, 0.01, 5))
        return -losses[None]

    assert rate("extrapolation", make, effects.PASS, least=0.05, at=GRID, times=200) <= 0.1


def test_fisher_and_wilson_are_those_of_scipy():
    values = np.zeros((2, 1, 10))
    values[0, 0, :8], values[1, 0, :2] = 1, 1
    found = effects.of("successes", values, np.array([1.0]), 0.1)
    fisher = reference.fisher_exact([[8, 2], [2, 8]], alternative="greater")[1]
    assert found.p >= fisher  # that of "more than least"; where least is far off, Fisher's
    assert effects.of("successes", values, np.array([1.0]), -0.5).p == pytest.approx(fisher)
    won = np.array([8, 2])
    assert effects._newcombe(won, 10, found.p)[0] == pytest.approx(0.1, abs=0.02)
    for won in (0, 2, 8, 10):
        ends = reference.binomtest(won, 10).proportion_ci(0.9, method="wilson")
        assert effects._wilson(won, 10, effects.LEVEL) == pytest.approx(tuple(ends), abs=1e-9)
    assert (found.verdict, found.mean) == (effects.PASS, pytest.approx(0.6))


@pytest.mark.parametrize("name", ["difference", "slope_gap", "interaction", "bound", "noninferiority"])
def test_what_is_there_is_seen(name):
    def make(random):
        return AT_LEAST[name](random) + np.array([0.05, 0])[:, None, None] * np.array([[0.0], [1.0], [2.0]])

    assert rate(name, make, effects.PASS, times=300) > 0.8


def test_equivalence_is_seen_and_refuted():
    assert rate("equivalence", lambda r: drawn(r, 0, n=20, spread=0.005), effects.PASS, times=300) > 0.95
    assert rate("equivalence", lambda r: drawn(r, 0.05, n=20), effects.FAIL, times=300) > 0.95


def test_a_control_that_turned_round_has_not_vanished():
    assert rate("difference", lambda r: drawn(r, -0.2, spread=0.01), effects.FAIL, control=True, times=300) > 0.9


def test_seeds_that_all_say_the_same_are_no_interval():
    for few in (2, 3, 4):
        assert effects.judged(np.zeros(few), 0.01).verdict == effects.OPEN
        assert effects.vanished(np.full(few, 0.02), 0.01).verdict == effects.OPEN
    assert effects.judged(np.zeros(5), 0.01).verdict == effects.FAIL


def test_a_control_passes_where_nothing_is_left_and_fails_where_it_stays():
    assert rate("difference", lambda r: drawn(r, 0.0, spread=0.004), effects.PASS, control=True, times=300) > 0.9
    assert rate("difference", lambda r: drawn(r, 0.05, spread=0.01), effects.FAIL, control=True, times=300) > 0.9
    assert rate("difference", AT_LEAST["difference"], effects.PASS, control=True) <= 0.066
    assert rate("difference", AT_LEAST["equivalence"], effects.PASS, control=True) <= 0.066


def test_judged_is_the_t_interval_and_the_sign_flip():
    d = np.array([0.03, 0.01, 0.02, 0.05, 0.04])
    found = effects.judged(d, 0.0)
    low, high = reference.t.interval(0.9, 4, d.mean(), d.std(ddof=1) / 5**0.5)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.p == pytest.approx(reference.ttest_1samp(d, 0, alternative="greater").pvalue)
    assert found.verdict == effects.PASS and "0.031" in found.told  # 1 in 2^5
    mixed = np.array([0.5, 0.4, 0.45, 0.5, -0.01])
    assert effects.judged(mixed, 0.0).p < 0.05 and effects.judged(mixed, 0.0).verdict == effects.OPEN  # flip: 2 in 32
    assert effects.judged(d[:3], 0.0).verdict == effects.PASS  # three seeds: the t bound alone


def test_a_crossing_has_to_be_there():
    falls = np.linspace(0.0, 0.3, 5)[:, None] + np.random.default_rng(0).normal(0, 0.003, (5, 6))
    flat = np.full((5, 6), 0.15)
    at = np.array([32, 100, 316, 1_000, 3_162.0])
    found = effects.of("crossover", np.stack([falls, flat]), at, 0.005)
    assert found.verdict == effects.PASS and found.mean == pytest.approx(316, rel=0.2)
    assert effects.of("crossover", np.stack([flat, falls]), at, 0.005).verdict == effects.FAIL
    assert effects.of("crossover", np.stack([flat + 0.4, falls]), at, 0.005).verdict == effects.FAIL
    with pytest.raises(ValueError, match="losses"):
        effects.of("extrapolation", np.stack([falls, flat]), at, 0.005)


def test_an_extrapolation_is_judged_by_its_larger_miss():
    at = np.array([100, 316, 1_000, 3_162, 10_000.0])
    law = 0.1 + 2 * at**-0.4
    exact = -np.repeat(law[None, :, None], 5, axis=2) * (1 + 1e-6 * np.arange(5))
    assert effects.of("extrapolation", exact, at, 0.03).verdict == effects.PASS
    broken = exact.copy()
    broken[:, -1] *= 1.2 + 0.01 * np.arange(5)
    found = effects.of("extrapolation", broken, at, 0.03)
    assert found.verdict == effects.FAIL and found.mean == pytest.approx(1 - 1 / 1.22, abs=0.005)


def test_power_is_how_often_the_whole_rule_passes():
    """With five seeds the sign flip takes a good part of the t test's power: of .80 by noncentral t, .64 is left."""
    random = np.random.default_rng(1)
    for n, expect in ((3, 0.05), (5, 0.037), (8, 0.03)):
        seen = [effects.judged(d, 0.01).verdict == effects.PASS for d in random.normal(expect, 0.02, (1_500, n))]
        assert effects.power(expect, 0.01, 0.02, n) == pytest.approx(np.mean(seen), abs=0.04)
    t = reference.nct.sf(reference.t.ppf(0.95, 19), 19, 0.02 / (0.03 / 20**0.5))
    assert effects.power(0.03, 0.01, 0.03, 20) == pytest.approx(t, abs=0.02)
    d = random.normal(0, 0.02, 5)
    found = effects.judged(d, 0.0)
    assert effects.spread(found.high - found.low, 5) == pytest.approx(d.std(ddof=1))


@pytest.mark.parametrize("values", [np.zeros((2, 1, 1)), np.full((2, 1, 3), np.nan), np.zeros((2, 3))])
def test_what_cannot_be_tested_is_an_error(values):
    with pytest.raises(ValueError, match="two seeds or more"):
        effects.of("difference", values, SIZES[:1], 0.0)

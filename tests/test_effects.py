"""Every form of effect on made-up seeds whose truth is known: how often it errs, how often it sees what is there."""

import math
from functools import partial

import numpy as np
import pytest
from scipy import stats as reference

from harness import effects, fits

SIZES = np.array([100.0, 1_000.0, 10_000.0])
TIMES = 4_000  # made-up tests
RARE = 0.06 + 2.33 * (0.06 * 0.94 / TIMES) ** 0.5  # a rate of .06 comes out above .069 in one of a hundred


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


@pytest.mark.parametrize("verdict", [effects.PASS, effects.FAIL])
@pytest.mark.parametrize("name", AT_LEAST)
def test_false_verdicts_are_rare(name, verdict):
    assert rate(name, AT_LEAST[name], verdict) <= RARE


def times(factor):
    return lambda random: np.exp(random.normal(0, 0.1, (2, 3, 5)) + np.array([math.log(factor), 0])[:, None, None])


def test_false_verdicts_of_a_ratio_are_rare():
    for verdict in (effects.PASS, effects.FAIL):
        assert rate("ratio", times(1.2), verdict, least=1.2) <= RARE
    assert rate("ratio", times(1.8), effects.PASS, least=1.2, times=300) > 0.9


def test_a_control_that_scatters_by_more_than_least_fails_rarely():
    """On either side of 0 such seeds lie beyond by chance: one bound of 5 % for each would fail 1 in 10."""
    for spread in (0.005, 0.02, 0.5):
        for true in (0.0, 0.01):
            made = partial(drawn, effect=true, k=1, spread=spread)
            assert rate("difference", made, effects.FAIL, control=True) <= RARE


def counted(n, least):
    """Which outcomes of n seeds pass and which fail: two (n + 1, n + 1)."""
    return effects.exact(n, least) < effects.LEVEL, effects.exact(n, -least).T < effects.LEVEL


@pytest.mark.parametrize("least", [0.0, 0.1, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_false_verdicts_of_counts_are_rare(n, least):
    """Exactly: of all pairs of true shares, in hundredths, the worst."""
    shares = np.arange(101) / 100
    chances = reference.binom.pmf(np.arange(n + 1), n, shares[:, None])
    gaps = np.subtract.outer(np.arange(101), np.arange(101)) / 100
    passed, failed = (chances @ outcomes @ chances.T for outcomes in counted(n, least))
    assert passed[gaps <= least].max() <= 0.051 and failed[gaps >= least].max() <= 0.051


def test_counts_are_judged_by_the_exact_test():
    for one in range(11):
        for other in range(11):
            values = (np.arange(10) < np.array([one, other])[:, None, None]).astype(float)
            found = effects.of("successes", values, SIZES[:1], 0.3)
            passed, failed = (outcomes[one, other] for outcomes in counted(10, 0.3))
            assert found.verdict == (effects.PASS if passed else effects.FAIL if failed else effects.OPEN)
            assert found.low <= found.mean <= found.high
            assert (found.low >= 0.3) == passed and (found.high <= 0.3) == failed


def test_the_exact_test_is_barnards():
    for one, other in ((8, 2), (9, 5), (5, 0), (7, 1)):
        table = [[one, other], [10 - one, 10 - other]]
        barnard = reference.barnard_exact(table, alternative="greater", pooled=False).pvalue
        assert effects.exact(10, 0.0)[one, other] == pytest.approx(barnard, abs=1e-5)
    assert effects.exact(10, 0.5)[10, 0] == pytest.approx(0.75**20)  # both arms as far from a half
    assert effects.exact(10, -0.3)[0, 0] == pytest.approx(0.7**10)  # none won, where .3 and 0 would be


GRID = np.array([32, 100, 316, 1_000, 3_162.0])


def crossing(ends, spread=0.01, n=5):
    """The technique ahead of the baseline by so much at each size of the grid."""
    return lambda random: np.stack([random.normal(0.7, spread, (5, n)) + np.array(ends)[:, None], np.full((5, n), 0.7)])


@pytest.mark.parametrize("spread", [0.002, 0.02])
def test_false_crossings_are_rare(spread):
    """One end clear, the other just at the least that counts."""
    for ends in ((-0.1, -0.1, 0, 0.01, 0.01), (-0.01, -0.01, 0, 0.1, 0.1)):
        assert rate("crossover", crossing(ends, spread), effects.PASS, at=GRID) <= RARE
    both = crossing((-0.01, -0.01, 0, 0.01, 0.01), spread)
    assert rate("crossover", both, effects.FAIL, at=GRID) <= RARE


def test_a_crossing_that_is_there_is_no_failure():
    found = [
        rate("crossover", crossing((-0.02, -0.01, 0, 0.02, 0.04), 0.02), v, at=GRID, times=200)
        for v in ("fail", "pass")
    ]
    assert found[0] < 0.05
    assert rate("crossover", crossing((-0.1, -0.05, 0, 0.05, 0.1)), effects.PASS, at=GRID, times=200) > 0.9
    assert rate("crossover", crossing((0.05,) * 5), effects.FAIL, at=GRID, times=200) > 0.95


@pytest.mark.parametrize(("noise", "n"), [(0.01, 3), (0.003, 5)])
def test_false_extrapolations_are_rare(noise, n, monkeypatch):
    """Of 500 noisy curves the mean miss is put just at the share that counts; a test sees n of them, fitted once."""
    curves = (0.1 + 2 * GRID**-0.4) * (1 + np.random.default_rng(3).normal(0, noise, (500, 5)))
    foretold = {curve[:-2].tobytes(): fits.foretold(GRID[:-2], curve[:-2], GRID[-2:]) for curve in curves}
    misses = np.mean([foretold[curve[:-2].tobytes()] / curve[-2:] - 1 for curve in curves], axis=0)
    monkeypatch.setattr(fits, "foretold", lambda sizes, losses, at: foretold[losses.tobytes()])
    for verdict, least in ((effects.PASS, (0, 0.05)), (effects.PASS, (0, -0.05)), (effects.FAIL, (0.05, 0.05))):
        put = curves.copy()
        put[:, -2:] *= (1 + misses) / (1 + np.array(least))
        some = partial(lambda put, random: -put[random.integers(500, size=n)].T[None], put)
        assert rate("extrapolation", some, verdict, 0.05, GRID) <= RARE


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
    assert effects.vanished(np.full(6, -0.02), 0.01).verdict == effects.FAIL  # of two sides: twice 1 in 64


def test_a_control_passes_where_nothing_is_left_and_fails_where_it_stays():
    assert rate("difference", lambda r: drawn(r, 0.0, spread=0.004), effects.PASS, control=True, times=300) > 0.9
    assert rate("difference", lambda r: drawn(r, 0.05, spread=0.01), effects.FAIL, control=True, times=300) > 0.9
    for name in ("difference", "equivalence"):
        assert rate("difference", AT_LEAST[name], effects.PASS, control=True) <= RARE


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
    assert "10000 was foretold too low" in found.told


def test_power_is_how_often_the_whole_rule_passes():
    """With five seeds the sign flip takes a good part of the t test's power: of .80 by noncentral t, .64 is left."""
    random = np.random.default_rng(1)
    for n, expect in ((3, 0.05), (5, 0.037), (8, 0.03), (10, 0.026)):
        seen = [effects.judged(d, 0.01).verdict == effects.PASS for d in random.normal(expect, 0.02, (1_500, n))]
        assert effects.power(expect, 0.01, 0.02, n) == pytest.approx(np.mean(seen), abs=0.04)
    t = reference.nct.sf(reference.t.ppf(0.95, 19), 19, 0.02 / (0.03 / 20**0.5))
    assert effects.power(0.03, 0.01, 0.03, 20) == pytest.approx(t, abs=0.02)
    d = random.normal(0, 0.02, 5)
    found = effects.judged(d, 0.0)
    assert effects.spread(found.high - found.low, 5) == pytest.approx(d.std(ddof=1))


@pytest.mark.parametrize("n", [2, 5, 20])
def test_power_to_vanish(n):
    random = np.random.default_rng(1)
    for true in (0.0, 0.005):
        seen = [effects.vanished(d, 0.01).verdict == effects.PASS for d in random.normal(true, 0.012, (1_500, n))]
        assert effects.power_within(true, 0.01, 0.012, n) == pytest.approx(np.mean(seen), abs=0.03)


def counts(share, other, n=10):
    return lambda random: (random.random((2, 1, n)) < np.array([share, other])[:, None, None]).astype(float)


def test_power_of_counts_is_exact():
    for share, other, least in ((0.9, 0.2, 0.3), (0.8, 0.1, 0.0)):
        seen = rate("successes", counts(share, other), effects.PASS, least=least, at=SIZES[:1], times=1_000)
        assert effects.power_of_counts(share - other, least, other, 10) == pytest.approx(seen, abs=0.04)
    assert effects.power_of_counts(0.9, 0.5, 0.6, 10) == effects.power_of_counts(0.9, 0.5, 0.1, 10)  # 1.5 is no share


def test_every_form_has_its_power():
    """At the spread of what was seen; a crossover, and seeds that all say the same, have none."""
    random = np.random.default_rng(0)

    def at(name, values, least, expect, control=False):
        grid = GRID[: values.shape[1]]
        return effects.power_at(name, effects.of(name, values, grid, least, control), values, least, expect, control)

    close, wide = drawn(random, 0.05, spread=0.002), drawn(random, 0.05, spread=0.1)
    for name in ("difference", "slope_gap", "interaction", "noninferiority", "bound", "win_rate", "trend", "rank"):
        arms = [np.concatenate([one, one[1:]]) if name == "rank" else one for one in (close, wide)]
        assert at(name, arms[0], 0.01, 0.05) > 0.8 > at(name, arms[1], 0.01, 0.05)
    for name, control in (("equivalence", False), ("difference", True)):
        assert at(name, close, 0.02, 0.0, control) > 0.8 > at(name, wide, 0.02, 0.0, control)
    assert at("ratio", close, 1.01, 1.05) > 0.8 > at("ratio", wide, 1.01, 1.05)
    equal, noisy = (np.exp(drawn(random, 0.0, spread=spread)) for spread in (0.002, 0.1))
    assert at("ratio", equal, 1.02, 1.0, True) > 0.8 > at("ratio", noisy, 1.02, 1.0, True)
    assert at("successes", counts(1, 0)(random), 0.3, 0.8) > 0.8 > at("successes", counts(1, 0)(random), 0.3, 0.5)
    losses = -(0.1 + 2 * GRID**-0.4)[None, :, None]
    for noise, enough in ((0.0005, True), (0.02, False)):
        noisy = losses * (1 + random.normal(0, noise, (1, 5, 5)))
        assert (at("extrapolation", noisy, 0.03, 0.01) > 0.8) is enough
    assert math.isnan(at("crossover", crossing((-0.1, -0.1, 0, 0.1, 0.1))(random), 0.01, 0.1))
    assert math.isnan(at("difference", np.ones((2, 1, 5)), 0.01, 0.1))


@pytest.mark.parametrize("values", [np.zeros((2, 1, 1)), np.full((2, 1, 3), np.nan), np.zeros((2, 3))])
def test_what_cannot_be_tested_is_an_error(values):
    with pytest.raises(ValueError, match="two seeds or more"):
        effects.of("difference", values, SIZES[:1], 0.0)

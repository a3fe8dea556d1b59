"""Crossings against planted curves, LCDB 1.1 and benchm-ml; pooled IQM and Page's test against scipy."""

import itertools
import json
import os
import re
import tarfile
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats as reference

from harness import published, stats

needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")

GRID = np.array([32, 100, 316, 1_000, 3_162, 10_000, 31_623, 100_000.0])
SEEDS = np.array([20, 20, 20, 10, 10, 5, 5, 3])  # nested: three seeds reach the end
# Standard deviation of the error over seeds: 3 points at 64, 1 at 1,000, .5 from 8,000 up, as in LCDB 1.1.
SPREAD = np.exp(np.interp(np.log(GRID), np.log([32, 64, 1_000, 8_000]), np.log([0.04, 0.03, 0.01, 0.005])))
WORDS = {stats.CROSSOVER, stats.FIRST, stats.SECOND, stats.TIE, stats.OPEN, stats.SEVERAL}


def planted(random: np.random.Generator) -> tuple[float, np.ndarray, np.ndarray]:
    """(true n*, errors of a quick learner with a high floor, errors of a slow one with a low floor) on GRID."""
    truth = float(np.exp(random.uniform(np.log(100), np.log(30_000))))
    while True:
        floor, gain, low = random.uniform(0.05, 0.25), random.uniform(0.02, 0.15), random.uniform(0.1, 0.9)
        quick, slow = random.uniform(0.3, 0.9), random.uniform(0.2, 0.6)
        a = floor + gain * (GRID / truth) ** -quick
        b = low * floor + (floor + gain - low * floor) * (GRID / truth) ** -slow
        if max(a.max(), b.max()) < 0.9 and (np.sign(a - b) == np.sign(GRID - truth)).all():
            return truth, a, b


def seeded(random: np.random.Generator, *errors: np.ndarray, shared: float = 0.5) -> list[np.ndarray]:
    """(k, 20) runs of each curve: noise of SPREAD, a share of its variance common to the curves; NaN beyond SEEDS."""
    common = random.standard_normal((len(GRID), 20)) * shared**0.5
    ran = np.arange(20) < SEEDS[:, None]
    own = [random.standard_normal(common.shape) * (1 - shared) ** 0.5 for _ in errors]
    return [
        np.where(ran, e[:, None] + SPREAD[:, None] * (common + o), np.nan) for e, o in zip(errors, own, strict=True)
    ]


@pytest.mark.parametrize("shared", [0.3, 0.5, 0.8])
def test_planted_crossings_are_found_placed_and_covered(shared):
    random = np.random.default_rng(3)
    octaves, covered, times = [], [], 400
    for run in range(times):
        truth, a, b = planted(random)
        got = stats.crossover(GRID, *seeded(random, a, b, shared=shared), seed=run, draws=1000)
        if got.outcome == stats.CROSSOVER:
            assert got.winner == "second" and got.tested
            octaves.append(abs(np.log2(got.n / truth)))
            covered.append(got.interval.low <= truth <= got.interval.high)
    assert len(octaves) >= 0.8 * times
    assert np.median(octaves) <= 0.15
    assert np.mean(covered) >= 0.9


def no_crossing(kind: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    _, a, _ = planted(random)
    if kind == "one ahead":
        return a, a * random.uniform(0.8, 0.97)
    late = np.maximum(0, np.log10(GRID / 1_000)) * 0.01
    return a, a - (late if kind == "ahead late" else 0)


@pytest.mark.parametrize("kind", ["identical", "one ahead", "ahead late"])
def test_curves_that_do_not_cross_are_not_said_to(kind):
    random = np.random.default_rng(5)
    pairs = [seeded(random, *no_crossing(kind, random)) for _ in range(600)]
    found = Counter(stats.crossover(GRID, a, b, draws=10).outcome for a, b in pairs)
    assert found[stats.CROSSOVER] / 600 <= 0.05
    assert found[stats.TIE if kind == "identical" else stats.SECOND] / 600 >= 0.8
    assert found[stats.FIRST] / 600 <= 0.025


def said(sides: tuple[int, ...]) -> str:
    """The outcome of findings given as -1, 0 and 1 at each size, by regular expressions: an independent rule."""
    width = 2 if len(sides) >= 4 else 1
    ends = [int(np.sign(sum(part))) for part in (sides[:width], sides[-width:])]
    text = "".join("f.s"[side + 1] for side in (ends[0], *sides, ends[1]))
    rules = {
        stats.TIE: r"\.(\.*[fs]?\.*)\.",
        stats.CROSSOVER: r"f[f.]*[s.]*s|s[s.]*[f.]*f",
        stats.FIRST: r"[f.]*f",
        stats.SECOND: r"[s.]*s",
        stats.OPEN: r"[f.]*\.|[s.]*\.|f[f.]*[s.]*\.|s[s.]*[f.]*\.",
    }
    return next((word for word, rule in rules.items() if re.fullmatch(rule, text)), stats.SEVERAL)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
def test_every_pattern_of_findings_has_one_outcome(k):
    sizes = GRID[:k]
    seen = set()
    for sides in itertools.product([-1, 0, 1], repeat=k):
        d = 0.02 * np.array(sides)[:, None] * np.ones(6)
        got, back = stats.crossover(sizes, 0.5 + d, 0.5 - 0 * d, draws=20), stats.crossover(sizes, 0.5 - 0 * d, 0.5 + d)
        assert got.outcome == said(sides), sides
        seen.add(got.outcome)
        mirror = {stats.FIRST: stats.SECOND, stats.SECOND: stats.FIRST}
        assert back.outcome == mirror.get(got.outcome, got.outcome)
        assert {got.winner, back.winner} in ({None}, {"first", "second"})
        if got.outcome == stats.CROSSOVER:
            assert back.n == pytest.approx(got.n) and back.bracket == got.bracket
    assert seen == WORDS if k >= 3 else seen < WORDS


@given(
    some.integers(1, 9).flatmap(
        lambda k: some.tuples(
            *[some.lists(some.sampled_from([-0.3, -0.02, -0.006, 0.0, 0.004, 0.01, 0.2]), min_size=k, max_size=k)] * 2
        )
    ),
    some.lists(some.integers(0, 6), min_size=9, max_size=9),
    some.floats(0, 0.05),
)
def test_any_curves_give_a_whole_answer(errors, reach, noise):
    a, b = (0.5 + np.array(e)[:, None] + noise * np.random.default_rng(1).standard_normal((len(e), 6)) for e in errors)
    b = b + noise * np.random.default_rng(2).standard_normal(b.shape)
    a[np.arange(6) >= np.array(reach)[: len(a), None]] = np.nan
    sizes = 10.0 * 3 ** np.arange(len(a))
    if np.isnan(a).all():
        with pytest.raises(ValueError, match="pairs"):
            stats.crossover(sizes, a, b)
        return
    got = stats.crossover(sizes, a, b, draws=50)
    assert got.outcome in WORDS
    assert (got.bracket is None) == np.isnan(got.n) == (got.outcome != stats.CROSSOVER)
    if got.outcome == stats.CROSSOVER:
        assert got.bracket[0] <= got.n <= got.bracket[1]
        assert set(got.bracket) <= set(sizes) and 0 <= got.censored <= 1
        assert np.isnan(got.interval.low) != got.tested
    again = stats.crossover(sizes, a, b, draws=50)
    assert str(again) == str(got)


def test_each_size_has_scipy_s_paired_interval():
    random = np.random.default_rng(0)
    a, b = seeded(random, *planted(random)[1:])
    got = stats.crossover(GRID, a, b, level=0.9)
    assert list(got.pairs) == list(SEEDS)
    for k, seeds in enumerate(SEEDS):
        theirs = reference.ttest_rel(a[k, :seeds], b[k, :seeds]).confidence_interval(0.9)
        assert (got.low[k], got.high[k]) == pytest.approx((theirs.low, theirs.high))
        assert got.difference[k] == pytest.approx(np.mean(a[k, :seeds] - b[k, :seeds]))


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_places_from_few_seeds_are_covered_as_often_as_said(seeds):
    """A straight difference in log n, so that the place itself is known; noise that a change of sides survives."""
    random = np.random.default_rng(seeds)
    sizes = np.array([100, 316, 1_000, 3_162, 10_000])
    truth, covered = 1_300, []
    for _ in range(300):
        d = 0.05 * np.log10(sizes / truth)[:, None] + 0.006 * random.standard_normal((5, seeds))
        got = stats.crossover(sizes, 0.5 + d, np.full(d.shape, 0.5), least=0, draws=500)
        if got.outcome == stats.CROSSOVER:
            covered.append(got.interval.low <= truth <= got.interval.high)
    assert len(covered) > 30 and np.mean(covered) >= 0.93


@pytest.mark.parametrize(("seeds", "outcome"), [(2, stats.TIE), (5, stats.TIE), (6, stats.FIRST)])
def test_a_few_equal_differences_put_nobody_ahead(seeds, outcome):
    """The sign flip's p is 2^-n, whatever their size: 1/32 for five seeds."""
    a = np.random.default_rng(0).random((4, seeds))
    assert stats.crossover([1, 2, 3, 4], a, a + 0.1).outcome == outcome
    assert stats.surely(a[0], a[0] + 0.1) == -(outcome == stats.FIRST) and stats.surely(a[0], a[0]) == 0


def test_the_place_is_the_zero_of_a_line_in_log_n():
    a = np.array([[-0.04, -0.05, -0.06], [-0.02, -0.03, -0.04], [0.05, 0.06, 0.07], [0.1, 0.1, 0.1]])
    got = stats.crossover([10, 100, 1000, 10_000], a, np.zeros_like(a))
    assert got.n == pytest.approx(10 ** (2 + 0.03 / 0.09)) and got.bracket == (100, 1000)


def test_without_noise_the_interval_is_what_a_straight_line_may_miss():
    d = np.repeat([[-0.1], [-0.1], [0.1], [0.1]], 6, axis=1)
    got = stats.crossover([16, 64, 256, 1024], 0.5 + d, np.full(d.shape, 0.5), draws=20_000)
    assert got.n == pytest.approx(128)
    half = 1.96 * stats.BEND * 2  # octaves: the gap is two
    assert np.log2([got.interval.low, got.interval.high]) == pytest.approx([7 - half, 7 + half], abs=0.02)


def test_draws_that_do_not_cross_are_counted():
    z = reference.zscore(np.random.default_rng(1).standard_normal(20), ddof=1)
    d = np.array([-0.3 + 0.001 * z, 0.02 * (2.3 + 20**0.5 * z)])  # t of 2.3 at the large end
    got = stats.crossover([100, 1000], d, 0 * d, draws=20_000)
    assert got.outcome == stats.CROSSOVER
    assert got.censored == pytest.approx(reference.t.sf(2.3, 19), abs=0.003)
    assert stats.crossover([100, 1000], -d[::-1], 0 * d, draws=20_000).censored == pytest.approx(
        got.censored, abs=0.003
    )


def test_wobbles_about_zero_after_the_change_do_not_move_it():
    d = np.array([-0.1, -0.05, 0.05, 0.04, -0.0002, 0.03, 0.04, 0.04])[:, None] + 0.004 * np.linspace(-1, 1, 5)
    got = stats.crossover(GRID, 0.5 + d, np.full(d.shape, 0.5))
    assert got.outcome == stats.CROSSOVER and got.bracket == (100, 316)
    assert got.interval.high < 1000


def test_small_differences_do_not_count_however_sure():
    a = np.full((4, 10), 0.3) + 1e-4 * np.random.default_rng(0).standard_normal((4, 10))
    assert stats.crossover([1, 2, 3, 4], a, a + 0.004).outcome == stats.TIE
    assert stats.crossover([1, 2, 3, 4], a, a + 0.004, least=0.003).outcome == stats.FIRST


def test_one_pair_has_no_say_beside_sizes_with_several():
    a = np.array([[0.5, 0.51, 0.5], [0.4, 0.41, 0.42], [0.3, 0.31, 0.3], [1.0, np.nan, np.nan]])
    b = np.full((4, 3), 0.6)
    got = stats.crossover([1, 2, 3, 4], a, b)
    assert got.outcome == stats.FIRST and got.tested and list(got.pairs) == [3, 3, 3, 1]
    assert got.difference[3] == pytest.approx(0.4) and np.isnan([got.low[3], got.high[3]]).all()
    alone = stats.crossover([1, 2, 3, 4], a[:, :1], b[:, :1])
    assert alone.outcome == stats.CROSSOVER and not alone.tested and np.isnan(alone.interval).all()


@pytest.mark.parametrize(
    "sizes, a",
    [([2, 1], [0.1, 0.2]), ([1, 1], [0.1, 0.2]), ([0, 1], [0.1, 0.2]), ([1, 2], [0.1]), ([1, 2], [0.1, np.inf])],
)
def test_what_is_no_curve_is_refused(sizes, a):
    with pytest.raises(ValueError, match="rising sizes"):
        stats.crossover(sizes, np.array(a), np.zeros(len(a)))


# ----------------------------------------------------------------------------------------------------- published curves


@cache
def lcdb() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """LCDB 1.1: anchors (137,), and per OpenML id the test error (28 learners, mean and standard error, 137)."""
    with tarfile.open(Path(os.environ["ERAS_DATA"]) / "lcdb11-curves" / "lcdb11-curves.tar.xz") as archive:
        read = {name: json.load(archive.extractfile(name)) for name in archive.getnames() if name.endswith(".json")}
    meta = read.pop(next(name for name in read if name.endswith("meta.json")))
    curves = {Path(name).stem: np.array(value, float)[..., 2] for name, value in read.items() if "er/" in name}
    for twin in ("179", "180"):  # adult and covertype are there twice
        del curves[twin]
    return np.array(meta["anchors"], float), curves


def smoothed(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Local lines with a Gaussian kernel of half an octave; x in octaves."""
    far = x[None] - x[:, None]
    w = weights * np.exp(-0.5 * (far / 0.5) ** 2)
    s0, s1, s2 = w.sum(1), (w * far).sum(1), (w * far**2).sum(1)
    return (s2 * (w @ y) - s1 * ((w * far) @ y)) / (s0 * s2 - s1**2)


def dense_crossing(x: np.ndarray, d: np.ndarray, se: np.ndarray) -> float | None:
    """log2 n of the one sign change of the smoothed dense curve; None unless both ends differ, and oppositely."""
    smooth = smoothed(x, d, 1 / np.maximum(se, 1e-3) ** 2)
    changes = np.flatnonzero(np.sign(smooth[1:]) != np.sign(smooth[:-1]))
    ends = [part for part in (x <= x[0] + 2, x >= x[-1] - 2)]  # two octaves each
    means, errors = (np.array([v[part].mean() for part in ends]) for v in (d, se))
    if len(changes) != 1 or means[0] * means[1] >= 0 or (np.abs(means) <= np.maximum(0.005, errors)).any():
        return None
    k = changes[0]
    return float(x[k] - smooth[k] / (smooth[k + 1] - smooth[k]) * (x[k + 1] - x[k]))


@needs_data
def test_lcdb_s_crossings_are_placed_from_our_grid():
    anchors, curves = lcdb()
    octaves, missed = [], 0
    for errors in curves.values():
        for first, second in itertools.combinations(range(errors.shape[0]), 2):
            there = np.isfinite(errors[first, 0] + errors[second, 0])
            count = len(there) if there.all() else int(np.argmin(there))
            if count < 40:  # fewer than five octaves
                continue
            x = np.log2(anchors[:count])
            (a, b), se = errors[[first, second], 0, :count], np.hypot(*errors[[first, second], 1, :count])
            truth = dense_crossing(x, a - b, se)
            if truth is None or truth < np.log2(GRID[0]):
                continue
            sizes = GRID[anchors[count - 1] >= GRID]
            got = stats.crossover(sizes, *(np.interp(np.log2(sizes), x, y) for y in (a, b)))
            missed += got.outcome != stats.CROSSOVER
            if got.outcome == stats.CROSSOVER:
                octaves.append(abs(np.log2(got.n) - truth))
    print(f"{len(octaves)} crossings of LCDB 1.1, median {np.median(octaves):.3f} octaves off, {missed} not found")
    assert len(octaves) > 450 and missed / (missed + len(octaves)) < 0.2
    assert np.median(octaves) <= 0.15


def curve(dataset: str, technique: str, tool: str) -> dict[int, float]:
    rows = published.overlay("benchm-ml", dataset)
    return {r["size"]: r["value"] for r in rows if (r["technique"], r["tool"]) == (technique, tool)}


def test_published_higgs_curves_cross_where_they_are_known_to():
    linear, forest, deep = (
        curve("higgs", *who) for who in (("linear", "R glmnet"), ("random forest", "H2O"), ("deep net", "H2O"))
    )
    sizes, loss = list(deep), lambda auc: 1 - np.array(list(auc.values()))
    over_linear = stats.crossover(sizes, loss(linear), loss(deep))
    over_forest = stats.crossover(sizes, loss(forest), loss(deep))
    assert over_linear.outcome == over_forest.outcome == stats.CROSSOVER
    assert over_linear.n == pytest.approx(1_600, rel=0.05) and over_linear.bracket == (1_000, 10_000)
    assert over_forest.n == pytest.approx(73_000, rel=0.05) and over_forest.bracket == (10_000, 100_000)
    assert not over_linear.tested and np.isnan(over_linear.interval).all() and over_linear.winner == "second"
    assert stats.crossover(sizes, loss(linear), loss(forest)).outcome == stats.SECOND


def test_published_airline_forest_leads_throughout():
    linear, forest = curve("flights_nyc13", "linear", "scikit-learn"), curve("flights_nyc13", "random forest", "H2O")
    losses = [1 - np.array(list(one.values())) for one in (linear, forest)]
    assert stats.crossover(list(linear), *losses).outcome == stats.SECOND
    assert forest[100_000] > linear[10_000_000]  # as published: the forest on 1 % of the rows beats the line on all


def test_overlay_holds_the_published_figures():
    airline, higgs = published.overlay("benchm-ml", "flights_nyc13"), published.overlay("benchm-ml", "higgs_7k")
    assert published.names() == ["benchm-ml"]
    assert Counter(r["technique"] for r in airline) == {
        "linear": 20,
        "random forest": 19,
        "boosting (1000 trees, depth 16)": 13,
        "boosting (300 trees, depth 6)": 18,
    }
    assert Counter(r["technique"] for r in higgs) == {"linear": 6, "random forest": 6, "deep net": 6}
    assert sum(r["value"] is None for r in airline) == 3 == sum("crashed: " in r["note"] for r in airline)
    assert len({(r["technique"], r["tool"], r["size"]) for r in airline}) == len(airline)
    assert all(r["metric"] == "auc" and (r["value"] is None or 0.5 < r["value"] < 1) for r in airline + higgs)
    assert all(r["note"] and r["source"].endswith(".csv") for r in airline + higgs)
    known = {(r["technique"], r["tool"], r["size"]): (r["value"], r["seconds"], r["gigabytes"]) for r in airline}
    assert known["linear", "scikit-learn", 10_000_000] == (0.711, 360, None)
    assert known["linear", "VW", 10_000] == (0.666, 0.03, None)
    assert known["linear", "H2O", 10_000] == (0.696, 1, 1)
    assert known["random forest", "H2O", 10_000_000] == (0.778, 4000, 15)
    assert known["random forest", "R randomForest", 1_000_000] == (None, None, None)
    assert known["boosting (1000 trees, depth 16)", "xgboost", 10_000_000] == (0.787, 9000, 6)
    assert known["boosting (1000 trees, depth 16)", "Spark", 10_000] == (0.664, 180_000, 30)
    assert known["boosting (300 trees, depth 6)", "H2O", 10_000_000] == (0.746, 300, 20)


def test_unknown_overlays_are_named():
    with pytest.raises(LookupError, match="benchm-ml"):
        published.overlay("benchmml", "higgs")
    with pytest.raises(LookupError, match="higgs_7k"):
        published.overlay("benchm-ml", "iris")


# ----------------------------------------------------------------------------------------------------- pooled and trend


@pytest.mark.parametrize("shape", [(3, 5, 8), (2, 1, 3), (2, 7, 1)])
@pytest.mark.parametrize("resample_strata", [False, True])
def test_pooled_iqm_is_the_stratified_bootstrap_of_each(shape, resample_strata):
    x = np.random.default_rng(0).standard_normal(shape) + 2 * np.arange(shape[1])[:, None]
    found = stats.pooled_iqm(x, draws=8000, resample_strata=resample_strata)
    centre, wider = x.mean(axis=2, keepdims=True), (1 - 1 / shape[2]) ** -0.5 if shape[2] > 1 else 1
    drawn = x if resample_strata else centre + wider * (x - centre)
    assert [part.shape for part in found] == [(shape[0],)] * 3
    for k, (middle, *ends) in enumerate(zip(*found, strict=True)):
        theirs = stats.stratified_bootstrap(drawn[k], draws=8000, resample_strata=resample_strata)
        assert middle == pytest.approx(reference.trim_mean(x[k].ravel(), 0.25))
        width = theirs.high - theirs.low
        assert ends == pytest.approx(theirs, abs=0.08 * width + 1e-6)


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_pooled_iqm_holds_as_often_as_it_says(seeds):
    """Over repetitions of one experiment: twelve datasets, each with its own level, and few seeds."""
    random = np.random.default_rng(seeds)
    level = random.uniform(0, 1, size=(1, 12, 1))
    repeated = [stats.pooled_iqm(level + 0.05 * random.standard_normal((1, 12, seeds)), draws=400) for _ in range(400)]
    middle, low, high = np.array(repeated)[:, :, 0].T
    assert 0.88 <= np.mean((low <= middle.mean()) & (middle.mean() <= high)) <= 0.98


def test_pooled_iqm_gives_all_techniques_the_same_draws_and_repeats():
    x = np.random.default_rng(0).random((2, 4, 10))
    x[1] = x[0] + 0.25
    middle, low, high = stats.pooled_iqm(x)
    assert np.diff([middle, low, high], axis=1).ravel() == pytest.approx([0.25] * 3, abs=1e-6)
    assert np.array_equal(stats.pooled_iqm(x)[1], low) and not np.array_equal(stats.pooled_iqm(x, seed=1)[1], low)
    assert stats.pooled_iqm(x, level=0.5)[1][0] > low[0]


@pytest.mark.parametrize("bad", [np.ones((2, 3)), np.ones((2, 0, 3)), np.full((1, 2, 2), np.nan)])
def test_pooled_iqm_refuses_gaps(bad):
    with pytest.raises(ValueError, match="finite"):
        stats.pooled_iqm(bad)


@pytest.mark.parametrize("m, k, method", [(5, 4, "exact"), (12, 8, "exact"), (30, 3, "exact"), (6, 9, "asymptotic")])
def test_pages_trend_is_scipy_s(m, k, method):
    x = np.random.default_rng(m).random((m, k)) + 0.08 * np.arange(k)
    for matrix in (x, x[:, ::-1]):
        theirs = reference.page_trend_test(matrix, method=method)
        found = stats.pages_trend(matrix)
        assert found.statistic == theirs.statistic
        assert found.p == pytest.approx(theirs.pvalue)


def test_pages_trend_with_ties_is_that_of_all_orders():
    x = np.array([[1, 1, 2], [0, 3, 3], [2, 1, 2], [4, 4, 4.0]])
    found = stats.pages_trend(x)
    orders = [[list(one) for one in itertools.permutations(row)] for row in x]
    whole = [
        reference.page_trend_test(np.array(block), method="asymptotic").statistic
        for block in itertools.product(*orders)
    ]
    assert found.p == pytest.approx(np.mean([value >= found.statistic - 1e-9 for value in whole]))


@pytest.mark.parametrize("bad", [np.ones(3), np.ones((4, 2)), np.ones((0, 3)), np.full((2, 3), np.nan)])
def test_pages_trend_refuses_what_is_no_table(bad):
    with pytest.raises(ValueError, match="Page"):
        stats.pages_trend(bad)

"""Statistics that a report computes over and over. `tox -e bench`; aims: pooled IQM 150 ms, a fit 20 ms."""

import numpy as np
import pytest

from harness import fits, stats

SIZES = np.array([32, 100, 316, 1_000, 3_162, 10_000, 31_623, 100_000.0])


@pytest.mark.parametrize("resample_strata", [False, True])
def test_pooled_iqm_of_ten_techniques(benchmark, resample_strata):
    scores = np.random.default_rng(0).random((10, 10, 40))  # (techniques, datasets, seeds)
    middle, low, high = benchmark(lambda: stats.pooled_iqm(scores, draws=2000, resample_strata=resample_strata))
    assert (low < middle).all() and (middle < high).all()


def test_crossover_with_its_interval(benchmark):
    noise = 0.01 * np.random.default_rng(0).standard_normal((2, len(SIZES), 20))
    a, b = (curve[:, None] + n for curve, n in zip((0.2 + 0 * SIZES, 2 * SIZES**-0.4), noise, strict=True))
    assert benchmark(lambda: stats.crossover(SIZES, a, b)).outcome == stats.CROSSOVER


def test_fit_of_a_curve(benchmark):
    errors = 0.1 + 2 * (SIZES + 50) ** -0.6
    assert benchmark(lambda: fits.fit(SIZES, errors, np.full(len(SIZES), 0.002))).drawn


def test_pages_trend_of_eight_treatments(benchmark):
    matrix = np.random.default_rng(0).random((100, 8)) + 0.05 * np.arange(8)
    assert benchmark(lambda: stats.pages_trend(matrix)).p < 0.05

"""The effect of each kind of test, and what it says against the smallest effect that counts. Pure functions.

Arms come as (arms, k, seeds): the technique first, over the k values of what is varied (1 where nothing is), paired by
seed, and signed so that more is better. Seven effects are one number a seed, judged by its mean; the others by counts,
ranks or curves.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import fisher_exact, norm
from scipy.stats import t as student

from harness import fits, stats

LEVEL = 0.05  # of each one-sided bound
FLIPS = 5  # seeds from which the exact sign flip can reach .05, and has to

PASS, FAIL, OPEN = "pass", "fail", "inconclusive"


class Effect(NamedTuple):
    """Mean effect with its 90 % interval, either end a one-sided 95 % bound; p of "above least"; seeds."""

    verdict: str
    mean: float
    low: float
    high: float
    p: float
    n: int
    told: str = ""


def of(name: str, values: np.ndarray, at: np.ndarray, least: float, control: bool = False) -> Effect:
    """The effect `name` of a test.

    values   (arms, k, seeds) as above                at       (k,) what is varied, rising
    least    as the test registers it: of a ratio a factor, of a bound what the technique must exceed
    control  the effect must vanish: only of those with one number a seed
    """
    values, at = np.asarray(values, float), np.asarray(at, float)
    if values.ndim != 3 or not np.isfinite(values).all() or values.shape[2] < 2:
        raise ValueError(f"a test needs finite values of two seeds or more, (arms, k, seeds), got {values.shape}")
    if name in PER_SEED:
        per_seed, least = PER_SEED[name](values, at), math.log(least) if name == "ratio" else least
        return vanished(per_seed, least) if control else judged(per_seed, least)
    return OTHERS[name](values, at, least)


def judged(per_seed: np.ndarray, least: float) -> Effect:
    """Above `least` at 95 %, below it at 95 %, or neither. From 5 seeds up a pass needs the exact sign flip too."""
    d = np.asarray(per_seed, float)
    found = stats.paired_t(d, np.zeros_like(d), least, level=1 - 2 * LEVEL)
    flips = stats.sign_flip(d - least, np.zeros_like(d)) if len(d) >= FLIPS else None
    sure = found.high > found.low or 0.5 ** len(d) < LEVEL  # seeds that all say the same are no interval
    verdict = OPEN
    if found.p < LEVEL and (flips is None or flips <= LEVEL):
        verdict = PASS
    elif found.high < least and sure:
        verdict = FAIL
    told = f"sign flip p {flips:.3f}" if flips is not None else f"{len(d)} seeds: no sign flip"
    return Effect(verdict, found.mean, found.low, found.high, found.p, len(d), told)


def vanished(per_seed: np.ndarray, least: float) -> Effect:
    """A control: two one-sided tests that the effect lies within `least` of 0; fail where it is beyond, either way."""
    d = np.asarray(per_seed, float)
    found = stats.paired_t(d, np.zeros_like(d), level=1 - 2 * LEVEL)
    inside = max(_above(d, -least), _above(-d, -least))
    sure = found.high > found.low or 0.5 ** len(d) < LEVEL
    beyond = sure and (found.low > least or found.high < -least)
    verdict = PASS if inside < LEVEL else FAIL if beyond else OPEN
    return Effect(verdict, found.mean, found.low, found.high, inside, len(d))


def _above(d: np.ndarray, least: float) -> float:
    return stats.paired_t(d, np.zeros_like(d), least).p


# ------------------------------------------------------------------------------------------------- one number a seed


def difference(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Technique less baseline, the mean over what is varied."""
    return (values[0] - values[1]).mean(axis=0)


def ratio(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """log of technique over baseline; of what is lower when better the values come with a minus, and it is turned."""
    if not ((values > 0).all() or (values < 0).all()):
        raise ValueError("a ratio needs values that are all above 0, or all below")
    return (np.sign(values[0]) * np.log(values[0] / values[1])).mean(axis=0)


def slope_gap(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Gain for each factor of ten of what is varied, technique less baseline."""
    x = np.log10(at) - np.log10(at).mean()
    return ((values[0] - values[1]) * x[:, None]).sum(axis=0) / (x @ x)


def interaction(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The gap at the last value less the gap at the first."""
    gap = values[0] - values[1]
    return gap[-1] - gap[0]


def noninferiority(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """As `difference`; `least` is below 0."""
    return difference(values, at)


def own(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The technique's own value: a bound, or the share of games that it wins."""
    return values[0].mean(axis=0)


PER_SEED: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "difference": difference,
    "ratio": ratio,
    "slope_gap": slope_gap,
    "interaction": interaction,
    "noninferiority": noninferiority,
    "bound": own,
    "win_rate": own,
}


# ------------------------------------------------------------------------------------------- counts, ranks and curves


def equivalence(values: np.ndarray, at: np.ndarray, least: float) -> Effect:
    """Two one-sided tests: the whole 90 % interval of the difference lies within `least` of 0."""
    return vanished(difference(values, at), least)


def successes(values: np.ndarray, at: np.ndarray, least: float) -> Effect:
    """Share of seeds that end in success (a value above one half), by Fisher's exact test and Newcombe's interval."""
    won = (values[:2].mean(axis=1) > 0.5).sum(axis=1)  # (2,)
    n = values.shape[2]
    p = float(fisher_exact([[won[0], n - won[0]], [won[1], n - won[1]]], alternative="greater")[1])
    gap = float(won[0] - won[1]) / n
    least_gap, most_gap = _newcombe(won, n, LEVEL)
    verdict = PASS if p < LEVEL and least_gap > least else FAIL if most_gap < least else OPEN
    levels = np.geomspace(1e-6, 0.5, 200)  # the one at which the bound is at `least`: p of more than that
    p = max(p, float(next((level for level in levels if _newcombe(won, n, level)[0] > least), 1.0)))
    return Effect(verdict, gap, least_gap, most_gap, p, n, f"{won[0]} of {n} seeds against {won[1]}")


def _newcombe(won: np.ndarray, n: int, level: float) -> tuple[float, float]:
    """One-sided bounds, of that level each, of the difference of two shares of n."""
    gap = float(won[0] - won[1]) / n
    (low, high), (low_, high_) = (_wilson(int(one), n, level) for one in won)
    least = gap - math.hypot(won[0] / n - low, high_ - won[1] / n)
    return least, gap + math.hypot(high - won[0] / n, won[1] / n - low_)


def _wilson(won: int, n: int, level: float) -> tuple[float, float]:
    z = float(norm.ppf(1 - level))
    middle, half = won + z * z / 2, z * math.sqrt(won * (n - won) / n + z * z / 4)
    return (middle - half) / (n + z * z), (middle + half) / (n + z * z)


def trend(values: np.ndarray, at: np.ndarray, least: float) -> Effect:
    """Page's test: the technique rises with what is varied, by more than `least` from the first value to the last."""
    return _page(values[0].T, least)


def rank(values: np.ndarray, at: np.ndarray, least: float) -> Effect:
    """Page's test: the arms stand in their order, the first the best, and it exceeds the last by more than `least`."""
    return _page(values.mean(axis=1).T[:, ::-1], least)


def _page(matrix: np.ndarray, least: float) -> Effect:
    """(seeds, k), the smallest expected first."""
    risen = judged(matrix[:, -1] - matrix[:, 0], least)
    p = stats.pages_trend(matrix).p
    verdict = FAIL if risen.verdict == FAIL else PASS if p < LEVEL and risen.verdict == PASS else OPEN
    return risen._replace(verdict=verdict, p=max(p, risen.p), told=f"Page p {p:.3f}; {risen.told}")


def crossover(values: np.ndarray, at: np.ndarray, least: float) -> Effect:
    """Behind by more than `least` at the small end, ahead by more at the large end, with one change between.

    mean and interval are those of the size at which it overtakes; an end is two sizes, one where there are three.
    """
    gap, width = values[0] - values[1], 2 if len(at) > 3 else 1
    behind, ahead = judged(-gap[:width].mean(axis=0), least), judged(gap[-width:].mean(axis=0), least)
    found = stats.crossover(at, -values[1], -values[0], least)  # losses: the baseline's first
    crossed = found.outcome == stats.CROSSOVER and found.winner == "second"
    verdict = OPEN
    if FAIL in (behind.verdict, ahead.verdict):
        verdict = FAIL
    elif crossed and behind.verdict == ahead.verdict == PASS:
        verdict = PASS
    low, high = found.interval
    p = max(behind.p, ahead.p)
    return Effect(verdict, found.n, low, high, p, values.shape[2], f"from end to end: {found.outcome}")


def extrapolation(values: np.ndarray, at: np.ndarray, least: float) -> Effect:
    """A power law with a floor, without the two largest values, foretells these to a share of `least`.

    The values are losses, with a minus; the miss of a seed is the larger of both.
    """
    losses, misses = -values[0], []
    if (losses < 0).any():
        raise ValueError("an extrapolation is of losses, which are lower when better")
    for seed in losses.T:
        foretold = fits.foretold(at[:-2], seed[:-2], at[-2:])
        misses.append(np.abs(foretold / seed[-2:] - 1).max())
    turned = judged(-np.array(misses), -least)
    return turned._replace(mean=-turned.mean, low=-turned.high, high=-turned.low)


OTHERS: dict[str, Callable[[np.ndarray, np.ndarray, float], Effect]] = {
    "equivalence": equivalence,
    "successes": successes,
    "trend": trend,
    "rank": rank,
    "crossover": crossover,
    "extrapolation": extrapolation,
}


# --------------------------------------------------------------------------------------------------------------- power


def power(expect: float, least: float, spread: float, n: int, draws: int = 4_000) -> float:
    """How often n seeds show an effect of `expect` to be above `least`, by the rule of `judged`; simulated.

    spread   standard deviation of the effect from seed to seed
    """
    d = np.random.default_rng(0).normal(expect, spread, (draws, n)) - least
    error = d.std(axis=1, ddof=1) / math.sqrt(n)
    seen = d.mean(axis=1) / error > student.ppf(1 - LEVEL, n - 1)
    if FLIPS <= n <= stats.EXACT:  # with more the sign flip hardly ever disagrees
        flips = (stats.all_signs(n) @ d.T >= d.sum(axis=1) - 1e-12 * np.abs(d).sum(axis=1)).mean(axis=0)
        seen &= flips <= LEVEL
    return float(seen.mean())


def spread(width: float, n: int) -> float:
    """The standard deviation over n seeds behind a 90 % interval of that width."""
    return width * math.sqrt(n) / (2 * float(student.ppf(1 - LEVEL, n - 1)))

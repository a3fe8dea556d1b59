"""The effect of each kind of test, and what it says against the smallest effect that counts. Pure functions.

Arms come as (arms, k, seeds): the technique first, over the k values of what is varied (1 where nothing is), paired by
seed, and signed so that more is better. Seven effects are one number a seed, judged by its mean; the others by counts,
ranks or curves. Of each, where the truth is just `least` and seeds scatter normally, no more than 5 % pass or fail.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

import numpy as np
from scipy.stats import binom, chi2, norm
from scipy.stats import t as student

from harness import fits, stats

LEVEL = 0.05  # of each one-sided bound
FLIPS = 5  # seeds from which the exact sign flip can reach .05, and has to
CLOSE = 8  # seeds beyond which the sign flip takes less than .02 of the t test's power

PASS, FAIL, OPEN = "pass", "fail", "inconclusive"


class Effect(NamedTuple):
    """Mean effect with its 90 % interval, either end a one-sided 95 % bound; seeds.

    p   of "above least", of a control "within"     fails   p of the contrary, which below .05 is a fail
    """

    verdict: str
    mean: float
    low: float
    high: float
    p: float
    fails: float
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
    fails = _above(-d, -least)
    verdict = OPEN
    if found.p < LEVEL and (flips is None or flips <= LEVEL):
        verdict = PASS
    elif fails < LEVEL:
        verdict = FAIL
    told = f"sign flip p {flips:.3f}" if flips is not None else f"{len(d)} seeds: no sign flip"
    return Effect(verdict, found.mean, found.low, found.high, found.p, fails, len(d), told)


def vanished(per_seed: np.ndarray, least: float) -> Effect:
    """A control: two one-sided tests that the effect lies within `least` of 0; fail where it is beyond, either way.

    p of "beyond" has both tails: an effect of 0 that scatters by more than `least` is beyond by chance on either side.
    """
    d = np.asarray(per_seed, float)
    found = stats.paired_t(d, np.zeros_like(d), level=1 - 2 * LEVEL)
    turned = -d if found.mean < 0 else d
    inside = _above(-turned, -least)  # of the side that it is nearer to
    beyond = min(1.0, _above(turned, least) + _above(turned, -least))
    verdict = PASS if inside < LEVEL else FAIL if beyond < LEVEL else OPEN
    return Effect(verdict, found.mean, found.low, found.high, inside, beyond, len(d))


def _above(d: np.ndarray, least: float) -> float:
    return stats.paired_t(d, np.zeros_like(d), least).p


def any_of(p: Sequence[float]) -> float:
    """p of "one of these at least", from the p of each: Bonferroni, which is Holm's first step."""
    return min(1.0, len(p) * min(p))


def _both(one: Effect, other: Effect) -> tuple[str, float, float]:
    """Verdict, p and p of failing of two findings that have to hold together."""
    fails = any_of([one.fails, other.fails])
    verdict = PASS if one.verdict == other.verdict == PASS else FAIL if fails < LEVEL else OPEN
    return verdict, max(one.p, other.p), fails


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
    """Share of seeds that end in success (a value above one half), by `exact`."""
    won, n = _won(values), values.shape[2]
    p, fails = (float(exact(n, bound)[pair]) for bound, pair in ((least, won), (-least, won[::-1])))
    verdict = PASS if p < LEVEL else FAIL if fails < LEVEL else OPEN
    told = f"{won[0]} of {n} seeds against {won[1]}"
    return Effect(verdict, (won[0] - won[1]) / n, _bound(won, n), -_bound(won[::-1], n), p, fails, n, told)


def _won(values: np.ndarray) -> tuple[int, int]:
    """The successes of both arms."""
    one, other = (values[:2].mean(axis=1) > 0.5).sum(axis=1)
    return int(one), int(other)


@lru_cache(maxsize=1_024)
def exact(n: int, least: float) -> np.ndarray:
    """Barnard's exact test, moved: p of "the shares differ by more than `least`" for each outcome; (n + 1, n + 1).

    Outcomes stand in the order of what the gap exceeds `least` by, over its error, with a success and a failure added
    to either arm. The order is made to rise with the first count and to fall with the second, for then the worst truth
    within "`least` or less" has a gap of just `least`: p is the largest over these.
    """
    counts = np.arange(n + 1)
    share = (counts + 1) / (n + 2)
    error = np.sqrt(np.add.outer(share * (1 - share), share * (1 - share)))
    order = (np.subtract.outer(share, share) - least) / error
    order = np.maximum.accumulate(np.maximum.accumulate(order, axis=0)[:, ::-1], axis=1)[:, ::-1]
    order = order.round(9).ravel()  # what is equal on paper differs in the last bit
    other = np.linspace(max(0.0, -least), min(1.0, 1 - least), 201)[:, None]
    one = binom.pmf(counts, n, np.clip(other + least, 0, 1))  # (201, n + 1)
    both = (one[:, :, None] * binom.pmf(counts, n, other)[:, None, :]).reshape(len(other), -1)
    rising = order.argsort()
    beyond = both[:, rising[::-1]].cumsum(axis=1)[:, ::-1].max(axis=0)  # as far up the order, or further
    return np.minimum(beyond[np.searchsorted(order[rising], order)], 1).reshape(n + 1, n + 1)


def _bound(won: tuple[int, int], n: int) -> float:
    """A one-sided 95 % bound: the hundredth up to which `exact` rejects every gap."""
    rejected = takewhile(lambda gap: exact(n, gap)[won] < LEVEL, (k / 100 for k in range(-100, 101)))
    return max(rejected, default=-1.0)


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
    verdict, p, fails = _both(behind, ahead)
    if verdict == PASS and not (found.outcome == stats.CROSSOVER and found.winner == "second"):
        verdict = OPEN
    told = f"from end to end: {found.outcome}"
    return Effect(verdict, found.n, *found.interval, p, fails, values.shape[2], told)


def extrapolation(values: np.ndarray, at: np.ndarray, least: float) -> Effect:
    """A power law with a floor, without the two largest values, foretells these to a share of `least`.

    The values are losses, with a minus. The mean miss over seeds has to vanish at both; told is the larger. A mean of
    absolute misses would not do: they are skew, and a t test of three passes 1 in 8 where 1 in 20 is allowed.
    """
    losses = -values[0]
    if (losses < 0).any():
        raise ValueError("an extrapolation is of losses, which are lower when better")
    foretold = np.array([fits.foretold(at[:-2], seed[:-2], at[-2:]) for seed in losses.T]).T  # (2, seeds)
    misses = foretold / losses[-2:] - 1
    found = [vanished(miss * np.copysign(1, miss.mean()), least) for miss in misses]
    worse = max((0, 1), key=lambda k: found[k].mean)
    verdict, p, fails = _both(*found)
    told = f"{at[-2:][worse]:g} was foretold too {'high' if misses[worse].mean() > 0 else 'low'}"
    return found[worse]._replace(verdict=verdict, p=p, fails=fails, told=told)


OTHERS: dict[str, Callable[[np.ndarray, np.ndarray, float], Effect]] = {
    "equivalence": equivalence,
    "successes": successes,
    "trend": trend,
    "rank": rank,
    "crossover": crossover,
    "extrapolation": extrapolation,
}


# --------------------------------------------------------------------------------------------------------------- power


def power_at(name: str, found: Effect, values: np.ndarray, least: float, expect: float, control: bool = False) -> float:
    """How often such a test passes where the truth is `expect` and the seeds scatter as they did; arguments as in `of`.

    Of trend, rank and extrapolation that is an upper bound: of the ends, or of the value that is foretold worst. NaN
    where no spread was seen, and of a crossover: what it expects at its sizes is not one number.
    """
    if name == "successes":
        return power_of_counts(expect, least, _won(values)[1] / found.n, found.n)
    if name == "crossover" or not found.high > found.low:
        return math.nan
    seen = spread(found.high - found.low, found.n)
    if name == "ratio":
        least, expect = math.log(least), 0.0 if control else math.log(expect)
    if control or name in ("equivalence", "extrapolation"):
        return power_within(0.0 if control else expect, least, seen, found.n)
    return power(expect, least, seen, found.n)


def power(expect: float, least: float, spread: float, n: int, draws: int = 16_000) -> float:
    """How often n seeds show an effect of `expect` to be above `least`, by the rule of `judged`; simulated.

    spread   standard deviation of the effect from seed to seed
    """
    d = np.random.default_rng(0).normal(expect, spread, (n, draws)) - least
    error = d.std(axis=0, ddof=1) / math.sqrt(n)
    seen = d.mean(axis=0) / error > student.ppf(1 - LEVEL, n - 1)
    if FLIPS <= n <= CLOSE:
        sums = np.einsum("sn,nd->sd", stats.all_signs(n).astype(float), d)  # no product: its threads cost more
        seen &= (sums >= d.sum(axis=0) - 1e-12 * np.abs(d).sum(axis=0)).mean(axis=0) <= LEVEL
    return float(seen.mean())


def power_within(expect: float, least: float, spread: float, n: int) -> float:
    """How often n seeds show an effect of `expect` to lie within `least` of 0, by the rule of `vanished`.

    Over the distribution of the spread that n seeds show, at 1,000 quantiles.
    """
    error = spread / math.sqrt(n)
    seen = error * np.sqrt(chi2.ppf((np.arange(1_000) + 0.5) / 1_000, n - 1) / (n - 1))
    room = least - student.ppf(1 - LEVEL, n - 1) * seen  # for the mean, on either side of 0
    return float(np.maximum(norm.cdf((room - expect) / error) - norm.cdf((-room - expect) / error), 0).mean())


def power_of_counts(expect: float, least: float, other: float, n: int) -> float:
    """How often n seeds show a share `expect` above the baseline's, `other`, to be more than `least` above; exactly.

    other   moved to where both are shares, if they are not
    """
    other = min(max(other, -expect), 1 - expect)
    counts = np.arange(n + 1)
    won, baseline = (binom.pmf(counts, n, min(share, 1.0)) for share in (other + expect, other))
    return float(won @ (exact(n, least) < LEVEL) @ baseline)


def spread(width: float, n: int) -> float:
    """The standard deviation over n seeds behind a 90 % interval of that width."""
    return width * math.sqrt(n) / (2 * float(student.ppf(1 - LEVEL, n - 1)))

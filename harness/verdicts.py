"""Did history happen? Claims against stored rows: pass, fail or inconclusive, with the effect, its interval, its cost.

Nothing is run here and nothing is guessed: a test whose rows are not all there is "not run", and one whose arms were
given unequal means is "refused" with the difference.
"""

import argparse
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from harness import claims, effects, stats
from harness.contract import Arm, Claim, Test
from harness.keeping import folders_of
from harness.screen import duration, show
from harness.screen import table as aligned
from harness.store import Store

NOT_RUN, REFUSED = "not run", "refused"
FEW = 5  # seeds below which a pass is marked "supported (n = ...)"
ENOUGH = 0.8  # power at `expect` below which a test is marked underpowered
ALIKE = 0.05  # what is held equal may differ by this share
FALSE = 0.05  # false discovery rate over all claims
MEASURES = {"seconds": ("time", "fit"), "steps": ("time", "steps"), "weights": ("memory", "parameters")}
MEASURES |= {"flops": ("work", "flops")}
LOWER = {*MEASURES, "loss", "log_loss", "rmse", "mae", "perplexity", "bits", "calibration_error"}

Rows = Mapping[claims.Place, Mapping[tuple, Mapping[int, Mapping[str, Any]]]]


class Tested(NamedTuple):
    """One test on one dataset."""

    dataset: str
    test: Test
    verdict: str
    effect: effects.Effect | None
    told: str
    rows: tuple[str, ...]
    seconds: float


def by_place(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """ok rows by where they lie, then by what else was equal (device, threads, dtype, budget), then by seed."""
    found: dict[claims.Place, dict[tuple, dict[int, Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        key = row["key"]
        if row["status"] == "ok":
            keywords, condition = (claims.repr_of(key[name]) for name in ("keywords", "condition"))
            place = claims.Place(key["technique"], key["dataset"], key["size"], keywords, condition, key["tune"])
            means = tuple(str(key[name]) for name in ("machine", "device", "threads", "dtype", "budget"))
            found[place][means][key["seed"]] = row
    return found


def tested(test: Test, dataset: str, rows: Rows) -> Tested:
    """The verdict of one test on one dataset, from the rows of its seeds 0, 1, ..."""
    axis, values = claims.varied(test)
    cells: list[list[list[Mapping[str, Any]]]] = []  # arm, value, seed
    for arm in test.arms:
        cells.append([])
        for value in values:
            place = claims.place(arm, dataset, axis, value)
            seeds = max(rows.get(place, {}).values(), key=len, default={})
            if missing := [seed for seed in range(test.seeds) if seed not in seeds]:
                told = f"{_arm(arm)} at n = {place.size:,} lacks {len(missing)} of {test.seeds} seeds"
                return Tested(dataset, test, NOT_RUN, None, told, (), 0.0)
            cells[-1].append([seeds[seed] for seed in range(test.seeds)])
    used = [row for arm_rows in cells for value_rows in arm_rows for row in value_rows]
    spent = sum((r["time"].get("wall") or 0.0) + ((r.get("search") or {}).get("seconds") or 0.0) for r in used)
    ids = tuple(dict.fromkeys(row["id"] for row in used))
    if unequal := _unequal(test, cells):
        return Tested(dataset, test, REFUSED, None, unequal, ids, spent)
    numbers = np.array([[[_value(row, test.metric) for row in one] for one in arm] for arm in cells])
    least = test.least
    if test.effect in ("bound", "win_rate") and _sign(cells[0][0][0], test.metric) < 0:
        least = -least  # registered as the value itself, of which less is better
    at = np.array([float(value) if isinstance(value, int | float) else place_ for place_, value in enumerate(values)])
    effect = effects.of(test.effect, numbers, at, least, test.control)
    return Tested(dataset, test, effect.verdict, effect, "; ".join(filter(None, _marks(test, effect))), ids, spent)


def _marks(test: Test, effect: effects.Effect) -> Iterable[str]:
    yield effect.told
    if effect.verdict == effects.PASS and effect.n < FEW:
        yield f"supported (n = {effect.n})"
    if test.effect in effects.PER_SEED and not test.control and effect.high > effect.low:
        spread = effects.spread(effect.high - effect.low, effect.n)
        expect, least = (math.log(v) if test.effect == "ratio" else v for v in (test.expect, test.least))
        if effects.power(expect, least, spread, effect.n) < ENOUGH:
            yield "underpowered"


def _unequal(test: Test, cells: Sequence[Sequence[Sequence[Mapping[str, Any]]]]) -> str:
    """What the test holds equal and the arms do not have in common; "" where they do."""
    for what in test.equal:
        if what == "steps":  # by budget, for that is what was given
            for at in zip(*cells, strict=True):  # of each value that is varied, all arms
                given = {_budget(row) for arm in at for row in arm if row["key"]["budget"]}
                if len(given) > 1:
                    return f"the arms were run with different budgets: {' and '.join(sorted(given))}"
            continue
        section, name = MEASURES[what]
        means = [np.mean([(row[section] or {}).get(name) or math.nan for at in arm for row in at]) for arm in cells]
        if not max(means) <= (1 + ALIKE) * min(means):
            told = " and ".join(f"{_arm(arm)} {value:.4g}" for arm, value in zip(test.arms, means, strict=True))
            return f"{what} were to be equal: {told}"
    return ""


def _budget(row: Mapping[str, Any]) -> str:
    budget = row["key"]["budget"]
    return f"{budget['amount']:,.0f} {budget['unit']}"


def _value(row: Mapping[str, Any], metric: str) -> float:
    """A row's number, signed so that more is better."""
    if metric in MEASURES:
        section, name = MEASURES[metric]
        value = (row[section] or {}).get(name)
    else:
        value = (row["quality"]["test"] or {}).get(metric)
    return math.nan if value is None else _sign(row, metric) * float(value)


def _sign(row: Mapping[str, Any], metric: str) -> int:
    if metric == row["quality"]["metric"]:
        return 1 if row["quality"]["higher_is_better"] else -1
    return -1 if metric in LOWER else 1


def _arm(arm: Arm) -> str:
    words = [f"{name}={value!r}" for name, value in {**arm.keywords, **arm.condition}.items()]
    return arm.technique + (f"[{', '.join(words)}]" if words else "") + (f" tuned {arm.tune}" if arm.tune else "")


# ----------------------------------------------------------------------------------------------------------- one claim


def judged(claim: Claim, rows: Rows) -> dict[str, Any]:
    """A claim on all its datasets: it passes when all tests pass and all controls vanish."""
    found = [tested(test, dataset, rows) for dataset in claim.datasets for test in claim.tests]
    words = [one.verdict for one in found]
    order = (REFUSED, effects.FAIL, NOT_RUN, effects.OPEN)
    verdict = next((word for word in order if word in words), effects.PASS)
    p = [one.effect.p for one in found if one.effect and math.isfinite(one.effect.p) and not one.test.control]
    few = [one.effect.n for one in found if one.effect and one.effect.n < FEW]
    return {
        "claim": claim.name,
        "sentence": claim.sentence,
        "published": claim.published,
        "belief": claim.belief,
        "verdict": verdict,
        "mark": f"supported (n = {min(few)})" if verdict == effects.PASS and few else "",
        "p": max(p, default=math.nan),  # all tests have to pass: the weakest decides
        "seconds": sum(one.seconds for one in found),
        "tests": found,
    }


def verdicts(rows: Iterable[Mapping[str, Any]], of: Iterable[tuple[str, Claim]]) -> list[dict[str, Any]]:
    """All claims; a pass stands only where it outlives Benjamini and Hochberg over all that were judged."""
    known = by_place(rows)
    found = [judged(claim, known) | {"technique": name} for name, claim in of]
    tried = [one for one in found if math.isfinite(one["p"]) and one["verdict"] not in (NOT_RUN, REFUSED)]
    for one, p in zip(tried, stats.benjamini_hochberg([one["p"] for one in tried] or [1.0]), strict=bool(tried)):
        if one["verdict"] == effects.PASS and p > FALSE:
            one |= {"verdict": effects.OPEN, "mark": f"one of {len(tried)} would pass so by chance"}
    return found


# ---------------------------------------------------------------------------------------------------------- eras claims


def command(args: argparse.Namespace) -> int:
    """Every registered claim, its verdict, and what it rests on."""
    store = Store(*folders_of(args))
    found = verdicts(store.rows.values(), claims.registered())
    lines = [line for one in found for line in _lines(one)] or ["no claim is registered"]
    show(args.json, [_plain(one) for one in found], lines)
    return 0


def _lines(one: Mapping[str, Any]) -> list[str]:
    head = f"{one['claim']}: {one['verdict'].upper()}{' ' + one['mark'] if one['mark'] else ''}. {one['sentence']}"
    rows = [("dataset", "test", "verdict", "effect", "90 % interval", "least", "n", "")]
    for test in one["tests"]:
        effect, arms = test.effect, " against ".join(_arm(arm) for arm in test.test.arms)
        numbers = (f"{effect.mean:.4g}", f"{effect.low:.4g} to {effect.high:.4g}") if effect else ("", "")
        what = f"{test.test.effect} of {test.test.metric}, {arms}" + (", control" if test.test.control else "")
        tail = (f"{test.test.least:g}", str(effect.n if effect else test.test.seeds), test.told)
        rows.append((test.dataset, what, test.verdict, *numbers, *tail))
    known = [test for test in one["tests"] if test.rows]
    cost = f"from {sum(len(t.rows) for t in known)} rows, {duration(one['seconds'])} of runs; belief before: "
    return [head, *(f"  {line}" for line in aligned(rows)), f"  {cost}{one['belief']:.2f}", ""]


def _plain(one: Mapping[str, Any]) -> dict[str, Any]:
    """JSON without NaN: effects as numbers or null, tests as names."""
    tests = [
        {
            "dataset": test.dataset,
            "effect": test.test.effect,
            "arms": [_arm(arm) for arm in test.test.arms],
            "metric": test.test.metric,
            "least": test.test.least,
            "control": test.test.control,
            "verdict": test.verdict,
            "found": {k: _number(v) for k, v in test.effect._asdict().items()} if test.effect else None,
            "told": test.told,
            "rows": test.rows,
            "seconds": test.seconds,
        }
        for test in one["tests"]
    ]
    return {k: _number(v) for k, v in one.items() if k != "tests"} | {"tests": tests}


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

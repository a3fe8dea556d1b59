"""Did history happen? Claims against stored rows: pass, fail or inconclusive, with the effect, its interval, its cost.

Nothing is run here and nothing is guessed: a test whose rows are not all there is "not run", and one whose arms were
given unequal means is "refused" with the difference.
"""

import argparse
import math
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from harness import analyse, claims, effects, stats
from harness.contract import Arm, Claim, Test
from harness.keeping import folders_of, superseded
from harness.screen import duration, show
from harness.screen import table as aligned
from harness.store import Store

NOT_RUN, REFUSED = "not run", "refused"
FEW = 5  # seeds below which a pass is marked "supported (n = ...)"
ENOUGH = 0.8  # power at `expect` below which a test is marked underpowered
OLDER = "older code"
ALIKE = 0.05  # what is held equal may differ by this share
FALSE = 0.05  # false discovery rate over all claims
MEASURES = {"seconds": ("time", "fit"), "steps": ("time", "steps"), "weights": ("memory", "parameters")}
MEASURES |= {"flops": ("work", "flops")}
LOWER = {*MEASURES, "loss", "log_loss", "rmse", "mse", "mae", "perplexity", "bits", "calibration_error", "pixel_error"}
LOWER |= {"held_log_perplexity", "bleu_fall"}
LOWER |= {"symbol_error", "train_loss", "steps_to_target", "frechet", "c2st", "copied", "early_stop_step"}
HIGHER = {"accuracy", "balanced_accuracy", "auc", "r2", "bleu", "score", "solved", "wins", "iou", "exact", "f1"}
HIGHER |= {"chrf", "return", "online_return", "length", "density", "coverage", "bleu_short", "bleu_long"}
HOLDS = re.compile(r"(\w+)([<>])([-+.\de]+)")  # a metric that is 1 where an inequality holds, else 0

Row = Mapping[str, Any]
Means = tuple[str, ...]  # machine, device, threads, dtype: equal for all arms and values of a test
Rows = Mapping[claims.Place, Mapping[Means, Sequence[Mapping[int, Row]]]]


class Missing(Exception):
    """Rows or numbers that a test needs are not there. Says which."""


class Unequal(Exception):
    """The arms do not have in common what they must. Says the difference."""


class Tested(NamedTuple):
    """One test on one dataset. rows: id -> wall seconds, the search with them. values: (arms, k, seeds) as measured."""

    dataset: str
    test: Test
    verdict: str
    effect: effects.Effect | None
    told: str
    rows: Mapping[str, float] = {}
    values: Any = None
    older: str = ""  # a remark where rows were made by other code than what lies here
    costs: Sequence[Mapping[str, float]] = ()  # of each arm, medians of MEASURES at the last of what is varied


def by_place(rows: Iterable[Row]) -> Rows:
    """Rows that ended ok or diverged by where they lie, then by means, then in generations made alike, newest first.

    A generation: one code, one fingerprint of the data, one set of libraries, one budget, one way to choose; {seed:
    row}. Rows of the decades, whose budgets are others, are apart.
    """
    found: dict[claims.Place, dict[Means, dict[str, dict[int, Row]]]] = defaultdict(lambda: defaultdict(dict))
    for row in sorted(rows, key=began):
        key = row["key"]
        if row["status"] not in ("ok", "diverged") or analyse.of_decades(row):
            continue
        keywords, condition = (claims.repr_of(key[name]) for name in ("keywords", "condition"))
        place = claims.Place(key["technique"], key["dataset"], key["size"], keywords, condition, key["tune"])
        means = means_of(row)
        alike = repr([*(key[name] for name in ("code", "fingerprint", "libraries", "budget")), key.get("folds", 1)])
        made = found[place][means].pop(alike, {})  # to the end: its newest row is the newest of all
        found[place][means][alike] = made | {key["seed"]: row}
    return {
        place: {means: list(reversed(of.values())) for means, of in groups.items()} for place, groups in found.items()
    }


def began(row: Row) -> tuple[str, str]:
    """When a row was made, and what orders rows of one moment."""
    return str(row["provenance"].get("started") or ""), row["id"]


def means_of(row: Row) -> Means:
    """Machine, device, threads and number format: costs of one can be held beside those of another."""
    return tuple(str(row["key"][name]) for name in ("machine", "device", "threads", "dtype"))


def tested(test: Test, dataset: str, rows: Rows) -> Tested:
    """The verdict of one test on one dataset, from the rows of its seeds 0, 1, ..."""
    try:
        means, cells = _cells(test, dataset, rows)
        used = {row["id"]: _seconds(row) for arm in cells for at in arm for row in at}
        try:
            _check_given(cells)
            if lost := _diverged(test, cells):
                return Tested(dataset, test, effects.OPEN, None, lost, used, older=_older(cells))
            _check_equal(test, cells)
            effect, told, values = _effect(test, cells)
        except (Unequal, ValueError) as refused:  # of numbers that the effect is not defined for
            return Tested(dataset, test, REFUSED, None, str(refused), used)
    except Missing as missing:
        return Tested(dataset, test, NOT_RUN, None, str(missing))
    older = _older(cells)
    machine, device, threads, dtype = means
    where = [machine, device, f"{threads} threads" if threads != "1" else "", dtype if dtype != "float32" else ""]
    told += [_edges(cells), older, ", ".join(filter(None, where))]
    costs = [_costs(arm[-1]) for arm in cells]
    return Tested(dataset, test, effect.verdict, effect, "; ".join(filter(None, told)), used, values, older, costs)


def _cells(test: Test, dataset: str, rows: Rows) -> tuple[Means, list[list[list[Row]]]]:
    """The means that all arms and values have in common, and the rows: arm, value, seed."""
    axis, values = claims.varied(test)
    places = [[claims.place(arm, dataset, axis, value, test.size) for value in values] for arm in test.arms]
    asked = range(test.seeds)
    for means in _everywhere([place for row in places for place in row], rows):
        made = {place: _whole(rows.get(place, {}).get(means, ()), test) for row in places for place in row}
        codes = _codes(made)
        if codes is not None:
            found = [[made[place][codes[place.technique]] for place in row] for row in places]
            return means, [[[one[seed] for seed in asked] for one in row] for row in found]
    for arm, row in zip(test.arms, places, strict=True):
        for place in row:
            made_alike = [one for of in rows.get(place, {}).values() for one in of]
            most = max((sum(s in one and _as_asked(one[s], test) for s in asked) for one in made_alike), default=0)
            if most < test.seeds:
                lacks = f"lacks {test.seeds - most} of {test.seeds} seeds that were made alike"
                budget = f" with {test.budget.amount:,.0f} {test.budget.unit}" if test.budget else ""
                raise Missing(f"{_arm(arm)} at n = {place.size:,}{budget} {lacks}")
    raise Missing("the arms share no machine, device, threads and number format, or those of a technique no code")


def _everywhere(places: Sequence[claims.Place], rows: Rows) -> list[Means]:
    """All means that rows of these places were made with, those of the newest row first."""
    newest: dict[Means, str] = {}
    for place in places:
        for means, made in rows.get(place, {}).items():
            started = max(began(row)[0] for row in made[0].values())
            newest[means] = max(newest.get(means, ""), started)
    return sorted(newest, key=lambda means: (newest[means], means), reverse=True)


def _whole(made: Sequence[Mapping[int, Row]], test: Test) -> dict[str, Mapping[int, Row]]:
    """Generations that have all seeds, by their code and libraries, the newest first."""
    found: dict[str, Mapping[int, Row]] = {}
    for seeds in made:
        if all(seed in seeds and _as_asked(seeds[seed], test) for seed in range(test.seeds)):
            found.setdefault(repr([seeds[0]["key"][name] for name in ("code", "libraries")]), seeds)
    return found


def _codes(made: Mapping[claims.Place, Mapping[str, Any]]) -> dict[str, str] | None:
    """Of each technique the newest code that all its places have in common; None where one has none."""
    found = {}
    for technique in {place.technique for place in made}:
        of = [generations for place, generations in made.items() if place.technique == technique]
        common = next((code for code in of[0] if all(code in others for others in of)), None)
        if common is None:
            return None
        found[technique] = common
    return found


def _older(cells: Sequence[Sequence[Sequence[Row]]]) -> str:
    """A remark where rows were made by other code than what lies here; none about techniques that are not here."""
    old = {at[0]["key"]["technique"] for arm in cells for at in arm if superseded(at[0])}
    return f"{OLDER}: {', '.join(sorted(old))}" if old else ""


def _edges(cells: Sequence[Sequence[Sequence[Row]]]) -> str:
    """A remark where searches ended at an edge of their range: a wider one may have had a better value."""
    found = [row["search"] for arm in cells for at in arm for row in at if row.get("search")]
    edged = sum(bool(search.get("edges")) for search in found)
    return f"best value at an edge of its range in {edged} of {len(found)} searches" if edged else ""


def _costs(rows: Sequence[Row]) -> dict[str, float]:
    """What claims hold equal, or do not: medians over the seeds of an arm, without what its rows do not tell."""
    found = {}
    for what, (section, name) in MEASURES.items():
        told = [(row.get(section) or {}).get(name) for row in rows]
        if known := [value for value in told if value is not None]:
            found[what] = float(statistics.median(known))
    return found


def _as_asked(row: Row, test: Test) -> bool:
    """Whether a row has the budget that the test registered; without one any will do, if all arms have the same."""
    return not test.budget or row["key"]["budget"] in (None, asdict(test.budget))


def _effect(test: Test, cells: list[list[list[Row]]]) -> tuple[effects.Effect, list[str], np.ndarray]:
    """The effect, what has to be said beside it, and the values of the arms as they were measured."""
    measured = numbers = np.array([[[_value(row, test.metric) for row in at] for at in arm] for arm in cells])
    sign = _sign(cells[0][0][0], test.metric)
    least, expect = test.least, test.expect
    if test.effect in ("bound", "win_rate"):  # registered as the value itself, of which less may be better
        least, expect = sign * least, sign * expect
    if test.effect == "equivalence" and len(test.arms) == 1:  # with the published figure, from which none is expected
        numbers, expect = np.concatenate([numbers, np.full_like(numbers, sign * expect)]), 0.0
    _, values = claims.varied(test)
    at = np.array([float(v) if isinstance(v, int | float) else k for k, v in enumerate(values)])
    effect = effects.of(test.effect, numbers, at, least, test.control)
    told = [effect.told]
    if effect.verdict == effects.PASS and effect.n < FEW:
        told.append(f"supported (n = {effect.n})")
    if effects.power_at(test.effect, effect, numbers, least, expect, test.control) < ENOUGH:
        told.append("underpowered")
    return effect, told, sign * measured


def _check_given(cells: list[list[list[Row]]]) -> None:
    """Raises Unequal where the data or the budgets differ between the arms."""
    for at in zip(*cells, strict=True):  # of each value that is varied, all arms
        if len({row["key"]["fingerprint"] for arm in at for row in arm}) > 1:
            raise Unequal("the arms saw different versions of the data")
        given = {_budget(row) for arm in at for row in arm if row["key"]["budget"]}
        if len(given) > 1:
            raise Unequal(f"the arms were run with different budgets: {' and '.join(sorted(given))}")


def _diverged(test: Test, cells: list[list[list[Row]]]) -> str:
    """How many seeds have no number because a run of theirs diverged; empty where none, or where that is an answer.

    Such a test was run, and without a number of each seed it can neither pass nor fail.
    """
    lost = {row["key"]["seed"]: row for arm in cells for at in arm for row in at if row["status"] == "diverged"}
    if not lost or HOLDS.fullmatch(test.metric):
        return ""
    first = lost[min(lost)]
    return f"{len(lost)} of {test.seeds} seeds diverged: {first['key']['technique']}, {first['reason']}"


def _check_equal(test: Test, cells: list[list[list[Row]]]) -> None:
    """Raises Unequal where what the test holds equal differs between the arms."""
    for at in zip(*cells, strict=True):
        for what in test.equal:
            if what == "steps":  # that is what the budget gives
                continue
            means = [np.mean([_measure(row, what) for row in arm]) for arm in at]
            if max(means) > (1 + ALIKE) * min(means):
                told = " and ".join(f"{_arm(arm)} {value:.4g}" for arm, value in zip(test.arms, means, strict=True))
                raise Unequal(f"{what} were to be equal: {told}")


def _budget(row: Row) -> str:
    budget = row["key"]["budget"]
    return f"{budget['amount']:,.0f} {budget['unit']}" + (f" in {budget['bytes']:,} bytes" if budget["bytes"] else "")


def _measure(row: Row, what: str) -> float:
    section, name = MEASURES[what]
    value = (row[section] or {}).get(name)
    if value is None:
        raise Missing(f"{row['key']['technique']} tells no {what}")
    return float(value)


def _value(row: Row, metric: str) -> float:
    """A row's number, signed so that more is better."""
    if holds := HOLDS.fullmatch(metric):
        if row["status"] == "diverged":
            return 0.0
        value, bound = _told(row, holds[1]), float(holds[3])
        return float(value < bound if holds[2] == "<" else value > bound)
    return _sign(row, metric) * _told(row, metric)


def _told(row: Row, metric: str) -> float:
    """A row's number as it stands: of the judge, of training, or one of MEASURES."""
    if metric in MEASURES:
        return _measure(row, metric)
    value = {**row.get("told", {}), **(row["quality"]["test"] or {})}.get(metric)
    if value is None or not math.isfinite(value):
        raise Missing(f"{row['key']['technique']} with seed {row['key']['seed']} has no {metric}")
    return float(value)


def _sign(row: Row, metric: str) -> int:
    if HOLDS.fullmatch(metric):
        return 1
    if metric == row["quality"]["metric"]:
        return 1 if row["quality"]["higher_is_better"] else -1
    if metric not in LOWER | HIGHER:
        raise Missing(f"whether more {metric} is better is not known")
    return -1 if metric in LOWER else 1


def _seconds(row: Row) -> float:
    return ((row["time"] or {}).get("wall") or 0.0) + ((row.get("search") or {}).get("seconds") or 0.0)


def _arm(arm: Arm) -> str:
    words = [f"{name}={value!r}" for name, value in {**arm.keywords, **arm.condition}.items()]
    return arm.technique + (f"[{', '.join(words)}]" if words else "") + (f" tuned {arm.tune}" if arm.tune else "")


# ----------------------------------------------------------------------------------------------------------- one claim


def judged(claim: Claim, rows: Rows) -> dict[str, Any]:
    """A claim on all its datasets: it passes when all tests pass and all controls vanish."""
    found = [tested(test, dataset, rows) for test, dataset in claims.tests_of(claim)]
    verdict, chance = together(found)
    p = [one.effect.p if one.effect else 1.0 for one in found if one.verdict not in (NOT_RUN, REFUSED)]
    few = [one.effect.n for one in found if one.effect and one.effect.n < FEW]
    older = sorted({one.older for one in found if one.older})
    used = {id_: seconds for one in found for id_, seconds in one.rows.items()}
    return {
        "claim": claim.name,
        "sentence": claim.sentence,
        "published": claim.published,
        "belief": claim.belief,
        "verdict": verdict,
        "few": min(few, default=0),  # the fewest seeds of a test, where these are fewer than FEW
        "marks": [*chance, *_marks(claim), *older],
        "p": max(p, default=math.nan),  # all tests have to pass: the weakest decides
        "rows": len(used),
        "seconds": sum(used.values()),
        "tests": found,
    }


def together(found: Sequence[Tested]) -> tuple[str, list[str]]:
    """The verdict of a claim from those of its tests, and what has to be said beside it.

    A pass needs all of them. One that fails is enough for a fail, so that chance has as many tries as there are tests:
    these are counted (`effects.any_of`), the ones that were not run too, lest more rows turn a fail.
    """
    words = [one.verdict for one in found]
    failed = words.count(effects.FAIL)
    if REFUSED in words:
        return REFUSED, []
    if effects.any_of([one.effect.fails if one.effect else 1.0 for one in found]) < effects.LEVEL:
        return effects.FAIL, []
    told = [f"{failed} of {len(found)} tests fail, each by itself; together they may be chance"] if failed else []
    if NOT_RUN in words:
        return NOT_RUN, told
    return (effects.PASS if set(words) == {effects.PASS} else effects.OPEN), told


def _marks(claim: Claim) -> list[str]:
    told = {"stand-in data": claim.stand_in, "known when it was registered": claim.known}
    told |= {"not asked here, though the project's list of claims does": claim.left_out}
    return [f"{name}: {text}" for name, text in told.items() if text]


def verdicts(rows: Iterable[Mapping[str, Any]], of: Iterable[tuple[str, Claim]]) -> list[dict[str, Any]]:
    """All claims; a pass stands only where it outlives Benjamini and Hochberg over all that were judged."""
    known = by_place(rows)
    found = [judged(claim, known) | {"technique": name} for name, claim in of]
    tried = [one for one in found if one["verdict"] not in (NOT_RUN, REFUSED)]
    adjusted = stats.benjamini_hochberg([one["p"] for one in tried]) if tried else np.array([])
    for one, p in zip(tried, adjusted, strict=True):
        if one["verdict"] == effects.PASS and p > FALSE:
            one["verdict"] = effects.OPEN
            one["marks"].append(f"p is {p:.2g} after Benjamini and Hochberg over {len(tried)} claims")
    for one in found:
        if one["verdict"] == effects.PASS and one["few"]:
            one["marks"].insert(0, f"supported (n = {one['few']})")
    return found


# ---------------------------------------------------------------------------------------------------------- eras claims


def command(args: argparse.Namespace) -> int:
    """Every registered claim, its verdict, and what it rests on."""
    store = Store(*folders_of(args))
    found = verdicts(store.rows.values(), claims.registered())
    lines = [line for one in found for line in _lines(one)] or ["no claim is registered"]
    show(args.json, [plain(one) for one in found], lines)
    return 0


def _lines(one: Mapping[str, Any]) -> list[str]:
    head = f"{one['claim']}: {one['verdict'].upper()}. {one['sentence']}"
    rows = [("dataset", "test", "verdict", "effect", "90 % interval", "least", "n", "")]
    for test in one["tests"]:
        rows.append((test.dataset, _what(test.test), test.verdict, *_shown(test), test.told))
    cost = f"from {one['rows']} rows, {duration(one['seconds'])} of runs; belief before: {one['belief']:.2f}"
    return [head, *(f"  {mark}" for mark in one["marks"]), *(f"  {line}" for line in aligned(rows)), f"  {cost}", ""]


def _what(test: Test) -> str:
    """A test in few words: effect, metric, arms, and where."""
    axis, values = claims.varied(test)
    where = f" at {axis} {', '.join(f'{v:,}' if isinstance(v, int) else str(v) for v in values)}" if axis else ""
    where += f" at n = {test.size:,}" if test.size else ""
    control = "control, " if test.control else ""
    return f"{control}{test.effect} of {test.metric}, {' against '.join(_arm(arm) for arm in test.arms)}{where}"


def _shown(test: Tested) -> tuple[str, str, str, str]:
    """Effect, interval, least and seeds as they were registered: a ratio as a factor, a bound as the value."""
    least, effect = f"{test.test.least:g}", test.effect
    if effect is None:
        return "", "", least, str(test.test.seeds)
    numbers = [effect.mean, effect.low, effect.high]
    if test.test.effect == "ratio":
        numbers = [math.exp(value) for value in numbers]
    if test.test.effect in ("bound", "win_rate") and test.test.metric in LOWER:
        numbers = [-numbers[0], -numbers[2], -numbers[1]]
    return f"{numbers[0]:.4g}", f"{numbers[1]:.4g} to {numbers[2]:.4g}", least, str(effect.n)


def plain(one: Mapping[str, Any]) -> dict[str, Any]:
    """JSON without NaN: effects as numbers or null, tests as words."""
    tests = [
        {
            "dataset": test.dataset,
            "test": _what(test.test),
            "effect": test.test.effect,
            "arms": [_arm(arm) for arm in test.test.arms],
            "metric": test.test.metric,
            "vary": {axis: list(values) for axis, values in test.test.vary.items()},
            "least": test.test.least,
            "expect": test.test.expect,
            "control": test.test.control,
            "sign": -1 if test.test.metric in LOWER else 1,
            "seeds": test.test.seeds,
            "verdict": test.verdict,
            "values": None if test.values is None else test.values.tolist(),
            "costs": [dict(cost) for cost in test.costs],
            "shown": _shown(test)[:2],
            "found": {k: _number(v) for k, v in test.effect._asdict().items()} if test.effect else None,
            "told": test.told,
            "rows": list(test.rows),
        }
        for test in one["tests"]
    ]
    return {k: _number(v) for k, v in one.items() if k != "tests"} | {"tests": tests}


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

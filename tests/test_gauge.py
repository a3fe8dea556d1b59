"""The gate's arithmetic and the judge's rules: closed forms, planted changes, sides that are scripted."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats as reference

from harness import machine, stats
from harness.compare import gauge, judge, words
from harness.compare.gauge import FASTER, SAME, SLOWER, UNSURE, Gauge, Span
from harness.compare.judge import Case, Judge, Sample

WHAT = {"technique": "knn", "keywords": {}, "dataset": "digits", "size": 100, "seed": 0, "threads": 1, "device": "cpu"}


SIDES = {"base": {"name": "a", "commit": "1"}, "head": {"name": "b", "commit": "2"}}


def fed(ratio, spread=0.01, seed=0, threads=1):
    """A gauge that was given pairs until it was content."""
    chance, one = np.random.default_rng(seed), Gauge(threads)
    while one.verdict is None:
        base, head = np.exp(chance.normal(0, spread, 2))
        one.add(Span(base, base), Span(head * ratio, head * ratio))
    return one


# --------------------------------------------------------------------------------------------------------- arithmetic


@pytest.mark.parametrize("n", [3, 5, 9])
def test_below_ten_values_it_is_students_t(n):
    values = np.random.default_rng(n).normal(0.1, 1, n)
    mean, low, high, p = stats.winsorised(values)
    told = reference.ttest_1samp(values, 0, alternative="greater")
    assert (mean, p) == (pytest.approx(values.mean()), pytest.approx(told.pvalue))
    assert (low, high) == pytest.approx(reference.ttest_1samp(values, 0).confidence_interval(0.99))


def test_from_ten_values_on_the_ends_are_moved_in():
    values = np.random.default_rng(1).normal(0, 1, 20)
    wild = values.copy()
    wild[np.argmax(values)] = 1e6  # one value runs away, and nothing moves
    assert stats.winsorised(wild) == pytest.approx(stats.winsorised(values))
    moved = np.asarray(reference.mstats.winsorize(values, (0.2, 0.2)))
    mean, low, high, _ = stats.winsorised(values)
    assert mean == pytest.approx(moved.mean())
    half = reference.t.ppf(0.995, 11) * moved.std(ddof=1) / 20**0.5 * 19 / 11  # Dixon and Tukey
    assert (low, high) == (pytest.approx(mean - half), pytest.approx(mean + half))


@pytest.mark.parametrize("n", [5, 10, 20])
def test_the_interval_covers(n):
    chance = np.random.default_rng(n)
    draws = [stats.winsorised(chance.normal(0, 1, n)) for _ in range(4_000)]
    assert np.mean([low <= 0 <= high for _, low, high, _ in draws]) == pytest.approx(0.99, abs=0.006)


@pytest.mark.parametrize(
    ("ratio", "word"), [(1.0, SAME), (1.1, SLOWER), (0.9, FASTER), (1.3, SLOWER), (1.01, SAME), (0.99, SAME)]
)
def test_planted_changes(ratio, word):
    found = [fed(ratio, seed=seed).verdict for seed in range(20)]
    assert [verdict.word for verdict in found] == [word] * 20
    assert np.mean([verdict.change for verdict in found]) == pytest.approx(ratio - 1, abs=0.005)
    assert all(verdict.low <= ratio - 1 <= verdict.high for verdict in found[:3])


def test_false_alarms_and_power():
    """Noise as of a busy machine: a run's log has a standard deviation of 4 %."""
    words_ = [fed(1.0, 0.04, seed).verdict.word for seed in range(1_000)]
    assert words_.count(SLOWER) + words_.count(FASTER) <= 1
    assert [fed(1.1, 0.04, seed).verdict.word for seed in range(200)].count(SLOWER) >= 190
    assert [fed(1.05, 0.04, seed).verdict.word for seed in range(200)].count(SLOWER) >= 100


def test_what_fresh_pairs_do_not_confirm_does_not_stand():
    one = Gauge(1)
    for k in range(5):
        one.add(Span(1, 1), Span(1.2 + 0.001 * k, 1.2 + 0.001 * k))
    assert one.verdict is None and one.fresh == []  # it looks slower, and is measured again
    for k in range(10):
        one.add(Span(1, 1), Span(1 + 0.001 * k, 1 + 0.001 * k))
    assert one.verdict.word == SAME


def test_a_change_that_does_not_repeat_itself_cannot_be_told():
    one = Gauge(1)
    for k in range(5):
        one.add(Span(1, 1), Span(1.2 + 0.001 * k, 1.2 + 0.001 * k))
    for k in range(20):
        head = 1 + 0.1 * (-1) ** k
        one.add(Span(1, 1), Span(head, head))
    assert one.verdict.word == UNSURE and "seemed slower by 20.2%" in one.verdict.why


def test_cpu_seconds_judge_what_runs_on_one_core():
    quiet, busy = Span(1.0, 1.0), Span(2.0, 1.0)  # somebody else had the core: wall doubles, CPU stays
    one = Gauge(1)
    for k in range(5):
        one.add(quiet, busy if k % 2 else quiet)
    assert (one.clock, one.verdict.word) == ("cpu", SAME)
    several = Gauge(1)
    for _ in range(20):
        several.add(Span(1.0, 1.9), Span(1.0, 1.9))
    assert several.clock == "wall"
    assert Gauge(2, [(quiet, busy)])._clock() == "wall"
    assert Gauge(1, [(Span(1.0, 0.0), Span(1.0, 0.0))])._clock() == "wall"  # no CPU time is known


def test_the_smallest_change_that_could_have_been_seen():
    found = [fed(1.0, 0.1, seed).verdict for seed in range(30)]
    assert {verdict.word for verdict in found} == {UNSURE}
    half = [math.expm1((math.log1p(v.high) - math.log1p(v.low)) / 2) for v in found]
    assert [v.visible for v in found] == pytest.approx(half)
    assert fed(1.0, 0.0001).verdict.visible == gauge.LEAST


# ---------------------------------------------------------------------------------------------------------- the judge


@pytest.fixture(autouse=True)
def steady_clock(monkeypatch):
    monkeypatch.setattr(machine, "reference", lambda: 1.0)


class Scripted:
    """A side whose runs take `seconds`, noise apart."""

    def __init__(self, seconds=1.0, memory=100 << 20, accuracy=0.9, status="ok", seed=0):
        self.seconds, self.memory, self.accuracy, self.status = seconds, memory, accuracy, status
        self.chance = np.random.default_rng(seed)
        self.calls, self.renewed = [], 0

    def measure(self, name, seed, timeout):
        self.calls.append((name, seed))
        took = self.seconds * math.exp(self.chance.normal(0, 0.005))
        accuracy = self.accuracy(seed) if callable(self.accuracy) else self.accuracy
        quality = {"metric": "accuracy", "higher_is_better": True, "test": {"accuracy": accuracy}}
        status = self.status(len(self.calls)) if callable(self.status) else self.status
        return Sample(status, "as scripted", {"fit": Span(took, took)}, self.memory, quality)

    def renew(self):
        self.renewed += 1


def judged(base, head, cells=("one",), seconds=60.0):
    told = []
    made = Judge(base, head, [Case(name, WHAT) for name in cells], seconds, 10.0, told.append)
    made.go()
    return made, {(f.name, f.quantity): f for f in made.findings()}, told


def test_runs_are_paired_in_turn_and_cells_in_rotation():
    order = []
    base, head = Scripted(), Scripted(1.2, seed=1)
    for label, side in (("base", base), ("head", head)):
        inner = side.measure
        side.measure = lambda *a, label=label, inner=inner: order.append((label, a[0])) or inner(*a)
    judged(base, head, ("one", "two"))
    assert order[:2] == [("base", "one"), ("head", "one")]  # to warm up
    first, second = order[2:6], order[6:10]
    assert first == [("base", "one"), ("head", "one"), ("base", "two"), ("head", "two")]
    assert second == [("head", "one"), ("base", "one"), ("head", "two"), ("base", "two")]
    assert base.renewed == head.renewed >= 1


def test_slower_bigger_and_worse_are_told_apart():
    worse = Scripted(1.2, 130 << 20, lambda seed: 0.85 + 0.001 * (seed % 3), seed=1)
    made, found, told = judged(Scripted(accuracy=lambda seed: 0.9 + 0.001 * (seed % 3)), worse)
    assert found["one", "fit"].word == SLOWER
    assert (found["one", "memory"].word, found["one", "memory"].told) == (judge.BIGGER, "+30.0 MiB")
    assert found["one", "score"].word == judge.WORSE and "-0.0500 over 10 seeds" in found["one", "score"].told
    assert "9 more seeds" in told[0]
    outcome = words.outcome(made, SIDES, [], 1.0)
    assert outcome["exit"] == 1 and words.headline(outcome) == "b is worse than a: 1 SLOWER, 1 BIGGER, 1 WORSE."


def test_equal_sides():
    made, found, _ = judged(Scripted(), Scripted(seed=1))
    assert {f.word for f in found.values()} == {SAME}
    assert found["one", "score"].told == "bit-equal"
    assert words.outcome(made, SIDES, [], 1.0)["exit"] == 0
    same = words.outcome(made, {"base": SIDES["base"], "head": SIDES["base"]}, [], 1.0)
    assert words.headline(same) == "Self-test: 0 false alarms in 1 timings of equal code."


@pytest.mark.parametrize(
    ("base", "head", "word"),
    [("ok", "error", judge.FAILS), ("error", "ok", judge.WORKS), ("error", "error", judge.BROKEN)],
)
def test_cells_that_fail(base, head, word):
    _, found, _ = judged(Scripted(status=base), Scripted(status=head))
    assert found["one", "status"].word == word and "as scripted" in found["one", "status"].told


def test_once_is_chance():
    made, found, _ = judged(Scripted(), Scripted(seed=1, status=lambda call: "timeout" if call == 3 else "ok"))
    assert {f.word for f in found.values()} == {SAME} and len(made.cases[0].samples["head"]) == 6


def test_waiting_is_judged_by_the_wall():
    """A head that waits twice as long, or lets a child work, takes no more CPU seconds."""
    one = Gauge(1)
    while one.verdict is None:
        one.add(Span(1.0, 0.99), Span(2.0, 0.99))
    assert (one.clock, one.verdict.word) == ("wall", SLOWER)
    both = Gauge(1)
    for _ in range(5):
        both.add(Span(1.0, 0.1), Span(1.0, 0.1))
    assert both.clock == "wall"


def test_a_machine_too_noisy_to_tell():
    class Noisy(Scripted):
        def measure(self, *asked):
            sample = super().measure(*asked)
            took = math.exp(self.chance.normal(0, 0.3))
            return Sample("ok", "", {q: Span(took, took) for q in ("fit", "answer")}, sample.memory, sample.quality)

    made, _, _ = judged(Noisy(), Noisy(seed=1))
    outcome = words.outcome(made, SIDES, [], 1.0)
    assert outcome["exit"] == 2 and words.headline(outcome) == "This machine is too noisy just now to tell."


def test_no_time_left_to_confirm(monkeypatch):
    one = Gauge(1)
    for k in range(7):
        one.add(Span(1, 1), Span(1.2 + 0.001 * k, 1.2 + 0.001 * k))
    verdict = one.close("the time was over")
    assert (verdict.word, verdict.pending) == (UNSURE, True)
    assert verdict.why == "seems slower, but the time was over: not confirmed"


@pytest.mark.parametrize(("more", "word"), [(4 << 20, SAME), (9 << 20, judge.BIGGER), (-9 << 20, judge.SMALLER)])
def test_memory_counts_from_eight_mebibytes_on(more, word):
    _, found, _ = judged(Scripted(), Scripted(memory=(100 << 20) + more))
    assert found["one", "memory"].word == word


def test_a_large_base_asks_for_five_percent_of_memory():
    _, found, _ = judged(Scripted(memory=1 << 30), Scripted(memory=(1 << 30) + (20 << 20)))
    assert found["one", "memory"].word == SAME


def test_a_clock_that_changes_within_a_pair_throws_it_away(monkeypatch):
    speeds = iter([1.0, 1.0, 1.5] * 3 + [1.0] * 1000)  # in the first three pairs the machine slows down midway
    monkeypatch.setattr(machine, "reference", lambda: next(speeds))
    made, found, _ = judged(Scripted(), Scripted(seed=1))
    assert made.thrown == 3
    assert found["one", "fit"].verdict.pairs == len(made.cases[0].samples["base"]) - 3


def test_a_clock_that_changes_all_the_time_is_noise(monkeypatch):
    speeds = itertools.cycle([1.0, 1.0, 1.5])
    monkeypatch.setattr(machine, "reference", lambda: next(speeds))
    made, found, _ = judged(Scripted(), Scripted(seed=1))
    assert made.thrown == judge.THROWN and found["one", "fit"].word == SAME


def test_the_time_is_over():
    class Slow(Scripted):
        def measure(self, *asked):
            clock[0] += 1.0
            return super().measure(*asked)

    clock = [0.0]
    real, judge.time.monotonic = judge.time.monotonic, lambda: clock[0]
    try:
        made, found, _ = judged(Slow(), Slow(seed=1), ("one", "two", "three"), seconds=30.0)
    finally:
        judge.time.monotonic = real
    assert [case.name for case in made.left_out] == ["three", "two"]
    assert clock[0] <= 32.0 and found["one", "fit"].word == SAME


def test_a_user_who_has_seen_enough():
    class Impatient(Scripted):
        def measure(self, *asked):
            if len(self.calls) == 8:
                raise KeyboardInterrupt
            return super().measure(*asked)

    made, found, _ = judged(Scripted(), Impatient(seed=1), ("one", "two"))
    assert made.ended == "interrupted"
    assert {f.word for f in found.values() if f.quantity == "fit"} == {UNSURE}
    assert found["one", "fit"].told == "interrupted" and found["one", "fit"].verdict.pairs == 4


def test_a_side_that_dies_midway_loses_no_verdict():
    class Dying(Scripted):
        def measure(self, *asked):
            if len(self.calls) == 10:
                raise judge.SideDied("it is gone")
            return super().measure(*asked)

    made, found, _ = judged(Scripted(), Dying(seed=1), ("one", "two"))
    outcome = words.outcome(made, SIDES, [], 1.0)
    assert found["one", "fit"].word == SAME and outcome["exit"] == 2
    assert words.headline(outcome) == "Ended early (it is gone): these are the verdicts so far."


def test_markdown_holds_no_markup_of_a_branch():
    made, _, _ = judged(Scripted(), Scripted(1.5, seed=1))
    hostile = "a|b<img src=x>`*"
    about = {label: {"name": hostile, "text": hostile, "commit": label} for label in ("base", "head")}
    text = words.markdown(words.outcome(made, about, [hostile], 1.0))
    assert "<img" not in text and "| SLOWER |" in text
    assert all(line.count("|") - line.count("\\|") == 5 for line in text.splitlines() if line.startswith("|"))

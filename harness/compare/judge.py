"""The judge: pairs of runs, base and head in turn, cell after cell, until each cell is decided or the time is over.

ABBA within a cell, cells in rotation, a fresh process for each run: what the machine does meanwhile meets both sides.
A reference workload is timed before each run; where it changes within a pair, so did the machine's clock, and the pair
is thrown away.
"""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness import machine, stats
from harness.compare import gauge
from harness.compare.gauge import Gauge, Span, Verdict
from harness.scale.roles import BOUNDED

DRIFT = 1.25  # of the reference workload within a pair: beyond it the pair is thrown away
THROWN, OFTEN = 5, 0.05  # pairs that may be thrown away, or their share: a clock that changes often is mere noise
SEEDS = 10  # that settle whether scores that differ are worse
POINTS, SHARE = 0.002, 0.002  # a loss of score that counts: .2 points; where a metric has no points, of the base's mean
MORE, BYTES = 0.05, 8 << 20  # memory that counts as more: both
RUNS = 3  # whose median is the memory

BIGGER, SMALLER, WORSE, BETTER = "BIGGER", "SMALLER", "WORSE", "BETTER"
FAILS, WORKS, BROKEN = "FAILS", "WORKS NOW", "FAILS ON BOTH"
BAD = (gauge.SLOWER, BIGGER, WORSE, FAILS)


@dataclass(frozen=True)
class Sample:
    """One run of one cell on one side.

    spans    {"fit": seconds, "answer": seconds}      memory   bytes that the fit took, or None
    quality  metric, higher_is_better, test {metric: value}; None where nothing is scored
    """

    status: str
    reason: str = ""
    spans: Mapping[str, Span] = field(default_factory=dict)
    memory: float | None = None
    quality: Mapping[str, Any] | None = None


class SideDied(Exception):
    """A side's process ended, or never came up."""


class Measured(Protocol):
    """A side as the judge sees it."""

    def measure(self, name: str, seed: int, timeout: float) -> Sample:
        """Run the cell of that name once."""

    def renew(self) -> None:
        """New processes from now on: what chance laid out in memory does not stay for all pairs."""


@dataclass
class Finding:
    """What was found about one quantity of one cell."""

    name: str
    what: Mapping[str, Any]
    quantity: str  # "fit", "answer", "memory", "score", "status"
    word: str
    told: str  # in words, beside the word
    verdict: Verdict | None = None
    clock: str = ""
    base: float | None = None  # median of the base's runs: seconds, bytes or the score's mean
    head: float | None = None
    logs: list[float] = field(default_factory=list)


@dataclass
class Case:
    """One cell on both sides, and all that was measured of it."""

    name: str
    what: Mapping[str, Any]
    gauges: dict[str, Gauge] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=lambda: {"base": [], "head": []})
    scores: dict[str, dict[int, Any]] = field(default_factory=lambda: {"base": {}, "head": {}})
    touched: bool = False  # the change is about a file of it
    stumbled: bool = False  # its last pair failed, for the first time
    failed: str = ""  # why no more pairs are run
    seconds: float = 0.0  # of its last pair

    @property
    def open(self) -> bool:
        """More pairs are wanted."""
        return not self.failed and (not self.gauges or any(g.verdict is None for g in self.gauges.values()))


class Judge:
    """A comparison while it runs. `say` tells the user; `tick` gets the cases after each pair."""

    def __init__(
        self,
        base: Measured,
        head: Measured,
        cases: list[Case],
        seconds: float,
        timeout: float,
        say: Callable[[str], None],
        tick: Callable[[list[Case]], None] = lambda cases: None,
    ) -> None:
        self.sides = {"base": base, "head": head}
        self.cases, self.timeout, self.say, self.tick = cases, timeout, say, tick
        self.end = time.monotonic() + seconds
        self.left_out: list[Case] = []
        self.rounds = self.pairs = self.thrown = 0
        self.ended = ""  # why it ended early: "interrupted", or what a side said last

    def go(self) -> None:
        """Measure until all is decided, the time is over, or the user ends it."""
        try:
            for side in self.sides.values():  # what starts up and imports is nobody's pair
                side.measure(self.cases[0].name, self.cases[0].what["seed"], self.timeout)
            while open_ := [case for case in self.cases if case.open]:
                if time.monotonic() > self.end:
                    break
                for case in open_:
                    if time.monotonic() + case.seconds > self.end:
                        continue
                    self._pair(case)
                    self.tick(self.cases)
                self.rounds += 1
                if self.rounds == 1:
                    self._score_seeds(time.monotonic() + (self.end - time.monotonic()) / 2)
                    self._make_room()
                if all(time.monotonic() + case.seconds > self.end for case in open_ if case.open):
                    break
                if self.rounds % gauge.LOOKS[0] == 0:
                    for side in self.sides.values():
                        side.renew()
        except KeyboardInterrupt:
            self.ended = "interrupted"
        except SideDied as died:
            self.ended = str(died)

    def _make_room(self) -> None:
        """After one round, leave out cells for whose first two looks time is short: the dearest; touched ones last."""
        left = self.end - time.monotonic()
        rounds = gauge.LOOKS[:2][-1] - 1
        going = sorted((case for case in self.cases if case.open), key=lambda case: (not case.touched, case.seconds))
        while len(going) > 1 and rounds * sum(case.seconds for case in going) > left:
            self.left_out.append(going.pop())
        self.cases = [case for case in self.cases if case not in self.left_out]

    def _pair(self, case: Case) -> None:
        order = ("base", "head") if self.rounds % 2 == 0 else ("head", "base")
        began = time.monotonic()
        pair: dict[str, Sample] = {}
        speeds = []
        for label in order:
            speeds.append(machine.reference())
            pair[label] = self.sides[label].measure(case.name, case.what["seed"], self.timeout)
        speeds.append(machine.reference())
        case.seconds = time.monotonic() - began
        for label, sample in pair.items():
            case.samples[label].append(sample)
        bad = [f"{label}: {one.status}: {one.reason}" for label, one in pair.items() if one.status != "ok"]
        if bad:  # once is chance, be it a busy neighbour that made it late
            case.failed, case.stumbled = ("; ".join(bad) if case.stumbled else ""), True
            return
        case.stumbled = False
        for label, sample in pair.items():
            if sample.quality:
                case.scores[label].setdefault(case.what["seed"], sample.quality)
        self.pairs += 1
        if max(speeds) / min(speeds) > DRIFT and self.thrown < max(THROWN, OFTEN * self.pairs):
            self.thrown += 1
            return
        threads = case.what["threads"] if case.what["device"] == "cpu" else 0  # on a GPU the CPU's seconds say nothing
        for quantity, base in pair["base"].spans.items():
            if head := pair["head"].spans.get(quantity):
                case.gauges.setdefault(quantity, Gauge(threads)).add(base, head)

    def _score_seeds(self, until: float) -> None:
        """Where the scores differ, those of more seeds, as long as there is time."""
        for case in self.cases:
            if case.failed or not case.scores["base"] or _scores_equal(case):
                continue
            self.say(f"{short(case.what)}: the scores differ; {SEEDS - 1} more seeds of it are run on both sides")
            for seed in range(SEEDS):
                if time.monotonic() + case.seconds > until:
                    return
                for label, side in self.sides.items():
                    if seed not in case.scores[label]:
                        sample = side.measure(case.name, seed, self.timeout)
                        if sample.status == "ok" and sample.quality:
                            case.scores[label][seed] = sample.quality

    def findings(self) -> list[Finding]:
        """All verdicts. SLOWER stands only where it outlives Benjamini and Hochberg over all that were timed."""
        why = self.ended or "the time was over"
        found = [finding for case in self.cases for finding in _of_case(case, why)]
        timed = [f for f in found if f.verdict and math.isfinite(f.verdict.p)]
        if not timed:
            return found
        adjusted = stats.benjamini_hochberg([f.verdict.p for f in timed if f.verdict])
        for finding, p in zip(timed, adjusted, strict=True):
            if finding.word == gauge.SLOWER and p > 0.05:
                finding.word = gauge.UNSURE
                finding.told = f"seems slower, but so would one of {len(timed)} by chance"
        return found


def _of_case(case: Case, why: str) -> list[Finding]:
    """The verdicts on one cell: its status, its times, its memory, its score."""
    found = [_status(case)] if case.failed else []
    for quantity, one in case.gauges.items():
        verdict = one.close(why)
        medians = {}
        for label, place in (("base", 0), ("head", 1)):
            spans = [pair[place] for pair in (*one.first, *(one.fresh or ()))]
            medians[label] = statistics.median(getattr(span, one.clock or "wall") for span in spans) if spans else None
        logs = one.logs(one.fresh or one.first)
        made = Finding(case.name, case.what, quantity, verdict.word, verdict.why, verdict, one.clock, logs=logs)
        made.base, made.head = medians["base"], medians["head"]
        found.append(made)
    return [*found, *filter(None, (_memory(case), _score(case)))]


def _status(case: Case) -> Finding:
    """A cell that fails on one side or on both."""
    fine = [case.samples[label][-1].status == "ok" for label in ("base", "head")]
    word = {(True, False): FAILS, (False, True): WORKS}.get((fine[0], fine[1]), BROKEN)
    return Finding(case.name, case.what, "status", word, case.failed)


def _memory(case: Case) -> Finding | None:
    """The median of what the fit took beyond what was there, of the first runs. They agree to a few pages."""
    medians = {}
    for label, samples in case.samples.items():
        held = [sample.memory for sample in samples[:RUNS] if sample.memory is not None]
        if not held:
            return None
        medians[label] = statistics.median(held)
    grown = medians["head"] - medians["base"]
    word = gauge.SAME
    if abs(grown) > BYTES and abs(grown) > MORE * medians["base"]:
        word = BIGGER if grown > 0 else SMALLER
    return Finding(
        case.name, case.what, "memory", word, f"{grown / 2**20:+.1f} MiB", base=medians["base"], head=medians["head"]
    )


def _scores_equal(case: Case) -> bool:
    both = [seed for seed in case.scores["base"] if seed in case.scores["head"]]
    return all(case.scores["base"][seed]["test"] == case.scores["head"][seed]["test"] for seed in both)


def _score(case: Case) -> Finding | None:
    """Bit-equal where nothing changed; else a paired 95 % interval over seeds, and a loss that counts."""
    both = sorted(set(case.scores["base"]) & set(case.scores["head"]))
    if not both:
        return None
    quality = case.scores["base"][both[0]]
    metric, sign = quality["metric"], 1 if quality["higher_is_better"] else -1
    if any(metric not in case.scores["head"][seed]["test"] for seed in both):
        return Finding(case.name, case.what, "score", gauge.UNSURE, f"the head tells no {metric}")
    values = {label: [case.scores[label][seed]["test"][metric] for seed in both] for label in case.scores}
    means = {label: statistics.fmean(one) for label, one in values.items()}
    made = Finding(case.name, case.what, "score", gauge.UNSURE, "", base=means["base"], head=means["head"])
    if _scores_equal(case):
        made.word, made.told = gauge.SAME, "bit-equal"
        return made
    if len(both) < 2:
        made.told = "differs on the one seed that was run"
        return made
    least = POINTS if metric in BOUNDED else SHARE * abs(means["base"])
    change = stats.paired_t([sign * v for v in values["head"]], [sign * v for v in values["base"]])
    if change.high < 0 and change.mean < -least:
        made.word = WORSE
    elif change.low > 0 and change.mean > least:
        made.word = BETTER
    elif -least <= change.low and change.high <= least:
        made.word = gauge.SAME
    made.told = f"{metric} {means['head'] - means['base']:+.4f} over {len(both)} seeds"
    return made


def short(what: Mapping[str, Any]) -> str:
    """A cell in few words: knn on digits, n = 1,000; or a function's name."""
    if "function" in what:
        return str(what["function"])
    keywords = ",".join(f"{name}={value}" for name, value in what["keywords"].items())
    technique = what["technique"] + (f"[{keywords}]" if keywords else "")
    return f"{technique} on {what['dataset']}, n = {what['size']:,}"

"""One quantity on two sides, pair by pair: when to stop, and what to say. Pure arithmetic, the same for stored pools.

Pairs are looked at when there are 5, 10, 15 and 20 of them, on a 99 % interval of their log ratios. What comes out
slower or faster is measured again, with fresh pairs, and only if these say the same does it stand: two independent
looks that each err once in some hundred times err together once in some ten thousand.
"""

import math
import statistics
from dataclasses import dataclass, field
from typing import NamedTuple

from harness import stats

LOOKS = (5, 10, 15, 20)  # numbers of pairs at which a verdict may fall
AGAIN = (10, 15, 20)  # the same, of the fresh pairs
LEAST = 0.02  # a smaller change of the mean counts as none, however sure
ZONE = 0.05  # SAME: the whole interval lies within this
LEVEL, SECOND = 0.99, 0.98  # of the intervals: of the first measurement, of the one with fresh pairs
SINGLE = 1.02  # CPU seconds for each wall second, at most, of what runs on one core
BUSY = 0.5  # the same at least, in the middle run of each side: what mostly waits is judged by the wall
APART = math.log(1.1)  # wall and CPU ratios that differ more in the middle pair: one side waits for something

SLOWER, FASTER, SAME, UNSURE = "SLOWER", "FASTER", "SAME", "CANNOT TELL"


class Verdict(NamedTuple):
    """What the pairs say: head / base - 1, its interval, and the smallest change that could have been seen.

    The interval is of 99 %; of the fresh pairs, where these decided, of 98 %.
    """

    word: str
    change: float
    low: float
    high: float
    pairs: int
    visible: float
    p: float  # one-sided, of "head is slower"
    why: str = ""  # of a CANNOT TELL, where there is more to say than noise
    pending: bool = False  # it seemed slower, and the time was over before fresh pairs could tell


class Span(NamedTuple):
    """One measurement of one side, in seconds."""

    wall: float
    cpu: float


def judged(logs: list[float], level: float = LEVEL) -> Verdict:
    """The verdict of n >= 5 log ratios as they stand."""
    mean, low, high, p = stats.winsorised(logs, level)
    half = (high - low) / 2
    ends = [math.expm1(value) for value in (mean, low, high)]
    word = UNSURE
    if low > 0 and ends[0] > LEAST:
        word = SLOWER
    elif high < 0 and ends[0] < -LEAST:
        word = FASTER
    elif ends[1] > -ZONE and ends[2] < ZONE:
        word = SAME
    return Verdict(word, ends[0], ends[1], ends[2], len(logs), max(LEAST, math.expm1(half)), p)


@dataclass
class Gauge:
    """The pairs of one quantity so far.

    threads    of what is measured: on one thread CPU seconds judge, as long as no run used more than one core
    """

    threads: int = 1
    first: list[tuple[Span, Span]] = field(default_factory=list)  # (base, head)
    fresh: list[tuple[Span, Span]] | None = None  # of the second measurement; None: not asked for
    verdict: Verdict | None = None  # set once it is decided
    clock: str = ""  # which seconds judge, "cpu" or "wall": set at the first look
    seemed: Verdict | None = None  # what the first measurement said that is to be confirmed

    def add(self, base: Span, head: Span) -> None:
        """One more pair. Once there is a verdict it is let go by."""
        if self.verdict:
            return
        pairs = self.first if self.fresh is None else self.fresh
        pairs.append((base, head))
        if self.fresh is None and len(pairs) in LOOKS:
            self._look()
        elif self.fresh is not None and len(pairs) in AGAIN:
            self._look_again()

    def _clock(self) -> str:
        """CPU seconds, of what has a core for itself and neither waits nor lets others work for it; else wall."""
        spans = [span for pair in self.first for span in pair]
        if self.threads != 1 or any(not 0 < span.cpu <= SINGLE * span.wall + 1e-3 for span in spans):
            return "wall"
        shares = [[pair[side].cpu / pair[side].wall for pair in self.first] for side in (0, 1)]
        waits = [math.log(head.wall / base.wall) - math.log(head.cpu / base.cpu) for base, head in self.first]
        alike = abs(statistics.median(waits)) <= APART
        return "cpu" if alike and min(statistics.median(share) for share in shares) >= BUSY else "wall"

    def logs(self, pairs: list[tuple[Span, Span]]) -> list[float]:
        """log(head / base) of each pair."""
        self.clock = self.clock or self._clock()
        return [math.log(getattr(head, self.clock) / getattr(base, self.clock)) for base, head in pairs]

    def _look(self) -> None:
        now = judged(self.logs(self.first))
        if now.word in (SLOWER, FASTER):
            self.fresh, self.seemed = [], now
        elif now.word != UNSURE or len(self.first) == LOOKS[-1]:
            self.verdict = now

    def _look_again(self) -> None:
        assert self.fresh is not None and self.seemed is not None
        now, before = judged(self.logs(self.fresh), SECOND), self.seemed
        if now.word == before.word:
            both = now.p * before.p
            self.verdict = now._replace(p=both * (1 - math.log(both)) if both else 0.0)  # Fisher: of two looks
        elif now.word == SAME:
            self.verdict = now
        elif len(self.fresh) == AGAIN[-1]:
            why = f"seemed {before.word.lower()} by {abs(before.change):.1%}, fresh pairs do not confirm it"
            self.verdict = now._replace(word=UNSURE, why=why)

    def close(self, why: str) -> Verdict:
        """The verdict when no more pairs can be had: those so far may say SAME, but nothing that is to be confirmed."""
        if self.verdict:
            return self.verdict
        few = self.fresh is None or len(self.fresh) < LOOKS[0]
        pairs = self.first if few else self.fresh or []
        if len(pairs) < LOOKS[0]:
            nothing = math.nan
            self.verdict = Verdict(UNSURE, nothing, nothing, nothing, len(pairs), math.inf, nothing, why)
            return self.verdict
        now = judged(self.logs(pairs))
        if SLOWER in (now.word, self.seemed and self.seemed.word):
            self.verdict = now._replace(word=UNSURE, why=f"seems slower, but {why}: not confirmed", pending=True)
        else:
            self.verdict = now if now.word == SAME else now._replace(word=UNSURE, why=why)
        return self.verdict

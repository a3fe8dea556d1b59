"""A side made of a project's own pytest-benchmark functions: each run is a fresh process with that function alone."""

import contextlib
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.catalogue import Mistake
from harness.compare.gauge import Span
from harness.compare.judge import Sample, SideDied
from harness.compare.sides import Revision

SECONDS = 0.25  # that pytest-benchmark may take for a function's rounds, in each process
COLLECT = 3600.0  # seconds for the first run of them all


@dataclass
class Suite:
    """The benchmarks below `path` of one revision."""

    label: str
    of: Revision
    python: str
    path: str
    cells: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def start(self, arguments: list[str], where: Path) -> None:
        """Run all of them once, to learn their names. arguments: of cells, for which there is no use here."""
        del arguments
        done, found = self._pytest(str(where / self.path), COLLECT)
        if found is None:
            raise SideDied(f"the {self.label} side, {self.of.name}: {self.path} gave no benchmarks: {_end(done)}")
        for one in found:
            name = one["fullname"]
            what = {"function": name, "seed": 0, "threads": 0, "device": "cpu"}
            self.cells[name] = {"what": what, "files": [name.split("::")[0]]}
        if not self.cells:
            raise Mistake(f"{self.path} of {self.of.name} holds no function that uses pytest-benchmark's `benchmark`")

    def measure(self, name: str, seed: int, timeout: float) -> Sample:
        """One process: the first quartile of the function's rounds, for what interrupts a round only ever adds."""
        del seed
        try:
            done, found = self._pytest(name, timeout)
        except subprocess.TimeoutExpired:
            return Sample("timeout", f"over {timeout:g} s")
        if not found:
            return Sample("error", _end(done))
        return Sample("ok", spans={"call": Span(found[0]["stats"]["q1"], 0.0)})

    def renew(self) -> None:
        """Each run is a new process anyway."""

    def close(self) -> None:
        """Nothing stays behind."""

    def _pytest(self, what: str, timeout: float) -> tuple[Any, list[dict[str, Any]] | None]:
        """Run it; the benchmarks of its report, None without a report."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            options = ["--benchmark-only", f"--benchmark-json={report}", f"--benchmark-max-time={SECONDS}"]
            quiet = ["-q", "-p", "no:cacheprovider", "--benchmark-disable-gc"]
            done = subprocess.run(
                [self.python, "-m", "pytest", what, *options, *quiet],
                cwd=self.of.tree,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(self.of.tree), str(self.of.tree / "src")])},
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
            with contextlib.suppress(OSError, ValueError):
                return done, json.loads(report.read_text())["benchmarks"]
        return done, None


def _end(done: Any) -> str:
    return (done.stdout + done.stderr).strip()[-400:] or f"exit code {done.returncode}"

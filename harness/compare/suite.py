"""A side made of a project's own pytest-benchmark functions: each run is a fresh process with that function alone."""

import contextlib
import json
import os
import signal
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
        try:
            said, found = self._pytest(os.path.normpath(where / self.path), COLLECT)
        except subprocess.TimeoutExpired:
            raise Mistake(f"{self.path} of {self.of.name} took over {COLLECT:g} s to run once") from None
        if found is None:
            raise SideDied(f"the {self.label} side, {self.of.name}: {self.path} gave no benchmarks: {said}")
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
            said, found = self._pytest(name, timeout)
        except subprocess.TimeoutExpired:
            return Sample("timeout", f"over {timeout:g} s")
        if not found:
            return Sample("error", said)
        return Sample("ok", spans={"call": Span(found[0]["stats"]["q1"], 0.0)})

    def renew(self) -> None:
        """Each run is a new process anyway."""

    def close(self) -> None:
        """Nothing stays behind."""

    def _pytest(self, what: str, timeout: float) -> tuple[str, list[dict[str, Any]] | None]:
        """Run it: the end of what it said, and the benchmarks of its report, None without a report."""
        options = ["--benchmark-only", f"--benchmark-max-time={SECONDS}", "--benchmark-disable-gc"]
        quiet = ["-q", "-p", "no:cacheprovider", f"--rootdir={self.of.tree}"]  # names are told from the root
        path = os.pathsep.join([str(self.of.tree), str(self.of.tree / "src")])
        # a worker of pytest-xdist must not hand down that it is one: pytest-benchmark would measure nothing there
        variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_XDIST_")}
        try:
            with tempfile.TemporaryDirectory() as folder:
                report = Path(folder) / "report.json"
                process = subprocess.Popen(
                    [self.python, "-m", "pytest", what, *options, *quiet, f"--benchmark-json={report}"],
                    cwd=self.of.tree,
                    env={**variables, "PYTHONPATH": path},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    start_new_session=True,  # it and what it starts end together
                )
                try:
                    said, _ = process.communicate(timeout=timeout)
                finally:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                said = said.strip()[-400:] or f"exit code {process.returncode}"
                with contextlib.suppress(FileNotFoundError, ValueError):
                    return said, json.loads(report.read_text())["benchmarks"]
                return said, None
        except OSError as error:
            raise SideDied(f"the {self.label} side, {self.of.name}: {error}") from None

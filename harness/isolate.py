"""The parent's side of one cell at a time: a server per set of imports, limits on the whole process tree, one outcome.

A cell runs in a fresh fork of a server. Its events, its output and the clock are watched here; when it is over a limit,
the server kills everything below itself.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness import machine, tree
from harness.catalogue import ROOT
from harness.contract import Cell

MARK = (
    "ERAS_RUN"  # in the environment of everything that a run starts; what a killed run left is swept at the next start
)
TAIL = 4096  # bytes of output kept
FLOOR = 256 << 20  # bytes of memory that a cell may not take from the machine
PRELOAD = 120.0  # seconds for a server to import what it is told to
UNBOUNDED = 1 << 62  # bytes
SERVERS = 8  # kept at most per slot; the one that waited longest goes first
LOOK = 0.008  # seconds between two looks at time and memory, at least
GRACE = 3.0  # seconds for a server to end what it is told to end


def mark() -> str:
    """Names this process for the sweep: pid, its start, and the boot and process namespace in which both hold."""
    return f"{os.getpid()}/{machine.process_start(os.getpid())}/{machine.boot_id()}"


def orphans() -> list[int]:
    """Processes whose run is over. Runs in other process namespaces (containers) are not for us to judge."""
    found = []
    for pid, value in tree.marked(MARK).items():
        owner, start, boot = (*value.split("/"), "", "")[:3]
        if boot == machine.boot_id() and start.isdigit() and not machine.is_alive(int(owner), int(start)):
            found.append(pid)
    return found


def sweep() -> None:
    """Kill what a run left that was itself killed too fast to clean up, and remove its memory groups."""
    for pid in orphans():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    machine.sweep_cgroups()


class ServerDied(Exception):
    """A server ended by itself; the next cell gets a new one."""


class Server:
    """One server process and what it says."""

    def __init__(self, preload: tuple[str, ...], threads: int) -> None:
        # One thread at import: OpenBLAS would start its pool; the child raises the number (worker._set_threads).
        env = {
            **os.environ,
            MARK: mark(),
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "OMP_NUM_THREADS": str(threads),
            "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "PYTHONHASHSEED": "0",
            "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pandas brings pyarrow, whose allocator starts a thread
        }
        settings = json.dumps({"preload": preload, "parent": os.getpid()})
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.server", settings],  # -P: the user's folder shadows nothing
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            start_new_session=True,  # Ctrl-C is for the parent alone
        )
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.group = self._join_group()
        self.selector = selectors.DefaultSelector()
        for stream in (self.process.stdout, self.process.stderr):
            os.set_blocking(stream.fileno(), False)
            self.selector.register(stream, selectors.EVENT_READ)
        self.pending, self.output = b"", b""
        self.seconds: float | None = None  # of the preload; None: not ready yet
        self.threads_at_start: int | None = None
        self.used = time.monotonic()
        self.nonce = "no cell yet"

    def _join_group(self) -> machine.Cgroup | None:
        """A memory group for it and all its cells: moving each cell into one of its own would cost 10 ms a cell."""
        group = machine.make_cgroup(f"eras-{os.getpid()}-{self.pid}", UNBOUNDED)
        if group:
            group.procs.write_text(str(self.pid))
        return group

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.process.pid

    def send(self, **request: Any) -> None:
        """One request."""
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except (BrokenPipeError, OSError):
            raise ServerDied(self.text()) from None

    def events(self, timeout: float) -> list[dict[str, Any]]:
        """What it said within `timeout` seconds; the cell's output is kept aside. Raises ServerDied."""
        found: list[dict[str, Any]] = []
        for selected, _ in self.selector.select(timeout):
            got = os.read(selected.fd, 1 << 20)
            if selected.fileobj is self.process.stderr:
                self.output = (self.output + got)[-TAIL:]
                if not got:
                    self.selector.unregister(selected.fileobj)
            elif not got:
                raise ServerDied(self.text())
            else:
                *lines, self.pending = (self.pending + got).split(b"\n")
                found += [_event(line) for line in lines]
        for event in found:
            if event.get("ready") and self.seconds is None:
                self.seconds, self.threads_at_start = event["seconds"], event["threads"]
        return [event for event in found if event.get("nonce") == self.nonce]

    def text(self) -> str:
        """The end of what the cell wrote."""
        return self.output.decode(errors="replace")

    def close(self, at_once: bool = False) -> None:
        """End it and everything below it."""
        if at_once:
            tree.end(self.pid, patience=1.0)
            self.process.kill()
        with contextlib.suppress(BrokenPipeError, OSError):
            assert self.process.stdin
            self.process.stdin.close()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            tree.end(self.pid, patience=1.0)
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream
            stream.close()
        self.selector.close()
        if self.group:
            with contextlib.suppress(OSError):  # what still ends in it holds it; the next run sweeps it
                self.group.close()


def _event(line: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except (ValueError, TypeError):
        raise ServerDied(f"an event that cannot be read: {line[:80]!r}") from None


@dataclass
class Outcome:
    """What came of one cell, before it is a row."""

    status: str = "error"
    reason: str = ""
    output: str = ""
    measured: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    peak: int | None = None  # bytes the tree reached, where a memory group counts them or polling ended it


class Slot:
    """A place where cells run, one at a time, on cores of its own (all, unless several slots share the machine)."""

    def __init__(self, cores: tuple[int, ...] = ()) -> None:
        self.cores = cores
        self.servers: dict[tuple, Server] = {}
        self.server: Server | None = None

    def start(
        self, cell: Cell, preload: tuple[str, ...], request: Mapping[str, Any], timeout: float, limit: int
    ) -> None:
        """Take a cell on. CUDA cells get a server that has imported nothing: a forked CUDA context does not work."""
        self.cell, self.request, self.timeout, self.limit = cell, request, timeout, limit
        self.server = self._server((() if cell.device == "cuda" else preload, cell.threads))
        self.sent, self.over, self.why = False, "", ""  # over: the reason why it was ended from here; why: its status
        self.began = self.started = self.checked = time.monotonic()
        self.result: dict[str, Any] = {}
        self.phase, self.grown = "preload", 0
        self.step: tuple[int, int | None] | None = None
        self.shared: int | None = None
        self.killed_before = machine.oom_kills()

    def _server(self, which: tuple) -> Server:
        """The server with these imports, new if there is none; servers that waited longest make room."""
        self.servers = {k: s for k, s in self.servers.items() if s.process.poll() is None}
        if which not in self.servers:
            while len(self.servers) >= SERVERS:
                oldest = min(self.servers, key=lambda k: self.servers[k].used)
                self.servers.pop(oldest).close()
            self.servers[which] = Server(*which)
        self.servers[which].used = time.monotonic()
        return self.servers[which]

    def _send(self) -> None:
        """Fork the cell, once its server is ready: what the server imports is nobody's time limit."""
        assert self.server
        self.server.output = b""
        if self.server.group:
            self.server.group.lend(self.limit)
        self.sent, self.phase = True, "start"
        self.started = self.checked = time.monotonic()
        self.server.nonce = os.urandom(8).hex()
        self.server.send(
            **self.request,
            nonce=self.server.nonce,
            cores=list(self.cores),
            limit=self.limit,
            grouped=self.server.group is not None,
            preload_seconds=self.server.seconds,
        )

    def watch(self, timeout: float) -> Outcome | None:
        """Look once, for at most `timeout` seconds. The outcome, when the cell has ended."""
        assert self.server
        try:
            if not self.sent and self.server.seconds is not None:
                self._send()
            for event in self.server.events(timeout):
                if "exit" in event:
                    return self._ended(event["exit"], event["left"])
                self._hear(event)
            if not self.sent and time.monotonic() - self.began > PRELOAD:
                raise ServerDied(f"its imports took over {PRELOAD:g} s")
            if self.sent and time.monotonic() - self.checked > LOOK:
                self.checked = time.monotonic()
                self._check()
        except ServerDied as died:
            self.servers = {k: s for k, s in self.servers.items() if s is not self.server}
            self.server.close(at_once=True)
            return self._ended(None, [], str(died))
        return None

    def _hear(self, event: Mapping[str, Any]) -> None:
        if "phase" in event:
            self.phase, self.shared = event["phase"], event.get("shared", self.shared)
        elif "step" in event:
            self.step = (event["step"], event["total"])
        else:
            self.result = dict(event)

    def _check(self) -> None:
        """Time, the tree's memory, the machine's memory."""
        if self.over:
            if time.monotonic() - self.ordered > GRACE:
                raise ServerDied("it did not end its cell")
            return
        elapsed = time.monotonic() - self.started
        if elapsed > self.timeout:
            done = f", step {self.step[0]} of {self.step[1]}" if self.step else ""
            return self.end("timeout", f"over {self.timeout:g} s in phase {self.phase}{done}")
        below = tree.descendants(self.server.pid) if self.server else []
        if len(below) > 1 and self.phase == "fit" and self.shared is not None and self.server:
            self.grown = max(self.grown, tree.shared_out([self.server.pid, *below]) - self.shared)
        held = sum(tree.status(p).get("RssAnon", 0) for p in below)
        if self.server and self.server.group:
            if self.server.group.oom_killed():
                return self.end("oom", self._over_limit())
        elif held > self.limit and (held := tree.shared_out(below)) > self.limit:  # pages held by several count once
            self.grown = max(self.grown, held)
            return self.end("oom", f"the process tree held {_size(held)}, over its limit of {_size(self.limit)}")
        free = tree.available()
        if free is not None and free < FLOOR < held:
            self.end("oom", f"the machine had only {_size(free)} left, below the floor of {_size(FLOOR)}")
        return None

    def _over_limit(self) -> str:
        return f"over its memory limit of {_size(self.limit)} in phase {self.phase}"

    def end(self, status: str, reason: str) -> None:
        """Kill the cell's whole tree; its exit is told by the server as ever."""
        self.why, self.over, self.ordered = status, reason, time.monotonic()
        assert self.server
        self.server.send(kill=True)

    def _ended(self, code: int | None, left: list[int], died: str = "") -> Outcome:
        """The outcome of a cell that ended with this exit code, or whose server ended (code None)."""
        assert self.server
        if code is not None:
            self.server.events(0.0)  # the last of its output
        outcome = Outcome(output=self.server.text(), seconds=time.monotonic() - self.started)
        outcome.measured = self.result.get("measured", {})
        group = self.server.group
        outcome.peak = max(filter(None, (group.peak() if group else None, self.grown)), default=None)
        if self.grown:
            outcome.measured.setdefault("memory", {})["tree"] = self.grown
        killed = (group and group.oom_killed()) or (
            code == -signal.SIGKILL and machine.oom_kills() > self.killed_before
        )
        if self.over:
            outcome.status, outcome.reason = self.why, self.over
        elif killed:
            outcome.status, outcome.reason = "oom", self._over_limit()
        elif self.result:
            outcome.status, outcome.reason = self.result["outcome"]["status"], self.result["outcome"]["reason"]
        elif code is None:
            outcome.reason = (
                f"the server of its libraries ended in phase {self.phase}: {died.strip()[-300:] or 'no word'}"
            )
        else:
            outcome.reason = f"the process ended with {_ending(code)} in phase {self.phase}"
        if left:
            outcome.reason += f"; {len(left)} processes could not be ended"
        return outcome

    def close(self, at_once: bool = False) -> None:
        """End all servers."""
        for server in self.servers.values():
            server.close(at_once)
        self.servers = {}


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _size(count: float) -> str:
    """
    >>> _size(1_000_000_000)
    '1.0 GB'
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"

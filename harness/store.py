"""Append-only rows, and claims on cells. One fsync'ed line a row, one file a run; files merge by being copied.

DIR/<machine>/<run id>.jsonl     rows             DIR/<machine>/.claims/<row id>   who is computing this cell now
DIR/blobs/<sha256>.npz           arrays that other cells need
"""

import contextlib
import errno
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import machine
from harness.catalogue import ROOT, Mistake
from harness.contract import STATUSES

LOCAL = ROOT / "results" / "local"
SCHEMA = 1
FINAL = ("ok", "timeout", "oom", "diverged", "unsupported")  # not tried again without --retry
RESERVE = 1 << 20  # bytes set aside, so that the last row still fits when the disk fills up

Row = dict[str, Any]
KINDS: dict[str, dict[str, Any]] = {  # of what is read from a row without asking
    "row": {
        **{"id": str, "status": str, "reason": str, "key": dict, "keep": (str, type(None))},
        **dict.fromkeys(("quality", "time", "work"), (dict, type(None))),
    },
    "key": {
        **dict.fromkeys(("technique", "dataset", "task", "device", "machine", "code"), str),
        **dict.fromkeys(("size", "seed", "threads"), int),
    },
    "work": {"operations": (int, float, type(None))},
    "time": {"wall": (int, float, type(None))},
}


class DiskFull(Exception):
    """The row is stored (from the reserve), but there is no room for another."""


def run_id() -> str:
    """UTC start, process id and four random digits: no two runs share one, even when the clock goes backwards."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{os.urandom(2).hex()}"


class Store:
    """The rows of files, or below folders, read once and kept up to date by `refresh`.

    rows    {row id: the newest row}, ok rows before others       told   what was skipped while reading, a sentence each
    """

    def __init__(self, *folders: Path) -> None:
        self.folders = folders or (LOCAL,)
        self.rows: dict[str, Row] = {}
        self.told: list[str] = []
        self._read_to: dict[Path, int] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read what was appended since the last time, by this run or by others."""
        for folder in self.folders:
            for path in files_of(folder):
                self._read(path)

    def _read(self, path: Path) -> None:
        start = self._read_to.get(path, 0)
        try:
            if path.stat().st_size <= start:
                return
            with path.open("rb") as file:
                file.seek(start)
                text = file.read()
        except OSError as error:
            self.told.append(f"{path.name} cannot be read: {error.strerror}")
            return
        whole, newline, torn = text.rpartition(b"\n")
        self._read_to[path] = start + len(whole) + len(newline)
        for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
            self._take(line, f"{path.name}, line {number}")
        if torn and not _being_written(path):
            self.told.append(f"{path.name}: its last line is torn (a run was stopped while writing); skipped")
            self._read_to[path] += len(torn)

    def _take(self, line: bytes, where: str) -> None:
        problem, row = parse(line)
        if problem:
            self.told.append(f"{where}: {problem}; skipped")
        if row is None:
            return
        known = self.rows.get(row["id"])
        if known is None or known["status"] != "ok" or row["status"] == "ok":
            self.rows[row["id"]] = row

    def final(self, row_id: str, retry: tuple[str, ...] = ()) -> Row | None:
        """The row that makes computing this cell again needless, if there is one."""
        row = self.rows.get(row_id)
        return row if row and row["status"] in FINAL and row["status"] not in retry else None


def files_of(folder: Path) -> list[Path]:
    """The files of rows below a folder; a file is its own."""
    return [folder] if folder.is_file() else sorted(folder.rglob("*.jsonl"))


def parse(line: bytes) -> tuple[str, Row | None]:
    """One line: (problem or "", row or None)."""
    if not line.strip():
        return "an empty line", None
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return "not a row (no JSON)", None
    if not isinstance(row, dict) or not {"schema", "id", "key", "status"} <= row.keys():
        return "not a row of eras", None
    if not isinstance(row["schema"], int) or row["schema"] > SCHEMA:
        return f"written by a newer eras (schema {row['schema']}, this one reads up to {SCHEMA})", None
    wrong = _wrong(row)
    return (f"a damaged row: {wrong}", None) if wrong else ("", row)


def _wrong(row: Row) -> str:
    """What in a row is not of its kind, as far as anything here relies on it; rows may come from anywhere."""
    for part, kinds in KINDS.items():
        section = row if part == "row" else row.get(part) or {}
        for name, kind in kinds.items() if section else ():
            value = section.get(name)
            if not isinstance(value, kind):
                return f"its {name} is {value!r:.40}"
    if row["status"] not in STATUSES:
        return f"its status is {row['status']!r:.40}"
    if not re.fullmatch(r"\w[\w.-]*", row["key"]["machine"]):  # it becomes the name of a folder
        return f"its machine is called {row['key']['machine']!r:.40}"
    if not re.fullmatch(r"([0-9a-f]{64})?", row.get("keep") or ""):  # it becomes the name of a file
        return f"its keep is {row['keep']!r:.40}"
    return ""


def _being_written(path: Path) -> bool:
    """Whether the run that owns this file still lives; its last line may be on its way."""
    try:
        pid = int(path.stem.split("-")[1])
    except (IndexError, ValueError):
        return False
    return time.time() - path.stat().st_mtime < 5 and machine.is_alive(pid, None)


def is_open(path: Path) -> bool:
    """Whether a living run still appends to this file: it keeps a reserve beside it."""
    pid = path.stem.split("-")[1] if path.stem.count("-") > 1 else ""
    return (path.parent / f".reserve-{path.stem}").exists() and pid.isdigit() and machine.is_alive(int(pid), None)


class Journal:
    """The file that one run appends to, and its claims on cells."""

    def __init__(self, folder: Path, machine_name: str, run: str) -> None:
        self.home = folder / machine_name
        self.claims = self.home / ".claims"
        try:
            self.claims.mkdir(parents=True, exist_ok=True)
            self._sweep()
            self.file = os.open(
                self.home / f"{run}.jsonl", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o644
            )
            self.reserve = self.home / f".reserve-{run}"
            self.reserve.write_bytes(b"\0" * RESERVE)
        except OSError as error:
            raise Mistake(
                f"results cannot be written to {folder}: {error.strerror}; --results DIR names another folder"
            ) from None
        self.path = self.home / f"{run}.jsonl"
        self.boot, self.pid = machine.boot_id(), os.getpid()
        self.owner = f"{self.pid} {machine.process_start(self.pid)} {self.boot}"

    def _sweep(self) -> None:
        """Remove what runs left that were killed: their reserves, and files without a row."""
        for reserve in self.home.glob(".reserve-*"):
            path = self.home / f"{reserve.name.removeprefix('.reserve-')}.jsonl"
            if not is_open(path):
                reserve.unlink(missing_ok=True)
                if path.exists() and path.stat().st_size == 0:
                    path.unlink()

    def append(self, row: Row) -> None:
        """Write one row and wait until it is on the disk. Raises DiskFull, as a rule after the row is safe."""
        line = json.dumps(row, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        start = os.fstat(self.file).st_size
        try:
            _write_all(self.file, line)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            os.ftruncate(self.file, start)
            if not self.reserve.exists():
                raise DiskFull(f"no space left in {self.home}: the last row could not be stored") from None
            self.reserve.unlink()
            _write_all(self.file, line)
            raise DiskFull(f"no space left in {self.home}: the row is stored, no other would be") from None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        import fcntl

        with open(self.claims / ".lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def claim(self, row_id: str) -> bool:
        """Take this cell, unless a living process has it. A claim of the dead, or of an earlier boot, is stale."""
        path = self.claims / row_id
        with self._locked():
            with contextlib.suppress(FileNotFoundError):
                owner = path.read_text()
                if owner != self.owner and self._lives(owner):
                    return False
            try:
                path.write_text(self.owner)
            except OSError as error:
                raise DiskFull(f"no cell can be claimed in {self.home}: {error.strerror}") from None
        return True

    def _lives(self, owner: str) -> bool:
        pid, start, boot = (*owner.split(), "", "", "")[:3]
        if boot != self.boot:  # another container of this same start of the machine is not for us to judge
            return boot.split(":")[0] == self.boot.split(":")[0]
        return pid.isdigit() and machine.is_alive(int(pid), int(start) if start.isdigit() else None)

    def release(self, row_id: str) -> None:
        """Give a cell back, after its row is stored."""
        (self.claims / row_id).unlink(missing_ok=True)

    def close(self) -> None:
        """Leave nothing behind but rows."""
        os.close(self.file)
        self.reserve.unlink(missing_ok=True)
        if self.path.stat().st_size == 0:
            self.path.unlink()


def _write_all(file: int, line: bytes) -> None:
    while line:
        line = line[os.write(file, line) :]
    os.fsync(file)

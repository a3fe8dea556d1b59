"""The two sides of a comparison: a tree of files at a revision, an interpreter with its libraries, a process to ask.

A revision's files are unpacked once into the cache, beside the repository and not in it. Where the packages that it
asks for differ from those of this checkout, an environment with its own versions is built there too, once.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import files
from harness.catalogue import ROOT, Mistake
from harness.compare.gauge import Span
from harness.compare.judge import Sample, SideDied

Say = Callable[[str], None]
TREE = "."  # names the files as they lie, changes that are not committed included


@dataclass(frozen=True)
class Revision:
    """What is compared. commit: full hash, "" outside git; dirty: it holds changes that are not committed."""

    name: str
    tree: Path
    commit: str
    dirty: bool = False

    def __str__(self) -> str:
        short = f" ({self.commit[:10]})" if self.commit and not self.commit.startswith(self.name) else ""
        return self.name + short + (" with changes that are not committed" if self.dirty else "")


def cache_folder() -> Path:
    """Where trees and environments are kept: $ERAS_CACHE/compare, else ~/.cache/eras/compare."""
    return files.cache_root() / "compare"


def git(repository: Path, *arguments: str, **variables: str) -> str:
    """What git says. Raises Mistake with its complaint."""
    command = ["git", "-C", str(repository), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables}, check=False)
    except FileNotFoundError:
        raise Mistake("compare needs git, which is not installed here") from None
    if done.returncode:
        raise Mistake(f"git {' '.join(arguments[:2])}: {done.stderr.strip() or 'no word'}")
    return done.stdout.strip()


def repository(here: Path) -> Path:
    """The top of the git repository around `here`."""
    try:
        return Path(git(here, "rev-parse", "--show-toplevel"))
    except Mistake:
        raise Mistake(f"{here} is in no git repository: compare takes two revisions of one, or stored rows") from None


def revision(top: Path, name: str, as_it_lies: bool) -> Revision:
    """The files of a revision. as_it_lies: the commit that is checked out is taken with its uncommitted changes."""
    head = git(top, "rev-parse", "HEAD")
    commit = head
    if name != TREE:
        try:
            commit = git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        except Mistake:
            raise Mistake(f"{name} is no revision of {top}: a branch, a tag or a commit is right (`git log`)") from None
    dirty = bool(git(top, "status", "--porcelain"))
    if name == TREE or (as_it_lies and dirty and commit == head):
        return Revision(name, top, commit, dirty)
    return Revision(name, _unpacked(top, commit), commit)


def _unpacked(top: Path, commit: str) -> Path:
    """The commit's files in the cache. A folder with its name is whole: it is renamed last."""
    folder = cache_folder() / "trees" / hashlib.sha256(str(top).encode()).hexdigest()[:10] / commit
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        fresh = Path(scratch) / "tree"
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}  # ours: the user's stays as it is
        git(top, "read-tree", commit, **index)
        git(top, "checkout-index", "--all", f"--prefix={fresh}/", **index)
        with contextlib.suppress(OSError):  # another comparison was faster
            fresh.rename(folder)
    return folder


# ------------------------------------------------------------------------------------------------------ the interpreter


def interpreter(of: Revision, asked: str, say: Say) -> str:
    """The Python to run a revision with: the one asked for, this one if it has what is needed, or one built for it."""
    if asked:
        return _asked(asked)
    wanted, own = _packages(of.tree), _packages(ROOT)
    if not wanted or wanted == own:
        return sys.executable
    return _built(of, wanted, say)


def _asked(path: str) -> str:
    """An interpreter, or the folder of a virtual environment."""
    place = Path(path).expanduser()
    for python in (place, place / "bin" / "python", place / "Scripts" / "python.exe"):
        if python.is_file() and os.access(python, os.X_OK):
            return str(python.absolute())
    raise Mistake(f"{path} is neither a Python nor the folder of a virtual environment")


def _packages(tree: Path) -> str:
    """What a tree of ours asks to be installed, "" where that is not told."""
    if not (tree / "harness" / "side.py").is_file() or not (tree / "pyproject.toml").is_file():
        return ""
    try:
        project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (ValueError, KeyError) as error:
        raise Mistake(f"{tree / 'pyproject.toml'} cannot be read: {error}") from None
    constraints = tree / "constraints.txt"
    pins = constraints.read_text(encoding="utf-8").splitlines() if constraints.is_file() else []
    pins = [line for line in pins if line.strip() and not line.startswith("#")]
    return json.dumps([project.get("dependencies", []), pins])


def _built(of: Revision, wanted: str, say: Say) -> str:
    """An environment with the revision's packages, made once. Raises Mistake with the end of pip's complaint."""
    import fcntl

    name = hashlib.sha256(f"{wanted} {sys.version} {sys.base_prefix}".encode()).hexdigest()[:16]
    folder = cache_folder() / "environments" / name
    python, whole = folder / "bin" / "python", folder / "whole"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another comparison may be building it just now
        if whole.is_file() and python.exists():
            return str(python)
        say(f"{of.name} asks for other packages: building an environment for it, once, in {folder}")
        dependencies, pins = json.loads(wanted)
        _do(of, sys.executable, "-m", "venv", "--clear", str(folder))
        constraints = folder / "constraints.txt"
        constraints.write_text("\n".join(pins) + "\n")
        pip = (str(python), "-m", "pip", "install", "--disable-pip-version-check", "-c", str(constraints))
        if dependencies:
            _do(of, *pip, *dependencies)
        whole.touch()
    return str(python)


def _do(of: Revision, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Mistake(f"the environment of {of.name} could not be built: {done.stderr.strip()[-500:]}")


# -------------------------------------------------------------------------------------------------------- the process


def _whole(variable: str) -> dict[str, str]:
    """A variable that names folders, as seen from here: the sides live elsewhere."""
    given = os.environ.get(variable, "")
    return {variable: os.pathsep.join(str(Path(one).expanduser().absolute()) for one in given.split(os.pathsep) if one)}


@dataclass
class Side:
    """One side's process. `cells`: name -> its number there, and what it is."""

    label: str
    of: Revision
    python: str
    folder: Path
    cells: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def start(self, arguments: list[str], where: Path) -> None:
        """Bring it up and have it list its cells. where: the user's folder, relative to the top of the tree."""
        ours = (self.of.tree / "harness" / "side.py").is_file()
        harness = self.of.tree if ours else ROOT
        if not ours and (self.of.tree / "harness" / "contract.py").is_file():
            raise Mistake(f"{self.of.name} is older than `eras compare`: it has no harness/side.py to answer it")
        place = self.of.tree / where
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(
            [self.python, "-P", "-m", "harness.side", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            cwd=place if place.is_dir() else self.of.tree,
            env={**os.environ, "PYTHONPATH": str(harness), **_whole("ERAS_DATA"), **_whole("ERAS_CACHE")},
            start_new_session=True,  # Ctrl-C is for the judge alone
        )
        answer = self.ask(cells=arguments)
        if "error" in answer:
            raise Mistake(f"{self.label} side, {self.of.name}: {answer['error']}")
        self.told = answer["told"]
        for number, cell in enumerate(answer["cells"]):
            files_ = [path.removeprefix(f"{self.of.tree.resolve()}/") for path in cell["files"]]
            self.cells[cell["name"]] = cell | {"number": number, "files": files_}

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request, one answer. Raises SideDied with the end of what it said."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError:
            line = b""
        if not line:
            self.log.seek(0)
            said = self.log.read().decode(errors="replace").strip()[-600:]
            raise SideDied(f"the {self.label} side, {self.of.name}, does not come up or has ended: {said or 'no word'}")
        try:
            return dict(json.loads(line))
        except ValueError:
            raise SideDied(f"the {self.label} side, {self.of.name}, ended in the middle of an answer") from None

    def measure(self, name: str, seed: int, timeout: float) -> Sample:
        """Run a cell once."""
        answer = self.ask(measure=self.cells[name]["number"], seed=seed, timeout=timeout)
        if "changed" in answer:
            raise SideDied(f"{answer['changed']} was changed while the {self.label} side was measured")
        if "error" in answer:
            return Sample("error", answer["error"])
        row = answer["row"]
        times = {quantity: (row["time"][quantity], row["time"][f"{quantity}_cpu"]) for quantity in ("fit", "answer")}
        spans = {quantity: Span(wall, cpu or 0.0) for quantity, (wall, cpu) in times.items() if wall}
        return Sample(row["status"], row["reason"], spans, row["memory"]["anonymous"], row["quality"])

    def renew(self) -> None:
        """End the processes that cells are forked from: the next cells get new ones."""
        self.ask(renew=True)

    def close(self) -> None:
        """End it and what it runs."""
        if not hasattr(self, "process"):
            return
        with contextlib.suppress(OSError):
            if self.process.stdin:
                self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.log.close()

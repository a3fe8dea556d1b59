"""`eras compare BASE HEAD`: whether anything became slower, bigger or worse. Exit 0 no, 1 yes, 2 too noisy to tell."""

import argparse
import datetime
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import cli, machine
from harness.catalogue import Mistake
from harness.compare import suite, words
from harness.compare.judge import Case, Judge, SideDied, short
from harness.compare.sides import Revision, Side, cache_folder, git, interpreter, repository, revision
from harness.compare.stored import stored
from harness.keeping import results_of
from harness.screen import Screen, duration

FILTERS = ("technique", "dataset", "target", "group", "time", "task", "text", "drop")


def command(args: argparse.Namespace) -> int:
    """Build both sides, judge, print, keep the outcome for the report."""
    if all(name != "." and Path(name).exists() for name in (args.base, args.head)):
        return stored(args)
    if args.markdown and not Path(args.markdown).absolute().parent.is_dir():
        raise Mistake(f"--markdown {args.markdown}: its folder is not there")
    screen = Screen(quiet=args.json)
    here = Path.cwd().resolve()
    top = repository(here)
    began = time.monotonic()
    try:
        both = {
            "base": revision(top, args.base, as_it_lies=False),
            "head": revision(top, args.head, as_it_lies=True),
        }
        pythons = {label: interpreter(of, getattr(args, f"{label}_env"), screen.say) for label, of in both.items()}
    except OSError as error:
        place = error.filename or cache_folder()
        raise Mistake(f"{place}: {error.strerror}; ERAS_CACHE names another folder for both sides") from None
    with tempfile.TemporaryDirectory(prefix="eras-compare-") as scratch:
        sides = _sides(args, both, pythons, here.relative_to(top), Path(scratch))
        try:
            cases, told = _cases(args, sides, _touched(top, both["base"], both["head"]))
            pace = _Pace(screen, args.budget)
            judge = Judge(sides["base"], sides["head"], cases, args.budget, args.timeout, screen.say, pace)
            judge.go()
        finally:
            for side in sides.values():
                side.close()
    outcome = words.outcome(judge, {label: _about(sides[label]) for label in sides}, told, time.monotonic() - began)
    outcome["path"] = _keep(args, outcome)
    print(json.dumps(outcome, indent=1) if args.json else "\n".join(words.lines(outcome)))
    if args.markdown:
        _write(Path(args.markdown), words.markdown(outcome))
    return 130 if judge.ended == "interrupted" else int(outcome["exit"])


def _sides(
    args: argparse.Namespace, both: dict[str, Revision], pythons: dict[str, str], where: Path, scratch: Path
) -> dict[str, Any]:
    """Both sides, up and answering."""
    made: dict[str, Any] = {}
    for label, of in both.items():
        python = pythons[label]
        if args.pytest_benchmark:
            made[label] = suite.Suite(label, of, python, _seen_from_here(args.pytest_benchmark))
        else:
            made[label] = Side(label, of, python, scratch / label)
    try:
        for side in made.values():
            side.start(_arguments(args), where)
    except (SideDied, Mistake) as error:
        for side in made.values():
            side.close()
        raise Mistake(str(error)) from None
    return made


def _arguments(args: argparse.Namespace) -> list[str]:
    """The cells that are asked for, as `eras plan` takes them."""
    plan = _seen_from_here(args.plan) if args.plan else "compare"
    given = [] if (args.technique or args.dataset) and not args.plan else [plan]
    for name in FILTERS:
        value = getattr(args, name)
        for one in value if isinstance(value, list) else [value] if value else []:
            given += [f"--{name}", _seen_from_here(one) if name in ("technique", "dataset") else one]
    if args.sizes:
        given += ["--sizes", ",".join(map(str, args.sizes))]
    given += ["--seeds", "1", "--device", args.device, "--dtype", args.dtype, "--threads", str(args.threads or 1)]
    cli.parser().parse_args(["plan", *given])  # a mistake is told here, not by a side
    return given


def _seen_from_here(name: str) -> str:
    """A path as each side is to find it in its own tree; a file that git does not know is the same for both sides."""
    path = Path(name).expanduser()
    if not path.exists() or "/" not in name and "." not in name:
        return name
    whole = path.resolve()
    if whole.is_relative_to(repository(Path.cwd())) and git(Path.cwd(), "ls-files", "--", str(whole)):
        near = os.path.relpath(whole, Path.cwd().resolve())
        return near if near.startswith(".") else f"./{near}"
    return str(whole)


def _cases(args: argparse.Namespace, sides: dict[str, Any], touched: set[str]) -> tuple[list[Case], list[str]]:
    """The cells that both sides have, those first whose files the change touched; and what is left out."""
    base, head = sides["base"], sides["head"]
    told = list(dict.fromkeys((*base.told, *head.told)))
    for side, other in ((base, head), (head, base)):
        alone = [short(cell["what"]) for name, cell in side.cells.items() if name not in other.cells]
        if alone:
            more = f" and {len(alone) - 5} more" if len(alone) > 5 else ""
            told.append(f"on the {side.label} side alone, so not compared: {', '.join(alone[:5])}{more}")
    if base.of.tree == head.of.tree and base.python == head.python:
        told.append("both sides are the same: whatever is found is a false alarm")
    names = sorted(
        (name for name in head.cells if name in base.cells),
        key=lambda name: not touched & set(head.cells[name]["files"]),
    )
    if not names:
        raise Mistake("the two sides have no cell in common: nothing can be compared")
    if len(names) > args.cells:
        told.append(f"{len(names) - args.cells} of {len(names)} cells are left out: --cells {len(names)} takes all")
    taken = names[: args.cells]
    return [
        Case(name, head.cells[name]["what"], touched=bool(touched & set(head.cells[name]["files"]))) for name in taken
    ], told


def _touched(top: Path, base: Revision, head: Revision) -> set[str]:
    """Files that differ between the two."""
    if base.commit == head.commit and not head.dirty:
        return set()
    against = [] if head.tree == top else [head.commit]
    return set(git(top, "diff", "--name-only", base.commit, *against).splitlines())


def _about(side: Any) -> dict[str, Any]:
    return {
        "name": side.of.name,
        "text": str(side.of),
        "commit": side.of.commit,
        "dirty": side.of.dirty,
        "python": side.python,
    }


class _Pace:
    """Says now and then how far it is."""

    def __init__(self, screen: Screen, budget: float) -> None:
        self.screen, self.budget = screen, budget
        self.began = self.last = time.monotonic()

    def __call__(self, cases: Sequence[Case]) -> None:
        now = time.monotonic()
        if now - self.last < 30:
            return
        self.last = now
        decided = sum(not case.open for case in cases)
        spent = f"{duration(now - self.began)} of at most {duration(self.budget)}"
        self.screen.say(f"{decided} of {len(cases)} cells decided after {spent}")


def _keep(args: argparse.Namespace, outcome: dict[str, Any]) -> str:
    """Where `eras report` finds it; on a full disk the outcome is printed all the same."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S")
    folder = results_of(args) / machine.fingerprint()["name"] / "compare"
    path = folder / f"{stamp}-{os.getpid()}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(outcome))
    except OSError as error:
        print(f"the outcome could not be kept in {folder}: {error.strerror}", file=sys.stderr)
        return ""
    return str(path)


def _write(path: Path, text: str) -> None:
    """The verdict is printed by now: what cannot be written is told, and changes no exit code."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"--markdown {path}: {error.strerror}", file=sys.stderr)

"""`eras data`: which datasets there are, where they lie, whether their bytes are right; and the user's own files.

A file of the user's is read once, in a process of its own, which writes a dataset file about it into the cache: from
there on it is a dataset like any other.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness import catalogue, files
from harness.catalogue import ROOT, SELF, Mistake, public_name
from harness.contract import BadData, Dataset
from harness.screen import Screen, show, table

OPTIONS = ("target", "group", "time", "task", "text", "drop")
SHOWN = 40  # columns of a file that are printed; --json has all


def here(name: str) -> bool:
    """Whether a dataset's bytes are on this machine."""
    card: Dataset = catalogue.dataset(name).card
    return files.here(public_name(name), card.files, card.folder)


def obtainable(name: str) -> bool:
    """Whether all files of a dataset have an address to be downloaded from."""
    return all(file.url for file in catalogue.dataset(name).card.files)


def absence(name: str) -> str:
    """Why a dataset's files cannot be read here, and what would help; "" where they can."""
    card: Dataset = catalogue.dataset(name).card
    try:
        files.locate(public_name(name), card.files, card.folder)
    except files.Missing as error:
        return str(error)
    return ""


def left_out(name: str) -> str:
    """What a plan tells of a dataset that it goes without."""
    return f"{absence(name) or f'{name} is not here'}; it is left out"


def get(name: str) -> dict[str, Path]:
    """Download what of a dataset is not here."""
    from harness import download

    card: Dataset = catalogue.dataset(name).card
    return download.get(public_name(name), card.files, folder=card.folder, source=card.source)


# -------------------------------------------------------------------------------------------------------------- command


def datasets(_: argparse.Namespace) -> tuple[list, list]:
    """All datasets, as (values for machines, lines of a table)."""
    value, rows = [], [("name", "year", "tasks", "form", "rows", "test", "download", "licence", "here")]
    for name in catalogue.names("dataset"):
        card: Dataset = catalogue.dataset(name).card
        is_here, size = here(name), sum(f.bytes for f in card.files)
        value.append({"name": name, "title": card.title, "year": card.year, "tasks": card.tasks, "form": card.form})
        value[-1] |= {"rows": card.rows, "test": card.test, "bytes": size, "licence": card.licence}
        value[-1] |= {"source": card.source, "kind": _kind(card), "here": is_here}
        place = "yes" if is_here else f"eras data get {name}" if all(f.url for f in card.files) else "no: see its home"
        counts = f"{card.rows:,}", f"{card.test:,}", f"{size / 1e6:,.1f} MB" if size else "-"
        rows.append((name, str(card.year), ", ".join(card.tasks), card.form, *counts, card.licence[:40], place))
    return value, rows


def _kind(card: Dataset) -> str:
    if card.files:
        return "files"
    return "generated" if card.protocol == "generated" else f"comes with {card.package or 'the project'}"


def data(args: argparse.Namespace) -> int:
    """list, get, verify, where, describe."""
    if args.action == "list":
        value, rows = datasets(args)
        show(args.json, value, table(rows))
        return 0
    if args.action in ("get", "describe") and not args.names:
        raise Mistake(f"which one? `eras data {args.action} NAME`; `eras data list` tells the names")
    if args.action == "describe":
        return max(_describe(name, args) for name in args.names)
    value, rows, bad = [], [], 0
    for name in args.names or catalogue.names("dataset"):
        told, fine = _looked_up(args.action, name)
        absent = not here(name)
        bad += not fine and (bool(args.names) or not absent)
        value.append({"name": name, "told": told, "ok": fine, "here": not absent})
        rows.append((name, told))
    show(args.json, value, table(rows))
    return 1 if bad else 0


def _looked_up(action: str, name: str) -> tuple[str, bool]:
    card: Dataset = catalogue.dataset(name).card
    if not card.files:
        return ("generated when needed" if card.protocol == "generated" else _kind(card)), True
    try:
        if action == "get":
            get(name)
        found = files.locate(public_name(name), card.files, card.folder)
    except BadData as error:
        home = "" if all(f.url for f in card.files) else f". Home: {card.source}"
        would = f". The cache is {files.cache(card.folder or public_name(name))}" if action == "where" else ""
        return f"{error}{home}{would}", False
    if action == "where":
        return ", ".join(str(p) for p in found.values()), True
    return f"{len(found)} files, sizes and checksums agree", True


# ------------------------------------------------------------------------------------------------------------- describe


def _describe(name: str, args: argparse.Namespace) -> int:
    if is_own(name):
        told = understood(name, args, write=False)
        show(args.json, told, _file_lines(told))
        return 0
    card: Dataset = catalogue.dataset(name).card
    fields = ("title", "year", "licence", "source", "tasks", "form", "shape", "classes", "rows", "test", "protocol")
    value = {field: getattr(card, field) for field in fields}
    value |= {"metric": card.metric, "higher_is_better": card.higher_is_better, "anchor": card.anchor}
    value |= {"anchor_source": card.anchor_source, "ceiling": card.ceiling, "ceiling_source": card.ceiling_source}
    value |= {"kind": _kind(card), "here": here(name)}
    value["files"] = [{"name": f.name, "bytes": f.bytes, "sha256": f.sha256, "url": f.url} for f in card.files]
    lines = [(key, _text(item)) for key, item in value.items() if key != "files" and item not in ("", None)]
    lines += [(f.name, f"{f.bytes:,} bytes, {f.url or 'no public address'}, sha256 {f.sha256}") for f in card.files]
    show(args.json, value, table(lines))
    return 0


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " x ".join(map(str, value)) if value and isinstance(value[0], int) else ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)


def _file_lines(told: dict[str, Any]) -> list[str]:
    card = told["card"]
    lines = [f"{card['title']}: {told['rows']:,} rows, understood as {card['task']} on {card['form']}"]
    lines += [f"  {sentence}" for sentence in told["told"]] + [f"  WARNING: {text}" for text in told["warnings"]]
    if told["columns"]:
        head = ("column", "kind", "missing", "distinct", "example", "")
        body = [
            (c["name"], c["kind"], f"{c['missing']:,}", f"{c['distinct']:,}", str(c["example"])[:30], c["told"] or "")
            for c in told["columns"][:SHOWN]
        ]
        lines += ["", *table([head, *body])]
        if len(told["columns"]) > SHOWN:
            lines.append(f"... and {len(told['columns']) - SHOWN} more columns: --json has all")
    return lines


# ------------------------------------------------------------------------------------------------------ one's own file


def is_own(name: str) -> bool:
    """A file or folder of data, not a dataset file (.py) and not a name of the project's."""
    if name in catalogue.names("dataset") or name.endswith(".py"):
        return False
    if name.startswith(SELF) and not Path(name).exists():
        return False  # data of a smoke test
    return "/" in name or "." in name or Path(name).expanduser().exists()


def brought(args: argparse.Namespace, screen: Screen) -> None:
    """Turn each file of data among the arguments' datasets into a dataset file; say what was understood of it."""
    asked = args.dataset or []
    own = [name for name in asked if is_own(name)]
    given = [f"--{option}" for option in OPTIONS if getattr(args, option)]
    if given and not own:
        raise Mistake(f"{', '.join(given)}: these say how to read a file of your own; name it with -d FILE")
    for place, name in enumerate(asked):
        if name in own:
            told = understood(name, args, write=True)
            for sentence in told["told"]:
                screen.say(f"{told['card']['title']}: {sentence}")
            for sentence in told["warnings"]:
                screen.say(f"{told['card']['title']}: WARNING: {sentence}")
            args.dataset[place] = told["dataset"]


def understood(name: str, args: argparse.Namespace, write: bool) -> dict[str, Any]:
    """What `harness.own` makes of a file, read in a process of its own. Raises Mistake with its one sentence."""
    path = Path(name).expanduser()
    if not path.exists():
        raise Mistake(f"{name}: there is no such file, and no dataset of that name (`eras data list`)")
    request: dict[str, Any] = {option: getattr(args, option) for option in OPTIONS}
    request["drop"] = [one for one in (request["drop"] or "").split(",") if one]
    request |= {"path": str(path.absolute()), "write": write}
    command = [sys.executable, "-P", "-m", "harness.own", json.dumps(request)]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment())
    try:
        told = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        why = done.stderr.strip()[-500:] or f"exit code {done.returncode}"
        raise Mistake(f"{name}: reading it failed: {why}") from None
    if "problem" in told:
        raise Mistake(told["problem"])
    return told


def _environment() -> dict[str, str]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths).rstrip(os.pathsep)}

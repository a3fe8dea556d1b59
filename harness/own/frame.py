"""A table of named columns: which one is asked for, which ones it is told from, which ones are left out and why."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.catalogue import Mistake
from harness.contract import BadData
from harness.own.columns import CAP, COUNTED, Column, Scan, scanned
from harness.own.dates import days
from harness.own.features import Features, features
from harness.own.material import Material
from harness.own.tables import Table
from harness.own.target import asked
from harness.split import FOLDS

LEAST = 10  # rows of a file
WORDS = 4  # mean words of a text from which it may be what is to be read


def frame(table: Table, request: Mapping[str, Any], folder: Path) -> Material:
    """What a table is, with the user's target, group, time, text, drop and task. Raises BadData, Mistake."""
    name = table.path.name
    who = {role: _found(table, request[role], role) for role in ("target", "group", "time", "text")}
    dropped = [found for one in request["drop"] if (found := _found(table, one, "drop"))]
    if who["group"] and who["time"]:
        raise Mistake(f"{name}: --group and --time each decide the split; one of them is right")
    given = [column for column in (*who.values(), *dropped) if column]
    if twice := [column for column in given if given.count(column) > 1]:
        raise Mistake(f"{name}: column {twice[0]} is given two roles, one is right")
    roles = () if request["task"] == "translate" else ("target", "group")
    named = [column for role in roles if (column := who[role])]
    scan = scanned(table, named, [who["time"]] if who["time"] else [], folder / "spill")
    if scan.rows < LEAST:
        raise BadData(f"{name} holds {scan.rows} rows: at least {LEAST} are right")
    by_name = {column.name: column for column in scan.columns}
    for column in dropped:
        by_name[column].told = "left out: --drop"
    material = Material("table", "", None, None, (), scan.rows, told=list(table.told))
    if request["task"] == "translate" or _are_pairs(scan, who):
        _pairs(material, scan, who)
    else:
        _tell_apart(material, scan, who, request["task"])
    for one, distinct in zip(scan.columns, scan.counted(), strict=True):
        beyond = distinct > CAP and scan.rows > COUNTED
        told = "; ".join(filter(None, (one.told, f"different values in {COUNTED:,} rows" if beyond else "")))
        value = {"name": one.name, "kind": one.kind, "missing": one.missing, "distinct": distinct}
        material.columns.append(value | {"example": one.example[:80], "told": told})
    return material


def _found(table: Table, asked_for: str | None, role: str) -> str | None:
    """The column that the user means: by name, whatever its case, or by its number from 1 (-1: the last)."""
    if asked_for is None:
        return None
    names = list(table.types)
    alike = [name for name in names if name.lower() == asked_for.lower()]
    if asked_for in names or alike:
        return asked_for if asked_for in names else alike[0]
    if re.fullmatch(r"-?\d{1,6}", asked_for) and (number := int(asked_for)) and abs(number) <= len(names):
        return names[number - 1 if number > 0 else number]
    near = difflib.get_close_matches(asked_for, names, 3, 0.4) or names[:20]
    raise Mistake(f"{table.path.name} has no column {asked_for!r} for --{role}; nearest: {', '.join(near)}")


def _tell_apart(material: Material, scan: Scan, who: Mapping[str, str | None], task: str | None) -> None:
    """Fill in a table with a target, or with none yet."""
    there = np.ones(scan.rows, dtype=bool)
    by_name = {column.name: column for column in scan.columns}
    if who["time"]:
        material.times = _times(scan, by_name[who["time"]])
        there &= _without(material, np.isnan(material.times), "time")
        by_name[who["time"]].told = "the order of the rows; left out"
    for role in ("group", "target"):
        if who[role]:
            there &= _without(material, np.isnan(_values(by_name[str(who[role])])), role)
    rows = np.flatnonzero(there)
    if len(rows) < LEAST:
        raise BadData(f"{scan.table.path.name} holds {len(rows)} rows with a {'/'.join(r for r in who if who[r])}")
    if who["target"]:
        _ask(material, by_name[who["target"]], rows, task)
    if who["group"]:
        _group(material, by_name[who["group"]], rows)
    if material.times is not None:
        material.times = material.times[rows]
    for column in scan.columns:
        column.kept = None  # of many rows they take as much as the column itself
    material.rows = len(rows)
    others = [column for column in scan.columns if not column.told]
    found = features(material, scan, others, rows)
    chosen = _text_column(scan, who, others, found)
    if chosen and material.task:
        _read(material, scan, by_name[chosen], rows, others)
    elif not found.places:
        raise BadData(f"{scan.table.path.name}: no column is left to tell {who['target'] or 'anything'} from")


def _ask(material: Material, target: Column, rows: np.ndarray, task: str | None) -> None:
    names = list(target.known or ()) if target.kind == "text" else None
    material.y, material.labels, told = asked(_values(target)[rows], names, task, target.name)
    material.classes, material.task = len(material.labels), "classify" if material.labels else "regress"
    material.told += told
    target.told = f"the target, {'classes' if material.labels else 'a number'}"


def _group(material: Material, group: Column, rows: np.ndarray) -> None:
    found, material.groups = np.unique(_values(group)[rows], return_inverse=True)
    group.told = "groups, never divided; left out"
    if len(found) < FOLDS:
        raise BadData(f"{group.name} has {len(found)} groups, {FOLDS} or more are right: one for each fold")


def _values(column: Column) -> np.ndarray:
    return np.concatenate(column.kept or [])


def _without(material: Material, absent: np.ndarray, role: str) -> np.ndarray:
    if absent.any():
        material.told.append(f"{int(absent.sum()):,} rows without a {role} are left out")
    return ~absent


def _times(scan: Scan, column: Column) -> np.ndarray:
    if column.kind in ("number", "date", "clock"):
        return _values(column)
    if column.kind != "text" or not column.sample:
        raise BadData(f"--time {column.name} is no date and no number, but {column.kind}")
    values, _, wrong = days(scan, column)
    if wrong >= 0:
        told = next(text for row, text in enumerate(scan.texts(column.name)) if row >= wrong and text)
        raise BadData(f"--time {column.name}: row {wrong + 1:,} is {told[:40]!r}, a date like 2024-12-31 is right")
    return values


# --------------------------------------------------------------------------------------------------------------- texts


def _wordy(column: Column) -> bool:
    return column.kind == "text" and (column.share or 0) > 0.5 and column.words >= WORDS


def _text_column(scan: Scan, who: Mapping[str, str | None], others: list[Column], found: Features) -> str | None:
    """The column to be read: the user's; else the wordiest, where there is not much beside it or it is long."""
    if who["text"]:
        if scan.columns[scan.place(who["text"])].kind not in ("text", "category"):
            raise Mistake(f"--text {who['text']}: this column holds no text")
        return who["text"]
    wordy = sorted((column for column in others if _wordy(column)), key=lambda column: -column.words)
    if wordy and (len(found.places) < 3 or wordy[0].words >= 10):
        return wordy[0].name
    for column in wordy:
        column.told += f"; --text {column.name} would read it"
    return None


def _read(material: Material, scan: Scan, column: Column, rows: np.ndarray, others: list[Column]) -> None:
    """Turn the material into texts; the other columns are left out."""
    for other in others:
        if other is not column and not other.told.startswith("left out"):
            other.told = "left out: the text alone is read"
    column.kind, column.told = "text", "the text"
    material.told = [told for told in material.told if not told.startswith("left out")]
    beside = [other.name for other in others if other is not column]
    if beside:
        material.told.append(f"left out beside the text {column.name}: {', '.join(beside[:10])}")
    found = list(scan.texts(column.name))
    texts = [found[row] for row in rows]
    there = np.array([text is not None for text in texts])
    if not there.all():
        _without(material, ~there, "text")
        for name in ("y", "groups", "times"):
            values = getattr(material, name)
            setattr(material, name, None if values is None else values[there])
    _as_texts(material, [text for text in texts if text is not None])


def _as_texts(material: Material, texts: list[str]) -> None:
    if len(texts) < LEAST:
        raise BadData(f"{len(texts)} rows have a text: at least {LEAST} are right")
    material.form, material.rows = "text", len(texts)
    material.x = np.array(texts, dtype=np.dtypes.StringDType())
    material.shape = (int(np.median([len(text.split()) for text in texts[:10_000]])),)
    material.levels, material.features = (), ()


def _are_pairs(scan: Scan, who: Mapping[str, str | None]) -> bool:
    """Two columns of different texts, and nothing said of either."""
    texts = [column for column in scan.columns if column.kind == "text" and (column.share or 0) > 0.5]
    return len(scan.columns) == len(texts) == 2 and not any(who.values())


def _pairs(material: Material, scan: Scan, who: Mapping[str, str | None]) -> None:
    """Sentences and their translations: the target's column is the second one, where it is not named."""
    texts = [column for column in scan.columns if column.kind == "text" and not column.told]
    target = who["target"] or next((column.name for column in reversed(texts) if column.name != who["text"]), None)
    source = who["text"] or next((column.name for column in texts if column.name != target), None)
    if not source or not target:
        raise BadData(f"{scan.table.path.name} has {len(texts)} columns of texts: the task translate asks for two")
    pairs = list(zip(scan.texts(source), scan.texts(target), strict=True))
    whole = [(x, y) for x, y in pairs if x is not None and y is not None]
    if len(whole) < len(pairs):
        material.told.append(f"{len(pairs) - len(whole):,} rows without one of the two texts are left out")
    for column in scan.columns:
        column.told = {source: "the text", target: "the target, its translation"}.get(column.name, "left out")
    material.told.append(f"two columns of texts: the task is translate, from {source} to {target}")
    _as_texts(material, [x for x, _ in whole])
    material.y = np.array([y for _, y in whole], dtype=np.dtypes.StringDType())
    material.task = "translate"

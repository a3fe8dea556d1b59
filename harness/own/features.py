"""The columns that a target is told from: each is judged (number, category, date, id, ...), coded, and told."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.own.columns import CAP, ID_NAME, ID_TEXT, Column, Scan, as_numbers, different
from harness.own.dates import days, formats
from harness.own.material import Material

EXACT = 1 << 24  # integers up to here are exact in float32
GROUP = re.compile(r"(^|[_ .-])(id|uid|patient|subject|person|user|customer|client|speaker|session|household)$", re.I)


@dataclass
class Features:
    """The columns that a target is told from. `features[rows]`: (rows, columns) float32, categories by sorted name."""

    scan: Scan
    rows: np.ndarray
    places: list[int]
    recoded: dict[int, np.ndarray]  # column of x -> code of each provisional code
    given: dict[int, np.ndarray]  # column of x -> its values, made in a pass of their own

    def __getitem__(self, rows: Any) -> np.ndarray:
        rows = self.rows[rows]
        block = self.scan[rows][:, self.places]
        for column, codes in self.recoded.items():
            values = block[:, column]
            there = ~np.isnan(values)
            values[there] = codes[values[there].astype(np.int64)]
        for column, values in self.given.items():
            block[:, column] = values[rows]
        return block


def features(material: Material, scan: Scan, others: list[Column], rows: np.ndarray) -> Features:
    """x of the table: each column is judged, and told."""
    found = Features(scan, rows, [], {}, {})
    levels, names = [], []
    for column in others:
        codes = given = None
        if column.kind == "text":
            codes, given = _judge_text(scan, column)
        else:
            _judge_number(material, scan, column)
        if column.told.startswith("left out"):
            continue
        place = len(found.places)
        found.places.append(scan.place(column.name))
        names.append(column.name)
        levels.append(0 if codes is None else len(codes))
        if codes is not None:
            found.recoded[place] = codes
        if given is not None:
            found.given[place] = given
        _hint(material, column, scan.rows)
    material.x, material.features = found, tuple(names)
    material.levels = tuple(levels) if any(levels) else ()
    material.shape = (len(names),)
    for told in ("id", "constant", "no value", "text"):
        out = [column.name for column in others if column.told.startswith(f"left out: {told}")]
        if out:
            material.told.append(f"left out ({told}): {', '.join(out[:10])}{' ...' if len(out) > 10 else ''}")
    return found


def _judge_number(material: Material, scan: Scan, column: Column) -> None:
    seen = scan.rows - column.missing
    if column.infinite:
        material.warnings.append(f"{column.name}: {column.infinite:,} infinite or huge numbers count as missing")
    if column.kind == "nested" or not seen:
        column.told = "left out: nested values" if column.kind == "nested" else "left out: no value"
    elif column.low == column.high and not column.missing:
        column.told = "left out: constant"
    elif column.kind == "number" and _is_id(scan, column):
        column.told = "left out: id, a number of its own for each row"
    elif column.kind == "number" and max(-column.low, column.high) > EXACT and column.whole:
        column.told = "rounded: float32 is exact up to 16,777,216"
    else:
        column.told = {"date": "days since 1970", "clock": "seconds", "boolean": "0 or 1"}.get(column.kind, "")


def _is_id(scan: Scan, column: Column) -> bool:
    """All different integers: called like an id, or (of 100 and more) nearly without a gap."""
    if not column.whole or column.missing or (column.known is not None and len(column.known) < scan.rows):
        return False
    dense = scan.rows >= 100 and column.high - column.low + 1 <= 1.2 * scan.rows
    if not (dense or ID_NAME.search(column.name)):
        return False
    if max(-column.low, column.high) <= EXACT:
        values = scan.column(scan.place(column.name))
    else:
        batches = scan.table.batches([column.name])
        values = np.concatenate([as_numbers(batch.column(0), column.kind) for batch in batches])
    return different(values) == scan.rows


def _judge_text(scan: Scan, column: Column) -> tuple[np.ndarray | None, np.ndarray | None]:
    """(the code of each provisional code, the values) of a column of texts: a category or a date; else left out."""
    limit = max(50, min(CAP, scan.rows // 100))
    known = column.known
    if known is not None and len(known) < 2 and not (known and column.missing):
        column.told = "left out: constant" if known else "left out: no value"
        return None, None
    if formats(column.sample):
        values, ways, wrong = days(scan, column)
        if wrong < 0:
            also = f" ({ways[1]} fits too)" if len(ways) > 1 else ""
            column.kind, column.told = "date", f"written {ways[0]}{also}: days since 1970"
            return None, values.astype(np.float32)
    own = known is not None and len(known) == scan.rows
    if known is not None and len(known) <= limit and not own:
        column.kind, column.told = "category", f"{len(known)} categories, coded by sorted name"
        return np.argsort(np.argsort(np.array(list(known), dtype=object))).astype(np.float32), None
    if all(ID_TEXT.match(text) for text in column.sample) and (own or known is None):
        column.told = "left out: id, by its form"
    else:
        many = f"{len(known):,}" if known is not None else f"more than {CAP:,}"
        column.told = f"left out: text with {many} different values"
    return None, None


def _hint(material: Material, column: Column, rows: int) -> None:
    several = column.known is None or 5 <= len(column.known) <= rows / 2
    if column.kind in ("number", "category") and column.whole and GROUP.search(column.name) and several:
        material.warnings.append(
            f"{column.name} looks like a group: with its rows on both sides of the split, a technique may recognise "
            f"them; --group {column.name} keeps them together, --drop {column.name} leaves it out"
        )

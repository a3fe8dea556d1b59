"""One pass over a table: what each column holds, and all that is a number, or coded as one, in one file of float32."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from harness.contract import BadData
from harness.own.tables import Misfit, Table
from harness.own.text import MISSING

CAP = 1_000  # distinct values of a column that are kept apart
MOST = 1_000_000  # the same of a column that the user named
COUNTED = 100_000  # rows in which distinct values beyond CAP are counted
STEP = 1 << 18  # rows of the spilled file that are looked at at once
HELD = 1 << 27  # bytes of rows up to which they stay in memory
LARGEST = float(np.finfo(np.float32).max)
DAY = 86_400e6  # microseconds
ID_NAME = re.compile(r"(^|[_ .-])(id|uid|uuid|guid|index|idx|key|no|nr|number|row|rowid|unnamed.*)$|[a-z]I[Dd]$", re.I)
ID_TEXT = re.compile(r"[A-Za-z_#-]{0,12}\d+$|[0-9a-fA-F]{8,}$|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


def kind_of(name: pa.DataType) -> str:
    """What a column of that type is: number, boolean, date, clock, text, nothing (no value at all) or nested."""
    t = pa.types
    if t.is_dictionary(name):
        return kind_of(name.value_type)
    for kind, tests in {
        "number": (t.is_integer, t.is_floating, t.is_decimal),
        "boolean": (t.is_boolean,),
        "date": (t.is_timestamp, t.is_date),
        "clock": (t.is_time, t.is_duration),
        "text": (t.is_string, t.is_large_string, t.is_string_view),
        "nothing": (t.is_null,),
    }.items():
        if any(test(name) for test in tests):
            return kind
    return "nested"


@dataclass
class Column:
    """What one column holds.

    known    {value: code in order of appearance}; None once there are more than `cap`       sample  the first of them
    kept     of a column that the user named: its values, (n,) float64; of texts the codes of `known`
    whole    all numbers are integers        infinite  numbers that float32 cannot hold, counted as missing
    """

    name: str
    kind: str
    cap: int = CAP
    missing: int = 0
    infinite: int = 0
    whole: bool = True
    low: float = np.inf
    high: float = -np.inf
    known: dict[Any, int] | None = field(default_factory=dict)
    sample: list[Any] = field(default_factory=list)
    share: float | None = None  # of texts: different ones per row, in the first batch
    kept: list[np.ndarray] | None = None
    told: str = ""
    format: str = ""

    def see(self, values: pa.ChunkedArray) -> np.ndarray:
        """Take note of one batch; (rows,) float64 of it, NaN where there is none."""
        numbers = self._texts(values) if self.kind == "text" else self._numbers(values)
        if self.kept is not None:
            self.kept.append(numbers)
        return numbers

    def _numbers(self, values: pa.ChunkedArray) -> np.ndarray:
        numbers = as_numbers(values, self.kind)
        absent = np.isnan(numbers)
        low, high = np.fmin.reduce(numbers), np.fmax.reduce(numbers)
        if max(-low, high) > LARGEST:
            numbers = np.where(np.abs(numbers) > LARGEST, np.nan, numbers)
            self.infinite += int(np.isnan(numbers).sum() - absent.sum())
            absent = np.isnan(numbers)
            low, high = np.fmin.reduce(numbers), np.fmax.reduce(numbers)
        self.missing += int(absent.sum())
        self.low, self.high = float(np.fmin(self.low, low)), float(np.fmax(self.high, high))
        if self.whole:
            self.whole = bool((np.floor(numbers) == numbers).sum() == len(numbers) - absent.sum())
        if self.known is not None:
            self._note([one for one in pc.unique(pa.array(numbers))[: self.cap + 2].to_pylist() if one == one])
        return numbers

    def _texts(self, values: pa.ChunkedArray) -> np.ndarray:
        coded = values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
        if not pa.types.is_dictionary(coded.type):
            coded = pc.dictionary_encode(coded)
        texts = [cleaned(text) for text in coded.dictionary.to_pylist()]
        self._note([text for text in texts if text is not None])
        known = self.known or {}
        full = self.known is None
        codes = [np.nan if text is None else 0.0 if full else known[text] for text in texts]
        places = coded.indices.to_numpy(zero_copy_only=False)
        absent = np.isnan(places) if places.dtype.kind == "f" else np.zeros(len(places), bool)
        numbers = np.array([*codes, np.nan])[np.where(absent, len(codes), places).astype(np.int64)]
        self.missing += int(np.isnan(numbers).sum())
        if self.share is None and len(numbers) > self.missing:
            self.share = len(set(texts) - {None}) / (len(numbers) - self.missing)
        return np.full(len(numbers), np.nan) if full else numbers

    def _note(self, values: list[Any]) -> None:
        if self.known is None:
            return
        for value in values:
            self.known.setdefault(value, len(self.known))
        if len(self.sample) < CAP:
            self.sample = list(self.known)[:CAP]
        if len(self.known) > self.cap:
            if self.cap > CAP:
                raise BadData(f"column {self.name} has more than {self.cap:,} different texts: too many for its role")
            self.known = None

    @property
    def example(self) -> str:
        """The first value, as text."""
        first = self.sample[0] if self.sample else ""
        return str(np.datetime64(int(first), "D")) if self.kind == "date" and isinstance(first, float) else plain(first)

    @property
    def words(self) -> float:
        """Mean words of a text, by the sample."""
        return float(np.mean([len(str(text).split()) for text in self.sample])) if self.sample else 0.0


def different(values: np.ndarray) -> int:
    """How many different values there are; of plain numbers by far faster than np.unique is."""
    ordered = np.sort(values)
    there = ordered[ordered == ordered]  # without NaN
    return int(len(there) and 1 + (there[1:] != there[:-1]).sum())


def cleaned(text: str | None) -> str | None:
    """A text without blanks around it, None where it says that there is none."""
    text = text.strip() if text else ""
    return None if text in MISSING else text


def plain(value: Any) -> str:
    """A value as one would write it: 3, not 3.0."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def as_numbers(values: pa.ChunkedArray, kind: str) -> np.ndarray:
    """(n,) float64: numbers, 0 and 1, days since 1970, seconds of a day; NaN where there is none."""
    if pa.types.is_dictionary(values.type):
        values = pc.cast(values, values.type.value_type)
    if kind == "nothing" or kind == "nested":
        return np.full(len(values), np.nan)
    if kind == "date":
        values = pc.cast(pc.cast(values, pa.timestamp("us", getattr(values.type, "tz", None)), safe=False), pa.int64())
    elif kind == "clock" and not pa.types.is_duration(values.type):
        values = pc.cast(pc.cast(values, pa.time64("us"), safe=False), pa.int64())
    elif kind == "clock":
        values = pc.cast(pc.cast(values, pa.duration("us"), safe=False), pa.int64())
    numbers = pc.cast(values, pa.float64(), safe=False).to_numpy()
    return numbers / {"date": DAY, "clock": 1e6}.get(kind, 1.0)


@dataclass
class Scan:
    """What a pass over a table found. `scan[rows]`: (rows, columns) float32 as in the file; texts by code, or NaN.

    held  these values, where they are few; else they are in the file at `path`
    """

    table: Table
    columns: list[Column]
    rows: int
    path: Path
    held: np.ndarray | None

    def __getitem__(self, rows: Any) -> np.ndarray:
        if self.held is not None:
            return self.held[rows]
        if isinstance(rows, slice) or not len(rows) or (np.diff(rows) < 0).any():
            return self._mapped(rows)
        ends = np.searchsorted(rows, np.arange(rows[0], rows[-1] + STEP, STEP)[1:])
        return np.concatenate([self._mapped(some) for some in np.split(rows, ends) if len(some)])

    def _mapped(self, rows: Any) -> np.ndarray:
        """A copy of these rows. The file is mapped anew each time, so that memory holds few of its pages."""
        shape = (self.rows, len(self.columns))
        return np.array(np.memmap(self.path, dtype=np.float32, mode="r", shape=shape)[rows])

    def column(self, place: int) -> np.ndarray:
        """(rows,) float32: one column."""
        return np.concatenate([self[start : start + STEP][:, place] for start in range(0, self.rows, STEP)])

    def place(self, name: str) -> int:
        """Where in a row that column stands."""
        return next(place for place, column in enumerate(self.columns) if column.name == name)

    def counted(self) -> list[int]:
        """Distinct values of each column; those of more than CAP are counted in the first COUNTED rows."""
        head = self[:COUNTED]
        return [
            len(one.known) if one.known is not None
            else max(CAP, len(one.sample)) if one.kind == "text"
            else different(head[:, place])
            for place, one in enumerate(self.columns)
        ]  # fmt: skip

    def texts(self, name: str) -> Iterator[str | None]:
        """Each row's text of one column, in a pass of its own."""
        for batch in self.table.batches([name]):
            column = batch.column(0)
            for chunk in column.chunks:
                chunk = chunk.dictionary_decode() if pa.types.is_dictionary(chunk.type) else chunk
                yield from map(cleaned, chunk.to_pylist())


def scanned(table: Table, named: Collection[str], times: Collection[str], path: Path) -> Scan:
    """Look at all of a table once (or twice, where a later value is of another type).

    named, times  columns whose values are kept; of `times` not those of texts

    Raises BadData where there is no row, or the file is damaged.
    """
    try:
        return _scanned(table, named, times, path)
    except Misfit:
        assert table.retyped
    try:
        return _scanned(table.retyped(), named, times, path)
    except Misfit as error:
        raise BadData(f"{table.path.name}: {str(error.__cause__).splitlines()[0][:200]}") from None


def _scanned(table: Table, named: Collection[str], times: Collection[str], path: Path) -> Scan:
    columns = [Column(name, kind_of(kind)) for name, kind in table.types.items()]
    for column in columns:
        if column.name in named or column.name in times and column.kind != "text":
            column.cap, column.kept = (MOST if column.kind == "text" else CAP), []
    rows = 0
    held: list[np.ndarray] = []
    with path.open("wb") as stream:
        for batch in table.batches(None):
            if not len(batch):
                continue
            block = np.empty((len(batch), len(columns)), dtype=np.float32)
            for place, column in enumerate(columns):
                block[:, place] = column.see(batch.column(place))
            rows += len(batch)
            held.append(block)
            if 4 * rows * len(columns) > HELD:
                while held:
                    held.pop(0).tofile(stream)
    if not rows:
        raise BadData(f"{table.path.name} holds no row")
    pa.default_memory_pool().release_unused()
    few = 4 * rows * len(columns) <= HELD
    return Scan(table, columns, rows, path, np.concatenate(held) if few else None)

"""Tables of named columns: csv, parquet, jsonl, ARFF. Each gives its columns batch by batch, as Arrow tables."""

import contextlib
import io
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from harness.contract import BadData
from harness.files import unpack
from harness.own.text import MISSING, Layout, blocks, bound, encoding_of, layout

ROWS = 1 << 16  # of a batch of parquet
COLUMNS = 100_000  # no file of one's own has more
TEXTS = pa.dictionary(pa.int32(), pa.string())
Batches = Callable[[Collection[str] | None], Iterator[pa.Table]]


class Misfit(Exception):
    """A value does not fit the type that its column had so far."""


@dataclass(frozen=True)
class Table:
    """A table whose batches can be had again and again.

    types    Arrow's type of each column          batches  (columns or None for all) -> tables; may raise Misfit
    retyped  the same table, with types that fit all its values: what to read after a Misfit
    """

    path: Path
    types: dict[str, pa.DataType]
    batches: Batches
    told: tuple[str, ...] = ()
    regular: bool = True
    retyped: Callable[[], "Table"] | None = None


def opened(path: Path, kind: str, asked: Collection[str] = ()) -> Table:
    """The table in a file of that kind: csv, parquet, jsonl or arff. Raises BadData."""
    made = {"parquet": _parquet, "jsonl": _jsonl, "arff": _arff}.get(kind)
    table = made(path) if made else _csv(path, layout(path, asked))
    if not 0 < len(table.types) <= COLUMNS:
        raise BadData(f"{path.name} has {len(table.types):,} columns: 1 to {COLUMNS:,} are right")
    return table


# ----------------------------------------------------------------------------------------------------------------- csv


def _csv(path: Path, way: Layout, types: dict[str, pa.DataType] | None = None) -> Table:
    if types is None:
        first = next(_csv_blocks(path, way), None)
        if first is None:
            raise BadData(f"{path.name} holds a header and no row")
        types = dict(zip(way.names, _parsed(path, way, first, 0).schema.types, strict=True))

    def batches(columns: Collection[str] | None) -> Iterator[pa.Table]:
        kinds = {name: _wide(kind) for name, kind in types.items() if columns is None or name in columns}
        asked = {name: TEXTS if kind == pa.string() else kind for name, kind in kinds.items()}
        rows = 0
        for block in _csv_blocks(path, way):
            yield (table := _parsed(path, way, block, rows, asked))
            rows += len(table)

    def retyped() -> Table:
        kinds: dict[str, pa.DataType] = dict.fromkeys(way.names, pa.null())
        rows = 0
        for block in _csv_blocks(path, way):
            table = _parsed(path, way, block, rows)
            rows += len(table)
            kinds = {
                name: _both(kind, new) for (name, kind), new in zip(kinds.items(), table.schema.types, strict=True)
            }
        return _csv(path, way, kinds)

    return Table(path, types, batches, way.told, way.regular, retyped)


def _csv_blocks(path: Path, way: Layout) -> Iterator[bytes]:
    skip = way.skip
    for block in blocks(path, way.encoding, way.quotes):
        while skip and block:
            _, _, block = block.partition(b"\n")
            skip -= 1
        if way.separator == " ":
            block = b"".join(b"\t".join(line.split()) + b"\n" for line in block.split(b"\n"))
        if block and not block.isspace():
            yield block


def _parsed(path: Path, way: Layout, block: bytes, rows: int, types: dict[str, pa.DataType] | None = None) -> pa.Table:
    """One block; with inferred types where none are given, then without threads, so that errors name their row."""
    separator = "\t" if way.separator == " " else way.separator
    parse = pa.csv.ParseOptions(
        delimiter=separator,
        quote_char='"' if way.quotes else False,
        newlines_in_values=way.quotes and b'"' in block,
    )
    convert = pa.csv.ConvertOptions(
        column_types=types,
        include_columns=list(types) if types is not None else None,
        null_values=[blank + text for text in MISSING for blank in ("", " ")],
        strings_can_be_null=True,
        decimal_point=way.decimal,
    )
    read = pa.csv.ReadOptions(column_names=list(way.names), use_threads=types is not None)
    try:
        return pa.csv.read_csv(pa.BufferReader(block), read, parse, convert)
    except pa.ArrowInvalid as error:
        if types is not None and "conversion error" in str(error):
            raise Misfit from error
        if types is not None:
            _parsed(path, way, block, rows)  # again, for the number of the row
        raise BadData(f"{path.name}: {_said(error, rows)}") from None


def _said(error: Exception, rows: int) -> str:
    """Arrow's sentence, its row counted from 1 and from the beginning of the file: `rows` more than Arrow counts."""
    said = str(error).splitlines()[0][:200]
    said = re.sub(r"^(CSV|JSON) (parse|conversion) error: ", "", said)
    return re.sub(r"[Rr]ow #?(\d+)", lambda found: f"row {rows + int(found[1]):,}", said)


def _wide(kind: pa.DataType) -> pa.DataType:
    """The type that a column is read with: any number as float64."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return pa.float64()
    return pa.string() if pa.types.is_binary(kind) else kind


def _both(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    """The type that holds the values of two."""
    if pa.types.is_null(a) or pa.types.is_null(b):
        return b if pa.types.is_null(a) else a
    a, b = _wide(a), _wide(b)
    if a == b or pa.types.is_nested(a):
        return a
    if pa.types.is_nested(b):
        return b
    moments = [kind for kind in (a, b) if pa.types.is_timestamp(kind) or pa.types.is_date(kind)]
    naive = all(getattr(kind, "tz", None) is None for kind in moments)
    return pa.timestamp("ns") if len(moments) == 2 and naive else pa.string()


# ------------------------------------------------------------------------------------------------------------- parquet


def _parquet(path: Path) -> Table:
    def batches(columns: Collection[str] | None) -> Iterator[pa.Table]:
        with _parquet_problems(path), pa.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS, columns=None if columns is None else list(columns)):
                yield pa.table(batch)

    with _parquet_problems(path), pa.parquet.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    if len(set(schema.names)) < len(schema.names):
        raise BadData(f"{path.name} has two columns of one name")
    if rows == 0:
        raise BadData(f"{path.name} holds columns and no row")
    return Table(path, dict(zip(schema.names, schema.types, strict=True)), batches)


@contextlib.contextmanager
def _parquet_problems(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        what = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BadData(f"{path.name} is no parquet file that can be read: {what}") from None


# --------------------------------------------------------------------------------------------------------------- jsonl


def _jsonl(path: Path) -> Table:
    encoding = encoding_of(path)
    types: dict[str, pa.DataType] = {}
    rows = 0
    for block in blocks(path, encoding, quotes=False):
        table = _json(path, block, rows)
        rows += len(table)
        for field in table.schema:
            types[field.name] = _both(types.get(field.name, pa.null()), field.type)

    def batches(columns: Collection[str] | None) -> Iterator[pa.Table]:
        asked = {name: _wide(kind) for name, kind in types.items() if columns is None or name in columns}
        rows = 0
        for block in blocks(path, encoding, quotes=False):
            yield (table := _json(path, block, rows, asked))
            rows += len(table)

    return Table(path, types, batches)


def _json(path: Path, block: bytes, rows: int, types: dict[str, pa.DataType] | None = None) -> pa.Table:
    flat = {name: kind for name, kind in (types or {}).items() if not pa.types.is_nested(kind)}
    parse = pa.json.ParseOptions(
        explicit_schema=pa.schema(list(flat.items())) if types is not None else None,
        unexpected_field_behavior="infer" if types is None else "ignore",
    )
    try:
        found = pa.json.read_json(pa.BufferReader(block), pa.json.ReadOptions(False, 1 << 22), parse)
    except pa.ArrowException as error:
        raise BadData(f"{path.name}: {_said(error, rows + 1)}: one object a line is right") from None
    if types is None:
        return found
    return pa.table({name: found.column(name) if name in flat else pa.nulls(len(found)) for name in types})


# ---------------------------------------------------------------------------------------------------------------- arff


def _arff(path: Path) -> Table:
    from scipy.io import arff

    encoding = encoding_of(path)
    text = unpack(path, bound(path)).decode(encoding)
    if re.search(r"^@attribute\s+.*\s(string|relational)\s*$", text, re.IGNORECASE | re.MULTILINE):
        raise BadData(f"{path.name} has text attributes, which are not read from ARFF: write it as csv")
    try:
        rows, told = arff.loadarff(io.StringIO(text.removeprefix("\ufeff")))
    except (
        arff.ArffError,
        ValueError,
        StopIteration,
        RuntimeError,
        IndexError,
        KeyError,
        NotImplementedError,
    ) as error:
        raise BadData(f"{path.name} is no ARFF file that can be read: {str(error)[:200]}") from None
    if rows.ndim != 1 or not len(rows) or not told.names():
        raise BadData(f"{path.name} holds no row of data")
    columns = {name: _arff_column(rows[name]) for name in told.names()}
    whole = pa.table(columns)

    def batches(asked: Collection[str] | None) -> Iterator[pa.Table]:
        yield whole if asked is None else whole.select(list(asked))

    return Table(path, dict(zip(columns, whole.schema.types, strict=True)), batches)


def _arff_column(values: Any) -> pa.Array:
    if values.dtype.kind == "S":
        return pc.dictionary_encode(pa.array([value.decode() for value in values.tolist()], pa.string()))
    return pa.array(values)

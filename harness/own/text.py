"""Text files: their encoding, how their lines are laid out in columns, and whole lines of UTF-8, block by block."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.contract import BadData
from harness.files import Bounded

BLOCK = 1 << 24  # bytes that are parsed at once
HEAD = 1 << 17  # bytes from which the layout is told
LONGEST = 1 << 26  # bytes of one line, line breaks in quotes included
PACKED = (".gz", ".xz")
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "none", "?", "#N/A")
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
CONTROL = re.compile(rb"[\x01-\x08\x0e-\x19\x1c-\x1f\x7f]")
NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?$")
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+$")
HEADING = re.compile(r"[^\W\d][\w .()/%#-]{0,40}$")


@dataclass(frozen=True)
class Layout:
    """How the lines of a file make a table.

    separator  one character, " " for any run of blanks       skip     lines of header
    quotes     fields may stand in double quotes               regular  no line looked at speaks against a table
    """

    names: tuple[str, ...]
    separator: str
    skip: int
    quotes: bool
    decimal: str
    encoding: str
    regular: bool
    told: tuple[str, ...]


def bound(path: Path) -> int:
    """Bytes that a file may unpack to."""
    size = path.stat().st_size
    return 200 * size + (100 << 20) if path.suffix in PACKED else size


def encoding_of(path: Path) -> str:
    """The encoding of a text, by its first bytes and whether all of it is UTF-8. Raises BadData where it is no text."""
    with Bounded(path, bound(path)) as stream:
        head = stream.read(HEAD)
        if not head:
            raise BadData(f"{path.name} is empty")
        for bom, name in BOMS:
            if head.startswith(bom):
                return name
        even, odd = (head[start::2].count(0) / len(head) for start in (0, 1))
        if min(even, odd) < 0.05 and max(even, odd) > 0.2:  # every other byte of plain text is 0
            return "utf-16-le" if odd > even else "utf-16-be"
        if control := CONTROL.search(head):
            raise BadData(f"{path.name} is not a text: byte {control.start():,} is a control character")
        decoder, done, encoding = codecs.getincrementaldecoder("utf-8")(), 0, "utf-8"
        while head:
            if b"\0" in head:
                raise BadData(f"{path.name} is not a text: byte {done + head.index(0):,} is zero")
            try:
                if encoding == "utf-8" and not (head.isascii() and not decoder.getstate()[0]):
                    decoder.decode(head)
            except UnicodeDecodeError:
                encoding = "latin-1"
            done += len(head)
            head = stream.read(BLOCK)
    return "latin-1" if decoder.getstate()[0] else encoding


def pieces(path: Path, encoding: str) -> Iterator[str]:
    """The text, some millions of characters at a time, without its byte order mark. Raises BadData."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with Bounded(path, bound(path)) as stream:
        first = True
        while content := stream.read(BLOCK):
            yield _decoded(decoder, content, path, encoding).removeprefix("\ufeff" if first else "")
            first = False
    yield _decoded(decoder, b"", path, encoding, final=True)


def _decoded(decoder: codecs.IncrementalDecoder, content: bytes, path: Path, encoding: str, final: bool = False) -> str:
    try:
        return decoder.decode(content, final)
    except UnicodeDecodeError as error:
        raise BadData(f"{path.name} is not {encoding}: {error.reason}") from None


def blocks(path: Path, encoding: str, quotes: bool) -> Iterator[bytes]:
    """Whole lines as UTF-8, about BLOCK bytes at a time. A line break in quotes does not end a line."""
    rest = b""
    for content in _utf8(path, encoding):
        if b"\n" not in content and b"\r" in content:  # an old Macintosh ended its lines so
            content = content.replace(b"\r", b"\n")
        rest = rest + content if rest else content
        cut = _cut(rest, quotes)
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
        if len(rest) > LONGEST:
            raise BadData(f"{path.name} holds a line of more than {LONGEST:,} bytes")
    if rest and not rest.isspace():
        yield rest


def _utf8(path: Path, encoding: str) -> Iterator[bytes]:
    if encoding != "utf-8":
        yield from (piece.encode("utf-8", "surrogatepass") for piece in pieces(path, encoding))
        return
    with Bounded(path, bound(path)) as stream:
        content = stream.read(BLOCK).removeprefix(codecs.BOM_UTF8)
        while content:
            yield content
            content = stream.read(BLOCK)


def _cut(content: bytes, quotes: bool) -> int:
    """Where the last whole line ends; 0 where none does. An odd number of quotes before a break: it is in quotes."""
    cut = content.rfind(b"\n") + 1
    if not quotes or content.count(b'"', 0, cut) % 2 == 0:
        return cut
    end = cut
    while end and content.count(b'"', end, cut) % 2 == 0:
        end = content.rfind(b"\n", 0, end - 1) + 1
    return end if end or len(content) < 4 * BLOCK else cut  # so long a field: the quote is a mere character


# -------------------------------------------------------------------------------------------------------------- layout


def layout(path: Path, asked: Collection[str] = ()) -> Layout:
    """How a file is laid out, from its first lines. `asked`: names that the user gave; they tell a header.

    Raises BadData where there is no text, or only one column.
    """
    encoding = encoding_of(path)
    head = _head(path, encoding)
    separator, quotes, regular = _separator(head)
    found = _rows(head, separator, quotes)
    width = Counter(len(row) for _, row in found[1:] or found).most_common(1)[0][0] if found else 0
    if width < 2:
        raise BadData(f"{path.name} has no columns that , ; | or a tab divides: at least two are right")
    (skip, first), below = found[0], [row for _, row in found[1:200] if len(row) == width]
    if len(first) == width - 1:  # as R writes a table with row names
        first = ["row", *first]
    header = len(first) == width and _is_header(first, below, asked)
    names, told = _names(first if header else [""] * width)
    told.insert(0, f"the first line is {'the header' if header else 'a row of data: columns go by column_1, column_2'}")
    if separator != ",":
        told.append("fields are divided by " + {"\t": "tabs", " ": "blanks"}.get(separator, separator))
    if encoding != "utf-8":
        told.append(f"the text is not UTF-8: read as {encoding}")
    comma = separator != "," and any(DECIMAL_COMMA.match(field.strip()) for row in below for field in row)
    if comma:
        told.append("numbers have decimal commas")
    decimal = "," if comma else "."
    numbers = any(NUMBER.match(field.strip()) for row in below for field in row)
    regular = regular and (numbers or separator != ",")  # a comma in every line may be prose
    return Layout(names, separator, skip if header else 0, quotes, decimal, encoding, regular, tuple(told))


def _head(path: Path, encoding: str) -> str:
    text = "".join(piece for piece, _ in zip(pieces(path, encoding), range(2), strict=False))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if len(text) <= HEAD else text[: text.rfind("\n", 0, HEAD) + 1] or text[:HEAD]


def _rows(head: str, separator: str, quotes: bool) -> list[tuple[int, list[str]]]:
    """(lines read so far, fields) of each line that is not empty."""
    if separator == " ":
        return [(number, line.split()) for number, line in enumerate(head.splitlines(), 1) if line.strip()]
    csv.field_size_limit(LONGEST)
    lines = io.StringIO(head, newline="")
    if quotes:
        reader = csv.reader(lines, delimiter=separator)
    else:
        reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    try:
        return [(reader.line_num, row) for row in reader if row]
    except csv.Error:
        return []


def _separator(head: str) -> tuple[str, bool, bool]:
    """(separator, whether fields are quoted, whether all lines agree)."""
    best, found = 0.0, (",", True, False)
    for separator in "\t;|,":
        quotes = separator != "\t" or re.search(r'(^|\t)"[^\t\n]*"(\t|$)', head, re.MULTILINE) is not None
        widths = Counter(len(row) for _, row in _rows(head, separator, quotes))
        width, lines = max(widths.items(), key=lambda item: (item[0] > 1, item[1]), default=(0, 0))
        share = lines / max(1, widths.total()) if width > 1 else 0.0
        if min(share, 0.9) > best:  # where two serve, the rarer character
            best, found = min(share, 0.9), (separator, quotes, share == 1 and lines > 1)
    if best == 0:
        rows = _rows(head, " ", False)
        if rows and len(rows[0][1]) > 1 and all(NUMBER.match(field) for _, row in rows[1:] for field in row):
            return " ", False, len({len(row) for _, row in rows}) == 1
    return found


def _is_header(first: list[str], below: list[list[str]], asked: Collection[str]) -> bool:
    fields = [field.strip() for field in first]
    if set(asked) & set(fields):
        return True
    if any(NUMBER.match(field) for field in fields):
        return False
    columns = list(zip(*below, strict=True))
    filled = [[field.strip() for field in column if field.strip() not in MISSING] for column in columns]
    if any(column and all(NUMBER.match(field) for field in column) for column in filled):
        return True
    again = any(field in column for field, column in zip(fields, filled, strict=False))
    return not again and len(set(fields)) == len(fields) and all(HEADING.match(field) for field in fields)


def _names(fields: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Every column gets a name of its own."""
    names: list[str] = []
    told = []
    for place, field in enumerate(fields, 1):
        name = plain = field.strip() or f"column_{place}"
        number = 2
        while name in names:
            name, number = f"{plain}.{number}", number + 1
        if name != plain:
            told.append(f"two columns are called {plain}: the later one is called {name} here")
        names.append(name)
    return tuple(names), told

"""Readers of the formats that datasets come in. Files are not to be trusted: a size is checked before it is allocated.

Each raises BadData naming the file, the line or member, and what would be right.
"""

import io
import lzma
import struct
import tarfile
import tempfile
import wave
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from harness.contract import BadData
from harness.files import Bounded, cache, unpack

DAMAGE = (  # what the standard library raises on damaged archives
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error),
    *(ValueError, NotImplementedError, RuntimeError, OverflowError, OSError),
)
MAPPED = 1 << 30  # bytes of an array above which it is not held in memory
Kind = str | tuple[str, ...] | None | Callable[[np.ndarray], np.ndarray]


def idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The bytes of an IDX file (LeCun's format): 0, 0, 8, number of axes, each axis as 4 bytes, then the values.

    Raises BadData unless the file declares and holds exactly `shape`; never unpacks more than that.
    """
    header = bytes((0, 0, 8, len(shape))) + np.array(shape, dtype=">u4").tobytes()
    size = len(header) + int(np.prod(shape))
    content = unpack(path, size)
    if content[:4] != header[:4]:
        raise BadData(f"{path.name} starts with {content[:4].hex()}, {header[:4].hex()} is right for {len(shape)} axes")
    if content[: len(header)] != header:
        declared = tuple(np.frombuffer(content[4 : len(header)].ljust(4 * len(shape), b"\0"), dtype=">u4").tolist())
        raise BadData(f"{path.name} declares the shape {declared}, {shape} is right")
    if len(content) != size:
        raise BadData(f"{path.name} holds {len(content):,} bytes, {size:,} are right")
    return np.frombuffer(content, dtype=np.uint8, offset=len(header)).reshape(shape)


# --------------------------------------------------------------------------------------------------------------- tables


def delimited(
    path: Path,
    most: int,
    columns: Mapping[str, Kind],
    rows: int,
    *,
    separator: str = ",",
    skip: int = 0,
    missing: Collection[str] = ("?",),
    quotes: bool = False,
    dtype: Any = np.float32,
) -> np.ndarray:
    """(rows, taken columns) of a text table of at most `most` unpacked bytes, read block by block (at " ": at once).

    columns    {name: kind} in the order of the file: "" is a number; "a b c" or a tuple of texts are categories, coded
               by place; None is not taken; a function codes an array of texts as an array of numbers
    separator  one character, or " " for any run of blanks             skip     lines of header
    missing    texts that mean NaN in every column; so does an empty number

    Raises BadData at the first field that is not of its kind, and where there are not exactly `rows` rows.
    """
    import pyarrow as pa
    from pyarrow import csv

    taken = {name: kind for name, kind in columns.items() if kind is not None}
    words = pa.dictionary(pa.int32(), pa.string())
    absent = [f"{blank}{text}" for text in missing for blank in ("", " ")]
    read = csv.ReadOptions(column_names=list(columns), skip_rows=skip, block_size=1 << 22, use_threads=False)
    parse = csv.ParseOptions(delimiter=separator, quote_char='"' if quotes else False)
    convert = csv.ConvertOptions(
        column_types={name: pa.float64() if kind == "" else words for name, kind in taken.items()},
        include_columns=list(taken),
        null_values=[*absent, "", " "],
        strings_can_be_null=bool(missing),
    )
    table = room((rows, len(taken)), dtype)
    done = 0
    with Bounded(path, most) as stream:
        source = _single_blanks(io.BufferedReader(stream)) if separator == " " else stream
        try:
            for batch in csv.open_csv(source, read, parse, convert):
                if done + len(batch) > rows:
                    raise BadData(f"{path.name} holds more than the {rows:,} rows that are right")
                for place, (name, kind) in enumerate(taken.items()):
                    where = f"{path.name}, rows from {done + 1:,}: {name}"
                    table[done : done + len(batch), place] = _numbers(batch.column(place), kind, where)
                done += len(batch)
        except pa.ArrowException as error:
            raise BadData(f"{path.name} after {done:,} rows: {str(error).splitlines()[0][:300]}") from None
    if done != rows:
        raise BadData(f"{path.name} holds {done:,} rows, {rows:,} are right")
    return table


def room(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array to be filled; above 1 GiB it lies in a nameless file in the cache, so that memory need not hold it."""
    if int(np.prod(shape)) * np.dtype(dtype).itemsize <= MAPPED:
        return np.empty(shape, dtype=dtype)
    cache("").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=cache("")) as file:
        return np.asarray(np.memmap(file, dtype=dtype, mode="w+", shape=shape))


def _single_blanks(stream: io.BufferedIOBase) -> BinaryIO:
    return io.BytesIO(b"".join(b" ".join(line.split()) + b"\n" for line in stream))


def _numbers(column: Any, kind: Kind, where: str) -> np.ndarray:
    """One column of a batch: numbers as they are, texts by their codes."""
    if kind == "":
        return column.to_numpy(zero_copy_only=False)
    texts_ = [text.strip() if text else "" for text in column.dictionary.to_pylist()]
    if callable(kind):
        codes = np.asarray(kind(np.array(texts_, dtype=object)), dtype=np.float64)
    else:
        known = {name: place for place, name in enumerate(kind.split() if isinstance(kind, str) else kind or ())}
        unknown = [text for text in texts_ if text not in known]
        if unknown:
            raise BadData(f"{where} is {unknown[0]!r:.60}, a known category is right")
        codes = np.array([known[text] for text in texts_], dtype=np.float64)
    places = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.append(codes, np.nan)[places]  # -1, a missing value, takes the NaN at the end


# ------------------------------------------------------------------------------------------------------------- archives


def members(path: Path, most: int, wanted: Collection[str] | Callable[[str], bool]) -> dict[str, bytes]:
    """{name: content} of the wanted members of a .zip, .tar, .tar.gz or .tar.xz, read in memory.

    wanted  exact names, all of which must be there, or a function of the name
    most    bytes: of the wanted members of a .zip, of the whole unpacked .tar
    Raises BadData for a damaged archive, a link or device, a name that leaves the archive, a name that comes twice.
    """
    is_wanted = wanted if callable(wanted) else frozenset(wanted).__contains__
    read = _zipped if path.suffix == ".zip" else _tarred
    found: dict[str, bytes] = {}
    try:
        for name, content in read(path, most, is_wanted):
            if name in found:
                raise BadData(f"{path.name} holds {name!r:.80} twice")
            found[name] = content
    except DAMAGE as error:
        raise BadData(f"{path.name} is cut or damaged: {type(error).__name__}: {str(error)[:200]}") from None
    absent = [] if callable(wanted) else [name for name in wanted if name not in found]
    if absent:
        raise BadData(f"{path.name} lacks {', '.join(sorted(absent)[:3])}: {len(absent)} members are missing")
    return found


def _zipped(path: Path, most: int, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            _inside(path, member.filename)
            if member.external_attr >> 28 == 0xA:
                raise BadData(f"{path.name} holds a link, {member.filename!r:.80}: files are right")
            if member.is_dir() or not wanted(member.filename):
                continue
            with archive.open(member) as stream:
                content = stream.read(most + 1)
            most -= len(content)
            if most < 0:
                raise BadData(f"{path.name} holds more than there should be, at {member.filename!r:.80}")
            if len(content) != member.file_size:
                raise BadData(f"{path.name}: {member.filename!r:.80} is not as long as declared")
            yield member.filename, content


def _tarred(path: Path, most: int, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    with Bounded(path, most) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            _inside(path, member.name)
            if (
                not (member.isfile() or member.isdir()) or member.issparse()
            ):  # a sparse member's holes are not in the file
                raise BadData(f"{path.name} holds a link, device or sparse file, {member.name!r:.80}: files are right")
            if not member.isfile() or not wanted(member.name):
                continue
            if member.size > most:
                raise BadData(f"{path.name} holds more than there should be, at {member.name!r:.80}")
            content = archive.extractfile(member)
            assert content
            yield member.name, content.read()


def _inside(path: Path, name: str) -> None:
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
        raise BadData(f"{path.name} holds {name!r:.80}, a name that leaves the archive")


# ------------------------------------------------------------------------------------------------------ text and tokens


def lines(path: Path, most: int, encoding: str = "utf-8") -> list[str]:
    """The lines of a text file of at most `most` unpacked bytes, split at \\n alone (other breaks are text)."""
    content = unpack(path, most)
    try:
        found = content.decode(encoding).split("\n")
    except UnicodeDecodeError as error:
        raise BadData(f"{path.name}, byte {error.start:,} is not {encoding}") from None
    return found[:-1] if found[-1] == "" else found


def texts(found: list[str]) -> np.ndarray:
    """(n,) StringDType."""
    return np.array(found, dtype=np.dtypes.StringDType())


def tokens(words: Collection[str], vocabulary: Collection[str]) -> np.ndarray:
    """The number of each word in the vocabulary, in the smallest of uint8, uint16 and int32. Raises BadData."""
    number = {word: place for place, word in enumerate(vocabulary)}
    dtype = np.uint8 if len(number) <= 1 << 8 else np.uint16 if len(number) <= 1 << 16 else np.int32
    try:
        return np.fromiter((number[word] for word in words), dtype=dtype, count=len(words))
    except KeyError as error:
        raise BadData(f"{error.args[0]!r:.60} is none of the {len(number):,} words of the vocabulary") from None


# --------------------------------------------------------------------------------------------------- pictures and sound


def picture(content: bytes, shape: tuple[int, ...], name: str) -> np.ndarray:
    """uint8 pixels of a PNG or JPEG of exactly that shape: (h, w) grey or (h, w, 3) colour."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            if image.size != (shape[1], shape[0]):
                raise BadData(f"{name} is {image.size[1]} x {image.size[0]}, {shape[0]} x {shape[1]} pixels are right")
            return np.asarray(image.convert("RGB" if len(shape) == 3 else "L"))
    except (*DAMAGE, SyntaxError, Image.DecompressionBombError) as error:  # PIL calls broken PNG chunks SyntaxError
        raise BadData(f"{name} is not a picture that can be read: {str(error)[:200]}") from None


def wav(content: bytes, rate: int, name: str) -> np.ndarray:
    """(samples,) int16 of a WAV file: one channel, 16-bit PCM, `rate` samples per second."""
    try:
        with wave.open(io.BytesIO(content)) as sound:
            is_ = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
            if is_ != (1, 2, rate):
                raise BadData(f"{name} has channels, bytes a sample and rate {is_}, {(1, 2, rate)} are right")
            declared = sound.getnframes()
            samples = np.frombuffer(sound.readframes(min(declared, len(content))), dtype="<i2")
    except (wave.Error, *DAMAGE) as error:
        raise BadData(f"{name} is not a WAV file that can be read: {str(error)[:200]}") from None
    if len(samples) != declared:
        raise BadData(f"{name} holds {len(samples):,} samples, it declares {declared:,}")
    return samples


# --------------------------------------------------------------------------------------------------------------- series


def ts(path: Path, most: int, rows: int, length: int, labels: Collection[str]) -> tuple[np.ndarray, np.ndarray]:
    """(rows, length) float32 and (rows,) int64 of a .ts file (sktime's format): series of one channel and one length.

    Behind a header that ends in @data stands one series a line: values between commas, a colon, a label; y is the
    label's place in `labels`. Raises BadData at the first line that is not so, and where there are not `rows` series.
    """
    found = lines(path, most)
    begin = next((number for number, line in enumerate(found, 1) if line.strip().lower() == "@data"), len(found))
    if len(found) - begin != rows:
        raise BadData(f"{path.name} holds {len(found) - begin:,} series after @data, {rows:,} are right")
    place = {label: number for number, label in enumerate(labels)}
    x, y = np.empty((rows, length)), np.empty(rows, dtype=np.int64)
    for row, line in enumerate(found[begin:]):
        where = f"{path.name}, line {begin + row + 1}"
        values, _, label = line.rpartition(":")
        fields = values.split(",")
        if len(fields) != length:
            raise BadData(f"{where} holds {len(fields):,} values, {length:,} are right")
        if label.strip() not in place:
            raise BadData(f"{where}: the label is {label.strip()!r:.60}, one of {', '.join(place)} is right")
        y[row] = place[label.strip()]
        try:
            x[row] = [float(field) for field in fields]
        except ValueError as error:
            raise BadData(f"{where}: {str(error)[:100]}, a number is right") from None
    if not (np.abs(x) < np.finfo(np.float32).max).all():  # so written that NaN is wrong too
        raise BadData(f"{path.name} holds a value that is not finite in float32")
    return x.astype(np.float32), y

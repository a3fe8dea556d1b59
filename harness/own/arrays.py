"""Files without named columns: arrays in .npz, svmlight lines, and plain text as a run of characters."""

import io
import math
import tokenize
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.contract import STREAMS, BadData
from harness.files import unpack
from harness.formats import DAMAGE
from harness.own.columns import LARGEST
from harness.own.material import Material
from harness.own.target import asked
from harness.own.text import bound, encoding_of, pieces
from harness.split import FOLDS

PAIRS = (("x", "y"), ("X", "y"), ("data", "target"), ("data", "labels"), ("x_train", "y_train"), ("images", "labels"))
TESTS = (("test_x", "test_y"), ("X_test", "y_test"), ("x_test", "y_test"))
DENSE = 1 << 30  # bytes of float32 that a sparse file may take when written out
MEMBERS = 1 << 36  # bytes of all arrays of a .npz, and
RATIO = 1_000  # how many times the size of the file: of an image that is mostly 0, deflate makes so little
UNKNOWN = "<unknown>"
TRAINING = 0.9  # of a text


# ----------------------------------------------------------------------------------------------------------------- npz


def npz(path: Path, request: Mapping[str, Any], folder: Path) -> Material:
    """x and y (or X and y, data and target, ...), and test_x and test_y where they are there."""
    found = _members(path)
    pair = next((pair for pair in PAIRS if set(pair) <= set(found)), None)
    if pair is None:
        raise BadData(f"{path.name} has no arrays x and y (X and y, data and target, ... are as good)")
    test = next((pair for pair in TESTS if set(pair) <= set(found)), None)
    x, y = _examples(path, found.pop(pair[0]), found.pop(pair[1]), pair)
    told = [f"{pair[0]} has shape {x.shape}, {pair[1]} {y.shape}"]
    if not test:
        return _labelled(x, y, request, told)
    test_x, test_y = _examples(path, found.pop(test[0]), found.pop(test[1]), test)
    if test_x.shape[1:] != x.shape[1:] or test_x.dtype != x.dtype or test_y.dtype.kind != y.dtype.kind:
        raise BadData(f"{path.name}: {test[0]} has shape {test_x.shape}, {pair[0]} {x.shape}: they must agree")
    return _labelled(x, y, request, [*told, f"{test[0]} is the test part"], test_x, test_y)


def _members(path: Path) -> dict[str, bytes]:
    """{name: bytes} of the arrays that are asked for; no more of them than a file of this size may hold."""
    left = min(MEMBERS, RATIO * path.stat().st_size)
    asked_for = {f"{name}.npy" for pair in (*PAIRS, *TESTS) for name in pair}
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename not in asked_for:
                    continue
                left -= member.file_size
                if left < 0:
                    raise BadData(f"{path.name} declares more than it can hold, at {member.filename}")
                content = archive.read(member)
                if len(content) != member.file_size:
                    raise BadData(f"{path.name}: {member.filename} is not as long as declared")
                found[member.filename.removesuffix(".npy")] = content
    except DAMAGE as error:
        raise BadData(f"{path.name} is cut or damaged: {str(error)[:200]}") from None
    return found


def _examples(path: Path, x: bytes, y: bytes, names: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    examples, labels = _npy(x, f"{path.name}: {names[0]}"), _npy(y, f"{path.name}: {names[1]}")
    labels = labels.ravel() if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim != 1 or examples.ndim < 2 or len(examples) != len(labels) or not examples.size:
        shapes = f"{names[0]} has shape {examples.shape}, {names[1]} {labels.shape}"
        raise BadData(f"{path.name}: {shapes}: (n, columns) or (n, height, width) and (n,) are right")
    if examples.dtype.kind not in "biuf" or labels.dtype.kind not in "biufU":
        raise BadData(f"{path.name}: {names[0]} holds {examples.dtype}, {names[1]} {labels.dtype}: numbers are right")
    return examples, labels


def _npy(content: bytes, where: str) -> np.ndarray:
    """The array of a .npy file, whose declared size must be the size it has. Nothing is unpickled."""
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
        shape, fortran, dtype = read(stream)
    except (ValueError, KeyError, TypeError, SyntaxError, EOFError, tokenize.TokenError, RecursionError) as error:
        raise BadData(f"{where} is no array that can be read: {str(error)[:150]}") from None
    if dtype.hasobject:
        raise BadData(f"{where} holds Python objects, which are not loaded: arrays of numbers are right")
    declared = math.prod(shape) * dtype.itemsize
    if declared != len(content) - stream.tell() or min(shape, default=0) < 0:
        raise BadData(f"{where} declares {declared:,} bytes and holds {len(content) - stream.tell():,}")
    if not declared:
        raise BadData(f"{where} is empty")
    array = np.frombuffer(content, dtype=dtype, offset=stream.tell())
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def _labelled(
    x: np.ndarray, y: np.ndarray, request: Mapping[str, Any], told: list[str], test_x: Any = None, test_y: Any = None
) -> Material:
    """Arrays as material: pictures (uint8 of three or four axes), series (floats of three), or rows of a table."""
    both = y if test_y is None else np.concatenate([y, test_y])
    names = None
    if both.dtype.kind == "U":
        texts, codes = np.unique(both, return_inverse=True)
        names, both = texts.tolist(), codes
    both = both.astype(np.float64)
    if not np.isfinite(both).all():
        raise BadData("a label is missing or infinite: leave such rows out")
    y, labels, more = asked(both, names, request["task"], "y")
    picture = x.dtype == np.uint8 and (x.ndim == 3 or x.ndim == 4 and x.shape[3] in (1, 3))
    if not picture and x.ndim > 3:
        raise BadData(f"x has shape {x.shape} and type {x.dtype}: (n, h, w) or (n, h, w, 3) of uint8 are pictures")
    form = "image" if picture else "series" if x.ndim == 3 else "table"
    material = Material(form, "classify" if labels else "regress", None, y[: len(x)], (), len(x), len(labels), labels)
    material.told = told + more
    material.x = _shaped(x, form, material)
    if test_x is not None:
        material.test_x, material.test_y = _shaped(test_x, form, material), y[len(x) :]
    material.shape = tuple(material.x.shape[1:])
    material.features = tuple(f"column_{place}" for place in range(1, x.shape[1] + 1)) if form == "table" else ()
    return material


def _shaped(x: np.ndarray, form: str, material: Material) -> np.ndarray:
    if form == "image":
        return x[..., 0] if x.ndim == 4 and x.shape[3] == 1 else x
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.array(x, dtype=np.float32, order="C")
    huge = np.abs(rows) > LARGEST
    if huge.any():
        material.warnings.append(f"x: {int(huge.sum()):,} infinite or huge numbers count as missing")
        rows[huge] = np.nan
    return rows


# ------------------------------------------------------------------------------------------------------------ svmlight


def svmlight(path: Path, request: Mapping[str, Any], folder: Path) -> Material:
    """Lines of "label index:value ...", written out; what is not named is 0."""
    from sklearn.datasets import load_svmlight_file

    content = unpack(path, bound(path))
    try:
        sparse, y, queries = load_svmlight_file(io.BytesIO(content), dtype=np.float32, query_id=True)
    except (ValueError, OverflowError, IndexError, MemoryError, UnicodeDecodeError) as error:
        raise BadData(f"{path.name} is not in svmlight's format: {str(error)[:200]}") from None
    n, p = sparse.shape
    if not n or not p:
        raise BadData(f"{path.name} holds {n:,} rows of {p:,} columns")
    if 4 * n * p > DENSE:
        takes = f"written out they take {4 * n * p / 1e9:,.1f} GB, at most 1 is right"
        raise BadData(f"{path.name} has {n:,} rows of {p:,} columns: {takes}")
    told = [f"{sparse.nnz / (n * p):.1%} of the values are named, the others are 0"]
    material = _labelled(sparse.toarray(), y, request, told)
    if len(queries) == n and len(np.unique(queries)) >= FOLDS:
        material.groups = np.unique(queries, return_inverse=True)[1]
        material.told.append("the rows of one qid are never divided")
    return material


# ---------------------------------------------------------------------------------------------------------------- text


def passage(path: Path, request: Mapping[str, Any], folder: Path) -> Material:
    """A text as one run of characters; the last tenth is the test part, and its new characters are unknown."""
    task = request["task"] or "next_token"
    if task not in STREAMS or request["target"]:
        raise BadData(
            f"{path.name} is a text without columns: its task is {' or '.join(STREAMS)}, and it has no target"
        )
    encoding = encoding_of(path)
    total = sum(len(piece) for piece in _codes(path, encoding))
    train = int(TRAINING * total)
    if total - train < 2:
        raise BadData(f"{path.name} holds {total} characters: 20 are the least")
    seen, place = np.zeros(0x110000, dtype=bool), 0
    for piece in _codes(path, encoding):
        seen[piece[: max(0, train - place)]] = True
        place += len(piece)
    symbols = np.flatnonzero(seen)
    dtype = np.uint8 if len(symbols) < 1 << 8 else np.uint16 if len(symbols) < 1 << 16 else np.int32
    number = np.zeros(0x110000, dtype=dtype)
    number[symbols] = np.arange(1, len(symbols) + 1)
    tokens = np.concatenate([number[piece] for piece in _codes(path, encoding)])
    unknown = int((tokens[train:] == 0).sum())
    told = [
        f"a text of {total:,} characters, {len(symbols)} different ones in its first nine tenths",
        f"the last tenth is the test part: {total - train:,} characters, {unknown:,} of them unknown",
    ]
    if encoding != "utf-8":
        told.append(f"the text is not UTF-8: read as {encoding}")
    material = Material("tokens", task, tokens[:train], None, (), train, len(symbols) + 1, told=told)
    material.vocabulary = (UNKNOWN, *map(chr, symbols.tolist()))
    material.test_x = tokens[train:]
    return material


def _codes(path: Path, encoding: str) -> Iterator[np.ndarray]:
    """The characters as numbers, piece by piece."""
    for piece in pieces(path, encoding):
        yield np.frombuffer(piece.encode("utf-32-le", "surrogatepass"), dtype="<u4")

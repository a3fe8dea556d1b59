"""Damage to data files, and what a loader makes of it. `python -m tests.fuzz NAME FIRST LAST` prints a JSON line each.

NAME is a dataset, or own.SUFFIX: a file of the user's of that format.

A loader is called on the damaged files directly, past the checksum that would refuse them all: it must answer with
BadData or with a dataset of the full shape, in time, and without taking much more memory than an honest load does.
"""

import contextlib
import ctypes
import gzip
import importlib
import inspect
import io
import json
import lzma
import os
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from harness import files
from harness.catalogue import Mistake
from harness.contract import BadData, Data

KINDS = ("flip", "cut", "zeros", "swap", "junk", "huge", "line", "inside", "bomb", "members")
SLACK = 32 << 20  # bytes of memory beyond twice an honest load: allocators round, and libraries are imported


# --------------------------------------------------------------------------------------------------------------- damage


def damaged(content: bytes, name: str, number: int) -> tuple[str, bytes]:
    """(kind, other bytes): damage `number` of a file. The same number, the same damage."""
    rng = np.random.default_rng([number, len(content)])
    kind = KINDS[number % len(KINDS)]
    simple = {"flip": _flip, "cut": _cut, "zeros": _zeros, "swap": _swap, "junk": _junk, "huge": _huge, "line": _line}
    if kind == "bomb":
        return kind, _bomb(content, name)
    if name.endswith((".zip", ".tar.gz", ".tar.xz", ".tar")):
        return kind, simple[kind](content, rng) if kind in simple and kind != "line" else _members(content, name, rng)
    change = simple.get(kind, SIMPLE[int(rng.integers(len(SIMPLE)))])
    packed = name.endswith((".gz", ".xz"))
    if packed and (
        kind not in simple or kind == "line" or number // len(KINDS) % 2
    ):  # what it holds: past its checksum
        unpack, pack = (gzip.decompress, _gz) if name.endswith(".gz") else (lzma.decompress, _xz)
        return kind, pack(change(unpack(content), rng))
    return kind, change(content, rng)


def _flip(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for place in rng.integers(len(content), size=rng.integers(1, 65)).tolist():
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: rng.integers(len(content))]


def _zeros(content: bytes, rng: np.random.Generator) -> bytes:
    start, length = rng.integers(len(content)), rng.integers(1, 5000)
    return content[:start] + bytes(min(length, len(content) - start)) + content[start + length :]


def _swap(content: bytes, rng: np.random.Generator) -> bytes:
    a, b, c = np.sort(rng.integers(len(content), size=3)).tolist()
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def _junk(content: bytes, rng: np.random.Generator) -> bytes:
    return content + rng.bytes(rng.integers(1, 5000))


def _huge(content: bytes, rng: np.random.Generator) -> bytes:
    """A length somewhere near the beginning, where headers are, says 2^32 - 1."""
    start = int(rng.integers(min(len(content), 256)))
    return content[:start] + b"\xff" * 4 + content[start + 4 :]


def _line(content: bytes, rng: np.random.Generator) -> bytes:
    """A line is lost, comes twice, or lacks its end."""
    lines = content.split(b"\n")
    place = int(rng.integers(max(1, len(lines) - 1)))
    line = lines[place]
    lines[place : place + 1] = [[], [line, line], [line[: len(line) // 2]]][rng.integers(3)]
    return b"\n".join(lines)


SIMPLE = (_flip, _cut, _zeros, _swap, _junk, _huge, _line)


def _gz(content: bytes) -> bytes:
    return gzip.compress(content, 1)


def _xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=0)


def _bomb(content: bytes, name: str) -> bytes:
    """The file, or its largest member, with 64 MiB of zeros more, which pack to nothing; a plain file, ten times."""
    if name.endswith((".zip", ".tar.gz", ".tar.xz", ".tar")):
        members = _opened(content, name)
        return _packed([*members, ("bomb", bytes(64 << 20))] if not members else _grown(members), name)
    if name.endswith(".gz"):
        return content + _gz(bytes(64 << 20))
    if name.endswith(".xz"):
        return _xz(lzma.decompress(content) + bytes(64 << 20))
    return content * 10


def _grown(members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    largest = max(range(len(members)), key=lambda i: len(members[i][1]))
    return [(n, c + bytes(64 << 20) if i == largest else c) for i, (n, c) in enumerate(members)]


def _members(content: bytes, name: str, rng: np.random.Generator) -> bytes:
    """Members exchanged, lost, doubled, renamed out of the archive, or damaged inside."""
    members = _opened(content, name)
    a, b = rng.integers(len(members), size=2).tolist()
    which = int(rng.integers(6))
    if which == 0:
        members[a], members[b] = (members[a][0], members[b][1]), (members[b][0], members[a][1])
    elif which == 1:
        del members[a]
    elif which == 2:
        members.append(members[a])
    elif which == 3:
        members[a] = ("../" * 8 + "tmp/escaped", members[a][1])
    elif which == 4:
        members[a] = (members[a][0], b"")
    else:
        changed = SIMPLE[rng.integers(len(SIMPLE))](members[a][1] or b"\0", rng)
        members[a] = (members[a][0], changed)
    return _packed(members, name)


def _opened(content: bytes, name: str) -> list[tuple[str, bytes]]:
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [(m.filename, archive.read(m)) for m in archive.infolist() if not m.is_dir()]
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return [(m.name, tar.extractfile(m).read()) for m in tar if m.isfile()]  # type: ignore[union-attr]


def _packed(members: list[tuple[str, bytes]], name: str) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that comes twice is meant here
        if name.endswith(".zip"):
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
                for member, content in members:
                    archive.writestr(member, content)
        else:
            options = {"gz": {"compresslevel": 1}, "xz": {"preset": 0}}.get(name.rsplit(".", 1)[-1], {})
            mode = f"w:{name.rsplit('.', 1)[-1]}" if options else "w"
            with tarfile.open(fileobj=buffer, mode=mode, **options) as tar:  # type: ignore[call-overload]
                for member, content in members:
                    info = tarfile.TarInfo(member)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


# -------------------------------------------------------------------------------------------------------------- outcome


def outcome(load: Callable[[], object], shape: Callable[[object], object], honest: object, most: int) -> dict:
    """What came of a load: "refused", "full" (the shape of an honest one) or "wrong"; why, in seconds, taking bytes."""
    before = _reset()
    started = time.perf_counter()
    told: dict = {"what": "full", "why": ""}
    try:
        if (seen := shape(load())) != honest and honest is not None:
            told = {"what": "wrong", "why": f"{seen} where {honest} is right"}
    except (BadData, Mistake) as error:
        told = {"what": "refused", "why": str(error)[:200]}
    except Exception as error:
        told = {"what": "wrong", "why": f"{type(error).__name__}: {str(error)[:200]}"}
    told |= {"seconds": round(time.perf_counter() - started, 3), "bytes": max(0, _peak() - before)}
    if most and told["bytes"] > most:
        told |= {"what": "wrong", "why": f"took {told['bytes']:,} bytes, {most:,} are the bound; {told['why']}"}
    return told


def _reset() -> int:
    """Resident bytes now, from where the peak is counted anew."""
    ctypes.CDLL(None).malloc_trim(0)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(name))
    return int(line.split()[1]) * 1024


def _unpacked(path: Path) -> int:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return sum(member.file_size for member in archive.infolist())
    with files.opened(path) as stream:
        return sum(len(block) for block in iter(lambda: stream.read(1 << 20), b""))


def shape_of(data: object) -> object:
    """Types and shapes of all that a dataset holds: the same for every right load."""
    assert isinstance(data, Data)
    arrays = {n: getattr(data, n) for n in ("x", "y", "test_x", "test_y", "groups")}
    shapes = {n: (None if a is None else (tuple(np.shape(a)), str(np.asarray(a).dtype))) for n, a in arrays.items()}
    return shapes | {"classes": data.classes, "levels": tuple(data.levels)}


def dataset(name: str, first: int, last: int) -> None:
    """Print the outcome of damages first ... last - 1 to a dataset's files, a JSON line each."""
    module = importlib.import_module(f"harness.datasets.{name}")
    card = module.DATASET
    paths = files.locate(name, card.files, card.folder)
    more = {"size": 200, "seed": 0} if "size" in inspect.signature(module.load).parameters else {}
    honest = module.load(paths, **more)  # the libraries that this imports are nobody's allocation
    shape = shape_of(honest)
    held = sum(a.nbytes for a in vars(honest).values() if hasattr(a, "nbytes"))
    most = held + max(_unpacked(path) for path in paths.values())
    del honest
    before = _reset()
    module.load(paths, **more)
    most = 2 * max(most, _peak() - before) + SLACK
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, last):
            file = card.files[number // len(KINDS) % len(card.files)]
            path = paths[file.name]
            other = Path(folder) / path.name

            def load() -> object:
                return module.load(paths | {file.name: other}, **more)  # noqa: B023

            tell(number, path.read_bytes(), other, load, shape, most)


def tell(number: int, content: bytes, other: Path, load: Callable[[], object], shape: object, most: int) -> None:
    """Damage a file, load it, print what came of it; a line before that, in case that nothing comes any more."""
    kind, changed = damaged(content, other.name, number)
    other.write_bytes(changed)
    del changed, content
    head = {"number": number, "kind": kind, "file": other.name}
    print(json.dumps(head), flush=True)
    print(json.dumps(head | outcome(load, shape_of, shape, most)), flush=True)


# ------------------------------------------------------------------------------------------------- files of the user's

ROWS = 5_000
LINES = (".csv", ".csv.gz", ".csv.xz", ".tsv", ".jsonl", ".arff", ".svmlight", ".txt")  # of unknown length
OWN = (*LINES, ".parquet", ".npz")


def own(suffix: str, first: int, last: int) -> None:
    """Print the outcome of damages to a file of the user's. How many rows a text file had nobody knows: it is told."""
    from harness import catalogue
    from harness.own.__main__ import OPTIONS, answer

    with tempfile.TemporaryDirectory() as folder:
        os.environ["ERAS_CACHE"] = f"{folder}/cache"
        whole, other = Path(folder) / f"whole{suffix}", Path(folder) / f"mine{suffix}"
        write(whole, suffix)
        asked = OPTIONS | {"target": None if suffix in (".npz", ".svmlight", ".txt") else "kind"}

        def load(path: Path) -> object:
            return catalogue.load(Path(answer(path, asked, write=True)["dataset"])).load()

        honest = load(whole)
        shape = None if suffix in LINES else shape_of(honest)
        held = sum(a.nbytes for a in vars(honest).values() if hasattr(a, "nbytes"))
        most = 2 * max(held + _unpacked(whole), 1 << 22) + 2 * SLACK  # blocks of 4 MiB are read at once
        for number in range(first, last):
            tell(number, whole.read_bytes(), other, lambda: load(other), shape, most)


def write(path: Path, suffix: str) -> None:
    """An honest file of 5,000 rows: numbers, gaps, words, and a class that follows from them."""
    import pandas as pd
    from sklearn.datasets import dump_svmlight_file

    rng = np.random.default_rng(0)
    table = pd.DataFrame({"size": rng.normal(size=ROWS).round(4), "count": rng.integers(-5, 5, ROWS)})
    table["colour"] = rng.choice(["red", "blue", "green"], ROWS)
    table["kind"] = np.where(table["size"] + rng.normal(0, 0.5, ROWS) > 0, "yes", "no")
    table.loc[::17, "size"] = np.nan
    if suffix in (".csv", ".csv.gz", ".csv.xz", ".tsv"):
        table.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    elif suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True)
    elif suffix == ".parquet":
        table.to_parquet(path)
    elif suffix == ".npz":
        np.savez_compressed(path, x=rng.normal(size=(ROWS, 5)), y=np.arange(ROWS) % 3)
    elif suffix == ".svmlight":
        with path.open("wb") as stream:
            dump_svmlight_file(rng.normal(size=(ROWS, 5)), np.arange(ROWS) % 3, stream)
    elif suffix == ".arff":
        head = "@relation x\n@attribute size numeric\n@attribute kind {no,yes}\n@data\n"
        path.write_text(head + "".join(f"{a},{b}\n" for a, b in zip(table["count"], table["kind"], strict=True)))
    else:
        path.write_text("Der Tag war schön, und nichts geschah.\nWhat of it?\n" * 500, encoding="utf-8")


if __name__ == "__main__":
    os.nice(5)
    name, numbers = sys.argv[1], (int(sys.argv[2]), int(sys.argv[3]))
    own(name.removeprefix("own"), *numbers) if name.startswith("own.") else dataset(name, *numbers)

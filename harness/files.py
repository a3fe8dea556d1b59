"""The files of the datasets: where they lie, whether they are the right bytes.

A dataset NAME is looked for in NAME/ (with underscores or dashes) under each folder of $ERAS_DATA, then in the cache
($ERAS_CACHE, else ~/.cache/eras). A packed copy FILE.gz or FILE.xz of a plain FILE is as good: then size and sha256 are
those of what it holds. No path is handed over before both agree. What a loader made of them is kept in the cache too,
and read from there the next time, mapped into memory.
"""

import contextlib
import gzip
import hashlib
import importlib.util
import io
import json
import lzma
import os
import shutil
import tempfile
import time
import zlib
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO, cast

from harness.contract import BadData, Data, File

PACKED = (".gz", ".xz")
ABANDONED = 86_400  # seconds after which a half-written folder is nobody's
LZMA_MEMORY = 256 << 20  # bytes that unpacking an .xz may take: its header says, and may lie


class Missing(BadData):
    """Files of a dataset are not on this machine. Says how to get them."""


def cache(name: str) -> Path:
    """The folder that `download.get` fills for this dataset."""
    return cache_root() / "data" / name


def locate(name: str, files: tuple[File, ...], folder: str = "") -> dict[str, Path]:
    """{file name: path}, each checked for size and sha256.

    folder  where the files of the dataset `name` lie, if not under that name
    Raises Missing where a file is nowhere, BadData where the one that is found first is not the right one.
    """
    folder = folder or name
    found = {file.name: _find(folder, file) for file in files}
    absent = [file.name for file in files if found[file.name] is None]
    if absent:
        size = sum(file.bytes for file in files) / 1e6
        way = f"`eras data get {name}` downloads {size:.3g} MB, or put" if all(f.url for f in files) else "put"
        raise Missing(
            f"{name} is not here ({', '.join(absent)} not found): {way} the files under "
            f"$ERAS_DATA/{folder.replace('_', '-')}/"
        )
    paths = {key: path for key, path in found.items() if path}
    known = _read_memo()
    fresh = {}
    for file in files:
        path = paths[file.name]
        state = _state(path, file)
        if known.get(str(path)) != state:
            _verify(name, path, file)
            fresh[str(path)] = state
    if fresh:
        _write_memo(known | fresh)
    return paths


def here(name: str, files: tuple[File, ...], folder: str = "") -> bool:
    """All files are there, by name; cheap, and no promise of what they hold."""
    return all(_find(folder or name, file) for file in files)


def unpack(path: Path, most: int) -> bytes:
    """The bytes of a file, unpacked where its name ends in .gz or .xz: at most `most`, so that no bomb goes off.

    Raises BadData where the file is cut, damaged, or holds more than `most` bytes.
    """
    with Bounded(path, most) as stream:
        return stream.read()


class Bounded(io.RawIOBase):
    """A file read from its start, unpacked on the way, as `unpack` does it at once. For what is too large for that."""

    def __init__(self, path: Path, most: int) -> None:
        self.path, self.most, self.left = path, most, most
        self.stream = opened(path)

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes, all where it is negative. Raises BadData where there are more than there should be."""
        size = self.left + 1 if size is None or size < 0 else min(size, self.left + 1)
        try:
            content = self.stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
            raise BadData(f"{self.path.name} is cut or damaged: {error}") from error
        self.left -= len(content)
        if self.left < 0:
            raise BadData(f"{self.path.name} holds more than the {self.most:,} bytes there should be")
        return content

    def readinto(self, buffer: Any) -> int:
        """For those who bring a buffer."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the file."""
        self.stream.close()
        super().close()


def opened(path: Path) -> BinaryIO:
    """The file as a stream, unpacked where its name ends in .gz or .xz."""
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path))
    if path.suffix == ".xz":
        return cast(BinaryIO, io.BufferedReader(_Xz(path)))
    return path.open("rb")


class _Xz(io.RawIOBase):
    """One .xz stream with a bound on the memory that its header may ask for, which lzma.open does not know."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        self.unpacker = lzma.LZMADecompressor(memlimit=LZMA_MEMORY)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = b""
        while not content and not self.unpacker.eof:
            packed = self.file.read(1 << 16) if self.unpacker.needs_input else b""
            if self.unpacker.needs_input and not packed:
                raise EOFError("it ends before its end was marked")
            content = self.unpacker.decompress(packed, max_length=len(buffer))
        if self.unpacker.eof and (self.unpacker.unused_data or self.file.read(1)):
            raise lzma.LZMAError("something follows its end")
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self.file.close()
        super().close()


def packaged(package: str, relative: str) -> Path:
    """A data file that an installed package carries, found without importing the package. Raises Missing."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / relative if spec and spec.origin else None
    if path is None or not path.is_file():
        raise Missing(f"{relative} comes with {package}, which is not installed here or no longer carries it")
    return path


def cache_root() -> Path:
    """The folder of all that is kept: $ERAS_CACHE, else ~/.cache/eras."""
    return Path(os.environ.get("ERAS_CACHE") or "~/.cache/eras").expanduser().absolute()


def _find(name: str, file: File) -> Path | None:
    roots = [Path(root).expanduser().absolute() for root in os.environ.get("ERAS_DATA", "").split(os.pathsep) if root]
    folders = [root / spelling for root in roots for spelling in (name, name.replace("_", "-"))]
    paths = [
        folder / spelling
        for folder in (*folders, cache(name))
        for spelling in (file.name, *(f"{file.name}{s}" for s in PACKED))
    ]
    return next((path for path in paths if path.is_file()), None)


def _verify(name: str, path: Path, file: File) -> None:
    if path.name == file.name:
        size, sha256 = path.stat().st_size, ""
        if size == file.bytes:
            with path.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    else:  # a packed copy: what counts is what it holds
        content, size = hashlib.sha256(), 0
        try:
            with Bounded(path, file.bytes) as stream:
                while block := stream.read(1 << 20):
                    content.update(block)
                    size += len(block)
        except BadData as error:
            raise BadData(f"{name}: {error}, at {path}: remove it or get it again") from error
        sha256 = content.hexdigest()
    if size != file.bytes:
        raise BadData(f"{name}: {path} holds {size:,} bytes, {file.bytes:,} are right: remove it or get it again")
    if sha256 != file.sha256:
        raise BadData(f"{name}: {path} has sha256 {sha256}, {file.sha256} is right: remove it or get it again")


def _state(path: Path, file: File) -> list:
    """What is remembered of a verified file: touched or asked for with another checksum, it is read again."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, file.sha256]


def _memo() -> Path:
    return cache_root() / "data" / "verified.json"


def _read_memo() -> dict[str, list]:
    try:
        memo = json.loads(_memo().read_bytes())
    except (OSError, ValueError):  # no memo yet, or a damaged one: the files are hashed again
        return {}
    return memo if isinstance(memo, dict) else {}


def _write_memo(memo: dict[str, list]) -> None:
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a hash each time, and nothing else
        _memo().parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=_memo().parent, prefix=".verified-")
        with os.fdopen(descriptor, "w") as stream:
            json.dump(memo, stream)
        os.replace(temporary, _memo())


# ------------------------------------------------------------------------------------------------------ what was loaded


def parsed(name: str, mark: str) -> Path:
    """The folder in which what a loader made of a dataset's files is kept; `mark` names files and loader."""
    return cache_root() / "loaded" / f"{name}-{mark}"


def keep(folder: Path, data: Data) -> None:
    """Write `data` to a folder, whole or not at all: arrays as .npy, texts as bytes and where each ends."""
    import numpy as np

    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(".*-*"):  # of a process that was killed here
        if time.time() - left.stat().st_mtime > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        told = {}
        for field in fields(data):
            value = getattr(data, field.name)
            if isinstance(value, np.ndarray) and value.dtype.kind == "T":
                encoded = [text.encode() for text in value.ravel()]
                _write_array(part / f"{field.name}.ends.npy", np.cumsum([len(e) for e in encoded], dtype=np.int64))
                _write_array(part / f"{field.name}.bytes.npy", np.frombuffer(b"".join(encoded), dtype=np.uint8))
                told[field.name] = {"texts": value.shape}
            elif isinstance(value, np.ndarray):
                _write_array(part / f"{field.name}.npy", value)
                told[field.name] = {"array": value.shape}
            else:
                told[field.name] = {"value": value}
        told["states"] = {"value": _states(part)}
        (part / "data.json").write_text(json.dumps(told, default=_plain), encoding="utf-8")
        with contextlib.suppress(OSError):  # another run was first: its folder is as good, and is not empty
            os.rename(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def kept(folder: Path) -> Data:
    """What `keep` wrote, arrays mapped into memory and read-only. Raises BadData where it is damaged."""
    try:
        told = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        if told.pop("states")["value"] != _states(folder):
            raise ValueError("its files were touched")
        return Data(**{name: _read_value(folder, name, one) for name, one in told.items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadData(f"{folder.name} in the cache is damaged ({str(error)[:100]}): remove that folder") from error


def _states(folder: Path) -> dict[str, list[int]]:
    """Size and time of each array: what was written over since is not what was kept."""
    return {path.name: [(s := path.stat()).st_size, s.st_mtime_ns] for path in sorted(folder.glob("*.npy"))}


def _plain(value: Any) -> Any:
    """A NumPy number as a number."""
    if hasattr(value, "item"):
        return value.item()
    raise BadData(f"Data holds {value!r:.60}, of type {type(value).__name__}: arrays, numbers and texts are right")


def _write_array(path: Path, array: Any) -> None:
    import numpy as np

    header = np.lib.format.header_data_from_array_1_0(array) | {"fortran_order": False}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for start in range(0, len(array), 1 << 16):  # in pieces: columns of a wider table are not contiguous
            np.ascontiguousarray(array[start : start + (1 << 16)]).tofile(stream)


def _read_value(folder: Path, name: str, told: dict[str, Any]) -> Any:
    import numpy as np

    if "array" in told:
        array = _read_array(folder / f"{name}.npy")
        if list(array.shape) != told["array"]:
            raise ValueError(f"{name} has shape {array.shape}")
        return array
    if "texts" in told:
        ends, joined = _read_array(folder / f"{name}.ends.npy"), _read_array(folder / f"{name}.bytes.npy").tobytes()
        starts = np.append(0, ends[:-1])
        found = [joined[a:b].decode() for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
        return np.array(found, dtype=np.dtypes.StringDType()).reshape(told["texts"])
    value = told["value"]
    return tuple(value) if isinstance(value, list) else value


def _read_array(path: Path) -> Any:
    import numpy as np

    # Nothing of no length can be mapped. asarray: what is indexed out of a memmap is to be a plain array.
    array = np.asarray(np.load(path, mmap_mode="r" if path.stat().st_size > 4096 else None, allow_pickle=False))
    array.flags.writeable = False
    return array

"""The files of the datasets: where they lie, whether they are the right bytes, how they come here.

A dataset NAME is looked for in NAME/ (with underscores or dashes) under each folder of $ERAS_DATA, then in the cache
($ERAS_CACHE, else ~/.cache/eras). A gzip copy FILE.gz of a plain FILE is as good: then size and sha256 are those of
what it holds. No path is handed over before both agree.
"""

import contextlib
import gzip
import hashlib
import importlib.util
import json
import os
import sys
import tempfile
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from harness.contract import BadData, File


class Missing(BadData):
    """Files of a dataset are not on this machine. Says how to get them."""


def cache(name: str) -> Path:
    """The folder that `get` fills for this dataset."""
    return _cache_root() / "data" / name


def locate(name: str, files: tuple[File, ...]) -> dict[str, Path]:
    """{file name: path}, each checked for size and sha256.

    Raises Missing where a file is nowhere, BadData where the one that is found first is not the right one.
    """
    found = {file.name: _find(name, file) for file in files}
    absent = [file.name for file in files if found[file.name] is None]
    if absent:
        dashed = name.replace("_", "-")
        size = sum(file.bytes for file in files) / 1e6
        raise Missing(
            f"{name} is not here ({', '.join(absent)} not found): `eras data get {name}` downloads {size:.3g} MB, "
            f"or put the files under $ERAS_DATA/{dashed}/"
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


def here(name: str, files: tuple[File, ...]) -> bool:
    """All files are there, by name and size; cheap, and no promise of what they hold."""
    for file in files:
        path = _find(name, file)
        if path is None or (path.name == file.name and path.stat().st_size != file.bytes):
            return False
    return True


def get(name: str, files: tuple[File, ...], progress: bool = True) -> dict[str, Path]:
    """Download what is not here into the cache, checked and whole or not at all; what `locate` then finds.

    $ERAS_MIRROR, where set, serves FILE as $ERAS_MIRROR/NAME/FILE in place of the card's address.
    Raises Missing where an address cannot be read, BadData where it serves other bytes.
    """
    import pooch
    import requests

    mirror = os.environ.get("ERAS_MIRROR")
    bar = progress and sys.stderr.isatty() and importlib.util.find_spec("tqdm") is not None
    for file in files:
        path = _find(name, file)
        if path is not None and path.parent != cache(name):
            continue
        url = f"{mirror.rstrip('/')}/{name}/{file.name}" if mirror else file.url
        try:
            pooch.retrieve(url, f"sha256:{file.sha256}", fname=file.name, path=cache(name), progressbar=bar)
        except requests.RequestException as error:
            raise Missing(f"{name}: {url} cannot be read ({error}): try again, or set ERAS_MIRROR") from error
        except ValueError as error:  # pooch found another checksum, and kept nothing
            raise BadData(f"{name}: {url} does not give a {file.name} with sha256 {file.sha256}") from error
    return locate(name, files)


def gunzip(path: Path, most: int) -> bytes:
    """The bytes of a file, unpacked where its name ends in .gz. Reads `most` + 1 at most, so that no bomb goes off.

    Raises BadData where the file is cut, damaged, or holds more than `most` bytes.
    """
    try:
        with cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb") as stream:
            content = stream.read(most + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadData(f"{path.name} is cut or damaged: {error}") from error
    if len(content) > most:
        raise BadData(f"{path.name} holds more than the {most:,} bytes there should be")
    return content


def packaged(package: str, relative: str) -> Path:
    """A data file that an installed package carries, found without importing the package. Raises Missing."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / relative if spec and spec.origin else None
    if path is None or not path.is_file():
        raise Missing(f"{relative} comes with {package}, which is not installed here or no longer carries it")
    return path


def _cache_root() -> Path:
    return Path(os.environ.get("ERAS_CACHE") or "~/.cache/eras").expanduser().absolute()


def _find(name: str, file: File) -> Path | None:
    roots = [Path(root).expanduser().absolute() for root in os.environ.get("ERAS_DATA", "").split(os.pathsep) if root]
    folders = [root / spelling for root in roots for spelling in (name, name.replace("_", "-"))]
    paths = [folder / spelling for folder in (*folders, cache(name)) for spelling in (file.name, f"{file.name}.gz")]
    return next((path for path in paths if path.is_file()), None)


def _verify(name: str, path: Path, file: File) -> None:
    if path.name == file.name:
        size, sha256 = path.stat().st_size, ""
        if size == file.bytes:
            with path.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    else:  # a gzip copy: what counts is what it holds
        content = gunzip(path, file.bytes)
        size, sha256 = len(content), hashlib.sha256(content).hexdigest()
    if size != file.bytes:
        raise BadData(f"{name}: {path} holds {size:,} bytes, {file.bytes:,} are right: remove it or get it again")
    if sha256 != file.sha256:
        raise BadData(f"{name}: {path} has sha256 {sha256}, {file.sha256} is right: remove it or get it again")


def _state(path: Path, file: File) -> list:
    """What is remembered of a verified file: touched or asked for with another checksum, it is read again."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, file.sha256]


def _memo() -> Path:
    return _cache_root() / "data" / "verified.json"


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

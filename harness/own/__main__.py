"""One request, one reply: `python -m harness.own '{"path": ..., "target": ..., "write": true}'` prints a JSON object.

request  path; target, group, time, text: a column or null; task or null; drop: columns; write: whether to leave a
         dataset file in the cache, under own/
reply    dataset, card, columns, told, warnings, rows, duplicates, seconds; or, with exit code 2, problem: one sentence

Standard library only, until a file is to be read: what was written before is found at once.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.catalogue import Mistake
from harness.contract import STREAMS, BadData
from harness.files import cache_root

KINDS = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".data", ".dat"), "csv"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    **dict.fromkeys((".svm", ".libsvm", ".svmlight"), "svmlight"),
    **{".npz": "npz", ".arff": "arff", ".txt": "txt"},
}
OPTIONS: dict[str, Any] = dict.fromkeys(("target", "group", "time", "task", "text")) | {"drop": []}
TASKS = ("classify", "regress", *STREAMS, "translate")


def main() -> int:
    """Answer the request in the first argument."""
    asked = json.loads(sys.argv[1])
    request = OPTIONS | {key: value for key, value in asked.items() if value is not None}
    path = Path(request["path"])
    try:
        reply = answer(path, {key: request[key] for key in OPTIONS}, bool(request.get("write")))
    except (BadData, Mistake) as error:
        reply = {"problem": str(error)}
    except MemoryError:
        reply = {"problem": f"{path.name} does not fit into the memory of this machine"}
    except OSError as error:
        reply = {"problem": f"{path.name}: {error.strerror or error}"}
    print(json.dumps(reply))
    return 2 if "problem" in reply else 0


def answer(path: Path, request: dict[str, Any], write: bool) -> dict[str, Any]:
    """The reply. Raises BadData, Mistake, OSError."""
    if request["task"] not in (None, *TASKS):
        raise Mistake(f"--task {request['task']}: {', '.join(TASKS)} are what a file of your own can be for")
    began = time.perf_counter()
    content = _content(path)
    told = json.dumps([path.name, content, request, _sources()], sort_keys=True)
    folder = cache_root() / "own" / hashlib.sha256(told.encode()).hexdigest()[:16]
    hashed = time.perf_counter() - began
    if write and (folder / "reply.json").is_file():
        try:
            return json.loads((folder / "reply.json").read_bytes()) | {"seconds": {"hash": round(hashed, 3)}}
        except ValueError:  # damaged: it is made anew
            shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        reply = _understood(path, request, content, part, write)
        reply["seconds"] = {"hash": round(hashed, 3)} | reply["seconds"]
        if write:
            reply["dataset"] = str(folder / next(part.glob("*.py")).name)
            (part / "reply.json").write_text(json.dumps(reply), encoding="utf-8")
            _settle(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return reply


def _understood(path: Path, request: dict[str, Any], content: str, part: Path, write: bool) -> dict[str, Any]:
    began = time.perf_counter()
    from harness.own.read import read
    from harness.own.write import finished

    scratch = part / "scratch"
    scratch.mkdir()
    material = read(path, _kind(path), request, scratch)
    was_read = time.perf_counter()
    if write and not material.task:
        names = ", ".join(column["name"] for column in material.columns[:30])
        raise Mistake(f"{path.name}: which column is to be told? --target COL names it, one of {names}")
    title = path.name.encode(errors="replace").decode()
    year = time.gmtime(path.stat().st_mtime).tm_year
    done = finished(material, title, content, year, scratch, part if write else None)
    shutil.rmtree(scratch)
    spent = {"read": round(was_read - began, 3), "split and check": round(time.perf_counter() - was_read, 3)}
    reply = {"dataset": None, "columns": material.columns, "told": material.told, "warnings": material.warnings}
    return reply | {"rows": material.rows + _given(material), "seconds": spent} | done


def _given(material: Any) -> int:
    return 0 if material.test_x is None else len(material.test_x)


def _settle(part: Path, folder: Path) -> None:
    """Put a finished folder in its place; a damaged one makes way, another process's is as good."""
    if folder.is_dir() and not (folder / "reply.json").is_file():
        shutil.rmtree(folder)
    with contextlib.suppress(OSError):
        os.rename(part, folder)
    if not (folder / "reply.json").is_file():
        raise OSError(f"{folder} cannot be written")


def _kind(path: Path) -> str:
    if path.is_dir():
        return "pictures"
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in (".gz", ".xz"):
        suffixes.pop()
    return KINDS.get(suffixes[-1] if suffixes else "", "txt")


# ------------------------------------------------------------------------------------------------------------- content


def _content(path: Path) -> str:
    """The sha256 of a file, or over the names and contents of all that is in a folder; remembered by size and time."""
    found = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    if not found:
        raise BadData(f"{path.name} is an empty folder")
    states = [(str(one.relative_to(path)), (s := one.stat()).st_size, s.st_mtime_ns) for one in found]
    state = hashlib.sha256(json.dumps(states).encode(errors="surrogateescape")).hexdigest()
    memo = cache_root() / "own" / "contents.json"
    known: dict[str, list[str]] = {}
    with contextlib.suppress(OSError, ValueError):  # no memo yet, or a damaged one
        known = json.loads(memo.read_bytes())
    if known.get(str(path), [""])[0] == state:
        return known[str(path)][1]
    whole = hashlib.sha256()
    for one, (name, *_) in zip(found, states, strict=True):
        with one.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        whole.update(f"{name}\0{digest}\0".encode(errors="surrogateescape"))
    content = whole.hexdigest() if path.is_dir() else digest
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a hash each time
        memo.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=memo.parent, prefix=".contents-")
        with os.fdopen(descriptor, "w") as out:
            json.dump(known | {str(path): [state, content]}, out)
        os.replace(temporary, memo)
    return content


def _sources() -> str:
    """A hash of this package: other code may understand a file otherwise."""
    whole = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()


if __name__ == "__main__":
    sys.exit(main())

"""Any file of the user's -> Material, by its kind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.catalogue import Mistake
from harness.contract import STREAMS, BadData
from harness.own import tables
from harness.own.arrays import npz, passage, svmlight
from harness.own.frame import LEAST, frame
from harness.own.material import Material
from harness.own.pictures import pictures

COLUMNS = ("target", "group", "time", "text")


def read(path: Path, kind: str, request: Mapping[str, Any], folder: Path) -> Material:
    """What a file holds. `folder`: for what does not fit into memory. Raises BadData, Mistake."""
    named = [request[role] for role in COLUMNS if request[role]] + list(request["drop"])
    if kind == "txt":
        kind = "csv" if _has_columns(path, request, named) else "passage"
    if kind in ("csv", "parquet", "jsonl", "arff"):
        if request["task"] in STREAMS:
            raise Mistake(f"{path.name}: {request['task']} asks for a plain text, and this is a table")
        return frame(tables.opened(path, kind, named), request, folder)
    if named and kind != "passage":
        raise Mistake(f"{path.name} has no named columns: {', '.join(map(str, named))} cannot be found in it")
    readers = {"npz": npz, "svmlight": svmlight, "passage": passage, "pictures": pictures}
    material = readers[kind](path, request, folder)
    if material.form != "tokens" and material.rows < LEAST:
        raise BadData(f"{path.name} holds {material.rows} rows to learn from: at least {LEAST} are right")
    return material


def _has_columns(path: Path, request: Mapping[str, Any], named: list[str]) -> bool:
    """Whether a text file is a table: the user names columns, or all its lines have as many fields."""
    if request["task"] in STREAMS:
        return False
    if named or request["task"]:
        return True
    try:
        return tables.opened(path, "csv").regular
    except BadData:
        return False

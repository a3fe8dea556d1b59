"""Rows on the shelf: where they are read from, whether they are whole, and how they move."""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import catalogue, plan
from harness.catalogue import ROOT, SELF, Mistake
from harness.screen import show
from harness.store import LOCAL, Row, Store, files_of, is_open, parse


def results_of(args: argparse.Namespace) -> Path:
    """The folder that a run writes to."""
    return Path(args.results).expanduser() if args.results else LOCAL


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """A file that cannot be written is the user's mistake."""
    try:
        yield
    except OSError as error:
        why = error.strerror or "there is no such folder"  # pandas tells of a missing folder without a number
        raise Mistake(f"{target} cannot be written: {why}; choose another place") from None


def lines_of(path: Path) -> list[tuple[bytes, str, Row | None]]:
    """(line, what is wrong with it, row) of each line; only a torn last line has no newline. Raises Mistake."""
    try:
        with path.open("rb") as file:
            lines = list(file)
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}") from None
    return [(line, *(parse(line) if line.endswith(b"\n") else ("a torn line", None))) for line in lines]


def folders_of(args: argparse.Namespace) -> list[Path]:
    """Where rows are read from: --results, else the local rows, else the committed ones."""
    if args.results:
        given = [Path(r).expanduser() for r in ([args.results] if isinstance(args.results, str) else args.results)]
        for folder in given:
            if not folder.exists():
                raise Mistake(f"--results {folder}: there is no such folder or file")
        return given
    return [LOCAL] if any(LOCAL.rglob("*.jsonl")) else [ROOT / "results"]


def verify(args: argparse.Namespace) -> int:
    """Whether every stored row is whole, named rightly, and stored once."""
    problems, notes, rows = [], [], 0
    seen: dict[str, str] = {}
    for folder in folders_of(args):
        for path in files_of(folder):
            try:
                lines = lines_of(path)
            except Mistake as error:
                problems.append(str(error))
                continue
            for number, (line, problem, row) in enumerate(lines, 1):
                where = f"{path.name}, line {number}"
                if row:
                    rows += 1
                    problems += [f"{where}: {problem}" for problem in _row_problems(row, folder, seen)]
                    seen.update({row["id"]: where} if row["status"] == "ok" else {})
                elif line.endswith(b"\n"):
                    problems.append(f"{where}: {problem}")
                else:
                    notes.append(
                        f"{path.name}: its last line is torn (a run was stopped while writing); nothing else is lost"
                    )
    show(args.json, {"rows": rows, "problems": problems, "notes": notes}, [*problems, *notes, _verdict(rows, problems)])
    return 1 if problems else 0


def _row_problems(row: Row, folder: Path, seen: dict[str, str]) -> Iterator[str]:
    if plan.row_id(row["key"]) != row["id"]:
        yield "its id does not fit its key (it was changed after it was written)"
    if row["status"] == "ok" and row["id"] in seen:
        yield f"the same cell is already stored in {seen[row['id']]}"
    if row.get("keep") and not _blob_is_whole(folder, row["keep"]):
        yield f"its arrays blobs/{row['keep'][:12]}... are missing or changed"


def _verdict(rows: int, problems: list[str]) -> str:
    return f"{rows} rows, {len(problems)} problems" if problems else f"{rows} rows, all whole"


def _blob_is_whole(folder: Path, name: str) -> bool:
    import hashlib

    path = folder / "blobs" / f"{name}.npz"
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == name


def export(args: argparse.Namespace) -> int:
    """Rows out: as they are (jsonl), or flat (csv, parquet)."""
    store = Store(*folders_of(args))
    for text in store.told:
        print(text, file=sys.stderr)
    rows = list(store.rows.values())
    if not rows:
        raise Mistake("there are no rows to export: run `eras run` first, or name a folder with --results DIR")
    if args.format == "parquet" and not args.output:
        raise Mistake("--format parquet needs -o FILE: it is not text")
    with writing(args.output) if args.output else contextlib.nullcontext():
        if args.format == "jsonl":
            text = "".join(json.dumps(r, separators=(",", ":")) + "\n" for r in rows)
            Path(args.output).write_text(text) if args.output else sys.stdout.write(text)
        elif args.format == "csv":
            _flat(rows).to_csv(args.output or sys.stdout, index=False)
        else:
            flat = _flat(rows)
            mixed = [c for c in flat.columns if flat[c].map(type).nunique() > 1 and flat[c].dtype == object]
            flat.astype(dict.fromkeys(mixed, "string")).to_parquet(args.output)
    return 0


def _flat(rows: list[Row]) -> Any:
    """One line a row; lists and the like as JSON text."""
    import pandas as pd

    flat = pd.json_normalize(rows).drop(columns=["notes", "trajectory"], errors="ignore")
    flat = flat[[c for c in flat.columns if not c.startswith(("why.", "time.raw."))]]
    texts = {c: flat[c].map(lambda v: json.dumps(v) if isinstance(v, list | dict) else v) for c in flat.columns}
    return pd.DataFrame(texts)


def results(args: argparse.Namespace) -> int:
    """promote: local rows into results/<machine>/; merge: rows from elsewhere; prune: drop rows of superseded keys."""
    return {"promote": _promote, "merge": _merge, "prune": _prune}[args.action](args)


def _promote(args: argparse.Namespace) -> int:
    store = Store(results_of(args))
    rows = [r for r in store.rows.values() if not of_selftest(r)]
    if not rows:
        raise Mistake(f"there are no rows to promote in {results_of(args)}")
    if Path(args.name).name != args.name:
        raise Mistake(f"--name {args.name}: a file name without a folder is right; --to names the folder")
    folder = Path(args.to or ROOT / "results")
    for name in sorted({r["key"]["machine"] for r in rows}):
        mine = [r for r in rows if r["key"]["machine"] == name]
        target = folder / name / f"{args.name}.jsonl"
        there = lines_of(target) if target.exists() else []
        kept = {row["id"]: row for _, _, row in there if row}
        kept |= {r["id"]: r for r in mine if r["status"] == "ok" or kept.get(r["id"], r)["status"] != "ok"}
        ordered = sorted(kept.values(), key=lambda r: [r["key"][k] for k in ("dataset", "technique", "size", "seed")])
        others = [line.rstrip(b"\n") + b"\n" for line, _, row in there if row is None]  # of a newer eras, say
        _write(target, [*(json.dumps(r, separators=(",", ":")).encode() + b"\n" for r in ordered), *others])
        _copy_blobs(mine, results_of(args), folder)
        print(f"{len(mine)} rows -> {target}")
    return 0


def _write(target: Path, lines: Iterable[bytes]) -> None:
    """Whole or not at all."""
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        part.write_bytes(b"".join(lines))
        part.replace(target)


def _copy_blobs(rows: Iterable[Row], source: Path, target: Path) -> None:
    """Arrays go with the rows that tell of them."""
    for name in {r["keep"] for r in rows if r.get("keep")}:
        there, here_ = source / "blobs" / f"{name}.npz", target / "blobs" / f"{name}.npz"
        if there.is_file() and not here_.exists():
            _write(here_, [there.read_bytes()])


def _merge(args: argparse.Namespace) -> int:
    sources = [Path(s) for s in args.sources]
    if not sources:
        raise Mistake("which ones? `eras results merge FOLDER ...` copies the rows of other machines or folders")
    for source in sources:
        if not source.exists():
            raise Mistake(f"{source}: there is no such file or folder")
        found = files_of(source)
        if not sum(_merge_file(path, results_of(args)) for path in found):
            raise Mistake(f"{source}: there are no rows in it")
        if source.is_dir():
            _copy_blobs(Store(source).rows.values(), source, results_of(args))
    return 0


def _merge_file(path: Path, folder: Path) -> int:
    """Copy the rows of one file to the folders of their machines. How many there are."""
    lines = lines_of(path)
    rows = [(line, row) for line, _, row in lines if row]
    for name in sorted({row["key"]["machine"] for _, row in rows}):
        mine = [line for line, row in rows if row["key"]["machine"] == name]
        target = folder / name / path.name
        if not target.exists():
            _write(target, mine)
        elif not target.samefile(path) and target.read_bytes() != b"".join(mine):
            raise Mistake(f"{target} exists and differs from {path}: rename one of them")
        print(f"{len(mine)} rows -> {target}")
    if len(rows) < len(lines):
        print(f"{path}: {len(lines) - len(rows)} lines are no rows of this eras and stay behind", file=sys.stderr)
    return len(rows)


def _prune(args: argparse.Namespace) -> int:
    """A key is superseded when today's files of its technique, task and dataset have another hash."""
    dropped = 0
    for path in files_of(results_of(args)):
        lines = lines_of(path)
        kept = [line for line, _, row in lines if row is None or not superseded(row)]  # what is no row is not ours
        dropped += len(lines) - len(kept)
        if args.really and len(kept) < len(lines):
            if is_open(path):
                raise Mistake(f"{path} is being written by a run: prune it when that has ended")
            _write(path, kept)
    print(f"{dropped} rows of superseded keys " + ("dropped" if args.really else "would go; --really drops them"))
    return 0


def of_selftest(row: Mapping[str, Any]) -> bool:
    """Whether a row is of a technique or of data that only test the harness."""
    return any(str(row["key"][name]).startswith(SELF) for name in ("technique", "dataset"))


def superseded(row: Mapping[str, Any]) -> bool:
    """Whether today's files of its technique, task and dataset have another hash than its key."""
    k = row["key"]
    try:
        found = (
            catalogue.technique(k["technique"]),
            catalogue.find("task", k["task"]),
            catalogue.dataset(k["dataset"]),
        )
    except (Mistake, KeyError):
        return False  # a user's own file is not ours to judge, nor a row that does not name its files
    return catalogue.code_hash(*found) != k["code"]

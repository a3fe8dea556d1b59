"""Material into a dataset file: the split, what the split is checked for, the card, the arrays."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.contract import STREAMS, Data, Dataset
from harness.files import keep
from harness.own import leaks
from harness.own.columns import HELD, different
from harness.own.material import Material
from harness.own.target import metric
from harness.split import FOLDS, folds

MANY = 10_000  # rows from which one fixed test part is as good as five folds
MOST = 100_000  # rows of that test part
STEP = 1 << 21  # bytes of rows that are handled at once: what a core's cache holds
IDEAL = "the ideal: no published figure for a file of one's own"


def split(material: Material) -> tuple[str, np.ndarray, np.ndarray | None]:
    """(protocol, training rows, test rows): five folds, or a fifth of the rows drawn by the hash of their number.

    Of rows with a time the latest fifth is the test part; a file's own test part stays.
    """
    n = material.rows
    if material.test_x is not None:
        return "official", np.arange(n), None
    if material.times is not None:
        order = np.argsort(material.times, kind="stable")
        return "official", order[: n - n // 5], order[n - n // 5 :]
    if material.groups is not None or n < MANY:
        return "folds", np.arange(n), None
    key = leaks.mixed(leaks.mixed(np.arange(1, n + 1, dtype=np.uint64)))
    order = np.argsort(key)
    if material.classes:  # of each class its share
        y = material.y[order]
        by_class = order[np.argsort(y, kind="stable")]
        counts = np.bincount(y)
        rank = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
        order = by_class[np.argsort((rank + 0.5) / np.repeat(counts, counts), kind="stable")]
    test = np.zeros(n, dtype=bool)
    test[order[: min(n // 5, MOST)]] = True
    return "official", np.flatnonzero(~test), np.flatnonzero(test)


def finished(
    material: Material, title: str, content: str, year: int, scratch: Path, folder: Path | None
) -> dict[str, Any]:
    """Check the material and leave a dataset file and its arrays in `folder`, if there is one. Fields of the reply.

    scratch  a folder for what does not fit into memory
    """
    protocol, train, test = split(material)
    stored = scratch if folder else None
    x, seen = _part(material, material.x, train, stored and stored / "x.npy")
    test_x, test_y, tested = None, None, np.zeros(0, dtype=np.uint64)
    if test is not None:
        test_x, tested = _part(material, material.x, test, stored and stored / "test_x.npy")
    elif material.test_x is not None:
        test_x, test_y = material.test_x, material.test_y
        if material.form != "tokens":
            tested = np.concatenate([leaks.hashes(test_x[rows]) for rows in _steps(material, len(test_x))])
    y = material.y
    if y is not None:
        y, test_y = y[train], y[test] if test is not None else test_y
    duplicates = _duplicates(seen, y, tested, test_y)
    if duplicates:
        material.told.append(f"{duplicates:,} rows are there more than once")
    if not material.task:
        return {"card": {"title": title, "form": material.form, "task": "no task yet, for want of a --target"}} | {
            "duplicates": duplicates,
            "dataset": None,
        }
    _warn(material, train, y, seen, tested)
    groups = None if material.groups is None else material.groups[train].astype(np.int64)
    tests = len(test if test is not None else material.test_x if material.test_x is not None else ())
    card = _card(material, title, content, year, protocol, len(train), y, tests)
    if folder:
        del seen, tested, train, test  # of many rows these take as much as some columns
        material.y = None
        parts = _mapped(x), y, material.classes, _mapped(test_x), test_y
        data = Data(*parts, material.levels, protocol, None, material.vocabulary)
        _write(folder, title, card, data, groups, material)
    told = {field.name: getattr(card, field.name) for field in fields(card)}
    return {"card": told | {"task": material.task}, "duplicates": duplicates}


# --------------------------------------------------------------------------------------------------------------- parts


def _steps(material: Material, n: int) -> Iterator[slice]:
    step = max(1, STEP // max(1, 4 * int(np.prod(material.shape or (1,)))))
    for start in range(0, n, step):
        yield slice(start, min(n, start + step))


def _part(material: Material, x: Any, rows: np.ndarray, path: Path | None) -> tuple[Any, np.ndarray]:
    """(these rows of x, their hashes). Many rows that are read from a file go to one at `path`, which is returned."""
    if material.form == "tokens":
        return x, np.zeros(0, dtype=np.uint64)
    marks = np.empty(len(rows), dtype=np.uint64)
    if isinstance(x, np.ndarray):
        part = x if len(rows) == len(x) and material.times is None else x[rows]
        for step in _steps(material, len(rows)):
            marks[step] = leaks.hashes(part[step])
        return part, marks
    shape = (len(rows), *material.shape)
    held = np.empty(shape, np.float32) if path and 4 * int(np.prod(shape)) <= HELD else None
    with path.open("wb") if path and held is None else contextlib.nullcontext() as stream:
        if stream:
            told = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, told)
        for step in _steps(material, len(rows)):
            block = x[rows[step]]
            marks[step] = leaks.hashes(block)
            if stream:
                block.tofile(stream)
            elif held is not None:
                held[step] = block
    return (held if held is not None else path), marks


def _mapped(part: Any) -> Any:
    return np.load(part, mmap_mode="r") if isinstance(part, Path) else part


def _duplicates(seen: np.ndarray, y: Any, tested: np.ndarray, test_y: Any) -> int:
    whole = np.concatenate([seen, tested])
    labels = y if y is None or not len(tested) else np.concatenate([y, test_y])
    if labels is not None:
        for start in range(0, len(whole), 1 << 18):
            some = labels[start : start + (1 << 18)]
            marks = leaks.hashes(some if some.dtype.kind == "T" else some.astype(np.float64).reshape(-1, 1))
            whole[start : start + (1 << 18)] = leaks.mixed(whole[start : start + (1 << 18)] ^ marks)
    return len(whole) - different(whole)


def _warn(material: Material, train: np.ndarray, y: Any, seen: np.ndarray, tested: np.ndarray) -> None:
    """Tell what flatters: columns that tell the target alone, rows on both sides."""
    if material.form == "table" and y is not None:
        rows = leaks.sample(len(train))
        found = leaks.columns(material.x[train[rows]], y[rows], material.classes, material.levels, material.features)
        material.warnings += found[:10]
    if not len(tested) and len(seen):
        strata = material.y if material.classes else np.zeros(material.rows, dtype=np.uint8)
        learn, out = folds(strata, material.classes, 0, material.groups)
        seen, tested = seen[learn], seen[out]
    told, warnings = leaks.sides(seen, tested)
    material.told += told
    material.warnings += warnings
    if material.classes and y is not None:
        rare = [
            material.labels[place]
            for place, count in enumerate(np.bincount(y, minlength=material.classes))
            if count < FOLDS
        ]
        if rare:
            material.warnings.append(f"classes with fewer than {FOLDS} rows to learn from: {', '.join(rare[:10])}")


# ---------------------------------------------------------------------------------------------------------------- card


def _card(
    material: Material, title: str, content: str, year: int, protocol: str, rows: int, y: Any, test: int
) -> Dataset:
    if protocol == "folds":
        strata = material.y if material.classes else np.zeros(material.rows, dtype=np.uint8)
        test = max(len(folds(strata, material.classes, seed, material.groups)[1]) for seed in range(FOLDS))
        rows -= test
    name, higher, why = (dict.fromkeys(STREAMS, ("loss", False, "")) | {"translate": ("bleu", True, "")}).get(
        material.task
    ) or metric(y, material.classes)
    if why:
        material.told.append(why)
    how = {"folds": "five folds", "official": f"{test:,} test rows"}[protocol]
    if material.times is not None:
        how = f"the latest {test:,} rows are the test part"
    elif protocol == "official" and material.test_x is None:
        how = f"{test:,} test rows, drawn by the hash of their number"
    material.told.append(f"{rows:,} rows to learn from, {how}")
    return Dataset(
        title=title,
        year=year,
        licence="not stated",
        source="a file of the user's",
        content=content,
        tasks=(material.task,),
        form=material.form,
        shape=tuple(int(axis) for axis in material.shape),
        classes=material.classes,
        rows=rows,
        test=test,
        metric=name,
        higher_is_better=higher,
        protocol=protocol,
        anchor={"rmse": 0.0, "loss": 0.0, "bleu": 100.0}.get(name, 1.0),
        anchor_source=IDEAL,
    )


def file_name(title: str) -> str:
    """What a dataset file of that title is called, .py apart.

    >>> file_name("my data (2).csv")
    'my_data__2_.csv'
    """
    return re.sub(r"[^\w.-]", "_", title)


def _write(folder: Path, title: str, card: Dataset, data: Data, groups: Any, material: Material) -> None:
    keep(folder / "data", replace(data, groups=groups, ordered=material.times is not None))
    lines = [
        f"    {one.name}={getattr(card, one.name)!r}," for one in fields(card) if getattr(card, one.name) != one.default
    ]
    text = "\n".join(
        [
            repr(f"{title}, a file of the user's: {'; '.join(material.told)}."),
            "",
            "from pathlib import Path",
            "",
            "from harness.contract import Data, Dataset",
            "from harness.files import kept",
            "",
            "DATASET = Dataset(",
            *lines,
            ")",
            "",
            "",
            "def load() -> Data:",
            '    """The rows as they were written beside this file."""',
            '    return kept(Path(__file__).parent / "data")',
            "",
        ]
    )
    (folder / f"{file_name(title)}.py").write_text(text, encoding="utf-8")

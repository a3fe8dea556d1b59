"""CIFAR-10: 60,000 colour pictures of ten things, with the published test set. Its pickles are read, never run."""

import pickletools
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import members

DATASET = Dataset(
    title="CIFAR-10",
    year=2009,
    licence="none stated: free for research, cite Krizhevsky 2009",
    source="Krizhevsky, Learning multiple layers of features from tiny images, 2009; cs.toronto.edu/~kriz/cifar.html",
    tasks=("classify",),
    form="image",
    shape=(32, 32, 3),
    classes=10,
    rows=50_000,
    test=10_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.9125,
    anchor_source="residual net of 20 layers, all rows: 8.75 % error (He et al. 2015, 1512.03385, table 6)",
    ceiling=0.995,
    ceiling_source="vision transformer, pre-trained on JFT-300M (Dosovitskiy et al. 2020, quoted from memory)",
    files=(
        File(
            "cifar-10-python.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            170498071,
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        ),
    ),
)

BATCH = 10_000  # pictures in each of the six files
BYTES = 187_000_000  # at most in the unpacked archive: the batches alone are 186,213,868
NAMES = [f"cifar-10-batches-py/{name}" for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")]
PIXELS = 3 * 32 * 32
# What a batch is written in: literal values, and the structure around them, which need not be followed.
LITERALS = {"BININT1", "BININT2", "BININT", "NONE", "NEWFALSE", "NEWTRUE", "SHORT_BINSTRING", "BINSTRING"}
AROUND = {
    *("PROTO", "MARK", "EMPTY_DICT", "EMPTY_LIST", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "REDUCE", "BUILD", "STOP"),
    *("BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET", "APPEND", "APPENDS", "SETITEM", "SETITEMS"),
}
GLOBALS = ("numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype")


def load(files: dict[str, Path]) -> Data:
    """x (50000, 32, 32, 3) uint8 red, green, blue, y (50000,) from 0 airplane to 9 truck; 10,000 test rows."""
    found = members(files["cifar-10-python.tar.gz"], BYTES, NAMES)
    x = np.empty((len(NAMES) * BATCH, *DATASET.shape), dtype=np.uint8)
    y = np.empty(len(x), dtype=np.int64)
    for place, name in enumerate(NAMES):
        here = slice(place * BATCH, (place + 1) * BATCH)
        x[here], y[here] = batch(found.pop(name), name, BATCH)
    x, test_x, y, test_y = x[:-BATCH], x[-BATCH:], y[:-BATCH], y[-BATCH:]
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


def batch(content: bytes, name: str, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, 32, 32, 3) uint8 and (rows,) int64 of a batch: a dict of "labels", "data" (rows, 3072) and more, pickled.

    Nothing is unpickled: its literal values are listed in their order and taken from the list. Raises BadData where
    they are not those of a batch, or an instruction is none that a batch is written with.
    """
    values = _literals(content, name, 4 * rows + 1000)
    if "labels" not in values or "data" not in values:
        raise BadData(f"{name} lacks labels or data")
    labels = list(takewhile(lambda value: type(value) is int, values[values.index("labels") + 1 :]))
    if len(labels) != rows or not all(0 <= label < DATASET.classes for label in labels):
        raise BadData(f"{name}: {rows:,} labels from 0 to {DATASET.classes - 1} are right")
    array = values[values.index("data") :]
    end = next((k for k, value in enumerate(array) if isinstance(value, str) and len(value) == rows * PIXELS), 0)
    head = array[:end]  # ends in True where the bytes go down the columns
    if "u1" not in head or (rows, PIXELS) not in zip(head, head[1:], strict=False) or type(head[-1]) is not bool:
        raise BadData(f"{name}: data of {rows:,} x {PIXELS:,} bytes (u1) are right")
    pixels = np.frombuffer(array[end].encode("latin-1"), dtype=np.uint8)
    pixels = pixels.reshape((rows, PIXELS), order="F" if head[-1] else "C")
    return pixels.reshape(rows, 3, 32, 32).transpose(0, 2, 3, 1), np.array(labels, dtype=np.int64)


def _literals(content: bytes, name: str, most: int) -> list[Any]:
    values: list[Any] = []
    try:
        for opcode, value, _ in islice(pickletools.genops(content), most):
            if opcode.name in LITERALS:
                values.append(opcode.name == "NEWTRUE" if opcode.name.startswith("NEW") else value)
            elif opcode.name not in AROUND and not (opcode.name == "GLOBAL" and value in GLOBALS):
                raise BadData(f"{name} holds the instruction {opcode.name} {value or ''!r:.60}, which no batch has")
    except ValueError as error:
        raise BadData(f"{name} is cut or damaged: {str(error)[:100]}") from None
    return values

"""How fast data come: rows generated a second, files parsed the first time and mapped the second. `tox -e bench`."""

import importlib
import inspect
import os

import numpy as np
import pytest

from harness import files
from harness.catalogue import names

CARDS = {name: importlib.import_module(f"harness.datasets.{name}") for name in names("dataset")}
MADE = [n for n, m in CARDS.items() if m.DATASET.protocol == "generated" and hasattr(m, "load")]
SIZES = {"pcfg": 2_000_000, "analogies": 2_000_000, "spoken_strings": 2_000, "shapes": 10_000}
needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")


def here(name):
    card = CARDS[name].DATASET
    return files.here(name, card.files, card.folder)


def load(name, **offered):
    card, asked = CARDS[name].DATASET, inspect.signature(CARDS[name].load).parameters
    if "files" in asked:
        offered["files"] = files.locate(name, card.files, card.folder)
    return CARDS[name].load(**{one: offered[one] for one in asked})


@pytest.mark.parametrize("name", [n for n in MADE if "size" in inspect.signature(CARDS[n].load).parameters])
def test_rows_made(benchmark, name):
    """Generated rows (tokens) a second on one core, those of the test part included."""
    if not here(name):
        pytest.skip(f"the files of {name} are not here")
    size = SIZES.get(name, 20_000)
    benchmark.pedantic(lambda: load(name, size=size, seed=1, device="cpu"), rounds=3, warmup_rounds=1)
    benchmark.extra_info["rows a second"] = round((size + CARDS[name].DATASET.test) / benchmark.stats.stats.min)


@needs_data
@pytest.mark.parametrize("name", ["fashion_mnist", "adult", "covtype_20k", "kddcup99_10pct", "imdb", "babi_en"])
def test_files_parsed(benchmark, name):
    """The first load: bytes checked, unpacked and parsed."""
    if not here(name):
        pytest.skip(f"the files of {name} are not here")
    benchmark.pedantic(lambda: load(name), rounds=3, warmup_rounds=1)


@needs_data
@pytest.mark.parametrize("name", ["fashion_mnist", "kddcup99_10pct"])
def test_files_mapped(benchmark, name, tmp_path):
    """Every later load, from the cache, to the last byte: bytes a second."""
    files.keep(tmp_path / "kept", load(name))

    def read():
        data = files.kept(tmp_path / "kept")
        return [np.array(a) for a in (data.x, data.y, data.test_x, data.test_y) if a is not None]

    held = sum(a.nbytes for a in read())
    benchmark.pedantic(read, rounds=5, warmup_rounds=1)
    benchmark.extra_info["bytes a second"] = round(held / benchmark.stats.stats.min)

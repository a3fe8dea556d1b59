"""How fast data come: rows generated a second, files parsed the first time and mapped the second. `tox -e bench`."""

import importlib
import inspect
import os

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

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


@pytest.mark.parametrize("name", [n for n, m in CARDS.items() if m.DATASET.form == "environment"])
def test_steps_made(benchmark, name):
    """Steps a second of many environments on one core, by random actions."""
    many, steps = (16, 50) if name.startswith("atari") else (1024, 200)
    arena = CARDS[name].load()
    games = arena.make(many, 1)
    games.reset()
    actions = np.random.default_rng(0).integers(arena.actions, size=(steps, many))
    benchmark.pedantic(lambda: [games.step(one) for one in actions], rounds=3, warmup_rounds=1)
    benchmark.extra_info["steps a second"] = round(many * steps / benchmark.stats.stats.min)
    games.close()


@pytest.mark.parametrize("name", [n for n, m in CARDS.items() if m.DATASET.form == "game"])
def test_moves_made(benchmark, name):
    """The first 6 moves of 1,024 games on one core: legal moves, one of them at random but no pass, the result."""
    rules, rng = CARDS[name].load(), np.random.default_rng(0)
    places = rules.moves - name.startswith("go")  # the last move of Go is to pass

    def play():
        boards = rules.start(1024)
        for _ in range(6):
            legal = rules.legal(boards)
            boards = rules.play(boards, np.where(legal, rng.random(legal.shape), -1)[:, :places].argmax(axis=1))
            rules.result(boards)

    benchmark.pedantic(play, rounds=3, warmup_rounds=1)
    benchmark.extra_info["moves a second"] = round(1024 * 6 / benchmark.stats.stats.min)


def test_own_csv_of_a_million_rows(benchmark, tmp_path, monkeypatch):
    """A csv of 1,000,000 x 30 numbers: read, understood, split, checked for leaks, written to the cache."""
    from harness.own.__main__ import OPTIONS, answer

    numbers = np.random.default_rng(0).normal(size=(1_000_000, 30)).round(4)
    path = tmp_path / "mine.csv"
    csv.write_csv(pa.table({f"c{i}": numbers[:, i] for i in range(30)}), path)
    del numbers
    places = iter(range(100))

    def fresh():
        monkeypatch.setenv("ERAS_CACHE", str(tmp_path / f"cache {next(places)}"))

    read = benchmark.pedantic(
        lambda: answer(path, OPTIONS | {"target": "c0"}, write=True), setup=fresh, rounds=3, warmup_rounds=1
    )
    assert read["rows"] == 1_000_000


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

"""Hot paths of the engine: what every command and every cell pays. `tox -e bench`."""

import json
import subprocess
import sys

import pytest

from harness import catalogue, isolate, machine, plan, tree
from harness.contract import Block
from harness.store import Journal, Store
from tests import rows

BLOCK = Block(("knn", "mlp", "random_forest"), ("digits", "hastie"), plan.GRID, {10**9: 10})


@pytest.mark.parametrize("words", ["--help", "list", "list datasets"])
def test_command(benchmark, words):
    command = [sys.executable, "-m", "harness", *words.split()]
    benchmark(lambda: subprocess.run(command, check=True, capture_output=True))


def test_plan_of_many_cells(benchmark):
    cells = benchmark(lambda: plan.ordered(plan.expand(BLOCK)))
    assert len(cells) > 100


def test_key_and_id(benchmark):
    cell = plan.expand(BLOCK)[0]
    benchmark(lambda: plan.row_id(plan.key(cell)))


def test_forecast(benchmark):
    cells = plan.expand(BLOCK)
    benchmark(lambda: [plan.Forecaster([])(cell) for cell in cells])


def test_append_a_row(benchmark, tmp_path):
    journal, row = Journal(tmp_path, "m", "20260101T000000-1-aaaa"), rows.make()
    benchmark(lambda: journal.append(row))


def test_read_10_000_rows(benchmark, tmp_path):
    (tmp_path / "m").mkdir()
    lines = "".join(json.dumps(rows.make(size=100 + n)) + "\n" for n in range(10_000))
    (tmp_path / "m" / "rows.jsonl").write_text(lines)
    store = benchmark.pedantic(lambda: Store(tmp_path), rounds=3)
    assert len(store.rows) == 10_000


def test_claim_and_release(benchmark, tmp_path):
    journal = Journal(tmp_path, "m", "20260101T000000-1-aaaa")

    def both():
        assert journal.claim("cell")
        journal.release("cell")

    benchmark(both)


def test_fingerprint(benchmark):
    benchmark(machine.fingerprint.__wrapped__)


def test_one_look_at_a_tree(benchmark):
    server = isolate.Server(("numpy",), 1)
    while server.seconds is None:
        server.events(1.0)
    benchmark(lambda: (tree.descendants(server.pid), tree.status(server.pid), tree.available()))
    server.close()


def test_read_all_cards(benchmark):
    def read():
        catalogue.find.cache_clear()
        return [catalogue.technique(name) for name in catalogue.names("technique")]

    benchmark(read)

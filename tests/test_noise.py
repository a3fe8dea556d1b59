"""What docs/tracking.md says of the gate's errors, from the pools of real runs that are stored."""

from pathlib import Path

import pytest

from benchmarks import noise
from harness.compare.gauge import FASTER, SLOWER

ROOT = Path(__file__).resolve().parent.parent
POOLS = sorted((ROOT / "results" / "epyc-2c-24g-7e90e3" / "noise").glob("*.csv.gz"))


@pytest.fixture(scope="module", params=POOLS, ids=lambda path: path.name.split(".")[0])
def pool(request):
    return noise.read(request.param)


def test_there_are_a_quiet_and_a_busy_pool():
    assert {path.name for path in POOLS} >= {"quiet.csv.gz", "hog.csv.gz"}


def test_pools_are_large(pool):
    assert 2 * sum(map(len, pool.values())) >= 3_000
    assert sum(noise.judged(pool, 1.0).values()) >= 300


def test_equal_code_raises_no_alarm(pool):
    words = noise.judged(pool, 1.0)
    assert words[SLOWER] + words[FASTER] == 0
    hits, of = noise.unconfirmed(pool)
    assert 1 - (1 - (hits / of) ** 2) ** 40 < 0.01  # in 40 cells, were both measurements independent


FOUND = {("quiet", 1.05): 0.60, ("quiet", 1.1): 0.90, ("hog", 1.05): 0.73, ("hog", 1.1): 0.96}


@pytest.mark.parametrize(("name", "factor"), FOUND)
def test_slowdowns_are_found(name, factor):
    (path,) = (path for path in POOLS if path.name == f"{name}.csv.gz")
    words = noise.judged(noise.read(path), factor)
    assert words[SLOWER] / sum(words.values()) >= FOUND[name, factor]


def test_the_others_err_more_often_on_the_same_runs(pool):
    for rule in (noise.asv, noise.pyperf):
        false, of = noise.alarms(pool, 1.0, rule, in_turn=False)
        found, _ = noise.alarms(pool, 1.1, rule, in_turn=False)
        gate = noise.judged(pool, 1.1)
        assert false > 0 or found / of < gate[SLOWER] / sum(gate.values())

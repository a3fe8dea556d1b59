"""The decades' table: its own arithmetic, against figures worked out by hand and by a reference library."""

import json
import math

import pytest
from scipy import stats as reference

from harness import cli, decades, rungs


def test_the_table_is_whole():
    for axis in rungs.AXES:
        assert list(rungs.column(axis, "printed")) == [1970, 1980, 1990, 2000, 2010, 2020]
    assert all(entry.source and entry.value > 0 for entry in rungs.table())


def test_growth_is_least_squares():
    for kind in rungs.KINDS:
        for axis in rungs.AXES:
            values = rungs.column(axis, kind)
            told = reference.linregress([y / 10 for y in values], [math.log10(v) for v in values.values()])
            half = reference.t.ppf(0.975, len(values) - 2) * told.stderr
            found = decades.growth(values)
            assert found[:3] == pytest.approx((told.slope, told.slope - half, told.slope + half))


def test_what_the_table_implies():
    """FLOPs of a day for each row of data, and bytes for each row: worked out beforehand (claims, A.2)."""
    flops = {1970: 8.6e7, 1980: 8.6e7, 1990: 8.6e7, 2000: 8.6e6, 2010: 8.6e6, 2020: 8.6e7}
    bytes_ = {1970: 10, 1980: 100, 1990: 1000, 2000: 10, 2010: 0.1, 2020: 0.1}
    for decade in flops:
        given = rungs.budget(decade)
        assert given["flops"] / given["rows"] == pytest.approx(flops[decade], rel=0.01)
        assert given["bytes"] / given["rows"] == pytest.approx(bytes_[decade])


def test_the_sentences_on_the_printed_numbers():
    memory, compute = decades.sentences("printed")
    assert memory["slope"] == pytest.approx(10.5 / 17.5)
    assert compute["verdict"] == "cannot tell" and compute["slope"] == pytest.approx(-2 / 17.5)
    assert compute["steps"] == pytest.approx(
        {"1970 to 1980": 0, "1980 to 1990": 0, "1990 to 2000": -1, "2000 to 2010": 0, "2010 to 2020": 1}
    )


@pytest.mark.parametrize(
    ("axis", "value", "year"),
    [("compute", 215e9, 2007.8), ("compute", 989e12, 2020.0), ("compute", 67e12, 2016.1), ("memory", 1e5, 1980.0)],
)
def test_where_a_machine_lies(axis, value, year):
    assert rungs.year_of(axis, value) == pytest.approx(year, abs=0.05)


def test_outside_the_table():
    assert rungs.year_of("compute", 1e16) is None and rungs.year_of("data", 10) is None


@pytest.mark.parametrize(
    ("flops", "decade", "days", "within"),
    [
        (60_000 * 20 * 341_000 * 6, 1990, 2.8, 0.1),  # LeNet-5 on MNIST, 20 passes
        (1.2e6 * 90 * 0.72e9 * 6, 2010, 5.4, 0.1),  # AlexNet on ImageNet, 90 passes
        (3.3e18, 2020, 55 / 1440, 0.1),  # Transformer base
    ],
)
def test_published_trainings_on_the_decades_machines(flops, decade, days, within):
    assert flops / rungs.budget(decade)["flops"] == pytest.approx(days, rel=within)


def test_the_command(capsys):
    assert cli.main(["decades", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["table"]) == len(rungs.table()) and told["sentences"]["printed"][1]["verdict"] == "cannot tell"
    assert told["machine"]["places"][0]["what"] == "memory"
    assert cli.main(["decades"]) == 0
    out = capsys.readouterr().out
    assert "Intel" not in out and "DGX-2" in out and "outpaced" in out

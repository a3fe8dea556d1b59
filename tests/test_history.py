"""`eras history`: level shifts in made series, files of other tools, stored rows."""

import json
import math

import numpy as np
import pytest

from harness import cli, history, imports
from harness.catalogue import Mistake
from harness.shifts import AFTER, P, shifts
from tests.rows import make


def series(seed=0):
    """Sixty runs: +10 % of time at 30, a point of score less at 40, another machine at 50 (half as fast)."""
    chance = np.random.default_rng(seed)
    found = []
    for k in range(60):
        fit = 0.2 * (1.1 if k >= 30 else 1.0) * (2.0 if k >= 50 else 1.0) * math.exp(chance.normal(0, 0.02))
        score = 0.9 - (0.01 if k >= 40 else 0.0) + chance.normal(0, 0.001)
        row = make("knn", "digits", 100, 0, score, fit=fit, machine="old" if k < 50 else "new", threads=1, code=str(k))
        row["time"] |= {"fit_cpu": fit}
        day = f"2026-{1 + k // 28:02}-{1 + k % 28:02}T03:00:00Z"
        row["provenance"] |= {"run": f"night {k:02}", "commit": f"{k:040x}", "started": day, "reference": 0.004}
        found.append(row)
    return found


def stored(folder, rows):
    for row in rows:
        place = folder / row["provenance"]["run"] / row["key"]["machine"]
        place.mkdir(parents=True, exist_ok=True)
        (place / "run.jsonl").write_text(json.dumps(row) + "\n")
    return str(folder)


def asked(capsys, *words):
    assert cli.main(["history", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["series"]


@pytest.mark.parametrize("seed", range(5))
def test_the_made_series(tmp_path, capsys, seed):
    place = stored(tmp_path, series(seed))
    for metric, at, change in (("time", 30, 0.1), ("score", 40, -0.01)):
        old, new = sorted(asked(capsys, "--results", place, "--metric", metric), key=lambda s: s["machine"] == "new")
        assert len(old["points"]) == 50 and len(new["points"]) == 10  # two machines, never joined
        assert new["shifts"] == []
        (shift,) = old["shifts"]
        assert abs(shift["index"] - at) <= 2
        assert shift["change"] == pytest.approx(change, rel=0.25)


def test_a_library_that_changed_is_told_beside_the_shift(tmp_path, capsys):
    rows = series()[:50]
    for row in rows[30:]:
        row["provenance"]["versions"] = {"scikit-learn": "1.10.0"}
    (found,) = asked(capsys, "--results", stored(tmp_path, rows))
    assert found["shifts"][0]["with"] == ["scikit-learn 1.9.1 -> scikit-learn 1.10.0"]
    assert [one["index"] for one in found["surroundings"]] == [30]


def test_a_slower_clock_that_day_is_no_news(tmp_path, capsys):
    rows = series()[:30]
    for row in rows[15:]:  # everything takes a third longer, the reference workload too
        row["time"]["fit_cpu"] *= 4 / 3
        row["provenance"]["reference"] *= 4 / 3
    (found,) = asked(capsys, "--results", stored(tmp_path, rows))
    assert found["shifts"] == []


@pytest.mark.parametrize(("by", "points"), [("date", 12), ("commit", 4), ("version", 2)])
def test_what_makes_a_point(tmp_path, capsys, by, points):
    rows = series()[:12]
    for k, row in enumerate(rows):
        row["provenance"] |= {"commit": f"{k // 3:040x}", "eras": f"0.{k // 6}"}
    (found,) = asked(capsys, "--results", stored(tmp_path, rows), "--by", by)
    assert len(found["points"]) == points


def test_a_shift_needs_three_points_on_either_side():
    steady = [0.0, 0.001, -0.001] * 7
    for late in range(1, 6):
        raised = [*steady, *[1.0 + 0.001 * k for k in range(late)]]
        assert bool(shifts(raised, 0.05)) == (late >= AFTER)


def test_no_shift_in_noise():
    chance = np.random.default_rng(0)
    assert sum(bool(shifts(chance.normal(0, 0.03, 60), math.log(1.05))) for _ in range(200)) == 0


def test_a_long_series_without_any_change():
    assert shifts(np.ones(2_000), 0.05) == []
    with pytest.raises(ValueError, match="at most 2,000"):
        shifts(np.ones(2_001), 0.05)


def test_up_and_down_again():
    chance = np.random.default_rng(1)
    values = chance.normal(0, 0.02, 60) + np.repeat([0, 0.1, 0], 20)
    assert [abs(shift.at - at) <= 1 for shift, at in zip(shifts(values, 0.05), (20, 40), strict=True)]


def test_a_shift_too_small_to_count():
    values = np.random.default_rng(2).normal(0, 0.001, 60) + np.repeat([0, 0.03], 30)
    assert shifts(values, 0.05) == [] and len(shifts(values, 0.02)) == 1


def test_the_split_is_the_one_of_the_definition():
    """The energy statistic by its definition, a sum over all pairs, at every place."""
    from harness.shifts import _best

    for seed in range(20):
        x = np.random.default_rng(seed).normal(0, 1, 17)
        values = {}
        for k in range(1, 17):
            a, b = x[:k], x[k:]
            cross = 2 * np.mean([[abs(p - q) for q in b] for p in a])
            pairs = [[abs(c[i] - c[j]) for i in range(len(c)) for j in range(i)] or [0.0] for c in (a, b)]
            within = [np.mean(some) for some in pairs]
            values[k] = len(a) * len(b) / 17 * (cross - sum(within))
        assert _best(x) == max(values, key=values.get)


OTAVA = {  # what apache-otava 0.8.0 finds (window 50, p .001, 5 %): places, changes of the level
    1: ([20, 45], [0.0995, -0.0638]),
    3: ([20, 45], [0.1100, -0.0657]),
    4: ([20, 45], [0.0999, -0.0623]),
    5: ([20, 45], [0.0983, -0.0544]),
    6: ([20, 46], [0.0877, -0.0704]),
    7: ([20, 45], [0.1037, -0.0519]),
}  # of seeds 0 and 2 it finds, with its window, one shift and [20, 42]; those are at 20 and 45


@pytest.mark.parametrize("seed", OTAVA)
def test_the_same_places_as_apache_otava(seed):
    values = np.random.default_rng(seed).normal(0, 0.03, 60) + np.repeat([0, 0.1, 0.03], [20, 25, 15])
    found = shifts(values, math.log(1.05))
    places, changes = OTAVA[seed]
    assert [shift.at for shift in found] == places
    assert [math.expm1(s.after - s.before) for s in found] == pytest.approx(
        changes, abs=0.002
    )  # theirs: of plain means


# ---------------------------------------------------------------------------------------------------- of other tools


def test_gbm_perf(capsys):
    """Published seconds 2017 to 2025: the steps of each line, and a last GPU point on another card, apart."""
    found = {(one["series"], one["machine"]): one for one in asked(capsys, "--import", "gbm-perf")}
    (shift,) = found["LightGBM, CPU, 10M rows", "CPU"]["shifts"]
    assert (shift["at"], shift["p"] < P) == ("2021", True)
    assert shift["change"] == pytest.approx(20 / (50 * 47 * 42) ** (1 / 3) - 1)
    boosted = found["xgboost, CPU, 10M rows", "CPU"]
    assert boosted["shifts"] == [] and boosted["steps"] == ["2018 x0.88", "2019 x0.52", "2021 x0.51", "2025 x0.82"]
    cards = [machine for name, machine in found if name == "xgboost, GPU, 10M rows"]
    assert cards == ["GPU", "GPU A10G"]
    assert found["xgboost, GPU, 10M rows", "GPU A10G"]["steps"] == []


def test_pytest_benchmark_files(tmp_path, capsys):
    for k in range(8):
        made = {
            "machine_info": {"node": "box", "cpu": {"brand_raw": "A CPU"}, "python_version": "3.11.7"},
            "commit_info": {"id": f"{k:040x}", "time": "2026-01-01"},
            "benchmarks": [
                {"fullname": "tests/test_a.py::test_b", "stats": {"median": 1.0 if k < 4 else 2.0 + 0.01 * k}}
            ],
            "datetime": f"2026-01-0{k + 1}T00:00:00",
            "version": "5.2.3",
        }
        (tmp_path / f"{k:04}_run.json").write_text(json.dumps(made))
    (found,) = asked(capsys, "--import", str(tmp_path))
    assert (found["series"], found["machine"]) == ("tests/test_a.py::test_b", "box, A CPU")
    assert [shift["index"] for shift in found["shifts"]] == [4]


def test_asv_files(tmp_path, capsys):
    folder = tmp_path / "results" / "box"
    folder.mkdir(parents=True)
    (folder / "machine.json").write_text('{"machine": "box", "version": 1}')
    for k in range(3):
        made = {
            "commit_hash": f"{k:040x}", "date": 1_700_000_000_000 + k * 86_400_000, "params": {"machine": "box"},
            "env_name": "py3.11", "version": 2, "result_columns": ["result", "params", "version"],
            "results": {
                "bench.time_a": [[0.1 * (k + 1)], [], "v"],
                "bench.time_b": [[1.0, None], [["10", "20"]], "v"],
                "bench.peakmem_c": [[5e7], [], "v"],
            },
        }  # fmt: skip
        (folder / f"{k:08x}-py3.11.json").write_text(json.dumps(made))
    found = {one["series"]: one for one in asked(capsys, "--import", str(tmp_path))}
    assert set(found) == {"bench.time_a, py3.11", "bench.time_b(10), py3.11"}
    assert [point["value"] for point in found["bench.time_a, py3.11"]["points"]] == pytest.approx([0.1, 0.2, 0.3])
    (memory,) = asked(capsys, "--import", str(tmp_path), "--metric", "memory")
    assert memory["series"] == "bench.peakmem_c, py3.11"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.json", "{", "not as pytest-benchmark or asv write it"),
        ("a.json", '{"benchmarks": 3, "machine_info": 4}', "not as pytest-benchmark or asv write it"),
        ("a.json", "{}", "neither pytest-benchmark's nor asv's"),
        ("a.json", "[1]", "neither pytest-benchmark's nor asv's"),
        ("a.csv", "series,when,value\n", "the column machine is not there"),
        ("a.csv", "series,when,machine,value\na,2017,b,fast\n", "could not convert"),
        ("a.csv", "series,when,machine,value\na,2017,b,nan\n", "a finite value"),
        ("a.csv", "series,when,machine,value\na\n", "not as"),
        ("a.csv", "series,when,machine,value\n", "no result file"),
    ],
)
def test_files_that_are_something_else(tmp_path, capsys, name, content, told):
    (tmp_path / name).write_text(content)
    assert cli.main(["history", "--import", str(tmp_path / name)]) == 2
    assert told in capsys.readouterr().err


def test_nothing_to_follow(tmp_path, capsys):
    assert cli.main(["history", "--import", str(tmp_path / "none")]) == 2
    assert "no such file" in capsys.readouterr().err
    with pytest.raises(Mistake, match="no result file"):
        imports.read(str(tmp_path))


def test_the_terminal(tmp_path, capsys):
    assert cli.main(["history", "--results", stored(tmp_path, series()), "--metric", "time"]) == 0
    out = capsys.readouterr().out
    assert "night 29" not in out.splitlines()[0] and "+9" in out or "+10" in out
    assert "knn on digits, n = 100" in out and "▁" in out


def test_bars():
    assert history.bars([1, 1]) == "▄▄" and history.bars([0, 1]) == "▁█"

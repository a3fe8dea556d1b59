"""A user's own table, understood: kinds of columns, what is asked, the split, planted leaks, the process's reply."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from harness import catalogue, files, split
from harness.catalogue import Mistake
from harness.contract import BadData, Data
from harness.own import leaks, write
from harness.own.__main__ import OPTIONS, answer
from harness.own.target import asked

ROOT = Path(__file__).resolve().parent.parent
needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def mine(tmp_path):
    """Write columns to a csv file; its path."""

    def made(frame, name="mine.csv"):
        pd.DataFrame(frame).to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return made


def ask(path, write=True, **options):
    return answer(path, OPTIONS | options, write)


def load(reply) -> Data:
    return catalogue.load(Path(reply["dataset"])).load()


def told(reply, *words):
    return any(all(word in sentence for word in words) for sentence in reply["told"] + reply["warnings"])


def column(reply, name):
    return next(one for one in reply["columns"] if one["name"] == name)


def plain(n, seed=0):
    """Two columns of noise, and classes that lean on the first."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n).round(4), rng.normal(size=n).round(4)
    return {"a": a, "b": b, "y": np.where(a + rng.normal(size=n) > 0, "up", "down")}


# ------------------------------------------------------------------------------------------------------------- columns


def test_each_kind_of_column_is_told(mine):
    rng = np.random.default_rng(0)
    n = 200
    reply = ask(
        mine(
            plain(n)
            | {
                "id": np.arange(n),
                "code": [f"AB-{i:05}" for i in rng.permutation(n)],
                "uuid": [f"{i:08x}-1111-2222-3333-{i * 7:012x}" for i in range(n)],
                "steps": rng.permutation(np.arange(5_000, 5_000 + n)),
                "same": 4,
                "void": "",
                "town": rng.choice(["Rome", "Oslo"], n),
                "hole": np.where(rng.random(n) < 0.2, "NA", "1.5"),
                "when": pd.date_range("2000-01-01", periods=n, freq="7h").strftime("%d/%m/%Y %H:%M"),
                "name": [f"{a} {b}" for a, b in zip(rng.integers(0, 90, n), rng.integers(0, 90, n), strict=True)],
                "on": rng.random(n) < 0.5,
            }
        ),
        target="y",
    )
    out = {one["name"] for one in reply["columns"] if one["told"].startswith("left out")}
    assert out == {"id", "code", "uuid", "steps", "same", "void", "name"}
    data = load(reply)
    assert data.x.shape == (n, 6) and data.levels == (0, 0, 2, 0, 0, 0)  # a, b, town, hole, when, on
    assert column(reply, "hole")["missing"] == np.isnan(data.x[:, 3]).sum() > 20
    days = (pd.date_range("2000-01-01", periods=n, freq="7h") - pd.Timestamp(0)) / pd.Timedelta("1D")
    np.testing.assert_array_equal(data.x[:, 4], np.asarray(days, dtype=np.float32))
    assert column(reply, "when")["kind"] == "date" and column(reply, "town")["kind"] == "category"
    assert told(reply, "left out (id)", "code") and told(reply, "left out (constant)", "same")


@pytest.mark.parametrize(
    "written", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y/%m/%d %H:%M", "%d %b %Y", "%Y-%m-%dT%H:%M:%SZ"]
)
def test_dates_are_days_since_1970(mine, written):
    dates = pd.date_range("1969-11-15", periods=80, freq="36h" if "H" in written else "29D")
    data = load(ask(mine(plain(80) | {"when": dates.strftime(written)}), target="y"))
    truth = (
        pd.to_datetime(dates.strftime(written), format=written, utc=True) - pd.Timestamp(0, tz="UTC")
    ) / pd.Timedelta("1D")
    np.testing.assert_array_equal(data.x[:, 2], np.asarray(truth, dtype=np.float32))


def test_a_day_beyond_the_12th_settles_what_the_first_rows_left_open(mine, monkeypatch):
    monkeypatch.setattr("harness.own.columns.CAP", 20)
    open_ = [f"{1 + i % 12:02}/{1 + i // 12:02}/2001" for i in range(60)]
    reply = ask(mine(plain(60) | {"when": open_}), target="y")
    assert column(reply, "when")["told"] == "written %m/%d/%Y (%d/%m/%Y fits too): days since 1970"
    reply = ask(mine(plain(60) | {"when": [*open_[:59], "31/05/2001"]}), target="y")
    assert column(reply, "when")["told"] == "written %d/%m/%Y: days since 1970"
    truth = pd.to_datetime([*open_[:59], "31/05/2001"], format="%d/%m/%Y") - pd.Timestamp(0)
    np.testing.assert_array_equal(load(reply).x[:, 2], np.asarray(truth.days, dtype=np.float32))


def test_more_categories_than_the_limit_are_left_out_and_fewer_are_not(mine):
    many = {"few": [f"c{i % 50}" for i in range(400)], "many": [f"c{i % 51}x y" for i in range(400)]}
    reply = ask(mine(plain(400) | many), target="y")
    assert column(reply, "few")["told"].startswith("50 categories")
    assert column(reply, "many")["told"] == "left out: text with 51 different values"


def test_infinite_and_huge_numbers_count_as_missing_and_are_told(mine):
    frame = plain(50)
    frame["a"][:3] = np.inf, -np.inf, 1e300
    reply = ask(mine(frame), target="y")
    assert told(reply, "a: 3 infinite or huge") and np.isnan(load(reply).x[:3, 0]).all()


def test_integers_that_float32_rounds_are_told(mine):
    reply = ask(mine(plain(50) | {"big": 20_000_001 + 10 * np.arange(50) ** 2}), target="y")
    assert column(reply, "big")["told"].startswith("rounded")


def test_columns_can_be_dropped_and_are_found_by_any_case(mine):
    reply = ask(mine(plain(50)), target="Y", drop=["A"])
    assert load(reply).x.shape == (50, 1) and column(reply, "a")["told"] == "left out: --drop"


def test_an_unknown_column_is_a_mistake_that_names_the_nearest(mine):
    for role in ("target", "group", "time", "text"):
        with pytest.raises(Mistake, match=f"no column 'weigth' for --{role}; nearest: weight"):
            ask(mine(plain(50) | {"weight": 1.5}), **{role: "weigth"})
    with pytest.raises(Mistake, match="--drop"):
        ask(mine(plain(50)), target="y", drop=["z"])
    with pytest.raises(Mistake, match="two roles"):
        ask(mine(plain(50)), target="y", drop=["y"])
    with pytest.raises(Mistake, match="which column is to be told"):
        ask(mine(plain(50)))
    with pytest.raises(Mistake, match="are what a file"):
        ask(mine(plain(50)), target="y", task="guess")


def test_without_a_target_the_columns_are_described(mine):
    reply = ask(mine(plain(50)), write=False)
    assert reply["dataset"] is None and reply["card"]["task"].startswith("no task yet") and reply["rows"] == 50
    assert [one["kind"] for one in reply["columns"]] == ["number", "number", "category"]


# -------------------------------------------------------------------------------------------------------------- target


def test_texts_are_classes_by_sorted_name_and_rows_without_one_are_left_out(mine):
    frame = plain(60)
    frame["y"][[4, 9]] = ""
    reply = ask(mine(frame), target="y")
    names = sorted({"up", "down"})
    assert load(reply).y.tolist() == [names.index(y) for y in frame["y"] if y]
    assert reply["rows"] == 58 and told(reply, "2 rows without a target") and told(reply, "0 down, 1 up")


@pytest.mark.parametrize(
    "values, task, classes",
    [
        (np.arange(100) % 4 * 10, None, 4),
        (np.arange(100) % 20, None, 20),
        (np.arange(100) % 21, None, 0),  # fewer than 5 rows each
        (np.arange(100) % 4 + 0.5, None, 0),
        (np.arange(100) % 4, "regress", 0),
        (np.arange(100) % 4 + 0.5, "classify", 4),
        (np.arange(1000) % 50, None, 50),
        (np.arange(1000) % 51, None, 0),
    ],
)
def test_what_integers_ask_for(values, task, classes):
    y, labels, _ = asked(values.astype(float), None, task, "y")
    assert len(labels) == classes and y.dtype == (np.int64 if classes else np.float64)
    if classes:
        assert [float(labels[code]) for code in y] == values.tolist()


def test_a_target_that_cannot_be_told_is_told(mine):
    for frame, words in (
        ({"y": 1}, "one value only"),
        ({"y": [f"t{i}" for i in range(60)]}, "too many for classes"),
        ({"y": ""}, "holds 0 rows"),
    ):
        with pytest.raises(BadData, match=words):
            ask(mine(plain(60) | frame), target="y")
    with pytest.raises(BadData, match="no number"):
        ask(mine(plain(60)), target="y", task="regress")
    with pytest.raises(BadData, match="no column is left"):
        ask(mine({"a": 1, "y": np.arange(60) % 2}), target="y")


@pytest.mark.parametrize("rare, metric", [(12, "accuracy"), (11, "balanced_accuracy")])
def test_an_unbalanced_target_counts_each_class(mine, rare, metric):
    frame = plain(60) | {"y": ["a"] * (60 - rare) + ["b"] * rare}  # 80 % is the limit
    reply = ask(mine(frame), target="y")
    assert reply["card"]["metric"] == metric and told(reply, "balanced_accuracy") == (rare < 12)


# --------------------------------------------------------------------------------------------------------------- texts


def sentences(n, words=12):
    rng = np.random.default_rng(0)
    return [
        " ".join(rng.choice(["we", "saw", "an", "odd", "film", "it", "was", "long"], words)) + f" {i}" for i in range(n)
    ]


def test_a_column_of_sentences_is_read(mine):
    frame = {"label": np.arange(60) % 3, "review": sentences(60), "stars": np.arange(60) % 7}
    reply = ask(mine(frame), target="label")
    data, card = load(reply), reply["card"]
    assert data.x.tolist() == frame["review"] and data.x.dtype.kind == "T" and data.levels == ()
    assert (card["form"], card["shape"], card["task"]) == ("text", (13,), "classify")
    assert column(reply, "stars")["told"].startswith("left out") and told(reply, "left out beside", "stars")


def test_names_of_some_words_beside_numbers_make_no_text_unless_asked(mine):
    frame = plain(60) | {"who": sentences(60, 4), "c": np.random.default_rng(1).normal(size=60)}
    reply = ask(mine(frame), target="y")
    assert reply["card"]["form"] == "table" and "--text who" in column(reply, "who")["told"]
    assert load(ask(mine(frame), target="y", text="who")).x.tolist() == frame["who"]
    with pytest.raises(Mistake, match="holds no text"):
        ask(mine(frame), target="y", text="a")


# --------------------------------------------------------------------------------------------------------------- split


def test_small_files_have_folds_as_the_engine_draws_them(mine):
    reply = ask(mine(plain(103)), target="y")
    card, data = reply["card"], load(reply)
    assert (card["protocol"], card["rows"], card["test"]) == ("folds", 82, 21) and data.test_x is None
    split.parts(data, card["rows"], 0, 0.0)


def test_large_files_have_a_test_part_drawn_by_row_number(mine):
    frame = plain(10_000)
    frame["y"] = np.where(np.arange(10_000) % 100 == 0, "rare", "usual")
    reply = ask(mine(frame), target="y")
    data = load(reply)
    whole = pd.DataFrame(frame)[["a", "b"]].to_numpy(np.float32)
    both = np.concatenate([data.x, data.test_x])
    assert len(data.test_y) == 2_000 and sorted(map(tuple, both.tolist())) == sorted(map(tuple, whole.tolist()))
    assert (data.test_y == 0).sum() == 20 and (data.y == 0).sum() == 80  # each class its share
    again = load(ask(mine(frame | {"a": frame["a"] + 1}), target="y"))
    np.testing.assert_array_equal(again.test_x[:, 1], data.test_x[:, 1])  # other content, the same rows
    assert abs(np.searchsorted(whole[:, 1][np.argsort(whole[:, 1])], data.test_x[:, 1]).mean() - 5_000) < 200


def test_groups_are_kept_together(mine):
    n = 12_000
    who = np.random.default_rng(0).integers(0, 300, n)
    reply = ask(mine(plain(n) | {"who": [f"p{w}" for w in who]}), target="y", group="who")
    card, data = reply["card"], load(reply)
    assert card["protocol"] == "folds" and card["shape"] == (2,) and data.x.shape == (n, 2)
    pairs = set(zip(who.tolist(), data.groups.tolist(), strict=True))
    assert len(pairs) == len(set(who.tolist())) == len(set(data.groups.tolist()))
    held = [len(split.folds(data.y, 2, seed, data.groups)[1]) for seed in range(10)]
    assert card["test"] == max(held) and card["rows"] == n - max(held)
    with pytest.raises(BadData, match="4 groups, 5 or more"):
        ask(mine(plain(100) | {"who": np.arange(100) % 4}), target="y", group="who")


def test_the_latest_fifth_is_the_test_part(mine):
    n = 60
    days = np.random.default_rng(0).permutation(n)
    dates = pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D")
    for when in (dates.strftime("%Y-%m-%d %H:%M:%S"), dates.strftime("%d.%m.%Y"), days * 1e6):
        frame = plain(n) | {"when": when}
        reply = ask(mine(frame), target="y", time="when")
        data = load(reply)
        order = np.argsort(days)
        assert data.ordered and data.protocol == "official" and reply["card"]["shape"] == (2,)
        np.testing.assert_array_equal(data.x[:, 0], frame["a"][order[:48]].astype(np.float32))
        np.testing.assert_array_equal(data.test_x[:, 0], frame["a"][order[48:]].astype(np.float32))


def test_a_time_that_is_no_date_is_told_with_its_row(mine):
    dates = pd.date_range("2020-01-01", periods=60).strftime("%d.%m.%Y").to_numpy(object)
    dates[41] = "soon"
    with pytest.raises(BadData, match="row 42 is 'soon'"):
        ask(mine(plain(60) | {"when": dates}), target="y", time="when")
    with pytest.raises(BadData, match="row 1 is 'up'|row 1 is 'down'"):
        ask(mine(plain(60) | {"z": plain(60)["y"]}), target="y", time="z")
    with pytest.raises(Mistake, match="--group and --time"):
        ask(mine(plain(60)), target="y", time="a", group="b")


# --------------------------------------------------------------------------------------------------------------- leaks


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "diabetes"])
def test_an_honest_table_raises_no_warning(mine, name):
    honest = getattr(datasets, f"load_{name}")(as_frame=True)
    reply = ask(mine(honest.frame), target="target")
    assert reply["warnings"] == []
    assert reply["card"]["task"] == ("regress" if name == "diabetes" else "classify")


def test_columns_that_give_the_answer_away_are_caught(mine):
    frame = plain(500)
    rng = np.random.default_rng(2)
    up = frame["y"] == "up"
    leaky = {
        "copy": np.where(up, "yes", "no"),
        "shifted": up * 3.0 + rng.normal(size=500) * 0.1,
        "many": np.where(up, rng.integers(0, 40, 500) * 2, rng.integers(0, 40, 500) * 2 + 1),
        "hole": np.where(up, 1.5 + rng.random(500), np.nan),
        "honest": up * 1.0 + rng.normal(size=500),
    }
    found = [text.split()[0] for text in ask(mine(frame | leaky), target="y")["warnings"]]
    assert sorted(found) == ["copy", "hole", "many", "shifted"]


def test_columns_that_give_a_number_away_are_caught(mine):
    rng = np.random.default_rng(3)
    y = rng.normal(size=400) * 10
    frame = {
        "y": y,
        "straight": 2 * y + 1 + rng.normal(size=400) * 0.01,
        "bent": np.exp(y / 10) + 0.0,
        "honest": y + rng.normal(size=400) * 5,
        "noise": rng.normal(size=400),
    }
    found = [text.split()[0] for text in ask(mine(frame), target="y")["warnings"]]
    assert found == ["straight", "bent"]


def brute(column, y, classes, category):
    """Leave-one-out accuracy by comparing every row with every other one."""
    hits = 0.0
    for i in range(len(y)):
        others = np.delete(np.arange(len(y)), i)
        same = others[column[others] == column[i]]
        if len(same):
            counts = np.bincount(y[same], minlength=classes)
            hits += counts[y[i]] == counts.max() and (counts == counts.max()).sum() == 1
        elif category:
            hits += y[i] == np.bincount(y).argmax()
        else:
            gap = np.abs(column[others] - column[i])
            near = others[gap == gap.min()]
            near = near[column[near] == column[near].min()]  # of two sides equally far the lower one
            hits += y[i] == np.bincount(y[near], minlength=classes).argmax()
    return hits / len(y)


@pytest.mark.parametrize("category", [False, True])
def test_the_leave_one_out_accuracy_is_that_of_a_loop(category):
    rng = np.random.default_rng(0)
    for _ in range(20):
        y = rng.integers(0, 3, 80)
        values = (np.round(rng.normal(size=80), 1) + y).astype(np.float32)
        np.testing.assert_allclose(leaks.of_classes(values, y, 3, category), brute(values, y, 3, category))
    clean = np.repeat(np.arange(40), 2).astype(np.float32)
    assert leaks.of_classes(clean, (clean % 2).astype(int), 2, category) == 1


def test_rows_on_both_sides_of_the_split_are_counted(mine):
    frame = pd.DataFrame(plain(300))
    twice = pd.concat([frame, frame.iloc[:60]])
    reply = ask(mine(twice), target="y")
    y = twice["y"].eq("up").to_numpy().astype(int)
    learn, out = split.folds(y, 2, 0)
    rows = list(zip(twice["a"], twice["b"], strict=True))
    both = sum(rows[i] in {rows[j] for j in learn} for i in out)
    assert both >= 5 and any(text.startswith(f"{both} of {len(out)} test rows") for text in reply["warnings"])
    assert reply["duplicates"] == 60 and told(reply, "60 rows are there more than once")
    assert ask(mine(frame), target="y")["duplicates"] == 0


def test_equal_hashes_are_equal_rows():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (20_000, 6)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    zeros = np.where(x == 0, -0.0, x)
    truth = len({tuple("n" if v != v else v for v in row) for row in x.tolist()})
    assert len(np.unique(leaks.hashes(x))) == truth and (leaks.hashes(zeros) == leaks.hashes(x)).all()
    grid = np.stack(np.meshgrid(*[np.arange(64)] * 3), -1).reshape(-1, 3).astype(np.float32) * 2.0**20
    assert len(np.unique(leaks.hashes(grid))) == 64**3


def test_a_column_that_looks_like_a_group_is_hinted_at(mine):
    reply = ask(mine(plain(100) | {"patient_id": np.arange(100) % 20 * 7}), target="y")
    assert told(reply, "patient_id looks like a group", "--group patient_id")
    assert (
        ask(mine(plain(100) | {"patient_id": np.arange(100) % 20 * 7}), target="y", group="patient_id")["warnings"]
        == []
    )


def test_classes_of_few_rows_are_told(mine):
    frame = plain(100)
    frame["y"][:2] = "odd"
    assert told(ask(mine(frame), target="y"), "fewer than 5 rows", "odd")


# ------------------------------------------------------------------------------------------------------------- process


def process(**request):
    done = subprocess.run(
        [sys.executable, "-m", "harness.own", json.dumps(request)], capture_output=True, text=True, cwd=ROOT
    )
    assert not done.stderr, done.stderr
    assert len(done.stdout.splitlines()) == 1
    return done.returncode, json.loads(done.stdout)


def test_the_process_replies_with_one_object_and_is_at_once_the_second_time(mine, tmp_path):
    path = mine(plain(60))
    request = {"path": str(path), "target": "y", "group": None, "drop": [], "write": True}
    code, first = process(**request)
    assert code == 0 and set(first) == {
        *("dataset", "card", "columns", "told", "warnings", "rows", "duplicates", "seconds")
    }
    code, second = process(**request)
    assert code == 0 and "read" in first["seconds"] and set(second["seconds"]) == {"hash"}
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert (
        Path(first["dataset"]).name == "mine.csv.py"
        and Path(first["dataset"]).parent.parent == tmp_path / "cache" / "own"
    )
    assert sorted(one.name for one in Path(first["dataset"]).parent.iterdir()) == ["data", "mine.csv.py", "reply.json"]
    path.write_text(path.read_text().replace("up", "xx"))  # as long, but other bytes
    assert process(**request)[1]["dataset"] != first["dataset"]
    assert process(**request | {"drop": ["a"]})[1]["dataset"] != first["dataset"]


def test_the_process_ends_with_2_and_a_sentence(mine, tmp_path):
    for request, words in (
        ({"path": str(tmp_path / "none.csv")}, "No such file"),
        ({"path": str(mine(plain(60))), "target": "z"}, "no column 'z'"),
        ({"path": str(mine(plain(60))), "write": True}, "which column"),
    ):
        code, reply = process(**request)
        assert code == 2 and list(reply) == ["problem"] and words in reply["problem"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(mine):
    path = mine(plain(60))
    path.chmod(0)
    code, reply = process(path=str(path), target="y")
    assert code == 2 and "Permission denied" in reply["problem"]


def test_the_dataset_file_is_one_for_the_catalogue(mine):
    hostile = 'mine"""\\ \'; import os\n.csv'
    frame = plain(60)
    frame["y"] = np.where(frame["y"] == "up", 'up"""\n\0', "down\u2028\\")
    reply = ask(mine(frame, hostile), target="y")
    found = catalogue.dataset(reply["dataset"])
    assert (
        found.card.title == hostile
        and found.card.rows == 48
        and found.card.content == hashlib.sha256(Path(mine(frame, hostile)).read_bytes()).hexdigest()
    )
    assert load(reply).x.shape == (60, 2)
    assert catalogue.public_name(found.name).endswith(".csv")


def test_a_damaged_cache_is_made_again(mine):
    path = mine(plain(60))
    first = ask(path, target="y")
    (Path(first["dataset"]).parent / "reply.json").write_text("{")
    assert ask(path, target="y")["card"] == first["card"]
    assert "read" not in ask(path, target="y")["seconds"]
    (Path(first["dataset"]).parent / "reply.json").unlink()
    assert ask(path, target="y")["dataset"] == first["dataset"]


def test_files_larger_than_what_is_held_are_understood_alike(mine, monkeypatch):
    path = mine(plain(12_000) | {"town": np.random.default_rng(0).choice(["Rome", "Oslo"], 12_000)})
    small = load(ask(path, target="y"))
    monkeypatch.setattr("harness.own.columns.HELD", 1000)
    monkeypatch.setattr(write, "HELD", 1000)
    monkeypatch.setattr(write, "STEP", 5000)
    monkeypatch.setattr("harness.own.__main__._sources", lambda: "other")
    large = load(ask(path, target="y"))
    for name in ("x", "y", "test_x", "test_y"):
        np.testing.assert_array_equal(getattr(small, name), getattr(large, name))


# ----------------------------------------------------------------------------------------------------------- real data


def shared(name):
    roots = [Path(root) for root in os.environ["ERAS_DATA"].split(os.pathsep)]
    return next(root / name for root in roots if (root / name).is_file())


@needs_data
def test_adult_as_the_project_reads_it():
    reply = ask(shared("adult/adult.data.gz"), target="-1")
    adult = catalogue.load(catalogue.path_of("dataset", "adult"))
    project = adult.load(files.locate("adult", adult.DATASET.files))
    data = load(reply)
    assert reply["rows"] == 32_561 and reply["warnings"] == [] and len(data.test_y) == 6_512
    seen = np.concatenate([np.column_stack([data.x, data.y]), np.column_stack([data.test_x, data.test_y])])
    truth = np.column_stack([project.x, project.y])
    truth, seen = np.nan_to_num(truth, nan=-1), np.nan_to_num(seen, nan=-1)
    np.testing.assert_array_equal(truth[np.lexsort(truth.T)], seen[np.lexsort(seen.T)])
    assert data.levels == project.levels


@needs_data
def test_california_is_a_number_to_be_told():
    reply = ask(shared("california-housing/housing.csv.gz"), target="median_house_value")
    frame = pd.read_csv(shared("california-housing/housing.csv.gz"))
    assert (reply["card"]["task"], reply["rows"], reply["card"]["shape"]) == ("regress", 20_640, (9,))
    assert column(reply, "total_bedrooms")["missing"] == 207 and reply["warnings"] == []
    data = load(reply)
    np.testing.assert_allclose(np.sort(np.append(data.y, data.test_y)), np.sort(frame["median_house_value"]))


@needs_data
def test_iris_has_three_classes_of_fifty():
    reply = ask(shared("iris/iris.csv"), target="-1")
    assert np.bincount(load(reply).y).tolist() == [50, 50, 50] and reply["warnings"] == []


@needs_data
def test_sentences_with_labels_are_read():
    path = shared("reuters-r8/r8-test.txt.xz")
    reply = ask(path, target="1")
    assert (reply["card"]["form"], reply["card"]["classes"], reply["rows"]) == ("text", 8, 2_189)

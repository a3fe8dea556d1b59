"""Tables against pandas' reading of the same files, published counts, scikit-learn; damaged files against BadData."""

import functools
import gzip
import importlib
import os
import zlib

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from harness.contract import BadData
from harness.files import locate, unpack
from harness.split import folds

SMALL = (
    *("boston_housing", "breast_cancer_wisconsin", "california_housing", "covtype_20k", "criteo_tiny", "diamonds"),
    *("higgs_7k", "iris_uci", "letter", "pima_diabetes", "wine_quality"),
)
LARGE = ("flights_nyc13", "kddcup99_10pct")
needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")


def module(name):
    return importlib.import_module(f"harness.datasets.{name}")


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ERAS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@functools.cache
def located(name):
    card = module(name).DATASET
    return locate(name, card.files, card.folder)


@functools.cache
def loaded(name):
    return module(name).load(located(name))


@functools.cache
def raw(name, place=0, **options):
    """One file of a dataset, by pandas: an independent reader."""
    path = located(name)[module(name).DATASET.files[place].name]
    return pd.read_csv(path, **({"header": None} | options))


def equal(x, columns):
    return np.array_equal(x, np.column_stack(columns).astype(np.float32), equal_nan=True)


def coded(column, categories):
    codes = pd.Categorical(column.astype(str), categories).codes.astype(float)
    assert (codes >= 0).all()
    return codes


# ------------------------------------------------------------------------------------------------------------ all alike


@needs_data
@pytest.mark.parametrize("name", SMALL + LARGE)
def test_shapes_and_levels_are_those_of_the_card(name):
    card, data = module(name).DATASET, loaded(name)
    assert (data.x.shape[1:], data.x.dtype) == (card.shape, np.float32)
    assert data.y.dtype == (np.int64 if card.classes else np.float64) and data.protocol == card.protocol
    if card.protocol == "folds":
        assert (card.rows + card.test, card.test) == (len(data.x), -(-len(data.x) // 5))
    else:
        assert (card.rows, card.test) == (len(data.x), len(data.test_x)) == (len(data.y), len(data.test_y))
    everything = data.x if data.test_x is None else np.concatenate([data.x, data.test_x])
    assert len(data.levels) == card.shape[0]
    for place, levels in enumerate(data.levels):
        codes = np.unique(everything[:, place])
        codes = codes[~np.isnan(codes)]
        assert not levels or (codes[0] >= 0 and codes[-1] < levels and (codes == codes.astype(int)).all())
    assert data.ordered == (name == "flights_nyc13")
    assert (data.groups is not None) == (name in ("breast_cancer_wisconsin", "diamonds", "wine_quality"))


# Of all lines of KDD Cup 1999 the most frequent one.
SMURF = (
    b"\n0,icmp,ecr_i,SF,1032,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,511,511,0.00,0.00,0.00,0.00,1.00,0.00,0.00,255,255,1.00,"
    b"0.00,1.00,0.00,0.00,0.00,0.00,0.00,smurf.\n"
)


def content(name, file):
    return unpack(located(name)[file.name], getattr(module(name), "UNPACKED", file.bytes))


DAMAGE = ["short", "without its last line", "one field more", "one field less", "empty", "cut", "bomb"]


@needs_data
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_told(tmp_path, name, damage):
    for file in module(name).DATASET.files:
        whole = content(name, file)
        last = whole.rstrip(b"\n").rpartition(b"\n")[2]
        separator = b" " if name == "boston_housing" else b"\t" if name == "higgs_7k" else b","
        fields = len(last.split() if separator == b" " else last.split(separator))
        told = {
            "short": whole[: int(len(whole) * 0.7)],
            "without its last line": whole.rstrip(b"\n").removesuffix(last),
            "one field more": whole.replace(last, separator.join([b"1"] * (fields + 1)), 1),
            "one field less": whole.replace(last, last.rpartition(separator)[0], 1),
            "empty": b"",
            "cut": gzip.compress(whole, 1)[:-20],
            "bomb": gzip.compress(whole + bytes(9_000_000), 1),
        }[damage]
        path = tmp_path / (f"{file.name}.gz" if damage in ("cut", "bomb") else file.name.removesuffix(".gz"))
        path.write_bytes(told)
        with pytest.raises(BadData, match=path.name):
            module(name).load(located(name) | {file.name: path})


@needs_data
@pytest.mark.parametrize(
    "name, place, right, wrong, sentence",
    [
        ("boston_housing", 0, b"  24.00\n", b"  nan\n", "a price is missing"),
        ("breast_cancer_wisconsin", 0, b"1,3,1,1,2\n", b"1,3,1,1,?\n", "a class is missing"),
        ("breast_cancer_wisconsin", 0, b"1,3,1,1,2\n", b"1,3,1,1,3\n", "class is '3'"),
        ("california_housing", 0, b",452600.0,NEAR", b",,NEAR", "a house value is missing"),
        ("california_housing", 0, b"NEAR BAY", b"BAY", "ocean_proximity is 'BAY'"),
        ("covtype_20k", 0, b",5\n", b",8\n", "Cover_Type is '8'"),
        ("covtype_20k", 0, b",0,0,0,5\n", b",0,0,2,5\n", "Soil_Type_40 is '2'"),
        ("criteo_tiny", 0, b"10000000,0,", b"10000000,,", "a label is missing"),
        ("diamonds", 0, b",326,", b",0,", "a price is missing or not above 0"),
        ("diamonds", 0, b'"Ideal"', b'"ideal"', "cut is 'ideal'"),
        ("flights_nyc13", 0, b"\n2013,12,1,", b"\n2013,13,1,", "month is '13'"),
        ("flights_nyc13", 0, b"\n2013,10,1,", b"\n2013,11,1,", "273,354 arrivals until October, 273,355 are right"),
        ("flights_nyc13", 0, b",UA,", b",UX,", "carrier is 'UX'"),
        ("higgs_7k", 0, b"1\t", b"2\t", "label is '2'"),
        ("iris_uci", 0, b"Iris-setosa", b"Iris", "species is 'Iris'"),
        ("kddcup99_10pct", 0, b",normal.\n", b",normal\n", "attack is 'normal'"),
        ("kddcup99_10pct", 0, SMURF, SMURF.replace(b"1032", b"1999"), "145,587 distinct rows"),
        ("letter", 0, b"T,2,8", b"t,2,8", "letter is 't'"),
        ("pima_diabetes", 0, b",50,1\n", b",50,?\n", "ill is"),
        ("wine_quality", 1, b",8.8,6\n", b",8.8,x\n", "quality is 'x'"),
    ],
)
def test_wrong_values_are_told(tmp_path, name, place, right, wrong, sentence):
    file = module(name).DATASET.files[place]
    whole = content(name, file)
    assert len(right) >= len(wrong) and right in whole
    path = tmp_path / file.name.removesuffix(".gz")
    path.write_bytes(whole.replace(right, wrong, 1))
    with pytest.raises(BadData, match=sentence):
        module(name).load(located(name) | {file.name: path})


# ---------------------------------------------------------------------------------------------------------- one by one


@needs_data
def test_covtype_20k():
    data, table = loaded("covtype_20k"), raw("covtype_20k")
    assert equal(np.concatenate([data.x, data.test_x]), [table.iloc[:, :54]])
    assert (np.concatenate([data.y, data.test_y]) == table[54] - 1).all()
    assert np.bincount(data.y).tolist() == [2160] * 7
    assert np.bincount(data.test_y, minlength=7).tolist() == [782, 3862, 0, 0, 236, 0, 0]
    assert (data.x[:, 10:14].sum(1) == 1).all() and (data.x[:, 14:].sum(1) == 1).all()  # one area, one soil
    assert (data.test_y == 1).mean() == pytest.approx(0.7914, abs=5e-5)  # what a constant answer has of accuracy


@needs_data
def test_covtype_20k_has_the_forest_of_its_card():
    card, data = module("covtype_20k").DATASET, loaded("covtype_20k")
    forest = RandomForestClassifier(300, random_state=0, n_jobs=2).fit(data.x, data.y)
    answers = forest.predict(data.test_x)
    score = np.mean([(answers[data.test_y == c] == c).mean() for c in (0, 1, 4)])
    assert card.metric == "balanced_accuracy" and score == pytest.approx(card.anchor, abs=0.002)
    assert (answers == data.test_y).mean() == pytest.approx(0.703, abs=0.005)  # below the constant answer


@needs_data
def test_california_housing():
    data, table = loaded("california_housing"), raw("california_housing", header=0)
    near = coded(table.ocean_proximity, ["<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"])
    assert equal(data.x, [table.iloc[:, :8], near])
    assert np.bincount(data.x[:, 8].astype(int)).tolist() == [9136, 6551, 5, 2290, 2658]
    assert np.isnan(data.x).sum(0).tolist() == [0, 0, 0, 0, 207, 0, 0, 0, 0]
    assert (data.y == table.median_house_value / 100_000).all() and (data.y == 5.00001).sum() == 965


@needs_data
def test_higgs_7k():
    data = loaded("higgs_7k")
    for place, (x, y) in enumerate([(data.x, data.y), (data.test_x, data.test_y)]):
        table = raw("higgs_7k", place, sep="\t")
        assert equal(x, [table.iloc[:, 1:]]) and (y == table[0]).all()
    assert (np.bincount(data.y).tolist(), np.bincount(data.test_y).tolist()) == ([3284, 3716], [228, 272])


@needs_data
def test_letter():
    data, table = loaded("letter"), raw("letter")
    rows = np.concatenate([data.x, data.test_x])
    assert equal(rows, [table.iloc[:, 1:]]) and set(np.unique(rows)) == set(range(16))
    assert (np.concatenate([data.y, data.test_y]) == [ord(letter) - ord("A") for letter in table[0]]).all()
    counts = np.bincount(data.y) + np.bincount(data.test_y)  # as letter-recognition.names gives them
    assert counts[:6].tolist() == [789, 766, 736, 805, 768, 775] and (counts.min(), counts.max()) == (734, 813)
    assert table.duplicated().sum() == 1332
    known = set(map(tuple, table[:16_000].values))
    assert sum(tuple(row) in known for row in table[16_000:].values) == 380


@needs_data
def test_iris_uci_differs_from_fisher_in_two_rows():
    data, (x, y) = loaded("iris_uci"), load_iris(return_X_y=True)
    assert (data.y == y).all()
    places = np.argwhere(data.x != x.astype(np.float32)).tolist()
    assert places == [[34, 3], [37, 1], [37, 2]]  # rows 35 and 38
    assert [(round(float(data.x[i, j]), 1), x[i, j]) for i, j in places] == [(0.1, 0.2), (3.1, 3.6), (1.5, 1.4)]


@needs_data
def test_pima_diabetes():
    data, table = loaded("pima_diabetes"), raw("pima_diabetes")
    measured = table.iloc[:, 1:6].replace(0, np.nan)
    assert equal(data.x, [table[0], measured, table[6], table[7]]) and (data.y == table[8]).all()
    assert np.isnan(data.x).sum(0).tolist() == [0, 5, 35, 227, 374, 11, 0, 0]
    assert np.bincount(data.y).tolist() == [500, 268] and (data.x[:, 0] == 0).sum() == 111


@needs_data
def test_boston_housing():
    data, table = loaded("boston_housing"), raw("boston_housing", sep=r"\s+")
    assert equal(data.x, [table.iloc[:, :13]]) and (data.y == table[13]).all()
    assert (data.y == 50).sum() == 16 and data.x[:, 3].sum() == 35  # tracts on the river, as published
    assert data.y.mean() == pytest.approx(22.5328, abs=1e-4)


@needs_data
def test_breast_cancer_wisconsin():
    data, table = loaded("breast_cancer_wisconsin"), raw("breast_cancer_wisconsin", na_values="?")
    assert equal(data.x, [table.iloc[:, 1:10]]) and (data.y == (table[10] == 4)).all()
    assert np.bincount(data.y).tolist() == [458, 241]
    assert np.isnan(data.x).sum(0).tolist() == [0, 0, 0, 0, 0, 16, 0, 0, 0]
    assert table[0].duplicated().sum() == 54
    together = pd.Series(data.groups).groupby(table[0].values)
    assert (together.nunique() == 1).all() and len(np.unique(data.groups)) == len(together) == 645


@needs_data
def test_wine_quality():
    data = loaded("wine_quality")
    red, white = raw("wine_quality", 0), raw("wine_quality", 1)
    table = pd.concat([red, white])
    assert equal(data.x, [table.iloc[:, :11], np.repeat([0, 1], [1599, 4898])]) and (data.y == table[11]).all()
    assert [red[11].value_counts().get(mark, 0) for mark in range(3, 10)] == [10, 53, 681, 638, 199, 18, 0]
    assert [white[11].value_counts().get(mark, 0) for mark in range(3, 10)] == [20, 163, 1457, 2198, 880, 175, 5]
    assert (red.duplicated().sum(), white.duplicated().sum()) == (240, 937)
    measures = table.groupby(list(range(11)), sort=False).ngroup()
    assert (
        measures.nunique() == len(np.unique(data.groups)) == len(set(zip(measures, data.groups, strict=True))) == 5318
    )


@needs_data
def test_diamonds():
    data, table = loaded("diamonds"), raw("diamonds", header=0)
    grades = [
        coded(table.cut, ["Fair", "Good", "Very Good", "Premium", "Ideal"]),
        coded(table.color, list("JIHGFED")),
        coded(table.clarity, ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]),
    ]
    assert equal(data.x, [table.carat, *grades, table[["depth", "table", "x", "y", "z"]]])
    assert np.allclose(np.exp(data.y), table.price, rtol=1e-12)
    counts = [np.bincount(column.astype(int)).tolist() for column in data.x[:, 1:4].T]  # ggplot2's documentation
    assert counts[0] == [1610, 4906, 12082, 13791, 21551]
    assert counts[1] == [2808, 5422, 8304, 11292, 9542, 9797, 6775]
    assert counts[2] == [741, 9194, 13065, 12258, 8171, 5066, 3655, 1790]
    assert table.duplicated().sum() == 146 and (data.x[:, 6:] == 0).sum(0).tolist() == [8, 7, 20]
    stones = table.groupby([name for name in table if name != "price"], sort=False).ngroup()
    pairs = set(zip(stones, data.groups, strict=True))
    assert stones.nunique() == len(np.unique(data.groups)) == len(pairs) == 53_595
    learn, out = folds(data.y, 0, 0, data.groups)
    assert (len(learn), len(out)) == (43_152, 10_788) and not set(stones[learn]) & set(stones[out])


@needs_data
def test_kddcup99_10pct():
    data, table = loaded("kddcup99_10pct"), raw("kddcup99_10pct")
    assert len(table) == 494_021 and table.duplicated().sum() == 348_435
    assert table.value_counts(sort=True).iloc[0] == 193_081
    kddcup99 = module("kddcup99_10pct")
    first = table.drop_duplicates()
    columns = [
        coded(first[place], kind.split()) if kind else first[place]
        for place, kind in enumerate(kddcup99.COLUMNS.values())
    ]
    assert equal(data.x, columns[:-1]) and (data.y == columns[-1]).all()
    attacks = dict(zip(kddcup99.ATTACKS.split(), np.bincount(data.y).tolist(), strict=True))
    assert (attacks["normal."], attacks["neptune."], attacks["smurf."], attacks["spy."]) == (87_832, 51_820, 641, 2)
    assert (data.x[:, 19] == 0).all()  # num_outbound_cmds: known to be empty


@needs_data
def test_flights_nyc13():
    data, table = loaded("flights_nyc13"), raw("flights_nyc13", header=0)
    assert (len(table), table.arr_delay.isna().sum(), table.dep_delay.isna().sum()) == (336_776, 9_430, 8_255)
    assert (table.hour * 100 + table.minute).equals(table.dep_time)  # which is why they are left out
    table = table[table.arr_delay.notna()]
    left = pd.to_datetime(table[["year", "month", "day", "hour", "minute"]])
    planned = left - pd.to_timedelta(table.dep_delay, unit="min")
    date = pd.to_datetime(table[["year", "month", "day"]])
    table = table.assign(planned=planned.dt.hour * 60 + planned.dt.minute, weekday=date.dt.day_of_week, date=date)
    table = table.sort_values(["date", "planned"], kind="stable")
    airports = sorted(set(raw("flights_nyc13", header=0).dest))
    columns = [
        *(table[["month", "day", "weekday", "planned"]].values.T),
        *(coded(table.carrier, sorted(set(table.carrier))), coded(table.origin, ["EWR", "JFK", "LGA"])),
        *(coded(table.dest, airports), table.distance),
    ]
    assert equal(np.concatenate([data.x, data.test_x]), columns)
    assert (np.concatenate([data.y, data.test_y]) == (table.arr_delay > 15)).all()
    assert (data.x[-1, 0], data.test_x[0, 0]) == (10, 11) and (data.y.sum(), data.test_y.sum()) == (64_138, 13_492)


@needs_data
def test_criteo_tiny():
    data, table = loaded("criteo_tiny"), raw("criteo_tiny", header=0)
    hashed = table.loc[:, "C1":].map(lambda word: zlib.crc32(word.encode()) % 1000, na_action="ignore").astype(float)
    assert equal(data.x, [table.loc[:, "I1":"I13"], hashed]) and (data.y == table.Label).all()
    assert np.bincount(data.y).tolist() == [1581, 418]
    missing = np.isnan(data.x).sum(0)
    assert missing[:13].tolist() == [889, 0, 449, 420, 93, 493, 93, 2, 93, 889, 93, 1554, 420]
    assert missing[13:][[2, 21, 25]].tolist() == [66, 1631, 965]


@needs_data
def test_the_full_criteo_file_has_the_same_reader(tmp_path):
    table = raw("criteo_tiny", header=0, dtype=str)
    path = tmp_path / "train.txt"
    table.drop(columns="Id").to_csv(path, sep="\t", header=False, index=False)
    rows = module("criteo_tiny").clicks(path, 1_000_000, 1_999, {}, separator="\t")
    data = loaded("criteo_tiny")
    assert equal(rows, [data.y, data.x])


# ---------------------------------------------------------------------------------- files that are too large to be here


@needs_data
def test_covtype_is_split_as_its_beginning_is(tmp_path):
    (beginning,) = located("covtype_20k").values()
    path = tmp_path / "covtype.data.gz"
    path.write_bytes(gzip.compress(unpack(beginning, 2_578_724), 1))
    data, expected = module("covtype").forest(path, 15_120, 4_880), loaded("covtype_20k")
    for part in ("x", "y", "test_x", "test_y"):
        assert np.array_equal(getattr(data, part), getattr(expected, part))
    assert data.levels == expected.levels
    with pytest.raises(BadData, match="covtype.data.gz holds 20,000 rows, 581,012 are right"):
        module("covtype").load({"covtype.data.gz": path})


def test_covtype_lines_are_coded_by_hand(tmp_path):
    line = "2596,51,3,258,-7,510,221,232,148,6279," + "0,0,1,0," + "0," * 39 + "1,7\n"
    path = tmp_path / "covtype.data.gz"
    path.write_bytes(gzip.compress((line * 3).encode()))
    data = module("covtype").forest(path, 2, 1)
    assert data.x[0].tolist() == [2596, 51, 3, 258, -7, 510, 221, 232, 148, 6279, 0, 0, 1, 0, *[0] * 39, 1]
    assert (data.y.tolist(), data.test_y.tolist(), data.test_x.shape) == ([6, 6], [6], (1, 54))


def test_higgs_tests_on_its_last_rows(tmp_path):
    rng = np.random.default_rng(0)
    table = np.column_stack([np.arange(12) % 2, rng.normal(size=(12, 28))])
    path = tmp_path / "HIGGS.csv.gz"
    path.write_bytes(gzip.compress("\n".join(",".join(f"{v:.18e}" for v in row) for row in table).encode()))
    data = module("higgs").collisions(path, 9, 3)
    assert equal(data.x, [table[:9, 1:]]) and equal(data.test_x, [table[9:, 1:]])
    assert (data.y.tolist(), data.test_y.tolist()) == ([0, 1, 0, 1, 0, 1, 0, 1, 0], [1, 0, 1])
    with pytest.raises(BadData, match="holds 12 rows, 13 are right"):
        module("higgs").collisions(path, 10, 3)
    with pytest.raises(BadData, match="more than the 11 rows"):
        module("higgs").collisions(path, 8, 3)


def test_a_label_of_higgs_that_is_neither_is_told(tmp_path):
    path = tmp_path / "HIGGS.csv.gz"
    path.write_bytes(gzip.compress(",".join(["5.000000000000000000e-01", *["1.0"] * 28]).encode()))
    with pytest.raises(BadData, match="label is '5.000000000000000000e-01'"):
        module("higgs").collisions(path, 1, 0)


# -------------------------------------------------------------------------------------- anchors that were measured here


@pytest.fixture
def one_thread():  # threads that wait for each other take minutes on a busy machine
    with threadpool_limits(1):
        yield


@needs_data
def test_anchor_of_higgs_7k(one_thread):
    data = loaded("higgs_7k")
    answers = HistGradientBoostingClassifier(random_state=0).fit(data.x, data.y).predict_proba(data.test_x)[:, 1]
    assert roc_auc_score(data.test_y, answers) == pytest.approx(module("higgs_7k").DATASET.anchor, abs=0.01)


@needs_data
def test_anchor_of_criteo_tiny(one_thread):
    data = loaded("criteo_tiny")
    trees = HistGradientBoostingClassifier(random_state=0, learning_rate=0.02)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    answers = cross_val_predict(trees, data.x, data.y, cv=folds, method="predict_proba")
    assert log_loss(data.y, answers) == pytest.approx(module("criteo_tiny").DATASET.anchor, abs=0.01)


@needs_data
def test_anchor_of_flights_nyc13(one_thread):
    data = loaded("flights_nyc13")
    trees = HistGradientBoostingClassifier(random_state=0, categorical_features=[0, 2, 3, 4])
    answers = trees.fit(data.x[:, 2:], data.y).predict_proba(data.test_x[:, 2:])[:, 1]
    assert roc_auc_score(data.test_y, answers) == pytest.approx(module("flights_nyc13").DATASET.anchor, abs=0.01)

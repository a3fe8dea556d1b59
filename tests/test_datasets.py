"""Each dataset against its published counts, scikit-learn's loaders and its recipe; damaged files against BadData."""

import ast
import gzip
import importlib
import inspect
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn import datasets as reference

from harness import files
from harness.contract import FORMS, Arena, BadData, Data, Dataset, Rules
from harness.split import drawn

ALL = sorted(path.stem for path in (Path(__file__).parent.parent / "harness" / "datasets").glob("[a-z]*.py"))
GENERATED = ["hastie", "friedman1"]
needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path))


def module(name):
    return importlib.import_module(f"harness.datasets.{name}")


def loaded(name):
    """What the dataset's file loads: 200 rows of a generated one. Skips where its files are not here."""
    card, load = module(name).DATASET, module(name).load
    asked = inspect.signature(load).parameters
    if "files" in asked and not files.here(name, card.files, card.folder):
        pytest.skip(f"the files of {name} are not here")
    offered = {"size": lambda: 5_000 if name in GENERATED else 200, "seed": lambda: 0, "device": lambda: "cpu"}
    offered["files"] = lambda: files.locate(name, card.files, card.folder)
    return load(**{one: offered[one]() for one in asked})


# --------------------------------------------------------------------------------------------------- cards and contract

ROW = {  # form -> type of x
    **{"table": np.float32, "image": np.uint8, "series": np.float32, "sound": np.int16},
    "text": np.dtypes.StringDType(),
}


@pytest.mark.parametrize("name", ALL)
def test_what_is_loaded_is_what_the_card_says(name):
    card, data = module(name).DATASET, loaded(name)
    if card.form == "environment":
        assert isinstance(data, Arena) and data.shape == card.shape and data.actions == card.classes
        return
    if card.form == "game":
        assert isinstance(data, Rules) and data.shape == card.shape and data.moves == card.classes
        return
    assert isinstance(data, Data)
    assert (data.classes, data.protocol, data.ceiling) == (card.classes, card.protocol, card.ceiling)
    if card.form == "tokens":
        assert data.x.dtype in (np.uint8, np.uint16, np.int32) and data.x.ndim == 1
        assert len(data.vocabulary) == card.classes or not len(data.x)
    else:
        assert data.x.dtype == ROW[card.form]
        assert card.form == "text" or data.x.shape[1:] == card.shape
    if card.tasks[0] in ("classify", "regress"):
        assert data.y.dtype == (np.int64 if card.classes else np.float64)
        assert card.form != "table" or len(data.levels) in (0, card.shape[0])
    if card.protocol == "folds":
        assert data.test_x is None and len(data.x) == len(data.y)
        assert data.groups is not None or len(data.x) - card.test == card.rows
        tests = [drawn(data, 2, seed).test for seed in range(5)]
        assert max(map(len, tests)) == card.test and card.rows <= len(data.x) - card.test
    else:
        assert len(data.test_x) == card.test
        assert len(data.x) == (card.rows if card.protocol == "official" else 5_000 if name in GENERATED else 200)


@pytest.mark.parametrize("name", ALL)
def test_it_can_be_posed_at_every_size_and_seed_and_the_floor_is_below_the_anchor(name):
    card, data = module(name).DATASET, loaded(name)
    if isinstance(data, Arena):
        data = replace(data, episodes=4)
    if card.rows:
        pose = importlib.import_module(f"harness.tasks.{card.tasks[0]}").pose
        for seed in range(5 if card.protocol == "folds" else 2):
            made = data if card.protocol != "generated" or name in GENERATED else loaded(name)
            problem = pose(made, min(card.rows, len(data.x)) if isinstance(data, Data) else 1_000, seed, {})
        floor = problem.judge(problem.floor, "test")[card.metric]
        assert floor < card.anchor if card.higher_is_better else floor > card.anchor
    if card.ceiling is not None:
        assert card.anchor <= card.ceiling if card.higher_is_better else card.anchor >= card.ceiling


@pytest.mark.parametrize("name", ALL)
def test_cards_are_filled_in(name):
    card = module(name).DATASET
    assert isinstance(card, Dataset)
    assert all((card.title, card.licence, card.source, card.anchor_source, card.tasks))
    assert card.form in FORMS and (card.ceiling is None) == (card.ceiling_source == "")
    for file in card.files:
        assert len(file.sha256) == 64 and file.bytes > 0
        assert file.url.startswith("http") or not file.url


def code_lines(path):
    """Lines of code outside the module's docstring, its imports, its card, tables of literals and docstrings."""
    tree = ast.parse(path.read_text())
    lines = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            lines |= set(range(node.lineno, node.end_lineno + 1))
            for inner in ast.walk(node):
                if isinstance(inner, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inner):
                    told = inner.body[0]
                    lines -= set(range(told.lineno, told.end_lineno + 1))
    text = path.read_text().splitlines()
    return sum(bool(text[i - 1].strip()) and not text[i - 1].strip().startswith("#") for i in lines)


@pytest.mark.parametrize("name", [name for name in ALL if module(name).DATASET.files])
def test_a_loader_is_at_most_sixty_lines(name):
    assert code_lines(Path(module(name).__file__)) <= 60


# --------------------------------------------------------------------------------------------- the ones of scikit-learn


@pytest.mark.parametrize(
    "name, options", [("iris", {}), ("wine", {}), ("breast_cancer", {}), ("diabetes", {"scaled": False})]
)
def test_tables_equal_those_of_scikit_learn(name, options):
    x, y = getattr(reference, f"load_{name}")(return_X_y=True, **options)
    data = loaded(name)
    if name == "diabetes":
        x[:, 1] -= 1  # sex, coded 1 and 2 there
        assert data.levels[1] == 2 and set(data.x[:, 1]) == {0, 1}
    assert (data.x == x.astype(np.float32)).all() and (data.y == y).all()


def test_digits_equal_those_of_scikit_learn():
    x, y = reference.load_digits(return_X_y=True)
    assert (loaded("digits").x.reshape(-1, 64) == x).all() and (loaded("digits").y == y).all()


@pytest.mark.parametrize(
    "name, counts",
    [
        ("iris", [50, 50, 50]),
        ("wine", [59, 71, 48]),
        ("breast_cancer", [212, 357]),
        ("digits", [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]),
        pytest.param("fashion_mnist", [6000] * 10, marks=needs_data),
        pytest.param("adult", [24720, 7841], marks=needs_data),
    ],
)
def test_class_counts_are_the_published_ones(name, counts):
    assert np.bincount(loaded(name).y).tolist() == counts


# -------------------------------------------------------------------------------------------------------- the generated


@pytest.mark.parametrize("name", GENERATED)
def test_a_smaller_size_is_the_beginning_of_a_larger_one(name):
    load = module(name).load
    whole = load(20_000, 3)
    for size in (2, 3, 1_001, 16_384):
        part = load(size, 3)
        assert (part.x == whole.x[:size]).all() and (part.y == whole.y[:size]).all()
        assert (part.test_x == whole.test_x).all() and (part.test_y == whole.test_y).all()


@pytest.mark.parametrize("name", GENERATED)
def test_seeds_move_the_training_rows_alone(name):
    a, b = module(name).load(1_000, 0), module(name).load(1_000, 1)
    assert not (a.x == b.x).any() and (a.test_x == b.test_x).all()
    rows = {row.tobytes() for row in np.concatenate([a.x, b.x, a.test_x])}
    assert len(rows) == 12_000  # nothing of the test set is trained on


def test_hastie_is_the_published_recipe():
    hastie = module("hastie")
    data = hastie.load(50_000, 0)
    assert abs(data.y.mean() - 0.5) < 4 * 0.5 / np.sqrt(50_000)
    assert stats.chi2.median(10) == pytest.approx(9.34, abs=0.005)
    assert stats.kstest(data.x[:20_000].ravel(), "norm").pvalue > 0.001
    x, y = reference.make_hastie_10_2(5_000, random_state=0)
    assert (hastie.label(x) == (y > 0)).all()


def test_friedman1_is_the_published_recipe():
    friedman1 = module("friedman1")
    x, y = reference.make_friedman1(1_000, noise=0, random_state=0)
    assert np.allclose(friedman1.mean(x), y)
    data = friedman1.load(20_000, 0)
    assert stats.kstest(data.y - friedman1.mean(data.x), "norm").pvalue > 0.001
    assert stats.kstest(data.x.ravel(), "uniform").pvalue > 0.001
    assert np.sqrt(np.mean((data.test_y - friedman1.mean(data.test_x)) ** 2)) == pytest.approx(1, abs=0.03)


# -------------------------------------------------------------------------------------------------------- Fashion-MNIST

MNIST = {
    "train-images-idx3-ubyte.gz": (60_000, 28, 28),
    "train-labels-idx1-ubyte.gz": (60_000,),
    "t10k-images-idx3-ubyte.gz": (10_000, 28, 28),
    "t10k-labels-idx1-ubyte.gz": (10_000,),
}


def idx(shape, fill=b""):
    header = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
    return header + fill + bytes(int(np.prod(shape)) - len(fill))


@pytest.fixture(scope="module")
def clothes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clothes")
    for name, shape in MNIST.items():
        (folder / name).write_bytes(gzip.compress(idx(shape, b"\x07\x01"), 1))
    return {name: folder / name for name in MNIST}


def test_idx_files_are_read_in_their_order(clothes):
    data = module("fashion_mnist").load(clothes)
    assert (data.x.shape, data.test_x.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert data.x[0, 0, :3].tolist() == [7, 1, 0] and data.test_y[:3].tolist() == [7, 1, 0]


LABELS = idx((10_000,))
IMAGES = idx((10_000, 28, 28))


@pytest.mark.parametrize(
    "name, content, sentence",
    [
        ("t10k-images-idx3-ubyte.gz", gzip.compress(IMAGES, 1, mtime=0)[:-2000], "is cut or damaged"),
        (
            "t10k-images-idx3-ubyte.gz",
            gzip.compress(IMAGES[:-5], 1, mtime=0),
            "holds 7,840,011 bytes, 7,840,016 are right",
        ),
        ("t10k-images-idx3-ubyte.gz", gzip.compress(IMAGES + b"x", 1, mtime=0), "holds more than the 7,840,016 bytes"),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(b"\0\0\x0d\x01" + LABELS[4:], mtime=0),
            "starts with 00000d01, 00000801 is right",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(b"\0\0\x08\x01" + b"\xff" * 4 + LABELS[8:], mtime=0),
            "declares the shape .4294967295,.",
        ),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(LABELS[:6], mtime=0), "declares the shape"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(b"", mtime=0), "starts with ,"),
        ("t10k-labels-idx1-ubyte.gz", LABELS, "is cut or damaged"),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(LABELS + bytes(50_000_000), 1, mtime=0),
            "holds more than the 10,008 bytes",
        ),
    ],
)
def test_damaged_idx_files_are_told(clothes, tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadData, match=sentence) as told:
        module("fashion_mnist").load(clothes | {name: path})
    assert name in str(told.value)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.99])
def test_a_flipped_bit_in_the_packed_bytes_is_told(clothes, tmp_path, part):
    name = "t10k-labels-idx1-ubyte.gz"
    noise = np.random.default_rng(0).integers(0, 10, 10_000, dtype=np.uint8).tobytes()
    packed = bytearray(gzip.compress(LABELS[:8] + noise))
    packed[int(part * len(packed))] ^= 4
    (tmp_path / name).write_bytes(packed)
    with pytest.raises(BadData, match=name):
        module("fashion_mnist").load(clothes | {name: tmp_path / name})


# ---------------------------------------------------------------------------------------------------------------- Adult

LINE = "39, State-gov, 77516, Bachelors, 13, Never-married, ?, Not-in-family, White, Male, 2174, 0, 40, ?, >50K"


def test_a_line_of_adult_is_coded_by_hand(tmp_path):
    (tmp_path / "adult.data").write_text(f"{LINE}\n\n")
    x, y = module("adult").table(tmp_path / "adult.data", 1_000, 1)
    expected = [39, 6, 77516, 9, 13, 4, np.nan, 1, 4, 1, 2174, 0, 40, np.nan]
    assert np.array_equal(x[0], expected, equal_nan=True) and y.tolist() == [1]


@pytest.mark.parametrize(
    "line, sentence",
    [
        (LINE.replace(", >50K", ""), "after 0 rows: .* Expected 15 columns, got 14"),
        (LINE.replace(">50K", ""), "a label is missing, <=50K or >50K is right"),
        (LINE.replace(">50K", "?"), "a label is missing, <=50K or >50K is right"),
        (LINE.replace(">50K", "yes"), "rows from 1: label is 'yes', a known category is right"),
        (LINE + ", 1", "after 0 rows: .* Expected 15 columns, got 16"),
        (LINE.replace("?, >50K", "?, ?, >50K"), "after 0 rows: .* Expected 15 columns, got 16"),
        (LINE.replace("77516", "many"), "conversion error to double: invalid value 'many'"),
        (LINE.replace("State-gov", "<b>"), "rows from 1: workclass is '<b>', a known category is right"),
        (LINE, "adult.data holds 3 rows, 32,561 are right"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_adult_files_are_told(tmp_path, line, sentence, packed):
    content = f"{LINE}\n{line}\n{LINE}\n".encode()
    path = tmp_path / ("adult.data.gz" if packed else "adult.data")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(BadData, match=sentence.replace("adult.data", path.name)) as told:
        module("adult").table(path, 10_000, 32_561 if line == LINE else 3)
    assert path.name in str(told.value)


@needs_data
def test_adult_is_as_published():
    data, adult = loaded("adult"), module("adult")
    assert np.bincount(data.test_y).tolist() == [12435, 3846]
    columns = dict(zip(adult.COLUMNS, data.x.T, strict=True))
    missing = {name: int(np.isnan(column).sum()) for name, column in columns.items() if np.isnan(column).any()}
    assert missing == {"workclass": 1836, "occupation": 1843, "native-country": 583}  # as adult.names counts them
    assert data.levels == (0, 8, 0, 16, 0, 7, 14, 6, 5, 2, 0, 0, 0, 41)
    for k, column in zip(data.levels, data.x.T, strict=True):
        assert not k or (np.nanmin(column), np.nanmax(column), len(np.unique(column[~np.isnan(column)]))) == (
            0,
            k - 1,
            k,
        )
    assert columns["age"].min() == 17 and columns["fnlwgt"].max() == 1484705


@needs_data
def test_fashion_mnist_is_as_published():
    data = loaded("fashion_mnist")
    assert np.bincount(data.test_y).tolist() == [1000] * 10
    assert data.y[:5].tolist() == [9, 0, 0, 3, 0] and data.test_y[:5].tolist() == [9, 2, 1, 1, 6]
    assert data.x.mean() / 255 == pytest.approx(0.2860, abs=1e-4)  # the mean and deviation everyone normalises with
    assert data.x.std() / 255 == pytest.approx(0.3530, abs=1e-4)

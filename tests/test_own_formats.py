"""A user's own file in every format: what is read equals what another library wrote; what is broken is told."""

import bz2
import contextlib
import datetime
import gzip
import io
import json
import lzma
import random
import struct
import zipfile
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.datasets import dump_svmlight_file

from harness import catalogue
from harness.catalogue import Mistake
from harness.contract import BadData, Data
from harness.own import pictures, text
from harness.own.__main__ import OPTIONS, answer

N = 60


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))


def ask(path, **options):
    return answer(path, OPTIONS | options, write=True)


def loaded(path, **options) -> Data:
    return catalogue.load(catalogue.Path(ask(path, **options)["dataset"])).load()


@pytest.fixture
def frame():
    """Numbers, integers, truths, days, words with holes, and a target."""
    rng = np.random.default_rng(0)
    made = pd.DataFrame(
        {
            "size": rng.normal(size=N).round(3),
            "count": rng.integers(-5, 5, N),
            "sunny": rng.random(N) < 0.5,
            "day": pd.date_range("1969-12-30", periods=N, freq="3D").strftime("%Y-%m-%d"),
            "colour": rng.choice(["red", "blue", "green", "Ünlü"], N),
            "kind": rng.choice(["yes", "no"], N),
        }
    )
    made.loc[3, "size"] = np.nan
    made.loc[[5, 7], "colour"] = None
    return made


def expected(frame):
    """x and y by pandas alone."""
    colour = pd.Categorical(frame["colour"])
    days = (pd.to_datetime(frame["day"]) - pd.Timestamp("1970-01-01")) / pd.Timedelta("1D")
    columns = [frame["size"], frame["count"], frame["sunny"], days, np.where(colour.codes < 0, np.nan, colour.codes)]
    return np.column_stack([np.asarray(c, dtype=float) for c in columns]).astype(np.float32), frame["kind"] == "yes"


def check(data, frame):
    x, y = expected(frame)
    np.testing.assert_array_equal(data.x, x)
    np.testing.assert_array_equal(data.y, y)
    assert data.levels == (0, 0, 0, 0, 4) and data.classes == 2 and data.x.dtype == np.float32


# -------------------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_is_what_pandas_wrote(tmp_path, frame, separator, end):
    path = tmp_path / "mine.csv"
    path.write_bytes(frame.to_csv(index=False, sep=separator, lineterminator=end).encode())
    check(loaded(path, target="kind"), frame)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings_are_recognised(tmp_path, frame, encoding):
    path = tmp_path / "mine.csv"
    path.write_bytes(frame.to_csv(index=False).encode(encoding))
    reply = ask(path, target="kind")
    check(catalogue.load(catalogue.Path(reply["dataset"])).load(), frame)
    said = {"utf-8-sig": "UTF-8: read", "utf-16": "read as utf-16-le", "latin-1": "read as latin-1"}[encoding]
    assert any(said in told for told in reply["told"]) is (encoding != "utf-8-sig")


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gz", "xz"])
def test_packed_text_is_unpacked(tmp_path, frame, pack):
    path = tmp_path / f"mine.csv.{'gz' if pack is gzip.compress else 'xz'}"
    path.write_bytes(pack(frame.to_csv(index=False).encode()))
    check(loaded(path, target="kind"), frame)


def test_parquet_and_jsonl_and_csv_are_one_table(tmp_path, frame):
    typed = frame.assign(day=pd.to_datetime(frame["day"]), colour=frame["colour"].astype("category"))
    typed.to_parquet(tmp_path / "mine.parquet")
    check(loaded(tmp_path / "mine.parquet", target="kind"), frame)
    frame.to_json(tmp_path / "mine.jsonl", orient="records", lines=True)
    check(loaded(tmp_path / "mine.jsonl", target="kind"), frame)


def test_every_type_of_parquet_is_understood_or_left_out(tmp_path):
    numbers = [None if i == 7 else i * 3 % 11 for i in range(N)]
    stamps = [datetime.datetime(2001, 1, 1) + datetime.timedelta(hours=i) for i in range(N)]
    columns = {
        "int8": pa.array(numbers, pa.int8()),
        "uint64": pa.array(numbers, pa.uint64()),
        "half": pa.array(np.arange(N) % 5, pa.float16()),
        "decimal": pa.array([None if v is None else Decimal(v) / 4 for v in numbers], pa.decimal128(9, 2)),
        "date": pa.array(stamps, pa.date32()),
        "stamp": pa.array(stamps, pa.timestamp("ns", "Europe/Oslo")),
        "clock": pa.array([stamp.time() for stamp in stamps], pa.time32("s")),
        "lapse": pa.array(range(N), pa.duration("ms")),
        "large": pa.array(["b", "a"] * (N // 2), pa.large_string()),
        "coded": pa.array(numbers, pa.int32()).dictionary_encode(),
        "list": pa.array([[1]] * N),
        "struct": pa.array([{"a": 1}] * N),
        "bytes": pa.array([b"x"] * N),
        "void": pa.nulls(N),
        "y": pa.array([True, False] * (N // 2)),
    }
    pq.write_table(pa.table(columns), tmp_path / "mine.parquet")
    reply = ask(tmp_path / "mine.parquet", target="y")
    data = catalogue.load(catalogue.Path(reply["dataset"])).load()
    v = np.array([np.nan if one is None else one for one in numbers])
    hours = np.arange(N)
    day = 11_323  # 2001-01-01
    truth = [
        v,
        v,
        hours % 5,
        v / 4,
        day + hours // 24,
        day + hours / 24,
        hours % 24 * 3600,
        hours / 1000,
        1 - hours % 2,
        v,
    ]
    np.testing.assert_array_equal(data.x, np.column_stack(truth).astype(np.float32))
    assert data.levels == (0,) * 8 + (2, 0) and data.y.tolist() == [1, 0] * (N // 2)
    out = [one["name"] for one in reply["columns"] if one["told"].startswith("left out")]
    assert out == ["list", "struct", "bytes", "void"]


def test_jsonl_of_objects_with_other_fields_and_nested_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK", 100)
    rows = [{"y": i % 2, "a": i % 7, "deep": {"k": i}, "late": None if i < 40 else f"t{i % 3}"} for i in range(N)]
    rows = [
        {k: v for k, v in row.items() if v is not None} | ({"a": 1.5} if i == 50 else {}) for i, row in enumerate(rows)
    ]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = loaded(tmp_path / "mine.jsonl", target="y")
    late = [np.nan if "late" not in row else int(row["late"][1]) for row in rows]
    np.testing.assert_array_equal(data.x, np.column_stack([[row["a"] for row in rows], late]).astype(np.float32))


def test_arff_is_a_table_too(tmp_path, frame):
    head = "@relation mine\n@attribute size numeric\n@attribute count integer\n@attribute sunny {False,True}\n"
    head += (
        '@attribute day date "yyyy-MM-dd"\n@attribute colour {red,blue,green,"Ünlü"}\n@attribute kind {yes,no}\n@data\n'
    )
    body = frame.assign(colour=frame["colour"].replace("Ünlü", "unlu")).to_csv(index=False, header=False, na_rep="?")
    path = tmp_path / "mine.arff"
    path.write_text(head.replace('"Ünlü"', "unlu") + body, encoding="utf-8")
    data = loaded(path, target="kind")
    x, y = expected(frame.assign(colour=frame["colour"].replace("Ünlü", "unlu")))
    np.testing.assert_array_equal(data.x, x)  # False and True sort as 0 and 1 do
    np.testing.assert_array_equal(data.y, y)


def test_line_breaks_in_quotes_do_not_end_a_row(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK", 97)  # so that blocks end at every place of a row
    rows = [(i, f'said "{i}",\nand {"x" * (i % 7)}\nwent', i % 3) for i in range(N)]
    path = tmp_path / "mine.csv"
    pd.DataFrame(rows, columns=["number", "words", "kind"]).to_csv(path, index=False)
    data = loaded(path, target="kind", text="words")
    assert data.x.tolist() == [words for _, words, _ in rows]
    assert data.y.tolist() == [kind for *_, kind in rows]


def test_a_quote_that_is_a_mere_character_costs_no_row(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK", 64)
    path = tmp_path / "mine.csv"
    path.write_text("pipe,n,kind\n" + "".join(f'{i % 2} inch 5" long,{i * 7 % 11},{i % 2}\n' for i in range(N)))
    assert loaded(path, target="kind").x.shape == (N, 2)


def test_blanks_and_decimal_commas_and_r_row_names(tmp_path):
    values = np.random.default_rng(1).normal(size=(N, 3)).round(4)
    np.savetxt(tmp_path / "blanks.txt", values, fmt="%10.4f")
    np.testing.assert_array_equal(loaded(tmp_path / "blanks.txt", target="3").x, values[:, :2].astype(np.float32))
    lines = [";".join(f"{v:.4f}" for v in row).replace(".", ",") for row in values]
    (tmp_path / "comma.csv").write_text("a;b;c\n" + "\n".join(lines))
    np.testing.assert_array_equal(loaded(tmp_path / "comma.csv", target="c").x, values[:, :2].astype(np.float32))
    named = pd.DataFrame(values, columns=["a", "b", "c"], index=[f"row {i}" for i in range(N)])
    body = named.to_csv().removeprefix(",")
    (tmp_path / "r.csv").write_text(body)
    reply = ask(tmp_path / "r.csv", target="c")
    assert [c["name"] for c in reply["columns"]] == ["row", "a", "b", "c"]
    assert reply["columns"][0]["told"].startswith("left out") and reply["card"]["shape"] == (2,)


def test_a_header_is_told_from_a_row(tmp_path):
    body = "".join(f"{i * 37 % 41},{i % 2}\n" for i in range(N))
    (tmp_path / "plain.csv").write_text(body)
    (tmp_path / "named.csv").write_text("width,kind\n" + body)
    assert ask(tmp_path / "plain.csv", target="-1")["rows"] == ask(tmp_path / "named.csv", target="kind")["rows"] == N
    assert [c["name"] for c in ask(tmp_path / "plain.csv", target="column_2")["columns"]] == ["column_1", "column_2"]
    (tmp_path / "years.csv").write_text("2020,2021\n" + body)
    assert ask(tmp_path / "years.csv", target="2021")["rows"] == N  # what the user names is a header
    (tmp_path / "words.csv").write_text("who,what\n" + "".join(f"{'ab'[i % 2]},{'cd'[i // 2 % 2]}\n" for i in range(N)))
    assert ask(tmp_path / "words.csv", target="what")["rows"] == N


def test_two_columns_of_one_name_get_two_names(tmp_path):
    (tmp_path / "two.csv").write_text("a,a,y\n" + "".join(f"{i * 7 % 13},{i * 5 % 17},{i % 2}\n" for i in range(N)))
    reply = ask(tmp_path / "two.csv", target="y")
    assert [c["name"] for c in reply["columns"]] == ["a", "a.2", "y"] and any("a.2" in told for told in reply["told"])


def test_a_later_value_of_another_type_turns_the_column_into_text(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK", 256)
    values = [str(i % 9) for i in range(N)]
    values[50] = "many"
    (tmp_path / "late.csv").write_text("a,b,y\n" + "".join(f"{v},{i * 1.5},{i % 2}\n" for i, v in enumerate(values)))
    data = loaded(tmp_path / "late.csv", target="y")
    names = sorted(set(values))
    assert data.x[:, 0].tolist() == [names.index(v) for v in values] and data.levels == (10, 0)
    holes = ["" if i < 40 else str(i) for i in range(N)]
    (tmp_path / "holes.csv").write_text("a,b,y\n" + "".join(f"{v},{i},{i % 2}\n" for i, v in enumerate(holes)))
    assert np.nansum(loaded(tmp_path / "holes.csv", target="y").x[:, 0]) == sum(range(40, N))


def test_a_tiny_file_and_many_blocks_are_read_alike(tmp_path, frame, monkeypatch):
    frame.to_csv(tmp_path / "mine.csv", index=False)
    frame.to_json(tmp_path / "mine.jsonl", orient="records", lines=True)
    monkeypatch.setattr(text, "BLOCK", 300)
    check(loaded(tmp_path / "mine.csv", target="kind"), frame)
    check(loaded(tmp_path / "mine.jsonl", target="kind"), frame)


# -------------------------------------------------------------------------------------------------------------- arrays


@pytest.mark.parametrize("names", [("x", "y"), ("X", "y"), ("data", "target")])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_of_rows(tmp_path, names, order):
    x = np.random.default_rng(0).normal(size=(N, 4))
    y = np.arange(N) % 3
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, **dict(zip(names, (np.array(x, order=order), y), strict=True)))
    data = loaded(path)
    np.testing.assert_array_equal(data.x, x.astype(np.float32))
    np.testing.assert_array_equal(data.y, y)
    assert data.classes == 3 and data.protocol == "folds"


def test_npz_of_pictures_with_a_test_part_and_named_classes(tmp_path):
    rng = np.random.default_rng(0)
    x, test = rng.integers(0, 255, (40, 6, 5, 3), dtype=np.uint8), rng.integers(0, 255, (8, 6, 5, 3), dtype=np.uint8)
    labels, test_labels = np.array(["dog", "cat"] * 20), np.array(["cat", "dog"] * 4)
    np.savez(tmp_path / "mine.npz", x=x, y=labels, test_x=test, test_y=test_labels)
    reply = ask(tmp_path / "mine.npz")
    data = catalogue.load(catalogue.Path(reply["dataset"])).load()
    np.testing.assert_array_equal(data.x, x)
    np.testing.assert_array_equal(data.test_x, test)
    assert data.y.tolist() == [1, 0] * 20 and data.test_y.tolist() == [0, 1] * 4
    card = reply["card"]
    assert (card["form"], card["protocol"], card["rows"], card["test"]) == ("image", "official", 40, 8)


def test_npz_of_numbers_asks_for_a_number(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", x=rng.normal(size=(N, 2)), y=rng.normal(size=N))
    card = ask(tmp_path / "mine.npz")["card"]
    assert (card["task"], card["metric"], card["classes"], card["higher_is_better"]) == ("regress", "rmse", 0, False)


@pytest.mark.parametrize("suffix", ["svm", "libsvm", "svmlight", "svm.gz"])
def test_svmlight_is_what_scikit_learn_wrote(tmp_path, suffix):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 5)).round(3) * (rng.random((N, 5)) < 0.4)
    x[0, 4] = 1
    path = tmp_path / f"mine.{suffix}"
    with gzip.open(path, "wb") if suffix.endswith("gz") else path.open("wb") as stream:
        dump_svmlight_file(x, np.where(np.arange(N) % 2, 1, -1), stream, zero_based=False)
    data = loaded(path)
    np.testing.assert_array_equal(data.x, x.astype(np.float32))
    np.testing.assert_array_equal(data.y, np.arange(N) % 2)


def test_rows_of_one_query_are_a_group(tmp_path):
    x, query = np.arange(1.0, 2 * N + 1).reshape(N, 2), np.arange(N) // 6
    dump_svmlight_file(x, np.arange(N) % 2, str(tmp_path / "mine.svm"), query_id=query)
    np.testing.assert_array_equal(loaded(tmp_path / "mine.svm").groups, query)


def test_a_text_is_a_run_of_characters(tmp_path):
    whole = "to be or not to be, that is the question\n" * 9 + "Ω\r\n!"
    (tmp_path / "mine.txt").write_bytes(whole.encode())
    data = loaded(tmp_path / "mine.txt")
    cut = int(0.9 * len(whole))
    assert "".join(data.vocabulary[i] for i in data.x) == whole[:cut]
    assert data.vocabulary[0] == "<unknown>" and list(data.vocabulary[1:]) == sorted(set(whole[:cut]))
    assert data.classes == len(data.vocabulary) and data.x.dtype == np.uint8 and data.protocol == "official"
    read = "".join(data.vocabulary[i] if i else "#" for i in data.test_x)
    assert read == "".join(c if c in set(whole[:cut]) else "#" for c in whole[cut:]) and "#" in read


def test_a_text_with_tabs_in_every_line_is_a_table_and_prose_is_not(tmp_path):
    (tmp_path / "table.txt").write_text("".join(f"{i * 3 % 7}\t{i % 2}\n" for i in range(N)))
    assert ask(tmp_path / "table.txt", target="-1")["card"]["form"] == "table"
    for prose in ("Well, one comma.\nNone here.\nTwo, or, three.\n", "One comma, in every line.\n"):
        (tmp_path / "prose.md").write_text(prose * 20)
        assert ask(tmp_path / "prose.md")["card"]["form"] == "tokens"
    assert ask(tmp_path / "table.txt", task="next_token")["card"]["form"] == "tokens"


def test_two_columns_of_sentences_are_translations(tmp_path):
    pairs = [(f"Satz Nummer {i} ist das.", f'This is "number" {i}.') for i in range(N)]
    (tmp_path / "mine.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs))
    reply = ask(tmp_path / "mine.tsv")
    data = catalogue.load(catalogue.Path(reply["dataset"])).load()
    assert list(zip(data.x.tolist(), data.y.tolist(), strict=True)) == pairs
    assert (reply["card"]["task"], reply["card"]["form"], data.x.dtype.kind) == ("translate", "text", "T")


# ------------------------------------------------------------------------------------------------------------ pictures


def put(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3)], ids=["grey", "colour"])
def test_a_folder_of_pictures(tmp_path, shape):
    made = {}
    for label in ("ant", "bee"):
        for i in range(6):
            made[label, i] = noise(*shape, seed=10 * (label == "bee") + i)
            put(tmp_path / "mine" / label / f"{i}.{'png' if i % 2 else 'bmp'}", made[label, i])
    (tmp_path / "mine" / "ant" / "notes.txt").write_text("not a picture")
    data = loaded(tmp_path / "mine")
    truth = {pixels.tobytes(): label for (label, _), pixels in made.items()}
    assert [truth[row.tobytes()] for row in data.x] == ["ant"] * 6 + ["bee"] * 6
    assert data.y.tolist() == [0] * 6 + [1] * 6 and data.x.shape == (12, *shape)


def test_folders_train_and_test_are_the_split_and_sizes_are_made_equal(tmp_path):
    for part, count in (("train", 5), ("test", 2)):
        for label in "ab":
            for i in range(count):
                put(tmp_path / "mine" / part / label / f"{i}.png", noise(8, 8, seed=i))
    put(tmp_path / "mine" / "train" / "a" / "big.png", np.full((16, 32), 77, np.uint8))
    put(tmp_path / "mine" / "train" / "b" / "deep.png", np.full((8, 8), 77 * 256 + 5, np.uint16))
    reply = ask(tmp_path / "mine")
    data = catalogue.load(catalogue.Path(reply["dataset"])).load()
    assert data.x.shape == (12, 8, 8) and data.test_x.shape == (4, 8, 8) and data.protocol == "official"
    assert (data.x[5] == 77).all() and (data.x[11] == 77).all()
    assert any("1 pictures of another size" in told for told in reply["told"])
    np.testing.assert_array_equal(data.test_x[0], noise(8, 8, seed=0))


def test_pictures_that_would_take_too_much_are_made_smaller(tmp_path, monkeypatch):
    for i in range(12):
        put(tmp_path / "mine" / "ab"[i % 2] / f"{i}.png", noise(20, 40, seed=i))
    monkeypatch.setattr(pictures, "MOST", 12 * 20 * 40 // 4)
    assert loaded(tmp_path / "mine").x.shape == (12, 10, 20)


# ------------------------------------------------------------------------------------------------------------ bad input


def npy(shape, dtype="<f4", content=b"\0" * 16):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue() + content


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def pickled():
    stream = io.BytesIO()
    np.savez(stream, x=np.array([{}, []], dtype=object), y=np.arange(2))
    return stream.getvalue()


ROWS = "a,b,y\n" + "".join(f"{i},{i * i},{i % 2}\n" for i in range(N))
BAD = {  # name -> (content, words of the sentence)
    "empty.csv": (b"", "is empty"),
    "header.csv": (b"a,b,y\n", "no row"),
    "one.csv": (b"a\n1\n2\n3\n", "no columns"),
    "few.csv": (b"a,y\n1,2\n3,4\n", "at least 10"),
    "ragged.csv": (ROWS.replace("17,289,1", "17,289").encode(), "row 18"),
    "junk.csv": (random.Random(0).randbytes(5000), "not a text"),
    "unclosed.csv": (('a,b,y\n"1,2,0\n' + ROWS[6:]).encode(), "unclosed.csv"),
    "empty.csv.gz": (gzip.compress(b""), "is empty"),
    "cut.csv.gz": (gzip.compress(ROWS.encode())[:-20], "cut or damaged"),
    "plain.csv.gz": (ROWS.encode(), "cut or damaged"),
    "bomb.csv.gz": (gzip.compress(b"\0" * 10_000_000), "not a text"),
    "line.csv.xz": (lzma.compress(b"a,b\n" + b"1" * (text.LONGEST + 100)), "a line of more than"),
    "empty.parquet": (b"", "no parquet file"),
    "junk.parquet": (b"PAR1" + random.Random(1).randbytes(500) + b"PAR1", "no parquet file"),
    "empty.jsonl": (b"", "is empty"),
    "list.jsonl": (b"[1, 2]\n" * 20, "one object a line"),
    "mixed.jsonl": (b'{"a": 1}\n{"a": "x"}\n', "row 2"),
    "cut.jsonl": (b'{"a": 1, "y": 2}\n{"a": ', "one object a line"),
    "empty.npz": (b"", "cut or damaged"),
    "nothing.npz": (zipped(z=npy((4,))), "no arrays x and y"),
    "huge.npz": (zipped(x=npy((1 << 31, 4)), y=npy((1 << 31,))), "declares 34,359,738,368 bytes and holds 16"),
    "negative.npz": (zipped(x=npy((-2, -2)), y=npy((4,))), "declares"),
    "bomb.npz": (zipped(x=b"\0" * 50_000_000, y=npy((4,))), "more than it can hold"),
    "pickled.npz": (pickled(), "Python objects"),
    "flat.npz": (zipped(x=npy((4,)), y=npy((4,))), "(n, columns)"),
    "nan.npz": (zipped(x=npy((4, 1)), y=npy((4,), content=struct.pack("4f", 1, 2, 3, np.nan))), "label is missing"),
    "empty.svm": (b"", "holds 0 rows"),
    "junk.svm": (b"one two three\n", "svmlight's format"),
    "index.svm": (b"1 1000000000:1\n0 2:1\n" * 10, "80.0 GB, at most 1 is right"),
    "negative.svm": (b"1 -5:1\n0 2:1\n", "svmlight's format"),
    "empty.arff": (b"", "is empty"),
    "junk.arff": (b"@relation x\n@attribute a numeric\n@data\nzero\n", "no ARFF file"),
    "text.arff": (b"@relation x\n@attribute a string\n@data\nzero\n", "text attributes"),
    "empty.txt": (b"", "is empty"),
    "short.txt": (b"abc", "20 are the least"),
    "junk.bin": (random.Random(2).randbytes(3000), "not a text"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_told_in_a_sentence(tmp_path, name):
    content, words = BAD[name]
    (tmp_path / name).write_bytes(content)
    target = None if name.split(".")[1] in ("npz", "svm", "txt", "bin") else "y"
    with pytest.raises((BadData, Mistake)) as told:
        ask(tmp_path / name, target=target)
    assert words in str(told.value) and len(str(told.value)) < 500 and "\n" not in str(told.value)


def test_a_cut_parquet_file_is_told(tmp_path, frame):
    frame.to_parquet(tmp_path / "mine.parquet")
    content = (tmp_path / "mine.parquet").read_bytes()
    for cut in (8, len(content) // 2, len(content) - 5):
        (tmp_path / "mine.parquet").write_bytes(content[:cut])
        with pytest.raises(BadData, match="no parquet file"):
            ask(tmp_path / "mine.parquet", target="kind")


def test_bad_folders_are_told(tmp_path):
    for folder, words in {"empty": "empty folder", "one": "has 1 folders", "none": "has 0 folders"}.items():
        (tmp_path / folder).mkdir()
        if folder == "one":
            put(tmp_path / folder / "ant" / "1.png", noise(4, 4))
        if folder == "none":
            put(tmp_path / folder / "1.png", noise(4, 4))
        with pytest.raises(BadData, match=words):
            ask(tmp_path / folder)


def test_a_picture_that_declares_too_many_pixels_is_not_unpacked(tmp_path):
    for i in range(6):
        put(tmp_path / "mine" / "ab"[i % 2] / f"{i}.png", noise(4, 4, seed=i))
    path = tmp_path / "mine" / "a" / "0.png"
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    path.write_bytes(content)
    with pytest.raises(BadData, match="a/0.png"):
        ask(tmp_path / "mine")
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(BadData, match="a/0.png is not a picture"):
        ask(tmp_path / "mine")
    put(tmp_path / "mine" / "test" / "ghost" / "1.png", noise(4, 4))
    put(tmp_path / "mine" / "train" / "a" / "1.png", noise(4, 4))
    put(tmp_path / "mine" / "train" / "b" / "1.png", noise(4, 4))
    with pytest.raises(BadData, match="test holds ghost"):
        ask(tmp_path / "mine")


def whole_files(tmp_path, frame):
    """One good file of each format, as bytes."""
    frame.to_parquet(tmp_path / "f.parquet")
    np.savez_compressed(tmp_path / "f.npz", x=np.random.default_rng(0).normal(size=(N, 3)), y=np.arange(N) % 2)
    with (tmp_path / "f.svm").open("wb") as stream:
        dump_svmlight_file(np.arange(3.0 * N).reshape(N, 3) + 1, np.arange(N) % 2, stream)
    frame.to_csv(tmp_path / "f.csv", index=False)
    (tmp_path / "f.csv.gz").write_bytes(gzip.compress((tmp_path / "f.csv").read_bytes()))
    frame.to_json(tmp_path / "f.jsonl", orient="records", lines=True)
    head = "@relation x\n@attribute a numeric\n@attribute kind {0,1}\n@data\n"
    (tmp_path / "f.arff").write_text(head + "".join(f"{i * 1.5},{i % 2}\n" for i in range(N)))
    return {path.name: path.read_bytes() for path in sorted(tmp_path.glob("f.*"))}


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it then refuses
@pytest.mark.parametrize("rounds", [30, pytest.param(1000, marks=pytest.mark.fuzz)])
def test_damaged_pictures_and_texts_are_told_or_harmless(tmp_path, rounds):
    dice = random.Random(4)
    good = {}
    for i, suffix in enumerate(("png", "jpg", "bmp", "gif", "tiff", "webp", "ppm", "png", "jpg", "bmp")):
        put(tmp_path / "mine" / "ab"[i % 2] / f"{i}.{suffix}", noise(9, 7, 3, seed=i))
        path = tmp_path / "mine" / "ab"[i % 2] / f"{i}.{suffix}"
        good[path] = path.read_bytes()
    put(tmp_path / "mine" / "a" / "more.png", noise(9, 7, 3, seed=99))
    for _ in range(rounds):
        path = dice.choice(sorted(good))
        path.write_bytes(damaged(good[path], dice))
        try:
            assert loaded(tmp_path / "mine").x.shape[0] == 11
        except BadData as error:
            assert str(path.name) in str(error)
        path.write_bytes(good[path])
        (tmp_path / "mine.txt").write_bytes(damaged("Ein schöner Tag, nicht wahr?\n".encode() * 20, dice))
        with contextlib.suppress(BadData, Mistake):
            assert loaded(tmp_path / "mine.txt").protocol in ("official", "folds")


def damaged(content, dice):
    """The bytes with a few changed, cut, doubled, or something large put in."""
    made = bytearray(content)
    for _ in range(dice.choice((1, 3, 30))):
        place = dice.randrange(max(1, len(made)))
        match dice.randrange(5):
            case 0:
                made[place : place + 1] = bytes([dice.randrange(256)])
            case 1:
                del made[place:]
            case 2:
                made[place:place] = made[place : place + dice.randrange(200)]
            case 3:
                made[place : place + 4] = dice.choice((b"\xff\xff\xff\xff", b"\0\0\0\x80", b"9999", b"-1e9", b'""",'))
            case 4:
                del made[place : place + dice.randrange(20)]
    return bytes(made)


@pytest.mark.parametrize("rounds", [10, pytest.param(200, marks=pytest.mark.fuzz)])
def test_damage_is_told_or_harmless(tmp_path, frame, rounds):
    """Never another exception; what is understood in spite of it is of full, right shape."""
    for name, content in whole_files(tmp_path, frame).items():
        dice = random.Random(bz2.compress(name.encode())[0])
        target = None if name in ("f.npz", "f.svm") else "kind"
        for _ in range(rounds):
            (tmp_path / name).write_bytes(damaged(content, dice))
            try:
                data = loaded(tmp_path / name, target=target)
            except (BadData, Mistake) as error:
                assert len(str(error)) < 600
                continue
            assert len(data.x) == len(data.y) >= 10 and data.x.dtype == np.float32 and not np.isinf(data.x).any()
            assert data.y.dtype in (np.int64, np.float64) and np.isfinite(data.y).all()

"""`eras data` and the cache of what was loaded, as a user meets them; files of one's own, from the command line."""

import gzip
import hashlib
import http.server
import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from harness import catalogue, files, worker
from harness.cli import main
from harness.contract import BadData, Cell, Data

CARD = '''"""Rows of one's own."""

import numpy as np

from harness.contract import Data, Dataset, File
from harness.files import unpack

DATASET = Dataset(
    title="Rows", year=2026, licence="mine", source="here", tasks=("classify",), form="table", shape=(2,), classes=2,
    rows=80, test=20, metric="accuracy", higher_is_better=True, protocol="folds", anchor=1.0, anchor_source="ideal",
    files=(File("rows.csv", "URL", BYTES, "SHA"),),
)


def load(files):
    with open(files["rows.csv"].parent / "loads", "a") as file:
        file.write("x")
    lines = [line.split(",") for line in unpack(files["rows.csv"], BYTES).decode().split()]
    x = np.array([line[:2] for line in lines], dtype=np.float32)
    return Data(x, np.array([int(line[2]) for line in lines]), 2)
'''


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ERAS_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("ERAS_MIRROR", raising=False)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def rows(tmp_path):
    """A dataset file of one's own and the bytes that it names: 100 rows that a line can tell apart."""
    rng = np.random.default_rng(0)
    content = "".join(f"{x:.3f},{rng.normal():.3f},{int(x > 0)}\n" for x in rng.normal(size=100)).encode()
    path = tmp_path / "rows.py"
    text = CARD.replace("BYTES", str(len(content))).replace("SHA", hashlib.sha256(content).hexdigest())
    path.write_text(text)
    return path, content


def put(tmp_path, content):
    folder = tmp_path / "data" / "rows"
    folder.mkdir(parents=True)
    (folder / "rows.csv").write_bytes(content)
    return folder


def loads(folder):
    return len((folder / "loads").read_text()) if (folder / "loads").exists() else 0


def load(path):
    cell = Cell(technique="none", dataset=str(path), task="classify", size=50, seed=0)
    return worker.load_data(catalogue.load(path), cell)


def same(one, other):
    return (np.asarray(one.x) == other.x).all() and (np.asarray(one.y) == other.y).all()


# --------------------------------------------------------------------------------------- the cache of what was loaded


def test_files_are_parsed_once_and_then_mapped(rows, tmp_path):
    folder = put(tmp_path, rows[1])
    first, second = load(rows[0]), load(rows[0])
    assert loads(folder) == 1 and same(first, second) and first.x.dtype == np.float32
    assert not second.x.flags.writeable


def test_another_loader_or_other_files_are_parsed_anew(rows, tmp_path):
    folder = put(tmp_path, rows[1])
    load(rows[0])
    rows[0].write_text(rows[0].read_text().replace("[line[:2]", "[[line[1], line[0]]"))
    catalogue.find.cache_clear()
    catalogue.file_hash.cache_clear()
    assert load(rows[0]).x[0].tolist() == pytest.approx([float(v) for v in rows[1].split(b"\n")[0].split(b",")[1::-1]])
    assert loads(folder) == 2


def test_a_damaged_cache_is_made_anew(rows, tmp_path):
    folder = put(tmp_path, rows[1])
    right = load(rows[0])
    kept = next((tmp_path / "cache" / "loaded").iterdir())
    turned = (kept / "y.npy").read_bytes()[::-1]
    damages = [("data.json", b"{"), ("x.npy", b"junk"), ("y.npy", None), ("data.json", b'{"x": 1}'), ("y.npy", turned)]
    for name, damage in damages:
        (kept / name).write_bytes(damage) if damage else (kept / name).unlink()
        assert same(load(rows[0]), right)
    assert loads(folder) == 6


def test_a_cache_that_cannot_be_written_costs_time_alone(rows, tmp_path):
    folder = put(tmp_path, rows[1])
    (tmp_path / "cache").write_text("no folder")
    assert same(load(rows[0]), load(rows[0])) and loads(folder) == 2


@pytest.mark.parametrize(
    "data",
    [
        Data(np.zeros((0, 3), np.float32), np.zeros(0), 0),
        Data(np.arange(6, dtype=np.uint16), None, 6, np.arange(2), None, protocol="official", vocabulary=("a", "ä")),
        Data(
            np.array(["", "ü\n", "x" * 9], np.dtypes.StringDType()), np.arange(3), 3, groups=np.arange(3), ordered=True
        ),
        Data(np.ones((2, 3, 4), np.uint8)[:, ::2], np.array([0.5, np.nan]), 0, levels=(0, 2), ceiling=0.9),
    ],
)
def test_what_is_kept_comes_back(tmp_path, data):
    files.keep(tmp_path / "kept", data)
    back = files.kept(tmp_path / "kept")
    for name, value in vars(data).items():
        if isinstance(value, np.ndarray):
            found = getattr(back, name)
            assert found.dtype == value.dtype and found.shape == value.shape
            assert np.array_equal(found, value, equal_nan=value.dtype.kind == "f")
        else:
            assert getattr(back, name) == value
    (tmp_path / "kept" / "data.json").unlink()
    with pytest.raises(BadData, match="kept in the cache is damaged .*: remove that folder"):
        files.kept(tmp_path / "kept")


# ------------------------------------------------------------------------------------------------------------ commands


def told(capsys, *arguments, code=0):
    assert main(["data", *arguments]) == code
    return capsys.readouterr().out


def test_list_tells_kind_rows_bytes_licence_and_place(capsys):
    value = {one["name"]: one for one in json.loads(told(capsys, "list", "--json"))}
    assert value["letter"] | {"source": ""} == {
        **{"name": "letter", "title": value["letter"]["title"], "year": 1991, "tasks": ["classify"], "form": "table"},
        **{"rows": 16_000, "test": 4_000, "bytes": 712_565, "licence": "CC BY 4.0", "source": ""},
        **{"kind": "files", "here": False},
    }
    assert value["iris"]["kind"] == "comes with scikit-learn" and value["hastie"]["kind"] == "generated"
    line = next(line for line in told(capsys, "list").splitlines() if line.startswith("letter "))
    assert "0.7 MB" in line and "eras data get letter" in line and "CC BY 4.0" in line


def test_describe_tells_a_card_and_its_files(capsys):
    text = told(capsys, "describe", "letter")
    assert "Frey" in text and "letter-recognition.data" in text and "712,565 bytes, https://" in text
    assert json.loads(told(capsys, "describe", "letter", "--json"))["files"][0]["bytes"] == 712_565


def test_verify_and_where_tell_what_is_wrong_and_where(rows, tmp_path, capsys):
    path = str(rows[0])
    assert "is not here (rows.csv not found)" in told(capsys, "verify", path, code=1)
    folder = put(tmp_path, rows[1])
    assert "1 files, sizes and checksums agree" in told(capsys, "verify", path)
    assert str(folder / "rows.csv") in told(capsys, "where", path)
    (folder / "rows.csv").write_bytes(rows[1].replace(b"1\n", b"0\n", 1))
    assert "has sha256" in told(capsys, "verify", path, code=1)
    assert "is not here" in told(capsys, "verify")  # what was never asked for is no problem: exit code 0
    (tmp_path / "data" / "letter").mkdir()
    (tmp_path / "data" / "letter" / "letter-recognition.data").write_bytes(b"1")
    assert "holds 1 bytes, 712,565 are right" in told(capsys, "verify", code=1)
    assert main(["data", "get"]) == 2
    assert "which one? `eras data get NAME`" in capsys.readouterr().err


@pytest.fixture
def server(tmp_path):
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / "served"))

        def log_message(self, *args):
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()


def test_nothing_is_downloaded_unless_asked_for(rows, tmp_path, server, capsys):
    path, asked = rows[0], server[1]
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "rows.csv").write_bytes(rows[1])
    path.write_text(path.read_text().replace("URL", f"{server[0]}/rows.csv"))
    run = ["run", "-t", "knn", "-d", str(path), "--sizes", "50", "--seeds", "1", "--results", str(tmp_path / "rows")]
    assert main(run) == 2
    said = capsys.readouterr().err
    assert "rows is not here (rows.csv not found): `eras data get rows` downloads" in said and "--download" in said
    told(capsys, "list"), told(capsys, "where"), told(capsys, "verify", str(path), code=1)
    assert asked == []
    assert main([*run, "--download"]) == 0
    assert asked == ["/rows.csv"] and "1 ok" in capsys.readouterr().out
    assert main([*run, "--download", "--retry", "error"]) == 0 and len(asked) == 1
    assert "checksums agree" in told(capsys, "get", str(path)) and len(asked) == 1


# ------------------------------------------------------------------------------------------------- files of one's own


def csv_of(path, n=400):
    rng = np.random.default_rng(1)
    rows = [(rng.normal(), rng.choice(["red", "green"]), i) for i in range(n)]
    lines = [f"{a:.4f},{b},{i},{'yes' if a + (b == 'red') + rng.normal(0, 0.5) > 0.5 else 'no'}" for a, b, i in rows]
    path.write_text("\n".join(["size,colour,id,good", *lines]) + "\n")
    return path


def run_own(path, tmp_path, *more):
    own = ["--results", str(tmp_path / "rows"), "--sizes", "100", "--seeds", "1"]
    return main(["run", "-t", "logistic_regression", "-t", "knn", "-d", str(path), *own, *more])


def test_a_csv_is_run_like_a_dataset_and_what_was_understood_is_told(tmp_path, capsys):
    path = csv_of(tmp_path / "goods.csv")
    assert run_own(path, tmp_path, "--target", "good") == 0
    text = capsys.readouterr()
    assert "2 ok" in text.out and "goods.csv: " in text.err + text.out and "id" in text.err + text.out
    found = [
        json.loads(line) for file in (tmp_path / "rows").rglob("*.jsonl") for line in file.read_text().splitlines()
    ]
    assert {row["key"]["dataset"] for row in found} == {"goods.csv"}
    assert all(row["quality"]["test"]["accuracy"] > row["quality"]["floor"]["accuracy"] + 0.1 for row in found)
    assert str(tmp_path) not in json.dumps(found)  # no path of a machine goes into a row
    assert run_own(path, tmp_path, "--target", "good") == 0
    assert "0 cells computed" in capsys.readouterr().out


def test_other_rows_under_the_same_name_are_another_dataset(tmp_path, capsys):
    path = csv_of(tmp_path / "goods.csv")
    assert run_own(path, tmp_path, "--target", "good") == 0
    capsys.readouterr()
    csv_of(path, 401)
    assert run_own(path, tmp_path, "--target", "good") == 0
    assert "2 cells computed" in capsys.readouterr().out


def test_mistakes_about_a_file_are_one_sentence(tmp_path, capsys):
    path = csv_of(tmp_path / "goods.csv")
    assert run_own(path, tmp_path) == 2 and "--target" in capsys.readouterr().err
    assert run_own(path, tmp_path, "--target", "god") == 2 and "good" in capsys.readouterr().err
    assert run_own(tmp_path / "none.csv", tmp_path, "--target", "good") == 2
    assert "there is no such file" in capsys.readouterr().err
    assert main(["run", "-t", "knn", "-d", "iris", "--target", "x"]) == 2
    assert "--target: these say how to read a file of your own" in capsys.readouterr().err
    path.write_bytes(gzip.compress(b"no text")[:20])
    assert run_own(path, tmp_path, "--target", "good") == 2 and "Traceback" not in capsys.readouterr().err


def test_describe_prints_what_was_understood(tmp_path, capsys):
    path = csv_of(tmp_path / "goods.csv")
    text = told(capsys, "describe", str(path), "--target", "good")
    assert "400 rows, understood as classify on table" in text
    line = {line.split()[0]: line for line in text.splitlines() if line.split()}
    assert "number" in line["size"] and "category" in line["colour"] and "id" in line
    value = json.loads(told(capsys, "describe", str(path), "--target", "good", "--json"))
    assert value["dataset"] is None and value["rows"] == 400
    assert not list((tmp_path / "cache").rglob("*.py"))  # nothing is written, but for what the file's checksum was


def test_the_fingerprint_is_that_of_content_loader_version_and_protocol():
    found = catalogue.dataset("letter")
    (file,) = found.card.files
    changes = [
        {"files": (replace(file, sha256="0" * 64),)},
        {"version": 2},
        {"protocol": "folds"},
        {"files": (), "content": "1" * 64},
        {"files": (), "content": "2" * 64},
    ]
    marks = [catalogue.fingerprint(replace(found, card=replace(found.card, **change))) for change in changes]
    assert len({catalogue.fingerprint(found), *marks}) == len(changes) + 1
    assert catalogue.fingerprint(replace(found, card=replace(found.card, title="x"))) == catalogue.fingerprint(found)

"""Bad input through the command line: one sentence, the right exit code, no traceback, and no finished row is lost."""

import contextlib
import csv
import gzip
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import catalogue, commands, machine, plan, templates
from harness.cli import main
from harness.plans import tour
from harness.store import Store
from tests import rows

ROOT = Path(__file__).resolve().parent.parent
ROWS = ("report", "verify", "export", "results")
SMALL = ("-d", "iris", "--sizes", "32", "--seeds", "1")
TECHNIQUE = "import os, sys\nimport numpy as np\nfrom harness.contract import Fitted\n\n\ndef fit(train, run):\n    "
FITTED = "return Fitted(lambda q: np.full((len(q), train.classes), 1 / train.classes), 0)\n"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ERAS_DATA", raising=False)


@pytest.fixture
def eras(capsys):
    """Ask in this process: (exit code, standard output, standard error)."""

    def ask(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:  # of argparse
            code = end.code
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return code, told.out, told.err

    return ask


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    """A folder of six real rows: three ok of kNN, two ok and one error of self-tests."""
    folder = tmp_path_factory.mktemp("measured")
    words = ("-d", "iris", "--sizes", "32", "--results", str(folder))
    assert main(["run", "-t", "knn", *words]) == 0
    assert main(["run", "-t", "selftest.noop", "--cells", "2", *words]) == 0
    assert main(["run", "-t", "selftest.raise", *words]) == 3
    return folder


@pytest.fixture
def stored(measured, tmp_path) -> Path:
    return Path(shutil.copytree(measured, tmp_path / "stored"))


def separate(*words: object, **more) -> subprocess.Popen:
    """A process of its own, its output buffered as it is for a user."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"} | {"TERM": "xterm", "COLUMNS": "120"}
    return subprocess.Popen([sys.executable, "-m", "harness", *map(str, words)], cwd=ROOT, env=environment, **more)


def sentence(answer: tuple[int, str, str]) -> str:
    """The one line that a user's mistake is told in; the size of the plan may have been told before."""
    code, out, err = answer
    found = re.fullmatch(r"(?:\d+ cells to run, .+\n)?(eras \w+: .+)\n", err)
    assert code == 2 and out == "" and found, answer
    return found[1]


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def rows_in(folder: Path) -> dict[str, dict]:
    """{technique or, for a dataset of the user's, dataset: row}"""
    found = Store(folder).rows.values()
    return {r["key"]["dataset" if r["key"]["dataset"] != "iris" else "technique"]: r for r in found}


def lines(folder: Path) -> list[bytes]:
    return [line for path in sorted(folder.rglob("*.jsonl")) for line in path.read_bytes().splitlines()]


# ---------------------------------------------------------------------------------------------------------- the words


@pytest.mark.parametrize(
    "words, near",
    [
        ("run -t knm", "knn"),
        ("run -t knn -d iriss", "iris"),
        ("run smok", "smoke"),
        ("run smoke -t random_forrest", "random_forest"),
        ("run smoke -d dgits", "digits"),
        ("run -t selftest.nop", "selftest.noop"),
        ("run knn", "-t knn"),
        ("run iris", "-d iris"),
        ("plan tuor", "tour"),
        ("check knm", "knn"),
        ("data get fashion_mnst", "fashion_mnist"),
        ("run -t nothing_like_this_at_all_zzz", "there are: "),
    ],
)
def test_a_name_that_is_nowhere_gets_the_nearest(eras, words, near):
    assert near in sentence(eras(*words.split()))


@pytest.mark.parametrize(
    "words",
    [
        *("rum", "list techniqes", "results promot", "export --format xml", "run --device tpu"),
        *("run --sizes many", "run --sizes 0", "run --sizes 1.5", "run --sizes 1e400", "run --sizes nan"),
        *("run --sizes 10,,20", "run --sizes=-5", "run --seeds 0", "run --jobs two", "run --cells 1e999"),
        *("run --budget soon", "run --budget 0", "run --budget=-3m", "run --timeout 5w"),
        *("run --mem-limit 4", "run --mem-limit 0GB", "run --mem-limit 4XB", "run --mem-limit 1IB"),
        *("run --retry timeouts", "run --retry ok", "run --tune=-1", "run --offers=-1", "run --tune some"),
    ],
)
def test_a_word_that_cannot_be_is_told_with_what_would_be_right(eras, words):
    code, out, err = eras(*words.split())
    assert code == 2 and out == ""
    *usage, told = err.splitlines()
    assert usage[0].startswith("usage: eras")
    assert re.fullmatch(r"eras[ \w]*: error: argument [\w/-]+: .+", told), told
    assert re.split(r"[ =]", words)[-1].split(",")[0] in told or "10,,20" in words


@pytest.mark.parametrize(
    "words, right",
    [
        ("run -t knn -d iris --sizes 5000", "iris has 2 to 120 training rows"),
        ("run -t knn -d iris --sizes 1", "iris has 2 to 120 training rows"),
        ("run smoke --sizes 77", "the plan has 32, 100"),
        ("run smoke -t knn[k=3]", "the plan has "),
        ("run tour -d adult", "`eras data get adult` downloads"),
        ("run -t lenet -d diabetes", "no technique asked for takes regress on data of the form table"),
        ("run -t knn[kk=3]", "it has k"),
        ("run -t knn[k=3", "no technique is called"),
        ("run -t knn[k=]", "NAME[keyword=value, ...]"),
        ("run -t knn[3]", "NAME[keyword=value, ...]"),
        ("run -t knn[**{'k':3}]", "NAME[keyword=value, ...]"),
        ("run -t knn[k=1e999]", "finite numbers"),
        ("run -t knn:{1,2}", "finite numbers"),
        ("run -t mlp[hidden=-1]", "are its keywords right?"),
        ("run -t knn --device cuda", "on cuda"),
        ("run -t knn --jobs 4096", "no two cells may share one"),
        ("data get", "eras data get NAME"),
        ("results merge", "eras results merge FOLDER"),
        ("report --results /no/such/folder", "there is no such folder"),
        ("run -t ./no/such.py", "no such file"),
        ("run -t ./Makefile", "ends in .py"),
    ],
)
def test_a_wish_that_cannot_be_met(eras, tmp_path, words, right):
    more = ("--results", tmp_path) if words.startswith("run") else ()
    assert right in sentence(eras(*words.split(), *more))
    assert not list(tmp_path.rglob("*.jsonl"))


@pytest.mark.skipif(bool(machine.fingerprint()["gpu"]), reason="there is a GPU")
def test_cuda_without_a_gpu(eras, tmp_path):
    assert "no NVIDIA GPU" in sentence(eras("run", "-t", "mlp", *SMALL, "--device", "cuda", "--results", tmp_path))


def test_an_interrupt_is_130(eras, monkeypatch):
    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "list_", interrupted)
    assert eras("list") == (130, "", "eras list: interrupted\n")


@pytest.mark.parametrize("place", ["file", "/proc/eras"])
def test_results_that_cannot_be_written(eras, tmp_path, place):
    written(tmp_path / "file", "in the way")
    told = sentence(eras("run", "-t", "selftest.noop", "--results", tmp_path / place))
    assert "cannot be written" in told and "--results DIR names another folder" in told


# --------------------------------------------------------------------------------------------------- files of the user


@pytest.mark.parametrize(
    "text, told",
    [
        ("def fit(train, run:\n", r"is not Python: .*line 1"),
        ("\0", "is not Python"),
        ("TECHNIQUE = Technique(title='x', year=1, paper='p', tasks=('classify'))", r"line 1.*tasks is 'classify'"),
        ("TECHNIQUE = Technique(title='x', year='1', paper='p', tasks=('classify',))", "year is '1'; int is right"),
        ("TECHNIQUE = Technique(title='x', year=1, paper='p', tasks=('clasify',))", "did you mean classify"),
        ("TECHNIQUE = {'title': 'x'}", r"Technique\(...\) is right"),
        ("TECHNIQUE = Technique(title='x', year=1, paper='p', tasks=('classify',), space={**more})", "literals"),
        (
            "def fit(train, run): ...\ndef cost(n, *_):\n    return np.log(n)",
            "NameError.*cost may use builtins",
        ),
        (
            "def fit(train, run): ...\ndef cost(*_):\n    return 3",
            r"cost returned 3; Cost\(fit, answer, bytes\) is right",
        ),
    ],
)
def test_a_technique_file_that_cannot_be_read_is_refused_before_anything_runs(eras, tmp_path, text, told):
    path = written(tmp_path / "mine.py", text)
    found = sentence(eras("run", "-t", path, "-t", "selftest.noop", *SMALL, "--results", tmp_path))
    assert re.search(told, found)
    assert not list(tmp_path.rglob("*.jsonl"))


@pytest.mark.parametrize(
    "old, new, told",
    [
        ("rows=800", "rows='800'", "rows is '800'; int is right"),
        ('tasks=("classify",)', 'tasks=("classify")', "tasks is 'classify'"),
        ("DATASET", "DATA_SET", r"needs DATASET = Dataset\(...\)"),
        ('    title="Two moons",\n', "", "missing 1 required positional argument: 'title'"),
        ("rows=800", "rows=8 * 100", "a card holds literals"),
    ],
)
def test_a_dataset_card_that_cannot_be_read(eras, tmp_path, old, new, told):
    assert old in templates.DATASET
    path = written(tmp_path / "mine.py", templates.DATASET.replace(old, new))
    assert re.search(told, sentence(eras("run", "-t", "knn", "-d", path, "--results", tmp_path)))


@pytest.mark.parametrize(
    "text, told",
    [
        ("def plan(machine:", "SyntaxError"),
        ("import no_such_library", "no_such_library"),
        ("def plan(machine):\n    return 7", r"is 7; Plan\(...\) is right"),
        ("from harness.contract import Plan\ndef plan(machine):\n    return Plan(blocks=(3,))", "blocks is"),
        (
            "from harness.contract import Block, Plan\ndef plan(machine):\n"
            "    return Plan(blocks=(Block('knn', ('iris',), (32,), {1: 1}),))",
            "techniques is 'knn'",
        ),
    ],
)
def test_a_plan_file_that_makes_no_plan(eras, tmp_path, text, told):
    assert re.search(told, sentence(eras("plan", written(tmp_path / "mine.py", text))))


BAD_TECHNIQUES = {  # name: (what fit does, status, what the reason says)
    "imports": (None, "error", "No module named 'no_such_library'"),
    "exits": ("sys.exit(0)", "error", "SystemExit"),
    "exits_at_once": ("os._exit(0)", "error", "exit code 0 in phase fit"),
    "returns_nothing": ("return None", "error", "fit returned None; Fitted(answer, parameters=...) is right"),
    "answers_short": ("return Fitted(lambda q: np.zeros((1, 3)), 0)", "error", "answered 1 of 30 questions"),
    "answers_nan": ("return Fitted(lambda q: np.full((len(q), 3), np.nan), 0)", "error", "NaN or infinity"),
    "closes_output": ("sys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2)\n    " + FITTED, "ok", ""),
    "closes_all": ("os.closerange(0, 4096)\n    " + FITTED, "error", "exit code 1 in phase fit"),
    "no_utf8": (r"os.write(1, b'\xff\xfe\x80'); os.write(2, b'\xff\x00<b>\n')" + "\n    " + FITTED, "ok", ""),
}


def test_a_technique_that_misbehaves_costs_its_own_cell(eras, tmp_path):
    words = []
    for name, (does, _, _) in BAD_TECHNIQUES.items():
        text = "import no_such_library\n\ndef fit(train, run): ...\n" if does is None else TECHNIQUE + does + "\n"
        words += ["-t", written(tmp_path / f"{name}.py", text)]
    code, out, err = eras("run", *words, "-t", "selftest.noop", *SMALL, "--results", tmp_path)
    found = rows_in(tmp_path)
    expected = {name: ends for name, (_, *ends) in BAD_TECHNIQUES.items()} | {"selftest.noop": ["ok", ""]}
    assert code == 3 and found.keys() == expected.keys()
    for name, (status, reason) in expected.items():
        assert found[name]["status"] == status and reason in found[name]["reason"], (name, found[name]["reason"])
        assert "\n" not in found[name]["reason"]
        assert status == "ok" or f"{name} on iris, n = 32, seed 0: error: " in out
    assert eras("verify", "--results", tmp_path)[0] == 0


@pytest.mark.parametrize("junk", [rb"\xff junk\n", rb"[1]\n", rb'{"hal'])
def test_junk_in_every_open_file_costs_one_cell(eras, tmp_path, junk):
    does = "for number in range(3, 256):\n        try:\n            os.write(number, b'%s')\n        except OSError:\n"
    text = TECHNIQUE + does % junk.decode() + "            pass\n    " + FITTED
    path = written(tmp_path / "junk.py", text)
    eras("run", "-t", path, "-t", "selftest.noop", *SMALL, "--results", tmp_path)
    found = rows_in(tmp_path)
    assert found["selftest.noop"]["status"] == "ok" and found["junk"]["status"] in ("ok", "error")


BAD_DATA = {  # name: (what load does before it returns, what the reason says)
    "no_labels": ("y = None", "labels have type object: numbers are right"),
    "nan_labels": ("y = y.astype(float); y[7] = np.nan", "label of row 7 is nan: a class number from 0 to 1"),
    "text_labels": ("y = np.array(['a', 'b'])[y]", "labels have type <U1: numbers are right"),
    "wrong_class": ("y[3] = 2", "label of row 3 is 2: a class number from 0 to 1"),
    "one_class": ("y[:] = 1", "training rows are of class 1: it takes 2 classes"),
    "infinite": ("x[:, 1] = np.inf", "column 1 is infinite in float32"),
    "too_short": ("y = y[:-1]", "features have shape (1000, 2) and labels (999,)"),
    "too_few": ("x, y = x[:40], y[:40]", "has 32 training rows, 100 were asked for"),
    "raises": ("raise RuntimeError('the disk has a hole')", "RuntimeError: the disk has a hole"),
}


@pytest.fixture
def bad_data(eras, tmp_path):
    """Exit code, output and rows of one run over all bad datasets and a good one."""
    head, tail = templates.DATASET.split("    return Data(")
    words = ["-d", written(tmp_path / "good.py", templates.DATASET)]
    for name, (does, _) in BAD_DATA.items():
        words += ["-d", written(tmp_path / f"{name}.py", f"{head}    {does}\n    return Data({tail}")]
    folder = tmp_path / "results"
    code, out, _ = eras("run", "-t", "knn", *words, "--sizes", "100", "--seeds", "1", "--results", folder)
    return code, out, rows_in(folder)


def test_a_dataset_that_is_wrong_costs_its_own_cells(bad_data):
    code, out, found = bad_data
    assert code == 3 and found.keys() == BAD_DATA.keys() | {"good"}
    assert found["good"]["status"] == "ok" and found["good"]["quality"]["test"]["accuracy"] > 0.9
    for name, (_, reason) in BAD_DATA.items():
        assert found[name]["status"] == "error" and reason in found[name]["reason"], (name, found[name]["reason"])
        assert "\n" not in found[name]["reason"] and f"knn on {name}, n = 100, seed 0: error: " in out


def test_no_path_of_this_machine_goes_into_a_reason(bad_data, tmp_path):
    assert not [r["reason"] for r in bad_data[2].values() if str(tmp_path) in r["reason"]]


# ------------------------------------------------------------------------------------------------------ files of theirs


def damage(folder: Path, name: str, how: str) -> None:
    """Files of a dataset with the right names and other bytes."""
    folder.mkdir(parents=True)
    for file in catalogue.dataset(name).card.files:
        path = folder / file.name
        if how == "short":
            path.write_bytes(b"not what it should be")
        elif how == "other bytes":
            with path.open("wb") as stream:
                stream.truncate(file.bytes)
        else:
            (folder / f"{file.name}.gz").write_bytes(gzip.compress(bytes(2000))[:-12])


@pytest.mark.parametrize(
    "name, how, told",
    [
        ("fashion_mnist", "absent", "is not here"),
        ("fashion_mnist", "short", "holds 21 bytes, "),
        ("fashion_mnist", "other bytes", "has sha256 "),
        ("adult", "absent", "is not here"),
        ("adult", "short", "holds 21 bytes, "),
        ("adult", "other bytes", "has sha256 "),
        ("adult", "cut gzip copy", "is cut or damaged"),
    ],
)
def test_a_damaged_dataset_is_found_out(eras, tmp_path, monkeypatch, name, how, told):
    monkeypatch.setenv("ERAS_DATA", str(tmp_path / "data"))
    if how != "absent":
        damage(tmp_path / "data" / name.replace("_", "-"), name, how)
    code, out, _ = eras("data", "verify", name)
    assert code == 1 and told in out and name in out
    words = ("run", "-t", "knn", "-t", "selftest.noop", "-d", name, "--sizes", "32", "--seeds", "1")
    code, out, err = eras(*words, "--results", tmp_path / "results")
    if code == 2:  # seen before anything ran
        assert "`eras data get " in err
    else:
        assert code == 3 and all(r["status"] == "error" and told in r["reason"] for r in Store(tmp_path).rows.values())
        assert told in out
    assert eras("run", "-t", "knn", *SMALL, "--results", tmp_path / "results")[0] == 0, "the others go on"


# ------------------------------------------------------------------------------------------------------ rows of others

NEWER = json.dumps({**rows.make(seed=7), "schema": 99}).encode()
DAMAGED = [
    b"\x00\xff garbage",
    b'{"hello": 1}',
    b"[" * 100_000,
    b'{"schema": 1, "id": [], "key": {}, "status": "ok"}',
    json.dumps({**rows.make(seed=8), "status": "fine"}).encode(),
    json.dumps({**rows.make(seed=9), "time": {"wall": "long"}}).encode(),
    json.dumps({**rows.make(seed=9), "keep": "../../../etc/passwd"}).encode(),
    json.dumps(rows.make(seed=9, machine="../../../up")).encode(),
]


def spoil(folder: Path, *foreign: bytes, torn: bool = True) -> None:
    """Foreign lines before the first row of every file, and a torn one at its end."""
    for path in folder.rglob("*-*.jsonl"):
        path.write_bytes(b"".join(line + b"\n" for line in foreign) + path.read_bytes() + b'{"torn' * torn)
        os.utime(path, (0, 0))


def test_foreign_lines_are_told_and_cost_nothing(eras, stored, tmp_path):
    before = Store(stored).rows
    (stored / "folder.jsonl").mkdir()
    spoil(stored, *DAMAGED, NEWER)
    code, out, _ = eras("verify", "--results", stored)
    files = len(list(stored.rglob("*-*.jsonl")))
    assert code == 1 and "folder.jsonl cannot be read: Is a directory" in out
    assert f"6 rows, {files * (len(DAMAGED) + 1) + 1} problems" in out
    assert out.count("written by a newer eras (schema 99") == files and out.count("its last line is torn") == files
    assert Store(stored).rows == before
    code, out, err = eras(
        "run", "-t", "knn", "-d", "iris", "--sizes", "32", "--seeds", "4", "--json", "--results", stored
    )
    assert code == 0 and json.loads(out)["computed"] == 1 and "newer eras" in err
    code, out, _ = eras("report", "--results", stored, "-o", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert code == 0 and "newer eras" in page and "torn" in page


def test_a_torn_tail_alone_is_a_note(eras, stored):
    spoil(stored)
    code, out, _ = eras("verify", "--results", stored)
    assert code == 0 and "torn" in out and out.endswith("6 rows, all whole\n")


def test_a_row_that_was_changed_or_copied_is_a_problem(eras, stored):
    path = next(p for p in stored.rglob("*.jsonl") if b'"technique":"knn"' in p.read_bytes())
    shutil.copy(path, path.with_name("copy.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'"size":32', b'"size":33', 1))
    code, out, _ = eras("verify", "--json", "--results", stored)
    told = json.loads(out)
    assert code == 1 and told["rows"] == 9 and len(told["problems"]) == 4
    assert sum("does not fit its key" in p for p in told["problems"]) == 1
    assert sum("already stored" in p for p in told["problems"]) == 3


@pytest.mark.parametrize("words", ["report", "export --format csv", "results promote --to ."])
def test_no_rows(eras, tmp_path, words):
    assert "there are no rows" in sentence(eras(*words.split(), "--results", tmp_path))


def test_only_self_tests_are_reported_on_demand(eras, tmp_path):
    assert eras("run", "-t", "selftest.noop", "--results", tmp_path)[0] == 0
    assert eras("run", "-t", "knn", "-d", "selftest.letters", "-t", "markov_chain", "--results", tmp_path)[0] == 2
    assert eras("run", "-t", "add_k", "-d", "selftest.letters", "--sizes", "100", "--results", tmp_path)[0] == 0
    assert "--selftests" in sentence(eras("report", "--results", tmp_path))
    assert "no rows to promote" in sentence(eras("results", "promote", "--results", tmp_path, "--to", tmp_path / "x"))


def test_export_gives_every_row_in_every_format(eras, stored, tmp_path):
    whole = list(Store(stored).rows.values())
    code, out, _ = eras("export", "--results", stored)
    assert code == 0 and [json.loads(line) for line in out.splitlines()] == whole
    code, out, _ = eras("export", "--format", "csv", "--results", stored)
    flat = list(csv.DictReader(out.splitlines()))
    assert code == 0 and [r["id"] for r in flat] == [r["id"] for r in whole]
    scores = [(r["quality"]["test"] or {}).get("accuracy") for r in whole]
    assert [float(r["quality.test.accuracy"] or "nan") for r in flat] == pytest.approx(
        [float("nan") if s is None else s for s in scores], nan_ok=True
    )
    import pyarrow.parquet

    assert eras("export", "--format", "parquet", "-o", tmp_path / "rows.parquet", "--results", stored)[0] == 0
    assert pyarrow.parquet.read_table(tmp_path / "rows.parquet")["id"].to_pylist() == [r["id"] for r in whole]
    assert "needs -o FILE" in sentence(eras("export", "--format", "parquet", "--results", stored))


@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet"])
def test_export_to_nowhere(eras, stored, tmp_path, format_):
    words = ("export", "--format", format_, "-o", tmp_path / "no" / "rows", "--results", stored)
    assert "cannot be written" in sentence(eras(*words))


def test_report_to_nowhere(eras, stored):
    told = sentence(eras("report", "--results", stored, "-o", "/proc/eras/report.html"))
    assert "/proc/eras/report.html cannot be written" in told and "choose another place" in told


def test_promote_then_merge_gives_the_same_rows(eras, stored, tmp_path):
    real = {i: r for i, r in Store(stored).rows.items() if r["key"]["technique"] == "knn"}
    for _ in range(2):  # the second adds nothing
        code, out, _ = eras("results", "promote", "--results", stored, "--to", tmp_path / "committed")
        assert code == 0 and out.startswith("3 rows -> ") and Store(tmp_path / "committed").rows == real
    assert len(lines(tmp_path / "committed")) == 3
    for _ in range(2):
        code, out, _ = eras("results", "merge", tmp_path / "committed", "--results", tmp_path / "merged")
        assert code == 0 and Store(tmp_path / "merged").rows == real
    assert eras("verify", "--results", tmp_path / "merged")[:2] == (0, "3 rows, all whole\n")
    assert eras("results", "merge", tmp_path / "merged", "--results", tmp_path / "merged")[0] == 0, "onto itself"
    next((tmp_path / "merged").rglob("rows.jsonl")).write_bytes(lines(stored)[0] + b"\n")
    told = sentence(eras("results", "merge", tmp_path / "committed", "--results", tmp_path / "merged"))
    assert "exists and differs" in told and len(lines(tmp_path / "merged")) == 1, "nothing is overwritten"


def test_promote_keeps_apart_what_has_two_names_and_loses_no_line(eras, stored, tmp_path):
    to = tmp_path / "committed"
    assert eras("results", "promote", "--results", stored, "--to", to)[0] == 0
    target = next(to.rglob("rows.jsonl"))
    target.write_bytes(target.read_bytes() + NEWER + b"\n")
    assert eras("run", "-t", "ridge", "-d", "diabetes", "--sizes", "32", "--results", tmp_path / "other")[0] == 0
    for name in ("more", "rows"):
        words = ("--results", tmp_path / "other", "--to", to, "--name", name)
        assert eras("results", "promote", *words)[0] == 0
    assert sorted(len(p.read_bytes().splitlines()) for p in to.rglob("*.jsonl")) == [3, 7]
    assert NEWER in lines(to)
    told = sentence(eras("results", "promote", "--results", stored, "--to", to, "--name", "../up"))
    assert "without a folder" in told


def test_arrays_go_with_their_rows(eras, stored, tmp_path):
    content = b"arrays"
    import hashlib

    name = hashlib.sha256(content).hexdigest()
    (stored / "blobs").mkdir()
    (stored / "blobs" / f"{name}.npz").write_bytes(content)
    row = next(r for r in Store(stored).rows.values() if r["key"]["technique"] == "knn")
    path = next(p for p in stored.rglob("*.jsonl") if row["id"].encode() in p.read_bytes())
    path.write_text(json.dumps({**row, "keep": name}) + "\n")
    assert eras("results", "promote", "--results", stored, "--to", tmp_path / "committed")[0] == 0
    assert eras("results", "merge", tmp_path / "committed", "--results", tmp_path / "merged")[0] == 0
    assert eras("verify", "--results", tmp_path / "merged")[0] == 0
    (tmp_path / "merged" / "blobs" / f"{name}.npz").write_bytes(b"other")
    code, out, _ = eras("verify", "--results", tmp_path / "merged")
    assert code == 1 and "missing or changed" in out


def test_merge_writes_to_no_folder_that_a_row_names(eras, tmp_path):
    source = written(tmp_path / "theirs.jsonl", json.dumps(rows.make(machine="../../up")) + "\n")
    told = eras("results", "merge", source, "--results", tmp_path / "a" / "b")
    assert told[0] == 2 and "there are no rows" in told[2]
    assert not (tmp_path / "up").exists() and not (tmp_path / "a").exists()


def test_merge_parts_the_rows_of_two_machines(eras, tmp_path):
    made = [rows.make(machine=name, seed=s) for s, name in enumerate(("one", "two", "one"))]
    source = written(tmp_path / "theirs.jsonl", "".join(json.dumps(r) + "\n" for r in made))
    assert eras("results", "merge", source, "--results", tmp_path / "merged")[0] == 0
    assert {p.parent.name: len(p.read_bytes().splitlines()) for p in (tmp_path / "merged").rglob("*.jsonl")} == {
        "one": 2,
        "two": 1,
    }


def test_prune_drops_superseded_rows_and_nothing_else(eras, stored):
    path = next(p for p in stored.rglob("*.jsonl") if b'"technique":"knn"' in p.read_bytes())
    first, *others = path.read_bytes().splitlines(keepends=True)
    row = json.loads(first)
    row["key"]["code"] = "0" * 12
    row["id"] = plan.row_id(row["key"])
    own = rows.make(technique="a_file_of_my_own")
    kept = [NEWER + b"\n", *others, json.dumps(own).encode() + b"\n"]
    path.write_bytes(json.dumps(row).encode() + b"\n" + b"".join(kept))
    before = path.read_bytes()
    assert eras("results", "prune", "--results", stored)[1].startswith("1 rows of superseded keys would go")
    assert path.read_bytes() == before
    running = path.with_name(f"20260101T000000-{os.getpid()}-aaaa.jsonl")
    path.rename(running)
    reserve = written(running.with_name(f".reserve-{running.stem}"), "")
    assert "is being written by a run" in sentence(eras("results", "prune", "--really", "--results", stored))
    assert running.read_bytes() == before
    reserve.unlink()
    assert eras("results", "prune", "--really", "--results", stored)[1] == "1 rows of superseded keys dropped\n"
    assert running.read_bytes() == b"".join(kept)


# ------------------------------------------------------------------------------------------------------- one's own file


def test_from_a_template_to_a_row_in_few_lines(eras, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert eras("new", "technique", "mine")[1].startswith("mine.py written; `eras check ./mine.py`")
    text = Path("mine.py").read_text()
    code = [line for line in text.splitlines()[1:] if line.strip() and not line.lstrip().startswith("#")]
    assert len(code) <= 15
    assert "exists already" in sentence(eras("new", "technique", "mine.py")) and Path("mine.py").read_text() == text
    code, out, _ = eras("check", "./mine.py")
    assert code == 0 and out.count("\n") > 8 and all(line.startswith("ok ") for line in out.splitlines())
    assert eras("new", "dataset", "moons")[0] == 0 and eras("check", "./moons.py")[0] == 0
    assert eras("run", "-t", "./mine.py", "-d", "./moons.py", "--sizes", "100", "--results", "results")[0] == 0
    assert all(r["quality"]["test"]["accuracy"] > 0.6 for r in Store(Path("results")).rows.values())


def test_a_template_where_none_can_be(eras, tmp_path):
    assert "no/mine.py cannot be written" in sentence(eras("new", "technique", tmp_path / "no" / "mine"))
    assert "of the project" in sentence(eras("new", "technique", tmp_path / "knn"))
    code, out, _ = eras("new", "dataset", tmp_path / "mine")
    assert code == 0 and f"`eras check {tmp_path}/mine.py`" in out


@pytest.mark.parametrize(
    "text, told",
    [
        ("import no_such_library\n\ndef fit(train, run): ...\n", "No module named 'no_such_library'"),
        (TECHNIQUE + "sys.exit(0)\n", "SystemExit"),
        (TECHNIQUE + "return None\n", "fit returned None"),
        (TECHNIQUE + "train.x[0] = 0\n    " + FITTED, "fit wrote to its material"),
        (TECHNIQUE + "train.y.sort()\n    " + FITTED, "fit wrote to its material"),
        (TECHNIQUE + "return Fitted(lambda q: np.random.rand(len(q), train.classes), 0)\n", "asked twice"),
        (TECHNIQUE + FITTED, "the floor"),
        (templates.DATASET.replace("shape=(2,)", "shape=(3,)"), "the card says (3,), the data have (2,)"),
        (templates.DATASET.replace("rows=800", "rows=900"), "the card says 1100, the data have 1000"),
        (templates.DATASET.replace("    generator =", "    1 / 0\n    generator ="), "ZeroDivisionError"),
        (templates.DATASET.replace('metric="accuracy"', 'metric="acuracy"'), "is none of accuracy"),
    ],
)
def test_check_finds_what_is_wrong(eras, tmp_path, text, told):
    code, out, _ = eras("check", written(tmp_path / "mine.py", text))
    assert code == 1 and told in out


ESTIMATOR = "from sklearn.{module} import {name}\n\nmodel = {name}()\n"


def test_an_estimator_as_it_stands_scores_what_it_scores_without_us(eras, tmp_path):
    path = written(tmp_path / "bayes.py", ESTIMATOR.format(module="naive_bayes", name="GaussianNB"))
    line = written(tmp_path / "line.py", ESTIMATOR.format(module="linear_model", name="LinearRegression"))
    words = ("--sizes", "100", "--seeds", "1", "--results", tmp_path)
    assert eras("run", "-t", path, "-d", "wine", *words)[0] == 0
    assert eras("run", "-t", path, "-t", line, "-d", "diabetes", *words)[0] == 3
    found = {(r["key"]["technique"], r["key"]["dataset"]): r for r in Store(tmp_path).rows.values()}

    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import root_mean_squared_error
    from sklearn.naive_bayes import GaussianNB

    from harness.split import parts

    wine, diabetes = (
        parts(catalogue.load(catalogue.dataset(n).path).load(), 100, 0, 0.0) for n in ("wine", "diabetes")
    )
    accuracy = GaussianNB().fit(wine.train.x, wine.train.y).score(*wine.test)
    assert found["bayes", "wine"]["quality"]["test"]["accuracy"] == accuracy
    answers = LinearRegression().fit(diabetes.train.x, diabetes.train.y).predict(diabetes.test[0])
    rmse = root_mean_squared_error(diabetes.test[1], answers)
    assert found["line", "diabetes"]["quality"]["test"]["rmse"] == pytest.approx(rmse)
    assert found["bayes", "diabetes"]["status"] == "unsupported"
    assert "GaussianNB is a classifier, and numbers are asked for" in found["bayes", "diabetes"]["reason"]
    assert eras("check", path)[0] == 0


# ------------------------------------------------------------------------------------------------------- what is there


@pytest.mark.parametrize("what", ["techniques", "datasets", "tasks", "plans", "claims"])
def test_list_tells_all_there_is(eras, what):
    code, out, _ = eras("list", what)
    told = json.loads(eras("list", what, "--json")[1])
    names = catalogue.names(what.removesuffix("s")) if what != "claims" else []
    assert code == 0 and [entry for entry in told if entry["name"] in names or what == "claims"] == told
    assert sorted(entry["name"] for entry in told) == sorted(names) or what == "claims"
    assert all(name in out for name in names)


def test_the_plan_of_the_tour(eras, tmp_path):
    code, out, _ = eras("plan", "tour", "--json", "--results", tmp_path)
    told = json.loads(out)
    assert code == 0 and told["budget"] <= 600 and told["left_seconds"] == pytest.approx(told["total_seconds"])
    assert {c["dataset"] for c in told["cells"]} >= {"iris", "digits", "hastie"} and len(told["told"]) >= 2
    assert all(c["seconds"] > 0 and c["done"] == 0 for c in told["cells"])
    assert any("eras data get fashion_mnist" in text for text in told["told"])
    fewer = json.loads(eras("plan", "tour", "-t", "knn", "-d", "iris", "--json", "--results", tmp_path)[1])
    assert {(c["technique"], c["dataset"]) for c in fewer["cells"]} == {("knn", "iris")}


def test_what_is_done_is_told(eras, stored):
    told = json.loads(eras("plan", "-t", "knn", "-d", "iris", "--sizes", "32", "--json", "--results", stored)[1])
    assert [(c["cells"], c["done"]) for c in told["cells"]] == [(3, 3)] and told["left_seconds"] == 0


def test_data_list_where_verify(eras):
    assert {d["name"] for d in json.loads(eras("data", "list", "--json")[1])} == set(catalogue.names("dataset"))
    code, out, _ = eras("data", "where", "iris", "hastie")
    assert code == 0 and "comes with scikit-learn" in out and "generated" in out
    assert eras("data", "verify", "iris")[0] == 0
    assert eras("data", "verify")[0] == 0, "what was never downloaded is no problem"
    assert eras("data", "where", "adult")[0] == 1


def test_doctor_is_json(eras):
    code, out, _ = eras("doctor", "--json")
    assert code == 0 and {"machine", "limits", "libraries", "peaks"} <= json.loads(out).keys()


@pytest.mark.parametrize("word", ["", "list", "plan", "run", "doctor", "data", "new", "check", *ROWS])
def test_help_has_an_example(eras, word):
    code, out, _ = eras(*filter(None, [word]), "--help")
    assert code == 0 and "example: eras " in out


# ---------------------------------------------------------------------------------------------------------- small ones


def test_a_laptop_of_4_gb_gets_a_smaller_tour_and_is_told():
    here = frozenset(catalogue.names("dataset"))
    large, small = (
        tour.plan({**machine.fingerprint(), "memory": size, "here": here, "period": 86_400.0}) for size in (16e9, 4e9)
    )
    usual = [[block for block in made.blocks if block.budget is None] for made in (large, small)]  # the ladder apart
    sizes = [{size for block in blocks for size in block.sizes} for blocks in usual]
    assert sizes[1] == sizes[0] - {max(sizes[0])}
    assert any("memory" in text and "left out" in text for text in small.told)
    assert not any("memory" in text for text in large.told)


def test_a_forecast_above_the_limit_is_a_skipped_row_with_the_reason(eras, tmp_path):
    words = ("run", "-t", "knn", "-d", "hastie", "--sizes", "32,1e6", "--seeds", "1", "--mem-limit", "150MB")
    code, out, _ = eras(*words, "--results", tmp_path)
    found = {r["key"]["size"]: r for r in Store(tmp_path).rows.values()}
    assert code == 3 and found[32]["status"] == "ok" and found[1_000_000]["status"] == "skipped"
    assert found[1_000_000]["reason"] == "forecast to need 0.2 GB, the limit is 0.1 GB" in out
    assert found[1_000_000]["quality"]["test"] is None and found[1_000_000]["why"]["quality.test"]


# ------------------------------------------------------------------------------------------------- pipes and terminals


@pytest.mark.parametrize("words", ["list", "list datasets --json", "--help", "data list"])
def test_a_reader_that_has_seen_enough(words):
    read, write = os.pipe()
    os.close(read)
    child = separate(*words.split(), stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert child.communicate(timeout=120)[1] == b"" and child.returncode == 0


def test_a_run_whose_reader_goes_away_keeps_its_rows(tmp_path):
    words = ("run", "-t", "selftest.sleep:0.1", "--cells", "30", "--results", tmp_path)
    child = separate(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    told = [child.stdout.readline() for _ in range(4)]
    child.stdout.close()
    assert child.wait(timeout=120) == 130 and told[-1].startswith(b"[3/30] ")
    assert 3 <= len(Store(tmp_path).rows) < 30 and not Store(tmp_path).told


def test_without_a_terminal_progress_is_plain_lines(eras, tmp_path):
    words = ("run", "-t", "selftest.noop", "-t", "selftest.raise", "--cells", "2", "--results", tmp_path)
    code, out, err = eras(*words)
    assert code == 3 and "\x1b" not in out + err and "\r" not in out + err
    assert [line[:5] for line in err.splitlines()[1:]] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert out.startswith("4 cells computed in ") and "2 ok, 2 error" in out


@pytest.mark.parametrize("technique, code", [("selftest.noop", 0), ("selftest.raise", 3)])
def test_in_a_terminal_a_bar_comes_and_goes(tmp_path, technique, code):
    ours, theirs = pty.openpty()
    words = ("run", "-t", technique, "--cells", "5", "--results", tmp_path)
    child = separate(*words, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
        while got := os.read(ours, 1 << 16):
            shown += got
    os.close(ours)
    assert child.wait(timeout=120) == code
    text = shown.decode()
    assert "/5" in text and "━" in text and "\x1b[?25h" in text, "the cursor is back"
    assert "5 cells computed in" in text.split("\x1b[?25h")[-1]
    assert len(Store(tmp_path).rows) == 5

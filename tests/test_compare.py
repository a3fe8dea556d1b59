"""`eras compare` end to end: two revisions of somebody's own repository, a planted slowdown, and what can go wrong."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import cli, compare
from harness.compare import gauge, sides, suite
from harness.compare import words as verdict
from tests import rows
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
MINE = '''"""The class with the nearest mean, after some work."""
import numpy as np

from harness.contract import Fitted


def fit(train, run):
    total = 0
    for k in range({loops}):
        total += k * k % 7
    {more}
    means = np.stack([train.x[train.y == c].mean(axis=0) for c in range(train.classes)])  # (C, d)

    def answer(x):
        near = np.exp(-np.linalg.norm(x[:, None] - means, axis=2))  # (m, C)
        return near / near.sum(axis=1, keepdims=True)

    return Fitted(answer, parameters=means.size)
'''
QUICK = MINE.format(loops=800_000, more="")
SLOW = MINE.format(loops=1_600_000, more="")
CELL = ("-t", "./mine.py", "-d", "iris", "--sizes", "32")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository around the working directory; commit(text) -> short hash."""
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(gauge, "AGAIN", (5, 10, 15, 20))
    here = tmp_path / "repository"
    here.mkdir()
    monkeypatch.chdir(here)
    git("init", "-q")
    for name in ("email", "name"):
        git("config", f"user.{name}", "nobody@example.org")

    def commit(text, name="mine.py"):
        Path(name).write_text(text)
        git("add", "-A")
        git("commit", "-q", "-m", "a change")
        return git("rev-parse", "--short", "HEAD")

    return commit


def git(*words):
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout.strip()


def compared(capsys, tmp_path, *words):
    """(exit code, outcome, standard error)."""
    capsys.readouterr()
    code = cli.main(["compare", *words, "--results", str(tmp_path / "rows"), "--json"])
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    return code, json.loads(told.out) if told.out else {}, told.err


def found(outcome):
    return {one["quantity"]: one for one in outcome["findings"]}


def agrees(code, outcome):
    """Whether the exit code says what the findings say: with nothing planted, a busy machine decides which words."""
    said = {one["word"] for one in outcome["findings"]}
    return bool(said) and (code == 1) == bool(said & set(verdict.BAD)) and code in (0, 1, 2)


def test_a_planted_slowdown_is_found_and_told(repository, tmp_path, capsys):
    base, head = (repository(MINE.format(loops=loops, more="")) for loops in (1_000_000, 4_000_000))
    markdown = tmp_path / "comment.md"
    code, outcome, _ = compared(capsys, tmp_path, base, head, *CELL, "--markdown", str(markdown))
    assert (code, found(outcome)["fit"]["word"]) == (1, gauge.SLOWER)
    assert found(outcome)["fit"]["change"] == pytest.approx(3.0, rel=0.6)  # planted large: the machine may be busy
    assert found(outcome)["fit"]["clock"] in ("cpu", "wall")  # which is for the machine to say: tests/test_gauge.py
    assert found(outcome)["score"]["told"] == "bit-equal"
    assert "SLOWER" in markdown.read_text()
    assert json.loads(Path(outcome["path"]).read_text())["findings"] == outcome["findings"]
    faster, outcome, _ = compared(capsys, tmp_path, head, base, *CELL)
    assert (faster, found(outcome)["fit"]["word"]) == (0, gauge.FASTER)


def test_the_same_on_both_sides(repository, tmp_path, capsys):
    repository(QUICK)
    code, outcome, _ = compared(capsys, tmp_path, "HEAD", "HEAD", *CELL)
    assert agrees(code, outcome) and found(outcome)["score"]["told"] == "bit-equal"
    assert "both sides are the same: whatever is found is a false alarm" in outcome["told"]


def test_changes_that_are_not_committed_are_compared_as_such(repository, tmp_path, capsys):
    repository(QUICK)
    Path("mine.py").write_text(SLOW)
    for words in (("HEAD",), ("HEAD", "HEAD")):
        code, outcome, _ = compared(capsys, tmp_path, *words, *CELL)
        assert code == 1 and "with changes that are not committed" in outcome["head"]["text"]
        assert not outcome["base"]["dirty"]


def test_a_cell_that_fails_on_one_side(repository, tmp_path, capsys):
    base = repository(QUICK)
    head = repository(MINE.format(loops=10, more="raise ValueError('planted')"))
    code, outcome, _ = compared(capsys, tmp_path, base, head, *CELL)
    assert (code, found(outcome)["status"]["word"]) == (1, "FAILS")
    assert "head: error: ValueError: planted" in found(outcome)["status"]["told"]


def test_a_worse_score_and_more_memory(repository, tmp_path, capsys):
    base = repository(QUICK)
    worse = (
        "run.kept = np.ones(4_000_000); train.x[:] = train.x[np.random.default_rng(run.seed).permutation(len(train.y))]"
    )
    head = repository(MINE.format(loops=200_000, more=worse))
    code, outcome, _ = compared(capsys, tmp_path, base, head, *CELL)
    assert code == 1 and found(outcome)["memory"]["word"] == "BIGGER"
    assert 28 <= float(found(outcome)["memory"]["told"].split()[0]) <= 36  # 4,000,000 x 8 bytes
    assert found(outcome)["score"]["word"] == "WORSE" and "over 10 seeds" in found(outcome)["score"]["told"]


def test_a_technique_that_only_one_side_has(repository, tmp_path, capsys):
    base = repository("x = 1\n", "other.py")
    head = repository(QUICK)
    code, _, told = compared(capsys, tmp_path, base, head, *CELL)
    assert code == 4 and "base side" in told and "no such file" in told


def test_a_subfolder_of_the_repository(repository, tmp_path, capsys, monkeypatch):
    Path("inner").mkdir()
    base, head = repository(QUICK, "inner/mine.py"), repository(SLOW, "inner/mine.py")
    monkeypatch.chdir("inner")
    code, _, _ = compared(capsys, tmp_path, base, head, *CELL)
    assert code == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nothing",), "nothing is no revision of"),
        (("HEAD", "--cells", "0"), "whole number above zero"),
        (("HEAD", "--base-env", "/nowhere"), "neither a Python nor the folder of a virtual environment"),
        (("HEAD", "--plan", "nosuch"), "no plan is called 'nosuch'"),
        (("--upload-pack=x", "HEAD"), "unrecognized arguments"),
        (("HEAD", "--pytest-benchmark", "mine.py"), "gave no benchmarks"),
    ],
)
def test_mistakes(repository, capsys, words, told):
    repository(QUICK)
    capsys.readouterr()
    ended = None
    try:
        code = cli.main(["compare", *words])
    except SystemExit as end:  # argparse's own
        ended, code = end, end.code
    assert code == (2 if isinstance(ended, SystemExit) else 4) and told in capsys.readouterr().err


def test_outside_of_git(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["compare", "HEAD"]) == 4
    assert "is in no git repository" in capsys.readouterr().err


def test_a_revision_older_than_compare(repository, capsys):
    Path("harness").mkdir()
    repository("", "harness/contract.py")
    assert cli.main(["compare", "HEAD", *CELL]) == 4
    assert "older than `eras compare`" in capsys.readouterr().err


def test_a_revision_that_does_not_come_up(repository, capsys):
    Path("harness").mkdir()
    repository("", "harness/contract.py")
    repository("import nosuchmodule\n", "harness/side.py")
    assert cli.main(["compare", "HEAD", *CELL]) == 4
    assert "does not come up or has ended" in (told := capsys.readouterr().err) and "nosuchmodule" in told


def test_packages_that_cannot_be_installed(repository, capsys, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    Path("harness").mkdir()
    Path("harness/side.py").write_text("")
    repository('[project]\nname = "x"\ndependencies = ["no-such-package==9"]\n', "pyproject.toml")
    assert cli.main(["compare", "HEAD", *CELL]) == 4
    assert (
        "the environment of HEAD could not be built" in (told := capsys.readouterr().err) and "no-such-package" in told
    )
    assert not list((sides.cache_folder() / "environments").glob("*/whole"))


def test_packages_are_installed_once(tmp_path, monkeypatch):
    """Here there are none to install, so that no network is needed; the second time nothing is done."""
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "side.py").write_text("")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = []\n')
    said, of = [], sides.Revision("old", tmp_path, "c0ffee")
    first, second = (sides.interpreter(of, "", said.append) for _ in range(2))
    assert first == second != sys.executable and len(said) == 1
    prefix = subprocess.run([first, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert Path(prefix.stdout.strip()) == Path(first).parent.parent


def test_a_cache_that_cannot_be_written(repository, tmp_path, capsys, monkeypatch):
    repository(QUICK)
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "taken"))
    assert cli.main(["compare", "HEAD", *CELL]) == 4
    assert "ERAS_CACHE names another folder" in capsys.readouterr().err


def test_data_that_git_does_not_know(repository, tmp_path, capsys):
    """A file of the user's own, beside the repository's: the same for both sides."""
    repository(QUICK)
    Path(".gitignore").write_text("*.csv\n")
    Path("mine.csv").write_text("a,b,y\n" + "".join(f"{k % 7},{k % 5},{'xyz'[k % 3]}\n" for k in range(200)))
    words = ("-t", "naive_bayes", "-d", "mine.csv", "--target", "y", "--sizes", "100")
    code, outcome, _ = compared(capsys, tmp_path, "HEAD", *words)
    assert (
        agrees(code, outcome)
        and "mine" in found(outcome)["fit"]["cell"]
        and found(outcome)["score"]["told"] == "bit-equal"
    )


def test_an_environment_of_its_own(repository, tmp_path, capsys):
    """Another interpreter on the base's side: a virtual environment that sees this one's packages."""
    repository(QUICK)
    home = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", home], check=True)
    site = subprocess.run(
        [sys.executable, "-c", "import numpy; print(numpy.__path__[0])"], capture_output=True, text=True, check=True
    ).stdout.strip()
    (next(home.glob("lib/python*/site-packages")) / "ours.pth").write_text(str(Path(site).parent) + "\n")
    code, outcome, _ = compared(capsys, tmp_path, "HEAD", *CELL, "--base-env", str(home))
    assert agrees(code, outcome)
    assert outcome["base"]["python"] == str(home / "bin" / "python") != outcome["head"]["python"]


def test_stopped_midway(repository, tmp_path):
    """Ctrl-C: what was found so far, exit code 130, and nobody is left behind."""
    repository(MINE.format(loops=20_000_000, more=""))
    command = [sys.executable, "-m", "harness", "compare", "HEAD", *CELL, "--results", str(tmp_path / "rows"), "--json"]
    mark = f"stopped midway {os.getpid()}"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "ERAS_TEST_MARK": mark}
    # a suite that was started in the background ignores the signal, and its children would too
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    signal.signal(signal.SIGINT, heard)
    while not any(b"harness.server" in _read(p.parent / "cmdline") for p in _marked(mark)):
        time.sleep(0.1)
        assert process.poll() is None
    time.sleep(4)  # among the first pairs
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "Traceback" not in err
    outcome = json.loads(out)
    assert outcome["ended"] == "interrupted"
    assert all(
        one["told"] == "interrupted" for one in outcome["findings"] if one["quantity"] == "fit"
    )  # if any was timed
    until(lambda: not list(_marked(mark)))


def _marked(mark):
    return (p for p in Path("/proc").glob("[0-9]*/environ") if mark.encode() in _read(p))


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_full_disk_loses_no_verdict(repository, tmp_path, capsys):
    repository(QUICK)
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert cli.main(["compare", "HEAD", *CELL, "--results", str(blocked / "below"), "--json"]) in (0, 1, 2)
    told = capsys.readouterr()
    assert "could not be kept" in told.err and found(json.loads(told.out))


BENCH = """
import time


def work(n):
    total = 0
    for k in range(n):
        total += k * k % 7
    return total


def test_work(benchmark):
    benchmark(work, {loops})


def test_other(benchmark):
    benchmark(work, 5_000)


def test_no_benchmark():
    pass
"""


def test_somebody_elses_pytest_benchmark_suite(repository, tmp_path, capsys, monkeypatch):
    Path("bench").mkdir()
    base = repository(BENCH.format(loops=5_000), "bench/test_work.py")
    head = repository(BENCH.format(loops=20_000), "bench/test_work.py")
    monkeypatch.setattr(suite, "SECONDS", 0.05)
    monkeypatch.setattr(gauge, "LOOKS", (4, 8))
    monkeypatch.setattr(gauge, "AGAIN", (4, 8))
    code, outcome, _ = compared(capsys, tmp_path, base, head, "--pytest-benchmark", "bench", "--cells", "1")
    assert code == 1
    (one,) = outcome["findings"]
    assert one["cell"].endswith("::test_work") and one["word"] == gauge.SLOWER and one["clock"] == "wall"
    assert 1 < one["change"] < 9  # four times the work, timed on a machine that may be busy
    assert "1 of 2 cells are left out" in " ".join(outcome["told"])


def test_stored_rows_of_two_machines_are_advisory(tmp_path, capsys):
    for name, factor in (("old", 1.0), ("new", 0.5)):
        place = tmp_path / name / "box"
        place.mkdir(parents=True)
        made = [rows.make("knn", "digits", 100, seed, 0.9, fit=0.2 * factor, machine=name) for seed in range(3)]
        made += [rows.make("mlp", "digits", 100, 0, machine=name)] if name == "new" else []
        (place / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
    places = [str(tmp_path / name) for name in ("old", "new")]
    assert cli.main(["compare", *places, "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    (cell,) = outcome["cells"]
    assert (cell["fit"], cell["score"], cell["seeds"]) == (pytest.approx(0.5), 0.0, 3)
    assert outcome["advisory"] and outcome["alone"] == {"base": 0, "head": 1}
    assert cli.main(["compare", *places]) == 0
    assert "x0.50" in capsys.readouterr().out
    assert cli.main(["compare", str(tmp_path), places[1]]) == 4
    assert "rows of 2 machines" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "old")
    (tmp_path / "old").mkdir()
    assert cli.main(["compare", *places]) == 4
    assert "holds no rows that are ok" in capsys.readouterr().err


def test_the_same_from_pytest(repository):
    repository(BENCH.format(loops=10), "test_work.py")
    command = [sys.executable, "-m", "pytest", "test_work.py", "-q", "--eras-compare"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for words, told in (
        (("nothing",), "nothing is no revision of"),
        (("HEAD", "-p", "no:benchmark"), "gave no benchmarks"),
    ):
        env |= {"PYTEST_ADDOPTS": " ".join(words[1:])}
        done = subprocess.run([*command, words[0]], capture_output=True, text=True, env=env, check=False)
        assert done.returncode == 4 and told in done.stderr


def test_cells_that_one_side_alone_has_and_what_a_change_touches():
    """Cells of the files that differ come first; those that one side lacks are told, not compared."""

    class Fixed:
        python, told = "python", ()

        def __init__(self, label, names, tree):
            self.label, self.of = label, sides.Revision(label, Path(tree), label)
            what = {"keywords": {}, "dataset": "digits", "size": 100}
            self.cells = {n: {"what": what | {"technique": n}, "files": [f"baselines/{n}.py"]} for n in names}

    both = {"base": Fixed("base", "abcd", "/one"), "head": Fixed("head", "bcde", "/two")}
    args = argparse.Namespace(cells=2)
    cases, told = compare._cases(args, both, {"baselines/c.py"})
    assert [case.name for case in cases] == ["c", "b"]
    assert told == [
        "on the base side alone, so not compared: a on digits, n = 100",
        "on the head side alone, so not compared: e on digits, n = 100",
        "1 of 3 cells are left out: --cells 3 takes all",
    ]


def test_paths_are_those_of_each_side(repository, tmp_path, capsys):
    """Whole paths too, and links that a revision holds; its files are those of git, whatever it is told to export."""
    Path(".gitattributes").write_text("mine.py export-ignore\n")
    Path("outside").symlink_to("/nowhere")
    base, head = repository(QUICK), repository(SLOW)
    code, outcome, _ = compared(capsys, tmp_path, base, head, "-t", str(Path("mine.py").resolve()), *CELL[2:])
    assert code == 1 and found(outcome)["fit"]["word"] == gauge.SLOWER


def test_a_file_that_is_edited_meanwhile(repository, tmp_path, capsys, monkeypatch):
    """The head as it lies must stay as it lies."""
    repository(QUICK)
    Path("mine.py").write_text(QUICK + "# changed\n")
    measure = sides.Side.measure

    def edited(side, *asked):
        if side.label == "head":
            Path("mine.py").write_text(SLOW)
        return measure(side, *asked)

    monkeypatch.setattr(sides.Side, "measure", edited)
    code, outcome, _ = compared(capsys, tmp_path, "HEAD", *CELL)
    assert code == 2 and "mine.py was changed while the head side was measured" in outcome["ended"]


def test_a_comment_that_cannot_be_written(repository, tmp_path, capsys):
    repository(QUICK)
    assert cli.main(["compare", "HEAD", *CELL, "--markdown", str(tmp_path / "none" / "a.md")]) == 4
    assert "its folder is not there" in capsys.readouterr().err
    code, outcome, told = compared(capsys, tmp_path, "HEAD", *CELL, "--markdown", str(tmp_path))
    assert agrees(code, outcome) and "--markdown" in told

"""Faults around a cell: imports that crash or hang, shadowing folders, changed files, shared memory, odd forks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import catalogue, isolate, machine, plan, tree
from harness.contract import Block
from harness.store import Store
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
CARD = 'TECHNIQUE = Technique(title="t", year=2020, paper="p", tasks=("classify",))\n'
HEAD = "import time, os\nimport numpy as np\nfrom harness.contract import Fitted, Technique\n"
SHARES = "lambda q: np.tile(1 / train.classes, (len(q), train.classes))"
FITS = "def fit(train, run):\n    {}\n    return Fitted(" + SHARES + ", 1)\n"


def run(folder: Path, *words: str, cwd: Path = ROOT, **env: str) -> tuple[subprocess.CompletedProcess, list[dict]]:
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}", **env}
    command = [sys.executable, "-P", "-m", "harness", "run", *words, "--results", str(folder / "results")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environ, timeout=600)
    assert "Traceback" not in done.stdout, done.stdout
    return done, list(Store(folder / "results").rows.values())


def of_run(child: subprocess.Popen) -> list[int]:
    """The processes that a run has started and that live, by the mark that they carry; other tests' runs apart."""
    marked = tree.marked(isolate.MARK).items()
    return [pid for pid, value in marked if value.startswith(f"{child.pid}/") and not tree._zombie(pid)]


def technique(folder: Path, body: str, head: str = "") -> str:
    path = folder / "mine.py"
    path.write_text(head + HEAD + CARD + FITS.format(body))
    return str(path)


@pytest.mark.parametrize(
    "module, told",
    [
        ("import os; os.abort()", "ended in phase preload"),
        ("import sys; sys.exit('no')", "SystemExit"),
        ("raise RuntimeError('broken library')", "broken library"),
    ],
)
def test_an_import_that_fails_costs_its_cell_and_no_other(tmp_path, module, told):
    (tmp_path / "badlib.py").write_text(module)
    mine = technique(tmp_path, "pass", "import badlib\n")
    done, rows = run(tmp_path, "-t", mine, "-t", "selftest.noop", "-d", "iris", "--sizes", "32")
    found = {r["key"]["technique"]: r for r in rows}
    assert done.returncode == 3
    assert found["mine"]["status"] == "error" and told in found["mine"]["reason"] + found["mine"]["stderr"]
    assert found["selftest.noop"]["status"] == "ok"


def test_an_import_that_hangs_can_be_interrupted(tmp_path):
    reached = tmp_path / "reached"
    (tmp_path / "badlib.py").write_text(f"import time; open({str(reached)!r}, 'w').close(); time.sleep(60)")
    mine = technique(tmp_path, "pass", "import badlib\n")
    words = [sys.executable, "-m", "harness", "run", "-t", mine, "-d", "iris", "--results", str(tmp_path / "r")]
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    child = subprocess.Popen(words, cwd=ROOT, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    until(reached.exists)
    child.terminate()
    assert child.wait(120) == 130
    until(lambda: not of_run(child))


def test_the_users_folder_shadows_nothing(tmp_path):
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("raise RuntimeError('not ours')")
    (tmp_path / "select.py").write_text("raise RuntimeError('not ours')")
    done, rows = run(tmp_path, "-t", "selftest.noop", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert done.returncode == 0 and rows[0]["status"] == "ok", done.stderr


def test_a_file_changed_while_the_run_goes_on_gives_no_row_under_the_old_hash(tmp_path):
    mine = technique(tmp_path, f"open({str(tmp_path / 'mine.py')!r}, 'a').write('# changed\\n')")
    done, rows = run(tmp_path, "-t", mine, "-d", "iris", "--sizes", "32", "--seeds", "1")
    assert done.returncode == 3 and rows[0]["status"] == "error" and "was changed" in rows[0]["reason"]


def test_a_score_that_is_not_finite_is_not_ok(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        HEAD
        + 'TECHNIQUE = Technique(title="t", year=2020, paper="p", tasks=("regress",))\n'
        + "def fit(train, run):\n    return Fitted(lambda q: np.full(len(q), 1e200), 1)\n"
    )
    _, rows = run(tmp_path, "-t", str(path), "-d", "diabetes", "--sizes", "32", "--seeds", "1")
    assert rows[0]["status"] in ("diverged", "error") and "rmse" in rows[0]["reason"], rows[0]["reason"]


def test_memory_that_forks_share_counts_once_without_cgroups(tmp_path):
    body = (
        "held = np.ones(30_000_000)\n    children = []\n    for _ in range(4):\n        pid = os.fork()\n"
        "        if pid == 0:\n            time.sleep(1.0); os._exit(0)\n        children.append(pid)\n"
        "    [os.waitpid(c, 0) for c in children]"
    )
    words = ("-t", technique(tmp_path, body), "-d", "iris", "--sizes", "32", "--seeds", "1", "--mem-limit", "700MB")
    _, rows = run(tmp_path, *words, ERAS_NO_CGROUP="1")
    assert rows[0]["status"] == "ok", rows[0]["reason"]  # 240 MB once; five times would be 1.2 GB


def test_a_fork_that_comes_back_from_fit_tells_nothing(tmp_path):
    body = "pid = os.fork()\n    if pid == 0:\n        raise RuntimeError('a lost child')\n    os.waitpid(pid, 0)"
    done, rows = run(tmp_path, "-t", technique(tmp_path, body), "-d", "iris", "--sizes", "32", "--seeds", "1")
    assert done.returncode == 0 and rows[0]["status"] == "ok"


def test_nothing_stays_behind(tmp_path):
    """Neither memory groups nor reserves of runs that were killed survive the next start."""
    words = [sys.executable, "-m", "harness", "run", "-t", "selftest.sleep:20", "--results", str(tmp_path)]
    child = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    until(lambda: of_run(child))
    child.kill()
    child.wait()
    until(lambda: not of_run(child))
    subprocess.run([*words[:4], "-t", "selftest.noop", "--results", str(tmp_path)], cwd=ROOT, capture_output=True)
    groups = [g.name for folder, _ in machine._own_cgroups() for g in folder.glob(f"eras-{child.pid}-*")]
    assert groups == [] and not list(tmp_path.rglob(".reserve*"))


def test_work_of_a_tuned_cell_is_that_of_the_keywords_it_ran_with(tmp_path):
    words = ("-t", "mlp", "-d", "iris", "--sizes", "32", "--seeds", "1", "--tune", "3")
    _, rows = run(tmp_path, *words)
    tuned = next(r for r in rows if r["key"]["tune"])
    keywords = {k: tuple(v) if isinstance(v, list) else v for k, v in tuned["search"]["best"].items()}
    (cell,) = plan.expand(Block(("mlp",), ("iris",), (32,), {32: 1}))
    expected = plan.cost(type(cell)(**{**vars(cell), "keywords": keywords})).fit
    assert tuned["work"]["flops"] == pytest.approx(expected)


def test_a_default_that_is_spelled_out_is_the_same_cell():
    name, value = next(iter(catalogue.technique("knn").defaults.items()))
    assert plan.asked_for(f"knn[{name}={value!r}]") == ("knn", {})


def test_threads_are_those_asked_for(tmp_path):
    body = (
        "import torch, threadpoolctl\n    a = np.ones((4, 4)) @ np.ones((4, 4))\n"
        "    print('THREADS', torch.get_num_threads(), {p['num_threads'] for p in threadpoolctl.threadpool_info()})\n"
        "    raise SystemExit('told')"
    )
    for threads in ("1", "2"):
        mine = technique(tmp_path, body)
        run(tmp_path, "-t", mine, "-d", "iris", "--sizes", "32", "--seeds", "1", "--threads", threads)
    rows = Store(tmp_path / "results").rows.values()
    told = {r["key"]["threads"]: r["stderr"] for r in rows}
    assert "THREADS 1 {1}" in told[1] and "THREADS 2 {2}" in told[2], told

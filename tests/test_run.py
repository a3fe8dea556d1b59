"""The engine end to end, through the command line, with the self-tests on the same path as real techniques."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import files, isolate, machine, plan, tree, worker
from harness.store import Store

ROOT = Path(__file__).resolve().parent.parent


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "harness", *words]


def eras(*words: str, env: dict | None = None, timeout: float = 600, **more) -> subprocess.CompletedProcess:
    environ = {**os.environ, **(env or {})}
    return subprocess.run(
        command(*words), capture_output=True, text=True, cwd=ROOT, env=environ, timeout=timeout, **more
    )


def rows_in(folder: Path) -> list[dict]:
    return list(Store(folder).rows.values())


def left_over(folder: Path | None = None) -> list[int]:
    """Processes that carry the mark of a run that is over, zombies apart."""
    return [
        pid
        for pid, value in tree.marked(isolate.MARK).items()
        if not machine.is_alive(int(value.split("/")[0]), int(value.split("/")[1])) and not tree._zombie(pid)
    ]


def gone(within: float = 30.0) -> list[int]:
    deadline = time.monotonic() + within
    while (found := left_over()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_a_crash_costs_one_cell(tmp_path):
    done = eras(
        "run", "-t", "selftest.segv", "-t", "selftest.raise", "-t", "knn", "-d", "digits", "--results", str(tmp_path)
    )
    found = {r["key"]["technique"]: r for r in rows_in(tmp_path)}
    assert done.returncode == 3
    assert found["knn"]["status"] == "ok" and found["knn"]["quality"]["test"]["accuracy"] > 0.5
    assert found["selftest.segv"]["status"] == "error" and "SIGSEGV" in found["selftest.segv"]["reason"]
    assert found["selftest.raise"]["status"] == "error" and "as it should" in found["selftest.raise"]["stderr"]
    assert "SIGSEGV" in done.stdout and "Traceback" not in done.stdout + done.stderr


def no_null_without_reason(value, why, path=""):
    if value is None:
        assert path in why and why[path], path
    elif isinstance(value, dict):
        for name, inner in value.items():
            no_null_without_reason(inner, why, f"{path}.{name}" if path else name)


def test_a_row_holds_what_it_must(tmp_path):
    eras(
        "run",
        "-t",
        "mlp",
        "-t",
        "selftest.raise",
        "-d",
        "digits",
        "--sizes",
        "100",
        "--seeds",
        "1",
        "--results",
        str(tmp_path),
    )
    found = {r["key"]["technique"]: r for r in rows_in(tmp_path)}
    for row in found.values():
        no_null_without_reason({k: v for k, v in row.items() if k != "why"}, row["why"])
    row = found["mlp"]
    assert row["time"]["fit"] > 0 and row["time"]["steps"] == row["key"]["budget"]["amount"] // 64
    assert row["time"]["answers"] == 360 and row["time"]["throughput"] > 0 and len(row["time"]["raw"]["latency_1"]) == 7
    assert row["memory"]["fit"]["peak"] >= row["memory"]["fit"]["baseline"] > 0
    assert row["work"]["flops"] > 1e9 and row["work"]["provenance"] == "analytic"
    assert {"accuracy", "balanced_accuracy", "log_loss", "calibration_error", "auc"} <= row["quality"]["test"].keys()
    assert row["quality"]["floor"]["accuracy"] < 0.2 < row["quality"]["test"]["accuracy"]
    assert row["provenance"]["versions"]["torch"] and row["provenance"]["technique"]["year"] == 1986
    assert len(row["notes"]) > 3


@pytest.mark.parametrize("more", ["", ",ignore_term=True", ",grandchild=True"])
def test_a_time_limit_holds_for_the_whole_tree(tmp_path, more):
    technique = f"selftest.sleep[seconds=300{more}]"
    began = time.monotonic()
    done = eras("run", "-t", technique, "--timeout", "4", "--results", str(tmp_path))
    assert time.monotonic() - began < 100  # not a benchmark: without the limit it would be 300
    (row,) = rows_in(tmp_path)
    assert done.returncode == 3 and row["status"] == "timeout" and "phase fit" in row["reason"]
    assert gone() == []


@pytest.mark.parametrize("technique", ["selftest.alloc:3GB", "selftest.alloc[amount='400MB', how='four']"])
@pytest.mark.parametrize("cgroups", [True, False])
def test_a_memory_limit_holds_for_the_whole_tree(tmp_path, technique, cgroups):
    env = {} if cgroups else {"ERAS_NO_CGROUP": "1"}
    done = eras("run", "-t", technique, "--mem-limit", "600MB", "--results", str(tmp_path), env=env)
    (row,) = rows_in(tmp_path)
    assert done.returncode == 3 and row["status"] == "oom", (row["status"], row["reason"])
    peak = row["memory"]["peak"] or row["memory"]["tree"]
    assert peak is None or not cgroups or peak < 900e6  # who polls may come late
    if not cgroups:
        assert row["memory"]["enforced_by"] == "rlimit+polling"
    assert gone() == []


def test_what_escapes_is_ended_with_its_cell(tmp_path):
    done = eras("run", "-t", "selftest.escape", "--results", str(tmp_path))
    assert done.returncode == 0 and gone() == []


@pytest.mark.parametrize("how", ["self", "fork"])
def test_memory_is_what_the_cell_took_not_what_its_parent_holds(tmp_path, how):
    """The parent of all holds 600 MB; ru_maxrss of a child would tell that number."""
    code = (
        "import sys; held = bytearray(600_000_000); held[::4096] = b'x' * len(held[::4096]);"
        "from harness.cli import main;"
        f"asked = \"selftest.alloc[amount='100MB', how='{how}']\";"
        f"sys.exit(main(['run', '-t', asked, '--results', {str(tmp_path)!r}]))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=60)
    (row,) = rows_in(tmp_path)
    assert row["memory"]["anonymous"] == pytest.approx(100e6, rel=0.05)


@pytest.mark.parametrize(
    "name, status, reason",
    [
        ("nan", "diverged", "loss is nan at step"),
        ("liar", "error", "of 30 questions"),
        ("chatty", "ok", ""),
        ("fork", "ok", ""),
    ],
)
def test_other_bad_manners(tmp_path, name, status, reason):
    eras("run", "-t", f"selftest.{name}", "--results", str(tmp_path))
    (row,) = rows_in(tmp_path)
    assert row["status"] == status and reason in row["reason"] and len(row["stderr"]) <= 4096


def test_a_loss_that_left_the_numbers_is_diverged_when_the_training_is_judged_on_its_way_too(tmp_path):
    eras(
        "run",
        "-t",
        "mlp[lr=1e30]",
        "-d",
        "iris",
        "--sizes",
        "32",
        "--seeds",
        "1",
        "--offers",
        "4",
        "--results",
        str(tmp_path),
    )
    (row,) = rows_in(tmp_path)
    assert row["status"] == "diverged" and re.search(r"loss is nan at step \d+", row["reason"]), row["reason"]


def test_files_that_went_away_leave_a_cell_unsupported():
    told = worker._failure(files.Missing("ptb is not here: `eras data get ptb`"))
    assert told == {"status": "unsupported", "reason": "ptb is not here: `eras data get ptb`"}


def test_a_second_run_computes_nothing_and_one_change_one_cell(tmp_path):
    words = ("run", "-t", "selftest.noop", "--cells", "20", "--json", "--results", str(tmp_path))
    first, second = (json.loads(eras(*words).stdout) for _ in range(2))
    assert (first["computed"], second["computed"], second["cells"]) == (20, 0, 20)
    more = json.loads(eras("run", "-t", "selftest.noop", "--cells", "21", "--json", "--results", str(tmp_path)).stdout)
    assert more["computed"] == 1


def test_failures_are_final_until_retried(tmp_path):
    words = ("run", "-t", "selftest.sleep:5", "--json", "--results", str(tmp_path))
    assert json.loads(eras(*words, "--timeout", "0.5").stdout)["computed"] == 1
    kept = eras(*words, "--timeout", "0.5")
    assert json.loads(kept.stdout)["computed"] == 0 and kept.returncode == 3
    assert json.loads(eras(*words, "--timeout", "0.5", "--retry", "timeout").stdout)["computed"] == 1


def test_larger_sizes_are_skipped_once_one_timed_out(tmp_path):
    sizes = ("--sizes", "32,64,100", "--timeout", "0.5", "--results", str(tmp_path))
    done = eras("run", "-t", "selftest.sleep:5", "-d", "iris", *sizes)
    found = {r["key"]["size"]: r for r in rows_in(tmp_path)}
    assert [found[n]["status"] for n in (32, 64, 100)] == ["timeout", "skipped", "skipped"]
    assert "timeout at n = 32" in found[64]["reason"] and done.returncode == 3


def test_a_budget_ends_the_run_and_lists_what_it_left_out(tmp_path):
    done = eras(
        "run", "-t", "selftest.sleep:1", "--cells", "20", "--budget", "4s", "--json", "--results", str(tmp_path)
    )
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["computed"] >= 1
    assert told["computed"] + len(told["left_out"]) == 20
    assert all("budget" in left["why"] for left in told["left_out"])
    assert told["seconds"] < 18  # not a benchmark: all 20 would be 20 s


def test_kill_9_loses_no_told_row_and_leaves_nobody(tmp_path):
    """Kill the parent at some moments: every cell told as done is stored, none twice, and no child lives on."""
    told: set[int] = set()
    for moment in ("150 cells", "[1/", "[4/", "[12/", "[30/"):
        words = command("run", "-t", "selftest.noop", "--cells", "150", "--results", str(tmp_path))
        child = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=ROOT)
        text = ""
        for line in child.stderr:
            text += line
            if line.startswith(moment):
                break
        child.kill()
        text += child.communicate()[1]
        told |= {int(seed) for seed in re.findall(r"^\[\d+/\d+\] .*seed (\d+): accuracy.*left$", text, re.M)}
        assert gone() == []
    stored = [r["key"]["seed"] for path in tmp_path.rglob("*.jsonl") for r in lines(path)]
    assert told and told <= set(stored)
    assert len(stored) == len(set(stored))
    assert eras("verify", "--results", str(tmp_path)).returncode == 0
    final = json.loads(
        eras("run", "-t", "selftest.noop", "--cells", "150", "--json", "--results", str(tmp_path)).stdout
    )
    assert final["statuses"] == {"ok": 150}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def test_four_runs_share_one_plan(tmp_path):
    words = command("run", "-t", "selftest.noop", "--cells", "60", "--json", "--results", str(tmp_path))
    runs = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT) for _ in range(4)]
    told = [json.loads(run.communicate(timeout=120)[0]) for run in runs]
    stored = [r["key"]["seed"] for path in tmp_path.rglob("*.jsonl") for r in lines(path)]
    assert sorted(stored) == list(range(60)), "each cell computed once"
    assert sum(t["computed"] for t in told) == 60 and all(t["cells"] == 60 for t in told)
    assert not list(tmp_path.rglob(".claims/[0-9a-f]*"))


def start_and_wait_for_a_row(tmp_path, task):
    words = command("run", "-t", task, "--cells", "30", "--results", str(tmp_path))
    child = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    for line in child.stderr:
        if line.startswith("[2/"):
            return child
    raise AssertionError("no progress was told")


def test_ctrl_c_once_finishes_the_cell(tmp_path):
    child = start_and_wait_for_a_row(tmp_path, task="selftest.sleep:2")  # a busy machine may be slow to send the signal
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=120)
    assert child.returncode == 130 and "interrupted" in out
    assert 2 <= len(rows_in(tmp_path)) <= 4 and gone() == []
    assert not list(tmp_path.rglob(".claims/[0-9a-f]*")) and not list(tmp_path.rglob(".reserve*"))


def test_ctrl_c_twice_stops_now(tmp_path):
    child = start_and_wait_for_a_row(tmp_path, task="selftest.sleep:3")  # ends by itself too late to be mistaken
    child.send_signal(signal.SIGINT)
    assert any("interrupted: finishing" in line for line in child.stderr)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=120)
    assert child.returncode == 130 and len(rows_in(tmp_path)) >= 2 and gone() == []


def test_the_same_cell_twice_beside_a_hog_is_bit_equal(tmp_path):
    names = ["knn", "random_forest", "gradient_boosting", "mlp", "lenet", "logistic_regression"]
    techniques = [w for n in names for w in ("-t", n)]
    scores = []
    for folder, busy in (("a", False), ("b", True)):
        hog = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
        words = (
            "run",
            *techniques,
            "-d",
            "digits",
            "--sizes",
            "200",
            "--seeds",
            "1",
            "--results",
            str(tmp_path / folder),
        )
        assert eras(*words).returncode == 0
        if hog:
            hog.kill()
            hog.wait()
        scores.append({r["id"]: r["quality"]["test"] for r in rows_in(tmp_path / folder)})
    assert len(scores[0]) == len(names) and scores[0] == scores[1]


def test_the_server_has_one_thread():
    """A child forked from a process with threads hangs in OpenMP."""
    modules = ("numpy", "torch", "sklearn.ensemble", "lightgbm", "scipy.linalg")
    server = isolate.Server(modules, 2)
    try:
        while server.seconds is None:
            server.events(1.0)
        assert server.threads_at_start == 1
    finally:
        server.close()


def test_two_jobs_run_on_cores_of_their_own(tmp_path):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core")
    done = eras(
        "run", "-t", "knn", "-d", "iris", "--sizes", "32", "--seeds", "6", "--jobs", "2", "--results", str(tmp_path)
    )
    assert done.returncode == 0 and len(rows_in(tmp_path)) == 6
    assert "--jobs 4096" in eras("run", "-t", "knn", "--jobs", "4096", "--results", str(tmp_path)).stderr


def test_a_tuned_cell_waits_for_its_trials_and_pays_for_them(tmp_path):
    done = eras(
        "run", "-t", "knn", "-d", "iris", "--sizes", "60", "--seeds", "1", "--tune", "3", "--results", str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    found = rows_in(tmp_path)
    tuned = next(r for r in found if r["key"]["tune"] == 3)
    trials = [r for r in found if r["key"]["tune"] == 0]
    assert tuned["search"]["trials"] <= 3 and tuned["search"]["folds"] == 5
    assert 5 <= len(trials) <= 15 and all(r["quality"]["valid"] for r in trials)
    assert {r["key"]["condition"].get("fold", 0) for r in trials} == {0, 1, 2, 3, 4}
    assert tuned["quality"]["valid"] is None and tuned["search"]["seconds"] > 0
    older = {name: value for name, value in tuned["key"].items() if name != "folds"}
    (path,) = tmp_path.rglob("*.jsonl")
    chosen_by_one = tuned | {"key": older, "id": plan.row_id(older)}
    path.write_text("".join(json.dumps(chosen_by_one if r["id"] == tuned["id"] else r) + "\n" for r in found))
    words = ("-t", "knn", "-d", "iris", "--sizes", "60", "--seeds", "1", "--tune", "3", "--results", str(tmp_path))
    again = [json.loads(eras("run", *words, "--json").stdout)["computed"] for _ in range(2)]
    assert again == [1, 0], "what was chosen in another way is another cell, its trials stand"
    assert eras("verify", "--results", str(tmp_path)).returncode == 0


def test_offers_give_a_training_curve(tmp_path):
    eras(
        "run",
        "-t",
        "mlp",
        "-d",
        "digits",
        "--sizes",
        "200",
        "--seeds",
        "1",
        "--offers",
        "5",
        "--results",
        str(tmp_path),
    )
    (row,) = rows_in(tmp_path)
    assert [p["step"] for p in row["trajectory"]] == sorted(p["step"] for p in row["trajectory"])
    assert len(row["trajectory"]) == 5 and row["trajectory"][-1]["accuracy"] > 0.5


def test_the_clock_may_go_backwards(tmp_path):
    code = (
        "import itertools, sys, time; ticks = itertools.count(2_000_000_000, -1000);"
        "time.time = lambda: float(next(ticks)); real = time.gmtime; time.gmtime = lambda s=None: real(next(ticks));"
        "from harness.cli import main;"
        f"sys.exit(main(['run', '-t', 'selftest.noop', '--cells', '5', '--results', {str(tmp_path)!r}]))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60).returncode == 0
    found = rows_in(tmp_path)
    assert len(found) == 5 and all(r["time"]["total"] > 0 for r in found)

"""Rows survive: torn tails, foreign lines, newer schemas, full disks, several writers, stale claims."""

import json
import multiprocessing
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import machine, store
from harness.catalogue import Mistake
from harness.store import DiskFull, Journal, Store
from tests import rows


def journal(folder: Path, run: str = "20260101T000000-1-aaaa") -> Journal:
    return Journal(folder, "m", run)


def test_rows_come_back_as_they_went(tmp_path):
    one, made = journal(tmp_path), [rows.make(seed=s) for s in range(3)]
    for row in made:
        one.append(row)
    assert Store(tmp_path).rows == {r["id"]: r for r in made}
    one.close()
    assert not list(tmp_path.rglob(".reserve*"))


def test_a_torn_last_line_is_told_and_nothing_else_is_lost(tmp_path):
    one = journal(tmp_path)
    for seed in range(3):
        one.append(rows.make(seed=seed))
    one.path.write_bytes(one.path.read_bytes()[:-40])
    os.utime(one.path, (0, 0))
    found = Store(tmp_path)
    assert len(found.rows) == 2
    assert len(found.told) == 1 and "torn" in found.told[0]


@pytest.mark.parametrize(
    "line, told",
    [
        (b"\x00\xff garbage", "no JSON"),
        (b'{"hello": 1}', "not a row"),
        (b"[1, 2]", "not a row"),
        (json.dumps({**rows.make(), "schema": 99}).encode(), "newer eras (schema 99"),
        (b'{"schema": "1", "id": "x", "key": {}, "status": "ok"}', "newer eras"),
        (b"", "empty"),
    ],
)
def test_a_line_that_is_no_row_is_skipped_and_told(tmp_path, line, told):
    one = journal(tmp_path)
    one.append(rows.make(seed=0))
    with one.path.open("ab") as file:
        file.write(line + b"\n")
    one.append(rows.make(seed=1))
    found = Store(tmp_path)
    assert len(found.rows) == 2 and len(found.told) == 1
    assert told in found.told[0] and "line 2" in found.told[0]


def test_ok_rows_go_before_failures_and_newer_before_older(tmp_path):
    good, bad = rows.make(score=0.9), rows.make(status="timeout", reason="over 2 s")
    one = journal(tmp_path)
    for row in (good, bad):
        one.append(row)
    assert Store(tmp_path).rows[good["id"]]["status"] == "ok"
    again = journal(tmp_path, "20260102T000000-1-aaaa")
    again.append({**good, "reason": "newer"})
    assert Store(tmp_path).rows[good["id"]]["reason"] == "newer"


def test_refresh_reads_only_what_is_new(tmp_path):
    one = journal(tmp_path)
    one.append(rows.make(seed=0))
    found = Store(tmp_path)
    one.append(rows.make(seed=1))
    assert len(found.rows) == 1
    found.refresh()
    assert len(found.rows) == 2


def test_files_merge_by_being_copied_together(tmp_path):
    for name, seed in (("a", 0), ("b", 1)):
        journal(tmp_path / name, f"20260101T000000-{seed}-aaaa").append(rows.make(seed=seed))
    shutil.copytree(tmp_path / "a", tmp_path / "both")
    shutil.copytree(tmp_path / "b", tmp_path / "both", dirs_exist_ok=True)
    assert len(Store(tmp_path / "both").rows) == 2
    assert len(Store(tmp_path / "a", tmp_path / "b").rows) == 2


def test_what_counts_as_final(tmp_path):
    one = journal(tmp_path)
    ids = {}
    for seed, status in enumerate(("ok", "timeout", "oom", "error", "skipped", "unsupported", "diverged")):
        row = rows.make(seed=seed, status=status)
        ids[status] = row["id"]
        one.append(row)
    found = Store(tmp_path)
    assert {s for s, i in ids.items() if found.final(i)} == {"ok", "timeout", "oom", "unsupported", "diverged"}
    assert {s for s, i in ids.items() if found.final(i, retry=("timeout", "oom"))} == {"ok", "unsupported", "diverged"}


def test_a_folder_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(Mistake, match="--results DIR"):
        journal(file)


def small_disk(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


def test_a_full_disk_loses_no_finished_row(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if not small_disk(disk):
        pytest.skip("needs to mount a small disk (root)")
    try:
        one, stored = journal(disk), 0
        with pytest.raises(DiskFull, match="no space left"):
            for seed in range(100_000):
                one.append(rows.make(seed=seed % 60, reason=str(seed)))
                stored += 1
        lines = one.path.read_bytes().split(b"\n")
        assert lines[-1] == b"" and len(lines) - 1 == stored + 1, "the row that met the full disk is stored as well"
        assert all(json.loads(line)["reason"] == str(n) for n, line in enumerate(lines[:-1]))
        one.close()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def claim_many(folder, number, queue, done):
    one = journal(folder, f"20260101T000000-{number}-aaaa")
    queue.put([i for i in range(200) if one.claim(f"cell{i}")])
    done.wait(20)  # a claim of a process that has ended is stale


def test_each_cell_is_claimed_once_by_four_at_a_time(tmp_path):
    queue: multiprocessing.Queue = multiprocessing.Queue()
    done = multiprocessing.Event()
    workers = [multiprocessing.Process(target=claim_many, args=(tmp_path, n, queue, done)) for n in range(4)]
    for worker in workers:
        worker.start()
    claimed = [queue.get(timeout=20) for _ in workers]
    done.set()
    for worker in workers:
        worker.join()
    assert sorted(sum(claimed, [])) == list(range(200))


def test_a_claim_of_the_dead_is_stale_and_of_the_living_is_not(tmp_path):
    one = journal(tmp_path)
    dead = subprocess.Popen(["true"])
    dead.wait()
    boot = machine.boot_id()
    (one.claims / "dead").write_text(f"{dead.pid} 12345 {boot}")
    (one.claims / "recycled").write_text(f"{os.getpid()} 1 {boot}")  # the pid lives, but is another process
    (one.claims / "earlier").write_text(f"{os.getppid()} {machine.process_start(os.getppid())} another-boot")
    (one.claims / "garbage").write_text("\x00")
    (one.claims / "alive").write_text(f"{os.getppid()} {machine.process_start(os.getppid())} {boot}")
    assert [one.claim(name) for name in ("dead", "recycled", "earlier", "garbage", "alive")] == [True] * 4 + [False]


def test_run_ids_differ_even_when_the_clock_stands(monkeypatch):
    monkeypatch.setattr(store.time, "gmtime", lambda: (2026, 1, 1, 0, 0, 0, 3, 1, 0))
    assert len({store.run_id() for _ in range(50)}) == 50

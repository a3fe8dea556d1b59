"""Fingerprint, limits and peaks against psutil, the kernel itself and torch's FLOP counter."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness import machine

MIB = 2**20
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def python(code: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, **options)


# --------------------------------------------------------------------------------------------------------- fingerprint


def test_fingerprint_agrees_with_psutil():
    here = machine.fingerprint()
    assert here["memory"] == psutil.virtual_memory().total
    assert here["cores"] == len(psutil.Process().cpu_affinity())
    assert here["name"].split("-")[-3:-1] == [f"{here['cores']}c", f"{round(here['memory'] / 2**30)}g"]


def test_name_is_the_same_in_another_process_and_survives_a_kernel_update(monkeypatch):
    other = python("from harness import machine; print(machine.fingerprint()['name'])")
    monkeypatch.setattr(machine.platform, "release", lambda: "99.1.2-new")
    monkeypatch.setattr(machine.platform, "node", lambda: "renamed")
    fresh = machine.fingerprint.__wrapped__()
    assert other.stdout.strip() == fresh["name"] == machine.fingerprint()["name"]
    assert fresh["system"].endswith("99.1")


@pytest.mark.parametrize(
    ("function", "value"),
    [("_cpu_model", "Another CPU"), ("_cores", 977), ("_total_memory", 977 * 2**30), ("_gpu_names", ["NVIDIA X"])],
)
def test_name_changes_with_the_hardware(monkeypatch, function, value):
    monkeypatch.setattr(machine, function, lambda: value)
    assert (
        machine.fingerprint.__wrapped__()["name"].rpartition("-")[2] != machine.fingerprint()["name"].rpartition("-")[2]
    )


def test_fingerprint_takes_no_time_to_speak_of():
    def seconds() -> float:
        start = time.perf_counter()
        machine.fingerprint.__wrapped__()
        return time.perf_counter() - start

    assert min(seconds() for _ in range(10)) < 0.1


@pytest.mark.parametrize(
    ("cpu", "slug"),
    [
        ("AMD EPYC 9R14", "epyc"),
        ("Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", "xeon"),
        ("13th Gen Intel(R) Core(TM) i7-1360P", "core"),
        ("AMD Ryzen 7 5800X 8-Core Processor", "ryzen"),
        ("Apple M2", "m2"),
        ("aarch64", "aarch64"),
        ("", "cpu"),
    ],
)
def test_slug(cpu, slug):
    assert machine._slug(cpu) == slug


def test_import_brings_the_standard_library_only():
    done = python(
        "import sys; before = set(sys.modules); import harness.machine, harness.meters;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - sys.stdlib_module_names - {'harness'}))"
    )
    assert done.stdout.strip() == "[]", done.stderr


# ----------------------------------------------------------------------------------------------------------- processes


@linux
def test_process_start_agrees_with_psutil():
    ticks = machine.process_start(os.getpid())
    assert psutil.boot_time() + ticks / os.sysconf("SC_CLK_TCK") == pytest.approx(
        psutil.Process().create_time(), abs=0.05
    )


@linux
def test_process_start_with_brackets_in_the_name(tmp_path):
    odd = tmp_path / "a) R 1 (b"
    shutil.copy(shutil.which("sleep"), odd)
    odd.chmod(0o755)
    with subprocess.Popen([odd, "60"]) as process:
        start = machine.process_start(process.pid)
        process.kill()
    assert start >= machine.process_start(os.getpid())


@linux
def test_a_zombie_is_dead_and_a_reused_number_is_someone_else():
    me = machine.process_start(os.getpid())
    assert machine.is_alive(os.getpid(), me)
    assert not machine.is_alive(os.getpid(), me - 1)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        start = machine.process_start(process.pid)
        assert machine.is_alive(process.pid, start)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has reaped it
        assert not machine.is_alive(process.pid, start)
    assert not machine.is_alive(process.pid, start)


@linux
def test_boot_id_is_that_of_another_process():
    assert machine.boot_id() == python("from harness import machine; print(machine.boot_id())").stdout.strip()
    boot, _, namespace = machine.boot_id().partition(":")
    assert len(boot) == 36 and namespace == os.readlink("/proc/self/ns/pid")


# -------------------------------------------------------------------------------------------------------------- limits


@pytest.fixture
def group():
    made = machine.make_cgroup(f"eras-test-{os.getpid()}", 64 * MIB)
    if made is None:
        pytest.skip(f"no cgroup can be made here: {machine.limits()['reason']}")
    yield made
    made.close()


def take(group: machine.Cgroup, amount: int) -> subprocess.CompletedProcess:
    """A process that joins the group and writes to `amount` bytes."""
    join = "".join(f"open({str(file)!r}, 'w').write(str(__import__('os').getpid()));" for file in [group.procs])
    return python(join + f"held = b'1' * {amount}; from harness import machine; print(machine.memory_available())")


def test_cgroup_kills_what_goes_over_its_limit(group):
    assert take(group, 128 * MIB).returncode == -signal.SIGKILL
    assert group.oom_killed()
    assert group.peak() == pytest.approx(64 * MIB, rel=0.05)


def test_cgroup_lets_live_what_stays_below_and_tells_its_peak(group):
    done = take(group, 32 * MIB)
    assert done.returncode == 0, done.stderr
    assert not group.oom_killed()
    assert 32 * MIB < group.peak() < 64 * MIB
    assert int(done.stdout) < 32 * MIB  # what is left is the group's, not the machine's


def test_cgroup_with_a_living_process_is_not_removed_silently(group):
    with subprocess.Popen(["sleep", "60"]) as process:
        for file in [group.procs]:
            file.write_text(str(process.pid))
        with pytest.raises(OSError):
            group.close(patience=0.05)
        assert group.path.exists()
        process.kill()
    group.close()
    assert not group.path.exists()


def test_limits_leave_nothing_behind_and_name_what_works(group):
    assert machine.limits() == {"memory": f"cgroup{group.version}", "reason": ""}
    assert not list(group.path.parent.glob(f"eras-probe-{os.getpid()}*"))


def test_limits_tell_why_there_is_no_cgroup(monkeypatch):
    monkeypatch.setattr(machine, "_own_cgroups", lambda: iter([(Path("/proc/self"), 1)]))
    found = machine.limits.__wrapped__()
    assert found["memory"] == "rlimit+polling"
    assert "eras-probe" in found["reason"]
    assert machine.make_cgroup("eras-test", MIB) is None


def test_cgroup2_is_sought_where_the_memory_controller_is_handed_down(monkeypatch, tmp_path):
    own = tmp_path / "user" / "app"
    own.mkdir(parents=True)
    (own / "cgroup.subtree_control").write_text("\n")  # a group that holds processes hands nothing down
    (own.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    monkeypatch.setattr(machine, "CGROUP2", tmp_path)
    real = machine._lines
    monkeypatch.setattr(machine, "_lines", lambda p: ["0::/user/app"] if p == "/proc/self/cgroup" else real(p))
    assert list(machine._own_cgroups()) == [(own.parent, 2)]


def test_cgroup2_files(tmp_path):
    group = machine.Cgroup(tmp_path, 2)
    (tmp_path / "memory.swap.max").write_text("max")
    (tmp_path / "memory.events").write_text("low 0\nmax 12\noom 1\noom_kill 0\n")
    group.limit(5 * MIB)
    assert (tmp_path / "memory.max").read_text() == str(5 * MIB)
    assert (tmp_path / "memory.swap.max").read_text() == "0"
    assert group.peak() is None  # Linux before 5.19
    assert not group.oom_killed()
    (tmp_path / "memory.events").write_text("low 0\nmax 12\noom 1\noom_kill 2\n")
    (tmp_path / "memory.peak").write_text("4096\n")
    assert group.oom_killed()
    assert group.peak() == 4096


def test_memory_available_is_near_psutil_and_never_above_the_machine():
    assert machine.memory_available() <= psutil.virtual_memory().available + 256 * MIB
    assert machine.memory_available() > 0


# --------------------------------------------------------------------------------------------------------------- peaks


def test_the_work_that_peaks_divide_by_is_what_torch_counts(monkeypatch):
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    counted = []

    def best(torch, device, call, work):
        with FlopCounterMode(display=False) as counter:
            call()
        counted.append((counter.get_total_flops(), work))
        return work

    monkeypatch.setattr(machine, "_best", best)
    rates = machine._rates(torch, "cpu", n=32, images=2, floats=1000)
    flops = [pair for pair in counted if pair[0]]
    assert set(rates) == {f"{name}_cpu" for name in ("gemm_float32", "gemm_bfloat16", "conv_float32", "bandwidth")}
    assert len(flops) == 3 and all(seen == work for seen, work in flops)
    assert rates["bandwidth_cpu"] == 3 * 4 * 1000


def test_best_is_the_rate_of_the_fastest_repeat():
    rate = machine._best(None, "cpu", lambda: time.sleep(0.01), work=100.0, seconds=0.1)
    assert 100 < rate <= 10_000


@pytest.fixture
def cache(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(machine, "peaks", lambda threads: {"gemm_float32_cpu": 1e9 * threads})
    monkeypatch.setattr(machine, "storage_rate", lambda folder: None)
    return tmp_path / "cache"


def test_storage_is_read_back_from_below_memory(tmp_path, monkeypatch):
    """Every page of the file was dropped when it is read: the kernel counts what it fetched for this process."""
    before = _read_bytes()
    rate = machine.storage_rate(tmp_path, 32 << 20)
    assert rate > 0 and list(tmp_path.iterdir()) == []
    if before is not None and os.statvfs(tmp_path).f_blocks and not _in_memory(tmp_path):
        assert _read_bytes() - before >= 32 << 20
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert machine.storage_rate(tmp_path, 1 << 20) is None and list(tmp_path.iterdir()) == []


def _read_bytes():
    try:
        return int(re.search(r"^read_bytes: (\d+)", Path("/proc/self/io").read_text(), re.M)[1])
    except OSError:
        return None


def _in_memory(folder):
    """On a tmpfs, or an overlay on one, nothing lies below memory."""
    kinds = {line.split()[1]: line.split()[2] for line in Path("/proc/mounts").read_text().splitlines()}
    above = next(str(place) for place in (folder, *folder.parents) if str(place) in kinds)
    return kinds[above] in ("tmpfs", "ramfs", "overlay", "9p", "virtiofs")


def test_peaks_are_kept_by_number_of_threads(cache):
    assert machine.peaks_cached() is None
    machine.measure_and_cache(1)
    machine.measure_and_cache(977)
    assert machine.peaks_cached(1) == {"gemm_float32_cpu": 1e9}
    assert machine.peaks_cached(977) == {"gemm_float32_cpu": 977e9}
    assert [file.name for file in cache.iterdir()] == [f"machine-{machine.fingerprint()['name']}.json"]


@pytest.mark.parametrize("damage", ["", "{", "[1, 2]", '{"1": 3}', "\x00" * 10, " " * 200_000 + "{}", '{"1": {}'])
def test_a_damaged_cache_is_measured_again(cache, damage):
    machine.measure_and_cache(1)
    file = next(cache.iterdir())
    file.write_text(damage)
    assert machine.peaks_cached(1) is None
    assert machine.measure_and_cache(1) == machine.peaks_cached(1) == {"gemm_float32_cpu": 1e9}
    assert list(json.loads(file.read_text())) == ["1"]

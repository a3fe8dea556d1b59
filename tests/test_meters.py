"""Meters against known amounts: bytes that are taken, seconds that are slept, counters that are set."""

import hashlib
import json
import random
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from harness import meters

MIB = 2**20
SLACK = 2 * MIB  # interpreter and page tables
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def fresh(code: str) -> dict:
    """Run in a fresh interpreter with numpy, `take(MiB)` and Phase; its last line of output is JSON."""
    start = "import json, os, sys, resource, subprocess, numpy as np\nfrom harness.meters import Phase\n"
    take = "def take(mib): return np.ones(mib << 20, dtype=np.uint8)\ntake(1)\n"
    done = subprocess.run([sys.executable, "-c", start + take + code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# -------------------------------------------------------------------------------------------------------------- memory


@linux
def test_100_mib_are_100_mib():
    found = fresh("""
with Phase() as phase:
    take(100)
print(json.dumps({**phase.memory(), "anonymous": phase.anonymous()}))""")
    assert found["extra"] == pytest.approx(100 * MIB, abs=SLACK)
    assert found["anonymous"] == pytest.approx(100 * MIB, abs=SLACK)
    assert found["peak"] == found["baseline"] + found["extra"]


@linux
def test_anonymous_leaves_file_pages_out(tmp_path):
    (tmp_path / "library").write_bytes(b"1" * 50 * MIB)
    found = fresh(f"""
with Phase() as phase:
    held = take(20)
    mapped = np.memmap({str(tmp_path / "library")!r}, mode="r")
    mapped[::4096].sum()
print(json.dumps({{**phase.memory(), "anonymous": phase.anonymous()}}))""")
    assert found["extra"] == pytest.approx(70 * MIB, abs=SLACK)
    assert found["anonymous"] == pytest.approx(20 * MIB, abs=SLACK)


@linux
def test_a_phase_does_not_inherit_an_earlier_peak():
    found = fresh("""
with Phase() as first:
    take(150)
with Phase() as second:
    take(30)
print(json.dumps([first.memory()["extra"], second.memory()["extra"]]))""")
    assert found == pytest.approx([150 * MIB, 30 * MIB], abs=SLACK)


@linux
def test_a_child_does_not_inherit_its_parents_peak():
    child = (
        "import json, resource; from harness.meters import Phase\n"
        "with Phase() as phase: held = b'1' * (20 << 20)\n"
        "print(json.dumps([*phase.memory().values(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))"
    )
    peak, _, extra, rusage = fresh(f"""
held = take(300)
child = subprocess.run([sys.executable, "-c", {child!r}], capture_output=True, text=True, check=True)
print(child.stdout.strip())""")
    assert extra == pytest.approx(20 * MIB, abs=SLACK)
    assert peak < 100 * MIB < rusage  # the system's own figure holds the parent's 300 MiB


@linux
def test_a_forked_child_counts_what_it_takes_itself():
    found = fresh("""
held = take(300)
if os.fork() == 0:
    with Phase() as phase:
        take(40)
    print(json.dumps({**phase.memory(), "anonymous": phase.anonymous()}), flush=True)
    os._exit(0)
os.wait()""")
    assert found["anonymous"] == pytest.approx(40 * MIB, abs=SLACK)
    assert 40 * MIB - SLACK <= found["extra"] < 72 * MIB  # library code is mapped anew in a child, page by page


@linux
def test_pause_keeps_the_peak_before_it_and_hides_its_own():
    found = fresh("""
with Phase() as phase:
    take(60)
    with phase.pause():
        take(200)
    take(20)
with Phase() as later:
    with later.pause():
        take(200)
    take(20)
print(json.dumps([phase.memory()["extra"], later.memory()["extra"]]))""")
    assert found == pytest.approx([60 * MIB, 20 * MIB], abs=SLACK)


def test_no_peak_without_clear_refs(monkeypatch, tmp_path):
    monkeypatch.setattr(meters, "CLEAR_REFS", tmp_path / "missing" / "clear_refs")
    with meters.Phase() as phase, phase.pause():
        pass
    assert phase.memory() is None
    assert phase.anonymous() is None
    assert "No such file" in meters.reset_peak()


def test_no_peak_where_the_kernel_keeps_none(monkeypatch, tmp_path):
    monkeypatch.setattr(meters, "CLEAR_REFS", tmp_path / "clear_refs")
    monkeypatch.setattr(meters.tree, "status", lambda: {"VmRSS": 5})
    assert "VmHWM" in meters.reset_peak()


# --------------------------------------------------------------------------------------------------------------- clock


def test_pause_stops_both_clocks():
    with meters.Phase() as phase:
        time.sleep(0.05)
        with phase.pause():
            end = time.process_time() + 0.8
            while time.process_time() < end:
                pass
            assert 0.05 <= phase.wall < 0.8  # up to date while it pauses
        time.sleep(0.05)
    assert 0.1 <= phase.wall < 0.8
    assert phase.cpu < 0.4


def test_cpu_is_the_sum_over_threads():
    spent = []

    def work() -> None:
        start = time.thread_time()
        for _ in range(20):
            hashlib.sha256(bytes(4_000_000)).digest()  # releases the interpreter lock
        spent.append(time.thread_time() - start)

    threads = [threading.Thread(target=work) for _ in range(2)]
    with meters.Clock() as phase:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert phase.cpu == pytest.approx(sum(spent), rel=0.2)
    assert phase.cpu > 1.5 * min(spent)


def test_a_phase_that_raises_is_measured_and_the_error_goes_on():
    with pytest.raises(KeyError), meters.Phase() as phase:
        time.sleep(0.02)
        raise KeyError
    assert phase.wall >= 0.02


# ---------------------------------------------------------------------------------------------------------------- CUDA


class FakeCuda:
    """Counts bytes and calls like torch.cuda; its clock moves only when it is synchronised."""

    def __init__(self) -> None:
        self.calls, self.now, self.peak, self.queued = [], 0, 0, 0.0

    def synchronize(self) -> None:
        self.calls.append("synchronize")
        time.sleep(self.queued)
        self.queued = 0.0

    def reset_peak_memory_stats(self) -> None:
        self.calls.append("reset")
        self.peak = self.now

    def use(self, amount: int) -> None:
        self.peak = max(self.peak, self.now + amount)

    def max_memory_allocated(self) -> int:
        return self.peak

    def max_memory_reserved(self) -> int:
        return 2 * self.peak


@pytest.fixture
def cuda(monkeypatch) -> FakeCuda:
    fake = FakeCuda()
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=fake))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    return fake


def test_cuda_is_synchronised_around_the_phase(cuda):
    cuda.queued = 0.5  # work of before
    with meters.Phase("cuda") as phase:
        cuda.queued = 0.05  # kernels that still run when the Python code is through
    assert 0.05 <= phase.wall < 0.5
    assert cuda.calls[0] == cuda.calls[-1] == "synchronize"
    assert cuda.calls.count("reset") == 1


def test_cuda_peaks_leave_pauses_out(cuda):
    cuda.now = 10
    with meters.Phase("cuda") as phase:
        cuda.use(100)
        with phase.pause():
            cuda.use(900)
        cuda.use(50)
    assert phase.cuda() == {"allocated": 110, "reserved": 220}


def test_a_clock_within_a_phase_is_synchronised_and_resets_no_peak(cuda):
    with meters.Phase("cuda") as phase:
        cuda.use(100)
        with meters.Clock("cuda") as clock:
            cuda.queued = 0.05
    assert clock.wall >= 0.05
    assert phase.cuda() == {"allocated": 100, "reserved": 200}
    assert cuda.calls.count("reset") == 1


def test_no_cuda_numbers_on_the_cpu(cuda):
    with meters.Phase("cpu") as phase:
        cuda.use(100)
    assert phase.cuda() is None
    assert cuda.calls == []


# -------------------------------------------------------------------------------------------------------------- energy


@pytest.fixture
def rapl(monkeypatch, tmp_path):
    """Two packages with a counter from 0 to 999,999 microjoules, and what must not count twice: part and whole."""
    kinds = {"intel-rapl:0": "package-0", "intel-rapl:1": "package-1", "intel-rapl:0:0": "core", "intel-rapl:2": "psys"}
    for name, kind in kinds.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(f"{kind}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("999999\n")
        (tmp_path / name / "energy_uj").write_text("900000\n")
    monkeypatch.setattr(meters, "RAPL", tmp_path)
    monkeypatch.setattr(meters, "ENERGY_SECONDS", 0.0)
    return tmp_path


def test_rapl_adds_packages_and_wraps_around(rapl):
    with meters.Phase() as phase:
        (rapl / "intel-rapl:0" / "energy_uj").write_text("100000\n")  # 200,000 further, past the end
        with phase.pause():
            (rapl / "intel-rapl:0" / "energy_uj").write_text("400000\n")
        (rapl / "intel-rapl:1" / "energy_uj").write_text("950000\n")  # 50,000 further
        (rapl / "intel-rapl:0:0" / "energy_uj").write_text("990000\n")
    assert phase.energy() == {"joules": pytest.approx(0.25), "source": "rapl", "why": ""}


def test_energy_of_a_short_phase_is_null_with_a_reason(rapl, monkeypatch):
    monkeypatch.setattr(meters, "ENERGY_SECONDS", 5.0)
    with meters.Phase() as phase:
        pass
    found = phase.energy()
    assert (found["joules"], found["source"]) == (None, None)
    assert "5 s" in found["why"]


def test_energy_counter_that_cannot_be_read_is_told(rapl):
    (rapl / "intel-rapl:1" / "energy_uj").unlink()
    counter, reason = meters.energy_counter("cpu")
    assert counter is None
    assert "cannot be read" in reason


def test_nvml_counts_millijoules(cuda, monkeypatch):
    used = iter([0, 1000, 5500])  # the trial, the start, the end
    cuda.current_device = lambda: 0
    cuda.get_device_properties = lambda device: SimpleNamespace(uuid="aa-bb")
    nvml = SimpleNamespace(
        NVMLError=RuntimeError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: next(used) if handle == "GPU-aa-bb" else 0,
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(meters, "ENERGY_SECONDS", 0.0)
    with meters.Phase("cuda") as phase:
        pass
    assert phase.energy() == {"joules": pytest.approx(4.5), "source": "nvml", "why": ""}


# ------------------------------------------------------------------------------------------------------- random states


def test_frozen_random_puts_all_states_back():
    torch = pytest.importorskip("torch")

    def draw() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(1))]

    def seed() -> None:
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    seed()
    expected = [draw(), draw()]
    seed()
    first = draw()
    with pytest.raises(KeyError), meters.frozen_random():
        inside = draw()
        raise KeyError
    assert inside == expected[1]  # the block really moves the states
    assert [first, draw()] == expected

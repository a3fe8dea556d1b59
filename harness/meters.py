"""Clock, memory, energy and random states of one phase of a cell.

Standard library at import, and torch is used only where the technique has imported it: measuring must not add to what
is measured. Peak memory is VmHWM, reset per phase through /proc/self/clear_refs: ru_maxrss holds the parent's peak.
"""

import ctypes
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from harness import tree

ENERGY_SECONDS = 5.0  # the counters tick slowly: below this the reading is noise
CLEAR_REFS = Path("/proc/self/clear_refs")
RAPL = Path("/sys/class/powercap")


class Clock:
    """Seconds of a span within a phase, and nothing else: the phase's memory peak is left alone.

    wall     seconds                         cpu      seconds of all threads of this process; child processes not
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.wall = self.cpu = 0.0

    def __enter__(self) -> Self:
        self._torch = sys.modules.get("torch") if self.device == "cuda" else None
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _synchronize(self) -> None:
        if self._torch:
            self._torch.cuda.synchronize()

    def _start(self) -> None:
        self._synchronize()
        self._cpu_from, self._wall_from = time.process_time(), time.perf_counter()

    def _stop(self) -> None:
        self._synchronize()
        self.wall += time.perf_counter() - self._wall_from
        self.cpu += time.process_time() - self._cpu_from


class Phase(Clock):
    """A clock that can pause, and memory and energy of the same span. One phase at a time: it resets the peaks."""

    def __init__(self, device: str = "cpu") -> None:
        super().__init__(device)
        self._before: dict[str, int] = {}  # of /proc/self/status; empty where no peak can be had
        self._after: dict[str, int] = {}
        self._cuda: dict[str, int] | None = None
        self._joules = 0.0

    def __enter__(self) -> Self:
        self._read_joules, self._energy = energy_counter(self.device)  # source, or the reason why there is none
        trim_heap()
        self._before = tree.status() if not reset_peak() else {}
        return super().__enter__()

    def _start(self) -> None:
        if self._torch:
            self._synchronize()
            self._torch.cuda.reset_peak_memory_stats()
        if self._read_joules:
            self._joules -= self._read_joules()
        super()._start()

    def _stop(self) -> None:
        super()._stop()
        if self._read_joules:
            self._joules += self._read_joules()
        if self._before:
            self._after = _larger(tree.status(), self._after)
        if self._torch:
            cuda = self._torch.cuda
            now = {"allocated": cuda.max_memory_allocated(), "reserved": cuda.max_memory_reserved()}
            self._cuda = _larger(now, self._cuda or {})

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Neither time nor memory nor energy of this block counts; the peak reached before it is kept."""
        self._stop()
        try:
            yield
        finally:
            if self._before:
                trim_heap()
                reset_peak()
            self._start()

    def memory(self) -> dict[str, int] | None:
        """{"peak", "baseline", "extra"} in bytes: resident at most, before, and the difference. None: see `doctor`."""
        if not self._before:
            return None
        peak, baseline = self._after["VmHWM"], self._before["VmRSS"]
        return {"peak": peak, "baseline": baseline, "extra": max(0, peak - baseline)}

    def anonymous(self) -> int | None:
        """Bytes of `extra` without the file pages (library code, mostly) that came in: what the program itself took."""
        found = self.memory()
        if found is None:
            return None
        return max(0, found["extra"] - max(0, self._after["RssFile"] - self._before["RssFile"]))

    def cuda(self) -> dict[str, int] | None:
        """{"allocated", "reserved"} in bytes at most, by torch's allocator; None on the CPU and without torch."""
        return self._cuda

    def energy(self) -> dict[str, Any]:
        """{"joules", "source", "why"}: the first two None, with the reason in the third, where nothing can be read."""
        if self._read_joules is None:
            return {"joules": None, "source": None, "why": self._energy}
        if self.wall < ENERGY_SECONDS:
            why = f"shorter than {ENERGY_SECONDS:g} s, which the counter ({self._energy}) needs"
            return {"joules": None, "source": None, "why": why}
        return {"joules": self._joules, "source": self._energy, "why": ""}


def _larger(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: max(amount, before.get(name, 0)) for name, amount in now.items()}


def reset_peak() -> str:
    """Set VmHWM of this process to what is resident now. Returns "" or the reason why that cannot be done here."""
    try:
        CLEAR_REFS.write_text("5")
    except OSError as error:
        return f"{CLEAR_REFS} cannot be written: {error.strerror}"
    return "" if "VmHWM" in tree.status() else "/proc/self/status tells no VmHWM"


def trim_heap() -> None:
    """Give freed heap back to the system, so that what an earlier phase freed is not counted as this one's own."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None  # glibc only
    if trim:
        trim(0)


# -------------------------------------------------------------------------------------------------------------- energy


def energy_counter(device: str = "cpu") -> tuple[Callable[[], float] | None, str]:
    """A function that reads joules used so far and its source, or None and the reason why there is none."""
    return _nvml_counter() if device == "cuda" else _rapl_counter()


def _rapl_counter() -> tuple[Callable[[], float] | None, str]:
    packages = sorted(folder for folder in RAPL.glob("intel-rapl:*") if _is_package(folder))
    if not packages:
        return None, "no CPU energy counter (RAPL) on this machine"
    try:
        ranges = {folder / "energy_uj": int((folder / "max_energy_range_uj").read_text()) for folder in packages}
        last = {file: int(file.read_text()) for file in ranges}
    except OSError as error:
        return None, f"the CPU energy counter (RAPL) cannot be read: {error}"
    total = 0

    def read() -> float:
        nonlocal total
        for file, span in ranges.items():
            now = int(file.read_text())
            total += (now - last[file]) % (span + 1)  # the counter wraps around
            last[file] = now
        return total / 1e6

    return read, "rapl"


def _is_package(folder: Path) -> bool:
    """A processor package; its parts, and "psys", which holds it again, are left out."""
    try:
        return (folder / "name").read_text().startswith("package")
    except OSError:
        return False


def _nvml_counter() -> tuple[Callable[[], float] | None, str]:
    try:
        import pynvml
    except ImportError:
        return None, "nvidia-ml-py is not installed, so the GPU's energy counter cannot be read"
    torch = sys.modules.get("torch")
    try:
        pynvml.nvmlInit()
        uuid = str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid) if torch else None
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}") if uuid else pynvml.nvmlDeviceGetHandleByIndex(0)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except pynvml.NVMLError as error:
        return None, f"the GPU tells no energy: {error}"
    return lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3, "nvml"


# ------------------------------------------------------------------------------------------------------- random states


@contextmanager
def frozen_random() -> Iterator[None]:
    """Put all random states back afterwards: Python's, and numpy's and torch's where these are imported."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    cuda = torch.cuda if torch is not None and torch.cuda.is_initialized() else None
    python_state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy is not None else None
    torch_state = torch.get_rng_state() if torch is not None else None
    cuda_states = cuda.get_rng_state_all() if cuda is not None else None
    try:
        yield
    finally:
        random.setstate(python_state)
        if numpy is not None:
            numpy.random.set_state(numpy_state)
        if torch is not None:
            torch.set_rng_state(torch_state)
        if cuda is not None:
            cuda.set_rng_state_all(cuda_states)

"""What machine this is, what it can do at best, and how memory limits are enforced on it.

Linux is measured; elsewhere a fact that cannot be had is None. Standard library at import: the parent uses this page.
"""

import contextlib
import hashlib
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

GIB = 2**30
CGROUP1 = Path("/sys/fs/cgroup/memory")
CGROUP2 = Path("/sys/fs/cgroup")
CACHE_BYTES = 100_000  # a cache file larger than this is none of ours


# --------------------------------------------------------------------------------------------------------- fingerprint


def bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 by itself (AVX-512 or AMX; Linux tells): else it is no faster."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in text or "amx_bf16" in text


@lru_cache(maxsize=1)
def fingerprint() -> dict[str, Any]:
    """The stable facts of this machine, and a short name made of them.

    Neither host name nor kernel version is part of the name: an update makes no new machine. Cores are those that the
    process may use, so ask in the parent: a pinned child would see another machine.
    """
    cpu, gpu, memory = _cpu_model(), _gpu_names(), _total_memory()
    cores, gib = _cores(), round((memory or 0) / GIB)
    facts = [cpu, cores, gib, platform.machine(), platform.system(), gpu]
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:6]
    return {
        "name": f"{_slug(cpu)}-{cores}c-{gib}g-{digest}",
        "cpu": cpu,
        "cores": cores,
        "memory": memory,
        "gpu": gpu,
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": platform.python_version(),
    }


def _cpu_model() -> str:
    if sys.platform == "linux":
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:  # line by line: long on many cores
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
        return platform.machine()
    return platform.processor() or platform.machine()


def _slug(cpu: str) -> str:
    """The first word that tells CPU families apart: epyc, xeon, core, m2."""
    noise = r"\((r|tm)\)|\d+th gen|\b(amd|intel|apple|genuine|cpu|processor)\b|@.*"
    words = re.findall(r"[a-z0-9-]+", re.sub(noise, " ", cpu.lower()))
    return words[0] if words else "cpu"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _total_memory() -> int | None:
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _gpu_names() -> list[str] | None:
    """Models of the NVIDIA cards that the driver lists. Asking the driver's tools would take a second and a context."""
    files = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    found = [re.search(r"^Model:\s*(.+)$", file.read_text(), re.MULTILINE) for file in files]
    return [match[1].strip() for match in found if match] or None


def reference(loops: int = 15_000) -> float:
    """CPU seconds of a fixed piece of work, about a millisecond, at its best of three: how fast a core is just now."""
    found = []
    for _ in range(3):
        begun = time.process_time()
        value = 1
        for k in range(loops):
            value = (value * 31 + k) % 1_000_003
        found.append(time.process_time() - begun)
    return min(found)


def boot_id() -> str:
    """Where a process number means something: this start of the machine, and this process namespace (container)."""
    file, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    boot = file.read_text().strip() if file.exists() else "unknown"
    return f"{boot}:{os.readlink(namespace) if namespace.exists() else ''}"


def process_start(pid: int) -> int | None:
    """When the process began, in clock ticks since boot; None when it is gone (a zombie is gone) or not to be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    state, *fields = stat.rpartition(b")")[2].split()  # the name before it may hold spaces and brackets
    return None if state in (b"Z", b"X") else int(fields[18])


def is_alive(pid: int, start: int | None) -> bool:
    """Whether the process that had this number and this start still runs; a reused number has another start."""
    if Path("/proc/self/stat").exists():
        now = process_start(pid)
        return now is not None and start in (None, now)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


# -------------------------------------------------------------------------------------------------------------- limits


class Cgroup:
    """One memory cgroup of our own, below the one that this process is in.

    path      its folder             procs   the file to write a process number into (its later children follow)
    version   1 or 2
    """

    def __init__(self, path: Path, version: int) -> None:
        self.path, self.version, self.procs = path, version, path / "cgroup.procs"
        self.held = self.kills = 0  # bytes in it, and processes killed for memory, when it was last lent

    def lend(self, limit_bytes: int) -> None:
        """One more use: from now on it may grow by so much, and `peak` and `oom_killed` count from here."""
        self.held, self.kills = self._usage(), self._oom_kills()
        self.limit(self.held + limit_bytes)
        if self.version == 1:
            (self.path / "memory.max_usage_in_bytes").write_text("0")

    def limit(self, limit_bytes: int) -> None:
        """Set the limit, swap included where the kernel counts it. Raises OSError where that is not allowed."""
        if self.version == 2:
            (self.path / "memory.max").write_text(str(limit_bytes))
            if (swap := self.path / "memory.swap.max").exists():
                swap.write_text("0")
            return
        memory, both = self.path / "memory.limit_in_bytes", self.path / "memory.memsw.limit_in_bytes"
        files = [file for file in (memory, both) if file.exists()]
        rises = limit_bytes > (_number(memory) or 0)
        for file in reversed(files) if rises else files:  # memory must never be above memory and swap
            file.write_text(str(limit_bytes))

    def _usage(self) -> int:
        return _number(self.path / ("memory.current" if self.version == 2 else "memory.usage_in_bytes")) or 0

    def _oom_kills(self) -> int:
        return _counters(self.path / ("memory.events" if self.version == 2 else "memory.oom_control")).get(
            "oom_kill", 0
        )

    def peak(self) -> int | None:
        """Highest growth in bytes: page cache and kernel memory included. None under v2, whose peak cannot be reset
        for a second use (before Linux 6.12)."""
        if self.version == 2 and self.held:
            return None
        most = _number(self.path / ("memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"))
        return None if most is None else max(0, most - self.held)

    def oom_killed(self) -> bool:
        """Whether the kernel killed a process of this group for memory."""
        return self._oom_kills() > self.kills

    def close(self, patience: float = 2.0) -> None:
        """Remove the folder; the kernel refuses while a process in it still ends. Raises OSError after `patience` s."""
        deadline = time.monotonic() + patience
        while self.path.exists():
            try:
                self.path.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


def make_cgroup(name: str, limit_bytes: int) -> Cgroup | None:
    """A new memory cgroup with this limit, or None where this process may not make one (`limits` tells the reason)."""
    try:
        return _make_cgroup(name, limit_bytes)
    except OSError:
        return None


def _make_cgroup(name: str, limit_bytes: int) -> Cgroup:
    if os.environ.get("ERAS_NO_CGROUP"):
        raise OSError("ERAS_NO_CGROUP is set")
    refusal = OSError("this process is in no memory cgroup that may have children")
    for folder, version in _own_cgroups():
        group = Cgroup(folder / name, version)
        try:
            group.path.mkdir()
        except OSError as error:
            refusal = error
            continue
        try:
            group.limit(limit_bytes)
            return group
        except OSError as error:
            refusal = error
            group.close()
    raise refusal


def _own_cgroups() -> Iterator[tuple[Path, int]]:
    """Folders in which a child group could be made: this process's own; under v2 also the one above it, since a v2
    group that holds processes gives its children no controllers."""
    for line in _lines("/proc/self/cgroup"):
        _, controllers, own = line.split(":", 2)
        if "memory" in controllers.split(","):
            yield _mounted(CGROUP1, own), 1
        elif not controllers:
            folder = _mounted(CGROUP2, own)
            for candidate in (folder, folder.parent):
                if "memory" in " ".join(_lines(candidate / "cgroup.subtree_control")).split():
                    yield candidate, 2


def _mounted(mount: Path, own: str) -> Path:
    """Where a group lies: in a container the path told may be the host's, and the mount itself is the group."""
    folder = mount / own.lstrip("/")
    return folder if folder.is_dir() else mount


def sweep_cgroups() -> None:
    """Remove the groups that dead runs of this machine left; one that still holds a process stays."""
    for folder, _ in _own_cgroups():
        for group in folder.glob("eras-*-*"):
            pid = group.name.split("-")[1]
            if pid.isdigit() and not is_alive(int(pid), None):
                with contextlib.suppress(OSError):
                    group.rmdir()


def oom_kills() -> int:
    """How many processes the kernel has killed for memory since boot."""
    return _counters(Path("/proc/vmstat")).get("oom_kill", 0)


@lru_cache(maxsize=1)
def limits() -> dict[str, str]:
    """How a memory limit is enforced here: {"memory": "cgroup1" | "cgroup2" | "rlimit+polling", "reason": why no
    cgroup}. Really makes a cgroup, and removes it."""
    try:
        group = _make_cgroup(f"eras-probe-{os.getpid()}", GIB)
    except OSError as error:
        return {"memory": "rlimit+polling", "reason": f"no cgroup of our own: {error}"}
    group.close()
    return {"memory": f"cgroup{group.version}", "reason": ""}


def memory_available() -> int:
    """Bytes that this process could still take without swapping: MemAvailable, and what its cgroups leave."""
    meminfo = _counters(Path("/proc/meminfo"))
    if "MemAvailable:" not in meminfo:
        import psutil

        return psutil.virtual_memory().available
    return max(0, min([meminfo["MemAvailable:"] * 1024, *_cgroup_rooms()]))


def _cgroup_rooms() -> Iterator[int]:
    """Room left in each memory cgroup of this process, up to the mount; page cache that can be dropped is room."""
    for line in _lines("/proc/self/cgroup"):
        _, controllers, own = line.split(":", 2)
        if "memory" in controllers.split(","):
            mount, most, now, cache = CGROUP1, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        elif not controllers:
            mount, most, now, cache = CGROUP2, "memory.max", "memory.current", "inactive_file"
        else:
            continue
        folder = _mounted(mount, own)
        while folder.is_relative_to(mount):
            limit, used = _number(folder / most), _number(folder / now)
            if limit is not None and used is not None:
                yield limit - used + _counters(folder / "memory.stat").get(cache, 0)
            folder = folder.parent


def _lines(path: str | Path) -> list[str]:
    """Lines of a kernel file; none where it does not exist or may not be read."""
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _counters(path: Path) -> dict[str, int]:
    """Lines of the form "name number ..." as a dict."""
    pairs = (line.split() for line in _lines(path))
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) > 1 and pair[1].isdigit()}


# --------------------------------------------------------------------------------------------------------------- peaks


def peaks(threads: int) -> dict[str, float]:
    """Best rates seen here in about 4 seconds, by name.

    FLOP/s of gemm_float32_cpu, gemm_bfloat16_cpu and conv_float32_cpu, bytes/s of bandwidth_cpu (STREAM triad: two
    arrays read, one written); with a CUDA device the same with _cuda, and gemm_tfloat32_cuda.
    """
    import torch

    before, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(threads)
    try:
        rates = _rates(torch, "cpu", n=1024, images=8, floats=32 * 2**20)
        if torch.cuda.is_available():
            rates |= _rates(torch, "cuda", n=8192, images=256, floats=256 * 2**20)
    finally:
        torch.set_num_threads(before)
        torch.set_float32_matmul_precision(precision)
    return rates


def storage_rate(folder: Path, size: int = 256 << 20) -> float | None:
    """Bytes/s at which a file that was just written there is read back, once its pages were dropped from memory.

    What lies below (a host's cache, a disk's own) is not ours to drop. None where pages cannot be dropped.
    """
    if not hasattr(os, "posix_fadvise"):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path, block = folder / f"storage-{os.getpid()}.part", os.urandom(1 << 20)
    try:
        with path.open("wb") as file:
            for _ in range(size >> 20):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        begun = time.perf_counter()
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 22):
                pass
        return size / (time.perf_counter() - begun)
    except OSError:  # no room: the other rates are still good
        return None
    finally:
        path.unlink(missing_ok=True)


def _rates(torch: Any, device: str, n: int, images: int, floats: int) -> dict[str, float]:
    def product(a: Any, b: Any, precision: str = "highest") -> float:
        torch.set_float32_matmul_precision(precision)
        return _best(torch, device, lambda: a @ b, 2 * n**3)

    a, b = torch.rand(2, n, n, device=device)
    rates = {"gemm_float32": product(a, b), "gemm_bfloat16": product(a.bfloat16(), b.bfloat16())}
    if device == "cuda":
        rates["gemm_tfloat32"] = product(a, b, "high")
    x, kernel = torch.rand(images, 128, 28, 28, device=device), torch.rand(128, 128, 3, 3, device=device)
    flops = 2 * images * 128 * 128 * 9 * 28 * 28
    rates["conv_float32"] = _best(torch, device, lambda: torch.conv2d(x, kernel, padding=1), flops)
    target, left, right = torch.rand(3, floats, device=device)
    rates["bandwidth"] = _best(torch, device, lambda: torch.add(left, right, alpha=3.0, out=target), 12 * floats)
    return {f"{name}_{device}": rate for name, rate in rates.items()}


def _best(torch: Any, device: str, call: Callable[[], Any], work: float, seconds: float = 0.5) -> float:
    """Highest rate in `work` per second over repeats; the first call warms up."""
    call()
    fastest, deadline = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        fastest = min(fastest, time.perf_counter() - start)
    return work / fastest


def _cache_file() -> Path:
    folder = Path(os.environ.get("ERAS_CACHE") or Path.home() / ".cache" / "eras")
    return folder / f"machine-{fingerprint()['name']}.json"


def _cached() -> dict[str, Any]:
    """All measurements of this machine by number of threads; a damaged file counts as none: it is measured again."""
    file = _cache_file()
    try:
        found = json.loads(file.read_text()) if file.stat().st_size <= CACHE_BYTES else None
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(entry, dict) for entry in found.values()) else {}


def peaks_cached(threads: int | None = None) -> dict[str, float] | None:
    """What `peaks` measured here for this number of threads (None: all cores), or None if it has not been measured."""
    return _cached().get(str(threads or _cores()))


def measure_and_cache(threads: int | None = None) -> dict[str, float]:
    """Measure the peaks, about 4 seconds, and keep them under $ERAS_CACHE or ~/.cache/eras."""
    threads = threads or _cores()
    file = _cache_file()
    read = storage_rate(file.parent)
    found = _cached() | {str(threads): peaks(threads) | ({"storage": read} if read else {})}
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(found, indent=1))
    part.replace(file)
    return found[str(threads)]

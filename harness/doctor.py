"""What `eras doctor` tells: this machine, what can be measured on it, and what is missing."""

import ctypes.util
import os
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness import machine, meters, rungs

LIBRARIES = (
    *("torch", "numpy", "scipy", "scikit-learn", "pandas", "lightgbm", "gymnasium", "ale-py", "seaborn", "pyarrow"),
    *("pooch", "psutil", "rich", "Jinja2", "nvidia-ml-py", "ray", "playwright"),
)


def report(measure: bool = False) -> dict[str, Any]:
    """The facts as plain JSON types. `measure`: measure the peaks first (about 4 seconds) and keep them."""
    counter, energy = meters.energy_counter("cuda" if machine.fingerprint()["gpu"] else "cpu")
    return {
        "machine": machine.fingerprint(),
        "memory_available": machine.memory_available(),
        "limits": machine.limits(),
        "peak_memory": {"measured": not (refusal := meters.reset_peak()), "reason": refusal},
        "energy": {"source": energy if counter else None, "reason": "" if counter else energy},
        "libraries": {name: _version(name) for name in LIBRARIES},
        "libgomp": _libgomp(),
        "data": [_folder(Path(name)) for name in os.environ.get("ERAS_DATA", "").split(os.pathsep) if name],
        "disk_free": shutil.disk_usage(Path.cwd()).free,
        "peaks": machine.measure_and_cache() if measure else machine.peaks_cached(),
        "decade": rungs.places(),
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _libgomp() -> dict[str, Any]:
    """Where LightGBM finds the OpenMP library that it needs: the system's, else the copy that torch brings."""
    if sys.platform != "linux":
        return {"source": None, "reason": "needed on Linux only"}
    if found := ctypes.util.find_library("gomp"):
        return {"source": f"system ({found})", "reason": ""}
    spec = find_spec("torch")  # finds the folder without importing torch
    folders = [Path(folder, "lib") for folder in (spec.submodule_search_locations or [])] if spec else []
    for copy in (file for folder in folders for file in folder.glob("libgomp*.so*")):
        return {"source": f"torch's copy ({copy.name})", "reason": ""}
    return {"source": None, "reason": "neither the system nor torch has it, so LightGBM cannot load: install libgomp1"}


def _folder(folder: Path) -> dict[str, Any]:
    exists = folder.is_dir()
    return {"folder": str(folder), "exists": exists, "entries": sum(1 for _ in folder.iterdir()) if exists else 0}


def lines(found: dict[str, Any]) -> list[str]:
    """The same facts for a reader: one line each."""
    here, limit, memory = found["machine"], found["limits"], found["peak_memory"]
    table = [
        ("machine", f"{here['name']}  ({here['system']}, Python {here['python']})"),
        ("processor", f"{here['cpu']}, {here['cores']} cores"),
        ("memory", f"{_gigabytes(here['memory'])}, {_gigabytes(found['memory_available'])} available"),
        ("disk", f"{_gigabytes(found['disk_free'])} free here"),
        ("GPU", ", ".join(here["gpu"] or ["none"])),
        ("memory limits", limit["memory"] + (f"  ({limit['reason']})" if limit["reason"] else "")),
        ("peak memory", "VmHWM, reset per phase" if memory["measured"] else f"not measured: {memory['reason']}"),
        ("energy", found["energy"]["source"] or f"not measured: {found['energy']['reason']}"),
        ("libgomp", found["libgomp"]["source"] or found["libgomp"]["reason"]),
        ("libraries", ", ".join(f"{name} {version}" for name, version in found["libraries"].items() if version)),
        ("not installed", ", ".join(name for name, version in found["libraries"].items() if not version) or "nothing"),
        *[("ERAS_DATA", _data_line(entry)) for entry in found["data"] or [None]],
        *[("peak " + name.replace("_", " "), _rate(name, rate)) for name, rate in (found["peaks"] or {}).items()],
        *([] if found["peaks"] else [("peaks", "not measured yet: eras doctor --measure")]),
        ("its decade", "; ".join(_year(place) for place in found["decade"])),
    ]
    return [f"{name:<22} {text}" for name, text in table]


def _year(place: dict[str, Any]) -> str:
    """Where one of this machine's figures lies in table 1.5.1, as printed."""
    year = place["years"]["printed"]
    return f"{place['what'].replace('_', ' ')} {f'{year:.1f}' if year else 'outside the table'}"


def _gigabytes(amount: int | None) -> str:
    return "unknown" if amount is None else f"{amount / 1e9:.1f} GB"


def _data_line(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return "not set: datasets are the embedded and the downloaded ones"
    return f"{entry['folder']}, {entry['entries']} entries" if entry["exists"] else f"{entry['folder']} does not exist"


def _rate(name: str, rate: float) -> str:
    unit = "GB/s" if name.startswith(("bandwidth", "storage")) else "GFLOP/s"
    return f"{rate / 1e9:,.{0 if rate >= 1e10 else 1}f} {unit}"

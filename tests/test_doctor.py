"""What the doctor says, against the libraries themselves and against missing parts."""

import json
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy
import pytest
import sklearn

from harness import doctor, machine, meters


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))


def line(found: dict, name: str) -> str:
    return next(text for text in doctor.lines(found) if text.startswith(name))


def test_report_is_json_and_tells_the_versions_that_are_imported():
    found = json.loads(json.dumps(doctor.report()))
    modules = {"numpy": numpy, "scikit-learn": sklearn, "lightgbm": lightgbm}
    assert {name: found["libraries"][name] for name in modules} == {n: m.__version__ for n, m in modules.items()}
    assert found["machine"] == machine.fingerprint()
    assert found["peaks"] is None
    assert "--measure" in line(found, "peaks")


def test_nothing_heavy_is_imported():
    code = "import sys; from harness import doctor; doctor.report(); print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr


def test_measure_measures_and_keeps(monkeypatch):
    monkeypatch.setattr(machine, "peaks", lambda threads: {"gemm_float32_cpu": 123e9, "bandwidth_cpu": 45e9})
    monkeypatch.setattr(machine, "storage_rate", lambda folder: 2.5e9)
    doctor.report(measure=True)
    found = doctor.report()
    assert "123 GFLOP/s" in line(found, "peak gemm float32")
    assert "45 GB/s" in line(found, "peak bandwidth")
    assert "2.5 GB/s" in line(found, "peak storage")


def test_data_folders(monkeypatch, tmp_path):
    (tmp_path / "iris").mkdir()
    monkeypatch.setenv("ERAS_DATA", f"{tmp_path}:{tmp_path / 'nowhere'}")
    found = doctor.report()
    assert [(entry["exists"], entry["entries"]) for entry in found["data"]] == [(True, 1), (False, 0)]
    told = [text for text in doctor.lines(found) if text.startswith("ERAS_DATA")]
    assert "1 entries" in told[0] and "nowhere does not exist" in told[1]


@pytest.mark.skipif(sys.platform != "linux", reason="libgomp is asked for on Linux only")
def test_libgomp_falls_back_to_torchs_copy_and_then_to_advice(monkeypatch):
    monkeypatch.setattr(doctor.ctypes.util, "find_library", lambda name: None)
    copy = doctor._libgomp()["source"]
    import torch

    folder = Path(torch.__file__).parent / "lib"
    assert copy.removeprefix("torch's copy (").removesuffix(")") in {file.name for file in folder.glob("libgomp*")}
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert doctor._libgomp()["source"] is None
    assert "install libgomp1" in line(doctor.report(), "libgomp")


def test_what_cannot_be_measured_is_told_with_its_reason(monkeypatch, tmp_path):
    monkeypatch.setattr(meters, "CLEAR_REFS", tmp_path / "missing" / "clear_refs")
    monkeypatch.setattr(meters, "RAPL", tmp_path)
    monkeypatch.setattr(machine, "limits", lambda: {"memory": "rlimit+polling", "reason": "read-only"})
    found = doctor.report()
    assert "cannot be written" in line(found, "peak memory")
    assert line(found, "memory limits").endswith("rlimit+polling  (read-only)")
    assert found["energy"]["source"] is None or found["machine"]["gpu"]
    assert found["energy"]["reason"] or found["machine"]["gpu"]

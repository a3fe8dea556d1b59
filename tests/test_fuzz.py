"""Every loader against damage to its files: ten kinds each time, two hundred cases under `tox -e fuzz`."""

import importlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from harness import files, machine
from tests import fuzz

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120  # seconds for one load of damaged files, on a machine that does other things too
FILES = [
    path.stem
    for path in sorted((ROOT / "harness" / "datasets").glob("[a-z]*.py"))
    if importlib.import_module(f"harness.datasets.{path.stem}").DATASET.files
]


def here(name):
    card = importlib.import_module(f"harness.datasets.{name}").DATASET
    return files.here(name, card.files, card.folder)


def outcomes(module, name, first, last):
    """One outcome for each number; a load that crashed or hung is a wrong one, and the rest are run without it."""
    found = []
    while first < last:
        command = [sys.executable, "-m", module, name, str(first), str(last)]
        try:
            text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE * (last - first))
            ended, lines, said = f"exit code {text.returncode}", text.stdout, text.stderr
        except subprocess.TimeoutExpired as late:
            ended, lines, said = "no end", (late.stdout or b"").decode(), ""
        told = [json.loads(line) for line in lines.splitlines()]
        found += [one for one in told if "what" in one]
        first = found[-1]["number"] + 1 if found else first
        if first < last:
            assert told, f"{name} could not be loaded undamaged: {said[-500:]}"
            found.append({**told[-1], "number": first, "what": "wrong", "why": f"{ended} {said[-200:]}"})
            first += 1
    return found


def check(found, count, least=0.5):
    wrong = [f"{o['number']} ({o['kind']} of {o['file']}): {o['why']}" for o in found if o["what"] == "wrong"]
    assert not wrong, "\n".join(wrong)
    assert len(found) == count and sum(o["what"] == "refused" for o in found) >= least * count


@pytest.mark.parametrize("name", FILES)
def test_ten_damages_are_told_or_harmless(name):
    if not here(name):
        pytest.skip(f"the files of {name} are not here")
    check(outcomes("tests.fuzz", name, 0, 10), 10)


@pytest.mark.parametrize("suffix", fuzz.OWN)
def test_ten_damages_to_a_file_of_the_users_are_told_or_harmless(suffix):
    check(outcomes("tests.fuzz", f"own{suffix}", 0, 10), 10, least=0.3)


@pytest.mark.fuzz
@pytest.mark.parametrize("suffix", fuzz.OWN)
def test_two_hundred_damages_to_a_file_of_the_users_are_told_or_harmless(suffix):
    found = outcomes("tests.fuzz", f"own{suffix}", 0, 200)
    record("files of the user's", suffix, found)
    check(found, 200, least=0.1)


@pytest.mark.fuzz
@pytest.mark.parametrize("name", FILES)
def test_two_hundred_damages_are_told_or_harmless(name):
    if not here(name):
        pytest.skip(f"the files of {name} are not here")
    found = outcomes("tests.fuzz", name, 0, 200)
    record("datasets", name, found)
    check(found, 200)


def record(group, name, found):
    """A line of results/<machine>/fuzz.json: how many of each kind of damage were refused, harmless or wrong."""
    path = Path(os.environ.get("ERAS_FUZZ", ROOT / "results" / machine.fingerprint()["name"] / "fuzz.json"))
    path.parent.mkdir(parents=True, exist_ok=True)
    table = json.loads(path.read_text()) if path.is_file() else {}
    kinds = {kind: dict(Counter(o["what"] for o in found if o["kind"] == kind)) for kind in {o["kind"] for o in found}}
    whats = Counter(o["what"] for o in found)
    table.setdefault(group, {})[name] = {
        "damages": len(found),
        **{what: whats[what] for what in ("refused", "full", "wrong")},
        "slowest_seconds": max(o.get("seconds", PATIENCE) for o in found),
        "most_bytes": max(o.get("bytes", 0) for o in found),
        "kinds": dict(sorted(kinds.items())),
    }
    path.write_text(json.dumps({k: dict(sorted(v.items())) for k, v in sorted(table.items())}, indent=1) + "\n")

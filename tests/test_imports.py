"""The arrows that must never exist between the parts of the house, read with `ast`, and what an import may cost."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "numpy", "pandas", "sklearn", "lightgbm", "matplotlib", "seaborn", "scipy"}


def imports(path: Path, top_only: bool = False) -> set[str]:
    """Modules that a file imports, with the names taken from `harness` itself spelled out."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module in ("harness", "baselines", "deep_models")
            found |= {f"{node.module}.{alias.name}" for alias in node.names} if whole else {node.module}
    return found


def files(*folders: str) -> list[Path]:
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py"))


def ours(found: set[str]) -> set[str]:
    return {m for m in found if m.split(".")[0] in ("harness", "baselines", "deep_models")}


@pytest.mark.parametrize("path", files("harness"), ids=lambda p: p.stem)
def test_the_engine_knows_no_technique(path):
    assert not {m for m in imports(path) if m.startswith(("baselines", "deep_models"))}


SELF = {True: [], False: []}  # self-tests: whether a file is a dataset
for one in files("harness/selftest"):
    SELF["DATASET = " in one.read_text()].append(one)


@pytest.mark.parametrize("path", [*files("baselines", "deep_models"), *SELF[False]], ids=lambda p: p.stem)
def test_a_technique_knows_the_contract_and_the_feed_only(path):
    assert ours(imports(path)) <= {"harness.contract", "harness.feed"}


@pytest.mark.parametrize("path", [*files("harness/tasks", "harness/datasets"), *SELF[True]], ids=lambda p: p.stem)
def test_tasks_and_datasets_do_not_know_the_runner(path):
    allowed = {"harness.contract", "harness.split", "harness.files", "harness.formats", "harness.go"}
    assert ours(imports(path)) <= allowed


@pytest.mark.parametrize("name", ["stats", "fits", "search", "published"])
def test_pure_functions_know_nobody(name):
    assert not ours(imports(ROOT / "harness" / f"{name}.py"))


@pytest.mark.parametrize(
    "path", [ROOT / "harness" / "analyse.py", *files("harness/scale", "harness/report")], ids=lambda p: p.stem
)
def test_a_report_is_made_from_rows_alone(path):
    found = imports(path)
    assert not {m for m in found if m.split(".")[0] in ("torch", "sklearn", "lightgbm")}
    assert not {m for m in ours(found) if m.startswith(("harness.tasks", "harness.datasets", "harness.catalogue"))}


@pytest.mark.parametrize(
    "module", ["contract", "catalogue", "plan", "run", "cli", "commands", "keeping", "store", "isolate", "server"]
)
def test_the_parent_stays_light(module):
    code = f"import sys, harness.{module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert out.strip() == ""


def test_the_contract_needs_the_standard_library_only():
    assert not ours(imports(ROOT / "harness" / "contract.py"))
    assert {m.split(".")[0] for m in imports(ROOT / "harness" / "contract.py")} <= set(sys.stdlib_module_names)


def test_the_rule_catches_a_planted_import(tmp_path):
    planted = tmp_path / "planted.py"
    planted.write_text("def fit():\n    from harness import run\n    import baselines.knn\n")
    assert ours(imports(planted)) == {"harness.run", "baselines.knn"}

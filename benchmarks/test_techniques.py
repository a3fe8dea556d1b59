"""How long one small fit (ten steps, where a technique learns in steps) and one answer of every technique take.

Run with `python -m pytest benchmarks/test_techniques.py`.
"""

import importlib.util
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from harness.contract import Budget, Examples, Run

ROOT = Path(__file__).parent.parent
FILES = {path.stem: path for folder in ("baselines", "deep_models") for path in sorted((ROOT / folder).glob("*.py"))}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Cores that may be busy with something else are no part of the comparison."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@pytest.fixture(params=FILES)
def technique(request: pytest.FixtureRequest) -> ModuleType:
    spec = importlib.util.spec_from_file_location(request.param, FILES[request.param])
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def material(technique: ModuleType) -> Examples:
    """640 images of 28x28 where it takes nothing else, else rows of 20 columns; ten classes, or a number."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 640)
    if technique.TECHNIQUE.forms == ("image",):
        x = rng.integers(0, 100, (640, 28, 28)) + 15 * y[:, None, None]
        return Examples(x.astype(np.uint8), y, 10)
    x = (rng.normal(size=(640, 20)) + y[:, None]).astype(np.float32)
    return Examples(x, y, 10) if "classify" in technique.TECHNIQUE.tasks else Examples(x, y.astype(np.float64), 0)


def fit(technique: ModuleType, train: Examples):
    return technique.fit(train, Run(budget=Budget("steps", 10)))


@pytest.mark.benchmark(group="fit")
def test_fit(benchmark, technique):
    benchmark(fit, technique, material(technique))


@pytest.mark.parametrize("questions", [1, 640])
def test_answer(benchmark, technique, questions):
    train = material(technique)
    benchmark.group = f"answer {questions}"
    answers = benchmark(partial(fit(technique, train).answer, train.x[:questions]))
    assert len(answers) == questions

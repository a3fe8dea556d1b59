"""How long one small fit (ten steps, where a technique learns in steps) and one answer of every technique take.

Run with `python -m pytest benchmarks/test_techniques.py`.
"""

import importlib.util
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from harness import catalogue, check
from harness.contract import Budget, Examples, Fitted, Run

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


def material(technique: ModuleType) -> tuple[Any, np.ndarray]:
    """What it learns from, and 640 questions: of images 640 of 28x28 in ten classes, else the contract tests' toys."""
    card = technique.TECHNIQUE
    task = next(task for task in card.tasks if task in check.TOYS)
    form = next(form for form in check.TOYS[task] if not card.forms or form in card.forms)
    if (task, form) == ("classify", "image"):
        rng = np.random.default_rng(0)
        y = rng.integers(0, 10, 640)
        x = (rng.integers(0, 100, (640, 28, 28)) + 15 * y[:, None, None]).astype(np.uint8)
        return Examples(x, y, 10), x
    pose = catalogue.load(catalogue.path_of("task", task)).pose
    problem = pose(check.toy(task, form), check.SIZES.get(task, 96), 0, {})
    return problem.train, problem.sample[np.arange(640) % len(problem.sample)]


def fit(technique: ModuleType, train: Any) -> Fitted:
    return technique.fit(train, Run(budget=Budget("steps", 10)))


@pytest.mark.benchmark(group="fit")
def test_fit(benchmark, technique):
    benchmark(fit, technique, material(technique)[0])


@pytest.mark.parametrize("questions", [1, 640])
def test_answer(benchmark, technique, questions):
    train, asked = material(technique)
    benchmark.group = f"answer {questions}"
    answers = benchmark(partial(fit(technique, train).answer, asked[:questions]))
    assert len(answers) == questions

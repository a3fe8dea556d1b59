"""How much of this machine's peak the large nets reach in training, and what bfloat16 brings, on one thread.

    python -m benchmarks.peak [NAME ...]     (a minute)

FLOPs are those of each file's own `cost`; the peak is the better of float32 matrix product and convolution, as
`harness.machine` measures them, before each net and at the end. Number formats take turns, so that what else runs on
the machine meets both alike. Rates are the median step's and the fastest step's: a peak is a fastest rate too. The
ratio of the number formats is that of a turn's fastest steps, the median over turns.
"""

import sys
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch

from harness import catalogue, machine
from harness.contract import Budget, Examples, Run

TURNS, STEPS, WARM_UP = 5, 15, 3
RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Large:
    """A net at its largest. `train`: rows enough for the full batch; `units`: examples or tokens of one step."""

    technique: str
    keywords: dict[str, Any]
    train: Examples
    shape: tuple[int, ...]
    units: int


LARGE = (
    Large(
        "alexnet",
        {"width": 32, "batch": 128},
        Examples(RNG.integers(0, 256, (8_192, 28, 28)).astype(np.uint8), np.arange(8_192) % 10, 10),
        (28, 28),
        128,
    ),
    Large(
        "resnet_mlp",
        {"width": 512, "batch": 512},
        Examples(RNG.normal(size=(32_768, 28)).astype(np.float32), np.arange(32_768) % 2, 2, (0,) * 28),
        (28,),
        512,
    ),
    Large("transformer", {}, Examples(RNG.integers(0, 65, 100_000).astype(np.uint8), None, 65), (), 12 * 64),
    Large("lstm", {}, Examples(RNG.integers(0, 65, 100_000).astype(np.uint8), None, 65), (), 20 * 35),
)


def seconds_per_step(net: Large, dtype: str) -> list[float]:
    """Of each step of one short fit, the first few left out."""
    run = Run(budget=Budget("examples" if net.shape else "tokens", STEPS * net.units), dtype=dtype)
    catalogue.load(catalogue.path_of("technique", net.technique)).fit(net.train, run, **net.keywords)
    if run.done != STEPS:
        raise ValueError(
            f"{net.technique} took {run.done} steps, not {STEPS}: too few rows for its batch of {net.units}?"
        )
    moments = [moment for _, moment in run.stamps]
    return list(np.diff(moments)[WARM_UP:])


def measure(net: Large) -> dict[str, float]:
    """Steps and FLOPs per second in float32, the fastest step's too, and how many times faster bfloat16 is."""
    module = catalogue.load(catalogue.path_of("technique", net.technique))
    after = [  # of two lengths, so that what is not a step's drops out
        module.cost(len(net.train.x), net.shape, net.train.classes, steps * net.units, **net.keywords).fit
        for steps in (STEPS, 2 * STEPS)
    ]
    flops = (after[1] - after[0]) / STEPS
    turns = [(seconds_per_step(net, "float32"), seconds_per_step(net, "bfloat16")) for _ in range(TURNS)]
    steps = [seconds for turn, _ in turns for seconds in turn]
    return {
        "steps": 1 / median(steps),
        "flops": flops / median(steps),
        "fastest": flops / min(steps),
        "ratio": median(min(single) / min(half) for single, half in turns),
    }


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    found, peaks = {}, []
    for net in LARGE:
        if not names or net.technique in names:
            peaks.append(machine.peaks(1))
            found[net.technique] = measure(net)
    peaks.append(machine.peaks(1))
    product, convolution = (max(each[f"{kind}_float32_cpu"] for each in peaks) for kind in ("gemm", "conv"))
    peak = max(product, convolution)
    print(f"float32 peak of one thread: product {product / 1e9:.0f}, convolution {convolution / 1e9:.0f} GFLOP/s")
    print(f"{'':12} {'steps/s':>8} {'GFLOP/s':>8} {'of peak':>8} {'fastest':>8} {'bfloat16':>9}")
    for name, of in found.items():
        shares = f"{of['flops'] / peak:8.0%} {of['fastest'] / peak:8.0%}"
        print(f"{name:12} {of['steps']:8.1f} {of['flops'] / 1e9:8.0f} {shares} {of['ratio']:8.2f}x")


if __name__ == "__main__":
    main(sys.argv[1:])

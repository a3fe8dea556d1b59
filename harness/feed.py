"""The one batch feeder that neural techniques share: data order is nobody's technique.

>>> batch = min(batch, len(train.y))
>>> batches = feed.batches(run, train.x, train.y, batch)
>>> for step in run.steps(examples=batch):
...     x, y = next(batches)
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from harness.contract import Run


def batches(run: Run, x: Any, y: Any, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless shuffled batches of rows of `x` (n, ...) and `y` (n,), on the run's device and in their own dtypes.

    Every epoch is a new permutation, drawn on the CPU from the run's seed alone: the order is the same on every device.
    The rows left over when `batch` does not divide n sit that epoch out, so every batch is full.
    """
    if not 1 <= batch <= len(x):
        raise ValueError(f"a batch of {batch} cannot be drawn from {len(x)} rows: take batch = min(batch, {len(x)})")
    x, y = to_device(x, run.device), to_device(y, run.device)
    order = torch.Generator().manual_seed(run.seed)
    while True:
        epoch = torch.randperm(len(x), generator=order).to(x.device)
        for start in range(0, len(x) - batch + 1, batch):
            rows = epoch[start : start + batch]
            yield x.index_select(0, rows).to(run.device), y.index_select(0, rows.to(y.device)).to(run.device)


def to_device(array: Any, device: str) -> Tensor:
    """The array as a tensor on the device; left on the CPU where it would take over half of the GPU's free memory."""
    tensor = torch.as_tensor(array)
    if device == "cuda" and tensor.nbytes > torch.cuda.mem_get_info()[0] / 2:
        return tensor
    return tensor.to(device)

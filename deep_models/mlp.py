"""Multilayer perceptron: hidden layers learned by backpropagation.

D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning representations by back-propagating errors",
Nature 323, 1986.

Deviations from the paper (equations numbered as there):
1. ReLU units; the paper has logistic ones (equation 2).
2. Cross-entropy of a softmax to classify; squared error, as in the paper (equation 3), to regress.
3. Adam on shuffled mini-batches, its rate falling linearly to zero; all cases at once, with momentum (equation 9).
4. Weights start uniform within 1/sqrt(fan in); small and random in the paper.
5. Columns are standardised, gaps take the column's median, categories become 0/1 columns; pixels share one mean and
   one scale. To regress, the targets are standardised too.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import feed
from harness.contract import Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="Multilayer perceptron",
    year=1986,
    paper="Rumelhart, Hinton & Williams, Learning representations by back-propagating errors, Nature 323, 1986",
    tasks=("classify", "regress"),
    forms=("table", "image"),
    devices=("cpu", "cuda"),
    space={"lr": ("log", 1e-4, 1e-2), "hidden": ("choice", (128,), (256, 128), (512, 512))},
)


def cost(size, shape, classes, examples=None, *, hidden=(256, 128), lr=1e-3, batch=64) -> Cost:
    """Two FLOPs per weight forward, and twice that backward; weights with gradient and Adam's two moments.

    `examples` that pass in training; the usual budget where it is not counted in examples.
    """
    examples = examples or max(100_000, 10 * size)
    widths = (math.prod(shape), *hidden, max(1, classes))
    per_value = 1 if len(shape) > 1 else 20  # pixels stay bytes; a table is encoded in float64
    weights = sum(a * b for a, b in zip(widths[:-1], widths[1:], strict=True))
    return Cost(
        # the first layer needs no gradient of its input
        fit=2 * (3 * weights - widths[0] * widths[1]) * examples,
        answer=2 * weights,
        bytes=16 * (weights + sum(widths[1:])) + 12 * batch * sum(widths) + per_value * size * widths[0],
    )


class MLP(nn.Module):
    """Linear layers of the given widths with a ReLU between each two: (B, widths[0]) -> (B, widths[-1]).

    Pixels come as uint8 and are standardised here by `mean` and `std`; columns come standardised.
    """

    def __init__(self, widths: tuple[int, ...], mean: float = 0.0, std: float = 1.0) -> None:
        super().__init__()
        self.mean, self.std = mean, std
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True))

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.uint8:
            x = (x.float() - self.mean) / self.std
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))  # (B, hidden)
        return self.layers[-1](x)


def fit(
    train: Examples,
    run: Run,
    *,
    hidden: tuple[int, ...] = (256, 128),  # units of each hidden layer
    lr: float = 1e-3,  # Adam's rate at the first step
    batch: int = 64,  # examples per step; all of them where there are fewer
) -> Fitted:
    if run.dtype != "float32":
        raise Unsupported(f"mlp computes in float32, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    encode = make_encoder(train)
    x = encode(train.x)
    centre, spread = (0.0, 1.0) if train.classes else (train.y.mean(), train.y.std() or 1.0)
    y = train.y if train.classes else ((train.y - centre) / spread).astype(np.float32)
    pixels = x[:1000]  # enough for one mean and one scale
    network = MLP((x.shape[1], *hidden, train.classes or 1), float(pixels.mean()), float(pixels.std()) or 1.0)
    network.to(run.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, fused=True)  # a quarter less time per step than unfused

    @torch.inference_mode()
    def answer(q: np.ndarray) -> np.ndarray:
        blocks = [network(torch.from_numpy(encode(q[i : i + 1024])).to(run.device)) for i in range(0, len(q), 1024)]
        outputs = torch.cat(blocks).cpu().double()  # (N, classes), or (N, 1)
        return outputs.softmax(1).numpy() if train.classes else outputs[:, 0].numpy() * spread + centre

    batch = min(batch, len(y))
    batches = feed.batches(run, x, y, batch)
    for step in run.steps(examples=batch):
        questions, truth = next(batches)
        optimiser.param_groups[0]["lr"] = lr * (1 - step / run.total) if run.total else lr
        loss = loss_of(network(questions), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)
    return Fitted(answer, parameters=sum(weight.numel() for weight in network.parameters()))


def loss_of(outputs: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy where the truth is a class number, squared error where it is a value."""
    return F.mse_loss(outputs[:, 0], truth) if truth.is_floating_point() else F.cross_entropy(outputs, truth)


def make_encoder(train: Examples):
    """A function (n, ...) -> (n, columns): pixels as they are; a table's columns as float32, standardised and without
    gaps, by the training rows' statistics.
    """
    if train.x.ndim > 2:
        return lambda images: images.reshape(len(images), -1)
    levels = np.array(train.levels or [0] * train.x.shape[1])
    x = train.x[:, levels == 0].astype(np.float64)
    seen = ~np.isnan(x).all(axis=0)
    median = np.zeros(x.shape[1])
    median[seen] = np.nanmedian(x[:, seen], axis=0)
    x = np.where(np.isnan(x), median, x)
    mean, std = x.mean(axis=0), x.std(axis=0)
    std[std == 0] = 1

    def encode(rows):
        numbers = rows[:, levels == 0]
        numbers = (np.where(np.isnan(numbers), median, numbers) - mean) / std
        flags = [rows[:, [j]] == np.arange(levels[j]) for j in np.flatnonzero(levels)]  # a gap equals no category
        return np.hstack([numbers, *flags]).astype(np.float32)

    return encode

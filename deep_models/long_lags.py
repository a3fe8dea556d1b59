"""LSTM over long time lags: what an error meets on its way back through hundreds of steps, cell by cell.

S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997, section 5.4 (adding). One
layer of cells reads a series, and the last h gives a number:

    tanh   h <- tanh(W x + U h + b)
    lstm   i, f, o = sigmoid(W x + U h + b)    g = tanh(W x + U h + b)    c <- f c + i g    h <- o tanh(c)
    gru    r, z = sigmoid(W x + U h + b)       n = tanh(W x + b + r (U h + d))              h <- (1 - z) n + z h
    relu   h <- max(0, W x + U h + b), U = 1, b = 0 and W small at first

Through tanh an error is multiplied by U and by a slope below 1 at every step; in c it is multiplied by f alone. `gru`
is of K. Cho et al., 1406.1078, 2014; `relu` of Q. V. Le, N. Jaitly and G. E. Hinton, 1504.00941, 2015.

Deviations from the papers:
1. LSTM: forget gates, with biases that start at 1 (Gers, Schmidhuber and Cummins, 2000); none in 1997 (section 4).
   One gate of each kind per cell; blocks of two cells share theirs (section 5.4). The whole gradient through all
   steps; cut at the gates in 1997 (appendix A.1). The GRU resets after U as in torch and cuDNN, before it in 2014.
2. Adam, one rate for all cells, the gradient's norm cut at 1; online descent at a rate of .5 in 1997, descent with a
   rate and a cut searched for each cell in 2015. Weights start within 1/sqrt(width), those of relu as in 2015
   (section 3).
3. Batches of 50 series of one length; one series of 100 to 110 steps in 1997. What is told is standardised.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import feed
from harness.contract import Arm, Budget, Claim, Cost, Examples, Fitted, Run, Technique, Test, Unsupported

TECHNIQUE = Technique(
    title="LSTM over long time lags",
    year=1997,
    paper="Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997",
    tasks=("regress",),
    forms=("series",),
    devices=("cpu", "cuda"),
    space={"lr": ("log", 1e-4, 1e-2)},
    claims=(
        Claim(
            name="D3 LSTM",
            sentence="An LSTM adds two numbers that stand up to 200 steps apart where a tanh network of as many cells "
            "and as many steps of training does not.",
            datasets=("adding_200",),
            belief=0.9,
            left_out="8 of 10 seeds or more against 2 or fewer (here the gap of the shares, by "
            "Barnard's exact test); a tuned rate; lags of 50 and 100, and of 400 and 750 on a GPU; the copying task; a "
            "negative control",
            published="adding with lags of 100 to 1,000 steps solved by LSTM (1997, section 5.4); at 150 steps and "
            "more by LSTM and identity-initialised relu networks, not by tanh (1504.00941, section 4.1)",
            tests=(
                Test("successes", (Arm("long_lags"), Arm("long_lags", {"cell": "tanh"})), "rmse<0.1", 0.3, 0.8, 10,
                    {"size": (10_000,)}, budget=Budget("examples", 150_000)),
            ),
        ),
        Claim(
            name="D3 other cells",
            sentence="What solves lags of 100 steps is not the LSTM alone: a GRU, and rectified units that start as "
            "the identity, do so too, and tanh units do not.",
            datasets=("adding",),
            belief=0.5,
            left_out="a tuned rate; other lags; a negative control; the list has these cells as arms, without a "
            "threshold",
            published="relu networks that start as the identity match LSTM up to 300 steps (1504.00941, section 4.1)",
            tests=(
                Test("successes", (Arm("long_lags", {"cell": "gru"}), Arm("long_lags", {"cell": "tanh"})),
                    "rmse<0.1", 0.3, 0.8, 10, {"size": (10_000,)}, budget=Budget("examples", 150_000)),
                Test("successes", (Arm("long_lags", {"cell": "relu"}), Arm("long_lags", {"cell": "tanh"})),
                    "rmse<0.1", 0.3, 0.8, 10, {"size": (10_000,)}, budget=Budget("examples", 150_000)),
            ),
        ),
    ),
)  # fmt: skip
CELLS = ("lstm", "tanh", "gru", "relu")


def cost(size, shape, classes, examples=None, *, cell="lstm", width=64, lr=1e-3, batch=50) -> Cost:
    """Two FLOPs per weight and step forward, and twice that backward: four gates a cell of an LSTM, three of a GRU.

    `examples` that pass in training; the usual budget where it is not counted in examples.
    """
    examples = examples or max(40_000, min(20 * size, 60_000), 10 * size)
    steps, channels = shape[0], shape[1] if len(shape) == 2 else 1
    gates = 4 if cell == "lstm" else 3 if cell == "gru" else 1
    entering, recurrent = gates * width * channels, gates * width**2
    forward = steps * (entering + recurrent) + width
    # the series needs no gradient
    fit = 2 * (3 * forward - steps * entering) * examples
    memory = 16 * (entering + recurrent) + 8 * gates * width * steps * batch
    return Cost(fit, 2 * forward, memory + 4 * size * steps * channels)


class Recurrent(nn.Module):
    """(B, T, channels) float32 -> (B,): a layer of `width` cells, and a sum of its last h."""

    def __init__(self, cell: str, channels: int, width: int) -> None:
        super().__init__()
        if cell == "lstm":
            self.cells: nn.Module = nn.LSTM(channels, width, batch_first=True)
        elif cell == "gru":
            self.cells = nn.GRU(channels, width, batch_first=True)
        else:
            self.cells = nn.RNN(channels, width, nonlinearity=cell, batch_first=True)
        self.output = nn.Linear(width, 1)
        if cell == "lstm":  # gates lie in the order i, f, g, o
            nn.init.zeros_(self.cells.bias_ih_l0)
            nn.init.zeros_(self.cells.bias_hh_l0)  # the sum of both biases is one
            nn.init.ones_(self.cells.bias_ih_l0.data[width : 2 * width])
        if cell == "relu":
            nn.init.normal_(self.cells.weight_ih_l0, std=0.001)
            nn.init.eye_(self.cells.weight_hh_l0)
            nn.init.zeros_(self.cells.bias_ih_l0)
            nn.init.zeros_(self.cells.bias_hh_l0)

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.cells(x)  # (B, T, width)
        return self.output(h[:, -1])[:, 0]


def fit(
    train: Examples,
    run: Run,
    *,
    cell: str = "lstm",  # "lstm", "tanh", "gru" or "relu"
    width: int = 64,  # cells
    lr: float = 1e-3,  # Adam's
    batch: int = 50,  # series per step; fewer where there are few
) -> Fitted:
    if cell not in CELLS:
        raise ValueError(f"cell {cell!r}: one of {', '.join(CELLS)} is right")
    if train.classes or train.y is None or train.x.ndim not in (2, 3) or train.x.dtype != np.float32 or train.levels:
        raise Unsupported("long_lags tells numbers from series: material of shape (n, steps) or (n, steps, channels)")
    if run.dtype != "float32":
        raise Unsupported(f"long_lags computes in float32, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    mean, std = float(train.y.mean()), float(train.y.std()) or 1.0
    y = ((train.y - mean) / std).astype(np.float32)
    network = Recurrent(cell, math.prod(train.x.shape[2:]), width).to(run.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, fused=True)

    @torch.inference_mode()
    def answer(q: np.ndarray) -> np.ndarray:
        x = q.reshape(*q.shape[:2], -1)
        blocks = [network(torch.as_tensor(x[i : i + 256], device=run.device)) for i in range(0, len(x), 256)]
        return torch.cat(blocks).cpu().double().numpy() * std + mean

    batch = min(batch, len(y), max(16, len(y) // 16))
    batches = feed.batches(run, train.x.reshape(*train.x.shape[:2], -1), y, batch)
    for _ in run.steps(examples=batch):
        x, truth = next(batches)
        loss = F.mse_loss(network(x), truth)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)
    return Fitted(answer, parameters=sum(weight.numel() for weight in network.parameters()))

"""ResNet for tables: linear layers in residual blocks with batch normalisation.

Y. Gorishniy, I. Rubachev, V. Khrulkov and A. Babenko, "Revisiting deep learning models for tabular data",
NeurIPS 2021, arXiv:2106.11959. Section 3.2.

Deviations from the paper:
1. Numbers are mapped to a normal by their rank, as there, but with midpoints of ranks, so that the outermost values lie
   at 3.3 (5.2 with the library used there); then they are standardised. Gaps take the column's median; categories
   become 0/1 columns, as there.
2. A short warm-up, then a cosine to zero over a given number of steps; a constant rate and early stopping there.
3. Settings are fixed; there they are tuned for each dataset. 2 blocks, a hidden layer twice as wide and its dropout of
   0.15 are those of the example in the authors' package.
4. Batches are smaller where rows are few; of 256 to 1,024 rows, by the dataset, there.
5. To regress, targets are standardised, as there. Classes that training lacks get probability 0.
"""

import math

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor, nn
from torch.nn import functional as F

from harness import feed
from harness.contract import Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="ResNet for tables",
    year=2021,
    paper="Gorishniy et al., Revisiting deep learning models for tabular data, NeurIPS 2021, arXiv:2106.11959",
    tasks=("classify", "regress"),
    forms=("table",),
    devices=("cpu", "cuda"),
    dtypes=("float32", "bfloat16"),
    space={
        "lr": ("log", 1e-5, 1e-2),
        "weight_decay": ("log", 1e-6, 1e-3),
        "dropout": ("uniform", 0.0, 0.5),
        "residual_dropout": ("uniform", 0.0, 0.5),
        "factor": ("int", 1, 4),
    },
)


def cost(
    size,
    shape,
    classes,
    examples=None,
    *,
    width=128,
    blocks=2,
    factor=2,
    dropout=0.15,
    residual_dropout=0.0,
    lr=1e-3,
    weight_decay=1e-5,
    batch=512,
) -> Cost:
    """Two FLOPs per weight forward, and twice that backward; weights with gradient and AdamW's two moments.

    `examples` that pass in training; the usual budget where it is not counted in examples.
    """
    examples = examples or max(100_000, 10 * size)
    p = math.prod(shape)
    weights = p * width + blocks * 2 * factor * width**2 + width * max(1, classes)
    units = width * (1 + blocks * (3 + 3 * factor) + 2)  # what the backward pass needs of one example
    return Cost(
        # the first layer needs no gradient of its input
        fit=2 * (3 * weights - p * width) * examples,
        answer=2 * weights,
        bytes=16 * (weights + units) + 4 * max(batch, 1024) * (p + units) + 32 * size * p,  # ranked in float64
    )


class Block(nn.Module):
    """x + Dropout(Linear(Dropout(ReLU(Linear(BatchNorm(x)))))): (B, width) -> (B, width)."""

    def __init__(self, width: int, hidden: int, dropout: float, residual_dropout: float) -> None:
        super().__init__()
        self.dropout, self.residual_dropout = dropout, residual_dropout
        self.norm = nn.BatchNorm1d(width)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        z = F.relu(linear(self.linear1, self.norm(x)))  # (B, hidden)
        z = linear(self.linear2, dropped(z, self.dropout) if self.training else z)  # (B, width)
        return x + (dropped(z, self.residual_dropout) if self.training else z)


class ResNet(nn.Module):
    """(B, columns) -> Linear -> blocks -> BatchNorm -> ReLU -> Linear -> (B, outputs)."""

    def __init__(
        self,
        columns: int,
        outputs: int,
        width: int = 128,
        blocks: int = 2,
        factor: int = 2,
        dropout: float = 0.15,
        residual_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.first = nn.Linear(columns, width)
        self.blocks = nn.Sequential(*(Block(width, factor * width, dropout, residual_dropout) for _ in range(blocks)))
        self.norm = nn.BatchNorm1d(width)
        self.last = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(linear(self.first, x))  # (B, width)
        return self.last(F.relu(self.norm(x)))


def dropped(x: Tensor, p: float) -> Tensor:
    """Each value set to zero with probability p, the others divided by 1 - p: torch draws such a mask at a fifth of
    this speed on a CPU.
    """
    if not p:
        return x
    keep = torch.rand(x.shape, device=x.device) >= p
    return x * keep.to(x.dtype).div_(1 - p)


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """The layer by oneDNN, which torch takes for bfloat16 alone: on an AMD EPYC two thirds of the time per step."""
    if x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        return layer(x)
    return F.linear(x.to_mkldnn(), layer.weight, layer.bias).to_dense()


def fit(
    train: Examples,
    run: Run,
    *,
    width: int = 128,  # units between the blocks
    blocks: int = 2,
    factor: int = 2,  # units inside a block, in widths
    dropout: float = 0.15,  # share of units silenced in training inside a block
    residual_dropout: float = 0.0,  # and at its end
    lr: float = 1e-3,  # AdamW's highest rate
    weight_decay: float = 1e-5,
    batch: int = 512,  # examples per step; a 64th of the rows where that is less, but 16: few rows, many steps
) -> Fitted:
    if run.dtype not in TECHNIQUE.dtypes:
        raise Unsupported(f"resnet_mlp computes in float32 or bfloat16, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    encode = make_encoder(train)
    x = encode(train.x)
    centre, spread = (0.0, 1.0) if train.classes else (train.y.mean(), train.y.std() or 1.0)
    y = train.y if train.classes else ((train.y - centre) / spread).astype(np.float32)
    network = ResNet(x.shape[1], train.classes or 1, width, blocks, factor, dropout, residual_dropout).to(run.device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=weight_decay, fused=True)
    unseen = np.bincount(train.y, minlength=train.classes) == 0 if train.classes else None
    answer = make_answer(network, run, encode, unseen, centre, spread)

    batch = min(batch, max(16, len(y) // 64), len(y))
    batches = feed.batches(run, x, y, batch)
    for step in run.steps(examples=batch):
        questions, truth = next(batches)
        network.train()
        optimiser.param_groups[0]["lr"] = rate(lr, step, run.total)
        with precision(run):
            loss = loss_of(network(questions), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)
    return Fitted(answer, parameters=sum(weight.numel() for weight in network.parameters()))


def precision(run: Run) -> torch.autocast:
    """Products in bfloat16 where the run asks for it; weights stay float32."""
    return torch.autocast(run.device, torch.bfloat16, enabled=run.dtype == "bfloat16")


def make_answer(network: ResNet, run: Run, encode, unseen: np.ndarray | None, centre: float, spread: float):
    """A function (N, p) -> (N, classes) probabilities, 0 for `unseen` classes; or (N,) values where there are none."""

    @torch.inference_mode()
    def answer(q: np.ndarray) -> np.ndarray:
        network.eval()
        with precision(run):
            parts = [network(torch.from_numpy(encode(q[i : i + 1024])).to(run.device)) for i in range(0, len(q), 1024)]
        outputs = torch.cat(parts).cpu().double()  # (N, classes), or (N, 1)
        if unseen is None:
            return outputs[:, 0].numpy() * spread + centre
        outputs[:, unseen] = -math.inf
        return outputs.softmax(1).numpy()

    return answer


def loss_of(outputs: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy where the truth is a class number, squared error where it is a value."""
    return F.mse_loss(outputs[:, 0], truth) if truth.is_floating_point() else F.cross_entropy(outputs, truth)


def rate(lr: float, step: int, total: int | None) -> float:
    """Rises over the first twentieth of the steps to lr, falls as a cosine to zero; lr where `total` is not known."""
    if not total:
        return lr
    return lr * min(1.0, (step + 1) / (0.05 * total)) * (1 + math.cos(math.pi * step / total)) / 2


def make_encoder(train: Examples):
    """A function (n, p) -> (n, columns) float32: numbers as quantiles of a normal by their ranks among the training
    rows, then standardised; gaps as the median; categories as 0/1 columns.
    """
    levels = np.array(train.levels or [0] * train.x.shape[1])
    x = train.x[:, levels == 0].astype(np.float64)
    seen = ~np.isnan(x).all(axis=0)
    median = np.zeros(x.shape[1])
    median[seen] = np.nanmedian(x[:, seen], axis=0)
    points = min(1000, len(x))
    share = (np.arange(points) + 0.5) / points
    known = np.quantile(np.where(np.isnan(x), median, x), share, axis=0, method="inverted_cdf")  # (points, numbers)

    def normal(numbers):
        """The middle of the ranks that a value shares with its equals, as a quantile of the normal distribution."""
        numbers = np.where(np.isnan(numbers), median, numbers).astype(np.float64)
        for column, quantiles in zip(numbers.T, known.T, strict=True):  # views: the copy is filled in place
            above = np.interp(-column, -quantiles[::-1], share)
            column[:] = ndtri((np.interp(column, quantiles, share) + 1 - above) / 2)
        return numbers

    x = normal(x)
    mean, std = x.mean(axis=0), x.std(axis=0)
    std[std < 1e-9] = 1  # of one value only

    def encode(rows):
        flags = [rows[:, [j]] == np.arange(levels[j]) for j in np.flatnonzero(levels)]  # a gap equals no category
        return np.hstack([(normal(rows[:, levels == 0]) - mean) / std, *flags]).astype(np.float32)

    return encode

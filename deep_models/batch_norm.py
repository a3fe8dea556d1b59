"""Batch normalisation: every unit's input is standardised over the mini-batch, then scaled and shifted.

S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
shift", ICML 2015, 1502.03167. Algorithms 1 and 2, and the network of section 4.1.

    training   x^ = (x - mean of the batch) / sqrt(variance of the batch + eps)       y = gamma x^ + beta
    answering  the same with running means of both, the variance with Bessel's m / (m - 1)
    network    784 - 100 - 100 - 100 - 10, z = sigmoid(BN(W u)): beta takes the place of the bias (section 3.2)

Deviations from the paper:
1. Running means with a weight of 0.1 for the newest batch; "moving averages" there, without a number (section 3.1).
2. Weights start normal with deviation 1/sqrt(fan in), "small random Gaussian values" there (section 4.1). Smaller ones
   would leave the network without normalisation on its first plateau for longer.
3. 5,000 steps or the like, 50,000 there. A constant rate of plain gradient descent; the paper tells no rate for this
   network.
4. Grey pixels, all standardised by one mean and one scale; binary ones there. A colour is one more input.
5. A tenth of the rows, 1,000 at most, is held out as a yardstick of how soon the network is good; the test set there
   (figure 1a).
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import feed
from harness.contract import Arm, Budget, Claim, Cost, Examples, Fitted, Run, Technique, Test, Unsupported

TECHNIQUE = Technique(
    title="Batch normalisation",
    year=2015,
    paper="Ioffe & Szegedy, Batch normalization, ICML 2015, arXiv:1502.03167",
    tasks=("classify",),
    forms=("image",),
    devices=("cpu", "cuda"),
    space={"lr": ("log", 1e-2, 10.0)},
    claims=(
        Claim(
            name="D21 batch normalisation",
            sentence="With rates chosen by the accuracy at the end, a normalised network comes to the same accuracy in "
            "several times fewer steps, and sigmoids can be trained that cannot be without.",
            datasets=("fashion_mnist",),
            tests=(
                Test(
                    "ratio",
                    (Arm("batch_norm", tune=4), Arm("batch_norm", {"normalise": False}, tune=4)),
                    "steps_to_target",
                    least=2.0,
                    expect=5.0,
                    seeds=5,
                    budget=Budget("examples", 300_000),
                ),
                Test(
                    "successes",
                    (
                        Arm("batch_norm", {"layers": 6}, tune=4),
                        Arm("batch_norm", {"layers": 6, "normalise": False}, tune=4),
                    ),
                    "accuracy>0.5",
                    least=0.5,
                    expect=0.9,
                    seeds=10,
                    budget=Budget("examples", 120_000),
                ),
            ),
            belief=0.9,
            left_out="the ratio of the largest rates that are stable, above 3; 50,000 steps (here 5,000); a net of six "
            "convolutions; a negative control",
            published="ImageNet, steps to 72.2 %: Inception 31.0 M, with batch normalisation 13.3 M, with 5 times the "
            "rate 2.1 M (at most 73.0 %), with 30 times 2.7 M (74.8 %); with sigmoids 69.8 % (1502.03167, figure 3)",
            stand_in="Fashion-MNIST for MNIST",
        ),
    ),
)
HELD = 1_000  # rows of the yardstick, at most
LOOK = 50  # steps between two looks at it


def cost(
    size, shape, classes, examples=None, *, normalise=True, layers=3, width=100, target=0.8, lr=0.3, batch=60
) -> Cost:
    """Two FLOPs per weight forward, and twice that backward; weights with gradient.

    `examples` that pass in training; the usual budget where it is not counted in examples. The yardstick is read after
    every 50 steps.
    """
    examples = examples or max(100_000, 10 * size)
    pixels = math.prod(shape)
    weights = pixels * width + (layers - 1) * width**2 + width * classes
    looks = min(1_000, size // 10) / (50 * batch) * examples
    per_image = 2 * (3 * weights - pixels * width)  # the first layer needs no gradient of its input
    return Cost(
        fit=per_image * examples + 2 * weights * looks,
        answer=2 * weights,
        bytes=8 * weights + 4 * 1_000 * (2 * pixels + 4 * layers * width) + 2 * size * pixels,
    )


class BatchNorm(nn.Module):
    """(B, width) -> (B, width), algorithms 1 and 2 of the paper; `mean` and `variance` are the running ones."""

    def __init__(self, width: int, eps: float = 1e-5, newest: float = 0.1) -> None:
        super().__init__()
        self.eps, self.newest = eps, newest
        self.gamma = nn.Parameter(torch.ones(width))
        self.beta = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        mean, variance = self.mean, self.variance
        if self.training:
            mean = x.mean(0)
            variance = ((x - mean) ** 2).mean(0)
            m = len(x)
            with torch.no_grad():
                self.mean.lerp_(mean, self.newest)
                self.variance.lerp_(variance * m / max(1, m - 1), self.newest)  # unbiased; of one example it is 0
        return self.gamma * (x - mean) / torch.sqrt(variance + self.eps) + self.beta


class Net(nn.Module):
    """(B, h, w) or (B, h, w, planes) uint8 -> (B, classes). Pixels are standardised by `centre` and `scale`."""

    def __init__(
        self, pixels: int, width: int, layers: int, classes: int, normalise: bool, centre: float, scale: float
    ) -> None:
        super().__init__()
        self.centre, self.scale = centre, scale
        inputs = [pixels] + [width] * (layers - 1)
        self.linear = nn.ModuleList(nn.Linear(given, width, bias=not normalise) for given in inputs)
        self.norm = nn.ModuleList(BatchNorm(width) if normalise else nn.Identity() for _ in inputs)
        self.output = nn.Linear(width, classes)
        for layer in (*self.linear, self.output):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        z = (pixels.flatten(1).float() - self.centre) / self.scale  # (B, pixels)
        for linear, norm in zip(self.linear, self.norm, strict=True):
            z = torch.sigmoid(norm(linear(z)))  # (B, width)
        return self.output(z)


def fit(
    train: Examples,
    run: Run,
    *,
    normalise: bool = True,  # False: the same network with biases in place of normalisation
    layers: int = 3,  # hidden layers of sigmoids
    width: int = 100,  # units of each
    target: float = 0.8,  # accuracy on the yardstick whose first step is told
    lr: float = 0.3,  # of gradient descent
    batch: int = 60,  # examples per step; all of them where there are fewer
) -> Fitted:
    if train.x.ndim < 3 or not train.classes:
        raise Unsupported("batch_norm classifies images: it takes training material of shape (n, h, w) with classes")
    if run.dtype != "float32":
        raise Unsupported(f"batch_norm computes in float32, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    order = np.random.default_rng(run.seed).permutation(len(train.y))
    rows, held = np.split(order, [len(order) - min(HELD, len(order) // 10)])
    pixels = train.x[rows[:1000]]  # enough for one mean and one scale
    centre, scale = float(pixels.mean()), float(pixels.std()) or 1.0
    network = Net(math.prod(train.x.shape[1:]), width, layers, train.classes, normalise, centre, scale)
    network.to(run.device)
    optimiser = torch.optim.SGD(network.parameters(), lr=lr, fused=True)

    @torch.inference_mode()
    def answer(q: np.ndarray) -> np.ndarray:
        network.eval()
        blocks = [network(torch.as_tensor(q[i : i + 1000], device=run.device)) for i in range(0, len(q), 1000)]
        return torch.cat(blocks).cpu().double().softmax(1).numpy()  # (N, classes)

    held_x, held_y = train.x[held], train.y[held]
    batch = min(batch, len(rows))
    batches = feed.batches(run, train.x[rows], train.y[rows], batch)
    reached = []
    for step in run.steps(examples=batch):
        questions, truth = next(batches)
        network.train()
        loss = F.cross_entropy(network(questions), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)
        # looked at to the end: a fit's price must not depend on its luck
        if len(held) and (step + 1) % LOOK == 0 and (answer(held_x).argmax(1) == held_y).mean() >= target:
            reached.append(step + 1)
    parameters = sum(weight.numel() for weight in network.parameters())
    return Fitted(answer, parameters, told={"steps_to_target": reached[0] if reached else run.done})

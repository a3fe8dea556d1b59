"""LeNet-5: a convolutional network; local receptive fields, shared weights, subsampling.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), 1998. Sections II-B and III.

Deviations from the paper:
1. C3 sees all six maps of S2; the paper connects them by table I (60,000 weights there, 61,706 here).
2. Subsampling is a plain 2x2 mean; a trained coefficient, a bias and a squashing follow in the paper (section II-B).
3. The squashing function is tanh; A tanh(Sa) with A = 1.7159 and S = 2/3 in the paper (appendix A).
4. The output is a linear layer with softmax and cross-entropy; Euclidean RBF units and their loss in the paper
   (sections II-B, II-C).
5. Adam on shuffled mini-batches, its rate falling linearly to zero; stochastic diagonal Levenberg-Marquardt in the
   paper (section III-B, appendix C).
6. Images of 28x28 get a border of 2 pixels, as in the paper (section III-A); other sizes are resized to 32x32. Colours
   are planes. One mean and one scale standardise all pixels; fixed grey levels with the same aim there (section II-B).
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import feed
from harness.contract import Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="LeNet-5",
    year=1998,
    paper="LeCun et al., Gradient-based learning applied to document recognition, Proceedings of the IEEE 86(11), 1998",
    tasks=("classify",),
    forms=("image",),
    devices=("cpu", "cuda"),
    space={"lr": ("log", 1e-4, 1e-2), "batch": ("choice", 32, 64, 128)},
)


def cost(size, shape, classes, examples=None, *, lr=1e-3, batch=64) -> Cost:
    """Two FLOPs per connection forward, and twice that backward; weights with gradient and Adam's two moments.

    `examples` that pass in training; the usual budget where it is not counted in examples.
    """
    examples = examples or max(100_000, 10 * size)
    planes = shape[2] if len(shape) == 3 else 1
    c1, c3 = 28**2 * 6 * 25 * planes, 10**2 * 16 * 25 * 6
    connections = c1 + c3 + 400 * 120 + 120 * 84 + 84 * classes
    weights = 60_700 + 150 * planes + 85 * classes
    return Cost(
        # the first layer needs no gradient of its input
        fit=2 * (3 * connections - c1) * examples,
        answer=2 * connections,
        bytes=4 * (4 * weights + batch * 64_000) + size * math.prod(shape),
    )


class LeNet5(nn.Module):
    """(B, h, w) or (B, h, w, planes) uint8 -> (B, classes). Pixels are standardised by `mean` and `std`."""

    def __init__(self, classes: int, planes: int = 1, mean: float = 0.0, std: float = 1.0) -> None:
        super().__init__()
        self.mean, self.std = mean, std
        self.c1 = nn.Conv2d(planes, 6, 5)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c5 = nn.Linear(16 * 5 * 5, 120)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, classes)

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.avg_pool2d(torch.tanh(self.c1(self.retina(pixels))), 2)  # (B, 6, 14, 14)
        x = F.avg_pool2d(torch.tanh(self.c3(x)), 2)  # (B, 16, 5, 5)
        x = torch.tanh(self.c5(x.flatten(1)))  # (B, 120)
        return self.output(torch.tanh(self.f6(x)))

    def retina(self, pixels: Tensor) -> Tensor:
        """(B, planes, 32, 32), standardised."""
        x = pixels.float()
        x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)
        if x.shape[2:] == (28, 28):
            x = F.pad(x, (2, 2, 2, 2))
        elif x.shape[2:] != (32, 32):
            x = F.interpolate(x, (32, 32), mode="bilinear")
        return (x - self.mean) / self.std


def fit(
    train: Examples,
    run: Run,
    *,
    lr: float = 1e-3,  # Adam's rate at the first step
    batch: int = 64,  # examples per step; all of them where there are fewer
) -> Fitted:
    if train.x.ndim < 3 or not train.classes:
        raise Unsupported("lenet classifies images: it takes training material of shape (n, h, w) with classes")
    if run.dtype != "float32":
        raise Unsupported(f"lenet computes in float32, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    planes = train.x.shape[3] if train.x.ndim == 4 else 1
    pixels = train.x[:1000]  # enough for one mean and one scale
    network = LeNet5(train.classes, planes, float(pixels.mean()), float(pixels.std()) or 1.0)
    network.to(run.device, memory_format=torch.channels_last)  # a tenth less time per step than planes first
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, fused=True)

    @torch.inference_mode()
    def answer(q: np.ndarray) -> np.ndarray:
        blocks = [network(torch.as_tensor(q[i : i + 256], device=run.device)) for i in range(0, len(q), 256)]
        return torch.cat(blocks).cpu().double().softmax(1).numpy()  # (N, classes)

    batch = min(batch, len(train.y))
    batches = feed.batches(run, train.x, train.y, batch)
    for step in run.steps(examples=batch):
        x, y = next(batches)
        optimiser.param_groups[0]["lr"] = lr * (1 - step / run.total) if run.total else lr
        loss = F.cross_entropy(network(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)
    return Fitted(answer, parameters=sum(weight.numel() for weight in network.parameters()))

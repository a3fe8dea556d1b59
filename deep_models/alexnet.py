"""AlexNet: a convolutional network with rectified units, overlapping pooling, dropout and shifted copies.

A. Krizhevsky, I. Sutskever and G. E. Hinton, "ImageNet classification with deep convolutional neural networks",
NIPS 2012.

Deviations from the paper:
1. Scaled to small images: three convolutions of width, 2 width and 4 width maps and one hidden layer of 8 width units;
   five convolutions, up to 384 maps, and two hidden layers of 4,096 in the paper (section 3.5). No split over two
   devices (section 3.2).
2. Pooling stands before the rectifier: the same numbers, since both are monotonic, at a quarter of the work. Local
   response normalisation, where it is asked for, therefore follows the pooling; it precedes it there (section 3.3).
   It is an arm, off by default.
3. Images are shifted by up to two pixels, the border repeated, and mirrored where asked for; cut from 256x256 to
   224x224, mirrored and recoloured in the paper (section 4.1). One view answers; ten are averaged there.
4. AdamW on shuffled mini-batches, smaller ones where images are few; a short warm-up, then a cosine to zero. Momentum
   0.9 and a rate divided by ten by hand in the paper (section 5).
5. Weights start uniform within 1/sqrt(fan in); normal with deviation 0.01, and some biases at 1 in the paper.
6. Images with sides of 25 to 32 pixels stay as they are, others are resized to 28x28. One mean and one scale
   standardise all pixels; the mean image is subtracted there (section 2).
7. Classes that training lacks get probability 0.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import feed
from harness.contract import Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="AlexNet, scaled to small images",
    year=2012,
    paper="Krizhevsky, Sutskever & Hinton, ImageNet classification with deep convolutional neural networks, NIPS 2012",
    tasks=("classify",),
    forms=("image",),
    devices=("cpu", "cuda"),
    dtypes=("float32", "bfloat16"),
    space={"lr": ("log", 1e-4, 1e-2), "weight_decay": ("log", 1e-5, 1e-1), "dropout": ("uniform", 0.0, 0.7)},
)


def cost(
    size,
    shape,
    classes,
    examples=None,
    *,
    width=32,
    activation="relu",
    lrn=False,
    dropout=0.5,
    shift=2,
    flip=False,
    lr=1e-3,
    weight_decay=5e-4,
    batch=128,
) -> Cost:
    """Two FLOPs per connection forward, and twice that backward; weights with gradient and AdamW's two moments.

    `examples` that pass in training; the usual budget where it is not counted in examples.
    """
    examples = examples or max(100_000, 10 * size)
    planes = shape[2] if len(shape) == 3 else 1
    h, w = shape[:2] if all(25 <= side <= 32 for side in shape[:2]) else (28, 28)
    areas = [math.ceil(h / k) * math.ceil(w / k) for k in (1, 2, 4)]
    kernels = [25 * planes * width, 9 * width * 2 * width, 9 * 2 * width * 4 * width]
    hidden = 16 * 4 * width * 8 * width + 8 * width * classes
    connections = sum(a * k for a, k in zip(areas, kernels, strict=True)) + hidden
    maps = areas[0] * width + areas[1] * 3 * width + areas[2] * 6 * width  # before and after each pooling
    return Cost(
        # the first layer needs no gradient of its input
        fit=2 * (3 * connections - areas[0] * kernels[0]) * examples,
        answer=2 * connections,
        bytes=16 * (sum(kernels) + hidden) + 12 * max(batch, 256) * maps + size * math.prod(shape),
    )


class AlexNet(nn.Module):
    """(B, h, w) or (B, h, w, planes) uint8 -> (B, classes). Pixels are standardised by `mean` and `std`."""

    def __init__(
        self,
        classes: int,
        planes: int = 1,
        width: int = 32,
        activation: str = "relu",
        lrn: bool = False,
        dropout: float = 0.5,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> None:
        super().__init__()
        self.activation = {"relu": torch.relu_, "tanh": torch.tanh_}[activation]
        self.lrn, self.dropout, self.mean, self.std = lrn, dropout, mean, std
        self.conv1 = nn.Conv2d(planes, width, 5, padding=2)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.conv3 = nn.Conv2d(2 * width, 4 * width, 3, padding=1)
        self.hidden = nn.Linear(4 * width * 4 * 4, 8 * width)
        self.output = nn.Linear(8 * width, classes)

    def forward(self, pixels: Tensor, shift: int = 0, flip: bool = False) -> Tensor:
        x = augmented(self.retina(pixels), shift, flip)  # (B, planes, 28, 28)
        x = self.normalised(self.activation(overlapping_pool(self.conv1(x))))  # (B, width, 14, 14)
        x = self.normalised(self.activation(overlapping_pool(self.conv2(x))))  # (B, 2 width, 7, 7)
        x = self.activation(overlapping_pool(self.conv3(x)))  # (B, 4 width, 4, 4)
        x = self.activation(self.hidden(x.flatten(1)))  # (B, 8 width)
        return self.output(F.dropout(x, self.dropout, self.training))

    def retina(self, pixels: Tensor) -> Tensor:
        """(B, planes, 28, 28), or sides of 25 to 32 as they come, standardised."""
        x = pixels[..., None] if pixels.ndim == 3 else pixels
        x = ((x.to(self.output.weight.dtype) - self.mean) / self.std).permute(0, 3, 1, 2)
        kept = all(25 <= side <= 32 for side in x.shape[2:])  # three halvings, rounded up, make 4 of each of these
        return x if kept else F.interpolate(x, (28, 28), mode="bilinear")

    def normalised(self, x: Tensor) -> Tensor:
        """Each value divided by (k + alpha * sum of squares over 5 neighbouring maps)^beta, section 3.3."""
        return F.local_response_norm(x, 5, alpha=5 * 1e-4, beta=0.75, k=2.0) if self.lrn else x


def overlapping_pool(x: Tensor) -> Tensor:
    """Maxima of 3x3 at every second place: (B, maps, h, w) -> (B, maps, ceil(h / 2), ceil(w / 2))."""
    return F.max_pool2d(x, 3, stride=2, padding=1)


def augmented(x: Tensor, shift: int, flip: bool) -> Tensor:
    """Each image (planes, h, w) shifted by draws of its own from -shift ... shift, and mirrored half of the time.

    The border is repeated where the shift uncovers it. All draws are made on the CPU, and one gather does the rest.
    """
    if not shift and not flip:
        return x
    B, _, h, w = x.shape
    dy, dx = torch.randint(-shift, shift + 1, (2, B, 1))
    rows = (torch.arange(h) + dy).clamp_(0, h - 1)  # (B, h)
    columns = (torch.arange(w) + dx).clamp_(0, w - 1)  # (B, w)
    if flip:
        columns = torch.where(torch.rand(B, 1) < 0.5, w - 1 - columns, columns)
    image = torch.arange(B, device=x.device)[:, None, None]
    picked = x[image, :, rows.to(x.device)[:, :, None], columns.to(x.device)[:, None, :]]  # (B, h, w, planes)
    return picked.permute(0, 3, 1, 2)


def fit(
    train: Examples,
    run: Run,
    *,
    width: int = 32,  # maps of the first convolution
    activation: str = "relu",  # or "tanh"
    lrn: bool = False,  # local response normalisation after the first two poolings
    dropout: float = 0.5,  # share of hidden units silenced in training
    shift: int = 2,  # most pixels that an image is moved by in training, on both axes
    flip: bool = False,  # mirror half of the images: wrong for letters and digits
    lr: float = 1e-3,  # AdamW's highest rate
    weight_decay: float = 5e-4,
    batch: int = 128,  # examples per step; a 64th of the rows where that is less, but 16: few rows, many steps
) -> Fitted:
    if train.x.ndim < 3 or not train.classes:
        raise Unsupported("alexnet classifies images: it takes training material of shape (n, h, w) with classes")
    if activation not in ("relu", "tanh"):
        raise Unsupported(f"alexnet has the activations relu and tanh, {activation} was asked for")
    if run.dtype not in TECHNIQUE.dtypes:
        raise Unsupported(f"alexnet computes in float32 or bfloat16, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    planes = train.x.shape[3] if train.x.ndim == 4 else 1
    pixels = train.x[:1000]  # enough for one mean and one scale
    mean, std = float(pixels.mean()), float(pixels.std()) or 1.0
    network = AlexNet(train.classes, planes, width, activation, lrn, dropout, mean, std)
    network.to(run.device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=weight_decay, fused=True)
    answer = make_answer(network, run, np.bincount(train.y, minlength=train.classes) == 0)

    # Freed at once: from then on glibc keeps freed blocks of up to this size. To ask the system for fresh pages for the
    # maps of every step took a quarter of the time.
    torch.empty(31 * 2**20, dtype=torch.uint8)
    batch = min(batch, max(16, len(train.y) // 64), len(train.y))
    batches = feed.batches(run, train.x, train.y, batch)
    for step in run.steps(examples=batch):
        x, y = next(batches)
        network.train()
        optimiser.param_groups[0]["lr"] = rate(lr, step, run.total)
        with precision(run):
            loss = F.cross_entropy(network(x, shift, flip), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)
    return Fitted(answer, parameters=sum(weight.numel() for weight in network.parameters()))


def precision(run: Run) -> torch.autocast:
    """Products in bfloat16 where the run asks for it; weights stay float32."""
    return torch.autocast(run.device, torch.bfloat16, enabled=run.dtype == "bfloat16")


def make_answer(network: AlexNet, run: Run, unseen: np.ndarray):
    """A function (N, ...) uint8 -> (N, classes) probabilities, 0 for `unseen` classes."""

    @torch.inference_mode()
    def answer(q: np.ndarray) -> np.ndarray:
        network.eval()
        with precision(run):
            blocks = [network(torch.as_tensor(q[i : i + 256], device=run.device)) for i in range(0, len(q), 256)]
        outputs = torch.cat(blocks).cpu().double()  # (N, classes)
        outputs[:, unseen] = -math.inf
        return outputs.softmax(1).numpy()

    return answer


def rate(lr: float, step: int, total: int | None) -> float:
    """Rises over the first twentieth of the steps to lr, falls as a cosine to zero; lr where `total` is not known."""
    if not total:
        return lr
    return lr * min(1.0, (step + 1) / (0.05 * total)) * (1 + math.cos(math.pi * step / total)) / 2

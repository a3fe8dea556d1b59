"""ResNet: layers learn what to add to their input, which shortcuts carry past them.

K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image recognition", CVPR 2016, 1512.03385. The networks
for CIFAR-10 of section 4.2: a convolution, 3 stages of n blocks of two 3x3 convolutions, 6n + 2 layers with weights.

    y = relu(F(x) + x)    F(x) = BN(W2 * relu(BN(W1 * x)))    where maps halve, x is every second pixel, and 0 for the
                                                             new maps (option A): a shortcut has no weights

The gate is that of R. K. Srivastava, K. Greff and J. Schmidhuber, "Highway networks", 1505.00387, in the form that He
et al. give it in "Identity mappings in deep residual networks", 1603.05027, section 3.1:

    y = relu(T(x) F(x) + (1 - T(x)) x)    T(x) = sigmoid(W_T * x + b_T), a 1x1 convolution, b_T = -2 at first

Deviations from the paper:
1. 8 maps in the first stage and a first convolution of stride 2, which costs a sixteenth of 16 maps and stride 1 there;
   both are keywords. Hundreds of steps; 64,000 there.
2. The rate is a tenth of `lr` for the first 1/160 of the steps and falls by ten at a half and at three quarters, as
   there (400, 32,000 and 48,000 of 64,000 steps); a warm-up there for 110 layers alone, and until the training error is
   below 80 %.
3. No augmentation: shifts by up to 4 pixels and mirroring there. One mean and one scale standardise all pixels; the
   mean image is subtracted there.
4. Batches are smaller where images are few; 128 there.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import feed
from harness.contract import Arm, Budget, Claim, Cost, Examples, Fitted, Run, Technique, Test, Unsupported

TECHNIQUE = Technique(
    title="ResNet for small images",
    year=2015,
    paper="He, Zhang, Ren & Sun, Deep residual learning for image recognition, CVPR 2016, arXiv:1512.03385",
    tasks=("classify",),
    forms=("image",),
    devices=("cpu", "cuda"),
    dtypes=("float32", "bfloat16"),
    space={"lr": ("log", 1e-2, 1.0), "weight_decay": ("log", 1e-5, 1e-3)},
    claims=(
        Claim(
            # Settings are the paper's for both kinds of network; none is tuned.
            name="D22 residual connections",
            sentence="A deeper plain network has a higher training loss; with identity shortcuts it has not.",
            datasets=("fashion_mnist",),
            tests=(
                Test(
                    "interaction",
                    (Arm("resnet"), Arm("resnet", {"shortcut": "none"})),
                    "train_loss",
                    least=0.02,
                    expect=0.1,
                    seeds=5,
                    vary={"keywords.depth": (20, 56)},
                    equal=("steps", "weights"),
                    budget=Budget("examples", 100_000),
                    size=10_000,
                ),
                Test(
                    "difference",
                    (
                        Arm("resnet", {"shortcut": "none", "depth": 20}),
                        Arm("resnet", {"shortcut": "none", "depth": 56}),
                    ),
                    "train_loss",
                    least=0.0,
                    expect=0.1,
                    seeds=5,
                    budget=Budget("examples", 100_000),
                    size=10_000,
                ),
                Test(
                    "noninferiority",
                    (Arm("resnet", {"depth": 56}), Arm("resnet", {"depth": 20})),
                    "train_loss",
                    least=-0.02,
                    expect=0.0,
                    seeds=5,
                    budget=Budget("examples", 100_000),
                    size=10_000,
                ),
            ),
            belief=0.85,
            published="ImageNet, top-1 error with 18 and 34 layers: plain 27.94 and 28.54 %, residual 27.88 and "
            "25.03 %; CIFAR-10 with 20, 32, 44, 56, 110 layers: 8.75, 7.51, 7.17, 6.97, 6.43 % (1512.03385)",
            known="the card entered the repository at 00:29:22, after 4 of its 20 rows had begun, the first at "
            "00:22:44 (UTC, 22 November 2026); these rows name the claim",
            left_out="gates, and nets without normalisation, as arms; the same with three times the steps, to tell "
            "degradation from a slow start; 110 layers, and 16 maps, on a GPU; a negative control (a unit test holds "
            "it instead)",
        ),
    ),
)
SHORTCUTS = ("identity", "none", "gate", "zero")
TOLD = 10_000  # training rows, at most, whose loss is told


def cost(
    size,
    shape,
    classes,
    examples=None,
    *,
    depth=20,
    width=8,
    shortcut="identity",
    norm=True,
    stem_stride=2,
    gate_bias=-2.0,
    lr=0.1,
    momentum=0.9,
    weight_decay=1e-4,
    batch=128,
) -> Cost:
    """Two FLOPs per connection forward, and twice that backward; weights with gradient and momentum.

    `examples` that pass in training; the usual budget where it is not counted in examples. At last the training rows
    are read once.
    """
    examples = examples or max(100_000, 10 * size)
    n = (depth - 2) // 6
    h, w = (math.ceil(side / stem_stride) for side in shape[:2])
    planes = shape[2] if len(shape) == 3 else 1
    stem = h * w * 9 * planes * width
    connections = stem + 4 * width * classes
    weights, maps = 9 * planes * width + 4 * width * classes, 3 * h * w * width
    before = width
    for stage in range(3):
        now, area = width * 2**stage, math.ceil(h / 2**stage) * math.ceil(w / 2**stage)
        kernels = 9 * (before * now + (2 * n - 1) * now**2)
        gates = before * now + (n - 1) * now**2 if shortcut == "gate" else 0
        connections += area * (kernels + gates)
        weights += kernels + gates
        maps += area * now * n * (8 if shortcut == "gate" else 6)
        before = now
    return Cost(
        # the first layer needs no gradient of its input
        fit=2 * (3 * connections - stem) * examples + 2 * connections * min(size, 10_000),
        answer=2 * connections,
        bytes=12 * weights + 4 * batch * maps + size * math.prod(shape),
    )


class Block(nn.Module):
    """(B, maps_in, h, w) -> (B, maps, h / stride, w / stride), rounded up: two convolutions and a shortcut."""

    def __init__(self, maps_in: int, maps: int, stride: int, shortcut: str, norm: bool, gate_bias: float) -> None:
        super().__init__()
        self.new, self.stride, self.shortcut = maps - maps_in, stride, shortcut
        self.conv1 = nn.Conv2d(maps_in, maps, 3, stride, padding=1, bias=not norm)
        self.bn1 = nn.BatchNorm2d(maps) if norm else nn.Identity()
        self.conv2 = nn.Conv2d(maps, maps, 3, padding=1, bias=not norm)
        self.bn2 = nn.BatchNorm2d(maps) if norm else nn.Identity()
        if shortcut == "gate":
            self.gate = nn.Conv2d(maps_in, maps, 1, stride)
            nn.init.constant_(self.gate.bias, gate_bias)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(torch.relu_(self.bn1(self.conv1(x)))))
        if self.shortcut == "none":
            return torch.relu_(residual)
        carried = x
        if self.new:  # option A
            carried = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))
        if self.shortcut == "gate":
            T = torch.sigmoid(self.gate(x))
            return torch.relu_(T * residual + (1 - T) * carried)
        return torch.relu_(residual + (0 * carried if self.shortcut == "zero" else carried))


class ResNet(nn.Module):
    """(B, h, w) or (B, h, w, planes) uint8 -> (B, classes). Pixels are standardised by `mean` and `std`."""

    def __init__(
        self,
        classes: int,
        planes: int = 1,
        depth: int = 20,
        width: int = 8,
        shortcut: str = "identity",
        norm: bool = True,
        stem_stride: int = 2,
        gate_bias: float = -2.0,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> None:
        super().__init__()
        self.mean, self.std = mean, std
        self.stem = nn.Conv2d(planes, width, 3, stem_stride, padding=1, bias=not norm)
        self.bn = nn.BatchNorm2d(width) if norm else nn.Identity()
        blocks, before = [], width
        for stage in range(3):
            for k in range((depth - 2) // 6):
                stride = 2 if stage and not k else 1
                blocks.append(Block(before, width * 2**stage, stride, shortcut, norm, gate_bias))
                before = width * 2**stage
        self.blocks = nn.Sequential(*blocks)
        self.output = nn.Linear(4 * width, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pixels: Tensor) -> Tensor:
        x = pixels[..., None] if pixels.ndim == 3 else pixels
        x = ((x.to(self.output.weight.dtype) - self.mean) / self.std).permute(0, 3, 1, 2)  # (B, planes, h, w)
        x = torch.relu_(self.bn(self.stem(x)))  # (B, width, h / stem_stride, w / stem_stride)
        x = self.blocks(x)  # (B, 4 width, a quarter of either side)
        return self.output(x.mean((2, 3)))


def fit(
    train: Examples,
    run: Run,
    *,
    depth: int = 20,  # layers with weights, 6n + 2: 20, 32, 44, 56, 110
    width: int = 8,  # maps of the first stage; twice and four times as many in the others
    shortcut: str = "identity",  # or "none" (a plain network), "gate" (highway), "zero" (identity times 0: plain too)
    norm: bool = True,  # batch normalisation after each 3x3 convolution; else biases
    stem_stride: int = 2,  # of the first convolution
    gate_bias: float = -2.0,  # of a gate at first: below 0 it carries
    lr: float = 0.1,  # highest rate of gradient descent
    momentum: float = 0.9,
    weight_decay: float = 1e-4,
    batch: int = 128,  # examples per step; a 64th of the rows where that is less, but 16: few rows, many steps
) -> Fitted:
    if train.x.ndim < 3 or not train.classes:
        raise Unsupported("resnet classifies images: it takes training material of shape (n, h, w) with classes")
    if depth < 8 or depth % 6 != 2:
        raise Unsupported(f"resnet has 6n + 2 layers, 8, 14, 20 and so on; {depth} were asked for")
    if shortcut not in SHORTCUTS:
        raise Unsupported(f"resnet has the shortcuts {', '.join(SHORTCUTS)}; {shortcut} was asked for")
    if run.dtype not in TECHNIQUE.dtypes:
        raise Unsupported(f"resnet computes in float32 or bfloat16, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    x, y = train.x, train.y
    planes = x.shape[3] if x.ndim == 4 else 1
    mean, std = float(x[:1000].mean()), float(x[:1000].std()) or 1.0  # rows enough for one mean and one scale
    network = ResNet(train.classes, planes, depth, width, shortcut, norm, stem_stride, gate_bias, mean, std)
    network.to(run.device, memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(network.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay, fused=True)

    @torch.inference_mode()
    def outputs(q: np.ndarray) -> Tensor:
        network.eval()
        with precision(run):
            blocks = [network(torch.as_tensor(q[i : i + 256], device=run.device)) for i in range(0, len(q), 256)]
        return torch.cat(blocks).cpu().double()  # (N, classes)

    def answer(q: np.ndarray) -> np.ndarray:
        return outputs(q).softmax(1).numpy()

    # Freed at once: from then on glibc keeps freed blocks of up to this size, so that maps take no fresh pages.
    torch.empty(31 * 2**20, dtype=torch.uint8)
    batch = min(batch, max(16, len(y) // 64), len(y))
    batches = feed.batches(run, x, y, batch)
    for step in run.steps(examples=batch):
        questions, truth = next(batches)
        network.train()
        optimiser.param_groups[0]["lr"] = rate(lr, step, run.total)
        with precision(run):
            loss = F.cross_entropy(network(questions), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)
    train_loss = float(F.cross_entropy(outputs(x[:TOLD]), torch.as_tensor(y[:TOLD])))
    parameters = sum(weight.numel() for weight in network.parameters())
    return Fitted(answer, parameters, told={"train_loss": train_loss})


def precision(run: Run) -> torch.autocast:
    """Products in bfloat16 where the run asks for it; weights stay float32."""
    return torch.autocast(run.device, torch.bfloat16, enabled=run.dtype == "bfloat16")


def rate(lr: float, step: int, total: int | None) -> float:
    """A tenth of lr to warm up, then lr, a tenth from half of the steps on, a hundredth from three quarters on.

    lr where `total` is not known.
    """
    if not total:
        return lr
    share = step / total
    return lr * (0.1 if share < 1 / 160 else 1 if share < 0.5 else 0.1 if share < 0.75 else 0.01)

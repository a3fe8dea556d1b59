"""In-context learning: a GPT that reads examples of a function in its prompt, and continues it. No weight moves then.

T. B. Brown et al., "Language models are few-shot learners", 2005.14165, 2020, where it was found in text; as a test
whose right answer is known: S. Garg, D. Tsipras, P. Liang and G. Valiant, "What can transformers learn in-context? A
case study of simple function classes", 2208.01066, 2022.

    prompt     x_1, f(x_1), x_2, f(x_2), ..., x_k          a place each; f is another function in every prompt
    place      W_in (x, 0)  or  W_in (0, f(x)), + P        then GPT's layers, which see what came before
    loss       mean over i of (output at x_i - f(x_i))^2

A series of k rows is such a prompt: the last channel is f, the others x, and f of the last row is what is asked for;
what stands in its place is not read. With learner="least_squares" each prompt's function is fitted by least squares of
its own k - 1 examples instead, with the shortest w where they do not settle it (A.-M. Legendre, 1805): nothing is
learnt from other prompts.

Deviations from the papers:
1. Numbers, not text, and 3 layers of width 64; 12 of 256 in Garg et al. (section 3), 96 of 12,288 in Brown et al.
2. No curriculum: inputs have all their dimensions, and prompts their length, from the beginning (Garg et al. raise both
   step by step).
3. A fixed material, which a short training sees once or less; a new draw for each step there.
4. Adam's rate rises to 1e-3 and falls as a cosine to a tenth; it is 1e-4 throughout there. Gradients are cut at norm 1.
5. Channels are divided by their deviation in the training material (f and the target by one and the same).
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import feed
from harness.contract import Arm, Budget, Claim, Cost, Examples, Fitted, Run, Technique, Test, Unsupported

TECHNIQUE = Technique(
    title="GPT in context",
    year=2020,
    paper="Brown et al., Language models are few-shot learners, 2005.14165, 2020",
    tasks=("regress",),
    forms=("series",),
    devices=("cpu", "cuda"),
    space={"lr": ("log", 1e-4, 3e-3), "layers": ("choice", 2, 3, 4), "width": ("choice", 32, 64, 128)},
    claims=(
        # Within 20 % of least squares in squared error: a ratio of root mean squares above 1 / sqrt(1.2).
        Claim(
            name="D35 in-context learning",
            sentence="Without a change of weights a network reads a function from twice as many examples as it has "
            "inputs, with an error within 20 % of least squares; where the examples are of other functions it reads "
            "nothing.",
            datasets=(),
            tests=(
                Test(
                    "ratio",
                    (Arm("in_context"), Arm("in_context", {"learner": "least_squares"})),
                    "rmse",
                    0.913,
                    1.0,
                    5,
                    datasets=("linear_prompts",),
                    budget=Budget("examples", 1_024_000),
                    size=300_000,
                ),
                Test(
                    "equivalence",
                    (Arm("in_context"),),
                    "r2",
                    0.05,
                    0.0,
                    3,
                    datasets=("linear_prompts_torn",),
                    budget=Budget("examples", 1_024_000),
                    size=300_000,
                ),
            ),
            belief=0.6,
            published="the error follows that of least squares as examples are added, 20 inputs (Garg et al. 2022)",
            left_out="prompts of 20 inputs, as published; here they have 4, and eight examples",
            known="2,000 steps came to .87 on validation prompts of another seed, least squares to .56",
        ),
    ),
)
LEARNERS = ("gpt", "least_squares")


def cost(size, shape, classes, examples=None, *, learner="gpt", layers=3, heads=4, width=64, batch=64, lr=1e-3) -> Cost:
    """Two FLOPs per weight and place forward, 4 T width for its attention to T others, and twice that backward.

    `examples` that pass in training; the usual budget where it is not counted in examples. Least squares: an answer is
    a decomposition of its k examples of p inputs.
    """
    examples = examples or max(40_000, min(20 * size, 60_000), 10 * size)
    rows, channels = shape[0], shape[1] if len(shape) == 2 else 1
    if learner == "least_squares":
        return Cost(fit=0, answer=14 * rows * channels**2, bytes=4 * size * rows * channels)
    T, weights = 2 * rows - 1, 12 * layers * width**2
    forward = T * (2 * weights + 4 * T * width * layers + 2 * channels * width)
    activations = 8 * batch * T * 20 * layers * width
    return Cost(3 * forward * examples, forward, 20 * weights + activations + 4 * size * rows * channels)


class Block(nn.Module):
    """Attention to what came before, then a feed-forward network at each place: (B, T, width) -> the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.o = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        B, T, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(B, T, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, heads, T, d_k)
        x = x + self.o(heads.transpose(1, 2).reshape(B, T, width))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Prompted(nn.Module):
    """(B, k, channels) float32 -> (B, k): the value of each row's function, from the rows before it and its x."""

    def __init__(self, k: int, channels: int, layers: int, heads: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(channels, width)
        self.positions = nn.Parameter(torch.empty(2 * k - 1, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.output = nn.LayerNorm(width), nn.Linear(width, 1)
        for name, weight in self.named_parameters():
            if weight.ndim > 1 and not name.startswith("enter"):
                ends = name.endswith(("o.weight", "down.weight"))  # in the residual stream
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * layers) if ends else 0.02)

    def forward(self, rows: Tensor) -> Tensor:
        B, k, channels = rows.shape
        places = rows.new_zeros(B, k, 2, channels)  # x, then f(x)
        places[:, :, 0, :-1], places[:, :, 1, -1] = rows[:, :, :-1], rows[:, :, -1]
        x = self.enter(places.view(B, 2 * k, channels)[:, :-1]) + self.positions  # (B, 2k - 1, width)
        for block in self.blocks:
            x = block(x)
        return self.output(self.norm(x[:, ::2]))[:, :, 0]


def fit(
    train: Examples,
    run: Run,
    *,
    learner: str = "gpt",  # or "least_squares", of each prompt alone
    layers: int = 3,
    heads: int = 4,  # that share the width
    width: int = 64,  # numbers of a place in the residual stream
    batch: int = 64,  # prompts per step; fewer where there are few
    lr: float = 1e-3,  # Adam's highest rate
) -> Fitted:
    if learner not in LEARNERS:
        raise ValueError(f"learner {learner!r}: one of {', '.join(LEARNERS)} is right")
    if train.classes or train.y is None or train.x.ndim not in (2, 3) or train.x.dtype != np.float32 or train.levels:
        raise Unsupported("in_context tells numbers from series: material of shape (n, steps) or (n, steps, channels)")
    if train.x.shape[1] < 2:
        raise Unsupported("in_context reads examples of a function: series of 2 rows or more")
    if learner == "least_squares":
        return Fitted(least_squares, parameters=0)
    if width % heads:
        raise Unsupported(f"in_context divides its width among its heads: {heads} do not divide {width}")
    if run.dtype != "float32":
        raise Unsupported(f"in_context computes in float32, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    rows = train.x.reshape(*train.x.shape[:2], -1)  # (n, k, channels)
    deviation = rows.std((0, 1)) + 1e-6
    mean, std = float(train.y.mean()), float(train.y.std()) or 1.0
    deviation[-1] = std
    y = ((train.y - mean) / std).astype(np.float32)
    network = Prompted(*rows.shape[1:], layers, heads, width).to(run.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
    scale = torch.as_tensor(deviation, device=run.device)

    @torch.inference_mode()
    def answer(q: np.ndarray) -> np.ndarray:
        parts = torch.as_tensor(q.reshape(*q.shape[:2], -1)).split(512)
        return (
            torch.cat([network(part.to(run.device) / scale)[:, -1] for part in parts]).cpu().double().numpy() * std
            + mean
        )

    batch = min(batch, len(y), max(16, len(y) // 16))
    batches = feed.batches(run, rows, y, batch)
    for step in run.steps(examples=batch):
        for group in optimiser.param_groups:
            group["lr"] = lr * schedule(step, run.total)
        prompts, asked = next(batches)
        prompts = prompts / scale
        truth = torch.cat([prompts[:, :-1, -1] - mean / std, asked[:, None]], 1)  # (B, k)
        loss = F.mse_loss(network(prompts), truth)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)
    return Fitted(answer, parameters=sum(weight.numel() for weight in network.parameters()))


def schedule(step: int, total: int | None) -> float:
    """Share of the highest rate: it rises for 5 % of the steps, then falls as a cosine; without a total it stays."""
    if not total:
        return 1.0
    rise = total / 20
    return (
        min(1.0, (step + 1) / (rise + 1))
        if step < rise
        else 0.55 + 0.45 * math.cos(math.pi * (step - rise) / (total - rise))
    )


def least_squares(q: np.ndarray) -> np.ndarray:
    """(m,): of each of m prompts (m, k, channels), the value in the last row of the linear function of the others."""
    rows = q.reshape(*q.shape[:2], -1).astype(np.float64)
    x, f = rows[:, :-1, :-1], rows[:, :-1, -1]
    w = np.einsum("mpk,mk->mp", np.linalg.pinv(x), f)  # (m, p)
    return (w * rows[:, -1, :-1]).sum(1)

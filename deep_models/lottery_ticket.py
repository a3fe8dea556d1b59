"""The lottery ticket hypothesis: a network pruned to a few per cent learns well, but from its own initial weights only.

J. Frankle and M. Carbin, "The lottery ticket hypothesis: finding sparse, trainable neural networks", ICLR 2019,
1803.03635. Iterative magnitude pruning (section 1, strategy 1 of appendix B), on the LeNet-300-100 of section 2:

    1. draw theta_0, and keep all weights: m = 1      3. m <- 0 where |theta| is among the least 20 % left in a layer
    2. train f(x; m theta) to theta                   4. theta <- theta_0, and again from 2: f(x; m theta_0) is a ticket

The last training may start from other weights or another mask than the ticket's (`start`), to tell what matters.

Deviations from the paper:
1. Every training gets an equal share of the budget; 50,000 steps in the paper (section 2).
2. A tenth of the rows, at most 5,000, is held out; 5,000 of MNIST's 60,000 there. Its loss is taken 50 times in the
   last training, every 100 steps there; the weights at its minimum, the paper's early stop (section 2), answer.
3. "one shot" spends the steps of all rounds on its one training before the pruning, so that the last is as long as the
   others'; one training of 50,000 steps there (section 2).
4. Rounds go on until at most `left` of the weights are left: 20 % of a layer each time, 10 % of the output layer.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import feed
from harness.contract import Arm, Budget, Claim, Cost, Examples, Fitted, Run, Technique, Test, Unsupported

TECHNIQUE = Technique(
    title="Lottery ticket",
    year=2018,
    paper="Frankle & Carbin, The lottery ticket hypothesis, ICLR 2019, 1803.03635",
    tasks=("classify",),
    forms=("image",),
    devices=("cpu", "cuda"),
    space={"lr": ("log", 3e-4, 5e-3)},
    claims=(
        Claim(
            name="D33 lottery ticket",
            sentence="A network pruned to 7 % or 3.6 % of its weights learns more, and sooner, from the initial values "
            "of these weights than from new ones; before any pruning they are alike.",
            datasets=("fashion_mnist",),
            belief=0.95,
            published="LeNet-300-100 on MNIST: tickets of less than 10 to 20 % of the size learn faster and come to a "
            "higher accuracy, good down to 3.6 % (1803.03635, sections 1 and 2)",
            stand_in="Fashion-MNIST for MNIST, 10,000 rows of it, so that a training is 17 passes over the rows",
            known="one seed of each arm: .859 against .843, .854 against .840 and, unpruned, .855 against .850 in six "
            "rows that began from 00:15:05 on; the card entered the repository at 00:29:22 (UTC, 22 November 2026). "
            "They are not among the rows of the verdict",
            left_out="a random mask and pruning at one shot as arms; 5,000 steps a round (here 2,500)",
            tests=(
                Test("difference", (Arm("lottery_ticket", {"left": 0.07}),
                    Arm("lottery_ticket", {"left": 0.07, "start": "fresh"})),
                    "accuracy", 0.003, 0.01, 5, {"size": (10_000,)}, ("steps", "weights"),
                    budget=Budget("examples", 1_950_000)),
                Test("difference", (Arm("lottery_ticket", {"left": 0.036}),
                    Arm("lottery_ticket", {"left": 0.036, "start": "fresh"})),
                    "accuracy", 0.003, 0.01, 5, {"size": (10_000,)}, ("steps", "weights"),
                    budget=Budget("examples", 2_400_000)),
                Test("difference", (Arm("lottery_ticket", {"left": 0.07}),
                    Arm("lottery_ticket", {"left": 0.07, "start": "fresh"})),
                    "early_stop_step", 0.0, 300, 5, {"size": (10_000,)}, ("steps", "weights"),
                    budget=Budget("examples", 1_950_000)),
                Test("difference", (Arm("lottery_ticket", {"left": 0.036}),
                    Arm("lottery_ticket", {"left": 0.036, "start": "fresh"})),
                    "early_stop_step", 0.0, 300, 5, {"size": (10_000,)}, ("steps", "weights"),
                    budget=Budget("examples", 2_400_000)),
                Test("difference", (Arm("lottery_ticket", {"left": 1.0}),
                    Arm("lottery_ticket", {"left": 1.0, "start": "fresh"})),
                    "accuracy", 0.003, 0.0, 20, {"size": (10_000,)}, ("steps", "weights"), control=True,
                    budget=Budget("examples", 150_000)),
            ),
        ),
    ),
)  # fmt: skip
RATES = (0.2, 0.2, 0.1)  # share of a layer's weights that a round prunes: half of it at the output (section 2)
STARTS = ("original", "fresh", "shuffled mask", "one shot")
LOOKS = 50  # at the held-out rows, in the last training


def cost(size, shape, classes, examples=None, *, start="original", left=0.07, lr=1.2e-3, batch=60) -> Cost:
    """Two FLOPs per weight forward, and twice that backward, pruned or not: a zero is multiplied too.

    `examples` that pass in all trainings; the usual budget where it is not counted in examples.
    """
    examples = examples or max(40_000, min(20 * size, 60_000), 10 * size)
    first = 300 * math.prod(shape)
    weights = first + 300 * 100 + 100 * classes
    looks = min(50, examples / batch) * min(size // 10, 5_000)
    # the first layer needs no gradient of its input
    fit = 2 * (3 * weights - first) * examples + 2 * weights * looks
    return Cost(fit, 2 * weights, bytes=28 * weights + 5 * size * math.prod(shape))


class LeNet300(nn.Module):
    """(B, ...) uint8 -> (B, classes): two hidden layers of 300 and 100 units, Gaussian Glorot initial weights."""

    def __init__(self, pixels: int, classes: int) -> None:
        super().__init__()
        widths = (pixels, 300, 100, classes)
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths[:-1], widths[1:], strict=True))
        self.initialise()

    def initialise(self) -> None:
        for layer in self.layers:
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        x = pixels.flatten(1).float() / 255
        for layer in self.layers[:-1]:
            x = layer(x).relu()  # (B, 300), (B, 100)
        return self.layers[-1](x)


def kept(counts: list[int], rounds: int) -> list[int]:
    """How many of each layer's `counts` weights are left after so many rounds; at least one."""
    left = list(counts)
    for _ in range(rounds):
        left = [max(1, n - round(n * rate)) for n, rate in zip(left, RATES, strict=True)]
    return left


def rounds_for(counts: list[int], left: float) -> int:
    """Rounds after which at most the share `left` of all weights is left, or no more can go."""
    rounds = 0
    while sum(kept(counts, rounds)) > left * sum(counts) and kept(counts, rounds + 1) != kept(counts, rounds):
        rounds += 1
    return rounds


@torch.no_grad()
def pruned(weight: Tensor, mask: Tensor, count: int) -> Tensor:
    """The mask of the `count` weights of largest magnitude among those that `mask` keeps."""
    size = torch.where(mask, weight.abs(), -1.0).flatten()  # what is pruned stays so, a weight of 0 may stay
    chosen = torch.zeros_like(size, dtype=torch.bool)
    chosen[size.topk(count).indices] = True
    return chosen.view_as(mask)


def fit(
    train: Examples,
    run: Run,
    *,
    start: str = "original",  # of the last training: or "fresh" weights, "shuffled mask", or "one shot" of pruning
    left: float = 0.07,  # share of the weights that are left in the end; 1: no pruning
    lr: float = 1.2e-3,  # Adam's
    batch: int = 60,  # examples per step; fewer where there are few
) -> Fitted:
    if start not in STARTS or not 0 < left <= 1:
        raise ValueError(f"start {start!r}, left {left}: one of {', '.join(STARTS)}, and a share above 0 are right")
    if train.x.ndim < 3 or not train.classes:
        raise Unsupported("lottery_ticket classifies images: it takes material of shape (n, h, w) with classes")
    if run.dtype != "float32":
        raise Unsupported(f"lottery_ticket computes in float32, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    network = LeNet300(math.prod(train.x.shape[1:]), train.classes).to(run.device)
    initial = {name: value.clone() for name, value in network.state_dict().items()}
    weights = [layer.weight for layer in network.layers]
    counts = [weight.numel() for weight in weights]
    rounds = rounds_for(counts, left)
    masks = [torch.ones_like(weight, dtype=torch.bool) for weight in weights]

    held = min(len(train.y) // 10, 5_000)
    order = np.random.default_rng(run.seed).permutation(len(train.y))
    seen, aside = order[held:], order[:held]
    held_x, held_y = (torch.as_tensor(part[aside], device=run.device) for part in (train.x, train.y))
    batch = min(batch, max(16, len(seen) // 16), len(seen))
    batches = feed.batches(run, train.x[seen], train.y[seen], batch)

    @torch.inference_mode()
    def answer(q: np.ndarray) -> np.ndarray:
        blocks = [network(torch.as_tensor(q[i : i + 1000], device=run.device)) for i in range(0, len(q), 1000)]
        return torch.cat(blocks).cpu().double().softmax(1).numpy()  # (N, classes)

    done, began = 0, 0  # rounds, and the step at which the present training began
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
    if start == "fresh" and not rounds:
        network.initialise()
    least, best, early = math.inf, network.state_dict(), 0
    for step in run.steps(examples=batch):
        if run.total is None:
            raise Unsupported("lottery_ticket shares its steps among its trainings: it needs a budget that counts them")
        due = step * (rounds + 1) // run.total
        if due > done and (start != "one shot" or due == rounds):
            done, began = due, step
            targets = kept(counts, done)
            masks = [pruned(*layer) for layer in zip(weights, masks, targets, strict=True)]
            network.load_state_dict(initial)
            if done == rounds and start == "fresh":
                network.initialise()
            if done == rounds and start == "shuffled mask":
                masks = [mask.flatten()[torch.randperm(mask.numel())].view_as(mask) for mask in masks]
            silence(weights, masks)
            optimiser = torch.optim.Adam(network.parameters(), lr=lr, fused=True)  # its moments begin at 0 again
        x, y = next(batches)
        loss = F.cross_entropy(network(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        silence(weights, masks)
        run.note(loss=loss.detach())
        run.offer(answer)
        here = step + 1 - began  # steps of this training
        if done == rounds and (here % max(1, (run.total - began) // LOOKS) == 0 or step + 1 == run.total):
            with torch.no_grad():
                # with too few rows to hold any out the last weights answer
                now = float(F.cross_entropy(network(held_x), held_y)) if held else -here
            if now < least:
                least, early = now, here
                best = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(best)
    alive = sum(int(mask.sum()) for mask in masks)
    told = {"weights_left": alive / sum(counts), "early_stop_step": early}
    return Fitted(answer, parameters=alive + sum(layer.bias.numel() for layer in network.layers), told=told)


@torch.no_grad()
def silence(weights: list[Tensor], masks: list[Tensor]) -> None:
    """Put what is pruned to 0 again: Adam's moments would move it."""
    for weight, mask in zip(weights, masks, strict=True):
        weight *= mask

"""A training step of ours against one of the public implementation that a user would otherwise take: ratios.

    python -m benchmarks.against [--nanogpt FOLDER] [--rounds 7]      (a quiet machine; some minutes; prints JSON)

Same sizes, same material, one thread, turn by turn in one process. Each turn's number is the median time of its steps;
the ratio is theirs over ours, its middle over the rounds, with the smallest and the largest: above 1 ours is faster.
The others are written from public descriptions as one finds them: `torch.nn` modules in a plain loop; a ResNet whose
pictures stay planes first; a DQN with one environment, as in CleanRL's single file. nanoGPT is the repository's own
`model.py`, read from FOLDER, with its CPU recipe.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from harness import catalogue, machine
from harness.contract import Budget, Examples, Run

SEED = 0
Timed = Callable[[], float]  # seconds of a step, in the middle


def technique(name: str) -> ModuleType:
    """The technique's file, imported by path."""
    return catalogue.load(catalogue.path_of("technique", name))


def ours(name: str, train: Any, steps: int, examples: int = 0, **keywords: Any) -> Timed:
    """A fit of that many steps; examples: environments that step side by side, else a step is one."""
    fit = technique(name).fit

    def turn() -> float:
        run = Run(seed=SEED, budget=Budget("steps", steps))
        fit(train, run, **keywords)
        stamps = [stamp for _, stamp in run.stamps]
        return statistics.median(b - a for a, b in zip(stamps[1:], stamps[2:], strict=False)) / (examples or 1)

    return turn


def theirs(steps: Iterator[None], count: int) -> Timed:
    """`count` steps of an endless loop."""

    def turn() -> float:
        times = [time.perf_counter()]
        for _ in range(count):
            next(steps)
            times.append(time.perf_counter())
        return statistics.median(b - a for a, b in zip(times[1:], times[2:], strict=False))

    return turn


def learning(network: nn.Module, batches: Callable[[], tuple[Any, Any]], lr: float = 1e-3) -> Iterator[None]:
    """The loop that one writes: forward, cross-entropy, backward, cut, Adam."""
    optimiser = torch.optim.Adam(network.parameters(), lr=lr)
    while True:
        x, y = batches()
        loss = F.cross_entropy(network(x).flatten(0, -2), y.flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        yield


def text(size: int = 200_000, classes: int = 65) -> np.ndarray:
    """Tokens at random: what they say does not matter here."""
    return np.random.default_rng(SEED).integers(0, classes, size).astype(np.uint8)


def blocks(tokens: np.ndarray, rows: int, block: int) -> Callable[[], tuple[torch.Tensor, torch.Tensor]]:
    """Random blocks and the tokens that follow."""
    data = torch.as_tensor(tokens.astype(np.int64))

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        starts = torch.randint(len(data) - block - 1, (rows,)).tolist()
        x = torch.stack([data[i : i + block] for i in starts])
        y = torch.stack([data[i + 1 : i + 1 + block] for i in starts])
        return x, y

    return batch


# --------------------------------------------------------------------------------------------------------- the contests


def gpt(folder: Path) -> tuple[Timed, Timed]:
    """nanoGPT's CPU recipe: 4 layers of 128, 12 blocks of 64."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", folder / "model.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    sizes = {"block_size": 64, "vocab_size": 65, "n_layer": 4, "n_head": 4, "n_embd": 128, "dropout": 0.0}
    network = module.GPT(module.GPTConfig(**sizes, bias=False))
    optimiser = network.configure_optimizers(0.1, 1e-3, (0.9, 0.99), "cpu")
    batch = blocks(text(), 12, 64)

    def steps() -> Iterator[None]:
        while True:
            x, y = batch()
            _, loss = network(x, y)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            yield

    return ours("gpt", Examples(text(), None, 65), 60), theirs(steps(), 60)


def transformer() -> tuple[Timed, Timed]:
    """torch.nn.TransformerEncoder with a mask, of the same sizes."""

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.places = nn.Embedding(65, 128), nn.Parameter(torch.zeros(64, 128))
            layer = nn.TransformerEncoderLayer(128, 4, 512, 0.0, "gelu", batch_first=True, norm_first=True)
            self.layers = nn.TransformerEncoder(layer, 4, nn.LayerNorm(128), enable_nested_tensor=False)
            self.output = nn.Linear(128, 65)
            self.mask = nn.Transformer.generate_square_subsequent_mask(64)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.output(self.layers(self.embedding(x) + self.places, self.mask, is_causal=True))

    loop = learning(Plain(), blocks(text(), 12, 64))
    return ours("transformer", Examples(text(), None, 65), 60), theirs(loop, 60)


def lstm() -> tuple[Timed, Timed]:
    """torch.nn.LSTM in a plain loop, 20 streams of 35 tokens."""

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.cells = nn.Embedding(65, 128), nn.LSTM(128, 128, batch_first=True)
            self.output = nn.Linear(128, 65)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.output(self.cells(self.embedding(x))[0])

    loop = learning(Plain(), blocks(text(), 20, 35))
    return ours("lstm", Examples(text(), None, 65), 60, dropout=0.0), theirs(loop, 60)


def attention() -> tuple[Timed, Timed]:
    """A decoder as tutorials have it: at each step the state beside every source word through one layer."""
    rng, words = np.random.default_rng(SEED), [f"w{k}" for k in range(1_000)]
    lines = [" ".join(rng.choice(words, 13)) for _ in range(3_000)]
    texts = np.array(lines, dtype=np.dtypes.StringDType())

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.source, self.target = nn.Embedding(1_004, 128), nn.Embedding(1_004, 128)
            self.encoder = nn.GRU(128, 128, bidirectional=True, batch_first=True)
            self.first, self.energy, self.v = nn.Linear(256, 128), nn.Linear(384, 128), nn.Linear(128, 1, bias=False)
            self.decoder, self.before = nn.GRU(384, 128, batch_first=True), nn.Linear(128 + 256 + 128, 256)
            self.output = nn.Linear(128, 1_004)

        def forward(self, pair: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
            x, y = pair
            h, ends = self.encoder(self.source(x))
            s, outputs = torch.tanh(self.first(torch.cat([ends[0], ends[1]], 1))), []
            for t in range(y.shape[1]):
                word = self.target(y[:, t : t + 1])
                beside = torch.cat([s[:, None].expand(-1, h.shape[1], -1), h], 2)
                alpha = self.v(torch.tanh(self.energy(beside))).softmax(1)
                c = (alpha * h).sum(1, keepdim=True)
                out, last = self.decoder(torch.cat([word, c], 2), s[None])
                s = last[0]
                pairs = self.before(torch.cat([out, c, word], 2)).unflatten(2, (128, 2))
                outputs.append(self.output(pairs.amax(3)))  # maxout, as in the paper and in ours
            return torch.cat(outputs, 1)

    def batch() -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
        x, y = torch.randint(4, 1_004, (2, 32, 14))
        return (x, y), y

    return ours("attention", Examples(texts, texts, 0), 40), theirs(learning(Plain(), batch), 40)


def resnet() -> tuple[Timed, Timed]:
    """Blocks as torchvision writes them, planes first; depth 20, width 8, 28x28 with a first stride of 2."""
    rng = np.random.default_rng(SEED)
    x, y = rng.integers(0, 256, (4_000, 28, 28)).astype(np.uint8), rng.integers(0, 10, 4_000)

    class Block(nn.Module):
        def __init__(self, before: int, now: int) -> None:
            super().__init__()
            stride = now // before
            self.conv1, self.bn1 = nn.Conv2d(before, now, 3, stride, 1, bias=False), nn.BatchNorm2d(now)
            self.conv2, self.bn2 = nn.Conv2d(now, now, 3, 1, 1, bias=False), nn.BatchNorm2d(now)
            self.relu, self.more = nn.ReLU(inplace=True), now - before

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            if self.more:
                x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more // 2))
            return self.relu(out + x)

    widths = [8, 8, 8, 8, 16, 16, 16, 32, 32, 32]
    body = [Block(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    stem = [nn.Conv2d(1, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True)]
    network = nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    optimiser = torch.optim.SGD(network.parameters(), 0.1, 0.9, weight_decay=1e-4)

    def steps() -> Iterator[None]:
        while True:
            rows = rng.integers(0, 4_000, 62)
            loss = F.cross_entropy(network(torch.as_tensor(x[rows]).float()[:, None] / 255), torch.as_tensor(y[rows]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            yield

    return ours("resnet", Examples(x, y, 10), 40, batch=62), theirs(steps(), 40)


def dqn() -> tuple[Timed, Timed]:
    """Mini breakout, an update every 4 steps of the world: eight environments against a loop over one."""
    card = catalogue.load(catalogue.path_of("dataset", "mini_breakout"))
    arena, module = card.load(), technique("dqn")
    q, target = module.Q(arena.shape, arena.actions), module.Q(arena.shape, arena.actions)
    optimiser, world, rng = (
        torch.optim.Adam(q.parameters(), lr=2.5e-4),
        arena.make(1, SEED),
        np.random.default_rng(SEED),
    )
    kept = {name: np.zeros((100_000, *shape), kind) for name, shape, kind in (
        ("s", arena.shape, np.uint8), ("after", arena.shape, np.uint8), ("a", (), np.int64), ("r", (), np.float32),
        ("end", (), np.float32))}  # fmt: skip

    def steps() -> Iterator[None]:
        s, count = world.reset()[0], 0
        while True:
            wanders = rng.random() < 0.1
            a = rng.integers(0, arena.actions, 1) if wanders else q(torch.as_tensor(s)).argmax(1).numpy()
            after, r, end, _, _ = world.step(a)
            for name, value in (("s", s[0]), ("after", after[0]), ("a", a[0]), ("r", r[0]), ("end", end[0])):
                kept[name][count % 100_000] = value
            s, count = after, count + 1
            if count > 32 and count % 4 == 0:
                rows = rng.integers(0, min(count, 100_000), 32)
                drawn = tuple(torch.as_tensor(kept[name][rows]) for name in ("s", "a", "r", "end", "after"))
                with torch.no_grad():
                    aim = drawn[2] + 0.99 * (1 - drawn[3]) * target(drawn[4]).amax(1)
                loss = F.huber_loss(q(drawn[0]).gather(1, drawn[1][:, None])[:, 0], aim)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            yield

    loop = steps()

    def four() -> float:
        """An update comes with every fourth step: the mean over whole fours."""
        start = time.perf_counter()
        for _ in range(800):
            next(loop)
        return (time.perf_counter() - start) / 800

    return ours("dqn", arena, 300, 8, warmup=100, target_every=500), four


def main() -> None:
    """Every contest, turn by turn, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nanogpt", type=Path, help="a checkout of nanoGPT")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(1)
    contests = {"transformer": transformer, "lstm": lstm, "attention": attention, "resnet": resnet, "dqn": dqn}
    made = {name: contest() for name, contest in contests.items()}
    if args.nanogpt:
        made["gpt"] = gpt(args.nanogpt)
    found: dict[str, Any] = {}
    turns: dict[str, list[tuple[float, float]]] = {name: [] for name in made}
    for k in range(args.rounds + 1):
        for name, (mine, other) in made.items():
            pair = (mine(), other()) if k % 2 else (other(), mine())[::-1]
            if k:  # the first round warms up
                turns[name].append(pair)
    for name, pairs in turns.items():
        ratios = [other / mine for mine, other in pairs]
        mine, other = (statistics.median(side) for side in zip(*pairs, strict=True))
        found[name] = {"ratio": round(statistics.median(ratios), 2), "least": round(min(ratios), 2)}
        found[name] |= {
            "most": round(max(ratios), 2),
            "ours_ms": round(1e3 * mine, 3),
            "theirs_ms": round(1e3 * other, 3),
        }
    about = {"machine": machine.fingerprint()["name"], "date": time.strftime("%Y-%m-%d"), "torch": torch.__version__}
    print(json.dumps(about | {"rounds": args.rounds, "contests": found}, indent=1))


if __name__ == "__main__":
    main()

"""Transformer: every place of a sequence looks at the others by attention; nothing is recurrent.

A. Vaswani, N. Shazeer, N. Parmar, J. Uszkoreit, L. Jones, A. N. Gomez, L. Kaiser and I. Polosukhin, "Attention is all
you need", NIPS 2017, 1706.03762. As a language model: A. Radford et al., "Language models are unsupervised multitask
learners", 2019 (GPT-2), with the settings of nanoGPT's recipe for a CPU.

    Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k)) V

Deviations from the paper:
1. One stack instead of encoder and decoder: with causal attention it continues running texts (the decoder of section
   3.1 without the encoder's part); with attention to all places, and the mean over them, it classifies.
2. Normalised before attention and before the feed-forward network, and once at the end, as in GPT-2; after each in
   section 3.1. GELU, as in GPT-2; ReLU in section 3.3.
3. Positions are learned, as in GPT-2; sinusoids in section 3.5. Embeddings are not multiplied by sqrt(width) (3.4).
4. Weights start normal with 0.02, those that end in the residual stream with 0.02 / sqrt(2 layers), as in GPT-2.
5. AdamW, a rate that rises for 100 steps (5 % at most) and falls as a cosine to zero, decay 0.1, the norm of the
   gradient cut at 1; Adam and 1 / sqrt(step) in section 5.3. No label smoothing (section 5.4).
6. Of a running text the last tenth, at most 5,000 tokens, is held out, and the weights that foretell it best are kept.
   A passage is read in windows of `block` tokens that overlap by half.
7. Texts are words and signs in lower case that came twice in training, or one unknown word; sounds are 40 log-mel
   bands of 25 ms every 20 ms, standardised, at 8,000 samples a second.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import feed
from harness.contract import Answer, Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="Transformer",
    year=2017,
    paper="Vaswani et al., Attention is all you need, NIPS 2017, 1706.03762",
    tasks=("next_token", "classify"),
    forms=("tokens", "text", "sound"),
    devices=("cpu", "cuda"),
    dtypes=("float32", "bfloat16"),
    space={
        "lr": ("log", 1e-4, 5e-3),
        "width": ("choice", 64, 128, 256),
        "layers": ("choice", 2, 4),
        "dropout": ("choice", 0.0, 0.1, 0.3),
    },
)
BANDS = 40
WORD = re.compile(r"\w+|[^\w\s]")


def cost(
    size, shape, classes, examples=None, *, width=128, layers=4, heads=4, lr=1e-3, rows=12, block=64, batch=64,
    length=64, dropout=0.0,
) -> Cost:  # fmt: skip
    """Two FLOPs per weight and token forward, 4 T width for its attention to T others, and twice that backward.

    `examples`, or tokens of a running text, that pass in training; the usual budget where it is not counted in these.
    A text has its typical number of words; one of more than 1,000 is a sound's number of samples.
    """
    sound = bool(shape) and shape[0] > 1000
    T = max(1, min(block, size - 1)) if not shape else 1 + (shape[0] - 200) // 160 if sound else min(length, shape[0])
    weights, output = 12 * layers * width**2, 2 * width * classes
    each = 2 * weights + 4 * T * width * layers
    if not shape:
        held, tokens = min(size // 10, 5_000), examples or max(300_000, min(20 * size, 2_000_000), 2 * size)
        looks = 1 + 5.5 * math.log(1 + tokens / (25 * rows * T))  # at the held tokens, in windows that overlap
        memory = 20 * (weights + width * (classes + T)) + 8 * rows * T * (20 * layers * width + 2 * classes)
        return Cost((3 * tokens + 2 * looks * held) * (each + output), 2 * (each + output), memory + 9 * size)
    examples = examples or max(20_000, min(30 * size, 60_000), 10 * size)
    first = 2 * T * 40 * width if sound else 0  # needs no gradient of its input
    bands = 2 * T * 257 * 40 if sound else 0  # read twice before training
    fit, answer = (3 * (T * each + output) + 2 * first) * examples, T * each + first + output
    memory = 20 * (weights + width * (T + 20 * (size * T) ** 0.5)) + 100 * batch * T * width * layers
    return Cost(fit + 2 * bands * size, answer + bands, memory + 8 * size * max(length, 20 * T))


class Block(nn.Module):
    """Attention, then a feed-forward network at each place, both added to their input: (B, T, width) -> the same."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.o = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        """real (B, 1, 1, T) tells where not to look; without it no place looks at a later one."""
        B, T, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(B, T, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        heads = F.scaled_dot_product_attention(q, k, v, attn_mask=real, is_causal=real is None)  # (B, heads, T, d_k)
        x = x + self.dropout(self.o(heads.transpose(1, 2).reshape(B, T, width)))
        return x + self.dropout(self.down(F.gelu(self.up(self.norm2(x)))))


class Transformer(nn.Module):
    """Blocks over (B, T) int64 words, or over (B, T, BANDS) float32 where `words` is 0; T up to `places`.

    Gives (B, classes) of each sequence's first `lengths` places, or without these (B, T, classes) of every place.
    """

    def __init__(self, words: int, classes: int, width=128, layers=4, heads=4, places=64, dropout=0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width) if words else nn.Linear(BANDS, width)
        self.positions = nn.Parameter(torch.empty(places, width))
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm, self.output = nn.LayerNorm(width), nn.Linear(width, classes, bias=False)
        self.dropout = nn.Dropout(dropout)
        for name, weight in self.named_parameters():
            if weight.ndim > 1:
                ends = name.endswith(("o.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * layers) if ends else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        x = self.dropout(self.embedding(x) + self.positions[: x.shape[1]])  # (B, T, width)
        real = None if lengths is None else torch.arange(x.shape[1], device=x.device) < lengths[:, None]  # (B, T)
        for block in self.blocks:
            x = block(x, None if real is None else real[:, None, None])
        x = self.norm(x)
        if real is not None:
            x = (x * real[:, :, None]).sum(1) / lengths[:, None]  # (B, width)
        return self.output(x)


def fit(
    train: Examples,
    run: Run,
    *,
    width: int = 128,  # numbers of a place in the residual stream
    layers: int = 4,
    heads: int = 4,  # that share the width
    lr: float = 1e-3,  # AdamW's highest rate
    rows: int = 12,  # blocks of a running text per step; fewer where it is short
    block: int = 64,  # tokens of a running text that see each other
    batch: int = 64,  # texts or sounds per step; fewer where there are few
    length: int = 64,  # words of a text that are read
    dropout: float = 0.0,  # share of what each layer adds that is left out, in training
) -> Fitted:
    torch.manual_seed(run.seed)
    x, y = train.x, train.y
    if y is None and x.ndim == 1 and x.dtype.kind in "iu":
        held = x[len(x) - min(len(x) // 10, 5_000) :].astype(np.int64)
        tokens = torch.as_tensor(x[: len(x) - len(held)].astype(np.int64), device=run.device)
        block, rows = min(block, len(tokens) - 1), min(rows, max(4, len(tokens) // 1000))
        network = Transformer(train.classes, train.classes, width, layers, heads, block, dropout)
        network.output.weight = network.embedding.weight
        losses, examples = continue_(run, network, tokens, rows, block), rows * block
        answer = continuer(run, network)
    elif train.classes and (x.dtype.kind == "T" or (x.ndim == 2 and x.dtype == np.int16)):
        reader, words = make_reader(x, length)
        known, lengths = reader(x)
        network = Transformer(words, train.classes, width, layers, heads, known.shape[1], dropout)
        held, examples = np.empty(0, np.int64), min(batch, len(y), max(16, len(y) // 16))
        losses = classify(run, network, known, lengths, torch.as_tensor(y), examples)
        answer = classifier(run, network, reader)
    else:
        raise Unsupported("transformer continues running texts and classifies texts and sounds")
    network.to(run.device)
    network.forward = torch.autocast(run.device, torch.bfloat16, enabled=run.dtype == "bfloat16")(network.forward)
    descend(run, network, losses, examples, lr, answer, held)
    return Fitted(answer, parameters=sum(weight.numel() for weight in network.parameters()))


def descend(run: Run, network: Transformer, losses: Iterator, examples: int, lr: float, answer: Answer, held) -> None:
    """Follow the gradient of each loss, then go back to the weights that foretold the `held` tokens best, if any."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=lr, betas=(0.9, 0.99), weight_decay=0.1, fused=True)
    best, kept, due = np.inf, None, 0.0
    for step in run.steps(examples=examples):
        rate = lr * min(1, (step + 1) / min(100, 1 + (run.total or 2000) / 20))
        optimiser.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * step / run.total)) / 2 if run.total else rate
        network.train()
        loss = next(losses)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)
        if len(held) > 1 and (step >= due or step + 1 == run.total):
            due = 1.2 * step + 5
            foretold = -np.log(answer(held[:-1])[np.arange(len(held) - 1), held[1:]] + 1e-30).mean()
            if foretold < best:
                best, kept = foretold, {name: value.clone() for name, value in network.state_dict().items()}
    if kept:
        network.load_state_dict(kept)


# ------------------------------------------------------------------------------------------------------- running texts


def continue_(run: Run, network: Transformer, tokens: Tensor, rows: int, block: int) -> Iterator[Tensor]:
    """Losses of `rows` blocks that begin anywhere."""
    order = torch.Generator().manual_seed(run.seed)
    while True:
        start = torch.randint(len(tokens) - block, (rows, 1), generator=order)
        x = tokens[(start + torch.arange(block + 1)).to(tokens.device)]  # (rows, block + 1)
        outputs = network(x[:, :-1])  # (rows, block, classes)
        yield F.cross_entropy(outputs.flatten(0, 1).float(), x[:, 1:].flatten())


def continuer(run: Run, network: Transformer) -> Answer:
    """Answers (m, classes) to passages (m,); windows overlap by half, so that every place sees half a block before."""
    block, half = len(network.positions), max(1, len(network.positions) // 2)

    @torch.inference_mode()
    def answer(passage: np.ndarray) -> np.ndarray:
        network.eval()
        tokens, m = torch.as_tensor(passage.astype(np.int64)), len(passage)
        p = np.empty((m, network.output.out_features), np.float32)
        starts = torch.arange(0, max(m - block, 0) + half, half)
        for some in starts.split(16):
            windows = tokens[(some[:, None] + torch.arange(block)).clamp(max=m - 1)]  # (16, block), the end repeated
            found = network(windows.to(run.device)).float().softmax(-1).cpu().numpy()
            for start, rows in zip(some.tolist(), found, strict=True):
                seen = block - half if start else 0  # places that the window before has answered
                p[start + seen : start + block] = rows[seen : m - start]
        return p

    return answer


# ---------------------------------------------------------------------------------------------------- texts and sounds


def classify(run: Run, network: Transformer, x: Tensor, lengths: Tensor, y: Tensor, batch: int) -> Iterator[Tensor]:
    """Losses of batches of like length: a pool of rows is drawn, sorted by length, and cut."""
    order = torch.Generator().manual_seed(run.seed)
    pool = batch * min(16, max(1, len(y) // batch // 4))
    x = feed.to_device(x, run.device)
    for drawn, _ in feed.batches(run, np.arange(len(y)), np.arange(len(y)), pool):
        drawn = drawn.cpu()
        parts = drawn[lengths[drawn].argsort(stable=True)].split(batch)
        for i in torch.randperm(len(parts), generator=order).tolist():
            long = lengths[parts[i]]
            picked = x[parts[i].to(x.device), : int(long.max())].to(run.device)
            outputs = network(picked, long.to(run.device))
            yield F.cross_entropy(outputs.float(), y[parts[i]].to(run.device))


def classifier(run: Run, network: Transformer, reader: Callable) -> Answer:
    """Answers (N, classes) to N texts or sounds."""

    @torch.inference_mode()
    def answer(q: np.ndarray) -> np.ndarray:
        network.eval()
        p = np.empty((len(q), network.output.out_features))
        for start in range(0, len(q), 256):
            x, lengths = reader(q[start : start + 256])
            outputs = network(x[:, : int(lengths.max())].to(run.device), lengths.to(run.device))
            p[start : start + 256] = outputs.double().softmax(1).cpu().numpy()
        return p

    return answer


def make_reader(x: np.ndarray, length: int) -> tuple[Callable[[np.ndarray], tuple[Tensor, Tensor]], int]:
    """A function: texts or sounds -> (n, T) numbers of words or (n, T, BANDS) bands, and lengths (n,); and how many
    words it knows. Words are numbered, bands standardised, by the training rows `x`.
    """
    if x.dtype.kind == "T":
        counts = Counter(word for text in x.tolist() for word in WORD.findall(text.lower())[:length])
        repeated = [word for word, count in counts.items() if count > 1]
        vocabulary = {word: number for number, word in enumerate(repeated, start=2)}  # 0 is padding, 1 an unknown word
        return partial(numbered, vocabulary=vocabulary, length=length), len(vocabulary) + 2
    bands, lengths = log_mel(x)
    heard = bands[torch.arange(bands.shape[1]) < lengths[:, None]]  # (frames, BANDS)
    return partial(log_mel, mean=heard.mean(0), std=heard.std(0, correction=0).clamp(min=1e-3)), 0


def numbered(texts: np.ndarray, vocabulary: dict[str, int], length: int) -> tuple[Tensor, Tensor]:
    rows, lengths = np.zeros((len(texts), length), np.int64), np.ones(len(texts), np.int64)
    for i, text in enumerate(texts.tolist()):
        numbers = [vocabulary.get(word, 1) for word in WORD.findall(text.lower())[:length]] or [1]
        rows[i, : len(numbers)], lengths[i] = numbers, len(numbers)
    return torch.as_tensor(rows), torch.as_tensor(lengths)


def log_mel(sounds: np.ndarray, mean: Tensor | float = 0.0, std: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
    """(n, samples) int16 -> (n, T, BANDS) log energies and (n,) frames before the zeros at the end, 1 at least."""
    mel = np.linspace(0, 2595 * np.log10(1 + 4000 / 700), BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)  # hertz where the triangles begin, peak and end
    hertz, wide = np.linspace(0, 4000, 257)[:, None], np.diff(edges)
    triangles = np.maximum(0, np.minimum((hertz - edges[:-2]) / wide[:-1], (edges[2:] - hertz) / wide[1:]))
    bands, ends = [], []
    for start in range(0, len(sounds), 256):
        waves = torch.as_tensor(sounds[start : start + 256].astype(np.float32) / 2**15)
        waves = F.pad(waves, (0, max(0, 200 - waves.shape[1])))
        power = torch.fft.rfft(waves.unfold(1, 200, 160) * torch.hann_window(200), 512).abs() ** 2  # (256, T, 257)
        bands.append(((power @ torch.as_tensor(triangles, dtype=torch.float32) + 1e-6).log() - mean) / std)
        ends.append((torch.arange(1, waves.shape[1] + 1) * (waves != 0)).amax(1))  # samples before the zeros
    return torch.cat(bands), ((torch.cat(ends) - 200) // 160 + 1).clamp(min=1)

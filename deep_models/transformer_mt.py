"""Transformer: attention alone, no recurrence; every word of a sentence is seen from every other at once.

A. Vaswani et al., "Attention is all you need", NIPS 2017, 1706.03762. The network that translates: an encoder and a
decoder (`transformer` is one that continues texts).

    attention(Q, K, V) = softmax(Q K' / sqrt(d_k)) V            x <- LayerNorm(x + dropout(sublayer(x)))
    FFN(x) = W_2 max(0, W_1 x + b_1) + b_2
    PE(p, 2i) = sin(p / 10000^(2i / d))                         PE(p, 2i + 1) = cos(p / 10000^(2i / d))

Deviations from the paper:
1. 3 layers of width 128 with 4 heads and dropout 0.3; 6 of 512, 8 heads and 0.1 there (section 3.1, table 3).
2. The embedding of target words is the output's matrix, that of source words is its own: two vocabularies of words; one
   of 37,000 parts of words for all three there (sections 3.4 and 5.1). Projections of attention have biases.
3. The rate rises for a tenth of the steps to `lr`, then falls with their inverse square root: 4,000 of 100,000 steps
   there (sections 5.2 and 5.3). The weights of the end, not a mean of the last ones (section 6.1).
4. Batches of 32 pairs of like length; about 25,000 words there (section 5.1).
5. Greedy search, at most two words for each of the source and ten more, never the unknown word; a beam of 4 with a
   length penalty, the source's length and fifty more there (section 6.1).
6. Words are runs of letters and digits that came twice in training; any other sign is a word of its own, and closing
   signs are set without a blank.
7. The last twentieth of the shuffled rows, at most 1,000 and none below 200 rows, is a yardstick and not trained on.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from harness import feed
from harness.contract import Arm, Budget, Claim, Cost, Examples, Fitted, Run, Technique, Test, Unsupported

TECHNIQUE = Technique(
    title="Transformer, encoder and decoder",
    year=2017,
    paper="Vaswani et al., Attention is all you need, NIPS 2017, 1706.03762",
    tasks=("translate",),
    forms=("text",),
    devices=("cpu", "cuda"),
    space={
        "lr": ("log", 2e-4, 5e-3),
        "width": ("choice", 64, 128, 256),
        "dropout": ("choice", 0.1, 0.3, 0.5),
        "batch": ("choice", 16, 32, 64),
    },
    claims=(
        Claim(
            name="D29 Transformer",
            sentence="With as many weights, and after as many pairs, a Transformer translates better than a recurrent "
            "network with attention.",
            datasets=("multi30k_de_en",),
            tests=(
                Test(
                    "difference",
                    (Arm("transformer_mt"), Arm("attention")),
                    "bleu",
                    1.0,
                    3.0,
                    5,
                    equal=("steps", "weights"),
                    budget=Budget("examples", 40_000),
                ),
            ),
            belief=0.55,
            left_out="the area under BLEU against the logarithm of FLOPs; twice the recurrent network's speed at a "
            "length of 256, on a GPU; parts of words, the same for both; a search for either; copying over long lags "
            "as a control of length, or another negative control. The BLEU is asked of a GPU run: here it is of 40,000 "
            "pairs, 1.4 passes, on a CPU, and a FAIL speaks of this budget",
            published="BLEU English to German and to French, and training FLOPs: base 27.3 and 38.1 at 3.3e18, big "
            "28.4 and 41.8 at 2.3e19, recurrent GNMT with reinforcement 24.6 at 2.3e19, ConvS2S 25.16 at 9.6e18 "
            "(Vaswani et al. 2017, table 2); captions, unequal tuning: recurrent with attention 28.2, Transformer 35.7",
            stand_in="captions, German to English, for WMT'14; less than two passes, so it is a claim on the speed of "
            "learning",
        ),
    ),
)
WORD = re.compile(r"\w+|[^\w\s]")
PAD, START, END, UNKNOWN = range(4)  # the numbers of no word


def cost(
    size, shape, classes, examples=None, *, width=128, layers=3, heads=4, lr=1e-3, batch=32, dropout=0.3,
    smoothing=0.1, shortlist=30_000,
) -> Cost:  # fmt: skip
    """Two FLOPs per weight and word forward, 4 T width for attention to T words, and twice that backward. The t-th word
    of an answer looks at t - 1 words before it and at itself.

    `examples` that pass in training; the usual budget where it is not counted in examples. A text has its typical
    number of words, a sign and an end mark, and the words that come twice are as many as in captions, if the shortlist
    has room for them: languages with fewer words cost less than this.
    """
    examples = examples or max(40_000, min(20 * size, 60_000), 10 * size)
    T, held = shape[0] + 2, min(1_000, size // 20) if size >= 200 else 0
    words = 4 + min(shortlist, 11 * (size * shape[0]) ** 0.5)
    encoder = T * layers * (24 * width**2 + 4 * T * width)
    target, given = layers * 28 * width**2, layers * 4 * width**2  # of a target word, of a source word in the decoder
    looks, output = layers * 4 * width, 2 * width * words  # a pair of words, a target word
    forward = encoder + T * (target + given + output) + 2 * T * T * looks
    answer = forward - T * (T - 1) / 2 * looks
    weights = layers * (28 * width**2 + 40 * width) + 2 * width * words + words
    memory = 16 * weights + 4 * batch * T * (3 * words + 60 * layers * width)
    return Cost((3 * examples + held) * forward, answer, memory + 30 * T * size)


class Attention(nn.Module):
    """Places (B, T, width) look at what was `kept` of others, k and v (B, heads, S, d_k), where `mask` is true."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.kv, self.o = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)

    def kept(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """k and v of the places (B, S, width)."""
        k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.kv(seen).chunk(2, 2))
        return k, v

    def forward(self, x: Tensor, kept: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        q = self.q(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
        found = F.scaled_dot_product_attention(q, *kept, attn_mask=mask)  # (B, heads, T, d_k)
        return self.o(found.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention to the own places, in a decoder to the source, and a network at each place: (B, T, width) -> the same.

    Each is added to its input, then normalised.
    """

    def __init__(self, width: int, heads: int, dropout: float, decodes: bool) -> None:
        super().__init__()
        self.own, self.norm = Attention(width, heads), nn.LayerNorm(width)
        if decodes:
            self.other, self.norm_other = Attention(width, heads), nn.LayerNorm(width)
        self.W_1, self.W_2, self.norm_up = nn.Linear(width, 4 * width), nn.Linear(4 * width, width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        own: tuple[Tensor, Tensor],
        mask: Tensor | None,
        other: tuple[Tensor, Tensor] | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        """own, other: what was kept of the own places and of the source's, in a decoder."""
        x = self.norm(x + self.dropout(self.own(x, own, mask)))
        if other:
            x = self.norm_other(x + self.dropout(self.other(x, other, real)))
        return self.norm_up(x + self.dropout(self.W_2(F.relu(self.W_1(x)))))


class Transformer(nn.Module):
    """(B, S) source words, of which `lengths` (B,) count, and (B, T) target words -> (B, T, targets) of the next ones.

    A target row begins with START.
    """

    def __init__(self, sources: int, targets: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.source, self.target = nn.Embedding(sources, width), nn.Embedding(targets, width)
        self.encoder = nn.ModuleList(Layer(width, heads, dropout, decodes=False) for _ in range(layers))
        self.decoder = nn.ModuleList(Layer(width, heads, dropout, decodes=True) for _ in range(layers))
        self.output = nn.Linear(width, targets)
        self.dropout = nn.Dropout(dropout)
        for weight in self.parameters():
            if weight.ndim > 1:
                nn.init.xavier_uniform_(weight)
        self.output.weight = self.target.weight
        for embedding in (self.source, self.target):
            nn.init.normal_(embedding.weight, std=width**-0.5)  # multiplied by sqrt(width) where it goes in

    def forward(self, x: Tensor, lengths: Tensor, y: Tensor) -> Tensor:
        return self.output(self.decode(y, *self.encode(x, lengths)))

    def encode(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, width), and which words are there, (B, 1, 1, S) bool."""
        real = (torch.arange(x.shape[1], device=x.device) < lengths.to(x.device)[:, None])[:, None, None]
        x = self.placed(self.source(x))
        for layer in self.encoder:
            x = layer(x, layer.own.kept(x), real)
        return x, real

    def decode(self, y: Tensor, source: Tensor, real: Tensor) -> Tensor:
        """(B, T, width); no place sees a later one."""
        early = torch.ones(y.shape[1], y.shape[1], dtype=torch.bool, device=y.device).tril()
        y = self.placed(self.target(y))
        for layer in self.decoder:
            y = layer(y, layer.own.kept(y), early, layer.other.kept(source), real)
        return y

    def placed(self, words: Tensor, first: int = 0) -> Tensor:
        """Words (B, T, width) that stand at the places first, first + 1, ..."""
        where = positions(first + words.shape[1], self.width)[first:].to(words.device)
        return self.dropout(words * math.sqrt(self.width) + where)


def positions(T: int, width: int) -> Tensor:
    """PE (T, width): sines at even numbers, cosines at odd ones."""
    angles = torch.arange(T)[:, None] / 10_000 ** (torch.arange(0, width, 2) / width)  # (T, width / 2)
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)


def fit(
    train: Examples,
    run: Run,
    *,
    width: int = 128,  # numbers of a place
    layers: int = 3,  # of the encoder, and of the decoder
    heads: int = 4,  # that share the width
    lr: float = 1e-3,  # Adam's highest rate
    batch: int = 32,  # pairs per step; fewer where there are few
    dropout: float = 0.3,  # share of what goes in and of what each layer adds that is left out, in training
    smoothing: float = 0.1,  # share of each target word that goes to all words alike
    shortlist: int = 30_000,  # commonest words of either language that are known, of those that come twice
) -> Fitted:
    if train.x.dtype.kind != "T":
        raise Unsupported("transformer_mt translates texts")
    if run.dtype != "float32":
        raise Unsupported(f"transformer_mt computes in float32, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    order = np.random.default_rng(run.seed).permutation(len(train.y))
    x, y = train.x[order].tolist(), train.y[order].tolist()
    rows = len(y) - (min(1_000, len(y) // 20) if len(y) >= 200 else 0)  # the others are the yardstick
    source, target = vocabulary(x[:rows], shortlist), vocabulary(y[:rows], shortlist)
    xs, ys = numbered(x, source), numbered(y, target)
    network = Transformer(len(source) + 4, len(target) + 4, width, layers, heads, dropout).to(run.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, betas=(0.9, 0.98), eps=1e-9, fused=True)
    names = [""] * 4 + list(target)

    @torch.inference_mode()
    def answer(questions: np.ndarray) -> list[str]:
        network.eval()
        asked, answers = numbered(questions.tolist(), source), [""] * len(questions)
        order = sorted(range(len(asked)), key=lambda i: len(asked[i]))
        for start in range(0, len(order), 128):
            some = order[start : start + 128]
            found = translated(network, *padded([asked[i] for i in some]), run.device)
            for i, words in zip(some, found, strict=True):
                answers[i] = written([names[word] for word in words])
        return answers

    batch = min(batch, max(8, rows // 16), rows)
    batches = alike(run, xs[:rows], ys[:rows], batch)
    for step in run.steps(examples=batch):
        warm = max(1, (run.total or 4_000) // 10)
        optimiser.param_groups[0]["lr"] = lr * min((step + 1) / warm, math.sqrt(warm / (step + 1)))
        network.train()
        inputs, lengths, targets = next(batches)
        outputs = network(inputs, lengths, begun(targets))  # (batch, T, words)
        loss = F.cross_entropy(outputs.flatten(0, 1), targets.flatten(), ignore_index=PAD, label_smoothing=smoothing)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)
    told = {"held_log_perplexity": log_perplexity(network, xs[rows:], ys[rows:], run.device)} if xs[rows:] else {}

    def shown() -> dict[str, Any]:
        asked = x[rows:][:3]
        answered = zip(asked, answer(np.array(asked)), y[rows:], strict=False)
        told = "\n\n".join(f"asked     {q}\nanswered  {a}\ntrue      {truth}" for q, a, truth in answered)
        samples: dict[str, Any] = {"translations of sentences that it was not trained on": told}
        return samples

    parameters = sum(weight.numel() for weight in network.parameters())
    return Fitted(answer, parameters, told=told, shown=shown if xs[rows:] else None)


@torch.inference_mode()
def log_perplexity(network: Transformer, xs: list[list[int]], ys: list[list[int]], device: str) -> float:
    """Mean of -log p over all target words and end marks, in nats, each given the true ones before it."""
    network.eval()
    total = 0.0
    for start in range(0, len(ys), 64):
        (x, lengths), (y, _) = padded(xs[start : start + 64]), padded(ys[start : start + 64])
        outputs, y = network(x.to(device), lengths, begun(y).to(device)), y.to(device)
        total += F.cross_entropy(outputs.flatten(0, 1), y.flatten(), ignore_index=PAD, reduction="sum").item()
    return total / sum(map(len, ys))


def translated(network: Transformer, x: Tensor, lengths: Tensor, device: str) -> list[list[int]]:
    """The likeliest word at each place, given those before it, until the end mark or the most words of a row.

    k and v of the source and of the words so far are kept: a step computes its own place only.
    """
    source, real = network.encode(x.to(device), lengths)
    most = 2 * (lengths.to(device) - 1) + 10  # the source's end mark is no word
    others = [layer.other.kept(source) for layer in network.decoder]
    owns = [layer.own.kept(source[:, :0]) for layer in network.decoder]  # of no word yet
    word = torch.full((len(x), 1), START, device=device)
    going, found = torch.ones(len(x), dtype=torch.bool, device=device), []
    while going.any():
        y = network.placed(network.target(word), len(found))  # (B, 1, width)
        for i, layer in enumerate(network.decoder):
            owns[i] = tuple(torch.cat(pair, 2) for pair in zip(owns[i], layer.own.kept(y), strict=True))
            y = layer(y, owns[i], None, others[i], real)
        outputs = network.output(y[:, 0])  # (B, targets)
        outputs[:, [PAD, START, UNKNOWN]] = -torch.inf
        word = outputs.argmax(1, keepdim=True)
        going &= (word[:, 0] != END) & (len(found) < most)
        found.append(word[:, 0].where(going, PAD))
    return [[word for word in row if word] for row in torch.stack(found, 1).tolist()]


# --------------------------------------------------------------------------------------------------------------- words


def vocabulary(texts: list[str], shortlist: int) -> dict[str, int]:
    """The commonest words that come twice or more, numbered after PAD, START, END and UNKNOWN."""
    counts = Counter(word for text in texts for word in WORD.findall(text))
    return {
        word: number
        for number, word in enumerate(sorted(w for w, c in counts.most_common(shortlist) if c > 1), start=4)
    }


def numbered(texts: list[str], vocabulary: dict[str, int]) -> list[list[int]]:
    """The numbers of each text's words, and END."""
    return [[*(vocabulary.get(word, UNKNOWN) for word in WORD.findall(text)), END] for text in texts]


def written(words: list[str]) -> str:
    return re.sub(r" ([.,;:!?)])", r"\1", " ".join(words))


def padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """(n, longest) and lengths (n,)."""
    return pad_sequence([torch.tensor(row) for row in rows], True, PAD), torch.tensor([len(row) for row in rows])


def begun(y: Tensor) -> Tensor:
    """What a decoder is shown when it is asked for y: the words before."""
    return F.pad(y[:, :-1], (1, 0), value=START)


def alike(run: Run, xs: list[list[int]], ys: list[list[int]], batch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless batches x (batch, S), lengths (batch,), y (batch, T) of like length.

    A pool of rows is drawn, sorted by length, and cut.
    """
    order, places = torch.Generator().manual_seed(run.seed), np.arange(len(ys))
    pool = batch * min(16, max(1, len(ys) // batch // 4))
    for drawn, _ in feed.batches(run, places, places, pool):
        rows = sorted(drawn.tolist(), key=lambda i: (len(ys[i]), len(xs[i])))
        for part in torch.randperm(pool // batch, generator=order).tolist():
            some = rows[part * batch : (part + 1) * batch]
            (x, lengths), (y, _) = padded([xs[i] for i in some]), padded([ys[i] for i in some])
            yield x.to(run.device), lengths, y.to(run.device)

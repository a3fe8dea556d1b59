"""Attention: a recurrent network that writes a translation looks at every word of the source, at each step anew.

D. Bahdanau, K. Cho and Y. Bengio, "Neural machine translation by jointly learning to align and translate",
ICLR 2015, 1409.0473.

    h_j = [forward h_j; backward h_j]              e_ij = v_a . tanh(W_a s_(i-1) + U_a h_j)
    alpha_ij = softmax over j of e_ij              c_i = sum over j of alpha_ij h_j
    s_i = GRU(s_(i-1), [E y_(i-1), c_i])           p(y_i) = softmax(W_o maxout(U_o s_i + V_o E y_(i-1) + C_o c_i))

Without `attend` c is what both directions hold at their ends, the same at every step: the fixed vector of K. Cho et
al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, 1406.1078.

Deviations from the paper:
1. 128 cells, words as 128 numbers, 128 maxout units; 1000, 620 and 500 there (appendix A.2.3). The paper's network
   without attention reads in one direction (section 4.2).
2. The maxout layer sees s_i, its word and c_i; s_(i-1) in appendix A.2.2. The reset gate multiplies U h and its bias,
   as PyTorch computes it; h alone there (A.1.1).
3. Adam, its rate falling linearly to zero, batches of 32, dropout 0.2; Adadelta, batches of 80 and no dropout (section
   4.2, appendix B). The norm of the gradient is cut at 1 as there. PyTorch's own start of the weights.
4. Greedy search, at most two words for each of the source and ten more, never the unknown word; beam search there.
5. Words are runs of letters and digits that came twice in training; any other sign is a word of its own, and closing
   signs are set without a blank. The words of the paper come from a tokeniser (section 4.1).
6. The last twentieth of the shuffled rows, at most 1,000 and none below 200 rows, is a yardstick and not trained on.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from harness import feed
from harness.contract import Arm, Budget, Claim, Cost, Examples, Fitted, Run, Technique, Test, Unsupported

TECHNIQUE = Technique(
    title="Attention",
    year=2014,
    paper="Bahdanau, Cho & Bengio, Neural machine translation by jointly learning to align and translate, "
    "ICLR 2015, 1409.0473",
    tasks=("translate",),
    forms=("text",),
    devices=("cpu", "cuda"),
    space={
        "lr": ("log", 5e-4, 1e-2),
        "width": ("choice", 64, 128, 256),
        "dropout": ("choice", 0.0, 0.2, 0.4),
        "batch": ("choice", 16, 32, 64),
    },
    claims=(
        Claim(
            name="D16 attention",
            sentence="Attention keeps the quality of long sentences, which the fixed vector loses.",
            datasets=("reordering",),
            tests=(
                Test(
                    "difference",
                    (
                        Arm("attention", {"width": 96, "shortlist": 600}),
                        Arm("attention", {"attend": False, "width": 101, "shortlist": 600}),
                    ),
                    "bleu_long",
                    10.0,
                    20.0,
                    5,
                    {"size": (50_000,)},
                    ("steps", "weights"),
                    budget=Budget("examples", 50_000),
                ),
                Test(
                    "difference",
                    (
                        Arm("attention", {"width": 96, "shortlist": 600}),
                        Arm("attention", {"attend": False, "width": 101, "shortlist": 600}),
                    ),
                    "bleu_fall",
                    10.0,
                    20.0,
                    5,
                    {"size": (50_000,)},
                    ("steps", "weights"),
                    budget=Budget("examples", 50_000),
                ),
                Test(
                    "difference",
                    (
                        Arm("attention", {"width": 96, "shortlist": 600}),
                        Arm("attention", {"attend": False, "width": 101, "shortlist": 600}),
                    ),
                    "bleu_short",
                    5.0,
                    0.0,
                    5,
                    {"size": (50_000,)},
                    ("steps", "weights"),
                    control=True,
                    budget=Budget("examples", 50_000),
                ),
            ),
            belief=0.95,
            published="BLEU of all sentences and those without unknown words: trained to 30 words, 13.93 and 24.19 "
            "without attention, 21.50 and 31.44 with it; to 50 words, 17.82 and 26.71, 26.75 and 34.16; phrase-based "
            "33.30 and 35.63; flat beyond 30 words with attention, falling without (table 1 and figure 2)",
            stand_in="made-up languages of 5 to 59 words for WMT'14 English to French; the shortest quarter of the "
            "sentences, 5 to 13 words, for those of one word",
            left_out="the slope of the score over lengths (here the gap in the longest quarter, and in the fall to it "
            "from the shortest); a network with attention trained to 30 words ahead of one without trained to 50; "
            "captions put end to end, on a GPU; no gap at one word as the control: here it is of 5 to 13 words, where "
            "a fixed vector may lose already",
        ),
    ),
)
WORD = re.compile(r"\w+|[^\w\s]")
PAD, START, END, UNKNOWN = range(4)  # the numbers of no word


def cost(
    size, shape, classes, examples=None, *, attend=True, width=128, embed=128, lr=2e-3, batch=32, dropout=0.2,
    shortlist=30_000,
) -> Cost:  # fmt: skip
    """Two FLOPs per weight and word forward, 6 width for each pair of a source and a target word, twice that backward.

    `examples` that pass in training; the usual budget where it is not counted in examples. A text has its typical
    number of words, a sign and an end mark, and the words that come twice are as many as in captions, if the shortlist
    has room for them: languages with fewer words cost less than this.
    """
    examples = examples or max(40_000, min(20 * size, 60_000), 10 * size)
    T, held = shape[0] + 2, min(1_000, size // 20) if size >= 200 else 0
    words = 4 + min(shortlist, 11 * (size * shape[0]) ** 0.5)
    encoder = 6 * width * (embed + width)
    decoder = 3 * width * (embed + 3 * width) + 2 * embed * (3 * width + embed)
    looks = 3 * width**2 if attend else 0
    forward = 2 * (T * (encoder + decoder + looks + embed * words) + width**2 + (3 * T * T * width if attend else 0))
    weights = encoder + decoder + looks + width**2 + 3 * embed * words + words + 20 * width + 2 * embed
    memory = 16 * weights + 4 * batch * T * (3 * words + 60 * width + (3 * T * width if attend else 0))
    return Cost((3 * examples + held) * forward, forward, memory + 30 * T * size)


class Source(NamedTuple):
    """What the decoder knows of a batch of sentences."""

    h: Tensor  # (B, S, 2 width) with attention, else c (B, 2 width)
    keys: Tensor | None  # (B, S, width) U_a h
    real: Tensor | None  # (B, S) bool


class Search(nn.Module):
    """(B, S) source words, of which `lengths` (B,) count, and (B, T) target words -> (B, T, targets) of the next ones.

    lengths lie on the CPU; a target row begins with START.
    """

    def __init__(self, sources: int, targets: int, width: int, embed: int, dropout: float, attend: bool = True) -> None:
        super().__init__()
        self.width, self.attend = width, attend
        self.source, self.target = nn.Embedding(sources, embed), nn.Embedding(targets, embed)
        self.encoder = nn.GRU(embed, width, bidirectional=True, batch_first=True)
        self.W_s = nn.Linear(width, width)
        self.decoder = nn.GRUCell(embed + 2 * width, width)
        self.deep = nn.Linear(width + embed + 2 * width, 2 * embed)  # U_o, V_o and C_o
        self.W_o = nn.Linear(embed, targets)
        if attend:
            self.W_a, self.U_a = nn.Linear(width, width, bias=False), nn.Linear(2 * width, width, bias=False)
            self.v_a = nn.Linear(width, 1, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor, y: Tensor) -> Tensor:
        return self.decode(y, *self.encode(x, lengths))[0]

    def encode(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Source]:
        """s_0 (B, width), from the backward reading's end at the first word, and the source."""
        packed = pack_padded_sequence(self.dropout(self.source(x)), lengths, batch_first=True, enforce_sorted=False)
        states, ends = self.encoder(packed)
        s = torch.tanh(self.W_s(ends[1]))
        if not self.attend:
            return s, Source(torch.cat([ends[0], ends[1]], 1), None, None)
        h, _ = pad_packed_sequence(states, batch_first=True)  # (B, S, 2 width)
        real = torch.arange(h.shape[1], device=h.device) < lengths.to(h.device)[:, None]
        return s, Source(h, self.U_a(h), real)

    def align(self, s: Tensor, source: Source) -> Tensor:
        """alpha (B, S): how much each source word counts."""
        e = self.v_a(torch.tanh(self.W_a(s)[:, None] + source.keys))[:, :, 0]
        return e.masked_fill(~source.real, -torch.inf).softmax(1)

    def decode(self, y: Tensor, s: Tensor, source: Source) -> tuple[Tensor, Tensor, list[Tensor]]:
        """(B, T, targets), the state after these T words, and alpha (B, S) of each step if there is any."""
        words, states, contexts, alphas = self.dropout(self.target(y)), [], [], []  # (B, T, embed)
        for word in words.unbind(1):
            c = source.h
            if self.attend:
                alphas.append(self.align(s, source))
                c = (alphas[-1][:, None] @ source.h)[:, 0]  # (B, 2 width)
            s = self.decoder(torch.cat([word, c], 1), s)  # (B, width)
            states.append(s)
            contexts.append(c)
        seen = torch.cat([self.dropout(torch.stack(states, 1)), words, torch.stack(contexts, 1)], 2)
        t = self.deep(seen).unflatten(2, (-1, 2)).amax(3)  # (B, T, embed), the larger of each two
        return self.W_o(t), s, alphas


def fit(
    train: Examples,
    run: Run,
    *,
    attend: bool = True,  # without it the decoder gets one vector for the whole sentence
    width: int = 128,  # cells of the decoder, and of the encoder in either direction
    embed: int = 128,  # numbers that a word stands for, and maxout units
    lr: float = 2e-3,  # Adam's rate at the first step
    batch: int = 32,  # pairs per step; fewer where there are few
    dropout: float = 0.2,  # share of the words' numbers and of the output's state that is left out, in training
    shortlist: int = 30_000,  # commonest words of either language that are known, of those that come twice
) -> Fitted:
    if train.x.dtype.kind != "T":
        raise Unsupported("attention translates texts")
    if run.dtype != "float32":
        raise Unsupported(f"attention computes in float32, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    order = np.random.default_rng(run.seed).permutation(len(train.y))
    x, y = train.x[order].tolist(), train.y[order].tolist()
    rows = len(y) - (min(1_000, len(y) // 20) if len(y) >= 200 else 0)  # the others are the yardstick
    source, target = vocabulary(x[:rows], shortlist), vocabulary(y[:rows], shortlist)
    xs, ys = numbered(x, source), numbered(y, target)
    network = Search(len(source) + 4, len(target) + 4, width, embed, dropout, attend).to(run.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
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
        optimiser.param_groups[0]["lr"] = lr * (1 - step / run.total) if run.total else lr
        network.train()
        inputs, lengths, targets = next(batches)
        outputs = network(inputs, lengths, begun(targets))  # (batch, T, words)
        loss = F.cross_entropy(outputs.flatten(0, 1), targets.flatten(), ignore_index=PAD)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)
    told = {"held_log_perplexity": log_perplexity(network, xs[rows:], ys[rows:], run.device)} if xs[rows:] else {}

    def shown() -> dict[str, Any]:
        asked = x[rows:][:3]
        answered = zip(asked, answer(np.array(asked)), y[rows:], strict=False)
        told = "\n\n".join(f"asked     {q}\nanswered  {a}\ntrue      {truth}" for q, a, truth in answered)
        samples: dict[str, Any] = {"translations of sentences that it was not trained on": told}
        if attend:
            samples["where it looked for the first: a line for each word of the translation"] = looks(
                network, xs[rows], numbered(answer(np.array(asked[:1])), target)[0], run.device
            )
        return samples

    parameters = sum(weight.numel() for weight in network.parameters())
    return Fitted(answer, parameters, told=told, shown=shown if xs[rows:] else None)


@torch.inference_mode()
def log_perplexity(network: Search, xs: list[list[int]], ys: list[list[int]], device: str) -> float:
    """Mean of -log p over all target words and end marks, in nats, each given the true ones before it."""
    network.eval()
    total = 0.0
    for start in range(0, len(ys), 64):
        (x, lengths), (y, _) = padded(xs[start : start + 64]), padded(ys[start : start + 64])
        outputs, y = network(x.to(device), lengths, begun(y).to(device)), y.to(device)
        total += F.cross_entropy(outputs.flatten(0, 1), y.flatten(), ignore_index=PAD, reduction="sum").item()
    return total / sum(map(len, ys))


@torch.inference_mode()
def looks(network: Search, x: list[int], y: list[int], device: str) -> np.ndarray:
    """(1, T, S) uint8: alpha of each word of a translation over the words of its source."""
    network.eval()
    s, source = network.encode(torch.tensor([x], device=device), torch.tensor([len(x)]))
    _, _, alphas = network.decode(begun(torch.tensor([y], device=device)), s, source)
    return (255 * torch.cat(alphas)).round().byte().cpu().numpy()[None]


def translated(network: Search, x: Tensor, lengths: Tensor, device: str) -> list[list[int]]:
    """The likeliest word at each place, given those before it, until the end mark or the most words of a row."""
    s, source = network.encode(x.to(device), lengths)
    most = 2 * (lengths.to(device) - 1) + 10  # the source's end mark is no word
    word = torch.full((len(x), 1), START, device=device)
    going, found = torch.ones(len(x), dtype=torch.bool, device=device), []
    while going.any():
        outputs, s, _ = network.decode(word, s, source)
        outputs[:, :, [PAD, START, UNKNOWN]] = -torch.inf
        word = outputs.argmax(2)  # (B, 1)
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

"""Sequence to sequence: one recurrent network reads a sentence into a vector, another writes the translation from it.

I. Sutskever, O. Vinyals and Q. V. Le, "Sequence to sequence learning with neural networks", NIPS 2014, 1409.3215;
K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, 1406.1078.

    v = LSTM(x_S, ..., x_1, end)        log p(y | x) = sum over t of log p(y_t | v, y_1 ... y_(t-1))

Deviations from the papers:
1. One layer of 256 cells, words as 128 numbers; 4 layers of 1000 cells and words as 1000 numbers in Sutskever et al.
   (section 3.4). The output's matrix has rank 128, as Cho et al. have it of rank 100 (section 4.1).
2. Adam, its rate falling linearly to zero, batches of 32, dropout 0.2; stochastic gradient descent at 0.7, halved in
   the end, batches of 128 and no dropout in section 3.4. The norm of the gradient is cut at 5 and weights start uniform
   within 0.08, as there.
3. Greedy search, at most two words for each of the source and ten more, never the unknown word; a beam of 1 to 12,
   unknown words left as such, and up to five networks together in the paper (sections 3.2 and 3.6).
4. Words are runs of letters and digits that came twice in training; any other sign is a word of its own, and closing
   signs are set without a blank. The paper takes the 160,000 and 80,000 commonest words of tokenised text (3.1).
5. The last twentieth of the shuffled rows, at most 1,000 and none below 200 rows, is a yardstick and not trained on.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from harness import feed
from harness.contract import Arm, Budget, Claim, Cost, Examples, Fitted, Run, Technique, Test, Unsupported

TECHNIQUE = Technique(
    title="Sequence to sequence",
    year=2014,
    paper="Sutskever, Vinyals & Le, Sequence to sequence learning with neural networks, NIPS 2014, 1409.3215",
    tasks=("translate",),
    forms=("text",),
    devices=("cpu", "cuda"),
    space={
        "lr": ("log", 5e-4, 1e-2),
        "width": ("choice", 128, 256, 512),
        "dropout": ("choice", 0.0, 0.2, 0.4),
        "batch": ("choice", 16, 32, 64),
    },
    claims=(
        Claim(
            name="D13 seq2seq",
            sentence="A source read backwards is foretold better, and the encoder-decoder translates better than "
            "the statistical model of words.",
            datasets=("multi30k_de_en",),
            tests=(
                Test(
                    "difference",
                    (Arm("seq2seq"), Arm("seq2seq", {"reverse": False})),
                    "held_log_perplexity",
                    0.02,
                    0.1,
                    5,
                    equal=("steps", "weights"),
                    budget=Budget("examples", 40_000),
                ),
                Test(
                    "difference",
                    (Arm("seq2seq"), Arm("ibm1")),
                    "bleu",
                    0.0,
                    3.0,
                    5,
                    equal=(),
                    budget=Budget("examples", 40_000),
                ),
            ),
            belief=0.6,
            left_out="English to German; a search with a beam, and a language model beside IBM's; IBM model 2; a "
            "negative control. The BLEU is asked of a GPU run with two layers of 512: here it is of 40,000 pairs, 1.4 "
            "passes, on a CPU, and a FAIL speaks of this budget",
            published="perplexity 5.8 -> 4.7 and BLEU 26.17 -> 30.59 by reversing, English to French, single networks; "
            "5 reversed networks with a beam of 12 34.81, phrase-based system 33.30 (Sutskever et al. 2014, table 1, "
            "section 3.3)",
            stand_in="captions, German to English only, for WMT'14 English to French; less than two passes, so it is a "
            "claim on the speed of learning; IBM model 1 without a language model for the phrase-based system",
        ),
    ),
)
WORD = re.compile(r"\w+|[^\w\s]")
PAD, START, END, UNKNOWN = range(4)  # the numbers of no word


def cost(
    size, shape, classes, examples=None, *, reverse=True, width=256, embed=128, layers=1, lr=5e-3, batch=32,
    dropout=0.2, shortlist=30_000,
) -> Cost:  # fmt: skip
    """Two FLOPs per weight and word forward, and twice that backward; softmax over all words of the target language.

    `examples` that pass in training; the usual budget where it is not counted in examples. A text has its typical
    number of words, a sign and an end mark, and the words that come twice are as many as in captions, if the shortlist
    has room for them: languages with fewer words cost less than this.
    """
    examples = examples or max(40_000, min(20 * size, 60_000), 10 * size)
    T, held = shape[0] + 2, min(1_000, size // 20) if size >= 200 else 0
    words = 4 + min(shortlist, 11 * (size * shape[0]) ** 0.5)
    cells = 4 * width * (embed + width + 2 * width * (layers - 1))  # weights of either network, biases apart
    forward = 2 * T * (2 * cells + width * embed + embed * words)
    weights = 2 * cells + 16 * layers * width + width * embed + 3 * embed * words + words
    memory = 16 * weights + 4 * batch * T * (3 * words + 24 * layers * width)
    return Cost((3 * examples + held) * forward, forward, memory + 30 * T * size)


class EncoderDecoder(nn.Module):
    """(B, S) source words, of which `lengths` (B,) count, and (B, T) target words -> (B, T, targets) of the next ones.

    lengths lie on the CPU; a target row begins with START.
    """

    def __init__(self, sources: int, targets: int, width: int, embed: int, layers: int, dropout: float) -> None:
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.source, self.target = nn.Embedding(sources, embed), nn.Embedding(targets, embed)
        self.encoder = nn.LSTM(embed, width, layers, batch_first=True, dropout=between)
        self.decoder = nn.LSTM(embed, width, layers, batch_first=True, dropout=between)
        self.narrow, self.output = nn.Linear(width, embed, bias=False), nn.Linear(embed, targets)
        self.dropout = nn.Dropout(dropout)
        for weight in self.parameters():
            nn.init.uniform_(weight, -0.08, 0.08)

    def forward(self, x: Tensor, lengths: Tensor, y: Tensor) -> Tensor:
        return self.decode(y, self.encode(x, lengths))[0]

    def encode(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """v, the state of all cells after the last word: (layers, B, width) twice."""
        words = self.dropout(self.source(x))  # (B, S, embed)
        return self.encoder(pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False))[1]

    def decode(self, y: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(B, T, targets) and the state after these T words."""
        h, state = self.decoder(self.dropout(self.target(y)), state)  # (B, T, width)
        return self.output(self.narrow(self.dropout(h))), state


def fit(
    train: Examples,
    run: Run,
    *,
    reverse: bool = True,  # the source is read from its last word to its first
    width: int = 256,  # cells of a layer
    embed: int = 128,  # numbers that a word stands for
    layers: int = 1,  # of either network
    lr: float = 5e-3,  # Adam's rate at the first step
    batch: int = 32,  # pairs per step; fewer where there are few
    dropout: float = 0.2,  # share of what a layer and the output get that is left out, in training
    shortlist: int = 30_000,  # commonest words of either language that are known, of those that come twice
) -> Fitted:
    if train.x.dtype.kind != "T":
        raise Unsupported("seq2seq translates texts")
    if run.dtype != "float32":
        raise Unsupported(f"seq2seq computes in float32, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    order = np.random.default_rng(run.seed).permutation(len(train.y))
    x, y = train.x[order].tolist(), train.y[order].tolist()
    rows = len(y) - (min(1_000, len(y) // 20) if len(y) >= 200 else 0)  # the others are the yardstick
    source, target = vocabulary(x[:rows], shortlist), vocabulary(y[:rows], shortlist)
    xs, ys = numbered(x, source, reverse), numbered(y, target)
    network = EncoderDecoder(len(source) + 4, len(target) + 4, width, embed, layers, dropout).to(run.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
    names = [""] * 4 + list(target)

    @torch.inference_mode()
    def answer(questions: np.ndarray) -> list[str]:
        network.eval()
        asked, answers = numbered(questions.tolist(), source, reverse), [""] * len(questions)
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
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
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
def log_perplexity(network: EncoderDecoder, xs: list[list[int]], ys: list[list[int]], device: str) -> float:
    """Mean of -log p over all target words and end marks, in nats, each given the true ones before it."""
    network.eval()
    total = 0.0
    for start in range(0, len(ys), 64):
        (x, lengths), (y, _) = padded(xs[start : start + 64]), padded(ys[start : start + 64])
        outputs, y = network(x.to(device), lengths, begun(y).to(device)), y.to(device)
        total += F.cross_entropy(outputs.flatten(0, 1), y.flatten(), ignore_index=PAD, reduction="sum").item()
    return total / sum(map(len, ys))


def translated(network: EncoderDecoder, x: Tensor, lengths: Tensor, device: str) -> list[list[int]]:
    """The likeliest word at each place, given those before it, until the end mark or the most words of a row."""
    state = network.encode(x.to(device), lengths)
    most = 2 * (lengths.to(device) - 1) + 10  # the source's end mark is no word
    word = torch.full((len(x), 1), START, device=device)
    going, found = torch.ones(len(x), dtype=torch.bool, device=device), []
    while going.any():
        outputs, state = network.decode(word, state)
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


def numbered(texts: list[str], vocabulary: dict[str, int], reverse: bool = False) -> list[list[int]]:
    """The numbers of each text's words, turned round where asked for, and END."""
    rows = [[vocabulary.get(word, UNKNOWN) for word in WORD.findall(text)] for text in texts]
    return [[*(row[::-1] if reverse else row), END] for row in rows]


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

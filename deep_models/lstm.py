"""LSTM: a recurrent network whose cells keep what they hold until gates let it in, out, or go.

S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997; forget gates of F. A. Gers,
J. Schmidhuber and F. Cummins, "Learning to forget", Neural Computation 12(10), 2000. As a language model: W. Zaremba,
I. Sutskever and O. Vinyals, "Recurrent neural network regularization", 1409.2329, 2014.

    i, f, o = sigmoid(W [x, h] + b)    g = tanh(W [x, h] + b)    c <- f c + i g    h <- o tanh(c)

Deviations from the papers:
1. Layers of width cells with one gate of each kind per cell; memory blocks of several cells share their gates, g and
   the output squash to (-2, 2) and (-1, 1) there (1997, section 4 and appendix A.1). Biases of forget gates start at 1.
2. The whole gradient, through `block` steps; only errors inside the cells flow back, without end, in 1997 (section 4).
3. Adam, its rate falling linearly to zero, the norm of the gradient cut at 1; stochastic gradient descent there, with a
   rate that falls by steps and a norm of 5 in 2014 (section 4.1). Dropout 0.2 whatever the size; none in its small net.
   Weights start uniform within 1/sqrt(width).
4. Of a running text the last tenth, at most 5,000 tokens, is held out, and the weights that foretell it best are kept;
   a rate chosen on validation text in 2014.
5. Texts are words and signs in lower case that came twice in training, or one unknown word; sounds are 40 log-mel bands
   of 25 ms every 20 ms, standardised, at 8,000 samples a second. The mean of h over a text or a sound is classified.
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
    title="LSTM",
    year=1997,
    paper="Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997",
    tasks=("next_token", "classify"),
    forms=("tokens", "text", "sound"),
    devices=("cpu", "cuda"),
    dtypes=("float32", "bfloat16"),
    space={
        "lr": ("log", 5e-4, 2e-2),
        "width": ("choice", 64, 128, 256),
        "layers": ("choice", 1, 2),
        "dropout": ("choice", 0.0, 0.2, 0.5),
    },
)
BANDS = 40
WORD = re.compile(r"\w+|[^\w\s]")


def cost(
    size, shape, classes, examples=None, *, width=128, layers=1, lr=5e-3, streams=20, block=35, batch=64, length=64,
    dropout=0.2,
) -> Cost:  # fmt: skip
    """Two FLOPs per weight and token forward, and twice that backward.

    `examples`, or tokens of a running text, that pass in training; the usual budget where it is not counted in these.
    A text has its typical number of words; one of more than 1,000 is a sound's number of samples.
    """
    cells, output = 16 * layers * width**2, 2 * width * classes  # FLOPs of a token: four gates a cell
    weights = cells / 2 + width * (8 * layers + classes)
    if not shape:
        held, tokens = min(size // 10, 5_000), examples or max(300_000, min(20 * size, 2_000_000), 2 * size)
        looks = 1 + 5.5 * math.log(1 + tokens / (25 * streams * block))  # at the held tokens
        memory = 16 * (weights + width * classes) + 8 * streams * block * (12 * layers * width + 2 * classes)
        return Cost((3 * tokens + looks * held) * (cells + output), cells + output, memory + 9 * size)
    examples = examples or max(20_000, min(30 * size, 60_000), 10 * size)
    sound = shape[0] > 1000
    T = 1 + (shape[0] - 200) // 160 if sound else min(length, shape[0])
    bands = 2 * T * 257 * 40 if sound else 0  # read twice before training
    spared = 8 * width * 40 if sound else 0  # the first layer needs no gradient of its input
    cells += 8 * width * (40 - width) if sound else 0
    words = 0 if sound else 20 * (size * T) ** 0.5
    memory = 16 * (weights + width * words) + 50 * batch * T * width * layers
    return Cost(
        fit=(T * (3 * cells - spared) + 3 * output) * examples + 2 * bands * size,
        answer=T * cells + output + bands,
        bytes=memory + 8 * size * max(length, 20 * T),
    )


class LSTM(nn.Module):
    """Layers of cells over (B, T) int64 words, or over (B, T, 40) float32 where `words` is 0.

    Gives (B, classes) of each sequence's first `lengths` steps, or without these (B, T, classes) of every step; and
    each layer's last (h, c).
    """

    def __init__(self, words: int, classes: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width) if words else nn.Identity()
        inputs = [width if words else BANDS] + [width] * (layers - 1)
        self.layers = nn.ModuleList(nn.LSTM(given, width, batch_first=True) for given in inputs)
        self.output = nn.Linear(width, classes)
        self.dropout = nn.Dropout(dropout)
        for layer in self.layers:  # gates lie in the order i, f, g, o
            nn.init.zeros_(layer.bias_hh_l0)  # the sum of both biases is one
            nn.init.zeros_(layer.bias_ih_l0)
            nn.init.ones_(layer.bias_ih_l0[width : 2 * width])

    def forward(self, x: Tensor, lengths: Tensor | None = None, states: list | None = None) -> tuple[Tensor, list]:
        x, last = self.embedding(x), []
        for layer, state in zip(self.layers, states or [None] * len(self.layers), strict=True):
            x, state = layer(self.dropout(x), state)  # (B, T, width)
            last.append(state)
        if lengths is not None:
            real = torch.arange(x.shape[1], device=x.device) < lengths[:, None]  # (B, T)
            x = (x * real[:, :, None]).sum(1) / lengths[:, None]  # (B, width)
        return self.output(self.dropout(x)), last


def fit(
    train: Examples,
    run: Run,
    *,
    width: int = 128,  # cells of a layer, and numbers that a word is embedded in
    layers: int = 1,
    lr: float = 5e-3,  # Adam's rate at the first step
    streams: int = 20,  # parts of a running text that are read side by side
    block: int = 35,  # tokens of each that a gradient goes back through
    batch: int = 64,  # texts or sounds per step; fewer where there are few
    length: int = 64,  # words of a text that are read
    dropout: float = 0.2,  # share of what each layer and the output get that is left out, in training
) -> Fitted:
    torch.manual_seed(run.seed)
    x, y = train.x, train.y
    if y is None and x.ndim == 1 and x.dtype.kind in "iu":
        network = LSTM(train.classes, train.classes, width, layers, dropout)
        held = x[len(x) - min(len(x) // 10, 5_000) :].astype(np.int64)
        tokens = torch.as_tensor(x[: len(x) - len(held)].astype(np.int64), device=run.device)
        streams = min(streams, max(1, len(tokens) // (4 * block)))
        block = min(block, len(tokens) // streams - 1)
        losses, examples = read_on(run, network, tokens, streams, block), streams * block
        answer = continuer(run, network)
    elif train.classes and (x.dtype.kind == "T" or (x.ndim == 2 and x.dtype == np.int16)):
        reader, words = make_reader(x, length)
        network = LSTM(words, train.classes, width, layers, dropout)
        held, examples = np.empty(0, np.int64), min(batch, len(y), max(16, len(y) // 16))
        losses = classify(run, network, *reader(x), torch.as_tensor(y), examples)
        answer = classifier(run, network, reader)
    else:
        raise Unsupported("lstm continues running texts and classifies texts and sounds")
    network.to(run.device)
    network.forward = torch.autocast(run.device, torch.bfloat16, enabled=run.dtype == "bfloat16")(network.forward)
    descend(run, network, losses, examples, lr, answer, held)
    return Fitted(answer, parameters=sum(weight.numel() for weight in network.parameters()))


def descend(run: Run, network: LSTM, losses: Iterator, examples: int, lr: float, answer: Answer, held) -> None:
    """Follow the gradient of each loss, then go back to the weights that foretold the `held` tokens best, if any."""
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
    best, kept, due = np.inf, None, 0.0
    for step in run.steps(examples=examples):
        optimiser.param_groups[0]["lr"] = lr * (1 - step / run.total) if run.total else lr
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


def read_on(run: Run, network: LSTM, tokens: Tensor, streams: int, block: int) -> Iterator[Tensor]:
    """Losses of `block` tokens after each other in every stream; the state is carried on until the streams end.

    Every reading begins a few tokens later or earlier than the one before it.
    """
    order = torch.Generator().manual_seed(run.seed)
    spare = min(block, len(tokens) - streams * (block + 1))
    while True:
        rest = tokens[int(torch.randint(spare + 1, (), generator=order)) :]
        rows = rest[: len(rest) // streams * streams].view(streams, -1)
        states = None
        for start in range(0, rows.shape[1] - block, block):
            x, y = rows[:, start : start + block], rows[:, start + 1 : start + block + 1]
            outputs, states = network(x, states=states)  # (streams, block, classes)
            loss = F.cross_entropy(outputs.flatten(0, 1).float(), y.flatten())
            states = [(h.detach(), c.detach()) for h, c in states]
            yield loss


def continuer(run: Run, network: LSTM) -> Answer:
    """Answers (m, classes) to passages (m,); the state runs through the whole passage."""

    @torch.inference_mode()
    def answer(passage: np.ndarray) -> np.ndarray:
        network.eval()
        p, states = np.empty((len(passage), network.output.out_features), np.float32), None
        for start in range(0, len(passage), 1024):
            x = torch.as_tensor(passage[start : start + 1024].astype(np.int64), device=run.device)
            outputs, states = network(x[None], states=states)
            p[start : start + 1024] = outputs[0].float().softmax(1).cpu().numpy()
        return p

    return answer


# ---------------------------------------------------------------------------------------------------- texts and sounds


def classify(run: Run, network: LSTM, x: Tensor, lengths: Tensor, y: Tensor, batch: int) -> Iterator[Tensor]:
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
            outputs = network(picked, long.to(run.device))[0]
            yield F.cross_entropy(outputs.float(), y[parts[i]].to(run.device))


def classifier(run: Run, network: LSTM, reader: Callable) -> Answer:
    """Answers (N, classes) to N texts or sounds."""

    @torch.inference_mode()
    def answer(q: np.ndarray) -> np.ndarray:
        network.eval()
        p = np.empty((len(q), network.output.out_features))
        for start in range(0, len(q), 256):
            x, lengths = reader(q[start : start + 256])
            outputs = network(x[:, : int(lengths.max())].to(run.device), lengths.to(run.device))[0]
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

"""LSTM and transformer against an independent truth: the equations in NumPy, PyTorch's own layers, counted FLOPs."""

import functools
import inspect
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from harness import catalogue, files
from harness.contract import Budget, Data, Examples, Fitted, Run, Unsupported
from harness.formats import texts
from harness.tasks import classify, next_token
from tests.nets import load

pytestmark = pytest.mark.usefixtures("one_thread")
needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")
both = pytest.mark.parametrize("name", ["lstm", "transformer"])
SMALL = {"lstm": {"width": 32}, "transformer": {"width": 32, "layers": 1}}  # keywords of the fits below


def fit(name: str, train: Examples, steps: int = 12, seed: int = 0, dtype: str = "float32", **keywords) -> Fitted:
    run = Run(seed=seed, budget=Budget("steps", steps), dtype=dtype)
    return load(name).fit(train, run, **{**SMALL[name], **keywords})


@functools.cache
def dataset(name: str, size: int = 0) -> Data:
    module = catalogue.load(catalogue.path_of("dataset", name))
    card = module.DATASET
    data = module.load(files.locate(name, card.files, card.folder)) if card.files else module.load(size, 0)
    return replace(data, protocol=card.protocol)


def stream(n: int = 600, V: int = 7) -> Examples:
    return Examples(np.random.default_rng(n).integers(0, V, n).astype(np.uint8), None, V)


def planted(n: int = 200) -> Examples:
    """Texts of 3 to 20 words of thirty; of class 1 those that hold "flag" somewhere."""
    rng = np.random.default_rng(1)
    y = np.arange(n) % 2
    rows = [[f"w{i}" for i in rng.integers(0, 30, rng.integers(3, 21))] for _ in range(n)]
    for row, c in zip(rows, y, strict=True):
        row[rng.integers(len(row))] = "flag" if c else "w0"
    return Examples(texts([" ".join(row) for row in rows]), y.astype(np.int64), 2)


@functools.cache
def tones(n: int = 240) -> Examples:
    data = dataset("tones", n)
    return Examples(data.x, data.y, data.classes)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def arrays(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: weight.detach().double().numpy() for name, weight in module.named_parameters()}


def evaluated(module: torch.nn.Module) -> torch.nn.Module:
    """With weights far from their start, so that every term counts."""
    generator = torch.Generator().manual_seed(0)
    for weight in module.parameters():
        weight.data += 0.3 * torch.randn(weight.shape, generator=generator)
    return module.eval()


# ----------------------------------------------------------------------------------------------------------- equations


def lstm_in_numpy(w: dict[str, np.ndarray], x: np.ndarray, layers: int) -> np.ndarray:
    """(T, inputs) -> (T, width) of the last layer, step by step, each gate with matrices of its own."""
    for layer in range(layers):
        matrices = [np.split(w[f"layers.{layer}.{part}_l0"], 4) for part in ("weight_ih", "weight_hh")]
        bias = np.split(w[f"layers.{layer}.bias_ih_l0"] + w[f"layers.{layer}.bias_hh_l0"], 4)
        h, c, found = np.zeros(len(bias[0])), np.zeros(len(bias[0])), []
        for at in x:
            i, f, g, o = (W @ at + U @ h + b for W, U, b in zip(*matrices, bias, strict=True))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            found.append(h)
        x = np.array(found)
    return x


@pytest.mark.parametrize("layers", [1, 2])
def test_lstm_equals_its_equations(layers):
    network = evaluated(load("lstm").LSTM(9, 5, 6, layers, 0.4))
    w = arrays(network)
    words = np.random.default_rng(0).integers(0, 9, (3, 11))
    outputs = network(torch.tensor(words))[0].detach().numpy()
    means = network(torch.tensor(words), torch.tensor([11, 4, 1]))[0].detach().numpy()
    for row, found, mean, long in zip(words, outputs, means, (11, 4, 1), strict=True):
        h = lstm_in_numpy(w, w["embedding.weight"][row], layers)
        np.testing.assert_allclose(found, h @ w["output.weight"].T + w["output.bias"], rtol=1e-4, atol=1e-6)
        expected = h[:long].mean(axis=0) @ w["output.weight"].T + w["output.bias"]
        np.testing.assert_allclose(mean, expected, rtol=1e-4, atol=1e-6)


def test_lstm_of_sounds_reads_the_bands_themselves():
    network = evaluated(load("lstm").LSTM(0, 3, 6, 1, 0.0))
    w, bands = arrays(network), np.random.default_rng(0).normal(size=(1, 7, 40))
    h = lstm_in_numpy(w, bands[0], 1)
    found = network(torch.tensor(bands, dtype=torch.float32), torch.tensor([5]))[0].detach().numpy()
    np.testing.assert_allclose(found[0], h[:5].mean(0) @ w["output.weight"].T + w["output.bias"], rtol=1e-4, atol=1e-6)


def test_forget_gates_start_open():
    network = load("lstm").LSTM(9, 5, 6, 2, 0.0)
    for layer in network.layers:
        i, f, g, o = np.split((layer.bias_ih_l0 + layer.bias_hh_l0).detach().numpy(), 4)
        assert (f == 1).all() and not np.any([i, g, o])


def normed(x, weight, bias):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * weight + bias


def transformer_in_numpy(w: dict[str, np.ndarray], x: np.ndarray, layers: int, heads: int, causal: bool) -> np.ndarray:
    """(T, width), embedded -> (T, width), normalised; every head and every pair of places written out."""
    T, width = x.shape
    d_k = width // heads
    erf = torch.erf  # NumPy has none
    for n in range(layers):
        b = {name.removeprefix(f"blocks.{n}."): value for name, value in w.items() if name.startswith(f"blocks.{n}.")}
        q, k, v = np.split(normed(x, b["norm1.weight"], b["norm1.bias"]) @ b["qkv.weight"].T + b["qkv.bias"], 3, axis=1)
        seen = np.zeros((T, width))
        for h in range(0, width, d_k):
            for t in range(T):
                upto = t + 1 if causal else T
                weights = softmax(q[t, h : h + d_k] @ k[:upto, h : h + d_k].T / np.sqrt(d_k))
                seen[t, h : h + d_k] = weights @ v[:upto, h : h + d_k]
        x = x + seen @ b["o.weight"].T + b["o.bias"]
        up = normed(x, b["norm2.weight"], b["norm2.bias"]) @ b["up.weight"].T + b["up.bias"]
        gelu = up * (1 + erf(torch.tensor(up / np.sqrt(2))).numpy()) / 2
        x = x + gelu @ b["down.weight"].T + b["down.bias"]
    return normed(x, w["norm.weight"], w["norm.bias"])


def test_transformer_equals_a_forward_pass_in_numpy():
    network = evaluated(load("transformer").Transformer(9, 5, 12, 2, 3, 16, 0.4))
    w = arrays(network)
    words, lengths = np.random.default_rng(0).integers(0, 9, (3, 11)), (11, 4, 1)
    causal = network(torch.tensor(words)).detach().numpy()
    pooled = network(torch.tensor(words), torch.tensor(lengths)).detach().numpy()
    for row, each, mean, long in zip(words, causal, pooled, lengths, strict=True):
        x = w["embedding.weight"][row] + w["positions"][:11]
        expected = transformer_in_numpy(w, x, 2, 3, True) @ w["output.weight"].T
        np.testing.assert_allclose(each, expected, rtol=1e-4, atol=1e-5)
        expected = transformer_in_numpy(w, x[:long], 2, 3, False).mean(axis=0) @ w["output.weight"].T
        np.testing.assert_allclose(mean, expected, rtol=1e-4, atol=1e-5)


def test_a_block_equals_the_encoder_layer_of_pytorch():
    block = evaluated(load("transformer").Block(24, 4, 0.3))
    plain = torch.nn.TransformerEncoderLayer(24, 4, 96, 0.3, "gelu", batch_first=True, norm_first=True).eval()
    names = ("self_attn.in_proj_", "self_attn.out_proj.", "linear1.", "linear2.", "norm1.", "norm2.")
    own = (block.qkv, block.o, block.up, block.down, block.norm1, block.norm2)
    weights = {f"{a}{part}": getattr(b, part) for a, b in zip(names, own, strict=True) for part in ("weight", "bias")}
    plain.load_state_dict(weights)
    x, lengths = torch.randn(5, 9, 24), torch.tensor([9, 7, 5, 3, 1])
    later = torch.nn.Transformer.generate_square_subsequent_mask(9)
    torch.testing.assert_close(block(x, None), plain(x, later, is_causal=True), rtol=1e-5, atol=1e-5)
    real = torch.arange(9) < lengths[:, None]
    found, expected = block(x, real[:, None, None]), plain(x, src_key_padding_mask=~real)
    torch.testing.assert_close(found[real], expected[real], rtol=1e-5, atol=1e-5)


# ------------------------------------------------------------------------------------------------------- running texts


def captured(name: str, monkeypatch, train: Examples, **keywords) -> tuple[Fitted, torch.nn.Module]:
    """The fitted technique with the network that it made."""
    made, kind = [], {"lstm": "LSTM", "transformer": "Transformer"}[name]

    class Watched(getattr(load(name), kind)):
        def __init__(self, *given):
            super().__init__(*given)
            made.append(self)

    monkeypatch.setattr(load(name), kind, Watched)
    return fit(name, train, **keywords), made[0]


def test_the_state_of_lstm_runs_through_the_whole_passage(monkeypatch):
    fitted, network = captured("lstm", monkeypatch, stream(), layers=2)
    passage = stream(1100).x
    w = arrays(network)
    h = lstm_in_numpy(w, w["embedding.weight"][passage], 2)
    expected = softmax(h @ w["output.weight"].T + w["output.bias"])
    np.testing.assert_allclose(fitted.answer(passage), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("m", [1, 2, 7, 8, 9, 12, 13, 150])
def test_each_place_sees_half_a_block_before_it(m, monkeypatch):
    """Windows begin every 4 of 8 tokens: place t is answered by the last window that holds 4 places before it."""
    fitted, network = captured("transformer", monkeypatch, stream(), block=8)
    passage = stream(m).x
    found = fitted.answer(passage)
    for t in range(m):
        start = max(0, (t - 4) // 4 * 4)
        assert t - start >= min(t, 4)
        with torch.inference_mode():
            outputs = network(torch.tensor(passage[None, start : t + 1].astype(np.int64)))[0, -1]
        np.testing.assert_allclose(found[t], outputs.softmax(0).numpy(), rtol=1e-3, atol=1e-6)


@both
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_later_tokens_leave_earlier_answers_as_they_are(name, dtype):
    fitted = fit(name, stream(), dtype=dtype)
    passage = stream(1500).x
    before = fitted.answer(passage)
    for place in (1, 63, 64, 700, 1024, 1499):
        other = passage.copy()
        other[place:] = (other[place:] + 1) % 7
        after = fitted.answer(other)
        np.testing.assert_allclose(after[:place], before[:place], rtol=0, atol=1e-6)
        assert np.abs(after[place] - before[place]).max() > 1e-4


@both
@pytest.mark.parametrize("m", [1, 64, 10_000])
def test_answers_are_probabilities_of_every_token(name, m):
    passage = stream(m, 12).x
    asked = passage.copy()
    p = fit(name, stream(500, 12), steps=2).answer(passage)
    assert p.shape == (m, 12) and p.dtype.kind == "f" and p.min() > 0 and np.array_equal(passage, asked)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)


class Recorder(torch.nn.Module):
    """Stands where a network does, and keeps what it was given."""

    def __init__(self, classes: int, states: bool) -> None:
        super().__init__()
        self.classes, self.states, self.seen = classes, states, []

    def forward(self, x, lengths=None, states=None):
        self.seen.append((x, lengths if states is None else states))
        outputs = torch.zeros(len(x), self.classes) if lengths is not None else torch.zeros(*x.shape, self.classes)
        return (outputs, [(x[:, -1], x[:, -1])]) if self.states else outputs


def test_streams_are_read_in_order_and_carry_their_state():
    module, tokens = load("lstm"), torch.arange(1000)
    recorder = Recorder(1000, states=True)
    losses = module.read_on(Run(seed=3), recorder, tokens, 4, 10)
    for _ in range(60):
        next(losses)
    fresh = [i for i, (_, states) in enumerate(recorder.seen) if states is None]
    assert fresh[0] == 0 and len(fresh) >= 3
    firsts = {int(recorder.seen[i][0][0, 0]) for i in fresh}
    assert len(firsts) > 1 and max(firsts) <= 10  # readings begin at different places
    for (before, _), (x, states) in zip(recorder.seen, recorder.seen[1:], strict=False):
        assert x.shape == (4, 10)
        if states is not None:
            assert torch.equal(x[:, 0], before[:, -1] + 1) and torch.equal(states[0][0], before[:, -1])


@both
def test_the_loss_is_that_of_the_next_token(name):
    """A net that is sure of the successor of what it reads has no loss; one that is sure of what it reads has much."""
    module, tokens = load(name), torch.arange(500)
    for ahead, least, most in ((1, 0, 1e-6), (0, 20, 40)):
        network = Recorder(500, states=name == "lstm")
        network.forward = lambda x, states=None, ahead=ahead: (
            (30.0 * torch.nn.functional.one_hot(x + ahead, 502), [(x, x)])[: 2 if name == "lstm" else 1]
            if name == "lstm"
            else 30.0 * torch.nn.functional.one_hot(x + ahead, 502)
        )
        losses = (module.read_on if name == "lstm" else module.continue_)(Run(), network, tokens, 3, 16)
        assert least <= float(next(losses)) <= most


@both
@pytest.mark.parametrize("n", [2, 3, 5, 40, 200])
def test_short_texts_are_enough(name, n):
    p = fit(name, stream(n), steps=5).answer(stream(70).x)
    assert p.shape == (70, 7) and np.isfinite(p).all()


@both
def test_a_rhythm_is_learnt(name):
    """Period 12 with two tokens whose successor depends on what came before them."""
    rhythm = np.tile([0, 1, 2, 0, 3, 4, 0, 1, 5, 5, 5, 6], 300).astype(np.uint8)
    fitted = fit(name, Examples(rhythm, None, 7), steps=200, lr=1e-2)
    p = fitted.answer(rhythm[5:1005])
    loss = -np.log(p[np.arange(20, 999), rhythm[26:1005]]).mean()
    assert loss < 0.03


@both
def test_noise_is_not_learnt_by_heart(name):
    """120 tokens at random, a hundred times and more: kept are the weights that foretell those held out best. Where
    these are read as well, thirty copies in a row, the net learns by heart.
    """
    learnt, test = stream(120).x, stream(3000).x
    losses = []
    for x in (learnt, np.tile(learnt, 30)):
        p = fit(name, Examples(x, None, 7), steps=150, lr=1e-2, dropout=0.0).answer(test)
        losses.append(-np.log(p[np.arange(2999), test[1:]]).mean())
    assert losses[0] < np.log(7) + 0.25 and losses[1] > np.log(7) + 0.7


# ------------------------------------------------------------------------------------------------------------- readers


@both
def test_words_of_texts(name):
    train = texts(["The cat, the dog!", "A CAT - a bird", ""])
    read, words = load(name).make_reader(train, 5)
    assert words == 5  # padding, unknown, and "the", "cat" and "a", which came twice in the first five
    numbers, lengths = read(texts(["cat a the zebra bird", "the", "", "a a a a a a a"]))
    assert lengths.tolist() == [5, 1, 1, 5] and numbers.shape == (4, 5)
    the, cat, a = 2, 3, 4
    assert numbers.tolist() == [[cat, a, the, 1, 1], [the, 0, 0, 0, 0], [1, 0, 0, 0, 0], [a] * 5]


@both
def test_bands_of_sounds_equal_the_formulas(name):
    """Each frame by itself: Hann window, Fourier sum, triangles between points equally far on the mel scale."""
    rng = np.random.default_rng(0)
    sounds = rng.integers(-30_000, 30_000, (3, 1000)).astype(np.int16)
    sounds[1, 700:] = 0
    sounds[2] = 0
    bands, lengths = load(name).log_mel(sounds)
    assert bands.shape == (3, 6, 40) and lengths.tolist() == [6, 4, 1]
    points = [700 * (10 ** (m / 2595) - 1) for m in np.linspace(0, 2595 * np.log10(1 + 40 / 7), 42)]
    t, bins = np.arange(200), np.arange(257)
    fourier = np.exp(-2j * np.pi * np.outer(bins, t) / 512)
    for sound, found in zip(sounds / 32768, bands.numpy(), strict=True):
        for frame in range(6):
            wave = sound[160 * frame : 160 * frame + 200] * (0.5 - 0.5 * np.cos(2 * np.pi * t / 200))
            power = np.abs(fourier @ wave) ** 2
            for band in range(40):
                triangle = np.interp(bins * 8000 / 512, points[band : band + 3], [0, 1, 0], left=0, right=0)
                assert found[frame, band] == pytest.approx(np.log(triangle @ power + 1e-6), abs=2e-3)


@both
def test_bands_are_standardised_by_what_is_heard_in_training(name):
    train = tones(24).x.copy()
    train[:, 2000:] = 0
    read, words = load(name).make_reader(train, 64)
    bands, lengths = read(train)
    heard = bands[:, :12].reshape(-1, 40)
    assert words == 0 and lengths.tolist() == [12] * 24
    np.testing.assert_allclose(heard.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(heard.std(0, correction=0), 1, atol=1e-4)
    few, _ = read(train[3:5])
    torch.testing.assert_close(few, bands[3:5])


@both
def test_padding_changes_no_answer(name):
    train = planted()
    fitted = fit(name, train, steps=30)
    together = fitted.answer(train.x)  # 3 to 20 words
    alone = np.concatenate([fitted.answer(train.x[i : i + 1]) for i in range(40)])
    np.testing.assert_allclose(alone, together[:40], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
    many = fitted.answer(np.tile(train.x, 50))
    np.testing.assert_allclose(many, np.tile(together, (50, 1)), rtol=1e-4, atol=1e-6)


@both
def test_batches_hold_each_text_equally_often_and_texts_of_like_length(name):
    rng = np.random.default_rng(0)
    lengths = torch.tensor(rng.integers(1, 65, 512))
    rows = torch.arange(512)[:, None].expand(512, 64)
    recorder = Recorder(2, states=name == "lstm")
    batches = load(name).classify(Run(seed=1), recorder, rows, lengths, torch.zeros(512, dtype=torch.int64), 16)
    for _ in range(2 * 512 // 16):
        next(batches)
    for x, long in recorder.seen:
        assert torch.equal(long, lengths[x[:, 0]]) and x.shape == (16, int(long.max()))
    drawn = np.concatenate([x[:, 0] for x, _ in recorder.seen])
    assert np.array_equal(np.bincount(drawn), np.full(512, 2))
    real = sum(int(long.sum()) for _, long in recorder.seen)
    padded = sum(16 * int(long.max()) for _, long in recorder.seen)
    assert real > 0.8 * padded  # in random order it is near 0.53


# ------------------------------------------------------------------------------------------------------------- learning


def share_right(fitted: Fitted, x: np.ndarray, y: np.ndarray) -> float:
    return float((fitted.answer(x).argmax(axis=1) == y).mean())


@both
def test_a_planted_word_is_found(name):
    whole = planted(1000)
    train = Examples(whole.x[:700], whole.y[:700], 2)
    assert share_right(fit(name, train, steps=250, dropout=0.5), whole.x[700:], whole.y[700:]) > 0.95


@both
def test_tones_are_told_apart(name):
    data = dataset("tones", 240)
    assert share_right(fit(name, tones(), steps=100), data.test_x[:500], data.test_y[:500]) > 0.4  # chance: 1 / 12


@needs_data
@both
def test_spoken_digits_are_told_apart(name):
    problem = classify.pose(dataset("fsdd_3spk"), 316, 0, {})
    assert problem.judge(fit(name, problem.train, steps=80).answer, "test")["accuracy"] > 0.45  # chance: 0.1


@needs_data
@both
def test_questions_are_told_apart(name):
    problem = classify.pose(dataset("trec"), 1000, 0, {})
    assert problem.judge(fit(name, problem.train, steps=150).answer, "test")["accuracy"] > 0.5  # the floor: 0.188


@needs_data
@both
def test_shakespeare_is_foretold(name):
    """The floor, how often each character comes, is at 3.3 nats."""
    data = dataset("tinyshakespeare")
    problem = next_token.pose(replace(data, test_x=data.test_x[:8000]), 100_000, 0, {})
    loss = problem.judge(fit(name, problem.train, steps=150, lr=1e-2).answer, "test")["loss"]
    assert loss < problem.judge(problem.floor, "test")["loss"] - 0.25


# ----------------------------------------------------------------------------------------------------- how they descend


@both
@pytest.mark.parametrize("train", [stream, planted, tones])
def test_same_seed_same_bits_and_nothing_touched(name, train):
    train = train()
    x = train.x.copy()
    first, again, other = (fit(name, train, seed=seed, steps=8, dropout=0.2) for seed in (5, 5, 6))
    q = x[:50].copy()
    answers = first.answer(q)
    assert np.array_equal(answers, again.answer(q)) and np.array_equal(answers, first.answer(q))
    assert not np.array_equal(answers, other.answer(q))
    assert np.array_equal(x, train.x) and np.array_equal(q, x[:50])


@both
@pytest.mark.parametrize("train", [stream, planted])
def test_offers_change_no_bit(name, train):
    train, seen = train(), []
    plain = fit(name, train, steps=12, dropout=0.2).answer(train.x)

    def observe(step, answer):
        with torch.random.fork_rng():
            seen.append(answer(train.x))

    offered = Run(budget=Budget("steps", 12), offers=3, observe=observe)
    fitted = load(name).fit(train, offered, **SMALL[name], dropout=0.2)
    assert len(seen) == 3 and np.array_equal(fitted.answer(train.x), plain)


@both
def test_every_unit_of_budget_ends_the_fit(name):
    for unit, amount, done in (("steps", 3, 3), ("examples", 64, 4), ("seconds", 1.0, None)):
        run = Run(budget=Budget(unit, amount))
        load(name).fit(planted(), run, **SMALL[name])
        assert run.done == done if done else run.done > 0
        assert len(run.notes) == run.done if done else run.notes
    run = Run(budget=Budget("tokens", 5_000))
    fewer = {"lstm": {"streams": 5, "block": 20}, "transformer": {"rows": 4, "block": 25}}[name]
    load(name).fit(stream(), run, **SMALL[name], **fewer)
    assert run.done == run.total == 50


@both
def test_rates(name, monkeypatch):
    rates, kind = [], {"lstm": "Adam", "transformer": "AdamW"}[name]

    class Watched(getattr(torch.optim, kind)):
        def step(self):
            rates.append(self.param_groups[0]["lr"])
            super().step()

    monkeypatch.setattr(torch.optim, kind, Watched)
    fit(name, planted(), steps=80, lr=0.01)
    share = np.arange(80) / 80
    falling = 1 - share if name == "lstm" else np.minimum(1, np.arange(1, 81) / 5) * (1 + np.cos(np.pi * share)) / 2
    np.testing.assert_allclose(rates, 0.01 * falling, rtol=1e-9)


@both
@pytest.mark.parametrize("train", [stream, planted, tones])
def test_bfloat16_computes_otherwise_and_nearly_the_same(name, train):
    train = train()
    wide, narrow = (fit(name, train, steps=3, dtype=dtype).answer(train.x[:100]) for dtype in ("float32", "bfloat16"))
    assert not np.array_equal(wide, narrow)
    np.testing.assert_allclose(narrow, wide, atol=0.03)
    np.testing.assert_allclose(narrow.sum(axis=1), 1, atol=1e-5)


@both
def test_few_texts_and_sounds_are_enough(name):
    for x in (texts(["one word", "two words"]), np.array([[1] * 50, [0] * 50], np.int16)):
        p = fit(name, Examples(x, np.array([1, 3]), 5), steps=5).answer(x)
        assert p.shape == (2, 5) and np.isfinite(p).all()
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)


@both
def test_other_forms_are_refused(name):
    tables = Examples(np.zeros((9, 3), np.float32), np.arange(9) % 2, 2)
    images = Examples(np.zeros((9, 8, 8), np.uint8), np.arange(9) % 2, 2)
    lengths = Examples(texts(["a"] * 9), np.zeros(9), 0)
    for train in (tables, images, lengths):
        with pytest.raises(Unsupported, match=f"{name} continues running texts and classifies texts and sounds"):
            fit(name, train)


# ----------------------------------------------------------------------------------------------------------------- cost


def fixed(words: int) -> Examples:
    """160 texts of that many words each, all of which came twice."""
    rows = np.random.default_rng(0).integers(0, 20, (160, words))
    return Examples(texts([" ".join(f"w{i}" for i in row) for row in rows]), np.arange(160) % 3, 3)


@pytest.mark.parametrize("keywords", [{"width": 32, "layers": 1}, {"width": 64, "layers": 2}])
@pytest.mark.parametrize(
    "train, shape, unit, amount",
    [(stream(1500), (), "tokens", 6_000), (fixed(30), (30,), "examples", 320), (tones(), (4000,), "examples", 320)],
    ids=["tokens", "text", "sound"],
)
def test_forecast_equals_the_counted_flops_of_transformer(train, shape, unit, amount, keywords):
    cost = load("transformer").cost(len(train.x), shape, train.classes, amount, **keywords)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        fitted = load("transformer").fit(train, Run(budget=Budget(unit, amount)), **keywords)
    assert cost.fit == pytest.approx(counted.get_total_flops(), rel=0.05)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        fitted.answer(train.x[:100] if shape else train.x)
    answers = 100 if shape else len(train.x)
    assert answers * cost.answer == pytest.approx(counted.get_total_flops(), rel=0.05)
    assert fitted.parameters * 16 < cost.bytes


class Unrolled(torch.nn.Module):
    """The same cells as products of matrices, which a counter sees."""

    def __init__(self, inputs: int, width: int, layers: int, classes: int) -> None:
        super().__init__()
        self.cells = torch.nn.ModuleList(torch.nn.LSTMCell(inputs if i == 0 else width, width) for i in range(layers))
        self.output = torch.nn.Linear(width, classes)

    def forward(self, x, each: bool):
        for cell in self.cells:
            h, c = torch.zeros(len(x), cell.hidden_size), torch.zeros(len(x), cell.hidden_size)
            found = []
            for t in range(x.shape[1]):
                gates = x[:, t] @ cell.weight_ih.T + h @ cell.weight_hh.T + cell.bias_ih
                i, f, g, o = gates.chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                found.append(h)
            x = torch.stack(found, 1)
        return self.output(x if each else x.mean(1))


@pytest.mark.parametrize("layers, width", [(1, 32), (2, 64)])
@pytest.mark.parametrize("form", ["tokens", "text", "sound"])
def test_forecast_equals_the_counted_flops_of_unrolled_cells(form, layers, width):
    shape, T, inputs = {"tokens": ((), 35, width), "text": ((30,), 30, width), "sound": ((4000,), 24, 40)}[form]
    examples = 35 * 12 if form == "tokens" else 12
    network, x = Unrolled(inputs, width, layers, 9), torch.randn(12, T, inputs, requires_grad=form != "sound")
    with FlopCounterMode(display=False) as counted:
        loss = network(x, form == "tokens").sum()
    forward = counted.get_total_flops()
    with FlopCounterMode(display=False) as counted:
        loss.backward()
    size = 0  # no sounds to read before training, no tokens to hold out
    cost = load("lstm").cost(size, shape, 9, examples, width=width, layers=layers)
    assert cost.fit == pytest.approx(forward + counted.get_total_flops(), rel=0.05)
    beside = 2 * T * 257 * 40 if form == "sound" else 0  # each frame's bands
    assert examples * (cost.answer - beside) == pytest.approx(forward, rel=0.01)


def test_forecast_of_lstm_holds_what_is_done_beside_the_cells():
    """Bands of sounds, read twice before training, and the held-out tokens, looked at ever less often."""
    cost, train = load("lstm").cost, tones()
    with FlopCounterMode(display=False) as counted:
        load("lstm").make_reader(train.x, 64)[0](train.x)
    heard = cost(len(train.x), (4000,), 12, 320).fit - cost(0, (4000,), 12, 320).fit
    assert heard == pytest.approx(counted.get_total_flops(), rel=1e-9)
    for tokens in (20_000, 2_000_000):
        looks, due = 0, 0.0
        for step in range(tokens // 700):
            if step >= due or step + 1 == tokens // 700:
                looks, due = looks + 1, 1.2 * step + 5
        one = cost(1_000_000, (), 65, tokens)
        assert one.fit / one.answer == pytest.approx(3 * tokens + 5000 * looks, rel=0.05)


@both
@pytest.mark.parametrize("shape, classes", [((), 65), ((), 10_000), ((19,), 2), ((4000,), 12)])
def test_cost_grows_with_the_usual_budget(name, shape, classes):
    small, large = (load(name).cost(size, shape, classes) for size in (1_000, 1_000_000))
    assert small.fit < large.fit and 0 < small.bytes < large.bytes and small.answer == large.answer > 0
    wide = load(name).cost(1_000, shape, classes, width=256)
    assert wide.fit > 1.5 * small.fit


@both
def test_the_card_and_cost_hold_the_defaults_of_fit(name):
    module = load(name)
    asked = [inspect.signature(f).parameters.values() for f in (module.fit, module.cost)]
    of_fit, of_cost = ({p.name: p.default for p in some if p.kind is p.KEYWORD_ONLY} for some in asked)
    assert of_fit == of_cost
    for keyword, (kind, *values) in module.TECHNIQUE.space.items():
        default = of_fit[keyword]
        assert default in values if kind == "choice" else values[0] <= default <= values[1]

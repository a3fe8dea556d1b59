"""Translating networks against an independent truth: equations in NumPy, PyTorch's own layers, counted FLOPs."""

import inspect
import os

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from harness import catalogue, files
from harness.contract import Budget, Examples, Fitted, Run, Unsupported
from harness.formats import texts
from tests.nets import load

pytestmark = pytest.mark.usefixtures("one_thread")
needs_data = pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")
NAMES = ["seq2seq", "attention", "transformer_mt"]
each = pytest.mark.parametrize("name", NAMES)
SMALL = {  # keywords of the fits below
    "seq2seq": {"width": 64, "embed": 32, "lr": 5e-3, "dropout": 0.0},
    "attention": {"width": 48, "embed": 32, "lr": 5e-3, "dropout": 0.0},
    "transformer_mt": {"width": 48, "layers": 1, "lr": 3e-3, "dropout": 0.0},
}


def fit(name: str, train: Examples, examples: int, seed: int = 0, **keywords) -> Fitted:
    run = Run(seed=seed, budget=Budget("examples", examples))
    return load(name).fit(train, run, **{**SMALL[name], **keywords})


def network(name: str, attend: bool = True) -> nn.Module:
    """12 source and 11 target words, with weights far from their start, so that every term counts."""
    module = load(name)
    if name == "seq2seq":
        made = module.EncoderDecoder(12, 11, 7, 5, 2, 0.3)
    elif name == "attention":
        made = module.Search(12, 11, 6, 4, 0.3, attend)
    else:
        made = module.Transformer(12, 11, 8, 2, 4, 0.3)
    generator = torch.Generator().manual_seed(0)
    for weight in made.parameters():
        weight.data += 0.3 * torch.randn(weight.shape, generator=generator)
    return made.eval()


X = [[5, 6, 7, 2], [8, 2], [9, 4, 11, 10, 5, 2], [3, 7, 2]]  # source words and end marks
Y = [[4, 5, 6, 7, 2], [9, 2], [10, 10, 2], [8, 4, 3, 2]]


def reversals(n: int, words: int = 6, longest: int = 3) -> Examples:
    """Texts of one to `longest` words of few, to be written backwards and in capitals."""
    rng = np.random.default_rng(n)
    rows = [[f"w{i}" for i in rng.integers(0, words, rng.integers(1, longest + 1))] for _ in range(n)]
    return Examples(texts([" ".join(row) for row in rows]), texts([" ".join(row[::-1]).upper() for row in rows]), 0)


def arrays(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: weight.detach().double().numpy() for name, weight in module.named_parameters()}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


# ----------------------------------------------------------------------------------------------------------- equations


def lstm_step(w, part, layer, x, h, c):
    gates = [w[f"{part}.{side}_l{layer}"] for side in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    i, f, g, o = np.split(gates[0] @ x + gates[1] @ h + gates[2] + gates[3], 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def test_seq2seq_equals_its_equations():
    """One sentence at a time, word by word, without padding."""
    made = network("seq2seq")
    w, module = arrays(made), load("seq2seq")
    (x, lengths), (y, _) = module.padded(X), module.padded(Y)
    outputs = made(x, lengths, module.begun(y)).detach().numpy()
    for row, (source, target) in enumerate(zip(X, Y, strict=True)):
        states = [(np.zeros(7), np.zeros(7))] * 2
        for part, words in (("encoder", source), ("decoder", [module.START, *target[:-1]])):
            for place, word in enumerate(words):
                h = w["source.weight" if part == "encoder" else "target.weight"][word]
                for layer in range(2):
                    states[layer] = lstm_step(w, part, layer, h, *states[layer])
                    h = states[layer][0]
                if part == "decoder":
                    truth = w["output.weight"] @ (w["narrow.weight"] @ h) + w["output.bias"]
                    assert outputs[row, place] == pytest.approx(truth, abs=1e-5)


def gru_step(w, part, end, x, h):
    """r multiplies U h and its bias, as in PyTorch."""
    W, U, b, d = (w[f"{part}.{side}{end}"] for side in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    (r, z, n), (r_, z_, n_) = np.split(W @ x + b, 3), np.split(U @ h + d, 3)
    z, n = sigmoid(z + z_), np.tanh(n + sigmoid(r + r_) * n_)
    return (1 - z) * n + z * h


@pytest.mark.parametrize("attend", [True, False])
def test_attention_equals_its_equations(attend):
    """One sentence at a time, a loop over both sentences' words, without padding."""
    made = network("attention", attend)
    w, module = arrays(made), load("attention")
    (x, lengths), (y, _) = module.padded(X), module.padded(Y)
    s_0, source = made.encode(x, lengths)
    outputs, _, alphas = made.decode(module.begun(y), s_0, source)
    assert len(alphas) == (y.shape[1] if attend else 0)
    for row, (sentence, target) in enumerate(zip(X, Y, strict=True)):
        words, there, back = w["source.weight"][sentence], [np.zeros(6)], [np.zeros(6)]
        for word in words:
            there.append(gru_step(w, "encoder", "_l0", word, there[-1]))
        for word in words[::-1]:
            back.append(gru_step(w, "encoder", "_l0_reverse", word, back[-1]))
        h = [np.concatenate(pair) for pair in zip(there[1:], back[:0:-1], strict=True)]
        s = np.tanh(w["W_s.weight"] @ back[-1] + w["W_s.bias"])
        for place, word in enumerate([module.START, *target[:-1]]):
            c = np.concatenate([there[-1], back[-1]])
            if attend:
                e = [w["v_a.weight"][0] @ np.tanh(w["W_a.weight"] @ s + w["U_a.weight"] @ h_j) for h_j in h]
                alpha = softmax(np.array(e))
                c = sum(a * h_j for a, h_j in zip(alpha, h, strict=True))
                seen = alphas[place][row].detach().numpy()
                assert seen[: len(h)] == pytest.approx(alpha, abs=1e-5) and not seen[len(h) :].any()
            word = w["target.weight"][word]
            s = gru_step(w, "decoder", "", np.concatenate([word, c]), s)
            t = w["deep.weight"] @ np.concatenate([s, word, c]) + w["deep.bias"]
            truth = w["W_o.weight"] @ np.maximum(t[0::2], t[1::2]) + w["W_o.bias"]
            assert outputs[row, place].detach().numpy() == pytest.approx(truth, abs=1e-5)


def copied(layer: nn.Module, into: nn.Module, decodes: bool) -> None:
    """The weights of ours in PyTorch's layer."""
    pairs = [(into.self_attn, layer.own)] + ([(into.multihead_attn, layer.other)] if decodes else [])
    for theirs, ours in pairs:
        theirs.in_proj_weight.data = torch.cat([ours.q.weight, ours.kv.weight]).data
        theirs.in_proj_bias.data = torch.cat([ours.q.bias, ours.kv.bias]).data
        theirs.out_proj.load_state_dict(ours.o.state_dict())
    norms = ["norm", "norm_other", "norm_up"] if decodes else ["norm", "norm_up"]
    ours = ["W_1", "W_2", *norms]
    for one, other in zip(ours, ["linear1", "linear2", "norm1", "norm2", "norm3"][: len(ours)], strict=True):
        getattr(into, other).load_state_dict(getattr(layer, one).state_dict())


def torchs(made: nn.Module, x, lengths, y) -> torch.Tensor:
    """The same network of PyTorch's layers."""
    keywords = {"dim_feedforward": 32, "dropout": 0.0, "batch_first": True}
    padding = torch.arange(x.shape[1]) >= lengths[:, None]
    later = torch.ones(y.shape[1], y.shape[1], dtype=torch.bool).triu(1)
    places = np.array([[p / 10_000 ** (2 * (i // 2) / 8) for i in range(8)] for p in range(20)])
    places = torch.tensor(np.where(np.arange(8) % 2, np.cos(places), np.sin(places)), dtype=torch.float32)
    source = made.source.weight[x] * 8**0.5 + places[: x.shape[1]]
    for layer in made.encoder:
        theirs = nn.TransformerEncoderLayer(8, 4, **keywords)
        copied(layer, theirs, decodes=False)
        source = theirs(source, src_key_padding_mask=padding)
    target = made.target.weight[y] * 8**0.5 + places[: y.shape[1]]
    for layer in made.decoder:
        theirs = nn.TransformerDecoderLayer(8, 4, **keywords)
        copied(layer, theirs, decodes=True)
        target = theirs(target, source, tgt_mask=later, memory_key_padding_mask=padding)
    return target @ made.target.weight.T + made.output.bias


def test_transformer_equals_torchs_layers():
    made, module = network("transformer_mt"), load("transformer_mt")
    (x, lengths), (y, _) = module.padded(X), module.padded(Y)
    ours, truth = made(x, lengths, module.begun(y)), torchs(made, x, lengths, module.begun(y))
    assert torch.allclose(ours, truth, atol=1e-5)
    tables = [made.source.weight, made.target.weight]  # of which the second is the output's matrix too
    gradients = [torch.autograd.grad(found.square().sum(), tables, retain_graph=True) for found in (ours, truth)]
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4) and one.abs().max() > 1


# -------------------------------------------------------------------------------------------------------- what is seen


@each
def test_later_words_padding_and_neighbours_change_nothing(name):
    made, module = network(name), load(name)
    (x, lengths), (y, _) = module.padded(X), module.padded(Y)
    y = module.begun(y)
    before = made(x, lengths, y)
    other = y.clone()
    other[:, 3:] = (other[:, 3:] + 1) % 11
    after = made(x, lengths, other)
    assert torch.allclose(before[:, :3], after[:, :3], atol=1e-6)
    assert not torch.allclose(before[:, 3:], after[:, 3:], atol=1e-2)
    filled = torch.where(x == module.PAD, 9, x)
    assert torch.allclose(before, made(filled, lengths, y), atol=1e-6)
    for row, length in enumerate(lengths.tolist()):
        alone = made(x[row : row + 1, :length], lengths[row : row + 1], y[row : row + 1])
        assert torch.allclose(before[row], alone[0], atol=1e-5)
    changed = x.clone()
    changed[:, 0] = (changed[:, 0] + 1) % 12  # a real word counts at every place
    assert (before - made(changed, lengths, y)).abs().amax(2).min() > 1e-4


@each
def test_answers_step_by_step_are_those_of_one_pass(name):
    """Greedy search keeps a state from word to word: with the same words the whole network says the same."""
    made, module = network(name), load(name)
    x, lengths = module.padded(X)
    for row, words in enumerate(module.translated(made, x, lengths, "cpu")):
        y, _ = module.padded([[*words, module.END]])
        outputs = made(x[row : row + 1], lengths[row : row + 1], module.begun(y))[0]
        outputs[:, [module.PAD, module.START, module.UNKNOWN]] = -torch.inf
        most = 2 * (len(X[row]) - 1) + 10
        assert outputs.argmax(1).tolist()[: len(words)] == words and len(words) <= most
        assert len(words) == most or outputs[len(words)].argmax() == module.END


@each
def test_the_most_words_and_the_words_never_written(name):
    made, module = network(name), load(name)
    bias = (made.W_o if name == "attention" else made.output).bias.data
    bias[module.END] -= 1e9
    bias[[module.PAD, module.START, module.UNKNOWN]] += 1e6
    x, lengths = module.padded(X)
    found = module.translated(made, x, lengths, "cpu")
    assert [len(words) for words in found] == [2 * (len(row) - 1) + 10 for row in X]
    assert all(word > module.UNKNOWN for words in found for word in words)
    bias[module.END] += 2e9
    assert module.translated(made, x, lengths, "cpu") == [[]] * len(X)


@each
def test_log_perplexity_is_of_each_word_and_end_mark(name):
    made, module = network(name), load(name)
    total = 0.0
    for source, target in zip(X, Y, strict=True):
        (x, lengths), (y, _) = module.padded([source]), module.padded([target])
        p = made(x, lengths, module.begun(y))[0].softmax(1)
        total -= sum(p[place, word].log().item() for place, word in enumerate(target))
    assert module.log_perplexity(made, X, Y, "cpu") == pytest.approx(total / sum(map(len, Y)), rel=1e-5)
    assert module.log_perplexity(made, X * 40, Y * 40, "cpu") == pytest.approx(total / sum(map(len, Y)), rel=1e-5)


# ------------------------------------------------------------------------------------------------------------ training


@each
def test_reversal_is_learnt(name):
    train, asked = reversals(3_000), reversals(100)
    keywords = {"reverse": False, "lr": 1e-2} if name == "seq2seq" else {}  # the last word read is written first
    fitted = fit(name, train, 16_000 if keywords else 6_000, **keywords)
    right = np.mean([a == t for a, t in zip(fitted.answer(asked.x), asked.y.tolist(), strict=True)])
    assert right > 0.8 and fitted.told["held_log_perplexity"] < 0.25
    assert len(fitted.answer(texts(["", "w1 never w2", "w3 " * 300]))) == 3


def test_alignment_recovers_a_planted_permutation():
    """Seven words without repetition, to be written in a fixed order: the largest alpha is at the word's place."""
    module = load("attention")
    torch.manual_seed(0)
    generator, order = torch.Generator().manual_seed(0), torch.tensor([3, 0, 6, 1, 5, 2, 4])
    made = module.Search(20, 20, 32, 16, 0.0)
    optimiser = torch.optim.Adam(made.parameters(), lr=5e-3)
    end, lengths = torch.full((32, 1), module.END), torch.full((32,), 8)
    for _ in range(160):
        words = torch.stack([torch.randperm(16, generator=generator)[:7] + 4 for _ in range(32)])
        x, y = torch.cat([words, end], 1), torch.cat([words[:, order], end], 1)
        outputs, _, alphas = made.decode(module.begun(y), *made.encode(x, lengths))
        optimiser.zero_grad()
        nn.functional.cross_entropy(outputs.flatten(0, 1), y.flatten()).backward()
        nn.utils.clip_grad_norm_(made.parameters(), 1.0)
        optimiser.step()
    found = torch.stack(alphas, 1).argmax(2)[:, :7]  # (32, 7)
    assert (found == order).float().mean() > 0.9


@each
def test_the_yardstick_is_told_and_not_trained_on(name):
    """Other texts in the held-out rows, which are the same in all files, change the told number and nothing else."""
    train = reversals(400)
    held = np.random.default_rng(0).permutation(400)[380:]
    y = train.y.copy()
    y[held] = "W1 W1 W1 W1 W1 W1"
    one, other = fit(name, train, 640), fit(name, Examples(train.x, y, 0), 640)
    assert one.answer(train.x[:50]) == other.answer(train.x[:50])
    assert one.told.keys() == {"held_log_perplexity"} and one.told != other.told
    few = Examples(train.x[:199], train.y[:199], 0)
    assert fit(name, few, 64).told == {}


def test_reversed_is_the_same_as_reversed_texts():
    train = reversals(300)
    turned = Examples(texts([" ".join(text.split()[::-1]) for text in train.x.tolist()]), train.y, 0)
    one, other = fit("seq2seq", train, 640), fit("seq2seq", turned, 640, reverse=False)
    assert one.told == other.told and one.answer(train.x) == other.answer(turned.x)
    assert one.told != fit("seq2seq", train, 640, reverse=False).told


def test_the_rate_of_the_transformer_rises_and_falls(monkeypatch):
    rates = []

    class Watched(torch.optim.Adam):
        def step(self, *args, **keywords):
            rates.append(self.param_groups[0]["lr"])
            return super().step(*args, **keywords)

    monkeypatch.setattr(torch.optim, "Adam", Watched)
    fit("transformer_mt", reversals(80), 800, lr=0.01)  # 100 steps of 8 pairs
    assert rates[:10] == pytest.approx([0.001 * k for k in range(1, 11)]) and len(rates) == 100
    assert rates[39] == pytest.approx(0.005) and rates[99] == pytest.approx(0.01 / 10**0.5)


def test_words_come_twice_and_signs_follow_their_word():
    module = load("seq2seq")
    known = module.vocabulary(["b, a b", "a c b"], 9)
    assert known == {"a": 4, "b": 5} and module.vocabulary(["b, a b", "a c b"], 1) == {"b": 4}
    assert module.numbered(["b z a", ""], known) == [[5, 3, 4, 2], [2]]
    assert module.numbered(["b z a"], known, reverse=True) == [[4, 3, 5, 2]]
    assert module.written(["Two", "men", ",", "one", "dog", "."]) == "Two men, one dog."


@each
def test_batches_are_full_shuffled_and_alike(name):
    module, rng = load(name), np.random.default_rng(0)
    rows = [[4 + i, *[5] * int(rng.integers(0, 30)), 2] for i in range(320)]
    batches, seen, gaps = module.alike(Run(seed=1), rows, rows, 16), [], []
    for _ in range(20):
        x, lengths, y = next(batches)
        assert x.shape[0] == 16 and torch.equal(x, y) and x.shape[1] == lengths.max()
        seen += x[:, 0].tolist()
        gaps.append(int(lengths.max() - lengths.min()))
    assert sorted(seen) == list(range(4, 324)) and np.median(gaps) <= 8


@each
def test_material_it_cannot_take(name):
    with pytest.raises(Unsupported, match="translates texts"):
        fit(name, Examples(np.zeros((20, 900), np.int16), texts(["a"] * 20), 0), 8)
    with pytest.raises(Unsupported, match="float32, bfloat16"):
        load(name).fit(reversals(20), Run(budget=Budget("examples", 8), dtype="bfloat16"))


# ---------------------------------------------------------------------------------------------------------------- cost


def planted(n: int, T: int) -> Examples:
    """Texts of T words and a full stop; as many words come twice as `cost` takes for granted."""
    words = round(11 * (n * T) ** 0.5) - 1  # one is the full stop
    place = np.arange(n * T).reshape(n, T) % words
    assert n * T > 2.2 * words
    text = texts([" ".join(f"w{i}" for i in row) + "." for row in place])
    return Examples(text, text.copy(), 0)


@pytest.mark.parametrize("T", [10, 20])
@pytest.mark.parametrize(
    "name, keywords",
    [
        ("seq2seq", {"width": 32, "embed": 16, "layers": 2}),
        ("seq2seq", {"width": 64, "embed": 32, "reverse": False}),
        ("attention", {"width": 24, "embed": 16}),
        ("attention", {"width": 64, "embed": 32, "attend": False}),
        ("transformer_mt", {"width": 32, "layers": 1}),
        ("transformer_mt", {"width": 64, "layers": 2}),
    ],
)
def test_forecast_equals_the_counted_flops(name, keywords, T):
    """Without oneDNN, whose recurrent layers a counter does not see."""
    train, module = planted(800, T), load(name)
    cost = module.cost(800, (T,), 0, 160, **keywords)
    with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
        with FlopCounterMode(display=False) as counted:
            fitted = module.fit(train, Run(budget=Budget("examples", 160)), **keywords)
        assert cost.fit == pytest.approx(counted.get_total_flops(), rel=0.05)
    assert fitted.parameters * 16 < cost.bytes


@each
def test_forecast_of_an_answer(name):
    """A network that writes as many words as it reads, and the end mark."""
    module, T = load(name), 12
    words = round(4 + 11 * (800 * T) ** 0.5)
    made = {"seq2seq": lambda: module.EncoderDecoder(words, words, 32, 16, 1, 0.0),
            "attention": lambda: module.Search(words, words, 32, 16, 0.0),
            "transformer_mt": lambda: module.Transformer(words, words, 32, 2, 4, 0.0)}[name]().eval()  # fmt: skip
    x, lengths = module.padded([[5] * (T + 1) + [2]] * 3)
    plain = torch.backends.mkldnn.flags(enabled=False)
    with plain, sdpa_kernel(SDPBackend.MATH), torch.inference_mode(), FlopCounterMode(display=False) as counted:
        if name == "transformer_mt":  # a step computes its own place, and looks at what was kept
            source, real = made.encode(x, lengths)
            others = [layer.other.kept(source) for layer in made.decoder]
            owns = [layer.own.kept(source[:, :0]) for layer in made.decoder]
            for t in range(T + 2):
                y = made.placed(made.target(x[:, :1]), t)
                for i, layer in enumerate(made.decoder):
                    owns[i] = tuple(torch.cat(pair, 2) for pair in zip(owns[i], layer.own.kept(y), strict=True))
                    y = layer(y, owns[i], None, others[i], real)
                made.output(y[:, 0])
        else:
            made(x, lengths, x)
    answer = module.cost(
        800, (T,), 0, width=32, **({"layers": 2} if name == "transformer_mt" else {"embed": 16})
    ).answer
    assert 3 * answer == pytest.approx(counted.get_total_flops(), rel=0.02)


@each
def test_cost_grows_with_the_usual_budget(name):
    small, large = (load(name).cost(size, (11,), 0) for size in (1_000, 1_000_000))
    assert small.fit < large.fit and 0 < small.bytes < large.bytes and 0 < small.answer < large.answer
    assert load(name).cost(1_000, (11,), 0, width=256).fit > load(name).cost(1_000, (11,), 0, width=64).fit


@needs_data
def test_words_of_captions_are_as_many_as_cost_says():
    module = catalogue.load(catalogue.path_of("dataset", "multi30k_de_en"))
    card = module.DATASET
    data = module.load(files.locate("multi30k_de_en", card.files, card.folder))
    for n in (5_000, 29_000):
        found = len(load("seq2seq").vocabulary(data.y[:n].tolist(), 30_000))
        assert found == pytest.approx(11 * (n * card.shape[0]) ** 0.5, rel=0.15)


@each
def test_the_card_and_cost_hold_the_defaults_of_fit(name):
    module = load(name)
    asked = [inspect.signature(f).parameters.values() for f in (module.fit, module.cost)]
    of_fit, of_cost = ({p.name: p.default for p in some if p.kind is p.KEYWORD_ONLY} for some in asked)
    assert of_fit == of_cost
    for keyword, (kind, *values) in module.TECHNIQUE.space.items():
        default = of_fit[keyword]
        assert default in values if kind == "choice" else values[0] <= default <= values[1]


def weights(name: str, sources: int, targets: int, width: int = 128, attend: bool = True, shortlist: int = 0) -> int:
    module = load(name)
    if name == "attention":
        made = module.Search(sources, targets, width, 128, 0.0, attend)
    else:
        made = module.Transformer(sources, targets, width, 3, 4, 0.0)
    return sum(weight.numel() for weight in made.parameters())


def test_arms_that_are_compared_have_as_many_weights():
    """As registered, with the words that there are in made-up languages and in captions."""
    for test in load("attention").TECHNIQUE.claims[0].tests:
        one, other = (weights(arm.technique, 235, 535, **dict(arm.keywords)) for arm in test.arms)
        assert one == pytest.approx(other, rel=0.01)
        assert all(arm.keywords["shortlist"] > 531 for arm in test.arms)
    one, other = (
        weights(arm.technique, 8_050, 6_198) for arm in load("transformer_mt").TECHNIQUE.claims[0].tests[0].arms
    )
    assert one == pytest.approx(other, rel=0.01)


@each
def test_shown_are_sentences_it_was_not_trained_on(name):
    """Three of the yardstick's pairs with the answers; attention's picture has a line for each word that it wrote."""
    train = reversals(240)
    fitted = fit(name, train, 2_000)
    shown = fitted.shown()
    blocks = shown["translations of sentences that it was not trained on"].split("\n\n")
    order = np.random.default_rng(0).permutation(240)[-12:]
    assert len(blocks) == 3
    for block, row in zip(blocks, order[:3], strict=True):
        asked, answered, true = (line[10:] for line in block.splitlines())
        assert (asked, true) == (train.x[row], train.y[row]) and answered == fitted.answer(train.x[[row]])[0]
    if name == "attention":
        ((_, looks),) = [item for item in shown.items() if item[0].startswith("where it looked")]
        words = blocks[0].splitlines()[1][10:].split()
        assert looks.shape == (1, len(words) + 1, len(train.x[order[0]].split()) + 1)
        assert np.allclose(looks[0].sum(axis=1), 255, atol=len(looks[0][0]))
    assert fit(name, reversals(60), 60).shown is None

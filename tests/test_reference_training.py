"""How networks are trained: optimisers against torch's, pruning and rewinding by hand, recurrent cells unrolled."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from harness import feed
from harness.contract import Budget, Examples, Run, Unsupported
from harness.datasets import adding
from harness.split import generator
from tests.nets import load

pytestmark = pytest.mark.usefixtures("one_thread")
adam, lottery, lags = load("adam"), load("lottery_ticket"), load("long_lags")


def digits(rows: int = 400) -> Examples:
    data = load_digits()
    return Examples(data.images[:rows].astype(np.uint8), data.target[:rows].astype(np.int64), 10)


def texts(*rows: str) -> np.ndarray:
    return np.array(rows, dtype=np.dtypes.StringDType())


def lent(steps: int, seed: int = 0) -> Run:
    return Run(seed=seed, budget=Budget("steps", steps))


# ---------------------------------------------------------------------------------------------------------------- Adam

TORCH = {
    "adam": lambda weights, lr: torch.optim.Adam(weights, lr=lr, betas=(0.9, 0.999), eps=1e-8),
    "sgd": lambda weights, lr: torch.optim.SGD(weights, lr=lr),
    "momentum": lambda weights, lr: torch.optim.SGD(weights, lr=lr, momentum=0.9),
    "adagrad": lambda weights, lr: torch.optim.Adagrad(weights, lr=lr, eps=1e-10),
    "rmsprop": lambda weights, lr: torch.optim.RMSprop(weights, lr=lr, alpha=0.9, eps=1e-8),
}


@pytest.mark.parametrize("scale", [1.0, 1e-8])  # at the smaller it matters where epsilon stands
@pytest.mark.parametrize("optimiser", TORCH)
def test_a_hundred_steps_are_those_of_torch(optimiser, scale):
    torch.manual_seed(0)
    theta, A, b = torch.randn(7, dtype=torch.float64), torch.randn(9, 7).double(), torch.randn(9).double()
    twin = theta.clone().requires_grad_()
    theirs = TORCH[optimiser]([twin], 1e-2)
    m, v = torch.zeros_like(theta), torch.zeros_like(theta)
    start = theta.clone()
    for t in range(1, 101):
        aim = b + torch.randn(9).double()  # other data at each step
        for weights in (theta.requires_grad_(), twin):
            weights.grad = None
            (scale * ((A @ weights - aim).tanh() ** 2).mean()).backward()
        g, theta = theta.grad, theta.detach()
        adam.update(optimiser, theta, g, m, v, t, 1e-2)
        theirs.step()
        torch.testing.assert_close(theta, twin.detach(), rtol=0, atol=1e-7 if scale == 1 else 1e-12)
    assert (theta - start).abs().min() > 1e-3 * (scale if optimiser in ("sgd", "momentum") else 1)


@pytest.mark.parametrize("g", [3.0, -1e-8])
def test_a_constant_gradient_has_the_paths_of_closed_form(g):
    """Of Adam the corrected means are g and g^2 at every t, so a step is alpha g / (|g| + epsilon): half at 1e-8."""
    paths = {}
    for optimiser in TORCH:
        theta, m, v = (torch.zeros(1, dtype=torch.float64) for _ in range(3))
        for t in range(1, 21):
            adam.update(optimiser, theta, torch.full_like(theta, g), m, v, t, 0.5)
        paths[optimiser] = float(theta)
    assert paths["adam"] == pytest.approx(-20 * 0.5 * g / (abs(g) + 1e-8), rel=1e-9)
    assert paths["sgd"] == pytest.approx(-20 * 0.5 * g, rel=1e-9)
    assert paths["momentum"] == pytest.approx(-0.5 * g * sum((1 - 0.9**t) / 0.1 for t in range(1, 21)), rel=1e-9)
    steps = [g / (math.sqrt(t) * abs(g) + 1e-10) for t in range(1, 21)]
    assert paths["adagrad"] == pytest.approx(-0.5 * sum(steps), rel=1e-9)
    steps = [g / (math.sqrt(1 - 0.9**t) * abs(g) + 1e-8) for t in range(1, 21)]
    assert paths["rmsprop"] == pytest.approx(-0.5 * sum(steps), rel=1e-9)


@pytest.mark.parametrize("network", adam.NETWORKS)
@pytest.mark.parametrize("optimiser", TORCH)
def test_fit_is_torch_training_at_the_usual_rate_times_lr(optimiser, network):
    train, rate = digits(), {"adam": 1e-3, "sgd": 0.1, "momentum": 0.01, "adagrad": 0.01, "rmsprop": 1e-3}[optimiser]
    ours = adam.fit(train, lent(20), optimiser=optimiser, network=network, lr=0.5, batch=25).answer(train.x[:50])
    torch.manual_seed(0)
    model = adam.pictured(network, train.x, 10)
    theirs, batches = TORCH[optimiser](model.parameters(), rate * 0.5), feed.batches(lent(20), train.x, train.y, 25)
    for _ in range(20):
        x, y = next(batches)
        theirs.zero_grad()
        F.cross_entropy(model(x), y).backward()
        theirs.step()
    told = model(torch.tensor(train.x[:50])).detach().softmax(1).numpy()
    np.testing.assert_allclose(ours, told, atol=2e-4)
    assert np.abs(ours - 0.1).max() > 0.01


def test_rates_of_both_ranges(monkeypatch):
    seen = []
    monkeypatch.setattr(adam, "update", lambda optimiser, theta, g, m, v, t, alpha: seen.append((t, alpha)))
    for optimiser, wide, lr in (("adam", True, 1 / 30), ("sgd", True, 1.0), ("adagrad", True, 30), ("sgd", False, 3)):
        adam.fit(digits(), lent(2), optimiser=optimiser, network="logistic", lr=lr, wide=wide)
    assert [t for t, _ in seen] == [1, 1, 2, 2] * 4  # two tensors of weights
    assert [alpha for _, alpha in seen[::4]] == pytest.approx([1e-5, 1e-2, 10.0, 0.3])


def test_workloads_have_as_many_weights_as_their_layers():
    def weights(train, **keywords):
        return adam.fit(train, lent(1), **keywords).parameters

    big = Examples(np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10, 10)
    assert weights(big, network="logistic") == 785 * 10
    assert weights(big, network="mlp") == 785 * 128 + 129 * 128 + 129 * 10
    assert weights(big, network="lenet") == 26 * 6 + (25 * 6 + 1) * 12 + (12 * 49 + 1) * 10
    words = Examples(texts(*["a b", "b c d"] * 10), np.arange(20) % 2, 2)
    assert weights(words) == (4 + 1) * 2 + 2  # and a row for no word
    assert weights(Examples(np.arange(500, dtype=np.uint8) % 9, None, 9)) == 64 * 9 + 8 * 64 * 65 + 65 * 9


def test_words_are_a_softmax_over_which_words_there_are():
    rows = texts("The cat, the Dog", "dog dog emu", "CAT fox fox")
    model = adam.Words(rows, 3)
    with torch.no_grad():
        model.W.normal_()
        model.b.normal_()
        model.W[0] = 99.0  # what stands for no word is never added
    asked = texts("a dog and a cat", "fox", "", "the the the emu")
    there = {row: [word in asked[row].split() for word in model.vocabulary] for row in range(4)}
    dense = torch.tensor([there[row] for row in range(4)]).float()  # (4, words)
    expected = dense @ model.W[[*model.vocabulary.values()]] + model.b
    torch.testing.assert_close(model(model.numbered(asked)), expected)
    assert sorted(model.vocabulary) == ["cat", "dog", "emu", "fox", "the"]
    assert model.numbered(texts(" ".join(["cat", "dog"] * 400))).count_nonzero() == 2


def test_stretches_ask_for_the_token_that_follows():
    batches = adam.stretches(lent(1), torch.arange(100), 6, 10)
    starts = set()
    for _ in range(200):
        x, y = next(batches)
        assert x.shape == (6, 10) and torch.equal(y, x + 1) and torch.equal(x[:, 1:], x[:, :-1] + 1)
        starts |= set(x[:, 0].tolist())
    assert starts == set(range(90))  # the last one asks for token 99


@pytest.mark.parametrize("network", adam.NETWORKS)
def test_forecast_of_adam_equals_the_counted_flops(network):
    train = Examples(np.random.default_rng(0).integers(0, 256, (64, 28, 28)).astype(np.uint8), np.arange(64) % 10, 10)
    with FlopCounterMode(display=False) as counted:
        fitted = adam.fit(train, lent(5), network=network, batch=16)
    forecast = adam.cost(64, (28, 28), 10, 5 * 16, network=network)
    assert forecast.fit == pytest.approx(counted.get_total_flops(), rel=0.05)
    with FlopCounterMode(display=False) as counted:
        fitted.answer(train.x)
    assert 64 * forecast.answer == pytest.approx(counted.get_total_flops(), rel=0.05)


def test_forecast_of_adam_on_running_text_is_four_gates_and_an_output():
    gates, output, x = nn.Linear(64 + 64, 4 * 64), nn.Linear(64, 65), torch.randn(100, 128, requires_grad=True)
    with FlopCounterMode(display=False) as counted:
        (gates(x).sum() + output(x[:, :64]).sum()).backward()
    assert adam.cost(1000, (), 65, 100).fit == pytest.approx(counted.get_total_flops(), rel=0.01)


def test_adam_refuses_what_it_cannot_do():
    with pytest.raises(Unsupported, match="classify images and texts"):
        adam.fit(Examples(np.zeros((9, 4), np.float32), np.arange(9) % 3, 3, (0,) * 4), lent(1))
    with pytest.raises(ValueError, match="optimiser 'adamw'"):
        adam.fit(digits(), lent(1), optimiser="adamw")
    with pytest.raises(ValueError, match="network 'vgg'"):
        adam.fit(digits(), lent(1), network="vgg")


# ------------------------------------------------------------------------------------------------------ lottery ticket


def watched(monkeypatch, loose: bool = False, **keywords):
    """A fit on digits, and at each call of `silence`: (whether it follows a rewinding, weights before it, masks).

    loose  what is pruned is put to 0 at the beginning of a training only: the fault that `silence` is there to prevent
    """
    calls, real, known = [], lottery.silence, []

    def spy(weights, masks):
        rewound = bool(known) and any(a is not b for a, b in zip(known[-1], masks, strict=True))
        known.append(masks)
        calls.append((rewound, [w.detach().clone() for w in weights], [mask.clone() for mask in masks]))
        if rewound or not loose:
            real(weights, masks)

    monkeypatch.setattr(lottery, "silence", spy)
    fitted = lottery.fit(digits(), lent(40, seed=5), **{"left": 0.2, **keywords})
    return fitted, calls


def first_weights() -> list[torch.Tensor]:
    torch.manual_seed(5)
    return [layer.weight.detach() for layer in lottery.LeNet300(64, 10).layers]


COUNTS = [64 * 300, 300 * 100, 100 * 10]


def test_rounds_and_weights_left_are_those_of_the_papers_schedule():
    full = [784 * 300, 300 * 100, 100 * 10]
    for left, rounds in ((1.0, 0), (0.81, 1), (0.212, 7), (0.07, 12), (0.036, 15)):
        assert lottery.rounds_for(full, left) == rounds
        kept = lottery.kept(full, rounds)
        closed = [n * rate**rounds for n, rate in zip(full, (0.8, 0.8, 0.9), strict=True)]
        assert kept == pytest.approx(closed, rel=0.005)
        assert sum(kept) <= left * sum(full)
    assert lottery.rounds_for([100, 100, 3], 1e-9) < 60 and min(lottery.kept([100, 100, 3], 500)) >= 1


def test_what_is_pruned_is_the_least_of_what_was_left():
    rng = np.random.default_rng(0)
    weight, mask = torch.tensor(rng.normal(size=(20, 15))), torch.tensor(rng.random((20, 15)) < 0.5)
    weight[~mask] *= 100  # larger, but pruned before
    weight[mask.nonzero()[0][0], mask.nonzero()[0][1]] = 0.0
    found = lottery.pruned(weight, mask, 60)
    assert found.sum() == 60 and not (found & ~mask).any()
    assert weight.abs()[found].min() >= weight.abs()[mask & ~found].max()
    assert torch.equal(lottery.pruned(weight, mask, int(mask.sum())), mask)  # a weight of 0 that is not pruned stays


def test_every_training_starts_from_the_first_weights_and_what_is_pruned_stays_zero(monkeypatch):
    fitted, calls = watched(monkeypatch)
    rounds, first = 8, first_weights()
    rewound = [(weights, masks) for anew, weights, masks in calls if anew]
    assert len(rewound) == rounds and len(calls) == 40 + rounds
    trained = [calls[k - 1][1] for k, (anew, *_) in enumerate(calls) if anew]  # at the end of the training before
    masks_before = [torch.ones_like(weight, dtype=torch.bool) for weight in first]
    for r, ((weights, masks), ended) in enumerate(zip(rewound, trained, strict=True), start=1):
        assert all(torch.equal(a, b) for a, b in zip(weights, first, strict=True))
        assert [int(mask.sum()) for mask in masks] == lottery.kept(COUNTS, r)
        for weight, mask, before in zip(ended, masks, masks_before, strict=True):
            assert not (mask & ~before).any()
            assert weight.abs()[mask].min() >= weight.abs()[before & ~mask].max()
        masks_before = masks
    left = sum(lottery.kept(COUNTS, rounds))
    assert fitted.told["weights_left"] == left / sum(COUNTS) and fitted.parameters == left + 410
    assert 1 <= fitted.told["early_stop_step"] <= 4


@pytest.mark.parametrize("loose", [False, True])
def test_without_silence_adam_moves_what_is_pruned(monkeypatch, loose):
    """The weights that answer: their zeros are as many as were pruned; where nothing holds them they move."""
    stored = []
    real = lottery.LeNet300.load_state_dict
    monkeypatch.setattr(
        lottery.LeNet300, "load_state_dict", lambda self, state: (stored.append(state), real(self, state))[1]
    )
    watched(monkeypatch, loose=loose)
    zeros = [int((stored[-1][f"layers.{k}.weight"] == 0).sum()) for k in range(3)]
    pruned = [n - left for n, left in zip(COUNTS, lottery.kept(COUNTS, 8), strict=True)]
    # weights of pixels that are always black have no gradient, so the first layer is left out
    assert all(z < 0.9 * p if loose else z == p for z, p in zip(zeros[1:], pruned[1:], strict=True))


def test_the_last_training_of_each_start(monkeypatch):
    last = {}
    for start in lottery.STARTS:
        _, calls = watched(monkeypatch, start=start)
        monkeypatch.undo()
        rewound = [k for k, call in enumerate(calls) if call[0]]
        last[start] = calls[rewound[-1]]
        assert [int(mask.sum()) for mask in last[start][2]] == lottery.kept(COUNTS, 8)
        assert len(calls) - 1 - rewound[-1] == 4  # a ninth of 40 steps
        assert len(rewound) == (1 if start == "one shot" else 8)

    def same(start, what):
        return [torch.equal(a, b) for a, b in zip(last["original"][what], last[start][what], strict=True)]

    assert not any(same("fresh", 1)) and all(same("fresh", 2))
    assert all(same("shuffled mask", 1)) and not any(same("shuffled mask", 2))
    assert all(same("one shot", 1)) and not any(same("one shot", 2))
    for fresh, first in zip(last["fresh"][1], first_weights(), strict=True):  # drawn alike
        assert fresh.std() == pytest.approx(float(first.std()), rel=0.1)
        assert abs(float(torch.corrcoef(torch.stack([fresh.flatten(), first.flatten()]))[0, 1])) < 0.1


def test_unpruned_it_is_plain_training_to_the_least_held_out_loss():
    train = digits()
    ours = lottery.fit(train, lent(200, seed=5), left=1.0, batch=20)
    order = np.random.default_rng(5).permutation(400)
    held, seen = order[:40], order[40:]
    torch.manual_seed(5)
    sizes = ((64, 300), (300, 100), (100, 10))
    layers = [nn.utils.skip_init(nn.Linear, *size) for size in sizes]
    torch.manual_seed(5)
    network = lottery.LeNet300(64, 10)  # for its weights alone
    for layer, drawn in zip(layers, network.layers, strict=True):
        layer.load_state_dict(drawn.state_dict())
    twin = nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    optimiser = torch.optim.Adam(twin.parameters(), lr=1.2e-3)
    batches, best = feed.batches(lent(200, seed=5), train.x[seen], train.y[seen], 20), (math.inf, 0, None)
    for step in range(1, 201):
        x, y = next(batches)
        optimiser.zero_grad()
        F.cross_entropy(twin(x / 255), y).backward()
        optimiser.step()
        if step % 4 == 0:
            with torch.no_grad():
                p = twin(torch.tensor(train.x / 255).float()).softmax(1)
            loss = -float(p[held, train.y[held]].log().mean())
            best = min(best, (loss, step, p), key=lambda one: one[0])
    assert ours.told == {"weights_left": 1.0, "early_stop_step": best[1]}
    np.testing.assert_allclose(ours.answer(train.x), best[2], atol=1e-3)
    fresh = lottery.fit(train, lent(200, seed=5), left=1.0, batch=20, start="fresh")
    assert np.abs(fresh.answer(train.x) - ours.answer(train.x)).max() > 0.01


def test_forecast_of_lottery_ticket_equals_the_counted_flops():
    with FlopCounterMode(display=False) as counted:
        fitted = lottery.fit(digits(), lent(130), left=0.07, batch=20)
    forecast = lottery.cost(400, (8, 8), 10, 130 * 20, batch=20)
    # the last of 13 trainings has ten steps, and a look at each
    less = (50 - 10) * 40 * forecast.answer
    assert forecast.fit - less == pytest.approx(counted.get_total_flops(), rel=0.05)
    with FlopCounterMode(display=False) as counted:
        fitted.answer(digits().x)
    assert 400 * forecast.answer == pytest.approx(counted.get_total_flops(), rel=0.05)


def test_lottery_ticket_refuses_what_it_cannot_do():
    with pytest.raises(Unsupported, match="classifies images"):
        lottery.fit(Examples(np.zeros((9, 4), np.float32), np.arange(9) % 3, 3, (0,) * 4), lent(1))
    with pytest.raises(ValueError, match="start 'late'"):
        lottery.fit(digits(), lent(1), start="late")
    with pytest.raises(Unsupported, match="needs a budget that counts"):
        lottery.fit(digits(), Run(budget=Budget("seconds", 1)))


# ----------------------------------------------------------------------------------------------------------- long lags


def unrolled(network: nn.Module, cell: str, x: torch.Tensor) -> torch.Tensor:
    """(B, T, channels) -> (B,): the equations of the docstring, step by step."""
    W, U, b, d = (
        dict(network.cells.named_parameters())[f"{name}_l0"]
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = c = x.new_zeros(len(x), U.shape[1])
    for at in x.unbind(1):
        into, back = at @ W.T + b, h @ U.T + d
        if cell == "lstm":
            i, f, g, o = (into + back).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        elif cell == "gru":
            r, z = (into + back)[:, : 2 * h.shape[1]].sigmoid().chunk(2, 1)
            n = (into.chunk(3, 1)[2] + r * back.chunk(3, 1)[2]).tanh()
            h = (1 - z) * n + z * h
        else:
            h = (into + back).tanh() if cell == "tanh" else (into + back).clamp(min=0)
    return h @ network.output.weight[0] + network.output.bias


@pytest.mark.parametrize("cell", lags.CELLS)
def test_cells_and_their_gradients_equal_the_equations(cell):
    torch.manual_seed(1)
    network = lags.Recurrent(cell, 2, 5).double()
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.5)
    x = torch.randn(4, 12, 2, dtype=torch.float64)
    ours, twin = network(x), unrolled(network, cell, x)
    torch.testing.assert_close(ours, twin, rtol=0, atol=1e-10)
    weights = list(network.parameters())
    gradients = (torch.autograd.grad((told**2).sum(), weights) for told in (ours, twin))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


def test_forget_gates_start_open_and_rectified_units_as_the_identity():
    bias = sum(getattr(lags.Recurrent("lstm", 2, 6).cells, name) for name in ("bias_ih_l0", "bias_hh_l0"))
    assert bias.tolist() == [0.0] * 6 + [1.0] * 6 + [0.0] * 12
    torch.manual_seed(0)
    relu = lags.Recurrent("relu", 50, 64).cells
    assert torch.equal(relu.weight_hh_l0, torch.eye(64)) and not relu.bias_ih_l0.any() and not relu.bias_hh_l0.any()
    assert float(relu.weight_ih_l0.detach().std()) == pytest.approx(0.001, rel=0.05)
    tanh = lags.Recurrent("tanh", 50, 64).cells
    assert tanh.weight_hh_l0.abs().max() <= 1 / 8 and float(tanh.weight_hh_l0.detach().std()) == pytest.approx(
        1 / 8 / 3**0.5, rel=0.05
    )


def test_an_error_fades_through_tanh_and_not_through_identity_units():
    """The gradient of the last h to the input 60 steps before, as a share of that of the last input."""
    shares = {}
    for cell in ("tanh", "relu"):
        torch.manual_seed(2)
        x = torch.rand(8, 60, 2, requires_grad=True)
        lags.Recurrent(cell, 2, 64)(x).sum().backward()
        shares[cell] = float(x.grad[:, 0].norm() / x.grad[:, -1].norm())
    assert shares["tanh"] < 1e-6 and shares["relu"] == pytest.approx(1, rel=0.4)


def series(rows: int, lag: int) -> Examples:
    return Examples(*adding.draw(rows, lag, generator("test", 0)), 0)


@pytest.mark.parametrize("cell", lags.CELLS)
def test_fit_is_torch_training_with_the_gradient_cut_at_one(cell):
    train = series(320, 12)
    ours = lags.fit(train, lent(15, seed=4), cell=cell, width=8, lr=0.02, batch=20).answer(train.x[:40])
    torch.manual_seed(4)
    network = lags.Recurrent(cell, 2, 8)
    y = (train.y - train.y.mean()) / train.y.std()
    optimiser, norms = torch.optim.Adam(network.parameters(), lr=0.02), []
    batches = feed.batches(lent(15, seed=4), train.x, y.astype(np.float32), 20)
    for _ in range(15):
        x, truth = next(batches)
        optimiser.zero_grad()
        ((unrolled(network, cell, x) - truth) ** 2).mean().backward()
        norms.append(math.sqrt(sum(float((weight.grad**2).sum()) for weight in network.parameters())))
        for weight in network.parameters():
            weight.grad /= max(1.0, norms[-1])
        optimiser.step()
    told = unrolled(network, cell, torch.tensor(train.x[:40])).detach().numpy() * train.y.std() + train.y.mean()
    np.testing.assert_allclose(ours, told, atol=1e-3)
    assert min(norms) < 1 < max(norms) or cell != "relu"


def test_what_is_told_is_standardised_and_a_single_channel_may_be_left_out():
    train = series(200, 6)
    plain = lags.fit(train, lent(20), width=8).answer(train.x[:9])
    shifted = Examples(train.x, 1000 * train.y + 5, 0)
    np.testing.assert_allclose(lags.fit(shifted, lent(20), width=8).answer(train.x[:9]), 1000 * plain + 5, rtol=1e-4)
    one, flat = (Examples(x, train.y, 0) for x in (train.x[:, :, :1], np.ascontiguousarray(train.x[:, :, 0])))
    answers = [lags.fit(each, lent(20), width=8).answer(each.x) for each in (one, flat)]
    assert np.array_equal(*answers)


def test_an_lstm_learns_to_add_over_a_short_lag():
    train, (x, y) = series(4_000, 6), adding.draw(500, 6, generator("test", 1))
    told = lags.fit(train, lent(700), width=32, lr=5e-3).answer(x)
    assert math.sqrt(((told - y) ** 2).mean()) < 0.1  # answering the mean has .41


@pytest.mark.parametrize("cell", lags.CELLS)
def test_forecast_of_long_lags_equals_the_counted_flops_of_unrolled_cells(cell):
    network, x = lags.Recurrent(cell, 2, 16), torch.randn(10, 30, 2)
    with FlopCounterMode(display=False) as counted:
        answers = unrolled(network, cell, x)
    forward = counted.get_total_flops()
    with FlopCounterMode(display=False) as counted:
        answers.sum().backward()
    forecast = lags.cost(100, (30, 2), 0, 10, cell=cell, width=16)
    assert 10 * forecast.answer == pytest.approx(forward, rel=0.05)
    assert forecast.fit == pytest.approx(forward + counted.get_total_flops(), rel=0.05)
    assert lags.cost(100, (30,), 0, 10).fit == lags.cost(100, (30, 1), 0, 10).fit


def test_long_lags_refuses_what_it_cannot_do():
    with pytest.raises(Unsupported, match="numbers from series"):
        lags.fit(Examples(np.zeros((9, 4), np.float32), np.zeros(9), 0, (0,) * 4), lent(1))
    with pytest.raises(Unsupported, match="numbers from series"):
        lags.fit(digits(), lent(1))
    with pytest.raises(ValueError, match="cell 'peephole'"):
        lags.fit(series(20, 4), lent(1), cell="peephole")

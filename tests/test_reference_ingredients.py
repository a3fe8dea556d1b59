"""Dropout, batch normalisation and residual connections against an independent truth: torch's own layers, loops and
blocks written here, closed forms, the papers' numbers of weights.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from harness.contract import Budget, Examples, Fitted, Run, Unsupported
from harness.feed import batches
from tests.nets import load

pytestmark = pytest.mark.usefixtures("one_thread")
MODULES = {name: load(name) for name in ("dropout", "batch_norm", "resnet")}
dropout, batch_norm, resnet = MODULES.values()


def digits(rows: int) -> tuple[Examples, np.ndarray, np.ndarray]:
    """Training rows, all others as questions, and their truth."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    x, y = (16 * data.images[order]).clip(0, 255).astype(np.uint8), data.target[order].astype(np.int64)
    return Examples(x[:rows], y[:rows], 10), x[rows:], y[rows:]


def fit(name: str, train: Examples, steps: int = 20, seed: int = 0, dtype: str = "float32", **keywords) -> Fitted:
    return MODULES[name].fit(train, Run(seed=seed, budget=Budget("steps", steps), dtype=dtype), **keywords)


def copied(to: nn.Module, network: nn.Module) -> nn.Module:
    """`to` with the weights of `network`, both in the order in which they were made."""
    for mine, theirs in zip(to.parameters(), network.parameters(), strict=True):
        assert mine.shape == theirs.shape
        mine.data.copy_(theirs.data)
    return to


def assert_same_gradients(one: nn.Module, other: nn.Module, atol: float) -> None:
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, atol=atol, rtol=1e-4)


def accuracy(probabilities: np.ndarray, truth: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == truth).mean())


# -------------------------------------------------------------------------------------------------------------- dropout


class Plain(nn.Module):
    """The network of the claim by torch's own layers."""

    def __init__(self, pixels: int, width: int, classes: int) -> None:
        super().__init__()
        widths = (pixels, width, width, classes)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, pixels: Tensor) -> Tensor:
        x = pixels.flatten(1).float() / 255
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


def test_dropout_answers_as_the_net_with_all_units():
    train, _, _ = digits(50)
    torch.manual_seed(0)
    network = dropout.Net(64, 32, 10, 0.5, 0.2).eval()
    plain = copied(Plain(64, 32, 10), network)
    x, y = torch.as_tensor(train.x), torch.as_tensor(train.y)
    torch.testing.assert_close(network(x), plain(x), atol=1e-6, rtol=0)
    for net in (network, plain):
        F.cross_entropy(net(x), y).backward()
    assert_same_gradients(network, plain, 1e-7)
    assert not torch.allclose(network.train()(x), plain(x), atol=0.01)


def test_a_mask_silences_the_asked_share_and_keeps_the_mean():
    torch.manual_seed(0)
    network = dropout.Net(4, 4, 2, 0.5, 0.2)
    y = torch.rand(400, 500) + 1
    for p in (0.2, 0.5):
        out = network.dropped(y, p)
        gone = out == 0
        assert gone.float().mean().item() == pytest.approx(p, abs=5 * (p * (1 - p) / y.numel()) ** 0.5)
        torch.testing.assert_close(out[~gone], y[~gone] / (1 - p))
        assert out.mean().item() == pytest.approx(y.mean().item(), rel=0.01)
        assert (gone[0] != gone[1]).any()  # every example has its own
    assert network.dropped(y, 0.0) is y and network.eval().dropped(y, 0.5) is y


def test_the_gradient_passes_where_the_mask_lets_the_value_pass():
    torch.manual_seed(0)
    y = torch.rand(50, 60, requires_grad=True)
    out = dropout.Net(4, 4, 2, 0.5, 0.2).dropped(y, 0.5)
    out.sum().backward()
    torch.testing.assert_close(y.grad, torch.where(out > 0, 2.0, 0.0))


def test_inputs_and_both_hidden_layers_are_dropped_at_their_own_rates():
    seen = []
    network = dropout.Net(64, 32, 10, 0.5, 0.2)
    network.dropped = lambda y, p: (seen.append((tuple(y.shape), p)), y)[1]
    network(torch.zeros(3, 8, 8, dtype=torch.uint8))
    assert seen == [((3, 64), 0.2), ((3, 32), 0.5), ((3, 32), 0.5)]


def test_max_norm_is_torchs_renorm_on_the_hidden_layers_alone():
    torch.manual_seed(0)
    network = dropout.Net(64, 32, 10, 0.5, 0.2)
    network.hidden1.weight.data *= torch.linspace(0, 20, 32)[:, None]
    network.output.weight.data *= 100
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    network.limit(3.0)
    for name, weight in network.state_dict().items():
        hidden = name in ("hidden1.weight", "hidden2.weight")
        expected = torch.renorm(before[name], 2, 0, 3.0) if hidden else before[name]
        torch.testing.assert_close(weight, expected, atol=1e-5, rtol=0)
    assert network.hidden1.weight.norm(dim=1).max().item() == pytest.approx(3, abs=1e-5)


@pytest.mark.parametrize("max_norm, weight_decay", [(0.0, 0.0), (0.8, 0.0), (0.0, 0.01)])
def test_the_arm_without_dropout_is_the_plain_net_trained_by_hand(max_norm, weight_decay):
    train, questions, _ = digits(150)
    keywords = {"dropout": 0.0, "input_dropout": 0.0, "width": 32, "batch": 30}
    fitted = fit("dropout", train, 40, seed=3, max_norm=max_norm, weight_decay=weight_decay, **keywords)
    torch.manual_seed(3)
    plain = Plain(64, 32, 10)
    optimiser = torch.optim.Adam(plain.parameters())
    shuffled = np.random.default_rng(3).permutation(150)
    feed = batches(Run(seed=3), train.x[shuffled], train.y[shuffled], 30)
    for step in range(40):
        x, y = next(feed)
        optimiser.param_groups[0]["lr"] = 1e-3 * (1 - step / 40)
        loss = F.cross_entropy(plain(x), y)
        loss = loss + weight_decay / 2 * sum((w**2).sum() for w in plain.parameters())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        for layer in plain.layers[:2]:
            if max_norm:
                layer.weight.data = torch.renorm(layer.weight.data, 2, 0, max_norm)
    expected = plain(torch.as_tensor(questions)).softmax(1).detach().numpy()
    np.testing.assert_allclose(fitted.answer(questions), expected, atol=1e-4)
    assert fitted.parameters == sum(weight.numel() for weight in plain.parameters())


class Watching(Run):
    """Keeps what the network answers to `questions` after every step."""

    def watch(self, questions: np.ndarray) -> None:
        self.questions, self.looks = questions, []

    def offer(self, answer) -> None:
        self.looks.append(answer(self.questions))


def test_early_stopping_keeps_the_weights_that_are_best_on_the_rows_held_out():
    train, questions, _ = digits(200)
    held = np.random.default_rng(1).permutation(200)[:20]
    run = Watching(seed=1, budget=Budget("steps", 90))
    run.watch(np.concatenate([train.x[held], questions]))
    fitted = dropout.fit(train, run, early_stopping=True, width=32, batch=20, lr=0.1)  # so high that it jumps about
    looks = run.looks[8::9]  # 180 rows by 20
    hits = [accuracy(p[:20], train.y[held]) for p in looks]
    losses = [-np.log(p[np.arange(20), train.y[held]]).mean() for p in looks]
    best = min(range(10), key=lambda k: (-hits[k], losses[k]))
    assert np.array_equal(fitted.answer(questions), looks[best][20:])
    assert hits[best] > hits[-1] or best != 9


def test_rows_held_out_are_not_learnt_from():
    train, questions, _ = digits(100)
    held = np.random.default_rng(0).permutation(100)[:10]
    other = train.y.copy()
    other[held] = (other[held] + 1) % 10
    runs = [Run(seed=0, budget=Budget("steps", 12)) for _ in range(2)]
    for run, y in zip(runs, (train.y, other), strict=True):
        dropout.fit(Examples(train.x, y, 10), run, early_stopping=True, width=16, batch=30)
    first, second = ([float(numbers["loss"]) for _, numbers in run.notes] for run in runs)
    assert first == second
    whole = Run(seed=0, budget=Budget("steps", 12))
    dropout.fit(Examples(train.x, other, 10), whole, width=16, batch=30)
    assert first != [float(numbers["loss"]) for _, numbers in whole.notes]


def test_weight_scaling_is_the_geometric_mean_of_all_masks_of_the_last_layer():
    """Exactly (1207.0580): all 256 networks that dropping 8 units makes, by enumeration."""
    torch.manual_seed(0)
    network = dropout.Net(64, 8, 5, 0.5, 0.0)
    network.hidden1.weight.data *= 20
    network.output.weight.data *= 20
    pixels, units = torch.randint(0, 256, (30, 8, 8), dtype=torch.uint8), []
    network.output.register_forward_pre_hook(lambda layer, given: units.append(given[0]))
    scaled = network.eval()(pixels).softmax(1)
    masks = (torch.arange(256)[:, None] >> torch.arange(8) & 1).float()  # every one equally likely at p = .5
    every = F.linear(units[0][:, None] * masks / 0.5, network.output.weight, network.output.bias)  # (30, 256, 5)
    torch.testing.assert_close(every.log_softmax(2).mean(1).softmax(1), scaled, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(every.softmax(2).mean(1), scaled, atol=0.01)


def test_weight_scaling_answers_as_the_average_of_100_masks(monkeypatch):
    """Within .2 of a percentage point of accuracy and two standard errors of the difference, by the questions on which
    both differ.
    """
    train, questions, truth = digits(600)
    made = []

    class Kept(dropout.Net):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(dropout, "Net", Kept)
    answers = fit("dropout", train, 600, width=256).answer(questions)
    network = made[0].train()
    torch.manual_seed(0)
    with torch.no_grad():
        masks = torch.stack([network(torch.as_tensor(questions)).softmax(1) for _ in range(100)])
    averaged = masks.mean(0).numpy()
    differ = ((answers.argmax(1) == truth) != (averaged.argmax(1) == truth)).sum()
    scaled = accuracy(answers, truth)
    assert scaled > 0.95 and abs(scaled - accuracy(averaged, truth)) <= 0.002 + 2 * differ**0.5 / len(truth)
    assert accuracy(masks[0].numpy(), truth) < scaled - 0.01  # one mask alone is worse


# -------------------------------------------------------------------------------------------------- batch normalisation


def test_batch_norm_is_torchs_in_training_and_in_answering():
    """Outputs, gradients and running moments over batches of 5, where Bessel's correction is a quarter."""
    torch.manual_seed(0)
    ours, theirs = batch_norm.BatchNorm(7).double(), nn.BatchNorm1d(7).double()
    for norm in (ours, theirs):
        for weight, value in zip(norm.parameters(), (torch.linspace(0.5, 2, 7), torch.linspace(-1, 1, 7)), strict=True):
            weight.data.copy_(value)
    for scale in (1.0, 30.0, 1e-4):  # with the last one eps tells
        x = (scale * torch.randn(5, 7, dtype=torch.float64) + 3).requires_grad_()
        x_ = x.detach().clone().requires_grad_()
        weights = torch.randn(5, 7, dtype=torch.float64)
        for norm, given in ((ours, x), (theirs, x_)):
            norm.zero_grad()
            (norm(given) * weights).sum().backward()
        torch.testing.assert_close(ours(x), theirs(x_), atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(x.grad, x_.grad, atol=1e-6, rtol=1e-6)
        assert_same_gradients(ours, theirs, 1e-6)
        torch.testing.assert_close(ours.mean, theirs.running_mean, atol=1e-6, rtol=1e-9)
        torch.testing.assert_close(ours.variance, theirs.running_var, atol=1e-6, rtol=1e-9)
    before = ours.variance.clone()
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x_), atol=1e-6, rtol=1e-6)
    assert torch.equal(ours.variance, before) and not torch.allclose(ours(x), ours.train()(x))


def test_a_normalised_unit_has_mean_beta_and_deviation_gamma():
    torch.manual_seed(0)
    norm = batch_norm.BatchNorm(3)
    norm.gamma.data, norm.beta.data = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([-1.0, 0.0, 1.0])
    out = norm(torch.randn(1000, 3) * torch.tensor([0.5, 5.0, 50.0]) - 7)
    torch.testing.assert_close(out.mean(0), norm.beta.data, atol=1e-4, rtol=0)
    torch.testing.assert_close(out.std(0, correction=0), norm.gamma.data, atol=1e-3, rtol=0)


def by_torch(network: nn.Module, normalise: bool) -> nn.Module:
    """The network of section 4.1 by torch's own layers, with the same weights."""
    layers: list[nn.Module] = []
    for linear in network.linear:
        layers.append(nn.Linear(linear.in_features, linear.out_features, bias=not normalise))
        layers += [nn.BatchNorm1d(linear.out_features)] * normalise + [nn.Sigmoid()]
    net = nn.Sequential(*layers, nn.Linear(network.output.in_features, network.output.out_features))
    weights = [p for layer in net if isinstance(layer, nn.Linear) for p in layer.parameters()]
    theirs = [p for layer in (*network.linear, network.output) for p in layer.parameters()]
    for mine, given in zip(weights, theirs, strict=True):
        mine.data.copy_(given.data)
    return net


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("layers", [3, 6])
def test_the_whole_training_is_that_of_torchs_layers(normalise, layers):
    """A loop written here, with the yardstick and its first step at the target."""
    train, questions, _ = digits(400)
    fitted = fit("batch_norm", train, 300, seed=5, normalise=normalise, layers=layers, width=20, target=0.3, lr=0.1)
    torch.manual_seed(5)
    net = by_torch(batch_norm.Net(64, 20, layers, 10, normalise, 0.0, 1.0), normalise)
    shuffled = np.random.default_rng(5).permutation(400)
    x, y = train.x[shuffled], train.y[shuffled]
    centre, scale = x[:360].mean(), x[:360].std()
    optimiser, feed = torch.optim.SGD(net.parameters(), lr=0.1), batches(Run(seed=5), x[:360], y[:360], 60)
    seen = {}

    def standardised(pixels):
        return (torch.as_tensor(pixels).flatten(1).float() - centre) / scale

    for step in range(300):
        pixels, truth = next(feed)
        net.train()
        optimiser.zero_grad()
        F.cross_entropy(net(standardised(pixels)), truth).backward()
        optimiser.step()
        if step % 50 == 49:
            seen[step + 1] = accuracy(net.eval()(standardised(x[360:])).detach().numpy(), y[360:])
    expected = net.eval()(standardised(questions)).softmax(1).detach().numpy()
    np.testing.assert_allclose(fitted.answer(questions), expected, atol=2e-4)
    first = next((step for step, share in seen.items() if share >= 0.3), 300)
    assert fitted.told == {"steps_to_target": first}
    assert fitted.parameters == sum(weight.numel() for weight in net.parameters())


def test_steps_to_target_is_a_look_or_the_whole_number():
    train, _, _ = digits(200)
    assert fit("batch_norm", train, 120, target=0.0).told == {"steps_to_target": 50}
    assert fit("batch_norm", train, 120, target=1.1).told == {"steps_to_target": 120}
    assert fit("batch_norm", train, 130, lr=0.0, target=0.9).told == {"steps_to_target": 130}


def test_the_yardstick_is_not_learnt_from():
    train, questions, _ = digits(200)
    held = np.random.default_rng(0).permutation(200)[180:]
    other = train.y.copy()
    other[held] = (other[held] + 1) % 10
    answers = [fit("batch_norm", Examples(train.x, y, 10), 60).answer(questions) for y in (train.y, other)]
    assert np.array_equal(*answers)
    other[np.setdiff1d(np.arange(200), held)[:5]] = 0
    assert not np.array_equal(fit("batch_norm", Examples(train.x, other, 10), 60).answer(questions), answers[0])


# --------------------------------------------------------------------------------------------------------------- ResNet


class Residual(nn.Module):
    """A block by its definition, its shortcut an explicit sum over halved maps and zeros."""

    def __init__(self, maps_in: int, maps: int, stride: int, shortcut: str, norm: bool) -> None:
        super().__init__()
        self.stride, self.shortcut = stride, shortcut
        self.a, self.bn_a = nn.Conv2d(maps_in, maps, 3, stride, 1, bias=not norm), nn.BatchNorm2d(maps)
        self.b, self.bn_b = nn.Conv2d(maps, maps, 3, 1, 1, bias=not norm), nn.BatchNorm2d(maps)
        if not norm:
            self.bn_a, self.bn_b = nn.Identity(), nn.Identity()
        if shortcut == "gate":
            self.t = nn.Conv2d(maps_in, maps, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        f = self.bn_b(self.b(F.relu(self.bn_a(self.a(x)))))
        s = x[:, :, :: self.stride, :: self.stride]
        s = torch.cat([s, s.new_zeros(len(s), f.shape[1] - s.shape[1], *s.shape[2:])], 1)
        if self.shortcut == "gate":
            t = torch.sigmoid(self.t(x))
            return F.relu(f * t + s - s * t)
        return F.relu(f + s if self.shortcut == "identity" else f)


def cifar_net(classes: int, planes: int, depth: int, width: int, shortcut: str, norm: bool, stride: int) -> nn.Module:
    n, layers = (depth - 2) // 6, [nn.Conv2d(planes, width, 3, stride, 1, bias=not norm)]
    layers += [nn.BatchNorm2d(width)] * norm + [nn.ReLU()]
    maps = [width] * (n + 1) + [2 * width] * n + [4 * width] * n
    for a, b in pairwise(maps):
        layers.append(Residual(a, b, 1 if a == b else 2, shortcut, norm))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes))


@pytest.mark.parametrize("shape", [(28, 28), (9, 14, 3)])
@pytest.mark.parametrize(
    "depth, shortcut, norm, stride",
    [(20, "identity", True, 2), (8, "none", True, 1), (14, "gate", True, 1), (8, "identity", False, 2)],
)
def test_resnet_is_a_plain_definition_of_the_paper(shape, depth, shortcut, norm, stride):
    planes = shape[2] if len(shape) == 3 else 1
    torch.manual_seed(0)
    ours = resnet.ResNet(10, planes, depth, 4, shortcut, norm, stride, mean=100.0, std=70.0)
    theirs = copied(cifar_net(10, planes, depth, 4, shortcut, norm, stride), ours)
    pixels = torch.randint(0, 256, (12, *shape), dtype=torch.uint8)
    x = (pixels.float().reshape(12, shape[0], shape[1], planes).permute(0, 3, 1, 2) - 100) / 70
    y = torch.arange(12) % 10
    for _ in range(3):  # the running moments move too
        torch.testing.assert_close(ours(pixels), theirs(x), atol=1e-5, rtol=1e-5)
    for net, given in ((ours, pixels), (theirs, x)):
        F.cross_entropy(net(given), y).backward()
    assert_same_gradients(ours, theirs, 1e-5)
    torch.testing.assert_close(ours.eval()(pixels), theirs.eval()(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("depth, weights", [(20, 0.27e6), (32, 0.46e6), (44, 0.66e6), (56, 0.85e6), (110, 1.7e6)])
def test_the_networks_have_as_many_weights_as_the_paper_tells(depth, weights):
    """Table 6, for CIFAR-10; and identity shortcuts have none."""
    counts = [
        sum(weight.numel() for weight in resnet.ResNet(10, 3, depth, 16, shortcut).parameters())
        for shortcut in ("identity", "none", "zero")
    ]
    assert counts[0] == pytest.approx(weights, abs=0.005e6 if weights < 1e6 else 0.05e6) and len(set(counts)) == 1
    layers = [m for m in resnet.ResNet(10, 3, depth, 16).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth


def test_a_shortcut_times_zero_is_the_plain_network_bit_for_bit():
    train, questions, _ = digits(128)
    zero, none, identity = (fit("resnet", train, 12, depth=14, shortcut=s) for s in ("zero", "none", "identity"))
    assert np.array_equal(zero.answer(questions), none.answer(questions))
    assert zero.told == none.told and zero.parameters == none.parameters == identity.parameters
    assert not np.array_equal(identity.answer(questions), none.answer(questions))


def test_a_gate_carries_or_transforms():
    torch.manual_seed(0)
    x = torch.rand(4, 6, 5, 5)
    for bias in (-60.0, 60.0):
        block = resnet.Block(6, 6, 1, "gate", True, bias)
        residual = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x)))))
        torch.testing.assert_close(block(x), x if bias < 0 else F.relu(residual), atol=1e-5, rtol=0)
    assert resnet.ResNet(10, shortcut="gate").blocks[3].gate.bias.unique().tolist() == [-2.0]


def test_weights_start_with_the_deviation_of_he():
    torch.manual_seed(0)
    for layer in resnet.ResNet(10, width=32).modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.std().item() == pytest.approx((2 / (9 * layer.out_channels)) ** 0.5, rel=0.15)


def test_the_rate_is_the_papers():
    steps = {0: 0.01, 399: 0.01, 400: 0.1, 31_999: 0.1, 32_000: 0.01, 47_999: 0.01, 48_000: 0.001, 63_999: 0.001}
    assert {step: pytest.approx(rate) for step, rate in steps.items()} == {
        step: resnet.rate(0.1, step, 64_000) for step in steps
    }
    assert resnet.rate(0.1, 7, None) == 0.1


def test_resnet_learns_in_both_number_formats():
    train, questions, truth = digits(400)
    for dtype in ("float32", "bfloat16"):
        fitted = fit("resnet", train, 150, dtype=dtype, depth=8, stem_stride=1)
        assert accuracy(fitted.answer(questions), truth) > 0.9


# ------------------------------------------------------------------------------------------------------------------ all


@pytest.mark.parametrize("name", ["dropout", "resnet"])
def test_the_told_training_loss_is_that_of_the_answers(name):
    train, _, _ = digits(150)
    fitted = fit(name, train, 15)
    told = -np.log(fitted.answer(train.x)[np.arange(150), train.y]).mean()
    assert fitted.told["train_loss"] == pytest.approx(told, abs=1e-5)


@pytest.mark.parametrize(
    "name, shape, keywords",
    [
        ("dropout", (8, 8), {"width": 64}),
        ("dropout", (28, 28), {"width": 128, "early_stopping": True}),
        ("batch_norm", (28, 28), {}),
        ("batch_norm", (10, 12, 3), {"layers": 6, "normalise": False, "width": 50}),
        ("resnet", (28, 28), {"batch": 25}),
        ("resnet", (15, 15, 3), {"depth": 14, "stem_stride": 1, "shortcut": "gate", "batch": 25}),
        ("resnet", (28, 28), {"depth": 8, "shortcut": "none", "norm": False, "batch": 25}),
    ],
)
def test_forecast_is_within_a_twentieth_of_the_counted_flops(name, shape, keywords):
    n, steps = 300, 100 if name == "batch_norm" else 18
    x = np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)
    train = Examples(x, np.arange(n) % 10, 10)
    batch = {"dropout": 100, "batch_norm": 60, "resnet": 16}[name]  # of the ResNet 16, since rows are few
    cost = MODULES[name].cost(n, shape, 10, steps * batch, **keywords)
    with FlopCounterMode(display=False) as counted:
        fitted = fit(name, train, steps, **keywords)
    assert cost.fit == pytest.approx(counted.get_total_flops(), rel=0.05)
    with FlopCounterMode(display=False) as counted:
        fitted.answer(x)
    assert n * cost.answer == pytest.approx(counted.get_total_flops(), rel=0.01)
    assert fitted.parameters * 8 < cost.bytes


@pytest.mark.parametrize("name", MODULES)
def test_what_they_cannot_take_is_told(name):
    rows = Examples(np.zeros((20, 4), np.float32), np.arange(20) % 2, 2)
    with pytest.raises(Unsupported, match="classifies images"):
        fit(name, rows)
    with pytest.raises(Unsupported, match="float16"):
        fit(name, digits(20)[0], dtype="float16")
    if name == "resnet":
        with pytest.raises(Unsupported, match="21 were asked"):
            fit(name, digits(20)[0], depth=21)
        with pytest.raises(Unsupported, match="projection was asked"):
            fit(name, digits(20)[0], shortcut="projection")


@pytest.mark.parametrize("n", [2, 3, 11])
@pytest.mark.parametrize("name", MODULES)
def test_few_rows_are_enough(name, n):
    train, questions, _ = digits(n)
    keywords = {"early_stopping": True} if name == "dropout" else {}
    fitted = fit(name, train, 55 if name == "batch_norm" else 4, **keywords)
    assert np.isfinite(fitted.answer(questions)).all() and np.isfinite(list(fitted.told.values())).all()

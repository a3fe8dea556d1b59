"""In-context learning against torch's own layers, numpy's least squares, a loop written out, and closed forms."""

import copy
import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from harness import feed
from harness.contract import Budget, Examples, Run, Unsupported
from harness.datasets import linear_prompts, linear_prompts_torn
from harness.tasks import regress
from tests.nets import load

pytestmark = pytest.mark.usefixtures("one_thread")
ours = load("in_context")
K, CHANNELS = 6, 4


def network(seed: int = 0, spread: float = 0.3) -> nn.Module:
    """All weights random, biases and norms too: none is left out of a comparison."""
    torch.manual_seed(seed)
    made = ours.Prompted(K, CHANNELS, layers=2, heads=2, width=16)
    for weight in made.parameters():
        nn.init.normal_(weight, std=spread)
    return made


class Twin(nn.Module):
    """The same of torch.nn.TransformerEncoder, the places of a prompt laid one after the other in a loop."""

    def __init__(self, one: nn.Module) -> None:
        super().__init__()
        self.enter, self.positions = copy.deepcopy(one.enter), copy.deepcopy(one.positions)
        self.norm, self.output = copy.deepcopy(one.norm), copy.deepcopy(one.output)
        gelu = nn.GELU(approximate="tanh")
        layer = nn.TransformerEncoderLayer(16, 2, 64, 0.0, gelu, batch_first=True, norm_first=True)
        self.stack = nn.TransformerEncoder(layer, len(one.blocks), enable_nested_tensor=False)
        for theirs, block in zip(self.stack.layers, one.blocks, strict=True):
            pairs = [("self_attn.in_proj_", "qkv."), ("self_attn.out_proj.", "o."), ("linear1.", "up.")]
            pairs += [("linear2.", "down."), ("norm1.", "norm1."), ("norm2.", "norm2.")]
            state = {a + end: block.state_dict()[b + end] for a, b in pairs for end in ("weight", "bias")}
            theirs.load_state_dict(state)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        found = []
        for row in range(rows.shape[1]):
            found.append(torch.cat([rows[:, row, :-1], torch.zeros(len(rows), 1)], 1))
            if row < rows.shape[1] - 1:
                found.append(torch.cat([torch.zeros(len(rows), rows.shape[2] - 1), rows[:, row, -1:]], 1))
        x = self.enter(torch.stack(found, 1)) + self.positions
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        x = self.output(self.norm(self.stack(x, mask=mask, is_causal=True)))
        return x[:, 0::2, 0]


def prompts(rows: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(rows, K, CHANNELS, generator=torch.Generator().manual_seed(seed))


def test_the_network_is_torchs_encoder_with_a_mask():
    one = network()
    torch.testing.assert_close(one(prompts(5)), Twin(one)(prompts(5)), atol=1e-5, rtol=1e-5)


def test_a_row_is_told_from_its_x_and_the_rows_before_it():
    one, rows = network(), prompts(3)
    before = one(rows)
    for row in range(K):
        for channel, first in ((0, row), (CHANNELS - 1, row + 1)):  # x of a row moves its own answer, f only later ones
            other = rows.clone()
            other[:, row, channel] += 1
            moved = ((one(other) - before).abs() > 1e-6).any(0)
            assert moved.tolist() == [t >= first for t in range(K)]


def test_training_is_the_loop_that_one_writes():
    """Three steps: its batches, Adam written out, the rate of each step, and all weights compared."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(64, K, CHANNELS)) * [1, 2, 3, 4]).astype(np.float32)
    y = rng.normal(2, 4, 64)
    made = {}

    def observe(step, answer):
        made[step] = answer(x[:7])

    keywords = {"layers": 2, "heads": 2, "width": 16, "batch": 16}
    steps = 40  # 5 % of them are two: the rate rises, and falls
    ours.fit(Examples(x, y, 0), Run(seed=3, budget=Budget("steps", steps), observe=observe, offers=1), **keywords)

    torch.manual_seed(3)
    twin = Twin(ours.Prompted(K, CHANNELS, 2, 2, 16))
    deviation = np.append(x[:, :, :3].std((0, 1)), y.std()).astype(np.float32)
    scaled, truth = torch.as_tensor(x / deviation), torch.as_tensor((y - y.mean()) / y.std()).float()
    batches = feed.batches(Run(seed=3), np.arange(64), np.arange(64), 16)
    weights = list(twin.parameters())
    m, v = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    for step in range(steps):
        rows = next(batches)[0]
        inside = scaled[rows][:, :-1, -1] - float(y.mean() / y.std())
        wanted = torch.cat([inside, truth[rows][:, None]], 1)
        loss = ((twin(scaled[rows]) - wanted) ** 2).mean()
        gradients = torch.autograd.grad(loss, weights)
        norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))
        rate = (step + 1) / 3 if step < 2 else 0.1 + 0.9 * (1 + math.cos(math.pi * (step - 2) / 38)) / 2
        with torch.no_grad():
            for k, (w, g) in enumerate(zip(weights, gradients, strict=True)):
                g = g / max(1.0, norm + 1e-6)
                m[k], v[k] = 0.9 * m[k] + 0.1 * g, 0.999 * v[k] + 0.001 * g**2
                corrected = m[k] / (1 - 0.9 ** (step + 1))
                w -= 1e-3 * rate * corrected / ((v[k] / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8)
    expected = twin(scaled[:7])[:, -1].detach().numpy() * y.std() + y.mean()
    np.testing.assert_allclose(made[steps], expected, rtol=1e-3, atol=1e-3)


def test_the_value_that_is_asked_for_is_not_read():
    x = np.random.default_rng(0).normal(size=(40, K, CHANNELS)).astype(np.float32)
    other = x.copy()
    other[:, -1, -1] = 1e6
    for learner in ours.LEARNERS:
        run = Run(seed=0, budget=Budget("steps", 2))
        answer = ours.fit(Examples(x, x[:, 0, 0] * 1.0, 0), run, learner=learner).answer
        np.testing.assert_array_equal(answer(x), answer(other))


@pytest.mark.parametrize("k", [3, 4, 9])  # fewer examples than inputs, as many, more
def test_least_squares_are_those_of_numpy_and_scikit_learn(k):
    rows = np.random.default_rng(0).normal(size=(20, k, 4)).astype(np.float32)
    answers = ours.least_squares(rows)
    for prompt, answer in zip(rows.astype(float), answers, strict=True):
        w, *_ = np.linalg.lstsq(prompt[:-1, :-1], prompt[:-1, -1], rcond=None)
        assert answer == pytest.approx(prompt[-1, :-1] @ w)
        if k > 4:
            model = LinearRegression(fit_intercept=False).fit(prompt[:-1, :-1], prompt[:-1, -1])
            assert answer == pytest.approx(model.predict(prompt[-1:, :-1])[0])


@pytest.mark.parametrize("layers, width", [(1, 32), (3, 64)])
def test_the_cost_of_an_answer_is_what_torch_counts(layers, width):
    one = ours.Prompted(9, 5, layers, 4, width)
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        one(torch.randn(8, 9, 5))
    told = ours.cost(100, (9, 5), 0, layers=layers, width=width).answer
    assert told == pytest.approx(counter.get_total_flops() / 8, rel=0.02)


@pytest.mark.parametrize(
    "material, keywords, sentence",
    [
        ((40, K, CHANNELS), {"heads": 3}, "3 do not divide 64"),
        ((40, 1, CHANNELS), {}, "series of 2 rows or more"),
        ((40, 3, 3, 3), {}, "tells numbers from series"),
        ((40, K, CHANNELS), {"learner": "ridge"}, "one of gpt, least_squares is right"),
    ],
)
def test_what_it_cannot_do_is_told(material, keywords, sentence):
    train = Examples(np.zeros(material, np.float32), np.zeros(material[0]), 0)
    with pytest.raises((Unsupported, ValueError), match=sentence):
        ours.fit(train, Run(budget=Budget("steps", 1)), **keywords)


# ------------------------------------------------------------------------------------------------------------- prompts


def squared_error(module) -> float:
    problem = regress.pose(module.load(100, 0), 100, 0, {})
    return problem.judge(ours.least_squares, "test")["rmse"] ** 2


def test_least_squares_has_the_error_of_the_closed_form():
    """sigma^2 d / (n - d - 1) for d normal inputs and n examples: of Wishart's distribution, inverted."""
    expected = 0.25 * 4 / (8 - 4 - 1)
    assert squared_error(linear_prompts) == pytest.approx(expected, rel=0.1)
    assert linear_prompts.DATASET.anchor == pytest.approx(math.sqrt(expected), abs=1e-4)


def test_values_of_other_prompts_tell_nothing_and_are_distributed_alike():
    own, torn = (module.load(20_000, 0) for module in (linear_prompts, linear_prompts_torn))
    for data in (own, torn):
        assert data.x[:, :8, 4].var() == pytest.approx(4.25, rel=0.05) and data.y.var() == pytest.approx(4, rel=0.05)
        assert data.x[:, :, :4].var() == pytest.approx(1, rel=0.01) and not data.x[:, 8, 4].any()
    told = [abs(np.corrcoef(ours.least_squares(data.x), data.y)[0, 1]) for data in (own, torn)]
    assert told[0] > 0.9 and told[1] < 4 / math.sqrt(20_000)
    assert (own.x[:500] == linear_prompts.load(500, 0).x).all() and (own.x[:500] != linear_prompts.load(500, 1).x).any()

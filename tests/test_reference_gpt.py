"""GPT against an independent truth: torch's own layers, transformers' GPT-2, a training loop by hand, counted FLOPs."""

import copy
import functools
import inspect
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from harness.contract import Budget, Examples, Run, Unsupported
from tests.nets import load

pytestmark = pytest.mark.usefixtures("one_thread")
gpt = load("gpt")

V, PLACES = 11, 16
SMALL = {"layers": 2, "heads": 2, "width": 32, "block": PLACES}


def network(seed: int = 0) -> nn.Module:
    """A small network all of whose weights, biases and norms too, are random: none is left out of a comparison."""
    torch.manual_seed(seed)
    made = gpt.GPT(V, layers=2, heads=2, width=32, places=PLACES)
    for weight in made.parameters():
        nn.init.normal_(weight, std=0.3)
    return made.eval()


def tokens(rows: int, places: int = PLACES) -> torch.Tensor:
    return torch.randint(V, (rows, places), generator=torch.Generator().manual_seed(1))


def text(n: int) -> Examples:
    """A walk over the tokens, mostly by steps of one."""
    steps = np.random.default_rng(0).choice([1, 1, 1, 4], n)
    return Examples((np.cumsum(steps) % V).astype(np.uint8), None, V)


def fit(n: int = 400, unit: str = "steps", amount: float = 3, dtype: str = "float32", seed: int = 0, **keywords):
    return gpt.fit(text(n), Run(seed=seed, budget=Budget(unit, amount), dtype=dtype), **(SMALL | keywords))


# ---------------------------------------------------------------------------------------------------------- the network


class Twin(nn.Module):
    """The same of torch's own layers: encoder layers, normalised first, under a causal mask."""

    def __init__(self, ours: nn.Module) -> None:
        super().__init__()
        gelu = functools.partial(F.gelu, approximate="tanh")
        layer = nn.TransformerEncoderLayer(32, 2, 128, 0.0, gelu, batch_first=True, norm_first=True)
        self.stack = nn.TransformerEncoder(layer, 2, nn.LayerNorm(32), enable_nested_tensor=False)
        self.embedding = copy.deepcopy(ours.embedding)
        self.positions = nn.Parameter(ours.positions.detach().clone())
        names = {"self_attn.in_proj_": "qkv.", "self_attn.out_proj.": "o.", "linear1.": "up.", "linear2.": "down."}
        theirs = {}
        for name in self.stack.state_dict():
            other = name.replace("layers.", "blocks.")
            for long, short in names.items():
                other = other.replace(long, short)
            theirs[name] = ours.state_dict()[other]
        self.stack.load_state_dict(theirs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        x = self.stack(self.embedding(x) + self.positions[: x.shape[1]], mask=mask, is_causal=True)
        return x @ self.embedding.weight.T


def test_logits_and_gradients_equal_those_of_torch_s_layers():
    ours, x = network(), tokens(3)
    twin = Twin(ours)
    for one in (ours, twin):
        F.cross_entropy(one(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()).backward()
    torch.testing.assert_close(ours(x), twin(x), rtol=0, atol=1e-5)
    pairs = [(ours.embedding.weight, twin.embedding.weight), (ours.positions, twin.positions)]
    for mine, layer in zip(ours.blocks, twin.stack.layers, strict=True):
        pairs += [(mine.qkv.weight, layer.self_attn.in_proj_weight), (mine.down.bias, layer.linear2.bias)]
        pairs += [(mine.norm1.weight, layer.norm1.weight), (mine.up.weight, layer.linear1.weight)]
    for mine, other in pairs:
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-5)


def test_logits_equal_those_of_gpt_2_in_transformers():
    transformers = pytest.importorskip("transformers", reason="pip install -c constraints.txt -e '.[reference]'")
    ours, x = network(), tokens(3)
    options = {"vocab_size": V, "n_positions": PLACES, "n_embd": 32, "n_layer": 2, "n_head": 2}
    theirs = transformers.GPT2LMHeadModel(transformers.GPT2Config(**options, use_cache=False)).eval()
    names = {"blocks": "h", "norm1": "ln_1", "norm2": "ln_2", "qkv": "attn.c_attn", "o": "attn.c_proj"}
    names |= {"up": "mlp.c_fc", "down": "mlp.c_proj", "norm": "ln_f", "embedding": "wte", "positions": "wpe.weight"}
    state = {}
    for name, weight in ours.state_dict().items():
        other = ".".join(names.get(part, part) for part in name.split("."))
        turned = weight.ndim > 1 and name.startswith("blocks")  # its layers hold (inputs, outputs)
        state[f"transformer.{other}"] = weight.T if turned else weight
    state["lm_head.weight"] = ours.embedding.weight
    missing, unknown = theirs.load_state_dict(state, strict=False)
    assert not unknown and not [name for name in missing if not name.endswith((".attn.bias", ".attn.masked_bias"))]
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x).logits, rtol=0, atol=1e-5)


def test_no_place_sees_a_later_one_and_each_sees_all_before():
    ours, x = network(), tokens(1)
    with torch.no_grad():
        before = ours(x)[0]
        for place in range(PLACES):
            other = x.clone()
            other[0, place] = (other[0, place] + 1) % V
            moved = (ours(other)[0] - before).abs().amax(1) > 1e-6
            assert moved.tolist() == [t >= place for t in range(PLACES)]


def test_it_starts_as_gpt_2_does_and_knows_nothing():
    torch.manual_seed(0)
    fresh = gpt.GPT(65, layers=8, heads=4, width=128, places=64)
    block = fresh.blocks[3]
    assert block.up.weight.std().item() == pytest.approx(0.02, rel=0.03)
    assert block.o.weight.std().item() == pytest.approx(0.02 / 4, rel=0.03)
    assert block.down.weight.std().item() == pytest.approx(0.02 / 4, rel=0.03)
    assert not block.qkv.bias.any() and (block.norm1.weight == 1).all()
    x = torch.randint(65, (4, 65))
    loss = F.cross_entropy(fresh(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()).item()
    assert loss == pytest.approx(math.log(65), abs=0.1)
    fresh = gpt.GPT(65, layers=4, heads=4, width=128, places=64)
    shared = sum(weight.numel() for weight in fresh.parameters())
    assert shared == 4 * (12 * 128**2 + 13 * 128) + 2 * 128 + 128 * (65 + 64)  # the embedding counts once


# ------------------------------------------------------------------------------------------------------------- training


def rate_of_the_recipe(step: int, total: int) -> float:
    """nanoGPT's rate as it stands in its train.py, highest 1, lowest 0.1, of which `total` are all steps."""
    warm = 100
    if step < warm:
        return (step + 1) / (warm + 1)
    share = (step - warm) / (total - warm)
    return 0.1 + 0.5 * (1.0 + math.cos(math.pi * share)) * 0.9


def test_the_rate_is_the_recipe_s():
    for step in range(0, 2000, 37):
        assert gpt.schedule(step, 2000) == pytest.approx(rate_of_the_recipe(step, 2000))
    assert gpt.schedule(4, 40) == pytest.approx(0.1 + 0.45 * (1 + math.cos(math.pi * 2 / 38)))  # risen after 5 %
    assert gpt.schedule(50, None) < gpt.schedule(100, None) == gpt.schedule(10**6, None) == 1


def test_three_steps_equal_a_loop_by_hand():
    """Blocks, loss, clipping, AdamW's formula, and decay of matrices alone."""
    steps, lr, batch = 3, 1e-2, 5
    fitted = fit(lr=lr, batch=batch, amount=steps, seed=4)
    torch.manual_seed(4)
    ours = gpt.GPT(V, layers=2, heads=2, width=32, places=PLACES)
    x = torch.as_tensor(text(400).x.astype(np.int64))
    order = torch.Generator().manual_seed(4)
    m = [torch.zeros_like(weight) for weight in ours.parameters()]
    v = [torch.zeros_like(weight) for weight in ours.parameters()]
    for step in range(steps):
        starts = torch.randint(len(x) - PLACES, (batch, 1), generator=order)[:, 0].tolist()
        rows = torch.stack([x[start : start + PLACES + 1] for start in starts])
        losses = -ours(rows[:, :-1]).log_softmax(-1).gather(2, rows[:, 1:, None])
        gradients = torch.autograd.grad(losses.mean(), list(ours.parameters()))
        norm = sum(gradient.square().sum() for gradient in gradients).sqrt()
        rate = lr * gpt.schedule(step, steps)
        with torch.no_grad():
            for k, (weight, gradient) in enumerate(zip(ours.parameters(), gradients, strict=True)):
                gradient = gradient / max(1.0, norm.item() + 1e-6)
                weight *= 1 - rate * (0.1 if weight.ndim > 1 else 0)
                m[k] = 0.9 * m[k] + 0.1 * gradient
                v[k] = 0.99 * v[k] + 0.01 * gradient**2
                hatted = m[k] / (1 - 0.9 ** (step + 1)), v[k] / (1 - 0.99 ** (step + 1))
                weight -= rate * hatted[0] / (hatted[1].sqrt() + 1e-8)
    passage = text(PLACES).x
    with torch.no_grad():
        expected = ours(torch.as_tensor(passage.astype(np.int64))[None])[0].softmax(-1).numpy()
    np.testing.assert_allclose(fitted.answer(passage), expected, atol=2e-5)
    assert np.abs(expected - 1 / V).max() > 0.02  # it has moved
    assert fitted.parameters == sum(weight.numel() for weight in ours.parameters())


def test_it_learns_the_walk_to_near_its_entropy():
    """A step of one with 3/4, of four with 1/4: 0.562 nats a token."""
    fitted = fit(4000, "tokens", 60_000, lr=3e-3)
    passage = text(6000).x[5000:]
    p = fitted.answer(passage[:-1])[np.arange(999), passage[1:]]
    assert -np.log(p).mean() == pytest.approx(0.562, abs=0.06)


def test_dropout_is_for_training_alone():
    plain, dropped = fit(dropout=0.0), fit(dropout=0.5)
    passage = text(100).x
    assert np.abs(plain.answer(passage) - dropped.answer(passage)).max() > 1e-4
    np.testing.assert_array_equal(dropped.answer(passage), dropped.answer(passage))


def test_half_the_digits_give_nearly_the_same_answers():
    passage = text(200).x
    full, half = (fit(amount=30, dtype=dtype).answer(passage) for dtype in ("float32", "bfloat16"))
    np.testing.assert_allclose(half, full, atol=0.02)
    assert np.abs(half - full).max() > 0


def test_what_it_cannot_take_is_told():
    run = Run(budget=Budget("steps", 1))
    with pytest.raises(Unsupported, match="running texts"):
        gpt.fit(Examples(np.zeros((5, 3), np.float32), np.zeros(5, np.int64), 2), run)
    with pytest.raises(Unsupported, match="3 do not divide 32"):
        gpt.fit(text(100), run, width=32, heads=3)


# ------------------------------------------------------------------------------------------------------------ answering


def untrained(seed: int = 0):
    """(network, answer) with random weights, so that every place matters."""
    made = network(seed)
    return made, gpt.continuer(Run(), made)


@pytest.mark.parametrize("m", [1, 7, 16, 17, 24, 25, 100])
def test_each_answer_is_of_a_window_that_ends_there_or_later(m):
    """A place in the window from s on is answered as the network answers tokens s to there."""
    ours, answer = untrained()
    passage = text(m).x
    found = answer(passage)
    assert found.shape == (m, V) and np.allclose(found.sum(1), 1, atol=1e-5)
    for t in range(m):
        start = 0 if t < PLACES else (t - PLACES) // 8 * 8 + 8  # the first multiple of 8 that t is within 16 of
        with torch.no_grad():
            window = torch.as_tensor(passage[start : t + 1].astype(np.int64))[None]
            expected = ours(window)[0, -1].softmax(-1).numpy()
        np.testing.assert_allclose(found[t], expected, atol=1e-5)
        assert t + 1 - start > min(t, PLACES // 2)  # half a block before it, where there is that much


def test_more_windows_than_are_read_at_once_make_no_difference():
    _, answer = untrained()
    passage = text(2000).x
    np.testing.assert_allclose(answer(passage)[:100], answer(passage[:100]), atol=1e-6)


# --------------------------------------------------------------------------------------------------------- the forecast


@pytest.mark.parametrize(
    "n, keywords",
    [(3000, {}), (1500, {"width": 64, "layers": 3, "block": 32, "batch": 5}), (700, {"width": 48, "heads": 2})],
)
def test_forecast_equals_the_counted_flops(n, keywords):
    cost = gpt.cost(n, (), V, 3840, **keywords)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        fitted = gpt.fit(text(n), Run(budget=Budget("tokens", 3840)), **keywords)
    assert cost.fit == pytest.approx(counted.get_total_flops(), rel=0.05)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        fitted.answer(text(6000).x)
    assert 6000 * cost.answer == pytest.approx(counted.get_total_flops(), rel=0.05)
    assert fitted.parameters * 16 < cost.bytes


def test_the_card_and_cost_hold_the_defaults_of_fit():
    asked = [inspect.signature(f).parameters.values() for f in (gpt.fit, gpt.cost)]
    defaults = [{p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY} for parameters in asked]
    assert defaults[0] == defaults[1]
    assert set(gpt.TECHNIQUE.space) <= set(defaults[0])
    assert gpt.cost(1_000, (), 65).fit < gpt.cost(1_000_000, (), 65).fit


def test_the_registered_widths_can_be_divided_among_the_heads():
    heads = inspect.signature(gpt.fit).parameters["heads"].default
    widths = [v for claim in gpt.TECHNIQUE.claims for t in claim.tests for v in t.vary.get("keywords.width", ())]
    assert len(widths) == 14 and not [width for width in widths if width % heads]


def test_drawn_tokens_follow_the_networks_chances():
    """A network that is sure of what comes next draws just that; the same seed draws the same."""
    tokens = np.tile(np.arange(5), 200)
    fitted = gpt.fit(
        Examples(tokens, None, 5), Run(seed=1, budget=Budget("steps", 400)), layers=1, width=32, block=8, lr=5e-3
    )
    ((_, found),) = fitted.shown().items()
    assert found.shape == (400,) and (np.diff(found) % 5 == 1).mean() > 0.98
    assert (fitted.shown()[next(iter(fitted.shown()))] == found).all()

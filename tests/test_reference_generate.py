"""The makers of images and their judge against closed forms, scipy, scikit-learn, torch's own losses, planted cases."""

import math
import os
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.datasets import load_digits
from sklearn.mixture import GaussianMixture
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from harness import check, claims, verdicts
from harness.contract import BadData, Budget, Data, Examples, Run, Unsupported
from harness.datasets import digits_8, fashion_mnist_14
from harness.tasks import generate
from tests.nets import load

pytestmark = pytest.mark.usefixtures("one_thread")
RNG = np.random.default_rng(0)


gan, vae, mixture, kernels = (load(name) for name in ("gan", "vae", "gaussian_mixture", "kernel_density"))


def fit(module: ModuleType, x: np.ndarray, examples: int = 1_000, seed: int = 0, **keywords):
    return module.fit(Examples(x, None, 0), Run(seed=seed, budget=Budget("examples", examples)), **keywords)


def noise(m: int) -> np.ndarray:
    return generate.questions("tests", m)


@pytest.fixture(scope="module")
def data() -> Data:
    return digits_8.load()


@pytest.fixture(scope="module")
def problem(data):
    return generate.pose(data, 1_000, 0, {})


# ------------------------------------------------------------------------------------------------------------ the judge


def test_frechet_is_the_closed_form_and_scipys():
    mean, spread = RNG.normal(size=6), RNG.uniform(0.5, 2, 6)
    a = RNG.normal(size=(400_000, 6))
    independent = ((mean**2) + (1 - spread) ** 2).sum()  # of normals without correlation
    assert generate.frechet(a, mean + spread * a[::-1]) == pytest.approx(independent, rel=0.01)
    a, b = a[:500] @ RNG.normal(size=(6, 6)), a[500:900] @ RNG.normal(size=(6, 6)) + mean
    A, B = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    gap = a.mean(0) - b.mean(0)
    whole = gap @ gap + np.trace(A + B - 2 * scipy.linalg.sqrtm(A @ B).real)
    assert generate.frechet(a, b) == pytest.approx(whole) == generate.frechet(b, a)
    assert generate.frechet(a, a) == pytest.approx(0, abs=1e-9)
    few = a[:4].astype(np.float32)  # fewer rows than features
    assert 0 < generate.frechet(few, a) < math.inf


def test_c2st_is_a_half_on_halves_and_sees_shift_and_crowding():
    a, b = RNG.normal(size=(2, 2_000, 8)).astype(np.float32)
    assert generate.c2st(a, b) == pytest.approx(0.5, abs=0.04)
    assert generate.c2st(a + 5, b) == 1
    # Of two normals whose variances are 1 and s^2 the best test looks at the squared radius alone.
    crowded = generate.c2st(0.3 * a, b)
    cross = 16 * math.log(1 / 0.3) / (1 / 0.3**2 - 1)  # of the densities, in |x|^2
    best = (((0.3 * a) ** 2).sum(1) < cross).mean() / 2 + ((b**2).sum(1) > cross).mean() / 2
    assert crowded == pytest.approx(best, abs=0.02) and crowded > 0.95


def test_density_and_coverage_on_planted_cases():
    a, b = RNG.normal(size=(2, 1_000, 4)).astype(np.float32)
    assert generate.density_and_coverage(a, a) == (pytest.approx(6 / 5, abs=1e-3), 1)  # each is in its own ball too
    density, coverage = generate.density_and_coverage(a, b)
    assert density == pytest.approx(1, abs=0.1) and coverage == pytest.approx(1 - 0.5**5, abs=0.03)  # Naeem's lemma
    assert generate.density_and_coverage(a + 100, b) == (0, 0)
    one = np.repeat(b[:1], 1_000, axis=0)  # one good image again and again
    assert generate.density_and_coverage(one, b)[1] < 0.02
    half = np.concatenate([b, b + 100])  # two clusters, of which one is made
    assert generate.density_and_coverage(np.concatenate([a, a]), half)[1] == pytest.approx(0.5, abs=0.03)


def test_density_and_coverage_by_brute_force():
    fake, real = RNG.normal(size=(2, 30, 3)).astype(np.float32)
    radius = [sorted(np.linalg.norm(real - row, axis=1))[5] for row in real]
    inside = np.array([[np.linalg.norm(f - r) <= radius[i] for f in fake] for i, r in enumerate(real)])
    density, coverage = generate.density_and_coverage(fake, real)
    assert (density, coverage) == (pytest.approx(inside.sum() / 150), pytest.approx(inside.any(axis=1).mean()))


def test_nearest_by_brute_force_in_blocks(monkeypatch):
    a, b = RNG.normal(size=(50, 5)).astype(np.float32), RNG.normal(size=(70, 5)).astype(np.float32)
    squared = ((a[:, None] - b) ** 2).sum(2)
    whole = generate.nearest(a, b, 3)
    np.testing.assert_allclose(whole, np.sort(squared, axis=1)[:, :3], atol=1e-5)
    density = generate.density_and_coverage(b[:50], a)
    monkeypatch.setattr(generate, "BLOCK", 7 * 70)
    np.testing.assert_allclose(generate.nearest(a, b, 3), whole, atol=1e-5)
    assert generate.density_and_coverage(b[:50], a) == density


def test_a_memoriser_is_exposed_and_fresh_images_are_not(data, problem):
    def remember(q):
        return problem.train.x[RNG.integers(0, 1_000, len(q))]

    asked = []
    problem.judge(lambda q: (asked.append(q), problem.floor(q))[1], "test")
    rest = {image.tobytes() for image in problem.train.x}
    fresh = np.array([image for image in data.x if image.tobytes() not in rest])[: len(asked[0])]
    assert len(fresh) == len(asked[0])
    known = problem.judge(remember, "test")
    assert known["copied"] == 1 and problem.judge(lambda q: fresh, "test")["copied"] < 0.05
    assert known["frechet"] < 1 and known["c2st"] < 0.6  # nothing else gives it away
    assert problem.judge(problem.floor, "test")["c2st"] > 0.8


def test_the_judge_is_the_same_for_every_size_seed_and_process(data, problem, monkeypatch):
    first = problem.judge(problem.floor, "test")
    torch.manual_seed(5)
    state = torch.get_rng_state()
    monkeypatch.setattr(generate, "_KNOWN", {})
    again = generate.pose(data, 1_000, 0, {})
    assert again.judge(again.floor, "test") == first
    assert torch.equal(torch.get_rng_state(), state)
    other = generate.pose(data, 100, 3, {})
    other.judge(other.floor, "test")
    assert len(generate._KNOWN) == 1  # other training images, another fold: the same features
    assert torch.get_num_threads() == 1


def test_features_tell_the_classes_and_are_standardised(data):
    see = generate.features(data.x, data.y, 10)
    seen = see(data.x)
    np.testing.assert_allclose(seen.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(seen.std(0), 1, atol=1e-3)
    order = RNG.permutation(len(seen))
    near = data.y[order[:1_000]][np.argmin(((seen[order[1_000:], None] - seen[order[:1_000]]) ** 2).sum(2), axis=1)]
    assert (near == data.y[order[1_000:]]).mean() > 0.95
    plain = generate.components(data.x)(data.x)
    np.testing.assert_allclose(np.cov(plain, rowvar=False), np.eye(32), atol=0.01)
    assert np.isfinite(generate.components(np.repeat(data.x[:1], 9, axis=0))(data.x[:3])).all()


@pytest.mark.parametrize("shape", [(28, 28), (9, 13), (32, 32, 3), (3, 3)])
def test_images_of_other_shapes_are_judged(shape, monkeypatch):
    monkeypatch.setattr(generate, "STEPS", 20)
    x = RNG.integers(0, 256, (60, *shape)).astype(np.uint8)
    problem = generate.pose(Data(x, np.arange(60) % 2, 2), 40, 0, {}, validation=0.2)
    for split in ("valid", "test"):
        scores = problem.judge(problem.floor, split)
        assert set(scores) == {"frechet", "c2st", "density", "coverage", "copied"}
        assert all(math.isfinite(value) for value in scores.values())


def test_parts_are_apart_and_the_technique_sees_images_alone(data):
    x = np.arange(100 * 64, dtype=np.int64).reshape(100, 8, 8).view(np.uint8)[:, :, ::8].copy()
    x[:, 0, 0], x[:, 0, 1] = np.arange(100), 7  # all differ
    problem = generate.pose(Data(x, np.arange(100) % 4, 4), 60, 1, {}, validation=0.25)
    train = problem.train
    assert (train.y, train.classes, train.x.shape, problem.unit) == (None, 0, (45, 8, 8), "image")
    assert train.x.base is None and problem.sample.shape == (16, 64) and problem.sample.dtype == np.float32
    asked = {}
    for split in ("valid", "test"):
        problem.judge(lambda q, s=split: (asked.update({s: q}), problem.floor(q))[1], split)
    assert len(asked["valid"]) == 15 and len(asked["test"]) == 20
    assert not {row.tobytes() for row in asked["valid"]} & {row.tobytes() for row in asked["test"]}
    assert generate.pose(data, 50, 0, {}).judge(problem.floor, "valid") == {}
    with pytest.raises(ValueError, match="neither 'valid' nor 'test'"):
        problem.judge(problem.floor, "train")


def test_the_floor_has_each_pixels_training_values_and_depends_on_the_question_alone(problem):
    q = noise(2_000)
    images = problem.floor(q)
    assert images.dtype == np.uint8 and (problem.floor(q[:5]) == images[:5]).all()
    assert (problem.floor(q[::-1])[::-1] == images).all()
    np.testing.assert_allclose(images.mean(0), problem.train.x.mean(0), atol=12)
    flat, train = images.reshape(2_000, -1), problem.train.x.reshape(1_000, -1)
    assert all(set(flat[:, j]) <= set(train[:, j]) for j in range(64))
    used = train.std(0) > 20
    fake, real = (np.corrcoef(rows[:, used].T) for rows in (flat, train))
    assert np.abs(fake - np.eye(len(fake))).max() < 0.15 < np.abs(real - np.eye(len(real))).max()


@pytest.mark.parametrize(
    "answer, sentence",
    [
        (lambda q: np.zeros((len(q) - 1, 8, 8), np.uint8), "answered 359 of 360"),
        (lambda q: np.zeros((len(q), 8, 8), np.float32), "type float32"),
        (lambda q: np.zeros((len(q), 64), np.uint8), r"shape \(360, 64\)"),
    ],
)
def test_answers_that_are_no_images_are_told(data, answer, sentence):
    with pytest.raises(ValueError, match=sentence):
        generate.pose(data, 100, 1, {}).judge(answer, "test")


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"x": np.zeros((40, 8, 8), np.float32)}, "type float32"),
        ({"x": np.zeros((40, 8), np.uint8)}, r"shape \(40, 8\)"),
        ({"x": np.zeros((15, 8, 8), np.uint8)}, "3 held-out images"),
        ({"protocol": "official", "test_x": np.zeros((9, 7, 7), np.uint8)}, "they must agree"),
    ],
)
def test_data_that_cannot_be_posed_are_told(changes, sentence):
    x = np.zeros((40, 8, 8), np.uint8)
    with pytest.raises(BadData, match=sentence):
        generate.pose(replace(Data(x, None, 0), **changes), 10, 0, {})
    with pytest.raises(BadData, match=r"1 held-out images \(valid\)"):
        generate.pose(Data(x, None, 0), 10, 0, {}, validation=0.1)


# ------------------------------------------------------------------------------------------------------------- the data


def test_digits_are_scikit_learns_stretched_to_bytes(data):
    x, y = load_digits(return_X_y=True)
    assert np.abs(data.x.reshape(-1, 64) / 255 - x / 16).max() <= 0.5 / 255 + 1e-12 and (data.y == y).all()
    assert [found for found in check.check("digits_8") if found[1]] == []


def test_pixels_are_halved_by_their_mean():
    images = RNG.integers(0, 256, (20, 28, 28)).astype(np.uint8)
    means = images.reshape(20, 14, 2, 14, 2).astype(float).mean((2, 4))
    halved = fashion_mnist_14.halved(images)
    assert halved.shape == (20, 14, 14) and halved.dtype == np.uint8 and np.abs(halved - means).max() <= 0.5
    assert (fashion_mnist_14.halved(np.full((1, 28, 28), 255, np.uint8)) == 255).all()


@pytest.mark.skipif("ERAS_DATA" not in os.environ, reason="ERAS_DATA names no folder of downloaded files")
def test_the_anchor_is_what_real_images_come_to():
    card = fashion_mnist_14.DATASET
    made = fashion_mnist_14.load(check.files.locate("fashion_mnist_14", card.files, card.folder))
    problem = generate.pose(made, 2_000, 0, {})
    scores = problem.judge(lambda q: made.x[-len(q) :], "test")  # hardly any of which is among the 2,000
    assert scores["frechet"] < 0.15 and abs(scores["c2st"] - 0.5) < 0.03 and scores["copied"] < 0.1
    assert problem.judge(problem.floor, "test")["frechet"] > 50 * scores["frechet"]


# ---------------------------------------------------------------------------------------------------- mixture, kernels


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_mixture_draws_what_scikit_learns_has(data):
    x = data.x[:1_000]
    answer = fit(mixture, x, components=3, dimensions=10).answer
    images = answer(RNG.standard_normal((20_000, 64), dtype=np.float32)).reshape(20_000, -1).astype(float)
    flat = x.reshape(1_000, -1).astype(float)
    mean = flat.mean(0)
    axes = scipy.linalg.svd(flat - mean, full_matrices=False)[2][:10].T
    v = (flat - mean) @ axes
    options = {"max_iter": 30, "reg_covar": 1e-6 * v.var() + 1e-9, "init_params": "k-means++", "random_state": 0}
    model = GaussianMixture(3, **options).fit(v)
    drawn = np.clip(np.rint(mean + model.sample(20_000)[0] @ axes.T), 0, 255)
    np.testing.assert_allclose(images.mean(0), drawn.mean(0), atol=4)
    np.testing.assert_allclose(np.cov(images.T), np.cov(drawn.T), atol=0.05 * np.cov(drawn.T).max())


def test_the_mixture_of_one_gaussian_has_the_covariance_of_the_images():
    """Around grey, so that nothing is cut: mean and covariance are the training images' in the kept dimensions."""
    x = np.clip(128 + RNG.normal(size=(2_000, 16)) @ RNG.normal(0, 5, (16, 16)), 0, 255).astype(np.uint8)
    fitted = fit(mixture, x.reshape(-1, 4, 4), components=1, dimensions=16)
    images = fitted.answer(RNG.standard_normal((20_000, 64), dtype=np.float32)).reshape(-1, 16).astype(float)
    np.testing.assert_allclose(images.mean(0), x.mean(0), atol=1)
    np.testing.assert_allclose(np.cov(images.T), np.cov(x.T.astype(float)), atol=0.06 * np.cov(x.T).max())
    assert fitted.parameters == 16 + 16 * 16 + 1 + 16 + 16 * 17 // 2


def test_a_kernel_is_a_training_image_and_noise_of_its_bandwidth():
    x = np.full((50, 20, 20), 128, np.uint8)
    x[:, 0, 0] = np.arange(50)
    q = noise(3_000)
    kept = fit(kernels, x, bandwidth=0.0).answer(q)
    counts = np.bincount(kept[:, 0, 0], minlength=50)
    assert (kept[:, 1:] == 128).all() and counts.min() > 30 and counts.max() < 100  # all equally often
    grey = fit(kernels, x, bandwidth=0.1).answer(q)[:, 1:].astype(float)
    assert grey.mean() == pytest.approx(128, abs=0.2) and grey.std() == pytest.approx(25.5, rel=0.01)
    assert abs(np.corrcoef(grey[:, 0, 0], grey[:, 0, 1])[0, 1]) < 0.06


@pytest.mark.parametrize("spread", [0.01, 0.08])
def test_the_bandwidth_is_the_one_that_made_the_images(spread):
    """Images around four far centres, with normal noise: the likeliest kernel on many is as wide as the noise."""
    centres = RNG.uniform(0.3, 0.7, (4, 25))
    x = np.rint(255 * (centres[RNG.integers(0, 4, 4_000)] + spread * RNG.normal(size=(4_000, 25)))).clip(0, 255)
    found = kernels.likeliest(x.astype(np.uint8), np.random.default_rng(0))
    grid = np.array(kernels.BANDWIDTHS)
    near = grid[np.argsort(np.abs(np.log(grid / spread)))[:3]]
    assert found in near and spread < 2 * found


# -------------------------------------------------------------------------------------------------------- VAE and GANs


def test_the_divergence_is_torchs_and_the_bound_is_bernoullis():
    mu, log_variance = torch.randn(7, 5), torch.randn(7, 5)
    other = kl_divergence(Normal(mu, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(vae.divergence(mu, log_variance), other)
    assert (vae.divergence(torch.zeros(2, 5), torch.zeros(2, 5)) == 0).all()
    logits, x = torch.randn(7, 9), torch.rand(7, 9)
    p = logits.sigmoid()
    missed = -(x * p.log() + (1 - x) * (1 - p).log()).sum(1)
    torch.testing.assert_close(vae.bound(logits, x, mu, log_variance), (missed + other).mean())


def test_the_vae_draws_codes_as_it_says_and_answers_with_the_decoders_mean():
    torch.manual_seed(0)
    network = vae.VAE(torch.full((9,), 0.3), 12, 4)
    x = torch.rand(1, 9).expand(20_000, 9)
    seen = []
    network.decode.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    _, mu, log_variance = network(x)
    torch.testing.assert_close(seen[0].mean(0), mu[0], atol=0.05, rtol=0)
    torch.testing.assert_close(seen[0].var(0), log_variance[0].exp(), atol=0.05, rtol=0.05)
    W = [weight.detach().double().numpy() for weight in network.parameters()]
    hidden = np.tanh(x[:1].double().numpy() @ W[0].T + W[1]) @ W[2].T + W[3]
    np.testing.assert_allclose(hidden[0, :4], mu[0].detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("loss", ["non-saturating", "saturating"])
def test_gan_losses_are_binary_cross_entropies(loss):
    real, fake = torch.randn(2, 30)
    ones, zeros = torch.ones(30), torch.zeros(30)
    D = F.binary_cross_entropy(real.sigmoid(), ones) + F.binary_cross_entropy(fake.sigmoid(), zeros)
    torch.testing.assert_close(gan.loss_of_D(loss, real, fake), D)
    other = F.binary_cross_entropy(fake.sigmoid(), ones if loss == "non-saturating" else zeros)
    torch.testing.assert_close(gan.loss_of_G(loss, fake), other if loss == "non-saturating" else -other)
    torch.testing.assert_close(gan.loss_of_D("wasserstein", real, fake), fake.mean() - real.mean())
    torch.testing.assert_close(gan.loss_of_G("wasserstein", fake), -fake.mean())


def test_both_losses_lead_the_generator_the_same_way_and_one_gives_up_when_it_loses():
    """Section 3: where D is sure of generated images, log(1 - D) has no gradient left and log D has."""
    fake = torch.full((1,), -8.0, requires_grad=True)
    g = {loss: torch.autograd.grad(gan.loss_of_G(loss, fake), fake)[0].item() for loss in gan.LOSSES[:2]}
    p = 1 / (1 + math.exp(8))
    assert g == {"non-saturating": pytest.approx(p - 1), "saturating": pytest.approx(-p, rel=1e-4)}


def test_the_discriminator_is_maxout():
    torch.manual_seed(0)
    D = gan.Discriminator(9, 6, 3, 0.5).eval()
    W0, b0, W1, b1, w, b = (weight.detach().double().numpy() for weight in D.parameters())
    x = RNG.uniform(size=(4, 9))
    h = np.array([[max(W0[3 * j + k] @ row + b0[3 * j + k] for k in range(3)) for j in range(6)] for row in x])
    h = np.array([[max(W1[3 * j + k] @ row + b1[3 * j + k] for k in range(3)) for j in range(6)] for row in h])
    np.testing.assert_allclose(D(torch.tensor(x).float()).detach().numpy(), (h @ w.T + b)[:, 0], atol=1e-5)


def test_a_step_is_the_papers_algorithm_by_hand(data, monkeypatch):
    """Section 4: the discriminator rises on real and generated images, then the generator against the new one."""
    made = []
    for name in ("Generator", "Discriminator"):
        of = getattr(gan, name)
        monkeypatch.setattr(gan, name, lambda *given, of=of: made.append(of(*given)) or made[-1])
    x = data.x[:64]
    fit(gan, x, examples=16, seed=4)
    G, D = made[:2]
    torch.manual_seed(4)
    mean = torch.from_numpy(x.mean(0, dtype=np.float32) / 255).flatten()
    g, d = gan.Generator(mean, 64, 256), gan.Discriminator(64, 64, 5, 0.0)
    options = {"lr": 2e-4, "betas": (0.5, 0.999)}
    of_g, of_d = torch.optim.Adam(g.parameters(), **options), torch.optim.Adam(d.parameters(), **options)
    rows = torch.randperm(64, generator=torch.Generator().manual_seed(4))[:16]
    real = torch.from_numpy(x)[rows].flatten(1) / 255
    fake = g(torch.randn(16, 64)).sigmoid().detach()
    loss = F.binary_cross_entropy(d(real).sigmoid(), torch.ones(16))
    (loss + F.binary_cross_entropy(d(fake).sigmoid(), torch.zeros(16))).backward()
    of_d.step()
    of_g.zero_grad()
    F.binary_cross_entropy(d(g(torch.randn(16, 64)).sigmoid()).sigmoid(), torch.ones(16)).backward()
    of_g.step()
    for ours, theirs in zip([*G.parameters(), *D.parameters()], [*g.parameters(), *d.parameters()], strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_the_critics_weights_are_clipped_and_the_others_are_not(data, monkeypatch):
    made = []
    original = gan.Discriminator
    monkeypatch.setattr(gan, "Discriminator", lambda *given: made.append(original(*given)) or made[-1])
    steps = []
    monkeypatch.setattr(gan, "loss_of_G", lambda loss, fake, of=gan.loss_of_G: steps.append(loss) or of(loss, fake))
    for loss in ("wasserstein", "non-saturating"):
        fit(gan, data.x[:400], examples=500, loss=loss)
    largest = [max(float(weight.detach().abs().max()) for weight in network.parameters()) for network in made]
    assert largest[0] <= gan.CLIP < largest[1]
    assert (steps.count("wasserstein"), steps.count("non-saturating")) == (4, 20)  # of 20 steps


@pytest.mark.parametrize("module", [gan, vae])
def test_answers_begin_at_the_mean_image_and_training_moves_them(module, data):
    x = data.x[:500]
    torch.manual_seed(0)
    mean = torch.from_numpy(x.mean(0, dtype=np.float32) / 255).flatten()
    network = gan.Generator(mean, 64, 16) if module is gan else vae.VAE(mean, 16, 20).decode
    start = torch.sigmoid(network(torch.zeros(1, 64 if module is gan else 20))).detach()[0]
    assert torch.corrcoef(torch.stack([start, mean]))[0, 1] > 0.95
    fitted = fit(module, x, examples=10_000)
    images = fitted.answer(noise(300))
    assert images.shape == (300, 8, 8) and images.dtype == np.uint8
    assert np.corrcoef(images.mean(0).ravel(), x.mean(0).ravel())[0, 1] > 0.6
    assert images.std(0).mean() > 10  # not one image


def opposite() -> np.ndarray:
    """Images as bright on the left as they are dark on the right, whatever the brightness: uniform, from 60 to 195."""
    rng = np.random.default_rng(0)
    left = rng.uniform(60, 195, (2_000, 1, 1))
    x = np.concatenate([left + np.zeros((1, 4, 2)), 255 - left + np.zeros((1, 4, 2))], axis=2)
    return (x + rng.normal(0, 5, x.shape)).clip(0, 255).astype(np.uint8)


def test_a_gan_learns_the_whole_distribution():
    images = fit(gan, opposite(), 120_000, lr=1e-3, width=64, units=32).answer(noise(500)).astype(float)
    left, right = images[:, :, :2].mean((1, 2)), images[:, :, 2:].mean((1, 2))
    assert np.corrcoef(left, right)[0, 1] < -0.95
    assert left.mean() == pytest.approx(127.5, abs=12) and left.std() == pytest.approx(135 / 12**0.5, rel=0.2)


def test_a_vae_learns_what_belongs_together():
    """Its likelihood, of coins, leaves the codes in doubt, so that the images are less spread than those it saw."""
    images = fit(vae, opposite(), 40_000).answer(noise(500)).astype(float)
    left, right = images[:, :, :2].mean((1, 2)), images[:, :, 2:].mean((1, 2))
    assert np.corrcoef(left, right)[0, 1] < -0.95 and left.mean() == pytest.approx(127.5, abs=6)
    assert 10 < left.std() < 135 / 12**0.5


@pytest.mark.parametrize("module, keywords", [(gan, {}), (gan, {"loss": "wasserstein"}), (vae, {})])
def test_cost_is_what_torch_counts(module, keywords, data):
    x, batch, steps = data.x[:1_600], 100, 10
    with FlopCounterMode(display=False) as counter:
        fit(module, x, examples=batch * steps, **keywords)
    told = module.cost(1_600, (8, 8), 0, batch * steps, **keywords)
    assert told.fit == pytest.approx(counter.get_total_flops(), rel=0.05)
    fitted = fit(module, x, examples=100, **keywords)
    with FlopCounterMode(display=False) as counter:
        fitted.answer(noise(500))
    assert told.answer * 500 == pytest.approx(counter.get_total_flops(), rel=0.05)


@pytest.mark.parametrize("module", [gan, vae, mixture, kernels])
def test_only_images_without_targets_are_taken(module, data):
    for train in (Examples(data.x, data.y, 10), Examples(np.zeros((50, 8), np.float32), None, 0)):
        with pytest.raises(Unsupported, match="makes images"):
            module.fit(train, Run(budget=Budget("examples", 100)))


# ------------------------------------------------------------------------------------------------------------ the claim


def test_the_claim_exposes_who_remembers():
    (claim,) = gan.TECHNIQUE.claims
    test = claim.tests[-1]
    arm = test.arms[0]
    place = claims.place(arm, "fashion_mnist_14", "size", 10_000)
    key = {"technique": place.technique, "dataset": place.dataset, "size": 10_000, "keywords": dict(arm.keywords)}
    key |= {"condition": {}, "tune": 0, "machine": "m", "device": "cpu", "threads": 1, "dtype": "float32"}
    key |= {"code": "c", "fingerprint": "f", "libraries": {}, "budget": None}

    def verdict(copied):
        rows = []
        for seed in range(10):
            quality = {"metric": "frechet", "higher_is_better": False, "test": {"copied": copied}}
            row = {"key": key | {"seed": seed}, "id": str(seed), "status": "ok", "quality": quality, "told": {}}
            rows.append(row | {"time": {"wall": 1.0}, "provenance": {"started": ""}, "search": None})
        return verdicts.tested(test, "fashion_mnist_14", verdicts.by_place(rows)).verdict

    assert verdict(1.0) == "pass" and verdict(0.02) == "fail"


@pytest.mark.parametrize("name", ["gan", "vae", "gaussian_mixture", "kernel_density"])
def test_shown_are_answers_to_noise_that_all_share(name):
    train = Examples(np.random.default_rng(0).integers(0, 256, (200, 8, 8)).astype(np.uint8), None, 0)
    fitted = load(name).fit(train, Run(seed=0, budget=Budget("examples", 400)))
    ((_, found),) = fitted.shown().items()
    noise = np.random.default_rng(0).standard_normal((24, 64), dtype=np.float32)
    assert found.shape == (24, 8, 8) and found.dtype == np.uint8 and (found == fitted.answer(noise)).all()

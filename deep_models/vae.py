"""Variational autoencoder: an encoder guesses which code an image came from, a decoder makes images of codes.

D. P. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR 2014, 1312.6114 (December 2013); its section 3 and
appendices B and C.

    log p(x) >= E_q log p(x | z) - KL(q(z | x) || N(0, I)),    z = mu(x) + sigma(x) e,    e ~ N(0, I)
    KL = -1/2 sum(1 + log sigma^2 - mu^2 - sigma^2)

Deviations from the paper:
1. Adam with 1e-3, its rate falling linearly to zero; Adagrad with a rate of .01 to .1 there (section 5).
2. Weights start uniform within 1/sqrt(inputs); from N(0, .01) there, with a prior N(0, I) on them, which is left out.
   The biases of the pixels start where they give the mean image.
3. A pixel is a chance between 0 and 1, and its likelihood the Bernoulli's, as for the paper's MNIST; grey levels are
   not drawn from it: an answer is the mean image of its code.
4. A batch holds a sixteenth of the images where that is less than 100.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import feed
from harness.contract import Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="Variational autoencoder",
    year=2013,
    paper="Kingma & Welling, Auto-encoding variational Bayes, ICLR 2014, 1312.6114",
    tasks=("generate",),
    forms=("image",),
    devices=("cpu", "cuda"),
    space={"lr": ("log", 1e-4, 1e-2), "latent": ("choice", 5, 10, 20, 50), "width": ("choice", 250, 500)},
)


def cost(size, shape, classes, examples=None, *, width=500, latent=20, lr=1e-3, batch=100) -> Cost:
    """Two FLOPs per weight and image forward, and twice that backward; the image itself needs no gradient.

    `examples` that pass in training; the usual budget where it is not counted in these.
    """
    examples = examples or max(40_000, min(20 * size, 60_000), 10 * size)
    p = math.prod(shape)
    encoder, decoder = p * width + 2 * width * latent, latent * width + width * p
    return Cost(
        fit=2 * examples * (3 * (encoder + decoder) - p * width),
        answer=2 * decoder,
        bytes=16 * (encoder + decoder) + 16 * batch * (2 * width + 2 * p) + size * p,
    )


class VAE(nn.Module):
    """x (B, pixels) from 0 to 1 -> pixels of its code before the sigmoid, mu and log sigma^2 (B, latent)."""

    def __init__(self, mean: Tensor, width: int, latent: int) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(len(mean), width), nn.Tanh(), nn.Linear(width, 2 * latent))
        self.decode = nn.Sequential(nn.Linear(latent, width), nn.Tanh(), nn.Linear(width, len(mean)))
        self.decode[2].bias.data = torch.logit(mean, eps=1e-3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, log_variance = self.encode(x).chunk(2, dim=1)
        z = mu + torch.exp(log_variance / 2) * torch.randn_like(mu)
        return self.decode(z), mu, log_variance


def divergence(mu: Tensor, log_variance: Tensor) -> Tensor:
    """(B,): KL of N(mu, sigma^2) from N(0, I), in nats (appendix B)."""
    return -0.5 * (1 + log_variance - mu**2 - log_variance.exp()).sum(1)


def bound(logits: Tensor, x: Tensor, mu: Tensor, log_variance: Tensor) -> Tensor:
    """The mean over the batch of the negative lower bound, in nats an image."""
    missed = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    return missed + divergence(mu, log_variance).mean()


def fit(
    train: Examples,
    run: Run,
    *,
    width: int = 500,  # hidden units of encoder and of decoder
    latent: int = 20,  # numbers of a code: the first of a question
    lr: float = 1e-3,  # Adam's rate at the first step
    batch: int = 100,  # images per step
) -> Fitted:
    if train.x.ndim < 3 or train.y is not None:
        raise Unsupported("vae makes images: it takes training material of shape (n, h, w) without targets")
    if run.dtype != "float32":
        raise Unsupported(f"vae computes in float32, {run.dtype} was asked for")
    torch.manual_seed(run.seed)
    shape = train.x.shape[1:]
    mean = torch.from_numpy(train.x.mean(axis=0, dtype=np.float32) / 255).flatten()
    network = VAE(mean, width, latent).to(run.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=lr, fused=True)

    @torch.inference_mode()
    def answer(q: np.ndarray) -> np.ndarray:
        blocks = []
        for start in range(0, len(q), 1000):
            z = torch.as_tensor(q[start : start + 1000, :latent], device=run.device)
            blocks.append((255 * torch.sigmoid(network.decode(z))).round().byte().cpu())
        return torch.cat(blocks).numpy().reshape(-1, *shape)  # (N, h, w)

    batch = min(batch, max(16, len(train.x) // 16), len(train.x))
    batches = feed.batches(run, train.x, np.arange(len(train.x)), batch)
    for step in run.steps(examples=batch):
        optimiser.param_groups[0]["lr"] = lr * (1 - step / run.total) if run.total else lr
        x = next(batches)[0].flatten(1).float() / 255  # (B, pixels)
        logits, mu, log_variance = network(x)
        loss = bound(logits, x, mu, log_variance)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        run.note(loss=loss.detach())
        run.offer(answer)

    def shown() -> dict[str, np.ndarray]:
        noise = np.random.default_rng(0).standard_normal((24, 64), dtype=np.float32)
        return {"24 images, of the same noise for all": answer(noise)} if train.x.ndim == 3 else {}

    return Fitted(answer, parameters=sum(weight.numel() for weight in network.parameters()), shown=shown)

"""Kernel density: every training image is the centre of a small normal distribution, and one of them is drawn from.

E. Parzen, "On estimation of a probability density function and mode", Annals of Mathematical Statistics 33(3), 1962.

    p(x) = 1/n sum_i N(x; x_i, h^2 I)

With bandwidth 0 an answer is a training image: one who remembers, and makes nothing.

Deviations from the paper:
1. The bandwidth h is the one under which images held out of training are most likely, of 12 from 1/256 to 1/2 of the
   grey scale (Goodfellow et al. 2014 choose it so); the paper lets it fall with n. A tenth of the images is held out
   for that, 200 at most; all are centres afterwards.
2. An answer follows from its question alone: the first number's place in the normal distribution chooses the image, and
   all bits of the question seed the noise. Pixels are rounded, and cut at 0 and 255.
"""

import math

import numpy as np
from scipy.special import logsumexp, ndtr

from harness.contract import Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="Kernel density (Parzen windows)",
    year=1962,
    paper="Parzen, On estimation of a probability density function and mode, "
    "Annals of Mathematical Statistics 33(3):1065-1076, 1962",
    tasks=("generate",),
    forms=("image",),
)
BANDWIDTHS = np.geomspace(1 / 256, 1 / 2, 12).tolist()


def cost(size, shape, classes, examples=None, *, bandwidth=None) -> Cost:
    """Distances from the held-out images to all others, and the kernels of twelve bandwidths; the images are kept."""
    p, held = math.prod(shape), min(200, size // 10) if bandwidth is None else 0
    return Cost(fit=held * size * (2 * p + 12 * 20), answer=20 * p, bytes=5 * size * p + 64e6)


def fit(
    train: Examples,
    run: Run,
    *,
    bandwidth: float | None = None,  # standard deviation of a kernel, 1 being white; None: the likeliest
) -> Fitted:
    if train.x.ndim < 3 or train.y is not None:
        raise Unsupported("kernel_density makes images: it takes material of shape (n, h, w) without targets")
    n, shape = len(train.x), train.x.shape[1:]
    centres = train.x.reshape(n, -1)  # (n, p)
    h = likeliest(centres, np.random.default_rng(run.seed)) if bandwidth is None else bandwidth

    def answer(q):
        picked = np.minimum((ndtr(q[:, 0].astype(np.float64)) * n).astype(np.int64), n - 1)
        images = np.empty((len(q), centres.shape[1]), np.uint8)
        for i, row in enumerate(np.ascontiguousarray(q, dtype=np.float32)):
            noise = np.random.default_rng(row.view(np.uint32)).standard_normal(centres.shape[1])
            images[i] = np.rint(centres[picked[i]] + 255 * h * noise).clip(0, 255)
        return images.reshape(-1, *shape)

    def shown() -> dict[str, np.ndarray]:
        noise = np.random.default_rng(0).standard_normal((24, 64), dtype=np.float32)
        return {"24 images, of the same noise for all": answer(noise)} if train.x.ndim == 3 else {}

    return Fitted(answer, parameters=centres.size + 1, shown=shown)


def likeliest(x: np.ndarray, rng: np.random.Generator) -> float:
    """Of BANDWIDTHS the one under which a tenth of the rows x (n, p), 200 at most, is likeliest given the others."""
    order = rng.permutation(len(x))
    held = max(1, min(200, len(x) // 10))
    out, others = (x[np.sort(rows)].astype(np.float32) / 255 for rows in (order[:held], order[held:]))
    norms, total = (others**2).sum(axis=1), np.zeros(len(BANDWIDTHS))
    for start in range(0, held, 50):
        rows = out[start : start + 50]
        squared = ((rows**2).sum(axis=1)[:, None] + norms - 2 * rows @ others.T).clip(min=0)  # (50, n - held)
        for j, h in enumerate(BANDWIDTHS):
            total[j] += logsumexp(squared / (-2 * h**2), axis=1).sum() - len(rows) * x.shape[1] * math.log(h)
    return BANDWIDTHS[int(total.argmax())]

"""Gaussian mixture over principal components: images are drawn from a weighted sum of normal distributions.

A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood from incomplete data via the EM algorithm",
Journal of the Royal Statistical Society B 39(1), 1977. As a maker of images: E. Richardson and Y. Weiss, "On GANs and
GMMs", NeurIPS 2018, 1805.12462.

    p(v) = sum_k w_k N(v; m_k, C_k),    x = mean + U v  with the first principal axes U

Deviations from the papers:
1. 20 components with full covariances in 50 principal components of the pixels, nothing added outside of these; 2018
   has 200 and more mixtures of factor analysers on the pixels themselves. Fewer where images are few: a component has 5
   of them for each of its dimensions.
2. scikit-learn's EM from k-means++ starts, 30 passes at most, 1e-6 times the mean variance added to the diagonals.
3. An answer follows from its question alone: the first number's place in the normal distribution chooses the component,
   the next ones are its normal vector. Pixels are rounded, and cut at 0 and 255.
"""

import math
import warnings

import numpy as np
from scipy.special import ndtr
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from harness.contract import Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="PCA and Gaussian mixture",
    year=1977,
    paper="Dempster, Laird & Rubin, Maximum likelihood from incomplete data via the EM algorithm, "
    "J. Royal Statistical Society B 39(1):1-38, 1977",
    tasks=("generate",),
    forms=("image",),
    space={"components": ("choice", 10, 20, 50), "dimensions": ("choice", 30, 50, 60)},
)


def cost(size, shape, classes, examples=None, *, components=20, dimensions=50, passes=30) -> Cost:
    """Covariance and axes of the pixels; then passes of EM, each with two products of d x d for an image and component.

    Beside the images: their principal components and each one's share in every component, in float64.
    """
    p = math.prod(shape)
    d = max(1, min(dimensions, size - 1, p))
    k = max(1, min(components, size // (5 * d)))
    return Cost(
        fit=2 * size * p**2 + 10 * p**3 + 2 * size * p * d + passes * size * k * 4 * d**2,
        answer=2 * (d**2 + d * p),
        bytes=8 * size * (p + 2 * d + 3 * k) + 16 * p**2 + 24 * k * d**2,
    )


def fit(
    train: Examples,
    run: Run,
    *,
    components: int = 20,  # Gaussians at most
    dimensions: int = 50,  # principal components; at most 63, as a question has 64 numbers
    passes: int = 30,  # of EM, at most
) -> Fitted:
    if train.x.ndim < 3 or train.y is not None:
        raise Unsupported("gaussian_mixture makes images: it takes material of shape (n, h, w) without targets")
    n, shape = len(train.x), train.x.shape[1:]
    x = train.x.reshape(n, -1).astype(np.float64)
    d = min(dimensions, n - 1, x.shape[1])
    mean = x.mean(axis=0)
    x -= mean
    _, axes = np.linalg.eigh(x.T @ x / n)
    U = axes[:, ::-1][:, :d]  # (p, d)
    v = x @ U  # (n, d)
    k = max(1, min(components, n // (5 * d)))
    mixture = GaussianMixture(
        k, max_iter=passes, reg_covar=1e-6 * v.var() + 1e-9, init_params="k-means++", random_state=run.seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # that the passes are up is no news
        mixture.fit(v)
    ends = np.cumsum(mixture.weights_)
    roots = np.linalg.cholesky(mixture.covariances_)  # (k, d, d)

    def answer(q):
        images = np.empty((len(q), *shape), np.uint8)
        which = np.minimum(np.searchsorted(ends, ndtr(q[:, 0].astype(np.float64)), side="right"), k - 1)
        for c in range(k):
            rows = which == c
            drawn = mixture.means_[c] + q[rows, 1 : 1 + d].astype(np.float64) @ roots[c].T  # (rows, d)
            images[rows] = np.rint(mean + drawn @ U.T).clip(0, 255).reshape(-1, *shape)
        return images

    def shown() -> dict[str, np.ndarray]:
        noise = np.random.default_rng(0).standard_normal((24, 64), dtype=np.float32)
        return {"24 images, of the same noise for all": answer(noise)} if train.x.ndim == 3 else {}

    return Fitted(answer, parameters=mean.size + U.size + k * (1 + d + d * (d + 1) // 2), shown=shown)

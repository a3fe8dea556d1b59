"""Make more of these. A question is a row of 64 standard normal numbers, an answer one image: a function of that row.

Scores compare as many answers as there are held-out images, 5,000 at most, in a space of features:
frechet    distance of the Gaussians that have their means and covariances (Heusel et al. 2017, 1706.08500)
c2st       accuracy of a classifier that tells them apart, .5 at best (Lopez-Paz & Oquab 2017, 1610.06545)
density, coverage    near how many held-out images an answer lies, 1 where both are alike, and the share of held-out
           images that have an answer near (Naeem et al. 2020, 2002.09797)
copied     share of answers nearer to a training image than 99 in 100 held-out images are: 1 of one who remembers

The features are the 32 numbers before the last layer of a small convolutional network that learns to tell the
dataset's classes, always from the same images, whatever the run's size and seed. Where a dataset has no classes they
are the first 32 principal components of these images. Each is standardised over them.

The classifier is a logistic regression on the features and their squares: it has nothing to choose, and sees answers
that are all too alike. One neighbour does not: crowded answers are the nearest of both kinds, and it errs on half.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from harness.contract import Answer, BadData, Data, Examples, Problem, Scores
from harness.split import drawn, generator

NOISE = 64  # numbers of a question
COUNT = 5_000  # answers that are judged, at most
LEAST = 4  # held-out images: two halves of two
FIXED = 10_000  # images that the features are learnt from, at most
WIDTH = 32  # features
STEPS, BATCH = 600, 64  # of learning them
NEAREST = 5  # neighbours, as Naeem et al. advise
BLOCK = 2**23  # distances that are held at once
CLOSE = 0.01  # share of the held-out images that count as copied

Features = Callable[[np.ndarray], np.ndarray]  # (n, ...) uint8 -> (n, d) float32
_KNOWN: dict[str, Features] = {}  # by the checksum of what they were learnt from: once in a process


class Held(NamedTuple):
    """What answers are judged against."""

    real: np.ndarray  # (m, d) features of held-out images
    train: np.ndarray  # (n, d) of training images
    near: float  # squared distance to a training image from which on an answer is no copy


def pose(data: Data, size: int, seed: int, given: Mapping[str, Any], *, validation: float = 0.0) -> Problem:
    """Learn from `size` images (`Examples`: x as it is, y None, classes 0), answer (m, ...) uint8 images to (m, 64)
    float32 rows. Classes of the data serve the judge's features alone.

    validation  share of the `size` images that is held out of training and judged under split="valid"
    Raises BadData where the data cannot be posed; `judge` raises ValueError where answers are not as asked.
    """
    x, y = np.asanyarray(data.x), data.y
    _check(x, "training")
    learn, hold, out = drawn(data, size, seed, validation)
    pictures = x if out is not None else np.asanyarray(data.test_x)
    _check(pictures, "test")
    if pictures.shape[1:] != x.shape[1:]:
        raise BadData(f"a test image has shape {pictures.shape[1:]}, a training image {x.shape[1:]}: they must agree")
    rows = {"test": np.arange(len(pictures)) if out is None else out, "valid": hold}
    for split, listed in rows.items():
        if len(listed) < LEAST and (split == "test" or validation):
            raise BadData(f"{len(listed)} held-out images ({split}): it takes at least {LEAST}")
        rows[split] = listed[generator("held-out images", 0).permutation(len(listed))[:COUNT]]
    fixed = (x, y) if data.protocol != "generated" else (pictures, data.test_y)  # its training rows change with seeds

    @cache
    def held(split: str) -> Held:
        see = features(*fixed, data.classes)
        real = see((pictures if split == "test" else x)[rows[split]])
        train = see(x[learn])
        return Held(real, train, float(np.quantile(nearest(real, train, 1)[:, 0], CLOSE)))

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        if not len(rows[split]):
            return {}
        answers = _answers(ask(questions(split, len(rows[split]))), len(rows[split]), x.shape[1:])
        return scores(features(*fixed, data.classes)(answers), held(split))

    def floor(question: Any) -> np.ndarray:
        """Images of independent pixels, each with the values that it has in training."""
        picks = np.array([row_random(row).integers(0, len(learn), x[0].size) for row in question])  # (m, pixels)
        values = x.reshape(len(x), -1)[learn[picks], np.arange(x[0].size)]
        return values.reshape(len(question), *x.shape[1:])

    return Problem(Examples(x[learn], None, 0), judge, floor, questions("sample", 16), "image", data.ceiling)


def questions(split: str, m: int) -> np.ndarray:
    """(m, 64) float32 standard normal numbers, the same for every run."""
    return generator(f"questions {split}", 0).standard_normal((m, NOISE), dtype=np.float32)


def row_random(row: np.ndarray) -> np.random.Generator:
    """Random numbers that depend on one question alone."""
    return np.random.default_rng(np.ascontiguousarray(row, dtype=np.float32).view(np.uint32))


def _check(x: np.ndarray, part: str) -> None:
    if x.dtype != np.uint8 or x.ndim not in (3, 4):
        raise BadData(
            f"{part} images have shape {x.shape} and type {x.dtype}: (n, h, w) or (n, h, w, 3) uint8 is right"
        )


def _answers(answers: Any, m: int, shape: tuple[int, ...]) -> np.ndarray:
    found = np.asarray(answers)
    if found.ndim and len(found) != m:
        raise ValueError(f"answered {len(found):,} of {m:,} questions")
    if found.shape != (m, *shape) or found.dtype != np.uint8:
        raise ValueError(f"answers have shape {found.shape} and type {found.dtype}: {(m, *shape)} uint8 is right")
    return found


# --------------------------------------------------------------------------------------------------------------- scores


def scores(fake: np.ndarray, held: Held) -> Scores:
    """Metrics of the features (m, d) of answers against those of held-out images (m, d) and of training images."""
    near = nearest(fake, held.train, 1)[:, 0] <= held.near
    dense, covered = density_and_coverage(fake, held.real)
    return {
        "frechet": frechet(fake, held.real),
        "c2st": c2st(fake, held.real),
        "density": dense,
        "coverage": covered,
        "copied": float(near.mean()),
    }


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Squared: |mean gap|^2 + tr(A + B - 2 (A B)^(1/2)) of the covariances A and B of rows a (n, d) and b (m, d)."""
    gap = a.mean(axis=0, dtype=np.float64) - b.mean(axis=0, dtype=np.float64)
    A, B = (np.cov(rows.astype(np.float64), rowvar=False).reshape(rows.shape[1], -1) for rows in (a, b))
    values, vectors = np.linalg.eigh(A)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T  # of A: root B root has the eigenvalues of A B
    cross = np.sqrt(np.linalg.eigvalsh(root @ B @ root).clip(min=0)).sum()
    return max(0.0, float(gap @ gap + np.trace(A) + np.trace(B) - 2 * cross))


def c2st(fake: np.ndarray, real: np.ndarray) -> float:
    """Share of rows that a logistic regression on the other half of them puts on the right side."""
    from sklearn.linear_model import LogisticRegression  # not at the top: its memory would lie under every technique
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    halves = []
    for k in range(2):
        rows = np.concatenate([fake[k::2], real[k::2]]).astype(np.float64)
        halves.append((np.hstack([rows, rows**2]), np.repeat([0, 1], [len(fake[k::2]), len(real[k::2])])))
    right = 0
    for (x, y), (other_x, other_y) in (halves, halves[::-1]):
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000)).fit(x, y)
        right += int((classifier.predict(other_x) == other_y).sum())
    return right / (len(fake) + len(real))


def density_and_coverage(fake: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """Balls around the real rows that reach to their fifth neighbour: in how many an answer lies, over 5; and the share
    of balls that hold an answer.
    """
    k = min(NEAREST, len(real) - 1)
    radii = nearest(real, real, k + 1)[:, k]  # the first is the row itself
    inside, covered = 0, 0
    for start, squared in _squared(real, fake):
        hits = (squared <= radii[start : start + len(squared), None]).sum(axis=1)
        inside, covered = inside + int(hits.sum()), covered + int((hits > 0).sum())
    return inside / (k * len(fake)), covered / len(real)


def nearest(a: np.ndarray, b: np.ndarray, k: int) -> np.ndarray:
    """(n, k) squared distances from rows a (n, d) to the k nearest of rows b, the nearest first."""
    return np.concatenate([np.sort(np.partition(squared, k - 1)[:, :k]) for _, squared in _squared(a, b)])


def _squared(a: np.ndarray, b: np.ndarray) -> Any:
    """(first row, squared distances to all of b) of blocks of rows of a, each of BLOCK distances at most."""
    block, norms = max(1, BLOCK // len(b)), np.einsum("nd,nd->n", b, b)
    for start in range(0, len(a), block):
        rows = a[start : start + block]
        squared = rows @ b.T
        squared *= -2
        squared += norms
        squared += np.einsum("nd,nd->n", rows, rows)[:, None]
        yield start, squared.clip(min=0, out=squared)


# ------------------------------------------------------------------------------------------------------------- features


def features(x: np.ndarray, y: np.ndarray | None, classes: int) -> Features:
    """The features of a dataset, learnt from at most 10,000 of its images x: by classes y, or without."""
    rows = np.sort(generator("features", 0).permutation(len(x))[:FIXED])
    x, y = x[rows], y[rows] if y is not None and classes else None
    key = hashlib.sha256(x.tobytes() + (b"" if y is None else y.tobytes()) + repr(x.shape).encode()).hexdigest()
    if key not in _KNOWN:
        _KNOWN[key] = components(x) if y is None else penultimate(x, y, classes)
    return _KNOWN[key]


def components(x: np.ndarray) -> Features:
    """The first principal components, standardised over x; one that is the same in all images is left at 0."""
    flat = x.reshape(len(x), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(flat, rowvar=False))
    axes = axes[:, ::-1][:, :WIDTH]
    spread = ((flat - mean) @ axes).std(axis=0)
    axes /= np.where(spread > 1e-6 * spread.max(initial=1e-300), spread, np.inf)

    def see(images: np.ndarray) -> np.ndarray:
        return ((images.reshape(len(images), -1) - mean) @ axes).astype(np.float32)

    return see


def penultimate(x: np.ndarray, y: np.ndarray, classes: int) -> Features:
    """What a small LeNet has before its last layer, without the activation; standardised over x. Same x, same bits."""
    import torch  # not at the top: its memory would lie under every technique that is measured
    from torch import nn

    planes, step = x.shape[3] if x.ndim == 4 else 1, 2 if max(x.shape[1:3]) > 16 else 1
    height, width = (math.ceil(math.ceil(side / step) / 4) for side in x.shape[1:3])
    mean, std = float(x.mean()), float(x.std()) or 1.0

    def planes_of(images: np.ndarray) -> torch.Tensor:
        pixels = (torch.from_numpy(np.ascontiguousarray(images)).float() - mean) / std
        return pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # other threads, other bits
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad(), torch.inference_mode(False):
            torch.manual_seed(0)
            body = nn.Sequential(
                nn.Conv2d(planes, 8, 5, step, padding=2), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
                nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
                nn.Flatten(), nn.Linear(16 * height * width, WIDTH),
            )  # fmt: skip
            network = nn.Sequential(body, nn.ReLU(), nn.Linear(WIDTH, classes))
            optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
            labels = torch.from_numpy(np.array(y, dtype=np.int64))
            for step_ in range(STEPS):
                rows = torch.randint(len(x), (BATCH,))
                optimiser.param_groups[0]["lr"] = 2e-3 * (1 - step_ / STEPS)
                loss = nn.functional.cross_entropy(network(planes_of(x[rows.numpy()])), labels[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            body.requires_grad_(False)
    finally:
        torch.set_num_threads(threads)

    def raw(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            blocks = [body(planes_of(images[i : i + 500])) for i in range(0, len(images), 500)]
        return torch.cat(blocks).numpy()

    seen = raw(x)
    centre, spread = seen.mean(axis=0), seen.std(axis=0)
    spread[spread == 0] = 1
    return lambda images: (raw(images) - centre) / spread

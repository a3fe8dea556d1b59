"""Shapes: grey scenes of one to four circles, squares and triangles on a textured ground, with the kind of each pixel.

All objects of a scene have one grey and overlap freely; a darker rim tells which lies on top. Kinds have equal areas,
and the ground has a grey of its own, so that neither size nor a threshold tells much. The recipe was fixed before any
technique saw it.
"""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Shapes on a textured ground",
    year=2017,
    licence="generated",
    source="drawn here, for the question that He, Gkioxari, Dollar, Girshick 2017, 1703.06870 ask: whose pixel is it?",
    tasks=("segment",),
    form="image",
    shape=(64, 64),
    classes=4,
    rows=100_000,
    test=1_000,
    metric="iou",
    higher_is_better=True,
    protocol="generated",
    anchor=0.622,
    anchor_source="level borrowed from photographs: fully convolutional net FCN-8s on PASCAL VOC 2012, mean "
    "intersection over union .622 (Long, Shelhamer, Darrell 2015, quoted from memory)",
)
MOST = 4  # objects in a scene
CHUNK = 64  # scenes that share a generator
SIGMA = 1 / 16  # of the ground's texture, in widths of a picture, as are all lengths
NODES = np.arange(-0.5 - SIGMA, 0.5 + 1.5 * SIGMA, SIGMA)
RIM = 1 / 48


def load(size: int, seed: int) -> Data:
    """`size` scenes of that seed, the first ones for a smaller size; 1,000 test scenes, the same for every seed.

    x (n, 64, 64) uint8 grey, y (n, 64, 64) uint8: 0 ground, 1 circle, 2 square, 3 triangle.
    """
    x, y = _rows("shapes", size, seed)
    test_x, test_y = _rows("shapes test", DATASET.test, 0)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol)


def _rows(purpose: str, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.empty((2, size, *DATASET.shape), np.uint8)
    for first in range(0, size, CHUNK):
        pictures, kinds, _ = draw(CHUNK, generator(f"{purpose} {first // CHUNK}", seed), DATASET.shape[0])
        x[first : first + CHUNK], y[first : first + CHUNK] = pictures[: size - first], kinds[: size - first]
    return x, y


def draw(n: int, rng: np.random.Generator, edge: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures, kinds and objects, each (n, edge, edge) uint8.

    An object's number, 1 to 4, is its place in the order of painting: of two that overlap, the higher one is seen. A
    pixel is an object's where its middle lies inside; greys are blended by the share of the pixel that is covered.
    """
    picture, grey = _ground(n, rng, edge), rng.uniform(0.25, 0.75, (n, 1)).astype(np.float32)
    kinds = rng.integers(1, DATASET.classes, (n, MOST))
    kinds[np.arange(MOST) >= rng.integers(1, MOST + 1, (n, 1))] = 0  # absent
    middles, radii = rng.uniform(-0.3, 0.3, (n, MOST, 2)), rng.uniform(0.1, 0.25, (n, MOST))
    turns = rng.uniform(0, 2 * np.pi, (n, MOST))
    objects = np.zeros((n, edge * edge), np.uint8)
    for number in range(MOST):
        far = edge * distance(kinds[:, number], middles[:, number], radii[:, number], turns[:, number], edge)
        for depth, shade in ((0, grey - 0.15), (RIM * edge, grey)):  # the rim, then what it encloses
            picture += np.clip(0.5 - far - depth, 0, 1) * (shade - picture)
        objects[far < 0] = number + 1
    picture += 0.05 * rng.standard_normal(picture.shape, dtype=np.float32)
    seen = np.take_along_axis(np.pad(kinds, ((0, 0), (1, 0))).astype(np.uint8), objects.astype(np.intp), axis=1)
    shape = (n, edge, edge)
    return (255 * picture.clip(0, 1) + 0.5).astype(np.uint8).reshape(shape), seen.reshape(shape), objects.reshape(shape)


def distance(kind: np.ndarray, middle: np.ndarray, radius: np.ndarray, turn: np.ndarray, edge: int) -> np.ndarray:
    """(n, pixels) float32 how far outside object i each pixel's middle lies, negative inside; far from one absent (0).

    radius: of the circle of the same area. Beyond a corner it is the larger of the distances to the sides' lines.
    """
    at = ((np.arange(edge) + 0.5) / edge - 0.5).astype(np.float32)
    x, y = np.tile(at, edge) - middle[:, :1].astype(np.float32), np.repeat(at, edge) - middle[:, 1:].astype(np.float32)
    cos, sin, r = (v.astype(np.float32)[:, None] for v in (np.cos(turn), np.sin(turn), radius))
    u, v = np.abs(cos * x + sin * y), cos * y - sin * x
    far = np.ones_like(u)
    circle, square, triangle = kind == 1, kind == 2, kind == 3
    far[circle] = np.hypot(u[circle], v[circle]) - r[circle]
    far[square] = np.maximum(u[square], np.abs(v[square])) - r[square] * np.sqrt(np.float32(np.pi / 4))
    sides = np.maximum(np.sqrt(np.float32(3 / 4)) * u[triangle] + v[triangle] / 2, -v[triangle])
    far[triangle] = sides - r[triangle] * np.sqrt(np.float32(np.pi / 27**0.5))
    return far


def _ground(n: int, rng: np.random.Generator, edge: int) -> np.ndarray:
    """(n, pixels) float32: a grey of each picture's own and a smooth random field of deviation .12."""
    at = (np.arange(edge) + 0.5) / edge - 0.5
    bumps = np.exp(-(((at[:, None] - NODES) / SIGMA) ** 2) / 2)
    bumps = (bumps / np.sqrt((bumps**2).sum(1, keepdims=True))).astype(np.float32)
    field = bumps @ rng.standard_normal((n, len(NODES), len(NODES)), dtype=np.float32) @ bumps.T
    return (rng.uniform(0.25, 0.75, (n, 1)) + 0.12 * field.reshape(n, -1)).astype(np.float32)

"""HOG and SVM: an image is the strengths of its edges by direction and place, and a hyperplane parts each class.

N. Dalal and B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.

Deviations from the paper:
1. Cells scale with the image: `cells` of them along its shorter side, and at least 2 pixels each. The paper has cells
   of 8 pixels in a window of 64 x 128 (section 6). Pixels beyond the last whole cell take no part.
2. A pixel votes for one direction in its own cell, and all pixels of a block weigh alike; votes are shared between
   neighbouring directions and cells there, and a Gaussian weighs the block (sections 6.3, 6.4). So does scikit-image.
3. In the outermost rows and columns the gradient across the border is 0; the paper does not tell.
4. Squared hinge loss, each class against the rest; the hinge there, for two classes (section 6.6). C = 0.1: the paper's
   0.01 is for 105 blocks of length 1, an image of 28 x 28 has 36 and one of 8 x 8 has 9. No Gaussian kernel, which
   gains the paper 3 % (section 6.6): its time grows with the square of n.
5. Answers are a softmax of the signed distances, not calibrated.
"""

import numpy as np
from sklearn.svm import LinearSVC

from harness.contract import Cost, Examples, Fitted, Run, Technique, Unsupported

TECHNIQUE = Technique(
    title="HOG and SVM",
    year=2005,
    paper="Dalal & Triggs, Histograms of oriented gradients for human detection, CVPR 2005",
    tasks=("classify",),
    forms=("image",),
    space={"C": ("log", 1e-3, 1e2), "cells": ("int", 3, 9), "orientations": ("int", 6, 12)},
)


def cost(size, shape, classes, examples=None, *, C=0.1, cells=7, orientations=9) -> Cost:
    """Votes of all pixels, then passes of Newton's method over the blocks for each class."""
    cell = max(2, min(shape[:2]) // cells)
    rows, columns = (max(1, edge // cell) for edge in shape[:2])
    p = max(1, rows - 1) * max(1, columns - 1) * min(2, rows) * min(2, columns) * orientations
    votes = 30 * shape[0] * shape[1] * (3 if len(shape) == 3 else 1) + 10 * p
    planes = 1 if classes == 2 else classes
    return Cost(
        fit=size * (votes + 100 * planes * p),
        answer=votes + planes * p,
        bytes=size * p * (4 + 8 + 16) + 8 * p * planes,  # float32, the solver's float64, and its list of them
        unit="steps",
    )


def fit(
    train: Examples,
    run: Run,
    *,
    C: float = 0.1,  # weight of the data against the margin
    cells: int = 7,  # along the image's shorter side
    orientations: int = 9,  # bins of direction over 180 degrees
) -> Fitted:
    if train.x.ndim < 3 or not train.classes:
        raise Unsupported("hog_svm classifies images: it takes training material of shape (n, h, w) with classes")
    cell = max(2, min(train.x.shape[1:3]) // cells)
    model = LinearSVC(C=C, random_state=run.seed).fit(hog(train.x, cell, orientations), train.y)

    def answer(q):
        probabilities = np.zeros((len(q), train.classes))
        for i in range(0, len(q), 1000):
            distance = model.decision_function(hog(q[i : i + 1000], cell, orientations))
            if distance.ndim == 1:
                distance = np.column_stack([-distance, distance])
            e = np.exp(distance - distance.max(axis=1, keepdims=True))
            probabilities[i : i + 1000, model.classes_] = e / e.sum(axis=1, keepdims=True)  # never seen: 0
        return probabilities

    return Fitted(answer, parameters=model.coef_.size + model.intercept_.size)


def hog(images: np.ndarray, cell: int, orientations: int = 9) -> np.ndarray:
    """(n, h, w) or (n, h, w, 3) uint8 -> (n, features) float32: blocks of 2 x 2 cells of `cell` pixels, one apart."""
    steps = np.arange(-255, 256)
    angle = np.rad2deg(np.arctan2(steps[:, None], steps)) % 180  # of a gradient with whole-numbered parts
    direction = (angle // (180 / orientations)).astype(np.int64)  # (511, 511)
    strength = np.hypot(steps[:, None], steps)
    blocks = []
    for i in range(0, len(images), 500):  # bounds what the gradients take
        down, across = gradient(images[i : i + 500].astype(np.int16))  # (N, h, w)
        histograms = vote(direction[down + 255, across + 255], strength[down + 255, across + 255], cell, orientations)
        blocks.append(normalised_blocks(histograms.astype(np.float32)))
    return np.concatenate(blocks)


def gradient(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences of the two neighbours, 0 at the border; of colours the plane where the two are longest."""
    down, across = np.zeros_like(x), np.zeros_like(x)
    down[:, 1:-1] = x[:, 2:] - x[:, :-2]
    across[:, :, 1:-1] = x[:, :, 2:] - x[:, :, :-2]
    if x.ndim == 3:
        return down, across
    longest = (down.astype(np.int32) ** 2 + across.astype(np.int32) ** 2).argmax(axis=3, keepdims=True)
    return tuple(np.take_along_axis(part, longest, axis=3)[..., 0] for part in (down, across))


def vote(direction: np.ndarray, strength: np.ndarray, cell: int, orientations: int) -> np.ndarray:
    """Two (n, h, w) -> (n, rows, columns, orientations): strength of a cell's edges, by direction."""
    n, rows, columns = len(direction), direction.shape[1] // cell, direction.shape[2] // cell
    inside = np.s_[:, : rows * cell, : columns * cell]
    place = np.arange(n * rows * columns).reshape(n, rows, columns).repeat(cell, axis=1).repeat(cell, axis=2)
    votes = (place * orientations + direction[inside]).ravel()
    sums = np.bincount(votes, strength[inside].ravel(), n * rows * columns * orientations)
    return sums.reshape(n, rows, columns, orientations)


def normalised_blocks(histograms: np.ndarray) -> np.ndarray:
    """(n, rows, columns, orientations) -> (n, features): each block to length 1, cut at 0.2, to length 1 again."""
    high, wide = (min(2, edge) for edge in histograms.shape[1:3])
    windows = np.lib.stride_tricks.sliding_window_view(histograms, (high, wide), axis=(1, 2))
    blocks = windows.transpose(0, 1, 2, 4, 5, 3).reshape(*windows.shape[:3], -1)  # (n, rows - 1, columns - 1, 4 x 9)
    for most in (0.2, np.inf):
        blocks = np.minimum(blocks / np.sqrt((blocks**2).sum(axis=3, keepdims=True) + 1e-10), most)
    return blocks.reshape(len(histograms), -1)

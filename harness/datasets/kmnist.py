"""Kuzushiji-MNIST: 70,000 grey pictures of ten cursive Japanese characters, with the published test set."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import idx

DATASET = Dataset(
    title="Kuzushiji-MNIST",
    year=2018,
    licence="CC BY-SA 4.0",
    source="Clanuwat et al., Deep learning for classical Japanese literature, 2018, 1812.01718; "
    "github.com/rois-codh/kmnist",
    tasks=("classify",),
    form="image",
    shape=(28, 28),
    classes=10,
    rows=60_000,
    test=10_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.9156,
    anchor_source="four nearest neighbours, all rows: .9156 (benchmark of the dataset's authors)",
    ceiling=0.9883,
    ceiling_source="pre-activation ResNet-18 with manifold mixup, the best in the list of the dataset's authors",
    files=(
        File(
            "train-images-idx3-ubyte.gz",
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/train-images-idx3-ubyte.gz",
            18165135,
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        ),
        File(
            "train-labels-idx1-ubyte.gz",
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/train-labels-idx1-ubyte.gz",
            29497,
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        ),
        File(
            "t10k-images-idx3-ubyte.gz",
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/t10k-images-idx3-ubyte.gz",
            3041136,
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        ),
        File(
            "t10k-labels-idx1-ubyte.gz",
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/t10k-labels-idx1-ubyte.gz",
            5120,
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ),
)


def load(files: dict[str, Path]) -> Data:
    """x (60000, 28, 28) uint8, y (60000,) from 0 o to 9 wo; as many as 10,000 test rows."""
    n, m, shape = DATASET.rows, DATASET.test, DATASET.shape
    return Data(
        idx(files["train-images-idx3-ubyte.gz"], (n, *shape)),
        labels(files["train-labels-idx1-ubyte.gz"], n),
        DATASET.classes,
        idx(files["t10k-images-idx3-ubyte.gz"], (m, *shape)),
        labels(files["t10k-labels-idx1-ubyte.gz"], m),
        protocol=DATASET.protocol,
        ceiling=DATASET.ceiling,
    )


def labels(path: Path, rows: int) -> np.ndarray:
    """(rows,) class numbers. Raises BadData where one is not below the number of classes."""
    y = idx(path, (rows,)).astype(np.int64)
    if y.max() >= DATASET.classes:
        raise BadData(f"{path.name}, row {y.argmax():,} holds {y.max()}: a class below {DATASET.classes} is right")
    return y

"""MNIST: 70,000 grey pictures of handwritten digits, with the published test set, whose writers are others."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import idx

DATASET = Dataset(
    title="MNIST",
    year=1998,
    licence="none stated; made of NIST's special databases 1 and 3",
    source="LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition, 1998; "
    "yann.lecun.com/exdb/mnist, here from the copy that TensorFlow Datasets reads",
    tasks=("classify",),
    form="image",
    shape=(28, 28),
    classes=10,
    rows=60_000,
    test=10_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.973,
    anchor_source="support vector machine, RBF kernel, C 10, all rows (Xiao, Rasul, Vollgraf 2017, table 3)",
    ceiling=0.9979,
    ceiling_source="five convolutional nets with DropConnect (Wan et al. 2013, quoted from memory)",
    files=(
        File(
            "train-images-idx3-ubyte.gz",
            "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
            9912422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        File(
            "train-labels-idx1-ubyte.gz",
            "https://storage.googleapis.com/cvdf-datasets/mnist/train-labels-idx1-ubyte.gz",
            28881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        File(
            "t10k-images-idx3-ubyte.gz",
            "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-images-idx3-ubyte.gz",
            1648877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        File(
            "t10k-labels-idx1-ubyte.gz",
            "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz",
            4542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
)


def load(files: dict[str, Path]) -> Data:
    """x (60000, 28, 28) uint8, y (60000,) the digits; as many as 10,000 test rows."""
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

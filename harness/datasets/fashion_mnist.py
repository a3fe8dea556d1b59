"""Fashion-MNIST: 70,000 grey pictures of ten kinds of clothes, with the published test set."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.files import unpack

DATASET = Dataset(
    title="Fashion-MNIST",
    year=2017,
    licence="MIT",
    source="Xiao, Rasul, Vollgraf 2017, 1708.07747; github.com/zalandoresearch/fashion-mnist",
    tasks=("classify",),
    form="image",
    shape=(28, 28),
    classes=10,
    rows=60_000,
    test=10_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.897,
    anchor_source="support vector machine, RBF kernel, all rows: .897 (benchmark of the dataset's authors)",
    ceiling=0.967,
    ceiling_source="wide residual network 40-4, the best in the list of the dataset's authors",
    files=(
        File(
            "train-images-idx3-ubyte.gz",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz",
            26421880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        File(
            "train-labels-idx1-ubyte.gz",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",
            29515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        File(
            "t10k-images-idx3-ubyte.gz",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-images-idx3-ubyte.gz",
            4422102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        File(
            "t10k-labels-idx1-ubyte.gz",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-labels-idx1-ubyte.gz",
            5148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
)


def load(files: dict[str, Path]) -> Data:
    """x (60000, 28, 28) uint8, y (60000,) from 0 T-shirt to 9 ankle boot; as many as 10,000 test rows."""
    n, m, shape = DATASET.rows, DATASET.test, DATASET.shape
    return Data(
        idx(files["train-images-idx3-ubyte.gz"], (n, *shape)),
        idx(files["train-labels-idx1-ubyte.gz"], (n,)).astype(np.int64),
        DATASET.classes,
        idx(files["t10k-images-idx3-ubyte.gz"], (m, *shape)),
        idx(files["t10k-labels-idx1-ubyte.gz"], (m,)).astype(np.int64),
        protocol=DATASET.protocol,
        ceiling=DATASET.ceiling,
    )


def idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The bytes of an IDX file (LeCun's format): 0, 0, 8, number of axes, each axis as 4 bytes, then the values.

    Raises BadData unless the file declares and holds exactly `shape`; never unpacks more than that.
    """
    header = bytes((0, 0, 8, len(shape))) + np.array(shape, dtype=">u4").tobytes()
    size = len(header) + int(np.prod(shape))
    content = unpack(path, size)
    if content[:4] != header[:4]:
        raise BadData(f"{path.name} starts with {content[:4].hex()}, {header[:4].hex()} is right for {len(shape)} axes")
    if content[: len(header)] != header:
        declared = tuple(np.frombuffer(content[4 : len(header)].ljust(4 * len(shape), b"\0"), dtype=">u4").tolist())
        raise BadData(f"{path.name} declares the shape {declared}, {shape} is right")
    if len(content) != size:
        raise BadData(f"{path.name} holds {len(content):,} bytes, {size:,} are right")
    return np.frombuffer(content, dtype=np.uint8, offset=len(header)).reshape(shape)

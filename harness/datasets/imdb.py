"""IMDB: does a film review praise or blame? 50,000 long reviews, half to train, half to test, as many of each kind."""

import re
from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import members, texts

DATASET = Dataset(
    title="IMDB reviews",
    year=2011,
    licence="none stated (research)",
    source="Maas et al., Learning word vectors for sentiment analysis, 2011; ai.stanford.edu/~amaas/data/sentiment",
    tasks=("classify",),
    form="text",
    shape=(174,),
    classes=2,
    rows=25_000,
    test=25_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.9122,
    anchor_source="naive Bayes with a support vector machine, bigrams: .9122 (Wang, Manning 2012, quoted from memory)",
    ceiling=0.968,
    ceiling_source="XLNet: 3.20 % error (Yang et al. 2019, quoted from memory)",
    files=(
        File(
            "aclImdb_v1.tar.gz",
            "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
            84125825,
            "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
        ),
    ),
)

MOST = 500_000_000  # bytes of the unpacked archive, with 50,000 reviews more that have no class and are not read
REVIEW = re.compile(r"aclImdb/(train|test)/(neg|pos)/\d+_\d+\.txt")  # number of the review, stars it gave


def load(files: dict[str, Path]) -> Data:
    """x (25000,) texts as they are, line breaks as <br />, y (25000,): 0 blame, 1 praise; as many test rows."""
    return reviews(files[DATASET.files[0].name], DATASET.rows // 2)


def reviews(path: Path, each: int) -> Data:
    """The reviews of an archive with `each` of each kind, the blaming ones first, sorted by name. Raises BadData."""
    found = members(path, MOST, lambda name: REVIEW.fullmatch(name) is not None)
    parts = []
    for part in ("train", "test"):
        chosen: list[str] = []
        for kind in ("neg", "pos"):
            names = sorted(name for name in found if name.startswith(f"aclImdb/{part}/{kind}/"))
            if len(names) != each:
                raise BadData(f"{path.name} holds {len(names):,} reviews in {part}/{kind}, {each:,} are right")
            chosen += names
        parts += [
            texts([_decoded(name, found[name]) for name in chosen]),
            np.repeat(np.arange(2, dtype=np.int64), each),
        ]
    x, y, test_x, test_y = parts
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadData(f"{name}, byte {error.start} is not UTF-8") from None

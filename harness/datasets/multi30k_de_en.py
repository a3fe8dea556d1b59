"""Multi30k: captions of 31,000 photographs in German and English, translated by people. Text as it was written."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, texts

DATASET = Dataset(
    title="Multi30k, German to English",
    year=2016,
    licence="CC BY-NC-SA 4.0 (captions of Flickr30k)",
    source="Elliott, Frank, Sima'an, Specia 2016, 1605.00459; task 1, test set of 2016, github.com/multi30k/dataset",
    tasks=("translate",),
    form="text",
    shape=(11,),
    classes=0,
    rows=29_000,
    test=1_000,
    metric="bleu",
    higher_is_better=True,
    protocol="official",
    anchor=28.2,
    anchor_source="recurrent net with attention: BLEU 28.2 (a tutorial's repository; on lower-cased text, other tokens "
    "than ours: a rough guide, as our BLEU is of text as it was written)",
    files=(
        File(
            "train.de.gz",
            "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/train.de.gz",
            637044,
            "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        ),
        File(
            "train.en.gz",
            "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/train.en.gz",
            568929,
            "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        ),
        File(
            "test_2016_flickr.de.gz",
            "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/test_2016_flickr.de.gz",
            22890,
            "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
        ),
        File(
            "test_2016_flickr.en.gz",
            "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/test_2016_flickr.en.gz",
            21077,
            "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
        ),
    ),
)

MOST = 4_000_000  # bytes of one unpacked file


def load(files: dict[str, Path]) -> Data:
    """x (29000,) German texts, y (29000,) English ones; 1,000 test rows. The published validation part is not read."""
    counts = (DATASET.rows, DATASET.rows, DATASET.test, DATASET.test)
    parts = [captions(files[file.name], count) for file, count in zip(DATASET.files, counts, strict=True)]
    x, y, test_x, test_y = parts
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol)


def captions(path: Path, rows: int) -> np.ndarray:
    """(rows,) texts of one file, a line each. Raises BadData."""
    found = lines(path, MOST)
    if len(found) != rows:
        raise BadData(f"{path.name} holds {len(found):,} lines, {rows:,} are right")
    return texts(found)

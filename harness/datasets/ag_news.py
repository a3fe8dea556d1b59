"""AG News: is an article about the world, sports, business or science? 120,000 titles with their first sentences."""

import csv
import html
import re
from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, texts

DATASET = Dataset(
    title="AG News",
    year=2015,
    licence="non-commercial and academic use",
    source="Zhang, Zhao, LeCun 2015, 1509.01626, from Gulli's corpus of AG's news articles",
    tasks=("classify",),
    form="text",
    shape=(37,),
    classes=4,
    rows=120_000,
    test=7_600,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.9236,
    anchor_source="tf-idf of n-grams with a logistic regression: 7.64 % error (Zhang, Zhao, LeCun 2015)",
    ceiling=0.9555,
    ceiling_source="XLNet: 4.45 % error (Yang et al. 2019, quoted from memory)",
    files=(
        File(
            "train.csv",
            "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/555590db4219b1243abb1918effd6a7425a2d75f/data/ag_news_csv/train.csv",
            29470338,
            "76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e",
        ),
        File(
            "test.csv",
            "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/555590db4219b1243abb1918effd6a7425a2d75f/data/ag_news_csv/test.csv",
            1857427,
            "521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699",
        ),
    ),
)

LABELS = ("1", "2", "3", "4")  # world, sports, business, science and technology
ENTITY = re.compile(r"(?: |(?<![&\w]))(#\d{2,5}|quot|amp|lt|gt|nbsp|hellip);")  # many have lost their & to a blank


def load(files: dict[str, Path]) -> Data:
    """x (120000,) texts, title and description joined, y (120000,); 7,600 test rows."""
    train, test = DATASET.files
    x, y = articles(files[train.name], train.bytes, DATASET.rows)
    test_x, test_y = articles(files[test.name], test.bytes, DATASET.test)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


def articles(path: Path, most: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts and classes of a CSV file of at most `most` bytes: class, title, description. Raises BadData."""
    x, y = [], []
    try:
        for number, fields in enumerate(csv.reader(lines(path, most), strict=True), 1):
            if len(fields) != 3 or fields[0] not in LABELS:
                raise BadData(f"{path.name}, row {number}: {fields!r:.60}: 1, 2, 3 or 4, title, description are right")
            x.append(readable(f"{fields[1]} {fields[2]}"))
            y.append(LABELS.index(fields[0]))
    except (csv.Error, ValueError) as error:  # ValueError: an entity with thousands of digits
        raise BadData(f"{path.name} after {len(y):,} rows: {error}") from None
    if len(y) != rows:
        raise BadData(f"{path.name} holds {len(y):,} rows, {rows:,} are right")
    return texts(x), np.array(y, dtype=np.int64)


def readable(text: str) -> str:
    r"""The text with its HTML entities resolved; a backslash, which stands for a line break, and runs of blanks as one.

    >>> readable("It #39;s &lt;b&gt;\\ quot;here quot;")
    'It\'s <b> "here"'
    """
    return " ".join(html.unescape(ENTITY.sub(r"&\1;", text.replace("\\", " "))).split())

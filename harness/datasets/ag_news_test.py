"""AG News, the published test part alone, divided in five: what can be had where the training part cannot."""

import csv
import html
import re
from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, texts

DATASET = Dataset(
    title="AG News, test part alone",
    year=2015,
    licence="non-commercial and academic use",
    source="Zhang, Zhao, LeCun 2015, 1509.01626, from Gulli's corpus of AG's news articles",
    tasks=("classify",),
    form="text",
    shape=(37,),
    classes=4,
    rows=6_080,
    test=1_520,
    metric="accuracy",
    higher_is_better=True,
    protocol="folds",
    anchor=0.877,
    anchor_source="tf-idf of words with a linear support vector machine (scikit-learn's defaults), on these folds",
    files=(
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
    """x (7600,) texts, title and description joined, y (7600,), 1,900 of each class."""
    (file,) = DATASET.files
    x, y = articles(files[file.name], file.bytes, DATASET.rows + DATASET.test)
    return Data(x, y, DATASET.classes, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


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

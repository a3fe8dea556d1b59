"""Tiny Shakespeare: 1.1 million characters of the plays, in the usual split: the first 90 % train, the rest test."""

from pathlib import Path

from harness.contract import BadData, Data, Dataset, File
from harness.files import unpack
from harness.formats import tokens

DATASET = Dataset(
    title="Tiny Shakespeare (characters)",
    year=2015,
    licence="public-domain text",
    source="Karpathy, char-rnn; split of nanoGPT",
    tasks=("next_token",),
    form="tokens",
    shape=(),
    classes=65,
    rows=1_003_854,
    test=111_540,
    metric="loss",
    higher_is_better=False,
    protocol="official",
    anchor=1.558,
    anchor_source="interpolated Kneser-Ney of order 6, one discount an order, nats a character: computed on this split",
    ceiling=1.4697,
    ceiling_source="nanoGPT's README, transformer of 10.65 million weights: the best published that we know",
    files=(
        File(
            "input.txt",
            "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
            1115394,
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        ),
    ),
)


def load(files: dict[str, Path]) -> Data:
    """x (1003854,) uint8 numbers of the 65 characters, which are sorted by code point; the 111,540 that follow test."""
    (file,) = DATASET.files
    text = unpack(files[file.name], file.bytes).decode("latin-1")  # a wrong byte is told below, by the count
    vocabulary = tuple(sorted(set(text)))
    if (len(text), len(vocabulary)) != (DATASET.rows + DATASET.test, DATASET.classes):
        raise BadData(
            f"{file.name} holds {len(text):,} characters, {len(vocabulary)} different ones: "
            f"{DATASET.rows + DATASET.test:,} and {DATASET.classes} are right"
        )
    x = tokens(text, vocabulary)
    return Data(
        x[: DATASET.rows],
        None,
        DATASET.classes,
        x[DATASET.rows :],
        protocol=DATASET.protocol,
        ceiling=DATASET.ceiling,
        vocabulary=vocabulary,
    )

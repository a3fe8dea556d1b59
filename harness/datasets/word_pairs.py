"""Word analogies: Athens is to Greece as Baghdad is to what? 19,544 questions to word vectors, no text to learn."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, texts

DATASET = Dataset(
    title="Google word analogies",
    year=2013,
    licence="Apache-2.0",
    source="Mikolov, Chen, Corrado, Dean 2013, 1301.3781; questions-words.txt of word2vec",
    tasks=("embed",),
    form="tokens",
    shape=(),
    classes=0,
    rows=0,
    test=19_544,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.61,
    anchor_source="skip-gram, 300 dimensions, a billion words of news: .61 (Mikolov et al. 2013, quoted from memory)",
    ceiling=0.75,
    ceiling_source="GloVe, 300 dimensions, 42 billion words: .75 (Pennington et al. 2014, quoted from memory)",
    files=(
        File(
            "questions-words.txt",
            "https://raw.githubusercontent.com/dav/word2vec/fb150971c2accbe86c3c6b0a86a57804807f8ec4/data/questions-words.txt",
            603955,
            "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
        ),
    ),
)


def load(files: dict[str, Path]) -> Data:
    """x: empty. test_x (19544, 4): the first three words and the section, test_y (19544,): the fourth word."""
    (file,) = DATASET.files
    section, asked, answers = "", [], []
    for number, line in enumerate(lines(files[file.name], file.bytes), 1):
        fields = line.split(" ")
        if len(fields) == 2 and fields[0] == ":":
            section = fields[1]
        elif len(fields) == 4 and all(fields) and section:
            asked += [*fields[:3], section]
            answers.append(fields[3])
        else:
            raise BadData(f"{file.name}, line {number}: {line!r:.60}: ': section' or four words are right")
    if len(answers) != DATASET.test:
        raise BadData(f"{file.name} holds {len(answers):,} analogies, {DATASET.test:,} are right")
    questions = texts(asked).reshape(-1, 4)
    return Data(
        np.empty(0, dtype=np.uint8),
        None,
        DATASET.classes,
        questions,
        texts(answers),
        protocol=DATASET.protocol,
        ceiling=DATASET.ceiling,
    )

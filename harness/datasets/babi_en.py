"""bAbI: simulated stories and questions about them, 20 tasks of reasoning learned together, 1,000 questions of each.

The 20,000 training questions are about 6,267 stories: up to twelve ask of one, most with more of it told. The questions
of one story stay together in training or in validation.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import members, texts

DATASET = Dataset(
    title="bAbI, 20 tasks of 1,000 questions",
    year=2015,
    licence="CC BY 3.0",
    source="Weston et al. 2015, 1502.05698; folder en of tasks_1-20_v1-2, research.fb.com/downloads/babi, packed anew",
    tasks=("classify",),
    form="text",
    shape=(42,),
    classes=58,
    rows=20_000,
    test=20_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.876,
    anchor_source="end-to-end memory net, three hops, all tasks together: mean error 12.4 % (Sukhbaatar et al. 2015)",
    ceiling=1.0,
    ceiling_source="the stories are simulated, their answers carry no noise",
    files=(
        File(
            "babi-en.tar.xz",
            "",
            442192,
            "dc411f8a9062a2b522c591018cc885724772e645ab80c99c7e988d93d991c312",
        ),
    ),
)

MOST = 10_000_000  # bytes of the unpacked archive
TASKS, EACH = 20, 1_000
LONGEST = 300  # lines of a story, characters of a line


def load(files: dict[str, Path]) -> Data:
    """x (20000,) stories up to a question, a sentence a line, then the question; y (20000,): place of the answer among
    all distinct ones, sorted; groups (20000,): number of the story. A thousand rows of task 1, then of task 2, ...;
    20,000 test rows in the same order.
    """
    (file,) = DATASET.files
    found = members(files[file.name], MOST, lambda name: name.endswith(".txt"))
    x, answers, stories = questions(found, "train")
    test_x, test_answers, _ = questions(found, "test")
    distinct = sorted({*answers, *test_answers})
    if len(distinct) != DATASET.classes:
        raise BadData(f"{file.name} holds {len(distinct)} different answers, {DATASET.classes} are right")
    y, test_y = (np.array([distinct.index(a) for a in part], dtype=np.int64) for part in (answers, test_answers))
    return Data(
        *(texts(x), y, DATASET.classes, texts(test_x), test_y),
        protocol=DATASET.protocol,
        ceiling=DATASET.ceiling,
        groups=np.array(stories, dtype=np.int64),
    )


def questions(found: Mapping[str, bytes], part: str) -> tuple[list[str], list[str], list[int]]:
    """Texts, answers, stories' numbers of all tasks of one part. Raises BadData where one has not 1,000 questions."""
    x: list[str] = []
    answers: list[str] = []
    stories: list[int] = []
    for task in range(1, TASKS + 1):
        names = [name for name in found if re.fullmatch(rf"en/qa{task}_[a-z-]+_{part}\.txt", name)]
        if len(names) != 1:
            raise BadData(f"there are {len(names)} files en/qa{task}_*_{part}.txt, one is right")
        content = found[names[0]].decode("latin-1")  # in truth ASCII
        first = stories[-1] + 1 if stories else 0
        for text, answer, story in asked(content.removesuffix("\n").split("\n"), names[0]):
            x.append(text)
            answers.append(answer)
            stories.append(first + story)
        if len(x) != task * EACH:
            raise BadData(f"{names[0]} holds {len(x) - (task - 1) * EACH:,} questions, {EACH:,} are right")
    return x, answers, stories


def asked(content: list[str], name: str) -> Iterator[tuple[str, str, int]]:
    """Each question behind the story so far, its answer, the story's number from 0 on.

    A line is number, sentence | question, tab, answer, ...; with number 1 the next story begins.
    """
    story: list[str] = []
    last, begun = 0, 0
    for place, line in enumerate(content, 1):
        number, _, sentence = line.partition(" ")
        if number not in ("1", str(last + 1)) or not sentence or max(len(story), len(line)) > LONGEST:
            raise BadData(f"{name}, line {place}: {line!r:.60}: 1 or {last + 1}, a blank, a sentence are right")
        if number == "1":
            story, begun = [], begun + 1
        last = int(number)
        question, *answer = sentence.split("\t")
        if answer:
            yield "\n".join([*story, question.strip()]), answer[0], begun - 1
        else:
            story.append(sentence)

"""What `eras new` writes: the shortest files that the contract accepts."""

TECHNIQUE = '''"""What it is, in a sentence. Paper: authors, year."""

import numpy as np

from harness.contract import Fitted, Technique

TECHNIQUE = Technique(title="Nearest class mean", year=1936, paper="Fisher 1936", tasks=("classify",))


def fit(train, run, *, sharpness=1.0):  # hyperparameters are keyword defaults
    x = np.nan_to_num(train.x.reshape(len(train.x), -1).astype(float))
    means = np.array([x[train.y == k].mean(0) if (train.y == k).any() else x.mean(0) for k in range(train.classes)])

    def answer(question):  # as many answers as questions: class probabilities
        q = np.nan_to_num(question.reshape(len(question), -1).astype(float))
        score = -sharpness * ((q[:, None] - means) ** 2).mean(2)
        shares = np.exp(score - score.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)

    return Fitted(answer, parameters=means.size)
'''

DATASET = '''"""What it is, in a sentence, and where it comes from."""

import numpy as np

from harness.contract import Data, Dataset

DATASET = Dataset(
    title="Two moons",
    year=2026,
    licence="CC0",
    source="generated",
    tasks=("classify",),
    form="table",
    shape=(2,),
    classes=2,
    rows=800,
    test=200,
    metric="accuracy",
    higher_is_better=True,
    protocol="folds",
    anchor=1.0,
    anchor_source="the two moons do not touch",
)


def load():
    generator = np.random.default_rng(0)
    y = np.arange(1000) % 2
    angle = generator.uniform(0, np.pi, 1000)
    x = np.column_stack([np.cos(angle) * (1 - 2 * y) + y, np.sin(angle) * (1 - 2 * y) + y / 2])
    return Data(x=(x + generator.normal(0, 0.1, x.shape)).astype(np.float32), y=y, classes=2, levels=(0, 0))
'''

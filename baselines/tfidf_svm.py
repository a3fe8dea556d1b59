"""Tf-idf and a linear SVM: a text is the weights of its words and word pairs, and a hyperplane parts each class.

T. Joachims, "Text categorization with support vector machines: learning with many relevant features", ECML 1998.

Deviations from the paper:
1. Word pairs too (ngrams=2), or runs of letters within words (characters=True); the paper has stems of single words.
2. A count of n weighs 1 + log n; no word is left out as too rare or too common, and there are no stems.
3. Squared hinge loss, and each class against the rest; the paper trains one binary problem per topic with the hinge.
4. Answers are signed distances to the hyperplanes, not probabilities.
"""

import math

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from harness.contract import Cost, Examples, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Tf-idf and linear SVM",
    year=1998,
    paper="Joachims, Text categorization with support vector machines, ECML 1998",
    tasks=("classify",),
    forms=("text",),
    space={"C": ("log", 1e-2, 1e2), "ngrams": ("int", 1, 5), "characters": ("choice", False, True)},
)


def cost(size, shape, classes, examples=None, *, C=1.0, ngrams=2, characters=False) -> Cost:
    """Splitting and counting the n-grams of each text, then passes of coordinate descent over them for each class."""
    grams = math.prod(shape) * ngrams * (6 if characters else 1)
    planes = 1 if classes == 2 else classes
    return Cost(
        fit=size * grams * (100 + 20 * planes),
        answer=grams * (100 + planes),
        bytes=size * grams * 60,
        unit="steps",
    )


def fit(
    train: Examples,
    run: Run,
    *,
    C: float = 1.0,  # weight of the data against the margin
    ngrams: int = 2,  # words, or letters, of the longest run that counts
    characters: bool = False,  # letters within words instead of words
) -> Fitted:
    vectors = TfidfVectorizer(
        analyzer="char_wb" if characters else "word",
        token_pattern=None if characters else r"\w+",
        ngram_range=(1, ngrams),
        sublinear_tf=True,
    )
    x = vectors.fit_transform(train.x.tolist())
    model = LinearSVC(C=C, random_state=run.seed).fit(x, train.y)

    def answer(texts):
        distance = model.decision_function(vectors.transform(texts.tolist()))
        if distance.ndim == 1:
            distance = np.column_stack([-distance, distance])
        scores = np.tile(distance.min(axis=1, keepdims=True) - 1, train.classes)  # a class never seen comes last
        scores[:, model.classes_] = distance
        return scores

    return Fitted(answer, parameters=model.coef_.size + model.intercept_.size)

"""What is asked: classes or a number?"""

from typing import Any

import numpy as np

from harness.contract import BadData
from harness.own.columns import different

CLASSES = 50  # integers with more different values than this are numbers
EACH = 5  # rows of a class, on average, below which integers are numbers
SHOWN = 12  # names of classes that are told


def asked(
    values: np.ndarray, names: list[str] | None, task: str | None, column: str
) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """(y, names of the classes or () for numbers, what is told), of values without NaN.

    values  (n,) float64: numbers, or codes of `names`, which are texts
    Texts are classes; so are integers of 2 to 50 different values that come 5 times each or more. `task` overrides.
    """
    n = len(values)
    if values.min() == values.max():
        raise BadData(f"{column} holds one value only, so there is nothing to tell apart: name another target")
    if names is None and (task == "regress" or task is None and not _like_classes(values)):
        return values, (), [f"{column} is a number: the task is regress (--task classify takes its values as classes)"]
    if task == "regress":
        raise BadData(f"{column} holds {str((names or [''])[0])[:40]!r}, which is no number: regress asks for numbers")
    found, y = np.unique(values, return_inverse=True)
    labels = [f"{value:.10g}" for value in found.tolist()] if names is None else [names[int(code)] for code in found]
    if len(labels) > max(CLASSES, n / 20) and (names is not None and task is None or len(labels) > n / 2):
        raise BadData(
            f"{column} has {len(labels):,} different values in {n:,} rows, too many for classes: name another target"
        )
    if names is not None:
        order = np.argsort(np.array(labels, dtype=object), kind="stable")
        y, labels = np.argsort(order)[y], [labels[place] for place in order]
    counts = np.bincount(y)
    return y.astype(np.int64), tuple(labels), [_of_classes(column, labels, counts, names is None)]


def _like_classes(values: np.ndarray) -> bool:
    return bool((values == np.floor(values)).all()) and different(values) <= min(CLASSES, len(values) / EACH)


def _of_classes(column: str, labels: list[str], counts: np.ndarray, numbers: bool) -> str:
    shown = ", ".join(f"{place} {label}" for place, label in enumerate(labels[:SHOWN]))
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    other = " (--task regress asks for the number)" if numbers else ""
    return (
        f"{column} has {len(labels)} classes{other}: {shown}{more}; "
        f"{counts.max() / counts.sum():.1%} of the rows are {labels[int(counts.argmax())]}, "
        f"{counts.min():,} are {labels[int(counts.argmin())]}"
    )


def metric(y: Any, classes: int) -> tuple[str, bool, str]:
    """(metric, whether higher is better, why it is this one)."""
    if not classes:
        return "rmse", False, ""
    largest = float(np.bincount(y).max() / len(y))
    if largest <= 0.8:
        return "accuracy", True, ""
    return "balanced_accuracy", True, f"one class has {largest:.0%} of the rows: balanced_accuracy is what counts"

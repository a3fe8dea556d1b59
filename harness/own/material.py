"""What a reader makes of a file, before it is split."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Material:
    """Rows to learn from, and what was told on the way.

    x        x[rows] are the rows as FORMS tells for `form`: an array, or what reads them from a file
    y        as in Data; None where nothing was asked yet (task "")
    labels   the names of the classes, by number         features  the names of the columns of x
    groups   (n,) int64 or None                          times     (n,) float64 or None: the order of the rows
    test_x   the test part, where the file has one       columns   {name, kind, missing, distinct, example, told}
    """

    form: str
    task: str
    x: Any
    y: Any
    shape: tuple[int, ...]
    rows: int
    classes: int = 0
    labels: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()
    groups: np.ndarray | None = None
    times: np.ndarray | None = None
    test_x: Any = None
    test_y: Any = None
    vocabulary: tuple[str, ...] = ()
    columns: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

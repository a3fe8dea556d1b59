"""Go on 9 x 9 points, against a random player. Area scoring, simple ko; komi 7.5, as is usual. Not solved."""

from harness.contract import Dataset, Rules
from harness.go import rules

DATASET = Dataset(
    title="Go, 9 x 9",
    year=2006,
    licence="generated",
    source="Coulom, Efficient selectivity and backup operators in Monte-Carlo tree search, 2006 (9 x 9, Crazy Stone)",
    tasks=("play",),
    form="game",
    shape=(9, 9, 4),
    classes=82,  # moves
    rows=10_000_000,
    test=400,
    metric="score",
    higher_is_better=True,
    protocol="generated",
    anchor=1.0,
    anchor_source="every game won against random moves, the most there is",
    ceiling=1.0,
    ceiling_source="every game won",
)
KOMI = 7.5


def load() -> Rules:
    """Boards (n, 9, 9, 4) int8 and moves 0 ... 81 as harness.go tells; 81 is a pass."""
    return rules(DATASET.shape[0], KOMI)

"""Go on 7 x 7 points, against a random player. Area scoring, simple ko; komi 9, so that best play is a draw.

Black by nine points is the value that amateurs and professionals found (Davies 1995); it is not proved.
"""

from harness.contract import Dataset, Rules
from harness.go import rules

DATASET = Dataset(
    title="Go, 7 x 7",
    year=1995,
    licence="generated",
    source="Davies, 7 x 7 Go, American Go Journal 29 (3), 1995",
    tasks=("play",),
    form="game",
    shape=(7, 7, 4),
    classes=50,  # moves
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
KOMI = 9.0


def load() -> Rules:
    """Boards (n, 7, 7, 4) int8 and moves 0 ... 49 as harness.go tells; 49 is a pass."""
    return rules(DATASET.shape[0], KOMI)

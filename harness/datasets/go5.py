"""Go on 5 x 5 points, against a random player. Area scoring, simple ko; komi 0.5.

With best play Black owns all 25 points (van der Werf, van den Herik, Uiterwijk 2003), so that no komi below 25 changes
who should win. Between random players White wins 96 % of games with komi 24.5, and 45 % with 0.5: there a game tells
most.
"""

from harness.contract import Dataset, Rules
from harness.go import rules

DATASET = Dataset(
    title="Go, 5 x 5",
    year=2003,
    licence="generated",
    source="van der Werf, van den Herik, Uiterwijk, Solving Go on small boards, ICGA Journal 26, 2003",
    tasks=("play",),
    form="game",
    shape=(5, 5, 4),
    classes=26,  # moves
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
KOMI = 0.5


def load() -> Rules:
    """Boards (n, 5, 5, 4) int8 and moves 0 ... 25 as harness.go tells; 25 is a pass."""
    return rules(DATASET.shape[0], KOMI)

"""Connect four: seven columns, six rows, four in a line win. Rules for many boards at once, against a random player.

The first player wins with best play (Allis 1988, Allen 1988), so games are judged with both sides taken in turn.
"""

import numpy as np

from harness.contract import Dataset, Rules

DATASET = Dataset(
    title="Connect four",
    year=1974,
    licence="generated",
    source="rules: Allis, A knowledge-based approach of connect-four, 1988",
    tasks=("play",),
    form="game",
    shape=(6, 7),
    classes=7,  # moves
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
HEIGHT, WIDTH = DATASET.shape
LINES = (1, 7, 8, 9)  # between neighbours in a row of eight bits (one stays empty): down a slope, up, across


def load() -> Rules:
    """Boards (n, 6, 7) int8, the top row first: 1 own, -1 the other's, 0 free. A move is a column."""
    return Rules(start, legal, play, result, WIDTH, DATASET.shape, HEIGHT * WIDTH)


def start(n: int) -> np.ndarray:
    """n empty boards."""
    return np.zeros((n, HEIGHT, WIDTH), np.int8)


def legal(boards: np.ndarray) -> np.ndarray:
    """(n, 7) bool: columns that are not full; none where the game has ended."""
    return (boards[:, 0] == 0) & ~four(boards == -1)[:, None]


def play(boards: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """The boards after the moves (n,), seen by the other side. Raises ValueError at a move that is not legal."""
    each = np.arange(len(boards))
    fine = (moves >= 0) & (moves < WIDTH)
    fine[fine] = legal(boards[fine])[each[: fine.sum()], moves[fine]]
    if not fine.all():
        board = int(fine.argmin())
        raise ValueError(f"board {board}: move {int(moves[board])} is not legal there, or the game has ended")
    row = (boards[each, :, moves] == 0).sum(axis=1) - 1
    after = -boards
    after[each, row, moves] = -1
    return after


def result(boards: np.ndarray) -> np.ndarray:
    """(n,) float32: NaN while the game goes on, else 0 where the board is full, -1 where the other side has four."""
    outcome = np.where(boards[:, 0].all(axis=1), 0, np.nan).astype(np.float32)
    outcome[four(boards == -1)] = -1
    return outcome


def four(discs: np.ndarray) -> np.ndarray:
    """(n,) bool: which of the masks (n, 6, 7) hold four in a line, each mask a number that is shifted onto itself."""
    rows = np.zeros((len(discs), 8, 8), bool)
    rows[:, :HEIGHT, :WIDTH] = discs
    bits = np.packbits(rows.reshape(-1, 64), axis=1, bitorder="little").view("<u8")[:, 0]
    found = np.zeros(len(discs), bool)
    for line in LINES:
        two = bits & bits >> np.uint64(line)
        found |= (two & two >> np.uint64(2 * line)) > 0
    return found

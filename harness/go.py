"""The rules of Go for many small boards at once, read by the datasets go5, go7 and go9.

Area scoring (stones, and free points that only one side reaches), suicide forbidden, simple ko: a lone stone that has
just taken a lone stone may not be taken back at once. Longer cycles (positional superko) are not forbidden. The game
ends after two passes in a row, or after 3 moves for each point of the board.

Boards are (n, s, s, 4) int8, seen by the side to move:

    0  1 own, -1 the other's, 0 free       2  passes just made in a row: 0, 1, or 2, which ends the game
    1  1 where ko forbids to play          3  k where Black makes its k-th move, -k where White does

Moves 0 ... s * s - 1 are the points row by row, s * s is a pass. Inside, boards lie last: (s, s, n), so that the points
of one place, in all boards, are neighbours in memory.
"""

from functools import partial

import numpy as np

from harness.contract import Rules

STONES, KO, PASSES, TURN = range(4)  # planes


def rules(size: int, komi: float) -> Rules:
    """Go on size x size points, 11 at most; White is given `komi` points."""
    most = size * size
    return Rules(partial(start, size), legal, play, partial(result, komi), most + 1, (size, size, 4), 3 * most)


def start(size: int, n: int) -> np.ndarray:
    """n empty boards, Black to move."""
    boards = np.zeros((n, size, size, 4), np.int8)
    boards[..., TURN] = 1
    return boards


def legal(boards: np.ndarray) -> np.ndarray:
    """(n, s * s + 1) bool: what may be played; nothing where the game has ended."""
    n, size = boards.shape[:2]
    allowed = np.ones((n, size * size + 1), bool)
    allowed[:, :-1] = _open(boards, _atari(_stones(boards))[0]).reshape(size * size, n).T
    return allowed & ~_over(boards)[:, None]


def play(boards: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """The boards after the moves (n,), seen by the other side. Raises ValueError at a move that is not legal."""
    n, size = boards.shape[:2]
    stones = _stones(boards)
    atari, liberty = _atari(stones)
    _check(boards, moves, _open(boards, atari))
    put = np.flatnonzero(moves < size * size)
    point = (*np.divmod(moves[put], size), put)
    taken = (stones == -1) & atari & (liberty == moves + 1)
    ko = np.zeros(n, bool)
    ko[put] = ~_near(stones != -1)[point]  # all around the new stone was the other's
    ko &= taken.sum(axis=(0, 1), dtype=np.int16) == 1
    stones = np.where(taken, 0, stones)
    stones[point] = 1
    after = np.empty_like(boards)
    after[..., STONES] = np.moveaxis(-stones, 2, 0)
    after[..., KO] = np.moveaxis(taken & ko, 2, 0)
    after[..., PASSES] = np.where(moves == size * size, boards[:, 0, 0, PASSES] + 1, 0)[:, None, None]
    turn = boards[..., TURN]
    after[..., TURN] = -turn + (turn < 0)
    return after


def result(komi: float, boards: np.ndarray) -> np.ndarray:
    """(n,) float32: NaN while the game goes on, else 1 won, 0 drawn, -1 lost for the side to move."""
    over = np.flatnonzero(_over(boards))
    outcome = np.full(len(boards), np.nan, np.float32)
    if len(over):
        ahead = area(boards[over])
        outcome[over] = np.sign(ahead[:, 0] - ahead[:, 1] - komi * np.sign(boards[over, 0, 0, TURN]))
    return outcome


def area(boards: np.ndarray) -> np.ndarray:
    """(n, 2): points of the side to move, and of the other: its stones, and free points that only it reaches."""
    stones = _stones(boards)
    sides = np.stack([stones == 1, stones == -1])
    reach = np.stack([_near(side) & (stones == 0) for side in sides]).astype(np.uint8)
    _spread(reach, stones)
    return (sides | (reach > reach[::-1])).sum(axis=(1, 2), dtype=np.int16).T


# --------------------------------------------------------------------------------------------- boards last: (s, s, n)


def _stones(boards: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(boards[..., STONES], 0, 2))


def _over(boards: np.ndarray) -> np.ndarray:
    """(n,) bool: two passes, or as many moves as there may be."""
    turn = boards[:, 0, 0, TURN].astype(np.int16)
    made = 2 * (np.abs(turn) - 1) + (turn < 0)
    return (boards[:, 0, 0, PASSES] >= 2) | (made >= 3 * boards.shape[1] ** 2)


def _check(boards: np.ndarray, moves: np.ndarray, open_points: np.ndarray) -> None:
    n, size = boards.shape[:2]
    fine = (moves >= 0) & (moves <= size * size) & ~_over(boards)
    on = np.flatnonzero(fine & (moves < size * size))
    fine[on] = open_points[(*np.divmod(moves[on], size), on)]
    if not fine.all():
        board = int(fine.argmin())
        raise ValueError(f"board {board}: move {int(moves[board])} is not legal there, or the game has ended")


def _open(boards: np.ndarray, atari: np.ndarray) -> np.ndarray:
    """(s, s, n) bool: free points but for ko where a stone would have a liberty, be it by taking others."""
    stones = _stones(boards)
    free = stones == 0
    # Beside a free point, a chain of its own that has another liberty, or a chain that it takes.
    return free & _near(free | (atari != (stones == 1))) & (np.moveaxis(boards[..., KO], 0, 2) == 0)


def _near(marks: np.ndarray) -> np.ndarray:
    """Where one of the four neighbours is marked."""
    near = np.zeros_like(marks)
    near[1:] |= marks[:-1]
    near[:-1] |= marks[1:]
    near[:, 1:] |= marks[:, :-1]
    near[:, :-1] |= marks[:, 1:]
    return near


def _atari(stones: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which stones are of a chain with one liberty, and 1 + the place of a chain's last liberty (0: it has none)."""
    most = stones.shape[0] ** 2
    place = np.arange(1, most + 1, dtype=np.uint8).reshape(*stones.shape[:2], 1)
    free = stones == 0
    # Counted from both ends: the last liberty is also the first where the two numbers add up to most + 1.
    marks = np.stack([np.where(free, place, 0), np.where(free, np.uint8(most + 1) - place, 0)])
    most_of = np.zeros_like(marks)
    for axis in (1, 2):
        for here, there in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
            side = np.moveaxis(most_of, axis, 1)
            np.maximum(side[:, here], np.moveaxis(marks, axis, 1)[:, there], out=side[:, here])
    most_of *= ~free
    _spread(most_of, stones)
    return most_of[0] + most_of[1] == most + 1, most_of[0]


def _spread(values: np.ndarray, stones: np.ndarray) -> None:
    """Give each point the largest value of its chain, in place: values (k, s, s, n) uint8, stones (s, s, n).

    A chain is of points that touch and hold the same. Sweeps along rows and columns carry a value past all points in
    line at once, so that a few do.
    """
    size = len(stones)
    joined = []
    for axis in (0, 1):
        lines = np.moveaxis(stones, axis, 0)
        joined.append((np.moveaxis(values, 1 + axis, 0), -(lines[1:] == lines[:-1]).view(np.uint8)))
    while True:
        before = values.copy()
        for lines, same in joined:
            for i in range(size - 1):
                np.maximum(lines[i + 1], lines[i] & same[i], out=lines[i + 1])
            for i in reversed(range(size - 1)):
                np.maximum(lines[i], lines[i + 1] & same[i], out=lines[i])
        if (values == before).all():
            return

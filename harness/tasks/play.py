"""Which move? A question is k boards seen by the side to move, an answer one legal move for each. A game of two.

Scores: score (wins and half of the draws, per game), win_rate, draw_rate, against a fixed player. Games start from
openings of two random moves, each opening played twice with the sides swapped.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.contract import Answer, BadData, Problem, Rules, Scores
from harness.split import generator

OPENINGS, PLIES = 200, 2  # of the test; random moves at the start of each
OPPONENTS = ("random",)


def pose(
    data: Rules,
    size: int,
    seed: int,
    given: Mapping[str, Any],
    *,
    validation: float = 0.0,
    opponent: str = "random",
) -> Problem:
    """Learn the game by its `Rules`, at `size` positions at most, answer (k,) legal moves for k boards.

    Test openings, and the chance that a random opponent draws from, are the same for every seed.
    validation  openings under split="valid", as a share of the test's; they differ by seed
    opponent    "random": any legal move
    Raises BadData where there are no positions to learn from; `judge` raises ValueError where answers are not as asked.
    """
    if size < 1:
        raise BadData(f"{size} positions were asked for: it takes at least 1")
    if opponent not in OPPONENTS:
        raise ValueError(f"opponent {opponent!r} is none of {', '.join(OPPONENTS)}")
    held = round(validation * OPENINGS)

    def judge(ask: Answer, split: str = "valid") -> Scores:
        if split not in ("valid", "test"):
            raise ValueError(f"split {split!r} is neither 'valid' nor 'test'")
        test = split == "test"
        openings, chance = (OPENINGS, generator("play test", 0)) if test else (held, generator("play valid", seed))
        return scores(played(data, ask, openings, chance)) if openings else {}

    def floor(question: Any) -> np.ndarray:
        # Chance that is a function of the question: asked again, it answers the same.
        chance = generator("play floor", zlib.crc32(np.asarray(question).tobytes()))
        return at_random(data, question, chance)

    return Problem(data, judge, floor, _walk(data), "board", ceiling=1.0)


def at_random(rules: Rules, boards: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """(k,) any legal move of each board."""
    allowed = rules.legal(boards)
    return np.where(allowed, chance.random(allowed.shape), -1).argmax(axis=1)


def played(rules: Rules, ask: Answer, openings: int, chance: np.random.Generator) -> np.ndarray:
    """(2 openings,) 1 won, 0 drawn, -1 lost, for the asked side: first mover in the first half of the games."""
    boards = rules.start(openings)
    for _ in range(PLIES):
        boards = rules.play(boards, at_random(rules, boards, chance))
    boards = np.concatenate([boards, boards])
    asked = np.arange(len(boards)) < openings  # whose side is to move
    outcome = np.full(len(boards), np.nan)
    while True:
        ended = rules.result(boards)
        live = np.flatnonzero(np.isnan(outcome))
        outcome[live] = np.where(asked, ended, -ended)[live]
        live = live[np.isnan(outcome[live])]
        if not len(live):
            return outcome
        ours, theirs = live[asked[live]], live[~asked[live]]
        if len(ours):
            boards[ours] = rules.play(boards[ours], _answers(rules, boards[ours], ask))
        if len(theirs):
            boards[theirs] = rules.play(boards[theirs], at_random(rules, boards[theirs], chance))
        asked[live] = ~asked[live]


def _walk(rules: Rules) -> np.ndarray:
    """16 boards of random games, the n-th after n moves; of a game that has ended, the board before."""
    chance = generator("play sample", 0)
    boards = rules.start(16)
    for move in range(1, 16):
        after = rules.play(boards[move:], at_random(rules, boards[move:], chance))
        going = np.isnan(rules.result(after))
        boards[move:][going] = after[going]
    return boards


def _answers(rules: Rules, boards: np.ndarray, ask: Answer) -> np.ndarray:
    moves = np.asarray(ask(boards.copy()))
    if moves.ndim and len(moves) != len(boards):
        raise ValueError(f"answered {len(moves):,} of {len(boards):,} questions")
    if moves.shape != (len(boards),) or moves.dtype.kind not in "iu":
        raise ValueError(
            f"answers have shape {moves.shape}, type {moves.dtype}: {(len(boards),)} whole numbers are right"
        )
    fine = (moves >= 0) & (moves < rules.moves)
    fine[fine] = rules.legal(boards)[fine, moves[fine]]
    if not fine.all():
        board = int(fine.argmin())
        shown = np.array2string(boards[board].reshape(len(boards[board]), -1)).replace("\n", "")
        raise ValueError(f"move {int(moves[board])} of board {board} is not legal there: {shown:.400}")
    return moves


def scores(outcome: np.ndarray) -> Scores:
    """Metrics of n games, each 1 won, 0 drawn or -1 lost."""
    won, drawn = float((outcome > 0).mean()), float((outcome == 0).mean())
    return {"score": won + drawn / 2, "win_rate": won, "draw_rate": drawn}

"""Games and environments against slow references of their rules, published counts and measured returns; their tasks."""

import importlib
import math
from dataclasses import replace

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv

from harness import go
from harness.contract import Arena, BadData, Rules
from harness.datasets import atari_breakout, atari_pong, connect4, mini_breakout, mini_freeway, mini_invaders
from harness.files import Missing
from harness.split import generator
from harness.tasks import act, play

# ---------------------------------------------------------------------------- the arcade: one game at a time, by loops


class Breakout:
    """The rules again, for one game; `draw` gives what chance gave to this game's next start."""

    PLANES, DRAWS = 4, 1

    def __init__(self):
        self.events = dict.fromkeys(("brick", "wall", "corner", "lost"), 0)

    def start(self, draw):
        side = draw()
        self.ball, self.way, self.paddle = [9 * side, 3], [1 - 2 * side, 1], 4
        self.was, self.bricks, self.struck = tuple(self.ball), {(x, y) for x in range(10) for y in (1, 2, 3)}, False

    def step(self, action, draw):
        self.paddle = min(9, max(0, self.paddle + (0, -1, 1)[action]))
        self.was = tuple(self.ball)
        x, y = self.ball[0] + self.way[0], self.ball[1] + self.way[1]
        if not 0 <= x <= 9:
            x, self.way[0] = min(9, max(0, x)), -self.way[0]
        reward, lost, touched = 0, False, False
        if y < 0:
            y, self.way[1] = 0, -self.way[1]
        elif (x, y) in self.bricks:
            touched = True
            if not self.struck:
                self.bricks.remove((x, y))
                reward, y, self.way[1] = 1, self.was[1], -self.way[1]
                self.events["brick"] += 1
        elif y == 9:
            if not self.bricks:
                self.bricks = {(x, y) for x in range(10) for y in (1, 2, 3)}
                self.events["wall"] += 1
            if self.was[0] == self.paddle:
                y, self.way[1] = self.was[1], -self.way[1]
            elif x == self.paddle:
                y, self.way = self.was[1], [-self.way[0], -self.way[1]]
                self.events["corner"] += 1
            else:
                lost = True
                self.events["lost"] += 1
        self.struck = touched
        self.ball = [x, y]
        return reward, lost

    def seen(self):
        cells = [(9, self.paddle, 0), (self.ball[1], self.ball[0], 1), (self.was[1], self.was[0], 2)]
        return cells + [(y, x, 3) for x, y in self.bricks]

    def policy(self, rng):
        """Follows the ball, and errs one time in 100."""
        ahead = min(9, max(0, self.ball[0] + self.way[0])) - self.paddle
        return rng.integers(3) if rng.random() < 0.01 else (0 if ahead == 0 else 1 if ahead < 0 else 2)


class Freeway:
    PLANES, DRAWS = 7, 16

    def __init__(self):
        self.events = dict.fromkeys(("paid", "hit"), 0)

    def _speeds(self, draw):
        return [draw() for _ in range(8)], [2 * draw() - 1 for _ in range(8)]

    def start(self, draw):
        speeds, ways = self._speeds(draw)
        self.cars = [
            [0, lane + 1, speeds[lane], speeds[lane], ways[lane]] for lane in range(8)
        ]  # x, y, wait, speed, way
        self.chicken, self.wait = 9, 3

    def step(self, action, draw):
        if action and self.wait == 0:
            self.wait = 3
            self.chicken = min(9, max(0, self.chicken + (0, -1, 1)[action]))
        paid = self.chicken == 0
        if paid:
            self.events["paid"] += 1
            speeds, ways = self._speeds(draw)
            for car, speed, way in zip(self.cars, speeds, ways, strict=True):
                car[2:] = [speed, speed, way]
            self.chicken = 9
        for car in self.cars:
            self._meet(car)
            if car[2]:
                car[2] -= 1
            else:
                car[0], car[2] = (car[0] + car[4]) % 10, car[3]
                self._meet(car)
        self.wait -= self.wait > 0
        return int(paid), False

    def _meet(self, car):
        if car[:2] == [4, self.chicken]:
            self.chicken = 9
            self.events["hit"] += 1

    def seen(self):
        cells = [(self.chicken, 4, 0)]
        for x, y, _, speed, way in self.cars:
            cells += [(y, x, 1), (y, (x - way) % 10, 1 + speed)]
        return cells

    def policy(self, rng):
        return 1 if rng.random() < 0.9 else rng.integers(3)


class Invaders:
    PLANES, DRAWS = 6, 0

    def __init__(self):
        self.events = dict.fromkeys(("turn", "wave", "ramp", "lost"), 0)

    def start(self, draw):
        self.cannon, self.shots, self.bombs, self.way = 5, set(), set(), -1
        self.aliens = {(y, x) for y in range(4) for x in range(2, 8)}
        self.pace, self.march, self.aim, self.reload = 12, 12, 10, 0

    def step(self, action, draw):
        if action == 3 and self.reload == 0:
            self.shots.add((9, self.cannon))
            self.reload = 5
        self.cannon = min(9, max(0, self.cannon + (0, -1, 1, 0)[action]))
        self.shots = {(y - 1, x) for y, x in self.shots if y > 0}
        self.bombs = {(y + 1, x) for y, x in self.bombs if y < 9}
        here = (9, self.cannon)
        lost = here in self.bombs or here in self.aliens
        if self.march == 0:
            self.march = min(len(self.aliens), self.pace)
            if any(x == (0 if self.way < 0 else 9) for _, x in self.aliens):
                self.way = -self.way
                lost |= any(y == 9 for y, _ in self.aliens)
                self.aliens = {((y + 1) % 10, x) for y, x in self.aliens}
                self.events["turn"] += 1
            else:
                self.aliens = {(y, x + self.way) for y, x in self.aliens}
            lost |= here in self.aliens
        if self.aim == 0:
            self.aim = 10
            column = min((x for _, x in self.aliens), key=lambda x: (abs(x - self.cannon), x))
            self.bombs.add((max(y for y, x in self.aliens if x == column), column))
        hit = self.aliens & self.shots
        self.aliens, self.shots = self.aliens - hit, self.shots - hit
        self.reload -= self.reload > 0
        self.march, self.aim = self.march - 1, self.aim - 1
        if not self.aliens:
            self.events["wave"] += 1
            self.events["ramp"] += self.pace > 6
            self.pace -= self.pace > 6
            self.aliens = {(y, x) for y in range(4) for x in range(2, 8)}
        self.events["lost"] += lost
        return len(hit), lost

    def seen(self):
        cells = [(9, self.cannon, 0)] + [(y, x, 4) for y, x in self.shots] + [(y, x, 5) for y, x in self.bombs]
        return cells + [(y, x, plane) for y, x in self.aliens for plane in (1, 2 if self.way < 0 else 3)]

    def policy(self, rng):
        """Goes below the nearest alien and fires, but not into a bomb that falls; errs one time in 50."""
        if rng.random() < 0.02:
            return rng.integers(4)
        nearest = min((x for _, x in self.aliens), key=lambda x: abs(x - self.cannon))
        wanted = 3 if nearest == self.cannon else 1 if nearest < self.cannon else 2
        for least in (5, 8):  # rows below which no bomb shall be
            falling = {x for y, x in self.bombs if y >= least}
            for action in (wanted, 3, 1, 2):
                if min(9, max(0, self.cannon + (0, -1, 1, 0)[action])) not in falling:
                    return action
        return wanted


ARCADE = [(mini_breakout, Breakout), (mini_freeway, Freeway), (mini_invaders, Invaders)]
names = [module.__name__.split(".")[-1] for module, _ in ARCADE]


def chance(name, rng, games):
    """What a start (or new speeds) draws for so many games, as one list per game."""
    if name == "mini_breakout":
        return [[int(side)] for side in rng.integers(2, size=games)]
    if name == "mini_freeway":
        both = rng.integers(1, 6, (games, 8)), rng.integers(2, size=(games, 8))
        return np.concatenate(both, axis=1).tolist()
    return [[]] * games


def picture(game):
    planes = np.zeros((10, 10, game.PLANES), np.uint8)
    for cell in game.seen():
        planes[cell] = 1
    return planes


@pytest.mark.parametrize("module, reference", ARCADE, ids=names)
@pytest.mark.parametrize("k, steps, episode", [(1, 3_000, 900), (64, 120, 42)])
def test_many_games_at_once_are_the_same_games_as_one_at_a_time(module, reference, k, steps, episode):
    name = module.__name__.split(".")[-1]
    arena = module.Board(k, 3, episode=episode)
    rng, ours = generator(name, 3), np.random.default_rng(0)
    games = [reference() for _ in range(k)]
    for game, drawn in zip(games, chance(name, rng, k), strict=True):
        game.start(iter(drawn).__next__)
    last, age, over = [0] * k, [0] * k, [False] * k
    seen = arena.reset(seed=3)[0]
    for step in range(steps):
        assert seen.dtype == np.uint8 and (seen == [picture(game) for game in games]).all(), step
        asked = np.array([game.policy(ours) for game in games])
        sticks = rng.random(k) < 0.1
        last = [last[i] if sticks[i] else asked[i] for i in range(k)]
        # New speeds are drawn for all that come to the top in one step, in order; then what starts anew.
        paid = [
            name == "mini_freeway" and not over[i] and games[i].chicken == 1 and games[i].wait == 0 and last[i] == 1
            for i in range(k)
        ]
        middle, starts = iter(chance(name, rng, sum(paid))), iter(chance(name, rng, sum(over)))
        told = []
        for i, game in enumerate(games):
            if over[i]:
                game.start(iter(next(starts)).__next__)
                told.append((0, False, False))
                last[i], age[i], over[i] = 0, 0, False
                continue
            reward, lost = game.step(last[i], iter(next(middle)).__next__ if paid[i] else None)
            age[i] += 1
            cut = not lost and age[i] >= episode
            told.append((reward, lost or (cut and name == "mini_freeway"), cut and name != "mini_freeway"))
            over[i] = lost or cut
        seen, *found, _ = arena.step(asked)
        assert np.array_equal(np.transpose(found), told), step
    events = {event: sum(game.events[event] for game in games) for event in games[0].events}
    assert k > 1 or all(events.values()), f"the games never came to all of {events}"


@pytest.mark.parametrize(
    "module, games, mean, error",
    [(mini_breakout, 2_000, 0.379, 0.018), (mini_invaders, 1_000, 4.01, 0.11), (mini_freeway, 200, 0.407, 0.064)],
)
def test_a_random_player_gets_what_it_gets_in_minatar(module, games, mean, error):
    """Measured on minatar 1.0.15, its minimal actions at random, 4,000, 4,000, 150 episodes; error: of both means."""
    data = module.load()
    problem = act.pose(replace(data, episodes=games), 1, 0, {})
    assert problem.judge(problem.floor, "test")["return"] == pytest.approx(mean, abs=4 * error)


@pytest.mark.parametrize("module", [module for module, _ in ARCADE], ids=names)
def test_a_board_keeps_to_gymnasium(module):
    data = module.load()
    arena, same, other = data.make(32, 5), data.make(32, 5), data.make(32, 6)
    assert isinstance(arena, VectorEnv) and arena.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    assert (arena.num_envs, arena.single_action_space) == (32, Discrete(data.actions))
    assert arena.single_observation_space.shape == data.shape == module.DATASET.shape
    rng, differ = np.random.default_rng(0), False
    seen, infos = arena.reset()
    assert seen in arena.observation_space and infos == {}
    for board in (same, other):
        board.reset()
    for _ in range(60):
        actions, before = rng.integers(data.actions, size=32), seen.copy()
        outcome, again, otherwise = (board.step(actions) for board in (arena, same, other))
        assert all(np.array_equal(a, b) for a, b in zip(outcome[:4], again[:4], strict=True))
        assert (seen == before).all(), "a step wrote to what was seen before"
        seen, rewards, terminated, truncated, _ = outcome
        assert seen in arena.observation_space and seen.flags.c_contiguous
        assert (rewards.dtype, terminated.dtype, truncated.dtype) == (np.float32, bool, bool)
        differ |= not np.array_equal(seen, otherwise[0])
    assert differ


def test_who_follows_the_ball_passes_the_anchor():
    def follow(seen):
        ball, trail, paddle = (seen[..., plane].max(axis=1).argmax(axis=1) for plane in (1, 2, 0))
        ahead = np.clip(2 * ball - trail, 0, 9)
        return np.where(ahead < paddle, 1, np.where(ahead > paddle, 2, 0))

    problem = act.pose(replace(mini_breakout.load(), episode=500, episodes=20), 1, 0, {})
    assert problem.judge(follow, "test")["return"] > mini_breakout.DATASET.anchor


# ---------------------------------------------------------------------------------------------------------------- Atari


@pytest.mark.parametrize(
    "module, games, low, high",
    # Mnih et al. 2015, extended data table 2: a random player gets -20.7 and 1.7
    [(atari_pong, 3, -21, -19.3), (atari_breakout, 10, 0.3, 3.1)],
)
def test_random_players_of_atari_games_get_what_was_published(module, games, low, high):
    data = module.load()
    assert data.episodes == module.DATASET.test and data.shape == module.DATASET.shape
    problem = act.pose(replace(data, episodes=games), 1, 0, {})
    assert low <= problem.judge(problem.floor, "test")["return"] <= high
    assert problem.sample.shape == (16, 4, 84, 84) and problem.sample.dtype == np.uint8


@pytest.mark.parametrize("module", [atari_pong, atari_breakout])
def test_atari_games_are_the_same_for_a_seed_and_show_the_latest_picture_last(module):
    rng, moved, differ = np.random.default_rng(0), False, False
    one, same, other = (module.make(2, seed) for seed in (1, 1, 2))
    seen, again, _ = (games.reset()[0] for games in (one, same, other))
    assert (seen == again).all()
    assert one.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    assert one.single_action_space == Discrete(module.load().actions)
    for _ in range(30):
        actions, before = rng.integers(module.DATASET.classes, size=2), seen
        seen, again, otherwise = (games.step(actions)[0] for games in (one, same, other))
        assert (seen == again).all() and (seen[:, :-1] == before[:, 1:]).all()
        moved, differ = moved | (seen[:, -1] != before[:, -1]).any(), differ | (seen != otherwise).any()
    assert moved and differ


def test_an_atari_game_is_cut_after_its_last_step(monkeypatch):
    monkeypatch.setattr(atari_breakout, "EPISODE", 50)  # who never moves loses no ball that soon after the first
    games = atari_breakout.make(1, 0)
    games.reset()
    ends = [step for step in range(60) if games.step(np.zeros(1, np.int64))[3].any()]
    assert len(ends) == 1 and 40 <= ends[0] < 50  # 30 frames of no action count


def test_a_game_that_ale_py_lacks_is_missing_and_those_that_are_there_are_named(tmp_path, monkeypatch):
    (tmp_path / "chess.bin").touch()
    monkeypatch.setattr(atari_pong, "packaged", lambda package, relative: tmp_path / "__init__.py")
    with pytest.raises(Missing, match="does not carry pong; games that are here: chess"):
        atari_pong.load()


# --------------------------------------------------------------------------------------------------------- connect four


def brute_four(cells, side):
    """Whether a side has four in a line, by trying each line from each cell. cells: {(row, column): side}."""
    return any(
        all(cells.get((row + i * down, column + i * right)) == side for i in range(4))
        for row in range(6)
        for column in range(7)
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1))
    )


def test_connect_four_has_as_many_positions_as_were_counted():
    """Positions after so many moves, A212693 of the on-line encyclopedia of integer sequences."""
    boards = connect4.start(1)
    counts = [1]
    for _ in range(8):
        boards = boards[np.isnan(connect4.result(boards))]
        board, move = np.nonzero(connect4.legal(boards))
        after = connect4.play(boards[board], move).reshape(len(board), 42)
        boards = after[np.unique(after.view("V42").ravel(), return_index=True)[1]].reshape(-1, 6, 7)
        counts.append(len(boards))
    assert counts == [1, 7, 49, 238, 1120, 4263, 16422, 54859, 184275]


def test_four_in_a_line_is_found_wherever_a_scan_finds_it():
    masks = np.random.default_rng(0).random((3_000, 6, 7)) < 0.45
    expected = [brute_four({tuple(cell): 1 for cell in np.argwhere(mask)}, 1) for mask in masks]
    assert 300 < sum(expected) < 2_700
    assert connect4.four(masks).tolist() == expected


def test_games_of_connect_four_go_as_a_slow_player_plays_them():
    rng = np.random.default_rng(1)
    rules = connect4.load()
    boards, n = rules.start(150), 150
    slow = [{} for _ in range(n)]
    live, ply, outcomes = list(range(n)), 0, []
    while live:
        heights = [[sum((row, c) in slow[g] for row in range(6)) for c in range(7)] for g in live]
        assert rules.legal(boards).tolist() == [[h < 6 for h in high] for high in heights]
        moves = np.array([rng.choice([c for c in range(7) if high[c] < 6]) for high in heights])
        kept = boards.copy()
        after = rules.play(boards, moves)
        assert (boards == kept).all() and after.dtype == np.int8
        side = 1 - 2 * (ply % 2)
        for g, move, high in zip(live, moves, heights, strict=True):
            slow[g][5 - high[move], move] = side
        expected = [-1 if brute_four(slow[g], side) else 0 if len(slow[g]) == 42 else math.nan for g in live]
        for g, board in zip(live, after, strict=True):
            assert {tuple(c): -side * board[tuple(c)] for c in np.argwhere(board)} == slow[g]
        found = rules.result(after)
        assert found.dtype == np.float32 and np.array_equal(found, expected, equal_nan=True)
        going = np.isnan(found)
        outcomes += found[~going].tolist()
        assert not rules.legal(after[~going & (found == -1)]).any()
        live, boards, ply = [g for g, on in zip(live, going, strict=True) if on], after[going], ply + 1
    assert len(outcomes) == n


def test_an_illegal_move_of_connect_four_is_named():
    boards = connect4.start(3)
    for _ in range(6):
        boards = connect4.play(boards, np.array([0, 2, 4]))
    with pytest.raises(ValueError, match="board 1: move 2 is not legal"):
        connect4.play(boards, np.array([1, 2, 5]))
    with pytest.raises(ValueError, match="board 0: move 7"):
        connect4.play(boards, np.array([7, 1, 1]))


# ------------------------------------------------------------------------------------------------------------------- Go


class SlowGo:
    """The rules again, for one game by flood fill: 1 Black, -1 White, 0 free."""

    def __init__(self, size):
        self.size, self.points = size, {(r, c): 0 for r in range(size) for c in range(size)}
        self.ko, self.passes, self.made, self.side = None, 0, 0, 1

    def around(self, point):
        r, c = point
        return [p for p in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)) if p in self.points]

    def chain(self, point, points):
        found, open_ = {point}, [point]
        while open_:
            for p in self.around(open_.pop()):
                if p not in found and points[p] == points[point]:
                    found.add(p)
                    open_.append(p)
        return found, {p for q in found for p in self.around(q)}

    def after(self, point):
        """(points after the stone, stones taken), or None where it may not be put."""
        if self.points[point] or point == self.ko:
            return None
        points = {**self.points, point: self.side}
        taken = set()
        for p in self.around(point):
            if points[p] == -self.side:
                chain, border = self.chain(p, points)
                if all(points[q] for q in border):
                    taken |= chain
        points |= dict.fromkeys(taken, 0)
        chain, border = self.chain(point, points)
        return None if all(points[q] for q in border) else (points, taken)

    def over(self):
        return self.passes == 2 or self.made == 3 * self.size**2

    def legal(self):
        return [not self.over() and self.after(p) is not None for p in self.points] + [not self.over()]

    def play(self, move):
        self.ko = None
        if move == self.size**2:
            self.passes += 1
        else:
            point = divmod(move, self.size)
            self.points, taken = self.after(point)
            chain, border = self.chain(point, self.points)
            if len(taken) == 1 and len(chain) == 1 and sum(self.points[p] == 0 for p in border) == 1:
                self.ko = next(iter(taken))
            self.passes = 0
        self.made, self.side = self.made + 1, -self.side

    def area(self, side):
        total = sum(value == side for value in self.points.values())
        for point, value in self.points.items():
            if not value:
                region, border = self.chain(point, self.points)
                total += {self.points[p] for p in border - region} == {side}
        return total


def shown(*rows, other=0):
    """A Go board for the side to move: x its stones, o the other's, * a point that ko forbids."""
    size = len(rows)
    board = go.start(size, 1)
    for r, row in enumerate(rows):
        for c, sign in enumerate(row):
            board[0, r, c, go.STONES] = {"x": 1, "o": -1}.get(sign, 0)
            board[0, r, c, go.KO] = sign == "*"
    board[..., go.TURN] = -1 if other else 1
    return board


def stones(board):
    """The picture of what `shown` took."""
    return ["".join("o.x"[value + 1] for value in row) for row in board[0, ..., go.STONES]]


def test_as_many_positions_are_legal_as_were_counted():
    """Of all 3^(n n) positions those without a chain that lacks a liberty: 1, 57, 12675 (Tromp & Farneback 2006)."""
    for size, count in ((1, 1), (2, 57), (3, 12675)):
        every = np.arange(3 ** (size * size))
        board = np.stack([every // 3**i % 3 - 1 for i in range(size * size)]).astype(np.int8).reshape(size, size, -1)
        _, liberty = go._atari(board)
        assert ((board == 0) | (liberty > 0)).all(axis=(0, 1)).sum() == count


@pytest.mark.parametrize("size, komi, games", [(5, 0.5, 12), (7, 9.0, 5), (9, 7.5, 2)])
def test_games_of_go_go_as_a_slow_player_plays_them(size, komi, games):
    rng = np.random.default_rng(size)
    rules = go.rules(size, komi)
    boards, slow, positions, kos = rules.start(games), [SlowGo(size) for _ in range(games)], 0, 0
    while slow:
        allowed = rules.legal(boards)
        assert allowed.tolist() == [game.legal() for game in slow]
        moves = np.where(allowed, rng.random(allowed.shape), -1).argmax(axis=1)
        kept = boards.copy()
        after = rules.play(boards, moves)
        assert (boards == kept).all() and after.dtype == np.int8
        outcome = rules.result(after)
        for game, move, board, result in zip(slow, moves, after, outcome, strict=True):
            game.play(int(move))
            positions, kos = positions + 1, kos + (game.ko is not None)
            assert (board[..., go.STONES] == game.side * np.reshape(list(game.points.values()), (size, size))).all()
            assert (board[..., go.KO] == np.reshape([p == game.ko for p in game.points], (size, size))).all()
            assert (board[..., go.TURN] == game.side * (game.made // 2 + 1)).all()
            lead = game.side * (game.area(1) - game.area(-1) - komi)
            assert np.array_equal(result, np.sign(lead) if game.over() else math.nan, equal_nan=True)
        going = np.isnan(outcome)
        assert not rules.legal(after[~going]).any()
        boards, slow = after[going], [game for game, on in zip(slow, going, strict=True) if on]
    assert positions > 180 and kos > 0


def test_a_chain_without_liberties_is_taken():
    after = go.play(shown(".ox..", "xoox.", ".xx..", ".....", "....."), np.array([0]))
    assert stones(after) == ["o.o..", "o..o.", ".oo..", ".....", "....."]
    assert not after[..., go.KO].any()  # three stones were taken


def test_what_took_one_stone_in_a_ko_may_not_be_taken_back_at_once():
    before = shown(".xo..", "xo.o.", ".xo..", ".....", ".....")
    after = go.play(before, np.array([7]))
    assert stones(after) == [".ox..", "o.ox.", ".ox..", ".....", "....."]
    assert np.argwhere(after[0, ..., go.KO]).tolist() == [[1, 1]] and not go.legal(after)[0, 6]
    later = go.play(go.play(after, np.array([25])), np.array([25]))  # two passes: the ko is over, and so is the game
    assert not later[..., go.KO].any() and not go.legal(later).any()
    elsewhere = go.play(go.play(after, np.array([24])), np.array([23]))
    assert go.legal(elsewhere)[0, 6]


def test_suicide_is_forbidden_and_taking_is_none():
    eye = shown(".o...", "o....", ".....", ".....", ".....")
    assert not go.legal(eye)[0, 0]
    two = shown(".xo..", "xxo..", "oo...", ".....", ".....")
    assert not go.legal(two)[0, 0]
    with pytest.raises(ValueError, match="board 0: move 0 is not legal"):
        go.play(two, np.array([0]))
    taking = shown(".ox..", "ox...", "x....", ".....", ".....")
    assert go.legal(taking)[0, 0]
    assert stones(go.play(taking, np.array([0])))[:2] == ["o.o..", ".o..."]


def test_a_snapback_takes_back_more_than_it_lost():
    # x throws a stone in at 1; o takes it from 0, and stands with five stones in one liberty. That is no ko.
    thrown = go.play(shown("..ox.", "ooox.", "xxx..", ".....", "....."), np.array([1]))
    taken = go.play(thrown, np.array([0]))
    assert stones(thrown)[:2] == [".oxo.", "xxxo."] and stones(taken)[:2] == ["o.ox.", "ooox."]
    assert not taken[..., go.KO].any()
    assert stones(go.play(taken, np.array([1])))[:3] == [".o.o.", "...o.", "ooo.."]


@pytest.mark.parametrize(
    "rows, own, others",
    [
        ([".....", ".....", ".....", ".....", "....."], 0, 0),
        ([".....", ".....", "..x..", ".....", "....."], 25, 0),
        (["..x.o", "..x.o", "..x.o", "..x.o", "..x.o"], 15, 5),
        ([".xo..", "xxo..", "ooo..", ".....", "....."], 4, 21),
        (["x.o..", ".....", "xxxxx", "ooooo", "..o.."], 6, 11),
    ],
)
def test_areas_of_boards_counted_by_hand(rows, own, others):
    assert go.area(shown(*rows)).tolist() == [[own, others]]


def test_a_game_of_go_ends_with_its_last_move():
    board = shown(*["....."] * 5)
    board[..., go.TURN] = 38  # Black's 38th move is the 75th of 3 x 25
    assert go.legal(board).all() and np.isnan(go.result(0.5, board)[0])
    after = go.play(board, np.array([12]))
    assert not go.legal(after).any() and go.result(0.5, after)[0] == -1
    with pytest.raises(ValueError, match="the game has ended"):
        go.play(after, np.array([25]))


def test_komi_goes_to_white_whoever_is_to_move():
    rows = ["..x.o", "..x.o", "..x.o", "..x.o", "..x.o"]  # 15 to 5
    for komi, black, white in ((9.5, 1, 1), (10, 0, 1), (10.5, -1, 1)):
        for other, expected in ((0, black), (1, white)):
            board = shown(*rows, other=other)
            assert np.isnan(go.result(komi, board)[0])
            board[..., go.PASSES] = 2
            assert go.result(komi, board)[0] == expected


@pytest.mark.parametrize("name", ["connect4", "go5", "go7", "go9"])
def test_cards_of_games_tell_what_is_loaded(name):
    module = importlib.import_module(f"harness.datasets.{name}")
    rules, card = module.load(), module.DATASET
    boards = rules.start(2)
    assert boards.shape == (2, *card.shape) == (2, *rules.shape) and boards.dtype == np.int8
    assert rules.moves == card.classes
    assert rules.legal(boards).shape == (2, rules.moves) and rules.legal(boards).all()
    assert card.test == 2 * play.OPENINGS and np.isnan(rules.result(boards)).all()


# ------------------------------------------------------------------------------------------------------------ task: act


class Ladder(VectorEnv):
    """Environment i ends after i + 1 steps and pays each action; what is seen: (i, steps made)."""

    def __init__(self, n, seed):
        self.num_envs, self.steps = n, np.zeros(n, int)
        self.single_observation_space, self.single_action_space = Box(0, 99, (2,), np.int64), Discrete(3)

    def reset(self, *, seed=None, options=None):
        self.steps[:] = 0
        return self._seen(), {}

    def _seen(self):
        return np.stack([np.arange(self.num_envs), self.steps], axis=1)

    def step(self, actions):
        over = self.steps > np.arange(self.num_envs)
        self.steps = np.where(over, 0, self.steps + 1)
        ended = ~over & (self.steps == np.arange(self.num_envs) + 1)
        rewards = np.where(over, 0, actions).astype(np.float32)
        return self._seen(), rewards, ended, np.zeros(self.num_envs, bool), {}


LADDER = Arena(Ladder, 3, (2,), 50, episodes=9)


def test_each_environment_plays_one_episode_and_is_asked_no_more():
    asked = []

    def two(seen):
        asked.append(seen[:, 0].tolist())
        return np.full(len(seen), 2)

    scores = act.pose(LADDER, 100, 0, {}).judge(two, "test")
    assert scores["return"] == pytest.approx(2 * np.arange(1, 10).mean()) and scores["length"] == 5
    assert asked == [list(range(first, 9)) for first in range(9)]
    assert scores["return_by_quantile"] == pytest.approx({"5": 2.8, "25": 6, "50": 10, "75": 14, "95": 17.2})


def test_episodes_are_cut_at_their_length_and_environments_closed(monkeypatch):
    closed = []
    monkeypatch.setattr(Ladder, "close", lambda self: closed.append(self))
    scores = act.pose(replace(LADDER, episode=4), 100, 0, {}).judge(lambda seen: np.ones(len(seen), int), "test")
    assert scores["length"] == (1 + 2 + 3 + 6 * 4) / 9
    with pytest.raises(ValueError):
        act.pose(LADDER, 100, 0, {}).judge(lambda seen: [], "test")
    assert len(closed) == 4


@pytest.mark.parametrize(
    "answer, told",
    [
        (lambda seen: np.zeros(len(seen) - 1, int), "answered 8 of 9"),
        (lambda seen: np.zeros(len(seen)), "whole numbers"),
        (lambda seen: np.zeros((len(seen), 1), int), "shape"),
        (lambda seen: np.full(len(seen), 3), "from 3 to 3: 0 to 2 is right"),
        (lambda seen: np.full(len(seen), -1), "from -1"),
    ],
)
def test_answers_that_are_no_actions_are_told(answer, told):
    with pytest.raises(ValueError, match=told):
        act.pose(LADDER, 100, 0, {}).judge(answer, "test")


def test_an_arena_is_posed_with_its_steps_and_judged_alike_for_every_seed():
    data = mini_breakout.load()
    one, other = (act.pose(replace(data, episodes=30), 500, seed, {}, validation=0.5) for seed in (0, 1))
    assert one.train.steps == 500 and one.unit == "observation" and one.sample.shape == (16, 10, 10, 4)
    assert one.judge(one.floor, "test") == other.judge(one.floor, "test") == one.judge(one.floor, "test")
    assert one.judge(one.floor) != other.judge(one.floor)
    assert one.judge(one.floor)["length"] != one.judge(one.floor, "test")["length"]
    assert (one.floor(one.sample) == one.floor(one.sample)).all()
    assert set(one.floor(np.repeat(one.sample, 20, axis=0))) == {0, 1, 2}
    assert act.pose(data, 500, 0, {}).judge(one.floor) == {}
    with pytest.raises(BadData, match="0 steps"):
        act.pose(data, 0, 0, {})
    with pytest.raises(ValueError, match="neither"):
        one.judge(one.floor, "train")


def test_judged_environments_are_of_seeds_that_no_technique_takes():
    seeds = []
    spied = replace(LADDER, make=lambda n, seed: seeds.append(seed) or Ladder(n, seed))
    for seed in range(20):
        problem = act.pose(spied, 100, seed, {}, validation=0.5)
        problem.judge(problem.floor, "test"), problem.judge(problem.floor, "valid")
    assert min(seeds) >= 1_000_000 and len(set(seeds)) == 21


# ----------------------------------------------------------------------------------------------------------- task: play


def counting(moves, last):
    """A game that lasts `moves` moves of two kinds; who made the last gets `last`. Boards (n, 1, 1): moves made."""
    return Rules(
        start=lambda n: np.zeros((n, 1, 1), np.int8),
        legal=lambda boards: np.tile(boards[:, 0] < moves, (1, 2)),
        play=lambda boards, chosen: boards + np.int8(1),
        result=lambda boards: np.where(boards[:, 0, 0] < moves, np.nan, -last).astype(np.float32),
        moves=2,
        shape=(1, 1),
        longest=moves,
    )


@pytest.mark.parametrize(
    "moves, last, score, win, draw", [(5, 1, 0.5, 0.5, 0), (6, 1, 0.5, 0.5, 0), (5, 0, 0.5, 0, 1), (2, 1, 0.5, 0.5, 0)]
)
def test_games_of_a_known_end_are_counted_for_the_right_side(moves, last, score, win, draw):
    problem = play.pose(counting(moves, last), 10, 0, {})
    assert problem.judge(problem.floor, "test") == {"score": score, "win_rate": win, "draw_rate": draw}
    outcome = play.played(counting(moves, last), problem.floor, 10, np.random.default_rng(0))
    # After two moves the asked side is to move in the first half: it makes the last of an odd number.
    assert (outcome == last * np.repeat([1, -1] if moves % 2 else [-1, 1], 10)).all()


def test_a_player_that_sees_a_win_beats_a_random_one_and_who_helps_it_loses():
    rules = connect4.load()

    def greedy(boards, sign=1):
        value = np.full((len(boards), 7), -9.0)
        for move in range(7):
            can = rules.legal(boards)[:, move]
            value[can, move] = sign * -np.nan_to_num(rules.result(rules.play(boards[can], np.full(can.sum(), move))))
        return (value + np.random.default_rng(len(boards)).random(value.shape) / 2).argmax(axis=1)

    problem = play.pose(rules, 10, 0, {})
    floor, good, bad = (problem.judge(p, "test")["score"] for p in (problem.floor, greedy, lambda b: greedy(b, -1)))
    assert floor == pytest.approx(0.5, abs=0.1) and bad < floor - 0.1 and good > floor + 0.15


def test_what_is_asked_are_boards_of_the_side_to_move_and_the_same_for_every_seed():
    rules = connect4.load()
    one, other = (play.pose(rules, 10, seed, {}, validation=0.1) for seed in (0, 1))
    asked = []

    def spy(boards):
        asked.append(boards.copy())
        chosen = one.floor(boards)
        boards[:] = 9  # what an answer does to its question must not matter
        return chosen

    spied, scores = one.judge(spy, "test"), one.judge(one.floor, "test")
    assert spied == scores == other.judge(one.floor, "test")
    held = [play.pose(rules, 10, seed, {}, validation=0.1).judge(one.floor)["score"] for seed in range(5)]
    assert len(set(held)) > 1 and play.pose(rules, 10, 0, {}).judge(one.floor) == {}
    assert len(asked[0]) == 200 and all((b == 1).sum() == 1 == (b == -1).sum() for b in asked[0])
    # The other half of the games: the same openings, in which the opponent has moved first.
    assert (((asked[0] + asked[1]) != 0).sum(axis=(1, 2)) == 1).all()
    for boards in asked:  # who is to move has as many stones as the other, or one less
        assert set(np.unique((boards == -1).sum(axis=(1, 2)) - (boards == 1).sum(axis=(1, 2)))) <= {0, 1}
    assert one.sample.shape == (16, 6, 7) and [int((b != 0).sum()) for b in one.sample[:7]] == list(range(7))
    assert one.train is rules and one.ceiling == 1 and (one.floor(one.sample) == one.floor(one.sample)).all()


def test_moves_that_are_none_are_told():
    problem = play.pose(connect4.load(), 10, 0, {})
    full = np.zeros(6, int)
    for answer, told in (
        (lambda b: np.zeros(len(b)), "whole numbers"),
        (lambda b: np.zeros(3, int), "answered 3 of 200"),
        (lambda b: np.full(len(b), 7), r"move 7 of board 0 is not legal there: \[\["),
        (lambda b: np.full(len(b), -1), "move -1 of board 0"),
        (lambda b: full[:1].repeat(len(b)), "move 0 of board"),
    ):
        with pytest.raises(ValueError, match=told):
            problem.judge(answer, "test")
    with pytest.raises(ValueError, match="opponent 'best' is none of random"):
        play.pose(connect4.load(), 10, 0, {}, opponent="best")
    with pytest.raises(BadData, match="0 positions"):
        play.pose(connect4.load(), 0, 0, {})


@pytest.mark.parametrize("size", [5, 9])
def test_random_players_of_go_are_level_with_a_random_player(size):
    problem = play.pose(go.rules(size, 0.5), 10, 0, {})
    assert problem.judge(problem.floor, "test")["score"] == pytest.approx(0.5, abs=0.1)

"""Acting against an independent truth: gymnasium's own environments, dynamic programming, updates by hand."""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from numpy.lib.stride_tricks import sliding_window_view
from torch.utils.flop_counter import FlopCounterMode

from harness import check
from harness.contract import Arena, Budget, Diverged, Fitted, Run, Unsupported
from harness.datasets import cart_pole, cliff_walking, mini_breakout, taxi
from harness.tasks import act
from tests.nets import load

pytestmark = pytest.mark.usefixtures("one_thread")
q_learning, linear_sarsa = load("q_learning"), load("linear_sarsa")
dqn = load("dqn")


def fit(module: ModuleType, arena: Arena, steps: int, seed: int = 0, **keywords) -> Fitted:
    return module.fit(replace(arena, steps=steps), Run(seed=seed, budget=Budget("env_steps", steps)), **keywords)


def one_hot(k: int, places: int) -> np.ndarray:
    return np.eye(places, dtype=np.float32)[k]


# ---------------------------------------------------------------------------------------------------------- the worlds


@pytest.mark.parametrize("name", ["CliffWalking-v1", "Taxi-v4"])
def test_tables_are_gymnasiums(name):
    truth = gymnasium.make(name).unwrapped
    if name == "Taxi-v4":
        to, pays, ends = taxi.table()
        starts = taxi.Town(1, 0).starts
    else:
        (to, pays), ends = cliff_walking.table(), None
        ends, starts = to == cliff_walking.GOAL, [cliff_walking.START]
    assert len(to) == len(truth.P)
    for state, actions in truth.P.items():
        for action, [(chance, after, reward, terminated)] in actions.items():
            found = to[state, action], pays[state, action], ends[state, action]
            assert chance == 1 and found == (after, reward, terminated), (state, action)
    assert list(starts) == np.flatnonzero(truth.initial_state_distrib).tolist()


def put(game: gymnasium.Env, seen: np.ndarray) -> None:
    """A game of gymnasium's at the start that ours has drawn."""
    game.reset()
    state = seen.astype(np.float64) if len(seen) == 4 else int(seen.argmax())
    setattr(game.unwrapped, "state" if len(seen) == 4 else "s", state)


@pytest.mark.parametrize(
    "module, name", [(cliff_walking, "CliffWalking-v1"), (taxi, "Taxi-v4"), (cart_pole, "CartPole-v1")]
)
def test_many_in_step_are_gymnasiums_own_one_at_a_time(module, name):
    k, steps, cut = 6, 450, module.EPISODE
    arena = module.load().make(k, 3)
    games = [gymnasium.make(name).unwrapped for _ in range(k)]  # without gymnasium's clock
    rng, over, age, ended, cuts = np.random.default_rng(0), [False] * k, [0] * k, 0, 0
    seen = arena.reset()[0]
    for game, one in zip(games, seen, strict=True):
        put(game, one)
    for step in range(steps):
        actions = rng.integers(module.DATASET.classes, size=k)
        if module is cliff_walking and step % 50 < 14:  # the way, so that some arrive
            actions[:3] = [0, *[1] * 11, 2, 2][step % 50]
        if module is taxi:
            actions[0] = 4 + step % 2
        before = seen.copy()
        after, rewards, terminated, truncated, _ = arena.step(actions)
        assert (seen == before).all() and after.dtype == np.float32, "a step wrote to what was seen before"
        for i, game in enumerate(games):
            if over[i]:
                assert (rewards[i], terminated[i], truncated[i]) == (0, False, False)
                put(game, after[i])
                over[i], age[i] = False, 0
                continue
            if module is cart_pole:  # its numbers were rounded where they were shown
                game.state = seen[i].astype(np.float64)
            truth, reward, end, _, _ = game.step(int(actions[i]))
            age[i] += 1
            shown = truth if module is cart_pole else one_hot(truth, len(after[i]))
            assert np.allclose(after[i], shown, atol=1e-5)
            assert (rewards[i], terminated[i]) == (reward, end), step
            assert truncated[i] == (age[i] >= cut and not end)
            over[i], ended, cuts = end or age[i] >= cut, ended + end, cuts + bool(truncated[i])
        seen = after
    assert (ended > 0 or module is taxi) and (cuts > 0 or module is cart_pole)


def test_a_balanced_pole_is_cut_after_500_steps_and_then_starts_anew():
    arena = cart_pole.load().make(4, 7)
    seen = arena.reset()[0]
    for step in range(1, 502):
        seen, rewards, terminated, truncated, _ = arena.step((seen @ [0.1, 0.5, 3, 1] > 0).astype(np.int64))
        assert not terminated.any() and (truncated == (step == 500)).all()
        assert (rewards == (step < 501)).all()
    assert (abs(seen) <= 0.05).all()


@pytest.mark.parametrize("module", [cliff_walking, taxi, cart_pole])
def test_worlds_keep_to_gymnasium_and_to_their_seed(module):
    data = module.load()
    arena, same, other = (data.make(8, seed) for seed in (5, 5, 6))
    assert arena.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    assert arena.single_observation_space.shape == data.shape and arena.single_action_space.n == data.actions
    starts = [games.reset()[0] for games in (arena, same, other)]
    assert starts[0] in arena.observation_space
    assert (starts[0] == starts[1]).all() and (module is cliff_walking or (starts[0] != starts[2]).any())
    rng = np.random.default_rng(0)
    for _ in range(230):
        actions = rng.integers(data.actions, size=8)
        one, two = arena.step(actions), same.step(actions)
        assert all(np.array_equal(a, b) for a, b in zip(one[:4], two[:4], strict=True))
        assert (one[1].dtype, one[2].dtype, one[3].dtype) == (np.float32, bool, bool)


Table = tuple[np.ndarray, np.ndarray]  # (states, actions, states) chances of going on, (states, actions) mean rewards


def table(game: gymnasium.Env) -> Table:
    """What gymnasium's P says; what ends an episode goes on nowhere."""
    states, actions = len(game.P), len(game.P[0])
    goes, pays = np.zeros((states, actions, states)), np.zeros((states, actions))
    for s, listed in game.P.items():
        for a, outcomes in listed.items():
            for chance, after, reward, end in outcomes:
                pays[s, a] += chance * reward
                goes[s, a, after] += chance * (not end)
    return goes, pays


def best_values(world: Table, gamma: float, epsilon: float = 0.0) -> np.ndarray:
    """Value iteration over the policies that take a random action with probability epsilon."""
    (goes, pays), values, before = world, np.zeros(world[1].shape), np.inf
    while abs(values - before).max() > 1e-9:
        before = values
        values = pays + gamma * goes @ ((1 - epsilon) * values.max(axis=1) + epsilon * values.mean(axis=1))
    return values


def test_anchors_are_what_the_best_policies_get():
    game = gymnasium.make("Taxi-v4").unwrapped
    values = best_values(table(game), 1.0)
    assert game.initial_state_distrib @ values.max(axis=1) == pytest.approx(taxi.DATASET.anchor, abs=0.005)
    judged = act.pose(taxi.load(), 1, 0, {}).judge(lambda seen: values[seen.argmax(1)].argmax(1), "test")
    assert judged["return"] == pytest.approx(taxi.DATASET.anchor, abs=1)
    edge = best_values(table(gymnasium.make("CliffWalking-v1").unwrapped), 1.0)
    problem = act.pose(cliff_walking.load(), 1, 0, {})
    assert problem.judge(lambda seen: edge[seen.argmax(1)].argmax(1), "test")["return"] == -13
    assert problem.judge(problem.floor, "test")["return"] < -200


# ---------------------------------------------------------------------------------------------------------- the tables


class Grid:
    """A world of gymnasium's table P whose outcomes have equal chances, many in step, cut after 100 steps."""

    def __init__(self, game: gymnasium.Env, num_envs: int, seed: int) -> None:
        self.game, self.num_envs, self.rng = game, num_envs, np.random.default_rng(seed)

    def reset(self):
        self.place, self.age = np.zeros((2, self.num_envs), np.int64)
        self.over = np.zeros(self.num_envs, bool)
        return one_hot(self.place, len(self.game.P)), {}

    def step(self, actions):
        rewards, ends = np.zeros(self.num_envs, np.float32), np.zeros(self.num_envs, bool)
        for i, action in enumerate(actions):
            outcomes = self.game.P[int(self.place[i])][int(action)]
            if self.over[i]:
                self.place[i], self.age[i] = 0, 0
                continue
            _, self.place[i], rewards[i], ends[i] = outcomes[int(self.rng.random() * len(outcomes))]
            self.age[i] += 1
        cut = (self.age >= 100) & ~ends
        self.over = ends | cut
        return one_hot(self.place, len(self.game.P)), rewards, ends, cut, {}

    def close(self):
        """Nothing is held."""


def learned(answer, places: list[int], states: int) -> np.ndarray:
    return np.array([answer.values[one_hot(s, states).tobytes()] for s in places])


@pytest.mark.parametrize("seed", range(5))
def test_q_learning_comes_to_the_best_values_on_the_cliff(seed):
    truth = best_values(table(gymnasium.make("CliffWalking-v1").unwrapped), 1.0)
    places = [s for s in range(48) if s <= 36]  # those where a walk can be
    answer = fit(q_learning, cliff_walking.load(), 120_000, seed, epsilon=0.5, gamma=1.0).answer
    wrong = abs(learned(answer, places, 48) - truth[places]).max()
    assert wrong < 0.05 * abs(truth[places]).max()


LAKE = ("SFF", "FFF", "FFG")  # whoever steps slides sideways two times in three


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("rule, epsilon", [("q_learning", 0.0), ("sarsa", 0.5)])
def test_both_rules_come_to_their_own_values_where_chance_moves(seed, rule, epsilon):
    game = gymnasium.make("FrozenLake-v1", desc=LAKE, is_slippery=True).unwrapped
    world = table(game)
    truth, other = best_values(world, 0.8, epsilon), best_values(world, 0.8, 0.5 - epsilon)
    arena = Arena(lambda n, seed: Grid(game, n, seed), 4, (9,), 100)
    fitted = fit(q_learning, arena, 100_000, seed, rule=rule, epsilon=0.5, gamma=0.8)
    found = learned(fitted.answer, range(8), 9)
    wrong, otherwise = (abs(found - values[:8]).mean() / values.max() for values in (truth, other))
    assert wrong < 0.025 and otherwise > 0.08


class Scripted:
    """One world that shows, pays and ends as it is told, whatever is done; it starts over where the list ends."""

    def __init__(self, script: list[tuple[int, float, bool, bool]], start: int, places: int) -> None:
        self.script, self.start, self.places, self.at = script, start, places, 0

    def reset(self):
        return one_hot([self.start], self.places), {}

    def step(self, actions):
        place, *told = self.script[self.at % len(self.script)]
        self.at += 1
        reward, end, cut = (np.array([one]) for one in told)
        return one_hot([place], self.places), reward.astype(np.float32), end, cut, {}

    def close(self):
        """Nothing is held."""


SCRIPT = [  # place, reward, terminated, truncated: 0 1 2 ends, (start) 0 3 is cut, (start)
    (1, 1.0, False, False),
    (2, 5.0, True, False),
    (0, 0.0, False, False),
    (3, 2.0, False, True),
    (0, 0.0, False, False),
]
STEPS = [(0, 1, 1.0, False), (1, 2, 5.0, True), (0, 3, 2.0, False)]  # what there is to learn: s, s', reward, end


def scripted() -> Arena:
    return Arena(lambda n, seed: Scripted(SCRIPT, 0, 4), 1, (4,), 20)


@pytest.mark.parametrize("rule", ["q_learning", "sarsa"])
def test_updates_by_hand_and_the_return_online(rule):
    values, visits = np.zeros(4), np.zeros(4)
    for s, after, reward, end in STEPS * 6:
        visits[s] += 1
        values[s] += visits[s] ** -0.7 * (reward + 0.9 * values[after] * (not end) - values[s])
    fitted = fit(q_learning, scripted(), 30, rule=rule, gamma=0.9, decay=0.7, environments=1)
    assert learned(fitted.answer, range(4), 4)[:, 0] == pytest.approx(values)
    assert values[2] == values[3] == 0 and fitted.told["online_return"] == pytest.approx(4.0)  # of 6 and 2
    assert fit(q_learning, scripted(), 1, environments=1).told == {}


def test_asking_about_a_state_never_met_adds_none():
    fitted = fit(q_learning, scripted(), 30, environments=1)
    before = len(fitted.answer.values)
    assert fitted.answer(np.full((3, 4), 7, np.float32)).tolist() == [0, 0, 0]
    assert len(fitted.answer.values) == before
    with pytest.raises(Unsupported, match="rule"):
        fit(q_learning, scripted(), 30, rule="max")


# ------------------------------------------------------------------------------------------------------ linear features


def dense(x: np.ndarray) -> np.ndarray:
    """z z' above and on its diagonal, z = (1, x)."""
    z = np.append(1, x.ravel()).astype(float)
    return np.triu(np.outer(z, z)).ravel()


@pytest.mark.parametrize("x", [np.array([0.3, 0, -2, 4], np.float32), np.eye(12, dtype=np.uint8)[:, [0, 3, 3]]])
def test_features_are_all_products_of_two(x):
    on, phi = linear_sarsa.features(x)
    found = np.zeros((1 + x.size) ** 2)
    found[on] = phi
    assert found == pytest.approx(dense(x)) and (phi != 0).all()


def test_features_of_a_frame_are_its_grey_levels():
    x = np.random.default_rng(0).integers(0, 256, (4, 84, 84)).astype(np.uint8)
    on, phi = linear_sarsa.features(x)
    found = np.zeros(1 + x.size)
    found[on] = phi
    assert found == pytest.approx(np.append(1, x.ravel() / 255))


def test_linear_updates_by_hand():
    w = np.zeros(25)
    for s, after, reward, end in STEPS * 6:
        phi, to = dense(one_hot(s, 4)), dense(one_hot(after, 4))
        w += 0.3 / (phi @ phi) * (reward + 0.9 * (w @ to) * (not end) - w @ phi) * phi
    fitted = fit(linear_sarsa, scripted(), 30, lr=0.3, gamma=0.9, environments=1)
    assert fitted.answer.w == pytest.approx(w[None]) and fitted.parameters == 25


def test_a_rate_beyond_reason_is_told_as_diverged():
    with pytest.raises(Diverged, match="temporal difference"), np.errstate(all="ignore"):
        fit(linear_sarsa, scripted(), 3_000, lr=30.0, environments=1)


def test_linear_sarsa_keeps_a_pole_up_longer_than_chance():
    problem = act.pose(cart_pole.load(), 1, 0, {})
    found = problem.judge(fit(linear_sarsa, cart_pole.load(), 20_000).answer, "test")["return"]
    assert found > 2 * problem.judge(problem.floor, "test")["return"]


# ------------------------------------------------------------------------------------------------------------------ DQN


def test_the_network_of_planes_by_hand():
    torch.manual_seed(0)
    network = dqn.Q((10, 10, 4), 3)
    planes = (np.random.default_rng(0).random((5, 10, 10, 4)) < 0.2).astype(np.uint8)
    kernel, bias, w, b, v, c = (weight.detach().double().numpy() for weight in network.parameters())
    windows = sliding_window_view(planes.astype(float), (3, 3), axis=(1, 2))  # (5, 8, 8, 4, 3, 3)
    maps = np.maximum(np.einsum("nyxcij,ocij->noyx", windows, kernel) + bias[:, None, None], 0)
    hidden = np.maximum(maps.reshape(5, -1) @ w.T + b, 0)
    assert network(torch.as_tensor(planes)).detach().numpy() == pytest.approx(hidden @ v.T + c, abs=1e-5)
    assert kernel.shape == (16, 4, 3, 3) and w.shape == (128, 1024)


def test_the_networks_have_the_published_sizes():
    def sizes(shape, actions):
        return [tuple(weight.shape) for weight in dqn.Q(shape, actions).parameters() if weight.ndim > 1]

    frames = [(32, 4, 8, 8), (64, 32, 4, 4), (64, 64, 3, 3), (512, 3136), (6, 512)]
    assert sizes((4, 84, 84), 6) == frames  # Mnih et al. 2015, methods, "Model architecture"
    assert sizes((4,), 2) == [(120, 4), (84, 120), (2, 84)]
    white = torch.full((1, 4, 84, 84), 255, dtype=torch.uint8)
    network = dqn.Q((4, 84, 84), 6)
    assert torch.equal(network(white), network.layers(torch.ones(1, 4, 84, 84)))


def test_targets_and_loss_by_hand():
    values = torch.tensor([[1.0, 4.0], [3.0, 2.0], [-1.0, -2.0]])
    r, end = torch.tensor([1.0, -1.0, 0.5]), torch.tensor([0.0, 1.0, 0.0])
    wanted = torch.tensor([1 + 0.9 * 4, -1.0, 0.5 - 0.9])
    assert torch.allclose(dqn.targets(lambda after: values[after], r, end, torch.arange(3), 0.9), wanted)
    q = torch.nn.Embedding.from_pretrained(torch.tensor([[0.0, 4.2], [3.0, 9.0], [0.0, 0.0]]), freeze=False)
    drawn = torch.arange(3), torch.tensor([1, 0, 0]), r, end, torch.arange(3)
    target = torch.nn.Embedding.from_pretrained(values, freeze=False)
    loss = dqn.loss_of(q, target, drawn, 0.9, delta=1.0)
    assert loss.item() == pytest.approx((0.4**2 / 2 + (4 - 0.5) + 0.4**2 / 2) / 3)
    loss.backward()
    assert target.weight.grad is None  # the target is no variable
    assert q.weight.grad.numpy() == pytest.approx(np.array([[0, -0.4], [1, 0], [0.4, 0]]) / 3)  # an error of 4 counts 1


@pytest.fixture
def seen_by_memory(monkeypatch) -> Iterator[list[list[np.ndarray]]]:
    """All transitions that a fit stores, as rows s, a, r, end, s', and the size of its memory in front."""
    found = []

    class Watched(dqn.Memory):
        def add(self, *parts):
            found.extend(zip(*(part.numpy().copy() for part in parts), strict=True))
            super().add(*parts)

    monkeypatch.setattr(dqn, "Memory", Watched)
    yield found


def test_an_end_is_kept_as_such_and_a_cut_is_not(seen_by_memory):
    fit(dqn, scripted(), 30, environments=1, warmup=10, batch=4)
    found = [(int(s.argmax()), int(after.argmax()), float(r), bool(end)) for s, _, r, end, after in seen_by_memory]
    assert found == STEPS * 6


class Clock:
    """n worlds that show (world, episode, time), whose episodes have lengths of their own."""

    def __init__(self, num_envs: int, seed: int, silent: bool = False) -> None:
        self.n, self.silent = num_envs, silent

    def reset(self):
        self.episode, self.time = np.zeros((2, self.n), np.int64)
        self.over = np.zeros(self.n, bool)
        return self._seen(), {}

    def step(self, actions):
        self.episode, self.time = self.episode + self.over, np.where(self.over, 0, self.time + 1)
        over = self.time >= 3 + (self.episode + np.arange(self.n)) % 4
        ends, cuts = over & (self.episode % 2 == 0), over & (self.episode % 2 == 1)
        self.over = over
        told = np.zeros(self.n, bool) if self.silent else None
        return self._seen(), np.ones(self.n, np.float32), *((told, told) if self.silent else (ends, cuts)), {}

    def close(self):
        """Nothing is held."""

    def _seen(self):
        return np.stack([np.arange(self.n), self.episode, self.time], axis=1).astype(np.float32)


@pytest.mark.parametrize("silent", [False, True])
def test_no_transition_leads_from_one_episode_to_another(silent, seen_by_memory):
    """silent: a world that hides its ends mixes episodes, and this test must see it."""
    fit(dqn, Arena(lambda n, seed: Clock(n, seed, silent), 2, (3,), 9), 800, environments=8, warmup=100)
    mixed = sum((after != s + [0, 0, 1]).any() for s, _, _, _, after in seen_by_memory)
    assert mixed > 0 if silent else (mixed == 0 and 600 < len(seen_by_memory) < 800)


def test_a_memory_keeps_the_newest_and_draws_from_all_that_it_has():
    memory, rng = dqn.Memory(5, torch.zeros(1, 2, dtype=torch.uint8), "cpu"), np.random.default_rng(0)
    for first in (0, 3, 6):
        k = torch.arange(first, first + 3)
        memory.add(k[:, None].expand(3, 2), k % 2, k / 2, k % 3 == 0, k[:, None].expand(3, 2) + 1)
    s, a, r, end, after = memory.draw(2_000, rng)  # more than it holds: all of it
    assert sorted(s[:, 0].tolist()) == [4, 5, 6, 7, 8] and s.dtype == torch.uint8
    s, a, r, end, after = (torch.cat(parts) for parts in zip(*(memory.draw(4, rng) for _ in range(500)), strict=True))
    k = s[:, 0].long()
    assert torch.equal(a, k % 2) and torch.equal(r, k / 2) and torch.equal(end, (k % 3 == 0).float())
    assert torch.equal(after[:, 1].long(), k + 1)
    assert (abs(torch.bincount(k)[4:] / 2_000 - 0.2) < 0.04).all()


def test_without_replay_a_batch_is_the_newest_transitions(seen_by_memory, monkeypatch):
    batches, loss_of = [], dqn.loss_of

    def watched(q, target, drawn, gamma, delta):
        newest = np.array([s for s, *_ in seen_by_memory[-6:]])
        batches.append(np.array_equal(np.sort(drawn[0].numpy(), axis=0), np.sort(newest, axis=0)))
        return loss_of(q, target, drawn, gamma, delta)

    monkeypatch.setattr(dqn, "loss_of", watched)
    arena = Arena(Clock, 2, (3,), 9)
    fit(dqn, arena, 200, environments=2, warmup=20, batch=6, replay=0)
    without = len(batches)
    assert all(batches) and without == 200 // 4 - 20 // 4 + 1  # an update is due at the step at which learning starts
    batches.clear()
    fit(dqn, arena, 200, environments=2, warmup=20, batch=6)
    assert len(batches) == without and not all(batches)


def test_randomness_falls_to_its_last_value_over_its_share_of_the_steps(monkeypatch):
    assert [dqn.randomness(step, 1_000, 0.1, 0.2) for step in (0, 100, 200, 999)] == pytest.approx([1, 0.55, 0.1, 0.1])
    asked, randomness = [], dqn.randomness
    monkeypatch.setattr(dqn, "randomness", lambda *known: asked.append(known) or randomness(*known))
    fit(dqn, scripted(), 30, environments=1, epsilon=0.02, explore=0.5)
    assert asked == [(step, 30, 0.02, 0.5) for step in range(30)]


def test_the_target_is_copied_when_it_is_due(monkeypatch):
    """Between two copies the target stands still while the network moves."""
    seen, loss_of = [], dqn.loss_of

    def watched(q, target, drawn, gamma, delta):
        seen.append((q.layers[1].weight.sum().item(), target.layers[1].weight.sum().item()))
        return loss_of(q, target, drawn, gamma, delta)

    monkeypatch.setattr(dqn, "loss_of", watched)
    fit(dqn, scripted(), 100, environments=1, train_every=1, target_every=25, warmup=10, batch=4)
    own, target = np.array(seen).T
    changes = np.flatnonzero(np.diff(target)) + 1
    taken = np.arange(101 - len(seen), 101)  # steps in the world at each update
    assert taken[changes].tolist() == [26, 51, 76] and len(set(own)) == len(own)
    assert (target[changes] == own[changes]).all()


@pytest.mark.parametrize("seed", range(2))
def test_dqn_walks_the_corridor(seed):
    arena = check.toy("act", "environment")
    judged = act.pose(arena, 1, 0, {}).judge(fit(dqn, arena, 5_000, seed).answer, "test")
    assert judged["return"] == -5


def test_dqn_takes_frames(seen_by_memory):
    class Frames(Scripted):
        def reset(self):
            return np.full((1, 4, 84, 84), 9, np.uint8), {}

        def step(self, actions):
            return np.full((1, 4, 84, 84), 250, np.uint8), *super().step(actions)[1:]

    arena = Arena(lambda n, seed: Frames(SCRIPT, 0, 4), 2, (4, 84, 84), 20)
    answer = fit(dqn, arena, 40, environments=1, warmup=20, batch=8).answer
    assert answer(np.zeros((3, 4, 84, 84), np.uint8)).shape == (3,)
    assert seen_by_memory[0][0].dtype == np.uint8
    with pytest.raises(Unsupported, match="float32"):
        dqn.fit(arena, Run(budget=Budget("env_steps", 10), dtype="bfloat16"))


@pytest.mark.parametrize("shape", [(4, 84, 84), (10, 10, 7), (4,)])
def test_the_cost_of_dqn_is_what_is_counted(shape):
    q, target = dqn.Q(shape, 3), dqn.Q(shape, 3)
    s = torch.zeros((32, *shape), dtype=torch.float32 if len(shape) == 1 else torch.uint8)
    drawn = s, torch.zeros(32, dtype=torch.long), torch.zeros(32), torch.zeros(32), s
    with FlopCounterMode(display=False) as update:
        dqn.loss_of(q, target, drawn, 0.99, 1.0).backward()
    with FlopCounterMode(display=False) as answer, torch.inference_mode():
        q(s[:1])
    told = dqn.cost(8_000, shape, 3)
    counted = update.get_total_flops() * (8_000 - 1_000) / 4 + answer.get_total_flops() * 8_000
    assert told.fit == pytest.approx(counted, rel=0.05)
    assert told.answer == pytest.approx(answer.get_total_flops(), rel=0.05)
    kept = sum(p.numel() for p in q.parameters()) * 4 * 5 + (2 * s[0].nbytes + 16) * 8_000
    assert told.bytes == pytest.approx(kept, rel=0.05)
    assert dqn.cost(10**7, (4, 84, 84), 6).bytes < 2.1 * 2**30


def test_the_cost_of_linear_sarsa_is_what_its_features_count():
    x = np.zeros(400, np.float32)
    x[:40] = 1  # a tenth of what is seen
    _, phi = linear_sarsa.features(x)
    told = linear_sarsa.cost(10, (10, 10, 4), 3)
    assert told.answer == pytest.approx(2 * 3 * len(phi), rel=0.05)
    assert told.bytes == linear_sarsa.Linear(3, 400).w.nbytes


def test_the_shown_frames_are_those_of_the_greedy_policy():
    """Of mini breakout: as many as asked for, one picture a step, the brightest plane on top."""
    arena = mini_breakout.load()
    found = dqn.frames(arena, lambda seen: np.zeros(len(seen), np.int64), 5)
    game = arena.make(1, dqn.WATCHED)
    seen = game.reset()[0]
    for picture in found:
        on = seen[0].any(axis=2)
        assert (
            picture.shape == (10, 10) and ((picture > 0) == on).all() and (picture[seen[0, :, :, 0] > 0] == 255).all()
        )
        seen = game.step(np.zeros(1, np.int64))[0]

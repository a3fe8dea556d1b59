"""Linear SARSA: semi-gradient temporal differences on fixed features; what DQN was compared with.

R. S. Sutton, "Learning to predict by the methods of temporal differences", Machine Learning 3, 1988; G. A. Rummery and
M. Niranjan, "On-line Q-learning using connectionist systems", CUED/F-INFENG/TR 166, 1994. On Atari games:
M. G. Bellemare et al., "The arcade learning environment", JAIR 47, 2013, whose features (BASS) are like these.

    Q(s, a) = w_a . phi(s)        w_a += lr / |phi|^2 (r + gamma Q(s', a') - Q(s, a)) phi(s)

phi(s) are all products of two of the numbers 1, x_1 ... x_p that are seen: of pictures made of zeros and ones these are
every cell, and every pair of cells, that are on at once. It is designed, not learned: only w is.

Deviations from the papers:
1. No eligibility traces: lambda is 0 (.9 in Bellemare et al.).
2. The step is divided by the squared length of phi, so that one rate fits all environments.
3. Above 1,000 numbers (frames of Atari games) the pairs would be too many: phi is (1, x), grey levels divided by 255.
4. Several environments act side by side; their steps are learned one after the other.
5. An episode that was cut by the clock is not an end: the value of its last state is added.
6. epsilon falls from 1 to its last value over a first share of the steps, as DQN's does; fixed in Bellemare et al.
"""

from functools import lru_cache

import numpy as np

from harness.contract import Arena, Cost, Diverged, Fitted, Run, Technique

TECHNIQUE = Technique(
    title="Linear SARSA",
    year=1994,
    paper="Rummery & Niranjan, On-line Q-learning using connectionist systems, CUED/F-INFENG/TR 166, 1994; Sutton, "
    "Machine Learning 3, 1988",
    tasks=("act",),
    forms=("environment",),
    space={"lr": ("log", 1e-2, 1.0), "gamma": ("choice", 0.95, 0.99, 0.999)},
)
PAIRS = 1_000  # numbers seen up to which there are features of pairs


def cost(size, shape, classes, examples=None, *, lr=0.1, gamma=0.99, epsilon=0.1, explore=0.1, environments=8) -> Cost:
    """FLOPs if a tenth of what is seen is on, or 16 numbers of few: values of all actions, and the change of one.

    `examples`: steps in the world, `size` of them where not told.
    """
    numbers = 1
    for side in shape:
        numbers *= side
    on = 1 + max(min(numbers, 16), numbers // 10) if numbers <= 1_000 else 1 + numbers
    features = on * (on + 1) // 2 if numbers <= 1_000 else on
    return Cost(
        fit=2 * features * (2 * classes + 1) * (examples or size),
        answer=2 * features * classes,
        bytes=8 * classes * ((1 + numbers) ** 2 if numbers <= 1_000 else 1 + numbers),
    )


@lru_cache
def pairs(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all unordered pairs of k things, each with itself too."""
    return np.triu_indices(k)


def features(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the features of x (p,) that are not 0, and their values: z_i z_j of z = (1, x); of a large x only z.

    Feature z_i z_j, i <= j, has the number i (p + 1) + j.
    """
    z = np.concatenate([[1.0], x.ravel() / 255 if x.size > PAIRS and x.dtype == np.uint8 else x.ravel()])
    on = np.flatnonzero(z)
    if x.size > PAIRS:
        return on, z[on]
    i, j = pairs(len(on))
    i, j = on[i], on[j]
    return i * len(z) + j, z[i] * z[j]


class Linear:
    """The best action by linear values for each observation (k, ...): (k,) whole numbers.

    w   (actions, features)
    """

    def __init__(self, actions: int, numbers: int) -> None:
        self.w = np.zeros((actions, (1 + numbers) ** 2 if numbers <= PAIRS else 1 + numbers))

    def values(self, state: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """(actions,) of a state's features."""
        on, phi = state
        return self.w[:, on] @ phi

    def __call__(self, question: np.ndarray) -> np.ndarray:
        return np.array([self.values(features(seen)).argmax() for seen in question], np.int64)


def fit(
    train: Arena,
    run: Run,
    *,
    lr: float = 0.1,  # share of an error that one step takes away
    gamma: float = 0.99,  # discount of a step
    epsilon: float = 0.1,  # share of random actions while learning, once it has fallen
    explore: float = 0.1,  # share of the steps over which it falls from 1
    environments: int = 8,  # that act side by side
) -> Fitted:
    rng = np.random.default_rng(run.seed)
    answer = Linear(train.actions, int(np.prod(train.shape)))
    w = answer.w

    def act(states: list[tuple[np.ndarray, np.ndarray]], chance_of_random: float) -> np.ndarray:
        best = np.array([answer.values(state).argmax() for state in states])
        random = rng.integers(train.actions, size=environments)
        return np.where(rng.random(environments) < chance_of_random, random, best)

    arena = train.make(environments, run.seed)
    states = [features(seen) for seen in arena.reset()[0]]
    actions, over = act(states, 1.0), np.zeros(environments, bool)
    for step in run.steps(examples=environments):
        seen, rewards, terminated, truncated, _ = arena.step(actions)
        after = [features(one) for one in seen]
        fallen = min(1.0, step / (explore * (run.total or train.steps / environments)))
        planned = act(after, 1 + (epsilon - 1) * fallen)
        for i in np.flatnonzero(~over):  # the step after an end leads to the next start: there is nothing to learn
            (on, phi), (to_on, to_phi), a = states[i], after[i], actions[i]
            to_come = 0.0 if terminated[i] else w[planned[i], to_on] @ to_phi
            error = rewards[i] + gamma * to_come - w[a, on] @ phi
            if not np.isfinite(error):
                raise Diverged(f"the temporal difference at step {step} is {error}")
            w[a, on] += lr / (phi @ phi) * error * phi
        over = terminated | truncated
        states, actions = after, planned
        run.offer(answer)
    arena.close()
    return Fitted(answer, parameters=w.size)

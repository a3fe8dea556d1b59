"""Prompts of a linear function: eight examples of it and a ninth input, whose value is asked for. Drawn.

A function is w . x with w from a standard normal distribution, and another for every prompt: what one prompt's function
is can be learnt from its own eight examples alone, whose values have noise.
"""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Prompts of linear functions",
    year=2022,
    licence="generated",
    source="Garg, Tsipras, Liang, Valiant, What can transformers learn in-context?, 2022, 2208.01066: noisy linear",
    tasks=("regress",),
    form="series",
    shape=(9, 5),
    classes=0,
    rows=3_000_000,
    test=10_000,
    metric="rmse",
    higher_is_better=False,
    protocol="generated",
    anchor=0.5774,
    anchor_source="least squares of the eight examples: squared error .5^2 4 / (8 - 4 - 1), in closed form",
)
INPUTS = 4
EXAMPLES = 8  # twice the inputs
NOISE = 0.5  # standard deviation, in the examples' values; the asked one has none


def draw(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """x (size, 9, 5) float32 and y (size,) float64; the first rows do not depend on `size`.

    Channels 0 to 3: standard normal inputs. Channel 4: their value w . x + noise, in the ninth row 0. y: w . x of it.
    """
    drawn = rng.standard_normal((size, INPUTS + EXAMPLES + (EXAMPLES + 1) * INPUTS), dtype=np.float32)
    w, noise = drawn[:, :INPUTS], drawn[:, INPUTS : INPUTS + EXAMPLES]
    inputs = drawn[:, INPUTS + EXAMPLES :].reshape(size, EXAMPLES + 1, INPUTS)
    values = (inputs * w[:, None]).sum(2, dtype=np.float64)  # (size, 9)
    x = np.zeros((size, *DATASET.shape), np.float32)
    x[:, :, :INPUTS] = inputs
    x[:, :EXAMPLES, INPUTS] = values[:, :EXAMPLES] + NOISE * noise
    return x, values[:, EXAMPLES]


def load(size: int, seed: int) -> Data:
    """`size` rows of that seed, the first ones for a smaller size; 10,000 test rows, the same for every seed."""
    x, y = draw(size, generator("linear_prompts", seed))
    test_x, test_y = draw(DATASET.test, generator("linear_prompts test", 0))
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)

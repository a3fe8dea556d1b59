"""Tones: half a second of one note with up to six harmonics, in one of three octaves, under white noise. Which note?

The twelve classes are the pitches of the chromatic scale from C, whatever the octave. Fundamental C3 to B5 (131 to
988 Hz) in equal temperament with A4 = 440 Hz, out of tune by up to 20 cents; phases and the strengths of the harmonics
at random, none as strong as the fundamental; all die away together; 0 to 20 dB of signal over noise. The recipe was
fixed before any technique saw it.
"""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Tones of the chromatic scale",
    year=2018,
    licence="generated",
    source="drawn here, 8,000 samples per second; the question is that of Kim, Salamon, Li, Bello 2018, 1802.06182",
    tasks=("classify",),
    form="sound",
    shape=(4_000,),
    classes=12,
    rows=1_000_000,
    test=2_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="generated",
    anchor=0.963,
    anchor_source="level borrowed from synthesised music: SWIPE is within half a semitone in 96.3 % of the frames of "
    "RWC-synth (Kim et al. 2018, quoted from memory)",
)
RATE = 8_000
HARMONICS = 6
CHUNK = 20 * DATASET.classes  # rows that share a generator; each class comes once in every 12


def load(size: int, seed: int) -> Data:
    """`size` tones of that seed, the first ones for a smaller size; 2,000 test tones, the same for every seed.

    x (n, 4000) int16, y (n,) semitones above C, as often each.
    """
    x, y = _rows("tones", size, seed)
    test_x, test_y = _rows("tones test", DATASET.test, 0)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol)


def _rows(purpose: str, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.empty((size, *DATASET.shape), np.int16), np.empty(size, np.int64)
    for first in range(0, size, CHUNK):
        rng = generator(f"{purpose} {first // CHUNK}", seed)
        labels = rng.permuted(np.tile(np.arange(DATASET.classes), (CHUNK // DATASET.classes, 1)), axis=1).ravel()
        waves = noisy(clean(labels, rng)[0], rng)
        x[first : first + CHUNK], y[first : first + CHUNK] = waves[: size - first], labels[: size - first]
    return x, y


def clean(labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n, 4000) float32 waves without noise, and their fundamentals (n,) in hertz."""
    n = len(labels)
    semitones = labels + 12 * rng.integers(3, size=n) - 21 + rng.uniform(-0.2, 0.2, n)  # from A4; C3 is 21 below
    hertz = 440 * 2 ** (semitones / 12)
    order = np.arange(1, HARMONICS + 1)
    strength = np.where(order == 1, 1, rng.uniform(0, 1, (n, HARMONICS)))
    heard = (order <= rng.integers(1, HARMONICS + 1, (n, 1))) & (order * hertz[:, None] < RATE / 2)
    weight = (strength * heard * np.exp(2j * np.pi * rng.random((n, HARMONICS)))).astype(np.complex64)
    time = np.arange(DATASET.shape[0]) / RATE
    angle = (2 * np.pi * (hertz[:, None] * time % 1)).astype(np.float32)
    turn = np.empty(angle.shape, np.complex64)
    turn.real, turn.imag = np.cos(angle), np.sin(angle)
    total = np.zeros_like(turn)
    for k in reversed(range(HARMONICS)):  # the harmonics are the powers of `turn`: a polynomial, by Horner's scheme
        total = (total + weight[:, k : k + 1]) * turn
    decay = np.exp(-time / rng.uniform(0.1, 1, (n, 1))).astype(np.float32)
    return total.real * decay, hertz


def noisy(waves: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, samples) int16: white noise 0 to 20 dB below the wave's mean power, and the peak at 30,000."""
    decibels = rng.uniform(0, 20, (len(waves), 1))
    deviation = np.sqrt((waves**2).mean(1, keepdims=True) / 10 ** (decibels / 10)).astype(np.float32)
    waves = waves + deviation * rng.standard_normal(waves.shape, dtype=np.float32)
    return np.rint(waves * (30_000 / np.abs(waves).max(1, keepdims=True))).astype(np.int16)

"""Spoken strings: three to seven digits said by one speaker, glued with pauses under white noise. Which digits?

Made from the recordings of three of the six speakers of the Free Spoken Digit Dataset (`fsdd_3spk`): test strings from
its test recordings, numbers 0 to 4 of each speaker and digit, training strings from the others. Recordings are set to
one loudness; noise is 5 to 20 dB below it, the range of the training noise in Aurora-2 (Hirsch & Pearce 2000). The
recipe was fixed before any technique saw it.
"""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import members, texts, wav
from harness.split import generator

DATASET = Dataset(
    title="Strings of spoken digits",
    year=2016,
    licence="CC BY-SA 4.0",
    source="github.com/Jakobovski/free-spoken-digit-dataset, jackson, nicolas and theo; 8,000 samples per second",
    tasks=("translate",),
    form="sound",
    shape=(40_000,),
    classes=0,
    rows=20_000,
    test=500,
    metric="symbol_error",
    higher_is_better=False,
    protocol="generated",
    anchor=0.13,
    anchor_source="level borrowed from other strings of digits: word error of the hidden Markov models of Aurora-2, "
    "trained under noise, mean over its tests (Hirsch & Pearce 2000, quoted from memory)",
    files=(
        File(
            "fsdd-3spk.tar.xz",
            "",
            5869884,
            "252247e63feaba0776823eea76a777e781c164c8f4e7725fa89b3018f1a03876",
        ),
    ),
    folder="fsdd_3spk",
)
RATE = 8_000
SPEAKERS = ("jackson", "nicolas", "theo")
TAKES = 50  # recordings of each digit by each speaker, of which the first TEST are for test strings
TEST = 5
SHORTEST, LONGEST = 800, 8_000  # samples of a recording: the shortest has 1,149, of 4 longer ones the rest is silence
PAUSE = 1_600  # samples at most, before, between and after digits
LEVEL = 2_000  # root mean square of a recording
Recordings = list[list[list[np.ndarray]]]  # [speaker][digit][take]: (samples,) float32


def load(files: dict[str, Path], size: int, seed: int) -> Data:
    """`size` strings of that seed, the first ones for a smaller size; 500 test strings, the same for every seed.

    x (n, 40000) int16, zeros after the end; y (n,) StringDType such as "3079". Raises BadData.
    """
    takes = recordings(files["fsdd-3spk.tar.xz"])
    x, y = _rows("spoken strings", size, seed, [[digit[TEST:] for digit in speaker] for speaker in takes])
    test = _rows("spoken strings test", DATASET.test, 0, [[digit[:TEST] for digit in speaker] for speaker in takes])
    return Data(x, y, DATASET.classes, *test, protocol=DATASET.protocol)


def _rows(purpose: str, size: int, seed: int, takes: Recordings) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.zeros((size, *DATASET.shape), np.int16), []
    for row in range(size):
        rng = generator(f"{purpose} {row}", seed)
        digits, wave = say(takes, rng)
        deviation = LEVEL / 10 ** (rng.uniform(5, 20) / 20)
        wave += np.float32(deviation) * rng.standard_normal(len(wave), dtype=np.float32)
        x[row, : len(wave)] = np.rint(wave.clip(-32_768, 32_767))
        y.append("".join(map(str, digits)))
    return x, texts(y)


def say(takes: Recordings, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Three to seven digits, and the sound of them without noise. A string above five seconds is drawn anew."""
    while True:
        speaker = takes[rng.integers(len(takes))]
        digits = rng.integers(10, size=rng.integers(3, 8))
        said = [speaker[digit][rng.integers(len(speaker[digit]))] for digit in digits]
        pauses = [np.zeros(samples, np.float32) for samples in rng.integers(PAUSE, size=len(digits) + 1)]
        wave = np.concatenate([pauses[0], *(part for pair in zip(said, pauses[1:], strict=True) for part in pair)])
        if len(wave) <= DATASET.shape[0]:
            return digits, wave


def recordings(path: Path) -> Recordings:
    """All 1,500 recordings, each of the same loudness. Raises BadData where one is missing, damaged or silent."""
    names = [[[f"recordings/{d}_{s}_{i}.wav" for i in range(TAKES)] for d in range(10)] for s in SPEAKERS]
    found = members(path, 11_264_000, {name for speaker in names for digit in speaker for name in digit})
    return [[[_recording(found[name], name) for name in digit] for digit in speaker] for speaker in names]


def _recording(content: bytes, name: str) -> np.ndarray:
    wave = wav(content, RATE, name)[:LONGEST].astype(np.float32)
    if len(wave) < SHORTEST or not wave.any():
        raise BadData(f"{name} has {len(wave):,} samples or is silent: {SHORTEST:,} or more, with sound, are right")
    return wave * np.float32(LEVEL / np.sqrt((wave**2).mean()))

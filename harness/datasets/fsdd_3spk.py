"""Free spoken digits: 1,500 recordings, three people saying each digit 50 times, with the published test set."""

from pathlib import Path

import numpy as np

from harness.contract import Data, Dataset, File
from harness.formats import members, wav

DATASET = Dataset(
    title="Free Spoken Digit Dataset, three speakers",
    year=2016,
    licence="CC BY-SA 4.0",
    source="Jackson et al., github.com/Jakobovski/free-spoken-digit-dataset (jackson, nicolas, theo of six speakers); "
    "8,000 samples a second",
    tasks=("classify",),
    form="sound",
    shape=(8_000,),
    classes=10,
    rows=1_350,
    test=150,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.97,
    anchor_source="convolutional net on spectrograms, all six speakers: 97 to 99 % (quoted from memory)",
    files=(File("fsdd-3spk.tar.xz", "", 5869884, "252247e63feaba0776823eea76a777e781c164c8f4e7725fa89b3018f1a03876"),),
)

BYTES = 14_000_000  # at most in the unpacked archive
RATE = 8_000  # samples a second
SPEAKERS = ("jackson", "nicolas", "theo")
TESTED = 5  # the recordings 0 to 4 of each speaker and digit are the published test set


def load(files: dict[str, Path]) -> Data:
    """x (1350, 8000) int16, one second each: zeros after the end, y (1350,) the digit; 150 test rows.

    Four recordings, all of theo and none of the test set, are longer than a second and are cut; the longest lasts 2.3.
    """
    taken = [(d, s, k) for d in range(10) for s in SPEAKERS for k in range(50)]
    names = [f"recordings/{d}_{s}_{k}.wav" for d, s, k in taken]
    found = members(files["fsdd-3spk.tar.xz"], BYTES, names)
    x = np.zeros((len(names), *DATASET.shape), dtype=np.int16)
    for row, name in enumerate(names):
        sound = wav(found[name], RATE, name)[: x.shape[1]]
        x[row, : len(sound)] = sound
    y = np.array([d for d, _, _ in taken])
    test = np.array([k < TESTED for _, _, k in taken])
    return Data(x[~test], y[~test], DATASET.classes, x[test], y[test], protocol=DATASET.protocol)

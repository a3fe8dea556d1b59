"""Omniglot, a small background set: 136 characters of five alphabets, each drawn by 20 people; 20 one-shot runs."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import members, picture

DATASET = Dataset(
    title="Omniglot, background small 1",
    year=2015,
    licence="MIT",
    source="Lake, Salakhutdinov, Tenenbaum, Human-level concept learning through probabilistic program induction, "
    "Science 350, 2015; github.com/brendenlake/omniglot",
    tasks=("one_shot",),
    form="image",
    shape=(105, 105),
    classes=136,
    rows=2_720,
    test=400,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.955,
    anchor_source="people: 4.5 % error in these 20 runs (Lake et al. 2015, quoted from memory)",
    ceiling=0.967,
    ceiling_source="Bayesian program learning: 3.3 % error, after 30 alphabets (the same paper, quoted from memory)",
    files=(
        File(
            "images_background_small1.zip",
            "https://raw.githubusercontent.com/brendenlake/omniglot/057f034baf2ecb8530bc5710e5a23584d2a519cc/python/"
            "images_background_small1.zip",
            1319022,
            "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
        ),
        File(
            "all_runs.zip",
            "https://raw.githubusercontent.com/brendenlake/omniglot/057f034baf2ecb8530bc5710e5a23584d2a519cc/python/"
            "one-shot-classification/all_runs.zip",
            352787,
            "437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325",
        ),
    ),
)

DRAWERS, RUNS, WAYS = 20, 20, 20
BYTES = 4_000_000  # at most in either unpacked archive


def load(files: dict[str, Path]) -> Data:
    """x (2720, 105, 105) uint8, 0 ink and 255 paper, y (2720,) the character, in the order of alphabet and number.

    test_x (400, 21, 105, 105): 20 runs of 20 questions, each a picture and then the 20 of its run, from class01 to
    class20; test_y (400,) which of these is the same character. The test characters are of other alphabets.
    """
    drawings, runs = (files[file.name] for file in DATASET.files)
    found = members(drawings, BYTES, lambda name: name.endswith(".png"))
    names = sorted(found)
    folders, y = np.unique([name.rpartition("/")[0] for name in names], return_inverse=True)
    if len(folders) != DATASET.classes or not (np.bincount(y) == DRAWERS).all():
        raise BadData(f"{drawings.name} holds {len(names):,} pictures of {len(folders)} characters: 136 x 20 are right")
    x = np.stack([picture(found[name], DATASET.shape, name) for name in names])
    test_x, test_y = questions(runs)
    ceiling = DATASET.ceiling
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=ceiling)


def questions(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(400, 21, 105, 105) uint8 and (400,) int64. Raises BadData where a run's class_labels.txt is not of its kind."""
    found = members(path, BYTES, lambda name: name.endswith((".png", "/class_labels.txt")))
    x = np.empty((RUNS, WAYS, 1 + WAYS, *DATASET.shape), dtype=np.uint8)
    y = np.empty((RUNS, WAYS), dtype=np.int64)
    for run in range(RUNS):
        folder = f"run{run + 1:02}"
        asked = [f"{folder}/test/item{k:02}.png" for k in range(1, WAYS + 1)]
        known = [f"{folder}/training/class{k:02}.png" for k in range(1, WAYS + 1)]
        try:
            pairs = dict(line.split() for line in found[f"{folder}/class_labels.txt"].decode().splitlines())
            y[run] = [known.index(pairs[name]) for name in asked]
            x[run, :, 0] = [picture(found[name], DATASET.shape, name) for name in asked]
            x[run, :, 1:] = [picture(found[name], DATASET.shape, name) for name in known]
        except (KeyError, ValueError) as error:
            raise BadData(f"{path.name}, {folder}: {str(error)[:100]}") from None
    return x.reshape(-1, *x.shape[2:]), y.reshape(-1)

"""The first look: how each technique fares as data grow, on the datasets that are here. At most 10 minutes on 2 cores.

Runs on embedded and generated data alone; Fashion-MNIST and Adult join where they are. Expect: linear models and
forests lead on small tables, nets and boosting draw level or lead from some thousands of rows, nets on images.
"""

from harness.catalogue import names
from harness.contract import Block, Plan

SMALL = ("iris", "wine", "breast_cancer", "diabetes", "digits")
LARGE = ("fashion_mnist", "adult")
MADE = ("hastie", "friedman1")
GRID = (32, 100, 316, 1_000, 3_162, 10_000, 31_623)


def plan(machine):
    """Small data with many seeds, large data up to 31,623 rows; less on less than 6 GB of memory."""
    techniques = tuple(names("technique"))
    told = []
    large = tuple(name for name in LARGE if name in machine["here"])
    for name in LARGE:
        if name not in machine["here"]:
            told.append(f"{name} is not here and is left out: `eras data get {name}` downloads it")
    grid: tuple[int, ...] = GRID
    if (machine["memory"] or 0) < 6e9:
        grid = GRID[:-1]
        told.append("less than 6 GB of memory: the largest size is left out")
    blocks = (
        Block(techniques, SMALL, grid, {316: 10, 1_437: 5}),
        Block(techniques, large + MADE, grid, {1_000: 5, 31_623: 3}),
    )
    return Plan(blocks=tuple(b for b in blocks if b.datasets), seconds=540, told=tuple(told))

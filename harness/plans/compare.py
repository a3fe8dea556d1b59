"""What `eras compare` runs unless told otherwise: every technique once or twice, some tenths of a second each."""

from harness.catalogue import names
from harness.contract import Block, Budget, Plan

EXAMPLES, FEW = Budget("examples", 640), Budget("examples", 320)


def plan(machine):
    """One seed, datasets that need no download, sizes at which a fit is long enough to be timed: some 20 s in all."""
    techniques = tuple(names("technique"))
    return Plan(
        blocks=(
            Block(techniques, ("digits",), (1_000,), {1_000: 1}, budget=EXAMPLES),
            Block(techniques, ("hastie", "friedman1"), (1_000,), {1_000: 1}, budget=EXAMPLES),
            Block(techniques, ("tones",), (100,), {100: 1}, budget=FEW),
            Block(("kneser_ney",), ("source_code",), (10_000,), {10_000: 1}),
        )
    )

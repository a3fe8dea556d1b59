"""What `eras compare` runs unless told otherwise: every technique once or twice, some tenths of a second each."""

from harness.catalogue import names
from harness.contract import Block, Budget, Plan

EXAMPLES, TOKENS = Budget("examples", 2_000), Budget("tokens", 20_000)


def plan(machine):
    """One seed, datasets that need no download, sizes at which a fit is long enough to be timed."""
    techniques = tuple(names("technique"))
    return Plan(
        blocks=(
            Block(techniques, ("digits",), (1_000,), {1_000: 1}, budget=EXAMPLES),
            Block(techniques, ("hastie", "friedman1"), (3_162,), {3_162: 1}, budget=EXAMPLES),
            Block(techniques, ("tones",), (316,), {316: 1}, budget=EXAMPLES),
            Block(techniques, ("source_code",), (10_000,), {10_000: 1}, budget=TOKENS),
        )
    )

"""Every technique on the smallest sizes, seconds each: that the code runs, not how well. Under a minute."""

from harness.catalogue import names
from harness.contract import Block, Plan


def plan(machine):
    """One seed, two sizes, one dataset per task and form."""
    return Plan(
        blocks=(Block(tuple(names("technique")), ("digits", "breast_cancer", "diabetes"), (32, 100), {100: 1}),)
    )

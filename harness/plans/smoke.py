"""Every technique on the smallest sizes, seconds each: that the code runs, not how well. Some minutes."""

from harness.catalogue import names
from harness.contract import Block, Budget, Plan

EXAMPLES, TOKENS, STEPS = Budget("examples", 500), Budget("tokens", 5_000), Budget("env_steps", 1_000)


def plan(machine):
    """One seed, two sizes, a dataset of each task and form that needs no download."""
    techniques = tuple(names("technique"))
    datasets = ("digits", "breast_cancer", "diabetes", "tones", "selftest.words", "selftest.sums")
    return Plan(
        blocks=(
            Block(techniques, datasets, (32, 100), {100: 1}, budget=EXAMPLES),
            Block(techniques, ("digits_8",), (32,), {100: 1}, budget=EXAMPLES),  # to judge samples takes the longest
            Block(techniques, ("selftest.letters", "source_code_blanks"), (1_000, 3_162), {3_162: 1}, budget=TOKENS),
            Block(techniques, ("cliff_walking", "mini_freeway"), (1_000,), {1_000: 1}, budget=STEPS),
        )
    )

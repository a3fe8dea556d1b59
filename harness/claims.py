"""The claims there are, and the cells that they need. Standard library only: plans read it.

A claim stands in the card of its technique, or in a plan's `claims`. What a test varies is an axis of a cell: "size",
"keywords.NAME" of both arms, or "condition.NAME" of the task; without a size it runs on all rows of the dataset.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from harness import catalogue, plan
from harness.contract import Arm, Block, Claim, Test

PLAN = "claims"  # the plan whose claims are of no single technique, or of one that had rows before it had a claim


class Place(NamedTuple):
    """Where the cells of one arm lie: all of a cell but seed, device, threads, dtype and budget."""

    technique: str
    dataset: str
    size: int
    keywords: str
    condition: str
    tune: int


def registered(here: tuple[str, ...] = ()) -> list[tuple[str, Claim]]:
    """(technique or plan, claim), in the order of the names."""
    cards = [(name, claim) for name in catalogue.names("technique") for claim in catalogue.technique(name).card.claims]
    return [*cards, *((PLAN, claim) for claim in plan.named(PLAN, here).claims)]


def varied(test: Test) -> tuple[str, tuple[Any, ...]]:
    """The axis that a test varies, and its values; ("", (None,)) where there is none. One axis beside the size."""
    for axis, values in test.vary.items():
        return axis, tuple(values)
    return "", (None,)


def at(arm: Arm, dataset: str, axis: str, value: Any) -> tuple[str, int, dict[str, Any], dict[str, Any]]:
    """(technique, size, keywords, condition) of an arm at one value of what is varied."""
    keywords, condition = dict(arm.keywords), dict(arm.condition)
    size = int(value) if axis == "size" else catalogue.dataset(dataset).card.rows
    kind, _, name = axis.partition(".")
    if kind == "keywords":
        keywords[name] = value
    elif kind == "condition":
        condition[name] = value
    return arm.technique, size, keywords, condition


def place(arm: Arm, dataset: str, axis: str, value: Any) -> Place:
    """Where the rows of an arm lie at one value of what is varied."""
    technique, size, keywords, condition = at(arm, dataset, axis, value)
    told = plan.told(technique, keywords)
    return Place(technique, dataset, size, repr_of(told), repr_of(condition), arm.tune)


def repr_of(values: Mapping[str, Any]) -> str:
    """Keywords as a row stores them, in one text: tuples are lists there."""
    return repr(sorted((name, list(v) if isinstance(v, tuple) else v) for name, v in values.items()))


def blocks(claims: tuple[Claim, ...]) -> Iterator[Block]:
    """What has to be run for claims: every arm of every test, at every value, on every dataset, with all seeds."""
    for claim in claims:
        for test, dataset in itertools.product(claim.tests, claim.datasets):
            axis, values = varied(test)
            for arm, value in itertools.product(test.arms, values):
                technique, size, keywords, condition = at(arm, dataset, axis, value)
                words = ", ".join(f"{name}={one!r}" for name, one in keywords.items())
                asked = f"{technique}[{words}]" if words else technique
                yield Block((asked,), (dataset,), (size,), {size: test.seeds}, condition, arm.tune)

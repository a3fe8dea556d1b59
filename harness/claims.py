"""The claims there are, and the cells that they need. Standard library only: plans read it.

A claim stands in the card of its technique, or in a plan's `claims`. What a test varies is an axis of a cell: "size",
"keywords.NAME" of both arms, or "condition.NAME" of the task; without a size it runs on all rows of the dataset.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from harness import catalogue, plan
from harness.contract import Arm, Block, Cell, Claim, Test

PLAN = "claims"  # the plan whose claims are of no single technique, or of one that had rows before it had a claim


class Place(NamedTuple):
    """Where the cells of one arm lie: all of a cell but seed, device, threads, dtype and budget."""

    technique: str
    dataset: str
    size: int
    keywords: str
    condition: str
    tune: int


def of_cards() -> list[tuple[str, Claim]]:
    """(technique, claim) of all cards, in the order of the names."""
    return [(name, claim) for name in catalogue.names("technique") for claim in catalogue.technique(name).card.claims]


def registered() -> list[tuple[str, Claim]]:
    """(technique or plan, claim), the cards' first."""
    return [*of_cards(), *((PLAN, claim) for claim in plan.named(PLAN, ()).claims)]


def named(beginnings: Iterable[str], device: str) -> tuple[Claim, ...]:
    """The registered claims of one of these names; without such, those that begin with these words, or these letters.

    Those for a GPU only on "cuda", or by their whole name. Raises Mistake where there is none.
    """
    known, found = [claim for _, claim in registered()], []
    for text in beginnings:
        some = [one for one in known if one.name == text]
        some = some or [one for one in known if one.name.startswith(f"{text} ")]  # D2 is not D22
        some = some or [one for one in known if one.name.startswith(text)]
        some = [one for one in some if not one.gpu or device == "cuda" or one.name == text]
        if not some and any(one.name.startswith(text) for one in known):
            raise catalogue.Mistake(f"the claims of {text!r} are for a GPU: --device cuda, or a claim's whole name")
        if not some:
            raise catalogue.Mistake(f"no claim begins with {text!r}; there are {', '.join(c.name for c in known)}")
        found += [one for one in some if one not in found]
    return tuple(found)


def varied(test: Test) -> tuple[str, tuple[Any, ...]]:
    """The axis that a test varies, and its values; ("", (None,)) where there is none. A test has one axis at most."""
    axis, values = next(iter(test.vary.items()), ("", (None,)))
    return axis, tuple(values)


def at(arm: Arm, dataset: str, axis: str, value: Any, size: int = 0) -> tuple[str, int, dict[str, Any], dict[str, Any]]:
    """(technique, size, keywords, condition) of an arm at one value of what is varied. size: of the test, 0: all."""
    keywords, condition = dict(arm.keywords), dict(arm.condition)
    size = int(value) if axis == "size" else size or catalogue.dataset(dataset).card.rows
    kind, _, name = axis.partition(".")
    if kind == "keywords":
        keywords[name] = value
    elif kind == "condition":
        condition[name] = value
    return arm.technique, size, keywords, condition


def place(arm: Arm, dataset: str, axis: str, value: Any, size: int = 0) -> Place:
    """Where the rows of an arm lie at one value of what is varied; size as in `at`."""
    technique, size, keywords, condition = at(arm, dataset, axis, value, size)
    told = plan.told(technique, keywords)
    return Place(technique, dataset, size, repr_of(told), repr_of(condition), arm.tune)


def needed_by(claims: tuple[Claim, ...]) -> dict[Place, list[str]]:
    """{where rows lie: the names of the claims that need them}."""
    found: dict[Place, list[str]] = {}
    for claim in claims:
        for test, where in _each(claim):
            names = found.setdefault(place(*where, test.size), [])
            names += [claim.name] * (claim.name not in names)
    return found


def place_of(cell: Cell) -> Place:
    """Where a cell's row lies."""
    asked = (cell.technique, cell.dataset, cell.size, repr_of(cell.keywords), repr_of(cell.condition), cell.tune)
    return Place(*asked)


def repr_of(values: Mapping[str, Any]) -> str:
    """Keywords as a row stores them, in one text: tuples are lists there."""
    return repr(sorted((name, list(v) if isinstance(v, tuple) else v) for name, v in values.items()))


def blocks(claims: tuple[Claim, ...]) -> Iterator[Block]:
    """What has to be run for claims: every arm of every test, at every value, on every dataset, with all seeds."""
    for claim in claims:
        for test, (arm, dataset, axis, value) in _each(claim):
            technique, size, keywords, condition = at(arm, dataset, axis, value, test.size)
            asked = plan.asking(technique, keywords)
            yield Block((asked,), (dataset,), (size,), {size: test.seeds}, condition, arm.tune, budget=test.budget)


def _each(claim: Claim) -> Iterator[tuple[Test, tuple[Arm, str, str, Any]]]:
    """(test, (arm, dataset, axis, value)) of everything that a claim needs."""
    for test, dataset in tests_of(claim):
        axis, values = varied(test)
        for arm, value in itertools.product(test.arms, values):
            yield test, (arm, dataset, axis, value)


def tests_of(claim: Claim) -> list[tuple[Test, str]]:
    """(test, dataset): each test on its own datasets, or on all of the claim's."""
    return [(test, dataset) for dataset in claim.datasets for test in claim.tests if not test.datasets] + [
        (test, dataset) for test in claim.tests for dataset in test.datasets
    ]


def datasets_of(claim: Claim) -> set[str]:
    """All datasets that the claim's tests need."""
    return {dataset for _, dataset in tests_of(claim)}

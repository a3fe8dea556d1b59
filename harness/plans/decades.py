"""Table 1.5.1 of Dive into Deep Learning, run again: what could each decade's budget learn, and which method won?

Three ladders of budgets: the table as printed; independent figures of the same machines; and a compressed one, whose
six rungs run anywhere in minutes (harness/rungs.py).

A budget is rows, resident bytes, and the FLOPs of a day, in which a method's search has to fit too: four settings,
judged on a fifth of the rows, and the last fit. Of each method the list below, fixed before the first run, holds its
configurations, largest first. A classic method takes as many rows as it can, then the largest configuration; a net
reads all rows from tape and takes the largest configuration that memory holds and that sees every row three times, else
the smallest; after 300 times it stops. What fits nowhere gets a row that says why.

Bytes are those of the algorithm, not of a library: learned numbers in 4 bytes with what the optimiser keeps of each, a
batch's activations and their gradients, and the rows that have to stay, pixels and Iris's lengths in 8 bits, other
values in 32. Reading and writing in order ("tape") is free: rows that are passed over, finished trees. Registered
before the first run: classic methods win 1970 to 1990, the nets' share grows with the decade, and on images and text
nets win from 2000 or 2010 on; tables are the exception.
"""

import math
from dataclasses import replace
from typing import Any

from harness import catalogue
from harness import plan as plans
from harness.contract import Block, Budget, Cell, Plan
from harness.rungs import FITS, KINDS, LADDERS, ladder

FIXED = {"tables": "teacher", "images": "glyphs", "text": "pcfg"}  # one dataset, only the budget grows
OWN: dict[str, dict[int, tuple[str, ...]]] = {  # the decade's kind of data; California's prices stand in for Boston's
    "tables": {1970: ("iris",), 1980: ("california_housing", "diabetes"), 1990: ("letter", "hastie")},
    "images": {1970: ("digits",), 1980: ("digits",), 1990: ("usps", "digits")},
    "text": {1970: ("ag_news_test",), 1980: ("ag_news_test",), 1990: ("ag_news_test",)},
}
CANDIDATES: dict[str, tuple[dict[str, Any], ...]] = {  # configurations, largest first
    "logistic_regression": ({},),
    "ridge": ({},),
    "naive_bayes": ({},),
    "knn": ({},),
    "decision_tree": ({}, {"leaf": 20}),
    "random_forest": ({}, {"trees": 10}),
    "gradient_boosting": ({}, {"leaves": 8}, {"rounds": 30, "leaves": 4}),
    "kernel_svm": ({}, {"cache": 1.0}, {"cache": 0.01}, {"cache": 0.0001}),
    "kernel_ridge": tuple({"features": "fourier", "landmarks": m} for m in (2000, 500, 100, 30)),
    "tfidf_svm": ({}, {"ngrams": 1}),
    "kneser_ney": ({}, {"order": 3}, {"order": 2}),
    "mlp": (
        *({"hidden": (512, 512)}, {"hidden": (256, 128)}, {"hidden": (64,), "batch": 32}),
        *({"hidden": (16,), "batch": 16}, {"hidden": (4,), "batch": 4}),
    ),
    "lenet": ({}, {"batch": 16}, {"batch": 4}),
    "alexnet": ({}, {"width": 16}, {"width": 8, "batch": 16}, {"width": 4, "batch": 16}),
    "lstm": (
        *({}, {"width": 64}, {"width": 32}, {"width": 32, "streams": 8, "block": 16, "batch": 8}),
        {"width": 16, "streams": 8, "block": 16, "batch": 8},
    ),
    "transformer": (
        *({}, {"width": 64, "layers": 2}, {"width": 32, "layers": 1}),
        {"width": 16, "layers": 1, "rows": 4, "block": 32, "batch": 4, "length": 32},
    ),
}
SIZES = (10, 32, 100, 316, 1_000, 3_162, 10_000, 31_623, 100_000, 316_228, 1_000_000, 3_162_278)
PASSES, ENOUGH = 3, 300  # times that a net should see every row, and after which it stops
BITS8 = ("iris",)


def plan(machine):
    """The compressed ladder whole; the printed and the independent one as far as this machine's day reaches."""
    told = ["2020 is not run anywhere here: a day of its machine is 86 billion billion FLOPs"]
    told += [] if machine["gpu"] else ["2010 is left out: it is for a machine with a GPU"]
    blocks, account = entered(LADDERS, machine, 2010 if machine["gpu"] else 2000, {10**9: 3})
    return Plan(blocks, 2 * 3600, tuple(told), account=account)


def entered(ladders, machine, reach, seeds, families=tuple(FIXED)):
    """What all candidates enter the rungs with, and their cells' account. reach: the last decade that is run."""
    blocks: list[Block] = []
    facts: dict[tuple, dict] = {}
    for name in ladders:
        for rung in ladder(name, machine["period"]):
            if name != "compressed" and rung.decade > reach:
                continue
            for family, dataset in _datasets(rung, machine["here"], families):
                later = (1 if name == "independent" else 0) + (5 if name != "compressed" and rung.decade > 1990 else 0)
                about = {
                    "reading": "fixed" if dataset == FIXED[family] else "own",
                    "field": [technique for technique in CANDIDATES if _task(technique, dataset)],
                }
                for technique in about["field"]:
                    blocks.append(replace(_proposed(technique, dataset, rung, about, facts), later=later, seeds=seeds))
    return tuple(blocks), lambda cell: _account(cell, facts)


def _datasets(rung, here, families):
    """Of each family the fixed dataset, and the decade's own where that is another one and is here."""
    for family in families:
        fixed = FIXED[family]
        own = OWN[family].get(rung.decade, ()) if rung.ladder != "compressed" else ()
        for dataset in dict.fromkeys((fixed, *[name for name in own if name in here][:1])):
            yield family, dataset


def _task(technique, dataset):
    return plans.task_of(catalogue.technique(technique).card, catalogue.dataset(dataset).card)


def _proposed(technique, dataset, rung, about, facts):
    """What a method enters a rung with: a block, or one whose only cell is refused."""
    card, budgeted = catalogue.dataset(dataset).card, catalogue.technique(technique).budgeted
    task = _task(technique, dataset)
    scale = plans.scale(task)  # tokens of a text that count as one row
    most = min(rung.rows * scale, card.rows)
    tried = [size * scale for size in SIZES if size * scale < most] if not budgeted else []
    binds = "rows" if most == rung.rows * scale else "dataset"  # until something keeps a larger choice away
    for size in (most, *reversed(tried)):
        able = []
        for configuration in CANDIDATES[technique]:
            cell = Cell(technique, dataset, task, size, 0, configuration, budget=Budget("flops", rung.each, rung.bytes))
            short, _ = _refusal(cell)
            if not short and budgeted and plans.flops(cell, PASSES * size) > rung.each:
                able.append(cell)
                short = "FLOPs"
            if not short:
                return _block(cell, rung, about | {"binding": binds}, facts)
            binds = short
        if able:  # no net sees every row so often: the smallest sees what it can
            return _block(able[-1], rung, about | {"binding": "FLOPs"}, facts)
    return _block(cell, rung, about | {"binding": binds}, facts, tune=0)


def _block(cell, rung, about, facts, tune=FITS - 1):
    budget = cell.budget
    if catalogue.technique(cell.technique).budgeted:
        budget = replace(budget, amount=min(budget.amount, plans.flops(cell, ENOUGH * cell.size)))
    ladders = LADDERS if about["reading"] == "fixed" else KINDS  # 1970 is the same rung in two of them
    same = [
        f"{one.ladder} {one.decade}" for name in ladders for one in ladder(name, rung.period) if one[2:] == rung[2:]
    ]
    told = {"rungs": same, "flops": rung.flops, "rows": rung.rows, "period": rung.period, **about}
    known = facts.setdefault(_key(replace(cell, budget=budget)), told)
    known["rungs"] = list(dict.fromkeys((*known["rungs"], *same)))  # two rungs may come to the same cell
    known["rows"] = max(known["rows"], rung.rows)
    return Block(
        (plans.asking(cell.technique, cell.keywords),), (cell.dataset,), (cell.size,), {}, budget=budget, tune=tune
    )


def _key(cell):
    return cell.technique, cell.dataset, cell.size, cell.budget.amount, cell.budget.bytes


def _account(cell, facts):
    """For the row: the rungs it belongs to, what would have to grow to let more in, and what it needs of the memory.

    A search trial is weighed as the fit that it would lead to, on all rows.
    """
    if not cell.budget or cell.budget.unit != "flops":  # a cell of another exhibit of the same plan
        return {}
    whole = replace(cell, condition={k: v for k, v in cell.condition.items() if k != "validation"})
    told = facts.get(_key(cell), {"rungs": [], "rows": cell.size})
    scale = plans.scale(cell.task)
    many = f"{cell.size:,} rows, the decade has {told['rows']:,}" if cell.size > scale * told["rows"] else ""
    return {**told, "refused": many or _refusal(whole)[1], "bytes": held(whole), "fits": FITS}


def _refusal(cell):
    """What a cell has too little of, "bytes" or "FLOPs" or "rows", and that in words; ("", "") if nothing."""
    needs = held(cell)
    if needs > cell.budget.bytes:
        return "bytes", f"needs {needs:,} resident bytes, the budget holds {cell.budget.bytes:,}"
    if cell.technique == "kernel_svm":
        if cell.size > keyword(cell, "exact"):
            return "rows", f"is exact, and stops at {keyword(cell, 'exact'):,} rows"
        matrix, priced = 4 * _of_machine(cell) ** 2, 4 * plans.flops(cell, 0)
        if keyword(cell, "cache") * 2**20 < matrix and priced > cell.budget.amount:
            return "FLOPs", f"needs {priced:.3g} FLOPs with a small cache, the budget holds {cell.budget.amount:.3g}"
    why = plans.overspends(cell)
    return ("FLOPs" if why else ""), why


def _of_machine(cell):
    """Rows of one of a kernel SVM's machines, which tells two classes apart."""
    return 2 * cell.size / max(2, catalogue.dataset(cell.dataset).card.classes)


def keyword(cell, name):
    """A hyperparameter of a cell, given or default."""
    return cell.keywords.get(name, catalogue.technique(cell.technique).defaults[name])


def held(cell):
    """Resident bytes of the algorithm, see this file's first lines."""
    card = catalogue.dataset(cell.dataset).card
    n, p, c = cell.size, math.prod(card.shape), max(1, card.classes)
    planes = c if c > 2 else 1
    rows = n * (p * (1 if card.form == "image" or cell.dataset in BITS8 else 4) + 1)
    words = 20 * math.sqrt(n * p)  # different ones in n texts of p words
    match cell.technique:
        case "logistic_regression":
            total = 4 * (p + 1) * planes * 22  # L-BFGS: weights, their gradient, ten pairs of either
        case "ridge":
            total = 4 * (p**2 + 2 * p)
        case "naive_bayes":
            total = words * (8 + 4 * c) if card.form == "text" else (4 if card.form == "image" else 8) * c * p + 4 * c
        case "knn":
            total = rows
        case "decision_tree":
            total = rows + 12 * 2 * n / keyword(cell, "leaf") * (0.2 if card.classes else 1)
        case "random_forest":  # finished trees go to tape
            total = rows + 12 * 1.2 * n / keyword(cell, "leaf") * (0.2 if card.classes else 1)
        case "gradient_boosting":  # rows in bins of 8 bits, gradients, histograms; finished trees go to tape
            total = n * (p + 8 * planes) + 16 * p * min(255, 1 + n / 3) * keyword(cell, "leaves")
        case "kernel_svm":  # kernel rows that are kept, two at least
            m = _of_machine(cell)
            total = rows + 4 * n * c + max(min(keyword(cell, "cache") * 2**20, 4 * m**2), 8 * m)
        case "kernel_ridge":
            m = keyword(cell, "landmarks")
            total = 4 * m * (m + p + c)
        case "tfidf_svm":
            grams = words * keyword(cell, "ngrams") ** 2 * (6 if keyword(cell, "characters") else 1)
            total = grams * (8 + 4 * planes) + 4 * n * planes
        case "kneser_ney":
            total = 8 * sum(min(n, c**k) for k in range(1, keyword(cell, "order") + 1))
        case "mlp":
            widths = (p, *keyword(cell, "hidden"), c)
            weights = sum(a * b for a, b in zip(widths[:-1], widths[1:], strict=True))
            total = 16 * weights + 8 * keyword(cell, "batch") * sum(widths)
        case "lenet":
            total = 16 * (60_700 + 85 * c) + 8 * keyword(cell, "batch") * 9_200
        case "alexnet":
            width = keyword(cell, "width")
            weights = 25 * width + 9 * 2 * width**2 + 9 * 8 * width**2 + 16 * 32 * width**2 + 8 * width * c
            total = 16 * weights + 8 * keyword(cell, "batch") * 784 * width * (1 + 3 / 4 + 6 / 16)
        case "lstm" | "transformer":  # their own count, without the rows, which come from tape
            length = keyword(cell, "length")
            apart = 9 * n if card.form == "tokens" else 8 * n * max(length, 20 * min(length, p))
            priced = plans.cost(cell)
            assert priced, "both tell their cost"
            total = priced.bytes - apart
    return math.ceil(total)

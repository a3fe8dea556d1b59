"""Which cells, in which order, at what forecast cost. Imports no technique: cards and `cost` come from catalogue."""

import ast
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from harness import catalogue, machine, search
from harness.catalogue import Found, Mistake, public_name
from harness.contract import STREAMS, Block, Budget, Cell, Cost, Dataset, Plan, Technique
from harness.rungs import DAY

GRID = (32, 100, 316, 1_000, 3_162, 10_000, 31_623, 100_000, 316_228, 1_000_000)
HOLD = 0.2  # share of the n training rows that is held out to choose by, as in a search trial
FOLDS = 5  # of `split`, whose import would bring NumPy
FOLDED = 3_000  # rows below which each fifth is held out in turn: one of few rows would choose by luck


# ------------------------------------------------------------------------------------------------------------ the cells


def named(name: str, here: Iterable[str], period: float = DAY, device: str = "cpu") -> Plan:
    """The plan of that name or file, made for this machine, the device and the datasets that are here.

    period  seconds that a decade's machine computes for, of the plans that are about decades
    """
    path = catalogue.path_of("plan", name)
    try:
        facts = {**machine.fingerprint(), "here": frozenset(here), "bfloat16": machine.bfloat16(), "period": period}
        facts["device"] = device
        made = catalogue.load(path).plan(facts)
    except Exception as error:  # a plan file may be the user's, and raise whatever it likes
        raise Mistake(f"plan {name}: {type(error).__name__}: {error}") from error
    for block in catalogue.typed(made, Plan, f"plan {name}: what plan(machine) returns").blocks:
        catalogue.typed(block, Block, f"plan {name}, a block")
    return made


def check_device(device: str) -> None:
    """Raises Mistake where a GPU is asked for and there is none."""
    if device == "cuda" and not machine.fingerprint()["gpu"]:
        raise Mistake("--device cuda: no NVIDIA GPU was found on this machine (`eras doctor`)")


def expand(block: Block, device: str = "cpu", threads: int = 1, dtype: str = "float32") -> list[Cell]:
    """All cells of a block: each technique with each dataset that it can take, at the sizes that the dataset has."""
    cells = []
    for dataset_name in block.datasets:
        card: Dataset = catalogue.dataset(dataset_name).card
        for asked in block.techniques:
            name, keywords = asked_for(asked)
            found = catalogue.technique(name)
            task = task_of(found.card, card)
            if (
                task is None
                or device not in found.card.devices
                or not (kind := _dtype(block, found.card.dtypes, dtype))
            ):
                continue
            for size in sorted({s for s in block.sizes if 2 <= s <= card.rows}):
                for seed in range(seeds_at(block.seeds, size)):
                    cells.append(
                        Cell(
                            technique=found.name,
                            dataset=catalogue.dataset(dataset_name).name,
                            task=task,
                            size=size,
                            seed=seed,
                            keywords=keywords,
                            condition=block.condition,
                            device=device,
                            threads=threads,
                            dtype=kind,
                            budget=_budget(block.budget, found.budgeted, size, task),
                            tune=block.tune if found.card.space else 0,
                        )
                    )
    return cells


def task_of(technique: Technique, dataset: Dataset) -> str | None:
    """The first task of a dataset that a technique knows, if it takes the dataset's form."""
    if technique.forms and dataset.form not in technique.forms:
        return None
    return next((task for task in dataset.tasks if task in technique.tasks), None)


def seeds_at(seeds: Mapping[int, int], size: int) -> int:
    """
    >>> seeds_at({316: 10, 10_000: 3}, 100), seeds_at({316: 10, 10_000: 3}, 50_000)
    (10, 3)
    """
    fitting = [count for largest, count in sorted(seeds.items()) if size <= largest]
    return fitting[0] if fitting else seeds[max(seeds)]


def _budget(given: Budget | None, budgeted: bool, size: int, task: str) -> Budget | None:
    """A cell's budget: FLOPs bind every technique, all else only those that learn in steps."""
    if given and given.unit == "flops":
        return given
    return (given or default_budget(size, task)) if budgeted else None


def _dtype(block: Block, able: Sequence[str], asked: str) -> str:
    """The number format of a block's cells: its own where the technique can, else what was asked for; "" if neither."""
    return block.dtype if block.dtype in able else asked if asked in able else ""


def default_budget(size: int, task: str = "classify") -> Budget:
    """Ten passes; where data are few twenty or more, and never fewer than 40,000 examples: nets are not starved there.

    With 10,000, 20,000 and 40,000 examples an AlexNet of width 16 came to .701, .713 and .720 on 100 rows of
    Fashion-MNIST, .737, .763 and .775 on 316 (two seeds); a residual MLP on Adult gained nothing.

    Of a running text the unit is the token: twenty passes up to 2,000,000 tokens, two at least, never below 300,000.
    Of acting it is the step, of which there are `size`.
    """
    if task == "act":
        return Budget("env_steps", size)
    if task in STREAMS:
        return Budget("tokens", max(300_000, min(20 * size, 2_000_000), 2 * size))
    return Budget("examples", max(40_000, min(20 * size, 60_000), 10 * size))


def asked_for(text: str) -> tuple[str, dict[str, Any]]:
    """A technique as the command line writes it: its name and keywords.

    >>> asked_for("mlp[hidden=(100, 10), lr=0.01]")
    ('mlp', {'hidden': (100, 10), 'lr': 0.01})
    >>> asked_for("selftest.sleep:5")
    ('selftest.sleep', {'seconds': 5})
    """
    if text.endswith("]") and "[" in text:
        name, keywords = read(text)
    elif ":" in text:
        name, value = text.split(":", 1)
        first = next(iter(catalogue.technique(name).defaults), None)
        if first is None:
            raise Mistake(f"{name} has no keyword that {value!r} could set")
        keywords = {first: _value(value)}
    else:
        return text, {}
    _check_keywords(name, keywords)
    return name, told(name, keywords)


def read(text: str) -> tuple[str, dict[str, Any]]:
    """NAME or NAME[keyword=value, ...] as it is written, whatever the technique's file says of it."""
    name, _, inside = text.removesuffix("]").partition("[")
    try:
        call = ast.parse(f"f({inside})", mode="eval").body
        assert isinstance(call, ast.Call) and not call.args and all(k.arg for k in call.keywords)
        return name, {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg}
    except (SyntaxError, ValueError, TypeError, AssertionError):
        raise Mistake(f"{text!r} does not read as NAME[keyword=value, ...] with literal values") from None


@cache
def registered() -> dict[str, tuple[tuple[str, ...], tuple[tuple[str, dict[str, Any]], ...]]]:
    """Of each family of the scale curve its classic methods, and its net of three sizes as (name, keywords) each."""
    curves = catalogue.load(catalogue.path_of("plan", "curves"))
    return {family: (curves.CLASSIC[family], tuple(map(read, nets))) for family, nets in curves.NETS.items()}


def asking(name: str, keywords: Mapping[str, Any]) -> str:
    """A technique with keywords as the command line writes it: what `asked_for` reads.

    >>> asking("mlp", {"hidden": (100, 10), "lr": 0.01})
    'mlp[hidden=(100, 10), lr=0.01]'
    """
    words = ", ".join(f"{keyword}={value!r}" for keyword, value in keywords.items())
    return f"{name}[{words}]" if words else name


def told(name: str, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords that differ from the defaults: `knn[k=5]` is `knn`."""
    defaults = catalogue.technique(name).defaults
    return {k: v for k, v in keywords.items() if k not in defaults or defaults[k] != v}


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _check_keywords(name: str, keywords: Mapping[str, Any]) -> None:
    defaults = catalogue.technique(name).defaults
    for keyword, value in keywords.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            told = f"{name}[{keyword}={value!r}]: a row cannot hold this value; finite numbers and texts are right"
            raise Mistake(told) from None
        if defaults and keyword not in defaults:
            raise Mistake(f"{name} has no hyperparameter {keyword!r}; it has {', '.join(defaults)}")


ROUNDS = ((3_162, 1), (10_000, 3), (31_623, 5), (100_000, 10))  # (largest size, seeds) that a round adds
TOKENS = 32  # of a running text count as much as one example


def ordered(cells: Sequence[Cell], later: Sequence[int] = ()) -> list[Cell]:
    """Breadth first: in rounds, of more sizes and more seeds each; in a round by seed, then by size.

    So a run that is stopped early has one seed of all techniques on all datasets at the usual sizes, before it has
    anything large or twentyfold. A search is three rounds later than what it tunes, a long one (over 8 draws) four.

    later  rounds that each cell is put off, none if empty
    """
    waits = later or [0] * len(cells)
    places = [
        (_round(c) + wait, c.seed, c.size, c.dataset, c.technique, c.tune) for c, wait in zip(cells, waits, strict=True)
    ]
    return [cells[k] for k in sorted(range(len(cells)), key=places.__getitem__)]


def scale(task: str) -> int:
    """Examples that count as one: of a running text TOKENS, of others one."""
    return TOKENS if task in STREAMS else 1


def _round(cell: Cell) -> int:
    size = cell.size / scale(cell.task)
    by_size = sum(size > largest for largest, _ in ROUNDS)
    by_seed = sum(cell.seed >= seeds for _, seeds in ROUNDS)
    return max(by_size, by_seed) + 3 * (cell.tune > 1) + (cell.tune > 8)


# ------------------------------------------------------------------------------------------------------------- identity


def key(cell: Cell) -> dict[str, Any]:
    """All that decides a result, and nothing else: two cells with the same key are the same cell."""
    return _key(cell, machine.fingerprint()["name"])


def _key(cell: Cell, machine_name: str) -> dict[str, Any]:
    code, fingerprint, libraries = _files_of(cell.technique, cell.task, cell.dataset)
    chosen_by = folds(cell) if cell.tune else 1
    return {
        **cell.as_dict(),
        **({"folds": chosen_by} if chosen_by > 1 else {}),  # absent where one hold-out chose, as in the first rows
        "keywords": dict(cell.keywords),
        "condition": dict(cell.condition),
        "technique": public_name(cell.technique),
        "dataset": public_name(cell.dataset),
        "fingerprint": fingerprint,
        "code": code,
        "libraries": libraries,
        "machine": machine_name,
    }


def identity(a_key: Mapping[str, Any]) -> dict[str, Any]:
    """What a key says of the question alone: without the seed, the code, the libraries and the machine."""
    apart = ("code", "fingerprint", "libraries", "machine", "seed")
    return {name: value for name, value in a_key.items() if name not in apart}


def files(cell: Cell) -> tuple[Found, Found, Found]:
    """What the cell's technique, task and dataset files tell."""
    return _found(cell.technique, cell.task, cell.dataset)


def _found(technique: str, task: str, dataset: str) -> tuple[Found, Found, Found]:
    return catalogue.technique(technique), catalogue.find("task", task), catalogue.dataset(dataset)


def changed(cell: Cell) -> str:
    """The name of a file of this cell that is no longer what its key says, or ""."""
    paths = [path for found in files(cell) for path in (found.path, *found.ours)]
    return next((p.name for p in paths if catalogue.file_hash(p) != catalogue.file_hash.__wrapped__(p)), "")


@cache
def _files_of(technique: str, task: str, dataset: str) -> tuple[str, str, dict[str, str]]:
    found = _found(technique, task, dataset)
    libraries = {k: catalogue.minor(v) for k, v in catalogue.libraries(found[0]).items()}
    return catalogue.code_hash(*found), catalogue.fingerprint(found[2]), libraries


def row_id(a_key: Mapping[str, Any]) -> str:
    """20 hex digits that name a key."""
    text = json.dumps(a_key, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


# --------------------------------------------------------------------------------------------------------------- search


def held_out(folds: int) -> list[dict[str, Any]]:
    """The conditions under which a cell is run to be chosen by, one for each fold.

    >>> held_out(1), [held["fold"] for held in held_out(5)[1:]]
    ([{'validation': 0.2}], [1, 2, 3, 4])
    """
    return [{"validation": HOLD}, *({"validation": HOLD, "fold": fold} for fold in range(1, folds))]


def folds(cell: Cell) -> int:
    """How many fits judge a cell that is chosen among others: FOLDS below FOLDED rows, else one.

    One too where FLOPs are shared out among the fits, and of what is not dealt in folds (running text, series, acting).
    """
    by_flops = cell.budget is not None and cell.budget.unit == "flops"
    dealt = cell.size < FOLDED and cell.task in ("classify", "regress") and not by_flops
    return FOLDS if dealt else 1


def trials(cell: Cell) -> list[Cell]:
    """The search trials that a tuned cell waits for: same rows, validation inside them, the default first.

    What the cell itself fixes is not drawn: a small net stays small. Of each setting there is one trial a fold.
    """
    space = catalogue.technique(cell.technique).card.space
    return [
        replace(
            cell,
            tune=0,
            keywords=told(cell.technique, {**drawn, **cell.keywords}),
            condition={name: value for name, value in cell.condition.items() if name != "fold"} | held,
        )
        for drawn in search.draws(space, cell.tune, cell.seed)
        for held in held_out(folds(cell))
    ]


def resolve(cell: Cell, rows: Sequence[Mapping[str, Any]]) -> tuple[Cell, dict[str, Any]]:
    """The tuned cell with the keywords of the best setting on validation, and what the search cost.

    rows  of its `trials`, each once. A setting counts as ok where it is on all folds that any setting was judged on:
          one whose rows are of one class, or lack a class that the metric asks for, judges nobody.
    """
    settings: dict[str, list[Mapping[str, Any]]] = {}
    able = {_fold(row) for row in rows if _is_judged(row)}
    for row in rows:
        settings.setdefault(json.dumps(row["key"]["keywords"], sort_keys=True), []).append(row)
    used = [[row for row in some if _fold(row) in able] for some in settings.values()]
    judged = [some for some in used if some and all(map(_is_judged, some))]
    if not judged:
        raise LookupError(f"none of the {len(settings)} settings of the search was ok")
    metric = judged[0][0]["quality"]["metric"]
    sign = 1 if judged[0][0]["quality"]["higher_is_better"] else -1
    best = max(judged, key=lambda some: sign * _mean(some, "valid", metric))
    drawn = {k: v for k, v in best[0]["key"]["keywords"].items() if cell.keywords.get(k) != v}
    told = {
        "trials": len(settings),
        "folds": len(able),
        "ok": len(judged),
        "seconds": sum((r["time"] or {}).get("wall") or 0.0 for r in rows),
        "tried": [_tried(some, used_, metric) for some, used_ in zip(settings.values(), used, strict=True)],
        "valid": _mean(best, "valid", metric),
        "best": drawn,
        "edges": search.edges(catalogue.technique(cell.technique).card.space, drawn),
    }
    return replace(cell, keywords={**cell.keywords, **drawn}), told


def _fold(row: Mapping[str, Any]) -> int:
    return int(row["key"]["condition"].get("fold", 0))


def _is_judged(row: Mapping[str, Any]) -> bool:
    quality = row["quality"] or {}
    return row["status"] == "ok" and (quality.get("valid") or {}).get(quality["metric"]) is not None


def _mean(rows: Sequence[Mapping[str, Any]], split: str, metric: str) -> float:
    return sum(row["quality"][split][metric] for row in rows) / len(rows)


def _tried(rows: Sequence[Mapping[str, Any]], used: Sequence[Mapping[str, Any]], metric: str) -> list[float | None]:
    """[validation score, test score, wall seconds] of one setting over its folds; no scores where one failed."""
    whole = all(map(_is_judged, used))
    scores = [_mean(used, split, metric) if whole else None for split in ("valid", "test")]
    seconds = [(row["time"] or {}).get("wall") for row in rows]
    return [*scores, sum(s or 0.0 for s in seconds) if any(seconds) else None]


# ------------------------------------------------------------------------------------------------------------- forecast

FIRST_RATE = {"flops": 2e10, "steps": 2e9}  # per second and thread, until a row of this technique is there
FIXED = 0.25  # seconds of load, judging and timing that no cell goes without, until a row of the dataset is there


@dataclass(frozen=True)
class Forecast:
    """Wall seconds and resident bytes of one cell; `known`: rests on rows of the same technique on this machine."""

    seconds: float
    bytes: float
    known: bool


def cost(cell: Cell, seen: float = 0) -> Cost | None:
    """The technique's own `cost` for this cell, or None where it has none.

    seen  examples that passed in training, where the budget does not count them: of steps that is known afterwards
    """
    given = lent(cell)
    if seen and given and given.unit in ("steps", "seconds"):
        return _priced(cell, seen)
    priced = _priced(cell, given.amount if given and given.unit in ("examples", "tokens") else None)
    return replace(priced, fit=0.0) if priced and given and not given.amount else priced


def lent(cell: Cell) -> Budget | None:
    """The budget as `fit` gets it: of a technique that learns in steps, FLOPs are as many examples as they pay for."""
    if not cell.budget or cell.budget.unit != "flops" or not catalogue.technique(cell.technique).budgeted:
        return cell.budget
    low, high = 0, 1
    while flops(cell, high) <= cell.budget.amount and high < 1e15:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if flops(cell, middle) <= cell.budget.amount else (low, middle)
    return Budget("tokens" if cell.task in STREAMS else "examples", low, cell.budget.bytes)


def flops(cell: Cell, examples: int) -> float:
    """FLOPs of a cell's fit on so many examples, by its own `cost`, which it must have."""
    priced = _priced(cell, examples)
    if priced is None:
        raise Mistake(f"{_asked(cell)} tells no cost, so a budget in FLOPs cannot be kept: its file needs a `cost`")
    return priced.fit


def account_of(account: Callable[[Cell], Mapping[str, Any]] | None, cell: Cell) -> Mapping[str, Any]:
    """What a plan tells of a cell. Raises Mistake where it cannot: the plan may be the user's."""
    try:
        told = account(cell) if account else {}
        json.dumps(dict(told), allow_nan=False)
    except Exception as error:
        raise Mistake(f"the plan's account of {_asked(cell)}: {type(error).__name__}: {error}") from error
    return told


def overspends(cell: Cell) -> str:
    """Why a cell's fit is beyond its budget of FLOPs, by its own `cost`; "" where it is not."""
    if not cell.budget or cell.budget.unit != "flops":
        return ""
    given = lent(cell)
    if given and given.unit != "flops":
        return "" if given.amount else f"{cell.budget.amount:.3g} FLOPs do not pay for one example"
    wanted = flops(cell, 0)
    return f"needs {wanted:.3g} FLOPs, the budget holds {cell.budget.amount:.3g}" if wanted > cell.budget.amount else ""


def _priced(cell: Cell, examples: float | None) -> Cost | None:
    function = catalogue.cost_of(cell.technique)
    if function is None:
        return None
    card: Dataset = catalogue.dataset(cell.dataset).card
    try:
        trained = cell.size - int(cell.size * cell.condition.get("validation", 0))
        priced = function(trained, card.shape, card.classes, examples, **cell.keywords)
    except Exception as error:  # the file may be the user's, and the keywords may be wrong
        raise Mistake(
            f"{_asked(cell)}: its cost cannot be told, {type(error).__name__}: {error}; are its keywords right? "
            "(cost may use builtins, math and Cost only)"
        ) from error
    if not isinstance(priced, Cost):
        raise Mistake(f"{_asked(cell)}: cost returned {priced!r:.60}; Cost(fit, answer, bytes) is right")
    return priced


def _asked(cell: Cell) -> str:
    return asking(public_name(cell.technique), cell.keywords)


class Forecaster:
    """Forecasts from rows: seconds = fixed + rate x cost, fitted per technique, keywords, dataset and device.

    With rows of smaller sizes of the same dataset, both numbers are fitted to these (least squares on relative
    errors, neither below zero). Without, both come from the technique's other datasets, or its other keywords; without
    any row it is a guess.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.points: dict[tuple, dict[tuple[str, str], list[tuple[float, float]]]] = {}
        self.known: dict[tuple, dict[tuple, Forecast]] = {}
        for row in rows:
            if row["key"]["machine"] == machine.fingerprint()["name"]:
                self.learn(row)

    def learn(self, row: Mapping[str, Any]) -> None:
        """Take one finished row into account."""
        work, seconds = (row.get("work") or {}).get("operations"), (row.get("time") or {}).get("wall")
        if row["status"] != "ok" or work is None or not seconds:
            return
        k = row["key"]
        series = (k["technique"], k["device"], k["threads"], k["dtype"])
        line = (k["dataset"], repr(sorted(k["keywords"].items())))
        self.points.setdefault(series, {}).setdefault(line, []).append((work, seconds))
        self.known.pop(series, None)

    def __call__(self, cell: Cell) -> Forecast:
        """Forecast one cell."""
        known = self.known.setdefault((public_name(cell.technique), cell.device, cell.threads, cell.dtype), {})
        which = (cell.dataset, cell.size, repr(cell.keywords), repr(cell.budget))
        if which not in known:
            known[which] = self._forecast(cell)
        return known[which]

    def _forecast(self, cell: Cell) -> Forecast:
        priced = cost(cell)
        if priced is None:
            return Forecast(FIXED, 0.0, False)
        work = operations(priced, cell)
        points = self.points.get((public_name(cell.technique), cell.device, cell.threads, cell.dtype), {})
        line = (public_name(cell.dataset), repr(sorted(cell.keywords.items())))
        first_rate = 1 / (FIRST_RATE.get(priced.unit, 2e9) * cell.threads)
        if own := points.get(line):
            return Forecast(_predict(_means(own), work, first_rate), priced.bytes, True)
        others = [p for (_, keywords), listed in points.items() if keywords == line[1] for p in listed]
        others = others or [p for listed in points.values() for p in listed]
        if not others:
            return Forecast(FIXED + work * first_rate, priced.bytes, False)
        most = max(seconds for _, seconds in others) + work * first_rate  # another width may have another rate
        return Forecast(min(_predict(_means(others), work, first_rate), most), priced.bytes, False)


def operations(priced: Cost, cell: Cell) -> float:
    """Elementary operations of the fit and of answering the test set (twice: judged, and sampled for the clock)."""
    card: Dataset = catalogue.dataset(cell.dataset).card
    return priced.fit + priced.answer * 2 * max(card.test, 1)


def _means(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """One point per amount of work: the median over seeds."""
    grouped: dict[float, list[float]] = {}
    for work, seconds in points:
        grouped.setdefault(work, []).append(seconds)
    return [(work, sorted(times)[len(times) // 2]) for work, times in sorted(grouped.items())]


def _predict(points: list[tuple[float, float]], work: float, first_rate: float) -> float:
    """Seconds at `work` from fixed + rate x work through the points, relative least squares, neither below zero.

    One point cannot tell fixed from rate: below a second it is taken as overhead, above as work.

    >>> round(_predict([(1e6, 1.1), (2e6, 1.2)], 1e7, 1e-9), 3)
    2.0
    """
    if len(points) == 1:
        known, seconds = points[0]
        if seconds < 1 or not known:
            return max(seconds + (work - known) * first_rate, 0.5 * seconds)
        return min(FIXED + (seconds - FIXED) * work / known, seconds + work * first_rate)
    # minimise sum(((a + b w) / t - 1)^2): normal equations with weights 1 / t^2; the largest two sizes count double
    weights = [(2.0 if i >= len(points) - 2 else 1.0) / t**2 for i, (_, t) in enumerate(points)]
    s0 = sum(weights)
    s1 = sum(c * w for c, (w, _) in zip(weights, points, strict=True))
    s2 = sum(c * w * w for c, (w, _) in zip(weights, points, strict=True))
    t0 = sum(c * t for c, (_, t) in zip(weights, points, strict=True))
    t1 = sum(c * w * t for c, (w, t) in zip(weights, points, strict=True))
    determinant = s0 * s2 - s1 * s1
    if determinant <= 1e-12 * s0 * s2:
        return t0 / s0
    rate = (s0 * t1 - s1 * t0) / determinant
    fixed = (t0 - rate * s1) / s0
    if rate < 0:
        return t0 / s0
    return fixed + rate * work if fixed >= 0 else t1 / s2 * work

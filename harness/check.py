"""The contract tests on one technique or dataset file: `eras check NAME`. The project's own pass the same tests."""

import hashlib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness import adapt, catalogue, files, meters, plan, worker
from harness.catalogue import Found, Mistake
from harness.contract import STREAMS, Arena, Budget, Cell, Cost, Data, Dataset, Fitted, Problem, Run
from harness.tasks.act import FIRST as JUDGED

N = 120  # toy examples of which 96 train
STREAM = 2_000  # toy tokens that train
STOPPED = "nothing is raised"
TOYS = {  # the forms of toy data that there are for each task
    "classify": ("table", "image", "text", "sound"),
    "regress": ("table", "image", "series"),
    **dict.fromkeys(STREAMS, ("tokens",)),
    "translate": ("text",),
    "act": ("environment",),
    "generate": ("image",),
}
SIZES = dict.fromkeys(STREAMS, STREAM) | {"act": 4_000}  # of others 96 of the N examples
LOWER = {"regress": "rmse", "translate": "symbol_error", "generate": "frechet"}  # what must fall below the floor's
LOWER |= dict.fromkeys(STREAMS, "loss")
HIGHER = {"act": "return"}  # what must exceed it
Result = tuple[str, str]  # what was tested, and the problem ("" if none)


def check(name: str) -> list[Result]:
    """(test, problem) of every contract test; a file that has a card of a dataset is tested as one."""
    own_file = "." in name or "/" in name  # a self-test's name has a dot
    text = catalogue.path_of("technique", name).read_bytes() if own_file else b""
    is_dataset = b"DATASET" in text or (not own_file and name in catalogue.names("dataset"))
    found: list[Result] = []
    tests = _dataset(catalogue.dataset(name)) if is_dataset else _technique(catalogue.technique(name))
    try:
        for result in tests:
            found.append(result)
    except (Exception, SystemExit) as error:  # whatever a file raises is told as the problem of the test it stopped
        if isinstance(error, Mistake):
            raise
        found.append((STOPPED, _told(error)))
    return found


def _told(error: BaseException) -> str:
    """An exception in one line, with the place."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (line {frames[-1].lineno} of {Path(frames[-1].filename).name})" if frames else ""
    return f"{type(error).__name__}: {str(error).split(chr(10))[0][:200]}{where}"


# ----------------------------------------------------------------------------------------------------------- techniques


def _technique(found: Found) -> Iterator[Result]:
    yield "cost", _cost_problem(found)
    fit = adapt.fit_of(catalogue.load(found.path))
    # A file without a card promises nothing: it need not do all of this, and a classifier need not regress.
    forms = found.card.forms or (("table", "image") if found.has_card else TOYS["classify"])
    asked = [(task, form) for task in found.card.tasks for form in forms if form in TOYS.get(task, ())]
    if not asked:
        raise Mistake(f"{found.name}: there are no toy data for {', '.join(found.card.tasks)} on {', '.join(forms)}")
    results = [list(_on_task(fit, task, form)) for task, form in asked]
    able = [listed for listed in results if listed[-1][0] != STOPPED]
    for (task, form), listed in zip(asked, results, strict=True):
        if found.has_card or not able or listed in able:
            yield from ((f"{task}, {form}: {test}", told) for test, told in listed)


def _on_task(fit: Callable[..., Fitted], task: str, form: str) -> Iterator[Result]:
    pose = catalogue.load(catalogue.path_of("task", task)).pose
    problem: Problem = pose(toy(task, form), SIZES.get(task, 96), 0, {}, validation=0.2)
    before = _digest(problem.train)
    try:
        fitted = fit(problem.train, _run(task))
        changed = "" if _digest(problem.train) == before else "fit wrote to its material"
        yield "train data are unchanged", changed
        yield from _on_toy(fit, fitted, problem, task)
    except (Exception, SystemExit) as error:
        yield STOPPED, _told(error)


def _cost_problem(found: Found) -> str:
    """A forecast that grows with n, for those that give one."""
    if catalogue.cost_of(found.name) is None:
        return ""
    costs = [_priced(found, n) for n in (100, 10_000)]
    if not all(isinstance(c, Cost) for c in costs):
        return "cost must return a Cost"
    return "" if 0 <= costs[0].fit <= costs[1].fit and costs[0].bytes >= 0 else f"cost falls as n grows: {costs}"


def _priced(found: Found, n: int) -> Any:
    examples = plan.default_budget(n).amount if found.budgeted else None
    shapes: dict[str, tuple[int, ...]] = {"image": (8, 8), "environment": (6,), "table": (8,)}
    shape = next((shapes[form] for form in shapes if form in found.card.forms), (2_000,))
    return catalogue.cost_of(found.name)(n, shape, 3, examples)


def toy(task: str, form: str) -> Data | Arena:
    """Three well separated classes, a noisy line, a text with a rhythm, words that stand for words, a corridor: any
    technique must beat knowing nothing here.
    """
    generator = np.random.default_rng(7)
    if task == "act":
        return Arena(Corridor, actions=2, shape=(6,), episode=20, episodes=8)
    if task in STREAMS:
        return _toy_stream(generator)
    if task == "translate":
        return _toy_pairs(generator)
    y = np.arange(N) % 3
    if form == "image":
        x = generator.integers(0, 60, (N, 8, 8)).astype(np.uint8)
        for k in range(3):
            x[y == k, 2 * k : 2 * k + 3, 1:7] += 150
    elif form == "sound":
        pitch = np.array([300, 900, 2_700])[y, None] * np.arange(2_000) / 8_000  # (N, samples) of 8 kHz, in cycles
        x = (8_000 * np.sin(2 * np.pi * pitch) + generator.normal(0, 500, (N, 2_000))).astype(np.int16)
    elif form == "text":
        words = np.array([*"abcdefgh", "red rose", "blue sky", "green leaf"])
        common = words[generator.integers(0, 8, (N, 5))]
        x = _texts([f"{' '.join(row)} {words[8 + k]} {row[0]}" for row, k in zip(common, y, strict=True)])
    elif form == "series":
        x = generator.normal(0, 1, (N, 6, 2)).astype(np.float32)
        x[:, :, 0] += y[:, None]
    else:
        x = generator.normal(0, 1, (N, 4)).astype(np.float32)
        x[:, 0] += 3 * y
        x[:, 1] -= 3 * y
    if task == "generate":
        return Data(x=x, y=None, classes=0)
    if task == "regress":
        return Data(x=x, y=y * 2.0 + generator.normal(0, 0.1, N), classes=0, levels=(0,) * 4 if form == "table" else ())
    return Data(x=x, y=y, classes=3, levels=(0,) * 4 if form == "table" else ())


def _texts(texts: list[str]) -> np.ndarray:
    return np.array(texts, dtype=np.dtypes.StringDType())


def _toy_stream(generator: np.random.Generator) -> Data:
    """Six tokens in turn; one in five is any of them."""
    tokens = np.zeros(STREAM + 500, np.uint8)
    for i in range(1, len(tokens)):
        tokens[i] = (tokens[i - 1] + 1) % 6 if generator.random() < 0.8 else generator.integers(6)
    vocabulary = tuple("abcdef")
    return Data(tokens[:STREAM], None, 6, tokens[STREAM:], protocol="official", vocabulary=vocabulary)


def _toy_pairs(generator: np.random.Generator) -> Data:
    """Two to four of eight words, each of which stands for one of the other language."""
    ours = np.array(["one", "two", "three", "four", "five", "six", "seven", "eight"])
    theirs = np.array(["un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit"])
    picks = [generator.integers(0, 8, generator.integers(2, 5)) for _ in range(N)]
    x, y = (_texts([" ".join(words[pick]) for pick in picks]) for words in (ours, theirs))
    return Data(x, y, 0)


class Corridor:
    """Six places, seen as a one among zeros; left or right, each step costs 1 until the right end is reached."""

    def __init__(self, num_envs: int, seed: int) -> None:
        self.num_envs, self.seeds = num_envs, [seed]
        self.reset()

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.seeds += [] if seed is None else [seed]
        self.place, self.age, self.over = np.zeros((3, self.num_envs), np.int64)
        return self._seen(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        over = self.over.astype(bool)  # these start anew, ignore the action and pay nothing
        self.place = np.where(over, 0, np.clip(self.place + 2 * np.asarray(actions) - 1, 0, 5))
        self.age = np.where(over, 0, self.age + 1)
        terminated, truncated = self.place == 5, (self.age >= 20) & (self.place < 5)
        self.over = (terminated | truncated).astype(np.int64)
        return self._seen(), np.where(over, 0.0, -1.0).astype(np.float32), terminated, truncated, {}

    def close(self) -> None:
        """Nothing is held."""

    def _seen(self) -> np.ndarray:
        return np.eye(6, dtype=np.float32)[self.place]


def _on_toy(fit: Callable[..., Fitted], fitted: Fitted, problem: Problem, task: str) -> Iterator[Result]:
    yield "as many answers as questions", _count_problem(fitted, problem)
    first, again = problem.judge(fitted.answer, split="test"), problem.judge(fitted.answer, split="test")
    yield "answering changes nothing", "" if first == again else f"asked twice, scored {first} and {again}"
    same = problem.judge(fit(problem.train, _run(task)).answer, split="test")
    yield "same seed, same scores", "" if first == same else f"{first} and {same}"
    yield "offers on == offers off", _offer_problem(fit, problem, first, task)
    floor = problem.judge(problem.floor, split="test")
    metric = LOWER.get(task) or HIGHER.get(task) or ("log_loss" if "log_loss" in first else "accuracy")
    higher = metric in ("accuracy", *HIGHER.values())
    better = first[metric] > floor[metric] + 0.1 if higher else first[metric] < 0.9 * floor[metric]
    yield "beats the floor", "" if better else f"{metric} {first[metric]:.3g}, the floor {floor[metric]:.3g}"
    if task == "next_token":
        yield "looks at no later token", _foresight_problem(fitted, problem)
    if task == "act":
        yield "keeps away from the judged episodes", _peeking_problem(fit, problem)


def _peeking_problem(fit: Callable[..., Fitted], problem: Problem) -> str:
    """Seeds from a million up are the judge's environments: to learn in them is to learn the test."""
    made: list[Corridor] = []

    def make(num_envs: int, seed: int) -> Corridor:
        made.append(Corridor(num_envs, seed))
        return made[-1]

    fit(replace(problem.train, make=make), _run("act"))
    taken = [seed for arena in made for seed in arena.seeds if seed >= JUDGED]
    return f"learned in environments of seed {taken[0]}; those below {JUDGED:,} are for learning" if taken else ""


def _foresight_problem(fitted: Fitted, problem: Problem) -> str:
    """Other tokens in the second half of a passage must leave the answers in its first half as they are."""
    half = len(problem.sample) // 2
    other = problem.sample.copy()
    other[half:] = (other[half:] + 1) % problem.train.classes
    before, after = (np.asarray(fitted.answer(passage))[:half] for passage in (problem.sample, other))
    return "" if np.allclose(before, after, atol=1e-5) else "answers change with tokens that come after their place"


def _run(task: str, **more: Any) -> Run:
    budgets = dict.fromkeys(STREAMS, Budget("tokens", 30_000)) | {"act": Budget("env_steps", SIZES["act"])}
    budgets["generate"] = Budget("examples", 10_000)  # two networks that learn against each other take longer
    budget = budgets.get(task, Budget("examples", 2_000))
    return Run(seed=3, budget=budget, threads=1, **more)


def _digest(train: Any) -> str:
    arrays = [v for v in vars(train).values() if hasattr(v, "tobytes")]
    contents = [repr(a.tolist()).encode() if a.dtype.kind == "T" else a.tobytes() for a in arrays]
    return hashlib.sha256(b"".join(contents)).hexdigest()


def _count_problem(fitted: Fitted, problem: Problem) -> str:
    for question in (problem.sample, problem.sample[:1]):
        answers = fitted.answer(question)
        if len(answers) != len(question):
            return f"{len(answers)} answers to {len(question)} questions"
    alone, batch = np.asarray(fitted.answer(problem.sample[:1])), np.asarray(fitted.answer(problem.sample))[:1]
    same = np.allclose(alone, batch, atol=1e-4) if alone.dtype.kind in "biuf" else np.array_equal(alone, batch)
    return "" if same else "a question asked alone gets another answer than among others"


def _offer_problem(fit: Callable[..., Fitted], problem: Problem, without: Any, task: str) -> str:
    """Judging in between must not move the training: scores, steps and random states."""
    offered = []

    def observe(step: int, answer: Any) -> None:
        with meters.frozen_random():
            offered.append((step, problem.judge(answer, split="valid")))

    run = _run(task, observe=observe, offers=4)
    scores = problem.judge(fit(problem.train, run).answer, split="test")
    if run.done and not offered:
        return "it learns in steps but never calls run.offer(answer)"
    return "" if scores == without else f"with offers {scores}, without {without}"


# ------------------------------------------------------------------------------------------------------------- datasets


def _dataset(found: Found) -> Iterator[Result]:
    card = found.card
    files.locate(plan.public_name(found.name), card.files, card.folder)
    module = catalogue.load(found.path)
    cell = Cell(
        technique="none", dataset=plan.public_name(found.name), task=card.tasks[0], size=min(100, card.rows), seed=0
    )
    data = worker.load_data(module, cell)
    if isinstance(data, Data):
        yield from _on_data(data, worker.load_data(module, cell, fresh=True), card)
    else:  # an Arena or Rules
        yield "shape of one example", _differs(data.shape, card.shape)
    for task in card.tasks:
        yield f"{task}: the floor has a score", _floor_problem(module, cell, task, card)


def _on_data(data: Data, again: Data, card: Dataset) -> Iterator[Result]:
    shape = card.shape if card.form == "text" and data.x.ndim == 1 else tuple(data.x.shape[1:])
    yield "shape of one example", _differs(shape, card.shape)
    yield "classes", _differs(data.classes, card.classes)
    if card.protocol == "official":
        yield "training rows", _differs(len(data.x), card.rows)
        yield "test rows", _differs(len(data.test_x), card.test)
    if card.protocol == "folds":
        yield "rows", _differs(len(data.x), card.rows + card.test)
    names = ("x", "y", "test_x", "test_y", "groups")
    other = [name for name in names if not _equal(getattr(data, name), getattr(again, name))]
    yield "loads the same twice", f"{', '.join(other)} are others the second time" if other else ""


def _equal(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f")


def _differs(seen: Any, told: Any) -> str:
    return "" if seen == told else f"the card says {told}, the data have {seen}"


def _floor_problem(module: Any, cell: Cell, task: str, card: Any) -> str:
    problem = catalogue.load(catalogue.path_of("task", task)).pose(worker.load_data(module, cell), cell.size, 0, {})
    scores = problem.judge(problem.floor, split="test")
    return "" if card.metric in scores else f"the card's metric {card.metric} is none of {', '.join(scores)}"

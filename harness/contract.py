"""The one page that both sides know: what a technique, a task and a dataset are to the harness.

A technique takes training material and returns a function that answers questions. What differs between tasks is the
material, the question and the answer, and who knows the truth; so the truth sits in a closure, `judge`.
The invariant that makes throughput comparable everywhere: `len(answer(question)) == len(question)`.

    technique file   TECHNIQUE = Technique(...)
                     def cost(size, shape, classes, examples, **hyperparameters) -> Cost
                     def fit(train, run, *, <hyperparameters with defaults>) -> Fitted
    task file        def pose(data, size, seed, given, **condition) -> Problem
    dataset file     DATASET = Dataset(...)
                     def load() | load(files) | load(size, seed) -> Data (Arena, Rules: act, play)
    plan file        def plan(machine) -> Plan

The file's name is the technique's (task's, dataset's) name, and its only registration. Cards hold literals and calls of
names of this page only: they are read with `ast`, without importing the file. Standard library only.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Scores = dict[str, Any]  # {"accuracy": .9, "accuracy_by_length": {"5": .99}}: numbers, or one level of named numbers
Answer = Callable[[Any], Any]  # as many answers as questions, no side effects

ERAS = (  # first year, name: where the line between two eras runs is ours, the names are the field's
    (0, "statistics"),
    (1980, "backpropagation"),
    (1992, "kernels and ensembles"),
    (2012, "deep learning"),
    (2017, "transformers and pre-training"),
)
FORMS = {  # what one example is: the type and shape of `Data.x`, in which n counts the examples
    "table": "(n, p) float32, NaN = missing; categories coded 0 ... k - 1, their numbers in `levels`",
    "image": "(n, h, w) or (n, h, w, 3) uint8",
    "series": "(n, steps) or (n, steps, channels) float32, measured at equal intervals",
    "sound": "(n, samples) int16; the sampling rate stands in the card's source",
    "text": "(n,) StringDType, one text each",
    "tokens": "(n,) uint8, uint16 or int32: one running text as numbers of its vocabulary, in reading order",
    "environment": "an Arena: a technique acts in it, size counts steps",
    "game": "Rules: a technique plays by them, size counts positions",
}
STREAMS = ("next_token", "fill_blank")  # tasks on running text: sizes and budgets count its tokens
EFFECTS = (
    *("difference", "ratio", "slope_gap", "interaction", "crossover", "successes", "win_rate"),
    *("equivalence", "noninferiority", "trend", "rank", "extrapolation", "bound"),
)
CONTROLS = ("difference", "slope_gap", "interaction")  # effects that can be shown to vanish: 0 is none
NEEDS = {  # of an effect: arms (3: that many or more), values that it varies; of others two arms, and none
    **{"bound": (1, 1), "win_rate": (1, 1), "trend": (1, 3), "extrapolation": (1, 5), "rank": (3, 1)},
    **{"slope_gap": (2, 2), "interaction": (2, 2), "crossover": (2, 3)},
}
UNITS = ("steps", "examples", "tokens", "env_steps", "flops", "seconds")
APPROXIMATED = ("landmarks", "directions")  # in `Fitted.told`: a kernel through so many rows, or random features
SHOWN = 1 << 16  # bytes of the samples that a row keeps
STATUSES = ("ok", "timeout", "oom", "error", "diverged", "unsupported", "skipped")


def era(year: int) -> str:
    """The era that a year belongs to."""
    return [name for first, name in ERAS if year >= first][-1]


class Unsupported(Exception):
    """This technique cannot do this cell at all (a net for images, asked about table rows). Becomes a row's status."""


class BadData(Exception):
    """A dataset's bytes or values are not what they must be. Names what was wrong, where, and what would be right."""


class Diverged(Exception):
    """Training left the finite numbers. Names the step."""


class OutOfBudget(Exception):
    """`Run.spend` was asked for more than the cell's budget holds."""


# ---------------------------------------------------------------------------------------------------- cards and claims


@dataclass(frozen=True)
class Budget:
    """How much of `unit` one fit may use; `bytes`: of resident memory. Seconds are a guard, never the plan."""

    unit: str
    amount: float
    bytes: int | None = None

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"budget unit {self.unit!r} is none of {', '.join(UNITS)}")


@dataclass(frozen=True)
class Arm:
    """One side of a test: a technique with keywords, posed under a condition, after `tune` search trials."""

    technique: str
    keywords: Mapping[str, Any] = field(default_factory=dict)
    condition: Mapping[str, Any] = field(default_factory=dict)
    tune: int = 0


@dataclass(frozen=True)
class Test:
    """One measured sentence of a claim. `least` and `expect` are registered before the first run.

    effect   one of EFFECTS                       least    smallest effect that counts
    arms     the sides, technique first           expect   the effect expected, for the power calculation
    metric   a key of the judge's scores or of `Fitted.told`; "rmse<0.1": 1 where that holds, else 0
    vary     axis -> values the test runs over    equal    what is held fixed: steps, flops, weights, seconds
    seeds    how many                             control  True: the effect must vanish here
    datasets where it is tested, if not on the claim's             budget   of every arm, if not the usual one
    size     examples, where they are not varied; 0: all rows of the dataset
    An equivalence of one arm: its value lies within `least` of the published one, `expect`.
    """

    effect: str
    arms: tuple[Arm, ...]
    metric: str
    least: float
    expect: float
    seeds: int
    vary: Mapping[str, tuple] = field(default_factory=dict)
    equal: tuple[str, ...] = ("steps",)
    control: bool = False
    datasets: tuple[str, ...] = ()
    budget: Budget | None = None
    size: int = 0

    def __post_init__(self) -> None:
        if self.effect not in EFFECTS:
            raise ValueError(f"effect {self.effect!r} is none of {', '.join(EFFECTS)}")
        arms, values = NEEDS.get(self.effect, (2, 1))
        if self.effect == "equivalence" and len(self.arms) == 1:
            arms = 1
        if not arms <= len(self.arms) <= (arms if arms < 3 else 9) or self.seeds < 2:
            raise ValueError(f"{self.effect} needs {arms} arms and two seeds, not {len(self.arms)} and {self.seeds}")
        if len(self.vary) > 1 or any(
            a != "size" and a.split(".")[0] not in ("keywords", "condition") for a in self.vary
        ):
            raise ValueError(f"vary names one axis, size, keywords.NAME or condition.NAME, not {', '.join(self.vary)}")
        if self.size and "size" in self.vary:
            raise ValueError(f"the size is varied, and {self.size} too: one of both")
        varied = next(iter(self.vary.values()), (0,))
        if len(varied) < values or (values > 1 and list(varied) != sorted(varied)):
            raise ValueError(f"{self.effect} needs {values} rising values to vary, not {varied}")
        if unknown := set(self.equal) - {"steps", "flops", "weights", "seconds"}:
            raise ValueError(f"{', '.join(sorted(unknown))}: equal holds steps, flops, weights or seconds")
        if self.control and self.effect not in CONTROLS:
            raise ValueError(f"a control's effect must vanish: {', '.join(CONTROLS)} can, not {self.effect}")
        if (self.effect in ("ratio", "equivalence") or self.control) and self.least <= 0:
            raise ValueError(f"least is {self.least}: of a ratio, an equivalence and a control it is above 0")


@dataclass(frozen=True)
class Claim:
    """What the history says of a technique. Passes when all tests pass and all controls vanish."""

    name: str
    sentence: str
    datasets: tuple[str, ...]
    tests: tuple[Test, ...]
    belief: float  # probability that it passes, written down before the first run
    published: str  # the published figure, with its source
    stand_in: str = ""  # which data stand in for those that the claim names
    gpu: bool = False  # its cells take a GPU: elsewhere they are run by name only
    known: str = ""  # what was known of its outcome when it was registered, if anything
    left_out: str = ""  # what the project's list of claims asks for beside this, and these tests do not


@dataclass(frozen=True)
class Technique:
    """The card of a technique file.

    tasks    the kinds of question it answers (file names in harness/tasks)
    forms    the forms of data it takes ("table", "image", ...); empty: any
    dtypes   the number formats that it can compute in: "float32", "bfloat16"
    space    what a search may draw: {"lr": ("log", 1e-4, 1e-1), "depth": ("choice", 2, 4), "k": ("int", 1, 50)}
    """

    title: str
    year: int
    paper: str
    tasks: tuple[str, ...]
    forms: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("cpu",)
    dtypes: tuple[str, ...] = ("float32",)
    space: Mapping[str, tuple] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class File:
    """One file of a dataset. `load(files)` gets {name: path}; size and sha256 were checked before.

    url  "": no public address gives these very bytes, and the card's `source` tells where the data are at home
    """

    name: str
    url: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """The card of a dataset file.

    form      one of FORMS: what one example is; shape: of one example (of text: the words of a typical one)
    rows      training rows there are at most under `protocol`; test: rows of the test set
    protocol  "official" (one fixed test set, the published one unless the docstring names another)
              | "folds" (5-fold: seed s holds out fold s % 5 of repeat s // 5)
              | "generated" (`load(size, seed)` makes size training rows; the test set is the same for every seed)
    anchor    a reference value of `metric` that counts as skill 1, frozen here with its source; skill 0 is the floor
    ceiling   the best that can be had (Bayes, or the best published), where known
    package   the installed package that ships the data, where no files are named; part of the fingerprint
    content   sha256 of what the data are made of, where no files are named: of a package's text, of a user's file
    folder    where the files lie, if not under the dataset's own name: two datasets may read one download
    version   raise it when `load` gives other data for the same files
    """

    title: str
    year: int
    licence: str
    source: str
    tasks: tuple[str, ...]
    form: str
    shape: tuple[int, ...]
    classes: int  # as in Data
    rows: int
    test: int
    metric: str
    higher_is_better: bool
    protocol: str
    anchor: float
    anchor_source: str
    ceiling: float | None = None
    ceiling_source: str = ""
    files: tuple[File, ...] = ()
    package: str = ""
    content: str = ""
    folder: str = ""
    version: int = 1


# ------------------------------------------------------------------------------------------------------------ one cell


@dataclass(frozen=True)
class Cell:
    """One run to be made.

    keywords   hyperparameters of `fit` that differ from its defaults
    condition  keyword arguments of `pose`; neither a hyperparameter nor a size
    tune       0: as it stands; k: with the best of k search trials
    needs      {"pretrained": key of the row it waits for}
    """

    technique: str
    dataset: str
    task: str
    size: int
    seed: int
    keywords: Mapping[str, Any] = field(default_factory=dict)
    condition: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 1
    dtype: str = "float32"
    budget: Budget | None = None
    tune: int = 0
    needs: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types, for keys and rows."""
        return asdict(self)


@dataclass(frozen=True)
class Cost:
    """What a fit is forecast to take: FLOPs of the fit, FLOPs of one answer, resident bytes beyond the data.

    unit "steps": elementary steps over one value (trees, boosting): good for scaling, never a share of the peak.
    """

    fit: float
    answer: float
    bytes: float
    unit: str = "flops"


@dataclass(frozen=True)
class Fitted:
    """What a fit returns.

    parameters  numbers learned or stored (kNN: the data)      keep  arrays that other cells need
    told        numbers that training alone knows, finite: {"train_loss": .3, "steps_to_target": 800};
                APPROXIMATED are marked in reports: the method was too large to be solved as it is
    shown       makes samples for people to look at, off the clock and never judged: {"caption": a text, tokens (n,) of
                the dataset's vocabulary, or pictures (k, h, w) uint8}; SHOWN bytes at most
    """

    answer: Answer
    parameters: int
    keep: Mapping[str, Any] | None = None
    told: Mapping[str, float] = field(default_factory=dict)
    shown: Callable[[], Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Problem:
    """What a task poses.

    train    all that a technique ever sees      floor    answers without learning
    judge    judge(ask, split="valid"|"test")    sample   a few questions: warm-up, contract tests
    unit     what one answer is: row, image      ceiling  best value of the dataset's metric, where known
    items    True: per-item outcomes are kept as a blob
    """

    train: Any
    judge: Callable[..., Scores]
    floor: Answer
    sample: Any
    unit: str
    ceiling: float | None = None
    items: bool = False


@dataclass(frozen=True)
class Examples:
    """Training material of all tasks whose data are `Data`.

    x        as FORMS tells for the dataset's form
    y        (n,) int64 class numbers below `classes`, or float64 values where classes is 0, or as `Data` tells for the
             task: texts of translate and tag, classes of pixels, None where x alone is learnt from; of embed the words
    levels   per column of a table: 0 = a number, k = one of k categories coded 0 ... k - 1; NaN = missing
    horizon  of `forecast`: rows of an answer
    """

    x: Any
    y: Any
    classes: int
    levels: tuple[int, ...] = ()
    horizon: int = 0


@dataclass(frozen=True)
class Data:
    """What a dataset file loads: all training rows, and the published or generated test rows (None under "folds").

    x            as FORMS tells              y: what is asked of each row of x, by the task:
                 classify    (n,) int64      regress   (n,) float64      segment    (n, h, w) uint8, a class a pixel
                 translate   (n,) StringDType, the other language        tag        (n,) StringDType, a tag a word
                 next_token, fill_blank, forecast  None: the rows themselves are asked for
                 generate    (n,) int64 kinds that the judge alone learns from, or None
                 one_shot    (n,) int64; there a test_x is (m, 1 + k, h, w): a picture, then k of which test_y is alike
                 embed       None; there test_x is (m, 2) or (m, 4) StringDType words, test_y (m,) float64 or words
    classes      classes of y, or tokens of the vocabulary; 0 where there are none
    vocabulary   of tokens: the text of each number
    groups       (n,) int64: rows of one group are never divided between training, validation and test
    ordered      rows are in the order of time: validation is the latest part
    """

    x: Any
    y: Any
    classes: int
    test_x: Any = None
    test_y: Any = None
    levels: tuple[int, ...] = ()
    protocol: str = "folds"
    ceiling: float | None = None
    vocabulary: tuple[str, ...] = ()
    groups: Any = None
    ordered: bool = False


@dataclass(frozen=True)
class Arena:
    """What a dataset of the form "environment" loads.

    make(n, seed)  n environments in step, a gymnasium VectorEnv with automatic reset: reset() -> observations (n, ...),
                   infos; step(actions (n,)) -> observations, rewards (n,), terminated (n,), truncated (n,), infos
                   the step after an episode's end starts the next one, ignores its action and pays 0
                   a technique takes seeds below 1,000,000: the judge's are above
    actions        how many there are, 0 ... actions - 1        episode   steps after which an episode is cut
    episodes       that are judged                              steps     that a technique may take, set by the task
    """

    make: Callable[[int, int], Any]
    actions: int
    shape: tuple[int, ...]
    episode: int
    episodes: int = 100
    steps: int = 0


@dataclass(frozen=True)
class Rules:
    """What a dataset of the form "game" loads: a game of two, for many boards at once. Arrays only, nothing in place.

    start(n)              boards (n, ...) int8 seen by the side to move: 1 own, -1 the other's, 0 free; more planes
                          where the rules need a memory
    legal(boards)         (n, moves) bool
    play(boards, moves)   boards after the moves (n,), seen by the side that is now to move
    result(boards)        (n,) float32: NaN while the game goes on, else 1 won, 0 drawn, -1 lost for the side to move
    """

    start: Callable[[int], Any]
    legal: Callable[[Any], Any]
    play: Callable[[Any, Any], Any]
    result: Callable[[Any], Any]
    moves: int
    shape: tuple[int, ...]
    longest: int  # moves that a game can last


@dataclass(frozen=True)
class Block:
    """Part of a plan: every technique on every dataset that it can take, at every size that the dataset has.

    sizes   numbers of training examples; those above a dataset's rows are left out
    seeds   {largest size: how many seeds}, so that small, noisy sizes get more: {316: 10, 10_000: 5}
    dtype   number format of the techniques that can compute in it; "": the one that the command line asks for
    budget  of the techniques that learn in steps; None: the usual one for the size (plan.default_budget). One in FLOPs
            binds every technique, by its own `cost`
    later   rounds that it waits for other blocks: what a first page needs has 0
    """

    techniques: tuple[str, ...]
    datasets: tuple[str, ...]
    sizes: tuple[int, ...]
    seeds: Mapping[int, int]
    condition: Mapping[str, Any] = field(default_factory=dict)
    tune: int = 0
    dtype: str = ""
    budget: Budget | None = None
    later: int = 0


@dataclass(frozen=True)
class Plan:
    """What a plan file's `plan(machine)` returns: blocks, wall seconds for all, what it left out and why.

    account  account(cell) -> what the rows of this plan tell beside, in provenance.account. Its "refused" is why a cell
             must not run: such a cell gets a row that says so. Search trials are asked about too.
    """

    blocks: tuple[Block, ...]
    seconds: float | None = None
    told: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    account: Callable[[Cell], Mapping[str, Any]] | None = None


# ------------------------------------------------------------------------------------------------------------- the loan


class Run:
    """What the harness lends to one fit.

    >>> run = Run(budget=Budget("examples", 640))
    >>> sum(1 for step in run.steps(examples=64)), run.total
    (10, 10)

    device   "cpu" or "cuda"          total   planned steps, known once `steps` is called; schedules need it
    seed     of this fit              given   read-only arrays of the rows this cell needs
    threads  cores that are ours      dtype   "float32", "bfloat16"
    """

    NOTES = 512  # notes and stamps are thinned to at most this many

    def __init__(
        self,
        device: str = "cpu",
        seed: int = 0,
        budget: Budget | None = None,
        threads: int = 1,
        dtype: str = "float32",
        given: Mapping[str, Any] | None = None,
        observe: Callable[[int, Answer], None] | None = None,
        offers: int = 0,
        tick: Callable[[int, int | None], None] | None = None,
    ) -> None:
        self.device, self.seed, self.threads, self.dtype = device, seed, threads, dtype
        self.given = given or {}
        self.budget = budget
        self.total = int(budget.amount) if budget and budget.unit == "steps" else None
        self.done = 0  # steps
        self.used = 0.0  # of the budget's unit
        self.seen = 0  # examples (tokens, steps of an environment) that passed, whatever the budget counts
        self.bytes = 0
        self.notes: list[tuple[int, dict[str, Any]]] = []
        self.stamps: list[tuple[int, float]] = []  # (steps done, perf_counter)
        self._observe, self._offers, self._offered = observe, offers, 0
        self._tick, self._ticked = tick, 0.0
        self._started = self.began = time.perf_counter()
        self._stride = 1

    def steps(self, examples: int = 1) -> Iterator[int]:
        """Count steps of `examples` units each, until the budget is used up. Two phases may share one budget."""
        if self.budget is None:
            raise ValueError("this technique learns in steps, so its cell needs a budget: Budget('steps', 1000)")
        if self.budget.unit in ("examples", "tokens", "env_steps"):
            self.total = self.done + max(1, int((self.budget.amount - self.used) // examples))
        self.began = time.perf_counter()
        return self._count(examples)

    def _count(self, examples: int) -> Iterator[int]:
        while self._left():
            before = self.used
            yield self.done
            self.done += 1
            self.seen += examples
            if self.budget and self.budget.unit == "flops" and self.used == before:
                raise ValueError("a budget in flops needs a technique that calls run.spend(flops=...) in every step")
            self._use(examples)
            self._stamp()

    def _left(self) -> bool:
        assert self.budget is not None
        if self.budget.unit == "seconds":
            return time.perf_counter() - self._started < self.budget.amount
        if self.budget.unit == "flops":
            return self.used < self.budget.amount
        return self.total is not None and self.done < self.total

    def _use(self, examples: int) -> None:
        assert self.budget is not None
        if self.budget.unit == "steps":
            self.used += 1
        elif self.budget.unit in ("examples", "tokens", "env_steps"):
            self.used += examples

    def _stamp(self) -> None:
        now = time.perf_counter()
        if self.done == 1 or self.done % self._stride == 0:
            self.stamps.append((self.done, now))
            if len(self.stamps) > self.NOTES:
                self.stamps, self._stride = self.stamps[1::2], self._stride * 2
        if self._tick and now - self._ticked > 0.2:
            self._ticked = now
            self._tick(self.done, self.total)

    def note(self, **numbers: Any) -> None:
        """Keep the loss and the like. On a GPU tensors are read after the fit: no hidden synchronisation.

        On a CPU they are read at once: a number kept in a hole that a large array left makes the next array take new
        memory, step for step (an LSTM over 10,000 words took 6 GB for 0.2).
        """
        if self.done % self._stride == 0:
            if self.device == "cpu":
                numbers = {name: float(value) for name, value in numbers.items()}
            self.notes.append((self.done, numbers))
            if len(self.notes) > 2 * self.NOTES:
                self.notes = self.notes[::2]

    def offer(self, answer: Answer) -> None:
        """You may judge me now, on validation. Does nothing except at scheduled points: total / 2^k steps."""
        if not self._observe or not self.total or self._offered >= self._offers:
            return
        due = self.total / 2 ** (self._offers - 1 - self._offered)
        if self.done + 1 >= due:
            while self._offered < self._offers and self.done + 1 >= self.total / 2 ** (
                self._offers - 1 - self._offered
            ):
                self._offered += 1
            self._observe(self.done + 1, answer)

    def spend(self, flops: float = 0, bytes: int = 0) -> None:
        """Charge FLOPs, and bytes that stay resident, to the budget. Raises OutOfBudget before overspending."""
        if self.budget and self.budget.unit == "flops":
            if self.used + flops > self.budget.amount:
                raise OutOfBudget(f"{self.used + flops:.3g} FLOPs asked for, the budget holds {self.budget.amount:.3g}")
            self.used += flops
        if self.budget and self.budget.bytes is not None and self.bytes + bytes > self.budget.bytes:
            raise OutOfBudget(f"{self.bytes + bytes:,} bytes asked for, the budget holds {self.budget.bytes:,}")
        self.bytes += bytes

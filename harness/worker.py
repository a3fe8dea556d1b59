"""The child: the only place where `fit` is called. What running a cell means, from loading to the last clock."""

import base64
import hashlib
import inspect
import math
import os
import shutil
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from harness import adapt, catalogue, files, meters, tree
from harness.contract import (
    SHOWN,
    BadData,
    Budget,
    Cell,
    Data,
    Diverged,
    Fitted,
    OutOfBudget,
    Problem,
    Run,
    Unsupported,
)

REPEATS, PATIENCE = 7, 1.0  # samples of throughput and latency; seconds after which fewer must do
Tell = Callable[..., None]


def run_cell(request: Mapping[str, Any], tell: Tell) -> None:
    """Measure one cell and tell {"outcome": {"status", "reason"}, "measured": {...}}: all of it, or what there is."""
    measured: dict[str, Any] = {"time": {}, "memory": {}, "why": {}}
    started = time.perf_counter()
    try:
        _measure(request, tell, measured)
        outcome = {"status": "ok", "reason": ""}
    except BaseException as error:
        outcome = _failure(error)
        if outcome["status"] == "error":
            traceback.print_exc()
    measured["time"]["total"] = time.perf_counter() - started
    tell(outcome=outcome, measured=_plain(measured))


def _failure(error: BaseException) -> dict[str, str]:
    """The status and the sentence of an exception."""
    text = f"{type(error).__name__}: {error}".split("\n")[0][:500]
    named = ((Unsupported, "unsupported"), (files.Missing, "unsupported"), (Diverged, "diverged"))
    for kind, status in (*named, (OutOfBudget, "error"), (BadData, "error")):
        if isinstance(error, kind):
            return {"status": status, "reason": str(error)[:500]}
    memory = ("out of memory", "can't allocate memory", "bad allocation", "cannot allocate memory", "bad_alloc")
    if isinstance(error, MemoryError) or any(sign in text.lower() for sign in memory):
        return {"status": "oom", "reason": f"an allocation failed: {text}"}
    return {"status": "error", "reason": text}


def _measure(request: Mapping[str, Any], tell: Tell, measured: dict[str, Any]) -> None:
    cell = Cell(**{**request["cell"], "budget": _budget(request["cell"]["budget"])})
    times, memory, why = measured["time"], measured["memory"], measured["why"]

    tell(phase="import")
    with meters.Phase("cpu") as importing:
        technique = catalogue.load(Path(request["paths"]["technique"]))
        fit = adapt.fit_of(technique)
    times["import"] = importing.wall + request["preload_seconds"]
    if cell.device == "cuda":
        measured["gpu_flags"] = _wake_cuda()
    _set_threads(cell)

    tell(phase="load")
    with meters.Phase(cell.device) as loading:
        problem, protocol, vocabulary = _pose(cell, request)
    times["load"], memory["load"] = loading.wall, loading.memory()
    memory["train"] = _bytes(problem.train)
    measured["protocol"] = protocol

    fitting = meters.Phase(cell.device)
    run = _lend(cell, request, problem, fitting, measured, tell)
    tell(phase="fit", shared=tree.shared_out([os.getppid(), os.getpid()]))
    with fitting:
        fitted = fit(problem.train, run, **cell.keywords)
    _check_budget(cell, run)
    measured["seen"] = run.seen
    times |= {"fit": fitting.wall, "fit_cpu": fitting.cpu, "steps": run.done or None, "first_step": first_step(run)}
    memory |= {"fit": fitting.memory(), "cuda": fitting.cuda(), "parameters": int(fitted.parameters)}
    memory["anonymous"] = fitting.anonymous()
    measured["energy"] = fitting.energy()
    why |= dict.fromkeys(("energy.joules", "energy.source"), measured["energy"]["why"])
    measured["notes"], measured["told"] = _notes(run), _told(fitted)
    if not run.done:
        why["time.steps"] = why["time.first_step"] = "this technique does not learn in steps"

    tell(phase="answer")
    measured["quality"] = _judge(cell, problem, fitted.answer, measured)
    _check_score(measured["quality"]["test"], protocol["metric"])
    measured["shown"] = _shown(fitted.shown() if fitted.shown else {}, vocabulary)
    if fitted.keep:
        measured["keep"] = _keep(fitted.keep, Path(request["blobs"]))


def _budget(given: Mapping[str, Any] | None) -> Budget | None:
    return Budget(**given) if given else None


def _check_budget(cell: Cell, run: Run) -> None:
    """Raises OutOfBudget where the first step alone took more examples than the budget's FLOPs pay for."""
    if cell.budget and cell.budget.unit == "flops" and run.budget and run.used > run.budget.amount:
        held = f"{cell.budget.amount:.3g} FLOPs pay for {run.budget.amount:,.0f}"
        raise OutOfBudget(f"{run.used:,.0f} {run.budget.unit} were trained on, {held}")


def _set_threads(cell: Cell) -> None:
    """The same number for every library; other threads, other bits. The server's are at one already."""
    if cell.threads == 1 and cell.device == "cpu":
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(cell.threads)
    import threadpoolctl

    threadpoolctl.threadpool_limits(cell.threads)


def _wake_cuda() -> dict[str, Any]:
    """Make the CUDA context before any clock starts. The flags that move a GPU's bits and speed, as they stand."""
    import torch

    torch.zeros(1, device="cuda").sum().item()
    return {
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_conv": torch.backends.cudnn.allow_tf32,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "benchmark": torch.backends.cudnn.benchmark,
        "device": torch.cuda.get_device_name(0),
    }


def _pose(cell: Cell, request: Mapping[str, Any]) -> tuple[Problem, dict[str, Any], tuple[str, ...]]:
    module = catalogue.load(Path(request["paths"]["dataset"]))
    task = catalogue.load(Path(request["paths"]["task"]))
    card = module.DATASET
    data, size, condition = load_data(module, cell), cell.size, dict(cell.condition)
    try:
        if fold := condition.pop("fold", 0):
            from harness import folds

            data, size, condition["validation"] = folds.turned(data, size, cell.seed, fold, condition["validation"])
        problem = task.pose(data, size, cell.seed, _given(request), **condition)
    except BadData as error:
        raise BadData(f"{catalogue.public_name(cell.dataset)}: {error}") from None
    protocol = {"metric": card.metric, "higher_is_better": card.higher_is_better}
    return problem, protocol, getattr(data, "vocabulary", ())


def load_data(module: ModuleType, cell: Cell, fresh: bool = False) -> Any:
    """The dataset's Data, with the card's protocol and ceiling, or its Arena or Rules. fresh: not from the cache."""
    data, card = _loaded(module, cell, fresh), module.DATASET
    return replace(data, protocol=card.protocol, ceiling=card.ceiling) if isinstance(data, Data) else data


def _loaded(module: ModuleType, cell: Cell, fresh: bool) -> Any:
    """What the dataset's `load` gives, called with what its signature names: the checked files, size and seed, device.

    What was made of files alone is kept in the cache, and mapped from there the next time: files are parsed once for
    all sizes, seeds and techniques. The mark of the kept folder holds the files' checksums and the loader's code.
    """
    name, card = catalogue.public_name(cell.dataset), module.DATASET
    offered = {
        "size": lambda: cell.size,
        "seed": lambda: cell.seed,
        "device": lambda: cell.device,
        "files": lambda: files.locate(name, card.files, card.folder),
    }
    asked = tuple(inspect.signature(module.load).parameters)
    if fresh or asked != ("files",):
        return module.load(**{one: offered[one]() for one in asked})
    found = catalogue.dataset(str(module.__file__))
    folder = files.parsed(name, f"{catalogue.fingerprint(found)}-{catalogue.code_hash(found)}-{_readers(found)}")
    if folder.is_dir():
        try:
            return files.kept(folder)
        except BadData:
            shutil.rmtree(folder, ignore_errors=True)  # damaged: it is made anew below
    data = module.load(offered["files"]())
    try:
        files.keep(folder, data)
    except OSError:  # no room, or a cache that cannot be written: the next cell parses again
        return data
    return files.kept(folder)  # the same arrays, laid out the same way, as every later cell gets


def _readers(found: catalogue.Found) -> str:
    """A mark of the libraries that unpack and parse: another one may read a picture otherwise."""
    return hashlib.sha256(repr(sorted(catalogue.libraries(found, lazily=True).items())).encode()).hexdigest()[:8]


def _given(request: Mapping[str, Any]) -> dict[str, Any]:
    """Read-only arrays of the rows that this cell needs."""
    import numpy as np

    arrays: dict[str, Any] = {}
    for name, path in request["given"].items():
        with np.load(path, allow_pickle=False) as blob:
            arrays[name] = {key: blob[key] for key in blob.files}
        for array in arrays[name].values():
            array.setflags(write=False)
    return arrays


def _lend(
    cell: Cell,
    request: Mapping[str, Any],
    problem: Problem,
    fitting: meters.Phase,
    measured: dict[str, Any],
    tell: Tell,
) -> Run:
    trajectory = measured.setdefault("trajectory", [])

    def observe(step: int, answer: Callable[[Any], Any]) -> None:
        with fitting.pause(), meters.frozen_random():
            _notes(run)  # a loss that left the numbers is told as that, not as answers which nobody can judge
            trajectory.append({"step": step, "seconds": fitting.wall, **problem.judge(answer, split="valid")})

    def tick(done: int, total: int | None) -> None:
        tell(step=done, total=total)

    run = Run(
        device=cell.device,
        seed=cell.seed,
        budget=_budget(request["lent"]),
        threads=cell.threads,
        dtype=cell.dtype,
        given=_given(request),
        observe=observe if request["offers"] else None,
        offers=request["offers"],
        tick=tick,
    )
    return run


def first_step(run: Run) -> float | None:
    """Seconds of the first step: what compiles, tunes or allocates once shows here."""
    return run.stamps[0][1] - run.began if run.stamps and run.stamps[0][0] == 1 else None


def _notes(run: Run) -> list[tuple[int, dict[str, float]]]:
    """Notes as plain numbers, read after the fit. Raises Diverged at the first loss that is not finite."""
    notes = [(step, {name: float(value) for name, value in numbers.items()}) for step, numbers in run.notes]
    for step, numbers in notes:
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise Diverged(f"{name} is {value} at step {step}")
    return notes[:: max(1, len(notes) // 64)]


def _told(fitted: Fitted) -> dict[str, float]:
    """What training told of itself, as plain numbers. Raises Diverged at one that is not finite."""
    told = {name: float(value) for name, value in fitted.told.items()}
    for name, value in told.items():
        if not math.isfinite(value):
            raise Diverged(f"{name} is {value} after the last step")
    return told


def _shown(samples: Mapping[str, Any], vocabulary: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Samples as a row holds them: {"text": ...}, or {"shape": [k, h, w], "pixels": base64}."""
    found: dict[str, dict[str, Any]] = {}
    for name, sample in samples.items():
        kind = f"{getattr(sample, 'ndim', '')} {getattr(sample, 'dtype', '')}"
        if isinstance(sample, str):
            found[name] = {"text": sample}
        elif kind == "1 int64" and vocabulary:
            between = "" if max(map(len, vocabulary)) == 1 else " "
            found[name] = {"text": between.join(vocabulary[token] for token in sample)}
        elif kind == "3 uint8":
            found[name] = {"shape": list(sample.shape), "pixels": base64.b64encode(sample.tobytes()).decode()}
        else:
            raise ValueError(f"shown {name} is {sample!r:.40}: a text, tokens (n,), or uint8 (k, h, w), is right")
    if (size := sum(len(str(sample)) for sample in found.values())) > SHOWN:
        raise ValueError(f"samples take {size:,} bytes: {SHOWN:,} is the most")
    return found


def _judge(cell: Cell, problem: Problem, answer: Callable[[Any], Any], measured: dict[str, Any]) -> dict[str, Any]:
    times, memory, why = measured["time"], measured["memory"], measured["why"]
    answer(problem.sample)  # warm-up, not timed
    ask = Asked(answer, cell.device)
    with meters.Phase(cell.device) as answering:
        test = problem.judge(ask, split="test")
    memory["answer"] = answering.memory()
    times |= {"answer": ask.seconds, "answer_cpu": ask.cpu, "answers": ask.count}
    times |= _rates(answer, ask.first, cell.device)
    valid = problem.judge(answer, split="valid") or None
    if valid is None:
        why["quality.valid"] = "all n rows were trained on; a search trial holds some of them out"
    return {
        "test": test,
        "valid": valid,
        "floor": problem.judge(problem.floor, split="test"),
        "ceiling": problem.ceiling,
    }


def _check_score(test: Mapping[str, Any], metric: str) -> None:
    """Raises Diverged where the dataset's own metric is not a finite number: such a row is not ok."""
    value = test.get(metric)
    if not isinstance(value, float | int) or not math.isfinite(value):
        raise Diverged(f"{metric} on the test set is {value}")


class Asked:
    """The technique's answer with a clock and a count; what it was first asked is kept for the throughput samples."""

    def __init__(self, answer: Callable[[Any], Any], device: str) -> None:
        self.answer, self.device = answer, device
        self.seconds = self.cpu = 0.0
        self.count = 0
        self.first: Any = None

    def __call__(self, question: Any) -> Any:
        """As many answers as questions, or a ValueError that says how many."""
        if self.first is None:
            self.first = question
        with meters.Clock(self.device) as clock:
            answers = self.answer(question)
        self.seconds, self.cpu = self.seconds + clock.wall, self.cpu + clock.cpu
        if len(answers) != len(question):
            raise ValueError(f"answered {len(answers)} of {len(question)} questions")
        self.count += len(question)
        return answers


def _rates(answer: Callable[[Any], Any], question: Any, device: str) -> dict[str, Any]:
    """Latency at batch 1 and 1,000 (questions repeated where there are fewer), and answers per second at 1,000."""
    raw = {}
    for batch in (1, 1000):
        few = question[:batch]
        if len(few) < batch and hasattr(question, "dtype"):
            few = question.take([i % len(question) for i in range(batch)], axis=0)
        answer(few)
        raw[f"latency_{batch}"] = _samples(answer, few, device)
    medians = {name: statistics.median(values) for name, values in raw.items()}
    return {**medians, "throughput": len(few) / medians["latency_1000"], "batch": len(few), "raw": raw}


def _samples(answer: Callable[[Any], Any], question: Any, device: str) -> list[float]:
    samples: list[float] = []
    while len(samples) < REPEATS and (len(samples) < 2 or sum(samples) < PATIENCE):
        with meters.Clock(device) as clock:
            answer(question)
        samples.append(clock.wall)
    return samples


def _bytes(train: Any) -> int | None:
    """Bytes of the arrays that a technique was handed; of texts their letters too, which lie beside the array."""
    values = vars(train).values() if hasattr(train, "__dict__") else [train]
    arrays = [v for v in values if hasattr(v, "nbytes")]
    sizes = [a.nbytes + (sum(len(text.encode()) for text in a) if a.dtype.kind == "T" else 0) for a in arrays]
    return int(sum(sizes)) if sizes else None


def _keep(arrays: Mapping[str, Any], blobs: Path) -> str:
    """Store arrays under their checksum, for the cells that need them. Returns the checksum."""
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    name = hashlib.sha256(buffer.getvalue()).hexdigest()
    blobs.mkdir(parents=True, exist_ok=True)
    part = blobs / f".{name}.{os.getpid()}"
    part.write_bytes(buffer.getvalue())
    part.rename(blobs / f"{name}.npz")
    return name


def _plain(value: Any) -> Any:
    """JSON types only: numpy scalars become numbers, what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""The parent: a loop over ready cells. Schedules, limits, progress; appends rows. Imports no torch and no numpy."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness import catalogue, isolate, machine, plan, row
from harness.contract import Cell
from harness.screen import Screen
from harness.store import DiskFull, Journal, Row, Store, run_id

LOOK = 0.01  # seconds between two looks at a cell's time and memory in its first second; five times that later
SHARE = 0.8  # of the memory that is free, where no limit is given


@dataclass(frozen=True)
class Options:
    """How to run, none of which is part of a cell's key.

    seconds   wall budget of the whole run; None: until all is done
    timeout   seconds per cell          limit    bytes per cell's process tree; None: 80 % of what is free
    retry     statuses to try again     jobs     cells at once, each on its own cores
    offers    points of the training curve to judge on validation
    account   of the plan (contract.Plan): what rows tell beside, and which cells must not run
    """

    folder: Path
    seconds: float | None = None
    timeout: float = 300.0
    limit: int | None = None
    retry: tuple[str, ...] = ()
    jobs: int = 1
    offers: int = 0
    account: Callable[[Cell], Mapping[str, Any]] | None = None


@dataclass
class Work:
    """One cell on its way to a row. `needs`: {name: row id} that must be stored before it can start."""

    cell: Cell
    id: str
    needs: dict[str, str] = field(default_factory=dict)
    search: dict[str, Any] | None = None
    began: str = ""  # UTC
    forecast: plan.Forecast | None = None  # as it stood when the cell was started

    def trials(self) -> list[str]:
        """Row ids of its search trials, each once: a small space may be drawn from twice."""
        return list(dict.fromkeys(i for name, i in self.needs.items() if name.startswith("trial ")))

    def given(self) -> dict[str, str]:
        """{name: row id} of the rows whose arrays it is lent."""
        return {name: i for name, i in self.needs.items() if not name.startswith("trial ")}


@dataclass
class Summary:
    """What came of a run.

    rows       of this plan, new and kept          left     (cell, why) that the budget left out
    forecasts  (forecast, wall) seconds of the ok cells that had rows of their series to be forecast from
    """

    rows: dict[str, Row] = field(default_factory=dict)
    computed: int = 0
    left: list[tuple[Cell, str]] = field(default_factory=list)
    forecasts: list[tuple[float, float]] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str = ""  # why it ended early, if it did

    def within_twofold(self) -> float | None:
        """Share of the forecasts that were at most twice, and at least half, of what the cell took."""
        hits = [0.5 <= forecast / wall <= 2 for forecast, wall in self.forecasts]
        return sum(hits) / len(hits) if hits else None

    def failed(self) -> list[Row]:
        """Rows that are not ok. What its plan refused did not fail."""
        return [r for r in self.rows.values() if r["status"] != "ok" and not _refused(r)]


def _refused(made: Row) -> bool:
    return made["status"] == "skipped" and bool((made["provenance"].get("account") or {}).get("refused"))


def works(cells: Iterable[Cell]) -> list[Work]:
    """The cells as work, each tuned cell after its search trials."""
    found: dict[str, Work] = {}
    for cell in cells:
        needs = {name: plan.row_id(wanted) for name, wanted in cell.needs.items()}
        own = dict(needs)
        for number, trial in enumerate(plan.trials(cell) if cell.tune else []):
            id_ = plan.row_id(plan.key(trial))
            own[f"trial {number}"] = id_
            found.setdefault(id_, Work(trial, id_, needs))
        id_ = plan.row_id(plan.key(cell))
        found.setdefault(id_, Work(cell, id_, own))
    return list(found.values())


class Loop:
    """One run of a plan: what waits, what runs, what is done."""

    def __init__(self, cells: Iterable[Cell], store: Store, options: Options, screen: Screen) -> None:
        self.store, self.options, self.screen = store, options, screen
        self.waiting = works(cells)
        self.run, self.summary = run_id(), Summary()
        self.forecast = plan.Forecaster(store.rows.values())
        self.enforced_by = ""
        self.stopped_at: dict[tuple, tuple[int, str]] = {}  # series -> (size, status): larger sizes are skipped by rule
        self.running: dict[isolate.Slot, tuple[Work, float]] = {}
        self.interrupts, self.heeded = 0, False
        self.journal: Journal | None = None
        self.started = time.monotonic()

    def go(self) -> Summary:
        """Run until every cell has a row, the budget ends, or the user does."""
        self._keep_known()
        self.screen.start(len(self.waiting), len(self.summary.rows), self._seconds_left())
        if not self.waiting:
            return self._finish()
        threads = max(work.cell.threads for work in self.waiting)
        slots = [isolate.Slot(cores) for cores in _cores(self.options.jobs, threads)]
        self.enforced_by = machine.limits()["memory"]
        isolate.sweep()
        self.journal = Journal(self.options.folder, machine.fingerprint()["name"], self.run)
        before = {s: signal.signal(s, self._interrupt) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            while (self.waiting and not self.summary.stopped) or self.running:
                self._launch([s for s in slots if s not in self.running])
                self._watch()
                self._heed()
                if self.interrupts > 1:
                    self.summary.stopped = "stopped at once"
                    break
        finally:
            for slot in slots:
                slot.close(at_once=bool(self.running))
            for work, _ in self.running.values():
                self.journal.release(work.id)
            self.journal.close()
            self.screen.stop()
            for number, handler in before.items():
                signal.signal(number, handler)
        return self._finish()

    def _finish(self) -> Summary:
        self.summary.seconds = time.monotonic() - self.started
        return self.summary

    def _interrupt(self, number: int, _frame: Any) -> None:
        self.interrupts += 1 if number == signal.SIGINT else 2
        self.summary.stopped = self.summary.stopped or "interrupted"

    def _heed(self) -> None:
        """Say once that the run ends: here, for printing inside a signal handler may meet another print half done."""
        if self.interrupts == 1 and not self.heeded:
            self.heeded = True
            self.screen.say("interrupted: finishing the cell that runs, its row will be saved; Ctrl-C again stops now")

    # ---------------------------------------------------------------------------------------------------- what is next

    def _keep_known(self) -> None:
        """Take over rows that are there already."""
        still = []
        for work in self.waiting:
            known = self._known(work)
            if known:
                self._settle(work, known)
            else:
                still.append(work)
        self.waiting = still

    def _known(self, work: Work) -> Row | None:
        """The row that makes computing this cell needless. A limit that is larger today makes old failures void."""
        known = self.store.final(work.id, self.options.retry)
        if known is None:
            return None
        if known["status"] == "timeout" and self.options.timeout > ((known["time"] or {}).get("limit") or 0):
            return None
        if known["status"] == "oom" and (self.options.limit or 0) > ((known.get("memory") or {}).get("limit") or 0):
            return None
        if self.options.offers and work.cell.budget and known["status"] == "ok" and not known.get("trajectory"):
            return None
        return known

    def _settle(self, work: Work, known: Row) -> None:
        self.summary.rows[work.id] = known
        if known["status"] in ("timeout", "oom"):
            series = _series(work.cell)
            size, _ = self.stopped_at.get(series, (work.cell.size, ""))
            self.stopped_at[series] = (min(size, work.cell.size), known["status"])

    def _launch(self, idle: list[isolate.Slot]) -> None:
        """Start the next ready cell in each idle slot; settle on the way those that need no computing."""
        for slot in idle:
            for work in list(self.waiting):
                if self.summary.stopped:
                    return
                if self._ready(work) and self._wanted(work) and self._begin(slot, work):
                    break
        if self.waiting and not self.running:
            time.sleep(0.05)  # all that is left is being computed by another run

    def _ready(self, work: Work) -> bool:
        if not work.needs:
            return True
        pending = {w.id for w in self.waiting} | {w.id for w, _ in self.running.values()}
        return not any(needed in pending for needed in work.needs.values())

    def _wanted(self, work: Work) -> bool:
        """Whether the cell is to be computed now. If not, it is settled: left out by the budget, or skipped by rule."""
        if refused := self._refused(work.cell):
            return self._skip(work, refused)
        forecast = self.forecast(work.cell)
        left = self._budget_left()
        if left is not None and forecast.seconds > left:
            self.waiting.remove(work)
            self._leave_out(work, f"forecast {forecast.seconds:.1f} s, {max(left, 0):.0f} s of the budget left")
            return False
        size, status = self.stopped_at.get(_series(work.cell), (work.cell.size, ""))
        if size < work.cell.size:
            return self._skip(work, f"skipped by rule: {status} at n = {size:,}")
        limit = self._limit()
        if forecast.bytes > limit:
            return self._skip(
                work, f"forecast to need {forecast.bytes / 1e9:.1f} GB, the limit is {limit / 1e9:.1f} GB"
            )
        failed = [name for name, id_ in work.given().items() if not self._is_ok(id_)]
        if failed:
            return self._skip(work, f"the rows it needs are not there: {', '.join(failed)}")
        return True

    def _refused(self, cell: Cell) -> str:
        """Why its plan, or its own budget, forbids a cell; "" where neither does."""
        return str(self._account(cell).get("refused") or "") or plan.overspends(cell)

    def _account(self, cell: Cell) -> Mapping[str, Any]:
        return plan.account_of(self.options.account, cell)

    def _leave_out(self, work: Work, why: str) -> None:
        """No row: the same command goes on with this cell."""
        self.summary.left.append((work.cell, why))
        self.screen.drop()

    def _is_ok(self, id_: str) -> bool:
        return self.store.rows.get(id_, {}).get("status") == "ok"

    def _skip(self, work: Work, reason: str) -> bool:
        if work in self.waiting:
            self.waiting.remove(work)
        made = row.build(work.cell, {}, self.run, status="skipped", reason=reason, loan=self._told(work.cell))
        old = self.store.rows.get(work.id)
        if not old or (old["status"], old["reason"]) != ("skipped", reason):
            self._store(made)
        self.summary.rows[work.id] = made
        self.screen.row(made, 0.0, self._seconds_left())
        return False

    def _begin(self, slot: isolate.Slot, work: Work) -> bool:
        """Claim the cell and start it. False when another run has it, or has just finished it."""
        assert self.journal
        try:
            if not self.journal.claim(work.id):
                return False
        except DiskFull as error:
            self.summary.stopped = str(error)
            return False
        self.store.refresh()
        known = self._known(work)
        if known:
            self.journal.release(work.id)
            self.waiting.remove(work)
            self._settle(work, known)
            self.screen.row(known, None, self._seconds_left())
            return False
        self.waiting.remove(work)
        cell = self._resolved(work)
        if cell is None:
            self.journal.release(work.id)
            return False
        left = self._budget_left()
        timeout = (
            min(self.options.timeout, left + 0.05 * self.options.seconds) if left and self.options.seconds else None
        )
        work.forecast = self.forecast(work.cell)
        work.began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.running[slot] = (work, time.monotonic())
        asked = request(cell, self.options.folder / "blobs", self._lent(work), self.options.offers)
        slot.start(cell, preload(cell), asked, timeout or self.options.timeout, self._limit())
        self.screen.running([w.cell for w, _ in self.running.values()])
        return True

    def _resolved(self, work: Work) -> Cell | None:
        """The cell as it will run: a tuned one with the best keywords of its search, or None where that cannot be."""
        if not work.cell.tune:
            return work.cell
        trials = [self.store.rows[i] for i in work.trials() if i in self.store.rows]
        if absent := len(work.trials()) - len(trials):
            self._leave_out(work, f"{absent} of its {len(work.trials())} search trials were left out")
            return None
        try:
            cell, work.search = plan.resolve(work.cell, trials)
        except LookupError as error:
            self._skip(work, str(error))
            return None
        if refused := self._refused(cell):
            self._skip(work, f"as tuned it {refused}")
            return None
        return cell

    def _lent(self, work: Work) -> dict[str, str]:
        """{name: blob} of the arrays that the cell is lent."""
        return {name: self.store.rows[i]["keep"] for name, i in work.given().items()}

    # ------------------------------------------------------------------------------------------------- what has ended

    def _watch(self) -> None:
        for slot, (work, began) in list(self.running.items()):
            patience = LOOK if time.monotonic() - began < 1 else 5 * LOOK
            outcome = slot.watch(patience / len(self.running))
            if outcome:
                del self.running[slot]
                self._take(work, outcome, slot)
            elif self.interrupts > 1:
                return

    def _take(self, work: Work, outcome: isolate.Outcome, slot: isolate.Slot) -> None:
        """Store what came of a cell, then give its claim back."""
        assert self.journal
        left = self._budget_left()
        if changed := plan.changed(work.cell):
            outcome.status, outcome.reason = "error", f"{changed} was changed while the cell ran: run it again"
        if outcome.status == "timeout" and slot.timeout < self.options.timeout and left is not None and left <= 0:
            self._leave_out(work, f"stopped after {outcome.seconds:.0f} s: the budget ended while it ran")
        else:
            made = row.of_outcome(
                work.cell,
                outcome,
                self.run,
                timeout=slot.timeout,
                loan=self._loan(work),
                limit=slot.limit,
                enforced_by=self.enforced_by,
                search=work.search,
            )
            self._store(made)
            self._settle(work, made)
            self.summary.computed += 1
            if work.forecast and work.forecast.known and made["status"] == "ok":
                self.summary.forecasts.append((work.forecast.seconds, outcome.seconds))
            self.forecast.learn(made)
            self.screen.row(made, outcome.seconds, self._seconds_left())
        self.journal.release(work.id)

    def _told(self, cell: Cell) -> dict[str, Any]:
        """What the plan tells of a cell, for its row."""
        told = self._account(cell)
        return {"account": dict(told)} if told else {}

    def _loan(self, work: Work) -> dict[str, Any]:
        """Under what circumstances the cell ran, for its row."""
        seconds = work.forecast.seconds if work.forecast and work.forecast.known else None
        return {
            "started": work.began,
            "jobs": self.options.jobs,
            "load": os.getloadavg()[0],
            "forecast": seconds,
            "reference": machine.reference(),
            **self._told(work.cell),
        }

    def _store(self, made: Row) -> None:
        assert self.journal
        try:
            self.journal.append(made)
        except DiskFull as error:
            self.summary.stopped = str(error)
        self.store.rows[made["id"]] = made

    # --------------------------------------------------------------------------------------------------------- limits

    def _limit(self) -> int:
        if self.options.limit:
            return self.options.limit
        return int(SHARE * machine.memory_available() / self.options.jobs)

    def _budget_left(self) -> float | None:
        return None if self.options.seconds is None else self.options.seconds - (time.monotonic() - self.started)

    def _seconds_left(self) -> float:
        ahead = sum(self.forecast(w.cell).seconds for w in self.waiting) / self.options.jobs
        left = self._budget_left()
        return ahead if left is None else min(ahead, max(left, 0.0))


def _series(cell: Cell) -> tuple:
    """Cells that differ in size, seed and fold alone."""
    posed = sorted((name, value) for name, value in cell.condition.items() if name != "fold")
    settings = (repr(sorted(cell.keywords.items())), repr(posed))
    return (cell.technique, *settings, cell.dataset, cell.device, cell.dtype, cell.threads, cell.tune)


def request(cell: Cell, blobs: Path, given: Mapping[str, str], offers: int) -> dict[str, Any]:
    """What the worker is sent. given: {name: blob}."""
    lent = plan.lent(cell)
    return {
        "cell": cell.as_dict(),
        "lent": asdict(lent) if lent else None,
        "paths": {
            "technique": str(catalogue.technique(cell.technique).path),
            "task": str(catalogue.path_of("task", cell.task)),
            "dataset": str(catalogue.dataset(cell.dataset).path),
        },
        "given": {name: str(blobs / f"{key}.npz") for name, key in given.items()},
        "blobs": str(blobs),
        "offers": offers if cell.condition.get("validation") else 0,
    }


def preload(cell: Cell) -> tuple[str, ...]:
    """What the cell's files import, and nothing else: more would put other techniques' libraries under its memory."""
    found = plan.files(cell)
    ours = {".".join(path.relative_to(catalogue.ROOT).with_suffix("").parts) for f in found for path in f.ours}
    ours.discard("harness.files")  # the worker brings it anyway, and one server then serves more datasets
    return tuple(sorted({module for f in found for module in f.imports} | ours))


def _cores(jobs: int, threads: int) -> list[tuple[int, ...]]:
    """Cores of each slot: all (no pinning) for one job, else equal shares, none smaller than a cell's threads."""
    if jobs == 1:
        return [()]
    if not hasattr(os, "sched_getaffinity"):
        raise catalogue.Mistake(f"--jobs {jobs}: this system cannot pin cells to cores, so it can run one at a time")
    cores = sorted(os.sched_getaffinity(0))
    if jobs * threads > len(cores):
        raise catalogue.Mistake(
            f"--jobs {jobs} with {threads} threads each: there are {len(cores)} cores, and no two cells may share one"
        )
    share = len(cores) // jobs
    return [tuple(cores[i * share : (i + 1) * share]) for i in range(jobs)]


def execute(cells: Iterable[Cell], store: Store, options: Options, screen: Screen) -> Summary:
    """Run the cells that have no row yet."""
    return Loop(cells, store, options, screen).go()

"""What each command of `eras` does. Each takes the parsed arguments and returns an exit code.

0 all ok · 1 something is not as it should be (verify, check) · 2 a user's mistake · 3 some cells failed
130 interrupted
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from harness import catalogue, machine, plan
from harness import claims as registry
from harness.catalogue import ROOT, SELF, Mistake
from harness.contract import Block, Cell, Dataset, Plan, Technique, era
from harness.data import absence, brought, data, datasets, get, here, obtainable
from harness.keeping import export, folders_of, of_selftest, results, results_of, verify, writing
from harness.screen import Screen, duration, line, show, table
from harness.store import Row, Store

__all__ = ["data", "export", "results", "verify"]  # commands that live in data and keeping


# ----------------------------------------------------------------------------------------------------------------- list


def list_(args: argparse.Namespace) -> int:
    """The timeline, or the datasets, tasks, plans, claims."""
    what = {"techniques": _techniques, "datasets": datasets, "claims": _claims}.get(args.what, _others)
    value, rows = what(args)
    show(args.json, value, table(rows))
    return 0


def _techniques(args: argparse.Namespace) -> tuple[list, list]:
    found = sorted((catalogue.technique(n) for n in catalogue.names("technique")), key=lambda f: (f.card.year, f.name))
    value, rows, last = [], [], ""
    for f in found:
        card: Technique = f.card
        of = era(card.year)
        rows += [("", of, "", "", "")] if of != last else []
        last = of
        rows.append((str(card.year), f.name, card.title, ", ".join(card.tasks), card.paper))
        value.append({"name": f.name, "year": card.year, "era": of, "title": card.title, "tasks": card.tasks})
        value[-1] |= {"devices": card.devices, "paper": card.paper, "hyperparameters": dict(f.defaults)}
    return value, rows


def _claims(args: argparse.Namespace) -> tuple[list, list]:
    from harness.claims import registered

    found = registered()
    rows = [(name, claim.name, claim.sentence) for name, claim in found]
    return [{"technique": n, "name": c.name, "sentence": c.sentence} for n, c in found], rows


def _others(args: argparse.Namespace) -> tuple[list, list]:
    kind = args.what.removesuffix("s")
    import ast

    value, rows = [], []
    for name in catalogue.names(kind):
        told = ast.get_docstring(ast.parse(catalogue.path_of(kind, name).read_text())) or ""
        value.append({"name": name, "what": told.split("\n")[0]})
        rows.append((name, told.split("\n")[0]))
    return value, rows


# --------------------------------------------------------------------------------------------------------- plan and run


class Wanted(NamedTuple):
    """The cells that the arguments ask for; of their plan the budget in seconds, what it left out, and its account."""

    cells: list[Cell]
    seconds: float | None
    told: tuple[str, ...]
    account: Callable[[Cell], Mapping[str, Any]] | None


def cells_of(args: argparse.Namespace) -> Wanted:
    """What to run. Raises Mistake where nothing is."""
    threads = args.threads or 1
    for kind, flag in (("technique", "-t"), ("dataset", "-d")):
        if args.plan in catalogue.names(kind):
            raise Mistake(f"{args.plan} is a {kind}, not a plan: write {flag} {args.plan}")
    if args.claim and args.plan != registry.PLAN:
        raise Mistake(f"--claim {args.claim[0]}: only the plan claims has claims: `eras run claims --claim ...`")
    if args.plan or not (args.technique or args.dataset):
        if args.offers:
            raise Mistake("--offers holds rows out for validation, which no plan does: name techniques with -t instead")
        had = [n for n in catalogue.names("dataset") if here(n) or (getattr(args, "download", False) and obtainable(n))]
        made = plan.named(args.plan or "tour", had, args.period, args.device)
        blocks, seconds, told, account = made.blocks, made.seconds, made.told, made.account
        if args.tune and account:
            raise Mistake("--tune: the search of this plan is part of it")
        if args.claim:
            blocks = tuple(registry.blocks(registry.named(args.claim, args.device)))
            made = replace(made, blocks=blocks)
        _check_filters(made, args)
    else:
        blocks, seconds, told, account = (_asked_block(args),), None, (), None
    blocks = tuple(b for block in blocks for b in _filtered(block, args))
    found: dict[str, tuple[Cell, int]] = {}
    for block in sorted(blocks, key=lambda block: block.later):
        for cell in plan.expand(block, args.device, threads, args.dtype):
            found.setdefault(plan.row_id(plan.key(cell)), (cell, block.later))
    unique = [cell for cell, _ in found.values()]
    left = (
        [] if args.plan else [_untaken(name) for name in args.dataset or () if name not in {c.dataset for c in unique}]
    )
    if not unique:
        why = "; ".join(left) or "no technique asked for can take a dataset asked for"
        raise Mistake(
            f"nothing to run on {args.device}: {why} (`eras list techniques` tells tasks, `eras list datasets` forms)"
        )
    cells = plan.ordered(unique, [later for _, later in found.values()])
    return Wanted(cells, seconds, (*told, *left), account)


def _untaken(name: str) -> str:
    """Why a dataset that was asked for has no cell."""
    card: Dataset = catalogue.dataset(name).card
    if not card.rows:
        return f"{plan.public_name(name)} is left out: it brings questions to be tested by and nothing to learn from"
    what = f"{' or '.join(card.tasks)} on data of the form {card.form}, with at most {card.rows:,} rows"
    return f"{plan.public_name(name)} is left out: no technique asked for takes {what}"


def _asked_block(args: argparse.Namespace) -> Block:
    """An ad hoc plan from -t and -d: every size of the usual grid that the dataset has, three seeds each."""
    techniques = tuple(args.technique or catalogue.names("technique"))
    selftest = all(t.startswith(SELF) for t in techniques)
    datasets = tuple(args.dataset or (["iris"] if selftest else ["digits"]))
    most = max(catalogue.dataset(d).card.rows for d in datasets)
    sizes = args.sizes or (plan.GRID[:1] if any(t.startswith(SELF) for t in techniques) else plan.GRID[:6])
    check_sizes(args.sizes, datasets)
    sizes = tuple(s for s in sizes if s <= most) or (most,)
    seeds = args.cells or args.seeds or (1 if any(t.startswith(SELF) for t in techniques) else 3)
    condition = {"validation": plan.HOLD} if args.offers else {}
    return Block(techniques, datasets, tuple(sizes), {10**9: seeds}, condition, args.tune)


def check_sizes(sizes: tuple[int, ...] | None, datasets: tuple[str, ...]) -> None:
    """A size that no dataset asked for has is a mistake; one that only some lack is left out there."""
    largest = max(datasets, key=lambda name: catalogue.dataset(name).card.rows)
    rows = catalogue.dataset(largest).card.rows
    for size in sizes or ():
        if rows and not 2 <= size <= rows:
            raise Mistake(f"--sizes {size:,}: {plan.public_name(largest)} has 2 to {rows:,} training rows")


def _check_filters(made: Plan, args: argparse.Namespace) -> None:
    """What is asked for by name must be in the plan; a name that is nowhere gets the nearest ones."""
    for technique in args.technique or ():
        catalogue.technique(plan.asked_for(technique)[0])
    for dataset in args.dataset or ():
        catalogue.dataset(dataset)
    filters = (
        ("-t", args.technique, {t for b in made.blocks for t in b.techniques}),
        ("-d", args.dataset, {d for b in made.blocks for d in b.datasets}),
        ("--sizes", args.sizes, {s for b in made.blocks for s in b.sizes}),
    )
    for flag, wanted, has in filters:
        for one in wanted or ():
            left_out = [text for text in made.told if text.startswith(f"{one} ")]
            if one not in has:
                why = left_out[0] if left_out else f"the plan has {', '.join(map(str, sorted(has)))}"
                raise Mistake(f"{flag} {one} is not in this plan: {why}")


def _filtered(block: Block, args: argparse.Namespace) -> Iterator[Block]:
    """A plan's block with the command line's filters."""
    techniques = [t for t in block.techniques if not args.technique or t in args.technique]
    datasets = [d for d in block.datasets if not args.dataset or d in args.dataset]
    sizes = [s for s in block.sizes if not args.sizes or s in args.sizes]
    seeds = {k: min(v, args.seeds) for k, v in block.seeds.items()} if args.seeds else block.seeds
    if techniques and datasets and sizes:
        chooses = args.plan and "validation" in block.condition  # to choose by, as it stands
        tune = block.tune if chooses else args.tune or block.tune
        yield replace(
            block, techniques=tuple(techniques), datasets=tuple(datasets), sizes=tuple(sizes), seeds=seeds, tune=tune
        )


def plan_(args: argparse.Namespace) -> int:
    """The cells of a plan, search trials included, with their forecasts."""
    from harness.run import works

    brought(args, Screen(quiet=args.json))
    cells, seconds, told, account = cells_of(args)
    wanted = [work.cell for work in works(cells)]
    cells = [cell for cell in wanted if not plan.account_of(account, cell).get("refused")]
    if len(cells) < len(wanted):
        told = (*told, f"{len(wanted) - len(cells)} cells are refused by the plan; their rows will say why")
    store = Store(results_of(args))
    forecaster = plan.Forecaster(store.rows.values())
    value, rows = [], [("technique", "dataset", "n", "seeds", "seconds each", "memory", "known", "done")]
    groups: dict[tuple, list[Cell]] = {}
    for cell in cells:
        name = plan.public_name(cell.technique) + (", search trials" if cell.condition.get("validation") else "")
        groups.setdefault((name, cell.dataset, cell.size), []).append(cell)
    total = left = 0.0
    for (name, dataset, size), listed in groups.items():
        forecast = forecaster(listed[0])
        done = sum(store.final(plan.row_id(plan.key(c))) is not None for c in listed)
        total, left = total + forecast.seconds * len(listed), left + forecast.seconds * (len(listed) - done)
        value.append({"technique": name, "dataset": dataset, "size": size, "cells": len(listed), "done": done})
        value[-1] |= {"seconds": forecast.seconds, "bytes": forecast.bytes, "known": forecast.known}
        memory = f"{forecast.bytes / 1e6:.0f} MB" if forecast.bytes else "?"
        known = "measured" if forecast.known else "guess"
        rows.append((name, dataset, f"{size:,}", str(len(listed)), f"{forecast.seconds:.2f}", memory, known, str(done)))
    summary = f"{len(cells)} cells, forecast {duration(total)} in all, {duration(left)} of it still to run"
    budget = [f"budget of the plan: {duration(seconds)}"] if seconds else []
    value_ = {"cells": value, "total_seconds": total, "left_seconds": left, "budget": seconds, "told": told}
    show(args.json, value_, [*table(rows), "", summary, *budget, *told])
    return 0


def run(args: argparse.Namespace) -> int:
    """Run a plan; then say what came of it."""
    import platform

    from harness.run import Options, execute

    if platform.system() == "Windows":
        raise Mistake("eras run forks processes, which Windows cannot; run it under WSL (the other commands work here)")
    screen = Screen(quiet=args.json)
    brought(args, screen)
    cells, seconds, told, account = cells_of(args)
    missing = sorted({c.dataset for c in cells if not here(c.dataset)})
    if missing and not args.download:
        raise Mistake("; ".join(absence(name) for name in missing) + " (--download gets all that a run lacks)")
    for name in missing:
        screen.say(f"downloading {name}")
        get(name)
    for text in told:
        screen.say(text)
    plan.check_device(args.device)
    threads = cells[0].threads
    if not machine.peaks_cached(threads) and not args.technique:
        screen.say("measuring this machine once (about 5 s): its peaks give FLOP/s a scale")
        measure_machine(threads)
    budget = args.budget or seconds
    options = Options(
        folder=results_of(args),
        seconds=budget,
        timeout=args.timeout,
        limit=args.mem_limit,
        retry=tuple(args.retry),
        jobs=args.jobs,
        offers=args.offers,
        account=account,
    )
    store = Store(options.folder)
    summary = execute(cells, store, options, screen)
    for text in store.told:
        screen.say(text)
    failed = summary.failed()
    if args.json:
        print(json.dumps(_summary_json(summary, failed), indent=1))
    else:
        _say_summary(summary, failed)
    if summary.stopped:
        return 130 if summary.stopped.startswith(("interrupted", "stopped")) else 2
    return 3 if failed else 0


def measure_machine(threads: int) -> None:
    """In a process of its own: the parent imports no torch."""
    import subprocess

    code = f"from harness import machine; machine.measure_and_cache({threads})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def _summary_json(summary: Any, failed: list[Row]) -> dict[str, Any]:
    return {
        "cells": len(summary.rows),
        "computed": summary.computed,
        "seconds": summary.seconds,
        "statuses": dict(Counter(r["status"] for r in summary.rows.values())),
        "failed": [{"id": r["id"], "key": r["key"], "status": r["status"], "reason": r["reason"]} for r in failed],
        "left_out": [{"cell": cell.as_dict(), "why": why} for cell, why in summary.left],
        "forecasts": {"cells": len(summary.forecasts), "within_twofold": summary.within_twofold()},
        "stopped": summary.stopped or None,
    }


def _say_summary(summary: Any, failed: list[Row]) -> None:
    statuses = Counter(r["status"] for r in summary.rows.values())
    counts = ", ".join(f"{count} {status}" for status, count in statuses.most_common()) or "nothing"
    print(f"{summary.computed} cells computed in {duration(summary.seconds)}; of this plan there are now: {counts}")
    if summary.forecasts:
        share, cells = summary.within_twofold(), len(summary.forecasts)
        print(f"{share:.0%} of {cells} cells took between half and twice their forecast from earlier rows")
    for r in failed[:20]:
        print(f"  {line(r, None)}")
    if len(failed) > 20:
        print(f"  ... and {len(failed) - 20} more: `eras export` has them all")
    if summary.left:
        print(f"{len(summary.left)} cells were left out by the budget; the same command goes on with them:")
        grouped: dict[tuple[str, str, int], list[str]] = {}  # series -> why, once per seed
        for cell, why in summary.left:
            grouped.setdefault((plan.public_name(cell.technique), cell.dataset, cell.size), []).append(why)
        for (technique, dataset, size), whys in sorted(grouped.items(), key=lambda g: g[0][2])[:12]:
            print(f"  {technique} on {dataset}, n = {size:,}, {len(whys)} seeds: {whys[0]}")
        if len(grouped) > 12:
            print(f"  ... and {len(grouped) - 12} more series; --json lists every cell")
    if summary.stopped:
        print(f"ended early: {summary.stopped}; all finished rows are stored, the same command goes on")


# -------------------------------------------------------------------------------------------------------------- report


def report(args: argparse.Namespace) -> int:
    """Write the page, print its path and headline."""
    store = Store(*folders_of(args))
    if not store.rows:
        raise Mistake("there are no rows to report: run `eras run` first, or name a folder with --results DIR")
    from harness import report as page

    out = Path(args.output).expanduser() if args.output else ROOT / "reports" / "local" / "report.html"
    rows = [r for r in store.rows.values() if args.selftests or not of_selftest(r)]
    if not rows:
        raise Mistake("there are only self-test rows; `eras report --selftests` reports them")
    from harness import timeline

    compared, told = page.changed.newest(folders_of(args))
    try:
        history = timeline.exhibit(rows)
    except Mistake as mistake:  # a page is made of rows, whatever state the techniques' files are in
        history, told = None, [*told, f"without claims, because a card cannot be read: {mistake}"]
    with writing(out):
        path = page.write(rows, out, [*store.told, *told], compared, history)
    headline = page.headline(path)
    show(args.json, {"path": str(path), "headline": headline, "rows": len(rows)}, [headline, str(path)])
    return 0


def compare(args: argparse.Namespace) -> int:
    """The judge."""
    from harness import compare as judge

    return judge.command(args)


def history(args: argparse.Namespace) -> int:
    """The witness."""
    from harness import history as witness

    return witness.command(args)


def decades(args: argparse.Namespace) -> int:
    """Table 1.5.1 and what it says itself."""
    from harness import decades as exhibit

    return exhibit.command(args)


def claims(args: argparse.Namespace) -> int:
    """The verdicts."""
    from harness import verdicts

    return verdicts.command(args)


def curve(args: argparse.Namespace) -> int:
    """One dataset's curve and its answer."""
    from harness import curve as exhibit

    return exhibit.command(args)


# ---------------------------------------------------------------------------------------------------------- the machine


def doctor(args: argparse.Namespace) -> int:
    """The machine, and what can be measured on it."""
    if args.self:
        from harness import selfcheck

        return selfcheck.main(args.json)
    from harness import doctor as facts

    if args.measure:
        measure_machine(1)  # what a cell has by default; `report` measures all cores
    found = facts.report(measure=args.measure)
    show(args.json, found, facts.lines(found))
    return 0


# ------------------------------------------------------------------------------------------------------- one's own file


def new(args: argparse.Namespace) -> int:
    """Write a template."""
    from harness import templates

    target = Path(args.name if args.name.endswith(".py") else f"{args.name}.py")
    if target.exists():
        raise Mistake(f"{target} exists already; choose another name")
    if target.stem in catalogue.names(args.kind):
        raise Mistake(f"{target.stem} is a {args.kind} of the project, and rows go by name; choose another")
    with writing(target):
        target.write_text(templates.TECHNIQUE if args.kind == "technique" else templates.DATASET)
    flag, where = "-t" if args.kind == "technique" else "-d", target if target.is_absolute() else f"./{target}"
    print(f"{target} written; `eras check {where}` tests it, `eras run {flag} {where}` runs it")
    return 0


def check(args: argparse.Namespace) -> int:
    """The contract tests on one file."""
    from harness import check as tests

    results_ = tests.check(args.name)
    show(
        args.json,
        [{"test": n, "problem": p or None} for n, p in results_],
        [f"{p or 'ok':6}  {n}" for n, p in results_],
    )
    return 1 if any(p for _, p in results_) else 0

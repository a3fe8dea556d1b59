"""The command line: arguments in, exit code out. Imports nothing heavy, so that `eras --help` comes at once."""

import argparse
import os
import re
import sys
from collections.abc import Sequence

from harness.rungs import DAY

SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
STATUSES = ("timeout", "oom", "error", "diverged", "unsupported", "skipped")


def seconds(text: str) -> float:
    """
    >>> seconds("90"), seconds("1.5m"), seconds("2h"), seconds("1d")
    (90.0, 90.0, 7200.0, 86400.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|)", text.strip().lower())
    if not match or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 90, 90s, 10m, 2h or 1d")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


def amount(text: str) -> int:
    """
    >>> amount("4GB"), amount("512MiB")
    (4000000000, 536870912)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?B)", text.strip().upper())
    if not match or match[2] not in SIZES or float(match[1]) * SIZES[match[2]] < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of memory; write 500MB, 4GB or 512MiB")
    return int(float(match[1]) * SIZES[match[2]])


def count(text: str) -> int:
    """A whole number above zero; 1e5 and 100_000 will do.

    >>> count("1e5"), count("3_162")
    (100000, 3162)
    """
    try:
        value = float(text.replace("_", ""))
    except ValueError:
        value = 0.5
    if value < 1 or not value.is_integer():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(value)


def count_or_none(text: str) -> int:
    """A whole number, zero for none of it."""
    return 0 if text.strip() == "0" else count(text)


def counts(text: str) -> tuple[int, ...]:
    """
    >>> counts("100,1e3,1e4")
    (100, 1000, 10000)
    """
    return tuple(sorted({count(part) for part in text.split(",")}))


def statuses(text: str) -> tuple[str, ...]:
    """Statuses to run again."""
    given = tuple(part.strip() for part in text.split(",") if part.strip())
    for status in given:
        if status not in STATUSES:
            raise argparse.ArgumentTypeError(f"{status!r} is none of {', '.join(STATUSES)}")
    return given


def parser() -> argparse.ArgumentParser:
    """All commands."""
    top = argparse.ArgumentParser(
        prog="eras",
        description="Which technique wins, at which data size, at what cost, and did it happen as history tells it?",
        epilog="example: eras run && eras report",
    )
    top.add_argument("--version", action="store_true", help="print the version")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, help_: str, example: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_, description=help_, epilog=f"example: {example}")
        made.add_argument("--json", action="store_true", help="for machines")
        return made

    _rows_commands(command)
    made = command("list", "the timeline by era; datasets, tasks, plans, claims", "eras list datasets")
    made.add_argument(
        "what", nargs="?", default="techniques", choices=["techniques", "datasets", "tasks", "plans", "claims"]
    )
    made = command("plan", "the cells of a plan, with forecast seconds and memory", "eras plan tour -d digits")
    _what_to_run(made)
    made = command(
        "run", "run a plan, or techniques on datasets; resumable", "eras run -t knn -t mlp -d digits --sizes 100,1000"
    )
    _what_to_run(made)
    _how_to_run(made)
    made = command(
        "curve",
        "one dataset's curve: who leads at its size, who would later, at what cost",
        "eras curve -d my.csv --target y",
    )
    _what_to_run(made, plans=False)
    _how_to_run(made)
    made.add_argument("--stored", action="store_true", help="run nothing: tell from the rows that are there")
    made.add_argument("--overlay", default="", metavar="NAME", help="published figures beside ours: benchm-ml")
    told = "the picture: .png, .svg or .pdf (default: reports/local/curve.png)"
    made.add_argument("-o", "--output", metavar="FILE", help=told)
    made.set_defaults(budget=600.0)
    made = command("claims", "what history says of each technique, and what the rows say", "eras claims")
    made.add_argument("--results", metavar="DIR", action="append", help="where rows are (default: results/local)")
    made = command(
        "decades", "data, memory and compute per decade (d2l 1.5.1): what each could learn, and who won", "eras decades"
    )
    made.add_argument("--results", metavar="DIR", action="append", help="where rows are (default: results/local)")
    told = "rows of which period to tell of (default: the one that most rows have)"
    made.add_argument("--period", type=seconds, metavar="TIME", help=told)
    _compare(command)
    _history(command)
    made = command("doctor", "this machine, and what can be measured on it", "eras doctor --measure")
    made.add_argument("--measure", action="store_true", help="measure peaks and bandwidth first (about 3 s)")
    made.add_argument(
        "--self", action="store_true", help="check the engine's own figures (overhead, limits, kill; minutes)"
    )
    made = command(
        "data", "datasets: list, get (download), verify, where; describe one, or a file", "eras data describe my.csv"
    )
    made.add_argument("action", choices=["list", "get", "verify", "where", "describe"])
    made.add_argument("names", nargs="*", metavar="NAME", help="of a dataset; describe takes a file of your own too")
    _own_file(made)
    made = command("new", "a template for one's own technique or dataset", "eras new technique mine")
    made.add_argument("kind", choices=["technique", "dataset"])
    made.add_argument("name")
    made = command("check", "the contract tests on one technique or dataset", "eras check ./mine.py")
    made.add_argument("name")
    return top


def _period(made: argparse.ArgumentParser) -> None:
    told = "that a decade's machine computes for, in `decades` (default: 1d)"
    made.add_argument("--period", type=seconds, default=DAY, metavar="TIME", help=told)


def _what_to_run(made: argparse.ArgumentParser, plans: bool = True) -> None:
    if plans:
        made.add_argument("plan", nargs="?", help="a plan's name or file (default: tour, unless -t or -d is given)")
        _period(made)
    made.add_argument(
        "-t", "--technique", action="append", metavar="TECH", help="NAME, NAME:VALUE, NAME[k=v], or ./file.py"
    )
    made.add_argument(
        "-d", "--dataset", action="append", metavar="DATA", help="NAME, ./file.py, or a file or folder of your own data"
    )
    _own_file(made)
    made.add_argument("--sizes", type=counts, help="numbers of training examples: 100,1e3,1e4")
    made.add_argument("--seeds", type=count, help="seeds per size")
    made.add_argument("--cells", type=count, help="repeat a self-test: that many cells")
    made.add_argument(
        "--tune", type=count_or_none, default=0, metavar="K", help="search: best of K draws on validation (default: 0)"
    )
    made.add_argument("--claim", action="append", metavar="NAME", help="of the plan claims those whose names begin so")
    made.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    made.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    made.add_argument("--threads", type=count, help="threads of every library (default: 1; docs/measuring.md says why)")
    made.add_argument(
        "--offers", type=count_or_none, default=0, metavar="K", help="judge K points of the training on validation"
    )
    made.add_argument("--results", metavar="DIR", help="where rows are (default: results/local)")


def _compare(command) -> None:
    made = command(
        "compare",
        "whether anything became slower, bigger or worse between two revisions (0 no, 1 yes, 2 too noisy, 4 not run)",
        "eras compare main",
    )
    made.add_argument("base", help="a revision of the repository around you, or a folder or file of rows")
    made.add_argument("head", nargs="?", default=".", help="the same; '.' is the files as they lie (default)")
    made.add_argument("--plan", default="", help="the cells: a plan's name or file (default: compare)")
    _what_to_run(made, plans=False)
    made.add_argument("--budget", type=seconds, default=600.0, metavar="TIME", help="at most (default: 10m)")
    made.add_argument("--timeout", type=seconds, default=60.0, metavar="TIME", help="per run (default: 1m)")
    for side in ("base", "head"):
        made.add_argument(
            f"--{side}-env", default="", metavar="PATH", help=f"the Python, or environment, of the {side}"
        )
    made.add_argument(
        "--pytest-benchmark", default="", metavar="PATH", help="judge the pytest-benchmark functions there instead"
    )
    made.add_argument("--markdown", default="", metavar="FILE", help="write the verdicts as a comment, too")
    made.set_defaults(cells=40)


def _history(command) -> None:
    made = command(
        "history",
        "how time, memory and score went, run after run: level shifts, and what else changed then",
        "eras history --results nightly/ --metric memory",
    )
    made.add_argument("--metric", choices=["time", "memory", "score"], default="time")
    made.add_argument("--by", choices=["commit", "date", "version"], default="date", help="what makes one point")
    made.add_argument("-t", "--technique", action="append", metavar="TECH")
    made.add_argument("-d", "--dataset", action="append", metavar="DATA")
    made.add_argument("--results", action="append", metavar="DIR", help="folders of rows, searched to the bottom")
    made.add_argument(
        "--import",
        dest="imported",
        action="append",
        default=[],
        metavar="FILE",
        help="files or folders of pytest-benchmark or asv; a .csv of series, when, machine, value; or gbm-perf",
    )


def _own_file(made: argparse.ArgumentParser) -> None:
    own = made.add_argument_group(
        "a file of your own (csv, tsv, parquet, jsonl, npz, arff, svmlight, txt, a folder of images)"
    )
    own.add_argument("--target", metavar="COL", help="the column to be told")
    own.add_argument("--group", metavar="COL", help="rows with the same value are never divided by the split")
    own.add_argument("--time", metavar="COL", help="the latest fifth is the test part")
    own.add_argument(
        "--task", metavar="TASK", help="classify, regress, next_token, fill_blank, translate: where a guess is wrong"
    )
    own.add_argument("--text", metavar="COL", help="the column that holds the text")
    own.add_argument("--drop", metavar="COL,...", help="columns to leave out")


def _how_to_run(made: argparse.ArgumentParser) -> None:
    made.add_argument("--download", action="store_true", help="download the datasets of this run that are not here")
    made.add_argument("--budget", type=seconds, metavar="TIME", help="wall time for the whole run: 90s, 10m, 2h")
    made.add_argument("--timeout", type=seconds, default=300.0, metavar="TIME", help="per cell (default: 5m)")
    made.add_argument("--mem-limit", type=amount, metavar="SIZE", help="per cell: 4GB (default: 80 %% of what is free)")
    made.add_argument("--retry", type=statuses, default=(), metavar="STATUS,...", help="run these again: timeout,oom")
    made.add_argument("--jobs", type=count, default=1, help="cells at once, each pinned to its own cores (default: 1)")


def _rows_commands(command) -> None:
    made = command("report", "write the page and its figures", "eras report -o report.html")
    made.add_argument(
        "--results", action="append", metavar="DIR", help="folders or files of rows (default: results/local)"
    )
    made.add_argument("-o", "--output", metavar="FILE", help="default: reports/local/report.html")
    made.add_argument("--selftests", action="store_true", help="report the self-tests too")
    made = command("verify", "whether every stored row is whole", "eras verify")
    made.add_argument("--results", action="append", metavar="DIR")
    made = command("export", "rows out", "eras export --format csv -o rows.csv")
    made.add_argument("--format", choices=["jsonl", "csv", "parquet"], default="jsonl")
    made.add_argument("--results", action="append", metavar="DIR")
    made.add_argument("-o", "--output", metavar="FILE")
    made = command("results", "promote, merge or prune rows", "eras results promote")
    made.add_argument("action", choices=["promote", "merge", "prune"])
    made.add_argument("sources", nargs="*", metavar="SOURCE", help="merge: files or folders of rows")
    made.add_argument("--results", metavar="DIR")
    made.add_argument("--to", metavar="DIR", help="promote: where to (default: results/)")
    made.add_argument("--name", default="rows", help="promote: file name (default: rows)")
    made.add_argument("--really", action="store_true", help="prune: do it")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and dispatch. A user's mistake is one sentence on standard error and exit code 2."""
    args = argparse.Namespace(command="")
    try:
        try:
            parser().parse_args(argv, args)
            return _dispatch(args)
        finally:
            sys.stdout.flush()  # here, so that a closed pipe is met below and not while Python shuts down
    except BrokenPipeError:
        for stream in (1, 2):  # the reader (head, less) has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        return 130 if args.command == "run" else 0


def _dispatch(args: argparse.Namespace) -> int:
    if args.version:
        from harness import catalogue

        print(f"eras {catalogue.version('eras') or 'from a checkout'}")
        return 0
    if not args.command:
        parser().print_help()
        return 0
    from harness import commands
    from harness.catalogue import Mistake
    from harness.contract import BadData

    try:
        return getattr(commands, {"list": "list_", "plan": "plan_"}.get(args.command, args.command))(args)
    except (Mistake, BadData) as error:
        print(f"eras {args.command}: {error}", file=sys.stderr)
        return 4 if args.command == "compare" else 2  # there 2 means that nothing can be told
    except KeyboardInterrupt:
        print(f"eras {args.command}: interrupted", file=sys.stderr)
        return 130

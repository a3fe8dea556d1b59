"""`eras curve`: one dataset's curve, ending in the sentence that its user came for.

Runs what is missing (each technique at growing sizes, at the largest also with a part held out to choose by), then
tells from rows alone who leads at all the rows, from which size another era would, whether more data would help, and
what it costs here.
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness import analyse, catalogue, fits, machine, plan, published, scale, stats
from harness.catalogue import ROOT, Mistake, public_name
from harness.commands import check_sizes
from harness.contract import Block, Cell, Dataset
from harness.data import absence, brought, get
from harness.keeping import folders_of, results_of, writing
from harness.run import Options, Summary, execute
from harness.screen import Screen, duration, number, show, table
from harness.store import Store

SEEDS = {316: 5, 100_000_000: 3}
CHOOSING = 3  # seeds at which a fifth is held out as well, to choose the leader by; of few rows one seed's five fifths
LEAST_ROWS = 32
ENDINGS = (".png", ".svg", ".pdf")
NOTHING = "No technique came through at any size: `eras export` has the reasons."


def cells(args: argparse.Namespace) -> list[Cell]:
    """All cells of the curve: the techniques asked for, or all, and the nets in their sizes; plain, and held out."""
    name = args.dataset[0]
    card: Dataset = catalogue.dataset(name).card
    curves = catalogue.load(catalogue.path_of("plan", "curves"))
    nets = curves.NETS.get(scale.FAMILIES.get(card.form, ""), ())
    techniques = tuple(args.technique or dict.fromkeys((*catalogue.names("technique"), *nets)))
    grid = [size for size in plan.GRID if size <= 0.7 * card.rows]
    sizes = args.sizes or (*grid, min(card.rows, 10**6) if card.rows > LEAST_ROWS else card.rows)
    seeds = {10**9: args.seeds} if args.seeds else SEEDS
    block = Block(techniques, (name,), tuple(sizes), seeds)
    plain = plan.expand(block, args.device, args.threads or 1, args.dtype)
    if not plain:
        raise Mistake(f"no technique asked for can take {public_name(name)} (`eras list techniques` tells tasks)")
    largest = max(cell.size for cell in plain)
    held = [one for cell in plain if cell.size == largest for one in _chosen_by(cell)]
    found: dict[str, tuple[Cell, int]] = {}
    for cell, later in (*((cell, 0) for cell in plain), *((cell, 1) for cell in held)):
        found.setdefault(plan.row_id(plan.key(cell)), (cell, later))
    return plan.ordered([cell for cell, _ in found.values()], [later for _, later in found.values()])


def _chosen_by(cell: Cell) -> list[Cell]:
    """The cell with parts of its rows held out: who leads is asked at the largest size, after one seed of all sizes."""
    folds = plan.folds(cell)
    few = cell.seed < (1 if folds > 1 else CHOOSING)
    return [replace(cell, condition=held) for held in plan.held_out(folds)] if few else []


def command(args: argparse.Namespace) -> int:
    """Run what is missing, unless --stored; then tell."""
    if not args.dataset or len(args.dataset) != 1:
        raise Mistake("eras curve is of one dataset: name it with -d")
    if args.tune or args.offers:
        flag = "--tune" if args.tune else "--offers"
        raise Mistake(f"{flag}: eras curve compares techniques as they stand; `eras run -d ... {flag} K` is for that")
    if args.cells or args.claim:
        raise Mistake(f"{'--cells' if args.cells else '--claim'} has no meaning for eras curve: `eras run` knows it")
    if not args.stored:
        plan.check_device(args.device)
    out = _out(args.output)
    name = args.dataset[0]
    if name in published.DATASETS.get(args.overlay, ()) and name not in catalogue.names("dataset"):
        _show(args, None, name, out, _ended(None), 0)  # published only: there is nothing of ours to run
        return 0
    screen = Screen(quiet=args.json)
    brought(args, screen)
    name = public_name(args.dataset[0])
    if args.overlay:
        _overlaid(args.overlay, name)  # a wrong name is told before anything runs
    check_sizes(args.sizes, tuple(args.dataset))
    missing = absence(args.dataset[0])
    if missing and args.download:
        get(args.dataset[0])
    elif missing and not args.stored:
        screen.say(f"{missing}: nothing is run")
    here = not missing or bool(args.download)
    asked, summary = cells(args), None
    if here and not args.stored:
        options = Options(
            results_of(args), args.budget, args.timeout, args.mem_limit, retry=tuple(args.retry), jobs=args.jobs
        )
        summary = execute(asked, Store(options.folder), options, screen)
    store = Store(*([results_of(args)] if not args.stored else folders_of(args)))
    rows, ended = _rows(store, args, name, asked), _ended(summary)
    for text in (*store.told, *([f"ended early: {ended['stopped']}"] if ended["stopped"] else [])):
        screen.say(text)
    if not rows and not args.overlay and not ended["stopped"]:
        raise Mistake(missing or _absent(args, name))
    wanted = max(cell.size for cell in asked) if here else 0
    answered = _show(args, exhibit(rows, args.device), name, out, ended, wanted)
    if ended["stopped"]:
        return 130 if ended["stopped"].startswith(("interrupted", "stopped")) else 2
    return 3 if ended["failed"] or not answered else 0


def _ended(summary: Summary | None) -> dict[str, Any]:
    """How the run ended, for machines: cells that the budget left out, cells that failed, why it ended early."""
    if summary is None:
        return {"left_out": 0, "failed": 0, "stopped": None}
    return {"left_out": len(summary.left), "failed": len(summary.failed()), "stopped": summary.stopped or None}


def _absent(args: argparse.Namespace, name: str) -> str:
    """Why there is nothing to tell of."""
    if not args.stored:
        return f"there are no rows of {name}: the budget ended before the first cell did"
    if name in catalogue.names("dataset"):
        return f"there are no rows of {name} with what was asked for: run without --stored"
    return f"there are no rows of {name} as it is now, from this machine and these libraries: run without --stored"


def _out(output: str | None) -> Path:
    """Where the picture goes; a wrong name is told before anything runs."""
    out = Path(output).expanduser() if output else ROOT / "reports" / "local" / "curve.png"
    if out.suffix not in ENDINGS or out.is_dir():
        raise Mistake(f"-o {out}: the picture is a file that ends in {', '.join(ENDINGS)}")
    return out


def _show(
    args: argparse.Namespace, made: scale.Exhibit | None, name: str, out: Path, ended: dict[str, Any], wanted: int
) -> bool:
    """Tell, and draw what is told; whether there was an answer or an overlay."""
    from harness.report import figures  # imports a drawing library: not for who only plans

    value, lines = told(made, name, args.overlay, wanted)
    if left := ended["left_out"]:
        lines.append(f"{left} cells were left out by the budget; the same command goes on with them.")
    points = pd.DataFrame() if made is None else made.arms
    try:  # the answer is told, whatever becomes of its picture
        if "overlay" in value or (len(points) and (points["n"] > 0).any()):
            usual = f"Published figures of {name}, {args.overlay}" if args.overlay else name
            title = _sentences(value["answer"])[0] if value.get("answer") else usual
            with writing(out):
                figures.one(points, value.get("overlay", []), title, out)
            value["picture"] = str(out)
            lines.append(str(out))
    finally:
        show(args.json, value | ended, lines)
    return bool(value.get("answer") or "overlay" in value)


def exhibit(rows: list[dict[str, Any]], device: str = "cpu") -> scale.Exhibit | None:
    """Of the rows of that device and of this machine, where there are some; else of where most rows come from."""
    return scale.exhibit(rows, {"device": device, "machine": machine.fingerprint()["name"]}) if rows else None


def _rows(store: Store, args: argparse.Namespace, name: str, asked: list[Cell]) -> list[dict[str, Any]]:
    """The rows of this dataset as it is now, of one task.

    Of a file of one's own those of the very cells: another file of that name, another content, another target are other
    data. Of a dataset with a name, whatever was run on these bytes of the techniques and sizes asked for.
    """
    if args.dataset[0] not in catalogue.names("dataset"):
        ids = {plan.row_id(plan.key(cell)) for cell in asked}
        return [row for row in store.rows.values() if row["id"] in ids]
    mark = catalogue.fingerprint(catalogue.dataset(args.dataset[0]))
    some = [row for row in store.rows.values() if row["key"]["dataset"] == name and row["key"]["fingerprint"] == mark]
    if args.technique:
        arms = {(cell.technique, json.dumps(dict(cell.keywords))) for cell in asked}
        listed = [(public_name(name), json.loads(text)) for name, text in arms]  # as a row has it: a tuple is a list
        some = [row for row in some if (row["key"]["technique"], row["key"]["keywords"]) in listed]
    if args.sizes:
        some = [row for row in some if row["key"]["size"] in args.sizes]
    tasks = Counter(row["key"]["task"] for row in some)
    return [row for row in some if row["key"]["task"] == max(tasks, key=tasks.__getitem__)]


def told(made: scale.Exhibit | None, name: str, overlay: str = "", wanted: int = 0) -> tuple[dict[str, Any], list[str]]:
    """(for machines, lines for people) of one dataset's rows, and of published figures beside them.

    wanted   the size that was asked about, all rows of the dataset as a rule; a run may have ended before it
    """
    value: dict[str, Any] = {"dataset": name}
    lines: list[str] = []
    if made and not len(made.arms) and not overlay:
        raise Mistake(f"of {name} there are only rows of searches, or with a part held out: run without --stored")
    if made and len(made.arms):
        lines += [*_grid(made.arms), ""]
        value["answer"] = answer(made, wanted)
        lines += _sentences(value["answer"]) if value["answer"] else [NOTHING]
        value |= {"machine": made.machine, "device": made.device, "crossings": _records(made.crossings)}
    if overlay:
        listed, extra = _overlaid(overlay, name)
        value["overlay"] = listed
        lines += ["", *extra] if lines else extra
    return value, lines


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Lines of a frame for JSON."""
    return [_finite(one) for one in frame.astype(object).where(frame.notna(), None).to_dict("records")]


def _finite(line: Mapping[Any, Any]) -> dict[str, Any]:
    """For JSON: what is not finite is null."""
    return {str(k): None if isinstance(v, float) and not math.isfinite(v) else v for k, v in line.items()}


def _grid(arms: pd.DataFrame) -> list[str]:
    """Techniques down, sizes across, means over seeds; the best at the largest size first."""
    sizes = sorted(arms["size"].unique())
    wide = arms.groupby(["label", "size"])["mean"].mean().unstack("size")
    failed = arms.groupby(["label", "size"])["failures"].sum().unstack("size")
    worth = wide.ffill(axis=1)[sizes[-1]]
    order = worth.sort_values(ascending=not arms["higher_is_better"].iloc[0]).index
    metric = arms["metric"].iloc[0]
    rows = [(f"{analyse.metric_name(metric)} at n =", *(f"{size:,}" for size in sizes))]
    for label in order:
        scores = (_score(metric, wide.loc[label, size], failed.loc[label, size]) for size in sizes)
        rows.append((str(label), *scores))
    floor = arms.groupby("size")["floor"].mean()
    rows.append(("(without learning)", *(_score(metric, floor[size], 0.0) for size in sizes)))
    return table(rows)


def _score(metric: str, mean: float, failures: float) -> str:
    """What a cell of the table says: nothing where nothing was tried.

    >>> [_score("auc", mean, failures) for mean, failures in ((0.91234, 0.0), (0.91234, 2.0), (math.nan, 3.0))]
    ['0.912', '0.912 (2 failed)', 'failed']
    >>> _score("auc", math.nan, 0.0), _score("auc", math.nan, math.nan), _score("rmse", 52341.2, 0.0)
    ('-', '', '52,341')
    """
    if mean == mean:
        return _written(metric, mean) + (f" ({failures:.0f} failed)" if failures else "")
    return "" if failures != failures else "failed" if failures else "-"


def _written(metric: str, value: float) -> str:
    """Three places of what ends at 1; four digits of all else, whatever its unit."""
    return f"{value:.3f}" if metric in scale.BOUNDED else number(value, 4)


# -------------------------------------------------------------------------------------------------------- the sentence


def answer(made: scale.Exhibit, wanted: int = 0) -> dict[str, Any] | None:
    """Who leads at the largest size, the best of the other kind, where one passes the other, what more data brings.

    The leader and its rival (the best net, where a classic method leads, or the other way about; of one kind alone the
    second) are chosen on validation where rows were held out for that; their scores are those of the test set. An arm
    with a failed cell at that size is named, and not ranked. None where nothing came through.
    """
    whole = made.arms[(made.arms["n"] > 0) & (made.arms["failures"] == 0)]
    if not len(whole):
        return None
    both = whole.groupby("size")["kind"].nunique()
    largest = int(both[both == both.max()].index.max())  # where classic methods and nets can be compared, if anywhere
    at = whole[whole["size"] == largest]
    higher = bool(at["higher_is_better"].iloc[0])
    chosen_on, worth = _worth(made, at)
    ranked = at.assign(worth=worth).dropna(subset="worth").sort_values("worth", ascending=False, kind="stable")
    leader = ranked.iloc[0]
    others = ranked[ranked["kind"] != leader["kind"]]
    found: dict[str, Any] = {"size": largest, "metric": leader["metric"], "higher_is_better": higher, "wanted": wanted}
    found["tried"] = int(made.arms["size"].max())
    found["unranked"] = sorted(set(at["label"]) - set(ranked["label"]))
    broken = made.arms[(made.arms["size"] == largest) & (made.arms["failures"] > 0)]
    found["failed"] = dict(zip(broken["label"], broken["failures"].astype(int).tolist(), strict=True))
    found["beyond"] = int(whole["size"].max()) if whole["size"].max() > largest else None
    smaller = made.arms[(made.arms["size"] < largest) & (made.arms["n"] > 0)]
    found["untried"] = sorted(set(smaller["label"]) - set(made.arms.loc[made.arms["size"] == largest, "label"]))
    found["unit"] = analyse.unit(at["task"].iloc[0])
    found |= {"chosen_on": chosen_on, "leader": _side(made, leader)}
    found["where"] = "here" if made.machine == machine.fingerprint()["name"] else f"on {made.machine}"
    found["where"] += "" if made.device == "cpu" else f", {made.device}"
    found["more"] = _more(made, leader)
    if len(ranked) > 1:
        rival = others.iloc[0] if len(others) else ranked.iloc[1]
        found["rival"] = _side(made, rival) | {
            "behind": _behind(made, leader, rival),
            "crossing": _between(made, leader, rival),
            "later": _later(made, leader, rival),
        }
        after = ranked.iloc[1]
        if after["arm"] != rival["arm"]:
            found["next"] = _side(made, after) | {"behind": _behind(made, leader, after)}
    return found


def _worth(made: scale.Exhibit, at: pd.DataFrame) -> tuple[str, pd.Series]:
    """("validation" or "test", what the arms are ranked by, higher is better, NaN for who is not ranked).

    By held-out rows where half of the arms of either kind have a score on these; else on the test set, over the seeds
    that most arms of both kinds share: a mean over other seeds is of other rows.
    """
    judged, there = at["valid"].notna().groupby(at["kind"]).sum(), at.groupby("kind").size()
    if (2 * judged >= there).all() and (len(at) < 2 or judged.sum() > 1):  # a part that a budget reached is no choice
        return "validation", at["valid"] * np.where(at["higher_is_better"], 1.0, -1.0)
    runs = made.runs[(made.runs["size"] == at["size"].iloc[0]) & made.runs["arm"].isin(at["arm"])]
    losses = runs.pivot_table(index="arm", columns="seed", values="loss")
    often = losses.notna().sum().sort_values(ascending=False, kind="stable").index
    kinds = at.set_index("arm")["kind"]
    whole = [losses[often[:k]].dropna() for k in range(1, len(often) + 1)]
    whole = [one for one in whole if kinds[one.index].nunique() == kinds.nunique()]
    return "test", -at["arm"].map(max(whole, key=lambda one: one.size, default=losses).mean(axis=1))


def _side(made: scale.Exhibit, arm: pd.Series) -> dict[str, Any]:
    names = ("arm", "label", "era", "kind", "mean", "low", "high", "fit_seconds", "extra_mib", "throughput")
    runs = made.runs[(made.runs["arm"] == arm["arm"]) & (made.runs["size"] == arm["size"])]
    cuda = runs["cuda_mib"].astype(float).median() if made.device == "cuda" else math.nan
    return _finite({name: arm[name] for name in names} | {"cuda_mib": cuda})


def _losses(made: scale.Exhibit, arm: str) -> pd.DataFrame:
    """(sizes, seeds)"""
    some = made.runs[made.runs["arm"] == arm]
    return some.pivot_table(index="size", columns="seed", values="loss")


def _between(made: scale.Exhibit, leader: pd.Series, rival: pd.Series) -> dict[str, Any] | None:
    """Which of the two is ahead where, as measured; `winner` first: the leader."""
    a, b = _losses(made, leader["arm"]), _losses(made, rival["arm"])
    sizes, seeds = a.index.intersection(b.index), a.columns.intersection(b.columns)
    enough = (a.loc[sizes, seeds].notna() & b.loc[sizes, seeds].notna()).sum(axis=1) >= 2
    sizes = sizes[enough]
    if len(sizes) < 2:
        return None
    least = float(made.runs["margin"].median())
    got = stats.crossover(
        sizes.to_numpy(float), a.loc[sizes, seeds].to_numpy(), b.loc[sizes, seeds].to_numpy(), least=least
    )
    value = {"outcome": got.outcome, "n": got.n, "low": got.interval.low, "high": got.interval.high, "least": least}
    return _finite(value) | {"winner": got.winner, "bracket": list(got.bracket) if got.bracket else None}


def _behind(made: scale.Exhibit, leader: pd.Series, rival: pd.Series) -> dict[str, Any]:
    """By how much more the rival loses than the leader at the largest size, over the seeds that both have."""
    both = pd.concat([_losses(made, arm["arm"]).loc[leader["size"]] for arm in (rival, leader)], axis=1).dropna()
    return {"seeds": len(both), "low": None, "high": None} | (_paired(*both.to_numpy().T) if len(both) > 1 else {})


def _paired(a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """Of a - b: its mean, the interval, and which sign it has for sure."""
    got = stats.paired_t(a, b)
    return {"mean": got.mean, "low": got.low, "high": got.high, "sign": stats.surely(a, b)}


def _unit(made: scale.Exhibit) -> float:
    return float(made.runs["unit"].median())


def _fit(made: scale.Exhibit, arm: str, until: float) -> fits.Fit | None:
    losses = _losses(made, arm).loc[:until]
    return scale.fitted(losses.mean(axis=1), losses.std(axis=1), losses.count(axis=1), _unit(made))


def _later(made: scale.Exhibit, leader: pd.Series, rival: pd.Series) -> dict[str, Any] | None:
    """Where the rival's fitted curve passes the leader's beyond the data, at most four times as far; None: nowhere."""
    a, b = (_fit(made, arm["arm"], leader["size"]) for arm in (leader, rival))
    if a is None or b is None or not (a.drawn and b.drawn):
        return None
    last, until = float(leader["size"]), fits.AHEAD * min(a.largest, b.largest)
    ahead = [n for k in range(1, 41) if (n := last * fits.AHEAD ** (k / 40)) <= until]
    over = [n for n in ahead if b.predict(n) < a.predict(n)]
    miss = _unit(made) * max(a.miss, b.miss) / 100
    already = bool(b.predict(last) < a.predict(last))
    return {"n": over[0] if over else None, "already": already, "until": until, "miss": miss}


def _more(made: scale.Exhibit, leader: pd.Series) -> dict[str, Any]:
    """What the last step of data brought the leader (paired over seeds), and what four times as much is fitted to."""
    losses = _losses(made, leader["arm"]).loc[: leader["size"]]
    found: dict[str, Any] = {"measured": None, "fitted": None}
    if len(losses) > 1:
        before, last = losses.iloc[-2], losses.iloc[-1]
        both = before.notna() & last.notna()
        if both.sum() > 1:
            gain = _paired(before[both].to_numpy(), last[both].to_numpy())
            found["measured"] = {"from": int(losses.index[-2]), "gain": gain.pop("mean")} | gain
    got = _fit(made, leader["arm"], leader["size"])
    if got is not None and got.drawn:
        last_n = float(losses.index[-1])
        found["fitted"] = {
            "at": 4 * last_n,
            "gain": _unit(made) * float(got.predict(last_n) - got.predict(4 * last_n)),
            "miss": _unit(made) * got.miss / 100,
        }
    return found


def _sentences(found: dict[str, Any]) -> list[str]:
    """The answer in words."""
    leader, rival, n = found["leader"], found.get("rival"), found["size"]
    metric = analyse.metric_name(found["metric"])
    value, price = partial(_value, found["metric"]), partial(_price, where=found["where"])
    parts = [f"At {n:,} {found['unit']} {_who(leader)} {_leads(found)}: {metric} {value(leader)}, {price(leader)}."]
    if found["wanted"] > found["tried"]:
        parts.append(f"This is not all: {found['wanted']:,} {found['unit']} were not reached.")
    if found["tried"] > max(n, found["beyond"] or 0):
        parts.append(f"Up to {found['tried']:,} were tried, and there no technique came through with all its seeds.")
    if rival:
        kind = {"net": "The best net, ", "classic": "The best classic method, "}[rival["kind"]]
        who = f"{kind}{_who(rival)}," if rival["kind"] != leader["kind"] else f"Next, {_who(rival)}"
        parts.append(f"{who} comes to {value(rival)}, {price(rival)}.")
        if after := found.get("next"):
            parts.append(f"Of its own kind {after['label']} comes next, {_apart(after['behind'])}: {value(after)}.")
        parts.append(_passed(found) + _later_said(found))
    parts.append(_whether(found))
    if found["beyond"]:
        parts.append(f"At {found['beyond']:,} only one kind, nets or classic methods, was run and came through.")
    if found["untried"]:
        parts.append(f"Not run at {n:,}, and perhaps better: {', '.join(found['untried'])}.")
    if found["failed"]:
        each = (f"{label} ({count} failed)" for label, count in found["failed"].items())
        parts.append(f"Not ranked at {n:,}, as not all their cells came through: {', '.join(each)}.")
    if found["unranked"]:
        lack = "a score on held-out rows" if found["chosen_on"] == "validation" else "the seeds that most have"
        parts.append(f"Not ranked at {n:,}, for want of {lack}: {', '.join(found['unranked'])}.")
    if found["chosen_on"] != "validation":
        parts.append("Leader and rival were chosen by their test scores: there are no held-out rows of both kinds.")
    return parts


def _who(side: dict[str, Any]) -> str:
    return f"{side['label']} (era: {side['era']})"


def _value(metric: str, side: dict[str, Any]) -> str:
    band = f" ({_written(metric, side['low'])} to {_written(metric, side['high'])})" if side["low"] is not None else ""
    return f"{_written(metric, side['mean'])}{band}"


def _leads(found: dict[str, Any]) -> str:
    """ "leads" is kept for what was tested."""
    leader, rival = found["leader"], found.get("rival")
    if rival is None:
        return "stands alone"
    behind = rival["behind"]
    if behind["seeds"] < 2:
        return "is ahead (untested: it takes two common seeds)"
    others = rival["label"] if rival["kind"] == leader["kind"] else _plural(rival["kind"])
    if behind["sign"] > 0:
        return f"leads {others}"
    if behind["sign"] < 0:
        where = "validation" if found["chosen_on"] == "validation" else "the seeds that most have"
        return f"was the best on {where}, and is behind {rival['label']} on the test set"
    return f"is ahead of {others}, within the noise between seeds"


def _plural(kind: str) -> str:
    return "the nets" if kind == "net" else "the classic methods"


def _apart(behind: dict[str, Any]) -> str:
    """What the test set says of the next one."""
    if behind["seeds"] < 2:
        return "untested"
    return {1: "behind it", -1: "in truth ahead", 0: "not to be told apart"}[behind["sign"]]


def _price(side: dict[str, Any], where: str) -> str:
    mib = side["extra_mib"] if side["cuda_mib"] is None else side["cuda_mib"]
    memory = "" if mib is None else " and less than 1 MiB" if mib < 1 else f" and {mib:.0f} MiB"
    memory += "" if side["cuda_mib"] is None else " of the GPU's memory"
    return f"{duration(side['fit_seconds'])}{memory} to fit {where}"


def _passed(found: dict[str, Any]) -> str:
    """From which size on who is ahead, as measured."""
    crossing, who, n = found["rival"]["crossing"], found["rival"]["label"], found["size"]
    if crossing is None:
        return "Whether one passes the other cannot be told: it takes two sizes with two common seeds."
    if crossing["outcome"] == stats.CROSSOVER:
        winner = found["leader"]["label"] if crossing["winner"] == "first" else who
        band = scale.between(crossing["low"] or 0, math.inf if crossing["high"] is None else crossing["high"])
        low, high = crossing["bracket"]
        return (
            f"{winner} overtook the other at about {scale.rounded(crossing['n'])} {found['unit']} (95 %: {band}), "
            f"between the sizes {low:,.0f} and {high:,.0f}."
        )
    least = _gain(found, crossing["least"])
    return {
        stats.FIRST: f"{who} is clearly ahead at no size up to {n:,}.",
        stats.SECOND: f"By the test scores {who} is clearly behind at no size up to {n:,}.",
        stats.TIE: f"Up to {n:,} neither is clearly ahead by more than {least}.",
        stats.OPEN: f"At {n:,} neither is clearly ahead by more than {least} any more: more data would decide.",
        stats.SEVERAL: f"Up to {n:,} each is clearly ahead at some size, without a change that both ends bear out.",
    }[crossing["outcome"]]


def _later_said(found: dict[str, Any]) -> str:
    """From which size on another would lead, as fitted."""
    later, who = found["rival"]["later"], found["rival"]["label"]
    if later is None:
        return " Their curves are too short, or too irregular, to be carried further."
    trust = f"not measured; the fits miss the last size by {_gain(found, later['miss'])}"
    if later["already"]:
        return f" By their fitted curves {who} is ahead at {found['size']:,} already ({trust})."
    if later["n"] is None:
        return f" Carried on to {later['until']:,.0f} the order stays so ({trust})."
    return f" Carried on, {who} would lead from about {scale.rounded(later['n'])} ({trust})."


def _gain(found: dict[str, Any], loss: float, sign: str = "") -> str:
    points = found["metric"] in scale.BOUNDED
    return f"{100 * loss:{sign}.1f} points" if points else number(loss, 3, sign)


def _whether(found: dict[str, Any]) -> str:
    """Would more data help?"""
    measured, fitted = found["more"]["measured"], found["more"]["fitted"]
    if measured is None:
        return "Whether more data would help cannot be told: it takes two sizes with two common seeds."
    sure = {1: "helped", -1: "hurt", 0: "made no clear difference"}[measured["sign"]]
    gain, low, high = (_gain(found, measured[name], "+") for name in ("gain", "low", "high"))
    sizes = f"from {measured['from']:,} to {found['size']:,} {found['unit']}"
    text = f"More data {sure}: {gain} (95 %: {low} to {high}) {sizes}"
    if fitted is None:
        return f"{text}; its curve is too short, or too irregular, to be carried further."
    trust = f"fitted, not measured; the fit misses the last size by {_gain(found, fitted['miss'])}"
    return f"{text}; four times as many would bring about {_gain(found, fitted['gain'], '+')} ({trust})."


# ------------------------------------------------------------------------------------------------------------- overlay


def _overlaid(name: str, dataset: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Published figures of that dataset, and where their curves cross by location alone: they have no seeds."""
    try:
        listed = published.overlay(name, dataset)
    except LookupError as error:
        raise Mistake(str(error)) from None
    frame = pd.DataFrame(listed)
    frame = frame.assign(who=frame["technique"] + " (" + frame["tool"] + ")", value=pd.to_numeric(frame["value"]))
    wide = frame.pivot_table(index="who", columns="size", values="value")
    rows = [(f"published {frame['metric'].iloc[0]}, {name}, at n =", *(f"{size:,}" for size in wide.columns))]
    rows += [(str(who), *("" if pd.isna(v) else f"{v:.3f}" for v in wide.loc[who])) for who in wide.index]
    lines = [*table(rows), "", *_passes(wide)]
    lines.append("Published figures of one run each, without seeds: places of crossings only, nothing is tested.")
    return listed, [*lines, *sorted({str(note) for note in frame["note"] if note})]


def _passes(wide: pd.DataFrame) -> list[str]:
    """Who passes whom, by the signs of the differences alone: scores (technique, sizes) between 0 and 1."""
    lines = []
    for first, second in permutations(wide.index, 2):
        both = wide.loc[[first, second]].dropna(axis=1)
        if both.shape[1] > 1:
            a, b = 1 - both.to_numpy()
            got = stats.crossover(both.columns.to_numpy(float), a, b)
            if got.outcome == stats.CROSSOVER and got.winner == "second":
                lines.append(f"{second} passes {first} at about {scale.rounded(got.n)} rows")
    return lines

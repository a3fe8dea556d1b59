"""`eras curve`: one dataset's curve, ending in the sentence that its user came for.

Runs what is missing (each technique at growing sizes, at the largest also with a part held out to choose by), then
tells from rows alone who leads at all the rows, from which size another era would, whether more data would help, and
what it costs here.
"""

import argparse
import math
from collections import Counter
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pandas as pd

from harness import analyse, catalogue, fits, machine, plan, published, scale, stats
from harness.catalogue import ROOT, Mistake, public_name
from harness.commands import check_sizes
from harness.contract import Block, Cell, Dataset
from harness.data import absence, brought, get
from harness.keeping import folders_of, results_of, writing
from harness.run import Options, execute
from harness.screen import Screen, duration, show, table
from harness.store import Store

SEEDS = {316: 5, 100_000_000: 3}
CHOOSING = 3  # seeds at which a fifth is held out as well, to choose the leader by; of few rows one seed's five fifths
LEAST_ROWS = 32
ENDINGS = (".png", ".svg", ".pdf")


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
        _show(args, None, name, out, [])  # published only: there is nothing of ours to run
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
    summary = None
    if not args.stored and not (missing and not args.download):
        options = Options(
            results_of(args), args.budget, args.timeout, args.mem_limit, retry=tuple(args.retry), jobs=args.jobs
        )
        summary = execute(cells(args), Store(options.folder), options, screen)
    store = Store(*([results_of(args)] if not args.stored else folders_of(args)))
    rows = _rows(store, args, name)
    if not rows and not args.overlay:
        until = "run without --stored" if args.stored else "the run ended before its first cell did"
        raise Mistake(missing or f"there are no rows of {name}: {until}")
    left = len(summary.left) if summary else 0
    more = [f"{left} cells were left out by the budget; the same command goes on with them."] if left else []
    _show(args, exhibit(rows, args.device), name, out, more)
    if summary and summary.stopped:
        return 130 if summary.stopped.startswith(("interrupted", "stopped")) else 2
    return 3 if summary and summary.failed() else 0


def _out(output: str | None) -> Path:
    """Where the picture goes; a wrong name is told before anything runs."""
    out = Path(output).expanduser() if output else ROOT / "reports" / "local" / "curve.png"
    if out.suffix not in ENDINGS or out.is_dir():
        raise Mistake(f"-o {out}: the picture is a file that ends in {', '.join(ENDINGS)}")
    return out


def _show(args: argparse.Namespace, made: scale.Exhibit | None, name: str, out: Path, more: list[str]) -> None:
    """Tell, and draw what is told."""
    from harness.report import figures  # imports a drawing library: not for who only plans

    value, lines = told(made, name, args.overlay)
    points = pd.DataFrame() if made is None else made.arms
    try:  # the answer is told, whatever becomes of its picture
        if "overlay" in value or (len(points) and (points["n"] > 0).any()):
            usual = f"Published figures of {name}, {args.overlay}"
            title = _sentences(value["answer"])[0] if "answer" in value else usual
            with writing(out):
                figures.one(points, value.get("overlay", []), title, out)
            value["picture"] = str(out)
            more = [*more, str(out)]
    finally:
        show(args.json, value, [*lines, *more])


def exhibit(rows: list[dict[str, Any]], device: str = "cpu") -> scale.Exhibit | None:
    """Of the rows of that device and of this machine, where there are some; else of where most rows come from."""
    return scale.exhibit(rows, {"device": device, "machine": machine.fingerprint()["name"]}) if rows else None


def _rows(store: Store, args: argparse.Namespace, name: str) -> list[dict[str, Any]]:
    """The rows of this dataset as it is now, of one task.

    Of a file of one's own those of the very cells: another file of that name, another content, another target are other
    data. Of a dataset with a name, whatever was run on these bytes.
    """
    if args.dataset[0] not in catalogue.names("dataset"):
        ids = {plan.row_id(plan.key(cell)) for cell in cells(args)}
        return [row for row in store.rows.values() if row["id"] in ids]
    mark = catalogue.fingerprint(catalogue.dataset(args.dataset[0]))
    some = [row for row in store.rows.values() if row["key"]["dataset"] == name and row["key"]["fingerprint"] == mark]
    tasks = Counter(row["key"]["task"] for row in some)
    return [row for row in some if row["key"]["task"] == max(tasks, key=tasks.__getitem__)]


def told(made: scale.Exhibit | None, name: str, overlay: str = "") -> tuple[dict[str, Any], list[str]]:
    """(for machines, lines for people) of one dataset's rows, and of published figures beside them."""
    value: dict[str, Any] = {"dataset": name}
    lines: list[str] = []
    if made and len(made.arms):
        lines += [*_grid(made.arms), ""]
        value["answer"] = answer(made)
        lines += _sentences(value["answer"])
        value |= {"machine": made.machine, "device": made.device, "crossings": _records(made.crossings)}
    if overlay:
        listed, extra = _overlaid(overlay, name)
        value["overlay"] = listed
        lines += ["", *extra] if lines else extra
    return value, lines


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Lines of a frame for JSON: what is not finite is null."""
    plain = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [
        {str(k): None if isinstance(v, float) and not math.isfinite(v) else v for k, v in one.items()} for one in plain
    ]


def _grid(arms: pd.DataFrame) -> list[str]:
    """Techniques down, sizes across, means over seeds; the best at the largest size first."""
    sizes = sorted(arms["size"].unique())
    wide = arms.groupby(["label", "size"])["mean"].mean().unstack("size")
    failed = arms.groupby(["label", "size"])["failures"].sum().unstack("size")
    worth = wide.ffill(axis=1)[sizes[-1]]
    order = worth.sort_values(ascending=not arms["higher_is_better"].iloc[0]).index
    metric = analyse.metric_name(arms["metric"].iloc[0])
    rows = [(f"{metric} at n =", *(f"{size:,}" for size in sizes))]
    for label in order:
        rows.append((str(label), *(_score(wide.loc[label, size], failed.loc[label, size]) for size in sizes)))
    floor = arms.groupby("size")["floor"].mean()
    rows.append(("(without learning)", *(f"{floor[size]:.3f}" for size in sizes)))
    return table(rows)


def _score(mean: float, failures: float) -> str:
    """What a cell of the table says: nothing where nothing was tried.

    >>> _score(0.91234, 0.0), _score(float("nan"), 3.0), _score(float("nan"), 0.0), _score(float("nan"), float("nan"))
    ('0.912', 'failed', '-', '')
    """
    if mean == mean:
        return f"{mean:.3f}"
    return "" if failures != failures else "failed" if failures else "-"


# -------------------------------------------------------------------------------------------------------- the sentence


def answer(made: scale.Exhibit) -> dict[str, Any]:
    """Who leads at the largest size, the best of the other kind, where one passes the other, what more data brings.

    The leader and its rival (the best net, where a classic method leads, or the other way about) are chosen on
    validation where rows were held out for that; their scores are those of the test set.
    """
    whole = made.arms[(made.arms["n"] > 0) & (made.arms["failures"] == 0)]
    if not len(whole):
        raise Mistake("every technique has failures at every size; `eras export` has the reasons")
    both = whole.groupby("size")["kind"].nunique()
    largest = int(both[both == both.max()].index.max())  # where classic methods and nets can be compared, if anywhere
    at = whole[whole["size"] == largest]
    higher = bool(at["higher_is_better"].iloc[0])
    chosen_by = at["valid" if at["valid"].notna().all() else "mean"] * (1 if higher else -1)
    ranked = at.assign(worth=chosen_by).sort_values("worth", ascending=False, kind="stable")
    leader = ranked.iloc[0]
    others = ranked[ranked["kind"] != leader["kind"]]
    found: dict[str, Any] = {"size": largest, "metric": leader["metric"], "higher_is_better": higher}
    found["beyond"] = int(whole["size"].max()) if whole["size"].max() > largest else None
    smaller = made.arms[(made.arms["size"] < largest) & (made.arms["n"] > 0)]
    found["untried"] = sorted(set(smaller["label"]) - set(made.arms.loc[made.arms["size"] == largest, "label"]))
    found["unit"] = analyse.unit(at["task"].iloc[0])
    found |= {"chosen_on": "validation" if at["valid"].notna().all() else "test", "leader": _side(leader)}
    found["where"] = "here" if made.machine == machine.fingerprint()["name"] else f"on {made.machine}"
    found["where"] += "" if made.device == "cpu" else f", {made.device}"
    found["more"] = _more(made, leader)
    if len(others):
        rival = others.iloc[0]
        found["rival"] = _side(rival) | {
            "behind": _behind(made, leader, rival),
            "crossing": _between(made, leader, rival),
            "later": _later(made, leader, rival),
        }
        after = ranked.iloc[1]
        if after["arm"] != rival["arm"]:
            found["next"] = _side(after) | {"behind": _behind(made, leader, after)}
    return found


def _side(arm: pd.Series) -> dict[str, Any]:
    names = ("arm", "label", "era", "kind", "mean", "low", "high", "fit_seconds", "extra_mib", "throughput")
    return {name: None if isinstance(arm[name], float) and math.isnan(arm[name]) else arm[name] for name in names}


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
    value = {"outcome": got.outcome, "n": got.n, "low": got.interval.low, "high": got.interval.high}
    known = {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in value.items()}
    return known | {"winner": got.winner, "bracket": list(got.bracket) if got.bracket else None}


def _behind(made: scale.Exhibit, leader: pd.Series, rival: pd.Series) -> dict[str, Any]:
    """By how much more the rival loses than the leader at the largest size, over the seeds that both have."""
    both = pd.concat([_losses(made, arm["arm"]).loc[leader["size"]] for arm in (rival, leader)], axis=1).dropna()
    got = stats.paired_t(*both.to_numpy().T) if len(both) > 1 else None
    return {"seeds": len(both), "low": got.low if got else None, "high": got.high if got else None}


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
    return {"n": over[0] if over else None, "until": until, "miss": _unit(made) * max(a.miss, b.miss) / 100}


def _more(made: scale.Exhibit, leader: pd.Series) -> dict[str, Any]:
    """What the last step of data brought the leader (paired over seeds), and what four times as much is fitted to."""
    losses = _losses(made, leader["arm"]).loc[: leader["size"]]
    found: dict[str, Any] = {"measured": None, "fitted": None}
    if len(losses) > 1:
        before, last = losses.iloc[-2], losses.iloc[-1]
        both = before.notna() & last.notna()
        if both.sum() > 1:
            gain = stats.paired_t(before[both].to_numpy(), last[both].to_numpy())
            found["measured"] = {"from": int(losses.index[-2]), "gain": gain.mean, "low": gain.low, "high": gain.high}
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
    where = found["where"]
    ahead = f"{_who(leader)} {_leads(rival)}"
    parts = [f"At {n:,} {found['unit']} {ahead}: {metric} {_value(leader)}, {_price(leader, where)}."]
    if rival:
        kind = "net" if rival["kind"] == "net" else "classic method"
        parts.append(f"The best {kind}, {_who(rival)}, comes to {_value(rival)}, {_price(rival, where)}.")
        if after := found.get("next"):
            parts.append(f"Of its own kind {after['label']} comes next, {_apart(after['behind'])}: {_value(after)}.")
        parts.append(_passed(found) + _later_said(found))
    parts.append(_whether(found))
    if found["beyond"]:
        parts.append(f"At {found['beyond']:,} only one kind, nets or classic methods, was run and came through.")
    if found["untried"]:
        parts.append(f"Not run at {n:,}, and perhaps better: {', '.join(found['untried'])}.")
    if found["chosen_on"] != "validation":
        parts.append("Leader and rival were chosen by their test scores: no rows were held out to choose by.")
    return parts


def _who(side: dict[str, Any]) -> str:
    return f"{side['label']} (era: {side['era']})"


def _value(side: dict[str, Any]) -> str:
    band = f" ({side['low']:.3f} to {side['high']:.3f})" if side["low"] is not None else ""
    return f"{side['mean']:.3f}{band}"


def _leads(rival: dict[str, Any] | None) -> str:
    """ "leads" is kept for what was tested."""
    if rival is None:
        return "is ahead"
    behind = rival["behind"]
    if behind["seeds"] < 2:
        return "is ahead (untested: it takes two common seeds)"
    others = "nets" if rival["kind"] == "net" else "classic methods"
    if behind["low"] > 0:
        return f"leads the {others}"
    if behind["high"] < 0:
        return f"was the best on validation, and is behind {rival['label']} on the test set"
    return f"is ahead of the {others}, within the noise between seeds"


def _apart(behind: dict[str, Any]) -> str:
    """What the test set says of the next one."""
    if behind["seeds"] < 2:
        return "untested"
    return "behind it" if behind["low"] > 0 else "in truth ahead" if behind["high"] < 0 else "not to be told apart"


def _price(side: dict[str, Any], where: str) -> str:
    mib = side["extra_mib"]
    memory = "" if mib is None else " and less than 1 MiB" if mib < 1 else f" and {mib:.0f} MiB"
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
    return {
        stats.FIRST: f"{who} is ahead at no size up to {n:,}.",
        stats.SECOND: f"By the test scores {who} is behind at no size up to {n:,}.",
        stats.TIE: f"Up to {n:,} the two cannot be told apart.",
        stats.OPEN: f"At {n:,} the two cannot be told apart any more: more data would decide.",
        stats.SEVERAL: f"Each of the two is ahead at some size up to {n:,}, without a change that both ends bear out.",
    }[crossing["outcome"]]


def _later_said(found: dict[str, Any]) -> str:
    """From which size on another would lead, as fitted."""
    later, who = found["rival"]["later"], found["rival"]["label"]
    if later is None:
        return " Their curves are too short, or too irregular, to be carried further."
    trust = f"not measured; the fits miss the last size by {_gain(found, later['miss'])}"
    if later["n"] is None:
        return f" Carried on to {later['until']:,.0f} the order stays so ({trust})."
    return f" Carried on, {who} would lead from about {scale.rounded(later['n'])} ({trust})."


def _gain(found: dict[str, Any], loss: float, sign: str = "") -> str:
    points = found["metric"] in scale.BOUNDED
    return f"{100 * loss:{sign}.1f} points" if points else f"{loss:{sign}.3g}"


def _whether(found: dict[str, Any]) -> str:
    """Would more data help?"""
    measured, fitted = found["more"]["measured"], found["more"]["fitted"]
    if measured is None:
        return "Whether more data would help cannot be told: it takes two sizes with two common seeds."
    sure = "helped" if measured["low"] > 0 else "hurt" if measured["high"] < 0 else "made no clear difference"
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

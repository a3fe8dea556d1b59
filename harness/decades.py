"""The table of data, memory and compute per decade (Dive into Deep Learning, table 1.5.1): what it says, and who won.

`published/decades.csv` holds each cell as printed, and beside it an independent figure where one was found, with its
source. From these alone: how fast each column grows, whether the sentences drawn from the table follow from it, and
where a machine lies on its axes. From the rows of `eras run decades`: what each decade's budget could learn.
"""

import argparse
import math
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtrit

from harness import machine, winners
from harness.keeping import folders_of
from harness.rungs import AXES, DAY, KINDS, LADDERS, column, ladder, places, table
from harness.screen import show
from harness.screen import table as aligned
from harness.store import Store

LADDER_NAMES = {
    "printed": "the table as printed",
    "independent": "independent figures of the same machines",
    "compressed": "the compressed ladder (not the table: six rungs that run anywhere)",
}
READING_NAMES = {"fixed": "one dataset a family, only the budget grows", "own": "each decade's own kind of data"}


class Growth(NamedTuple):
    """Factors of ten per decade: the slope of log10 on the year, with its 95 % t interval."""

    slope: float
    low: float
    high: float
    n: int


def growth(values: dict[int, float]) -> Growth:
    """Least squares through {year: value}, three years at least."""
    years = np.array(sorted(values), float) / 10
    logs = np.array([math.log10(values[year]) for year in sorted(values)])
    n = len(years)
    apart = years - years.mean()
    slope = float(apart @ logs / (apart @ apart))
    left = logs - logs.mean() - slope * apart
    half = float(stdtrit(n - 2, 0.975) * math.sqrt(left @ left / (n - 2) / (apart @ apart)))
    return Growth(slope, slope - half, slope + half, n)


def ratios(first: str, second: str, kind: str) -> dict[int, float]:
    """{decade: first / second}."""
    one, other = column(first, kind), column(second, kind)
    return {decade: one[decade] / other[decade] for decade in one if decade in other}


def sentences(kind: str) -> list[dict[str, Any]]:
    """d2l's two sentences, judged by the growth of the ratio that each is about."""
    found = []
    for sentence, first, second in (
        ("memory did not keep pace with the growth of data", "data", "memory"),
        ("compute outpaced the growth of data", "compute", "data"),
    ):
        whole = growth(ratios(first, second, kind))
        verdict = "holds" if whole.low > 0 else "fails" if whole.high < 0 else "cannot tell"
        steps = {
            f"{a} to {b}": math.log10(ratios(first, second, kind)[b] / ratios(first, second, kind)[a])
            for a, b in pairwise(sorted(ratios(first, second, kind)))
        }
        told = {"sentence": sentence, "ratio": f"{first} / {second}", "verdict": verdict, "steps": steps}
        found.append(told | whole._asdict())
    return found


def growths(kind: str) -> dict[str, Growth]:
    """Of each column, and of each ratio of two."""
    found = {axis: growth(column(axis, kind)) for axis in AXES}
    for first, second in combinations(AXES, 2):
        found[f"{second} / {first}"] = growth(ratios(second, first, kind))
    return found


# --------------------------------------------------------------------------------------------------------- eras decades


def command(args: argparse.Namespace) -> int:
    """The table with its growth and its sentences, this machine on its axes, and who won each decade."""
    here = {"name": machine.fingerprint()["name"], "places": places()}
    store = Store(*folders_of(args))
    found = winners.exhibit(list(store.rows.values()), args.period)
    period = found["period"] or DAY
    value = {
        "table": [entry._asdict() for entry in table()],
        "growth": {kind: {name: of._asdict() for name, of in growths(kind).items()} for kind in KINDS},
        "sentences": {kind: sentences(kind) for kind in KINDS},
        "machine": here,
        "budgets": [rung._asdict() for name in LADDERS for rung in ladder(name, period)],
        "headline": headline(found),
        "standings": _plain(found["standings"]),
        "verdicts": found["verdicts"],
    }
    lines = [*_table_lines(), "", *_growth_lines(), "", *_machine_lines(here), "", *winner_lines(found)]
    show(args.json, value, lines)
    return 0


def _plain(frame: Any) -> list[dict[str, Any]]:
    """Records without NaN."""
    return [{k: None if v != v else v for k, v in one.items()} for one in frame.to_dict("records")]


# -------------------------------------------------------------------------------------------------------------- winners


def headline(found: dict[str, Any]) -> str:
    """The finding, and whether it flips with the independent budgets."""
    if not found["verdicts"]:
        return "Who won each decade was not run: `eras run decades`"
    told = {(one["ladder"], one["reading"]): one for one in found["verdicts"]}
    first = next((told[name, "fixed"] for name in LADDERS if _whole(told.get((name, "fixed")))), found["verdicts"][0])
    early = first["classic"]
    where = {"printed": "The table as printed", "independent": "Independent budgets"}.get(first["ladder"])
    parts = [f"classic methods win {early:.0%} of 1970 to 1990"] if early is not None else []
    late = [f"{share:.0%} of {family}" for family, share in sorted(first["nets"].items())]
    parts += [f"nets {' and '.join(late)} from 2010 on"] if late else []
    both = [told[name, "fixed"]["verdict"] for name in KINDS if (name, "fixed") in told]
    flips = ""
    if len(both) == 2:
        flips = "cannot tell" if "cannot tell" in both else "the same" if both[0] == both[1] else "it flips"
        flips = f" (with independent budgets: {flips})"
    verdict = {"holds": "holds", "fails": "fails", "cannot tell": "cannot be told yet"}[first["verdict"]]
    start = f"{where or 'The compressed ladder'}: {', '.join(parts)}; " if parts else ""
    return f"{start}that nets had to wait for data and compute {verdict}{flips}."


def _whole(one: dict[str, Any] | None) -> bool:
    return one is not None and one["verdict"] != "cannot tell"


def winner_lines(found: dict[str, Any]) -> list[str]:
    """Of each ladder who won where, and its verdicts, in words."""
    standings, told = found["standings"], [headline(found)]
    for name in LADDERS if len(standings) else ():
        some = standings[standings["ladder"] == name]
        if some.empty:
            continue
        rows = [(LADDER_NAMES[name], "winner", "error", "P(best)", "runner-up", "what binds the winner")]
        for rung in ladder(name, found["period"] or DAY):
            here = some[some["decade"] == rung.decade]
            budget = f"{rung.decade}: {rung.rows:.1e} rows, {rung.bytes:.0e} B, {rung.flops:.1e} FLOPs"
            rows.append((budget, *("" if len(here) else "not run",), "", "", "", ""))
            for (family, dataset), entered in here.groupby(["family", "dataset"], sort=False):
                rows.append((f"  {family}: {dataset}", *_line(entered)))
        told += ["", *aligned(rows), ""]
        own = [one for one in found["verdicts"] if one["ladder"] == name]
        told += [f"{one['verdict'].upper()}: {verdict_words(one)}" for one in own]
    return told


def _line(entered: Any) -> tuple[str, str, str, str, str]:
    """The winner of one rung, its error, how sure that it is the best, who came next, what binds."""
    first, second = entered.iloc[0], entered.iloc[1] if len(entered) > 1 else None
    if first["error"] != first["error"]:
        return (incomplete(first["lacks"]) or "nothing fits", "", "", "", "" if first["lacks"] else first["binding"])
    sure = f"{first['best']:.2f}" if first["best"] == first["best"] else "one seed"
    after = (
        "" if second is None or second["error"] != second["error"] else f"{second['technique']} {second['error']:.3g}"
    )
    return first["technique"], f"{first['error']:.3g}", sure, after, first["binding"]


def incomplete(lacks: str) -> str:
    """Who has not come to the end yet, three names at most; "" where all have."""
    names = lacks.split(", ") if lacks else []
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"incomplete, lacks {', '.join(names[:3])}{more}" if names else ""


def verdict_words(one: dict[str, Any]) -> str:
    """One ladder and reading: the three parts of the sentence, each with its numbers."""
    early = f"classic methods win {one['classic']:.0%} of 1970 to 1990" if one["classic"] is not None else "none early"
    smooth = f" (linear and kernel ones {one['smooth']:.0%})" if one["smooth"] is not None else ""
    late = ", ".join(f"{family} {share:.0%}" for family, share in sorted(one["nets"].items())) or "not run"
    rises = f"rho {one['rho']:.2f}, p {one['p']:.3f}" if one["rho"] is not None else "too few decades"
    return (
        f"{READING_NAMES[one['reading']]}. {early}{smooth}: {one['early']}; nets' share "
        f"rises ({rises}, {one['cells']} cells): {one['rises']}; nets' share from 2010 on ({late}): {one['late']}"
    )


# ---------------------------------------------------------------------------------------------------------- the machine


def _table_lines() -> list[str]:
    rows = [("decade", *(f"{axis}, {AXES[axis]}" for axis in AXES), "independent figures")]
    for decade in column("data", "printed"):
        own = [e for e in table() if e.decade == decade and e.kind == "independent"]
        beside = "; ".join(f"{e.axis} {e.value:.3g} ({e.what})" for e in own)
        rows.append((f"{decade}", *(f"{column(axis, 'printed')[decade]:.0e}" for axis in AXES), beside))
    return aligned(rows)


def _growth_lines() -> list[str]:
    rows = [("factors of ten per decade", *(f"{kind}, 95 % interval" for kind in KINDS))]
    both = {kind: growths(kind) for kind in KINDS}
    for name in both["printed"]:
        rows.append((name, *(f"{g.slope:.2f} ({g.low:.2f} to {g.high:.2f})" for g in (both[k][name] for k in KINDS))))
    told = aligned(rows) + [""]
    for one, other in zip(*(sentences(kind) for kind in KINDS), strict=True):
        told.append(f'"{one["sentence"]}": {one["verdict"]} by the printed numbers, {other["verdict"]} by the others')
    return told


def _machine_lines(here: dict[str, Any]) -> list[str]:
    rows = [("this machine", "", "by the printed numbers", "by the others")]
    for place in here["places"]:
        years = [f"{year:.1f}" if year else "outside the table" for year in place["years"].values()]
        rows.append((place["what"].replace("_", " "), f"{place['value']:.3g} {AXES[place['axis']]}", *years))
    if len(here["places"]) < 2:
        return [*aligned(rows), "its rates were not measured yet: `eras doctor --measure`"]
    return aligned(rows)

"""Ng's figure from rows: the best classic method against a small, a medium and a large net, as data grow.

    exhibit(rows)      all frames of the scale curve, for one machine and device; what a line of each holds stands at
                       the function that makes it, in roles, rivals, slide and further

Roles: "traditional" is the classic method that did best on held-out validation rows at that size and seed, and pays for
trying all of them; "small", "medium" and "large" are the nets of one architecture, in the order of their parameters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from harness import analyse
from harness.scale.further import devices, extrapolations, fitted, tuning
from harness.scale.rivals import crossings, matrix, wins
from harness.scale.roles import BOUNDED, FAMILIES, NAMES, ROLES, between, leads, lines, losses, pooled, rounded
from harness.scale.slide import orderings

__all__ = ["BOUNDED", "FAMILIES", "NAMES", "ROLES", "Exhibit", "between", "exhibit", "fitted", "rounded"]


@dataclass(frozen=True)
class Exhibit:
    """Frames of the scale curve; each may be empty. What a line of each holds stands at the function that makes it."""

    machine: str
    device: str
    families: tuple[str, ...]
    runs: pd.DataFrame  # analyse.frame of the plain arms that came out, with family, loss (lower is better) and margin
    arms: pd.DataFrame  # analyse.curves of the plain arms, with kind ("classic", "net") and mean score on validation
    lines: pd.DataFrame
    panel: tuple[str, ...]
    pooled: pd.DataFrame
    thin: pd.DataFrame
    leads: pd.DataFrame
    crossings: pd.DataFrame
    matrix: pd.DataFrame
    orderings: pd.DataFrame
    tuning: pd.DataFrame
    wins: pd.DataFrame
    fits: pd.DataFrame
    devices: pd.DataFrame
    titles: dict[str, str] = field(default_factory=dict)


def exhibit(rows: Iterable[Mapping[str, Any]], place: Mapping[str, str] | None = None) -> Exhibit:
    """Everything, of the machine and device that most rows come from; `devices` sets CPU beside GPU.

    place   {"device": ..., "machine": ...} to be preferred, in this order, where there are rows of it
    """
    rows = [row for row in rows if not analyse.of_decades(row)]  # their budgets are others, and their search
    table, held = analyse.frames(rows)
    counts = table.groupby(["machine", "device"], as_index=False).size().sort_values("size", kind="stable")
    for name, wanted in (place or {}).items():
        counts = counts[counts[name] == wanted] if wanted in set(counts[name]) else counts
    machine, device = counts[["machine", "device"]].iloc[-1] if len(counts) else ("", "")
    mine = (table["machine"] == machine) & (table["device"] == device)
    here = losses(table[mine])
    held = held[(held["machine"] == machine) & (held["device"] == device)]
    runs = here[(here["plain"] == "True") & (here["status"] == "ok") & here["loss"].notna()]
    some = lines(runs, held)
    examples = some[some["family"] != "language"]  # whose sizes count tokens: nothing to be pooled with examples
    datasets, over = pooled(examples)
    crossed = crossings(runs, some)
    made = Exhibit(
        machine=str(machine),
        device=str(device),
        families=tuple(name for name in FAMILIES.values() if name in set(here["family"])),
        runs=runs,
        arms=_arms(here[here["plain"] == "True"], held),
        lines=some,
        panel=datasets,
        pooled=over,
        thin=some.groupby(["role", "family", "dataset", "dataset_title", "size"], as_index=False).agg(
            skill=("skill", "mean")
        ),
        leads=leads(some, datasets, over),
        crossings=crossed,
        matrix=matrix(crossed),
        orderings=orderings(some, crossed),
        tuning=tuning(here, rows),
        wins=wins(examples, over),
        fits=extrapolations(runs),
        devices=devices(table),
    )
    made.titles.update(titles(made))
    return made


def _arms(plain: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    points = analyse.curves(plain)
    keys = ["dataset", "task", "arm"]
    kinds = plain[[*keys, "kind"]].drop_duplicates(keys)
    return points.merge(kinds, on=keys, how="left").merge(_valid(points, held), on=[*keys, "size"], how="left")


def _valid(points: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """dataset, task, arm, size, and `valid`: the mean over the same folds of the same seeds for all that have one."""
    at, keys = ["dataset", "task", "size"], ["dataset", "task", "arm", "size"]
    some = held[(held["status"] == "ok") & held["valid"].notna()].merge(points[keys].drop_duplicates())
    some = some[some["folds"] == some.groupby(at)["folds"].transform("max")]
    some = some.assign(arms=some.groupby([*at, "seed"])["arm"].transform("size"))
    some = some[some["arms"] == some.groupby(at)["arms"].transform("max")]
    return some.groupby(keys)["valid"].mean().reset_index()


def titles(made: Exhibit) -> dict[str, str]:
    """One generated sentence per section: what its chart shows."""
    makers = {
        "scale": (_scale_title, made.pooled),
        "datasets": (_datasets_title, made.crossings),
        "overtakes": (_overtakes_title, made.matrix),
        "tuning": (_tuning_title, made.tuning),
        "certainty": (_certainty_title, made.wins),
    }
    return {name: maker(made) for name, (maker, frame) in makers.items() if len(frame)}


def _scale_title(made: Exhibit) -> str:
    """Whether large net or classic method leads on the panel, from where to where, and where none does beyond noise."""
    runs: list[tuple[str, int, int]] = []
    narrow = False  # a lead that would repeat with other seeds, and need not with other datasets
    for size, at in made.pooled.groupby("size"):
        roles = at.set_index("role")
        net, classic = roles.loc["large"], roles.loc["traditional"]  # no best of three nets: it would be by test scores
        if (at["seeds"] < 2).any():  # nothing to be tested by
            who = "the best classic method is ahead" if classic["iqm"] > net["iqm"] else "the large net is ahead"
        else:
            who = "the large net leads" if net["low"] > classic["high"] else "nobody leads clearly"
            who = "the best classic method leads" if classic["low"] > net["high"] else who
        apart = net["wide_low"] > classic["wide_high"] or classic["wide_low"] > net["wide_high"]
        narrow = narrow or (who.endswith(" leads") and not apart)
        first = runs.pop()[1] if runs and runs[-1][0] == who else int(str(size))
        runs.append((who, first, int(str(size))))
    parts = [f"from {a:,} to {b:,} examples {who}" if a != b else f"at {a:,} {who}" for who, a, b in runs]
    seeds = made.pooled["seeds"]
    alone = " (one seed each: untested)" if seeds.max() < 2 else " (some have one seed: untested)"
    alone = alone if seeds.min() < 2 else ""
    elsewhere = " (over seeds; on other datasets it need not)" if narrow else ""
    return f"On {len(made.panel)} datasets, " + ", ".join(parts) + alone + elsewhere + "."


def _datasets_title(made: Exhibit) -> str:
    pairs = made.crossings[(made.crossings["second"] == "large") & (made.crossings["first"] == "traditional")]
    over = ((pairs["outcome"] == "crossover") & (pairs["winner"] == "second")).sum()
    counts = pairs["outcome"].value_counts()
    if not len(pairs):
        return "No dataset has both a choice of classic methods and nets of three sizes."
    ahead, behind = (int(counts.get(name, 0)) for name in ("second ahead", "first ahead"))
    return (
        f"Of the {len(pairs)} datasets with two seeds or more the large net overtakes the best classic method on "
        f"{over}, ends ahead on {ahead}, never clearly behind before, and ends behind on {behind}, never clearly ahead "
        f"before; on {len(pairs) - over - ahead - behind} it cannot be told."
    )


def _overtakes_title(made: Exhibit) -> str:
    top = made.matrix.nlargest(1, "crossed").iloc[0]
    if not top["crossed"]:
        return "No technique overtakes another beyond the noise between seeds."
    at = f"at {rounded(top['median_n'])} {top['unit']}"
    if top["crossed"] == 1:
        one = f"{top['second_label']} overtakes {top['first_label']}, {at}"
        return f"No pair crosses on more than one dataset; one that does: {one}."
    where = f"on {top['crossed']} of {top['datasets']} datasets, typically {at}"
    return f"Most often {top['second_label']} overtakes {top['first_label']}: {where}."


def _tuning_title(made: Exhibit) -> str:
    last = made.tuning.sort_values("trials").groupby(["dataset", "size", "arm"]).tail(1)
    gain = last["skill"] - last["default"]
    top = last.assign(gain=gain).sort_values("gain", na_position="first").iloc[-1]
    who = f"{top['label']} on {top['dataset_title']} at {top['size']:,}"
    return (
        f"Up to {last['trials'].max()} trials move skill by {gain.median():+.3f} in the middle of "
        f"{len(last)} searches, by {gain.max():+.3f} at most ({who})."
    )


def _certainty_title(made: Exhibit) -> str:
    largest = (made.pooled if len(made.pooled) else made.wins)["size"].max()  # pooled: of the panel
    last = made.wins[made.wins["size"] == largest].nlargest(1, "wins").iloc[0]
    return (
        f"At {last['size']:,} examples the {last['label']} wins {last['wins']}, ties {last['ties']} and loses "
        f"{last['losses']} of its comparisons."
    )

"""Texts and tables about the rows: header, cards of techniques and datasets, what is sure, CPU beside GPU."""

import json
import math
from typing import Any

import pandas as pd

from harness import analyse
from harness.screen import number

NAMED = 3  # commits in the header at most
PROTOCOLS = {
    "official": "one fixed test set",
    "folds": "5-fold splits",
    "generated": "generated, one fixed test set",
}


def alarm(table: pd.DataFrame) -> str:
    """A warning where more than a tenth of the cells that could run failed."""
    able = table[table["status"] != "unsupported"]
    failed = able["status"].isin(analyse.FAILED).sum()
    if not len(able) or failed <= 0.1 * len(able):
        return ""
    reasons = table.loc[table["status"].isin(analyse.FAILED) & (table["reason"] != ""), "reason"].value_counts()
    said = f" Most often: {reasons.index[0]}" if len(reasons) else ""
    share = f"{failed:,} of {len(able):,} cells ({failed / len(able):.0%}) failed"
    return f"{share}; read every picture with that in mind.{said}"


def when(table: pd.DataFrame) -> str:
    days = sorted({str(day)[:10] for day in table["started"] if day})
    return "date unknown" if not days else days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def made_with(table: pd.DataFrame) -> str:
    versions = ", ".join(sorted({version for version in table["eras"] if version})) or "of unknown version"
    commits = sorted(_commits(table))
    told = f"commit {', '.join(commits)}" if len(commits) <= NAMED else f"{len(commits)} commits (at the foot)"
    dirty = " with uncommitted changes" if (table["dirty"] == "True").any() else ""
    return f"eras {versions}" + (f", {told}{dirty}" if commits else "")


def _commits(table: pd.DataFrame) -> set[str]:
    return {commit[:10] for commit in table["commit"] if commit}


def versions(table: pd.DataFrame) -> str:
    """Every commit and library version that took part, and Python's."""
    found = {"Python": {version for version in table["python"] if version}, "eras at commit": _commits(table)}
    for text in table["versions"].unique():
        for name, version in json.loads(text).items():
            found.setdefault(name, set()).add(str(version))
    return "; ".join(f"{name} {', '.join(sorted(versions))}" for name, versions in sorted(found.items()) if versions)


def techniques(table: pd.DataFrame) -> list[dict[str, Any]]:
    lines = table.drop_duplicates("technique", keep="last").sort_values(["year", "title"], na_position="last")
    return [
        {"title": line["title"], "name": line["technique"], "paper": line["paper"], "era": line["era"] or "era unknown"}
        | {"year": f"{line['year']:.0f}" if line["year"] == line["year"] else "year unknown"}
        for line in lines.to_dict("records")
    ]


def datasets(table: pd.DataFrame) -> list[dict[str, Any]]:
    cards = []
    for line in table.drop_duplicates("dataset", keep="last").sort_values("dataset_title").to_dict("records"):
        counts = (("rows", "training rows"), ("test", "test rows"), ("classes", "classes"))
        rows = [f"{line[name]:,.0f} {words}" for name, words in counts if line[name] > 0]
        protocol = PROTOCOLS.get(line["protocol"], line["protocol"])
        anchor = f"{analyse.metric_name(line['metric'])} {number(line['anchor']) or 'not stated'}"
        facts = ", ".join(filter(None, [line["form"], *rows, protocol]))
        source = f" ({line['anchor_source']})" if line["anchor_source"] else ""
        card = {"title": line["dataset_title"], "facts": facts, "anchor": f"skill 1 is {anchor}{source}"}
        cards.append(card | {"licence": line["licence"], "source": line["source"]})
    return cards


def worth(here: pd.DataFrame) -> dict[str, str]:
    """Findings on one dataset's costs, and on what they bring; none without two techniques.

    At the largest size that three quarters of the techniques reached: two of twelve say nothing about the dearest.
    """
    known = here[(here["fit_seconds"] > 0) & here["skill"].notna() & (here["failures"] == 0)]
    count = known.groupby("size")["label"].transform("nunique")
    whole = known.loc[count >= 0.75 * known["label"].nunique(), "size"]
    known = known[known["size"] == whole.max()].sort_values("fit_seconds")
    if len(known) < 2:
        return {}
    cheap, dear, best = known.iloc[0], known.iloc[-1], known.sort_values("skill").iloc[-1]
    where = f"On {cheap['dataset_title']} at {cheap['size']:,} {analyse.unit(cheap['task'])}"
    times = f"{number(dear['fit_seconds'] / cheap['fit_seconds'], 2)} times"
    found = {"cost": f"{where}, {dear['label']} takes {times} as long to fit as {cheap['label']}."}
    if best["label"] == cheap["label"]:
        return found | {"pareto": f"{where}, {best['label']} is both the cheapest to fit and the best."}
    times = f"{number(best['fit_seconds'] / cheap['fit_seconds'], 2)} times"
    gain = f"{best['skill'] - cheap['skill']:.2f} more skill than {cheap['label']}, the cheapest"
    return found | {"pareto": f"{where}, the best, {best['label']}, brings {gain}, for {times} its seconds."}


def certainty(made: Any) -> dict[str, Any]:
    """Of the curve fits: how far each missed the largest size when it had not seen it, and who falls as data grow."""
    fits = made.fits.sort_values("miss", ascending=False, na_position="last")
    names = ["dataset_title", "label", "model", "residual", "miss", "drawn"]
    shown = [
        line | {name: number(line[name], 2) or "none" for name in ("residual", "miss")}
        for line in fits[names].to_dict("records")
    ]
    falling = [
        f"{line['label']} on {line['dataset_title']}"
        for line in fits[~fits["monotone"].astype(bool)].to_dict("records")
    ]
    missed, finding = fits["miss"].dropna(), ""
    if len(missed):
        finding = (
            f"Without its largest size, the middle one of {len(missed)} fitted curves misses that size by "
            f"{number(missed.median(), 2)} points "
            "(hundredths of the error, or, where it has no bound, of the way from floor to anchor); "
            f"{int(fits['drawn'].sum())} of {len(fits)} are good enough to be continued with dashes."
        )
    return {"fits": shown, "falling": falling, "finding": finding, "wins": len(made.wins) > 0}


def devices(made: Any) -> list[dict[str, str]]:
    """The same cell on CPU and on GPU, as texts."""
    found = []
    for line in made.devices.to_dict("records"):
        gap = f"{line['low']:+.3f} to {line['high']:+.3f}" if math.isfinite(line["low"]) else "one seed"
        texts = {name: number(line[name]) for name in ("speed_ratio", "memory_cpu", "memory_cuda")}
        scores = {name: number(line[name], 4) for name in ("quality_cpu", "quality_cuda")}
        found.append(
            {
                "label": f"{line['label']}, {line['dtype']}",
                "dataset": line["dataset"],
                "size": f"{line['size']:,}",
                "gap": gap,
            }
            | texts
            | scores
        )
    return found

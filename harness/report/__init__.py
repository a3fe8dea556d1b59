"""Rows to one offline HTML page, and figures of the same numbers beside it.

The page loads nothing: styles, script, charts and data are inside it, and its policy forbids anything else. Texts from
rows are data: the template and the charts escape them, and the embedded JSON cannot end its script element.
"""

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from harness import analyse, contract
from harness.report import charts, figures
from harness.report.style import COSTS, SHAPES, Style, styles

HERE = Path(__file__).parent
TABLE = {  # column of the page's table and downloads -> column of the frame
    "dataset": "dataset_title", "technique": "label", "arm": "arm", "size": "size", "device": "device",
    "machine": "machine", "metric": "metric", "mean": "mean", "low": "low", "high": "high", "seeds": "n",
    "floor": "floor", "ceiling": "ceiling", "skill": "skill", "fit_seconds": "fit_seconds",
    "answers_per_second": "throughput", "latency_1": "latency_1", "extra_mib": "extra_mib", "failures": "failures",
    "cells": "cells", "why": "reasons",
}  # fmt: skip
PROTOCOLS = {
    "official": "one fixed test set",
    "folds": "5-fold splits",
    "generated": "generated, one fixed test set",
}


def write(rows: Iterable[Mapping[str, Any]], out: Path, told: Sequence[str] = ()) -> Path:
    """Write the page to `out` (an .html file) and figures/*.png, *.svg beside it; returns the page's path.

    told   notes for the header ("1 torn line skipped")      raises ValueError where there is no row
    """
    table = analyse.frame(rows)
    if table.empty:
        raise ValueError("no rows to report: run `eras run` first")
    points = analyse.curves(table)
    points["i"] = range(len(points))
    lead = analyse.leaders(points, table)
    lines = styles(points)
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    page = _template().render(_page(table, points, lead, lines) | {"told": [*told, *table.attrs["told"]]})
    out.write_text(page, encoding="utf-8")
    if (points["n"] > 0).any():
        figures.write(points, lead, lines, out.parent / "figures")
    return out


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(HERE)
    page = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return page.get_template("page.html.j2")


def _page(table: pd.DataFrame, points: pd.DataFrame, lead: pd.DataFrame, lines: dict[Any, Style]) -> dict[str, Any]:
    """All that the template shows."""
    chosen = analyse.main_picture(points)
    script = (HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    places = {era: place for place, (_, era) in enumerate(contract.ERAS)}
    legend = [vars(line) | {"order": places.get(line.era, len(places))} for line in lines.values()]
    return {
        "headline": analyse.headlines(points, lead),
        "summary": analyse.summary(table),
        "machines": analyse.machines(table),
        "when": _when(table),
        "made_with": _made_with(table),
        "alarm": _alarm(table),
        "legend": legend,
        "shapes": [(name, path) for name, (path, _) in SHAPES.items()],
        "main": _main(points, lead, lines, chosen) if chosen else None,
        "panels": _panels(points, lead, lines),
        "costs": _costs(points, lines, chosen) if chosen else [],
        "techniques": _techniques(table),
        "datasets": _datasets(table),
        "versions": _versions(table),
        "commands": analyse.commands(table),
        "data": _json(points),
        "css": Markup((HERE / "page.css").read_text(encoding="utf-8")),
        "js": Markup(script),
        "script_hash": f"sha256-{digest}",
    }


def _json(points: pd.DataFrame) -> Markup:
    """The table as JSON by columns, repeated texts once; numbers to six digits. No "<", ">" or "&" survives in it."""
    columns = []
    for name, source in TABLE.items():
        values = points[source]
        if pd.api.types.is_numeric_dtype(values):
            columns.append({"name": name, "values": [_short(value) for value in values]})
        else:
            codes, texts = pd.factorize(values)
            columns.append({"name": name, "values": list(texts), "codes": codes.tolist()})
    text = json.dumps({"columns": columns}, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _short(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if float(value).is_integer() else float(f"{value:.6g}")


def _main(
    points: pd.DataFrame, lead: pd.DataFrame, lines: dict[Any, Style], chosen: tuple[str, str, str]
) -> dict[str, Any]:
    here = _of(points, chosen)
    title = analyse.finding(points, lead, *chosen)
    return {
        "dataset": here["dataset_title"].iloc[0],
        "method": _method(here),
        "wide": charts.curve(here, lines, "main-wide", title, "wide"),
        "narrow": charts.curve(here, lines, "main-narrow", title, "narrow"),
    }


def _of(points: pd.DataFrame, chosen: tuple[str, str, str]) -> pd.DataFrame:
    return points[(points[["dataset", "task", "machine"]] == list(chosen)).all(axis=1)]


def _method(here: pd.DataFrame) -> str:
    """How the lead picture was made, in one line."""
    first, seeds = here.iloc[0], here.loc[here["n"] > 0, "n"]
    metric = str(first["metric"]).replace("_", " ")
    way = "" if first["higher_is_better"] else " (lower is better)"
    count = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    protocol = PROTOCOLS.get(first["protocol"], first["protocol"])
    band = "95 % interval over seeds" if seeds.max() > 1 else "none, for one seed has no interval"
    what = f"{first['dataset_title']}, {protocol}: test {metric}{way} against training examples"
    return f"{what}; {_stretch(here)}. Mean of {count} seeds; band: {band}."


def _stretch(here: pd.DataFrame) -> str:
    if charts.scale(here).warp is float:
        return "the upright axis is linear"
    left = "what is left to 1" if here["higher_is_better"].iloc[0] else "the error"
    return f"both axes are logarithmic, the upright one in {left}"


def _panels(points: pd.DataFrame, lead: pd.DataFrame, lines: dict[Any, Style]) -> list[dict[str, Any]]:
    """One small chart per dataset, task and machine: real data first, then by where the lead last changes."""
    found = []
    machines = points["machine"].nunique() > 1
    for k, (key, here) in enumerate(points.groupby(["dataset", "task", "machine"], sort=True)):
        first = here.iloc[0]
        at = lead[(lead[["dataset", "task", "machine"]] == list(key)).all(axis=1)] if len(lead) else lead
        changed = at.loc[at["changed"], "size"].max() if len(at) else math.nan
        way = "" if first["higher_is_better"] else ", lower is better"
        title = first["dataset_title"] + (f", {first['machine']}" if machines else "")
        note = f"{str(first['metric']).replace('_', ' ').capitalize()}{way}. {_last_leader(at)}"
        chart = charts.curve(here, lines, f"panel-{k}", f"{title}: {note}", "small")
        order = (first["protocol"] == "generated", changed if changed == changed else math.inf, title)
        found.append((order, {"title": title, "note": note, "chart": chart}))
    return [panel for _, panel in sorted(found, key=lambda item: item[0])]


def _last_leader(at: pd.DataFrame) -> str:
    if at.empty:
        return "No technique came through without failures."
    last = at.iloc[-1]
    doubt = "within noise" if last["pairs"] > 1 else "untested"
    clear = "leads" if last["significant"] else f"is ahead, {doubt},"
    return f"At {last['size']:,} {last['label']} {clear} with {charts.number(last['mean'])}."


def _costs(points: pd.DataFrame, lines: dict[Any, Style], chosen: tuple[str, str, str]) -> list[dict[str, Any]]:
    here = _of(points, chosen)
    return [
        {"title": title, "chart": charts.cost(here, lines, f"cost-{what}", what)} for what, (title, _) in COSTS.items()
    ]


def _alarm(table: pd.DataFrame) -> str:
    """A warning where more than a tenth of the cells that could run failed."""
    able = table[table["status"] != "unsupported"]
    failed = able["status"].isin(analyse.FAILED).sum()
    if not len(able) or failed <= 0.1 * len(able):
        return ""
    reasons = table.loc[table["status"].isin(analyse.FAILED) & (table["reason"] != ""), "reason"].value_counts()
    said = f" Most often: {reasons.index[0]}" if len(reasons) else ""
    share = f"{failed:,} of {len(able):,} cells ({failed / len(able):.0%}) failed"
    return f"{share}; read every picture with that in mind.{said}"


def _when(table: pd.DataFrame) -> str:
    days = sorted({str(day)[:10] for day in table["started"] if day})
    return "date unknown" if not days else days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _made_with(table: pd.DataFrame) -> str:
    versions = ", ".join(sorted({version for version in table["eras"] if version})) or "of unknown version"
    commits = sorted({commit[:10] for commit in table["commit"] if commit})
    dirty = " with uncommitted changes" if (table["dirty"] == "True").any() else ""
    return f"eras {versions}" + (f", commit {', '.join(commits)}{dirty}" if commits else "")


def _versions(table: pd.DataFrame) -> str:
    """Every library version that took part, and Python's."""
    found: dict[str, set[str]] = {"Python": {version for version in table["python"] if version}}
    for text in table["versions"].unique():
        for name, version in json.loads(text).items():
            found.setdefault(name, set()).add(str(version))
    return "; ".join(f"{name} {', '.join(sorted(versions))}" for name, versions in sorted(found.items()) if versions)


def _techniques(table: pd.DataFrame) -> list[dict[str, Any]]:
    lines = table.drop_duplicates("technique", keep="last").sort_values(["year", "title"], na_position="last")
    return [
        {"title": line["title"], "name": line["technique"], "paper": line["paper"], "era": line["era"] or "era unknown"}
        | {"year": f"{line['year']:.0f}" if line["year"] == line["year"] else "year unknown"}
        for line in lines.to_dict("records")
    ]


def _datasets(table: pd.DataFrame) -> list[dict[str, Any]]:
    cards = []
    for line in table.drop_duplicates("dataset", keep="last").sort_values("dataset_title").to_dict("records"):
        counts = (("rows", "training rows"), ("test", "test rows"), ("classes", "classes"))
        rows = [f"{line[name]:,.0f} {words}" for name, words in counts if line[name] > 0]
        protocol = PROTOCOLS.get(line["protocol"], line["protocol"])
        anchor = f"{line['metric'].replace('_', ' ')} {charts.number(line['anchor']) or 'not stated'}"
        facts = ", ".join(filter(None, [line["form"], *rows, protocol]))
        source = f" ({line['anchor_source']})" if line["anchor_source"] else ""
        card = {"title": line["dataset_title"], "facts": facts, "anchor": f"skill 1 is {anchor}{source}"}
        cards.append(card | {"licence": line["licence"], "source": line["source"]})
    return cards

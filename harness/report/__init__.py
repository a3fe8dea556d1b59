"""Rows to one offline HTML page, and figures of the same numbers beside it.

The page loads nothing: styles, script, charts and data are inside it. Its policy forbids all else, but for pictures
that its own script makes in order to save them. Texts from rows are data: the template and the charts escape them, and
the embedded JSON cannot end its script element. The first picture is there without the script, which draws the others.
"""

import base64
import hashlib
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from harness import analyse, contract, scale
from harness.report import cards, changed, charts, data, decades, figures, pooled, timeline
from harness.report.style import DARK, LIGHT, ROLES, SHAPES, Style, styles
from harness.screen import number

HERE = Path(__file__).parent
SCRIPTS = ("base.js", "draw.js", "sections.js", "exhibits.js", "claims.js", "table.js")
TITLES = {  # of sections about which the rows allow no sentence
    "datasets": "Dataset by dataset",
    "overtakes": "Who overtakes whom",
    "cost": "What it costs",
    "pareto": "What you get for it",
    "tuning": "Does tuning change the story?",
    "certainty": "How sure are we?",
}


def write(
    rows: Iterable[Mapping[str, Any]],
    out: Path,
    told: Sequence[str] = (),
    compared: dict[str, Any] | None = None,
    history: dict[str, Any] | None = None,
) -> Path:
    """Write the page to `out` (an .html file) and figures/*.png, *.svg beside it; returns the page's path.

    told      notes for the header ("1 torn line skipped")      raises ValueError where there is no row
    compared  an outcome of `eras compare`, see changed.newest
    history   timeline.exhibit of the rows: claims and verdicts
    """
    rows = list(rows)
    of_decades = [row for row in rows if analyse.of_decades(row)]
    ladder = decades.section(of_decades)
    table = analyse.frame(rows)
    if table.empty:
        raise ValueError("no rows to report: run `eras run` first")
    made = scale.exhibit(rows)
    alone = ladder is not None and len(of_decades) == len(rows)  # a page of nothing else
    if alone:
        made = replace(made, tuning=made.tuning.head(0))
    points = data.with_skill(analyse.curves(table))
    points["i"] = range(len(points))
    lead = analyse.leaders(points, table)
    lines = styles(points)
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    about = _page(table, points, lead, lines, made) | {"told": [*told, *table.attrs["told"]]}
    of_claims = all(analyse.of_claims(row) for row in rows)
    claimed = timeline.section(history, of_claims) if history else None
    only_claims = claimed is not None and of_claims
    if claimed and only_claims:
        about |= {"headline": claimed["title"], "main": None, "slide": [], "sketch": ""}
    if ladder and alone:  # what a budget refused has not failed
        about |= {"headline": ladder["title"], "main": None, "slide": [], "sketch": "", "alarm": ""}
    more = {"changed": changed.section(compared) if compared else None, "decades": ladder, "alone": alone}
    more |= {"timeline": claimed, "only_claims": only_claims}
    page = _template().render(about | more)
    out.write_text(page, encoding="utf-8")
    if (points["n"] > 0).any():
        drawn = points.head(0) if alone or only_claims else points
        figures.write(drawn, lead, lines, made, out.parent / "figures", compared, ladder, history if claimed else None)
    return out


def headline(path: Path) -> str:
    """The finding that a page has as its title."""
    text = path.read_text(encoding="utf-8")
    return html.unescape(text[text.index("<title>") + 7 : text.index("</title>")])


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(HERE)
    page = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return page.get_template("page.html.j2")


def _page(
    table: pd.DataFrame, points: pd.DataFrame, lead: pd.DataFrame, lines: dict[Any, Style], made: scale.Exhibit
) -> dict[str, Any]:
    """All that the template shows."""
    script = "".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    places = {era: place for place, (_, era) in enumerate(contract.ERAS)}
    panels = _panels(points, lead, lines, made)
    points = points.assign(
        panel=_numbered(points, panels), line=[lines[charts.key(point)].number for point in points.to_dict("records")]
    )
    return {
        "summary": analyse.summary(table),
        "machines": analyse.machines(table),
        "when": cards.when(table),
        "made_with": cards.made_with(table),
        "alarm": cards.alarm(table),
        "legend": [vars(line) | {"order": places.get(line.era, len(places))} for line in lines.values()],
        "roles": ROLES,
        "eras": list(places),
        "era_colours": {"light": LIGHT, "dark": DARK},
        "shapes": [(name, path) for name, (path, _) in SHAPES.items()],
        "titles": _titles(points, made),
        "families": [name for name in dict.fromkeys(panel["family"] for panel in panels)],
        "matrix": len(made.matrix) > 0,
        "tuned": len(made.tuning) > 0,
        "certainty": cards.certainty(made),
        "devices": cards.devices(made),
        "techniques": cards.techniques(table),
        "datasets": cards.datasets(table),
        "versions": cards.versions(table),
        "commands": analyse.commands(table),
        "data": data.embedded(points, lines, panels, made, analyse.main_picture(points)),
        "css": Markup((HERE / "page.css").read_text(encoding="utf-8")),
        "js": Markup(script),
        "script_hash": f"sha256-{digest}",
    } | _first(points, lead, lines, made)


def _titles(points: pd.DataFrame, made: scale.Exhibit) -> dict[str, str]:
    """The finding of every section, or its plain name where the rows allow none."""
    chosen = analyse.main_picture(points)
    found = TITLES | made.titles | (cards.worth(_of(points, chosen)) if chosen else {})
    compared = set(zip(made.crossings["first"], made.crossings["second"], strict=True))
    return found if ("traditional", "large") in compared else found | {"datasets": TITLES["datasets"]}


def _first(points: pd.DataFrame, lead: pd.DataFrame, lines: dict[Any, Style], made: scale.Exhibit) -> dict[str, Any]:
    """The first picture: the scale curve over the panel; without one, the lead dataset's curve, where any came out."""
    slide = pooled.slide(made.orderings)
    about: dict[str, Any] = {
        "slide": slide if any(one["verdict"] != "not measured" for one in slide) else [],
        "sketch": "",
    }
    if len(made.pooled):
        title = made.titles["scale"]
        charts_ = {form: pooled.picture(made, f"main-{form}", title, form) for form in ("wide", "narrow")}
        main = {"method": pooled.method(made), "pooled": True, "panel": pooled.panel(made)} | charts_
        main["band"] = "wide" if made.pooled["low"].isna().all() else "seeds"
        about |= {"sketch": pooled.sketch(), "faint": pooled.datasets(made.thin)}
        return {"headline": title, "main": main} | about
    headline, chosen = analyse.headline(points, lead), analyse.main_picture(points)
    if chosen is None:
        return {"headline": headline, "main": None} | about
    here = _of(points, chosen)
    charts_ = {form: charts.curve(here, lines, f"main-{form}", headline, form) for form in ("wide", "narrow")}
    return {"headline": headline, "main": {"method": _method(here), "pooled": False} | charts_} | about


def _of(points: pd.DataFrame, chosen: tuple[str, str, str]) -> pd.DataFrame:
    return points[(points[["dataset", "task", "machine"]] == list(chosen)).all(axis=1)]


def _method(here: pd.DataFrame) -> str:
    """How the lead picture was made, in one line."""
    first, seeds = here.iloc[0], here.loc[here["n"] > 0, "n"]
    metric = analyse.metric_name(first["metric"])
    way = "" if first["higher_is_better"] else " (lower is better)"
    count = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    protocol = cards.PROTOCOLS.get(first["protocol"], first["protocol"])
    band = "95 % interval over seeds" if seeds.max() > 1 else "none, for one seed has no interval"
    what = f"{first['dataset_title']}, {protocol}: test {metric}{way} against training {analyse.unit(first['task'])}"
    return f"{what}; {_stretch(here)}. Mean of {count} seeds; band: {band}."


def _stretch(here: pd.DataFrame) -> str:
    if charts.scale(here).warp is float:
        return "the upright axis is linear"
    left = "what is left to 1" if here["higher_is_better"].iloc[0] else "the error"
    return f"both axes are logarithmic, the upright one in {left}"


def _panels(
    points: pd.DataFrame, lead: pd.DataFrame, lines: dict[Any, Style], made: scale.Exhibit
) -> list[dict[str, Any]]:
    """One chart per dataset, task and machine: by family, real data first, then by where the lead last changes."""
    found = []
    machines = points["machine"].nunique() > 1
    order = list(scale.FAMILIES.values())
    for key, here in points.groupby(["dataset", "task", "machine"], sort=True):
        first = here.iloc[0]
        at = lead[(lead[["dataset", "task", "machine"]] == list(key)).all(axis=1)] if len(lead) else lead
        changed = at.loc[at["changed"], "size"].max() if len(at) else math.nan
        way = "" if first["higher_is_better"] else ", lower is better"
        title = first["dataset_title"] + (f", {first['machine']}" if machines else "")
        note = (
            f"{analyse.metric_name(first['metric'], start=True)}{way}. {_last_leader(at)}{charts.approximations(here)}"
        )
        family = scale.FAMILIES.get(first["form"], first["form"] or "other")
        place = order.index(family) if family in order else len(order)
        rank = (place, family, first["protocol"] == "generated", changed if changed == changed else math.inf, title)
        about = {"dataset": key[0], "task": key[1], "machine": key[2], "title": title, "note": note}
        about |= {"family": family, "unit": analyse.unit(first["task"])}
        found.append((rank, about | data.panel(here, lines)))
    return [panel for _, panel in sorted(found, key=lambda item: item[0])]


def _numbered(points: pd.DataFrame, panels: list[dict[str, Any]]) -> list[int]:
    """The number of each point's panel."""
    places = {(panel["dataset"], panel["task"], panel["machine"]): k for k, panel in enumerate(panels)}
    return [places[one] for one in zip(points["dataset"], points["task"], points["machine"], strict=True)]


def _last_leader(at: pd.DataFrame) -> str:
    if at.empty:
        return "No technique came through without failures."
    last = at.iloc[-1]
    doubt = "within noise" if last["pairs"] > 1 else "untested"
    clear = "leads" if last["significant"] else f"is ahead, {doubt},"
    return f"At {last['size']:,} {last['label']} {clear} with {number(last['mean'])}."

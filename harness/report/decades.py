"""The decades' section: data, memory and compute against the year, and below it who won each decade."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness import decades, winners
from harness.report.charts import superscript
from harness.rungs import AXES, DAY, LADDERS, column, ladder, year_of
from harness.screen import duration

COLOURS = {axis: f"of-{axis}" for axis in AXES}  # classes
FORMS = {"wide": (860, 380, 56, 150), "narrow": (390, 360, 44, 96)}  # width, height, left and right margin
TOP, BASE = 16, 16.5  # pixels above the axes; powers of ten at their upper end
WORDS = {"memory": "memory", "compute": "compute on the threads of these rows"}
NAMES = {"data": "data, rows", "memory": "memory, bytes", "compute": "compute, FLOP/s"}


def section(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """All that the page shows of it; None where no row belongs to it."""
    found = winners.exhibit(rows)
    if found["lines"].empty:
        return None
    here = machines(rows)
    return {
        "title": decades.headline(found),
        "here": here,
        "charts": {form: chart(here, form) for form in FORMS},
        "period": _period(found["period"]),
        "ladders": [one for name in LADDERS if (one := _ladder(found, name))],
        "energy": _energy(found["lines"]),
        "machines": [f"{name}: {', '.join(told)}" for name, told in _years(here)],
    }


def _period(seconds: float | None) -> str:
    return "one day" if seconds in (None, DAY) else duration(seconds or DAY)


def _energy(lines: Any) -> str:
    """Joules of each decade's last fits where a meter was there; nothing is guessed."""
    joules = lines[lines["joules"].notna()].groupby(["ladder", "decade"])["joules"].sum()
    if joules.empty:
        return "Energy: no meter could be read on these machines, and nothing is guessed"
    return "Energy of the last fits, searches apart: " + ", ".join(
        f"{ladder} {decade} {value:,.0f} J" for (ladder, decade), value in joules.items()
    )


def machines(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """{machine: {"memory": bytes, "compute": the highest measured FLOP/s}}, from what its rows tell."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        about, work = row["provenance"].get("machine") or {}, row.get("work") or {}
        own = found.setdefault(str(about.get("name") or "this machine"), {})
        if about.get("memory"):
            own["memory"] = float(about["memory"])
        if work.get("share_of_peak") and work.get("flops_per_second"):
            own["compute"] = max(own.get("compute", 0.0), work["flops_per_second"] / work["share_of_peak"])
    return found


def _years(here: dict[str, dict[str, float]]) -> Iterable[tuple[str, list[str]]]:
    for name, has in here.items():
        told = []
        for axis, value in has.items():
            year = year_of(axis, value)
            told.append(
                f"{value:.2g} {AXES[axis]} of {WORDS[axis]}, " + (f"{year:.1f}" if year else "outside the table")
            )
        yield name, told


def chart(here: dict[str, dict[str, float]], form: str) -> Markup:
    """The three columns against the year, printed and independent, with the machines where they would stand."""
    width, height, left, right = FORMS[form]
    bottom = height - 34

    def x(year: float) -> float:
        return left + (year - 1970) / 50 * (width - left - right)

    def y(value: float) -> float:
        return bottom - (math.log10(value) - 2) / (BASE - 2) * (bottom - TOP)

    parts = []
    for power in range(2, 17, 2):
        grid = Markup('<path class="grid" d="M{} {:.1f}H{}"/><text class="t e" x="{}" y="{:.1f}">10{}</text>')
        parts.append(grid.format(left, y(10**power), width - right, left - 6, y(10**power) + 4, superscript(power)))
    for decade in column("data", "printed"):
        parts.append(Markup('<text class="t m" x="{:.1f}" y="{}">{}</text>').format(x(decade), bottom + 18, decade))
    for axis, colour in COLOURS.items():
        printed, other = column(axis, "printed"), column(axis, "independent")
        path = "L".join(f"{x(year):.1f} {y(value):.1f}" for year, value in printed.items())
        dashed = "L".join(f"{x(year):.1f} {y(value):.1f}" for year, value in other.items())
        line = Markup('<path class="dec {0}" d="M{1}"/><path class="dec {0} other" d="M{2}"/>')
        parts.append(line.format(colour, path, dashed))
        for year, value in printed.items():
            tip = f"{year}, {NAMES[axis]}: {value:.0e} as printed, {other[year]:.2g} by other sources"
            dot = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="3.6"><title>{}</title></circle>')
            parts.append(dot.format(colour, x(year), y(value), tip))
        end = Markup('<text class="t n {}" x="{:.1f}" y="{:.1f}">{}</text>')
        words = NAMES[axis] if form == "wide" else axis
        parts.append(end.format(colour, x(2020) + 9, y(printed[2020]) + 4, words))
        for name, has in here.items():
            if axis in has and (place := year_of(axis, has[axis])):
                mark = Markup(
                    '<path class="here {}" d="M{:.1f} {:.1f}m-6-6l12 12m0-12l-12 12"><title>{}</title></path>'
                )
                parts.append(mark.format(colour, x(place), y(has[axis]), f"{name}: {axis} of {place:.1f}"))
    label = "Data, memory and compute of six decades, as printed and by other sources, with the machines of these rows"
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return head.format(width, height, label, Markup("").join(parts))


def _ladder(found: dict[str, Any], name: str) -> dict[str, Any] | None:
    """One ladder: its grid of winners, its verdicts, and every candidate."""
    some = found["standings"][found["standings"]["ladder"] == name]
    if some.empty:
        return None
    rungs = {rung.decade: rung for rung in ladder(name, found["period"] or DAY)}
    guesses = winners.extrapolated(some, {rung.decade: rung.flops for rung in rungs.values()})
    lines = []
    for (family, dataset, title), here in some.groupby(["family", "dataset", "dataset_title"], sort=False):
        cells = [
            _cell(
                here[here["decade"] == decade], guesses[(guesses["dataset"] == dataset) & (guesses["decade"] == decade)]
            )
            for decade in rungs
        ]
        lines.append({"family": family, "title": title, "cells": cells})
    return {
        "name": decades.LADDER_NAMES[name],
        "decades": [
            (decade, f"{rung.rows:.1e} rows, {rung.bytes:.0e} B, {rung.flops:.0e} FLOPs")
            for decade, rung in rungs.items()
        ],
        "lines": lines,
        "verdicts": [
            {"word": one["verdict"], "words": decades.verdict_words(one)}
            for one in found["verdicts"]
            if one["ladder"] == name
        ],
        "candidates": [_candidate(one) for one in some.to_dict("records")],
    }


def _cell(some: Any, guess: Any) -> dict[str, str]:
    """One box of the strip: who won, how surely, and what bound it; hatched where it is an extrapolation."""
    if len(some):
        first = some.iloc[0]
        unscored = math.isnan(first["error"])
        if unscored and first["lacks"]:
            name, about = decades.incomplete(first["lacks"]).split(", ", 1)
            return {"kind": "absent", "name": name, "about": about, "tip": f"lacks {first['lacks']}"}
        if unscored:
            tip = "No candidate fits its budget"
            return {"kind": "none", "name": "nothing fits", "about": f"{first['binding']} bind", "tip": tip}
        sure = "one seed" if math.isnan(first["best"]) else f"P {first['best']:.2f}"
        words = f"{first['title']}: error {first['error']:.3g}, {sure}; {first['binding'] or 'nothing'} bind"
        kind = "none" if first["technique"] == winners.FLOOR else "net" if first["net"] else "classic"
        return {"kind": kind, "name": first["technique"], "about": f"{first['error']:.3g}, {sure}", "tip": words}
    if len(guess):
        one = guess.iloc[0]
        tip = f"Not run. If straight lines went on, {one['title']} would have the lowest error"
        return {"kind": "guess", "name": one["technique"], "about": "not run: a straight line", "tip": tip}
    return {"kind": "absent", "name": "not run", "about": "", "tip": "not run"}


def _candidate(one: Mapping[Any, Any]) -> dict[str, Any]:
    error = "" if math.isnan(one["error"]) else f"{one['error']:.4g}"
    interval = "" if math.isnan(one["low"]) else f"{one['low']:.3g} to {one['high']:.3g}"
    return {
        "decade": one["decade"],
        "dataset": one["dataset_title"],
        "name": one["title"],
        "asked": one["asked"],
        "size": f"{one['size']:,}" if one["size"] else "",
        "error": error,
        "interval": interval,
        "best": "" if math.isnan(one["best"]) else f"{one['best']:.2f}",
        "bytes": f"{one['bytes']:,}" if one["bytes"] else "",
        "seconds": f"{one['seconds']:.2g}" if error and one["seconds"] else "",
        "binding": one["binding"],
        "why": one["reason"],
    }

"""The timeline's section: a mark for every claim above its technique's year, a card for each, and what quality cost."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from harness import contract
from harness.report.charts import superscript
from harness.screen import duration, number

MARKS = {  # verdict: (shape, whether its mark is hollow); the colour is the class's
    "pass": ("circle", False),
    "fail": ("cross", False),
    "inconclusive": ("circle", True),
    "refused": ("square", True),
    "not run": ("diamond", True),
}
WIDE, NARROW = (1120, 34), (390, 24)  # width; pixels from technique to technique
NAMES, FOOT, STEP = 128, 40, 15  # room for the names, for years and eras; pixels between the marks of one technique
MOST = 64 << 10  # bytes of a sample's picture
COSTS = {"seconds": "Seconds to fit", "flops": "FLOPs to fit"}
ERAS = {name: place for place, (_, name) in enumerate(contract.ERAS)}


def section(found: Mapping[str, Any], whole: bool = True) -> dict[str, Any] | None:
    """All that the page shows of `timeline.exhibit`; None where the rows test no claim and reach no quality.

    whole   the page is of claims: those not run have cards too, with the reason
    """
    if not set(found["counts"]) - {"not run"} and not found["reach"]:
        return None
    techniques = [one | {"carded": _carded(one, whole)} for one in found["techniques"]]
    told = found["reach"]
    return {
        "title": found["headline"],
        "charts": {"wide": across(techniques), "narrow": down(techniques)},
        "cards": [_card(one) for one in techniques if one["carded"]],
        "uncarded": sum(len(one["claims"]) for one in techniques if not one["carded"]),
        "others": [one for one in techniques if not one["claims"]],
        "words": [(word, MARKS[word]) for word in MARKS if found["counts"].get(word)],
        "reach": _reach(told) if told else None,
    }


def _carded(one: Mapping[str, Any], whole: bool) -> bool:
    verdicts = {claim["verdict"] for claim in one["claims"]}
    return bool(verdicts) if whole else bool(verdicts - {"not run"})


def anchor(name: str) -> str:
    """The page's name for a technique's card."""
    return "of-" + "".join(letter if letter.isalnum() else "-" for letter in name)


# ------------------------------------------------------------------------------------------------------------ timeline


def across(techniques: Sequence[Mapping[str, Any]]) -> Markup:
    """Side by side, oldest first: names upright below, years under the first of each, eras as bands."""
    step = min(WIDE[1], (WIDE[0] - 60) / max(1, len(techniques)))
    most = max([len(one["claims"]) for one in techniques] + [1])
    base = 36 + STEP * most
    height = base + NAMES + FOOT
    parts, year, first_era, ends = [], None, None, [0.0, 0.0]  # of the eras' names, in two lines
    for k, one in enumerate(techniques):
        x = 30 + step * (k + 0.5)
        if one["era"] != first_era:
            first_era = one["era"]
            left = x - step / 2 + 5
            row = 0 if ends[0] < left else 1
            ends[row] = left + 6.2 * len(first_era)
            line = Markup('<path class="grid" d="M{:.1f} 4V{}"/><text class="t i{}" x="{:.1f}" y="{}">{}</text>')
            back = ends[row] > WIDE[0]  # its name would end beyond the picture
            drawn = (" e", WIDE[0] - 4) if back else ("", left)
            parts.append(line.format(x - step / 2, height - 6, *drawn, 14 + 14 * row, first_era))
        if one["year"] != year:
            year = one["year"]
            told = Markup('<text class="t" transform="translate({:.1f} {}) rotate(-90)" text-anchor="end">{}</text>')
            parts.append(told.format(x + 4, base + 14, year))
        name = Markup('<text class="t name" transform="translate({:.1f} {}) rotate(-90)" text-anchor="end">{}</text>')
        parts.append(name.format(x + 4, base + 50, _short(one["title"], 20)))
        parts.append(_marks(one, [(x, base - STEP * place - 6) for place in range(max(1, len(one["claims"])))]))
    parts.append(Markup('<path class="axis" d="M24 {0}H{1}"/>').format(base + 4, WIDE[0] - 20))
    return _svg(WIDE[0], height, parts)


def down(techniques: Sequence[Mapping[str, Any]]) -> Markup:
    """From top to bottom, for narrow screens: year, name, marks."""
    parts, year = [], None
    for k, one in enumerate(techniques):
        y = 14 + NARROW[1] * k
        if one["year"] != year:
            year = one["year"]
            parts.append(Markup('<text class="t e" x="36" y="{}">{}</text>').format(y + 4, year))
        parts.append(Markup('<text class="t name" x="48" y="{}">{}</text>').format(y + 4, _short(one["title"], 30)))
        parts.append(_marks(one, [(262 + STEP * place, y) for place in range(max(1, len(one["claims"])))]))
    return _svg(NARROW[0], 14 + NARROW[1] * len(techniques), parts)


def _svg(width: int, height: float, parts: Sequence[Markup], label: str = "") -> Markup:
    role = "img" if label else "group"  # a picture hides the links that it has
    label = label or "Techniques by year; a mark for each claim: passed, failed, inconclusive or not run"
    head = Markup('<svg class="chart timeline" viewBox="0 0 {} {:.0f}" role="{}" aria-label="{}">{}</svg>')
    return head.format(width, height, role, label, Markup("").join(parts))


def _marks(one: Mapping[str, Any], places: Sequence[tuple[float, float]]) -> Markup:
    """The claims' marks, which lead to the card; a dot where there is none."""
    if not one["claims"]:
        (x, y), *_ = places
        tip = f"{one['title']}, {one['year']}: no claim is registered"
        return Markup('<circle class="none" cx="{:.1f}" cy="{:.1f}" r="1.8"><title>{}</title></circle>').format(
            x, y, tip
        )
    marks = []
    for claim, (x, y) in zip(one["claims"], places, strict=False):
        shape, hollow = MARKS[claim["verdict"]]
        told = f"{claim['claim']}: {claim['verdict']}. {claim['sentence']}"
        mark = Markup('<use class="v-{}{}" href="#{}" x="{:.1f}" y="{:.1f}"><title>{}</title></use>')
        hole = " h" if hollow else ""
        marks.append(mark.format(claim["verdict"].replace(" ", "-"), hole, shape, x, y, told))
    if not one["carded"]:
        return Markup('<g class="s">{}</g>').format(Markup("").join(marks))
    link = Markup('<a class="s" href="#{}" aria-label="{}">{}</a>')
    words = f"{one['title']}: {', '.join(claim['verdict'] for claim in one['claims'])}"
    return link.format(anchor(one["name"]), words, Markup("").join(marks))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# --------------------------------------------------------------------------------------------------------------- cards


def _card(one: Mapping[str, Any]) -> dict[str, Any]:
    return dict(one) | {
        "anchor": anchor(one["name"]),
        "claims": [_claim(claim) for claim in one["claims"]],
        "verdicts": [claim["verdict"] for claim in one["claims"]],
    }


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    tests = [test | {"chart": bars(test), "means": _means(test)} for test in claim["tests"]]
    used = sorted({row for test in claim["tests"] for row in test["rows"]})
    return dict(claim) | {
        "tests": tests,
        "took": _arms(claim["tests"]),
        "used": used,
        "cost": f"{len(used)} rows, {duration(claim['seconds'])} of runs" if used else "no row yet",
        "samples": [sample for one in claim["shown"] if (sample := _sample(one))],
    }


def _means(test: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(arm, its mean at each value of what is varied), as measured."""
    if test["values"] is None:
        return []
    return [
        (arm, ", ".join(number(float(np.mean(seeds)), 4) for seeds in at))
        for arm, at in zip(test["arms"], test["values"], strict=False)
    ]


def _arms(tests: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(arm with its dataset and the last of what is varied, what it took there), each once."""
    found = {}
    for test in tests:
        last = [(axis, values[-1]) for axis, values in test["vary"].items()]
        at = ", ".join(f"{axis} {value:,}" if isinstance(value, int) else f"{axis} {value}" for axis, value in last)
        for arm, cost in zip(test["arms"], test["costs"], strict=False):
            found[f"{arm} on {test['dataset']}{', ' if at else ''}{at}"] = _took(cost)
    return list(found.items())


def _took(cost: Mapping[str, float]) -> str:
    """Weights, steps, FLOPs and seconds of an arm: what a fair comparison holds equal, or has to tell."""
    said = [f"{_brief(cost[what])} {what}" for what in ("weights", "steps") if cost.get(what)]
    said += [f"{cost['flops']:.2g} FLOPs"] if cost.get("flops") else []
    return ", ".join([*said, *([duration(cost["seconds"])] if "seconds" in cost else [])])


def _brief(count: float) -> str:
    return f"{count / 1e6:.3g}M" if count >= 1e6 else f"{count:,.0f}"


def bars(test: Mapping[str, Any]) -> Markup:
    """The effect with its 90 % interval, 0 and `least`, on one line; empty where there is no interval."""
    found = test["found"]
    if not found or None in (found["mean"], found["low"], found["high"]) or test["effect"] == "crossover":
        return Markup("")
    least, zero = test["least"], 0.0
    ends = {"mean": found["mean"], "low": found["low"], "high": found["high"]}
    if test["effect"] == "ratio":
        least = math.log(least)
    if test["effect"] in ("bound", "win_rate"):  # the value itself, with the sign that it was judged by
        least *= test["sign"]
        zero = least
    leasts = [least, -least] if test["effect"] == "equivalence" or test["control"] else [least]
    marks = [*ends.values(), *leasts, zero]
    low, high = min(marks), max(marks)
    room = (high - low) * 0.08 or 1.0
    width, left = 240, 6

    def x(value: float) -> float:
        return left + (value - low + room) / (high - low + 2 * room) * (width - 2 * left)

    word = test["verdict"].replace(" ", "-")
    shape, hollow = MARKS[test["verdict"]]
    line = Markup(
        '<svg class="chart effect" viewBox="0 0 {0} 26" role="img" aria-label="{1}">'
        '<path class="grid" d="M{2:.1f} 2V24"/><path class="least" d="{3}"/>'
        '<g class="s v-{4}"><path class="l" d="M{5:.1f} 13H{6:.1f}"/><use{7} href="#{8}" x="{9:.1f}" y="13"/></g></svg>'
    )
    told = f"Effect {test['shown'][0]}, 90 % interval {test['shown'][1]}, least {test['least']:g}"
    drawn = (x(zero), "".join(f"M{x(one):.1f} 2V24" for one in leasts), word, x(ends["low"]), x(ends["high"]))
    return line.format(width, told, *drawn, Markup(' class="h"') if hollow else "", shape, x(ends["mean"]))


def _sample(one: Mapping[str, Any]) -> dict[str, Any] | None:
    """A text, or a strip of pictures as one PNG; None where a row holds what is neither."""
    about = {"by": str(one.get("by")), "on": str(one.get("on")), "name": str(one.get("name"))}
    if isinstance(one.get("text"), str):
        return about | {"text": one["text"], "png": ""}
    shape, pixels = one.get("shape"), one.get("pixels")
    if not (isinstance(shape, list) and len(shape) == 3 and isinstance(pixels, str) and len(pixels) <= 2 * MOST):
        return None
    k, h, w = (int(side) if isinstance(side, int) else 0 for side in shape)
    try:
        data = base64.b64decode(pixels, validate=True)
    except ValueError:
        return None
    if min(k, h, w) < 1 or len(data) != k * h * w or len(data) > MOST:
        return None
    return about | {"text": "", "png": _png(np.frombuffer(data, np.uint8).reshape(k, h, w)), "pictures": k}


def _png(pictures: np.ndarray) -> str:
    """A row of pictures, eight to a line, a pixel apart, in base64."""
    from PIL import Image

    k, h, w = pictures.shape
    columns = min(k, 8)
    lines = -(-k // columns)
    sheet = np.full((lines * (h + 1) - 1, columns * (w + 1) - 1), 128, np.uint8)
    for place, picture in enumerate(pictures):
        y, x = (h + 1) * (place // columns), (w + 1) * (place % columns)
        sheet[y : y + h, x : x + w] = picture
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


# --------------------------------------------------------------------------------------------------- what quality cost


def _reach(told: Mapping[str, Any]) -> dict[str, Any]:
    got = [one for one in told["lines"] if one["seconds"] is not None]
    never = [one["title"] for one in told["lines"] if one["seconds"] is None]
    if got:
        cheap = min(got, key=lambda one: one["seconds"])
        title = (
            f"On {told['title']} the cheapest way to {number(told['score'], 3)} was {cheap['title']} ({cheap['year']})"
        )
    else:
        title = f"On {told['title']} nothing came to {number(told['score'], 3)}"
    return {
        "title": f"{title}.",
        "dataset": told["title"],
        "target": number(told["score"], 3),
        "skill": told["skill"],
        "never": never,
        "charts": {what: reached(got, what) for what in COSTS if any(one[what] for one in got)},
        "where": f"{told['machine']}, {told['device']}",
        "compute": compute(told["lines"], told["skill"]),
    }


def reached(lines: Sequence[Mapping[str, Any]], what: str) -> Markup:
    """Cost against the year of the technique, coloured by era; the stairs are the cheapest so far."""
    points = [one for one in lines if one[what] and one["year"]]
    width, height, left, right, top = 560, 330, 58, 22, 16
    bottom = height - 34
    years = [one["year"] for one in points]
    logs = [math.log10(one[what]) for one in points]
    low, high = math.floor(min(logs) - 0.1), math.ceil(max(logs) + 0.1)
    first, last = min(years) - 3, max(years) + 3

    def x(year: float) -> float:
        return left + (year - first) / max(1, last - first) * (width - left - right)

    def y(power: float) -> float:
        return bottom - (power - low) / (high - low) * (bottom - top)

    parts = [_power(power, left, width - right, y(power)) for power in range(low, high + 1, 1 + (high - low) // 9)]
    for year in range(-(-first // 10) * 10, last + 1, 10):
        parts.append(Markup('<text class="t m" x="{:.1f}" y="{}">{}</text>').format(x(year), bottom + 18, year))
    parts.append(_stairs(points, what, x, y))
    for one in points:
        parts.append(_dot(one, x(one["year"]), y(math.log10(one[what])), f"{COSTS[what].lower()} {one[what]:.3g}"))
    parts += _names([(x(one["year"]), y(math.log10(one[what])), one["title"]) for one in points], width)
    return _svg(width, height, parts, f"{COSTS[what]} against the year of the technique")


def _stairs(points: Sequence[Mapping[str, Any]], what: str, x: Any, y: Any) -> Markup:
    best, path = math.inf, ""
    for one in sorted(points, key=lambda one: (one["year"], one[what])):
        if one[what] < best:
            best = one[what]
            path += f"{'H' if path else 'M'}{x(one['year']):.1f}" + (
                f"V{y(math.log10(best)):.1f}" if path else f" {y(math.log10(best)):.1f}"
            )
    return Markup('<path class="front" d="{}"/>').format(path) if path else Markup("")


def compute(lines: Sequence[Mapping[str, Any]], target: float) -> Markup:
    """Skill against FLOPs of the fit: every row and point on the way, coloured by the era of its technique."""
    points = [(math.log10(f), s, one) for one in lines for f, s in one["points"] if f and f > 0 and s is not None]
    if not points:
        return Markup("")
    width, height, left, right, top = 1120, 360, 58, 22, 16
    bottom = height - 34
    low, high = math.floor(min(p for p, _, _ in points)), math.ceil(max(p for p, _, _ in points))
    worst, best = min(0.0, *(max(s, -0.2) for _, s, _ in points)), max(1.0, *(s for _, s, _ in points))

    def x(power: float) -> float:
        return left + (power - low) / max(1, high - low) * (width - left - right)

    def y(skill: float) -> float:
        return bottom - (max(skill, worst) - worst) / (best - worst) * (bottom - top)

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        grid = Markup('<path class="grid" d="M{} {:.1f}H{}"/><text class="t e" x="{}" y="{:.1f}">{}</text>')
        parts.append(grid.format(left, y(tick), width - right, left - 6, y(tick) + 4, f"{tick:g}"))
    for power in range(low, high + 1, 1 + (high - low) // 12):
        told = Markup('<text class="t m" x="{:.1f}" y="{}">10{}</text>')
        parts.append(told.format(x(power), bottom + 18, superscript(power)))
    parts.append(Markup('<path class="least" d="M{} {:.1f}H{}"/>').format(left, y(target), width - right))
    for work, skill, one in points:
        parts.append(_dot(one, x(work), y(skill), f"{10**work:.3g} FLOPs, skill {skill:.3f}", small=True))
    return _svg(width, height, parts, "Skill against FLOPs of the fit, by era")


def _dot(one: Mapping[str, Any], x: float, y: float, told: str, small: bool = False) -> Markup:
    mark = Markup('<circle class="era{}" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>')
    place = ERAS.get(one["era"], len(ERAS) - 1)
    return mark.format(place, x, y, 2.6 if small else 4.4, f"{one['title']}, {one['year']}: {told}")


def _names(points: Sequence[tuple[float, float, str]], width: float) -> list[Markup]:
    """Names beside their dots, those left out that would lie on another."""
    taken: list[tuple[float, float, float]] = []
    found = []
    for x, y, name in sorted(points, key=lambda point: point[1]):
        name = _short(name, 22)
        end = x + 9 + 6.3 * len(name)
        back = end > width
        start, stop = (x - 9 - 6.3 * len(name), x - 9) if back else (x + 9, end)
        if any(abs(y - other) < 13 and start < last and first < stop for first, last, other in taken):
            continue
        taken.append((start, stop, y))
        text = Markup('<text class="t n{}" x="{:.1f}" y="{:.1f}">{}</text>')
        found.append(text.format(" e" if back else "", x - 9 if back else x + 9, y + 4, name))
    return found


def _power(power: int, left: float, right: float, y: float) -> Markup:
    grid = Markup('<path class="grid" d="M{} {:.1f}H{}"/><text class="t e" x="{}" y="{:.1f}">10{}</text>')
    return grid.format(left, y, right, left - 6, y + 4, superscript(power))

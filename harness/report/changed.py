"""What changed since last time: the newest outcome of `eras compare` that lies beside the rows, drawn as a forest."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from markupsafe import Markup

from harness.compare import gauge, words

LARGEST = 64 << 20  # bytes of an outcome
MOST = 60  # timings that are drawn; the table has all
FORMS = {"wide": (1040, 330, 26), "narrow": (390, 150, 26)}  # width, left margin, pixels a row
REACH = math.log(2)  # the picture ends at half and twice; intervals that go on are cut there
TICKS = (-0.5, -0.3, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


def newest(folders: Iterable[Path]) -> tuple[dict[str, Any] | None, list[str]]:
    """The newest outcome below the folders of rows, and what could not be read of it."""
    files = [path for folder in folders if folder.is_dir() for path in folder.rglob("compare/*.json")]
    if not files:
        return None, []
    path = max(files, key=lambda file: file.name)
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"over {LARGEST >> 20} MiB")
        found = json.loads(path.read_text(encoding="utf-8"))
        section(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return None, [f"{path.name} is not an outcome of `eras compare` that can be read: {error}"]
    return found, []


def section(found: dict[str, Any]) -> dict[str, Any]:
    """All that the page shows of it."""
    told = [finding | {"change_words": words.change(finding)} for finding in found["findings"]]
    timed = [finding for finding in found["findings"] if finding.get("change") is not None]
    return {
        "title": words.headline(found),
        "facts": words.facts(found),
        "forests": {form: forest(timed[:MOST], form) for form in FORMS} if timed else {},
        "drawn": min(len(timed), MOST),
        "timed": len(timed),
        "rows": [one for one in told if one["word"] != gauge.SAME],
        "same": [one for one in told if one["word"] == gauge.SAME],
        "counts": ", ".join(f"{count} {word}" for word, count in found["counts"].items()),
        "classes": {word: word.lower().replace(" ", "-") for word in words.ORDER},
    }


def forest(timed: list[dict[str, Any]], form: str) -> Markup:
    """One line for each timing: the change and its 99 % interval on a log axis, the zone of SAME shaded."""
    width, left, step = FORMS[form]
    ends = [abs(math.log1p(one[end])) for one in timed for end in ("low", "high")]
    reach = min(REACH, max(1.1 * max(ends), math.log(1.12)))
    right, base = width - 14, 12 + step * len(timed)

    def x(change: float) -> float:
        share = (min(max(math.log1p(change), -reach), reach) + reach) / (2 * reach)
        return left + 10 + share * (right - left - 10)

    zone = Markup('<rect class="zone" x="{:.1f}" y="6" width="{:.1f}" height="{}"/>')
    parts = [zone.format(x(-gauge.ZONE), x(gauge.ZONE) - x(-gauge.ZONE), base - 6)]
    taken = -math.inf
    for tick in TICKS:
        if abs(math.log1p(tick)) > reach or x(tick) - taken < 44:
            continue
        taken = x(tick)
        parts.append(Markup('<path class="grid" d="M{:.1f} 6V{}"/>').format(x(tick), base))
        told = f"{tick:+.0%}" if tick else "0"
        parts.append(Markup('<text class="t m" x="{:.1f}" y="{}">{}</text>').format(x(tick), base + 18, told))
    room = 48 if form == "wide" else 21
    line = Markup(
        '<g class="s word-{0}"><title>{1}</title><text class="t e" x="{2}" y="{3}">{4}</text>'
        '<path class="l" d="M{5:.1f} {6}H{7:.1f}"/><use href="#circle" x="{8:.1f}" y="{6}"/></g>'
    )
    for k, one in enumerate(timed):
        y = 12 + step * k + step // 2
        name = f"{one['cell']}, {words.QUANTITIES[one['quantity']]}".rstrip(", ")
        short = name if len(name) <= room else name[: room - 1] + "…"
        kind = one["word"].lower().replace(" ", "-")
        told = f"{name}: {one['word']}, {words.change(one)}"
        parts.append(line.format(kind, told, left, y + 4, short, x(one["low"]), y, x(one["high"]), x(one["change"])))
    label = f"Change of {len(timed)} timings from base to head, with 99 % intervals"
    head = Markup('<svg class="chart forest" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return head.format(width, base + 26, label, Markup("").join(parts))

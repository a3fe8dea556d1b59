"""How a line looks, the same in the page and in the figures: colour by era, shade and shape by technique."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness import contract

LIGHT = ("#0072b2", "#a63d80", "#00795c", "#bf4f00", "#7d6200")  # by era; after Okabe and Ito, darkened to 4:1 on white
DARK = ("#58b0e3", "#e08fc0", "#35c39b", "#ff9550", "#d8b63a")
PAPER, INK = ("#ffffff", "#15181c"), ("#1c1b19", "#e8e6e1")  # light, dark
SHADES = (0.0, 0.5, -0.25)  # within an era: as it is, towards the ink, towards the paper
SHAPES = {  # (page: SVG path around the origin, figures: matplotlib marker)
    "circle": ("M-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0-8.4 0z", "o"),
    "square": ("M-3.8-3.8h7.6v7.6h-7.6z", "s"),
    "up": ("M0-5L4.8 3.8H-4.8z", "^"),
    "diamond": ("M0-5.2L5.2 0 0 5.2-5.2 0z", "D"),
    "down": ("M0 5L4.8-3.8H-4.8z", "v"),
    "plus": ("M-1.7-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z", "P"),
    "left": ("M-5 0L3.8-4.8V4.8z", "<"),
    "star": ("M0-5.8L1.5-1.9 5.6-1.8 2.4.8 3.4 4.7 0 2.4-3.4 4.7-2.4.8-5.6-1.8-1.5-1.9z", "*"),
    "cross": ("M-5-2.6L-2.6-5 0-2.4 2.6-5 5-2.6 2.4 0 5 2.6 2.6 5 0 2.4-2.6 5-5 2.6-2.4 0z", "X"),
    "right": ("M5 0L-3.8-4.8V4.8z", ">"),
    "pentagon": ("M0-5.2L5-1.6 3.1 4.2H-3.1L-5-1.6z", "p"),
    "hexagon": ("M0-5L4.4-2.5V2.5L0 5-4.4 2.5V-2.5z", "h"),
}


ROLES = {  # of the pooled picture: (name, colour on light paper, on dark paper, shape)
    "traditional": ("traditional", "#00795c", "#35c39b", "square"),
    "small": ("small net", "#c8742a", "#b9733c", "up"),
    "medium": ("medium net", "#ad4400", "#ee8a45", "circle"),
    "large": ("large net", "#6b2200", "#ffcfa6", "diamond"),
}


@dataclass(frozen=True)
class Style:
    """One line of a picture. `number` is its place in the legend, which runs through the eras.

    hollow   marks are outlines: the default of a technique that is drawn tuned too
    """

    number: int
    label: str
    era: str
    light: str
    dark: str
    shape: str
    dashed: bool
    hollow: bool = False

    @property
    def marker(self) -> str:
        return SHAPES[self.shape][1]


def untuned(arm: str) -> str:
    """The arm that this one is a tuned form of: itself, where it is none."""
    return re.sub(r" tuned \d+", "", arm)


def styles(points: pd.DataFrame) -> dict[tuple[str, str, str], Style]:
    """{(arm, device, machine): Style}, oldest technique first. Another device than cpu is dashed.

    One shape and colour per arm, which its tuned form shares; beside that the default's marks are hollow.
    """
    names = ["year", "title", "arm", "device", "machine", "label", "era"]
    lines = points[names].drop_duplicates(["arm", "device", "machine"]).sort_values(names, na_position="last")
    eras = [name for _, name in contract.ERAS]
    looks: dict[str, tuple[str, int]] = {}  # era and rank within it, by untuned arm in the order of the shapes
    tuned = {untuned(arm) for arm in lines["arm"] if untuned(arm) != arm}
    found: dict[tuple[str, str, str], Style] = {}
    for number, line in enumerate(lines.to_dict("records")):
        arm, era = untuned(line["arm"]), line["era"]
        looks.setdefault(arm, (era, len([other for other, _ in looks.values() if other == era])))
        shape = list(SHAPES)[list(looks).index(arm) % len(SHAPES)]
        hue = eras.index(era) if era in eras else len(eras) - 1
        shade = SHADES[looks[arm][1] % len(SHADES)]
        light, dark = (
            _mix(base[hue], INK[k] if shade > 0 else PAPER[k], abs(shade)) for k, base in enumerate((LIGHT, DARK))
        )
        key = (line["arm"], line["device"], line["machine"])
        hollow = line["arm"] == arm and arm in tuned
        found[key] = Style(number, line["label"], era, light, dark, shape, line["device"] != "cpu", hollow)
    return found


def _mix(one: str, other: str, share: float) -> str:
    """A colour `share` of the way from one to the other."""
    pairs = [(int(one[k : k + 2], 16), int(other[k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def key(line: Mapping[Any, Any] | pd.Series) -> tuple[str, str, str]:
    """The line of a picture that a point belongs to."""
    return line["arm"], line["device"], line["machine"]


NEAR = 20  # times the largest value: so far away a limit is still drawn
COSTS = {  # column: (title with its unit, smallest value that is resolved, column of what a cell was allowed at most)
    "fit_seconds": ("Seconds to fit", 0.0, "time_limit"),
    "throughput": ("Answers per second", 0.0, ""),
    "extra_mib": ("Memory that the fit took, MiB", 1.0, "memory_limit"),
}

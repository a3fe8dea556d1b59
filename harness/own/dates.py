"""Dates that are written in other ways than the ISO's, which Arrow reads by itself."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from harness.own.columns import Column, Scan, as_numbers

DATES = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y", "%Y/%m/%d", "%d %b %Y", "%b %d, %Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M:%SZ")


def formats(texts: list[str]) -> list[str]:
    """The common ways to write dates that fit all these texts."""
    array = pa.array(texts, pa.string())
    ways = [f"{date}{clock}" for clock in CLOCKS for date in DATES]
    fit = [way for way in ways if not pc.strptime(array[:1], way, "s", error_is_null=True).null_count]
    return [way for way in fit if texts and not pc.strptime(array, way, "s", error_is_null=True).null_count]


def days(scan: Scan, column: Column) -> tuple[np.ndarray, list[str], int]:
    """((n,) float64 days since 1970 or NaN, the ways to write dates that fit, the first row that is none or -1).

    More than one way fits where no day is above 12: the values are those of the first.
    """
    likely = formats(column.sample) or formats(column.sample[:1])[:1]
    if not likely:
        return np.array([]), [], 0
    texts = pa.array(list(scan.texts(column.name)), pa.string())
    absent = np.asarray(texts.is_null())
    found: dict[str, np.ndarray] = {}
    for way in likely:
        numbers = as_numbers(pa.chunked_array([pc.strptime(texts, way, "s", error_is_null=True)]), "date")
        wrong = np.isnan(numbers) & ~absent
        if not wrong.any():
            found[way] = numbers
    if found:
        return next(iter(found.values())), list(found), -1
    return np.array([]), [], int(wrong.argmax())

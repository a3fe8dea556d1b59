"""Published figures to lay over our own: other people's machines, versions and splits, one run each, no seeds.

benchm-ml: Pafka, "Simple/limited/incomplete benchmark for scalability, speed and accuracy of machine learning
libraries" (github.com/szilard/benchm-ml at 941dfd4, MIT licence), 2015 to 2016, 32 cores with 60 GB (with 250 where the
note says so). Its CSV files count, for its figures were drawn from them; where a CSV file has nothing, the README's
number stands. `note` tells each place where the two differ.
"""

import csv
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "published"
# Overlay: dataset of ours -> (its name in the file, what to know when comparing).
DATASETS = {
    "benchm-ml": {
        "higgs": ("higgs", "trained on the first rows of the file, tested on the last 100,000"),
        "higgs_7k": (
            "higgs",
            "other rows of HIGGS: trained on the first of 11,000,000, tested on the last 100,000; the 500 test rows of "
            "the sample are easier than itself: boosting has an AUC of .83 there, .77 over five folds of its own rows",
        ),
        "flights_nyc13": (
            "airline",
            "the same kind of task on other rows: flights of the whole United States, trained on 2005 and 2006, "
            "tested on 100,000 of 2007, late by more than 15 minutes",
        ),
        "airline": ("airline", "trained on flights of 2005 and 2006, tested on 100,000 of 2007"),
    }
}


def names() -> list[str]:
    """The overlays there are."""
    return sorted(DATASETS)


def overlay(name: str, dataset: str) -> list[dict[str, Any]]:
    """The published figures of a dataset, in the file's order; LookupError for an overlay or dataset that is not there.

    dataset, technique, tool, metric, source, note    text; `note` is the row's own, else what to know of the dataset
    size                                              training rows
    value                                             score between 0 and 1; None where the run crashed
    seconds, gigabytes                                of training; None where not told
    """
    if name not in DATASETS:
        raise LookupError(f"no published figures by the name of {name!r}; there are: {', '.join(names())}")
    known = DATASETS[name]
    if dataset not in known:
        raise LookupError(f"{name} has nothing on {dataset!r}; it has: {', '.join(known)}")
    theirs, remark = known[dataset]
    with (FOLDER / f"{name.replace('-', '_')}.csv").open(encoding="utf-8", newline="") as file:
        rows: list[dict[str, Any]] = [row for row in csv.DictReader(file) if row["dataset"] == theirs]
    for row in rows:
        row["size"] = int(row["size"])
        row |= {key: float(row[key]) if row[key] else None for key in ("value", "seconds", "gigabytes")}
        row["note"] = row["note"] or remark
    return rows

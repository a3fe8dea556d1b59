"""Rows of `tox -e anchors`, committed under results/, against published figures.

Fashion-MNIST: Xiao, Rasul & Vollgraf 2017, benchmark of the dataset's authors (MLP with 100 and 10 units; linear).
"""

from statistics import mean

import pytest

from harness import catalogue
from harness.store import Store

PUBLISHED = {("mlp", "[100, 10]"): 0.870, ("logistic_regression", ""): 0.839}
ROWS = [
    row
    for path in sorted((catalogue.ROOT / "results").glob("*/anchors.jsonl"))
    for row in Store(path.parent).rows.values()
    if row["key"]["size"] == 60_000
]


@pytest.mark.parametrize("technique, hidden", PUBLISHED, ids=lambda v: v or "-")
def test_published_figure(technique, hidden):
    found = [
        row
        for row in ROWS
        if row["key"]["technique"] == technique and str(row["key"]["keywords"].get("hidden", "")) == hidden
    ]
    assert len(found) >= 3, "run `tox -e anchors` and commit its rows"
    assert all(row["status"] == "ok" and row["time"]["answers"] == 10_000 for row in found)
    scores = [row["quality"]["test"]["accuracy"] for row in found]
    assert mean(scores) == pytest.approx(PUBLISHED[technique, hidden], abs=0.01)


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['key']['technique']}-{r['key']['seed']}")
def test_the_code_is_still_the_one_that_was_run(row):
    """A changed technique, task or dataset file asks for new anchor rows."""
    key = row["key"]
    found = (
        catalogue.technique(key["technique"]),
        catalogue.find("task", key["task"]),
        catalogue.dataset(key["dataset"]),
    )
    assert catalogue.code_hash(*found) == key["code"], "run `tox -e anchors` again and commit its rows"
    assert catalogue.fingerprint(found[2]) == key["fingerprint"]

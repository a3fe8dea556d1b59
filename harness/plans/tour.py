"""The first look: how techniques fare as data grow, on the datasets that are here. At most 10 minutes on 2 cores.

Runs on embedded and generated data alone; Fashion-MNIST and Adult join where they are. Expect: linear models and
forests lead on small tables; boosting and the MLP pass them from some hundreds or thousands of rows. Of the
decades' compressed ladder tables are part of it, with one seed: some two minutes.
"""

from dataclasses import replace

from harness.contract import Block, Plan
from harness.data import left_out
from harness.plans import decades

TECHNIQUES = (  # those that ten minutes hold; `eras run curves` has all
    *("logistic_regression", "ridge", "naive_bayes", "knn", "decision_tree", "kernel_svm", "random_forest"),
    *("gradient_boosting", "hog_svm", "mlp", "lenet"),
)
SMALL = ("iris", "wine", "breast_cancer", "diabetes", "digits", "hastie", "friedman1")
GRID = (32, 100, 316, 1_000, 3_162, 10_000, 31_623)


def plan(machine):
    """Three seeds each. What is not here, or does not fit this machine, is told."""
    techniques, told = TECHNIQUES, []
    missing = [name for name in ("fashion_mnist", "adult") if name not in machine["here"]]
    for name in missing:
        told.append(left_out(name))
    largest = 31_623 if len(missing) == 2 else 10_000  # with more datasets, the same minutes reach less far in each
    if (machine["memory"] or 0) < 6e9:
        largest = 3_162
        told.append("less than 6 GB of memory: sizes above 3,162 are left out")
    tables = tuple(size for size in GRID if size <= largest)
    datasets = SMALL if "adult" in missing else (*SMALL, "adult")
    blocks = [Block(techniques, datasets, tables, {largest: 3})]
    if "fashion_mnist" not in missing:
        blocks.append(Block(techniques, ("fashion_mnist",), GRID[1:5], {3_162: 3}))
    ladder, account = decades.entered(("compressed",), machine, 2020, {10**9: 1}, ("tables",))
    ladder = tuple(replace(block, later=-2) for block in ladder)  # a search waits two rounds, and here has no time to
    told.append("of the decades only tables are here: `eras run decades` has pictures and text too")
    return Plan(blocks=(*blocks, *ladder), seconds=555, told=tuple(told), account=account)

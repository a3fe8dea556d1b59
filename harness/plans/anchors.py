"""Published figures, run again: Fashion-MNIST in full, by the two techniques its authors measured. About 5 minutes.

Expect test accuracy .870 +- .01 for the MLP with hidden layers of 100 and 10 units, and .839 +- .01 for the
linear model (Xiao, Rasul & Vollgraf 2017, benchmark of the dataset's authors).
tests/test_anchors.py checks the committed rows.
"""

from harness.contract import Block, Plan


def plan(machine):
    """Three seeds of each on all 60,000 training images."""
    techniques = ("mlp[hidden=(100, 10)]", "logistic_regression")
    return Plan(blocks=(Block(techniques, ("fashion_mnist",), (60_000,), {60_000: 3}),))

"""The scale curve: performance against data size, classic methods against nets, on five families of data. A night.

Ng's figure as a measurement. Of each family: every classic method, each also with a fifth of its rows held out, below
3,000 rows with each fifth in turn, so that the best of them can be chosen on validation; and a small, a medium and a
large net of one architecture. Then the tuning ladder, best of 8 and of 32 draws, at some sizes. Six hours by default;
rounds go breadth first, so `--budget 30m` gives a first page. Registered before the first run: classic methods lead at
small n, nets' slopes are steeper, at the largest n the larger net is the better, and images, text and sound have a
crossing; tables may have none.
"""

from harness.contract import Block, Plan
from harness.data import left_out
from harness.plan import FOLDED, FOLDS, GRID, held_out

FAMILIES = {  # "whole/sample": the sample where the whole is absent
    "tables": (
        "adult",
        "covtype/covtype_20k",
        "kddcup99_10pct",
        "flights_nyc13",
        "higgs/higgs_7k",
        "letter",
        "teacher",
    ),
    "images": ("fashion_mnist", "usps", "cifar10/cifar10_jpeg_6k", "glyphs"),
    "text": ("sst2", "reuters_r8", "trec", "ag_news/imdb/ag_news_test"),
    "language": ("tinyshakespeare", "ptb", "pcfg"),
    "sound": ("fsdd_3spk", "tones"),
}
CLASSIC = {
    "tables": (
        *("logistic_regression", "naive_bayes", "knn", "kernel_svm", "kernel_ridge", "decision_tree"),
        *("random_forest", "gradient_boosting"),
    ),
    "images": ("logistic_regression", "knn", "kernel_svm", "kernel_ridge", "random_forest", "hog_svm"),
    "text": ("naive_bayes", "tfidf_svm"),
    "language": ("kneser_ney",),
    "sound": ("mfcc_gmm",),
}
NETS = {  # small, medium and large
    "tables": ("resnet_mlp[width=32, blocks=1]", "resnet_mlp", "resnet_mlp[width=512]"),
    "images": ("alexnet[width=8]", "alexnet[width=16]", "alexnet"),
    "text": ("transformer[width=32, layers=1]", "transformer[width=64, layers=2]", "transformer[layers=2]"),
    "language": ("transformer[width=32, layers=1]", "transformer[width=64, layers=2]", "transformer"),
    "sound": ("lstm[width=32]", "lstm[width=64]", "lstm"),
}
OTHERS = {  # nets beside the three, with fewer seeds
    "tables": ("mlp",),
    "images": ("lenet",),
    "text": ("lstm",),
    "language": ("lstm",),
    "sound": ("transformer[layers=2]",),
}
BEYOND = (3_162_278, 10_000_000)  # on a GPU; of a running text, whose grid starts at 1,000 tokens, on a CPU too
HALF = ("tables", "images", "sound")  # nets in bfloat16 where the CPU multiplies it; small Transformers get slower
WHOLE = {"fashion_mnist": 60_000, "tinyshakespeare": 1_003_854, "ptb": 929_589, "fsdd_3spk": 1_350}  # beside the grid
SEEDS = {316: 20, 3_162: 10, 31_623: 5, 100_000_000: 3}
LADDER = {  # sizes of the search, on the first dataset of each family
    "tables": (316, 3_162),
    "images": (316, 3_162),
    "text": (316, 3_162),
    "language": (31_623, 316_228),
    "sound": (316, 1_000),
}


def plan(machine):
    """All that is here; what is not is told. On a GPU sizes go beyond a million."""
    told, blocks = [], []
    fast = machine["device"] == "cuda"
    dtype = "bfloat16" if fast or machine["bfloat16"] else ""  # every GPU of the last years multiplies it
    for family, datasets in FAMILIES.items():
        found = [_present(names.split("/"), machine["here"]) for names in datasets]
        told += [left_out(name) for name, is_here in found if not is_here]
        sizes: tuple[int, ...] = GRID[3:] if family == "language" else GRID
        if fast or family == "language":
            sizes = (*sizes, *BEYOND)
        for place, name in enumerate(name for name, is_here in found if is_here):
            blocks += _of_dataset(family, name, sizes, dtype, 0 if place == 0 else 1)
    if not fast:
        told.append("sizes above 1,000,000 are left out, but for language: they are for `--device cuda`")
    return Plan(blocks=tuple(blocks), seconds=6 * 3600, told=tuple(told))


def _present(names, here):
    """(the first of the names that is here, or else the last; whether it is)"""
    found = [name for name in names if name in here]
    return (found or names[-1:])[0], bool(found)


def _of_dataset(family, name, sizes, dtype, later):
    """The blocks of one dataset; each family's first one goes ahead of the others."""
    dtype = dtype if family in HALF else ""
    techniques = CLASSIC[family] + NETS[family]
    blocks = [Block(techniques, (name,), sizes, SEEDS, dtype=dtype, later=later)]
    blocks.append(Block(OTHERS[family], (name,), sizes, {sizes[-1]: 3}, dtype=dtype, later=later))
    if len(CLASSIC[family]) > 1:  # one alone needs no choice
        for held in held_out(FOLDS):
            some = sizes if "fold" not in held else tuple(size for size in sizes if size < FOLDED)
            blocks.append(Block(CLASSIC[family], (name,), some, SEEDS, held, later=later))
    if name in WHOLE:
        blocks.append(Block(techniques, (name,), (WHOLE[name],), {WHOLE[name]: 3}, dtype=dtype, later=later))
    if later == 0:
        for tune, seeds in ((8, 3), (32, 1)):
            sizes = LADDER[family]
            blocks.append(Block(techniques, (name,), sizes, {sizes[-1]: seeds}, tune=tune, dtype=dtype))
    return blocks

"""The claims of techniques that had rows before they had a claim, and the cells that all claims need.

A claim in a technique's own card is the usual place, and no part of the hash in the key of its rows. These stand here
because a file that had no claim has to import their names, which is part of the hash: its rows would become stale.
Their thresholds were written down in the project's list of claims before anything ran; what was known at registration
each tells.
"""

from harness.claims import blocks, datasets_of, needed_by, of_cards, place_of
from harness.contract import Arm, Budget, Claim, Plan, Test
from harness.data import absence

TREE, FOREST = Arm("decision_tree"), Arm("random_forest")
BOOSTING, LINEAR = Arm("gradient_boosting"), Arm("logistic_regression")
SIZES = (316, 1_000, 3_162, 10_000)
LENET, MLP = Arm("lenet"), Arm("mlp", {"hidden": (300, 100)})
HOG = Arm("hog_svm")
CLOTHES, SHIFTED, PERMUTED = ("fashion_mnist",), ("fashion_mnist_shifted",), ("fashion_mnist_permuted",)
TEXTS = {"ptb": (10_000, 100_000, 929_589), "tinyshakespeare": (10_000, 100_000, 1_003_854)}

CLAIMS = (
    Claim(
        # Written 2026-11-21, when these cells had 3 of the 5 seeds on Adult and 1 on the others: on KDD Cup 1999 a
        # tree's .996 leaves no room for a whole point, and boosting comes to .60 there; both stay as they are.
        name="P10 trees",
        known="three of the five seeds on Adult and one on the others. Seen since: on KDD boosting's accuracy falls "
        "with more data, .988 at 1,000 rows, .955 at 3,162, .826 at 10,000 (.596 to .934 by seed), where logistic "
        "regression comes to .995: that points to numerical trouble with rare classes",
        sentence="A forest beats a single tree, boosting beats a linear model, and boosting gains more from data.",
        datasets=("adult", "kddcup99_10pct", "flights_nyc13"),
        tests=(
            Test("difference", (FOREST, TREE), "accuracy", 0.01, 0.02, 5, {"size": (10_000,)}, ()),
            Test("difference", (BOOSTING, LINEAR), "accuracy", 0.01, 0.02, 5, {"size": (10_000,)}, ()),
            Test("slope_gap", (BOOSTING, LINEAR), "accuracy", 0.0, 0.01, 5, {"size": SIZES}, ()),
        ),
        belief=0.95,
        published="airline, AUC at n = 10,000 and 10,000,000: linear 67.6 and 71.1, forest 69.8 and 77.8, "
        "boosting 70.3 and 78.7 (benchm-ml); Breiman 2001; Friedman 2001",
        stand_in="KDD Cup 1999 and flights for Covertype; California's prices, which have no accuracy, are left out",
        left_out="sizes up to 500,000; that boosting errs no more than a forest; a tree and boosting of our own (they "
        "are scikit-learn's and LightGBM's); one coding of categories for all arms; a negative control",
    ),
    Claim(
        # Written 2026-11-21, when Kneser-Ney had rows of order 5 at 10,000 and 100,000 tokens, with one seed on PTB
        # and three on Tiny Shakespeare; the two others had none anywhere. Each cell is a test: the claim is of all.
        name="P6 Kneser-Ney",
        known="Kneser-Ney's losses of order 5 at two sizes with one to three seeds; none of the others. The card "
        "entered the repository at 00:29:22, after 97 of its 162 rows had begun, the first at 00:10:15 (UTC, 22 "
        "November 2026); these rows name the claim",
        sentence="At orders 2, 3 and 5 and every size of the text Kneser-Ney has a lower loss than add-k and "
        "Jelinek-Mercer.",
        datasets=tuple(TEXTS),
        tests=tuple(
            Test(
                "difference",
                (Arm("kneser_ney", {"order": order}), Arm(other, {"order": order})),
                "loss",
                0.0,
                0.05,
                3,
                {"size": (size,)},
                (),
                datasets=(dataset,),
            )
            for dataset, sizes in TEXTS.items()
            for size in sizes
            for order in (2, 3, 5)
            for other in ("add_k", "jelinek_mercer")
        ),
        belief=0.98,
        published="modified Kneser-Ney is ahead of all other smoothings at every size of the text (Chen & Goodman)",
        left_out="orders 1, 4 and 6; a negative control; a bootstrap over the test text: with all of a text the seeds "
        "turn it round, so that the interval has no variance of the data",
    ),
    Claim(
        # Written 2026-11-21, when there were no rows of this size, but a test of the technique's file that has it
        # come within the same 3 of 141.2: a reproduction to be kept, not a guess.
        name="P6 published",
        known="a test of the technique's file had come within the same 3: a reproduction to be kept, not a guess",
        sentence="Kneser-Ney of order 5 comes to its published perplexity on the Penn Treebank.",
        datasets=("ptb",),
        tests=(Test("equivalence", (Arm("kneser_ney"),), "perplexity", 3, 141.2, 2, {"size": (929_589,)}, ()),),
        belief=0.98,
        published="test perplexity 141.2 of KN5 (Mikolov et al. 2011)",
        left_out="variance of the data: the seeds turn one text round, and nothing else is random",
    ),
    Claim(
        # Written 2026-11-21, as the one before: no rows, but a test of the file that has it come within .001.
        name="P6 characters",
        known="a test of the technique's file had come within .001: a reproduction to be kept, not a guess",
        sentence="Kneser-Ney of order 6 comes to 1.558 nats a character on Tiny Shakespeare.",
        datasets=("tinyshakespeare",),
        tests=(
            Test(
                "equivalence",
                (Arm("kneser_ney", {"order": 6}),),
                "loss",
                0.01,
                1.558,
                2,
                {"size": (1_003_854,)},
                (),
            ),
        ),
        belief=0.98,
        published="1.558 nats a character: computed for the project's list of claims by another implementation, on "
        "nanoGPT's split, whose validation text is the test part here",
        left_out="variance of the data: the seeds turn one text round, and nothing else is random",
    ),
    Claim(
        # Written 2026-11-21, when LeNet had 3 seeds of this budget at 1,000 and 10,000 pictures; an MLP of these
        # layers had none, and neither had any on the shifted and the permuted ones. Where the arms are exchanged, more
        # is what the claim denies or what falls: the gap with n, and the gain from neighbours where there are none.
        name="D2 LeNet",
        known="LeNet's accuracy with three seeds at 1,000 and 10,000 pictures; none of this MLP. The card entered the "
        "repository at 00:29:22, after 18 of its 42 rows had begun, the first at 00:09:37 (UTC, 22 November 2026); "
        "these rows name the claim",
        sentence="Local shared weights beat a fully connected net with more weights at every n, most at small n, and "
        "stand shifts; with permuted pixels their advantage is gone.",
        datasets=CLOTHES,
        tests=(
            Test("difference", (LENET, MLP), "accuracy", 0.005, 0.02, 5, {"size": (1_000,)}),
            Test("difference", (LENET, MLP), "accuracy", 0.005, 0.02, 5, {"size": (10_000,)}),
            Test("difference", (LENET, MLP), "accuracy", 0.005, 0.02, 3, {"size": (60_000,)}),
            Test("interaction", (MLP, LENET), "accuracy", 0.0, 0.02, 3, {"size": (1_000, 60_000)}),
            Test("difference", (LENET, MLP), "accuracy", 0.1, 0.2, 3, {"size": (60_000,)}, datasets=SHIFTED),
            Test("noninferiority", (MLP, LENET), "accuracy", -0.005, 0.01, 5, {"size": (10_000,)}, datasets=PERMUTED),
        ),
        belief=0.98,
        left_out="MNIST itself, with an error of 1.2 % at most from 60,000 pictures",
        published="error on MNIST: LeNet-5 .95 %, 784-300-100-10 3.05 % (LeCun et al. 1998)",
        stand_in="Fashion-MNIST for MNIST",
    ),
    Claim(
        # Registered 2026-11-22, when there were no rows of these keywords anywhere.
        name="D4 Zaremba's small LSTM",
        sentence="Two layers of 200 cells, thirteen times over the Penn Treebank, come to the published perplexity.",
        datasets=("ptb",),
        tests=(
            Test(
                "equivalence",
                (Arm("lstm", {"width": 200, "layers": 2, "block": 20, "dropout": 0.0}),),
                "perplexity",
                4.0,
                114.5,
                3,
                budget=Budget("tokens", 12_084_000),
            ),
        ),
        belief=0.8,
        left_out="Tiny Shakespeare against Kneser-Ney of order 6, alone and mixed with it; the medium network; the "
        "loss by length of context; shuffled characters as a negative control",
        published="114.5 on the test text (1409.2329, table 1); plain gradient descent there, Adam here",
        gpu=True,
    ),
    Claim(
        # Written 2026-11-21, when both arms had 3 of the seeds on Fashion-MNIST at 1,000 and 10,000, and 1 on the
        # glyphs; at 60,000 only the linear classifier had any. That is logistic regression: there is no linear SVM of
        # raw pixels here, and HOG's is linear. At 60,000 glyphs HOG and SVM would take a quarter of an hour a seed.
        name="P11 HOG",
        known="both arms' accuracies with three seeds on Fashion-MNIST and one on the glyphs. The card entered the "
        "repository at 00:29:22, after 24 of its 42 rows had begun, the first at 00:09:34 (UTC, 22 November 2026); "
        "these rows name the claim",
        left_out="bags of SIFT and Canny's edges as arms; the glyphs at 60,000; the same classifier for both (HOG has "
        "a linear SVM, raw pixels have logistic regression); a negative control",
        sentence="Designed features, histograms of gradients, beat raw pixels for a linear classifier at every n.",
        datasets=CLOTHES,
        tests=(
            Test("difference", (HOG, LINEAR), "accuracy", 0.02, 0.04, 5, {"size": (1_000,)}, ()),
            Test("difference", (HOG, LINEAR), "accuracy", 0.02, 0.04, 5, {"size": (10_000,)}, ()),
            Test("difference", (HOG, LINEAR), "accuracy", 0.02, 0.04, 3, {"size": (60_000,)}, ()),
            Test("difference", (HOG, LINEAR), "accuracy", 0.02, 0.04, 5, {"size": (1_000,)}, (), datasets=("glyphs",)),
            Test("difference", (HOG, LINEAR), "accuracy", 0.02, 0.04, 3, {"size": (10_000,)}, (), datasets=("glyphs",)),
        ),
        belief=0.95,
        published="Fashion-MNIST: HOG and SVM .926, linear SVM .839 (lists of the dataset's authors; the former is "
        "submitted by a user)",
    ),
)


def plan(machine):
    """Every arm of every claim whose datasets are here, with the seeds that its test asks for."""
    claims, ready, told = (*(claim for _, claim in of_cards()), *CLAIMS), [], []
    for claim in claims:
        if claim.gpu and machine["device"] != "cuda":
            told.append(f"{claim.name} is for a GPU and is left out: `--device cuda`, or --claim with its name")
        elif missing := sorted(datasets_of(claim) - machine["here"]):
            told.append(f"{claim.name} is left out: {'; '.join(absence(name) or f'no {name}' for name in missing)}")
        else:
            ready.append(claim)
    needed = needed_by(claims)

    def account(cell):
        names = needed.get(place_of(cell))
        return {"claims": names} if names else {}  # a search trial is of the cell that it is for

    return Plan(blocks=tuple(blocks(tuple(ready))), told=tuple(told), claims=CLAIMS, account=account)

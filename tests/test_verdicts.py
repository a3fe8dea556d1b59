"""Verdicts from made-up rows: what passes, what is missing, what is refused, what chance would have given."""

import json

import numpy as np
import pytest
from rows import make

from harness import catalogue, claims, cli, contract, effects, plan, verdicts
from harness.contract import Arm, Claim

FOREST, TREE = Arm("random_forest"), Arm("decision_tree")
BUDGET = {"unit": "examples", "amount": 40_000, "bytes": None}


def claim(*tests, datasets=("digits",), name="one"):
    return Claim(name, "A forest is better.", datasets, tests, 0.9, "published")


def two(gap=0.05, size=100, seeds=5, first="random_forest", second="decision_tree", spread=0.004, **key):
    """Rows of two techniques, the first better by `gap` and some noise."""
    random = np.random.default_rng(size)
    found = []
    for seed in range(seeds):
        shared = 0.8 + random.normal(0, 0.02)
        found.append(make(first, "digits", size, seed, shared + gap + random.normal(0, spread), **key))
        found.append(make(second, "digits", size, seed, shared, **key))
    return found


def tried(least=0.01, seeds=5, **more):
    """A test of the forest against the tree, with what is asked for instead."""
    given = {"effect": "difference", "arms": (FOREST, TREE), "metric": "accuracy", "vary": {"size": (100,)}}
    return contract.Test(**given | {"least": least, "expect": 0.05, "seeds": seeds} | more)


def verdict(rows, *tests):
    (one,) = verdicts.verdicts(rows, [("random_forest", claim(*tests))])
    return one


def marks(one):
    """Less that the code of made-up rows is none that lies here."""
    return [mark for mark in one["marks"] if not mark.startswith(verdicts.OLDER)]


def test_a_claim_that_is_true_passes_and_names_its_rows():
    rows = two()
    one = verdict(rows, tried())
    assert (one["verdict"], marks(one)) == ("pass", [])
    (tested,) = one["tests"]
    assert tested.effect.mean == pytest.approx(0.05, abs=0.01) and set(tested.rows) == {row["id"] for row in rows}
    assert verdict(two(gap=-0.05), tried())["verdict"] == "fail"
    assert verdict(two(gap=0.008), tried())["verdict"] == "inconclusive"


def test_all_tests_have_to_pass_and_all_controls_to_vanish():
    rows = [*two(size=100), *two(size=316)]
    control = tried(vary={"size": (316,)}, control=True)
    assert verdict(rows, tried(), control)["verdict"] == "fail"  # the effect stays where it must vanish
    rows = [*two(size=100), *two(gap=0.0, size=316)]
    assert verdict(rows, tried(), control)["verdict"] == "pass"
    assert verdict(rows, tried(), tried(vary={"size": (316,)}))["verdict"] == "fail"


def test_what_is_missing_is_not_run_and_never_a_smaller_run():
    one = verdict(two(seeds=4), tried())
    assert (
        one["verdict"] == "not run"
        and one["tests"][0].told == "random_forest at n = 100 lacks 1 of 5 seeds that were made alike"
    )
    assert verdict(two(size=1000), tried())["verdict"] == "not run"
    failed = [*two()[1:], make("random_forest", "digits", 100, 0, status="timeout", reason="longer than 5 s")]
    assert verdict(failed, tried())["verdict"] == "not run"
    assert verdict([*two(seeds=4), *two(gap=-1, size=316, seeds=5)], tried())["verdict"] == "not run"


def test_what_is_missing_is_told_as_it_is():
    """Seeds with another budget are not there; seeds without a code in common are."""
    asked = tried(arms=(Arm("mlp"), Arm("lenet")), budget=contract.Budget("examples", 80_000))
    told = verdict(two(first="mlp", second="lenet", budget=BUDGET), asked)["tests"][0].told
    assert told == "mlp at n = 100 with 80,000 examples lacks 5 of 5 seeds that were made alike"
    rows = two(first="knn", second="knn", code="old")
    for row in rows[1::2]:
        row["key"] = row["key"] | {"keywords": {"k": 3}, "code": "new"}
    told = verdict(rows, tried(arms=(Arm("knn"), Arm("knn", {"k": 3}))))["tests"][0].told
    assert told.startswith("the arms share no machine") and told.endswith("or those of a technique no code")


def test_three_seeds_are_a_mark():
    one = verdict(two(seeds=3), tried(seeds=3))
    assert (one["verdict"], marks(one)) == ("pass", ["supported (n = 3)"])
    weak = two(seeds=3)  # gains of .03, .05 and .08: p is .04, which one of three claims does not outlive
    for row, score in zip(weak[::2], (0.0, 0.02, 0.05), strict=True):
        row["quality"]["test"]["accuracy"] = weak[1]["quality"]["test"]["accuracy"] + 0.03 + score
    for row in weak[1::2]:
        row["quality"]["test"]["accuracy"] = weak[1]["quality"]["test"]["accuracy"]
    lost = claim(tried(seeds=3, arms=(Arm("decision_tree"), FOREST)))
    alone, *_ = verdicts.verdicts(weak, [("a", claim(tried(seeds=3)))])
    assert alone["verdict"] == "pass"
    among, *_ = verdicts.verdicts(weak, [("a", claim(tried(seeds=3))), ("b", lost), ("c", lost)])
    assert among["verdict"] == "inconclusive" and len(marks(among)) == 1 and "Benjamini" in marks(among)[0]


def test_arms_with_different_budgets_are_refused_with_the_difference():
    fair = two(first="mlp", second="lenet", budget=BUDGET)
    asked = tried(arms=(Arm("mlp"), Arm("lenet")))
    assert verdict(fair, asked)["verdict"] == "pass"
    unfair = [*fair[::2], *two(first="mlp", second="lenet", budget=BUDGET | {"amount": 80_000})[1::2]]
    one = verdict(unfair, asked)
    assert one["verdict"] == "refused"
    assert one["tests"][0].told == "the arms were run with different budgets: 40,000 examples and 80,000 examples"
    heavier = [*fair[::2], *two(first="mlp", second="lenet", budget=BUDGET)[1::2]]
    for row in heavier[5:]:
        row["memory"]["parameters"] = 2_000
    one = verdict(heavier, tried(arms=(Arm("mlp"), Arm("lenet")), equal=("weights",)))
    assert one["tests"][0].told == "weights were to be equal: mlp 1000 and lenet 2000"


def test_what_arms_took_and_where_searches_ended_stands_beside_the_verdict():
    rows = two(tune=4)
    for k, row in enumerate(rows):
        row["memory"]["parameters"], row["time"]["fit"] = 500 + k, float(k % 5)
        row["search"] = {"edges": ["lr"] if k == 3 else [], "seconds": 1.0}
    (one,) = verdict(rows, tried(arms=(Arm("random_forest", tune=4), Arm("decision_tree", tune=4))))["tests"]
    assert "best value at an edge of its range in 1 of 10 searches" in one.told
    assert [cost["seconds"] for cost in one.costs] == [2.0, 2.0], "medians of 0 to 4"
    assert all(500 <= cost["weights"] < 510 for cost in one.costs)
    quiet = verdict(two(), tried())["tests"][0]
    assert "edge" not in quiet.told


def test_of_what_is_lower_when_better_the_sign_is_turned():
    rows = two()
    for row in rows:
        row["quality"]["test"]["log_loss"] = 1 - row["quality"]["test"]["accuracy"]
    assert verdict(rows, tried(metric="log_loss"))["verdict"] == "pass"
    bound = tried(least=0.5, effect="bound", arms=(FOREST,), metric="log_loss")  # the published figure, to stay below
    assert verdict(rows, bound)["verdict"] == "pass"
    assert verdict(rows, tried(least=0.1, effect="bound", arms=(FOREST,), metric="log_loss"))["verdict"] == "fail"


def test_rows_of_two_machines_never_face_each_other():
    rows = two()
    for row in rows[1::2]:  # the trees' rows
        row["key"]["machine"] = "another"
    one = verdict(rows, tried())
    assert one["verdict"] == "not run"
    assert one["tests"][0].told.startswith("the arms share no machine")
    elsewhere = two(gap=-0.05)  # complete here and there: the newest rows are judged, whatever their machine's name
    for row in elsewhere:
        row["key"]["machine"], row["id"] = "a", f"a {row['id']}"
        row["provenance"]["started"] = "2020-01-01T00:00:00Z"
    assert verdict([*two(), *elsewhere], tried())["verdict"] == "pass"
    for row in elsewhere:
        row["provenance"]["started"] = "2030-01-01T00:00:00Z"
    assert verdict([*two(), *elsewhere], tried())["tests"][0].told.endswith("; a, cpu, 2 threads")
    assert verdict([*two(), *elsewhere], tried())["verdict"] == "fail"
    both = [*two(), *two(seeds=12, device="cuda")[10:]]  # more seeds elsewhere, but not the first ones
    one = verdict(both, tried())
    assert one["verdict"] == "pass" and "fake-2c-8g-000000" in one["tests"][0].told


def test_what_was_made_alike_stands_together_the_newest_first():
    """Half of the seeds under older code do not fill up the newer ones, whatever the order of the rows."""
    old, new = two(gap=-0.05, code="old"), two(gap=0.05, code="new")
    for row in new:
        row["provenance"]["started"] = "2026-11-22T00:00:00Z"
    for rows in ([*old, *new], [*new, *old]):
        assert verdict(rows, tried())["verdict"] == "pass"
        assert verdict([*rows, *two(gap=0.05, code="newest", seeds=4)], tried())["verdict"] == "pass"
    assert verdict([*old[:4], *new[4:]], tried())["verdict"] == "not run"
    other = [*two()[::2], *two(fingerprint="other")[1::2]]
    assert verdict(other, tried())["tests"][0].told == "the arms saw different versions of the data"


def test_budgets_count_whatever_else_is_held_equal():
    unfair = [*two(first="mlp", second="lenet", budget=BUDGET)[::2]]
    unfair += two(first="mlp", second="lenet", budget=BUDGET | {"amount": 80_000})[1::2]
    for equal in ((), ("weights",)):
        assert verdict(unfair, tried(arms=(Arm("mlp"), Arm("lenet")), equal=equal))["verdict"] == "refused"
    blind = two()
    for row in blind:
        row["work"]["flops"] = None
    one = verdict(blind, tried(equal=("flops",)))
    assert (one["verdict"], one["tests"][0].told) == ("not run", "random_forest tells no flops")


def test_a_claim_has_tests_on_data_of_their_own_and_a_budget():
    """A control on other data, and only rows with the budget that was registered."""
    elsewhere = two(gap=0.0)
    for row in elsewhere:
        row["key"]["dataset"], row["id"] = "wine", f"wine {row['id']}"
    control = tried(control=True, datasets=("wine",))
    assert [d for _, d in claims.tests_of(claim(tried(), control))] == ["digits", "wine"]
    assert verdict([*two(), *elsewhere], tried(), control)["verdict"] == "pass"
    assert verdict(two(), tried(), control)["verdict"] == "not run"
    rows = two(first="mlp", second="lenet", budget=BUDGET)
    arms = (Arm("mlp"), Arm("lenet"))
    assert verdict(rows, tried(arms=arms, budget=contract.Budget("examples", 40_000)))["verdict"] == "pass"
    assert verdict(rows, tried(arms=arms, budget=contract.Budget("steps", 40_000)))["verdict"] == "not run"


def test_successes_are_an_inequality_and_who_diverges_has_none():
    rows = two(gap=0.1, seeds=10, spread=0.0)
    asked = tried(effect="successes", metric="accuracy>0.85", least=0.2, seeds=10)
    assert verdict(rows, asked)["verdict"] == "pass"
    for row in rows[1::2]:  # the trees
        row |= {"status": "diverged", "reason": "loss is nan at step 3", "quality": {**row["quality"], "test": None}}
    assert verdict(rows, asked)["verdict"] == "pass"


def test_seeds_that_diverged_leave_a_number_open():
    """Such a test was run, counts among those judged, and cannot pass; what is wrong elsewhere is told first."""
    rows = two(seeds=10)
    for row in rows[1:4:2]:  # two of the trees, which never came to tell their weights
        row |= {"status": "diverged", "reason": "loss is nan at step 3", "quality": {**row["quality"], "test": None}}
        row["memory"] = row["memory"] | {"parameters": None}
    for asked in (tried(seeds=10), tried(seeds=10, equal=("weights",)), tried(seeds=10, metric="weights")):
        one = verdict(rows, asked)
        assert (one["verdict"], one["p"]) == ("inconclusive", 1.0)
        assert one["tests"][0].told == "2 of 10 seeds diverged: decision_tree, loss is nan at step 3"
        assert one["rows"] == 20 and verdicts.plain(one)["tests"][0]["found"] is None
    lost = tried(seeds=10, arms=(TREE, FOREST))
    assert verdict([*rows, *two(size=316, gap=-0.05)], lost, tried(vary={"size": (316,)}))["verdict"] == "fail"
    for row in rows[::2]:
        row["key"]["fingerprint"] = "other"
    assert verdict(rows, tried(seeds=10))["verdict"] == "refused"


def chances(tests, seeds, claims_, missed=0.0):
    """Verdicts of made-up claims, all of whose effects are just `least`, but the first, which is below by `missed`."""
    random = np.random.default_rng(1)
    below = np.array([missed] + [0.0] * (tests - 1))[:, None]
    asked = tried(seeds=seeds)
    for one in random.normal(0.01 - below, 0.02, (claims_, tests, seeds)):
        found = [effects.judged(d, 0.01) for d in one]
        yield verdicts.together([verdicts.Tested("digits", asked, each.verdict, each, "") for each in found])


@pytest.mark.parametrize(("tests", "seeds", "claims_"), [(36, 3, 1_500), (15, 5, 2_000)])
def test_a_claim_of_many_tests_fails_by_chance_as_rarely_as_one_of_one(tests, seeds, claims_):
    """One test below least at 5 % would do in 5 claims of 6 with 36 tests, and in every other one with 15."""
    found = list(chances(tests, seeds, claims_))
    assert np.mean([word == "fail" for word, _ in found]) <= 0.06
    alone = [told for word, told in found if word == "inconclusive" and told]
    assert len(alone) > 0.4 * claims_ and alone[0][0].endswith("fail, each by itself; together they may be chance")
    assert np.mean([word == "fail" for word, _ in chances(tests, seeds, 100, missed=1.5)]) > 0.95


def test_what_fails_by_itself_is_told():
    """Of two tests one fails at 4 %: with one test that would be a fail."""
    gains = [0.01, -0.03, -0.01, -0.04, 0.01]
    weak = effects.judged(np.array(gains), 0.01)
    strong = effects.judged(np.full(5, 0.05) + np.array(gains) / 100, 0.01)
    assert 0.025 < weak.fails < 0.05 and (weak.verdict, strong.verdict) == ("fail", "pass")
    one, two_ = (verdicts.Tested("digits", tried(), each.verdict, each, "") for each in (weak, strong))
    open_ = verdicts.Tested("digits", tried(), verdicts.NOT_RUN, None, "")
    told = ["1 of 2 tests fail, each by itself; together they may be chance"]
    assert verdicts.together([one]) == ("fail", []) and verdicts.together([two_]) == ("pass", [])
    assert verdicts.together([one, two_]) == ("inconclusive", told)
    assert verdicts.together([one, open_]) == ("not run", told)


def test_numbers_of_training_and_published_figures():
    rows = two()
    for row in rows:
        row["told"] = {"train_loss": 1 - row["quality"]["test"]["accuracy"]}
    assert verdict(rows, tried(metric="train_loss"))["verdict"] == "pass"
    mean = np.mean([row["told"]["train_loss"] for row in rows[::2]])
    for published, expected in ((mean, "pass"), (mean + 0.1, "fail")):
        figure = contract.Test("equivalence", (FOREST,), "train_loss", 0.05, published, 5, {"size": (100,)})
        assert verdict(rows, figure)["verdict"] == expected


def test_a_number_that_is_not_there_is_told():
    rows = two()
    assert verdict(rows, tried(metric="auc"))["tests"][0].told == "random_forest with seed 0 has no auc"
    rows[4]["quality"]["test"]["log_loss"] = 0.5
    assert verdict(rows, tried(metric="log_loss"))["verdict"] == "not run"
    for row in rows:
        row["quality"]["test"]["charm"] = 0.5
    assert verdict(rows, tried(metric="charm"))["tests"][0].told == "whether more charm is better is not known"


@pytest.mark.parametrize(
    "more",
    [
        {"seeds": 1},
        {"arms": (FOREST,)},
        {"vary": {"sizes": (100,)}},
        {"vary": {"size": (100,), "keywords.k": (1,)}},
        {"effect": "slope_gap"},
        {"effect": "interaction", "vary": {"size": (1000, 100)}},
        {"effect": "rank"},
        {"equal": ("FLOPs",)},
        {"effect": "ratio", "least": 0.0},
        {"control": True, "least": 0.0},
        {"control": True, "effect": "equivalence"},
        {"control": True, "effect": "crossover", "vary": {"size": (100, 1000)}},
        {"size": 100},
    ],
    ids=str,
)
def test_a_test_that_cannot_be_is_refused_when_it_is_written(more):
    with pytest.raises(ValueError):
        tried(**more)


def test_a_ratio_is_shown_as_a_factor_and_a_bound_as_the_value():
    rows = two()
    for row in rows:
        row["time"]["fit"] = (1.0 if row["key"]["technique"] == "random_forest" else 2.0) * (
            1 + row["key"]["seed"] / 100
        )
    one = verdict(rows, tried(effect="ratio", metric="seconds", least=1.5))
    assert one["verdict"] == "pass" and verdicts._shown(one["tests"][0])[0] == "2"
    assert verdict(rows, tried(effect="ratio", metric="seconds", least=2.5))["verdict"] == "fail"
    bound = verdict(rows, tried(effect="bound", arms=(FOREST,), metric="seconds", least=1.5))
    assert bound["verdict"] == "pass" and verdicts._shown(bound["tests"][0])[::2] == ("1.02", "1.5")


def test_benjamini_and_hochberg_take_back_what_chance_would_give():
    weak = two(gap=0.009)
    assert verdict(weak, tried())["verdict"] == "pass"
    of = [("random_forest", claim(tried(), name="weak"))]
    for k in range(9):
        of.append((f"other {k}", claim(tried(arms=(TREE, FOREST)), name=f"false {k}")))
    first, *others = verdicts.verdicts(weak, of)
    assert first["verdict"] == "inconclusive" and "over 10 claims" in marks(first)[0]
    assert {one["verdict"] for one in others} == {"fail"}


def test_a_test_that_could_not_see_it_is_marked():
    (tested,) = verdict(two(spread=0.1), tried())["tests"]
    assert "underpowered" in tested.told
    (tested,) = verdict(two(), tried())["tests"]
    assert "underpowered" not in tested.told
    figure = {"arms": (FOREST,), "effect": "equivalence", "least": 0.02}  # its `expect` is the published value
    counted = {"effect": "successes", "metric": "accuracy>0.85", "least": 0.0}
    for gap, spread, asked, enough in (
        (0.0, 0.002, {"control": True}, True),
        (0.0, 0.1, {"control": True}, False),
        (0.05, 0.1, figure, False),
        (0.1, 0.0, counted | {"seeds": 10}, False),  # of ten .05 more
        (0.1, 0.0, counted | {"seeds": 10, "expect": 0.9}, True),
    ):
        (tested,) = verdict(two(gap, seeds=10, spread=spread), tried(**asked))["tests"]
        assert ("underpowered" not in tested.told) is enough


def test_keywords_and_conditions_are_varied_too():
    axis, values = claims.varied(tried(vary={"keywords.k": (1, 5)}))
    assert (axis, values) == ("keywords.k", (1, 5))
    one = claims.place(Arm("knn"), "digits", "keywords.k", 3)
    assert one.size == catalogue.dataset("digits").card.rows and one.keywords == "[('k', 3)]"
    default = catalogue.technique("knn").defaults["k"]
    assert claims.place(Arm("knn"), "digits", "keywords.k", default).keywords == "[]"  # as a row stores it
    assert claims.place(Arm("lstm"), "adding", "condition.lag", 200).condition == "[('lag', 200)]"
    assert claims.place(Arm("knn"), "digits", "keywords.k", 3, 100).size == 100
    sized = tried(vary={}, size=100)
    assert verdict(two(), sized)["verdict"] == "pass" and verdict(two(), tried(vary={}))["verdict"] == "not run"
    hidden = claims.place(Arm("mlp", {"hidden": (100, 10)}), "digits", "", None)
    assert hidden.keywords == claims.repr_of(json.loads(json.dumps({"hidden": (100, 10)})))


def test_every_registered_claim_can_be_planned_and_judged():
    of = claims.registered()
    assert of and all(0 < one.belief < 1 and one.published and one.tests for _, one in of)
    everything = tuple(catalogue.names("dataset"))
    for block in plan.named(claims.PLAN, everything).blocks:
        assert plan.expand(block), f"{block.techniques} cannot take {block.datasets}"
    found = verdicts.verdicts([], of)
    assert {one["verdict"] for one in found} == {"not run"}
    for _, one in of:
        for each in one.tests:
            assert each.effect in {*effects.PER_SEED, *effects.OTHERS} and each.expect != each.least


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_claims_for_a_gpu_are_planned_there(device):
    made = plan.named(claims.PLAN, catalogue.names("dataset"), device=device)
    planned = any("atari_pong" in block.datasets for block in made.blocks)
    assert planned is (device == "cuda")
    assert any("D10 Pong is for a GPU" in text for text in made.told) is (device == "cpu")


def test_arms_of_one_technique_are_of_one_code():
    """The newer code has all seeds of one arm only: the older one, which both have, is judged."""
    few, many = Arm("knn", {"k": 3}), Arm("knn")
    asked = tried(arms=(many, few))
    old = two(gap=0.05, first="knn", second="knn", code="old")
    for row in old[1::2]:
        row["key"] = row["key"] | {"keywords": {"k": 3}}
        row["id"] = f"few {row['id']}"
    newer = two(gap=0.5, first="knn", code="new", seeds=5)[::2]
    for row in newer:
        row["provenance"]["started"] = "2027-01-01T00:00:00Z"
    one = verdict([*old, *newer], asked)
    assert one["marks"] == ["older code: knn"]
    (tested,) = one["tests"]
    assert tested.effect.mean == pytest.approx(0.05, abs=0.01) and "older code: knn" in tested.told
    assert verdict([*old[1::2], *newer], asked)["verdict"] == "not run"


def test_the_command(tmp_path, capsys):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in two()))
    assert cli.main(["claims", "--results", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "NOT RUN" in out and "belief before" in out
    assert cli.main(["claims", "--results", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told[0]["tests"][0]["found"] is None and told[0]["verdict"] == "not run"

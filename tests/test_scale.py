"""Ng's figure from made-up rows whose truth is known: who was chosen, what was paid, where curves cross."""

import numpy as np
import pandas as pd
import pytest

from harness import analyse, scale
from harness.scale import further, rivals, roles, slide
from tests import rows

SIZES = (32, 100, 316, 1_000, 3_162, 10_000)
NETS = ({"width": 8}, {}, {"width": 512})
DATASETS = [f"set{k}" for k in range(9)]


def loss(role: str, size: int) -> float:
    """Classic starts better and flattens out; the larger the net, the steeper its curve."""
    scale_, exponent, left = {
        "knn": (0.9, 0.28, 0.12),
        "forest": (0.8, 0.30, 0.10),
        "small": (1.4, 0.35, 0.09),
        "medium": (1.8, 0.40, 0.06),
        "large": (2.6, 0.45, 0.03),
    }[role]
    return min(0.5, left + scale_ * size**-exponent)


def crossing(one: str, other: str) -> float:
    """Where the two laws cross, on a fine grid."""
    n = np.geomspace(SIZES[0], SIZES[-1], 20_001)
    gap = np.array([loss(one, k) - loss(other, k) for k in n])
    return float(n[np.flatnonzero(np.diff(np.sign(gap)) != 0)[-1]])


def row(technique: str, role: str, dataset: str, size: int, seed: int, noise: float = 0.004, valid=None, **key):
    chance = np.random.default_rng([len(technique), DATASETS.index(dataset), size, seed])
    score = 1 - loss(role, size) + noise * chance.normal()
    made = rows.make(technique, dataset, size, seed, score=score, fit=2.0, **key)
    made["time"]["wall"] = 3.0
    if valid is not None:
        made["quality"]["valid"] = {"accuracy": valid}
    return made


def panel(datasets=DATASETS, sizes=SIZES, seeds=3):
    made = []
    budget = {"unit": "examples", "amount": 20_000, "bytes": None}
    for dataset in datasets:
        for size in sizes:
            for seed in range(seeds):
                for technique, role, valid in (("knn", "knn", 0.6), ("forest", "forest", 0.7)):
                    made.append(row(technique, role, dataset, size, seed))
                    made.append(row(technique, role, dataset, size, seed, valid=valid, condition={"validation": 0.2}))
                for k, (role, keywords) in enumerate(zip(("small", "medium", "large"), NETS, strict=True)):
                    net = row("net", role, dataset, size, seed, keywords=keywords, budget=budget)
                    net["memory"]["parameters"] = 10 ** (3 + k)
                    made.append(net)
    return made


@pytest.fixture(scope="module")
def made():
    return scale.exhibit(panel())


def test_the_best_classic_method_is_chosen_on_validation_and_pays_for_the_choice(made):
    chosen = made.lines[made.lines["role"] == "traditional"]
    assert set(chosen["arm"]) == {"forest"}
    assert np.allclose(chosen["seconds"], 2.0 + 2 * 2.0)  # its fit, and the fits of both runs that it was chosen by


def test_the_choice_never_looks_at_the_test_score():
    told = panel(DATASETS[:1], (100,), 2)
    for one in told:
        if one["key"]["technique"] == "knn" and one["key"]["condition"]:
            one["quality"]["valid"]["accuracy"] = 0.9  # worse on test, better on what was held out
    chosen = scale.exhibit(told).lines
    assert set(chosen.loc[chosen["role"] == "traditional", "arm"]) == {"knn"}


def test_nets_are_named_by_their_parameters(made):
    arms = made.lines[made.lines["role"] != "traditional"].groupby("role")["arm"].agg(set).to_dict()
    assert arms == {"small": {"net[width=8]"}, "medium": {"net"}, "large": {"net[width=512]"}}


def test_pooled_over_a_panel_that_does_not_change():
    some = panel() + panel(DATASETS[:1], (31_623,))  # one dataset goes further than the others
    made = scale.exhibit(some)
    assert made.panel == tuple(DATASETS) and set(made.pooled["size"]) == set(SIZES)
    assert set(made.pooled["datasets"]) == {9}
    assert 31_623 in set(made.thin["size"])


def test_no_pooled_number_below_eight_datasets():
    made = scale.exhibit(panel(DATASETS[:7]))
    assert made.panel == () and made.pooled.empty and "scale" not in made.titles


def test_pooled_skill_is_the_interquartile_mean(made):
    at = made.lines[(made.lines["role"] == "large") & (made.lines["size"] == 1_000)]
    skill = np.sort(at["skill"].to_numpy())
    cut = len(skill) // 4
    got = made.pooled[(made.pooled["role"] == "large") & (made.pooled["size"] == 1_000)].iloc[0]
    assert got["iqm"] == pytest.approx(skill[cut : len(skill) - cut].mean(), abs=1e-6)
    assert got["wide_low"] <= got["iqm"] <= got["wide_high"] and got["low"] <= got["iqm"] <= got["high"]


def test_planted_crossings_are_found(made):
    pair = made.crossings[(made.crossings["first"] == "traditional") & (made.crossings["second"] == "large")]
    assert set(pair["outcome"]) == {"crossover"} and set(pair["winner"]) == {"second"}
    truth = crossing("forest", "large")
    assert abs(np.log2(pair["n"].median() / truth)) < 0.3
    cell = made.matrix[(made.matrix["first"] == "traditional") & (made.matrix["second"] == "large")].iloc[0]
    assert (cell["datasets"], cell["crossed"], cell["won"]) == (9, 9, 1)
    back = made.matrix[(made.matrix["first"] == "large") & (made.matrix["second"] == "traditional")].iloc[0]
    assert (back["crossed"], back["won"]) == (0, 0)
    lead = made.leads[made.leads["second"] == "large"].iloc[0]
    assert abs(np.log2(lead["size"] / truth)) < 0.4


def test_a_middle_crossing_never_mixes_tokens_with_examples():
    about = {"first": "a", "first_label": "A", "second": "b", "second_label": "B", "outcome": "crossover"}
    tasks = {"next_token": (9_000.0,), "classify": (100.0, 300.0)}
    found = [about | {"task": task, "n": n, "winner": "second"} for task, places in tasks.items() for n in places]
    cell = rivals.matrix(pd.DataFrame(found)).set_index("first").loc["a"]
    assert (cell["datasets"], cell["crossed"], cell["median_n"], cell["unit"]) == (3, 3, 200, "examples")
    cell = rivals.matrix(pd.DataFrame(found[:1])).set_index("first").loc["a"]
    assert (cell["median_n"], cell["unit"]) == (9_000, "tokens")


def test_the_four_orderings(made):
    whole = made.orderings[made.orderings["family"] == ""].set_index("number")["verdict"].to_dict()
    assert whole == {1: "holds", 2: "holds", 3: "holds", 4: "holds"}


def test_orderings_fail_where_the_opposite_was_planted():
    made = panel(DATASETS[:2])
    for one in made:
        score = one["quality"]["test"]
        score["accuracy"] = 1 - score["accuracy"]  # who was best is worst
    whole = scale.exhibit(made).orderings
    verdicts = whole[whole["family"] == "tables"].set_index("number")["verdict"].to_dict()
    assert verdicts[1] == "fails" and verdicts[3] == "fails"


def test_no_crossing_is_said_only_where_it_was_looked_for(monkeypatch):
    made = panel(DATASETS[:2])
    for one in made:
        one["quality"]["test"]["accuracy"] -= 0.3 * (one["key"]["technique"] == "net")  # nets stay behind
    for far, verdict in ((100_000, "cannot tell"), (1_000, "fails")):
        monkeypatch.setattr(slide, "FAR", {"else": far})
        told = scale.exhibit(made).orderings
        (one,) = told[(told["number"] == 4) & (told["family"] == "tables")].to_dict("records")
        assert one["verdict"] == verdict and "looked for up to" in one["evidence"]


def test_one_seed_tells_nothing():
    made = scale.exhibit(panel(seeds=1))
    assert made.crossings.empty and not made.pooled.empty and made.pooled["low"].isna().all() and made.leads.empty
    assert set(made.orderings.loc[made.orderings["number"] == 1, "verdict"]) == {"not measured"}


def test_a_lead_over_seeds_need_not_hold_on_other_datasets(made):
    assert " leads" in made.titles["scale"] and "need not" not in made.titles["scale"]
    apart = panel()
    for one in apart:  # every dataset is harder than the last, for all alike
        one["quality"]["test"]["accuracy"] -= 0.05 * DATASETS.index(one["key"]["dataset"])
    assert "leads (over seeds; on other datasets it need not)" in scale.exhibit(apart).titles["scale"]


def test_wins_are_of_seeds_that_all_roles_have():
    """The classics' fourth seed is an easy one."""
    made = panel(DATASETS[:3])
    easy = [row("forest", "forest", name, 1_000, 3) for name in DATASETS[:3]]
    held = [row("forest", "forest", name, 1_000, 3, valid=0.7, condition={"validation": 0.2}) for name in DATASETS[:3]]
    held += [row("knn", "knn", name, 1_000, 3, valid=0.6, condition={"validation": 0.2}) for name in DATASETS[:3]]
    for one in easy:
        one["quality"]["test"]["accuracy"] = 0.999
    kept = [scale.exhibit(some).wins.drop(columns=["iqm"], errors="ignore") for some in (made, [*made, *easy, *held])]
    assert kept[0].equals(kept[1])


def test_wins_count_every_comparison_once(made):
    assert (made.wins["wins"] + made.wins["ties"] + made.wins["losses"] == 3 * 9).all()
    assert made.wins["wins"].sum() == made.wins["losses"].sum()


def test_wins_count_a_dataset_once_where_floors_differ_by_seed():
    made = panel(DATASETS[:3], seeds=3)
    for one in made:
        loss = 1 - one["quality"]["test"]["accuracy"]
        one["provenance"]["dataset"] |= {"metric": "nats", "higher_is_better": False, "anchor": 0.0}
        floor = {"nats": 0.7 + 0.01 * one["key"]["seed"]}
        one["quality"] |= {"metric": "nats", "higher_is_better": False, "test": {"nats": loss}, "floor": floor}
        one["quality"]["valid"] = {"nats": loss} if one["key"]["condition"] else {}
    wins = scale.exhibit(made).wins
    assert set(wins["datasets"]) == {3} and (wins["wins"] + wins["ties"] + wins["losses"] == 3 * 3).all()


def test_a_family_is_judged_by_what_all_its_seeds_have():
    """Two seeds more of one dataset: their mean is not set beside that of a seed with three datasets."""
    made = panel(DATASETS[:3], seeds=1) + [one for one in panel(DATASETS[:1]) if one["key"]["seed"]]
    for one in made:
        one["quality"]["test"]["accuracy"] -= 0.3 * (one["key"]["dataset"] != DATASETS[0])
    got = scale.exhibit(made).orderings
    (first,) = got[(got["number"] == 1) & (got["family"] == "tables")].to_dict("records")
    assert "1 dataset:" in first["evidence"] and "3 seeds" in first["evidence"] and first["verdict"] == "holds"
    alone = scale.exhibit([one for one in made if one["key"]["dataset"] == DATASETS[0]]).orderings
    assert first["evidence"] == alone[(alone["number"] == 1) & (alone["family"] == "tables")]["evidence"].item()


def test_the_best_of_a_part_of_the_classic_methods_is_no_line():
    made = [
        one
        for one in panel(DATASETS[:1])
        if not (one["key"]["condition"] and one["key"]["technique"] == "forest" and one["key"]["size"] == 10_000)
    ]
    best = scale.exhibit(made).lines
    assert best[best["role"] == "traditional"]["size"].max() == 3_162
    failed = row("forest", "forest", DATASETS[0], 10_000, 0, condition={"validation": 0.2})
    failed |= {"status": "timeout", "quality": None, "time": {"wall": 3.0}}
    best = scale.exhibit([*made, failed]).lines
    last = best[(best["role"] == "traditional") & (best["size"] == 10_000)]
    assert list(last["arm"]) == ["knn"] and list(last["seed"]) == [0], "the forest was tried, and failed"
    assert list(last["seconds"]) == [2.0 + 2.0 + 3.0], "what failed is paid for"


def test_of_folds_the_mean_chooses_and_all_are_paid_for():
    """Of the first fold alone the other method would be chosen; an arm whose folds are not through is no choice."""
    made, dataset = [], DATASETS[0]
    for name, first, others in (("knn", 0.9, 0.5), ("forest", 0.6, 0.7)):
        made.append(row(name, name, dataset, 100, 0))
        for fold in range(5):
            held = {"validation": 0.2, **({"fold": fold} if fold else {})}
            made.append(row(name, name, dataset, 100, 0, valid=others if fold else first, condition=held))
    best = scale.exhibit(made).lines
    assert list(best["arm"]) == ["forest"] and list(best["seconds"]) == [2.0 + 10 * 2.0], "as a net: seconds of fits"
    assert not len(scale.exhibit(made[:-1]).lines), "the forest's last fold is not there"
    failed = {**made[-1], "status": "timeout", "quality": None, "time": {"wall": 3.0}}
    best = scale.exhibit([*made[:-1], failed]).lines
    assert list(best["arm"]) == ["knn"] and list(best["seconds"]) == [2.0 + 9 * 2.0 + 3.0]


def test_rows_of_the_decades_change_no_line():
    """Their held-out rows have budgets of their own, and would rename the arms on one side only."""
    made = panel(DATASETS[:1])
    other = row("forest", "forest", DATASETS[0], 100, 0, valid=0.1, condition={"validation": 0.2})
    other["key"]["budget"] = {"unit": "flops", "amount": 1e9, "bytes": None}
    other["provenance"]["account"] = {"rungs": ["independent 1980"]}
    lines = [scale.exhibit(rows_).lines for rows_ in (made, [*made, other])]
    assert lines[0].equals(lines[1]) and (lines[0]["role"] == "traditional").any()


def test_an_arm_of_another_run_does_not_stop_the_choice():
    made = panel(DATASETS[:1])
    some = [row("tree", "knn", DATASETS[0], 100, seed, valid=0.99, condition={"validation": 0.2}) for seed in (0, 1)]
    lines = [scale.exhibit(rows_).lines for rows_ in (made, [*made, row("tree", "knn", DATASETS[0], 100, 0), *some])]
    assert lines[0].equals(lines[1]), "it was tried at two places of fifteen"


def of_form(form, some):
    """The rows, as of a dataset of that form."""
    for one in some:
        one["provenance"]["dataset"]["form"] = form
    return some


def test_who_is_alone_pays_for_no_choice_and_keeps_its_place_beside_a_stray_arm():
    """Language has one classic method; another order of it, run elsewhere at one place, is no choice to be made."""
    places = [(size, seed) for size in (100, 316, 1_000) for seed in (0, 1)]
    for form, name in (("tokens", "kneser_ney"), ("series", "knn")):  # of no plan: what most places have
        made = [row(name, "knn", DATASETS[0], *place) for place in places]
        trials = [row(name, "knn", DATASETS[0], 100, 0, valid=0.9, condition={"validation": 0.2})]
        stray = [row(name, "forest", DATASETS[0], 1_000, 0, keywords={"order": 3})]
        others = [row("add_k", "forest", DATASETS[0], *place) for place in places] if form == "tokens" else []
        for some in ([*made, *trials], [*made, *trials, *stray, *others]):
            best = scale.exhibit(of_form(form, some)).lines
            assert list(best["seconds"]) == [2.0] * 6 and list(best["folds"]) == [0] * 6 and set(best["arm"]) == {name}


def test_one_classic_method_of_several_is_not_the_best_of_them():
    """Where only one computes, on a GPU say, nobody was chosen."""
    made = [one for one in panel(DATASETS[:1]) if one["key"]["technique"] != "forest" and not one["key"]["condition"]]
    assert "traditional" not in set(scale.exhibit(made).lines["role"])


def test_a_fourth_net_of_another_run_moves_no_role():
    made = panel(DATASETS[:1])
    fourth = row("net", "large", DATASETS[0], 316, 0, keywords={"width": 2_048}, budget={"unit": "examples"})
    fourth["memory"]["parameters"] = 10**7
    lines = [scale.exhibit(some).lines for some in (made, [*made, fourth])]
    assert lines[0].equals(lines[1])


def test_registered_nets_are_the_roles_whatever_else_was_run():
    """Of the same places: the plan's three stand, though a smaller and a larger one are there."""
    made, budget = [], {"unit": "examples", "amount": 20_000, "bytes": None}
    for k, keywords in enumerate(({"width": 8}, {"width": 32, "blocks": 1}, {}, {"width": 512}, {"width": 2_048})):
        one = row("resnet_mlp", "small", DATASETS[0], 100, 0, keywords=keywords, budget=budget)
        one["memory"]["parameters"] = 10 ** (3 + k)
        made.append(one)
    for width in range(16, 160, 16):  # another net of more sizes
        made.append(row("mlp", "large", DATASETS[0], 100, 0, keywords={"width": width}, budget=budget))
    arms = scale.exhibit(made).lines.set_index("role")["arm"].to_dict()
    assert arms == {"small": "resnet_mlp[blocks=1,width=32]", "medium": "resnet_mlp", "large": "resnet_mlp[width=512]"}


def test_roles_of_different_seeds_make_no_panel():
    """The large net came through at seed 1 alone, and the budget ended before the others' seed 1."""
    made = panel(seeds=1)
    for one in made:
        if one["key"]["dataset"] == DATASETS[0] and one["key"]["keywords"] == NETS[2]:
            one["key"]["seed"] = 1
    assert DATASETS[0] not in scale.exhibit(made).panel


def test_the_row_begun_last_stands_whatever_file_it_lies_in():
    """An older run in a file that is read later, as tour.jsonl comes after curves.jsonl."""
    old, new = (rows.make("knn", "digits", score=score, code=code) for score, code in ((0.5, "a"), (0.9, "b")))
    old["provenance"]["started"], new["provenance"]["started"] = "2026-11-21T10:00:00Z", "2026-11-21T16:14:00Z"
    for some in ([old, new], [new, old]):
        assert list(analyse.frame(some)["score"]) == [0.9]
    other = rows.make("knn", "digits", seed=1, code="a")
    assert any("several versions" in text for text in analyse.frame([new, other]).attrs["told"])


def test_sentence_three_fails_to_hold_where_the_medium_net_is_the_best():
    """Page's trend rises over small, large, medium too."""
    made = panel(DATASETS[:4])
    for one in made:
        swap = {"medium": "large", "large": "medium"}
        role = {8: "small", 512: "large"}.get(one["key"]["keywords"].get("width"), "medium")
        if one["key"]["technique"] == "net" and role in swap:
            one["quality"]["test"]["accuracy"] = 1 - loss(swap[role], one["key"]["size"])
    got = scale.exhibit(made).orderings
    (third,) = got[(got["number"] == 3) & (got["family"] == "tables")].to_dict("records")
    assert third["verdict"] == "cannot tell" and "ahead of the medium one in 0" in third["evidence"]


def test_a_crossing_the_other_way_speaks_against_the_slide():
    about = {"first": "traditional", "second": "large", "outcome": "crossover", "winner": "first", "family": "tables"}
    crossed = pd.DataFrame([about | {"n": 500.0, "largest": 100_000}] * 3)
    some = pd.DataFrame({"role": roles.ROLES, "family": "tables"})
    assert slide._ordering(4, some, crossed)[0] == "fails"


def test_a_fold_that_can_judge_nobody_does_not_count():
    """Without the class that the metric asks for, or with one class to learn from."""
    made = []
    for name, valid in (("knn", 0.6), ("forest", 0.7)):
        made.append(row(name, name, DATASETS[0], 100, 0))
        for fold in range(5):
            held = {"validation": 0.2, **({"fold": fold} if fold else {})}
            made.append(row(name, name, DATASETS[0], 100, 0, valid=valid, condition=held))
            if fold == 3:
                made[-1] |= {"status": "unsupported", "quality": None}
            if fold == 4:
                made[-1]["quality"]["valid"] = {"log_loss": 0.3}
    best = scale.exhibit(made).lines
    assert list(best["arm"]) == ["forest"] and list(best["folds"]) == [3]


def test_an_open_interval_says_so():
    assert roles.between(0, 1_234) == "below the sizes to 1,200"
    assert roles.between(87.3, float("inf")) == "87 to beyond the sizes"


class TestLadder:
    CELL = {"higher_is_better": True, "floor": 0.0, "anchor": 1.0}

    def test_the_default_comes_first_and_all_trials_end_alike(self):
        tried = [[0.5, 0.40, 1.0], [0.9, 0.80, 2.0], [0.7, 0.99, 3.0], [None, None, 4.0]]
        skill, seconds = further._ladder(self.CELL, tried, [1, 2, 4])
        assert (skill[:, 0] == 0.40).all() and (seconds[:, 0] == 1.0).all()
        assert (skill[:, 2] == 0.80).all(), "best on validation, though another did better on test"
        assert (seconds[:, 2] == 10.0).all(), "failed trials are paid for"

    def test_after_two_trials_each_order_counts(self):
        tried = [[0.5, 0.4, 1.0], [0.9, 0.8, 1.0], [0.4, 0.3, 1.0]]
        skill, _ = further._ladder(self.CELL, tried, [2])
        assert set(np.unique(skill)) == {0.4, 0.8} and 0.35 < (skill == 0.8).mean() < 0.65

    def test_of_equals_the_default_stands(self):
        skill, _ = further._ladder(self.CELL, [[0.5, 0.1, 1.0], [0.5, 0.9, 1.0]], [2])
        assert (skill == 0.1).all()


def test_tuned_rows_become_a_ladder():
    tuned = row("forest", "forest", "set0", 1_000, 0, tune=2)
    tuned["search"] = {"tried": [[0.5, 0.6, 1.0], [0.8, 0.7, 1.0]], "edges": ["leaf"], "seconds": 2.0}
    got = scale.exhibit([*panel(DATASETS[:1]), tuned]).tuning
    assert list(got["trials"]) == [1, 2] and list(got["edges"]) == ["leaf", "leaf"]
    assert got["skill"].is_monotonic_increasing and list(got["seconds"]) == [1.0, 2.0]


def test_cpu_and_gpu_side_by_side():
    made = panel(DATASETS[:1], (100, 316), 2)
    for one in panel(DATASETS[:1], (100, 316), 2):
        one["key"]["device"], one["time"]["fit"] = "cuda", 0.5
        made.append(one | {"id": one["id"][::-1]})
    got = scale.exhibit(made).devices
    assert set(got["speed_ratio"]) == {4.0} and np.allclose(got["quality_cpu"], got["quality_cuda"])
    again = [one | {"id": "b" + one["id"], "key": one["key"] | {"machine": "other"}} for one in made[: len(made) // 4]]
    assert set(scale.exhibit([*made, *again]).devices["seeds"]) == {2}, "a pair is of one CPU and one GPU"
    again = [one | {"id": "t" + one["id"], "key": one["key"] | {"threads": 1}} for one in made[: len(made) // 4]]
    assert set(scale.exhibit([*made, *again]).devices["seeds"]) == {2}, "with one number of threads"
    for one in made:
        one["key"]["dtype"] = "bfloat16" if one["key"]["device"] == "cuda" else "float32"
    assert scale.exhibit(made).devices.empty, "another number format is another cell"


def test_losses_point_down_whichever_way_the_metric_points():
    table = analyse.frame([rows.make("knn", "friedman1", score=2.0), rows.make("knn", "digits", score=0.9)])
    got = roles.losses(table).set_index("dataset")
    assert got.loc["friedman1", "loss"] == 2.0 and got.loc["digits", "loss"] == pytest.approx(0.1)
    assert got.loc["friedman1", "margin"] == pytest.approx(0.01 * (4.9 - 1.3)) and got.loc["digits", "margin"] == 0.005

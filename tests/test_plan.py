"""Cells, their keys, their order and their forecasts; search draws."""

import math
import random
from dataclasses import replace

import pytest

from harness import catalogue, plan, row, search, split
from harness.contract import Block, Budget, Cell
from harness.plan import Mistake
from tests import rows

SEEDS = {316: 4, 10_000: 2}


def cells(**more):
    given = {
        "techniques": ("knn", "mlp", "lenet", "ridge"),
        "datasets": ("digits", "diabetes"),
        "sizes": (32, 100, 1_000),
    }
    return plan.expand(Block(**{**given, "seeds": SEEDS, **more}), threads=2)


def test_only_cells_that_can_be():
    found = cells()
    assert {(c.technique, c.dataset) for c in found} == {
        *(("knn", "digits"), ("knn", "diabetes"), ("mlp", "digits"), ("mlp", "diabetes")),
        *(("lenet", "digits"), ("ridge", "diabetes")),
    }
    assert max(c.size for c in found if c.dataset == "diabetes") == 100  # it has 353 training rows
    assert len([c for c in found if (c.technique, c.dataset, c.size) == ("knn", "digits", 100)]) == 4
    assert len([c for c in found if (c.technique, c.dataset, c.size) == ("knn", "digits", 1_000)]) == 2
    assert all((c.budget is not None) == (c.technique in ("mlp", "lenet")) for c in found)


def test_breadth_first():
    ordered = plan.ordered(cells())
    places = [(c.seed, c.size) for c in ordered]
    for place, (seed, size) in enumerate(places):
        assert not any(s <= seed and n <= size and (s, n) != (seed, size) for s, n in places[place + 1 :])
    series = [
        (c.seed, c.size) for c in plan.ordered(cells(datasets=("hastie",), sizes=(100, 31_623), seeds={10**9: 4}))
    ]
    assert series.index((0, 31_623)) > series.index((2, 100)), (
        "a few seeds at small sizes come before one at a large size"
    )
    assert series.index((0, 31_623)) < series.index((3, 100)), "but not all of them"
    first = {(c.technique, c.dataset) for c in ordered[:6]}
    assert len(first) == 6, "the first cells are one of each series"


def test_id_is_blind_to_order_and_sensitive_to_every_part():
    cell = cells()[0]
    one = plan.key(replace(cell, keywords={"a": 1, "b": 2}))
    two = plan.key(replace(cell, keywords={"b": 2, "a": 1}))
    assert plan.row_id(one) == plan.row_id(two)
    changes = [
        *({"seed": 9}, {"size": 33}, {"threads": 1}, {"keywords": {"k": 3}}, {"condition": {"validation": 0.2}}),
        *({"dtype": "bfloat16"}, {"device": "cuda"}, {"tune": 8}, {"budget": plan.default_budget(7)}),
    ]
    ids = {plan.row_id(plan.key(replace(cell, **change))) for change in changes}
    assert len(ids | {plan.row_id(plan.key(cell))}) == len(changes) + 1


def test_no_path_of_this_machine_goes_into_a_key(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def fit(train, run):\n    return None\n")
    found = plan.expand(Block((str(path),), ("digits",), (32,), {1: 1}))
    assert plan.key(found[0])["technique"] == "mine" and str(tmp_path) not in str(plan.key(found[0]))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("knn", ("knn", {})),
        ("knn[k=3]", ("knn", {"k": 3})),
        ("mlp[hidden=(100, 10),lr=.01]", ("mlp", {"hidden": (100, 10), "lr": 0.01})),
        ("selftest.alloc:4GB", ("selftest.alloc", {"amount": "4GB"})),
    ],
)
def test_keywords_on_the_command_line(text, expected):
    assert plan.asked_for(text) == expected


@pytest.mark.parametrize(
    "text, told", [("knn[kk=3]", "it has k"), ("knn[k=x]", "does not read"), ("knn[k", "called 'knn")]
)
def test_wrong_keywords(text, told):
    with pytest.raises(Mistake, match=told):
        catalogue.technique(plan.asked_for(text)[0])


class TestForecast:
    def row(self, cell: Cell, seconds: float) -> dict:
        made = rows.make(technique=cell.technique, dataset=cell.dataset, size=cell.size, seed=cell.seed)
        made["key"] |= {"threads": cell.threads}
        made["time"]["wall"] = seconds
        made["work"]["operations"] = plan.operations(plan.cost(cell), cell)
        return made

    def test_a_law_with_noise_is_forecast_within_twofold(self):
        """Seconds = fixed + rate x cost, +-15 %: from two smaller sizes each larger one is met within 2x in 80 %."""
        rng, hits = random.Random(1), []
        for technique in ("knn", "random_forest", "gradient_boosting", "logistic_regression", "mlp"):
            for rate in (1e-11, 1e-10, 1e-9):
                forecaster = plan.Forecaster([])
                for seen, size in enumerate((32, 100, 316, 1_000, 3_162, 10_000, 100_000)):
                    cell = Cell(technique, "hastie", "classify", size, 0, threads=2, budget=plan.default_budget(size))
                    truth = (0.3 + rate * plan.operations(plan.cost(cell), cell)) * rng.uniform(0.85, 1.15)
                    if seen:
                        forecast = forecaster(cell)
                        assert forecast.known
                        hits.append(0.5 <= forecast.seconds / truth <= 2)
                    forecaster.learn(self.row(cell, truth))
        assert sum(hits) / len(hits) >= 0.8, sum(hits) / len(hits)

    def test_a_guess_says_that_it_is_one(self):
        forecast = plan.Forecaster([])(cells()[0])
        assert not forecast.known and forecast.seconds > 0

    def test_bytes_grow_with_n(self):
        forecaster = plan.Forecaster([])
        small, large = (Cell("knn", "hastie", "classify", n, 0) for n in (100, 1_000_000))
        assert forecaster(large).bytes > forecaster(small).bytes > 0

    def test_failures_teach_nothing(self):
        cell = Cell("knn", "hastie", "classify", 100, 0, threads=2)
        failed = {**self.row(cell, 1e6), "status": "timeout"}
        assert not plan.Forecaster([failed])(cell).known


class TestSearch:
    SPACE = {
        "lr": ("log", 1e-4, 1e-1),
        "depth": ("int", 2, 9),
        "kind": ("choice", "a", "b"),
        "drop": ("uniform", 0.0, 0.5),
    }

    def test_default_first_then_within_the_space(self):
        found = search.draws(self.SPACE, 200)
        assert found[0] == {} and len(found) == 200
        assert all(1e-4 <= d["lr"] <= 1e-1 and 2 <= d["depth"] <= 9 and d["kind"] in "ab" for d in found[1:])
        middle = sum(math.log(d["lr"]) < math.log(1e-4) / 2 + math.log(1e-1) / 2 for d in found[1:]) / 199
        assert 0.4 < middle < 0.6, "log-uniform: half of the draws below the geometric middle"

    def test_same_draws_for_all_arms(self):
        fewer = {"lr": self.SPACE["lr"]}
        assert [d.get("lr") for d in search.draws(self.SPACE, 9)] == [d.get("lr") for d in search.draws(fewer, 9)]
        assert search.draws(self.SPACE, 9, seed=1) != search.draws(self.SPACE, 9, seed=2)

    def test_a_best_value_on_the_edge_is_told(self):
        assert search.edges(self.SPACE, {"lr": 1.2e-4, "depth": 5, "kind": "a"}) == ["lr"]

    def test_an_unknown_kind_is_refused(self):
        with pytest.raises(ValueError, match="lr"):
            search.draws({"lr": ("normal", 0, 1)}, 2)

    def test_the_best_trial_on_validation_wins_and_is_paid_for(self, monkeypatch):
        cell = Cell("knn", "digits", "classify", 3_000, 0, tune=3)
        trials = plan.trials(cell)
        assert len(trials) == 3 and all(t.tune == 0 and t.condition["validation"] == plan.HOLD for t in trials)
        made = []
        for trial, valid in zip(trials, (0.7, 0.9, 0.8), strict=True):
            row = rows.make(technique="knn", size=100, keywords=dict(trial.keywords))
            row["quality"]["valid"] = {"accuracy": valid}
            row["quality"]["test"]["accuracy"] = 1 - valid  # must not be looked at
            row["time"]["wall"] = 2.0
            made.append(row)
        resolved, told = plan.resolve(cell, made)
        assert resolved.keywords == trials[1].keywords and told["seconds"] == 6.0 and told["trials"] == 3
        with pytest.raises(LookupError):
            plan.resolve(cell, [{**r, "status": "error"} for r in made])

    def test_where_rows_are_few_each_fifth_judges_a_setting(self):
        cell = Cell("knn", "digits", "classify", 2_999, 0, tune=3)
        trials = plan.trials(cell)
        assert [t.condition.get("fold", 0) for t in trials] == [0, 1, 2, 3, 4] * 3 and plan.FOLDS == split.FOLDS
        made = []
        for k, trial in enumerate(trials):
            row = rows.make(technique="knn", size=2_999, keywords=dict(trial.keywords), condition=dict(trial.condition))
            row["quality"]["valid"] = {"accuracy": (1.0 if k == 0 else 0.5, 0.7, 0.6)[k // 5]}  # the first is luck
            row["time"]["wall"] = 2.0
            made.append(row)
        resolved, told = plan.resolve(cell, made)
        assert resolved.keywords == trials[5].keywords and told["valid"] == pytest.approx(0.7)
        assert (told["trials"], told["folds"], told["ok"], told["seconds"]) == (3, 5, 3, 30.0)
        assert [tried[0] for tried in told["tried"]] == pytest.approx([0.6, 0.7, 0.6])
        assert [tried[2] for tried in told["tried"]] == [10.0] * 3
        failed = [{**r, "status": "error"} if k == 7 else r for k, r in enumerate(made)]
        resolved, told = plan.resolve(cell, failed)
        assert told["ok"] == 2 and told["tried"][1] == [None, None, 10.0], "a setting stands where all its folds do"
        assert resolved.keywords != trials[5].keywords

    def test_a_fold_that_no_setting_could_be_judged_on_does_not_count(self):
        cell = Cell("knn", "digits", "classify", 100, 0, tune=3)
        made = []
        for k, trial in enumerate(plan.trials(cell)):
            row = rows.make(technique="knn", size=100, keywords=dict(trial.keywords), condition=dict(trial.condition))
            row["quality"]["valid"] = {"accuracy": (0.5, 0.7, 0.6)[k // 5]}
            if k % 5 == 2:
                row |= {"status": "unsupported", "quality": None}
            if k % 5 == 3:
                row["quality"]["valid"] = {"log_loss": 1.0}  # the dataset's metric could not be had
            made.append(row)
        resolved, told = plan.resolve(cell, made)
        assert (told["folds"], told["ok"]) == (3, 3) and told["valid"] == pytest.approx(0.7)
        with pytest.raises(LookupError, match="none of the 3 settings"):
            plan.resolve(cell, [{**r, "status": "unsupported", "quality": None} for r in made])

    def test_the_way_of_choosing_is_part_of_the_key_of_what_was_chosen(self):
        few, many = (Cell("knn", "digits", "classify", size, 0, tune=3) for size in (100, 3_000))
        assert plan.key(few)["folds"] == 5 and "folds" not in plan.key(many)
        assert "folds" not in plan.key(replace(few, tune=0)), "who was not chosen keeps its key"

    def test_the_trials_of_a_fold_are_those_of_the_cell(self):
        cell = Cell("knn", "digits", "classify", 100, 0, tune=3)
        of_fold = replace(cell, condition={"validation": 0.2, "fold": 3})
        assert [t.condition for t in plan.trials(of_fold)] == [t.condition for t in plan.trials(cell)]

    def test_what_is_not_dealt_in_folds_has_one_validation(self):
        assert plan.folds(Cell("gpt", "tinyshakespeare", "next_token", 1_000, 0)) == 1
        assert plan.folds(Cell("knn", "digits", "classify", 100, 0, budget=Budget("flops", 10**9))) == 1, (
            "FLOPs are shared"
        )


def test_flops_of_steps_are_those_of_the_examples_that_passed():
    """A budget in steps tells no examples beforehand: FLOPs are of what was seen, forecasts stay as they are."""
    cell = Cell("mlp", "digits", "classify", 100, 0, budget=Budget("steps", 10))
    counted = catalogue.cost_of("mlp")(100, (8, 8), 10, 640)
    work = row._work(cell, 2.0, 640)
    assert work["flops"] == counted.fit and work["flops_per_second"] == counted.fit / 2
    assert work["operations"] == plan.operations(plan.cost(cell), cell)
    by_examples = replace(cell, budget=Budget("examples", 1_000))
    assert row._work(by_examples, 2.0, 640)["flops"] == plan.cost(by_examples).fit  # the budget counts them itself

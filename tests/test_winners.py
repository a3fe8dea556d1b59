"""Who won each decade: budgets against closed forms, refusals, and verdicts on made-up rows whose truth is known."""

import json
import random
import re
from dataclasses import replace

import pytest
from rows import make, of_rung
from scipy import stats as reference
from test_run import eras, rows_in

from harness import catalogue, cli, decades, plan, report, rungs, winners
from harness.contract import Budget, Cell
from harness.plans import decades as registered
from harness.rungs import FITS

DAY = rungs.DAY


# ---------------------------------------------------------------------------------------------------------- the budgets


def test_the_rungs_are_the_table():
    for rung in rungs.ladder("printed"):
        assert rung.flops == pytest.approx(rungs.column("compute", "printed")[rung.decade] * 86_400)
        assert rung.each * 5 == rung.flops
    assert [rung.rows for rung in rungs.ladder("printed")] == [10**k for k in (2, 3, 4, 7, 10, 12)]
    assert rungs.ladder("printed", 3600)[0].flops == 1e5 * 3600


def test_the_compressed_ladder_keeps_its_shape():
    """Distances between decades shrink by one factor a column, and 1970 stays as it is."""
    whole, small = rungs.ladder("printed"), rungs.ladder("compressed")
    assert small[0][2:] == whole[0][2:]
    for axis, theta in rungs.THETA.items():
        for one, other in zip(whole, small, strict=True):
            shrunk = (getattr(one, axis) / getattr(whole[0], axis)) ** theta
            assert getattr(other, axis) / getattr(small[0], axis) == pytest.approx(shrunk, rel=0.01)


def cell(technique, dataset, size, amount=1e12, room=10**9, **keywords):
    task = "next_token" if dataset == "pcfg" else "classify"
    return Cell(technique, dataset, task, size, 0, keywords, budget=Budget("flops", amount, room))


def test_flops_are_lent_as_the_examples_that_they_pay_for():
    """An MLP of 64-32-10 on digits: six FLOPs a weight and example, four in the first layer."""
    one = cell("mlp", "digits", 100, amount=1e8, hidden=(32,))
    each = 2 * (3 * (64 * 32 + 32 * 10) - 64 * 32)
    assert plan.lent(one) == Budget("examples", int(1e8 // each), 10**9)
    assert plan.cost(one).fit == each * int(1e8 // each) <= 1e8
    assert plan.lent(cell("lstm", "pcfg", 3200)).unit == "tokens"
    assert plan.lent(cell("knn", "digits", 100)).unit == "flops"  # what takes no steps is weighed beforehand


@pytest.mark.parametrize(
    ("made", "bytes_"),
    [
        (cell("knn", "iris", 100), 100 * (4 + 1)),  # 8 bits a value and one byte of class: fits 1,000
        (cell("knn", "teacher", 100), 100 * (20 * 4 + 1)),
        (cell("knn", "digits", 10), 10 * (64 + 1)),
        (cell("logistic_regression", "iris", 100), 4 * 5 * 3 * 22),
        (cell("naive_bayes", "iris", 100), 8 * 3 * 4 + 4 * 3),  # a mean and a variance
        (cell("naive_bayes", "digits", 100), 4 * 10 * 64 + 4 * 10),  # a count
        (cell("kernel_svm", "iris", 90, cache=0.001), 90 * 5 + 4 * 90 * 3 + 1049),  # a cache of a thousandth of a MiB
        (cell("kernel_svm", "iris", 90), 90 * 5 + 4 * 90 * 3 + 4 * 60**2),  # no more than a machine's whole matrix
        (cell("ridge", "diabetes", 100), 4 * (10**2 + 2 * 10)),
        (cell("mlp", "iris", 100, hidden=(4,), batch=4), 16 * (4 * 4 + 4 * 3) + 8 * 4 * (4 + 4 + 3)),
        (cell("kernel_ridge", "teacher", 1000, landmarks=30), 4 * 30 * (30 + 20 + 2)),
        (cell("kneser_ney", "pcfg", 10_000, order=2), 8 * (65 + 65**2)),
    ],
)
def test_resident_bytes_by_hand(made, bytes_):
    assert registered.held(made) == bytes_


def test_resident_bytes_of_nets_hold_weights_with_gradient_and_two_moments():
    import torch

    for name, keywords, network in (
        ("lenet", {"batch": 16}, ("LeNet5", (10,))),
        ("alexnet", {"width": 8, "batch": 16}, ("AlexNet", (10, 1, 8))),
    ):
        module = catalogue.load(catalogue.technique(name).path)
        made = getattr(module, network[0])(*network[1])
        weights = sum(p.numel() for p in made.parameters())
        units: list[int] = []
        for part in made.modules():
            part.register_forward_hook(lambda m, x, y, units=units: units.append(y.numel()))
        made(torch.zeros((1, 28, 28), dtype=torch.uint8))
        told = registered.held(cell(name, "fashion_mnist", 100, **keywords))
        assert told > 16 * weights and told == pytest.approx(16 * weights + 8 * 16 * sum(units), rel=0.6)


def test_the_table_of_exact_kernels():
    """claims, A.2: a whole kernel matrix of n rows in float32 fits 1,000 bytes up to 16 rows, 10 MB up to 1,600."""
    for rung, n in zip(rungs.ladder("printed")[:3], (16, 158, 1_600), strict=True):
        assert 4 * n**2 <= 1.03 * rung.bytes < 4 * (1.1 * n) ** 2


# ------------------------------------------------------------------------------------------------------------- refusals


def test_each_of_the_three_is_refused_by_name():
    facts = {("knn", "digits", 1000, 1e6, 10**6): {"rows": 100, "rungs": [], "binding": "rows"}}
    told = registered._account(cell("knn", "digits", 1000, 1e6, 10**6), facts)
    assert told["refused"] == "1,000 rows, the decade has 100"
    told = registered._account(cell("knn", "digits", 100, 1e6, 1000), {})
    assert told["refused"] == "needs 6,500 resident bytes, the budget holds 1,000"
    told = registered._account(cell("random_forest", "digits", 100, 1e6), {})
    assert told["refused"].startswith("needs 3.53e+06") and told["refused"].endswith("FLOPs, the budget holds 1e+06")
    told = registered._account(cell("mlp", "digits", 100, 10.0), {})
    assert told["refused"] == "10 FLOPs do not pay for one example"


PLAN = """
from harness.contract import Block, Budget, Plan

def plan(machine):
    def of(technique, amount, room):
        return Block((technique,), ("iris",), (100,), {{100: 1}}, budget=Budget("flops", amount, room))
    refuse = lambda cell: {{"refused": "too dear, says its plan" if cell.technique == "knn" else "", "rungs": []}}
    blocks = (of("{spender}", 1e6, 1000), of("mlp", 1e4, 1000), of("mlp[batch=32]", 1e6, 1000), of("knn", 1e6, 1000),
              of("naive_bayes", 10, 1000), of("decision_tree", 1e6, 1000))
    return Plan(blocks, account=refuse)
"""
SPENDER = """
import numpy as np
from harness.contract import Fitted

def cost(size, shape, classes, examples=None):
    from harness.contract import Cost
    return Cost(10, 10, 10)

def fit(train, run):
    run.spend(flops=10, bytes=600)
    run.spend(flops=10, bytes=600)
    return Fitted(lambda x: np.zeros((len(x), 3)), 0)
"""


def test_what_overspends_is_refused_before_or_stopped_during_with_a_row_that_says_which(tmp_path):
    spender = tmp_path / "spender.py"
    spender.write_text(SPENDER)
    (tmp_path / "tight.py").write_text(PLAN.format(spender=spender))
    done = eras("run", str(tmp_path / "tight.py"), "--results", str(tmp_path / "rows"))
    found = {(r["key"]["technique"], r["key"]["budget"]["amount"]): r for r in rows_in(tmp_path / "rows")}
    stopped = next(r for (name, _), r in found.items() if name == "spender")
    assert (stopped["status"], stopped["reason"]) == ("error", "1,200 bytes asked for, the budget holds 1,000")
    first_step = found["mlp", 1e4]
    assert first_step["reason"] == "1e+04 FLOPs do not pay for one example"
    assert found["mlp", 1e6]["reason"] == "32 examples were trained on, 1e+06 FLOPs pay for 4"
    assert (found["knn", 1e6]["status"], found["knn", 1e6]["reason"]) == ("skipped", "too dear, says its plan")
    assert found["naive_bayes", 10.0]["reason"] == "needs 4e+03 FLOPs, the budget holds 10"
    assert found["decision_tree", 1e6]["status"] == "ok"
    assert done.returncode == 3 and "too dear" not in done.stdout and "1,200 bytes" in done.stdout


def test_a_trial_is_weighed_as_the_fit_that_it_leads_to():
    """On all rows, not on the four fifths that it is trained on; and never below nothing."""
    whole = replace(cell("lstm", "pcfg", 320_000, 1e12, 10**7, width=32), tune=4)
    for trial in plan.trials(whole):
        apart = {name: value for name, value in trial.condition.items() if name != "validation"}
        weighed = registered._account(trial, {})
        assert weighed["bytes"] == registered.held(replace(trial, condition=apart)) > 100_000
    forest = cell("random_forest", "digits", 1000)
    amount = plan.flops(forest, 0) * 0.9  # pays for four fifths of the rows, not for all
    trial = replace(forest, condition={"validation": 0.2}, budget=Budget("flops", amount, 10**9))
    assert plan.overspends(trial) == "" and "FLOPs" in registered._account(trial, {})["refused"]


def test_what_runs_on_two_ladders_belongs_to_both():
    """2000 is the same budget in the printed and the independent ladder, but for rows that no generator makes."""
    made = plan.named("decades", catalogue.names("dataset"))
    seen = set()
    for block in made.blocks:
        for one in plan.expand(replace(block, seeds={10**9: 1})):
            told = made.account(one)
            seen |= set(told["rungs"])
            assert told["reading"] == ("fixed" if one.dataset in registered.FIXED.values() else "own")
            assert plan.asked_for(block.techniques[0])[0] in told["field"]
            if not told["refused"]:
                assert FITS * plan.cost(one).fit <= 1.0001 * told["flops"] and told["bytes"] <= one.budget.bytes
    decades_run = {f"{name} {decade}" for name in rungs.KINDS for decade in (1970, 1980, 1990, 2000)}
    assert seen == decades_run | {f"compressed {decade}" for decade in rungs.column("data", "printed")}


def test_what_a_cell_fixes_is_not_drawn():
    small = Cell("mlp", "digits", "classify", 100, 0, {"hidden": (16,)}, budget=Budget("examples", 640), tune=8)
    assert {trial.keywords["hidden"] for trial in plan.trials(small)} == {(16,)}
    assert len({trial.keywords.get("lr") for trial in plan.trials(small)}) == 8


# -------------------------------------------------------------------------------------------------------- the whole way


def test_the_compressed_ladder_is_bit_reproducible(tmp_path):
    asked = ("decades", "-d", "teacher", "--sizes", "100,141", "--seeds", "1", "--period", "10m")
    chosen = ("-t", "naive_bayes", "-t", "logistic_regression", "-t", "mlp[hidden=(4,), batch=4]")
    seen = []
    for name in ("once", "again"):
        eras("run", *asked, *chosen, "--results", str(tmp_path / name))
        rows = sorted(rows_in(tmp_path / name), key=lambda row: row["id"])
        seen.append([(row["id"], row["status"], row["reason"], row["quality"]) for row in rows])
        flops = [row["work"]["flops"] for row in rows if row["status"] == "ok" and row["work"]["flops"]]
        amounts = [row["key"]["budget"]["amount"] for row in rows if row["status"] == "ok" and row["work"]["flops"]]
        assert flops and all(spent <= held for spent, held in zip(flops, amounts, strict=True))
    assert seen[0] == seen[1] and any(status == "ok" for _, status, _, _ in seen[0])
    lines = winners.entrants(rows_in(tmp_path / "once"))
    assert set(lines["ladder"]) == {"compressed", "printed"} and {"floor", "mlp"} <= set(lines["technique"])
    assert not lines["whole"].any() and "knn" in lines["missing"].iloc[0]  # the others were not asked for


# -------------------------------------------------------------------------------------------------------------- winners


def history(late_net=True, seeds=3):
    """Six decades of images, text and tables: the classic method wins to 2000, on tables always."""
    found = []
    for family in ("image_0", "text_0", "table_0"):
        for decade in rungs.column("data", "printed"):
            for seed in range(seeds):
                net = late_net and decade >= 2010 and family != "table_0"
                found.append(of_rung("knn", "compressed", decade, seed, 0.8 + seed / 1000, family))
                found.append(of_rung("mlp", "compressed", decade, seed, 0.9 if net else 0.7, family, net=True))
            found.append(
                of_rung("lenet", "compressed", decade, 0, dataset=family, refused="needs 9 resident bytes, ...")
            )
    return found


def test_a_history_as_d2l_tells_it_holds():
    (one,) = winners.exhibit(history())["verdicts"]
    assert [one[part] for part in ("verdict", "early", "rises", "late")] == ["holds"] * 4
    assert one["classic"] == 1 and one["smooth"] == 0 and one["nets"] == {"images": 1, "text": 1}
    won = winners.winners(winners.entrants(history()))
    assert one["rho"] == pytest.approx(reference.spearmanr(won["decade"], won["net"]).statistic)


def test_a_history_without_nets_fails():
    (one,) = winners.exhibit(history(late_net=False))["verdicts"]
    assert (one["verdict"], one["early"], one["late"]) == ("fails", "holds", "fails")


def until(decade):
    return [row for row in history() if int(row["provenance"]["account"]["rungs"][0][-4:]) <= decade]


def test_what_was_not_run_cannot_be_told():
    """A ladder that stops before nets are said to win has nothing that could rise, and does not fail for it."""
    (one,) = winners.exhibit(until(2000))["verdicts"]
    assert (one["verdict"], one["early"]) == ("cannot tell", "holds")
    assert (one["rises"], one["late"]) == ("cannot tell", "cannot tell")
    assert winners.exhibit(until(1980))["verdicts"][0]["early"] == "cannot tell"
    tables = [row for row in history() if row["key"]["dataset"] == "table_0"]  # the registered exception, alone
    assert winners.exhibit(tables)["verdicts"][0]["verdict"] == "cannot tell"


def test_who_did_not_come_has_not_lost():
    """Nets that timed out in 2010 and 2020: these rungs are incomplete, not won by whoever is left."""
    rows = history()
    for row in rows:
        if row["key"]["technique"] == "mlp" and int(row["provenance"]["account"]["rungs"][0][-4:]) >= 2010:
            row |= {"status": "timeout", "reason": "longer than 300 s", "quality": make(status="oom")["quality"]}
    found = winners.exhibit(rows)
    assert found["verdicts"][0]["verdict"] == "cannot tell" and found["verdicts"][0]["nets"] == {}
    told = found["standings"][found["standings"]["decade"] == 2020]
    assert told["error"].isna().all() and set(told["lacks"]) == {"mlp"}
    assert "incomplete, lacks mlp" in "\n".join(decades.winner_lines(found))
    left_out = [row for row in history() if row["key"]["technique"] != "mlp"]
    assert winners.winners(winners.entrants(left_out)).empty


def test_where_nothing_fits_the_floor_wins_and_is_no_classic_method():
    rows = [
        of_rung(t, "printed", d, s, refused="needs 9") for t in ("knn", "mlp") for d in (1970, 1980) for s in (0, 1)
    ]
    rows += [of_rung(t, "printed", 1990, s, x, net=t == "mlp") for t, x in (("knn", 0.9), ("mlp", 0.8)) for s in (0, 1)]
    found = winners.exhibit(rows)
    assert found["verdicts"][0]["classic"] == pytest.approx(1 / 3) and found["verdicts"][0]["early"] == "fails"
    assert "nothing fits" in "\n".join(decades.winner_lines(found))
    worse = [of_rung(t, "printed", 1970, s, 0.05) for t in ("knn", "mlp") for s in (0, 1)]  # the floor has .1
    assert set(winners.winners(winners.entrants(worse))["technique"]) == {"floor"}


def test_the_order_of_the_rows_changes_nothing():
    """Not even where a cell was run on two machines, with other floors: the newer one stands, whichever comes first."""
    rows = history()
    for row in history()[::3]:
        row["key"]["machine"], row["id"] = "another", row["id"][::-1]
        row["provenance"]["started"] = "2026-11-22T00:00:00Z"
        if row["status"] == "ok":
            row["quality"]["test"]["accuracy"] -= 0.05
        rows.append(row)
    shuffled = random.Random(0).sample(rows, len(rows))
    one, other = winners.exhibit(rows), winners.exhibit(shuffled)
    assert one["standings"].equals(other["standings"]) and one["verdicts"] == other["verdicts"]
    assert not one["standings"].equals(winners.exhibit(history())["standings"])


def test_a_rung_that_was_run_more_often_has_no_more_votes():
    more = [
        of_rung(t, "compressed", 1970, s, x, "image_0") for t, x in (("knn", 0.5), ("mlp", 0.9)) for s in range(3, 9)
    ]
    one, other = winners.exhibit([*history(), *more]), winners.exhibit(history())
    assert one["verdicts"] == other["verdicts"] and not one["standings"].equals(other["standings"])


def test_periods_are_not_mixed():
    rows = [*history(), *(of_rung("knn", "compressed", 1970, 0, 0.1, period=3600.0) for _ in range(1))]
    assert winners.exhibit(rows)["verdicts"] == winners.exhibit(history())["verdicts"]
    hour = winners.exhibit(rows, 3600.0)
    assert hour["period"] == 3600 and set(hour["lines"]["decade"]) == {1970}


def test_readings_are_told_by_the_plan():
    rows = [of_rung(t, "printed", 1970, s, 0.8) for t in ("knn", "mlp") for s in (0, 1)]
    rows += [of_rung(t, "printed", 1970, s, 0.8, "image_1", reading="own") for t in ("knn", "mlp") for s in (0, 1)]
    assert {one["reading"]: one["cells"] for one in winners.exhibit(rows)["verdicts"]} == {"fixed": 2, "own": 2}


def test_a_rungs_standings():
    rows = [of_rung("knn", "printed", 1970, s, x) for s, x in enumerate((0.8, 0.9, 0.7))]
    rows += [of_rung("mlp", "printed", 1970, s, x, net=True) for s, x in enumerate((0.79, 0.91, 0.69))]
    rows += [of_rung("lenet", "printed", 1970, s, net=True, refused="needs 9 bytes") for s in range(3)]
    table = winners.exhibit(rows)["standings"].set_index("technique")
    assert list(table.index) == ["knn", "mlp", "floor", "lenet"]
    assert table.loc["knn", "error"] == pytest.approx(0.2) and table.loc["floor", "error"] == pytest.approx(0.5)
    low, high = reference.t.interval(0.95, 2, 0.2, 0.1 / 3**0.5)
    assert table.loc["knn", ["low", "high"]].tolist() == pytest.approx([low, high])
    assert table.loc["lenet", "error"] != table.loc["lenet", "error"]
    # paired: of the 27 draws of three seeds knn is ahead wherever the second, worth .01, comes less than half the time
    assert table.loc["knn", "best"] == pytest.approx(20 / 27, abs=0.03)
    assert table["best"].sum() == pytest.approx(1)


def test_straight_lines_that_go_on_are_a_guess():
    rows = []
    for decade, error in ((1970, 0.8), (1980, 0.4), (1990, 0.2)):
        rows += [of_rung("mlp", "printed", decade, s, 1 - error, net=True) for s in range(2)]
        rows += [of_rung("knn", "printed", decade, s, 1 - 0.3 * error**0.1) for s in range(2)]
    budgets = {1970: 1e1, 1980: 1e2, 1990: 1e3, 2000: 1e4, 2010: 1e6}
    guess = winners.extrapolated(winners.exhibit(rows)["standings"], budgets).set_index("decade")
    assert guess.loc[2000, "error"] == pytest.approx(0.1) and guess.loc[2010, "error"] == pytest.approx(0.025)
    assert set(guess["technique"]) == {"mlp"}


def test_other_rows_are_no_part_of_it():
    plain = make("mlp", "digits", 100, 0, budget={"unit": "examples", "amount": 640, "bytes": None})
    trial = of_rung("mlp", "printed", 1970, 0, 0.9) | {}
    trial["key"]["condition"] = {"validation": 0.2}
    assert winners.exhibit([plain, trial])["verdicts"] == []
    assert decades.headline(winners.exhibit([])).startswith("Who won each decade was not run")


def test_the_page_and_the_terminal_tell_the_same(tmp_path, capsys):
    rows = [*history(), *(make("knn", "digits", n, s) for n in (100, 316) for s in range(2))]
    page = report.write(rows, tmp_path / "page.html").read_text()
    text = page.split('<section id="decades">')[1].split("</section>")[0]
    assert text.count('class="w-net"') == 4 and text.count('class="w-classic"') == 14
    assert (
        "The compressed ladder: classic methods win 100% of 1970 to 1990, nets 100% of images and 100% of text" in text
    )
    assert "needs 9 resident bytes" in text and "fake-2c-8g-000000: 8e+09 bytes of memory, 2014.5" in text
    assert "flops" not in page.split('<section id="decades">')[0].split("<main>")[1]  # its cells stand nowhere else
    assert (tmp_path / "figures" / "fig8_decades.png").stat().st_size > 10_000
    folder = tmp_path / "rows" / "fake"
    folder.mkdir(parents=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert cli.main(["decades", "--results", str(tmp_path / "rows"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdicts"][0]["verdict"] == "holds" and len(told["standings"]) == 18 * 4
    assert cli.main(["decades", "--results", str(tmp_path / "rows")]) == 0
    out = capsys.readouterr().out
    assert "HOLDS" in out and "mlp 0.3" in out and re.search(r"knn +0\.199", out)
    assert "the table as printed  " not in out


def test_a_page_of_nothing_else_begins_with_it(tmp_path):
    page = report.write(history(), tmp_path / "page.html").read_text()
    assert page.index('<section id="decades">') < page.index('<section id="datasets"')
    assert "<title>The compressed ladder: classic methods win" in page and 'id="tuning"' not in page
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {"fig8_decades"}

"""`eras curve`: the answer from rows whose truth was planted, the overlay, and the command on a file of one's own."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from harness import cli, curve, published
from harness.catalogue import Mistake
from harness.report import figures
from tests import rows

BUDGET = {"unit": "examples", "amount": 20_000, "bytes": None}
SIZES = (32, 100, 316, 1_000, 3_162, 10_000)


def made(laws, sizes=SIZES, seeds=5, valid=None):
    """Rows of {technique: loss(n)}; "mlp" is a net. valid: {technique: score on held-out rows}."""
    found = []
    for technique, law in laws.items():
        key = {"budget": BUDGET} if technique == "mlp" else {}
        for size in sizes:
            for seed in range(seeds):
                noise = 0.002 * np.random.default_rng([*technique.encode(), size, seed]).normal()
                score = 1 - law(size) + noise
                found.append(rows.make(technique, "digits", size, seed, score=score, fit=2.0, extra=2**24, **key))
                if valid:
                    held = rows.make(technique, "digits", size, seed, score=score, condition={"validation": 0.2}, **key)
                    held["quality"]["valid"] = {"accuracy": valid[technique]}
                    found.append(held)
    return found


def told(found, name, overlay="", device="cpu"):
    return curve.told(curve.exhibit(found, device), name, overlay)


def flat(n):
    return 0.1 + 0.5 * n**-0.3


def steep(n):
    return 0.02 + 2.2 * n**-0.42


def test_the_leader_its_rival_the_crossing_and_more_data():
    value, lines = told(made({"knn": flat, "mlp": steep}), "digits")
    answer = value["answer"]
    assert (answer["leader"]["arm"], answer["rival"]["arm"], answer["size"]) == ("mlp", "knn", 10_000)
    n = np.geomspace(32, 10_000, 10_001)
    truth = n[np.flatnonzero(np.diff(np.sign([flat(k) - steep(k) for k in n])))[-1]]
    crossing = answer["rival"]["crossing"]
    assert crossing["outcome"] == "crossover" and crossing["winner"] == "first"
    assert abs(np.log2(crossing["n"] / truth)) < 0.3 and crossing["low"] < truth < crossing["high"]
    gain = answer["more"]["measured"]
    assert gain["gain"] == pytest.approx(steep(3_162) - steep(10_000), abs=0.004) and gain["low"] > 0
    assert answer["more"]["fitted"]["gain"] == pytest.approx(steep(10_000) - steep(40_000), abs=0.006)
    text = " ".join(lines)
    assert "At 10,000 examples Multilayer perceptron" in text and "overtook the other at about" in text
    assert "More data helped" in text and "16 MiB" in text


def test_a_rival_that_comes_later_is_told_as_fitted_not_measured():
    slow = made({"knn": lambda n: 0.1 + 0.5 * n**-0.3, "mlp": lambda n: 0.01 + 2.9 * n**-0.335})
    value, lines = told(slow, "digits")
    assert value["answer"]["leader"]["arm"] == "knn"
    later = value["answer"]["rival"]["later"]
    n = np.geomspace(10_000, 40_000, 1_001)
    truth = n[np.argmax(0.01 + 2.9 * n**-0.335 < 0.1 + 0.5 * n**-0.3)]
    assert later["n"] == pytest.approx(truth, rel=0.5) and "not measured" in " ".join(lines)


def test_chosen_on_validation_where_rows_were_held_out():
    value, _ = told(made({"knn": flat, "random_forest": steep}, valid={"knn": 0.9, "random_forest": 0.5}), "digits")
    assert value["answer"]["chosen_on"] == "validation" and value["answer"]["leader"]["arm"] == "knn"
    _, lines = told(made({"knn": flat, "random_forest": steep}), "digits")
    assert any("chosen by their test scores" in line for line in lines)


def test_one_size_and_one_seed_are_told_as_such():
    _, lines = told(made({"knn": flat, "mlp": steep}, (100,), 1), "digits")
    text = " ".join(lines)
    assert text.count("it takes two sizes with two common seeds") == 2


def test_published_figures_of_higgs():
    value, lines = told([], "higgs", "benchm-ml")
    passes = [line for line in lines if line.startswith("deep net")]
    assert any("linear" in line and "1,600" in line for line in passes)
    assert any("random forest" in line and "73,000" in line for line in passes)
    assert len(value["overlay"]) == 18 and any("without seeds" in line for line in lines)
    with pytest.raises(Mistake, match="has nothing on 'iris'"):
        told([], "iris", "benchm-ml")


def test_published_figures_of_what_is_no_dataset_here(tmp_path, capsys):
    picture = str(tmp_path / "curve.svg")
    assert cli.main(["curve", "-d", "airline", "--overlay", "benchm-ml", "-o", picture]) == 0
    assert "published auc, benchm-ml" in capsys.readouterr().out
    assert cli.main(["curve", "-d", "airline"]) == 2


def test_the_picture_holds_our_lines_and_the_published_ones(tmp_path, monkeypatch):
    """Every published score of the file at its size, beside ours; the file itself names each line."""
    drawn = []
    monkeypatch.setattr(figures.plt, "close", drawn.append)
    found = made({"knn": flat, "mlp": steep}, seeds=2)
    path = tmp_path / "new" / "higgs.svg"
    listed = published.overlay("benchm-ml", "higgs")
    figures.one(curve.exhibit(found).arms, listed, "Who leads", path)
    lines = [line.get_xydata() for line in drawn[0].axes[0].lines]
    ours = {tuple(line[:, 0]) for line in lines}
    assert tuple(map(float, SIZES)) in ours
    theirs = {(one["size"], one["value"]) for one in listed if one["value"] is not None}
    assert theirs <= {(size, value) for line in lines for size, value in line.tolist()}
    texts = [node.text for node in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert {"published: random forest", "published: deep net", "Multilayer perceptron", "Who leads"} <= set(texts)


def test_a_picture_is_written_where_it_is_asked_for(tmp_path, capsys):
    command = ["curve", "-d", "airline", "--overlay", "benchm-ml", "--json", "-o"]
    assert cli.main([*command, str(tmp_path / "airline.pdf")]) == 0
    assert json.loads(capsys.readouterr().out)["picture"] == str(tmp_path / "airline.pdf")
    assert (tmp_path / "airline.pdf").read_bytes().startswith(b"%PDF")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    for wrong in ("curve.jpg", "folder.png", "file/curve.png"):
        assert cli.main([*command, str(tmp_path / wrong)]) == 2
        assert wrong in capsys.readouterr().err
    cli.main([*command, str(tmp_path / "file" / "curve.png")])
    assert len(json.loads(capsys.readouterr().out)["overlay"]) > 18  # the answer is not lost with its picture


def test_a_file_of_ones_own(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 3))
    y = np.where(x[:, 0] + 0.3 * generator.normal(size=300) > 0, "yes", "no")
    lines = [",".join(f"{value:.4f}" for value in row) + f",{label}" for row, label in zip(x, y, strict=True)]
    (tmp_path / "mine.csv").write_text("a,b,c,y\n" + "\n".join(lines) + "\n")
    command = ["curve", "-d", str(tmp_path / "mine.csv"), "--target", "y", "-t", "knn", "-t", "mlp", "--seeds", "2"]
    command += ["-o", str(tmp_path / "curve.svg")]
    assert cli.main([*command, "--results", str(tmp_path / "rows"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"]["size"] == 240 and told["answer"]["chosen_on"] == "validation"
    assert {told["answer"]["leader"]["arm"], told["answer"]["rival"]["arm"]} == {"knn", "mlp"}
    assert cli.main([*command, "--results", str(tmp_path / "rows"), "--stored"]) == 0
    assert "At 240 examples" in capsys.readouterr().out
    assert cli.main([*command, "--results", str(tmp_path / "rows"), "--stored", "--sizes", "200"]) == 2
    assert "from this machine and these libraries" in capsys.readouterr().err


def test_of_a_named_dataset_only_what_is_asked_for_is_told(tmp_path, capsys):
    words = ["-d", "iris", "--seeds", "2", "--results", str(tmp_path / "rows")]
    techniques = ["-t", "knn", "-t", "naive_bayes", "-t", "decision_tree"]
    assert cli.main(["run", *words, *techniques, "--sizes", "32,100"]) == 0
    (tmp_path / "mine.py").write_text((curve.ROOT / "baselines" / "knn.py").read_text())
    own = ["-t", f"{tmp_path}/mine.py", "-t", "mlp[hidden=(20, 10)]"]
    assert cli.main(["run", *words, *own, "--sizes", "100"]) == 0
    stored = ["curve", *words, "--stored", "-o", str(tmp_path / "curve.svg"), "--json"]
    for more, size, arms in (
        ([], 100, {"knn", "naive_bayes", "decision_tree", "mine", "mlp[hidden=[20, 10]]"}),
        (["-t", "knn", "-t", "naive_bayes"], 100, {"knn", "naive_bayes"}),
        (["--sizes", "32"], 32, {"knn", "naive_bayes", "decision_tree"}),
        (["-t", f"{tmp_path}/mine.py", "-t", "mlp[hidden=(20, 10)]"], 100, {"mine", "mlp[hidden=[20, 10]]"}),
    ):
        capsys.readouterr()
        assert cli.main([*stored, *more]) == 0
        told = json.loads(capsys.readouterr().out)["answer"]
        said = {told["leader"]["arm"], told["rival"]["arm"], *([told["next"]["arm"]] if "next" in told else [])}
        assert told["size"] == size and said <= arms and len(said) > 1
    assert cli.main(["curve", *words, "--stored", "-t", "mlp"]) == 2
    assert "with what was asked for" in capsys.readouterr().err


def test_what_failed_and_what_was_left_out_are_in_the_json(tmp_path, capsys):
    words = ["curve", "-d", "iris", "-t", "selftest.raise", "--sizes", "32", "--seeds", "1", "--json"]
    assert cli.main([*words, "--results", str(tmp_path / "rows"), "-o", str(tmp_path / "curve.svg")]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["answer"] is None and told["failed"] >= 1 and told["left_out"] == 0 and told["stopped"] is None


def test_another_file_of_that_name_is_another_dataset(tmp_path, capsys, monkeypatch):
    """A, then B, then A again: the third run computes nothing, and tells A's scores and not B's."""
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for name, noise in (("a", 0.0), ("b", 1e9)):
        x = random.normal(size=(300, 2))
        y = x[:, 0] + noise * random.normal(size=300) > 0
        lines = [f"{u:.4f},{v:.4f},{'yes' if label else 'no'}" for (u, v), label in zip(x, y, strict=True)]
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.csv").write_text("u,v,y\n" + "\n".join(lines) + "\n")
    scores = []
    for name in "aba":
        words = ["curve", "-d", str(tmp_path / name / "train.csv"), "--target", "y", "-t", "knn", "-t", "naive_bayes"]
        words += ["--sizes", "100,200", "--seeds", "1", "--results", str(tmp_path / "rows"), "--json"]
        assert cli.main([*words, "-o", str(tmp_path / "curve.svg")]) == 0
        scores.append(json.loads(capsys.readouterr().out)["answer"]["leader"]["mean"])
    assert scores[0] == scores[2] > 0.8 > 0.7 > scores[1]


def test_a_size_where_all_failed_stays_in_the_table():
    found = made({"knn": flat, "mlp": steep})
    for technique, status in (("knn", "timeout"), ("mlp", "unsupported")):
        found.append(rows.make(technique, "digits", 31_623, 0, status=status, reason="too large"))
    lines = told(found, "digits")[1]
    assert lines[0].split()[-1] == "31,623"
    assert next(line for line in lines if line.startswith("k nearest")).split()[-1] == "failed"
    assert next(line for line in lines if line.startswith("Multilayer")).split()[-1] == "-"
    failed = [one for one in found if one["status"] != "ok"]
    for one in failed:
        one["quality"]["floor"] = None  # nothing was measured
    value, lines = told(failed, "digits")
    assert value["answer"] is None and lines[-1].startswith("No technique came through")
    assert lines[3].split() == ["(without", "learning)", "-"]


def test_the_choice_of_validation_and_the_verdict_of_the_test_set_are_both_told():
    laws = {"knn": lambda n: flat(n) - 0.03, "random_forest": flat, "mlp": lambda n: flat(n) - 0.06}
    value, lines = told(made(laws, valid={"knn": 0.8, "random_forest": 0.9, "mlp": 0.7}), "digits")
    text = " ".join(lines)
    assert value["answer"]["leader"]["arm"] == "random_forest"
    assert "was the best on validation, and is behind Multilayer perceptron on the test set" in text
    assert "Of its own kind k nearest neighbours comes next, in truth ahead" in text


def test_what_a_short_budget_left_out_is_named():
    found = made({"knn": flat, "mlp": steep}) + made({"random_forest": flat}, SIZES[:-1])
    value, lines = told(found, "digits")
    assert len(value["answer"]["untried"]) == 1
    assert f"Not run at 10,000, and perhaps better: {value['answer']['untried'][0]}." in lines


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--overlay", "benchm-ml"], "has nothing on"),
        (["--sizes", "1000"], "1,000"),
        (["--cells", "3"], "--cells has no meaning"),
        (["--claim", "D2"], "--claim has no meaning"),
    ],
)
def test_mistakes_are_told_before_anything_runs(tmp_path, capsys, more, told):
    assert cli.main(["curve", "-d", "iris", "-t", "knn", "--results", str(tmp_path), *more]) == 2
    assert told in capsys.readouterr().err and not list(tmp_path.rglob("*.jsonl"))


def test_the_last_step_of_data_is_told_up_to_the_size_that_both_kinds_reach():
    further = made({"knn": flat}, (31_623,))
    value, lines = told(made({"knn": lambda n: 0.02 + 0.5 * n**-0.3, "mlp": steep}) + further, "digits")
    assert value["answer"]["leader"]["arm"] == "knn" and value["answer"]["size"] == 10_000
    assert value["answer"]["more"]["measured"]["from"] == 3_162 and value["answer"]["more"]["fitted"]["at"] == 40_000
    assert "from 3,162 to 10,000 examples" in " ".join(lines)


def test_a_failed_seed_is_named_and_its_technique_is_not_ranked():
    found = made({"knn": flat, "random_forest": lambda n: flat(n) - 0.09, "mlp": steep}, seeds=3)
    where = {"technique": "random_forest", "size": 10_000, "seed": 2}
    last = next(one for one in found if one["key"] | where == one["key"])
    last |= {"status": "timeout", "reason": "longer than 300 s", "quality": None}
    value, lines = told(found, "digits")
    assert value["answer"]["size"] == 10_000 and value["answer"]["failed"] == {"Random forest": 1}
    assert next(line for line in lines if line.startswith("Random forest")).endswith("(1 failed)")
    assert any(line.startswith("Not ranked at 10,000") and "Random forest (1 failed)" in line for line in lines)


def test_what_was_not_reached_is_told():
    found = made({"knn": flat, "mlp": steep})
    value, lines = curve.told(curve.exhibit(found), "digits", wanted=40_000)
    assert value["answer"]["wanted"] == 40_000 and "40,000 examples were not reached" in " ".join(lines)
    assert "not reached" not in " ".join(curve.told(curve.exhibit(found), "digits", wanted=10_000)[1])


def test_one_without_held_out_rows_does_not_send_the_choice_to_the_test_set():
    laws = {"knn": flat, "random_forest": lambda n: flat(n) - 0.05, "mlp": steep}
    found = made(laws, valid={"knn": 0.9, "random_forest": 0.8, "mlp": 0.7})
    found = [one for one in found if not one["key"]["condition"] or one["key"]["technique"] != "random_forest"]
    value, lines = told(found, "digits")
    answer = value["answer"]
    assert (answer["chosen_on"], answer["leader"]["arm"], answer["unranked"]) == (
        "validation",
        "knn",
        ["Random forest"],
    )
    assert any("for want of a score on held-out rows: Random forest" in line for line in lines)


def test_the_test_scores_of_other_seeds_are_not_compared():
    """Of three seeds the third is an easy one; the net that has the first alone is still ahead on it."""
    easy = [0.0, 0.0, -0.3]
    found = [
        rows.make(technique, "digits", size, seed, score=1 - loss - easy[seed], budget=budget)
        for size in (100, 1_000)
        for technique, loss, budget, seeds in (("knn", 0.4, None, 3), ("mlp", 0.35, BUDGET, 1))
        for seed in range(seeds)
    ]
    assert told(found, "digits")[0]["answer"]["leader"]["arm"] == "mlp"


def test_a_part_of_the_folds_is_no_choice():
    """The budget ended among the held-out cells: one of three classic methods has a score."""
    laws = {"knn": flat, "random_forest": lambda n: flat(n) - 0.05, "naive_bayes": lambda n: flat(n) + 0.05}
    found = made(laws | {"mlp": lambda n: flat(n) + 0.1}, valid=dict.fromkeys([*laws, "mlp"], 0.9))
    some = [one for one in found if not one["key"]["condition"] or one["key"]["technique"] in ("knn", "mlp")]
    answer = told(some, "digits")[0]["answer"]
    assert (answer["chosen_on"], answer["leader"]["arm"], answer["unranked"]) == ("test", "random_forest", [])


def test_one_arm_with_one_seed_does_not_decide_by_that_seed():
    """Losses of five seeds; by the first alone knn is best, by all that the two classics have random_forest is."""
    losses = {"knn": [0.30, 0.40, 0.41, 0.40, 0.39], "random_forest": [0.31, 0.35, 0.36, 0.35, 0.34], "tree": [0.5]}
    found = [
        rows.make(technique, "digits", 100, seed, score=1 - loss)
        for technique, some in losses.items()
        for seed, loss in enumerate(some)
    ]
    value, lines = told(found, "digits")
    assert value["answer"]["leader"]["arm"] == "random_forest" and value["answer"]["unranked"] == ["tree"]
    assert "on validation" not in " ".join(lines)


def test_where_nobody_came_through_is_not_told_as_not_reached():
    found = made({"knn": flat, "mlp": steep}, seeds=2)
    for one in found:
        if one["key"]["size"] == 10_000 and one["key"]["seed"] == 1:
            one |= {"status": "timeout", "reason": "longer than 300 s", "quality": None}
    text = " ".join(curve.told(curve.exhibit(found), "digits", wanted=10_000)[1])
    assert "not reached" not in text and "Up to 10,000 were tried, and there no technique came through" in text


def test_only_searches_are_a_mistake_and_no_failed_cell():
    found = [rows.make("knn", "digits", tune=8)]
    with pytest.raises(Mistake, match="only rows of searches"):
        told(found, "digits")


def test_of_one_kind_the_second_is_the_rival():
    value, lines = told(made({"knn": flat, "random_forest": steep}), "digits")
    assert value["answer"]["rival"]["arm"] == "knn" and value["answer"]["rival"]["crossing"]["outcome"] == "crossover"
    assert any("leads k nearest neighbours: accuracy" in line for line in lines)
    assert any(line.startswith("Next, k nearest neighbours") for line in lines)
    assert "stands alone: accuracy" in " ".join(told(made({"knn": flat}), "digits")[1])


def test_a_few_equal_differences_prove_nothing():
    """Three seeds, each .1 apart: the sign flip's p is 1/8."""
    found = [
        rows.make(technique, "digits", size, seed, score=0.7 + better + (0.1 if size > 100 else 0), budget=budget)
        for size in (100, 1_000)
        for technique, better, budget in (("knn", 0.0, None), ("mlp", 0.1, BUDGET))
        for seed in range(3)
    ]
    text = " ".join(told(found, "digits")[1])
    assert "within the noise between seeds" in text and "made no clear difference: +10.0 points" in text


def test_a_rival_ahead_by_its_fit_is_not_told_to_come():
    laws = {"random_forest": flat, "mlp": lambda n: flat(n) - 0.03}
    value, lines = told(made(laws, valid={"random_forest": 0.9, "mlp": 0.7}), "digits")
    assert value["answer"]["rival"]["later"]["already"]
    text = " ".join(lines)
    assert "is ahead at 10,000 already" in text and "would lead from" not in text


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e5])
def test_a_regression_is_told_in_digits_of_its_unit(unit):
    found = made({"knn": flat, "mlp": steep})
    for row in found:
        quality = row["quality"]
        row["provenance"]["dataset"] |= {"metric": "rmse", "higher_is_better": False, "anchor": 0.0}
        rmse = unit * (1 - quality["test"]["accuracy"])
        quality |= {"metric": "rmse", "higher_is_better": False, "test": {"rmse": rmse}, "floor": {"rmse": unit}}
    value, lines = told(found, "digits")
    leader = value["answer"]["leader"]
    said = next(line for line in lines if line.startswith("At 10,000")).split("RMSE ")[1].split()[0]
    assert float(said.replace(",", "")) == pytest.approx(leader["mean"], rel=1e-3)


def test_leads_is_said_of_what_was_tested():
    near = {"random_forest": flat, "mlp": lambda n: flat(n) - 1e-5}
    for laws, seeds, said in (
        ({"knn": flat, "mlp": steep}, 5, "leads the classic methods: accuracy"),
        (near, 5, "within the noise"),
        (near, 1, "untested"),
    ):
        assert said in " ".join(told(made(laws, seeds=seeds), "digits")[1])


def test_dollars_or_cents_are_carried_on_alike():
    """A fit is drawn where it misses little of the way from floor to reference, whatever the unit of the target."""
    fitted = []
    for scale in (1.0, 1e5):
        found = made({"knn": flat, "mlp": steep})
        for row in found:
            quality = row["quality"]
            row["provenance"]["dataset"] |= {"metric": "rmse", "higher_is_better": False, "anchor": 0.0}
            rmse = scale * (1 - quality["test"]["accuracy"])
            quality |= {"metric": "rmse", "higher_is_better": False, "test": {"rmse": rmse}, "floor": {"rmse": scale}}
        fitted.append(told(found, "digits")[0]["answer"]["more"]["fitted"])
    assert fitted[0] and fitted[1]["gain"] == pytest.approx(1e5 * fitted[0]["gain"], rel=1e-6)


def test_the_device_asked_for_is_answered_for(monkeypatch):
    gpu = [row | {"id": row["id"][::-1]} for row in made({"knn": flat, "mlp": steep}, SIZES[:3], 2)]
    for row in gpu:
        row["key"]["device"] = "cuda"
    found = made({"knn": flat, "mlp": steep}) + gpu
    assert told(found, "digits", device="cuda")[0]["device"] == "cuda"
    value, lines = told(found, "digits")
    assert value["device"] == "cpu" and "to fit on fake-2c-8g-000000" in " ".join(lines)
    monkeypatch.setattr(curve.machine, "fingerprint", lambda: rows.MACHINE)
    assert "to fit here" in " ".join(told(found, "digits")[1])


@pytest.mark.parametrize("flag", ["--tune", "--offers"])
def test_what_the_curve_does_not_do_is_refused(flag, tmp_path, capsys):
    assert cli.main(["curve", "-d", "iris", flag, "4", "--results", str(tmp_path)]) == 2
    assert f"{flag}: eras curve compares techniques as they stand" in capsys.readouterr().err


@pytest.mark.parametrize("arguments, told", [([], "one dataset"), (["-d", "iris", "--stored"], "no rows of iris")])
def test_mistakes(tmp_path, capsys, arguments, told):
    (tmp_path / "rows").mkdir()
    assert cli.main(["curve", *arguments, "--results", str(tmp_path / "rows")]) == 2
    assert told in capsys.readouterr().err

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
                noise = 0.002 * np.random.default_rng([len(technique), size, seed]).normal()
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


def test_published_figures_of_what_is_no_dataset_here(capsys):
    assert cli.main(["curve", "-d", "airline", "--overlay", "benchm-ml"]) == 0
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
    assert cli.main([*command, "--results", str(tmp_path / "rows"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"]["size"] == 240 and told["answer"]["chosen_on"] == "validation"
    assert {told["answer"]["leader"]["arm"], told["answer"]["rival"]["arm"]} == {"knn", "mlp"}
    assert cli.main([*command, "--results", str(tmp_path / "rows"), "--stored"]) == 0
    assert "At 240 examples" in capsys.readouterr().out


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
        assert (
            cli.main([*words, "--sizes", "100,200", "--seeds", "1", "--results", str(tmp_path / "rows"), "--json"]) == 0
        )
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
    with pytest.raises(Mistake, match="every technique has failures"):
        told([one for one in found if one["status"] != "ok"], "digits")


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

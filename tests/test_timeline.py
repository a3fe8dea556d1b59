"""The timeline from made-up rows: verdicts beside their techniques, what is shown, and what a fixed quality cost."""

import base64
import io
import json
import re
import shlex
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from harness import catalogue, claims, cli, contract, report, timeline
from harness.contract import Arm, Claim
from harness.report import timeline as drawn
from tests.rows import make
from tests.test_report import HOSTILE, Elements

FOREST, TREE = Arm("random_forest"), Arm("decision_tree")


def registered(*named):
    """Claims that a forest is better than a tree, each at its own size."""
    return [
        ("random_forest", Claim(name, f"{name} is true.", ("digits",), (a_test(size),), 0.9, "published"))
        for name, size in named
    ]


def a_test(size, **more):
    return contract.Test("difference", (FOREST, TREE), "accuracy", 0.01, 0.05, 5, {"size": (size,)}, (), **more)


def rows(gap=0.05, size=100, **key):
    chance, found = np.random.default_rng(size), []
    for seed in range(5):
        found.append(make("random_forest", "digits", size, seed, 0.8 + gap + chance.normal(0, 0.004), **key))
        found.append(make("decision_tree", "digits", size, seed, 0.8, **key))
    return found


@pytest.fixture
def three(monkeypatch):
    """One claim that passes, one that fails, one that was not run; the rows, and the exhibit."""
    monkeypatch.setattr(claims, "registered", lambda: registered(("One", 100), ("Two", 316), ("Three", 1000)))
    made = [*rows(), *rows(gap=-0.05, size=316)]
    for row in made:
        row["provenance"]["account"] = {"claims": ["One"]}
    return made, timeline.exhibit(made)


def of(found, name):
    return next(one for one in found["techniques"] if one["name"] == name)


def test_every_technique_is_there_and_claims_stand_with_theirs(three):
    made, found = three
    assert {one["name"] for one in found["techniques"]} == set(catalogue.names("technique"))
    years = [one["year"] for one in found["techniques"]]
    assert years == sorted(years)
    forest = of(found, "random_forest")
    assert [one["verdict"] for one in forest["claims"]] == ["pass", "fail", "not run"] and forest["verdict"] == "fail"
    assert of(found, "knn")["verdict"] == timeline.NONE
    assert found["headline"] == "Of 2 claims of history that were tested here 1 passed and 1 failed; 1 lacks rows."
    first = forest["claims"][0]
    assert set(first["tests"][0]["rows"]) == {row["id"] for row in made[:10]}
    assert np.shape(first["tests"][0]["values"]) == (2, 1, 5) and first["tests"][0]["values"][1][0] == [0.8] * 5
    assert json.loads(json.dumps(found, allow_nan=False)) is not None


def test_a_claim_of_the_plan_stands_with_its_first_arm(monkeypatch):
    ((_, claim),) = registered(("One", 100))
    monkeypatch.setattr(claims, "registered", lambda: [(claims.PLAN, claim)])
    assert of(timeline.exhibit(rows()), "random_forest")["claims"][0]["verdict"] == "pass"


def test_deviations_are_those_that_the_file_lists():
    found = timeline.deviations("lenet")
    assert len(found) == 6
    assert found[0].startswith("C3 sees all six maps of S2;") and found[0].endswith("61,706 here).")
    assert timeline.deviations("mlp")[0] == "ReLU units; the paper has logistic ones (equation 2)."


def changed(where, value):
    """A row with one field, named by its path, that is something else; of "gone" the field is not there."""
    row = make("knn", "fashion_mnist", 1000, 0, 0.9)
    row["trajectory"], row["told"], row["shown"] = [{"step": 1, "seconds": 1.0, "accuracy": 0.5}], {"a": 1.0}, {}
    *path, last = where.split(".")
    inner = row
    for name in path:
        inner = inner[int(name) if name.isdigit() else name]
    if value == "gone":
        del inner[last]
    else:
        inner[last] = value
    return row


@pytest.mark.parametrize(
    "where, value",
    [
        ("key", None), ("key.technique", 3), ("key.size", "many"), ("key.dtype", "gone"), ("key.libraries", "gone"),
        ("key.budget", "gone"), ("key.budget", 5), ("key.keywords", []), ("provenance", []), ("id", 5),
        ("provenance.started", 5), ("provenance.technique.year", "1990"), ("provenance.technique.year", 10**9),
        ("provenance.technique.year", 1990.5), ("provenance.technique.era", []), ("provenance.dataset.anchor", "x"),
        ("time", None), ("time", {}), ("time.fit", -1), ("time.fit", float("nan")), ("time.wall", float("nan")),
        ("work", None), ("work.flops", float("inf")), ("work.flops", 10**400), ("quality", None), ("quality.test", []),
        ("memory.parameters", "x"), ("time.steps", "x"), ("search", "x"),
        ("quality.floor", "x"), ("quality.test.accuracy", "x"), ("told", None), ("told", {"a": "x"}),
        ("shown", None), ("shown", {"x": "text"}), ("trajectory", [{}]), ("trajectory", 7), ("status", "fine"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_rows_that_are_no_rows_are_left_out(three, where, value):
    made, found = three
    assert timeline.exhibit([changed(where, value), *made, {}]) == found


def test_what_an_effect_is_not_defined_for_is_refused(monkeypatch):
    ratio = contract.Test("ratio", (FOREST, TREE), "steps_to_target", 2.0, 5.0, 5, {"size": (100,)}, ())
    claim = Claim("One", "One.", ("digits",), (ratio,), 0.9, "published")
    monkeypatch.setattr(claims, "registered", lambda: [("random_forest", claim)])
    made = rows()
    for row in made:
        row["told"] = {"steps_to_target": row["key"]["seed"]}  # 0 steps
    (one,) = of(timeline.exhibit(made), "random_forest")["claims"]
    assert one["verdict"] == "refused" and "a ratio needs values" in one["tests"][0]["told"]
    assert drawn.section(timeline.exhibit(made))["cards"][0]["claims"][0]["tests"][0]["chart"] == ""


def test_the_command_of_a_claim_is_one_that_a_shell_reads():
    claim = Claim("D4 Zaremba's", "It.", ("digits",), (a_test(100),), 0.5, "published", gpu=True)
    assert shlex.split(timeline.command_of(claim))[:7] == [
        *("eras", "run", "claims", "--claim", "D4 Zaremba's", "--device", "cuda"),
    ]


# ----------------------------------------------------------------------------------------------------------- the page


def written(tmp_path, made, found):
    return report.write(made, tmp_path / "page.html", history=found).read_text(encoding="utf-8")


def test_every_mark_leads_to_its_card(three, tmp_path):
    made, found = three
    page = written(tmp_path, made, found)
    tags = Elements(page).found
    marks = [tag["href"] for name, tag in tags if name == "a" and str(tag.get("href")).startswith("#of-")]
    assert marks == ["#of-random-forest"] * 2  # wide, narrow
    assert [tag["id"] for name, tag in tags if name == "details" and tag.get("id")] == ["of-random-forest"]
    for svg in re.findall(r'<svg class="chart timeline".*?</svg>', page, re.S)[:2]:
        assert [svg.count(f'"v-{word}"') for word in ("pass", "fail")] == [1, 1] and svg.count("v-not-run h") == 1
        assert svg.count('class="none"') == len(catalogue.names("technique")) - 1
    assert f"<h1>{found['headline']}</h1>" in page and "<h2>Of 2" not in page  # a page of claims alone
    assert "eras run claims --claim Two" in page and made[3]["id"] in page
    assert {path.stem for path in (tmp_path / "figures").iterdir()} >= {"fig9_timeline"}


def test_a_page_of_other_rows_too_keeps_its_title(three, tmp_path):
    made, found = three
    page = written(tmp_path, [*made, *(make(seed=k) for k in range(3))], found)
    assert f"<h2>{found['headline']}</h2>" in page and f"<h1>{found['headline']}" not in page


def test_beside_other_rows_only_techniques_with_a_claim_that_was_run_have_cards(three):
    _, found = three
    forest, other = of(found, "random_forest"), of(found, "knn")
    (idle,) = [claim for claim in forest["claims"] if claim["verdict"] == "not run"]
    forest["claims"].remove(idle)
    other["claims"].append(idle)
    whole, beside = drawn.section(found), drawn.section(found, whole=False)
    assert [card["name"] for card in whole["cards"]] == ["knn", "random_forest"] and whole["uncarded"] == 0
    assert [card["name"] for card in beside["cards"]] == ["random_forest"] and beside["uncarded"] == 1
    for chart in beside["charts"].values():
        assert chart.count("v-not-run") == 1 and chart.count("<a class") == 1, "the mark stays, and leads nowhere"


def test_where_nothing_was_tested_there_is_no_section(monkeypatch, tmp_path):
    monkeypatch.setattr(claims, "registered", lambda: registered(("Three", 1000)))
    made = [make(seed=k) for k in range(3)]
    assert timeline.exhibit(made)["reach"] is None and drawn.section(timeline.exhibit(made)) is None
    assert 'id="timeline"' not in written(tmp_path, made, timeline.exhibit(made))


def test_bars_stand_where_the_numbers_are(three):
    _, found = three
    test = of(found, "random_forest")["claims"][0]["tests"][0]
    svg = str(drawn.bars(test))
    zero, least = (float(x) for x in re.findall(r'd="M([\d.]+) 2V24"', svg))
    low, high = map(float, re.search(r'class="l" d="M([\d.]+) 13H([\d.]+)"', svg).groups())
    mean = float(re.search(r'x="([\d.]+)" y="13"', svg).group(1))
    scale = (mean - zero) / test["found"]["mean"]
    places = [test["least"], test["found"]["low"], test["found"]["high"]]
    assert len(re.findall(r"M[\d.]+ 2V24", str(drawn.bars(test | {"effect": "equivalence"})))) == 3  # 0, least, -least
    assert [least - zero, low - zero, high - zero] == pytest.approx([scale * value for value in places], abs=0.3)


def test_samples_are_shown_and_hostile_ones_do_no_harm(three, tmp_path):
    made, _ = three
    pictures = np.random.default_rng(0).integers(0, 256, (3, 4, 5)).astype(np.uint8)
    pixels = base64.b64encode(pictures.tobytes()).decode()
    made[0]["shown"] = {"drawn": {"shape": [3, 4, 5], "pixels": pixels}, HOSTILE: {"text": HOSTILE}}
    made[1]["shown"] = {
        "too many": {"shape": [4, 4, 5], "pixels": pixels},
        "no numbers": {"shape": ["a", -1, None], "pixels": pixels},
        "no base64": {"shape": [1, 1, 1], "pixels": "<&>"},
        "nothing": {},
    }
    page = written(tmp_path, made, timeline.exhibit(made))
    ((_, image),) = [found for found in Elements(page).found if found[0] == "img"]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(image["src"].split(",")[1]))))
    assert sheet.shape == (4, 17)
    assert all((sheet[:, 6 * k : 6 * k + 5] == pictures[k]).all() for k in range(3))
    assert "onerror" not in {name for _, tag in Elements(page).found for name in tag} and HOSTILE not in page


# ---------------------------------------------------------------------------------------------- what a quality has cost


def costs(technique, size, score, fit, flops, dataset="fashion_mnist", seed=0, **key):
    row = make(technique, dataset, size, seed, score, fit=fit, **key)
    row["work"]["flops"] = flops
    return row


def test_the_cheapest_way_is_the_brute_force_one():
    """On Fashion-MNIST skill .9 is .817: floor .1, reference .897."""
    made = [
        costs("knn", 100, 0.70, 0.01, 10.0),
        costs("knn", 1000, 0.83, 0.3, 90.0),
        costs("knn", 10_000, 0.85, 2.0, 900.0),
        costs("mlp", 100, 0.82, 5.0, 1e6),
        costs("mlp", 1000, 0.88, 3.0, 2e6),
        costs("lenet", 1000, 0.90, 9.0, 1e8),
        costs("lenet", 1000, 0.90, 0.1, 1.0, tune=8),
        costs("lenet", 1000, 0.90, 0.1, 1.0, keywords={"width": 8}),
        costs("lenet", 1000, 0.90, 0.1, 1.0, device="cuda"),
        costs("random_forest", 1000, 0.60, 1.0, None),
        costs("random_forest", 100, 0.89, 0.1, None),
        costs("random_forest", 100, 0.60, 0.1, None, seed=1),  # a lucky seed is not enough
    ]
    found = timeline.reach(made)
    assert (found["dataset"], found["score"]) == ("fashion_mnist", pytest.approx(0.1 + 0.9 * 0.797))
    got = {one["name"]: (one["seconds"], one["flops"]) for one in found["lines"]}
    assert got == {"knn": (0.3, 90.0), "mlp": (3.0, 1e6), "lenet": (9.0, 1e8), "random_forest": (None, None)}
    assert [one["year"] for one in found["lines"]] == [1967, 1986, 1998, 2001]
    assert timeline.reach(made[:3]) is None  # of one technique alone there is no history
    trial = costs("batch_norm", 1000, 0.95, 1.0, 1.0, condition={"validation": 0.2})
    assert timeline.reach([*made, trial]) == found  # a search's trial says nothing of its end: no line, and no "never"
    older = [costs("mlp", 1000, 0.1, 900.0, 2e6, code="old"), costs("knn", 1000, 0.99, 0.1, 9.0, threads=1)]
    older[0]["provenance"]["started"] = "2020-01-01T00:00:00Z"
    assert timeline.reach([*made, *older]) == found  # an older code is no second seed, other threads no other way
    easy = [costs(name, 100, 0.97, 0.01, 1.0, "digits") for name in ("knn", "mlp", "lenet")]
    assert timeline.reach([*made, *easy])["dataset"] == "fashion_mnist"  # as many, of as many eras, and dearer


def test_points_on_the_way_count_with_their_share_of_the_work():
    row = costs("mlp", 1000, 0.9, 8.0, 1000.0, condition={"validation": 0.2})
    row["time"]["steps"] = 400
    row["trajectory"] = [
        {"step": step, "seconds": step / 100, "accuracy": score} for step, score in ((100, 0.6), (200, 0.85))
    ]
    others = [costs("knn", 1000, 0.9, 1.0, 1.0), costs("lenet", 1000, 0.9, 1.0, 1.0)]
    (one,) = [one for one in timeline.reach([row, *others])["lines"] if one["name"] == "mlp"]
    assert (one["seconds"], one["flops"]) == (2.0, 500.0)
    assert len(one["points"]) == 2  # its end was trained on fewer rows than it says


def test_dots_stand_where_their_numbers_say():
    lines = [
        {"name": name, "title": name, "year": year, "era": None, "seconds": seconds, "flops": None, "points": []}
        for name, year, seconds in (("a", 1970, 100.0), ("b", 1990, 1.0), ("c", 2010, 10.0))
    ]
    svg = str(drawn.reached(lines, "seconds"))
    a, b, c = ((float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg))
    assert b[0] - a[0] == pytest.approx(c[0] - b[0], abs=0.2)
    assert b[1] - a[1] == pytest.approx(2 * (b[1] - c[1]), abs=0.3)
    assert re.search(r'class="front" d="M[\d.]+ [\d.]+H[\d.]+V[\d.]+"', svg)  # the third is no new lowest


def test_claims_are_named_by_words_before_letters(monkeypatch):
    monkeypatch.setattr(claims, "registered", lambda: registered(("D2 a", 1), ("D22 b", 2), ("D21", 3), ("P1", 4)))
    for asked, expected in ((["D2"], ["D2 a"]), (["D"], ["D2 a", "D22 b", "D21"]), (["D21", "D2"], ["D21", "D2 a"])):
        assert [one.name for one in claims.named(asked, "cpu")] == expected
    monkeypatch.setattr(claims, "registered", lambda: registered(("D15 Adam", 1), ("D15 Adam untuned", 2)))
    assert [one.name for one in claims.named(["D15 Adam"], "cpu")] == ["D15 Adam"]


def test_claims_for_a_gpu_are_run_there_or_by_their_whole_name(monkeypatch):
    ((_, claim),) = registered(("D1 one", 1))
    monkeypatch.setattr(claims, "registered", lambda: [("knn", replace(claim, gpu=True))])
    assert len(claims.named(["D1"], "cuda")) == len(claims.named(["D1 one"], "cpu")) == 1
    with pytest.raises(catalogue.Mistake, match="for a GPU"):
        claims.named(["D1"], "cpu")


def test_claims_can_be_named_when_they_are_run(tmp_path, capsys):
    name = next(claim.name for technique, claim in claims.registered() if technique == "q_learning")
    capsys.readouterr()
    assert cli.main(["plan", "claims", "--claim", name, "--results", str(tmp_path), "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert [(one["technique"], one["cells"]) for one in planned["cells"]] == [("q_learning", 40)]
    assert cli.main(["plan", "-t", "knn", "--claim", name, "--results", str(tmp_path)]) == 2
    assert "only the plan claims has claims" in capsys.readouterr().err
    assert cli.main(["plan", "claims", "--claim", "No such", "--results", str(tmp_path)]) == 2
    assert "no claim begins with 'No such'; there are" in capsys.readouterr().err
    assert cli.main(["plan", "smoke", "--claim", name, "--results", str(tmp_path)]) == 2
    assert "only the plan claims has claims" in capsys.readouterr().err

"""Rows to tables: a known table in, known numbers and sentences out. All rows are made up."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats as reference

from harness import analyse
from tests.rows import make, many


def tables(rows):
    table = analyse.frame(rows)
    points = analyse.curves(table)
    return table, points, analyse.leaders(points, table)


def headline(rows):
    return analyse.headline(*tables(rows)[1:])


def scores(technique, values, size=100, **given):
    return [make(technique, size=size, seed=seed, score=score, **given) for seed, score in enumerate(values)]


def test_frame_has_one_flat_line_per_cell():
    table = analyse.frame([make(size=316, seed=3, score=0.9, fit=1.5, extra=64 * 2**20)])
    line = table.iloc[0]
    assert (line["technique"], line["dataset"], line["size"], line["seed"]) == ("knn", "digits", 316, 3)
    assert (line["score"], line["floor"], line["anchor"]) == (0.9, 0.1, 0.98)
    assert (line["fit_seconds"], line["extra_mib"], line["flops"]) == (1.5, 64.0, 316e6)
    assert (line["era"], line["label"], line["status"]) == ("statistics", "k nearest neighbours", "ok")


def test_skill_is_zero_at_the_floor_and_one_at_the_anchor_whichever_way_the_metric_points():
    table = analyse.frame(
        [
            make(dataset="digits", score=0.1),
            make(dataset="digits", score=0.98, seed=1),
            make(dataset="friedman1", score=4.9),
            make(dataset="friedman1", score=1.3, seed=1),
            make(dataset="friedman1", score=1.0, seed=2),
        ]
    )
    assert table["skill"].tolist() == pytest.approx([0, 1, 0, 1, 3.9 / 3.6])


def test_the_last_ok_row_of_a_cell_wins():
    retried = [make(status="timeout", reason="slow"), make(score=0.5), make(score=0.6), make(status="oom")]
    table = analyse.frame([*retried, make(seed=1, status="oom"), make(seed=1, status="timeout")])
    assert table["status"].tolist() == ["ok", "timeout"]
    assert table["score"].iloc[0] == 0.6
    assert table.attrs["told"] == ["4 rows were measured again later; the newest stands"]
    other_code = analyse.frame([make(score=0.5, code="old"), make(score=0.7, code="new")])
    assert other_code["score"].tolist() == [0.7]


def test_rows_without_a_place_are_told_and_any_field_may_be_null():
    key = {"technique": "t", "dataset": "d", "size": 10, "seed": 0}
    bare = {"key": key, "status": "ok", "quality": None, "time": None}
    table = analyse.frame([bare, {"key": None, "status": "ok"}, {}, make() | {"provenance": None}])
    assert len(table) == 2
    assert table.attrs["told"] == ["2 rows name no technique, dataset, size or seed and are left out"]
    points = analyse.curves(table)
    assert len(points) == 2
    assert analyse.headline(points, analyse.leaders(points, table))


def test_other_keywords_are_other_arms_and_threads_are_named_only_where_they_differ():
    rows = [make(), make(keywords={"k": 1}), make(tune=8), make(condition={"flip": True})]
    assert set(analyse.frame(rows)["arm"]) == {"knn", "knn[k=1]", "knn tuned 8", "knn flip=True"}
    threads = [make(threads=1), make(threads=4), make("mlp", threads=4)]
    assert sorted(analyse.frame(threads)["arm"]) == ["knn 1 threads", "knn 4 threads", "mlp"]
    devices = analyse.frame([make(), make(device="cuda")])
    assert sorted(devices["label"]) == ["k nearest neighbours on cpu", "k nearest neighbours on cuda"]


def test_curves_hold_mean_interval_quartiles_and_failures():
    values = [0.80, 0.83, 0.81]
    rows = [make(seed=s, score=v, fit=f) for s, (v, f) in enumerate(zip(values, (1.0, 2.0, 9.0), strict=True))]
    failed = [make(seed=seed, status="timeout", reason="longer than 5 s") for seed in (3, 4)]
    odd = [make("lenet", status="unsupported", reason="no images")]
    points = analyse.curves(analyse.frame([*rows, *failed, *odd])).set_index("technique")
    knn = points.loc["knn"]
    t = reference.t.interval(0.95, 2, loc=np.mean(values), scale=reference.sem(values))
    assert (knn["n"], knn["mean"]) == (3, pytest.approx(np.mean(values)))
    assert (knn["low"], knn["high"]) == pytest.approx(t)
    assert (knn["fit_seconds_low"], knn["fit_seconds"], knn["fit_seconds_high"]) == (1.5, 2.0, 5.5)
    assert (knn["cells"], knn["failures"], knn["reasons"]) == (5, 2, "2 x timeout: longer than 5 s")
    assert knn["command"] == "eras run -t knn -d digits --sizes 100 --seeds 5 --device cpu"
    lenet = points.loc["lenet"]
    assert (lenet["n"], lenet["failures"], lenet["reasons"]) == (0, 0, "1 x unsupported: no images")
    assert math.isnan(lenet["mean"])


def test_one_seed_has_no_interval():
    point = analyse.curves(analyse.frame([make(score=0.7)])).iloc[0]
    assert (point["n"], point["mean"]) == (1, 0.7)
    assert math.isnan(point["low"]) and math.isnan(point["high"])


def test_commands_quote_for_the_shell_and_leave_out_what_only_a_plan_can_ask():
    rows = [make(size=n, keywords={"k": 1}) for n in (100, 32)] + [make(tune=8)]
    assert analyse.commands(analyse.frame(rows)) == [
        "eras run -t 'knn[k=1]' -d digits --sizes 32,100 --seeds 1 --device cpu"
    ]


def test_slope_recovers_the_exponent_from_the_large_end():
    sizes = np.array([32, 100, 316, 1000, 3162, 10000])
    points = pd.DataFrame({"size": sizes, "fit_seconds": np.maximum(0.002, 1e-6 * sizes**1.3)})
    assert analyse.slope(points, "fit_seconds") == pytest.approx(1.3, abs=0.05)
    assert analyse.slope(points.assign(fit_seconds=1e-6 * sizes**1.3), "fit_seconds") == pytest.approx(1.3)
    assert math.isnan(analyse.slope(points, "fit_seconds", above=0.01))  # two points are not enough


def test_leaders_pair_by_seed():
    a, b = [0.80, 0.90, 0.70, 0.85, 0.75], [0.78, 0.89, 0.67, 0.83, 0.74]
    _, _, lead = tables(scores("knn", a) + scores("mlp", b) + scores("lenet", [0.1] * 5))
    line = lead.iloc[0]
    expected = reference.ttest_rel(a, b).confidence_interval(0.95)
    assert (line["arm"], line["second"], line["pairs"]) == ("knn", "Multilayer perceptron", 5)
    assert (line["low"], line["high"]) == pytest.approx((expected.low, expected.high))
    assert line["significant"]  # unpaired it would drown: the spread over seeds is ten times the difference
    assert reference.ttest_ind(a, b).pvalue > 0.5


def test_lower_is_better_leads_too():
    rows = scores("knn", [1.0, 1.1, 1.2], dataset="friedman1") + scores("mlp", [2.0, 2.1, 2.3], dataset="friedman1")
    _, _, lead = tables(rows)
    assert (lead["arm"].iloc[0], lead["lead"].iloc[0]) == ("knn", pytest.approx((1 + 1 + 1.1) / 3))


def test_a_technique_with_failures_does_not_lead():
    rows = scores("knn", [0.9, 0.9]) + [make("knn", seed=2, status="timeout")] + scores("mlp", [0.5, 0.6, 0.5])
    _, _, lead = tables(rows)
    assert (lead["arm"].iloc[0], lead["second"].iloc[0], lead["significant"].iloc[0]) == ("mlp", None, False)


def test_false_leads_are_rare_between_equals():
    random = np.random.default_rng(0)
    rows = [
        make(technique, dataset=f"d{k}", seed=seed, score=float(random.normal(0.8, 0.02)))
        for k in range(150)
        for technique in ("knn", "mlp", "lenet")
        for seed in range(5)
    ]
    _, _, lead = tables(rows)
    assert lead["significant"].mean() <= 0.06


FAR = ([0.50, 0.51, 0.49], [0.90, 0.91, 0.90])  # (worse, better) by far more than the noise
NEAR = ([0.70, 0.74, 0.71], [0.74, 0.70, 0.72])


@pytest.mark.parametrize(
    "course, sentence",
    [
        ("aaa", "On Digits, k nearest neighbours leads from 32 to 316 examples."),
        ("aab", "On Digits, up to 100 examples k nearest neighbours leads and at 316 Random forest leads."),
        ("abb", "On Digits, at 32 examples k nearest neighbours leads and from 100 Random forest leads."),
        ("a=b", "On Digits, at 32 examples k nearest neighbours leads, at 100 the lead is open, "
                "at 316 Random forest leads."),
        ("ababa", "On Digits, the lead changes hands: k nearest neighbours leads clearly at 32 examples, "
                  "k nearest neighbours at 3,162."),
        ("===", "On Digits, Random forest is ahead at 32 and 316 examples, "
                "but no lead stands out from the noise between seeds."),
        ("a", "On Digits, k nearest neighbours leads at 32 examples."),
    ],
)  # fmt: skip
def test_headline_tells_the_course_of_the_lead(course, sentence):
    rows = []
    for size, state in zip((32, 100, 316, 1000, 3162), course, strict=False):
        low, high = NEAR if state == "=" else FAR
        first, second = (high, low) if state == "a" else (low, high)
        rows += scores("knn", first, size) + scores("random_forest", second, size)
    _, points, lead = tables(rows)
    assert analyse.headline(points, lead) == sentence
    before = [None, *lead["arm"]][: len(lead)]
    assert lead["changed"].tolist() == [a is not None and a != b for a, b in zip(before, lead["arm"], strict=True)]


def test_a_headline_counts_what_its_task_counts():
    words = {"task": "next_token", "size": 1000}
    assert headline(scores("knn", [0.7], **words)).endswith("at 1,000 training tokens.")
    for worse, better in (FAR, NEAR):  # one leads, or none
        said = headline(scores("knn", better, **words) + scores("random_forest", worse, **words))
        assert "1,000 tokens" in said and "example" not in said


def test_headline_of_little():
    one = headline(scores("knn", [0.7], 32) + scores("knn", [0.8], 100))
    assert one == "k nearest neighbours on Digits: accuracy from 0.7 at 32 to 0.8 at 100 training examples."
    seed = headline(scores("knn", [0.7], 32) + scores("mlp", [0.8], 32))
    assert "cannot be tested" in seed and "Multilayer perceptron comes out best at 32" in seed
    assert headline([make(status="oom")]) == "No cell came out: there is nothing to draw."


def test_main_picture_is_real_and_wide():
    rows = many(datasets=("friedman1",), sizes=(32, 100, 316, 1000), seeds=1)
    rows += many(datasets=("digits",), sizes=(32, 100), seeds=1)
    rows += many(datasets=("adult",), sizes=(32, 1000), seeds=1)
    assert analyse.main_picture(analyse.curves(analyse.frame(rows)))[0] == "adult"
    generated = many(datasets=("friedman1",), sizes=(32,), seeds=1)
    assert analyse.main_picture(analyse.curves(analyse.frame(generated)))[0] == "friedman1"


def test_missing_and_summary_count_every_status():
    rows = many(sizes=(32, 100), seeds=2, techniques=("knn", "mlp"), datasets=("digits",))
    rows += [make("lenet", size=32, seed=s, status="timeout", reason="slow") for s in range(3)]
    rows += [make("svm", size=32, status="oom"), make("svm", dataset="adult", size=32, status="unsupported")]
    table = analyse.frame(rows)
    states = analyse.missing(table).set_index("status")
    assert states["cells"].to_dict() == {"ok": 8, "timeout": 3, "oom": 1, "unsupported": 1}
    assert states["share"].sum() == pytest.approx(1)
    assert (states.loc["timeout", "arms"], states.loc["timeout", "reason"]) == ("lenet", "slow")
    assert analyse.summary(table) == (
        "2 datasets, 4 techniques, 2 sizes, 1-3 seeds; 8 of 13 cells ok, 3 timed out, 1 out of memory, 1 unsupported"
    )
    forms = analyse.summary(analyse.frame([*rows, make("knn", size=32, keywords={"k": 3})]))
    assert forms.startswith("2 datasets, 4 techniques in 5 forms, 2 sizes")
    assert analyse.machines(table) == ["Fake CPU, 2 cores, 8 GB, Linux"]

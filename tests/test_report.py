"""The page and its figures, from made-up rows: nothing loaded, nothing executed, the frame's own numbers, any size.

What its script draws is tested in a browser: test_browser.py.
"""

import html.parser
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness import analyse, report
from harness.report import cards, changed, charts, data, figures_pooled, pooled, style
from tests import exhibits
from tests.rows import TECHNIQUES, make, many

HOSTILE = '</script><img src=x onerror="alert(1)">{{ 7*7 }}<!--&amp;$\\frac'


def embedded(page: str) -> list[dict]:
    """The lines of the page's table, as its script reads them."""
    return unpacked(everything(page)["columns"])


def everything(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1))


def unpacked(columns: list[dict]) -> list[dict]:
    whole = {}
    for column in columns:
        codes = column.get("codes")
        whole[column["name"]] = [column["values"][k] for k in codes] if codes else column["values"]
    return [dict(zip(whole, line, strict=True)) for line in zip(*whole.values(), strict=True)]


class Elements(html.parser.HTMLParser):
    """Every start tag with its attributes, as a browser would find them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    rows = many(sizes=(32, 100, 316, 1000), seeds=3)
    rows += [make("mlp", "digits", 3162, seed, status="timeout", reason="longer than 120 s") for seed in range(3)]
    out = report.write(rows, tmp_path_factory.mktemp("report") / "new" / "page.html", ["1 torn line skipped"])
    return rows, out, out.read_text(encoding="utf-8")


@pytest.fixture
def no_figures(monkeypatch):
    """For tests of the page alone: drawing takes most of the time."""
    monkeypatch.setattr(report.figures, "write", lambda *given: [])


@pytest.fixture(scope="module")
def pooled_page(tmp_path_factory):
    """A page with every section, of a made-up exhibit."""
    made = exhibits.made_up()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report.scale, "exhibit", lambda rows: made)
        out = report.write(exhibits.rows(seeds=2), tmp_path_factory.mktemp("pooled") / "page.html")
    return made, out, out.read_text(encoding="utf-8")


def test_no_rows_is_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="no rows to report: run `eras run` first"):
        report.write([], tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_page_loads_nothing(written):
    _, _, page = written
    assert not re.findall(r"(?:src|href)=.https?:", page)
    assert not re.findall(r"@import|url\((?!#)", page)
    tags = Elements(page).found
    assert not {"link", "img", "iframe", "object", "embed"} & {tag for tag, _ in tags}
    assert all(one.get("href", "#").startswith("#") and "src" not in one for _, one in tags)
    policy = next(one["content"] for tag, one in tags if one.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "'unsafe-inline'; script-src 'sha256-" in policy


def test_numbers_in_the_page_are_those_of_the_frame(written):
    rows, _, page = written
    points = analyse.curves(analyse.frame(rows))
    lines = embedded(page)
    assert len(lines) == len(points)
    for line, (_, point) in zip(lines, points.iterrows(), strict=True):
        for name, source in (("dataset", "dataset_title"), ("technique", "label"), ("size", "size"), ("seeds", "n")):
            assert line[name] == point[source]
        for name in ("mean", "low", "high", "floor", "fit_seconds", "extra_mib"):
            expected = None if point[name] != point[name] else pytest.approx(point[name], rel=1e-5)
            assert line[name] == expected


def test_every_point_is_drawn_where_its_number_says(written):
    _, _, page = written
    lines = embedded(page)
    wide = re.search(r'<div class="wide">(.*?)</div>', page, re.S).group(1)
    marks = re.findall(r'<use href="#\w+" x="([\d.]+)" y="([\d.]+)" data-i="(\d+)"/>', wide)
    assert len(marks) == len(TECHNIQUES) * 4
    by_size = sorted((lines[int(i)]["size"], float(x)) for x, _, i in marks)
    assert all(a[1] <= b[1] for a, b in itertools.pairwise(by_size))
    by_score = sorted((lines[int(i)]["mean"], float(y)) for _, y, i in marks)
    assert all(a[1] >= b[1] for a, b in itertools.pairwise(by_score))  # SVG's y runs down: better is higher


def test_header_headline_notes_and_failures_are_there(written):
    rows, out, page = written
    table = analyse.frame(rows)
    points = analyse.curves(table)
    found = analyse.headline(points, analyse.leaders(points, table))
    assert f"<h1>{found}</h1>" in page and report.headline(out) == found
    assert analyse.summary(table) in page and "1 torn line skipped" in page
    assert 'class="alarm"' not in page
    assert "3 x timeout: longer than 120 s" in page
    assert "eras run -t knn -d digits --sizes 32,100,316,1000 --seeds 3 --device cpu" in page


def test_charts_are_images_with_titles_that_the_keyboard_reaches(written):
    _, _, page = written
    charts = [one for tag, one in Elements(page).found if tag == "svg" and one.get("class") == "chart"]
    assert len(charts) == 2  # for a wide screen and for a narrow one; the script draws the others
    assert all(one["role"] == "img" and one["tabindex"] == "0" for one in charts)
    for one in charts:
        assert re.search(rf'<title id="{one["aria-labelledby"]}">[^<]+</title>', page)
    for svg in re.findall(r'<svg class="chart".*?</svg>', page, re.S):
        ElementTree.fromstring(svg)  # raises where a tag is not closed


def test_figures_are_written_with_text_as_text(written):
    _, out, _ = written
    figures = out.parent / "figures"
    assert sorted(path.name for path in figures.iterdir()) == [
        f"{name}.{kind}"
        for name in ("fig1_scale", "fig2_datasets", "fig3_crossovers", "fig4_cost", "fig5_pareto")
        for kind in ("png", "svg")
    ]
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in figures.glob("*.png"))
    for path in figures.glob("*.svg"):
        assert ">Random forest</text>" in path.read_text()


@pytest.mark.filterwarnings("error:constrained_layout not applied")
def test_legends_lie_within_their_figures(tmp_path, monkeypatch):
    """Of many lines with long names, plain and tuned; and a whisker that is far too long leaves the others readable."""
    drawn = []
    monkeypatch.setattr(report.figures.plt, "close", drawn.append)
    monkeypatch.setattr(report.scale, "exhibit", lambda rows: exhibits.made_up())
    some = [
        make(f"{letter * 24} technique", dataset, size, seed, keywords={"width": width, "layers": 2}, tune=tune)
        for letter in "abcdefgh" for width in (32, 512) for tune in (0, 8)
        for dataset in ("digits", "adult", "fashion_mnist") for size in (100, 1_000) for seed in (0, 1)
    ]  # fmt: skip
    for row in some:
        row["quality"]["test"]["accuracy"] = 0.9 - 0.05 * (row["key"]["technique"][0] == "a") * row["key"]["seed"]
        row["told"] = {"landmarks": 2_000.0}  # a line of the panel for each of these arms
    report.write(some, tmp_path / "page.html")
    pareto = [figure for figure in drawn if "seconds to fit" in [axes.get_xlabel() for axes in figure.axes]]
    assert len(drawn) == 6 and len(pareto) == 1
    for legend in (legend for figure in drawn for legend in figure.legends):
        box, page = legend.get_window_extent(), legend.figure.bbox
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.x1 and box.y1 <= page.y1
    assert all(axes.get_ylim()[0] > -0.3 and axes.get_ylim()[1] < 1.6 for axes in pareto[0].axes)


def test_many_commits_stand_at_the_foot(tmp_path, no_figures):
    some = many(sizes=(32, 100), seeds=2)
    commits = [f"c0ffee{number:04}" for number in range(5)]
    for row, commit in zip(some, itertools.cycle(commits), strict=False):
        row["provenance"]["commit"] = commit
    page = report.write(some, tmp_path / "page.html").read_text(encoding="utf-8")
    head, _, foot = page.partition("<h1>")
    assert "5 commits (at the foot)" in head and not any(commit in head for commit in commits)
    assert "eras at commit " + ", ".join(commits) in foot


def test_same_rows_same_bytes(written, tmp_path):
    rows, out, page = written
    again = report.write(rows, tmp_path / "page.html", ["1 torn line skipped"])
    assert again.read_text(encoding="utf-8") == page
    for path in (out.parent / "figures").iterdir():
        assert (tmp_path / "figures" / path.name).read_bytes() == path.read_bytes()


def test_hostile_texts_stay_texts(tmp_path):
    rows = many(("knn", "mlp"), ("digits",), (32, 100), 2)
    rows += [make("knn", "digits", 316, 0, status="error", reason=HOSTILE)]
    for row in rows:
        row["provenance"]["technique"] |= {"title": HOSTILE + row["key"]["technique"], "paper": HOSTILE}
        row["provenance"]["dataset"] |= dict.fromkeys(("title", "licence", "source", "anchor_source"), HOSTILE)
        row["provenance"]["machine"]["cpu"] = row["provenance"]["versions"][HOSTILE] = HOSTILE
        row["key"]["keywords"] = {HOSTILE: HOSTILE}
    page = report.write(rows, tmp_path / "page.html", [HOSTILE]).read_text(encoding="utf-8")
    tags = Elements(page).found
    assert "img" not in {tag for tag, _ in tags} and "<img" not in page
    assert [tag for tag, _ in tags].count("script") == page.count("</script>") == 2
    assert not [name for _, one in tags for name in one if name.startswith("on")]
    assert {line["dataset"] for line in embedded(page)} == {HOSTILE}
    for path in (tmp_path / "figures").glob("*.svg"):
        assert "<img" not in path.read_text()


def test_types_that_no_row_should_have_do_not_break_the_page(tmp_path, no_figures):
    row = make()
    row["provenance"]["technique"] = {"title": ["a", 1], "year": "old", "paper": {}}
    row["provenance"]["dataset"] |= {"title": None, "licence": 5, "rows": "many", "higher_is_better": None}
    row["provenance"] |= {"versions": None, "started": 17, "commit": None}
    row["quality"]["test"]["accuracy"] = "good"
    page = report.write([row, make("mlp")], tmp_path / "page.html").read_text(encoding="utf-8")
    assert {line["technique"] for line in embedded(page)} == {"['a', 1]", "Multilayer perceptron"}


def test_an_approximation_is_marked_from_its_size_on(tmp_path):
    rows = [make("kernel_ridge", "digits", size, seed) for size in (1_000, 3_162, 10_000) for seed in (0, 1)]
    for row in rows:
        row["told"] = {"landmarks": 2_000.0, "loss": 0.5} if row["key"]["size"] > 1_000 else {}
    page = report.write(rows, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "is approximated from 3,162 on (2,000 landmarks)." in page
    assert [line["approximated"] for line in embedded(page)] == ["", "2,000 landmarks", "2,000 landmarks"]
    assert "approximated from 3,162 on" in (tmp_path / "figures" / "fig2_datasets.svg").read_text()


def test_only_failures_make_a_page_that_says_so(tmp_path):
    rows = [make(size=n, status="oom", reason="more than 4 GB") for n in (32, 100)]
    page = report.write(rows, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>No cell came out: there is nothing to draw.</h1>" in page
    assert "2 of 2 cells (100%) failed" in page and "Most often: more than 4 GB" in page
    assert [line["why"] for line in embedded(page)] == ["1 x oom: more than 4 GB"] * 2
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("failed, warned", [(1, False), (2, True)])
def test_alarm_above_a_tenth(tmp_path, no_figures, failed, warned):
    rows = [make(seed=seed) for seed in range(10)] + [make("mlp", status="unsupported", seed=s) for s in range(9)]
    rows[:failed] = [make(seed=seed, status="timeout") for seed in range(failed)]
    page = report.write(rows, tmp_path / "page.html").read_text(encoding="utf-8")
    assert ('class="alarm"' in page) is warned


def test_a_thousand_points_fit_half_a_megabyte(tmp_path, no_figures, monkeypatch):
    """How long it takes to write them is told by benchmarks/test_page.py."""
    datasets = tuple(f"{form}_{k}" for form in ("table", "image", "text", "sound") for k in range(4))
    monkeypatch.setattr(report.scale, "exhibit", lambda rows: exhibits.made_up(datasets))
    out = report.write(exhibits.rows(datasets, (*exhibits.SIZES, 31_623), seeds=1), tmp_path / "page.html")
    assert len(embedded(out.read_text(encoding="utf-8"))) > 1_000
    assert out.stat().st_size < 500_000


def test_the_page_of_the_curves_as_it_lies_here_fits_too():
    page = Path(report.__file__).parents[2] / "reports/curves/report.html"
    assert len(embedded(page.read_text(encoding="utf-8"))) > 500 and page.stat().st_size < 500_000


def test_one_point_and_perfect_scores_can_be_drawn(tmp_path):
    report.write([make(score=1.0)], tmp_path / "one.html")
    perfect = [make(t, size=n, score=1.0, seed=s) for t in ("knn", "mlp") for n in (32, 100) for s in range(3)]
    report.write(perfect, tmp_path / "perfect.html")
    awful = [make(size=n, dataset="friedman1", score=v) for n, v in ((32, -3.0), (100, 0.0), (316, 2.0))]
    report.write(awful, tmp_path / "awful.html")
    for name, points in (("one", 1), ("perfect", 4), ("awful", 3)):
        assert len(embedded((tmp_path / f"{name}.html").read_text(encoding="utf-8"))) == points


def test_line_end_labels_do_not_overlap():
    for wanted in ([100, 100, 100, 101], [5, 6, 7, 200], [290, 295, 299], [50.0]):
        placed = charts.spread([float(y) for y in wanted], 15, 10, 300)
        ordered = sorted(placed)
        assert all(b - a >= 15 - 1e-9 for a, b in itertools.pairwise(ordered))
        assert ordered[0] >= 10 and ordered[-1] <= 300
        assert [placed.index(y) for y in ordered] == sorted(range(len(wanted)), key=lambda k: wanted[k])
    crowd = charts.spread([50.0] * 40, 15, 10, 300)
    assert min(crowd) == pytest.approx(10) and max(crowd) == pytest.approx(300)


def test_a_slope_needs_three_resolved_points(tmp_path):
    rows = [make(size=n, extra=int(mib * 2**20)) for n, mib in ((32, 0.1), (100, 0.5), (316, 64), (1000, 128))]
    points = analyse.curves(analyse.frame(rows))
    seconds, speed, memory = data.panel(points, style.styles(points))["slopes"][0]
    assert seconds == pytest.approx(1.0, abs=0.1)  # as `make` has it for kNN
    assert memory is None and speed is not None


def test_a_tuned_line_looks_like_its_default_and_is_told_apart():
    rows = [make(name, tune=tune) for name in ("knn", "mlp") for tune in (0, 32)]
    lines = style.styles(analyse.curves(analyse.frame(rows)))
    looks = {arm: one for (arm, _, _), one in lines.items()}
    assert looks["mlp"].shape == looks["mlp tuned 32"].shape != looks["knn"].shape
    assert looks["mlp"].light == looks["mlp tuned 32"].light
    assert looks["mlp"].hollow and not looks["mlp tuned 32"].hollow
    assert not style.styles(analyse.curves(analyse.frame([make("knn")])))[
        "knn", "cpu", rows[0]["key"]["machine"]
    ].hollow


# ------------------------------------------------------------------------------------------------------ the pooled page


def test_pooled_points_are_drawn_where_their_numbers_say(pooled_page):
    made, _, page = pooled_page
    assert f"<h1>{made.titles['scale']}</h1>" in page
    for form in ("wide", "narrow"):
        drawn = re.search(rf'<div class="{form}">(.*?)</div>', page, re.S).group(1)
        ElementTree.fromstring(drawn)
        for role in style.ROLES:
            line = made.pooled[made.pooled["role"] == role].sort_values("size")
            group = re.search(rf'<g class="s c{role}" data-s="{role}"><path class="b" .*?</g>', drawn, re.S).group(0)
            marks = re.findall(r'<use href="#(\w+)" x="([\d.]+)" y="([\d.]+)" data-tip="(.*?)"', group, re.S)
            assert len(marks) == len(line) and {shape for shape, *_ in marks} == {style.ROLES[role][3]}
            assert np.corrcoef([float(x) for _, x, _, _ in marks], np.log(line["size"]))[0, 1] > 0.99999
            assert np.corrcoef([float(y) for _, _, y, _ in marks], line["iqm"])[0, 1] < -0.9999
            for (*_, tip), point in zip(marks, line.to_dict("records"), strict=True):
                assert f"skill {point['iqm']:.3f}" in tip and f"{point['low']:.3f} to {point['high']:.3f}" in tip
        faint = made.thin.groupby(["dataset", "role"]).ngroups
        assert drawn.count('class="thin ') == faint


def test_rows_of_nets_and_of_held_out_runs_make_the_pooled_picture(tmp_path, no_figures):
    """Through the real `scale.exhibit`: what it gives is what the page takes."""
    rows = exhibits.rows(sizes=(32, 100, 316, 1_000), seeds=2)
    held = []
    for row in rows:
        key = row["key"]
        if key["technique"] == "lenet":
            key["budget"] = {"amount": 10_000, "unit": "examples", "bytes": None}
            if row["memory"]:
                row["memory"]["parameters"] = 1_000 * key["keywords"]["width"]
        elif not key["tune"]:
            trial = make(key["technique"], key["dataset"], key["size"], key["seed"], condition={"validation": 0.2})
            trial["quality"]["valid"] = dict(trial["quality"]["test"])
            held.append(trial)
    page = report.write([*rows, *held], tmp_path / "page.html").read_text(encoding="utf-8")
    assert len(unpacked(everything(page)["pooled"])) == 4 * 4  # roles and sizes
    assert f"same {len(exhibits.DATASETS)} datasets at every size" in page
    assert page.count("<details><summary>by family") == 4


def test_leads_and_counts_stand_below_the_axis(pooled_page):
    made, _, page = pooled_page
    drawn = re.search(r'<div class="wide">(.*?)</div>', page, re.S).group(1)
    assert drawn.count('class="cross ') == len(made.leads)
    assert "medium net overtakes at 1,900 (95 %: 900 to 4,000)" in drawn
    for _, row in made.pooled.groupby("size"):
        assert f">{row['datasets'].iloc[0]}</text>" in drawn and f">{row['seeds'].iloc[0]}</text>" in drawn


def test_the_orderings_tell_verdict_families_and_evidence(pooled_page):
    made, _, page = pooled_page
    listed = re.search(r'<ol class="orderings">(.*?)</ol>', page, re.S).group(1)
    whole = made.orderings[made.orderings["family"] == ""]
    assert listed.count("<details>") == len(whole) == 4
    for one in whole.to_dict("records"):
        assert f'{one["sentence"]}: <b class="v {one["verdict"].replace(" ", "-")}">{one["verdict"]}</b>' in listed
    assert listed.count("+0.113") == len(made.orderings) - len(whole)


def test_every_frame_reaches_the_page(pooled_page):
    made, _, page = pooled_page
    found = everything(page)
    for name in ("pooled", "crossings", "matrix", "wins"):
        lines, frame = unpacked(found[name]), getattr(made, name)
        assert len(lines) == len(frame)
        for line, expected in zip(lines, frame.to_dict("records"), strict=True):
            for column, value in line.items():
                if isinstance(value, str):
                    assert value == expected[column]
                else:
                    known = expected[column]
                    assert (known != known) if value is None else value == pytest.approx(known, rel=6e-3)
    assert len(found["fits"]) == made.fits["drawn"].sum()
    titles = [panel["title"] for panel in found["panels"]]
    tuning = unpacked(found["tuning"])
    assert {titles[line["panel"]] for line in tuning} == set(made.tuning["dataset_title"])
    assert {found["lines"][line["line"]]["label"] for line in tuning} == set(made.tuning["label"])
    assert [found["lines"][tuned]["label"] for _, tuned in found["tuned"]] == [
        found["lines"][plain]["label"] + " (tuned 32)" for plain, _ in found["tuned"]
    ]


def test_panels_stand_by_family(pooled_page):
    _, _, page = pooled_page
    families = [panel["family"] for panel in everything(page)["panels"]]
    assert families == [exhibits.family(dataset) for dataset in exhibits.DATASETS]


def test_the_front_of_the_panel_is_the_median_cost_of_its_datasets(pooled_page):
    made, _, page = pooled_page
    front = unpacked(everything(page)["front"])
    assert len(front) == len(made.pooled)
    one = next(line for line in front if line["line"] == "large" and line["size"] == 1_000)
    costs = made.lines[(made.lines["role"] == "large") & (made.lines["size"] == 1_000)]
    assert one["fit"] == pytest.approx(costs["seconds"].median(), rel=1e-3)
    assert one["mib"] == pytest.approx(costs["extra_mib"].median(), rel=1e-3)


def test_certainty_lists_misses_largest_first_and_curves_that_fall(pooled_page):
    made, _, page = pooled_page
    told = cards.certainty(made)
    misses = [float(line["miss"]) for line in told["fits"]]
    assert misses == sorted(misses, reverse=True) and len(misses) == len(made.fits)
    assert set(told["falling"]) == {"Random forest on table_2", "Gradient boosting on table_2"}
    assert f"{int(made.fits['drawn'].sum())} of {len(made.fits)} are good enough" in told["finding"]
    assert told["finding"] in page


def test_cpu_and_gpu_stand_side_by_side(pooled_page):
    _, _, page = pooled_page
    table = re.search(r'<section id="devices">(.*?)</section>', page, re.S).group(1)
    cells = re.findall(r"<td.*?>(.*?)</td>", table)
    assert cells == ["LeNet-5, float32", "image_0", "1,000", "0.812", "0.815", "-0.004 to +0.010", "11.5", "180", "260"]


def test_all_six_figures_of_a_whole_page(pooled_page):
    made, out, _ = pooled_page
    names = ("fig1_scale", "fig2_datasets", "fig3_crossovers", "fig4_cost", "fig5_pareto", "fig6_tuning")
    figures = out.parent / "figures"
    assert sorted(path.name for path in figures.iterdir()) == [
        f"{name}.{kind}" for name in names for kind in ("png", "svg")
    ]
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in figures.glob("*.png"))
    assert "best classic method" in (figures / "fig1_scale.svg").read_text()
    top = made.matrix.nlargest(1, "crossed").iloc[0]
    assert f">{top['crossed']}/{top['datasets']}</text>" in (figures / "fig3_crossovers.svg").read_text()


def test_the_front_of_a_figure_is_the_brute_force_one():
    chance = np.random.default_rng(0)
    for _ in range(50):
        points = chance.integers(0, 6, (chance.integers(1, 12), 2)).astype(float)
        found = {tuple(point) for point in figures_pooled.front(points)}
        expected = {
            tuple(one)
            for one in points
            if not any(other[0] <= one[0] and other[1] >= one[1] and tuple(other) != tuple(one) for other in points)
        }
        assert found == expected


def test_hostile_texts_of_an_exhibit_stay_texts(tmp_path, no_figures, monkeypatch):
    made = exhibits.made_up()
    for name, value in vars(made).items():
        if isinstance(value, pd.DataFrame):
            kept = ["role", "family", "first", "second", "arm", "outcome", "winner", "verdict", "dataset"]
            texts = [
                c for c in value.columns if value[c].dtype.name in ("object", "str") and c not in (*kept, "xs", "ys")
            ]
            setattr(made, name, value.assign(**dict.fromkeys(texts, HOSTILE)))
    made.titles = dict.fromkeys(made.titles, HOSTILE)
    monkeypatch.setattr(report.scale, "exhibit", lambda rows: made)
    rows = exhibits.rows(sizes=(32, 100), seeds=1)
    page = report.write(rows, tmp_path / "page.html").read_text(encoding="utf-8")
    tags = Elements(page).found
    assert "img" not in {tag for tag, _ in tags} and "<img" not in page
    assert [tag for tag, _ in tags].count("script") == page.count("</script>") == 2
    assert not [name for _, one in tags for name in one if name.startswith("on")]
    assert "{{ 7*7 }}" in page and len(unpacked(everything(page)["matrix"])) == len(made.matrix)


def test_an_exhibit_with_holes_makes_a_page(tmp_path, monkeypatch):
    """One seed: no interval anywhere. No lead, one size, a search that never came out, a dataset without its line."""
    made = exhibits.made_up()
    made.pooled = made.pooled[made.pooled["size"] == 100].assign(
        low=np.nan, high=np.nan, wide_low=np.nan, wide_high=np.nan
    )
    made.leads = made.leads.head(0)
    made.wins = made.wins.assign(iqm=np.nan, low=np.nan, high=np.nan, wide_low=np.nan, wide_high=np.nan)
    made.tuning = made.tuning.assign(skill=np.nan, low=np.nan, high=np.nan, default=np.nan, arm="gone")
    made.fits = made.fits.assign(miss=np.nan, drawn=False)
    monkeypatch.setattr(report.scale, "exhibit", lambda rows: made)
    page = report.write(exhibits.rows(exhibits.DATASETS[:4], (100,), seeds=1), tmp_path / "page.html").read_text(
        encoding="utf-8"
    )
    found = everything(page)
    assert found["fits"] == [] and {line["line"] for line in unpacked(found["tuning"])} == {-1}
    assert "nan" not in re.sub(r"<script.*?</script>", "", page, flags=re.S).lower().replace("finance", "")


def test_the_sketch_has_four_curves_that_rise():
    drawn = str(pooled.sketch())
    ElementTree.fromstring(drawn)
    curves = re.findall(r'class="ng" d="M34 (\d+)C[\d.]+ ([\d.]+) [\d.]+ (\d+) 186 (\d+)"', drawn)
    assert len(curves) == 4
    for heights in curves:
        start, *rest = map(float, heights)
        assert start > rest[0] > rest[1] == rest[2]  # SVG's y runs down


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_line_stands_out_from_the_paper_in_light_and_dark():
    rows = [make(f"technique_{year}_{k}", size=32) for year in (1950, 1985, 2000, 2014, 2020) for k in range(4)]
    for row in rows:
        row["provenance"]["technique"]["year"] = int(row["key"]["technique"].split("_")[1])
    lines = style.styles(analyse.curves(analyse.frame(rows))).values()
    assert len({line.era for line in lines}) == 5
    for line in lines:
        for colour, paper in zip((line.light, line.dark), style.PAPER, strict=True):
            light, dark = sorted((luminance(colour), luminance(paper)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 1.4.11, graphical objects


# ------------------------------------------------------------------------------------------------- what changed (S8)


def test_what_changed_is_drawn_from_the_newest_outcome(tmp_path):
    folder = tmp_path / "box" / "compare"
    folder.mkdir(parents=True)
    (folder / "20260101T000000-1.json").write_text("not the newest, so never read")
    (folder / "20261121T000000-1.json").write_text(json.dumps(exhibits.outcome(HOSTILE)))
    compared, told = changed.newest([tmp_path])
    assert told == []
    page = report.write(many(), tmp_path / "report.html", compared=compared).read_text()
    text = page.split('<section id="changed">')[1].split("</section>")[0]
    assert "+12.0 % (99 %: +8.0 to +16.0; confirmed, 15 pairs of cpu seconds)" in text
    assert text.count('<g class="s word-') == 6  # three timings, drawn wide and narrow
    assert not [tag for tag, _ in Elements(page).found if tag == "img"] and "{{ 7*7 }}" in page
    svg = ElementTree.fromstring(re.search(r"<svg class=\"chart forest\".*?</svg>", text, re.S).group(0))
    ends = [re.match(r"M([\d.]+) \d+H([\d.]+)", line.get("d")) for line in svg.iter("path") if line.get("class") == "l"]
    zone = next(svg.iter("rect"))
    least, most = float(zone.get("x")), float(zone.get("x")) + float(zone.get("width"))
    inside = [least < float(m.group(1)) and float(m.group(2)) < most for m in ends]
    assert inside == [False, True, False]  # only SAME lies within the 5 % either way
    assert (tmp_path / "figures" / "fig7_regressions.svg").is_file()


@pytest.mark.parametrize("content", ["{", "[]", '{"findings": []}', '{"findings": 3, "counts": {}}'])
def test_an_outcome_that_cannot_be_read_is_told(tmp_path, content):
    folder = tmp_path / "compare"
    folder.mkdir()
    (folder / "1.json").write_text(content)
    compared, told = changed.newest([tmp_path])
    assert compared is None and "1.json is not an outcome" in told[0]


def test_without_an_outcome_there_is_no_section(tmp_path):
    assert changed.newest([tmp_path]) == (None, [])
    assert 'id="changed"' not in report.write(many(), tmp_path / "report.html").read_text()

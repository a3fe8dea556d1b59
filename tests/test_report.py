"""The page and its figures, from made-up rows: nothing loaded, nothing executed, the frame's own numbers, any size."""

import html.parser
import itertools
import json
import re
import time
import xml.etree.ElementTree as ElementTree

import pytest

from harness import analyse, report
from harness.report import charts, style
from tests.rows import DATASETS, TECHNIQUES, make, many

HOSTILE = '</script><img src=x onerror="alert(1)">{{ 7*7 }}<!--&amp;$\\frac'


def embedded(page: str) -> list[dict]:
    """The lines of the page's table, as its script reads them."""
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1)
    columns = {}
    for column in json.loads(text)["columns"]:
        codes = column.get("codes")
        columns[column["name"]] = [column["values"][k] for k in codes] if codes else column["values"]
    return [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]


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
    wide = re.search(r'<figure class="wide">(.*?)</figure>', page, re.S).group(1)
    marks = re.findall(r'<use href="#\w+" x="([\d.]+)" y="([\d.]+)" data-i="(\d+)"/>', wide)
    assert len(marks) == len(TECHNIQUES) * 4
    by_size = sorted((lines[int(i)]["size"], float(x)) for x, _, i in marks)
    assert all(a[1] <= b[1] for a, b in itertools.pairwise(by_size))
    by_score = sorted((lines[int(i)]["mean"], float(y)) for _, y, i in marks)
    assert all(a[1] >= b[1] for a, b in itertools.pairwise(by_score))  # SVG's y runs down: better is higher


def test_header_headline_notes_and_failures_are_there(written):
    rows, _, page = written
    table = analyse.frame(rows)
    assert f"<h1>{analyse.headline(table)}</h1>" in page
    assert analyse.summary(table) in page and "1 torn line skipped" in page
    assert 'class="alarm"' not in page
    assert page.count('<use class="f"') == 1  # one failed point, on one panel; the lead picture is another dataset's
    assert "3 x timeout: longer than 120 s" in page
    assert "eras run -t knn -d digits --sizes 32,100,316,1000 --seeds 3 --device cpu" in page


def test_charts_are_images_with_titles_that_the_keyboard_reaches(written):
    _, _, page = written
    charts = [one for tag, one in Elements(page).found if tag == "svg" and one.get("class") == "chart"]
    assert len(charts) == 2 + len(DATASETS) + 3
    assert all(one["role"] == "img" and one["tabindex"] == "0" for one in charts)
    for one in charts:
        assert re.search(rf'<title id="{one["aria-labelledby"]}">[^<]+</title>', page)
    for svg in re.findall(r'<svg class="chart".*?</svg>', page, re.S):
        ElementTree.fromstring(svg)  # raises where a tag is not closed


def test_figures_are_written_with_text_as_text(written):
    _, out, _ = written
    figures = out.parent / "figures"
    assert sorted(path.name for path in figures.iterdir()) == [
        f"{name}.{kind}" for name in ("fig1_scale", "fig2_datasets", "fig4_cost") for kind in ("png", "svg")
    ]
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in figures.glob("*.png"))
    for path in figures.glob("*.svg"):
        assert ">Random forest</text>" in path.read_text()


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


def test_types_that_no_row_should_have_do_not_break_the_page(tmp_path):
    row = make()
    row["provenance"]["technique"] = {"title": ["a", 1], "year": "old", "paper": {}}
    row["provenance"]["dataset"] |= {"title": None, "licence": 5, "rows": "many", "higher_is_better": None}
    row["provenance"] |= {"versions": None, "started": 17, "commit": None}
    row["quality"]["test"]["accuracy"] = "good"
    page = report.write([row, make("mlp")], tmp_path / "page.html").read_text(encoding="utf-8")
    assert {line["technique"] for line in embedded(page)} == {"['a', 1]", "Multilayer perceptron"}


def test_only_failures_make_a_page_that_says_so(tmp_path):
    rows = [make(size=n, status="oom", reason="more than 4 GB") for n in (32, 100)]
    page = report.write(rows, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>No cell came out: there is nothing to draw.</h1>" in page
    assert "2 of 2 cells (100%) failed" in page and "Most often: more than 4 GB" in page
    assert [line["why"] for line in embedded(page)] == ["1 x oom: more than 4 GB"] * 2
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("failed, warned", [(1, False), (2, True)])
def test_alarm_above_a_tenth(tmp_path, failed, warned):
    rows = [make(seed=seed) for seed in range(10)] + [make("mlp", status="unsupported", seed=s) for s in range(9)]
    rows[:failed] = [make(seed=seed, status="timeout") for seed in range(failed)]
    page = report.write(rows, tmp_path / "page.html").read_text(encoding="utf-8")
    assert ('class="alarm"' in page) is warned


def test_a_thousand_points_fit_half_a_megabyte_and_ten_thousand_rows_ten_seconds(tmp_path):
    sizes = (32, 100, 316, 1000, 3162, 10000, 31623, 100000)
    datasets = tuple(f"dataset_{k}" for k in range(21))
    rows = many(datasets=datasets, sizes=sizes, seeds=10)
    assert len(rows) == 10_080
    start = time.process_time()  # of this process alone, whatever else runs on the machine
    out = report.write(rows, tmp_path / "page.html")
    assert time.process_time() - start < 10
    assert len(embedded(out.read_text(encoding="utf-8"))) == 1008
    assert out.stat().st_size < 500_000


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
        placed = charts._spread([float(y) for y in wanted], 15, 10, 300)
        ordered = sorted(placed)
        assert all(b - a >= 15 - 1e-9 for a, b in itertools.pairwise(ordered))
        assert ordered[0] >= 10 and ordered[-1] <= 300
        assert [placed.index(y) for y in ordered] == sorted(range(len(wanted)), key=lambda k: wanted[k])
    crowd = charts._spread([50.0] * 40, 15, 10, 300)
    assert min(crowd) == pytest.approx(10) and max(crowd) == pytest.approx(300)


def test_memory_that_is_not_resolved_is_not_told_apart(tmp_path):
    rows = [make(size=n, extra=int(mib * 2**20)) for n, mib in ((32, 0.1), (100, 0.5), (316, 64), (1000, 128))]
    points = analyse.curves(analyse.frame(rows))
    points["i"] = range(len(points))
    drawn = str(charts.cost(points, style.styles(points), "memory", "extra_mib"))
    heights = [float(y) for y in re.findall(r'<use href="#\w+" x="[\d.]+" y="([\d.]+)"', drawn)]
    assert heights[0] == heights[1] > heights[2] > heights[3]
    assert "&lt; 1" in drawn and "~ n^" not in drawn  # two resolved points carry no slope


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

"""The page in a real browser, from file://, without a network: what it shows, what its controls do, what it saves."""

import csv
import importlib.util
import json
import math
import shutil
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image
from test_winners import history

from harness import claims, report, timeline
from tests import exhibits, test_timeline
from tests.rows import make, many

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A page with every section; `exhibit` is made up, so that this file tests the page alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report.scale, "exhibit", lambda rows: exhibits.made_up())
        patch.setattr(report.figures, "write", lambda *given: [])
        out = tmp_path_factory.mktemp("whole") / "page.html"
        return report.write(exhibits.rows(seeds=2), out, compared=exhibits.outcome())


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A page of a small run: no panel, no matrix, no search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report.scale, "exhibit", lambda rows: exhibits.empty())
        patch.setattr(report.figures, "write", lambda *given: [])
        rows = [*many(seeds=2), make("mlp", "digits", 3162, 0, status="timeout", reason="longer than 120 s")]
        return report.write(rows, tmp_path_factory.mktemp("small") / "page.html")


@pytest.fixture
def visit(browser):
    """Opens a page; afterwards there must have been no message, no error and no request beside the file itself."""
    contexts, said, asked = [], [], []

    def visited(path, hash="", width=1440, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri() + hash)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-drawn]")
        return page

    yield visited
    assert not said
    assert all(url.startswith(("file:///", "blob:")) for url in asked)
    for context in contexts:
        context.close()


def address(page, holds=None, lacks=None):
    """The hash of the address, once it holds the one text and lacks the other: a dialog says later that it closed."""
    condition = "([holds, lacks]) => location.hash.includes(holds ?? '') && !(lacks && location.hash.includes(lacks))"
    page.wait_for_function(condition, arg=[holds, lacks])
    return page.evaluate("location.hash")


def numbers(page):
    """The pooled frame and the points, as the page's script reads them."""
    return json.loads(page.locator("#data").text_content())


def column(packed, name):
    one = next(column for column in packed if column["name"] == name)
    return [one["values"][k] for k in one["codes"]] if "codes" in one else one["values"]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("which", ["whole", "small"])
def test_nothing_is_wider_than_the_screen(visit, request, which, width):
    page = visit(request.getfixturevalue(which), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".wide svg").first.is_visible() is (width == 1440)
    assert page.locator(".narrow svg").first.is_visible() is (width == 390)


def test_labels_stay_inside_their_charts_and_apart(visit, whole):
    for width in (390, 1440):
        page = visit(whole, width=width)
        wrong = page.evaluate("""() => {
          const found = [];
          for (const chart of document.querySelectorAll("svg.chart")) {
            const [box, texts] = [chart.getBoundingClientRect(), [...chart.querySelectorAll("text.n")].filter((t) => !t.hasAttribute("transform"))];
            const boxes = texts.map((t) => [t.textContent, t.getBoundingClientRect()]).filter(([, b]) => b.width);
            for (const [words, b] of boxes) if (b.right > box.right + 3 || b.left < box.left - 3) found.push(["outside", words]);
            boxes.forEach(([words, a], k) => boxes.slice(k + 1).forEach(([other, b]) => {
              const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
              const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
              if (across > 2 && down > 0.5 * Math.min(a.height, b.height)) found.push([words, other]);
            }));
          }
          return found;
        }""")  # noqa: E501
        assert not wrong


def test_every_section_has_a_finding_charts_and_buttons(visit, whole):
    page = visit(whole)
    for name in ("datasets", "overtakes", "cost", "pareto", "tuning", "certainty", "changed"):
        section = page.locator(f"#{name}")
        assert section.locator("h2").inner_text() and section.locator("p.grey").first.inner_text()
        if name == "changed":  # its names and numbers are in tables, there without the script
            assert section.locator("svg.chart:visible").count() == 1 and section.locator("table").count() == 2
            continue
        assert section.locator("svg.chart[role=img][tabindex='0'][aria-label]").count() >= 1
    assert page.locator("#first .save button").count() == 4
    assert page.locator("#datasets figure:has(.chart)").count() == len(exhibits.DATASETS)
    bars = page.locator(".save").count()
    assert bars == 1 + len(exhibits.DATASETS) + 1 + 3 + 1 + 1 + 1 + 1
    assert page.locator("#datasets .ahead").count() == sum(exhibits.made_up().fits["drawn"])


def test_a_small_run_leaves_out_what_it_cannot_show(visit, small):
    page = visit(small)
    shown = page.evaluate("[...document.querySelectorAll('section[id]')].map((one) => one.id)")
    assert shown == ["datasets", "cost", "pareto", "everything"]
    assert page.locator("#datasets figure:has(.chart)").count() == 4
    assert page.locator("aside").count() == 0
    assert page.locator("#datasets use.f").count() == 1


def test_marks_stand_where_their_numbers_say(visit, small):
    page = visit(small)
    data = numbers(page)
    size, mean, panel = (column([*data["columns"], *data["more"]], name) for name in ("size", "mean", "panel"))
    for k in range(len(data["panels"])):
        marks = page.locator("#datasets figure").nth(k).locator("use:not(.f)")
        placed = marks.evaluate_all(
            "(all) => all.map((m) => [+m.getAttribute('x'), +m.getAttribute('y'), +m.dataset.i])"
        )
        assert len(placed) == sum(p == k and m is not None for p, m in zip(panel, mean, strict=True))
        for (x, y, i), (other_x, other_y, j) in zip(placed, placed[1:], strict=False):
            assert (x < other_x) == (size[i] < size[j])
            if abs(y - other_y) > 0.2:  # SVG's y runs down; losses are drawn as they are, so low is better there
                assert (y > other_y) == (mean[i] < mean[j])


def test_pointing_tells_the_numbers_and_dims_the_others(visit, whole):
    page = visit(whole)
    mark = page.locator("#datasets use[data-i]").nth(7)
    mark.scroll_into_view_if_needed()
    i = int(mark.get_attribute("data-i"))
    box = mark.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    data = numbers(page)
    said = page.locator("#tip").inner_text()
    assert f"{column(data['columns'], 'size')[i]:,} training examples" in said
    here = page.locator("use.here")
    assert here.count() == 1
    chart = page.locator("svg.chart:has(use.here)")
    assert "hot" in chart.get_attribute("class")
    assert chart.locator("g.lit").count() < chart.locator("g[data-s]").count()
    mark = page.locator(".wide g[data-s=large] use").first
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    said = page.locator("#tip").inner_text()
    first = exhibits.made_up().pooled.query("role == 'large'").iloc[0]
    assert f"skill {first['iqm']:.3f}" in said and f"{first['wide_low']:.3f} to" in said and "9 datasets" in said
    page.mouse.move(5, 5)
    assert page.locator("#tip").inner_text() == "" and page.locator(".hot").count() == 0


def test_keyboard_alone_walks_the_marks_and_opens_a_dataset(visit, whole):
    page = visit(whole)
    page.locator("#datasets svg.chart").first.focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("#tip").inner_text()
    page.keyboard.press("ArrowRight")
    assert first and page.locator("#tip").inner_text() != first
    page.keyboard.press("Escape")
    assert page.locator("#tip").inner_text() == ""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("dialog").is_visible() and page.locator("dialog svg.chart").count() == 1
    address(page, holds="open=0")
    page.locator("dialog svg.chart").focus()
    page.keyboard.press("ArrowRight")
    dialog, tip = page.locator("dialog").bounding_box(), page.locator("#tip").bounding_box()
    assert dialog["x"] <= tip["x"] and tip["x"] + tip["width"] <= dialog["x"] + dialog["width"]
    assert dialog["y"] <= tip["y"] and tip["y"] + tip["height"] <= dialog["y"] + dialog["height"]
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="hidden")
    address(page, lacks="open=")


def test_what_is_not_resolved_is_not_told_apart(visit, tmp_path, monkeypatch):
    monkeypatch.setattr(report.scale, "exhibit", lambda rows: exhibits.empty())
    monkeypatch.setattr(report.figures, "write", lambda *given: [])
    rows = [make(size=n, extra=int(mib * 2**20)) for n, mib in ((32, 0.1), (100, 0.5), (316, 64), (1000, 128))]
    page = visit(report.write(rows, tmp_path / "page.html"))
    memory = page.locator("#cost svg.chart").nth(2)
    heights = memory.locator("use").evaluate_all("(all) => all.map((mark) => +mark.getAttribute('y'))")
    assert heights[0] == heights[1] > heights[2] > heights[3]
    words = memory.locator("text").all_text_contents()
    assert "< 1" in words and not any("~ n^" in one for one in words)  # two resolved points carry no slope


@pytest.mark.parametrize("limit, drawn", [(40.0, True), (1_000.0, False)])
def test_a_limit_that_is_near_is_a_line_at_its_height(visit, tmp_path, monkeypatch, limit, drawn):
    """Fits take 1 and 10 s: on a logarithmic axis 40 s lies log10(4) of that way above the second."""
    monkeypatch.setattr(report.scale, "exhibit", lambda rows: exhibits.empty())
    monkeypatch.setattr(report.figures, "write", lambda *given: [])
    rows = [make(size=n, fit=fit) for n, fit in ((100, 1.0), (1000, 10.0))]
    for row, most in zip(rows, (1.0, limit), strict=True):  # the largest counts
        row["time"]["limit"] = most
    page = visit(report.write(rows, tmp_path / "page.html"))
    seconds = page.locator("#cost svg.chart").first
    assert seconds.locator("path.ceiling").count() == drawn
    assert f"A cell was allowed {limit:,.0f} s." in page.locator("#cost figcaption").first.text_content()
    if drawn:
        one, ten = seconds.locator("use").evaluate_all("(all) => all.map((mark) => +mark.getAttribute('y'))")
        height = float(seconds.locator("path.ceiling").get_attribute("d").split("H")[0].split()[-1])
        assert (ten - height) / (one - ten) == pytest.approx(math.log10(4), abs=0.02)


def test_filter_by_family(visit, whole):
    page = visit(whole)
    page.locator("#datasets .families button", has_text="images").click()
    shown = page.locator("#datasets figure[data-family]:visible")
    address(page, holds="family=images")
    assert shown.count() == 2
    page.locator("#datasets .families button", has_text="all").click()
    address(page, lacks="family")
    assert shown.count() == len(exhibits.DATASETS)


def test_the_slider_moves_the_front(visit, whole):
    page = visit(whole)
    slider = page.locator("#pareto input[type=range]")
    before = page.locator("#pareto figcaption").inner_text()
    slider.focus()
    page.keyboard.press("Home")
    address(page, holds="n=32")
    assert page.locator("#pareto output").inner_text() == "32"
    assert page.locator("#pareto figcaption").inner_text() != before
    page.locator("#pareto select[name=pareto]").select_option(label="image_1")
    assert page.locator("#pareto use").count() == len(exhibits.ARMS)
    assert page.locator("#pareto .strong").count() == 2  # two techniques came tuned too
    page.locator("#pareto select[name=price]").select_option("memory")
    assert "MiB" in page.locator("#pareto figcaption").inner_text()


def test_the_front_is_what_nothing_cheaper_matches(visit, whole):
    page = visit(whole, "#pareto=2&n=316")
    page.locator("#pareto .save button", has_text="table").click()
    cells = page.locator("#pareto tbody tr").evaluate_all(
        "(all) => all.map((tr) => [...tr.cells].map((td) => td.textContent))"
    )
    points = [(float(seconds), float(skill), front == "yes") for _, seconds, skill, _, _, front in cells]
    assert len(points) == len(exhibits.ARMS)
    for seconds, skill, front in points:
        beaten = any(s <= seconds and q >= skill and (s, q) != (seconds, skill) for s, q, _ in points)
        assert front is not beaten


def test_state_in_the_address_is_found_again(visit, whole):
    page = visit(
        whole, "#family=sound&lines=1.2&cost=3&sure=316&band=wide&faint=1&filter=nearest&sort=mean-down&open=2"
    )
    assert page.locator("#datasets figure[data-family]:visible").count() == 1
    assert page.locator(".legend button[aria-pressed=true]").count() == 2
    assert page.locator("select[name=cost]").input_value() == "3"
    assert page.locator("select[name=sure]").input_value() == "316"
    assert (
        page.locator(".wide .b.wider").first.is_visible()
        and not page.locator(".wide .b:not(.wider)").first.is_visible()
    )
    assert page.locator("dialog").is_visible()
    means = [float(text) for text in page.locator("#all tbody td:nth-child(6)").all_inner_texts() if text]
    assert means == sorted(means, reverse=True) and len(means) > 5


@pytest.mark.parametrize("opened", ["77", "length", "map", "-1", "1e0", ""])
def test_no_strange_panel_is_opened(visit, whole, opened):
    page = visit(whole, f"#open={opened}")
    assert not page.locator("dialog").is_visible() and page.locator("#all tbody tr").count() > 0


def test_strange_addresses_do_no_harm(visit, whole):
    page = visit(
        whole, "#family=zzz&lines=999.x&cost=-1&open=77&n=5&sort=%22%5D&pareto=<img>&tuning=9-9&faint=zz&band=q"
    )
    assert not page.locator("dialog").is_visible()
    assert page.locator("#datasets figure[data-family]:visible").count() == len(exhibits.DATASETS)
    assert page.locator("#cost svg.chart").count() == 3 and page.locator("#pareto svg.chart").count() == 1


def test_choosing_lines_dims_the_others_everywhere(visit, whole):
    page = visit(whole)
    page.locator(".legend button", has_text="Gradient boosting").click()
    address(page, holds="lines=")
    off = page.locator("#datasets svg.chart").first.locator("g.s.off").count()
    assert off == len(exhibits.ARMS) - 1
    assert page.locator("#first g.off").count() == 0  # the roles are other lines
    page.locator(".legend button", has_text="Gradient boosting").click()
    assert page.locator("g.off").count() == 0


@pytest.mark.parametrize("width", [390, 1440])
def test_a_page_of_the_decades_alone(visit, tmp_path, width):
    page = visit(report.write(history(), tmp_path / "page.html"), width=width)
    assert page.locator("h1").inner_text().startswith("The compressed ladder: classic methods win 100%")
    assert page.locator("#decades svg.chart:visible").count() == 1 and page.locator(".strip td.w-net").count() == 4
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#decades summary").first.click()
    assert page.locator("#decades details td:has-text('needs 9 resident bytes')").first.is_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_a_mark_of_the_timeline_opens_its_card(visit, tmp_path, monkeypatch, width):
    monkeypatch.setattr(claims, "registered", lambda: test_timeline.registered(("One", 100), ("Three", 1000)))
    made = test_timeline.rows()
    for row in made:
        row["provenance"]["account"] = {"claims": ["One"]}
    path = report.write(made, tmp_path / "page.html", history=timeline.exhibit(made))
    page = visit(path, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    card = page.locator("#of-random-forest")
    assert [one.get_attribute("id") for one in page.locator("section[id]").all()] == ["timeline", "everything"]
    assert not card.locator("h3").first.is_visible()
    page.locator(".timeline:visible a use").first.click()
    assert card.locator("h3").first.inner_text() == "One: pass" and card.locator(".effect").first.is_visible()
    again = visit(path, address(page, holds="card=of-random-forest"), width)
    assert again.locator("#of-random-forest h3").first.is_visible()


def test_the_matrix_opens_its_datasets(visit, whole):
    page = visit(whole)
    top = exhibits.made_up().matrix.nlargest(1, "crossed").iloc[0]
    words = f"{top['second_label']} overtakes {top['first_label']} on {top['crossed']} of {top['datasets']} datasets"
    chart = page.locator("#overtakes svg.chart")
    chart.focus()
    for _ in range(len(exhibits.made_up().matrix)):
        page.keyboard.press("ArrowRight")
        if page.locator("#tip").inner_text().startswith(words):
            break
    else:
        pytest.fail("no cell says so")
    page.keyboard.press("Enter")
    rows = page.locator("#overtakes .list tbody tr")
    assert rows.count() == top["datasets"]
    assert rows.locator("td:nth-child(2)", has_text="crossover").count() >= top["crossed"]


def test_the_table_filters_sorts_and_is_saved_as_csv(visit, whole, tmp_path):
    page = visit(whole)
    page.locator("#filter").fill("image_1 forest")
    address(page, holds="filter=image_1")
    assert page.locator("#all tbody tr").count() == 12
    page.locator("#all th button", has_text="Mean").click()
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Mean")
    with page.expect_download() as download:
        page.locator("#csv").click()
    download.value.save_as(tmp_path / "eras.csv")
    with open(tmp_path / "eras.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 12 and {line["dataset"] for line in lines} == {"image_1"}
    assert [float(line["mean"]) for line in lines] == sorted(float(line["mean"]) for line in lines)


def test_charts_are_saved_as_svg_png_and_numbers(visit, whole, tmp_path):
    page = visit(whole)
    for section in ("#first", "#overtakes", "#pareto"):
        with page.expect_download() as download:
            page.locator(f"{section} .save button", has_text="SVG").click()
        download.value.save_as(tmp_path / "chart.svg")
        root = ElementTree.parse(tmp_path / "chart.svg").getroot()
        assert root.tag == SVG + "svg" and root.find(SVG + "title").text
        assert "var(--" not in (tmp_path / "chart.svg").read_text()  # colours are written out
        shapes = {use.get("href") for use in root.iter(SVG + "use")}
        assert shapes <= {"#" + one.get("id") for one in root.iter(SVG + "path") if one.get("id")}
    with page.expect_download() as download:
        page.locator("#first .save button", has_text="PNG").click()
    download.value.save_as(tmp_path / "chart.png")
    picture = Image.open(tmp_path / "chart.png").convert("RGB")
    colours = {colour for _, colour in picture.getcolors(maxcolors=1 << 24)}
    assert {(0, 121, 92), (107, 34, 0)} <= colours  # the lines of the classic methods and of the large net
    with page.expect_download() as download:
        page.locator("#first .save button", has_text="data").click()
    download.value.save_as(tmp_path / "pooled.csv")
    with open(tmp_path / "pooled.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    pooled = exhibits.made_up().pooled
    assert len(lines) == len(pooled)
    assert [float(line["iqm"]) for line in lines] == pytest.approx(list(pooled["iqm"]), rel=1e-3)


def test_numbers_as_a_table(visit, whole):
    page = visit(whole)
    button = page.locator("#tuning .save button", has_text="table")
    assert button.get_attribute("aria-expanded") == "false"
    button.click()
    assert button.get_attribute("aria-expanded") == "true"
    assert page.locator("#tuning table tbody tr").count() == 18  # three arms, six counts of trials


def test_equal_trials_and_equal_seconds(visit, whole):
    page = visit(whole)
    chart = page.locator("#tuning svg.chart")
    assert "trials of the search" in chart.text_content()
    page.locator("#tuning select[name=equal]").select_option("seconds")
    address(page, holds="equal=seconds")
    assert "seconds of all trials so far" in chart.text_content()


def test_dark_and_print(visit, whole):
    page = visit(whole, color_scheme="dark")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(21, 24, 28)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".save:visible, .families:visible").count()
    page.set_viewport_size({"width": 700, "height": 990})  # A4 between its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    assert page.locator(".wide svg").first.is_visible() and page.locator("#pareto svg.chart").is_visible()
    matrix = page.locator("#overtakes svg.chart").bounding_box()
    assert matrix["x"] >= 0 and matrix["x"] + matrix["width"] <= 700, "no column is cut off on paper"


def test_without_script_the_first_picture_and_the_findings_are_there(visit, whole):
    page = visit(whole, java_script_enabled=False)
    assert page.locator(".wide svg").first.is_visible()
    assert page.locator(".orderings > li").count() == 4
    assert "figures" in page.locator("noscript").first.inner_text()
    assert not page.locator("#pareto").is_visible()


def test_hostile_texts_stay_texts_when_drawn(visit, tmp_path, monkeypatch):
    hostile = "</script><img src=x onerror=\"document.title='gone'\">"
    rows = many(("knn", "mlp"), ("digits",), (32, 100, 316), 2)
    for row in rows:
        row["provenance"]["technique"]["title"] = hostile + row["key"]["technique"]
        row["provenance"]["dataset"]["title"] = hostile
    monkeypatch.setattr(report.scale, "exhibit", lambda rows: exhibits.empty())
    page = visit(report.write(rows, tmp_path / "page.html"))
    page.locator("#datasets .save button", has_text="enlarge").first.click()
    assert page.locator("img").count() == 0 and page.title() != "gone"
    assert page.locator("dialog h3").inner_text() == hostile

"""The report: writing the page and its figures, and the browser's first paint of it. `tox -e bench`."""

import importlib.util
import shutil
import statistics

import pytest

from harness import report
from tests import exhibits, rows

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page of about 1,000 points, with every section."""
    datasets = tuple(f"{form}_{k}" for form in ("table", "image", "text", "sound") for k in range(4))
    monkeypatch.setattr(report.scale, "exhibit", lambda rows: exhibits.made_up(datasets))
    return lambda: report.write(exhibits.rows(datasets, seeds=2), tmp_path / "page.html")


def test_write(benchmark, page):
    benchmark.pedantic(page, rounds=3)


def test_figures_alone(benchmark, page, monkeypatch):
    """All static figures of that page, PNG and SVG, from frames that are there."""
    given = []
    draw = report.figures.write
    monkeypatch.setattr(report.figures, "write", lambda *arguments: given.append(arguments) or draw(*arguments))
    page()
    written = benchmark.pedantic(lambda: draw(*given[0]), rounds=5, warmup_rounds=1)
    benchmark.extra_info["files"] = len(written)


def test_write_10_000_rows(benchmark, tmp_path):
    sizes = (32, 100, 316, 1_000, 3_162, 10_000, 31_623, 100_000)
    given = rows.many(datasets=tuple(f"dataset_{k}" for k in range(21)), sizes=sizes, seeds=10)
    benchmark.pedantic(lambda: report.write(given, tmp_path / "page.html"), rounds=2)


def test_first_paint(benchmark, page, capsys):
    if importlib.util.find_spec("playwright") is None or CHROMIUM is None:
        pytest.skip("needs playwright and a chromium")
    from playwright.sync_api import sync_playwright

    path, paints = page(), []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def load():
            tab = browser.new_page()
            tab.goto(path.as_uri())
            tab.wait_for_selector("html[data-drawn]")
            paints.append(tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            tab.close()

        benchmark.pedantic(load, rounds=7, warmup_rounds=1)
        browser.close()
    benchmark.extra_info["first paint, ms"] = statistics.median(paints)
    with capsys.disabled():
        print(f"\nfirst paint: {statistics.median(paints):.0f} ms, {path.stat().st_size:,} bytes")

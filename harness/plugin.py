"""`pytest PATH --eras-compare BASE`: the pytest-benchmark functions below PATH, judged against a revision.

pytest finds this file by its entry point. Nothing of it runs without the option.
"""

from typing import Any

import pytest


def pytest_addoption(parser: Any) -> None:
    """The option."""
    told = "run the benchmarks of this revision and of BASE in turn, and judge (as `eras compare --pytest-benchmark`)"
    parser.getgroup("eras").addoption("--eras-compare", metavar="BASE", default="", help=told)


def pytest_cmdline_main(config: Any) -> int | None:
    """In place of the tests, the comparison; its exit code is pytest's."""
    base = config.getoption("eras_compare")
    if not base:
        return None
    if len(config.args) != 1:
        raise pytest.UsageError(f"--eras-compare takes one path, these are {len(config.args)}")
    from harness import cli

    return cli.main(["compare", base, "--pytest-benchmark", config.args[0]])

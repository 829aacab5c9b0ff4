"""A pytest plugin that measures branches: ``pytest -p tests.coverage.measured``.

It measures the tests that mirror what is measured (``branches.TESTS``), and of these only those
with written examples: what Hypothesis enters today, by chance, it may not enter tomorrow.

pytest loads it before Django, so what modules do when they are imported counts too; pytest-xdist
hands it on to its workers. Processes that tests start are not measured.
"""

from collections.abc import Generator

import pytest
from coverage import Coverage, CoverageData

from tests.coverage.branches import TESTS
from tests.coverage.marks import Finder, Marks
from tests.paths import ROOT

_settings = Coverage(config_file=str(ROOT / "pyproject.toml"))
_marks = Marks()
_finder = Finder(_marks, _settings.get_option("run:source"), _settings.get_option("run:omit"))
_finder.install()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Measure this test, with its fixtures, if it counts."""
    if not counts(item):
        return (yield)
    _marks.go_on()
    try:
        return (yield)
    finally:
        _marks.stop()


def counts(item: pytest.Item) -> bool:
    """Whether what the test enters is entered in every run."""
    is_by_chance = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return item.nodeid.startswith(TESTS) and not is_by_chance


def pytest_collection_finish() -> None:
    """All is imported: from here on only tests are measured."""
    _marks.stop()


def pytest_unconfigure() -> None:
    """Keep what was noted in a file of this process's own."""
    data = CoverageData(str(ROOT / ".coverage"), suffix=True)
    data.add_arcs(_marks.arcs())
    data.touch_files(_finder.files())
    data.write()
    data.close()

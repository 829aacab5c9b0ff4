"""A pytest plugin that measures branches: ``pytest -p tests.coverage.measured``.

It measures the tests that mirror what is measured (``branches.TESTS``), and of these only those
with written examples: what Hypothesis enters today, by chance, it may not enter tomorrow. Queries
that are compiled once a process count whichever test asks first: the order is chance, too.

pytest loads it before Django, so what modules do when they are imported counts too; pytest-xdist
hands it on to its workers. Processes that tests start are not measured.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

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
    with _measuring():
        return (yield)


def counts(item: pytest.Item) -> bool:
    """Whether what the test enters is entered in every run."""
    is_by_chance = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return item.nodeid.startswith(TESTS) and not is_by_chance


def pytest_collection_finish() -> None:
    """All is imported: from here on only tests are measured, and what is compiled once."""
    # Models need Django, which is not there when this plugin is loaded.
    from capital.models.queries import compiled, prepared

    _marks.stop()
    for module in (compiled, prepared):
        module.compile_query = _measuring()(prepared.compile_query)  # type: ignore[attr-defined]


@contextmanager
def _measuring() -> Iterator[None]:
    before = _marks.note
    _marks.go_on()
    try:
        yield
    finally:
        _marks.note = before


def pytest_unconfigure() -> None:
    """Keep what was noted in a file of this process's own."""
    data = CoverageData(str(ROOT / ".coverage"), suffix=True)
    data.add_arcs(_marks.arcs())
    data.touch_files(_finder.files())
    data.write()
    data.close()

"""A pytest plugin that measures branches: ``pytest -p tests.coverage.measured``.

It measures the tests that mirror what is measured (``branches.TESTS``), and of these only those
with written examples: what Hypothesis enters today, by chance, it may not enter tomorrow. That
also keeps the run's time: outside these tests nothing is traced.

pytest loads it before Django, so what modules do when they are imported counts too; pytest-xdist
hands it on to its workers. Processes that tests start are not measured.
"""

from collections.abc import Generator

import pytest
from coverage import Coverage

from tests.coverage.branches import TESTS
from tests.paths import ROOT

_measured = Coverage(config_file=str(ROOT / "pyproject.toml"), data_suffix=True)
_measured.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Measure this test, with its fixtures, if it counts."""
    if not counts(item):
        return (yield)
    _measured.start()
    try:
        return (yield)
    finally:
        _measured.stop()


def counts(item: pytest.Item) -> bool:
    """Whether what the test enters is entered in every run."""
    is_by_chance = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return item.nodeid.startswith(TESTS) and not is_by_chance


def pytest_collection_finish() -> None:
    """All is imported: from here on only tests are measured."""
    _measured.stop()


def pytest_unconfigure() -> None:
    """Keep what was measured in a file of this process's own."""
    _measured.stop()
    _measured.save()

"""The stage that each test of this folder plays on."""

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.cluster.databases import OwnDatabase
from tests.end_to_end.cluster.stage import Stage

_FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these start processes."""
    for item in items:
        if "tests/end_to_end/cluster/" in item.path.as_posix():
            item.add_marker(pytest.mark.cluster)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, so that the clusters' logs are shown with it."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def chaos() -> bool:
    """Whether the long forms run: ``make chaos``."""
    return os.environ.get("CHAOS", "") not in ("", "0")


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest, template: OwnDatabase) -> Iterator[Stage]:
    """A migrated database of the test's own. No process outlives the test."""
    stage = Stage(template.copy(tmp_path), tmp_path)
    try:
        stage.postpone_schedules()
        yield stage
    finally:
        stage.close()
        if request.node.stash.get(_FAILED, False):
            stage.show_logs(_writer(request))


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says a figure to whoever runs the tests with ``-s``."""
    return _writer(request)


def _writer(request: pytest.FixtureRequest) -> Callable[[str], None]:
    # Standard output: shown with a failure, and always with -s.
    writer = request.config.get_terminal_writer().__class__()
    return lambda text: writer.line(text)

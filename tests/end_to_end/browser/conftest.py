"""A real browser against a real server: `make test-browser`. Every page is watched.

Whatever a test does, it fails when a page logs an error, throws, breaks the content security
policy, or asks the server for something that is not there.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db.backends.signals import connection_created
from playwright.sync_api import Browser, Page, sync_playwright

from tests.end_to_end.browser.visitor import Visitor
from tests.factories import make_user

# Playwright's own loop runs in this thread; the tests ask the database between its steps.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

ANSWERED_WITHIN_SECONDS = 10
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these are browser tests."""
    for item in items:
        if "tests/end_to_end/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def under_way() -> Iterator[list[Any]]:
    """One entry for each request that the server works on."""
    requests: list[Any] = []

    def begin(**_: Any) -> None:
        requests.append(None)

    def end(**_: Any) -> None:
        requests.pop()

    request_started.connect(begin, weak=False)
    request_finished.connect(end, weak=False)
    yield requests
    request_started.disconnect(begin)
    request_finished.disconnect(end)


def _read_while_others_write(connection: Any, **_: Any) -> None:
    if connection.vendor == "sqlite":
        connection.cursor().execute("PRAGMA read_uncommitted = 1")


@pytest.fixture
def reading() -> Iterator[None]:
    """Pages are answered while something else is written, as they are on a site.

    Connections to one SQLite database in memory lock each other's tables for reading, too, and wait
    for nothing: now and then a page was answered 503. Those to a file read what was there before.
    """
    connection_created.connect(_read_while_others_write)
    yield
    connection_created.disconnect(_read_while_others_write)


@pytest.fixture
def visitor(
    browser: Browser, reading: None, live_server: Any, under_way: list[Any]
) -> Iterator[Visitor]:
    visitor = Visitor(browser, live_server.url)
    yield visitor
    visitor.listen()
    for context in visitor.contexts:
        context.close()
    # What a page still asked would lock the tables that are emptied next.
    ends = time.monotonic() + ANSWERED_WITHIN_SECONDS
    while under_way and time.monotonic() < ends:
        time.sleep(0.01)
    assert visitor.problems == []


@pytest.fixture
def operator() -> Any:
    return make_user(username="minsu", is_staff=True, is_superuser=True, password="a right one")


@pytest.fixture
def desk(visitor: Visitor, operator: Any) -> Callable[..., Page]:
    """Open a window in which the operator is logged in."""

    def open_window(**how: Any) -> Page:
        return visitor.open(operator, **how)

    return open_window

"""Rates start from zero with every test, and no answer has a status that nobody described."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from tests.api.description import description

# Nobody describes what breaks.
BROKEN = 500


@pytest.fixture(autouse=True)
def _fresh_rates() -> Iterator[None]:
    caches["throttles"].clear()
    yield
    caches["throttles"].clear()


@pytest.fixture(autouse=True)
def _described_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    send = Client.request

    def request(client: Client, **asked: Any) -> Any:
        answer = send(client, **asked)
        sent = answer.wsgi_request
        for path, methods in _statuses().items():
            if path.fullmatch(sent.path) and sent.method.lower() in methods:
                described = {*methods[sent.method.lower()], BROKEN}
                assert answer.status_code in described, (sent.method, sent.path, answer.content)
        return answer

    monkeypatch.setattr(Client, "request", request)


@cache
def _statuses() -> Mapping[re.Pattern[str], Mapping[str, set[int]]]:
    """The described statuses of each operation, by pattern of the path and method."""
    return {
        re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))): {
            method: set(map(int, operation["responses"]))
            for method, operation in methods.items()
            if "responses" in operation
        }
        for path, methods in description()["paths"].items()
    }

"""Rates start from zero with every test, and every answer is as it is described."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs
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
        for path, methods in _operations().items():
            if path.fullmatch(sent.path) and sent.method.lower() in methods:
                described = methods[sent.method.lower()]
                assert answer.status_code in {*described, BROKEN}, (
                    sent.method,
                    sent.path,
                    answer.content,
                )
                # What is chosen by ?fields= is not what the description is of.
                if "fields" not in sent.GET:
                    _check_body(answer, described.get(answer.status_code, ""))
        return answer

    monkeypatch.setattr(Client, "request", request)


def _check_body(answer: Any, schema: str) -> None:
    is_json = answer.headers.get("Content-Type", "").startswith("application/json")
    if schema and is_json and "Content-Encoding" not in answer.headers:
        faults = [str(each) for each in _validator(schema).iter_errors(answer.json())]
        assert not faults, faults


@cache
def _validator(schema: str) -> Any:
    """Of a schema as JSON, whose references are into the description's components."""
    return jsonschema_rs.Draft202012Validator(
        {**json.loads(schema), "components": description()["components"]}
    )


@cache
def _operations() -> Mapping[re.Pattern[str], Mapping[str, Mapping[int, str]]]:
    """Of each operation, by pattern of the path and method: its statuses, and the JSON of each."""
    return {
        re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))): {
            method: {
                int(status): json.dumps(
                    response.get("content", {}).get("application/json", {}).get("schema", {})
                )
                for status, response in operation["responses"].items()
            }
            for method, operation in methods.items()
            if "responses" in operation
        }
        for path, methods in description()["paths"].items()
    }

"""Every test client serves the static files, though only the first one of a process listed them."""

from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from whitenoise.middleware import WhiteNoiseMiddleware

PATH = "/static/capital/desk.css"


def test_each_client_serves_the_files_and_nothing_beside_them() -> None:
    for client in (Client(), Client()):
        answer = client.get(PATH)
        assert answer.status_code == 200
        assert b"".join(answer) == Path(finders.find("capital/desk.css")).read_bytes()
        assert client.get("/static/capital/nothing.css").status_code == 404


def test_files_are_listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = WhiteNoiseMiddleware(lambda _request: None)
    monkeypatch.setattr(finders, "get_finders", list)
    second = WhiteNoiseMiddleware(lambda _request: None)

    assert PATH in first.files
    assert second.files is first.files


def test_files_are_listed_again_where_their_answers_differ(settings) -> None:
    first = WhiteNoiseMiddleware(lambda _request: None)
    settings.WHITENOISE_MAX_AGE = 7
    second = WhiteNoiseMiddleware(lambda _request: None)

    assert second.files.keys() == first.files.keys()
    answer = second.files[PATH].get_response("HEAD", {})
    assert dict(answer.headers)["Cache-Control"] == "max-age=7, public"

"""Times in requests have their offset: in which zone another one is meant, nobody can say."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from rest_framework import serializers

from capital.api.frame.fields import MomentField, Request, Row
from tests.api.client import Bot, problem
from tests.api.description import description
from tests.factories import make_link, make_user

WITHOUT_OFFSET = ("2026-03-11T00:00:00", "2026-03-11", "2026-W11-3", "2026-03-11T00:00:00 09:00")


def _parameters(form: str) -> Iterator[tuple[str, str]]:
    """Path and name of every query parameter of a form."""
    for path, operations in description()["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query" and parameter["schema"].get("format") == form:
                yield path.removeprefix("/api/v1/"), parameter["name"]


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "name"), sorted(_parameters("date-time")))
def test_a_list_is_asked_by_times_with_their_offset(path: str, name: str) -> None:
    bot = Bot(make_user())

    for text in WITHOUT_OFFSET:
        refused = problem(bot.get(f"{path}?{urlencode({name: text})}"), 400)
        assert [each["field"] for each in refused["errors"]] == [name]
        assert "offset" in refused["detail"]
        assert "%2B" in refused["detail"]
    for text in ("2026-03-11T00:00:00Z", "2026-03-11T00:00:00.5+09:00"):
        assert bot.get(f"{path}?{urlencode({name: text})}").status_code == 200


def test_there_are_such_lists() -> None:
    assert len(list(_parameters("date-time"))) >= 6
    assert len(list(_parameters("date"))) >= 10


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "name"), sorted(_parameters("date")))
def test_every_day_that_can_be_written_has_an_answer(path: str, name: str) -> None:
    """Before the first day, and behind the last one, no time zone can count."""
    link = make_link()
    bot = Bot(link.strategy.owner)
    place = path.format(key=link.strategy.key, id=link.account_id)

    for day in ("0001-01-01", "1969-12-31", "9999-12-31"):
        assert bot.get(f"{place}?{name}={day}").status_code in (200, 400), day


def test_every_time_of_a_body_has_its_offset() -> None:
    lenient = [
        f"{kind.__name__}.{name}"
        for kind in {*_below(Request), *_below(Row)}
        for name, field in kind().fields.items()
        if isinstance(field, serializers.DateTimeField) and not field.read_only
        if not isinstance(field, MomentField)
    ]

    assert lenient == []


@pytest.mark.parametrize("text", WITHOUT_OFFSET[:3])
def test_a_time_without_its_offset_is_refused(text: str) -> None:
    class Body(Request):
        """A body."""

        at = MomentField()

    body = Body(data={"at": text})

    assert not body.is_valid()
    assert body.errors["at"][0].code == "no_offset"
    assert "2026-11-30T22:30:00+09:00" in body.errors["at"][0]

"""Columns of bytes: the same that Django reads."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.models import LinkYear
from capital.models.queries.binary import bytes_of
from tests.factories import make_link

pytestmark = pytest.mark.django_db

BYTES = [b"", b"\x00\xff\\\n\t'\"\\.", bytes(range(256)) * 40]


@pytest.fixture
def years() -> list[LinkYear]:
    link = make_link()
    return [
        LinkYear.objects.create(
            strategy_account=link,
            currency=f"it's %s {number}",
            year=2026,
            since=date(2026, 1, 1),
            until=date(2026, 1, 31),
            scale=6,
            figures=figures,
        )
        for number, figures in enumerate(BYTES)
    ]


def test_bytes_are_read_in_one_query(years: list[LinkYear]) -> None:
    asked = LinkYear.objects.filter(currency__startswith="it's %s")

    with CaptureQueriesContext(connection) as captured:
        found = bytes_of(asked, "figures")

    assert len(captured) == 1
    assert {pk: bytes(each) for pk, each in found.items()} == {
        year.pk: figures for year, figures in zip(years, BYTES, strict=True)
    }
    assert bytes_of(asked.filter(year=2025), "figures") == {}
    assert list(bytes_of(asked.exclude(currency=years[0].currency), "figures")) == [
        year.pk for year in years[1:]
    ]

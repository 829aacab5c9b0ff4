"""``among``: what ``in`` finds, with one parameter however many values there are."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.models import Attribution, Fill
from tests.factories import make_link

pytestmark = pytest.mark.django_db

NAMES = ["a", "b{,}", 'c"', "d\\", "e'", "넷", "NULL", " f"]


@pytest.fixture
def fills() -> list[Fill]:
    link = make_link()
    found = [
        Fill.objects.create(
            account=link.account,
            symbol="BTC/USDT",
            venue_fill_id=name,
            side="buy",
            quantity="1",
            price="1",
            cost="1",
            contract_size="1",
            settle="USDT",
            executed_at=datetime(2026, 3, 1, tzinfo=UTC),
            source="venue",
        )
        for name in NAMES
    ]
    for fill in found:
        Attribution.objects.create(fill=fill, strategy_account=link, how="tag")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_text_is_found_whatever_stands_in_it(fills, name):
    found = Fill.objects.filter(venue_fill_id__among={name, "not there"})
    assert [fill.venue_fill_id for fill in found] == [name]


def test_rows_are_found_by_primary_keys_and_by_what_they_point_at(fills):
    wanted = [fills[0].pk, fills[2].pk]
    assert set(Fill.objects.filter(pk__among=wanted)) == {fills[0], fills[2]}
    of_fills = Attribution.objects.filter(fill_id__among=wanted)
    assert {each.fill_id for each in of_fills} == set(wanted)


def test_all_but_some_are_found(fills):
    found = Fill.objects.exclude(venue_fill_id__among=NAMES[1:])
    assert [fill.venue_fill_id for fill in found] == ["a"]


@pytest.mark.parametrize("name", ["pk", "venue_fill_id"])
def test_none_are_among_no_values(fills, name):
    assert not Fill.objects.filter(**{f"{name}__among": []}).exists()


def test_a_key_that_no_column_holds_is_no_row_s(fills):
    assert list(Fill.objects.filter(pk__among=[2**63, fills[0].pk, -(10**30)])) == [fills[0]]


def test_no_values_cost_no_query(fills, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert list(Fill.objects.filter(pk__among=[2**63])) == []


def test_a_hundred_thousand_values_are_one_parameter(fills):
    many = [f"{number}" for number in range(100_000)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert Fill.objects.filter(venue_fill_id__among=[*many, "a"]).count() == 1
    assert len(queries) == 1

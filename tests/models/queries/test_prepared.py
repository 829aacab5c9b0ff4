"""Prepared queries answer what the ORM answers, for any lists."""

from decimal import Decimal

import pytest

from capital.models import Position, StrategyAccount
from capital.models.queries.prepared import PreparedQuery
from tests.factories import make_link, make_position

pytestmark = pytest.mark.django_db


def of_links(ids):
    rows = Position.objects.filter(strategy_account_id__in=ids).exclude(quantity=0).order_by("pk")
    return rows.values_list("strategy_account_id", "symbol", "quantity", "updated_at")


@pytest.mark.parametrize("number", [1, 2, 5])
def test_the_rows_are_the_orm_s(number):
    prepared = PreparedQuery(of_links)
    links = [make_link() for _ in range(number)]
    for position, link in enumerate(links):
        make_position(link, f"{position}.125")
    ids = [link.pk for link in links]

    assert prepared.rows(ids) == list(of_links(ids))
    # The second time with other values in the same places.
    assert prepared.rows(ids[::-1]) == list(of_links(ids))


def test_several_lists_keep_their_places():
    prepared = PreparedQuery(
        lambda keys, ids: StrategyAccount.objects.filter(
            strategy__key__in=keys, pk__in=ids
        ).values_list("pk", "is_active")
    )
    one, two = make_link(), make_link(is_active=False)

    assert prepared.rows([one.strategy.key], [one.pk, two.pk]) == [(one.pk, True)]
    assert prepared.rows([two.strategy.key], [one.pk, two.pk]) == [(two.pk, False)]
    assert prepared.rows([one.strategy.key], [two.pk]) == []


def test_an_empty_list_asks_nobody(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert PreparedQuery(of_links).rows([]) == []


def test_what_is_made_of_a_row_is_made_once_for_each_row_that_is_the_same():
    made = []
    prepared = PreparedQuery(of_links, read=lambda row: made.append(row) or row[2])
    one, two = make_link(), make_link()
    make_position(one, "1.5")
    position = make_position(two, "2.5")

    assert prepared.rows([one.pk, two.pk]) == [Decimal("1.5"), Decimal("2.5")]
    assert prepared.rows([two.pk, one.pk]) == [Decimal("1.5"), Decimal("2.5")]
    assert len(made) == 2
    position.quantity = Decimal("3.5")
    position.save()

    assert prepared.rows([one.pk, two.pk]) == [Decimal("1.5"), Decimal("3.5")]
    assert len(made) == 3

"""Prepared queries answer what the ORM answers, for any lists."""

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

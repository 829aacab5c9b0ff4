"""Compiled queries answer what the ORM answers, for any values, with SQL that is made once."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from capital.models import Account, DailyAccountSummary, Position, StrategyAccount
from capital.models.queries.compiled import CompiledQuery, CompiledRows
from tests.factories import make_account, make_link, make_position, make_summary

pytestmark = pytest.mark.django_db


def of_links(ids):
    rows = Position.objects.filter(strategy_account_id__among=ids).exclude(quantity=0)
    return rows.order_by("pk").values_list(
        "strategy_account_id", "symbol", "quantity", "updated_at"
    )


@pytest.mark.parametrize("number", [1, 2, 5])
def test_the_rows_are_the_orm_s(number):
    compiled = CompiledQuery(of_links)
    links = [make_link() for _ in range(number + 1)]
    for position, link in enumerate(links):
        make_position(link, f"{position + 1}.125")
    ids = [link.pk for link in links[1:]]

    assert compiled.rows(ids) == list(of_links(ids))
    # The second time with other values in the same places: one that was not asked about before.
    assert compiled.rows([links[0].pk]) == list(of_links([links[0].pk]))
    assert compiled.rows(ids[::-1]) == list(of_links(ids))


def test_the_sql_is_made_once(monkeypatch):
    built = []
    compiled = CompiledQuery(lambda ids: built.append(ids) or of_links(ids))
    link, other = make_link(), make_link()
    with CaptureQueriesContext(connection) as queries:
        compiled.rows([link.pk])
        compiled.rows([link.pk, other.pk])

    assert len(built) == 1
    assert len(queries) == 2


def test_values_of_every_kind_are_those_of_the_orm():
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    account, beside = make_account(name="50 % of %s"), make_account(name="it's")
    for each in (account, beside):
        for days in range(4):
            make_summary(
                account=each,
                date=date(2026, 3, 1) - timedelta(days=days),
                spot_observed_at=now - timedelta(days=days),
            )

    def build(names, day, moment, most):
        return (
            DailyAccountSummary.objects.filter(
                account__name__among=names, date__lt=day, spot_observed_at__gte=moment, pk__lte=most
            )
            .order_by("pk")
            .values_list("account_id", "date", "spot_observed_at")
        )

    compiled = CompiledQuery(build)
    for names in (["50 % of %s"], ["it's", "50 % of %s", "nobody's"]):
        for day in (date(2026, 3, 1), date(2026, 2, 28)):
            given = (names, day, now - timedelta(days=2, hours=1), 2**40)
            assert compiled.rows(*given) == list(build(*given))
            assert compiled.rows(*given), "or nothing is compared"
    assert compiled.rows(["it's"], date(2026, 3, 1), now + timedelta(seconds=1), 2**40) == []
    assert compiled.rows(["it's"], date(2026, 3, 1), now - timedelta(days=2, hours=1), 0) == []


def test_a_place_may_be_used_twice_and_a_union_is_compiled():
    def build(ids, name):
        links = StrategyAccount.objects.filter(account_id__among=ids, strategy__name=name)
        accounts = Account.objects.filter(pk__among=ids)
        return (
            links.order_by()
            .values_list("pk", "weight")
            .union(accounts.order_by().values_list("pk", "pk"), all=True)
        )

    link, beside = make_link(weight="2.5"), make_link()
    compiled = CompiledQuery(build)
    for each in (link, beside):
        given = ([each.account_id], each.strategy.name)
        assert sorted(compiled.rows(*given)) == sorted(build(*given))
        assert len(compiled.rows(*given)) == 2


def test_an_empty_list_asks_nobody(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert CompiledQuery(of_links).rows([]) == []


def test_a_key_that_no_column_holds_is_no_row_s():
    link = make_link()
    make_position(link, "1")
    assert len(CompiledQuery(of_links).rows([2**63, link.pk, -(10**30)])) == 1
    assert CompiledQuery(of_links).rows([2**63]) == []


def test_rows_of_a_model_are_as_the_orm_loads_them():
    account, beside = make_account(api_key="key", api_secret="secret"), make_account()
    compiled = CompiledRows(Account, lambda ids: Account.objects.filter(pk__among=ids))
    (found,) = compiled.instances([account.pk])
    loaded = Account.objects.get(pk=account.pk)

    assert found == loaded
    assert {**found.__dict__, "_state": None} == {**loaded.__dict__, "_state": None}
    assert found._state.db == loaded._state.db
    assert not found._state.adding
    found.name = "renamed"
    found.save()
    assert Account.objects.get(pk=account.pk).name == "renamed"
    assert Account.objects.get(pk=beside.pk).name == beside.name


@pytest.mark.postgresql
def test_rows_are_locked_each_time():
    account = make_account()
    compiled = CompiledRows(
        Account,
        lambda ids: Account.objects.select_for_update(no_key=True).filter(pk__among=ids),
    )
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            compiled.instances([account.pk])
        assert any("FOR NO KEY UPDATE" in each["sql"] for each in queries)

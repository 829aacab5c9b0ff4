"""Rows that are written as tuples: few by one INSERT, many by COPY or ``executemany``."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from capital.domain.errors import AmountNotStorable, AppendOnly
from capital.models import Account, AllocationRun, StrategyCapital
from capital.models.columns.rows import FEWEST, insert_rows, upsert_rows
from tests.factories import make_account, make_link

pytestmark = pytest.mark.django_db

D = Decimal
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RUN = ("account_id", "run_key", "trigger", "outcome", "code", "figures", "created_at")
CAPITAL = ("strategy_account_id", "allocated_capital", "allocated_at")
both_ways = pytest.mark.parametrize("count", [FEWEST - 1, FEWEST], ids=["few", "many"])


@pytest.fixture
def account() -> Account:
    return make_account()


def runs(account: Account, count: int, **last: Any) -> list[list[Any]]:
    """Rows of runs; the last one as given."""
    usual = {"outcome": "unchanged", "code": "unchanged", "figures": {"누가": "역\\슬\t래시"}}
    rows = [
        {"account_id": account.pk, "run_key": f"k{number}", "trigger": "api", **usual}
        for number in range(count)
    ]
    rows[-1] |= last
    return [[{"created_at": NOON, **row}[name] for name in RUN] for row in rows]


@both_ways
def test_rows_have_the_keys_that_are_returned_in_their_order(account, count):
    keys = insert_rows(AllocationRun, RUN, runs(account, count))
    found = AllocationRun.objects.order_by("pk").values_list("pk", "run_key")
    assert list(found) == list(zip(keys, (f"k{number}" for number in range(count)), strict=True))
    assert insert_rows(AllocationRun, RUN, runs(account, 1, run_key="next")) > keys[-1:]


@pytest.mark.parametrize("count", [FEWEST - 1, FEWEST + 1], ids=["few", "many"])
def test_rows_whose_keys_nobody_needs_are_written_in_their_order(account, count):
    insert_rows(AllocationRun, RUN, runs(account, count), keyed=False)
    found = AllocationRun.objects.order_by("pk").values_list("run_key", flat=True)
    assert list(found) == [f"k{number}" for number in range(count)]


@both_ways
def test_columns_that_are_not_named_get_their_defaults(account, count):
    insert_rows(AllocationRun, RUN, runs(account, count))
    run = AllocationRun.objects.order_by("-pk")[0]
    assert (run.figures, run.arguments, run.snapshot, run.is_forced, run.created_at) == (
        {"누가": "역\\슬\t래시"},
        {},
        None,
        False,
        NOON,
    )


@both_ways
def test_one_row_that_is_refused_is_all_that_are(account, count):
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_rows(AllocationRun, RUN, runs(account, count, outcome="perhaps"))
    assert not AllocationRun.objects.exists()


@both_ways
def test_what_is_written_cannot_be_changed(account, count):
    insert_rows(AllocationRun, RUN, runs(account, count))
    run = AllocationRun.objects.order_by("-pk")[0]
    with pytest.raises(AppendOnly):
        run.save()
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE capital_allocationrun SET code = 'allocated'")


@both_ways
@pytest.mark.parametrize(
    "amount", [D("0.123456789"), D("NaN"), D("1e20"), 0.1], ids=["fine", "nan", "large", "float"]
)
def test_an_amount_that_the_column_does_not_keep_is_refused(count, amount):
    links = [make_link() for _ in range(2)]
    rows = [(links[number % 2].pk, D(1), NOON) for number in range(count - 1)]
    with pytest.raises(AmountNotStorable), transaction.atomic():
        upsert(CAPITAL, [*rows[:1], *rows[1:], (links[1].pk, amount, NOON)])
    assert not StrategyCapital.objects.exists()


@pytest.mark.parametrize("count", [2, FEWEST], ids=["few", "many"])
def test_a_row_that_is_there_is_updated_in_the_named_columns_only(count):
    account = make_account()
    links = [make_link(account=account) for _ in range(count)]
    upsert(CAPITAL, [(link.pk, D("7.50"), NOON) for link in links[1:]])
    upsert(CAPITAL, [(link.pk, D("1.000000000"), None) for link in links])
    rows = StrategyCapital.objects.order_by("strategy_account").values_list(*CAPITAL[1:])
    assert list(rows) == [(D(1), None), *[(D(1), NOON)] * (count - 1)]


def test_no_rows_are_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert insert_rows(AllocationRun, RUN, []) == []
        upsert(CAPITAL, [])


def upsert(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    upsert_rows(
        StrategyCapital,
        names,
        rows,
        unique="strategy_account_id",
        update=["allocated_capital"],
    )

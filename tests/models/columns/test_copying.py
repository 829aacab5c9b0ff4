"""Many append-only rows at once: by COPY on PostgreSQL, and the same as if by INSERT."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from capital.domain.errors import AppendOnly, CapitalError
from capital.models import Attribution, Fill, StrategyAccount, SymbolDay
from capital.models.columns.copying import can_copy, insert_values
from tests.factories import make_link

pytestmark = pytest.mark.django_db

FEW, MANY = 3, 60


@pytest.fixture
def link() -> StrategyAccount:
    return make_link()


def new_fill(link: StrategyAccount, number: int, **fields: Any) -> Fill:
    return Fill(
        **{
            "account": link.account,
            "strategy_account": link if number % 2 else None,
            "symbol": "BTC/USDT",
            "venue_fill_id": f"{number}",
            "client_order_id": "탭\t줄\n역\\슬래시",
            "side": "buy",
            "quantity": Decimal("147.928994082840236"),
            "price": Decimal("0.000000000000000001"),
            "cost": Decimal("1E+3"),
            "contract_size": Decimal(1),
            "settle": "USDT",
            "fees": [{"amount": "-0.10", "currency": "BNB"}],
            "executed_at": datetime(2026, 3, 29, 1, 0, 0, 123456, tzinfo=UTC),
            "source": "venue",
            "recorded_at": datetime(2026, 3, 29, 2, tzinfo=UTC),
            **fields,
        }
    )


def written(names: list[str]) -> list[dict[str, Any]]:
    rows = Fill.objects.filter(venue_fill_id__in=names).order_by("pk").values()
    return [{**row, "id": None, "venue_fill_id": None} for row in rows]


def test_many_rows_are_kept_as_few_are(link):
    few, many = range(FEW), range(1000, 1000 + MANY)
    Fill.objects.bulk_create(new_fill(link, number) for number in few)
    Fill.objects.bulk_create(new_fill(link, number) for number in many)
    assert written([str(number) for number in many])[:FEW] == written(list(map(str, few)))


def test_each_row_gets_the_primary_key_of_its_own_row_in_rising_order(link):
    fills = [new_fill(link, number) for number in range(MANY)]
    Fill.objects.bulk_create(fills)
    assert [fill.pk for fill in fills] == sorted(fill.pk for fill in fills)
    names = dict(Fill.objects.values_list("pk", "venue_fill_id"))
    assert {fill.pk: fill.venue_fill_id for fill in fills} == names


def test_the_next_row_of_all_gets_a_key_of_its_own(link):
    Fill.objects.bulk_create([new_fill(link, number) for number in range(MANY)])
    new_fill(link, MANY).save()
    assert Fill.objects.count() == MANY + 1


def test_rows_may_point_at_rows_that_were_written_with_many(link):
    fills = [new_fill(link, number) for number in range(MANY)]
    Fill.objects.bulk_create(fills)
    Attribution.objects.bulk_create(
        [Attribution(fill=fill, strategy_account=link, how="tag") for fill in fills]
    )
    assert set(Attribution.objects.values_list("fill", flat=True)) == {fill.pk for fill in fills}


def test_a_row_that_was_written_with_many_is_not_written_again(link):
    fills = [new_fill(link, number) for number in range(MANY)]
    Fill.objects.bulk_create(fills)
    with pytest.raises(AppendOnly):
        fills[0].save()


@pytest.mark.parametrize(
    "wrong", [{"venue_fill_id": "0"}, {"side": "hold"}, {"symbol": ""}], ids=str
)
def test_one_row_that_breaks_a_rule_keeps_all_out(link, wrong):
    fills = [new_fill(link, number) for number in range(MANY)]
    fills.append(new_fill(link, MANY, **wrong))
    with pytest.raises(IntegrityError), transaction.atomic():
        Fill.objects.bulk_create(fills)
    assert not Fill.objects.exists()


def test_an_amount_that_its_column_does_not_keep_exactly_keeps_all_out(link):
    fills = [new_fill(link, number) for number in range(MANY)]
    fills.append(new_fill(link, MANY, quantity=Decimal("NaN")))
    with pytest.raises((CapitalError, DataError, ValueError)), transaction.atomic():
        Fill.objects.bulk_create(fills)
    assert not Fill.objects.exists()


@pytest.mark.parametrize(
    ("count", "pk", "expected"), [(MANY, None, True), (FEW, None, False), (MANY, 7, False)]
)
def test_only_many_rows_without_keys_are_copied_and_only_on_postgresql(link, count, pk, expected):
    fills = [new_fill(link, number, pk=pk) for number in range(count)]
    assert can_copy("default", fills) is (expected and connection.vendor == "postgresql")


DAY = ("strategy_account_id", "symbol", "position_side", "date", "currency", "realized", "fees",
       "funding", "volume", "cost_unknown", "fees_unvalued", "fills", "held", "cost")  # fmt: skip


def day_values(link: StrategyAccount, number: int, **values: Any) -> list[Any]:
    given = {
        "strategy_account_id": link.pk,
        "symbol": f"{number}\\\t/USDT",
        "position_side": "both",
        "date": date(2026, 3, 29),
        "currency": "USDT",
        "realized": Decimal("-147.928994082840236000"),
        "fees": Decimal("1E+3"),
        "funding": Decimal(0),
        "volume": 7,
        "cost_unknown": "0.10",
        "fees_unvalued": {"B\\N\nB": "0.1"},
        "fills": 3,
        "held": None,
        "cost": Decimal("0.000000000000000001"),
        **values,
    }
    return [given[name] for name in DAY]


@pytest.mark.parametrize("count", [FEW, MANY])
def test_values_become_rows_whose_other_columns_have_their_defaults(link, count):
    insert_values(SymbolDay, DAY, [day_values(link, number) for number in range(count)])
    rows = SymbolDay.objects.order_by("pk")
    assert {row.symbol for row in rows} == {f"{number}\\\t/USDT" for number in range(count)}
    assert {
        (row.strategy_account_id, row.date, row.realized, row.fees, row.volume, row.cost_unknown,
         row.fees_unvalued["B\\N\nB"], row.fills, row.trades, row.held, row.cost)
        for row in rows
    } == {
        (link.pk, date(2026, 3, 29), Decimal("-147.928994082840236"), Decimal(1000), Decimal(7),
         Decimal("0.1"), "0.1", 3, 0, None, Decimal("0.000000000000000001"))
    }  # fmt: skip


@pytest.mark.parametrize("count", [FEW, MANY])
def test_values_of_the_wrong_kind_are_refused_and_none_is_written(link, count):
    rows = [day_values(link, number) for number in range(count)]
    rows.append(day_values(link, count, fees=Decimal("NaN")))
    with pytest.raises(CapitalError), transaction.atomic():
        insert_values(SymbolDay, DAY, rows)
    assert not SymbolDay.objects.exists()


def test_a_time_without_a_zone_is_of_the_projects_zone(link):
    fills = [new_fill(link, number) for number in range(MANY)]
    Fill.objects.bulk_create(fills)
    rows = [(fill.pk, link.pk, "tag", datetime(2026, 3, 29, 1)) for fill in fills]  # noqa: DTZ001
    with pytest.warns(RuntimeWarning, match="naive datetime"):
        insert_values(Attribution, ("fill_id", "strategy_account_id", "how", "at"), rows)
    expected = timezone.make_aware(datetime(2026, 3, 29, 1))  # noqa: DTZ001
    assert set(Attribution.objects.values_list("at", flat=True)) == {expected}

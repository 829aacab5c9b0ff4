"""Which accounts hold something."""

import logging
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from capital.domain.errors import NotFound, TradingRefused, UnknownSymbol
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import PositionSide
from capital.models import Position
from capital.models.queries.isolation import repeatable_read
from capital.services.trading.positions import (
    ToldPosition,
    open_positions,
    position_holds,
    report_position,
    report_positions,
)
from tests.factories import (
    make_account,
    make_link,
    make_market,
    make_position,
    make_venue_position,
)

PERP = "BTC/USDT:USDT"


@pytest.mark.django_db(transaction=True)
def test_open_positions_can_be_read_as_of_one_moment(caplog: Any) -> None:
    link = make_link()
    Position.objects.create(strategy_account=link, symbol="BTC/USDT", quantity=Decimal(1))
    closed = make_link()
    Position.objects.create(strategy_account=closed, symbol="BTC/USDT", quantity=Decimal(0))

    with caplog.at_level(logging.ERROR), repeatable_read():
        found = position_holds([link.account_id, closed.account_id])

    assert found.keys() == {link.account_id}
    assert caplog.records == []


@pytest.mark.django_db
def test_what_cannot_be_read_counts_as_open_and_leaves_the_transaction_usable() -> None:
    link = make_link()

    def broken(execute: Any, sql: str, *rest: Any) -> Any:
        missing = sql.replace('FROM "capital_position"', "FROM no_such_table")
        return execute(missing, *rest)

    assert connection.in_atomic_block
    with connection.execute_wrapper(broken):
        assert position_holds([link.account_id]).keys() == {link.account_id}
    assert make_link().pk


@pytest.mark.django_db
def test_only_the_accounts_that_were_asked_for_are_told_to_hold_something() -> None:
    flat, other = make_link(), make_link()
    make_position(flat, "0")
    make_position(other, "1")

    assert position_holds([flat.account_id]) == {}
    both = [flat.account_id, other.account_id]
    assert position_holds(both) == {other.account_id: {Pool.SPOT: Reason(Code.OPEN_POSITION)}}


@pytest.mark.django_db
def test_a_position_holds_the_pool_that_it_is_in_and_never_the_other_one() -> None:
    account = make_account()
    spot = make_link(account=account, market_type="spot")
    make_link(account=account, market_type="futures")
    wallet = make_account(wallet_mode="unified", venue="okx")
    of_wallet = make_link(account=wallet, market_type="spot")
    for link in (spot, of_wallet):
        make_position(link, "1")

    holds = position_holds([account.pk, wallet.pk])

    assert holds == {
        account.pk: {Pool.SPOT: Reason(Code.OPEN_POSITION)},
        wallet.pk: {Pool.UNIFIED: Reason(Code.OPEN_POSITION)},
    }


@pytest.mark.django_db
def test_a_strategys_position_holds_nothing_where_what_is_in_use_is_kept() -> None:
    """What nobody has holds its pool all the same: it is in nobody's capital."""
    account = make_account(venue="okx", with_open_positions="keep_in_use")
    make_position(make_link(account=account, market_type="futures"), "1", PERP)

    assert position_holds([account.pk]) == {}
    assert position_holds([account.pk], always=True).keys() == {account.pk}
    make_venue_position(account, "3")
    assert {pool: why.code for pool, why in position_holds([account.pk])[account.pk].items()} == {
        Pool.UNIFIED: Code.POSITION_UNOWNED
    }


@pytest.mark.django_db
def test_what_no_strategy_holds_at_the_exchange_holds_the_account_in_one_query_more(
    django_assert_num_queries: Any,
) -> None:
    make_market(PERP, venue="okx")
    accounts = [make_account(venue="okx") for _ in range(4)]
    nobodys, owned, said, unknown = (account.pk for account in accounts)
    make_venue_position(accounts[0], "-2", unowned=Decimal(-2))
    make_venue_position(accounts[0], "1", symbol="ETH/USDT:USDT", unowned=Decimal("0.50"))
    make_venue_position(accounts[1], "3", unowned=Decimal("0.000001"))
    make_venue_position(accounts[2], "4", is_not_strategys=True)
    make_venue_position(accounts[3], "5")

    # Two of each are a savepoint.
    with django_assert_num_queries(5):
        found = position_holds([nobodys, owned, said, unknown])
    with django_assert_num_queries(4):
        assert position_holds([said]) == {}

    assert {key: holds[Pool.UNIFIED] for key, holds in found.items()} == {
        nobodys: Reason(
            Code.POSITION_UNOWNED,
            {"positions": f"-2 {PERP}, 0.5 ETH/USDT:USDT", "pools": "unified"},
        ),
        unknown: Reason(Code.POSITION_UNOWNED, {"positions": f"5 {PERP}", "pools": "unified"}),
    }
    assert all(holds.keys() == {Pool.UNIFIED} for holds in found.values())


@pytest.mark.django_db
def test_of_many_positions_of_nobody_three_are_named_beside_a_links_own() -> None:
    link = make_link()
    for number in range(4):
        make_venue_position(link.account, str(number + 1), symbol=f"X{number}/USDT:USDT")

    (why,) = position_holds([link.account_id])[link.account_id].values()
    assert why.figures["positions"] == "1 X0/USDT:USDT, 2 X1/USDT:USDT, 3 X2/USDT:USDT, …"
    make_position(link, "1")
    holds = position_holds([link.account_id])[link.account_id]
    assert holds[Pool.SPOT] == Reason(Code.OPEN_POSITION)
    assert holds[Pool.FUTURES] == why


@pytest.mark.django_db
def test_each_link_and_symbol_has_a_position_of_its_own() -> None:
    link, other = make_link(), make_link()
    for each, symbol in ((other, "BTC/USDT"), (link, "ETH/USDT"), (link, "BTC/USDT")):
        make_position(each, "1", symbol)

    report_position(link.pk, symbol="BTC/USDT", quantity=Decimal("0.5"))
    report_position(other.pk, symbol="ETH/USDT", quantity=Decimal(-2))

    rows = Position.objects.order_by("pk")
    assert list(rows.values_list("strategy_account", "symbol", "quantity")) == [
        (other.pk, "BTC/USDT", Decimal(1)),
        (link.pk, "ETH/USDT", Decimal(1)),
        (link.pk, "BTC/USDT", Decimal("0.5")),
        (other.pk, "ETH/USDT", Decimal(-2)),
    ]


@pytest.mark.django_db
def test_position_of_a_link_that_is_gone_is_refused_where_there_is_another() -> None:
    link = make_link()

    with pytest.raises(NotFound):
        report_position(link.pk + 1, symbol="BTC/USDT", quantity=Decimal(1))

    assert not Position.objects.exists()


# Where the venue's rules are known


@pytest.mark.django_db
@pytest.mark.parametrize("quantity", ["1", "0", "-0.5", "0.000000000000000001"])
def test_a_symbol_that_the_venue_does_not_have_is_refused(quantity: str) -> None:
    link = make_link()
    make_market("BTC/USDT")
    make_market("ETH/USDT", venue="bybit")

    with pytest.raises(UnknownSymbol) as refused:
        report_position(link.pk, symbol="ETH/USDT", quantity=Decimal(quantity))

    assert (refused.value.reason.code, refused.value.field) == ("unknown_symbol", "symbol")
    assert not Position.objects.exists()


@pytest.mark.django_db
def test_a_position_is_stored_under_the_symbol_that_its_name_means() -> None:
    link = make_link(market_type="futures")
    make_market("BTC/USDT")
    make_market("BTC/USDT:USDT")

    first = report_position(link.pk, symbol="BTCUSDT.P", quantity=Decimal(1))
    again = report_position(link.pk, symbol="btc/usdt:usdt", quantity=Decimal(2))

    assert (first.pk, first.symbol) == (again.pk, "BTC/USDT:USDT")
    assert Position.objects.get().quantity == 2


@pytest.mark.django_db
def test_all_that_is_held_is_told_by_names_and_the_rest_was_closed() -> None:
    link = make_link(market_type="futures")
    for symbol in ("BTC/USDT:USDT", "ETH/USDT:USDT"):
        make_market(symbol)
        make_position(link, "1", symbol)
    twice = [ToldPosition("BTCUSDT", Decimal(3)), ToldPosition("BTC/USDT:USDT", Decimal(3))]

    with pytest.raises(TradingRefused) as refused:
        report_positions(link.pk, twice)
    with pytest.raises(UnknownSymbol) as unknown:
        report_positions(link.pk, [twice[0], ToldPosition("NOUSDT", Decimal(1))])
    report_positions(link.pk, twice[:1])

    assert (refused.value.field, unknown.value.field) == ("positions.1.symbol",) * 2
    held = Position.objects.order_by("pk").values_list("symbol", "quantity")
    assert list(held) == [("BTC/USDT:USDT", 3), ("ETH/USDT:USDT", 0)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("market", "symbol", "other"),
    [("futures", "BTC/USDT:USDT", "BTC/USDT"), ("spot", "BTC/USDT", "BTC/USDT:USDT")],
)
def test_what_the_strategy_does_not_trade_is_told_to_be_so(
    market: str, symbol: str, other: str
) -> None:
    """A symbol without its settle currency is mostly a slip, and another instrument."""
    link = make_link(market_type=market)
    for each in (symbol, other):
        make_market(each)
    told = [ToldPosition(symbol, Decimal(3)), ToldPosition(other, Decimal(3))]

    one = report_position(link.pk, symbol=other, quantity=Decimal(3))
    both = report_positions(link.pk, told)

    assert [warning.code for warning in one.warnings] == [Code.SYMBOL_OF_OTHER_MARKET]
    found = {each.symbol: [warning.code for warning in each.warnings] for each in both}
    assert found == {symbol: [], other: [Code.SYMBOL_OF_OTHER_MARKET]}


@pytest.mark.django_db
def test_what_is_held_is_closed_under_its_name_after_its_market_is_gone() -> None:
    link = make_link()
    make_market("BTC/USDT")
    make_position(link, "1", "GONE/USDT")

    assert report_position(link.pk, symbol="GONE/USDT", quantity=Decimal(0)).quantity == 0


@pytest.mark.django_db
def test_without_any_rules_of_the_venue_a_symbol_is_not_judged() -> None:
    link = make_link()
    make_market("BTC/USDT", venue="bybit")

    position = report_position(link.pk, symbol="ETH/USDT", quantity=Decimal("1E-18"))

    assert position.is_open


@pytest.mark.django_db
@pytest.mark.parametrize("quantity", ["0.4", "0"])
def test_what_is_held_can_be_reported_when_its_symbol_is_gone(quantity: str) -> None:
    link = make_link()
    make_position(link, "1", symbol="OLD/USDT")
    make_market("BTC/USDT")

    position = report_position(link.pk, symbol="OLD/USDT", quantity=Decimal(quantity))

    assert position.quantity == Decimal(quantity)


@pytest.mark.django_db
def test_open_positions_are_those_of_the_accounts_that_were_asked_for() -> None:
    link = make_link()
    mine = make_position(link, "1")
    make_position(link, "0", symbol="ETH/USDT")
    make_position(make_link(), "2")

    assert open_positions([link.account_id]) == [mine]


# As a whole


@pytest.mark.django_db
def test_what_is_not_told_was_closed() -> None:
    link, other = make_link(), make_link()
    for each in (link, other):
        make_position(each, "3", "ETH/USDT")
    make_position(link, "0", "SOL/USDT")

    told = report_positions(link.pk, [ToldPosition("BTC/USDT", Decimal(2), Decimal(100))])

    assert [(each.symbol, each.quantity) for each in told] == [("BTC/USDT", 2), ("ETH/USDT", 0)]
    rows = Position.objects.order_by("pk").values_list("strategy_account", "symbol", "quantity")
    assert list(rows) == [
        (link.pk, "ETH/USDT", 0),
        (other.pk, "ETH/USDT", 3),
        (link.pk, "SOL/USDT", 0),
        (link.pk, "BTC/USDT", 2),
    ]


@pytest.mark.django_db
def test_a_position_that_is_told_twice_changes_nothing() -> None:
    link = make_link()
    make_position(link, "3", "ETH/USDT")
    twice = [ToldPosition("BTC/USDT", Decimal(amount)) for amount in (1, 2)]

    with pytest.raises(TradingRefused) as refused:
        report_positions(link.pk, twice)

    assert (refused.value.code, refused.value.field) == ("position_twice", "positions.1.symbol")
    assert list(Position.objects.values_list("symbol", "quantity")) == [("ETH/USDT", 3)]


@pytest.mark.django_db
def test_what_breaks_a_rule_is_named_by_its_place() -> None:
    link = make_link()
    ours = ToldPosition("BTC/USDT", Decimal(1))
    broken = {
        "positions.1.quantity": ToldPosition(
            "ETH/USDT", Decimal(-1), position_side=PositionSide.LONG
        ),
        "positions.1.entry_price": ToldPosition("ETH/USDT", Decimal(1), Decimal(-2)),
        "positions.1.symbol": ToldPosition("E" * 100 + "/USDT", Decimal(1)),
    }

    for field, position in broken.items():
        with pytest.raises(ValidationError) as refused:
            report_positions(link.pk, [ours, position])
        assert refused.value.message_dict.keys() == {field}
    assert not Position.objects.exists()

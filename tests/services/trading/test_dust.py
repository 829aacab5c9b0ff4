"""A rest that no order could close is dust: it is said, and holds nothing."""

from decimal import Decimal

import pytest

from capital.domain.reasons import Code
from capital.models import AllocationRun, Market
from capital.services.allocation import allocate_capital
from capital.services.sizing.orders import size_orders
from capital.services.trading.positions import (
    mark_dust,
    position_holds,
    report_position,
)
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link, make_market, make_position

pytestmark = pytest.mark.django_db

ETH = "ETH/USDT"


def eth(**fields) -> Market:
    return make_market(ETH, **{"amount_precision": Decimal("0.0001"), **fields})


def open_accounts(*links) -> set[int]:
    return set(position_holds([link.account_id for link in links]))


def test_a_remainder_below_every_step_does_not_hold_its_account():
    eth()
    dust, whole = make_link(), make_link()
    make_position(dust, "0.00001234", ETH)
    make_position(whole, "0.0001", ETH)

    assert open_accounts(dust, whole) == {whole.account_id}


@pytest.mark.parametrize(
    ("rules", "quantity", "is_dust"),
    [
        ({}, "-0.00009999", True),
        ({}, "-0.0001", False),
        ({"min_amount": Decimal("0.01")}, "0.00999", True),
        ({"min_amount": Decimal("0.01")}, "0.01", False),
        # Less than one step, whatever the minimum says.
        ({"min_amount": Decimal("0.00001")}, "0.00005", True),
        # The whole of a position may be closed below the least value.
        ({"min_cost": Decimal(1000000)}, "0.0001", False),
        ({"precision_mode": "decimal_places", "amount_precision": Decimal(2)}, "0.009", True),
        ({"precision_mode": "decimal_places", "amount_precision": Decimal(2)}, "0.01", False),
        ({"precision_mode": "significant_digits", "amount_precision": Decimal(2)}, "1e-9", False),
        # Nobody can say what a venue takes that no longer trades it.
        ({"is_active": False}, "0.00001234", False),
    ],
)
def test_what_is_dust(rules, quantity, is_dust):
    eth(**rules)
    link = make_link()
    position = make_position(link, quantity, ETH)

    mark_dust([position])

    assert position.is_dust is is_dust
    assert open_accounts(link) == (set() if is_dust else {link.account_id})


@pytest.mark.parametrize(
    ("symbol", "rules", "dust", "whole"),
    [
        # Half a contract of 0.01 coins.
        ("BTC/USDT:USDT", {"contract_size": Decimal("0.01")}, "0.005", "0.01"),
        # Nine dollars, where ten are a contract: in contracts.
        ("BTC/USD:BTC", {"venue": "deribit", "contract_size": Decimal(10)}, "0.9", "1"),
    ],
)
def test_dust_is_measured_in_what_positions_are_counted_in(symbol, rules, dust, whole):
    precision = Decimal(10) if rules.get("venue") else Decimal(1)
    market = make_market(symbol, amount_precision=precision, **rules)
    account = make_account(venue=market.venue, currency=market.settle)
    small, large = (make_link(account=account, market_type="futures") for _ in range(2))

    positions = [make_position(small, dust, symbol), make_position(large, whole, symbol)]
    mark_dust(positions)

    assert [each.is_dust for each in positions] == [True, False]


def test_dust_by_the_rules_of_another_venue_or_symbol_is_none():
    eth(venue="okx", amount_precision=Decimal(1))
    make_market("ADA/USDT", amount_precision=Decimal(1))
    eth()
    link = make_link()
    make_position(link, "0.5", ETH)

    assert open_accounts(link) == {link.account_id}


def test_of_an_unknown_symbol_nothing_is_dust():
    link = make_link()
    make_position(link, "0.00000001", "XYZ/USDT")

    assert open_accounts(link) == {link.account_id}


def test_a_close_of_dust_says_that_it_cannot_be_sent_and_does_not_count():
    eth()
    link = make_link(capital="100")
    make_position(link, "0.00001234", ETH)

    (answer,) = size_orders([link.pk], [order(symbol=ETH, side="sell", qty_per="-100")])

    assert (answer.quantity, answer.code) == (0, Code.BELOW_STEP)
    told = {each.code: each for each in answer.warnings}
    assert told[Code.DUST].figures == {"position": "0.00001234", "symbol": ETH}
    assert "report a quantity of 0" in told[Code.DUST].english


def test_dust_takes_none_of_the_symbols_that_a_link_may_hold():
    eth()
    make_market("BTC/USDT")
    link = make_link(capital="1000", max_symbols=1)
    make_position(link, "0.00001234", ETH)

    (answer,) = size_orders([link.pk], [order(qty_per="10", price="100")])

    assert answer.code is Code.SIZED


def test_an_account_with_dust_alone_is_allocated(exchange):
    eth()
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}, "futures": {"USDT": "0"}})
    link = make_link(account=account, capital="0")
    make_position(link, "0.00001234", ETH)

    allocate_capital([account.pk])

    assert AllocationRun.objects.get().outcome == "applied"


def test_a_position_that_becomes_dust_asks_for_a_reallocation(monkeypatch):
    asked: list[list[int]] = []
    monkeypatch.setattr("capital.signals.request_reallocation", asked.append)
    eth()
    link = make_link()
    asked.clear()

    report_position(link.pk, symbol=ETH, quantity=Decimal("0.5"))
    assert asked == []
    report_position(link.pk, symbol=ETH, quantity=Decimal("0.00001234"))
    assert asked == [[link.account_id]]


def test_a_delisted_market_names_the_ways_out():
    eth(is_active=False)
    link = make_link(capital="100")
    make_position(link, "12.345", ETH)

    (answer,) = size_orders([link.pk], [order(symbol=ETH, side="sell", qty_per="-100")])

    assert answer.code is Code.SYMBOL_NOT_TRADED
    assert "report a quantity of 0, or force a reallocation" in str(answer.error)

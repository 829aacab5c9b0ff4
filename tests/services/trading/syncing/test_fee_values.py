"""Fees in a third coin that bots and files tell: valued as those that an exchange tells."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.errors import NotFound, UnknownAccount
from capital.domain.performance.fills import Fee
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import Side
from capital.domain.sizing.prices import MarketPrice
from capital.models import Fill, StrategyAccount
from capital.services.markets.prices import forget_prices
from capital.services.trading import NewFill, account_pnl, import_trades, report_fills
from capital.services.trading.files import TradeFile, TradeLine
from capital.services.trading.syncing.fee_values import value_fees
from tests.factories import make_account, make_link, make_market, make_strategy, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
NOW = datetime(2026, 3, 10, 3, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def clock() -> datetime:
    return NOW


@pytest.fixture
def link() -> StrategyAccount:
    make_market("BTC/USDT:USDT")
    make_market("BNB/USDT")
    strategy = make_strategy(key="trend", market_type="futures")
    return make_link(account=make_account(owner=strategy.owner), strategy=strategy)


Ask = Callable[[Any], MarketPrice | Reason]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[list[str]]:
    """The symbols of which the price was asked; BNB is 600."""
    found: list[str] = []

    class Prices:
        def fetch_prices(self, quoted: Any) -> Any:
            found.extend(each.symbol for each in quoted)
            return {each: MarketPrice(last=D(600)) for each in quoted}

    settings.CAPITAL_LIVE_BALANCES = True
    monkeypatch.setattr("capital.services.markets.prices.get_market_gateway", lambda **_: Prices())
    forget_prices()
    yield found
    forget_prices()


def told(
    number: int, *fees: Fee, ago: timedelta = SECOND, symbol: str = "BTC/USDT:USDT"
) -> NewFill:
    return NewFill(
        symbol=symbol,
        side=Side.BUY,
        quantity=D(1),
        price=D(100),
        executed_at=NOW - ago,
        venue_fill_id=str(number),
        fees=fees,
    )


FILLS = [
    told(1, Fee(D("0.01"), "BNB"), Fee(D("0.5"), "USDT"), ago=59 * SECOND),
    told(2, Fee(D("0.02"), "BNB"), ago=61 * SECOND),
    told(3, Fee(D(1), "X")),
    told(4, Fee(D("0.03"), "BNB", D(17))),
]


def test_a_bots_fee_of_the_last_minute_is_valued_by_the_price_and_no_other(link, asked) -> None:
    # As the exchange calls it, and as bots may.
    by_id = told(5, Fee(D("0.01"), "BNB"), symbol="BTCUSDT")

    report_fills(link.pk, [*FILLS, by_id], actor=None, clock=clock)

    assert asked == ["BNB/USDT"]
    fees = {row.venue_fill_id: row.fees for row in Fill.objects.all()}
    assert fees["1"] == [
        {"amount": "0.01", "currency": "BNB", "value": "6.00"},
        {"amount": "0.5", "currency": "USDT"},
    ]
    assert [fees[number][0].get("value") for number in "2345"] == [None, None, "17", "6.00"]
    (row,) = account_pnl([link.account_id], by=["strategy"])
    assert (row.fees, row.fees_unvalued) == (D("29.5"), {"BNB": D("0.02"), "X": D(1)})


def test_the_same_holds_of_a_file(link, asked) -> None:
    lines = tuple(
        TradeLine(number=number, fill=fill, strategy="trend")
        for number, fill in enumerate(FILLS, start=1)
    )

    report = import_trades(link.account_id, TradeFile(lines=lines), clock=clock)

    assert report.is_recorded
    assert report.sums["USDT"].fees == D("23.5")
    assert report.sums["USDT"].fees_unvalued == {"BNB": D("0.02"), "X": D(1)}
    assert asked == ["BNB/USDT"]


def test_without_such_a_fee_nothing_is_asked_and_no_query_is_made(link, asked) -> None:
    plain = [told(1, Fee(D(1), "USDT")), told(2), told(3, Fee(D(1), "BNB"), ago=61 * SECOND)]

    with CaptureQueriesContext(connection) as captured:
        assert value_fees(link.account, plain, clock=clock) == plain

    assert (len(captured), asked) == (0, [])


def test_who_may_not_report_makes_nobody_ask(link, asked) -> None:
    with pytest.raises(UnknownAccount):
        report_fills(link.pk, FILLS, actor=make_user(username="other"), clock=clock)
    with pytest.raises(NotFound):
        report_fills(link.pk + 1, FILLS, actor=None, clock=clock)

    assert asked == []


def test_without_a_price_a_fee_stays_in_its_own_currency(link, asked, monkeypatch) -> None:
    class Silent:
        def fetch_prices(self, quoted: Any) -> Any:
            return {each: Reason(Code.PRICE_UNAVAILABLE) for each in quoted}

    monkeypatch.setattr("capital.services.markets.prices.get_market_gateway", lambda **_: Silent())

    report_fills(link.pk, FILLS[:1], actor=None, clock=clock)

    (row,) = account_pnl([link.account_id], by=["strategy"])
    assert (row.fees, row.fees_unvalued) == (D("0.5"), {"BNB": D("0.01")})

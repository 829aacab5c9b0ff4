"""The equity of a link: its capital, what it realised since that was decided, and what is open."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.money import EXACT
from capital.domain.performance.fills import Fee
from capital.domain.sizing.orders import Side
from capital.models import Fill, Position, StrategyAccount, StrategyCapital, SymbolDay
from capital.services.trading import Equity, NewFill, equity_of, report_fills
from tests.admin.tenants import allow_everything
from tests.api.client import Bot
from tests.factories import make_account, make_link, make_market, make_user

pytestmark = pytest.mark.django_db

D = Decimal
BTC, INVERSE = "BTC/USDT:USDT", "BTC/USD:BTC"
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


def linked(basis: str = "wallet", capital: str | None = "5000", **fields: Any) -> StrategyAccount:
    account = make_account(balance_basis=basis, **fields)
    return make_link(account=account, market_type="futures", capital=capital)


@pytest.fixture(autouse=True)
def markets() -> None:
    make_market(BTC, contract_size=D("0.001"))
    make_market(INVERSE, contract_size=D(10))


def trade(link: StrategyAccount, *told: tuple[str, str, str], symbol: str = BTC) -> None:
    before = Fill.objects.count()
    fills = [
        NewFill(
            symbol=symbol,
            side=Side(side),
            quantity=D(quantity),
            price=D(price),
            executed_at=NOON + timedelta(minutes=before + number),
            venue_fill_id=str(before + number),
            fees=(Fee(D("0.5"), "USDT"),) if not number else (),
        )
        for number, (side, quantity, price) in enumerate(told)
    ]
    report_fills(link.pk, fills, actor=None, clock=lambda: NOON + timedelta(minutes=4))


def mark(price: str, at: datetime = NOON, symbol: str = BTC) -> None:
    Position.objects.filter(symbol=symbol).update(mark_price=D(price), marked_at=at)


def equity(*links: StrategyAccount) -> list[Equity]:
    rows = StrategyAccount.objects.select_related("account", "capital")
    found = equity_of(rows.filter(pk__in=[link.pk for link in links]), now=NOON)
    return [found[link.pk] for link in links]


def code(link: StrategyAccount) -> str | None:
    (found,) = equity(link)
    assert found.amount is None
    return found.reason.code.value if found.reason else None


@pytest.mark.parametrize(("basis", "then"), [("wallet", "0"), ("wallet", "300"), ("equity", "0")])
def test_what_is_unrealised_now_is_part_of_it(basis: str, then: str) -> None:
    """5,000, of which 800 more are open: 5,800; on a wallet's balance whatever was open then."""
    link = linked(basis)
    StrategyCapital.objects.update(unrealized_then=D(then))
    trade(link, ("buy", "10", "100"))
    mark("180")

    assert equity(link) == [Equity(D("5799.5"))]


def test_on_equity_only_the_change_of_what_is_open_counts() -> None:
    """The 5,000 were decided on a balance in which 300 were open: 500 more are its own."""
    link = linked("equity")
    StrategyCapital.objects.update(unrealized_then=D(300))
    trade(link, ("buy", "10", "100"))
    mark("180")

    assert equity(link) == [Equity(D("5499.5"))]


@pytest.mark.parametrize(("price", "earned"), [("180", "800"), ("70", "-300")])
def test_what_was_realised_since_is_part_of_it_and_what_was_counted_before_is_not(
    price: str, earned: str
) -> None:
    link = linked()
    trade(link, ("buy", "10", "100"), ("sell", "10", price))
    assert equity(link)[0].amount == EXACT.add(D("4999.5"), D(earned))

    StrategyCapital.objects.update(pnl_counted=EXACT.subtract(D(earned), D("0.5")))

    assert equity(link) == [Equity(D(5000))]


def test_days_of_other_versions_which_do_not_say_what_is_held_count_once() -> None:
    link = linked()
    trade(link, ("buy", "10", "100"), ("sell", "10", "180"))
    SymbolDay.objects.update(held=None, cost=None)

    assert equity(link) == [Equity(D("5799.5"))]


def test_it_is_the_capital_and_the_current_pnl() -> None:
    link = linked()
    trade(link, ("buy", "1", "100"), ("buy", "1", "110"), ("sell", "1", "120"))
    mark("90")
    # 15 realised, 0.5 paid twice, the rest of 105 is worth 90: the next fill writes it down.
    trade(link, ("sell", "0.5", "90"))

    (found,) = equity(link)

    assert found.amount == D("4999")
    assert StrategyCapital.objects.get().current_pnl == D("-1")


def test_what_is_paid_in_another_currency_is_not_added() -> None:
    link = linked()
    trade(link, ("buy", "10", "100"), ("sell", "10", "180"))
    trade(link, ("buy", "100", "10000"), symbol=INVERSE)

    assert equity(link) == [Equity(D("5799.5"))]


def test_in_coins_it_has_all_their_digits() -> None:
    """100 contracts of 10 USD from 10,000 to 12,500 earn 0.02 BTC."""
    link = linked(currency="BTC", capital="1.00000001")
    trade(link, ("buy", "100", "10000"), ("sell", "100", "12500"), symbol=INVERSE)

    assert equity(link) == [Equity(D("1.02000001"))]


def test_without_capital_fills_or_a_fresh_mark_it_is_not_known_and_why() -> None:
    link, quiet, bare = linked(), linked(), linked(capital=None)
    trade(link, ("buy", "1", "100"))
    trade(bare, ("buy", "1", "100"), ("sell", "1", "110"))

    assert code(bare) == "no_capital"
    assert code(quiet) == "no_fills_known"
    assert code(link) == "mark_missing"
    mark("110", NOON - timedelta(minutes=6))
    assert code(link) == "mark_missing"
    assert equity(link)[0].reason.figures == {"symbols": BTC}
    mark("110", NOON - timedelta(minutes=4))
    assert equity(link) == [Equity(D("5009.5"))]


def test_on_equity_what_was_open_then_has_to_be_known() -> None:
    link = linked("equity")
    StrategyCapital.objects.update(unrealized_then=None)
    trade(link, ("buy", "1", "100"), ("sell", "1", "110"))

    assert code(link) == "unrealized_then_unknown"


def test_many_cost_as_much_as_one_and_none_costs_nothing() -> None:
    links = [linked() for _ in range(4)]
    for link in links:
        trade(link, ("buy", "1", "100"))

    def queries(*asked: StrategyAccount) -> int:
        with CaptureQueriesContext(connection) as captured:
            equity_of(asked, now=NOON)
        return len(captured)

    loaded = list(StrategyAccount.objects.select_related("account", "capital"))
    assert queries(*loaded) == queries(loaded[0]) <= 3
    assert queries() == 0


def test_the_api_tells_it_or_why_not() -> None:
    bot = Bot(allow_everything(make_user()), scope="read")
    link = linked(owner=bot.user)
    quiet = make_link(account=link.account, market_type="futures", capital="10")
    trade(link, ("buy", "1", "100"), ("sell", "1", "110"))

    first, second = bot.get("strategy-accounts/").json()["results"]

    assert (first["id"], first["equity"], first["equity_unknown"]) == (link.pk, "5009.50", None)
    assert (second["id"], second["equity"]) == (quiet.pk, None)
    assert second["equity_unknown"]["code"] == "no_fills_known"
    assert "No fills" in second["equity_unknown"]["reason"]

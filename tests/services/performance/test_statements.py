"""Monthly statements of accounts and owners: what is in them, and that they add up."""

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import load_workbook

from capital.domain.balances import BalanceBasis
from capital.domain.errors import InvalidMonth
from capital.domain.reasons import Reason
from capital.models import Account, DayMark, PoolDay, SymbolDay
from capital.services.performance import (
    LINES,
    Statement,
    account_statements,
    chosen_month,
    owner_statements,
    statements_as_table,
    statements_as_workbook,
)
from capital.services.trading import explain_balances
from tests.factories import forge, make_account, make_fill, make_flow, make_link, make_summary

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
MARCH = date(2026, 3, 1)
# Noon in Seoul on the last of February; balances are read an hour before midnight.
NOON = datetime(2026, 2, 28, 3, tzinfo=UTC)
PERP, PAIR = "BTC/USDT:USDT", "BTC/USDT"


def noon(days: int, **more: Any) -> datetime:
    return NOON + timedelta(days=days, **more)


def read(account: Account, days: int, futures: str, spot: str = "1000") -> None:
    at = noon(days, hours=11)
    make_summary(
        account=account,
        date=date(2026, 2, 28) + timedelta(days=days),
        spot_balance=D(spot),
        futures_balance=D(futures),
        spot_observed_at=at,
        futures_observed_at=at,
    )


def explain(account: Account, days: int) -> None:
    explain_balances([account.pk], clock=lambda: noon(days, hours=11.5))


def statement_of(account: Account, month: date = MARCH) -> Statement:
    (found,) = account_statements(Account.objects.filter(pk=account.pk), month=month)
    return found


def told(statement: Statement) -> dict[str, str]:
    """The amounts as texts, of what is unknown the code."""
    return {
        name: each.code.value if isinstance(each, Reason) else format(each.normalize(), "f")
        for name, each in statement.amounts.items()
    }


def adds_up(statement: Statement) -> bool:
    total = D(0)
    for name, line in LINES.items():
        amount = statement.amounts[name]
        total += D(0) if isinstance(amount, Reason) else amount * line.sign
    opening = statement.amounts["opening_balance"]
    return bool(opening + total == statement.amounts["closing_balance"])  # type: ignore[operator]


def test_a_month_of_contracts_and_coins_adds_up_to_the_last_digit() -> None:
    link = make_link(market_type="futures", account=make_account(name="Main"))
    account, spot = link.account, make_link(account=link.account, market_type="spot")
    make_flow(account, amount=D(7), occurred_at=noon(-1))
    for days, futures, coins in (
        (0, "1000", "1000"),
        (1, "1499.5", "900"),
        (2, "1519.5", "959.9"),
        (20, "1521.6", "966.9"),
        (31, "1521.6", "966.9"),
        (32, "1400", "966.9"),
    ):
        read(account, days, futures, coins)
    fee = [{"amount": "0.5", "currency": "USDT"}]
    make_fill(link, PERP, side="buy", price=D(100), executed_at=noon(1), fees=fee)
    make_fill(link, PERP, side="sell", price=D(120), executed_at=noon(2))
    for side, price, quantity, day in (("buy", "100", "1", 1), ("sell", "120", "0.5", 2)):
        fill = {"symbol": PAIR, "side": side, "price": D(price), "quantity": D(quantity)}
        make_fill(
            spot,
            **fill,
            executed_at=noon(day),
            fees=[{"amount": "0.1", "currency": "USDT"}] if day == 2 else [],
        )
    # As the books tell it: 9.9 and a fee of 0.1 of a sale of half for 60.
    for day, realized, fees in ((1, "0", "0"), (2, "9.9", "0.1"), (32, "5", "0")):
        # What was earned in another coin is none of its currency.
        for symbol, currency in ((PAIR, "USDT"), (PERP, "USDT"), ("ETH/BTC", "BTC")):
            SymbolDay.objects.create(
                strategy_account=link if symbol == PERP else spot,
                symbol=symbol,
                position_side="both",
                date=date(2026, 2, 28) + timedelta(days=day),
                currency=currency,
                realized=D(realized),
                fees=D(fees),
                funding=D(0),
                **dict.fromkeys(("volume", "cost_unknown"), D(0)),
            )
    make_flow(account, amount=D(500), occurred_at=noon(1))
    make_flow(account, kind="funding", symbol=PERP, amount=D(2), occurred_at=noon(3))
    make_flow(account, kind="rebate", symbol=PERP, amount=D("0.1"), occurred_at=noon(4))
    # Of April.
    make_flow(account, kind="withdrawal", amount=D(-100), occurred_at=noon(32))
    explain(account, 32)

    found = statement_of(account)

    assert told(found) == {
        "opening_balance": "2000",
        "external_flows": "500",
        "realized": "30",
        "fees": "0.5",
        "funding": "2",
        # 100 were paid for a coin; half of it was sold for 60, of which 10 were earned.
        "coins": "-50",
        "unrealized_change": "not_in_balance",
        "unexplained": "7",
        "closing_balance": "2488.5",
    }
    assert adds_up(found)
    assert (found.begins_at, found.ends_at) == (noon(0, hours=11), noon(31, hours=11))
    april = told(statement_of(account, date(2026, 4, 5)))
    assert (april["opening_balance"], april["external_flows"]) == ("2488.5", "-100")
    assert (april["realized"], april["coins"], april["unexplained"]) == ("5", "-5", "-21.6")
    head, line = statements_as_table([found], of="account")
    assert (head[0], line[:3]) == ("account", ["Main", "USDT", "2026-03"])
    assert line[-3:] == ["", "7", "2488.5"]


def test_on_equity_the_change_of_unrealised_is_a_line_and_needs_marks() -> None:
    account = make_account(balance_basis=BalanceBasis.EQUITY.value)
    link = make_link(account=account, market_type="futures")
    for days, futures in ((0, "1000"), (1, "1010"), (2, "1025")):
        read(account, days, futures)
    make_fill(link, PERP, price=D(100), executed_at=noon(1))
    for day, price in ((1, 110), (2, 125)):
        day_of = date(2026, 2, 28) + timedelta(days=day)
        DayMark.objects.create(venue=account.venue, symbol=PERP, date=day_of, price=D(price))
    explain(account, 2)
    found = told(statement_of(account))
    assert (found["unrealized_change"], found["unexplained"]) == ("25", "0")
    assert adds_up(statement_of(account))
    first = PoolDay.objects.filter(pool="futures", date=MARCH)
    forge(first.get(), code="no_mark", unrealized=None, unexplained=None)
    found = told(statement_of(account))
    assert (found["unrealized_change"], found["unexplained"]) == ("mark_unknown", "mark_unknown")
    assert (found["realized"], found["closing_balance"]) == ("0", "2025")
    forge(first.get(), realized=None, code="free_basis")
    found = told(statement_of(account))
    assert (found["realized"], found["unexplained"]) == ("not_explained", "free_basis")


def test_a_month_without_a_balance_before_begins_with_its_first_one() -> None:
    link = make_link(market_type="futures")
    read(link.account, 5, "1000")
    read(link.account, 6, "1300")
    make_flow(link.account, amount=D(200), occurred_at=noon(6))
    explain(link.account, 6)
    found = statement_of(link.account)
    amounts = told(found)
    assert (amounts["opening_balance"], amounts["external_flows"]) == ("2000", "200")
    assert (amounts["unexplained"], found.begins_at) == ("100", noon(5, hours=11))
    assert set(told(statement_of(link.account, date(2026, 1, 1))).values()) == {"balance_unknown"}
    last = PoolDay.objects.get(pool="futures", date=MARCH + timedelta(days=5))
    forge(last, balance=None)
    amounts = told(statement_of(link.account))
    assert (amounts["closing_balance"], amounts["unexplained"]) == ("balance_unknown",) * 2
    forge(last, pool="unified")
    assert set(told(statement_of(link.account)).values()) == {"other_meaning"}


def test_days_that_know_no_change_of_unrealised_leave_the_rest_unexplained() -> None:
    """They add up by themselves, as a wallet does; on equity nobody can say what is left."""
    account = make_link(market_type="futures").account
    make_flow(account, amount=D(7), occurred_at=noon(-1))
    for days in (-1, 0, 31):
        read(account, days, "1000")
    explain(account, 32)
    assert told(statement_of(account))["unexplained"] == "0"
    Account.objects.update(balance_basis=BalanceBasis.EQUITY)
    PoolDay.objects.update(unrealized=None)

    found = told(statement_of(account))

    assert (found["opening_balance"], found["external_flows"]) == ("2000", "0")
    assert (found["unrealized_change"], found["unexplained"]) == ("balance_unknown",) * 2


def test_what_an_owner_moves_between_accounts_is_put_in_nowhere() -> None:
    first = make_link(market_type="futures", account=make_account(name="A")).account
    second = make_account(name="B", owner=first.owner)
    unread = make_account(name="C", owner=first.owner)
    bitcoin = make_account(name="D", owner=first.owner, currency="BTC")
    for account, after in ((first, "700"), (second, "1305")):
        read(account, 0, "1000")
        read(account, 1, after)
        sign = -1 if account == first else 1
        make_flow(account, kind="transfer", amount=D(300) * sign, occurred_at=noon(1))
        make_flow(account, kind="funding", symbol=PERP, amount=D(1), occurred_at=noon(-2))
        explain(account, 1)
    coins, dollars = owner_statements(
        Account.objects.filter(owner=first.owner), month=date(2026, 3, 31)
    )
    assert (coins.currency, coins.left_out) == ("BTC", [bitcoin.name])
    assert not coins.is_known
    amounts = told(dollars)
    assert (amounts["opening_balance"], amounts["external_flows"]) == ("4000", "0")
    assert (amounts["unexplained"], amounts["closing_balance"]) == ("5", "4005")
    assert (dollars.whose.id, dollars.left_out) == (first.owner_id, [unread.name])
    assert amounts["unrealized_change"] == "not_in_balance"


def test_a_workbook_has_numbers_that_it_keeps_and_texts_that_it_does_not_run() -> None:
    link = make_link(market_type="futures", account=make_account(name="=A1"))
    read(link.account, 0, "1000.00000001")
    read(link.account, 1, "9999999.12345678")
    make_flow(link.account, amount=D(1), occurred_at=noon(0))
    explain(link.account, 1)
    found = [statement_of(link.account)]
    assert list(statements_as_table(found, of="account"))[1][0] == "'=A1"
    book = load_workbook(io.BytesIO(statements_as_workbook(found, of="account")))
    head, row = book.active.iter_rows()
    cells = {name.value: (cell.value, cell.data_type) for name, cell in zip(head, row, strict=True)}
    assert cells["account"] == ("'=A1", "s")
    assert (cells["opening_balance"], cells["fees"]) == ((2000.00000001, "n"), (0, "n"))
    assert cells["closing_balance"] == ("10000999.12345678", "s")
    assert cells["unrealized_change"] == (None, "n")


def test_a_month_is_written_as_a_year_and_two_digits() -> None:
    assert chosen_month("2026-03", now=noon(0)) == MARCH
    assert chosen_month(now=noon(0)) == date(2026, 2, 1)
    for text in ("2026-3", "2026-13", "March", "2026-03-01", "0001-01", "9999-12"):
        with pytest.raises(InvalidMonth):
            chosen_month(text, now=noon(0))

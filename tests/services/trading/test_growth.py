"""Each further fill takes as much work as the others, when it is recorded and when it is known.

Work is what can be counted, whatever else the machine does: the functions that Python calls, the
statements, and the members of sets that are compared as a whole, which calls no function.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from capital.domain.performance.telling import FillSource
from capital.domain.sizing.orders import Side
from capital.models import Account, StrategyAccount
from capital.services.accounts.lookup import lock_accounts
from capital.services.trading import FillCode, NewFill
from capital.services.trading.fills import record_fills, record_venue_fills
from capital.services.trading.recording import record
from capital.services.trading.recording.told import FillResult
from tests.factories import make_account, make_link, make_market

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

BTC = "BTC/USDT:USDT"
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)
NOW = NOON + timedelta(hours=12)
NUMBER = 60


@dataclass
class Work:
    """What was done."""

    calls: int = 0
    statements: int = 0
    compared: int = 0


class Compared(frozenset[int]):
    """A set that counts the members that are looked at when it is taken as a whole."""

    work: Work

    def __sub__(self, other: Any) -> frozenset[int]:
        self.work.compared += len(self)
        return frozenset(self) - other

    def __and__(self, other: Any) -> frozenset[int]:
        self.work.compared += len(self)
        return frozenset(self) & other


@pytest.fixture
def account() -> Account:
    make_market(BTC)
    return make_account()


@pytest.fixture
def link(account) -> StrategyAccount:
    return make_link(account=account, market_type="futures", symbols=[BTC])


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """The work of this block."""
    work = Work()

    def profile(frame: object, event: str, argument: object) -> None:
        work.calls += event in {"call", "c_call"}

    def count(execute: Any, *arguments: Any) -> Any:
        work.statements += 1
        return execute(*arguments)

    def counting(rows: Any) -> frozenset[int]:
        found = Compared(counting_rows(rows))
        found.work = work
        return found

    counting_rows = record.counting_rows
    monkeypatch.setattr(record, "counting_rows", counting)
    before = sys.getprofile()
    try:
        with connection.execute_wrapper(count):
            sys.setprofile(profile)
            yield work
    finally:
        sys.setprofile(before)
        monkeypatch.undo()


def told(begin: int, number: int, *, is_named: bool) -> list[NewFill]:
    """So many fills of two each order, that buy and sell in turn."""
    return [
        NewFill(
            symbol=BTC,
            side=Side.BUY if each % 4 < 2 else Side.SELL,
            quantity=Decimal(1),
            price=Decimal(100 + each % 7),
            executed_at=NOON + timedelta(seconds=each),
            venue_fill_id=f"fill{each}" if is_named else "",
            order_id=f"order{each // 2}",
        )
        for each in range(begin, begin + number)
    ]


def by_exchange(link: StrategyAccount, rows: list[NewFill]) -> list[FillResult]:
    with transaction.atomic():
        (account,) = lock_accounts([link.account_id]).values()
        return record_venue_fills(account, rows, now=NOW)


def by_bot(link: StrategyAccount, rows: list[NewFill]) -> list[FillResult]:
    with transaction.atomic():
        (account,) = lock_accounts([link.account_id]).values()
        return record_fills(
            account,
            link.pk,
            rows,
            source=FillSource.BOT,
            actor=None,
            now=NOW,
        )


@pytest.mark.parametrize("is_named", [True, False], ids=["named", "nameless"])
@pytest.mark.parametrize("record", [by_exchange, by_bot])
def test_more_fills_take_more_work_in_proportion(
    link: StrategyAccount,
    record: Callable[[StrategyAccount, list[NewFill]], list[FillResult]],
    is_named: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work_of(begin: int, number: int, code: FillCode) -> Work:
        rows = told(begin, number, is_named=is_named)
        with counted(monkeypatch) as work:
            results = record(link, rows)
        assert [each.code for each in results] == [code] * number
        return work

    def work_by_number(code: FillCode) -> list[Work]:
        begins = (NUMBER, 2 * NUMBER, 4 * NUMBER)
        return [work_of(begin, times * NUMBER, code) for times, begin in enumerate(begins, 1)]

    # What is made once, and books, are there.
    work_of(0, NUMBER, FillCode.RECORDED)
    work_of(0, NUMBER, FillCode.KNOWN)
    for code in (FillCode.RECORDED, FillCode.KNOWN):
        once, twice, thrice = work_by_number(code)
        # What the whole costs, whatever the number, is in each. A list that grows is a little more.
        assert thrice.calls - twice.calls <= 1.1 * (twice.calls - once.calls)
        assert thrice.statements <= once.statements + 10
        assert (twice.compared, thrice.compared) == (2 * once.compared, 3 * once.compared)
    assert once.compared == NUMBER, "what is compared is counted"
    assert once.statements == thrice.statements, "what is known is asked for at once"

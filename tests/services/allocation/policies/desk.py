"""One account with bots that trade: what was read, traded and decided, by the minute."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.orders import Side
from capital.models import (
    Account,
    AllocationRun,
    DailyAccountSummary,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.allocation import allocate_capital, report_runs, told_steps
from capital.services.audit import audit_capital
from capital.services.trading import NewFill, enter_flow, report_fills
from tests.factories import make_account, make_link, make_market

D = Decimal
BTC = "BTC/USDT:USDT"
NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def desk(
    policy: str, *weights: str, basis: str = "wallet", **fields: Any
) -> tuple[Account, list[StrategyAccount]]:
    """An account whose bots trade futures, one for each weight."""
    make_market(BTC)
    account = make_account(max_jump_percent=None, balance_basis=basis, policy=policy, **fields)
    links = [
        make_link(account=account, market_type="futures", weight=D(weight)) for weight in weights
    ]
    return account, links


def read(account: Account, amount: str, minute: int) -> None:
    """What was read at that minute; the runs decide on it."""
    DailyAccountSummary.objects.update_or_create(
        account=account,
        date=at(minute).date(),
        defaults={"futures_balance": D(amount), "futures_observed_at": at(minute)},
    )


def decide(account: Account, minute: int, **asked: Any) -> AllocationRun:
    [run] = allocate_capital([account.pk], live=False, clock=lambda: at(minute), **asked)
    return run


def read_and_decide(account: Account, amount: str, minute: int, **asked: Any) -> AllocationRun:
    """Read at that minute, and decided a minute later."""
    read(account, amount, minute)
    return decide(account, minute + 1, **asked)


def trade(link: StrategyAccount, minute: int, gain: str, *, told: int | None = None) -> None:
    """Bought and sold within a minute, with that gain."""
    fills = [
        NewFill(
            symbol=BTC,
            side=side,
            quantity=D(1),
            price=price,
            executed_at=at(minute) + timedelta(seconds=second),
            venue_fill_id=f"{link.pk}-{minute}-{side}",
        )
        for second, side, price in (
            (0, Side.BUY, D(10_000)),
            (1, Side.SELL, D(10_000) + D(gain)),
        )
    ]
    moment = at(minute + 1 if told is None else told)
    report_fills(link.pk, fills, actor=None, clock=lambda: moment)


def hold(link: StrategyAccount, minute: int) -> None:
    """Bought one at 10,000, and still held."""
    fill = NewFill(
        symbol=BTC,
        side=Side.BUY,
        quantity=D(1),
        price=D(10_000),
        executed_at=at(minute),
        venue_fill_id=f"{link.pk}-{minute}",
    )
    report_fills(link.pk, [fill], actor=None, clock=lambda: at(minute + 1))


def flow(account: Account, amount: str, minute: int, *, told: int | None = None) -> None:
    """A deposit, or a withdrawal below zero."""
    kind = FlowKind.DEPOSIT if D(amount) > 0 else FlowKind.WITHDRAWAL
    enter_flow(
        account.pk,
        pool=Pool.FUTURES,
        kind=kind,
        currency="USDT",
        amount=D(amount),
        occurred_at=at(minute),
        actor=None,
        clock=lambda: at(minute if told is None else told),
    )


def capitals(links: Sequence[StrategyAccount]) -> list[str]:
    """What each link may use now."""
    found = {
        row.strategy_account_id: row.allocated_capital
        for row in StrategyCapital.objects.filter(strategy_account__in=links)
    }
    return [format(found[link.pk].quantize(D("0.01")), "f") for link in links]


def how(run: AllocationRun) -> list[str]:
    """The arithmetic of each link, as people read it."""
    [report] = report_runs([run])
    return [
        told_steps(entry.steps, report.currency) for pool in report.pools for entry in pool.entries
    ]


def is_clean(account: Account) -> bool:
    """Whether the audit finds that every run follows from what it kept."""
    return not audit_capital([account.pk]).violations


def follows(account: Account) -> bool:
    """The same of the runs alone, where days stand that no books wrote."""
    return all(each.run_id is None for each in audit_capital([account.pk]).violations)

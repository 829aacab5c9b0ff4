"""The demo desk: one user, a few strategies, and accounts on the simulator's exchanges.

Its bots trade by a script (``simulator.trading.demo``), the same on every machine. Each account has
summaries of a month and the day before, with the balances that its exchange had then; what was
earned is computed from the fills, as anybody's is. Its capital was decided once, before that month:
the next run is left to whoever tries the demo.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from capital.domain.money import EXACT, floor_to, known_sum, quantum_of
from capital.domain.performance.fills import Fee
from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.domain.sizing.orders import Side
from capital.models import Account, DailyAccountSummary, Fill, Flow, Market, StrategyAccount
from capital.services.accounts.lookup import pools_of_account
from capital.services.allocation import allocate_capital
from capital.services.balances import log_lines
from capital.services.balances.summaries import BALANCE_FIELD, business_date
from capital.services.markets import sync_markets
from capital.services.overview.equity import add
from capital.services.trading import (
    FillCode,
    NewFill,
    enter_flow,
    explain_balances,
    import_fills,
    mark_positions,
    report_fills,
)
from capital.services.transactions import outside_transaction
from capital.simulator.state import DEMO_ACCOUNTS, ExchangeState
from capital.simulator.trading.book import Fill as SimulatedFill
from capital.simulator.trading.book import Flow as SimulatedFlow
from capital.simulator.trading.demo import BY_HAND, DemoStep, demo_steps, trade_demo
from capital.simulator.trading.demo import DAYS as TRADED_DAYS
from strategies.markets import MarketType
from strategies.models import Strategy, StrategyStatus

DEMO_USER = "demo"
# This password is public, so the demo desk can only be loaded with DEBUG.
DEMO_PASSWORD = "demo-desk"  # noqa: S105

_STRATEGIES = (
    ("btc-grid", "BTC grid", MarketType.SPOT, StrategyStatus.ACTIVE),
    ("krw-momentum", "KRW momentum", MarketType.SPOT, StrategyStatus.ACTIVE),
    ("old-scalper", "Old scalper", MarketType.SPOT, StrategyStatus.PAUSED),
    ("trend", "Trend", MarketType.FUTURES, StrategyStatus.ACTIVE),
    ("basis", "Basis", MarketType.FUTURES, StrategyStatus.ACTIVE),
)

# Account name: strategy key and weight of each link.
_LINKS: dict[str, dict[str, str]] = {
    "Binance main": {"btc-grid": "1", "old-scalper": "1", "trend": "0.6", "basis": "0.4"},
    "Binance fallback": {"btc-grid": "0.5", "trend": "0.5"},
    "Bybit unified": {"btc-grid": "1", "trend": "2", "basis": "1"},
    "OKX unified": {"trend": "1", "basis": "2"},
    "Upbit KRW": {"krw-momentum": "2", "btc-grid": "1"},
    "Bithumb KRW": {"krw-momentum": "1"},
}
# The month in which its bots traded, and the day before: on its balances the first run rests.
_DAYS = TRADED_DAYS + 1
_RESERVE_PERCENT = {"Bybit unified": Decimal(10)}


@outside_transaction
def load_demo_desk() -> int:
    """Add what is missing of the demo desk; change nothing that exists.

    Call it outside a transaction. The capital of new accounts is decided by the clock of the day
    before their bots began to trade, on the balances that are on record of it.

    Returns:
        How many accounts were added.
    """
    now = timezone.now()
    added = _add_accounts(now)
    began = _midnight(business_date(now) - timedelta(days=TRADED_DAYS))
    with _without_warnings():
        allocate_capital(added, live=False, clock=lambda: began)
    return len(added)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Nothing says that exchanges could not be read: none was asked."""
    lines = logging.getLogger(log_lines.__name__)
    lines.disabled = True
    try:
        yield
    finally:
        lines.disabled = False


@transaction.atomic
def _add_accounts(now: datetime) -> list[int]:
    """Those that were missing, with their links and the summaries of the days before today."""
    owner = _demo_user()
    strategies = {
        key: Strategy.objects.get_or_create(
            key=key,
            defaults={"owner": owner, "name": name, "market_type": market.value, "status": status},
        )[0]
        for key, name, market, status in _STRATEGIES
    }
    added = []
    today = business_date(now)
    traded = ExchangeState.from_json(DEMO_ACCOUNTS)
    trade_demo(traded, _midnight(today), now)
    for described in _described_accounts():
        account, is_new = _get_or_create_account(owner, described)
        if not is_new:
            continue
        added.append(account.pk)
        for key, weight in _LINKS[account.name].items():
            StrategyAccount.objects.create(
                strategy=strategies[key], account=account, weight=Decimal(weight)
            )
        DailyAccountSummary.objects.bulk_create(
            _summaries(account, described, today=today, traded=traded)
        )
    return added


def _demo_user() -> User:
    user, is_new = get_user_model().objects.get_or_create(
        username=DEMO_USER, defaults={"is_active": True, "is_staff": True, "is_superuser": True}
    )
    if is_new:
        user.set_password(DEMO_PASSWORD)
        user.save(update_fields=["password"])
    return user


def _get_or_create_account(owner: User, described: Mapping[str, Any]) -> tuple[Account, bool]:
    return Account.objects.get_or_create(
        owner=owner,
        name=described["name"],
        defaults={
            "venue": described["venue"],
            "currency": described["currency"],
            "api_key": described["api_key"],
            "api_secret": described["api_secret"],
            "api_passphrase": described.get("api_passphrase", ""),
            "reserve_percent": _RESERVE_PERCENT.get(described["name"], Decimal(0)),
        },
    )


def _described_accounts() -> list[dict[str, Any]]:
    text = DEMO_ACCOUNTS.read_text(encoding="utf-8")
    described: dict[str, list[dict[str, Any]]] = json.loads(text)
    return described["accounts"]


def _summaries(
    account: Account, described: dict[str, Any], *, today: date, traded: ExchangeState
) -> list[DailyAccountSummary]:
    """The days before today; each starts with the balance with which the day before ended.

    Times are left out, as in rows of another program: a balance counts from the end of its day.
    """
    quantum = quantum_of(account.currency)
    pools = {
        Pool(pool): [
            floor_to(each, quantum)
            for each in _past_balances(
                account, Pool(pool), Decimal(coins[account.currency]), today, traded
            )
        ]
        for pool, coins in described["wallets"].items()
    }
    totals = [add(day) or Decimal(0) for day in zip(*pools.values(), strict=True)]
    rows = []
    for days_ago in reversed(range(_DAYS)):
        start, end = totals[days_ago + 1], totals[days_ago]
        row = DailyAccountSummary(
            account=account,
            date=today - timedelta(days=days_ago + 1),
            starting_balance=start,
            ending_balance=end,
        )
        for pool, balances in pools.items():
            setattr(row, BALANCE_FIELD[pool], balances[days_ago])
        rows.append(row)
    return rows


def _past_balances(
    account: Account, pool: Pool, balance: Decimal, today: date, traded: ExchangeState
) -> Iterator[Decimal]:
    """With what the last days ended, yesterday first, ``_DAYS + 1`` of them."""
    (simulated,) = (each for each in traded.accounts if each.name == account.name)
    book = traded.book_of(simulated)
    rows: list[SimulatedFill | SimulatedFlow] = [*book.fills, *book.flows]
    for days_ago in range(_DAYS + 1):
        ended = _midnight(today - timedelta(days=days_ago)).timestamp() * 1000
        since = [
            row.moves.get(account.currency)
            for row in rows
            if row.pool is pool and row.at_milliseconds >= ended
        ]
        yield EXACT.subtract(balance, known_sum(*since) or Decimal(0))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


@outside_transaction
def trade_demo_desk(*, only_closed: bool = False) -> int:
    """Let the demo's bots report what they traded, and read from the exchange what no bot knows.

    Call it outside a transaction, while the simulated exchange runs: it waits for it. What is known
    is not recorded again.

    Args:
        only_closed: Leave out what is held to the end: an open position holds its account, and the
            demo is to allocate it first.

    Returns:
        How many fills are new.
    """
    owner = get_user_model().objects.get(username=DEMO_USER)
    accounts = {account.name: account for account in Account.objects.filter(owner=owner)}
    venues = {account.venue for account in accounts.values()}
    if not Market.objects.filter(venue__in=venues).exists():
        sync_markets(sorted(venues))
    links = {
        (link.account_id, link.strategy.key): link.pk
        for link in StrategyAccount.objects.filter(account__owner=owner).select_related("strategy")
    }
    now = timezone.now()
    steps = demo_steps(_midnight(business_date(now)), now)
    steps = [
        step
        for step in steps
        if step.account in accounts and not (only_closed and step.is_left_open)
    ]
    recorded = _report_fills(steps, accounts, links, owner)
    _enter_flows(steps, accounts, links, owner)
    for step in steps:
        if step.strategy == BY_HAND:
            recorded += _read_fill(accounts[step.account], step)
    ids = [account.pk for account in accounts.values()]
    mark_positions(ids)
    explain_balances(ids)
    return recorded


def _report_fills(
    steps: Sequence[DemoStep],
    accounts: Mapping[str, Account],
    links: Mapping[tuple[int, str], int],
    owner: User,
) -> int:
    """What each bot did, in one report of each."""
    told: dict[int, list[NewFill]] = defaultdict(list)
    for step in steps:
        account = accounts[step.account]
        if "kind" not in step.told and (account.pk, step.strategy) in links:
            link = links[account.pk, step.strategy]
            told[link].append(_new_fill(step.told, account.venue))
    results = [report_fills(link, fills, actor=owner) for link, fills in told.items()]
    return sum(each.code is FillCode.RECORDED for fills in results for each in fills)


def _read_fill(account: Account, step: DemoStep) -> int:
    """Read back from the exchange what no bot reports, if it is not known yet."""
    if Fill.objects.filter(account=account, venue_fill_id=step.told["id"]).exists():
        return 0
    return import_fills(account.pk, since=_moment(step.told) - timedelta(hours=1)).recorded


def _enter_flows(
    steps: Sequence[DemoStep],
    accounts: Mapping[str, Account],
    links: Mapping[tuple[int, str], int],
    owner: User,
) -> None:
    """What came and went without a fill, once."""
    with_flows = set(
        Flow.objects.filter(account__in=accounts.values()).values_list("account_id", flat=True)
    )
    for step in steps:
        account = accounts[step.account]
        if "kind" not in step.told or account.pk in with_flows:
            continue
        symbol = step.told.get("symbol", "")
        pools = pools_of_account(account)
        usual = Pool.FUTURES if symbol else Pool.SPOT
        enter_flow(
            account.pk,
            pool=usual if usual in pools else pools[0],
            kind=FlowKind(step.told["kind"]),
            currency=step.told["currency"],
            amount=Decimal(step.told["amount"]),
            occurred_at=_moment(step.told),
            strategy_account=links[account.pk, step.strategy] if symbol else None,
            symbol=symbol,
            actor=owner,
        )


def _new_fill(told: Mapping[str, Any], venue: str) -> NewFill:
    """As a bot on the venue knows it: Upbit and Bithumb tell of orders only."""
    is_of_order = venue in ("upbit", "bithumb")
    return NewFill(
        symbol=told["symbol"],
        side=Side(told["side"]),
        quantity=Decimal(told["quantity"]),
        price=Decimal(told["price"]),
        executed_at=_moment(told),
        fees=tuple(Fee(Decimal(each["amount"]), each["currency"]) for each in told["fees"]),
        venue_fill_id="" if is_of_order else told["id"],
        order_id=told["order_id"],
        client_order_id=told["client_order_id"],
    )


def _moment(told: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(told["at"] // 1000, UTC)

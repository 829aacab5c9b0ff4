"""The demo desk: one user, a few strategies, and accounts on the simulator's exchanges.

Each account has 30 days of made-up summaries that lead up to the balance on its exchange, the same
on every machine. There are no runs: the first one is left to whoever tries the demo.
"""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from capital import simulator
from capital.domain.money import EXACT, ROUNDED, floor_to, quantum_of
from capital.domain.pools import Pool
from capital.models import Account, DailyAccountSummary, StrategyAccount
from capital.services.balances.summaries import BALANCE_FIELD, business_date
from capital.services.overview.equity import DAYS, add
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
_RESERVE_PERCENT = {"Bybit unified": Decimal(10)}
# Daily growth of a balance in thousandths, the newest day first. Each pool starts elsewhere in it.
_GROWTH = (
    4, -3, 7, 2, 9, -6, 3, 5, -11, 8, 4, -2, 6, 12, -9,
    3, -4, 7, 1, 5, -13, 10, 2, 6, -5, 8, 3, -7, 9, 4,
)  # fmt: skip


@transaction.atomic
def load_demo_desk() -> int:
    """Add what is missing of the demo desk; change nothing that exists.

    Returns:
        How many accounts were added.
    """
    owner = _demo_user()
    strategies = {
        key: Strategy.objects.get_or_create(
            key=key,
            defaults={"owner": owner, "name": name, "market_type": market.value, "status": status},
        )[0]
        for key, name, market, status in _STRATEGIES
    }
    added = 0
    for described in _described_accounts():
        account, is_new = _get_or_create_account(owner, described)
        if not is_new:
            continue
        added += 1
        for key, weight in _LINKS[account.name].items():
            StrategyAccount.objects.create(
                strategy=strategies[key], account=account, weight=Decimal(weight)
            )
        today = business_date(timezone.now())
        DailyAccountSummary.objects.bulk_create(
            _summaries(account, described, position=added, today=today)
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
    desk = Path(simulator.__file__).with_name("demo_accounts.json")
    described: dict[str, list[dict[str, Any]]] = json.loads(desk.read_text(encoding="utf-8"))
    return described["accounts"]


def _summaries(
    account: Account, described: dict[str, Any], *, position: int, today: date
) -> list[DailyAccountSummary]:
    """The days before today; each starts with the balance with which the day before ended.

    Times are left out, as in rows of another program: a balance counts from the end of its day.
    A wallet that is simulated as silent ended yesterday with its present balance; the others grew
    since.
    """
    quantum = quantum_of(account.currency)
    silent = {fault["pool"] for fault in described["faults"]}
    pools = {}
    for number, (pool, coins) in enumerate(described["wallets"].items()):
        now = floor_to(Decimal(coins[account.currency]), quantum)
        past = _past_balances(now, offset=7 * position + 3 * number, quantum=quantum)
        pools[Pool(pool)] = [now, *past] if pool in silent else past
    totals = [add(day) or Decimal(0) for day in zip(*pools.values(), strict=False)]
    rows = []
    for days_ago in reversed(range(DAYS)):
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


def _past_balances(balance: Decimal, *, offset: int, quantum: Decimal) -> list[Decimal]:
    """The balance one day ago, two days ago, and so on, ``DAYS + 1`` of them."""
    balances = []
    for day in range(DAYS + 1):
        growth = Decimal(1000 + _GROWTH[(day + offset) % len(_GROWTH)])
        before = ROUNDED.divide(EXACT.multiply(balance, Decimal(1000)), growth)
        balance = floor_to(before, quantum)
        balances.append(balance)
    return balances

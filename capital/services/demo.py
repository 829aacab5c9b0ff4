"""The demo desk: one user, a few strategies, and accounts on the simulator's exchanges."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from capital.exchange import simulator
from capital.models import Account, DailyAccountSummary, StrategyAccount
from strategies.markets import MarketType
from strategies.models import Strategy, StrategyStatus

DEMO_USER = "demo"

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
# The futures wallet of this account never answers: yesterday's summary has to do.
_SUMMARIES = {"Binance fallback": (Decimal(3000), Decimal(2000))}


@transaction.atomic
def load_demo_desk() -> int:
    """Add what is missing of the demo desk; change nothing that is there.

    Returns:
        How many accounts were added.
    """
    owner, _ = get_user_model().objects.get_or_create(
        username=DEMO_USER, defaults={"is_active": True}
    )
    strategies = {
        key: Strategy.objects.get_or_create(
            key=key,
            defaults={"owner": owner, "name": name, "market_type": market.value, "status": status},
        )[0]
        for key, name, market, status in _STRATEGIES
    }
    added = 0
    for described in _described_accounts():
        name = described["name"]
        account, is_new = Account.objects.get_or_create(
            owner=owner,
            name=name,
            defaults={
                "venue": described["venue"],
                "currency": described["currency"],
                "api_key": described["api_key"],
                "api_secret": described["api_secret"],
                "api_passphrase": described.get("api_passphrase", ""),
                "reserve_percent": _RESERVE_PERCENT.get(name, Decimal(0)),
            },
        )
        if not is_new:
            continue
        added += 1
        for key, weight in _LINKS[name].items():
            StrategyAccount.objects.create(
                strategy=strategies[key], account=account, weight=Decimal(weight)
            )
        if name in _SUMMARIES:
            spot, futures = _SUMMARIES[name]
            DailyAccountSummary.objects.create(
                account=account,
                date=timezone.localdate() - timedelta(days=1),
                spot_balance=spot,
                futures_balance=futures,
                ending_balance=spot + futures,
            )
    return added


def _described_accounts() -> list[dict[str, Any]]:
    desk = Path(simulator.__file__).with_name("demo_desk.json")
    described: dict[str, list[dict[str, Any]]] = json.loads(desk.read_text(encoding="utf-8"))
    return described["accounts"]

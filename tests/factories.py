"""Rows with sensible values, for tests that care about one or two of them."""

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.utils import timezone

from capital.models import Account, DailyAccountSummary, StrategyAccount, StrategyCapital
from strategies.models import MarketType, Strategy

_number = count(1)


def make_user(**fields: Any) -> User:
    """A user with a name of its own."""
    return get_user_model().objects.create_user(
        **{"username": f"trader-{next(_number)}", "password": "correct horse", **fields}
    )


def make_account(**fields: Any) -> Account:
    """An account on Binance (separate wallets) in USDT; its owner is made where left out."""
    if fields.get("owner") is None:
        fields["owner"] = make_user()
    return Account.objects.create(
        **{"name": f"Account {next(_number)}", "venue": "binance", "currency": "USDT", **fields}
    )


def make_strategy(**fields: Any) -> Strategy:
    """An active spot strategy; its owner is made where left out."""
    if fields.get("owner") is None:
        fields["owner"] = make_user()
    number = next(_number)
    return Strategy.objects.create(
        **{
            "name": f"Strategy {number}",
            "key": f"strategy-{number}",
            "market_type": MarketType.SPOT,
            **fields,
        }
    )


def make_link(
    *,
    account: Account | None = None,
    strategy: Strategy | None = None,
    market_type: str = MarketType.SPOT,
    status: str = "ACTIVE",
    capital: Decimal | str | None = None,
    **fields: Any,
) -> StrategyAccount:
    """A link with weight 1; account and strategy are made where left out, of one owner.

    Args:
        account: Where it trades.
        strategy: What trades; left out, one of ``market_type`` and ``status`` is made.
        market_type: Of the strategy that is made.
        status: Of the strategy that is made.
        capital: What the link holds already; None for a link that never held any.
        **fields: Of the link.
    """
    account = account or make_account(owner=strategy.owner if strategy else None)
    strategy = strategy or make_strategy(
        owner=account.owner, market_type=market_type, status=status
    )
    link = StrategyAccount.objects.create(account=account, strategy=strategy, **fields)
    if capital is not None:
        StrategyCapital.objects.create(
            strategy_account=link, allocated_capital=Decimal(str(capital))
        )
    return link


def make_summary(**fields: Any) -> DailyAccountSummary:
    """Yesterday's summary without any balance: each balance is NULL unless it is given."""
    if "account" not in fields:
        fields["account"] = make_account()
    return DailyAccountSummary.objects.create(
        **{"date": timezone.localdate() - timedelta(days=1), **fields}
    )

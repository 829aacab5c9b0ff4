"""Rows with sensible values, for tests that care about one or two of them."""

from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pgtrigger
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models import Model, QuerySet
from django.utils import timezone

from capital.domain.sizing.instruments import InstrumentKind, PrecisionMode
from capital.models import (
    Account,
    DailyAccountSummary,
    Fill,
    Flow,
    LinkDay,
    Market,
    Position,
    Reservation,
    StrategyAccount,
    StrategyCapital,
    VenuePosition,
)
from strategies.models import MarketType, Strategy

_number = count(1)


def make_user(**fields: Any) -> User:
    """A user with a name of its own."""
    return get_user_model().objects.create_user(
        **{"username": f"trader-{next(_number)}", "password": "correct horse", **fields}
    )


def make_operator(*permissions: str, **fields: Any) -> User:
    """A user of the admin who may look, and holds these permissions on accounts."""
    user = make_user(is_staff=True, **fields)
    wanted = Permission.objects.filter(
        content_type__app_label="capital", codename__in=(*permissions, "view_account")
    )
    user.user_permissions.add(*wanted)
    return user


def trust(user: User) -> User:
    """Let the user do everything everywhere, for tests of something else than rights."""
    get_user_model().objects.filter(pk=user.pk).update(is_superuser=True)
    return get_user_model().objects.get(pk=user.pk)


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
            # No key begins another one: as order tags, two on one account would be refused.
            "key": f"strategy-{number:05}",
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


def make_market(symbol: str = "BTC/USDT", **fields: Any) -> Market:
    """A market on Binance with a step of 0.00001, of the kind that its symbol says; no limits."""
    pair, _, settle = symbol.partition(":")
    base, quote = pair.split("/")
    kind = InstrumentKind.SPOT
    if settle:
        kind = InstrumentKind.LINEAR if settle == quote else InstrumentKind.INVERSE
    return Market.objects.create(
        **{
            "venue": "binance",
            "symbol": symbol,
            "market_id": base + quote,
            "kind": kind,
            "base": base,
            "quote": quote,
            "settle": settle or quote,
            "contract_size": Decimal(1) if settle else None,
            "precision_mode": PrecisionMode.TICK_SIZE,
            "amount_precision": Decimal("0.00001"),
            "fetched_at": timezone.now(),
            **fields,
        }
    )


def make_position(
    link: StrategyAccount, quantity: str, symbol: str = "BTC/USDT", **fields: Any
) -> Position:
    """What the link's bot says it holds."""
    return Position.objects.create(
        strategy_account=link, symbol=symbol, quantity=Decimal(quantity), **fields
    )


def make_venue_position(account: Account, quantity: str, **fields: Any) -> VenuePosition:
    """What its exchange says that an account holds of a derivative."""
    return VenuePosition.objects.create(
        **{
            "account": account,
            "pool": "futures",
            "asked": "positions",
            "symbol": "BTC/USDT:USDT",
            "position_side": "both",
            "quantity": Decimal(quantity),
            "settle": "USDT",
            "observed_at": timezone.now(),
            **fields,
        }
    )


def make_fill(link: StrategyAccount, symbol: str = "BTC/USDT", **fields: Any) -> Fill:
    """A purchase of 1 at 100 that its bot told; booked nowhere."""
    number = Fill.objects.count() + 1
    return Fill.objects.create(
        **{
            "account": link.account,
            "strategy_account": link,
            "symbol": symbol,
            "venue_fill_id": str(number),
            "side": "buy",
            "quantity": Decimal(1),
            "price": Decimal(100),
            "cost": Decimal(100),
            "contract_size": Decimal(1),
            "settle": "USDT",
            "executed_at": timezone.now(),
            "source": "bot",
            **fields,
        }
    )


def make_reservation(link: StrategyAccount, **fields: Any) -> Reservation:
    """400 that are held for a minute, to buy 4."""
    now = timezone.now()
    return Reservation.objects.create(
        **{
            "strategy_account": link,
            "symbol": "BTC/USDT",
            "side": "buy",
            "quantity": Decimal(4),
            "amount": Decimal(400),
            "created_at": now,
            "expires_at": now + timedelta(minutes=1),
            **fields,
        }
    )


def make_flow(account: Account, **fields: Any) -> Flow:
    """A deposit of 1,000 that a person entered."""
    return Flow.objects.create(
        **{
            "account": account,
            "pool": "futures",
            "kind": "deposit",
            "currency": account.currency,
            "amount": Decimal(1000),
            "occurred_at": timezone.now(),
            "source": "person",
            **fields,
        }
    )


def make_link_day(link: StrategyAccount, **fields: Any) -> LinkDay:
    """Yesterday, on which the link earned 29.2 of 1,000."""
    return LinkDay.objects.create(
        **{
            "strategy_account": link,
            "date": timezone.localdate() - timedelta(days=1),
            "currency": link.account.currency,
            "equity_start": Decimal(1000),
            "settled_start": Decimal(1000),
            "capital_added": Decimal(0),
            "realized": Decimal(30),
            "fees": Decimal("0.3"),
            "funding": Decimal("-0.5"),
            "volume": Decimal(230),
            **fields,
        }
    )


def capital_of(link: StrategyAccount) -> Decimal | None:
    """What the link may use now, read again; None where it never held any."""
    return (
        StrategyCapital.objects.filter(strategy_account=link)
        .values_list("allocated_capital", flat=True)
        .first()
    )


def forge(row: Model, **values: Any) -> None:
    """Change an audit row behind everybody's back."""
    with pgtrigger.ignore() if connection.vendor == "postgresql" else nullcontext():
        assert QuerySet(type(row)).filter(pk=row.pk).update(**values) == 1

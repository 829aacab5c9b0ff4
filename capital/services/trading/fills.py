"""Fills: recorded once, whoever brings them, and booked to the link that they are of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import NotFound
from capital.domain.performance.telling import FillSource
from capital.domain.sizing.symbols import Named
from capital.models import Account, AttributedBy, Attribution, Fill, StrategyAccount
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_account
from capital.services.markets.symbols import canonical_symbols
from capital.services.trading.booking.openings import keys_beside
from capital.services.trading.booking.writing import PositionKey
from capital.services.trading.books import keep_current
from capital.services.trading.recording.instruments import instruments_of
from capital.services.trading.recording.record import Recording
from capital.services.trading.recording.rows import row_of
from capital.services.trading.recording.told import FillResult, NewFill
from capital.services.trading.syncing.fee_values import may_be_priced, value_fees
from capital.services.trading.whose import Owner, owners_of, symbol_warnings
from capital.services.transactions import inside_transaction, outside_transaction
from strategies.markets import MarketType


@outside_transaction
def report_fills(
    link_id: int,
    fills: Sequence[NewFill],
    *,
    actor: AbstractUser | None,
    clock: Clock = timezone.now,
) -> list[FillResult]:
    """Record what a bot says that it did, and book it to its link. All or nothing.

    A fill that is known is not recorded again, so a report may be repeated. One that was known and
    nobody's becomes the link's. Call it outside a transaction: a fee in a third coin that was paid
    within the last minute is valued by the exchange's price.

    Args:
        link_id: The primary key of the bot's link.
        fills: In any order, each once.
        actor: Who reports; None is the command line.
        clock: Says what time it is.

    Raises:
        NotFound: There is no such link.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not report on this account.
        UnknownSymbol: The venue has no such instrument.
        TradingRefused: A fill makes no sense; ``field`` says which.
    """
    fills = _with_fee_values(link_id, fills, actor=actor, clock=clock)
    with transaction.atomic():
        links = StrategyAccount.objects.select_related("strategy").only(
            "account_id", "strategy__key", "strategy__market_type"
        )
        link = links.filter(pk=link_id).first()
        if link is None:
            raise NotFound
        link.account = account = lock_account(link.account_id)
        require(actor, Act.REPORT_TRADING, account_ids=[account.pk])
        named = _named(account, MarketType(link.strategy.market_type), fills)
        results = record_fills(
            account,
            link_id,
            [replace(fill, symbol=named[fill.symbol].symbol) for fill in fills],
            source=FillSource.BOT,
            actor=actor,
            now=clock(),
        )
    return [
        replace(result, warnings=symbol_warnings(link, named[fill.symbol]))
        for fill, result in zip(fills, results, strict=True)
    ]


def _with_fee_values(
    link_id: int, fills: Sequence[NewFill], *, actor: AbstractUser | None, clock: Clock
) -> Sequence[NewFill]:
    """Fills with the worth of fees in a third coin. No query where none may be worth asking."""
    if not any(may_be_priced(fill, now=clock()) for fill in fills):
        return fills
    links = StrategyAccount.objects.select_related("account", "strategy")
    link = links.filter(pk=link_id).first()
    if link is None:
        return fills
    # Nobody who may not report makes us ask an exchange.
    require(actor, Act.REPORT_TRADING, account_ids=[link.account_id])
    market = MarketType(link.strategy.market_type)
    named = _named(link.account, market, fills)
    by_symbol = [replace(fill, symbol=named[fill.symbol].symbol) for fill in fills]
    valued = value_fees(link.account, by_symbol, clock=clock)
    return [replace(fill, fees=each.fees) for fill, each in zip(fills, valued, strict=True)]


def _named(account: Account, market: MarketType, fills: Sequence[NewFill]) -> Mapping[str, Named]:
    """What each of their symbols means.

    Raises:
        UnknownSymbol: One means no instrument, or several; ``field`` says which.
    """
    asked: dict[str, str] = {}
    for number, fill in enumerate(fills):
        asked.setdefault(fill.symbol, f"fills.{number}.symbol")
    return canonical_symbols(asked, venue=account.venue, market=market, currency=account.currency)


@inside_transaction
def record_fills(
    account: Account,
    link_id: int,
    fills: Sequence[NewFill],
    *,
    source: FillSource,
    actor: AbstractUser | None,
    now: datetime,
) -> list[FillResult]:
    """Record fills of one link, and book them. Call it inside the transaction that locked it.

    Args:
        account: Of the link, locked.
        link_id: The link's primary key.
        fills: In any order, each once.
        source: Who tells of them.
        actor: Who reports or imports; None is the command line.
        now: When they became known.

    Raises:
        UnknownSymbol: The venue has no such instrument.
        TradingRefused: A fill makes no sense; ``field`` says which.
    """
    return Recording(account, link_id, source, actor, now).record(fills)


@inside_transaction
def record_venue_fills(
    account: Account, fills: Sequence[NewFill], *, now: datetime
) -> list[FillResult]:
    """Record what the exchange says, and book what is known to be a link's.

    Call it inside the transaction that locked the account. Whose a fill is, ``whose`` says: it may
    be nobody's. A pair of spot that is no longer listed is recorded, too.

    Raises:
        UnknownSymbol: No rules are known of a contract.
        TradingRefused: A fill makes no sense; ``field`` says which.
    """
    return Recording(account, None, FillSource.VENUE, None, now).record(fills)


@inside_transaction
def record_opening(
    account: Account,
    opening: NewFill,
    *,
    link_id: int | None,
    how: AttributedBy | None,
    actor: AbstractUser | None,
    now: datetime,
) -> Fill:
    """Record what was held when books began, and book it. Call it inside a transaction.

    The same of the same link is known, and not recorded again. Without a link it is of the one that
    the rules of attribution name, or nobody's.

    Args:
        account: Locked.
        opening: With its entry as the price, and since when it is held.
        link_id: Whose it is; None: the rules say.
        how: How that is known, where a link is given.
        actor: Who says so; None: nobody in particular.
        now: When it became known.

    Raises:
        UnknownSymbol: The venue has no such instrument.
    """
    source = FillSource.OPENING
    instrument = instruments_of(account.venue, [opening], source=source)[opening.symbol]
    row = row_of(
        opening,
        account,
        source=source,
        contract_size=instrument.contract_size,
        now=now,
    )
    alike: QuerySet[Fill] = Fill.objects.filter(
        account=account,
        strategy_account=link_id,
        source=source.value,
        symbol=row.symbol,
        side=row.side,
        position_side=row.position_side,
        executed_at=row.executed_at,
    )
    for known in alike.order_by("pk"):
        if (known.quantity, known.price) == (row.quantity, row.price):
            return known
    owner = None if link_id is None or how is None else Owner(link_id, how)
    if link_id is None:
        owner = owners_of(account, [row], [], {}).get(id(row))
    row.strategy_account_id = None if owner is None else owner.link_id
    row.save()
    added: dict[PositionKey, list[Fill]] = {}
    if owner is not None:
        Attribution.objects.create(
            fill=row,
            strategy_account_id=owner.link_id,
            how=owner.how.value,
            actor_id=None if actor is None else actor.pk,
            at=now,
        )
        added[PositionKey(owner.link_id, row.symbol, row.position_side)] = [row]
    # What was filled before is in it.
    again = keys_beside([row])
    keep_current(added, again=again, steps={row.symbol: instrument.step}, now=now)
    return row

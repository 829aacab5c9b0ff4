"""Open positions: of links, and of nobody; while one is open, the capital of its pool stays.

A rest that is too small for any order of its venue is dust. It does not count as open: nobody could
close it, and it would hold the account for ever.
"""

import logging
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from capital.domain.allocation.rules import WithOpenPositions
from capital.domain.clock import Clock
from capital.domain.errors import NotFound, TradingRefused
from capital.domain.money import EXACT, plain
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import PositionSide
from capital.models import Market, Position, PositionSource, StrategyAccount, VenuePosition
from capital.models.queries.compiled import CompiledQuery
from capital.models.queries.given import Given
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_account
from capital.services.markets.stored import RULE_COLUMNS, rules_of
from capital.services.markets.symbols import canonical_symbols
from capital.services.trading.whose import symbol_warnings
from strategies.markets import MarketType

logger = logging.getLogger(__name__)

_Key = TypeVar("_Key", bound=Hashable)

# Of positions that nobody holds, in one sentence.
_MOST_NAMED = 3
# Which field of a report breaks a rule of the table.
_FIELD_OF = {
    "position_quantity_fits_side": "quantity",
    "position_entry_price_positive": "entry_price",
}

_HELD = (
    "strategy_account__account_id",
    "strategy_account__account__venue",
    "strategy_account__account__wallet_mode",
    "strategy_account__strategy__market_type",
    "symbol",
    "quantity",
)


def _open(account_ids: Given) -> QuerySet[Position]:
    return Position.objects.exclude(quantity=0).filter(
        strategy_account__account_id__among=account_ids
    )


_OPEN = CompiledQuery(lambda ids: _open(ids).values_list("pk", *_HELD))
# Of the accounts of which a position holds the capital where it is.
_HOLDING = CompiledQuery(
    lambda ids: (
        _open(ids)
        .filter(strategy_account__account__with_open_positions=WithOpenPositions.HOLD.value)
        .values_list("pk", *_HELD)
    )
)


class _AtVenue(NamedTuple):
    """A position at the exchange, of which a strategy may hold some.

    Attributes:
        unowned: What no strategy holds of it; None while that could not be told.
    """

    key: int
    account_id: int
    venue: str
    wallet_mode: str
    symbol: str
    quantity: Decimal
    unowned: Decimal | None

    @property
    def of_nobody(self) -> Decimal:
        """What no strategy holds of it; all, while that could not be told."""
        return self.quantity if self.unowned is None else self.unowned


_AT_VENUE = CompiledQuery(
    lambda ids: (
        VenuePosition.objects.filter(account_id__among=ids, is_not_strategys=False)
        .order_by("pk")
        .values_list(
            "pk",
            "account_id",
            "account__venue",
            "account__wallet_mode",
            "symbol",
            "quantity",
            "unowned",
        )
    )
)

Holds = Mapping[Pool, Reason]
"""Why the capital of a pool stays as it is; pools that are free are not in it."""


def position_holds(account_ids: Sequence[int], *, always: bool = False) -> dict[int, Holds]:
    """Which pools of each account an open position holds, and why; accounts with none are left out.

    A position of a link does, unless its account keeps what is in use; and one at the exchange
    that no strategy holds, unless a person said that it is none: what that ties up is in nobody's
    capital. In three queries; in two where nothing is open.

    Args:
        account_ids: Primary keys.
        always: Whether positions count also where what is in use is kept.

    On a database error all pools count as held: capital is not moved on a guess.
    """
    try:
        # A savepoint, so that an error leaves the caller's transaction usable. Outside of one there
        # is nothing to save, and ``repeatable_read`` on SQLite has no savepoints.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            return _holding(account_ids, always=always)
    except DatabaseError:
        logger.exception("Open positions cannot be read; every account counts as holding one.")
        return dict.fromkeys(account_ids, dict.fromkeys(Pool, Reason(Code.OPEN_POSITION)))


def _holding(account_ids: Sequence[int], *, always: bool) -> dict[int, Holds]:
    held = (_OPEN if always else _HOLDING).rows(account_ids)
    unowned = [row for each in _AT_VENUE.rows(account_ids) if (row := _AtVenue(*each)).of_nobody]
    links = {key: (venue, symbol, quantity) for key, _, venue, *_, symbol, quantity in held}
    dust = _dust(
        {(Position, key): holding for key, holding in links.items()}
        | {(VenuePosition, row.key): (row.venue, row.symbol, row.of_nobody) for row in unowned}
    )
    of_nobody: dict[int, dict[Pool, list[_AtVenue]]] = defaultdict(lambda: defaultdict(list))
    for row in unowned:
        if (VenuePosition, row.key) not in dust:
            # Not the pool that was asked for it: that may have been another wallet's, before.
            pool = pool_of(MarketType.FUTURES, WalletMode(row.wallet_mode))
            of_nobody[row.account_id][pool].append(row)
    found: dict[int, dict[Pool, Reason]] = defaultdict(dict)
    for account_id, by_pool in of_nobody.items():
        found[account_id] = {pool: _why_unowned(pool, rows) for pool, rows in by_pool.items()}
    for key, account_id, _, mode, market, *_ in held:
        if (Position, key) not in dust:
            pool = pool_of(MarketType(market), WalletMode(mode))
            found[account_id][pool] = Reason(Code.OPEN_POSITION)
    return dict(found)


def _why_unowned(pool: Pool, rows: Sequence[_AtVenue]) -> Reason:
    named = [f"{plain(EXACT.normalize(row.of_nobody))} {row.symbol}" for row in rows[:_MOST_NAMED]]
    more = ["…"] if len(rows) > _MOST_NAMED else []
    return Reason(
        Code.POSITION_UNOWNED,
        {"positions": ", ".join(named + more), "pools": pool.value},
    )


def mark_dust(positions: Sequence[Position]) -> None:
    """Say on each position whether it is dust (``is_dust``), in one query for all."""
    dust = _dust(
        {
            each.pk: (
                each.strategy_account.account.venue,
                each.symbol,
                Decimal(str(each.quantity)),
            )
            for each in positions
            if each.is_open
        }
    )
    for position in positions:
        position.is_dust = position.pk in dust


def _dust(held: Mapping[_Key, tuple[str, str, Decimal]]) -> frozenset[_Key]:
    """The keys of the dust among positions of a venue, a symbol and a quantity.

    Of an instrument that is not known, or no longer traded, nothing is dust: nobody can say what
    its venue would take.
    """
    if not held:
        return frozenset()
    rows = Market.objects.filter(
        venue__in={venue for venue, *_ in held.values()},
        symbol__in={symbol for _, symbol, _ in held.values()},
        is_active=True,
    )
    rules = {
        (row["venue"], row["symbol"]): rules_of(row)
        for row in rows.values("venue", "symbol", *RULE_COLUMNS)
    }
    return frozenset(
        key
        for key, (venue, symbol, quantity) in held.items()
        if (of_symbol := rules.get((venue, symbol))) is not None and of_symbol.is_dust(quantity)
    )


def report_position(
    link_id: int,
    *,
    symbol: str,
    quantity: Decimal,
    entry_price: Decimal | None = None,
    position_side: PositionSide = PositionSide.BOTH,
    actor: AbstractUser | None = None,
    clock: Clock = timezone.now,
) -> Position:
    """Store the position of a link in a symbol. Closing it requests a reallocation.

    What it says of the quantity holds until fills that are later say more.

    Args:
        link_id: The link's primary key.
        symbol: ccxt's, e.g. ``BTC/USDT:USDT``, or what else means an instrument there.
        quantity: Signed: negative is short, zero is closed.
        entry_price: Above zero; None where it is unknown.
        position_side: Which one, on an account that holds both.
        actor: Who reports, and may on this account; None is nobody in particular, who may.
        clock: Says what time it is.

    Raises:
        NotFound: There is no such link.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not. An open position holds the
            account's capital where it is, so seeing the account is not enough.
        UnknownSymbol: The venue, whose rules are known, has no such instrument, and none was held:
            what is held may be reported whatever became of its symbol.
        ValidationError: A rule of the model is broken. Nothing was changed.
        AmountNotStorable: The database cannot store a number exactly.
    """
    told = ToldPosition(symbol, quantity, entry_price, position_side)
    with transaction.atomic():
        link = _locked_link(link_id, actor)
        (told,) = _canonical(link, [told])
        return _report(link, told, clock())


@dataclass(frozen=True)
class ToldPosition:
    """What a bot says that it holds in one symbol, on one side.

    Attributes:
        symbol: ccxt's, e.g. ``BTC/USDT:USDT``, or what else means an instrument there.
        quantity: Signed: negative is short, zero is closed.
        entry_price: Above zero; None where it is unknown.
        position_side: Which one, on an account that holds both.
        warnings: What to know of its symbol.
    """

    symbol: str
    quantity: Decimal
    entry_price: Decimal | None = None
    position_side: PositionSide = PositionSide.BOTH
    warnings: tuple[Reason, ...] = ()


def report_positions(
    link_id: int,
    positions: Sequence[ToldPosition],
    *,
    actor: AbstractUser | None = None,
    clock: Clock = timezone.now,
) -> list[Position]:
    """Store all that a link holds. What it held and is not told of was closed. All or nothing.

    Args:
        link_id: The link's primary key.
        positions: Each symbol and side once; none is flat.
        actor: Who reports, and may on this account; None is nobody in particular, who may.
        clock: Says what time it is.

    Returns:
        The positions that were told, in their order, then those that were closed by it.

    Raises:
        TradingRefused: A symbol is told twice; ``field`` says which.
        NotFound, UnknownAccount, NotPermitted, RoleTooSmall, UnknownSymbol, ValidationError,
            AmountNotStorable: As ``report_position``. Nothing was changed.
    """
    with transaction.atomic():
        link = _locked_link(link_id, actor)
        positions = _canonical(link, positions, place="positions.{}.")
        told: dict[tuple[str, str], None] = {}
        for number, each in enumerate(positions):
            key = (each.symbol, each.position_side.value)
            if key in told:
                field = f"positions.{number}.symbol"
                raise TradingRefused(Code.POSITION_TWICE, field=field, symbol=each.symbol)
            told[key] = None
        now = clock()
        reported = [
            _report(link, each, now, place=f"positions.{number}.")
            for number, each in enumerate(positions)
        ]
        held = Position.objects.exclude(quantity=0).filter(strategy_account_id=link_id)
        closed = [
            ToldPosition(each.symbol, Decimal(0), None, PositionSide(each.position_side))
            for each in held.order_by("pk")
            if (each.symbol, each.position_side) not in told
        ]
        # Not by ``save``: nothing about the link is changed.
        StrategyAccount.objects.filter(pk=link_id).update(positions_told_at=now)
        return [*reported, *(_report(link, each, now) for each in closed)]


def _locked_link(link_id: int, actor: AbstractUser | None) -> StrategyAccount:
    """The link, with its strategy and its locked account."""
    link = StrategyAccount.objects.select_related("strategy").filter(pk=link_id).first()
    if link is None:
        raise NotFound
    link.account = lock_account(link.account_id)
    require(actor, Act.REPORT, account_ids=[link.account_id])
    return link


def _canonical(
    link: StrategyAccount, told: Sequence[ToldPosition], *, place: str = ""
) -> list[ToldPosition]:
    """The same under ccxt's symbols. What is held already has its name, listed or not.

    Raises:
        UnknownSymbol: One means no instrument, or several; ``field`` says which.
    """
    asked: dict[str, str] = {}
    for number, each in enumerate(told):
        asked.setdefault(each.symbol, f"{place.format(number)}symbol")
    held = Position.objects.filter(strategy_account=link).values_list("symbol", flat=True)
    found = canonical_symbols(
        asked,
        venue=link.account.venue,
        market=MarketType(link.strategy.market_type),
        currency=link.account.currency,
        held=set(held),
    )
    named = [found[each.symbol] for each in told]
    return [
        replace(each, symbol=name.symbol, warnings=symbol_warnings(link, name))
        for each, name in zip(told, named, strict=True)
    ]


def _report(
    link: StrategyAccount, told: ToldPosition, now: datetime, *, place: str = ""
) -> Position:
    named = {
        "strategy_account": link,
        "symbol": told.symbol,
        "position_side": told.position_side.value,
    }
    position = Position.objects.filter(**named).first()
    if position is None:
        position = Position(**named)
    position.strategy_account = link
    position.quantity, position.entry_price = told.quantity, told.entry_price
    position.reported_quantity, position.reported_at = told.quantity, now
    position.source = PositionSource.REPORT
    if position.books is not None:
        position.books = {**position.books, "since_report": "0"}
    try:
        position.full_clean()
    except ValidationError as error:
        raise _placed(error, position, place) from None
    position.save()
    position.warnings = told.warnings
    return position


def _placed(error: ValidationError, position: Position, place: str) -> ValidationError:
    """The same, by the fields of the report: a rule of the table names none."""
    by_field = dict(error.error_dict)
    if NON_FIELD_ERRORS in by_field:
        for rule in Position._meta.constraints:
            if rule.name in _FIELD_OF:
                try:
                    rule.validate(Position, position)
                except ValidationError as broken:
                    by_field[_FIELD_OF[rule.name]] = broken.error_list
                    by_field.pop(NON_FIELD_ERRORS, None)
    return ValidationError({f"{place}{name}": found for name, found in by_field.items()})


def open_positions(account_ids: Sequence[int]) -> list[Position]:
    """What the links of these accounts hold, with link, strategy and account, in one query."""
    rows = Position.objects.exclude(quantity=0).filter(strategy_account__account__in=account_ids)
    rows = rows.select_related("strategy_account__strategy", "strategy_account__account")
    return list(
        rows.order_by("strategy_account__account__name", "strategy_account__strategy__key", "pk")
    )

"""What was held when the books of an account began: once, as an opening of each position.

Of the positions that the exchange tells, what was filled since the beginning is taken off. Where
fills of before are known, nothing is guessed: the difference is shown, and a person enters it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import TradingRefused
from capital.domain.money import EXACT, plain
from capital.domain.performance.openings import held_before
from capital.domain.performance.symbols import parse_symbol
from capital.domain.performance.telling import counting
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side
from capital.models import (
    Account,
    AskedFor,
    AttributedBy,
    Fill,
    Position,
    StrategyAccount,
    TradingCursor,
    VenuePosition,
)
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_account
from capital.services.trading.fills import record_opening
from capital.services.trading.recording.refusals import refuse_moment
from capital.services.trading.recording.told import NewFill
from capital.services.trading.same_orders import told
from capital.services.trading.syncing.comparing import note_booked
from capital.services.trading.syncing.positions import UNSURE, PositionsQuestion
from capital.services.trading.units import is_bookable
from capital.services.trading.whose import refuse_other_market
from capital.services.transactions import inside_transaction

_Held = tuple[str, str]
"""A symbol and a side."""


@inside_transaction
def open_books(
    account: Account,
    question: PositionsQuestion,
    *,
    read_between: tuple[datetime, datetime],
    now: datetime,
) -> int | None:
    """Record what was held at the beginning of what a question tells, if that was not done yet.

    Call it inside the transaction that locked the account, after its fills were read until now. A
    constant number of queries, and those of the books.

    Args:
        account: The account, locked.
        question: Was answered.
        read_between: When it was asked, and when it was answered.
        now: Says what time it is.

    Returns:
        How many openings there are; None where it has to wait, because something was filled while
        the positions were read.
    """
    cursors = TradingCursor.objects.filter(
        account=account,
        pool=question.pool.value,
        asked_for=AskedFor.POSITIONS,
        endpoint=question.name,
        found_at__isnull=True,
    )
    cursor = cursors.first()
    if cursor is None:
        return 0
    told_rows = list(
        VenuePosition.objects.filter(
            account=account, pool=question.pool.value, asked=question.name
        ).order_by("pk")
    )
    symbols = {row.symbol for row in told_rows}
    fills = _since(account, symbols, cursor.begins_at)
    began, answered = read_between[0] - UNSURE, read_between[1] + UNSURE
    if any(
        began <= fill.executed_at <= answered and fill.executed_at >= cursor.begins_at
        for each in fills.values()
        for fill in each
    ):
        return None
    known = _known_before(account, symbols, cursor.begins_at)
    reported = _reported(account, symbols)
    opened = 0
    for row in told_rows:
        held = (row.symbol, row.position_side)
        if held not in known:
            before = [fill for fill in fills.get(held, ()) if fill.executed_at < began]
            opened += _open(account, row, before, reported.get(held, ()), cursor.begins_at, now)
    cursor.found_at = now
    cursor.save(update_fields=["found_at"])
    return opened


def enter_opening(
    account_id: int,
    *,
    symbol: str,
    quantity: Decimal,
    entry_price: Decimal,
    held_at: datetime,
    position_side: PositionSide = PositionSide.BOTH,
    strategy_account: int | None = None,
    actor: AbstractUser | None = None,
    clock: Clock = timezone.now,
) -> Fill:
    """Record what an account held when its books began, as a person knows it.

    The same entered again is known: it is answered, and not recorded.

    Args:
        account_id: The account's primary key.
        symbol: As the exchange's instruments have it.
        quantity: Below zero is short. Base units, contracts on inverse instruments.
        entry_price: What it was bought or sold at on average.
        held_at: Since when; fills of later come after it.
        position_side: Which one, on an account that holds both.
        strategy_account: Whose it is, by the link's primary key; None: nobody's.
        actor: Who enters it; None is the command line.
        clock: Says what time it is.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not on this account.
        UnknownSymbol: The exchange has no such instrument.
        TradingRefused: A number, the time or the link makes no sense: spot is never short.
    """
    with transaction.atomic():
        require(actor, Act.ASSIGN_FILLS, account_ids=[account_id])
        account = lock_account(account_id)
        parsed = parse_symbol(symbol)
        is_spot = parsed is not None and parsed.kind is InstrumentKind.SPOT
        held = quantity if is_spot else quantity.copy_abs()
        for name, number in (("quantity", held), ("entry_price", entry_price)):
            if number <= 0:
                raise TradingRefused(
                    Code.FILL_NOT_POSITIVE, field=name, name=name, number=plain(number)
                )
        now = clock()
        refuse_moment(held_at, now, field="held_at")
        if strategy_account is not None:
            _refuse_link(account, strategy_account, symbol)
        opening = _opening(symbol, position_side, quantity, entry_price, held_at)
        fill = record_opening(
            account,
            opening,
            link_id=strategy_account,
            how=AttributedBy.PERSON,
            actor=actor,
            now=now,
        )
        note_booked(account)
    return fill


def _refuse_link(account: Account, link_id: int, symbol: str) -> None:
    """Refuse a link of another account, or of a strategy that does not trade the symbol."""
    links = StrategyAccount.objects.filter(account=account).select_related("strategy")
    link = links.filter(pk=link_id).first()
    if link is None:
        raise TradingRefused(
            Code.FLOW_LINK_NOT_OF_ACCOUNT, field="strategy_account", link=str(link_id)
        )
    refuse_other_market(link, [symbol], field="strategy_account")


def _open(
    account: Account,
    row: VenuePosition,
    filled: Sequence[Fill],
    reported: Sequence[Position],
    at: datetime,
    now: datetime,
) -> int:
    """Record one opening, or one for each link where their reports come to it; how many."""
    symbol = parse_symbol(row.symbol)
    assert symbol is not None, "no other instrument is asked for"
    signed = [(_signed(fill), fill.price) for fill in filled]
    quantity, entry = held_before(row.quantity, row.entry_price, signed, symbol.kind)
    if not quantity or entry is None or not is_bookable(account.venue, row.symbol):
        return 0
    side = PositionSide(row.position_side)
    told_sum = Decimal(0)
    for position in reported:
        told_sum = EXACT.add(told_sum, position.reported_quantity or Decimal(0))
    if reported and told_sum == quantity:
        for position in reported:
            own = EXACT.normalize(position.entry_price) if position.entry_price else entry
            opening = _opening(row.symbol, side, position.reported_quantity or quantity, own, at)
            record_opening(
                account,
                opening,
                link_id=position.strategy_account_id,
                how=AttributedBy.BOT,
                actor=None,
                now=now,
            )
        return len(reported)
    record_opening(
        account, _opening(row.symbol, side, quantity, entry, at), link_id=None, how=None,
        actor=None, now=now,
    )  # fmt: skip
    return 1


def _opening(
    symbol: str, side: PositionSide, quantity: Decimal, entry: Decimal, at: datetime
) -> NewFill:
    return NewFill(
        symbol=symbol,
        side=Side.BUY if quantity > 0 else Side.SELL,
        position_side=side,
        quantity=quantity.copy_abs(),
        price=entry,
        executed_at=at,
    )


def _signed(fill: Fill) -> Decimal:
    return fill.quantity if fill.side == Side.BUY.value else EXACT.minus(fill.quantity)


def _since(account: Account, symbols: set[str], since: datetime) -> Mapping[_Held, Sequence[Fill]]:
    """The fills since then that count, in their order, by symbol and side; one query."""
    rows = list(
        Fill.objects.filter(account=account, symbol__in=symbols, executed_at__gte=since).order_by(
            "executed_at", "pk"
        )
    )
    counted = counting(told(row) for row in rows)
    found: dict[_Held, list[Fill]] = defaultdict(list)
    for row in rows:
        if row.pk in counted and row.source != "opening":
            found[row.symbol, row.position_side].append(row)
    return found


def _known_before(account: Account, symbols: set[str], since: datetime) -> set[_Held]:
    """Of which symbol and side something of before is known, or an opening; one query."""
    rows = Fill.objects.filter(account=account, symbol__in=symbols)
    before = rows.filter(executed_at__lt=since) | rows.filter(source="opening")
    return set(before.order_by().values_list("symbol", "position_side").distinct())


def _reported(account: Account, symbols: set[str]) -> Mapping[_Held, Sequence[Position]]:
    """What bots reported of these symbols, where no fill is known; one query."""
    rows = Position.objects.filter(
        strategy_account__account=account,
        symbol__in=symbols,
        books__isnull=True,
        reported_quantity__isnull=False,
    ).exclude(quantity=0)
    found: dict[_Held, list[Position]] = defaultdict(list)
    for row in rows.order_by("pk"):
        found[row.symbol, row.position_side].append(row)
    return found

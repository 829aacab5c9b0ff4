"""Reservations: what a link's orders hold of its capital, and what becomes of them.

Each is made, changed and ended under the lock of its account. What a fill uses is told by the names
of its order: a reservation whose order nobody named is never guessed at.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import NotFound, ReservationRefused
from capital.domain.limits.reservations import ReservationState, Reserved
from capital.domain.money import EXACT, plain
from capital.domain.performance.telling import counting
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import PositionSide
from capital.models import Attribution, Fill, Reservation
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_accounts
from capital.services.limits.known import Asked, known_until
from capital.services.trading.books import present_owners
from capital.services.trading.same_orders import recorded_of_orders, told
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)
_MOST_SHOWN = 1000
_FINAL = [state.value for state in ReservationState if state.is_final]
# By how much the clock that tells of a fill may be behind ours.
_BEHIND = timedelta(minutes=10)


@dataclass
class HeldCapital:
    """What the reservations of one link hold, in its account's currency.

    Attributes:
        amount: All of it.
        waiting: Of how many that have expired, but may have been filled.
        waiting_amount: What of the amount is held by these.
    """

    amount: Decimal = _ZERO
    waiting: int = 0
    waiting_amount: Decimal = _ZERO

    def add(self, reserved: Reserved, now: datetime) -> None:
        """One more that counts."""
        self.amount = EXACT.add(self.amount, reserved.left)
        if reserved.state_at(now) is ReservationState.EXPIRED:
            self.waiting += 1
            self.waiting_amount = EXACT.add(self.waiting_amount, reserved.left)


def held_capital(link_ids: Collection[int], *, now: datetime) -> dict[int, HeldCapital]:
    """What reservations hold, by link; those without any are left out.

    One query; a constant number more where one has expired and nobody has said so yet.
    """
    found: dict[int, HeldCapital] = {}
    for row in _counting(_held(link_ids), now):
        found.setdefault(row.strategy_account_id, HeldCapital()).add(row.reserved, now)
    return found


def _held(link_ids: Collection[int]) -> list[Reservation]:
    rows = Reservation.objects.filter(strategy_account__in=link_ids, is_held=True)
    return list(rows.order_by("pk").defer("size"))


def _counting(rows: Sequence[Reservation], now: datetime) -> list[Reservation]:
    """Those of the held ones that count: expired ones do until what happened is known."""
    expired = [row for row in rows if row.reserved.state_at(now) is ReservationState.EXPIRED]
    known = known_until(
        [Asked(row.pk, row.strategy_account_id, row.symbol) for row in expired] if expired else []
    )
    return [row for row in rows if row.reserved.holds_at(now, known_until=known.get(row.pk))]


def reservation_as_json(row: Reservation, *, now: datetime) -> dict[str, Any]:
    """A reservation for programs, as it is now. ``amount`` is what it holds for the rest.

    One that has ended holds nothing.
    """
    return {
        "id": row.pk,
        "state": row.reserved.state_at(now).value,
        "amount": plain(row.held),
        "expires_at": timezone.localtime(row.expires_at).isoformat(),
        "client_order_id": row.client_order_id,
        "order_id": row.order_id,
    }


def reservations_of(account_ids: Collection[int], *, only_held: bool) -> list[Reservation]:
    """The reservations of these accounts with link, strategy and account, newest first.

    At most the newest 1,000, in one query.

    Args:
        account_ids: Primary keys.
        only_held: Whether those that have ended are left out.
    """
    rows = Reservation.objects.filter(strategy_account__account__in=account_ids)
    if only_held:
        rows = rows.filter(is_held=True)
    rows = rows.select_related("strategy_account__strategy", "strategy_account__account")
    return list(rows.order_by("-pk").defer("size")[:_MOST_SHOWN])


def in_state(
    rows: QuerySet[Reservation], state: ReservationState, *, now: datetime
) -> QuerySet[Reservation]:
    """Those of the rows that are in this state now, whether or not that was written down yet."""
    gone = Q(state=ReservationState.OPEN.value, expires_at__lte=now)
    if state is ReservationState.EXPIRED:
        return rows.filter(gone | Q(state=state.value))
    return rows.filter(state=state.value).exclude(gone)


def present_reservations(told: Iterable[dict[str, Any]], *, now: datetime) -> list[dict[str, Any]]:
    """Reservations that were told before, as they are now, in one query.

    Args:
        told: As ``reservation_as_json`` made them.
        now: The time now.
    """
    before = list(told)
    rows = Reservation.objects.filter(pk__in=[each["id"] for each in before]).defer("size")
    present = {row.pk: reservation_as_json(row, now=now) for row in rows}
    return [present.get(each["id"], each) for each in before]


@dataclass(frozen=True, kw_only=True)
class NewReservation:
    """What is to be held for one order.

    Attributes:
        link_id: Of whose capital.
        symbol: The order's.
        side: ``buy`` or ``sell``.
        position_side: The order's.
        quantity: The order's, > 0.
        amount: The margin and fee of what it enlarges, > 0.
        expires_at: Until when it holds.
        reduces: How much of the quantity reduces what is held first; below the quantity.
        client_order_id: The bot's name for the order; empty where it gives none.
        key: By which the caller asks for it again; empty for none.
        size: The answer of ``size``.
    """

    link_id: int
    symbol: str
    side: str
    quantity: Decimal
    amount: Decimal
    expires_at: datetime
    reduces: Decimal = _ZERO
    position_side: PositionSide = PositionSide.BOTH
    client_order_id: str = ""
    key: str = ""
    size: Mapping[str, Any] = field(default_factory=dict)


@inside_transaction
def keep_reservation(
    new: NewReservation, *, actor: AbstractUser | None, now: datetime
) -> Reservation:
    """Hold it. Call it inside the transaction that locked the account, and found that it is free.

    Raises:
        ReservationRefused: The link has one for an order of this name that still counts.
    """
    if new.client_order_id:
        alike = Reservation.objects.filter(
            strategy_account=new.link_id, client_order_id=new.client_order_id, is_held=True
        )
        settle_reservations(alike, now=now)
        if alike.exists():
            raise ReservationRefused(
                Code.ORDER_RESERVED, field="client_order_id", order=new.client_order_id
            )
    return Reservation.objects.create(
        strategy_account_id=new.link_id,
        symbol=new.symbol,
        side=new.side,
        position_side=new.position_side.value,
        quantity=new.quantity,
        reduces=new.reduces,
        amount=new.amount,
        client_order_id=new.client_order_id,
        key=new.key,
        size=dict(new.size),
        reserved_by_id=None if actor is None else actor.pk,
        created_at=now,
        expires_at=new.expires_at,
    )


def find_reservations(
    link_ids: Collection[int], keys: Collection[str]
) -> dict[tuple[int, str], Reservation]:
    """What was reserved with these keys before, by link and key, in one query."""
    named = [key for key in keys if key]
    if not named:
        return {}
    rows = Reservation.objects.filter(strategy_account__in=link_ids, key__in=named)
    return {(row.strategy_account_id, row.key): row for row in rows}


def place_reservation(
    reservation_id: int,
    *,
    order_id: str,
    actor: AbstractUser | None,
    clock: Clock = timezone.now,
) -> Reservation:
    """Mark the order as placed: from now on it holds until it is filled or released.

    Placing it again with the same id changes nothing.

    Args:
        reservation_id: Its primary key.
        order_id: The exchange's id of the order, not empty.
        actor: Who says so; None is the command line.
        clock: Says what time it is.

    Raises:
        NotFound: There is none.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not.
        ReservationRefused: It has ended, or has another order id.
    """
    with transaction.atomic():
        row = _locked(reservation_id, actor)
        now = clock()
        if row.order_id == order_id:
            return row
        settle_reservations(Reservation.objects.filter(pk=row.pk), now=now)
        row.refresh_from_db()
        if not row.is_held:
            raise _ended(row)
        if row.order_id:
            raise ReservationRefused(Code.RESERVATION_PLACED, field="order_id", order=row.order_id)
        row.order_id, row.placed_at = order_id, now
        row.state = ReservationState.PLACED.value
        row.save(update_fields=["order_id", "placed_at", "state"])
        # A fill may have been told before its order was.
        use_reservations(row.strategy_account.account_id, [row], now=now)
        row.refresh_from_db()
        return row


def release_reservation(
    reservation_id: int, *, actor: AbstractUser | None, clock: Clock = timezone.now
) -> Reservation:
    """Hold nothing for it any more. Releasing it again changes nothing.

    Args:
        reservation_id: Its primary key.
        actor: Who says so; None is the command line.
        clock: Says what time it is.

    Raises:
        NotFound: There is none.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not.
        ReservationRefused: Its order was filled.
    """
    with transaction.atomic():
        row = _locked(reservation_id, actor)
        if row.state == ReservationState.USED.value:
            raise _ended(row)
        if row.state != ReservationState.RELEASED.value:
            row.state, row.is_held = ReservationState.RELEASED.value, False
            row.ended_at = row.ended_at or clock()
            row.ended_by_id = None if actor is None else actor.pk
            row.save(update_fields=["state", "is_held", "ended_at", "ended_by"])
        return row


def _ended(row: Reservation) -> ReservationRefused:
    return ReservationRefused(Code.RESERVATION_ENDED, field="state", state=row.state)


def _locked(reservation_id: int, actor: AbstractUser | None) -> Reservation:
    """The reservation, with its account locked.

    Raises:
        NotFound: There is none.
    """
    rows = Reservation.objects.select_related("strategy_account")
    row = rows.filter(pk=reservation_id).first()
    if row is None:
        raise NotFound
    lock_accounts([row.strategy_account.account_id])
    require(actor, Act.REPORT, account_ids=[row.strategy_account.account_id])
    # Read again: somebody may have held the lock before.
    return rows.get(pk=reservation_id)


@inside_transaction
def use_reservations(account_id: int, rows: Iterable[Fill | Reservation], *, now: datetime) -> None:
    """What was filled of an order is no longer held for it, but in use.

    Call it inside the transaction that locked the account, behind new fills. One query where the
    account has no reservation that may still be filled. The quantity is what counts of all that
    is told of the order, so the same fill from three sources is counted once.

    Args:
        account_id: The account's primary key.
        rows: Fills that are new, or reservations whose order has a new name.
        now: When they became known.
    """
    # One that expired may be told to be filled late.
    open_ones = Reservation.objects.filter(strategy_account__account=account_id)
    open_ones = open_ones.exclude(state__in=_FINAL)
    if not open_ones.exists():
        return
    found = list(open_ones.filter(_of_orders(rows)).order_by("pk").defer("size"))
    if found:
        _count_filled(account_id, found, now)


def _count_filled(account_id: int, reservations: Sequence[Reservation], now: datetime) -> None:
    wanted = [
        Fill(symbol=row.symbol, order_id=row.order_id, client_order_id=row.client_order_id)
        for row in reservations
    ]
    fills = recorded_of_orders([account_id], wanted)
    counted = counting(told(fill) for fill in fills)
    beside = _named_alike(account_id, [*wanted, *fills], reservations)
    shared = _shared(reservations, beside, [each for each in fills if each.pk in counted])
    for row in reservations:
        filled = shared[row.pk]
        if filled == row.filled_quantity:
            continue
        row.filled_quantity = filled
        if filled >= row.quantity:
            row.state, row.is_held = ReservationState.USED.value, False
            row.ended_at = row.ended_at or now
        row.save(update_fields=["filled_quantity", "state", "is_held", "ended_at"])


def _shared(
    reservations: Sequence[Reservation], beside: Sequence[Reservation], fills: Sequence[Fill]
) -> dict[int, Decimal]:
    """How much of each reservation's order is filled, by primary key, exactly.

    Several may name one order, because one order was sent for all of them, or by mistake. What it
    was filled lowers what they hold together once: each takes its quantity, in turn. What is
    filled beyond all of them is the last one's.

    Args:
        reservations: Whose filled quantity is asked for.
        beside: Others that name the same orders. They keep what they have.
        fills: What counts of what is told of these orders.
    """
    taken = {row.pk: _ZERO for row in (*beside, *reservations)}
    owners = _owners(fills)
    for fill in sorted(fills, key=lambda each: (each.executed_at, each.pk)):
        owner, left = owners.get(fill.pk), fill.quantity
        kept = [row for row in beside if _had(row, fill) and _is_of(fill, row, owner)]
        for row in kept:
            part = min(left, EXACT.subtract(row.filled_quantity, taken[row.pk]))
            taken[row.pk], left = EXACT.add(taken[row.pk], part), EXACT.subtract(left, part)
        mine = [row for row in _by_likelihood(reservations, fill) if _is_of(fill, row, owner)]
        for row in mine:
            room = max(_ZERO, EXACT.subtract(row.quantity, taken[row.pk]))
            part = left if row is mine[-1] else min(left, room)
            taken[row.pk], left = EXACT.add(taken[row.pk], part), EXACT.subtract(left, part)
    return taken


def _had(row: Reservation, fill: Fill) -> bool:
    """Whether a fill may be among those that a reservation had when it ended."""
    return row.ended_at is None or fill.executed_at <= row.ended_at + _BEHIND


def _by_likelihood(rows: Sequence[Reservation], fill: Fill) -> list[Reservation]:
    """Those that were there when it was filled first, and of these those that still count."""
    return sorted(
        rows, key=lambda row: (fill.executed_at < row.created_at, not row.is_held, row.pk)
    )


def _named_alike(
    account_id: int, named: Sequence[Fill], reservations: Sequence[Reservation]
) -> list[Reservation]:
    """The account's other reservations that took something of these orders, in one query."""
    rows = Reservation.objects.filter(
        _of_orders(named),
        strategy_account__account=account_id,
        symbol__in={e.symbol for e in named},
    )
    rows = rows.exclude(pk__in=[row.pk for row in reservations])
    return [row for row in rows.order_by("pk").defer("size") if row.filled_quantity > 0]


def _of_orders(rows: Iterable[Fill | Reservation]) -> Q:
    """Whatever bears a name of one of the orders of these."""
    order_ids, client_order_ids = set(), set()
    for row in rows:
        order_ids.add(row.order_id)
        client_order_ids.add(row.client_order_id)
    return (~Q(order_id="") & Q(order_id__among=order_ids)) | (
        ~Q(client_order_id="") & Q(client_order_id__among=client_order_ids)
    )


def _owners(fills: Sequence[Fill]) -> dict[int, int | None]:
    """Whose fills are known to be, by primary key, in one query."""
    said = Attribution.objects.filter(fill_id__among=[fill.pk for fill in fills])
    return dict(present_owners(said).values_list("fill_id", "strategy_account_id"))


def _is_of(fill: Fill, row: Reservation, owner: int | None) -> bool:
    """Whether a fill is of a reservation's order: bots use the name of an order again.

    Args:
        fill: Recorded, of the reservation's account.
        row: The reservation.
        owner: Whose the fill is; None: nobody's.
    """
    if owner not in (None, row.strategy_account_id):
        return False
    # Of an order of before, of the same name. One that is told of later may be told with any time.
    if fill.recorded_at < row.created_at and fill.executed_at < row.created_at - _BEHIND:
        return False
    is_named = (row.order_id and fill.order_id == row.order_id) or (
        row.client_order_id and fill.client_order_id == row.client_order_id
    )
    return bool(is_named) and (fill.symbol, fill.side) == (row.symbol, row.side)


@inside_transaction
def settle_reservations(rows: QuerySet[Reservation], *, now: datetime) -> int:
    """Write down which of these have expired, and which of these no longer count.

    Call it inside a transaction that locked their accounts.

    Returns:
        How many no longer count.
    """
    held = [
        row
        for row in rows.filter(is_held=True).order_by("pk").defer("size")
        if row.reserved.state_at(now) is ReservationState.EXPIRED
    ]
    counting_still = {row.pk for row in _counting(held, now)} if held else set()
    ended = [row for row in held if row.pk not in counting_still]
    for row in held:
        row.state = ReservationState.EXPIRED.value
    for row in ended:
        row.is_held, row.ended_at = False, now
    Reservation.objects.bulk_update(held, ["state", "is_held", "ended_at"], batch_size=500)
    return len(ended)


def end_expired_reservations(account_ids: Collection[int], *, clock: Clock = timezone.now) -> int:
    """Write down which reservations of these accounts have expired, and which no longer count.

    What is answered does not wait for this: it is for lists, and keeps what is held few. One query
    where none has expired.

    Returns:
        How many no longer count.
    """
    now = clock()
    open_ones = Reservation.objects.filter(is_held=True, expires_at__lte=now).exclude(
        state=ReservationState.PLACED.value
    )
    rows = open_ones.filter(strategy_account__account__in=account_ids)
    of_accounts = rows.order_by().values_list("strategy_account__account_id", flat=True)
    ended = 0
    for account_id in sorted(set(of_accounts)):
        with transaction.atomic():
            lock_accounts([account_id])
            of_account = open_ones.filter(strategy_account__account=account_id)
            ended += settle_reservations(of_account, now=now)
    return ended


def waiting_reason(held: HeldCapital, *, currency: str) -> Reason:
    """That some have expired, but count until it is known what happened."""
    return Reason(
        Code.RESERVATION_WAITS,
        {"count": str(held.waiting), "amount": str(held.waiting_amount), "currency": currency},
    )

"""Reservations: what a link's orders hold of its capital, and what becomes of them.

Each is made, changed and ended under the lock of its account. What a fill uses is told by the names
of its order: a reservation whose order nobody named is never guessed at.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import NotFound, ReservationRefused
from capital.domain.limits.reservations import ReservationState
from capital.domain.money import plain
from capital.domain.reasons import Code
from capital.domain.sizing.orders import PositionSide
from capital.models import Reservation
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_accounts
from capital.services.limits.filled import use_reservations
from capital.services.limits.held import settle_reservations
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)
_MOST_SHOWN = 1000


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

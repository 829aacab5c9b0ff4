"""Reserving: an order is sized and its capital held for it, and nobody comes in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import InvalidOrder, ReservationRefused
from capital.domain.limits.reservations import MOST_SECONDS, USUAL_SECONDS, ceiled, expiry
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import OrderRequest, PositionSide
from capital.domain.sizing.targets import Asked
from capital.exchange.contract import Quoted
from capital.models import Reservation, StrategyAccount
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_accounts
from capital.services.limits.reservations import (
    NewReservation,
    find_reservations,
    keep_reservation,
    reservation_as_json,
)
from capital.services.markets.prices import Price, last_prices
from capital.services.sizing.answers import SizedOrder, refused_size
from capital.services.sizing.orders import Read, numbered_at, read_for
from capital.services.transactions import inside_transaction, outside_transaction

# The fields of an order, as it is sent, that say how its capital is held.
HOLD_FIELDS = frozenset({"reserve", "expires_in", "client_order_id"})


@dataclass(frozen=True, kw_only=True)
class Hold:
    """How an order's capital is held.

    Attributes:
        expires_in: For how many seconds: 1 to 3,600.
        client_order_id: The bot's name for the order; empty where it gives none.
    """

    expires_in: int = USUAL_SECONDS
    client_order_id: str = ""

    def check(self) -> None:
        """Refuse a time that is too short or too long.

        Raises:
            InvalidOrder: It says so.
        """
        if not 1 <= self.expires_in <= MOST_SECONDS:
            raise InvalidOrder(
                Code.RESERVATION_TOO_LONG,
                field="expires_in",
                seconds=str(self.expires_in),
                most=str(MOST_SECONDS),
            )


@dataclass(frozen=True)
class Wish:
    """An order or a position, and how its capital is to be held; None: it is only sized."""

    order: Asked
    hold: Hold | None = None


@dataclass(frozen=True)
class ReservedOrder:
    """The answer for one link and one order.

    Attributes:
        size: How large it may be.
        reservation: What is held for it; None where nothing is: it was refused, needs nothing, or
            was not to be reserved.
    """

    size: SizedOrder
    reservation: Reservation | None = None

    def as_json(self, *, now: datetime) -> dict[str, Any]:
        """The answer of ``size`` for programs, with what is held for it."""
        held = None
        if self.reservation is not None:
            held = reservation_as_json(self.reservation, now=now)
        return {**self.size_as_json(), "reservation": held}

    def size_as_json(self) -> dict[str, Any]:
        """The answer of ``size``: as it was when it was reserved."""
        return self.size.as_json() if self.reservation is None else dict(self.reservation.size)


@outside_transaction
def reserve_orders(
    link_ids: Sequence[int],
    wishes: Sequence[Wish],
    *,
    key: str = "",
    actor: AbstractUser | None = None,
    late: Reason | None = None,
    patience: timedelta | None = None,
    clock: Clock = timezone.now,
) -> list[ReservedOrder]:
    """Size every order on every link, and hold the capital that it needs.

    The venues are asked for prices first; call it outside a transaction. What is free is read again
    under the lock of the accounts, so that whoever asks at once, on however many machines, is never
    given more than there is.

    Args:
        link_ids: Primary keys of ``StrategyAccount``. The caller checks who may see them.
        wishes: The orders, the same for each link, taken in turn: a close frees what it closes.
        key: The caller's key. What was reserved with it before is returned as it is now, and
            nothing is reserved twice.
        actor: Who reserves; None is the command line, or a signal.
        late: Why nothing may be enlarged; None: nothing is late.
        patience: How long a venue may take to answer with a price; None for the usual time.
        clock: Says what time it is.

    Returns:
        As ``size_orders``: by link and then by order. One is refused too where its link has a
        reservation for an order of that name (``order_reserved``).

    Raises:
        InvalidOrder: A reservation would be too short or too long.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not report on an account.
    """
    for wish in wishes:
        if wish.hold is not None:
            wish.hold.check()
    orders = [wish.order for wish in wishes]
    found: dict[Quoted, Price | Reason] = {}
    read = read_for(link_ids, orders, now=clock(), late=late)
    while True:
        missing = [each for each in read.wanted if each not in found]
        found |= last_prices(missing, patience=patience, clock=clock) if missing else {}
        with transaction.atomic():
            _lock(link_ids, actor)
            read = read_for(link_ids, orders, now=clock(), late=late)
            # A link may hold something else by now. Then its price is asked for first.
            if all(each in found for each in read.wanted):
                return _reserve(read, found, wishes, key=key, actor=actor, clock=clock)


def _lock(link_ids: Sequence[int], actor: AbstractUser | None) -> None:
    links = StrategyAccount.objects.filter(pk__in=link_ids).order_by("account")
    account_ids = list(dict.fromkeys(links.values_list("account_id", flat=True)))
    lock_accounts(account_ids)
    require(actor, Act.REPORT, account_ids=account_ids)


@inside_transaction
def _reserve(
    read: Read,
    prices: Mapping[Quoted, Price | Reason],
    wishes: Sequence[Wish],
    *,
    key: str,
    actor: AbstractUser | None,
    clock: Clock,
) -> list[ReservedOrder]:
    """Hold what is free now. Call it inside the transaction that locked the accounts."""
    now = clock()
    keys = [_key(key, number) for number in range(len(wishes))]
    earlier = find_reservations(list(read.pairs), keys)
    answers = []
    for number, size in numbered_at(read, prices=prices, now=now, reserves=True):
        named, wish = keys[number], wishes[number]
        known = earlier.get((size.link_id, named))
        # Of the orders that lead to a position, at most one enlarges anything.
        if known is not None and not size.reduce_only:
            answers.append(ReservedOrder(size, known))
            continue
        reservation = None
        if wish.hold is not None and size.enlarging > 0:
            new = _new(size, wish.order, wish.hold, key=named, now=now)
            try:
                reservation = keep_reservation(new, actor=actor, now=now)
            except ReservationRefused as error:
                size = refused_size(size, error)
        answers.append(ReservedOrder(size, reservation))
    return answers


def _new(size: SizedOrder, asked: Asked, hold: Hold, *, key: str, now: datetime) -> NewReservation:
    order = asked if isinstance(asked, OrderRequest) else asked.order
    return NewReservation(
        link_id=size.link_id,
        symbol=size.symbol,
        side=size.side,
        position_side=PositionSide(order.position_side or PositionSide.BOTH),
        quantity=size.quantity,
        reduces=size.reduces,
        amount=ceiled(size.enlarging),
        expires_at=expiry(now, hold.expires_in),
        # As reports of fills have it, by which it is found.
        client_order_id=hold.client_order_id.strip(),
        key=key,
        size=size.as_json(),
    )


def _key(key: str, number: int) -> str:
    """Of one order of a request."""
    return f"{key}:{number}" if key else ""

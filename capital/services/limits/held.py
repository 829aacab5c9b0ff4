"""What reservations hold of each link's capital, and until when."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.limits.reservations import ReservationState, Reserved
from capital.domain.money import EXACT
from capital.domain.reasons import Code, Reason
from capital.models import Reservation
from capital.services.accounts.lookup import lock_accounts
from capital.services.limits.known import Asked, known_until
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)


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

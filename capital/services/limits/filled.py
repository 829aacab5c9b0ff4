"""What fills take from the reservations of their orders."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q

from capital.domain.limits.reservations import ReservationState
from capital.domain.money import EXACT
from capital.domain.performance.telling import counting
from capital.models import Attribution, Fill, Reservation
from capital.services.trading.booking.owners import present_owners
from capital.services.trading.same_orders import recorded_of_orders, told
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)
_FINAL = [state.value for state in ReservationState if state.is_final]
# By how much the clock that tells of a fill may be behind ours.
_BEHIND = timedelta(minutes=10)


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
    if fill.recorded_at < row.created_at:
        return False
    is_named = (row.order_id and fill.order_id == row.order_id) or (
        row.client_order_id and fill.client_order_id == row.client_order_id
    )
    return bool(is_named) and (fill.symbol, fill.side) == (row.symbol, row.side)

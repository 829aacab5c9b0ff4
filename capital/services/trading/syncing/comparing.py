"""Whether the books hold what the exchange says: sums over links and what is nobody's."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from capital.domain.money import EXACT, add_to
from capital.domain.performance.symbols import parse_symbol
from capital.domain.performance.telling import FillSource
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side
from capital.models import Account, BookedHolding, Fill, Position, VenuePosition
from capital.services.trading.booking.fills import nobodys_fills
from capital.services.trading.booking.writing import booked_quantity
from capital.services.trading.syncing.positions import UNSURE
from capital.services.transactions import inside_transaction

_BOTH = PositionSide.BOTH.value
_ZERO = Decimal(0)

_Held = tuple[str, str]


@dataclass(frozen=True)
class ComparedPosition:
    """What the books and the exchange say of one symbol and side.

    Attributes:
        symbol: ccxt's.
        position_side: ``both`` also where only one of the two tells sides apart: then it is the
            sum of both sides.
        ours: What the links hold by their fills, or where they have none by their reports.
        unattributed: What fills hold that are nobody's.
        venue: What the exchange says.
        observed_at: When it was read; None where the exchange does not list it now.
        is_not_strategys: A person said that no strategy holds it.
    """

    symbol: str
    position_side: str
    ours: Decimal
    unattributed: Decimal
    venue: Decimal
    observed_at: datetime | None
    is_not_strategys: bool

    @property
    def difference(self) -> Decimal:
        """What the exchange holds beyond the books; 0 where a person explained it."""
        if self.is_not_strategys:
            return _ZERO
        held = EXACT.add(self.ours, self.unattributed)
        return EXACT.normalize(EXACT.subtract(self.venue, held))


def compare_positions(account_ids: Collection[int]) -> dict[int, list[ComparedPosition]]:
    """By account, what the books or the exchange held when it was read: each symbol and side.

    Derivatives only: of spot no exchange tells a position. Two queries, over what was noted then,
    whatever the number of fills. Whether the exchange was read lately, the cursors say: without any
    reading nothing is compared.
    """
    told: dict[int, list[VenuePosition]] = defaultdict(list)
    for row in VenuePosition.objects.filter(account__in=account_ids).order_by("pk"):
        told[row.account_id].append(row)
    booked: dict[int, list[BookedHolding]] = defaultdict(list)
    for holding in BookedHolding.objects.filter(account__in=account_ids).order_by("pk"):
        booked[holding.account_id].append(holding)
    return {key: _compared(told[key], booked[key]) for key in account_ids}


def _compared(
    told: Iterable[VenuePosition], holdings: Iterable[BookedHolding]
) -> list[ComparedPosition]:
    venue: dict[_Held, list[VenuePosition]] = defaultdict(list)
    for row in told:
        venue[row.symbol, row.position_side].append(row)
    booked = {(row.symbol, row.position_side): row for row in holdings}
    ours = {key: row.ours for key, row in booked.items()}
    nobodys = {key: row.unattributed for key, row in booked.items()}
    compared = []
    for symbol, side, keys in _comparable(venue, booked):
        rows = [row for key in keys for row in venue.get(key, ())]
        found = ComparedPosition(
            symbol=symbol,
            position_side=side,
            ours=_sum(ours, keys),
            unattributed=_sum(nobodys, keys),
            venue=_added(row.quantity for row in rows),
            observed_at=min((row.observed_at for row in rows), default=None),
            is_not_strategys=bool(rows) and all(row.is_not_strategys for row in rows),
        )
        if found.ours or found.unattributed or found.venue:
            compared.append(found)
    return compared


@inside_transaction
def note_booked(account: Account) -> Mapping[tuple[str, str], Decimal]:
    """Note what the books of an account hold, for whoever compares it with the exchange.

    Call it inside the transaction that locked the account. A constant number of queries, over its
    positions and the fills that are nobody's.

    Returns:
        What its links hold, by symbol and side.
    """
    ours, nobodys = _of_links(account.pk), _of_nobody(account.pk)
    BookedHolding.objects.filter(account=account).delete()
    BookedHolding.objects.bulk_create(
        [
            BookedHolding(
                account=account,
                symbol=symbol,
                position_side=side,
                ours=ours.get((symbol, side), _ZERO),
                unattributed=nobodys.get((symbol, side), _ZERO),
            )
            for symbol, side in sorted(ours.keys() | nobodys.keys())
        ],
        batch_size=500,
    )
    return ours


@inside_transaction
def note_unowned(
    account: Account, ours: Mapping[tuple[str, str], Decimal], *, asked_at: datetime
) -> None:
    """Note how much of each position at the exchange no strategy holds (``unowned``).

    Call it inside the transaction that locked the account, after its fills were read. What fills of
    nobody hold is no strategy's either. Of a symbol that was traded or reported while positions
    were read, what was noted before stays: nobody can say which came first. Four queries.

    Args:
        account: The account, locked.
        ours: What its links hold, as ``note_booked`` says.
        asked_at: When its positions were asked for. Those that were read earlier stay as they are.
    """
    rows = VenuePosition.objects.filter(account=account).order_by("pk")
    venue: dict[_Held, list[VenuePosition]] = defaultdict(list)
    for row in rows:
        venue[row.symbol, row.position_side].append(row)
    moved = _moved_since(account, asked_at - UNSURE)
    changed = []
    for symbol, _, keys in _comparable(venue, ours):
        alike = [row for key in keys for row in venue.get(key, ())]
        if symbol in moved or any(row.observed_at < asked_at for row in alike):
            continue
        unowned = EXACT.subtract(_added(row.quantity for row in alike), _sum(ours, keys))
        for row in alike:
            row.unowned = EXACT.normalize(unowned)
        changed += alike
    VenuePosition.objects.bulk_update(changed, ["unowned"], batch_size=500)


def _moved_since(account: Account, since: datetime) -> set[str]:
    """The symbols in which something was traded or reported since then, in two queries."""
    fills = Fill.objects.filter(account=account, executed_at__gte=since)
    reports = Position.objects.filter(strategy_account__account=account, reported_at__gte=since)
    return {
        symbol
        for rows in (fills.exclude(source=FillSource.OPENING.value), reports)
        for symbol in rows.order_by().values_list("symbol", flat=True).distinct()
    }


def _comparable(
    venue: Iterable[_Held], ours: Iterable[_Held]
) -> Iterator[tuple[str, str, list[_Held]]]:
    """What is compared with one another: each side where both tell sides apart, else their sum.

    Yields:
        A symbol, its side (``both`` of a sum), and what belongs to it.
    """
    told_by = (set(venue), set(ours))
    for symbol in sorted({symbol for each in told_by for symbol, _ in each}):
        sides = [{side for of, side in each if of == symbol} for each in told_by]
        is_net = any(_BOTH in each for each in sides) and any(each - {_BOTH} for each in sides)
        for side in [_BOTH] if is_net else sorted(sides[0] | sides[1]):
            wanted = sides[0] | sides[1] if is_net else {side}
            yield symbol, side, [(symbol, each) for each in sorted(wanted)]


def _sum(amounts: Mapping[_Held, Decimal], keys: list[_Held]) -> Decimal:
    return _added(amounts.get(key, _ZERO) for key in keys)


def _added(amounts: Iterable[Decimal]) -> Decimal:
    total = _ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def _of_links(account_id: int) -> dict[_Held, Decimal]:
    """What links hold, in the unit of a position: contracts where they are inverse."""
    found: dict[_Held, Decimal] = {}
    for row in Position.objects.filter(strategy_account__account=account_id).order_by("pk"):
        symbol = parse_symbol(row.symbol)
        if symbol is None or symbol.kind is InstrumentKind.SPOT:
            continue
        booked = booked_quantity(row)
        held = (row.reported_quantity or _ZERO) if booked is None else booked
        add_to(found, (row.symbol, row.position_side), held)
    return found


def _of_nobody(account_id: int) -> dict[_Held, Decimal]:
    """What the fills of an account come to that count and are nobody's."""
    found: dict[_Held, Decimal] = {}
    for fill in nobodys_fills([account_id]):
        symbol = parse_symbol(fill.symbol)
        if symbol is None or symbol.kind is InstrumentKind.SPOT:
            continue
        is_bought = fill.side == Side.BUY.value
        amount = fill.quantity if is_bought else EXACT.minus(fill.quantity)
        add_to(found, (fill.symbol, fill.position_side), amount)
    return found

"""Fills as books take them: those that count, and their figures."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal

from capital.domain.performance.fills import Fee
from capital.domain.performance.fills import Fill as BookedFill
from capital.domain.performance.symbols import Symbol, parse_symbol
from capital.domain.sizing.orders import PositionSide, Side
from capital.models import Attribution, Fill
from capital.services.trading.booking.openings import Openings
from capital.services.trading.booking.owners import present_owners
from capital.services.trading.booking.writing import PositionKey
from capital.services.trading.same_orders import counting_rows, with_their_orders

_SIDES = {side.value: side for side in Side}
_POSITION_SIDES = {side.value: side for side in PositionSide}


def counting_fills(keys: Iterable[PositionKey]) -> dict[PositionKey, list[Fill]]:
    """The fills of these positions that count, in three queries; some more for provisional ones."""
    wanted = set(keys)
    found: dict[PositionKey, list[Fill]] = defaultdict(list)
    if not wanted:
        return found
    owned = present_owners(
        Attribution.objects.filter(
            strategy_account__in={key.link_id for key in wanted},
            fill__symbol__in={key.symbol for key in wanted},
        )
    )
    owners = dict(owned.values_list("fill_id", "strategy_account_id"))
    fills = Fill.objects.filter(pk__among=owners).order_by()
    rows = {fill.pk: fill for fill in fills}
    # What tells of the same order may be somebody else's, and count before it.
    counted = counting_rows(with_their_orders(list(rows.values())))
    openings = Openings.of({fill.account_id for fill in rows.values()}, {k.symbol for k in wanted})
    for pk, fill in rows.items():
        key = PositionKey(owners[pk], fill.symbol, fill.position_side)
        if pk in counted and key in wanted and not openings.include(fill, owners[pk]):
            found[key].append(fill)
    return found


def nobodys_fills(account_ids: Collection[int]) -> list[Fill]:
    """The fills of these accounts that count and are nobody's; in a constant number of queries."""
    owned = present_owners(Attribution.objects.filter(fill__account__in=account_ids)).exclude(
        strategy_account__isnull=True
    )
    rows = Fill.objects.filter(account__in=account_ids).exclude(pk__in=owned.values("fill"))
    fills = list(rows.order_by("pk"))
    # A provisional one no longer counts beside the fills of its order, whosever they are.
    counted = counting_rows(with_their_orders(fills))
    openings = Openings.of(account_ids)
    return [fill for fill in fills if fill.pk in counted and not openings.include(fill, None)]


def as_booked(fill: Fill, *, step: Decimal) -> BookedFill:
    """A recorded fill as the books take it; below ``step`` what is left of it is flat."""
    symbol = symbol_of(fill.symbol)
    return BookedFill(
        key=fill.venue_fill_id or f"~{fill.pk}",
        executed_at=fill.executed_at,
        kind=symbol.kind,
        base=symbol.base,
        settle=fill.settle,
        side=_SIDES[fill.side],
        position_side=_POSITION_SIDES[fill.position_side],
        quantity=fill.quantity,
        price=fill.price,
        contract_size=fill.contract_size,
        fees=tuple(
            [
                Fee(Decimal(fee["amount"]), fee["currency"], _optional(fee.get("value")))
                for fee in fill.fees
            ]
        ),
        step=step,
    )


def symbol_of(text: str) -> Symbol:
    """What the symbol of a recorded fill says."""
    symbol = parse_symbol(text)
    assert symbol is not None, "no other symbol is recorded"
    return symbol


def _optional(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)

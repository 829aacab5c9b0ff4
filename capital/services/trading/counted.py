"""What links have earned by the moment on which their capital is decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from capital.domain.money import EXACT
from capital.domain.performance.symbols import parse_symbol
from capital.models import Position
from capital.services.trading.books import realized_after
from capital.services.trading.days import realized_in, unrealized_in
from capital.services.trading.worth import unrealized_of
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Earned:
    """What one link with books has earned, in its account's currency.

    Attributes:
        until: Realised until its moment, as is known now.
        by_now: Realised until now.
        unrealized: Now; None where a position that is open has no fresh mark.
    """

    until: Decimal
    by_now: Decimal
    unrealized: Decimal | None


@inside_transaction
def earned_until(
    moments: Mapping[int, datetime], currencies: Mapping[int, str], *, now: datetime
) -> dict[int, Earned]:
    """What these links have earned; those without books are left out.

    Call it inside the transaction that locked their accounts. Two queries (none without links), and
    a constant number more where something happened after a moment.

    Args:
        moments: By link, when the balance was read.
        currencies: Of the accounts, by link; of others, too.
        now: Decides which marks are fresh.
    """
    if not moments:
        return {}
    rows = Position.objects.filter(strategy_account__in=moments, books__isnull=False)
    positions = list(rows.select_related("strategy_account").order_by("pk"))
    realized = realized_in(positions, currencies)
    worth = unrealized_in(positions, unrealized_of(positions, now=now), currencies)
    later: dict[int, Decimal] = dict.fromkeys(realized, _ZERO)
    for key, amount in realized_after(moments, positions).items():
        symbol = parse_symbol(key.symbol)
        if symbol is not None and symbol.settle == currencies[key.link_id]:
            later[key.link_id] = EXACT.add(later[key.link_id], amount)
    return {
        link_id: Earned(EXACT.subtract(by_now, later[link_id]), by_now, worth.get(link_id, _ZERO))
        for link_id, by_now in realized.items()
    }

"""What a link earned since its capital was decided."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from capital.domain.money import EXACT, add_to, known_difference, known_sum
from capital.models import (
    Position,
    StrategyCapital,
    SymbolDay,
)
from capital.services.accounts.denomination import Denomination
from capital.services.accounts.linked import CapitalRow

_ZERO = Decimal(0)


def settled_base(capital: StrategyCapital | CapitalRow, *, is_equity: bool) -> Decimal | None:
    """The capital less what was counted before it: with what is realised by now, what is settled.

    On the basis ``equity`` a balance holds what is unrealised, so that is taken off; None where it
    was not known. Before the first decision there was no capital for it to be in.
    """
    then = capital.unrealized_then if is_equity else _ZERO
    if then is None and capital.pnl_since is None and not capital.allocated_capital:
        then = _ZERO
    if then is None:
        return None
    counted = capital.pnl_counted
    if not (counted or then):
        return capital.allocated_capital  # as most are: nothing was ever earned
    base = EXACT.subtract(capital.allocated_capital, Decimal(str(counted)))
    return EXACT.subtract(base, then)


def days_beside(
    positions: Iterable[Position], moneys: Mapping[int, Denomination]
) -> list[SymbolDay]:
    """What links earned in their accounts' currencies beside what positions realise, by day.

    In no symbol, as interest is, or in one that is settled in another currency. In the order of
    time; one query.

    Args:
        positions: Those with books, of these links.
        moneys: Of the accounts, by link.
    """
    # By their names, since the days of all other symbols are many.
    symbols = {""}
    for each in positions:
        if not moneys[each.strategy_account_id].is_own(each.symbol):
            symbols.add(each.symbol)
    rows = SymbolDay.objects.filter(strategy_account__in=moneys, symbol__in=symbols)
    return [
        row
        for row in rows.order_by("date", "pk")
        if row.currency == (money := moneys[row.strategy_account_id]).currency
        and not money.is_own(row.symbol)
    ]


def realized_in(
    positions: Iterable[Position],
    moneys: Mapping[int, Denomination],
    beside: Iterable[SymbolDay],
) -> dict[int, Decimal]:
    """What each link with books has realised ever, in its account's currency.

    Args:
        positions: Those with books, of these links.
        moneys: Of the accounts, by link.
        beside: What ``days_beside`` finds of them.
    """
    found: dict[int, Decimal] = {}
    for position in positions:
        link_id = position.strategy_account_id
        is_own = moneys[link_id].is_own(position.symbol)
        add_to(found, link_id, (position.realized_pnl or _ZERO) if is_own else _ZERO)
    for day in beside:
        add_to(found, day.strategy_account_id, day.realized)
    return found


def unrealized_in(
    positions: Iterable[Position],
    worth: Mapping[int, Decimal | None],
    moneys: Mapping[int, Denomination],
) -> dict[int, Decimal | None]:
    """What is unrealised of each link in its account's currency; None where a mark is missing."""
    found: dict[int, Decimal | None] = {}
    for position in positions:
        link_id = position.strategy_account_id
        if moneys[link_id].is_own(position.symbol):
            found[link_id] = known_sum(found.get(link_id, _ZERO), worth[position.pk])
    return found


def pnl_since(
    capital: StrategyCapital | CapitalRow,
    realized: Decimal,
    worth: Decimal | None,
    *,
    is_equity: bool,
) -> Decimal | None:
    """What a link earned since its capital was decided; None where that is not known.

    Args:
        capital: Its row.
        realized: What it has realised ever, as is known now.
        worth: What is unrealised now.
        is_equity: Whether the capital was decided on a balance with unrealised PnL in it: then only
            its change counts.
    """
    then = capital.unrealized_then if is_equity else _ZERO
    since = EXACT.subtract(realized, Decimal(str(capital.pnl_counted)))
    return known_difference(known_sum(since, worth), then)

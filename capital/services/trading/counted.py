"""What links have earned: by the moment on which their capital is decided, and since then."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from capital.domain.balances import BalanceBasis
from capital.domain.money import EXACT, add_to
from capital.domain.reasons import Code, Reason
from capital.models import Position, StrategyAccount
from capital.services.accounts.denomination import Denomination
from capital.services.balances.summaries import business_date
from capital.services.trading.books import earned_after, realized_after
from capital.services.trading.days.since import days_beside, pnl_since, realized_in, unrealized_in
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
    moments: Mapping[int, datetime], moneys: Mapping[int, Denomination], *, now: datetime
) -> dict[int, Earned]:
    """What these links have earned, as ``read_earned`` tells, while nothing can change it.

    Call it inside the transaction that locked their accounts.
    """
    return read_earned(moments, moneys, now=now)


def read_earned(
    moments: Mapping[int, datetime], moneys: Mapping[int, Denomination], *, now: datetime
) -> dict[int, Earned]:
    """What these links have earned; those without books are left out.

    Two queries (none without links), and a constant number more where something happened after a
    moment.

    Args:
        moments: By link, when the balance was read.
        moneys: Of the accounts, by link; of others, too.
        now: Decides which marks are fresh.
    """
    if not moments:
        return {}
    rows = Position.objects.filter(strategy_account__in=moments, books__isnull=False)
    positions = list(rows.select_related("strategy_account").order_by("pk"))
    beside = days_beside(positions, moneys)
    realized = realized_in(positions, moneys, beside)
    worth = unrealized_in(positions, unrealized_of(positions, now=now), moneys)
    currencies = {link_id: money.currency for link_id, money in moneys.items()}
    later = dict.fromkeys(realized, _ZERO)
    lasts = {day.strategy_account_id: day.date for day in beside if not day.symbol}
    late = {
        link_id: at
        for link_id, at in moments.items()
        if link_id in lasts and lasts[link_id] >= business_date(at)
    }
    for sums in (realized_after(moments, positions, currencies), earned_after(late, currencies)):
        for link_id, amount in sums.items():
            add_to(later, link_id, amount)
    return {
        link_id: Earned(EXACT.subtract(by_now, later[link_id]), by_now, worth.get(link_id, _ZERO))
        for link_id, by_now in realized.items()
    }


@dataclass(frozen=True)
class Equity:
    """The equity of one link, in its account's currency: its capital, and what it earned since.

    Attributes:
        amount: None where it is not known.
        reason: Why it is not known; None where it is.
    """

    amount: Decimal | None = None
    reason: Reason | None = None


def equity_of(links: Iterable[StrategyAccount], *, now: datetime) -> dict[int, Equity]:
    """What each link has now: allocated + realised since + unrealised, exactly.

    On the basis ``equity`` the capital was decided on a balance with unrealised PnL in it: there
    its change counts. Three queries at most, none without links.

    Args:
        links: With ``account`` and ``capital`` loaded.
        now: Decides which marks are fresh.
    """
    wanted = {link.pk: link for link in links}
    if not wanted:
        return {}
    moneys = {pk: Denomination.of(link.account) for pk, link in wanted.items()}
    rows = Position.objects.filter(strategy_account__in=wanted, books__isnull=False)
    positions = list(rows.order_by("pk"))
    values = unrealized_of(positions, now=now)
    realized = realized_in(positions, moneys, days_beside(positions, moneys))
    worth = unrealized_in(positions, values, moneys)
    unmarked: dict[int, list[str]] = {}
    for position in positions:
        is_own = moneys[position.strategy_account_id].is_own(position.symbol)
        if is_own and values[position.pk] is None:
            unmarked.setdefault(position.strategy_account_id, []).append(position.symbol)
    return {
        pk: _equity(link, realized.get(pk), worth.get(pk, _ZERO), unmarked.get(pk, ()))
        for pk, link in wanted.items()
    }


def _equity(
    link: StrategyAccount,
    realized: Decimal | None,
    worth: Decimal | None,
    unmarked: Iterable[str],
) -> Equity:
    capital = getattr(link, "capital", None)
    if capital is None:
        return Equity(reason=Reason(Code.NO_CAPITAL))
    if realized is None:
        return Equity(reason=Reason(Code.NO_FILLS_KNOWN))
    if worth is None:
        symbols = ", ".join(sorted(set(unmarked)))
        return Equity(reason=Reason(Code.MARK_MISSING, {"symbols": symbols}))
    is_equity = link.account.balance_basis == BalanceBasis.EQUITY.value
    pnl = pnl_since(capital, realized, worth, is_equity=is_equity)
    if pnl is None:
        return Equity(reason=Reason(Code.UNREALIZED_THEN_UNKNOWN))
    return Equity(EXACT.normalize(EXACT.add(capital.allocated_capital, pnl)))

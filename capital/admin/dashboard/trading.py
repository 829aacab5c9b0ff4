"""What an account or a strategy holds and earned: a table of positions, and bars by day."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Any

from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from capital.admin.dashboard.charts import POOL_COLOUR, POOL_NAME, Bars, Chart, Row, day_bars
from capital.admin.dashboard.earnings import Figure, Look, fills_on, shown, signed
from capital.admin.frame.cells import why_url
from capital.admin.frame.formats import NOTHING, money, number, on_quantum
from capital.admin.frame.navigation import listing
from capital.domain.money import EXACT
from capital.domain.performance.earned import Sums
from capital.domain.performance.unexplained import Unexplainable
from capital.domain.pools import Pool
from capital.domain.sizing.orders import PositionSide
from capital.models import Account, PoolDay, Position, StrategyAccount
from capital.services.overview import TradingHistory, shown_unexplained
from capital.services.sentences import sentence
from capital.services.trading import ComparedPosition, Equity, counted_in
from strategies.models import Strategy

# Why nothing is said of a day's change.
WHY_NOT: Mapping[str, Any] = {
    Unexplainable.FREE_BASIS.value: gettext_lazy("not computed for the balance type “free”"),
    Unexplainable.NO_BALANCE.value: gettext_lazy("balance unknown at the start or the end"),
    Unexplainable.NOT_READ.value: gettext_lazy("not read that day; the next reading covers it"),
    Unexplainable.OTHER_MEANING.value: gettext_lazy("another balance type or wallet before"),
    Unexplainable.NO_BOOKS.value: gettext_lazy("no fill and no deposit recorded yet"),
    Unexplainable.NO_MARK.value: gettext_lazy("a mark price is missing at the start or the end"),
}
_SIDES: Mapping[str, Any] = {
    PositionSide.LONG.value: pgettext_lazy("position side", "long"),
    PositionSide.SHORT.value: pgettext_lazy("position side", "short"),
}

_NINE_DIGITS = Context(prec=9)


@dataclass(frozen=True)
class PositionRow:
    """One open position, as text; ``other`` is the account, or the strategy."""

    symbol: str
    url: str
    other: str
    other_url: str
    quantity: str
    entry: str
    mark: str
    marked_at: datetime | None
    unrealized: Figure
    realized: Figure
    settle: str
    is_dust: bool


@dataclass(frozen=True)
class EquityRow:
    """The capital of one link, what it earned since, and what it has now; as text."""

    name: str
    url: str
    capital: str
    why_url: str
    earned: Figure
    equity: str
    currency: str


@dataclass(frozen=True)
class ComparedRow:
    """What the books hold of a symbol, and what the exchange says."""

    symbol: str
    name: str
    ours: str
    unattributed: str
    venue: str
    difference: str
    observed_at: datetime | None
    is_not_strategys: bool


@dataclass(frozen=True)
class TradingSection:
    """What stands above the form."""

    positions: Sequence[PositionRow]
    positions_url: str
    other: str
    equities: Sequence[EquityRow]
    compared: Sequence[ComparedRow]
    charts: Sequence[Chart]
    looks: Sequence[Look]
    notes: Sequence[str]
    fills_url: str
    flows_url: str
    seen_at: datetime

    @property
    def differs(self) -> bool:
        """Whether the exchange holds something else than the books."""
        return any(row.difference for row in self.compared)


def trading_section(of: Account | Strategy, history: TradingHistory) -> TradingSection | None:
    """None where nothing was traded."""
    if history.is_empty:
        return None
    is_account = isinstance(of, Account)
    filters = _filters(of)
    looks = []
    if history.unattributed:
        text = gettext("Fills that no strategy is known to have traded: %(count)s")
        url = listing("fill", attribution="none", **filters["fill"])
        looks.append(Look(text % {"count": history.unattributed}, url))
    notes = [
        gettext("Fees of unknown value, in no figure: %(amount)s")
        % {"amount": money(amount, currency)}
        for currency, amount in history.unvalued.items()
        if amount
    ]
    charts = [
        _earned_chart(currency, history, of_currency, filters["fill"])
        for currency, of_currency in history.earned.items()
    ]
    if isinstance(of, Account):
        charts += [
            _unexplained_chart(of, Pool(pool), history, days, filters["fill"])
            for pool, days in history.unexplained.items()
        ]
    return TradingSection(
        positions=[_position(row, is_account=is_account) for row in history.positions],
        positions_url=listing("position", **filters["position"]),
        other=gettext("Strategy") if is_account else gettext("Account"),
        equities=[
            _equity(link, equity, is_account=is_account) for link, equity in history.equities
        ],
        compared=[_compared(each) for each in history.compared],
        charts=charts,
        looks=looks,
        notes=notes,
        fills_url=listing("fill", **filters["fill"]),
        flows_url=listing("flow", **filters["fill"]),
        seen_at=history.seen_at,
    )


def _filters(of: Account | Strategy) -> dict[str, dict[str, str]]:
    """How the lists name it."""
    key = str(of.pk)
    if isinstance(of, Account):
        return {
            "fill": {"account__id__exact": key},
            "position": {"strategy_account__account__id__exact": key},
        }
    strategy = {"strategy_account__strategy__id__exact": key}
    return {"fill": strategy, "position": strategy}


def _position(row: Position, *, is_account: bool) -> PositionRow:
    link, settle = row.strategy_account, counted_in(row)
    other = link.strategy if is_account else link.account
    model = "strategy" if is_account else "account"
    side = _SIDES.get(row.position_side)
    no_mark = gettext("There is no mark price of the last 5 minutes, or no entry price.")
    return PositionRow(
        symbol=f"{row.symbol} ({side})" if side else row.symbol,
        url=listing(
            "fill",
            q=row.symbol,
            account__id__exact=str(link.account_id),
            strategy_account__strategy__id__exact=str(link.strategy_id),
        ),
        other=other.name,
        other_url=f"{listing(model)}{other.pk}/change/",
        quantity=number(row.quantity),
        entry=number(short_price(row.entry_price)),
        mark=number(row.mark_price),
        marked_at=row.marked_at,
        unrealized=signed(row.unrealized_pnl, settle, why=no_mark),
        realized=signed(row.realized_pnl, settle, why=gettext("No fill of it is known.")),
        settle=settle,
        is_dust=row.is_dust,
    )


def _equity(link: StrategyAccount, equity: Equity, *, is_account: bool) -> EquityRow:
    other = link.strategy if is_account else link.account
    model = "strategy" if is_account else "account"
    currency, capital = link.account.currency, link.capital.allocated_capital
    earned = None if equity.amount is None else EXACT.subtract(equity.amount, capital)
    why = "" if equity.reason is None else sentence(equity.reason)
    return EquityRow(
        name=other.name,
        url=f"{listing(model)}{other.pk}/change/",
        capital=shown(capital, currency),
        why_url=why_url(link=link.pk),
        earned=signed(earned, currency, why=why),
        equity=shown(equity.amount, currency),
        currency=currency,
    )


def _compared(row: ComparedPosition) -> ComparedRow:
    side = _SIDES.get(row.position_side)
    return ComparedRow(
        symbol=row.symbol,
        name=f"{row.symbol} ({side})" if side else row.symbol,
        ours=number(row.ours),
        unattributed=number(row.unattributed),
        # What it does not list it does not hold.
        venue=number(row.venue),
        difference=number(row.difference) if row.difference else "",
        observed_at=row.observed_at,
        is_not_strategys=row.is_not_strategys,
    )


def short_price(price: Decimal | None) -> Decimal | None:
    """An average in nine digits: those behind them are on the position's own page."""
    return None if price is None else _NINE_DIGITS.plus(price)


def _earned_chart(
    currency: str,
    history: TradingHistory,
    days: Mapping[date, Sums],
    filters: Mapping[str, str],
) -> Chart:
    def amounts(of: Callable[[Sums], Decimal]) -> list[Decimal | None]:
        return [
            on_quantum(of(days[day]), currency) if day in days else None for day in history.days
        ]

    rows = []
    for day in reversed(history.days):
        earned = days.get(day)
        if earned is None:
            continue
        cells = [
            shown(earned.earned, currency, is_signed=True),
            shown(earned.realized, currency, is_signed=True),
            shown(earned.fees, currency),
            shown(earned.funding, currency, is_signed=True),
            str(earned.fills),
        ]
        rows.append(Row(day.isoformat(), cells, fills_on(day, **filters), is_day=True))
    return day_bars(
        gettext("Realised PnL, fees and funding by day (%(currency)s)") % {"currency": currency},
        currency,
        history.days,
        [
            Bars(gettext("Realised"), amounts(lambda day: day.realized), 1),
            Bars(gettext("Fees"), amounts(lambda day: EXACT.minus(day.fees)), 8),
            Bars(gettext("Funding"), amounts(lambda day: day.funding), 3),
        ],
        head=[
            gettext("Result"),
            gettext("Realised"),
            gettext("Fees paid"),
            gettext("Funding"),
            gettext("Fills"),
        ],
        rows=rows,
    )


def _unexplained_chart(
    account: Account,
    pool: Pool,
    history: TradingHistory,
    days: Mapping[date, PoolDay],
    filters: Mapping[str, str],
) -> Chart:
    currency = account.currency
    amounts = [_left(days.get(day), currency) for day in history.days]
    rows = [
        Row(day.isoformat(), _cells(days[day], currency), fills_on(day, **filters), is_day=True)
        for day in reversed(history.days)
        if day in days
    ]
    figures = {"pool": POOL_NAME[pool], "currency": currency}
    return day_bars(
        gettext("Unexplained change of balance by day, %(pool)s (%(currency)s)") % figures,
        currency,
        history.days,
        [Bars(gettext("Unexplained"), amounts, POOL_COLOUR[pool])],
        head=[
            gettext("Unexplained"),
            gettext("Balance"),
            gettext("Fills"),
            gettext("Flows"),
            gettext("Unrealised"),
        ],
        rows=rows,
        all_zero=gettext("Every change that is known is explained."),
    )


def _left(day: PoolDay | None, currency: str) -> Decimal | None:
    if day is None or day.unexplained is None:
        return None
    return shown_unexplained(day.unexplained, currency)


def _cells(day: PoolDay, currency: str) -> list[str]:
    if day.code:
        return [f"{NOTHING} ({WHY_NOT[day.code]})", *[NOTHING] * 4]
    return [
        shown(_left(day, currency), currency, is_signed=True),
        *(
            shown(amount, currency, is_signed=True)
            for amount in (day.change, day.fills, day.flows, day.unrealized)
        ),
    ]

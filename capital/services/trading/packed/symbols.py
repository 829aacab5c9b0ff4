"""What a link earned by symbol in a month, as ``LinkMonth`` keeps it: of days and of trades."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT, plain
from capital.domain.performance.earned import Sums, before_costs
from capital.domain.performance.measures.trades import EndedTrade, TradeSums
from capital.models import SymbolDay, Trade

# A link and a currency.
DayKey = tuple[int, str]

DAY_COLUMNS = (
    *("strategy_account_id", "currency", "date", "symbol"),
    *("realized", "fees", "funding", "volume", "fills", "trades", "fees_unvalued"),
)
TRADE_COLUMNS = (
    *("strategy_account_id", "currency", "date", "symbol"),
    *("realized", "is_complete", "opened_at", "closed_at"),
)
_AMOUNTS = ("realized", "fees", "funding", "volume")
_ENDED_AMOUNTS = ("won", "lost", "squares")
_ENDED_COUNTS = ("trades", "wins", "losses", "incomplete")
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class SymbolFigures:
    """What was earned in a symbol.

    Attributes:
        days: What its days come to.
        ended: The trades that ended.
    """

    days: Sums = field(default_factory=Sums)
    ended: TradeSums = field(default_factory=TradeSums)

    def add(self, other: "SymbolFigures") -> None:
        """Count in what was earned in it at another time, or by another link."""
        self.days.add(other.days)
        self.ended.add(other.ended)


# By symbol. What was earned in none is not among them.
Symbols = dict[str, SymbolFigures]


def load_symbols(
    link_ids: Collection[int], *, since: date, until: date
) -> Mapping[DayKey, Mapping[date, Symbols]]:
    """What these links earned by symbol on these days, by the first day of its month.

    Two queries. The last day is included.
    """
    found: dict[DayKey, dict[date, Symbols]] = defaultdict(lambda: defaultdict(dict))
    asked = {"strategy_account__in": link_ids, "date__gte": since, "date__lte": until}
    of_days = SymbolDay.objects.filter(**asked).exclude(symbol="")
    for day in of_days.order_by().values_list(*DAY_COLUMNS).iterator(chunk_size=2000):
        add_day(found[day[0], day[1]][day[2].replace(day=1)], day)
    of_trades = Trade.objects.filter(**asked)
    for trade in of_trades.order_by().values_list(*TRADE_COLUMNS).iterator(chunk_size=2000):
        add_trade(found[trade[0], trade[1]][trade[2].replace(day=1)], trade)
    return found


def add_day(symbols: Symbols, day: tuple[Any, ...]) -> None:
    """Count in a row of ``DAY_COLUMNS``. It tells what is left after fees and funding."""
    *_, symbol, realized, fees, funding, volume, fills, trades, unvalued = day
    gross = before_costs(realized, fees=fees, funding=funding)
    _of(symbols, symbol).days.add(Sums(gross, fees, funding, volume, fills, trades, unvalued))


def add_trade(symbols: Symbols, trade: tuple[Any, ...]) -> None:
    """Count in a row of ``TRADE_COLUMNS``."""
    _of(symbols, trade[3]).ended.count(as_ended(trade))


def _of(symbols: Symbols, symbol: str) -> SymbolFigures:
    # There are many rows of a few symbols.
    if symbol not in symbols:
        symbols[symbol] = SymbolFigures()
    return symbols[symbol]


def as_ended(trade: tuple[Any, ...]) -> EndedTrade:
    """The trade of a row of ``TRADE_COLUMNS``."""
    *_, realized, is_complete, opened_at, closed_at = trade
    return EndedTrade(realized, closed_at - opened_at, is_complete=is_complete)


def ended_of(symbols: Symbols) -> TradeSums:
    """The trades of all of them."""
    found = TradeSums()
    for of_symbol in symbols.values():
        found.add(of_symbol.ended)
    return found


def as_stored(symbols: Symbols) -> dict[str, Any]:
    """As the column has it: amounts as text."""
    return {symbol: _stored(symbols[symbol]) for symbol in sorted(symbols)}


def from_stored(stored: Mapping[str, Any]) -> Iterator[tuple[str, SymbolFigures]]:
    """The inverse of ``as_stored``."""
    for symbol, row in stored.items():
        unvalued = row.get("fees_unvalued", {})
        days = Sums(
            realized=Decimal(row["realized"]),
            fees=Decimal(row["fees"]),
            funding=Decimal(row["funding"]),
            volume=Decimal(row["volume"]),
            fills=row["fills"],
            trades=row["trades"],
            fees_unvalued={name: Decimal(text) for name, text in unvalued.items()},
        )
        ended = row.get("ended")
        yield symbol, SymbolFigures(days, TradeSums() if ended is None else _ended(ended))


def _stored(of_symbol: SymbolFigures) -> dict[str, Any]:
    days, ended = of_symbol.days, of_symbol.ended
    stored: dict[str, Any] = {name: _text(getattr(days, name)) for name in _AMOUNTS}
    stored |= {"fills": days.fills, "trades": days.trades}
    if days.fees_unvalued:
        stored["fees_unvalued"] = {name: _text(each) for name, each in days.fees_unvalued.items()}
    if ended.trades:
        stored["ended"] = {
            **{name: getattr(ended, name) for name in _ENDED_COUNTS},
            **{name: _text(getattr(ended, name)) for name in _ENDED_AMOUNTS},
            "held_microseconds": ended.held_for // _MICROSECOND,
            "largest_win": None if ended.largest_win is None else _text(ended.largest_win),
            "largest_loss": None if ended.largest_loss is None else _text(ended.largest_loss),
        }
    return stored


def _ended(stored: Mapping[str, Any]) -> TradeSums:
    win, loss = stored["largest_win"], stored["largest_loss"]
    return TradeSums(
        trades=stored["trades"],
        wins=stored["wins"],
        losses=stored["losses"],
        incomplete=stored["incomplete"],
        won=Decimal(stored["won"]),
        lost=Decimal(stored["lost"]),
        squares=Decimal(stored["squares"]),
        held_for=stored["held_microseconds"] * _MICROSECOND,
        largest_win=None if win is None else Decimal(win),
        largest_loss=None if loss is None else Decimal(loss),
    )


def _text(amount: Decimal) -> str:
    return plain(EXACT.normalize(amount))

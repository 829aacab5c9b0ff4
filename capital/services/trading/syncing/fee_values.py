"""What fees in a third coin were worth: by the exchange's price of the minute they were paid in.

Prices are asked for now, so they are known of fills of the last minute only. Other fees stay in
their own currency.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from capital.domain.money import EXACT
from capital.domain.performance.fills import Fee
from capital.domain.performance.symbols import parse_symbol
from capital.domain.reasons import Reason
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.prices import MarketPrice
from capital.exchange.contract import Quoted
from capital.exchange.gateway import get_market_gateway
from capital.exchange.trading.contract import ReadFill
from capital.models import Account, Market

_MINUTE = timedelta(minutes=1)
_PATIENCE = timedelta(seconds=5)
_QUOTED = ("venue", "symbol", "market_id", "kind", "base", "quote", "settle")


@dataclass(frozen=True)
class CoinPrices:
    """Prices of coins, and when they held.

    Attributes:
        prices: By coin and the currency in which it is priced.
        at: When they were asked for; None: never.
    """

    prices: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    at: datetime | None = None

    def fee(self, amount: Decimal, currency: str, fill: ReadFill) -> Fee:
        """A fee of a fill, with its worth where the price of that minute is known."""
        if not self.prices:
            return Fee(amount, currency)
        price = self.prices.get((currency, _settle(fill)))
        if price is None or self.at is None or not _is_within(fill, self.at):
            return Fee(amount, currency)
        return Fee(amount, currency, EXACT.multiply(amount, price))


NO_PRICES = CoinPrices()


def coins_to_price(account: Account, rows: Sequence[ReadFill], *, now: datetime) -> list[Quoted]:
    """The pairs of spot that say what fees of the last minute were worth; one query at most.

    None of a sandbox, whose prices are not those of the exchange.
    """
    wanted = {
        f"{currency}/{_settle(row)}"
        for row in rows
        if _is_within(row, now) and not account.is_sandbox
        for amount, currency in row.fees
        if amount and currency not in _own(row)
    }
    if not wanted:
        return []
    markets = Market.objects.filter(venue=account.venue, symbol__in=wanted, is_active=True)
    return [
        Quoted(**{**row, "kind": InstrumentKind(row["kind"])})
        for row in markets.order_by("symbol").values(*_QUOTED)
    ]


def ask_prices(quoted: Sequence[Quoted], at: datetime) -> CoinPrices:
    """Their last prices; those without an answer are left out. It waits for the exchange."""
    answers: Mapping[Quoted, MarketPrice | Reason] = get_market_gateway(
        patience=_PATIENCE
    ).fetch_prices(quoted)
    found = {
        (each.base, each.quote): answer.last
        for each, answer in answers.items()
        if isinstance(answer, MarketPrice) and answer.last is not None
    }
    return CoinPrices(found, at)


def _is_within(fill: ReadFill, moment: datetime) -> bool:
    return abs(moment.timestamp() - fill.executed_at.timestamp()) <= _MINUTE.total_seconds()


def _settle(fill: ReadFill) -> str:
    symbol = parse_symbol(fill.symbol)
    return "" if symbol is None else symbol.settle


def _own(fill: ReadFill) -> set[str]:
    """The currencies whose worth follows from the fill itself."""
    symbol = parse_symbol(fill.symbol)
    return set() if symbol is None else {symbol.settle, symbol.base}

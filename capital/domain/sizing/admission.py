"""Admission: what the desk's rules say to an order before a price is needed."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal

from capital.domain.errors import CurrencyMismatch, OrderRefused, UnknownSymbol
from capital.domain.money import plain
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.domain.sizing.orders import OrderRequest, Side
from strategies.markets import MarketType


@dataclass(frozen=True)
class LinkRules:
    """One link as admission sees it.

    Attributes:
        strategy: Its key.
        market: What the strategy trades.
        currency: What the account's capital is counted in.
        idle: Why it may not trade; None where it may. ``strategy_paused`` may close.
        max_symbols: How many symbols it may hold at once; None is no limit.
        max_budget_percent: Of its capital, what one order may cost at most.
    """

    strategy: str
    market: MarketType
    currency: str
    idle: Code | None
    max_symbols: int | None
    max_budget_percent: Decimal


def admit(
    order: OrderRequest,
    link: LinkRules,
    rules: InstrumentRules,
    *,
    held_symbols: AbstractSet[str],
) -> None:
    """Refuse what this link may not order, whatever the price.

    Args:
        order: That makes sense by itself.
        link: Who asks.
        rules: Of the market that is asked for.
        held_symbols: Those of the link's open positions, and of entries in the same batch.

    Raises:
        OrderRefused: The link's state, its symbols, its budget or its position forbid it.
        UnknownSymbol: The symbol is of another market than the strategy's.
        CurrencyMismatch: The market is paid in another currency than the account's.
    """
    admit_state(order, link)
    if rules.kind.market_type is not link.market:
        raise UnknownSymbol(
            Code.SYMBOL_OF_OTHER_MARKET,
            field="symbol",
            symbol=order.symbol,
            kind=rules.kind.value,
            strategy=link.strategy,
            market=link.market.value,
        )
    if rules.settle != link.currency:
        raise CurrencyMismatch(
            Code.CURRENCY_MISMATCH,
            field="symbol",
            symbol=order.symbol,
            settle=rules.settle,
            currency=link.currency,
        )
    if not order.is_closing:
        _admit_entry(order, link, rules, held_symbols)


def admit_state(order: OrderRequest, link: LinkRules) -> None:
    """Refuse what a link in this state may not do: PAUSED may close, all others nothing.

    Raises:
        OrderRefused: Its reason says which state.
    """
    if link.idle is None:
        return
    if link.idle is not Code.STRATEGY_PAUSED:
        raise OrderRefused(link.idle)
    if not order.is_closing:
        raise OrderRefused(Code.CLOSING_ONLY, field="qty_per")


def _admit_entry(
    order: OrderRequest, link: LinkRules, rules: InstrumentRules, held_symbols: AbstractSet[str]
) -> None:
    if is_spot_sale(order, rules):
        if order.qty_per or order.risk_per:
            raise OrderRefused(Code.SPOT_SELL_NOT_ENTRY, field="side")
        return
    if (
        link.max_symbols is not None
        and order.symbol not in held_symbols
        and len(held_symbols) >= link.max_symbols
    ):
        raise OrderRefused(
            Code.TOO_MANY_SYMBOLS,
            field="symbol",
            limit=str(link.max_symbols),
            held=", ".join(sorted(held_symbols)),
        )
    if order.qty_per and order.qty_per > link.max_budget_percent:
        raise OrderRefused(
            Code.BUDGET_ABOVE_LIMIT,
            field="qty_per",
            percent=plain(order.qty_per),
            limit=plain(link.max_budget_percent),
        )


def is_spot_sale(order: OrderRequest, rules: InstrumentRules) -> bool:
    """Whether it gives up coins: it enters nothing, and spends no capital."""
    return rules.kind is InstrumentKind.SPOT and order.side == Side.SELL

"""Admission: which orders are refused before anybody asks for a price."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal

from capital.domain.errors import CurrencyMismatch, OrderRefused, UnknownSymbol
from capital.domain.money import plain
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.domain.sizing.orders import OrderRequest, Side
from strategies.markets import MarketType


@dataclass(frozen=True)
class LinkRules:
    """What one link may order.

    Attributes:
        strategy: The strategy's key.
        market: The market that the strategy trades.
        currency: The account's currency.
        idle: Why the link may not trade; None where it may. With ``strategy_paused`` it may
            still close positions.
        max_symbols: How many symbols it may hold at once; None for no limit.
        max_budget_percent: What one order may cost at most, in percent of the link's capital.
        stands_for: Settle currencies of contracts that the account's currency stands for, one for
            one.
        venue: The account's venue, for sentences.
        stopped: Why it gets no new entries; None where nothing stops it. It may still close.
    """

    strategy: str
    market: MarketType
    currency: str
    idle: Code | None
    max_symbols: int | None
    max_budget_percent: Decimal
    stands_for: AbstractSet[str] = frozenset()
    venue: str = ""
    stopped: Reason | None = None


def admit_state(order: OrderRequest, link: LinkRules) -> None:
    """First, before the instrument is known: refuse what a link in this state may not do.

    A link of a paused strategy may close positions. Any other idle link may do nothing.

    Raises:
        OrderRefused: Its reason says which state.
    """
    if link.idle is None:
        return
    if link.idle is not Code.STRATEGY_PAUSED:
        raise OrderRefused(link.idle)
    if not order.is_closing:
        raise OrderRefused(Code.CLOSING_ONLY, field="qty_per")


def admit_order(
    order: OrderRequest,
    link: LinkRules,
    rules: InstrumentRules,
    *,
    held_symbols: AbstractSet[str],
) -> None:
    """Second: refuse what a link whose state allows it may not order of this instrument.

    Args:
        order: Checked, and allowed by ``admit_state``.
        link: The link that the order is for.
        rules: Those of the instrument.
        held_symbols: The symbols of the link's open positions.

    Raises:
        OrderRefused: The link's number of symbols or its budget limit forbid it, or it is to
            enter, and can only reduce.
        UnknownSymbol: The instrument belongs to the other market than the strategy's, or what its
            venue takes as an amount is not known.
        CurrencyMismatch: The instrument is paid in another currency than the account's.
    """
    if rules.kind.market_type is not link.market:
        raise UnknownSymbol(
            Code.SYMBOL_OF_OTHER_MARKET,
            field="symbol",
            symbol=order.symbol,
            kind=rules.kind.value,
            strategy=link.strategy,
            market=link.market.value,
        )
    is_contract = rules.kind is not InstrumentKind.SPOT
    if rules.settle != link.currency and not (is_contract and rules.settle in link.stands_for):
        raise CurrencyMismatch(
            Code.CURRENCY_MISMATCH,
            field="symbol",
            symbol=order.symbol,
            settle=rules.settle,
            currency=link.currency,
        )
    if rules.amount_unit is None:
        raise UnknownSymbol(
            Code.AMOUNT_UNIT_UNKNOWN, field="symbol", symbol=order.symbol, venue=link.venue
        )
    if not order.is_closing:
        _admit_entry(order, link, rules, held_symbols)


def _admit_entry(
    order: OrderRequest, link: LinkRules, rules: InstrumentRules, held_symbols: AbstractSet[str]
) -> None:
    if only_reduces(order, rules):
        if order.qty_per or order.risk_per:
            raise not_an_entry(rules, field="side")
        return
    admit_symbol(order, link, held_symbols)
    if order.qty_per and order.qty_per > link.max_budget_percent:
        raise OrderRefused(
            Code.BUDGET_ABOVE_LIMIT,
            field="qty_per",
            percent=plain(order.qty_per),
            limit=plain(link.max_budget_percent),
        )


def admit_while_stopped(
    order: OrderRequest, link: LinkRules, rules: InstrumentRules, *, held: Decimal
) -> None:
    """Third: refuse what enlarges a position of a link that is stopped.

    Args:
        order: Allowed by ``admit_order``; it is no closing one. A stake is admitted where it is
            against what is held, and asked again as a quantity.
        link: The link that the order is for.
        rules: Those of the instrument.
        held: The position that the order enlarges or lowers, signed.

    Raises:
        OrderRefused: It is stopped, and the order does not only lower what is held.
    """
    if link.stopped is None or only_reduces(order, rules):
        return
    if not (order.qty_per or order.risk_per):
        lowers = held > 0 if order.side == Side.SELL else held < 0
        # How much a stake is follows from the price. Once that is known, it is asked again.
        if lowers and (order.qty is None or order.qty <= abs(held)):
            return
    raise OrderRefused(link.stopped.code, **link.stopped.figures)


def admit_symbol(order: OrderRequest, link: LinkRules, held_symbols: AbstractSet[str]) -> None:
    """Refuse an entry into one symbol more than the link may hold at once.

    Asked again by itself for an order behind others, whose entries count as held.

    Raises:
        OrderRefused: It would be too many.
    """
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


def only_reduces(order: OrderRequest, rules: InstrumentRules) -> bool:
    """Whether the order can open nothing, and so spends no capital.

    It sells coins on spot, or is against the side of a contract's position that it names.
    """
    if rules.kind is InstrumentKind.SPOT:
        return order.side == Side.SELL
    return order.is_against_its_side


def not_an_entry(rules: InstrumentRules, *, field: str) -> OrderRefused:
    """Why an order that only reduces is refused, where it is to enter."""
    is_spot = rules.kind is InstrumentKind.SPOT
    return OrderRefused(Code.SPOT_SELL_NOT_ENTRY if is_spot else Code.SIDE_NOT_ENTRY, field=field)

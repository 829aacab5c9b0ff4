"""The orders that a request leads to on a link, each admitted or refused."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from capital.domain.errors import OrderRefused, SizingError
from capital.domain.money import EXACT, plain
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.admission import (
    admit_order,
    admit_state,
    admit_while_stopped,
    not_an_entry,
    only_reduces,
)
from capital.domain.sizing.orders import OrderRequest, PositionSide
from capital.domain.sizing.symbols import Named
from capital.domain.sizing.targets import Asked, TargetRequest
from capital.services.sizing.answers import SizedOrder, not_to_be_sent, refused_order
from capital.services.sizing.terms import Instrument, LinkTerms, SizingTerms


@dataclass(frozen=True)
class AdmittedOrder:
    """A pair of an order and the link that may place it, with what it is sized from."""

    order: OrderRequest
    link: LinkTerms
    instrument: Instrument
    named: Named
    """What its symbol means, as it was written."""
    unused: str = ""
    """Sizes that were sent and say nothing of it."""


def admitted_orders(
    terms: SizingTerms, link_id: int, asked: Asked
) -> list[AdmittedOrder | SizedOrder]:
    """The orders that something leads to on the link, each admitted or refused."""
    if isinstance(asked, OrderRequest):
        return [_admitted(terms, link_id, asked)]
    link = terms.links.get(link_id)
    if link is None or asked.problem is not None or not link.may_close:
        return [_admitted(terms, link_id, asked.order)]
    try:
        named = terms.named(link, asked.symbol)
        if not link.knows_positions:
            raise OrderRefused(
                Code.POSITION_UNKNOWN, strategy=link.rules.strategy, account=link.account
            )
    except SizingError as error:
        order = replace(asked.order, side="" if asked.target is None else asked.target.side)
        return [refused_order(link_id, link, order, error)]
    meant = link.with_side_held(replace(asked.order, symbol=named.symbol))
    asked = replace(asked, order=replace(meant, symbol=asked.symbol))
    held = link.held_of(named.symbol)
    found = [_admitted(terms, link_id, order, asked) for order in asked.orders(held)]
    return found or [_already_there(link, asked, named, held)]


def _already_there(
    link: LinkTerms, asked: TargetRequest, named: Named, held: Mapping[PositionSide, Decimal]
) -> SizedOrder:
    total = EXACT.normalize(sum(held.values(), Decimal(0)))
    figures = {"symbol": named.symbol, "held": plain(total)}
    is_closing = asked.order.is_closing
    found = (Reason(Code.ALREADY_THERE, figures), *named.warnings(link.venue))
    return SizedOrder(
        link_id=link.id,
        strategy=link.rules.strategy,
        account=link.account,
        symbol=named.symbol,
        side="" if asked.target is None else asked.target.side,
        reduce_only=is_closing,
        capital=link.capital,
        code=Code.ALREADY_THERE,
        figures=figures,
        warnings=(*found, *not_to_be_sent(is_closing=is_closing)),
    )


def _admitted(
    terms: SizingTerms, link_id: int, order: OrderRequest, asked: TargetRequest | None = None
) -> AdmittedOrder | SizedOrder:
    """Admit the order on the link, or answer why not."""
    link = terms.links.get(link_id)
    if link is None:
        unknown = OrderRefused(Code.UNKNOWN_LINK, link=str(link_id))
        return refused_order(link_id, None, order, unknown)
    if order.problem is not None:
        return refused_order(link_id, link, order, order.problem)
    named = None
    try:
        admit_state(order, link.rules)
        named = terms.named(link, order.symbol)
        order = link.with_side_held(replace(order, symbol=named.symbol))
        instrument = terms.instrument(link.venue, order.symbol)
        rules = instrument.rules_on(link)
        if asked is not None and not order.is_closing and only_reduces(order, rules):
            raise not_an_entry(rules, field="position")
        admit_order(order, link.rules, rules, held_symbols=link.held_symbols)
        if not order.is_closing:
            admit_while_stopped(order, link.rules, rules, held=link.held(order))
        if instrument.pending and not order.is_closing:
            raise OrderRefused(**rules_suspect(instrument), field="symbol")
    except SizingError as error:
        return refused_order(link_id, link, order, error, named)
    return AdmittedOrder(order, link, instrument, named, "" if asked is None else asked.unused)


def rules_suspect(instrument: Instrument) -> dict[str, Any]:
    """The code and the figures of rules that have changed and wait to be accepted."""
    quoted = instrument.quoted
    return {
        "code": Code.MARKET_RULES_SUSPECT,
        "venue": quoted.venue,
        "symbol": quoted.symbol,
        "change": instrument.pending,
    }

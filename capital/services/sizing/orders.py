"""Sizing orders: how much each link may order, from its capital, the instrument and a price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.reasons import Reason
from capital.domain.sizing.orders import OrderRequest
from capital.domain.sizing.targets import Asked
from capital.exchange.contract import Quoted
from capital.services.access.visibility import Viewer
from capital.services.markets.prices import Price, PriceSource, last_prices
from capital.services.sizing.admitting import AdmittedOrder, admitted_orders
from capital.services.sizing.answers import SizedOrder
from capital.services.sizing.loading import load_terms
from capital.services.sizing.room import room_of, unpriced
from capital.services.sizing.sizer import Sizer
from capital.services.sizing.terms import SizingTerms
from capital.services.transactions import outside_transaction

__all__ = ["OrderRequest", "PriceSource", "SizedOrder", "size_orders"]


@outside_transaction
def size_orders(
    link_ids: Sequence[int],
    orders: Sequence[Asked],
    *,
    late: Reason | None = None,
    viewer: Viewer | None = None,
    patience: timedelta | None = None,
    clock: Clock = timezone.now,
) -> list[SizedOrder]:
    """Size every order on every link.

    It writes nothing. It asks the venue where a price is needed, so call it outside a
    transaction. Two queries, whatever the number of links and orders; a third where a position
    is open, one more where a symbol is not as ccxt writes it, one where it means one, one where
    capital is reserved, and one where a link is stopped.

    Args:
        link_ids: Primary keys of ``StrategyAccount``.
        orders: The orders, the same for each link, or positions to reach. A symbol that one of them
            enters counts as held for the next ones, where ``max_symbols`` is concerned.
        late: Why nothing may be enlarged, as on a link that is stopped; None: nothing is late.
        viewer: A link that they do not see is ``unknown_link``; None: the caller has checked who
            may see them.
        patience: How long a venue may take to answer with a price; None for the usual time.
        clock: Says what time it is.

    Returns:
        One answer for each link and order, by link and then by order, both as given; for a position
        one for each order that leads there, or one that says that it is held already. It raises
        nothing for what a client can send: a refused order (wrong request, unknown symbol,
        another currency, not allowed, no price) has its ``error``, a quantity of 0 and the
        error's code.
    """
    read = read_for(link_ids, orders, now=clock(), late=late, viewer=viewer)
    prices = last_prices(read.wanted, patience=patience, clock=clock) if read.wanted else {}
    return size_at(read, prices=prices, now=clock())


@dataclass(frozen=True)
class Read:
    """What was read for one request.

    Attributes:
        terms: Of the links and instruments.
        pairs: The orders of each link, admitted or refused, each with its place among those that
            were asked for.
        wanted: The instruments whose prices are needed.
    """

    terms: SizingTerms
    pairs: Mapping[int, Sequence[tuple[int, AdmittedOrder | SizedOrder]]]
    wanted: list[Quoted]


def read_for(
    link_ids: Sequence[int],
    orders: Sequence[Asked],
    *,
    now: datetime,
    late: Reason | None = None,
    viewer: Viewer | None = None,
) -> Read:
    """Read what sizing these orders needs, and say which prices are to be asked for."""
    terms = load_terms(link_ids, {order.symbol for order in orders}, now=now, viewer=viewer)
    if late is not None:
        terms = replace(
            terms, links={key: each.stopped_by(late) for key, each in terms.links.items()}
        )
    pairs = {
        link_id: [
            (number, pair)
            for number, asked in enumerate(orders)
            for pair in admitted_orders(terms, link_id, asked)
        ]
        for link_id in link_ids
    }
    wanted = {}
    for link_id, of_link in pairs.items():
        admitted = [pair for _, pair in of_link if isinstance(pair, AdmittedOrder)]
        wanted.update(dict.fromkeys(pair.instrument.quoted for pair in admitted))
        if admitted:
            wanted.update(dict.fromkeys(unpriced(terms.links[link_id], terms, now)))
    return Read(terms, pairs, list(wanted))


def size_at(
    read: Read,
    *,
    prices: Mapping[Quoted, Price | Reason],
    now: datetime,
    reserves: bool = False,
) -> list[SizedOrder]:
    """Size every order on every link at prices that were asked before. It asks nobody.

    Args:
        read: What was read; the orders of one link are taken in turn.
        prices: Of every instrument that is wanted.
        now: The time.
        reserves: Whether capital is to be reserved: then no order takes more than is free, also
            where nothing is known of what the link holds.
    """
    return [answer for _, answer in numbered_at(read, prices=prices, now=now, reserves=reserves)]


def numbered_at(
    read: Read, *, prices: Mapping[Quoted, Price | Reason], now: datetime, reserves: bool = False
) -> list[tuple[int, SizedOrder]]:
    """The same, each with the place of what was asked for."""
    answers = []
    for link_id, pairs in read.pairs.items():
        link = read.terms.links.get(link_id)
        room = None
        if link is not None:
            room = room_of(link, read.terms, prices, now, is_strict=reserves)
        sizer = Sizer(prices, now, room, cuts=reserves or (link is not None and link.is_watched))
        answers += [(number, sizer.answer(pair)) for number, pair in pairs]
    return answers

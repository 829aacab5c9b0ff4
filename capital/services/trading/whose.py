"""Whose fills that an exchange tells are, by its orders and their names: a link's, or nobody's."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from capital.domain.performance.attribution import Claimant, by_tag
from capital.exchange.trading.venues import trading_of
from capital.models import Account, AttributedBy, Fill, StrategyAccount

_Order = tuple[str, str, str]


@dataclass(frozen=True)
class Owner:
    """Whose a fill is.

    Attributes:
        link_id: The link.
        how: How that is known.
    """

    link_id: int
    how: AttributedBy


def owners_of(
    account: Account,
    fills: Sequence[Fill],
    related: Sequence[Fill],
    links: Mapping[int, int | None],
) -> dict[int, Owner]:
    """Whose fills are, by their ``id()``; those of nobody are left out. One query.

    First the link that reported a fill of the same order, then the one whose strategy's key the
    client order id begins with. Where several fit it is nobody's.

    Args:
        account: The account.
        fills: What its exchange tells.
        related: What is recorded of the same orders.
        links: Whose those are, by primary key.
    """
    by_order: dict[_Order, set[int]] = defaultdict(set)
    for fill in related:
        link_id = links.get(fill.pk)
        if link_id is not None:
            for order in _orders(fill):
                by_order[order].add(link_id)
    claimants = [
        Claimant(pk, tag=key)
        for pk, key in StrategyAccount.objects.filter(account=account)
        .order_by("pk")
        .values_list("pk", "strategy__key")
    ]
    prefix = trading_of(account.venue).tag_prefix
    owners = {}
    for fill in fills:
        reported = {link_id for order in _orders(fill) for link_id in by_order.get(order, ())}
        if len(reported) == 1:
            owners[id(fill)] = Owner(reported.pop(), AttributedBy.BOT)
        elif not reported:
            link_id = by_tag(fill.client_order_id, claimants, prefix=prefix)
            if link_id is not None:
                owners[id(fill)] = Owner(link_id, AttributedBy.TAG)
    return owners


def _orders(fill: Fill) -> Iterator[_Order]:
    """The names of a fill's order; ids of orders may be unique by symbol only."""
    for kind, name in (("order", fill.order_id), ("client", fill.client_order_id)):
        if name:
            yield kind, fill.symbol, name

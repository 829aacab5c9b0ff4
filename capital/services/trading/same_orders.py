"""What is recorded of the same orders: of several rows that tell of one, only some count."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from django.db.models import Q

from capital.domain.performance.telling import FillSource, Told, counting
from capital.models import Fill

# By symbol and column, what stands in it: ids of orders may be unique by symbol only.
_Names = dict[tuple[str, str], set[str]]


def told(fill: Fill) -> Told:
    """What of a fill says whether it counts. Orders of two symbols or accounts are not mixed."""
    scope = f"{fill.account_id} {fill.symbol} "
    return Told(
        fill.pk,
        FillSource(fill.source),
        is_identified=bool(fill.venue_fill_id),
        order_id=fill.order_id and scope + fill.order_id,
        client_order_id=fill.client_order_id and scope + fill.client_order_id,
    )


def recorded_of_orders(account_ids: Collection[int], rows: Iterable[Fill]) -> list[Fill]:
    """The recorded fills of these accounts that may be the same ones, or of the same orders.

    An order may have two names. So it asks again, while it learns new ones: twice mostly.
    """
    recorded = Fill.objects.filter(account__in=account_ids).order_by("pk")
    found: dict[int, Fill] = {}
    given = list(rows)
    names = _order_names(given)
    for row in given:
        if row.venue_fill_id:
            names[row.symbol, "venue_fill_id"].add(row.venue_fill_id)
    asked: _Names = defaultdict(set)
    while new := {key: left for key, some in names.items() if (left := some - asked[key])}:
        for key, some in new.items():
            asked[key] |= some
        found.update((fill.pk, fill) for fill in recorded.filter(_named(new)))
        names = _order_names(found.values())
    return list(found.values())


def _named(names: _Names) -> Q:
    """Whoever bears one of these names in its symbol. So each part of it has an index."""
    found = Q()
    for (symbol, kind), some in sorted(names.items()):
        found |= Q(("symbol", symbol), ~Q((kind, "")), (f"{kind}__among", some))
    return found


def counting_rows(fills: Collection[Fill]) -> frozenset[int]:
    """The primary keys of those that count, of all that is recorded of their orders."""
    provisional = [fill for fill in fills if not fill.venue_fill_id]
    if not provisional:
        # With the exchange's id they count, whatever else is told.
        return frozenset([fill.id for fill in fills])
    return counting(told(fill) for fill in fills)


def with_their_orders(fills: Sequence[Fill]) -> list[Fill]:
    """These fills, and what else is recorded of the orders of the provisional ones.

    No query where all have the exchange's id: they count, whatever else is told.
    """
    provisional = [fill for fill in fills if not fill.venue_fill_id]
    if not provisional:
        return list(fills)
    accounts = {fill.account_id for fill in provisional}
    known = {fill.pk: fill for fill in recorded_of_orders(accounts, provisional)}
    return list({**known, **{fill.pk: fill for fill in fills}}.values())


def _order_names(fills: Iterable[Fill]) -> _Names:
    """The names of their orders; an order's id may be another one's client id."""
    names: _Names = defaultdict(set)
    for fill in fills:
        if fill.order_id:
            names[fill.symbol, "order_id"].add(fill.order_id)
        if fill.client_order_id:
            names[fill.symbol, "client_order_id"].add(fill.client_order_id)
    return names

"""What is recorded of the same orders: of several rows that tell of one, only some count."""

from collections.abc import Collection, Iterable, Sequence

from django.db.models import Q

from capital.domain.performance.telling import FillSource, Told
from capital.models import Fill


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
    names = {("venue_fill_id", row.venue_fill_id) for row in given} | _order_names(given)
    asked = {(kind, "") for kind in ("venue_fill_id", "order_id", "client_order_id")}
    while new := names - asked:
        asked |= new
        alike = Q()
        for kind in sorted({kind for kind, _ in new}):
            alike |= Q(**{f"{kind}__in": {name for of, name in new if of == kind}})
        found.update((fill.pk, fill) for fill in recorded.filter(alike))
        names = _order_names(found.values())
    return list(found.values())


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


def _order_names(fills: Iterable[Fill]) -> set[tuple[str, str]]:
    """The names of their orders; an order's id may be another one's client id."""
    names = {("order_id", fill.order_id) for fill in fills}
    return names | {("client_order_id", fill.client_order_id) for fill in fills}

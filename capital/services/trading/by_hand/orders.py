"""Fills with all others of their orders, whose each is now, and another owner for them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db.models import Exists, OuterRef, Q, QuerySet

from capital.domain.performance.telling import FillSource
from capital.models import Account, AttributedBy, Attribution, Fill, Market, StrategyAccount
from capital.services.markets.stored import RULE_COLUMNS, rules_of
from capital.services.trading.booking.openings import keys_beside
from capital.services.trading.booking.owners import present_owners
from capital.services.trading.booking.writing import PositionKey
from capital.services.trading.books import keep_current
from capital.services.trading.recording.instruments import smallest_quantity
from capital.services.trading.recording.record import fills_recorded
from capital.services.trading.whose import Owner
from capital.services.transactions import inside_transaction

_NAMES = ("order_id", "client_order_id")


def whole_orders(account_id: int, fills: Iterable[Fill]) -> list[Fill]:
    """These fills and all others of their orders, oldest row first. Two queries mostly.

    An order may have two names, and two symbols an order of one name. What was told of an order
    before its fills were known is of its link, too: it would count there again otherwise.
    """
    recorded = Fill.objects.filter(account=account_id).order_by("pk")
    found = {fill.pk: fill for fill in fills}
    asked: set[tuple[str, str, str]] = set()
    while new := _names(found.values()) - asked:
        asked |= new
        alike = Q()
        for kind in _NAMES:
            alike |= Q(**{f"{kind}__in": {name for of, _, name in new if of == kind}})
        for fill in recorded.filter(alike):
            if not asked.isdisjoint(_names([fill])):
                found[fill.pk] = fill
    return [found[pk] for pk in sorted(found)]


def _names(fills: Iterable[Fill]) -> set[tuple[str, str, str]]:
    every = {(kind, fill.symbol, getattr(fill, kind)) for fill in fills for kind in _NAMES}
    return {name for name in every if name[2]}


def newest_links(fill_ids: Collection[int]) -> dict[int, int | None]:
    """Whose these fills are: by fill, the link or None for nobody's. Without those never said."""
    owned = present_owners(Attribution.objects.filter(fill__in=fill_ids))
    return dict(owned.values_list("fill_id", "strategy_account_id"))


def owners_shown(fills: Sequence[Fill]) -> dict[int, Attribution]:
    """The newest attribution of each fill, with its link's strategy, in one query."""
    owned = present_owners(Attribution.objects.filter(fill__in=[fill.pk for fill in fills]))
    return {each.fill_id: each for each in owned.select_related("strategy_account__strategy")}


@inside_transaction
def give(
    account: Account,
    owners: Mapping[Fill, Owner | None],
    *,
    before: Mapping[int, int | None],
    actor: AbstractUser | None,
    note: str = "",
    now: datetime,
) -> None:
    """Say whose these fills are now, and book them.

    Call it inside the transaction that locked the account.

    Args:
        account: Of all of them, locked.
        owners: By fill; None is nobody.
        before: As ``newest_links`` says.
        actor: Who says so; None for what follows from a rule.
        note: Why.
        now: When.
    """
    Attribution.objects.bulk_create(
        [
            Attribution(
                fill=fill,
                strategy_account_id=None if owner is None else owner.link_id,
                how=(AttributedBy.PERSON if owner is None else owner.how).value,
                actor_id=None if actor is None else actor.pk,
                note=note,
                at=now,
            )
            for fill, owner in owners.items()
        ],
        batch_size=500,
    )
    again = set()
    for fill, owner in owners.items():
        for link_id in (before.get(fill.pk), None if owner is None else owner.link_id):
            if link_id is not None:
                again.add(PositionKey(link_id, fill.symbol, fill.position_side))
    again |= keys_beside(each for each in owners if each.source == FillSource.OPENING.value)
    symbols = {fill.symbol for fill in owners}
    rules = Market.objects.filter(venue=account.venue, symbol__in=symbols)
    rows = rules.values("venue", "symbol", *RULE_COLUMNS)
    steps = {row["symbol"]: smallest_quantity(rules_of(row)) for row in rows}
    keep_current({}, again=again, steps=steps, now=now)
    # What was held for their orders is in use now, or is again what is held.
    fills_recorded.send(sender=Fill, account_id=account.pk, fills=list(owners), now=now)


def links_of(account_id: int) -> list[StrategyAccount]:
    """The links of an account, with their strategies."""
    links = StrategyAccount.objects.filter(account=account_id).select_related("strategy")
    return list(links.order_by("strategy__name", "pk"))


def of_nobody(fills: QuerySet[Fill]) -> QuerySet[Fill]:
    """Those of these that a person gave to nobody."""
    said = Attribution.objects.filter(fill=OuterRef("pk"), strategy_account__isnull=True)
    return fills.filter(Exists(present_owners(said)))


def of_strategy(fills: QuerySet[Fill], strategy_id: int) -> QuerySet[Fill]:
    """Those of these that are the strategy's now."""
    return present_fills(fills, strategy_account__strategy=strategy_id)


def present_fills(fills: QuerySet[Fill], **owner: int | str) -> QuerySet[Fill]:
    """Those of these whose owner now is this one, whatever was known when they were recorded.

    Args:
        fills: Of any accounts.
        **owner: A condition on the link, as ``strategy_account=3``.
    """
    said = Attribution.objects.filter(fill=OuterRef("pk"))
    is_its = Exists(present_owners(said.filter(**owner)))
    return fills.filter(is_its | (Q(**owner) & ~Exists(said)))

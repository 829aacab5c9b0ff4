"""Fills assigned by hand, to a link of their account or to nobody; or once more by the rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import NotFound, TradingRefused
from capital.domain.money import EXACT
from capital.domain.reasons import Code
from capital.models import Account, AttributedBy, Fill, Position, StrategyAccount
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_accounts
from capital.services.trading.by_hand.orders import give, links_of, newest_links, whole_orders
from capital.services.trading.pnl import counted_in
from capital.services.trading.syncing.comparing import note_booked
from capital.services.trading.whose import Owner, owners_of, refuse_other_market
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Effect:
    """What a link has realised by its fills, before and after, in one settle currency.

    Attributes:
        link: With its strategy.
        currency: The settle currency.
        before: None: it had no books.
        after: None: it has none any more.
    """

    link: StrategyAccount
    currency: str
    before: Decimal | None
    after: Decimal | None


@dataclass(frozen=True)
class Assignment:
    """What was assigned, or would be.

    Attributes:
        account: Whose fills these are.
        link: Who gets them; None is nobody.
        fills: Those that change hands, oldest row first.
        along: How many of them were not named, and go along with their orders.
        effects: What the links have realised.
    """

    account: Account
    link: StrategyAccount | None
    fills: Sequence[Fill]
    along: int
    effects: Sequence[Effect]


def assign_fills(
    fill_ids: Collection[int],
    link_id: int | None,
    *,
    note: str = "",
    actor: AbstractUser | None = None,
    clock: Clock = timezone.now,
) -> Assignment:
    """Say whose fills are, and book them again for who loses and who gets them. All or nothing.

    An order is one link's: its other fills go along. Balances and capital stay as they are.

    Args:
        fill_ids: Fills of one account, by primary key.
        link_id: The primary key of a link of the account that trades their market; None: they are
            nobody's.
        note: Why, for whoever reads it later.
        actor: Who says so; None is the command line.
        clock: Says what time it is.

    Raises:
        NotFound: One of the fills is not there.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not on this account.
        TradingRefused: They are of several accounts, or the link is not of theirs or of their
            market.
    """
    with transaction.atomic():
        return _assign(fill_ids, link_id, note=note, actor=actor, clock=clock)


def preview_assignment(
    fill_ids: Collection[int],
    link_id: int | None,
    *,
    actor: AbstractUser | None = None,
    clock: Clock = timezone.now,
) -> Assignment:
    """What ``assign_fills`` would do. It is done, and taken back."""
    with transaction.atomic():
        found = _assign(fill_ids, link_id, note="", actor=actor, clock=clock)
        transaction.set_rollback(True)
    return found


def attribute_again(
    fill_ids: Collection[int],
    *,
    actor: AbstractUser | None = None,
    clock: Clock = timezone.now,
) -> int:
    """Ask today's rules about fills of which nobody ever said whose they are.

    Those that are some link's stay its, and those that a person gave to nobody stay nobody's.

    Args:
        fill_ids: Fills, by primary key.
        actor: Who asks; None is the command line.
        clock: Says what time it is.

    Returns:
        How many are a link's now.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not on one of the accounts.
    """
    rows = list(Fill.objects.filter(pk__in=fill_ids).order_by("pk"))
    accounts = sorted({row.account_id for row in rows})
    given = 0
    with transaction.atomic():
        require(actor, Act.ASSIGN_FILLS, account_ids=accounts)
        for account in lock_accounts(accounts).values():
            said = newest_links(fill_ids)
            open_ = [row for row in rows if row.account_id == account.pk and row.pk not in said]
            related = whole_orders(account.pk, open_)
            links = newest_links([row.pk for row in related])
            owners = owners_of(account, open_, related, links)
            found = {row: owners[id(row)] for row in open_ if id(row) in owners}
            give(account, found, before={}, actor=None, now=clock())
            given += len(found)
    return given


@inside_transaction
def _assign(
    fill_ids: Collection[int],
    link_id: int | None,
    *,
    note: str,
    actor: AbstractUser | None,
    clock: Clock,
) -> Assignment:
    """Assign them. Call it inside a transaction, which may be taken back."""
    named = list(Fill.objects.filter(pk__in=fill_ids).order_by("pk"))
    if not named or len(named) < len(set(fill_ids)):
        raise NotFound
    accounts = sorted({fill.account_id for fill in named})
    require(actor, Act.ASSIGN_FILLS, account_ids=accounts)
    locked = lock_accounts(accounts)
    if len(locked) > 1:
        names = ", ".join(account.name for account in locked.values())
        raise TradingRefused(Code.FILLS_NOT_OF_ONE_ACCOUNT, field="fills", accounts=names)
    (account,) = locked.values()
    links = {link.pk: link for link in links_of(account.pk)}
    fills = whole_orders(account.pk, named)
    link = None if link_id is None else _link(link_id, links, fills)
    before = newest_links([fill.pk for fill in fills])
    moved = [fill for fill in fills if fill.pk not in before or before[fill.pk] != link_id]
    concerned = [link_id, *(before.get(fill.pk) for fill in moved)]
    wanted = sorted({each for each in concerned if each is not None})
    had = _realized(wanted)
    owner = None if link_id is None else Owner(link_id, AttributedBy.PERSON)
    give(
        account,
        dict.fromkeys(moved, owner),
        before=before,
        actor=actor,
        note=note,
        now=clock(),
    )
    note_booked(account)
    has = _realized(wanted)
    return Assignment(
        account,
        link,
        moved,
        along=len({fill.pk for fill in moved} - {fill.pk for fill in named}),
        effects=[
            Effect(links[key], currency, had.get((key, currency)), has.get((key, currency)))
            for key, currency in sorted(had.keys() | has.keys())
        ],
    )


def _link(
    link_id: int, links: Mapping[int, StrategyAccount], fills: Sequence[Fill]
) -> StrategyAccount:
    """The link, where it is of the account and trades the market of all these fills."""
    link = links.get(link_id)
    if link is None:
        raise TradingRefused(Code.FLOW_LINK_NOT_OF_ACCOUNT, field="link", link=str(link_id))
    refuse_other_market(link, (fill.symbol for fill in fills), field="link")
    return link


def _realized(link_ids: Sequence[int]) -> dict[tuple[int, str], Decimal]:
    """What these links have realised, by link and currency."""
    positions = (
        Position.objects.filter(strategy_account__in=link_ids, realized_pnl__isnull=False)
        .select_related("strategy_account__account")
        .order_by("pk")
    )
    found: dict[tuple[int, str], Decimal] = {}
    for position in positions:
        assert position.realized_pnl is not None, "the others were left out"
        key = position.strategy_account_id, counted_in(position)
        found[key] = EXACT.add(found.get(key, _ZERO), position.realized_pnl)
    return found

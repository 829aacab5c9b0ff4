"""A strategy on its accounts: what it has there and why, and what was decided of it lately."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser, AnonymousUser

from capital.domain.money import ROUNDED
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code
from capital.models import StrategyAccount
from capital.services.access.visibility import visible_to
from capital.services.accounts.linked import load_linked_accounts
from capital.services.overview.marks import Event
from capital.services.overview.timeline.course import read_runs
from strategies.models import Strategy


@dataclass(frozen=True)
class StrategyLink:
    """A strategy on one account.

    Attributes:
        link: With its account and capital.
        pool: The pool that it draws on.
        share: What its weight comes to among the active links of its pool, in percent; None
            where it takes no part.
        idle: Why it takes no part; None where it does.
    """

    link: StrategyAccount
    pool: Pool
    share: Decimal | None
    idle: Code | None


def read_strategy_links(
    strategy: Strategy, user: AbstractUser | AnonymousUser
) -> list[StrategyLink]:
    """The strategy on each account that the user may see, by the account's name."""
    rows = visible_to(user, StrategyAccount.objects.filter(strategy=strategy))
    links = list(
        rows.select_related("account", "strategy", "capital").order_by("account__name", "pk")
    )
    accounts = {link.account_id: link.account for link in links}
    linked = load_linked_accounts(list(accounts), accounts=accounts)
    found = []
    for row in links:
        account = linked[row.account_id]
        mode = WalletMode(row.account.wallet_mode)
        weights: dict[Pool, Decimal] = defaultdict(Decimal)
        for each in account.links:
            if each.idle is None:
                weights[pool_of(each.market, mode)] += each.weight
        own = next(each for each in account.links if each.id == row.pk)
        pool = pool_of(own.market, mode)
        share = None if own.idle else ROUNDED.divide(own.weight * 100, weights[pool])
        found.append(StrategyLink(row, pool, share, own.idle))
    return found


def read_strategy_runs(
    links: Sequence[StrategyLink], *, since: datetime, until: datetime, most: int
) -> list[Event]:
    """The newest runs that changed the capital of these links, or that wanted to and could not."""
    known = {each.link.pk: each.link for each in links}
    return read_runs(known, since=since, until=until)[:most]

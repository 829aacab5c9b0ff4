"""How links and accounts with limits stand: their days, by their books or by their balances."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from capital.domain.limits.judging import Kind, NotJudged
from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.returns import Day
from capital.models import Account, Position, StrategyAccount
from capital.models.columns.limited import LIMITS
from capital.models.queries.compiled import CompiledQuery
from capital.models.queries.given import Given
from capital.services.balances.summaries import business_date
from capital.services.limits.by_balance import BalanceDays, days_by_balance
from capital.services.limits.silent import with_silent
from capital.services.performance.returns import Gathered
from capital.services.performance.stored.chains import Chain, chains_of

# The column of each limit.
COLUMNS: Mapping[str, Kind] = dict(
    zip(LIMITS, (Kind.DRAWDOWN, Kind.DAILY_LOSS, Kind.DAILY_LOSS_AMOUNT), strict=True)
)
Days = Sequence[Day] | BalanceDays | NotJudged


@dataclass(frozen=True)
class Standing:
    """A link or an account with limits.

    Attributes:
        account: Its account, or itself.
        link_id: Of a link; None of the account.
        name: For the log.
        limits: Those that are set.
        days: By its books or its balances, or why there are none.
    """

    account: Account
    link_id: int | None
    name: str
    limits: Mapping[Kind, Decimal]
    days: Days

    @property
    def key(self) -> tuple[int | None, int | None]:
        """The account and the link, as ``Stop`` and ``LimitState`` have them: one is None."""
        return (self.account.pk if self.link_id is None else None, self.link_id)

    @property
    def known_days(self) -> Sequence[Day]:
        """The days, today so far the last one; none where they are not known."""
        if isinstance(self.days, NotJudged):
            return ()
        return self.days.days() if isinstance(self.days, BalanceDays) else self.days


@dataclass
class _OfAccount:
    """The links of one account, some of which may have limits."""

    account: Account
    links: list[StrategyAccount] = field(default_factory=list)


def limited_links(account_ids: Collection[int]) -> list[StrategyAccount]:
    """The links of these accounts that have a limit, or whose account has one.

    One query where there is none, which each fill asks; two where there are some.
    """
    keys = [key for (key,) in _LIMITED.rows(account_ids)]
    if not keys:
        return []
    rows = StrategyAccount.objects.filter(pk__among=keys).select_related("account", "strategy")
    return list(rows.order_by("account", "pk"))


def _limited(account_ids: Given) -> QuerySet[StrategyAccount, Any]:
    limited = Q()
    for name in LIMITS:
        limited |= Q(**{f"{name}__isnull": False}) | Q(**{f"account__{name}__isnull": False})
    rows = StrategyAccount.objects.filter(limited, account__among=account_ids)
    return rows.order_by().values_list("pk")


_LIMITED = CompiledQuery(_limited)


def load_standings(links: Sequence[StrategyAccount], *, now: datetime) -> list[Standing]:
    """How these links, and those of their accounts that have limits, stand.

    Args:
        links: As ``limited_links`` gives them.
        now: Says which day is today.
    """
    accounts: dict[int, _OfAccount] = {}
    for link in links:
        accounts.setdefault(link.account_id, _OfAccount(link.account)).links.append(link)
    chains = _chains(links, now=now)
    found: list[Standing] = []
    for of in accounts.values():
        found += [
            Standing(of.account, link.pk, str(link), limits, _by_books(chains[link.pk]))
            for link in of.links
            if (limits := limits_of(link))
        ]
        if limits := limits_of(of.account):
            days = _days_of_account(of, chains, now=now)
            found.append(Standing(of.account, None, of.account.name, limits, days))
    return found


def limits_of(row: Account | StrategyAccount) -> dict[Kind, Decimal]:
    """Those that are set."""
    values = {kind: getattr(row, name) for name, kind in COLUMNS.items()}
    return {kind: value for kind, value in values.items() if value is not None}


def _chains(links: Sequence[StrategyAccount], *, now: datetime) -> Mapping[int, list[Chain]]:
    """The days of each link in its account's currency."""
    currencies = {link.pk: link.account.currency for link in links}
    rows = StrategyAccount.objects.filter(pk__in=currencies)
    found: dict[int, list[Chain]] = defaultdict(list)
    for chain in chains_of(rows, Period(None, business_date(now))).chains:
        if chain.currency == currencies[chain.link_id]:
            found[chain.link_id].append(chain)
    return found


def _by_books(chains: Sequence[Chain]) -> Days:
    return Gathered(chains).series.days if chains else NotJudged.NO_BOOKS


def _days_of_account(of: _OfAccount, chains: Mapping[int, list[Chain]], *, now: datetime) -> Days:
    """By its links' books; by its balances where there are none, or one of them tells no fills."""
    told = [chain for link in of.links for chain in chains[link.pk]]
    silent = [link.pk for link in of.links if not chains[link.pk]]
    reported = Position.objects.filter(strategy_account__in=silent, books__isnull=True)
    if told and not (silent and reported.exclude(quantity=0).exists()):
        return with_silent(Gathered(told).series.days, silent)
    markets = {link.strategy.market_type for link in of.links if link.is_active}
    return days_by_balance(of.account, markets, now=now)

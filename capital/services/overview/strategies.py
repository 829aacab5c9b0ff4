"""On how many accounts strategies trade, and with how much capital."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import QuerySet

from capital.domain.money import add_to
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.models import Account, Position, StrategyAccount
from capital.services.access.visibility import visible_to
from strategies.markets import MarketType
from strategies.models import StrategyStatus


@dataclass(frozen=True)
class StrategyOverview:
    """On how many accounts a strategy trades, and its capital there in each currency."""

    accounts: int
    capital: Mapping[str, Decimal]


def overview_strategies(
    strategy_ids: Sequence[int], user: AbstractUser | AnonymousUser
) -> dict[int, StrategyOverview]:
    """An overview of each strategy, over the accounts that the user may see, in one query."""
    links = visible_to(user, StrategyAccount.objects.filter(strategy_id__in=strategy_ids))
    accounts: dict[int, int] = defaultdict(int)
    capital: dict[int, dict[str, Decimal]] = {key: {} for key in strategy_ids}
    for strategy_id, currency, amount in links.values_list(
        "strategy_id", "account__currency", "capital__allocated_capital"
    ):
        accounts[strategy_id] += 1
        if amount is not None:
            add_to(capital[strategy_id], currency, amount)
    return {
        key: StrategyOverview(accounts[key], dict(sorted(capital[key].items())))
        for key in strategy_ids
    }


@dataclass(frozen=True)
class Idling:
    """What a link would lose, were its strategy not active any more.

    Attributes:
        account: Its account's name.
        strategy: Its strategy's name.
        capital: What it may use now, in account currency, above zero.
        currency: The account's.
        is_last: Whether no other link of its pool would be left running, so that nobody gets it.
        link_id: Its primary key.
    """

    account: str
    strategy: str
    capital: Decimal
    currency: str
    is_last: bool
    link_id: int


def capital_when_idle(
    strategy_ids: Collection[int], user: AbstractUser | AnonymousUser
) -> list[Idling]:
    """Which capital goes to zero if these strategies are paused or archived, in one query.

    Args:
        strategy_ids: Those that are to be idle.
        user: Only links of accounts that this user may see are told.

    Returns:
        The links of these strategies that run now and have capital, by account and strategy.
    """
    chosen = set(strategy_ids)
    accounts = StrategyAccount.objects.filter(strategy__in=chosen).order_by().values("account")
    links = (
        visible_to(user, StrategyAccount.objects.filter(account__in=accounts))
        .filter(is_active=True, account__is_active=True, strategy__status=StrategyStatus.ACTIVE)
        .select_related("account", "strategy", "capital")
        .order_by("account__name", "account_id", "strategy__name", "pk")
    )
    going: list[StrategyAccount] = []
    staying: set[tuple[int, Pool]] = set()
    for link in links:
        if link.strategy_id in chosen:
            going.append(link)
        else:
            staying.add(_pool(link))
    return [
        Idling(
            account=link.account.name,
            strategy=link.strategy.name,
            capital=held.allocated_capital,
            currency=link.account.currency,
            is_last=_pool(link) not in staying,
            link_id=link.pk,
        )
        for link in going
        if (held := getattr(link, "capital", None)) is not None and held.allocated_capital > 0
    ]


@dataclass(frozen=True)
class Holding:
    """An open position of a strategy: of which one, where, and in what."""

    link_id: int
    account: str
    strategy: str
    symbol: str


def positions_when_archived(
    strategy_ids: Collection[int], user: AbstractUser | AnonymousUser
) -> list[Holding]:
    """What these strategies hold: once archived, they get no order size to close it with.

    Args:
        strategy_ids: Those that are to be archived.
        user: Only positions on accounts that this user may see are told.

    Returns:
        By account, strategy and symbol.
    """
    rows = visible_to(user, Position.objects.filter(strategy_account__strategy__in=strategy_ids))
    return _held(rows.exclude(strategy_account__strategy__status=StrategyStatus.ARCHIVED))


def positions_when_off(account: Account) -> list[Holding]:
    """What active links of an account hold: off, they get no order size to close it with."""
    return _held(
        Position.objects.filter(strategy_account__account=account, strategy_account__is_active=True)
    )


def _held(positions: QuerySet[Position]) -> list[Holding]:
    names = ("strategy_account__account__name", "strategy_account__strategy__name", "symbol")
    rows = positions.exclude(quantity=0).order_by(*names, "strategy_account")
    # A long and a short position in one symbol are named once.
    return [Holding(*row) for row in rows.values_list("strategy_account", *names).distinct()]


@dataclass(frozen=True)
class Running:
    """A link that runs now.

    Attributes:
        link_id: Its primary key.
        strategy: Its strategy's name.
        pool: The pool that it shares.
        capital: What it may use now, in account currency; zero where nothing was allocated yet.
    """

    link_id: int
    strategy: str
    pool: Pool
    capital: Decimal


def running_links(account: Account) -> list[Running]:
    """The links of an account that run now, by strategy, in one query; none where it is off."""
    if not account.is_active:
        return []
    links = (
        account.strategy_accounts.filter(is_active=True, strategy__status=StrategyStatus.ACTIVE)
        .select_related("account", "strategy", "capital")
        .order_by("strategy__name", "pk")
    )
    return [
        Running(
            link_id=link.pk,
            strategy=link.strategy.name,
            pool=_pool(link)[1],
            capital=link.capital.allocated_capital if hasattr(link, "capital") else Decimal(0),
        )
        for link in links
    ]


def _pool(link: StrategyAccount) -> tuple[int, Pool]:
    mode = WalletMode(link.account.wallet_mode)
    return link.account_id, pool_of(MarketType(link.strategy.market_type), mode)


def count_accounts(strategy_ids: Sequence[int], user: AbstractUser | AnonymousUser) -> int:
    """How many of the accounts that the user may see these strategies trade on together."""
    links = visible_to(user, StrategyAccount.objects.filter(strategy_id__in=strategy_ids))
    return links.order_by().values("account_id").distinct().count()

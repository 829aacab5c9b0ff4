"""An account with its links, as one decision sees it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypedDict

from django.db.models import BooleanField, Exists, OuterRef, Q, QuerySet, Value

from capital.domain.allocation.bounds import UNBOUND, USUAL_PRIORITY, Bounds, Compounding
from capital.domain.allocation.decision import pools_in_use
from capital.domain.allocation.links import ZERO, Link, Reserve, why_idle
from capital.domain.allocation.rules import PolicyName, Rules
from capital.domain.pools import Pool, WalletMode, pool_of, pools_by_market
from capital.domain.reasons import Code
from capital.models import (
    BOUND_FIELDS,
    Account,
    Position,
    Reservation,
    Stop,
    StrategyAccount,
    SymbolDay,
)
from capital.models.queries.compiled import CompiledQuery, CompiledRows
from capital.services.accounts.lookup import markets_of_venue, reserve_of, rules_of
from strategies.markets import MarketType


class Division(TypedDict):
    """How an account's pools are divided, by its settings: what ``decide`` is to be given."""

    currency: str
    wallet_mode: WalletMode
    reserve: Reserve


class CapitalRow(NamedTuple):
    """One row of ``StrategyCapital``, without an instance: allocations have them by the thousand.

    Attributes:
        pnl_since: When the balance was read on which the capital was decided; None: never.
        pnl_counted: What the link had realised until then.
        unrealized_then: What was unrealised then; None where that was not known.
        current_pnl: None where it is not asked for, too.
    """

    strategy_account_id: int
    allocated_capital: Decimal = ZERO
    pnl_since: datetime | None = None
    pnl_counted: Decimal = ZERO
    unrealized_then: Decimal | None = None
    set_aside: Decimal = ZERO
    current_pnl: Decimal | None = None


@dataclass(frozen=True)
class LinkedAccount:
    """One account with its links, as read at one moment.

    Attributes:
        standing: The rows of capital as they stand, by link; of those that ever had some.
        traded: The links that ever earned anything; told under ``own_profit`` only.
        reported: The links with an open position of which no fill is known; likewise.
        splits_again: Whether its pools are divided by weight once, whatever its policy.
        reserving: The links of which a reservation may hold capital.
    """

    account: Account
    links: tuple[Link, ...]
    standing: Mapping[int, CapitalRow] = field(default_factory=dict)
    traded: frozenset[int] = frozenset()
    reported: frozenset[int] = frozenset()
    splits_again: bool = False
    reserving: frozenset[int] = frozenset()

    @cached_property
    def pool_of(self) -> dict[int, Pool]:
        """The pool that each link draws on."""
        pools = pools_by_market(WalletMode(self.account.wallet_mode))
        return {link.id: pools[link.market] for link in self.links}

    @cached_property
    def division(self) -> Division:
        """How its pools are divided."""
        return Division(
            currency=self.account.currency,
            wallet_mode=WalletMode(self.account.wallet_mode),
            reserve=reserve_of(self.account),
        )

    @cached_property
    def rules(self) -> Rules:
        """By which policy its pools are divided."""
        rules = rules_of(self.account)
        return replace(rules, splits_again=True) if self.splits_again else rules

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The pools whose balance is needed."""
        if not self.account.is_active:
            return ()
        return pools_in_use(self.links, WalletMode(self.account.wallet_mode))


def load_accounts(ids: Sequence[int]) -> dict[int, Account]:
    """The accounts that exist, by primary key, in one query."""
    return {account.pk: account for account in _ACCOUNTS.instances(ids)}


_ACCOUNTS = CompiledRows(Account, lambda ids: Account.objects.filter(pk__among=ids))


def load_pools(accounts: Mapping[int, Account]) -> dict[int, tuple[Pool, ...]]:
    """The pools of each account whose balance is needed, in one query.

    The same as ``LinkedAccount.pools``, for a caller that loads the links later, under a lock.
    """
    active = {key: each for key, each in accounts.items() if each.is_active}
    used: dict[int, set[Pool]] = {key: set() for key in accounts}
    rows = StrategyAccount.objects.filter(account_id__among=active).order_by().distinct()
    for key, *state in rows.values_list(
        "account_id", "strategy__market_type", "is_active", "strategy__status"
    ):
        account = active[key]
        market, idle = course_of(markets_of_venue(account.venue), *state)
        if idle is None:
            used[key].add(pool_of(market, WalletMode(account.wallet_mode)))
    return {key: tuple(pool for pool in Pool if pool in pools) for key, pools in used.items()}


def load_linked_accounts(
    ids: Sequence[int], *, accounts: Mapping[int, Account] | None = None
) -> dict[int, LinkedAccount]:
    """Accounts with their links, in two queries; in one where the accounts are at hand."""
    if accounts is None:
        accounts = load_accounts(ids)
    links: dict[int, list[Link]] = {account_id: [] for account_id in accounts}
    markets = {
        account_id: frozenset(markets_of_venue(account.venue))
        for account_id, account in accounts.items()
    }
    standing: dict[int, dict[int, CapitalRow]] = {account_id: {} for account_id in accounts}
    flagged: dict[str, dict[int, set[int]]] = {name: defaultdict(set) for name in _FLAGS}
    for row in _link_rows(ids, accounts):
        link, flags = _link(row[:_OF_LINK], markets[row[1]]), row[_OF_CAPITAL:]
        links[row[1]].append(link)
        if link.capital is not None:
            since, counted, unrealized, pnl = row[_OF_LINK:_OF_CAPITAL]
            standing[row[1]][link.id] = CapitalRow(
                link.id,
                link.capital,
                since,
                _amount(counted),
                None if unrealized is None else _amount(unrealized),
                link.set_aside,
                pnl,
            )
        if any(flags):
            for name, flag in zip(_FLAGS, flags, strict=True):
                if flag:
                    flagged[name][row[1]].add(link.id)
    return {
        account_id: LinkedAccount(
            account,
            tuple(links[account_id]),
            standing[account_id],
            traded=frozenset(flagged["traded"].get(account_id, ())),
            reported=frozenset(flagged["reported"].get(account_id, ())),
            reserving=frozenset(flagged["reserving"].get(account_id, ())),
        )
        for account_id, account in accounts.items()
    }


def _link_rows(ids: Sequence[int], accounts: Mapping[int, Account]) -> Iterable[tuple[Any, ...]]:
    """What is read of each link, in one query."""
    # Whether they earned anything is asked only where a policy wants to know.
    earned = any(each.policy == PolicyName.OWN_PROFIT for each in accounts.values())
    return (_LINKS_WITH_EARNINGS if earned else _LINKS).rows(ids)


def _columns(links: QuerySet[Any]) -> QuerySet[Any, Any]:
    # Tuples: making three instances a link is most of what loading would cost.
    rows: QuerySet[Any, Any] = (
        links.annotate(
            stopped=Exists(_limit_stops()),
            reserving=Exists(
                Reservation.objects.filter(strategy_account=OuterRef("pk"), is_held=True)
            ),
        )
        .order_by("pk")
        .values_list(
            "pk",
            "account_id",
            "weight",
            "is_active",
            "strategy__key",
            "strategy__market_type",
            "strategy__status",
            "capital__allocated_capital",
            "stopped",
            "capital__set_aside__as_stored",
            *BOUND_FIELDS,
            "max_drawdown_percent",
            "capital__pnl_since",
            "capital__pnl_counted__as_stored",
            "capital__unrealized_then__as_stored",
            "capital__current_pnl",
            *_FLAGS,
        )
    )
    return rows


def _limit_stops() -> Any:
    """What a limit stopped of a link or its account. A person's stop moves no capital."""
    of_link = Q(strategy_account=OuterRef("pk")) | Q(account=OuterRef("account"))
    return Stop.objects.open().by_limits().filter(of_link)


def _without_earnings(links: QuerySet[StrategyAccount]) -> QuerySet[Any]:
    no = Value(False, output_field=BooleanField())  # noqa: FBT003  # a value of the query
    return links.annotate(traded=no, reported=no)


def _with_earnings(links: QuerySet[StrategyAccount]) -> QuerySet[Any]:
    """The links, with whether they earned anything."""
    of_link = {"strategy_account": OuterRef("pk")}
    unbooked = Position.objects.filter(**of_link, books__isnull=True).exclude(quantity="0")
    return links.annotate(
        traded=Exists(SymbolDay.objects.filter(**of_link)), reported=Exists(unbooked)
    )


_LINKS = CompiledQuery(
    lambda ids: _columns(_without_earnings(StrategyAccount.objects.filter(account_id__among=ids)))
)
_LINKS_WITH_EARNINGS = CompiledQuery(
    lambda ids: _columns(_with_earnings(StrategyAccount.objects.filter(account_id__among=ids)))
)

# How many columns ``_link`` takes; behind them are those of its capital, and what rarely holds.
_OF_LINK = 11 + len(BOUND_FIELDS)
_OF_CAPITAL = _OF_LINK + 4
_FLAGS = ("traded", "reported", "reserving")


# In the order of ``_bounds``, without the limit: what it takes of that only scaling asks.
_UNBOUND = [None, USUAL_PRIORITY, None, None, None, False, Compounding.FULL.value, None]


def _link(row: Sequence[Any], venue_markets: frozenset[MarketType]) -> Link:
    """One row of ``load_linked_accounts``."""
    key, _, weight, is_active, strategy_key, market_type, status, *rest = row
    capital, stopped, aside, *bounds = rest
    market, idle = course_of(venue_markets, market_type, is_active, status)
    return Link(
        key,
        strategy_key,
        market,
        weight,
        idle,
        capital,
        UNBOUND if bounds[:-1] == _UNBOUND else _bounds(*bounds),
        ZERO if aside is None else _amount(aside),
        stopped,
    )


def _amount(stored: str) -> Decimal:
    """Most are 0: to have each converted as it is read takes five times as long."""
    return ZERO if stored == "0" else Decimal(stored)


@lru_cache(maxsize=256)
def course_of(
    venue_markets: frozenset[MarketType],
    market_type: str,
    is_active: bool,  # noqa: FBT001  # a column among others
    status: str,
) -> tuple[MarketType, Code | None]:
    """What the strategy trades, and why the link is idle; None for an active one."""
    market = MarketType(market_type)
    idle = why_idle(
        account_active=True,  # one that is switched off is passed over as a whole
        venue_markets=venue_markets,
        market=market,
        link_active=is_active,
        strategy_status=status,
    )
    return market, idle


def _bounds(
    fixed_amount: Decimal | None,
    priority: int,
    min_amount: Decimal | None,
    max_amount: Decimal | None,
    max_percent: Decimal | None,
    drawdown_scaling: bool,  # noqa: FBT001  # a column among others
    compounding: str,
    base_capital: Decimal | None,
    max_drawdown_percent: Decimal | None,
) -> Bounds:
    """In the order of ``BOUND_FIELDS``; of the limit only what scaling takes of it."""
    return Bounds(
        fixed_amount=fixed_amount,
        priority=priority,
        min_amount=min_amount,
        max_amount=max_amount,
        max_percent=max_percent,
        drawdown_scaling=drawdown_scaling,
        max_drawdown_percent=max_drawdown_percent if drawdown_scaling else None,
        compounding=Compounding(compounding),
        base_capital=base_capital,
    )

"""What there is in one currency: balances, capital and reserve of the accounts kept in it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from capital.domain.allocation.links import Reserve
from capital.domain.money import EXACT, floor_to, quantum_of
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.models import Account, StrategyAccount
from capital.services.accounts.lookup import AccountIds
from capital.services.overview.accounts import AccountBalances
from capital.services.overview.equity import DayTotal, Totals, add, total_by_day
from strategies.markets import MarketType


@dataclass(frozen=True)
class Slice:
    """The capital of one strategy, or the money on one venue, by pool.

    Attributes:
        key: A strategy's primary key as text, or a venue's id.
        name: What people call it.
        amounts: Of the pools in which there is any.
    """

    key: str
    name: str
    amounts: Mapping[Pool, Decimal]

    @property
    def total(self) -> Decimal:
        """Of all pools."""
        return add(self.amounts.values()) or Decimal(0)


@dataclass(frozen=True)
class LinkCapital:
    """What one link holds; None where it never held any."""

    account_id: int
    pool: Pool
    strategy_id: int
    strategy: str
    amount: Decimal | None


@dataclass(frozen=True)
class CurrencyOverview:
    """What there is in one currency. None where nothing is known, which is not zero.

    Attributes:
        accounts: How many accounts are kept in it.
        total: Of the balances that are known.
        unknown: How many accounts' balances are unknown, or known in part only.
        change_today: Of the accounts of which it is known.
        changes_known: How many those are.
        allocated: The capital of all strategies; None where none was ever allocated.
        reserved: By the accounts' rules, of the balances that are known.
        unallocated: What is left of the known pools; negative where they shrank since.
        strategies: Those with capital, the largest first.
        venues: The largest first.
        equity: The last 30 days and today.
    """

    currency: str
    accounts: int
    total: Decimal | None
    unknown: int
    change_today: Decimal | None
    changes_known: int
    allocated: Decimal | None
    reserved: Decimal | None
    unallocated: Decimal | None
    strategies: tuple[Slice, ...]
    venues: tuple[Slice, ...]
    equity: tuple[DayTotal, ...]


def read_capital(
    accounts: Mapping[int, Account], account_ids: AccountIds | None = None
) -> list[LinkCapital]:
    """What the links of these accounts hold, in one query.

    Args:
        accounts: By primary key.
        account_ids: A query that finds just these, where there is one.
    """
    among = list(accounts) if account_ids is None else account_ids
    rows = StrategyAccount.objects.filter(account_id__in=among).values_list(
        "account_id",
        "strategy_id",
        "strategy__name",
        "strategy__market_type",
        "capital__allocated_capital",
    )
    return [
        LinkCapital(
            account_id,
            pool_of(MarketType(market), WalletMode(accounts[account_id].wallet_mode)),
            strategy_id,
            name,
            amount,
        )
        for account_id, strategy_id, name, market, amount in rows
    ]


def overview_currencies(
    accounts: Mapping[int, Account],
    overviews: Mapping[int, AccountBalances],
    capital: Sequence[LinkCapital],
    *,
    changes: Mapping[int, Decimal],
    days: Sequence[date],
    totals: Totals,
) -> list[CurrencyOverview]:
    """One for each currency, that of most accounts first.

    Args:
        accounts: Those that count.
        overviews: Of each of them.
        capital: Of all their links.
        changes: Today's, of those of which it is known.
        days: The calendar.
        totals: Of each of them on each of the days.
    """
    keys: dict[str, list[int]] = defaultdict(list)
    for key, account in accounts.items():
        keys[account.currency].append(key)
    links: dict[str, list[LinkCapital]] = defaultdict(list)
    for link in capital:
        links[accounts[link.account_id].currency].append(link)
    return [
        _overview_currency(
            [(accounts[key], overviews[key]) for key in keys[currency]],
            [changes[key] for key in keys[currency] if key in changes],
            links[currency],
            total_by_day(days, [totals[key] for key in keys[currency]]),
        )
        for currency in sorted(keys, key=lambda name: (-len(keys[name]), name))
    ]


def _overview_currency(
    accounts: Sequence[tuple[Account, AccountBalances]],
    changes: Sequence[Decimal],
    capital: Sequence[LinkCapital],
    equity: Sequence[DayTotal],
) -> CurrencyOverview:
    overviews = [overview for _, overview in accounts]
    divided = [
        _divided(account, pool.balance, pool.allocated)
        for account, overview in accounts
        for pool in overview.pools
        if pool.balance is not None
    ]
    return CurrencyOverview(
        currency=accounts[0][0].currency,
        accounts=len(accounts),
        total=add(each.total for each in overviews if each.total is not None),
        unknown=sum(bool(each.unknown) for each in overviews),
        change_today=add(changes),
        changes_known=len(changes),
        allocated=add(link.amount for link in capital if link.amount is not None),
        reserved=add(reserved for reserved, _ in divided),
        unallocated=add(rest for _, rest in divided),
        strategies=capital_by_strategy(capital),
        venues=_by_venue(accounts),
        equity=tuple(equity),
    )


def _divided(account: Account, balance: Decimal, allocated: Decimal) -> tuple[Decimal, Decimal]:
    """What a pool's rule keeps back now, and what its capital and its reserve leave of it."""
    quantum = quantum_of(account.currency)
    whole = floor_to(balance, quantum)
    rule = Reserve(account.reserve_percent, account.reserve_amount)
    reserved = rule.of(whole, quantum=quantum)
    return reserved, EXACT.subtract(EXACT.subtract(whole, allocated), reserved)


def capital_by_strategy(capital: Sequence[LinkCapital]) -> tuple[Slice, ...]:
    """The strategies that hold any, the largest first."""
    names: dict[int, str] = {}
    amounts: dict[int, dict[Pool, Decimal]] = defaultdict(dict)
    for link in capital:
        if link.amount:
            names[link.strategy_id] = link.strategy
            _put(amounts[link.strategy_id], link.pool, link.amount)
    return _sorted(Slice(str(key), name, amounts[key]) for key, name in names.items())


def _by_venue(accounts: Sequence[tuple[Account, AccountBalances]]) -> tuple[Slice, ...]:
    amounts: dict[str, dict[Pool, Decimal]] = defaultdict(dict)
    for account, overview in accounts:
        for pool in overview.pools:
            if pool.balance is not None:
                _put(amounts[account.venue], pool.pool, pool.balance)
    return _sorted(Slice(venue, venue, of_venue) for venue, of_venue in amounts.items())


def _put(amounts: dict[Pool, Decimal], pool: Pool, amount: Decimal) -> None:
    amounts[pool] = EXACT.add(amounts.get(pool, Decimal(0)), amount)


def _sorted(slices: Iterable[Slice]) -> tuple[Slice, ...]:
    return tuple(sorted(slices, key=lambda each: (-each.total, each.name, each.key)))

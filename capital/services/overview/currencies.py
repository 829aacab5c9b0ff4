"""Balances, capital and reserve of all accounts of one currency."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from capital.domain.money import EXACT, add_to, floor_to, quantum_of
from capital.domain.pools import Pool
from capital.models import Account
from capital.services.accounts.held import LinkCapital
from capital.services.accounts.lookup import reserve_of
from capital.services.overview.accounts import AccountBalances
from capital.services.overview.equity import DayTotal, Totals, add, total_by_day
from capital.services.overview.marks import Event


@dataclass(frozen=True)
class Slice:
    """A part of a currency's money: one strategy's capital, or the balances on one venue.

    Attributes:
        key: The strategy's primary key as text, or the venue's id.
        name: The name that people know it by.
        amounts: By pool, without the empty ones.
    """

    key: str
    name: str
    amounts: Mapping[Pool, Decimal]

    @property
    def total(self) -> Decimal:
        """The sum over all pools."""
        return add(self.amounts.values()) or Decimal(0)


@dataclass(frozen=True)
class CurrencyOverview:
    """All accounts of one currency. None means unknown, which is not zero.

    Attributes:
        accounts: How many accounts have this currency.
        total: The sum of the known balances.
        unknown: How many accounts have a pool without a known balance.
        change_today: The sum of today's changes that are known.
        changes_known: Of how many accounts they are known.
        allocated: The capital of all strategies; None where none was ever allocated.
        reserved: What the accounts' reserves keep of the known balances.
        unallocated: The rest of the known balances; negative where they shrank since allocation.
        strategies: Those with capital, the largest first.
        venues: The largest first.
        equity: The total of each of the last 30 days and of today.
        marks: What made that total jump, beside what was earned or lost.
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
    marks: tuple[Event, ...]


def overview_currencies(
    accounts: Mapping[int, Account],
    overviews: Mapping[int, AccountBalances],
    capital: Sequence[LinkCapital],
    *,
    changes: Mapping[int, Decimal],
    days: Sequence[date],
    totals: Totals,
    marks: Sequence[Event],
) -> list[CurrencyOverview]:
    """An overview of each currency, the one with most accounts first.

    Args:
        accounts: The accounts that count, by primary key.
        overviews: The balances of each.
        capital: The capital of all their links.
        changes: Today's change of each account, where it is known.
        days: The days of ``totals``.
        totals: The balance of each account on each day.
        marks: What made a balance jump.
    """
    keys: dict[str, list[int]] = defaultdict(list)
    for key, account in accounts.items():
        keys[account.currency].append(key)
    links: dict[str, list[LinkCapital]] = defaultdict(list)
    for link in capital:
        links[accounts[link.account_id].currency].append(link)
    currency_of = {key: account.currency for key, account in accounts.items()}
    return [
        _overview_currency(
            [(accounts[key], overviews[key]) for key in keys[currency]],
            [changes[key] for key in keys[currency] if key in changes],
            links[currency],
            total_by_day(days, [totals[key] for key in keys[currency]]),
            tuple(mark for mark in marks if currency_of.get(mark.account_id or 0) == currency),
        )
        for currency in sorted(keys, key=lambda name: (-len(keys[name]), name))
    ]


def _overview_currency(
    accounts: Sequence[tuple[Account, AccountBalances]],
    changes: Sequence[Decimal],
    capital: Sequence[LinkCapital],
    equity: Sequence[DayTotal],
    marks: tuple[Event, ...],
) -> CurrencyOverview:
    overviews = [overview for _, overview in accounts]
    parts = [
        _reserved_and_rest(account, pool.balance, pool.allocated)
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
        reserved=add(reserved for reserved, _ in parts),
        unallocated=add(rest for _, rest in parts),
        strategies=capital_by_strategy(capital),
        venues=_by_venue(accounts),
        equity=tuple(equity),
        marks=marks,
    )


def _reserved_and_rest(
    account: Account, balance: Decimal, allocated: Decimal
) -> tuple[Decimal, Decimal]:
    """The reserve of a pool by the account's rule, and what reserve and capital leave of it."""
    quantum = quantum_of(account.currency)
    available = floor_to(balance, quantum)
    reserved = reserve_of(account).of(available, quantum=quantum)
    return reserved, EXACT.subtract(EXACT.subtract(available, allocated), reserved)


def capital_by_strategy(capital: Sequence[LinkCapital]) -> tuple[Slice, ...]:
    """The strategies that have capital, the largest first."""
    names: dict[int, str] = {}
    amounts: dict[int, dict[Pool, Decimal]] = defaultdict(dict)
    for link in capital:
        if link.amount:
            names[link.strategy_id] = link.strategy
            add_to(amounts[link.strategy_id], link.pool, link.amount)
    return _largest_first(Slice(str(key), name, amounts[key]) for key, name in names.items())


def _by_venue(accounts: Sequence[tuple[Account, AccountBalances]]) -> tuple[Slice, ...]:
    amounts: dict[str, dict[Pool, Decimal]] = defaultdict(dict)
    for account, overview in accounts:
        for pool in overview.pools:
            if pool.balance is not None:
                add_to(amounts[account.venue], pool.pool, pool.balance)
    return _largest_first(Slice(venue, venue, of_venue) for venue, of_venue in amounts.items())


def _largest_first(slices: Iterable[Slice]) -> tuple[Slice, ...]:
    return tuple(sorted(slices, key=lambda each: (-each.total, each.name, each.key)))

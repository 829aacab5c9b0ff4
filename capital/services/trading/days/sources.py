"""What the days of links follow from, and the days that follow."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from capital.domain.balances import BalanceBasis
from capital.domain.money import EXACT, add_to, known_difference, known_sum, plain
from capital.domain.performance.earned import before_costs
from capital.domain.performance.fills import value_at
from capital.domain.performance.symbols import parse_symbol
from capital.models import (
    DayMark,
    LinkDay,
    Position,
    StrategyAccount,
    StrategyCapital,
    SymbolDay,
)
from capital.models.queries.compiled import CompiledQuery, CompiledRows
from capital.models.queries.given import Given
from capital.services.accounts.denomination import Denomination
from capital.services.balances.summaries import business_date
from capital.services.trading.days.added import read_added
from capital.services.trading.days.since import settled_base
from capital.services.trading.worth import unrealized_of

_ZERO = Decimal(0)
_DAY = timedelta(days=1)
# The columns of a day that are sums of those of its positions.
SUMS = ("fees", "funding", "volume")
COUNTS = ("fills", "trades", "wins", "losses")


@dataclass(frozen=True)
class _Of:
    """A link with what is needed of its account."""

    account_id: int
    venue: str
    currency: str
    basis: str

    @property
    def money(self) -> Denomination:
        """What its account's money is counted in."""
        return Denomination(self.venue, self.currency)


# A symbol of one link on one side.
_Key = tuple[int, str, str]


@dataclass
class _Chain:
    """The days of one link in one currency, from one on."""

    link_id: int
    currency: str
    begins: date
    previous: LinkDay | None
    held: dict[_Key, tuple[Decimal, Decimal] | None] = field(default_factory=dict)


@dataclass(frozen=True)
class DaySources:
    """Everything from which the days of some accounts follow."""

    links: Mapping[int, _Of]
    begins: date
    today: date
    positions: Sequence[Position]
    carried: Mapping[int, SymbolDay]
    days: Sequence[SymbolDay]
    before: Sequence[LinkDay]
    worth_now: Mapping[int, Decimal | None]
    marks: Mapping[tuple[str, str, date], Decimal]
    added: Mapping[tuple[int, date], Decimal | None]
    first_decided: frozenset[int]
    capital: Mapping[int, StrategyCapital]

    @classmethod
    def load(cls, account_ids: Sequence[int], *, since: date, now: datetime) -> "DaySources | None":
        """What there is of these accounts from a day on; None where nothing is. In a constant
        number of queries.
        """
        today = business_date(now)
        links, begins = _links(account_ids, min(since, today))
        positions, carried_by = _positions(list(links), begins)
        days = _SYMBOL_DAYS.instances(list(links), begins)
        before = _LINK_DAYS.instances(list(links), begins - _DAY)
        if not positions and not days and not before:
            return None
        carried = SymbolDay.objects.in_bulk(carried_by)
        symbols = {each.symbol for each in positions} | {each.symbol for each in days}
        venues = {of.venue for of in links.values()}
        return cls(
            links,
            begins,
            today,
            positions,
            carried,
            days,
            before,
            unrealized_of(positions, now=now),
            {
                (venue, symbol, day): price
                for venue, symbol, day, price in _MARKS.rows(venues, symbols, begins)
            },
            *read_added(links, before, since=begins, today=today),
            {row.strategy_account_id: row for row in _CAPITAL.instances(list(links))},
        )

    @cached_property
    def by_day(self) -> dict[tuple[int, str, date], list[SymbolDay]]:
        """The days of positions, by link, currency and day."""
        found: dict[tuple[int, str, date], list[SymbolDay]] = defaultdict(list)
        for row in self.days:
            found[row.strategy_account_id, row.currency, row.date].append(row)
        return found

    @cached_property
    def worth_by_key(self) -> dict[_Key, Decimal | None]:
        """What is unrealised now."""
        return {
            (row.strategy_account_id, row.symbol, row.position_side): self.worth_now[row.pk]
            for row in self.positions
        }

    def chains(self) -> list[_Chain]:
        """One for each link and currency in which something was ever earned."""
        begins: dict[tuple[int, str], date] = {}
        previous: dict[tuple[int, str], LinkDay] = {}
        for row in self.before:
            if row.date < self.begins:
                previous[row.strategy_account_id, row.currency] = row
                begins[row.strategy_account_id, row.currency] = self.begins
        for carried in self.carried.values():
            begins[carried.strategy_account_id, carried.currency] = self.begins
        for day in self.days:
            begins.setdefault((day.strategy_account_id, day.currency), day.date)
        chains = {
            (link_id, currency): _Chain(link_id, currency, first, previous.get((link_id, currency)))
            for (link_id, currency), first in sorted(begins.items())
        }
        for carried in self.carried.values():
            chain = chains[carried.strategy_account_id, carried.currency]
            chain.held[_key_of(carried)] = _holding(carried)
        return list(chains.values())

    def days_of(self, chain: _Chain) -> Iterator[LinkDay]:
        """The days of a chain to today, in order. They are not saved."""
        of, by_day = self.links[chain.link_id], self.by_day
        is_own = chain.currency == of.currency
        settled = self._settled_at(chain) if is_own else None
        is_undecided = is_own and self._is_undecided(chain, settled)
        worth: Decimal | None = _ZERO
        if chain.previous is not None:
            worth = chain.previous.unrealized
        elif chain.held:
            worth = None
        for day in _dates(chain.begins, self.today):
            rows = by_day.get((chain.link_id, chain.currency, day), [])
            for row in rows:
                if of.money.paid_in(row.symbol) == chain.currency:
                    chain.held[_key_of(row)] = _holding(row)
            made = _summed(chain, day, rows)
            made.settled_start = settled
            is_undecided = is_undecided and (chain.link_id, day) not in self.added
            # What it earned with nobody knows what is no capital: a return on it says nothing.
            made.equity_start = None if is_undecided else known_sum(settled, worth)
            made.unrealized = worth = self._worth(chain, of.venue, day)
            if is_own:
                made.capital_added = self.added.get((chain.link_id, day), _ZERO)
                settled = known_sum(settled, made.capital_added, made.earned)
            yield made

    def _settled_at(self, chain: _Chain) -> Decimal | None:
        """What the link had when its days begin, without unrealised PnL."""
        before = chain.previous
        if before is not None:
            return known_sum(before.settled_start, before.capital_added, before.earned)
        since = [
            amount
            for (link_id, day), amount in self.added.items()
            if link_id == chain.link_id and day >= chain.begins
        ]
        present = self.capital.get(chain.link_id)
        if present is None:
            return _ZERO
        base = settled_base(present, is_equity=self.is_equity(chain.link_id))
        return known_difference(base, known_sum(*since))

    def _is_undecided(self, chain: _Chain, settled: Decimal | None) -> bool:
        """Whether no capital had been decided for the link when its days begin."""
        if chain.link_id in self.capital and chain.link_id not in self.first_decided:
            return False
        before = chain.previous
        if before is not None:
            return before.equity_start is None and before.capital_added == 0
        return settled == 0

    def is_equity(self, link_id: int) -> bool:
        """Whether the balances of the link's account hold what is unrealised."""
        return self.links[link_id].basis == BalanceBasis.EQUITY.value

    def _worth(self, chain: _Chain, venue: str, day: date) -> Decimal | None:
        """What was unrealised at the end of a day; of today, now."""
        if day == self.today:
            now = self.worth_by_key
            return known_sum(*(now.get(key, _ZERO) for key in chain.held))
        return known_sum(
            *(
                _worth_at(key, holding, self.marks.get((venue, key[1], day)))
                for key, holding in chain.held.items()
            )
        )


def _links(account_ids: Sequence[int], since: date) -> tuple[dict[int, _Of], date]:
    """The links of these accounts, and the day from which theirs are to be written.

    That is earlier than ``since`` where days were never closed: the last one that was written was
    begun, and something may have happened on it since.
    """
    found, begins = {}, since
    for pk, last_date, *of in _LINKS.rows(account_ids):
        found[pk] = _Of(*of)
        if last_date is not None:
            begins = min(begins, last_date)
    return found, begins


def _links_of(account_ids: Given) -> QuerySet[StrategyAccount, Any]:
    last = LinkDay.objects.filter(strategy_account=OuterRef("pk"))
    return (
        StrategyAccount.objects.filter(account__among=account_ids)
        .order_by("pk")
        .annotate(last=Subquery(last.order_by("-date").values("date")[:1]))
        .values_list(
            "pk",
            "last",
            "account_id",
            "account__venue",
            "account__currency",
            "account__balance_basis",
        )
    )


_LINKS = CompiledQuery(_links_of)
_SYMBOL_DAYS = CompiledRows(
    SymbolDay,
    lambda links, begins: SymbolDay.objects.filter(
        strategy_account__among=links, date__gte=begins
    ).order_by("date", "pk"),
)
_LINK_DAYS = CompiledRows(
    LinkDay,
    lambda links, begins: LinkDay.objects.filter(strategy_account__among=links, date__gte=begins),
)
_CAPITAL = CompiledRows(
    StrategyCapital, lambda links: StrategyCapital.objects.filter(strategy_account__among=links)
)
_MARKS = CompiledQuery(
    lambda venues, symbols, begins: (
        DayMark.objects.filter(venue__among=venues, symbol__among=symbols, date__gte=begins)
        .order_by()
        .values_list("venue", "symbol", "date", "price")
    )
)


def _positions(links: Sequence[int], begins: date) -> tuple[list[Position], list[int]]:
    """The positions with books, and the days that say what they held before ``begins``."""
    before = SymbolDay.objects.filter(
        strategy_account=OuterRef("strategy_account"),
        symbol=OuterRef("symbol"),
        position_side=OuterRef("position_side"),
        held__isnull=False,
        date__lt=begins,
    )
    rows = Position.objects.filter(strategy_account__in=links, books__isnull=False)
    last = Subquery(before.order_by("-date").values("pk")[:1])
    found: list[Any] = list(rows.order_by("pk").annotate(carried=last))
    return found, [position.carried for position in found if position.carried is not None]


def _key_of(row: SymbolDay) -> _Key:
    return row.strategy_account_id, row.symbol, row.position_side


def _holding(row: SymbolDay) -> tuple[Decimal, Decimal] | None:
    return None if row.held is None or row.cost is None else (row.held, row.cost)


def _worth_at(
    key: _Key, holding: tuple[Decimal, Decimal] | None, mark: Decimal | None
) -> Decimal | None:
    if holding is None:
        return None
    held, cost = holding
    if not held:
        return _ZERO
    symbol = parse_symbol(key[1])
    if mark is None or symbol is None:
        return None
    return EXACT.subtract(value_at(symbol.kind, held, mark), cost)


def _dates(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY


def _summed(chain: _Chain, day: date, rows: Iterable[SymbolDay]) -> LinkDay:
    made = LinkDay(strategy_account_id=chain.link_id, date=day, currency=chain.currency)
    sums = dict.fromkeys(("realized", *SUMS), _ZERO)
    unvalued: dict[str, Decimal] = {}
    for row in rows:
        for name in sums:
            sums[name] = EXACT.add(sums[name], getattr(row, name))
        for name in COUNTS:
            setattr(made, name, getattr(made, name) + getattr(row, name))
        for currency, text in row.fees_unvalued.items():
            add_to(unvalued, currency, Decimal(text))
    # Its positions tell what is left after fees and funding.
    made.realized = before_costs(sums["realized"], fees=sums["fees"], funding=sums["funding"])
    for name in SUMS:
        setattr(made, name, sums[name])
    made.fees_unvalued = {currency: plain(amount) for currency, amount in unvalued.items()}
    return made

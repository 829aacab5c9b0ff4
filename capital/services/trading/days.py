"""The days of links: what each had and earned, in one row a day; and the days of their accounts.

A day follows from the days of its positions (``SymbolDay``), the marks at its end (``DayMark``) and
what decisions gave or took (``AllocationRun.pnl``). It is written while it lasts, closed by the job
of the day's end, and restated where a fill comes late: with all days behind it, and never with the
capital of the link.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.dispatch import Signal
from django.utils import timezone

from capital.domain.balances import BalanceBasis
from capital.domain.clock import Clock
from capital.domain.money import EXACT, add_to, known_sum, plain
from capital.domain.performance.earned import before_costs
from capital.domain.performance.fills import value_at
from capital.domain.performance.symbols import parse_symbol
from capital.models import (
    AllocationRun,
    DailyAccountSummary,
    DayMark,
    LinkDay,
    Position,
    StrategyAccount,
    StrategyCapital,
    SymbolDay,
)
from capital.models.columns.copying import insert_values
from capital.models.columns.exact import cut_for
from capital.models.columns.rows import upsert_rows
from capital.models.queries.compiled import CompiledQuery, CompiledRows
from capital.models.queries.given import Given
from capital.services.accounts.linked import CapitalRow
from capital.services.accounts.lookup import lock_accounts
from capital.services.balances.summaries import business_date
from capital.services.trading.packed.months import pack_days
from capital.services.trading.worth import unrealized_of
from capital.services.transactions import inside_transaction, outside_transaction

ACCOUNTS_AT_ONCE = 500

# Days were written: ``account_ids`` and ``now``. Sent inside the transaction that locked them; who
# acts on it is connected in ``capital.signals``.
days_restated = Signal()

_ZERO = Decimal(0)
_DAY = timedelta(days=1)
_SUMS = ("fees", "funding", "volume")
_COUNTS = ("fills", "trades", "wins", "losses")
_FIGURES = (
    "equity_start",
    "settled_start",
    "capital_added",
    "realized",
    *_SUMS,
    "fees_unvalued",
    "unrealized",
    *_COUNTS,
)
_COLUMNS = ("strategy_account_id", "date", "currency", *_FIGURES)
SUMMED = (
    "realized_pnl",
    "unrealized_pnl",
    "total_trades",
    "winning_trades",
    "losing_trades",
    "total_volume",
    "total_fees",
)


@outside_transaction
def close_days(account_ids: Sequence[int], *, clock: Clock = timezone.now) -> int:
    """Write yesterday as it ended, and begin today, for the links of these accounts.

    Days that were never closed are written as well. Running it again changes nothing. A constant
    number of queries for each batch of accounts. Call it outside a transaction: it commits, and
    releases its locks, after each batch.

    Returns:
        How many accounts were locked.
    """
    ids, closed = list(dict.fromkeys(account_ids)), 0
    for start in range(0, len(ids), ACCOUNTS_AT_ONCE):
        with transaction.atomic():
            accounts = lock_accounts(ids[start : start + ACCOUNTS_AT_ONCE])
            now = clock()
            restate_days(list(accounts), since=business_date(now) - _DAY, now=now)
            closed += len(accounts)
    return closed


@inside_transaction
def restate_days(account_ids: Sequence[int], *, since: date, now: datetime) -> None:
    """Write the days from ``since`` to today of all links with books, and what follows from them.

    Call it inside the transaction that locked the accounts. A constant number of queries.

    Args:
        account_ids: Of all links that are concerned.
        since: The first day that may have changed.
        now: Says which day is today, and how old marks are.
    """
    desk = _Desk.load(account_ids, since=since, now=now)
    if desk is None:
        return
    days = [day for chain in desk.chains() for day in desk.days_of(chain)]
    dropped = _write_days(days, desk, now=now)
    if desk.begins < desk.today:
        pack_days(list(desk.links), today=desk.today, dropped=dropped)
    _write_summaries(days, dropped, desk)
    _write_capital(desk)
    days_restated.send(LinkDay, account_ids=list(account_ids), now=now)


@dataclass(frozen=True)
class _Of:
    """A link with what is needed of its account."""

    account_id: int
    venue: str
    currency: str
    basis: str


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
class _Desk:
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
    def load(cls, account_ids: Sequence[int], *, since: date, now: datetime) -> "_Desk | None":
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
            *_added(account_ids, begins),
            {row.strategy_account_id: row for row in _CAPITAL.instances(list(links))},
        )

    @cached_property
    def by_day(self) -> dict[tuple[int, str, date], list[SymbolDay]]:
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
                symbol = parse_symbol(row.symbol)
                if symbol is not None and symbol.settle == chain.currency:
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
        return _minus(base, known_sum(*since))

    def _is_undecided(self, chain: _Chain, settled: Decimal | None) -> bool:
        """Whether no capital had been decided for the link when its days begin."""
        if chain.link_id in self.capital and chain.link_id not in self.first_decided:
            return False
        before = chain.previous
        if before is not None:
            return before.equity_start is None and before.capital_added == 0
        return settled == 0

    def is_equity(self, link_id: int) -> bool:
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


def _added(
    account_ids: Sequence[int], since: date
) -> tuple[dict[tuple[int, date], Decimal | None], frozenset[int]]:
    """What decisions added to each link on each day, and the links that were first decided then.

    What was added is None where that is not known.
    """
    begins = datetime.combine(since, time.min, tzinfo=timezone.get_default_timezone())
    found: dict[tuple[int, date], Decimal | None] = {}
    first: set[int] = set()
    for created_at, pnl in _RUNS.rows(account_ids, begins):
        for link_id, counted in pnl.items():
            key = int(link_id), business_date(created_at)
            text = counted["added"]
            found[key] = known_sum(found.get(key, _ZERO), None if text is None else Decimal(text))
            if "before" in counted and counted["before"]["since"] is None:
                first.add(int(link_id))
    return found, frozenset(first)


_RUNS = CompiledQuery(
    lambda account_ids, begins: (
        AllocationRun.objects.filter(
            account__among=account_ids, created_at__gte=begins, pnl__isnull=False
        )
        .order_by("pk")
        .values_list("created_at", "pnl")
    )
)


def settled_base(capital: StrategyCapital | CapitalRow, *, is_equity: bool) -> Decimal | None:
    """The capital less what was counted before it: with what is realised by now, what is settled.

    On the basis ``equity`` a balance holds what is unrealised, so that is taken off; None where it
    was not known.
    """
    then = capital.unrealized_then if is_equity else _ZERO
    if then is None:
        return None
    counted = capital.pnl_counted
    if not (counted or then):
        return capital.allocated_capital  # as most are: nothing was ever earned
    base = EXACT.subtract(capital.allocated_capital, Decimal(str(counted)))
    return EXACT.subtract(base, then)


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


def _minus(amount: Decimal | None, less: Decimal | None) -> Decimal | None:
    """The difference; None where one of the two is not known."""
    return None if amount is None or less is None else EXACT.subtract(amount, less)


def _dates(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY


def _summed(chain: _Chain, day: date, rows: Iterable[SymbolDay]) -> LinkDay:
    made = LinkDay(strategy_account_id=chain.link_id, date=day, currency=chain.currency)
    sums = dict.fromkeys(("realized", *_SUMS), _ZERO)
    unvalued: dict[str, Decimal] = {}
    for row in rows:
        for name in sums:
            sums[name] = EXACT.add(sums[name], getattr(row, name))
        for name in _COUNTS:
            setattr(made, name, getattr(made, name) + getattr(row, name))
        for currency, text in row.fees_unvalued.items():
            add_to(unvalued, currency, Decimal(text))
    # Its positions tell what is left after fees and funding.
    made.realized = before_costs(sums["realized"], fees=sums["fees"], funding=sums["funding"])
    for name in _SUMS:
        setattr(made, name, sums[name])
    made.fees_unvalued = {currency: plain(amount) for currency, amount in unvalued.items()}
    return made


def _write_days(days: Sequence[LinkDay], desk: _Desk, *, now: datetime) -> list[LinkDay]:
    """Write the days that are new or differ; drop, and return, those of which nothing is left."""
    known = {
        (row.strategy_account_id, row.date, row.currency): row
        for row in desk.before
        if row.date >= desk.begins
    }
    changed, new = [], []
    for day in days:
        row = known.pop((day.strategy_account_id, day.date, day.currency), None)
        if row is None:
            new.append(_columns(day))
        elif _figures(row) != _figures(day):
            restated_at = now if day.date < desk.today else None
            changed.append([row.pk, *_columns(day), False, restated_at])
    insert_values(LinkDay, _COLUMNS, new)
    upsert_rows(
        LinkDay,
        ("id", *_COLUMNS, "is_packed", "restated_at"),
        changed,
        unique="id",
        update=(*_FIGURES, "is_packed", "restated_at"),
    )
    if known:
        LinkDay.objects.filter(pk__in=[row.pk for row in known.values()]).delete()
    return list(known.values())


_figures = attrgetter(*_FIGURES)
_columns = attrgetter(*_COLUMNS)


def _write_summaries(days: Sequence[LinkDay], dropped: Sequence[LinkDay], desk: _Desk) -> None:
    """Say in the summaries of the accounts what their links come to; NULL where none tells more."""
    of_account: dict[tuple[int, date], list[LinkDay]] = defaultdict(list)
    for day in dropped:
        of_account[desk.links[day.strategy_account_id].account_id, day.date] = []
    for day in days:
        of = desk.links[day.strategy_account_id]
        if day.currency == of.currency:
            of_account[of.account_id, day.date].append(day)
    accounts = {of.account_id for of in desk.links.values()}
    changed = []
    for row in _SUMMARIES.instances(accounts, desk.begins):
        of_row = of_account.get((row.account_id, row.date))
        if of_row is None:
            continue
        figures = summary_figures(of_row)
        if figures != {name: getattr(row, name) for name in SUMMED}:
            for name, figure in figures.items():
                setattr(row, name, figure)
            changed.append(row)
    DailyAccountSummary.objects.bulk_update(changed, list(SUMMED), batch_size=500)


_SUMMARIES = CompiledRows(
    DailyAccountSummary,
    lambda accounts, begins: DailyAccountSummary.objects.filter(
        account__among=accounts, date__gte=begins
    ).order_by("pk"),
)


def summary_figures(days: Sequence[LinkDay]) -> dict[str, Any]:
    """What a daily summary says of these days of its account's links; NULL without any."""
    if not days:
        return dict.fromkeys(SUMMED)
    counts: Counter[str] = Counter()
    for day in days:
        for name in ("trades", "wins", "losses"):
            counts[name] += getattr(day, name)
    amounts = {
        "realized_pnl": known_sum(*(day.earned for day in days)),
        "unrealized_pnl": known_sum(*(day.unrealized for day in days)),
        "total_volume": known_sum(*(day.volume for day in days)),
        "total_fees": known_sum(*(day.fees for day in days)),
    }
    return {
        **{
            name: None if amount is None else cut_for(DailyAccountSummary, name, amount)
            for name, amount in amounts.items()
        },
        "total_trades": counts["trades"],
        "winning_trades": counts["wins"],
        "losing_trades": counts["losses"],
    }


def _write_capital(desk: _Desk) -> None:
    """Say of each link with books what it earned since its capital was decided."""
    currencies = {key: of.currency for key, of in desk.links.items()}
    realized = realized_in(desk.positions, currencies, days_beside(desk.positions, currencies))
    worth = unrealized_in(desk.positions, desk.worth_now, currencies)
    changed = []
    for link_id, capital in desk.capital.items():
        pnl = None
        if link_id in realized:
            pnl = pnl_since(
                capital,
                realized[link_id],
                worth.get(link_id, _ZERO),
                is_equity=desk.is_equity(link_id),
            )
        shown = None if pnl is None else cut_for(StrategyCapital, "current_pnl", pnl)
        if shown != capital.current_pnl:
            capital.current_pnl = shown
            changed.append(capital)
    StrategyCapital.objects.bulk_update(changed, ["current_pnl"], batch_size=500)


def days_beside(positions: Iterable[Position], currencies: Mapping[int, str]) -> list[SymbolDay]:
    """What links earned in their accounts' currencies beside what positions realise, by day.

    In no symbol, as interest is, or in one that is settled in another currency. In the order of
    time; one query.

    Args:
        positions: Those with books, of these links.
        currencies: Of the accounts, by link.
    """
    # By their names, since the days of all other symbols are many.
    symbols = {""}
    for each in positions:
        if not _is_settled_in(each.symbol, currencies[each.strategy_account_id]):
            symbols.add(each.symbol)
    rows = SymbolDay.objects.filter(strategy_account__in=currencies, symbol__in=symbols)
    return [
        row
        for row in rows.order_by("date", "pk")
        if row.currency == currencies[row.strategy_account_id]
        and not _is_settled_in(row.symbol, row.currency)
    ]


def _is_settled_in(text: str, currency: str) -> bool:
    symbol = parse_symbol(text)
    return symbol is not None and symbol.settle == currency


def realized_in(
    positions: Iterable[Position], currencies: Mapping[int, str], beside: Iterable[SymbolDay]
) -> dict[int, Decimal]:
    """What each link with books has realised ever, in its account's currency.

    Args:
        positions: Those with books, of these links.
        currencies: Of the accounts, by link.
        beside: What ``days_beside`` finds of them.
    """
    found: dict[int, Decimal] = {}
    for position in positions:
        symbol = parse_symbol(position.symbol)
        assert symbol is not None, "only these have books"
        link_id = position.strategy_account_id
        is_own = symbol.settle == currencies[link_id]
        add_to(found, link_id, (position.realized_pnl or _ZERO) if is_own else _ZERO)
    for day in beside:
        add_to(found, day.strategy_account_id, day.realized)
    return found


def unrealized_in(
    positions: Iterable[Position],
    worth: Mapping[int, Decimal | None],
    currencies: Mapping[int, str],
) -> dict[int, Decimal | None]:
    """What is unrealised of each link in its account's currency; None where a mark is missing."""
    found: dict[int, Decimal | None] = {}
    for position in positions:
        symbol = parse_symbol(position.symbol)
        link_id = position.strategy_account_id
        if symbol is not None and symbol.settle == currencies[link_id]:
            found[link_id] = known_sum(found.get(link_id, _ZERO), worth[position.pk])
    return found


def pnl_since(
    capital: StrategyCapital | CapitalRow,
    realized: Decimal,
    worth: Decimal | None,
    *,
    is_equity: bool,
) -> Decimal | None:
    """What a link earned since its capital was decided; None where that is not known.

    Args:
        capital: Its row.
        realized: What it has realised ever, as is known now.
        worth: What is unrealised now.
        is_equity: Whether the capital was decided on a balance with unrealised PnL in it: then only
            its change counts.
    """
    then = capital.unrealized_then if is_equity else _ZERO
    since = EXACT.subtract(realized, Decimal(str(capital.pnl_counted)))
    return _minus(known_sum(since, worth), then)

"""Whether positions, days and daily summaries follow from the fills and flows of their accounts."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from heapq import merge
from itertools import groupby
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from capital.domain.audit.books import BookedDay, Standing, check_booked_day, check_standing
from capital.domain.audit.days import (
    AccountDay,
    DayFigures,
    RecordedDay,
    check_account_day,
    check_link_day,
)
from capital.domain.performance.earned import before_costs
from capital.domain.performance.pnl import Books
from capital.domain.performance.stored import books_from_json
from capital.domain.performance.symbols import parse_symbol
from capital.domain.reasons import Code, Reason
from capital.models import (
    DailyAccountSummary,
    LinkDay,
    Position,
    StrategyAccount,
    SymbolDay,
)
from capital.models.columns.exact import cut_for
from capital.services.accounts.denomination import Denomination
from capital.services.audit.checkpoints import READ_AGAIN
from capital.services.audit.months import check_months
from capital.services.audit.replay import ROWS_AT_ONCE, BooksPoint, Replay
from capital.services.audit.report import Audit, AuditReport
from capital.services.audit.years import check_years
from capital.services.balances.summaries import business_date
from capital.services.trading.booking.writing import PositionKey, in_contracts
from capital.services.trading.days.closing import SUMMED, summary_figures

_DAY = timedelta(days=1)
_COUNTS = ("fills", "trades", "wins", "losses")


def check_books(audit: Audit) -> None:
    """Check the books of a batch of accounts, and keep in its records how far they are correct.

    Rows are streamed: a constant number of queries, and some for each page with provisional fills.
    Where an account that begins behind its checkpoint shows a fault, all of it is read.
    """
    links = dict(
        StrategyAccount.objects.filter(account__in=list(audit.accounts))
        .order_by("pk")
        .values_list("pk", "account_id")
    )
    begun = {key: record.books for key, record in audit.records.items() if record.books is not None}
    checked = _checked(audit, links, begun)
    again = {found.account_id for found in checked.violations} & set(begun)
    if again:
        checked = _checked(
            audit, links, {key: point for key, point in begun.items() if key not in again}
        )
    audit.report.violations += checked.violations
    audit.report.checked += checked.checked
    resumed = begun.keys() - again - set(audit.report.resumed)
    audit.report.resumed += sorted(resumed)


def _checked(
    audit: Audit, links: Mapping[int, int], begun: Mapping[int, BooksPoint]
) -> AuditReport:
    scratch = Audit(audit.accounts, audit.now, AuditReport(), audit.records)
    ids = list(audit.accounts)
    first = datetime.combine(
        business_date(audit.now - READ_AGAIN), time.min, tzinfo=timezone.get_default_timezone()
    )
    moneys = {key: Denomination.of(account) for key, account in scratch.accounts.items()}
    replay = Replay(ids, links, moneys, begun, first, scratch.found)
    books = _Books(scratch, links, replay, begun)
    books.check()
    check_months(scratch, links, begun)
    check_years(scratch, links, begun)
    for key, settled in replay.settled.items():
        audit.records[key].settled_books = BooksPoint(first, settled)
    return scratch.report


@dataclass
class _OfDay:
    """What is recorded, and what follows, of one day of one account."""

    expected: dict[tuple[PositionKey, str], BookedDay] = field(default_factory=dict)
    positions: list[SymbolDay] = field(default_factory=list)
    links: list[LinkDay] = field(default_factory=list)
    summary: DailyAccountSummary | None = None


@dataclass
class _Books:
    """The books of one batch of accounts, read in the order of accounts and days."""

    audit: Audit
    links: Mapping[int, int]
    replay: Replay
    begun: Mapping[int, BooksPoint]
    last: dict[tuple[int, str], RecordedDay] = field(default_factory=dict)

    def check(self) -> None:
        of_link = "strategy_account__account_id"
        sources: list[Iterator[tuple[int, date, Any]]] = [
            self.replay.days(),
            self._rows(SymbolDay.objects.all(), of_link),
            # The day before says how the first one begins.
            self._rows(LinkDay.objects.all(), of_link, before=1),
            self._rows(DailyAccountSummary.objects.all(), "account_id"),
        ]
        merged = merge(*sources, key=lambda row: row[:2])
        for account_id, of_account in groupby(merged, key=lambda row: row[0]):
            self.last.clear()
            for day, rows in groupby(of_account, key=lambda row: row[1]):
                self._check_day(account_id, day, _sorted(row for _, _, row in rows))
        self._check_positions()
        self.audit.report.checked["fills"] += self.replay.fills
        self.audit.report.checked["flows"] += self.replay.flows

    def _rows(
        self, rows: QuerySet[Any], account: str, *, before: int = 0
    ) -> Iterator[tuple[int, date, Any]]:
        whole = [key for key in self.replay.account_ids if key not in self.begun]
        parts = [
            Q(**{account: key}, date__gte=business_date(point.until) - before * _DAY)
            for key, point in self.begun.items()
        ]
        wanted = Q(Q(**{f"{account}__in": whole}), *parts, _connector=Q.OR)
        chosen = rows.filter(wanted).order_by(account, "date", "pk")
        for row in chosen.iterator(chunk_size=ROWS_AT_ONCE):
            if isinstance(row, DailyAccountSummary):
                yield row.account_id, row.date, row
            else:
                yield self.links[row.strategy_account_id], row.date, row

    def _check_day(self, account_id: int, day: date, rows: _OfDay) -> None:
        point = self.begun.get(account_id)
        is_before = point is not None and day < business_date(point.until)
        if not is_before:
            self._check_symbols(account_id, day, rows)
        own = self.audit.accounts[account_id].currency
        sums: dict[tuple[int, str], list[DayFigures]] = defaultdict(list)
        for position in rows.positions:
            sums[position.strategy_account_id, position.currency].append(_of_position(position))
        for row in rows.links:
            recorded = _recorded(row)
            key = (row.strategy_account_id, row.currency)
            previous, self.last[key] = self.last.get(key), recorded
            of_row = sums.pop(key, [])
            if not is_before:
                self.audit.report.checked["days"] += 1
                reasons = check_link_day(recorded, previous, of_row, is_own=row.currency == own)
                self.audit.found(account_id, reasons)
        for link_id, currency in sums:
            named = {"link": str(link_id), "date": day.isoformat(), "currency": currency}
            self.audit.found(account_id, [Reason(Code.DAY_MISSING, named)])
        if rows.summary is not None:
            self._check_summary(account_id, rows.summary, rows.links)

    def _check_symbols(self, account_id: int, day: date, rows: _OfDay) -> None:
        recorded = {(_key(row), row.currency): row for row in rows.positions}
        self.audit.report.checked["days"] += len(recorded)
        for key, currency in sorted(recorded.keys() | rows.expected.keys()):
            row = recorded.get((key, currency))
            reasons = check_booked_day(
                BookedDay() if row is None else _booked(row),
                rows.expected.get((key, currency), BookedDay()),
                {**_named(key), "currency": currency},
                day=day,
            )
            self.audit.found(account_id, reasons)

    def _check_summary(
        self, account_id: int, summary: DailyAccountSummary, days: Sequence[LinkDay]
    ) -> None:
        own = self.audit.accounts[account_id].currency
        counted = [day for day in days if day.currency == own]
        row = AccountDay(
            summary.pk, summary.date, {name: getattr(summary, name) for name in SUMMED}
        )
        # What is new is filled with the next reading, and others may tell of days without books.
        is_young = summary.date >= business_date(self.audit.now) - _DAY
        if counted and not (row.is_empty and is_young):
            self.audit.found(account_id, check_account_day(row, summary_figures(counted)))

    def _check_positions(self) -> None:
        left = dict(self.replay.books)
        rows = Position.objects.filter(strategy_account__in=self.links, books__isnull=False)
        for row in rows.order_by("pk").iterator(chunk_size=ROWS_AT_ONCE):
            self.audit.report.checked["positions"] += 1
            key = _key(row)
            expected = _standing(left.pop(key, Books()), row)
            self._compare(key, _recorded_standing(row), expected)
        for key, books in left.items():
            if parse_symbol(key.symbol) is not None:
                self._compare(key, Standing(), _standing(books))

    def _compare(self, key: PositionKey, recorded: Standing, expected: Standing) -> None:
        self.audit.found(self.links[key.link_id], check_standing(recorded, expected, _named(key)))


def _sorted(rows: Iterator[Any]) -> _OfDay:
    found = _OfDay()
    for row in rows:
        if isinstance(row, SymbolDay):
            found.positions.append(row)
        elif isinstance(row, LinkDay):
            found.links.append(row)
        elif isinstance(row, DailyAccountSummary):
            found.summary = row
        else:
            found.expected = row
    return found


def _key(row: SymbolDay | Position) -> PositionKey:
    return PositionKey(row.strategy_account_id, row.symbol, row.position_side)


def _named(key: PositionKey) -> dict[str, str]:
    return {
        "link": str(key.link_id),
        "symbol": key.symbol or "—",
        "position_side": key.position_side,
    }


def _recorded_standing(row: Position) -> Standing:
    books = books_from_json(row.books or {})
    # What a bot reports may differ from what its fills come to.
    is_told = row.reported_quantity is not None
    quantity = None if is_told else Decimal(str(row.quantity))
    return Standing(
        books.position.amount, books.position.cost, row.realized_pnl or Decimal(0), quantity
    )


def _standing(books: Books, row: Position | None = None) -> Standing:
    quantity = None
    symbol = None if row is None else parse_symbol(row.symbol)
    if row is not None and symbol is not None and row.books is not None:
        size = Decimal(row.books["contract_size"])
        amount = in_contracts(books.position.amount, symbol.kind, size)
        quantity = cut_for(Position, "quantity", amount)
    return Standing(books.position.amount, books.position.cost, books.realized, quantity)


def _booked(row: SymbolDay) -> BookedDay:
    return BookedDay(
        realized=row.realized,
        fees=row.fees,
        funding=row.funding,
        volume=row.volume,
        cost_unknown=row.cost_unknown,
        fills=row.fills,
        fees_unvalued={name: Decimal(text) for name, text in row.fees_unvalued.items()},
        held=row.held,
        cost=row.cost,
    )


def _of_position(row: SymbolDay) -> DayFigures:
    """What a position earned, before fees and funding as the days of links say it."""
    gross = before_costs(row.realized, fees=row.fees, funding=row.funding)
    return DayFigures(gross, row.fees, row.funding, row.volume, _counts(row))


def _recorded(row: LinkDay) -> RecordedDay:
    return RecordedDay(
        link_id=row.strategy_account_id,
        date=row.date,
        currency=row.currency,
        figures=DayFigures(row.realized, row.fees, row.funding, row.volume, _counts(row)),
        equity_start=row.equity_start,
        settled_start=row.settled_start,
        capital_added=row.capital_added,
        unrealized=row.unrealized,
    )


def _counts(row: SymbolDay | LinkDay) -> Counter[str]:
    return Counter({name: getattr(row, name) for name in _COUNTS})

"""The fills and flows of accounts, booked again in the order of time, one at a time.

Nothing of it is written. What is in memory is how the positions stand, whatever number of fills
there were: rows are streamed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from heapq import merge
from itertools import groupby, islice
from typing import Any, TypeVar

from django.db.models import OuterRef, Q, Subquery

from capital.domain.audit.books import BookedDay
from capital.domain.money import EXACT
from capital.domain.performance.division import in_sequence, shares_of
from capital.domain.performance.fills import Fill as BookedFill
from capital.domain.performance.fills import Funding
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.pnl import Booked, Books
from capital.domain.performance.symbols import parse_symbol
from capital.domain.performance.telling import counting
from capital.domain.reasons import Code, Reason
from capital.models import Attribution, Fill, Flow
from capital.services.accounts.denomination import Denomination
from capital.services.balances.summaries import business_date
from capital.services.trading.booking.fills import as_booked
from capital.services.trading.booking.flows import as_funding, is_booked, key_of
from capital.services.trading.booking.openings import Openings
from capital.services.trading.booking.writing import PositionKey
from capital.services.trading.same_orders import told, with_their_orders

ROWS_AT_ONCE = 500

_Row = TypeVar("_Row")
_ZERO = EXACT.create_decimal(0)


@dataclass(frozen=True)
class BooksPoint:
    """How the books of one account stood at the begin of a day."""

    until: datetime
    books: Mapping[PositionKey, Books]


@dataclass(frozen=True)
class _Event:
    """A fill of one position, or a payment: of one position, or (``key`` None) of all of them."""

    account_id: int
    at: datetime
    symbol: str
    key: PositionKey | None
    happened: BookedFill | Funding


@dataclass
class Replay:
    """The fills and flows of a batch of accounts.

    Attributes:
        account_ids: The accounts.
        links: The account of each of their links.
        moneys: By account.
        begun: By account, from where on it is booked; else from its first fill.
        settled_at: The moment at which the books are kept in ``settled``.
        found: Called with an account and what is wrong with one of its rows.
        books: By position, how its books stand after all.
        settled: By account, how its books stood at ``settled_at``.
        fills: How many rows were read.
        flows: How many rows were read.
    """

    account_ids: Sequence[int]
    links: Mapping[int, int]
    moneys: Mapping[int, Denomination]
    begun: Mapping[int, BooksPoint]
    settled_at: datetime
    found: Callable[[int, Iterable[Reason]], None]
    books: dict[PositionKey, Books] = field(default_factory=dict)
    settled: dict[int, Mapping[PositionKey, Books]] = field(default_factory=dict)
    fills: int = 0
    flows: int = 0

    def days(self) -> Iterator[tuple[int, date, dict[tuple[PositionKey, str], BookedDay]]]:
        """What each position earned, for each day of each account, in this order."""
        events = merge(self._fills(), self._flows(), key=lambda event: (event.account_id, event.at))
        for account_id, of_account in groupby(events, key=lambda event: event.account_id):
            yield from self._days_of(account_id, of_account)
        for account_id in self.account_ids:
            if account_id not in self.settled and account_id in self.begun:
                self.settled[account_id] = self.begun[account_id].books
                self.books.update(self.begun[account_id].books)

    def _days_of(self, account_id: int, events: Iterable[_Event]) -> Iterator[Any]:
        money = self.moneys[account_id]
        point = self.begun.get(account_id)
        standing: dict[str, dict[PositionKey, Books]] = defaultdict(dict)
        for key, books in (point.books if point is not None else {}).items():
            standing[key.symbol][key] = books
        for day, of_day in groupby(events, key=lambda event: business_date(event.at)):
            rows: dict[tuple[PositionKey, str], BookedDay] = defaultdict(BookedDay)
            for at, together in groupby(of_day, key=lambda event: event.at):
                if at >= self.settled_at and account_id not in self.settled:
                    self.settled[account_id] = _flat(standing)
                for event in sorted(together, key=lambda event: in_sequence(event.happened)):
                    for key, entry in _booked(event, standing[event.symbol]):
                        symbol = parse_symbol(key.symbol)
                        currency = entry.currency or money.paid_in(key.symbol)
                        rows[key, currency].add(entry, is_position=symbol is not None)
            yield account_id, day, dict(rows)
        self.books.update(_flat(standing))
        self.settled.setdefault(account_id, _flat(standing))

    def _fills(self) -> Iterator[_Event]:
        newest = Attribution.objects.filter(fill=OuterRef("pk")).order_by("-pk")
        rows: Any = (
            Fill.objects.filter(self._behind("executed_at"))
            .annotate(owner=Subquery(newest.values("strategy_account")[:1]))
            .order_by("account_id", "executed_at", "pk")
            .iterator(chunk_size=ROWS_AT_ONCE)
        )
        openings = Openings.of(self.account_ids)
        for page in _pages(rows):
            self.fills += len(page)
            counted = counting(told(fill) for fill in with_their_orders(page))
            for fill in page:
                if fill.owner is None or not self._is_own(fill.account_id, fill.owner):
                    if fill.owner is not None:
                        named = {"fill": str(fill.pk), "link": str(fill.owner)}
                        wrong = Reason(Code.ATTRIBUTION_OF_OTHER_ACCOUNT, named)
                        self.found(fill.account_id, [wrong])
                elif fill.pk in counted and not openings.include(fill, fill.owner):
                    key = PositionKey(fill.owner, fill.symbol, fill.position_side)
                    booked = as_booked(fill, step=_ZERO)
                    yield _Event(fill.account_id, fill.executed_at, fill.symbol, key, booked)

    def _flows(self) -> Iterator[_Event]:
        kinds = [kind.value for kind in FlowKind if kind.is_earned]
        rows = (
            Flow.objects.filter(
                self._behind("occurred_at"), kind__in=kinds, matched_by__isnull=True
            )
            .select_related("account")
            .order_by("account_id", "occurred_at", "pk")
            .iterator(chunk_size=ROWS_AT_ONCE)
        )
        for flow in rows:
            self.flows += 1
            link_id = flow.strategy_account_id
            if link_id is not None and not self._is_own(flow.account_id, link_id):
                named = {"flow": str(flow.pk), "link": str(link_id)}
                self.found(flow.account_id, [Reason(Code.FLOW_OF_OTHER_ACCOUNT, named)])
            elif is_booked(flow):
                yield _Event(
                    flow.account_id,
                    flow.occurred_at,
                    flow.symbol,
                    key_of(flow),
                    as_funding(flow),
                )

    def _is_own(self, account_id: int, link_id: int) -> bool:
        return self.links.get(link_id) == account_id

    def _behind(self, column: str) -> Q:
        whole = [key for key in self.account_ids if key not in self.begun]
        parts = [
            Q(account_id=key, **{f"{column}__gte": self.begun[key].until})
            for key in self.account_ids
            if key in self.begun
        ]
        return Q(Q(account_id__in=whole), *parts, _connector=Q.OR)


def _booked(
    event: _Event, standing: dict[PositionKey, Books]
) -> Iterator[tuple[PositionKey, Booked]]:
    """Book one event of a symbol, and say what it did to whom."""
    happened: dict[PositionKey, BookedFill | Funding]
    if event.key is not None:
        happened = {event.key: event.happened}
    else:
        assert isinstance(event.happened, Funding), "fills are somebody's"
        held = {key: standing[key].position.amount for key in sorted(standing)}
        happened = dict(shares_of(event.happened, held))
    for key, each in happened.items():
        standing[key], entry = standing.get(key, Books()).after(each)
        yield key, entry


def _flat(standing: Mapping[str, Mapping[PositionKey, Books]]) -> dict[PositionKey, Books]:
    return {key: books for of_symbol in standing.values() for key, books in of_symbol.items()}


def _pages(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    while page := list(islice(rows, ROWS_AT_ONCE)):
        yield page

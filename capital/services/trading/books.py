"""The books of each position, kept current: what its fills come to, and what it earned by day.

How the books stand is in ``Position.books``; what was earned on each day is in ``SymbolDay``. A
fill that is later than all others is added to what stands there. Where one comes late, or takes
the place of a provisional one, the position is booked again from its first fill. Funding that the
exchange pays to the account is divided among those who held its symbol then: where that changes,
all of them are booked again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from capital.domain.money import EXACT, add_to, plain, quotient
from capital.domain.performance.division import keep_books_together
from capital.domain.performance.fills import Fee, Funding
from capital.domain.performance.fills import Fill as BookedFill
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.pnl import Booked, Books
from capital.domain.performance.stored import AMOUNTS_OF_TRADE, books_as_json, books_from_json
from capital.domain.performance.symbols import Symbol, parse_symbol
from capital.domain.performance.telling import FillSource, counting
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side
from capital.models import (
    Attribution,
    Fill,
    Flow,
    Position,
    PositionSource,
    StrategyAccount,
    SymbolDay,
    Trade,
)
from capital.models.columns.exact import cut_for
from capital.services.balances.summaries import business_date
from capital.services.trading.days import restate_days
from capital.services.trading.same_orders import told, with_their_orders
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)
_SUMS = ("realized", "fees", "funding", "volume", "cost_unknown")
_COUNTS = ("fills", "trades", "wins", "losses")
_FIGURES = (*_SUMS, *_COUNTS, "fees_unvalued", "held", "cost")


@dataclass(frozen=True, order=True)
class PositionKey:
    """Whose books: of which link, in what, on which side."""

    link_id: int
    symbol: str
    position_side: str


@inside_transaction
def keep_current(
    added: Mapping[PositionKey, Sequence[Fill]],
    *,
    again: Collection[PositionKey] = (),
    flows: Sequence[Flow] = (),
    steps: Mapping[str, Decimal],
    now: datetime,
) -> None:
    """Book what was recorded of one account. Call it inside the transaction that locked it.

    A constant number of queries, whatever the number of fills, and some for each position.

    Args:
        added: By position, the new fills that count.
        again: Positions that lost a fill: to better ones of its order, or to somebody else.
        flows: What was earned without a fill, and is recorded by now.
        steps: By symbol, below which quantity a position is flat; 0 where that is not known.
        now: Says which day is today.
    """
    news = _News(added, again, [flow for flow in flows if is_booked(flow)])
    if not news.symbols:
        return
    account_id = news.account_id
    positions = _positions(account_id, news.symbols)
    recent = _earned(account_id, news.symbols, since=news.begins_at)
    whole = news.booked_again(positions, recent)
    earlier = _earned(account_id, {key.symbol for key in whole}) if whole else {}
    # Who holds what decides how it is divided, so one of them is booked again with all others.
    shared = {symbol for symbol, found in earlier.items() if any(map(is_shared, found))}
    whole |= {key for key in news.members(positions) if key.symbol in shared}
    history = counting_fills(whole)
    since = business_date(now)
    for symbol in sorted(news.symbols):
        members = [key for key in news.members(positions) if key.symbol == symbol]
        fills = {key: (history if key in whole else added).get(key, ()) for key in members}
        of_symbol = {
            key: earlier.get(symbol, ()) if key in whole else news.flows_of(symbol)
            for key in members
        }
        changed = _book_symbol(
            [_Member(key, positions.get(key), key in whole) for key in members],
            {
                key: [as_booked(fill, step=steps.get(symbol, _ZERO)) for fill in fills[key]]
                for key in members
            },
            of_symbol,
        )
        since = min([since, *changed])
    restate_days([account_id], since=since, now=now)


@dataclass(frozen=True)
class _News:
    """What is new of one account, and which positions it concerns."""

    added: Mapping[PositionKey, Sequence[Fill]]
    lost: Collection[PositionKey]
    flows: Sequence[Flow]

    @property
    def replaced(self) -> list[Flow]:
        """What a person had entered, and no longer counts beside what the exchange told."""
        found = (flow.matches for flow in self.flows)
        return [flow for flow in found if flow is not None and is_booked(flow)]

    @property
    def keys(self) -> list[PositionKey]:
        named = [key_of(flow) for flow in [*self.flows, *self.replaced]]
        own = [key for key in named if key is not None]
        return list(dict.fromkeys([*self.added, *self.lost, *own]))

    @property
    def symbols(self) -> set[str]:
        found = {flow.symbol for flow in [*self.flows, *self.replaced]}
        return found | {key.symbol for key in self.keys}

    @property
    def account_id(self) -> int:
        known = [flow.account_id for flow in self.flows]
        known += [fill.account_id for fills in self.added.values() for fill in fills]
        if known:
            return known[0]
        link = StrategyAccount.objects.only("account_id").get(pk=self.keys[0].link_id)
        return link.account_id

    @property
    def begins_at(self) -> datetime:
        """When the first of it happened."""
        times = [fill.executed_at for fills in self.added.values() for fill in fills]
        return min([*times, *(flow.occurred_at for flow in self.flows)], default=timezone.now())

    def flows_of(self, symbol: str) -> list[Flow]:
        return [flow for flow in self.flows if flow.symbol == symbol]

    def members(self, positions: Mapping[PositionKey, Position]) -> list[PositionKey]:
        """Whoever may hold something of these symbols, in a fixed order."""
        with_books = [key for key, position in positions.items() if position.books is not None]
        return sorted({*self.keys, *with_books})

    def booked_again(
        self,
        positions: Mapping[PositionKey, Position],
        recent: Mapping[str, Sequence[Flow]],
    ) -> set[PositionKey]:
        """The positions that are booked from their first fill, because something comes late."""
        new = {flow.pk for flow in self.flows}
        replaced = {flow.symbol for flow in self.replaced}
        found = set(self.lost)
        for key in self.members(positions):
            fills = [as_booked(fill, step=_ZERO) for fill in self.added.get(key, ())]
            flows = [flow for flow in self.flows_of(key.symbol) if _concerns(flow, key)]
            events: list[BookedFill | Funding] = [*fills, *map(as_funding, flows)]
            # A division of before rests on what was held then.
            is_behind = any(
                is_shared(flow) and flow.pk not in new and flow.occurred_at >= fill.executed_at
                for flow in recent.get(key.symbol, ())
                for fill in fills
            )
            is_late = events and not _follows(min(each.order for each in events), positions, key)
            if is_late or is_behind or key.symbol in replaced:
                found.add(key)
        return found


def is_booked(flow: Flow) -> bool:
    """Whether it belongs to the books of somebody: earned, and of a link or of a symbol."""
    is_named = flow.strategy_account_id is not None or parse_symbol(flow.symbol) is not None
    return FlowKind(flow.kind).is_earned and is_named


def is_shared(flow: Flow) -> bool:
    """Whether it is divided among those who held its symbol."""
    return flow.strategy_account_id is None


def key_of(flow: Flow) -> PositionKey | None:
    """Whose it is alone, whatever side it holds; None where it is divided."""
    if flow.strategy_account_id is None:
        return None
    return PositionKey(flow.strategy_account_id, flow.symbol, PositionSide.BOTH.value)


def _concerns(flow: Flow, key: PositionKey) -> bool:
    return is_shared(flow) or key_of(flow) == key


def as_funding(flow: Flow) -> Funding:
    """What was earned without a fill, as the books take it."""
    symbol = parse_symbol(flow.symbol)
    is_settled = symbol is not None and symbol.settle == flow.currency
    return Funding(
        key=flow.venue_flow_id or f"~{flow.pk}",
        paid_at=flow.occurred_at,
        amount=flow.amount,
        currency="" if is_settled else flow.currency,
        is_rebate=flow.kind == FlowKind.REBATE.value,
    )


def _earned(
    account_id: int, symbols: Collection[str], *, since: datetime | None = None
) -> dict[str, list[Flow]]:
    """What was earned without a fill in these symbols and counts, by symbol, in one query."""
    rows = _earned_rows([account_id], symbols)
    if since is not None:
        rows = rows.filter(occurred_at__gte=since)
    found: dict[str, list[Flow]] = defaultdict(list)
    for flow in rows:
        found[flow.symbol].append(flow)
    return found


def _earned_rows(account_ids: Collection[int], symbols: Collection[str]) -> QuerySet[Flow]:
    kinds = [kind.value for kind in FlowKind if kind.is_earned]
    rows = Flow.objects.filter(
        account__in=account_ids, symbol__in=symbols, kind__in=kinds, matched_by__isnull=True
    )
    return rows.order_by("pk")


@dataclass(frozen=True)
class Openings:
    """What was held when books began: it states all that was filled before.

    Attributes:
        moments: By account, symbol and side, whose each opening is (None: nobody's) and its time.
    """

    moments: Mapping[tuple[int, str, str], Sequence[tuple[int | None, datetime]]]

    @classmethod
    def of(cls, account_ids: Collection[int], symbols: Collection[str] | None = None) -> "Openings":
        """Those of these accounts; of some symbols, or of all for None. One query."""
        newest = Attribution.objects.filter(fill=OuterRef("pk")).order_by("-pk")
        rows: Any = Fill.objects.filter(source=FillSource.OPENING.value, account__in=account_ids)
        if symbols is not None:
            rows = rows.filter(symbol__in=symbols)
        found: dict[tuple[int, str, str], list[tuple[int | None, datetime]]] = defaultdict(list)
        owner = Subquery(newest.values("strategy_account")[:1])
        for row in rows.order_by().annotate(owner=owner):
            found[row.account_id, row.symbol, row.position_side].append(
                (row.owner, row.executed_at)
            )
        return cls(found)

    def include(self, fill: Fill, owner: int | None) -> bool:
        """Whether a later one states what this fill of a link, or of nobody (None), did.

        That of a link is about its own fills, that of nobody about all of the account.
        """
        key = (fill.account_id, fill.symbol, fill.position_side)
        return any(
            whose in (None, owner) and fill.executed_at < at
            for whose, at in self.moments.get(key, ())
        )


def keys_beside(openings: Iterable[Fill]) -> set[PositionKey]:
    """Whose books may be others with these openings: of all who ever filled these symbols."""
    wanted = {(each.account_id, each.symbol, each.position_side) for each in openings}
    if not wanted:
        return set()
    owned = present_owners(
        Attribution.objects.filter(
            fill__account__in={account_id for account_id, *_ in wanted},
            fill__symbol__in={symbol for _, symbol, _ in wanted},
            strategy_account__isnull=False,
        )
    )
    columns = ("fill__account", "strategy_account", "fill__symbol", "fill__position_side")
    return {
        PositionKey(*key)
        for account_id, *key in owned.values_list(*columns).distinct()
        if (account_id, *key[1:]) in wanted
    }


def counting_fills(keys: Iterable[PositionKey]) -> dict[PositionKey, list[Fill]]:
    """The fills of these positions that count, in three queries; some more for provisional ones."""
    wanted = set(keys)
    found: dict[PositionKey, list[Fill]] = defaultdict(list)
    if not wanted:
        return found
    owned = present_owners(
        Attribution.objects.filter(
            strategy_account__in={key.link_id for key in wanted},
            fill__symbol__in={key.symbol for key in wanted},
        )
    )
    owners = dict(owned.values_list("fill_id", "strategy_account_id"))
    fills = Fill.objects.filter(pk__in=list(owners)).order_by()
    rows = {fill.pk: fill for fill in fills}
    # What tells of the same order may be somebody else's, and count before it.
    counted = counting(told(fill) for fill in with_their_orders(list(rows.values())))
    openings = Openings.of({fill.account_id for fill in rows.values()}, {k.symbol for k in wanted})
    for pk, fill in rows.items():
        key = PositionKey(owners[pk], fill.symbol, fill.position_side)
        if pk in counted and key in wanted and not openings.include(fill, owners[pk]):
            found[key].append(fill)
    return found


def nobodys_fills(account_ids: Collection[int]) -> list[Fill]:
    """The fills of these accounts that count and are nobody's; in a constant number of queries."""
    owned = present_owners(Attribution.objects.filter(fill__account__in=account_ids)).exclude(
        strategy_account__isnull=True
    )
    rows = Fill.objects.filter(account__in=account_ids).exclude(pk__in=owned.values("fill"))
    fills = list(rows.order_by("pk"))
    # A provisional one no longer counts beside the fills of its order, whosever they are.
    counted = counting(told(fill) for fill in with_their_orders(fills))
    openings = Openings.of(account_ids)
    return [fill for fill in fills if fill.pk in counted and not openings.include(fill, None)]


def present_owners(attributions: QuerySet[Attribution]) -> QuerySet[Attribution]:
    """The newest attribution of each fill, of those given."""
    newer = Attribution.objects.filter(fill=OuterRef("fill"), pk__gt=OuterRef("pk"))
    return attributions.filter(~Exists(newer)).order_by()


def as_booked(fill: Fill, *, step: Decimal) -> BookedFill:
    """A recorded fill as the books take it; below ``step`` what is left of it is flat."""
    symbol = _symbol(fill.symbol)
    return BookedFill(
        key=fill.venue_fill_id or f"~{fill.pk}",
        executed_at=fill.executed_at,
        kind=symbol.kind,
        base=symbol.base,
        settle=fill.settle,
        side=Side(fill.side),
        position_side=PositionSide(fill.position_side),
        quantity=fill.quantity,
        price=fill.price,
        contract_size=fill.contract_size,
        fees=tuple(
            Fee(Decimal(fee["amount"]), fee["currency"], _optional(fee.get("value")))
            for fee in fill.fees
        ),
        step=step,
    )


def _symbol(text: str) -> Symbol:
    symbol = parse_symbol(text)
    assert symbol is not None, "no other symbol is recorded"
    return symbol


def _optional(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _positions(account_id: int, symbols: Collection[str]) -> dict[PositionKey, Position]:
    rows = Position.objects.filter(
        strategy_account__account=account_id, symbol__in=symbols
    ).order_by("pk")
    return {
        PositionKey(row.strategy_account_id, row.symbol, row.position_side): row for row in rows
    }


def _follows(
    first: tuple[datetime, int, str], positions: Mapping[PositionKey, Position], key: PositionKey
) -> bool:
    """Whether what begins here comes after what is booked already."""
    position = positions.get(key)
    if position is None or position.books is None:
        # There may be fills of before that were somebody else's.
        return False
    at, length, name = position.books["until"]
    return first > (datetime.fromisoformat(at), length, name)


@dataclass(frozen=True)
class _Member:
    """One who may hold something: whose books, as they are stored, and whether from the start."""

    key: PositionKey
    position: Position | None
    is_again: bool

    @property
    def books(self) -> Books:
        if self.is_again or self.position is None or self.position.books is None:
            return Books()
        return books_from_json(self.position.books)


def _book_symbol(
    members: Sequence[_Member],
    fills: Mapping[PositionKey, Sequence[BookedFill]],
    flows: Mapping[PositionKey, Sequence[Flow]],
) -> list[date]:
    """Book one symbol of one account: what each did, and what is divided among them.

    Returns:
        The first day that changed, of each position that did.
    """
    after = _after({member.key: member.books for member in members}, fills, flows)
    changed: list[date] = []
    for member in members:
        books, entries = after[member.key]
        if entries or member.is_again:
            changed += _write_days(member.key, entries, is_again=member.is_again)
            _write_trades(member.key, entries, is_again=member.is_again)
            _write(member, books, entries, fills[member.key])
    return changed


def _after(
    books: Mapping[PositionKey, Books],
    fills: Mapping[PositionKey, Sequence[BookedFill]],
    flows: Mapping[PositionKey, Sequence[Flow]],
) -> dict[PositionKey, tuple[Books, list[Booked]]]:
    """The books of all who trade one symbol on one account, after their fills and flows."""
    own = {key: [as_funding(flow) for flow in flows[key] if key_of(flow) == key] for key in books}
    shared = {flow.pk: flow for of_key in flows.values() for flow in of_key if is_shared(flow)}
    return keep_books_together(
        books,
        {key: [*fills[key], *own[key]] for key in books},
        [as_funding(flow) for flow in shared.values()],
    )


def realized_after(
    moments: Mapping[int, datetime], positions: Iterable[Position]
) -> dict[PositionKey, Decimal]:
    """What these links realised in their settle currencies after their moments.

    Their symbols are booked again for that, and nothing is written. No query where nothing happened
    since; else a constant number.

    Args:
        moments: By link.
        positions: All of these links that have books, with ``strategy_account`` loaded.
    """
    late = [each for each in positions if _until(each) > moments[each.strategy_account_id]]
    if not late:
        return {}
    accounts = {each.strategy_account.account_id for each in late}
    symbols = {each.symbol for each in late}
    found = Position.objects.filter(
        strategy_account__account__in=accounts, symbol__in=symbols, books__isnull=False
    )
    members: dict[tuple[int, str], list[PositionKey]] = defaultdict(list)
    for row in found.select_related("strategy_account").order_by("pk"):
        key = PositionKey(row.strategy_account_id, row.symbol, row.position_side)
        members[row.strategy_account.account_id, row.symbol].append(key)
    history = counting_fills({key for keys in members.values() for key in keys})
    flows: dict[tuple[int, str], list[Flow]] = defaultdict(list)
    for flow in _earned_rows(accounts, symbols):
        flows[flow.account_id, flow.symbol].append(flow)
    sums: dict[PositionKey, Decimal] = {}
    for scope, keys in members.items():
        fills = {key: [as_booked(fill, step=_ZERO) for fill in history[key]] for key in keys}
        of_keys = dict.fromkeys(keys, flows[scope])
        after = _after({key: Books() for key in sorted(keys)}, fills, of_keys)
        for key, (_, entries) in after.items():
            for entry in entries if key.link_id in moments else ():
                if entry.at > moments[key.link_id] and not entry.currency:
                    add_to(sums, key, entry.realized)
    return sums


def _until(position: Position) -> datetime:
    assert position.books is not None, "those without are left out"
    return datetime.fromisoformat(position.books["until"][0])


def _write(
    member: _Member, books: Books, entries: Sequence[Booked], fills: Sequence[BookedFill]
) -> None:
    key = member.key
    if parse_symbol(key.symbol) is None or (member.position is None and not entries):
        # What was earned in no symbol is of no position; what is in an opening makes none.
        return
    position = member.position or Position(
        strategy_account_id=key.link_id, symbol=key.symbol, position_side=key.position_side
    )
    if entries:
        _stand(position, books, fills, entries[-1], is_again=member.is_again)
    else:
        position.books = position.realized_pnl = None
        position.quantity = position.reported_quantity or _ZERO
        position.source = PositionSource.REPORT
    position.save()


def _stand(
    position: Position,
    books: Books,
    fills: Sequence[BookedFill],
    last: Booked,
    *,
    is_again: bool,
) -> None:
    """Say on a position how its books stand, and what it holds."""
    before = {} if is_again or position.books is None else position.books
    since = Decimal(before.get("since_report", "0"))
    for fill in fills:
        if position.reported_at is not None and fill.executed_at > position.reported_at:
            since = EXACT.add(since, fill.held)
    size = Decimal(before.get("contract_size", "1"))
    if fills:
        size = max(fills, key=lambda fill: fill.order).contract_size
    position.books = {
        **books_as_json(books),
        "until": [last.at.isoformat(), len(last.key), last.key],
        "since_report": plain(since),
        "contract_size": plain(size),
    }
    position.realized_pnl = books.realized
    kind = _symbol(position.symbol).kind
    held = booked = in_contracts(books.position.amount, kind, size)
    if position.reported_quantity is not None:
        held = EXACT.add(position.reported_quantity, in_contracts(since, kind, size))
    if since or position.reported_quantity is None:
        position.source = PositionSource.FILLS
    position.quantity = cut_for(Position, "quantity", held)
    if held == booked:
        entry = books.position.entry_price(kind)
        position.entry_price = None if entry is None else cut_for(Position, "entry_price", entry)


def booked_quantity(position: Position) -> Decimal | None:
    """What its fills come to, in the unit of a position; None without fills."""
    if position.books is None:
        return None
    amount, size = (Decimal(position.books[name]) for name in ("amount", "contract_size"))
    return in_contracts(amount, _symbol(position.symbol).kind, size)


def in_contracts(amount: Decimal, kind: InstrumentKind, size: Decimal) -> Decimal:
    """An amount of the books in the unit of a position: contracts, where they are inverse."""
    return quotient(amount, size) if kind is InstrumentKind.INVERSE else amount


def _write_days(key: PositionKey, entries: Sequence[Booked], *, is_again: bool) -> list[date]:
    """Add what was booked to its days. Where it was booked again, write all of its days.

    Returns:
        The first day that is not as it was; none where all are.
    """
    of_key = SymbolDay.objects.filter(
        strategy_account=key.link_id, symbol=key.symbol, position_side=key.position_side
    )
    days: dict[tuple[date, str], list[Booked]] = defaultdict(list)
    for entry in entries:
        currency = entry.currency or _symbol(key.symbol).settle
        days[business_date(entry.at), currency].append(entry)
    dates = {day for day, _ in days}
    old = list(of_key if is_again else of_key.filter(date__in=dates))
    before = {} if is_again else {(row.date, row.currency): row for row in old}
    rows = {
        (day, currency): _with(
            before.get((day, currency))
            or SymbolDay(
                strategy_account_id=key.link_id,
                symbol=key.symbol,
                position_side=key.position_side,
                date=day,
                currency=currency,
                **dict.fromkeys(_SUMS, _ZERO),
            ),
            booked,
        )
        for (day, currency), booked in days.items()
    }
    if is_again:
        of_key.delete()
        dates = _differing(old, rows.values())
    SymbolDay.objects.bulk_create([row for row in rows.values() if row.pk is None], batch_size=500)
    if not is_again:
        SymbolDay.objects.bulk_update(old, _FIGURES, batch_size=500)
    return [min(dates)] if dates else []


def _write_trades(key: PositionKey, entries: Sequence[Booked], *, is_again: bool) -> None:
    """Write the trades that these entries ended; where it was booked again, those alone."""
    if is_again:
        Trade.objects.filter(
            strategy_account=key.link_id, symbol=key.symbol, position_side=key.position_side
        ).delete()
    ended = [(entry.at, entry.closed) for entry in entries if entry.closed is not None]
    Trade.objects.bulk_create(
        [
            Trade(
                strategy_account_id=key.link_id,
                symbol=key.symbol,
                position_side=key.position_side,
                currency=_symbol(key.symbol).settle,
                is_long=trade.is_long,
                opened_at=trade.opened_at,
                closed_at=closed_at,
                date=business_date(closed_at),
                fills=trade.fills,
                is_complete=trade.is_complete,
                **{name: getattr(trade, name) for name in AMOUNTS_OF_TRADE},
            )
            for closed_at, trade in ended
        ],
        batch_size=500,
    )


def _differing(old: Iterable[SymbolDay], new: Iterable[SymbolDay]) -> set[date]:
    """The days of which there is something else than before."""

    def figures(rows: Iterable[SymbolDay]) -> dict[tuple[date, str], list[Any]]:
        return {(row.date, row.currency): [getattr(row, name) for name in _FIGURES] for row in rows}

    before, after = figures(old), figures(new)
    keys = before.keys() | after.keys()
    return {key[0] for key in keys if before.get(key) != after.get(key)}


def _with(row: SymbolDay, entries: Iterable[Booked]) -> SymbolDay:
    unvalued = {currency: Decimal(text) for currency, text in row.fees_unvalued.items()}
    for entry in entries:
        if not entry.currency and row.symbol:
            row.held, row.cost = entry.position.amount, entry.position.cost
        for name in _SUMS:
            setattr(row, name, EXACT.add(getattr(row, name), getattr(entry, name)))
        row.fills += not entry.is_funding
        if entry.closed is not None:
            row.trades += 1
            row.wins += entry.closed.realized > 0
            row.losses += entry.closed.realized < 0
        for currency, amount in entry.fees_unvalued.items():
            add_to(unvalued, currency, amount)
    row.fees_unvalued = {currency: plain(amount) for currency, amount in unvalued.items()}
    return row

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
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from capital.domain.money import add_to
from capital.domain.performance.division import keep_books_together
from capital.domain.performance.fills import Fee, Funding
from capital.domain.performance.fills import Fill as BookedFill
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.pnl import Booked, Books
from capital.domain.performance.symbols import Symbol, parse_symbol
from capital.domain.performance.telling import FillSource
from capital.domain.sizing.orders import PositionSide, Side
from capital.models import (
    Attribution,
    Fill,
    Flow,
    Position,
    StrategyAccount,
)
from capital.models.queries.compiled import CompiledRows
from capital.services.balances.summaries import business_date
from capital.services.trading.booking.writing import Changed, Member, PositionKey, write_books
from capital.services.trading.days.closing import restate_days
from capital.services.trading.packed.months import unpack_since
from capital.services.trading.same_orders import counting_rows, with_their_orders
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)
_SIDES = {side.value: side for side in Side}
_POSITION_SIDES = {side.value: side for side in PositionSide}


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
    earned = [flow for flow in flows if is_booked(flow)]
    booked = {
        key: [as_booked(fill, step=steps.get(key.symbol, _ZERO)) for fill in fills]
        for key, fills in added.items()
    }
    news = _News(booked, again, earned)
    if not news.symbols:
        return
    account_id = _account_of(added, earned, again)
    positions = _positions(account_id, news.symbols)
    recent = _earned(account_id, news.symbols, since=news.begins_at)
    begun = _begun_before(account_id, news.keys_without_books(positions), added)
    whole = news.booked_again(positions, recent, begun)
    earlier = _earned(account_id, {key.symbol for key in whole}) if whole else {}
    # Who holds what decides how it is divided, so one of them is booked again with all others.
    shared = {symbol for symbol, found in earlier.items() if any(map(is_shared, found))}
    whole |= {key for key in news.members(positions) if key.symbol in shared}
    booked |= _booked_history(whole, steps)
    changes: list[Changed] = []
    for symbol in sorted(news.symbols):
        members = [key for key in news.members(positions) if key.symbol == symbol]
        of_symbol = {
            key: earlier.get(symbol, ()) if key in whole else news.flows_of(symbol)
            for key in members
        }
        changes += _book_symbol(
            [Member(key, positions.get(key), key in whole) for key in members],
            {key: booked.get(key, ()) for key in members},
            of_symbol,
        )
    today, first = business_date(now), write_books(changes)
    if first is not None and first < today:
        unpack_since({change.member.key.link_id for change in changes}, since=first)
    restate_days([account_id], since=today if first is None else min(today, first), now=now)


def _account_of(
    added: Mapping[PositionKey, Sequence[Any]],
    flows: Sequence[Flow],
    again: Collection[PositionKey],
) -> int:
    known: list[int] = [flow.account_id for flow in flows]
    known += [fill.account_id for fills in added.values() for fill in fills[:1]]
    if known:
        return known[0]
    link = StrategyAccount.objects.only("account_id").get(pk=next(iter(again)).link_id)
    return link.account_id


def _booked_history(
    keys: Collection[PositionKey], steps: Mapping[str, Decimal]
) -> dict[PositionKey, list[BookedFill]]:
    """All fills of these positions that count, as the books take them."""
    history = counting_fills(keys)
    return {
        key: [as_booked(fill, step=steps.get(key.symbol, _ZERO)) for fill in history[key]]
        for key in keys
    }


def _begun_before(
    account_id: int, keys: Collection[PositionKey], added: Mapping[PositionKey, Sequence[Fill]]
) -> set[PositionKey]:
    """Those of these positions without books that may have done something before what is new.

    What was filled may have been somebody else's, and an opening may state some of what is new.
    """
    if not keys:
        return set()
    symbols = {key.symbol for key in keys}
    new = [fill.pk for key in keys for fill in added.get(key, ())]
    recorded = Attribution.objects.filter(
        strategy_account__in={key.link_id for key in keys}, fill__symbol__in=symbols
    ).exclude(fill_id__among=new)
    columns = ("strategy_account", "fill__symbol", "fill__position_side")
    found = {PositionKey(*row) for row in recorded.order_by().values_list(*columns).distinct()}
    openings = Openings.of([account_id], symbols).moments
    opened = {symbol for _, symbol, _ in openings}
    # What was earned in no symbol has no position, and is added up again.
    return {
        key
        for key in keys
        if key in found or key.symbol in opened or parse_symbol(key.symbol) is None
    }


@dataclass(frozen=True)
class _News:
    """What is new of one account, and which positions it concerns."""

    added: Mapping[PositionKey, Sequence[BookedFill]]
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

    def keys_without_books(self, positions: Mapping[PositionKey, Position]) -> list[PositionKey]:
        return [
            key
            for key in self.keys
            if key not in self.lost and (key not in positions or positions[key].books is None)
        ]

    def booked_again(
        self,
        positions: Mapping[PositionKey, Position],
        recent: Mapping[str, Sequence[Flow]],
        begun: Collection[PositionKey],
    ) -> set[PositionKey]:
        """The positions that are booked from their first fill, because something comes late."""
        new = {flow.pk for flow in self.flows}
        replaced = {flow.symbol for flow in self.replaced}
        found = {*self.lost, *begun}
        for key in self.members(positions):
            fills = self.added.get(key, ())
            flows = [flow for flow in self.flows_of(key.symbol) if _concerns(flow, key)]
            events: list[BookedFill | Funding] = [*fills, *map(as_funding, flows)]
            divided = [
                flow.occurred_at
                for flow in recent.get(key.symbol, ())
                if is_shared(flow) and flow.pk not in new
            ]
            # A division of before rests on what was held then.
            is_behind = bool(divided and fills) and max(divided) >= min(
                fill.executed_at for fill in fills
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
    return _earned_of_all(symbols).filter(account__in=account_ids)


def _earned_of_all(symbols: Collection[str]) -> QuerySet[Flow]:
    """Of all accounts."""
    kinds = [kind.value for kind in FlowKind if kind.is_earned]
    rows = Flow.objects.filter(symbol__in=symbols, kind__in=kinds, matched_by__isnull=True)
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
    fills = Fill.objects.filter(pk__among=owners).order_by()
    rows = {fill.pk: fill for fill in fills}
    # What tells of the same order may be somebody else's, and count before it.
    counted = counting_rows(with_their_orders(list(rows.values())))
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
    counted = counting_rows(with_their_orders(fills))
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
        side=_SIDES[fill.side],
        position_side=_POSITION_SIDES[fill.position_side],
        quantity=fill.quantity,
        price=fill.price,
        contract_size=fill.contract_size,
        fees=tuple(
            [
                Fee(Decimal(fee["amount"]), fee["currency"], _optional(fee.get("value")))
                for fee in fill.fees
            ]
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
    return {
        PositionKey(row.strategy_account_id, row.symbol, row.position_side): row
        for row in _POSITIONS.instances(account_id, symbols)
    }


_POSITIONS = CompiledRows(
    Position,
    lambda account_id, symbols: Position.objects.filter(
        strategy_account__account=account_id, symbol__among=symbols
    ).order_by("pk"),
)


def _follows(
    first: tuple[datetime, int, str], positions: Mapping[PositionKey, Position], key: PositionKey
) -> bool:
    """Whether what begins here comes after what is booked already."""
    position = positions.get(key)
    if position is None or position.books is None:
        return True
    at, length, name = position.books["until"]
    return first > (datetime.fromisoformat(at), length, name)


def _book_symbol(
    members: Sequence[Member],
    fills: Mapping[PositionKey, Sequence[BookedFill]],
    flows: Mapping[PositionKey, Sequence[Flow]],
) -> list[Changed]:
    """Book one symbol of one account: what each did, and what is divided among them."""
    after = _after({member.key: member.books for member in members}, fills, flows)
    return [
        Changed(member, *after[member.key], fills[member.key])
        for member in members
        if after[member.key][1] or member.is_again
    ]


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
    moments: Mapping[int, datetime], positions: Iterable[Position], currencies: Mapping[int, str]
) -> dict[int, Decimal]:
    """What these links earned after their moments in symbols, in their accounts' currencies.

    Their symbols are booked again for that, and nothing is written. No query where nothing happened
    since; else a constant number.

    Args:
        moments: By link.
        positions: All of these links that have books, with ``strategy_account`` loaded.
        currencies: Of the accounts, by link: what was earned in another one stands apart.
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
    sums: dict[int, Decimal] = {}
    for scope, keys in members.items():
        fills = {key: [as_booked(fill, step=_ZERO) for fill in history[key]] for key in keys}
        of_keys = dict.fromkeys(keys, flows[scope])
        after = _after({key: Books() for key in sorted(keys)}, fills, of_keys)
        for (link_id, symbol, _), (_, entries) in after.items():
            if link_id not in moments:
                continue
            settle = _symbol(symbol).settle
            for entry in entries:
                is_own = (entry.currency or settle) == currencies[link_id]
                if is_own and entry.at > moments[link_id]:
                    add_to(sums, link_id, entry.realized)
    return sums


def earned_after(
    moments: Mapping[int, datetime], currencies: Mapping[int, str]
) -> dict[int, Decimal]:
    """What these links earned after their moments in no symbol, as interest is; one query.

    Args:
        moments: By link; without any, nothing is asked.
        currencies: As ``realized_after`` has them.
    """
    sums: dict[int, Decimal] = {}
    if not moments:
        return sums
    rows = _earned_of_all([""]).filter(strategy_account__in=moments)
    for flow in rows.filter(occurred_at__gt=min(moments.values())):
        key = key_of(flow)
        assert key is not None, "it was asked for by its link"
        link_id = key.link_id
        if flow.occurred_at > moments[link_id] and flow.currency == currencies[link_id]:
            add_to(sums, link_id, flow.amount)
    return sums


def _until(position: Position) -> datetime:
    assert position.books is not None, "those without are left out"
    return datetime.fromisoformat(position.books["until"][0])

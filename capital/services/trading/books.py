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

from django.utils import timezone

from capital.domain.money import add_to
from capital.domain.performance.division import keep_books_together
from capital.domain.performance.fills import Fill as BookedFill
from capital.domain.performance.fills import Funding
from capital.domain.performance.pnl import Booked, Books
from capital.domain.performance.symbols import parse_symbol
from capital.models import Attribution, Fill, Flow, Position, StrategyAccount
from capital.models.queries.compiled import CompiledRows
from capital.services.accounts.denomination import Denomination
from capital.services.balances.summaries import business_date
from capital.services.trading.booking.fills import as_booked, counting_fills
from capital.services.trading.booking.flows import (
    as_funding,
    concerns,
    currency_of,
    earned_by_symbol,
    earned_flows,
    earned_flows_of_all,
    is_booked,
    is_shared,
    key_of,
)
from capital.services.trading.booking.openings import Openings
from capital.services.trading.booking.writing import Changed, Member, PositionKey, write_books
from capital.services.trading.days.closing import restate_days
from capital.services.trading.packed.months import unpack_since
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)


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
    recent = earned_by_symbol(account_id, news.symbols, since=news.begins_at)
    begun = _begun_before(account_id, news.keys_without_books(positions), added)
    whole = news.booked_again(positions, recent, begun)
    earlier = earned_by_symbol(account_id, {key.symbol for key in whole}) if whole else {}
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
            flows = [flow for flow in self.flows_of(key.symbol) if concerns(flow, key)]
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
    moneys: dict[int, Denomination] = {}
    for row in found.select_related("strategy_account__account").order_by("pk"):
        moneys[row.strategy_account_id] = Denomination.of(row.strategy_account.account)
        key = PositionKey(row.strategy_account_id, row.symbol, row.position_side)
        members[row.strategy_account.account_id, row.symbol].append(key)
    history = counting_fills({key for keys in members.values() for key in keys})
    flows: dict[tuple[int, str], list[Flow]] = defaultdict(list)
    for flow in earned_flows(accounts, symbols):
        flows[flow.account_id, flow.symbol].append(flow)
    sums: dict[int, Decimal] = {}
    for scope, keys in members.items():
        fills = {key: [as_booked(fill, step=_ZERO) for fill in history[key]] for key in keys}
        of_keys = dict.fromkeys(keys, flows[scope])
        after = _after({key: Books() for key in sorted(keys)}, fills, of_keys)
        for (link_id, symbol, _), (_, entries) in after.items():
            if link_id not in moments:
                continue
            paid_in = moneys[link_id].paid_in(symbol)
            for entry in entries:
                is_own = (entry.currency or paid_in) == currencies[link_id]
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
    rows = earned_flows_of_all([""]).filter(strategy_account__in=moments)
    for flow in rows.filter(occurred_at__gt=min(moments.values())):
        key = key_of(flow)
        assert key is not None, "it was asked for by its link"
        link_id = key.link_id
        if flow.occurred_at > moments[link_id] and currency_of(flow) == currencies[link_id]:
            add_to(sums, link_id, flow.amount)
    return sums


def _until(position: Position) -> datetime:
    assert position.books is not None, "those without are left out"
    return datetime.fromisoformat(position.books["until"][0])

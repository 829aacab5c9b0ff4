"""Until when it is known what became of a link's orders, by what was reported and read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from capital.domain.performance.telling import FillSource
from capital.domain.pools import WalletMode, pool_of
from capital.models import AskedFor, Fill, Position, StrategyAccount, TradingCursor
from strategies.markets import MarketType

_WHAT = (AskedFor.FILLS.value, AskedFor.POSITIONS.value)


@dataclass(frozen=True)
class Asked:
    """One order that is asked about.

    Attributes:
        key: By which it is answered.
        link_id: Whose order it is.
        symbol: Its symbol.
    """

    key: int
    link_id: int
    symbol: str


def known_until(asked: Sequence[Asked]) -> dict[int, datetime]:
    """Until when fills or positions were read or reported, by key; left out where they never were.

    What a bot reported of a symbol is known until then; of its fills, until the last one; what the
    exchange was read for, until where its cursors stand. Three queries, none without orders.
    """
    if not asked:
        return {}
    link_ids = {each.link_id for each in asked}
    told = Fill.objects.filter(strategy_account=OuterRef("pk"), source=FillSource.BOT.value)
    by_time, by_pk = told.order_by("-executed_at"), told.order_by("-pk")
    rows: list[Any] = list(
        StrategyAccount.objects.filter(pk__in=link_ids)
        .select_related("account", "strategy")
        .annotate(
            last_at=Subquery(by_time.values("executed_at")[:1]),
            last_at_by=Subquery(by_time.values("recorded_at")[:1]),
            newest_at=Subquery(by_pk.values("executed_at")[:1]),
            newest_at_by=Subquery(by_pk.values("recorded_at")[:1]),
        )
    )
    links = {link.pk: link for link in rows}
    reported = _reported(link_ids)
    read = _read({link.account_id for link in rows})
    found = {}
    for each in asked:
        link = links[each.link_id]
        market = MarketType(link.strategy.market_type)
        pool = pool_of(market, WalletMode(link.account.wallet_mode))
        moments = [
            reported.get((each.link_id, each.symbol)),
            link.positions_told_at,
            *_told(link),
            *(_least(read, (link.account_id, pool.value, what), each.symbol) for what in _WHAT),
        ]
        if known := [moment for moment in moments if moment is not None]:
            found[each.key] = max(known)
    return found


def _told(link: Any) -> tuple[datetime, ...]:
    """Until when its bot told of fills. Its clock may be ahead, but it knows of nothing to come."""
    if link.last_at is None:
        return ()
    return min(link.last_at, link.last_at_by), min(link.newest_at, link.newest_at_by)


def _reported(link_ids: set[int]) -> dict[tuple[int, str], datetime]:
    found: dict[tuple[int, str], datetime] = {}
    rows = Position.objects.filter(strategy_account__in=link_ids, reported_at__isnull=False)
    for link_id, symbol, at in rows.values_list("strategy_account_id", "symbol", "reported_at"):
        assert at is not None, "it was asked for"
        found[link_id, symbol] = max(found.get((link_id, symbol), at), at)
    return found


_Cursors = dict[tuple[int, str, str], list[tuple[str, datetime]]]


def _read(account_ids: set[int]) -> _Cursors:
    found: _Cursors = {}
    rows = TradingCursor.objects.filter(
        account__in=account_ids, asked_for__in=_WHAT, asked_at__isnull=False
    )
    for row in rows:
        key = (row.account_id, row.pool, row.asked_for)
        found.setdefault(key, []).append((row.symbol, row.read_until))
    return found


def _least(read: _Cursors, key: tuple[int, str, str], symbol: str) -> datetime | None:
    """Until when all that tells of the symbol was read; None where nothing does."""
    moments = [until for of, until in read.get(key, ()) if of in ("", symbol)]
    return min(moments, default=None)

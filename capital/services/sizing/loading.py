"""Reads what orders are sized from: links with their terms and positions, and instruments.

Plain values from three queries. Making model instances would take most of the time of sizing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from capital.domain.allocation.links import why_idle
from capital.domain.errors import UnknownSymbol
from capital.domain.money import EXACT
from capital.domain.reasons import Reason
from capital.domain.sizing.admission import LinkRules
from capital.domain.sizing.formulas import Terms
from capital.domain.sizing.orders import PositionSide
from capital.exchange.contract import Quoted
from capital.models import AskedFor, Market, Position, Reservation, StrategyAccount, TradingCursor
from capital.models.queries.prepared import PreparedQuery
from capital.services.access.roles import role_of
from capital.services.access.visibility import Viewer
from capital.services.accounts.lookup import markets_of_venue, stands_for
from capital.services.limits.held import HeldCapital, held_capital
from capital.services.limits.stops import refusals, stopping
from capital.services.markets.stored import RULE_COLUMNS, described_change, rules_of
from capital.services.markets.symbols import Directory
from capital.services.sizing.terms import (
    Instrument,
    LinkTerms,
    OpenPosition,
    SizingTerms,
    find_symbol,
)
from strategies.markets import MarketType

_NOTHING = Decimal(0)
_HELD_BY = (AskedFor.FILLS.value, AskedFor.POSITIONS.value)
_LINK_COLUMNS = (
    "pk",
    "account__name",
    "account__venue",
    "account__currency",
    "account__is_active",
    "account__fee_rate",
    "account__utilisation",
    "account__max_budget_percent",
    "account__max_price_deviation_percent",
    "account__wallet_mode",
    "strategy__key",
    "strategy__market_type",
    "strategy__status",
    "is_active",
    "leverage",
    "max_symbols",
    "capital__allocated_capital",
    "capital__current_pnl",
    "knows_positions",
    "has_positions",
    "has_reservations",
    "stop",
)
# By which it is known whether somebody may see the link.
_VIEWED_COLUMNS = ("account_id", "account__owner_id", "role")
_MARKET_COLUMNS = (
    "venue",
    "symbol",
    *RULE_COLUMNS,
    "pending_rules",
    "is_active",
    "fetched_at",
)


def _links(
    ids: Sequence[int], user_ids: Sequence[int] | None = None
) -> QuerySet[StrategyAccount, Any]:
    """What is held is known where it was ever reported, or read from the exchange."""
    columns = _LINK_COLUMNS if user_ids is None else _LINK_COLUMNS + _VIEWED_COLUMNS
    viewed = {} if user_ids is None else {"role": role_of(user_ids, "account")}
    of_link = {"strategy_account": OuterRef("pk")}
    cursors = TradingCursor.objects.filter(
        account=OuterRef("account"), asked_for__in=_HELD_BY, asked_at__isnull=False
    )
    return (
        StrategyAccount.objects.filter(pk__in=ids)
        .annotate(
            knows_positions=Q(positions_told_at__isnull=False)
            | Exists(Position.objects.filter(**of_link))
            | Exists(cursors),
            has_positions=Exists(Position.objects.filter(**of_link).exclude(quantity=0)),
            has_reservations=Exists(Reservation.objects.filter(**of_link, is_held=True)),
            # Its key alone: what it says is read only where there is one, which is seldom.
            stop=Subquery(stopping().values("pk")[:1]),
            **viewed,
        )
        .order_by()
        .values_list(*columns)
    )


_LINKS = PreparedQuery(_links)
_POSITIONS = PreparedQuery(
    lambda ids: (
        Position.objects.filter(strategy_account_id__in=ids)
        .exclude(quantity=0)
        .order_by()
        .values_list(
            "strategy_account_id",
            "symbol",
            "position_side",
            "quantity",
            "entry_price",
            "mark_price",
            "marked_at",
        )
    )
)


def load_terms(
    link_ids: Sequence[int],
    symbols: Collection[str],
    *,
    now: datetime,
    viewer: Viewer | None = None,
) -> SizingTerms:
    """Read links, their positions, and ``symbols`` and what they hold on their venues.

    Args:
        link_ids: Primary keys.
        symbols: Those of the orders.
        now: Decides which reservations have expired.
        viewer: A link that they do not see is left out, as one that is not there; None: the caller
            knows that all may be seen.
    """
    rows = _seen_links(link_ids, viewer)
    with_reservations = [row["pk"] for row in rows if row["has_reservations"]]
    reserved = held_capital(with_reservations, now=now) if with_reservations else {}
    stops = refusals({row["stop"] for row in rows} - {None})
    links = {
        row["pk"]: _link(row, reserved.get(row["pk"], HeldCapital()), stops.get(row["stop"]))
        for row in rows
    }
    held = set()
    with_positions = [row["pk"] for row in rows if row["has_positions"]]
    for link_id, symbol, side, quantity, entry, mark, marked_at in _POSITIONS.rows(with_positions):
        sides = links[link_id].open.setdefault(symbol, {})
        sides[PositionSide(side)] = OpenPosition(
            symbol,
            _trimmed(quantity),
            None if entry is None else _trimmed(entry),
            None if mark is None else _trimmed(mark),
            marked_at,
        )
        held.add(symbol)
    venues = sorted({link.venue for link in links.values()})
    instruments = _instruments(venues, held.union(symbols))
    lacking = [
        venue for venue in venues if any((venue, symbol) not in instruments for symbol in symbols)
    ]
    directory = Directory.of(lacking) if lacking else Directory({})
    meant = _meant(directory, links.values(), symbols) - {symbol for _, symbol in instruments}
    if meant:
        instruments |= _instruments(venues, meant)
    return SizingTerms(
        {link.id: replace(link, dust=_dust(link, instruments)) for link in links.values()},
        instruments,
        directory,
    )


def _seen_links(link_ids: Sequence[int], viewer: Viewer | None) -> list[dict[str, Any]]:
    if viewer is None:
        return [dict(zip(_LINK_COLUMNS, row, strict=True)) for row in _LINKS.rows(link_ids)]
    columns = _LINK_COLUMNS + _VIEWED_COLUMNS
    rows = [
        dict(zip(columns, row, strict=True)) for row in _LINKS.rows(link_ids, [viewer.user.pk or 0])
    ]
    return [
        row
        for row in rows
        if viewer.sees(row["account_id"], owner_id=row["account__owner_id"], role=row["role"])
    ]


def _instruments(venues: list[str], symbols: AbstractSet[str]) -> dict[tuple[str, str], Instrument]:
    return {
        (each.quoted.venue, each.quoted.symbol): each
        for each in _MARKETS.rows(venues, sorted(symbols))
    }


def _meant(
    directory: Directory, links: Iterable[LinkTerms], asked: Collection[str]
) -> AbstractSet[str]:
    """The symbols that are meant by names which are none."""
    found = set()
    for link, name in product(links, asked):
        if directory.is_synced(link.venue):
            with suppress(UnknownSymbol):
                found.add(find_symbol(directory, link, name).symbol)
    return found


def _dust(link: LinkTerms, instruments: Mapping[tuple[str, str], Instrument]) -> frozenset[str]:
    return frozenset(
        symbol
        for symbol, sides in link.open.items()
        if (instrument := instruments.get((link.venue, symbol))) is not None
        and instrument.is_active
        and all(instrument.rules.is_dust(each.quantity) for each in sides.values())
    )


def _link(row: Mapping[str, Any], reserved: HeldCapital, stopped: Reason | None) -> LinkTerms:
    market, held = MarketType(row["strategy__market_type"]), row["capital__allocated_capital"]
    capital = Decimal(0) if held is None else _trimmed(held)
    percent = _trimmed(row["account__max_budget_percent"])
    return LinkTerms(
        id=row["pk"],
        account=row["account__name"],
        venue=row["account__venue"],
        wallet_mode=row["account__wallet_mode"],
        max_price_deviation_percent=_trimmed(row["account__max_price_deviation_percent"]),
        rules=LinkRules(
            strategy=row["strategy__key"],
            venue=row["account__venue"],
            market=market,
            currency=row["account__currency"],
            idle=why_idle(
                account_active=row["account__is_active"],
                venue_markets=markets_of_venue(row["account__venue"]),
                market=market,
                link_active=row["is_active"],
                strategy_status=row["strategy__status"],
            ),
            max_symbols=row["max_symbols"],
            max_budget_percent=percent,
            stands_for=stands_for(row["account__venue"], row["account__currency"]),
            stopped=stopped,
        ),
        capital=capital,
        lost=_lost(row["capital__current_pnl"]),
        reserved=reserved,
        knows_positions=bool(row["knows_positions"]),
        terms=Terms(
            capital=capital,
            leverage=_trimmed(row["leverage"]),
            fee_rate=_trimmed(row["account__fee_rate"]),
            utilisation=_trimmed(row["account__utilisation"]),
            max_budget_percent=percent,
        ),
    )


def _lost(pnl: Decimal | None) -> Decimal:
    """What of a PnL is a loss: profits add nothing, and what is not known takes nothing."""
    return _NOTHING if pnl is None or pnl >= 0 else _trimmed(pnl).copy_negate()


def _instrument(columns: Sequence[Any]) -> Instrument:
    row = dict(zip(_MARKET_COLUMNS, columns, strict=True))
    named = {
        name: row[name] for name in ("venue", "symbol", "market_id", "base", "quote", "settle")
    }
    rules = rules_of(row)
    return Instrument(
        rules,
        Quoted(kind=rules.kind, **named),
        row["is_active"],
        row["fetched_at"],
        described_change(row, row["pending_rules"]),
    )


_MARKETS = PreparedQuery(
    lambda venues, symbols: (
        Market.objects.filter(venue__in=venues, symbol__in=symbols)
        .order_by()
        .values_list(*_MARKET_COLUMNS)
    ),
    read=_instrument,
)


def _trimmed(number: Decimal) -> Decimal:
    """Without the trailing zeros of the column's decimals."""
    return number.normalize(EXACT)

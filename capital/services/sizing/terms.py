"""What sizing reads from the database: links with their terms and positions, and instruments.

Plain values from three queries. Making model instances would take most of the time of sizing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from capital.domain.allocation.links import why_idle
from capital.domain.errors import InvalidOrder, UnknownSymbol
from capital.domain.money import EXACT
from capital.domain.pools import WalletMode
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.admission import LinkRules
from capital.domain.sizing.formulas import Terms
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.domain.sizing.orders import OrderRequest, PositionSide, Side
from capital.domain.sizing.symbols import Named
from capital.exchange.contract import Quoted
from capital.exchange.venues import VENUES
from capital.models import (
    AskedFor,
    Market,
    Position,
    Reservation,
    StrategyAccount,
    TradingCursor,
)
from capital.models.queries.prepared import PreparedQuery
from capital.services.access.roles import role_of
from capital.services.access.visibility import Viewer
from capital.services.accounts.lookup import markets_of_venue, stands_for
from capital.services.limits.reservations import HeldCapital, held_capital
from capital.services.limits.stops import refusals, stopping
from capital.services.markets.stored import RULE_COLUMNS, described_change, rules_of
from capital.services.markets.symbols import Directory
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


@dataclass(frozen=True)
class OpenPosition:
    """What a link holds in one symbol on one side.

    Attributes:
        symbol: Its symbol.
        quantity: Signed.
        entry_price: None where it is not known.
        mark_price: What it was last marked at; None: never.
        marked_at: When that was.
    """

    symbol: str
    quantity: Decimal
    entry_price: Decimal | None = None
    mark_price: Decimal | None = None
    marked_at: datetime | None = None


@dataclass(frozen=True)
class LinkTerms:
    """One link, as sizing sees it.

    Attributes:
        id: The link's primary key.
        account: The account's name.
        venue: The account's venue.
        wallet_mode: The account's.
        max_price_deviation_percent: How far the price of an order that fills at once may be off
            the market's.
        rules: What the link may order.
        capital: Its capital now; 0 where it never had any.
        terms: Its figures for futures; ``terms_of`` has those for an instrument.
        lost: What it lost since its capital was decided, >= 0; 0 where that is not known.
        reserved: What its reservations hold.
        knows_positions: Whether it is known what it holds; nothing may be.
        open: What it holds of each symbol that is not flat, by position side.
        dust: The symbols of which it holds too little for any order.
    """

    id: int
    account: str
    venue: str
    wallet_mode: str
    max_price_deviation_percent: Decimal
    rules: LinkRules
    capital: Decimal
    terms: Terms
    lost: Decimal = _NOTHING
    reserved: HeldCapital = field(default_factory=HeldCapital)
    knows_positions: bool = False
    open: dict[str, dict[PositionSide, OpenPosition]] = field(default_factory=dict)
    dust: frozenset[str] = frozenset()

    @property
    def held_symbols(self) -> AbstractSet[str]:
        """The symbols of its open positions."""
        return self.open.keys() - self.dust

    @property
    def is_watched(self) -> bool:
        """Whether anything is known of what it has in use, or reserved."""
        return self.knows_positions or self.reserved.amount > 0

    def stopped_by(self, reason: Reason) -> "LinkTerms":
        """The same, which may enlarge nothing. What stopped it before stays the reason."""
        stopped = self.rules.stopped or reason
        return replace(self, rules=replace(self.rules, stopped=stopped))

    @property
    def may_close(self) -> bool:
        """Whether its state lets it close what it holds."""
        return self.rules.idle in (None, Code.STRATEGY_PAUSED)

    def held_of(self, symbol: str) -> dict[PositionSide, Decimal]:
        """Its positions in a symbol, signed, without what is too little for any order."""
        if symbol in self.dust:
            return {}
        return {side: each.quantity for side, each in self.open.get(symbol, {}).items()}

    def held(self, order: OrderRequest) -> Decimal:
        """The position that an order enlarges or closes, signed; 0 where there is none.

        Raises:
            InvalidOrder: It closes, a long and a short position are open, and it names neither.
        """
        sides = {side: each.quantity for side, each in self.open.get(order.symbol, {}).items()}
        if order.position_side is not None:
            return sides.get(PositionSide(order.position_side), _NOTHING)
        if order.is_closing:
            if len(sides) > 1:
                raise InvalidOrder(
                    Code.CLOSE_SIDE_MISSING, field="position_side", symbol=order.symbol
                )
            return next(iter(sides.values()), _NOTHING)
        entered = PositionSide.LONG if order.side == Side.BUY else PositionSide.SHORT
        return sides.get(PositionSide.BOTH, sides.get(entered, _NOTHING))

    def terms_of(self, rules: InstrumentRules) -> Terms:
        """The link's figures for an instrument: on spot there is no leverage."""
        if rules.kind is not InstrumentKind.SPOT or self.terms.leverage == 1:
            return self.terms
        return Terms(
            capital=self.terms.capital,
            fee_rate=self.terms.fee_rate,
            utilisation=self.terms.utilisation,
            max_budget_percent=self.terms.max_budget_percent,
        )


@dataclass(frozen=True)
class Instrument:
    """One symbol of one venue, as sizing sees it.

    Attributes:
        rules: The rules in force.
        quoted: What is asked for its price.
        is_active: Whether it is traded now.
        fetched_at: When the rules were fetched.
        pending: What changed in rules that wait to be accepted; empty where none do.
    """

    rules: InstrumentRules
    quoted: Quoted
    is_active: bool
    fetched_at: datetime
    pending: str = ""

    def rules_on(self, link: LinkTerms) -> InstrumentRules:
        """The rules in force for an account: some are those of another wallet mode."""
        row, mode, rules = VENUES.get(link.venue), WalletMode(link.wallet_mode), self.rules
        if row is None:
            return rules
        if rules.brackets and not row.rules_call.brackets_hold_for(mode):
            rules = replace(rules, brackets=())
        if rules.kind in row.rules_call.unknown_units.get(mode, ()):
            rules = replace(rules, amount_unit=None)
        return rules


@dataclass(frozen=True)
class SizingTerms:
    """What was read for one call.

    Attributes:
        links: By primary key.
        instruments: By venue and symbol.
        directory: The names of everything on the venues that lack one of the symbols as it was
            written.
    """

    links: Mapping[int, LinkTerms]
    instruments: Mapping[tuple[str, str], Instrument]
    directory: Directory

    def named(self, link: LinkTerms, asked: str) -> Named:
        """The symbol that a link's account means by a name.

        Raises:
            UnknownSymbol: It means none, or several.
        """
        if (link.venue, asked) in self.instruments:
            return Named(asked)
        if not self.directory.is_synced(link.venue):
            raise UnknownSymbol(Code.MARKETS_NOT_SYNCED, field="symbol", venue=link.venue)
        return _find(self.directory, link, asked)

    def instrument(self, venue: str, symbol: str) -> Instrument:
        """The instrument of a symbol that ``named`` found.

        Raises:
            UnknownSymbol: It is not traded.
        """
        instrument = self.instruments[venue, symbol]
        if not instrument.is_active:
            raise UnknownSymbol(Code.SYMBOL_NOT_TRADED, field="symbol", venue=venue, symbol=symbol)
        return instrument


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
                found.add(_find(directory, link, name).symbol)
    return found


def _find(directory: Directory, link: LinkTerms, asked: str) -> Named:
    listing = directory.listing(link.venue, link.rules.market, link.rules.currency)
    return listing.find(asked)


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

"""What sizing reads from the database: links with their terms and positions, and instruments.

Plain values from three queries. Making model instances would take most of the time of sizing.
"""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Subquery

from capital.domain.allocation.links import why_idle
from capital.domain.errors import InvalidOrder, UnknownSymbol
from capital.domain.money import EXACT
from capital.domain.pools import WalletMode
from capital.domain.reasons import Code
from capital.domain.sizing.admission import LinkRules
from capital.domain.sizing.formulas import Terms
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.domain.sizing.orders import OrderRequest, PositionSide, Side
from capital.exchange.contract import Quoted
from capital.exchange.venues import VENUES
from capital.models import Market, Position, StrategyAccount
from capital.models.queries.prepared import PreparedQuery
from capital.services.accounts.lookup import markets_of_venue, stands_for
from capital.services.limits.stops import stopped, stopping
from capital.services.markets.stored import RULE_COLUMNS, described_change, rules_of
from strategies.markets import MarketType

_NOTHING = Decimal(0)
# What stops the link, if anything does.
_STOP = {"stopped_at": "at", "stop_reason": "reason", "stop_code": "code"}
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
    *_STOP,
)
_MARKET_COLUMNS = (
    "venue",
    "symbol",
    *RULE_COLUMNS,
    "pending_rules",
    "is_active",
    "fetched_at",
)


_LINKS = PreparedQuery(
    lambda ids: (
        StrategyAccount.objects.filter(pk__in=ids)
        .annotate(
            **{name: Subquery(stopping().values(column)[:1]) for name, column in _STOP.items()}
        )
        .order_by()
        .values_list(*_LINK_COLUMNS)
    )
)
_POSITIONS = PreparedQuery(
    lambda ids: (
        Position.objects.filter(strategy_account_id__in=ids)
        .exclude(quantity=0)
        .order_by()
        .values_list("strategy_account_id", "symbol", "position_side", "quantity")
    )
)
_MARKETS = PreparedQuery(
    lambda venues, symbols: (
        Market.objects.filter(venue__in=venues, symbol__in=symbols)
        .order_by()
        .values_list(*_MARKET_COLUMNS)
    )
)


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
        positions: The quantity of each symbol that is not flat, signed, by position side.
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
    positions: dict[str, dict[PositionSide, Decimal]] = field(default_factory=dict)
    dust: frozenset[str] = frozenset()

    @property
    def held_symbols(self) -> AbstractSet[str]:
        """The symbols of its open positions."""
        return self.positions.keys() - self.dust

    def held(self, order: OrderRequest) -> Decimal:
        """The position that an order enlarges or closes, signed; 0 where there is none.

        Raises:
            InvalidOrder: It closes, a long and a short position are open, and it names neither.
        """
        sides = self.positions.get(order.symbol, {})
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
        synced_venues: Of the venues that lack one of the symbols, those that have any.
    """

    links: Mapping[int, LinkTerms]
    instruments: Mapping[tuple[str, str], Instrument]
    synced_venues: Collection[str]

    def instrument(self, venue: str, symbol: str) -> Instrument:
        """The instrument that ``symbol`` is on the venue.

        Raises:
            UnknownSymbol: There is none, or it is not traded.
        """
        instrument = self.instruments.get((venue, symbol))
        if instrument is None:
            known = venue in self.synced_venues
            code = Code.UNKNOWN_SYMBOL if known else Code.MARKETS_NOT_SYNCED
            figures = {"symbol": symbol} if known else {}
            raise UnknownSymbol(code, field="symbol", venue=venue, **figures)
        if not instrument.is_active:
            raise UnknownSymbol(Code.SYMBOL_NOT_TRADED, field="symbol", venue=venue, symbol=symbol)
        return instrument


def load_terms(link_ids: Sequence[int], symbols: Collection[str]) -> SizingTerms:
    """Read links, their positions, and ``symbols`` and what they hold on their venues."""
    links = {
        row[0]: _link(dict(zip(_LINK_COLUMNS, row, strict=True))) for row in _LINKS.rows(link_ids)
    }
    held = set()
    for link_id, symbol, side, quantity in _POSITIONS.rows(list(links)):
        sides = links[link_id].positions.setdefault(symbol, {})
        sides[PositionSide(side)] = _trimmed(quantity)
        held.add(symbol)
    venues = sorted({link.venue for link in links.values()})
    instruments = {
        row[:2]: _instrument(dict(zip(_MARKET_COLUMNS, row, strict=True)))
        for row in _MARKETS.rows(venues, sorted(held.union(symbols)))
    }
    lacking = [
        venue for venue in venues if any((venue, symbol) not in instruments for symbol in symbols)
    ]
    return SizingTerms(
        {link.id: replace(link, dust=_dust(link, instruments)) for link in links.values()},
        instruments,
        _venues_with_rules(lacking) if lacking else frozenset(),
    )


def _dust(link: LinkTerms, instruments: Mapping[tuple[str, str], Instrument]) -> frozenset[str]:
    return frozenset(
        symbol
        for symbol, sides in link.positions.items()
        if (instrument := instruments.get((link.venue, symbol))) is not None
        and instrument.is_active
        and all(instrument.rules.is_dust(quantity) for quantity in sides.values())
    )


def _venues_with_rules(venues: Collection[str]) -> frozenset[str]:
    synced = Market.objects.filter(venue__in=venues).order_by("venue")
    return frozenset(synced.values_list("venue", flat=True).distinct())


def _link(row: Mapping[str, Any]) -> LinkTerms:
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
            stopped=(
                None
                if row["stopped_at"] is None
                else stopped(row["stopped_at"], row["stop_reason"], row["stop_code"])
            ),
        ),
        capital=capital,
        terms=Terms(
            capital=capital,
            leverage=_trimmed(row["leverage"]),
            fee_rate=_trimmed(row["account__fee_rate"]),
            utilisation=_trimmed(row["account__utilisation"]),
            max_budget_percent=percent,
        ),
    )


def _instrument(row: Mapping[str, Any]) -> Instrument:
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


def _trimmed(number: Decimal) -> Decimal:
    """Without the trailing zeros of the column's decimals."""
    return number.normalize(EXACT)

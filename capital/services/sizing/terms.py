"""What an order is sized from: a link with its terms and positions, and an instrument."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from capital.domain.errors import InvalidOrder, UnknownSymbol
from capital.domain.pools import WalletMode
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.admission import LinkRules
from capital.domain.sizing.formulas import Terms
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.domain.sizing.orders import OrderRequest, PositionSide, Side
from capital.domain.sizing.symbols import Named
from capital.exchange.contract import Quoted
from capital.exchange.venues import VENUES
from capital.services.limits.held import HeldCapital
from capital.services.markets.symbols import Directory

_NOTHING = Decimal(0)


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

    def with_side_held(self, order: OrderRequest) -> OrderRequest:
        """The order as it is meant on this account.

        Where one position is held in its symbol, the side that a bot names all the same adds
        nothing; nor does *both*, where a long or a short one is.
        """
        sides = self.open.get(order.symbol, {})
        if order.position_side is None or not sides or order.position_side in sides:
            return order
        if PositionSide.BOTH in sides or order.position_side == PositionSide.BOTH:
            return replace(order, position_side=None)
        return order

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
        return find_symbol(self.directory, link, asked)

    def instrument(self, venue: str, symbol: str) -> Instrument:
        """The instrument of a symbol that ``named`` found.

        Raises:
            UnknownSymbol: It is not traded.
        """
        instrument = self.instruments[venue, symbol]
        if not instrument.is_active:
            raise UnknownSymbol(Code.SYMBOL_NOT_TRADED, field="symbol", venue=venue, symbol=symbol)
        return instrument


def find_symbol(directory: Directory, link: LinkTerms, asked: str) -> Named:
    """What a symbol means among those that a link may trade.

    Raises:
        UnknownSymbol: None, or several.
    """
    listing = directory.listing(link.venue, link.rules.market, link.rules.currency)
    return listing.find(asked)

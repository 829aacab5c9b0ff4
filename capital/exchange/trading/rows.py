"""How a venue is asked for fills, positions and flows, and what its rows mean: declared, by field.

Pure data. Of a row only its raw fields are read, never ccxt's unified ones: with exact numbers ccxt
loses fees and contract sizes, and it names a fill by the market that was asked for. ``Formula`` is
as in ``capital.exchange.venue``; its paths begin at the row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, Literal, TypeVar

from capital.domain.pools import Pool
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side
from capital.exchange.calls.places import Formula, Path

_Fields = TypeVar("_Fields", covariant=True)

Word = str | tuple[str, ...]
"""The path of a text in the row; of several, the first that is told counts."""

TimeUnit = Literal["s", "ms", "us", "ns", "iso"]

Kinds = frozenset[InstrumentKind]
ALL_KINDS = frozenset(InstrumentKind)
SPOT, LINEAR, INVERSE = (frozenset({kind}) for kind in InstrumentKind)
CONTRACTS = LINEAR | INVERSE
BUY, SELL = Side.BUY, Side.SELL
BOTH, LONG, SHORT = PositionSide.BOTH, PositionSide.LONG, PositionSide.SHORT


@dataclass(frozen=True)
class Quotient:
    """A number that the venue tells as two: one divided by the other.

    Attributes:
        over: The dividend.
        by: The divisor; its sign is left out.
        when: Fields, and what they must say; none for always.
    """

    over: Formula
    by: Formula
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


Amount = Formula | Quotient | tuple[Formula | Quotient, ...]
"""A number of the row; of several, the first that is told counts. ``()`` is never told."""


@dataclass(frozen=True)
class Said:
    """What words of a row mean.

    Attributes:
        fields: The paths of the words, which are joined by blanks, in small letters. A field that
            is not there is an empty word.
        meanings: By what they say; ``*`` stands for any letters. The first that fits counts.
    """

    fields: tuple[str, ...]
    meanings: Mapping[str, Any]


BUY_OR_SELL = {"buy": BUY, "sell": SELL}
TRUE_OR_FALSE_BUYS = {"true": BUY, "false": SELL}
LONG_OR_SHORT = {"both": BOTH, "net": BOTH, "long": LONG, "short": SHORT}
MAKER_OR_TAKER = {"maker": "maker", "taker": "taker"}
TRUE_IS_MAKER = {"true": "maker", "false": "taker"}


def side(name: str = "side") -> tuple[Said, ...]:
    """A field that says ``buy`` or ``sell``."""
    return (Said((name,), BUY_OR_SELL),)


def position_side(name: str = "positionSide") -> tuple[Said, ...]:
    """A field that says ``long``, ``short`` or that there is only one position."""
    return (Said((name,), LONG_OR_SHORT),)


def liquidity(name: str, meanings: Mapping[str, str] = MAKER_OR_TAKER) -> tuple[Said, ...]:
    """A field that says who waited in the book."""
    return (Said((name,), meanings),)


@dataclass(frozen=True)
class Moment:
    """A time: its path, and what its number counts since 1970, or that it is ISO 8601."""

    path: str
    unit: TimeUnit = "ms"


@dataclass(frozen=True)
class FeeField:
    """One fee of a row.

    Attributes:
        amount: The amount.
        currency: The path of its currency; or ``=settle`` or ``=quote`` of the instrument,
            ``=received``: on spot what the fill brought, else the settle currency, ``=account``:
            the account's, or ``=`` and a name. The first that is told counts.
        is_negative_when_paid: The venue writes a fee that was paid below zero.
        within: A list (or one object) of fees in the row, at whose entries the paths begin.
    """

    amount: Formula
    currency: Word
    is_negative_when_paid: bool = False
    within: str = ""


@dataclass(frozen=True)
class FillFields:
    """Which fields of a row are what of a fill.

    Attributes:
        symbol: What the venue calls the instrument.
        quantity: Its size, counted as the amount of an order is there.
        price: The price.
        time: When it was executed; the first that is told counts.
        side: What it did; none where the sign of the quantity says it.
        position_side: Whose position it is; ``both`` where none is told.
        fill_id: Its id; ``()`` where rows are of orders.
        only: Fields, and what they must say: other rows are another question's.
        never: Fields, and what they say of a row that is no fill.
        plain: Fields, and what they must say of a fill that stands by itself. Another one undoes or
            corrects one: it is unread.
    """

    symbol: Word
    quantity: Amount
    price: Amount
    time: tuple[Moment, ...]
    side: tuple[Said, ...] = ()
    position_side: tuple[Said, ...] = ()
    fees: tuple[FeeField, ...] = ()
    realized: Amount = ()
    fill_id: Word = ()
    order_id: Word = ()
    client_order_id: Word = ()
    liquidity: tuple[Said, ...] = ()
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    never: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    plain: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class PositionFields:
    """Which fields of a row are what of a position.

    Attributes:
        quantity: Its size, counted as the amount of an order is there.
        direction: What makes it long or short, as a ``Side``: then the sign of the quantity is left
            out. None, or a word without a meaning: the sign says it, if ``is_signed``.
        is_signed: A short position is below zero.
        only: As of ``FillFields``, here and below.
        never: Fields, and what they say of a row that is no position of these instruments.
    """

    symbol: Word
    quantity: Amount
    direction: tuple[Said, ...] = ()
    is_signed: bool = False
    position_side: tuple[Said, ...] = ()
    entry: Amount = ()
    mark: Amount = ()
    unrealised: Amount = ()
    realised: Amount = ()
    time: tuple[Moment, ...] = ()
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    never: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class FlowFields:
    """Which fields of a row are what of a flow.

    Attributes:
        kind: What it is, as a ``FlowKind``. A row whose words have no meaning is no flow.
        amount: The amount.
        currency: As ``FeeField.currency``.
        is_unsigned: What went is written above zero: the kind says the sign.
        went: Of a kind that goes both ways, whether such a row went (True) or came (False). One
            that says neither is unread.
        is_negative_when_received: What was received is written below zero.
        only: Fields, and what they must say: other rows moved nothing here, or not yet.
        never: As above, of rows that moved nothing.
    """

    kind: tuple[Said, ...]
    amount: Amount
    currency: Word
    time: tuple[Moment, ...]
    symbol: Word = ()
    flow_id: Word = ()
    is_unsigned: bool = False
    went: tuple[Said, ...] = ()
    is_negative_when_received: bool = False
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    never: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Pages:
    """How an answer that is full is followed by the rest.

    Without ``param`` the span is halved and both halves are asked for, which asks nothing of the
    order of rows.

    Attributes:
        size: How many rows a full answer has: there may be more.
        param: The argument that names the next page.
        cursor: Where the answer has its value; ``()``: it is the number of rows so far.
        by_page: Without a cursor the argument is the number of the page, from 1 on.
        back: The argument is a time: the answer has what came last before it.
        of_last_row: The cursor is a field of the last row, which is there on the last page, too: an
            answer that is not full is the last one.
    """

    size: int
    param: str = ""
    cursor: Path = ()
    back: bool = False
    by_page: bool = False
    of_last_row: bool = False


@dataclass(frozen=True)
class OrderCall:
    """How an order is asked for its client order id, where fills do not tell it.

    Attributes:
        method: As of a ``Call``, here and below; the answer is one row.
        params: ``{order}`` stands for the venue's id of the order.
        client_order_id: Where the row has it.
    """

    method: str
    endpoint: str
    params: Mapping[str, Any]
    client_order_id: Word
    weight: int = 1


@dataclass(frozen=True)
class Call(Generic[_Fields]):
    """One question, and how its answer is read.

    Attributes:
        method: The method of ccxt's client that signs and sends it, without unified meaning.
        endpoint: What that asks, as docs/venues.md writes it.
        rows: Where the answer has its rows; the first path that is there counts. A list, one row
            (``is_single``), or rows by their id (``id_as``). Null is an empty list.
        fields: What they mean.
        kinds: The instruments that its rows may be of.
        params: Its arguments. In a text, ``{symbol}``, ``{base}`` and ``{settle}`` stand for the
            instrument's names there, ``{currency}`` for the account's currency, ``{key}`` for its
            API key, and ``{since}``, ``{until}`` for milliseconds; with ``_s`` seconds, with
            ``_iso`` ISO 8601. A text that is one of the latter is a number.
        by_symbol: It is asked for one symbol at a time.
        id_as: Rows are named by their ids: under which field the id is kept.
        says: What the answer says of itself, by path: anything else is a failure.
        span: The longest span between ``since`` and ``until``; None for any.
        reach: How far back the venue answers; None where it does not say.
        pages: How more than one answer is had.
        weight: What one request counts for in the venue's limits.
        order: How an order of its rows is asked for its client order id; None where rows tell it,
            or nothing does.
        about: What else a reader of docs/venues.md should know.
    """

    method: str
    endpoint: str
    rows: tuple[Path, ...]
    fields: _Fields
    kinds: frozenset[InstrumentKind] = ALL_KINDS
    params: Mapping[str, Any] = field(default_factory=dict)
    by_symbol: bool = False
    id_as: str = ""
    says: Mapping[Path, tuple[Any, ...]] = field(default_factory=dict)
    span: timedelta | None = None
    reach: timedelta | None = None
    pages: Pages = Pages(100)  # frozen
    weight: int = 1
    order: OrderCall | None = None
    about: str = ""


# What of a client order id is left for telling orders of one tag apart.
_LEAST_ROOM = 4


@dataclass(frozen=True)
class OrderIds:
    """What a client order id may be, and so how the order tag of a strategy stands in front of it.

    Attributes:
        prefix: What it must begin with; a tag is written behind it.
        signs: What it may have beside letters and digits. Other signs of a tag are left out.
        longest: How many characters it may have behind the prefix; None where that is not told.
        kinds: The instruments whose orders take a text. Those of others take a number.
        words: What the venue itself writes there: many orders have the same.
        told: In which fills the venue tells it again, for docs/venues.md; empty: in none.
    """

    prefix: str = ""
    signs: str = "-_"
    longest: int | None = None
    kinds: Kinds = ALL_KINDS
    words: tuple[str, ...] = ()
    told: str = ""

    def given(self, text: str) -> str:
        """A client order id that a row tells, if somebody gave it; else empty.

        The venue's own words name no order: they would make one of all that bear them.
        """
        return "" if text in self.words or not text.startswith(self.prefix) else text

    def written(self, tag: str) -> str:
        """The tag as it is written there, without the prefix; empty where it cannot be."""
        text = "".join(each for each in tag if each.isalnum() or each in self.signs)
        return text if self.room is None or len(text) <= self.room else ""

    @property
    def room(self) -> int | None:
        """How many characters a tag may have; None for any number."""
        return None if self.longest is None else self.longest - _LEAST_ROOM


Naming = Literal["id", "coin", "pair"]
"""How rows name instruments: by market id; by coin, where it is a contract (Hyperliquid); or by id
or the pair's two names together (Kraken)."""


@dataclass(frozen=True)
class Trading:
    """What one venue tells of trading.

    Attributes:
        fills: For each pool, the questions for its fills. An empty one: they are not told.
        positions: For each pool, those for its positions; none on spot.
        flows: For each pool, those for its flows.
        naming: How rows name instruments.
        order_ids: What a client order id may be there; None where it takes no text.
        untold: What the venue does not tell, each in a few words, for docs/venues.md.
    """

    fills: Mapping[Pool, tuple[Call[FillFields], ...]]
    positions: Mapping[Pool, tuple[Call[PositionFields], ...]] = field(default_factory=dict)
    flows: Mapping[Pool, tuple[Call[FlowFields], ...]] = field(default_factory=dict)
    naming: Naming = "id"
    order_ids: OrderIds | None = OrderIds()  # frozen
    untold: tuple[str, ...] = ()

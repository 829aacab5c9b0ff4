"""What a question about trading is, and what answers have in common."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from capital.domain.pools import Pool
from capital.simulator.markets import MarketPlace, bare
from capital.simulator.orders.order import Order, order_behind
from capital.simulator.refusals import Refusals
from capital.simulator.signatures import SignatureScheme, SignedRequest
from capital.simulator.trading.book import Book, Fill, Flow, Instrument, Position, plain

_Row = TypeVar("_Row", Fill, Flow)

DAY_MILLISECONDS = 86_400_000


class Refused(Exception):
    """The venue does not answer such a question."""

    def __init__(self, status: int, code: int | str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


@dataclass(frozen=True)
class Asked:
    """A question, and what it is answered from.

    Attributes:
        params: What was sent in the path, the query and the body.
        book: What the account traded; a copy.
        pools: Those of the account.
        now_milliseconds: The venue's clock.
        place: What things cost.
    """

    params: Mapping[str, Any]
    book: Book
    pools: Sequence[Pool]
    now_milliseconds: int
    place: MarketPlace

    def text(self, name: str) -> str:
        """An argument; empty where it was not sent."""
        told = self.params.get(name)
        return "" if told is None else str(told)

    def number(self, name: str, otherwise: int) -> int:
        """An argument that is a whole number."""
        told = self.text(name)
        return int(told) if told.isdecimal() else otherwise

    def mark(self, instrument: Instrument) -> Decimal:
        """What a contract is valued at."""
        return Decimal(self.place.price(instrument.pair))

    def fills(self, wanted: Callable[[Instrument], bool], *pools: Pool) -> list[Fill]:
        """The fills of some instruments, of some pools or of all, the earliest first."""
        return [
            fill
            for fill in self.book.fills
            if wanted(fill.instrument) and (not pools or fill.pool in pools)
        ]

    def flows(self, kinds: Iterable[str], *pools: Pool) -> list[Flow]:
        """The flows of some kinds, of some pools or of all, the earliest first."""
        named = set(kinds)
        return [
            flow
            for flow in self.book.flows
            if flow.kind in named and (not pools or flow.pool in pools)
        ]

    def order(
        self, wanted: Callable[[Instrument], bool], order_id: str, client_order_id: str = ""
    ) -> Order | None:
        """An order of some instruments, by the venue's id or by the bot's; None: there is none.

        Of what was executed without one, as scripts tell, it is made up.
        """
        for order in self.book.orders.values():
            if wanted(order.instrument) and (
                order.order_id == order_id or client_order_id == order.client_order_id != ""
            ):
                return order
        fills = [fill for fill in self.fills(wanted) if fill.order_id == order_id]
        return order_behind(fills) if fills else None

    def positions(self, wanted: Callable[[Instrument], bool], *pools: Pool) -> list[Position]:
        """What is open of some instruments, in some pools or in all."""
        return [
            each
            for each in self.book.positions
            if wanted(each.instrument) and (not pools or each.pool in pools)
        ]


@dataclass(frozen=True)
class Question:
    """One endpoint that tells of trading.

    Attributes:
        path: Of the URL; ``{…}`` stands for one part of it.
        answer: From what was asked; may raise ``Refused``.
        scheme: How its requests are signed.
        refusals: How it says no.
        method: Of HTTP.
        pool: Whose faults stand on it; None: those of the account's first pool.
        accepts: Tells it from other endpoints at the same path; None where there are none.
    """

    path: str
    answer: Callable[[Asked], Any]
    scheme: SignatureScheme
    refusals: Refusals
    method: str = "GET"
    pool: Pool | None = None
    accepts: Callable[[SignedRequest], bool] | None = None


@dataclass(frozen=True)
class TradingVenue:
    """What one simulated venue tells of trading.

    Attributes:
        instruments: What can be traded there.
        questions: Where it is told.
        most_fees: How many fees a fill can have.
        fees_in_quote: Fees can only be in the quote currency, since none is told.
    """

    instruments: Sequence[Instrument]
    questions: Sequence[Question]
    most_fees: int = 1
    fees_in_quote: bool = False
    by_symbol: Mapping[str, Instrument] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_symbol", {each.symbol: each for each in self.instruments})


def listed(*rows: tuple[str, str] | tuple[str, str, str]) -> tuple[Instrument, ...]:
    """Instruments from symbol, name and, of contracts, size."""
    return tuple(Instrument(row[0], row[1], Decimal(row[2] if len(row) > 2 else 1)) for row in rows)


def between(rows: Iterable[_Row], first: int, last: int) -> list[_Row]:
    """Those from one millisecond to another, with both."""
    return [row for row in rows if first <= row.at_milliseconds <= last]


def newest_first(rows: Sequence[_Row]) -> list[_Row]:
    """The other way round."""
    return list(rows)[::-1]


def after_id(rows: Sequence[_Row], row_id: str, id_of: Callable[[_Row], str]) -> list[_Row]:
    """What follows the row with an id; all where none is named."""
    if not row_id:
        return list(rows)
    ids = [id_of(row) for row in rows]
    return list(rows)[ids.index(row_id) + 1 :] if row_id in ids else []


def fill_id(row: Fill) -> str:
    """Its id."""
    return row.fill_id


def number(amount: Decimal) -> str:
    """The same as a number of JSON."""
    return bare(plain(amount))


def whole(text: str) -> Any:
    """An id as a number of JSON."""
    return bare(text)


def iso(milliseconds: int) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()}.{rest:03}Z"


def seconds(milliseconds: int, decimals: int = 3) -> str:
    """Unix seconds."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03}".ljust(14 + decimals - 3, "0")

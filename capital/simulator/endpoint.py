"""What an endpoint of a simulated venue is: for a balance, beside the balances, for anybody."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from capital.domain.pools import Pool
from capital.simulator.holdings import Holdings
from capital.simulator.markets import MarketPlace
from capital.simulator.refusals import Refusals
from capital.simulator.signatures import SignatureScheme, SignedRequest


def _anything(_request: SignedRequest) -> bool:
    return True


@dataclass(frozen=True)
class Endpoint:
    """One balance endpoint.

    Attributes:
        venue: The ccxt id.
        pool: Whose balance it answers.
        path: Of the URL; two venues may share one. ``{…}`` stands for one part of it.
        scheme: How its requests are signed.
        refusals: How it says no.
        build: Its answer.
        method: Of HTTP.
        accepts: Tells it from another endpoint of the same path.
    """

    venue: str
    pool: Pool
    path: str
    scheme: SignatureScheme
    refusals: Refusals
    build: Callable[[Holdings], Any]
    method: str = "GET"
    accepts: Callable[[SignedRequest], bool] = _anything


class KeyNature(Protocol):
    """What a venue tells of an account and its key."""

    api_key: str
    account_mode: str
    can_withdraw: bool


@dataclass(frozen=True)
class Notice:
    """An endpoint beside the balances: no fault stands on it and no pool is behind it.

    Attributes:
        path: Of the URL.
        build: Its answer, from the venue's clock in Unix milliseconds.
        of_account: Its answer for the account that signed, in place of ``build``.
        method: Of HTTP.
        scheme: How its requests are signed; None where anybody may ask.
    """

    path: str
    build: Callable[[int], Any]
    method: str = "GET"
    scheme: SignatureScheme | None = None
    refusals: Refusals | None = None
    of_account: Callable[[KeyNature], Any] | None = None


@dataclass(frozen=True)
class PublicEndpoint:
    """One question that needs no key.

    Attributes:
        path: Of the URL; ``{…}`` stands for one part of it.
        answer: From the query, or a body of JSON, and the prices; None where the venue knows no
            such market.
        method: Of HTTP.
        accepts: Tells it from other questions at the same path; None where there are none.
        part: What a fault at this question alone names after the path.
    """

    path: str
    answer: Callable[[Mapping[str, str], MarketPlace], Any]
    method: str = "GET"
    accepts: Callable[[SignedRequest], bool] | None = None
    part: str = ""


@dataclass(frozen=True)
class PlacedOrder:
    """What a request for an order means, by the venue's documentation. Nothing is filled.

    Attributes:
        market: The venue's own name of the market.
        side: ``buy`` or ``sell``.
        base: How much of the base currency; None where the request is in quote currency.
        quote: How much of the quote currency; None where the request is in base currency.
    """

    market: str
    side: str
    base: Decimal | None = None
    quote: Decimal | None = None


@dataclass(frozen=True)
class OrderEndpoint:
    """Where orders are placed. It only notes what was asked for, whoever asks.

    Attributes:
        path: Of the URL; ``{…}`` stands for one part of it.
        read: What the request means, from its path, query and body; a list in the body is
            ``orders``. None where it is no order.
        answer: What ccxt expects then.
        method: Of HTTP.
    """

    path: str
    read: Callable[[Mapping[str, Any]], PlacedOrder | None]
    answer: Any
    method: str = "POST"


@dataclass(frozen=True)
class SimulatedVenue:
    """One venue: its balances, with how they are signed and refused, and its markets.

    Attributes:
        id: The ccxt id.
        balances: At least one for each of its pools.
        markets: Its lists of markets, and their tickers.
        notices: What it answers beside these.
        orders: Where orders are placed.
    """

    id: str
    balances: tuple[Endpoint, ...]
    markets: tuple[PublicEndpoint, ...]
    notices: tuple[Notice, ...] = ()
    orders: tuple[OrderEndpoint, ...] = ()

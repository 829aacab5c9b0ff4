"""What an endpoint of a simulated venue is: for a balance, beside the balances, for anybody."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
class SimulatedVenue:
    """One venue: its balances, with how they are signed and refused, and its markets.

    Attributes:
        id: The ccxt id.
        balances: At least one for each of its pools.
        markets: Its lists of markets, and their tickers.
        notices: What it answers beside these.
    """

    id: str
    balances: tuple[Endpoint, ...]
    markets: tuple[PublicEndpoint, ...]
    notices: tuple[Notice, ...] = ()

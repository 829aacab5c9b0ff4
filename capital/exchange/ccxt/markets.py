"""Instrument rules and prices from ccxt's public endpoints.

No keys are needed, and none are sent but for brackets that a venue tells to keys only (``signed``).

Clients are made by ``clients``; ccxt is imported inside the functions that need it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from capital.domain.errors import InvalidAmount, UnknownVenue
from capital.domain.money import parse_amount
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules, PrecisionMode
from capital.domain.sizing.prices import MarketPrice
from capital.exchange.ccxt.accounts import AccountClients
from capital.exchange.ccxt.brackets import Told, ask_brackets
from capital.exchange.ccxt.clients import (
    is_cancelled_by_the_caller,
    new_client,
    reason_for,
    redirected,
    run_to_its_end,
    tls_context,
)
from capital.exchange.ccxt.limits import Limits, limit
from capital.exchange.ccxt.signed import ask_with_keys
from capital.exchange.contract import LISTINGS_WITHIN, Askers, Listing, Quoted
from capital.exchange.venues import VENUES, Venue, get_venue

if TYPE_CHECKING:
    import aiohttp

_Answer = TypeVar("_Answer")
_Asked = TypeVar("_Asked")

logger = logging.getLogger(__name__)

# A list of markets has megabytes; a bot waits for a price.
LISTING_SECONDS = 45
# A venue that gives a few names at a time has some sixty answers for all, or hundreds: this, or
# what the lists left of LISTINGS_WITHIN.
BRACKETS_SECONDS = 65
PRICE_SECONDS = 2


@dataclass(frozen=True)
class CcxtMarkets:
    """Implements ``MarketGateway``.

    Attributes:
        venue_urls: Venue to base URL that replaces scheme and host of the venue's own URLs.
        concurrency: How many prices are asked for at once. Lists are asked of all venues at once,
            so that none has to wait for another one.
        price_seconds: Time limit for all prices of a call.
    """

    venue_urls: Mapping[str, str]
    concurrency: int
    price_seconds: float = field(default_factory=lambda: PRICE_SECONDS)

    def fetch_listings(
        self, venues: Sequence[Venue], askers: Askers | None = None
    ) -> dict[str, list[Listing] | Reason]:
        """See ``MarketGateway.fetch_listings``."""
        began_at = time.monotonic()
        asked = [venue.id for venue in venues]
        found = run_to_its_end(self._ask_venues(asked, _listings, LISTING_SECONDS))
        left = LISTINGS_WITHIN.total_seconds() - (time.monotonic() - began_at)
        answers = self._with_brackets(found, askers or {}, min(left, BRACKETS_SECONDS))
        for venue_id, answer in answers.items():
            if not answer:
                answers[venue_id] = _bad_listing(venue_id, "no market")
            elif isinstance(answer, Reason) and answer.code is Code.EXCHANGE_BAD_ANSWER:
                answers[venue_id] = _bad_listing(venue_id, answer.figures["kind"])
        return answers

    def _with_brackets(
        self, found: Mapping[str, "list[_Raw] | Reason"], askers: Askers, seconds: float
    ) -> dict[str, list[Listing] | Reason]:
        """The listings with the brackets that their venues tell elsewhere.

        They are asked when every list has arrived, and whatever happens to them, the lists stand.
        """
        told: dict[str, Told] = {}
        clients = AccountClients(self.venue_urls, self.concurrency)

        async def ask(client: Any, venue_id: str) -> int:
            venue, raw = get_venue(venue_id), found[venue_id]
            assert not isinstance(raw, Reason)
            told[venue_id] = so_far = Told()
            listed = [(listing.rules, info) for listing, info in raw]
            refused, problem = 0, None
            try:
                of_venue = askers.get(venue_id, ())
                refused = await ask_with_keys(
                    clients, client, venue, of_venue, listed=listed, told=so_far
                )
            except Exception as error:  # noqa: BLE001 - raised when the rest is asked
                problem = error
            if venue.rules_call.brackets is not None:
                refused += await ask_brackets(client, venue.rules_call.brackets, listed, so_far)
            if problem is not None:
                raise problem
            return refused

        asked = [
            venue_id
            for venue_id, raw in found.items()
            if not isinstance(raw, Reason) and get_venue(venue_id).rules_call.asks_for_brackets
        ]
        results = run_to_its_end(self._ask_venues(asked, ask, seconds))
        for venue_id, result in results.items():
            if isinstance(result, Reason):
                logger.warning(
                    "The leverage brackets of %s could not be fetched (%s); for what is not known, "
                    "the maximum of its list and stored brackets count.",
                    venue_id,
                    result.code.value,
                )
            elif result:
                logger.warning(
                    "%s refused %d of the questions for leverage brackets.", venue_id, result
                )
        return {
            venue_id: raw
            if isinstance(raw, Reason)
            else [_bracketed(listing, told.get(venue_id)) for listing, _ in raw]
            for venue_id, raw in found.items()
        }

    def fetch_prices(self, quoted: Sequence[Quoted]) -> dict[Quoted, MarketPrice | Reason]:
        """See ``MarketGateway.fetch_prices``."""
        return run_to_its_end(
            self._ask_each(
                quoted, lambda each: each.venue, _price, self.price_seconds, self.concurrency
            )
        )

    def fetch_marks(self, quoted: Sequence[Quoted]) -> dict[Quoted, Decimal | Reason]:
        """See ``MarketGateway.fetch_marks``."""
        return run_to_its_end(
            self._ask_each(
                quoted, lambda each: each.venue, _mark, self.price_seconds, self.concurrency
            )
        )

    async def _ask_venues(
        self,
        venue_ids: Sequence[str],
        ask: Callable[[Any, str], Awaitable[_Answer]],
        seconds: float,
    ) -> dict[str, _Answer | Reason]:
        at_once = max(len(venue_ids), 1)
        return await self._ask_each(venue_ids, lambda each: each, ask, seconds, at_once)

    async def _ask_each(
        self,
        asked: Sequence[_Asked],
        venue_of: Callable[[_Asked], str],
        ask: Callable[[Any, _Asked], Awaitable[_Answer]],
        seconds: float,
        at_once: int,
    ) -> dict[_Asked, _Answer | Reason]:
        import aiohttp

        # Importing ccxt takes CPU time, which does not count as the venue's time.
        for venue_id in {venue_of(each) for each in asked} & VENUES.keys():
            new_client(venue_id)
        slots = asyncio.Semaphore(at_once)
        deadline = asyncio.get_running_loop().time() + seconds
        connector = aiohttp.TCPConnector(ssl=tls_context(), limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def in_turn(each: _Asked) -> _Answer | Reason:
                client = None
                try:
                    venue = get_venue(venue_of(each))
                except UnknownVenue as error:
                    return error.reason
                try:
                    async with asyncio.timeout_at(deadline), slots:
                        client = self._client(venue, session, seconds)
                        return await ask(client, each)
                except (Exception, asyncio.CancelledError) as error:  # the others go on
                    if is_cancelled_by_the_caller(error):
                        raise
                    return reason_for(error, venue, seconds)
                finally:
                    if client is not None:
                        client.session = None  # shared; otherwise ccxt complains

            answers = await asyncio.gather(*(in_turn(each) for each in asked))
            await _end_the_rest()
        return dict(zip(asked, answers, strict=True))

    def _client(self, venue: Venue, session: "aiohttp.ClientSession", seconds: float) -> Any:
        client = new_client(venue.id)
        client.session = session
        client.asyncio_loop = asyncio.get_running_loop()
        # The outer deadline comes first, and reports its own number of seconds.
        client.timeout = round(seconds * 1000) + 1000
        client.options.update(venue.rules_call.options)
        if venue.id in self.venue_urls:
            client.urls["api"] = redirected(client.urls["api"], self.venue_urls[venue.id])
        return client


async def _end_the_rest() -> None:
    """ccxt asks several questions for one list, and leaves the others open when one fails."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


_Raw = tuple[Listing, Any]
"""An instrument, and its market as the venue sent it."""


async def _listings(client: Any, venue_id: str) -> list[_Raw]:
    venue = get_venue(venue_id)
    mode = venue.rules_call.precision_mode or _precision_mode(client.precisionMode)
    found = ((_listing(each, venue, mode), each) for each in await client.fetch_markets())
    return [(listing, market["info"]) for listing, market in found if listing is not None]


def _bracketed(listing: Listing, told: Told | None) -> Listing:
    rules = listing.rules
    if told is None or rules.kind is InstrumentKind.SPOT:
        return listing
    if (maximum := told.maxima.get(rules.symbol)) is not None:
        rules = replace(rules, max_leverage=min(maximum, rules.max_leverage or maximum))
    brackets = told.brackets.get(rules.symbol)
    if brackets is None:
        return replace(listing, rules=rules, has_brackets=False)
    return replace(listing, rules=replace(rules, brackets=brackets))


async def _price(client: Any, quoted: Quoted) -> MarketPrice:
    client.set_markets([_market_of(client, quoted)])
    ticker = await client.fetch_ticker(quoted.symbol)
    if not isinstance(ticker, dict):
        raise InvalidAmount(value=repr(ticker)[:40], problem="it is no price")
    last = _last_price(ticker, get_venue(quoted.venue))
    bid, ask = limit(ticker.get("bid")), limit(ticker.get("ask"))
    if last is None and bid is None and ask is None:
        raise InvalidAmount(value=repr(ticker.get("last"))[:40], problem="it is no price")
    return MarketPrice(last, bid=bid, ask=ask, traded_at=_time_of(ticker.get("timestamp")))


async def _mark(client: Any, quoted: Quoted) -> Decimal:
    client.set_markets([_market_of(client, quoted)])
    if quoted.kind is InstrumentKind.SPOT:
        price = _last_price(await client.fetch_ticker(quoted.symbol), get_venue(quoted.venue))
    else:
        # Where there is a call of its own, the ticker does not tell it.
        asks = client.fetch_mark_price if client.has.get("fetchMarkPrice") else client.fetch_ticker
        price = limit((await asks(quoted.symbol)).get("markPrice"))
    if price is None:
        raise InvalidAmount(value="None", problem="it is no price")
    return price


def _last_price(ticker: dict[str, Any], venue: Venue) -> Decimal | None:
    price = ticker.get("last")
    if price is None and venue.rules_call.last_price:
        raw = ticker["info"].get(venue.rules_call.last_price)
        return None if raw is None else limit(parse_amount(raw))
    return limit(price) if isinstance(price, Decimal) else None


def _time_of(milliseconds: Any) -> datetime | None:
    if not isinstance(milliseconds, int):
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _bad_listing(venue_id: str, kind: str) -> Reason:
    return Reason(Code.EXCHANGE_BAD_MARKETS, {"venue": venue_id, "kind": kind})


def _precision_mode(number: int) -> PrecisionMode:
    from ccxt.base import decimal_to_precision as modes

    return {
        modes.TICK_SIZE: PrecisionMode.TICK_SIZE,
        modes.DECIMAL_PLACES: PrecisionMode.DECIMAL_PLACES,
        modes.SIGNIFICANT_DIGITS: PrecisionMode.SIGNIFICANT_DIGITS,
    }[number]


def _listing(market: Any, venue: Venue, mode: PrecisionMode) -> Listing | None:
    """One of ccxt's markets; None if strategies here cannot trade it."""
    kind = _kind_of(market)
    if kind is None or kind.market_type not in venue.markets:
        return None
    limits = Limits(market, venue, kind)
    precision = limits.step()
    contract_size = Decimal(1) if kind is InstrumentKind.SPOT else limit(market["contractSize"])
    if precision is None or contract_size is None:
        return None
    if precision <= 0 and mode is not PrecisionMode.DECIMAL_PLACES:
        return None
    rules = InstrumentRules(
        symbol=market["symbol"],
        kind=kind,
        quote=market["quote"],
        settle=market["quote"] if kind is InstrumentKind.SPOT else market["settle"],
        precision_mode=mode,
        amount_precision=precision,
        contract_size=contract_size,
        amount_unit=venue.rules_call.amount_unit(kind, contract_size),
        **limits.as_rules(),
    )
    # If ccxt does not know, it is traded.
    return Listing(rules, market["id"], market["base"], market["active"] is not False)


def _kind_of(market: Any) -> InstrumentKind | None:
    if not isinstance(market, dict) or not market.get("symbol"):
        return None
    if market.get("type") == "spot":
        return InstrumentKind.SPOT
    if market.get("type") not in ("swap", "future") or not market.get("settle"):
        return None
    if market.get("linear"):
        return InstrumentKind.LINEAR
    return InstrumentKind.INVERSE if market.get("inverse") else None


def _market_of(client: Any, quoted: Quoted) -> Any:
    """ccxt's structure of a listed market, made from what is stored about it."""
    is_spot = quoted.kind is InstrumentKind.SPOT
    is_lower_case = get_venue(quoted.venue).rules_call.settle_is_lower_case
    settle_id = quoted.settle.lower() if is_lower_case else quoted.settle
    return client.safe_market_structure(
        {
            "id": quoted.market_id,
            "symbol": quoted.symbol,
            "base": quoted.base,
            "quote": quoted.quote,
            "baseId": quoted.base,
            "quoteId": quoted.quote,
            "settle": None if is_spot else quoted.settle,
            "settleId": None if is_spot else settle_id,
            # ccxt appends the expiry date of a future to its symbol.
            "type": "spot" if is_spot else "future" if "-" in quoted.symbol else "swap",
            "spot": is_spot,
            "margin": False,
            "swap": not is_spot and "-" not in quoted.symbol,
            "future": not is_spot and "-" in quoted.symbol,
            "option": False,
            "contract": not is_spot,
            "linear": quoted.kind is InstrumentKind.LINEAR if not is_spot else None,
            "inverse": quoted.kind is InstrumentKind.INVERSE if not is_spot else None,
            "subType": None if is_spot else quoted.kind.value,
            "active": True,
        }
    )

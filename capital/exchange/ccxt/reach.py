"""Whether a venue can be reached from here at all: without a key, by one small request."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from capital.domain.reasons import Code, Reason
from capital.exchange.ccxt.clients import (
    Blocked,
    is_blocked,
    new_client,
    reason_for,
    redirected,
    run_to_its_end,
    tls_context,
)
from capital.exchange.venues import Venue

if TYPE_CHECKING:
    import aiohttp

_SECONDS = 8.0
_LONGEST_PAGE = 20_000


def reach(venues: Sequence[Venue], venue_urls: Mapping[str, str]) -> Mapping[str, Reason | None]:
    """Why each venue cannot be reached, all at once; None where it answers, whatever it says.

    Args:
        venues: The venues.
        venue_urls: Venue to base URL that replaces scheme and host of the venue's own.
    """
    return run_to_its_end(_reach_all(venues, venue_urls)) if venues else {}


async def _reach_all(
    venues: Sequence[Venue], venue_urls: Mapping[str, str]
) -> dict[str, Reason | None]:
    import aiohttp

    connector = aiohttp.TCPConnector(ssl=tls_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        found = await asyncio.gather(
            *(_reach_one(session, venue, venue_urls.get(venue.id)) for venue in venues)
        )
    return {venue.id: why for venue, why in zip(venues, found, strict=True)}


async def _reach_one(
    session: "aiohttp.ClientSession", venue: Venue, base: str | None
) -> Reason | None:
    import aiohttp

    urls = new_client(venue.id).urls["api"]
    parts = urlsplit(next(_addresses(redirected(urls, base) if base else urls)))
    try:
        async with (
            asyncio.timeout(_SECONDS),
            session.get(f"{parts.scheme}://{parts.netloc}/", allow_redirects=False) as answer,
        ):
            page = await answer.content.read(_LONGEST_PAGE)
    except TimeoutError as error:
        return reason_for(error, venue, _SECONDS)
    except (aiohttp.ClientError, OSError) as error:
        kind = type(error).__name__
        return Reason(Code.EXCHANGE_UNREACHABLE, {"venue": venue.id, "kind": kind})
    if is_blocked(answer.status, page.decode(errors="replace")):
        return reason_for(Blocked(answer.status), venue, _SECONDS)
    return None


def _addresses(urls: Any) -> Any:
    """Every address in ccxt's table of them, however deep."""
    if isinstance(urls, str):
        if urls.startswith("http"):
            yield urls
    elif isinstance(urls, dict):
        for each in urls.values():
            yield from _addresses(each)

"""What a venue reports about an account and its key: wallet mode, withdrawal permission."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from capital.exchange.answers import read_facts
from capital.exchange.ccxt.accounts import AccountClients
from capital.exchange.ccxt.clients import built_client, tls_context
from capital.exchange.contract import BalanceRequest, KeyFacts
from capital.exchange.formulas import read_along
from capital.exchange.venues import Inspection

if TYPE_CHECKING:
    import aiohttp

# For everything that is requested besides balances.
INSPECTION_SECONDS = 5


async def inspect_all(
    clients: AccountClients, requests: Sequence[BalanceRequest]
) -> dict[int, KeyFacts]:
    """What the venues say of each account and its key, by account id."""
    import aiohttp

    for venue_id in {request.venue.id for request in requests}:
        built_client(venue_id)  # see below
    connector = aiohttp.TCPConnector(ssl=tls_context(), limit=clients.concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:
        facts = await asyncio.gather(*(_inspect(clients, each, session) for each in requests))
    return {request.account_id: each for request, each in zip(requests, facts, strict=True)}


async def _inspect(
    clients: AccountClients, request: BalanceRequest, session: "aiohttp.ClientSession"
) -> KeyFacts:
    facts = KeyFacts()
    inspections = request.venue.inspections
    deadline = asyncio.get_running_loop().time() + min(INSPECTION_SECONDS, clients.deadline_seconds)
    answers = await asyncio.gather(
        *(_ask(clients, request, inspection, session, deadline) for inspection in inspections)
    )
    api_key = request.credentials.api_key.strip()
    for inspection, answer in zip(inspections, answers, strict=True):
        facts = read_facts(answer, inspection, facts, api_key=api_key)
    if request.venue.secret_is_a_wallets and _is_of_its_own_wallet(request):
        facts = replace(facts, can_withdraw=True)
    return facts


async def _ask(
    clients: AccountClients,
    request: BalanceRequest,
    inspection: Inspection,
    session: "aiohttp.ClientSession",
    deadline: float,
) -> Any:
    """The answer; None where the venue does not give one, or is not to be asked now."""
    pool = request.pools[0]
    line, call = clients.line(request, pool), request.venue.call(pool, request.currency)
    if clients.refusal(line, may_try=False) is not None:
        return None
    exchange: Any = None
    try:
        exchange = clients.client(request, session)
        exchange.takes_text = inspection.mode == ()
        async with asyncio.timeout_at(deadline):
            await clients.take_turn(line, call, deadline)
            return await _asked(exchange, inspection, request.credentials.api_key.strip())
    except Exception:  # noqa: BLE001  # it does not say
        return None
    finally:
        if exchange is not None:
            exchange.session = None  # shared; otherwise ccxt complains that it was not closed


async def _asked(exchange: Any, inspection: Inspection, api_key: str) -> Any:
    names = {"api_key": api_key}
    if inspection.first is not None:
        method, path = inspection.first
        found = read_along(await getattr(exchange, method)({}), path)
        if found is None:
            return None
        names["first"] = str(found)
    params = {key: text.format(**names) for key, text in inspection.params.items()}
    return await getattr(exchange, inspection.method)(params)


def _is_of_its_own_wallet(request: BalanceRequest) -> bool:
    """Whether the private key is that of the account's address, not of an agent."""
    from ccxt.base.exchange import Exchange

    try:
        address = Exchange.eth_get_address_from_private_key(request.credentials.api_secret.strip())
    except Exception:  # noqa: BLE001  # none, or no private key
        return False
    return bool(address.lower() == request.credentials.api_key.strip().lower())

"""Brackets that a venue tells to a key only, asked with the key of one of its accounts.

Nothing is learned of the account: brackets are much the same for everybody.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from capital.domain.errors import BalanceUnavailable
from capital.domain.pools import Pool, WalletMode
from capital.exchange.ccxt.accounts import AccountClients
from capital.exchange.ccxt.brackets import About, Told, ask_brackets
from capital.exchange.contract import BalanceRequest
from capital.exchange.venues import Venue

_TURN_SECONDS = 5


async def ask_with_keys(
    clients: AccountClients,
    public: Any,
    venue: Venue,
    askers: Sequence[BalanceRequest],
    *,
    listed: About,
    told: Told,
) -> int:
    """Ask ``venue.rules_call.keyed_brackets`` with the first key that is let in.

    Args:
        clients: Makes the clients with keys.
        public: The venue's client without one, whose session is used.
        venue: The venue.
        askers: Its accounts, the best first.
        listed: The rules of each instrument with its raw market.
        told: Where answers go.

    Returns:
        How many questions the venue refused; the others went on.

    Raises:
        ccxt's error: The last key was refused, or the venue did not answer.
    """
    refusal: Exception | None = None
    for request in askers:
        line = clients.line(request, request.pools[0])
        if clients.refusal(line, may_try=False) is not None:
            continue
        try:
            return await _ask(clients, public, venue, request, listed=listed, told=told)
        except Exception as error:
            if not _is_about_the_key(error):
                raise
            refusal = error
    if refusal is not None:
        raise refusal
    return 0


async def _ask(
    clients: AccountClients,
    public: Any,
    venue: Venue,
    request: BalanceRequest,
    *,
    listed: About,
    told: Told,
) -> int:
    client = clients.client(request, public.session)
    client.timeout = public.timeout
    mode = WalletMode.UNIFIED if Pool.UNIFIED in request.pools else WalletMode.SEPARATE
    pool = request.pools[0]
    line, call = clients.line(request, pool), venue.call(pool, request.currency)
    refused = 0
    try:
        for asked in venue.rules_call.keyed_brackets:
            deadline = asyncio.get_running_loop().time() + _TURN_SECONDS
            await clients.take_turn(line, call, deadline)
            refused += await ask_brackets(client, asked, listed, told, key_mode=mode)
    finally:
        client.session = None  # shared; otherwise ccxt complains
    return refused


def _is_about_the_key(error: Exception) -> bool:
    """Whether another key may be let in: this one is malformed, refused, or has asked enough."""
    from ccxt.base.errors import AuthenticationError

    return isinstance(error, AuthenticationError | BalanceUnavailable | ValueError)

"""One simulated account, asked through the gateway."""

import json
import time
from base64 import b64encode
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from capital.domain.balances import BalanceBasis
from capital.domain.pools import Pool
from capital.exchange.ccxt.balances import CcxtGateway
from capital.exchange.contract import BalanceRequest, Credentials
from capital.exchange.formulas import read_along
from capital.exchange.venues import VENUES, get_venue
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def as_of_now(body: Any, venue: str, pool: str, currency: str) -> Any:
    """A recorded answer as if it was made now, where it says when: an old one would be refused."""
    path = VENUES[venue].call(Pool(pool), currency).told_at
    if isinstance(body, str) and path:
        was = read_along(json.loads(body), path)
        made = read_along(as_of_now(json.loads(body), venue, pool, currency), path)
        return body.replace(f'"{path[-1]}": {json.dumps(was)}', f'"{path[-1]}": {json.dumps(made)}')
    if not path or read_along(body, path) is None:
        return body
    made = deepcopy(body)
    holder = read_along(made, path[:-1])
    was, now = holder[path[-1]], time.time_ns() // 1_000_000
    if "T" in str(was):
        holder[path[-1]] = datetime.fromtimestamp(now / 1000, UTC).isoformat()
    else:
        holder[path[-1]] = type(was)(now)
    return made


def simulated_account(venue: str = "binance", **fields: Any) -> SimulatedAccount:
    """An account of ``venue``, in its usual currency; what it has recorded is of now."""
    fields = {"currency": VENUES[venue].currency, **fields}
    fields["recorded"] = {
        pool: as_of_now(body, venue, pool, fields["currency"])
        for pool, body in fields.get("recorded", {}).items()
    }
    return SimulatedAccount(
        venue=venue,
        api_key=f"key-{venue}",
        # Some venues take a secret in Base64 only.
        api_secret=b64encode(f"secret-{venue}".encode()).decode(),
        api_passphrase="phrase" if "api_passphrase" in VENUES[venue].credentials else "",
        **fields,
    )


def request_for(
    account: SimulatedAccount,
    pools: Sequence[str],
    key: int = 1,
    basis: BalanceBasis = BalanceBasis.WALLET,
) -> BalanceRequest:
    """What the services would ask of that account."""
    return BalanceRequest(
        account_id=key,
        venue=get_venue(account.venue),
        currency=account.currency,
        pools=[Pool(pool) for pool in pools],
        credentials=Credentials(account.api_key, account.api_secret, account.api_passphrase),
        balance_basis=basis,
    )


def gateway_to(server: SimulatedExchange, **options: Any) -> CcxtGateway:
    """A gateway for which every venue is ``server``."""
    return CcxtGateway(venue_urls=server.venue_urls, **{"concurrency": 10, **options})


def ask(
    account: SimulatedAccount,
    *pools: str,
    basis: BalanceBasis = BalanceBasis.WALLET,
    **options: Any,
) -> tuple[Any, SimulatedExchange]:
    """The answers for ``pools``, in order, and the exchange that was asked."""
    with SimulatedExchange(ExchangeState([account])) as server:
        answers = gateway_to(server, **options).fetch_balances(
            [request_for(account, pools, basis=basis)], clock=lambda: NOW
        )
        return [answers[1, Pool(pool)] for pool in pools], server

"""Recorded and documented responses of the venues, replayed over HTTP through the gateway.

The responses are kept beside the repository, not in it. Where they are missing the tests say so
and are skipped: the repository's own tests need nothing outside it.
"""

import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from capital.domain.balances import Observation
from capital.domain.pools import Pool
from capital.exchange.ccxt_gateway import CcxtGateway
from capital.exchange.gateway import BalanceRequest, Credentials
from capital.exchange.simulator.desk import Desk, SimulatedAccount
from capital.exchange.simulator.server import SimulatedExchange
from capital.exchange.venues import VENUES

REPOSITORY = Path(__file__).resolve().parents[2]
RESPONSES = Path(os.environ.get("EXCHANGE_RESPONSES", REPOSITORY.parent / "shared" / "exchanges"))
FILES = sorted(
    path for path in RESPONSES.glob("*/fetchBalance_*.json") if path.parent.name in VENUES
)

if not FILES:
    pytest.skip(
        "no recorded responses: set EXCHANGE_RESPONSES to their folder", allow_module_level=True
    )


def pool_of(response: dict[str, Any]) -> Pool:
    venue = VENUES[response["exchange"]]
    pools = venue.pools(venue.usual_wallet_mode)
    return pools[-1] if "/fapi/" in response["endpoint"][0][1] else pools[0]


def balances_written_in(venue: str, body: Any) -> dict[str, Decimal]:
    """What each currency comes to, read from the venue's own fields by hand."""
    if venue == "binance" and "assets" in body:
        return {row["asset"]: Decimal(row["marginBalance"]) for row in body["assets"]}
    if venue == "binance":
        rows = body["balances"]
        return {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in rows}
    if venue == "bybit":
        rows = body["result"]["list"][0]["coin"]
        return {row["coin"]: Decimal(row["walletBalance"]) for row in rows}
    if venue == "okx":
        return {row["ccy"]: Decimal(row["eq"]) for row in body["data"][0]["details"]}
    return {row["currency"]: Decimal(row["balance"]) + Decimal(row["locked"]) for row in body}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_recorded_response_is_read_to_the_last_digit(path: Path) -> None:
    response = json.loads(path.read_text(encoding="utf-8"))
    venue, pool = VENUES[response["exchange"]], pool_of(response)
    written = balances_written_in(venue.id, response["httpResponse"])
    account = SimulatedAccount(
        venue=venue.id,
        api_key="key",
        api_secret="secret",
        api_passphrase="phrase",
        currency=next(iter(written)),
        recorded={pool: response["httpResponse"]},
    )
    now = datetime.now(UTC)
    with SimulatedExchange(Desk([account])) as server:
        gateway = CcxtGateway(venue_urls={venue.id: server.base_url}, concurrency=5)
        credentials = Credentials(account.api_key, account.api_secret, account.api_passphrase)
        answers = gateway.fetch_balances(
            [
                BalanceRequest(number, venue, currency, [pool], credentials)
                for number, currency in enumerate(written)
            ],
            clock=lambda: now,
        )

    parsed = response.get("parsedNow", response["parsedResponse"])["total"]
    for number, (currency, amount) in enumerate(written.items()):
        assert answers[number, pool] == Observation(amount, now), currency
        assert float(amount) == float(parsed[currency]), "ccxt's own recorded reading"

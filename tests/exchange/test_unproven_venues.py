"""Venues that only ccxt knows: what ccxt asks for there, without asking anybody."""

import asyncio
from base64 import b64encode
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import ccxt
import pytest
from django.core.exceptions import ValidationError

from capital.domain.balances import BalanceBasis
from capital.domain.errors import BalanceUnavailable
from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code, Reason
from capital.exchange.answers import read_balance
from capital.exchange.ccxt.clients import new_client, reason_for
from capital.exchange.unproven import SWAP_ALONE, SWAP_APART
from capital.exchange.venues import VENUES, get_venue
from tests.factories import make_account, make_link

OTHERS = sorted(set(ccxt.exchanges) - set(VENUES))


class Asked(BaseException):
    """ccxt is about to send a request; nobody gets it."""


@cache
def asked(venue: str, pool: Pool) -> tuple[str, str] | None:
    """Host and path of the first request for ``pool``; None where ccxt makes none."""
    client = new_client(venue)
    client.apiKey, client.password = "key", "phrase"
    client.secret = b64encode(b"secret" * 6).decode()
    client.currencies = {"USDT": {"id": "USDT", "code": "USDT"}}
    urls: list[str] = []

    async def fetch(url: str, *_: Any, **__: Any) -> None:
        urls.append(url)
        raise Asked

    async def ask() -> None:
        client.asyncio_loop = asyncio.get_running_loop()
        call = get_venue(venue).calls[pool][0]
        try:
            await client.fetch_balance(call.params_for("USDT"))
        except (Asked, Exception):  # noqa: BLE001  # ccxt may want credentials that we do not have
            return

    client.fetch = fetch
    asyncio.run(ask())
    return (urlsplit(urls[0]).netloc, urlsplit(urls[0]).path) if urls else None


@pytest.mark.parametrize("venue", OTHERS)
def test_wallet_is_never_read_for_two_pools(venue: str) -> None:
    has = getattr(ccxt, venue)().has
    spot, swap = asked(venue, Pool.SPOT), asked(venue, Pool.FUTURES)
    are_apart = None not in (spot, swap) and spot != swap

    assert (venue in SWAP_APART) == bool(has["spot"] and has["swap"] and are_apart)
    assert (venue in SWAP_ALONE) == bool(has["swap"] and not has["spot"])


def test_lists_name_venues_that_ccxt_knows() -> None:
    assert set(OTHERS) >= SWAP_APART | SWAP_ALONE
    assert not SWAP_APART & SWAP_ALONE


@pytest.mark.parametrize(
    ("venue", "pools"),
    [
        ("coinone", ["spot"]),
        ("woo", ["spot"]),
        ("binanceusdm", ["futures"]),
        ("paradex", ["futures"]),
        ("phemex", ["spot", "futures"]),
    ],
)
def test_pools_are_those_that_ccxt_asks_apart(venue: str, pools: list[str]) -> None:
    assert list(get_venue(venue).pools(WalletMode.SEPARATE)) == pools


def test_binancecoinm_is_asked_for_the_wallet_of_coin_margined_contracts() -> None:
    assert asked("binancecoinm", Pool.FUTURES) == ("dapi.binance.com", "/dapi/v1/account")


@pytest.mark.django_db
def test_korean_venue_without_a_row_refuses_futures_strategies() -> None:
    account = make_account(venue="coinone", currency="KRW")

    with pytest.raises(ValidationError, match="coinone"):
        make_link(account=account, market_type="futures")


def test_balance_type_of_which_nobody_knows_the_meaning_is_refused() -> None:
    with pytest.raises(BalanceUnavailable) as refused:
        read_balance(
            {},
            get_venue("whitebit").calls[Pool.FUTURES][0],
            pages=[],
            venue="whitebit",
            currency="USDT",
            basis=BalanceBasis.EQUITY,
            code_of=str,
        )

    assert refused.value.reason == Reason(
        Code.BASIS_UNPROVEN, {"venue": "whitebit", "basis": "equity"}
    )


def test_what_ccxt_does_not_support_on_a_venue_is_said_to_be_so() -> None:
    assert reason_for(ccxt.NotSupported("CANARY"), get_venue("whitebit"), 15) == Reason(
        Code.EXCHANGE_NOT_SUPPORTED, {"venue": "whitebit", "kind": "NotSupported"}
    )

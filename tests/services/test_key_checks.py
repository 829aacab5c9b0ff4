"""What a checked connection says of the account's mode and its key."""

from typing import Any

import pytest
from django.utils import timezone

from capital.domain.pools import WalletMode
from capital.domain.reasons import Code
from capital.exchange.entries import read_facts
from capital.exchange.gateway import KeyFacts
from capital.exchange.venues import VENUES
from capital.services.key_checks import key_notices
from tests.conftest import Exchange
from tests.factories import make_account

pytestmark = pytest.mark.django_db


def notices(exchange: Exchange, venue: str, said: dict[str, Any], **fields: Any) -> list[str]:
    account = exchange.open_account(venue=venue, wallets={}, **fields)
    twin = exchange.desk.find(exchange.keys[account.pk])
    for name, value in said.items():
        setattr(twin, name, value)
    return [reason.english for reason in key_notices(account, [], timezone.now())]


@pytest.mark.parametrize(
    ("venue", "mode", "said", "is_said"),
    [
        ("bitget", "separate", "unified", "unified"),
        ("gate", "separate", "2", "unified"),
        ("gate", "unified", "1", "separate"),
        ("kucoin", "unified", "CLASSIC", "separate"),
    ],
)
def test_mode_that_the_venue_says_otherwise_is_named_and_proposed(
    exchange: Exchange, venue: str, mode: str, said: str, is_said: str
) -> None:
    (sentence,) = notices(
        exchange, venue, {"account_mode": said}, wallet_mode=mode, balance_basis="equity"
    )

    assert sentence == (
        f"{venue} says that the wallet of this account is {is_said}, but it is kept here as "
        f"{mode}. Change its wallet mode to {is_said}: another wallet is being read."
    )


def test_mode_that_cannot_be_read_here_is_said_to_be_so(exchange: Exchange) -> None:
    (sentence,) = notices(exchange, "bybit", {"account_mode": "0"})

    assert sentence.startswith("bybit says that the wallet of this account is separate")
    assert "can be read here as unified only" in sentence


@pytest.mark.parametrize(
    ("venue", "mode", "said"),
    [("bitget", "unified", "hybrid"), ("gate", "separate", "1"), ("kucoin", "unified", "UNIFIED"),
     ("kucoin", "separate", "something new"), ("bybit", "unified", "1")],
)  # fmt: skip
def test_mode_that_fits_or_is_not_said_is_no_notice(
    exchange: Exchange, venue: str, mode: str, said: str
) -> None:
    fields = {"wallet_mode": mode}

    assert notices(exchange, venue, {"account_mode": said}, **fields) == []


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx", "coinbase"])
@pytest.mark.parametrize("can_withdraw", [True, False])
def test_key_that_can_withdraw_is_warned_of(
    exchange: Exchange, venue: str, can_withdraw: bool
) -> None:
    warned = notices(exchange, venue, {"can_withdraw": can_withdraw})

    assert bool(warned) is can_withdraw
    assert all(sentence.startswith(f"This key can withdraw from {venue}") for sentence in warned)


@pytest.mark.parametrize(
    ("word", "mode"),
    [
        ("unifiedAccount", WalletMode.UNIFIED),
        ('"disabled"', WalletMode.SEPARATE),
        ("portfolioMargin", None),
    ],
)
def test_hyperliquid_says_its_mode_in_one_word(word: str, mode: WalletMode | None) -> None:
    (inspection,) = VENUES["hyperliquid"].inspections

    assert read_facts(word, inspection, KeyFacts()) == KeyFacts(mode, None)


def test_venue_that_says_nothing_or_fails_is_no_notice(exchange: Exchange) -> None:
    assert notices(exchange, "upbit", {}) == []
    assert notices(exchange, "kucoin", {"api_secret": "another"}) == []


def test_venue_without_a_row_is_said_to_be_unproven() -> None:
    account = make_account(venue="whitebit")

    codes = [reason.code for reason in key_notices(account, [], timezone.now())]

    assert codes == [Code.VENUE_UNPROVEN]

"""What a venue asks for, and what can be traded there."""

import pytest
from django.utils import translation

from capital.services.accounts import (
    asked_credentials,
    markets_of,
    proven_venues,
    venue_called,
    venue_names,
)
from strategies.markets import MarketType


def test_venue_asks_for_its_own_credentials_and_an_untested_one_for_all() -> None:
    assert asked_credentials("binance") == ("api_key", "api_secret")
    assert asked_credentials("okx") == ("api_key", "api_secret", "api_passphrase")
    assert asked_credentials("whitebit") == ("api_key", "api_secret", "api_passphrase")


def test_markets_of_a_spot_venue_are_spot_and_of_an_unknown_one_both() -> None:
    assert markets_of("upbit") == (MarketType.SPOT,)
    assert markets_of("binance") == (MarketType.SPOT, MarketType.FUTURES)
    assert markets_of("nowhere") == (MarketType.SPOT, MarketType.FUTURES)


def test_every_tested_venue_has_a_name_in_korean_letters_or_its_own() -> None:
    with translation.override("ko"):
        names = venue_names()

    assert tuple(names) == proven_venues()
    # An id that stands for its own name was forgotten.
    assert [venue for venue, name in names.items() if name == venue] == []


@pytest.mark.parametrize(
    ("language", "typed", "venue"),
    [
        ("ko", "업비트", "upbit"),
        ("ko", " 크라켄선물 ", "krakenfutures"),
        ("en", "Kraken Futures", "krakenfutures"),
        ("ko", "Binance", "binance"),
        ("ko", "없는 거래소", "없는 거래소"),
    ],
)
def test_venue_is_found_by_what_people_call_it(language: str, typed: str, venue: str) -> None:
    with translation.override(language):
        assert venue_called(typed) == venue

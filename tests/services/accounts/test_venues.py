"""What a venue asks for, and what can be traded there."""

from capital.services.accounts import asked_credentials, markets_of
from strategies.markets import MarketType


def test_venue_asks_for_its_own_credentials_and_an_untested_one_for_all() -> None:
    assert asked_credentials("binance") == ("api_key", "api_secret")
    assert asked_credentials("okx") == ("api_key", "api_secret", "api_passphrase")
    assert asked_credentials("whitebit") == ("api_key", "api_secret", "api_passphrase")


def test_markets_of_a_spot_venue_are_spot_and_of_an_unknown_one_both() -> None:
    assert markets_of("upbit") == (MarketType.SPOT,)
    assert markets_of("binance") == (MarketType.SPOT, MarketType.FUTURES)
    assert markets_of("nowhere") == (MarketType.SPOT, MarketType.FUTURES)

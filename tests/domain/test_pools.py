import pytest

from capital.domain.pools import Pool, WalletMode, pool_of, pools_of
from strategies.markets import MarketType

SPOT, FUTURES = MarketType.SPOT, MarketType.FUTURES


@pytest.mark.parametrize(
    ("market", "wallet_mode", "pool"),
    [
        (SPOT, WalletMode.SEPARATE, Pool.SPOT),
        (FUTURES, WalletMode.SEPARATE, Pool.FUTURES),
        (SPOT, WalletMode.UNIFIED, Pool.UNIFIED),
        (FUTURES, WalletMode.UNIFIED, Pool.UNIFIED),
    ],
)
def test_a_strategy_draws_on_its_markets_pool_or_on_the_unified_one(market, wallet_mode, pool):
    assert pool_of(market, wallet_mode) is pool


@pytest.mark.parametrize(
    ("wallet_mode", "markets", "pools"),
    [
        (WalletMode.SEPARATE, {FUTURES, SPOT}, (Pool.SPOT, Pool.FUTURES)),
        (WalletMode.SEPARATE, {SPOT}, (Pool.SPOT,)),
        (WalletMode.SEPARATE, {FUTURES}, (Pool.FUTURES,)),
        (WalletMode.UNIFIED, {SPOT, FUTURES}, (Pool.UNIFIED,)),
    ],
)
def test_an_account_has_the_pools_of_its_wallet_mode_and_markets(wallet_mode, markets, pools):
    assert pools_of(wallet_mode, markets) == pools


def test_the_stored_words_are_the_design_pages():
    assert [market.value for market in MarketType] == ["spot", "futures"]
    assert [pool.value for pool in Pool] == ["spot", "futures", "unified"]
    assert [mode.value for mode in WalletMode] == ["separate", "unified"]

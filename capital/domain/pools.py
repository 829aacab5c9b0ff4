"""Pools: the money that one group of strategies shares."""

from collections.abc import Mapping, Set
from enum import StrEnum
from functools import lru_cache

from strategies.markets import MarketType


class WalletMode(StrEnum):
    """How a venue keeps an account's money."""

    SEPARATE = "separate"
    UNIFIED = "unified"


class Pool(StrEnum):
    """One pot of money of an account. ``value`` is what is stored and sent."""

    SPOT = "spot"
    FUTURES = "futures"
    UNIFIED = "unified"


def pool_of(market: MarketType, wallet_mode: WalletMode) -> Pool:
    """The pool that a strategy of ``market`` draws on."""
    if wallet_mode is WalletMode.UNIFIED:
        return Pool.UNIFIED
    return Pool.SPOT if market is MarketType.SPOT else Pool.FUTURES


@lru_cache
def pools_by_market(wallet_mode: WalletMode) -> Mapping[MarketType, Pool]:
    """``pool_of`` of every market, for who asks it of many links."""
    return {market: pool_of(market, wallet_mode) for market in MarketType}


def pools_of(wallet_mode: WalletMode, markets: Set[MarketType]) -> tuple[Pool, ...]:
    """The pools of an account with ``wallet_mode`` on a venue with ``markets``, spot first."""
    if wallet_mode is WalletMode.UNIFIED:
        return (Pool.UNIFIED,)
    return tuple(pool_of(market, wallet_mode) for market in MarketType if market in markets)

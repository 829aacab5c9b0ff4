"""What a run took is given back, as far as the present balance covers it."""

from decimal import Decimal

import pytest

from capital.domain.allocation.decision import Decision, Outcome
from capital.domain.allocation.links import Reserve
from capital.domain.allocation.pools import EntryDecision, PoolDecision
from capital.domain.allocation.reverts import decide_revert, kept_back_beside
from capital.domain.errors import RevertRefused
from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code, Reason
from strategies.markets import MarketType
from tests.domain.builders import link, live

D = Decimal

FUTURES = MarketType.FUTURES
LINKS = {
    1: link(1, capital="10"),
    2: link(2, capital="20"),
    3: link(3, capital="30"),
    4: link(4, market=FUTURES, capital="40"),
}


def revert(
    before: dict[int, D | None],
    *readings,
    mode: WalletMode = WalletMode.SEPARATE,
    reserve: Reserve | None = None,
    currency: str = "USDT",
) -> Decision:
    return decide_revert(
        14,
        list(reversed(LINKS.values())),
        before,
        {reading.pool: reading for reading in readings},
        currency=currency,
        wallet_mode=mode,
        reserve=reserve or Reserve(),
    )


def test_links_that_the_run_changed_get_what_they_had_and_the_others_keep_what_they_have():
    reading = live("100.009")

    decision = revert({1: D("12.5"), 2: None}, reading)

    assert decision == Decision(
        Outcome.APPLIED,
        Reason(Code.REVERTED, {"run": "14"}),
        (
            PoolDecision(
                reading=reading,
                reserve=D(0),
                unallocated=D("57.50"),
                reason=reading.reason,
                entries=(
                    EntryDecision(LINKS[1], D(10), D("12.5"), Code.RESTORED),
                    EntryDecision(LINKS[2], D(20), D(0), Code.RESTORED),
                    EntryDecision(LINKS[3], D(30), D(30), Code.UNTOUCHED),
                ),
            ),
        ),
    )


def test_each_pool_is_restored_by_its_own_links_and_balance():
    spot, futures = revert({1: D(1), 4: D(4)}, live("60"), live("4", Pool.FUTURES)).pools

    assert [(entry.link.id, entry.after) for entry in spot.entries] == [(1, 1), (2, 20), (3, 30)]
    assert [(entry.link.id, entry.after) for entry in futures.entries] == [(4, 4)]
    assert (spot.unallocated, futures.unallocated) == (9, 0)


def test_both_markets_of_a_unified_wallet_are_restored_from_it():
    (pool,) = revert({4: D(4)}, live("64", Pool.UNIFIED), mode=WalletMode.UNIFIED).pools

    assert [entry.after for entry in pool.entries] == [10, 20, 30, 4]
    assert pool.unallocated == 0


@pytest.mark.parametrize(
    ("balance", "shown"), [("59.999", "59.99"), ("0", "0.00"), ("-5.001", "-5.01")]
)
def test_what_the_balance_does_not_bear_is_refused_with_both_amounts(balance, shown):
    with pytest.raises(RevertRefused) as refused:
        revert({1: D(10)}, live(balance))

    assert refused.value.reason == Reason(
        Code.REVERT_EXCEEDS,
        {
            "run": "14",
            "pool": "spot",
            "restored": "60.00",
            "balance": shown,
            "currency": "USDT",
        },
    )
    assert revert({1: D(10)}, live("60")).pools[0].unallocated == 0


def test_a_debt_bears_nothing_and_can_be_left_with_nothing():
    links = {key: each._replace(capital=D(0)) for key, each in LINKS.items()}

    (pool,) = decide_revert(
        14,
        list(links.values()),
        {1: None},
        {Pool.SPOT: live("-5")},
        currency="USDT",
        wallet_mode=WalletMode.SEPARATE,
        reserve=Reserve(percent=D(10)),
    ).pools

    assert (pool.reserve, pool.unallocated) == (0, -5)


@pytest.mark.parametrize(
    ("allocated", "balance", "reserve"),
    [("0", "100", "10"), ("90", "100", "10"), ("95", "100", "5"), ("100", "100", "0"),
     ("101", "100", "0"), ("0", "-1", "0")],
)  # fmt: skip
def test_the_reserve_is_what_is_left_beside_what_is_restored(allocated, balance, reserve):
    kept_back = kept_back_beside(
        D(allocated), D(balance), Reserve(percent=D(10)), quantum=D("0.01")
    )

    assert kept_back == D(reserve)


def test_what_is_restored_may_reach_into_the_reserve():
    (pool,) = revert({1: D(10)}, live("70"), reserve=Reserve(percent=D(50))).pools

    assert (pool.reserve, pool.unallocated) == (10, 0)


def test_a_pool_without_links_is_left_to_nobody():
    (pool,) = decide_revert(
        14,
        [LINKS[1]],
        {},
        {Pool.FUTURES: live("7", Pool.FUTURES)},
        currency="USDT",
        wallet_mode=WalletMode.SEPARATE,
        reserve=Reserve(),
    ).pools

    assert (pool.entries, pool.unallocated) == ((), 7)


def test_the_quantum_is_the_currencys():
    (pool,) = revert({1: D(10)}, live("70.9"), currency="KRW").pools

    assert pool.unallocated == 10

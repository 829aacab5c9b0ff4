from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.allocation.decision import (
    Decision,
    Outcome,
    decide,
    hold,
    pools_in_use,
)
from capital.domain.allocation.links import Reserve
from capital.domain.allocation.pools import EntryDecision, PoolDecision
from capital.domain.balances import PoolReading, Source
from capital.domain.money import floor_to, quantum_of
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code, Reason
from strategies.markets import MarketType
from tests.domain.builders import link, links, live, nothing, readings, reserves

SPOT, FUTURES = MarketType.SPOT, MarketType.FUTURES
PAUSED = Code.STRATEGY_PAUSED


def decide_account(
    of_account,
    *,
    spot: str | None = None,
    futures: str | None = None,
    unified: str | None = None,
    wallet_mode: WalletMode = WalletMode.SEPARATE,
    currency: str = "USDT",
    reserve: Reserve | None = None,
) -> Decision:
    amounts = {Pool.SPOT: spot, Pool.FUTURES: futures, Pool.UNIFIED: unified}
    return decide(
        of_account,
        {
            pool: nothing(pool) if amount is None else live(amount, pool)
            for pool, amount in amounts.items()
        },
        currency=currency,
        wallet_mode=wallet_mode,
        reserve=reserve or Reserve(),
    )


def after(decision: Decision) -> dict[int, Decimal | None]:
    return {entry.link.id: entry.after for pool in decision.pools for entry in pool.entries}


def test_a_half_in_each_pool_gets_its_whole_pool():
    decision = decide_account(
        [link(1, weight="0.5"), link(2, weight="0.5", market=FUTURES)],
        spot="10369",
        futures="5000",
    )

    assert after(decision) == {1: Decimal(10369), 2: Decimal(5000)}


def test_spot_and_futures_share_a_unified_wallet():
    decision = decide_account(
        [link(1, weight="3"), link(2, market=FUTURES)],
        wallet_mode=WalletMode.UNIFIED,
        spot="1",
        futures="2",
        unified="10000",
    )

    assert [pool.reading.pool for pool in decision.pools] == [Pool.UNIFIED]
    assert after(decision) == {1: Decimal(7500), 2: Decimal(2500)}


def test_a_pool_that_nobody_uses_says_that_it_was_not_read():
    (pool,) = decide(
        [link(1, idle=PAUSED, capital="5")],
        {},
        currency="USDT",
        wallet_mode=WalletMode.SEPARATE,
        reserve=Reserve(),
    ).pools

    assert pool.reading == PoolReading(Pool.SPOT, None, Source.NONE, None, Reason(Code.NOT_NEEDED))


def test_a_unified_wallet_is_one_pool_that_is_in_use():
    """Both markets are skipped, though one pool is: no part of the account was allocated."""
    decision = decide_account(
        [link(1), link(2, market=FUTURES), link(3, idle=PAUSED, capital="5")],
        unified=None,
        wallet_mode=WalletMode.UNIFIED,
    )

    assert (decision.outcome, decision.reason) == (
        Outcome.SKIPPED,
        Reason(Code.NO_BALANCE, {"pools": "unified"}),
    )
    assert after(decision) == {1: None, 2: None, 3: Decimal(0)}


def test_what_stays_as_it_was_is_told_pool_by_pool_too():
    decision = decide_account([link(1, capital="9")], spot="9")

    assert decision.outcome is Outcome.UNCHANGED
    assert after(decision) == {1: Decimal(9)}


@pytest.mark.parametrize(
    ("mode", "pools"),
    [
        (WalletMode.SEPARATE, {Pool.SPOT: [1, 3], Pool.FUTURES: [2]}),
        (WalletMode.UNIFIED, {Pool.UNIFIED: [1, 2, 3]}),
    ],
)
def test_what_is_held_keeps_everything_and_says_why_in_each_pool(mode, pools):
    of_account = {
        1: link(1, capital="5"),
        2: link(2, market=FUTURES),
        3: link(3, idle=PAUSED, capital="7"),
    }
    why = Reason(Code.OPEN_POSITION)

    held = hold([of_account[number] for number in (3, 2, 1)], mode, why)

    assert held == Decision(
        Outcome.HELD,
        why,
        tuple(
            PoolDecision(
                reading=PoolReading(pool, None, Source.NONE, None, why),
                reserve=None,
                unallocated=None,
                reason=why,
                entries=tuple(
                    EntryDecision(
                        of_account[number],
                        of_account[number].capital,
                        of_account[number].capital,
                        Code.HELD,
                    )
                    for number in numbers
                ),
            )
            for pool, numbers in pools.items()
        ),
    )


def test_the_quantum_is_the_currencys():
    shares = [link(1), link(2), link(3)]

    assert after(decide_account(shares, spot="100", currency="KRW")) == {1: 34, 2: 33, 3: 33}
    assert after(decide_account(shares, spot="1", currency="BTC")) == {
        1: Decimal("0.33333334"),
        2: Decimal("0.33333333"),
        3: Decimal("0.33333333"),
    }


def test_the_reserve_is_applied_to_each_pool():
    decision = decide_account(
        [link(1), link(2, market=FUTURES)],
        spot="10000",
        futures="100",
        reserve=Reserve(percent=Decimal(1), amount=Decimal(50)),
    )

    assert [pool.reserve for pool in decision.pools] == [100, 50]
    assert after(decision) == {1: 9900, 2: 50}


def test_pools_stand_in_the_order_spot_futures():
    decision = decide_account([link(1, market=FUTURES), link(2)], spot="1", futures="1")

    assert [pool.reading.pool for pool in decision.pools] == [Pool.SPOT, Pool.FUTURES]


def test_a_pool_with_idle_links_only_needs_no_reading():
    decision = decide(
        [link(1), link(2, market=FUTURES, idle=PAUSED, capital="7")],
        {Pool.SPOT: live("10")},
        currency="USDT",
        wallet_mode=WalletMode.SEPARATE,
        reserve=Reserve(),
    )

    assert decision.pools[1].reason.code is Code.NOT_NEEDED
    assert after(decision) == {1: 10, 2: 0}
    assert decision.outcome is Outcome.APPLIED


SPOT_10 = link(1, capital="10")
FUTURES_5 = link(2, market=FUTURES, capital="5")
IDLE_SPOT_3 = link(3, idle=PAUSED, capital="3")
IDLE_FUTURES_3 = link(4, market=FUTURES, idle=PAUSED, capital="3")


@pytest.mark.parametrize(
    ("of_account", "balances", "outcome", "code", "figures", "complete"),
    [
        pytest.param(
            [SPOT_10, FUTURES_5], {"spot": "11", "futures": "5"},
            Outcome.APPLIED, Code.ALLOCATED, {}, True,
            id="one-pool-changes",
        ),
        pytest.param(
            [link(1)], {"spot": "0"},
            Outcome.APPLIED, Code.ALLOCATED, {}, True,
            id="a-first-zero-is-a-change",
        ),
        pytest.param(
            [SPOT_10], {"spot": "-1"},
            Outcome.APPLIED, Code.ALLOCATED, {}, True,
            id="a-debt-takes-the-capital",
        ),
        pytest.param(
            [SPOT_10, IDLE_SPOT_3], {"spot": "10"},
            Outcome.APPLIED, Code.ALLOCATED, {}, True,
            id="only-idle-capital-is-released",
        ),
        pytest.param(
            [SPOT_10, FUTURES_5], {"spot": "11"},
            Outcome.APPLIED, Code.PARTLY_ALLOCATED, {"pools": "futures"}, False,
            id="one-pool-changes-and-the-other-has-no-balance",
        ),
        pytest.param(
            [SPOT_10, FUTURES_5, IDLE_FUTURES_3], {"spot": "10"},
            Outcome.APPLIED, Code.PARTLY_ALLOCATED, {"pools": "futures"}, False,
            id="only-idle-capital-is-released-and-one-pool-has-no-balance",
        ),
        pytest.param(
            [SPOT_10, FUTURES_5], {"spot": "10", "futures": "5"},
            Outcome.UNCHANGED, Code.UNCHANGED, {}, True,
            id="same-balances",
        ),
        pytest.param(
            [SPOT_10], {"spot": "10.009"},
            Outcome.UNCHANGED, Code.UNCHANGED, {}, True,
            id="less-than-a-cent-more",
        ),
        pytest.param(
            [SPOT_10, FUTURES_5], {"spot": "10"},
            Outcome.SKIPPED, Code.NO_BALANCE, {"pools": "futures"}, False,
            id="one-pool-unchanged-and-the-other-without-a-balance",
        ),
        pytest.param(
            [SPOT_10, FUTURES_5], {},
            Outcome.SKIPPED, Code.NO_BALANCE, {"pools": "spot, futures"}, False,
            id="no-balance-at-all",
        ),
        pytest.param(
            [SPOT_10, IDLE_SPOT_3], {},
            Outcome.SKIPPED, Code.NO_BALANCE, {"pools": "spot"}, False,
            id="no-balance-and-idle-capital-released",
        ),
        pytest.param(
            [IDLE_SPOT_3, IDLE_FUTURES_3], {},
            Outcome.SKIPPED, Code.NOTHING_TO_ALLOCATE, {}, True,
            id="idle-links-only",
        ),
        pytest.param(
            [], {"spot": "10"},
            Outcome.SKIPPED, Code.NOTHING_TO_ALLOCATE, {}, True,
            id="no-links",
        ),
    ],
)  # fmt: skip
def test_the_outcome_says_what_became_of_the_account(
    of_account, balances, outcome, code, figures, complete
):
    decision = decide_account(of_account, **balances)

    assert (decision.outcome, decision.reason.code) == (outcome, code)
    assert decision.reason.figures.items() >= figures.items()
    assert (not any(pool.skipped for pool in decision.pools)) is complete


@pytest.mark.parametrize(
    ("of_account", "expected"),
    [
        ([IDLE_SPOT_3, IDLE_FUTURES_3], {3: 0, 4: 0}),
        ([SPOT_10, IDLE_SPOT_3], {1: 10, 3: 0}),
    ],
)
def test_capital_of_idle_links_is_released_also_where_the_run_is_skipped(of_account, expected):
    decision = decide_account(of_account)

    assert decision.outcome is Outcome.SKIPPED
    assert after(decision) == expected


def test_pools_in_use_are_those_with_an_active_link_spot_first():
    of_account = [FUTURES_5, SPOT_10, IDLE_SPOT_3]

    assert pools_in_use(of_account, WalletMode.SEPARATE) == (Pool.SPOT, Pool.FUTURES)
    assert pools_in_use(of_account, WalletMode.UNIFIED) == (Pool.UNIFIED,)
    assert pools_in_use([FUTURES_5, IDLE_SPOT_3], WalletMode.SEPARATE) == (Pool.FUTURES,)
    assert pools_in_use([IDLE_SPOT_3], WalletMode.UNIFIED) == ()


currencies = st.sampled_from(["USDT", "KRW", "BTC"])


@given(
    links(), readings(Pool.SPOT), readings(Pool.SPOT), readings(Pool.FUTURES), reserves, currencies
)
def test_the_spot_balance_makes_no_difference_to_futures(
    of_account, spot, other_spot, futures, reserve, currency
):
    def futures_with(spot_reading):
        decision = decide(
            of_account,
            {Pool.SPOT: spot_reading, Pool.FUTURES: futures},
            currency=currency,
            wallet_mode=WalletMode.SEPARATE,
            reserve=reserve,
        )
        return [pool for pool in decision.pools if pool.reading.pool is Pool.FUTURES]

    assert futures_with(spot) == futures_with(other_spot)


@given(links(), links(first=100), readings(Pool.SPOT), readings(Pool.FUTURES), reserves)
def test_the_links_of_one_pool_make_no_difference_to_the_other(
    of_account, others, spot, futures, reserve
):
    def decision_of(of_market, market):
        decision = decide(
            of_market,
            {Pool.SPOT: spot, Pool.FUTURES: futures},
            currency="USDT",
            wallet_mode=WalletMode.SEPARATE,
            reserve=reserve,
        )
        pool = pool_of(market, WalletMode.SEPARATE)
        return [decided for decided in decision.pools if decided.reading.pool is pool]

    for market in MarketType:
        elsewhere = [one for one in others if one.market is not market]
        of_market = [one for one in of_account if one.market is market]
        assert decision_of(of_account, market) == decision_of(of_market + elsewhere, market)


@given(
    links(),
    readings(Pool.SPOT),
    readings(Pool.FUTURES),
    readings(Pool.UNIFIED),
    st.sampled_from(WalletMode),
    reserves,
    st.randoms(use_true_random=False),
)
def test_the_same_input_gives_the_same_answer_in_any_order(
    of_account, spot, futures, unified, wallet_mode, reserve, random
):
    by_pool = {Pool.SPOT: spot, Pool.FUTURES: futures, Pool.UNIFIED: unified}
    backwards = dict(reversed(by_pool.items()))
    shuffled = random.sample(of_account, len(of_account))
    rule = {"currency": "USDT", "wallet_mode": wallet_mode, "reserve": reserve}

    assert decide(shuffled, backwards, **rule) == decide(of_account, by_pool, **rule)


@given(links(), readings(Pool.SPOT), readings(Pool.FUTURES), reserves, currencies)
def test_deciding_again_on_what_was_decided_changes_nothing(
    of_account, spot, futures, reserve, currency
):
    by_pool = {Pool.SPOT: spot, Pool.FUTURES: futures}
    rule = {"currency": currency, "wallet_mode": WalletMode.SEPARATE, "reserve": reserve}
    first = after(decide(of_account, by_pool, **rule))
    settled = [one._replace(capital=first[one.id]) for one in of_account]

    again = decide(settled, by_pool, **rule)

    assert not any(entry.changed for pool in again.pools for entry in pool.entries)
    assert again.outcome in (Outcome.UNCHANGED, Outcome.SKIPPED)


@given(links(), readings(Pool.UNIFIED), reserves, currencies)
def test_a_unified_pool_never_hands_out_more_than_it_has(of_account, unified, reserve, currency):
    decision = decide(
        of_account,
        {Pool.UNIFIED: unified},
        currency=currency,
        wallet_mode=WalletMode.UNIFIED,
        reserve=reserve,
    )

    shares = [
        entry.after for pool in decision.pools for entry in pool.entries if entry.code is Code.SHARE
    ]
    if shares:
        assert sum(map(Fraction, shares)) <= Fraction(unified.amount)
        assert all(share == floor_to(share, quantum_of(currency)) for share in shares)

"""The gate: every branch with its literal reason, and what holds for any change."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.allocation.decision import decide
from capital.domain.allocation.gate import (
    DueCheck,
    Inputs,
    LinkState,
    Thresholds,
    check_due,
    target_change,
)
from capital.domain.allocation.links import Link, Reserve
from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code, Reason
from capital.services.sentences import sentence
from strategies.markets import MarketType
from tests.domain.builders import link, live

USD = Thresholds(amount=Decimal(10), percent=Decimal("0.1"))
COIN = Thresholds(amount=None, percent=Decimal("0.1"))
GRID = LinkState("grid", Decimal(1), None)
TREND = LinkState("trend", Decimal(1), None)
LAST = Inputs({1: GRID, 2: TREND}, Reserve(), {Pool.SPOT: Decimal(10000)})


def check(now: Inputs, last: Inputs | None = LAST, **given: Any) -> DueCheck:
    return check_due(
        now,
        last,
        **{"has_open_position": False, "thresholds": USD, "currency": "USDT", **given},
    )


def with_balance(spot: str, *, last: str = "10000", **given: Any) -> DueCheck:
    now = replace(LAST, balances={Pool.SPOT: Decimal(spot)})
    return check(now, replace(LAST, balances={Pool.SPOT: Decimal(last)}), **given)


CASES: list[tuple[Callable[[], DueCheck], bool, Code, str]] = [
    (lambda: check(LAST, has_open_position=True), False, Code.OPEN_POSITION,
     "열린 포지션이 존재하여 재할당 불가"),
    (lambda: check(LAST, None, has_open_position=True), False, Code.OPEN_POSITION,
     "열린 포지션이 존재하여 재할당 불가"),
    (lambda: check(LAST, None), True, Code.NEVER_ALLOCATED, "최초 재할당"),
    (lambda: check(replace(LAST, links={1: GRID})), True, Code.LINKS_CHANGED,
     "전략 추가 또는 제거: trend"),
    (lambda: check(replace(LAST, links={**LAST.links, 3: LinkState("basis", Decimal(1), None)})),
     True,
     Code.LINKS_CHANGED, "전략 추가 또는 제거: basis"),
    (lambda: check(replace(LAST, links={1: GRID, 2: TREND._replace(idle=Code.STRATEGY_PAUSED)})),
     True,
     Code.STATES_CHANGED, "상태 변경: trend"),
    (lambda: check(replace(LAST, links={1: GRID._replace(weight=Decimal("0.5")), 2: TREND})), True,
     Code.WEIGHTS_CHANGED, "비중 변경: grid"),
    (lambda: check(replace(LAST, links={1: GRID._replace(weight=Decimal("1.00")), 2: TREND})),
     False,
     Code.CHANGE_TOO_SMALL, "변화량 부족 (0.00 USDT < 10.00 USDT)"),
    # every one is named
    (lambda: check(replace(LAST, links={1: GRID._replace(weight=Decimal(2)),
                                        2: TREND._replace(weight=Decimal(3))})), True,
     Code.WEIGHTS_CHANGED, "비중 변경: grid, trend"),
    (lambda: check(replace(LAST, links={2: TREND, 3: LinkState("basis", Decimal(1), None)})),
     True,
     Code.LINKS_CHANGED, "전략 추가 또는 제거: basis, grid"),
    (lambda: check(replace(LAST, reserve=Reserve(amount=Decimal(5)))), True, Code.RESERVE_CHANGED,
     "유보금 변경"),
    (lambda: with_balance("10200"), True, Code.BALANCE_CHANGED, "잔고 변화 감지 (2.00%)"),
    (lambda: with_balance("9800"), True, Code.BALANCE_CHANGED, "잔고 변화 감지 (2.00%)"),
    (lambda: with_balance("10000"), False, Code.CHANGE_TOO_SMALL,
     "변화량 부족 (0.00 USDT < 10.00 USDT)"),
    (lambda: with_balance("10009.99"), False, Code.CHANGE_TOO_SMALL,
     "변화량 부족 (9.99 USDT < 10.00 USDT)"),
    (lambda: with_balance("10009", currency="KRW"), False, Code.CHANGE_TOO_SMALL,
     "변화량 부족 (9 KRW < 10 KRW)"),
    # 0.1 % exactly is not more than 0.1 %
    (lambda: with_balance("10010"), False, Code.BELOW_THRESHOLD, "임계값 미달 (0.10% ≤ 0.1%)"),
    (lambda: with_balance("10010.01"), True, Code.BALANCE_CHANGED, "잔고 변화 감지 (0.10%)"),
    (lambda: with_balance("100050", last="100000"), False, Code.BELOW_THRESHOLD,
     "임계값 미달 (0.05% ≤ 0.1%)"),
    # the absolute threshold exactly is enough
    (lambda: with_balance("110", last="100"), True, Code.BALANCE_CHANGED,
     "잔고 변화 감지 (10.00%)"),
    (lambda: with_balance("109.99", last="100"), False, Code.CHANGE_TOO_SMALL,
     "변화량 부족 (9.99 USDT < 10.00 USDT)"),
    # a previous balance of zero never blocks
    (lambda: with_balance("10", last="0"), True, Code.BALANCE_CHANGED, "잔고 변화 감지 (∞%)"),
    (lambda: with_balance("9.99", last="0"), False, Code.CHANGE_TOO_SMALL,
     "변화량 부족 (9.99 USDT < 10.00 USDT)"),
    (lambda: with_balance("0.00000001", last="0", thresholds=COIN, currency="BTC"), True,
     Code.BALANCE_CHANGED, "잔고 변화 감지 (∞%)"),
    (lambda: with_balance("0", last="0", thresholds=COIN, currency="BTC"),
     False, Code.BELOW_THRESHOLD,
     "임계값 미달 (0.00% ≤ 0.1%)"),
    # coins have the relative threshold only
    (lambda: with_balance("1.0011", last="1", thresholds=COIN, currency="BTC"), True,
     Code.BALANCE_CHANGED, "잔고 변화 감지 (0.11%)"),
    (lambda: with_balance("1.001", last="1", thresholds=COIN, currency="BTC"), False,
     Code.BELOW_THRESHOLD, "임계값 미달 (0.10% ≤ 0.1%)"),
    # any pool is enough, and one that had no balance is news
    (lambda: check(replace(LAST, balances={Pool.SPOT: Decimal(10000), Pool.FUTURES: Decimal(1)})),
     True,
     Code.BALANCE_CHANGED, "잔고 변화 감지 (∞%)"),
    (lambda: check(replace(LAST, balances={})), False, Code.CHANGE_TOO_SMALL,
     "변화량 부족 (0.00 USDT < 10.00 USDT)"),
    # one pool meets the amount and another the percentage: the figure is of the first
    (lambda: check(replace(LAST, balances={Pool.SPOT: Decimal(100015), Pool.FUTURES: Decimal(15)}),
           replace(LAST, balances={Pool.SPOT: Decimal(100000), Pool.FUTURES: Decimal(10)})),
     False, Code.BELOW_THRESHOLD, "임계값 미달 (0.02% ≤ 0.1%)"),
    # the largest change decides, and the second pool has it
    (lambda: check(replace(LAST, balances={Pool.SPOT: Decimal(10001), Pool.FUTURES: Decimal(100)}),
           replace(LAST, balances={Pool.SPOT: Decimal(10000), Pool.FUTURES: Decimal(50)})),
     True, Code.BALANCE_CHANGED, "잔고 변화 감지 (100.00%)"),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "due", "code", "korean"), CASES)
def test_first_rule_that_applies_is_the_answer(
    ask: Callable[[], DueCheck], due: bool, code: Code, korean: str
) -> None:
    answer = ask()

    with translation.override("ko"):
        assert (answer.due, answer.reason.code, sentence(answer.reason)) == (due, code, korean)


ENGLISH = {
    Code.OPEN_POSITION: "There is an open position, so capital is not reallocated.",
    Code.NEVER_ALLOCATED: "This is the first allocation.",
    Code.LINKS_CHANGED: "Strategies were added or removed: trend.",
    Code.STATES_CHANGED: "Changed state: trend.",
    Code.WEIGHTS_CHANGED: "Changed weight: grid.",
    Code.RESERVE_CHANGED: "The reserve changed.",
    Code.BALANCE_CHANGED: "The balance changed by 2.00%.",
    Code.CHANGE_TOO_SMALL: (
        "The balance changed by 0.00 USDT; it must change by at least 10.00 USDT."
    ),
    Code.BELOW_THRESHOLD: "The balance changed by 0.10%; it must change by more than 0.1%.",
}


@pytest.mark.parametrize("code", ENGLISH)
def test_every_answer_has_its_english_sentence_too(code: Code) -> None:
    reason = next(ask().reason for ask, _, of_case, _ in CASES if of_case is code)

    with translation.override("en"):
        assert sentence(reason) == ENGLISH[code]


def moved(*links: Link, spot: str, futures: str = "0") -> Reason | None:
    """What ``target_change`` says of these links where the pools have so much."""
    decision = decide(
        links,
        {Pool.SPOT: live(spot), Pool.FUTURES: live(futures, Pool.FUTURES)},
        currency="USDT",
        wallet_mode=WalletMode.SEPARATE,
        reserve=Reserve(),
    )
    return target_change(decision, USD, currency="USDT")


@pytest.mark.parametrize("spot", ["10000", "10019.98", "9980.02"])
def test_targets_that_moved_by_less_than_a_threshold_are_no_change(spot: str) -> None:
    assert moved(link(1, capital="5000"), link(2, capital="5000"), spot=spot) is None


def test_a_target_that_moved_by_the_amount_alone_is_no_change() -> None:
    # 10 of 100,000 are 0.01 %.
    assert moved(link(1, capital="100000"), spot="100010") is None


def test_the_first_link_of_any_pool_whose_target_moved_by_both_is_named() -> None:
    changed = moved(
        link(1, capital="1000"),
        link(2, capital="3000", market=MarketType.FUTURES),
        link(3, capital="3010", market=MarketType.FUTURES),
        link(4, capital="3050", market=MarketType.FUTURES),
        spot="1000",
        futures="9015",
    )

    assert changed == Reason(
        Code.TARGET_CHANGED,
        {"strategy": "strategy-4", "before": "3050.00", "after": "3005.00", "currency": "USDT"},
    )


def test_a_link_that_gets_its_first_capital_moves_by_any_percentage() -> None:
    assert moved(link(1), spot="9.99") is None
    changed = moved(link(1), spot="10")
    assert changed is not None
    assert (changed.figures["before"], changed.figures["after"]) == ("0.00", "10.00")


amounts = st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False)


limits = st.builds(
    Thresholds,
    amount=st.none() | amounts,
    percent=st.decimals(min_value=0, max_value=1000, places=4, allow_nan=False),
)


@given(
    previous=amounts,
    smaller=amounts,
    further=amounts,
    other=st.tuples(amounts, amounts),
    thresholds=limits,
    down=st.booleans(),
)
def test_more_change_never_makes_a_reallocation_less_due(
    previous: Decimal,
    smaller: Decimal,
    further: Decimal,
    other: tuple[Decimal, Decimal],
    thresholds: Thresholds,
    down: bool,
) -> None:
    """Of one pool, whatever the thresholds are and the other pool does."""
    sign = -1 if down else 1
    last = replace(LAST, balances={Pool.SPOT: previous, Pool.FUTURES: other[0]})

    def answer(change: Decimal) -> DueCheck:
        spot = previous + sign * change
        now = replace(LAST, balances={Pool.SPOT: spot, Pool.FUTURES: other[1]})
        return check(now, last, thresholds=thresholds)

    near, far = answer(smaller), answer(smaller + further)

    assert far.due or not near.due


@given(least=amounts.filter(bool), more=amounts)
def test_balance_of_zero_never_blocks(least: Decimal, more: Decimal) -> None:
    thresholds = Thresholds(amount=least, percent=Decimal("0.1"))

    assert with_balance(str(least + more), last="0", thresholds=thresholds).due

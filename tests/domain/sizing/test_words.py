"""The words of signals: read where they can mean one thing, refused where they could mean two."""

from decimal import Decimal
from typing import Any

import pytest

from capital.domain.errors import InvalidOrder
from capital.domain.reasons import Code
from capital.domain.sizing.orders import OrderRequest
from capital.domain.sizing.targets import Asked, Target, TargetRequest, asked_for
from capital.domain.sizing.words import INFORMATIVE, in_plain_words

D = Decimal
BODY = {"symbol": "BTC/USDT", "qty_per": D(50)}


def read(**fields: Any) -> Asked:
    return asked_for(*in_plain_words({**BODY, **fields}))


def refusal(**fields: Any) -> InvalidOrder:
    with pytest.raises(InvalidOrder) as refused:
        read(**fields)
    return refused.value


@pytest.mark.parametrize("name", ["side", "action"])
@pytest.mark.parametrize(("word", "side"), [("BUY", "buy"), (" Sell ", "sell"), ("buy", "buy")])
def test_an_order_s_side_is_read_in_any_case_under_either_name(
    name: str, word: str, side: str
) -> None:
    assert read(**{name: word}) == OrderRequest(symbol="BTC/USDT", side=side, qty_per=D(50))


@pytest.mark.parametrize("name", ["side", "action", "position"])
@pytest.mark.parametrize(("word", "target"), [("LONG", Target.LONG), (" Short", Target.SHORT)])
def test_long_and_short_are_positions_to_reach(name: str, word: str, target: Target) -> None:
    asked = read(**{name: word})

    assert asked == TargetRequest(
        target, OrderRequest(symbol="BTC/USDT", side=target.side, qty_per=D(50))
    )


@pytest.mark.parametrize(
    ("fields", "target", "percent", "unused"),
    [
        ({"position": "flat"}, Target.FLAT, "-100", ""),
        ({"action": "Flat"}, Target.FLAT, "-100", ""),
        ({"action": "CLOSE"}, Target.FLAT, "-100", "qty_per"),
        ({"action": "close 100%"}, Target.FLAT, "-100", "qty_per"),
        ({"action": "close 33%"}, None, "-33", "qty_per"),
        ({"action": "close  33.5", "stake": D(3)}, None, "-33.5", "qty_per, stake"),
    ],
)
def test_a_close_takes_no_size(
    fields: dict[str, Any], target: Target | None, percent: str, unused: str
) -> None:
    asked = read(**fields)

    closing = OrderRequest(symbol="BTC/USDT", side="sell", qty_per=D(percent))
    assert asked == TargetRequest(target, closing, unused)
    assert asked.problem is None


@pytest.mark.parametrize(
    ("size", "target"), [("3", "long"), ("-0.001", "short"), ("0", "flat"), (D("-2"), "short")]
)
def test_of_a_size_of_tradingview_s_only_the_sign_counts(size: Any, target: str) -> None:
    asked = read(position_size=size)

    assert isinstance(asked, TargetRequest)
    assert asked.target == target
    assert asked.order.qty_per == (-100 if target == "flat" else 50)


def test_tradingview_s_order_goes_along_with_the_position_that_it_leads_to() -> None:
    asked = read(action="buy", position="flat", position_size="0", prev_market_position="short")

    assert isinstance(asked, TargetRequest)
    assert asked.target is Target.FLAT


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"side": "buy", "action": "sell"}, "action", Code.WORDS_CONTRADICT),
        ({"action": "long", "position": "short"}, "position", Code.WORDS_CONTRADICT),
        ({"action": "close 50%", "position": "long"}, "position", Code.WORDS_CONTRADICT),
        ({"position": "long", "position_size": "-1"}, "position_size", Code.WORDS_CONTRADICT),
        ({"position": "up"}, "position", Code.UNKNOWN_TARGET),
        ({"position": 1}, "position", Code.UNKNOWN_TARGET),
        ({"position_size": "many"}, "position_size", Code.NUMBER_NOT_FINITE),
        ({"action": "close 0%"}, "action", Code.CLOSE_OUT_OF_RANGE),
        ({"action": "close 101"}, "action", Code.CLOSE_OUT_OF_RANGE),
        ({"action": "{{strategy.order.action}}"}, "action", Code.PLACEHOLDER_LEFT),
        ({"symbol": "a {{ticker}}"}, "symbol", Code.PLACEHOLDER_LEFT),
    ],
)
def test_what_could_mean_two_things_or_none_is_refused(
    fields: dict[str, Any], field: str, code: Code
) -> None:
    error = refusal(**fields)

    assert (error.field, error.code) == (field, code)


@pytest.mark.parametrize("name", ["side", "action"])
@pytest.mark.parametrize("word", ["hold", "bye", "close it", "close 3 of 4", ""])
def test_another_action_is_refused_with_all_that_there_are(name: str, word: str) -> None:
    error = refusal(**{name: word})

    assert (error.field, error.code) == (name, Code.UNKNOWN_SIDE)
    assert error.reason.figures == {
        "side": repr(word), "known": "buy, sell, long, short, flat, close, close 33%",
    }  # fmt: skip


@pytest.mark.parametrize("side", [1, None])
def test_what_is_no_word_is_left_to_be_refused_as_an_order_s(side: Any) -> None:
    asked = read(side=side)

    assert isinstance(asked, OrderRequest)
    assert asked.problem is not None
    assert asked.problem.code is Code.UNKNOWN_SIDE


def test_other_words_are_read_in_any_case_and_percents_with_their_sign() -> None:
    fields, meant = in_plain_words(
        {
            "order_type": "limit", "position_side": "LONG", "stake_of": "Margin",
            "qty_per": "50 %", "risk_per": "1%", "qty": "5%",
        }
    )  # fmt: skip

    assert meant is None
    assert fields == {
        "order_type": "LIMIT", "position_side": "long", "stake_of": "margin",
        "qty_per": "50", "risk_per": "1", "qty": "5%",
    }  # fmt: skip
    odd = {"order_type": "iceberg", "position_side": 1, "stake_of": "all"}
    assert in_plain_words(odd) == (odd, None)


def test_what_only_informs_is_left_out_and_may_hold_a_placeholder() -> None:
    body = {**dict.fromkeys(INFORMATIVE, "{{x}}"), "symbol": "BTC/USDT"}

    assert in_plain_words(body) == ({"symbol": "BTC/USDT"}, None)
    assert {"exchange", "ticker", "interval", "time", "timenow", "close", "open", "high", "low",
            "volume", "comment", "order_id", "strategy", "message"} <= INFORMATIVE  # fmt: skip

"""What is listed under a currency's name is an entry, or it is no balance."""

from decimal import Decimal
from typing import Any

import pytest

from capital.domain.balances import BalanceBasis
from capital.domain.errors import BalanceUnavailable
from capital.domain.reasons import Code
from capital.exchange.answers import read_all_balances, read_balance, read_coins
from capital.exchange.calls.balances import BalanceCall, Holdings
from capital.exchange.formulas import amount_of, value_at

UNIFIED = Holdings(source="unified")
NAMED = Holdings(form="named")
NO_OBJECTS = [None, "5", 5, [], [{"total": "5"}], True]


def call(holdings: Holdings, *, omits_empty: bool = False) -> BalanceCall:
    return BalanceCall(
        {}, formulas={BalanceBasis.WALLET: "total"}, holdings=holdings, omits_empty=omits_empty
    )


def read(answer: dict[str, Any], of: BalanceCall) -> Any:
    try:
        return read_balance(answer, of, **_given())
    except BalanceUnavailable as error:
        return error.reason.code


def _given() -> dict[str, Any]:
    return {
        "pages": [],
        "venue": "somewhere",
        "currency": "USDT",
        "basis": BalanceBasis.WALLET,
        "code_of": lambda name: name,
    }


def unified(holding: Any) -> dict[str, Any]:
    """As ccxt makes it."""
    return {"total": {"USDT": "5", "BTC": "1"}, "USDT": holding, "BTC": {"total": "1"}}


def named(holding: Any) -> dict[str, Any]:
    return {"info": {"USDT": holding, "BTC": {"total": "1"}}}


@pytest.mark.parametrize(
    ("answer", "holdings"), [(unified({"total": "5"}), UNIFIED), (named({"total": "5"}), NAMED)]
)
def test_holding_that_is_an_object_is_read(answer: dict[str, Any], holdings: Holdings) -> None:
    assert read(answer, call(holdings)) == 5


@pytest.mark.parametrize("holding", NO_OBJECTS)
@pytest.mark.parametrize(("answer_of", "holdings"), [(unified, UNIFIED), (named, NAMED)])
def test_holding_that_is_no_object_is_no_balance(
    answer_of: Any, holdings: Holdings, holding: Any
) -> None:
    assert read(answer_of(holding), call(holdings)) is Code.EXCHANGE_CURRENCY_MISSING


@pytest.mark.parametrize("holding", NO_OBJECTS)
def test_holding_that_is_no_object_is_not_taken_for_an_empty_wallet(holding: Any) -> None:
    assert read(named(holding), call(NAMED, omits_empty=True)) is Code.EXCHANGE_BAD_ANSWER


@pytest.mark.parametrize("holding", NO_OBJECTS)
@pytest.mark.parametrize(("answer_of", "holdings"), [(unified, UNIFIED), (named, NAMED)])
def test_other_holdings_are_shown_all_the_same(
    answer_of: Any, holdings: Holdings, holding: Any
) -> None:
    assert read_all_balances(answer_of(holding), call(holdings), **_given()) == {"BTC": 1}


@pytest.mark.parametrize("names", [None, [], "USDT", 5])
def test_answer_of_ccxt_without_names_lists_nothing(names: Any) -> None:
    answer = {"total": names, "USDT": {"total": "5"}}

    assert read(answer, call(UNIFIED)) is Code.EXCHANGE_CURRENCY_MISSING


def test_own_balance_that_cannot_be_read_leaves_no_others_to_show() -> None:
    with pytest.raises(BalanceUnavailable) as refused:
        read_all_balances(unified({"total": "five"}), call(UNIFIED), **_given())

    assert refused.value.reason.code is Code.EXCHANGE_BAD_ANSWER


def test_others_are_read_by_what_the_whole_answer_says() -> None:
    of = BalanceCall(
        {}, formulas={BalanceBasis.WALLET: ("total if /mode == 1", "free")}, holdings=UNIFIED
    )
    wallet = unified({"total": "5", "free": "3"}) | {"BTC": {"total": "5", "free": "3"}}
    for mode, amount in (("1", 5), ("2", 3)):
        answer = wallet | {"info": {"mode": mode}}
        assert read_coins(answer, of, **_given()) == {"BTC": amount}
        assert read_all_balances(answer, of, **_given()) == {"USDT": amount, "BTC": amount}


def test_a_currency_that_is_not_listed_is_named_with_its_venue() -> None:
    given = _given()
    with pytest.raises(BalanceUnavailable) as refused:
        read_balance({"total": {"BTC": "1"}, "BTC": {"total": "1"}}, call(UNIFIED), **given)

    figures = {"venue": given["venue"], "currency": given["currency"]}
    assert refused.value.reason.figures == figures


def test_balance_of_which_a_part_is_of_no_one_currency_is_shown_alone() -> None:
    of = BalanceCall(
        {}, formulas={BalanceBasis.WALLET: ("none", "total + /credit")}, holdings=NAMED
    )
    answer = {"info": {"USDT": {"total": "5"}, "BTC": {"total": "1"}, "credit": "2"}}

    assert read_all_balances(answer, of, **_given()) == {"USDT": 7}


@pytest.mark.parametrize("entry", [{}, {"rows": None}, {"rows": {"x": "1"}}, None, [], "rows"])
def test_sum_over_a_list_that_is_none_is_absent(entry: Any) -> None:
    assert value_at(entry, None, "rows[].x") is None
    assert value_at({"rows": [{"x": "1"}, {"x": "2"}]}, None, "rows[].x") == ["1", "2"]


@pytest.mark.parametrize("formula", ["total free", "total +", "total * 2", "+ total"])
def test_formula_that_is_no_sum_is_a_mistake_of_the_row(formula: str) -> None:
    with pytest.raises(ValueError, match="is not a sum of fields"):
        amount_of({"total": "1", "free": "1"}, None, formula, "somewhere")


def test_other_coins_of_which_nothing_is_left_are_not_shown() -> None:
    answer = {"info": {"USDT": {"total": "0"}, "BTC": {"total": "0.00"}, "ETH": {"total": "1"}}}

    assert read_all_balances(answer, call(NAMED), **_given()) == {"USDT": 0, "ETH": 1}


def test_currency_that_an_answer_leaves_out_beside_others_is_zero_where_the_venue_says_so() -> None:
    answer = {"info": {"BTC": {"total": "1"}}}

    assert read(answer, call(NAMED, omits_empty=True)) == 0
    assert read(answer, call(NAMED)) is Code.EXCHANGE_CURRENCY_MISSING


@pytest.mark.parametrize("container", [[], None, "USDT"])
def test_answer_without_the_object_of_its_holdings_is_no_balance(container: Any) -> None:
    for omits_empty in (False, True):
        of = call(NAMED, omits_empty=omits_empty)
        assert read({"info": container}, of) is Code.EXCHANGE_BAD_ANSWER


def test_lines_of_one_currency_are_its_entry_and_others_are_none() -> None:
    lines = Holdings(form="lines", name="ccy", kind="type", amount="n")
    rows = [
        {"ccy": "USDT", "type": "total", "n": "5"},
        {"ccy": "USDT", "type": "frozen", "n": "2"},
        {"ccy": None, "type": "total", "n": "9"},
        ["USDT", "total", "7"],
        {"ccy": "BTC", "type": "total", "n": "1"},
    ]

    assert read_all_balances({"info": rows}, call(lines), **_given()) == {"USDT": 5, "BTC": 1}


def test_coins_are_told_by_name_and_what_cannot_be_read_is_not_nothing() -> None:
    answer = {
        "info": {
            "USDT": {"total": "5"},
            "BTC": {"total": "0.10"},
            "ETH": {"total": "0"},
            "XRP": {"total": "many"},
        }
    }

    coins = read_coins(answer, call(NAMED), **_given())

    assert coins == {"BTC": Decimal("0.1"), "ETH": 0, "XRP": None}


@pytest.mark.parametrize(
    "of",
    [
        BalanceCall({}, formulas=call(NAMED).formulas, holdings=Holdings(form="single")),
        BalanceCall({"coin": "{currency}"}, formulas=call(NAMED).formulas, holdings=NAMED),
        BalanceCall(
            {}, formulas={BalanceBasis.WALLET: ("none", "total + /credit")}, holdings=NAMED
        ),
    ],
    ids=["one entry", "one currency was asked", "a sum over currencies"],
)
def test_an_answer_about_one_currency_says_nothing_of_other_coins(of: BalanceCall) -> None:
    assert read_coins({"info": {"USDT": {"total": "5"}}}, of, **_given()) is None


def test_an_entry_without_a_name_may_be_any_coin() -> None:
    rows = Holdings(form="rows", name="ccy")
    listed = [{"ccy": "USDT", "total": "5"}, {"ccy": None, "total": "7"}]

    assert read_coins({"info": listed}, call(rows), **_given()) is None


ROWS = Holdings(form="rows", name="ccy")
JOINED = Holdings(form="rows", path=("list",), name="ccy", source="response", more="more")
USDT = {"ccy": "USDT", "total": "5"}


@pytest.mark.parametrize(
    ("holdings", "info", "pages", "kind"),
    [
        (NAMED, [USDT], [], "no list of holdings"),
        (Holdings(form="single", name="ccy"), [USDT], [], "no list of holdings"),
        (ROWS, {"USDT": USDT}, [], "no list of holdings"),
        (Holdings(form="lines", name="ccy"), None, [], "no list of holdings"),
        (JOINED, None, [{"list": None}, {"list": [USDT]}], "no list of holdings"),
        (JOINED, None, [{"list": [USDT], "more": True}], "a part of the list"),
        (
            Holdings(form="named", path=("held",), says={("of",): ("spot",)}),
            {"of": "futures", "held": {"USDT": USDT}},
            [],
            "of another account",
        ),
        (ROWS, [USDT, USDT], [], "listed twice"),
        (ROWS, [{**USDT, "ccy": "ＵＳＤＴ"}], [], "an odd name of a currency"),
        (ROWS, [{**USDT, "total": "five"}], [], "not a number"),
        (ROWS, [{**USDT, "total": None}], [], "not a number"),
        (ROWS, [{**USDT, "ccy": None}], [], "an entry without a currency"),
        (
            Holdings(form="rows", path=("held",), name="ccy", worth=("worth",)),
            {"held": [], "worth": "0.01"},
            [],
            "no list of holdings",
        ),
    ],
)
def test_a_refusal_says_which_venue_and_what_is_wrong_with_its_answer(
    holdings: Holdings, info: Any, pages: list[Any], kind: str
) -> None:
    with pytest.raises(BalanceUnavailable) as refused:
        read_balance(
            {"info": info}, call(holdings, omits_empty=True), **{**_given(), "pages": pages}
        )

    assert refused.value.reason.code is Code.EXCHANGE_BAD_ANSWER
    assert refused.value.reason.figures == {"venue": "somewhere", "kind": kind}


def test_what_is_just_not_wrong_is_read() -> None:
    said = Holdings(form="named", path=("held",), says={("of",): ("spot",)})
    worth = Holdings(form="rows", path=("held",), name="ccy", worth=("worth",))
    pages = {"pages": [{"list": [], "more": True}, {"list": [USDT], "more": False}]}

    for of in ("spot", None):
        answer = {"info": {"of": of, "held": {"USDT": {"total": "5"}}}}
        assert read_balance(answer, call(said), **_given()) == 5
    assert read_balance({}, call(JOINED), **{**_given(), **pages}) == 5
    empty = {"info": {"held": [], "worth": "-0.0099"}}
    assert read_balance(empty, call(worth, omits_empty=True), **_given()) == 0

"""Kinds of answers that were once read wrong at one venue, tried at every one.

The bodies are the documented answers, each changed in one place.
"""

import json
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.balances import BalanceBasis
from capital.domain.reasons import Code
from capital.exchange.calls.places import alternatives
from capital.exchange.formulas import fields_of
from tests.exchange.readings.documented_answers import (
    DOCUMENTED,
    call_of,
    copy_of,
    read,
    rows_in,
    wire_names,
)

WALLET, EQUITY, FREE = BalanceBasis
EACH = pytest.mark.parametrize("documented", DOCUMENTED.values(), ids=DOCUMENTED)
# Answers of one wallet in one currency: not named, or one entry and no list.
NAMELESS = {"coinbase-futures", "hyperliquid-futures"}
ONE_ENTRY = {*NAMELESS, "gate-futures", "kucoin-futures"}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capital.exchange.ccxt.balances.RETRY_PAUSE_SECONDS", 0.001)


def basis_of(documented: dict[str, Any]) -> BalanceBasis:
    """One that this pool has."""
    return next(iter(call_of(documented).formulas))


def as_expected(documented: dict[str, Any], basis: BalanceBasis) -> Decimal:
    return Decimal(documented["read"][basis.value])


# A key twice in one object: nobody can say which of the two values is meant


@EACH
@pytest.mark.parametrize("second", ["1", "999"])
def test_key_that_stands_twice_in_one_object_is_no_answer(
    documented: dict[str, Any], second: str
) -> None:
    text = json.dumps(documented["answer"])
    last = text.rindex("}")
    twice = f'{text[:last]}, "twice": 1, "twice": {second}{text[last:]}'
    assert json.loads(twice)

    assert read(documented, twice, basis_of(documented)) is Code.EXCHANGE_BAD_ANSWER


def test_second_balance_under_one_key_is_not_taken() -> None:
    documented = DOCUMENTED["okx-unified"]
    text = json.dumps(documented["answer"]).replace(
        '"cashBal": "100"', '"cashBal": "100", "cashBal": "999"'
    )

    assert "999" in text
    assert read(documented, text, WALLET) is Code.EXCHANGE_BAD_ANSWER


# Names of currencies that only look like one


def full_width(text: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


ODD = {
    "full-width": full_width,
    "Cyrillic": lambda text: text.translate(str.maketrans("SCRBscrb", "ЅСЯВѕсяв")),
    "space": lambda text: f"{text} ",
    "zero width": lambda text: f"{text}\u200b",
}


@pytest.mark.parametrize("name", [name for name in DOCUMENTED if name not in NAMELESS])
@pytest.mark.parametrize("odd", ODD)
def test_name_that_only_looks_like_the_currency_is_neither_zero_nor_a_number(
    name: str, odd: str
) -> None:
    documented = DOCUMENTED[name]
    text = json.dumps(documented["answer"])
    for written in wire_names(documented):
        text = text.replace(f'"{written}"', json.dumps(ODD[odd](written)))
    assert text != json.dumps(documented["answer"])

    found = read(documented, text, basis_of(documented))

    assert found in (Code.EXCHANGE_BAD_ANSWER, Code.EXCHANGE_CURRENCY_MISSING)


@pytest.mark.parametrize("name", ["okx-unified", "bybit-unified", "bitget-unified"])
def test_currency_under_its_name_and_an_odd_one_is_not_half_of_it(name: str) -> None:
    documented = DOCUMENTED[name]
    body = copy_of(documented)
    for rows, position in list(rows_in(body, lambda row: is_own(row, documented))):
        other = json.loads(json.dumps(rows[position]).replace('"USDT"', '"ＵＳＤＴ"'))
        rows.append(other)

    assert read(documented, body, WALLET) is Code.EXCHANGE_BAD_ANSWER


@pytest.mark.parametrize("name", ["okx-unified", "bybit-unified", "hyperliquid-spot"])
@pytest.mark.parametrize("token", ["币安人生", "1000SATS", "kPEPE"])
def test_token_with_a_name_of_its_own_is_no_odd_one(name: str, token: str) -> None:
    documented = DOCUMENTED[name]
    body = copy_of(documented)
    for rows, position in list(rows_in(body, lambda row: is_own(row, documented))):
        rows[position] = json.loads(
            json.dumps(rows[position]).replace(f'"{documented["currency"]}"', json.dumps(token))
        )

    # The account's own currency is not listed, which is documented as none.
    assert read(documented, body, basis_of(documented)) == 0


# One entry that cannot be read beside the account's own


def is_own(row: Any, documented: dict[str, Any]) -> bool:
    """Whether it is the entry, or a line, of the account's currency."""
    return isinstance(row, dict) and any(
        value in wire_names(documented)
        or (isinstance(value, dict) and value.get("currency") == documented["currency"])
        for value in row.values()
        if isinstance(value, str | dict)
    )


def without_name(row: dict[str, Any], documented: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(row)
    for written in wire_names(documented):
        text = text.replace(f'"{written}"', '""')
    nameless: dict[str, Any] = json.loads(text)
    return nameless


@pytest.mark.parametrize("name", [name for name in DOCUMENTED if name not in ONE_ENTRY])
@pytest.mark.parametrize("position", [0, None])
def test_entry_without_a_name_does_not_cost_the_accounts_own(
    name: str, position: int | None
) -> None:
    documented = DOCUMENTED[name]
    body = copy_of(documented)
    if call_of(documented).holdings.form == "named":
        for written in wire_names(documented):
            for holder, key in places_of(body, [written]):
                holder[""] = holder[key]
    else:
        for rows, place in list(rows_in(body, lambda row: is_own(row, documented))):
            if isinstance(rows, list):
                at = len(rows) if position is None else position
                rows.insert(at, without_name(rows[place], documented))
                break
    assert body != documented["answer"]

    basis = basis_of(documented)

    assert read(documented, body, basis) == as_expected(documented, basis)


# The account's own currency twice: nobody can say which of the two is meant


@pytest.mark.parametrize("name", [name for name in DOCUMENTED if name not in ONE_ENTRY])
@pytest.mark.parametrize("is_lower", [False, True])
def test_currency_that_is_listed_twice_is_added_up_only_where_that_is_documented(
    name: str, is_lower: bool
) -> None:
    documented = DOCUMENTED[name]
    holdings = call_of(documented).holdings
    body = copy_of(documented)
    if holdings.form == "named":
        for written in wire_names(documented):
            for holder, key in places_of(body, [written]):
                # Kraken's old name and its new one; elsewhere the same in other letters.
                holder[key.lower() if key[0] != "Z" else key[1:]] = holder[key]
    else:
        for rows, place in list(rows_in(body, lambda row: is_own(row, documented))):
            text = json.dumps(rows[place])
            if is_lower:
                for written in wire_names(documented):
                    text = text.replace(f'"{written}"', f'"{written.lower()}"')
            rows.append(json.loads(text))
    assert body != documented["answer"]

    basis = basis_of(documented)

    expected: Any = Code.EXCHANGE_BAD_ANSWER
    if holdings.adds:
        expected = 2 * as_expected(documented, basis)
    assert read(documented, body, basis) == expected


@pytest.mark.parametrize(
    ("name", "path"), [("okx-unified", ("data",)), ("bybit-unified", ("result", "list"))]
)
def test_several_accounts_in_one_answer_are_not_read_as_the_first(
    name: str, path: tuple[str, ...]
) -> None:
    documented = DOCUMENTED[name]
    body = copy_of(documented)
    accounts = body
    for step in path:
        accounts = accounts[step]
    accounts.append(json.loads(json.dumps(accounts[0]).replace("1", "9")))

    for basis in call_of(documented).formulas:
        assert read(documented, body, basis) is Code.EXCHANGE_BAD_ANSWER


# What is free, where margins are more than there is


def has_free_of_its_own(documented: dict[str, Any]) -> bool:
    """Whether free is one field, and the whole is not worked out from it."""
    formulas = call_of(documented).formulas
    if FREE not in formulas:
        return False
    first = alternatives(formulas[FREE])[0]
    whole = formulas.get(EQUITY) or formulas[WALLET]
    return fields_of(first) == {first} and first not in fields_of(whole)


@pytest.mark.parametrize(
    "name", [name for name, documented in DOCUMENTED.items() if has_free_of_its_own(documented)]
)
def test_free_below_zero_is_no_debt_where_nothing_is_owed(name: str) -> None:
    documented = DOCUMENTED[name]
    first = alternatives(call_of(documented).formulas[FREE])[0]
    body = copy_of(documented)
    places = places_of(body, first.split("."))
    for holder, key in places:
        holder[key] = "-95"
    assert places

    assert read(documented, body, FREE) == 0


def places_of(body: Any, path: list[str]) -> list[tuple[Any, str]]:
    """Every object in ``body`` that has something at ``path``, and the last key."""
    found = []
    if isinstance(body, dict):
        inner: Any = body
        for step in path[:-1]:
            inner = inner.get(step) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and path[-1] in inner:
            found.append((inner, path[-1]))
    values = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    for value in values:
        found += places_of(value, path)
    return found


# Unrealised PnL that is null


@pytest.mark.parametrize(
    ("name", "basis", "profit", "margins", "whole"),
    [
        ("bitget-futures", WALLET, ["crossedUnrealizedPL"], ["crossedMargin"], "123"),
        ("mexc-futures", WALLET, ["unrealized"], ["positionMargin"], "112.5"),
        ("htx-linear", WALLET, ["profit_unreal"], ["initial_margin"], "112.5"),
        ("htx-inverse", WALLET, ["profit_unreal"], ["margin_position"], "1.5"),
        ("gate-futures", EQUITY, ["unrealised_pnl"], ["position_margin"], "100"),
        ("coinbase-futures", EQUITY, ["unrealized_pnl", "value"], ["initial_margin", "value"],
         "100"),
        ("kraken-futures", EQUITY, ["totalUnrealized"], ["initialMargin"], "100"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("empty", [None, ""])
def test_profit_that_is_null_is_none_without_a_position_and_unknown_with_one(
    name: str, basis: BalanceBasis, profit: list[str], margins: list[str], whole: str, empty: Any
) -> None:
    documented = DOCUMENTED[name]
    body = copy_of(documented)
    for holder, key in places_of(body, profit):
        holder[key] = empty

    assert read(documented, body, basis) is Code.EXCHANGE_BAD_ANSWER

    for holder, key in places_of(body, margins):
        holder[key] = "0"
    assert read(documented, body, basis) == Decimal(whole)


def test_every_venue_whose_wallet_is_equity_without_a_profit_is_tried_with_null() -> None:
    tried = {"bitget-futures", "mexc-futures", "htx-linear", "htx-inverse"}

    assert {
        name
        for name, documented in DOCUMENTED.items()
        for formula in [call_of(documented).formulas.get(WALLET, "")]
        if " - " in alternatives(formula)[0] and "nreal" in alternatives(formula)[0]
    } == tried | {"hyperliquid-futures"}


# Nothing listed


@pytest.mark.parametrize(
    ("name", "way", "worth"),
    [
        ("bybit-unified", ("result", "list", 0, "coin"), ("result", "list", 0, "totalEquity")),
        ("okx-unified", ("data", 0, "details"), ("data", 0, "totalEq")),
        ("bitget-unified", ("data", "assets"), ("data", "accountEquity")),
        ("kraken-futures", ("accounts", "flex", "currencies"),
         ("accounts", "flex", "balanceValue")),
        ("bitget-spot", ("data",), None),
        ("hyperliquid-spot", ("balances",), None),
        ("hyperliquid-unified", ("balances",), None),
    ],
)  # fmt: skip
def test_empty_list_is_an_empty_wallet_unless_it_is_worth_a_cent(
    name: str, way: tuple[Any, ...], worth: tuple[Any, ...] | None
) -> None:
    documented = DOCUMENTED[name]
    body = copy_of(documented)

    def put(path: tuple[Any, ...], value: Any) -> None:
        place = body
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    put(way, {} if name == "kraken-futures" else [])
    cases = [("0", 0), ("0.0099", 0), ("-0.00000000638", 0), ("0.01", Code.EXCHANGE_BAD_ANSWER)]
    for value, expected in cases if worth else [("", 0)]:
        if worth:
            put(worth, value)
        assert read(documented, body, WALLET) == expected


def test_every_call_that_omits_what_is_empty_is_tried_with_nothing() -> None:
    assert {name for name, documented in DOCUMENTED.items() if call_of(documented).omits_empty} == {
        "bybit-unified", "okx-unified", "bitget-unified", "bitget-spot", "hyperliquid-spot",
        "hyperliquid-unified", "kraken-futures", "kraken-futures_of_another_coin",
    }  # fmt: skip

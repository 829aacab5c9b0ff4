"""What symbols, order ids and movements of money say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from capital.domain.performance.attribution import (
    Claimant,
    fitting_symbols,
    fitting_tags,
    tag_conflict,
)
from capital.domain.performance.flows import FlowKind, Movement, matching
from capital.domain.performance.pnl import keep_books
from capital.domain.performance.stored import books_as_json, books_from_json
from capital.domain.performance.symbols import Symbol, parse_symbol
from capital.domain.sizing.instruments import InstrumentKind
from tests.domain.performance.builders import fill

SPOT, LINEAR, INVERSE = InstrumentKind.SPOT, InstrumentKind.LINEAR, InstrumentKind.INVERSE
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("BTC/USDT", Symbol("BTC", "USDT", "USDT", SPOT)),
        ("BTC/USDT:USDT", Symbol("BTC", "USDT", "USDT", LINEAR)),
        ("BTC/USD:BTC", Symbol("BTC", "USD", "BTC", INVERSE)),
        ("BTC/USD:BTC-241227", Symbol("BTC", "USD", "BTC", INVERSE)),
        ("BTC/USD:USDC", Symbol("BTC", "USD", "USDC", LINEAR)),
        ("1000PEPE/USDT:USDT", Symbol("1000PEPE", "USDT", "USDT", LINEAR)),
        ("USDT/KRW", Symbol("USDT", "KRW", "KRW", SPOT)),
        ("BTCUSDT", None),
        ("BTC/", None),
        ("/USDT", None),
        ("BTC/USDT:", None),
        ("BTC/USDT/X", None),
        ("", None),
    ],
)
def test_a_symbol_says_what_is_traded(text, parts) -> None:
    assert parse_symbol(text) == parts


GRID, TREND = Claimant(1, "grid", {"BTC/USDT"}), Claimant(2, "trend", {"ETH/USDT"})


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("grid-17", 1),
        ("GRID17", 1),
        ("trend", 2),
        ("x-grid-17", None),
        ("gri", None),
        ("", None),
    ],
)
def test_a_client_order_id_begins_with_its_tag(text, link) -> None:
    assert fitting_tags(text, [GRID, TREND]) == ({link} if link else set())


def test_what_a_venue_writes_before_is_no_part_of_the_tag() -> None:
    assert fitting_tags("x-TKT5PX2F-grid1", [GRID], prefix="x-TKT5PX2F-") == {1}


def test_two_tags_may_fit() -> None:
    assert fitting_tags("grid-2-1", [GRID, Claimant(3, "grid-2")]) == {1, 3}
    assert fitting_tags("grid-1", [GRID, Claimant(1, "grid-1")]) == {1}, "one link by two names"
    assert fitting_tags("x", [Claimant(4, "")]) == set(), "no tag fits nothing"


def test_a_symbol_is_of_the_links_that_declare_it() -> None:
    assert fitting_symbols("BTC/USDT", [GRID, TREND]) == {1}
    assert fitting_symbols("SOL/USDT", [GRID, TREND]) == set()
    assert fitting_symbols("BTC/USDT", [GRID, Claimant(3, "", ["BTC/USDT"])]) == {1, 3}


@pytest.mark.parametrize(
    ("tag", "conflict"),
    [("gri", "grid"), ("Grid-2", "grid"), ("grid", "grid"), ("rid", None), ("", None)],
)
def test_a_tag_must_not_begin_another(tag, conflict) -> None:
    assert tag_conflict(tag, ["", "grid"]) == conflict


def movement(key: int, amount: str = "100", currency: str = "USDT", hours: float = 0) -> Movement:
    return Movement(key, currency, Decimal(amount), NOON + timedelta(hours=hours))


def test_the_nearest_alike_within_a_day_matches() -> None:
    told = movement(0)

    assert (
        matching(told, [movement(1, hours=-20), movement(2, hours=3), movement(3, hours=-3)]) == 2
    )
    assert matching(told, [movement(1, hours=24)]) == 1
    assert matching(told, [movement(1, hours=24.1)]) is None
    assert matching(told, [movement(1, "-100"), movement(2, "100.00000001")]) is None
    assert matching(told, [movement(1, currency="USDC")]) is None
    assert matching(told, [movement(1, "100.00")]) == 1
    assert matching(told, []) is None


def test_what_is_earned_and_what_was_put_in() -> None:
    assert {kind for kind in FlowKind if kind.is_earned} == {"funding", "interest", "rebate"}


@pytest.mark.parametrize("kind", list(InstrumentKind))
def test_books_are_read_back_as_they_were(kind) -> None:
    books, _ = keep_books(
        [
            fill(1, "buy", "3", "101", kind, fees=[("0.01", "USDT"), ("0.02", "BNB")]),
            fill(2, "sell", "1", "103", kind),
        ]
    )

    assert books.trade is not None
    assert books_from_json(books_as_json(books)) == books
    flat, _ = keep_books([fill(3, "sell", "2", "99", kind)], books=books)
    assert books_from_json(books_as_json(flat)) == flat

"""Positions to reach: what each link is answered follows from what it holds."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.errors import OrderRefused
from capital.domain.reasons import Code
from capital.domain.sizing.targets import Meant, Target, asked_for
from capital.models import Position, Reservation, StrategyAccount
from capital.services.sizing.orders import SizedOrder, size_orders
from capital.services.sizing.reserving import Hold, Wish, reserve_orders
from tests.factories import make_account, make_link, make_market, make_position, make_strategy

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SWAP = "BTC/USDT:USDT"
D = Decimal


def now() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def _market() -> None:
    make_market(SWAP, amount_precision=D("0.001"), min_amount=D("0.001"), fetched_at=NOW)
    make_market("BTC/USDT", fetched_at=NOW)


def futures(held: str | None = None, **fields: Any) -> StrategyAccount:
    link = make_link(market_type="futures", capital="1000", **fields)
    if held is not None:
        make_position(link, held, SWAP)
    return link


def asked(target: Target | None, meant: dict[str, Any] | None = None, **fields: Any) -> Any:
    given = {"symbol": SWAP, "price": D(100), **fields}
    if target in (Target.LONG, Target.SHORT):
        given = {"qty_per": D(50), **given}
    return asked_for(given, Meant(target, **(meant or {})))


def sizes(link: StrategyAccount, target: Target | None, **fields: Any) -> list[SizedOrder]:
    return size_orders([link.pk], [asked(target, **fields)], clock=now)


def told(answers: list[SizedOrder]) -> list[tuple[str, str, Decimal, bool]]:
    return [(each.code.value, each.side, each.quantity, each.reduce_only) for each in answers]


@pytest.mark.parametrize(
    ("held", "target", "expected"),
    [
        ("0", Target.LONG, [("sized", "buy", D(5), False)]),
        ("-2", Target.LONG, [("sized", "buy", D(2), True), ("sized", "buy", D(5), False)]),
        ("2", Target.LONG, [("already_there", "buy", D(0), False)]),
        ("2", Target.SHORT, [("sized", "sell", D(2), True), ("sized", "sell", D(5), False)]),
        ("2", Target.FLAT, [("sized", "sell", D(2), True)]),
        ("0", Target.FLAT, [("already_there", "", D(0), True)]),
        # Less than any order: nothing that could be closed, or that counts as held.
        ("-0.0005", Target.FLAT, [("already_there", "", D(0), True)]),
        ("-0.0005", Target.LONG, [("sized", "buy", D(5), False)]),
    ],
)
def test_the_orders_lead_from_what_the_link_holds_to_the_position(
    held: str, target: Target, expected: list[Any]
) -> None:
    assert told(sizes(futures(held), target)) == expected


def test_a_ticker_names_the_position() -> None:
    (answer,) = sizes(futures("2"), Target.LONG, symbol="BINANCE:BTCUSDT.P")

    assert (answer.symbol, answer.code) == (SWAP, Code.ALREADY_THERE)
    assert answer.figures == {"symbol": SWAP, "held": "2"}
    assert answer.error is None


def test_what_is_flat_already_is_not_to_be_sent_and_a_side_that_is_there_may_not_say_so() -> None:
    link = futures("2")

    (flat,) = sizes(futures("0"), Target.FLAT)
    (there,) = sizes(link, Target.LONG)

    assert [each.code for each in flat.warnings] == [Code.ALREADY_THERE, Code.DO_NOT_SEND]
    assert [each.code for each in there.warnings] == [Code.ALREADY_THERE]


@pytest.mark.parametrize(
    ("target", "code"),
    [(Target.LONG, "already_there"), (Target.FLAT, "sized"), (Target.SHORT, "sized")],
)
def test_another_exchange_in_front_is_told_whatever_follows(target: Target, code: str) -> None:
    for answer in sizes(futures("2"), target, symbol="BYBIT:BTCUSDT.P"):
        assert (answer.symbol, answer.code.value) == (SWAP, code)
        (warning,) = [each for each in answer.warnings if each.code is Code.OTHER_EXCHANGE]
        assert warning.figures == {"exchange": "BYBIT", "venue": "binance", "symbol": SWAP}


def test_another_exchange_in_front_is_told_of_refusals_too() -> None:
    make_market("ETH/USDT:USDT", fetched_at=NOW, is_active=False)
    full = futures("0", max_symbols=1)
    make_position(full, "1", "ETH/USDT:USDT")

    (refused,) = sizes(full, Target.LONG, symbol="BYBIT:BTCUSDT")
    (closing,) = sizes(full, Target.FLAT, symbol="BYBIT:ETHUSDT")

    assert [each.code for each in refused.warnings] == [Code.TOO_MANY_SYMBOLS, Code.OTHER_EXCHANGE]
    assert (closing.quantity, closing.error is None) == (0, False)
    assert [each.code for each in closing.warnings] == [
        Code.SYMBOL_NOT_TRADED, Code.OTHER_EXCHANGE, Code.DO_NOT_SEND,
    ]  # fmt: skip


def test_each_link_is_led_from_its_own_position() -> None:
    first = futures("2", strategy=(strategy := make_strategy(market_type="futures")))
    other = futures("-1", strategy=strategy, account=make_account(owner=strategy.owner))
    both = [asked(Target.LONG), asked(Target.FLAT, symbol=SWAP)]

    answers = size_orders([first.pk, other.pk], both, clock=now)

    assert [(each.link_id, each.code.value, each.side) for each in answers] == [
        (first.pk, "already_there", "buy"),
        (first.pk, "sized", "sell"),
        (other.pk, "sized", "buy"),
        (other.pk, "sized", "buy"),
        (other.pk, "sized", "buy"),
    ]


def test_of_positions_that_nobody_reported_nothing_follows() -> None:
    link = futures()
    make_position(futures(), "2", SWAP)

    for target in Target:
        (answer,) = sizes(link, target)
        assert (answer.code, answer.quantity) == (Code.POSITION_UNKNOWN, 0)
        assert answer.side == target.side
        assert isinstance(answer.error, OrderRefused)


def test_a_part_is_closed_and_says_which_size_it_did_not_use() -> None:
    link = futures("2")

    (answer,) = sizes(link, None, meant={"share": D(50), "unused": "qty_per"})

    assert told([answer]) == [("sized", "sell", D(1), True)]
    assert answer.warnings[-1].code is Code.SIZE_NOT_USED
    assert answer.warnings[-1].figures == {"names": "qty_per"}


def test_spot_is_left_and_never_sold_beyond_it() -> None:
    link = make_link(market_type="spot", capital="1000")
    make_position(link, "2")

    answers = sizes(link, Target.SHORT, symbol="BTC/USDT", qty_per=None, qty=D(1))

    assert told(answers) == [
        ("sized", "sell", D(2), True), ("spot_sell_not_entry", "sell", D(0), False),
    ]  # fmt: skip


def test_what_a_link_in_its_state_may_not_do_is_refused_for_that() -> None:
    inactive = futures("2", is_active=False)
    paused = futures("-2", strategy=make_strategy(market_type="futures", status="PAUSED"))

    assert told(sizes(inactive, Target.FLAT))[0][0] == "link_inactive"
    assert [each.code.value for each in sizes(paused, Target.LONG)] == ["sized", "closing_only"]


def test_a_request_that_makes_no_sense_and_an_unknown_symbol_are_refused() -> None:
    link = futures("2")

    (without,) = sizes(link, Target.LONG, qty_per=None)
    (unknown,) = sizes(link, Target.LONG, symbol="NOUSDT")
    (nobody,) = size_orders([0], [asked(Target.FLAT)], clock=now)

    assert (without.code, unknown.code) == (Code.QUANTITY_MISSING, Code.UNKNOWN_SYMBOL)
    assert nobody.code is Code.UNKNOWN_LINK


def test_what_is_opened_is_reserved_and_what_is_closed_is_not() -> None:
    link = futures("-2")
    Position.objects.update(entry_price=D(100))
    wishes = [Wish(asked(Target.LONG), Hold())]

    first = reserve_orders([link.pk], wishes, key="a", clock=now)
    again = reserve_orders([link.pk], wishes, key="a", clock=now)

    assert told([each.size for each in first]) == [
        ("sized", "buy", D(2), True), ("sized", "buy", D(5), False),
    ]  # fmt: skip
    (held,) = Reservation.objects.all()
    assert [each.reservation for each in first] == [None, held]
    assert [each.reservation for each in again] == [None, held]
    assert (held.quantity, held.reduces) == (D(5), D(0))

"""Reservations: held under the account's lock, used by their own fills, and ended once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from capital.domain.errors import InvalidOrder, NotFound, ReservationRefused, UnknownAccount
from capital.domain.limits.reservations import ReservationState
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.models import Reservation, StrategyAccount, TradingCursor
from capital.services.limits import (
    end_expired_reservations,
    in_state,
    place_reservation,
    present_reservations,
    release_reservation,
    reservation_as_json,
    reservations_of,
)
from capital.services.markets.prices import forget_prices
from capital.services.sizing import (
    Hold,
    ReservedOrder,
    SizedOrder,
    Wish,
    reserve_orders,
    size_orders,
)
from capital.services.trading import (
    NewFill,
    ToldPosition,
    assign_fills,
    report_fills,
    report_position,
    report_positions,
)
from capital.services.trading.fills import record_venue_fills
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link, make_market, make_operator, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SWAP = "BTC/USDT:USDT"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: int) -> None:
        self.now += seconds * SECOND


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _no_price_of_another_test() -> None:
    forget_prices()


@pytest.fixture
def link() -> StrategyAccount:
    make_market(SWAP, contract_size=Decimal(1), amount_precision=Decimal("0.1"), fetched_at=NOW)
    return make_link(
        market_type="futures",
        capital="1000",
        account=make_account(venue="binance", fee_rate=Decimal("0.001")),
    )


def reserve(
    link: StrategyAccount, clock: Clock, *, hold: Hold | None = None, **fields: Any
) -> ReservedOrder:
    wish = Wish(order(**{"symbol": SWAP, "price": "100", **fields}), hold or Hold())
    key = fields.pop("key", "")
    (answer,) = reserve_orders([link.pk], [wish], key=key, clock=clock)
    return answer


def size(link: StrategyAccount, clock: Clock, **fields: Any) -> SizedOrder:
    wanted = order(**{"symbol": SWAP, "price": "100", "qty_per": "100", **fields})
    (answer,) = size_orders([link.pk], [wanted], clock=clock)
    return answer


def fill(quantity: str, *, at: datetime = NOW, side: Side = Side.BUY, **ids: str) -> NewFill:
    return NewFill(
        symbol=SWAP,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(100),
        executed_at=at,
        **ids,
    )


def state(row: Reservation | None) -> tuple[str, bool, Decimal]:
    assert row is not None
    row.refresh_from_db()
    return row.state, row.is_held, row.reserved.left


def test_what_is_reserved_is_not_given_to_the_next_one(link, clock) -> None:
    first = reserve(link, clock, qty_per="60")
    second = reserve(link, clock, qty_per="60")
    third = reserve(link, clock, qty_per="60")

    # 600 buy 5.9 at 100 with a fee of 0.1 %: 590 of margin and 0.59.
    assert first.reservation is not None
    assert first.reservation.amount == Decimal("590.59")
    assert second.size.available == Decimal("409.41")
    assert second.reservation is not None
    assert second.reservation.amount == Decimal("400.4")
    assert (third.reservation, third.size.code) == (None, Code.BELOW_STEP)
    assert size(link, clock).reserved == Decimal("990.99")


def test_the_first_one_is_cut_to_the_capital_even_where_a_budget_may_be_larger(link, clock):
    link.account.max_budget_percent = Decimal(300)
    link.account.save()

    assert size(link, clock, qty_per="300").budget == 3000
    assert reserve(link, clock, qty_per="300").size.budget == 1000


def test_it_is_used_by_its_own_fill(link, clock) -> None:
    mine = reserve(link, clock, qty="2", hold=Hold(client_order_id="mine")).reservation
    other = reserve(link, clock, qty="3", hold=Hold(client_order_id="other")).reservation

    report_fills(
        link.pk,
        [fill("2", client_order_id="mine", venue_fill_id="1")],
        actor=None,
        clock=clock,
    )

    assert state(mine) == ("used", False, 0)
    assert state(other) == ("open", True, Decimal("300.3"))
    assert size(link, clock).in_use == 200


def test_a_partial_fill_lowers_it_and_the_same_fill_twice_lowers_it_once(link, clock) -> None:
    mine = reserve(link, clock, qty="4", hold=Hold(client_order_id="mine")).reservation

    told = fill("1", client_order_id="mine", order_id="77", venue_fill_id="1")
    report_fills(link.pk, [told], actor=None, clock=clock)
    report_fills(link.pk, [told], actor=None, clock=clock)
    with transaction.atomic():
        account = type(link.account).objects.select_for_update().get(pk=link.account_id)
        record_venue_fills(account, [told], now=clock())

    assert state(mine) == ("open", True, Decimal("300.3"))


def test_a_report_of_the_order_gives_way_to_its_fills(link, clock) -> None:
    mine = reserve(link, clock, qty="4", hold=Hold(client_order_id="mine")).reservation

    report_fills(link.pk, [fill("4", client_order_id="mine")], actor=None, clock=clock)
    assert state(mine)[0] == "used"


def test_a_fill_of_another_order_or_side_uses_nothing(link, clock) -> None:
    mine = reserve(link, clock, qty="4", hold=Hold(client_order_id="mine")).reservation

    fills = [
        fill("1", client_order_id="theirs", venue_fill_id="1"),
        fill("1", client_order_id="mine", venue_fill_id="2", side=Side.SELL),
    ]
    report_fills(link.pk, fills, actor=None, clock=clock)

    assert state(mine) == ("open", True, Decimal("400.4"))


def test_what_an_earlier_order_of_the_name_filled_uses_nothing(link, clock) -> None:
    reserve(link, clock, qty="2", hold=Hold(client_order_id="mine"))
    old = fill("2", client_order_id="mine", order_id="76", venue_fill_id="1")
    report_fills(link.pk, [old], actor=None, clock=clock)
    report_positions(link.pk, [], clock=clock)

    clock.pass_(86_400)
    again = reserve(link, clock, qty="2", hold=Hold(client_order_id="mine")).reservation
    place_reservation(again.pk, order_id="77", actor=None, clock=clock)
    assert state(again) == ("placed", True, Decimal("200.2"))

    part = fill("1", at=clock(), client_order_id="mine", order_id="77", venue_fill_id="2")
    report_fills(link.pk, [part], actor=None, clock=clock)
    assert state(again) == ("placed", True, Decimal("100.1"))


def test_what_was_told_before_it_was_reserved_uses_nothing(link, clock) -> None:
    """A minute before, of an order for which nothing was held, by a name that is used again."""
    old = fill("2", client_order_id="mine", order_id="76", venue_fill_id="1")
    report_fills(link.pk, [old], actor=None, clock=clock)
    clock.pass_(60)

    again = reserve(link, clock, qty="2", hold=Hold(client_order_id="mine")).reservation
    place_reservation(again.pk, order_id="77", actor=None, clock=clock)

    assert state(again) == ("placed", True, Decimal("200.2"))


def test_an_order_of_another_link_of_the_name_uses_nothing(link, clock) -> None:
    other = make_link(account=link.account, market_type="futures", capital="1000", strategy=None)
    mine = reserve(link, clock, qty="2", hold=Hold(client_order_id="same")).reservation
    theirs = reserve(other, clock, qty="2", hold=Hold(client_order_id="same")).reservation

    report_fills(
        other.pk,
        [fill("2", client_order_id="same", venue_fill_id="1")],
        actor=None,
        clock=clock,
    )

    assert state(theirs) == ("used", False, 0)
    assert state(mine) == ("open", True, Decimal("200.2"))


def test_fills_that_a_person_assigns_use_it_and_those_that_are_taken_away_do_not(link, clock):
    other = make_link(account=link.account, market_type="futures", capital="1000", strategy=None)
    mine = reserve(link, clock, qty="4").reservation
    place_reservation(mine.pk, order_id="77", actor=None, clock=clock)
    wrong = fill("1", order_id="77", venue_fill_id="1")
    (told,) = report_fills(other.pk, [wrong], actor=None, clock=clock)
    assert state(mine) == ("placed", True, Decimal("400.4"))

    assign_fills([told.fill_id], link.pk, clock=clock)
    assert state(mine) == ("placed", True, Decimal("300.3"))
    assert size(link, clock).in_use == 100

    assign_fills([told.fill_id], other.pk, clock=clock)
    assert state(mine) == ("placed", True, Decimal("400.4"))

    report_fills(other.pk, [fill("3", order_id="77", venue_fill_id="2")], actor=None, clock=clock)
    assign_fills([told.fill_id], link.pk, clock=clock)
    assert state(mine) == ("used", False, 0)


def test_an_order_that_rests_for_a_day_holds_until_it_is_filled(link, clock) -> None:
    mine = reserve(link, clock, qty="4").reservation
    placed = place_reservation(mine.pk, order_id="77", actor=None, clock=clock)
    report_positions(link.pk, [], clock=clock)

    clock.pass_(86_400)
    report_positions(link.pk, [], clock=clock)
    end_expired_reservations([link.account_id], clock=clock)
    assert (placed.state, size(link, clock).reserved) == ("placed", Decimal("400.4"))

    report_fills(
        link.pk, [fill("4", at=clock(), order_id="77", venue_fill_id="1")], actor=None, clock=clock
    )
    assert state(mine) == ("used", False, 0)


def test_a_fill_that_was_told_before_its_order_was_placed_uses_it(link, clock) -> None:
    mine = reserve(link, clock, qty="4").reservation
    report_fills(link.pk, [fill("4", order_id="77", venue_fill_id="1")], actor=None, clock=clock)
    assert state(mine)[0] == "open"

    assert place_reservation(mine.pk, order_id="77", actor=None, clock=clock).state == "used"


def test_two_of_one_order_share_what_it_is_filled(link, clock) -> None:
    first = reserve(link, clock, qty="2").reservation
    second = reserve(link, clock, qty="3").reservation
    for row in (first, second):
        place_reservation(row.pk, order_id="77", actor=None, clock=clock)

    report_fills(link.pk, [fill("1", order_id="77", venue_fill_id="1")], actor=None, clock=clock)
    assert state(first) == ("placed", True, Decimal("100.1"))
    assert state(second) == ("placed", True, Decimal("300.3"))

    report_fills(link.pk, [fill("3", order_id="77", venue_fill_id="2")], actor=None, clock=clock)
    assert state(first) == ("used", False, 0)
    assert state(second) == ("placed", True, Decimal("100.1"))

    report_fills(link.pk, [fill("1", order_id="77", venue_fill_id="3")], actor=None, clock=clock)
    assert state(second) == ("used", False, 0)


def test_one_that_names_an_order_later_takes_nothing_that_another_one_had(link, clock) -> None:
    first = reserve(link, clock, qty="2", hold=Hold(client_order_id="mine")).reservation
    second = reserve(link, clock, qty="2").reservation
    done = fill("2", client_order_id="mine", order_id="77", venue_fill_id="1")
    report_fills(link.pk, [done], actor=None, clock=clock)
    assert state(first) == ("used", False, 0)

    place_reservation(second.pk, order_id="77", actor=None, clock=clock)
    assert state(second) == ("placed", True, Decimal("200.2"))

    report_fills(link.pk, [fill("1", order_id="77", venue_fill_id="2")], actor=None, clock=clock)
    assert state(second) == ("placed", True, Decimal("100.1"))


def test_a_name_that_is_used_again_is_filled_for_the_one_that_still_counts(link, clock) -> None:
    gone = reserve(link, clock, qty="2", hold=Hold(client_order_id="mine")).reservation
    clock.pass_(60)
    report_positions(link.pk, [], clock=clock)
    end_expired_reservations([link.account_id], clock=clock)
    again = reserve(link, clock, qty="2", hold=Hold(client_order_id="mine")).reservation
    assert state(gone)[:2] == ("expired", False)

    clock.pass_(10)
    done = fill("2", at=clock(), client_order_id="mine", venue_fill_id="1")
    report_fills(link.pk, [done], actor=None, clock=clock)

    assert state(again) == ("used", False, 0)


def test_what_is_filled_beyond_the_order_is_told_of_the_last_one(link, clock) -> None:
    mine = reserve(link, clock, qty="2", hold=Hold(client_order_id="mine")).reservation
    more = fill("3", client_order_id="mine", venue_fill_id="1")
    report_fills(link.pk, [more], actor=None, clock=clock)

    assert state(mine) == ("used", False, 0)
    assert mine.filled_quantity == 3


@pytest.mark.parametrize("ahead", [300, 1])
def test_what_a_bot_with_a_fast_clock_told_says_nothing_of_what_is_to_come(
    link, clock, ahead
) -> None:
    mine = reserve(link, clock, qty="4").reservation
    told = fill("1", at=NOW + ahead * SECOND, venue_fill_id="1")
    report_fills(link.pk, [told], actor=None, clock=clock)

    clock.pass_(61)
    assert size(link, clock).reserved == Decimal("400.4")
    assert end_expired_reservations([link.account_id], clock=clock) == 0

    later = fill("1", at=clock() + ahead * SECOND, venue_fill_id="2")
    report_fills(link.pk, [later], actor=None, clock=clock)
    assert size(link, clock).reserved == 0
    assert end_expired_reservations([link.account_id], clock=clock) == 1
    assert state(mine)[:2] == ("expired", False)


def test_a_bot_whose_clock_was_put_right_is_believed(link, clock) -> None:
    reserve(link, clock, qty="4")
    told = fill("1", at=NOW + 300 * SECOND, venue_fill_id="1")
    report_fills(link.pk, [told], actor=None, clock=clock)

    clock.pass_(61)
    later = fill("1", at=clock(), venue_fill_id="2")
    report_fills(link.pk, [later], actor=None, clock=clock)

    assert size(link, clock).reserved == 0


def test_an_expired_one_counts_until_it_is_known_what_happened(link, clock) -> None:
    mine = reserve(link, clock, qty="4").reservation
    clock.pass_(60)

    answer = size(link, clock)
    assert answer.reserved == Decimal("400.4")
    assert answer.warnings[-1].code is Code.RESERVATION_WAITS
    assert answer.warnings[-1].figures == {"count": "1", "amount": "400.4", "currency": "USDT"}
    assert end_expired_reservations([link.account_id], clock=clock) == 0
    assert state(mine) == ("expired", True, Decimal("400.4"))

    report_positions(link.pk, [], clock=clock)
    assert size(link, clock).reserved == 0
    assert end_expired_reservations([link.account_id], clock=clock) == 1
    assert state(mine)[:2] == ("expired", False)


def test_what_was_known_before_it_expired_is_not_enough(link, clock) -> None:
    reserve(link, clock, qty="4")
    clock.pass_(59)
    report_positions(link.pk, [], clock=clock)
    clock.pass_(1)

    assert size(link, clock).reserved == Decimal("400.4")


@pytest.mark.parametrize("told", ["one position", "a fill", "another symbol"])
def test_what_a_bot_reports_after_it_expired_says_what_happened(link, clock, told) -> None:
    make_market("ETH/USDT:USDT", contract_size=Decimal(1), fetched_at=NOW)
    reserve(link, clock, qty="4")
    clock.pass_(61)

    if told == "one position":
        report_position(link.pk, symbol=SWAP, quantity=Decimal(0), clock=clock)
    elif told == "a fill":
        other = fill("0.1", at=clock(), order_id="other", venue_fill_id="9")
        report_fills(link.pk, [other], actor=None, clock=clock)
    else:
        report_position(link.pk, symbol="ETH/USDT:USDT", quantity=Decimal(0), clock=clock)

    assert size(link, clock).reserved == (Decimal("400.4") if told == "another symbol" else 0)


@pytest.mark.parametrize(
    ("pool", "symbol", "until", "counts"),
    [
        ("futures", "", 60, False),
        ("futures", "", 59, True),
        ("futures", SWAP, 60, False),
        ("futures", "ETH/USDT:USDT", 60, True),
        ("spot", "", 60, True),
    ],
)
def test_so_does_what_was_read_from_the_exchange(link, clock, pool, symbol, until, counts):
    TradingCursor.objects.create(
        account=link.account,
        pool=pool,
        asked_for="fills",
        endpoint="trades",
        symbol=symbol,
        begins_at=NOW,
        read_until=NOW + until * SECOND,
        asked_at=NOW,
    )
    reserve(link, clock, qty="4")
    clock.pass_(120)

    assert (size(link, clock).reserved > 0) is counts


def test_a_fill_that_arrives_after_it_expired_makes_it_used(link, clock) -> None:
    mine = reserve(link, clock, qty="4", hold=Hold(client_order_id="mine")).reservation
    clock.pass_(61)
    report_positions(link.pk, [], clock=clock)
    end_expired_reservations([link.account_id], clock=clock)
    ended_at = Reservation.objects.get(pk=mine.pk).ended_at

    late = fill("4", client_order_id="mine", venue_fill_id="1")
    report_fills(link.pk, [late], actor=None, clock=clock)

    assert state(mine) == ("used", False, 0)
    assert Reservation.objects.get(pk=mine.pk).ended_at == ended_at


def test_released_it_holds_nothing_and_releasing_again_changes_nothing(link, clock) -> None:
    mine = reserve(link, clock, qty="4").reservation
    actor = make_operator("report_position", username="kim")
    link.account.owner = actor
    link.account.save()

    release_reservation(mine.pk, actor=actor, clock=clock)
    clock.pass_(5)
    row = release_reservation(mine.pk, actor=None, clock=clock)

    assert (row.state, row.ended_at, row.ended_by) == ("released", NOW, actor)
    assert size(link, clock).reserved == 0


def test_what_has_ended_holds_nothing_however_it_ended(link, clock) -> None:
    part = fill("1", client_order_id="mine", venue_fill_id="1")
    mine = reserve(link, clock, qty="4", hold=Hold(client_order_id="mine")).reservation
    report_fills(link.pk, [part], actor=None, clock=clock)
    gone = reserve(link, clock, qty="1").reservation
    mine.refresh_from_db()
    assert (mine.held, gone.held) == (Decimal("300.3"), Decimal("100.1"))

    release_reservation(mine.pk, actor=None, clock=clock)
    clock.pass_(61)
    report_positions(link.pk, [], clock=clock)
    end_expired_reservations([link.account_id], clock=clock)

    rows = reservations_of([link.account_id], only_held=False)
    assert [(row.state, row.held) for row in rows] == [("expired", 0), ("released", 0)]
    assert [reservation_as_json(row, now=clock())["amount"] for row in rows] == ["0", "0"]


def test_a_released_one_is_not_placed_and_a_used_one_not_released(link, clock) -> None:
    mine = reserve(link, clock, qty="4", hold=Hold(client_order_id="mine")).reservation
    report_fills(
        link.pk, [fill("4", client_order_id="mine", venue_fill_id="1")], actor=None, clock=clock
    )
    gone = reserve(link, clock, qty="1").reservation
    release_reservation(gone.pk, actor=None, clock=clock)

    with pytest.raises(ReservationRefused) as used:
        release_reservation(mine.pk, actor=None, clock=clock)
    with pytest.raises(ReservationRefused) as released:
        place_reservation(gone.pk, order_id="1", actor=None, clock=clock)

    assert (used.value.reason.code, used.value.reason.figures["state"]) == (
        Code.RESERVATION_ENDED,
        "used",
    )
    assert released.value.reason.figures["state"] == "released"


def test_an_expired_one_is_placed_while_it_counts_and_not_afterwards(link, clock) -> None:
    counts = reserve(link, clock, qty="1").reservation
    gone = reserve(link, clock, qty="1", hold=Hold(expires_in=30)).reservation
    clock.pass_(40)
    report_positions(link.pk, [], clock=clock)
    clock.pass_(40)

    assert place_reservation(counts.pk, order_id="1", actor=None, clock=clock).state == "placed"
    with pytest.raises(ReservationRefused) as caught:
        place_reservation(gone.pk, order_id="2", actor=None, clock=clock)
    assert caught.value.reason.figures["state"] == "expired"


def test_it_is_of_one_order(link, clock) -> None:
    mine = reserve(link, clock, qty="1").reservation
    place_reservation(mine.pk, order_id="1", actor=None, clock=clock)

    assert place_reservation(mine.pk, order_id="1", actor=None, clock=clock).order_id == "1"
    with pytest.raises(ReservationRefused) as caught:
        place_reservation(mine.pk, order_id="2", actor=None, clock=clock)
    assert caught.value.reason.code is Code.RESERVATION_PLACED


def test_a_key_reserves_once_and_answers_with_what_became_of_it(link, clock) -> None:
    wish = Wish(order(symbol=SWAP, price="100", qty_per="60"), Hold())
    (first,) = reserve_orders([link.pk], [wish], key="k", clock=clock)
    place_reservation(first.reservation.pk, order_id="77", actor=None, clock=clock)

    (again,) = reserve_orders([link.pk], [wish], key="k", clock=clock)

    assert again.reservation == first.reservation
    assert again.reservation.state == "placed"
    assert again.size_as_json()["available"] == "1000"
    assert Reservation.objects.count() == 1


def test_two_orders_of_one_request_have_a_reservation_each(link, clock) -> None:
    wishes = [
        Wish(order(symbol=SWAP, price="100", qty="2"), Hold()),
        Wish(order(symbol=SWAP, price="100", qty="3")),
        Wish(order(symbol=SWAP, price="100", qty="4"), Hold(expires_in=3600)),
    ]
    answers = reserve_orders([link.pk], wishes, key="k", clock=clock)

    assert [answer.reservation is not None for answer in answers] == [True, False, True]
    # The second one is only sized, but taken in turn as well.
    assert [answer.size.available for answer in answers] == [
        1000,
        Decimal("799.8"),
        Decimal("499.5"),
    ]
    assert answers[2].reservation.expires_at == NOW + timedelta(hours=1)


def test_a_name_of_an_order_that_still_counts_is_refused_and_later_taken_again(link, clock):
    reserve(link, clock, qty="1", hold=Hold(client_order_id="mine"))

    refused = reserve(link, clock, qty="1", hold=Hold(client_order_id="mine"))
    assert (refused.size.code, refused.reservation) == (Code.ORDER_RESERVED, None)
    assert isinstance(refused.size.error, ReservationRefused)

    clock.pass_(61)
    report_positions(link.pk, [], clock=clock)
    assert reserve(link, clock, qty="1", hold=Hold(client_order_id="mine")).reservation


def test_another_link_s_reservation_of_the_same_name_is_its_own(link, clock) -> None:
    other = make_link(account=link.account, market_type="futures", capital="1000", strategy=None)
    mine = reserve(link, clock, qty="1", hold=Hold(client_order_id="same")).reservation
    theirs = reserve(other, clock, qty="1", hold=Hold(client_order_id="same")).reservation

    assert mine != theirs
    assert size(other, clock).reserved == Decimal("100.1")


def test_what_a_position_cannot_be_valued_at_is_not_reserved_beside(link, clock) -> None:
    report_position(link.pk, symbol=SWAP, quantity=Decimal(1), clock=clock)

    answer = reserve(link, clock, qty_per="10")

    assert (answer.size.code, answer.reservation) == (Code.IN_USE_UNKNOWN, None)


def test_a_flip_holds_what_it_opens_and_two_at_once_are_not_given_the_same(link, clock):
    report_positions(link.pk, [ToldPosition(SWAP, Decimal(9), Decimal(100))], clock=clock)

    answer = reserve(link, clock, side="sell", qty="18")

    # 9 close and need nothing; 9 open and cost 900 and, at 0.1 %, 0.9.
    assert (answer.reservation.amount, answer.reservation.reduces) == (Decimal("900.9"), 9)
    assert reserve(link, clock, side="sell", qty="9").reservation is None
    # Of 1,000 the exit leaves 99.1 to whoever else turns the position round.
    assert reserve(link, clock, side="sell", qty="10").size.code is Code.ABOVE_AVAILABLE
    other = reserve(link, clock, side="sell", qty="9.9")
    assert (other.reservation.amount, other.reservation.reduces) == (Decimal("90.09"), 9)


def test_what_a_flip_reduces_is_filled_first_and_lowers_nothing(link, clock) -> None:
    report_positions(link.pk, [ToldPosition(SWAP, Decimal(9), Decimal(100))], clock=clock)
    row = reserve(link, clock, side="sell", qty="18", hold=Hold(client_order_id="flip")).reservation

    lefts = []
    for number, quantity in enumerate(("4", "5", "3", "6")):
        part = fill(quantity, side=Side.SELL, client_order_id="flip", venue_fill_id=str(number))
        report_fills(link.pk, [part], actor=None, clock=clock)
        lefts.append(state(row)[2])

    assert lefts == [Decimal("900.9"), Decimal("900.9"), Decimal("600.6"), 0]
    assert state(row)[0] == "used"


def test_a_close_and_an_entry_of_one_request_hold_what_the_entry_needs(link, clock) -> None:
    report_positions(link.pk, [ToldPosition(SWAP, Decimal(9), Decimal(100))], clock=clock)
    close = Wish(order(symbol=SWAP, price="100", side="sell", qty_per="-100"), Hold())
    entry = Wish(order(symbol=SWAP, price="100", side="sell", qty_per="90"), Hold())

    first, second = [reserve_orders([link.pk], [close, entry], clock=clock) for _ in range(2)]

    assert [each.reservation and each.reservation.amount for each in first] == [
        None,
        Decimal("890.89"),
    ]
    # Both close; what was freed is held for the first one, and 109.11 are left.
    assert [each.reservation and each.reservation.amount for each in second] == [
        None,
        Decimal("100.1"),
    ]


def test_who_may_not_report_may_not_reserve_place_or_release(link, clock) -> None:
    mine = reserve(link, clock, qty="1").reservation
    stranger = make_user()
    wish = Wish(order(symbol=SWAP, price="100", qty="1"), Hold())

    with pytest.raises(UnknownAccount):
        reserve_orders([link.pk], [wish], actor=stranger, clock=clock)
    with pytest.raises(UnknownAccount):
        place_reservation(mine.pk, order_id="1", actor=stranger, clock=clock)
    with pytest.raises(UnknownAccount):
        release_reservation(mine.pk, actor=stranger, clock=clock)
    with pytest.raises(NotFound):
        release_reservation(mine.pk + 1, actor=None, clock=clock)


def test_what_nobody_ends_is_one_query(link, clock, django_assert_num_queries) -> None:
    reserve(link, clock, qty="1")

    with django_assert_num_queries(1):
        assert end_expired_reservations([link.account_id], clock=clock) == 0


def test_a_new_position_is_priced_before_anything_is_reserved(link, clock, exchange, monkeypatch):
    exchange.server.market_place.set_price("BTC/USDT", "100")
    make_market("ETH/USDT:USDT", contract_size=Decimal(1), fetched_at=NOW)
    exchange.server.market_place.set_price("ETH/USDT", "50")
    from capital.services.sizing import reserving

    lock = reserving._lock

    def meanwhile(link_ids, actor):
        lock(link_ids, actor)
        if not link.positions.exists():
            report_position(link.pk, symbol="ETH/USDT:USDT", quantity=Decimal(10), clock=clock)

    monkeypatch.setattr(reserving, "_lock", meanwhile)

    assert reserve(link, clock, qty_per="100").size.available == 500


@pytest.mark.parametrize(
    ("forged", "rule"),
    [
        ({"side": "hold"}, "reservation_words_known"),
        ({"is_held": False}, "reservation_ends_once"),
        ({"state": "used"}, "reservation_ends_once"),
        ({"ended_at": NOW}, "reservation_ends_once"),
    ],
)
def test_the_database_keeps_the_rules(link, clock, forged, rule) -> None:
    mine = reserve(link, clock, qty="1").reservation

    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        Reservation.objects.filter(pk=mine.pk).update(**forged)


def test_those_of_an_account_are_listed_newest_first_with_or_without_what_has_ended(link, clock):
    other = make_link(market_type="futures", capital="1000")
    first, second = (reserve(link, clock, qty="1").reservation for _ in range(2))
    reserve(other, clock, qty="1")
    release_reservation(second.pk, actor=None, clock=clock)

    assert reservations_of([link.account_id], only_held=True) == [first]
    assert reservations_of([link.account_id], only_held=False) == [second, first]


def test_a_state_is_that_of_now(link, clock) -> None:
    gone, held = (
        reserve(link, clock, qty="1", hold=Hold(expires_in=seconds)).reservation
        for seconds in (1, 60)
    )
    clock.pass_(2)
    rows = Reservation.objects.all()

    assert list(in_state(rows, ReservationState.OPEN, now=clock())) == [held]
    assert list(in_state(rows, ReservationState.EXPIRED, now=clock())) == [gone]


@pytest.mark.parametrize("seconds", [0, 3601])
def test_a_time_that_is_too_short_or_too_long_is_refused(link, clock, seconds) -> None:
    with pytest.raises(InvalidOrder) as caught:
        reserve(link, clock, qty="1", hold=Hold(expires_in=seconds))

    assert caught.value.reason.code is Code.RESERVATION_TOO_LONG
    assert caught.value.reason.figures == {"seconds": str(seconds), "most": "3600"}


def test_what_was_told_before_is_told_as_it_is_now(link, clock) -> None:
    held, refused = reserve(link, clock, qty="1"), reserve(link, clock, side="sell", qty="0.01")
    told = held.as_json(now=clock())
    place_reservation(held.reservation.pk, order_id="77", actor=None, clock=clock)

    (now_told,) = present_reservations([told["reservation"]], now=clock())
    assert now_told == told["reservation"] | {"state": "placed", "order_id": "77"}
    assert refused.as_json(now=clock())["reservation"] is None

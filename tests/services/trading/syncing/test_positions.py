"""What the exchange holds: kept as it says, in the books once, and compared with them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.errors import NotFound, RoleTooSmall, TradingRefused, UnknownAccount
from capital.domain.sizing.orders import PositionSide, Side
from capital.exchange.trading.contract import ReadPosition
from capital.models import (
    Account,
    Attribution,
    DayMark,
    Fill,
    Position,
    TradingCursor,
    VenuePosition,
)
from capital.services.audit import audit_capital
from capital.services.trading import (
    ComparedPosition,
    NewFill,
    assign_fills,
    compare_positions,
    enter_opening,
    mark_not_strategys,
    mark_symbol_not_strategys,
    report_fills,
    report_position,
)
from capital.services.trading.positions import position_holds
from capital.services.trading.syncing.positions import merged
from tests.factories import make_account, make_link, make_market, make_strategy, make_user
from tests.services.trading.syncing.venue import BEGAN, MINUTE, Sync, Venue, fill, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

D = Decimal
BTC = "BTC/USDT:USDT"
SWAP = "GET /api/v5/trade/fills-history of SWAP"
POSITIONS = "GET /api/v5/account/positions"


def comparison(account: Account) -> list[ComparedPosition]:
    return compare_positions([account.pk])[account.pk]


def held(quantity: str, **fields: Any) -> ReadPosition:
    return ReadPosition(
        **{
            "symbol": BTC,
            "position_side": PositionSide.BOTH,
            "quantity": D(quantity),
            "settle": "USDT",
            "contract_size": D(1),
            "entry_price": D(100),
            "mark_price": D(110),
            **fields,
        }
    )


def openings() -> list[tuple[Any, ...]]:
    rows = Fill.objects.filter(source="opening").order_by("pk")
    return [(row.side, row.quantity, row.price, row.executed_at) for row in rows]


def differences(account: Account) -> dict[str, Decimal]:
    return {each.symbol: each.difference for each in comparison(account)}


@pytest.fixture
def link(account: Account) -> Any:
    grid = make_strategy(owner=account.owner, key="grid", market_type="futures")
    return make_link(account=account, strategy=grid)


def test_positions_are_replaced_as_a_whole_and_kept_where_they_cannot_be_read(
    account: Account, venue: Venue, sync: Sync
) -> None:
    venue.positions = [held("-2"), held("0", symbol="BTC/USDT")]
    sync(0, account)
    (row,) = VenuePosition.objects.all()
    assert (row.symbol, row.quantity, row.entry_price, row.mark_price, row.observed_at) == (
        BTC, D(-2), D(100), D(110), BEGAN,
    )  # fmt: skip

    venue.failures[POSITIONS] = refused()
    assert sync(5, account)["exchange_error"] == 1
    assert VenuePosition.objects.get().observed_at == BEGAN
    noted = TradingCursor.objects.get(endpoint=POSITIONS)
    assert (noted.code, noted.read_until) == ("exchange_error", BEGAN)

    venue.failures.clear()
    venue.positions = []
    sync(10, account)
    assert VenuePosition.objects.count() == 0


def test_what_was_held_at_the_first_sync_is_an_opening_once(
    account: Account, venue: Venue, sync: Sync
) -> None:
    venue.positions = [held("2")]

    assert sync(0, account) == {"synced": 1, "openings": 1}
    venue.positions = [held("3")]
    venue.fills = [fill(3)]
    assert sync(5, account) == {"synced": 1, "fills": 1}

    assert openings() == [("buy", D(2), D(100), BEGAN)]
    assert Attribution.objects.count() == 0
    (compared,) = comparison(account)
    assert (compared.ours, compared.unattributed, compared.venue) == (0, 3, 3)
    assert (compared.difference, compared.observed_at) == (0, BEGAN + 5 * MINUTE)


def test_a_kill_between_positions_and_openings_makes_one_opening(
    account: Account, venue: Venue, sync: Sync, monkeypatch: Any
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: Any, **__: Any) -> Any:
        raise Killed

    venue.positions = [held("2")]
    module = "capital.services.trading.syncing.openings.record_opening"
    with monkeypatch.context() as patched:
        patched.setattr(module, kill)
        with pytest.raises(Killed):
            sync(0, account)
    assert openings() == []
    # By then another one was bought.
    venue.positions = [held("3", entry_price=D(100))]
    venue.fills = [fill(3)]
    sync(5, account)
    sync(10, account)

    assert openings() == [("buy", D(2), D(100), BEGAN)]
    assert differences(account) == {BTC: D(0)}


def test_an_opening_waits_for_all_fills_and_while_one_is_filled_as_positions_are_read(
    account: Account, venue: Venue, sync: Sync
) -> None:
    venue.failures[SWAP] = refused()
    venue.positions = [held("2")]
    sync(0, account)
    assert openings() == []

    # The one of a second ago may be in what was read, or not.
    venue.failures.clear()
    venue.fills = [fill(3), fill(5, at=BEGAN + 5 * MINUTE - timedelta(seconds=1))]
    venue.positions = [held("4")]
    sync(5, account)
    assert openings() == []

    sync(10, account)
    assert openings() == [("buy", D(2), D(100), BEGAN)]
    assert differences(account) == {BTC: D(0)}


def test_an_opening_does_not_wait_for_flows_that_cannot_be_read(
    account: Account, venue: Venue, sync: Sync
) -> None:
    venue.failures["GET /api/v5/account/bills, types 1, 7 and 8"] = refused()
    venue.positions = [held("2")]

    assert sync(0, account) == {"exchange_error": 1, "openings": 1}


def test_what_bots_reported_is_their_opening(
    account: Account, link: Any, venue: Venue, sync: Sync
) -> None:
    report_position(link.pk, symbol=BTC, quantity=D(2), entry_price=D(99), clock=lambda: BEGAN)
    venue.positions = [held("2")]

    assert sync(1, account)["openings"] == 1
    venue.fills = [fill(3, client_order_id="grid-1", side=Side.SELL, price=D(120))]
    sync(5, account)

    assert [(row.price, row.strategy_account) for row in Fill.objects.filter(source="opening")] == [
        (D(99), link)
    ]
    # Sold 1 of 2 at 120 that had cost 99.
    assert Position.objects.get().realized_pnl == 21


def test_a_report_is_no_second_opening_of_what_the_exchange_said(
    account: Account, link: Any, venue: Venue, sync: Sync
) -> None:
    report_position(link.pk, symbol=BTC, quantity=D(1), entry_price=D(99), clock=lambda: BEGAN)
    venue.positions = [held("2")]
    sync(1, account)
    venue.fills = [fill(3, client_order_id="grid-1")]
    venue.positions = [held("3")]
    sync(5, account)

    assert len(openings()) == 1
    assert differences(account) == {BTC: D(0)}


def test_where_fills_of_before_are_known_nothing_is_guessed(
    account: Account, link: Any, venue: Venue, sync: Sync
) -> None:
    report_fills(
        link.pk,
        [
            NewFill(
                symbol=BTC, side=Side.BUY, quantity=D(1), price=D(100), venue_fill_id="9",
                executed_at=BEGAN - MINUTE,
            )
        ],
        actor=None,
        clock=lambda: BEGAN,
    )  # fmt: skip
    venue.positions = [held("3")]

    assert "openings" not in sync(0, account)

    (compared,) = comparison(account)
    assert (compared.ours, compared.venue, compared.difference) == (D(1), D(3), D(2))


def test_history_before_an_opening_is_in_it_already(
    account: Account, venue: Venue, sync: Sync
) -> None:
    link, other = (
        make_link(
            account=account,
            strategy=make_strategy(owner=account.owner, key=key, market_type="futures"),
        )
        for key in ("grid", "dca")
    )
    venue.positions = [held("3")]
    sync(0, account)
    opening = Fill.objects.get(source="opening")
    # The same 3 as it was bought, and 1 more since.
    history = [
        NewFill(
            symbol=BTC, side=Side.BUY, quantity=D(quantity), price=D(90), venue_fill_id=str(number),
            executed_at=BEGAN + number * MINUTE,
        )
        for number, quantity in ((-9, 2), (-8, 1), (3, 1))
    ]  # fmt: skip
    report_fills(link.pk, history, actor=None, clock=lambda: BEGAN + 4 * MINUTE)
    venue.positions = [held("4")]
    sync(5, account)

    (compared,) = comparison(account)
    assert (compared.ours, compared.unattributed, compared.difference) == (1, 3, 0)
    # Once it is the link's, too; and if a person takes it away again.
    for owner, ours in ((link.pk, (4, 0)), (None, (1, 3))):
        assign_fills([opening.pk], owner)
        (compared,) = comparison(account)
        assert (compared.ours, compared.unattributed) == ours
    assert Position.objects.get(strategy_account=link).entry_price == 90
    # Another one knows nothing of it: its own history counts, but not beside what nobody has.
    report_fills(other.pk, [replace(history[0], venue_fill_id="7")], actor=None)
    assert not Position.objects.filter(strategy_account=other).exists()
    assign_fills([opening.pk], link.pk)
    assert Position.objects.get(strategy_account=other).quantity == 2
    found = audit_capital([account.pk], clock=lambda: BEGAN + 6 * MINUTE).violations
    assert [each.reason.code for each in found] == []


def test_openings_are_what_is_left_when_each_fill_since_was_taken_off_once(
    account: Account, link: Any, venue: Venue, sync: Sync
) -> None:
    """A bot tells an order before its fill: of 3 held, 1 was bought since, and 2 were there."""
    venue.failures[SWAP] = refused()
    make_market("ETH/USDT:USDT", venue="okx")
    make_market("SOL/USDT:USDT", venue="okx")
    sync(0, account)
    told = {"symbol": BTC, "side": Side.BUY, "quantity": D(1), "price": D(100)}
    bot = NewFill(**told, order_id="o3", executed_at=BEGAN + 3 * MINUTE)
    report_fills(link.pk, [bot], actor=None, clock=lambda: BEGAN + 3 * MINUTE)
    venue.failures.clear()
    # All of the second was bought since, and of the third nobody says what it cost.
    venue.fills = [fill(3), fill(4, symbol="ETH/USDT:USDT")]
    venue.positions = [
        held("3"),
        held("1", symbol="ETH/USDT:USDT"),
        held("5", symbol="SOL/USDT:USDT", entry_price=None),
    ]

    assert sync(10, account)["openings"] == 1

    assert openings() == [("buy", D(2), D(100), BEGAN)]
    assert differences(account) == {BTC: 0, "ETH/USDT:USDT": 0, "SOL/USDT:USDT": 5}


def test_a_person_enters_an_opening_once(account: Account) -> None:
    link = make_link(account=account, strategy=make_strategy(market_type="futures"))

    def enter(**fields: Any) -> Fill:
        given = {
            "symbol": BTC, "quantity": D(-2), "entry_price": D(100), "held_at": BEGAN - MINUTE,
            "strategy_account": link.pk, **fields,
        }  # fmt: skip
        return enter_opening(account.pk, clock=lambda: BEGAN, **given)

    first = enter()

    assert enter() == first
    assert openings() == [("sell", D(2), D(100), BEGAN - MINUTE)]
    assert Position.objects.get(strategy_account=link).quantity == -2
    assert [each.ours for each in comparison(account)] == [-2]
    assert Attribution.objects.get().how == "person"
    other = make_link(account=make_account(), strategy=make_strategy(market_type="futures"))
    # What was held beside it at the same moment is another one.
    more = enter(quantity=D(-3))
    assert [enter(quantity=D(-3)), enter()] == [more, first]
    assert enter(strategy_account=None, quantity=D(4)).strategy_account is None
    assert Position.objects.get(strategy_account=link).quantity == -5
    for wrong in (
        {"quantity": D(0)},
        {"entry_price": D(-1)},
        {"held_at": BEGAN + timedelta(days=1)},
        {"strategy_account": other.pk},
        {"symbol": "BTC/USDT", "strategy_account": None},
        {"symbol": "BTC/USDT", "quantity": D(2)},
    ):
        with pytest.raises(TradingRefused):
            enter(**wrong)
    with pytest.raises(UnknownAccount):
        enter(actor=make_user())


def test_a_position_that_is_not_a_strategys_is_no_difference_until_it_is_closed(
    account: Account, link: Any, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    # Nothing explains it: it was not there at the beginning, and no fill tells of it.
    venue.positions = [held("2")]
    sync(5, account)
    assert differences(account) == {BTC: D(2)}
    row = VenuePosition.objects.get()

    with pytest.raises((UnknownAccount, RoleTooSmall)):
        mark_not_strategys(row.pk, is_not_strategys=True, actor=make_user())
    (said,) = mark_symbol_not_strategys([account.pk], BTC, is_not_strategys=True)
    assert said == row
    with pytest.raises(NotFound):
        mark_symbol_not_strategys([account.pk], "ETH/USDT:USDT", is_not_strategys=True)
    sync(10, account)

    assert differences(account) == {BTC: D(0)}
    venue.positions = []
    sync(15, account)
    venue.positions = [held("2")]
    sync(20, account)
    assert differences(account) == {BTC: D(2)}
    with pytest.raises(NotFound):
        mark_not_strategys(row.pk, is_not_strategys=True)


def test_a_position_that_is_replaced_while_the_lock_is_waited_for_is_not_marked(
    account: Account, venue: Venue, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue.positions = [held("2")]
    sync(0, account)
    row = VenuePosition.objects.get()

    def replaced(_: list[int]) -> None:
        VenuePosition.objects.filter(pk=row.pk).delete()
        row.pk = None
        row.save()

    with monkeypatch.context() as patched:
        patched.setattr("capital.services.trading.syncing.positions.lock_accounts", replaced)
        with pytest.raises(NotFound):
            mark_not_strategys(row.pk, is_not_strategys=True)

    left = VenuePosition.objects.get()
    assert left.is_not_strategys is False
    assert mark_not_strategys(left.pk, is_not_strategys=True).is_not_strategys


def test_what_no_strategy_holds_is_noted_once_its_fills_were_read(
    account: Account, link: Any, venue: Venue, sync: Sync
) -> None:
    def unowned() -> dict[str, Decimal | None]:
        return {row.symbol: row.unowned for row in VenuePosition.objects.all()}

    sync(0, account)
    # The strategy's own, two more that nobody explains, and all of a symbol that nobody has.
    make_market("ETH/USDT:USDT", venue="okx")
    venue.fills = [fill(2, client_order_id="grid-1")]
    venue.positions = [held("3"), held("-4", symbol="ETH/USDT:USDT")]
    sync(5, account)
    assert unowned() == {BTC: D(2), "ETH/USDT:USDT": D(-4)}
    (why,) = position_holds([account.pk])[account.pk].values()
    assert why.code == "open_position"

    # It is closed while positions are read: nobody knows whether they still count it.
    just_before = BEGAN + 10 * MINUTE - timedelta(seconds=1)
    venue.fills += [fill(9, at=just_before, client_order_id="grid-2", side=Side.SELL)]
    sync(10, account)
    assert unowned() == {BTC: D(2), "ETH/USDT:USDT": D(-4)}
    (why,) = position_holds([account.pk])[account.pk].values()
    assert why.figures["positions"] == f"2 {BTC}, -4 ETH/USDT:USDT"

    # Of what could not be read nothing new is said, also where a bot reports meanwhile.
    report_position(link.pk, symbol="ETH/USDT:USDT", quantity=D(-4), clock=lambda: BEGAN)
    venue.failures[POSITIONS] = refused()
    sync(15, account)
    assert unowned()["ETH/USDT:USDT"] == -4
    venue.failures.clear()
    venue.positions = [held("2.5"), held("-4", symbol="ETH/USDT:USDT")]
    sync(20, account)
    assert unowned() == {BTC: D("2.5"), "ETH/USDT:USDT": D(0)}


def test_the_exchanges_marks_value_what_links_hold(
    account: Account, link: Any, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    venue.fills = [fill(2, client_order_id="grid-1")]
    venue.positions = [held("1", mark_price=D("123.45"))]
    # The fill is known with this sync, and its mark with the next one.
    sync(5, account)
    sync(6, account)

    position = Position.objects.get(strategy_account=link)
    assert (position.mark_price, position.marked_at) == (D("123.45"), BEGAN + 6 * MINUTE)
    assert DayMark.objects.get().price == D("123.45")


def test_sides_are_compared_each_where_both_tell_them_and_as_a_sum_where_one_does(
    account: Account, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    venue.positions = [
        held("2", position_side=PositionSide.LONG), held("-1", position_side=PositionSide.SHORT),
    ]  # fmt: skip
    venue.fills = [
        fill(1, position_side=PositionSide.LONG, quantity=D(2)),
        fill(2, position_side=PositionSide.SHORT, side=Side.SELL, quantity=D(3)),
    ]
    sync(5, account)
    by_side = {each.position_side: each.difference for each in comparison(account)}
    assert by_side == {"long": D(0), "short": D(2)}

    venue.positions = [held("1")]
    sync(10, account)
    (compared,) = comparison(account)
    assert (compared.position_side, compared.unattributed, compared.difference) == ("both", -1, 2)


def test_what_links_hold_is_by_their_fills_else_by_their_reports_and_never_spot(
    account: Account, link: Any, sync: Sync
) -> None:
    make_market("BTC/USD:BTC", venue="okx", kind="inverse", contract_size=100)
    at = {"executed_at": BEGAN, "side": Side.BUY, "quantity": D(3)}
    for each, symbol in ((link, "BTC/USD:BTC"), (make_link(account=account), "BTC/USDT")):
        bought = NewFill(symbol=symbol, price=D(10_000), order_id=symbol, **at)
        report_fills(each.pk, [bought], actor=None)
    report_position(link.pk, symbol=BTC, quantity=D(2))
    assert comparison(account) == []
    sync(0, account)

    held_now = {each.symbol: each.ours for each in comparison(account)}

    assert held_now == {BTC: D(2), "BTC/USD:BTC": D(3)}


def test_what_is_closed_and_coins_of_nobody_are_not_compared(
    account: Account, link: Any, venue: Venue, sync: Sync
) -> None:
    make_market("ETH/USDT:USDT", venue="okx")
    sync(0, account)
    venue.fills = [
        fill(1, client_order_id="grid-1"),
        fill(2, client_order_id="grid-2", side=Side.SELL),
        fill(3, symbol="BTC/USDT"),
        fill(4, symbol="ETH/USDT:USDT"),
    ]
    sync(5, account)

    compared = [(each.symbol, each.ours, each.unattributed) for each in comparison(account)]

    assert compared == [("ETH/USDT:USDT", 0, 1)]


def test_comparing_takes_the_same_queries_for_any_number_of_fills(
    account: Account, venue: Venue, sync: Sync, django_assert_num_queries: Any
) -> None:
    sync(0, account)
    venue.fills = [fill(number, at=BEGAN + MINUTE) for number in range(30)]
    sync(5, account)

    with django_assert_num_queries(2):
        (compared,) = comparison(account)
    assert compared.unattributed == 30


def test_parts_of_one_position_are_joined() -> None:
    parts = [held("1"), held("3", entry_price=D(200), unrealised=D(1)), held("0")]

    (whole,) = merged(parts)

    assert (whole.quantity, whole.entry_price, whole.unrealised) == (D(4), D(175), None)
    (unknown,) = merged([held("1"), replace(held("1"), entry_price=None)])
    (mixed,) = merged([held("3"), held("-1")])
    assert (unknown.entry_price, mixed.entry_price, mixed.quantity) == (None, None, D(2))
    # 1,000 USD at 10,000 and at 20,000.
    inverse = [held("10", symbol="BTC/USD:BTC", entry_price=D(price)) for price in (10_000, 20_000)]
    assert str(merged(inverse)[0].entry_price).startswith("13333.333333333333333333")
    assert merged([held("1"), held("-1")]) == []

"""What fills and flows leave unexplained of a change of balance."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capital.domain.performance.fills import Fill
from capital.domain.performance.positions import Position
from capital.domain.performance.unexplained import (
    AccountFill,
    BalanceChange,
    Cash,
    HoldingKey,
    cash_of,
    is_explained,
    unrealized_of_holdings,
)
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide
from tests.domain.performance.builders import fill

D = Decimal
CENT = D("0.01")
USDT = {"USDT"}
PERP, PAIR, INVERSE = "BTC/USDT:USDT", "BTC/USDT", "BTC/USD:BTC"


def of(symbol: str, *fills: Fill, is_opening: bool = False) -> list[AccountFill]:
    return [AccountFill(symbol, each, is_opening) for each in fills]


def spot(minute: int, side: str, quantity: str, price: str, **more: object) -> Fill:
    return fill(minute, side, quantity, price, InstrumentKind.SPOT, **more)  # type: ignore[arg-type]


def test_a_purchase_on_spot_is_paid_in_full_and_a_sale_received_in_full() -> None:
    bought = spot(1, "buy", "2", "100", fees=[("0.2", "USDT")])
    sold = spot(2, "sell", "1", "130", fees=[("0.001", "BTC")])
    # -200 - 0.2 + 130; the fee in the coin is of another balance. Realised would be 30.
    moved, holdings = cash_of(of(PAIR, bought, sold), {}, currencies=USDT)
    assert (moved, holdings) == (Cash(coins=D(-70), fees=D("0.2")), {})
    assert moved.total == D("-70.2")


def test_of_a_contract_the_wallet_sees_what_is_realised_and_its_fees() -> None:
    fills = of(
        PERP, fill(1, "buy", "2", "100", fees=[("0.2", "USDT")]), fill(2, "sell", "1", "130")
    )
    moved, holdings = cash_of(fills, {}, currencies=USDT)
    assert (moved, moved.total) == (Cash(realized=D(30), fees=D("0.2")), D("29.8"))
    assert holdings == {HoldingKey(PERP, "both"): Position(D(1), D(2), D(200))}


def test_what_is_held_goes_on_from_one_day_to_the_next() -> None:
    _, holdings = cash_of(of(PERP, fill(1, "buy", "2", "100")), {}, currencies=USDT)
    moved, after = cash_of(of(PERP, fill(2, "sell", "2", "90")), holdings, currencies=USDT)
    assert (moved.total, after) == (D(-20), {})


def test_the_account_has_one_position_whoever_trades_it() -> None:
    # One link is long from 100, another sold at 110: the exchange has closed it, and paid 10.
    fills = of(PERP, fill(1, "buy", "1", "100"), fill(2, "sell", "1", "110"))
    assert cash_of(fills, {}, currencies=USDT) == (Cash(realized=D(10)), {})


def test_both_sides_of_a_hedged_account_are_kept_apart() -> None:
    long = fill(1, "buy", "1", "100", position_side=PositionSide.LONG)
    short = fill(2, "sell", "1", "110", position_side=PositionSide.SHORT)
    moved, holdings = cash_of(of(PERP, long, short), {}, currencies=USDT)
    assert moved.total == 0
    assert [key.text for key in holdings] == [f"{PERP} long", f"{PERP} short"]
    assert [HoldingKey.of(key.text) for key in holdings] == list(holdings)
    odd = HoldingKey("A  B/C D:C D", "short")
    assert HoldingKey.of(odd.text) == odd


def test_what_is_settled_in_another_currency_moves_another_balance() -> None:
    fills = of(
        INVERSE,
        fill(1, "buy", "100", "10000", InstrumentKind.INVERSE, contract_size="10"),
        fill(2, "sell", "100", "12500", InstrumentKind.INVERSE, contract_size="10"),
    )
    assert cash_of(fills, {}, currencies={"BTC"}) == (Cash(realized=D("0.02")), {})
    assert cash_of(fills, {}, currencies=USDT) == (Cash(), {})


def test_coins_that_are_the_accounts_currency_are_moved_by_a_trade_in_them() -> None:
    bought = spot(1, "buy", "2", "100", fees=[("0.002", "BTC")])
    assert cash_of(of(PAIR, bought), {}, currencies={"BTC"})[0].total == D("1.998")


def test_nothing_is_paid_for_what_was_held_before() -> None:
    opening = spot(1, "buy", "2", "100")
    assert cash_of(of(PAIR, opening, is_opening=True), {}, currencies=USDT)[0].total == 0
    # Of a contract it says what it cost, so that closing it realises the right amount.
    fills = of(PERP, fill(1, "buy", "1", "100"), is_opening=True) + of(
        PERP, fill(2, "sell", "1", "103")
    )
    assert cash_of(fills, {}, currencies=USDT)[0].total == 3


def test_unrealised_is_what_closing_at_the_mark_would_earn() -> None:
    holdings = {
        HoldingKey(PERP, "both"): Position(D(-2), D(-2), D(-200)),
        HoldingKey("ETH/BTC:BTC", "both"): Position(D(1), D(1), D(1)),
    }
    assert unrealized_of_holdings(holdings, {PERP: D(90)}, currencies=USDT) == 20
    assert unrealized_of_holdings(holdings, {PERP: D(90)}, currencies={"BTC"}) is None
    assert unrealized_of_holdings({}, {}, currencies=USDT) == 0
    # 1,000 USD at 10,000 are a tenth of a coin, at 12,500 0.08.
    inverse = {HoldingKey(INVERSE, "both"): Position(D(1000), D(1000), D("-0.1"))}
    assert unrealized_of_holdings(inverse, {INVERSE: D(12500)}, currencies={"BTC"}) == D("0.02")


def test_unexplained_is_what_fills_flows_and_unrealised_leave() -> None:
    change = BalanceChange(D("512.30"), fills=D("29.8"), flows=D(500), unrealized=D("-20"))
    assert change.unexplained == D("2.50")


@pytest.mark.parametrize(
    ("unexplained", "expected"),
    [("0", True), ("0.0099", True), ("-0.0099", True), ("0.01", False), ("-0.01", False)],
)
def test_rounding_of_two_balances_is_less_than_a_cent(unexplained: str, expected: bool) -> None:
    assert is_explained(D(unexplained), quantum=CENT) is expected


_events = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "flow"]),
        st.decimals(min_value="0.001", max_value=50, places=3),
        st.decimals(min_value="0.01", max_value=10_000, places=2),
        st.decimals(min_value=-5, max_value=5, places=4),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(days=st.lists(_events, min_size=1, max_size=4), price=st.decimals("0.01", 10_000, places=2))
def test_scripted_days_leave_nothing_unexplained(
    days: list[list[tuple[str, Decimal, Decimal, Decimal]]], price: Decimal
) -> None:
    # The script keeps its own average entry, in fractions.
    wallet, held, entry = Fraction(1_000_000), Fraction(0), Fraction(0)
    holdings: object = {}
    minute, mark = 0, D(price)
    for events in days:
        fills, flows = [], D(0)
        wallet_before, then = wallet, wallet + held * (Fraction(mark) - entry)
        worth_then = unrealized_of_holdings(holdings, {PERP: mark}, currencies=USDT)  # type: ignore[arg-type]
        for side, quantity, at, fee in events:
            minute += 1
            if side == "flow":
                flows += fee
                wallet += Fraction(fee)
                continue
            fills.append(fill(minute, side, quantity, at, fees=[(str(fee), "USDT")]))
            signed = Fraction(quantity) if side == "buy" else -Fraction(quantity)
            wallet -= Fraction(fee)
            closing = min(abs(signed), abs(held)) if signed * held < 0 else Fraction(0)
            wallet += closing * (Fraction(at) - entry) * (1 if held > 0 else -1)
            after = held + signed
            if signed * held >= 0:
                entry = (held * entry + signed * Fraction(at)) / after
            elif after * held < 0:
                entry = Fraction(at)
            held = after
            mark = at
        moved, holdings = cash_of(of(PERP, *fills), holdings, currencies=USDT)  # type: ignore[arg-type]
        change = BalanceChange(_cents(wallet) - _cents(wallet_before), moved.total, flows)
        assert is_explained(change.unexplained, quantum=CENT)
        worth_now = unrealized_of_holdings(holdings, {PERP: mark}, currencies=USDT)
        assert worth_then is not None
        assert worth_now is not None
        equity = wallet + held * (Fraction(mark) - entry)
        of_equity = BalanceChange(
            _cents(equity) - _cents(then), moved.total, flows, worth_now - worth_then
        )
        assert is_explained(of_equity.unexplained, quantum=CENT)


def _cents(amount: Fraction) -> Decimal:
    return D(amount.numerator * 100 // amount.denominator) / 100

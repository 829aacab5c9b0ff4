"""Fills and funding of one symbol, and hypothesis strategies for them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from capital.domain.performance.fills import Fee, Fill, Funding
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side

D = Decimal
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


def at(minute: int) -> datetime:
    return MIDNIGHT + timedelta(minutes=minute)


def fill(
    minute: int,
    side: str,
    quantity: str | Decimal,
    price: str | Decimal,
    kind: InstrumentKind = InstrumentKind.LINEAR,
    *,
    fees: Sequence[tuple[str, str] | tuple[str, str, str]] = (),
    position_side: PositionSide = PositionSide.BOTH,
    contract_size: str = "1",
    step: str = "0",
) -> Fill:
    """A fill of BTC, with a quantity and a price that are read as numbers."""
    return Fill(
        key=str(minute),
        executed_at=at(minute),
        kind=kind,
        base="BTC",
        settle="BTC" if kind is InstrumentKind.INVERSE else "USDT",
        side=Side(side),
        quantity=D(quantity),
        price=D(price),
        position_side=position_side,
        contract_size=D(contract_size),
        fees=tuple(
            Fee(D(amount), currency, *(D(value) for value in rest))
            for amount, currency, *rest in fees
        ),
        step=D(step),
    )


def paid(minute: int, amount: str) -> Funding:
    return Funding(f"funding-{minute}", at(minute), D(amount))


_quantities = st.decimals(min_value="0.001", max_value=1000, places=3)
_prices = st.decimals(min_value="0.01", max_value=100_000, places=2)
_fees = st.lists(
    st.builds(
        Fee,
        amount=st.decimals(min_value="-0.0001", max_value="0.0002", places=6),
        currency=st.sampled_from(["USDT", "BTC", "BNB"]),
        value=st.none() | st.decimals(min_value="-1", max_value=1, places=4),
    ),
    max_size=2,
).map(tuple)


@st.composite
def histories(draw, kinds=tuple(InstrumentKind), sides=tuple(PositionSide)) -> list[Fill]:
    """Some fills of one symbol on one side, in the order of time."""
    kind, side = draw(st.sampled_from(kinds)), draw(st.sampled_from(sides))
    if kind is InstrumentKind.SPOT:
        side = PositionSide.BOTH
    size = draw(st.sampled_from(["1", "10", "100"]))
    return [
        replace(
            fill(
                minute,
                draw(st.sampled_from(["buy", "sell"])),
                draw(_quantities),
                draw(_prices),
                kind,
                position_side=side,
                contract_size=size,
            ),
            fees=draw(_fees),
        )
        for minute in range(draw(st.integers(1, 12)))
    ]


fundings = st.lists(
    st.builds(
        lambda minute, amount: Funding(f"funding-{minute}", at(minute), amount),
        st.integers(0, 12),
        st.decimals(min_value=-10, max_value=10, places=8),
    ),
    max_size=4,
    unique_by=lambda funding: funding.key,
)
marks = _prices

"""Instruments, terms and orders with sensible values, for tests that care about a few of them."""

from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from capital.domain.sizing.admission import LinkRules, admit_order, admit_state
from capital.domain.sizing.formulas import Terms
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules, PrecisionMode
from capital.domain.sizing.orders import OrderRequest

D = Decimal


def spot(**fields: Any) -> InstrumentRules:
    return InstrumentRules(
        **{
            "symbol": "BTC/USDT",
            "kind": InstrumentKind.SPOT,
            "quote": "USDT",
            "settle": "USDT",
            "precision_mode": PrecisionMode.TICK_SIZE,
            "amount_precision": D("0.00001"),
            **fields,
        }
    )


def linear(**fields: Any) -> InstrumentRules:
    return spot(
        **{
            "symbol": "BTC/USDT:USDT",
            "kind": InstrumentKind.LINEAR,
            "amount_precision": D(1),
            "contract_size": D("0.01"),
            **fields,
        }
    )


def inverse(**fields: Any) -> InstrumentRules:
    return spot(
        **{
            "symbol": "BTC/USD:BTC",
            "kind": InstrumentKind.INVERSE,
            "quote": "USD",
            "settle": "BTC",
            "amount_precision": D(1),
            "contract_size": D(100),
            **fields,
        }
    )


def terms(capital: str, **fields: str) -> Terms:
    return Terms(D(capital), **{name: D(text) for name, text in fields.items()})


def order(**fields: Any) -> OrderRequest:
    """A market order to buy; numbers may be texts."""
    numbers = {"qty_per", "qty", "risk_per", "stake", "leverage", "price", "stop_price"}
    given = {
        name: D(value) if name in numbers and value is not None else value
        for name, value in fields.items()
    }
    return OrderRequest(**{"symbol": "BTC/USDT", "side": "buy", **given})


def admit(
    asked: OrderRequest,
    link: LinkRules,
    rules: InstrumentRules,
    *,
    held_symbols: AbstractSet[str],
) -> None:
    """Admit an order as sizing does."""
    admit_state(asked, link)
    admit_order(asked, link, rules, held_symbols=held_symbols)


def decimals(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(least), D(most), places=places, allow_nan=False, allow_infinity=False)


prices = st.one_of(
    decimals("0.00000001", "1", 12), decimals("0.01", "200000", 2), decimals("1", "99999999", 0)
)
capitals = st.one_of(decimals("0", "1000000", 8), decimals("0", "99999999999", 0))
leverages = decimals("0.1", "125", 8)
fee_rates = st.one_of(st.just(D(0)), decimals("0", "0.01", 6), decimals("0", "0.9", 8))
utilisations = st.one_of(st.just(D(1)), decimals("0.00000001", "1", 8))
percents = st.one_of(st.just(D(100)), decimals("0.01", "100", 4))
precisions = st.one_of(
    st.tuples(
        st.just(PrecisionMode.TICK_SIZE),
        st.sampled_from([D(text) for text in ("0.00000001", "0.001", "0.5", "1", "10", "0.025")])
        | decimals("0.0001", "5", 6),
    ),
    st.tuples(st.just(PrecisionMode.DECIMAL_PLACES), st.integers(-3, 12).map(Decimal)),
    st.tuples(st.just(PrecisionMode.SIGNIFICANT_DIGITS), st.integers(1, 12).map(Decimal)),
)


@st.composite
def instruments(draw: st.DrawFn, kinds: Any = tuple(InstrumentKind)) -> InstrumentRules:
    """Any instrument: kind, contract size, precision mode, with and without limits."""
    kind = draw(st.sampled_from(kinds))
    mode, precision = draw(precisions)
    optional = st.none() | decimals("0.0001", "1000000", 4)
    return InstrumentRules(
        symbol="ANY",
        kind=kind,
        quote="Q",
        settle="B" if kind is InstrumentKind.INVERSE else "Q",
        precision_mode=mode,
        amount_precision=precision,
        contract_size=D(1) if kind is InstrumentKind.SPOT else draw(decimals("0.0001", "1000", 4)),
        min_amount=draw(optional),
        max_amount=draw(optional),
        market_max_amount=draw(optional),
        min_cost=draw(optional),
        max_cost=draw(optional),
    )


@st.composite
def trading_terms(draw: st.DrawFn, kind: InstrumentKind) -> Terms:
    return Terms(
        capital=draw(capitals),
        leverage=D(1) if kind is InstrumentKind.SPOT else draw(leverages),
        fee_rate=draw(fee_rates),
        utilisation=draw(utilisations),
    )

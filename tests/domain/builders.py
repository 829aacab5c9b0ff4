"""Links and readings of the domain, and hypothesis strategies for them."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from capital.domain.allocation.links import Link, Reserve
from capital.domain.balances import PoolReading, Source
from capital.domain.money import CENT, SATOSHI, UNIT
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from strategies.markets import MarketType

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
QUANTA = (CENT, UNIT, SATOSHI)
IDLE_CODES = (
    Code.STRATEGY_PAUSED,
    Code.STRATEGY_ARCHIVED,
    Code.LINK_INACTIVE,
    Code.MARKET_NOT_ON_VENUE,
)


def link(
    number: int,
    *,
    weight: str = "1",
    market: MarketType = MarketType.SPOT,
    idle: Code | None = None,
    capital: str | None = None,
) -> Link:
    """A link whose strategy is called after its number."""
    return Link(
        id=number,
        strategy_key=f"strategy-{number}",
        market=market,
        weight=Decimal(weight),
        idle=idle,
        capital=None if capital is None else Decimal(capital),
    )


def live(amount: str | Decimal, pool: Pool = Pool.SPOT) -> PoolReading:
    """A balance that the exchange said at noon."""
    return PoolReading(pool, Decimal(amount), Source.LIVE, NOON, Reason(Code.LIVE_BALANCE))


def nothing(pool: Pool = Pool.SPOT) -> PoolReading:
    """No live balance, no cache."""
    return PoolReading(pool, None, Source.NONE, None, Reason(Code.LIVE_DISABLED))


# As the models keep them: 20 integer digits and 8 decimals; 8 decimals above 0, at most 100.
amounts = st.decimals(min_value=0, max_value=Decimal("1e20") - SATOSHI, places=8)
weights = st.decimals(min_value=SATOSHI, max_value=100, places=8)
# As an exchange may say them: either sign, more decimals than any quantum has.
balances = st.one_of(
    st.decimals(min_value=Decimal("-1e19"), max_value=Decimal("1e19"), places=18),
    st.decimals(min_value=Decimal("-1e4"), max_value=Decimal("1e6"), places=12),
    st.sampled_from([Decimal(0), Decimal("0.005"), Decimal("-0.005"), Decimal("1e-18")]),
)
reserves = st.builds(
    Reserve,
    percent=st.decimals(min_value=0, max_value=100, places=8),
    amount=st.one_of(st.just(Decimal(0)), amounts),
)


@st.composite
def links(draw: st.DrawFn, *, first: int = 1, max_size: int = 6) -> list[Link]:
    """Links of any market, active or idle, with or without capital, in any order."""
    size = draw(st.integers(min_value=0, max_value=max_size))
    drawn = [
        Link(
            id=number,
            strategy_key=f"strategy-{number}",
            market=draw(st.sampled_from(MarketType)),
            weight=draw(weights),
            idle=draw(st.one_of(st.none(), st.sampled_from(IDLE_CODES))),
            capital=draw(st.one_of(st.none(), st.just(Decimal("12.5")), amounts)),
        )
        for number in range(first, first + size)
    ]
    return draw(st.permutations(drawn))


def readings(pool: Pool) -> st.SearchStrategy[PoolReading]:
    """A live balance of ``pool``, or none."""
    return st.one_of(st.just(nothing(pool)), balances.map(lambda amount: live(amount, pool)))

"""Which balance a pool is decided on: live, else cached, else none."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from capital.domain.money import amount_text
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason


class BalanceBasis(StrEnum):
    """What counts as an account's balance, the same on every venue.

    ``WALLET``: cash and realised PnL. ``EQUITY``: the wallet and unrealised PnL. ``FREE``: what may
    be committed now.
    """

    WALLET = "wallet"
    EQUITY = "equity"
    FREE = "free"


class Source(StrEnum):
    """Where a balance came from. ``value`` is what is stored and sent."""

    LIVE = "live"
    CACHED = "cached"
    NONE = "none"


@dataclass(frozen=True)
class Observation:
    """An amount, unrounded and in account currency, and when it was observed (aware).

    ``called`` is the exchange's own name of it, where it was recognised by that; else empty.
    ``owner`` is whose account the exchange says that it is, where it does; else empty.
    """

    amount: Decimal
    observed_at: datetime
    called: str = ""
    owner: str = field(default="", compare=False)


@dataclass(frozen=True)
class PoolReading:
    """What is known of one pool's balance.

    Attributes:
        pool: Which.
        amount: Unrounded; None where nothing is known, which is not zero.
        source: Live, cached, or none.
        observed_at: When; None where nothing is known.
        reason: Why there is no live reading, or that there is one.
    """

    pool: Pool
    amount: Decimal | None
    source: Source
    observed_at: datetime | None
    reason: Reason

    @classmethod
    def recorded(
        cls, pool: Pool, amount: Decimal | None, source: Source, observed_at: datetime | None
    ) -> "PoolReading":
        """As a run recorded it, to divide it again: for that, its reason does not matter."""
        return cls(pool, amount, source, observed_at, Reason(Code.LIVE_BALANCE))


def choose_reading(
    pool: Pool, live: Observation | Reason, cached: Observation | None
) -> PoolReading:
    """The live reading, else the cached one, else none.

    A live reading is taken whatever it says: zero is a real zero, and a negative balance is
    debt that a higher cached balance must not hide.

    Args:
        pool: The pool of both.
        live: What the exchange said just now, or why it said nothing.
        cached: What the daily summary holds; None where it holds nothing.
    """
    if isinstance(live, Observation):
        return PoolReading(
            pool, live.amount, Source.LIVE, live.observed_at, Reason(Code.LIVE_BALANCE)
        )
    if cached is not None:
        return PoolReading(pool, cached.amount, Source.CACHED, cached.observed_at, live)
    return PoolReading(pool, None, Source.NONE, None, live)


def reading_text(reading: PoolReading, currency: str) -> str:
    """A reading's amount unrounded, with at least the currency's decimals; "" for none."""
    if reading.amount is None or reading.source is Source.NONE:
        return ""
    return amount_text(reading.amount, currency)

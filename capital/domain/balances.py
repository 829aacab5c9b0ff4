"""Which balance a pool is decided on: live, else cached, else none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from capital.domain.money import EXACT, amount_text
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


Coins = Mapping[str, Decimal | None]
"""The other coins of a wallet, by name: without those it lacks; None for what cannot be read."""


@dataclass(frozen=True)
class Observation:
    """An amount, unrounded and in account currency, and when it was observed (aware).

    ``called`` is the exchange's own name of it, where it was recognised by that; else empty.
    ``owner`` is whose account the exchange says that it is, where it does; else empty.
    ``coins`` is what else the wallet holds; None where that was not asked, or is not told.
    """

    amount: Decimal
    observed_at: datetime
    called: str = ""
    owner: str = field(default="", compare=False)
    coins: Coins | None = field(default=None, compare=False)


@dataclass(frozen=True)
class PoolReading:
    """What is known of one pool's balance.

    Attributes:
        pool: Which.
        amount: Unrounded; None where nothing is known, which is not zero.
        source: Live, cached, or none.
        observed_at: When; None where nothing is known.
        reason: Why there is no live reading, or that there is one.
        coins: What else the wallet holds; None where that is not known.
        holdings: What coins that its strategies bought are worth; None where they do not count.
    """

    pool: Pool
    amount: Decimal | None
    source: Source
    observed_at: datetime | None
    reason: Reason
    coins: Coins | None = field(default=None, compare=False)
    holdings: Decimal | None = None

    @property
    def total(self) -> Decimal | None:
        """What there is to divide: the balance, and with it what counts of holdings."""
        if self.amount is None or self.holdings is None:
            return self.amount
        return EXACT.add(self.amount, self.holdings)

    @classmethod
    def recorded(
        cls,
        pool: Pool,
        amount: Decimal | None,
        source: Source,
        observed_at: datetime | None,
        *,
        holdings: Decimal | None = None,
    ) -> "PoolReading":
        """As a run recorded it, to divide it again: for that, its reason does not matter."""
        live = Reason(Code.LIVE_BALANCE)
        return cls(pool, amount, source, observed_at, live, holdings=holdings)


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
            pool,
            live.amount,
            Source.LIVE,
            live.observed_at,
            Reason(Code.LIVE_BALANCE),
            coins=live.coins,
        )
    if cached is not None:
        return PoolReading(pool, cached.amount, Source.CACHED, cached.observed_at, live)
    return PoolReading(pool, None, Source.NONE, None, live)


def reading_text(reading: PoolReading, currency: str) -> str:
    """A reading's amount unrounded, with at least the currency's decimals; "" for none."""
    if reading.amount is None or reading.source is Source.NONE:
        return ""
    return amount_text(reading.amount, currency)


def holdings_text(reading: PoolReading, currency: str) -> str:
    """The same of what counts of holdings; "" where none do."""
    return "" if reading.holdings is None else amount_text(reading.holdings, currency)

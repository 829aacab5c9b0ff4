"""The exchanges as services see them: balances, instrument rules and prices, or why not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.clock import Clock
from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Reason
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.domain.sizing.prices import MarketPrice
from capital.exchange.venues import Venue

LISTINGS_WITHIN = timedelta(seconds=75)
"""How long ``fetch_listings`` takes at most: for lists of markets, then for their brackets."""

Answers = Mapping[tuple[int, Pool], Observation | Reason]
OnAccount = Callable[[int, Mapping[Pool, Observation | Reason]], None]
"""Told of each account that is finished: its id, and the answers of its pools."""
Contents = Mapping[str, Decimal]
"""What a wallet holds: an amount by currency, unrounded; no zeros but the account's own."""
WalletAnswers = Mapping[tuple[int, Pool], Contents | Reason]


@dataclass(frozen=True)
class Credentials:
    """The credentials that sign requests. Never printed."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    api_passphrase: str = field(repr=False, default="")


@dataclass(frozen=True)
class BalanceRequest:
    """Which pools of one account to read.

    Attributes:
        owners: Whose account the exchange said each pool is, if that is known: the answer of
            another one is a failure.
        with_coins: Whether the answer is to say what else the wallets hold.
    """

    account_id: int
    venue: Venue
    currency: str
    pools: Sequence[Pool]
    credentials: Credentials
    is_sandbox: bool = False
    balance_basis: BalanceBasis = BalanceBasis.WALLET
    owners: Mapping[Pool, str] = field(default_factory=dict)
    with_coins: bool = False


Askers = Mapping[str, Sequence[BalanceRequest]]
"""By venue, accounts with whose keys it may be asked what it tells to keys only; the best first."""


@dataclass(frozen=True)
class KeyFacts:
    """What a venue reports about an account and its key; None if it does not."""

    wallet_mode: WalletMode | None = None
    can_withdraw: bool | None = None


class ExchangeGateway(Protocol):
    """Reads balances. Call it outside a transaction only: it waits for the network."""

    def fetch_balances(
        self,
        requests: Sequence[BalanceRequest],
        *,
        clock: Clock,
        on_account: OnAccount | None = None,
    ) -> Answers:
        """Read every pool of every request, concurrently.

        Args:
            requests: One for each account.
            clock: Gives the time at which a response arrived.
            on_account: Called after each finished account. It runs in the loop that waits for the
                others, so it must not wait for anything itself.

        Returns:
            For each requested account id and pool, the unrounded amount, or why there is none. It
            never raises for errors of an exchange or a network.
        """

    def fetch_wallets(self, requests: Sequence[BalanceRequest]) -> WalletAnswers:
        """Like ``fetch_balances``, but with every currency of each pool, for display."""

    def inspect_keys(self, requests: Sequence[BalanceRequest]) -> Mapping[int, KeyFacts]:
        """What the venues report about each account and its key, by account id. Never raises.

        It takes a few seconds at most, and sends nothing to a venue that is paused.
        """


@dataclass(frozen=True)
class Listing:
    """One instrument as its venue lists it.

    Attributes:
        rules: The rules by which orders are sized.
        market_id: The venue's own name for it.
        base: Base currency.
        is_active: Whether it is traded now.
        has_brackets: The rules say all of its leverage that the venue tells; False where its
            brackets were asked and are not known now.
    """

    rules: InstrumentRules
    market_id: str
    base: str
    is_active: bool
    has_brackets: bool = True


@dataclass(frozen=True)
class Quoted:
    """An instrument whose price is requested: what ccxt must know, so that it loads no others."""

    venue: str
    symbol: str
    market_id: str
    kind: InstrumentKind
    base: str
    quote: str
    settle: str


class MarketGateway(Protocol):
    """Reads public data. Call it outside a transaction only: it waits for the network."""

    def fetch_listings(
        self, venues: Sequence[Venue], askers: Askers | None = None
    ) -> Mapping[str, list[Listing] | Reason]:
        """The instruments of each venue, concurrently.

        Args:
            venues: The venues.
            askers: Accounts with whose keys brackets may be asked, where a key is needed.

        Returns:
            For each venue id its instruments (never an empty list), or why there are none. Options
            and instruments that cannot be sized (no step, no contract size) are left out. Brackets
            that a venue tells elsewhere are asked afterwards; without them the list stands. No
            venue waits for another one, and all is over within ``LISTINGS_WITHIN``.
        """

    def fetch_prices(self, quoted: Sequence[Quoted]) -> Mapping[Quoted, MarketPrice | Reason]:
        """The price of each instrument, concurrently, within one deadline for all of them.

        Returns:
            For each instrument its last price, bid and ask, or why there is none. It never raises
            for errors of an exchange or a network.
        """

    def fetch_marks(self, quoted: Sequence[Quoted]) -> Mapping[Quoted, Decimal | Reason]:
        """What one unit of each instrument is valued at now, as ``fetch_prices`` asks.

        Returns:
            The venue's mark of a derivative, the last price on spot, or why there is none: not
            every venue tells a mark to whoever asks without a key.
        """

"""The outside world as services see it: balances, market rules and prices, or why there is none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.clock import Clock
from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Reason
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.exchange.venues import Venue

Answers = Mapping[tuple[int, Pool], Observation | Reason]
Contents = Mapping[str, Decimal]
"""What a wallet holds: an amount by currency, unrounded; no zeros but the account's own."""
WalletAnswers = Mapping[tuple[int, Pool], Contents | Reason]


@dataclass(frozen=True)
class Credentials:
    """What signs a request. Never printed."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    api_passphrase: str = field(repr=False, default="")


@dataclass(frozen=True)
class BalanceRequest:
    """Which pools of one account to read."""

    account_id: int
    venue: Venue
    currency: str
    pools: Sequence[Pool]
    credentials: Credentials
    is_sandbox: bool = False
    balance_basis: BalanceBasis = BalanceBasis.WALLET


@dataclass(frozen=True)
class KeyFacts:
    """What a venue says of an account and its key; None where it does not."""

    wallet_mode: WalletMode | None = None
    can_withdraw: bool | None = None


class ExchangeGateway(Protocol):
    """Reads balances. Safe to call outside a transaction only: it waits for the network."""

    def fetch_balances(
        self,
        requests: Sequence[BalanceRequest],
        *,
        clock: Clock,
        on_account: Callable[[], None] | None = None,
    ) -> Answers:
        """Read every pool of every request, concurrently.

        Args:
            requests: One for each account.
            clock: Says when an answer arrived.
            on_account: Called after each account that is done.

        Returns:
            For each account id and pool that was asked for: the amount, unrounded, or why
            there is none. It never raises for what an exchange or a network does.
        """

    def fetch_wallets(self, requests: Sequence[BalanceRequest]) -> WalletAnswers:
        """As ``fetch_balances``, but every currency of each pool: for looking at."""

    def inspect_keys(self, requests: Sequence[BalanceRequest]) -> Mapping[int, KeyFacts]:
        """What the venues say of each account and its key, by account id. It never raises.

        It takes seconds at most, and asks nothing of a venue that is left alone now.
        """


@dataclass(frozen=True)
class Listing:
    """One market as its venue lists it.

    Attributes:
        rules: By which orders are sized.
        market_id: The venue's own name.
        base: Currency.
        is_active: Whether it is traded now.
    """

    rules: InstrumentRules
    market_id: str
    base: str
    is_active: bool


@dataclass(frozen=True)
class Quoted:
    """A market whose price is asked for: what ccxt must know of it, so that it loads no others."""

    venue: str
    symbol: str
    market_id: str
    kind: InstrumentKind
    base: str
    quote: str
    settle: str


class MarketGateway(Protocol):
    """Reads public answers. Safe to call outside a transaction only: it waits for the network."""

    def fetch_listings(self, venues: Sequence[Venue]) -> Mapping[str, list[Listing] | Reason]:
        """What each venue trades, concurrently.

        Returns:
            For each venue id its markets, never none of them, or why there are none. Options and
            what nobody could size (no step, no contract size) are left out.
        """

    def fetch_prices(self, quoted: Sequence[Quoted]) -> Mapping[Quoted, Decimal | Reason]:
        """The last price of each market, concurrently, within a deadline for all of them.

        Returns:
            For each market its price, > 0, or why there is none. It never raises for what an
            exchange or a network does.
        """

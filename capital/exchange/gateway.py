"""The outside world as services see it: ask for balances, get an observation or a reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from django.conf import settings

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.clock import Clock
from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Reason
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


def warm_up() -> None:
    """Load what the first question to an exchange would wait for: about a second."""
    from capital.exchange.ccxt.clients import load_ccxt

    load_ccxt()


def get_gateway(*, patience: timedelta | None = None) -> ExchangeGateway:
    """The gateway that the settings describe.

    Args:
        patience: How long one account may take, with its retries; None: as long as is usual.
    """
    from capital.exchange.ccxt.balances import DEADLINE_SECONDS, CcxtGateway

    return CcxtGateway(
        venue_urls=settings.CAPITAL_VENUE_URLS,
        concurrency=settings.CAPITAL_LIVE_CONCURRENCY,
        deadline_seconds=DEADLINE_SECONDS if patience is None else patience.total_seconds(),
    )

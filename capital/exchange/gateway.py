"""The outside world as services see it: ask for balances, get an observation or a reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from django.conf import settings

from capital.domain.balances import Observation
from capital.domain.pools import Pool
from capital.domain.reasons import Reason
from capital.exchange.venues import Venue

Clock = Callable[[], datetime]
Answers = Mapping[tuple[int, Pool], Observation | Reason]


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


def get_gateway() -> ExchangeGateway:
    """The gateway that the settings describe."""
    from capital.exchange.ccxt_gateway import CcxtGateway

    return CcxtGateway(
        venue_urls=settings.CAPITAL_VENUE_URLS,
        concurrency=settings.CAPITAL_LIVE_CONCURRENCY,
    )

"""Makes the gateways as the settings say."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.conf import settings

from capital.domain.reasons import Reason
from capital.exchange.ccxt import markets
from capital.exchange.ccxt.accounts import DEADLINE_SECONDS
from capital.exchange.ccxt.balances import CcxtGateway
from capital.exchange.ccxt.clients import load_ccxt
from capital.exchange.ccxt.fills import TRADING_SECONDS, CcxtTrading
from capital.exchange.ccxt.reach import reach
from capital.exchange.contract import ExchangeGateway, MarketGateway
from capital.exchange.moments import Moment
from capital.exchange.trading.contract import TradingGateway
from capital.exchange.venues import get_venue

# Of a sync, each question: what is slower is asked for in smaller parts the next time.
_SYNC_SECONDS = 15


def warm_up() -> None:
    """Load what the first request to an exchange would otherwise wait for: about a second."""
    load_ccxt()


def get_gateway(*, until: Moment | None = None) -> ExchangeGateway:
    """A gateway for balances, by the settings.

    Args:
        until: When all accounts together are to be answered; None where each account has the usual
            time, with retries.
    """
    seconds: float = DEADLINE_SECONDS
    if until is not None:
        seconds = round(min(until.left.total_seconds(), DEADLINE_SECONDS), 1)
    return CcxtGateway(
        venue_urls=settings.CAPITAL_VENUE_URLS,
        concurrency=settings.CAPITAL_LIVE_CONCURRENCY,
        deadline_seconds=seconds,
        until=until,
    )


def reach_venues(venues: Sequence[str]) -> Mapping[str, Reason | None]:
    """Why each of these venues cannot be reached from here; None where it answers."""
    return reach([get_venue(venue) for venue in venues], settings.CAPITAL_VENUE_URLS)


def get_trading_gateway(*, until: Moment | None = None) -> TradingGateway:
    """A gateway for fills, positions and flows, by the settings.

    Args:
        until: When all that is asked is to be answered; None where each question has its own time.
    """
    return CcxtTrading(
        venue_urls=settings.CAPITAL_VENUE_URLS,
        concurrency=settings.CAPITAL_LIVE_CONCURRENCY,
        deadline_seconds=TRADING_SECONDS if until is None else _SYNC_SECONDS,
        until=until,
    )


def get_spare_gateway(*, until: Moment) -> ExchangeGateway:
    """A gateway for what wallets hold, where no balance that is to be decided on waits for it.

    Args:
        until: When all that is asked is to be answered.
    """
    return CcxtGateway(
        venue_urls=settings.CAPITAL_VENUE_URLS,
        concurrency=settings.CAPITAL_LIVE_CONCURRENCY,
        until=until,
        is_spare=True,
    )


def get_market_gateway(*, patience: timedelta | None = None) -> MarketGateway:
    """A gateway for instrument rules and prices, by the settings.

    Args:
        patience: How long all prices of a call may take; None for the usual time.
    """
    return markets.CcxtMarkets(
        venue_urls=settings.CAPITAL_VENUE_URLS,
        concurrency=settings.CAPITAL_LIVE_CONCURRENCY,
        price_seconds=markets.PRICE_SECONDS if patience is None else patience.total_seconds(),
    )

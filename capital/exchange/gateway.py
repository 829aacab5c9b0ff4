"""Makes the gateways that the settings describe."""

from datetime import timedelta

from django.conf import settings

from capital.exchange.contract import ExchangeGateway, MarketGateway


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


def get_market_gateway(*, patience: timedelta | None = None) -> MarketGateway:
    """The gateway that the settings describe.

    Args:
        patience: How long all prices of a call may take; None: as long as is usual.
    """
    from capital.exchange.ccxt.markets import PRICE_SECONDS, CcxtMarkets

    return CcxtMarkets(
        venue_urls=settings.CAPITAL_VENUE_URLS,
        concurrency=settings.CAPITAL_LIVE_CONCURRENCY,
        price_seconds=PRICE_SECONDS if patience is None else patience.total_seconds(),
    )

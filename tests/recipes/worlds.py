"""A venue, what strategies trade on it, and the bot that trades for them."""

from typing import Any

import ccxt_order
from capital_client import Capital

from capital.models import Market
from capital.services.access import create_token
from capital.services.markets.prices import forget_prices
from capital.services.markets.rules import sync_markets
from tests.api.client import permit
from tests.factories import make_account, make_link
from tests.simulator.orders.bots import Mode, account_of, bot_of

RICH = dict.fromkeys(("USDT", "USDC", "USD", "BTC", "KRW"), "100000000000")
CAPITAL = {"BTC": "0.5", "KRW": "5000000"}


class World:
    """A venue with a strategy on each kind of market, and its bot."""

    def __init__(self, venue: str, exchange: Any, url: str) -> None:
        forget_prices()
        sync_markets([venue])
        self.mode = Mode(venue)
        self.account = account_of(self.mode, **RICH)
        self.exchange = exchange
        exchange.state.add(self.account)
        self.bot = bot_of(self.mode, exchange.server, self.account)
        self.url = url

    def link_for(self, market: Market) -> Any:
        account = make_account(venue=self.mode.venue, currency=market.settle)
        permit(account.owner, "capital.report_position", "capital.report_trading")
        return make_link(
            account=account,
            market_type="spot" if market.kind == "spot" else "futures",
            capital=CAPITAL.get(market.settle, "20000"),
        )

    def client(self, link: Any) -> Capital:
        _, text = create_token(user=link.account.owner, name="bot", scope="size", days=30)
        return Capital(f"{self.url}/api/v1", text)

    def order(self, link: Any, symbol: str, side: str = "buy", **how: Any) -> Any:
        capital = self.client(link)
        return ccxt_order.order(capital, self.bot, link.pk, symbol, side, **how)

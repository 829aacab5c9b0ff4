"""TradingView's alerts: one becomes an order, once, on the account that is meant."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
import tradingview_order
from capital_client import Capital, Refused

from capital.models import Fill, Market
from capital.services.access import create_token
from capital.services.webhooks.secrets import rotate_secret
from tests.api.client import permit
from tests.factories import make_account, make_link, make_strategy
from tests.hooks import hook_path
from tests.recipes.worlds import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


RIGHTS = ("report_position", "report_trading", "allocate_capital")


class Desk(World):
    """A strategy with a webhook on two accounts, of which the bot trades one."""

    def __init__(self, exchange: Any, url: str, done: Path) -> None:
        super().__init__("binance", exchange, url)
        mine = make_account(name="Mine")
        other = make_account(name="Other", owner=mine.owner)
        permit(mine.owner, *(f"capital.{each}" for each in RIGHTS))
        strategy = make_strategy(key="trend", market_type="futures", owner=mine.owner)
        for account in (mine, other):
            make_link(account=account, strategy=strategy, market_type="futures", capital="20000")
        _, text = create_token(user=mine.owner, name="bot", scope="size", days=30)
        self.capital, self.done = Capital(f"{url}/api/v1", text), done
        self.secret, self.hook = rotate_secret(strategy), url + hook_path("trend")

    def alert(self, alert_id: str, **fields: Any) -> bytes:
        """As TradingView fills in the text of the webhook's page, as text/plain."""
        body = {"token": self.secret, "id": alert_id, "symbol": "BTCUSDT.P", **fields}
        return json.dumps(body).encode()

    def trade(self, body: bytes) -> Any:
        return tradingview_order.trade(self.capital, self.bot, "Mine", self.hook, body, self.done)


@pytest.fixture
def desk(exchange: Any, live_server: Any, tmp_path: Path, settings: Any) -> Desk:
    desk = Desk(exchange, live_server.url, tmp_path / "done")
    assert Market.objects.filter(venue="binance", symbol="BTC/USDT:USDT").exists()
    settings.CAPITAL_LIVE_BALANCES = False
    return desk


def test_an_alert_becomes_an_order_once(desk: Desk) -> None:
    body = desk.alert("1", action="buy", qty_per="50", price="61234.5")

    (order,) = desk.trade(body)
    again = desk.trade(body)

    assert (order["symbol"], order["side"], order["status"]) == ("BTC/USDT:USDT", "buy", "closed")
    assert again == []
    assert len(desk.exchange.server.orders) == 1
    fill = Fill.objects.get()
    assert (fill.strategy_account.account.name, fill.order_id) == ("Mine", order["id"])


def test_an_alert_that_capital_refuses_orders_nothing(desk: Desk) -> None:
    with pytest.raises(Refused, match="qty_percent"):
        desk.trade(desk.alert("2", action="buy", qty_percent="50"))

    assert desk.exchange.server.orders == []
    assert not desk.done.exists()


def test_only_the_secret_path_takes_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    servers, came, arrived = [], [], threading.Event()
    make = tradingview_order.ThreadingHTTPServer

    def kept(*args: Any) -> Any:
        servers.append(make(*args))
        arrived.set()
        return servers[0]

    monkeypatch.setattr(tradingview_order, "ThreadingHTTPServer", kept)
    taken = threading.Event()

    def answer(body: bytes) -> None:
        came.append(body)
        taken.set()

    thread = threading.Thread(
        target=tradingview_order.serve, args=(0, "/secret", answer), daemon=True
    )
    thread.start()
    arrived.wait(10)
    url = f"http://127.0.0.1:{servers[0].server_port}"
    try:
        assert requests.post(f"{url}/other", data=b"x", timeout=5).status_code == 404
        assert requests.post(f"{url}/secret", data=b"", timeout=5).status_code == 404
        assert requests.post(f"{url}/secret", data=b"alert", timeout=5).status_code == 200
        assert taken.wait(10)
    finally:
        servers[0].shutdown()
        servers[0].server_close()
        thread.join()

    assert came == [b"alert"]

"""The client for bots against the running server."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from capital_client import Capital, Conflict, NotAllowed, NotFound, Refused, Unavailable, new_key

from capital.models import Fill, Position, Reservation
from capital.services.access import create_token
from tests.api.client import permit
from tests.factories import make_account, make_link, make_market, make_strategy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

D = Decimal
ORDER = {"qty_per": D(50), "price": "60000", "order_type": "LIMIT"}


@pytest.fixture
def link() -> Any:
    account = make_account(name="Main 1/2")
    permit(account.owner, "capital.report_position", "capital.report_trading")
    make_market("BTC/USDT:USDT", amount_precision=D("0.001"))
    strategy = make_strategy(key="trend", market_type="futures", owner=account.owner)
    return make_link(account=account, strategy=strategy, market_type="futures", capital="3000")


def client_of(link: Any, url: str, scope: str = "size") -> Capital:
    _, text = create_token(user=link.account.owner, name="bot", scope=scope, days=30)
    return Capital(f"{url}/api/v1", text, attempts=2, patience_seconds=10)


@pytest.fixture
def capital(link: Any, live_server: Any) -> Capital:
    return client_of(link, live_server.url)


def test_from_the_capital_to_the_fill(capital: Capital, link: Any) -> None:
    assert capital.allocated(link.pk) == capital.allocated(("trend", "Main 1/2")) == D(3000)

    held = capital.reserve(link.pk, "BTCUSDT.P", "buy", client_order_id="trend-1", **ORDER)
    size = held.size
    assert (size.symbol, size.amount, size.stake) == ("BTC/USDT:USDT", D("0.025"), D(1530))
    assert size.is_order
    capital.placed(held.id, "81250340")
    fill = {
        "symbol": size.symbol, "side": "buy", "quantity": size.quantity, "price": "59990.5",
        "fees": [{"amount": D("0.6"), "currency": "USDT"}], "executed_at": datetime.now(UTC),
        "venue_fill_id": "5119206", "order_id": "81250340", "client_order_id": "trend-1",
    }  # fmt: skip
    (first,) = capital.report_fills(link.pk, [fill])
    (again,) = capital.report_fills(("trend", "Main 1/2"), [fill])

    assert (first.code, again.code, first.id) == ("recorded", "known", again.id)
    assert Fill.objects.get().price == D("59990.5")
    assert Reservation.objects.get().state == "used"
    (position,) = capital.rows("positions", strategy_account=link.pk)
    assert (position.quantity, position.entry_price) == (D("0.025"), D("59990.5"))


def test_a_reservation_is_made_once_and_released(capital: Capital, link: Any) -> None:
    key = new_key()
    first = capital.reserve(link.pk, "BTC/USDT:USDT", "buy", key=key, **ORDER)
    again = capital.reserve(link.pk, "BTC/USDT:USDT", "buy", key=key, **ORDER)
    assert (again.id, Reservation.objects.count()) == (first.id, 1)
    with pytest.raises(Conflict) as caught:
        capital.reserve(link.pk, "BTC/USDT:USDT", "sell", key=key, **ORDER)
    assert caught.value.code == "idempotency_conflict"

    capital.release(first.id)
    capital.release(first.id)

    assert Reservation.objects.get().state == "released"


def test_positions_are_those_that_were_reported(capital: Capital, link: Any) -> None:
    capital.report_position(link.pk, "BTC/USDT:USDT", D("-0.5"), entry_price=D("60000"))
    assert Position.objects.get().quantity == D("-0.5")

    capital.report_positions(link.pk, [])

    assert not Position.objects.exclude(quantity=0).exists()


def test_lists_are_read_to_their_end(capital: Capital, link: Any) -> None:
    for symbol in ("ETH/USDT:USDT", "SOL/USDT:USDT"):
        make_market(symbol)
    symbols = [row.symbol for row in capital.rows("markets", page_size=1, ordering="symbol")]

    assert symbols == ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]


def test_refusals_are_exceptions(capital: Capital, link: Any, live_server: Any) -> None:
    with pytest.raises(Refused) as caught:
        capital.size(link.pk, "BTC/USDT:USDT", "buy", qty_percent="50")
    assert caught.value.errors[0]["field"] == "qty_percent"
    with pytest.raises(Refused) as caught:
        capital.size(link.pk, "DOGE/USDT:USDT", "buy", **ORDER)
    assert (caught.value.status, caught.value.code) == (422, "unknown_symbol")
    with pytest.raises(NotFound):
        capital.size(link.pk + 1, "BTC/USDT:USDT", "buy", **ORDER)
    with pytest.raises(NotFound):
        capital.allocated(("trend", "Other"))
    with pytest.raises(NotAllowed) as caught:
        client_of(link, live_server.url, "read").size(link.pk, "BTC/USDT:USDT", "buy", **ORDER)
    assert caught.value.status == 403
    with pytest.raises(NotAllowed) as caught:
        Capital(f"{live_server.url}/api/v1", "cap_wrong").size(1, "BTC/USDT:USDT", "buy", **ORDER)
    assert caught.value.status == 401


def test_a_server_that_is_not_there_is_told_from_a_refusal(link: Any) -> None:
    with pytest.raises(Unavailable) as caught:
        client_of(link, "http://127.0.0.1:9").size(link.pk, "BTC/USDT:USDT", "buy", **ORDER)

    assert (caught.value.status, caught.value.code) == (0, "no_answer")

"""``import_fills``: what was read, what cannot be booked, and what could not be read."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management.base import CommandError
from django.test import override_settings

from capital.models import Account, Fill
from tests.commands.running import run
from tests.exchange.readings.plain_server import PlainServer
from tests.factories import make_account, make_market

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("seoul", "hurried"),
]

# The exchange tells of the last 90 days: three days ago at 09:00 in Seoul.
DAY = (datetime.now(UTC) - timedelta(days=3)).date()
MORNING = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
FILLS = "/api/v5/trade/fills-history"


@pytest.fixture
def account() -> Account:
    make_market("ETH/USDT", venue="okx", market_id="ETH-USDT")
    return make_account(
        name="Main", venue="okx", api_key="key", api_secret="s", api_passphrase="p"
    )  # fmt: skip


def fill(instrument: str) -> dict[str, str]:
    return {
        "instType": "SPOT",
        "instId": instrument,
        "side": "buy",
        "fillSz": "2",
        "fillPx": "100",
        "fee": "-0.002",
        "feeCcy": "ETH",
        "ordId": "1",
        "tradeId": "2",
        "ts": str(int(MORNING.timestamp() * 1000)),
    }


def imported(*rows: dict[str, str], since: str = "") -> str:
    body = {"code": "0", "msg": "", "data": list(rows)}
    with (
        PlainServer({FILLS: body}) as server,
        override_settings(CAPITAL_VENUE_URLS={"okx": server.base_url}),
    ):
        until = f"{DAY}T12:00"
        arguments = ("--account", "Main", "--since", since or str(DAY), "--until", until)
        return run("import_fills", *arguments)[1]


def test_it_counts_what_it_read_and_names_what_it_could_not_book(account: Account) -> None:
    out = imported(fill("ETH-USDT"), fill("ETH-XXX"))

    assert "New fills" in out
    assert "Of nobody" in out
    assert "Not booked: ETH-XXX 2 (an unknown instrument)" in out
    assert Fill.objects.get().account == account


def test_times_are_those_of_the_projects_time_zone(account: Account) -> None:
    imported(fill("ETH-USDT"), since=f"{DAY}T09:01")
    assert not Fill.objects.exists()

    imported(fill("ETH-USDT"), since=f"{DAY}T00:00+00:00")
    assert Fill.objects.filter(account=account).count() == 1


def test_what_is_older_than_the_exchange_tells_is_named(account: Account) -> None:
    out = imported(since="2020-03-10")

    assert "GET /api/v5/trade/fills-history of SPOT is told from" in " ".join(out.split())


def test_not_all_was_read(account: Account) -> None:
    with (
        PlainServer({}) as server,
        override_settings(CAPITAL_VENUE_URLS={account.venue: server.base_url}),
        pytest.raises(CommandError) as failed,
    ):
        run("import_fills", "--account", "Main", "--since", str(DAY))

    assert failed.value.returncode == 1
    assert "GET /api/v5/trade/fills-history of SWAP: " in str(failed.value)
    assert "Not all was read. Run it again." in str(failed.value)


@pytest.mark.parametrize("text", ["yesterday", "0001-01-01", "9999-12-31T23:00-10:00"])
def test_a_time_that_is_none_is_refused(account: Account, text: str) -> None:
    with pytest.raises(CommandError) as refused:
        run("import_fills", "--account", account.name, "--since", text)

    assert f"“{text}” is not a time" in str(refused.value)

"""Stops over the API: what is placed, listed and lifted, and what the next order is answered."""

from typing import Any

import pytest

from capital.models import Stop, StrategyAccount
from tests.api.client import Bot, permit
from tests.factories import make_account, make_link, make_market

pytestmark = pytest.mark.django_db

ORDER = {"symbol": "BTC/USDT", "side": "buy", "qty_per": "10", "price": "100"}


@pytest.fixture
def link() -> StrategyAccount:
    make_market()
    return make_link(capital="1000")


@pytest.fixture
def bot(link: StrategyAccount) -> Bot:
    permit(link.account.owner, "capital.stop_entries", "capital.lift_stop")
    return Bot(link.account.owner)


def test_stopped_account_answers_stopped_until_it_is_lifted(
    bot: Bot, link: StrategyAccount
) -> None:
    size = f"strategy-accounts/{link.pk}/size/"
    placed = bot.post(f"accounts/{link.account_id}/stop/", {"reason": "Outage"})
    refused = bot.post(size, ORDER)
    again = bot.post(f"accounts/{link.account_id}/stop/", {"reason": "Another"})

    assert (placed.status_code, again.status_code) == (201, 200)
    assert again.json() == placed.json()
    told = placed.json()
    assert {name: told[name] for name in ("scope", "account", "reason", "code", "actor")} == {
        "scope": "account",
        "account": link.account_id,
        "reason": "Outage",
        "code": "",
        "actor": link.account.owner.username,
    }
    assert (refused.status_code, refused.json()["code"]) == (422, "stopped")
    assert "Outage" in refused.json()["detail"]

    lifted = bot.post(f"stops/{told['id']}/lift/", {"reason": "Over"})

    assert (lifted.status_code, lifted.json()["lifted_reason"]) == (200, "Over")
    assert bot.post(size, ORDER).json()["code"] == "sized"


def test_link_and_owner_are_stopped_alike(bot: Bot, link: StrategyAccount) -> None:
    of_link = bot.post(f"strategy-accounts/{link.pk}/stop/", {"reason": "Mine"}).json()
    username = link.account.owner.username
    of_owner = bot.post("stop/", {"owner": username, "reason": "All mine"}).json()

    assert (of_link["scope"], of_link["strategy_account"], of_link["account"]) == (
        "link",
        link.pk,
        link.account_id,
    )
    assert (of_owner["scope"], of_owner["owner"], of_owner["account"]) == ("owner", username, None)


def ids(answer: Any) -> list[int]:
    return [row["id"] for row in answer.json()["results"]]


def test_stops_are_listed_by_account_and_by_whether_they_are_in_force(
    bot: Bot, link: StrategyAccount
) -> None:
    other = make_account(owner=link.account.owner)
    everybody = Stop.objects.create(everybody=True, reason="All")
    mine = Stop.objects.create(strategy_account=link, reason="Mine")
    theirs = Stop.objects.create(account=other, reason="Theirs")
    mine.lift(by_id=None, at=mine.at, reason="Over", figures={})

    assert ids(bot.get("stops/")) == [theirs.pk, mine.pk, everybody.pk]
    assert ids(bot.get(f"stops/?account={link.account_id}")) == [mine.pk, everybody.pk]
    assert ids(bot.get("stops/?is_open=false")) == [mine.pk]
    assert ids(bot.get(f"stops/?is_open=true&account={other.pk}")) == [
        theirs.pk,
        everybody.pk,
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"reason": "Why"}, 400, "stop_scope_unclear"),
        ({"owner": "nobody", "reason": "Why"}, 404, "not_found"),
        ({"everybody": True, "reason": "Why"}, 403, "not_permitted"),
        ({"everybody": True}, 400, "invalid"),
        ({"everybody": True, "reason": " "}, 400, "invalid"),
    ],
)
def test_what_cannot_be_stopped_is_refused(
    bot: Bot, body: dict[str, Any], status: int, code: str
) -> None:
    answer = bot.post("stop/", body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Stop.objects.exists()


def test_token_of_one_account_lifts_no_stop_of_all(bot: Bot, link: StrategyAccount) -> None:
    of_account = Stop.objects.create(account=link.account, reason="Mine")
    of_owner = Stop.objects.create(owner=link.account.owner, reason="All")
    limited = Bot(link.account.owner, account=link.account)

    refused = limited.post(f"stops/{of_owner.pk}/lift/", {"reason": "Over"})
    lifted = limited.post(f"stops/{of_account.pk}/lift/", {"reason": "Over"})

    assert (refused.status_code, refused.json()["code"]) == (403, "token_of_one_account")
    assert lifted.status_code == 200

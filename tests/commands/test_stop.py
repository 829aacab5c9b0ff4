"""``manage.py stop`` and ``lift_stop``: their words, their JSON, their exit codes."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from capital.models import Stop, StrategyAccount
from tests.factories import make_account, make_link, make_strategy, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def link() -> StrategyAccount:
    account = make_account(name="Main", owner=make_user(username="minsu"))
    return make_link(account=account, strategy=make_strategy(key="trend", owner=account.owner))


def call(name: str, *arguments: str) -> str:
    stdout = StringIO()
    call_command(name, *arguments, stdout=stdout)
    return stdout.getvalue()


SCOPES = {
    "account": ("--account", "Main"),
    "link": ("--account", "Main", "--strategy", "trend"),
    "owner": ("--owner", "minsu"),
    "everybody": ("--everybody",),
}


@pytest.mark.parametrize("scope", SCOPES)
def test_stop_is_placed_and_lifted_by_the_same_flags(link: StrategyAccount, scope: str) -> None:
    (placed,) = json.loads(call("stop", *SCOPES[scope], "--reason", "Outage", "--json"))["stops"]
    stop = Stop.objects.get()

    assert placed == {
        "id": stop.pk,
        "scope": scope,
        "account": link.account_id if scope == "account" else None,
        "strategy_account": link.pk if scope == "link" else None,
        "owner": "minsu" if scope == "owner" else None,
        "by": None,
        "code": "",
        "reason": "Outage",
        "at": placed["at"],
        "lifted_at": None,
        "lifted_reason": "",
    }
    (lifted,) = json.loads(call("lift_stop", *SCOPES[scope], "--reason", "Over", "--json"))["stops"]
    assert (lifted["id"], lifted["lifted_reason"]) == (stop.pk, "Over")
    assert lifted["lifted_at"] is not None


def test_people_read_what_was_done(link: StrategyAccount) -> None:
    assert call("stop", "--list") == "Nothing is stopped.\n"
    placed = call("stop", "--account", "Main", "--reason", "Outage")
    assert "account Main (binance USDT)" in placed
    assert placed.endswith("New entries are stopped.\n")
    again = call("stop", "--account", "Main", "--reason", "Another")
    assert "Outage" in again
    assert again.endswith("This is already stopped.\n")
    assert "Outage" in call("stop", "--list")
    lifted = call("lift_stop", str(Stop.objects.get().pk), "--reason", "Over")
    assert lifted.endswith("The stop was lifted.\n")
    assert call("lift_stop", "--account", "Main", "--reason", "Over") == "Nothing is stopped.\n"


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("stop", ("--reason", "Why"), "Name exactly one of"),
        ("stop", ("--strategy", "trend", "--reason", "Why"), "Name exactly one of"),
        ("stop", ("--account", "Main", "--everybody", "--reason", "Why"), "Name exactly one of"),
        ("stop", ("--owner", "minsu", "--strategy", "x", "--reason", "Why"), "Name exactly one of"),
        ("stop", ("--everybody",), "Give a reason"),
        ("stop", ("--account", "Nowhere", "--reason", "Why"), "Nowhere"),
        ("stop", ("--owner", "nobody", "--reason", "Why"), "does not exist"),
        ("lift_stop", ("--everybody",), "Give a reason"),
        ("lift_stop", ("7", "--reason", "Why"), "does not exist"),
        ("lift_stop", ("7", "--everybody", "--reason", "Why"), "Name exactly one of"),
    ],
)
def test_bad_input_exits_with_2(
    link: StrategyAccount, name: str, arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises(CommandError, match=f"(?i){says}") as refused:
        call(name, *arguments)

    assert refused.value.returncode == 2
    assert not Stop.objects.exists()

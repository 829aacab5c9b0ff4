"""From where a webhook is called, and how late a signal may come."""

import pytest

from capital.domain.errors import AddressNotAllowed, InvalidWebhook, NotPermitted, StrategyOfAnother
from capital.domain.reasons import Code, Reason
from capital.models import SettingChange, WebhookSecret
from capital.services.webhooks.secrets import (
    MOST_NETWORKS,
    change_webhook,
    check_network,
    read_networks,
    remove_secret,
    rotate_secret,
)
from tests.admin.tenants import allow
from tests.factories import make_strategy, make_user, trust

pytestmark = pytest.mark.django_db


def test_settings_are_of_one_webhook_are_recorded_and_stay_with_a_new_secret() -> None:
    strategy, other = make_strategy(), make_strategy()
    rotate_secret(strategy)
    rotate_secret(other)

    assert change_webhook(strategy, networks=[" 52.32.178.7 ", "", "10.1.2.3/8"], max_lag_seconds=9)
    rotate_secret(strategy)

    row, untouched = (WebhookSecret.objects.get(strategy=each) for each in (strategy, other))
    assert (row.networks, row.max_lag_seconds) == (["52.32.178.7/32", "10.0.0.0/8"], 9)
    assert (untouched.networks, untouched.max_lag_seconds) == ([], 120)
    (change,) = [each for each in SettingChange.objects.all() if "networks" in each.values]
    assert change.values["max_lag_seconds"] == {"old": 120, "new": 9}


def test_records_say_whose_webhook_who_changed_it_and_from_where() -> None:
    strategy, actor = make_strategy(), trust(make_user())
    by = {"actor": actor, "origin": "203.0.113.7"}

    rotate_secret(strategy, **by)
    rotate_secret(strategy, **by)
    change_webhook(strategy, networks=["::1"], max_lag_seconds=120, **by)
    assert WebhookSecret.objects.get().created_by == actor
    remove_secret(strategy, **by)
    rotate_secret(strategy)
    change_webhook(strategy, networks=["::1"], max_lag_seconds=120)
    remove_secret(strategy)

    columns = ("row", "account", "strategy", "name", "actor", "origin")
    records = SettingChange.objects.order_by("pk")
    whose = ("webhook", None, strategy.pk, str(strategy))
    assert list(records.values_list(*columns)) == [
        *[(*whose, actor.pk, "203.0.113.7")] * 4,
        *[(*whose, None, "")] * 3,
    ]
    assert list(records.values_list("verb", "values")) == [
        ("created", {"secret": {"old": "not set", "new": "set"}}),
        ("changed", {"secret": {"old": "set", "new": "changed"}}),
        ("changed", {"networks": {"old": "", "new": "::1/128"}}),
        ("removed", {"secret": {"old": "set", "new": "not set"}}),
        ("created", {"secret": {"old": "not set", "new": "set"}}),
        ("changed", {"networks": {"old": "", "new": "::1/128"}}),
        ("removed", {"secret": {"old": "set", "new": "not set"}}),
    ]


def test_a_webhook_that_is_off_has_nothing_to_set() -> None:
    rotate_secret(make_strategy())

    assert not change_webhook(make_strategy(), networks=[], max_lag_seconds=9)


@pytest.mark.parametrize("seconds", [1, 86_400])
def test_the_shortest_and_the_longest_delay_may_be_set(seconds: int) -> None:
    strategy = make_strategy()
    rotate_secret(strategy)
    most = [f"10.0.0.{number}" for number in range(MOST_NETWORKS)]

    # The same one twice is one.
    assert change_webhook(strategy, networks=[*most, "10.0.0.0/32"], max_lag_seconds=seconds)

    row = WebhookSecret.objects.get()
    assert (len(row.networks), row.max_lag_seconds) == (MOST_NETWORKS, seconds)


def test_only_who_may_change_the_strategy_sets_its_webhook() -> None:
    owner = allow(make_user(), "strategies.change_strategy")
    strategy, others = make_strategy(owner=owner), make_strategy()

    for ask in (
        rotate_secret,
        lambda strategy, actor: change_webhook(
            strategy, networks=[], max_lag_seconds=9, actor=actor
        ),
        remove_secret,
    ):
        with pytest.raises(NotPermitted):
            ask(others, actor=allow(others.owner, "strategies.view_strategy"))
        with pytest.raises(StrategyOfAnother):
            ask(others, actor=owner)
        assert ask(strategy, actor=owner)


@pytest.mark.parametrize(
    ("fields", "field", "code", "figures"),
    [
        (
            {"networks": ["10.0.0.0/8", "tradingview.com"]},
            "networks",
            Code.NETWORK_UNREADABLE,
            {"network": "'tradingview.com'"},
        ),
        (
            {"networks": ["x" * 100]},
            "networks",
            Code.NETWORK_UNREADABLE,
            {"network": "'" + "x" * 59},
        ),
        (
            {"networks": [f"10.0.0.{n}" for n in range(MOST_NETWORKS + 1)]},
            "networks",
            Code.TOO_MANY_NETWORKS,
            {"most": "50"},
        ),
        ({"max_lag_seconds": 0}, "max_lag_seconds", Code.LAG_OUT_OF_RANGE, {"most": "86400"}),
        ({"max_lag_seconds": 86_401}, "max_lag_seconds", Code.LAG_OUT_OF_RANGE, {"most": "86400"}),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_changed(fields, field, code, figures) -> None:
    strategy = make_strategy()
    rotate_secret(strategy)

    with pytest.raises(InvalidWebhook) as refused:
        change_webhook(strategy, **{"networks": [], "max_lag_seconds": 60, **fields})

    assert (refused.value.field, refused.value.reason) == (field, Reason(code, figures))
    assert WebhookSecret.objects.get().max_lag_seconds == 120


def test_an_address_is_in_one_of_the_networks_or_refused() -> None:
    secret = WebhookSecret(networks=read_networks(["52.32.178.7", "2001:db8::/32"]))

    for address in ("52.32.178.7", "2001:db8::1"):
        check_network(secret, address)
    for address, said in (
        ("52.32.178.8", "52.32.178.8"),
        ("::1", "::1"),
        ("", "''"),
        ("unix:", "'unix:'"),
        ("x" * 100, "'" + "x" * 59),
    ):
        with pytest.raises(AddressNotAllowed) as refused:
            check_network(secret, address)
        assert refused.value.reason.figures == {"address": said}
    check_network(WebhookSecret(), "")

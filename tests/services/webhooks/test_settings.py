"""From where a webhook is called, and how late a signal may come."""

import pytest

from capital.domain.errors import AddressNotAllowed, InvalidWebhook, NotPermitted
from capital.domain.reasons import Code
from capital.models import SettingChange, WebhookSecret
from capital.services.webhooks.secrets import (
    MOST_NETWORKS,
    change_webhook,
    check_network,
    read_networks,
    rotate_secret,
)
from tests.factories import make_strategy, make_user

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


def test_a_webhook_that_is_off_has_nothing_to_set() -> None:
    assert not change_webhook(make_strategy(), networks=[], max_lag_seconds=9)


def test_only_who_may_change_the_strategy_sets_its_webhook() -> None:
    with pytest.raises(NotPermitted):
        change_webhook(make_strategy(), networks=[], max_lag_seconds=9, actor=make_user())


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"networks": ["tradingview.com"]}, "networks", Code.NETWORK_UNREADABLE),
        ({"networks": ["10.0.0.0/33"]}, "networks", Code.NETWORK_UNREADABLE),
        (
            {"networks": [f"10.0.0.{n}" for n in range(MOST_NETWORKS + 1)]},
            "networks",
            Code.TOO_MANY_NETWORKS,
        ),
        ({"max_lag_seconds": 0}, "max_lag_seconds", Code.LAG_OUT_OF_RANGE),
        ({"max_lag_seconds": 86_401}, "max_lag_seconds", Code.LAG_OUT_OF_RANGE),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_changed(fields, field, code) -> None:
    strategy = make_strategy()
    rotate_secret(strategy)

    with pytest.raises(InvalidWebhook) as refused:
        change_webhook(strategy, **{"networks": [], "max_lag_seconds": 60, **fields})

    assert (refused.value.field, refused.value.code) == (field, code)
    assert WebhookSecret.objects.get().max_lag_seconds == 120


def test_an_address_is_in_one_of_the_networks_or_refused() -> None:
    secret = WebhookSecret(networks=read_networks(["52.32.178.7", "2001:db8::/32"]))

    for address in ("52.32.178.7", "2001:db8::1"):
        check_network(secret, address)
    for address in ("52.32.178.8", "::1", "", "unix:"):
        with pytest.raises(AddressNotAllowed):
            check_network(secret, address)
    check_network(WebhookSecret(), "")

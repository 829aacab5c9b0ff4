"""What needs somebody, on the page of the account that it is of."""

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.domain.reasons import Code, Reason
from capital.models import AlertKind
from capital.services.alerts.troubles import About, Seen, note
from capital.services.limits import Scope, place_stop
from tests.factories import make_account, make_link, make_link_day, make_user


@pytest.mark.django_db
def test_it_stands_once_on_the_page_of_its_account_and_not_on_another_ones(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    account, other = make_account(), make_account()
    place_stop(Scope(account_id=account.pk), reason="An outage", actor=None)
    for each in (account, other):
        make_link_day(make_link(account=each, market_type="futures"))

    def page(pk: int) -> str:
        return client.get(
            reverse("admin:capital_account_change", args=[pk]), headers={"accept-language": "en"}
        ).content.decode()

    assert page(account.pk).count("What needs you") == 1
    assert "What needs you" not in page(other.pk)


@pytest.mark.django_db
def test_many_lines_of_one_kind_are_folded_and_hide_none_of_another(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    for number in range(11):
        account = make_account(name=f"Desk {number}")
        place_stop(Scope(account_id=account.pk), reason="An outage", actor=None)
    about = About(account_id=make_account(name="Odd one", connection_code="credentials_missing").pk)
    reason = Reason(Code.CREDENTIALS_MISSING, {"missing": "api_key"})
    with transaction.atomic():
        note([Seen(kind=AlertKind.KEY_REFUSED, about=about, reason=reason)], now=timezone.now())

    text = client.get(reverse("admin:index"), headers={"accept-language": "en"}).content.decode()

    shown, rest = text.split("<details>", 1)
    folded, _ = rest.split("</details>", 1)
    # The key first: it is more urgent.
    line = '<li class="desk-list-item">'
    assert (shown.count(line), folded.count(line)) == (5, 7)
    assert "<summary>Stop of entries: 7 more</summary>" in folded
    assert "Odd one" in shown

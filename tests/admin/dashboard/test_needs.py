"""What needs somebody, on the page of the account that it is of."""

import pytest
from django.test import Client
from django.urls import reverse

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
def test_what_is_more_than_a_window_of_lines_is_folded_away_and_counted(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    for number in range(11):
        account = make_account(name=f"Desk {number}")
        place_stop(Scope(account_id=account.pk), reason="An outage", actor=None)

    text = client.get(reverse("admin:index"), headers={"accept-language": "en"}).content.decode()

    shown, folded = text.split('<details class="needs-rest">')
    assert shown.count('<li class="desk-list-item">') == 8
    assert "<summary>3 more</summary>" in folded
    assert folded.split("</details>")[0].count('<li class="desk-list-item">') == 3

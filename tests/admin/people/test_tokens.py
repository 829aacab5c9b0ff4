"""Tokens in the admin: made for oneself, shown once, revoked, and nobody else's business."""

import re
from typing import Any

import pytest
from django.test import Client

from capital.models import ApiToken
from capital.services.access.tokens import create_token, find_token
from tests.api.client import permit
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db

PAGE = "/admin/capital/apitoken/"


@pytest.fixture
def person(client: Client) -> Any:
    user = permit(make_user(is_staff=True), "capital.add_apitoken")
    client.force_login(user)
    return user


def test_token_is_made_shown_once_and_revoked(client: Client, person: Any) -> None:
    account = make_account(owner=person)
    answer = client.post(
        f"{PAGE}add/", {"name": "my bot", "scope": "size", "account": account.pk, "days": "30"}
    )

    found = re.findall(r"cap_[0-9a-f]{64}", answer.content.decode())
    assert len(found) == 1, answer.content
    assert "no-store" in answer["Cache-Control"]
    token = find_token(found[0])
    assert (token.user, token.name, token.scope, token.account) == (
        person,
        "my bot",
        "size",
        account,
    )
    for path in (PAGE, f"{PAGE}{token.pk}/change/"):
        page = client.get(path).content.decode()
        assert token.token_key in page
        assert found[0] not in page
    client.post(PAGE, {"action": "revoke", "_selected_action": [token.pk]})

    assert ApiToken.objects.get().revoked_at is not None


def test_another_users_token_and_account_are_not_there(client: Client, person: Any) -> None:
    theirs, _ = create_token(user=make_user(), name="theirs", scope="read")
    account = make_account()

    assert theirs.token_key not in client.get(PAGE).content.decode()
    client.post(PAGE, {"action": "revoke", "_selected_action": [theirs.pk]})
    client.post(f"{PAGE}add/", {"name": "a", "scope": "read", "account": account.pk, "days": "1"})

    assert ApiToken.objects.get().revoked_at is None


def test_who_may_not_make_tokens_does_not_see_the_page(client: Client) -> None:
    client.force_login(make_user(is_staff=True))

    assert client.get(PAGE).status_code == 403

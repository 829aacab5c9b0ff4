"""What needs somebody, over the API: the dashboard's list."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import transaction

from capital.domain.reasons import Code, Reason
from capital.models import AlertKind
from capital.services.alerts.troubles import About, Seen, note
from tests.api.client import Bot
from tests.factories import make_account, make_link, make_strategy, make_summary

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def test_list_is_the_dashboards_and_of_what_the_caller_sees() -> None:
    account = make_account(name="Main", connection_code="exchange_refused_key")
    theirs = make_account(connection_code="exchange_refused_key")
    figures = {"venue": "binance", "kind": "AuthenticationError"}
    reason = Reason(Code.EXCHANGE_REFUSED_KEY, figures)
    with transaction.atomic():
        for row in (account, theirs):
            about = About(account_id=row.pk)
            note([Seen(kind=AlertKind.KEY_REFUSED, about=about, reason=reason)], now=NOON)
    idle = make_account(owner=account.owner, name="Idle", last_check_code="nothing_to_allocate")
    make_summary(account=idle, spot_balance=Decimal(9), futures_balance=Decimal(9))
    make_link(account=idle, strategy=make_strategy(owner=account.owner, status="PAUSED"))

    answer = Bot(account.owner).get("needs/")

    assert answer.status_code == 200
    refused, money = answer.json()["results"]
    assert refused.pop("reason").startswith("binance refused the API key")
    assert datetime.fromisoformat(refused.pop("since")) == NOON
    assert refused == {
        "kind": "key_refused",
        "subject": "Main",
        "account": account.pk,
        "strategy": None,
        "venue": "",
        "code": "exchange_refused_key",
        "more": 0,
    }
    assert (money["kind"], money["account"], money["since"]) == ("money_idle", idle.pk, None)
    of_one = Bot(account.owner, account=idle).get("needs/").json()["results"]
    assert [need["kind"] for need in of_one] == ["money_idle"]

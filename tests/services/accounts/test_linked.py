"""Why a link is idle: allocation and sizing give one answer."""

import pytest
from django.utils import timezone

from capital.domain.reasons import Code
from capital.models import Account
from capital.services.accounts.linked import load_linked_accounts
from capital.services.sizing.terms import load_terms
from tests.factories import make_account, make_link

pytestmark = pytest.mark.django_db


def answers(link) -> tuple[Code | None, Code | None]:
    """What allocation and what sizing say."""
    (linked,) = load_linked_accounts([link.account_id])[link.account_id].links
    return linked.idle, load_terms([link.pk], [], now=timezone.now()).links[link.pk].rules.idle


@pytest.mark.parametrize(
    ("venue", "idle"),
    [
        ("upbit", Code.MARKET_NOT_ON_VENUE),
        ("bitstamp", Code.MARKET_NOT_ON_VENUE),  # unproven, spot only
        ("phemex", None),  # unproven, with futures
        ("mtgox", None),  # no longer known: not judged
    ],
)
def test_a_futures_link_is_judged_alike_by_allocation_and_sizing(venue, idle):
    link = make_link(account=make_account(venue="binance"), market_type="futures")
    Account.objects.update(venue=venue)

    assert answers(link) == (idle, idle)


@pytest.mark.parametrize(
    ("fields", "idle"),
    [
        ({}, None),
        ({"is_active": False}, Code.LINK_INACTIVE),
        ({"status": "PAUSED"}, Code.STRATEGY_PAUSED),
        ({"status": "ARCHIVED"}, Code.STRATEGY_ARCHIVED),
        ({"status": "PAUSED", "is_active": False}, Code.LINK_INACTIVE),
    ],
)
def test_a_link_s_own_state_is_judged_alike(fields, idle):
    assert answers(make_link(**fields)) == (idle, idle)

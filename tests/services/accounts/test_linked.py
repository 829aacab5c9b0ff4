"""Why a link is idle: allocation and sizing give one answer; and which pools are read for that."""

import pytest
from django.utils import timezone

from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.models import Account
from capital.services.accounts.linked import load_accounts, load_linked_accounts, load_pools
from capital.services.sizing.loading import load_terms
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


def test_the_pools_that_are_read_are_those_of_active_links_on_active_accounts(
    django_assert_num_queries,
):
    both = make_account(name="both", venue="binance")
    for market in ("spot", "futures"):
        make_link(account=both, market_type=market)
    spot = make_account(name="spot", venue="binance")
    make_link(account=spot, market_type="spot")
    make_link(account=spot, market_type="futures", status="PAUSED")
    make_link(account=spot, market_type="futures", is_active=False)
    unified = make_link(account=make_account(name="one", venue="bybit")).account
    off = make_link(account=make_account(name="off")).account
    Account.objects.filter(pk=off.pk).update(is_active=False)
    none = make_account(name="none")
    accounts = load_accounts([each.pk for each in (both, spot, unified, off, none)])

    with django_assert_num_queries(1):
        found = load_pools(accounts)

    assert found == {
        both.pk: (Pool.SPOT, Pool.FUTURES),
        spot.pk: (Pool.SPOT,),
        unified.pk: (Pool.UNIFIED,),
        off.pk: (),
        none.pk: (),
    }
    linked = load_linked_accounts(list(accounts))
    assert found == {key: each.pools for key, each in linked.items()}

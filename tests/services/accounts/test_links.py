"""Links are found by their strategy and account, among those of others."""

import pytest
from django.core.exceptions import ValidationError

from capital.domain.errors import UnknownStrategy
from capital.models import Account
from capital.services.accounts.links import check_market, find_link_ids
from strategies.models import MarketType
from tests.factories import make_account, make_link, make_strategy

pytestmark = pytest.mark.django_db


def test_links_of_one_strategy_are_found_on_the_accounts_that_are_named() -> None:
    grid, trend = make_strategy(key="grid"), make_strategy(key="trend")
    main, side = make_account(name="Main"), make_account(name="Side")
    links = {
        (strategy.key, account.name): make_link(account=account, strategy=strategy).pk
        for strategy in (trend, grid)
        for account in (main, side)
    }

    assert find_link_ids("grid") == [links["grid", "Main"], links["grid", "Side"]]
    assert find_link_ids("grid", ["Side"]) == [links["grid", "Side"]]
    assert find_link_ids("trend", ["Main"]) == [links["trend", "Main"]]


def test_strategy_that_is_not_on_a_named_account_is_refused() -> None:
    make_link(strategy=make_strategy(key="grid"), account=make_account(name="Main"))
    make_link(strategy=make_strategy(key="trend"), account=make_account(name="Side"))

    for key, names in (("grid", ["Side"]), ("grid", ["Main", "Side"]), ("other", [])):
        with pytest.raises(UnknownStrategy):
            find_link_ids(key, names)


def test_market_is_compared_with_the_strategys_own_active_venues() -> None:
    strategy, other = make_strategy(), make_strategy()
    won = make_account(venue="upbit", currency="KRW")
    make_link(strategy=strategy)
    make_link(strategy=strategy, account=won, is_active=False)
    make_link(strategy=other, account=won)

    check_market(strategy.pk, MarketType.FUTURES)
    check_market(other.pk, MarketType.SPOT)
    with pytest.raises(ValidationError):
        check_market(other.pk, MarketType.FUTURES)


def test_strategy_keeps_its_market_whatever_became_of_the_venue() -> None:
    kept = make_link(market_type=MarketType.FUTURES)
    Account.objects.filter(pk=kept.account_id).update(venue="upbit")

    check_market(kept.strategy_id, MarketType.FUTURES)

    # Another strategy on the same venue would be refused that market.
    beside = make_link(account=Account.objects.get(pk=kept.account_id))
    with pytest.raises(ValidationError):
        check_market(beside.strategy_id, MarketType.FUTURES)

"""Links are found by their strategy and account, among those of others."""

import pytest
from django.core.exceptions import ValidationError

from capital.domain.errors import AmbiguousAccount, NotFound, UnknownStrategy
from capital.models import Account, StrategyAccount
from capital.services.accounts.links import check_market, find_link_ids, find_named_link
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


def test_a_named_link_is_that_of_both_names() -> None:
    grid, trend = make_strategy(key="grid"), make_strategy(key="trend")
    main, side = make_account(name="Main"), make_account(name="Side")
    links = {
        (strategy.key, account.name): make_link(account=account, strategy=strategy).pk
        for strategy in (trend, grid)
        for account in (main, side)
    }
    seen = StrategyAccount.objects.all()

    assert find_named_link(seen, key="grid", name="Side") == links["grid", "Side"]
    for key, name in (("grid", "side"), ("nobody", "Side")):
        with pytest.raises(NotFound):
            find_named_link(seen, key=key, name=name)
    with pytest.raises(NotFound):
        find_named_link(seen.filter(account=main), key="grid", name="Side")


def test_a_name_of_two_owners_is_not_guessed() -> None:
    strategy = make_strategy(key="grid")
    first, second = make_account(name="Main"), make_account(name="Main")
    StrategyAccount.objects.bulk_create(
        [StrategyAccount(account=account, strategy=strategy) for account in (second, first)]
    )

    with pytest.raises(AmbiguousAccount) as refused:
        find_named_link(StrategyAccount.objects.all(), key="grid", name="Main")

    candidates = refused.value.reason.figures["candidates"].split("; ")
    assert sorted(candidates) == sorted(f"{account.pk} = Main" for account in (first, second))

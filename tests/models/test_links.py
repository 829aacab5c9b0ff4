"""A link: what it refuses, and what it holds."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from capital.models import StrategyAccount
from strategies.models import MarketType
from tests.factories import make_account, make_link, make_strategy
from tests.models.refusals import errors_of, refused_by_database

pytestmark = pytest.mark.django_db


def test_a_futures_strategy_on_a_spot_only_venue_is_refused():
    account = make_account(venue="upbit", currency="KRW")
    strategy = make_strategy(market_type=MarketType.FUTURES)

    with pytest.raises(ValidationError, match="upbit does not offer futures trading"):
        StrategyAccount.objects.create(account=account, strategy=strategy)

    link = StrategyAccount(account=account, strategy=strategy)
    assert errors_of(link) == {"strategy": ["upbit does not offer futures trading."]}


def test_links_inserted_in_bulk_are_refused_alike(django_assert_num_queries):
    spot, futures = make_strategy(), make_strategy(market_type=MarketType.FUTURES)
    accounts = [make_account(venue="upbit", currency="KRW") for _ in range(3)]

    with pytest.raises(ValidationError, match="upbit does not offer futures trading"):
        StrategyAccount.objects.bulk_create(
            StrategyAccount(account_id=account.pk, strategy_id=futures.pk) for account in accounts
        )
    with django_assert_num_queries(3):  # strategies, accounts, insert
        StrategyAccount.objects.bulk_create(
            StrategyAccount(account_id=account.pk, strategy_id=spot.pk) for account in accounts
        )

    assert {link.strategy for link in StrategyAccount.objects.all()} == {spot}


def test_a_spot_strategy_on_a_spot_only_venue_is_kept():
    account = make_account(venue="upbit", currency="KRW")

    assert make_link(account=account, market_type=MarketType.SPOT).pk


def test_a_link_has_weight_1_leverage_1_and_no_limit_of_symbols():
    link = StrategyAccount.objects.get(pk=make_link().pk)

    assert (link.weight, link.leverage, link.max_symbols, link.is_active) == (1, 1, None, True)


def test_a_strategy_is_linked_to_an_account_once():
    link = make_link()

    with refused_by_database(
        "strategy_account_once",
        columns="capital_strategyaccount.strategy_id, capital_strategyaccount.account_id",
    ):
        StrategyAccount.objects.bulk_create(
            [StrategyAccount(account=link.account, strategy=link.strategy)]
        )
    again = StrategyAccount(account=link.account, strategy=link.strategy)
    assert errors_of(again) == {"__all__": ["This strategy is already linked to this account."]}


@pytest.mark.parametrize(
    ("field", "value", "constraint"),
    [
        ("weight", Decimal(0), "strategy_account_weight_in_range"),
        ("weight", Decimal(-1), "strategy_account_weight_in_range"),
        ("weight", Decimal("100.00000001"), "strategy_account_weight_in_range"),
        ("leverage", Decimal("0.09999999"), "strategy_account_leverage_in_range"),
        ("leverage", Decimal(0), "strategy_account_leverage_in_range"),
        ("leverage", Decimal("125.00000001"), "strategy_account_leverage_in_range"),
        ("max_symbols", 0, "strategy_account_max_symbols_positive"),
    ],
)
def test_a_link_out_of_range_is_refused(field, value, constraint):
    link = make_link()
    other = make_strategy()

    with refused_by_database(constraint):
        StrategyAccount.objects.bulk_create(
            [StrategyAccount(account=link.account, strategy=other, **{field: value})]
        )
    with refused_by_database(constraint):
        StrategyAccount.objects.update(**{field: value})
    setattr(link, field, value)
    assert list(errors_of(link)) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weight", Decimal("0.00000001")),
        ("weight", Decimal(100)),
        ("leverage", Decimal("0.1")),
        ("leverage", Decimal(125)),
        ("max_symbols", 1),
        ("max_symbols", None),
    ],
)
def test_a_link_at_the_edge_of_its_range_is_kept(field, value):
    link = make_link(**{field: value})

    link.full_clean()
    assert getattr(StrategyAccount.objects.get(), field) == value


def test_what_a_link_points_at_cannot_be_deleted():
    link = make_link(capital=5000)

    for row in (link, link.account, link.strategy, link.account.owner):
        with pytest.raises(ProtectedError):
            row.delete()

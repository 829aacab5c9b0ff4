"""A strategy: the words and the key that it may have."""

import pytest

from strategies.models import Strategy
from tests.factories import make_strategy, make_user
from tests.models.refusals import errors_of, refused_by_database

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("field", "value", "constraint"),
    [
        ("market_type", "margin", "strategy_market_type_known"),
        ("market_type", "SPOT", "strategy_market_type_known"),
        ("status", "active", "strategy_status_known"),
        ("status", "", "strategy_status_known"),
        ("key", "", "strategy_key_given"),
        ("order_tag", "-grid", "strategy_order_tag_readable"),
        ("order_tag", "grid.1", "strategy_order_tag_readable"),
        ("order_tag", "그리드", "strategy_order_tag_readable"),
    ],
)
def test_a_strategy_out_of_its_words_is_refused(field, value, constraint):
    strategy = make_strategy()

    with refused_by_database(constraint):
        Strategy.objects.bulk_create(
            [
                Strategy(
                    **{
                        "owner": strategy.owner,
                        "name": "Other",
                        "key": "other",
                        "market_type": "spot",
                        field: value,
                    }
                )
            ]
        )
    with refused_by_database(constraint):
        Strategy.objects.update(**{field: value})
    setattr(strategy, field, value)
    assert field in errors_of(strategy)


def test_a_strategys_key_is_unique_for_all_owners():
    strategy = make_strategy(key="momentum")

    with refused_by_database("strategies_strategy_key", columns="strategies_strategy.key"):
        Strategy.objects.bulk_create(
            [Strategy(owner=make_user(), name="Other", key="momentum", market_type="spot")]
        )
    again = Strategy(owner=strategy.owner, name="Other", key="momentum", market_type="spot")
    assert errors_of(again) == {"key": ["This key is already taken. “momentum-2” is free."]}


def test_a_strategy_is_active_until_it_is_told_otherwise():
    assert make_strategy().status == "ACTIVE"


def test_a_strategys_tag_is_its_key_until_it_has_one():
    assert make_strategy(key="grid").tag == "grid"
    assert make_strategy(key="trend", order_tag="T1").tag == "T1"

"""A strategy with the three days of March that the rulings tell of."""

import pytest
from django.test import Client

from capital.models import StrategyAccount
from tests.factories import make_link, make_strategy, make_user
from tests.services.performance.builders import make_day, make_trade


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def link() -> StrategyAccount:
    """1,000 earns 50; 950 more comes in, the 2,000 lose 100; 1,900 earn 190."""
    strategy = make_strategy(name="Trend", key="trend", market_type="futures")
    link = make_link(strategy=strategy, capital="2090")
    make_day(link, 1, "1000", "50")
    make_day(link, 2, "1050", "-100", added="950")
    make_day(link, 3, "1900", "190", trades=1)
    make_trade(link, 3, "190")
    return link

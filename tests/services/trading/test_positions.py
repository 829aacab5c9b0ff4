"""Which accounts hold something."""

import logging
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from capital.models import Position
from capital.models.queries.isolation import repeatable_read
from capital.services.trading import positions
from capital.services.trading.positions import accounts_with_open_positions
from tests.factories import make_link


@pytest.mark.django_db(transaction=True)
def test_open_positions_can_be_read_as_of_one_moment(caplog: Any) -> None:
    link = make_link()
    Position.objects.create(strategy_account=link, symbol="BTC/USDT", quantity=Decimal(1))
    closed = make_link()
    Position.objects.create(strategy_account=closed, symbol="BTC/USDT", quantity=Decimal(0))

    with caplog.at_level(logging.ERROR), repeatable_read():
        found = accounts_with_open_positions([link.account_id, closed.account_id])

    assert found == {link.account_id}
    assert caplog.records == []


@pytest.mark.django_db
def test_what_cannot_be_read_counts_as_open_and_leaves_the_transaction_usable(
    monkeypatch: Any,
) -> None:
    link = make_link()

    class Broken:
        @property
        def objects(self) -> Any:
            with connection.cursor() as cursor:
                cursor.execute("SELECT * FROM no_such_table")
            raise AssertionError

    monkeypatch.setattr(positions, "Position", Broken())

    assert connection.in_atomic_block
    assert accounts_with_open_positions([link.account_id]) == {link.account_id}
    assert make_link().pk

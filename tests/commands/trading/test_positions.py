"""``positions``: what is held, and what of it no strategy holds."""

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from capital.models import VenuePosition
from tests.factories import make_account, make_venue_position

pytestmark = pytest.mark.django_db


def marked() -> list[tuple[str, bool]]:
    rows = VenuePosition.objects.order_by("pk")
    return list(rows.values_list("symbol", "is_not_strategys"))


def test_a_position_is_said_to_be_no_strategys_and_that_is_taken_back() -> None:
    account, other = make_account(name="Main"), make_account(name="Other")
    for each, symbol in (
        (account, "BTC/USDT:USDT"),
        (account, "ETH/USDT:USDT"),
        (other, "BTC/USDT:USDT"),
    ):
        make_venue_position(each, "2", symbol=symbol, unowned=Decimal(2))

    call_command("positions", "--account", "Main", "--not-a-strategys", "BTC/USDT:USDT")
    assert [said for _, said in marked()] == [True, False, False]
    with pytest.raises(CommandError, match="does not exist"):
        call_command("positions", "--account", "Other", "--not-a-strategys", "ETH/USDT:USDT")

    call_command("positions", "--account", "Main", "--may-be-a-strategys", "BTC/USDT:USDT")
    assert [said for _, said in marked()] == [False] * 3

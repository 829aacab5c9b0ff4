"""Positions: what is too small for any order is shown as dust, and what others would earn."""

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from capital.admin.frame.cells import figure
from capital.domain.performance.fills import Fee
from capital.domain.sizing.orders import Side
from capital.models import BookedHolding, Position, VenuePosition
from capital.services.trading import NewFill, report_fills
from tests.factories import make_link, make_market, make_position, make_user

pytestmark = pytest.mark.django_db

LIST = reverse("admin:capital_position_changelist")


def test_dust_is_shown_as_dust(client: Client) -> None:
    make_market("ETH/USDT", amount_precision=Decimal("0.0001"))
    dust = make_position(make_link(), "0.00001234", "ETH/USDT")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    listed = client.get(LIST).content.decode()
    page = client.get(reverse("admin:capital_position_change", args=[dust.pk])).content.decode()

    for shown in (listed, page):
        assert ">dust<" in "".join(shown.split())


def test_what_an_order_can_close_is_open(client: Client) -> None:
    make_market("ETH/USDT", amount_precision=Decimal("0.0001"))
    make_position(make_link(), "0.0001", "ETH/USDT")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    listed = "".join(client.get(LIST).content.decode().split())

    assert ">open<" in listed
    assert ">dust<" not in listed


def test_what_is_held_stands_before_what_was_and_leads_to_its_strategy(client: Client) -> None:
    closed, held, short = (
        make_position(make_link(), each, "ETH/USDT") for each in ("0", "2", "-1")
    )
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get(LIST)

    assert [row.pk for row in page.context["cl"].result_list] == [held.pk, short.pk, closed.pk]
    strategy = reverse("admin:strategies_strategy_change", args=[held.strategy_account.strategy_id])
    assert strategy in cells_of(page, "shown_strategy")[0]


def held_since(minutes: int) -> None:
    """One bought at 100 and marked at 130 so many minutes ago."""
    make_market("BTC/USDT:USDT")
    link = make_link(market_type="futures")
    fill = NewFill(
        symbol="BTC/USDT:USDT",
        side=Side.BUY,
        quantity=Decimal(2),
        price=Decimal(100),
        executed_at=timezone.now() - timedelta(days=1),
        fees=(Fee(Decimal("0.5"), "USDT"),),
        venue_fill_id="1",
    )
    report_fills(link.pk, [fill], actor=None)
    marked_at = timezone.now() - timedelta(minutes=minutes)
    Position.objects.update(mark_price=Decimal(130), marked_at=marked_at)


@pytest.mark.parametrize(("minutes", "unrealised"), [(1, "+60.00 USDT"), (6, "—")])
def test_a_position_is_valued_by_a_fresh_mark_only(
    client: Client, minutes: int, unrealised: str
) -> None:
    held_since(minutes)
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get(LIST)

    cells = [
        re.sub("<[^>]*>|\\s+", " ", cell).strip() for cell in cells_of(page, "shown_unrealized")
    ]
    assert cells == [unrealised]
    assert "-0.50 USDT" in cells_of(page, "shown_realized")[0]
    assert "130" in cells_of(page, "shown_mark")[0]
    shown = client.get(reverse("admin:capital_position_change", args=[Position.objects.get().pk]))
    assert ("+60.00 USDT" in shown.content.decode()) is (minutes == 1)


def test_what_nobody_knows_is_a_dash(client: Client) -> None:
    make_position(make_link(), "2", "no symbol")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get(LIST)

    for name in ("shown_venue", "shown_mark", "shown_unrealized", "shown_realized"):
        # Under the numbers of other rows, which end at the right.
        assert cells_of(page, name)[0].strip() == figure("—")


def cells_of(page: Any, name: str) -> list[str]:
    """The cells of a column, as HTML."""
    return re.findall(rf'<td class="field-{name}[^>]*>(.*?)</td>', page.content.decode(), re.S)


def test_positions_are_exported_with_what_they_would_earn(client: Client) -> None:
    held_since(1)
    stale = make_position(make_link(), "1.5", "ETH/USDT")
    client.force_login(make_user(is_staff=True, is_superuser=True))
    chosen = {"_selected_action": list(Position.objects.values_list("pk", flat=True))}

    answer = client.post(LIST, {"action": "export", **chosen})
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = {row["symbol"]: row for row in csv.DictReader(io.StringIO(content))}

    assert (rows["BTC/USDT:USDT"]["quantity"], rows["BTC/USDT:USDT"]["currency"]) == ("2", "USDT")
    assert (rows["BTC/USDT:USDT"]["unrealized_pnl"], rows["ETH/USDT"]["unrealized_pnl"]) == (
        "60",
        "",
    )
    assert rows["ETH/USDT"]["strategy"] == stale.strategy_account.strategy.key
    answer = client.post(LIST, {"action": "export_xlsx", **chosen})
    sheet = load_workbook(io.BytesIO(b"".join(answer.streaming_content))).worksheets[0]
    head, *told = sheet.values
    assert {row[head.index("quantity")] for row in told} == {2, 1.5}


@pytest.fixture
def read_link() -> Any:
    """A link that holds 2 by its fills, on an account of which the exchange says 3."""
    make_market("BTC/USDT:USDT")
    link = make_link(market_type="futures")
    BookedHolding.objects.create(
        account=link.account,
        symbol="BTC/USDT:USDT",
        position_side="both",
        ours="2",
        unattributed="0",
    )
    VenuePosition.objects.create(
        account=link.account,
        pool="futures",
        symbol="BTC/USDT:USDT",
        position_side="both",
        quantity=Decimal(3),
        observed_at=timezone.now() - timedelta(minutes=2),
    )
    return link


def test_what_strategies_hold_stands_beside_what_the_exchange_says(
    client: Client, read_link: Any
) -> None:
    position = make_position(read_link, "2", "BTC/USDT:USDT")
    make_position(make_link(), "5", "BTC/USDT:USDT")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get(LIST)

    cells = [re.sub("<[^>]*>|\\s+", " ", cell).split() for cell in cells_of(page, "shown_venue")]
    assert sorted(cells) == [["3", "difference", "1"], ["—"]]
    shown = client.get(reverse("admin:capital_position_change", args=[position.pk]))
    assert f"/account/{read_link.account_id}/change/#compared-title" in shown.content.decode()


def test_where_both_agree_the_age_of_the_exchanges_answer_is_said(
    client: Client, read_link: Any
) -> None:
    VenuePosition.objects.update(quantity=Decimal(2))
    make_position(read_link, "2", "BTC/USDT:USDT")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    (cell,) = cells_of(client.get(LIST), "shown_venue")

    assert re.sub("<[^>]*>|\\s+", " ", cell).split() == ["2", "2", "min", "ago"]


def test_what_the_exchange_does_not_list_it_does_not_hold(client: Client, read_link: Any) -> None:
    VenuePosition.objects.all().delete()
    BookedHolding.objects.update(ours="0", unattributed="0")
    make_position(read_link, "2", "BTC/USDT:USDT")
    client.force_login(make_user(is_staff=True, is_superuser=True))
    (unread,) = cells_of(client.get(LIST), "shown_venue")
    BookedHolding.objects.update(ours="2", unattributed="-2")

    (cell,) = cells_of(client.get(LIST), "shown_venue")

    assert "—" in unread
    assert re.sub("<[^>]*>|\\s+", " ", cell).split() == ["0", "not", "listed"]

"""What the first page, accounts and strategies say of trading, each figure with its rows."""

import html
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from capital.admin.dashboard.trading import WHY_NOT
from capital.domain.performance.pnl import Books
from capital.domain.performance.positions import Position as HeldPosition
from capital.domain.performance.stored import books_as_json
from capital.domain.performance.unexplained import Unexplainable
from capital.domain.sizing.orders import Side
from capital.models import BookedHolding, LinkDay, PoolDay, StrategyAccount, VenuePosition
from capital.services.trading import NewFill, report_fills
from tests.admin.tenants import allow
from tests.factories import (
    make_account,
    make_fill,
    make_link,
    make_market,
    make_position,
    make_user,
    make_venue_position,
)

pytestmark = [pytest.mark.django_db, pytest.mark.once]

D = Decimal
PERP = "BTC/USDT:USDT"


@pytest.fixture
def link() -> StrategyAccount:
    return make_link(market_type="futures", capital="1000")


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def make_day(link: StrategyAccount, days_ago: int = 0, **fields: Any) -> None:
    zero = dict.fromkeys(("realized", "fees", "funding", "volume", "unrealized"), D(0))
    LinkDay.objects.create(
        **{
            "strategy_account": link,
            "date": timezone.localdate() - timedelta(days=days_ago),
            "currency": "USDT",
            **zero,
            **fields,
        }
    )


def make_pool_day(link: StrategyAccount, days_ago: int, **fields: Any) -> None:
    PoolDay.objects.create(
        account=link.account,
        pool="futures",
        date=timezone.localdate() - timedelta(days=days_ago),
        until=timezone.now(),
        **fields,
    )


def read(client: Client, path: str) -> str:
    return client.get(path, headers={"accept-language": "en"}).content.decode()


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)))


def account_page(link: StrategyAccount) -> str:
    return f"/admin/capital/account/{link.account_id}/change/"


def test_the_first_page_says_what_was_earned_apart_from_deposits(
    admin: Client, link: StrategyAccount
) -> None:
    make_day(link, realized=D("50.123456789012345678"), fees=D(2), unrealized=D(-10))
    make_pool_day(link, 0, unexplained=D("7.005"))
    text = text_of(read(admin, "/admin/"))
    # 50.12 - 2 - 10; 48.12; 2 paid, no funding, 7 that nothing explains
    assert "USDT +38.12 +48.12 2.00 0.00 +7.00" in text
    assert f"{link.account.name}, futures: +7.00 USDT of today's change are unexplained" in text


def test_the_first_page_leads_to_what_does_not_fit(admin: Client, link: StrategyAccount) -> None:
    nobodys = make_fill(link, PERP, strategy_account=None, order_id="nobodys-order")
    make_fill(link, "ETH/USDT:USDT")
    position = make_position(link, "3", PERP)
    books = books_as_json(Books(HeldPosition(D(4), D(4), D(400))))
    position.books, position.reported_quantity = {**books, "contract_size": "1"}, D(3)
    position.save()
    make_position(link, "5", "ETH/USDT:USDT")

    page = read(admin, "/admin/")

    assert "no strategy is known to have traded: 1" in text_of(page)
    fills = text_of(
        read(admin, "/admin/capital/fill/?attribution=none").partition("result_list")[2]
    )
    assert PERP in fills
    assert "ETH/USDT:USDT" not in fills
    assert nobodys.symbol == PERP
    held = text_of(read(admin, "/admin/capital/position/?match=no").partition("result_list")[2])
    assert PERP in held
    assert "ETH/USDT:USDT" not in held
    every = text_of(read(admin, "/admin/capital/position/").partition("result_list")[2])
    assert "ETH/USDT:USDT" in every


def test_without_trading_the_first_page_says_nothing_of_it(
    admin: Client, link: StrategyAccount
) -> None:
    assert "Trading today" not in text_of(read(admin, "/admin/"))
    assert "Open positions" not in text_of(read(admin, account_page(link)))


def test_an_account_shows_what_is_open_and_a_dash_without_a_mark(
    admin: Client, link: StrategyAccount
) -> None:
    position = make_position(link, "2", PERP)
    position.entry_price, position.mark_price = D(100), D(110)
    position.marked_at = timezone.now() - timedelta(minutes=2)
    position.save()
    stale = make_position(link, "-1", "ETH/USDT:USDT")
    stale.entry_price, stale.mark_price = D(100), D(90)
    stale.marked_at = timezone.now() - timedelta(hours=2)
    stale.save()

    text = text_of(read(admin, account_page(link)))

    name = link.strategy.name
    assert f"{PERP} {name} 2 100 110 2 min ago +20.00 — USDT" in text
    assert f"ETH/USDT:USDT {name} -1 100 90 2 h ago — — USDT" in text


def test_an_account_says_of_each_day_what_is_unexplained_or_why_not(
    admin: Client, link: StrategyAccount
) -> None:
    amounts = {"change": D(17), "fills": D("5.5"), "flows": D(10), "unrealized": D(0)}
    make_pool_day(link, 0, unexplained=D("1.5"), **amounts)
    make_pool_day(link, 1, code=Unexplainable.NOT_READ.value)
    text = text_of(read(admin, account_page(link)))
    assert f"{timezone.localdate()} +1.50 +17.00 +5.50 +10.00 0.00" in text
    assert "— (not read that day; the next reading covers it) — — — —" in text
    assert set(WHY_NOT) == {each.value for each in Unexplainable}


def test_days_of_a_strategy_lead_to_its_fills(admin: Client, link: StrategyAccount) -> None:
    make_day(link, 1, realized=D("10.5"), fees=D(1), funding=D("-0.25"), fills=3)
    make_day(link, 0, fees_unvalued={"BNB": "0.1"})
    make_position(link, "1", PERP)
    page = read(admin, f"/admin/strategies/strategy/{link.strategy_id}/change/")
    yesterday = timezone.localdate() - timedelta(days=1)
    assert f"{yesterday} +9.25 +10.50 1.00 -0.25 3" in text_of(page)
    assert "Fees of unknown value, in no figure: 0.10000000 BNB" in text_of(page)
    links = {html.unescape(each) for each in re.findall(r'href="(/admin/[^"]*)"', page)}
    rows = [each for each in links if "executed_at__day" in each or "fill/?q=" in each]
    assert len(rows) == 3
    assert [each for each in rows if admin.get(each).status_code != 200] == []


def test_an_account_compares_its_books_with_what_the_exchange_says(
    admin: Client, link: StrategyAccount
) -> None:
    make_position(link, "2", PERP)
    assert "Compared with the exchange" not in text_of(read(admin, account_page(link)))
    told = {"pool": "futures", "asked": "positions", "settle": "USDT"}
    VenuePosition.objects.create(
        account=link.account,
        symbol=PERP,
        position_side="both",
        quantity=D("3.5"),
        observed_at=timezone.now(),
        **told,
    )
    BookedHolding.objects.create(
        account=link.account, symbol=PERP, position_side="both", ours=D(2), unattributed=D(0)
    )
    page = text_of(read(admin, account_page(link)))
    assert f"{PERP} 2 0 3.5 1.5 " in page
    VenuePosition.objects.update(symbol="ETH/USDT:USDT")
    assert f"{PERP} 2 0 0 -2 not listed" in text_of(read(admin, account_page(link)))


def test_a_person_says_of_a_position_that_it_is_no_strategys_and_takes_it_back(
    admin: Client, link: StrategyAccount
) -> None:
    mine = make_venue_position(link.account, "3")
    others = make_venue_position(make_account(), "3")
    path = f"/admin/capital/account/{link.account_id}/position-owner/"
    assert path in (page := read(admin, account_page(link)))
    assert "Not a strategy's" in text_of(page)
    # It looks like what can be pressed, not like a word of the table.
    button = 'class="text-link cursor-pointer whitespace-nowrap" name="not_a_strategys"'
    assert button in page

    said = admin.post(path, {"not_a_strategys": PERP}, follow=True)

    text = text_of(said.content.decode())
    assert said.redirect_chain == [(f"{account_page(link)}#compared-title", 302)]
    assert f"{PERP} not a strategy's 0 0 3 0 " in text
    assert "May be a strategy's" in text
    assert list(VenuePosition.objects.filter(is_not_strategys=True)) == [mine]
    admin.post(path, {"may_be_a_strategys": PERP})
    assert not VenuePosition.objects.filter(is_not_strategys=True).exists()
    gone = text_of(admin.post(path, {"not_a_strategys": "no"}, follow=True).content.decode())
    assert "This does not exist, or you may not see it." in gone
    assert admin.get(path).status_code == 302
    assert not VenuePosition.objects.filter(pk=others.pk, is_not_strategys=True).exists()


def test_who_may_only_look_sees_no_such_button_and_is_refused(
    client: Client, link: StrategyAccount
) -> None:
    make_venue_position(link.account, "3")
    owner = link.account.owner
    owner.is_staff = True
    owner.save()
    client.force_login(allow(owner, "capital.view_account"))
    path = f"/admin/capital/account/{link.account_id}/position-owner/"

    assert "position-owner" not in read(client, account_page(link))
    assert client.post(path, {"not_a_strategys": PERP}).status_code == 403
    assert not VenuePosition.objects.filter(is_not_strategys=True).exists()


def test_pages_show_the_equity_of_links_or_why_it_is_not_known(
    admin: Client, link: StrategyAccount
) -> None:
    make_market(PERP)
    other = make_link(account=link.account, market_type="futures", capital="50")
    fills = [
        NewFill(
            symbol=PERP, side=side, quantity=D(1), price=D(price), venue_fill_id=price,
            executed_at=timezone.now() - timedelta(hours=1),
        )
        for side, price in ((Side.BUY, "100"), (Side.SELL, "120.5"))
    ]  # fmt: skip
    report_fills(link.pk, fills, actor=None)

    page = read(admin, account_page(link))

    assert f"{link.strategy.name} 1,000.00 Why? +20.50 1,020.50 USDT" in text_of(page)
    assert f"{other.strategy.name} 50.00 Why? — — USDT" in text_of(page)
    assert "No fills of the strategy on this account are known" in page
    page = text_of(read(admin, f"/admin/strategies/strategy/{link.strategy_id}/change/"))
    assert f"{link.account.name} 1,000.00 Why? +20.50 1,020.50 USDT" in page
    assert other.strategy.name not in page

"""Fills: assigned in bulk with a preview, by who may; found by whose they are now."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.models import Account, Attribution, Fill, Position, StrategyAccount
from capital.services.trading.files import read_trade_content
from tests.admin.tenants import allow
from tests.factories import make_account, make_fill, make_link, make_market, make_strategy

pytestmark = pytest.mark.django_db

LIST = reverse("admin:capital_fill_changelist")
BTC = "BTC/USDT:USDT"


@pytest.fixture
def account() -> Account:
    make_market(BTC)
    return make_account()


@pytest.fixture
def link(account: Account) -> StrategyAccount:
    return make_link(account=account, strategy=make_strategy(key="grid", market_type="futures"))


@pytest.fixture
def fills(account: Account, link: StrategyAccount) -> list[Fill]:
    return [
        make_fill(link, BTC, strategy_account=None, side=side, price=Decimal(price))
        for side, price in (("buy", 100), ("sell", 120))
    ]


@pytest.fixture
def page(client: Client, account: Account) -> Client:
    user = allow(account.owner, "capital.view_fill", "capital.assign_fills")
    user.is_staff = True
    user.save()
    client.force_login(user)
    return client


def act(page: Client, rows: list[Fill], action: str = "assign", **fields: Any) -> Any:
    chosen = [fill.pk for fill in rows]
    return page.post(LIST, {"action": action, "_selected_action": chosen, **fields}, follow=True)


def test_fills_are_assigned_after_what_would_follow_was_shown(
    page: Client, fills: list[Fill], link: StrategyAccount
) -> None:
    listed = page.get(LIST).content.decode()
    assert "Show and assign them" in listed
    # There it leads nowhere: the page says how it is done.
    filtered = page.get(f"{LIST}?attribution=none").content.decode()
    assert "Show and assign them" not in filtered
    assert "choose “Assign to a strategy”" in filtered
    assert "2 fills are nobody&#x27;s" in listed or "2 fills are nobody's" in listed

    asked = act(page, fills).content.decode()
    shown = act(page, fills[:1], fills=f"{fills[0].pk},{fills[1].pk}", link=link.pk)

    assert link.strategy.name in asked
    assert not Attribution.objects.exists()
    assert "2 fills change hands" in shown.content.decode()
    assert "— → <strong>+20.00 USDT" in shown.content.decode()

    done = act(
        page,
        fills[:1],
        fills=f"{fills[0].pk},{fills[1].pk}",
        link=link.pk,
        note="bot was down",
        apply="",
    ).content.decode()

    assert "2 fills were assigned" in done
    assert Position.objects.get(strategy_account=link).realized_pnl == 20
    assert {each.note for each in Attribution.objects.all()} == {"bot was down"}
    assert "assigned by a person" in done
    ours = page.get(LIST, {"strategy_account__strategy__id__exact": link.strategy_id})
    assert len(ours.context["cl"].result_list) == 2
    assert len(page.get(LIST, {"attribution": "none"}).context["cl"].result_list) == 0


def test_only_the_fills_that_were_shown_are_assigned(
    page: Client, fills: list[Fill], link: StrategyAccount
) -> None:
    act(page, fills, fills=str(fills[1].pk), link=link.pk, apply="")

    assert Attribution.objects.get().fill == fills[1]


@pytest.mark.parametrize("sent", ["9" * 5000, "9" * 30, "٣", "--1"])
def test_what_is_no_id_of_a_fill_is_nothing(page: Client, fills: list[Fill], sent: str) -> None:
    assert "Select at most" in act(page, fills, fills=sent).content.decode()
    assert not Attribution.objects.exists()


def test_what_cannot_be_assigned_is_said(page: Client, fills: list[Fill], account: Account) -> None:
    other = make_link(account=make_account(owner=account.owner), market_type="futures")
    theirs = make_fill(other, BTC, strategy_account=None)
    spot = make_link(account=account, strategy=make_strategy(key="spot"))

    assert "fills of one account" in act(page, [*fills, theirs]).content.decode()
    refused = act(page, fills, link=spot.pk).content.decode()

    assert "BTC/USDT:USDT" in refused
    assert "futures" in refused
    assert not Attribution.objects.exists()


def test_fills_are_given_to_nobody_and_looked_at_again(
    page: Client, fills: list[Fill], link: StrategyAccount
) -> None:
    act(page, fills[:1], link="nobody", apply="")
    StrategyAccount.objects.filter(pk=link.pk).update(symbols=[BTC])

    done = act(page, fills, "look_again").content.decode()

    assert "1 fill is now known" in done
    (of_nobody,) = page.get(LIST, {"attribution": "nobody"}).context["cl"].result_list
    assert of_nobody.pk == fills[0].pk
    assert len(page.get(LIST, {"in": "btc/usdt:usdt"}).context["cl"].result_list) == 2
    assert len(page.get(LIST, {"in": "BTC"}).context["cl"].result_list) == 0
    exported = b"".join(act(page, fills, "export").streaming_content).decode()
    assert exported.count("grid") == 1


def test_who_may_not_assign_is_offered_no_such_action(page: Client, fills: list[Fill]) -> None:
    Account.objects.get().owner.user_permissions.filter(codename="assign_fills").delete()

    act(page, fills, link="nobody", apply="")

    assert not Attribution.objects.exists()


def test_an_opening_is_entered_by_hand(
    page: Client, account: Account, link: StrategyAccount
) -> None:
    address = reverse("admin:capital_fill_enter_opening")
    typed = {
        "account": account.pk,
        "strategy": link.strategy_id,
        "symbol": BTC,
        "side": "short",
        "is_hedged": "",
        "quantity": "2.5",
        "entry_price": "61234.5",
        "held_at": "2026-03-10T12:00:30",
        "note": "",
    }
    assert address in page.get(LIST).content.decode()
    refused = page.post(address, {**typed, "symbol": "NONE/USDT:USDT", "quantity": "1,5"})
    assert list(refused.context["form"].errors) == ["quantity"]
    refused = page.post(address, {**typed, "quantity": "-1", "side": "long", "symbol": "BTC/USDT"})
    assert list(refused.context["form"].errors) == ["quantity"]
    refused = page.post(address, {**typed, "symbol": "NONE/USDT:USDT"})
    assert "NONE/USDT:USDT" in str(refused.context["form"].errors["symbol"])

    done = page.post(address, typed, follow=True).content.decode()

    assert "The opening position was entered." in done
    opening = Fill.objects.get()
    assert (opening.source, opening.side, opening.position_side) == ("opening", "sell", "both")
    assert Position.objects.get(strategy_account=link).quantity == Decimal("-2.5")
    page.post(address, {**typed, "is_hedged": "on", "side": "long", "strategy": ""})
    hedged = Fill.objects.get(position_side="long")
    assert (hedged.side, hedged.strategy_account) == ("buy", None)


def test_who_may_not_assign_fills_enters_no_opening(page: Client, account: Account) -> None:
    account.owner.user_permissions.filter(codename="assign_fills").delete()
    address = reverse("admin:capital_fill_enter_opening")

    assert address not in page.get(LIST).content.decode()
    assert page.get(address).status_code == 403


def test_what_is_nobodys_stands_first_until_something_is_sought(
    page: Client, link: StrategyAccount
) -> None:
    now = timezone.now()
    old = make_fill(link, BTC, strategy_account=None, executed_at=now - timedelta(days=9))
    known = make_fill(link, BTC, executed_at=now)
    new = make_fill(link, BTC, strategy_account=None, executed_at=now - timedelta(days=1))

    def order(**query: str) -> list[int]:
        return [row.pk for row in page.get(LIST, query).context["cl"].result_list]

    assert order() == [new.pk, old.pk, known.pk]
    # No head says that the list is sorted by it where it is not.
    said, marked = "Those of nobody stand above the others", 'class="sortoptions'
    listed, sought = (page.get(LIST, query).content.decode() for query in ({}, {"q": BTC}))
    assert (said in listed, marked in listed) == (True, False)
    assert (said in sought, marked in sought) == (False, True)
    assert order(q=BTC) == order(source__exact="bot") == [known.pk, new.pk, old.pk]
    assert "".join(page.get(LIST).content.decode().split()).count(">unattributed<") == 2


def test_large_figures_of_titles_are_grouped_as_everywhere(
    page: Client, link: StrategyAccount
) -> None:
    fill = make_fill(link, BTC, quantity=Decimal(1500), price=Decimal("61200.50"))

    shown = page.get(reverse("admin:capital_fill_change", args=[fill.pk])).content.decode()

    assert f"1,500 {BTC} @ 61,200.5" in shown


def test_an_exported_workbook_can_be_imported_again(page: Client, fills: list[Fill]) -> None:
    answer = act(page, fills[:1], "export_xlsx")

    assert answer["Content-Disposition"].endswith('.xlsx"')
    file = read_trade_content(b"".join(answer.streaming_content), name="fills.xlsx")
    assert file.problems == ()
    (line,) = file.lines
    assert (line.fill.price, line.fill.quantity) == (fills[0].price, fills[0].quantity)
    assert line.fill.executed_at == fills[0].executed_at
    assert line.fill.venue_fill_id == fills[0].venue_fill_id
    assert not line.is_opening


@pytest.mark.parametrize(("action", "form"), [("export", "csv"), ("export_xlsx", "xlsx")])
def test_an_exported_opening_can_be_imported_again(
    page: Client, link: StrategyAccount, action: str, form: str
) -> None:
    opening = make_fill(link, BTC, venue_fill_id="", source="opening")
    answer = act(page, [opening], action)

    file = read_trade_content(b"".join(answer.streaming_content), name=f"fills.{form}")

    (line,) = file.lines
    assert (file.problems, line.is_opening) == ((), True)

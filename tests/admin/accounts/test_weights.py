"""Weights are edited where the money is seen: live figures, saving, and what is refused."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from capital.models import Account, AllocationPlan, AllocationRun, SettingChange, StrategyAccount
from capital.services.accounts import change_link
from capital.services.allocation import allocate_capital, events
from strategies.models import Strategy, StrategyStatus
from tests.admin.forms import change_url, form_of
from tests.factories import make_link, make_strategy, make_user
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


class Page:
    """Two spot strategies, a and b, share 10,000 as 60 to 40; c has all 500 of futures."""

    def __init__(self, exchange: Exchange, client: Client) -> None:
        self.exchange, self.client = exchange, client
        self.user: User = make_user(username="demo", is_superuser=True, is_staff=True)
        self.account: Account = exchange.open_account(
            name="Main",
            owner=self.user,
            wallets={"spot": {"USDT": "10000"}, "futures": {"USDT": "500"}},
        )
        self.a = self.link("a", "60")
        self.b = self.link("b", "40")
        self.c = self.link("c", "1", market_type="futures")
        allocate_capital([self.account.pk])
        self.runs = AllocationRun.objects.count()
        client.force_login(self.user)

    def link(self, key: str, weight: str, market_type: str = "spot") -> StrategyAccount:
        strategy = make_strategy(
            key=key, name=key.upper(), market_type=market_type, owner=self.user
        )
        return make_link(account=self.account, strategy=strategy, weight=Decimal(weight))

    def url(self, name: str = "weights") -> str:
        return reverse(f"admin:capital_account_{name}", args=[self.account.pk])

    def shown(self) -> dict[str, str]:
        """Every input of the editor on the account's page, as a browser sends it."""
        return sent(self.client.get(change_url(self.account)).context["weights"].formset)

    def typed(self, **weights: str) -> dict[str, str]:
        data = self.shown()
        for key, weight in weights.items():
            link = getattr(self, key)
            data[self.name_of(link, data)] = weight
        return data

    @staticmethod
    def name_of(link: StrategyAccount, data: dict[str, str]) -> str:
        (prefix,) = [
            name.removesuffix("-id")
            for name, value in data.items()
            if name.endswith("-id") and value == str(link.pk)
        ]
        return f"{prefix}-weight"

    @property
    def weights(self) -> list[str]:
        rows = StrategyAccount.objects.filter(account=self.account).order_by("pk")
        return [f"{weight.normalize():f}" for weight in rows.values_list("weight", flat=True)]


def sent(formset: Any) -> dict[str, str]:
    data: dict[str, str] = {}
    for form in [formset.management_form, *formset.forms]:
        for bound in form:
            shown = bound.field.widget.format_value(bound.value())
            data[bound.html_name] = shown[0] if isinstance(shown, list) else str(shown)
            if bound.field.show_hidden_initial:
                hidden = bound.as_hidden(only_initial=True)
                data[bound.html_initial_name] = hidden.partition('value="')[2].partition('"')[0]
    return data


@pytest.fixture
def page(exchange: Exchange, client: Client) -> Page:
    return Page(exchange, client)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []
    monkeypatch.setattr(events, "_queue", lambda *arguments: calls.append(arguments))
    return calls


def test_figures_while_typing_are_exact_and_nothing_is_saved(page: Page) -> None:
    told = page.client.post(page.url("weights_preview"), page.typed(a="1", b="2")).json()

    a, b, c = (told["links"][str(link.pk)] for link in (page.a, page.b, page.c))
    assert (a["share"], a["before"], a["after"]) == ("33.3%", "6,000.00", "3,333.33")
    assert (b["share"], b["before"], b["after"]) == ("66.7%", "4,000.00", "6,666.67")
    assert (a["change"], a["direction"]) == ("-2,666.67 USDT", "down")
    assert (c["share"], c["after"], c["change"], c["why"]) == ("100.0%", "500.00", "", "")
    assert told["pools"]["spot"].startswith("balance 10,000.00 USDT (")
    assert told["notice"] == ""
    assert "a 6,000.00 → 3,333.33" in told["told"]
    assert (page.weights, AllocationRun.objects.count()) == (["60", "40", "1"], page.runs)
    assert not SettingChange.objects.exists()


def test_why_a_strategy_is_idle_is_said_once_below_its_name(page: Page) -> None:
    Strategy.objects.filter(pk=page.a.strategy_id).update(status=StrategyStatus.PAUSED)

    shown = page.client.get(change_url(page.account)).content.decode()
    told = page.client.post(page.url("weights_preview"), page.typed(a="1", b="2")).json()

    assert "The strategy is paused." in shown
    assert told["links"][str(page.a.pk)]["after"] == "0.00"
    assert told["links"][str(page.a.pk)]["why"] == ""


def test_no_exchange_is_asked_while_somebody_types(page: Page) -> None:
    asked = len(page.exchange.asked)

    page.client.get(change_url(page.account))
    page.client.post(page.url("weights_preview"), page.typed(a="1"))

    assert len(page.exchange.asked) == asked


@pytest.mark.parametrize("wrong", ["0", "100.5", "1000"])
def test_a_weight_that_is_none_is_said_at_its_field(page: Page, wrong: str) -> None:
    data = page.typed(a=wrong, b="")

    told = page.client.post(page.url("weights_preview"), data).json()
    refused = page.client.post(page.url(), {**data, "_preview": ""})

    assert told == {
        "errors": {
            page.name_of(page.a, data): "The weight must be above 0 and at most 100.",
            page.name_of(page.b, data): "This field is required.",
        }
    }
    text = refused.content.decode()
    assert refused.status_code == 200
    assert "Nothing was saved. What you typed is still here." in text
    assert f'value="{wrong}"' in text
    assert page.weights == ["60", "40", "1"]


@pytest.mark.parametrize("wrong", ["NaN", "sNaN", "Infinity"])
def test_what_is_no_number_is_said_at_its_field(page: Page, wrong: str) -> None:
    data = page.typed(a=wrong)
    change = change_url(page.account)
    forms = {
        page.url(): {**data, "_later": ""},
        change: form_of(page.client, change, reserve_percent=wrong),
    }

    told = page.client.post(page.url("weights_preview"), data).json()
    refused = [page.client.post(url, typed) for url, typed in forms.items()]

    (text,) = told["errors"].values()
    assert told["errors"].keys() == {page.name_of(page.a, data)}
    assert text.startswith("Enter a number such as 1500.25")
    assert [text in each.content.decode() for each in refused] == [True, True]
    assert page.weights == ["60", "40", "1"]


def test_save_and_preview_leads_into_a_plan_and_moves_nothing(
    page: Page, queued: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = page.client.post(page.url(), {**page.typed(a="50", b="50"), "_preview": ""})

    plan = AllocationPlan.objects.get()
    assert answer.url == reverse("admin:capital_account_plan", args=[plan.public_id])
    assert page.weights == ["50", "50", "1"]
    assert (queued, AllocationRun.objects.count()) == ([], page.runs)
    assert {(each.actor, each.name) for each in SettingChange.objects.all()} == {
        (page.user, "a @ Main"),
        (page.user, "b @ Main"),
    }
    shown = page.client.get(answer.url).content.decode()
    assert "5,000.00" in shown
    assert "No capital has moved yet." in shown
    page.client.post(answer.url, {"_apply": ""})
    run = AllocationRun.objects.latest("pk")
    listed = page.client.get(reverse("admin:capital_allocationrun_changelist")).content.decode()
    opened = page.client.get(reverse("admin:capital_allocationrun_change", args=[run.pk]))
    board = page.client.get("/admin/").content.decode()
    for text in (listed, opened.content.decode(), board):
        assert "demo changed weights 60/40 → 50/50." in text


def test_second_click_makes_no_second_plan(page: Page) -> None:
    shown = page.client.get(change_url(page.account)).context["weights"]
    data = {**page.typed(a="50", b="50"), "once": str(shown.once), "_preview": ""}
    first = page.client.post(page.url(), data)
    second = page.client.post(page.url(), data, headers={"accept": "application/json"})

    plan = AllocationPlan.objects.get()
    assert first.url == reverse("admin:capital_account_plan", args=[plan.public_id])
    assert second.json() == {"url": first.url}
    assert page.weights == ["50", "50", "1"]


def test_save_and_allocate_later_leads_back_and_asks_for_no_reallocation(
    page: Page, queued: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = page.client.post(page.url(), {**page.typed(a="50"), "_later": ""}, follow=True)

    assert answer.redirect_chain[-1][0] == change_url(page.account)
    assert "Capital stays as it is until somebody allocates" in answer.content.decode()
    assert (page.weights, queued) == (["50", "40", "1"], [])
    assert not AllocationPlan.objects.exists()


def test_a_weight_that_is_changed_elsewhere_still_asks_for_one(
    page: Page, queued: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        change_link(page.a.pk, weight=Decimal(5))

    assert [call[1] for call in queued] == [[page.account.pk]]


def test_nothing_typed_saves_nothing_and_previews_all_the_same(page: Page) -> None:
    answer = page.client.post(page.url(), {**page.shown(), "_preview": ""}, follow=True)

    assert "The weights are saved" not in answer.content.decode()
    assert AllocationPlan.objects.count() == 1
    assert not SettingChange.objects.exists()


def test_weights_that_somebody_else_changed_are_refused_with_both_values(page: Page) -> None:
    data = page.typed(a="50", b="50")
    change_link(page.a.pk, weight=Decimal(70))

    refused = page.client.post(page.url(), {**data, "_later": ""})

    text = refused.content.decode()
    assert "it was 60 and is 70 now. You entered 50." in text
    assert page.weights == ["70", "40", "1"]
    again = sent(refused.context["weights"].formset)
    assert page.client.post(page.url(), {**again, "_later": ""}).status_code == 302
    assert page.weights == ["50", "50", "1"]


def test_a_weight_that_only_somebody_else_changed_stays_theirs(page: Page) -> None:
    data = page.typed(b="50")
    change_link(page.a.pk, weight=Decimal(70))

    assert page.client.post(page.url(), {**data, "_later": ""}).status_code == 302
    assert page.weights == ["70", "50", "1"]


def test_links_of_another_account_are_not_changed_through_this_one(page: Page) -> None:
    other = make_link(weight=Decimal(3))
    data = page.typed(a="50")
    name = page.name_of(page.a, data)
    data[name.replace("-weight", "-id")] = str(other.pk)

    page.client.post(page.url(), {**data, "_later": ""})

    other.refresh_from_db()
    assert (other.weight, page.weights) == (3, ["60", "40", "1"])


@pytest.mark.parametrize(
    ("fields", "note", "share"),
    [
        ({"is_active": False}, "The strategy is deactivated on this account.", "—"),
        ({"fixed_amount": Decimal(1000)}, "fixed at 1,000.00 USDT", "—"),
        ({"max_amount": Decimal(100)}, "at most 100.00 USDT", "60.0%"),
    ],
)
def test_what_keeps_a_weight_from_counting_stands_beside_it(
    page: Page, fields: dict[str, Any], note: str, share: str
) -> None:
    change_link(page.a.pk, **fields)

    editor = page.client.get(change_url(page.account)).context["weights"]

    (row,) = [row for _, _, rows in editor.pools for row in rows if row.link.pk == page.a.pk]
    assert (row.share, [each.lower() for each in row.notes]) == (share, [note.lower()])


def test_a_held_pool_says_why_capital_would_wait(page: Page) -> None:
    page.a.positions.create(symbol="BTC/USDT", quantity=Decimal(1))

    told = page.client.post(page.url("weights_preview"), page.typed(a="1")).json()

    a = told["links"][str(page.a.pk)]
    assert (a["before"], a["after"]) == ("6,000.00", "6,000.00")
    assert a["why"] == "On hold: its capital stays as it is."
    assert "There is an open position" in told["pools"]["spot"]
    assert "open position" not in told["pools"]["futures"]


def test_under_own_profit_the_editor_says_what_weights_divide(page: Page) -> None:
    Account.objects.filter(pk=page.account.pk).update(policy="own_profit")

    text = page.client.get(change_url(page.account)).content.decode()

    assert "weights divide only deposits, withdrawals and changes of the" in text


def test_archived_strategies_are_not_in_the_editor(page: Page) -> None:
    page.b.strategy.status = "ARCHIVED"
    page.b.strategy.save()

    shown = {value for name, value in page.shown().items() if name.endswith("-id")}
    assert shown == {str(page.a.pk), str(page.c.pk)}


def test_who_may_only_look_sees_no_editor(page: Page, client: Client) -> None:
    viewer = make_user(username="looks", is_staff=True)
    client.force_login(viewer)

    assert client.get(page.url()).status_code == 404
    assert client.post(page.url("weights_preview"), {}).status_code == 404


def test_the_live_figures_by_address_lead_to_the_editor(page: Page) -> None:
    answer = page.client.get(page.url("weights_preview"), follow=True)

    assert answer.redirect_chain[-1][0] == page.url()
    assert "Save and preview" in answer.content.decode()


def test_links_show_their_weight_and_lead_to_the_editor(page: Page) -> None:
    link_page = reverse("admin:capital_strategyaccount_change", args=[page.a.pk])

    form = page.client.get(link_page).context["adminform"].form
    assert "weight" not in form.fields
    assert page.url() in page.client.get(link_page).content.decode()
    (inline, _) = page.client.get(change_url(page.account)).context["inline_admin_formsets"]
    assert "weight" not in inline.formset.forms[0].fields

"""What is entered, changed and removed goes through the services, under the account's lock."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from capital.admin.accounts import links as links_page
from capital.models import Account, SettingChange, StrategyAccount
from capital.services.accounts import registry
from strategies.models import Strategy
from tests.admin.forms import EDITOR, change_url, form_of
from tests.admin.tenants import Tenant, allow, make_tenant
from tests.factories import make_account, make_link, make_position, make_strategy, make_user

pytestmark = pytest.mark.django_db

STRATEGY_EDITOR = tuple(f"strategies.{verb}_strategy" for verb in ("add", "change", "delete"))
ADD_ACCOUNT = "/admin/capital/account/add/"
LINKS = "/admin/capital/strategyaccount/"
STRATEGIES = "/admin/strategies/strategy/"


@pytest.fixture
def tenant() -> Tenant:
    tenant = make_tenant("mine")
    tenant.user = allow(tenant.user, *EDITOR, *STRATEGY_EDITOR)
    return tenant


@pytest.fixture
def page(client: Client, tenant: Tenant) -> Client:
    client.force_login(tenant.user)
    return client


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The accounts that the registry locked, in order."""
    found: list[int] = []
    lock_accounts = registry.lock_accounts

    def lock_and_tell(ids: list[int]) -> Any:
        found.extend(ids)
        return lock_accounts(ids)

    monkeypatch.setattr(registry, "lock_accounts", lock_and_tell)
    return found


def post(page: Client, url: str, **changes: Any) -> Any:
    answer = page.post(url, form_of(page, url, **changes))
    assert answer.status_code == 302, answer.context["errors"]
    return answer


def new_link(strategy: Strategy, account: Account) -> dict[str, Any]:
    start = "strategy_accounts-2"
    return {
        f"{start}-TOTAL_FORMS": "1",
        f"{start}-0-strategy": strategy.pk,
        f"{start}-0-account": account.pk,
        f"{start}-0-weight": "2",
        f"{start}-0-leverage": "1",
        f"{start}-0-is_active": "on",
    }


def change_account(page: Client, tenant: Tenant) -> None:
    post(page, change_url(tenant.account), name="New")


def change_inline(page: Client, tenant: Tenant) -> None:
    post(page, change_url(tenant.account), **{"strategy_accounts-0-leverage": "3"})


def add_inline(page: Client, tenant: Tenant) -> None:
    strategy = make_strategy(owner=tenant.user)
    post(page, change_url(tenant.account), **new_link(strategy, tenant.account))


def delete_inline(page: Client, tenant: Tenant) -> None:
    make_link(account=tenant.account, strategy=make_strategy(owner=tenant.user))
    post(page, change_url(tenant.account), **{"strategy_accounts-2-DELETE": "on"})


def delete_account(page: Client, tenant: Tenant) -> None:
    tenant.account = make_account(owner=tenant.user)
    page.post(f"/admin/capital/account/{tenant.account.pk}/delete/", {"post": "yes"})


def add_link(page: Client, tenant: Tenant) -> None:
    strategy = make_strategy(owner=tenant.user)
    post(page, f"{LINKS}add/", strategy=strategy.pk, account=tenant.account.pk, weight="2")


def change_link(page: Client, tenant: Tenant) -> None:
    post(page, f"{LINKS}{tenant.links[0].pk}/change/", leverage="3")


def delete_link(page: Client, tenant: Tenant) -> None:
    link = make_link(account=tenant.account, strategy=make_strategy(owner=tenant.user))
    page.post(f"{LINKS}{link.pk}/delete/", {"post": "yes"})


@pytest.mark.parametrize(
    "edit",
    [
        change_account,
        change_inline,
        add_inline,
        delete_inline,
        delete_account,
        add_link,
        change_link,
        delete_link,
    ],
    ids=lambda edit: edit.__name__,
)
def test_each_way_to_edit_locks_the_account(
    page: Client, tenant: Tenant, locked: list[int], edit: Callable[[Client, Tenant], None]
) -> None:
    def rows() -> list[Any]:
        return [
            *Account.objects.order_by("pk").values_list("pk", "name"),
            *StrategyAccount.objects.order_by("pk").values_list("pk", "weight", "leverage"),
        ]

    before = rows()

    edit(page, tenant)

    assert locked == [tenant.account.pk]
    # What was made for the edit and removed by it left no trace.
    assert rows() != before or edit in (delete_inline, delete_account, delete_link)


def test_form_without_a_change_asks_no_service(
    page: Client, tenant: Tenant, locked: list[int]
) -> None:
    post(page, change_url(tenant.account))
    post(page, f"{LINKS}{tenant.links[0].pk}/change/")

    assert locked == []


def test_a_copied_ciphertext_is_a_text_and_opens_nothing(page: Client, tenant: Tenant) -> None:
    victim = make_account(api_key="canary-of-somebody-else")
    copied = f"fernet:{victim.__dict__['api_key'].token}"

    post(page, change_url(tenant.account), api_key=copied)

    assert Account.objects.get(pk=tenant.account.pk).api_key == copied


def test_new_account_and_its_links_are_entered_together(page: Client, tenant: Tenant) -> None:
    start = "strategy_accounts-2"

    post(
        page,
        ADD_ACCOUNT,
        name="Second",
        venue="upbit",
        api_key="k",
        **{
            f"{start}-TOTAL_FORMS": "1",
            f"{start}-0-strategy": tenant.strategies[0].pk,
            f"{start}-0-weight": "2",
            f"{start}-0-leverage": "1",
            f"{start}-0-is_active": "on",
        },
    )

    account = Account.objects.get(name="Second")
    assert (account.owner, account.api_key) == (tenant.user, "k")
    assert account.strategy_accounts.get().strategy == tenant.strategies[0]


def test_refusal_of_the_service_is_an_error_of_the_form(page: Client, tenant: Tenant) -> None:
    # The form has no owner, so that only the service knows that the name is taken.
    answer = page.post(
        ADD_ACCOUNT,
        form_of(page, ADD_ACCOUNT, name="mine-account", venue="whitebit", fee_rate="0.0123"),
    )

    assert answer.status_code == 200
    text = answer.content.decode()
    assert "This owner already has an account with this name." in text
    assert 'value="0.0123"' in text
    assert "is read in a general way" not in page.get("/admin/").content.decode()
    assert Account.objects.count() == 1


def test_refusal_of_a_link_takes_the_whole_page_back_and_loses_nothing(
    page: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(link_id: int, **fields: Any) -> None:
        raise ValidationError("Nobody trades today.")

    monkeypatch.setattr(links_page, "change_link", refuse)
    url = change_url(tenant.account)

    answer = page.post(
        url, form_of(page, url, name="New", **{"strategy_accounts-0-leverage": "3.25"})
    )

    assert answer.status_code == 200
    text = answer.content.decode()
    assert "mine-spot @ New: Nobody trades today." in text
    assert 'value="New"' in text
    assert 'value="3.25"' in text
    assert Account.objects.get(pk=tenant.account.pk).name == "mine-account"


def test_market_of_a_strategy_with_capital_is_refused_at_its_field(
    page: Client, tenant: Tenant
) -> None:
    url = f"{STRATEGIES}{tenant.strategies[0].pk}/change/"

    answer = page.post(url, form_of(page, url, name="New", market_type="futures"))

    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert "This strategy has held capital as a spot strategy," in str(errors["market_type"])
    tenant.strategies[0].refresh_from_db()
    assert (tenant.strategies[0].name, tenant.strategies[0].market_type) == ("mine-spot", "spot")


def test_permission_of_who_asks_counts_and_not_the_owners(client: Client, tenant: Tenant) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))

    post(
        client,
        ADD_ACCOUNT,
        name="Second",
        venue="upbit",
        owner=tenant.user.pk,
        max_budget_percent="150",
    )

    account = Account.objects.get(name="Second")
    assert (account.owner, account.max_budget_percent) == (tenant.user, 150)


def test_budget_limit_is_refused_at_its_field(page: Client, tenant: Tenant) -> None:
    url = change_url(tenant.account)

    answer = page.post(url, form_of(page, url, max_budget_percent="150"))

    assert list(answer.context["adminform"].form.errors) == ["max_budget_percent"]


def test_history_that_came_meanwhile_keeps_the_account(
    page: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.admin.frame.base.SitePage.deletion_refusal", lambda *_: None)
    monkeypatch.setattr(
        "django.contrib.admin.options.ModelAdmin.get_deleted_objects",
        lambda *_: ([], {}, set(), []),
    )

    answer = page.post(
        reverse("admin:capital_account_delete", args=[tenant.account.pk]),
        {"post": "yes"},
        follow=True,
    )

    assert "Deactivate it instead. Its history is kept." in answer.content.decode()
    assert Account.objects.filter(pk=tenant.account.pk).exists()


# In the reader's language


@pytest.fixture
def korean(page: Client) -> Client:
    page.defaults["HTTP_ACCEPT_LANGUAGE"] = "ko"
    return page


def test_empty_form_asks_for_what_is_missing_and_nothing_else(korean: Client) -> None:
    empty = form_of(korean, ADD_ACCOUNT, name="", venue="", currency="", wallet_mode="")

    answer = korean.post(ADD_ACCOUNT, empty)

    form = answer.context["adminform"].form
    assert form.errors.keys() == {"name", "venue"}


def test_reserve_out_of_range_is_refused_in_korean(korean: Client) -> None:
    wrong = form_of(
        korean, ADD_ACCOUNT, name="Main", venue="upbit", wallet_mode="", reserve_percent="150"
    )

    answer = korean.post(ADD_ACCOUNT, wrong)

    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors.keys() == {"reserve_percent"}


def test_history_names_the_changed_fields_in_korean(korean: Client, tenant: Tenant) -> None:
    url = change_url(tenant.account)
    post(korean, url, fee_rate="0.0005", max_jump_percent="40")

    history = korean.get(url.replace("change", "history")).content.decode()

    assert "최대 급변 비율(%)" in history
    assert "수수료율" in history
    assert "Fee rate" not in history
    assert "fee rate" not in history


def test_symbols_are_typed_with_commas_and_blanks(page: Client, tenant: Tenant) -> None:
    link = StrategyAccount.objects.filter(account=tenant.account, strategy__market_type="spot")[0]
    url = f"{LINKS}{link.pk}/change/"

    post(page, url, symbols="BTC/USDT,ETH/USDT\n BTC/USDT")

    link.refresh_from_db()
    assert link.symbols == ["BTC/USDT", "ETH/USDT"]
    assert form_of(page, url)["symbols"] == "BTC/USDT, ETH/USDT"
    change = SettingChange.objects.latest("pk")
    assert change.values == {"symbols": {"old": "", "new": "BTC/USDT, ETH/USDT"}}
    answer = page.post(url, form_of(page, url, symbols="BTC/USDT:USDT"))
    assert "traded on the market futures" in str(answer.context["errors"])


def test_an_order_tag_that_begins_another_is_said_at_its_field(
    page: Client, tenant: Tenant
) -> None:
    strategy, other = Strategy.objects.filter(strategy_accounts__account=tenant.account)[:2]
    url = f"{STRATEGIES}{strategy.pk}/change/"

    answer = page.post(url, form_of(page, url, order_tag=other.key[:4]))

    (message,) = answer.context["adminform"].form.errors["order_tag"]
    assert other.key in message
    post(page, url, order_tag="alone")
    assert Strategy.objects.get(pk=strategy.pk).order_tag == "alone"


def test_new_link_moves_no_capital_before_somebody_saw_it(
    page: Client, tenant: Tenant, django_capture_on_commit_callbacks: Any
) -> None:
    allow(tenant.user, "capital.allocate_capital")
    strategies = [make_strategy(owner=tenant.user) for _ in range(2)]
    OrmQ.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        data = {"strategy": strategies[0].pk, "account": tenant.account.pk, "weight": "2"}
        answer = post(page, f"{LINKS}add/", **data)
    shown = page.get(answer.url).content.decode()
    assert "Capital stays as it is until somebody allocates" in shown
    assert f"/admin/capital/account/{tenant.account.pk}/allocate/" in shown

    url = change_url(tenant.account)
    with django_capture_on_commit_callbacks(execute=True):
        answer = post(page, url, **new_link(strategies[1], tenant.account))
    assert "Capital stays as it is" in page.get(answer.url).content.decode()
    assert tenant.account.strategy_accounts.filter(strategy__in=strategies).count() == 2
    assert not OrmQ.objects.exists()


def test_table_of_strategies_says_what_switching_off_takes_and_escapes_names(
    page: Client, tenant: Tenant
) -> None:
    account = make_account(owner=tenant.user, venue="binance", wallet_mode="separate")
    hostile = make_strategy(owner=tenant.user, name="<b>Bold", market_type="spot")
    spot = make_link(account=account, strategy=hostile, capital="1234.50")
    idle = make_link(account=account, market_type="spot", is_active=False, capital="70")
    futures = make_link(account=account, market_type="futures", capital="0")

    told = page.get(change_url(account)).content.decode()

    assert f'data-off="{spot.pk}" hidden><strong>&lt;b&gt;Bold</strong>: Switched off' in told
    assert "its capital of 1,234.50 USDT goes to zero" in told
    assert told.count("data-off=") == 2
    for link in (idle, futures):
        assert f'data-off="{link.pk}"' not in told
    assert "Nothing runs in this pool any more (spot)" in told


def test_what_could_no_longer_be_closed_is_said_before_it_is_switched_off(
    page: Client, tenant: Tenant
) -> None:
    account = make_account(owner=tenant.user, venue="binance", wallet_mode="separate")
    hostile = make_strategy(owner=tenant.user, name="<b>Bold", market_type="spot")
    link = make_link(account=account, strategy=hostile)
    other = make_link(account=account, market_type="spot")
    make_position(link, "2")
    make_position(link, "1", "ETH/USDT")

    def page_of(row: StrategyAccount) -> str:
        return reverse("admin:capital_strategyaccount_change", args=[row.pk])

    told = "not even to close its open positions: BTC/USDT, ETH/USDT. Stop its new entries"

    shown = page.get(change_url(account)).content.decode()

    assert f'data-off="{link.pk}" hidden><strong>&lt;b&gt;Bold</strong>: Switched off' in shown
    assert shown.count(told) == 1
    both = "positions: BTC/USDT (&lt;b&gt;Bold), ETH/USDT (&lt;b&gt;Bold). Stop its new entries"
    assert (
        f"its strategies get no order size any more, not even to close their open {both}" in shown
    )
    assert told in page.get(page_of(link)).content.decode()
    assert "not even to close" not in page.get(page_of(other)).content.decode()
    StrategyAccount.objects.filter(pk=link.pk).update(is_active=False)
    for url in (change_url(account), page_of(link)):
        assert "not even to close" not in page.get(url).content.decode()

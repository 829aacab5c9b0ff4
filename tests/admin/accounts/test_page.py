"""Accounts: credentials go in and never come out; who may change what; what cannot be deleted."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.models import Account, DailyAccountSummary, StrategyAccount
from capital.services.accounts import change_account
from capital.services.balances.connections import check_connection
from tests.admin.forms import EDITOR, change_url, form_of
from tests.admin.tenants import Tenant, allow, join, make_tenant
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user
from tests.private_keys import MANGLED, TRADITIONAL, key_of, pem_of
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

CANARY = "CANARY"


@pytest.fixture
def tenant() -> Tenant:
    tenant = make_tenant("mine")
    tenant.user = allow(tenant.user, *EDITOR)
    return tenant


@pytest.mark.once
def test_no_page_shows_a_credential(client: Client, tenant: Tenant) -> None:
    for user in (tenant.user, make_user(is_staff=True, is_superuser=True)):
        client.force_login(user)
        for path in (
            change_url(tenant.account),
            reverse("admin:capital_account_changelist"),
            reverse("admin:capital_account_history", args=[tenant.account.pk]),
            reverse("admin:capital_account_delete", args=[tenant.account.pk]),
        ):
            assert CANARY not in client.get(path, follow=True).content.decode()


@pytest.mark.once
def test_page_says_which_credentials_are_set(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    change_account(tenant.account.pk, actor=None, api_passphrase="")

    page = client.get(change_url(tenant.account)).content.decode()

    assert page.count("set (type to replace)") == 2
    assert page.count('placeholder="not set"') == 1


@pytest.mark.once
def test_empty_credentials_keep_what_is_stored_and_are_no_change(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(tenant.user)

    client.post(change_url(tenant.account), form_of(client, change_url(tenant.account), name="New"))

    account = Account.objects.get(pk=tenant.account.pk)
    assert (account.name, account.api_key) == ("New", "mine-CANARY-key")
    entry = LogEntry.objects.latest("pk")
    assert entry.get_change_message() == "Changed name."


@pytest.mark.once
def test_typed_credential_replaces_and_history_knows_only_that_it_did(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(tenant.user)

    answer = client.post(
        change_url(tenant.account),
        form_of(client, change_url(tenant.account), api_secret="CANARY-of-today"),
    )

    assert answer.status_code == 302
    account = Account.objects.get(pk=tenant.account.pk)
    assert (account.api_key, account.api_secret) == ("mine-CANARY-key", "CANARY-of-today")
    entry = LogEntry.objects.latest("pk")
    assert entry.get_change_message() == "Changed API secret."
    assert CANARY not in entry.change_message + entry.object_repr


@pytest.mark.once
@pytest.mark.parametrize("how", MANGLED)
def test_private_key_that_was_pasted_signs_and_is_kept_as_it_was_typed(
    client: Client, tenant: Tenant, exchange: Exchange, how: str
) -> None:
    client.force_login(tenant.user)
    account = exchange.open_account(
        owner=tenant.user, venue="coinbase", wallets={"spot": {"USD": "70.123456789"}}
    )
    pem = pem_of(key_of("ec"), TRADITIONAL)
    exchange.state.accounts[0].api_secret = pem
    typed = MANGLED[how](pem)

    answer = client.post(
        change_url(account), form_of(client, change_url(account), api_secret=typed)
    )

    assert answer.status_code == 302
    assert Account.objects.get(pk=account.pk).api_secret == typed.strip()
    report = check_connection(account.pk)
    assert [str(pool.amount) for pool in report.pools] == ["70.123456789", "0.00"]
    page = client.get(change_url(account)).content.decode()
    assert "A private key (PEM) can be pasted as it is." in page
    assert not any(line in page for line in pem.split("\n") if line)


@pytest.mark.once
def test_refused_form_does_not_give_the_typed_credential_back(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(tenant.user)

    answer = client.post(
        change_url(tenant.account),
        form_of(client, change_url(tenant.account), name="", api_key="CANARY-typed"),
    )

    page = answer.content.decode()
    assert answer.status_code == 200
    assert CANARY not in page
    # Else who mends the other field would save it without the key.
    (place,) = re.findall(r'name="api_key".*?</p>', page, re.DOTALL)
    assert "Type this again." in place
    assert page.count("Type this again.") == 1
    assert "Type this again." not in client.get(change_url(tenant.account)).content.decode()


@pytest.mark.once
def test_only_the_owner_or_a_superuser_replaces_credentials(client: Client, tenant: Tenant) -> None:
    url = change_url(tenant.account)
    editor = allow(
        make_user(username="editor", is_staff=True), *EDITOR, "capital.view_all_accounts"
    )
    client.force_login(editor)
    assert 'name="api_key"' not in client.get(url).content.decode()

    answer = client.post(url, form_of(client, url, name="Renamed", api_key="CANARY-stolen"))

    assert answer.status_code == 302
    account = Account.objects.get(pk=tenant.account.pk)
    assert (account.name, account.api_key) == ("Renamed", "mine-CANARY-key")

    client.force_login(make_user(is_staff=True, is_superuser=True))
    client.post(url, form_of(client, url, api_key="by root"))
    assert Account.objects.get(pk=tenant.account.pk).api_key == "by root"


def test_saving_leaves_alone_what_jobs_wrote_meanwhile(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    url = change_url(tenant.account)
    data = form_of(client, url, name="New")
    Account.objects.filter(pk=tenant.account.pk).update(
        last_check_code="balance_changed", reserve_amount=Decimal(7)
    )

    # The form still has the reserve that it was made with.
    client.post(url, {**data, "reserve_amount": "7"})

    account = Account.objects.get(pk=tenant.account.pk)
    assert (account.name, account.last_check_code) == ("New", "balance_changed")


@pytest.mark.once
def test_new_account_belongs_to_who_made_it(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    other = make_user()
    url = reverse("admin:capital_account_add")

    client.post(
        url,
        form_of(
            client,
            url,
            name="Second",
            venue="upbit",
            currency="",
            owner=other.pk,
            api_key="k",
            api_secret="s",
        ),
    )

    account = Account.objects.get(name="Second")
    assert (account.owner, account.currency, account.wallet_mode) == (
        tenant.user,
        "KRW",
        "separate",
    )
    assert account.api_key == "k"


@pytest.mark.once
def test_venue_is_one_of_those_that_are_known(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    url = reverse("admin:capital_account_add")

    answer = client.post(url, form_of(client, url, name="X", venue="nowhere", currency="USDT"))

    assert answer.status_code == 200
    assert not Account.objects.filter(name="X").exists()


@pytest.mark.once
def test_leverage_may_be_changed_and_a_strategy_added_on_the_account(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(join(make_operator(tenant), "operator"))
    strategy = make_strategy(owner=tenant.user)
    url = change_url(tenant.account)
    data = form_of(
        client,
        url,
        **{
            "strategy_accounts-0-leverage": "3",
            "strategy_accounts-2-TOTAL_FORMS": "1",
            "strategy_accounts-2-0-strategy": strategy.pk,
            "strategy_accounts-2-0-account": tenant.account.pk,
            "strategy_accounts-2-0-weight": "2",
            "strategy_accounts-2-0-leverage": "1",
            "strategy_accounts-2-0-is_active": "on",
        },
    )

    answer = client.post(url, data)

    assert answer.status_code == 302, answer.context["errors"]
    assert StrategyAccount.objects.get(pk=tenant.links[0].pk).leverage == 3
    assert StrategyAccount.objects.get(strategy=strategy, account=tenant.account).weight == 2


def make_operator(tenant: Tenant) -> Any:
    """The desk's owner with no permission but those of the group."""
    tenant.user.user_permissions.clear()
    return tenant.user


@pytest.mark.once
def test_operator_cannot_change_the_account_itself(client: Client, tenant: Tenant) -> None:
    client.force_login(join(make_operator(tenant), "operator"))
    url = change_url(tenant.account)

    client.post(
        url, form_of(client, url, name="Taken", reserve_amount="1", api_key="x", is_active="")
    )

    account = Account.objects.get(pk=tenant.account.pk)
    assert (account.name, account.reserve_amount, account.api_key, account.is_active) == (
        "mine-account",
        0,
        "mine-CANARY-key",
        True,
    )


@pytest.mark.once
def test_viewer_changes_nothing(client: Client, tenant: Tenant) -> None:
    client.force_login(join(make_operator(tenant), "viewer"))
    url = change_url(tenant.account)

    assert client.get(url).status_code == 200
    assert client.post(url, {"name": "Taken"}).status_code == 403
    assert client.get(reverse("admin:capital_account_add")).status_code == 403
    assert client.get(reverse("admin:capital_strategyaccount_add")).status_code == 403


@pytest.mark.once
def test_raising_the_largest_budget_takes_a_permission(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    url = change_url(tenant.account)
    answer = client.post(url, form_of(client, url, max_budget_percent="150"))
    assert "needs the permission capital.raise_budget_limit" in answer.content.decode()
    assert Account.objects.get(pk=tenant.account.pk).max_budget_percent == 100

    client.force_login(allow(tenant.user, "capital.raise_budget_limit"))
    client.post(url, form_of(client, url, max_budget_percent="150"))

    assert Account.objects.get(pk=tenant.account.pk).max_budget_percent == 150


@pytest.mark.once
def test_new_account_starts_within_the_budget_limit(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    url = reverse("admin:capital_account_add")
    new = {"name": "New", "venue": "binance", "currency": "USDT"}

    client.post(url, form_of(client, url, **new, max_budget_percent="150"))
    assert not Account.objects.filter(name="New").exists()

    client.post(url, form_of(client, url, **new, fee_rate="0.0005", utilisation="0.95"))
    account = Account.objects.get(name="New")
    assert (account.fee_rate, account.utilisation) == (Decimal("0.0005"), Decimal("0.95"))
    assert account.max_budget_percent == 100


@pytest.mark.once
def test_basis_that_the_venue_cannot_give_is_refused_with_the_reason(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(tenant.user)
    url = change_url(tenant.account)

    answer = client.post(url, form_of(client, url, venue="whitebit", balance_basis="equity"))

    assert "“equity” is not available on whitebit" in answer.content.decode()
    assert Account.objects.get(pk=tenant.account.pk).balance_basis == "wallet"


@pytest.mark.once
def test_venue_outside_the_table_is_taken_with_a_notice(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    url = reverse("admin:capital_account_add")

    answer = client.post(
        url, form_of(client, url, name="Other", venue=" WhiteBIT", currency="USDT"), follow=True
    )

    account = Account.objects.get(name="Other")
    assert account.venue == "whitebit"
    notice = "Support for whitebit is generic and has not been tested against the real exchange."
    assert notice in answer.content.decode()
    assert notice in client.get(change_url(account)).content.decode()
    assert notice not in client.get(change_url(tenant.account)).content.decode()


@pytest.mark.once
def test_page_and_list_say_why_the_exchange_did_not_answer(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    Account.objects.filter(pk=tenant.account.pk).update(connection_code="exchange_paused")

    for url in (change_url(tenant.account), reverse("admin:capital_account_changelist")):
        assert "failed several times in a row" in client.get(url).content.decode()


def test_account_with_history_is_not_deleted_and_says_what_to_do(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    url = reverse("admin:capital_account_delete", args=[tenant.account.pk])

    for answer in (client.get(url, follow=True), client.post(url, {"post": "yes"}, follow=True)):
        text = answer.content.decode()
        assert "cannot be deleted: it has related records" in text
        assert "Deactivate it instead. Its history is kept." in text
    assert Account.objects.filter(pk=tenant.account.pk).exists()


def test_account_without_history_is_deleted(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    account = make_account(owner=tenant.user)

    client.post(reverse("admin:capital_account_delete", args=[account.pk]), {"post": "yes"})

    assert not Account.objects.filter(pk=account.pk).exists()


def test_link_with_capital_is_not_deleted_on_the_accounts_page(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(tenant.user)
    fresh = make_link(account=tenant.account, strategy=make_strategy(owner=tenant.user))
    url = change_url(tenant.account)

    answer = client.post(url, form_of(client, url, **{"strategy_accounts-0-DELETE": "on"}))

    assert "Deactivate the strategy link instead" in answer.content.decode()
    assert StrategyAccount.objects.filter(pk=tenant.links[0].pk).exists()

    answer = client.post(url, form_of(client, url, **{"strategy_accounts-2-DELETE": "on"}))

    assert answer.status_code == 302
    assert not StrategyAccount.objects.filter(pk=fresh.pk).exists()


@pytest.mark.once
def test_suspect_balance_is_a_sentence(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    Account.objects.filter(pk=tenant.account.pk).update(
        suspect_readings={
            "spot": {
                "amount": "99999",
                "accepted": "10369",
                "observed_at": timezone.now().isoformat(),
            }
        }
    )

    for path in (change_url(tenant.account), reverse("admin:capital_account_changelist")):
        text = client.get(path).content.decode()
        assert "binance reports 99,999.00 USDT in the spot pool, 864.4% away" in text
        assert "observed_at&quot;" not in text


@pytest.mark.once
def test_broken_suspect_balance_does_not_break_the_list(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    Account.objects.filter(pk=tenant.account.pk).update(suspect_readings={"spot": {"amount": "x"}})

    for path in (change_url(tenant.account), reverse("admin:capital_account_changelist")):
        assert "cannot be read, so nobody can accept it" in client.get(path).content.decode()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("venue=binance", True),
        ("venue=upbit", False),
        ("state=active", True),
        ("state=inactive", False),
        ("state=suspect", False),
        ("freshness=stale", True),
        ("freshness=fresh", False),
        ("freshness=never", False),
        ("freshness=nonsense", True),
    ],
)
def test_filters(client: Client, tenant: Tenant, query: str, *, shown: bool) -> None:
    client.force_login(tenant.user)
    # Read hours ago. By its date alone the summary would be fresh just after midnight.
    read_at = timezone.now() - timedelta(hours=3)
    DailyAccountSummary.objects.update(spot_observed_at=read_at, futures_observed_at=read_at)

    page = client.get(reverse("admin:capital_account_changelist") + f"?{query}")

    assert (len(page.context["cl"].result_list) == 1) is shown


@pytest.mark.parametrize("fresh", [0, 1, 4, 5])
def test_freshness_filter_shows_the_few_and_the_many(client: Client, fresh: int) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    now = timezone.now()
    for number in range(5):
        account = make_account(name=f"Account {number}")
        read = {"spot_observed_at": now, "futures_observed_at": now, "ending_observed_at": now}
        if number < fresh:
            balances = {"spot_balance": 1, "futures_balance": 1, "ending_balance": 2}
            make_summary(account=account, date=timezone.localdate(), **balances, **read)

    def names(freshness: str) -> list[str]:
        address = reverse("admin:capital_account_changelist") + f"?freshness={freshness}"
        return [account.name for account in client.get(address).context["cl"].result_list]

    assert names("fresh") == [f"Account {number}" for number in range(fresh)]
    assert names("never") == [f"Account {number}" for number in range(fresh, 5)]


def test_list_says_what_is_allocated_and_what_is_due(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    make_summary(
        account=tenant.account,
        date=timezone.localdate(),
        spot_balance=Decimal(12000),
        futures_balance=Decimal(5000),
        ending_balance=Decimal(17000),
    )
    tenant.position.delete()

    text = client.get(reverse("admin:capital_account_changelist")).content.decode()

    assert "17,000.00 USDT" in text
    assert "15,369.00 USDT" in text
    assert "90.4%" in text
    assert "The balance changed by 15.73%." in text


@pytest.mark.once
def test_new_account_has_not_been_synced_rather_than_had_no_problems(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(tenant.user)
    new = make_account(owner=tenant.user, name="New")

    for account, said in ((new, "Not synced yet."), (tenant.account, "No problems at the last")):
        url = reverse("admin:capital_account_change", args=[account.pk])
        assert said in client.get(url).content.decode()

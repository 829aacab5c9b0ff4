"""A page or a program that is behind undoes nobody's change: both values are told instead."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.utils import flatten_fieldsets
from django.test import Client
from django.urls import reverse

from capital.models import AccessRole, Account, AccountAccess, StrategyAccount
from capital.services.access import change_access
from capital.services.accounts import change_account, change_link
from strategies.edits import version_of
from strategies.models import Strategy
from strategies.services import change_strategy
from tests.admin.forms import change_url
from tests.api.client import Bot, problem
from tests.factories import make_account, make_link, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def link() -> StrategyAccount:
    link = make_link(weight=Decimal("0.5"))
    Account.objects.filter(pk=link.account_id).update(reserve_percent=Decimal(5))
    make_account(owner=link.account.owner, name="Another one")
    return StrategyAccount.objects.get(pk=link.pk)


@pytest.fixture
def page(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def page_of(row: Any) -> str:
    options = row._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])


def opened(client: Client, url: str) -> dict[str, str]:
    """Every input of the page, the hidden ones too, as a browser sends it back."""
    response = client.get(url)
    assert response.status_code == 200
    return inputs_of(response)


def inputs_of(response: Any) -> dict[str, str]:
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    sent: dict[str, str] = {}
    page = response.content.decode()
    for form in forms:
        for bound in form:
            value = bound.value()
            if bound.html_name.endswith(("api_key", "api_secret", "api_passphrase")):
                value = ""
            if value is True:
                sent[bound.html_name] = "on"
            elif value is not None and value is not False:
                shown = bound.field.widget.format_value(value) if value != "" else ""
                sent[bound.html_name] = shown[0] if isinstance(shown, list) else str(shown)
            if bound.field.show_hidden_initial:
                # It is on the page, and not only in the form.
                assert f'name="{bound.html_initial_name}"' in page
                hidden = bound.as_hidden(only_initial=True)
                sent[bound.html_initial_name] = (
                    hidden.partition('value="')[2].partition('"')[0].replace("&quot;", '"')
                )
    return sent


ROWS: dict[str, tuple[Callable[[StrategyAccount], Any], str, Any, Any, Any]] = {
    # What row; the field; what somebody else stores; what this user types; a second field.
    "account": (lambda link: link.account, "reserve_percent", Decimal(20), "7", "name"),
    "strategy": (lambda link: link.strategy, "name", "Theirs", "Mine", "description"),
    "link": (lambda link: link, "leverage", Decimal("0.7"), "0.9", "max_symbols"),
}


def store(row: Any, **values: Any) -> None:
    """As somebody else does, by the service."""
    if isinstance(row, Account):
        change_account(row.pk, actor=None, **values)
    elif isinstance(row, Strategy):
        change_strategy(row.pk, **values)
    else:
        change_link(row.pk, **values)


def stored(row: Any, name: str) -> Any:
    return getattr(type(row).objects.get(pk=row.pk), name)


@pytest.mark.parametrize("kind", ROWS)
def test_a_page_that_is_behind_leaves_alone_what_its_user_did_not_change(
    page: Client, link: StrategyAccount, kind: str
) -> None:
    of, name, theirs, _, other = ROWS[kind]
    row = of(link)
    sent = opened(page, page_of(row))
    store(row, **{name: theirs})

    mine = "3" if other == "max_symbols" else "Another text"
    assert page.post(page_of(row), {**sent, other: mine}).status_code == 302

    assert stored(row, name) == theirs
    assert str(stored(row, other)).startswith(mine)


@pytest.mark.parametrize("kind", ROWS)
def test_a_page_that_would_undo_a_change_is_refused_with_both_values(
    page: Client, link: StrategyAccount, kind: str
) -> None:
    of, name, theirs, mine, _ = ROWS[kind]
    row = of(link)
    sent = opened(page, page_of(row))
    store(row, **{name: theirs})

    refused = page.post(page_of(row), {**sent, name: mine})

    assert refused.status_code == 200
    assert stored(row, name) == theirs
    [error] = refused.context["adminform"].form.errors[name]
    assert "Somebody else changed this" in error
    assert str(theirs).strip("0") in error
    assert mine in error
    # Whoever has seen both may decide.
    again = inputs_of(refused)
    assert again[name] == mine
    assert page.post(page_of(row), again).status_code == 302
    assert str(stored(row, name)).startswith(mine)


def test_a_page_that_wants_what_somebody_else_did_is_saved(
    page: Client, link: StrategyAccount
) -> None:
    sent = opened(page, page_of(link))
    change_link(link.pk, leverage=Decimal("0.7"))

    assert page.post(page_of(link), {**sent, "leverage": "0.7"}).status_code == 302
    assert stored(link, "leverage") == Decimal("0.7")


def leverage_of(link: StrategyAccount, sent: dict[str, str]) -> str:
    """The name of the inline's input of this link's leverage."""
    prefix = next(
        name.removesuffix("-id")
        for name, value in sent.items()
        if name.endswith("-id") and value == str(link.pk)
    )
    return f"{prefix}-leverage"


def test_links_on_a_page_that_is_behind_are_left_alone(page: Client, link: StrategyAccount) -> None:
    sent = opened(page, change_url(link.account))
    change_link(link.pk, leverage=Decimal("0.7"))

    assert page.post(change_url(link.account), {**sent, "name": "Renamed"}).status_code == 302

    assert stored(link, "leverage") == Decimal("0.7")
    assert stored(link.account, "name") == "Renamed"


def test_links_on_a_page_that_would_undo_a_change_are_refused_with_both_values(
    page: Client, link: StrategyAccount
) -> None:
    url = change_url(link.account)
    other = make_link(account=link.account)
    sent = opened(page, url)
    names = [leverage_of(each, sent) for each in (link, other)]
    for each in (link, other):
        change_link(each.pk, leverage=Decimal("0.7"))

    refused = page.post(url, {**sent, **dict.fromkeys(names, "0.9"), "name": "Renamed"})

    assert refused.status_code == 200
    text = refused.content.decode()
    assert text.count("is 0.7 now. You entered 0.9.") == 2
    assert stored(link, "leverage") == Decimal("0.7")
    assert stored(link.account, "name") != "Renamed"
    assert page.post(url, inputs_of(refused)).status_code == 302
    assert [stored(each, "leverage") for each in (link, other)] == [Decimal("0.9")] * 2


def test_credentials_that_somebody_else_replaced_are_not_replaced_unseen(
    page: Client, link: StrategyAccount
) -> None:
    account = link.account
    change_account(account.pk, actor=None, api_key="canary-first", api_secret="canary-same")
    sent = opened(page, change_url(account))
    assert "canary" not in "".join(sent.values())
    change_account(account.pk, actor=None, api_key="canary-theirs")

    refused = page.post(
        change_url(account), {**sent, "api_key": "canary-mine", "api_secret": "canary-new"}
    )

    assert list(refused.context["adminform"].form.errors) == ["api_key"]
    assert "canary" not in refused.content.decode()
    assert stored(account, "api_key") == "canary-theirs"
    again = {**inputs_of(refused), "api_key": "canary-mine"}
    assert page.post(change_url(account), again).status_code == 302
    assert stored(account, "api_key") == "canary-mine"


def test_what_jobs_write_does_not_make_a_page_stale(page: Client, link: StrategyAccount) -> None:
    account = link.account
    sent = opened(page, change_url(account))
    before = version_of(Account.objects.get(pk=account.pk))
    fresh = Account.objects.get(pk=account.pk)
    fresh.connection_code, fresh.suspect_readings = "timeout", {"spot": {}}
    fresh.save()

    assert page.post(change_url(account), {**sent, "name": "Renamed"}).status_code == 302
    assert stored(account, "connection_code") == "timeout"
    fresh.refresh_from_db()
    fresh.name = account.name
    fresh.save()
    assert version_of(Account.objects.get(pk=account.pk)) == before


def test_a_form_in_korean_says_it_in_korean(page: Client, link: StrategyAccount) -> None:
    sent = opened(page, page_of(link))
    change_link(link.pk, leverage=Decimal("0.7"), is_active=False)

    refused = page.post(
        page_of(link), {**sent, "leverage": "0.9"}, headers={"Accept-Language": "ko"}
    )
    [error] = refused.context["adminform"].form.errors["leverage"]
    assert "0.7" in error
    assert "Somebody" not in error


# The API

CHANGES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "account": ("accounts/{account}/", {"reserve_percent": "7"}, {"reserve_percent": Decimal(20)}),
    "strategy": ("strategies/{strategy}/", {"name": "Mine"}, {"name": "Theirs"}),
    "link": ("strategy-accounts/{link}/", {"weight": "0.9"}, {"weight": Decimal("0.7")}),
}


@pytest.fixture
def bot() -> Bot:
    return Bot(make_user(is_superuser=True))


def address(link: StrategyAccount, kind: str) -> str:
    names = {"account": link.account_id, "strategy": link.strategy.key, "link": link.pk}
    return CHANGES[kind][0].format(**names)


def whole(bot: Bot, path: str) -> dict[str, Any]:
    """What PUT takes: what GET gives, without what nobody writes."""
    shown = bot.get(path).json()
    read_only = {
        "id", "owner", "created_at", "updated_at", "allocated_capital", "is_proven",
        "equity", "equity_unknown", "connection_code", "notices",
        "last_checked_at", "last_check_code",
        "api_key_is_set", "api_secret_is_set", "api_passphrase_is_set",
    }  # fmt: skip
    return {name: value for name, value in shown.items() if name not in read_only}


@pytest.mark.parametrize("method", ["patch", "put"])
@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_of_what_was_read_is_made_and_of_what_was_changed_since_is_refused(
    bot: Bot, link: StrategyAccount, kind: str, method: str
) -> None:
    path, (_, mine, theirs) = address(link, kind), CHANGES[kind]
    row = ROWS[kind][0](link)
    [name] = mine
    tag = bot.get(path)["ETag"]
    body = mine if method == "patch" else {**whole(bot, path), **mine}
    store(row, **theirs)

    refused = bot.send(method, path, body, **{"If-Match": tag})

    told = problem(refused, 412)
    assert told["code"] == "changed_meanwhile"
    [error] = told["errors"]
    assert error["field"] == name
    assert str(theirs[name]) in error["detail"]
    assert mine[name] in error["detail"]
    assert stored(row, name) == theirs[name]

    now = bot.get(path)["ETag"]
    assert now != tag
    made = bot.send(method, path, body, **{"If-Match": f'"other", W/{now}'})
    assert made.status_code == 200
    assert made["ETag"] == bot.get(path)["ETag"] != now


@pytest.mark.parametrize("header", [None, "*", ""])
@pytest.mark.parametrize("kind", CHANGES)
def test_a_version_is_optional(
    bot: Bot, link: StrategyAccount, kind: str, header: str | None
) -> None:
    headers = {} if header is None else {"If-Match": header}
    made = bot.send("patch", address(link, kind), CHANGES[kind][1], **headers)
    assert made.status_code == 200


@pytest.mark.parametrize("header", ["nonsense", '""', '"0"', "W/", '"a, b"'])
def test_a_version_that_is_none_matches_nothing(
    bot: Bot, link: StrategyAccount, header: str
) -> None:
    refused = bot.send("patch", address(link, "link"), {"weight": "0.9"}, **{"If-Match": header})
    problem(refused, 412)
    assert stored(link, "weight") == Decimal("0.5")


def test_new_credentials_are_another_version_and_are_not_told(
    bot: Bot, link: StrategyAccount
) -> None:
    path = address(link, "account")
    tag = bot.get(path)["ETag"]
    change_account(link.account_id, actor=None, api_key="canary-theirs")

    mine = {"api_key": "canary-mine"}
    refused = bot.send("patch", path, mine, **{"If-Match": tag})

    problem(refused, 412)
    assert b"canary" not in refused.content
    assert stored(link.account, "api_key") == "canary-theirs"


def test_an_access_has_a_version_too(bot: Bot, link: StrategyAccount) -> None:
    access = AccountAccess.objects.create(
        account=link.account, user=make_user(), role=AccessRole.VIEWER
    )
    path = f"account-access/{access.pk}/"
    tag = bot.get(path)["ETag"]
    change_access(access.pk, role=AccessRole.OPERATOR)

    refused = bot.send("patch", path, {"role": "manager"}, **{"If-Match": tag})

    assert "operator" in problem(refused, 412)["errors"][0]["detail"]
    assert stored(access, "role") == "operator"
    now = bot.get(path)["ETag"]
    made = bot.send("patch", path, {"role": "manager"}, **{"If-Match": now})
    assert made.status_code == 200


def test_a_created_row_has_a_version(bot: Bot) -> None:
    made = bot.post("strategies/", {"key": "new", "name": "New", "market_type": "spot"})
    assert made.status_code == 201
    assert made["ETag"] == bot.get("strategies/new/")["ETag"]


def test_what_can_be_edited_is_part_of_the_version() -> None:
    """A field that the API or a form writes and that no version covers could be undone unseen."""
    from capital.admin.accounts.form import AccountForm
    from capital.admin.accounts.links import LinkAdmin, LinksInline
    from capital.api.shapes.rows import AccountRow, LinkRow, StrategyRow

    for serializer, model in (
        (AccountRow, Account),
        (LinkRow, StrategyAccount),
        (StrategyRow, Strategy),
    ):
        names = {name for name, field in serializer().fields.items() if not field.read_only}
        assert names <= set(model.edited_fields), model
    forms = {*AccountForm.base_fields} - set(Account.edited_fields)
    shown = {"shown_strategy", "shown_weight", "shown_share", "shown_capital"}
    links = {*LinksInline.fields, *flatten_fieldsets(LinkAdmin.fieldsets)} - shown
    assert not forms
    assert links <= set(StrategyAccount.edited_fields)


def test_both_lists_of_symbols_are_told(page: Client, link: StrategyAccount) -> None:
    inputs = opened(page, page_of(link))
    StrategyAccount.objects.filter(pk=link.pk).update(symbols=["ETH/USDT", "SOL/USDT"])

    answer = page.post(page_of(link), {**inputs, "symbols": "BTC/USDT"})

    assert answer.status_code == 200
    assert "is “ETH/USDT, SOL/USDT” now. You entered “BTC/USDT”" in str(answer.context["errors"])
    assert StrategyAccount.objects.get(pk=link.pk).symbols == ["ETH/USDT", "SOL/USDT"]

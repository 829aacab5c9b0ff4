"""Importing accounts and strategies from the admin: uploaded, seen first, imported exactly so."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from capital.models import Account, StrategyAccount
from strategies.models import Strategy
from tests.admin.tenants import allow, allow_everything
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db

ACCOUNTS = reverse("admin:capital_account_import_table")
STRATEGIES = reverse("admin:strategies_strategy_import_table")
TABLE = b"name,venue,reserve_percent,api_key\nMain,binance,12.5,key-canary\nAlt,bybit,,\n"


@pytest.fixture
def owner() -> User:
    user = make_user(username="olga", is_staff=True)
    return allow_everything(user)


@pytest.fixture
def page(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def send(page: Client, content: bytes, start: str = ACCOUNTS, name: str = "table.csv") -> Any:
    file = SimpleUploadedFile(name, content)
    return page.post(start, {"import_file": file, "format": "0", "resource": "0"})


def carried(answer: Any) -> dict[str, str]:
    """What the preview's form sends."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text_of(answer))
    return {name: unescape(value) for name, value in found}


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def words(answer: Any) -> str:
    """What a reader sees, in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", text_of(answer)).split())


def confirm(page: Client, fields: dict[str, str], model: str = "capital_account") -> Any:
    return page.post(reverse(f"admin:{model}_process_import"), fields, follow=True)


@pytest.mark.once
@pytest.mark.parametrize("start", [ACCOUNTS, STRATEGIES])
def test_the_lists_lead_to_the_page(page: Client, start: str) -> None:
    listed = page.get(start.removesuffix("import/"))

    assert f'href="{start}"' in text_of(listed)
    assert page.get(start).status_code == 200


@pytest.mark.once
def test_who_may_not_add_finds_no_page(client: Client) -> None:
    client.force_login(allow(make_user(is_staff=True), "capital.view_account"))

    assert ACCOUNTS not in text_of(client.get(reverse("admin:capital_account_changelist")))
    assert client.get(ACCOUNTS).status_code == 403
    template = reverse("admin:capital_account_template_csv")
    assert client.get(template).status_code == 403
    assert client.post(reverse("admin:capital_account_process_import")).status_code == 403


def test_accounts_are_shown_first_and_then_imported(page: Client, owner: User) -> None:
    shown = send(page, TABLE)

    assert "Main account new venue binance reserve_percent 12.5" in words(shown)
    assert "api_key new value, not shown" in words(shown)
    assert not Account.objects.exists()

    done = confirm(page, carried(shown))

    assert "Imported: 2 new, 0 changed, 0 unchanged." in words(done)
    assert {(each.name, each.owner) for each in Account.objects.all()} == {
        ("Main", owner),
        ("Alt", owner),
    }
    assert Account.objects.get(name="Main").api_key == "key-canary"


def test_no_credential_is_shown_or_stored(
    page: Client, owner: User, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    caplog.set_level("DEBUG")

    shown = send(page, TABLE)
    refused = send(page, TABLE.replace(b"12.5", b"500"))
    done = confirm(page, carried(shown))

    for answer in (shown, refused, done):
        assert "canary" not in text_of(answer)
    assert "canary" not in caplog.text
    assert all("canary" not in str(row.get_decoded()) for row in Session.objects.all())
    assert list(tmp_path.iterdir()) == []
    assert not LogEntry.objects.exists()


def test_strategies_are_imported_with_links(page: Client, owner: User) -> None:
    make_account(owner=owner, name="Main")
    table = b"key,name,market_type,account,weight\ntrend,Trend,futures,Main,2\n"

    shown = send(page, table, STRATEGIES)
    confirm(page, carried(shown), "strategies_strategy")

    assert "trend @ Main strategy link new weight 2" in words(shown)
    assert Strategy.objects.get().strategy_accounts.get().weight == 2


def test_what_is_changed_is_shown_before_and_after(page: Client, owner: User) -> None:
    make_account(owner=owner, name="Main", reserve_percent=5)
    make_account(owner=owner, name="Same", reserve_percent=5)

    shown = send(page, b"name,reserve_percent\nMain,10\nSame,5\n")
    done = confirm(page, carried(shown))

    assert "Main account changed reserve_percent 5 → 10" in words(shown)
    assert "Same account unchanged" in words(shown)
    assert "Imported: 0 new, 1 changed, 1 unchanged." in words(done)


def test_problems_are_shown_with_line_and_column_and_nothing_can_be_imported(
    page: Client,
) -> None:
    shown = send(page, b"name,venue,reserve_percent\nMain,binance,1\nAlt,binance,500\n")

    assert "Nothing can be imported." in words(shown)
    assert re.search(r"3 reserve_percent [^<]*100", words(shown))
    assert "import_file_name" not in carried(shown)


def test_of_many_problems_the_first_are_shown(page: Client) -> None:
    shown = send(page, b"name,venue\n" + b"".join(b"A%d,x\n" % each for each in range(53)))

    assert "… and 3 more." in words(shown)


def test_nothing_new_cannot_be_imported(page: Client, owner: User) -> None:
    make_account(owner=owner, name="Main", venue="binance")

    shown = send(page, b"name,venue\nMain,binance\n")

    assert "there is nothing to import" in words(shown)
    assert ">Import<" not in text_of(shown)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x00\x01", "table.csv cannot be read. Give a CSV in UTF-8, or an XLSX."),
        (b"name\n", "The file has no line below the names of its columns."),
        (b"name,x\nMain,1\n", "Unknown column: x."),
        (b"name\n" + b"x" * 600_000, "The file is larger than 512 KB. Split it."),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_its_field(
    page: Client, content: bytes, said: str
) -> None:
    answer = send(page, content)

    assert said in answer.context["form"].errors["import_file"][0]
    assert said in unescape(words(answer))


def test_another_import_than_was_shown_is_refused(page: Client, owner: User) -> None:
    shown = carried(send(page, TABLE))
    make_account(owner=owner, name="Main", reserve_percent=50)

    done = confirm(page, shown)

    assert "Something was changed since the preview was shown" in words(done)
    assert done.redirect_chain == [(ACCOUNTS, 302)]
    assert Account.objects.get().reserve_percent == 50


@pytest.mark.parametrize(
    "changed",
    [
        {"import_file_name": "/etc/passwd"},
        {"import_file_name": "2.AAAA"},
        {"import_file_name": ""},
        {"shown": ""},
    ],
)
def test_a_form_that_this_site_did_not_send_imports_nothing(
    page: Client, changed: dict[str, str]
) -> None:
    shown = carried(send(page, TABLE))

    answer = confirm(page, shown | changed)

    assert answer.status_code == 200
    assert not Account.objects.exists()


def test_what_somebody_else_was_shown_cannot_be_imported(page: Client, client: Client) -> None:
    shown = carried(send(page, TABLE))
    client.force_login(allow_everything(make_user(is_staff=True)))

    answer = confirm(client, shown)

    assert "Nothing was imported: upload the file again." in words(answer)
    assert not Account.objects.exists()


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_templates_can_be_imported_as_they_are(page: Client, ending: str) -> None:
    """First the accounts, then the strategies that trade on them."""
    for model, start in (("capital_account", ACCOUNTS), ("strategies_strategy", STRATEGIES)):
        answer: Any = page.get(reverse(f"admin:{model}_template_{ending}"))
        content = answer.content if ending == "xlsx" else answer.getvalue()
        shown = send(page, content, start, name=f"table.{ending}")
        assert "Imported: 1 new" in words(confirm(page, carried(shown), model))

    assert StrategyAccount.objects.get().account.max_drawdown_percent == 20


@pytest.mark.once
def test_the_preview_is_told_in_korean_as_well(page: Client, owner: User) -> None:
    make_account(owner=owner, name="Main", reserve_percent=5)
    headers = {"accept-language": "ko"}
    file = SimpleUploadedFile("t.csv", b"name,reserve_percent,venue\nMain,10,\nAlt,x,\nB,1,okx\n")

    answer = page.post(
        ACCOUNTS, {"import_file": file, "format": "0", "resource": "0"}, headers=headers
    )

    text = words(answer)
    assert "계좌 가져오기: 미리보기" in text
    assert "reserve_percent 5 → 10" in text
    for phrase in ("Line by line", "Nothing can be imported", "Correct the file", " changed "):
        assert phrase not in text

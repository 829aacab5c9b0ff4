"""Tables of accounts and of strategies: entered with everybody's own rights, all or nothing."""

import io
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone, translation

from capital.domain.errors import SheetChanged, SheetRefused
from capital.domain.reasons import Code
from capital.models import Account, AccountAccess, SettingChange, StrategyAccount
from capital.services.desks import (
    LARGEST_SHEET_KB,
    SheetReport,
    Verb,
    open_sheet,
    seal_sheet,
)
from capital.services.desks.sheets.resources import AccountSheet, Sheet, StrategySheet
from capital.services.trading import write_workbook
from strategies.models import Strategy
from tests.admin.tenants import allow
from tests.factories import forge, make_account, make_link, make_strategy, make_user, trust

pytestmark = pytest.mark.django_db

MAY = ("add_account", "change_account", "add_strategyaccount", "change_strategyaccount")


@pytest.fixture
def user() -> User:
    rights = [f"capital.{each}" for each in MAY]
    rights += ["strategies.add_strategy", "strategies.change_strategy"]
    return allow(make_user(username="olga"), *rights)


def run(kind: type[Sheet], content: str | bytes, user: User, **kwargs: Any) -> SheetReport:
    """What a preview tells; with ``shown``, what an import did."""
    data = content if isinstance(content, bytes) else content.encode()
    report = SheetReport()
    sheet = kind(actor=user, origin="192.0.2.1", report=report, **kwargs)
    sheet.import_data(kind.read(data, name="table.csv"), dry_run="shown" not in kwargs)
    return report


def enter(kind: type[Sheet], content: str | bytes, user: User) -> SheetReport:
    """Import what a preview showed."""
    return run(kind, content, user, shown=run(kind, content, user).digest)


def told(report: SheetReport) -> list[tuple[int, Verb, str]]:
    return [(number, step.verb, step.name) for number, step in report.steps]


def problems(report: SheetReport) -> list[tuple[int, str, str]]:
    return [(each.number, each.column, each.text) for each in report.problems]


def test_accounts_are_made_as_the_file_says_and_kept_on_record(user: User) -> None:
    report = enter(
        AccountSheet,
        "name,venue,currency,reserve_percent,is_sandbox,api_key,api_secret\n"
        "Main,Binance,USDT,12.5,no,key-canary,secret-canary\n"
        "\n"
        "Alt,bybit,,,yes,,\n",
        user,
    )

    main, alt = Account.objects.order_by("-name")
    assert told(report) == [(2, Verb.MADE, "Main"), (4, Verb.MADE, "Alt")]
    assert (main.owner, main.venue, main.reserve_percent) == (user, "binance", Decimal("12.5"))
    assert (main.api_key, main.api_secret, main.is_sandbox) == (
        "key-canary",
        "secret-canary",
        False,
    )
    assert (alt.venue, alt.currency, alt.is_sandbox, alt.api_key) == ("bybit", "USDT", True, "")
    change = SettingChange.objects.get(account_id=main.pk)
    assert (change.actor_id, change.origin) == (user.pk, "192.0.2.1")
    assert "canary" not in str(change.values)
    assert "canary" not in str(report)


def test_a_preview_makes_nothing(user: User) -> None:
    report = run(AccountSheet, "name,venue\nMain,binance\n", user)

    assert told(report) == [(2, Verb.MADE, "Main")]
    assert not Account.objects.exists()
    assert not SettingChange.objects.exists()


def test_what_is_there_is_changed_and_what_the_file_leaves_out_stays(user: User) -> None:
    main = make_account(owner=user, name="Main", reserve_percent=5, api_key="old-canary")
    same = make_account(owner=user, name="Same", reserve_percent=10)
    other = make_account(name="Main", reserve_percent=7)

    report = enter(
        AccountSheet,
        "name,reserve_percent,reserve_amount,api_key\nMain,10,,new-canary\nSame,10.0,,\n",
        user,
    )

    for account in (main, same, other):
        account.refresh_from_db()
    assert told(report) == [(2, Verb.CHANGED, "Main"), (3, Verb.KEPT, "Same")]
    assert report.steps[0][1].fields == {
        "reserve_percent": (Decimal(5), Decimal(10)),
        "api_key": (None, None),
    }
    assert (main.reserve_percent, main.api_key) == (10, "new-canary")
    assert (same.reserve_percent, other.reserve_percent) == (10, 7)


def test_every_line_that_is_refused_is_told_and_then_nothing_is_made(user: User) -> None:
    report = run(
        AccountSheet,
        "name,venue,reserve_percent,max_cache_age_hours,is_active,policy\n"
        "Main,binance,10,,,\n"
        "Alt,nowhere,1e3,,,\n"
        ",binance,,,,\n"
        "Odd,binance,ten,1.5,maybe,luck\n"
        "Main,bybit,,,,\n",
        user,
    )

    texts = {(number, column): text for number, column, text in problems(report)}
    assert texts.keys() == {
        (3, "venue"),
        (3, "reserve_percent"),
        (4, "name"),
        (5, "reserve_percent"),
        (5, "max_cache_age_hours"),
        (5, "is_active"),
        (6, "name"),
    }
    assert "nowhere" in texts[3, "venue"]
    assert "100" in texts[3, "reserve_percent"]
    assert texts[4, "name"] == "The cell is empty."
    assert "“ten” is not a plain number" in texts[5, "reserve_percent"]
    assert texts[5, "max_cache_age_hours"] == "“1.5” is not a whole number."
    assert texts[5, "is_active"] == "“maybe” is neither true nor false."
    assert texts[6, "name"] == "Line 2 has this account already."
    with pytest.raises(SheetChanged):
        run(AccountSheet, "name,venue\nMain,binance\n,binance\n", user, shown=report.digest)
    assert not Account.objects.exists()


@pytest.mark.parametrize("text", ["--5", "1_0", "٣", "½", "1e1", "9" * 5000])  # fmt: skip
def test_what_is_no_whole_number_is_a_problem_of_its_cell(user: User, text: str) -> None:
    report = run(AccountSheet, f"name,venue,max_cache_age_hours\nMain,binance,{text}\n", user)

    ((number, column, told),) = problems(report)
    assert (number, column) == (2, "max_cache_age_hours")
    assert told.endswith("is not a whole number.")


def test_a_word_that_is_not_known_is_told_with_those_that_are(user: User) -> None:
    report = run(AccountSheet, "name,venue,policy\nMain,binance,luck\n", user)

    ((number, column, text),) = problems(report)
    assert (number, column) == (2, "policy")
    assert text.endswith("Choose one of: weights, own_profit, inverse_volatility.")


def test_empty_cells_beyond_the_columns_are_nothing() -> None:
    table = AccountSheet.read(b"name,reserve_percent\nMain,1.5,,\n", name="table.csv")

    assert [each for each in table[0] if each] == [2, "Main", "1.5"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x00\x01", Code.SHEET_UNREADABLE),
        (b"PK\x03\x04 no workbook", Code.SHEET_UNREADABLE),
        (b"venue\nbinance\n", Code.FILE_COLUMNS_MISSING),
        (b"name,password\nMain,x\n", Code.FILE_COLUMNS_UNKNOWN),
        (b"name,name\nMain,x\n", Code.FILE_COLUMNS_TWICE),
        (b"name\n" + b"a\n" * 501, Code.FILE_TOO_LONG),
        (b"name,reserve_percent\nMain,1,5\n", Code.FILE_LINE_TOO_WIDE),
    ],
)
def test_a_file_of_another_form_is_refused_as_a_whole(content: bytes, code: Code) -> None:
    with pytest.raises(SheetRefused) as caught:
        AccountSheet.read(content, name="table.csv")

    assert caught.value.reason.code is code


def test_a_workbook_is_read_as_well(user: User) -> None:
    columns = ["name", "venue", "reserve_percent", "is_active"]
    with write_workbook(columns, [["Main", "binance", Decimal("12.5"), False]]) as file:
        content = file.read()

    enter(AccountSheet, content, user)

    account = Account.objects.get()
    assert (account.name, account.reserve_percent) == ("Main", Decimal("12.5"))
    assert account.is_active is False


def test_what_a_spreadsheet_computes_or_cuts_is_refused_and_no_secret_is_repeated(
    user: User,
) -> None:
    from openpyxl import Workbook

    workbook = Workbook()
    sheet: Any = workbook.active
    sheet.append(["name", "venue", "reserve_percent", "api_key", "api_secret"])
    sheet.append(["Main", "binance", "=1+1", 12345678901234567890, '="canary"'])
    sheet.append(["=A2", "binance", None, None, None])
    content = io.BytesIO()
    workbook.save(content)

    report = run(AccountSheet, content.getvalue(), user)

    assert [(number, column) for number, column, _ in problems(report)] == [
        (2, "reserve_percent"),
        (2, "api_key"),
        (2, "api_secret"),
        (3, "name"),
    ]
    texts = [text for _, _, text in problems(report)]
    assert "=1+1" in texts[0]
    assert not any("canary" in text or "1234567" in text for text in texts)


def test_only_a_superuser_chooses_the_owner(user: User) -> None:
    other = make_user(username="minsu")
    content = "name,venue,owner\nMain,binance,minsu\n"

    refused = run(AccountSheet, content, user)
    unknown = run(AccountSheet, "name,owner\nMain,nobody\n", user)
    nobody = run(AccountSheet, "name,venue,owner\nMain,binance,nobody\n", trust(make_user()))
    enter(AccountSheet, content, trust(make_user(username="root")))

    only = "Only a superuser can choose the owner."
    # Also of one who is not there: whether somebody is, it does not say.
    assert [*problems(refused), *problems(unknown)] == [(2, "owner", only), (2, "owner", only)]
    assert problems(nobody) == [(2, "owner", "There is no user “nobody”.")]
    assert Account.objects.get().owner == other


def test_one_needs_the_permissions_that_pages_and_api_ask(user: User) -> None:
    make_account(owner=user, name="Main")
    bare = allow(make_user(username="bare"), "capital.add_account")
    make_account(owner=bare, name="Old", reserve_percent=5)

    report = run(AccountSheet, "name,venue,reserve_percent\nOld,,10\nNew,okx,\n", bare)
    nobody = run(AccountSheet, "name,venue\nNew,okx\n", make_user(username="nobody"))

    assert told(report) == [(3, Verb.MADE, "New")]
    ((number, column, text),) = problems(report)
    assert (number, column) == (2, "name")
    assert "capital.change_account" in text
    assert "capital.add_account" in problems(nobody)[0][2]


def test_who_may_not_raise_the_budget_is_told_so_at_its_column(user: User) -> None:
    report = run(AccountSheet, "name,venue,max_budget_percent\nMain,binance,150\n", user)

    assert [(number, column) for number, column, _ in problems(report)] == [
        (2, "max_budget_percent")
    ]


def test_credentials_that_no_key_opens_are_replaced(user: User) -> None:
    account = make_account(owner=user, name="Main", api_key="old")
    forge(account, api_key=make_account(owner=user, name="Other", api_key="x").__dict__["api_key"])

    report = enter(AccountSheet, "name,api_key\nMain,new-key\n", user)

    assert told(report) == [(2, Verb.CHANGED, "Main")]
    assert Account.objects.get(name="Main").api_key == "new-key"


def test_strategies_are_made_with_their_links(user: User) -> None:
    main, alt = (make_account(owner=user, name=name) for name in ("Main", "Alt"))
    make_account(name="Main")

    report = enter(
        StrategySheet,
        "key;name;market_type;status;account;weight;leverage;max_symbols;symbols\n"
        "trend;Trend;FUTURES;Paused;Main;0.5;2;3;BTC/USDT:USDT ETH/USDT:USDT\n"
        "trend;Trend;futures;;Alt;1;;;\n"
        "grid;Grid;spot;;;;;;\n",
        user,
    )

    assert told(report) == [
        (2, Verb.MADE, "trend"),
        (2, Verb.MADE, "trend @ Main"),
        (3, Verb.MADE, "trend @ Alt"),
        (4, Verb.MADE, "grid"),
    ]
    trend = Strategy.objects.get(key="trend")
    assert (trend.owner, trend.market_type, trend.status) == (user, "futures", "PAUSED")
    first, second = StrategyAccount.objects.order_by("pk")
    assert (first.account, first.weight, first.leverage) == (main, Decimal("0.5"), 2)
    assert (first.max_symbols, first.symbols) == (3, ["BTC/USDT:USDT", "ETH/USDT:USDT"])
    assert (second.account, second.weight) == (alt, 1)


def test_strategies_and_links_that_are_there_are_changed(user: User) -> None:
    account = make_account(owner=user, name="Main")
    strategy = make_strategy(owner=user, key="trend", name="Old", market_type="futures")
    make_link(account=account, strategy=strategy, weight="0.5", leverage=3)
    make_strategy(owner=user, key="grid", name="Grid")

    report = enter(StrategySheet, "key,name,account,weight\ntrend,New,Main,1\ngrid,Grid,,\n", user)

    link = StrategyAccount.objects.get()
    assert told(report) == [
        (2, Verb.CHANGED, "trend"),
        (2, Verb.CHANGED, "trend @ Main"),
        (3, Verb.KEPT, "grid"),
    ]
    assert Strategy.objects.get(key="trend").name == "New"
    assert (link.weight, link.leverage) == (1, 3)
    again = enter(StrategySheet, "key,account,weight\ntrend,Main,1.0\n", user)
    assert told(again) == [(2, Verb.KEPT, "trend"), (2, Verb.KEPT, "trend @ Main")]


def test_what_nobody_foresaw_is_raised_and_makes_nothing(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as no line's problem, where its text might hold a secret."""
    monkeypatch.setattr("capital.services.desks.sheets.entering.lock_accounts", lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        run(AccountSheet, "name,venue\nMain,binance\n", user)

    monkeypatch.undo()
    monkeypatch.setattr(
        "capital.services.desks.sheets.entering.change_account", lambda *_, **__: 1 / 0
    )
    make_account(owner=user, name="Old")
    content = "name,venue,reserve_percent\nNew,okx,\nOld,,10\n"
    with pytest.raises(ZeroDivisionError):
        run(AccountSheet, content, user)
    assert not Account.objects.filter(name="New").exists()


def test_a_link_is_refused_by_the_rules_of_its_page_and_told_at_its_column(user: User) -> None:
    make_account(owner=user, name="Won", venue="upbit")
    make_account(owner=user, name="Main")
    make_account(name="Theirs")

    report = run(
        StrategySheet,
        "key,name,market_type,account,weight\n"
        "a,A,futures,Won,\n"
        "b,B,futures,Main,1000\n"
        "c,C,futures,Theirs,\n"
        "d,D,futures,,2\n"
        "e,E,futures,Main,\n"
        "e,Other,futures,Main,\n"
        "e,E,futures,Main,\n",
        user,
    )

    assert [(number, column) for number, column, _ in problems(report)] == [
        (2, "account"),
        (3, "weight"),
        (4, "account"),
        (5, "weight"),
        (7, "name"),
        (8, "account"),
    ]
    texts = [text for _, _, text in problems(report)]
    assert texts[2] == "There is no account “Theirs”. Import the accounts first."
    assert texts[3] == "Name the account in the column account."
    assert texts[4] == "Line 6 says something else of this strategy."
    assert texts[5] == "Line 6 has this strategy on this account already."


def test_the_key_of_somebody_else_is_taken_and_nothing_of_theirs_is_told(user: User) -> None:
    make_strategy(key="trend", name="Theirs", description="canary")

    report = run(StrategySheet, "key,name,market_type\ntrend,Mine,spot\n", user)
    theirs = run(StrategySheet, "key,name\ntrend,New\n", trust(make_user()))

    assert problems(report) == [(2, "key", "This key is already taken. “trend-2” is free.")]
    assert told(theirs) == [(2, Verb.CHANGED, "trend")]


def test_an_account_that_is_shared_is_linked_unless_two_are_called_so(user: User) -> None:
    shared = make_account(name="Shared")
    AccountAccess.objects.create(account=shared, user=user, role="operator")
    content = "key,name,market_type,account\na,A,futures,Shared\n"

    one = run(StrategySheet, content, user)
    AccountAccess.objects.create(account=make_account(name="Shared"), user=user, role="operator")
    two = run(StrategySheet, content, user)
    own = make_account(owner=user, name="Shared")
    enter(StrategySheet, content, user)

    assert told(one) == [(2, Verb.MADE, "a"), (2, Verb.MADE, "a @ Shared")]
    text = "Several accounts are called “Shared”. Link it on the account's page."
    assert problems(two) == [(2, "account", text)]
    assert StrategyAccount.objects.get().account == own


def test_an_import_that_would_do_something_else_than_was_shown_does_nothing(user: User) -> None:
    content = "name,venue,reserve_percent\nMain,binance,10\nAlt,okx,\n"
    shown = run(AccountSheet, content, user).digest
    make_account(owner=user, name="Main", venue="binance", reserve_percent=5)

    with pytest.raises(SheetChanged) as caught:
        run(AccountSheet, content, user, shown=shown)

    assert caught.value.reason.code is Code.SHEET_CHANGED
    assert Account.objects.get().reserve_percent == 5


def test_problems_are_told_in_the_readers_language(user: User) -> None:
    with translation.override("ko"):
        report = run(AccountSheet, "name,is_active\nMain,maybe\n", user)

    assert "maybe" in report.problems[0].text
    assert "neither" not in report.problems[0].text


def test_a_carried_table_opens_for_who_sent_it_as_what_it_was_and_for_a_day(user: User) -> None:
    now = timezone.now()
    sealed = seal_sheet(b"name\ncanary\n", kind="account", actor=user, clock=lambda: now)

    def opened(kind: str, actor: User, moment: datetime, text: str = sealed) -> bytes:
        return open_sheet(text, kind=kind, actor=actor, clock=lambda: moment)

    assert "canary" not in sealed
    assert opened("account", user, now + timedelta(hours=23)) == b"name\ncanary\n"
    for kind, actor, moment, text in (
        ("strategy", user, now, sealed),
        ("account", make_user(), now, sealed),
        ("account", user, now + timedelta(hours=25), sealed),
        ("account", user, now, sealed[:-4]),
        ("account", user, now, "/etc/passwd"),
    ):
        with pytest.raises(SheetRefused) as caught:
            opened(kind, actor, moment, text)
        assert caught.value.reason.code is Code.SHEET_EXPIRED


def test_a_file_that_a_page_cannot_carry_is_refused(user: User) -> None:
    content = b"x" * (LARGEST_SHEET_KB * 1024)
    seal_sheet(content, kind="account", actor=user)

    with pytest.raises(SheetRefused) as caught:
        seal_sheet(content + b"x", kind="account", actor=user)

    assert caught.value.reason.code is Code.SHEET_TOO_LARGE

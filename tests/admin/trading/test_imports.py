"""Importing trades from the admin: uploaded, seen first, imported exactly so and once."""

import gzip
import re
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from capital.models import AccountAccess, Fill, Flow, TradeUpload
from capital.services.trading import import_trades
from capital.services.trading.files import read_trade_content
from tests.admin.tenants import allow, join
from tests.factories import make_account, make_link, make_market, make_strategy, make_user
from tests.services.trading.files.databases import make_database

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

START = reverse("admin:capital_fill_import_trades")
HEADER = "executed_at,strategy,symbol,side,quantity,price,fee_amount,fee_currency,order_id"
LINES = (
    "2026-03-10T09:00:00+09:00,trend,BTC/USDT:USDT,buy,1,100,0.1,USDT,a",
    "2026-03-10T10:00:00+09:00,trend,BTC/USDT:USDT,sell,1,110,0.1,USDT,b",
)


@pytest.fixture
def operator() -> User:
    return join(make_user(username="olga", is_staff=True), "operator")


@pytest.fixture(autouse=True)
def account(operator: User) -> Any:
    account = make_account(owner=operator, name="Main", venue="binance")
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT"):
        make_market(symbol)
        make_market(f"{symbol}:USDT", contract_size=Decimal(1))
    for key, name, market in (("gridspot", "Grid", "spot"), ("trend", "TRENDFUT", "futures")):
        strategy = make_strategy(owner=operator, key=key, name=name, market_type=market)
        make_link(account=account, strategy=strategy)
    return account


@pytest.fixture
def page(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def sheet(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join((header, *lines)).encode()


def send(
    page: Client, account: Any, content: bytes, name: str = "trades.csv", **fields: Any
) -> Any:
    given = {"file": SimpleUploadedFile(name, content), "account": account.pk, **fields}
    return page.post(START, given)


def previewed(page: Client, account: Any, content: bytes, **fields: Any) -> tuple[str, str]:
    """The address of the preview, and its page."""
    answer = send(page, account, content, **fields)
    assert answer.status_code == 302, error_of(answer)
    return answer.url, page.get(answer.url).content.decode()


def error_of(answer: Any) -> str:
    (errors,) = answer.context["form"].errors.values()
    return str(errors[0])


def shown_in(text: str) -> str:
    found = re.search(r'name="shown" value="([^"]*)"', text)
    assert found is not None
    return unescape(found[1])


def words(text: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


@pytest.mark.once
def test_the_list_of_fills_leads_to_the_page(page: Client) -> None:
    text = page.get(reverse("admin:capital_fill_changelist")).content.decode()

    assert f'href="{START}"' in text
    assert page.get(START).status_code == 200


@pytest.mark.once
def test_who_may_not_report_trading_finds_no_page(client: Client) -> None:
    client.force_login(allow(make_user(is_staff=True), "capital.view_fill"))

    text = client.get(reverse("admin:capital_fill_changelist")).content.decode()

    assert START not in text
    assert client.get(START).status_code == 403


def test_only_accounts_on_which_one_may_report_are_offered(page: Client, operator: User) -> None:
    """One of somebody else's that the operator may only look at, and one that is not seen."""
    seen = make_account(name="Looked at")
    AccountAccess.objects.create(account=seen, user=operator, role="viewer")
    shared = make_account(name="Shared")
    AccountAccess.objects.create(account=shared, user=operator, role="operator")
    make_account(name="Hidden")

    form = page.get(START).context["form"]

    assert [each.name for each in form.fields["account"].queryset] == ["Main", "Shared"]
    refused = send(page, seen, sheet(*LINES))
    assert refused.status_code == 200
    assert not TradeUpload.objects.exists()


def test_a_database_of_freqtrade_is_previewed_with_both_results_and_imported(
    page: Client, account: Any, tmp_path: Path
) -> None:
    content = make_database(tmp_path / "tradesv3.sqlite").read_bytes()

    url, text = previewed(page, account, content, name="tradesv3.sqlite")

    shown = words(text)
    assert "Realised -259.87644 USDT Fees 117.56644 USDT Funding -7.25 USDT" in shown
    assert "freqtrade says -257.14494 USDT" in shown
    assert "entry fees of open trades, which it counts when the trade closes -2.73 USDT" in shown
    assert "fees taken off the coin, which it counts again at their rate -0.0015 USDT" in shown
    assert "Grid 20 0 20 0 TRENDFUT 30 0 30 17" in shown
    assert not Fill.objects.exists()
    answer = page.post(url, {"shown": shown_in(text)})
    assert answer.url == url
    assert (Fill.objects.count(), Flow.objects.count()) == (50, 17)
    result = words(page.get(url).content.decode())
    assert "Imported exactly as shown in the preview." in result
    assert "Grid 20 0 0 20 0 0 TRENDFUT 30 0 0 30 0 17" in result


def test_a_double_click_and_a_reload_import_once(page: Client, account: Any) -> None:
    url, text = previewed(page, account, sheet(*LINES))
    for _ in range(2):
        assert page.post(url, {"shown": shown_in(text)}).status_code == 302

    assert Fill.objects.count() == 2
    upload = TradeUpload.objects.get()
    assert bytes(upload.content) == b""
    # A tab in which the preview is still open says the same.
    assert page.post(url, {"shown": "nonsense"}).url == url
    assert Fill.objects.count() == 2


def test_what_somebody_imported_in_between_is_told_and_nothing_is_recorded(
    page: Client, account: Any
) -> None:
    url, text = previewed(page, account, sheet(*LINES))
    import_trades(account.pk, read_trade_content(sheet(LINES[0]), name="other.csv"))

    answer = page.post(url, {"shown": shown_in(text)}, follow=True)

    told = [str(message) for message in answer.context["messages"]]
    assert told[0].startswith("Something was recorded since the preview was shown")
    assert told[1] == "trend: New fills 2 → 1, Already known 0 → 1"
    assert Fill.objects.count() == 1
    again = answer.content.decode()
    assert page.post(url, {"shown": shown_in(again)}).status_code == 302
    assert Fill.objects.count() == 2


@pytest.mark.parametrize(
    "shown", ["", "[]", "{}", '{"strategies": 1}', '{"strategies": {"trend": 1}}']
)
def test_without_what_was_shown_nothing_is_imported(page: Client, account: Any, shown: str) -> None:
    url, _ = previewed(page, account, sheet(*LINES))

    page.post(url, {"shown": shown})

    assert not Fill.objects.exists()


@pytest.mark.once
def test_every_line_that_cannot_be_used_is_named(page: Client, account: Any) -> None:
    content = sheet(
        LINES[0],
        "2026-03-10 10:00,trend,BTC/USDT:USDT,hold,1,110,0.2,BNB,b",
        *["2026-03-10T11:00:00+09:00,nobody,BTC/USDT:USDT,buy,1,110,0.2,BNB,c"] * 49,
    )

    url, text = previewed(page, account, content)

    shown = words(text)
    assert "3 executed_at “2026-03-10 10:00” is not a time with its offset from UTC." in shown
    assert "3 side “hold” is not one of: buy, sell." in shown
    assert "4–52 strategy No strategy of the account is called “nobody”." in shown
    assert "_import" not in text
    page.post(url, {"shown": shown_in(text)})
    assert not Fill.objects.exists()


def test_what_is_known_with_other_figures_stands_first(page: Client, account: Any) -> None:
    import_trades(
        account.pk,
        read_trade_content(
            sheet(
                "2026-03-10T10:00:00+09:00,trend,BTC/USDT:USDT,sell,1,110,v2",
                header="executed_at,strategy,symbol,side,quantity,price,venue_fill_id",
            ),
            name="first.csv",
        ),
    )
    content = sheet(
        "2026-03-10T09:00:00+09:00,trend,BTC/USDT:USDT,buy,1,100,v1,o1",
        "2026-03-10T10:00:00+09:00,trend,BTC/USDT:USDT,sell,1,111,v2,o2",
        # The exchange's own fill of this order is known.
        "2026-03-10T09:00:00+09:00,trend,BTC/USDT:USDT,buy,1,100,,o1",
        header="executed_at,strategy,symbol,side,quantity,price,venue_fill_id,order_id",
    )

    _, text = previewed(page, account, content)

    lines = page.get(last_upload()).context["lines"]
    assert [line["number"] for line in lines] == [3, 4, 2]
    assert "known, with other figures" in words(text)
    assert "not counted" in words(text)


def last_upload() -> str:
    upload = TradeUpload.objects.latest("pk")
    return reverse("admin:capital_fill_upload", args=[upload.public_id])


def test_a_known_file_is_nothing_to_import(page: Client, account: Any) -> None:
    import_trades(account.pk, read_trade_content(sheet(*LINES), name="first.csv"))

    _, text = previewed(page, account, sheet(*LINES))

    assert "Everything in the file is known already" in text
    assert "_import" not in text


@pytest.mark.once
def test_an_empty_table_tells_of_no_trades(page: Client, account: Any) -> None:
    _, text = previewed(page, account, sheet())

    assert "The file contains no trades." in text


@pytest.mark.once
def test_a_strategy_that_is_chosen_takes_all_lines(page: Client, account: Any) -> None:
    link = account.strategy_accounts.get(strategy__key="trend")
    line = LINES[0].replace("trend", "nobody")

    url, text = previewed(page, account, sheet(line), strategy=link.strategy_id)
    page.post(url, {"shown": shown_in(text)})

    assert Fill.objects.get().strategy_account == link


@pytest.mark.once
def test_a_strategy_of_another_account_is_refused(page: Client, account: Any) -> None:
    elsewhere = make_strategy(owner=account.owner, key="elsewhere")
    make_link(account=make_account(owner=account.owner, name="Other"), strategy=elsewhere)

    answer = send(page, account, sheet(*LINES), strategy=elsewhere.pk)

    assert error_of(answer) == "This strategy does not trade on the account."


@pytest.mark.once
def test_a_compressed_file_is_unpacked(page: Client, account: Any) -> None:
    _, text = previewed(page, account, gzip.compress(sheet(*LINES)))

    assert "TRENDFUT 2 0 2" in words(text)


@pytest.mark.once
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "trades.csv cannot be read."),
        (b"a,b\n1,2\n", "The file has no column executed_at, symbol, side, quantity, price."),
        (sheet(*["x"] * 5001), "The file has more than 5,000 lines."),
        (gzip.compress(b"\n" * ((16 << 20) + 1)), "trades.csv is larger than 16 MB."),
        (gzip.compress(sheet(*LINES))[:-9], "trades.csv cannot be read."),
        (b"\x1f\x8b nothing", "trades.csv cannot be read."),
        (b"SQLite format 3\x00 nothing", "trades.csv cannot be read as a freqtrade database."),
        (b"PK\x03\x04 nothing", "trades.csv cannot be read."),
    ],
)
def test_what_is_no_file_of_trades_is_refused_at_once(
    page: Client, account: Any, content: bytes, told: str
) -> None:
    answer = send(page, account, content)

    assert answer.status_code == 200
    assert told in error_of(answer)
    assert not TradeUpload.objects.exists()


@pytest.mark.once
def test_a_file_of_another_exchange_is_refused(page: Client, account: Any, tmp_path: Path) -> None:
    database = make_database(tmp_path / "t.sqlite", "UPDATE trades SET exchange = 'bybit'")

    answer = send(page, account, database.read_bytes())

    assert error_of(answer) == "The file tells of trades on bybit, but the account is on binance."


@pytest.mark.once
def test_a_database_whose_last_trades_may_be_elsewhere_is_told(
    page: Client, account: Any, tmp_path: Path
) -> None:
    content = make_database(tmp_path / "t.sqlite").read_bytes()

    _, closed = previewed(page, account, content)
    _, running = previewed(page, account, content[:18] + b"\x02\x02" + content[20:])

    assert "second file (-wal)" in running
    assert "second file (-wal)" not in closed


def test_uploads_of_others_are_not_found(page: Client, account: Any) -> None:
    """Not even by who may report on the same account."""
    url, _ = previewed(page, account, sheet(*LINES))
    colleague = join(make_user(username="piet", is_staff=True), "operator")
    AccountAccess.objects.create(account=account, user=colleague, role="operator")
    other = Client()
    other.force_login(colleague)

    assert other.get(url).status_code == 404
    assert other.post(url, {"shown": "{}"}).status_code == 404
    assert page.get(reverse("admin:capital_fill_upload", args=[uuid4()])).status_code == 404


def test_who_lost_the_right_meanwhile_imports_nothing(
    page: Client, account: Any, operator: User
) -> None:
    url, text = previewed(page, account, sheet(*LINES))
    operator.groups.clear()

    assert page.post(url, {"shown": shown_in(text)}).status_code == 403
    assert not Fill.objects.exists()


def test_an_account_that_changed_meanwhile_is_told(
    page: Client, account: Any, tmp_path: Path
) -> None:
    url, _ = previewed(page, account, make_database(tmp_path / "t.sqlite").read_bytes())
    type(account).objects.filter(pk=account.pk).update(venue="bybit")

    answer = page.get(url)

    assert answer.url == START


def test_of_one_person_the_last_uploads_are_kept(page: Client, account: Any) -> None:
    """What was imported is no upload that waits, and what others uploaded is theirs."""
    url, text = previewed(page, account, sheet(*LINES))
    page.post(url, {"shown": shown_in(text)})
    other = join(make_user(username="piet", is_staff=True), "operator")
    TradeUpload.objects.create(actor=other, account=account, file_name="theirs", content=b"x")
    for number in range(6):
        send(page, account, sheet(LINES[0]), name=f"{number}.csv")

    names = TradeUpload.objects.order_by("pk").values_list("file_name", flat=True)
    assert list(names) == ["trades.csv", "theirs", *(f"{number}.csv" for number in range(1, 6))]


@pytest.mark.once
def test_long_files_are_shown_from_their_beginning(page: Client, account: Any) -> None:
    lines = [LINES[0].replace(",a", f",o{number}") for number in range(201)]

    _, text = previewed(page, account, sheet(*lines))

    assert "… and 1 more." in words(text)


def test_an_export_that_is_imported_again_is_known(
    page: Client, account: Any, tmp_path: Path
) -> None:
    """Else all of it would count twice: these fills are known by their times, too."""
    database = make_database(
        tmp_path / "t.sqlite",
        "UPDATE orders SET order_filled_date = '2026-01-05 11:02:00.123456' WHERE order_id = 'o1'",
    )
    import_trades(account.pk, read_trade_content(database.read_bytes(), name="t.sqlite"))
    chosen = {"action": "export", "select_across": 1, "_selected_action": Fill.objects.first().pk}
    exported = b"".join(page.post(reverse("admin:capital_fill_changelist"), chosen))

    _, text = previewed(page, account, exported)

    assert "Everything in the file is known already" in text
    assert "Grid 0 20 20 TRENDFUT 0 30 30" in words(text)

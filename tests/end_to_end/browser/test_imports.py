"""Importing trades: a file is sent compressed, and one that is too large even so is not sent."""

import secrets
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from capital.models import Fill
from tests.end_to_end.browser.visitor import goto
from tests.factories import make_account, make_link, make_market, make_strategy

START = "/admin/capital/fill/import/"
HEADER = "executed_at,symbol,side,quantity,price,order_id"
LINE = "2026-03-10T09:00:00+09:00,BTC/USDT:USDT,buy,1,100,"


@pytest.fixture(autouse=True)
def link(operator: Any) -> Any:
    account = make_account(owner=operator, name="Main", venue="binance")
    make_market("BTC/USDT:USDT", contract_size=Decimal(1))
    strategy = make_strategy(owner=operator, key="trend", market_type="futures")
    return make_link(account=account, strategy=strategy)


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join((HEADER, *lines)))
    return path


def chosen(page: Page, file: Path, link: Any) -> None:
    goto(page, START)
    page.get_by_label("Account").select_option(str(link.account_id))
    page.get_by_label("Strategy").select_option(str(link.strategy_id))
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_role("button", name="Preview")).to_be_enabled()


def test_a_file_is_sent_compressed_previewed_and_imported(
    desk: Callable[..., Page], link: Any, tmp_path: Path
) -> None:
    # Larger than a request may be.
    empty = [" " * 1000] * 1100
    file = written(tmp_path / "t.csv", LINE + "a", *empty, LINE + "b")
    page = desk()
    chosen(page, file, link)

    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What would be recorded")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()

    expect(page.get_by_text("Imported exactly as shown in the preview.")).to_be_visible()
    assert Fill.objects.count() == 2


def test_what_is_too_large_even_so_is_said_before_it_is_sent(
    desk: Callable[..., Page], link: Any, tmp_path: Path
) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(secrets.token_bytes(1_100_000))
    page = desk()
    chosen(page, file, link)

    expect(page.get_by_role("alert")).to_contain_text("too large to be sent")
    page.get_by_role("button", name="Preview").click()
    assert page.url.endswith(START)
    written(file, LINE + "a")
    chosen(page, file, link)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What would be recorded")).to_be_visible()

"""``import_trades``: a file is imported once, tried first, and refused with its lines."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from capital.models import Fill, StrategyAccount
from tests.commands.running import run
from tests.factories import make_account, make_link, make_market, make_strategy
from tests.services.trading.files.databases import make_database

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

HEADER = "executed_at,strategy,symbol,side,quantity,price,fee_amount,fee_currency,order_id"


@pytest.fixture(autouse=True)
def account():
    account = make_account(name="Main", venue="binance")
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT"):
        make_market(symbol)
        make_market(f"{symbol}:USDT", contract_size=Decimal(1))
    for key, market in (("gridspot", "spot"), ("trendfut", "futures")):
        strategy = make_strategy(owner=account.owner, key=key, name=key, market_type=market)
        make_link(account=account, strategy=strategy)
    return account


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        run("import_trades", *arguments)
    assert error.value.returncode == 2
    return str(error.value)


def sheet(path: Path, *lines: str) -> str:
    file = path / "trades.csv"
    file.write_text("\n".join((HEADER, *lines)))
    return str(file)


def test_a_freqtrade_database_is_imported_and_its_own_result_explained(tmp_path: Path) -> None:
    file = str(make_database(tmp_path / "tradesv3.sqlite"))

    code, text = run("import_trades", file, "--account", "Main")

    assert code == 0
    cells = [line.split("│") for line in text.splitlines() if "│" in line]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in cells]
    assert ["gridspot", "20", "0", "0", "0"] in rows
    assert ["trendfut", "30", "0", "0", "17"] in rows
    assert ["USDT", "-259.87644", "117.56644", "-7.25"] in rows
    assert text.splitlines()[-3:] == [
        "freqtrade says -257.14494 USDT realised. The difference:",
        "  -2.73  entry fees of open trades, which it counts when the trade closes",
        "  -0.0015  fees taken off the coin, which it counts again at their rate",
    ]
    assert Fill.objects.count() == 50


def test_what_is_not_explained_and_not_settled_is_told(tmp_path: Path) -> None:
    file = make_database(
        tmp_path / "tradesv3.sqlite",
        "UPDATE trades SET close_profit_abs = close_profit_abs + 1 WHERE id = 1",
        "UPDATE trades SET funding_fees = -0.75 WHERE id = 19",
    )

    _, text = run("import_trades", str(file), "--account", "Main")

    assert "  -1.00  not explained" in text.splitlines()
    assert "Not imported: funding of -0.45 USDT on open trades" in text


def test_a_trial_records_nothing(tmp_path: Path) -> None:
    file = str(make_database(tmp_path / "tradesv3.sqlite"))

    _, tried = run("import_trades", file, "--account", "Main", "--dry-run")
    assert not Fill.objects.exists()
    _, done = run("import_trades", file, "--account", "Main")

    assert tried == f"{done}Nothing was recorded (--dry-run).\n"


def test_our_own_form_is_imported_for_one_strategy(tmp_path: Path) -> None:
    file = sheet(
        tmp_path,
        "2026-03-10T09:00:00+09:00,,BTC/USDT:USDT,buy,1,100,0.1,USDT,a",
        "2026-03-10T10:00:00+09:00,,BTC/USDT:USDT,sell,1,110,0.2,BNB,b",
    )

    code, text = run("import_trades", file, "--account", "Main", "--strategy", "TrendFut")

    assert code == 0
    assert "9.90" in text
    assert "0.2 BNB" in text
    assert "freqtrade" not in text
    link = StrategyAccount.objects.get(strategy__key="trendfut")
    assert [fill.strategy_account for fill in Fill.objects.all()] == [link, link]


def test_every_line_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = sheet(
        tmp_path,
        "2026-03-10T09:00:00+09:00,trendfut,BTC/USDT:USDT,buy,1,100,0.1,USDT,a",
        "2026-03-10 10:00,trendfut,BTC/USDT:USDT,hold,1,110,0.2,BNB,b",
        "2026-03-10T11:00:00+09:00,nobody,BTC/USDT:USDT,buy,1,110,0.2,BNB,c",
    )

    message = refused(file, "--account", "Main")

    assert message.splitlines() == [
        (
            "Line 3, executed_at: “2026-03-10 10:00” is not a time with its offset from UTC. Write "
            "it as 2026-11-30T09:00:00+09:00."
        ),
        "Line 3, side: “hold” is not one of: buy, sell.",
        (
            "Line 4, strategy: No strategy of the account is called “nobody”. Those that it has: "
            "gridspot, trendfut."
        ),
        "Nothing was recorded. Correct the file, then import it again.",
    ]
    assert not Fill.objects.exists()


def test_of_very_many_wrong_lines_the_first_are_shown(tmp_path: Path) -> None:
    line = "2026-03-10T11:00:00+09:00,nobody{},BTC/USDT:USDT,buy,1,110,0.2,BNB,c"
    wrong = [line.format(number) for number in (0, *range(25))]

    lines = refused(sheet(tmp_path, *wrong), "--account", "Main").splitlines()

    assert len(lines) == 22
    assert lines[0].startswith("Lines 2–3, strategy: No strategy of the account is called")
    assert lines[-2] == "… and 5 more."


def test_what_is_to_be_known_of_lines_that_were_taken_is_told(tmp_path: Path) -> None:
    """The first of them, as of lines that are wrong."""
    line = "2026-03-10T11:00:00+09:00,gridspot,BTC/USDT:USDT,buy,1,110,0.2,BNB,c{}"
    few, many = ([line.format(each) for each in range(count)] for count in (1, 25))

    _, told = run("import_trades", sheet(tmp_path, *few), "--account", "Main", "--dry-run")
    _, more = run("import_trades", sheet(tmp_path, *many), "--account", "Main", "--dry-run")

    said = "of another market (linear contract)."
    assert f"Line 2: The strategy gridspot trades spot, but BTC/USDT:USDT is {said}" in " ".join(
        told.split()
    )
    assert (told.count(said), more.count(said)) == (1, 20)
    assert "… and 5 more." in more


def test_an_empty_table_tells_of_no_trades(tmp_path: Path) -> None:
    code, text = run("import_trades", sheet(tmp_path), "--account", "Main")

    assert (code, text) == (0, "The file contains no trades.\n")


def test_a_file_that_is_none_and_an_account_that_is_none_are_refused(tmp_path: Path) -> None:
    assert "trades.txt cannot be read" in refused(str(tmp_path / "trades.txt"), "--account", "Main")
    assert "Nowhere" in refused(sheet(tmp_path), "--account", "Nowhere")

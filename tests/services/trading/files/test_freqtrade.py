"""The database of a freqtrade bot is read to the last digit."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from capital.domain.errors import TradeFileRefused
from capital.domain.performance.fills import Fee
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.services.trading import read_trade_file
from capital.services.trading.files import read_trade_content
from tests.services.trading.files.databases import make_database

D = Decimal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tradesv3.sqlite"


def by_order(path: Path) -> dict:
    return {line.fill.order_id: line for line in read_trade_file(path).lines}


def test_an_order_is_a_fill(path: Path) -> None:
    line = by_order(make_database(path))["o21"]

    assert (line.number, line.strategy, line.funding) == (21, "TrendFut", None)
    fill = line.fill
    assert (fill.symbol, fill.side, fill.quantity) == ("BTC/USDT:USDT", Side.BUY, D("0.12"))
    assert (fill.price, fill.fees) == (D(60200), (Fee(D("3.612"), "USDT"),))
    assert fill.executed_at == datetime(2026, 1, 5, 12, 2, tzinfo=UTC)


def test_what_was_filled_of_a_cancelled_order_counts_and_an_empty_one_is_none(path: Path) -> None:
    lines = by_order(make_database(path))

    assert len(lines) == 50
    assert lines["o44"].fill.quantity == D("0.05")
    assert "o47" not in lines


def test_side_is_what_the_order_did_and_not_what_it_was_for(path: Path) -> None:
    """A stop of a short position on the exchange is a purchase at the rate of closing."""
    database = make_database(path, "UPDATE trades SET fee_close = 0.0007 WHERE id = 10")

    stop = by_order(database)["o26"]

    assert (stop.fill.side, stop.funding) == (Side.BUY, D("0.6"))
    assert stop.fill.fees == (Fee(D("4.347"), "USDT"),)


def test_a_fee_that_was_taken_off_the_coin_is_in_the_coin(path: Path) -> None:
    lines = by_order(make_database(path))

    assert lines["o13"].fill.fees == (Fee(D("0.01"), "SOL"),)
    assert lines["o14"].fill.fees == (Fee(D("1.55844"), "USDT"),)


def test_without_a_fee_rate_there_is_no_fee(path: Path) -> None:
    database = make_database(path, "UPDATE trades SET fee_open = 0 WHERE id = 1")

    assert by_order(database)["o1"].fill.fees == ()


def test_noise_of_floats_is_no_digit(path: Path) -> None:
    database = make_database(path, "UPDATE orders SET filled = 0.1 + 0.2 WHERE order_id = 'o1'")

    assert by_order(database)["o1"].fill.quantity == D("0.3")


def test_price_is_the_average_and_for_want_of_one_that_of_the_order(path: Path) -> None:
    database = make_database(
        path,
        "UPDATE orders SET average = 60001 WHERE order_id = 'o1'",
        "UPDATE orders SET average = NULL, order_filled_date = NULL WHERE order_id = 'o2'",
    )

    lines = by_order(database)

    assert (lines["o1"].fill.price, lines["o2"].fill.price) == (D(60001), D(61500))
    assert lines["o2"].fill.executed_at == datetime(2026, 1, 6, 14, tzinfo=UTC)


def test_what_freqtrade_says_and_why_it_differs(path: Path) -> None:
    said = read_trade_file(make_database(path)).explained["USDT"]

    assert said.stated == D("-257.14494")
    assert said.fees_of_open == D("1.845") + D("0.885")
    assert said.fees_counted_twice == D("0.0015")


def test_currencies_stand_apart(path: Path) -> None:
    database = make_database(path, "UPDATE trades SET stake_currency = 'USDC' WHERE id = 20")

    explained = read_trade_file(database).explained

    assert explained["USDC"].fees_of_open == D("0.885")
    assert explained["USDT"].fees_of_open == D("1.845")


def test_funding_that_no_order_settled_is_in_no_line(path: Path) -> None:
    database = make_database(path, "UPDATE trades SET funding_fees = -0.75 WHERE id = 19")

    file = read_trade_file(database)

    assert file.unsettled == {"USDT": D("-0.45")}
    assert sum(line.funding for line in file.lines if line.funding) == D("-7.25")


def test_the_same_exchange_under_its_old_name(path: Path) -> None:
    assert read_trade_file(make_database(path)).venue == "binance"

    Path(path).unlink()
    database = make_database(path, "UPDATE trades SET exchange = 'gateio'")
    assert read_trade_file(database).venue == "gate"


def test_an_empty_database_has_no_lines(path: Path) -> None:
    file = read_trade_file(make_database(path, "DELETE FROM orders", "DELETE FROM trades"))

    assert (file.lines, file.venue, dict(file.explained)) == ((), "", {})


@pytest.mark.parametrize(
    ("change", "code", "figures"),
    [
        (
            "UPDATE orders SET order_id = 'dry_run_buy_1' WHERE order_id = 'o1'",
            Code.FREQTRADE_DRY_RUN,
            {"order": "dry_run_buy_1"},
        ),
        (
            "UPDATE trades SET trading_mode = 'MARGIN' WHERE id = 3",
            Code.FREQTRADE_MODE,
            {"mode": "margin"},
        ),
        (
            "UPDATE trades SET exchange = 'okx' WHERE id = 3",
            Code.FREQTRADE_VENUES,
            {"venues": "binance, okx"},
        ),
        (
            "ALTER TABLE orders DROP COLUMN funding_fee",
            Code.FREQTRADE_UNREADABLE,
            {"file": "tradesv3.sqlite"},
        ),
        ("DROP TABLE trades", Code.FREQTRADE_UNREADABLE, {"file": "tradesv3.sqlite"}),
        (
            "UPDATE orders SET order_filled_date = 'never' WHERE order_id = 'o1'",
            Code.FREQTRADE_UNREADABLE,
            {"file": "tradesv3.sqlite"},
        ),
        (
            "UPDATE orders SET side = 'hold' WHERE order_id = 'o1'",
            Code.FREQTRADE_UNREADABLE,
            {"file": "tradesv3.sqlite"},
        ),
        (
            "UPDATE orders SET ft_trade_id = 77 WHERE order_id = 'o1'",
            Code.FREQTRADE_UNREADABLE,
            {"file": "tradesv3.sqlite"},
        ),
    ],
)
def test_what_is_no_real_trading_is_refused(
    path: Path, change: str, code: Code, figures: dict
) -> None:
    database = make_database(path, change)

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(database)

    assert (refused.value.code, refused.value.reason.figures) == (code, figures)


def test_a_dry_run_of_an_order_that_was_never_filled_does_not_matter(path: Path) -> None:
    database = make_database(
        path, "UPDATE orders SET order_id = 'dry_run_sell_1' WHERE order_id = 'o47'"
    )

    assert len(read_trade_file(database).lines) == 50


def test_damaged_database_is_refused(path: Path) -> None:
    content = make_database(path).read_bytes()
    path.write_bytes(content[:5000])

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(path)

    assert refused.value.code is Code.FREQTRADE_UNREADABLE


@pytest.mark.parametrize(
    "changes",
    [
        # What stands in the place of a table and is none.
        ("ALTER TABLE orders RENAME TO rows", "CREATE VIEW orders AS SELECT * FROM rows"),
        (
            "DROP TABLE trades",
            (
                "CREATE VIEW trades AS WITH RECURSIVE n(id) AS "
                "(SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT * FROM n"
            ),
        ),
        ("ALTER TABLE trades ADD COLUMN more TEXT GENERATED ALWAYS AS (hex(id)) VIRTUAL",),
        # What is no number, no text, or none that anything of ours keeps.
        ("UPDATE orders SET filled = 'much' WHERE order_id = 'o1'",),
        ("UPDATE orders SET filled = x'00' WHERE order_id = 'o1'",),
        ("UPDATE orders SET filled = 9e999 WHERE order_id = 'o1'",),
        ("UPDATE orders SET filled = 1e30 WHERE order_id = 'o1'",),
        ("UPDATE orders SET order_id = '' WHERE order_id = 'o1'",),
        ("UPDATE orders SET order_id = x'6f31' WHERE order_id = 'o1'",),
        ("UPDATE orders SET order_id = printf('%0101d', 1) WHERE order_id = 'o1'",),
        ("UPDATE orders SET order_id = 'o' || char(0) WHERE order_id = 'o1'",),
        ("UPDATE orders SET order_id = printf('%2000000d', 1) WHERE order_id = 'o1'",),
        ("UPDATE trades SET stake_currency = NULL WHERE id = 1",),
    ],
)
def test_nothing_in_a_hostile_database_is_run_or_taken_for_a_number(
    path: Path, changes: tuple[str, ...]
) -> None:
    database = make_database(path, *changes)

    for read in (
        lambda: read_trade_file(database),
        lambda: read_trade_content(database.read_bytes(), name="t.sqlite"),
    ):
        with pytest.raises(TradeFileRefused) as refused:
            read()
        assert refused.value.code is Code.FREQTRADE_UNREADABLE


def test_triggers_and_other_tables_do_not_matter(path: Path) -> None:
    database = make_database(
        path,
        "CREATE TABLE other (id INTEGER)",
        "CREATE TRIGGER t AFTER INSERT ON trades BEGIN INSERT INTO other VALUES (1); END",
    )

    assert len(read_trade_file(database).lines) == 50


def test_a_database_that_takes_too_long_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.services.trading.files.foreign._STEPS_AT_ONCE", 10)
    monkeypatch.setattr("capital.services.trading.files.foreign._MOST_STEPS", 100)

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(make_database(path))

    assert refused.value.code is Code.FREQTRADE_UNREADABLE


def test_a_copy_in_memory_says_the_same_as_the_file(path: Path) -> None:
    content = make_database(path).read_bytes()

    copy = read_trade_content(content, name="t.sqlite")

    assert copy == read_trade_file(path)
    running = read_trade_content(content[:18] + b"\x02\x02" + content[20:], name="t.sqlite")
    assert running == replace(copy, may_lack_last=True)


def test_a_database_with_more_orders_than_may_be_is_refused(path: Path) -> None:
    content = make_database(path).read_bytes()
    assert len(read_trade_content(content, name="t.sqlite", most_lines=50).lines) == 50

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_content(content, name="t.sqlite", most_lines=49)

    assert refused.value.code is Code.FILE_TOO_LONG

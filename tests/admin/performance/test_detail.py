"""The performance of one strategy and of one account: curves, months, symbols and trades."""

import re

import pytest
from django.test import Client

from capital.models import StrategyAccount, SymbolDay
from tests.admin.performance.reading import drawn, read, text_of
from tests.admin.tenants import allow_everything
from tests.factories import make_link, make_strategy, make_user
from tests.services.performance.builders import D, make_day, make_trade, march

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.once,
    pytest.mark.usefixtures("seoul"),
]

MARCH = "performance/?from=2026-03-01&to=2026-03-31"


def test_a_strategy_shows_its_equity_drawdown_months_symbols_and_trades(
    admin: Client, link: StrategyAccount
) -> None:
    zero = dict.fromkeys(("volume", "cost_unknown"), D(0))
    for symbol, realized in (("BTC/USDT:USDT", "190"), ("ETH/USDT:USDT", "-50")):
        SymbolDay.objects.create(
            strategy_account=link,
            symbol=symbol,
            position_side="both",
            date=march(3),
            currency="USDT",
            realized=D(realized),
            fees=D(1),
            funding=D(0),
            **zero,
        )

    page = read(admin, f"/admin/strategies/strategy/{link.strategy_id}/{MARCH}")

    equity, drawdown, symbols, trades = drawn(page)
    assert symbols["labels"] == ["BTC/USDT:USDT", "ETH/USDT:USDT"]
    assert symbols["series"][0]["amounts"] == ["190.00", "-50.00"]
    assert equity["series"][0]["amounts"] == ["1050.00", "1900.00", "2090.00"]
    assert equity["series"][1]["amounts"] == ["1000.00", "2000.00", "1900.00"]
    assert drawdown["series"][0]["amounts"] == ["0.00", "-5.00", "0.00"]
    assert drawdown["currency"] == "%"
    # 190 of entries of 100 are more than 10 %.
    assert trades["series"][0]["amounts"] == [*"0000000000", "1"]
    text = text_of(page)
    assert "2026-03-03 0.00% +9.72% +10.00%" in text
    assert "2026-03-02 -5.00% -0.25% -5.00%" in text
    assert re.search(r'perf-up-3">\+9\.72%', page)
    closed = "2026-03-03 20:00:00 2026-03-03 21:00:00 1 h 100 1 1 +190.00 USDT +190.00%"
    assert f"BTC/USDT:USDT long {link.account.name} {closed}" in text


def test_an_account_shows_all_strategies_on_it_together(
    admin: Client, link: StrategyAccount
) -> None:
    beside = make_link(account=link.account, strategy=make_strategy(key="beside", name="Another"))
    make_day(beside, 1, "1000", "30")
    elsewhere = make_link(strategy=link.strategy)
    make_day(elsewhere, 1, "1000", "500")

    text = text_of(read(admin, f"/admin/capital/account/{link.account_id}/{MARCH}"))

    # 80 of 2,000, and then as the one that went on
    assert "PnL ? PnL What was realised" in text
    assert "+170.00" in text
    assert "+670.00" not in text
    assert "Another / " in text


def test_trades_are_paged_and_the_newest_comes_first(admin: Client, link: StrategyAccount) -> None:
    for day in range(4, 30):
        make_trade(link, day, "-1", symbol=f"S{day}/USDT", is_complete=day != 29)
    path = f"/admin/strategies/strategy/{link.strategy_id}/{MARCH}"

    first, second = read(admin, path), read(admin, f"{path}&page=2")

    listed = first.partition('id="trades"')[2]
    assert listed.index("S29/USDT") < listed.index("S5/USDT")
    assert "not fully known" in listed
    assert "S4/USDT" not in listed
    assert "Page 1 of 2" in listed
    assert "S4/USDT" in second.partition('id="trades"')[2]


def test_nothing_known_is_one_line_and_a_strangers_strategy_is_not_found(
    admin: Client, link: StrategyAccount
) -> None:
    path = f"/admin/strategies/strategy/{link.strategy_id}/performance/?from=2026-04-01"
    text = text_of(read(admin, f"{path}&to=2026-04-30"))
    assert "No fills are known of this period." in text
    assert "Sharpe" not in text

    admin.force_login(allow_everything(make_user(is_staff=True)))
    assert admin.get(path).status_code == 404


def test_what_was_earned_in_another_currency_stands_apart(
    admin: Client, link: StrategyAccount
) -> None:
    make_day(link, 1, None, "0.5", added=None, currency="BTC")

    page = read(admin, f"/admin/strategies/strategy/{link.strategy_id}/{MARCH}")

    assert len([each for each in drawn(page) if each["kind"] == "line"]) == 2
    assert "+0.50000000" in text_of(page)

"""freqtrade with `CapitalSized`, in its dry run against the simulated exchange.

`make test-clients` installs freqtrade, in an environment of its own.
"""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from capital.models import Fill, Market, Position, Reservation, StrategyAccount
from capital.services.access import create_token
from tests.api.client import permit
from tests.factories import make_account, make_link, make_strategy
from tests.paths import ROOT
from tests.recipes.worlds import World

pytestmark = [
    pytest.mark.clients,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

D = Decimal
HERE = Path(__file__).parent
PYTHON = ROOT / ".venv" / "freqtrade" / "bin" / "python"
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
PATIENCE_SECONDS = 300
NOWHERE = "http://127.0.0.1:9/api/v1"


class Bot:
    """A running freqtrade, which does one loop each time it is told to."""

    def __init__(self, process: "subprocess.Popen[str]", errors: Path, url: str) -> None:
        self._process, self._errors, self.url = process, errors, url
        self._read()

    def loop(self, *, capital: str = "", **what: Any) -> dict[str, Any]:
        """Its open trades by pair, after a loop with these attributes of its strategy."""
        line = {"capital": capital or self.url, **what}
        assert self._process.stdin is not None
        print(json.dumps(line), file=self._process.stdin, flush=True)
        return {each["pair"]: each for each in self._read()["trades"]}

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._errors.read_text(encoding="utf-8")[-4000:]
        return json.loads(line)

    @property
    def log(self) -> str:
        """What it logged."""
        return self._errors.read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A strategy with the recipe's two files beside it, as a user has them."""
    recipes = ROOT / "docs" / "recipes"
    for each in (recipes / "freqtrade_capital.py", recipes / "capital_client.py"):
        shutil.copy(each, tmp_path)
    shutil.copy(HERE / "capital_strategy.py", tmp_path)
    return tmp_path


@pytest.fixture
def world(exchange: Any, live_server: Any) -> World:
    return World("binance", exchange, live_server.url)


@pytest.fixture
def link(world: World) -> StrategyAccount:
    """3,000 USDT at 3x, which nobody else trades with."""
    account = make_account(name="Main")
    permit(account.owner, "capital.report_position", "capital.report_trading")
    strategy = make_strategy(key="trend", market_type="futures", owner=account.owner)
    return make_link(account=account, strategy=strategy, capital="3000", leverage=3)


@pytest.fixture
def bot(world: World, link: StrategyAccount, folder: Path) -> Iterator[Bot]:
    _, token = create_token(user=link.account.owner, name="bot", scope="size", days=30)
    url, errors = f"{world.url}/api/v1", folder / "log"
    with errors.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [PYTHON, HERE / "use_freqtrade.py", folder, world.exchange.server.base_url],
            env={**os.environ, "CAPITAL": url, "TOKEN": token, "PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    # One that hangs is ended, and its log is shown.
    patience = threading.Timer(PATIENCE_SECONDS, process.kill)
    patience.start()
    try:
        yield Bot(process, errors, url)
    finally:
        patience.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def quantities() -> dict[str, Decimal]:
    """What Capital says is held."""
    return {row.symbol: row.quantity for row in Position.objects.exclude(quantity=0)}


def held_for(symbol: str) -> list[tuple[str, Decimal]]:
    rows = Reservation.objects.filter(symbol=symbol).order_by("pk")
    return [(row.state, row.quantity) for row in rows]


def test_freqtrade_trades_what_capital_answers_and_nothing_else(
    bot: Bot, link: StrategyAccount
) -> None:
    _it_enters_nothing_without_an_answer(bot, link)
    _what_is_never_filled_holds_nothing(bot)
    _it_takes_what_was_answered_to_the_step(bot)
    _it_enters_more_only_as_far_as_that_is_free(bot)
    _it_leaves_whoever_can_be_reached_and_tells_it_later(bot)


def _it_enters_nothing_without_an_answer(bot: Bot, link: StrategyAccount) -> None:
    both = {"wants": {BTC: "long", ETH: "short"}}
    # Nobody there; refused, because the rules have no such instrument now; too small for an order.
    assert bot.loop(capital=NOWHERE, strategy=both) == {}
    assert "No entry into BTC/USDT:USDT: no_answer" in bot.log
    Market.objects.filter(symbol__in=[BTC, ETH]).update(is_active=False)
    assert bot.loop() == {}
    assert "No entry into ETH/USDT:USDT: symbol_not_traded" in bot.log
    Market.objects.update(is_active=True)
    assert bot.loop(strategy={"capital_percent": "0.5"}) == {}
    # 0.040 ETH are an order for the exchange, but freqtrade would make 0.050 of them.
    assert bot.loop(strategy={"capital_percent": "1.34", "wants": {ETH: "short"}}) == {}
    assert "below freqtrade's" in bot.log
    assert held_for(ETH)[-1] == ("open", D("0.040"))
    Reservation.objects.all().delete()
    # A dry run whose trades are none asks and tells nothing.
    quiet = {"capital_tells_dry_runs": False, "capital_percent": "0.5"}
    assert bot.loop(strategy=quiet) == {}
    assert not Reservation.objects.exists()
    assert not Fill.objects.exists()
    bot.loop(strategy={"capital_tells_dry_runs": True, "capital_percent": "50", "wants": {}})
    # Nothing is held, and that is known.
    link.refresh_from_db()
    assert link.positions_told_at is not None


def _what_is_never_filled_holds_nothing(bot: Bot) -> None:
    market = {"exit": "market", "stoploss": "market", "stoploss_on_exchange": False}
    below = {"limit_price": 2900, "order_types": {"entry": "limit", **market}}

    trades = bot.loop(strategy={"wants": {ETH: "long"}, **below})
    assert (trades[ETH]["amount"], len(trades[ETH]["orders"])) == ("0.0", 1)
    bot.loop(strategy={"wants": {}})
    # 1,500 USDT at 3x and 2,900.
    assert held_for(ETH) == [("placed", D("1.551"))]

    assert bot.loop(cancel=True) == {}

    assert held_for(ETH) == [("released", D("1.551"))]
    assert (quantities(), Fill.objects.exists()) == ({}, False)
    bot.loop(strategy={"limit_price": None, "order_types": {"entry": "market", **market}})


def _it_takes_what_was_answered_to_the_step(bot: Bot) -> None:
    trades = bot.loop(strategy={"wants": {BTC: "long"}})

    # 1,500 USDT at 3x and 61,234.5: 0.0734…
    assert (trades[BTC]["amount"], trades[BTC]["leverage"]) == ("0.073", "3.0")
    bot.loop()
    assert held_for(BTC) == [("used", D("0.073"))]
    (fill,) = Fill.objects.all()
    assert (fill.order_id, fill.quantity) == (trades[BTC]["orders"][0]["id"], D("0.073"))
    assert (fill.price, fill.side) == (D("61234.5"), "buy")
    assert [fee["currency"] for fee in fill.fees] == ["USDT"]
    assert fill.fee_amount == D("61234.5") * D("0.073") * D("0.0005")
    assert quantities() == {BTC: D("0.073")}
    # After a restart it is told again, and counts once.
    assert bot.loop(forget=True)[BTC]["amount"] == "0.073"
    assert Fill.objects.get() == fill
    assert quantities() == {BTC: D("0.073")}


def _it_enters_more_only_as_far_as_that_is_free(bot: Bot) -> None:
    wants = {"wants": {ETH: "short"}, "adds": {BTC: 100}}
    trades = bot.loop(strategy=wants)

    # Of 100 USDT of margin 0.004…; and half of 3,000 short in ETH.
    assert trades[BTC]["amount"] == "0.077"
    assert (trades[ETH]["amount"], trades[ETH]["is_short"]) == (str(held_for(ETH)[-1][1]), True)
    trades = bot.loop(strategy={"wants": {}, "adds": {BTC: 50_000}})
    bot.loop(strategy={"adds": {}})
    assert quantities() == {BTC: D(trades[BTC]["amount"]), ETH: -D(trades[ETH]["amount"])}
    worth = D(trades[BTC]["amount"]) * D("61234.5") + D(trades[ETH]["amount"]) * D("2987.65")
    assert worth / 3 <= 3000
    # Nobody there: nothing more.
    assert bot.loop(capital=NOWHERE, strategy={"adds": {BTC: 100}}) == trades
    bot.loop(strategy={"adds": {}})
    assert Fill.objects.count() == sum(len(each["orders"]) for each in trades.values())


def _it_leaves_whoever_can_be_reached_and_tells_it_later(bot: Bot) -> None:
    before = quantities()
    assert set(bot.loop(capital=NOWHERE, strategy={"leaves": [BTC, ETH]})) == set()
    assert quantities() == before

    bot.loop()

    assert quantities() == {}
    for symbol in (BTC, ETH):
        fills = Fill.objects.filter(symbol=symbol)
        sides = {"buy": D(0), "sell": D(0)}
        for fill in fills:
            sides[fill.side] += fill.quantity
        assert sides["buy"] == sides["sell"] == abs(before[symbol])


def test_back_tests_and_wrong_strategies_ask_nothing(folder: Path) -> None:
    program = """
from types import SimpleNamespace
from freqtrade.enums import RunMode
from capital_strategy import Mine
from freqtrade_capital import CapitalSized
from freqtrade.strategy import IStrategy

mine = Mine({"runmode": RunMode.BACKTEST, "stake_amount": 10})
asked = {"pair": "BTC/USDT:USDT", "current_rate": 1.0, "side": "long", "leverage": 2.0}
assert mine.custom_stake_amount(**asked, proposed_stake=77.0, min_stake=1.0) == 77.0
assert mine.leverage(**asked | {"proposed_leverage": 1.0}) == 1.0
mine.adds = {"BTC/USDT:USDT": 5}
trade = SimpleNamespace(pair="BTC/USDT:USDT")
assert mine.adjust_trade_position(trade=trade) == (5, "more")
mine.bot_start()
mine.bot_loop_start(current_time=None)
mine.order_filled(pair="", trade=trade, order=None, current_time=None)
assert mine.started == 1
assert "capital" not in vars(mine)
for config in ({"stake_amount": 10}, {"stake_amount": "unlimited", "force_entry_enable": True}):
    try:
        Mine({"runmode": RunMode.DRY_RUN, **config}).bot_start()
    except ValueError as error:
        print(error)
try:
    class Wrong(CapitalSized, IStrategy):
        def custom_stake_amount(self, **more):
            return 1
except TypeError as error:
    print(error)
"""
    done = subprocess.run(
        [PYTHON, "-c", program], cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.stdout.splitlines() == [
        'Capital says the stakes: set "stake_amount" to "unlimited".',
        'Forced entries into open trades are not sized: no "force_entry_enable".',
        "Wrong: Capital says the stake, not custom_stake_amount.",
    ], done.stderr


def test_a_user_writes_few_lines() -> None:
    text = (ROOT / "docs" / "recipes" / "freqtrade_capital.py").read_text(encoding="utf-8")
    shown = text.split("    from freqtrade.strategy", 1)[1].split("In the environment", 1)[0]

    assert 3 <= len([line for line in shown.splitlines() if line.strip()]) <= 20

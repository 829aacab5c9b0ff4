"""Run freqtrade one loop at a time, in its dry run, as each line says; it answers with its trades.

    python use_freqtrade.py FOLDER EXCHANGE

A line is an object of JSON: attributes that the strategy is to have from now on (``strategy``), the
address of Capital (``capital``), ``forget``: as after a restart, ``cancel``: all open orders.
"""

import json
import logging
import sys
from pathlib import Path

from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode, State
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import Trade

PATHS = {
    "public": "/api/v3", "private": "/api/v3", "fapiPublic": "/fapi/v1", "dapiPublic": "/dapi/v1",
}  # fmt: skip
PRICING = {"price_side": "other", "use_order_book": True, "order_book_top": 1}


def configuration(folder, exchange):
    return {
        "dry_run": True, "dry_run_wallet": 1_000_000, "db_url": "sqlite://",
        "trading_mode": "futures", "margin_mode": "isolated", "stake_currency": "USDT",
        "stake_amount": "unlimited", "tradable_balance_ratio": 1, "max_open_trades": 3,
        "entry_pricing": PRICING, "exit_pricing": PRICING, "custom_price_max_distance_ratio": 0.5,
        "order_types": {
            "entry": "market", "exit": "market", "stoploss": "market",
            "stoploss_on_exchange": False,
        },
        "exchange": {
            "name": "binance", "key": "", "secret": "", "enable_ws": False,
            "pair_whitelist": ["BTC/USDT:USDT", "ETH/USDT:USDT"],
            "ccxt_config": {
                "urls": {"api": {name: exchange + path for name, path in PATHS.items()}},
                "enableRateLimit": False,
            },
        },
        "pairlists": [{"method": "StaticPairList"}],
        "strategy": "Mine", "strategy_path": str(folder), "user_data_dir": str(folder),
        "internals": {"process_throttle_secs": 1}, "initial_state": "running",
    }  # fmt: skip


def told(trade):
    return {
        "pair": trade.pair, "amount": str(trade.amount), "stake": str(trade.stake_amount),
        "leverage": str(trade.leverage), "is_short": trade.is_short,
        "orders": [
            {"id": each.order_id, "filled": str(each.filled), "price": str(each.average)}
            for each in trade.orders
        ],
    }  # fmt: skip


def main():
    folder, exchange = Path(sys.argv[1]), sys.argv[2]
    path = folder / "config.json"
    path.write_text(json.dumps(configuration(folder, exchange)), encoding="utf-8")
    arguments = {"config": [str(path)], "user_data_dir": str(folder)}
    bot = FreqtradeBot(Configuration(arguments, RunMode.DRY_RUN).get_config())
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True)
    bot.state = State.RUNNING
    bot.startup()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        strategy = bot.strategy
        for name, value in asked.get("strategy", {}).items():
            setattr(strategy, name, value)
        if "capital" in asked:
            strategy.capital.url = asked["capital"]
        if asked.get("forget"):
            strategy._told_orders.clear()
            strategy._has_told_all = False
        if asked.get("cancel"):
            bot.cancel_all_open_orders()
        bot.process()
        trades = [told(each) for each in Trade.get_open_trades()]
        print(json.dumps({"trades": trades, "loops": strategy.started}), flush=True)


if __name__ == "__main__":
    main()

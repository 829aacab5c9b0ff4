"""A strategy as a user writes it, which enters and leaves as the test says."""

from freqtrade.strategy import IStrategy
from freqtrade_capital import CapitalSized


class Mine(CapitalSized, IStrategy):
    """Everything of Capital's is in the first three lines."""

    capital_link = ("trend", "Main")
    capital_percent = "50"
    capital_tells_dry_runs = True

    timeframe, stoploss, minimal_roi, can_short = "1m", -0.30, {"0": 100}, True
    startup_candle_count, process_only_new_candles = 1, False
    position_adjustment_enable = True
    wants, leaves, adds, limit_price, started = {}, (), {}, None, 0

    def bot_loop_start(self, **more):
        self.started += 1

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        if way := self.wants.get(metadata["pair"]):
            dataframe[f"enter_{way}"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe

    def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **more):
        return "told to" if pair in self.leaves else None

    def custom_entry_price(self, proposed_rate, **more):
        return self.limit_price or proposed_rate

    def adjust_trade_position(self, trade, **more):
        stake = self.adds.get(trade.pair)
        return None if stake is None else (stake, "more")

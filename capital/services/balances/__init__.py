"""Balances: read live, judged, cached in daily summaries; connections and keys checked."""

from capital.services.balances.connections import ConnectionReport, check_connection
from capital.services.balances.events import balances_synced
from capital.services.balances.live import ObservedBalance, observe_balances, observe_wallets
from capital.services.balances.summaries import get_cached_daily_balance
from capital.services.balances.suspects import (
    is_kept,
    keep_balances,
    suspect_marks,
    suspect_reasons,
)
from capital.services.balances.sync import sync_balances
from capital.services.balances.trails import ask_of_moves
from capital.services.balances.turns.paces import share_pace
from capital.services.balances.turns.waiting import (
    ReadingTime,
    all_reading_times,
    read_in_turns,
)

__all__ = [
    "ConnectionReport",
    "ObservedBalance",
    "ReadingTime",
    "all_reading_times",
    "ask_of_moves",
    "balances_synced",
    "check_connection",
    "get_cached_daily_balance",
    "is_kept",
    "keep_balances",
    "observe_balances",
    "observe_wallets",
    "read_in_turns",
    "share_pace",
    "suspect_marks",
    "suspect_reasons",
    "sync_balances",
]

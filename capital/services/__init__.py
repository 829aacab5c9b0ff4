"""What faces and other programs call. Transactions live here."""

from capital.services.allocation.allocate import (
    allocate_capital,
    auto_allocate_capital_for_account,
    preview_allocation,
    reallocate_where_due,
)
from capital.services.balances.live import observe_balances
from capital.services.balances.summaries import get_cached_daily_balance
from capital.services.balances.sync import sync_balances

__all__ = [
    "allocate_capital",
    "auto_allocate_capital_for_account",
    "get_cached_daily_balance",
    "observe_balances",
    "preview_allocation",
    "reallocate_where_due",
    "sync_balances",
]

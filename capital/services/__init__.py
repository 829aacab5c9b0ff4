"""What faces and other programs call. Transactions live here."""

from capital.services.allocation import (
    allocate_capital,
    auto_allocate_capital_for_account,
    preview_allocation,
    reallocate_where_due,
)
from capital.services.balances import get_cached_daily_balance, observe_balances, sync_balances

__all__ = [
    "allocate_capital",
    "auto_allocate_capital_for_account",
    "get_cached_daily_balance",
    "observe_balances",
    "preview_allocation",
    "reallocate_where_due",
    "sync_balances",
]

"""What faces and other programs call. Transactions live here."""

from capital.services.allocation import (
    allocate_capital,
    auto_allocate_capital_for_account,
    preview_allocation,
)
from capital.services.balances import observe_balances
from capital.services.summaries import get_cached_daily_balance

__all__ = [
    "allocate_capital",
    "auto_allocate_capital_for_account",
    "get_cached_daily_balance",
    "observe_balances",
    "preview_allocation",
]

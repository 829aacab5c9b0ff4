"""Every page of the admin: importing this registers them. Each module is one kind of row."""

from capital.admin import jobs
from capital.admin.accounts import links, summaries
from capital.admin.accounts import page as accounts
from capital.admin.allocation import capital, runs
from capital.admin.people import devices, tokens, users
from capital.admin.strategies import deliveries
from capital.admin.strategies import page as strategies
from capital.admin.trading import markets, positions

__all__ = [
    "accounts",
    "capital",
    "deliveries",
    "devices",
    "jobs",
    "links",
    "markets",
    "positions",
    "runs",
    "strategies",
    "summaries",
    "tokens",
    "users",
]

"""Every page of the admin: importing this registers them. Each module is one kind of row."""

from capital.admin.accounts import changes, links, summaries
from capital.admin.accounts import page as accounts
from capital.admin.alerts import alerts, targets
from capital.admin.allocation import capital, runs
from capital.admin.dashboard import rates
from capital.admin.jobs import queue
from capital.admin.jobs import runs as job_runs
from capital.admin.limits import stops
from capital.admin.people import devices, tokens, users
from capital.admin.strategies import deliveries
from capital.admin.strategies import page as strategies
from capital.admin.trading import days, fills, markets, positions, reservations

__all__ = [
    "accounts",
    "alerts",
    "capital",
    "changes",
    "days",
    "deliveries",
    "devices",
    "fills",
    "job_runs",
    "links",
    "markets",
    "positions",
    "queue",
    "rates",
    "reservations",
    "runs",
    "stops",
    "strategies",
    "summaries",
    "targets",
    "tokens",
    "users",
]

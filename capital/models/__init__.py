"""What is stored. Querysets read, services write."""

from capital.models import guards as guards
from capital.models.accounts import Account, StrategyAccount
from capital.models.allocations import AllocationEntry, AllocationPool, AllocationRun, Trigger
from capital.models.capital import StrategyCapital
from capital.models.jobs import ClusterHeartbeat, JobRun
from capital.models.positions import Position
from capital.models.summaries import DailyAccountSummary

__all__ = [
    "Account",
    "AllocationEntry",
    "AllocationPool",
    "AllocationRun",
    "ClusterHeartbeat",
    "DailyAccountSummary",
    "JobRun",
    "Position",
    "StrategyAccount",
    "StrategyCapital",
    "Trigger",
]

"""What is stored. Querysets read, services write."""

from capital.models import strategies as strategies
from capital.models.accounts import Account
from capital.models.allocations import AllocationEntry, AllocationPool, AllocationRun, Trigger
from capital.models.capital import StrategyCapital
from capital.models.idempotency import IdempotentRequest
from capital.models.jobs import ClusterHeartbeat, JobRun
from capital.models.links import StrategyAccount
from capital.models.markets import Market
from capital.models.plans import AllocationPlan, PlannedAccount
from capital.models.positions import Position
from capital.models.rates import ReportingRate
from capital.models.summaries import DailyAccountSummary
from capital.models.tokens import ApiToken, Scope
from capital.models.webhooks import (
    WebhookAnswer,
    WebhookDelivery,
    WebhookNonce,
    WebhookSecret,
)

__all__ = [
    "Account",
    "AllocationEntry",
    "AllocationPlan",
    "AllocationPool",
    "AllocationRun",
    "ApiToken",
    "ClusterHeartbeat",
    "DailyAccountSummary",
    "IdempotentRequest",
    "JobRun",
    "Market",
    "PlannedAccount",
    "Position",
    "ReportingRate",
    "Scope",
    "StrategyAccount",
    "StrategyCapital",
    "Trigger",
    "WebhookAnswer",
    "WebhookDelivery",
    "WebhookNonce",
    "WebhookSecret",
]

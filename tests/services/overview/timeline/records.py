"""Runs as the record has them, at times of choice."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from capital.models import (
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    StrategyAccount,
    StrategyCapital,
)

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.get_default_timezone())


def decided(
    link: StrategyAccount,
    before: str | None,
    after: str | None,
    at: datetime,
    *,
    code: str = "share",
    **fields: Any,
) -> AllocationRun:
    """A run of one link, which holds what it left."""
    run = AllocationRun.objects.create(
        **{
            "account": link.account,
            "run_key": f"key-{AllocationRun.objects.count()}",
            "trigger": "command",
            "outcome": "applied",
            "code": "allocated",
            "created_at": at,
            **fields,
        }
    )
    pool = AllocationPool.objects.create(
        run=run,
        pool="spot",
        reading="5000",
        source="live",
        observed_at=at - timedelta(seconds=3),
        reserve=Decimal(0),
        unallocated=Decimal(0),
        code="live_balance",
    )
    AllocationEntry.objects.create(
        pool=pool,
        strategy_account=link,
        weight=Decimal(1),
        before=None if before is None else Decimal(before),
        after=None if after is None else Decimal(after),
        code=code,
    )
    if after is not None:
        StrategyCapital.objects.update_or_create(
            strategy_account=link,
            defaults={"allocated_capital": Decimal(after), "allocated_at": at},
        )
    return run

"""Periodic jobs: when they run, what they do, what is recorded, and whether they are on time."""

from capital.services.jobs.allowed import (
    is_own_schedule,
    record_refusal,
    refusal_of,
    refuse_foreign_schedules,
)
from capital.services.jobs.clusters import (
    ClusterHealth,
    forget_heartbeat,
    is_clock_wrong,
    is_silent,
    longest_silence,
    record_heartbeat,
)
from capital.services.jobs.errors import error_of
from capital.services.jobs.health import (
    Health,
    JobHealth,
    ReadAccounts,
    RefusedTask,
    check_health,
    check_readiness,
    check_workers,
    refused_tasks,
)
from capital.services.jobs.pings import ping_after, ping_now
from capital.services.jobs.pulls import has_pulled, note_pull
from capital.services.jobs.runs import (
    has_failures,
    perform_after_event,
    perform_by_hand,
    perform_chunk,
    perform_for_venue,
    perform_job,
)
from capital.services.jobs.schedules import (
    bring_back,
    daily_time,
    set_next_time,
    sync_schedules,
    sync_schedules_after_migration,
)
from capital.services.jobs.sweeping import perform_sweep, sweep, sweep_alerts
from capital.services.jobs.table import (
    CHECK_KEYS,
    CLOSE_DAY,
    JOBS,
    PRUNE,
    REALLOCATE_DUE,
    SEND_DIGEST,
    SYNC_BALANCES,
    SYNC_FILLS,
    SYNC_MARKETS,
    WATCH,
    get_job,
)

__all__ = [
    "CHECK_KEYS",
    "CLOSE_DAY",
    "JOBS",
    "PRUNE",
    "REALLOCATE_DUE",
    "SEND_DIGEST",
    "SYNC_BALANCES",
    "SYNC_FILLS",
    "SYNC_MARKETS",
    "WATCH",
    "ClusterHealth",
    "Health",
    "JobHealth",
    "ReadAccounts",
    "RefusedTask",
    "bring_back",
    "check_health",
    "check_readiness",
    "check_workers",
    "daily_time",
    "error_of",
    "forget_heartbeat",
    "get_job",
    "has_failures",
    "has_pulled",
    "is_clock_wrong",
    "is_own_schedule",
    "is_silent",
    "longest_silence",
    "note_pull",
    "perform_after_event",
    "perform_by_hand",
    "perform_chunk",
    "perform_for_venue",
    "perform_job",
    "perform_sweep",
    "ping_after",
    "ping_now",
    "record_heartbeat",
    "record_refusal",
    "refusal_of",
    "refuse_foreign_schedules",
    "refused_tasks",
    "set_next_time",
    "sweep",
    "sweep_alerts",
    "sync_schedules",
    "sync_schedules_after_migration",
]

"""The record of each decision: runs, their pools and entries, and what stays of archived ones."""

from capital.models.allocations.archived import ArchivedRun, AuditCheckpoint
from capital.models.allocations.runs import (
    CHANGES_CAPITAL,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    Trigger,
)

__all__ = [
    "CHANGES_CAPITAL",
    "AllocationEntry",
    "AllocationPool",
    "AllocationRun",
    "ArchivedRun",
    "AuditCheckpoint",
    "Trigger",
]

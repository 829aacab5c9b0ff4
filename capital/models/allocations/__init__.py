"""The record of each decision: runs, their pools and entries."""

from capital.models.allocations.runs import (
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    Trigger,
)

__all__ = ["AllocationEntry", "AllocationPool", "AllocationRun", "Trigger"]

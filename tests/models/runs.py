"""Runs that are not saved, for tests of what their table refuses."""

from datetime import UTC, datetime

from capital.models import AllocationRun
from tests.factories import make_account

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)


def new_run(**fields) -> AllocationRun:
    """A run that is not saved."""
    if "account" not in fields:
        fields["account"] = make_account()
    return AllocationRun(
        **{
            "run_key": "morning",
            "trigger": "command",
            "outcome": "applied",
            "code": "allocated",
            "created_at": NOON,
            **fields,
        }
    )

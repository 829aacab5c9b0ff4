"""What an audit found, and what one batch of accounts is audited with."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from capital.domain.reasons import Code, Reason
from capital.models import Account
from capital.services.audit.checkpoints import Progress
from capital.services.clocks import clock_difference

_KINDS = (
    "accounts",
    "runs",
    "pools",
    "entries",
    "capital",
    "summaries",
    "fills",
    "flows",
    "positions",
    "days",
)


@dataclass(frozen=True)
class Violation:
    """A broken rule, and where. ``run_id`` is None where it is not about a run."""

    account_id: int
    run_id: int | None
    reason: Reason


@dataclass
class AuditReport:
    """What an audit found.

    Attributes:
        checked: How many rows were read, by kind.
        violations: The broken rules.
        resumed: The accounts whose older runs were found correct before, and not read again.
    """

    checked: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)


@dataclass
class Audit:
    """One batch of accounts, read at one point in time."""

    accounts: Mapping[int, Account]
    now: datetime
    report: AuditReport
    records: dict[int, Progress]
    begun: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.begun = {key: record.through for key, record in self.records.items()}

    def found(self, account_id: int, reasons: Iterable[Reason], run_id: int | None = None) -> None:
        """Note what was found in a row of an account."""
        self.report.violations += [Violation(account_id, run_id, reason) for reason in reasons]

    def future(self, row: str, **times: datetime | None) -> Iterator[Reason]:
        """A reason for each of these times that lies in the future."""
        for what, time in times.items():
            if time is not None and time > self.now + clock_difference():
                shown = timezone.localtime(time).isoformat()
                yield Reason(Code.TIME_IN_FUTURE, {"row": row, "what": what, "moment": shown})


def as_figures(report: AuditReport) -> dict[str, Any]:
    """How many rows of each kind were checked, in a fixed order."""
    return {kind: report.checked[kind] for kind in _KINDS}

"""Does every invariant hold?"""

from capital.services.audit.checkpoints import Progress, remember_archived, starting_points
from capital.services.audit.checks import audit_and_tell, audit_capital, follow_runs
from capital.services.audit.history import with_pools
from capital.services.audit.report import AuditReport, Violation, as_figures

__all__ = [
    "AuditReport",
    "Progress",
    "Violation",
    "as_figures",
    "audit_and_tell",
    "audit_capital",
    "follow_runs",
    "remember_archived",
    "starting_points",
    "with_pools",
]

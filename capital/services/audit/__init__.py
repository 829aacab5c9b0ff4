"""Does every invariant hold?"""

from capital.services.audit.checks import AuditReport, Violation, as_figures, audit_capital

__all__ = [
    "AuditReport",
    "Violation",
    "as_figures",
    "audit_capital",
]

"""Who may ask, who sees which account, who changed what, and what was asked already."""

from capital.models.access.changes import ChangedRow, ChangeVerb, SettingChange
from capital.models.access.devices import BackupCodes, SecondFactorDevice
from capital.models.access.idempotency import IdempotentRequest
from capital.models.access.preferences import ChangeColours, DisplayPreference
from capital.models.access.roles import AccessRole, AccountAccess
from capital.models.access.tokens import ApiToken, Scope

__all__ = [
    "AccessRole",
    "AccountAccess",
    "ApiToken",
    "BackupCodes",
    "ChangeColours",
    "ChangeVerb",
    "ChangedRow",
    "DisplayPreference",
    "IdempotentRequest",
    "Scope",
    "SecondFactorDevice",
    "SettingChange",
]

"""Who may ask: API tokens, what was asked already, and what a user prefers to see."""

from capital.models.access.idempotency import IdempotentRequest
from capital.models.access.preferences import ChangeColours, DisplayPreference
from capital.models.access.tokens import ApiToken, Scope

__all__ = ["ApiToken", "ChangeColours", "DisplayPreference", "IdempotentRequest", "Scope"]

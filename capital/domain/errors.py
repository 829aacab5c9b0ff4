"""What can go wrong, one class for each decision that a caller can take.

Every error is a reason: a stable code, figures, and a sentence that says what to do. No
error carries another library's text, because such texts hold keys and signed URLs.
"""

from typing import ClassVar

from capital.domain.reasons import Code, Reason


class CapitalError(Exception):
    """The root. ``str()`` is the English sentence; ``reason`` is what to store or translate."""

    code: ClassVar[Code]

    def __init__(self, **figures: str) -> None:
        self.reason = Reason(self.code, figures)
        super().__init__(self.reason.english)


class InvalidAllocation(CapitalError):
    """An amount cannot be split as asked."""

    code = Code.INVALID_ALLOCATION


class InvalidAmount(CapitalError):
    """A text is not an exact, finite amount."""

    code = Code.INVALID_AMOUNT


class AmountNotStorable(CapitalError):
    """The connected database would not give this amount back exactly."""

    code = Code.AMOUNT_NOT_STORABLE


class UnknownVenue(CapitalError):
    """No row of the venue table has this id."""

    code = Code.UNKNOWN_VENUE


class UnknownAccount(CapitalError):
    """No account has this id or name."""

    code = Code.UNKNOWN_ACCOUNT


class AmbiguousAccount(CapitalError):
    """More than one account has this name."""

    code = Code.AMBIGUOUS_ACCOUNT


class RunKeyConflict(CapitalError):
    """A run key was used before, with other arguments."""

    code = Code.RUN_KEY_CONFLICT


class InvalidRunKey(CapitalError):
    """A run key is empty or too long."""

    code = Code.INVALID_RUN_KEY


class AppendOnly(CapitalError):
    """An audit row was to be changed or deleted."""

    code = Code.APPEND_ONLY


class NothingToAccept(CapitalError):
    """A jump was to be accepted, and none is suspect."""

    code = Code.NOTHING_TO_ACCEPT


class ForceNotAllowed(CapitalError):
    """The actor lacks the permission to bypass the gate."""

    code = Code.FORCE_NOT_ALLOWED


class UnknownJob(CapitalError):
    """No row of the table of jobs has this name."""

    code = Code.UNKNOWN_JOB


class JobFailed(CapitalError):
    """A job could not do its work; the queue gives it out again, a bounded number of times."""

    code = Code.JOB_FAILED


class CredentialsUnreadable(CapitalError):
    """No key in ``FIELD_ENCRYPTION_KEYS`` decrypts what is stored."""

    code = Code.CREDENTIALS_UNREADABLE


class BalanceUnavailable(CapitalError):
    """A live balance could not be had; the cache may stand in. The reason says why."""

    def __init__(self, code: Code, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: fall back
        super().__init__(**figures)

"""What can go wrong, one class for each decision that a caller can take.

Every error is a reason: a stable code, figures, and a sentence that says what to do. No
error carries another library's text, because such texts hold keys and signed URLs.
"""

from collections.abc import Mapping
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


class InvalidPeriod(CapitalError):
    """There is no such period, or its last day is before its first one."""

    code = Code.INVALID_PERIOD


class InvalidMonth(CapitalError):
    """There is no such month."""

    code = Code.INVALID_MONTH


class InvalidGroup(CapitalError):
    """Figures are not grouped by this."""

    code = Code.INVALID_GROUP


class InvalidRate(CapitalError):
    """A reporting rate is not above zero, or not between two currencies."""

    code = Code.INVALID_RATE


class RateMissing(CapitalError):
    """There is no stored rate to the currency that an amount is to be reported in."""

    code = Code.RATE_MISSING


class UnknownVenue(CapitalError):
    """No row of the venue table has this id."""

    code = Code.UNKNOWN_VENUE


class UnknownAccount(CapitalError):
    """No account has this id or name."""

    code = Code.UNKNOWN_ACCOUNT


class UnknownStrategy(CapitalError):
    """No strategy has this key, or it trades on none of the accounts that were named."""

    code = Code.UNKNOWN_STRATEGY


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
    """Something tried to change or delete an audit row."""

    code = Code.APPEND_ONLY


class NothingToAccept(CapitalError):
    """There is no suspect balance to accept."""

    code = Code.NOTHING_TO_ACCEPT


class OtherSuspect(CapitalError):
    """Another balance is suspect than the one that was to be refused."""

    code = Code.OTHER_SUSPECT


class NoPendingRules(CapitalError):
    """No changed rules of an instrument wait to be accepted."""

    code = Code.NO_PENDING_RULES


class ForceNotAllowed(CapitalError):
    """The actor lacks the permission to bypass the gate."""

    code = Code.FORCE_NOT_ALLOWED


class Forbidden(CapitalError):
    """The actor may not do this; one class for each reason why."""


class NotPermitted(Forbidden):
    """The actor lacks a permission."""

    code = Code.NOT_PERMITTED


class RoleTooSmall(Forbidden):
    """The actor has the permission, and too small a role on the account."""

    code = Code.ROLE_TOO_SMALL


class StrategyOfAnother(Forbidden):
    """A strategy is its owner's to change."""

    code = Code.STRATEGY_OF_ANOTHER


class OwnerOnly(Forbidden):
    """Only a superuser gives rows to somebody else."""

    code = Code.OWNER_ONLY


class UnknownPlan(CapitalError):
    """No plan has this id, or it was shown to somebody else."""

    code = Code.UNKNOWN_PLAN


class PlanExpired(CapitalError):
    """A plan waited too long to be applied."""

    code = Code.PLAN_EXPIRED


class PlanStale(CapitalError):
    """Something that a plan rests on has changed; ``changes`` says what, by account id."""

    code = Code.PLAN_STALE

    def __init__(self, *, changes: Mapping[int, Reason] | None = None, **figures: str) -> None:
        super().__init__(**figures)
        self.changes: Mapping[int, Reason] = changes or {}


class PlanTooLarge(CapitalError):
    """More accounts than one plan takes."""

    code = Code.PLAN_TOO_LARGE


class UnknownRun(CapitalError):
    """No run has this id."""

    code = Code.UNKNOWN_RUN


class RevertRefused(CapitalError):
    """A run cannot be reverted now. The reason says why."""

    def __init__(self, code: Code, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: leave it
        super().__init__(**figures)


class BackupRefused(CapitalError):
    """A backup cannot be made, checked or restored. The reason says why."""

    def __init__(self, code: Code, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: leave it
        super().__init__(**figures)


class DeskFileRefused(CapitalError):
    """A file of a desk cannot be read, written or imported. The code says why."""

    def __init__(self, code: Code, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: correct the file
        super().__init__(**figures)


class NothingToReplay(CapitalError):
    """No strategy of the account has a day on record in the period."""

    code = Code.REPLAY_EMPTY


class WeightsRefused(CapitalError):
    """Weights cannot be set as asked. The reason says why; nothing was changed."""

    field = "weights"

    def __init__(self, code: Code, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: ask again
        super().__init__(**figures)


class BudgetLimitNotAllowed(CapitalError):
    """The actor lacks the permission to let orders spend more than their strategy's capital."""

    code = Code.BUDGET_LIMIT_NOT_ALLOWED


class InvalidStop(CapitalError):
    """A stop cannot be placed or lifted as asked."""

    def __init__(self, code: Code, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: ask otherwise
        super().__init__(**figures)


class InvalidTarget(CapitalError):
    """Alerts cannot be sent where somebody wants to have them sent."""

    def __init__(self, code: Code, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: say another
        super().__init__(**figures)


class UnknownJob(CapitalError):
    """No row of the table of jobs has this name."""

    code = Code.UNKNOWN_JOB


class JobFailed(CapitalError):
    """A job could not do its work; the queue retries it, a bounded number of times."""

    code = Code.JOB_FAILED


class TaskRefused(CapitalError):
    """Something asks the queue for what is not one of our tasks."""

    code = Code.TASK_REFUSED


class NotFound(CapitalError):
    """There is no such row, or the caller may not see it."""

    code = Code.NOT_FOUND


class HasHistory(CapitalError):
    """History that must not be lost points at the row."""

    code = Code.HAS_HISTORY


class InvalidToken(CapitalError):
    """A token cannot be made as asked."""

    code = Code.INVALID_TOKEN


class UnknownToken(CapitalError):
    """There is no token of this name."""

    code = Code.UNKNOWN_TOKEN


class TokenRefused(CapitalError):
    """The token of a request is unknown, expired or revoked."""

    code = Code.TOKEN_REFUSED


class SessionRefused(CapitalError):
    """A password was right, and the session still opens nothing."""

    def __init__(self, code: Code) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: log in again
        super().__init__()


class ScopeTooSmall(CapitalError):
    """The token's scope does not include what is asked."""

    code = Code.SCOPE_TOO_SMALL


class TokenOfOneAccount(CapitalError):
    """What is asked is not about the one account that the token is for."""

    code = Code.TOKEN_OF_ONE_ACCOUNT


class InvalidIdempotencyKey(CapitalError):
    """An idempotency key is empty, too long or not printable ASCII."""

    code = Code.INVALID_IDEMPOTENCY_KEY


class IdempotencyConflict(CapitalError):
    """An idempotency key was used for another request."""

    code = Code.IDEMPOTENCY_CONFLICT


class RequestInProgress(CapitalError):
    """The first request with this idempotency key has no answer yet."""

    code = Code.REQUEST_IN_PROGRESS


class CredentialsUnreadable(CapitalError):
    """No key in ``FIELD_ENCRYPTION_KEYS`` decrypts what is stored."""

    code = Code.CREDENTIALS_UNREADABLE


class SecretUnreadable(CredentialsUnreadable):
    """The same, with what it is stored for."""

    code = Code.SECRET_UNREADABLE


class BalanceUnavailable(CapitalError):
    """A live balance could not be read; the cache may be used instead. The reason says why."""

    def __init__(self, code: Code, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: fall back
        super().__init__(**figures)


class SizingError(CapitalError):
    """An order got no quantity. The subclasses say who has to act.

    Attributes:
        field: Of the request that is to blame; None where none is.
    """

    def __init__(self, code: Code, *, field: str | None = None, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # the class is the decision, the code its cause
        self.field = field
        super().__init__(**figures)


class InvalidOrder(SizingError):
    """The request makes no sense on any instrument: the caller's program is wrong."""


class UnknownSymbol(SizingError):
    """The venue has no such instrument for this strategy, or its rules were never fetched."""


class TradingRefused(SizingError):
    """A fill or a flow makes no sense: nothing of the request was recorded."""


class ReservationRefused(SizingError):
    """A reservation is not in a state for what is asked."""


class TradeFileRefused(CapitalError):
    """A file of trades cannot be imported as a whole: nothing of it was recorded."""

    def __init__(self, code: Code, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: give another file
        super().__init__(**figures)


class SheetRefused(CapitalError):
    """A table of accounts or strategies cannot be imported as a whole: nothing of it was."""

    def __init__(self, code: Code, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: give another file
        super().__init__(**figures)


class SheetChanged(CapitalError):
    """An import of a table would do something else than was shown: nothing of it was done."""

    code = Code.SHEET_CHANGED


class ImportChanged(CapitalError):
    """An import would do something else than its preview showed: nothing of it was recorded."""

    code = Code.IMPORT_CHANGED


class CurrencyMismatch(SizingError):
    """The instrument is paid in another currency than the account's capital is counted in."""


class OrderRefused(SizingError):
    """A rule forbids the order as things stand: budget, state, symbols, position."""


class PriceUnavailable(SizingError):
    """No price was given, and none arrived in time: try again, or give one."""


class WebhookRefused(CapitalError):
    """Nobody is told which part of the call was wrong, nor whether the strategy exists."""

    code = Code.WEBHOOK_REFUSED


class AddressNotAllowed(CapitalError):
    """The caller knows the secret, but its address is in none of the webhook's networks."""

    code = Code.ADDRESS_NOT_ALLOWED


class InvalidWebhook(CapitalError):
    """A webhook cannot be set like that. ``field`` says what is wrong."""

    def __init__(self, code: Code, *, field: str, **figures: str) -> None:
        self.code = code  # type: ignore[misc]  # one class, because one decision: correct it
        self.field = field
        super().__init__(**figures)


class DeliveryConflict(CapitalError):
    """A delivery's id was used with another body."""

    code = Code.DELIVERY_CONFLICT


class DeliveryArchived(CapitalError):
    """The answer to this delivery is in a file."""

    code = Code.DELIVERY_ARCHIVED


class ArchiveTooRecent(CapitalError):
    """What is to be archived is not old enough."""

    code = Code.ARCHIVE_TOO_RECENT


class ArchiveFileDiffers(CapitalError):
    """A file of the archive exists, and it is not of these rows."""

    code = Code.ARCHIVE_FILE_DIFFERS


class ArchiveNotReadBack(CapitalError):
    """A file does not give back what was written to it."""

    code = Code.ARCHIVE_NOT_READ_BACK


class DeliveryInProgress(CapitalError):
    """The answer to this delivery is not there yet."""

    code = Code.DELIVERY_IN_PROGRESS

"""What is stored, and how it hangs together. Querysets read, services write.

::

    User ──< Account ──< StrategyAccount >── Strategy (of the app ``strategies``)
                │               │
                │               ├── StrategyCapital      what the link may use now
                │               ├──< Position            what it holds
                │               ├──< Reservation         what is held for its orders
                │               ├──< SymbolDay           what it earned on a day in a symbol
                │               ├──< LinkDay             what it had and earned on a day
                │               ├──< LinkMonth           the same of a month, packed
                │               ├──< LinkYear            the months of a year that are over
                │               ├──< Trade               a round trip of it that ended
                │               └──< AllocationEntry     before and after, in one run
                │                         │
                ├──< Fill ──< Attribution                what was executed, and whose it is
                │     └──< Discrepancy                   what a second bringer said otherwise
                ├──< Flow                                what came or went without a fill
                ├──< PoolDay                             what of a day's change they explain
                ├──< VenuePosition                       what the exchange says that it holds
                ├──< BookedHolding                       what its books held when that was read
                ├──< TradingCursor                       until when the exchange was read for both
                ├──< AllocationRun ──< AllocationPool
                ├──< ArchivedRun                         a run whose rows are in a file
                ├── AuditCheckpoint                      how far the record was checked
                ├──< DailyAccountSummary                 balances by day, the cache
                ├──< LimitState                          how much of a limit was used; of links, too
                ├──< Stop                                no new entries, until it is lifted
                └──< PlannedAccount >── AllocationPlan   a decision that waits to be applied

    Strategy ── WebhookSecret;  ──< WebhookNonce;  ──< WebhookDelivery ── WebhookAnswer
                                                 ──< ArchivedDelivery
    User ──< AccountAccess >── Account                   whom its owner invited, with a role
    User ──< ApiToken ──> Account, or none;  ── DisplayPreference
    User ──< AlertTarget ──< AlertDelivery >──< Alert    where to be told, and what was
    User ──< PlanRequest >── AllocationPlan              a form asks once, however often it is sent
    User ──< SecondFactorDevice;  ──< BackupCodes        what proves it after the password
    Alert and Trouble are about an account, a strategy, an owner, a venue or everybody.
    SettingChange names an account or a strategy, and outlives it. A Stop may also be of one link,
    of an owner, or of everybody.
    Market, DayMark, ReportingRate, JobRun, ClusterHeartbeat, EndpointPace and IdempotentRequest
    point at nothing.

- **Money** is in ``AmountField``, ``QuantityField`` and ``RatioField`` (``columns.exact``), which
  refuse what the database would not keep exactly. It is in the currency of the account;
  NULL is unknown or never, not zero. Readings and JSON columns keep amounts as text.
- **Append-only** are AllocationRun, AllocationPool, AllocationEntry, Fill, Attribution,
  Discrepancy, Flow, WebhookDelivery, WebhookAnswer, ArchivedRun, ArchivedDelivery and
  SettingChange (``columns.append_only``): the model refuses a change, and on PostgreSQL a trigger
  does. Only archiving drops rows, after it has read them back from the files that it wrote. A Stop
  is written once as well, and lifted once.
- **Nothing with a history is deleted**: whatever points at an account, a link or a strategy with
  money in it protects it. Plans, tokens, webhook secrets and accesses go with what they belong to.
- **Secrets** are encrypted columns (``columns.encrypted``) or digests.
- Every rule is a named constraint, with a sentence for the form. What only the venue can tell
  (``accounts.venue_rules``) is refused by ``save`` and ``bulk_create``.
"""

from capital.models import strategies as strategies
from capital.models.access import (
    AccessRole,
    AccountAccess,
    ApiToken,
    BackupCodes,
    ChangeColours,
    ChangedRow,
    ChangeVerb,
    DisplayPreference,
    IdempotentRequest,
    Scope,
    SecondFactorDevice,
    SettingChange,
)
from capital.models.accounts import Account
from capital.models.alerts import (
    Alert,
    AlertChannel,
    AlertDelivery,
    AlertKind,
    AlertState,
    AlertTarget,
    DeliveryState,
    Trouble,
)
from capital.models.allocations import (
    CHANGES_CAPITAL,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    ArchivedRun,
    AuditCheckpoint,
    Trigger,
)
from capital.models.bounds import BOUND_FIELDS
from capital.models.capital import StrategyCapital
from capital.models.jobs import ClusterHeartbeat, JobRun
from capital.models.limits import LimitKind, LimitState
from capital.models.links import StrategyAccount
from capital.models.markets import Market
from capital.models.paces import EndpointPace
from capital.models.plans import AllocationPlan, PlannedAccount, PlanRequest
from capital.models.queries import among as among
from capital.models.rates import ReportingRate
from capital.models.reservations import (
    LONGEST_ORDER_ID,
    RESERVATION_STATES,
    Reservation,
)
from capital.models.stops import Stop
from capital.models.summaries import DailyAccountSummary
from capital.models.trading import (
    AskedFor,
    AttributedBy,
    Attribution,
    BookedHolding,
    DayMark,
    Discrepancy,
    Fill,
    Flow,
    LinkDay,
    LinkMonth,
    LinkYear,
    PoolDay,
    Position,
    PositionSource,
    SymbolDay,
    Trade,
    TradeUpload,
    TradingCursor,
    VenuePosition,
)
from capital.models.webhooks import (
    MOST_LAG_SECONDS,
    USUAL_LAG_SECONDS,
    ArchivedDelivery,
    WebhookAnswer,
    WebhookDelivery,
    WebhookNonce,
    WebhookSecret,
)

__all__ = [
    "BOUND_FIELDS",
    "CHANGES_CAPITAL",
    "LONGEST_ORDER_ID",
    "MOST_LAG_SECONDS",
    "RESERVATION_STATES",
    "USUAL_LAG_SECONDS",
    "AccessRole",
    "Account",
    "AccountAccess",
    "Alert",
    "AlertChannel",
    "AlertDelivery",
    "AlertKind",
    "AlertState",
    "AlertTarget",
    "AllocationEntry",
    "AllocationPlan",
    "AllocationPool",
    "AllocationRun",
    "ApiToken",
    "ArchivedDelivery",
    "ArchivedRun",
    "AskedFor",
    "AttributedBy",
    "Attribution",
    "AuditCheckpoint",
    "BackupCodes",
    "BookedHolding",
    "ChangeColours",
    "ChangeVerb",
    "ChangedRow",
    "ClusterHeartbeat",
    "DailyAccountSummary",
    "DayMark",
    "DeliveryState",
    "Discrepancy",
    "DisplayPreference",
    "EndpointPace",
    "Fill",
    "Flow",
    "IdempotentRequest",
    "JobRun",
    "LimitKind",
    "LimitState",
    "LinkDay",
    "LinkMonth",
    "LinkYear",
    "Market",
    "PlanRequest",
    "PlannedAccount",
    "PoolDay",
    "Position",
    "PositionSource",
    "ReportingRate",
    "Reservation",
    "Scope",
    "SecondFactorDevice",
    "SettingChange",
    "Stop",
    "StrategyAccount",
    "StrategyCapital",
    "SymbolDay",
    "Trade",
    "TradeUpload",
    "TradingCursor",
    "Trigger",
    "Trouble",
    "VenuePosition",
    "WebhookAnswer",
    "WebhookDelivery",
    "WebhookNonce",
    "WebhookSecret",
]

"""Which rows a user may see: those of the accounts near to them, or everyone's.

A row is seen with its account, by the account's owner and by whom the owner invited. A strategy is
its owner's, and seen with the accounts that it trades on; so are its webhook's deliveries. Tokens
are their user's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import Model, Q, QuerySet

from capital.models import (
    Account,
    AccountAccess,
    Alert,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    ApiToken,
    ArchivedRun,
    Attribution,
    AuditCheckpoint,
    BookedHolding,
    DailyAccountSummary,
    Discrepancy,
    Fill,
    Flow,
    LimitState,
    LinkDay,
    LinkMonth,
    PoolDay,
    Position,
    Reservation,
    SettingChange,
    Stop,
    StrategyAccount,
    StrategyCapital,
    SymbolDay,
    Trade,
    TradingCursor,
    Trouble,
    VenuePosition,
    WebhookAnswer,
    WebhookDelivery,
)
from capital.models.queries.prepared import PreparedQuery
from capital.models.stops import concerns_accounts
from capital.services.access.roles import Standing, of_accounts, role_of, standing_of
from capital.services.access.sight import sees_everything
from strategies.models import Strategy

# The path from a row to its account. A strategy belongs to every account that it trades on.
ACCOUNT_PATHS: Mapping[type[Model], str] = MappingProxyType(
    {
        Account: "pk",
        AccountAccess: "account",
        Strategy: "strategy_accounts__account",
        StrategyAccount: "account",
        StrategyCapital: "strategy_account__account",
        Position: "strategy_account__account",
        Reservation: "strategy_account__account",
        SymbolDay: "strategy_account__account",
        LinkDay: "strategy_account__account",
        LinkMonth: "strategy_account__account",
        Trade: "strategy_account__account",
        Fill: "account",
        Attribution: "fill__account",
        Discrepancy: "fill__account",
        Flow: "account",
        PoolDay: "account",
        TradingCursor: "account",
        VenuePosition: "account",
        BookedHolding: "account",
        DailyAccountSummary: "account",
        AllocationRun: "account",
        ArchivedRun: "account",
        AuditCheckpoint: "account",
        AllocationPool: "run__account",
        AllocationEntry: "pool__run__account",
        SettingChange: "account",
        Stop: "account",
        LimitState: "account",
        Alert: "account",
        Trouble: "account",
        ApiToken: "account",
        WebhookDelivery: "strategy__strategy_accounts__account",
        WebhookAnswer: "delivery__strategy__strategy_accounts__account",
    }
)

_Row = TypeVar("_Row", bound=Model)
User = AbstractUser | AnonymousUser


def _accounts(user: User) -> QuerySet[Account, Any]:
    return Account.objects.filter(of_accounts(user)).order_by().values("pk")


def _strategies(user: User) -> Q:
    links = StrategyAccount.objects.filter(account__in=_accounts(user)).order_by()
    return Q(owner=user) | Q(pk__in=links.values("strategy"))


def _with_strategy(path: str) -> Callable[[User], Q]:
    return lambda user: Q(**{f"{path}__in": Strategy.objects.filter(_strategies(user)).order_by()})


def _concerned(user: User) -> Q:
    """What is wrong, and what is told of it: with what it is about."""
    strategies = Strategy.objects.filter(_strategies(user)).order_by()
    venues = _accounts(user).values("venue")
    return (
        Q(account__in=_accounts(user))
        | Q(strategy__in=strategies)
        # Who sees an account sees what is said of its owner's.
        | Q(owner=user)
        | Q(owner__in=_accounts(user).values("owner"))
        | Q(for_everybody=True)
        | Q(venue__in=venues)
    )


# Of what is not simply seen with its account: the condition on its rows.
_CONDITIONS: Mapping[type[Model], Callable[[User], Q]] = MappingProxyType(
    {
        Account: of_accounts,
        Strategy: _strategies,
        WebhookDelivery: _with_strategy("strategy"),
        WebhookAnswer: _with_strategy("delivery__strategy"),
        SettingChange: lambda user: Q(account__in=_accounts(user)) | Q(strategy__owner=user),
        ApiToken: lambda user: Q(user=user),
        LimitState: lambda user: (
            Q(account__in=_accounts(user)) | Q(strategy_account__account__in=_accounts(user))
        ),
        Alert: lambda user: _concerned(user) | Q(addressee=user),
        Trouble: _concerned,
        Stop: lambda user: concerns_accounts(_accounts(user)) | Q(owner=user),
    }
)


def visible_to(user: User, rows: QuerySet[_Row]) -> QuerySet[_Row]:
    """The rows that this user may see; none for an anonymous or inactive user.

    Args:
        user: Superusers and holders of ``capital.view_all_accounts`` see all rows.
        rows: Rows of a model in ``ACCOUNT_PATHS``.
    """
    path = ACCOUNT_PATHS[rows.model]
    if not user.is_authenticated or not user.is_active:
        return rows.none()
    if sees_everything(user):
        return rows
    condition = _CONDITIONS.get(rows.model)
    return rows.filter(condition(user) if condition else Q(**{f"{path}__in": _accounts(user)}))


def within_account(rows: QuerySet[_Row], account_id: int | None) -> QuerySet[_Row]:
    """The rows of this account; all rows if it is None."""
    if account_id is None:
        return rows
    if rows.model is Stop:
        return rows.filter(concerns_accounts([account_id]))
    return rows.filter(**{ACCOUNT_PATHS[rows.model]: account_id})


@dataclass(frozen=True)
class Viewer:
    """Who asks.

    Attributes:
        user: The user.
        account_id: The only account that their token gives access to; None for all that they see.
    """

    user: User
    account_id: int | None = None

    def sees(self, account_id: int, *, owner_id: int, role: str | None) -> bool:
        """Whether ``visible_to`` and ``within_account`` include the rows of this account.

        Args:
            account_id: The account.
            owner_id: Its owner.
            role: The user's role on it, as ``role_of`` finds it; None where there is none.
        """
        if self.account_id not in (None, account_id):
            return False
        standing = standing_of(self.user, owner_id=owner_id, role=role)
        return standing is not Standing.NONE or sees_everything(self.user)


_LINKS = PreparedQuery(
    lambda ids, user_ids: (
        StrategyAccount.objects.filter(pk__in=ids)
        .annotate(role=role_of(user_ids, "account"))
        .order_by()
        .values_list("account_id", "account__owner_id", "role")
    )
)


def find_visible_link(link_id: int, *, user: User, account_id: int | None = None) -> int | None:
    """The id of the link if ``visible_to`` and ``within_account`` include it, else None."""
    if user.pk is None:
        return None
    rows = _LINKS.rows([link_id], [user.pk])
    if not rows:
        return None
    linked, owner_id, role = rows[0]
    viewer = Viewer(user, account_id)
    return link_id if viewer.sees(linked, owner_id=owner_id, role=role) else None

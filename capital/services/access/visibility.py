"""Which rows a user may see: those of the accounts near to them, or everyone's.

A row is seen with its account, by the account's owner and by whom the owner invited. A strategy is
its owner's, and seen with the accounts that it trades on; so are its webhook's deliveries. Tokens
are their user's.
"""

from collections.abc import Callable, Mapping, Sequence
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
    LinkYear,
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
from capital.services.access.roles import Standing, among_accounts, role_of, standing_of
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
        LinkYear: "strategy_account__account",
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


_UserIds = Sequence[int]


def _accounts(user_ids: _UserIds) -> QuerySet[Account, Any]:
    return Account.objects.filter(among_accounts(user_ids)).order_by().values("pk")


def _strategies(user_ids: _UserIds) -> Q:
    links = StrategyAccount.objects.filter(account__in=_accounts(user_ids)).order_by()
    return Q(owner__in=user_ids) | Q(pk__in=links.values("strategy"))


def _with_strategy(path: str) -> Callable[[_UserIds], Q]:
    return lambda user_ids: Q(
        **{f"{path}__in": Strategy.objects.filter(_strategies(user_ids)).order_by()}
    )


def _concerned(user_ids: _UserIds) -> Q:
    """What is wrong, and what is told of it: with what it is about."""
    strategies = Strategy.objects.filter(_strategies(user_ids)).order_by()
    venues = _accounts(user_ids).values("venue")
    return (
        Q(account__in=_accounts(user_ids))
        | Q(strategy__in=strategies)
        # Who sees an account sees what is said of its owner's.
        | Q(owner__in=user_ids)
        | Q(owner__in=_accounts(user_ids).values("owner"))
        | Q(for_everybody=True)
        | Q(venue__in=venues)
    )


# Of what is not simply seen with its account: the condition on its rows, by who looks.
_CONDITIONS: Mapping[type[Model], Callable[[_UserIds], Q]] = MappingProxyType(
    {
        Account: among_accounts,
        Strategy: _strategies,
        WebhookDelivery: _with_strategy("strategy"),
        WebhookAnswer: _with_strategy("delivery__strategy"),
        SettingChange: lambda ids: Q(account__in=_accounts(ids)) | Q(strategy__owner__in=ids),
        ApiToken: lambda ids: Q(user__in=ids),
        LimitState: lambda ids: (
            Q(account__in=_accounts(ids)) | Q(strategy_account__account__in=_accounts(ids))
        ),
        Alert: lambda ids: _concerned(ids) | Q(addressee__in=ids),
        Trouble: _concerned,
        Stop: lambda ids: concerns_accounts(_accounts(ids)) | Q(owner__in=ids),
    }
)


def visible_to(user: User, rows: QuerySet[_Row]) -> QuerySet[_Row]:
    """The rows that this user may see; none for an anonymous or inactive user.

    Args:
        user: Superusers and holders of ``capital.view_all_accounts`` see all rows.
        rows: Rows of a model in ``ACCOUNT_PATHS``.
    """
    if not user.is_authenticated or not user.is_active:
        return rows.none()
    return rows if sees_everything(user) else rows.filter(_condition(rows.model, [user.pk]))


def _condition(model: type[Model], user_ids: _UserIds) -> Q:
    found = _CONDITIONS.get(model)
    return found(user_ids) if found else Q(**{f"{ACCOUNT_PATHS[model]}__in": _accounts(user_ids)})


class VisibleKeys:
    """The primary keys of those of some rows that a user may see, by a prepared query.

    For what every page asks, and mostly finds nothing: the rows are then read by their keys.

    Args:
        rows: Returns all of them, of a model in ``ACCOUNT_PATHS``, in any order.
    """

    def __init__(self, rows: Callable[[], QuerySet[Any, Any]]) -> None:
        def keys() -> QuerySet[Any, Any]:
            return rows().order_by().values_list("pk")

        self._all = PreparedQuery(keys)
        self._own = PreparedQuery(
            lambda user_ids: keys().filter(_condition(rows().model, user_ids))
        )

    def of(self, user: User) -> list[int]:
        """In one query; as ``visible_to`` finds them."""
        if not user.is_authenticated or not user.is_active:
            return []
        rows = self._all.rows() if sees_everything(user) else self._own.rows([user.pk])
        return list(dict.fromkeys(key for (key,) in rows))


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

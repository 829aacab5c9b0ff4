"""What happened on a timeline, and what makes a balance jump that nobody earned or lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import Q

from capital.domain.performance.flows import FlowKind
from capital.domain.reasons import Code
from capital.models import (
    Account,
    AllocationRun,
    ChangedRow,
    Flow,
    SettingChange,
    StrategyAccount,
)
from capital.services.access.visibility import visible_to
from capital.services.accounts.lookup import AccountIds

# Of the newest of each kind; the rest is in the lists.
MOST_EVENTS = 100
# With another of these, an account's balance is another number.
MEANINGS = ("balance_basis", "wallet_mode", "is_sandbox")
_MONEY = (FlowKind.DEPOSIT.value, FlowKind.WITHDRAWAL.value)


@dataclass(frozen=True)
class Change:
    """What one run made of one link."""

    link: StrategyAccount
    before: Decimal | None
    after: Decimal | None
    code: str

    @property
    def is_pause(self) -> bool:
        """Whether the link went out of allocation."""
        code = Code.get(self.code)
        return code is not None and code.is_idle


@dataclass(frozen=True)
class Event:
    """Something that happened: a run, money, a change of a setting, or an account that is new.

    Attributes:
        run: With its account and actor; None for what is no run.
        changes: What the run changed of these links.
        flow: Money that came or went, with its account.
        setting: A strategy, a link or an account that was paused, activated or archived; or an
            account whose balance is another number from there on.
        account: One that is new.
    """

    at: datetime
    run: AllocationRun | None = None
    changes: Sequence[Change] = field(default_factory=tuple)
    flow: Flow | None = None
    setting: SettingChange | None = None
    account: Account | None = None

    @property
    def account_id(self) -> int | None:
        """Of which account; None for a strategy's."""
        if self.account is not None:
            return self.account.pk
        row = self.run or self.flow or self.setting
        return None if row is None else row.account_id

    @property
    def accepts_jump(self) -> bool:
        """Whether it is a run that accepted a balance that had jumped."""
        return self.run is not None and bool(self.run.arguments.get("accept_jump"))


def read_marks(
    accounts: AccountIds,
    user: AbstractUser | AnonymousUser,
    *,
    since: datetime,
    until: datetime,
) -> list[Event]:
    """What made balances jump: money that came or went, new accounts, another basis.

    Three queries.

    Args:
        accounts: Those that the user may see.
        user: Flows and changes of settings are told with what this user may look at.
        since: After it.
        until: Until then.
    """
    return [
        *_flows(accounts, user, since, until),
        *_meanings(accounts, user, since, until),
        *_new_accounts(accounts, since, until),
    ]


def read_jumps(account_id: int, *, since: datetime, until: datetime) -> list[Event]:
    """The runs of one account that accepted a balance that had jumped, in one query."""
    runs = AllocationRun.objects.filter(
        account=account_id,
        arguments__accept_jump=True,
        created_at__gt=since,
        created_at__lte=until,
    ).select_related("account", "actor")
    newest = runs.defer("snapshot", "basis").order_by("-created_at")[:MOST_EVENTS]
    return [Event(run.created_at, run=run) for run in newest]


def _flows(
    accounts: AccountIds,
    user: AbstractUser | AnonymousUser,
    since: datetime,
    until: datetime,
) -> list[Event]:
    """Deposits and withdrawals that count."""
    if not user.has_perm("capital.view_flow"):
        return []
    flows = Flow.objects.filter(
        account__in=accounts,
        kind__in=_MONEY,
        occurred_at__gt=since,
        occurred_at__lte=until,
        matched_by=None,
        reversed_by=None,
        reverses=None,
    ).select_related("account")
    newest = flows.order_by("-occurred_at", "-pk")[:MOST_EVENTS]
    return [Event(flow.occurred_at, flow=flow) for flow in newest]


def _meanings(
    accounts: AccountIds,
    user: AbstractUser | AnonymousUser,
    since: datetime,
    until: datetime,
) -> list[Event]:
    """Since when the balance of an account is another number."""
    any_of = Q()
    for name in MEANINGS:
        any_of |= Q(values__has_key=name)
    of_account = Q(row=ChangedRow.ACCOUNT, account__in=accounts)
    return changed_settings(any_of & of_account, user, since, until)


def changed_settings(
    which: Q, user: AbstractUser | AnonymousUser, since: datetime, until: datetime
) -> list[Event]:
    """The newest of these changes, of what the user sees; none where they may look at none."""
    if not user.has_perm("capital.view_settingchange"):
        return []
    changes = visible_to(user, SettingChange.objects.filter(which)).filter(
        verb="changed", created_at__gt=since, created_at__lte=until
    )
    newest = changes.select_related("actor").order_by("-pk")[:MOST_EVENTS]
    return [Event(change.created_at, setting=change) for change in newest]


def _new_accounts(accounts: AccountIds, since: datetime, until: datetime) -> list[Event]:
    rows = Account.objects.filter(pk__in=accounts, created_at__gt=since, created_at__lte=until)
    newest = rows.only("name", "venue", "currency", "created_at").order_by("-created_at", "-pk")
    return [Event(account.created_at, account=account) for account in newest[:MOST_EVENTS]]

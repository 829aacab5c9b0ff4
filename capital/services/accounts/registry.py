"""Accounts and links are entered, changed and removed here, by who may; each leaves a record."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser, User
from django.db import transaction
from django.db.models import Model, ProtectedError

from capital.domain.errors import HasHistory, NotFound, OwnerOnly
from capital.domain.reasons import Code, Reason
from capital.models import Account, AccountAccess, ChangedRow, ChangeVerb, StrategyAccount
from capital.models.columns.encrypted import EncryptedTextField
from capital.models.columns.limited import LIMITS
from capital.services.access.changes import differences, record_change, values_of
from capital.services.access.permissions import check_budget_limit, require_permission
from capital.services.access.roles import Act, allowed_to, require
from capital.services.accounts.lookup import lock_accounts
from strategies.edits import Seen, check_seen
from strategies.models import Strategy

_CREDENTIALS = frozenset(
    field.name for field in Account._meta.fields if isinstance(field, EncryptedTextField)
)


def create_account(
    *, owner: User, actor: AbstractUser | None = None, origin: str = "", **fields: Any
) -> Account:
    """A new account of ``owner``.

    Args:
        owner: Whose.
        actor: Who asks; the owner where left out.
        origin: The address from which it was asked, for the record.
        **fields: By name.

    Raises:
        ValidationError: A rule is broken.
        NotPermitted: The actor may not add accounts.
        OwnerOnly: The actor is no superuser, and it would be somebody else's.
        BudgetLimitNotAllowed: The actor may not let orders spend more than a strategy's capital.
    """
    with transaction.atomic():
        if actor is not None:
            require_permission(actor, "capital.add_account")
            _check_owner(actor, owner)
        account = Account(owner=owner, **fields)
        check_budget_limit(actor or owner, before=None, after=account.max_budget_percent)
        _clean_and_save(account)
        _record(account, ChangeVerb.CREATED, {}, values_of(account), actor, origin)
    return account


def change_account(
    account_id: int,
    *,
    actor: AbstractUser | None,
    origin: str = "",
    seen: Seen | None = None,
    **fields: Any,
) -> Account:
    """Change the named fields, under the account's lock.

    Args:
        account_id: Which.
        actor: Who asks; None is nobody in particular, who may do everything.
        origin: The address from which it was asked, for the record.
        seen: What the actor saw of it; None where that is not said.
        **fields: By name.

    Raises:
        NotFound: It is gone.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not change it, or not these
            fields: credentials are the owner's.
        OwnerOnly: The actor is no superuser, and it would become somebody else's.
        NotPermitted: The actor may not loosen a limit of loss: that takes ``lift_stop``.
        ChangedMeanwhile: It is not as the actor saw it.
        ValidationError: A rule is broken. Nothing was changed.
        BudgetLimitNotAllowed: The actor may not let orders spend more than a strategy's capital.
    """
    with transaction.atomic():
        account = lock_accounts([account_id]).get(account_id)
        if account is None:
            raise NotFound
        _require_change(actor, account, fields)
        check_seen(account, fields, seen)
        limits = values_of(account, LIMITS)
        before, percent = values_of(account, fields), account.max_budget_percent
        _set(account, fields)
        if actor is not None:
            check_budget_limit(actor, before=percent, after=account.max_budget_percent)
        _clean_and_save(account)
        _require_loosening(actor, account.pk, account, limits)
        # An owner needs no role beside.
        AccountAccess.objects.filter(account=account, user=account.owner_id).delete()
        _record(account, ChangeVerb.CHANGED, before, values_of(account, fields), actor, origin)
    return account


def delete_account(account_id: int, *, actor: AbstractUser | None = None, origin: str = "") -> None:
    """Remove an account that was never used. Raises ``HasHistory``: switch it off instead."""
    with transaction.atomic(), _history_kept(Account):
        account = lock_accounts([account_id]).get(account_id)
        if account is None:
            return
        require(actor, Act.DELETE_ACCOUNT, account_ids=[account_id])
        before = values_of(account)
        Account.objects.filter(pk=account_id).delete()
        _record(account, ChangeVerb.REMOVED, before, {}, actor, origin)


def create_link(
    *,
    account: Account,
    strategy: Strategy,
    actor: AbstractUser | None = None,
    origin: str = "",
    **fields: Any,
) -> StrategyAccount:
    """Let ``strategy`` trade on ``account``; a reallocation is asked for on commit.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not.
        ValidationError: A rule is broken.
    """
    with transaction.atomic():
        locked = lock_accounts([account.pk]).get(account.pk)
        if locked is None:
            raise NotFound
        require(actor, Act.ADD_LINK, account_ids=[locked.pk])
        # Its order tag must not change before it is linked.
        tagged = Strategy.objects.select_for_update(no_key=True).filter(pk=strategy.pk).first()
        if tagged is None:
            raise NotFound
        link = StrategyAccount(account=locked, strategy=tagged, **fields)
        _clean_and_save(link)
        _record(link, ChangeVerb.CREATED, {}, values_of(link), actor, origin)
    return link


def change_link(
    link_id: int,
    *,
    actor: AbstractUser | None = None,
    origin: str = "",
    seen: Seen | None = None,
    allocates_later: bool = False,
    **fields: Any,
) -> StrategyAccount:
    """Change the named fields, under the account's lock; a reallocation is asked for.

    Args:
        link_id: Which.
        actor: Who asks; None is nobody in particular, who may.
        origin: The address from which it was asked, for the record.
        seen: What the caller saw of it; None where it does not say.
        allocates_later: No reallocation is asked for: somebody sees it first, or the next scheduled
            check finds it.
        **fields: By name.

    Raises:
        NotFound: It is gone.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not, or may not loosen a limit of
            loss: that takes ``lift_stop``.
        ChangedMeanwhile: It is not as the caller saw it.
        ValidationError: A rule is broken. Nothing was changed.
    """
    with transaction.atomic():
        link = _locked_link(link_id)
        require(actor, Act.CHANGE_LINK, account_ids=[link.account_id])
        check_seen(link, fields, seen)
        before, limits = values_of(link, fields), values_of(link, LIMITS)
        link.allocates_later = allocates_later
        _set(link, fields)
        _clean_and_save(link)
        _require_loosening(actor, link.account_id, link, limits)
        _record(link, ChangeVerb.CHANGED, before, values_of(link, fields), actor, origin)
    return link


def delete_link(link_id: int, *, actor: AbstractUser | None = None, origin: str = "") -> None:
    """Remove a link that never held capital. Raises ``HasHistory``: switch it off instead."""
    with transaction.atomic(), _history_kept(StrategyAccount):
        link = _locked_link(link_id)
        require(actor, Act.DELETE_LINK, account_ids=[link.account_id])
        before = values_of(link)
        link.delete()
        _record(link, ChangeVerb.REMOVED, before, {}, actor, origin)


def link_notice(link: StrategyAccount) -> Reason | None:
    """What to say at once of a link across owners; None of one that is as usual.

    Its strategy's webhook works on accounts only that the strategy's owner may allocate.
    """
    strategy, account = link.strategy, link.account
    if strategy.owner_id == account.owner_id:
        return None
    allowed = allowed_to(strategy.owner, Act.ALLOCATE, Account.objects.filter(pk=account.pk))
    code = Code.LINK_ACROSS_OWNERS if allowed.exists() else Code.LINK_WITHOUT_WEBHOOK
    owners = {"owner": account.owner.get_username(), "other": strategy.owner.get_username()}
    return Reason(code, {"strategy": strategy.key, "account": account.name, **owners})


def _require_change(actor: AbstractUser | None, account: Account, fields: dict[str, Any]) -> None:
    acts = {
        Act.REPLACE_CREDENTIALS if name in _CREDENTIALS else Act.CHANGE_ACCOUNT for name in fields
    }
    require(actor, *sorted(acts), account_ids=[account.pk])
    if actor is not None and fields.get("owner", account.owner) != account.owner:
        _check_owner(actor, None)


def _require_loosening(
    actor: AbstractUser | None,
    account_id: int,
    row: Account | StrategyAccount,
    before: dict[str, Any],
) -> None:
    """Who loosens a limit of loss, or removes it, may also lift what it stopped."""
    for name in LIMITS:
        limit = getattr(row, name)
        if before[name] is not None and (limit is None or limit > Decimal(before[name])):
            require(actor, Act.LIFT_STOP, account_ids=[account_id])


def _check_owner(actor: AbstractUser, owner: User | None) -> None:
    if not actor.is_superuser and (owner is None or owner.pk != actor.pk):
        raise OwnerOnly


def _locked_link(link_id: int) -> StrategyAccount:
    """The link as it is now, with its account locked."""
    account_id = (
        StrategyAccount.objects.filter(pk=link_id).values_list("account_id", flat=True).first()
    )
    if account_id is None:
        raise NotFound
    lock_accounts([account_id])
    link = StrategyAccount.objects.select_related("account", "strategy").filter(pk=link_id).first()
    if link is None:
        raise NotFound
    return link


def _record(
    row: Account | StrategyAccount,
    verb: ChangeVerb,
    before: dict[str, Any],
    after: dict[str, Any],
    actor: AbstractUser | None,
    origin: str,
) -> None:
    account_id = row.pk if isinstance(row, Account) else row.account_id
    record_change(
        ChangedRow.ACCOUNT if isinstance(row, Account) else ChangedRow.LINK,
        verb,
        differences(before, after),
        name=str(row) if isinstance(row, Account) else row.recorded_name,
        actor=actor,
        origin=origin,
        account_id=account_id,
    )


def _set(row: Model, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)


def _clean_and_save(row: Model) -> None:
    row.full_clean()
    row.save()


@contextmanager
def _history_kept(model: type[Model]) -> Iterator[None]:
    try:
        yield
    except ProtectedError:
        raise HasHistory(what=str(model._meta.verbose_name)) from None

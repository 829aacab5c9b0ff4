"""Who else may see an account: invited, given another role, and shut out again by its owner."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from capital.domain.errors import NotFound
from capital.models import AccessRole, Account, AccountAccess, ChangedRow, ChangeVerb
from capital.services.access.changes import differences, record_change
from capital.services.access.roles import Act, require
from strategies.edits import Seen, check_seen

# For what a role is given, above all.
_MAIN_ACT = {AccessRole.OPERATOR: Act.ALLOCATE, AccessRole.MANAGER: Act.CHANGE_ACCOUNT}


def give_access(
    account_id: int,
    *,
    username: str,
    role: str,
    actor: AbstractUser | None = None,
    origin: str = "",
    takes_inactive: bool = False,
) -> AccountAccess:
    """Let a user see the account, with a role on it.

    Args:
        account_id: The account's primary key.
        username: Exactly as the user logs in.
        role: One of ``AccessRole``.
        actor: Who gives it: the account's owner or a superuser; None is the command line.
        origin: The address from which it was asked, for the record.
        takes_inactive: Also a user who is switched off for now, as a desk that is moved has some.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not.
        ValidationError: There is no such active user, the user owns the account or has access
            already, or the role is unknown.
    """
    with transaction.atomic():
        account = _locked(account_id, actor)
        user = get_user_model().objects.filter(username=username).first()
        if user is None or not (user.is_active or takes_inactive):
            raise ValidationError(
                {"user": _("There is no active user with this name.")}, code="unknown_user"
            )
        if user.pk == account.owner_id:
            raise ValidationError({"user": _("The owner needs no access.")})
        access = AccountAccess(account=account, user=user, role=role)
        access.full_clean()
        access.save()
        _record(access, ChangeVerb.CREATED, None, role, actor, origin)
    return access


def change_access(
    access_id: int,
    *,
    role: str,
    actor: AbstractUser | None = None,
    origin: str = "",
    seen: Seen | None = None,
) -> AccountAccess:
    """Give the access another role.

    Args:
        access_id: Which.
        role: One of ``AccessRole``.
        actor: Who gives it: the account's owner or a superuser; None is the command line.
        origin: The address from which it was asked, for the record.
        seen: What the actor saw of it; None where that is not said.

    Raises:
        NotFound: It is gone.
        ChangedMeanwhile: It is not as the actor saw it.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not.
        ValidationError: The role is unknown.
    """
    with transaction.atomic():
        access = _locked_access(access_id, actor)
        check_seen(access, {"role": role}, seen)
        before, access.role = access.role, role
        access.full_clean()
        access.save(update_fields=["role"])
        _record(access, ChangeVerb.CHANGED, before, role, actor, origin)
    return access


def remove_access(access_id: int, *, actor: AbstractUser | None = None, origin: str = "") -> None:
    """Shut the user out again, at once. Whoever has access may also give up their own.

    Raises:
        NotFound: It is gone.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not.
    """
    with transaction.atomic():
        access = _locked_access(access_id, actor, own=True)
        _record(access, ChangeVerb.REMOVED, access.role, None, actor, origin)
        access.delete()


def missing_permission(access: AccountAccess) -> str | None:
    """The permission without which the user's role comes to nothing; None where it is there."""
    needed = _MAIN_ACT.get(AccessRole(access.role))
    return None if needed is None or access.user.has_perm(needed.permission) else needed.permission


def _locked(account_id: int, actor: AbstractUser | None) -> Account:
    account = Account.objects.select_for_update(no_key=True).filter(pk=account_id).first()
    require(actor, Act.SHARE, account_ids=[account_id])
    if account is None:
        raise NotFound
    return account


def _locked_access(
    access_id: int, actor: AbstractUser | None, *, own: bool = False
) -> AccountAccess:
    """The access as it is now, with its account locked."""
    found = AccountAccess.objects.filter(pk=access_id).values_list("account_id", "user_id").first()
    if found is None:
        raise NotFound
    account_id, user_id = found
    Account.objects.select_for_update(no_key=True).get(pk=account_id)
    if not (own and actor is not None and actor.pk == user_id):
        require(actor, Act.SHARE, account_ids=[account_id])
    access = AccountAccess.objects.select_related("account", "user").filter(pk=access_id).first()
    if access is None:
        raise NotFound
    return access


def _record(
    access: AccountAccess,
    verb: ChangeVerb,
    old: str | None,
    new: str | None,
    actor: AbstractUser | None,
    origin: str,
) -> None:
    record_change(
        ChangedRow.ACCESS,
        verb,
        differences({"role": old}, {"role": new}),
        name=str(access),
        actor=actor,
        origin=origin,
        account_id=access.account_id,
    )

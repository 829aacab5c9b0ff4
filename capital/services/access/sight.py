"""Whether a user sees everyone's rows: asked on every request, so remembered for one."""

from django.contrib.auth.models import AbstractUser, AnonymousUser, Permission
from django.db.models import Exists, OuterRef, Q

VIEW_ALL_PERMISSION = "capital.view_all_accounts"
_REMEMBERED = "_sees_everything"


def sees_everything(user: AbstractUser | AnonymousUser) -> bool:
    """Whether this user may see the rows of all users."""
    remembered: bool | None = getattr(user, _REMEMBERED, None)
    if remembered is not None:
        return remembered
    return user.is_active and user.has_perm(VIEW_ALL_PERMISSION)


def sees_everything_condition(user_path: str) -> Q:
    """``sees_everything`` as a condition, for a query that also loads the user.

    Pass the result to ``remember_sees_everything``, which saves the queries of ``has_perm``.

    Args:
        user_path: The lookup from the queried rows to their user.
    """
    app, _, codename = VIEW_ALL_PERMISSION.partition(".")
    permission = Permission.objects.filter(content_type__app_label=app, codename=codename)
    user = OuterRef(user_path)
    return Q(**{f"{user_path}__is_superuser": True}) | Q(
        Exists(permission.filter(Q(user=user) | Q(group__user=user)))
    )


def remember_sees_everything(user: AbstractUser, *, sees_everything: bool) -> None:
    """Remember the result on this instance, which lives for one request, to save queries."""
    setattr(user, _REMEMBERED, user.is_active and sees_everything)

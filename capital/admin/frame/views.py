"""What our own pages share: the theme around them, who asks, and from where."""

from typing import Any, cast
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse

from capital.addresses import client_address
from capital.models import Account
from capital.services.access import Act, may

# The key of a form, made with it.
ONCE = "once"


def render_page(
    page: Any, request: HttpRequest, name: str, title: str, context: dict[str, Any]
) -> TemplateResponse:
    """One of ``templates/capital``, with what the theme wants to know."""
    return TemplateResponse(
        request,
        f"capital/{name}.html",
        {**page.admin_site.each_context(request), "opts": page.opts, "title": title, **context},
    )


def user_of(request: HttpRequest) -> AbstractUser:
    """The admin lets nobody in who is not logged in."""
    return cast(AbstractUser, request.user)


def shows_owner(request: HttpRequest, owner: AbstractUser | None = None) -> bool:
    """Whether a form has a field for the owner: where somebody else could be it, or is.

    Args:
        request: Asked once.
        owner: Of the row that there is; None for a new one, whose owner a superuser may choose.
    """
    user = user_of(request)
    if owner is None and not user.is_superuser:
        return False
    if owner is not None and owner.pk != user.pk:
        return True
    found: bool | None = getattr(request, "_has_other_users", None)
    if found is None:
        others = get_user_model().objects.filter(is_active=True).exclude(pk=user.pk)
        found = others.exists()
        request._has_other_users = found  # type: ignore[attr-defined]
    return found


def form_key(request: HttpRequest) -> UUID:
    """The key of the form; whoever sends none asks for something new each time."""
    try:
        return UUID(request.POST.get(ONCE, ""))
    except ValueError:
        return uuid4()


def origin_of(request: HttpRequest) -> str:
    """The address, for the log and for records of changes."""
    return client_address(request)


def asker_of(request: HttpRequest) -> dict[str, Any]:
    """Who asks, and from where: what services that change something want to know."""
    return {"actor": user_of(request), "origin": origin_of(request)}


def may_here(page: Any, request: HttpRequest, obj: Any, act: Act) -> bool:
    """Whether the user may do this with the account of a page; without one, with any at all.

    Args:
        page: The accounts' ``ModelAdmin``.
        request: Of the user.
        obj: The account, or its key, as the theme asks for its buttons; None for a list.
        act: What the button is for.
    """
    if obj is None:
        return request.user.has_perm(act.permission)
    account = obj if isinstance(obj, Account) else page.get_object(request, str(obj))
    # One that is not seen is not found, as the page itself will say.
    return (
        request.user.has_perm(act.permission)
        if account is None
        else may(request.user, act, account)
    )


def seen_or_404(page: Any, request: HttpRequest, object_id: str) -> Any:
    """The row of an address, where the user may see it."""
    row = page.get_object(request, object_id)
    if row is None or not page.has_view_permission(request, row):
        raise Http404
    return row

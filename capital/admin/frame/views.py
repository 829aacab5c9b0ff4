"""What our own pages share: the theme around them, who asks, and from where."""

from typing import Any, cast

from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse

from capital.addresses import client_address


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


def origin_of(request: HttpRequest) -> str:
    """The address, for the log."""
    return client_address(request)


def seen_or_404(page: Any, request: HttpRequest, object_id: str) -> Any:
    """The row of an address, where the user may see it."""
    row = page.get_object(request, object_id)
    if row is None or not page.has_view_permission(request, row):
        raise Http404
    return row

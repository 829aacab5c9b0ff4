"""The admin site: unfold's, with two-factor authentication if the settings require it."""

import hashlib
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.core.paginator import EmptyPage
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode
from django.utils.translation import gettext
from unfold.sites import UnfoldAdminSite

from capital.domain.errors import Forbidden, NotFound, UnknownAccount
from capital.services.access import SessionState, session_state
from capital_project.login.form import LoginForm
from capital_project.second_factor import second_factor


def _leads_to_login(answer: HttpResponse) -> bool:
    address = answer.headers.get("Location", "")
    return address.partition("?")[0] == reverse("admin:login")


class CapitalSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """The site that operators use."""

    login_form = LoginForm
    index_template = "capital/dashboard/page.html"
    empty_value_display = "—"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the session is good, as every face asks it."""
        return session_state(request.user) is SessionState.GOOD

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Made where it is looked at: every page is given it, and only a few show it.

        It asks four permissions of every model.
        """
        return SimpleLazyObject(lambda: super(CapitalSite, self).get_app_list(request, app_label))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002
        """What a service forbids is a 403, and what it does not find a 404, on every page."""

        @wraps(view)
        def refusing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                answer: HttpResponse = view(request, *args, **kwargs)
            except Forbidden as error:
                raise PermissionDenied(str(error)) from None
            except (NotFound, UnknownAccount):
                raise Http404 from None
            return answer

        guarded = super().admin_view(refusing, cacheable)

        @wraps(guarded)
        def telling(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            answer: HttpResponse = guarded(request, *args, **kwargs)
            # Django leads to the login, and from there to the form, empty as if it was saved.
            if (
                request.method == "POST"
                and not self.has_permission(request)
                and _leads_to_login(answer)
            ):
                messages.warning(
                    request,
                    gettext(
                        "Your session has ended. What you have just sent was not saved: log in, "
                        "and enter it again."
                    ),
                )
            return answer

        return telling

    def lacks_second_factor(self, request: HttpRequest) -> bool:
        """Whether the password was right and a code is still missing."""
        return session_state(request.user) is SessionState.SECOND_FACTOR_MISSING

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The password first, then the second factor."""
        if request.method == "GET" and self.lacks_second_factor(request):
            wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
            query = "?" + urlencode({REDIRECT_FIELD_NAME: wanted}) if wanted else ""
            return HttpResponseRedirect(reverse("admin:second_factor") + query)
        answer: HttpResponse = super().login(request, extra_context)
        return answer

    def extra_urls(self) -> list[URLPattern]:
        """The page that asks for the second factor, which must be reachable without it."""
        return [path("second-factor/", self.second_factor, name="second_factor")]

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Enrol a device, or enter a code."""
        return second_factor(request, self.each_context(request))

    def get_urls(self) -> list[Any]:
        """Before everybody else's: the pages that are no model's."""
        own = [
            path("live/", self.admin_view(self.dashboard_parts), name="dashboard_parts"),
            path("display/", self.admin_view(self.display_settings), name="display_settings"),
            path("performance/", self.admin_view(self.performance), name="performance"),
            path("statements/", self.admin_view(self.statements), name="statements"),
            path("why/", self.admin_view(self.why), name="why"),
            path("timeline/", self.admin_view(self.timeline), name="timeline"),
        ]
        return [*own, *super().get_urls()]

    def dashboard_parts(self, request: HttpRequest) -> HttpResponseBase:
        """What the dashboard reads again while it is open."""
        from capital.admin.dashboard.page import dashboard_parts

        return dashboard_parts(request)

    def performance(self, request: HttpRequest) -> HttpResponseBase:
        """Who earned what."""
        from capital.admin.performance.report import performance_page

        return performance_page(request, self.each_context(request))

    def statements(self, request: HttpRequest) -> HttpResponseBase:
        """A month of accounts, or of owners, to be printed."""
        from capital.admin.performance.statements import statements_page

        return statements_page(request, self.each_context(request))

    def why(self, request: HttpRequest) -> HttpResponse:
        """Why capital is what it is, or was."""
        from capital.admin.timeline.pages import why_page

        return why_page(request, self.each_context)

    def timeline(self, request: HttpRequest) -> HttpResponse:
        """The course of capital, and what it was at a moment."""
        from capital.admin.timeline.pages import timeline_page

        return timeline_page(request, self.each_context)

    def display_settings(self, request: HttpRequest) -> HttpResponse:
        """How the user wants to see gains and losses."""
        from capital.admin.people.display import display_settings

        return display_settings(request, self.each_context(request))

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Change one's own password, and say which API tokens end with it."""
        if request.method != "POST":
            answer: HttpResponse = super().password_change(request, extra_context)
            return answer
        from capital.admin.people.tokens import ended_tokens_told

        with ended_tokens_told(request, request.user):
            changed: HttpResponse = super().password_change(request, extra_context)
        return changed

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Search without unfold's cache, which keeps results for five minutes by user and term.

        Cached results may be hidden from the user by now, or be in another language.
        """
        term = request.GET.get("s", "").lower()
        digest = hashlib.sha256(f"{request.user.pk}_{term}".encode()).hexdigest()
        cache.delete(f"unfold_search_{digest}")
        if not request.GET.get("page", "1").isdecimal():
            raise Http404
        try:
            answer: HttpResponse = super().search(request, extra_context)
        except EmptyPage as error:
            raise Http404 from error
        return answer

"""The admin site: unfold's, with two-factor authentication if the settings require it."""

import hashlib
from typing import Any

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.cache import cache
from django.core.paginator import EmptyPage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from unfold.sites import UnfoldAdminSite

from capital_project.second_factor import second_factor


class CapitalSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """The site that operators use."""

    index_template = "capital/dashboard/page.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff only; with ``CAPITAL_REQUIRE_TOTP``, also verified by a one-time password."""
        return super().has_permission(request) and not self.lacks_second_factor(request)

    def lacks_second_factor(self, request: HttpRequest) -> bool:
        """Whether the password was right and a code is still missing."""
        if not settings.CAPITAL_REQUIRE_TOTP or not super().has_permission(request):
            return False
        return not request.user.is_verified()  # type: ignore[union-attr]  # django-otp's

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
        """Before everybody else's: the page with a user's own settings."""
        own = [path("display/", self.admin_view(self.display_settings), name="display_settings")]
        return [*own, *super().get_urls()]

    def display_settings(self, request: HttpRequest) -> HttpResponse:
        """How the user wants to see gains and losses."""
        from capital.admin.people.display import display_settings

        return display_settings(request, self.each_context(request))

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

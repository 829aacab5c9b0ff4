"""The admin site: unfold's, and with a second factor where the settings ask for one."""

from django.conf import settings
from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class DeskSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """Where an operator lives."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff, and verified by a one-time password where ``CAPITAL_REQUIRE_TOTP`` is on."""
        if not super().has_permission(request):
            return False
        return not settings.CAPITAL_REQUIRE_TOTP or request.user.is_verified()  # type: ignore[union-attr]  # django-otp's

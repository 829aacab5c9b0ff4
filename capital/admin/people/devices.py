"""Second factors: who has one. A superuser may remove one, so that its user enrols again."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin

from capital.admin.frame.base import ReadOnly, SitePage
from capital.admin.frame.cells import since
from capital.models import SecondFactorDevice


@admin.register(SecondFactorDevice)
class SecondFactorAdmin(ReadOnly, SitePage, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """The key is on the user's phone and nowhere on a page."""

    nothing_yet = gettext_lazy(
        "Nobody has a second factor yet. Where it is required, each user sets one up when "
        "logging in."
    )
    list_display = [
        "shown_user",
        "shown_name",
        "shown_created",
        "shown_used",
    ]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    fields = list_display
    readonly_fields = list_display

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_superuser)

    @admin.display(description=gettext_lazy("user"), ordering="user__username")
    def shown_user(self, device: SecondFactorDevice) -> str:
        return str(device.user)

    @admin.display(description=gettext_lazy("name"), ordering="name")
    def shown_name(self, device: SecondFactorDevice) -> str:
        return str(device.name)

    @admin.display(description=gettext_lazy("created at"), ordering="created_at")
    def shown_created(self, device: SecondFactorDevice) -> Any:
        return since(device.created_at, now=timezone.now())

    @admin.display(description=gettext_lazy("last used"), ordering="last_used_at")
    def shown_used(self, device: SecondFactorDevice) -> Any:
        return since(device.last_used_at, now=timezone.now())

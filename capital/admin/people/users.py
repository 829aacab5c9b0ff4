"""Users and groups: a superuser's to manage; anybody else sees themself and nobody else."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote

# Registered there first; here they are replaced.
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import BooleanRadioFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from capital.admin.frame.base import SitePage
from capital.admin.frame.filters import ChosenFilter
from capital.admin.people.tokens import ended_tokens_told

_PRIVILEGES = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")
_VERBS = {
    "add": gettext_lazy("Can add: %(model)s"),
    "change": gettext_lazy("Can change: %(model)s"),
    "delete": gettext_lazy("Can delete: %(model)s"),
    "view": gettext_lazy("Can view: %(model)s"),
}


def permission_name(permission: Permission) -> str:
    """The name of a permission of ours, or what the four of each model mean."""
    content_type = ContentType.objects.get_for_id(permission.content_type_id)
    model = content_type.model_class()
    verb, _, name = permission.codename.partition("_")
    if model is not None and verb in _VERBS and name == model._meta.model_name:
        return _VERBS[verb] % {"model": model._meta.verbose_name}
    return gettext(permission.name)


# Wherever one is shown: in a choice, in a list of a user's own, in what is deleted with it.
# Django shows "Capital | account | Can add account" in every language.
Permission.__str__ = permission_name  # type: ignore[assignment]


class _OffersPermissions:
    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Permissions in the order of their models."""
        if db_field.related_model is Permission:
            kwargs["queryset"] = Permission.objects.select_related("content_type").order_by(
                "content_type__app_label", "content_type__model", "codename"
            )
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class SiteUserAdmin(_OffersPermissions, SitePage, auth_admin.UserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    """Who may log in, and what they may do there."""

    nothing_yet = gettext_lazy("There is no user whom you may see.")
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "is_active", "is_staff", "is_superuser"]
    list_filter = [
        ("is_active", BooleanRadioFilter),
        ("is_staff", BooleanRadioFilter),
        ("is_superuser", BooleanRadioFilter),
        ("groups", ChosenFilter),
    ]
    list_filter_submit = True
    instead_of_deleting = gettext_lazy("Deactivate the user instead (clear “Active”).")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Everybody for a superuser, themself for anybody else."""
        rows: QuerySet[User] = super().get_queryset(request)
        return (
            rows if request.user.is_superuser else rows.filter(username=request.user.get_username())
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever makes users could make one with more rights than their own."""
        return bool(request.user.is_superuser) and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser) and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Nobody gives themself rights."""
        shown = [*super().get_readonly_fields(request, obj), "last_login", "date_joined"]
        return shown if request.user.is_superuser else [*shown, *_PRIVILEGES, "username"]

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002  # Django's signature
        form_url: str = "",
    ) -> HttpResponse:
        """Say which tokens end with the password."""
        user = self.get_object(request, unquote(id)) if request.method == "POST" else None
        if user is None:
            return super().user_change_password(request, id, form_url)
        with ended_tokens_told(request, user):
            return super().user_change_password(request, id, form_url)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        """Say which tokens end with the staff status."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        with ended_tokens_told(request, obj):
            super().save_model(request, obj, form, change)

    def protecting(self, rows: list[Any]) -> list[str]:
        """Also what they did here: it would go with them."""
        kinds = super().protecting(rows)
        if LogEntry.objects.filter(user__in=[row.pk for row in rows]).exists():
            kinds.append(str(LogEntry._meta.verbose_name_plural))
        return kinds


@admin.register(Group)
class SiteGroupAdmin(_OffersPermissions, SitePage, auth_admin.GroupAdmin, ModelAdmin):  # type: ignore[misc]
    """What several users may do: a superuser's to say."""

    nothing_yet = gettext_lazy("No group yet. A group gives its members permissions.")
    instead_of_deleting = gettext_lazy("Remove its members instead.")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

"""Who besides its owner may see an account, and what they may do there."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view

from capital.api.frame.base import refusal
from capital.api.shapes.filters import AccessFilter
from capital.api.shapes.rows import AccessRow
from capital.api.views.editable import EditableView
from capital.models import AccountAccess
from capital.services.access import Act, change_access, give_access, remove_access


@extend_schema_view(
    list=extend_schema(summary="List who has access to accounts"),
    retrieve=extend_schema(summary="Retrieve an access"),
    create=extend_schema(summary="Give a user access to an account"),
    partial_update=extend_schema(summary="Change the role of an access"),
    destroy=extend_schema(summary="Remove an access"),
)
class AccountAccesses(EditableView):
    """One access: a user, an account of somebody else, and a role on it."""

    http_method_names = ["get", "post", "patch", "delete", "head"]
    queryset = AccountAccess.objects.select_related("user")
    serializer_class = AccessRow
    filterset_class = AccessFilter
    ordering_fields = ("id", "created_at")
    permissions = {
        "create": Act.SHARE.permission,
        "partial_update": Act.SHARE.permission,
    }

    def create_row(self, values: dict[str, Any]) -> AccountAccess:
        return give_access(
            values["account"].pk, username=values["user"], role=values["role"], **self.asker
        )

    def change_row(self, row: AccountAccess, values: dict[str, Any]) -> AccountAccess:
        """Refuse another account or user: that is another access."""
        for name, present in (("account", row.account), ("user", row.user.get_username())):
            if values.get(name, present) != present:
                raise refusal(name, _("Cannot be changed. Give another access instead."))
        role = values.get("role", row.role)
        return change_access(row.pk, role=role, **self.asker, seen=self.seen)

    def delete_row(self, row: AccountAccess) -> None:
        remove_access(row.pk, **self.asker)

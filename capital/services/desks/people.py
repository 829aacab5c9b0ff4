"""Groups and users of a desk. A user comes without a password, and gets one on the new site."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.utils.translation import gettext as _

from capital.services.desks import shape
from capital.services.desks.document import Table
from capital.services.desks.export import permissions_of
from capital.services.transactions import inside_transaction

Change = tuple[Mapping[str, Any] | None, Mapping[str, Any]]


@inside_transaction
def set_group(table: Table) -> Change:
    """Make the group, or give it the file's permissions: what it had, and what it has now.

    Call it inside the transaction of the import.
    """
    name = table.text("name")
    group = Group.objects.filter(name=name).first()
    after = {"permissions": sorted(table.texts("permissions"))} if "permissions" in table else {}
    before = None
    if group is None:
        group = Group(name=name)
        group.full_clean()
        group.save()
    else:
        before = {"permissions": permissions_of(_with_type(group.permissions.all()))}
    if after and (before or {}) != after:
        group.permissions.set(_permissions(table))
    return before, after


@inside_transaction
def set_user(table: Table) -> tuple[User, Mapping[str, Any] | None, Mapping[str, Any]]:
    """Make the user, without a password, or change what the file says of them.

    Call it inside the transaction of the import.
    """
    name = table.text("username")
    user = User.objects.filter(username=name).first()
    fields = shape.read_fields(table, User, shape.USER)
    after = {
        **fields,
        **{each: sorted(table.texts(each)) for each in ("groups", "permissions") if each in table},
    }
    before = None if user is None else _standing(user, after)
    if user is None:
        user = User(username=name)
        user.set_unusable_password()
    if before is None or any(before[each] != value for each, value in fields.items()):
        for each, value in fields.items():
            setattr(user, each, value)
        # Whose password is unusable has one as far as the form is concerned.
        user.full_clean(exclude=["password"])
        # Nothing else: its password, or its last login, may be another one by now.
        user.save(update_fields=None if before is None else list(fields))
    if "groups" in after and (before or {}).get("groups") != after["groups"]:
        user.groups.set(_groups(table))
    if "permissions" in after and (before or {}).get("permissions") != after["permissions"]:
        user.user_permissions.set(_permissions(table))
    return user, before, after


def _standing(user: User, names: Iterable[str]) -> dict[str, Any]:
    known = {
        "groups": sorted(user.groups.values_list("name", flat=True)),
        "permissions": permissions_of(_with_type(user.user_permissions.all())),
    }
    return {name: known[name] if name in known else getattr(user, name) for name in names}


def _groups(table: Table) -> list[Group]:
    names = table.texts("groups")
    found = {group.name: group for group in Group.objects.filter(name__in=names)}
    for name in names:
        if name not in found:
            text = _("there is no group “%(name)s” in the file or on this site")
            raise table.refusal("groups", text % {"name": name})
    return list(found.values())


def _permissions(table: Table) -> list[Permission]:
    known = {
        f"{each.content_type.app_label}.{each.codename}": each
        for each in _with_type(Permission.objects.all())
    }
    for name in table.texts("permissions"):
        if name not in known:
            text = _("there is no permission “%(name)s” on this site")
            raise table.refusal("permissions", text % {"name": name})
    return [known[name] for name in table.texts("permissions")]


def _with_type(rows: Any) -> Any:
    return rows.select_related("content_type")

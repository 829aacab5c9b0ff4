"""Every address of the admin, from the URL resolver: a page that is added is crawled too."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

from tests.admin.tenants import Tenant


@dataclass(frozen=True)
class Page:
    """One pattern.

    Attributes:
        route: As it is written, from the root: ``admin/capital/account/<path:object_id>/change/``.
        arguments: The names of what is to be filled in.
        model_admin: Whose page it is; None for the site's own.
    """

    route: str
    arguments: tuple[str, ...]
    model_admin: "ModelAdmin[Any] | None"

    @property
    def leads_on(self) -> bool:
        """Whether it is Django's older address of a row, which only leads to the row's page."""
        return self.route.endswith("/<path:object_id>/")

    def filled(self, values: dict[str, str]) -> str:
        """The address with these values."""
        path = self.route
        for name in self.arguments:
            start = path.index("<")
            end = path.index(">")
            assert path[start:end].endswith(name)
            path = path[:start] + values[name] + path[end + 1 :]
        return "/" + path


def pages() -> list[Page]:
    """All pages below /admin/, but for the one that catches what is no page."""
    found = []
    for route, pattern in _patterns(get_resolver().url_patterns, ""):
        if not route.startswith("admin/") or (pattern.name is None and "(?P" in route):
            continue
        found.append(Page(route, tuple(pattern.pattern.converters), _model_admin(route)))
    return found


def _model_admin(route: str) -> "ModelAdmin[Any] | None":
    """Whose folder the address is in. Not every view knows: that of a user's password does not."""
    for model, model_admin in admin.site._registry.items():
        if route.startswith(f"admin/{model._meta.app_label}/{model._meta.model_name}/"):
            return model_admin
    return None


def values_for(page: Page, tenant: Tenant) -> Iterator[dict[str, str]]:
    """Every way to fill the page's address with what belongs to this desk."""
    if not page.arguments:
        yield {}
        return
    keys = _keys(page, tenant)
    for key in keys:
        yield dict.fromkeys(page.arguments, key)


def _keys(page: Page, tenant: Tenant) -> list[str]:
    own = tenant.rows(page.model_admin.model) if page.model_admin else []
    if own:
        return [str(row.pk) for row in own]
    # A page of its own kind: whatever of the desk its argument may be a key of.
    rows: list[Model] = [row for model in tenant.models for row in tenant.rows(model)]
    return sorted({str(row.pk) for row in rows})


def _patterns(patterns: Any, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _patterns(each.url_patterns, route)
        else:
            yield route, each

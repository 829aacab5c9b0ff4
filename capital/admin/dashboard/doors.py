"""Figures without the links that their reader may not follow.

Who has access to an account sees its figures; the pages behind them take a permission as well.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from html import unescape
from urllib.parse import urlsplit

from django.contrib import admin
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.safestring import SafeString, mark_safe

from capital.admin.timeline.asked import PERMISSION as _CAPITAL

# Templates escape what stands in an attribute, and no link holds another one.
_LINK = re.compile(r'<a\b(?P<attributes>[^>]*\shref="(?P<url>[^"]*)"[^>]*)>(?P<text>.*?)</a>', re.S)
_NUMBER = re.compile(r"\d+")
_CLASS = re.compile(r'\sclass="([^"]*)"')
# How links look, and what is said of one to those who cannot see it.
_LOOKS = frozenset({"desk-link", "desk-link-strong", "desk-why", "text-link"})
_WHY = re.compile(r'<span class="sr-only">[^<]*</span>')
_PERMISSIONS = {
    "performance": "capital.view_strategyaccount",
    "why": _CAPITAL,
    "timeline": _CAPITAL,
}
_OF_MODELS = ("_changelist", "_change")


def without_closed_doors(html: str, request: HttpRequest) -> SafeString:
    """The same, where each link to a page that the reader may not open is its text alone."""
    if request.user.is_superuser:
        return mark_safe(html)  # noqa: S308  # As its templates escaped it.
    is_open = cache(_asks(request))

    def shown(link: re.Match[str]) -> str:
        path = urlsplit(unescape(link["url"])).path
        # Hundreds of links lead to a few pages, which differ in a key.
        if is_open(_page_of(_NUMBER.sub("0", path))):
            return link[0]
        of_class = _CLASS.search(link["attributes"])
        names = [name for name in (of_class[1] if of_class else "").split() if name not in _LOOKS]
        text = _WHY.sub("", link["text"])
        return f'<span class="{" ".join(names)}">{text}</span>' if names else text

    # What stands in it was escaped by its templates; nothing is added but what they wrote.
    return mark_safe(_LINK.sub(shown, html))  # noqa: S308


@cache
def _models() -> dict[str, type]:
    return {
        f"{model._meta.app_label}_{model._meta.model_name}{ending}": model
        for model in admin.site._registry
        for ending in _OF_MODELS
    }


@lru_cache(maxsize=512)
def _page_of(path: str) -> str:
    """The name of the page of ours; empty for any other address."""
    try:
        return resolve(path).url_name or ""
    except Resolver404:
        return ""


def _asks(request: HttpRequest) -> Callable[[str], bool]:
    def is_open(page: str) -> bool:
        model = _models().get(page)
        if model is not None:
            return bool(admin.site._registry[model].has_view_permission(request))
        permission = _PERMISSIONS.get(page)
        return permission is None or request.user.has_perm(permission)

    return is_open

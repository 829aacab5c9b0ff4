"""What a test client does for each page, and need not.

It builds its own middlewares, and WhiteNoise then looks for every file of every package and asks
the disk about it: four tenths of what a test of a page took. They do not change while tests run.

It copies the context of every template that is rendered, and a page of the admin renders hundreds:
each field, row and icon has one. Tests ask for what the view gave to the page.
"""

from copy import copy
from typing import Any

from django.template import RequestContext, Template
from django.test import client
from django.test.utils import ContextList
from whitenoise.middleware import WhiteNoiseMiddleware


def list_static_files_once() -> None:
    """From now on the first middleware's list serves the others too."""
    look = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[tuple[Any, ...], dict[str, Any]] = {}

    def add_what_was_found(middleware: WhiteNoiseMiddleware) -> None:
        # What the answers of the files depend on.
        how = middleware.static_prefix, middleware.max_age, middleware.static_root
        if how not in found:
            look(middleware)
            found[how] = middleware.files
        middleware.files = found[how]

    WhiteNoiseMiddleware.add_files_from_finders = add_what_was_found


def keep_contexts_of_pages() -> None:
    """From now on a client keeps what whole pages were rendered with, and not their parts."""
    client.store_rendered_templates = _store_whole  # type: ignore[attr-defined]


def _store_whole(
    store: dict[str, Any], signal: Any, sender: Any, template: Template, context: Any, **_: Any
) -> None:
    store.setdefault("templates", []).append(template)
    # A part of a page has the page's context, whose template is the page's; a field has its own.
    is_whole = isinstance(context, RequestContext) and context.template is template
    if is_whole or "context" not in store:
        store.setdefault("context", ContextList()).append(copy(context))

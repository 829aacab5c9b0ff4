"""Each address of the admin × each kind of caller: the table is ``admin.table``.

A new page without a row fails. A row says, caller by caller, the status of a GET: of the desk's own
row, where the address is one row's. What the words of the head mean stands in ``callers``, here and
in ``test_api_table``. A page is drawn for the first caller who gets it: what the others get is
decided before that, and drawing is most of the work.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from unittest.mock import patch

import pytest
from django.test import Client, override_settings

from tests.admin.frame.crawl import Page, pages, values_for
from tests.security.desk import Desk, read_table

pytestmark = [pytest.mark.django_db, pytest.mark.once]

DRAWN = "django.template.response.SimpleTemplateResponse.rendered_content"
HEAD, TABLE = read_table("admin.table")


def callers(desk: Desk) -> dict[str, Client]:
    """Everybody of the head, each with a session."""
    people = {**desk.people, "half": desk.owner, "exstaff": desk.owner}
    clients = {"nobody": Client()}
    for name, user in people.items():
        clients[name] = Client()
        clients[name].force_login(user)
    return clients


def answers(desk: Desk, clients: Mapping[str, Client], page: Page) -> dict[str, int]:
    """The status for each caller."""
    found = {}
    of_owner = {
        "public_id": str(desk.plan.public_id),
        "upload_id": str(desk.upload.public_id),
        # Nobody asked with this one.
        "key": str(desk.plan.public_id),
    }
    is_of_owner = not of_owner.keys().isdisjoint(page.arguments)
    values = of_owner if is_of_owner else _values(page, desk)
    address = page.filled(values)
    for name in HEAD:
        desk.owner.is_staff = name != "exstaff"
        desk.owner.save(update_fields=["is_staff"])
        draw = nullcontext() if 200 not in found.values() else patch(DRAWN, "")
        with override_settings(CAPITAL_REQUIRE_TOTP=name == "half"), draw:
            found[name] = clients[name].get(address).status_code
    return found


def _values(page: Page, desk: Desk) -> dict[str, str]:
    """What is the desk's own; of what belongs to nobody, such as a group, the first row."""
    model = page.model_admin.model if page.model_admin else None
    if page.arguments and model is not None and not desk.tenant.rows(model):
        first = model._base_manager.order_by("pk").first()
        if first is not None:
            return dict.fromkeys(page.arguments, str(first.pk))
    return next(values_for(page, desk.tenant))


def table_pages() -> dict[str, Page]:
    return {page.route: page for page in pages() if not page.route.endswith("logout/")}


def test_table_has_a_row_for_every_page() -> None:
    assert table_pages().keys() == TABLE.keys()


@pytest.mark.waits
def test_rows() -> None:
    desk = Desk()
    clients = callers(desk)
    wrong = {}
    for route, page in table_pages().items():
        expected = dict(zip(HEAD, TABLE[route], strict=True))
        found = answers(desk, clients, page)
        if found != expected:
            wrong[route] = (found, expected)

    assert wrong == {}

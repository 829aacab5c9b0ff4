"""Every page of the admin answers, for whoever may see it."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.admin.tenants import make_tenant
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_page_answers_a_superuser(client: Client, language: str) -> None:
    root = make_user(is_staff=True, is_superuser=True)
    tenant = make_tenant("mine")
    client.force_login(root)
    failed = []
    for model, page in admin.site._registry.items():
        options = model._meta
        start = f"admin:{options.app_label}_{options.model_name}_"
        paths = [reverse(start + "changelist")]
        if page.has_add_permission(_request(root)):
            paths.append(reverse(start + "add"))
        for row in tenant.rows(model):
            paths += [reverse(start + name, args=[row.pk]) for name in ("change", "history")]
        for path in paths:
            response = client.get(path, headers={"accept-language": language})
            if response.status_code != 200:
                failed.append((path, response.status_code))
    assert failed == []


def _request(user: Any) -> Any:
    class Request:
        pass

    request = Request()
    request.user = user  # type: ignore[attr-defined]
    return request

"""The theme's texts in Korean: what it composes of parts, and what Django's own catalogue has."""

import difflib
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import unfold
from django.test import Client
from django.urls import reverse

from tests.admin.tenants import Tenant, make_tenant
from tests.factories import make_account
from tests.paths import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.once]

OURS = ROOT / "capital_project" / "templates"
THEIRS = Path(unfold.__file__).parent / "templates"
# What we write ourselves, so that everybody can use it, and what the theme had then.
REWRITTEN = {
    "unfold/helpers/app_list_badge.html": "bc002ff5a001fd04",
    "unfold/helpers/edit_inline/inline_add.html": "e8bc669caf9a426b",
    "unfold/helpers/edit_inline/tabular_field.html": "ab1aab4fedf9f270",
    "unfold/helpers/empty_results.html": "5f4727a37a99da76",
    "unfold/helpers/field_readonly_value.html": "a1d46fa2a26e3441",
    "unfold/helpers/navigation_header.html": "35139b9d94580be9",
    "unfold/helpers/search.html": "91996c27181d14ad",
    "unfold/helpers/welcomemsg.html": "e8eab02522ba2319",
}


@pytest.fixture
def tenant(client: Client) -> Tenant:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    return tenant


def korean(client: Client, path: str, **data: Any) -> str:
    return client.get(path, data, headers={"accept-language": "ko"}).content.decode()


@pytest.mark.parametrize(
    "path",
    [
        path.relative_to(OURS).as_posix()
        for path in sorted(OURS.rglob("*.html"))
        if (THEIRS / path.relative_to(OURS)).exists()
        and path.relative_to(OURS).as_posix() not in REWRITTEN
        # What extends the theme's own has no copy of it.
        and f'{{% extends "{path.relative_to(OURS).as_posix()}" %}}' not in path.read_text()
    ],
)
def test_copy_of_the_theme_differs_only_where_a_sentence_is_composed(path: str) -> None:
    """Otherwise copy the theme's new version and make the change again."""
    changes = difflib.ndiff(
        (THEIRS / path).read_text(encoding="utf-8").splitlines(),
        (OURS / path).read_text(encoding="utf-8").splitlines(),
    )

    gone = [line[2:].strip() for line in changes if line.startswith("- ")]
    assert [
        line
        for line in gone
        if line and "verbose_name" not in line and "result_count" not in line
        # Of the breadcrumbs, names that somebody gave keep their small letters; none comes twice.
        and "part." not in line and "part in parts" not in line and "chevron_right" not in line
        # Buttons stand in the order of the keyboard: what deletes comes last.
        and "flex-row-reverse" not in line and "mr-auto" not in line
        and line not in ("{% load unfold_list %}", "{% else %}", "{% endif %}")
    ] == []  # fmt: skip


@pytest.mark.parametrize(("path", "digest"), REWRITTEN.items())
def test_what_is_written_again_stands_for_the_theme_s_version_of_then(
    path: str, digest: str
) -> None:
    """Otherwise see what the theme changed, and whether ours should."""
    assert sha256((THEIRS / path).read_bytes()).hexdigest()[:16] == digest


def test_titles_and_buttons_are_whole_korean_phrases(client: Client, tenant: Tenant) -> None:
    records = korean(client, reverse("admin:capital_allocationrun_changelist"))
    record = korean(client, reverse("admin:capital_allocationrun_change", args=[tenant.runs[0].pk]))
    unused = make_account(owner=tenant.user)
    form = korean(client, reverse("admin:capital_account_change", args=[unused.pk]))
    used = korean(client, reverse("admin:capital_account_change", args=[tenant.account.pk]))

    assert "보기위한" not in records
    assert "배분 내역 2개" in " ".join(records.split())
    assert "배분 내역 보기" in record
    for button in ("저장 후 새로 추가", "저장하고 계속 편집", "계좌 삭제"):
        assert button in form
    # What was recorded of it cannot be deleted.
    assert "계좌 삭제" not in used


def test_wrong_password_is_told_in_one_korean_sentence(client: Client) -> None:
    answer = client.post(
        "/admin/login/",
        {"username": "minsu", "password": "wrong"},
        headers={"accept-language": "ko"},
    )

    assert "사용자 이름 또는 비밀번호가 맞지 않습니다." in answer.content.decode()

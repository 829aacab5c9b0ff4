"""Names that would be markup, a template, a script or a formula are only names, everywhere."""

import csv
import io
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.admin.frame.exports import cell
from capital.models import Account, AllocationRun
from strategies.models import Strategy
from tests.admin.frame.crawl import pages, values_for
from tests.admin.tenants import make_tenant
from tests.factories import make_user

pytestmark = pytest.mark.django_db

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}`${8*8}`"
FORMULAS = ['=cmd|"/c calc"!A0', "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1", " =1+1", "\n=2"]


def content(response: Any) -> str:
    data = b"".join(response) if response.streaming else response.content
    return data.decode("utf-8-sig")


@pytest.mark.once
def test_markup_in_names_is_inert_on_every_page(client: Client) -> None:
    tenant = make_tenant("mine")
    Account.objects.filter(pk=tenant.account.pk).update(
        name=MARKUP[:100],
        last_check_code="<script>alert(3)</script>",
        suspect_readings={
            "spot": {
                "amount": "1",
                "accepted": "2",
                "observed_at": timezone.now().isoformat(),
            }
        },
    )
    Strategy.objects.update(name=MARKUP[:100], description=MARKUP)
    type(tenant.position).objects.update(symbol=MARKUP[:64])
    tenant.user.first_name = "<script>alert(4)</script>"
    tenant.user.is_superuser = True
    tenant.user.save()
    type(tenant.phone).objects.update(name=MARKUP[:64])
    client.force_login(tenant.user)
    paths = {
        page.filled(values)
        for page in pages()
        for values in values_for(page, tenant)
        if not page.leads_on and not page.route.endswith("logout/")
    }
    paths |= {
        reverse("admin:search") + "?s=alert&extended=1",
        reverse("admin:search") + "?s=%3Cscript%3Ealert(5)%3C/script%3E",
        reverse("admin:capital_account_changelist") + "?q=%3Cscript%3Ealert(6)%3C/script%3E",
    }
    broken = []
    for path in sorted(paths):
        response = client.get(path, follow=True)
        if "html" not in response.headers.get("Content-Type", ""):
            continue
        text = content(response)
        if "<script>alert" in text or "<img src=x" in text or "49`" in text:
            broken.append(path)
    assert broken == []


@pytest.mark.once
def test_formulas_in_names_are_text_in_every_export(client: Client) -> None:
    root = make_user(username="=cmd()", is_staff=True, is_superuser=True)
    client.force_login(root)
    for number, formula in enumerate(FORMULAS):
        tenant = make_tenant(f"desk{number}")
        Account.objects.filter(pk=tenant.account.pk).update(name=formula)
        # Append-only, but a row may come from anywhere.
        run = AllocationRun(
            account=tenant.account,
            run_key=f"{formula.strip()}{number}",
            trigger="admin",
            actor=root,
            outcome="skipped",
            code="=1+1",
        )
        run.save()

    for model, page in admin.site._registry.items():
        options = model._meta
        path = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        actions = page.get_actions(client.get(path).wsgi_request)
        if "export" not in actions:
            continue
        keys = [str(key) for key in model._default_manager.values_list("pk", flat=True)]
        answer = client.post(path, {"action": "export", "_selected_action": keys})
        rows = list(csv.reader(io.StringIO(content(answer), newline="")))
        assert len(rows) > len(FORMULAS)
        for row in rows[1:]:
            for value in row:
                assert not value.lstrip(" ").startswith(("=", "+", "@", "\t", "\r", "\n"))
                if value.startswith("-"):
                    float(value)


@pytest.mark.parametrize("formula", FORMULAS)
def test_formula_gets_an_apostrophe(formula: str) -> None:
    assert cell(formula) == f"'{formula}"


def test_numbers_stay_numbers(client: Client) -> None:
    tenant = make_tenant("mine")
    client.force_login(tenant.user)
    tenant.user.is_superuser = True
    tenant.user.save()
    type(tenant.summary).objects.filter(pk=tenant.summary.pk).update(realized_pnl="-12.5")
    path = reverse("admin:capital_dailyaccountsummary_changelist")

    answer = client.post(path, {"action": "export", "_selected_action": [tenant.summary.pk]})

    [row] = csv.DictReader(io.StringIO(content(answer), newline=""))
    assert row["account"] == "mine-account"
    assert row["realized_pnl"] == "-12.50000000"
    assert row["spot_balance"] == "10369.00000000"
    assert row["total_trades"] == ""


def test_export_of_runs_has_a_line_for_each_entry(client: Client) -> None:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    path = reverse("admin:capital_allocationrun_changelist")

    answer = client.post(
        path, {"action": "export", "_selected_action": [run.pk for run in tenant.runs]}
    )

    rows = list(csv.DictReader(io.StringIO(content(answer), newline="")))
    shown = [
        (row["outcome"], row["pool"], row["strategy"], row["before"], row["after"]) for row in rows
    ]
    assert shown == [
        ("unchanged", "spot", "mine-spot", "10369.00", "10369.00"),
        ("unchanged", "futures", "mine-futures", "5000.00", "5000.00"),
        ("applied", "spot", "mine-spot", "", "10369.00"),
        ("applied", "futures", "mine-futures", "", "5000.00"),
    ]
    assert rows[0]["actor"] == "mine-user"
    assert "CANARY" not in content(answer)

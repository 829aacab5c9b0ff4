"""A desk with a row of everything that a page of the admin shows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success, Task

from capital.models import AllocationPlan, JobRun, Market, PlanRequest, TradeUpload
from capital.services.allocation.plans import make_plan
from capital.services.jobs.clusters import record_heartbeat
from capital.services.jobs.schedules import sync_schedules
from capital.services.overview import store_rate
from capital.services.trading import keep_upload
from tests.admin.frame.crawl import pages
from tests.admin.tenants import Tenant, make_tenant
from tests.factories import make_market


@dataclass
class Everything:
    """The desk, and what nobody owns."""

    tenant: Tenant
    plan: AllocationPlan
    asked: PlanRequest
    uploads: list[TradeUpload]

    def rows(self, model: type[Model]) -> list[Any]:
        """Its rows of a model."""
        return self.tenant.rows(model) or list(model._default_manager.order_by("pk")[:2])


def make_everything(word: str) -> Everything:
    """Whoever it belongs to is a superuser."""
    tenant = make_tenant(word, is_superuser=True)
    _make_jobs()
    for symbol in ("BTC/USDT", "BTC/USDT:USDT"):
        make_market(symbol)
    store_rate("KRW", "USD", "0.00072")
    tenant.user.groups.add(Group.objects.get(name="operator"))
    for row in (tenant.account, tenant.strategies[0]):
        for flag, message in ((ADDITION, [{"added": {}}]), (CHANGE, [{"changed": {"fields": []}}])):
            LogEntry.objects.create(
                user=tenant.user,
                content_type=ContentType.objects.get_for_model(row),
                object_id=str(row.pk),
                object_repr=word,
                action_flag=flag,
                change_message=str(message).replace("'", '"'),
            )
    plan = make_plan([tenant.account.pk], actor=tenant.user, live=False)
    # Its exchange has not answered.
    asked = PlanRequest.objects.create(
        key=uuid4(),
        actor=tenant.user,
        accounts=[tenant.account.pk],
        started_at=timezone.now(),
    )
    return Everything(tenant, plan, asked, _make_uploads(tenant))


def _make_uploads(tenant: Tenant) -> list[TradeUpload]:
    """A file that may be imported, one with a wrong line, and one that was imported."""
    line = "2026-03-10T09:00:00+09:00,BTC/USDT,buy,1,100,0.1,BNB,"
    lines = (line + "a", line.replace("100", '"1,5"') + "b", "")
    header = "executed_at,symbol,side,quantity,price,fee_amount,fee_currency,order_id\n"
    uploads = [
        keep_upload(
            tenant.account.pk,
            (header + text).encode(),
            file_name=f"{tenant.account.name}.csv",
            strategy=tenant.strategies[0].key,
            actor=tenant.user,
        )
        for text in lines
    ]
    counts = dict.fromkeys(("recorded", "known", "differs", "fundings"), 1)
    counts |= dict.fromkeys(("provisional", "uncounted"), 1)
    uploads[2].counts = {"strategies": {tenant.strategies[0].key: counts}}
    uploads[2].imported_at = timezone.now()
    uploads[2].save()
    return uploads


def _make_jobs() -> None:
    now = timezone.now()
    sync_schedules()
    record_heartbeat(pid=1, is_first=True)
    for number, succeeded in enumerate((True, False)):
        Task.objects.create(
            id=f"{number:032}",
            name=f"task-{number}",
            func="capital.tasks.sync_balances",
            started=now - timedelta(minutes=3),
            stopped=now,
            success=succeeded,
        )
    OrmQ.objects.create(key="capital", payload="", lock=now - timedelta(minutes=2))
    OrmQ.objects.create(key="capital", payload="", lock=now + timedelta(minutes=2))
    JobRun.objects.create(
        name="sync_balances",
        started_at=now - timedelta(minutes=5),
        finished_at=now - timedelta(minutes=4),
        accounts=6,
        outcomes={"live": 7, "exchange_unreachable": 1},
    )


OF_NOBODY = (Success, Failure, Schedule, OrmQ, JobRun, Market, Group)
# What is no page of its own: a part of another page, or text for scripts.
PARTS = (
    "/admin/search/",
    "/admin/jsi18n/",
    "/admin/logout/",
    "/admin/autocomplete/",
    "/admin/live/",
    "/admin/timeline/",
    "/admin/capital/account/import/template.",
    "/admin/strategies/strategy/import/template.",
)


def addresses(everything: Everything) -> Iterator[str]:
    """Every page of the admin, once for each row that fills its address."""
    for page in pages():
        rows = everything.rows(page.model_admin.model) if page.model_admin else []
        if apps := re.search(r"\^\(\?P<app_label>([\w|]+)\)/\$", page.route):
            yield from (f"/admin/{app}/" for app in apps[1].split("|"))
        elif page.arguments == ("public_id",):
            yield page.filled({"public_id": str(everything.plan.public_id)})
        elif page.arguments == ("key",):
            yield page.filled({"key": str(everything.asked.key)})
        elif page.arguments == ("upload_id",):
            for upload in everything.uploads:
                yield page.filled({"upload_id": str(upload.public_id)})
        elif page.leads_on or page.route.endswith("/live/"):
            # It is another one of these pages, or a part of one.
            continue
        elif page.arguments:
            for row in rows:
                yield page.filled(dict.fromkeys(page.arguments, str(row.pk)))
        elif not page.filled({}).startswith(PARTS):
            yield page.filled({})

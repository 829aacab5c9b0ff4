"""Jobs: what they did, whether they are in time, and the queue behind them. All read-only.

They are everyone's, so they are shown only to those who see everyone's accounts. django-q2's own
pages would resubmit tasks, edit schedules (which is running code) and load pickles; these do not.
"""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter

from capital.admin.frame.base import DeskPage, ReadOnly
from capital.admin.frame.cells import badge, figure, lines, since
from capital.admin.frame.formats import NOTHING, span
from capital.models import JobRun
from capital.services.access.visibility import sees_everything
from capital.services.jobs.health import check_health
from capital.services.jobs.table import get_job


class OperationsAdmin(ReadOnly, DeskPage, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Rows about the machinery, for those who may see everyone's."""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever sees everything."""
        return sees_everything(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The same."""
        return sees_everything(request.user)

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """One moment for all ages of a page."""
        now = timezone.now()
        for row in rows:
            row.seen_at = now


class JobFilter(DropdownFilter):  # type: ignore[misc]
    """By job."""

    title = gettext_lazy("job")
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The jobs that ran, those after an event too."""
        names = JobRun.objects.order_by("name").values_list("name", flat=True).distinct()
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[JobRun]) -> QuerySet[JobRun]:
        """Its runs."""
        return queryset.filter(name=self.value()) if self.value() else queryset


class ResultFilter(DropdownFilter):  # type: ignore[misc]
    """By what came of it."""

    title = gettext_lazy("result")
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What can come of a run."""
        return [
            ("done", gettext("done")),
            ("failed", gettext("with an error")),
            ("open", gettext("not finished")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[JobRun]) -> QuerySet[JobRun]:
        """The runs of which it came."""
        match self.value():
            case "done":
                return queryset.filter(finished_at__isnull=False, error="")
            case "failed":
                return queryset.filter(~Q(error=""))
            case "open":
                return queryset.filter(finished_at__isnull=True, error="")
        return queryset


@admin.register(JobRun)
class JobRunAdmin(OperationsAdmin):
    """Each execution of each job, and how the jobs are doing."""

    list_before_template = "capital/jobs/jobs_link.html"
    list_display = [
        "shown_start",
        "shown_name",
        "shown_result",
        "shown_duration",
        "shown_accounts",
        "shown_outcomes",
        "error",
    ]
    list_display_links = ["shown_start"]
    list_filter = [JobFilter, ResultFilter]
    list_filter_submit = True
    search_fields = ["name", "error", "host"]
    date_hierarchy = "started_at"
    ordering = ["-started_at", "-pk"]
    fields = [
        ("shown_name", "chunk", "shown_result"),
        ("intended_at", "started_at", "finished_at", "shown_duration"),
        ("accounts", "shown_outcomes"),
        "error",
        ("host", "pid"),
    ]
    readonly_fields = ["shown_name", "shown_result", "shown_duration", "shown_outcomes"]

    def get_urls(self) -> list[URLPattern]:
        """The health page stands before the rows' own pages."""
        health = self.admin_site.admin_view(self.health_view)
        return [path("health/", health, name="capital_jobrun_health"), *super().get_urls()]

    def health_view(self, request: HttpRequest) -> HttpResponse:
        """Are the jobs in time, is anybody alive to do them, and does anything wait?"""
        if not self.has_view_permission(request):
            raise PermissionDenied
        health = check_health()
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Jobs"),
            "opts": self.opts,
            "health": health,
            "jobs": [(job, get_job(job.name).summary) for job in health.jobs],
            "now": timezone.now(),
        }
        return TemplateResponse(request, "capital/jobs/jobs.html", context)

    @admin.display(description=gettext_lazy("started"), ordering="started_at")
    def shown_start(self, run: JobRun) -> Any:
        """How long ago."""
        return since(run.started_at, now=_seen_at(run))

    @admin.display(description=gettext_lazy("job"), ordering="name")
    def shown_name(self, run: JobRun) -> Any:
        """With the chunk, where it was handed out in chunks."""
        chunk = gettext("chunk %(number)s") % {"number": run.chunk} if run.chunk else ""
        return lines(run.name, chunk)

    @admin.display(description=gettext_lazy("result"))
    def shown_result(self, run: JobRun) -> Any:
        """In a word."""
        if run.error:
            return badge(gettext("error"), "danger")
        if run.finished_at is None:
            return badge(gettext("not finished"), "warning")
        return badge(gettext("done"), "success")

    @admin.display(description=gettext_lazy("took"))
    def shown_duration(self, run: JobRun) -> Any:
        """How long."""
        if run.finished_at is None:
            return NOTHING
        return figure(span(run.finished_at - run.started_at))

    @admin.display(description=gettext_lazy("accounts"), ordering="accounts")
    def shown_accounts(self, run: JobRun) -> Any:
        """How many it worked on."""
        return figure(f"{run.accounts:,}")

    @admin.display(description=gettext_lazy("outcomes"))
    def shown_outcomes(self, run: JobRun) -> Any:
        """How many of each."""
        counts = sorted(run.outcomes.items()) if isinstance(run.outcomes, dict) else []
        return lines(*(f"{outcome}: {count}" for outcome, count in counts)) or NOTHING


for _model in (Success, Failure, Schedule, OrmQ):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class TaskAdmin(OperationsAdmin):
    """A task that is over. What it was called with is a pickle, and stays one."""

    list_display = ["shown_start", "shown_task", "shown_duration", "attempt_count", "cluster"]
    list_display_links = ["shown_start"]
    search_fields = ["name", "func"]
    ordering = ["-stopped"]
    fields = [
        ("name", "shown_task", "cluster"),
        ("started", "stopped", "shown_duration", "attempt_count"),
    ]
    readonly_fields = ["shown_task", "shown_duration"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without the pickles: reading one is running it."""
        return super().get_queryset(request).defer("args", "kwargs", "result")  # type: ignore[no-any-return]

    @admin.display(description=gettext_lazy("started"), ordering="started")
    def shown_start(self, task: Any) -> Any:
        """How long ago."""
        return since(task.started, now=_seen_at(task))

    @admin.display(description=gettext_lazy("task"), ordering="func")
    def shown_task(self, task: Any) -> Any:
        """Without the module, which is always the same."""
        return str(task.func).rpartition(".")[2]

    @admin.display(description=gettext_lazy("took"))
    def shown_duration(self, task: Any) -> Any:
        """How long."""
        return figure(span(task.stopped - task.started))


@admin.register(Success)
class SuccessAdmin(TaskAdmin):
    """The last successes; JobRun is the record."""


@admin.register(Failure)
class FailureAdmin(TaskAdmin):
    """What failed. Why stands with the job's run: a traceback may hold anything."""


@admin.register(Schedule)
class ScheduleAdmin(OperationsAdmin):
    """When jobs run: the settings say it, and ``sync_schedules`` makes it so."""

    list_display = ["name", "shown_timing", "shown_next", "cluster"]
    ordering = ["name"]
    fields = [("name", "func"), ("shown_timing", "shown_next", "cluster")]
    readonly_fields = ["shown_timing", "shown_next"]

    @admin.display(description=gettext_lazy("when"))
    def shown_timing(self, row: Schedule) -> Any:
        """In words, or as cron has it."""
        if row.schedule_type == Schedule.MINUTES:
            return gettext("every %(count)s min") % {"count": row.minutes}
        if row.schedule_type == Schedule.CRON:
            return row.cron
        return row.get_schedule_type_display()

    @admin.display(description=gettext_lazy("next run"), ordering="next_run")
    def shown_next(self, row: Schedule) -> Any:
        """In how long."""
        return since(row.next_run, now=_seen_at(row))


@admin.register(OrmQ)
class QueueAdmin(OperationsAdmin):
    """What waits, and what a cluster has pulled. Its payload is signed and stays closed."""

    list_display = ["id", "key", "shown_state", "shown_lock"]
    ordering = ["lock", "pk"]
    fields = [("key", "shown_state", "shown_lock")]
    readonly_fields = ["shown_state", "shown_lock"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without the payload."""
        return super().get_queryset(request).defer("payload")  # type: ignore[no-any-return]

    @admin.display(description=gettext_lazy("state"))
    def shown_state(self, row: OrmQ) -> Any:
        """A task that was pulled is locked until it is done or given up."""
        if row.lock is not None and row.lock > _seen_at(row):
            return badge(gettext("pulled"), "success")
        return badge(gettext("waiting"), "warning")

    @admin.display(description=gettext_lazy("waiting since, or locked until"), ordering="lock")
    def shown_lock(self, row: OrmQ) -> Any:
        """The lock's time."""
        return since(row.lock, now=_seen_at(row))


def _seen_at(row: Any) -> datetime:
    """The moment of the page; now, for a row that is shown alone."""
    return getattr(row, "seen_at", None) or timezone.now()

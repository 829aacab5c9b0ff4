"""Runs of jobs, and whether the jobs are on time."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from capital.admin.frame.cells import badge, figure, lines, since
from capital.admin.frame.filters import OneOfFilter
from capital.admin.frame.formats import NOTHING, span
from capital.admin.frame.stops import stops_shown
from capital.admin.frame.views import user_of
from capital.admin.jobs.operations import OperationsAdmin, seen_at
from capital.models import JobRun
from capital.services.jobs import JOBS, check_health, error_of, get_job, refused_tasks
from capital.services.labels import labelled
from capital.services.limits import open_stops
from capital.services.sentences import sentence

# What each job does. A run may be of one that there is no more.
_SUMMARIES = {job.name: job.summary for job in JOBS}


class JobFilter(DropdownFilter):  # type: ignore[misc]
    """By job."""

    title = gettext_lazy("job")
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = JobRun.objects.order_by("name").values_list("name", flat=True).distinct()
        return [
            (name, f"{name}: {summary}" if (summary := _SUMMARIES.get(name)) else name)
            for name in names
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[JobRun]) -> QuerySet[JobRun]:
        return queryset.filter(name=self.value()) if self.value() else queryset


class ResultFilter(OneOfFilter):
    """By what came of it."""

    title = gettext_lazy("status")
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("done", gettext("done")),
            ("failed", gettext("failed")),
            ("open", gettext("not finished")),
        ]

    def chosen(self, queryset: QuerySet[JobRun], asked: str) -> QuerySet[JobRun]:
        """The executions that ended so."""
        if asked == "failed":
            return queryset.filter(~Q(error=""))
        return queryset.filter(finished_at__isnull=asked == "open", error="")


@admin.register(JobRun)
class JobRunAdmin(OperationsAdmin):
    """Each execution of each job, and how the jobs are doing."""

    nothing_yet = gettext_lazy(
        "No job has run yet. Job health says whether a worker is there to run them."
    )
    list_before_template = "capital/jobs/jobs_link.html"
    list_display = [
        "shown_start",
        "shown_name",
        "shown_result",
        "shown_duration",
        "shown_accounts",
        "shown_outcomes",
        "shown_error",
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
        "shown_error",
        ("host", "pid"),
    ]
    readonly_fields = [
        "shown_name",
        "shown_result",
        "shown_duration",
        "shown_outcomes",
        "shown_error",
    ]

    def get_urls(self) -> list[URLPattern]:
        """The health page stands before the rows' own pages."""
        health = self.admin_site.admin_view(self.health_view)
        return [path("health/", health, name="capital_jobrun_health"), *super().get_urls()]

    def health_view(self, request: HttpRequest) -> HttpResponse:
        """Whether jobs are on time, workers are alive, and tasks are waiting."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        health = check_health()
        context = {
            **self.admin_site.each_context(request),
            # The menu's name, and no breadcrumb of the list of runs.
            "title": gettext("Job health"),
            "content_title": gettext("Job health"),
            "health": health,
            "unread": health.accounts.reason and sentence(health.accounts.reason),
            "refused": refused_tasks(),
            "stops": stops_shown(open_stops().order_by("pk"), user_of(request)),
            "jobs": [(job, get_job(job.name).summary) for job in health.jobs],
            "now": timezone.now(),
        }
        return TemplateResponse(request, "capital/jobs/jobs.html", context)

    @admin.display(description=gettext_lazy("started"), ordering="started_at")
    def shown_start(self, run: JobRun) -> Any:
        return since(run.started_at, now=seen_at(run))

    @admin.display(description=gettext_lazy("job"), ordering="name")
    def shown_name(self, run: JobRun) -> Any:
        """With what it does, and the chunk, where it was handed out in chunks."""
        chunk = gettext("chunk %(number)s") % {"number": run.chunk} if run.chunk else ""
        return lines(run.name, _SUMMARIES.get(run.name, ""), chunk)

    @admin.display(description=gettext_lazy("status"))
    def shown_result(self, run: JobRun) -> Any:
        if run.error:
            return badge(gettext("error"), "danger")
        if run.finished_at is None:
            return badge(gettext("not finished"), "warning")
        return badge(gettext("done"), "success")

    @admin.display(description=gettext_lazy("duration"))
    def shown_duration(self, run: JobRun) -> Any:
        if run.finished_at is None:
            return NOTHING
        return figure(span(run.finished_at - run.started_at))

    @admin.display(description=gettext_lazy("accounts"), ordering="accounts")
    def shown_accounts(self, run: JobRun) -> Any:
        return figure(f"{run.accounts:,}")

    @admin.display(description=gettext_lazy("outcomes by account"))
    def shown_outcomes(self, run: JobRun) -> Any:
        counts = labelled(run.outcomes) if isinstance(run.outcomes, dict) else {}
        some = (f"{outcome} {count}" for outcome, count in counts.items() if count)
        return lines(*some) or NOTHING

    @admin.display(description=gettext_lazy("error"))
    def shown_error(self, run: JobRun) -> Any:
        """The sentence; its code is for programs."""
        return error_of(run) or NOTHING

"""The queue behind the jobs: tasks, schedules and what waits. All read-only.

django-q2's own pages would resubmit tasks, edit schedules (which is running code) and load
pickles; these do not.
"""

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy
from django_q.models import Failure, OrmQ, Schedule, Success

from capital.admin.frame.cells import badge, figure, since
from capital.admin.frame.formats import span
from capital.admin.jobs.operations import OperationsAdmin, seen_at
from capital.services.jobs import daily_time, is_own_schedule

# Named once for all languages in the settings of the queue.
apps.get_app_config("django_q").verbose_name = gettext_lazy("Job queue")

# Django shows "OrmQ object (1)" in every language.
OrmQ.__str__ = lambda self: f"#{self.pk}"

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
        return since(task.started, now=seen_at(task))

    @admin.display(description=gettext_lazy("task"), ordering="func")
    def shown_task(self, task: Any) -> Any:
        """Without the module, which is always the same."""
        return str(task.func).rpartition(".")[2]

    @admin.display(description=gettext_lazy("duration"))
    def shown_duration(self, task: Any) -> Any:
        return figure(span(task.stopped - task.started))


@admin.register(Success)
class SuccessAdmin(TaskAdmin):
    """The last successes; JobRun is the record."""

    nothing_yet = gettext_lazy("No task has finished yet.")


@admin.register(Failure)
class FailureAdmin(TaskAdmin):
    """What failed. Why stands with the job's run: a traceback may hold anything."""

    nothing_yet = gettext_lazy("No task has failed.")


@admin.register(Schedule)
class ScheduleAdmin(OperationsAdmin):
    """When jobs run: the settings say it, and ``sync_schedules`` makes it so."""

    nothing_yet = gettext_lazy("Nothing is scheduled. A worker schedules the jobs when it starts.")
    list_display = ["name", "shown_timing", "shown_next", "shown_state", "cluster"]
    ordering = ["name"]
    fields = [("name", "func", "shown_state"), ("shown_timing", "shown_next", "cluster")]
    readonly_fields = ["shown_timing", "shown_next", "shown_state"]

    @admin.display(description=gettext_lazy("timing"))
    def shown_timing(self, row: Schedule) -> Any:
        """In words. A daily job's schedule has only its next time; the job has the time of day."""
        if row.schedule_type == Schedule.MINUTES:
            return gettext("every %(span)s") % {"span": span(timedelta(minutes=row.minutes))}
        at = daily_time(row) if is_own_schedule(row) else None
        if at is not None:
            return gettext("daily at %(time)s") % {"time": at.isoformat()}
        return row.cron or row.get_schedule_type_display()

    @admin.display(description=gettext_lazy("status"))
    def shown_state(self, row: Schedule) -> Any:
        """Whether it asks for a job of ours; another one is never run."""
        if is_own_schedule(row):
            return badge(gettext("active"), "success")
        return badge(gettext("refused"), "danger")

    @admin.display(description=gettext_lazy("next run"), ordering="next_run")
    def shown_next(self, row: Schedule) -> Any:
        return since(row.next_run, now=seen_at(row))


@admin.register(OrmQ)
class QueueAdmin(OperationsAdmin):
    """What waits, and what a cluster has pulled. Its payload is signed and stays closed."""

    nothing_yet = gettext_lazy("No task is waiting.")
    list_display = ["id", "key", "shown_state", "shown_lock"]
    ordering = ["lock", "pk"]
    fields = [("key", "shown_state", "shown_lock")]
    readonly_fields = ["shown_state", "shown_lock"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without the payload."""
        return super().get_queryset(request).defer("payload")  # type: ignore[no-any-return]

    @admin.display(description=gettext_lazy("status"))
    def shown_state(self, row: OrmQ) -> Any:
        """A task that was pulled is locked until it is done or given up."""
        if row.lock is not None and row.lock > seen_at(row):
            return badge(gettext("in progress"), "success")
        return badge(gettext("waiting"), "warning")

    @admin.display(description=gettext_lazy("waiting since or locked until"), ordering="lock")
    def shown_lock(self, row: OrmQ) -> Any:
        return since(row.lock, now=seen_at(row))

"""JobRun and ClusterHeartbeat: what the periodic jobs did, and which processes run them."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class JobRun(models.Model):
    """One execution of one job, or of one chunk of it.

    Attributes:
        chunk: 0 for the job itself, whether it did the work or only queued chunks; 1 and up for
            the chunks.
        intended_at: The slot that the job was queued for; NULL when a person ran it.
        finished_at: NULL while it runs; once its process is known to be dead, when that was seen.
        outcomes: How many of each outcome, by name.
        error: The code of what went wrong and its sentence in the language of the process that ran;
            empty when nothing did.
        error_figures: The figures of that sentence, so that it can be said in another language.
    """

    name = models.CharField(_("job"), max_length=40)
    chunk = models.PositiveIntegerField(_("chunk"), default=0)
    intended_at = models.DateTimeField(_("scheduled for"), null=True, blank=True)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    accounts = models.PositiveIntegerField(_("accounts"), default=0)
    outcomes = models.JSONField(_("outcomes by account"), default=dict, blank=True)
    error = models.TextField(_("error"), blank=True, default="")
    error_figures = models.JSONField(
        _("figures of the error"), default=dict, blank=True, editable=False
    )
    host = models.CharField(_("host"), max_length=255, blank=True, default="")
    pid = models.PositiveIntegerField(_("process"), default=0)

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("job runs")
        ordering = ["-started_at", "-pk"]
        indexes = [
            models.Index(fields=["name", "-started_at"], name="job_run_by_name_and_time"),
            models.Index(
                fields=["started_at"], name="job_run_unfinished", condition=Q(finished_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {timezone.localtime(self.started_at):%Y-%m-%d %H:%M:%S}"


class ClusterHeartbeat(models.Model):
    """One cluster process that pulls tasks: the row is renewed while it does.

    Attributes:
        beat_at: By the clock of its machine.
        clock_ahead_seconds: How far that clock is ahead of the database's, for certain.
    """

    host = models.CharField(_("host"), max_length=255)
    pid = models.PositiveIntegerField(_("process"))
    started_at = models.DateTimeField(_("started at"))
    beat_at = models.DateTimeField(_("last heartbeat at"))
    clock_ahead_seconds = models.IntegerField(_("seconds by which the clock is ahead"), default=0)

    class Meta:
        verbose_name = _("cluster heartbeat")
        verbose_name_plural = _("cluster heartbeats")
        ordering = ["host", "pid"]
        constraints = [
            models.UniqueConstraint(fields=["host", "pid"], name="heartbeat_once_a_process"),
        ]

    def __str__(self) -> str:
        return f"{self.host} {self.pid}"

"""What stays of runs whose rows were written to files, and how far the record was checked."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from capital.domain.allocation.decision import Outcome
from capital.models.accounts import Account
from capital.models.allocations.runs import AllocationRun
from capital.models.columns.append_only import AppendOnlyModel, append_only_triggers

# Runs of so many days are in no file: the audit reads what is younger again, and the pages show 30
# days.
KEPT_DAYS = 31


class ArchivedRun(AppendOnlyModel):
    """The key of a run that is in a file, and its result: a replayed key is answered with it.

    Attributes:
        run_id: The primary key that the run had, which is in the file.
        arguments: What a second use of the run key must match.
        figures: The figures of ``code``.
        pnl: What the run said of PnL, by link: days of then that are restated follow from it. Empty
            where it said nothing; NULL where an earlier version archived it, which kept nothing.
        decided_at: The run's ``created_at``.
    """

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="archived_runs", verbose_name=_("account")
    )
    run_key = models.CharField(_("run key"), max_length=200)
    run_id = models.BigIntegerField(_("allocation"))
    trigger = models.CharField(_("trigger"), max_length=10)
    actor_id = models.BigIntegerField(_("requested by"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10)
    code = models.CharField(_("code"), max_length=40)
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    arguments = models.JSONField(_("arguments"), default=dict, blank=True)
    pnl = models.JSONField(_("PnL counted"), null=True, blank=True)
    decided_at = models.DateTimeField(_("created at"))

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("archived allocation")
        verbose_name_plural = _("archived allocations")
        ordering = ["pk"]
        triggers = append_only_triggers("archived_run_append_only")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "run_key"], name="archived_run_key_unique_per_account"
            ),
        ]
        indexes = [
            # Few of all: most runs changed nothing.
            models.Index(
                fields=["account", "decided_at"],
                condition=models.Q(outcome=Outcome.APPLIED.value),
                name="archived_run_applied",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.run_id} {self.run_key}"

    def as_run(self) -> AllocationRun:
        """The run without its pools. It is not a row any more: do not save it."""
        return AllocationRun(
            pk=self.run_id,
            account=self.account,
            run_key=self.run_key,
            trigger=self.trigger,
            actor_id=self.actor_id,
            outcome=self.outcome,
            code=self.code,
            figures=self.figures,
            arguments=self.arguments,
            created_at=self.decided_at,
        )


class AuditCheckpoint(models.Model):
    """How far an account's record was found correct, and what it says up to there.

    A ledger is the account's record so far, as ``capital.domain.audit.chain`` keeps it; empty
    before the first run.

    Attributes:
        clean_through: Primary key of the last run that was checked and is not read again.
        archived_through: Primary key of the last run that is in a file.
        clean_books: How the account's positions stood at the begin of a day, up to which its fills
            were checked and are not read again; empty before the first fill.
    """

    account = models.OneToOneField(
        Account,
        on_delete=models.CASCADE,
        related_name="audit_checkpoint",
        verbose_name=_("account"),
    )
    clean_through = models.BigIntegerField(_("checked up to allocation"), default=0)
    clean_ledger = models.JSONField(_("record up to there"), default=dict, blank=True)
    archived_through = models.BigIntegerField(_("archived up to allocation"), default=0)
    archived_ledger = models.JSONField(_("record up to there"), default=dict, blank=True)
    clean_books = models.JSONField(_("books up to there"), default=dict, blank=True)

    class Meta:
        verbose_name = _("audit checkpoint")
        verbose_name_plural = _("audit checkpoints")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.account}: #{self.clean_through}"

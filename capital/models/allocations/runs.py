"""AllocationRun, AllocationPool, AllocationEntry: the append-only record of each decision."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.signals import pre_delete
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from capital.domain.allocation.decision import Outcome
from capital.domain.balances import Source
from capital.domain.pools import Pool
from capital.models.accounts import Account
from capital.models.columns.append_only import AppendOnlyModel, append_only_triggers, refuse_delete
from capital.models.columns.exact import AmountField, RatioField
from capital.models.columns.json_text import ReadsWhatWasWritten
from capital.models.links import StrategyAccount


class Trigger(models.TextChoices):
    """What asked for a run."""

    COMMAND = "command", _("command line")
    ADMIN = "admin", _("admin site")
    API = "api", _("API")
    SCHEDULE = "schedule", _("scheduled job")
    EVENT = "event", _("detected change")
    WEBHOOK = "webhook", _("webhook")
    REVERT = "revert", _("revert")


# The outcomes of runs that may have changed capital: one that found no balance may have released
# that of idle links.
CHANGES_CAPITAL = (Outcome.APPLIED.value, Outcome.SKIPPED.value)
_RARE_OUTCOMES = (Outcome.SKIPPED.value, Outcome.HELD.value, Outcome.FAILED.value)


class AllocationRun(ReadsWhatWasWritten, AppendOnlyModel):
    """One decision for one account: who or what asked, and what came of it.

    A run in which nothing changed has no pool and entry rows; ``snapshot`` holds what it saw.

    Attributes:
        arguments: What a second use of the run key must match.
        figures: The figures of ``code``.
        snapshot: For an unchanged run, its pools and entries as JSON; else NULL.
        basis: What it was decided on, for the gate to compare with; NULL where nothing was.
        pnl: By link whose capital was decided again: from when its PnL counts and what was counted
            before, both now and before this run, and what the run added beyond what was earned.
        is_forced: Whether open positions were not to hold it.
        reverts: The run that this one reverts; NULL for all others.
    """

    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        # There is one that is ordered by the runs, too.
        db_index=False,
        related_name="runs",
        verbose_name=_("account"),
    )
    run_key = models.CharField(_("run key"), max_length=200)
    trigger = models.CharField(_("trigger"), max_length=10, choices=Trigger)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="allocation_runs",
        verbose_name=_("requested by"),
    )
    outcome = models.CharField(
        _("outcome"),
        max_length=10,
        choices=[
            (Outcome.APPLIED.value, _("applied")),
            (Outcome.UNCHANGED.value, _("unchanged")),
            (Outcome.SKIPPED.value, _("skipped")),
            (Outcome.HELD.value, _("on hold")),
            (Outcome.FAILED.value, _("failed")),
        ],
    )
    code = models.CharField(_("code"), max_length=40)
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    arguments = models.JSONField(_("arguments"), default=dict, blank=True)
    snapshot = models.JSONField(_("snapshot"), null=True, blank=True)
    basis = models.JSONField(_("inputs"), null=True, blank=True)
    pnl = models.JSONField(_("PnL counted"), null=True, blank=True)
    is_forced = models.BooleanField(_("forced"), default=False)
    reverts = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reverted_by",
        verbose_name=_("reverts"),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        ordering = ["-created_at", "-pk"]
        triggers = append_only_triggers("allocation_run_append_only")
        indexes = [
            # For the runs of an account in the order of decision.
            models.Index(fields=["account", "-id"], name="run_by_account"),
            models.Index(fields=["account", "-created_at"], name="run_by_account_and_time"),
            # For the list of all accounts' runs, newest first.
            models.Index(fields=["-created_at", "-id"], name="run_by_time"),
            # For the lists of what is rare: the others are found on their first page.
            models.Index(
                fields=["outcome", "-created_at"],
                condition=Q(outcome__in=_RARE_OUTCOMES),
                name="run_of_rare_outcome",
            ),
            models.Index(
                fields=["trigger", "-created_at"],
                condition=~Q(trigger=Trigger.SCHEDULE.value),
                name="run_not_of_schedule",
            ),
            models.Index(
                fields=["-created_at"], condition=Q(is_forced=True), name="run_that_was_forced"
            ),
            # For the last run of each account that the gate compares with.
            models.Index(
                fields=["account", "-id"],
                condition=Q(basis__isnull=False),
                name="run_with_basis_by_account",
            ),
            # For the last run of an account that changed capital.
            models.Index(
                fields=["account", "-id"],
                condition=Q(outcome__in=CHANGES_CAPITAL),
                name="run_that_may_change_by_account",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "run_key"], name="allocation_run_key_unique_per_account"
            ),
            models.CheckConstraint(
                condition=Q(trigger__in=Trigger.values), name="allocation_run_trigger_known"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=[outcome.value for outcome in Outcome]),
                name="allocation_run_outcome_known",
            ),
            models.CheckConstraint(condition=~Q(run_key=""), name="allocation_run_key_given"),
            models.CheckConstraint(
                condition=(
                    Q(trigger=Trigger.REVERT.value, reverts__isnull=False)
                    | ~Q(trigger=Trigger.REVERT.value) & Q(reverts__isnull=True)
                ),
                name="allocation_run_reverts_where_it_is_a_revert",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.account.name}: {self.get_outcome_display()}"


class AllocationPool(AppendOnlyModel):
    """One pool of a run: the reading that was used, and where the money went.

    ``reading`` is the balance unrounded, as text, empty where there was none; ``holdings`` is what
    counted of coins beside it, empty where none did. ``unallocated`` is negative where the balance
    is, or where more is in use than there is.
    """

    run = models.ForeignKey(
        AllocationRun,
        on_delete=models.PROTECT,
        related_name="pools",
        verbose_name=_("allocation"),
    )
    pool = models.CharField(
        _("pool"),
        max_length=10,
        choices=[
            (Pool.SPOT.value, _("spot")),
            (Pool.FUTURES.value, _("futures")),
            (Pool.UNIFIED.value, _("unified")),
        ],
    )
    reading = models.CharField(_("balance reading"), max_length=160, blank=True, default="")
    holdings = models.CharField(_("coins held"), max_length=160, blank=True, default="")
    source = models.CharField(
        _("source"),
        max_length=10,
        choices=[
            (Source.LIVE.value, _("live")),
            (Source.CACHED.value, _("cached")),
            (Source.NONE.value, _("none")),
        ],
    )
    observed_at = models.DateTimeField(_("observed at"), null=True, blank=True)
    reserve = AmountField(_("reserve"), null=True, blank=True)
    unallocated = AmountField(_("unallocated"), null=True, blank=True)
    code = models.CharField(_("code"), max_length=40)
    figures = models.JSONField(_("figures"), default=dict, blank=True)

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("pool of an allocation")
        verbose_name_plural = _("pools of allocations")
        ordering = ["pk"]
        triggers = append_only_triggers("allocation_pool_append_only")
        constraints = [
            models.UniqueConstraint(fields=["run", "pool"], name="allocation_pool_once_a_run"),
            models.CheckConstraint(
                condition=Q(pool__in=[pool.value for pool in Pool]),
                name="allocation_pool_pool_known",
            ),
            models.CheckConstraint(
                condition=Q(source__in=[source.value for source in Source]),
                name="allocation_pool_source_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pool}: {self.reading or '—'} ({self.source})"


class AllocationEntry(AppendOnlyModel):
    """One link in one run: what it had, what it got, and why. NULL means never allocated."""

    pool = models.ForeignKey(
        AllocationPool,
        on_delete=models.PROTECT,
        related_name="entries",
        verbose_name=_("pool of an allocation"),
    )
    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        # The constraint's index begins with it.
        db_index=False,
        related_name="allocation_entries",
        verbose_name=_("strategy link"),
    )
    weight = RatioField(_("weight"))
    before = AmountField(_("before"), null=True, blank=True)
    after = AmountField(_("after"), null=True, blank=True)
    code = models.CharField(_("code"), max_length=40)

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("entry of an allocation")
        verbose_name_plural = _("entries of allocations")
        ordering = ["pk"]
        triggers = append_only_triggers("allocation_entry_append_only")
        constraints = [
            models.UniqueConstraint(
                # The link first: a link's entries of some time are read by it.
                fields=["strategy_account", "pool"],
                name="allocation_entry_once_a_pool",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_account}: {self.before} → {self.after}"


for _model in (AllocationRun, AllocationPool, AllocationEntry):
    pre_delete.connect(refuse_delete, sender=_model)

"""Trouble: what is wrong now. Alert: what was told of it, written with what it tells."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from capital.models.accounts import Account
from capital.models.columns.answered import AnsweredRules
from strategies.models import Strategy


class AlertKind(models.TextChoices):
    """What is told. Each user switches each kind for each of their targets."""

    POOL_UNREADABLE = "pool_unreadable", _("balance cannot be read")
    KEY_REFUSED = "key_refused", _("API key refused")
    KEY_CAN_WITHDRAW = "key_can_withdraw", _("API key that can withdraw")
    SUSPECT_BALANCE = "suspect_balance", _("suspect balance")
    RUN_FAILED = "run_failed", _("failed allocation")
    RUN_HELD = "run_held", _("held allocation")
    STOP = "stop", _("stop of entries")
    LIMIT_NEAR = "limit_near", _("loss limit is near")
    SIGNAL_REFUSED = "signal_refused", _("refused webhook signal")
    FILLS_UNATTRIBUTED = "fills_unattributed", _("fills without a strategy")
    BALANCE_UNEXPLAINED = "balance_unexplained", _("unexplained change of a balance")
    RULES_SUSPECT = "rules_suspect", _("suspect instrument rules")
    JOB_LATE = "job_late", _("late job")
    CLUSTER_SILENT = "cluster_silent", _("silent worker cluster")
    AUDIT_BROKEN = "audit_broken", _("audit found a violation")
    DIGEST = "digest", _("daily digest")
    TEST = "test", _("test message")


class AlertState(models.TextChoices):
    """What an alert says of its trouble."""

    BEGAN = "began", pgettext_lazy("trouble", "began")
    CHANGED = "changed", pgettext_lazy("trouble", "changed")
    OVER = "over", pgettext_lazy("trouble", "over")
    TOLD = "told", pgettext_lazy("alert", "information")


class _About(AnsweredRules):
    """What something is about, which decides who hears of it: at most one of these.

    Attributes:
        account: Whoever sees the account.
        strategy: Whoever sees the strategy.
        owner: This user, and who sees everything.
        venue: Whoever sees an account there; empty for none.
        name: What it is called, where that is not what it is about.
        for_everybody: All users. Where none of these is given, only who sees everything.
    """

    account = models.ForeignKey(
        Account,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("account"),
    )
    strategy = models.ForeignKey(
        Strategy,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("strategy"),
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("owner"),
    )
    venue = models.CharField(_("exchange"), max_length=40, blank=True, default="")
    name = models.CharField(_("name"), max_length=200, blank=True, default="")
    for_everybody = models.BooleanField(_("for everybody"), default=False)

    class Meta:
        abstract = True

    @property
    def subject(self) -> str:
        """What it is about, by name; empty where it is about the installation."""
        if self.name:
            return self.name
        if self.account is not None:
            return str(self.account.name)
        row = self.strategy or self.owner
        return str(row or self.venue)


class Trouble(_About):
    """Something that is wrong now, or was: by it the same is told once.

    Attributes:
        key: What is wrong, of what: one row for each.
        code: Of the sentence that was true last.
        figures: Of that sentence.
        mark: What makes it another trouble: told again when it changes.
        noticed_at: Since when it is so.
        after_seconds: How long it has to last until it is told.
        told_at: When it was told; NULL for what may still pass by itself.
        over_at: When it was over; NULL: it is not.
    """

    key = models.CharField(_("key"), max_length=200, unique=True)
    kind = models.CharField(_("kind"), max_length=30, choices=AlertKind)
    code = models.CharField(_("code"), max_length=60)
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    mark = models.CharField(_("what it depends on"), max_length=200, blank=True, default="")
    noticed_at = models.DateTimeField(_("noticed at"))
    after_seconds = models.PositiveIntegerField(_("told after (s)"), default=0)
    told_at = models.DateTimeField(_("told at"), null=True, blank=True)
    over_at = models.DateTimeField(_("over at"), null=True, blank=True)

    class Meta:
        verbose_name = _("trouble")
        verbose_name_plural = _("troubles")
        # It is shown as the alerts that tell of it.
        default_permissions = ()
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["kind"], condition=Q(over_at=None), name="trouble_open"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=AlertKind.values), name="trouble_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Alert(_About):
    """Something that is told. It is written in the transaction of what it tells.

    Attributes:
        kind: What kind of thing.
        state: Whether it began, changed or is over; or it is no trouble at all.
        code: Of its sentence.
        figures: Of that sentence.
        details: Of a digest: its parts, as JSON with amounts as text.
        addressee: Only this user hears of it; NULL for whoever sees what it is about.
        key: Of its trouble; of a digest, whose and of which day, so that there is one of each.
        at: When it happened.
        spread_at: When it was handed to the targets; NULL: not yet.
    """

    kind = models.CharField(_("kind"), max_length=30, choices=AlertKind)
    state = models.CharField(_("state"), max_length=10, choices=AlertState)
    code = models.CharField(_("code"), max_length=60)
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    details = models.JSONField(_("details"), null=True, blank=True)
    addressee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("addressee"),
    )
    key = models.CharField(_("key"), max_length=200, blank=True, default="")
    at = models.DateTimeField(_("time"), default=timezone.now)
    spread_at = models.DateTimeField(_("handed out at"), null=True, blank=True)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        default_permissions = ("view",)
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["at"], name="alert_by_time"),
            models.Index(fields=["id"], condition=Q(spread_at=None), name="alert_waiting"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=AlertKind.values), name="alert_kind_known"),
            models.CheckConstraint(
                condition=Q(state__in=AlertState.values), name="alert_state_known"
            ),
            models.UniqueConstraint(
                fields=["key"], condition=Q(kind=AlertKind.DIGEST), name="alert_digest_once_a_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject}".strip()


_ABOUT = ("account_id", "strategy_id", "owner_id", "venue", "for_everybody", "name")


def about_of(row: Trouble) -> dict[str, Any]:
    """What a trouble is about, for its alert."""
    return {name: getattr(row, name) for name in _ABOUT}

"""AllocationPlan: a decision that was shown and waits for a person. PlanRequest: who asked."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from capital.models.accounts import Account
from capital.models.allocations import Trigger


class AllocationPlan(models.Model):
    """What one person was shown, to be applied exactly so or not at all. Kept for a day.

    Attributes:
        public_id: Its name in addresses; the runs that it makes have it in their key.
        actor: Who asked, and who alone may apply it; NULL is the command line.
        applied_at: NULL while nothing was done.
    """

    public_id = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="allocation_plans",
        verbose_name=_("requested by"),
    )
    trigger = models.CharField(_("trigger"), max_length=10, choices=Trigger)
    live = models.BooleanField(_("live balances"), default=True)
    force = models.BooleanField(_("forced"), default=False)
    accept_jump = models.BooleanField(_("accept jump"), default=False)
    splits_again = models.BooleanField(_("split again by weight"), default=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)

    class Meta:
        verbose_name = _("allocation preview")
        verbose_name_plural = _("allocation previews")
        ordering = ["-created_at", "-pk"]
        # They are found by age when they are removed.
        indexes = [models.Index(fields=["created_at"], name="plan_by_time")]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def run_key(self) -> str:
        """The key of the runs that it makes."""
        return f"plan:{self.public_id.hex}"


class PlannedAccount(models.Model):
    """One account of a plan.

    Attributes:
        readings: The readings of its pools, which decide again when it is applied.
        rests_on: What else the decision depends on, compared when it is applied.
        shown: The decision.
    """

    plan = models.ForeignKey(
        AllocationPlan,
        on_delete=models.CASCADE,
        related_name="accounts",
        verbose_name=_("allocation preview"),
    )
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="plans", verbose_name=_("account")
    )
    readings = models.JSONField(_("balance readings"))
    rests_on = models.JSONField(_("inputs"))
    shown = models.JSONField(_("shown result"))

    class Meta:
        verbose_name = _("account of a preview")
        verbose_name_plural = _("accounts of previews")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "account"], name="planned_account_once_a_plan"),
        ]

    def __str__(self) -> str:
        return f"{self.plan}: {self.account}"


class PlanRequest(models.Model):
    """A preview that somebody asked for, by the key of the form: asked twice, it is made once.

    Attributes:
        key: Of the form that was sent. Another form, or another choice in it, is another request.
        asked: A digest of the accounts and of how they are to be allocated.
        accounts: Primary keys, in the order in which they were asked for.
        answers: What the exchanges have answered so far: by account, a list for each pool of its
            name, its balance as text, and the code and figures of the reason where there is none.
        started_at: When it was begun. A process that was ended leaves a request without a plan.
        plan: NULL while the exchanges are waited for.
    """

    key = models.UUIDField(_("key"), editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="plan_requests",
        verbose_name=_("requested by"),
    )
    asked = models.CharField(_("what was asked"), max_length=64)
    accounts = models.JSONField(_("accounts"), default=list)
    answers = models.JSONField(_("answers"), default=dict)
    started_at = models.DateTimeField(_("started at"))
    plan = models.ForeignKey(
        AllocationPlan,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="requests",
        verbose_name=_("allocation preview"),
    )

    class Meta:
        verbose_name = _("request for a preview")
        verbose_name_plural = _("requests for previews")
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["actor", "key", "asked"], name="plan_asked_for_once_a_key"
            ),
        ]
        # They are found by age when they are removed.
        indexes = [models.Index(fields=["started_at"], name="plan_request_by_time")]

    def __str__(self) -> str:
        return str(self.key)

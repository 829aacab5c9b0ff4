"""AlertDelivery: one message to one target: waiting, sent, or given up."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from capital.models.alerts.alerts import Alert, AlertKind
from capital.models.alerts.targets import AlertTarget


class DeliveryState(models.TextChoices):
    """What became of a message."""

    WAITING = "waiting", pgettext_lazy("message", "waiting")
    SENT = "sent", pgettext_lazy("message", "sent")
    UNDELIVERED = "undelivered", pgettext_lazy("message", "undelivered")


class AlertDelivery(models.Model):
    """One message to one target: the alerts of one kind that came together.

    Attributes:
        alerts: What it tells.
        due_at: When it is to be tried next; NULL once it is sent or given up.
        attempts: How often it was tried.
        claimed_at: When somebody began to send it; NULL while nobody does.
        sent_at: When it was taken.
        undelivered_at: When it was given up.
        code: Why the last attempt failed; empty where none did.
        figures: Of that code's sentence.
    """

    target = models.ForeignKey(
        AlertTarget,
        on_delete=models.CASCADE,
        related_name="deliveries",
        verbose_name=_("alert target"),
    )
    alerts = models.ManyToManyField(Alert, related_name="deliveries", verbose_name=_("alerts"))
    kind = models.CharField(_("kind"), max_length=30, choices=AlertKind)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    due_at = models.DateTimeField(_("due at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claimed_at = models.DateTimeField(_("claimed at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    undelivered_at = models.DateTimeField(_("given up at"), null=True, blank=True)
    code = models.CharField(_("code"), max_length=60, blank=True, default="")
    figures = models.JSONField(_("figures"), default=dict, blank=True)

    class Meta:
        verbose_name = _("message of alerts")
        verbose_name_plural = _("messages of alerts")
        # They are shown on their alert's and their target's page.
        default_permissions = ()
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="alert_delivery_due"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(due_at__isnull=False, sent_at__isnull=True, undelivered_at__isnull=True)
                | Q(due_at__isnull=True, sent_at__isnull=False, undelivered_at__isnull=True)
                | Q(due_at__isnull=True, sent_at__isnull=True, undelivered_at__isnull=False),
                name="alert_delivery_in_one_state",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} → {self.target}"

    @property
    def state(self) -> DeliveryState:
        """What became of it."""
        if self.sent_at is not None:
            return DeliveryState.SENT
        return DeliveryState.WAITING if self.due_at is not None else DeliveryState.UNDELIVERED

"""IdempotentRequest: the first answer to a request that may be sent again."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class IdempotentRequest(models.Model):
    """One ``Idempotency-Key`` of one caller, and the answer that every use of it gets.

    Attributes:
        caller: Whose key: ``token:`` or ``user:`` and which one. A key means nothing elsewhere.
        fingerprint: SHA-256 of method, path and body; a second use must match.
        claimed_at: When work on it began.
        status: Of the answer; NULL while there is none.
        created_at: The first use, which is part of the run key behind it.
    """

    caller = models.CharField(_("caller"), max_length=80)
    key = models.CharField(_("key"), max_length=200)
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, db_index=True)
    claimed_at = models.DateTimeField(_("processing began at"), default=timezone.now)
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    content_type = models.CharField(_("content type"), max_length=100, blank=True, default="")
    body = models.TextField(_("response"), blank=True, default="")

    class Meta:
        verbose_name = _("idempotent request")
        verbose_name_plural = _("idempotent requests")
        ordering = ["-created_at", "pk"]
        indexes = [
            models.Index(
                fields=["claimed_at"], name="idempotency_unanswered", condition=Q(status=None)
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="idempotency_key_once_a_caller"),
            models.CheckConstraint(condition=~Q(key=""), name="idempotency_key_given"),
        ]

    def __str__(self) -> str:
        return f"{self.caller}: {self.key}"

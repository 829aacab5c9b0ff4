"""Webhooks: a strategy's secret, and the append-only record of what was delivered and answered."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.signals import pre_delete
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from capital.models.columns.append_only import AppendOnlyModel, append_only_triggers, refuse_delete
from capital.models.columns.encrypted import CipherIdField, EncryptedTextField
from capital.models.columns.packed import PackedJSONField
from strategies.models import Strategy

USUAL_LAG_SECONDS, MOST_LAG_SECONDS = 120, 86_400


class WebhookSecret(models.Model):
    """The secret of one strategy's webhook. The secret itself is not stored.

    Attributes:
        digest: SHA-256 of ``signing_key``, to compare a shown secret with.
        signing_key: SHA-256 of the secret, in hexadecimal: the key of HMAC signatures.
        name: The random end of its address; empty for one that was opened before there were any.
        networks: From where calls are accepted, such as ``52.32.178.7/32``; empty: from anywhere.
        max_lag_seconds: A signal that says when it was sent and is older enters nothing any more.
    """

    strategy = models.OneToOneField(
        Strategy,
        on_delete=models.CASCADE,
        related_name="webhook_secret",
        verbose_name=_("strategy"),
    )
    digest = models.CharField(_("digest"), max_length=64)
    cipher_id = CipherIdField()
    signing_key = EncryptedTextField(_("signing key"))
    name = models.SlugField(_("address"), max_length=32, blank=True, default="", editable=False)
    networks = models.JSONField(_("networks"), default=list, blank=True)
    max_lag_seconds = models.PositiveIntegerField(
        _("maximum delay, in seconds"), default=USUAL_LAG_SECONDS
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )

    class Meta:
        verbose_name = _("webhook secret")
        verbose_name_plural = _("webhook secrets")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(max_lag_seconds__gte=1, max_lag_seconds__lte=MOST_LAG_SECONDS),
                name="webhook_lag_in_range",
                violation_error_message=_("The maximum delay must be 1 to 86400 seconds."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy.key}"


class WebhookNonce(models.Model):
    """A nonce that was used. It is deleted once its time alone would be refused."""

    strategy = models.ForeignKey(
        Strategy, on_delete=models.CASCADE, related_name="+", verbose_name=_("strategy")
    )
    nonce = models.CharField(_("nonce"), max_length=100)
    used_at = models.DateTimeField(_("used at"), default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("webhook nonce")
        verbose_name_plural = _("webhook nonces")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["strategy", "nonce"], name="webhook_nonce_used_once"),
        ]

    def __str__(self) -> str:
        return self.nonce


class WebhookDelivery(AppendOnlyModel):
    """One call with the right secret: accepted, or refused for what it asked.

    Attributes:
        delivery_id: The sender's; empty where it gave none, and where the call was refused.
        fingerprint: SHA-256 of the body without its token.
        body: The body without its token.
        address: Where it came from.
        is_signed: Whether a signature was shown, else the secret itself.
        refusal: The problem that the caller was told; None where the call was accepted.
    """

    strategy = models.ForeignKey(
        Strategy,
        on_delete=models.PROTECT,
        related_name="webhook_deliveries",
        verbose_name=_("strategy"),
    )
    delivery_id = models.CharField(_("signal ID"), max_length=100, blank=True, default="")
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    body = models.JSONField(_("body"))
    address = models.CharField(_("IP address"), max_length=64, blank=True, default="")
    is_signed = models.BooleanField(_("signed"), default=False)
    refusal = models.JSONField(_("refusal"), null=True, blank=True, default=None)
    received_at = models.DateTimeField(_("received at"), default=timezone.now)

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        ordering = ["-received_at", "-pk"]
        triggers = append_only_triggers("webhook_delivery_append_only")
        indexes = [
            models.Index(
                fields=["strategy", "fingerprint", "-received_at"], name="delivery_by_body"
            ),
            models.Index(fields=["received_at"], name="delivery_by_time"),
            # For the search.
            models.Index(fields=["delivery_id"], name="delivery_by_id"),
            models.Index(fields=["address"], name="delivery_by_address"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "delivery_id"],
                condition=~Q(delivery_id=""),
                name="webhook_delivery_id_once_a_strategy",
            ),
        ]

    def __str__(self) -> str:
        name = self.strategy.name or self.strategy.key
        return f"{name} {timezone.localtime(self.received_at):%Y-%m-%d %H:%M:%S}"


class WebhookAnswer(AppendOnlyModel):
    """The answer to a delivery: the same each time it is sent again.

    Attributes:
        body: All of it, whatever part of it was asked for.
        accounts: By each list of the answer (``allocations``, ``sizes``, ``warnings``), the account
            that each line is about, or none; the lines have the names of then. Empty in answers of
            before.
    """

    delivery = models.OneToOneField(
        WebhookDelivery,
        on_delete=models.PROTECT,
        related_name="answer",
        verbose_name=_("webhook event"),
    )
    body = PackedJSONField(_("response"))
    accounts = models.JSONField(_("accounts"), default=dict)
    answered_at = models.DateTimeField(_("response sent at"), default=timezone.now)

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("webhook response")
        verbose_name_plural = _("webhook responses")
        ordering = ["-answered_at", "-pk"]
        triggers = append_only_triggers("webhook_answer_append_only")

    def __str__(self) -> str:
        return str(self.delivery)


class ArchivedDelivery(AppendOnlyModel):
    """The sender's id of a delivery that is in a file: sent again, it is not processed again.

    Attributes:
        delivery: The primary key that the delivery had, which is in the file.
    """

    strategy = models.ForeignKey(
        Strategy,
        on_delete=models.PROTECT,
        related_name="archived_deliveries",
        verbose_name=_("strategy"),
    )
    delivery_id = models.CharField(_("signal ID"), max_length=100)
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    delivery = models.BigIntegerField(_("webhook event"))
    received_at = models.DateTimeField(_("received at"))

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("archived webhook event")
        verbose_name_plural = _("archived webhook events")
        ordering = ["pk"]
        triggers = append_only_triggers("archived_delivery_append_only")
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "delivery_id"], name="archived_delivery_id_once_a_strategy"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy.key} {self.delivery_id}"


for _model in (WebhookDelivery, WebhookAnswer):
    pre_delete.connect(refuse_delete, sender=_model)

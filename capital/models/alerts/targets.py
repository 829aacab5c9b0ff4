"""AlertTarget: where one user wants to be told, by which channel, and what not."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from capital.models.columns.encrypted import CipherIdField, EncryptedTextField

HINT_LETTERS = 4


class AlertChannel(models.TextChoices):
    """The ways to tell somebody."""

    MAIL = "mail", pgettext_lazy("channel", "mail")
    TELEGRAM = "telegram", "Telegram"
    SLACK = "slack", "Slack"
    DISCORD = "discord", "Discord"
    NTFY = "ntfy", "ntfy"
    TEAMS = "teams", "Microsoft Teams"
    PUSHOVER = "pushover", "Pushover"
    GOTIFY = "gotify", "Gotify"
    MATRIX = "matrix", "Matrix"
    WEBHOOK = "webhook", _("signed JSON webhook")


class AlertTarget(models.Model):
    """One address of one user.

    Attributes:
        address: Where to send; of most channels it holds a secret, so it is shown nowhere.
        hint: Its last four letters, by which its user knows it.
        signing_secret: Of a webhook: what its calls are signed with. Empty for any other.
        language: Of what is told here.
        kinds_off: The kinds that are not told here.
        quiet_from: From this time of day, in the project's time zone, only stops are told …
        quiet_until: … until this one; both NULL for no quiet hours.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="alert_targets",
        verbose_name=_("user"),
    )
    name = models.CharField(_("name"), max_length=60)
    channel = models.CharField(_("channel"), max_length=20, choices=AlertChannel)
    cipher_id = CipherIdField()
    address = EncryptedTextField(_("address"))
    hint = models.CharField(_("ends with"), max_length=HINT_LETTERS, editable=False)
    signing_secret = EncryptedTextField(_("signing secret"), blank=True, default="")
    language = models.CharField(_("language"), max_length=5)
    is_active = models.BooleanField(_("active"), default=True)
    kinds_off = models.JSONField(_("kinds that are not told"), default=list, blank=True)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("alert target")
        verbose_name_plural = _("alert targets")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"],
                name="alert_target_name_once_a_user",
                violation_error_message=_("You already have a target with this name."),
            ),
            models.CheckConstraint(
                condition=Q(channel__in=AlertChannel.values),
                name="alert_target_channel_known",
                violation_error_message=_("Choose one of the offered channels."),
            ),
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="alert_target_quiet_hours_whole",
                violation_error_message=_("Quiet hours need a beginning and an end."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_address(self) -> str:
        """All that anybody sees of the address: the channel, and its last four letters."""
        return f"{self.get_channel_display()} …{self.hint}"

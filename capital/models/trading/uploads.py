"""TradeUpload: a file of trades that was uploaded, and waits to be imported."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from capital.models.accounts import Account
from strategies.models import LONGEST_KEY


class TradeUpload(models.Model):
    """A file that one person looks at before it is imported. Kept for a day.

    Attributes:
        public_id: Its name in addresses.
        actor: Who uploaded it, and who alone may import it.
        strategy: Whose trades all of them are, by key; empty: as each line says.
        content: The file, compressed; empty once it was imported.
        imported_at: NULL while it was not.
        counts: What the import did.
    """

    public_id = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("requested by"),
    )
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="+", verbose_name=_("account")
    )
    strategy = models.CharField(_("strategy"), max_length=LONGEST_KEY, blank=True, default="")
    file_name = models.CharField(_("file name"), max_length=200)
    content = models.BinaryField(_("content"))
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    imported_at = models.DateTimeField(_("imported at"), null=True, blank=True)
    counts = models.JSONField(_("counts"), default=dict, blank=True)

    class Meta:
        verbose_name = _("uploaded file of trades")
        verbose_name_plural = _("uploaded files of trades")
        ordering = ["-created_at", "-pk"]
        # They are found by age when they are removed.
        indexes = [models.Index(fields=["created_at"], name="trade_upload_by_time")]

    def __str__(self) -> str:
        return self.file_name

"""SettingChange: who changed which setting, from where, with the old value and the new one."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.signals import pre_delete
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from capital.models.accounts import Account
from capital.models.columns.append_only import AppendOnlyModel, append_only_triggers, refuse_delete
from strategies.models import Strategy


class ChangedRow(models.TextChoices):
    """What was changed."""

    ACCOUNT = "account", _("account")
    LINK = "link", _("strategy link")
    ACCESS = "access", _("account access")
    STRATEGY = "strategy", _("strategy")
    WEBHOOK = "webhook", _("webhook secret")


class ChangeVerb(models.TextChoices):
    """What happened to it."""

    CREATED = "created", _("created")
    CHANGED = "changed", _("changed")
    REMOVED = "removed", _("removed")


class SettingChange(AppendOnlyModel):
    """One change of an account, of a link, of who may see it, of a strategy or of its webhook.

    It outlives what it is about: an account that was never used may be deleted, and its record
    stays. So ``account`` and ``strategy`` are held by no constraint of the database.

    Attributes:
        account: NULL where a strategy was changed, which may trade on any number of accounts.
        strategy: NULL where an account, or who may see it, was changed.
        name: What the row was called then.
        actor: NULL is the command line.
        origin: The address from which it was asked; empty where there was none.
        values: By field, its old and its new value; of a secret only that it changed.
    """

    row = models.CharField(_("changed row"), max_length=10, choices=ChangedRow)
    verb = models.CharField(pgettext_lazy("record", "change"), max_length=10, choices=ChangeVerb)
    account = models.ForeignKey(
        Account,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("account"),
    )
    strategy = models.ForeignKey(
        Strategy,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("strategy"),
    )
    name = models.CharField(_("name"), max_length=250)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("changed by"),
    )
    origin = models.CharField(_("IP address"), max_length=64, blank=True, default="")
    values: Any = models.JSONField(_("changed values"), default=dict)
    created_at = models.DateTimeField(_("time"), default=timezone.now)

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("settings change")
        verbose_name_plural = _("settings changes")
        default_permissions = ("view",)
        ordering = ["-pk"]
        triggers = append_only_triggers("setting_change_append_only")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(row__in=ChangedRow.values), name="setting_change_row_known"
            ),
            models.CheckConstraint(
                condition=models.Q(verb__in=ChangeVerb.values), name="setting_change_verb_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.get_verb_display()}"


pre_delete.connect(refuse_delete, sender=SettingChange)

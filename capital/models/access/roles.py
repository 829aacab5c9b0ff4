"""AccountAccess: who besides its owner may see an account, and what they may do there."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from capital.models.accounts import Account


class AccessRole(models.TextChoices):
    """What somebody who was invited may do with an account. Each includes those before it.

    What each comes to stands in ``services.access.roles``.
    """

    VIEWER = "viewer", _("viewer: sees it")
    OPERATOR = "operator", _("operator: allocates it, and changes its strategies")
    MANAGER = "manager", _("manager: also changes its settings")


class AccountAccess(models.Model):
    """One user's role on one account of somebody else. The owner needs none."""

    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="accesses", verbose_name=_("account")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="account_accesses",
        verbose_name=_("user"),
    )
    role = models.CharField(_("role"), max_length=10, choices=AccessRole)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    # What people and programs change: see ``strategies.edits``.
    edited_fields: ClassVar[tuple[str, ...]] = ("account", "user", "role")
    hidden_fields: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        verbose_name = _("account access")
        verbose_name_plural = _("account accesses")
        # It is given on the account's page, by whom ``capital.share_account`` allows it.
        default_permissions = ()
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "user"],
                name="account_access_once_a_user",
                violation_error_message=_("This user already has access to this account."),
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=AccessRole.values),
                name="account_access_role_known",
                violation_error_message=_("The role must be viewer, operator or manager."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} @ {self.account.name}"

"""Stop: no new entries of a link, an account, an owner or everybody, until a person lifts it."""

from typing import Any

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.signals import pre_delete
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from capital.models.accounts import Account
from capital.models.columns.append_only import AppendOnlyModel, AppendOnlyQuerySet, refuse_delete
from capital.models.links import StrategyAccount

_LIFTING = ("lifted_by", "lifted_at", "lifted_reason", "lifted_figures")
_NOT_LIFTED = Q(lifted_at__isnull=True)


class StopQuerySet(AppendOnlyQuerySet):
    """Inserts and reads; the one change is ``lift``."""

    def open(self) -> "StopQuerySet":
        """Those that nobody lifted."""
        return self.filter(_NOT_LIFTED)

    def by_limits(self) -> "StopQuerySet":
        """Those that a limit made, not a person."""
        return self.exclude(code="")

    def of_account(self, account_id: int) -> "StopQuerySet":
        """Those that concern the account: its own, its links', its owner's, and everybody's."""
        return self.filter(concerns_accounts([account_id]))


def concerns_accounts(accounts: Any) -> Q:
    """A condition on stops: those that stop a link of these accounts.

    Args:
        accounts: Primary keys, or a query of them.
    """
    owners = Account.objects.filter(pk__in=accounts).order_by().values("owner")
    return (
        Q(account__in=accounts)
        | Q(strategy_account__account__in=accounts)
        | Q(owner__in=owners)
        | Q(everybody=True)
    )


class Stop(AppendOnlyModel):
    """A stop of entries. It is written once, and lifted once.

    Attributes:
        account: All of its links are stopped. Exactly one of these four says whom it stops.
        strategy_account: This link is stopped.
        owner: All accounts of this user are stopped.
        everybody: Every account is stopped.
        code: Which limit was reached; empty where a person stopped.
        figures: Of the code's sentence.
        reason: What the person gave; empty where a limit was reached.
        actor: NULL is the command line, or a limit.
        lifted_by: NULL is the command line, where ``lifted_at`` is there.
        lifted_figures: Of a limit's: where it stood when it was lifted, from which it counts again.
    """

    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="stops",
        verbose_name=_("account"),
    )
    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="stops",
        verbose_name=_("strategy link"),
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="stops",
        verbose_name=_("owner"),
    )
    everybody = models.BooleanField(_("everybody"), default=False)
    code = models.CharField(
        pgettext_lazy("kind of loss", "limit"), max_length=40, blank=True, default=""
    )
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True, default="")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("stopped by"),
    )
    at = models.DateTimeField(_("entries stopped at"), default=timezone.now)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("lifted by"),
    )
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True)
    lifted_reason = models.CharField(
        _("reason for lifting"), max_length=500, blank=True, default=""
    )
    lifted_figures = models.JSONField(_("figures when lifted"), default=dict, blank=True)

    objects = StopQuerySet.as_manager()  # type: ignore[misc]  # a wider one than the base's

    class Meta(AppendOnlyModel.Meta):
        abstract = False
        verbose_name = _("stop of entries")
        verbose_name_plural = _("stops of entries")
        default_permissions = ("view",)
        ordering = ["-pk"]
        triggers = [
            pgtrigger.Protect(name="stop_not_deleted", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="stop_append_only", exclude=list(_LIFTING)),
            pgtrigger.Protect(
                name="stop_lifted_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__lifted_at__isnull=False),
            ),
        ]
        indexes = [
            # Few of all: every order asks for them.
            models.Index(fields=["everybody"], condition=_NOT_LIFTED, name="stop_open"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    account__isnull=False,
                    strategy_account__isnull=True,
                    owner__isnull=True,
                    everybody=False,
                )
                | Q(
                    account__isnull=True,
                    strategy_account__isnull=False,
                    owner__isnull=True,
                    everybody=False,
                )
                | Q(
                    account__isnull=True,
                    strategy_account__isnull=True,
                    owner__isnull=False,
                    everybody=False,
                )
                | Q(
                    account__isnull=True,
                    strategy_account__isnull=True,
                    owner__isnull=True,
                    everybody=True,
                ),
                name="stop_of_one_scope",
                violation_error_message=_(
                    "A stop is of one strategy link, one account, one owner, or everybody."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(code="", reason=""),
                name="stop_says_why",
                violation_error_message=_("Give a reason."),
            ),
            models.CheckConstraint(
                condition=Q(code="")
                | Q(account__isnull=False, actor__isnull=True)
                | Q(strategy_account__isnull=False, actor__isnull=True),
                name="stop_by_limit_of_account_or_link",
                violation_error_message=_("A limit stops a strategy link or an account."),
            ),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True, lifted_reason="")
                | (Q(lifted_at__isnull=False) & ~Q(lifted_reason="")),
                name="stop_lifted_as_a_whole",
                violation_error_message=_("Give a reason for lifting the stop."),
            ),
            models.UniqueConstraint(
                fields=["account", "code"],
                condition=_NOT_LIFTED & Q(account__isnull=False),
                name="stop_open_once_an_account",
                violation_error_message=_("This is already stopped."),
            ),
            models.UniqueConstraint(
                fields=["strategy_account", "code"],
                condition=_NOT_LIFTED & Q(strategy_account__isnull=False),
                name="stop_open_once_a_link",
                violation_error_message=_("This is already stopped."),
            ),
            models.UniqueConstraint(
                fields=["owner"],
                condition=_NOT_LIFTED & Q(owner__isnull=False),
                name="stop_open_once_an_owner",
                violation_error_message=_("This is already stopped."),
            ),
            models.UniqueConstraint(
                fields=["everybody"],
                condition=_NOT_LIFTED & Q(everybody=True),
                name="stop_open_once_for_everybody",
                violation_error_message=_("This is already stopped."),
            ),
        ]

    def __str__(self) -> str:
        return self.scope_name or gettext("everybody")

    @property
    def scope(self) -> str:
        """Whom it stops: ``link``, ``account``, ``owner`` or ``everybody``."""
        if self.strategy_account_id is not None:
            return "link"
        if self.account_id is not None:
            return "account"
        return "everybody" if self.owner_id is None else "owner"

    @property
    def scope_name(self) -> str:
        """What that is called; empty for everybody."""
        row = self.strategy_account or self.account or self.owner
        return "" if row is None else str(row)

    @property
    def is_open(self) -> bool:
        """Whether nobody lifted it."""
        return self.lifted_at is None

    def lift(self, *, by_id: int | None, at: Any, reason: str, figures: dict[str, str]) -> bool:
        """Write who lifted it, when and why. Returns whether it was still open.

        Args:
            by_id: The user; None is the command line.
            at: When.
            reason: Not empty.
            figures: Where a limit stands now.
        """
        changes: dict[str, Any] = {
            "lifted_by_id": by_id,
            "lifted_at": at,
            "lifted_reason": reason,
            "lifted_figures": figures,
        }
        # A plain query set: the manager's refuses every change.
        still_open: models.QuerySet[Stop] = models.QuerySet(Stop).filter(_NOT_LIFTED, pk=self.pk)
        if not still_open.update(**changes):
            return False
        for name, value in changes.items():
            setattr(self, name, value)
        return True


pre_delete.connect(refuse_delete, sender=Stop)

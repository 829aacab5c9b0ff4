"""LimitState: how much of a limit was used when it was judged last."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from capital.models.accounts import Account
from capital.models.columns.answered import AnsweredRules
from capital.models.columns.exact_text import ExactTextField
from capital.models.links import StrategyAccount


class LimitKind(models.TextChoices):
    """Which of the three limits."""

    DRAWDOWN = "drawdown", _("drawdown limit")
    DAILY_LOSS = "daily_loss", _("daily loss limit")
    DAILY_LOSS_AMOUNT = "daily_loss_amount", _("daily loss limit (amount)")


class LimitState(AnsweredRules):
    """One limit of one link or account, as it was judged last. It goes with the limit.

    Attributes:
        used: The drawdown or the loss: in percent, or an amount. Below zero the day earned. NULL is
            not known, and ``code`` says why.
        limit: What it was judged against.
        code: Empty where it is well below; else a code whose sentence says that it is near, that it
            was reached, or why it was not judged.
        is_by_balance: Whether it was judged by balances, for want of books.
        warned_at: When it was logged that the limit is near; NULL: not since it was below.
        readings: Readings that would stop the account, until they are confirmed.
    """

    account = models.ForeignKey(
        Account,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="limit_states",
        verbose_name=_("account"),
    )
    strategy_account = models.ForeignKey(
        StrategyAccount,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="limit_states",
        verbose_name=_("strategy link"),
    )
    kind = models.CharField(
        pgettext_lazy("kind of loss", "limit"), max_length=20, choices=LimitKind
    )
    used = ExactTextField(_("used"), null=True, blank=True)
    limit = ExactTextField(pgettext_lazy("highest loss", "limit"))
    code = models.CharField(_("state"), max_length=40, blank=True, default="")
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    is_by_balance = models.BooleanField(_("by balances"), default=False)
    warned_at = models.DateTimeField(_("warned at"), null=True, blank=True)
    readings = models.JSONField(_("readings to confirm"), default=list, blank=True)
    judged_at = models.DateTimeField(_("judged at"))

    class Meta:
        verbose_name = _("state of a limit")
        verbose_name_plural = _("states of limits")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(account__isnull=False, strategy_account__isnull=True)
                | Q(account__isnull=True, strategy_account__isnull=False),
                name="limit_state_of_one_row",
                violation_error_message=_("A limit is of one strategy link or one account."),
            ),
            models.CheckConstraint(
                condition=Q(kind__in=LimitKind.values), name="limit_state_kind_known"
            ),
            models.UniqueConstraint(
                fields=["account", "kind"],
                condition=Q(account__isnull=False),
                name="limit_state_once_an_account",
            ),
            models.UniqueConstraint(
                fields=["strategy_account", "kind"],
                condition=Q(strategy_account__isnull=False),
                name="limit_state_once_a_link",
            ),
        ]

    def __str__(self) -> str:
        row = self.strategy_account or self.account
        return f"{row}: {self.get_kind_display()}"

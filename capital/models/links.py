"""StrategyAccount: the link, which strategy trades on which account."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.models.accounts import Account, basis_problem, market_problem
from capital.models.columns.exact import RatioField
from capital.models.columns.loaded import RemembersLoaded

_WHOSE = ("strategy_id", "account_id")


class StrategyAccountQuerySet(models.QuerySet["StrategyAccount"]):
    """Links; ``bulk_create`` refuses what ``save`` refuses."""

    def bulk_create(
        self, objs: Iterable["StrategyAccount"], *args: Any, **kwargs: Any
    ) -> list["StrategyAccount"]:
        """Insert. Links with strategy and account already loaded cost no further query.

        Raises:
            ValidationError: A futures strategy on a spot-only venue.
        """
        links = list(objs)
        models.prefetch_related_objects(links, "strategy", "account")
        for link in links:
            link._refuse_problem()
        created = super().bulk_create(links, *args, **kwargs)
        for link in created:
            link.remember()
        return created


class StrategyAccount(RemembersLoaded):
    """The link: this strategy trades on this account."""

    strategy = models.ForeignKey(
        "strategies.Strategy",
        on_delete=models.PROTECT,
        related_name="strategy_accounts",
        verbose_name=_("strategy"),
    )
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="strategy_accounts",
        verbose_name=_("account"),
    )
    weight = RatioField(
        _("weight"),
        default=Decimal(1),
        validators=[
            MinValueValidator(
                Decimal("0.00000001"), _("The weight must be above 0 and at most 100.")
            ),
            MaxValueValidator(Decimal(100)),
        ],
        help_text=_("Relative to the other active strategies in the same pool."),
    )
    leverage = RatioField(
        _("leverage"),
        default=Decimal(1),
        validators=[MinValueValidator(Decimal("0.1")), MaxValueValidator(Decimal(125))],
    )
    max_symbols = models.PositiveIntegerField(
        _("maximum symbols"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Leave empty for no limit."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = StrategyAccountQuerySet.as_manager()
    # What people and programs change: see ``strategies.edits``.
    edited_fields: ClassVar[tuple[str, ...]] = (
        "strategy",
        "account",
        "weight",
        "leverage",
        "max_symbols",
        "is_active",
    )
    hidden_fields: ClassVar[frozenset[str]] = frozenset()
    # Whose money the link's capital is, and whether it is used.
    remembered = (*_WHOSE, "is_active")

    class Meta:
        verbose_name = _("strategy link")
        verbose_name_plural = _("strategy links")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "account"],
                name="strategy_account_once",
                violation_error_message=_("This strategy is already linked to this account."),
            ),
            models.CheckConstraint(
                condition=Q(weight__gt=0, weight__lte=100),
                name="strategy_account_weight_in_range",
                violation_error_message=_("The weight must be above 0 and at most 100."),
            ),
            models.CheckConstraint(
                condition=Q(leverage__gte=Decimal("0.1"), leverage__lte=125),
                name="strategy_account_leverage_in_range",
                violation_error_message=_("The leverage must be between 0.1 and 125."),
            ),
            models.CheckConstraint(
                condition=Q(max_symbols__isnull=True) | Q(max_symbols__gte=1),
                name="strategy_account_max_symbols_positive",
                violation_error_message=_(
                    "The maximum number of symbols must be 1 or more, or empty."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy.key} @ {self.account.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse a market that the venue does not have, and moving capital with the link.

        Raises:
            ValidationError: A futures strategy on a spot-only venue, or another strategy or
                account on a link that has held capital.
        """
        self._refuse_problem()
        super().save(*args, **kwargs)

    def clean_fields(self, exclude: Any = None) -> None:
        """As in ``save``."""
        super().clean_fields(exclude=exclude)
        try:
            problem = self._problem()
        except ObjectDoesNotExist:
            # A strategy or an account is missing; the form says so.
            return
        if problem:
            # A form without the field has no place for its error.
            raise ValidationError(
                problem if "strategy" in (exclude or ()) else {"strategy": problem}
            )

    def _refuse_problem(self) -> None:
        if problem := self._problem():
            raise ValidationError({"strategy": problem})

    def _problem(self) -> Any:
        is_new = self._state.adding
        moved = any(
            getattr(self, name) != self.loaded[name] for name in _WHOSE if name in self.loaded
        )
        if moved and (hasattr(self, "capital") or self.allocation_entries.exists()):
            return _(
                "This strategy link has held capital. Deactivate it and create a new one, so that "
                "its capital and history stay where they belong."
            )
        # A link that is not new and not moved may be switched off whatever its market became.
        if moved or is_new:
            problem = market_problem(self.account.venue, self.strategy.market_type)
            if problem is not None:
                return problem
        was_active = self.loaded.get("is_active", True) and not (moved or is_new)
        if was_active or not self.is_active:
            return None
        account = self.account
        return basis_problem(
            account.venue,
            account.balance_basis,
            account.wallet_mode,
            account.currency,
            self.strategy.market_type,
        )

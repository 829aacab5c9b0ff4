"""StrategyAccount: the link, which strategy trades on which account."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from capital.domain.allocation.bounds import USUAL_PRIORITY, Compounding
from capital.models.accounts import (
    Account,
    Tagged,
    basis_problem,
    market_problem,
    spot_problem,
    symbols_problem,
    tag_problem,
)
from capital.models.bounds import BOUND_CONSTRAINTS, BOUND_FIELDS
from capital.models.columns.exact import AmountField, RatioField
from capital.models.columns.limited import LIMITS, Limited, limit_constraints
from capital.models.columns.loaded import RemembersLoaded
from capital.models.columns.symbols import SymbolsField

_WHOSE = ("strategy_id", "account_id")


class StrategyAccountQuerySet(models.QuerySet["StrategyAccount"]):
    """Links; ``bulk_create`` refuses what ``save`` refuses."""

    def bulk_create(
        self, objs: Iterable["StrategyAccount"], *args: Any, **kwargs: Any
    ) -> list["StrategyAccount"]:
        """Insert. Links with strategy and account loaded cost one further query, for order tags.

        Raises:
            ValidationError: A futures strategy on a spot-only venue, or an order tag that begins
                another one on the same account.
        """
        links = list(objs)
        models.prefetch_related_objects(links, "strategy", "account")
        tagged = tags_by_account(link.account_id for link in links)
        for link in links:
            link._refuse_problem(tagged[link.account_id])
            tagged[link.account_id].append(Tagged(link.strategy.key, link.strategy.order_tag))
        created = super().bulk_create(links, *args, **kwargs)
        for link in created:
            link.remember()
        return created


def tags_by_account(
    account_ids: Iterable[int], *, without: int | None = None
) -> dict[int, list[Tagged]]:
    """The strategies of these accounts as their orders name them, in one query.

    Args:
        account_ids: Primary keys.
        without: A strategy that is left out, by primary key.
    """
    found: dict[int, list[Tagged]] = {account_id: [] for account_id in account_ids}
    links = StrategyAccount.objects.filter(account__in=found).exclude(strategy=without)
    rows = links.order_by("pk").values_list("account_id", "strategy__key", "strategy__order_tag")
    for account_id, key, order_tag in rows:
        found[account_id].append(Tagged(key, order_tag))
    return found


class StrategyAccount(Limited, RemembersLoaded):
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
        help_text=_(
            "Relative to the other active strategies in the same pool. Under the policy own "
            "profit, weights divide only what comes from outside: deposits, withdrawals, and "
            "changes of the reserve."
        ),
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
    symbols = SymbolsField(
        _("own symbols"),
        help_text=_(
            "Symbols in ccxt's notation, such as BTC/USDT:USDT, with commas between them. Fills of "
            "a symbol that no other strategy declares on the account are this strategy's, where "
            "neither its bot nor an order tag says so. Leave empty for none."
        ),
    )
    fixed_amount = AmountField(
        _("fixed amount"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_(
            "It gets this before the others share the rest, and no more. Leave empty to let it "
            "share by the account's policy."
        ),
    )
    priority = models.PositiveSmallIntegerField(
        _("priority"),
        default=USUAL_PRIORITY,
        # What PostgreSQL can hold, on every database.
        validators=[MaxValueValidator(32_767)],
        help_text=_("Fixed and minimum amounts with a lower number are served first."),
    )
    min_amount = AmountField(
        _("minimum amount"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("It gets at least this while there is enough. Leave empty for no minimum."),
    )
    max_amount = AmountField(
        _("maximum amount"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("What it would get beyond this goes to the others. Leave empty for no limit."),
    )
    max_percent = RatioField(
        _("maximum share of the pool (%)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
        help_text=_("The same, as a percentage of the pool without its reserve."),
    )
    drawdown_scaling = models.BooleanField(
        _("scale by drawdown"),
        default=False,
        help_text=_(
            "Its share shrinks with its drawdown, to nothing at its maximum drawdown. What is "
            "taken away stays unallocated."
        ),
    )
    compounding = models.CharField(
        _("compounding"),
        max_length=4,
        default=Compounding.FULL.value,
        choices=[
            (Compounding.FULL.value, _("full: it trades with all it earned")),
            (Compounding.HALF.value, _("half: it trades with half of what it earned")),
            (Compounding.NONE.value, _("none: it trades with its base capital")),
        ],
        help_text=_("What it does not trade with stays unallocated."),
    )
    base_capital = AmountField(
        _("base capital"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("The capital above which compounding counts. Required unless it is full."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    # When its bot last said all that it holds: of nothing, no position says so.
    positions_told_at = models.DateTimeField(
        _("positions told at"), null=True, blank=True, editable=False
    )
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
        "symbols",
        *BOUND_FIELDS,
        "is_active",
        *LIMITS,
    )
    hidden_fields: ClassVar[frozenset[str]] = frozenset()
    # Whether its next save asks for no reallocation, because the money is to be seen first.
    allocates_later = False
    # Whose money the link's capital is, whether it is used, and what it declares as its own.
    remembered = (*_WHOSE, "is_active", "symbols")

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
            *limit_constraints("strategy_account"),
            *BOUND_CONSTRAINTS,
        ]

    def __str__(self) -> str:
        return f"{self.strategy.name} @ {self.account.name}"

    @property
    def recorded_name(self) -> str:
        """What the record of changes calls it: by the key, which stays as it is."""
        return f"{self.strategy.key} @ {self.account.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse a market that the venue does not have, and moving capital with the link.

        Raises:
            ValidationError: A futures strategy on a spot-only venue, an order tag that begins
                another one on the account, a symbol that is not of its market, or another strategy
                or account on a link that has held capital.
        """
        self._refuse_problem()
        super().save(*args, **kwargs)

    def clean_fields(self, exclude: Any = None) -> None:
        """As in ``save``."""
        super().clean_fields(exclude=exclude)
        try:
            problem, of_symbols = self._problem(), self._symbols_problem()
        except ObjectDoesNotExist:
            # A strategy or an account is missing; the form says so.
            return
        if problem:
            # A form without the field has no place for its error.
            raise ValidationError(
                problem if "strategy" in (exclude or ()) else {"strategy": problem}
            )
        if of_symbols:
            raise ValidationError(
                of_symbols if "symbols" in (exclude or ()) else {"symbols": of_symbols}
            )

    def _refuse_problem(self, others: Iterable[Tagged] | None = None) -> None:
        if problem := self._problem(others):
            raise ValidationError({"strategy": problem})
        if problem := self._symbols_problem():
            raise ValidationError({"symbols": problem})

    def _symbols_problem(self) -> Any:
        """Of symbols that are new; the link keeps those that it has, whatever became of them."""
        symbols = self.__dict__.get("symbols")
        if not symbols or (not self._state.adding and symbols == self.loaded.get("symbols")):
            return None
        return symbols_problem(self.account.venue, self.strategy.market_type, symbols)

    def _problem(self, others: Iterable[Tagged] | None = None) -> Any:
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
            if others is None:
                (others,) = tags_by_account([self.account_id], without=self.strategy_id).values()
            strategy = Tagged(self.strategy.key, self.strategy.order_tag)
            problem = tag_problem(self.account.venue, strategy, others)
            if problem is not None:
                return problem
        was_active = self.loaded.get("is_active", True) and not (moved or is_new)
        if was_active or not self.is_active:
            return None
        account = self.account
        problem = basis_problem(
            account.venue,
            account.balance_basis,
            account.wallet_mode,
            account.currency,
            self.strategy.market_type,
        )
        if problem is not None:
            return problem
        spot = spot_problem(account, self.strategy.market_type)
        return None if spot is None else spot.message

"""Capital: what each link may use now, by account, strategy and pool. Read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy

from capital.admin.frame.base import RecordAdmin
from capital.admin.frame.cells import figure, link_to, rounded, since, why
from capital.admin.frame.filters import CurrencyFilter, OneOfFilter, VisibleFilter
from capital.admin.frame.formats import money, ratio
from capital.admin.frame.lists import Known, Money
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.models import StrategyCapital
from capital.services.labels import POOL_NAMES
from strategies.markets import MarketType


def _amount(name: str) -> Money:
    return Money(name, currency="strategy_account__account__currency")


class PoolFilter(OneOfFilter):
    """By pool: the account's wallet mode and the strategy's market make it."""

    title = gettext_lazy("pool")
    parameter_name = "pool"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(POOL_NAMES.items())

    def chosen(self, queryset: QuerySet[StrategyCapital], asked: str) -> QuerySet[StrategyCapital]:
        """The capital that comes out of it."""
        unified = Q(strategy_account__account__wallet_mode=WalletMode.UNIFIED.value)
        if asked == Pool.UNIFIED.value:
            return queryset.filter(unified)
        return queryset.filter(~unified, strategy_account__strategy__market_type=asked)


class CapitalCurrencyFilter(CurrencyFilter):
    """By the currency in which it is counted."""

    account_path = "strategy_account__account__"


@admin.register(StrategyCapital)
class CapitalAdmin(RecordAdmin):
    """Written by allocations only."""

    nothing_yet = gettext_lazy(
        "No strategy has capital yet. It gets some with the first allocation of an account on "
        "which it trades."
    )
    list_display = [
        "shown_strategy",
        "shown_account",
        "shown_pool",
        "shown_weight",
        "shown_capital",
        "shown_pnl",
        "shown_allocated",
    ]
    list_filter = [
        ("strategy_account__account", VisibleFilter),
        ("strategy_account__strategy", VisibleFilter),
        PoolFilter,
        CapitalCurrencyFilter,
    ]
    list_filter_submit = True
    search_fields = [
        "strategy_account__strategy__name",
        "strategy_account__strategy__key",
        "strategy_account__account__name",
    ]
    ordering = ["strategy_account__account__name", "pk"]
    fields = [
        ("shown_strategy", "shown_account", "shown_pool"),
        ("shown_weight", "shown_capital", "shown_pnl", "allocated_at"),
    ]
    readonly_fields = [
        "shown_strategy",
        "shown_account",
        "shown_pool",
        "shown_weight",
        "shown_capital",
        "shown_pnl",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StrategyCapital]:
        """With the link, its strategy and its account."""
        rows: QuerySet[StrategyCapital] = super().get_queryset(request)
        return rows.select_related("strategy_account__strategy", "strategy_account__account")

    @admin.display(
        description=gettext_lazy("strategy"), ordering="strategy_account__strategy__name"
    )
    def shown_strategy(self, capital: StrategyCapital) -> str:
        return capital.strategy_account.strategy.name

    @admin.display(description=gettext_lazy("account"), ordering="strategy_account__account__name")
    def shown_account(self, capital: StrategyCapital) -> Any:
        account = capital.strategy_account.account
        return link_to(account, account.name)

    @admin.display(description=gettext_lazy("pool"))
    def shown_pool(self, capital: StrategyCapital) -> Any:
        link = capital.strategy_account
        market, mode = MarketType(link.strategy.market_type), WalletMode(link.account.wallet_mode)
        return POOL_NAMES[pool_of(market, mode).value]

    @admin.display(description=gettext_lazy("weight"), ordering="strategy_account__weight")
    def shown_weight(self, capital: StrategyCapital) -> Any:
        return figure(ratio(capital.strategy_account.weight))

    @admin.display(description=gettext_lazy("capital"), ordering=_amount("allocated_capital"))
    def shown_capital(self, capital: StrategyCapital) -> Any:
        amount = money(capital.allocated_capital, _currency(capital))
        return figure(why(amount, link=capital.strategy_account_id))

    @admin.display(description=gettext_lazy("current PnL"), ordering=_amount("current_pnl"))
    def shown_pnl(self, capital: StrategyCapital) -> Any:
        return rounded(capital.current_pnl, _currency(capital), is_gain=True)

    @admin.display(description=gettext_lazy("allocated at"), ordering=Known("allocated_at"))
    def shown_allocated(self, capital: StrategyCapital) -> Any:
        """When it was last decided."""
        return since(capital.allocated_at, now=timezone.now())


def _currency(capital: StrategyCapital) -> str:
    return capital.strategy_account.account.currency

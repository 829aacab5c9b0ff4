"""The filters that each list takes."""

import django_filters as filters
from django.db.models import QuerySet

from capital.api.frame.filters import IdFilter, SwitchFilter
from capital.domain.allocation.decision import Outcome
from capital.domain.pools import WalletMode
from capital.domain.sizing.instruments import InstrumentKind
from capital.models import (
    Account,
    AllocationRun,
    DailyAccountSummary,
    Market,
    Position,
    StrategyAccount,
    StrategyCapital,
    Trigger,
)
from strategies.markets import MarketType
from strategies.models import Strategy, StrategyStatus

_MARKETS = [(market.value, market.value) for market in MarketType]


class AccountFilter(filters.FilterSet):
    """Filters of the list of accounts."""

    name = filters.CharFilter()
    venue = filters.CharFilter()
    currency = filters.CharFilter()
    wallet_mode = filters.ChoiceFilter(choices=[(mode.value, mode.value) for mode in WalletMode])
    is_active = SwitchFilter()
    is_sandbox = SwitchFilter()

    class Meta:
        model = Account
        fields: list[str] = []


class StrategyFilter(filters.FilterSet):
    """Filters of the list of strategies."""

    key = filters.CharFilter()
    market_type = filters.ChoiceFilter(choices=_MARKETS)
    status = filters.ChoiceFilter(choices=StrategyStatus.choices)

    class Meta:
        model = Strategy
        fields: list[str] = []


class LinkFilter(filters.FilterSet):
    """Filters of the list of links."""

    account = IdFilter(field_name="account_id")
    strategy = filters.CharFilter(field_name="strategy__key")
    market_type = filters.ChoiceFilter(field_name="strategy__market_type", choices=_MARKETS)
    is_active = SwitchFilter()

    class Meta:
        model = StrategyAccount
        fields: list[str] = []


class CapitalFilter(filters.FilterSet):
    """Filters of the list of capital."""

    strategy_account = IdFilter(field_name="strategy_account_id")
    account = IdFilter(field_name="strategy_account__account_id")
    strategy = filters.CharFilter(field_name="strategy_account__strategy__key")

    class Meta:
        model = StrategyCapital
        fields: list[str] = []


class SummaryFilter(filters.FilterSet):
    """Filters of the list of daily summaries."""

    account = IdFilter(field_name="account_id")
    date = filters.DateFilter()
    date_from = filters.DateFilter(field_name="date", lookup_expr="gte")
    date_to = filters.DateFilter(field_name="date", lookup_expr="lte")

    class Meta:
        model = DailyAccountSummary
        fields: list[str] = []


class RunFilter(filters.FilterSet):
    """Filters of the list of allocation runs."""

    account = IdFilter(field_name="account_id")
    run_key = filters.CharFilter()
    trigger = filters.ChoiceFilter(choices=Trigger.choices)
    outcome = filters.ChoiceFilter(choices=[(each.value, each.value) for each in Outcome])
    code = filters.CharFilter()
    is_forced = SwitchFilter()
    created_from = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AllocationRun
        fields: list[str] = []


class MarketFilter(filters.FilterSet):
    """Filters of the list of markets."""

    venue = filters.CharFilter()
    symbol = filters.CharFilter()
    kind = filters.ChoiceFilter(choices=[(kind.value, kind.value) for kind in InstrumentKind])
    base = filters.CharFilter()
    settle = filters.CharFilter()
    is_active = SwitchFilter()

    class Meta:
        model = Market
        fields: list[str] = []


class PositionFilter(filters.FilterSet):
    """Filters of the list of positions."""

    strategy_account = IdFilter(field_name="strategy_account_id")
    account = IdFilter(field_name="strategy_account__account_id")
    strategy = filters.CharFilter(field_name="strategy_account__strategy__key")
    symbol = filters.CharFilter()
    is_open = SwitchFilter(method="filter_open")

    def filter_open(self, rows: QuerySet[Position], _name: str, value: bool) -> QuerySet[Position]:  # noqa: FBT001
        """A position that was closed stays as a row with quantity 0."""
        return rows.exclude(quantity=0) if value else rows.filter(quantity=0)

    class Meta:
        model = Position
        fields: list[str] = []

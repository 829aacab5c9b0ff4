"""The filters of each list."""

from datetime import date, datetime, time, timedelta

import django_filters as filters
from django.db.models import QuerySet
from django.utils import timezone

from capital.api.frame.filters import IdFilter, MomentFilter, SwitchFilter
from capital.domain.allocation.decision import Outcome
from capital.domain.limits.reservations import ReservationState
from capital.domain.performance.flows import FlowKind
from capital.domain.performance.measures.periods import within_calendar
from capital.domain.pools import WalletMode
from capital.domain.sizing.instruments import InstrumentKind
from capital.models import (
    Account,
    AccountAccess,
    AllocationRun,
    DailyAccountSummary,
    Fill,
    Flow,
    LinkDay,
    Market,
    Position,
    Reservation,
    StrategyAccount,
    StrategyCapital,
    Trigger,
)
from capital.services.limits import in_state
from capital.services.overview import attributed_fills, unattributed_fills
from capital.services.trading import present_fills
from strategies.markets import MarketType
from strategies.models import Strategy, StrategyStatus

_MARKETS = [(market.value, market.value) for market in MarketType]
_OF_ACCOUNT = "Only those of this account, by id."
_OF_STRATEGY = "Only those of this strategy, by key."
_OF_LINK = "Only those of this strategy on an account, by id."


class _DayFilter(filters.FilterSet):
    """Filters of every list of days."""

    date = filters.DateFilter(help_text="Only this day.")
    date_from = filters.DateFilter(
        field_name="date", lookup_expr="gte", help_text="From this day on."
    )
    date_to = filters.DateFilter(
        field_name="date", lookup_expr="lte", help_text="Up to and including this day."
    )


class AccountFilter(filters.FilterSet):
    """Filters of the list of accounts."""

    name = filters.CharFilter(help_text="Only the account with this name.")
    venue = filters.CharFilter(help_text="Only accounts on this exchange, by its ccxt id.")
    currency = filters.CharFilter(help_text="Only accounts in this currency.")
    wallet_mode = filters.ChoiceFilter(
        choices=[(mode.value, mode.value) for mode in WalletMode],
        help_text="Only accounts with this wallet mode.",
    )
    is_active = SwitchFilter(help_text="Only active, or only inactive accounts.")
    is_sandbox = SwitchFilter(help_text="Only sandbox accounts, or only real ones.")

    class Meta:
        model = Account
        fields: list[str] = []


class AccessFilter(filters.FilterSet):
    """Filters of the list of accesses."""

    account = IdFilter(field_name="account_id", help_text=_OF_ACCOUNT)
    user = filters.CharFilter(
        field_name="user__username", help_text="Only those of this user, by name."
    )

    class Meta:
        model = AccountAccess
        fields: list[str] = []


class StrategyFilter(filters.FilterSet):
    """Filters of the list of strategies."""

    key = filters.CharFilter(help_text="Only the strategy with this key.")
    market_type = filters.ChoiceFilter(
        choices=_MARKETS, help_text="Only strategies that trade this market."
    )
    status = filters.ChoiceFilter(
        choices=StrategyStatus.choices, help_text="Only strategies with this status."
    )

    class Meta:
        model = Strategy
        fields: list[str] = []


class ReservationFilter(filters.FilterSet):
    """Filters of the list of reservations."""

    account = IdFilter(field_name="strategy_account__account_id", help_text=_OF_ACCOUNT)
    strategy = filters.CharFilter(
        field_name="strategy_account__strategy__key", help_text=_OF_STRATEGY
    )
    strategy_account = IdFilter(field_name="strategy_account_id", help_text=_OF_LINK)
    symbol = filters.CharFilter(help_text="Only those in this symbol.")
    state = filters.ChoiceFilter(
        choices=[(state.value, state.value) for state in ReservationState],
        method="filter_state",
        help_text="Only those in this state.",
    )
    order_id = filters.CharFilter(help_text="Only that of this order, by the exchange's id.")
    client_order_id = filters.CharFilter(help_text="Only that of this order, by your id.")

    class Meta:
        model = Reservation
        fields: list[str] = []

    def filter_state(
        self, rows: QuerySet[Reservation], _name: str, state: str
    ) -> QuerySet[Reservation]:
        """An open one may have expired since it was written."""
        return in_state(rows, ReservationState(state), now=timezone.now())


class LinkFilter(filters.FilterSet):
    """Filters of the list of links."""

    account = IdFilter(field_name="account_id", help_text=_OF_ACCOUNT)
    strategy = filters.CharFilter(field_name="strategy__key", help_text=_OF_STRATEGY)
    market_type = filters.ChoiceFilter(
        field_name="strategy__market_type",
        choices=_MARKETS,
        help_text="Only those of strategies that trade this market.",
    )
    is_active = SwitchFilter(help_text="Only active, or only inactive ones.")

    class Meta:
        model = StrategyAccount
        fields: list[str] = []


class CapitalFilter(filters.FilterSet):
    """Filters of the list of capital."""

    strategy_account = IdFilter(field_name="strategy_account_id", help_text=_OF_LINK)
    account = IdFilter(field_name="strategy_account__account_id", help_text=_OF_ACCOUNT)
    strategy = filters.CharFilter(
        field_name="strategy_account__strategy__key", help_text=_OF_STRATEGY
    )

    class Meta:
        model = StrategyCapital
        fields: list[str] = []


class SummaryFilter(_DayFilter):
    """Filters of the list of daily summaries."""

    account = IdFilter(field_name="account_id", help_text=_OF_ACCOUNT)

    class Meta:
        model = DailyAccountSummary
        fields: list[str] = []


class RunFilter(filters.FilterSet):
    """Filters of the list of allocation runs."""

    account = IdFilter(field_name="account_id", help_text=_OF_ACCOUNT)
    run_key = filters.CharFilter(help_text="Only runs with this run key.")
    trigger = filters.ChoiceFilter(choices=Trigger.choices, help_text="Only runs started this way.")
    outcome = filters.ChoiceFilter(
        choices=[(each.value, each.value) for each in Outcome],
        help_text="Only runs with this outcome.",
    )
    code = filters.CharFilter(help_text="Only runs with this reason code.")
    is_forced = SwitchFilter(help_text="Only forced runs, or only the others.")
    created_from = MomentFilter(
        field_name="created_at", lookup_expr="gte", help_text="From this time on."
    )
    created_to = MomentFilter(
        field_name="created_at", lookup_expr="lt", help_text="Before this time."
    )

    class Meta:
        model = AllocationRun
        fields: list[str] = []


class MarketFilter(filters.FilterSet):
    """Filters of the list of markets."""

    venue = filters.CharFilter(help_text="Only this exchange, by its ccxt id.")
    symbol = filters.CharFilter(help_text="Only this symbol, in ccxt's notation.")
    kind = filters.ChoiceFilter(
        choices=[(kind.value, kind.value) for kind in InstrumentKind],
        help_text="Only instruments of this kind.",
    )
    base = filters.CharFilter(help_text="Only this base currency.")
    settle = filters.CharFilter(help_text="Only this settle currency.")
    is_active = SwitchFilter(help_text="Only traded, or only delisted instruments.")

    class Meta:
        model = Market
        fields: list[str] = []


class FillFilter(filters.FilterSet):
    """Filters of the list of fills."""

    account = IdFilter(field_name="account_id", help_text=_OF_ACCOUNT)
    strategy_account = IdFilter(
        method="filter_link",
        help_text=f"{_OF_LINK} By whose they are now, also where that was known later.",
    )
    strategy = filters.CharFilter(
        method="filter_strategy",
        help_text=f"{_OF_STRATEGY} By whose they are now, also where that was known later.",
    )
    unattributed = SwitchFilter(
        method="filter_unattributed",
        help_text="Only those of which nobody knows whose they are, or only the others.",
    )
    date_from = filters.DateFilter(
        method="filter_from", help_text="From this day on, in the project's time zone."
    )
    date_to = filters.DateFilter(
        method="filter_to", help_text="Up to and including this day, in the project's time zone."
    )
    symbol = filters.CharFilter(help_text="Only this symbol, in ccxt's notation.")
    currency = filters.CharFilter(
        field_name="settle", help_text="Only those that are paid in this currency."
    )
    order_id = filters.CharFilter(help_text="Only those of this order, by the exchange's id.")
    executed_from = MomentFilter(
        field_name="executed_at", lookup_expr="gte", help_text="Executed from this time on."
    )
    executed_to = MomentFilter(
        field_name="executed_at", lookup_expr="lt", help_text="Executed before this time."
    )

    def filter_link(self, rows: QuerySet[Fill], _name: str, value: int) -> QuerySet[Fill]:
        """By the newest attribution."""
        return present_fills(rows, strategy_account=value)

    def filter_strategy(self, rows: QuerySet[Fill], _name: str, value: str) -> QuerySet[Fill]:
        """By the newest attribution."""
        return present_fills(rows, strategy_account__strategy__key=value)

    def filter_unattributed(self, rows: QuerySet[Fill], _name: str, value: bool) -> QuerySet[Fill]:  # noqa: FBT001
        """As the dashboard counts them: what a person gave to nobody is known."""
        return unattributed_fills(rows) if value else attributed_fills(rows)

    def filter_from(self, rows: QuerySet[Fill], _name: str, value: date) -> QuerySet[Fill]:
        """From midnight on."""
        return rows.filter(executed_at__gte=_midnight(within_calendar(value)))

    def filter_to(self, rows: QuerySet[Fill], _name: str, value: date) -> QuerySet[Fill]:
        """Until the midnight after it."""
        return rows.filter(executed_at__lt=_midnight(within_calendar(value) + timedelta(days=1)))

    class Meta:
        model = Fill
        fields: list[str] = []


class FlowFilter(filters.FilterSet):
    """Filters of the list of flows."""

    account = IdFilter(field_name="account_id", help_text=_OF_ACCOUNT)
    strategy_account = IdFilter(field_name="strategy_account_id", help_text=_OF_LINK)
    strategy = filters.CharFilter(
        field_name="strategy_account__strategy__key", help_text=_OF_STRATEGY
    )
    symbol = filters.CharFilter(help_text="Only this symbol, in ccxt's notation.")
    kind = filters.ChoiceFilter(
        choices=[(kind.value, kind.value) for kind in FlowKind], help_text="Only this kind."
    )
    currency = filters.CharFilter(help_text="Only this currency.")
    occurred_from = MomentFilter(
        field_name="occurred_at", lookup_expr="gte", help_text="From this time on."
    )
    occurred_to = MomentFilter(
        field_name="occurred_at", lookup_expr="lt", help_text="Before this time."
    )

    class Meta:
        model = Flow
        fields: list[str] = []


class LinkDayFilter(_DayFilter):
    """Filters of the list of days of PnL."""

    strategy_account = IdFilter(field_name="strategy_account_id", help_text=_OF_LINK)
    account = IdFilter(field_name="strategy_account__account_id", help_text=_OF_ACCOUNT)
    strategy = filters.CharFilter(
        field_name="strategy_account__strategy__key", help_text=_OF_STRATEGY
    )
    currency = filters.CharFilter(help_text="Only this currency.")

    class Meta:
        model = LinkDay
        fields: list[str] = []


class PositionFilter(filters.FilterSet):
    """Filters of the list of positions."""

    strategy_account = IdFilter(field_name="strategy_account_id", help_text=_OF_LINK)
    account = IdFilter(field_name="strategy_account__account_id", help_text=_OF_ACCOUNT)
    strategy = filters.CharFilter(
        field_name="strategy_account__strategy__key", help_text=_OF_STRATEGY
    )
    symbol = filters.CharFilter(help_text="Only this symbol, in ccxt's notation.")
    is_open = SwitchFilter(method="filter_open", help_text="Only open, or only closed positions.")

    def filter_open(self, rows: QuerySet[Position], _name: str, value: bool) -> QuerySet[Position]:  # noqa: FBT001
        """Filter by quantity: a closed position stays as a row with quantity 0."""
        return rows.exclude(quantity=0) if value else rows.filter(quantity=0)

    class Meta:
        model = Position
        fields: list[str] = []


def _midnight(day: date) -> datetime:
    """When this day begins in the project's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))

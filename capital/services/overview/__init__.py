"""What people look at: the dashboard, balances, histories and totals."""

from capital.services.overview.accounts import (
    AccountOverview,
    Freshness,
    freshness_of,
    overview_accounts,
    pool_shares,
)
from capital.services.overview.capital import find_link_capital, first_link_capital
from capital.services.overview.concerns import Concern, with_unread_trades
from capital.services.overview.currencies import CurrencyOverview, Slice
from capital.services.overview.dashboard import Dashboard, FirstSteps, read_dashboard
from capital.services.overview.earnings import (
    EarnedToday,
    Earnings,
    UnexplainedPool,
    mismatched,
    shown_unexplained,
)
from capital.services.overview.equity import add
from capital.services.overview.marks import MEANINGS, Change, Event
from capital.services.overview.metrics import DELIVERIES_WITHIN, Metrics, read_metrics
from capital.services.overview.needs import MONEY_IDLE, Need, needs_of
from capital.services.overview.rates import check_rate, store_rate
from capital.services.overview.runs import Moves, moves_of
from capital.services.overview.strategies import (
    Holding,
    Idling,
    Running,
    StrategyOverview,
    capital_when_idle,
    count_accounts,
    overview_strategies,
    positions_when_archived,
    positions_when_off,
    running_links,
)
from capital.services.overview.timeline.account import (
    AccountHistory,
    read_account_history,
)
from capital.services.overview.timeline.course import Course, Timeline, read_timeline
from capital.services.overview.timeline.moment import (
    CapitalAt,
    Record,
    capital_by_run,
    checked_again,
    exact_share,
    read_capital_at,
    steps_of,
)
from capital.services.overview.timeline.strategy import (
    StrategyLink,
    read_strategy_links,
    read_strategy_runs,
)
from capital.services.overview.trading import TradingHistory, read_trading
from capital.services.trading.whose import attributed_fills, unattributed_fills

__all__ = [
    "DELIVERIES_WITHIN",
    "MEANINGS",
    "MONEY_IDLE",
    "AccountHistory",
    "AccountOverview",
    "CapitalAt",
    "Change",
    "Concern",
    "Course",
    "CurrencyOverview",
    "Dashboard",
    "EarnedToday",
    "Earnings",
    "Event",
    "FirstSteps",
    "Freshness",
    "Holding",
    "Idling",
    "Metrics",
    "Moves",
    "Need",
    "Record",
    "Running",
    "Slice",
    "StrategyLink",
    "StrategyOverview",
    "Timeline",
    "TradingHistory",
    "UnexplainedPool",
    "add",
    "attributed_fills",
    "capital_by_run",
    "capital_when_idle",
    "check_rate",
    "checked_again",
    "count_accounts",
    "exact_share",
    "find_link_capital",
    "first_link_capital",
    "freshness_of",
    "mismatched",
    "moves_of",
    "needs_of",
    "overview_accounts",
    "overview_strategies",
    "pool_shares",
    "positions_when_archived",
    "positions_when_off",
    "read_account_history",
    "read_capital_at",
    "read_dashboard",
    "read_metrics",
    "read_strategy_links",
    "read_strategy_runs",
    "read_timeline",
    "read_trading",
    "running_links",
    "shown_unexplained",
    "steps_of",
    "store_rate",
    "unattributed_fills",
    "with_unread_trades",
]

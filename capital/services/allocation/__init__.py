"""Capital: requested, decided, previewed, applied, reverted and reported."""

from capital.services.allocation.allocate import (
    AllocationPreview,
    allocate_capital,
    auto_allocate_capital_for_account,
    preview_allocation,
    reallocate_where_due,
)
from capital.services.allocation.applying import apply_plan
from capital.services.allocation.asking.due import due_accounts
from capital.services.allocation.asking.once import (
    AccountAsked,
    find_request,
    make_plan_once,
    who_answered,
)
from capital.services.allocation.causes.told import StrategyNames, causes_of, told_causes
from capital.services.allocation.events import (
    previewed_next,
    request_market_rules,
    request_reallocation,
    request_reallocation_of_strategy,
)
from capital.services.allocation.gate import GateStatus, check_gate
from capital.services.allocation.plans import (
    MOST_NAMED,
    expires_at,
    get_plan,
    jumps_of_plan,
    make_plan,
    report_plan,
    runs_of_plan,
)
from capital.services.allocation.policies.told import tell_steps, told_steps
from capital.services.allocation.report import (
    EntryReport,
    PoolReport,
    RunReport,
    report_decision,
    report_not_due,
)
from capital.services.allocation.reverts import preview_revert, revert_run
from capital.services.allocation.runs import report_runs
from capital.services.allocation.verdicts import GateAnswer
from capital.services.allocation.weights.beginning import NewLink, NewWeight, begin_strategies
from capital.services.allocation.weights.edit import set_weights
from capital.services.allocation.weights.editing import (
    Foreseen,
    Weighed,
    foresee_saved_weights,
    save_weights,
    weigh_links,
)
from capital.services.allocation.weights.told import WeightChange, WeightsReport
from capital.services.allocation.whatif.comparing import Comparison, replay_policy
from capital.services.allocation.whatif.figures import (
    COURSE_FIGURES,
    Figure,
    comparison_as_json,
    in_quanta_of,
    last_capital,
)

__all__ = [
    "COURSE_FIGURES",
    "MOST_NAMED",
    "AccountAsked",
    "AllocationPreview",
    "Comparison",
    "EntryReport",
    "Figure",
    "Foreseen",
    "GateAnswer",
    "GateStatus",
    "NewLink",
    "NewWeight",
    "PoolReport",
    "RunReport",
    "StrategyNames",
    "Weighed",
    "WeightChange",
    "WeightsReport",
    "allocate_capital",
    "apply_plan",
    "auto_allocate_capital_for_account",
    "begin_strategies",
    "causes_of",
    "check_gate",
    "comparison_as_json",
    "due_accounts",
    "expires_at",
    "find_request",
    "foresee_saved_weights",
    "get_plan",
    "in_quanta_of",
    "jumps_of_plan",
    "last_capital",
    "make_plan",
    "make_plan_once",
    "preview_allocation",
    "preview_revert",
    "previewed_next",
    "reallocate_where_due",
    "replay_policy",
    "report_decision",
    "report_not_due",
    "report_plan",
    "report_runs",
    "request_market_rules",
    "request_reallocation",
    "request_reallocation_of_strategy",
    "revert_run",
    "runs_of_plan",
    "save_weights",
    "set_weights",
    "tell_steps",
    "told_causes",
    "told_steps",
    "weigh_links",
    "who_answered",
]

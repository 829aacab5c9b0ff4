"""What stored words and codes are called, in the reader's language.

A code's label stands where there is no room for its sentence: in a count, in brackets.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_noop as _

from capital.domain.allocation.decision import Outcome
from capital.domain.allocation.rules import PolicyName
from capital.domain.limits.judging import NotJudged
from capital.domain.reasons import Code
from capital.domain.sizing.orders import Side
from capital.models import AccessRole, AllocationPool, AllocationRun

# Names by stored word. Whoever reads an old answer may look up anything.
POOL_NAMES: Mapping[Any, object] = dict(AllocationPool._meta.get_field("pool").flatchoices)
SOURCE_NAMES: Mapping[Any, object] = dict(AllocationPool._meta.get_field("source").flatchoices)
OUTCOME_NAMES: Mapping[Any, object] = dict(AllocationRun._meta.get_field("outcome").flatchoices)
SIDE_NAMES: Mapping[Any, object] = {
    Side.BUY.value: gettext_lazy("buy"),
    Side.SELL.value: gettext_lazy("sell"),
}

POLICY_NAMES: Mapping[Any, object] = {
    PolicyName.WEIGHTS.value: gettext_lazy("by weight"),
    PolicyName.OWN_PROFIT.value: gettext_lazy("own profit"),
    PolicyName.INVERSE_VOLATILITY.value: gettext_lazy("inverse volatility"),
}

ROLE_NAMES: Mapping[Any, object] = {
    AccessRole.VIEWER.value: gettext_lazy("viewer"),
    AccessRole.OPERATOR.value: gettext_lazy("operator"),
    AccessRole.MANAGER.value: gettext_lazy("manager"),
    "owner": gettext_lazy("owner"),
}

TOKEN_STATE_NAMES: Mapping[Any, object] = {
    "valid": gettext_lazy("valid"),
    "revoked": gettext_lazy("revoked"),
    "expired": gettext_lazy("expired"),
    "user_off": gettext_lazy("user switched off"),
    "password_changed": gettext_lazy("ended with the password"),
    "not_staff": gettext_lazy("ended with the staff status"),
}


def label(code: str) -> str:
    """A few words for ``code``, without its figures; the code itself where there are none."""
    text = _LABELS.get(code)
    return code if text is None else gettext(text)


def labelled(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by label instead of by code; codes of one label are counted together."""
    labels: Counter[str] = Counter()
    for code, number in sorted(counts.items()):
        labels[label(code)] += number
    return dict(labels)


def has_label(code: str) -> bool:
    """Whether ``label`` says more than the code."""
    return code in _LABELS


# An allocation, and whether one is due
_ALLOCATION: dict[str, str] = {
    Code.ALLOCATED: _("allocated"),
    Code.PARTLY_ALLOCATED: _("partly allocated"),
    Code.UNCHANGED: _("unchanged"),
    Code.NO_BALANCE: _("no balance"),
    Code.NOTHING_TO_ALLOCATE: _("no active strategy"),
    Code.ACCOUNT_INACTIVE: _("account inactive"),
    Code.REVERTED: _("reverted"),
    Code.ACCOUNT_CHANGED: _("account changed meanwhile"),
    Code.DATABASE_ERROR: _("database error"),
    Code.UNEXPECTED_ERROR: _("unexpected error"),
    Code.OPEN_POSITION: _("open position"),
    Code.POSITION_UNOWNED: _("position of no strategy"),
    Code.NEVER_ALLOCATED: _("first allocation"),
    Code.LINKS_CHANGED: _("strategies added or removed"),
    Code.STATES_CHANGED: _("state changed"),
    Code.WEIGHTS_CHANGED: _("weight changed"),
    Code.STOPS_CHANGED: _("stops changed"),
    Code.RESERVE_CHANGED: _("reserve changed"),
    Code.BALANCE_CHANGED: _("balance changed"),
    Code.CHANGE_TOO_SMALL: _("change too small"),
    Code.BELOW_THRESHOLD: _("change below the threshold"),
    Code.JUMP_SUSPECTED: _("suspect balance"),
    Code.SLIDE_SUSPECTED: _("suspect balance"),
    Code.BALANCE_UNCONFIRMED: _("first balance unconfirmed"),
    Code.TARGET_CHANGED: _("capital away from its target"),
    Code.OVER_COMMITTED: _("more in use than the pool has"),
    Code.BOOKS_BEHIND: _("balance not explained by fills"),
}
# Why there is no live balance
_BALANCE: dict[str, str] = {
    Code.LIVE_DISABLED: _("live balances are off"),
    Code.NOT_READ: _("not read yet"),
    Code.CACHE_STALE: _("cached balance too old"),
    Code.CREDENTIALS_MISSING: _("API credentials missing"),
    Code.CREDENTIALS_UNREADABLE: _("API credentials cannot be decrypted"),
    Code.CREDENTIALS_MALFORMED: _("malformed API credentials"),
    Code.WALLET_MODE_NOT_ON_VENUE: _("wallet mode not supported"),
    Code.WALLET_MODE_DIFFERS: _("another wallet mode at the exchange"),
    Code.WALLET_MODE_UNREADABLE: _("wallet mode that cannot be read"),
    Code.EXCHANGE_TIMEOUT: _("no answer in time"),
    Code.READINGS_TAKE_TURNS: _("accounts are read in turns"),
    Code.NO_TIME_LEFT: _("no time to ask"),
    Code.EXCHANGE_UNREACHABLE: _("exchange unreachable"),
    Code.EXCHANGE_BLOCKED: _("blocked in this country"),
    Code.EXCHANGE_RATE_LIMITED: _("rate limit"),
    Code.EXCHANGE_REFUSED_KEY: _("API key refused"),
    Code.EXCHANGE_BAD_ANSWER: _("unreadable answer"),
    Code.EXCHANGE_BAD_MARKETS: _("unreadable list of instruments"),
    Code.EXCHANGE_CURRENCY_MISSING: _("currency missing in the answer"),
    Code.EXCHANGE_NOT_SUPPORTED: _("not supported by the exchange"),
    Code.EXCHANGE_ERROR: _("exchange error"),
    Code.EXCHANGE_PAUSED: _("paused after failures"),
    Code.POOLS_READ_APART: _("pools not read together"),
    Code.WRONG_ACCOUNT: _("answer of another account"),
    Code.ANSWER_OLD: _("answer too old"),
    Code.BASIS_NOT_TOLD: _("balance type not available"),
    Code.BASIS_OVER_CURRENCIES: _("balance type not available"),
    Code.BASIS_WITH_PNL_ONLY: _("balance type not available"),
    Code.BASIS_COUNTS_SPOT: _("balance type not available"),
    Code.BASIS_UNPROVEN: _("balance type not available"),
    Code.BASIS_WITH_LOAN: _("balance type not available"),
    Code.UNKNOWN_VENUE: _("unknown exchange"),
}
# What jobs count beside codes
_COUNTED: dict[str, str] = {
    Outcome.APPLIED: _("applied"),
    Outcome.SKIPPED: _("skipped"),
    Outcome.HELD: _("on hold"),
    Outcome.FAILED: _("failed"),
    "live": _("live"),
    "suspect": _("suspect balance"),
    "opened": _("day opened"),
    "open": _("day open already"),
    "no_history": _("no daily summary"),
    "synced": _("synced"),
    "fills": _("new fills"),
    "flows": _("new flows"),
    "openings": _("opening positions"),
    "waiting": _("next time"),
    Code.MARKET_RULES_SUSPECT: _("rules to accept"),
    Code.MARKETS_NOT_STORED: _("instrument rules not stored"),
    "tasks": _("tasks"),
    "job_runs": _("job runs"),
    "plans": _("previews"),
    "trade_uploads": _("uploaded files"),
    "heartbeats": _("heartbeats"),
    "answered": _("answered late"),
    "idempotent_requests": _("idempotent requests"),
    "webhook_nonces": _("webhook nonces"),
    "can_withdraw": _("keys that can withdraw"),
    "sound": _("keys that cannot withdraw"),
    "not_told": _("keys of which nothing is told"),
    "began": _("alerts that began"),
    "over": _("alerts that are over"),
    "digests": _("digests"),
    "chunks": _("parts"),
    "expired": _("given up, too late"),
    "already_done": _("done already"),
    Code.TRADES_UNREAD: _("fills or flows not read"),
    Code.TRADES_MISSING: _("fills that may be missing"),
    Code.TRADES_NOT_BOOKED: _("fills not booked"),
}
# Limits: which was reached, and why one is not judged
_LIMITS: dict[str, str] = {
    Code.DRAWDOWN_REACHED: _("drawdown limit reached"),
    Code.DAILY_LOSS_REACHED: _("daily loss limit reached"),
    Code.DAILY_LOSS_AMOUNT_REACHED: _("daily loss limit reached"),
    Code.DRAWDOWN_NEAR: _("drawdown near the limit"),
    Code.DAILY_LOSS_NEAR: _("daily loss near the limit"),
    Code.DAILY_LOSS_AMOUNT_NEAR: _("daily loss near the limit"),
    Code.LIMIT_NOT_JUDGED: _("limit not watched"),
    NotJudged.NO_BOOKS: _("no fills were recorded"),
    NotJudged.PNL_UNKNOWN: _("the PnL of today is not known"),
    NotJudged.SPOT_HELD: _("the balance does not hold the coins of spot strategies"),
    NotJudged.BASIS_FREE: _("the balance type “free” is no measure of a loss"),
    NotJudged.BASIS_CHANGED: _("the balance type was changed today"),
    NotJudged.BALANCE_NOT_READ: _("the balance was not read"),
    NotJudged.FLOWS_NOT_READ: _("deposits and withdrawals are not read yet"),
}
_LABELS = _ALLOCATION | _BALANCE | _COUNTED | _LIMITS

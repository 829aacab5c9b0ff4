"""A reason is a code with figures; the sentence is made from it where it is shown.

The English sentence of each code stands here and is the message id of the translations
(``locale/``). Codes are stable: they are stored, sent, and matched by programs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Code(StrEnum):
    """Why something is as it is. Grouped by what carries it."""

    # An allocation run
    ALLOCATED = "allocated"
    PARTLY_ALLOCATED = "partly_allocated"
    UNCHANGED = "unchanged"
    NO_BALANCE = "no_balance"
    NOTHING_TO_ALLOCATE = "nothing_to_allocate"
    ACCOUNT_INACTIVE = "account_inactive"
    ACCOUNT_CHANGED = "account_changed"
    DATABASE_ERROR = "database_error"
    UNEXPECTED_ERROR = "unexpected_error"

    # The gate: whether a reallocation is due
    OPEN_POSITION = "open_position"
    NEVER_ALLOCATED = "never_allocated"
    LINKS_CHANGED = "links_changed"
    STATES_CHANGED = "states_changed"
    WEIGHTS_CHANGED = "weights_changed"
    RESERVE_CHANGED = "reserve_changed"
    BALANCE_CHANGED = "balance_changed"
    CHANGE_TOO_SMALL = "change_too_small"
    BELOW_THRESHOLD = "below_threshold"

    # The jump guard
    JUMP_SUSPECTED = "jump_suspected"

    # A pool: how its balance was come by
    LIVE_BALANCE = "live_balance"
    NEGATIVE_BALANCE = "negative_balance"
    NOT_NEEDED = "not_needed"

    # A pool, or a balance that was asked for: why there is no live reading
    LIVE_DISABLED = "live_disabled"
    NOT_READ = "not_read"
    CACHE_STALE = "cache_stale"
    CREDENTIALS_MISSING = "credentials_missing"
    CREDENTIALS_UNREADABLE = "credentials_unreadable"
    EXCHANGE_TIMEOUT = "exchange_timeout"
    EXCHANGE_UNREACHABLE = "exchange_unreachable"
    EXCHANGE_RATE_LIMITED = "exchange_rate_limited"
    EXCHANGE_REFUSED_KEY = "exchange_refused_key"
    EXCHANGE_BAD_ANSWER = "exchange_bad_answer"
    EXCHANGE_CURRENCY_MISSING = "exchange_currency_missing"
    EXCHANGE_NOT_SUPPORTED = "exchange_not_supported"
    EXCHANGE_ERROR = "exchange_error"

    # An entry: what one link got
    SHARE = "share"
    KEPT = "kept"
    HELD = "held"
    STRATEGY_PAUSED = "strategy_paused"
    STRATEGY_ARCHIVED = "strategy_archived"
    LINK_INACTIVE = "link_inactive"
    MARKET_NOT_ON_VENUE = "market_not_on_venue"

    # A refusal
    INVALID_ALLOCATION = "invalid_allocation"
    INVALID_AMOUNT = "invalid_amount"
    AMOUNT_NOT_STORABLE = "amount_not_storable"
    UNKNOWN_VENUE = "unknown_venue"
    UNKNOWN_ACCOUNT = "unknown_account"
    AMBIGUOUS_ACCOUNT = "ambiguous_account"
    RUN_KEY_CONFLICT = "run_key_conflict"
    INVALID_RUN_KEY = "invalid_run_key"
    APPEND_ONLY = "append_only"
    NOTHING_TO_ACCEPT = "nothing_to_accept"
    FORCE_NOT_ALLOWED = "force_not_allowed"


ENGLISH: Mapping[Code, str] = {
    Code.ALLOCATED: "Capital was allocated.",
    Code.PARTLY_ALLOCATED: (
        "Capital was allocated, but not in: {pools}. No balance was to be had there, "
        "so active strategies there keep their capital."
    ),
    Code.UNCHANGED: "Nothing changed: every strategy keeps the capital that it has.",
    Code.NO_BALANCE: (
        "No balance was to be had for: {pools}. Active strategies there keep their capital. "
        "Check the connection and the daily summary."
    ),
    Code.NOTHING_TO_ALLOCATE: "No active strategy is linked to this account.",
    Code.ACCOUNT_INACTIVE: "The account is switched off. Nothing was done.",
    Code.ACCOUNT_CHANGED: (
        "The account was changed while its balance was being read. Nothing was done; run it again."
    ),
    Code.DATABASE_ERROR: (
        "The database refused the change ({kind}). Nothing was written for this account."
    ),
    Code.UNEXPECTED_ERROR: (
        "An unexpected error ({kind}) stopped this account. Nothing was written for it; "
        "the log has the details."
    ),
    Code.OPEN_POSITION: "There is an open position, so capital is not reallocated.",
    Code.NEVER_ALLOCATED: "The first allocation.",
    Code.LINKS_CHANGED: "Strategies were added or removed: {strategies}.",
    Code.STATES_CHANGED: "The state changed of: {strategies}.",
    Code.WEIGHTS_CHANGED: "The weight changed of: {strategies}.",
    Code.RESERVE_CHANGED: "The reserve changed.",
    Code.BALANCE_CHANGED: "The balance changed by {percent}%.",
    Code.CHANGE_TOO_SMALL: (
        "The balance changed by {change} {currency}, which is less than {threshold}."
    ),
    Code.BELOW_THRESHOLD: "The balance changed by {percent}%, which is not more than {threshold}%.",
    Code.JUMP_SUSPECTED: (
        "{venue} says {observed} {currency} ({pool}), {percent}% away from the last accepted "
        "{accepted}. Capital stays as it is until the exchange says otherwise or a person "
        "accepts it: reallocate --account {account_id} --accept-jump."
    ),
    Code.LIVE_BALANCE: "The balance was read from the exchange.",
    Code.NEGATIVE_BALANCE: "The balance is negative ({balance}): a debt. Nothing is allocated.",
    Code.NOT_NEEDED: "No active strategy draws on this pool, so its balance was not read.",
    Code.LIVE_DISABLED: "Live balances are switched off.",
    Code.NOT_READ: "The pool came into use while the balances were being read. Run it again.",
    Code.CACHE_STALE: (
        "The cached balance is {hours} hours old and this account allows {limit}. "
        "The exchange: {live}."
    ),
    Code.CREDENTIALS_MISSING: "The account has no {missing}. Enter the API credentials.",
    Code.CREDENTIALS_UNREADABLE: (
        "The stored credentials cannot be decrypted with the present FIELD_ENCRYPTION_KEYS. "
        "Restore the key that encrypted them, or enter them again."
    ),
    Code.EXCHANGE_TIMEOUT: "{venue} did not answer within {seconds} seconds.",
    Code.EXCHANGE_UNREACHABLE: "{venue} cannot be reached or is out of order ({kind}).",
    Code.EXCHANGE_RATE_LIMITED: (
        "{venue} asks for fewer requests ({kind}). Wait before trying again."
    ),
    Code.EXCHANGE_REFUSED_KEY: (
        "{venue} refused the API key ({kind}). "
        "Check the key, its permissions, its allowed addresses and this machine's clock."
    ),
    Code.EXCHANGE_BAD_ANSWER: "{venue} answered with something that is not a balance ({kind}).",
    Code.EXCHANGE_CURRENCY_MISSING: (
        "{venue} answered without {currency}, which is not the same as zero."
    ),
    Code.EXCHANGE_NOT_SUPPORTED: "{venue} does not support this request ({kind}).",
    Code.EXCHANGE_ERROR: "{venue} answered with an error ({kind}).",
    Code.SHARE: "Its share by weight.",
    Code.KEPT: "Kept, because the pool had no balance to allocate from.",
    Code.HELD: "Held, because a balance of the account is suspect.",
    Code.STRATEGY_PAUSED: "The strategy is paused.",
    Code.STRATEGY_ARCHIVED: "The strategy is archived.",
    Code.LINK_INACTIVE: "The link to this account is switched off.",
    Code.MARKET_NOT_ON_VENUE: "The strategy's market does not exist on this venue.",
    Code.INVALID_ALLOCATION: "This cannot be allocated: {problem}.",
    Code.INVALID_AMOUNT: "{value} is not an amount: {problem}.",
    Code.AMOUNT_NOT_STORABLE: (
        "{field}: {value} cannot be stored exactly, because {problem}. Nothing was written."
    ),
    Code.UNKNOWN_VENUE: "{venue} is not a known venue. Known are: {known}.",
    Code.UNKNOWN_ACCOUNT: "There is no account {account}. Give its id or its exact name.",
    Code.AMBIGUOUS_ACCOUNT: "{account} fits more than one account. Give an id: {candidates}.",
    Code.RUN_KEY_CONFLICT: (
        "The run key {run_key} was used for account {account} with other arguments "
        "({differences}). Use a new key."
    ),
    Code.INVALID_RUN_KEY: "The run key must have 1 to {longest} printable characters.",
    Code.APPEND_ONLY: "{model} is an audit record: it can neither be changed nor deleted.",
    Code.NOTHING_TO_ACCEPT: "Account {account} has no suspect balance that waits to be accepted.",
    Code.FORCE_NOT_ALLOWED: (
        "{user} may not force an allocation: that needs the permission capital.force_allocate."
    ),
}


@dataclass(frozen=True)
class Reason:
    """A code and the figures of its sentence.

    Attributes:
        code: Stable.
        figures: What the placeholders of the sentence stand for, as text.
    """

    code: Code
    figures: Mapping[str, str] = field(default_factory=dict)

    @property
    def english(self) -> str:
        """The sentence in English."""
        return ENGLISH[self.code].format(**self.figures)

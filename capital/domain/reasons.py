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
    WALLET_MODE_NOT_ON_VENUE = "wallet_mode_not_on_venue"
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

    # A job
    JOB_FAILED = "job_failed"
    JOB_TIMED_OUT = "job_timed_out"
    JOB_EXPIRED = "job_expired"
    QUEUE_STUCK = "queue_stuck"

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
    UNKNOWN_JOB = "unknown_job"

    # A rule that a record breaks: what audit_capital finds
    RUN_KEY_MALFORMED = "run_key_malformed"
    RUN_KEY_REPEATED = "run_key_repeated"
    RECORD_UNREADABLE = "record_unreadable"
    TIME_IN_FUTURE = "time_in_future"
    READ_AFTER_DECISION = "read_after_decision"
    SNAPSHOT_MISSING = "snapshot_missing"
    SNAPSHOT_UNEXPECTED = "snapshot_unexpected"
    POOLS_MISSING = "pools_missing"
    POOLS_UNEXPECTED = "pools_unexpected"
    OUTCOME_CONTRADICTED = "outcome_contradicted"
    FORCED_MARK_WRONG = "forced_mark_wrong"
    ARGUMENTS_CONTRADICTED = "arguments_contradicted"
    LIVE_THOUGH_CACHED = "live_though_cached"
    WALLET_MODES_MIXED = "wallet_modes_mixed"
    LINK_REPEATED = "link_repeated"
    LINK_OF_ANOTHER_ACCOUNT = "link_of_another_account"
    ACROSS_POOLS = "across_pools"
    BASIS_CONTRADICTED = "basis_contradicted"
    READING_CONTRADICTED = "reading_contradicted"
    DIVIDED_WITHOUT_BALANCE = "divided_without_balance"
    POOL_NOT_CONSERVED = "pool_not_conserved"
    DEBT_ALLOCATED = "debt_allocated"
    RESERVE_WRONG = "reserve_wrong"
    WEIGHTS_UNUSABLE = "weights_unusable"
    SHARE_WRONG = "share_wrong"
    ENTRY_NEGATIVE = "entry_negative"
    ENTRY_NOT_WHOLE = "entry_not_whole"
    ENTRY_CODE_WRONG = "entry_code_wrong"
    IDLE_NOT_RELEASED = "idle_not_released"
    KEPT_BUT_CHANGED = "kept_but_changed"
    CHAIN_BROKEN = "chain_broken"
    CAPITAL_NEGATIVE = "capital_negative"
    CAPITAL_NOT_RECORDED = "capital_not_recorded"
    CAPITAL_EXCEEDS_BALANCE = "capital_exceeds_balance"
    SUSPECT_MALFORMED = "suspect_malformed"
    SUMMARY_REPEATED = "summary_repeated"
    SUMMARY_NOT_WHOLE = "summary_not_whole"
    TIME_WITHOUT_BALANCE = "time_without_balance"
    ENDING_WRONG = "ending_wrong"
    ENDING_TIME_WRONG = "ending_time_wrong"
    UNIFIED_WITH_PARTS = "unified_with_parts"
    START_WRONG = "start_wrong"


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
    Code.WALLET_MODE_NOT_ON_VENUE: (
        "{venue} has no wallet mode {mode}. It has: {modes}. Correct the account."
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
    Code.HELD: "Held: the account's capital stays as it is.",
    Code.STRATEGY_PAUSED: "The strategy is paused.",
    Code.STRATEGY_ARCHIVED: "The strategy is archived.",
    Code.LINK_INACTIVE: "The link to this account is switched off.",
    Code.MARKET_NOT_ON_VENUE: "The strategy's market does not exist on this venue.",
    Code.JOB_FAILED: (
        "The job stopped at an error ({kind}). It is tried again; the log has the details."
    ),
    Code.JOB_TIMED_OUT: "The job took longer than {seconds} seconds and was stopped.",
    Code.JOB_EXPIRED: (
        "The task waited for {seconds} seconds, and newer ones do its work. "
        "Nothing was done. Check that there are enough workers and that none of them hangs."
    ),
    Code.QUEUE_STUCK: (
        "A task waits for {seconds} seconds already. "
        "Check that there are enough workers and that none of them hangs."
    ),
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
    Code.UNKNOWN_JOB: "There is no job {name}. The jobs are: {known}.",
    Code.RUN_KEY_MALFORMED: (
        "The run key {run_key} is empty, longer than 200 characters or not printable."
    ),
    Code.RUN_KEY_REPEATED: "The run key {run_key} stands on {times} runs: {runs}.",
    Code.RECORD_UNREADABLE: "{row} cannot be read ({kind}).",
    Code.TIME_IN_FUTURE: "{row}: {what} is in the future ({moment}).",
    Code.READ_AFTER_DECISION: (
        "Pool {pool} (row {row}) was decided on a balance of {moment}, which is after the decision."
    ),
    Code.SNAPSHOT_MISSING: "The run is {outcome}, but has no snapshot of what it saw.",
    Code.SNAPSHOT_UNEXPECTED: (
        "The run is {outcome}, but has a snapshot, as only an unchanged one has."
    ),
    Code.POOLS_MISSING: "The run is {outcome}, but has no pools.",
    Code.POOLS_UNEXPECTED: "The run is {outcome}, but has rows of pools.",
    Code.OUTCOME_CONTRADICTED: "The run is {outcome}, but its entries say something else.",
    Code.FORCED_MARK_WRONG: "The run's forced mark is {marked}, but its arguments say {asked}.",
    Code.ARGUMENTS_CONTRADICTED: "The run's arguments and its own columns disagree on: {argument}.",
    Code.LIVE_THOUGH_CACHED: (
        "Pool {pool} (row {row}) has a live balance, but live balances were not asked for."
    ),
    Code.WALLET_MODES_MIXED: "The run has a unified pool beside others: {pools}.",
    Code.LINK_REPEATED: "Link {link} got capital in more than one pool of the run.",
    Code.LINK_OF_ANOTHER_ACCOUNT: "Entry {entry}: link {link} belongs to account {account}.",
    Code.ACROSS_POOLS: (
        "Entry {entry}: link {link} got capital from pool {pool} (row {row}), which is not "
        "its market's."
    ),
    Code.BASIS_CONTRADICTED: (
        "What the run was decided on disagrees with its pools and entries on: {parts}."
    ),
    Code.READING_CONTRADICTED: (
        "Pool {pool} (row {row}): the source {source} disagrees with its balance or its time."
    ),
    Code.DIVIDED_WITHOUT_BALANCE: (
        "Pool {pool} (row {row}) had no balance, but has a reserve or a rest."
    ),
    Code.POOL_NOT_CONSERVED: (
        "Pool {pool} (row {row}): allocated {allocated} + reserve {reserve} + unallocated "
        "{unallocated} is not the balance {balance}."
    ),
    Code.DEBT_ALLOCATED: (
        "Pool {pool} (row {row}) is a debt of {balance}, but was allocated or reserved."
    ),
    Code.RESERVE_WRONG: (
        "Pool {pool} (row {row}): the reserve is {reserve} of {balance}; by the rule it is "
        "{expected}."
    ),
    Code.WEIGHTS_UNUSABLE: "Pool {pool} (row {row}): its weights cannot be used ({problem}).",
    Code.SHARE_WRONG: "Entry {entry}: link {link} got {after}; by the weights it is {expected}.",
    Code.ENTRY_NEGATIVE: "Entry {entry}: link {link} got {after}, which is negative.",
    Code.ENTRY_NOT_WHOLE: (
        "Entry {entry}: link {link} got {after}, which is finer than the currency's "
        "smallest amount."
    ),
    Code.ENTRY_CODE_WRONG: (
        "Entry {entry}: link {link} has the code {code}, which does not go with its pool."
    ),
    Code.IDLE_NOT_RELEASED: "Entry {entry}: link {link} takes no part, but was left {after}.",
    Code.KEPT_BUT_CHANGED: (
        "Entry {entry}: link {link} was to keep its capital, but {before} became {after}."
    ),
    Code.CHAIN_BROKEN: (
        "Entry {entry}: link {link} had {before}, but the record had left it {recorded}."
    ),
    Code.CAPITAL_NEGATIVE: "Link {link} holds {capital}, which is negative.",
    Code.CAPITAL_NOT_RECORDED: "Link {link} holds {capital}, but its last run left it {recorded}.",
    Code.CAPITAL_EXCEEDS_BALANCE: (
        "Pool {pool}: its links hold {capital}, more than its last balance {balance}."
    ),
    Code.SUSPECT_MALFORMED: (
        "The suspect balance of pool {pool} cannot be read, so nobody can accept it."
    ),
    Code.SUMMARY_REPEATED: "Summary {summary}: there is another of {date} ({other}).",
    Code.SUMMARY_NOT_WHOLE: (
        "Summary {summary} ({date}): the {pool} balance {balance} is finer than the "
        "currency's smallest amount."
    ),
    Code.TIME_WITHOUT_BALANCE: (
        "Summary {summary} ({date}): the {pool} balance has a time but no amount."
    ),
    Code.ENDING_WRONG: (
        "Summary {summary} ({date}): the ending balance is {ending}; its pools come to {expected}."
    ),
    Code.ENDING_TIME_WRONG: (
        "Summary {summary} ({date}): the ending balance is not as old as its oldest part."
    ),
    Code.UNIFIED_WITH_PARTS: (
        "Summary {summary} ({date}): a unified wallet has no {pool} balance of its own."
    ),
    Code.START_WRONG: (
        "Summary {summary} ({date}): it starts with {starting}, but the one before "
        "({other}) ended with {ending}."
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

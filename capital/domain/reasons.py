"""A reason is a code with figures; the sentence is made from it where it is shown.

Each code stands here once, with its English sentence, which is the message id of the translations
(``locale/``). Codes are stable: they are stored, sent, and matched by programs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Code(StrEnum):
    """Why something is as it is. Grouped by what carries it.

    Attributes:
        english: The sentence, with named placeholders for the figures.
    """

    _value_: str
    english: str

    def __new__(cls, value: str, english: str = "") -> "Code":
        """A member is its code; the sentence goes along. ``Code(stored)`` finds a member."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.english = english
        return code

    @classmethod
    def get(cls, stored: str) -> "Code | None":
        """The code that is stored or sent so; None where this version does not know it."""
        try:
            return cls(stored)
        except ValueError:
            return None

    @property
    def is_idle(self) -> bool:
        """Whether an entry with this code is of a link that takes no part in allocation."""
        return self in _IDLE

    @property
    def keeps_capital(self) -> bool:
        """Whether an active link with this code keeps its capital for want of a decision."""
        return self in _KEEPS_CAPITAL

    @property
    def is_of_position(self) -> bool:
        """Whether it says that an open position holds capital."""
        return self in _OF_POSITIONS

    @property
    def is_of_revert(self) -> bool:
        """Whether only an entry of a revert has this code."""
        return self in _OF_REVERT

    @property
    def counts_pnl_on(self) -> bool:
        """Whether the capital of a link with this code is kept, so that its PnL counts on."""
        return self in _KEEPS_CAPITAL or self in _OF_REVERT or self is Code.WITHIN_BAND

    @property
    def is_by_reading(self) -> bool:
        """Whether the pool's balance decided an entry with this code, not the link's own state."""
        return self in _BY_READING

    @property
    def is_benign(self) -> bool:
        """Whether a skipped run with this code is as it should be: there was nothing to do."""
        return self in _BENIGN

    @property
    def is_told_once(self) -> bool:
        """Whether a run that divides nothing for this reason is recorded once, until it changes."""
        return self in _TOLD_ONCE

    @property
    def is_suspicion(self) -> bool:
        """Whether a balance is on hold because it jumped, until someone accepts it."""
        return self in _SUSPICIONS

    @property
    def is_about_basis(self) -> bool:
        """Whether the exchange answered, but cannot give the account's balance type."""
        return self in _ABOUT_BASIS

    @property
    def is_about_key(self) -> bool:
        """Whether the exchange does not take the key, or it cannot even be tried."""
        return self in _ABOUT_KEY

    # An allocation run
    ALLOCATED = "allocated", "Capital was allocated."
    PARTLY_ALLOCATED = (
        "partly_allocated",
        "Capital was allocated, but not in these pools: {pools}. Their balance could not be read, "
        "so their active strategies keep their current capital.",
    )
    PARTLY_HELD = (
        "partly_held",
        "Capital was allocated, but these pools keep what they have: {pools}.",
    )
    UNCHANGED_BESIDE_HELD = (
        "unchanged_beside_held",
        "Nothing changed. These pools are on hold and keep what they have: {pools}.",
    )
    UNCHANGED = "unchanged", "Nothing changed: every strategy keeps its current capital."
    NO_BALANCE = (
        "no_balance",
        "Could not get a balance for: {pools}. Active strategies in these pools keep their "
        "current capital. Check the exchange connection and the daily summary.",
    )
    NOTHING_TO_ALLOCATE = "nothing_to_allocate", "No active strategy is linked to this account."
    ACCOUNT_INACTIVE = "account_inactive", "The account is inactive. Nothing was changed."
    REVERTED = "reverted", "Capital was restored to what it was before allocation #{run}."
    ACCOUNT_CHANGED = (
        "account_changed",
        "The account was changed while its balance was being read, so nothing was allocated. Run "
        "it again.",
    )
    DATABASE_ERROR = (
        "database_error",
        "The database refused the change ({kind}). Nothing was saved for this account. Check the "
        "log, then try again.",
    )
    UNEXPECTED_ERROR = (
        "unexpected_error",
        "An unexpected error occurred ({kind}). Nothing was saved for this account. See the log "
        "for details.",
    )

    # The gate: whether a reallocation is due
    OPEN_POSITION = "open_position", "There is an open position, so capital is not reallocated."
    POSITION_UNOWNED = (
        "position_unowned",
        "The exchange holds an open position in the {pools} pool that no strategy has by its fills "
        "or reports: {positions}. Capital is not reallocated meanwhile. Assign its fills to a "
        "strategy, have its bot report it, or say that it is not a strategy's.",
    )
    NEVER_ALLOCATED = "never_allocated", "This is the first allocation."
    LINKS_CHANGED = "links_changed", "Strategies were added or removed: {strategies}."
    STATES_CHANGED = "states_changed", "Changed state: {strategies}."
    WEIGHTS_CHANGED = "weights_changed", "Changed weight: {strategies}."
    STOPS_CHANGED = "stops_changed", "Stopped by a limit, or let go on: {strategies}."
    RESERVE_CHANGED = "reserve_changed", "The reserve changed."
    POLICY_CHANGED = "policy_changed", "The allocation policy or its settings changed."
    BOUNDS_CHANGED = "bounds_changed", "Changed fixed amount or limits: {strategies}."
    TARGET_CHANGED = (
        "target_changed",
        "{strategy} has {before} {currency} and should have {after} {currency}.",
    )
    BALANCE_CHANGED = "balance_changed", "The balance changed by {percent}%."

    # What a run follows from: who changed what since the last one
    WEIGHTS_SET = "weights_set", "{user} changed weights {before} → {after}."
    STRATEGIES_LINKED = "strategies_linked", "{user} added {strategies} to the account."
    STRATEGIES_UNLINKED = "strategies_unlinked", "{user} removed {strategies} from the account."
    STRATEGIES_PAUSED = "strategies_paused", "{user} paused {strategies}."
    STRATEGIES_ARCHIVED = "strategies_archived", "{user} archived {strategies}."
    STRATEGIES_ACTIVATED = "strategies_activated", "{user} activated {strategies}."
    LINKS_DEACTIVATED = "links_deactivated", "{user} deactivated {strategies} on this account."
    LINKS_ACTIVATED = "links_activated", "{user} activated {strategies} on this account."
    BOUNDS_SET = "bounds_set", "{user} changed the fixed amount or limits of {strategies}."
    RESERVE_SET = "reserve_set", "{user} changed the reserve {before} → {after}."
    POLICY_SET = "policy_set", "{user} changed the allocation policy: {before} → {after}."
    POLICY_SETTINGS_SET = (
        "policy_settings_set",
        "{user} changed the settings of the allocation policy.",
    )
    STOPPED_BY_LIMIT = "stopped_by_limit", "A limit of loss stopped {strategies}."
    STOPS_LIFTED = "stops_lifted", "{user} lifted the stop of {strategies}."
    CHANGE_TOO_SMALL = (
        "change_too_small",
        "The balance changed by {change} {currency}; it must change by at least {threshold} "
        "{currency}.",
    )
    BELOW_THRESHOLD = (
        "below_threshold",
        "The balance changed by {percent}%; it must change by more than {threshold}%.",
    )

    # The jump guard
    JUMP_SUSPECTED = (
        "jump_suspected",
        "{venue} reports {observed} {currency} in the {pool} pool, {percent}% away from the last "
        "accepted balance of {accepted} {currency}. Capital is on hold until the balance returns "
        "to normal or someone accepts it.",
    )
    SLIDE_SUSPECTED = (
        "slide_suspected",
        "{venue} reports {observed} {currency} in the {pool} pool, {percent}% away from the "
        "{accepted} {currency} that were accepted less than an hour ago, in steps that are each "
        "within the limit. Capital is on hold until the balance returns to normal or someone "
        "accepts it.",
    )
    BALANCE_UNCONFIRMED = (
        "balance_unconfirmed",
        "{venue} reports {observed} {currency} in the {pool} pool, where there was nothing before. "
        "It is allocated once it is read a second time, at least a minute later, or as soon as "
        "someone allocates the account.",
    )

    # A pool: where its balance came from
    LIVE_BALANCE = "live_balance", "The balance was read from the exchange."
    NEGATIVE_BALANCE = (
        "negative_balance",
        "The balance is negative ({balance}), which is a debt. Nothing is allocated.",
    )
    OVER_COMMITTED = (
        "over_committed",
        "Strategies have {shortfall} more in use than the pool has. They keep what they have in "
        "use.",
    )
    HOLDINGS_UNPRICED = (
        "holdings_unpriced",
        "There is no current price of these coins that strategies hold, or it is not known how "
        "much of them the wallet has: {coins}. Until there is, every strategy in the pool keeps "
        "its current capital.",
    )
    TIED_UP_UNKNOWN = (
        "tied_up_unknown",
        "It is not known what these open positions tie up: {positions}. Report their entry prices. "
        "Until then, every strategy in the pool keeps its current capital.",
    )
    BOOKS_MISSING = (
        "books_missing",
        "It is not known what these strategies earned: {strategies}. Until their fills are known, "
        "every strategy in the pool keeps its current capital.",
    )
    BOOKS_BEHIND = (
        "books_behind",
        "Fills and flows do not explain {unexplained} of the balance; the most that is accepted is "
        "{limit}%. Until they do, every strategy in the pool keeps its current capital.",
    )
    NOT_NEEDED = "not_needed", "No active strategy uses this pool, so its balance was not read."

    # A pool, or a balance that was asked for: why there is no live reading
    LIVE_DISABLED = "live_disabled", "Live balances are switched off."
    NOT_READ = (
        "not_read",
        "A strategy started to use this pool while the balances were being read. Run it again.",
    )
    CACHE_STALE = (
        "cache_stale",
        "The cached balance is {hours} hours old; this account allows at most {limit}. Live "
        "balance: {live}.",
    )
    CREDENTIALS_MISSING = (
        "credentials_missing",
        "The account has no {missing}. Enter the API credentials.",
    )
    CREDENTIALS_UNREADABLE = (
        "credentials_unreadable",
        "What is stored encrypted cannot be decrypted with the current FIELD_ENCRYPTION_KEYS. "
        "Restore the key that encrypted it, or enter it again.",
    )
    SECRET_UNREADABLE = (
        "secret_unreadable",
        "{name}: what is stored encrypted cannot be decrypted with the current "
        "FIELD_ENCRYPTION_KEYS. Restore the key that encrypted it, or enter it again.",
    )
    CREDENTIALS_MALFORMED = (
        "credentials_malformed",
        "Requests to {venue} cannot be signed with the stored API credentials. Check "
        "that the key and the secret were copied completely and into the right fields. A private "
        "key must not have a password.",
    )
    WALLET_MODE_NOT_ON_VENUE = (
        "wallet_mode_not_on_venue",
        "{venue} does not support the wallet mode “{mode}”. Supported: {modes}. Correct the "
        "account's wallet mode.",
    )
    EXCHANGE_TIMEOUT = "exchange_timeout", "{venue} did not answer within {seconds} seconds."
    READINGS_TAKE_TURNS = (
        "readings_take_turns",
        "{venue} allows one address to read its {accounts} accounts every {minutes} minutes: "
        "whoever waited longest goes first.",
    )
    NO_TIME_LEFT = (
        "no_time_left",
        "There was no time left to ask {venue}: the answer was due.",
    )
    EXCHANGE_UNREACHABLE = (
        "exchange_unreachable",
        "Could not reach {venue}, or it is having problems.",
    )
    EXCHANGE_BLOCKED = (
        "exchange_blocked",
        "{venue} does not serve the country or the address from which it was asked (HTTP "
        "{status}). Run this where it may be used, or remove the account.",
    )
    EXCHANGE_RATE_LIMITED = (
        "exchange_rate_limited",
        "{venue} is rate-limiting requests ({kind}). Wait before you try again.",
    )
    EXCHANGE_REFUSED_KEY = (
        "exchange_refused_key",
        "{venue} refused the API key. Check the key, its permissions, its allowed IP "
        "addresses and this server's clock.",
    )
    EXCHANGE_BAD_ANSWER = (
        "exchange_bad_answer",
        "The answer from {venue} is not a valid balance ({kind}).",
    )
    POOLS_READ_APART = (
        "pools_read_apart",
        "Money may have moved between this account's pools while {venue} was asked for them, and "
        "they could not be read together a second time, so none of these balances is used.",
    )
    WRONG_ACCOUNT = (
        "wrong_account",
        "The answer from {venue} about the {pool} pool is another account's, so its balance is not "
        "used. If the API key was always this account's, enter its credentials again.",
    )
    ANSWER_OLD = (
        "answer_old",
        "The answer from {venue} about the {pool} pool was made more than a minute before it was "
        "asked for, so its balance is not used. Either the exchange or a proxy repeats old "
        "answers, or this machine's clock is wrong.",
    )
    NO_PENDING_RULES = (
        "no_pending_rules",
        "No changed rules of {symbol} on {venue} wait to be accepted.",
    )
    MARKETS_NOT_STORED = (
        "markets_not_stored",
        "The instrument rules of {venue} could not be stored. The rules stored before stay in use.",
    )
    EXCHANGE_BAD_MARKETS = (
        "exchange_bad_markets",
        "The answer from {venue} is not a valid list of instruments ({kind}). The stored "
        "instrument rules stay in use.",
    )
    EXCHANGE_CURRENCY_MISSING = (
        "exchange_currency_missing",
        "The answer from {venue} contains no {currency} balance. This is treated as unknown, not "
        "as zero.",
    )
    EXCHANGE_NOT_SUPPORTED = (
        "exchange_not_supported",
        "{venue} does not support this request.",
    )
    EXCHANGE_ERROR = "exchange_error", "{venue} answered with an error."
    EXCHANGE_PAUSED = (
        "exchange_paused",
        "{venue} failed {failures} times in a row, so no requests are sent until {until}.",
    )

    # A connection that was checked: what the venue says of the account and its key
    WALLET_MODE_DIFFERS = (
        "wallet_mode_differs",
        "{venue} reports the wallet mode “{said}”, but this account is set to “{mode}”, so the "
        "wrong wallet is being read. Change the wallet mode to “{said}”.",
    )
    WALLET_MODE_UNREADABLE = (
        "wallet_mode_unreadable",
        "{venue} reports the wallet mode “{said}”, but this account is set to “{mode}”. From "
        "{venue}, only {modes} can be read. Change the wallet mode on the exchange.",
    )
    KEY_CAN_WITHDRAW = (
        "key_can_withdraw",
        "This key has withdrawal permission on {venue}. It is not needed here; use a key without "
        "it.",
    )
    VENUE_UNPROVEN = (
        "venue_unproven",
        "Support for {venue} is generic and has not been tested against the real exchange. "
        "Compare the balance with the exchange's own page before you rely on it.",
    )
    BALANCE_IS_CALLED = (
        "balance_is_called",
        "{pool}: the wallet balance is what the answer from {venue} calls “{field}”.",
    )

    # A basis that a venue cannot give
    BASIS_NOT_TOLD = (
        "basis_not_told",
        "The balance type “{basis}” is not available on {venue}: the exchange does not report it "
        "for this wallet. Choose another balance type.",
    )
    BASIS_OVER_CURRENCIES = (
        "basis_over_currencies",
        "The balance type “{basis}” is not available on {venue}: the exchange reports it only "
        "over all currencies of the wallet together. Choose another balance type.",
    )
    BASIS_WITH_PNL_ONLY = (
        "basis_with_pnl_only",
        "The balance type “{basis}” is not available on {venue}: the numbers of this wallet "
        "include unrealised PnL, or leave out what is in futures. Choose another balance type.",
    )
    BASIS_COUNTS_SPOT = (
        "basis_counts_spot",
        "The balance type “{basis}” is not available on {venue}: its futures number counts the "
        "spot balance a second time. Choose another balance type.",
    )
    BASIS_UNPROVEN = (
        "basis_unproven",
        "The balance type “{basis}” is not available on {venue}: this exchange is not in the list "
        "of tested exchanges, so the meaning of its balance is not verified. Choose another "
        "balance type.",
    )
    BASIS_WITH_LOAN = (
        "basis_with_loan",
        "The balance type “{basis}” is not available on {venue} while something is borrowed: the "
        "exchange does not say whether the number includes the loan. Repay the loan, or choose "
        "the balance type “equity”.",
    )

    # A plan: what changed since it was shown
    SETTINGS_CHANGED = (
        "settings_changed",
        "The account's exchange, wallet, API keys or status changed.",
    )
    CAPITAL_CHANGED = "capital_changed", "Changed capital: {strategies}."
    POSITIONS_CHANGED = "positions_changed", "A position was opened, or the last one was closed."
    SUSPECTS_CHANGED = "suspects_changed", "The list of suspect balances has changed."
    LATER_RUN = "later_run", "Allocation #{run} was made in the meantime."
    DECISION_CHANGED = "decision_changed", "The result would be different now."

    # A connection that was checked: what to do, and what else to know
    CHECK_NETWORK = (
        "check_network",
        "Try again in a minute. If the problem continues, check this server's network and the "
        "exchange's status page.",
    )
    CHECK_CURRENCY = (
        "check_currency",
        "Check the account's currency and wallet mode. A wallet that was never used may have to "
        "be opened on the exchange first.",
    )
    CHECK_VENUE = (
        "check_venue",
        "Check the account's exchange, wallet mode and sandbox setting. If they are correct, the "
        "exchange may have changed its API: tell the administrator of this site.",
    )
    AWAIT_PAUSE = (
        "await_pause",
        "Requests start again by themselves after that. If it fails again, check this server's "
        "network and the exchange's status page.",
    )
    SWITCH_LIVE_ON = (
        "switch_live_on",
        "To read balances from exchanges again, set CAPITAL_LIVE_BALANCES to 1.",
    )
    JOBS_SKIP_IT = (
        "jobs_skip_it",
        "The account is inactive: scheduled jobs neither read its balance nor allocate its "
        "capital.",
    )
    IS_SANDBOX = "is_sandbox", "This account uses the sandbox of {venue}. Its money is not real."
    POOL_UNUSED = "pool_unused", "These pools hold money that no active strategy uses: {pools}."

    # An entry: what one link got
    SHARE = "share", "Allocated by weight."
    SHARE_OF_OWN = "share_of_own", "Allocated by its own profit."
    SHARE_BY_VOLATILITY = "share_by_volatility", "Allocated by weight and volatility."
    MEDIAN_VOLATILITY = (
        "median_volatility",
        "Allocated by weight and the median volatility of the others, because it has fewer than 30 "
        "days with a return, or none in which anything moved.",
    )
    SHARE_WITHOUT_VOLATILITY = (
        "share_without_volatility",
        "Allocated by weight, because no strategy of the pool has 30 days with a return.",
    )
    OWN_LOSS_EXCEEDS = (
        "own_loss_exceeds",
        "It lost more than it had. The other strategies carry the rest, by weight.",
    )
    FIXED_AMOUNT = "fixed_amount", "Allocated its fixed amount."
    FIXED_CUT_SHORT = (
        "fixed_cut_short",
        "Less than its fixed amount was left after those that are served first.",
    )
    MINIMUM_CUT_SHORT = "minimum_cut_short", "Less than its minimum amount was left."
    SHARE_STOPPED = "share_stopped", "Stopped: its share stays unallocated."
    WITHIN_BAND = (
        "within_band",
        "Kept, because the capital of every strategy in the pool is within the drift band.",
    )
    POOL_KEPT = "pool_kept", "Kept, because the pool could not be divided."
    KEPT = "kept", "Kept, because no balance was available to allocate from."
    HELD = "held", "On hold: its capital stays as it is."
    RESTORED = "restored", "Restored to its capital before the reverted allocation."
    UNTOUCHED = (
        "untouched",
        "Not changed, because the reverted allocation did not change it either.",
    )
    STRATEGY_PAUSED = "strategy_paused", "The strategy is paused."
    STRATEGY_ARCHIVED = "strategy_archived", "The strategy is archived."
    LINK_INACTIVE = "link_inactive", "The strategy is deactivated on this account."
    MARKET_NOT_ON_VENUE = (
        "market_not_on_venue",
        "This exchange does not offer the strategy's market.",
    )

    # A job
    JOB_FAILED = (
        "job_failed",
        "The job stopped with an error ({kind}). It will be retried; see the log for details.",
    )
    ACCOUNTS_UNREADABLE = (
        "accounts_unreadable",
        "{count} of {all} active accounts could not be read from their exchange: {venues}.",
    )
    JOB_TIMED_OUT = "job_timed_out", "The job took longer than {seconds} seconds and was stopped."
    JOB_INTERRUPTED = (
        "job_interrupted",
        "The process that ran the job ended before the job did. What it had not done yet is done "
        "by the next run.",
    )
    JOB_EXPIRED = (
        "job_expired",
        "The task waited for {seconds} seconds and was skipped, because newer tasks do its work. "
        "Check that there are enough workers and that none of them hangs.",
    )
    QUEUE_STUCK = (
        "queue_stuck",
        "A task has been waiting for {seconds} seconds. Check that there are enough workers and "
        "that none of them hangs.",
    )
    TASK_REFUSED = (
        "task_refused",
        "The queue asked for {task}, which is not one of this product's tasks. It was refused and "
        "did not run.",
    )
    TASK_WITH_EXTRAS = (
        "task_with_extras",
        "The queue asked for {task} with {extras}, which would call other functions. It was "
        "refused and did not run.",
    )
    TASK_UNREADABLE = (
        "task_unreadable",
        "A queued task was not signed by this installation, or holds more than plain values. It "
        "was refused and did not run.",
    )
    SCHEDULE_REFUSED = (
        "schedule_refused",
        "The schedule {schedule} asks for {task} in a way that no job of this product does. It was "
        "switched off and did not run. Find out who created it, then delete it.",
    )

    # The API: who asks, and how
    INVALID_TOKEN = "invalid_token", "The token cannot be created: {problem}."
    UNKNOWN_TOKEN = (
        "unknown_token",
        "There is no token {token}. Give the first characters, as the list shows them.",
    )
    TOKEN_REFUSED = (
        "token_refused",
        "The token is unknown, expired or revoked. Create a new one.",
    )
    SECOND_FACTOR_MISSING = (
        "second_factor_missing",
        "The session lacks its second factor. Enter the code in the admin first.",
    )
    SESSION_NOT_OF_STAFF = (
        "session_not_of_staff",
        "The user of this session is not staff. Log in as a staff user, or use a token.",
    )
    SCOPE_TOO_SMALL = (
        "scope_too_small",
        "The token's scope is “{scope}”; this request needs “{needed}”.",
    )
    TOKEN_OF_ONE_ACCOUNT = (
        "token_of_one_account",
        "The token is limited to one account, and this request goes beyond that account.",
    )
    INVALID_IDEMPOTENCY_KEY = (
        "invalid_idempotency_key",
        "The Idempotency-Key must be 1 to {longest} printable ASCII characters.",
    )
    IDEMPOTENCY_CONFLICT = (
        "idempotency_conflict",
        "The Idempotency-Key {key} was already used for a different request. Use a new key.",
    )
    REQUEST_IN_PROGRESS = (
        "request_in_progress",
        "The first request with the Idempotency-Key {key} is still being processed. Send it again "
        "in a few seconds.",
    )
    NOT_FOUND = "not_found", "This does not exist, or you may not see it."
    HAS_HISTORY = (
        "has_history",
        "This {what} has history and cannot be deleted. Archive the strategy, or deactivate the "
        "account or the strategy link.",
    )

    # A webhook
    WEBHOOK_REFUSED = (
        "webhook_refused",
        "The request was refused. Check the strategy's key and the webhook secret; for a signed "
        "request also the signature, its time, and that the nonce is new.",
    )
    ADDRESS_NOT_ALLOWED = (
        "address_not_allowed",
        "The webhook takes calls from some networks only, and {address} is in none of them. If the "
        "call is yours, add its network on the webhook's page.",
    )
    NETWORK_UNREADABLE = (
        "network_unreadable",
        "{network} is no address and no network. Write one a line, such as 52.32.178.7 or "
        "203.0.113.0/24.",
    )
    TOO_MANY_NETWORKS = "too_many_networks", "A webhook has at most {most} networks."
    LAG_OUT_OF_RANGE = (
        "lag_out_of_range",
        "The maximum delay must be 1 to {most} seconds.",
    )
    SIGNAL_LATE = (
        "signal_late",
        "The signal was sent {seconds} seconds before it came, and at most {limit} are allowed. "
        "What enlarges a position was refused; closing is not.",
    )
    TIMENOW_UNREADABLE = (
        "timenow_unreadable",
        "When the signal was sent cannot be read from timenow, so its delay was not checked. Send "
        "TradingView's placeholder as it is.",
    )
    ID_NOT_FILLED = (
        "id_not_filled",
        "The sender did not fill in {placeholder} in the id, so the id was not used: only the same "
        "message within a minute counts as the same signal. Take the placeholder out of it.",
    )
    TIMENOW_AHEAD = (
        "timenow_ahead",
        "By its timenow, the signal was sent {seconds} seconds after it came, so its delay was not "
        "checked. Write the time in UTC, and check the sender's clock.",
    )
    DELIVERY_CONFLICT = (
        "delivery_conflict",
        "The signal id {delivery} was already used with another body. Give each signal an id of "
        "its own.",
    )
    DELIVERY_IN_PROGRESS = (
        "delivery_in_progress",
        "The same signal is still being processed. Send it again in a moment to get the response.",
    )
    DELIVERY_ARCHIVED = (
        "delivery_archived",
        "The signal {delivery} was processed on {received_at}, and its response has been archived. "
        "Nothing was done. Give a new signal an id of its own.",
    )
    ANSWERED_LATE = (
        "answered_late",
        "The process that received this signal ended. The response was made {seconds} seconds "
        "after the signal, with the balances and prices of then.",
    )
    SIGNAL_FAILED = (
        "signal_failed",
        "The signal could not be processed ({kind}). Nothing was sized; see the log for details.",
    )
    BALANCE_NOT_LIVE = (
        "balance_not_live",
        "{account}, {pool} pool: no live balance ({cause}). The cached balance of {observed_at} "
        "was used.",
    )

    # A refusal
    INVALID_ALLOCATION = "invalid_allocation", "This cannot be allocated: {problem}."
    INVALID_AMOUNT = "invalid_amount", "{value} is not a valid amount: {problem}."
    AMOUNT_NOT_STORABLE = (
        "amount_not_storable",
        "{field}: {value} cannot be stored exactly, because {problem}. Nothing was saved.",
    )
    INVALID_PERIOD = (
        "invalid_period",
        "This is not a period. Give one of {known}, or a first and a last day in this order, but "
        "not both.",
    )
    INVALID_MONTH = "invalid_month", "“{value}” is not a month. Write it such as 2026-11."
    INVALID_GROUP = (
        "invalid_group",
        "Performance is not grouped by this. Give one of {known}.",
    )
    INVALID_RATE = (
        "invalid_rate",
        "This is not a valid rate: 1 {base} = {rate} {quote}. A rate must be above zero and "
        "between two different currencies.",
    )
    RATE_MISSING = (
        "rate_missing",
        "There is no rate from {base} to {quote}, so this total is not known. Whoever runs this "
        "installation can store one.",
    )
    UNKNOWN_VENUE = (
        "unknown_venue",
        "Unknown exchange: {venue}. Tested ones: {known}. Name any other by its ccxt id.",
    )
    UNKNOWN_ACCOUNT = (
        "unknown_account",
        "There is no account {account}. Give its id or its exact name.",
    )
    WEIGHTS_OF_UNKNOWN = (
        "weights_of_unknown",
        "No strategies with these keys trade on the account: {strategies}. Nothing was changed.",
    )
    WEIGHTS_OF_TWO_POOLS = (
        "weights_of_two_pools",
        "These strategies do not share one pool: {strategies}. Weights divide one pool, so give "
        "those of each pool by themselves. Nothing was changed.",
    )
    UNKNOWN_STRATEGY = (
        "unknown_strategy",
        "There is no strategy {strategy} on {accounts}. Give its key, and accounts that it is "
        "linked to.",
    )
    AMBIGUOUS_ACCOUNT = (
        "ambiguous_account",
        "{account} matches more than one account. Give an id: {candidates}.",
    )
    RUN_KEY_CONFLICT = (
        "run_key_conflict",
        "The run key {run_key} was already used for account {account} with different arguments "
        "({differences}). Use a new key.",
    )
    INVALID_RUN_KEY = "invalid_run_key", "The run key must be 1 to {longest} printable characters."
    ARCHIVE_TOO_RECENT = (
        "archive_too_recent",
        "Only months that ended at least {days} days ago can be archived. Give a date up to "
        "{latest}.",
    )
    ARCHIVE_FILE_DIFFERS = (
        "archive_file_differs",
        "{file} exists and has other rows. Nothing was removed. Give a folder of its own for the "
        "archive of this database.",
    )
    ARCHIVE_NOT_READ_BACK = (
        "archive_not_read_back",
        "{file} cannot be read back as it was written. Nothing of it was removed from the "
        "database. Check the disk, then run the command again.",
    )
    BACKUP_EXISTS = (
        "backup_exists",
        "{file} exists already, and no backup is overwritten. Choose another name.",
    )
    BACKUP_OF_NOTHING = (
        "backup_of_nothing",
        "The database has none of this application's tables, so there is nothing to save. Check "
        "DATABASE_URL.",
    )
    BACKUP_UNWRITABLE = (
        "backup_unwritable",
        "{file} cannot be written. Check that its folder exists, may be written and has space.",
    )
    BACKUP_UNREADABLE = (
        "backup_unreadable",
        "{file} is no backup, or is damaged.",
    )
    BACKUP_OF_OTHER_KIND = (
        "backup_of_other_kind",
        "{file} is a backup of another kind of database ({kind}). Set DATABASE_URL to one of that "
        "kind.",
    )
    BACKUP_WORKERS_ALIVE = (
        "backup_workers_alive",
        "Workers are alive and would write to the database. Stop the workers and the site, wait a "
        "minute, then try again.",
    )
    BACKUP_WOULD_REPLACE = (
        "backup_would_replace",
        "The database holds accounts, and restoring replaces everything in it. Make a backup of "
        "it, then add --replace.",
    )
    DESK_FILE_EXISTS = (
        "desk_file_exists",
        "{file} exists already, and is not overwritten. Choose another name.",
    )
    DESK_FILE_UNWRITABLE = (
        "desk_file_unwritable",
        "{file} cannot be written. Check that its folder exists and may be written.",
    )
    DESK_FILE_MISSING = (
        "desk_file_missing",
        "{file} cannot be read. Check its name, and that it is text that you may read.",
    )
    DESK_FILE_UNREADABLE = (
        "desk_file_unreadable",
        "Line {line} is no YAML as export_desk writes it.",
    )
    DESK_FILE_TOO_LARGE = (
        "desk_file_too_large",
        "The file is larger than {most} MB. Split its accounts into several files, and import one "
        "after the other.",
    )
    DESK_FILE_VERSION = (
        "desk_file_version",
        "Line {line}: the file is of version {version}, and this site reads version {known}. "
        "Export it again from a site of this version.",
    )
    DESK_FIELD_UNKNOWN = (
        "desk_field_unknown",
        "Line {line}: {name} is not known there. Known are {known}.",
    )
    DESK_FIELD_REFUSED = (
        "desk_field_refused",
        "Line {line}, {name}: {problem}.",
    )
    DESK_PASSPHRASE_NEEDED = (
        "desk_passphrase_needed",
        "A passphrase is needed. Name a file that holds it with --passphrase-file, or start the "
        "command in a terminal, where it is asked for.",
    )
    DESK_PASSPHRASE_WRONG = (
        "desk_passphrase_wrong",
        "This passphrase does not open the secrets of the file, or they were moved or changed.",
    )
    DESK_PASSPHRASE_SHORT = (
        "desk_passphrase_short",
        "A passphrase has {least} characters or more.",
    )
    BACKUP_TOOL_MISSING = (
        "backup_tool_missing",
        "{command} is not installed. Install the client tools of PostgreSQL.",
    )
    BACKUP_TOOL_FAILED = (
        "backup_tool_failed",
        "{command} failed (exit status {status}). Its version must not be older than the server's, "
        "the user needs the rights, and the disk needs space.",
    )
    APPEND_ONLY = (
        "append_only",
        "This is an audit record ({model}). It cannot be changed or deleted.",
    )
    NOTHING_TO_ACCEPT = "nothing_to_accept", "Account {account} has no suspect balance to accept."
    OTHER_SUSPECT = (
        "other_suspect",
        "Another balance of account {account} is suspect by now than the one that was shown. "
        "Nothing was refused: look at it first.",
    )
    FORCE_NOT_ALLOWED = (
        "force_not_allowed",
        "{user} may not force an allocation. This requires the permission capital.force_allocate.",
    )
    UNKNOWN_JOB = "unknown_job", "There is no job {name}. The jobs are: {known}."
    NOT_PERMITTED = (
        "not_permitted",
        "{user} may not do this. This requires the permission {permission}.",
    )
    ROLE_TOO_SMALL = (
        "role_too_small",
        "{user} has the role “{role}” on account {account}; this needs “{needed}”.",
    )
    STRATEGY_OF_ANOTHER = (
        "strategy_of_another",
        "The strategy {strategy} belongs to somebody else; only its owner may change it.",
    )
    LINK_ACROSS_OWNERS = (
        "link_across_owners",
        "The strategy {strategy} of {other} trades on the account {account} of {owner}, who sees "
        "the strategy from now on.",
    )
    LINK_WITHOUT_WEBHOOK = (
        "link_without_webhook",
        "The strategy {strategy} of {other} trades on the account {account} of {owner}, which "
        "{other} may not allocate: signals of the strategy's webhook pass this account over.",
    )
    ACCOUNTS_PASSED_OVER = (
        "accounts_passed_over",
        "Accounts that the strategy's owner may not allocate were passed over: {count}.",
    )
    OWNER_ONLY = "owner_only", "Only a superuser can choose the owner."
    UNKNOWN_PLAN = "unknown_plan", "There is no such preview. Make a new one."
    PLAN_EXPIRED = (
        "plan_expired",
        "The preview is older than {minutes} minutes, so nothing was applied. Check the new "
        "figures, then apply them.",
    )
    PLAN_STALE = (
        "plan_stale",
        "Something changed since the preview was made ({accounts}), so nothing was applied. Check "
        "the new figures, then apply them.",
    )
    PLAN_TOO_LARGE = (
        "plan_too_large",
        "A preview takes at most {largest} accounts; these are {accounts}. Choose fewer.",
    )
    UNKNOWN_RUN = "unknown_run", "There is no allocation #{run}."
    NOTHING_TO_REVERT = (
        "nothing_to_revert",
        "Allocation #{run} changed no capital, so there is nothing to revert.",
    )
    REVERTED_ALREADY = (
        "reverted_already",
        "Allocation #{run} was already reverted by allocation #{by}.",
    )
    REVERT_NOT_LATEST = (
        "revert_not_latest",
        "Allocation #{run} is not the last one: allocation #{later} changed capital after it. "
        "Revert that one first.",
    )
    REVERT_EXCEEDS = (
        "revert_exceeds",
        "Before allocation #{run}, the strategies of the {pool} pool held {restored} {currency}, "
        "which is more than its current balance of {balance} {currency}. Nothing was changed.",
    )
    REVERT_WITHOUT_BALANCE = (
        "revert_without_balance",
        "The current balance of the {pool} pool is unknown ({why}), so allocation #{run} cannot "
        "be reverted safely. Nothing was changed.",
    )

    # A figure of performance that has no answer
    NO_SOURCE = (
        "no_source",
        "No fills are known of this. Report them, import them, or let them be read from the "
        "exchange.",
    )
    NO_DAYS = "no_days", "No day of this period has a return."
    REPLAY_EMPTY = (
        "replay_empty",
        "Nothing is on record of what strategies earned on this account in this period. Report or "
        "import their fills first.",
    )
    REPLAY_SAME_RETURNS = (
        "replay_same_returns",
        "A strategy is assumed to earn the same return with any capital. Whether its orders would "
        "have been filled at the same prices, or at all, is not known.",
    )
    REPLAY_PRESENT_SETTINGS = (
        "replay_present_settings",
        "Weights, limits of capital and the reserve are those of now, on every day.",
    )
    REPLAY_DAILY = (
        "replay_daily",
        "Capital is divided at the beginning of a day, if that is due. Open positions, "
        "reservations and stops do not hold any of it back.",
    )
    REPLAY_WITHOUT_RETURN = (
        "replay_without_return",
        "{strategy} would have had capital on {days} days for which no return is on record. It "
        "is assumed to have earned nothing on them.",
    )
    REPLAY_WITHOUT_MARK = (
        "replay_without_mark",
        "The unrealised PnL of {strategy} is not known on {days} days. Only what was realised "
        "counts on them.",
    )
    REPLAY_UNEXPLAINED = (
        "replay_unexplained",
        "Fills and flows do not explain {amount} {currency} of the changes of balances. Neither "
        "course contains that. Enter deposits and withdrawals that are missing.",
    )
    REPLAY_WITHOUT_BALANCE = (
        "replay_without_balance",
        "The balance of the pool {pool} at the beginning is not on record. The equity of its "
        "strategies is used instead.",
    )
    REPLAY_LATER_BALANCE = (
        "replay_later_balance",
        "The balance of the pool {pool} at the beginning is not on record. It is that of {date}, "
        "less what was earned, paid in and taken out until then.",
    )
    ONE_DAY = "one_day", "Only one day has a return; at least two are needed."
    TOO_FEW_DAYS = (
        "too_few_days",
        "Only {days} days have a return; for an estimate at least {least} are needed.",
    )
    CONSTANT = "constant", "All values are the same, so they do not deviate."
    ALL_ZERO = "all_zero", "All values are zero."
    RUIN = (
        "ruin",
        "On one day all of the capital was lost, or more. From then on returns cannot be chained.",
    )
    NO_LOSING_DAY = "no_losing_day", "No day lost anything, so there is nothing to divide by."
    NO_DRAWDOWN = "no_drawdown", "There was no drawdown, so there is nothing to divide by."
    PNL_UNKNOWN = (
        "pnl_unknown",
        "The unrealised PnL at the start or at the end of this period is not known.",
    )
    NOT_BY_SYMBOL = (
        "not_by_symbol",
        "Capital and unrealised PnL are kept by strategy, so this is not known of a symbol.",
    )
    OTHER_CURRENCY = (
        "other_currency",
        "This was earned in another currency than that of the account, so no capital stands "
        "against it.",
    )
    NO_TRADES = "no_trades", "No trade won or lost in this period."
    ONE_TRADE = "one_trade", "Only one trade ended; at least two are needed."
    NO_LOSSES = "no_losses", "No trade lost, so there is nothing to divide by."
    NO_WINS = "no_wins", "No trade won, so there is no average win."

    # An amount of a monthly statement that is not known
    BALANCE_UNKNOWN = (
        "balance_unknown",
        "A balance of {account} that this month needs is not known.",
    )
    FREE_BASIS = (
        "free_basis",
        "The balance of {account} is read without what orders and positions tie up, so its "
        "changes are not explained.",
    )
    OTHER_MEANING = (
        "other_meaning",
        "In this month another balance type or wallet of {account} began to be read.",
    )
    MARK_UNKNOWN = (
        "mark_unknown",
        "A mark price of what {account} held is missing, so its unrealised PnL is not known.",
    )
    NOT_IN_BALANCE = (
        "not_in_balance",
        "The balance type of {account} holds no unrealised PnL.",
    )
    NOT_EXPLAINED = (
        "not_explained",
        "The changes of the balance of {account} are explained with its next reading.",
    )

    # A sized order, and the limit that it missed
    SIZED = "sized", "The order can be sent as it is."
    NO_CAPITAL = "no_capital", "The strategy has no capital on this account."
    NOTHING_AVAILABLE = (
        "nothing_available",
        "All of the strategy's capital on this account is in use, reserved or lost.",
    )
    BELOW_STEP = "below_step", "The quantity {quantity} is less than one order step ({limit})."
    BELOW_MIN_AMOUNT = (
        "below_min_amount",
        "The quantity {quantity} is less than the minimum of {limit}.",
    )
    BELOW_MIN_COST = (
        "below_min_cost",
        "The order value of {cost} {currency} is less than the minimum of {limit} {currency}.",
    )

    # A sized order: a warning
    QTY_IGNORED = "qty_ignored", "Because {wins} was given too, qty was not used."
    CLOSE_CAPPED = (
        "close_capped",
        "More was asked for ({asked}%) than the position has, so all of it is closed.",
    )
    CLOSE_LEAVES_REST = (
        "close_leaves_rest",
        "The position is not a multiple of the order step, so {rest} stays open.",
    )
    MORE_THAN_HELD = (
        "more_than_held",
        "The strategy reports holding only {held} {symbol}, which is less than the order.",
    )
    CAPPED_BY_MAX_AMOUNT = (
        "capped_by_max_amount",
        "The order was reduced to the exchange's maximum quantity of {limit}.",
    )
    CAPPED_BY_MAX_COST = (
        "capped_by_max_cost",
        "The order was reduced to the exchange's maximum order value of {limit} {currency}.",
    )
    CUT_TO_AVAILABLE = (
        "cut_to_available",
        "The order was reduced to the capital that is available: {available} {currency}.",
    )
    RESERVATION_WAITS = (
        "reservation_waits",
        "Reservations that have expired ({count}) still hold {amount} {currency}, until fills or "
        "positions up to their expiry are read or reported. Report them, or release the "
        "reservations.",
    )
    MARKET_RULES_OLD = (
        "market_rules_old",
        "The rules of this instrument were fetched {hours} hours ago. The job that fetches "
        "them is late.",
    )
    PRICE_NOT_NEEDED = (
        "price_not_needed",
        "No price was available. The position can still be closed, but the order value and fee "
        "are unknown.",
    )

    LEVERAGE_CAPPED = (
        "leverage_capped",
        "The leverage {asked} is more than the exchange allows for this order, so it was sized "
        "with {limit}.",
    )
    LEVERAGE_UNCHECKED = (
        "leverage_unchecked",
        "The highest leverage that the exchange allows for {symbol} is not known, so it may refuse "
        "an order with {asked}.",
    )
    NO_ROOM_FOR_FEES = (
        "no_room_for_fees",
        "The order uses all of the capital ({percent}%) and the account's fee rate is 0, so "
        "nothing is left for fees. Set the account's fee rate, or use a smaller percentage.",
    )
    PRICE_NOT_COMPARED = (
        "price_not_compared",
        "The price {price} could not be compared with the market ({cause}).",
    )
    PRICE_IS_OLD = (
        "price_is_old",
        "The last trade of {symbol} on {venue} ({observed}) is {minutes} minutes old, and no "
        "bid or ask is known. No price was refused by it.",
    )
    ORDER_PRICE_MISSING = (
        "order_price_missing",
        "This {order_type} order does not say its {names}, so it was sized at {price}. Placed at "
        "another price, it may cost more than its budget.",
    )
    STOP_REACHED = (
        "stop_reached",
        "The market, at {observed}, has already reached the stop-loss at {stop}. It would be "
        "triggered at once, or refused by the exchange, and the size does not limit the loss.",
    )
    DUST = (
        "dust",
        "The position of {position} {symbol} is too small for any order, so it does not count as "
        "open and does not hold capital. Sell or convert it on the exchange, then report a "
        "quantity of 0.",
    )

    # An order that is refused: the request itself
    SYMBOL_MISSING = "symbol_missing", "The order has no symbol."
    UNKNOWN_SIDE = "unknown_side", "Unknown side {side}. Use one of: {known}."
    UNKNOWN_ORDER_TYPE = (
        "unknown_order_type",
        "Unknown order type {order_type}. Use one of: {known}.",
    )
    UNKNOWN_POSITION_SIDE = (
        "unknown_position_side",
        "Unknown position side {side}. Use long, short or both.",
    )
    NUMBER_NOT_FINITE = "number_not_finite", "{name} is not a finite number."
    QUANTITY_MISSING = (
        "quantity_missing",
        "The order has no quantity. Give qty_per, risk_per, qty or stake, and not zero.",
    )
    QUANTITY_NEGATIVE = (
        "quantity_negative",
        "The quantity {quantity} must be above zero. To close a position, use a negative qty_per.",
    )
    PRICE_NOT_POSITIVE = "price_not_positive", "{name} is {price}; it must be above zero."
    RISK_OUT_OF_RANGE = (
        "risk_out_of_range",
        "The risk of {percent}% must be above 0% and at most 100%.",
    )
    RISK_OF_CLOSING = (
        "risk_of_closing",
        "A closing order has no risk. Give either risk_per or a negative qty_per.",
    )
    RISK_OF_STOP_ORDER = (
        "risk_of_stop_order",
        "With risk_per, stop_price is the stop-loss, so the entry must be a MARKET or LIMIT order.",
    )
    STOP_PRICE_MISSING = (
        "stop_price_missing",
        "An order with risk_per needs a stop-loss. Give its price as stop_price.",
    )
    STOP_ON_WRONG_SIDE = (
        "stop_on_wrong_side",
        "The stop-loss at {stop} must be on the losing side of the entry at {price}: below it to "
        "buy, above it to sell.",
    )

    CLOSE_SIDE_MISSING = (
        "close_side_missing",
        "A long and a short position in {symbol} are open. Say which one to close: "
        "position_side long or short.",
    )

    # A fill or a flow that is refused
    TRADES_UNREAD = (
        "trades_unread",
        "{question}: read until {until} only ({cause}).",
    )
    TRADES_MISSING = (
        "trades_missing",
        "{question}: {venue} no longer tells what happened after {until}, because it was not read "
        "in time. Import it from a file.",
    )
    TRADES_NOT_BOOKED = (
        "trades_not_booked",
        "{question}: {rows} rows could not be booked. Import them from a file once the "
        "instrument rules are up to date.",
    )
    FILL_NOT_POSITIVE = (
        "fill_not_positive",
        "The {name} of a fill must be above zero; it is {number}.",
    )
    TOO_MANY_DECIMALS = (
        "too_many_decimals",
        "{name} has {decimals} decimals; here it may have {most}. Give it as the exchange tells "
        "it.",
    )
    AMOUNT_TOO_LARGE = (
        "amount_too_large",
        "{name} has {digits} digits before the decimal point; here it may have {most}.",
    )
    POSITION_TWICE = (
        "position_twice",
        "The position in {symbol} is reported twice. Give each symbol and side once.",
    )
    CONTRACT_UNBOOKABLE = (
        "contract_unbookable",
        "{venue} counts {symbol} in its base coin, and pays what it earns in it. Such fills cannot "
        "be booked.",
    )
    FILL_NAMELESS = (
        "fill_nameless",
        "A fill needs the exchange's fill id. Where that is not known, give order_id or "
        "client_order_id.",
    )
    FILL_IN_FUTURE = (
        "fill_in_future",
        "The time {moment} is still to come. Check the clock, the time zone, and that milliseconds "
        "are not taken for seconds.",
    )
    MOMENT_TOO_OLD = (
        "moment_too_old",
        "The time {moment} is before 2009, when nothing was traded yet. Check the year, and that "
        "seconds are not taken for milliseconds.",
    )
    FILE_UNREADABLE = (
        "file_unreadable",
        "{file} cannot be read. Give a CSV in UTF-8, an XLSX, or the database of a freqtrade bot.",
    )
    FILE_COLUMNS_MISSING = (
        "file_columns_missing",
        "The file has no column {columns}. Its first line must name the columns.",
    )
    FILE_COLUMNS_UNKNOWN = (
        "file_columns_unknown",
        "Unknown column: {columns}. Remove it, or use one of: {known}.",
    )
    FILE_COLUMNS_TWICE = (
        "file_columns_twice",
        "The file has the column {columns} more than once.",
    )
    FILE_LINE_UNREADABLE = (
        "file_line_unreadable",
        "Line {line} cannot be read: a quotation mark in it is not closed, or text follows one "
        "that closes.",
    )
    FILE_LINE_TOO_WIDE = (
        "file_line_too_wide",
        "Line {line} has more cells than the first line has names. In a file with commas between "
        "its columns, 1,5 is two cells: write 1.5.",
    )
    FILE_TOO_LONG = (
        "file_too_long",
        "The file has more than {most} lines. Split it.",
    )
    FILE_TOO_LARGE = (
        "file_too_large",
        "The content of {file} is larger than {most} MB. Split it.",
    )
    IMPORT_CHANGED = (
        "import_changed",
        "Something was recorded since the preview was shown, so that the import would do something "
        "else. Nothing was imported: see the new preview.",
    )
    SHEET_UNREADABLE = (
        "sheet_unreadable",
        "{file} cannot be read. Give a CSV in UTF-8, or an XLSX.",
    )
    SHEET_TOO_LARGE = (
        "sheet_too_large",
        "The file is larger than {most} KB. Split it.",
    )
    SHEET_EXPIRED = (
        "sheet_expired",
        "This preview is older than a day, or of another file. Nothing was imported: upload the "
        "file again.",
    )
    SHEET_CHANGED = (
        "sheet_changed",
        "Something was changed since the preview was shown, so that the import would do something "
        "else. Nothing was imported: upload the file again.",
    )
    CELL_EMPTY = ("cell_empty", "The cell is empty.")
    CELL_NO_AMOUNT = (
        "cell_no_amount",
        "“{text}” is not a plain number. Write it as 1234.5, without separators and units.",
    )
    CELL_NO_MOMENT = (
        "cell_no_moment",
        "“{text}” is not a time with its offset from UTC. Write it as 2026-11-30T09:00:00+09:00.",
    )
    CELL_CUT = (
        "cell_cut",
        "The spreadsheet keeps this id as a number and has cut its last digits ({text}). Format "
        "the column as “Text” and enter it again.",
    )
    CELL_COMPUTED = (
        "cell_computed",
        "The spreadsheet computes this cell ({text}). Copy the column, paste it as values, and "
        "save the file again.",
    )
    CELL_TOO_LONG = ("cell_too_long", "“{text}” has more than {most} characters.")
    CELL_NO_CURRENCY = (
        "cell_no_currency",
        "“{text}” is not a currency. Write one only, as the exchange does, such as USDT.",
    )
    CELL_NO_WORD = ("cell_no_word", "“{text}” is not one of: {known}.")
    FREQTRADE_UNREADABLE = (
        "freqtrade_unreadable",
        "{file} cannot be read as a freqtrade database. If an old version of freqtrade made it, "
        "start the bot once with a current one, which brings it up to date.",
    )
    FREQTRADE_DRY_RUN = (
        "freqtrade_dry_run",
        "This is the database of a dry run (order {order}): no real money was traded.",
    )
    FREQTRADE_MODE = (
        "freqtrade_mode",
        "The bot traded in the mode {mode}. Only spot and futures can be imported.",
    )
    FREQTRADE_VENUES = (
        "freqtrade_venues",
        "The database tells of several exchanges ({venues}). Import the trades of one account at a "
        "time.",
    )
    FILE_OF_OTHER_VENUE = (
        "file_of_other_venue",
        "The file tells of trades on {venue}, but the account is on {account_venue}.",
    )
    LINE_OF_OTHER_ACCOUNT = (
        "line_of_other_account",
        "The line is of the account “{account}”, not of this one.",
    )
    LINE_STRATEGY_MISSING = (
        "line_strategy_missing",
        "The line names no strategy. Say whose trades these are.",
    )
    LINE_STRATEGY_UNKNOWN = (
        "line_strategy_unknown",
        "No strategy of the account is called “{strategy}”. Those that it has: {known}.",
    )
    LINE_STRATEGY_AMBIGUOUS = (
        "line_strategy_ambiguous",
        "Several strategies of the account are called “{strategy}”: {known}. Use the key.",
    )
    LINE_FUNDING_TWICE = (
        "line_funding_twice",
        "Line {line} says another funding of the same fill. Keep one of them.",
    )
    FUNDING_DIFFERS = (
        "funding_differs",
        "Funding of {recorded} {currency} is recorded; the file says {told}. It stays as recorded.",
    )
    FLOW_SIGN = (
        "flow_sign",
        "{amount} {currency} has the wrong sign: what came in must be above zero, what went out "
        "below.",
    )
    FLOW_POOL_NOT_OF_ACCOUNT = (
        "flow_pool_not_of_account",
        "The account has no pool “{pool}”. Its pools are: {pools}.",
    )
    FLOW_NOT_EARNED = (
        "flow_not_earned",
        "Only funding, interest and rebates may name a strategy or a symbol. Other money is of the "
        "account.",
    )
    FLOW_LINK_NOT_OF_ACCOUNT = (
        "flow_link_not_of_account",
        "The account has no strategy link {link}.",
    )
    FLOW_NOT_BY_HAND = (
        "flow_not_by_hand",
        "Only what a person entered can be reversed. Flow {flow} was not entered by hand.",
    )
    FLOW_REVERSED_ALREADY = (
        "flow_reversed_already",
        "Flow {flow} was reversed already, by flow {by}.",
    )
    FLOW_TOLD_SINCE = (
        "flow_told_since",
        "The exchange has told of flow {flow} since. Its own row counts instead, so there is "
        "nothing to reverse.",
    )
    FILLS_NOT_OF_ONE_ACCOUNT = (
        "fills_not_of_one_account",
        "Fills of one account are assigned at once; these are of {accounts}.",
    )
    FLOW_SYMBOL_UNREADABLE = (
        "flow_symbol_unreadable",
        "{symbol} is no symbol in ccxt's notation, such as BTC/USDT or BTC/USDT:USDT.",
    )

    # The equity of a link, where it is not known
    NO_FILLS_KNOWN = (
        "no_fills_known",
        "No fills of the strategy on this account are known, so what it earned is not known.",
    )
    MARK_MISSING = (
        "mark_missing",
        "What is unrealised is not known: there is no price of the last five minutes of {symbols}.",
    )
    UNREALIZED_THEN_UNKNOWN = (
        "unrealized_then_unknown",
        "What was unrealised when the capital was allocated is not known, so neither is what "
        "changed since. It is known from the next reallocation on.",
    )

    # An order that is refused: the instrument
    WORDS_CONTRADICT = (
        "words_contradict",
        "{words} say different things. Send one of them, or make them say the same.",
    )
    UNKNOWN_TARGET = (
        "unknown_target",
        "The position {position} is not known. Use one of: {known}.",
    )
    PLACEHOLDER_LEFT = (
        "placeholder_left",
        "{placeholder} was sent as it is: the sender did not fill it in. TradingView fills in "
        "placeholders such as strategy.order.action in alerts of a strategy only, and others by "
        "their exact name.",
    )
    CLOSE_OUT_OF_RANGE = (
        "close_out_of_range",
        "A position cannot be closed by {percent}%. Close more than 0% and at most 100%.",
    )
    LEVERAGE_NOT_POSITIVE = (
        "leverage_not_positive",
        "The leverage {leverage} must be above zero.",
    )
    LEVERAGE_ABOVE_LINK = (
        "leverage_above_link",
        "A leverage of {asked} was asked for, but the strategy has {limit} here. It was sized with "
        "at most that.",
    )
    LEVERAGE_BELOW_LINK = (
        "leverage_below_link",
        "It was sized with the leverage {asked} that was asked for. Once it is filled, what it "
        "ties up is counted with {limit}, the strategy's here, so more looks available than there "
        "is. Set the strategy's leverage to the one that is used.",
    )
    LEVERAGE_ON_SPOT = (
        "leverage_on_spot",
        "A leverage of {asked} was asked for, but spot has none. It was sized with 1.",
    )
    DO_NOT_SEND = (
        "do_not_send",
        "Do not send this order: nothing can be closed. At some exchanges, a reduce-only order of "
        "0 closes the whole position.",
    )
    STAKE_MISSING = (
        "stake_missing",
        "The field stake_of says what a stake counts, but there is no stake.",
    )
    STAKE_NOT_POSITIVE = "stake_not_positive", "The stake {stake} must be above zero."
    STAKE_NOT_ALONE = (
        "stake_not_alone",
        "The stake says how much to order, and so do: {others}. Send one of them.",
    )
    UNKNOWN_STAKE = (
        "unknown_stake",
        "A stake of {stake_of} is not known. Use margin or notional.",
    )
    ALREADY_THERE = (
        "already_there",
        "The position in {symbol} is {held} already, on the side that was asked for. Nothing is "
        "to be ordered.",
    )
    POSITION_UNKNOWN = (
        "position_unknown",
        "Nobody has reported what {strategy} holds on {account}, so no order leads to a position. "
        "Have the bot report its positions once, an empty list where it holds nothing.",
    )
    SIZE_NOT_USED = (
        "size_not_used",
        "Closing takes no size, so {names} was ignored. Send close 33% to close a part.",
    )
    UNKNOWN_SYMBOL = (
        "unknown_symbol",
        "{venue} has no instrument {symbol} that this strategy could trade in the account's "
        "currency. The nearest ones: {nearest}.",
    )
    AMBIGUOUS_SYMBOL = (
        "ambiguous_symbol",
        "On {venue}, {symbol} may be any of these: {symbols}. Send the one that you mean.",
    )
    OTHER_EXCHANGE = (
        "other_exchange",
        "The symbol names {exchange}, but this account is on {venue}. {symbol} of {venue} was "
        "used.",
    )
    MARKETS_NOT_SYNCED = (
        "markets_not_synced",
        "The instrument rules of {venue} were never fetched. A job fetches them "
        "soon after the first account of an exchange.",
    )
    SYMBOL_NOT_TRADED = (
        "symbol_not_traded",
        "{symbol} is currently not traded on {venue}, so no order can be placed. If a position in "
        "it is open, settle it on the exchange and report a quantity of 0, or force a "
        "reallocation.",
    )
    SYMBOL_OF_OTHER_MARKET = (
        "symbol_of_other_market",
        "The strategy {strategy} trades {market}, but {symbol} is of another market ({kind}).",
    )
    CURRENCY_MISMATCH = (
        "currency_mismatch",
        "{symbol} is settled in {settle}, but the capital of this account is in {currency}.",
    )
    AMOUNT_UNIT_UNKNOWN = (
        "amount_unit_unknown",
        "It is not known what the amount of an order of {symbol} on {venue} counts: contracts, "
        "coins or money. So nothing is sized there.",
    )
    MARKET_RULES_SUSPECT = (
        "market_rules_suspect",
        "{venue} changed what an order of {symbol} counts ({change}). Until someone accepts the "
        "new rules, positions can only be closed, by the old ones.",
    )
    PRICE_DEVIATES = (
        "price_deviates",
        "The price {price} is too far from the market's {observed} ({percent}%, at most "
        "{limit}%). Check the price, or raise the account's maximum price deviation.",
    )
    PRICE_UNAVAILABLE = (
        "price_unavailable",
        "Could not get a price of {symbol} from {venue} ({cause}). Give a price with the order, "
        "or try again.",
    )

    # An order that is refused: the rules of the link and its account
    UNKNOWN_LINK = "unknown_link", "There is no strategy link with the id {link}."
    CLOSING_ONLY = (
        "closing_only",
        "The strategy is paused, so it can only close positions. Activate it, or use a negative "
        "qty_per.",
    )
    STOPPED = (
        "stopped",
        "New entries have been stopped since {since}: {cause}. Positions can still be closed.",
    )
    TOO_MANY_SYMBOLS = (
        "too_many_symbols",
        "The strategy may hold at most {limit} symbols on this account, and already holds: {held}.",
    )
    BUDGET_ABOVE_LIMIT = (
        "budget_above_limit",
        "The order would spend more of the strategy's capital ({percent}%) than the account "
        "allows ({limit}%). Reduce the order, or raise the account's budget limit.",
    )
    ABOVE_AVAILABLE = (
        "above_available",
        "The order needs {cost} {currency}, but only {available} {currency} of the strategy's "
        "capital are available. Reduce the order, or close or release something first.",
    )
    IN_USE_UNKNOWN = (
        "in_use_unknown",
        "What positions in {symbols} tie up is not known, because they were reported without an "
        "entry price and there is no market price. Report their entry prices.",
    )
    ORDER_RESERVED = (
        "order_reserved",
        "There is a reservation for the order {order} already, and it still counts.",
    )
    RESERVATION_ENDED = (
        "reservation_ended",
        "This reservation has ended ({state}). Reserve again.",
    )
    RESERVATION_PLACED = (
        "reservation_placed",
        "This reservation is of the order {order}. Another order needs one of its own.",
    )
    RESERVATION_TOO_LONG = (
        "reservation_too_long",
        "A reservation lasts between 1 and {most} seconds, not {seconds}.",
    )
    SPOT_SELL_NOT_ENTRY = (
        "spot_sell_not_entry",
        "A spot sell cannot open a position. To sell holdings, use a negative qty_per.",
    )
    SIDE_NOT_ENTRY = (
        "side_not_entry",
        "A sell cannot open a long position, nor a buy a short one. To close a part of it, use a "
        "negative qty_per.",
    )
    NOTHING_TO_CLOSE = (
        "nothing_to_close",
        "The strategy reports no open position in {symbol} on this account, so there is nothing "
        "to close.",
    )
    CLOSE_ON_WRONG_SIDE = (
        "close_on_wrong_side",
        "The position is {position} {symbol}. To close it, use the side {side}.",
    )
    BUDGET_LIMIT_NOT_ALLOWED = (
        "budget_limit_not_allowed",
        "A budget limit of {percent}% needs the permission capital.raise_budget_limit, because "
        "whatever is above 100% belongs to other strategies.",
    )

    # A limit of a link or an account
    DRAWDOWN_NEAR = (
        "drawdown_near",
        "The drawdown is {percent}%. New entries stop at {limit}%.",
    )
    DAILY_LOSS_NEAR = (
        "daily_loss_near",
        "Today's loss is {percent}%. New entries stop at {limit}%.",
    )
    DAILY_LOSS_AMOUNT_NEAR = (
        "daily_loss_amount_near",
        "Today's loss is {loss} {currency}. New entries stop at {limit} {currency}.",
    )
    DRAWDOWN_REACHED = (
        "drawdown_reached",
        "The drawdown is {percent}%; the limit is {limit}%.",
    )
    DAILY_LOSS_REACHED = (
        "daily_loss_reached",
        "Today's loss is {percent}%; the limit is {limit}%.",
    )
    DAILY_LOSS_AMOUNT_REACHED = (
        "daily_loss_amount_reached",
        "Today's loss is {loss} {currency}; the limit is {limit} {currency}.",
    )
    LIMIT_NOT_JUDGED = (
        "limit_not_judged",
        "The limit is not watched: {cause}.",
    )

    # A stop that cannot be placed or lifted
    STOP_SCOPE_UNCLEAR = (
        "stop_scope_unclear",
        "Name exactly one of: a strategy link, an account, an owner, everybody.",
    )
    STOP_REASON_MISSING = (
        "stop_reason_missing",
        "Give a reason: it is shown to whoever asks why nothing is ordered.",
    )
    STOP_REASON_TOO_LONG = (
        "stop_reason_too_long",
        "The reason is too long. Use at most {longest} characters.",
    )

    # An alert: what is told
    TEST_ALERT = (
        "test_alert",
        "This is a test message. Alerts that are sent to {name} arrive here.",
    )

    DAILY_DIGEST = "daily_digest", "The day of {date}, and what needs attention."
    BALANCE_UNREADABLE = (
        "balance_unreadable",
        "For {minutes} minutes, no balance could be read from {venue} ({cause}). Allocation goes "
        "on with the cached balance, as long as that is not too old.",
    )
    ENTRIES_STOPPED = "entries_stopped", "New entries of {name} are stopped ({cause})."
    ALL_ENTRIES_STOPPED = (
        "all_entries_stopped",
        "New entries of all accounts are stopped ({cause}).",
    )
    STOP_LIFTED = "stop_lifted", "The stop of {name} was lifted ({cause})."
    ALL_STOPS_LIFTED = "all_stops_lifted", "The stop of all accounts was lifted ({cause})."
    SIGNAL_REFUSED = (
        "signal_refused",
        "A signal to {strategy} was refused, so no order was sized. The strategy's page shows why.",
    )
    SIGNAL_NOT_FOLLOWED = (
        "signal_not_followed",
        "An order of a signal to {strategy} was refused on an account: it came late, or the "
        "position there is unknown. The strategy's page shows which.",
    )
    FILLS_OF_NOBODY = (
        "fills_of_nobody",
        "There are fills of which it is not known which strategy made them. They wait in the list "
        "of fills to be assigned.",
    )
    BALANCE_UNEXPLAINED = (
        "balance_unexplained",
        "On {date}, {amount} {currency} of the change in the {pool} pool is explained neither by "
        "fills nor by deposits and withdrawals.",
    )
    AUDIT_FOUND = (
        "audit_found",
        "What is stored of this account breaks the rules {count} times. Whoever runs this "
        "installation sees which by an audit of account {account_id}.",
    )
    JOB_IS_LATE = "job_is_late", "The job {job} is late. “Job health” says why."
    CLUSTER_SILENT = (
        "cluster_silent",
        "The worker cluster {cluster} has pulled no task since {since}. Check that its machine "
        "runs, then start it again.",
    )

    # A message that was not taken, or an address that cannot be
    ALERT_NOT_WANTED = (
        "alert_not_wanted",
        "Nothing was sent: the target was switched off, or its user may no longer see what the "
        "message is about.",
    )
    CHANNEL_UNKNOWN = "channel_unknown", "There is no channel {channel}."
    CHANNEL_FAILED = (
        "channel_failed",
        "The message could not be sent. It is tried again for an hour.",
    )
    CHANNEL_ANSWERED = (
        "channel_answered",
        "The other side answered with status {status}, so the message was not delivered. Check "
        "the address.",
    )
    CHANNEL_UNREACHABLE = (
        "channel_unreachable",
        "The server of this channel cannot be reached. Check the address, and whether this "
        "machine may connect to it.",
    )
    CHANNEL_TIMED_OUT = (
        "channel_timed_out",
        "The server of this channel did not answer within {seconds} seconds.",
    )
    MAIL_NOT_SET_UP = (
        "mail_not_set_up",
        "There is no mail server. Set CAPITAL_MAIL_URL, then try again.",
    )
    MAIL_REFUSED = "mail_refused", "The mail server refused the message or its recipient."
    ADDRESS_MISSING = "address_missing", "Give an address."
    ADDRESS_INVALID = (
        "address_invalid",
        "This is not an address of this channel. The form says what one looks like.",
    )
    MESSAGE_REFUSED = (
        "message_refused",
        "The service answered, but did not take the message. Check the address and its rights.",
    )
    ADDRESS_PLAIN = (
        "address_plain",
        "This address is not encrypted, so its secret could be read on the way. Use the encrypted "
        "one, or set CAPITAL_ALERT_PRIVATE_ADDRESSES=1 on a network of your own.",
    )
    ADDRESS_PRIVATE = (
        "address_private",
        "This address leads into a private network, and nothing is sent there. "
        "CAPITAL_ALERT_PRIVATE_ADDRESSES=1 allows it.",
    )
    ADDRESS_REDIRECTS = (
        "address_redirects",
        "This address redirects to another one, and nothing is sent there. Give the other one, or "
        "set CAPITAL_ALERT_REDIRECTS=1.",
    )
    ADDRESS_OPTIONS = (
        "address_options",
        "Behind its question mark, this address has an option that is not allowed. Leave out what "
        "does not say whom to tell.",
    )
    QUIET_HOURS_HALF = "quiet_hours_half", "Quiet hours need a beginning and an end."
    TARGET_NAME_TAKEN = "target_name_taken", "There is a target with the name {name} already."
    SIGNING_SECRET_SHORT = (
        "signing_secret_short",
        "A webhook needs a signing secret of at least {least} characters.",
    )

    # A rule that a record breaks: what audit_capital finds
    RUN_KEY_MALFORMED = (
        "run_key_malformed",
        "The run key {run_key} is empty, longer than 200 characters or not printable.",
    )
    RUN_KEY_REPEATED = (
        "run_key_repeated",
        "The run key {run_key} was used for {times} allocations: {runs}.",
    )
    RECORD_UNREADABLE = "record_unreadable", "{row} cannot be read ({kind})."
    TIME_IN_FUTURE = "time_in_future", "{row}: the time “{what}” is in the future ({moment})."
    READ_AFTER_DECISION = (
        "read_after_decision",
        "{pool} pool (row {row}): the balance used is of {moment}, which is after the allocation.",
    )
    SNAPSHOT_MISSING = (
        "snapshot_missing",
        "The outcome is “{outcome}”, but the allocation has no snapshot.",
    )
    SNAPSHOT_UNEXPECTED = (
        "snapshot_unexpected",
        "The outcome is “{outcome}”, but the allocation has a snapshot. Only unchanged "
        "allocations have one.",
    )
    POOLS_MISSING = "pools_missing", "The outcome is “{outcome}”, but the allocation has no pools."
    POOLS_UNEXPECTED = (
        "pools_unexpected",
        "The outcome is “{outcome}”, but the allocation has pools of its own.",
    )
    OUTCOME_CONTRADICTED = (
        "outcome_contradicted",
        "The outcome is “{outcome}”, but the allocation's entries say otherwise.",
    )
    FORCED_MARK_WRONG = (
        "forced_mark_wrong",
        "The allocation is marked as forced: {marked}. Its arguments say: {asked}.",
    )
    ARGUMENTS_CONTRADICTED = (
        "arguments_contradicted",
        "The allocation's arguments and its own fields disagree on: {argument}.",
    )
    LIVE_THOUGH_CACHED = (
        "live_though_cached",
        "{pool} pool (row {row}): the balance is live, but live balances were not requested.",
    )
    WALLET_MODES_MIXED = (
        "wallet_modes_mixed",
        "The allocation has a unified pool beside others: {pools}.",
    )
    LINK_REPEATED = (
        "link_repeated",
        "Strategy link {link} got capital in more than one pool of the allocation.",
    )
    LINK_OF_ANOTHER_ACCOUNT = (
        "link_of_another_account",
        "Entry {entry}: strategy link {link} belongs to account {account}.",
    )
    ACROSS_POOLS = (
        "across_pools",
        "Entry {entry}: strategy link {link} got capital from the {pool} pool (row {row}), which "
        "does not belong to its market.",
    )
    BASIS_CONTRADICTED = (
        "basis_contradicted",
        "The recorded inputs disagree with the pools and entries on: {parts}.",
    )
    READING_CONTRADICTED = (
        "reading_contradicted",
        "{pool} pool (row {row}): the source “{source}” does not fit its balance or its time.",
    )
    DIVIDED_WITHOUT_BALANCE = (
        "divided_without_balance",
        "{pool} pool (row {row}): there was no balance, but there is a reserve or an unallocated "
        "amount.",
    )
    POOL_NOT_CONSERVED = (
        "pool_not_conserved",
        "{pool} pool (row {row}): allocated {allocated} + reserve {reserve} + unallocated "
        "{unallocated} is not the balance {balance}.",
    )
    DEBT_ALLOCATED = (
        "debt_allocated",
        "{pool} pool (row {row}): the balance {balance} is a debt, but capital was allocated or "
        "reserved.",
    )
    RESERVE_WRONG = (
        "reserve_wrong",
        "{pool} pool (row {row}): the reserve is {reserve} of {balance}; it should be {expected}.",
    )
    WEIGHTS_UNUSABLE = (
        "weights_unusable",
        "{pool} pool (row {row}): the weights cannot be used ({problem}).",
    )
    SHARE_WRONG = (
        "share_wrong",
        "Entry {entry}: strategy link {link} got {after}; by weight it should be {expected}.",
    )
    ENTRY_NEGATIVE = (
        "entry_negative",
        "Entry {entry}: strategy link {link} got {after}, which is negative.",
    )
    ENTRY_NOT_WHOLE = (
        "entry_not_whole",
        "Entry {entry}: strategy link {link} got {after}, which is finer than the currency's "
        "smallest amount.",
    )
    ENTRY_CODE_WRONG = (
        "entry_code_wrong",
        "Entry {entry}: the reason of strategy link {link} does not fit its pool ({code}).",
    )
    IDLE_NOT_RELEASED = (
        "idle_not_released",
        "Entry {entry}: strategy link {link} is not active, but kept {after}.",
    )
    KEPT_BUT_CHANGED = (
        "kept_but_changed",
        "Entry {entry}: the capital of strategy link {link} should have stayed {before}, but "
        "became {after}.",
    )
    CHAIN_BROKEN = (
        "chain_broken",
        "Entry {entry}: strategy link {link} had {before}, but the allocation before left it "
        "{recorded}.",
    )
    REVERT_NOT_OF_LAST = (
        "revert_not_of_last",
        "The allocation reverts #{reverts}, but the last one that changed capital before it was "
        "#{last}.",
    )
    RESTORED_WRONG = (
        "restored_wrong",
        "Entry {entry}: strategy link {link} was restored to {after}; before the reverted "
        "allocation it had {expected}.",
    )
    CAPITAL_NEGATIVE = (
        "capital_negative",
        "Strategy link {link} holds {capital}, which is negative.",
    )
    CAPITAL_NOT_RECORDED = (
        "capital_not_recorded",
        "Strategy link {link} holds {capital}, but its last allocation left it {recorded}.",
    )
    CAPITAL_EXCEEDS_BALANCE = (
        "capital_exceeds_balance",
        "{pool} pool: its strategies hold {capital}, more than its last balance of {balance}.",
    )
    SUSPECT_MALFORMED = (
        "suspect_malformed",
        "The suspect balance of the {pool} pool cannot be read, so nobody can accept it.",
    )
    POSITION_NOT_OF_FILLS = (
        "position_not_of_fills",
        "Strategy link {link}, {symbol} ({position_side}): “{what}” of the position is {recorded}; "
        "its fills come to {expected}.",
    )
    DAY_NOT_OF_FILLS = (
        "day_not_of_fills",
        "Strategy link {link}, {symbol} ({position_side}), {date}, in {currency}: “{what}” is "
        "{recorded}; the fills and flows of that day come to {expected}.",
    )
    FUNDING_NOT_OF_FLOWS = (
        "funding_not_of_flows",
        "Strategy link {link}, {symbol} ({position_side}), {date}: {recorded} {currency} of "
        "funding is booked; the flows of that day come to {expected} {currency}.",
    )
    DAY_NOT_OF_POSITIONS = (
        "day_not_of_positions",
        "Strategy link {link}, {date}, in {currency}: “{what}” is {recorded}; its positions come "
        "to {expected}.",
    )
    DAY_START_WRONG = (
        "day_start_wrong",
        "Strategy link {link}, {date}: “{what}” is {recorded} {currency}; after the day before it "
        "should be {expected} {currency}.",
    )
    DAY_MISSING = (
        "day_missing",
        "Strategy link {link} has no row of the day {date} in {currency}.",
    )
    MONTH_NOT_OF_DAYS = (
        "month_not_of_days",
        "What is packed of {month} of strategy link {link} in {currency} is not what its day "
        "{date} says.",
    )
    MONTH_NOT_OF_SYMBOLS = (
        "month_not_of_symbols",
        "What is packed of {month} of strategy link {link} in {currency} is not what its trades "
        "and the days of its symbols say.",
    )
    YEAR_NOT_OF_MONTHS = (
        "year_not_of_months",
        "What is packed of {year} of strategy link {link} in {currency} is not what its months "
        "say.",
    )
    SUMMARY_NOT_OF_LINKS = (
        "summary_not_of_links",
        "Daily summary {summary} ({date}): “{what}” is {recorded}; the strategies of the account "
        "come to {expected}.",
    )
    ATTRIBUTION_OF_OTHER_ACCOUNT = (
        "attribution_of_other_account",
        "Fill {fill} is attributed to strategy link {link}, which belongs to another account.",
    )
    FLOW_OF_OTHER_ACCOUNT = (
        "flow_of_other_account",
        "Flow {flow} names strategy link {link}, which belongs to another account.",
    )
    SUMMARY_REPEATED = (
        "summary_repeated",
        "Daily summary {summary}: there is another one of {date} ({other}).",
    )
    SUMMARY_NOT_WHOLE = (
        "summary_not_whole",
        "Daily summary {summary} ({date}): the {pool} balance {balance} is finer than the "
        "currency's smallest amount.",
    )
    TIME_WITHOUT_BALANCE = (
        "time_without_balance",
        "Daily summary {summary} ({date}): the {pool} balance has a time but no amount.",
    )
    ENDING_WRONG = (
        "ending_wrong",
        "Daily summary {summary} ({date}): the ending balance is {ending}, but its pools add up "
        "to {expected}.",
    )
    ENDING_TIME_WRONG = (
        "ending_time_wrong",
        "Daily summary {summary} ({date}): the ending balance does not have the time of its "
        "oldest pool.",
    )
    UNIFIED_WITH_PARTS = (
        "unified_with_parts",
        "Daily summary {summary} ({date}): a unified wallet has no separate {pool} balance.",
    )
    START_WRONG = (
        "start_wrong",
        "Daily summary {summary} ({date}): it starts with {starting}, but the previous one "
        "({other}) ended with {ending}.",
    )


_IDLE = frozenset(
    {
        Code.STRATEGY_PAUSED,
        Code.STRATEGY_ARCHIVED,
        Code.LINK_INACTIVE,
        Code.MARKET_NOT_ON_VENUE,
    }
)
_KEEPS_CAPITAL = frozenset({Code.KEPT, Code.HELD, Code.POOL_KEPT})
_OF_REVERT = frozenset({Code.RESTORED, Code.UNTOUCHED})
_BY_READING = frozenset(
    {
        Code.SHARE,
        Code.SHARE_OF_OWN,
        Code.SHARE_BY_VOLATILITY,
        Code.SHARE_WITHOUT_VOLATILITY,
        Code.KEPT,
        Code.POOL_KEPT,
    }
)
_TOLD_ONCE = frozenset({Code.NO_BALANCE, Code.BOOKS_BEHIND, Code.BOOKS_MISSING})
_SUSPICIONS = frozenset({Code.JUMP_SUSPECTED, Code.SLIDE_SUSPECTED})
_ABOUT_BASIS = frozenset(
    {
        Code.BASIS_NOT_TOLD,
        Code.BASIS_OVER_CURRENCIES,
        Code.BASIS_WITH_PNL_ONLY,
        Code.BASIS_COUNTS_SPOT,
        Code.BASIS_UNPROVEN,
        Code.BASIS_WITH_LOAN,
    }
)
_ABOUT_KEY = frozenset(
    {
        Code.EXCHANGE_REFUSED_KEY,
        Code.CREDENTIALS_MISSING,
        Code.CREDENTIALS_UNREADABLE,
        Code.CREDENTIALS_MALFORMED,
    }
)
# Of these, the kind may be words, or the name of a class.
_TOLD_IN_WORDS = frozenset(
    {Code.EXCHANGE_RATE_LIMITED, Code.EXCHANGE_BAD_ANSWER, Code.EXCHANGE_BAD_MARKETS}
)
_KIND = re.compile(r" ?\(\{kind\}\)")
_OF_POSITIONS = frozenset({Code.OPEN_POSITION, Code.POSITION_UNOWNED})
_BENIGN = frozenset(
    {Code.NOTHING_TO_ALLOCATE, Code.OPEN_POSITION, Code.CHANGE_TOO_SMALL, Code.BELOW_THRESHOLD}
)


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
        return self.outlined(self.code.english).format(**self.figures)

    def outlined(self, sentence: str) -> str:
        """A translation of the sentence, without a bracket that would name the class of an error.

        What an exchange did is often told in words (“listed twice”). The class says nothing to
        those who trade, and stays among the figures; so does it where a sentence leads to the log.
        """
        if self.code in _TOLD_IN_WORDS and self.figures.get("kind", "").isidentifier():
            return _KIND.sub("", sentence)
        return sentence

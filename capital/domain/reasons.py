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
    REVERTED = "reverted"
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
    CREDENTIALS_MALFORMED = "credentials_malformed"
    WALLET_MODE_NOT_ON_VENUE = "wallet_mode_not_on_venue"
    EXCHANGE_TIMEOUT = "exchange_timeout"
    EXCHANGE_UNREACHABLE = "exchange_unreachable"
    EXCHANGE_RATE_LIMITED = "exchange_rate_limited"
    EXCHANGE_REFUSED_KEY = "exchange_refused_key"
    EXCHANGE_BAD_ANSWER = "exchange_bad_answer"
    EXCHANGE_BAD_MARKETS = "exchange_bad_markets"
    EXCHANGE_CURRENCY_MISSING = "exchange_currency_missing"
    EXCHANGE_NOT_SUPPORTED = "exchange_not_supported"
    EXCHANGE_ERROR = "exchange_error"
    EXCHANGE_PAUSED = "exchange_paused"

    # A connection that was checked: what the venue says of the account and its key
    WALLET_MODE_DIFFERS = "wallet_mode_differs"
    WALLET_MODE_UNREADABLE = "wallet_mode_unreadable"
    KEY_CAN_WITHDRAW = "key_can_withdraw"
    VENUE_UNPROVEN = "venue_unproven"

    # A basis that a venue cannot give
    BASIS_NOT_TOLD = "basis_not_told"
    BASIS_OVER_CURRENCIES = "basis_over_currencies"
    BASIS_WITH_PNL_ONLY = "basis_with_pnl_only"
    BASIS_COUNTS_SPOT = "basis_counts_spot"
    BASIS_UNPROVEN = "basis_unproven"
    BASIS_WITH_LOAN = "basis_with_loan"

    # A plan: what changed since it was shown
    SETTINGS_CHANGED = "settings_changed"
    CAPITAL_CHANGED = "capital_changed"
    POSITIONS_CHANGED = "positions_changed"
    SUSPECTS_CHANGED = "suspects_changed"
    LATER_RUN = "later_run"
    DECISION_CHANGED = "decision_changed"

    # A connection that was checked: what to do, and what else to know
    CHECK_NETWORK = "check_network"
    CHECK_CURRENCY = "check_currency"
    CHECK_VENUE = "check_venue"
    AWAIT_PAUSE = "await_pause"
    SWITCH_LIVE_ON = "switch_live_on"
    JOBS_SKIP_IT = "jobs_skip_it"
    IS_SANDBOX = "is_sandbox"
    POOL_UNUSED = "pool_unused"

    # An entry: what one link got
    SHARE = "share"
    KEPT = "kept"
    HELD = "held"
    RESTORED = "restored"
    UNTOUCHED = "untouched"
    STRATEGY_PAUSED = "strategy_paused"
    STRATEGY_ARCHIVED = "strategy_archived"
    LINK_INACTIVE = "link_inactive"
    MARKET_NOT_ON_VENUE = "market_not_on_venue"

    # A job
    JOB_FAILED = "job_failed"
    JOB_TIMED_OUT = "job_timed_out"
    JOB_EXPIRED = "job_expired"
    QUEUE_STUCK = "queue_stuck"

    # The API: who asks, and how
    INVALID_TOKEN = "invalid_token"
    UNKNOWN_TOKEN = "unknown_token"
    TOKEN_REFUSED = "token_refused"
    SCOPE_TOO_SMALL = "scope_too_small"
    TOKEN_OF_ONE_ACCOUNT = "token_of_one_account"
    INVALID_IDEMPOTENCY_KEY = "invalid_idempotency_key"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    REQUEST_IN_PROGRESS = "request_in_progress"
    NOT_FOUND = "not_found"
    HAS_HISTORY = "has_history"

    # A webhook
    WEBHOOK_REFUSED = "webhook_refused"
    DELIVERY_CONFLICT = "delivery_conflict"
    DELIVERY_IN_PROGRESS = "delivery_in_progress"
    BALANCE_NOT_LIVE = "balance_not_live"

    # A refusal
    INVALID_ALLOCATION = "invalid_allocation"
    INVALID_AMOUNT = "invalid_amount"
    AMOUNT_NOT_STORABLE = "amount_not_storable"
    INVALID_RATE = "invalid_rate"
    RATE_MISSING = "rate_missing"
    UNKNOWN_VENUE = "unknown_venue"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_STRATEGY = "unknown_strategy"
    AMBIGUOUS_ACCOUNT = "ambiguous_account"
    RUN_KEY_CONFLICT = "run_key_conflict"
    INVALID_RUN_KEY = "invalid_run_key"
    APPEND_ONLY = "append_only"
    NOTHING_TO_ACCEPT = "nothing_to_accept"
    FORCE_NOT_ALLOWED = "force_not_allowed"
    UNKNOWN_JOB = "unknown_job"
    NOT_PERMITTED = "not_permitted"
    UNKNOWN_PLAN = "unknown_plan"
    PLAN_EXPIRED = "plan_expired"
    PLAN_STALE = "plan_stale"
    PLAN_TOO_LARGE = "plan_too_large"
    UNKNOWN_RUN = "unknown_run"
    NOTHING_TO_REVERT = "nothing_to_revert"
    REVERTED_ALREADY = "reverted_already"
    REVERT_NOT_LATEST = "revert_not_latest"
    REVERT_EXCEEDS = "revert_exceeds"
    REVERT_WITHOUT_BALANCE = "revert_without_balance"

    # A sized order, and the limit that it missed
    SIZED = "sized"
    NO_CAPITAL = "no_capital"
    BELOW_STEP = "below_step"
    BELOW_MIN_AMOUNT = "below_min_amount"
    BELOW_MIN_COST = "below_min_cost"

    # A sized order: what was done otherwise than asked, or should be known
    QTY_IGNORED = "qty_ignored"
    CLOSE_CAPPED = "close_capped"
    CLOSE_LEAVES_REST = "close_leaves_rest"
    MORE_THAN_HELD = "more_than_held"
    CAPPED_BY_MAX_AMOUNT = "capped_by_max_amount"
    CAPPED_BY_MAX_COST = "capped_by_max_cost"
    MARKET_RULES_OLD = "market_rules_old"
    PRICE_NOT_NEEDED = "price_not_needed"

    # An order that is refused: the request itself
    SYMBOL_MISSING = "symbol_missing"
    UNKNOWN_SIDE = "unknown_side"
    UNKNOWN_ORDER_TYPE = "unknown_order_type"
    NUMBER_NOT_FINITE = "number_not_finite"
    QUANTITY_MISSING = "quantity_missing"
    QUANTITY_NEGATIVE = "quantity_negative"
    PRICE_NOT_POSITIVE = "price_not_positive"
    RISK_OUT_OF_RANGE = "risk_out_of_range"
    RISK_OF_CLOSING = "risk_of_closing"
    RISK_OF_STOP_ORDER = "risk_of_stop_order"
    STOP_PRICE_MISSING = "stop_price_missing"
    STOP_ON_WRONG_SIDE = "stop_on_wrong_side"

    # An order that is refused: the market
    UNKNOWN_SYMBOL = "unknown_symbol"
    MARKETS_NOT_SYNCED = "markets_not_synced"
    SYMBOL_NOT_TRADED = "symbol_not_traded"
    SYMBOL_OF_OTHER_MARKET = "symbol_of_other_market"
    CURRENCY_MISMATCH = "currency_mismatch"
    PRICE_UNAVAILABLE = "price_unavailable"

    # An order that is refused: the desk's rules
    UNKNOWN_LINK = "unknown_link"
    CLOSING_ONLY = "closing_only"
    TOO_MANY_SYMBOLS = "too_many_symbols"
    BUDGET_ABOVE_LIMIT = "budget_above_limit"
    SPOT_SELL_NOT_ENTRY = "spot_sell_not_entry"
    NOTHING_TO_CLOSE = "nothing_to_close"
    CLOSE_ON_WRONG_SIDE = "close_on_wrong_side"
    BUDGET_LIMIT_NOT_ALLOWED = "budget_limit_not_allowed"

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
    REVERT_NOT_OF_LAST = "revert_not_of_last"
    RESTORED_WRONG = "restored_wrong"
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
    Code.REVERTED: "Capital is again as it was before run {run}.",
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
    Code.CREDENTIALS_MALFORMED: (
        "No request to {venue} can be signed with the stored credentials ({kind}). "
        "Check that key and secret were copied whole, each into its own field; a private key "
        "must have no password."
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
    Code.EXCHANGE_BAD_MARKETS: (
        "{venue} answered with something that is not its list of markets ({kind}). "
        "The rules that are known stay."
    ),
    Code.EXCHANGE_CURRENCY_MISSING: (
        "{venue} answered without {currency}, which is not the same as zero."
    ),
    Code.EXCHANGE_NOT_SUPPORTED: "{venue} does not support this request ({kind}).",
    Code.EXCHANGE_ERROR: "{venue} answered with an error ({kind}).",
    Code.CHECK_NETWORK: (
        "Try again in a minute. If it stays so, check this machine's network and the exchange's "
        "status page."
    ),
    Code.CHECK_CURRENCY: (
        "Check the account's currency and wallet mode. A wallet that was never used may have to "
        "be opened on the exchange first."
    ),
    Code.CHECK_VENUE: (
        "Check the account's venue, wallet mode and sandbox switch. If they are right, the "
        "exchange may have changed: tell whoever runs this site."
    ),
    Code.AWAIT_PAUSE: (
        "It is asked again by itself after that. If it fails again, check this machine's network "
        "and the exchange's status page."
    ),
    Code.SWITCH_LIVE_ON: "Set CAPITAL_LIVE_BALANCES to 1, and exchanges are asked again.",
    Code.JOBS_SKIP_IT: "The account is switched off: the jobs neither read nor allocate it.",
    Code.IS_SANDBOX: "This is the sandbox of {venue}: its money is not real.",
    Code.POOL_UNUSED: "There is money that no active strategy draws on, in: {pools}.",
    Code.SETTINGS_CHANGED: "The account's venue, wallet, keys or state changed.",
    Code.CAPITAL_CHANGED: "The capital changed of: {strategies}.",
    Code.POSITIONS_CHANGED: "A position was opened, or the last one was closed.",
    Code.SUSPECTS_CHANGED: "Other balances are suspect now.",
    Code.LATER_RUN: "Run {run} decided in the meantime.",
    Code.DECISION_CHANGED: "The same figures would be divided otherwise now.",
    Code.EXCHANGE_PAUSED: (
        "{venue} failed {failures} times in a row, so it is not asked again before {until}."
    ),
    Code.WALLET_MODE_DIFFERS: (
        "{venue} says that the wallet of this account is {said}, but it is kept here as {mode}. "
        "Change its wallet mode to {said}: another wallet is being read."
    ),
    Code.WALLET_MODE_UNREADABLE: (
        "{venue} says that the wallet of this account is {said}, but it is kept here as {mode}, "
        "and {venue} can be read here as {modes} only. Change it at the venue."
    ),
    Code.KEY_CAN_WITHDRAW: (
        "This key can withdraw from {venue}. Reading balances needs no such right: "
        "make a key without it."
    ),
    Code.VENUE_UNPROVEN: (
        "{venue} is read in a general way that was held against no real answer. "
        "Compare the balance with the venue's own page before relying on it."
    ),
    Code.BASIS_NOT_TOLD: (
        "{venue} cannot give the balance as {basis}: it does not tell that number for this wallet."
    ),
    Code.BASIS_OVER_CURRENCIES: (
        "{venue} cannot give the balance as {basis}: it tells that number over all currencies of "
        "the wallet together, not for one."
    ),
    Code.BASIS_WITH_PNL_ONLY: (
        "{venue} cannot give the balance as {basis}: this wallet's numbers have unrealised PnL in "
        "them, or leave out what lies in futures."
    ),
    Code.BASIS_COUNTS_SPOT: (
        "{venue} cannot give the balance as {basis}: its number for futures counts the spot "
        "wallet's money a second time."
    ),
    Code.BASIS_UNPROVEN: (
        "{venue} cannot give the balance as {basis}: it has no row of its own in the venue table, "
        "and what its number means was held against nothing."
    ),
    Code.BASIS_WITH_LOAN: (
        "{venue} cannot give the balance as {basis} while something is borrowed: it does not say "
        "whether that number has the loan in it. Repay, or choose equity."
    ),
    Code.SHARE: "Its share by weight.",
    Code.KEPT: "Kept, because the pool had no balance to allocate from.",
    Code.HELD: "Held: the account's capital stays as it is.",
    Code.RESTORED: "Restored to what it held before the reverted run.",
    Code.UNTOUCHED: "Left as it is: the reverted run did not change it.",
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
    Code.INVALID_TOKEN: "This token cannot be made: {problem}.",
    Code.UNKNOWN_TOKEN: "There is no token {token}. Give the beginning that the list shows.",
    Code.TOKEN_REFUSED: (
        "The token is unknown, expired or revoked. Make a new one: manage.py token create."
    ),
    Code.SCOPE_TOO_SMALL: "The token's scope is {scope}; this needs {needed}.",
    Code.TOKEN_OF_ONE_ACCOUNT: (
        "The token is for one account, and this is about more than that account."
    ),
    Code.INVALID_IDEMPOTENCY_KEY: (
        "The Idempotency-Key must have 1 to {longest} printable ASCII characters."
    ),
    Code.IDEMPOTENCY_CONFLICT: (
        "The Idempotency-Key {key} was used for another request. Use a new key."
    ),
    Code.REQUEST_IN_PROGRESS: (
        "The first request with the Idempotency-Key {key} is still being worked on. "
        "Send it again in a few seconds."
    ),
    Code.NOT_FOUND: "There is nothing here, or nothing that you may see.",
    Code.HAS_HISTORY: (
        "{what} has a history that must not be lost. Archive it instead: a strategy by its "
        "status, an account or a link by switching it off."
    ),
    Code.WEBHOOK_REFUSED: (
        "This call is not accepted. Check the strategy's key, the webhook's secret and, for a "
        "signed call, its signature, its time and that its nonce is new."
    ),
    Code.DELIVERY_CONFLICT: (
        "The delivery {delivery} was sent before with another body. Give a new one a new id."
    ),
    Code.DELIVERY_IN_PROGRESS: (
        "The same delivery is being worked on. Send it again in a moment for its answer."
    ),
    Code.BALANCE_NOT_LIVE: (
        "{account}, pool {pool}: the exchange did not answer in time ({cause}). "
        "The balance of {observed_at} stands in."
    ),
    Code.INVALID_ALLOCATION: "This cannot be allocated: {problem}.",
    Code.INVALID_AMOUNT: "{value} is not an amount: {problem}.",
    Code.AMOUNT_NOT_STORABLE: (
        "{field}: {value} cannot be stored exactly, because {problem}. Nothing was written."
    ),
    Code.INVALID_RATE: (
        "This is not a rate: 1 {base} = {rate} {quote}. "
        "It must be above zero, between two currencies."
    ),
    Code.RATE_MISSING: (
        "No rate from {base} to {quote} is stored. "
        "Store one with python manage.py rates {base} {quote} RATE."
    ),
    Code.UNKNOWN_VENUE: "{venue} is not a known venue. Known are: {known}.",
    Code.UNKNOWN_ACCOUNT: "There is no account {account}. Give its id or its exact name.",
    Code.UNKNOWN_STRATEGY: (
        "There is no strategy {strategy} on {accounts}. Give its key, and accounts that it is "
        "linked to."
    ),
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
    Code.NOT_PERMITTED: "{user} may not do this: it needs the permission {permission}.",
    Code.UNKNOWN_PLAN: "There is no such preview. Ask for a new one.",
    Code.PLAN_EXPIRED: (
        "The preview is older than {minutes} minutes, so nothing was done. "
        "Look at the new figures and apply those."
    ),
    Code.PLAN_STALE: (
        "Something changed since the preview was made, so nothing was done ({accounts}). "
        "Look at the new figures and apply those."
    ),
    Code.PLAN_TOO_LARGE: (
        "A preview takes {largest} accounts at most; these are {accounts}. Choose fewer."
    ),
    Code.UNKNOWN_RUN: "There is no run {run}.",
    Code.NOTHING_TO_REVERT: "Run {run} changed no capital, so there is nothing to revert.",
    Code.REVERTED_ALREADY: "Run {run} was reverted already, by run {by}.",
    Code.REVERT_NOT_LATEST: (
        "Run {run} is not the last one: run {later} changed capital after it. "
        "Revert that one first."
    ),
    Code.REVERT_EXCEEDS: (
        "Before run {run} the strategies of pool {pool} held {restored} {currency}, which is more "
        "than its present balance of {balance} {currency}. Nothing was done."
    ),
    Code.REVERT_WITHOUT_BALANCE: (
        "The present balance of pool {pool} is not known ({why}), so it cannot be told whether it "
        "bears what was before run {run}. Nothing was done."
    ),
    Code.UNKNOWN_JOB: "There is no job {name}. The jobs are: {known}.",
    Code.SIZED: "The order can be sent as it is.",
    Code.NO_CAPITAL: "The strategy has no capital on this account.",
    Code.BELOW_STEP: "{quantity} is less than one step of {limit}.",
    Code.BELOW_MIN_AMOUNT: "{quantity} is less than the smallest order of {limit}.",
    Code.BELOW_MIN_COST: "An order of {cost} {currency} is less than the smallest of {limit}.",
    Code.QTY_IGNORED: "{wins} was given too, so qty was not used.",
    Code.CLOSE_CAPPED: "The position is closed as a whole: {asked} percent is more than there is.",
    Code.CLOSE_LEAVES_REST: "The position is not a whole number of steps: {rest} stays open.",
    Code.MORE_THAN_HELD: "The strategy reports holding {held} {symbol}, which is less.",
    Code.CAPPED_BY_MAX_AMOUNT: "The market takes no more than {limit} in one order.",
    Code.CAPPED_BY_MAX_COST: "The market takes no more than {limit} {currency} in one order.",
    Code.MARKET_RULES_OLD: "The rules of this market were fetched {hours} hours ago.",
    Code.PRICE_NOT_NEEDED: (
        "No price was to be had; closing needs none, but worth and fee are not known."
    ),
    Code.SYMBOL_MISSING: "The order names no symbol.",
    Code.UNKNOWN_SIDE: "{side} is no side. Give buy or sell.",
    Code.UNKNOWN_ORDER_TYPE: "{order_type} is no order type. Give one of: {known}.",
    Code.NUMBER_NOT_FINITE: "{name} is not a finite number.",
    Code.QUANTITY_MISSING: (
        "The order does not say how much. Give qty_per, risk_per or qty, and not zero."
    ),
    Code.QUANTITY_NEGATIVE: (
        "The quantity {quantity} must be above zero. To close a position, give a negative qty_per."
    ),
    Code.PRICE_NOT_POSITIVE: "{name} is {price}; it must be above zero.",
    Code.RISK_OUT_OF_RANGE: "The risk {percent} must be above 0 and at most 100 percent.",
    Code.RISK_OF_CLOSING: "Closing takes no risk. Give either risk_per or a negative qty_per.",
    Code.RISK_OF_STOP_ORDER: (
        "With risk_per, stop_price is where the position is given up, so the entry must be "
        "a MARKET or LIMIT order."
    ),
    Code.STOP_PRICE_MISSING: (
        "A risk needs a stop: give with risk_per the stop_price at which the position is given up."
    ),
    Code.STOP_ON_WRONG_SIDE: (
        "The stop {stop} must be on the losing side of the entry {entry}: below it to buy, "
        "above it to sell."
    ),
    Code.UNKNOWN_SYMBOL: (
        "{venue} has no market {symbol}. Symbols are ccxt's, such as BTC/USDT or BTC/USDT:USDT."
    ),
    Code.MARKETS_NOT_SYNCED: (
        "The market rules of {venue} were never fetched. Run python manage.py sync_markets "
        "with --venue {venue}."
    ),
    Code.SYMBOL_NOT_TRADED: "{symbol} is not traded on {venue} at present.",
    Code.SYMBOL_OF_OTHER_MARKET: (
        "{symbol} is a {kind} market, and the strategy {strategy} trades {market}."
    ),
    Code.CURRENCY_MISMATCH: (
        "{symbol} is paid in {settle}, and the capital of this account is counted in {currency}."
    ),
    Code.PRICE_UNAVAILABLE: (
        "{venue} gave no price of {symbol} ({cause}). Give a price with the order, or try again."
    ),
    Code.UNKNOWN_LINK: "There is no strategy on an account with the id {link}.",
    Code.CLOSING_ONLY: (
        "The strategy is paused: it may only close. Activate it, or give a negative qty_per."
    ),
    Code.TOO_MANY_SYMBOLS: (
        "The strategy may hold {limit} symbols on this account, and holds: {held}."
    ),
    Code.BUDGET_ABOVE_LIMIT: (
        "The order would spend {percent} percent of the strategy's capital, and the "
        "account allows {limit}: more is other strategies' money."
    ),
    Code.SPOT_SELL_NOT_ENTRY: (
        "On a spot market a sell enters nothing. To sell what is held, give a negative qty_per."
    ),
    Code.NOTHING_TO_CLOSE: (
        "The strategy reports no open position of {symbol} on this account: nothing to close."
    ),
    Code.CLOSE_ON_WRONG_SIDE: ("The position is {position} {symbol}: it is closed by a {side}."),
    Code.BUDGET_LIMIT_NOT_ALLOWED: (
        "Letting orders spend {percent} percent of a strategy's capital takes the "
        "permission to raise the budget limit: what is above 100 is other strategies' "
        "money."
    ),
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
    Code.REVERT_NOT_OF_LAST: (
        "The run reverts run {reverts}, but the last one that changed capital before it was {last}."
    ),
    Code.RESTORED_WRONG: (
        "Entry {entry}: link {link} was restored to {after}; before the reverted run it had "
        "{expected}."
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

"""A reason is a code with figures; the sentence is made from it where it is shown.

Each code stands here once, with its English sentence, which is the message id of the translations
(``locale/``). Codes are stable: they are stored, sent, and matched by programs.
"""

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
    def is_of_revert(self) -> bool:
        """Whether only an entry of a revert has this code."""
        return self in _OF_REVERT

    @property
    def is_by_reading(self) -> bool:
        """Whether the pool's balance decided an entry with this code, not the link's own state."""
        return self in _BY_READING

    @property
    def is_benign(self) -> bool:
        """Whether a skipped run with this code is as it should be: there was nothing to do."""
        return self in _BENIGN

    # An allocation run
    ALLOCATED = "allocated", "Capital was allocated."
    PARTLY_ALLOCATED = (
        "partly_allocated",
        "Capital was allocated, but not in: {pools}. No balance was available, so active "
        "strategies there keep their capital.",
    )
    UNCHANGED = "unchanged", "Nothing changed: every strategy keeps the capital that it has."
    NO_BALANCE = (
        "no_balance",
        "No balance was available for: {pools}. Active strategies there keep their capital. Check "
        "the connection and the daily summary.",
    )
    NOTHING_TO_ALLOCATE = "nothing_to_allocate", "No active strategy is linked to this account."
    ACCOUNT_INACTIVE = "account_inactive", "The account is switched off. Nothing was done."
    REVERTED = "reverted", "Capital is again as it was before run {run}."
    ACCOUNT_CHANGED = (
        "account_changed",
        "The account was changed while its balance was being read. Nothing was done; run it again.",
    )
    DATABASE_ERROR = (
        "database_error",
        "The database refused the change ({kind}). Nothing was written for this account.",
    )
    UNEXPECTED_ERROR = (
        "unexpected_error",
        "An unexpected error ({kind}) stopped this account. Nothing was written for it; the log "
        "has the details.",
    )

    # The gate: whether a reallocation is due
    OPEN_POSITION = "open_position", "There is an open position, so capital is not reallocated."
    NEVER_ALLOCATED = "never_allocated", "The first allocation."
    LINKS_CHANGED = "links_changed", "Strategies were added or removed: {strategies}."
    STATES_CHANGED = "states_changed", "The state changed of: {strategies}."
    WEIGHTS_CHANGED = "weights_changed", "The weight changed of: {strategies}."
    RESERVE_CHANGED = "reserve_changed", "The reserve changed."
    BALANCE_CHANGED = "balance_changed", "The balance changed by {percent}%."
    CHANGE_TOO_SMALL = (
        "change_too_small",
        "The balance changed by {change} {currency}, which is less than {threshold} {currency}.",
    )
    BELOW_THRESHOLD = (
        "below_threshold",
        "The balance changed by {percent}%, which is not more than {threshold}%.",
    )

    # The jump guard
    JUMP_SUSPECTED = (
        "jump_suspected",
        "{venue} says {observed} {currency} ({pool}), {percent}% away from the last accepted "
        "{accepted}. Capital stays as it is until the exchange says otherwise or a person accepts "
        "it: reallocate --account {account_id} --accept-jump.",
    )

    # A pool: where its balance came from
    LIVE_BALANCE = "live_balance", "The balance was read from the exchange."
    NEGATIVE_BALANCE = (
        "negative_balance",
        "The balance is negative ({balance}): a debt. Nothing is allocated.",
    )
    NOT_NEEDED = "not_needed", "No active strategy draws on this pool, so its balance was not read."

    # A pool, or a balance that was asked for: why there is no live reading
    LIVE_DISABLED = "live_disabled", "Live balances are switched off."
    NOT_READ = (
        "not_read",
        "The pool came into use while the balances were being read. Run it again.",
    )
    CACHE_STALE = (
        "cache_stale",
        "The cached balance is {hours} hours old and this account allows {limit}. The exchange: "
        "{live}.",
    )
    CREDENTIALS_MISSING = (
        "credentials_missing",
        "The account has no {missing}. Enter the API credentials.",
    )
    CREDENTIALS_UNREADABLE = (
        "credentials_unreadable",
        "The stored credentials cannot be decrypted with the present FIELD_ENCRYPTION_KEYS. "
        "Restore the key that encrypted them, or enter them again.",
    )
    CREDENTIALS_MALFORMED = (
        "credentials_malformed",
        "No request to {venue} can be signed with the stored credentials ({kind}). Check that key "
        "and secret were copied whole, each into its own field; a private key must have no "
        "password.",
    )
    WALLET_MODE_NOT_ON_VENUE = (
        "wallet_mode_not_on_venue",
        "{venue} has no wallet mode {mode}. It has: {modes}. Correct the account.",
    )
    EXCHANGE_TIMEOUT = "exchange_timeout", "{venue} did not answer within {seconds} seconds."
    EXCHANGE_UNREACHABLE = (
        "exchange_unreachable",
        "{venue} cannot be reached or is out of order ({kind}).",
    )
    EXCHANGE_RATE_LIMITED = (
        "exchange_rate_limited",
        "{venue} asks for fewer requests ({kind}). Wait before trying again.",
    )
    EXCHANGE_REFUSED_KEY = (
        "exchange_refused_key",
        "{venue} refused the API key ({kind}). Check the key, its permissions, its allowed "
        "addresses and this machine's clock.",
    )
    EXCHANGE_BAD_ANSWER = (
        "exchange_bad_answer",
        "{venue} answered with something that is not a balance ({kind}).",
    )
    EXCHANGE_BAD_MARKETS = (
        "exchange_bad_markets",
        "{venue} answered with something that is not its list of markets ({kind}). The rules that "
        "are known stay.",
    )
    EXCHANGE_CURRENCY_MISSING = (
        "exchange_currency_missing",
        "{venue} answered without {currency}, which is not the same as zero.",
    )
    EXCHANGE_NOT_SUPPORTED = (
        "exchange_not_supported",
        "{venue} does not support this request ({kind}).",
    )
    EXCHANGE_ERROR = "exchange_error", "{venue} answered with an error ({kind})."
    EXCHANGE_PAUSED = (
        "exchange_paused",
        "{venue} failed {failures} times in a row, so it is not asked again before {until}.",
    )

    # A connection that was checked: what the venue says of the account and its key
    WALLET_MODE_DIFFERS = (
        "wallet_mode_differs",
        "{venue} says that the wallet of this account is {said}, but it is kept here as {mode}. "
        "Change its wallet mode to {said}: another wallet is being read.",
    )
    WALLET_MODE_UNREADABLE = (
        "wallet_mode_unreadable",
        "{venue} says that the wallet of this account is {said}, but it is kept here as {mode}, "
        "and {venue} can be read here as {modes} only. Change it at the venue.",
    )
    KEY_CAN_WITHDRAW = (
        "key_can_withdraw",
        "This key can withdraw from {venue}. Reading balances needs no such right: make a key "
        "without it.",
    )
    VENUE_UNPROVEN = (
        "venue_unproven",
        "{venue} is read in a general way that was held against no real answer. Compare the "
        "balance with the venue's own page before relying on it.",
    )

    # A basis that a venue cannot give
    BASIS_NOT_TOLD = (
        "basis_not_told",
        "{venue} cannot give the balance as {basis}: it does not tell that number for this wallet.",
    )
    BASIS_OVER_CURRENCIES = (
        "basis_over_currencies",
        "{venue} cannot give the balance as {basis}: it tells that number over all currencies of "
        "the wallet together, not for one.",
    )
    BASIS_WITH_PNL_ONLY = (
        "basis_with_pnl_only",
        "{venue} cannot give the balance as {basis}: this wallet's numbers have unrealised PnL in "
        "them, or leave out what lies in futures.",
    )
    BASIS_COUNTS_SPOT = (
        "basis_counts_spot",
        "{venue} cannot give the balance as {basis}: its number for futures counts the spot "
        "wallet's money a second time.",
    )
    BASIS_UNPROVEN = (
        "basis_unproven",
        "{venue} cannot give the balance as {basis}: it has no row of its own in the venue table, "
        "and what its number means was held against nothing.",
    )
    BASIS_WITH_LOAN = (
        "basis_with_loan",
        "{venue} cannot give the balance as {basis} while something is borrowed: it does not say "
        "whether that number has the loan in it. Repay, or choose equity.",
    )

    # A plan: what changed since it was shown
    SETTINGS_CHANGED = "settings_changed", "The account's venue, wallet, keys or state changed."
    CAPITAL_CHANGED = "capital_changed", "The capital changed of: {strategies}."
    POSITIONS_CHANGED = "positions_changed", "A position was opened, or the last one was closed."
    SUSPECTS_CHANGED = "suspects_changed", "Other balances are suspect now."
    LATER_RUN = "later_run", "Run {run} decided in the meantime."
    DECISION_CHANGED = "decision_changed", "The same figures would be divided otherwise now."

    # A connection that was checked: what to do, and what else to know
    CHECK_NETWORK = (
        "check_network",
        "Try again in a minute. If it stays so, check this machine's network and the exchange's "
        "status page.",
    )
    CHECK_CURRENCY = (
        "check_currency",
        "Check the account's currency and wallet mode. A wallet that was never used may have to be "
        "opened on the exchange first.",
    )
    CHECK_VENUE = (
        "check_venue",
        "Check the account's venue, wallet mode and sandbox switch. If they are right, the "
        "exchange may have changed: tell whoever runs this site.",
    )
    AWAIT_PAUSE = (
        "await_pause",
        "It is asked again by itself after that. If it fails again, check this machine's network "
        "and the exchange's status page.",
    )
    SWITCH_LIVE_ON = (
        "switch_live_on",
        "Set CAPITAL_LIVE_BALANCES to 1, and exchanges are asked again.",
    )
    JOBS_SKIP_IT = (
        "jobs_skip_it",
        "The account is switched off: the jobs neither read nor allocate it.",
    )
    IS_SANDBOX = "is_sandbox", "This is the sandbox of {venue}: its money is not real."
    POOL_UNUSED = "pool_unused", "There is money that no active strategy draws on, in: {pools}."

    # An entry: what one link got
    SHARE = "share", "Its share by weight."
    KEPT = "kept", "Kept, because the pool had no balance to allocate from."
    HELD = "held", "Held: the account's capital stays as it is."
    RESTORED = "restored", "Restored to what it held before the reverted run."
    UNTOUCHED = "untouched", "Left as it is: the reverted run did not change it."
    STRATEGY_PAUSED = "strategy_paused", "The strategy is paused."
    STRATEGY_ARCHIVED = "strategy_archived", "The strategy is archived."
    LINK_INACTIVE = "link_inactive", "The link to this account is switched off."
    MARKET_NOT_ON_VENUE = (
        "market_not_on_venue",
        "The strategy's market does not exist on this venue.",
    )

    # A job
    JOB_FAILED = (
        "job_failed",
        "The job stopped at an error ({kind}). It is tried again; the log has the details.",
    )
    JOB_TIMED_OUT = "job_timed_out", "The job took longer than {seconds} seconds and was stopped."
    JOB_EXPIRED = (
        "job_expired",
        "The task waited for {seconds} seconds, and newer ones do its work. Nothing was done. "
        "Check that there are enough workers and that none of them hangs.",
    )
    QUEUE_STUCK = (
        "queue_stuck",
        "A task waits for {seconds} seconds already. Check that there are enough workers and that "
        "none of them hangs.",
    )

    # The API: who asks, and how
    INVALID_TOKEN = "invalid_token", "This token cannot be made: {problem}."
    UNKNOWN_TOKEN = (
        "unknown_token",
        "There is no token {token}. Give the beginning that the list shows.",
    )
    TOKEN_REFUSED = (
        "token_refused",
        "The token is unknown, expired or revoked. Make a new one: manage.py token create.",
    )
    SCOPE_TOO_SMALL = "scope_too_small", "The token's scope is {scope}; this needs {needed}."
    TOKEN_OF_ONE_ACCOUNT = (
        "token_of_one_account",
        "The token is for one account, and this is about more than that account.",
    )
    INVALID_IDEMPOTENCY_KEY = (
        "invalid_idempotency_key",
        "The Idempotency-Key must have 1 to {longest} printable ASCII characters.",
    )
    IDEMPOTENCY_CONFLICT = (
        "idempotency_conflict",
        "The Idempotency-Key {key} was used for another request. Use a new key.",
    )
    REQUEST_IN_PROGRESS = (
        "request_in_progress",
        "The first request with the Idempotency-Key {key} is still being worked on. Send it again "
        "in a few seconds.",
    )
    NOT_FOUND = "not_found", "There is nothing here, or nothing that you may see."
    HAS_HISTORY = (
        "has_history",
        "{what} has a history that must not be lost. Archive it instead: a strategy by its status, "
        "an account or a link by switching it off.",
    )

    # A webhook
    WEBHOOK_REFUSED = (
        "webhook_refused",
        "This call is not accepted. Check the strategy's key, the webhook's secret and, for a "
        "signed call, its signature, its time and that its nonce is new.",
    )
    DELIVERY_CONFLICT = (
        "delivery_conflict",
        "The delivery {delivery} was sent before with another body. Give a new one a new id.",
    )
    DELIVERY_IN_PROGRESS = (
        "delivery_in_progress",
        "The same delivery is being worked on. Send it again in a moment for its answer.",
    )
    BALANCE_NOT_LIVE = (
        "balance_not_live",
        "{account}, pool {pool}: the exchange did not answer in time ({cause}). The balance of "
        "{observed_at} stands in.",
    )

    # A refusal
    INVALID_ALLOCATION = "invalid_allocation", "This cannot be allocated: {problem}."
    INVALID_AMOUNT = "invalid_amount", "{value} is not an amount: {problem}."
    AMOUNT_NOT_STORABLE = (
        "amount_not_storable",
        "{field}: {value} cannot be stored exactly, because {problem}. Nothing was written.",
    )
    INVALID_RATE = (
        "invalid_rate",
        "This is not a rate: 1 {base} = {rate} {quote}. It must be above zero, between two "
        "currencies.",
    )
    RATE_MISSING = (
        "rate_missing",
        "No rate from {base} to {quote} is stored. Store one with python manage.py rates {base} "
        "{quote} RATE.",
    )
    UNKNOWN_VENUE = "unknown_venue", "{venue} is not a known venue. Known are: {known}."
    UNKNOWN_ACCOUNT = (
        "unknown_account",
        "There is no account {account}. Give its id or its exact name.",
    )
    UNKNOWN_STRATEGY = (
        "unknown_strategy",
        "There is no strategy {strategy} on {accounts}. Give its key, and accounts that it is "
        "linked to.",
    )
    AMBIGUOUS_ACCOUNT = (
        "ambiguous_account",
        "{account} fits more than one account. Give an id: {candidates}.",
    )
    RUN_KEY_CONFLICT = (
        "run_key_conflict",
        "The run key {run_key} was used for account {account} with other arguments "
        "({differences}). Use a new key.",
    )
    INVALID_RUN_KEY = (
        "invalid_run_key",
        "The run key must have 1 to {longest} printable characters.",
    )
    APPEND_ONLY = (
        "append_only",
        "{model} is an audit record: it can neither be changed nor deleted.",
    )
    NOTHING_TO_ACCEPT = (
        "nothing_to_accept",
        "Account {account} has no suspect balance that waits to be accepted.",
    )
    FORCE_NOT_ALLOWED = (
        "force_not_allowed",
        "{user} may not force an allocation: that needs the permission capital.force_allocate.",
    )
    UNKNOWN_JOB = "unknown_job", "There is no job {name}. The jobs are: {known}."
    NOT_PERMITTED = "not_permitted", "{user} may not do this: it needs the permission {permission}."
    UNKNOWN_PLAN = "unknown_plan", "There is no such preview. Ask for a new one."
    PLAN_EXPIRED = (
        "plan_expired",
        "The preview is older than {minutes} minutes, so nothing was done. Look at the new figures "
        "and apply those.",
    )
    PLAN_STALE = (
        "plan_stale",
        "Something changed since the preview was made, so nothing was done ({accounts}). Look at "
        "the new figures and apply those.",
    )
    PLAN_TOO_LARGE = (
        "plan_too_large",
        "A preview takes {largest} accounts at most; these are {accounts}. Choose fewer.",
    )
    UNKNOWN_RUN = "unknown_run", "There is no run {run}."
    NOTHING_TO_REVERT = (
        "nothing_to_revert",
        "Run {run} changed no capital, so there is nothing to revert.",
    )
    REVERTED_ALREADY = "reverted_already", "Run {run} was reverted already, by run {by}."
    REVERT_NOT_LATEST = (
        "revert_not_latest",
        "Run {run} is not the last one: run {later} changed capital after it. Revert that one "
        "first.",
    )
    REVERT_EXCEEDS = (
        "revert_exceeds",
        "Before run {run} the strategies of pool {pool} held {restored} {currency}, which is more "
        "than its present balance of {balance} {currency}. Nothing was done.",
    )
    REVERT_WITHOUT_BALANCE = (
        "revert_without_balance",
        "The present balance of pool {pool} is not known ({why}), so it is unknown whether it "
        "covers what was allocated before run {run}. Nothing was done.",
    )

    # A sized order, and the limit that it missed
    SIZED = "sized", "The order can be sent as it is."
    NO_CAPITAL = "no_capital", "The strategy has no capital on this account."
    BELOW_STEP = "below_step", "{quantity} is less than one step of {limit}."
    BELOW_MIN_AMOUNT = "below_min_amount", "{quantity} is less than the smallest order of {limit}."
    BELOW_MIN_COST = (
        "below_min_cost",
        "An order of {cost} {currency} is less than the smallest of {limit}.",
    )

    # A sized order: a warning
    QTY_IGNORED = "qty_ignored", "{wins} was given too, so qty was not used."
    CLOSE_CAPPED = (
        "close_capped",
        "The position is closed as a whole: {asked} percent is more than there is.",
    )
    CLOSE_LEAVES_REST = (
        "close_leaves_rest",
        "The position is not a whole number of steps: {rest} stays open.",
    )
    MORE_THAN_HELD = (
        "more_than_held",
        "The strategy reports holding {held} {symbol}, which is less.",
    )
    CAPPED_BY_MAX_AMOUNT = (
        "capped_by_max_amount",
        "The market takes no more than {limit} in one order.",
    )
    CAPPED_BY_MAX_COST = (
        "capped_by_max_cost",
        "The market takes no more than {limit} {currency} in one order.",
    )
    MARKET_RULES_OLD = (
        "market_rules_old",
        "The rules of this market were fetched {hours} hours ago.",
    )
    PRICE_NOT_NEEDED = (
        "price_not_needed",
        "No price was available; closing needs none, but worth and fee are not known.",
    )

    # An order that is refused: the request itself
    SYMBOL_MISSING = "symbol_missing", "The order names no symbol."
    UNKNOWN_SIDE = "unknown_side", "{side} is no side. Give buy or sell."
    UNKNOWN_ORDER_TYPE = (
        "unknown_order_type",
        "{order_type} is no order type. Give one of: {known}.",
    )
    NUMBER_NOT_FINITE = "number_not_finite", "{name} is not a finite number."
    QUANTITY_MISSING = (
        "quantity_missing",
        "The order does not say how much. Give qty_per, risk_per or qty, and not zero.",
    )
    QUANTITY_NEGATIVE = (
        "quantity_negative",
        "The quantity {quantity} must be above zero. To close a position, give a negative qty_per.",
    )
    PRICE_NOT_POSITIVE = "price_not_positive", "{name} is {price}; it must be above zero."
    RISK_OUT_OF_RANGE = (
        "risk_out_of_range",
        "The risk {percent} must be above 0 and at most 100 percent.",
    )
    RISK_OF_CLOSING = (
        "risk_of_closing",
        "Closing takes no risk. Give either risk_per or a negative qty_per.",
    )
    RISK_OF_STOP_ORDER = (
        "risk_of_stop_order",
        "With risk_per, stop_price is where the position is given up, so the entry must be a "
        "MARKET or LIMIT order.",
    )
    STOP_PRICE_MISSING = (
        "stop_price_missing",
        "A risk needs a stop: give with risk_per the stop_price at which the position is given up.",
    )
    STOP_ON_WRONG_SIDE = (
        "stop_on_wrong_side",
        "The stop {stop} must be on the losing side of the entry {price}: below it to buy, above "
        "it to sell.",
    )

    # An order that is refused: the instrument
    UNKNOWN_SYMBOL = (
        "unknown_symbol",
        "{venue} has no market {symbol}. Symbols are ccxt's, such as BTC/USDT or BTC/USDT:USDT.",
    )
    MARKETS_NOT_SYNCED = (
        "markets_not_synced",
        "The market rules of {venue} were never fetched. Run python manage.py sync_markets with "
        "--venue {venue}.",
    )
    SYMBOL_NOT_TRADED = "symbol_not_traded", "{symbol} is not traded on {venue} at present."
    SYMBOL_OF_OTHER_MARKET = (
        "symbol_of_other_market",
        "{symbol} is a {kind} market, and the strategy {strategy} trades {market}.",
    )
    CURRENCY_MISMATCH = (
        "currency_mismatch",
        "{symbol} is paid in {settle}, and the capital of this account is counted in {currency}.",
    )
    PRICE_UNAVAILABLE = (
        "price_unavailable",
        "{venue} gave no price of {symbol} ({cause}). Give a price with the order, or try again.",
    )

    # An order that is refused: the rules of the link and its account
    UNKNOWN_LINK = "unknown_link", "There is no strategy on an account with the id {link}."
    CLOSING_ONLY = (
        "closing_only",
        "The strategy is paused: it may only close. Activate it, or give a negative qty_per.",
    )
    TOO_MANY_SYMBOLS = (
        "too_many_symbols",
        "The strategy may hold {limit} symbols on this account, and holds: {held}.",
    )
    BUDGET_ABOVE_LIMIT = (
        "budget_above_limit",
        "The order would spend {percent} percent of the strategy's capital, and the account allows "
        "{limit}: more is other strategies' money.",
    )
    SPOT_SELL_NOT_ENTRY = (
        "spot_sell_not_entry",
        "On a spot market a sell enters nothing. To sell what is held, give a negative qty_per.",
    )
    NOTHING_TO_CLOSE = (
        "nothing_to_close",
        "The strategy reports no open position of {symbol} on this account: nothing to close.",
    )
    CLOSE_ON_WRONG_SIDE = (
        "close_on_wrong_side",
        "The position is {position} {symbol}: it is closed by a {side}.",
    )
    BUDGET_LIMIT_NOT_ALLOWED = (
        "budget_limit_not_allowed",
        "Letting orders spend {percent} percent of a strategy's capital takes the permission to "
        "raise the budget limit: what is above 100 is other strategies' money.",
    )

    # A rule that a record breaks: what audit_capital finds
    RUN_KEY_MALFORMED = (
        "run_key_malformed",
        "The run key {run_key} is empty, longer than 200 characters or not printable.",
    )
    RUN_KEY_REPEATED = "run_key_repeated", "The run key {run_key} stands on {times} runs: {runs}."
    RECORD_UNREADABLE = "record_unreadable", "{row} cannot be read ({kind})."
    TIME_IN_FUTURE = "time_in_future", "{row}: {what} is in the future ({moment})."
    READ_AFTER_DECISION = (
        "read_after_decision",
        "Pool {pool} (row {row}) was decided on a balance of {moment}, which is after the "
        "decision.",
    )
    SNAPSHOT_MISSING = (
        "snapshot_missing",
        "The run is {outcome}, but has no snapshot of what it saw.",
    )
    SNAPSHOT_UNEXPECTED = (
        "snapshot_unexpected",
        "The run is {outcome}, but has a snapshot, as only an unchanged one has.",
    )
    POOLS_MISSING = "pools_missing", "The run is {outcome}, but has no pools."
    POOLS_UNEXPECTED = "pools_unexpected", "The run is {outcome}, but has rows of pools."
    OUTCOME_CONTRADICTED = (
        "outcome_contradicted",
        "The run is {outcome}, but its entries say something else.",
    )
    FORCED_MARK_WRONG = (
        "forced_mark_wrong",
        "The run's forced mark is {marked}, but its arguments say {asked}.",
    )
    ARGUMENTS_CONTRADICTED = (
        "arguments_contradicted",
        "The run's arguments and its own columns disagree on: {argument}.",
    )
    LIVE_THOUGH_CACHED = (
        "live_though_cached",
        "Pool {pool} (row {row}) has a live balance, but live balances were not asked for.",
    )
    WALLET_MODES_MIXED = "wallet_modes_mixed", "The run has a unified pool beside others: {pools}."
    LINK_REPEATED = "link_repeated", "Link {link} got capital in more than one pool of the run."
    LINK_OF_ANOTHER_ACCOUNT = (
        "link_of_another_account",
        "Entry {entry}: link {link} belongs to account {account}.",
    )
    ACROSS_POOLS = (
        "across_pools",
        "Entry {entry}: link {link} got capital from pool {pool} (row {row}), which is not its "
        "market's.",
    )
    BASIS_CONTRADICTED = (
        "basis_contradicted",
        "What the run was decided on disagrees with its pools and entries on: {parts}.",
    )
    READING_CONTRADICTED = (
        "reading_contradicted",
        "Pool {pool} (row {row}): the source {source} disagrees with its balance or its time.",
    )
    DIVIDED_WITHOUT_BALANCE = (
        "divided_without_balance",
        "Pool {pool} (row {row}) had no balance, but has a reserve or a rest.",
    )
    POOL_NOT_CONSERVED = (
        "pool_not_conserved",
        "Pool {pool} (row {row}): allocated {allocated} + reserve {reserve} + unallocated "
        "{unallocated} is not the balance {balance}.",
    )
    DEBT_ALLOCATED = (
        "debt_allocated",
        "Pool {pool} (row {row}) is a debt of {balance}, but was allocated or reserved.",
    )
    RESERVE_WRONG = (
        "reserve_wrong",
        "Pool {pool} (row {row}): the reserve is {reserve} of {balance}; by the rule it is "
        "{expected}.",
    )
    WEIGHTS_UNUSABLE = (
        "weights_unusable",
        "Pool {pool} (row {row}): its weights cannot be used ({problem}).",
    )
    SHARE_WRONG = (
        "share_wrong",
        "Entry {entry}: link {link} got {after}; by the weights it is {expected}.",
    )
    ENTRY_NEGATIVE = "entry_negative", "Entry {entry}: link {link} got {after}, which is negative."
    ENTRY_NOT_WHOLE = (
        "entry_not_whole",
        "Entry {entry}: link {link} got {after}, which is finer than the currency's smallest "
        "amount.",
    )
    ENTRY_CODE_WRONG = (
        "entry_code_wrong",
        "Entry {entry}: link {link} has the code {code}, which does not go with its pool.",
    )
    IDLE_NOT_RELEASED = (
        "idle_not_released",
        "Entry {entry}: link {link} takes no part, but was left {after}.",
    )
    KEPT_BUT_CHANGED = (
        "kept_but_changed",
        "Entry {entry}: link {link} was to keep its capital, but {before} became {after}.",
    )
    CHAIN_BROKEN = (
        "chain_broken",
        "Entry {entry}: link {link} had {before}, but the record had left it {recorded}.",
    )
    REVERT_NOT_OF_LAST = (
        "revert_not_of_last",
        "The run reverts run {reverts}, but the last one that changed capital before it was "
        "{last}.",
    )
    RESTORED_WRONG = (
        "restored_wrong",
        "Entry {entry}: link {link} was restored to {after}; before the reverted run it had "
        "{expected}.",
    )
    CAPITAL_NEGATIVE = "capital_negative", "Link {link} holds {capital}, which is negative."
    CAPITAL_NOT_RECORDED = (
        "capital_not_recorded",
        "Link {link} holds {capital}, but its last run left it {recorded}.",
    )
    CAPITAL_EXCEEDS_BALANCE = (
        "capital_exceeds_balance",
        "Pool {pool}: its links hold {capital}, more than its last balance {balance}.",
    )
    SUSPECT_MALFORMED = (
        "suspect_malformed",
        "The suspect balance of pool {pool} cannot be read, so nobody can accept it.",
    )
    SUMMARY_REPEATED = (
        "summary_repeated",
        "Summary {summary}: there is another of {date} ({other}).",
    )
    SUMMARY_NOT_WHOLE = (
        "summary_not_whole",
        "Summary {summary} ({date}): the {pool} balance {balance} is finer than the currency's "
        "smallest amount.",
    )
    TIME_WITHOUT_BALANCE = (
        "time_without_balance",
        "Summary {summary} ({date}): the {pool} balance has a time but no amount.",
    )
    ENDING_WRONG = (
        "ending_wrong",
        "Summary {summary} ({date}): the ending balance is {ending}; its pools come to {expected}.",
    )
    ENDING_TIME_WRONG = (
        "ending_time_wrong",
        "Summary {summary} ({date}): the ending balance is not as old as its oldest part.",
    )
    UNIFIED_WITH_PARTS = (
        "unified_with_parts",
        "Summary {summary} ({date}): a unified wallet has no {pool} balance of its own.",
    )
    START_WRONG = (
        "start_wrong",
        "Summary {summary} ({date}): it starts with {starting}, but the one before ({other}) ended "
        "with {ending}.",
    )


_IDLE = frozenset(
    {
        Code.STRATEGY_PAUSED,
        Code.STRATEGY_ARCHIVED,
        Code.LINK_INACTIVE,
        Code.MARKET_NOT_ON_VENUE,
    }
)
_KEEPS_CAPITAL = frozenset({Code.KEPT, Code.HELD})
_OF_REVERT = frozenset({Code.RESTORED, Code.UNTOUCHED})
_BY_READING = frozenset({Code.SHARE, Code.KEPT})
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
        return self.code.english.format(**self.figures)

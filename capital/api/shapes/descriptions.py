"""What each field of a row means, for the published description of the API.

The models' own labels and help texts are written for the admin's forms. Only these are published.
"""

from collections.abc import Mapping

Descriptions = Mapping[str, str]

_CREATED_AT = "When it was created."
_UPDATED_AT = "When it was last changed."

_LIMITS: Descriptions = {
    "max_drawdown_percent": (
        "Entries stop when the chained return is this far below its highest level, in percent. "
        "Null: no limit. Loosening it needs the permission `capital.lift_stop`."
    ),
    "max_daily_loss_percent": (
        "Entries stop when today's loss is this percentage of what the day began with. Null: no "
        "limit. Loosening it needs the permission `capital.lift_stop`."
    ),
    "max_daily_loss_amount": (
        "Entries stop when today's loss is this amount, in the account's currency. Null: no limit. "
        "Loosening it needs the permission `capital.lift_stop`."
    ),
}

ACCOUNT: Descriptions = {
    **_LIMITS,
    "name": "The account's name, unique among its owner's accounts.",
    "venue": "The exchange, by its ccxt id.",
    "currency": "The currency in which the account's capital is counted, such as USDT or KRW.",
    "wallet_mode": (
        "`separate`: spot and futures have a wallet each. `unified`: they share one. Defaults to "
        "the exchange's usual mode."
    ),
    "balance_basis": (
        "What counts as the balance. `wallet`: cash and realised PnL. `equity`: the wallet and "
        "unrealised PnL. `free`: what is not tied up in orders and positions."
    ),
    "is_active": "Inactive accounts are neither read nor allocated.",
    "is_sandbox": "Whether the keys are for the exchange's test environment.",
    "reserve_percent": (
        "Percentage of each pool that is never allocated. The larger of reserve_percent and "
        "reserve_amount applies."
    ),
    "reserve_amount": "Amount of each pool that is never allocated, in the account's currency.",
    "min_change_amount": (
        "Smallest balance change that triggers a reallocation, in the account's currency. Null: "
        "only min_change_percent applies. Defaults to a fixed amount for the currency."
    ),
    "min_change_percent": "A balance change must exceed this percentage to trigger a reallocation.",
    "max_jump_percent": (
        "A balance that differs from the last accepted one by more than this percentage is put on "
        "hold until someone accepts it. Null turns the check off."
    ),
    "max_cache_age_hours": "Cached balances older than this are not used.",
    "fee_rate": "The exchange's fee as a fraction of the order value: 0.001 is 0.1%.",
    "utilisation": "Fraction of the budget that an order uses: 0.95 leaves 5% for slippage.",
    "max_budget_percent": (
        "Maximum budget of one order, as a percentage of its strategy's capital. Above 100 an "
        "order may spend other strategies' capital, so raising it needs the permission "
        "`capital.raise_budget_limit`."
    ),
    "max_price_deviation_percent": (
        "How far the price of an order that would fill at once may be off the market's, in "
        "percent. Further off, it is refused (`price_deviates`)."
    ),
    "policy": (
        "How each pool is divided. `weights`: each strategy gets its share by weight. "
        "`own_profit`: each keeps what it earned, and weights divide what is deposited or "
        "withdrawn. `inverse_volatility`: the calmer a strategy's days are, the more it gets."
    ),
    "lookback_days": "Over how many days `inverse_volatility` measures, 30 to 1000.",
    "max_unexplained_percent": (
        "Under `own_profit`, the percentage of a pool that fills and flows may fail to explain. "
        "Above it the pool keeps its capital (`books_behind`)."
    ),
    "drift_band_percent": (
        "Nothing moves while the capital of every strategy in a pool would change by no more than "
        "this percentage."
    ),
    "with_open_positions": (
        "What an open position does to the capital of its pool. `hold`: it stays as it is. "
        "`keep_in_use`: what a strategy has in use stays with it, and the rest moves."
    ),
    "counts_spot_holdings": (
        "Whether coins that spot strategies bought count as capital, at their market price. "
        "`own_profit` and `keep_in_use` require it on accounts with spot strategies."
    ),
    "connection_code": ("Why the exchange could not be read at the last sync. Empty if it could."),
    "last_checked_at": "When it was last checked whether a reallocation is due.",
    "last_check_code": "The result of that check.",
    "created_at": _CREATED_AT,
    "updated_at": _UPDATED_AT,
}

STRATEGY: Descriptions = {
    "name": "The strategy's name.",
    "order_tag": (
        "What the client order ids of its bots begin with. Empty: its key. On an account, no tag "
        "may begin another one."
    ),
    "market_type": "Whether it trades spot or futures.",
    "status": (
        "`ACTIVE` strategies share the capital. `PAUSED` ones may only close positions. "
        "`ARCHIVED` ones are kept for their history. Paused or archived, its capital goes to zero "
        "on every account with the reallocation that follows; where no other strategy of the pool "
        "is active, nobody gets it. To stop entries and keep the capital, place a stop instead."
    ),
    "description": "Notes.",
    "created_at": _CREATED_AT,
    "updated_at": _UPDATED_AT,
}

LINK: Descriptions = {
    **_LIMITS,
    "weight": "The strategy's share, relative to the other active strategies of the same pool.",
    "leverage": "Leverage with which futures orders are sized. Spot is always 1.",
    "max_symbols": (
        "Maximum number of symbols with an open position at the same time. Null: no limit."
    ),
    "fixed_amount": (
        "Gets this before the others share the rest, and no more. Null: it shares by the policy."
    ),
    "priority": "Of fixed and minimum amounts, the lower number is served first.",
    "min_amount": "Gets at least this while there is enough. Null: no minimum.",
    "max_amount": "What it would get beyond this goes to the others. Null: no limit.",
    "max_percent": "The same, as a percentage of the pool without its reserve. Null: no limit.",
    "drawdown_scaling": (
        "Whether its share shrinks with its drawdown, to nothing at `max_drawdown_percent`, which "
        "it requires. What is taken away stays unallocated."
    ),
    "compounding": (
        "`full`: it trades with all it earned. `half`: with half of what it has above "
        "`base_capital`. `none`: with `base_capital` at most. The rest stays unallocated."
    ),
    "base_capital": "Required unless `compounding` is `full`. Null: not set.",
    "is_active": (
        "An inactive link gets no capital: switched off, what it has goes to zero with the "
        "reallocation that follows."
    ),
    "created_at": _CREATED_AT,
    "updated_at": _UPDATED_AT,
}

ACCESS: Descriptions = {
    "role": (
        "`viewer` sees the account and its strategies. `operator` also allocates it, checks its "
        "connection, reports positions and fills, and changes its strategies. `manager` also "
        "changes its settings. A role allows nothing for which the user lacks the permission."
    ),
    "created_at": _CREATED_AT,
}

SUMMARY: Descriptions = {
    "account": "Id of the account.",
    "date": "The day, in the site's time zone.",
    "starting_balance": "Balance at the start of the day. Null: unknown.",
    "ending_balance": "Latest total balance of the day. Null: unknown.",
    "spot_balance": "Latest balance of the spot pool. Null: unknown, or there is no such pool.",
    "futures_balance": (
        "Latest balance of the futures pool. Null: unknown, or there is no such pool."
    ),
    "spot_observed_at": "When spot_balance was read from the exchange.",
    "futures_observed_at": "When futures_balance was read from the exchange.",
    "ending_observed_at": "When ending_balance was read from the exchange.",
    "realized_pnl": "Realised PnL of the day. Null: not known.",
    "unrealized_pnl": "Unrealised PnL. Null: not known.",
    "total_trades": "Number of trades. Null: not known.",
    "winning_trades": "Number of trades with a profit. Null: not known.",
    "losing_trades": "Number of trades with a loss. Null: not known.",
    "total_volume": "Traded volume. Null: not known.",
    "total_fees": "Fees paid. Null: not known.",
}

_TEXTS_OF_FILL = {
    "account": "Id of the account.",
    "recorded_at": "When it was recorded here.",
}
FILL: Descriptions = {
    **_TEXTS_OF_FILL,
    "symbol": "In ccxt's notation.",
    "venue_fill_id": "The exchange's id of the fill. Empty: not told; then it is provisional.",
    "order_id": "The exchange's id of the order. Empty: not told.",
    "client_order_id": "The bot's id of the order. Empty: not told.",
    "side": "`buy` or `sell`.",
    "position_side": "`both`, or on an account that holds both positions `long` or `short`.",
    "settle": "Currency of cost and PnL.",
    "fee_currency": "Currency of its first fee.",
    "executed_at": "When it was executed.",
    "source": "Who told of it first: `bot`, `venue`, `file` or `opening`.",
}
FLOW: Descriptions = {
    **_TEXTS_OF_FILL,
    "pool": "`spot`, `futures` or `unified`.",
    "kind": (
        "`deposit`, `withdrawal`, `transfer`, `conversion`, `adjustment`, `funding`, `interest` or "
        "`rebate`."
    ),
    "currency": "Currency of the amount.",
    "symbol": "Of funding: of which instrument.",
    "venue_flow_id": "The exchange's id. Empty: not told.",
    "occurred_at": "When.",
    "source": "Who told of it: `person`, `bot`, `venue` or `file`.",
    "note": "A note.",
}

RESERVATION: Descriptions = {
    "strategy_account": "Id of the strategy's link to the account.",
    "symbol": "Symbol in ccxt's notation, such as BTC/USDT:USDT.",
    "side": "What its order does.",
    "position_side": "Which position its order belongs to.",
    "state": (
        "`open` until it expires; `placed`: its order is at the exchange; `used`: filled; "
        "`released`; `expired`: it counts until fills or positions are known up to its expiry."
    ),
    "amount": (
        "The margin and fee that it holds, in the account's currency. Partial fills lower it; once "
        "it has ended, it is 0."
    ),
    "client_order_id": "Your id of the order.",
    "order_id": "The exchange's id of the order, once it is placed.",
    "created_at": "When it was made.",
    "expires_at": "Until when it holds, unless its order is placed before.",
    "placed_at": "When its order was said to be placed. Null: it was not.",
    "ended_at": "Since when it no longer counts. Null: it counts, or may.",
}

POSITION: Descriptions = {
    "mark_price": "The price at which it is valued. Null: not known.",
    "marked_at": "When mark_price was read.",
    "source": "What told the quantity last: `bot` (a report) or `fills`.",
    "dust": (
        "Whether it is too small for any order on the exchange. Then it does not count as open."
    ),
    "strategy_account": "Id of the strategy on the account.",
    "updated_at": "When it was last reported.",
}

MARKET: Descriptions = {
    "venue": "The exchange, by its ccxt id.",
    "symbol": "The symbol in ccxt's notation, such as BTC/USDT:USDT.",
    "market_id": "The exchange's own name for it.",
    "kind": "`spot`, a `linear` contract, or an `inverse` contract (settled in the base currency).",
    "base": "Base currency.",
    "quote": "Quote currency.",
    "settle": "Settle currency. On spot the quote currency.",
    "contract_size": (
        "What one contract is worth: base units on linear, quote currency on inverse contracts. "
        "Null on spot."
    ),
    "amount_unit": (
        "What the amount of an order counts there, as ccxt's create_order takes it: `contracts`, "
        "units of the `base` currency, or an amount of the `quote` currency. Steps and limits are "
        "in it too. Empty: not known, so nothing is sized."
    ),
    "precision_mode": "How amount_precision is meant.",
    "amount_precision": "Step, number of decimals, or number of significant digits of a quantity.",
    "min_amount": "Minimum quantity. Null: no limit.",
    "max_amount": "Maximum quantity. Null: no limit.",
    "market_min_amount": "Minimum quantity of a market order. Null: no limit of its own.",
    "market_max_amount": "Maximum quantity of a market order. Null: no limit of its own.",
    "min_cost": "Minimum order value. Null: no limit.",
    "max_cost": "Maximum order value. Null: no limit.",
    "market_max_cost": "Maximum value of a market order. Null: no limit of its own.",
    "market_buy_max_cost": "Maximum value of a market order to buy. Null: no limit of its own.",
    "market_sell_max_amount": (
        "Maximum quantity of a market order to sell. Null: no limit of its own."
    ),
    "max_leverage": "Maximum leverage. Null: not known, or spot.",
    "leverage_brackets": (
        "Maximum leverage by the size of a position, from the smallest: each with `leverage`, and "
        "up to which `max_notional` (quote currency), `max_settled` (settle currency, of inverse "
        "contracts) or `max_amount` it is allowed."
    ),
    "pending_rules": (
        "Rules with another contract size or unit, which wait until a person accepts them. "
        "Meanwhile positions can only be closed, by the rules of this row. Null: none."
    ),
    "pending_step": (
        "A changed step that no second sync has confirmed yet; amount_precision is the coarser "
        "one. Null: none."
    ),
    "is_active": "Whether it is traded now.",
    "fetched_at": "When the rules were fetched from the exchange.",
}

"""One example for each request and response body, by the name of its component."""

from collections.abc import Mapping
from typing import Any

from capital.api.frame.problems import problem
from capital.domain.reasons import Code, Reason
from capital.services.sentences import sentence

_TIME = "2026-11-24T09:00:00+09:00"
_NOT_DUE = Reason(Code.BELOW_THRESHOLD, {"percent": "0.05", "threshold": "0.1"})

_NOT_IN_BALANCE = Reason(Code.NOT_IN_BALANCE, {"account": "Binance main"})

_ACCOUNT = {
    "name": "Binance main",
    "venue": "binance",
    "currency": "USDT",
    "wallet_mode": "separate",
    "balance_basis": "wallet",
    "is_active": True,
    "is_sandbox": False,
    "reserve_percent": "5",
    "reserve_amount": "100.00",
    "fee_rate": "0.0005",
    "utilisation": "0.95",
    "max_budget_percent": "100",
    "max_price_deviation_percent": "5",
    "max_drawdown_percent": "20",
    "max_daily_loss_percent": None,
    "max_daily_loss_amount": None,
    "policy": "weights",
    "lookback_days": 60,
    "max_unexplained_percent": "1",
    "drift_band_percent": "0",
    "with_open_positions": "hold",
    "counts_spot_holdings": False,
}
_STRATEGY = {
    "key": "trend",
    "name": "Trend",
    "order_tag": "",
    "market_type": "futures",
    "status": "ACTIVE",
    "description": "",
}
_LINK = {
    "strategy": "trend",
    "account": 1,
    "weight": "0.6",
    "leverage": "3",
    "max_symbols": 5,
    "symbols": ["BTC/USDT:USDT"],
    "fixed_amount": None,
    "priority": 100,
    "min_amount": None,
    "max_amount": "10000.00",
    "max_percent": None,
    "drawdown_scaling": False,
    "compounding": "full",
    "base_capital": None,
    "is_active": True,
    "max_drawdown_percent": "15",
    "max_daily_loss_percent": "5",
    "max_daily_loss_amount": "500.00",
}
_POSITION = {"symbol": "BTC/USDT:USDT", "quantity": "0.23", "entry_price": "61234.5"}
_FILL = {
    "symbol": "BTC/USDT:USDT",
    "side": "buy",
    "position_side": "both",
    "quantity": "0.23",
    "price": "61234.5",
    "fees": [{"amount": "7.0419675", "currency": "USDT"}],
    "executed_at": _TIME,
    "venue_fill_id": "5119206",
    "order_id": "81250340",
    "client_order_id": "trend-0042",
}
_FLOW = {
    "pool": "futures",
    "kind": "deposit",
    "currency": "USDT",
    "amount": "1000.00",
    "occurred_at": _TIME,
    "note": "From the bank account",
}
_ORDER = {"symbol": "BTC/USDT:USDT", "side": "buy", "order_type": "MARKET", "qty_per": "50"}
_HELD_FOR = {
    "id": 7,
    "state": "open",
    "amount": "4701.6869675",
    "expires_at": "2026-11-24T09:01:00+09:00",
    "client_order_id": "trend-1764000000",
    "order_id": "",
}
_SIZE = {
    "strategy": "trend",
    "account": "Binance main",
    "symbol": "BTC/USDT:USDT",
    "side": "buy",
    "quantity": "0.23",
    "contracts": "23",
    "amount": "23",
    "reduce_only": False,
    "price": "61234.5",
    "price_source": "given",
    "capital": "5000.00",
    "available": "5000.00",
    "in_use": "0",
    "reserved": "0",
    "budget": "5000.00",
    "leverage": "3",
    "raw_quantity": "0.232369",
    "step": "0.01",
    "notional": "14083.935",
    "margin": "4694.645",
    "fee": "7.0419675",
    "stake": "4796.7025",
    "stake_step": "204.115",
    "min_stake": "204.115",
    "max_stake": "2449380",
    "bound_by": "budget",
    "code": "sized",
    "warnings": [],
}
_RUN = {
    "id": 42,
    "account": 1,
    "account_name": "Binance main",
    "venue": "binance",
    "currency": "USDT",
    "trigger": "api",
    "actor": "trader",
    "outcome": "applied",
    "code": "allocated",
    "reason": Code.ALLOCATED.english,
    "causes": [
        {
            "code": "weights_set",
            "figures": {"user": "trader", "before": "60/40", "after": "50/50"},
            "reason": "trader changed weights 60/40 → 50/50.",
        }
    ],
    "run_key": "api:20261124T000000:6f1c2f9e",
    "is_forced": False,
    "created_at": _TIME,
    "pools": [
        {
            "pool": "futures",
            "balance": "5000.00",
            "holdings": None,
            "source": "live",
            "observed_at": _TIME,
            "reserve": "0.00",
            "unallocated": "0.00",
            "code": "live_balance",
            "reason": Code.LIVE_BALANCE.english,
            "entries": [
                {
                    "strategy": "trend",
                    "weight": "1",
                    "before": "4000.00",
                    "after": "5000.00",
                    "code": "share",
                }
            ],
        }
    ],
}
_LIVE_POOL = {
    "pool": "futures",
    "currency": "USDT",
    "amount": "5000.123456",
    "observed_at": _TIME,
    "code": "live_balance",
    "reason": "",
}
_ABOUT = {"account": 1, "account_name": "Binance main"}

REQUESTS: Mapping[str, Any] = {
    "AccountRequest": {**_ACCOUNT, "api_key": "…", "api_secret": "…"},
    "PatchedAccountRequest": {"reserve_percent": "10"},
    "StrategyRequest": _STRATEGY,
    "PatchedStrategyRequest": {"status": "PAUSED"},
    "StrategyAccountRequest": _LINK,
    "PatchedStrategyAccountRequest": {"weight": "0.4"},
    "AccountAccessRequest": {"account": 1, "user": "minsu", "role": "viewer"},
    "PatchedAccountAccessRequest": {"role": "operator"},
    "ReportPositionsRequest": _POSITION,
    "OrderRequest": _ORDER,
    "SizeOrderRequest": _ORDER,
    "ReserveRequest": {**_ORDER, "expires_in": 60, "client_order_id": "trend-1764000000"},
    "PatchedPlaceReservationRequest": {"order_id": "8389765"},
    "ReportFillsRequest": {"fills": [_FILL]},
    "EnterFlowRequest": _FLOW,
    "SetWeightsRequest": {"weights": {"trend": "50"}, "dry_run": True},
    "AllocateRequest": {"dry_run": True, "cached": False},
    "StopReasonRequest": {"reason": "The exchange halted withdrawals"},
    "PlaceStopRequest": {"owner": "minsu", "reason": "The exchange halted withdrawals"},
    "HookRequest": {**_ORDER, "token": "whs_…", "id": "alert-1764000000"},
}
ANSWERS: Mapping[str, Any] = {
    "FillResults": {
        "results": [
            {"index": 0, "code": "recorded", "id": 7, "symbol": "BTC/USDT:USDT", "warnings": []}
        ]
    },
    "Fill": {
        "id": 7,
        "account": 1,
        "strategy_account": 1,
        **_FILL,
        "cost": "14083.935",
        "contract_size": "0.01",
        "settle": "USDT",
        "fee_amount": "7.0419675",
        "fee_currency": "USDT",
        "realized_reported": None,
        "liquidity": "taker",
        "source": "bot",
        "recorded_at": _TIME,
    },
    "Flow": {
        "id": 3,
        "account": 1,
        **_FLOW,
        "strategy_account": None,
        "symbol": "",
        "venue_flow_id": "",
        "source": "person",
        "reverses": None,
        "recorded_at": _TIME,
    },
    "Needs": {
        "results": [
            {
                "kind": "key_refused",
                "subject": "Main",
                "account": 1,
                "strategy": None,
                "venue": "",
                "code": "exchange_refused_key",
                "reason": "binance refused the API key.",
                "since": _TIME,
                "more": 0,
            }
        ]
    },
    "Stop": {
        "id": 5,
        "scope": "account",
        "strategy_account": None,
        "account": 1,
        "owner": None,
        "code": "",
        "reason": "The exchange halted withdrawals",
        "actor": "trader",
        "at": _TIME,
        "lifted_by": None,
        "lifted_at": None,
        "lifted_reason": "",
    },
    "LinkDay": {
        "id": 12,
        "account": 1,
        "strategy_account": 1,
        "strategy": "trend",
        "date": "2026-11-24",
        "currency": "USDT",
        "equity_start": "1000",
        "capital_added": "0",
        "realized": "30",
        "fees": "0.3",
        "fees_unvalued": {"BNB": "0.01"},
        "funding": "-0.5",
        "earned": "29.2",
        "unrealized": None,
        "volume": "230",
        "fills": 2,
        "trades": 1,
        "wins": 1,
        "losses": 0,
        "restated_at": None,
    },
    "Statement": {
        "id": 1,
        "name": "Binance main",
        "currency": "USDT",
        "month": "2026-11",
        "begins_at": "2026-10-31T23:59:00+09:00",
        "ends_at": "2026-11-30T23:59:00+09:00",
        "opening_balance": "10000",
        "external_flows": "500",
        "realized": "320.5",
        "fees": "41.2",
        "funding": "-12.3",
        "coins": "0",
        "unrealized_change": None,
        "unexplained": "0",
        "closing_balance": "10767",
        "missing": [
            {
                "figure": "unrealized_change",
                "code": _NOT_IN_BALANCE.code.value,
                "figures": dict(_NOT_IN_BALANCE.figures),
                "reason": _NOT_IN_BALANCE.english,
            }
        ],
    },
    "Size": _SIZE,
    "ReservedSize": {**_SIZE, "reservation": _HELD_FOR},
    "NewReservation": {"size": _SIZE, **_HELD_FOR},
    "Reservation": {
        "id": 7,
        "strategy_account": 1,
        "strategy": "trend",
        "account": 1,
        "symbol": "BTC/USDT:USDT",
        "side": "buy",
        "position_side": "both",
        "quantity": "0.23",
        "filled_quantity": "0",
        "state": "open",
        "amount": "4701.6869675",
        "reserved": "4701.6869675",
        "client_order_id": "trend-1764000000",
        "order_id": "",
        "created_at": _TIME,
        "expires_at": "2026-11-24T09:01:00+09:00",
        "placed_at": None,
        "ended_at": None,
    },
    "Sizes": {"sizes": [_SIZE]},
    "Run": _RUN,
    "Runs": {"runs": [_RUN]},
    "SetWeights": {
        **_ABOUT,
        "currency": "USDT",
        "dry_run": False,
        "capital_waits": False,
        "notice": "",
        "strategies": [
            {
                "strategy": "trend",
                "pool": "futures",
                "weight_before": "1",
                "weight_after": "50",
                "capital_before": "4000.00",
                "capital_after": "5000.00",
                "waits": False,
                "code": Code.SHARE.value,
                "reason": Code.SHARE.english,
            }
        ],
        "run": _RUN,
    },
    "HookAnswer": {
        "delivery": 7,
        "strategy": "trend",
        "received_at": _TIME,
        "allocations": [
            {
                "account": "Binance main",
                "outcome": None,
                "code": _NOT_DUE.code.value,
                "reason": _NOT_DUE.english,
                "run": None,
                "balances": [
                    {
                        "pool": "futures",
                        "amount": "5000.00",
                        "source": "live",
                        "observed_at": _TIME,
                    }
                ],
            }
        ],
        "sizes": [_SIZE],
        "warnings": [],
    },
    "LiveBalances": {**_ABOUT, "venue": "binance", "pools": [_LIVE_POOL]},
    "RebalanceStatus": {
        **_ABOUT,
        "due": False,
        "code": _NOT_DUE.code.value,
        "figures": dict(_NOT_DUE.figures),
        "reason": _NOT_DUE.english,
        "is_held": False,
        "held": [],
        "suspects": [],
        "observed_at": _TIME,
        "last_checked_at": _TIME,
        "last_check_code": _NOT_DUE.code.value,
    },
}


def _problem(status: int, code: Code, **figures: str) -> dict[str, Any]:
    return problem(status, code.value, sentence(Reason(code, figures)))


_NOT_A_NUMBER = {
    "field": "qty_per",
    "code": "invalid",
    "detail": "Must be a plain decimal number, preferably as a string.",
}


def _problem_of(field: str, code: Code, **figures: str) -> dict[str, Any]:
    """An order's refusal that names the field which caused it."""
    text = sentence(Reason(code, figures))
    return problem(422, code.value, text, fields=[{"field": field, "code": code, "detail": text}])


def problems() -> Mapping[int, Any]:
    """By status, what the API answers with it, in the active language."""
    return {
        400: problem(400, "invalid", f"qty_per: {_NOT_A_NUMBER['detail']}", fields=[_NOT_A_NUMBER]),
        401: _problem(401, Code.TOKEN_REFUSED),
        403: _problem(403, Code.SCOPE_TOO_SMALL, scope="read", needed="allocate"),
        404: _problem(404, Code.NOT_FOUND),
        405: problem(405, "method_not_allowed", 'Method "PUT" not allowed.'),
        406: problem(406, "not_acceptable", "Could not satisfy the request Accept header."),
        409: _problem(409, Code.IDEMPOTENCY_CONFLICT, key="6f1c2f9e-signal-42"),
        411: problem(
            411,
            "length_required",
            "This server cannot read a chunked body. Send a Content-Length header.",
        ),
        412: problem(
            412,
            "changed_meanwhile",
            "It was changed since you read it. Nothing was done. Read it again, then decide.",
            fields=[
                {
                    "field": "weight",
                    "code": "changed_meanwhile",
                    "detail": "It is 0.6 now; you sent 0.4.",
                }
            ],
        ),
        413: problem(413, "too_large", "The request body is too large."),
        415: problem(
            415,
            "unsupported_media_type",
            'Unsupported media type "text/plain" in request. Send JSON, with the header '
            "“Content-Type: application/json”.",
        ),
        422: _problem_of(
            "symbol",
            Code.UNKNOWN_SYMBOL,
            venue="binance",
            symbol="BTC/UST:USDT",
            nearest="BTC/USDT:USDT",
        ),
        429: problem(429, "throttled", "Request was throttled. Expected available in 3 seconds."),
        503: _problem(
            503,
            Code.PRICE_UNAVAILABLE,
            venue="binance",
            symbol="BTC/USDT:USDT",
            cause="exchange_timeout",
        ),
    }

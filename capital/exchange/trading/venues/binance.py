"""Binance: fills of one symbol at a time; coin-margined ones count contracts."""

from dataclasses import replace
from datetime import timedelta

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool
from capital.exchange.trading.rows import (
    INVERSE,
    LINEAR,
    SPOT,
    TRUE_IS_MAKER,
    TRUE_OR_FALSE_BUYS,
    Call,
    FeeField,
    FillFields,
    FlowFields,
    Kinds,
    Moment,
    OrderCall,
    OrderIds,
    Pages,
    PositionFields,
    Said,
    Trading,
    liquidity,
    position_side,
    side,
)

_SPAN = {"symbol": "{symbol}", "startTime": "{since}", "endTime": "{until}", "limit": 1000}
_TIME = (Moment("time"),)
_FEES = (FeeField("commission", "commissionAsset"),)


def _order(method: str, endpoint: str, weight: int = 1) -> OrderCall:
    # There, "Query Order": of orders of the last three months.
    params = {"symbol": "{symbol}", "orderId": "{order}"}
    return OrderCall(method, endpoint, params, "clientOrderId", weight)


_SPOT = Call(
    "privateGetMyTrades",
    "GET /api/v3/myTrades",
    rows=((),),
    fields=FillFields(
        symbol="symbol",
        quantity="qty",
        price="price",
        time=_TIME,
        side=(Said(("isBuyer",), TRUE_OR_FALSE_BUYS),),
        fees=_FEES,
        fill_id="id",
        order_id="orderId",
        liquidity=liquidity("isMaker", TRUE_IS_MAKER),
    ),
    kinds=SPOT,
    params=_SPAN,
    by_symbol=True,
    # developers.binance.com, "Account Trade List": "can't be longer than 24 hours".
    span=timedelta(hours=24),
    pages=Pages(1000),
    weight=20,
    order=_order("privateGetOrder", "GET /api/v3/order", 4),
)

# In portfolio margin, spot is traded in its margin wallet: "Margin Account Trade List".
_MARGIN = replace(
    _SPOT,
    method="papiGetMarginMyTrades",
    endpoint="GET /papi/v1/margin/myTrades",
    weight=5,
    order=_order("papiGetMarginOrder", "GET /papi/v1/margin/order", 10),
)

# side is what the fill did in hedge mode, too; quoteQty is rounded, and baseQty cut.
_CONTRACT = FillFields(
    symbol="symbol",
    quantity="qty",
    price="price",
    time=_TIME,
    side=side(),
    position_side=position_side(),
    fees=_FEES,
    realized="realizedPnl",
    fill_id="id",
    order_id="orderId",
    liquidity=liquidity("maker", TRUE_IS_MAKER),
)


def _fills(client: str, path: str, kinds: Kinds) -> Call[FillFields]:
    return Call(
        f"{client}UserTrades",
        f"GET {path}/userTrades",
        rows=((),),
        fields=_CONTRACT,
        kinds=kinds,
        params=_SPAN,
        by_symbol=True,
        # There, "Account Trade List" of futures: "cannot be longer than 7 days".
        span=timedelta(days=7) - timedelta(milliseconds=1),
        pages=Pages(1000),
        weight=20,
        order=_order(f"{client}Order", f"GET {path}/order"),
        about="realised PnL without fees",
    )


def _positions(method: str, endpoint: str, kinds: Kinds) -> Call[PositionFields]:
    return Call(
        method,
        endpoint,
        rows=((),),
        fields=PositionFields(
            symbol="symbol",
            quantity="positionAmt",
            is_signed=True,
            position_side=position_side(),
            entry="entryPrice",
            mark="markPrice",
            unrealised="unRealizedProfit",
            time=(Moment("updateTime"),),
        ),
        kinds=kinds,
        weight=5,
    )


def _income(method: str, endpoint: str, kinds: Kinds) -> Call[FlowFields]:
    return Call(
        method,
        endpoint,
        rows=((),),
        fields=FlowFields(
            kind=(
                Said(
                    ("incomeType",),
                    {
                        "funding_fee": FlowKind.FUNDING,
                        "transfer": FlowKind.TRANSFER,
                        "internal_transfer": FlowKind.TRANSFER,
                        "commission_rebate": FlowKind.REBATE,
                        "referral_kickback": FlowKind.REBATE,
                        "api_rebate": FlowKind.REBATE,
                        "coin_swap_deposit": FlowKind.CONVERSION,
                        "coin_swap_withdraw": FlowKind.CONVERSION,
                        "auto_exchange": FlowKind.CONVERSION,
                    },
                ),
            ),
            amount="income",
            currency="asset",
            time=_TIME,
            symbol="symbol",
            flow_id="tranId",
        ),
        kinds=kinds,
        params={"startTime": "{since}", "endTime": "{until}", "limit": 1000},
        span=timedelta(days=7),
        reach=timedelta(days=90),
        pages=Pages(1000),
        weight=30,
    )


_DEPOSITS = Call(
    "sapiGetCapitalDepositHisrec",
    "GET /sapi/v1/capital/deposit/hisrec",
    rows=((),),
    fields=FlowFields(
        kind=(Said((), {"": FlowKind.DEPOSIT}),),
        amount="amount",
        currency="coin",
        time=(Moment("insertTime"),),
        flow_id=("id", "txId"),
        # 1: success; 6: credited.
        only={"status": (1, "1", 6, "6")},
    ),
    params={"startTime": "{since}", "endTime": "{until}", "limit": 1000},
    span=timedelta(days=89),
    pages=Pages(1000),
)
_WITHDRAWALS = Call(
    "sapiGetCapitalWithdrawHistory",
    "GET /sapi/v1/capital/withdraw/history",
    rows=((),),
    fields=FlowFields(
        kind=(Said((), {"": FlowKind.WITHDRAWAL}),),
        # Documented: the amount is what arrives, the fee comes on top.
        amount=("amount + transactionFee", "amount"),
        currency="coin",
        time=(Moment("completeTime", "iso"), Moment("applyTime", "iso")),
        flow_id="id",
        is_unsigned=True,
        only={"status": (6, "6")},
    ),
    params={"startTime": "{since}", "endTime": "{until}", "limit": 1000},
    span=timedelta(days=89),
    pages=Pages(1000),
    weight=20,
)

TRADING = {
    "binance": Trading(
        fills={
            Pool.SPOT: (_SPOT,),
            Pool.FUTURES: (
                _fills("fapiPrivateGet", "/fapi/v1", LINEAR),
                _fills("dapiPrivateGet", "/dapi/v1", INVERSE),
            ),
            Pool.UNIFIED: (
                _fills("papiGetUm", "/papi/v1/um", LINEAR),
                _fills("papiGetCm", "/papi/v1/cm", INVERSE),
                _MARGIN,
            ),
        },
        positions={
            Pool.FUTURES: (
                _positions("fapiPrivateV3GetPositionRisk", "GET /fapi/v3/positionRisk", LINEAR),
                _positions("dapiPrivateGetPositionRisk", "GET /dapi/v1/positionRisk", INVERSE),
            ),
            Pool.UNIFIED: (
                _positions("papiGetUmPositionRisk", "GET /papi/v1/um/positionRisk", LINEAR),
                _positions("papiGetCmPositionRisk", "GET /papi/v1/cm/positionRisk", INVERSE),
            ),
        },
        flows={
            Pool.SPOT: (_DEPOSITS, _WITHDRAWALS),
            Pool.FUTURES: (
                _income("fapiPrivateGetIncome", "GET /fapi/v1/income", LINEAR),
                _income("dapiPrivateGetIncome", "GET /dapi/v1/income", INVERSE),
            ),
            Pool.UNIFIED: (
                _income("papiGetUmIncome", "GET /papi/v1/um/income", LINEAR),
                _income("papiGetCmIncome", "GET /papi/v1/cm/income", INVERSE),
            ),
        },
        # newClientOrderId: ^[a-zA-Z0-9-_]{1,36}$ on spot; futures allow ". : /" as well.
        # developers.binance.com, "User's Force Orders": every order of a deleveraging is named so.
        order_ids=OrderIds(
            longest=36, words=("adl_autoclose",), told="all: each order is asked once"
        ),
        untold=("deposits and withdrawals of portfolio margin are not read",),
    )
}

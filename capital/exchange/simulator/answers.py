"""Answers: what each venue's balance endpoint says, built from what a pool holds.

No prices are known here: figures in US dollars count the account's own currency and nothing
else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SPOT_CATALOGUE = ("BTC", "ETH", "BNB", "USDT", "USDC")
_MARGIN_CATALOGUE = ("USDT", "USDC", "BNB")
_ZERO = "0"


@dataclass(frozen=True)
class Holdings:
    """What one pool holds.

    Attributes:
        currency: The account's.
        amounts: Currency to decimal string, or to what a fault made of it; None is left out.
        now_milliseconds: Unix time.
    """

    currency: str
    amounts: Mapping[str, str | None]
    now_milliseconds: int

    @property
    def listed(self) -> dict[str, str]:
        """What is held, zeros too."""
        return {name: amount for name, amount in self.amounts.items() if amount is not None}

    @property
    def listed_without_zeros(self) -> dict[str, str]:
        """What is held, for venues that leave empty currencies out."""
        return {name: amount for name, amount in self.listed.items() if amount.strip("-0.")}

    @property
    def total(self) -> str:
        """The account's currency."""
        return self.listed.get(self.currency, _ZERO)

    def listed_with(self, catalogue: tuple[str, ...]) -> dict[str, str]:
        """What is held and, as zeros, what else the venue always lists."""
        others = (name for name in catalogue if name not in self.amounts)
        return {**self.listed, **dict.fromkeys(others, _ZERO)}

    def value_of(self, name: str) -> str:
        """Its worth in the account's currency, as far as that is known."""
        return self.total if name == self.currency else _ZERO


def _padded(amount: str) -> str:
    """``amount`` with eight decimals at least, never fewer than it has."""
    whole, _, fraction = amount.partition(".")
    is_plain = whole.removeprefix("-").isdecimal()
    return f"{whole}.{fraction.ljust(8, '0')}" if is_plain else amount


def binance_spot(holdings: Holdings) -> Any:
    """``GET /api/v3/account``: every asset of the catalogue, zeros too."""
    commissions = ("maker", "taker", "buyer", "seller")
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": dict.fromkeys(commissions, _padded(_ZERO)),
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": holdings.now_milliseconds,
        "accountType": "SPOT",
        "balances": [
            {"asset": name, "free": _padded(amount), "locked": _padded(_ZERO)}
            for name, amount in holdings.listed_with(_SPOT_CATALOGUE).items()
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }


def binance_futures(holdings: Holdings) -> Any:
    """``GET /fapi/v3/account``: USDⓈ-M; ``updateTime`` 0 marks what never was there."""
    nothing, total = _padded(_ZERO), _padded(holdings.total)
    return {
        "totalInitialMargin": nothing,
        "totalMaintMargin": nothing,
        "totalWalletBalance": total,
        "totalUnrealizedProfit": nothing,
        "totalMarginBalance": total,
        "totalPositionInitialMargin": nothing,
        "totalOpenOrderInitialMargin": nothing,
        "totalCrossWalletBalance": total,
        "totalCrossUnPnl": nothing,
        "availableBalance": total,
        "maxWithdrawAmount": total,
        "assets": [
            _binance_margin_asset(
                name,
                _padded(amount),
                # Zero marks an asset that never was in the wallet: a placeholder.
                holdings.now_milliseconds if name in holdings.amounts else 0,
            )
            for name, amount in holdings.listed_with(_MARGIN_CATALOGUE).items()
        ],
        "positions": [],
    }


def _binance_margin_asset(name: str, amount: str, updated_at_milliseconds: int) -> Any:
    nothing = _padded(_ZERO)
    return {
        "asset": name,
        "walletBalance": amount,
        "unrealizedProfit": nothing,
        "marginBalance": amount,
        "maintMargin": nothing,
        "initialMargin": nothing,
        "positionInitialMargin": nothing,
        "openOrderInitialMargin": nothing,
        "crossWalletBalance": amount,
        "crossUnPnl": nothing,
        "availableBalance": amount,
        "maxWithdrawAmount": amount,
        "updateTime": updated_at_milliseconds,
    }


def bybit_unified(holdings: Holdings) -> Any:
    """``GET /v5/account/wallet-balance``: coins without a balance are left out."""
    wallet = {
        "accountType": "UNIFIED",
        "totalEquity": holdings.total,
        "totalWalletBalance": holdings.total,
        "totalMarginBalance": holdings.total,
        "totalAvailableBalance": holdings.total,
        "totalPerpUPL": _ZERO,
        "totalInitialMargin": _ZERO,
        "totalMaintenanceMargin": _ZERO,
        "accountIMRate": _ZERO,
        "accountMMRate": _ZERO,
        "accountLTV": _ZERO,
        "coin": [
            _bybit_coin(name, amount, holdings.value_of(name))
            for name, amount in holdings.listed_without_zeros.items()
        ],
    }
    return {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"list": [wallet]},
        "retExtInfo": {},
        "time": holdings.now_milliseconds,
    }


def _bybit_coin(name: str, amount: str, value: str) -> Any:
    nothing = ("unrealisedPnl", "cumRealisedPnl", "borrowAmount", "accruedInterest", "bonus")
    margins = ("locked", "totalOrderIM", "totalPositionIM", "totalPositionMM", "spotHedgingQty")
    return {
        "coin": name,
        "walletBalance": amount,
        "equity": amount,
        "usdValue": value,
        **dict.fromkeys((*nothing, *margins), _ZERO),
        # No longer filled in, and sent all the same.
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "marginCollateral": True,
        "collateralSwitch": True,
    }


def okx_trading(holdings: Holdings) -> Any:
    """``GET /api/v5/account/balance``: currencies without a balance are left out."""
    updated_at = str(holdings.now_milliseconds)
    unknown = ("imr", "mmr", "mgnRatio", "notionalUsd", "ordFroz", "upl", "borrowFroz")
    account = {
        "uTime": updated_at,
        "totalEq": holdings.total,
        "adjEq": holdings.total,
        "availEq": holdings.total,
        "isoEq": _ZERO,
        **dict.fromkeys(unknown, ""),
        "details": [
            _okx_detail(name, amount, holdings.value_of(name), updated_at)
            for name, amount in holdings.listed_without_zeros.items()
        ],
    }
    return {"code": "0", "data": [account], "msg": ""}


def _okx_detail(name: str, amount: str, value: str, updated_at: str) -> Any:
    nothing = ("frozenBal", "ordFrozen", "upl", "uplLiab", "liab", "crossLiab", "isoLiab")
    more = ("isoEq", "isoUpl", "interest", "stgyEq", "twap", "maxLoan", "notionalLever")
    return {
        "ccy": name,
        "eq": amount,
        "cashBal": amount,
        "availEq": amount,
        "availBal": amount,
        "eqUsd": value,
        "disEq": value,
        **dict.fromkeys((*nothing, *more), _ZERO),
        "mgnRatio": "",
        "uTime": updated_at,
    }


def krw_wallets(holdings: Holdings) -> Any:
    """``GET /v1/accounts`` of Upbit and Bithumb: what the account has held."""
    return [
        {
            "currency": name,
            "balance": amount,
            "locked": _ZERO,
            "avg_buy_price": _ZERO,
            "avg_buy_price_modified": name == holdings.currency,
            "unit_currency": "KRW",
        }
        for name, amount in holdings.listed.items()
    ]

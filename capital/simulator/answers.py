"""Answers: what each venue's balance endpoint says, built from what a pool holds.

No prices are known here: figures in US dollars count the account's own currency and nothing
else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

_SPOT_CATALOGUE = ("BTC", "ETH", "BNB", "USDT", "USDC")
_MARGIN_CATALOGUE = ("USDT", "USDC", "BNB")
_COIN_CATALOGUE = ("BTC", "ETH", "XRP")
_ZERO = "0"
_EXACT = Context(prec=200)


@dataclass(frozen=True)
class Holdings:
    """What one pool holds.

    Attributes:
        currency: The account's.
        amounts: Currency to decimal string, or to what a fault made of it; None is left out.
        now_milliseconds: Unix time.
        unrealised: Currency to the PnL of what is open; others have none.
        in_use: Currency to what orders and positions hold; others have nothing in use.
    """

    currency: str
    amounts: Mapping[str, str | None]
    now_milliseconds: int
    unrealised: Mapping[str, str] = field(default_factory=dict)
    in_use: Mapping[str, str] = field(default_factory=dict)

    def pnl_of(self, name: str) -> str:
        """Its unrealised PnL."""
        return self.unrealised.get(name, _ZERO)

    def used_of(self, name: str) -> str:
        """What of it is in use."""
        return self.in_use.get(name, _ZERO)

    def free_of(self, name: str, amount: str) -> str:
        """``amount`` without what is in use."""
        return added(amount, self.used_of(name), sign=-1)

    def equity_of(self, name: str, amount: str) -> str:
        """``amount`` with its unrealised PnL."""
        return added(amount, self.pnl_of(name))

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


def added(amount: str, other: str, *, sign: int = 1) -> str:
    """Their exact sum, or difference; ``amount`` itself where there is nothing to add to it.

    What a fault made of an amount stays as it is.
    """
    if not other.strip("-0.") or not is_plain(amount):
        return amount
    total = _EXACT.add(Decimal(amount), _EXACT.multiply(Decimal(sign), Decimal(other)))
    return format(total, "f")


def is_plain(amount: str) -> bool:
    """Whether it is a number as venues send them, and not what a fault made of it."""
    digits = amount.removeprefix("-").replace(".", "", 1)
    return digits.isascii() and digits.isdecimal()


def _padded(amount: str) -> str:
    """``amount`` with eight decimals at least, never fewer than it has."""
    whole, _, fraction = amount.partition(".")
    return f"{whole}.{fraction.ljust(8, '0')}" if is_plain(amount) else amount


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
            {
                "asset": name,
                "free": _padded(holdings.free_of(name, amount)),
                "locked": _padded(holdings.used_of(name)),
            }
            for name, amount in holdings.listed_with(_SPOT_CATALOGUE).items()
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }


def binance_futures(holdings: Holdings) -> Any:
    """``GET /fapi/v3/account``: USDⓈ-M; ``updateTime`` 0 marks what never was there."""
    nothing, total = _padded(_ZERO), _padded(holdings.total)
    pnl = _padded(holdings.pnl_of(holdings.currency))
    margin = _padded(holdings.equity_of(holdings.currency, holdings.total))
    free = _padded(holdings.free_of(holdings.currency, holdings.total))
    return {
        "totalInitialMargin": nothing,
        "totalMaintMargin": nothing,
        "totalWalletBalance": total,
        "totalUnrealizedProfit": pnl,
        "totalMarginBalance": margin,
        "totalPositionInitialMargin": nothing,
        "totalOpenOrderInitialMargin": nothing,
        "totalCrossWalletBalance": total,
        "totalCrossUnPnl": nothing,
        "availableBalance": free,
        "maxWithdrawAmount": free,
        "assets": [
            _binance_margin_asset(
                holdings,
                name,
                amount,
                # Zero marks an asset that never was in the wallet: a placeholder.
                holdings.now_milliseconds if name in holdings.amounts else 0,
            )
            for name, amount in holdings.listed_with(_MARGIN_CATALOGUE).items()
        ],
        "positions": [],
    }


def binance_coin_futures(holdings: Holdings) -> Any:
    """``GET /dapi/v1/account``: COIN-M, a wallet for each coin and nothing over all of them."""
    return {
        "assets": [
            _binance_margin_asset(
                holdings, name, amount, holdings.now_milliseconds if name in holdings.amounts else 0
            )
            for name, amount in holdings.listed_with(_COIN_CATALOGUE).items()
        ],
        "positions": [],
        "canDeposit": True,
        "canTrade": True,
        "canWithdraw": True,
        "feeTier": 0,
        "updateTime": 0,
    }


def _binance_margin_asset(
    holdings: Holdings, name: str, amount: str, updated_at_milliseconds: int
) -> Any:
    nothing, used = _padded(_ZERO), _padded(holdings.used_of(name))
    return {
        "asset": name,
        "walletBalance": _padded(amount),
        "unrealizedProfit": _padded(holdings.pnl_of(name)),
        "marginBalance": _padded(holdings.equity_of(name, amount)),
        "maintMargin": nothing,
        "initialMargin": used,
        "positionInitialMargin": used,
        "openOrderInitialMargin": nothing,
        "crossWalletBalance": _padded(amount),
        "crossUnPnl": _padded(holdings.pnl_of(name)),
        "availableBalance": _padded(holdings.free_of(name, amount)),
        "maxWithdrawAmount": _padded(holdings.free_of(name, amount)),
        "updateTime": updated_at_milliseconds,
    }


def binance_portfolio(holdings: Holdings) -> Any:
    """``GET /papi/v1/balance``: portfolio margin; what is free stands nowhere."""
    return [
        {
            "asset": name,
            "totalWalletBalance": _padded(amount),
            "crossMarginAsset": _padded(amount),
            "crossMarginBorrowed": _padded(_ZERO),
            "crossMarginFree": _padded(amount),
            "crossMarginInterest": _padded(_ZERO),
            "crossMarginLocked": _padded(_ZERO),
            "umWalletBalance": _padded(_ZERO),
            "umUnrealizedPNL": _padded(holdings.pnl_of(name)),
            "cmWalletBalance": _padded(_ZERO),
            "cmUnrealizedPNL": "",
            "updateTime": holdings.now_milliseconds,
            "negativeBalance": _padded(_ZERO),
        }
        for name, amount in holdings.listed.items()
    ]


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
            _bybit_coin(holdings, name, amount)
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


def _bybit_coin(holdings: Holdings, name: str, amount: str) -> Any:
    nothing = ("cumRealisedPnl", "borrowAmount", "accruedInterest", "bonus")
    margins = ("locked", "totalOrderIM", "totalPositionMM", "spotHedgingQty")
    return {
        "coin": name,
        "walletBalance": amount,
        "equity": holdings.equity_of(name, amount),
        "usdValue": holdings.value_of(name),
        "unrealisedPnl": holdings.pnl_of(name),
        "totalPositionIM": holdings.used_of(name),
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
            _okx_detail(holdings, name, amount, updated_at)
            for name, amount in holdings.listed_without_zeros.items()
        ],
    }
    return {"code": "0", "data": [account], "msg": ""}


def _okx_detail(holdings: Holdings, name: str, amount: str, updated_at: str) -> Any:
    value, free = holdings.value_of(name), holdings.free_of(name, amount)
    nothing = ("ordFrozen", "uplLiab", "liab", "crossLiab", "isoLiab")
    more = ("isoEq", "isoUpl", "interest", "stgyEq", "twap", "maxLoan", "notionalLever")
    return {
        "ccy": name,
        "eq": holdings.equity_of(name, amount),
        "cashBal": amount,
        "availEq": free,
        "availBal": free,
        "frozenBal": holdings.used_of(name),
        "upl": holdings.pnl_of(name),
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
            "balance": holdings.free_of(name, amount),
            "locked": holdings.used_of(name),
            "avg_buy_price": _ZERO,
            "avg_buy_price_modified": name == holdings.currency,
            "unit_currency": "KRW",
        }
        for name, amount in holdings.listed.items()
    ]

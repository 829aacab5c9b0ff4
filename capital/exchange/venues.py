"""What is known of each venue: one declarative row. Adding a venue is adding a row.

Pure data: nothing here imports ccxt or Django.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from capital.domain.errors import UnknownVenue
from capital.domain.pools import Pool, WalletMode, pools_of
from strategies.markets import MarketType

Credential = Literal["api_key", "api_secret", "api_passphrase"]

KEY_AND_SECRET: tuple[Credential, ...] = ("api_key", "api_secret")


@dataclass(frozen=True)
class BalanceCall:
    """How one pool is asked for, and how its answer is told from an empty one.

    Attributes:
        params: What ccxt's ``fetch_balance`` is given.
        holdings: Where the raw answer lists the currencies, as keys and positions from the
            top; ``()`` is the answer itself. An answer without that list is a failure.
        omits_empty: The venue documents that it leaves currencies without a balance out, so
            that a currency missing from the list is a zero. Elsewhere it is a failure.
    """

    params: Mapping[str, Any]
    holdings: tuple[str | int, ...]
    omits_empty: bool = False


@dataclass(frozen=True)
class Venue:
    """One exchange.

    Attributes:
        id: The ccxt id.
        markets: What can be traded there with one set of keys.
        wallet_modes: How it keeps the money, the usual mode first.
        currency: The currency that an account there is usually kept in.
        calls: For each pool that some mode has, how its balance is read. The balance is
            ccxt's unified ``total`` of the account's currency.
        options: ccxt options that keep it from guessing or probing the account mode.
        credentials: Which of the account's fields must be filled.
        sandbox: How ccxt reaches the venue's test system; None where there is none.
    """

    id: str
    markets: frozenset[MarketType]
    wallet_modes: tuple[WalletMode, ...]
    currency: str
    calls: Mapping[Pool, BalanceCall]
    options: Mapping[str, Any] = field(default_factory=dict)
    credentials: tuple[Credential, ...] = KEY_AND_SECRET
    sandbox: Literal["testnet", "demo"] | None = None

    @property
    def usual_wallet_mode(self) -> WalletMode:
        """What an account gets that names no mode."""
        return self.wallet_modes[0]

    def pools(self, wallet_mode: WalletMode) -> tuple[Pool, ...]:
        """The pools of an account here, in order of reading."""
        return pools_of(wallet_mode, self.markets)


_BOTH_MARKETS = frozenset(MarketType)
_SPOT_ONLY = frozenset({MarketType.SPOT})

_ROWS = (
    Venue(
        id="binance",
        markets=_BOTH_MARKETS,
        wallet_modes=(WalletMode.SEPARATE,),
        currency="USDT",
        calls={
            # GET /api/v3/account lists every asset unless omitZeroBalances is asked for.
            Pool.SPOT: BalanceCall(params={"type": "spot"}, holdings=("balances",)),
            # USDⓈ-M. ccxt drops rows with updateTime 0: placeholders, not balances.
            Pool.FUTURES: BalanceCall(
                params={"type": "swap", "subType": "linear"}, holdings=("assets",)
            ),
        },
        # ccxt calls Binance's futures testnet abandoned and points to demo trading.
        sandbox="demo",
    ),
    Venue(
        id="bybit",
        markets=_BOTH_MARKETS,
        wallet_modes=(WalletMode.UNIFIED,),
        currency="USDT",
        calls={
            # Asking for spot and for swap gives the same answer: it is asked once.
            # Its documentation says that coins without assets or liabilities are left out.
            Pool.UNIFIED: BalanceCall(
                params={}, holdings=("result", "list", 0, "coin"), omits_empty=True
            ),
        },
        # Without these ccxt spends two requests on finding the account mode out.
        options={
            "enableUnifiedMargin": False,
            "enableUnifiedAccount": True,
            "unifiedMarginStatus": 6,
        },
        sandbox="testnet",
    ),
    Venue(
        id="okx",
        markets=_BOTH_MARKETS,
        wallet_modes=(WalletMode.UNIFIED,),
        currency="USDT",
        calls={
            # Its documentation says that only assets with a balance are listed.
            Pool.UNIFIED: BalanceCall(params={}, holdings=("data", 0, "details"), omits_empty=True),
        },
        credentials=("api_key", "api_secret", "api_passphrase"),
        sandbox="testnet",
    ),
    Venue(
        id="upbit",
        markets=_SPOT_ONLY,
        wallet_modes=(WalletMode.SEPARATE,),
        currency="KRW",
        # Documented as a list of the assets held, which does not say whether an emptied KRW
        # wallet stays listed: a missing currency is a failure.
        calls={Pool.SPOT: BalanceCall(params={}, holdings=())},
    ),
    Venue(
        id="bithumb",
        markets=_SPOT_ONLY,
        wallet_modes=(WalletMode.SEPARATE,),
        currency="KRW",
        calls={Pool.SPOT: BalanceCall(params={}, holdings=())},
    ),
)

VENUES: Mapping[str, Venue] = MappingProxyType({row.id: row for row in _ROWS})


def get_venue(venue_id: str) -> Venue:
    """The row of ``venue_id``.

    Raises:
        UnknownVenue: There is no such row; the message names those that there are.
    """
    try:
        return VENUES[venue_id]
    except KeyError:
        raise UnknownVenue(venue=venue_id, known=", ".join(sorted(VENUES))) from None

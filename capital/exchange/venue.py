"""A row of the venue table: which call, which number of the response, and what is refused.

Pure data: nothing here imports ccxt or Django.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from capital.domain.balances import BalanceBasis
from capital.domain.pools import Pool, WalletMode, pools_of
from capital.domain.reasons import Code
from capital.exchange.calls.balances import BalanceCall
from capital.exchange.calls.places import Path
from capital.exchange.calls.rules import RulesCall
from strategies.markets import MarketType

Credential = Literal["api_key", "api_secret", "api_passphrase"]
KEY_AND_SECRET: tuple[Credential, ...] = ("api_key", "api_secret")
KEY_SECRET_AND_PASSPHRASE: tuple[Credential, ...] = (*KEY_AND_SECRET, "api_passphrase")
BOTH_MARKETS = frozenset(MarketType)
SPOT_ONLY = frozenset({MarketType.SPOT})
FUTURES_ONLY = frozenset({MarketType.FUTURES})


@dataclass(frozen=True)
class Inspection:
    """A question about an account and its key, for checks that a person requests.

    Attributes:
        method: The method of ccxt's client.
        params: Its arguments; ``{api_key}`` stands for the key.
        first: Another method, called before without arguments, and where its response has the value
            of ``{first}`` in ``params``.
        mode: Where the response names the account's mode; ``()`` is the response itself, None if it
            does not.
        modes: The venue's names of our wallet modes; any other name says nothing. A flag is
            ``True`` or ``False``.
        withdraw: Where it says whether the key can withdraw; None if it does not.
        withdraws: The value, or one of the values, that means that it can.
    """

    method: str
    params: Mapping[str, str] = field(default_factory=dict)
    first: tuple[str, Path] | None = None
    mode: Path | None = None
    modes: Mapping[str, WalletMode] = field(default_factory=dict)
    withdraw: Path | None = None
    withdraws: tuple[Any, ...] = (True,)


@dataclass(frozen=True)
class Venue:
    """One exchange.

    Attributes:
        id: The ccxt id.
        markets: What can be traded there with one set of keys.
        wallet_modes: Its wallet modes, the usual one first.
        currency: The usual currency of accounts there.
        calls: For each pool of any mode, how its balance is read; the first call for the account's
            currency counts.
        options: ccxt options of every call.
        credentials: Which of the account's fields are required.
        ccxt_credentials: ccxt's names of those fields.
        secret_is_a_wallets: The secret is a wallet's private key, which can withdraw if the wallet
            is the account itself.
        sandbox: How ccxt reaches the venue's test environment; None if there is none.
        sandbox_modes: The wallet modes of the test environment.
        inspections: The questions about an account and its key.
        key_errors: Texts in responses that refuse the key, if ccxt does not recognise them.
        clock_errors: The same for the time of a request. A text that may also mean the key costs
            one request for the venue's time.
        has_growing_nonce: A request must carry a higher number than the key's last one.
        rules_call: How its instrument rules are requested.
        stands_for: Settle currencies that a currency of accounts stands for, one for one: their
            contracts are sized with it.
        charts_as: How TradingView names it before its tickers; empty: as its id.
        is_proven: Its row was verified against real responses. See ``generic``.
    """

    id: str
    markets: frozenset[MarketType]
    wallet_modes: tuple[WalletMode, ...]
    currency: str
    calls: Mapping[Pool, tuple[BalanceCall, ...]]
    options: Mapping[str, Any] = field(default_factory=dict)
    credentials: tuple[Credential, ...] = KEY_AND_SECRET
    ccxt_credentials: Mapping[Credential, str] = field(
        default_factory=lambda: {
            "api_key": "apiKey",
            "api_secret": "secret",
            "api_passphrase": "password",
        }
    )
    secret_is_a_wallets: bool = False
    sandbox: Literal["testnet", "demo"] | None = None
    sandbox_modes: tuple[WalletMode, ...] = tuple(WalletMode)
    inspections: tuple[Inspection, ...] = ()
    key_errors: tuple[str, ...] = ()
    clock_errors: tuple[str, ...] = ()
    has_growing_nonce: bool = False
    rules_call: RulesCall = field(default_factory=RulesCall)
    stands_for: Mapping[str, frozenset[str]] = field(default_factory=dict)
    charts_as: tuple[str, ...] = ()
    is_proven: bool = True

    @property
    def ticker_prefixes(self) -> frozenset[str]:
        """How a ticker of it begins, before the colon, in capital letters."""
        return frozenset(self.charts_as or (self.id.upper(),))

    @property
    def usual_wallet_mode(self) -> WalletMode:
        """The mode of an account that names none."""
        return self.wallet_modes[0]

    def pools(self, wallet_mode: WalletMode) -> tuple[Pool, ...]:
        """The pools of an account here, in reading order."""
        return pools_of(wallet_mode, self.markets)

    def call(self, pool: Pool, currency: str) -> BalanceCall:
        """How ``pool`` of an account in ``currency`` is read."""
        return next(
            call
            for call in self.calls[pool]
            if call.currencies is None or currency in call.currencies
        )

    def has_sandbox(self, wallet_mode: WalletMode) -> bool:
        """Whether the test environment has accounts of that mode."""
        return self.sandbox is not None and wallet_mode in self.sandbox_modes

    def readable_pools(
        self, basis: BalanceBasis, wallet_mode: WalletMode, currency: str
    ) -> tuple[Pool, ...]:
        """The pools of an account here that are available in ``basis``."""
        return tuple(
            pool
            for pool in self.pools(wallet_mode)
            if basis not in self.call(pool, currency).refused
        )

    def refusal(
        self,
        basis: BalanceBasis,
        wallet_mode: WalletMode,
        currency: str,
        *,
        used: Collection[Pool] | None = None,
    ) -> tuple[Pool, Code] | None:
        """The first pool in use that is not available in ``basis``, and why; None if all are.

        Args:
            basis: The basis.
            wallet_mode: The account's.
            currency: The account's.
            used: The pools in use; None for all. Where no pool at all is available, all are judged.
        """
        readable = self.readable_pools(basis, wallet_mode, currency)
        for pool in self.pools(wallet_mode):
            is_judged = used is None or pool in used or not readable
            if is_judged and pool not in readable:
                return pool, self.call(pool, currency).refused[basis]
        return None

    def bases(
        self, wallet_mode: WalletMode, currency: str, *, used: Collection[Pool] | None = None
    ) -> tuple[BalanceBasis, ...]:
        """The bases from which an account can choose. ``used`` is as for ``refusal``."""
        return tuple(
            basis
            for basis in BalanceBasis
            if self.refusal(basis, wallet_mode, currency, used=used) is None
        )

"""What a row of the venue table says: which call, which number of the answer, and what is refused.

Pure data: nothing here imports ccxt or Django.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from capital.domain.balances import BalanceBasis
from capital.domain.pools import Pool, WalletMode, pools_of
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import InstrumentKind, PrecisionMode
from strategies.markets import MarketType

Credential = Literal["api_key", "api_secret", "api_passphrase"]

KEY_AND_SECRET: tuple[Credential, ...] = ("api_key", "api_secret")
KEY_SECRET_AND_PASSPHRASE: tuple[Credential, ...] = (*KEY_AND_SECRET, "api_passphrase")
BOTH_MARKETS = frozenset(MarketType)
SPOT_ONLY = frozenset({MarketType.SPOT})
FUTURES_ONLY = frozenset({MarketType.FUTURES})

WALLET, EQUITY, FREE = BalanceBasis.WALLET, BalanceBasis.EQUITY, BalanceBasis.FREE

Formula = str | tuple[str, ...]
"""A sum of fields of a currency's entry, such as ``"total + unrealised_pnl"``.

A field is a path with dots; ``name[]`` adds up over a list; a path that starts with ``/`` begins
at the top of the answer; ``name?`` may be the empty text, which the venue documents as nothing. A
field that is missing, null or empty is not given, and never counts as zero. Of several formulas the
first counts whose fields are all given.
"""


def alternatives(formula: Formula) -> tuple[str, ...]:
    """The formulas of which the first counts whose fields are all given."""
    return (formula,) if isinstance(formula, str) else formula


@dataclass(frozen=True)
class Holdings:
    """Where the raw answer keeps what it says of each currency: its entries.

    Attributes:
        path: Keys and positions from the top; ``()`` is the answer itself.
        form: ``rows``: a list, one entry a currency. ``named``: entries by the name of the
            currency. ``single``: one entry. ``lines``: a list with one amount a line, which
            ``kind`` names; the lines of one currency make its entry.
        name: The field that names the currency; of ``single`` it may be ``=`` and the name itself.
        only: What an entry must say to count: field to values.
        never: What an entry must not say: a placeholder.
        kind: Of ``lines``: the field that names the amount.
        amount: Of ``lines``: the field with the amount.
        worth: Where the answer says what all of it is worth: beside that an empty list is no
            empty wallet.
        adds: Several entries of one currency are added up. Elsewhere they are a failure.
        more: Where ccxt joins pages: the field that is true where more of them follow. A list that
            is not whole is a failure.
        source: ``info``: what ccxt keeps of the answer. ``response``: the answer as it came, where
            ccxt keeps too little to tell an empty list from an answer without one. ``unified``:
            ccxt's own ``free``, ``used`` and ``total``.
    """

    path: tuple[str | int, ...] = ()
    form: Literal["rows", "named", "single", "lines"] = "rows"
    name: str = ""
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    never: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    kind: str = ""
    amount: str = ""
    worth: tuple[str | int, ...] = ()
    adds: bool = False
    more: str = ""
    source: Literal["info", "response", "unified"] = "info"


@dataclass(frozen=True)
class Withheld:
    """A basis that some accounts cannot be given, as the answer tells by a field.

    Attributes:
        basis: Which.
        field: Of the entry, or with ``/`` of the answer: true, or an amount that is not zero.
        code: Why.
        is_amount: An amount, which must be there; a flag need not.
    """

    basis: BalanceBasis
    field: str
    code: Code
    is_amount: bool = False


@dataclass(frozen=True)
class Pace:
    """How often a venue may be asked: nine tenths of what it documents, for others ask too.

    Attributes:
        weight_per_minute: From this machine's address, for one pool's endpoint; None where the
            venue counts by account only.
        key_requests: With one key, in any ``key_seconds``.
    """

    weight_per_minute: int | None = 1080
    key_requests: int = 9
    key_seconds: int = 1


@dataclass(frozen=True)
class BalanceCall:
    """How one pool is asked for, and which number of the answer is its balance.

    Attributes:
        params: What ccxt's ``fetch_balance`` is given. ``{currency}`` and ``{currency_lower}``
            in a text stand for the account's currency.
        holdings: Where the answer lists the currencies. An answer without that is a failure.
        formulas: Each basis that the venue can give, and how.
        refused: Each basis that it cannot give, and why.
        options: ccxt options that keep it from guessing or probing the account mode.
        omits_empty: The venue documents that it leaves currencies without a balance out, so
            that a currency missing from the list is a zero. Elsewhere it is a failure.
        currencies: The account currencies that this call is for; None is all others.
        currency_ids: What the venue calls a currency in a request, where it is another name.
        withheld: Bases that single accounts cannot be given.
        weight: What one request counts for in the venue's limits.
        pace: Those limits.
    """

    params: Mapping[str, Any]
    holdings: Holdings
    formulas: Mapping[BalanceBasis, Formula]
    refused: Mapping[BalanceBasis, Code] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    omits_empty: bool = False
    currencies: frozenset[str] | None = None
    currency_ids: Mapping[str, str] = field(default_factory=dict)
    withheld: tuple[Withheld, ...] = ()
    weight: int = 1
    pace: Pace = Pace()

    def currency_id(self, currency: str) -> str:
        """What the venue calls ``currency`` in a request."""
        return self.currency_ids.get(currency, currency)

    def params_for(self, currency: str) -> dict[str, Any]:
        """``params`` for an account in ``currency``."""
        names = {"currency": currency, "currency_lower": currency.lower()}
        return {
            key: value.format(**names) if isinstance(value, str) else value
            for key, value in self.params.items()
        }


@dataclass(frozen=True)
class RulesCall:
    """How the market rules are asked for, and what of them ccxt does not pass on.

    Attributes:
        options: ccxt options while they are asked for: only what can be traded here.
        precision_mode: Of amounts, where it is another than the one that ccxt states for the
            venue as a whole.
        min_costs: Least worth of an order by quote currency, for markets without one.
        market_most: Where in the raw market the most of a market order stands, by kind.
        last_price: The field of the raw ticker with the last price, where ccxt's own ticker has
            none: there it passes over the exact numbers that it has been told to make.
        settle_is_lower_case: The venue's paths name the currency in which contracts are paid, in
            lower case.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    precision_mode: PrecisionMode | None = None
    min_costs: Mapping[str, Decimal] = field(default_factory=dict)
    market_most: Mapping[InstrumentKind, tuple[str, ...]] = field(default_factory=dict)
    last_price: str = ""
    settle_is_lower_case: bool = False


@dataclass(frozen=True)
class OwnKey:
    """A step of a path: of a list of keys, the one that asked, by the field that names each."""

    field: str


Path = tuple[str | int | OwnKey, ...]


@dataclass(frozen=True)
class Inspection:
    """What the venue says of an account and its key, asked for by a person's check only.

    Attributes:
        method: Of ccxt's client.
        params: What it is given; ``{api_key}`` stands for the key.
        first: Another method, asked before without parameters, and where its answer has what
            ``{first}`` stands for in ``params``.
        mode: Where the answer names the account's mode; ``()`` is the answer itself, None where it
            does not say.
        modes: What the venue calls our wallet modes; any other name says nothing. A flag is
            ``True`` or ``False``.
        withdraw: Where it says whether the key can withdraw; None where it does not.
        withdraws: What is said there, or is among what is said, where it can.
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
        wallet_modes: How it keeps the money, the usual mode first.
        currency: The currency that an account there is usually kept in.
        calls: For each pool that some mode has, how its balance is read; the first call counts
            that is for the account's currency.
        options: ccxt options of every call.
        credentials: Which of the account's fields must be filled.
        ccxt_credentials: What ccxt calls those fields.
        secret_is_a_wallets: The secret is a wallet's private key, and can withdraw where the
            wallet is the account itself.
        sandbox: How ccxt reaches the venue's test system; None where there is none.
        sandbox_modes: The wallet modes that the test system has.
        inspections: What it can be asked of an account and its key.
        key_errors: Texts of its answers that refuse the key, where ccxt does not know them as that.
        clock_errors: The same for the time of a request. One that may mean the key as well costs
            one question for the venue's time.
        has_growing_nonce: A request must only carry a higher number than the key's last one.
        rules_call: How its market rules are asked for.
        is_proven: Its row was held against real answers. See ``generic``.
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
    is_proven: bool = True

    @property
    def usual_wallet_mode(self) -> WalletMode:
        """What an account gets that names no mode."""
        return self.wallet_modes[0]

    def pools(self, wallet_mode: WalletMode) -> tuple[Pool, ...]:
        """The pools of an account here, in order of reading."""
        return pools_of(wallet_mode, self.markets)

    def call(self, pool: Pool, currency: str) -> BalanceCall:
        """How ``pool`` of an account in ``currency`` is read."""
        return next(
            call
            for call in self.calls[pool]
            if call.currencies is None or currency in call.currencies
        )

    def has_sandbox(self, wallet_mode: WalletMode) -> bool:
        """Whether accounts of that mode can be kept on its test system."""
        return self.sandbox is not None and wallet_mode in self.sandbox_modes

    def refusal(
        self, basis: BalanceBasis, wallet_mode: WalletMode, currency: str
    ) -> tuple[Pool, Code] | None:
        """The first pool that cannot be given in ``basis``, and why; None where all can."""
        for pool in self.pools(wallet_mode):
            code = self.call(pool, currency).refused.get(basis)
            if code is not None:
                return pool, code
        return None

    def bases(self, wallet_mode: WalletMode, currency: str) -> tuple[BalanceBasis, ...]:
        """Those that an account can choose from."""
        return tuple(
            basis for basis in BalanceBasis if self.refusal(basis, wallet_mode, currency) is None
        )


def spot_call(
    *,
    params: Mapping[str, Any],
    holdings: Holdings,
    free: str,
    locked: str,
    options: Mapping[str, Any] | None = None,
    omits_empty: bool = False,
    weight: int = 1,
    pace: Pace = Pace(),  # frozen
) -> BalanceCall:
    """A spot wallet whose answer gives what is free and what is locked: nothing is unrealised."""
    whole = f"{free} + {locked}"
    return BalanceCall(
        params=params,
        holdings=holdings,
        formulas={WALLET: whole, EQUITY: whole, FREE: free},
        options=options or {},
        omits_empty=omits_empty,
        weight=weight,
        pace=pace,
    )

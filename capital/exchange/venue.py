"""A row of the venue table: which call, which number of the response, and what is refused.

Pure data: nothing here imports ccxt or Django.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from capital.domain.balances import BalanceBasis
from capital.domain.pools import Pool, WalletMode, pools_of
from capital.domain.reasons import Code
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind, PrecisionMode
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

A field is a path with dots; ``name[]`` is the sum over a list; a path that starts with ``/`` begins
at the top of the response; ``name?`` may be empty or null, which the venue documents as zero;
``name??`` may be missing besides, where only some accounts have it. Any other field that is
missing, null or empty is absent, and never counts as zero.

``… if path`` applies only if that field is present, ``… if a == b`` and ``… if a != b`` only if
that holds of two sums, of which a whole number may be one. Of several formulas, the first one that
applies and whose fields are all present counts.
"""


def alternatives(formula: Formula) -> tuple[str, ...]:
    """The formulas in order; the first one whose fields are all present counts."""
    return (formula,) if isinstance(formula, str) else formula


@dataclass(frozen=True)
class OwnKey:
    """A step of a path: in a list of keys, the key of the request, found by this field."""

    field: str


@dataclass(frozen=True)
class TheRow:
    """A step of a path: in a list, the only row that fits.

    Attributes:
        without: A field that it does not have, or has empty; ``""`` for none, of a list of one.
        says: Fields, and what they must say where it has them.
    """

    without: str
    says: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, hash=False)

    def fits(self, row: Any) -> bool:
        """Whether it is ``row``."""
        if not isinstance(row, dict) or row.get(self.without) not in (None, ""):
            return False
        return all(row.get(name) in (None, *values) for name, values in self.says.items())


Path = tuple[str | int | OwnKey | TheRow, ...]


@dataclass(frozen=True)
class Holdings:
    """Where the raw response lists its entries, one for each currency.

    Attributes:
        path: Keys and positions from the top; ``()`` is the response itself.
        form: ``rows``: a list with one entry per currency. ``named``: entries by the name of the
            currency. ``single``: one entry. ``lines``: a list with one amount per line, which
            ``kind`` names; the lines of one currency form its entry.
        name: The field with the currency's name. For ``single`` it may be ``=`` and the name
            itself.
        only: What an entry must contain to count: field to values.
        never: What an entry must not contain: it marks a placeholder.
        kind: For ``lines``: the field that names the amount.
        amount: For ``lines``: the field with the amount.
        worth: Where the response reports the total value in dollars: if it is a cent or more, an
            empty list is not accepted as an empty wallet.
        says: What the response says of itself, by path: if it says anything else, it is the
            response of another account, and a failure.
        suffixes: Ends of names under which a currency is listed besides, and spent as itself.
        adds: Several entries of one currency are added up. Otherwise they are a failure.
        or_one: An answer without a list that names a currency is the entry of that one.
        more: Where ccxt joins pages: the field that is true if more follow. An incomplete list is a
            failure.
        source: ``info``: what ccxt keeps of the response. ``response``: the response as it came, if
            ccxt keeps too little to tell an empty list from a response without one. ``unified``:
            ccxt's own ``free``, ``used`` and ``total``.
    """

    path: Path = ()
    form: Literal["rows", "named", "single", "lines"] = "rows"
    name: str = ""
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    never: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    kind: str = ""
    amount: str = ""
    worth: Path = ()
    says: Mapping[Path, tuple[Any, ...]] = field(default_factory=dict)
    suffixes: tuple[str, ...] = ()
    adds: bool = False
    or_one: bool = False
    more: str = ""
    source: Literal["info", "response", "unified"] = "info"


@dataclass(frozen=True)
class Withheld:
    """A basis that is not available on some accounts, as a field of the response says.

    Attributes:
        basis: The basis.
        field: A field of the entry, or with ``/`` of the response: one of ``values``, or a nonzero
            amount.
        code: The reason. A loan is none where the number is a debt even with the loan in it.
        is_amount: The field is an amount, which must be present unless it ends with ``?``; a flag
            need not be.
        values: What the field says of such accounts.
        over: The field is an amount, which such accounts have above this sum, or above zero.
    """

    basis: BalanceBasis
    field: str
    code: Code
    is_amount: bool = False
    values: tuple[Any, ...] = (True, "true", "True")
    over: Formula = ()

    def __str__(self) -> str:
        """As docs/venues.md writes it."""
        name = f"`{self.field.lstrip('/').removesuffix('?')}`"
        if self.over:
            sums = ", else ".join(f"`{each}`" for each in alternatives(self.over))
            return f"{name} above {sums}"
        if self.values == ("",):
            return f"an empty {name}"
        is_flag = self.is_amount or True in self.values
        return name if is_flag else f"{name} of `{', '.join(map(str, self.values))}`"


@dataclass(frozen=True)
class Pace:
    """How often a venue may be called: nine tenths of what it documents, as others call it too.

    Attributes:
        weight_per_minute: From this machine's address, for one pool's endpoint; None if the venue
            counts by account only.
        key_requests: With one key, in any ``key_seconds``.
    """

    weight_per_minute: int | None = 1080
    key_requests: int = 9
    key_seconds: int = 1


@dataclass(frozen=True)
class BalanceCall:
    """How one pool is requested, and which number of the response is its balance.

    Attributes:
        params: Arguments of ccxt's ``fetch_balance``. ``{currency}`` and ``{currency_lower}`` in a
            text stand for the account's currency.
        holdings: Where the response lists the currencies. A response without that is a failure.
        formulas: Each available basis, and its formula.
        refused: Each unavailable basis, and the reason.
        options: ccxt options that keep it from guessing or probing the account mode.
        omits_empty: The venue documents that it omits currencies without a balance, so a missing
            currency is zero. Otherwise it is a failure.
        pools_margin: A field that is present where all currencies together are the margin: what is
            free of one is not available while another one falls short.
        shows: For ``unified``: by what ccxt's ``total`` is judged: ``parts``: it must be free and
            used. ``profit``: the raw response must show whether a PnL is in it.
        scales: ccxt shifts the decimals of amounts by what it knows of currencies, so that the
            venue's list of them is requested first.
        currencies: The account currencies of this call; None for all others.
        currency_ids: The venue's name of a currency in a request, if it differs.
        withheld: Bases that are not available on some accounts.
        weight: What one request counts for in the venue's limits.
        pace: Those limits.
        owner: Where the response says whose account it is about; ``()`` if it does not.
        told_at: Where it says when it was made; ``()`` if only its ``Date`` header does.
        has_own_address: No two requests have the same address, or none can be answered by a cache.
            Where they have the same one, the venue documents no parameter that could tell them
            apart, and ``Cache-Control`` alone asks for a new answer.
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
    pools_margin: str = ""
    shows: Literal["", "parts", "profit"] = ""
    scales: bool = False
    weight: int = 1
    pace: Pace = Pace()
    owner: Path = ()
    told_at: Path = ()
    has_own_address: bool = False

    def currency_id(self, currency: str) -> str:
        """The venue's name of ``currency`` in a request."""
        return self.currency_ids.get(currency, currency)

    def params_for(self, currency: str) -> dict[str, Any]:
        """``params`` for an account in ``currency``."""
        names = {"currency": currency, "currency_lower": currency.lower()}
        return {
            key: value.format(**names) if isinstance(value, str) else value
            for key, value in self.params.items()
        }


By = Mapping[InstrumentKind, tuple[str, ...]]
"""By kind of instrument, the path of a field of the raw market."""

SPOT_IN_BASE = {InstrumentKind.SPOT: AmountUnit.BASE}


def units(linear: AmountUnit, inverse: AmountUnit) -> Mapping[InstrumentKind, AmountUnit]:
    """What the amount of an order counts, where spot orders are in base units."""
    return {**SPOT_IN_BASE, InstrumentKind.LINEAR: linear, InstrumentKind.INVERSE: inverse}


def everywhere(*path: str) -> By:
    """The same path for linear and inverse contracts."""
    return {InstrumentKind.LINEAR: path, InstrumentKind.INVERSE: path}


@dataclass(frozen=True)
class MarginLevels:
    """Where the raw market lists its margin by the size of a position.

    Attributes:
        path: The list of levels.
        starts: The fields that say from which value on a level counts; the first present counts.
        margin: The field with the initial margin, as a part of the value.
    """

    path: tuple[str, ...]
    starts: tuple[str, ...]
    margin: str


@dataclass(frozen=True)
class MarginSteps:
    """Fields of the raw market by which margin grows with the size of a position, in amounts.

    Attributes:
        margin: The initial margin of the first level, as a part of the value.
        more_margin: What each next level adds to it.
        first: Up to which amount the first level goes.
        step: How much further each next one does.
        levels: How many there are; the last one has no end.
    """

    margin: str
    more_margin: str
    first: str
    step: str
    levels: str


@dataclass(frozen=True)
class BracketsQuestion:
    """One question for brackets, which many instruments share.

    Attributes:
        params: Its arguments.
        only: What the raw market of an instrument that it is about says, by field; None where it
            does not have the field.
        method: The method of ccxt's client, if it is not that of the call.
        key_mode: The wallet mode of the accounts with whose keys it may be asked; None if it needs
            no key.
    """

    params: Mapping[str, Any]
    only: Mapping[str, Any] = field(default_factory=dict)
    method: str = ""
    key_mode: WalletMode | None = None


@dataclass(frozen=True)
class BracketsCall:
    """Where a venue lists margin by the size of a position, beside its list of markets.

    A list of levels, or of tables of them, each with the name of what it is about.

    Attributes:
        method: The method of ccxt's client.
        endpoint: What it asks, as docs/venues.md writes it.
        questions: What it is asked.
        market: The field of the raw market with the name under which its levels are listed.
        name: Where an entry of the list has that name: a field, or a position.
        leverage: The field of a level with the highest leverage.
        ends: The field of a level with the largest size that it is for.
        starts: The field with the size that it starts from, if it does not say where it ends. With
            neither, the highest leverage of all levels is that of any size, and no more is told.
        multiple: The field of an entry that says how many times the usual sizes an account has:
            what one has above them is not what others have.
        path: The list; ``()`` is the response itself.
        levels: Where an entry of the list has its levels; ``()`` if it is one.
        flat_below: A name that is a number below this one is the leverage for any size, and is not
            listed.
        about: Which contracts it is about, as docs/venues.md says it; empty for all.
        in_amounts: Sizes are in what an order's amount counts, else in the settle currency.
        wallet_modes: Of which accounts this is true; none for all.
        names: The argument for the names that are asked for, if all at once cannot be had.
        names_at_once: How many of them it takes.
        requests_at_once: How many may wait for their answer.
        starts_anywhere: One sync may not get through all names, so each starts where chance says.
        cursor: Where the response has the ``cursor`` of the next page; an empty one ends them.
        page_size: How many names a page has where ``offset`` says at which it starts.
        pause_seconds: From one request to the next, by the limits that the venue documents.
    """

    method: str
    endpoint: str
    questions: tuple[BracketsQuestion, ...]
    market: str
    name: str | int
    leverage: str
    ends: str = ""
    starts: str = ""
    multiple: str = ""
    path: Path = ()
    levels: Path = ()
    flat_below: int = 0
    about: str = ""
    in_amounts: bool = False
    wallet_modes: frozenset[WalletMode] = frozenset()
    names: str = ""
    names_at_once: int = 1
    requests_at_once: int = 1
    starts_anywhere: bool = False
    cursor: Path = ()
    page_size: int = 0
    pause_seconds: float = 0.1

    @property
    def tells_sizes(self) -> bool:
        """Whether it tells more than the highest leverage of any size."""
        return bool(self.ends or self.starts)


@dataclass(frozen=True)
class RulesCall:
    """How the instrument rules are requested, and what of them ccxt does not pass on.

    Attributes:
        amount_units: What the amount of an order counts, as ccxt's ``create_order`` takes it there,
            for each kind of instrument; steps and limits are in it too.
        market_buy_units: By wallet mode, what the amount of a spot market order to buy counts,
            where it is something else: ccxt passes on there what it is given.
        price_digits: To how many digits ccxt rounds, up as well as down, the price of a limit order
            and the money of a spot market order to buy; 0 where it rounds as the venue does.
        unknown_units: By wallet mode, the kinds of which it is not known what an amount counts.
        options: ccxt options for the request: only what can be traded here.
        precision_mode: Of quantities, if it differs from the one that ccxt states for the venue.
        min_costs: Minimum order value by quote currency, for instruments without one.
        max_costs: Maximum order value by quote currency, for instruments without one.
        steps: Where the raw market has the smallest order, if ccxt knows no step. That is an amount
            which is accepted, and so a multiple of the step: so are its own multiples.
        most: Where the raw market has the maximum of any order, by kind.
        market_most: Where it has the maximum of a market order.
        market_sell_most: Where it has the maximum of a market order to sell.
        dearest: Where it has the maximum value of any order.
        market_dearest: Where it has the maximum value of a market order.
        market_buy_dearest: Where it has the maximum value of a market order to buy.
        values_in_dollars: These values are dollars, so they bound what is quoted in dollars only.
        market_dearest_by_leverage: The maximum value of a market order from a maximum leverage on,
            the highest first.
        limit_dearest_times: How many times that a limit order may be worth.
        max_leverage: The fields with the maximum leverage, if ccxt does not pass it on. The lowest
            of several counts.
        margin_rates: Where it has initial margins, as a part of the value, in place of a maximum
            leverage. The highest of them bounds it.
        invents_max_leverage: ccxt has a maximum leverage of contracts that the venue does not tell.
        margins: Where it has the margin by the size of a position.
        brackets: Where that is asked, if the market has none.
        keyed_brackets: Where it is told to a key only. They are asked first, with the key of an
            account, and ``brackets`` about what they have not told.
        no_brackets: Why none is there, as docs/venues.md says it of a venue that trades futures.
        last_price: The field of the raw ticker with the last price, if ccxt's own ticker has none:
            there ccxt ignores the exact numbers that it was told to make.
        settle_is_lower_case: The venue's paths name the settle currency in lower case.
    """

    amount_units: Mapping[InstrumentKind, AmountUnit] = field(default_factory=dict)
    market_buy_units: Mapping[WalletMode, AmountUnit] = field(default_factory=dict)
    price_digits: int = 0
    unknown_units: Mapping[WalletMode, frozenset[InstrumentKind]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    precision_mode: PrecisionMode | None = None
    min_costs: Mapping[str, Decimal] = field(default_factory=dict)
    max_costs: Mapping[str, Decimal] = field(default_factory=dict)
    steps: By = field(default_factory=dict)
    most: By = field(default_factory=dict)
    market_most: By = field(default_factory=dict)
    market_sell_most: By = field(default_factory=dict)
    dearest: By = field(default_factory=dict)
    market_dearest: By = field(default_factory=dict)
    market_buy_dearest: By = field(default_factory=dict)
    values_in_dollars: bool = False
    market_dearest_by_leverage: tuple[tuple[Decimal, Decimal], ...] = ()
    limit_dearest_times: int = 1
    max_leverage: tuple[str, ...] = ()
    margin_rates: tuple[tuple[str, ...], ...] = ()
    invents_max_leverage: bool = False
    margins: MarginLevels | MarginSteps | None = None
    brackets: BracketsCall | None = None
    keyed_brackets: tuple[BracketsCall, ...] = ()
    no_brackets: str = ""
    last_price: str = ""
    settle_is_lower_case: bool = False

    def amount_unit(self, kind: InstrumentKind, contract_size: Decimal) -> AmountUnit | None:
        """What an order's amount counts there; None where it is not known.

        Contracts of one base unit are base units, so there it need not be known.
        """
        unit = self.amount_units.get(kind)
        if unit is None and kind is not InstrumentKind.INVERSE and contract_size == 1:
            return AmountUnit.BASE
        return unit

    @property
    def asks_for_brackets(self) -> bool:
        """Whether there is anything to ask for brackets, with a key or without."""
        return self.brackets is not None or bool(self.keyed_brackets)

    def brackets_hold_for(self, wallet_mode: WalletMode) -> bool:
        """Whether the brackets of an instrument are those of accounts in that mode."""
        return (
            self.brackets is None
            or not self.brackets.wallet_modes
            or wallet_mode in self.brackets.wallet_modes
        )


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
    owner: Path = (),
    told_at: Path = (),
    has_own_address: bool = False,
) -> BalanceCall:
    """A spot wallet whose response has free and locked amounts; nothing is unrealised."""
    whole = f"{free} + {locked}"
    return BalanceCall(
        params=params,
        holdings=holdings,
        formulas={WALLET: whole, EQUITY: whole, FREE: free},
        options=options or {},
        omits_empty=omits_empty,
        weight=weight,
        pace=pace,
        owner=owner,
        told_at=told_at,
        has_own_address=has_own_address,
    )

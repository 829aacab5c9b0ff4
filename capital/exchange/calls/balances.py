"""How a venue's balances are asked for, and which number of its response is which."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from capital.domain.balances import BalanceBasis
from capital.domain.reasons import Code
from capital.exchange.calls.places import Formula, Path, alternatives

WALLET, EQUITY, FREE = BalanceBasis.WALLET, BalanceBasis.EQUITY, BalanceBasis.FREE


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

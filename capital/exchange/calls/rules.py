"""How a venue's rules of instruments and their leverage brackets are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from capital.domain.pools import WalletMode
from capital.domain.sizing.instruments import AmountUnit, InstrumentKind, PrecisionMode
from capital.exchange.calls.places import Path

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

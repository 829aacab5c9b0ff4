"""What ccxt's symbol of an instrument says about it: ``BTC/USDT``, ``BTC/USD:BTC-241227``."""

import re
from dataclasses import dataclass
from functools import lru_cache

from capital.domain.sizing.instruments import InstrumentKind

_SYMBOL = re.compile(r"(?P<base>[^/:]+)/(?P<quote>[^/:]+?)(?::(?P<settle>[^/:-]+)(?:-[^/:]+)?)?\Z")


@dataclass(frozen=True)
class Symbol:
    """The parts of a symbol.

    Attributes:
        base: The base coin.
        quote: What its price is in.
        settle: What it is paid in; on spot the quote currency.
        kind: What its quantities count.
    """

    base: str
    quote: str
    settle: str
    kind: InstrumentKind


@lru_cache(maxsize=4096)
def parse_symbol(text: str) -> Symbol | None:
    """The parts of a symbol in ccxt's notation; None where it is none."""
    match = _SYMBOL.match(text)
    if match is None:
        return None
    base, quote, settle = match["base"], match["quote"], match["settle"]
    if settle is None:
        return Symbol(base, quote, quote, InstrumentKind.SPOT)
    is_inverse = settle == base and settle != quote
    return Symbol(
        base, quote, settle, InstrumentKind.INVERSE if is_inverse else InstrumentKind.LINEAR
    )

"""Accounts of every simulated venue, and by hand what their venues tell of trading."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from capital.domain.performance.flows import FlowKind
from capital.domain.pools import Pool

_S, _F, _U = Pool.SPOT, Pool.FUTURES, Pool.UNIFIED
DEPOSIT, TRANSFER = FlowKind.DEPOSIT, FlowKind.TRANSFER


@dataclass(frozen=True)
class Desk:
    """One pool of one venue, and what is told of it.

    In the texts ``s`` stands for spot, ``l`` for linear and ``i`` for inverse instruments.

    Attributes:
        trades: Which kinds it trades.
        hedges: Whether fills say which position they are of, on an account that holds both.
        clients: Of which kinds fills carry the client order id.
        realised: Of which kinds fills say what was realised, without fees.
        fees: Which fees a fill of spot can have: in the base coin, in further coins, or only in the
            quote currency; ``untold`` where none is told.
        position: What a position says that it realised: ``net`` of fees and funding, ``gross``, or
            nothing.
        marks: Of which kinds positions have a mark, and say what is unrealised.
        unmarked: Of which kinds they say only the latter.
        told_at: When a position was ``updated`` or ``opened``, or nothing.
        funding: Of which kinds it is told.
        moves: As what a deposit and a withdrawal are told; None: not.
    """

    venue: str
    pool: Pool
    trades: str
    currency: str = "USDT"
    hedges: bool = False
    clients: str = ""
    realised: str = ""
    fees: tuple[str, ...] | str = ()
    position: str = ""
    marks: str = "li"
    unmarked: str = ""
    told_at: str = "updated"
    funding: str = ""
    moves: FlowKind | None = None

    @property
    def name(self) -> str:
        """For the list of tests."""
        return f"{self.venue}-{self.pool}-{self.currency}"


DESKS: Sequence[Desk] = (
    Desk("binance", _S, "s", moves=DEPOSIT),
    Desk("binance", _F, "li", hedges=True, realised="li", funding="li", moves=TRANSFER),
    Desk("binance", _U, "sli", hedges=True, realised="li", funding="li", moves=TRANSFER),
    Desk(
        "bybit", _U, "sli", clients="sli", realised="sli", position="net", funding="li",
        moves=DEPOSIT,
    ),
    Desk(
        "okx", _U, "sli", hedges=True, clients="sli", realised="sli", position="net", funding="li",
        moves=TRANSFER,
    ),
    Desk("bitget", _S, "s"),
    Desk(
        "bitget", _F, "l", hedges=True, realised="l", position="gross", told_at="opened",
        funding="l", moves=TRANSFER,
    ),
    Desk(
        "bitget", _U, "sl", hedges=True, clients="sl", realised="sl", fees=("BGB",),
        position="gross",
    ),
    Desk("gate", _S, "s", clients="s", fees=("GT", "POINT")),
    Desk("gate", _F, "l", clients="l", position="net", funding="l", moves=TRANSFER),
    Desk("gate", _F, "i", "BTC", clients="i", position="net", funding="i"),
    Desk(
        "gate", _U, "sl", clients="sl", fees=("GT",), position="net", funding="l", moves=TRANSFER,
    ),
    Desk("kucoin", _S, "s"),
    Desk("kucoin", _F, "li", hedges=True, position="net", told_at="opened"),
    Desk(
        "kucoin", _U, "sli", hedges=True, clients="sli", position="net", told_at="opened",
        funding="li",
    ),
    Desk("kraken", _S, "s", "USD", fees="quote", moves=DEPOSIT),
    Desk(
        "krakenfutures", _F, "li", "USD", clients="li", fees="untold", marks="", funding="li",
        moves=TRANSFER,
    ),
    Desk("coinbase", _S, "s", "USD", fees="quote"),
    Desk("coinbase", _F, "l", "USD", fees="quote", told_at=""),
    Desk("hyperliquid", _S, "s", "USDC", clients="s", realised="s", moves=TRANSFER),
    Desk(
        "hyperliquid", _F, "l", "USDC", clients="l", realised="l", told_at="", funding="l",
        moves=DEPOSIT,
    ),
    Desk(
        "hyperliquid", _U, "sl", "USDC", clients="sl", realised="sl", told_at="", funding="l",
        moves=DEPOSIT,
    ),
    Desk(
        "deribit", _U, "sl", "USDC", clients="sl", realised="sl", position="gross", told_at="",
        moves=DEPOSIT,
    ),
    Desk("deribit", _U, "i", "BTC", clients="i", realised="i", position="gross", told_at=""),
    Desk("mexc", _S, "s", clients="s"),
    Desk("mexc", _F, "li", hedges=True, realised="li", position="cut", marks="", funding="li"),
    Desk("htx", _S, "s", fees=("HBPOINT",)),
    Desk(
        "htx", _F, "li", hedges=True, clients="l", realised="li", marks="l", unmarked="i",
        told_at="updated", funding="l",
    ),
    Desk("bingx", _S, "s"),
    Desk(
        "bingx", _F, "l", hedges=True, realised="l", position="cut", funding="l", moves=TRANSFER,
    ),
    Desk("upbit", _S, "s", "KRW", clients="s", fees="quote"),
    Desk("bithumb", _S, "s", "KRW", clients="s", fees="quote"),
)  # fmt: skip

AS_ORDERS = frozenset({"upbit", "bithumb"})
"""They tell of orders as a whole."""

MARK = Decimal(62500)
"""What a bitcoin costs wherever it is traded."""

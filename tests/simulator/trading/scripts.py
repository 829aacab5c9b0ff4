"""One script for every desk: what is traded there, and what is to be read to the last digit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from capital.domain.performance.flows import FlowKind
from capital.domain.sizing.orders import PositionSide, Side
from capital.exchange.trading.contract import Instrument, ReadFill, ReadFlow, ReadPosition
from capital.simulator.state import SimulatedAccount
from tests.simulator.trading.desks import AS_ORDERS, DEPOSIT, MARK, Desk

D = Decimal
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGE_ID = "9007199254740993123"
"""Above 2^53: a float would lose its last digits."""


@dataclass(frozen=True)
class Told:
    """A step of the script, and what is read of it; None where the venue does not tell it."""

    told: Mapping[str, Any]
    read: Any = None


def step_at(begins: datetime, hours: int) -> int:
    """Unix milliseconds."""
    return (begins + timedelta(hours=hours) - _EPOCH) // timedelta(milliseconds=1)


class Script:
    """What one desk trades in three days."""

    def __init__(
        self, desk: Desk, instruments: Mapping[str, Instrument], begins: datetime, *, hedged: bool
    ) -> None:
        self.desk, self._begins, self._hedged = desk, begins, hedged
        by_kind: dict[str, Any] = {}
        for symbol, one in instruments.items():
            if symbol.startswith("BTC/") and "-" not in symbol:
                if one.kind.value == "linear" and one.quote != desk.currency:
                    continue
                by_kind[one.kind.value[0] if one.kind.value != "inverse" else "i"] = one
        self.by_kind = by_kind
        self._hour = 0

    def _at(self) -> tuple[int, datetime]:
        self._hour += 4
        return step_at(self._begins, self._hour), self._begins + timedelta(hours=self._hour)

    def steps(self) -> Iterator[Told]:
        """In the order of time."""
        for kind, steps in (("s", self._spot), ("l", self._linear), ("i", self._inverse)):
            if kind in self.desk.trades:
                yield from steps(self.by_kind[kind])
        if self.desk.moves is not None:
            yield from self._moves()

    def _spot(self, one: Instrument) -> Iterator[Told]:
        if self.desk.venue in AS_ORDERS:
            yield from self._orders(one)
            return
        paid = {
            "quote": [("25.00025", one.quote)],
            "untold": [],
        }.get(str(self.desk.fees), [("0.0005", one.base)])
        more = self.desk.fees if isinstance(self.desk.fees, tuple) else ()
        paid += [("0.125", coin) for coin in more]
        yield self._fill("s", one, "buy", "0.5", "50000.5", paid, "0", row_id="1001")
        rebate = [("-0.51" if self.desk.fees != "quote" else "10.2", one.quote)]
        yield self._fill(
            "s", one, "sell", "0.123456", "51000.25", rebate, "0", maker=True, row_id=LARGE_ID
        )

    def _linear(self, one: Instrument) -> Iterator[Told]:
        short: Any = {"position_side": "short"} if self._hedged else {}
        coin = one.settle
        yield self._fill("l", one, "sell", "0.2", "60000", [("6", coin)], "0", **short)
        yield self._fill(
            "l", one, "buy", "0.05", "58000", [("-0.29", coin)], "100", maker=True, **short
        )
        yield self._funding("l", one, "-1.5", **short)
        yield self._funding("l", one, "0.25", **short)
        if self._hedged:
            long: Any = {"position_side": "long"}
            yield self._fill("l", one, "buy", "0.1", "59000", [("2.95", coin)], "0", **long)

    def _inverse(self, one: Instrument) -> Iterator[Told]:
        long: Any = {"position_side": "long"} if self._hedged else {}
        coin, size = one.settle, one.contract_size
        yield self._fill("i", one, "buy", "3", "40000", [("0.00001", coin)], "0", **long)
        # 1 ÷ 40,000 − 1 ÷ 50,000 of each dollar.
        realised = str(size * D("0.000005"))
        yield self._fill("i", one, "sell", "1", "50000", [("0.00002", coin)], realised, **long)
        yield self._funding("i", one, "0.0001", **long)

    def _orders(self, one: Instrument) -> Iterator[Told]:
        """An order of one fill, and one of two, which is told as a whole."""
        at, moment = self._at()
        buys = {"symbol": one.symbol, "side": "buy", "quantity": "0.5", "price": "90000000"}
        fee = [{"amount": "22500", "currency": "KRW"}]
        yield Told(
            {**buys, "at": at, "fees": fee, "order_id": "o1", "client_order_id": "grid-1"},
            self._order(one, Side.BUY, "0.5", "90000000", moment, "22500", "o1"),
        )
        at, moment = self._at()
        sells = {
            "symbol": one.symbol,
            "side": "sell",
            "order_id": "o2",
            "client_order_id": "grid-1",
        }
        fee = [{"amount": "4600", "currency": "KRW"}]
        first = {"quantity": "0.1", "price": "91000000", "at": at, "fees": fee}
        yield Told({**sells, **first, "is_maker": True})
        second = {"quantity": "0.1", "price": "93000000", "at": at + 60_000, "fees": fee}
        yield Told(
            {**sells, **second, "is_maker": True},
            self._order(one, Side.SELL, "0.2", "92000000", moment, "9200", "o2"),
        )

    def _order(
        self,
        one: Instrument,
        side: Side,
        quantity: str,
        price: str,
        at: datetime,
        fee: str,
        order_id: str,
    ) -> ReadFill:
        return ReadFill(
            symbol=one.symbol,
            side=side,
            position_side=PositionSide.BOTH,
            quantity=D(quantity),
            price=D(price),
            contract_size=D(1),
            executed_at=at,
            order_id=order_id,
            client_order_id="grid-1",
            fees=((D(fee), "KRW"),),
        )

    def _fill(
        self,
        kind: str,
        one: Instrument,
        side: str,
        quantity: str,
        price: str,
        fees: Sequence[tuple[str, str]],
        realised: str,
        *,
        maker: bool = False,
        position_side: str = "both",
        row_id: str = "",
    ) -> Told:
        at, moment = self._at()
        number = row_id or str(2000 + self._hour)
        desk = self.desk
        client = "0xabc" if desk.venue == "hyperliquid" else "t-grid-7"
        told = {
            "symbol": one.symbol,
            "side": side,
            "position_side": position_side,
            "quantity": quantity,
            "price": price,
            "at": at,
            "fees": [{"amount": amount, "currency": currency} for amount, currency in fees],
            "is_maker": maker,
            "id": number,
            "order_id": f"{number}7",
            "client_order_id": client,
        }
        read = ReadFill(
            symbol=one.symbol,
            side=Side(side),
            position_side=PositionSide(position_side),
            quantity=D(quantity),
            price=D(price),
            contract_size=one.contract_size,
            executed_at=moment,
            venue_fill_id=number,
            order_id=f"{number}7",
            client_order_id=client if kind in desk.clients else "",
            fees=()
            if desk.fees == "untold"
            else tuple((D(amount), currency) for amount, currency in fees),
            realized_reported=D(realised) if kind in desk.realised else None,
            liquidity="maker" if maker else "taker",
        )
        return Told(told, read)

    def _funding(
        self, kind: str, one: Instrument, amount: str, position_side: str = "both"
    ) -> Told:
        at, moment = self._at()
        told: dict[str, Any] = {
            "kind": "funding",
            "symbol": one.symbol,
            "position_side": position_side,
            "currency": one.settle,
            "amount": amount,
            "at": at,
            "id": str(at if self.desk.venue in ("hyperliquid", "kucoin") else 3000 + self._hour),
        }
        read = ReadFlow(FlowKind.FUNDING, one.settle, D(amount), moment, one.symbol, told["id"])
        return Told(told, read if kind in self.desk.funding else None)

    def _moves(self) -> Iterator[Told]:
        currency = self.desk.currency
        is_deposit = self.desk.moves is DEPOSIT
        for amount, kind in (("500.25", FlowKind.DEPOSIT), ("-31", FlowKind.WITHDRAWAL)):
            at, moment = self._at()
            told_kind = kind if is_deposit else FlowKind.TRANSFER
            row_id = str(4000 + self._hour)
            told = {
                "kind": told_kind.value,
                "currency": currency,
                "amount": amount,
                "at": at,
                "id": row_id,
                **({"fee": "1"} if is_deposit and amount == "-31" else {}),
            }
            yield Told(told, ReadFlow(told_kind, currency, D(amount), moment, "", row_id))

    def positions(self) -> Sequence[ReadPosition]:
        """What is open after it."""
        found = []
        if "l" in self.desk.trades:
            one = self.by_kind["l"]
            side = PositionSide.SHORT if self._hedged else PositionSide.BOTH
            # 100 realised, 6 − 0.29 of fees, and 1.25 of funding.
            found.append(
                self._position("l", one, side, "-0.15", "60000", "-375", "100", "93.04", 4, 16)
            )
            if self._hedged:
                long = PositionSide.LONG
                found.append(
                    self._position("l", one, long, "0.1", "59000", "350", "0", "-2.95", 20, 20)
                )
        if "i" in self.desk.trades:
            one, size = self.by_kind["i"], self.by_kind["i"].contract_size
            side = PositionSide.LONG if self._hedged else PositionSide.BOTH
            # 1 ÷ 40,000 − 1 ÷ 62,500 of each dollar.
            pnl, gross = str(2 * size * D("0.000009")), str(size * D("0.000005"))
            net = str(D(gross) - D("0.00003") + D("0.0001"))
            opened = self._hour - 8 - (8 if self.desk.moves is not None else 0)
            found.append(
                self._position("i", one, side, "2", "40000", pnl, gross, net, opened, opened + 8)
            )
        return found

    def _position(
        self,
        kind: str,
        one: Instrument,
        side: PositionSide,
        quantity: str,
        entry: str,
        pnl: str,
        gross: str,
        net: str,
        opened: int,
        updated: int,
    ) -> ReadPosition:
        desk = self.desk
        offset = 8 if "s" in desk.trades and kind == "l" else 0
        hours = {"opened": opened + offset, "updated": updated + offset}.get(desk.told_at)
        if desk.venue in ("htx",) and kind == "i":
            hours = None
        realised = {"net": D(net), "gross": D(gross), "cut": D(net).quantize(D("0.0001"))}
        return ReadPosition(
            symbol=one.symbol,
            position_side=side,
            quantity=D(quantity),
            settle=one.settle,
            contract_size=one.contract_size,
            entry_price=D(entry),
            mark_price=MARK if kind in desk.marks else None,
            unrealised=D(pnl) if kind in desk.marks + desk.unmarked else None,
            realised=realised.get(desk.position),
            told_at=None if hours is None else self._begins + timedelta(hours=hours),
        )


def account_of(desk: Desk, number: int, secret: str, passphrase: str) -> SimulatedAccount:
    """An account with enough of everything."""
    much = {"KRW": "100000000000"}.get(desk.currency, "1000000")
    coins = dict.fromkeys(("BTC", "BGB", "GT", "POINT", "HBPOINT"), "1")
    return SimulatedAccount(
        venue=desk.venue,
        api_key=f"key-{desk.venue}-{number}",
        api_secret=secret,
        api_passphrase=passphrase,
        currency=desk.currency,
        wallets={desk.pool: {**coins, desk.currency: much}},
    )

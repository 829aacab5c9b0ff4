"""Answers of venues about trading, with what they say by hand; read over HTTP through ccxt."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from capital.domain.performance.symbols import parse_symbol
from capital.domain.pools import Pool
from capital.exchange.ccxt.fills import CcxtTrading
from capital.exchange.trading.contract import FillsQuestion, Instrument, TradingRequest
from capital.exchange.trading.rows import Call
from capital.exchange.trading.venues import trading_of
from tests.exchange.asking import request_for, simulated_account
from tests.exchange.readings.plain_server import PlainServer

_HERE = Path(__file__)
SINCE = datetime(2009, 1, 1, tzinfo=UTC)
_DECIMALS = {"quantity", "price", "contract_size", "realized_reported", "entry_price"}
_DECIMALS |= {"mark_price", "unrealised", "realised", "amount"}


class _EveryPath(dict[str, Any]):
    """One answer for whatever is asked."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self._body = body

    def __contains__(self, _: object) -> bool:
        return True

    def get(self, *_: object) -> Any:
        """The answer."""
        return self._body


def all_in(folder: str) -> Mapping[str, dict[str, Any]]:
    """The answers in a folder beside this module, by venue and name."""
    return {
        f"{path.stem}-{name}": {"venue": path.stem, **case}
        for path in sorted(_HERE.with_name(folder).glob("*.json"))
        for name, case in json.loads(path.read_text(encoding="utf-8")).items()
    }


def instrument(case: Mapping[str, str]) -> Instrument:
    """An instrument as the venue's list of markets would give it."""
    parsed = parse_symbol(case["symbol"])
    assert parsed is not None
    return Instrument(
        symbol=case["symbol"],
        market_id=case["market_id"],
        kind=parsed.kind,
        base=parsed.base,
        quote=parsed.quote,
        settle=parsed.settle,
        contract_size=Decimal(case.get("contract_size", "1")),
    )


def request_of(case: Mapping[str, Any]) -> TradingRequest:
    """The account that is asked about."""
    given = {"currency": case["currency"]} if "currency" in case else {}
    account = simulated_account(case["venue"], **given)
    return TradingRequest(
        request_for(account, [case["pool"]]),
        Pool(case["pool"]),
        tuple(instrument(each) for each in case["instruments"]),
    )


def call_of(case: Mapping[str, Any]) -> Call[Any]:
    """The call whose answer it is."""
    rows: Mapping[Pool, Sequence[Call[Any]]] = getattr(trading_of(case["venue"]), case["what"])
    call: Call[Any] = rows[Pool(case["pool"])][case["call"]]
    return call


def read(case: Mapping[str, Any], body: Any = None) -> Any:
    """What is read of the case's answer, or of ``body`` in its place, in a span of its time."""
    moments = [
        datetime.fromisoformat(row[name])
        for row in case["reads"]
        if isinstance(row, dict)
        for name in ("executed_at", "occurred_at")
        if name in row
    ]
    since = min(moments, default=SINCE) - timedelta(seconds=1)
    span = max(moments, default=SINCE) - since + timedelta(seconds=1)
    with PlainServer(_EveryPath(case["answer"] if body is None else body)) as server:
        return asked(case, server.base_url, since=since, span=span)


def asked(
    case: Mapping[str, Any],
    base_url: str,
    *,
    since: datetime = SINCE,
    span: timedelta = timedelta(hours=1),
) -> Any:
    """What is read of a server's answers to the case's call."""
    request, call = request_of(case), call_of(case)
    gateway = CcxtTrading(venue_urls={case["venue"]: base_url}, concurrency=1)
    if case["what"] == "fills":
        one = request.instruments[0] if call.by_symbol else None
        question = FillsQuestion(call, since, since + span, one)
        return gateway.fetch_fills(request, [question])[0]
    if case["what"] == "positions":
        return gateway.fetch_positions(request, [call])[0]
    return gateway.fetch_flows(request, [call], since=since, until=since + span)[0]


def as_told(row: Any) -> dict[str, Any]:
    """A row as the files beside this module write it."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(row).items()
    }


def by_hand(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is written by hand, with its numbers as such."""
    read = {name: _number(name, value) for name, value in row.items()}
    if "fees" in read:
        read["fees"] = tuple((Decimal(amount), currency) for amount, currency in read["fees"])
    return read


def _number(name: str, value: Any) -> Any:
    return Decimal(value) if name in _DECIMALS and value is not None else value

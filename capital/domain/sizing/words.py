"""The words of signals: what TradingView and other senders write, as the fields of an order.

Whoever sends a signal reads no answer. So what can be read in one way only is read, in any case;
what could be meant in two ways is refused. Fields that only inform are named here, once.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Any

from capital.domain.errors import InvalidAmount, InvalidOrder
from capital.domain.money import parse_amount, plain
from capital.domain.reasons import Code
from capital.domain.sizing.orders import HUNDRED, OrderType, PositionSide, Side, StakeOf
from capital.domain.sizing.targets import Meant, Target

# Kept with the delivery, and otherwise ignored: what TradingView's placeholders are sent as.
INFORMATIVE = frozenset(
    {
        "alert_name", "bot", "close", "comment", "contracts", "exchange", "high", "interval", "low",
        "market_position_size", "message", "open", "order_comment", "order_contracts", "order_id",
        "order_price", "plot", "plot_0", "plot_1", "prev_market_position",
        "prev_market_position_size", "prev_position", "strategy", "ticker", "time", "timenow",
        "volume",
    }
)  # fmt: skip
# What each side may be called.
_SIDE_NAMES = ("side", "action")
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_ACTIONS = (*_SIDES, *Target, "close", "close 33%")
_CLOSE = re.compile(r"close(?:\s+(?P<share>\d+(?:\.\d+)?)\s*%?)?\Z")
# Seconds, or milliseconds.
_UNIX = re.compile(r"\d{10}(?:\d{3})?")
_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")
_PERCENTS = ("qty_per", "risk_per")
_NUMBERS = (*_PERCENTS, "qty", "stake", "leverage", "price", "stop_price", "position_size")
_SIZES = ("qty_per", "risk_per", "qty", "stake")


def in_plain_words(body: Mapping[str, Any]) -> tuple[dict[str, Any], Meant | None]:
    """One order of a signal: its fields as ``OrderRequest`` has them, and what else it means.

    What only informs is left out. What is wrong in another way is left as it is.

    Returns:
        The fields, and the position or the close that is asked for; None: an order is.

    Raises:
        InvalidOrder: A word is not known, two of them contradict each other, or a placeholder was
            not filled in. ``field`` says which.
    """
    fields = {name: value for name, value in body.items() if name not in INFORMATIVE}
    for name, value in fields.items():
        refuse_placeholder(name, value)
    _lower(fields, "position_side", PositionSide)
    _lower(fields, "stake_of", StakeOf)
    _upper(fields, "order_type", OrderType)
    for name in _NUMBERS:
        if isinstance(value := fields.get(name), str):
            unit = "%" if name in _PERCENTS else ""
            fields[name] = value.strip().removesuffix(unit).rstrip()
    said, wanted = _said(fields), _wanted(fields)
    if wanted is not None and isinstance(said, Meant) and said.target is not wanted.target:
        raise InvalidOrder(Code.WORDS_CONTRADICT, field="position", words="action, position")
    # TradingView's order goes along with the position that it leads to.
    meant = wanted or said
    if not isinstance(meant, Meant):
        return fields if meant is None else {**fields, "side": meant}, None
    if meant.target in (Target.LONG, Target.SHORT):
        return fields, meant
    sizes = [name for name in _SIZES if fields.pop(name, None) is not None]
    fields.pop("stake_of", None)
    # Of a position that is flat, the alert for all positions has a size all the same.
    is_odd = wanted is None and isinstance(said, Meant) and said.is_close
    return fields, replace(meant, unused=", ".join(sizes) if is_odd else "")


def sent_at(body: Mapping[str, Any]) -> datetime | None:
    """When a signal was sent, by its ``timenow``; None where it says nothing of that.

    TradingView writes ``2026-11-24T03:00:00Z``. Unix seconds and milliseconds are read, too.

    Raises:
        ValueError: It says something that is no time.
    """
    told = body.get("timenow")
    if told is None:
        return None
    text = str(told).strip()
    if _UNIX.fullmatch(text):
        seconds = int(text[:10])
        return datetime.fromtimestamp(seconds, UTC)
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError
    return found


def _said(fields: dict[str, Any]) -> Any:
    """What ``side`` or ``action`` says: a side as it is, or what is meant; None: nothing."""
    named = [(name, fields.pop(name)) for name in _SIDE_NAMES if name in fields]
    said = [(name, _of_side(name, value)) for name, value in named]
    for (_, first), (name, other) in pairwise(said):
        if first != other:
            raise InvalidOrder(Code.WORDS_CONTRADICT, field=name, words="side, action")
    return said[0][1] if said else None


def _of_side(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    word = " ".join(value.casefold().split())
    if word in _SIDES:
        return _SIDES[word].value
    if word in list(Target):
        return Meant(Target(word))
    if match := _CLOSE.match(word):
        share = HUNDRED if match["share"] is None else Decimal(match["share"])
        if not 0 < share <= HUNDRED:
            raise InvalidOrder(Code.CLOSE_OUT_OF_RANGE, field=name, percent=plain(share))
        return Meant(Target.FLAT if share == HUNDRED else None, share, is_close=True)
    raise InvalidOrder(
        Code.UNKNOWN_SIDE, field=name, side=repr(value)[:40], known=", ".join(_ACTIONS)
    )


def _wanted(fields: dict[str, Any]) -> Meant | None:
    """What ``position`` and ``position_size`` say: the position that is to be held."""
    given = dict(_targets(fields))
    if len(set(given.values())) > 1:
        raise InvalidOrder(Code.WORDS_CONTRADICT, field="position_size", words=", ".join(given))
    return Meant(next(iter(given.values()))) if given else None


def _targets(fields: dict[str, Any]) -> Iterator[tuple[str, Target]]:
    if "position" in fields:
        value = fields.pop("position")
        word = value.strip().casefold() if isinstance(value, str) else value
        if word not in list(Target):
            raise InvalidOrder(
                Code.UNKNOWN_TARGET, field="position", position=repr(value)[:40],
                known=", ".join(Target),
            )  # fmt: skip
        yield "position", Target(word)
    if "position_size" in fields:
        try:
            size = parse_amount(fields.pop("position_size"))
        except InvalidAmount:
            raise InvalidOrder(
                Code.NUMBER_NOT_FINITE, field="position_size", name="position_size"
            ) from None
        yield "position_size", Target.of(size)


def placeholder_in(value: Any) -> str:
    """The first placeholder in a value that its sender did not fill in; empty where there is none.

    At most 60 characters of it.
    """
    found = _PLACEHOLDER.search(value) if isinstance(value, str) else None
    return "" if found is None else found[0][:60]


def refuse_placeholder(name: str, value: Any) -> None:
    """Refuse a field in which the sender did not fill in a placeholder.

    Raises:
        InvalidOrder: It names the field.
    """
    if placeholder := placeholder_in(value):
        raise InvalidOrder(Code.PLACEHOLDER_LEFT, field=name, placeholder=placeholder)


def _lower(fields: dict[str, Any], name: str, kind: type[StrEnum]) -> None:
    value = fields.get(name)
    if isinstance(value, str) and (word := value.strip().lower()) in list(kind):
        fields[name] = word


def _upper(fields: dict[str, Any], name: str, kind: type[StrEnum]) -> None:
    value = fields.get(name)
    if isinstance(value, str) and (word := value.strip().upper()) in list(kind):
        fields[name] = word

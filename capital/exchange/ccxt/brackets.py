"""Brackets that a venue tells beside its list of markets: the highest leverage by size.

Each row says where (``BracketsCall``). What was told before a failure is kept; the rest is unknown.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from capital.domain.errors import InvalidAmount
from capital.domain.pools import WalletMode
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules, LeverageBracket
from capital.domain.sizing.rounding import cut
from capital.exchange.calls.places import Path
from capital.exchange.calls.rules import BracketsCall, BracketsQuestion
from capital.exchange.ccxt.limits import MOST_LEVELS, limit, number

About = Sequence[tuple[InstrumentRules, Mapping[str, Any]]]
"""The rules of each instrument, with its raw market."""

_Level = Mapping[str, Any]
_Levels = Mapping[str, Sequence[_Level]]
_Portion = tuple[BracketsQuestion, Mapping[str, Any], About]
"""A question, the arguments of a request, and the instruments that its answer is about."""

# More than any venue has: pages that do not end are no answer.
_MOST_PAGES = 100


@dataclass(frozen=True)
class Told:
    """What a venue told, by symbol. What came before an error is kept.

    Attributes:
        brackets: From the smallest size.
        maxima: The highest leverage of any size, where no more than that is told.
    """

    brackets: dict[str, tuple[LeverageBracket, ...]] = field(default_factory=dict)
    maxima: dict[str, Decimal] = field(default_factory=dict)


async def ask_brackets(
    client: Any,
    call: BracketsCall,
    listed: About,
    told: Told,
    *,
    key_mode: WalletMode | None = None,
) -> int:
    """Ask for the brackets of ``listed``, and keep each complete answer in ``told``.

    Args:
        client: ccxt's client.
        call: What is asked.
        listed: The instruments; those that ``told`` has are left out.
        told: Where answers go, so that what was told before an error is not lost.
        key_mode: The wallet mode of the account whose key the client has; None for no key.

    Returns:
        How many questions the venue refused; the others went on.
    """
    rest = [each for each in listed if each[0].symbol not in told.brackets]
    portions = [
        portion
        for question in call.questions
        if question.key_mode is key_mode
        for portion in _portions(
            call, question, [each for each in rest if is_about(question, *each)]
        )
    ]
    if call.starts_anywhere and portions:
        start = random.randrange(len(portions))  # noqa: S311 - nobody gains by a guess
        portions = portions[start:] + portions[:start]
    return await _Asker(client, call, told).ask_all(portions)


def is_about(question: BracketsQuestion, rules: InstrumentRules, info: Mapping[str, Any]) -> bool:
    """Whether the answer to ``question`` is about an instrument."""
    is_contract = rules.kind is not InstrumentKind.SPOT
    return is_contract and all(info.get(name) == value for name, value in question.only.items())


def _portions(call: BracketsCall, question: BracketsQuestion, about: About) -> list[_Portion]:
    if not about:
        return []
    if not call.names:
        return [(question, question.params, about)]
    by_name: dict[str, list[tuple[InstrumentRules, Mapping[str, Any]]]] = defaultdict(list)
    for rules, info in about:
        by_name[info[call.market]].append((rules, info))
    return [
        (
            question,
            {**question.params, call.names: ",".join(names)},
            [each for name in names for each in by_name[name]],
        )
        for names in _batches(sorted(by_name), call.names_at_once)
    ]


def _batches(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]


class _Asker:
    """Sends requests, each a pause after the last one, and keeps what they tell."""

    def __init__(self, client: Any, call: BracketsCall, told: Told) -> None:
        self._client, self._call, self._told = client, call, told
        self._next_at = 0.0
        self._refused = 0

    async def ask_all(self, portions: Sequence[_Portion]) -> int:
        """Ask for each portion; a failure ends all. Returns how many the venue refused."""
        rest = iter(portions)
        askers = [
            asyncio.create_task(self._ask_each(rest)) for _ in range(self._call.requests_at_once)
        ]
        try:
            await asyncio.gather(*askers)
        finally:
            for asker in askers:
                asker.cancel()
            await asyncio.gather(*askers, return_exceptions=True)
        return self._refused

    async def _ask_each(self, portions: Iterator[_Portion]) -> None:
        from ccxt.base import errors

        for question, params, about in portions:
            try:
                levels = await self._levels(question, params)
            except (errors.OperationFailed, errors.AuthenticationError):
                raise
            except errors.ExchangeError:
                self._refused += 1
                continue
            for rules, info in about:
                self._keep(rules, str(info.get(self._call.market)), levels)

    def _keep(self, rules: InstrumentRules, name: str, levels: _Levels) -> None:
        found = levels.get(name, ())
        if not self._call.tells_sizes:
            if (highest := _highest(found, self._call)) is not None:
                self._told.maxima[rules.symbol] = highest
        elif brackets := _brackets(found, name, self._call, rules.kind):
            self._told.brackets[rules.symbol] = brackets

    async def _levels(self, question: BracketsQuestion, params: Mapping[str, Any]) -> _Levels:
        """The levels of all pages, by name."""
        found: dict[str, list[_Level]] = defaultdict(list)
        async for page in self._pages(question.method or self._call.method, params):
            for entry in page:
                name, levels = self._parts(entry)
                found[name].extend(levels)
        return found

    def _parts(self, entry: Any) -> tuple[str, Sequence[_Level]]:
        """The name that an entry is about, and its levels."""
        name = _at(entry, (self._call.name,))
        levels = _at(entry, self._call.levels) if self._call.levels else [entry]
        if name is None or not isinstance(levels, list):
            raise InvalidAmount(value=repr(entry)[:40], problem="it is no level")
        multiple = limit(_at(entry, (self._call.multiple,))) if self._call.multiple else None
        if multiple is not None and multiple > 1:
            levels = [_divided(level, self._call.ends, multiple) for level in levels]
        return str(name), levels

    async def _pages(self, method: str, params: Mapping[str, Any]) -> AsyncIterator[Sequence[Any]]:
        more: Mapping[str, Any] = {}
        if self._call.page_size:
            more = {"limit": self._call.page_size, "offset": 0}
        for position in range(1, _MOST_PAGES + 1):
            answer = await self._ask(method, {**params, **more})
            page = _at(answer, self._call.path)
            if not isinstance(page, list):
                raise InvalidAmount(value=repr(page)[:40], problem="it is no list of levels")
            yield page
            if self._call.cursor:
                cursor = _at(answer, self._call.cursor)
                if not cursor or not page:
                    return
                more = {"cursor": cursor}
            elif self._call.page_size:
                if len({self._parts(entry)[0] for entry in page}) < self._call.page_size:
                    return
                more = {**more, "offset": position * self._call.page_size}
            else:
                return
        raise InvalidAmount(value=str(_MOST_PAGES), problem="there are more pages")

    async def _ask(self, method: str, params: Mapping[str, Any]) -> Any:
        now = asyncio.get_running_loop().time()
        starts_at = max(now, self._next_at)
        self._next_at = starts_at + self._call.pause_seconds
        if starts_at > now:
            await asyncio.sleep(starts_at - now)
        return await getattr(self._client, method)(params)


def _at(found: Any, path: Path) -> Any:
    for step in path:
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and isinstance(step, int) and step < len(found):
            found = found[step]
        else:
            return None
    return found


def _divided(level: Any, name: str, by: Decimal) -> Any:
    """A level whose size is a part of what it says, with eight decimals, rounded down."""
    size = number(level.get(name)) if isinstance(level, dict) else None
    if size is None:
        return level
    return {**level, name: str(cut(Fraction(size) / Fraction(by), decimals=8))}


def _highest(levels: Sequence[_Level], call: BracketsCall) -> Decimal | None:
    """The highest leverage of any level; None where one of them has none."""
    if len(levels) > MOST_LEVELS:
        return None
    found = [
        limit(level.get(call.leverage)) if isinstance(level, dict) else None for level in levels
    ]
    return (
        None if None in found else max((each for each in found if each is not None), default=None)
    )


def _brackets(
    levels: Sequence[_Level], name: str, call: BracketsCall, kind: InstrumentKind
) -> tuple[LeverageBracket, ...]:
    """From the smallest size; none where a level lacks a number, or there is no end of them."""
    if not levels and name.isdecimal() and 0 < int(name) < call.flat_below:
        return (LeverageBracket(Decimal(name)),)
    found = []
    for level in levels:
        if not isinstance(level, dict) or len(levels) > MOST_LEVELS:
            return ()
        leverage = limit(level.get(call.leverage))
        # A level may start at zero, but not end there.
        size = number(level.get(call.starts)) if call.starts else limit(level.get(call.ends))
        if leverage is None or size is None:
            return ()
        found.append((size, leverage))
    found.sort()
    ends: list[Decimal | None] = [size for size, _ in found]
    if call.starts and ends:
        ends = [*ends[1:], None]
    name_of_size = "max_notional" if kind is InstrumentKind.LINEAR else "max_settled"
    if call.in_amounts:
        name_of_size = "max_amount"
    return tuple(
        LeverageBracket(leverage, **({} if end is None else {name_of_size: end}))
        for (_, leverage), end in zip(found, ends, strict=True)
    )

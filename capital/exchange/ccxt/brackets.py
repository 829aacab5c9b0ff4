"""Brackets that a venue tells beside its list of markets: the highest leverage by size.

Each row says where (``BracketsCall``). What was told before a failure is kept; the rest is unknown.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from capital.domain.errors import InvalidAmount
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules, LeverageBracket
from capital.exchange.ccxt.limits import MOST_LEVELS, limit
from capital.exchange.venue import BracketsCall, BracketsQuestion, Path
from capital.exchange.venues import Venue

Brackets = dict[str, tuple[LeverageBracket, ...]]
"""By symbol, from the smallest size."""

_Levels = Mapping[str, Sequence[Mapping[str, Any]]]

# More than any venue has: pages that do not end are no answer.
_MOST_PAGES = 100


async def ask_brackets(
    client: Any,
    venue: Venue,
    listed: Sequence[tuple[InstrumentRules, Mapping[str, Any]]],
    told: Brackets,
) -> int:
    """Ask for the brackets of ``listed``, and keep each complete answer in ``told``.

    Args:
        client: ccxt's client.
        venue: Its venue.
        listed: The rules of each instrument with its raw market.
        told: Where answers go, so that what was told before an error is not lost.

    Returns:
        How many questions the venue refused; the others went on.
    """
    from ccxt.base import errors

    call = venue.rules_call.brackets
    assert call is not None
    asker = _Asker(client, call)
    refused = 0
    for question in call.questions:
        about = [(rules, info) for rules, info in listed if _is_about(question, rules, info)]
        for params, some in _portions(call, question, about):
            try:
                levels = await asker.levels(params)
            except (errors.OperationFailed, errors.AuthenticationError):
                raise
            except errors.ExchangeError:
                refused += 1
                continue
            for rules, info in some:
                if brackets := _brackets(levels.get(info[call.market], ()), call, rules.kind):
                    told[rules.symbol] = brackets
    return refused


def _is_about(question: BracketsQuestion, rules: InstrumentRules, info: Mapping[str, Any]) -> bool:
    is_contract = rules.kind is not InstrumentKind.SPOT
    return is_contract and all(info.get(name) == value for name, value in question.only.items())


_About = Sequence[tuple[InstrumentRules, Mapping[str, Any]]]


def _portions(
    call: BracketsCall, question: BracketsQuestion, about: _About
) -> list[tuple[Mapping[str, Any], _About]]:
    """The arguments of each request, and the instruments that its answer is about."""
    if not about:
        return []
    if not call.names:
        return [(question.params, about)]
    by_name: dict[str, list[tuple[InstrumentRules, Mapping[str, Any]]]] = defaultdict(list)
    for rules, info in about:
        by_name[info[call.market]].append((rules, info))
    return [
        (
            {**question.params, call.names: ",".join(names)},
            [each for name in names for each in by_name[name]],
        )
        for names in _batches(sorted(by_name), call.names_at_once)
    ]


def _batches(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]


class _Asker:
    """Sends requests one after another, each a pause after the last one."""

    def __init__(self, client: Any, call: BracketsCall) -> None:
        self._client, self._call, self._has_asked = client, call, False

    async def levels(self, params: Mapping[str, Any]) -> _Levels:
        """The levels of all pages, by name."""
        found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        async for page in self._pages(params):
            for level in page:
                found[level[self._call.name]].append(level)
        return found

    async def _pages(self, params: Mapping[str, Any]) -> AsyncIterator[Sequence[Any]]:
        more: Mapping[str, Any] = {}
        if self._call.page_size:
            more = {"limit": self._call.page_size, "offset": 0}
        for number in range(1, _MOST_PAGES + 1):
            answer = await self._ask({**params, **more})
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
                if len({level[self._call.name] for level in page}) < self._call.page_size:
                    return
                more = {**more, "offset": number * self._call.page_size}
            else:
                return
        raise InvalidAmount(value=str(_MOST_PAGES), problem="there are more pages")

    async def _ask(self, params: Mapping[str, Any]) -> Any:
        if self._has_asked:
            await asyncio.sleep(self._call.pause_seconds)
        self._has_asked = True
        return await getattr(self._client, self._call.method)(params)


def _at(found: Any, path: Path) -> Any:
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _brackets(
    levels: Sequence[Mapping[str, Any]], call: BracketsCall, kind: InstrumentKind
) -> tuple[LeverageBracket, ...]:
    """From the smallest size; none where a level lacks a number, or there is no end of them."""
    found = []
    for level in levels:
        leverage, ends = limit(level.get(call.leverage)), limit(level.get(call.ends))
        if leverage is None or ends is None or len(levels) > MOST_LEVELS:
            return ()
        found.append((ends, leverage))
    field = "max_notional" if kind is InstrumentKind.LINEAR else "max_settled"
    if call.in_amounts:
        field = "max_amount"
    return tuple(LeverageBracket(leverage, **{field: ends}) for ends, leverage in sorted(found))
